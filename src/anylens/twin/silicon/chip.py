"""Chip: one copy of a silicon, with the pattern that only it has, and how it counts light."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from anylens.twin.silicon.exposure import Exposure, Light, color_of, density
from anylens.twin.silicon.model import Silicon
from anylens.twin.silicon.sampling import Sampling

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.uint16]

_BAND_ROWS, _LIVE_ROWS = 64, 192
"""Rows that one thread counts at a time, fewer than stay in a core's own cache; more of a live frame's short ones."""
_FEW_ELECTRONS = 16.0
_PATTERN_STEPS = 32.0
_STORE = 1 << 20
_NOISE, _PATTERN, _DEFECTS, _LIVE = range(4)


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
        self._gain: Array = np.ones((1, 1), np.float32)
        self._ground: Array | None = None
        self._stored: Array | None = None
        self._gain_pattern, self._offset_pattern = self._patterns()
        rng = self._rng(_DEFECTS)
        pixels = silicon.width_px * silicon.height_px
        self._columns = rng.normal(0.0, silicon.column_e, silicon.width_px).astype(np.float32)
        self._hot, self._hot_e_per_s = _spread(rng, pixels, silicon.hot_share, silicon.hot_e_per_s)
        self._telegraph, self._telegraph_e = _spread(rng, pixels, silicon.telegraph_share, silicon.telegraph_e)
        self._dead, _ = _spread(rng, pixels, silicon.dead_share, 1.0)

    def expose(self, light: Light, exposure: Exposure) -> Exposed:
        """Counts of one exposure, the same for the same arguments however many threads work.

        Below 16 electrons the number is drawn from Poisson's distribution, above from a Gaussian of that mean and
        variance, as ISETCam does (Farrell, Catrysse & Wandell 2012, at 25). Random numbers come from SFC64 streams, one
        for each frame and band of 64 rows (192 of a `quick` one).
        """
        silicon = self.silicon
        self._take(light)
        top, left, bottom, right = exposure.read(silicon)
        gathered_s = np.full((bottom - top, 1), exposure.exposure_s, np.float32)
        if light.flicker is not None:
            means = light.flicker.mean(exposure.begins_s(silicon), exposure.exposure_s)
            gathered_s *= means.astype(np.float32)[:, None]
        sampling = self._sampling(light, exposure)
        raw = np.empty((bottom - top, right - left), np.uint16)
        step = _LIVE_ROWS if exposure.quick else _BAND_ROWS

        def band(first: int) -> None:
            last = min(first + step, bottom - top)
            rows = slice(top + first, top + last)
            electrons = sampling.rows(first, last, right - left)
            electrons *= self._gain[rows, left:right]
            electrons *= gathered_s[first:last]
            raw[first:last] = self._counted(electrons, exposure, rows, first)

        self._in_bands(band, range(0, bottom - top, step))
        return Exposed(raw, sampling.beyond_px)

    def _sampling(self, light: Light, exposure: Exposure) -> Sampling:
        """What rows gather; what stands still behind all that moves is put together once for all frames."""
        silicon = self.silicon
        if exposure.hand is not None:
            return Sampling(light, silicon, exposure, light.layers)
        behind = tuple(takewhile(lambda layer: layer.path is None, light.layers))
        if self._ground is None:
            still = Sampling(light, silicon, Exposure(0.0), behind)
            self._ground = ground = np.empty((silicon.height_px, silicon.width_px), np.float32)

            def band(first: int) -> None:
                last = min(first + _BAND_ROWS, len(ground))
                ground[first:last] = still.rows(first, last, silicon.width_px)

            self._in_bands(band, range(0, len(ground), _BAND_ROWS))
        return Sampling(light, silicon, exposure, light.layers[len(behind) :], self._ground)

    def _counted(self, electrons: Array, exposure: Exposure, rows: slice, first: int) -> Counts:
        """Counts of a band: the light's `electrons`, which are overwritten, and all that the silicon adds to them."""
        silicon, gain = self.silicon, exposure.gain
        _, left, _, right = exposure.read(silicon)
        inside = partial(_inside, rows=rows, left=left, right=right, width=silicon.width_px)
        seeds = np.random.SeedSequence((_NOISE, exposure.seed, exposure.index, first))
        rng = np.random.Generator(np.random.SFC64(seeds))
        warmth = silicon.dark(1.0, exposure.temperature_c) / max(silicon.dark_e_per_s, 1e-30)
        electrons += np.float32(silicon.dark(exposure.exposure_s, exposure.temperature_c))
        where, hot = inside(self._hot, self._hot_e_per_s)
        electrons.reshape(-1)[where] += hot * np.float32(exposure.exposure_s * warmth)
        self._shake(electrons, gain, rng, exposure.quick)
        electrons += rng.standard_normal((len(electrons), 1), np.float32) * np.float32(silicon.row_noise_e)
        electrons += self._columns[left:right]
        where, steps = inside(self._telegraph, self._telegraph_e)
        electrons.reshape(-1)[where] += steps * (rng.random(len(steps), np.float32) < 0.5)
        where, _ = inside(self._dead, None)
        electrons.reshape(-1)[where] = 0.0
        electrons += self._offset_pattern[rows, left:right] * np.float32(silicon.dsnu_e / _PATTERN_STEPS)
        electrons *= np.float32(silicon.converted(gain))
        electrons += np.float32(silicon.black + 0.5)
        np.clip(electrons, 0.0, silicon.white, out=electrons)
        return electrons.astype(np.uint16)

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

    def _take(self, light: Light) -> None:
        """Makes ready for a light: by how much each pixel weakens it."""
        if self._light is light:
            return
        silicon = self.silicon
        sides = (silicon.height_px + 2 * light.margin_px, silicon.width_px + 2 * light.margin_px)
        if light.layers[0].sides != tuple(side * density(light, silicon) for side in sides):
            raise ValueError(f"the light has {light.layers[0].sides} values, not the {sides} of {silicon.name}")
        self._gain = self._weakening(light)
        self._ground = None
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
            most = _STORE + _LIVE_ROWS * self.silicon.width_px
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
