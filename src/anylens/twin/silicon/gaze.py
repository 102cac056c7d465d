"""Where each pixel of a moving camera looks, at any moment of its exposure."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from anylens.twin.silicon.exposure import Exposure, Layer
from anylens.twin.silicon.model import Silicon

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

FEW = 16
"""One row in so many is asked where it looks; in between it changes evenly, as the hand's pose does."""
_POSE_STEP_S = 0.5e-3
_POWERS = 4


class Gaze:
    """Where rows of a silicon look on a light with `margin_px` around it and `density` values to a pixel.

    The picture moves as a plane turned before a pinhole: rows have one pose each, and for shifts the one distance of
    their layer; the hand is asked every half millisecond, every two of a `quick` exposure. Along a row the place is a
    cubic in x, which leaves less than 1e-6 of the movement. Rows are counted from the first that is read.
    """

    def __init__(self, silicon: Silicon, exposure: Exposure, margin_px: int, density: int) -> None:
        self._silicon, self._margin_px, self.density = silicon, margin_px, density
        self._scale_px = exposure.scale_mm / (silicon.pitch_um / 1000.0)
        self._distance_m = exposure.distance_m
        self.begins_s = begins_s = exposure.begins_s(silicon)
        self._top, self._left, _, right = exposure.read(silicon)
        self._half = 0.5 * silicon.width_px
        self.few_rows, self.few_columns = _every_few(len(begins_s)), _every_few(right - self._left)
        step_s = 4 * _POSE_STEP_S if exposure.quick else _POSE_STEP_S
        begin, end = float(begins_s[0]), float(begins_s[-1]) + exposure.exposure_s
        self._knots = np.linspace(begin, end, max(2, math.ceil((end - begin) / step_s) + 1))
        self._held = np.zeros((len(self._knots), 6)) if exposure.hand is None else exposure.hand(self._knots)
        self._known_powers: dict[tuple[int, int, int], Array] = {}
        self._known_poses: dict[bytes, tuple[Floats, Floats]] = {}

    def curves(self, layer: Layer, rows: Numbers, after_s: Floats) -> Array:
        """(n, 2, rows, 4): what to multiply `powers` of columns with for the column, and the row, of a layer's light
        that is looked at `after_s` (n,) the begin of the rows' exposure."""
        scale, moments = self._scale_px, len(after_s)
        times = (self.begins_s[rows] + after_s[:, None]).ravel()
        y = np.tile(self._top + rows - 0.5 * (self._silicon.height_px - 1), moments)
        pose, turn = self._pose(times)
        distance_mm = 1000.0 * (self._distance_m if layer.distance_m is None else layer.distance_m)
        nearer = 1.0 - pose[:, 5] / distance_mm
        ahead = (turn[:, 2, 1] * y / scale + turn[:, 2, 2]) / nearer
        lean = turn[:, 2, 0] * self._half / scale / nearer / ahead
        shift = self._shift_px(layer, times.reshape(moments, -1))
        out = np.empty((2, len(times), _POWERS))
        for axis, side in ((0, self._silicon.width_px), (1, self._silicon.height_px)):
            start = (turn[:, axis, 1] * y + turn[:, axis, 2] * scale) / ahead
            bend = turn[:, axis, 0] * self._half / ahead - start * lean
            start += scale * pose[:, 3 + axis] / distance_mm + 0.5 * (side - 1) + self._margin_px - shift[axis]
            np.stack([start, bend, -bend * lean, bend * lean * lean], axis=1, out=out[axis])
        out *= self.density
        return out.reshape(2, moments, len(rows), _POWERS).swapaxes(0, 1).astype(np.float32)

    def _pose(self, times_s: Floats) -> tuple[Floats, Floats]:
        """(n, 6) and (n, 3, 3): how the hand holds the camera at times, and `turned` so; of the same times told once,
        since layers are mostly looked at at the same ones."""
        key = times_s.tobytes()
        if key not in self._known_poses:
            pose = np.stack([np.interp(times_s, self._knots, each) for each in self._held.T], axis=1)
            self._known_poses[key] = pose, turned(pose)
        return self._known_poses[key]

    def places(self, curves: Array, columns: slice | Numbers) -> Array:
        """(..., rows, columns): where curves (..., rows, 4) look at columns that are read."""
        return np.asarray(curves @ self._powers(columns))

    def corners(self, layer: Layer, after_s: Floats) -> Floats:
        """(n, 2, 5, 2): x and y, in pixels of the light, that both ends of five rows look at."""
        rows = np.linspace(0, len(self.begins_s) - 1, 5).astype(np.int64)
        ends = np.array([0, self._silicon.width_px - 1]) - self._left
        return self.places(self.curves(layer, rows, after_s), ends).astype(np.float64) / self.density

    def as_it_stands(self, lines: tuple[slice, slice]) -> tuple[slice, slice]:
        """Which values of the light stand where rows and columns that are read look while nothing moves."""
        dense, margin = self.density, self._margin_px
        rows, columns = (
            slice((first + each.start) * dense, (first + each.stop) * dense, each.step * dense)
            for first, each in zip((margin + self._top, margin + self._left), lines, strict=True)
        )
        return rows, columns

    def _powers(self, columns: slice | Numbers) -> Array:
        """(4, n): 1, x, x^2 and x^3 of columns that are read, x from -1 to 1 over the silicon; of slices told once."""
        if not isinstance(columns, slice):
            x = (self._left + columns - 0.5 * (self._silicon.width_px - 1)) / self._half
            return np.ascontiguousarray(np.vander(x, _POWERS, increasing=True).T, np.float32)
        key = columns.start, columns.stop, columns.step
        if key not in self._known_powers:
            self._known_powers[key] = self._powers(np.arange(*key))
        return self._known_powers[key]

    def _shift_px(self, layer: Layer, times_s: Floats) -> Floats:
        """(2, n): how far a layer has gone on its path at times (moments, rows), straight from row to row."""
        if layer.path is None:
            return np.zeros((2, times_s.size))
        ends = np.array([[layer.path(float(time)) for time in moment] for moment in times_s[:, [0, -1]]])
        span = times_s[0, -1] - times_s[0, 0]
        part = (times_s[0] - times_s[0, 0]) / span if span else np.zeros(times_s.shape[1])
        way = ends[:, 0, :, None] + (ends[:, 1] - ends[:, 0])[:, :, None] * part
        return np.asarray(way.swapaxes(0, 1).reshape(2, -1) * (1000.0 / self._silicon.pitch_um))


def every_row(few: Array, rows: int) -> Array:
    """(..., rows, 4): curves of all rows from those of every 16th and the last."""
    before, after, part = _between(rows)
    start = np.take(few, before, axis=-2)
    return np.asarray(start + part * (np.take(few, after, axis=-2) - start))


@lru_cache(8)
def _between(rows: int) -> tuple[Numbers, Numbers, Array]:
    """Which of every 16th stand before and after each row, and how far (rows, 1) it is from the one to the other."""
    at, row = _every_few(rows), np.arange(rows)
    before = np.minimum(row // FEW, max(len(at) - 2, 0))
    after = np.minimum(before + 1, len(at) - 1)
    part = (row - at[before]) / np.maximum(at[after] - at[before], 1)
    return before, after, part.astype(np.float32)[:, None]


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


def _every_few(count: int) -> Numbers:
    """From 0 to the last of so many, 16 apart."""
    return np.append(np.arange(0, count - 1, FEW), count - 1)
