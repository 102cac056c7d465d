"""The wave that leaves a lens.

The wave is kept as Hamilton's mixed characteristic W(L, M): the optical path to the sensor along the ray of direction
cosines L, M, less L x + M y of where it lands. Its slope is the landing place, x = -dW/dL, y = -dW/dM, and the field on
the sensor is the sum of plane waves, U(x, y) = integral A exp(ik(W + Lx + My)) dL dM (Debye 1909): no reference sphere,
no small angles. A shift of the sensor by z adds z N to W, exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.splines import closed

Floats = npt.NDArray[np.floating[Any]]

SMOOTH = 0.01  # of a wave may be left by the lower degree


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

    @property
    def rough(self) -> bool:
        """Whether the polynomial leaves more than a hundredth of a wave."""
        return self.residual_mm > SMOOTH * self.wavelength_nm * 1e-6

    @property
    def even(self) -> bool:
        """Whether its upper half mirrors its lower one, to a millionth of a wave."""
        odd = np.abs(self.wave[:, 1::2]).sum() < 1e-6 * self.wavelength_nm * 1e-6
        light = np.abs(self.amplitude[:, 1::2]).sum() < 1e-6
        edge = abs(self.edge[:, 1].max() + self.edge[:, 1].min())
        return bool(odd and light and max(edge, abs(self.pole[1]), abs(self.middle[1])) < 1e-9)

    def turned(self, cosine: float, sine: float) -> Front:
        """The same wave turned about the axis of the lens: exact, since a turned polynomial is one of that degree."""
        if cosine == 1.0:
            return self
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
    x, y = edge_points(edge, (float(pole[0]), float(pole[1]))).T
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


def _orders(at: Floats, degree: int) -> Floats:
    """(points, degree + 1): Chebyshev polynomials at points."""
    return np.asarray(np.polynomial.chebyshev.chebvander(at, degree))


def _products(u: Floats, v: Floats) -> Floats:
    """(points, terms): their products, from the orders in u and v at points."""
    count = u.shape[1]
    return np.concatenate([u[:, a, None] * v[:, : count - a] for a in range(count)], axis=1)


@cache
def _disc(degree: int) -> tuple[Floats, Floats, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Points on the unit disc, and the matrix from values there to coefficients, exact for polynomials."""
    rings = degree + 2
    radii = np.cos(np.pi * (np.arange(rings) + 0.5) / (2 * rings))
    angles = 2 * np.pi * np.arange(2 * degree + 3) / (2 * degree + 3)
    nodes = np.stack([np.multiply.outer(radii, np.cos(angles)), np.multiply.outer(radii, np.sin(angles))], -1)
    nodes = nodes.reshape(-1, 2)
    return nodes, np.linalg.pinv(_products(*(_orders(each, degree) for each in nodes.T))), _pairs(degree)


def edge_points(edge: Floats, pole: tuple[float, float], count: int = 720) -> Floats:
    """(count, 2): the edge at even angles about the pole, cubic in between."""
    radius = edge_radii(edge, pole, count)
    angles = 2 * np.pi * np.arange(count) / count
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], -1) + pole


def edge_radii(edge: Floats, pole: tuple[float, float], count: int) -> Floats:
    """(count,): how far the edge is from the pole at even angles from 0."""
    u, v = (edge - pole).T
    angles = np.arctan2(v, u)
    order = np.argsort(angles)
    angles, radii = angles[order], np.hypot(u, v)[order]
    keep = np.concatenate([[True], np.diff(angles) > 1e-9])
    angles, radii = angles[keep], radii[keep]
    at = angles[0] + (2 * np.pi * np.arange(count) / count - angles[0]) % (2 * np.pi)
    return closed(np.append(angles, angles[0] + 2 * np.pi), np.append(radii, radii[0]))(at)


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """Traced rays from one point at one wavelength.

    `to` (n, 2) are L, M; `wave_mm` (n,) is W; `pupil` (n, 2) is where each went through the entrance pupil, `light`
    (n,) what fell on a unit of its area there. Each stands for `counts` (n,): where `mirrored`, the lower half being
    the upper one's image, for itself and its image.
    """

    to: Floats
    wave_mm: Floats
    pupil: Floats
    light: Floats
    counts: Floats
    mirrored: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rim:
    """What light gets through: `edge` (m, 2) and a `pole` (2,) within it are directions; `reach_mm` as `Front` has."""

    pole: Floats
    edge: Floats
    reach_mm: float


