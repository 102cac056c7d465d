"""Texture: how much of a dead-leaves chart's detail is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure
from anylens.lab.samples import Floats, Place, Samples
from anylens.lab.sharpness import in_lpmm, mtf50
from anylens.refusal import Refusal

LEAVES = 2.0
"""The exponent by which the power of dead leaves of all sizes falls with frequency."""

_TILE_PX = 128
_BAND_CPP = 0.02
_ROUNDS = 20
_COARSE = 4
"""Of how many of the coarsest bands the power must be more than the noise's where there is a texture."""


@dataclass(frozen=True, slots=True)
class TextureSharpness:
    """The MTF of texture, over all directions.

    `method` is `cross spectrum` (the truth was known: phase counts, noise does not) or `power spectrum` (less noise).
    """

    place_px: Place
    method: str
    size_px: int
    mtf50_cpp: Figure
    mtf50_lpmm: Figure | None
    mtf_nyquist: Figure
    frequencies_cpp: tuple[float, ...] = field(repr=False)
    mtf: tuple[float, ...] = field(repr=False)
    mtf_error: tuple[float, ...] = field(repr=False)


def texture_by_truth(samples: Samples, truth: npt.NDArray[np.floating]) -> TextureSharpness:
    """Texture kept, against what a perfect lens would have drawn: cross spectrum over the truth's own (McElvain 2010).

    `truth` (H, W) lies on the same lattice, in any scale of light; each tile's small shift is found by itself. Sites
    of a mosaic are taken as they are, the others are left empty: aliases have no truth to agree with and average out,
    as noise does. Modulation 1 is the coarsest texture's. Raises Refusal for too small or a different picture.
    """
    light, sites = _light_and_sites(samples)
    known = np.asarray(truth, np.float64)
    cross: Floats | float = 0.0
    own: Floats | float = 0.0
    seen: Floats | float = 0.0
    tiles = 0
    for tile in _tiles(light.shape):
        window = _window()
        its, there = sites[tile], known[tile]
        y = np.where(its, light[tile] - light[tile][its].mean(), 0.0) * window / its.mean()
        x = (there - np.average(there, weights=window)) * window
        fourier_y, fourier_x = np.fft.rfft2(y), np.fft.rfft2(x)
        both = fourier_y * np.conj(fourier_x)
        cross = cross + (both * _shift_back(both)).real
        own = own + np.abs(fourier_x) ** 2
        seen = seen + np.abs(fourier_y) ** 2
        tiles += 1
    frequencies, sums = _rings(np.array([cross, own, seen]))
    mtf = sums[0] / sums[1]
    if not mtf[0] > 0.0 or sums[0][0] ** 2 < 0.2 * sums[1][0] * sums[2][0]:
        raise Refusal("The truth shows another picture than the one measured; give the one of this very frame.")
    agreement = np.clip(sums[0] ** 2 / (sums[1] * sums[2]), 1e-6, 1.0)
    error = np.abs(mtf) * np.sqrt((1.0 - agreement) / (2.0 * agreement * _count(frequencies) * tiles))
    return _told(samples, "cross spectrum", frequencies, mtf, error)


