"""A street front without end: straight things of all colours, before which the camera turns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.scenes.leaves import smooth_surfaces
from anylens.twin.scenes.plane import LUX, Array, Field, Mark, Plane, colored, grey, lit, option, within
from anylens.twin.spectra import Source

Floats = npt.NDArray[np.float64]

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
        house = np.mod(np.floor(i / _BAYS), _TABLE).astype(np.intp)
        at = np.mod(i, _TABLE).astype(np.intp), np.mod(j, _TABLE).astype(np.intp)
        out = _seen(colors, self.wall[house])
        wide = np.float32(0.23 * self.bay) * (np.float32(1.0) + np.float32(0.25) * self.size[0][at])
        high = np.float32(0.27 * self.storey) * (np.float32(1.0) + np.float32(0.2) * self.size[1][at])
        frame = np.float32(0.018 * self.unit)
        self._over(out, colors, 0, at, np.abs(u), np.abs(v), wide + frame, high + frame, step)
        self._over(out, colors, 1, at, np.abs(np.abs(u) - 0.5 * wide), np.abs(np.abs(v) - 0.5 * high),
                   0.42 * wide, 0.42 * high, step)  # fmt: skip
        shutter = np.float32(0.05 * self.unit)
        self._over(out, colors, 2, at, np.abs(u - np.float32(0.36 * self.bay)), np.abs(v), 0.4 * shutter, high, step)
        for k, part in enumerate((0.004, 0.007, 0.011)):
            across = np.float32(0.42 * self.bay) * self.size[2 + k][at]
            side = np.float32(part * self.unit)
            self._over(
                out, colors, 3 + k, at, np.abs(u - across), np.abs(v - np.float32(0.39 * self.storey)), side, side, step
            )
        edge = np.abs(np.abs(v) - np.float32(0.5 * self.storey))
        ledge = within(np.float32(_LEDGE * self.unit) - edge, step)
        out += ledge * (colors[0][:, None, None] - out)
        return np.asarray(out, np.float32)

    def _over(self, out: Array, colors: Array, layer: int, at: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
              across: Array, down: Array, half_width: Any, half_height: Any, step: float) -> None:  # fmt: skip
        """Lay a rectangle of each cell's own colour over what is there."""
        share = within(half_width - across, step) * within(half_height - down, step)
        out += share * (_seen(colors, self.shade[layer][at]) - out)


def _seen(colors: Array, which: npt.NDArray[np.uint8]) -> Array:
    """(C, h, w) of the spectra `which` (1 or C, h, w)."""
    return np.stack([colored(which[min(c, len(which) - 1)], colors[:, c]) for c in range(colors.shape[1])])
