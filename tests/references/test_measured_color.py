"""Measured surfaces through a measured camera: matrices fitted on some patches, judged on others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anylens import color
from anylens.refusal import Refusal
from tests import spectra

LIGHTS = {
    "A": spectra.thermal(2856.0),
    "D65": spectra.daylight(6504.0),
    "D50": spectra.daylight(5003.0),
    "3500 K": spectra.thermal(3500.0),
    "LED": spectra.white_led(0.5),
}
CALIBRATED = {17: "A", 21: "D65"}
SURFACES = spectra.smooth_reflectances(300, seed=1)


def white(light: np.ndarray, by: np.ndarray) -> np.ndarray:
    return spectra.seen(light, np.ones((1, len(spectra.WAVELENGTH_NM))), by)[:, 0]


def balanced(light: np.ndarray, surfaces: np.ndarray) -> np.ndarray:
    return spectra.seen(light, surfaces, spectra.CAMERA) / white(light, spectra.CAMERA)[:, None]


def pcs(light: np.ndarray, surfaces: np.ndarray) -> np.ndarray:
    """XYZ adapted to D50: what colour the eye gives the surface."""
    to_d50 = color.adaptation(white(light, spectra.OBSERVER), color.PCS_D50)
    return to_d50 @ spectra.seen(light, surfaces, spectra.OBSERVER)


@pytest.fixture(scope="module")
def camera():
    """Calibrations fitted to surfaces of no chart, as the functions of `color` take them."""
    colors, forwards = [], []
    for name in CALIBRATED.values():
        light = LIGHTS[name]
        seen = [spectra.seen(light, SURFACES, by) for by in (spectra.OBSERVER, spectra.CAMERA)]
        colors.append(color.fit_color_matrix(*seen, white(light, spectra.OBSERVER), white(light, spectra.CAMERA)))
        forwards.append(color.fit_forward_matrix(balanced(light, SURFACES), pcs(light, SURFACES)))
    return colors, forwards, (None, None), tuple(CALIBRATED), (1.0, 1.0, 1.0)


def differences(camera, light: np.ndarray) -> np.ndarray:
    """CIEDE2000 of the 24 patches of the ColorChecker, the whole way to Rec. 2020."""
    rgb = color.camera_to_rec2020(*camera, white(light, spectra.CAMERA)) @ balanced(light, spectra.COLORCHECKER)
    to_d50 = color.adaptation(color.xyz_from_xy(color.D65), color.PCS_D50)
    shown = to_d50 @ color.rgb_to_xyz("rec2020") @ rgb
    wanted = color.lab_from_xyz(pcs(light, spectra.COLORCHECKER), color.PCS_D50)
    return color.delta_e_2000(wanted, color.lab_from_xyz(shown, color.PCS_D50))


@pytest.mark.parametrize("light", ["A", "D65", "D50", "3500 K"])
def test_a_measured_chart_keeps_its_colours(camera, light) -> None:
    found = differences(camera, LIGHTS[light])
    assert found.mean() <= 1.5
    assert found.max() <= 5.0


def test_a_light_of_no_calibration_keeps_colours_near(camera) -> None:
    assert differences(camera, LIGHTS["LED"]).mean() <= 2.0


def test_daylight_between_the_calibrations_is_told_from_its_neutral(camera) -> None:
    for kelvin in (4500.0, 5500.0, 6000.0):
        eye = white(spectra.daylight(kelvin), spectra.OBSERVER)
        truth, _ = color.kelvin_from_xy((eye[0] / eye.sum(), eye[1] / eye.sum()))
        told, _ = color.kelvin_from_neutral(white(spectra.daylight(kelvin), spectra.CAMERA), *camera)
        assert told == pytest.approx(truth, rel=0.03)


@pytest.mark.parametrize("name", CALIBRATED.values())
def test_the_perceptual_fit_is_nearer_to_its_patches_than_a_plain_one(name) -> None:
    light = LIGHTS[name]
    seen, wanted = balanced(light, SURFACES), pcs(light, SURFACES)
    plain = np.linalg.lstsq(seen.T, wanted.T, rcond=None)[0].T
    fitted = color.fit_forward_matrix(seen, wanted)
    lab = color.lab_from_xyz(wanted, color.PCS_D50)
    rms = [
        np.sqrt((color.delta_e_2000(lab, color.lab_from_xyz(matrix @ seen, color.PCS_D50)) ** 2).mean())
        for matrix in (fitted, plain)
    ]
    assert rms[0] < rms[1]


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(3, 40))
def test_white_stays_white_whatever_patches_are_fitted(seed, count) -> None:
    surfaces = spectra.smooth_reflectances(count, seed)
    light = LIGHTS["D65"]
    forward = color.fit_forward_matrix(balanced(light, surfaces), pcs(light, surfaces))
    np.testing.assert_allclose(forward @ np.ones(3), color.PCS_D50, atol=1e-12)
    eye, neutral = white(light, spectra.OBSERVER), white(light, spectra.CAMERA)
    seen = [spectra.seen(light, surfaces, by) for by in (spectra.OBSERVER, spectra.CAMERA)]
    np.testing.assert_allclose(color.fit_color_matrix(*seen, eye, neutral) @ eye, neutral, atol=1e-12)


def test_a_camera_that_is_the_eye_is_found_out() -> None:
    wanted = pcs(LIGHTS["D50"], SURFACES)
    mixed = np.array([[0.8, 0.3, -0.1], [0.1, 0.7, 0.2], [0.0, 0.1, 0.9]])
    found = color.fit_forward_matrix((mixed @ wanted) / (mixed @ color.PCS_D50)[:, None], wanted)
    truth = np.linalg.inv(mixed) * (mixed @ color.PCS_D50)
    np.testing.assert_allclose(found, truth, atol=1e-6)


def test_two_patches_are_refused() -> None:
    with pytest.raises(Refusal, match="three patches"):
        color.fit_forward_matrix(np.ones((3, 2)), np.ones((3, 2)))
