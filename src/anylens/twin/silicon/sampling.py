"""The light that reaches each pixel of a camera that moves, of its own colour only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from anylens.twin.silicon.chip import Hand, Layer, Light
    from anylens.twin.silicon.model import Silicon

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_BLUR_STEP_PX = 0.7
_MOST_MOMENTS = 24
_SHUTTER_STEPS = 9


class Sampling:
    """Where rows of a moving camera look, moment by moment of their exposure.

    The picture moves as a plane turned before a pinhole: rows have one pose each, exact rotation and, for shifts, the
    one distance of their layer. Between pixels the light is interpolated by a cubic; during an exposure it is averaged
    over so many moments that none is further than 0.7 pixels from the next (24 at most).
    """

    def __init__(
        self,
        light: Light,
        silicon: Silicon,
        hand: Hand | None,
        scale_mm: float,
        distance_m: float,
        begins_s: Floats,
        exposure_s: float,
        corner: tuple[int, int],
    ) -> None:
        self._light, self._silicon, self._hand = light, silicon, hand
        self._scale_mm, self._distance_m = scale_mm, distance_m
        self._begins_s, self._exposure_s = begins_s, exposure_s
        self._top, self._left = corner
        self._pitch_mm = silicon.pitch_um / 1000.0
        self._middle = (0.5 * (silicon.height_px - 1), 0.5 * (silicon.width_px - 1))
        self._moments = self._count_moments()
        self.beyond_px = self._reach()

    def rows(self, first: int, last: int, columns: int) -> Array:
        """(last - first, columns): mean rates of these of the rows that are read."""
        from anylens.twin.silicon.chip import color_of

        cell = len(self._silicon.cfa) or 1
        out = np.empty((last - first, columns), np.float32)
        steps = (np.arange(self._moments) + 0.5) / self._moments * self._exposure_s
        for dy in range(cell):
            rows = np.arange(first + (dy - self._top - first) % cell, last, cell)
            if not len(rows):
                continue
            for dx in range(cell):
                at = np.arange((dx - self._left) % cell, columns, cell)
                if not len(at):
                    continue
                colour = color_of(self._silicon, dy, dx)
                total = self._seen(colour, rows, at, float(steps[0]))
                for step in steps[1:]:
                    total += self._seen(colour, rows, at, float(step))
                if self._moments > 1:
                    total *= np.float32(1.0 / self._moments)
                out[rows[0] - first :: cell, at[0] :: cell] = total
        return out

    def _seen(self, colour: int, rows: npt.NDArray[np.int64], at: npt.NDArray[np.int64], after_s: float) -> Array:
        """(len(rows), len(at)): rates of one colour at one moment, all layers over each other."""
        times = self._begins_s[rows] + after_s
        out: Array | None = None
        for layer in self._light.layers:
            maps = self._maps(layer, rows, at, times)
            light = self._drawn(layer.rates[colour], maps)
            if out is None:
                out = light
                continue
            if layer.cover is not None:
                out *= 1.0 - self._drawn(layer.cover, maps)
            out += light
        assert out is not None
        return out

    def _drawn(self, plane: Array, maps: tuple[Array, Array]) -> Array:
        import cv2

        drawn = cv2.remap(plane, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        return np.maximum(drawn, 0.0, out=np.asarray(drawn, np.float32))

    def _maps(
        self, layer: Layer, rows: npt.NDArray[np.int64], at: npt.NDArray[np.int64], times: Floats
    ) -> tuple[Array, Array]:
        """Columns and rows of the light, margin counted, that pixels look at."""
        margin = self._light.margin_px
        down = self._top + rows.astype(np.float64)
        across = (self._left + at).astype(np.float64)
        shift_x: Floats = np.zeros(len(rows))
        shift_y = shift_x
        if layer.path is not None:
            ends = np.array([layer.path(float(time)) for time in (times[0], times[-1])]) / self._pitch_mm
            part = np.linspace(0.0, 1.0, len(times))
            shift_x, shift_y = (np.asarray(ends[0, i] + (ends[1, i] - ends[0, i]) * part) for i in (0, 1))
        if self._hand is None:
            map_x = np.broadcast_to(across, (len(rows), len(at))) + (margin - shift_x)[:, None]
            map_y = np.broadcast_to((down + margin - shift_y)[:, None], (len(rows), len(at)))
            return map_x.astype(np.float32), np.ascontiguousarray(map_y, np.float32)
        scale = self._scale_mm / self._pitch_mm
        x = (across - self._middle[1]).astype(np.float32)
        y = down - self._middle[0]
        pose = self._hand(times)
        turn = turned(pose)
        distance_mm = 1000.0 * (getattr(layer, "distance_m", None) or self._distance_m)
        moved = scale * pose[:, 3:5] / distance_mm
        nearer = 1.0 - pose[:, 5] / distance_mm
        ahead = (turn[:, 2, 1] / scale * y + turn[:, 2, 2]).astype(np.float32)
        depth = nearer.astype(np.float32)[:, None] / (
            (turn[:, 2, 0] / scale).astype(np.float32)[:, None] * x + ahead[:, None]
        )
        maps = []
        for axis, shift, middle in ((0, shift_x, self._middle[1]), (1, shift_y, self._middle[0])):
            along = turn[:, axis, 0].astype(np.float32)
            start = (turn[:, axis, 1] * y + turn[:, axis, 2] * scale).astype(np.float32)
            place = along[:, None] * x + start[:, None]
            place *= depth
            place += (moved[:, axis] + middle + margin - shift).astype(np.float32)[:, None]
            maps.append(place)
        return maps[0], maps[1]

    def _count_moments(self) -> int:
        """By how far the corners of a few rows move while they gather light."""
        rows = np.unique(np.linspace(0, len(self._begins_s) - 1, 5).astype(np.int64))
        at = np.array([0, self._silicon.width_px - 1 - self._left])
        longest = 0.0
        for layer in self._light.layers:
            steps = np.linspace(0.0, self._exposure_s, _SHUTTER_STEPS)
            maps = np.array([self._maps(layer, rows, at, self._begins_s[rows] + step) for step in steps])
            longest = max(longest, float(np.hypot(*np.diff(maps, axis=0).swapaxes(0, 1)).sum(axis=0).max()))
        return int(np.clip(math.ceil(longest / _BLUR_STEP_PX), 1, _MOST_MOMENTS))

    def _reach(self) -> float:
        """By how many pixels the background is looked at beyond the light that was computed; 0 where all is there."""
        rows = np.unique(np.linspace(0, len(self._begins_s) - 1, 9).astype(np.int64))
        at = np.array([0, self._silicon.width_px - 1 - self._left])
        background = self._light.layers[0]
        height, width = background.rates.shape[1:]
        reach = 0.0
        for step in (0.0, 0.5 * self._exposure_s, self._exposure_s):
            x, y = self._maps(background, rows, at, self._begins_s[rows] + step)
            reach = max(
                reach, float(-x.min()), float(x.max() - width + 1), float(-y.min()), float(y.max() - height + 1)
            )
        return max(reach, 0.0)


def turned(pose: Floats) -> Floats:
    """(n, 3, 3): from directions as the camera sees them (x right, y down, z ahead) to those it had at rest.

    `pose` (n, 6) begins with pitch (up), yaw (to the right) and roll (clockwise as the photographer sees it), radians.
    """
    pitch, yaw, roll = pose[:, 0], pose[:, 1], pose[:, 2]
    one, nil = np.ones(len(pose)), np.zeros(len(pose))
    about_x = np.array([[one, nil, nil], [nil, np.cos(pitch), -np.sin(pitch)], [nil, np.sin(pitch), np.cos(pitch)]])
    about_y = np.array([[np.cos(yaw), nil, np.sin(yaw)], [nil, one, nil], [-np.sin(yaw), nil, np.cos(yaw)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), nil], [np.sin(roll), np.cos(roll), nil], [nil, nil, one]])
    y, x, z = (np.moveaxis(each, -1, 0) for each in (about_y, about_x, about_z))
    return np.asarray(y @ x @ z)
