"""Dead leaves: discs of all sizes, one over the other, as nature's own statistics of edges and colours."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from anylens.twin.scenes.plane import LUX, Array, Field, Mark, Plane, colored, grey, lit, option
from anylens.twin.spectra import WAVELENGTH_NM, Source

Floats = npt.NDArray[np.float64]

_ONE_PEN = threading.Lock()
"""Two threads that draw small discs at once mostly wait for each other; one may draw while the other computes."""
_TILE, _TILES = 1024, 128


@dataclass(frozen=True, eq=False)
class Leaves:
    """Discs from the lowest to the uppermost: `places_mm` (n, 2), `radii_mm` (n,), `which` (n,) of the spectra."""

    places_mm: Floats
    radii_mm: Floats
    which: npt.NDArray[np.int32]
    _drawn: OrderedDict[tuple[int, int, float], npt.NDArray[np.uint8]] = field(default_factory=OrderedDict, repr=False)

    def draw(self, colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
        """The plane's colours: drawn on a raster twice as fine, averaged over squares, then sought at the places."""
        import cv2

        fine = 0.5 * step_mm
        ends = x_mm[:, :, [0, -1]], y_mm[:, [0, -1]]
        left, top = (math.floor(float(at.min()) / fine) - 4 for at in ends)
        width, height = (
            math.ceil(float(at.max()) / fine) + 5 - first for at, first in zip(ends, (left, top), strict=True)
        )
        labels = self._seen(left, top, width, height, fine)
        shape = np.broadcast_shapes(x_mm.shape, y_mm.shape)
        out = np.empty((colors.shape[1], *shape[1:]), np.float32)
        for channel in range(colors.shape[1]):
            averaged = cv2.blur(colored(labels, colors[:, channel]), (2, 2), anchor=(1, 1))
            # The average of points i - 1 and i lies half a point before i.
            x, y = (at[min(channel, len(at) - 1)] for at in (x_mm, y_mm))
            u, v = (
                np.ascontiguousarray(np.broadcast_to(at * np.float32(1.0 / fine) - np.float32(first - 0.5), shape[1:]))
                for at, first in ((x, left), (y, top))
            )
            cv2.remap(averaged, u, v, cv2.INTER_CUBIC, out[channel])
        return out

    def _seen(self, left: int, top: int, width: int, height: int, fine: float) -> npt.NDArray[np.uint8]:
        """(height, width): the uppermost disc's spectrum at points `fine` apart, the first `left`, `top` of them from
        the middle."""
        labels = np.empty((height, width), np.uint8)
        for i in range(left // _TILE, (left + width - 1) // _TILE + 1):
            for j in range(top // _TILE, (top + height - 1) // _TILE + 1):
                x, y = i * _TILE - left, j * _TILE - top
                tile = self._tile(i, j, fine)[max(-y, 0) : height - y, max(-x, 0) : width - x]
                labels[max(y, 0) :, max(x, 0) :][: len(tile), : tile.shape[1]] = tile
        return labels

    def _tile(self, i: int, j: int, fine: float) -> npt.NDArray[np.uint8]:
        """A square of points, drawn when it is first asked for; so many of the last ones are kept."""
        key = i, j, fine
        if (tile := self._drawn.get(key)) is None:
            with _ONE_PEN:
                if (tile := self._drawn.get(key)) is None:
                    tile = self._labels(i * _TILE * fine, j * _TILE * fine, _TILE, _TILE, fine)
                    self._drawn[key] = tile
                    while len(self._drawn) > _TILES:
                        self._drawn.popitem(last=False)
        return tile

    def _labels(self, left: float, top: float, width: int, height: int, fine: float) -> npt.NDArray[np.uint8]:
        """(height, width): the uppermost disc's spectrum at points `fine` apart."""
        import cv2

        right, bottom = left + width * fine, top + height * fine
        near = self._within(left, right, top, bottom)
        x, y, radii_mm = *self.places_mm[near].T, self.radii_mm[near]
        # What a large disc hides entirely need not be drawn.
        reach = np.hypot(np.maximum(abs(x - left), abs(x - right)), np.maximum(abs(y - top), abs(y - bottom)))
        chosen, whole = np.sort(near), near[reach < radii_mm]
        chosen = chosen[np.searchsorted(chosen, whole.max()) :] if len(whole) else chosen
        chosen = chosen[~self._hidden(chosen, fine)]
        labels = np.zeros((height, width), np.uint8)
        at = np.rint((self.places_mm[chosen] - (left, top)) / fine * 16.0).astype(np.int64)
        # A filled circle holds the points on its rim too: half a point less makes its area right.
        radii = np.maximum(np.rint(self.radii_mm[chosen] / fine * 16.0 - 8.0), 1).astype(np.int64)
        discs = zip(at.tolist(), radii.tolist(), self.which[chosen].tolist(), strict=True)
        for place, radius, which in discs:
            cv2.circle(labels, place, radius, which, -1, cv2.LINE_8, 4)
        return labels

    def _hidden(self, chosen: npt.NDArray[np.intp], fine: float) -> npt.NDArray[np.bool_]:
        """(n,): which discs lie wholly under a larger one that comes later, drawn as chords; more than half do."""
        (x, y), radii = self.places_mm[chosen].T.astype(np.float32), self.radii_mm[chosen].astype(np.float32)
        large = np.flatnonzero(radii > 6.0 * self.radii_mm.min())
        dx, dy = x[large, None] - x, y[large, None] - y
        spare = 0.998 * radii[large, None] - radii - np.float32(2.0 * fine)
        under = (spare > 0.0) & (dx * dx + dy * dy < spare * spare) & (np.arange(len(chosen)) < large[:, None])
        return np.asarray(under.any(axis=0))

    @cached_property
    def _by_height(self) -> list[tuple[npt.NDArray[np.intp], Floats]]:
        """The many small discs and the few large ones apart: their numbers from top to bottom, (3, n) x, y, radius.

        To look through all of them for every window took longer than to draw it.
        """
        small = self.radii_mm < 8.0 * self.radii_mm.min()
        found = []
        for numbers in (np.flatnonzero(small), np.flatnonzero(~small)):
            ordered = numbers[np.argsort(self.places_mm[numbers, 1])]
            found.append((ordered, np.stack([*self.places_mm[ordered].T, self.radii_mm[ordered]])))
        return found

    def _within(self, left: float, right: float, top: float, bottom: float) -> npt.NDArray[np.intp]:
        """Numbers of all discs that reach into a rectangle, in no order."""
        found = []
        for numbers, discs in self._by_height:
            reach = float(discs[2].max(initial=0.0))
            part = slice(*np.searchsorted(discs[1], (top - reach, bottom + reach)))
            x, y, radii = discs[:, part]
            meets = (x + radii > left) & (x - radii < right) & (y + radii > top) & (y - radii < bottom)
            found.append(numbers[part][meets])
        return np.concatenate(found)


def leaves(field: Field, largest: float, smallest_px: float, spectra_count: int, seed: int) -> Leaves:
    """Discs whose radii fall off as radius^-3 from `largest` (of the picture's height) to `smallest_px`, as many as
    cover the field two and a half times, 600 000 at most (Lee, Mumford and Huang 2001)."""
    rng = np.random.default_rng((seed, 0xDEAD))
    most, least = largest * field.height_mm, smallest_px * field.pitch_um * 1e-3
    least = min(least, 0.5 * most)
    spread = 1.2
    area = spread * spread * field.width_mm * field.height_mm
    mean = 2.0 * np.pi * np.log(most / least) / (least**-2.0 - most**-2.0)
    count = min(int(2.5 * area / mean) + 1, 600_000)
    share = rng.random(count)
    radii = (least**-2.0 - share * (least**-2.0 - most**-2.0)) ** -0.5
    places = (rng.random((count, 2)) - 0.5) * (spread * field.width_mm, spread * field.height_mm)
    return Leaves(places, radii, rng.integers(1, spectra_count, count).astype(np.int32))


def smooth_surfaces(count: int, seed: int, saturation: float) -> Floats:
    """(count, 33): reflectances 0.03 to 0.93, each a sigmoid of a few broad bells; grey at `saturation` 0; own work."""
    rng = np.random.default_rng((seed, 0xC0105))
    bells = np.exp(-0.5 * ((WAVELENGTH_NM - np.linspace(390.0, 730.0, 8)[:, None]) / 45.0) ** 2)
    strength = saturation * rng.uniform(0.2, 1.0, (count, 1)) * rng.normal(0.0, 1.6, (count, 8))
    curve = rng.normal(-0.9, 1.1, (count, 1)) + strength @ bells
    return np.asarray(0.03 + 0.9 / (1.0 + np.exp(-curve)))


@dataclass(frozen=True, slots=True)
class DeadLeaves:
    """Discs of all sizes and colours lying over each other, whose texture looks alike at every scale.

    `largest` radius in parts of the picture's height, `smallest_px` radius in pixels, `saturation` 0 (grey) to 2 of
    their colours; the seed draws others.
    """

    lux: float = option(1000.0, *LUX)
    largest: float = option(0.15, 0.01, 0.5)
    smallest_px: float = option(1.5, 0.5, 100.0)
    saturation: float = option(0.6, 0.0, 2.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:
        surfaces = np.vstack([grey(0.2), smooth_surfaces(255, seed, self.saturation)])
        drawn = Once(lambda: leaves(field, self.largest, self.smallest_px, 256, seed))
        whole = [(a * field.width_mm / 2, b * field.height_mm / 2) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        marks = (Mark("texture", "dead leaves", tuple(whole)),)
        return (Plane(lit(surfaces, source, self.lux), drawn.draw, marks=marks),)


class Once:
    """A drawing that is prepared when it is first asked for, whoever asks first."""

    def __init__(self, prepared: object) -> None:
        self._prepared = prepared
        self._drawing: Leaves | None = None
        self._lock = threading.Lock()

    def draw(self, colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
        """As the drawing draws."""
        with self._lock:
            if self._drawing is None:
                self._drawing = self._prepared()  # type: ignore[operator]
        return self._drawing.draw(colors, x_mm, y_mm, step_mm)
