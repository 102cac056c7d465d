"""The looks that ship: TOML files that say how a photo differs from the default recipe."""

from __future__ import annotations

import difflib
import tomllib
from importlib.resources import files

from anylens.darkroom.recipe import Recipe, parse
from anylens.darkroom.stages import STAGES, default_recipe
from anylens.refusal import Refusal

_FOLDER = files("anylens.darkroom").joinpath("looks")


def looks() -> dict[str, str]:
    """Name -> one sentence, for every look that ships."""
    found = (item for item in _FOLDER.iterdir() if item.name.endswith(".toml"))
    texts = {item.name.removesuffix(".toml"): item.read_text("utf-8") for item in found}
    return {name: str(tomllib.loads(texts[name]).get("about", "")) for name in sorted(texts)}


def look(name: str) -> Recipe:
    """The recipe of a look; Refusal with the near names for one that is not there."""
    known = looks()
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, n=2, cutoff=0.4)
        raise Refusal(
            f"there is no look '{name}'; choose {' or '.join(near) if near else 'one of ' + ', '.join(known)}"
        )
    return parse(_FOLDER.joinpath(f"{name}.toml").read_text("utf-8"), STAGES, default_recipe())
