"""Measured surfaces through a measured camera: matrices fitted on some patches, judged on others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anylens import color
from anylens.refusal import Refusal
from tests import spectra
from tests.measured_camera import CALIBRATED, LIGHTS, SURFACES, balanced, calibrations, differences, pcs, white


@pytest.fixture(scope="module")
def camera():
    return calibrations()


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
