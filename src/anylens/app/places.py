"""Where each photo goes, settled before the first file is touched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from anylens.app.voice import Usage
from anylens.refusal import Refusal

Until = Literal["mosaic", "scene", "photo"]

SUFFIXES: dict[Until, tuple[str, ...]] = {
    "photo": (".jpg", ".jpeg", ".tif", ".tiff"),
    "scene": (".tif", ".tiff"),
    "mosaic": (".dng",),
}


def places(sources: Sequence[Path], output: str | None, until: Until) -> list[Path]:
    """The file that each of `sources` becomes.

    `output` is a file (for one source), a folder, or None for beside the source. Raises Usage where two sources
    would become one file, a source would be overwritten, or the output is of a type that `until` cannot be.
    """
    suffixes = SUFFIXES[until]
    if output is None:
        planned = [_beside(source, source.parent, suffixes[0]) for source in sources]
    elif _is_folder(output, len(sources)):
        folder = Path(output)
        _passable(folder)
        planned = [_beside(source, folder, suffixes[0]) for source in sources]
    else:
        place = Path(output)
        if place.suffix.lower() not in suffixes:
            raise Usage(
                f"{output} cannot hold a {until}, written as {', '.join(suffixes)}; name such a file or a folder"
            )
        if not place.parent.is_dir():
            raise Usage(f"{output} cannot be written because {place.parent} is not a folder; make it or choose another")
        planned = [place]
    _refuse_clashes(sources, planned)
    return planned


def guard(place: Path) -> None:
    """Refuse to replace a file that anylens did not write, such as the camera's own JPEG beside a raw."""
    if place.is_file() and not _ours(place):
        raise Refusal(f"{place} exists and was not written by anylens, so it is left alone; name another place with -o")


def _is_folder(output: str, sources: int) -> bool:
    if Path(output).is_dir() or output.endswith(("/", os.sep)):
        return True
    if sources == 1:
        return Path(output).suffix == ""
    if Path(output).suffix.lower() in {suffix for group in SUFFIXES.values() for suffix in group}:
        raise Usage(f"{output} is one file but {sources} photos are to be written; give a folder with -o")
    return True


def _passable(folder: Path) -> None:
    for step in (folder, *folder.parents):
        if step.is_dir():
            return
        if step.exists() or step.is_symlink():
            raise Usage(f"{step} is a file where a folder should be; choose another folder with -o")


def _beside(source: Path, folder: Path, suffix: str) -> Path:
    place = folder / f"{source.stem}{suffix}"
    return folder / f"{source.stem}-developed{suffix}" if _key(place) == _key(source) else place


def _refuse_clashes(sources: Sequence[Path], planned: Sequence[Path]) -> None:
    inputs = {_key(source): source for source in sources}
    taken: dict[str, Path] = {}
    for source, place in zip(sources, planned, strict=True):
        key = _key(place)
        if key in inputs:
            raise Usage(f"{place} is one of the files to develop and would be overwritten; name another place with -o")
        if key in taken:
            raise Usage(
                f"{taken[key]} and {source} would both become {place}; develop them apart or give them different names"
            )
        taken[key] = source


def _key(path: Path) -> str:
    """Equal for paths that may be one file, also where the disk does not tell large from small letters."""
    return os.path.realpath(path).casefold()


def _ours(place: Path) -> bool:
    """Whether the file says that anylens wrote it: it does so in its Software tag, at the front or the end."""
    reach = 1 << 18
    with place.open("rb") as file:
        if b"anylens" in file.read(reach):
            return True
        file.seek(max(0, place.stat().st_size - reach))
        return b"anylens" in file.read(reach)
