"""The light that reaches each pixel of a camera that moves, of its own colour only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from anylens.twin.silicon.exposure import Exposure, Layer, Light, color_of, density
from anylens.twin.silicon.gaze import FEW, Gaze, every_row
from anylens.twin.silicon.model import Silicon

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Lines = tuple[slice, slice]
"""Rows and columns."""

_BLUR_STEP_PX, _SOFT_STEP_PX = 0.7, 2.1
_MOST_MOMENTS, _MOST_QUICK_SPELLS = 24, 3
_SHUTTER_STEPS = 9
_APART_PX = 0.2
_COVER = 3
_WINDOW = 4
"""How far from a place its light is interpolated."""


class Sampling:
    """What rows of a moving camera gather, each pixel of its own colour.

    Each layer moves through so many moments that none is further than 0.7 pixels from the next, 2.1 where there is no
    fine detail (24 at most). An exposure is cut into spells, as many as there are moments of the layer that moves most
    but one, three at most of a `quick` one: in each, layers hide one another as they stand in its middle, smeared by
    how they move meanwhile (see `_Patch`). `beyond_px` is how far the background is looked at beyond the light that
    was computed; 0 where all is there.

    It looks at `layers` of a light; `ground` (H, W) is what those behind them give each pixel, if there are any.
    """

    def __init__(
        self,
        light: Light,
        silicon: Silicon,
        exposure: Exposure,
        layers: Sequence[Layer],
        ground: Array | None = None,
    ) -> None:
        self._silicon, self._ground = silicon, ground
        self._top, self._left, _, _ = exposure.read(silicon)
        gaze = Gaze(silicon, exposure, light.margin_px, density(light, silicon))
        movements = [(layer, _Movement(gaze, layer, exposure)) for layer in layers]
        spells = sorted((1, 1, *(each.moments for _, each in movements)))[-2]
        self._spells = min(spells, _MOST_QUICK_SPELLS) if exposure.quick else spells
        self._moved = [_Moved(gaze, layer, exposure, each, self._spells) for layer, each in movements]
        self.beyond_px = max((each.beyond_px for layer, each in movements if layer is light.layers[0]), default=0.0)

    def rows(self, first: int, last: int, columns: int) -> Array:
        """(last - first, columns): mean rates of these of the rows that are read."""
        lines = slice(first, last), slice(0, columns)
        sites = list(self._sites(lines))
        seen = self._seen(0, lines, sites)
        for spell in range(1, self._spells):
            for whole, part in zip(seen, self._seen(spell, lines, sites), strict=True):
                whole += part
        out = np.empty((last - first, columns), np.float32)
        for (_, (down, across)), each in zip(sites, seen, strict=True):
            np.multiply(each, np.float32(1.0 / self._spells), out=out[down.start - first :: down.step, across])
        return out

    def _seen(self, spell: int, lines: Lines, sites: Sequence[tuple[int, Lines]]) -> list[Array]:
        """The same of one spell, site by site: all layers over each other, the farthest first."""
        seen = [self._behind(site) for _, site in sites]
        for patch in (patch for moved in self._moved for patch in moved.patches(spell, lines)):
            for (colour, site), whole in zip(sites, seen, strict=True):
                patch.put_over(whole, colour, site)
        return seen

    def _behind(self, site: Lines) -> Array:
        """(h, w): what stands behind all that is looked at, on the pixels of one site of the colour filter's cell."""
        if self._ground is None:
            return np.zeros([len(range(each.start, each.stop, each.step)) for each in site], np.float32)
        rows, columns = (
            slice(begin + each.start, begin + each.stop, each.step)
            for begin, each in zip((self._top, self._left), site, strict=True)
        )
        return self._ground[rows, columns].copy()

    def _sites(self, lines: Lines) -> Iterator[tuple[int, Lines]]:
        """Which colour some of the rows and columns that are read count, and which of them that are."""
        cell = len(self._silicon.cfa) or 1
        rows, columns = lines
        for dy, dx in np.ndindex(cell, cell):
            down = slice(rows.start + (dy - self._top - rows.start) % cell, rows.stop, cell)
            across = slice(columns.start + (dx - self._left - columns.start) % cell, columns.stop, cell)
            if down.start < down.stop and across.start < across.stop:
                yield color_of(self._silicon, dy, dx), (down, across)


