"""The wave that leaves a lens, and the spot that it draws.

The wave is kept as Hamilton's mixed characteristic W(L, M): the optical path to the sensor along the ray of direction
cosines L, M, less L x + M y of where it lands. Its slope is the landing place, x = -dW/dL, y = -dW/dM, and the field on
the sensor is the sum of plane waves, U(x, y) = integral A exp(ik(W + Lx + My)) dL dM (Debye 1909): no reference sphere,
no small angles. A shift of the sensor by z adds z N to W, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

DEGREES = (12, 20)
SMOOTH = 0.01  # of a wave may be left by the lower degree
LARGEST = 2048
PUPIL_CELLS = 128


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """The wave from one point at one wavelength: polynomials in u = ((L, M) - middle) / scale.

    `wave` (mm) and `amplitude` are coefficients of Chebyshev products by order in u, then v; `pole` is a point of the
    lit region in u from which all its `edge` (n, 2) is seen. `reach_mm` is how far from the reference place a ray
    lands at most; `residual_mm` is the rms of what the polynomial leaves of the traced paths.
    """

    wavelength_nm: float
    middle: tuple[float, float]
    scale: float
    wave: Floats
    amplitude: Floats
    pole: tuple[float, float]
    edge: Floats
    reach_mm: float
    residual_mm: float

    def turned(self, cosine: float, sine: float) -> Front:
        """The same wave turned about the axis of the lens: exact, since a turned polynomial is one of that degree."""
        turn = np.array([[cosine, -sine], [sine, cosine]])
        x, y = turn @ self.middle
        px, py = turn @ self.pole
        return replace(
            self,
            middle=(float(x), float(y)),
            wave=_turned(self.wave, turn),
            amplitude=_turned(self.amplitude, turn),
            pole=(float(px), float(py)),
            edge=self.edge @ turn.T,
        )

    def mirrored(self, x: bool, y: bool) -> Front:
        """The same wave with left and right (`x`) or up and down (`y`) exchanged."""
        signs = np.array([-1.0 if x else 1.0, -1.0 if y else 1.0])
        parity = np.multiply.outer(signs[0] ** np.arange(len(self.wave)), signs[1] ** np.arange(len(self.wave)))
        (mx, my), (px, py) = signs * self.middle, signs * self.pole
        return replace(
            self,
            middle=(float(mx), float(my)),
            wave=self.wave * parity,
            amplitude=self.amplitude * parity,
            pole=(float(px), float(py)),
            edge=self.edge * signs,
        )


def solid_angle(edge: Floats, pole: Floats) -> float:
    """The lit area within an edge (n, 2) about a pole, both direction cosines, sr: irradiance over radiance there."""
    x, y = _fine_edge(edge, (float(pole[0]), float(pole[1]))).T
    return float(0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))


def _turned(coefficients: Floats, turn: Floats) -> Floats:
    degree = len(coefficients) - 1
    nodes, inverse, pairs = _disc(degree)
    u, v = (nodes @ turn).T  # turned back
    values = np.polynomial.chebyshev.chebval2d(u, v, coefficients)
    made = np.zeros_like(coefficients)
    made[pairs[0], pairs[1]] = inverse @ values
    return made


@cache
def _pairs(degree: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Orders in u and v of all products up to a total degree."""
    a, b = np.nonzero(np.add.outer(np.arange(degree + 1), np.arange(degree + 1)) <= degree)
    return a, b


def _products(u: Floats, v: Floats, degree: int) -> Floats:
    """(points, terms): the Chebyshev products at points."""
    a, b = _pairs(degree)
    return np.polynomial.chebyshev.chebvander(u, degree)[:, a] * np.polynomial.chebyshev.chebvander(v, degree)[:, b]


