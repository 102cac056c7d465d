"""How far two photos are apart to the eye: the judge of the golden pictures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.color import D65, convert, delta_e_2000, lab_from_xyz, rgb_to_xyz, srgb_decode, xyz_from_xy

MEAN, LARGEST = 0.3, 2.0
"""By how much a photo may differ from the kept one and still be the same to the eye."""


class Difference(NamedTuple):
    """CIEDE2000 over all pixels; `at` is the (row, column) of the largest."""

    mean: float
    largest: float
    at: tuple[int, int]

    @property
    def seen(self) -> bool:
        """Whether the eye may see it."""
        return self.mean > MEAN or self.largest > LARGEST


def compare(photo: npt.NDArray[np.generic], golden: npt.NDArray[np.generic]) -> Difference:
    """The difference of two sRGB photos (3, H, W), float 0 to 1 or uint8 or uint16; ValueError for unlike sizes."""
    if photo.shape != golden.shape or photo.ndim != 3 or photo.shape[0] != 3:
        raise ValueError(f"photos of (3, H, W) and one size can be compared, not {photo.shape} and {golden.shape}")
    apart = delta_e_2000(_lab(photo), _lab(golden))
    row, column = np.unravel_index(int(np.argmax(apart)), apart.shape)
    return Difference(float(apart.mean()), float(apart[row, column]), (int(row), int(column)))


def _lab(photo: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    full = float(np.iinfo(photo.dtype).max) if np.issubdtype(photo.dtype, np.integer) else 1.0
    signal = photo.astype(np.float64) / full
    if not np.all(np.isfinite(signal)):
        raise ValueError("a photo has pixels that are not numbers")
    return lab_from_xyz(convert(rgb_to_xyz("srgb"), srgb_decode(signal)), xyz_from_xy(D65))
