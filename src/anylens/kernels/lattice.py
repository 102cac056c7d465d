"""What one site of a colour filter would have seen at another place: filters for every shift by eighths of a pixel.

The light between samples is estimated from the 48 samples around, 8 x 8 without corners, of all colours, by the best
linear guess for pictures as they are (Trussell & Hartwig 2002, with the constraint that flat colour stays as it is):
detail is as strong in every octave, is cut by the lens, and is mostly common to the colours. As such a guess leaves the
finest detail weak, and it would stay weak in a mean of frames, a little more of it than is there is asked for. A shift
of whole cells gives the very sample that was counted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating[Any]]

PARTS = 8
POSITIONS = 2 * PARTS
CELLS = 4
READ = tuple((x, y) for y in range(CELLS) for x in range(CELLS) if {x, y} - {0, CELLS - 1})
TAPS = 4 * len(READ)
LENS_PX, OCTAVES = 0.8, 5.5
COLOR_PART, COLOR_PX, COLOR_OCTAVES = 0.25, 1.2, 4.5
MORE, MORE_PX = 0.08, 0.5
"""Asked for is light with MORE times what a Gaussian of MORE_PX would take from it, chosen so that slanted edges stay
nearly as sharp in a mean of eight frames as in one."""


@lru_cache(16)
def filters(letters: str, gains: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)) -> Array:
    """(POSITIONS^2, 4, TAPS) for a filter of 2 x 2 letters, such as RGGB, or GGGG for none.

    `gains` are what makes grey light of the four sites equal.

    The first axis is where the first site of a cell is looked for, down and across, in 1 / PARTS pixel from the cell
    that it begins in; the second the site; the third the samples of the cells -1 to 2 around that cell: four sites,
    of each the cells READ, (x, y) from the first.
    """
    site = np.repeat(np.arange(4), len(READ))
    column, row = np.tile(np.array(READ), (4, 1)).T
    places = np.stack([2 * (column - 1) + site % 2, 2 * (row - 1) + site // 2], 1).astype(np.float64)
    colors = np.array(list(letters))[site]
    present = sorted(set(letters))
    flat = np.stack([colors == color for color in present], 1).astype(np.float64)
    among = _likeness(places, places, colors, colors)
    none = np.zeros((len(present), len(present)))
    system = np.linalg.inv(np.block([[among, flat], [flat.T, none]]))[:, :TAPS]
    constraint = np.linalg.inv(np.block([[among, flat], [flat.T, none]]))[:, TAPS:]
    down, across = (axis.ravel() / PARTS for axis in np.mgrid[:POSITIONS, :POSITIONS])
    table = np.empty((POSITIONS**2, 4, TAPS))
    for target in range(4):
        wanted = np.stack([across + target % 2, down + target // 2], 1)
        own = np.array([letters[target]] * len(wanted))
        soft = _likeness(wanted, places, own, colors, MORE_PX)
        seen = (1.0 + MORE) * _likeness(wanted, places, own, colors) - MORE * soft
        unit = np.array([float(color == letters[target]) for color in present])
        table[:, target] = (seen @ system[:TAPS].T) + (constraint[:TAPS] @ unit)
        table[0, target] = (site == target) & (row == 1) & (column == 1)
    relative = np.array(gains)[site] / np.array(gains)[:, None]
    return np.ascontiguousarray(table * relative, np.float32)


def _likeness(one: Floats, two: Floats, colors: Any, others: Any, blur_px: float = 0.0) -> Floats:
    """How light at two lists of places, at the first blurred, goes together: Gaussians, one every half octave."""
    square, at = np.unique(((one[:, None] - two[None]) ** 2).sum(axis=2), return_inverse=True)
    grey, color = (
        _octaves(square, smallest, octaves, blur_px)[at].reshape(len(one), len(two))
        for smallest, octaves in ((LENS_PX, OCTAVES), (COLOR_PX, COLOR_OCTAVES))
    )
    return np.asarray(grey + COLOR_PART * np.where(colors[:, None] == others[None], 1.0, -0.5) * color)


def _octaves(square: Floats, smallest: float, octaves: float, blur_px: float) -> Floats:
    sizes = np.square(smallest * 2.0 ** np.arange(0.0, octaves, 0.5))
    wider = sizes + blur_px**2
    return np.asarray((sizes / wider * np.exp(-square[:, None] / (2.0 * wider))).mean(axis=1))
