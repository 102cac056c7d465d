"""The entropy-coded scan of a lossless JPEG to samples: one serial chain, so in C (lossless_jpeg.c), not Halide.

0.44 of imagecodecs' time for the 12 MP strip of a GoPro, 14 bits with predictor 6, on one core.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anylens.kernels.library import OUT_OF_MEMORY, plain_function

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TABLE_BYTES = 33


def decode_scan(
    scan: bytes, tables: Sequence[bytes], precision: int, predictor: int, shape: tuple[int, int], out: WriteableBuffer
) -> bool | None:
    """Fill `out`, contiguous, and tell whether the scan was whole; None: not compiled.

    `shape` is (height, width), of pixels with a sample of 16 bits for each component. `tables` holds for each component
    16 counts of codes by length and 17 categories (ITU-T T.81 annex C), checked. Raises ValueError for sizes that do
    not fit each other, MemoryError where there is no memory to work in.
    """
    function = plain_function("anylens_lossless_jpeg")
    if function is None:
        return None
    (height, width), components, size = shape, len(tables), memoryview(out).nbytes
    if size != 2 * height * width * components or any(len(table) != TABLE_BYTES for table in tables):
        raise ValueError(f"{width} x {height} pixels, their tables and {size} bytes for them do not fit each other")
    if not (1 <= components <= 4 and 2 <= precision <= 16 and 1 <= predictor <= 7):
        raise ValueError("a scan needs 1 to 4 components, 2 to 16 bits and one of seven predictors")
    code: int = function(
        scan, ctypes.c_size_t(len(scan)), b"".join(tables), components, precision, predictor, width, height,
        (ctypes.c_char * size).from_buffer(out),
    )  # fmt: skip
    if code == OUT_OF_MEMORY:
        raise MemoryError("lossless_jpeg found no memory to work in")
    return code == 0
