"""How the twin's silicon sees colour: matrices in DNG's terms, fitted by the twin's own colorimetry."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from anylens.sensor import Calibration
from anylens.sensor.model import Matrix
from anylens.twin import spectra

Floats = npt.NDArray[np.float64]

_TUNGSTEN, _DAYLIGHT = 17, 21
_SMOOTH_SURFACES = 150
_LARGE, _ROUNDS = 2.0, 60
_D50 = (0.9642, 1.0, 0.8249)  # the white of the profile connection space (ICC.1:2022)


@cache
def calibrations() -> tuple[Calibration, Calibration]:
    """ColorMatrix and ForwardMatrix under standard light A and D65.

    For each light the camera's white-balanced RGB of surfaces is taken to XYZ under D50 by the matrix that keeps white
    and leaves least CIELAB difference (CIE 15:2018) over the 24 measured patches and 150 smooth reflectances: the
    forward matrix. The colour matrix is its inverse through Bradford's adaptation, so both say the same. Every silicon
    of the twin sees with the same curves.
    """
    return _calibration("a", _TUNGSTEN), _calibration("d65", _DAYLIGHT)


def neutral(source: spectra.Source) -> tuple[float, float, float]:
    """R, G and B of a neutral surface under a light, the largest 1 (DNG's AsShotNeutral)."""
    seen = _camera(source, np.ones((1, len(spectra.WAVELENGTH_NM))))[:, 0]
    red, green, blue = (seen / seen.max()).tolist()
    return red, green, blue


def _camera(source: spectra.Source, surfaces: Floats) -> Floats:
    """(3, n): electrons of surfaces (n, 33) under a light, in proportion."""
    seen: Floats = (spectra.response() * source.power * spectra.photons_per_joule()) @ surfaces.T
    return seen


def _calibration(name: str, illuminant: int) -> Calibration:
    source = spectra.source(name)
    surfaces = np.concatenate([np.array(list(spectra.colorchecker().values())), _smooth()])
    white = _camera(source, np.ones((1, surfaces.shape[1])))
    balanced = _camera(source, surfaces) / white
    d50 = np.array(_D50)
    adapt = _bradford(source.white, d50)
    seen = spectra.observer() * source.power
    wanted = _lab(adapt @ (seen @ surfaces.T / seen[1].sum()), d50)

    def forward(free: Floats) -> Floats:
        two = free.reshape(3, 2)
        return np.column_stack([two, d50 - two.sum(axis=1)])

    def apart(free: Floats) -> Floats:
        return np.asarray((_lab(forward(free) @ balanced, d50) - wanted).ravel())

    start = np.array([[0.6, 0.3], [0.3, 0.7], [0.02, 0.1]])
    found = forward(_settled(apart, start.ravel()))
    to_camera = np.diag(white[:, 0] / white.max()) @ np.linalg.inv(found) @ adapt
    return Calibration(illuminant, _rows(to_camera), _rows(found))


def _settled(apart: Callable[[Floats], Floats], start: Floats) -> Floats:
    """Where what is `apart` is least: by its square while far below `_LARGE`, by its size far above it.

    Gauss and Newton's steps, each difference weighed anew (Holland & Welsch 1977); SciPy's, which finds the same, takes
    longer to load than all colours take.
    """
    at, step = start, 1e-6
    for _ in range(_ROUNDS):
        left = apart(at)
        slopes = np.stack([(apart(at + step * way) - left) / step for way in np.eye(len(at))], axis=1)
        weighed = slopes.T / np.sqrt(1.0 + (left / _LARGE) ** 2)
        move = np.linalg.solve(weighed @ slopes, weighed @ left)
        at = at - move
        if np.abs(move).max() < 1e-9:
            break
    return at


def _smooth() -> Floats:
    """(n, 33): surfaces of no chart, each a sigmoid of a random curve of a few broad bells, always the same."""
    rng = np.random.default_rng(2856)
    centres = np.linspace(390.0, 730.0, 8)
    bells = np.exp(-0.5 * ((spectra.WAVELENGTH_NM - centres[:, None]) / 45.0) ** 2)
    strength = rng.uniform(0.2, 1.0, (_SMOOTH_SURFACES, 1)) * rng.normal(0.0, 1.6, (_SMOOTH_SURFACES, len(centres)))
    curve = rng.normal(-0.9, 0.9, (_SMOOTH_SURFACES, 1)) + strength @ bells
    return np.asarray(0.03 + 0.9 / (1.0 + np.exp(-curve)))


def _bradford(white: Floats, wanted: Floats) -> Floats:
    cones = spectra.BRADFORD
    return np.asarray(np.linalg.inv(cones) @ np.diag((cones @ wanted) / (cones @ white)) @ cones)


def _lab(xyz: Floats, white: Floats) -> Floats:
    """(3, n): CIELAB of XYZ (3, n), white Y = 1."""
    ratio = xyz / white[:, None]
    bent = np.where(ratio > (6 / 29) ** 3, np.cbrt(np.maximum(ratio, 0.0)), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116.0 * bent[1] - 16.0, 500.0 * (bent[0] - bent[1]), 200.0 * (bent[1] - bent[2])])


def _rows(matrix: Floats) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = np.round(matrix, 5).tolist()
    return (a, b, c), (d, e, f), (g, h, i)
