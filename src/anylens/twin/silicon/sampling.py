"""The light that reaches each pixel of a camera that moves, of its own colour only."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from anylens.twin.silicon.exposure import Exposure, Layer, Light, color_of, density
from anylens.twin.silicon.model import Silicon

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Known = dict[tuple[int, int, int], list[Array]]
"""What was drawn of a layer's lit boxes at its own moments: by layer, moment and box."""

_BLUR_STEP_PX, _SOFT_STEP_PX = 0.7, 2.1
_MOST_MOMENTS = 24
_SHUTTER_STEPS = 9
_POSE_STEP_S = 0.5e-3
_POWERS = 4
_COVER = 3
_FEW, _WINDOW = 16, 4
"""Every so manieth row and column is asked where it looks; how far from a place its light is interpolated."""


class Sampling:
    """Where rows of a moving camera look, moment by moment of their exposure.

    The picture moves as a plane turned before a pinhole: rows have one pose each, and for shifts the one distance of
    their layer; the hand is asked every half millisecond. Along a row the place is a cubic in x, which leaves less than
    1e-6 of the movement. During an exposure each layer is averaged over so many moments that none is further than 0.7
    pixels from the next, 2.1 where there is no fine detail (24 at most). Between pixels it is interpolated by a cubic
    (Keys 1981) where there are several moments, which blur more than that does, or no fine detail, and by Lanczos's
    window over 8 x 8 samples (Turkowski 1990) else; places are rounded to 1/32 of the light's own steps. Of layers
    before the background what is lit is looked at.
    With `quick` the hand is asked every two milliseconds, light is interpolated by straight lines, and three moments
    are enough.
    """

    def __init__(self, light: Light, silicon: Silicon, exposure: Exposure) -> None:
        self._light, self._silicon, self._quick = light, silicon, exposure.quick
        self._scale_px = exposure.scale_mm / (silicon.pitch_um / 1000.0)
        self._distance_m, self._exposure_s = exposure.distance_m, exposure.exposure_s
        self._begins_s = begins_s = exposure.begins_s(silicon)
        self._top, self._left, _, _ = exposure.read(silicon)
        self._half = 0.5 * silicon.width_px
        self._density = density(light, silicon)
        begin, end = float(begins_s[0]), float(begins_s[-1]) + self._exposure_s
        steps = (end - begin) / (4 * _POSE_STEP_S if self._quick else _POSE_STEP_S)
        self._knots = np.linspace(begin, end, max(2, math.ceil(steps) + 1))
        self._still = exposure.hand is None
        self._known_powers: dict[tuple[int, int, int], Array] = {}
        self._known_poses: dict[tuple[int, float], tuple[Floats, Floats]] = {}
        self._held = np.zeros((len(self._knots), 6)) if exposure.hand is None else exposure.hand(self._knots)
        self._moments = [self._count_moments(layer) for layer in light.layers]
        rows = np.arange(len(begins_s))
        self._curves = [
            [self._curve(layer, rows, (at + 0.5) / count * self._exposure_s) for at in range(count)]
            for layer, count in zip(light.layers, self._moments, strict=True)
        ]
        self._boxes = [
            [self._seen(layer, curve) for curve in curves]
            for layer, curves in zip(light.layers[1:], self._curves[1:], strict=True)
        ]
        self.beyond_px = self._reach()

    def rows(self, first: int, last: int, columns: int) -> Array:
        """(last - first, columns): mean rates of these of the rows that are read."""
        cell = len(self._silicon.cfa) or 1
        out = np.empty((last - first, columns), np.float32)
        for dx in range(cell):
            across = slice((dx - self._left) % cell, columns, cell)
            for dy in range(cell):
                rows = slice(first + (dy - self._top - first) % cell, last, cell)
                if rows.start < last and across.start < columns:
                    colour = color_of(self._silicon, dy, dx)
                    out[rows.start - first :: cell, across] = self._mean(colour, rows, across)
        return out

    def _mean(self, colour: int, rows: slice, columns: slice) -> Array:
        """Mean rates of one colour over the exposure in rows and columns that are read, all layers over each other."""
        powers = self._powers_of(columns)
        total = np.zeros((len(range(rows.start, rows.stop, rows.step)), powers.shape[1]), np.float32)
        seen, most = np.empty_like(total), max(self._moments)
        known: Known = {}
        for own, curve in enumerate(self._curves[0]):
            (behind,) = self._drawn(0, (colour,), curve, (rows, columns), powers)
            together = [at for at in range(most) if at * self._moments[0] // most == own]
            total += np.float32(len(together)) * behind
            for moment in together:
                part = self._covered(seen, behind, colour, moment / most, (rows, columns), powers, known)
                total[part] += seen[part] - behind[part]
        total *= np.float32(1.0 / most)
        return total

    def _covered(
        self,
        seen: Array,
        behind: Array,
        colour: int,
        after: float,
        lines: tuple[slice, slice],
        powers: Array,
        known: Known,
    ) -> tuple[slice, slice]:
        """The part of some rows and columns in which layers hide the background `after` a share of the exposure.

        `seen` is filled there with what is seen instead, `known` what was looked at before.
        """
        pieces = []
        for at, boxes in enumerate(self._boxes, 1):
            own = int(after * len(boxes) + 1e-9)
            for number, box in enumerate(boxes[own]):
                which, places = zip(*map(met, lines, box), strict=True)
                if seen[which].size:
                    pieces.append(((at, own, number), which, places))
        around = [
            slice(min(each.start for each in axis), max(each.stop for each in axis))
            for axis in zip(*(which for _, which, _ in pieces), strict=True)
        ]
        part = (around[0], around[1]) if pieces else (slice(0, 0), slice(0, 0))
        seen[part] = behind[part]
        for key, which, places in pieces:
            if key not in known:
                at, own, _ = key
                channels = (colour,) if self._light.layers[at].cover is None else (colour, _COVER)
                known[key] = self._drawn(at, channels, self._curves[at][own], places, powers[:, which[1]])
            rates, *cover = known[key]
            for each in cover:
                seen[which] *= 1.0 - each
            seen[which] += rates
        return part

    def _seen(self, layer: Layer, curve: tuple[Array, Array]) -> list[tuple[slice, slice]]:
        """Rows and columns that are read outside of which nothing is seen of what is lit of a layer, box by box."""
        sides = len(self._begins_s), self._silicon.width_px - self._left
        rows, columns = (np.append(np.arange(0, side - 1, _FEW), side - 1) for side in sides)
        powers = self._powers(self._left + columns)
        x, y = (each[rows] @ powers for each in curve)
        spare = _WINDOW + max(
            float(np.abs(np.diff(at, axis=axis)).max(initial=0.0)) for at in (x, y) for axis in (0, 1)
        )
        found = []
        for box in layer.lit:
            meets = np.ones(x.shape, bool)
            for at, lit, side in zip((y, x), box, layer.sides, strict=True):
                # What is lit at a border is seen beyond it too.
                meets &= (at > lit.start - spare) | (lit.start == 0)
                meets &= (at < lit.stop + spare) | (lit.stop == side)
            if meets.any():
                down, across = (at[meets.any(axis=axis)] for axis, at in ((1, rows), (0, columns)))
                found.append((slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)))
        return found

    def _drawn(
        self,
        at: int,
        channels: tuple[int, ...],
        curve: tuple[Array, Array],
        lines: tuple[slice, slice],
        powers: Array,
    ) -> list[Array]:
        """Rates of some colours of a layer, or its cover, where rows and columns that are read look; what is not moved
        as it stands."""
        import cv2

        layer = self._light.layers[at]
        planes = [layer.cover if each == _COVER else layer.rates[each] for each in channels]
        if self._still and layer.path is None:
            dense, margin = self._density, self._light.margin_px
            rows, columns = (
                slice((first + each.start) * dense, (first + each.stop) * dense, each.step * dense)
                for first, each in zip((margin + self._top, margin + self._left), lines, strict=True)
            )
            return [np.asarray(plane, np.float32)[rows, columns] for plane in planes]
        x, y = (each[lines[0]] @ powers for each in curve)
        between = cv2.INTER_CUBIC if layer.soft or self._moments[at] > 1 else cv2.INTER_LANCZOS4
        if self._quick:
            between = cv2.INTER_LINEAR
        found = [
            np.asarray(cv2.remap(np.asarray(each), x, y, between, borderMode=cv2.BORDER_REFLECT_101), np.float32)
            for each in planes
        ]
        if not self._quick:
            for each in found:
                np.maximum(each, 0.0, out=each)  # below which it may swing
        return found

    def _powers_of(self, columns: slice) -> Array:
        """The powers of columns that are read, told once for all bands of rows."""
        key = columns.start, columns.stop, columns.step
        if key not in self._known_powers:
            self._known_powers[key] = self._powers(self._left + np.arange(*key))
        return self._known_powers[key]

    def _powers(self, columns: npt.NDArray[np.int64]) -> Array:
        """(4, n): 1, x, x^2 and x^3 of columns of the sensor, x from -1 to 1."""
        x = (columns - 0.5 * (self._silicon.width_px - 1)) / self._half
        return np.ascontiguousarray(np.vander(x, _POWERS, increasing=True).T, np.float32)

    def _curve(self, layer: Layer, rows: npt.NDArray[np.int64], after_s: float) -> tuple[Array, Array]:
        """(rows, 4) each: what to multiply `_powers` with for the columns, and the rows, of the light looked at.

        `rows` are counted from the first that is read, `after_s` from the begin of their exposure.
        """
        silicon, margin, scale = self._silicon, self._light.margin_px, self._scale_px
        middle_x, middle_y = 0.5 * (silicon.width_px - 1), 0.5 * (silicon.height_px - 1)
        times = self._begins_s[rows] + after_s
        y = self._top + rows - middle_y
        shift = np.zeros((2, len(times)))
        if layer.path is not None:
            ends = np.array([layer.path(float(time)) for time in (times[0], times[-1])])
            part = np.linspace(0.0, 1.0, len(times))
            shift = (ends[0, :, None] + (ends[1] - ends[0])[:, None] * part) * (1000.0 / silicon.pitch_um)
        pose, turn = self._posed(times)
        distance_mm = 1000.0 * (self._distance_m if layer.distance_m is None else layer.distance_m)
        nearer = 1.0 - pose[:, 5] / distance_mm
        ahead = (turn[:, 2, 1] * y / scale + turn[:, 2, 2]) / nearer
        lean = turn[:, 2, 0] * self._half / scale / nearer / ahead
        curves = []
        for axis, middle in ((0, middle_x), (1, middle_y)):
            start = (turn[:, axis, 1] * y + turn[:, axis, 2] * scale) / ahead
            slope = turn[:, axis, 0] * self._half / ahead
            bend = slope - start * lean
            curve = np.stack([start, bend, -bend * lean, bend * lean * lean], axis=1)
            curve[:, 0] += scale * pose[:, 3 + axis] / distance_mm + middle + margin - shift[axis]
            curve *= self._density
            curves.append(np.ascontiguousarray(curve, np.float32))
        return curves[0], curves[1]

    def _posed(self, times: Floats) -> tuple[Floats, Floats]:
        """The hand's pose (n, 6) at times and what it turns (see `turned`), told once for all layers."""
        key = len(times), float(times[0])
        if key not in self._known_poses:
            pose = np.stack([np.interp(times, self._knots, self._held[:, axis]) for axis in range(6)], axis=1)
            self._known_poses[key] = pose, turned(pose)
        return self._known_poses[key]

    def _corners(self, layer: Layer, after_s: float) -> Floats:
        """(2, 5, 2): x and y of the light that both ends of five rows look at, at a moment of their exposure."""
        rows = np.linspace(0, len(self._begins_s) - 1, 5).astype(np.int64)
        ends = self._powers(np.array([0, self._silicon.width_px - 1]))
        return (
            np.stack([curve @ ends for curve in self._curve(layer, rows, after_s)]).astype(np.float64) / self._density
        )

    def _count_moments(self, layer: Layer) -> int:
        """By how far the corners of a few rows of a layer move while they gather light."""
        steps = np.linspace(0.0, self._exposure_s, 2 if self._quick else _SHUTTER_STEPS)
        moves = np.diff(np.stack([self._corners(layer, float(step)) for step in steps]), axis=0)
        longest = float(np.hypot(moves[:, 0], moves[:, 1]).sum(axis=0).max())
        step_px = _SOFT_STEP_PX if layer.soft else _BLUR_STEP_PX
        return int(np.clip(math.ceil(longest / step_px), 1, 3 if self._quick else _MOST_MOMENTS))

    def _reach(self) -> float:
        """By how many pixels the background is looked at beyond the light that was computed; 0 where all is there."""
        background = self._light.layers[0]
        height, width = (side // self._density for side in background.sides)
        reach = 0.0
        for step in (0.5 * self._exposure_s,) if self._quick else (0.0, 0.5 * self._exposure_s, self._exposure_s):
            x, y = self._corners(background, step)
            reach = max(reach, float(max(-x.min(), x.max() - width + 1, -y.min(), y.max() - height + 1)))
        return max(reach, 0.0)


def met(at: slice, lit: slice) -> tuple[slice, slice]:
    """Which of some places lie within what is lit, and those places."""
    first, last = (max(0, -(-(end - at.start) // at.step)) for end in (lit.start, lit.stop))
    begin, end = at.start + first * at.step, min(at.stop, at.start + last * at.step)
    return slice(first, last), slice(begin, max(begin, end), at.step)


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
