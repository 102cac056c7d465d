"""A street front without end: straight things of all colours, before which the camera turns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.scenes.leaves import smooth_surfaces
from anylens.twin.scenes.plane import LUX, Array, Field, Mark, Plane, grey, lit, option, plain, turned, upright
from anylens.twin.spectra import Source

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.intp]
Things = tuple[Floats, npt.NDArray[np.uint8]]
"""Upright boxes (n, left top right bottom) on the wall, and which spectrum each shows."""

_WALLS, _SHADES = 24, 231
_TABLE = 61
_BAY, _STOREY = 0.21, 0.27
_LEDGE = 0.012
_BAYS = 3


@dataclass(frozen=True, slots=True)
class Facade:
    """House fronts with windows, shutters and ledges on one endless wall, before which the camera is turned.

    The camera looks `right` and `down` of straight on and is tipped clockwise by `roll`, degrees, about the lens's
    entrance pupil: frames of several turns are a pan. `saturation` is that of their colours.
    """

    lux: float = option(1000.0, *LUX)
    right: float = option(0.0, -60.0, 60.0)
    down: float = option(0.0, -60.0, 60.0)
    roll: float = option(0.0, -180.0, 180.0)
    saturation: float = option(0.5, 0.0, 2.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:
        surfaces = np.vstack(
            [grey(0.45), _walls(seed, self.saturation), smooth_surfaces(_SHADES, seed, self.saturation)]
        )
        front = _Front(field.height_mm, seed)
        ahead = np.diag([1.0, 1.0, 1.0 / field.scale_mm])
        turn = ahead @ self._turn() @ np.linalg.inv(ahead)

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            x, y, _ = turned(turn, x_mm, y_mm)
            return front.draw(colors, x, y, step_mm)

        whole = [(a * field.width_mm / 2, b * field.height_mm / 2) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        pose: dict[str, float | str | list[float]] = {
            "right_deg": self.right,
            "down_deg": self.down,
            "roll_deg": self.roll,
        }
        marks = (Mark("texture", "street front", tuple(whole), pose),)
        return (Plane(lit(surfaces, source, self.lux), draw, marks=marks),)

    def _turn(self) -> Floats:
        """(3, 3): from the camera's directions (right, down, ahead) to the wall's."""
        yaw, pitch, roll = (math.radians(each) for each in (self.right, self.down, self.roll))
        about = np.eye(3)
        for i, j, angle in ((1, 0, roll), (1, 2, pitch), (0, 2, yaw)):
            one = np.eye(3)
            one[i, i] = one[j, j] = math.cos(angle)
            one[i, j], one[j, i] = math.sin(angle), -math.sin(angle)
            about = one @ about
        return about


def _walls(seed: int, saturation: float) -> Floats:
    """(24, 33): plaster, light and hardly coloured."""
    return np.asarray(0.25 + 0.6 * smooth_surfaces(_WALLS, seed + 1, 0.5 * saturation))


class _Front:
    """The wall: `height` mm of it fill the picture when the camera looks straight on."""

    def __init__(self, height: float, seed: int) -> None:
        rng = np.random.default_rng((seed, 0xFACADE))
        self.bay, self.storey, self.unit = _BAY * height, _STOREY * height, height
        self.wall = rng.integers(1, 1 + _WALLS, _TABLE).astype(np.uint8)
        self.shade = rng.integers(1 + _WALLS, 1 + _WALLS + _SHADES, (8, _TABLE, _TABLE)).astype(np.uint8)
        self.size = rng.uniform(-1.0, 1.0, (6, _TABLE, _TABLE)).astype(np.float32)
        self._known = lru_cache(64)(self._things)

    def draw(self, colors: Array, x: Array, y: Array, step: float) -> Array:
        """As a plane draws; later things lie over earlier ones."""
        ends = (
            math.floor(float(end) / size) + beyond
            for at, size in ((x, self.bay), (y, self.storey))
            for end, beyond in ((at.min(), -1), (at.max(), 2))
        )
        boxes, which = self._known(*ends)
        out = plain(colors[0], x, y)
        upright(out, boxes, colors[which], x, y, step)
        return out

    def _things(self, first_bay: int, end_bay: int, first_storey: int, end_storey: int) -> Things:
        """All that lies within some bays of some storeys."""
        bays, storeys = np.arange(first_bay, end_bay), np.arange(first_storey, end_storey)
        things = [self._houses(bays, storeys), self._windows(bays, storeys), self._ledges(bays, storeys)]
        boxes, which = (np.concatenate(each) for each in zip(*things, strict=True))
        return boxes, which

    def _houses(self, bays: Cells, storeys: Cells) -> Things:
        """The walls, three bays to a house."""
        first = np.unique(bays // _BAYS)
        left, top = first * _BAYS * self.bay, np.full(len(first), storeys[0] * self.storey)
        boxes = np.stack([left, top, left + _BAYS * self.bay, top + (len(storeys) + 1) * self.storey], axis=-1)
        return boxes, self.wall[first % _TABLE]

    def _windows(self, bays: Cells, storeys: Cells) -> Things:
        """Frame, four panes, shutter and ornaments of every bay of every storey, in this order."""
        i, j = (each.ravel() for each in np.meshgrid(bays, storeys))
        at = i % _TABLE, j % _TABLE
        u, v = (i + 0.5) * self.bay, (j + 0.5) * self.storey
        wide = 0.23 * (1.0 + 0.25 * self.size[0][at]) * self.bay
        high = 0.27 * (1.0 + 0.2 * self.size[1][at]) * self.storey
        ones = np.ones_like(u)
        parts: list[tuple[int, Any, Any, Any, Any]] = [  # layer, place, half width, half height
            (0, u, v, wide + 0.018 * self.unit, high + 0.018 * self.unit),
            *((1, u + a * wide, v + b * high, 0.42 * wide, 0.42 * high) for a in (-0.5, 0.5) for b in (-0.5, 0.5)),
            (2, u + 0.36 * self.bay, v, 0.02 * self.unit * ones, high),
        ]
        for k, part in enumerate((0.004, 0.007, 0.011)):
            across, side = u + 0.42 * self.bay * self.size[2 + k][at], part * self.unit * ones
            parts.append((3 + k, across, v + 0.39 * self.storey, side, side))
        boxes = np.concatenate([np.stack([x - a, y - b, x + a, y + b], axis=-1) for _, x, y, a, b in parts])
        return boxes, np.concatenate([self.shade[layer][at] for layer, *_ in parts])

    def _ledges(self, bays: Cells, storeys: Cells) -> Things:
        """What runs along between two storeys."""
        at, half = np.append(storeys, storeys[-1] + 1) * self.storey, _LEDGE * self.unit
        left, right = (np.full(len(at), each * self.bay) for each in (bays[0] - 1, bays[-1] + 2))
        return np.stack([left, at - half, right, at + half], axis=-1), np.zeros(len(at), np.uint8)
