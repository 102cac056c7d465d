"""Chip: one copy of a silicon, with the pattern that only it has, and how it counts light."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from anylens.twin.silicon.model import REFERENCE_C, Silicon
from anylens.twin.silicon.sampling import Sampling, met

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.uint16]

_BAND_ROWS = 64
_FEW_ELECTRONS = 16.0
_PATTERN_STEPS = 32.0
_STORE = 1 << 20
_NOISE, _PATTERN, _DEFECTS, _LIVE = range(4)


class Flickering(Protocol):
    """Light whose strength changes in time."""

    def mean(self, start_s: npt.ArrayLike, exposure_s: float) -> Floats:
        """The mean factor over exposures that begin at `start_s`."""
        ...


class Layer(Protocol):
    """One depth of the light behind the lens (see `twin.light.Layer`)."""

    @property
    def sides(self) -> tuple[int, int]: ...
    @property
    def lit(self) -> list[tuple[slice, slice]]: ...
    def seen(self, channel: int, rows: slice, columns: slice) -> Array: ...
    @property
    def rates(self) -> Array: ...
    @property
    def cover(self) -> Array | None: ...
    @property
    def path(self) -> Callable[[float], tuple[float, float]] | None: ...
    @property
    def distance_m(self) -> float | None: ...


class Light(Protocol):
    """The light behind the lens, on the grid of this silicon (see `twin.light.Light`)."""

    @property
    def layers(self) -> tuple[Layer, ...]: ...
    @property
    def margin_px(self) -> int: ...
    @property
    def pitch_um(self) -> float: ...
    @property
    def chief_ray_deg(self) -> Callable[[Floats], Floats]: ...
    @property
    def flicker(self) -> Flickering | None: ...


class Hand(Protocol):
    """How the camera stands in time: (n, 6) pitch, yaw and roll in radians and x, y, z in mm at times (n,) in s."""

    def __call__(self, time_s: Floats) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Exposed:
    """Counts (H, W) of the rows and columns that were read, and by how many pixels they looked beyond the light."""

    raw: Counts
    beyond_px: float


class Chip:
    """One copy of a silicon: `copy` chooses the pattern that stays with it."""

    def __init__(self, silicon: Silicon, copy: int = 1, threads: int = 2) -> None:
        self.silicon = silicon
        self._threads = max(1, threads)
        self._identity = (zlib.crc32(silicon.name.encode()), silicon.width_px, silicon.height_px, copy)
        self._light: Light | None = None
        self._gain: Array | None = None
        self._still: Array | None = None
        self._stored: Array | None = None
        self._gain_pattern, self._offset_pattern = self._patterns()
        rng = self._rng(_DEFECTS)
        pixels = silicon.width_px * silicon.height_px
        self._columns = rng.normal(0.0, silicon.column_e, silicon.width_px).astype(np.float32)
        self._hot, self._hot_e_per_s = _spread(rng, pixels, silicon.hot_share, silicon.hot_e_per_s)
        self._telegraph, self._telegraph_e = _spread(rng, pixels, silicon.telegraph_share, silicon.telegraph_e)
        self._dead, _ = _spread(rng, pixels, silicon.dead_share, 1.0)

    def expose(
        self,
        light: Light,
        exposure_s: float,
        gain: float = 1.0,
        *,
        start_s: float = 0.0,
        hand: Hand | None = None,
        scale_mm: float = 50.0,
        distance_m: float = math.inf,
        seed: int = 0,
        index: int = 0,
        temperature_c: float = REFERENCE_C,
        crop: tuple[int, int, int, int] | None = None,
        quick: bool = False,
    ) -> Exposed:
        """Counts of one exposure, the same for the same arguments however many threads work.

        Row r of those that are read begins to gather light `line_us * r` after `start_s`. `hand` moves the camera
        during and between exposures: turning it moves the picture by `scale_mm` (see `Glass`), shifting it by
        `scale_mm` over a layer's distance, `distance_m` where it has none. `crop` is (top, left, bottom, right).
        `quick` is for a viewfinder: the picture is moved less carefully (see `Sampling`), random numbers are used
        again. Below 16 electrons the number is drawn from Poisson's distribution, above from a Gaussian of that mean
        and variance, as ISETCam does (Farrell, Catrysse & Wandell 2012, at 25). Random numbers come from SFC64 streams,
        one for each band of 64 rows and frame.
        """
        silicon = self.silicon
        self._take(light)
        top, left, bottom, right = crop or (0, 0, silicon.height_px, silicon.width_px)
        begins_s = np.asarray(start_s + np.arange(bottom - top) * (silicon.line_us * 1e-6), np.float64)
        factors = np.full(bottom - top, exposure_s, np.float32)
        if light.flicker is not None:
            factors *= light.flicker.mean(begins_s, exposure_s).astype(np.float32)
        sampling = None
        if hand is not None or any(layer.path is not None for layer in light.layers):
            sampling = Sampling(light, silicon, hand, scale_mm, distance_m, begins_s, exposure_s, (top, left), quick)
        raw = np.empty((bottom - top, right - left), np.uint16)
        warmth = silicon.dark(1.0, temperature_c) / max(silicon.dark_e_per_s, 1e-30)

        def band(first: int) -> None:
            last = min(first + _BAND_ROWS, bottom - top)
            rows = slice(top + first, top + last)
            rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence((_NOISE, seed, index, first))))
            if sampling is None:
                assert self._still is not None
                electrons = self._still[rows, left:right] * factors[first:last, None]
            else:
                assert self._gain is not None
                electrons = sampling.rows(first, last, right - left)
                electrons *= self._gain[rows, left:right]
                electrons *= factors[first:last, None]
            electrons += np.float32(silicon.dark(exposure_s, temperature_c))
            inside = partial(_inside, rows=rows, left=left, right=right, width=silicon.width_px)
            where, hot = inside(self._hot, self._hot_e_per_s)
            electrons.reshape(-1)[where] += hot * np.float32(exposure_s * warmth)
            self._shake(electrons, gain, rng, quick)
            electrons += rng.standard_normal((last - first, 1), np.float32) * np.float32(silicon.row_noise_e)
            electrons += self._columns[left:right]
            where, steps = inside(self._telegraph, self._telegraph_e)
            electrons.reshape(-1)[where] += steps * (rng.random(len(steps), np.float32) < 0.5)
            where, _ = inside(self._dead, None)
            electrons.reshape(-1)[where] = 0.0
            raw[first:last] = self._converted(electrons, rows, left, right, gain)

        self._in_bands(band, range(0, bottom - top, _BAND_ROWS))
        return Exposed(raw, 0.0 if sampling is None else sampling.beyond_px)

    def _shake(self, electrons: Array, gain: float, rng: np.random.Generator, quick: bool) -> None:
        """Shot and read noise, in place; `quick` takes it from a store of random numbers, from a random place on."""
        silicon = self.silicon
        read = np.float32(silicon.read_noise(gain))
        if quick:
            begin = int(rng.integers(0, _STORE))
            noise = self._store()[begin : begin + electrons.size].reshape(electrons.shape)
        else:
            noise = rng.standard_normal(electrons.shape, np.float32)
        few = electrons < _FEW_ELECTRONS
        number = int(np.count_nonzero(few))
        if number:
            where = few if 2 * number < few.size else slice(None)
            means = np.minimum(electrons[where], _FEW_ELECTRONS)
            counted = rng.poisson(np.maximum(means, 0.0, out=means)).astype(np.float32)
            counted += read * noise[where]
            if number == few.size:
                electrons[...] = counted
                return
        spread = np.maximum(electrons, 0.0)
        spread += read * read
        np.sqrt(spread, out=spread)
        spread *= noise
        electrons += spread
        if number and isinstance(where, slice):
            np.copyto(electrons, counted, where=few)
        elif number:
            electrons[few] = counted
        np.minimum(electrons, np.float32(silicon.full_well_e), out=electrons)

    def _converted(self, electrons: Array, rows: slice, left: int, right: int, gain: float) -> Counts:
        silicon = self.silicon
        offsets = self._offset_pattern[rows, left:right] * np.float32(silicon.dsnu_e / _PATTERN_STEPS)
        electrons += offsets
        electrons *= np.float32(silicon.converted(gain))
        electrons += np.float32(silicon.black + 0.5)
        np.clip(electrons, 0.0, silicon.white, out=electrons)
        return electrons.astype(np.uint16)

    def _take(self, light: Light) -> None:
        """Makes ready for a light: by how much each pixel weakens it and, where nothing moves, what reaches each."""
        if self._light is light:
            return
        silicon = self.silicon
        sides = (silicon.height_px + 2 * light.margin_px, silicon.width_px + 2 * light.margin_px)
        if light.layers[0].sides != tuple(side * density(light, silicon) for side in sides):
            raise ValueError(f"the light has {light.layers[0].sides} values, not the {sides} of {silicon.name}")
        self._gain = self._weakening(light)
        self._still = None
        if all(layer.path is None for layer in light.layers):
            self._still = self._own_colors(light) * self._gain
        self._light = light

    def _weakening(self, light: Light) -> Array:
        """(H, W): what a pixel makes of light of its own colour: micro lenses off their design angle, and PRNU."""
        import cv2

        silicon = self.silicon
        width, height = silicon.size_mm
        x = np.linspace(-width / 2, width / 2, 97)
        y = np.linspace(-height / 2, height / 2, 73)
        places = np.stack(np.meshgrid(x, y), axis=-1)
        kept = acceptance(silicon, light.chief_ray_deg(places), np.hypot(places[..., 0], places[..., 1]))
        columns = np.linspace(0.0, len(x) - 1.0, silicon.width_px, dtype=np.float32)
        rows = np.linspace(0.0, len(y) - 1.0, silicon.height_px, dtype=np.float32)
        out = np.empty((silicon.height_px, silicon.width_px), np.float32)
        cell = len(silicon.cfa) or 1

        def band(first: int) -> None:
            across = slice(first, first + _BAND_ROWS)
            block = out[across]
            for dy in range(cell):
                for dx in range(cell):
                    colour = color_of(silicon, dy, dx)
                    at_x, at_y = np.meshgrid(columns[dx::cell], rows[across][dy::cell])
                    block[dy::cell, dx::cell] = cv2.remap(kept[colour], at_x, at_y, cv2.INTER_LINEAR)
            block *= 1.0 + self._gain_pattern[across] * np.float32(silicon.prnu / _PATTERN_STEPS)

        self._in_bands(band, range(0, silicon.height_px, _BAND_ROWS))
        return out

    def _own_colors(self, light: Light) -> Array:
        """(H, W): the light's rates under the filter's own colour at each pixel, all layers over each other."""
        silicon, margin = self.silicon, light.margin_px
        cell, part = len(silicon.cfa) or 1, density(light, silicon)
        out = np.empty((silicon.height_px, silicon.width_px), np.float32)

        def band(first: int) -> None:
            last = min(first + _BAND_ROWS, silicon.height_px)
            for dy, dx in np.ndindex(cell, cell):
                rows, columns = (
                    slice((margin + begin) * part, (margin + end) * part, cell * part)
                    for begin, end in ((first + dy, last), (dx, silicon.width_px))
                )
                colour = color_of(silicon, dy, dx)
                here = np.array(light.layers[0].seen(colour, rows, columns))
                for layer in light.layers[1:]:
                    for box in layer.lit:
                        which, places = zip(*map(met, (rows, columns), box), strict=True)
                        if here[which].size:
                            here[which] *= 1.0 - layer.seen(3, *places)
                            here[which] += layer.seen(colour, *places)
                out[first + dy : last : cell, dx::cell] = here

        self._in_bands(band, range(0, silicon.height_px, _BAND_ROWS))
        return out

    def _patterns(self) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
        """PRNU and DSNU of each pixel in 1/32 of their standard deviation."""
        silicon = self.silicon
        shape = (silicon.height_px, silicon.width_px)
        gains, offsets = np.empty(shape, np.int8), np.empty(shape, np.int8)

        def band(first: int) -> None:
            rng = self._rng(_PATTERN, first)
            for each in (gains[first : first + _BAND_ROWS], offsets[first : first + _BAND_ROWS]):
                drawn = rng.standard_normal(each.shape, np.float32)
                drawn *= np.float32(_PATTERN_STEPS)
                each[...] = np.clip(np.rint(drawn), -127, 127).astype(np.int8)

        self._in_bands(band, range(0, silicon.height_px, _BAND_ROWS))
        return gains, offsets

    def _rng(self, kind: int, band: int = 0) -> np.random.Generator:
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence((kind, *self._identity, band))))

    def _store(self) -> Array:
        """Random numbers that live frames share, as many as any band needs after any of the places to begin."""
        if self._stored is None:
            most = _STORE + _BAND_ROWS * self.silicon.width_px
            self._stored = self._rng(_LIVE).standard_normal(most, np.float32)
        return self._stored

    def _in_bands(self, work: Callable[[int], None], firsts: range) -> None:
        with ThreadPoolExecutor(self._threads) as pool:
            for _ in pool.map(work, firsts):
                pass


def acceptance(silicon: Silicon, chief_ray_deg: Floats, radius_mm: Floats) -> Array:
    """(3, ...): the share of light that pixels of R, G and B keep, for chief rays at a distance from the middle.

    The micro lenses stand for a chief ray that grows in proportion to the distance; what comes d degrees off is kept
    by exp(-0.5 (d / acceptance_deg)^2). Own work, and an assumption: only what is lost by colour is in it, not what
    strays into the neighbours.
    """
    design = silicon.design_chief_ray_deg * radius_mm / silicon.design_radius_mm
    off = chief_ray_deg - design
    return np.stack([np.exp(-0.5 * (off / sigma) ** 2) for sigma in silicon.acceptance_deg]).astype(np.float32)


def density(light: Light, silicon: Silicon) -> int:
    """How many values of light stand to a pixel along each side."""
    height = silicon.height_px + 2 * light.margin_px
    return max(1, light.layers[0].sides[0] // height)


def color_of(silicon: Silicon, row: int, column: int) -> int:
    """Which plane of the light, 0 R, 1 G, 2 B, the pixel at row and column counts; green where there is no filter."""
    cell = len(silicon.cfa)
    return "RGB".index(silicon.cfa[row % cell][column % cell]) if cell else 1


def _spread(rng: np.random.Generator, pixels: int, share: float, mean: float) -> tuple[npt.NDArray[np.int64], Array]:
    """Places of some pixels in ascending order, and exponentially spread figures for them."""
    number = int(rng.poisson(share * pixels))
    where = np.unique(rng.integers(0, pixels, number))
    return where, rng.exponential(mean, len(where)).astype(np.float32)


def _inside(
    where: npt.NDArray[np.int64], values: Array | None, rows: slice, left: int, right: int, width: int
) -> tuple[npt.NDArray[np.int64], Array]:
    """Those of the places that lie in a band, as places in the band, and their figures."""
    begin, end = np.searchsorted(where, (rows.start * width, rows.stop * width))
    down, across = np.divmod(where[begin:end], width)
    seen = (across >= left) & (across < right)
    found = (down[seen] - rows.start) * (right - left) + across[seen] - left
    return found, np.zeros(0, np.float32) if values is None else values[begin:end][seen]
