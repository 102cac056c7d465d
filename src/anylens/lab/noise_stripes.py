"""What whole rows and columns of a sensor have in common: noise from frame to frame, and a pattern that stays."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from anylens.lab.figure import Figure, combined, root
from anylens.lab.noise_tiles import Array, tiles_of
from anylens.lab.specimen import Specimen


def stripes_of(
    letter: str, shots: Sequence[tuple[Specimen, ...]], gain: float
) -> tuple[Figure | None, Figure | None, Figure | None, Figure | None]:
    """(row noise, column noise, row pattern, column pattern) in electrons, of the darkest pair; None of a chart."""
    dark = min(shots, key=lambda shot: float(shot[0].of(letter)[0].pixels[::4, ::4].mean()))
    levels = tiles_of(dark[0].of(letter)[:1], None).mean
    if float(np.ptp(levels)) > float(np.abs(levels).mean()) + 8.0:
        return None, None, None, None
    found: list[list[Figure]] = [[], [], [], []]
    for first, second in zip(dark[0].of(letter), dark[1].of(letter), strict=True):
        a, b = (p.pixels.astype(np.float64) * p.white for p in (first, second))
        for axis in (1, 0):
            moves, stays = _lines_of(a, b, axis)
            found[1 - axis].append(moves)
            found[3 - axis].append(stays)
    row, column, row_stays, column_stays = (root(combined(each)) for each in found)
    return tuple(f.times(1.0 / gain) for f in (row, column, row_stays, column_stays))  # type: ignore[return-value]


def _lines_of(a: Array, b: Array, axis: int) -> tuple[Figure, Figure]:
    """Variance of what whole lines have in common, in counts squared: (from frame to frame, the same in both)."""
    one, two = (np.median(each, axis=axis) if each.shape[axis] < 8 else each.mean(axis=axis) for each in (a, b))
    length, number = a.shape[axis], len(one)
    apart = a - b
    single = float(np.var(apart - apart.mean(axis=axis, keepdims=True))) / 2.0
    high_one, high_two = (each[1:-1] - (each[:-2] + each[2:]) / 2.0 for each in (one, two))
    moves = float(np.mean((high_one - high_two) ** 2)) / 3.0
    stays = float(np.mean(high_one * high_two)) / 1.5
    fixed = max(float(np.mean(_high(a, axis) * _high(b, axis))) / 1.5, 0.0)
    spread = math.sqrt(4.0 / max(number - 2, 1))
    return (
        Figure(moves - single / length, moves * spread),
        Figure(stays - fixed / length, (abs(stays) + moves) * spread / math.sqrt(2.0)),
    )


def _high(values: Array, axis: int) -> Array:
    across = np.moveaxis(values, axis, 0)
    return across[:, 1:-1] - (across[:, :-2] + across[:, 2:]) / 2.0
