"""The raw files of a folder, as a card or a burst holds them."""

from __future__ import annotations

import re
from pathlib import Path

from anylens.refusal import Refusal

RAWS = {
    ".3fr", ".ari", ".arw", ".bay", ".bin", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".fit",
    ".fits", ".fts", ".gpr", ".iiq", ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef",
    ".ptx", ".raf", ".raw", ".rw2", ".rwl", ".rwz", ".sr2", ".srf", ".srw", ".x3f",
}  # fmt: skip
GREY = {".png"}
FINISHED = {".jpeg", ".jpg"}


def raws_in(folder: Path, *, finished: bool = False) -> list[Path]:
    """The raw files of a folder by name, shot-10 after shot-9; where there are none, PNGs, which may be bare mosaics.

    With `finished`, JPEGs where there are none of those either. Raises Refusal where nothing is found.
    """
    try:
        inside = sorted(
            (each for each in folder.iterdir() if each.is_file() and not each.name.startswith(".")), key=_natural
        )
    except OSError as error:
        raise Refusal(f"{folder} cannot be opened: {(error.strerror or 'no reason').lower()}; check it.") from error
    for suffixes in (RAWS, GREY, FINISHED)[: 3 if finished else 2]:
        found = [each for each in inside if _suffix(each) in suffixes]
        if found:
            return found
    holding = _holding(folder, FINISHED | RAWS if finished else RAWS)
    instead = f"those in it do ({holding}), name these" if holding else "name another folder"
    raise Refusal(f"{folder} holds no raw files{' and no JPEG' if finished else ''}; {instead}.")


def _holding(folder: Path, suffixes: set[str]) -> str:
    """The folders in a folder that hold such files, the first three by name."""
    inside = sorted((each for each in folder.iterdir() if each.is_dir()), key=_natural)
    found = [each.name for each in inside if any(_suffix(file) in suffixes for file in each.glob("*"))]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(found[:3]) + more


def _suffix(path: Path) -> str:
    """What the name ends on, before a .gz."""
    name = path.name.casefold().removesuffix(".gz")
    return Path(name).suffix


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    pieces = re.split(r"(\d+)", path.name.casefold())
    return [(int(each), "") if each.isdecimal() else (-1, each) for each in pieces], path.name
