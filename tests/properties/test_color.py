"""What must be true of colour, whatever the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anylens import color
from anylens.record import replace
from anylens.refusal import Refusal
from anylens.sensor import Calibration

WARM = np.array([[1.8331, -0.8166, -0.2478], [0.1391, 0.8961, -0.0367], [0.0822, 0.0662, 0.2597]])
COOL = np.array([[1.0344, -0.4210, -0.0620], [-0.2315, 1.0625, 0.1948], [0.0093, 0.1058, 0.5541]])
FORWARD = np.array([[0.7463, 0.1044, 0.1135], [0.2648, 0.9173, -0.1821], [0.0113, -0.2154, 1.0292]])

DUAL = (Calibration(3, WARM), Calibration(23, COOL)), (1, 1, 1)
SINGLE = (Calibration(23, COOL),), (1, 1, 1)

kelvins = st.floats(2000.0, 15000.0)
tints = st.floats(-50.0, 50.0)
bends = st.lists(st.floats(-0.05, 0.05), min_size=9, max_size=9).map(lambda values: np.reshape(values, (3, 3)))
calibrations = st.builds(
    lambda warm, cool, forward, individual, balance, swap: (
        (
            Calibration(23 if swap else 3, COOL + cool if swap else WARM + warm, forward, np.eye(3) + individual),
            Calibration(3 if swap else 23, WARM + warm if swap else COOL + cool),
        ),
        balance,
    ),
    bends,
    bends,
    st.sampled_from([FORWARD, None]),
    bends,
    st.tuples(*[st.floats(0.5, 2.0)] * 3),
    st.booleans(),
)


@given(calibrations, st.floats(3000.0, 12000.0), st.floats(-30.0, 30.0))
def test_a_neutral_surface_becomes_exactly_grey(given_calibrations, kelvin, tint) -> None:
    neutral = color.neutral_from_kelvin(kelvin, tint, *given_calibrations)
    matrix = color.camera_to_rec2020(*given_calibrations, neutral)
    np.testing.assert_allclose(matrix @ np.ones(3), 1.0, rtol=0.0, atol=1e-14)


@given(kelvins, tints)
def test_kelvin_and_tint_come_back_from_a_chromaticity(kelvin, tint) -> None:
    back = color.kelvin_from_xy(color.xy_from_kelvin(kelvin, tint))
    assert back == (pytest.approx(kelvin, rel=1e-6), pytest.approx(tint, abs=1e-5))


@given(kelvins, tints, st.booleans())
def test_kelvin_and_tint_come_back_from_a_camera_neutral(kelvin, tint, dual) -> None:
    camera = DUAL if dual else SINGLE
    try:
        neutral = color.neutral_from_kelvin(kelvin, tint, *camera)
    except Refusal:
        assume(False)
    back = color.kelvin_from_neutral(neutral, *camera)
    assert back == (pytest.approx(kelvin, rel=1e-4), pytest.approx(tint, abs=0.01))


@given(st.floats(2200.0, 12000.0), st.floats(-30.0, 30.0))
def test_the_blend_of_two_illuminants_has_no_steps(kelvin, tint) -> None:
    here, near = (
        color.camera_to_rec2020(*DUAL, color.neutral_from_kelvin(k, tint, *DUAL)) for k in (kelvin, kelvin * 1.00001)
    )
    assert np.abs(here - near).max() < 1e-3 * np.abs(here).max()


@given(st.floats(2500.0, 9000.0), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_scale_of_neutral_and_of_a_calibration_say_nothing(kelvin, brightness, size) -> None:
    neutral = color.neutral_from_kelvin(kelvin, 0.0, *DUAL)
    plain = color.camera_to_rec2020(*DUAL, neutral)
    (warm, cool), balance = DUAL
    for calibrations in ((warm, cool), (replace(warm, color_matrix=WARM * size), cool)):
        found = color.camera_to_rec2020(calibrations, balance, neutral * brightness)
        np.testing.assert_allclose(found, plain, atol=1e-9)


@given(kelvins, tints)
def test_warm_light_has_a_warm_neutral(kelvin, tint) -> None:
    cooler = min(kelvin * 1.2, 15000.0)
    assume(cooler > kelvin * 1.01)
    try:
        warm, cool = (color.neutral_from_kelvin(k, tint, *SINGLE) for k in (kelvin, cooler))
    except Refusal:
        assume(False)
    assert warm[0] / warm[2] > cool[0] / cool[2]


@given(st.lists(st.floats(-0.5, 4.0), min_size=1, max_size=20))
def test_srgb_curve_comes_back_and_rises(values) -> None:
    light = np.sort(np.array(values))
    signal = color.srgb_encode(light)
    assert np.all(np.diff(signal) >= 0.0)
    np.testing.assert_allclose(color.srgb_decode(signal), light, atol=1e-6)


@given(st.floats(0.0, 2.0), st.sampled_from(["srgb", "display-p3", "rec2020"]))
def test_grey_has_no_colour_in_oklab_and_lab(value, space) -> None:
    oklab = color.oklab_from_rgb(np.full(3, value), space)
    np.testing.assert_allclose(oklab[1:], 0.0, atol=1e-7)
    lab = color.lab_from_xyz(color.rgb_to_xyz(space) @ np.full(3, value), color.xyz_from_xy(color.D65))
    np.testing.assert_allclose(lab[1:], 0.0, atol=1e-9)


@given(st.tuples(st.floats(0, 100), st.floats(-100, 100), st.floats(-100, 100)), st.floats(0.1, 3.0))
def test_a_colour_is_at_no_distance_from_itself_and_away_from_others(lab, step) -> None:
    assert color.delta_e_2000(lab, lab) == 0.0
    assert color.delta_e_2000(lab, (lab[0] + step, lab[1], lab[2])) > 0.0
