"""Rows of a picture to the coded scan of a JPEG: serial chains, so in C (jpeg_scan.c), not Halide.

It takes 0.64 of imagecodecs' time (25 MP of photograph at quality 95, one core, AVX-512).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import instruction_set, plain_function

SIDE, LONGEST_CODE, ROOM = 8, 16, 4
ZIGZAG = sorted(range(SIDE * SIDE), key=lambda at: (sum(d := divmod(at, SIDE)), d[sum(d) % 2 == 0]))
"""Where the coefficients of a block stand in it, row after row, in the order in which they are coded."""


class _Kind(ctypes.Structure):
    """Kind of jpeg_scan.c."""

    _fields_ = [
        ("factors", ctypes.c_float * (SIDE * SIDE)),
        ("first", ctypes.c_uint32 * 12),
        ("others", ctypes.c_uint32 * 256),
    ]


class _Picture(ctypes.Structure):
    """Picture of jpeg_scan.c."""

    _fields_ = [
        ("pixels", ctypes.c_void_p),
        ("stride", ctypes.c_int64),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("luma", _Kind),
        ("chroma", _Kind),
    ]


class Scan:
    """Codes pictures by steps of quantisation, 64 in the zigzag's order, and Huffman codes, both for luma and chroma.

    `codes` are those of DC and of AC coefficients: 16 counts by length, then the symbols in the order of their codes
    (ITU-T T.81, annex C), among which all are that a picture can need.
    """

    def __init__(self, steps: Sequence[bytes], codes: Sequence[tuple[bytes, bytes]]) -> None:
        self._kinds = [_kind(*both) for both in zip(steps, codes, strict=True)]
        self._function = plain_function(f"anylens_jpeg_scan_{instruction_set()}")
        if self._function is not None:
            self._function.restype = ctypes.c_int64

    @property
    def compiled(self) -> bool:
        """Whether there is machine code to do it."""
        return self._function is not None

    def __call__(self, picture: npt.NDArray[np.uint8]) -> bytes:
        """The coded scan of a picture (H, W, 3), interleaved, without markers, its last byte filled up with ones."""
        height, width, _ = picture.shape
        if picture.dtype != np.uint8 or picture.strides[1:] != (3, 1):
            raise ValueError(f"a scan is made of interleaved bytes, not of {picture.dtype} by {picture.strides}")
        asked = _Picture(picture.ctypes.data, picture.strides[0], width, height, *self._kinds)
        room, size = picture.size // 2 + (1 << 16), -1
        while size < 0:
            coded = np.empty(room, np.uint8)
            size = self._function(ctypes.byref(asked), ctypes.c_void_p(coded.ctypes.data), ctypes.c_int64(room))
            room *= ROOM
        return coded[:size].tobytes()


def _kind(steps: bytes, codes: tuple[bytes, bytes]) -> _Kind:
    kind = _Kind()
    wave = np.cos(np.arange(SIDE) * np.pi / (2 * SIDE)) * np.sqrt(2.0)
    wave[0] = 1.0
    table = np.empty(SIDE * SIDE)
    table[ZIGZAG] = list(steps)
    # What Arai's transform leaves out.
    kind.factors[:] = (1.0 / (SIDE * np.outer(wave, wave) * table.reshape(SIDE, SIDE))).T.ravel().tolist()
    for place, stated in ((kind.first, codes[0]), (kind.others, codes[1])):
        for symbol, code in _codes(stated).items():
            place[symbol] = code
    return kind


def _codes(stated: bytes) -> Mapping[int, int]:
    """Of each symbol its code << 8 | its bits."""
    found, code, symbols = {}, 0, iter(stated[LONGEST_CODE:])
    for bits, count in enumerate(stated[:LONGEST_CODE], 1):
        for _ in range(count):
            found[next(symbols)] = code << 8 | bits
            code += 1
        code <<= 1
    return found
