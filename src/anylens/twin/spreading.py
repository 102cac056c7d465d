"""How a lens spreads points, for each colour channel all over the field: the kernels of the blur."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from anylens.twin.blur import Grid
from anylens.twin.glass import Glass, Mounting
from anylens.twin.places import Net, crossings
from anylens.twin.scenes import Field

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Transfers = npt.NDArray[np.complex64]

SPREAD_NM = (430.0, 470.0, 510.0, 550.0, 590.0, 630.0, 670.0)
"""The wavelengths at which the lens is traced; colour itself is summed over all 33 of a spectrum."""
_FEW_NM = (430.0, 480.0, 530.0, 590.0, 650.0)
"""Those of a blur that leaves no detail finer than a pixel."""

_LEAST, _MOST = 32, 256
"""Samples along the sides of the smallest and of the largest kernels."""
_CORE, _ENERGY = 0.85, 0.996
_LEFT = 4
"""Columns of a transfer function left of its middle, for what is sought close to it."""
SKIRT_PX = 8
_SKIRT_CELLS, _SKIRT_KNOTS, _SKIRT_LEAST, _FULL = 96, 5, 0.005, 0.6
"""The least share of light that is drawn as a skirt; how full of nearly all light a window is that may not hold it."""
_WIDER, _WIDEST = 2.25, 2.85
"""Sides of kernels over how far nearly all light reaches, and over how far it was looked for where that did not hold
it."""
_SEEN, _WIDE = 0.015, 30.0
"""Where a blur leaves less contrast beyond what fewer samples can carry, they have all there is to see; pixels of half
a core's side from which two of them are one sample."""
_FAINT = 0.025
"""The same of what is formed from all samples; few wavelengths leave a quarter more than all of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Beam:
    """Light from one distance on its way through a lens: each channel's mean by `shares` (3, L) of wavelengths."""

    glass: Glass
    distance_m: float
    shares: Floats
    wavelengths_nm: Sequence[float] = SPREAD_NM


