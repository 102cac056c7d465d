"""The looks that ship: TOML files that say how a photo differs from the default recipe."""

from __future__ import annotations

from pathlib import Path

from anylens.darkroom.recipe import Recipe, parse
from anylens.darkroom.stages import STAGES, default_recipe
from anylens.refusal import Refusal, near

_FOLDER = Path(__file__).with_name("looks")


def looks() -> dict[str, str]:
    """Name -> one sentence, for every look that ships."""
    import tomllib

    texts = {place.stem: place.read_text("utf-8") for place in sorted(_FOLDER.glob("*.toml"))}
    return {name: str(tomllib.loads(text).get("about", "")) for name, text in texts.items()}


def look(name: str) -> Recipe:
    """The recipe of a look; Refusal with the near names for one that is not there."""
    known = looks()
    if name not in known:
        raise Refusal(f"there is no look '{name}'; {near(name, known)}")
    return parse((_FOLDER / f"{name}.toml").read_text("utf-8"), STAGES, default_recipe())