@cache
def _disc(degree: int) -> tuple[Floats, Floats, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Points on the unit disc, and the matrix from values there to coefficients, exact for polynomials."""
    rings = degree + 2
    radii = np.cos(np.pi * (np.arange(rings) + 0.5) / (2 * rings))
    angles = 2 * np.pi * np.arange(2 * degree + 3) / (2 * degree + 3)
    nodes = np.stack([np.multiply.outer(radii, np.cos(angles)), np.multiply.outer(radii, np.sin(angles))], -1)
    nodes = nodes.reshape(-1, 2)
    return nodes, np.linalg.pinv(_products(nodes[:, 0], nodes[:, 1], degree)), _pairs(degree)


def _fine_edge(edge: Floats, pole: tuple[float, float], count: int = 720) -> Floats:
    """(count, 2): the edge at even angles about the pole, cubic in between."""
    radius = _radii(edge, pole, count)
    angles = 2 * np.pi * np.arange(count) / count
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], -1) + pole


def _radii(edge: Floats, pole: tuple[float, float], count: int) -> Floats:
    """(count,): how far the edge is from the pole at even angles from 0."""
    from scipy.interpolate import CubicSpline

    u, v = (edge - pole).T
    angles = np.arctan2(v, u)
    order = np.argsort(angles)
    angles, radii = angles[order], np.hypot(u, v)[order]
    keep = np.concatenate([[True], np.diff(angles) > 1e-9])
    angles, radii = angles[keep], radii[keep]
    closed = CubicSpline(np.append(angles, angles[0] + 2 * np.pi), np.append(radii, radii[0]), bc_type="periodic")
    found: Floats = closed(2 * np.pi * np.arange(count) / count)
    return found


def fit(
    wavelength_nm: float,
    directions: Floats,
    wave_mm: Floats,
    pupil: Floats,
    weight: Floats,
    pole: Floats,
    edge: Floats,
    reach_mm: float,
) -> Front:
    """The wave through traced rays, by the lower degree where that leaves no more than a hundredth of a wave.

    `directions` (n, 2) are L, M; `wave_mm` (n,) is W; `pupil` (n, 2) is where each ray went through the entrance
    pupil, `weight` (n,) the light on a unit of its area; `pole` (2,) and `edge` (m, 2) are directions.
    """
    low, high = edge.min(axis=0), edge.max(axis=0)
    middle = 0.5 * (low + high)
    scale = float(np.hypot(*(edge - middle).T).max())
    u, v = ((directions - middle) / scale).T
    offset = wave_mm - wave_mm.mean()
    for degree in DEGREES:
        products = _products(u, v, degree)
        solve = _solver(products)
        found = solve(np.column_stack([offset, pupil]))
        found[:, :1] += solve(offset[:, None] - products @ found[:, :1])  # once more, for the last digits
        residual = float(np.sqrt(np.mean((offset - products @ found[:, 0]) ** 2)))
        if residual < SMOOTH * wavelength_nm * 1e-6:
            break
    slopes = [_slope(u, v, found[:, 1 + each], axis, degree) for each in (0, 1) for axis in (0, 1)]
    patch = np.abs(slopes[0] * slopes[3] - slopes[1] * slopes[2])
    cosine = np.sqrt(1.0 - (directions**2).sum(axis=1))
    root = np.sqrt(patch * weight / cosine)
    return Front(
        wavelength_nm=wavelength_nm,
        middle=(float(middle[0]), float(middle[1])),
        scale=scale,
        wave=_table(found[:, 0], degree),
        amplitude=_table(solve((root / root.mean())[:, None])[:, 0], degree),
        pole=tuple(((pole - middle) / scale).tolist()),
        edge=(edge - middle) / scale,
        reach_mm=reach_mm,
        residual_mm=residual,
    )


def _solver(products: Floats) -> Callable[[Floats], Floats]:
    """Least squares for any values at the points of `products`."""
    from scipy.linalg import cho_factor, cho_solve

    square = products.T @ products
    square[np.diag_indices_from(square)] *= 1.0 + 1e-13
    factor = cho_factor(square, overwrite_a=True, check_finite=False)
    return lambda values: np.asarray(cho_solve(factor, products.T @ values, check_finite=False))


def _table(terms: Floats, degree: int) -> Floats:
    made = np.zeros((degree + 1, degree + 1))
    made[_pairs(degree)] = terms
    return made


def _slope(u: Floats, v: Floats, terms: Floats, axis: int, degree: int) -> Floats:
    """The derivative of a polynomial along u (0) or v (1) at points."""
    slope = _square(np.polynomial.chebyshev.chebder(_table(terms, degree), axis=axis))
    degree = len(slope) - 1
    vander = np.polynomial.chebyshev.chebvander
    return np.asarray(((vander(u, degree) @ slope) * vander(v, degree)).sum(axis=1))


def _on_grid(coefficients: Floats, u: Floats, v: Floats) -> Floats:
    """(v, u): a polynomial on the crossings of columns `u` and rows `v`."""
    degree = len(coefficients) - 1
    vander = np.polynomial.chebyshev.chebvander
    return np.asarray(vander(v, degree) @ coefficients.T @ vander(u, degree).T)


def _cover(front: Front, u: Floats, v: Floats, cell: float) -> npt.NDArray[np.float32]:
    """(v, u): how much of each cell about a crossing is lit, 0 to 1."""
    count = 1440
    radii = _radii(front.edge, front.pole, count)
    x, y = (u - front.pole[0]).astype(np.float32), (v - front.pole[1]).astype(np.float32)
    angle = np.arctan2(y[:, None], x[None, :]) * np.float32(count / (2 * np.pi))
    nearest = np.rint(angle).astype(np.int32) % count
    edge = radii.astype(np.float32)[nearest]
    lit = (edge - np.hypot(y[:, None], x[None, :])) / np.float32(cell) + np.float32(0.5)
    return np.asarray(np.clip(lit, 0.0, 1.0), np.float32)


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
    from scipy.fft import fft2, ifftshift

    parts = _parts(front, step_mm)
    if size * parts + 2 > LARGEST:
        cells = _counted(front, step_mm, size, (0.0, 0.0), 0.0)
        aperture = np.sinc(np.fft.fftfreq(size)) ** 2  # of the cells, and of sharing light among them
        seen = fft2(ifftshift(cells)) / (aperture[:, None] * aperture)
    else:
        fine = size * parts
        power = _power(front, step_mm / parts, fine, 1, (0.0, 0.0), 0.0, average=False)[1:-1, 1:-1]
        middle = fine // 2
        rolled = np.roll(power, (-middle, -middle), axis=(0, 1))
        band = np.fft.fftfreq(size, 1.0 / size).astype(int)
        seen = fft2(rolled)[np.ix_(band, band)]
    return np.asarray(seen / seen[0, 0].real, np.complex64)


def _parts(front: Front, step_mm: float) -> int:
    """Into how many samples a step must be cut lest the light's own band folds into what the step can carry."""
    width = float((front.edge.max(axis=0) - front.edge.min(axis=0)).max()) * front.scale
    return max(1, math.ceil(step_mm * width / (front.wavelength_nm * 1e-6) + 0.5))


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

    One Fourier transform of the wave: its window is wider than what is asked and leaves out what of the pupil sends its
    rays beyond, so that the phase turns by less than half a wave between neighbouring samples and nothing is folded
    back; its step carries the whole band of the field.
    """
    from scipy.fft import ifft2, irfft2, next_fast_len, rfft2

    wave = front.wavelength_nm * 1e-6
    low, high = front.edge.min(axis=0), front.edge.max(axis=0)
    width = float((high - low).max()) * front.scale
    fine = step_mm / parts
    asked = size * parts + 2
    count = next_fast_len(
        max(asked, min(LARGEST, math.ceil(1.3 * asked)), math.ceil(PUPIL_CELLS * wave / width / fine))
    )
    stride = wave / (count * fine)  # in direction cosines
    half = np.ceil(0.5 * (high - low) * front.scale / stride).astype(int) + 1
    half = np.minimum(half, (count - 1) // 2)
    across, down = (np.arange(-each, each + 1) * stride for each in half)
    u, v = 0.5 * (low[0] + high[0]) + across / front.scale, 0.5 * (low[1] + high[1]) + down / front.scale
    phase = _on_grid(front.wave, u, v)
    if sensor_mm:
        phase = phase + sensor_mm * _forward(front, u, v)
    light = _on_grid(front.amplitude, u, v) * _cover(front, u, v, stride / front.scale)
    if front.reach_mm + abs(sensor_mm) * _steepest(front) + math.hypot(*shift_mm) > 0.45 * count * fine:
        x, y = _landing(front, u, v, sensor_mm)
        aside = np.maximum(np.abs(x - shift_mm[0]), np.abs(y - shift_mm[1])) / (count * fine)
        light *= np.clip((0.5 - aside) / 0.05, 0.0, 1.0)
    turns = 2j * np.pi / wave
    pupil = light * np.exp(turns * phase)
    spare = (count - asked) // 2
    first = -(size // 2) * step_mm - (0.5 * (parts - 1) + 1 + spare) * fine
    pupil *= np.exp(turns * across * (first + shift_mm[0]))
    pupil *= np.exp(turns * down * (first + shift_mm[1]))[:, None]
    field = np.zeros((count, count), np.complex64)
    field[: len(v), : len(u)] = pupil
    seen = ifft2(field, overwrite_x=True)
    inside = slice(spare, spare + asked)
    if not average:
        return np.asarray(seen.real[inside, inside] ** 2 + seen.imag[inside, inside] ** 2)
    # The samples' band holds all of the light's: averaged over a sample in its transform, nothing is lost or guessed.
    transform = rfft2(seen.real**2 + seen.imag**2)
    transform *= np.sinc(np.fft.fftfreq(count)).astype(np.float32)[:, None]
    transform *= np.sinc(np.fft.rfftfreq(count)).astype(np.float32)
    return np.asarray(np.maximum(irfft2(transform, (count, count))[inside, inside], 0.0))


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


def _landing(front: Front, u: Floats, v: Floats, sensor_mm: float) -> tuple[Floats, Floats]:
    """(v, u): where the rays of the crossings of `u` and `v` land, from the reference place."""
    slope = np.polynomial.chebyshev.chebder
    x = -_on_grid(_square(slope(front.wave, axis=0)), u, v) / front.scale
    y = -_on_grid(_square(slope(front.wave, axis=1)), u, v) / front.scale
    if sensor_mm:
        forward = np.maximum(_forward(front, u, v), 1e-3)
        x = x + sensor_mm * (front.middle[0] + u * front.scale) / forward
        y = y + sensor_mm * (front.middle[1] + v * front.scale)[:, None] / forward
    return x, y


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
    light = _on_grid(front.amplitude, across, down) ** 2 * _cover(front, across, down, float(across[1] - across[0]))
    x, y = _landing(front, across, down, sensor_mm)
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


def _square(table: Floats) -> Floats:
    """A coefficient table with rows or columns of zeros so that both orders go as far."""
    side = max(table.shape)
    made = np.zeros((side, side))
    made[: table.shape[0], : table.shape[1]] = table
    return made
