"""The spot that a wave draws on the sensor, and its transfer function: light in cells, from one Fourier transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.glass.front import Front, apart, edge_points, edge_radii, on_grid, slopes

Floats = npt.NDArray[np.floating[Any]]

LARGEST = 2048
FINEST = 3.0
"""Of a transfer function: where a wave would need more samples to a step than that, rays tell what is left to see."""
RAYS_A_CELL = 1.5
LEAST_RAYS = 288
SOFT_RIMS = 6
PUPIL_CELLS = 128
MARGIN = 1.3
BAND = 32


def spot(
    front: Front, step_mm: float, size: int, shift_mm: tuple[float, float] = (0.0, 0.0)
) -> npt.NDArray[np.float32]:
    """(size, size), sum 1: the light in cells of `step_mm`, the middle one centred on the reference place + `shift_mm`.

    Where one transform would take more than 2048 samples a side, the rays themselves are counted.
    """
    needed = _parts(front, step_mm)
    parts = next((each for each in (max(3, needed), max(2, needed)) if 1.3 * size * each <= LARGEST), needed)
    if size * parts + 2 > LARGEST:
        return _shares(_counted(front, step_mm, size, shift_mm, 0.0, 0)[0])
    power = _power(front, step_mm, size, parts, shift_mm, average=parts < 3)
    if parts < 3:
        inner = power[1:-1, 1:-1].reshape(size, parts, size, parts)
        return _shares(inner.sum(axis=(1, 3), dtype=np.float64))
    return _shares(_gathered(_gathered(power, parts).T, parts).T)


def transfer(front: Front, step_mm: float, size: int) -> npt.NDArray[np.complex64]:
    """(size, size // 2 + 1): the optical transfer function about the middle place, at `fftfreq(size, step_mm)` down and
    `rfftfreq` across; the highest frequency down stands for itself and its negative.

    It is that of the light within size * step_mm, 1 at frequency 0, with no aperture of cells in it. Where steps are
    much wider than what waves can draw it comes from rays.
    """
    half = _by_rays(front, step_mm, size) if _samples(front, step_mm) > FINEST else _by_waves(front, step_mm, size)
    turns = 2j * np.pi * (len(half) // 2) / len(half)
    band = np.fft.fftfreq(size, 1.0 / size).astype(int)
    down, across = (np.exp(turns * each).astype(np.complex64) for each in (band, np.arange(size // 2 + 1)))
    seen = half[band]
    seen *= down[:, None]
    if size % 2 == 0:
        last = size // 2
        seen[last] = 0.5 * (seen[last] + half[last] * np.conj(down[last]))
    seen *= across / seen[0, 0].real
    return np.asarray(seen)


def _by_waves(front: Front, step_mm: float, size: int) -> npt.NDArray[np.complex64]:
    """(n, size // 2 + 1): the light's transform on n >= size samples over the window, its columns of the asked band."""
    from scipy.fft import fft, next_fast_len, rfft

    fine = next_fast_len(math.ceil(size * max(1.0, _samples(front, step_mm))), real=True)
    apart_mm = size * step_mm / fine
    half = np.empty((fine, size // 2 + 1), np.complex64)
    columns, spare = _columns(front, apart_mm, fine, (-(fine // 2) * apart_mm,) * 2, (0.0, 0.0))
    mirrored = (fine - 1) // 2 if front.even else 0
    for rows, light in _rows(columns, spare, fine, fine - mirrored):
        half[rows] = rfft(light, axis=1)[:, : size // 2 + 1]
    half[fine - mirrored :] = half[fine // 2 - mirrored : fine // 2][::-1]
    return np.asarray(fft(half, axis=0, overwrite_x=True))


def _by_rays(front: Front, step_mm: float, size: int) -> npt.NDArray[np.complex64]:
    """(size, size // 2 + 1): the light's transform from rays, and from how far inside the edge of the pupil they pass.

    A frequency shifts the pupil against itself, and a ray carries it where both its neighbours half of that away are
    lit (Hopkins 1955): near the edge rays draw softly, which makes the fringes of a wide disc's rim. Here
    neighbours stand across the edge, as they do where a rim is seen.
    """
    from scipy.fft import rfft2

    away = 0.5e-6 * front.wavelength_nm / step_mm * np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    rim = float(away.max()) / SOFT_RIMS
    cells = _counted(front, step_mm, size, (0.0, 0.0), rim, SOFT_RIMS).astype(np.float32)
    half = rfft2(cells[-1])
    for at, light in enumerate(cells[:-1], 1):
        half += np.clip(at - away / rim, 0.0, 1.0).astype(np.float32) * rfft2(light)
    # The aperture of the cells, and of sharing light among them.
    half /= np.multiply.outer(np.sinc(np.fft.fftfreq(size)), np.sinc(np.fft.rfftfreq(size))).astype(np.float32) ** 2
    return np.asarray(half)


def _pupil(front: Front, u: Floats, v: Floats, tilt: Floats, window_mm: float,
           shift_mm: tuple[float, float]) -> npt.NDArray[np.complex64]:  # fmt: skip
    """(v, u): the field over the lit pupil on the crossings of columns `u` and rows `v`, evenly apart.

    `tilt` is a phase to add by columns, in waves. What sends its rays beyond a window of `window_mm` about
    `shift_mm` is left out. In bands of rows, so that all that lies between stays in a core's own cache.
    """
    waves = 1e6 / front.wavelength_nm
    cell = float(u[1] - u[0])
    rim = _rim(front, cell)
    beyond = front.reach_mm + math.hypot(*shift_mm) > 0.45 * window_mm
    (wave, wave_across), (amplitude, amplitude_across) = (apart(each, u, v) for each in (front.wave, front.amplitude))
    wave, wave_across = np.column_stack([wave * waves, np.ones_like(v)]), np.vstack([wave_across, tilt])
    landing = _landings(front, u, v)
    seen = np.zeros((len(v), len(u)), np.complex64)
    for rows, columns in _lit(front, u, v):
        phase = wave[rows] @ wave_across[:, columns]
        phase -= np.rint(phase)
        turn = phase.astype(np.float32) * np.float32(2.0 * np.pi)
        light = (amplitude[rows] @ amplitude_across[:, columns]).astype(np.float32)
        light *= np.clip(_inside(front.pole, rim, u[columns], v[rows], cell), 0.0, 1.0)
        if beyond:
            x, y = landing(rows, columns)
            aside = np.maximum(np.abs(x - shift_mm[0]), np.abs(y - shift_mm[1])) / window_mm
            light *= np.clip((0.5 - aside) / 0.05, 0.0, 1.0).astype(np.float32)
        part = seen[rows, columns]
        np.multiply(light, np.cos(turn), out=part.real)
        np.multiply(light, np.sin(turn), out=part.imag)
    return seen


def _lit(front: Front, u: Floats, v: Floats) -> Iterator[tuple[slice, slice]]:
    """Bands of rows `v`, and the columns `u` within which light passes there."""
    x, y = edge_points(front.edge, front.pole, 4 * (len(u) + len(v))).T
    cell = float(u[1] - u[0])
    for top in range(0, len(v), BAND):
        rows = slice(top, top + BAND)
        here = x[(y > v[rows][0] - 2.0 * cell) & (y < v[rows][-1] + 2.0 * cell)]
        if len(here):
            first, last = np.searchsorted(u, (here.min() - 2.0 * cell, here.max() + 2.0 * cell))
            yield rows, slice(int(first), int(last))


def _rim(front: Front, cell: float) -> npt.NDArray[np.float32]:
    """(1440,): how many cells and a half the edge is from the pole, at even angles from 0."""
    return np.asarray(edge_radii(front.edge, front.pole, 1440) / cell + 0.5, np.float32)


def _inside(
    pole: tuple[float, float], rim: npt.NDArray[np.float32], u: Floats, v: Floats, cell: float, deep: float = 1.0
) -> npt.NDArray[np.float32]:
    """(v, u): by how many cells, and a half, each crossing lies inside the edge, told up to `deep`."""
    x, y = ((u - pole[0]) / cell).astype(np.float32), ((v - pole[1]) / cell).astype(np.float32)[:, None]
    away = x * x + y * y
    inside = np.full(away.shape, deep, np.float32)
    # Where the edge is farther away all around nothing has to be looked up.
    near = away > max(float(rim.min()) - deep, 0.0) ** 2
    turn = np.arctan2(*(np.broadcast_to(each, away.shape)[near] for each in (y, x)))
    nearest = np.rint(turn * np.float32(len(rim) / (2.0 * np.pi))).astype(np.intp)
    inside[near] = rim[nearest] - np.sqrt(away[near])  # half the angles count from the end
    return inside


def _parts(front: Front, step_mm: float) -> int:
    """Into how many samples a step must be cut lest the light's own band folds into what the step can carry."""
    return max(1, math.ceil(_samples(front, step_mm)))


def _samples(front: Front, step_mm: float) -> float:
    """The same where samples need not fall on steps."""
    return step_mm * _width(front) / (front.wavelength_nm * 1e-6) + 0.5


def _width(front: Front) -> float:
    """The larger side of the lit region, in direction cosines."""
    return float((front.edge.max(axis=0) - front.edge.min(axis=0)).max()) * front.scale


def _power(
    front: Front,
    step_mm: float,
    size: int,
    parts: int,
    shift_mm: tuple[float, float],
    *,
    average: bool,
) -> npt.NDArray[np.float32]:
    """(size * parts + 2, size * parts + 2): the light on samples, `parts` a step, and one more all around.

    Each is the light at its place, or the `average` over its share of the step.
    """
    from scipy.fft import ifft, irfft2, rfft2

    fine, asked = step_mm / parts, size * parts + 2
    first = -(size // 2) * step_mm - (0.5 * (parts - 1) + 1) * fine
    columns, spare = _columns(front, fine, asked, (first + shift_mm[0], first + shift_mm[1]), shift_mm)
    if not average:
        power = np.empty((asked, asked), np.float32)
        for rows, light in _rows(columns, spare, asked, asked):
            power[rows] = light
        return power
    count, inside = len(columns), slice(spare, spare + asked)
    seen = ifft(columns, count, axis=1)
    # The samples' band holds all of the light's: averaged over a sample in its transform, nothing is lost or guessed.
    transform = rfft2(seen.real**2 + seen.imag**2)
    transform *= np.sinc(np.fft.fftfreq(count)).astype(np.float32)[:, None]
    transform *= np.sinc(np.fft.rfftfreq(count)).astype(np.float32)
    return np.asarray(np.maximum(irfft2(transform, (count, count))[inside, inside], 0.0))


def _columns(
    front: Front,
    apart_mm: float,
    asked: int,
    first_mm: tuple[float, float],
    middle_mm: tuple[float, float],
) -> tuple[npt.NDArray[np.complex64], int]:
    """The Fourier transform of the wave down its columns, and how many rows of it lie before those that are asked for.

    The field on samples `apart_mm`, the first of those `asked` at `first_mm`, is its transform along the rows. The
    window is wider than what is asked and leaves out what of the pupil sends its rays beyond, so that the phase turns
    by less than half a wave between neighbouring samples and nothing is folded back; its step carries the whole band
    of the field.
    """
    from scipy.fft import ifft, next_fast_len

    wave = front.wavelength_nm * 1e-6
    low, high = front.edge.min(axis=0), front.edge.max(axis=0)
    cells = math.ceil(PUPIL_CELLS * wave / _width(front) / apart_mm)
    count = next_fast_len(max(asked, min(LARGEST, math.ceil(MARGIN * asked)), cells))
    spare = (count - asked) // 2
    stride = wave / (count * apart_mm)  # in direction cosines
    half = np.ceil(0.5 * (high - low) * front.scale / stride).astype(int) + 1
    half = np.minimum(half, (count - 1) // 2)
    across, down = (np.arange(-each, each + 1) * stride for each in half)
    u, v = 0.5 * (low[0] + high[0]) + across / front.scale, 0.5 * (low[1] + high[1]) + down / front.scale
    tilt = across * (first_mm[0] - spare * apart_mm) / wave
    tilt_down = down * (first_mm[1] - spare * apart_mm) / wave
    field = np.zeros((count, len(u)), np.complex64)
    seen = field[: len(v)]
    mirrored = half[1] if front.even and not middle_mm[1] else 0
    seen[mirrored:] = _pupil(front, u, v[mirrored:], tilt, count * apart_mm, middle_mm)
    seen[:mirrored] = seen[: len(v) - 1 - mirrored : -1]
    seen *= np.exp(2j * np.pi * tilt_down).astype(np.complex64)[:, None]
    return ifft(field, axis=0, overwrite_x=True), spare


def _rows(
    columns: npt.NDArray[np.complex64], spare: int, asked: int, count: int
) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """The light in the first `count` rows of the samples asked for, some rows at a time, so that they stay in a core's
    own cache."""
    from scipy.fft import ifft

    for top in range(0, count, BAND):
        rows = slice(top, min(top + BAND, count))
        seen = ifft(columns[spare + rows.start : spare + rows.stop], len(columns), axis=1)[:, spare : spare + asked]
        yield rows, seen.real**2 + seen.imag**2


def _gathered(power: npt.NDArray[np.float32], parts: int) -> Floats:
    """(rows, columns / parts): the integral over cells of `parts` samples, one sample beyond them at each end.

    A sum of samples lacks sinc(f) of their own spacing; a weight of 1/24 for neighbours gives it to fourth order.
    """
    sums = power[:, 1:-1].reshape(len(power), -1, parts).sum(axis=2, dtype=np.float64)
    before, first = power[:, :-2:parts], power[:, 1:-1:parts]
    last, after = power[:, parts:-1:parts], power[:, parts + 1 :: parts]
    return np.asarray(sums + (before - first - last + after) / 24.0)


def _shares(cells: Floats) -> npt.NDArray[np.float32]:
    """Cells with the sum 1; even ones where a blur passes by all of them."""
    total = cells.sum()
    return np.asarray(cells / total if total > 0.0 else np.full(cells.shape, 1.0 / cells.size), np.float32)


def _landings(front: Front, u: Floats, v: Floats) -> Callable[[slice, slice], tuple[Floats, Floats]]:
    """Some rows and columns of (v, u) each: where the rays of the crossings land, from the reference place."""
    (x_down, x_across), (y_down, y_across) = (apart(each / -front.scale, u, v) for each in slopes(front.wave))

    def landing(rows: slice, columns: slice) -> tuple[Floats, Floats]:
        return x_down[rows] @ x_across[:, columns], y_down[rows] @ y_across[:, columns]

    return landing


def _counted(front: Front, step_mm: float, size: int, shift_mm: tuple[float, float], rim: float, rims: int) -> Floats:
    """(rims + 1, size, size): the same from rays alone, a regular net of them, each shared among the four cells about
    its place; first those less than `rim` from the pupil's edge, in direction cosines, then those as far again, last
    all others.
    """
    low, high = front.edge.min(axis=0), front.edge.max(axis=0)
    reach = min(2.0 * front.reach_mm / step_mm, float(size))
    count = 2 * math.ceil(0.5 * max(LEAST_RAYS, RAYS_A_CELL * reach))
    across, down = (np.linspace(a, b, count) for a, b in zip(low, high, strict=True))
    cell = float(max(across[1] - across[0], down[1] - down[0]))
    mirrored = front.even and not shift_mm[1]
    down = down[count // 2 :] if mirrored else down
    inside = _inside(front.pole, _rim(front, cell), across, down, cell, 1.0 + rims * rim / (cell * front.scale))
    x, y = _landings(front, across, down)(slice(None), slice(None))
    middle = size // 2 + 1
    column = x.astype(np.float32) * np.float32(1.0 / step_mm) + np.float32(middle - shift_mm[0] / step_mm)
    row = y.astype(np.float32) * np.float32(1.0 / step_mm) + np.float32(middle - shift_mm[1] / step_mm)
    seen = np.flatnonzero((inside > 0.0) & (column > 0.0) & (column < size + 1) & (row > 0.0) & (row < size + 1))
    column, row, inside = (each.ravel()[seen] for each in (column, row, inside))
    light = on_grid(front.amplitude, across, down).ravel()[seen] ** 2 * np.minimum(inside, 1.0)
    left, top = column.astype(np.int32), row.astype(np.int32)
    first = top * (size + 2) + left
    if rims:
        first += np.minimum(inside * np.float32(cell * front.scale / rim), rims).astype(np.int32) * (size + 2) ** 2
    after, lower = light * (column - left), row - top
    before = light - after
    starts = [first + each for each in (0, size + 2, 1, size + 3)]
    parts = [before * (1.0 - lower), before * lower, after * (1.0 - lower), after * lower]
    shape = rims + 1, size + 2, size + 2
    counted = np.bincount(np.concatenate(starts), np.concatenate(parts), math.prod(shape))
    cells = np.asarray(counted[: math.prod(shape)].reshape(shape), np.float64)
    if mirrored:
        rows = slice(2 * middle - size - 1, size + 2)  # whose images are among them
        cells[:, rows] += cells[:, rows][:, ::-1].copy()
    return cells[:, 1:-1, 1:-1]
