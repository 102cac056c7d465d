"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import CDLL, c_int64
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from anylens.refusal import Refusal

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another disk",
    errno.EDQUOT: "your quota on this disk is used up; free some space or choose another disk",
    errno.EFBIG: "the file would be larger than this disk or account allows; choose another disk",
    errno.EACCES: "permission is denied; choose a folder that you may write to",
    errno.EPERM: "permission is denied; choose a folder that you may write to",
    errno.EROFS: "the disk is read-only; choose another one",
    errno.ENOENT: "its folder does not exist; create the folder first",
    errno.ENOTDIR: "a part of its path is a file where a folder should be; choose another path",
    errno.EISDIR: "it is a folder; give a file name",
    errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
    errno.ELOOP: "its links lead in a circle; choose another path",
}


@contextmanager
def whole(path: str | Path) -> Iterator[BinaryIO]:
    """An open binary file that takes its name only when the block has ended well and its bytes are on the disk.

    Until then a file of that name stays as it was; after an exception in the block nothing is left. A symbolic link
    is followed. Raises Refusal where the disk is full, the folder is missing or closed, or the name is not a file's.
    """
    try:
        target = Path(os.path.realpath(path))
        _may_become(target)
        partial = target.with_name(f".anylens-{os.urandom(8).hex()}.part")
        number = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            file = BufferedWriter(_Early(number, "wb"), 1 << 20)
            try:
                yield file
                file.flush()
                os.fsync(number)
            finally:
                with suppress(OSError):
                    file.close()
            partial.replace(target)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
        _settle(target.parent)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            reason = _REASONS.get(error.errno or 0, f"the system says '{error.strerror or error}'; choose another path")
        elif "null byte" in str(error):
            reason = "its name holds a NUL character; choose another name"
        else:
            raise
        raise Refusal(f"{_shown(path)} cannot be written: {reason}.") from error


_BEGIN_SYNC = getattr(CDLL(None), "sync_file_range", None) if os.name == "posix" else None
_BEGIN_TO_WRITE = 2
"""Linux: SYNC_FILE_RANGE_WRITE, which waits for nothing."""


class _Early(FileIO):
    """A file whose bytes begin to go to the disk as soon as they are written, so that little is left for the end."""

    def write(self, piece: Buffer, /) -> int:
        begin = self.tell()
        written = super().write(piece)
        if _BEGIN_SYNC is not None:
            _BEGIN_SYNC(self.fileno(), c_int64(begin), c_int64(written), _BEGIN_TO_WRITE)
        return written


def make_folder(folder: Path) -> None:
    """The folder and those above it, where they are missing; raises Refusal where they cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(
            f"{_shown(folder)} cannot be made ({error.strerror}); choose another place, or set XDG_DATA_HOME to one."
        ) from error


def _may_become(target: Path) -> None:
    """Raises where something other than a plain file has the name already, or the name is too long for the disk."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise Refusal(f"{_shown(target)} cannot be written: it is a device or a pipe, not a file; give a file name.")


def _settle(folder: Path) -> None:
    """Puts the new name itself on the disk, where the system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _shown(path: str | Path) -> str:
    return str(path).replace("\0", "\\0").replace("\n", " ")
