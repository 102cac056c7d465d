"""The entropy-coded scan of a lossless JPEG to samples: one serial chain, so in C (lossless_jpeg.c), not Halide.

0.44 of imagecodecs' time for the 12 MP strip of a GoPro, 14 bits with predictor 6, on one core.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import OUT_OF_MEMORY, plain_function

TABLE_BYTES = 33


def decode_scan(
    scan: npt.NDArray[np.uint8], tables: Sequence[bytes], precision: int, predictor: int, out: npt.NDArray[np.uint16]
) -> bool | None:
    """Fill `out`, (height, width x components) contiguous, and tell whether the scan was whole; None: not compiled.

    `tables` holds for each component 16 counts of codes by length and 17 categories (ITU-T T.81 annex C), checked.
    Raises ValueError for sizes that do not fit each other, MemoryError where there is no memory to work in.
    """
    function = plain_function("anylens_lossless_jpeg")
    if function is None:
        return None
    (height, width), components = out.shape, len(tables)
    if not 1 <= components <= 4 or width % components or any(len(table) != TABLE_BYTES for table in tables):
        raise ValueError(f"{width} samples a row, {components} components and their tables do not fit each other")
    if not (out.flags.c_contiguous and scan.flags.c_contiguous and 2 <= precision <= 16 and 1 <= predictor <= 7):
        raise ValueError("a scan needs contiguous arrays, 2 to 16 bits and one of seven predictors")
    code: int = function(
        ctypes.c_void_p(scan.ctypes.data), ctypes.c_size_t(scan.size), b"".join(tables), components, precision,
        predictor, width // components, height, ctypes.c_void_p(out.ctypes.data),
    )  # fmt: skip
    if code == OUT_OF_MEMORY:
        raise MemoryError("lossless_jpeg found no memory to work in")
    return code == 0
