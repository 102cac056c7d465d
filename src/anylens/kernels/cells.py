"""A mosaic seen small: one 2 x 2 cell of the filter in every 8 x 8 pixels, for what is measured over all of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

SPACING = 8


def cells(mosaic: Array) -> Array:
    """(4, h, w): the sites (0, 0), (1, 0), (0, 1), (1, 1), as (x, y), of the cell at the start of each 8 x 8 pixels.

    A picture narrower or lower than one cell has none: h or w is 0.
    """
    height, width = mosaic.shape
    tall, wide = (height + SPACING - 2) // SPACING, (width + SPACING - 2) // SPACING
    sites = [mosaic[y::SPACING, x::SPACING][:tall, :wide] for y in (0, 1) for x in (0, 1)]
    return np.stack(sites)


def colors_of(seen: Array, red_x: int, red_y: int) -> Array:
    """(3, h, w) R, G and B of `cells`, the two greens averaged."""
    red, blue = red_x + 2 * red_y, (1 - red_x) + 2 * (1 - red_y)
    first, second = (k for k in range(4) if k not in (red, blue))
    return np.stack([seen[red], (seen[first] + seen[second]) / 2, seen[blue]])


def spread(small: Array, height: int, width: int) -> Array:
    """(height, width) of a (h, w) map seen small: each point over its SPACING x SPACING pixels, the last ones on."""
    rows = np.minimum(np.arange(height) // SPACING, small.shape[0] - 1)
    columns = np.minimum(np.arange(width) // SPACING, small.shape[1] - 1)
    whole: Array = small[rows[:, None], columns]
    return whole
