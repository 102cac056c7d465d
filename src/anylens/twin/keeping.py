"""Light that was formed before, kept on disk for the next frame: whole or not at all, never more than the bound."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BOUND_BYTES = 4 << 30
BLOCK_BYTES = 1 << 20
Arrays = dict[str, npt.NDArray[Any]]


def folder() -> Path:
    """Where light is kept: `anylens/light` in the XDG cache folder."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home.startswith("/") else Path.home() / ".cache") / "anylens" / "light"


@cache
def code() -> bytes:
    """What the twin's own sources and figures are, so that nothing is taken from another version's light."""
    digest = hashlib.sha256()
    room = Path(__file__).parent
    for path in sorted(room.rglob("*")):
        if path.suffix in (".py", ".toml"):
            digest.update(path.relative_to(room).as_posix().encode() + path.read_bytes())
    return digest.digest()


def remembered(key: str | None, make: Callable[[], Iterable[tuple[str, npt.NDArray[Any]]]]) -> Arrays:
    """The arrays kept under a key, else made and kept, each as it comes; made each time without a key."""
    if key is None:
        return dict(make())
    found = kept(key)
    return keep(key, make()) if found is None else found


def name(*parts: object) -> str:
    """A key for what these parts, this version of the twin included, make."""
    return hashlib.sha256(repr(parts).encode() + code()).hexdigest()[:32]


def kept(key: str) -> Arrays | None:
    """The arrays kept under a key, read-only and mapped, or None."""
    place = folder() / key
    try:
        found = {path.stem: np.load(path, mmap_mode="r") for path in sorted(place.glob("*.npy"))}
        os.utime(place)
    except (OSError, ValueError):
        return None
    return found or None


def keep(key: str, arrays: Iterable[tuple[str, npt.NDArray[Any]]]) -> Arrays:
    """Keeps arrays under a key and gives them back; where the disk does not take them, they are only given back.

    Each is written while the next is made.
    """
    place = folder() / key
    partial = place.with_name(f".{key}-{secrets.token_hex(6)}.part")
    made: Arrays = {}
    written: list[Future[bool]] = []
    try:
        with ThreadPoolExecutor(2) as pool:
            for name, array in arrays:
                made[name] = array
                written.append(pool.submit(_taken, partial / f"{name}.npy", array))
        if all(each.result() for each in written):
            with suppress(OSError):
                partial.rename(place)
                _bound(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return made


def _taken(place: Path, array: npt.NDArray[Any]) -> bool:
    """Whether the disk took an array."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _write(place, np.ascontiguousarray(array))
    except OSError:
        return False
    return True


def _write(place: Path, array: npt.NDArray[Any]) -> None:
    """Writes an array as `np.save` does, holes where a MiB of it is 0."""
    with place.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        flat = array.reshape(-1).view(np.uint8)
        for first in range(0, len(flat), BLOCK_BYTES):
            block = flat[first : first + BLOCK_BYTES]
            if block.max():
                file.write(block.data)
            else:
                file.seek(len(block), os.SEEK_CUR)
        file.truncate()


def _bound(newest: Path) -> None:
    """Drops what was not used for the longest time until the folder is within its bound."""
    with suppress(OSError):
        entries = sorted((path for path in folder().iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
        sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in entries}
        total = sum(sizes.values())
        for path in entries:
            if total <= BOUND_BYTES:
                break
            if path != newest:
                shutil.rmtree(path, ignore_errors=True)
                total -= sizes[path]
