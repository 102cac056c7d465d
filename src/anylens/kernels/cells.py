"""A mosaic seen small: 2 x 2 cells of the filter some pixels apart, for what is measured over all of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

SPACING = 8
"""How many pixels cells lie apart at least; wherever it is another spacing, it is a multiple of this."""


def cells(mosaic: Array, spacing: int = SPACING) -> Array:
    """(4, h, w): the sites (0, 0), (1, 0), (0, 1), (1, 1), as (x, y), of a cell every `spacing` pixels each way.

    A picture narrower or lower than one cell has none: h or w is 0.
    """
    height, width = mosaic.shape
    tall, wide = (height + spacing - 2) // spacing, (width + spacing - 2) // spacing
    sites = [mosaic[y::spacing, x::spacing][:tall, :wide] for y in (0, 1) for x in (0, 1)]
    return np.stack(sites)


def colors_of(seen: Array, red_x: int, red_y: int) -> Array:
    """(3, h, w) R, G and B of `cells`, the two greens averaged."""
    red, blue = red_x + 2 * red_y, (1 - red_x) + 2 * (1 - red_y)
    first, second = (k for k in range(4) if k not in (red, blue))
    return np.stack([seen[red], (seen[first] + seen[second]) / 2, seen[blue]])


def spread(small: Array, height: int, width: int, spacing: int = SPACING) -> Array:
    """(height, width) of a (h, w) map seen small: each point over its `spacing` pixels each way, the last ones on."""
    rows = np.minimum(np.arange(height) // spacing, small.shape[0] - 1)
    columns = np.minimum(np.arange(width) // spacing, small.shape[1] - 1)
    whole: Array = small[rows[:, None], columns]
    return whole
