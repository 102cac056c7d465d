"""Light between samples, read so that nothing moves.

OpenCV's cubic (a = -3/4) lays light up to 0.05 of a sample aside, by how far from a sample it is read: too much where
places are measured. A cubic B-spline laid upon the samples blurs a little, by 0.58 of a sample, everywhere alike, and
moves nothing (Unser, Aldroubi & Eden 1993). It is worked out twice a sample, as the spline of half the step that is
the same (OpenCV's pyramid has its weights), and read straight between.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_AT_SAMPLES = np.array([1.0, 4.0, 1.0], np.float32) / 6.0
_RIM = 2


class Between:
    """An image (H, W) that can be read at any place, its borders going on; it holds four times its samples.

    `last` (x, y) is where its last sample lies.
    """

    def __init__(self, image: npt.NDArray[Any]) -> None:
        import cv2

        height, width = image.shape
        plain = np.asarray(image, np.float32)
        whole = cv2.copyMakeBorder(plain, _RIM, _RIM, _RIM, _RIM, cv2.BORDER_REPLICATE)
        fine = cv2.pyrUp(whole)
        cv2.sepFilter2D(fine, cv2.CV_32F, _AT_SAMPLES, _AT_SAMPLES, fine)
        self._fine = fine[2 * _RIM : -2 * _RIM, 2 * _RIM : -2 * _RIM]
        self.last = np.array([width - 1.0, height - 1.0])

    def at(self, places: npt.ArrayLike, outside: float | None = None) -> Array:
        """(n, m) of light at places (n, m, 2), x right, y down, from the first sample's middle, in samples.

        With `outside` given that is what is read beyond the last samples.
        """
        import cv2

        places = np.asarray(places, np.float64)
        x, y = (np.asarray(2.0 * places[..., k], np.float32) for k in (0, 1))
        found = np.asarray(cv2.remap(self._fine, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
        if outside is None:
            return found
        inside = (places >= 0.0) & (places <= self.last)
        return np.where(inside.all(axis=-1), found, np.float32(outside))
