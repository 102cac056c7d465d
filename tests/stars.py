"""Frames of stars: how calm the sky is, how alike its neighbours are, how wide the stars are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import center_of_mass, maximum_filter
from scipy.optimize import least_squares

BLOCK, REACH = 16, 5


class Sky(NamedTuple):
    """`deviation` of the sky and its autocorrelation one pixel `across` and `down`."""

    deviation: float
    across: float
    down: float


def sky(plane: np.ndarray) -> Sky:
    """In the calmer half of blocks of 16 x 16."""
    height, width = (side // BLOCK * BLOCK for side in plane.shape)
    blocks = plane[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    blocks = blocks.swapaxes(1, 2).reshape(-1, BLOCK, BLOCK)
    spread = 1.4826 * np.median(np.abs(blocks - np.median(blocks, axis=(1, 2), keepdims=True)), axis=(1, 2))
    calm = blocks[spread < np.median(spread)]
    away = calm - calm.mean(axis=(1, 2), keepdims=True)
    away = np.clip(away, -4 * np.median(spread), 4 * np.median(spread))
    power = float((away**2).mean())
    across, down = (away[:, :, 1:] * away[:, :, :-1]).mean(), (away[:, 1:] * away[:, :-1]).mean()
    return Sky(float(np.median(spread[spread < np.median(spread)])), float(across) / power, float(down) / power)


def stars(plane: np.ndarray, most: int = 60, white: float = 0.8) -> list[tuple[int, int]]:
    """(y, x) of the brightest single stars that are not clipped, the brightest first."""
    peaks = (plane == maximum_filter(plane, 4 * REACH + 1)) & (plane > np.median(plane) + 40 * sky(plane).deviation)
    peaks &= plane < white
    border = 2 * REACH
    found = [(int(y), int(x)) for y, x in np.argwhere(peaks[border:-border, border:-border]) + border]
    return sorted(found, key=lambda at: -plane[at])[:most]


def widths(plane: np.ndarray, places: list[tuple[int, int]]) -> np.ndarray:
    """Full width at half maximum of each star in pixels, of a round bell on even ground fitted to it."""
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].astype(np.float64)
    found = []
    for row, column in places:
        part = plane[row - REACH : row + REACH + 1, column - REACH : column + REACH + 1].astype(np.float64)
        ground = float(np.median(part))
        middle = np.array(center_of_mass(np.maximum(part - ground, 0))) - REACH

        def left(at: np.ndarray, part: np.ndarray = part) -> np.ndarray:
            height, sigma, down, right, level = at
            bell = height * np.exp(-((y - down) ** 2 + (x - right) ** 2) / (2 * sigma * sigma))
            return np.asarray((bell + level - part).ravel())

        start = [part.max() - ground, 1.2, *middle, ground]
        found.append(2.3548 * abs(float(least_squares(left, start).x[1])))
    return np.array(found)
