"""How one measured camera sees measured surfaces, and how far from the eye's colours its calibrations show them."""

from __future__ import annotations

import numpy as np

from anylens import color
from anylens.sensor import Calibration
from tests import spectra

Three = tuple[float, float, float]
LIGHTS = {
    "D65": spectra.daylight(6504.0),
    "A": spectra.thermal(2856.0),
    "D50": spectra.daylight(5003.0),
    "3500 K": spectra.thermal(3500.0),
    "LED": spectra.white_led(0.5),
}
CALIBRATED = {17: "A", 21: "D65"}
SURFACES = spectra.smooth_reflectances(300, seed=1)
"""What matrices are fitted to: surfaces of no chart."""


def white(light: np.ndarray, by: np.ndarray) -> np.ndarray:
    """(3,) of a white surface."""
    return spectra.seen(light, np.ones((1, len(light))), by)[:, 0]


def balanced(light: np.ndarray, surfaces: np.ndarray) -> np.ndarray:
    """(3, n) camera colours after white balance."""
    return spectra.seen(light, surfaces, spectra.CAMERA) / white(light, spectra.CAMERA)[:, None]


def pcs(light: np.ndarray, surfaces: np.ndarray) -> np.ndarray:
    """(3, n) XYZ as the eye sees the surfaces, adapted to D50."""
    to_d50 = color.adaptation(white(light, spectra.OBSERVER), color.PCS_D50)
    return to_d50 @ spectra.seen(light, surfaces, spectra.OBSERVER)


def calibrations(*, plain: bool = False) -> tuple[tuple[Calibration, ...], Three]:
    """The camera's, and its analog balance; `plain` has forward matrices by least squares."""
    made = []
    for code, name in CALIBRATED.items():
        light = LIGHTS[name]
        seen = [spectra.seen(light, SURFACES, by) for by in (spectra.OBSERVER, spectra.CAMERA)]
        matrix = color.fit_color_matrix(*seen, white(light, spectra.OBSERVER), white(light, spectra.CAMERA))
        from_camera, to_eye = balanced(light, SURFACES), pcs(light, SURFACES)
        least = np.linalg.lstsq(from_camera.T, to_eye.T, rcond=None)[0].T
        made.append(Calibration(code, matrix, least if plain else color.fit_forward_matrix(from_camera, to_eye)))
    return tuple(made), (1.0, 1.0, 1.0)


def differences(known: tuple[tuple[Calibration, ...], Three], light: np.ndarray) -> np.ndarray:
    """(24,) CIEDE2000 of the ColorChecker's patches, the whole way to Rec. 2020."""
    rgb = color.camera_to_rec2020(*known, white(light, spectra.CAMERA)) @ balanced(light, spectra.COLORCHECKER)
    to_d50 = color.adaptation(color.xyz_from_xy(color.D65), color.PCS_D50)
    shown = to_d50 @ color.rgb_to_xyz("rec2020") @ rgb
    wanted = color.lab_from_xyz(pcs(light, spectra.COLORCHECKER), color.PCS_D50)
    return color.delta_e_2000(wanted, color.lab_from_xyz(shown, color.PCS_D50))
