"""Where the passport of a lens on a body lies; most photos have none, so its records are loaded where it is found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.home import own_folder
from anylens.lens.model import Lens, plain

if TYPE_CHECKING:
    from anylens.lens.passport import Passport

SHIPPED = Path(__file__).parent / "passports"


def find_passport(lens: Lens, body: str) -> Passport | None:
    """The passport of a lens on a body, the user's before a shipped one, None where there is none.

    Raises Refusal where the file that ought to be it cannot be read.
    """
    name = file_name(lens, body)
    for folder in (own_passports(), SHIPPED):
        if (path := folder / name).is_file():
            from anylens.lens.passport_file import read_passport

            return read_passport(path)
    return None


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
