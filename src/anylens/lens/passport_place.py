"""Where the passport of a lens on a body lies; most photos have none, so its records are loaded where it is found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.home import own_folder
from anylens.lens.model import Lens, plain
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lens.passport import Passport

SHIPPED = Path(__file__).parent / "passports"


def find_passport(lens: Lens, body: str) -> Passport | None:
    """The passport of a lens on a body, the user's before a shipped one, None where there is none.

    Where no file has the lens's very name, one of a lens that is meant by it will do (`lens.names`), if it is the only
    one. Raises Refusal where the file that ought to be it cannot be read.
    """
    name = file_name(lens, body)
    for folder in (own_passports(), SHIPPED):
        if (path := folder / name).is_file():
            from anylens.lens.passport_file import read_passport

            return read_passport(path)
    return _meant(lens, body)


def _meant(lens: Lens, body: str) -> Passport | None:
    """The one passport on a body whose lens is spelt differently; None where there is none, or more."""
    if not (paths := files_for(body)):
        return None
    from anylens.lens.names import alike
    from anylens.lens.passport_file import read_passport

    found = []
    for path in paths:
        try:
            passport = read_passport(path)
        except Refusal:
            continue  # it may be of quite another lens; who looks for that one is told
        if alike(passport.lens, lens):
            found.append(passport)
    return found[0] if len(found) == 1 else None


def file_name(lens: Lens, body: str) -> str:
    """What the file of a passport is called: lens and body in small letters, their words joined by hyphens."""
    return f"{_hyphened(f'{lens.maker} {lens.model}')}--{_hyphened(body)}.toml"


def files_for(body: str) -> list[Path]:
    """The passports of all lenses on a body, the user's before a shipped one of the same lens, by file name."""
    paths = {
        path.name: path for folder in (SHIPPED, own_passports()) for path in folder.glob(f"*--{_hyphened(body)}.toml")
    }
    return [paths[name] for name in sorted(paths)]


def own_passports() -> Path:
    """The folder of the user's own passports, which win over the shipped ones; it may not exist."""
    return own_folder() / "passports"


def _hyphened(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", plain(text)).strip("-.")
