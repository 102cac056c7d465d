"""Pictures to be looked at, such as the lab's: 8-bit colours into PNG or JPEG bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal

SUFFIXES = (".png", ".jpg", ".jpeg")
_QUALITY = 88


def encode_shown(pixels: npt.NDArray[np.uint8], suffix: str) -> bytes:
    """The bytes of a PNG or JPEG of (H, W, 3) or (H, W) pixels in sRGB; raises Refusal for any other suffix."""
    import imagecodecs

    even = np.ascontiguousarray(pixels, np.uint8)
    if suffix.lower() == ".png":
        png: Any = imagecodecs.png_encode
        return bytes(png(even, level=6))
    if suffix.lower() in (".jpg", ".jpeg"):
        return bytes(imagecodecs.jpeg8_encode(even, level=_QUALITY))
    known = " or ".join(SUFFIXES)
    raise Refusal(f"A picture is written as {known}, not as {suffix or 'a file without suffix'}; change the name.")
