"""Smooth curves through few values: cubic pieces that take a value and a slope from each knot they lie between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Spline:
    """Cubics between rising knots (n,), by their `terms` (4, n - 1, ...), of the power 0 first, from the left knot."""

    knots: Floats
    terms: tuple[Floats, Floats, Floats, Floats]

    def __call__(self, at: Floats) -> Floats:
        """(*at.shape, ...): the values there, beyond the knots those of the last pieces drawn on."""
        piece = np.clip(np.searchsorted(self.knots, at, side="right") - 1, 0, len(self.knots) - 2)
        value, slope, bend, twist = (np.take(each, piece, axis=0) for each in self.terms)
        way = np.reshape(at - self.knots[piece], np.shape(at) + (1,) * (value.ndim - np.ndim(at)))
        return np.asarray(value + way * (slope + way * (bend + way * twist)))


def smooth(knots: Floats, values: Floats) -> Spline:
    """The spline through values (n, ...) that bends without a step; the first two pieces are one cubic, the last two
    too (de Boor 1978), and of three values all is one parabola."""
    step, rise = _steps(knots, values)
    matrix = np.zeros((len(knots), len(knots)))
    right = np.empty_like(values, np.float64)
    inner = np.arange(1, len(knots) - 1)
    matrix[inner, inner - 1], matrix[inner, inner + 1] = step[1:], step[:-1]
    matrix[inner, inner] = 2.0 * (step[1:] + step[:-1])
    before, behind = _like(step[:-1], rise), _like(step[1:], rise)
    right[1:-1] = 3.0 * (behind * rise[:-1] + before * rise[1:])
    for end, one, two, at, next_at in ((0, step[0], step[1], 0, 1), (-1, step[-1], step[-2], -1, -2)):
        if len(knots) == 3:
            matrix[end, [at, next_at]] = 1.0
            right[end] = 2.0 * rise[at]
        else:
            matrix[end, [at, next_at]] = two, one + two
            right[end] = ((one + 2.0 * (one + two)) * two * rise[at] + one**2 * rise[next_at]) / (one + two)
    return _through(knots, values, np.linalg.solve(matrix, right.reshape(len(knots), -1)).reshape(right.shape))


def closed(knots: Floats, values: Floats) -> Spline:
    """The spline through values (n,) of which the last is the first again, smooth across there too."""
    step, rise = _steps(knots, values)
    before, count = np.roll(step, 1), np.arange(len(step))
    matrix = np.diag(2.0 * (before + step))
    matrix[count, count - 1] += step
    matrix[count - 1, count] += np.roll(before, 1)
    slopes = np.linalg.solve(matrix, 3.0 * (step * np.roll(rise, 1) + before * rise))
    return _through(knots, values, np.append(slopes, slopes[0]))


def steady(knots: Floats, values: Floats) -> Spline:
    """The curve through values (n,) at even knots that rises and falls only where they do (Fritsch, Butland 1984)."""
    rise = _steps(knots, values)[1]
    before, behind = rise[:-1], rise[1:]
    same = before * behind > 0.0
    slopes = np.zeros_like(values, np.float64)
    slopes[1:-1][same] = 2.0 / (1.0 / before[same] + 1.0 / behind[same])
    for end, one, two in ((0, rise[0], rise[1]), (-1, rise[-1], rise[-2])):
        slope = 1.5 * one - 0.5 * two
        slopes[end] = np.sign(one) * np.clip(slope * np.sign(one), 0.0, np.inf if one * two > 0.0 else 3.0 * abs(one))
    return _through(knots, values, slopes)


def _steps(knots: Floats, values: Floats) -> tuple[Floats, Floats]:
    """How far knots lie apart, and the slopes from one to the next."""
    step = np.diff(knots)
    return step, np.diff(values, axis=0) / _like(step, values)


def _like(each: Floats, values: Floats) -> Floats:
    """One number a row, for rows of values."""
    return each.reshape(-1, *[1] * (values.ndim - 1))


def _through(knots: Floats, values: Floats, slopes: Floats) -> Spline:
    step, rise = _steps(knots, values)
    step = _like(step, values)
    twist = (slopes[:-1] + slopes[1:] - 2.0 * rise) / step
    return Spline(knots, (values[:-1], slopes[:-1], (rise - slopes[:-1]) / step - twist, twist / step))
