"""The spot that a wave draws on the sensor, and its transfer function: light in cells, from one Fourier transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.glass.front import Front, apart, edge_points, edge_radii, on_grid, squared

Floats = npt.NDArray[np.floating[Any]]

LARGEST = 2048
PUPIL_CELLS = 128
MARGIN = 1.3
BAND = 32


def spot(
    front: Front,
    step_mm: float,
    size: int,
    shift_mm: tuple[float, float] = (0.0, 0.0),
    sensor_mm: float = 0.0,
) -> npt.NDArray[np.float32]:
    """(size, size), sum 1: the light in cells of `step_mm`, the middle one centred on the reference place + `shift_mm`.

    `sensor_mm` moves the sensor away from the lens. Where one transform would take more than 2048 samples a side, the
    rays themselves are counted.
    """
    needed = _parts(front, step_mm)
    parts = next((each for each in (max(3, needed), max(2, needed)) if 1.3 * size * each <= LARGEST), needed)
    if size * parts + 2 > LARGEST:
        return _counted(front, step_mm, size, shift_mm, sensor_mm)
    power = _power(front, step_mm, size, parts, shift_mm, sensor_mm, average=parts < 3)
    if parts < 3:
        inner = power[1:-1, 1:-1].reshape(size, parts, size, parts)
        return _shares(inner.sum(axis=(1, 3), dtype=np.float64))
    return _shares(_gathered(_gathered(power, parts).T, parts).T)


def transfer(front: Front, step_mm: float, size: int) -> npt.NDArray[np.complex64]:
    """(size, size): the optical transfer function at `fftfreq(size, step_mm)` down and across, about the middle place.

    It is that of the light within size * step_mm, 1 at frequency 0, with no aperture of cells in it. Where one
    transform would take more than 2048 samples a side it comes from rays in cells.
    """
    from scipy.fft import fft, fft2, ifftshift, next_fast_len, rfft

    if size * math.ceil(_samples(front, step_mm)) + 2 > LARGEST:
        cells = _counted(front, step_mm, size, (0.0, 0.0), 0.0)
        aperture = np.sinc(np.fft.fftfreq(size)) ** 2  # of the cells, and of sharing light among them
        seen = fft2(ifftshift(cells)) / (aperture[:, None] * aperture)
        return np.asarray(seen / seen[0, 0].real, np.complex64)
    fine = next_fast_len(math.ceil(size * max(1.0, _samples(front, step_mm))), real=True)
    apart_mm = size * step_mm / fine
    half = np.empty((fine, size // 2 + 1), np.complex64)
    for rows, light in _rows(*_columns(front, apart_mm, fine, (-(fine // 2) * apart_mm,) * 2, (0.0, 0.0), 0.0), fine):
        half[rows] = rfft(light, axis=1)[:, : size // 2 + 1]
    half = fft(half, axis=0, overwrite_x=True)
    band = np.fft.fftfreq(size, 1.0 / size).astype(int)
    right = (size + 1) // 2
    seen = np.concatenate([half[band, :right], np.conj(half[-band[:, None], -band[right:]])], axis=1)
    about = np.exp(2j * np.pi * (fine // 2) / fine * band)
    seen *= np.multiply.outer(about, about / seen[0, 0].real)
    return seen


def _pupil(front: Front, u: Floats, v: Floats, tilt: tuple[Floats, Floats], sensor_mm: float, window_mm: float,
           shift_mm: tuple[float, float]) -> npt.NDArray[np.complex64]:  # fmt: skip
    """(v, u): the field over the lit pupil on the crossings of columns `u` and rows `v`, evenly apart.

    `tilt` is a phase to add by columns and by rows, in waves. What sends its rays beyond a window of `window_mm` about
    `shift_mm` is left out. In bands of rows, so that all that lies between stays in a core's own cache.
    """
    waves = 1e6 / front.wavelength_nm
    cell = float(u[1] - u[0])
    rim = _rim(front, cell)
    beyond = front.reach_mm + abs(sensor_mm) * _steepest(front) + math.hypot(*shift_mm) > 0.45 * window_mm
    (wave, wave_across), (amplitude, amplitude_across) = (apart(each, u, v) for each in (front.wave, front.amplitude))
    wave = np.column_stack([wave * waves, np.ones_like(v), tilt[1]])
    wave_across = np.vstack([wave_across, tilt[0], np.ones_like(u)])
    landing = _landings(front, u, v, sensor_mm)
    seen = np.zeros((len(v), len(u)), np.complex64)
    for rows, columns in _lit(front, u, v):
        phase = wave[rows] @ wave_across[:, columns]
        if sensor_mm:
            phase += sensor_mm * waves * _forward(front, u[columns], v[rows])
        phase -= np.rint(phase)
        turn = phase.astype(np.float32) * np.float32(2.0 * np.pi)
        light = (amplitude[rows] @ amplitude_across[:, columns]).astype(np.float32)
        light *= _cover(front.pole, rim, u[columns], v[rows], cell)
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


def _cover(
    pole: tuple[float, float], rim: npt.NDArray[np.float32], u: Floats, v: Floats, cell: float
) -> npt.NDArray[np.float32]:
    """(v, u): how much of each cell about a crossing is lit, 0 to 1."""
    x, y = ((u - pole[0]) / cell).astype(np.float32), ((v - pole[1]) / cell).astype(np.float32)[:, None]
    cover = np.ones((len(v), len(u)), np.float32)
    # Where the edge is farther away all around nothing has to be looked up.
    near = x * x + np.abs(y).max() ** 2 > (rim.min() - 1.0) ** 2
    x = x[near]
    nearest = np.rint(np.arctan2(y, x) * np.float32(len(rim) / (2.0 * np.pi))).astype(np.intp)
    cover[:, near] = np.clip(rim[nearest] - np.sqrt(x * x + y * y), 0.0, 1.0)  # half the angles count from the end
    return cover


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
    sensor_mm: float,
    *,
    average: bool,
) -> npt.NDArray[np.float32]:
    """(size * parts + 2, size * parts + 2): the light on samples, `parts` a step, and one more all around.

    Each is the light at its place, or the `average` over its share of the step.
    """
    from scipy.fft import ifft, irfft2, rfft2

    fine, asked = step_mm / parts, size * parts + 2
    first = -(size // 2) * step_mm - (0.5 * (parts - 1) + 1) * fine
    columns, spare = _columns(front, fine, asked, (first + shift_mm[0], first + shift_mm[1]), shift_mm, sensor_mm)
    if not average:
        power = np.empty((asked, asked), np.float32)
        for rows, light in _rows(columns, spare, asked):
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
    sensor_mm: float,
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
    tilt = across * (first_mm[0] - spare * apart_mm) / wave, down * (first_mm[1] - spare * apart_mm) / wave
    field = np.zeros((count, len(u)), np.complex64)
    field[: len(v)] = _pupil(front, u, v, tilt, sensor_mm, count * apart_mm, middle_mm)
    return ifft(field, axis=0, overwrite_x=True), spare


def _rows(
    columns: npt.NDArray[np.complex64], spare: int, asked: int
) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """The light on the samples asked for, some rows at a time, so that they stay in a core's own cache."""
    from scipy.fft import ifft

    for top in range(0, asked, BAND):
        rows = slice(top, min(top + BAND, asked))
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


