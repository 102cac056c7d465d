"""The wave that leaves a lens, and the spot that it draws.

The wave is kept as Hamilton's mixed characteristic W(L, M): the optical path to the sensor along the ray of direction
cosines L, M, less L x + M y of where it lands. Its slope is the landing place, x = -dW/dL, y = -dW/dM, and the field on
the sensor is the sum of plane waves, U(x, y) = integral A exp(ik(W + Lx + My)) dL dM (Debye 1909): no reference sphere,
no small angles. A shift of the sensor by z adds z N to W, exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

DEGREE = 12
AMPLITUDE_DEGREE = 8
LARGEST = 2048
PUPIL_CELLS = 64


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
        parity_a = parity[: len(self.amplitude), : len(self.amplitude)]
        (mx, my), (px, py) = signs * self.middle, signs * self.pole
        return replace(
            self,
            middle=(float(mx), float(my)),
            wave=self.wave * parity,
            amplitude=self.amplitude * parity_a,
            pole=(float(px), float(py)),
            edge=self.edge * signs,
        )

    @property
    def solid_angle(self) -> float:
        """The lit area in direction cosines, sr: irradiance over radiance at the place where the wave arrives."""
        x, y = _fine_edge(self.edge, self.pole).T
        return float(0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) * self.scale**2


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
    """The wave through traced rays.

    `directions` (n, 2) are L, M; `wave_mm` (n,) is W; `pupil` (n, 2) is where each ray went through the entrance
    pupil, `weight` (n,) the light on a unit of its area; `pole` (2,) and `edge` (m, 2) are directions.
    """
    low, high = edge.min(axis=0), edge.max(axis=0)
    middle = 0.5 * (low + high)
    scale = float(np.hypot(*(edge - middle).T).max())
    u, v = ((directions - middle) / scale).T
    products = _products(u, v, DEGREE)
    found, *_ = np.linalg.lstsq(products, wave_mm - wave_mm.mean(), rcond=1e-13)
    residual = wave_mm - wave_mm.mean() - products @ found
    wave = np.zeros((DEGREE + 1, DEGREE + 1))
    wave[_pairs(DEGREE)] = found
    return Front(
        wavelength_nm=wavelength_nm,
        middle=(float(middle[0]), float(middle[1])),
        scale=scale,
        wave=wave,
        amplitude=_amplitude(u, v, pupil, weight, np.sqrt(1.0 - (directions**2).sum(axis=1))),
        pole=tuple(((pole - middle) / scale).tolist()),
        edge=(edge - middle) / scale,
        reach_mm=reach_mm,
        residual_mm=float(np.sqrt(np.mean(residual**2))),
    )


def _amplitude(u: Floats, v: Floats, pupil: Floats, weight: Floats, cosine: Floats) -> Floats:
    """Coefficients of the root of the light by direction: what enters a patch of the pupil leaves in its directions."""
    cheb = np.polynomial.chebyshev
    products = _products(u, v, AMPLITUDE_DEGREE)
    found, *_ = np.linalg.lstsq(products, pupil, rcond=1e-12)
    slopes = []
    for axis in (0, 1):
        table = np.zeros((AMPLITUDE_DEGREE + 1, AMPLITUDE_DEGREE + 1))
        table[_pairs(AMPLITUDE_DEGREE)] = found[:, axis]
        slopes += [cheb.chebval2d(u, v, cheb.chebder(table, axis=each)) for each in (0, 1)]
    patch = np.abs(slopes[0] * slopes[3] - slopes[1] * slopes[2])
    root = np.sqrt(patch * weight / cosine)
    again, *_ = np.linalg.lstsq(products, root / root.mean(), rcond=1e-12)
    made = np.zeros((AMPLITUDE_DEGREE + 1, AMPLITUDE_DEGREE + 1))
    made[_pairs(AMPLITUDE_DEGREE)] = again
    return made


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

    `sensor_mm` moves the sensor away from the lens. The window of the transform holds every traced ray, so that the
    phase turns by less than half a wave between neighbouring samples and nothing is folded back; its step carries the
    whole band of the field. Where that would take more than 2048 samples a side, blur is hundreds of times larger than
    the diffraction it hides and the rays themselves are counted.
    """
    from scipy.fft import ifft2, irfft2, next_fast_len, rfft2

    wave = front.wavelength_nm * 1e-6
    span = front.edge.max(axis=0) - front.edge.min(axis=0)
    width = float(span.max()) * front.scale
    reach = front.reach_mm + abs(sensor_mm) * _steepest(front)
    window = max(size * step_mm, 2.2 * reach + 16.0 * wave / width, PUPIL_CELLS * wave / width)
    window += 2.0 * max(abs(shift_mm[0]), abs(shift_mm[1]))
    parts = max(1, math.ceil(step_mm * width / wave + 0.5))
    fine = step_mm / parts
    count = next_fast_len(math.ceil(window / fine))
    if count > LARGEST:
        return _counted(front, step_mm, size, shift_mm, sensor_mm)
    stride = wave / (count * fine)  # in direction cosines
    centre = 0.5 * (front.edge.max(axis=0) + front.edge.min(axis=0))
    half = np.ceil(0.5 * span * front.scale / stride).astype(int) + 1
    across, down = (np.arange(-each, each + 1) * stride for each in half)
    u, v = centre[0] + across / front.scale, centre[1] + down / front.scale
    phase = _on_grid(front.wave, u, v)
    if sensor_mm:
        phase = phase + sensor_mm * _forward(front, u, v)
    light = _on_grid(front.amplitude, u, v) * _cover(front, u, v, stride / front.scale)
    turns = 2j * np.pi / wave
    pupil = light * np.exp(turns * phase)
    spare = (count - size * parts) // 2
    first = -(size // 2) * step_mm - (0.5 * (parts - 1) + spare) * fine
    pupil *= np.exp(turns * across * (first + shift_mm[0]))
    pupil *= np.exp(turns * down * (first + shift_mm[1]))[:, None]
    field = np.zeros((count, count), np.complex64)
    field[: len(v), : len(u)] = pupil
    seen = ifft2(field, overwrite_x=True)
    # The samples' band holds all of the light's: averaged over a sample in its transform, nothing is lost or guessed.
    transform = rfft2(seen.real**2 + seen.imag**2)
    transform *= np.sinc(np.fft.fftfreq(count)).astype(np.float32)[:, None]
    transform *= np.sinc(np.fft.rfftfreq(count)).astype(np.float32)
    inside = slice(spare, spare + size * parts)
    power = np.maximum(irfft2(transform, (count, count))[inside, inside], 0.0)
    cells = power.reshape(size, parts, size, parts).sum(axis=(1, 3), dtype=np.float64)
    return np.asarray(cells / cells.sum(), np.float32)


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
    cheb = np.polynomial.chebyshev
    low, high = front.edge.min(axis=0), front.edge.max(axis=0)
    across, down = (np.linspace(a, b, 1400) for a, b in zip(low, high, strict=True))
    light = _on_grid(front.amplitude, across, down) ** 2 * _cover(front, across, down, float(across[1] - across[0]))
    x = -_on_grid(_square(cheb.chebder(front.wave, axis=0)), across, down) / front.scale
    y = -_on_grid(_square(cheb.chebder(front.wave, axis=1)), across, down) / front.scale
    if sensor_mm:
        forward = _forward(front, across, down)
        x = x + sensor_mm * (front.middle[0] + across * front.scale) / forward
        y = y + sensor_mm * (front.middle[1] + down * front.scale)[:, None] / forward
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
    cells = cells[1:-1, 1:-1]
    total = cells.sum()
    return np.asarray(cells / total if total > 0 else cells, np.float32)


def _square(table: Floats) -> Floats:
    """A coefficient table with rows or columns of zeros so that both orders go as far."""
    side = max(table.shape)
    made = np.zeros((side, side))
    made[: table.shape[0], : table.shape[1]] = table
    return made
