"""A passport's falloff and colour cast from flats, in millimetres on the sensor, with honest errors."""

from __future__ import annotations

import math

import numpy as np

from anylens.lab.figure import Figure
from anylens.lab.samples import Floats
from anylens.lab.shading import ShadingMap, ShadingMeasure
from anylens.lens.passport import ColorShading, Lattice, Origin, Vignetting

_DEGREE = 6
ROWS, COLUMNS = 13, 17
"""Of the lattice that a colour cast is told on."""


def vignetting(measure: ShadingMeasure, pitch_um: float, origin: Origin) -> Vignetting:
    """Falloff as even powers of the radius about its own centre."""
    half_px = math.hypot(measure.width_px, measure.height_px) / 2.0
    half_mm = half_px * pitch_um * 1e-3
    middle = (measure.width_px - 1) / 2.0, (measure.height_px - 1) / 2.0
    right, down = (
        Figure(each.value - m, each.error).times(1e-3 * pitch_um)
        for each, m in zip(measure.centre_px, middle, strict=True)
    )
    k1, k2, k3 = measure.radial
    return Vignetting(
        **origin.named,
        residual=measure.residual_percent / 100.0,
        centre_mm=(right.value, down.value),
        centre_mm_error=(right.error, down.error),
        radial=(k1.value, k2.value, k3.value),
        radial_error=(k1.error, k2.error, k3.error),
        reach_mm=half_mm,
    )


def color_shading(measure: ShadingMeasure, pitch_um: float, origin: Origin) -> ColorShading | None:
    """Colour cast as smooth maps (polynomials of the sixth order), None for monochrome."""
    if measure.red_green is None or measure.blue_green is None:
        return None
    red, red_error, red_left = _smooth(measure.red_green)
    blue, blue_error, blue_left = _smooth(measure.blue_green)
    return ColorShading(
        **origin.named,
        residual=math.hypot(red_left, blue_left) / math.sqrt(2.0),
        half_width_mm=measure.width_px * pitch_um * 5e-4,
        half_height_mm=measure.height_px * pitch_um * 5e-4,
        red_green=lattice(red),
        red_green_error=lattice(red_error),
        blue_green=lattice(blue),
        blue_green_error=lattice(blue_error),
    )


def _smooth(cells: ShadingMap) -> tuple[Floats, Floats, float]:
    """(values, errors) on the lattice, 1 in the middle, and the rms that is left of the cells."""
    rows, columns = cells.values.shape
    x, y = np.meshgrid(2.0 * (np.arange(columns) + 0.5) / columns - 1.0, 2.0 * (np.arange(rows) + 0.5) / rows - 1.0)
    terms, root = _terms(x, y), 1.0 / cells.errors.ravel()
    inverse = np.linalg.pinv((terms * root[:, None]).T @ (terms * root[:, None]), hermitian=True)
    found = inverse @ (terms.T @ (cells.values.ravel() * root**2))
    left = cells.values.ravel() - terms @ found
    grown = max(1.0, float(np.sum((left * root) ** 2)) / (left.size - len(found)))
    across, down = np.meshgrid(np.linspace(-1.0, 1.0, COLUMNS), np.linspace(-1.0, 1.0, ROWS))
    there, middle = _terms(across, down), _terms(np.zeros(1), np.zeros(1))
    level = float((middle @ found)[0])
    values = there @ found / level
    lever = (there - values[:, None] * middle) / level
    errors = np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", lever, inverse, lever) * grown, 0.0))
    shape = (ROWS, COLUMNS)
    return values.reshape(shape), errors.reshape(shape), float(np.sqrt(np.mean((left / level) ** 2)))


def _terms(x: Floats, y: Floats) -> Floats:
    legendre = np.polynomial.legendre.legvander
    across, down = legendre(x.ravel(), _DEGREE), legendre(y.ravel(), _DEGREE)
    pairs = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    return np.stack([across[:, i] * down[:, j] for i, j in pairs], axis=1)


def lattice(values: Floats) -> Lattice:
    """Values (rows, columns) as a passport keeps them."""
    return tuple(tuple(round(float(value), 6) for value in row) for row in values)