@dataclass(frozen=True, slots=True)
class Leaves:
    """A chart of dead leaves by how it was made: discs whose number falls as radius^-3 between two radii, in px."""

    smallest_px: float
    largest_px: float

    def __post_init__(self) -> None:
        if not 0.0 < self.smallest_px < self.largest_px < math.inf:
            raise Refusal(
                f"Leaves of {self.smallest_px:g} to {self.largest_px:g} px do not exist; give the radius of the "
                "smallest disc, then of the largest."
            )

    def power(self) -> Floats:
        """(_TILE_PX, _TILE_PX): the expected power of a windowed tile, up to its unit, at fftfreq of whole pixels.

        Two points look alike as often as one disc covers both (Lee, Mumford & Huang 2001); window and all are
        in it, what is finer than the pixels is not folded in.
        """
        fine = 4
        size = 2 * fine * _TILE_PX
        away = np.linspace(0.0, 3.0 * _TILE_PX, 6001)
        radius = np.geomspace(self.smallest_px, self.largest_px, 400)
        number = radius**-2.0  # radius^-3, on a logarithmic scale
        number[[0, -1]] *= 0.5
        part = np.minimum(away[:, None] / (2.0 * radius), 1.0)
        both = (2.0 * radius**2 * (np.arccos(part) - part * np.sqrt(1.0 - part * part))) @ number
        alike = both / (2.0 * np.pi * (radius**2 @ number) - both)
        once = np.hanning(size // 2 + 1)[:-1]
        window = np.fft.irfft(np.abs(np.fft.rfft(once, size)) ** 2, size)
        step = np.abs(np.fft.fftfreq(size) * size) / fine
        power = np.fft.fft2(np.interp(np.hypot(step[:, None], step), away, alike) * np.outer(window, window)).real
        chosen = np.rint(np.fft.fftfreq(_TILE_PX) * _TILE_PX * 2).astype(np.int64)
        return np.asarray(np.maximum(power[np.ix_(chosen, chosen)], 0.0), np.float64)


def texture_by_spectrum(samples: Samples, reference: npt.NDArray[np.floating] | Leaves | float) -> TextureSharpness:
    """Texture kept, by its power spectrum less the noise's over the chart's own (Cao, Guichard & Hornung 2009).

    `reference` is how the chart was made, its picture at the same scale, not aligned, or the exponent of its power by
    frequency (LEAVES where nothing else is known). Sites of a mosaic are taken as they are: each frequency is read
    where its own power lies nearer than any that the lattice folds onto it, and what is folded is taken off by the
    curve itself, in rounds (own work). Raises Refusal for too small a picture, where the noise is not known, and where
    nothing stands above it.
    """
    light, sites = _light_and_sites(samples)
    if samples.noise is None:
        raise Refusal(
            "Its noise is not known, which would pass for texture; measure a raw whose file tells it, or give "
            "what a perfect camera would have seen (--truth)."
        )
    noise = samples.noise[0] * max(float(light[sites].mean()), 0.0) + samples.noise[1]
    seen, tiles = _power(light, sites)
    own = _own_power(reference)
    frequency = np.fft.fftfreq(_TILE_PX)
    radius = np.hypot(frequency[:, None], frequency)
    whole = noise * float(np.sum(_window() ** 2)) * float(np.mean(samples.sites))
    (unmoved, _), *moved = _folds(samples.sites)
    nearest = np.min([np.roll(radius, way, (0, 1)) for _, way in moved], axis=0) if moved else np.inf
    # The window spreads what is left of the mean over the first waves.
    first = np.abs(frequency) * _TILE_PX < 1.5
    kept = (radius <= nearest) & (radius < 0.5 + _BAND_CPP / 2) & ~(first[:, None] & first)
    ring = np.rint(radius / _BAND_CPP).astype(np.int64)

    def rings(plane: Floats) -> Floats:
        return np.asarray(np.bincount(ring[kept], plane[kept])[1:], np.float64)

    count = rings(np.ones_like(radius))
    frequencies, below = rings(radius) / count, rings(unmoved * own)
    above = rings(seen / tiles - whole)
    if above[:_COARSE].sum() < whole * count[:_COARSE].sum():
        raise Refusal("No texture stands above its noise; show a chart of dead leaves, or more light.")
    mtf = np.sqrt(np.maximum(above, 0.0) / below)
    for _ in range(_ROUNDS if moved else 0):
        power = own * np.interp(radius, [*frequencies, 1.0], [*mtf, 0.0]) ** 2
        folded = rings(sum((share * np.roll(power, way, (0, 1)) for share, way in moved), np.zeros_like(radius)))
        # Where own and folded power are nearly equal only their sum is known: both grow or fall by the same part.
        mtf = mtf * np.sqrt(np.maximum(above, 0.0) / (below * mtf**2 + folded + 1e-300))
    waves = _count(frequencies) * count / np.bincount(ring.ravel())[1 : len(count) + 1]
    error = 0.5 * mtf * rings(seen / tiles) / np.maximum(above, 1e-12 * rings(seen / tiles)) / np.sqrt(waves * tiles)
    return _told(samples, "power spectrum", frequencies, mtf, error)


def _folds(sites: npt.ArrayLike) -> list[tuple[float, tuple[int, int]]]:
    """(share of a picture's power, waves down and to the right) of each image that a lattice makes of it, itself first.

    `sites` (n, n) says which samples of n x n pixels there are.
    """
    step = len(np.asarray(sites))
    shares = np.abs(np.fft.fft2(np.asarray(sites, np.float64)) / step**2) ** 2
    return [
        (float(shares[i, j]), (i * _TILE_PX // step, j * _TILE_PX // step))
        for i in range(step)
        for j in range(step)
        if shares[i, j] > 1e-9
    ]


def _own_power(reference: npt.NDArray[np.floating] | Leaves | float) -> Floats:
    """(_TILE_PX, _TILE_PX): the power of the chart itself at fftfreq, in any unit."""
    if isinstance(reference, Leaves):
        return reference.power()
    if np.ndim(reference) == 2:
        known = np.asarray(reference, np.float64)
        if min(known.shape) < _TILE_PX:
            raise Refusal(f"The reference is smaller than {_TILE_PX} x {_TILE_PX} px; give a larger one.")
        return _power(known, np.ones(known.shape, np.bool_))[0]
    frequency = np.fft.fftfreq(_TILE_PX)
    return np.asarray(np.maximum(np.hypot(frequency[:, None], frequency), 1e-9) ** -float(np.asarray(reference)))


def _light_and_sites(samples: Samples) -> tuple[Floats, npt.NDArray[np.bool_]]:
    height, width = samples.shape
    if min(height, width) < _TILE_PX:
        raise Refusal(f"Texture needs {_TILE_PX} x {_TILE_PX} px at least; choose a larger picture.")
    return np.asarray(samples.pixels, np.float64), samples.sampled(slice(0, height), slice(0, width))


def _tiles(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Tiles that overlap by half."""
    half = _TILE_PX // 2
    for top in range(0, shape[0] - _TILE_PX + 1, half):
        for left in range(0, shape[1] - _TILE_PX + 1, half):
            yield slice(top, top + _TILE_PX), slice(left, left + _TILE_PX)


def _window() -> Floats:
    once = np.hanning(_TILE_PX + 1)[:-1]
    return np.asarray(np.outer(once, once), np.float64)


def _radius() -> Floats:
    return np.asarray(np.hypot(np.fft.fftfreq(_TILE_PX)[:, None], np.fft.rfftfreq(_TILE_PX)), np.float64)


def _shift_back(both: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
    """The wave that undoes a tile's shift, from the phase of its coarser detail, in two rounds."""
    down, right = np.meshgrid(np.fft.fftfreq(_TILE_PX), np.fft.rfftfreq(_TILE_PX), indexing="ij")
    turn = np.ones_like(both)
    for highest in (0.06, 0.15):
        coarse = (np.hypot(down, right) < highest) & (np.hypot(down, right) > 0.0)
        here = (both * turn)[coarse]
        design = 2.0 * np.pi * np.column_stack([down[coarse], right[coarse]])
        weight = np.abs(here)
        shift = np.linalg.pinv((design * weight[:, None]).T @ design) @ (design.T @ (weight * np.angle(here)))
        turn = turn * np.exp(-2j * np.pi * (down * shift[0] + right * shift[1]))
    return np.asarray(turn, np.complex128)


def _power(light: Floats, sites: npt.NDArray[np.bool_]) -> tuple[Floats, int]:
    """(sum over tiles of the power at fftfreq, tiles), other samples than those at `sites` left empty."""
    window, power, tiles = _window(), np.zeros((_TILE_PX, _TILE_PX)), 0
    for tile in _tiles(light.shape):
        here, its = light[tile], sites[tile]
        even = np.average(here[its], weights=window[its])
        power += np.abs(np.fft.fft2(np.where(its, here - even, 0.0) * window)) ** 2
        tiles += 1
    return power, tiles


def _rings(spectra: Floats) -> tuple[Floats, Floats]:
    """(frequencies, means over rings of them): rings of 0.02 cycles a pixel from 0.02 to 0.5."""
    radius = _radius()
    weight = np.full(radius.shape, 2.0)
    weight[:, 0] = weight[:, -1] = 1.0
    ring = np.rint(radius / _BAND_CPP).astype(np.int64)
    count = round(0.5 / _BAND_CPP)
    total = np.bincount(ring.ravel(), weight.ravel(), count + 1)
    frequencies = np.bincount(ring.ravel(), (weight * radius).ravel(), count + 1) / total
    means = [np.bincount(ring.ravel(), (weight * each).ravel(), count + 1) / total for each in spectra]
    return frequencies[1 : count + 1], np.array(means)[:, 1 : count + 1]


def _count(frequencies: Floats) -> Floats:
    """How many independent waves a ring of one tile has; the window makes neighbours alike, the overlap tiles."""
    return np.asarray(np.pi * frequencies * _BAND_CPP * _TILE_PX**2 / 4.5 / 2.0, np.float64)


def _told(samples: Samples, method: str, frequencies: Floats, mtf: Floats, error: Floats) -> TextureSharpness:
    height, width = samples.shape
    unit = float(mtf[0])
    if not unit > 0.0:
        raise Refusal("No texture stands out of the noise; show a chart of dead leaves, or more light.")
    mtf, error = mtf / unit, error / unit
    found = mtf50(frequencies, mtf, error)
    nyquist = Figure(float(mtf[-1]), float(error[-1])) if frequencies[-1] > 0.45 else Figure(float("nan"))
    return TextureSharpness(
        place_px=((width - 1) / 2.0, (height - 1) / 2.0),
        method=method,
        size_px=min(height, width),
        mtf50_cpp=found,
        mtf50_lpmm=in_lpmm(found, samples.pitch_um),
        mtf_nyquist=nyquist,
        frequencies_cpp=tuple(float(f) for f in frequencies),
        mtf=tuple(float(m) for m in mtf),
        mtf_error=tuple(float(e) for e in error),
    )
