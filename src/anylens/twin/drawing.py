"""One plane of a scene as a lens draws it: where its light will come to lie, then blurred."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from anylens.twin.blur import Grid, Picture, enlarged, spread_out
from anylens.twin.places import Net
from anylens.twin.scenes import Box, Plane
from anylens.twin.spreading import Spreads

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

STRIP = 64
"""Rows that are drawn at once: what drawing them needs stays in a core's own cache."""


def drawn(plane: Plane, grid: Grid, blur: Spreads, ways: Net, colors: Array, detail: int = 1) -> Array:
    """(3, h, w) of a plane in `colors` (P, 3) as the lens spreads it; a fourth is its cover, if any, as green sees it.

    `ways` is what to add to an observed place to get the ideal one; `detail` so many values stand to a pixel along
    each side.
    """
    kinds = [0, 1, 2] if plane.cover is None else [0, 1, 2, 1]
    every = max(1, grid.fine // detail)
    if plane.cover is None and not colors.any():
        sides = (side * grid.fine // every for side in (grid.height, grid.width))
        return np.zeros((len(kinds), *sides), np.float32)
    step_mm = grid.pitch_mm / grid.fine
    one = np.ones((1, 3), np.float32)
    part = None if plane.box is None else _part(ways, blur.moved, grid, plane.box)

    def draw(top: int, left: int, out: Array) -> None:
        rows, columns = out.shape[1:]
        x, y = grid.samples(left, columns, down=False), grid.samples(top, rows, down=True)
        places = _origins(_few_origins(ways, blur.moved, x, y), rows, columns)
        x_mm, y_mm = places[0::2], places[1::2]
        for first in range(0, rows, STRIP):
            strip = np.s_[:, first : first + STRIP]
            seen(x_mm[strip], y_mm[strip], out[strip])

    def seen(x_mm: Array, y_mm: Array, out: Array) -> None:
        if plane.cover is None:
            out[:] = plane.draw(colors, x_mm, y_mm, step_mm)
            return
        cover = plane.cover(one, x_mm, y_mm, step_mm)
        out[3] = cover[1]
        if colors.any() and cover.any():
            np.multiply(cover, plane.draw(colors, x_mm, y_mm, step_mm), out=out[:3])
        else:
            out[:3] = 0.0

    picture, threads = Picture(draw, kinds, part), os.cpu_count() or 1
    if not blur.smooth:
        return spread_out(grid, picture, blur, threads, every)
    even = replace(grid, width=grid.width + grid.width % 2, height=grid.height + grid.height % 2)
    return enlarged(spread_out(even, picture, blur, threads, 2), (grid.height, grid.width))


def _few_origins(ways: Net, moved: Net, x: Floats, y: Floats) -> Array:
    """(2 a channel, h, w): ideal x, y of every 32nd sample at columns x, rows y, of what a blur will not move."""
    columns, rows = _every_32nd(x), _every_32nd(y)
    few = ways.at(columns, rows) - moved.at(columns, rows)
    few[0::2] += columns.astype(np.float32)
    few[1::2] += rows.astype(np.float32)[:, None]
    return few


def _part(ways: Net, moved: Net, grid: Grid, box: Box) -> tuple[slice, slice]:
    """Rows and columns of samples beyond which nothing of a box is seen."""
    sides = (side * grid.fine for side in (grid.height, grid.width))
    y, x = (grid.samples(0, side, down=down) for side, down in zip(sides, (True, False), strict=True))
    few = _few_origins(ways, moved, x, y)
    left, top, right, bottom = box
    spare = 32.0 * grid.pitch_mm / grid.fine
    across = (few[0::2] > left - spare) & (few[0::2] < right + spare)
    down = (few[1::2] > top - spare) & (few[1::2] < bottom + spare)
    inside = np.any(across & down, axis=0)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(32 * (rows[0] - 2), 32 * (rows[-1] + 1)), slice(32 * (columns[0] - 2), 32 * (columns[-1] + 1))


def _origins(few: Array, rows: int, columns: int) -> Array:
    """(2 a channel, rows, columns): the ideal places of all samples, straight between few (within 0.02 um)."""
    import cv2

    dense = np.empty((len(few), 32 * few.shape[1], 32 * few.shape[2]), np.float32)
    for coarse, each in zip(few, dense, strict=True):
        cv2.resize(coarse, each.shape[::-1], each, interpolation=cv2.INTER_LINEAR)
    return dense[:, 32 : 32 + rows, 32 : 32 + columns]


def _every_32nd(at: Floats) -> Floats:
    """Places 32 samples apart, the first a sample's half and half a step before sample 0: the middles of squares of 32
    samples, one before, one behind."""
    return np.asarray(at[0] + (at[1] - at[0]) * (32.0 * np.arange(-1, -(-len(at) // 32) + 1) + 15.5))
