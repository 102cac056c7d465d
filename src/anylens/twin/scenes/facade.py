"""A street front without end: straight things of all colours, before which the camera turns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.scenes.leaves import smooth_surfaces
from anylens.twin.scenes.plane import LUX, Array, Field, Mark, Plane, blend, grey, lit, option, within
from anylens.twin.spectra import Source

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.intp]

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
        turn, front = self._turn(), _Front(field.height_mm, seed)

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            x, y, z = (
                np.float32(row[0]) * x_mm + np.float32(row[1]) * y_mm + np.float32(row[2] * field.scale_mm)
                for row in turn
            )
            away = np.float32(field.scale_mm) / np.maximum(z, np.float32(1e-3 * field.scale_mm))
            return front.draw(colors, np.asarray(x * away, np.float32), np.asarray(y * away, np.float32), step_mm)

        whole = [(a * field.width_mm / 2, b * field.height_mm / 2) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        turned: dict[str, float | str | list[float]] = {
            "right_deg": self.right,
            "down_deg": self.down,
            "roll_deg": self.roll,
        }
        marks = (Mark("texture", "street front", tuple(whole), turned),)
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

    def draw(self, colors: Array, x: Array, y: Array, step: float) -> Array:
        """As a plane draws; later things lie over earlier ones."""
        x, y = np.broadcast_arrays(x, y)
        i, j = np.floor(x / np.float32(self.bay)), np.floor(y / np.float32(self.storey))
        u, v = x - (i + np.float32(0.5)) * np.float32(self.bay), y - (j + np.float32(0.5)) * np.float32(self.storey)
        house = _looked_up(i, lambda bays: bays // _BAYS % _TABLE)
        at = _looked_up(i, lambda bays: bays % _TABLE * _TABLE) + _looked_up(j, lambda storeys: storeys % _TABLE)
        out = _seen(colors, self.wall, house)
        bay, storey, unit = np.float32(self.bay), np.float32(self.storey), np.float32(self.unit)
        wide, high = (np.float32(a) * (1.0 + b * size) * c for a, b, size, c in (
            (0.23, np.float32(0.25), self.size[0].ravel().take(at), bay),
            (0.27, np.float32(0.2), self.size[1].ravel().take(at), storey)))  # fmt: skip
        over = partial(self._over, out, colors, at, step)
        frame, shutter = np.float32(0.018) * unit, np.float32(0.05) * unit
        over(0, np.abs(u), np.abs(v), wide + frame, high + frame)
        pane = np.abs(np.abs(u) - 0.5 * wide), np.abs(np.abs(v) - 0.5 * high)
        over(1, *pane, np.float32(0.42) * wide, np.float32(0.42) * high)
        over(2, np.abs(u - np.float32(0.36) * bay), np.abs(v), np.float32(0.4) * shutter, high)
        below = np.abs(v - np.float32(0.39) * storey)
        for k, part in enumerate((0.004, 0.007, 0.011)):
            side = np.float32(part) * unit
            if float(below.min()) < side + step:
                across = np.float32(0.42) * bay * self.size[2 + k].ravel().take(at)
                over(3 + k, np.abs(u - across), below, side, side)
        edge = np.abs(np.abs(v) - np.float32(0.5) * storey)
        blend(out, colors[0], within(np.float32(_LEDGE) * unit - edge, step))
        return out

    def _over(self, out: Array, colors: Array, at: Cells, step: float, layer: int,
              across: Array, down: Array, half_width: Any, half_height: Any) -> None:  # fmt: skip
        """Lay a rectangle of each cell's own colour over what is there, where there is any of it."""
        inside = np.minimum(half_width - across, half_height - down) > -step
        rows, columns = inside.any(axis=(0, 2)).nonzero()[0], inside.any(axis=(0, 1)).nonzero()[0]
        if not len(rows):
            return
        part = np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        half_width, half_height = (each if np.isscalar(each) else each[part] for each in (half_width, half_height))
        share = within(half_width - across[part], step) * within(half_height - down[part], step)
        out[part] += share * (_seen(colors, self.shade[layer], at[part]) - out[part])


def _looked_up(numbers: Array, told: Callable[[Cells], Cells]) -> Cells:
    """What is told of whole numbers, worked out once for all between the least and the greatest of them."""
    least = np.floor(numbers.min())
    table = told(np.arange(int(least), int(numbers.max()) + 1))
    return np.asarray(table.take((numbers - least).astype(np.intp)))


def _seen(colors: Array, table: npt.NDArray[np.uint8], at: Cells) -> Array:
    """(C, h, w) of the spectra that a table says of places `at` in it."""
    return np.stack([color[table.ravel()].take(here) for color, here in zip(colors.T, at, strict=True)])