class _Movement:
    """How a layer moves during an exposure: so many `moments`, so far `apart_px` its left and its right; how far what
    is looked at lies beyond it."""

    def __init__(self, gaze: Gaze, layer: Layer, exposure: Exposure) -> None:
        corners = gaze.corners(layer, np.linspace(0.0, exposure.exposure_s, _SHUTTER_STEPS))
        longest = float(np.hypot(*np.diff(corners, axis=0).swapaxes(0, 1)).sum(axis=0).max())
        step_px = _SOFT_STEP_PX if layer.soft else _BLUR_STEP_PX
        self.moments = int(np.clip(math.ceil(longest / step_px), 1, _MOST_MOMENTS))
        away = corners - corners.mean(axis=0)
        self.apart_px = float(np.ptp(away, axis=-1).max())
        height, width = (side // gaze.density for side in layer.sides)
        x, y = corners[:, 0], corners[:, 1]
        self.beyond_px = max(0.0, *map(float, (-x.min(), x.max() - width + 1, -y.min(), y.max() - height + 1)))


class _Moved:
    """A layer as it is looked at in one exposure, spell by spell."""

    def __init__(self, gaze: Gaze, layer: Layer, exposure: Exposure, movement: _Movement, spells: int) -> None:
        import cv2

        self.gaze, self.layer = gaze, layer
        self.stands = exposure.hand is None and layer.path is None
        moves = layer.soft or movement.moments > 1
        self.between = cv2.INTER_LINEAR if exposure.quick else cv2.INTER_CUBIC if moves else cv2.INTER_LANCZOS4
        count = -(-movement.moments // spells)
        after_s = (np.arange(count * spells) + 0.5) / (count * spells) * exposure.exposure_s
        curves = gaze.curves(layer, gaze.few_rows, after_s)
        self.moments = curves.reshape(spells, count, *curves.shape[1:])
        middles = self.moments.mean(axis=1, dtype=np.float64).astype(np.float32)
        self.middles = every_row(middles, len(gaze.begins_s))
        self._lit = [self._met(*each) for each in zip(self.moments, middles, strict=True)]
        # Every part of a row smears as its middle does.
        self._parts = math.ceil(movement.apart_px / spells / _APART_PX) or 1 if count > 1 else 1

    def patches(self, spell: int, lines: Lines) -> Iterator[_Patch]:
        """What is to be looked at in some rows and columns that are read."""
        (rows, columns), few_columns = lines, self.gaze.few_columns
        near = slice(rows.start // FEW, -(-(rows.stop - 1) // FEW) + 1)
        for run in runs(np.any(self._lit[spell][near], axis=0)):
            first = max(columns.start, int(few_columns[run.start]))
            last = min(columns.stop, int(few_columns[run.stop - 1]) + 1)
            ends = np.linspace(first, last, self._parts + 1).astype(int).tolist()
            for left, right in pairwise(ends):
                if left < right:
                    yield _Patch(self, spell, (rows, slice(left, right)))

    def _met(self, moments: Array, middle: Array) -> npt.NDArray[np.bool_]:
        """Whether a spell sees anything that is lit near the few rows and columns."""
        columns = self.gaze.few_columns
        if self.layer.cover is None:
            return np.ones((middle.shape[1], len(columns)), bool)
        x, y = self.gaze.places(middle, columns)
        ends = self.gaze.places(moments, columns[[0, -1]])
        steps = [np.abs(np.diff(at, axis=axis)).max(initial=0.0) for at in (x, y) for axis in (0, 1)]
        spare = _WINDOW + float(max(steps)) + float(np.abs(ends - ends.mean(axis=0)).max())
        return self.layer.lit(x, y, spare)


class _Patch:
    """Part of a layer in rows and `columns` that are read, in one spell: smeared along the way it goes there,
    then looked at where its middle is.

    What smears is cubics (Keys 1981) about each moment, the same for all of the patch. Between pixels light is
    interpolated by a cubic where the layer moves, which blurs more than that does, or has no fine detail, by Lanczos's
    window over 8 x 8 samples (Turkowski 1990) else, by straight lines in a hurry; places are rounded to 1/32 of the
    light's own steps.
    """

    def __init__(self, moved: _Moved, spell: int, lines: Lines) -> None:
        rows, self.columns = lines
        self._moved, self._first_row = moved, rows.start
        self._curves = moved.middles[spell][:, rows]
        self._planes: dict[int, Array] = {}
        self._smear: Array | None = None
        self._near: Lines = slice(None), slice(None)
        if moved.moments.shape[1] > 1:
            columns, gaze = self.columns, moved.gaze
            middle = (rows.start + rows.stop) // 2 // FEW, np.array([(columns.start + columns.stop) // 2])
            way = gaze.places(moved.moments[spell][:, :, [middle[0]]], middle[1])[:, :, 0, 0]
            self._smear = smear((way - way.mean(axis=0)).astype(np.float64))
            corners = gaze.places(self._curves[:, [0, -1]], np.array([columns.start, columns.stop - 1]))
            across, down = (
                _within(at, _WINDOW + reach // 2, side)
                for at, reach, side in zip(corners, self._smear.shape[::-1], moved.layer.sides[::-1], strict=True)
            )
            self._near = down, across
            self._curves = self._curves.copy()
            self._curves[:, :, 0] -= np.array([[across.start], [down.start]], np.float32)

    def put_over(self, whole: Array, colour: int, site: Lines) -> None:
        """Puts it over what stands behind it on the pixels of one site of the colour filter's cell."""
        down, across = site
        begin, end = (-(-(at - across.start) // across.step) for at in (self.columns.start, self.columns.stop))
        if begin < end:
            columns = slice(across.start + begin * across.step, self.columns.stop, across.step)
            rates, *cover = self.looked_at(colour, (down, columns))
            here = whole[:, begin:end]
            for each in cover:
                here *= np.float32(1.0) - each
            here += rates

    def looked_at(self, colour: int, lines: Lines) -> list[Array]:
        """Rates of a colour at some of the rows and columns that are read, and the cover there, if any."""
        import cv2

        moved = self._moved
        channels = (colour,) if moved.layer.cover is None else (colour, _COVER)
        if moved.stands:
            there = moved.gaze.as_it_stands(lines)
            return [moved.layer.seen(each, *there) for each in channels]
        planes = [self._plane(each) for each in channels]
        rows = slice(lines[0].start - self._first_row, lines[0].stop - self._first_row, lines[0].step)
        x, y = moved.gaze.places(self._curves[:, rows], lines[1])
        ways = x, y, moved.between
        found = [np.asarray(cv2.remap(each, *ways, borderMode=cv2.BORDER_REFLECT_101), np.float32) for each in planes]
        if moved.between != cv2.INTER_LINEAR:  # all others may swing below 0
            for each in found:
                np.maximum(each, 0.0, out=each)
        return found

    def _plane(self, channel: int) -> Array:
        """The smeared rates of R, G or B or the cover, of all that is looked at."""
        import cv2

        if channel not in self._planes:
            layer = self._moved.layer
            plane = np.asarray(layer.cover if channel == _COVER else layer.rates[channel])
            if self._smear is not None:
                plane = cv2.filter2D(plane[self._near], -1, self._smear, borderType=cv2.BORDER_REFLECT_101)
            self._planes[channel] = plane
        return self._planes[channel]


def smear(way: Floats) -> Array:
    """(h, w), odd, 1 in all: cubics' weights about places `way` (n, 2), x and y, from the middle (Keys 1981)."""
    across, down = (_cubics(at) for at in way.T)
    return np.asarray(down.T @ across / len(way), np.float32)


def _cubics(at: Floats) -> Floats:
    """(n, 2 r + 1): what whole numbers from -r to r count in cubics about numbers (n,)."""
    reach = math.ceil(float(np.abs(at).max())) + 1
    x = np.abs(np.arange(-reach, reach + 1) - at[:, None])
    near, far = (1.5 * x - 2.5) * x * x + 1.0, ((2.5 - 0.5 * x) * x - 4.0) * x + 2.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _within(at: Array, spare: int, side: int) -> slice:
    """What of a side lies near some places, and what is seen mirrored at its ends."""
    first, last = math.floor(float(at.min())) - spare, math.ceil(float(at.max())) + spare
    first, last = min(first, 2 * (side - 1) - last), max(last, -first)
    return slice(max(first, 0), min(last, side - 1) + 1)


def runs(chosen: npt.ArrayLike) -> list[slice]:
    """From the first to the last of those that are chosen, but where four and more between them are not."""
    found: list[slice] = []
    bounds = np.flatnonzero(np.append(False, chosen) != np.append(chosen, False)).tolist()
    for first, last in zip(bounds[::2], bounds[1::2], strict=True):
        near = found and first - found[-1].stop < 4
        found.append(slice(found.pop().start if near else first, last))
    return found