@dataclass(frozen=True, slots=True, eq=False)
class Spreads:
    """Kernels (ny, nx, 3, size, size) at the knots of a net, straight in between, the middle of their light in theirs.

    `moved` is how far the blur moves light from where it is observed, mm, x and y of each channel one after the other.
    One sample is a pixel's `fine`th part, or `times` pixels where the blur is so wide that detail is gone. `skirt` is
    what fast lenses throw farther than kernels reach, None where there is no such light. Of a `smooth` one every second
    sample tells what there is to see.
    """

    kernels: Array
    moved: Net
    fine: int
    times: int
    skirt: Skirt | None = None
    smooth: bool = False

    @property
    def size(self) -> int:
        """Samples along a kernel's side."""
        return int(self.kernels.shape[-1])

    def at(self, x_mm: float, y_mm: float) -> Array:
        """(3, size, size): the blur of a place."""
        column, right = _between(self.moved.x_mm, x_mm)
        row, below = _between(self.moved.y_mm, y_mm)
        k = self.kernels
        upper = (1.0 - right) * k[row, column] + right * k[row, column + 1]
        lower = (1.0 - right) * k[row + 1, column] + right * k[row + 1, column + 1]
        return np.asarray((1.0 - below) * upper + below * lower, np.float32)

    def add_points(self, rates: Array, places_mm: Floats, flux: Floats, grid: Grid) -> None:
        """Adds points of `flux` (n, 3) at places (n, 3 channels, 2) on the sensor to `rates`, each exactly there."""
        from scipy.fft import irfft2, rfft2

        size, fine = self.size, self.fine
        down_turns, across_turns = np.fft.fftfreq(size), np.fft.rfftfreq(size)
        first = 0.5 * (fine - 1)
        for places, electrons in zip(places_mm, flux, strict=True):
            kernels = self.at(float(places[1, 0]), float(places[1, 1]))
            for channel, (x, y) in enumerate(places + self.moved(places[1]).reshape(3, 2)):
                across = (x - grid.left_mm) / grid.pitch_mm * fine + first
                down = (y - grid.top_mm) / grid.pitch_mm * fine + first
                left, top = math.floor(across), math.floor(down)
                shift = np.exp(-2j * np.pi * down_turns * (down - top))[:, None]
                shift = shift * np.exp(-2j * np.pi * across_turns * (across - left))
                moved = irfft2(rfft2(kernels[channel]) * shift, (size, size))
                _put(rates[channel], moved, electrons[channel], top - size // 2, left - size // 2, fine)


@dataclass(frozen=True, slots=True, eq=False)
class Skirt:
    """What of a point's light lands beyond its kernel: its `share` (1, ny, nx), and a blur of `SKIRT_PX` pixels a
    sample."""

    share: Net
    blur: Spreads


def _put(out: Array, patch: Floats, flux: float, top: int, left: int, fine: int) -> None:
    """Adds a point: every `fine`th sample of its patch, those where a pixel's average begins, `flux` in all."""
    first_row, first_column = -top % fine, -left % fine
    pixels = np.maximum(patch[first_row::fine, first_column::fine], 0.0)
    pixels *= flux / pixels.sum()
    row, column = (top + first_row) // fine, (left + first_column) // fine
    y0, y1 = max(row, 0), min(row + pixels.shape[0], out.shape[0])
    x0, x1 = max(column, 0), min(column + pixels.shape[1], out.shape[1])
    if y0 < y1 and x0 < x1:
        out[y0:y1, x0:x1] += pixels[y0 - row : y1 - row, x0 - column : x1 - column].astype(np.float32)


def _between(knots: Floats, at: float) -> tuple[int, float]:
    first = int(np.clip(np.searchsorted(knots, at) - 1, 0, len(knots) - 2))
    return first, float(np.clip((at - knots[first]) / (knots[first + 1] - knots[first]), 0.0, 1.0))


def spreads(beam: Beam, mounting: Mounting, field: Field, lit: Field, fine: int) -> Spreads:
    """The kernels of what stands at a beam's distance, `fine` samples to a pixel at most.

    They hold what the whole field asks for, and stand where it is `lit`. Lateral colour inside a channel is in them. A
    lens that stands straight is traced along one radius, and what it draws there is turned.
    """
    size, fine, times, whole = _extent(beam.glass, mounting, field, fine, beam.distance_m)
    if times > 2:
        beam = replace(beam, shares=_at_one(beam.shares))
    elif fine == 1:
        beam = replace(beam, shares=_of_few(beam.shares), wavelengths_nm=_FEW_NM)
    columns, rows = (min(9, 2 * math.ceil(side / 3.2) + 1) for side in (lit.width_mm, lit.height_mm))
    x_mm = np.linspace(-0.5, 0.5, columns) * lit.width_mm
    y_mm = np.linspace(-0.5, 0.5, rows) * lit.height_mm
    sample_um = field.pitch_um * times / fine
    straight = not any((*mounting.tilt_deg, *mounting.decentre_mm))
    skirt = None if whole else _skirt(beam, straight, field, 0.5 * size * sample_um)
    kernels = np.empty((rows, columns, 3, size, size), np.float32)
    if not straight:
        places = crossings(x_mm, y_mm).reshape(-1, 2)
        for at, transfer in enumerate(transfers(beam, places, sample_um, size)):
            kernels[divmod(at, columns)] = _kernels(transfer, fine)
        return replace(_centred(x_mm, y_mm, kernels, fine, times, sample_um), skirt=skirt)
    reach_mm = math.hypot(x_mm[-1], y_mm[-1])
    count = min(13 if fine > 1 else 9 if times == 1 else 7, max(3, math.ceil(reach_mm / 0.7) + 1))
    radii = np.linspace(0.0, reach_mm, count)
    along = _along(beam, radii, sample_um, size)

    def quarter(row: int, column: int) -> None:
        _lay(kernels, row, column, _kernels(_turned(radii, along, x_mm[column], y_mm[row], size), fine), fine)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(quarter, *zip(*product(range(rows // 2, rows), range(columns // 2, columns)), strict=True)))
    return replace(_centred(x_mm, y_mm, kernels, fine, times, sample_um), skirt=skirt)


def _lay(kernels: Array | Floats, row: int, column: int, seen: Array | Floats, fine: int) -> None:
    """Lays what is seen at a place, and its images in the other quarters, among `kernels` (rows, columns, ...)."""
    rows, columns = kernels.shape[:2]
    # A kernel's middle lies half of its pixel's samples before size // 2.
    for down, upright in ((row, seen), (rows - 1 - row, np.roll(seen[..., ::-1, :], 2 - fine, axis=-2))):
        kernels[down, column] = upright
        kernels[down, columns - 1 - column] = np.roll(upright[..., ::-1], 2 - fine, axis=-1)


def _centred(x_mm: Floats, y_mm: Floats, kernels: Array, fine: int, times: int, sample_um: float) -> Spreads:
    """Kernels (ny, nx, 3, size, size) at knots, and by how much their light lay beside their pixel's middle."""
    from scipy.fft import irfft2, rfft2

    rows, columns, channels, size = kernels.shape[:-1]
    at = np.arange(size) - size // 2 + 0.5 * (fine - 1)
    down_turns, across_turns = np.fft.fftfreq(size), np.fft.rfftfreq(size)
    beyond = np.maximum(abs(down_turns)[:, None], across_turns) >= 0.25
    moved = np.empty((2 * channels, rows, columns))

    def centre(row: int, column: int) -> float:
        """The highest contrast beyond what every second sample can carry."""
        near = kernels[row, column]
        whole = near.sum((-2, -1), dtype=np.float64)
        across, down = (near.sum(axis, dtype=np.float64) @ at / whole for axis in (-2, -1))
        moved[0::2, row, column], moved[1::2, row, column] = across, down
        seen = rfft2(near)
        seen *= np.exp(2j * np.pi * down_turns * down[:, None])[..., None].astype(np.complex64)
        seen *= np.exp(2j * np.pi * across_turns * across[:, None])[:, None].astype(np.complex64)
        kernels[row, column] = irfft2(seen, (size, size), overwrite_x=True)
        return float(np.abs(seen[:, beyond]).max())

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        left = max(pool.map(centre, *zip(*product(range(rows), range(columns)), strict=True)))
    net = Net(x_mm, y_mm, moved * (sample_um * 1e-3))
    return Spreads(kernels, net, fine, times, smooth=fine == 1 and left < _FAINT)


def _skirt(beam: Beam, straight: bool, field: Field, half_um: float) -> Skirt | None:
    """What lands farther than `half_um` aside of or above its place, of green light for all; None if next to nothing
    does. Behind a `straight` lens one quarter of the field tells the others."""
    step_um = SKIRT_PX * field.pitch_um
    away = np.abs(np.arange(_SKIRT_CELLS) - _SKIRT_CELLS // 2)
    near = np.clip(half_um / step_um - away + 0.5, 0.0, 1.0)
    far = 1.0 - near * near[:, None]

    def seen(places: Floats) -> Floats:
        found = beam.glass.spreads(places, [550.0], beam.distance_m, step_um, _SKIRT_CELLS)
        return np.asarray(found[:, 0], np.float64)

    outward = np.array([[0.35], [0.5]]) * (field.width_mm, field.height_mm)
    if (seen(outward) * far).sum((-2, -1)).max() < _SKIRT_LEAST:
        return None
    x_mm, y_mm = (np.linspace(-0.5, 0.5, _SKIRT_KNOTS) * side for side in (field.width_mm, field.height_mm))
    light = np.empty((_SKIRT_KNOTS, _SKIRT_KNOTS, _SKIRT_CELLS, _SKIRT_CELLS))
    asked = range(_SKIRT_KNOTS // 2 if straight else 0, _SKIRT_KNOTS)
    places = crossings(x_mm, y_mm)[asked.start :, asked.start :].reshape(-1, 2)
    for (row, column), each in zip(product(asked, asked), seen(places), strict=True):
        if straight:
            _lay(light, row, column, each, 1)
        else:
            light[row, column] = each
    beyond = light * far
    # Where nothing lies beyond, it does not matter how.
    kernels = beyond + 1e-9 * light
    kernels /= kernels.sum((-2, -1), keepdims=True)
    all_colors: Array = np.repeat(kernels[:, :, None], 3, axis=2).astype(np.float32)
    still = Net(x_mm, y_mm, np.zeros((6, len(y_mm), len(x_mm))))
    return Skirt(Net(x_mm, y_mm, beyond.sum((-2, -1))[None]), Spreads(all_colors, still, 1, SKIRT_PX))


def _extent(glass: Glass, mounting: Mounting, field: Field, fine: int, distance_m: float) -> tuple[int, int, int, bool]:
    """(size, fine, times, whole): how wide kernels are to hold nearly all light; where it is smooth, or its core wide,
    how coarse; whether no light is thrown much farther."""
    from scipy.fft import next_fast_len

    # A thin lens's disc tells which cells would be too small; 85 % of its light lies within 0.84 of its radius.
    disc_um = 500.0 * glass.focal_mm**2 / glass.f_number * abs(1e-3 / distance_m - 1e-3 / mounting.distance_m)

    def widths(place: tuple[float, float]) -> tuple[float, ...]:
        step_um = max(0.8, 0.4 * glass.f_number)
        while 64 * step_um < 0.7 * disc_um:
            step_um *= 2.0
        while True:
            spot = np.asarray(glass.spreads([place], [550.0], distance_m, step_um, 256)[0, 0], np.float64)
            core, reach = (radius * step_um for radius in _radii(spot))
            if core < 64 * step_um or step_um > 50.0:
                full = reach / (0.5 * len(spot) * step_um)
                return (
                    core,
                    reach,
                    full,
                    *(_contrast_beyond(spot, turns * step_um / field.pitch_um) for turns in (0.5, 0.25)),
                )
            step_um *= 2.0

    with ThreadPoolExecutor(2) as pool:
        found = pool.map(widths, ((0.0, 0.0), (0.48 * field.width_mm, 0.48 * field.height_mm)))
        core_um, reach_um, full, *beyond = (max(each) for each in zip(*found, strict=True))
    samples = ((fine, 1), (1, 1), (1, 2), (1, 4), (1, 8), (1, 16))
    # A sharp scene's own samples are seen in a disc of few of them, however smooth it is.
    first = 0 if beyond[0] > _SEEN else 1 if beyond[1] > _SEEN or core_um < _WIDE * field.pitch_um else 2
    part, times = next(
        (each for each in samples[first:] if core_um * each[0] / (field.pitch_um * each[1]) < 60.0), samples[-1]
    )
    whole = times > 1 or full < _FULL
    need = (_WIDER if whole else _WIDEST) * reach_um * part / (field.pitch_um * times) + 8.0
    size = min(max(4 * next_fast_len(math.ceil(need / 4.0)), _LEAST), _MOST)
    return size, part, times, whole


def _at_one(shares: Floats) -> Floats:
    """(3, L): all of a channel's light at the wavelength nearest to its mean: a blur so wide tells no others apart."""
    means = shares @ np.asarray(SPREAD_NM)
    nearest = np.abs(np.asarray(SPREAD_NM) - means[:, None]).argmin(axis=1)
    return np.asarray(np.eye(len(SPREAD_NM))[nearest])


def _of_few(shares: Floats) -> Floats:
    """(3, 5): the same light at `_FEW_NM`; the mean of what changes with wavelength as its fourth power does stays."""
    few, all_nm = (np.vander((np.asarray(each) - 550.0) / 100.0, len(_FEW_NM)).T for each in (_FEW_NM, SPREAD_NM))
    return np.asarray(np.linalg.solve(few, all_nm @ shares.T).T)


def _contrast_beyond(spot: Floats, turns: float) -> float:
    """The highest contrast that a spot leaves to frequencies of so many turns a cell and more."""
    from scipy.fft import rfft2

    down, across = np.fft.fftfreq(len(spot))[:, None], np.fft.rfftfreq(len(spot))
    return float(np.abs(rfft2(spot))[np.hypot(down, across) >= turns].max(initial=0.0) / spot.sum())


def _radii(spot: Floats) -> tuple[float, float]:
    """Half the sides of the squares that hold 85 % and nearly all of a spot's light, in cells."""
    at = np.arange(len(spot)) - len(spot) // 2
    ring = np.maximum(np.abs(at)[:, None], np.abs(at))
    inside = np.cumsum(np.bincount(ring.ravel(), spot.ravel()))
    core, reach = np.searchsorted(inside, (_CORE * inside[-1], _ENERGY * inside[-1]))
    return float(core) + 1.0, float(reach) + 1.0


def transfers(beam: Beam, places: Floats, sample_um: float, size: int) -> Transfers:
    """(n, 3, size, size // 2 + 1): each channel's optical transfer function at places (n, 2), on the right half of the
    samples' own band, 0 first."""
    used = [at for at in range(len(beam.wavelengths_nm)) if beam.shares[:, at].any()]
    wavelengths, shares = [beam.wavelengths_nm[at] for at in used], beam.shares[:, used]
    down, across = _bands(size)
    found = beam.glass.transfers(places, wavelengths, beam.distance_m, sample_um, size)
    seen = np.stack([np.asarray(beam.glass.observed(places, nm), np.float64) for nm in wavelengths], axis=1)
    mean = np.einsum("cl,nlk->nck", shares, seen)
    out = np.zeros((len(places), 3, size, len(across)), np.complex64)

    def summed(place: int) -> None:
        for at, share in enumerate(shares.T):
            for channel in np.flatnonzero(share):
                dx, dy = (seen[place, at] - mean[place, channel]) * 1e3 / sample_um
                rows, columns = np.exp(-2j * np.pi * down * dy), np.exp(-2j * np.pi * across * dx)
                turn = np.multiply.outer((share[channel] * rows).astype(np.complex64), columns.astype(np.complex64))
                turn *= found[place, at]
                out[place, channel] += turn

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(summed, range(len(places))))
    return out


def _bands(size: int) -> tuple[Floats, Floats]:
    """The frequencies of the right half of a spectrum, down and across, in turns a sample."""
    band = np.asarray(np.fft.fftfreq(size), np.float64)
    return band, band[: size // 2 + 1]


def _along(beam: Beam, radii: Floats, sample_um: float, size: int) -> Transfers:
    """(n, 3, 3 size, m): the right halves of the transfer functions of points at `radii` (n,) right of the middle: of
    twice as many frequencies, for what lies between, half as far again, for the corners.

    Frequency 0 stands in row 3 size // 2 and column `_LEFT`.
    """
    from scipy.fft import fft, irfft2, rfft

    finer, count = size * 3 // 2, len(radii)
    places = np.stack([radii, np.zeros_like(radii)], axis=-1)
    coarse = transfers(beam, places, sample_um * size / finer, finer)
    seen = np.zeros((count, 3, 2 * finer, _LEFT + finer + 1), np.complex64)
    # What lies in the middle of `finer` samples lies there for a quarter of twice as many, an even number of them.
    quarter = (1j ** np.arange(-finer, finer + 1)).astype(np.complex64)
    half = quarter**2

    def denser(place: int, channel: int) -> None:
        light = irfft2(coarse[place, channel] * np.multiply.outer(half[:finer], half[: finer // 2 + 1]), (finer, finer))
        found = fft(rfft(light, 2 * finer, axis=1) * quarter[finer:], 2 * finer, axis=0)
        out = seen[place, channel]
        right = out[:, _LEFT:]
        np.multiply(found[finer:], quarter[:finer, None], out=right[:finer])
        np.multiply(found[:finer], quarter[finer:-1, None], out=right[finer:])
        np.conj(right[:0:-1, _LEFT:0:-1], out=out[1:, :_LEFT])

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(denser, *zip(*np.ndindex(count, 3), strict=True)))
    return seen


def _turned(radii: Floats, along: Transfers, x_mm: float, y_mm: float, size: int) -> Transfers:
    """(3, size, size // 2 + 1): the transfer function of a place from those along a radius, straight between two of
    them."""
    import cv2

    radius = math.hypot(x_mm, y_mm)
    first, part = _between(radii, radius)
    cosine, sine = (x_mm / radius, y_mm / radius) if radius else (1.0, 0.0)
    down, across = (2.0 * size * band for band in _bands(size))
    last = size // 2  # the highest frequency down stands for itself and its negative
    down = np.append(down, -down[last])
    u = cosine * across + sine * down[:, None]
    v = cosine * down[:, None] - sine * across
    # On the left stands the conjugate of what lies across.
    side = np.where(u < 0.0, -1.0, 1.0)
    u, v = (side * u + _LEFT).astype(np.float32), (side * v + along.shape[-2] // 2).astype(np.float32)
    seen = np.empty((3, size, len(across)), np.complex64)
    for near, far, out in zip(along[first], along[first + 1], seen, strict=True):
        between = np.float32(1.0 - part) * near + np.float32(part) * far
        pairs = cv2.remap(between.view(np.float32).reshape(*between.shape, 2), u, v, cv2.INTER_LANCZOS4)
        pairs[..., 1] *= side
        found = pairs.view(np.complex64)[..., 0]
        out[:] = found[:-1]
        out[last] = 0.5 * (found[last] + found[-1])
    return seen


def _kernels(transfer: Transfers, fine: int) -> Array:
    """(3, size, size): kernels on the samples from right halves of transfer functions, a pixel's average over `fine` x
    `fine` of them in it, middle in the middle.

    The last three tenths of the band fade out (beyond a pixel's Nyquist frequency when it has several samples), lest
    edges ring.
    """
    from scipy.fft import fftshift, irfft2

    size = transfer.shape[-2]
    turns = [np.exp(2j * np.pi * band[:, None] * np.arange(fine)).mean(1) for band in _bands(size)]
    if fine > 1:
        for turn, band in zip(turns, _bands(size), strict=True):
            turn *= np.cos(0.5 * np.pi * np.clip((np.abs(band) - 0.35) / 0.15, 0.0, 1.0)) ** 2
    kernels = irfft2(transfer * np.multiply.outer(*turns).astype(np.complex64), (size, size))
    return np.asarray(fftshift(kernels, axes=(1, 2)), np.float32)
