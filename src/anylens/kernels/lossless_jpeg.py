"""The lossless JPEG pieces of an image to samples: serial chains, so in C (lossless_jpeg.c), not Halide.

A piece takes 0.44 of imagecodecs' time (the 12 MP strip of a GoPro, 14 bits with predictor 6, one core).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anylens.kernels.library import OUT_OF_MEMORY, plain_function

if TYPE_CHECKING:
    import mmap

    from _typeshed import WriteableBuffer


class _Pieces(ctypes.Structure):
    """Pieces of lossless_jpeg.c."""

    _fields_ = [
        ("file", ctypes.c_void_p),
        ("offsets", ctypes.POINTER(ctypes.c_uint64)),
        ("sizes", ctypes.POINTER(ctypes.c_uint64)),
        *((name, ctypes.c_int32) for name in ("count", "across", "piece_rows", "piece_row", "whole_rows")),
        ("height", ctypes.c_int32),
        ("row", ctypes.c_int32),
        ("image", ctypes.c_void_p),
        ("begun", ctypes.c_int32),
        ("problem", ctypes.c_int32),
    ]


class Pieces:
    """The pieces of an image, decoded into `out` by as many threads as call `work`, each piece by one of them.

    `offsets` and `sizes` say where they lie in `file`, row after row, `shape` is (rows, samples in a row) of the image,
    of 16 bits each, `piece` that of each piece, of which those on the right may reach beyond it, and the lowest where
    `whole_rows`. Raises ValueError for sizes that do not fit each other.
    """

    def __init__(
        self,
        file: bytes | bytearray | memoryview | mmap.mmap,
        offsets: Sequence[int],
        sizes: Sequence[int],
        shape: tuple[int, int],
        piece: tuple[int, int],
        whole_rows: bool,
        out: WriteableBuffer,
    ) -> None:
        (height, row), (piece_rows, piece_row) = shape, piece
        across, down = (-(-whole // part) for whole, part in ((row, piece_row), (height, piece_rows)))
        within = all(0 <= begin <= begin + size <= len(file) for begin, size in zip(offsets, sizes, strict=True))
        if len(offsets) != across * down or not within or memoryview(out).nbytes != 2 * height * row:
            raise ValueError(f"{len(offsets)} pieces do not fit {height} rows of {row} samples, the file or the memory")
        numbers = ctypes.c_uint64 * len(offsets)
        held: Any
        if isinstance(file, bytes) or memoryview(file).readonly:
            held = ctypes.c_char_p(bytes(file))  # whose bytes are not copied
            begin = ctypes.c_void_p.from_buffer(held).value
        else:
            held = (ctypes.c_char * len(file)).from_buffer(file)
            begin = ctypes.addressof(held)
        filled = (ctypes.c_char * (2 * height * row)).from_buffer(out)
        self._memory = held, filled
        self._pieces = _Pieces(
            begin, numbers(*offsets), numbers(*sizes),
            len(offsets), across, piece_rows, piece_row, whole_rows,
            height, row, ctypes.addressof(filled), 0, 0,
        )  # fmt: skip

    def work(self) -> bool:
        """Decode pieces until none is left to begin, or one is damaged or of a rare kind; False: not compiled.

        Raises MemoryError where there is no memory to work in.
        """
        function = plain_function("anylens_lossless_jpeg")
        if function is None:
            return False
        function(ctypes.byref(self._pieces))
        if self._pieces.problem == OUT_OF_MEMORY:
            raise MemoryError("lossless_jpeg found no memory to work in")
        return True

    @property
    def whole(self) -> bool:
        """Whether all are decoded, once nobody is at work."""
        return not self._pieces.problem and self._pieces.begun >= self._pieces.count