def _landings(front: Front, u: Floats, v: Floats, sensor_mm: float) -> Callable[[slice, slice], tuple[Floats, Floats]]:
    """Some rows and columns of (v, u) each: where the rays of the crossings land, from the reference place."""
    slopes = (squared(np.polynomial.chebyshev.chebder(front.wave, axis=axis)) / -front.scale for axis in (0, 1))
    (x_down, x_across), (y_down, y_across) = (apart(each, u, v) for each in slopes)

    def landing(rows: slice, columns: slice) -> tuple[Floats, Floats]:
        x, y = x_down[rows] @ x_across[:, columns], y_down[rows] @ y_across[:, columns]
        if sensor_mm:
            forward = np.maximum(_forward(front, u[columns], v[rows]), 1e-3)
            x += sensor_mm * (front.middle[0] + u[columns] * front.scale) / forward
            y += sensor_mm * (front.middle[1] + v[rows] * front.scale)[:, None] / forward
        return x, y

    return landing


def _forward(front: Front, u: Floats, v: Floats) -> Floats:
    x, y = front.middle[0] + u * front.scale, front.middle[1] + v * front.scale
    return np.sqrt(np.maximum(1.0 - x[None, :] ** 2 - y[:, None] ** 2, 0.0))


def _steepest(front: Front) -> float:
    """The largest slope of any ray against the chief one."""
    x, y = (front.edge * front.scale + front.middle).T
    return float((np.hypot(x, y) / np.sqrt(1.0 - x * x - y * y)).max())


def _counted(
    front: Front, step_mm: float, size: int, shift_mm: tuple[float, float], sensor_mm: float
) -> npt.NDArray[np.float32]:
    """The same from rays alone, a regular net of them, each shared among the four cells about its place."""
    low, high = front.edge.min(axis=0), front.edge.max(axis=0)
    across, down = (np.linspace(a, b, 1400) for a, b in zip(low, high, strict=True))
    cell = float(across[1] - across[0])
    light = on_grid(front.amplitude, across, down) ** 2 * _cover(front.pole, _rim(front, cell), across, down, cell)
    x, y = _landings(front, across, down, sensor_mm)(slice(None), slice(None))
    lit = light > 0
    column = (x[lit] - shift_mm[0]) / step_mm + size // 2
    row = (y[lit] - shift_mm[1]) / step_mm + size // 2
    cells = np.zeros((size + 2, size + 2))
    left, top = np.floor(column), np.floor(row)
    for right in (0, 1):
        for below in (0, 1):
            share = light[lit] * np.abs(1 - right - (column - left)) * np.abs(1 - below - (row - top))
            at_x = np.clip(left + right + 1, 0, size + 1).astype(np.intp)
            at_y = np.clip(top + below + 1, 0, size + 1).astype(np.intp)
            cells += np.bincount(at_y * (size + 2) + at_x, share, (size + 2) ** 2).reshape(cells.shape)
    return _shares(cells[1:-1, 1:-1])