def fit(rays: Rays, rim: Rim, wavelength_nm: float, degree: int) -> Front:
    """The wave through traced rays, a polynomial of a total `degree`."""
    low, high = rim.edge.min(axis=0), rim.edge.max(axis=0)
    middle = 0.5 * (low + high)
    scale = float(np.hypot(*(rim.edge - middle).T).max())
    u, v = ((rays.to - middle) / scale).T
    offset = rays.wave_mm - np.average(rays.wave_mm, weights=rays.counts)
    orders = _orders(u, degree), _orders(v, degree)
    products = _products(*orders)
    odd = _pairs(degree)[1] % 2 == 1
    solve = _solver(products, rays.counts, ~odd if rays.mirrored else odd | True)
    wave, across = solve(np.column_stack([offset, rays.pupil[:, 0]])).T
    down = (_solver(products, rays.counts, odd) if rays.mirrored else solve)(rays.pupil[:, 1:])[:, 0]
    wave = wave + solve((offset - products @ wave)[:, None])[:, 0]  # once more, for the last digits
    residual = float(np.sqrt(np.average((offset - products @ wave) ** 2, weights=rays.counts)))
    turns = [_slope(*orders, each, axis) for each in (across, down) for axis in (0, 1)]
    patch = np.abs(turns[0] * turns[3] - turns[1] * turns[2])
    cosine = np.sqrt(1.0 - (rays.to**2).sum(axis=1))
    root = np.sqrt(patch * rays.light / cosine)
    return Front(
        wavelength_nm=wavelength_nm,
        middle=(float(middle[0]), float(middle[1])),
        scale=scale,
        wave=_table(wave, degree),
        amplitude=_table(solve((root / np.average(root, weights=rays.counts))[:, None])[:, 0], degree),
        pole=tuple(((rim.pole - middle) / scale).tolist()),
        edge=(rim.edge - middle) / scale,
        reach_mm=rim.reach_mm,
        residual_mm=residual,
    )


def _solver(products: Floats, counts: Floats, used: npt.NDArray[np.bool_]) -> Callable[[Floats], Floats]:
    """Least squares for any values at the points of `products`, each counted so often, by the terms that are `used`."""
    from scipy.linalg import cho_factor, cho_solve

    root = np.sqrt(counts)[:, None]
    kept = products[:, used] * root
    square = kept.T @ kept
    square.flat[:: len(square) + 1] *= 1.0 + 1e-13
    factor = cho_factor(square, overwrite_a=True, check_finite=False)

    def solve(values: Floats) -> Floats:
        terms = np.zeros((len(used), values.shape[1]))
        terms[used] = cho_solve(factor, kept.T @ (root * values), check_finite=False)
        return terms

    return solve


def _table(terms: Floats, degree: int) -> Floats:
    made = np.zeros((degree + 1, degree + 1))
    made[_pairs(degree)] = terms
    return made


def _slope(u: Floats, v: Floats, terms: Floats, axis: int) -> Floats:
    """The derivative of a polynomial along u (0) or v (1) at points, of which the orders in u and v are given."""
    degree = u.shape[1] - 1
    slope = slopes(_table(terms, degree))[axis]
    return np.asarray(((u @ slope) * v).sum(axis=1))


def on_grid(coefficients: Floats, u: Floats, v: Floats) -> Floats:
    """(v, u): a polynomial on the crossings of columns `u` and rows `v`."""
    down, across = apart(coefficients, u, v)
    return np.asarray(down @ across)


def apart(coefficients: Floats, u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """(v, n) and (n, u), whose product is that."""
    degree = len(coefficients) - 1
    vander = np.polynomial.chebyshev.chebvander
    return vander(v, degree), coefficients.T @ vander(u, degree).T


def slopes(table: Floats) -> tuple[Floats, Floats]:
    """The coefficients of a polynomial's derivatives along u and v, of as many orders as its own."""
    along = _derivative(len(table))
    return along @ table, table @ along.T


@cache
def _derivative(count: int) -> Floats:
    """(count, count): from coefficients of a Chebyshev series to those of its derivative, the last of them 0."""
    made = np.zeros((count, count))
    made[:-1] = np.polynomial.chebyshev.chebder(np.eye(count))
    return made
