"""Pixels that look defective and stay where they are while the scene moves: how they are told, how mended."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anylens.image import Pixels
from anylens.kernels.sites import MARGIN

Marked = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]
"""(2, n): rows and columns of pixels."""

HOT_SIGMA = 6.0


def stand_out(sites: Pixels, levels: Pixels, places: Places) -> Marked:
    """(n,): whether pixels of a frame are, beyond its noise, other than their neighbours of the same site.

    `sites` is (4, h, w) with margin, `levels` (2, 4) scale and offset of their noise.
    """
    at, calm = _site_of(places), _around(sites, places)
    scale, offset = levels[:, at[0]]
    return np.asarray(np.square(sites[at] - calm) > HOT_SIGMA**2 * (scale * np.maximum(calm, 0.0) + offset))


def mend(sites: Pixels, places: Places) -> None:
    """Make each of the pixels the median of its neighbours of the same site, in place."""
    sites[_site_of(places)] = _around(sites, places)


def _site_of(places: Places) -> tuple[Index, Index, Index]:
    row, column = places
    return row % 2 * 2 + column % 2, row // 2 + MARGIN, column // 2 + MARGIN


def _around(sites: Pixels, places: Places) -> Pixels:
    site, y, x = _site_of(places)
    around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    return np.asarray(np.median([sites[site, y + dy, x + dx] for dy, dx in around], axis=0), np.float32)
