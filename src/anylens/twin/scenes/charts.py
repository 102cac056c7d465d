"""Flat charts that are drawn by formula: every edge area-averaged, every place known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anylens.twin.scenes.plane import Array, Field, Mark, Plane, grey, lit, mixed, option, within
from anylens.twin.spectra import Source


def _ground(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:  # noqa: ARG001 (a face for all)
    shape = np.broadcast_shapes(x_mm.shape, y_mm.shape)
    return np.broadcast_to(colors[0][:, None, None], (colors.shape[1], *shape[1:]))


@dataclass(frozen=True, slots=True)
class WhiteWall:
    """An evenly lit matt wall, the same everywhere.

    `reflectance` 0..1 of every wavelength, `lux` on it.
    """

    lux: float = option(1000.0, 1e-4, 2e5)
    reflectance: float = option(0.9, 0.0, 1.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        return (Plane(lit(grey(self.reflectance), source, self.lux), _ground),)


@dataclass(frozen=True, slots=True)
class SlantedEdges:
    """Dark squares on a light ground all over the field, each turned a little, for measuring sharpness at their edges.

    `angle_deg` by which they are turned, `contrast` light to dark, `reflectance` of the light ground, `columns` of
    squares across the picture (rows follow), `size` of a square in parts of the distance between two; `radial` turns
    each square towards the middle, so that its edges lie along and across the field's radius.
    """

    lux: float = option(1000.0, 1e-4, 2e5)
    angle_deg: float = option(5.0, -45.0, 45.0)
    contrast: float = option(4.0, 1.0, 1000.0)
    reflectance: float = option(0.8, 0.001, 1.0)
    columns: int = option(9, 1, 64)
    size: float = option(0.5, 0.05, 0.95)
    radial: bool = False

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        gap = field.width_mm / self.columns
        across = _spread_out(field.width_mm, gap)
        down = _spread_out(field.height_mm, gap)
        half = 0.5 * self.size * gap
        turns = {(x, y): self._turn(x, y) for y in down for x in across}

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            return mixed(_squares(x_mm, y_mm, step_mm, half, turns), colors[0], colors[1])

        marks = tuple(
            Mark("square", f"square {row + 1}.{column + 1}", _corners(x, y, half, turns[x, y]))
            for row, y in enumerate(down)
            for column, x in enumerate(across)
        )
        surfaces = grey(self.reflectance, self.reflectance / self.contrast)
        return (Plane(lit(surfaces, source, self.lux), draw, marks=marks),)

    def _turn(self, x_mm: float, y_mm: float) -> float:
        toward = math.atan2(y_mm, x_mm) if self.radial and math.hypot(x_mm, y_mm) > 1e-9 else 0.0
        return toward + math.radians(self.angle_deg)


def _spread_out(length_mm: float, gap_mm: float) -> tuple[float, ...]:
    """Places `gap_mm` apart, symmetric, as many as lie wholly within a length."""
    count = max(1, int(length_mm / gap_mm + 1e-6))
    return tuple(float(gap_mm * (at - (count - 1) / 2)) for at in range(count))


def _corners(x: float, y: float, half: float, turn: float) -> tuple[tuple[float, float], ...]:
    cos, sin = half * math.cos(turn), half * math.sin(turn)
    return tuple((x + a * cos - b * sin, y + a * sin + b * cos) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)))


def _squares(
    x_mm: Array,
    y_mm: Array,
    step_mm: float,
    half: float,
    turns: dict[tuple[float, float], float],
) -> Array:
    """Share of the squares: only those that a part of the picture can touch are drawn in it."""
    share = np.zeros(np.broadcast_shapes(x_mm.shape, y_mm.shape), np.float32)
    reach = half * math.sqrt(2.0) + step_mm
    left, right, top, bottom = x_mm.min(), x_mm.max(), y_mm.min(), y_mm.max()
    for (x, y), turn in turns.items():
        if not (left - reach <= x <= right + reach and top - reach <= y <= bottom + reach):
            continue
        rows, columns = _part(y_mm[0, :, 0], y, reach), _part(x_mm[0, 0], x, reach)
        cos, sin = np.float32(math.cos(turn)), np.float32(math.sin(turn))
        u, v = x_mm[:, rows, columns] - np.float32(x), y_mm[:, rows, columns] - np.float32(y)
        along = np.abs(cos * u + sin * v)
        across = np.abs(cos * v - sin * u)
        share[:, rows, columns] += within(np.float32(half) - np.maximum(along, across), step_mm)
    return share


def _part(at: Array, middle: float, reach: float) -> slice:
    """The samples of a row or column within reach of a place, and as many more as a bent row may need."""
    spare = reach + 0.05 * float(at[-1] - at[0])
    first, last = np.searchsorted(at, (middle - spare, middle + spare))
    return slice(int(first), int(last))
