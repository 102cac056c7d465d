"""Limits that stand before every decoder."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from anylens.refusal import Refusal

FileBytes: TypeAlias = bytes | mmap.mmap
"""All bytes of a file, in memory of ours or where the system keeps them."""

MOST_FILE_BYTES = 2_000_000_000
MOST_SIDE = 65_535
MOST_PIXELS = 400_000_000
MOST_PICTURE_BYTES = 2_400_000_000
SMALL_PIXELS = 4_000_000
"""Pictures up to here cost so little that how few bytes they are stored in is not asked."""
_MOST_SENT = 1 << 30

Read = TypeVar("Read")

DAMAGED = "the file is damaged, copy it from the camera again."


def load(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file; raises Refusal where there is no such file, or an empty or too large one."""
    return _let_in(Path(path), Path.read_bytes)


def shared(path: str | os.PathLike[str]) -> FileBytes:
    """As `load`, but where the system keeps the file anyway: to fill as much memory of ours takes ten times as long.

    It is read through once, so that an error of the disk is told here: in one call that copies nothing, since a thread
    that comes back to Python for each piece waits each time for the one that loads modules. Nobody may shorten the file
    while it is used.
    """
    return _let_in(Path(path), _mapped)


def _mapped(place: Path) -> FileBytes:
    with place.open("rb", buffering=0) as file:
        try:
            with Path(os.devnull).open("wb", buffering=0) as nowhere:
                read = 0
                while sent := os.sendfile(nowhere.fileno(), file.fileno(), read, _MOST_SENT):
                    read += sent
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)  # C is only given what may be written
        except OSError:  # not every system and file system can
            return place.read_bytes()


def _let_in(place: Path, read: Callable[[Path], Read]) -> Read:
    try:
        if place.is_dir():
            raise Refusal(f"{place} is a folder, a raw file is needed; name the files in it.")
        if not place.exists():
            raise Refusal(f"{place} does not exist; check its name.")
        if not place.is_file():
            raise Refusal(f"{place} is not an ordinary file; name a raw file.")
        size = place.stat().st_size
        if size == 0:
            raise Refusal(f"{place} is empty (0 bytes); copy it from the camera again.")
        if size > MOST_FILE_BYTES:
            raise Refusal(
                f"{place} has {size / 1e9:.1f} GB, files up to {MOST_FILE_BYTES / 1e9:.0f} GB are read; give a "
                "smaller one."
            )
        return read(place)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise Refusal(f"{place} cannot be read: {reason}; check its permissions and the disk.") from error
    except ValueError as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal(f"{str(place)!r} is not a file name; check it.") from error


def check_size(
    width: int, height: int, *, bytes_per_pixel: float, stored_bytes: int, most_pixels_per_byte: float
) -> None:
    """Refuses a picture that no file of this size can hold, or that memory should not be asked to hold.

    `bytes_per_pixel` is what a decoded pixel takes, `most_pixels_per_byte` how densely the format can store.
    """
    what = f"The image claims {width} x {height} pixels"
    if width <= 0 or height <= 0:
        raise Refusal(f"{what}; {DAMAGED}")
    if width > MOST_SIDE or height > MOST_SIDE:
        raise Refusal(f"{what}, sides up to {MOST_SIDE} are read; the file is damaged or forged.")
    if width * height > MOST_PIXELS:
        raise Refusal(f"{what}, up to {MOST_PIXELS // 1_000_000} megapixels are read; the file is damaged or forged.")
    if width * height * bytes_per_pixel > MOST_PICTURE_BYTES:
        raise Refusal(f"{what}, which would take more than {MOST_PICTURE_BYTES / 1e9:.1f} GB; crop or scale it first.")
    if width * height > stored_bytes * most_pixels_per_byte + SMALL_PIXELS:
        raise Refusal(f"{what} but holds only {stored_bytes} bytes of them; the file is truncated or forged.")
