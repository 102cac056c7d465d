"""Colour against the numbers that standards and papers publish."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from anylens import color
from anylens.files.icc import Space, icc_profile
from anylens.refusal import Refusal
from anylens.sensor import Calibration

GOPRO_WARM = np.array([[1.8331, -0.8166, -0.2478], [0.1391, 0.8961, -0.0367], [0.0822, 0.0662, 0.2597]])
GOPRO_COOL = np.array([[1.0344, -0.4210, -0.0620], [-0.2315, 1.0625, 0.1948], [0.0093, 0.1058, 0.5541]])
GOPRO = (Calibration(3, GOPRO_WARM), Calibration(23, GOPRO_COOL)), (1.0, 1.0, 1.0)
GOPRO_NEUTRAL = (0.522449, 1.0, 0.571429)
CANON = (
    (
        Calibration(
            17,
            [[0.7546, -0.1435, -0.0929], [-0.3846, 1.1488, 0.2692], [-0.0332, 0.1209, 0.6370]],
            [[0.7763, 0.0065, 0.1815], [0.2364, 0.8351, -0.0715], [-0.0059, -0.4228, 1.2538]],
            np.diag([0.9883, 1.0, 1.0]),
        ),
        Calibration(
            21,
            [[0.7034, -0.0804, -0.1014], [-0.4420, 1.2564, 0.2058], [-0.0851, 0.1994, 0.5758]],
            [[0.7464, 0.1044, 0.1135], [0.2648, 0.9173, -0.1820], [0.0113, -0.2154, 1.0292]],
            np.diag([0.9883, 1.0, 1.0]),
        ),
    ),
    (2.158672, 1.0, 1.414752),
)
CANON_NEUTRAL = (1.0, 0.996616, 0.995727)
REC2020_FROM_XYZ = np.array(
    [[1.7166512, -0.3556708, -0.2533663], [-0.6666844, 1.6164812, 0.0157685], [0.0176399, -0.0427706, 0.9421031]]
)

# Sharma, Wu & Dalal 2005, table 1.
CIEDE2000 = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def test_matrices_are_the_published_ones() -> None:
    srgb = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]  # IEC 61966-2-1
    np.testing.assert_allclose(color.rgb_to_xyz("srgb"), srgb, atol=6e-5)
    np.testing.assert_allclose(color.rgb_to_xyz("rec2020")[1], [0.2627, 0.6780, 0.0593], atol=5e-5)  # ITU-R BT.2020
    np.testing.assert_allclose(color.xyz_to_rgb("rec2020"), REC2020_FROM_XYZ, atol=2e-6)
    to_2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]  # ITU-R BT.2087
    np.testing.assert_allclose(color.rgb_to_rgb("srgb", "rec2020"), to_2020, atol=6e-5)


def test_bradford_adapts_d65_to_d50_as_srgb_profiles_say() -> None:
    published = [[1.04788, 0.02292, -0.05022], [0.02959, 0.99048, -0.01708], [-0.00925, 0.01508, 0.75168]]
    np.testing.assert_allclose(color.adaptation(color.xyz_from_xy(color.D65), color.PCS_D50), published, atol=4e-5)


@pytest.mark.parametrize(
    ("xy", "kelvin"),
    [
        (color.D50, 5003.0),
        ((0.33242, 0.34743), 5503.0),
        (color.D65, 6504.0),
        ((0.29902, 0.31485), 7504.0),
        ((0.44757, 0.40745), 2856.0),
    ],
)
def test_temperature_of_the_cie_illuminants(xy: tuple[float, float], kelvin: float) -> None:
    assert color.kelvin_from_xy(xy)[0] == pytest.approx(kelvin, rel=1e-3)


def test_tint_is_zero_on_the_planckian_locus_and_positive_towards_green() -> None:
    assert color.kelvin_from_xy((0.44757, 0.40745))[1] == pytest.approx(0.0, abs=0.3)
    assert color.kelvin_from_xy((0.3127, 0.3400))[1] > color.kelvin_from_xy(color.D65)[1] > 0.0
    assert color.kelvin_from_xy((0.3127, 0.3100))[1] < 0.0


@pytest.mark.parametrize("code", range(256))
def test_light_sources_with_a_temperature_have_a_plausible_one(code: int) -> None:
    kelvin = color.illuminant_kelvin(code)
    assert kelvin is None or 2500.0 <= kelvin <= 8000.0
    assert (kelvin is None) == (code in {0, 5, 6, 7, 8} or code > 24)


def _kelvin_after_krystek(xyz: np.ndarray) -> float:
    """The temperature whose Planckian light is nearest in CIE 1960 uv, by the rational locus of Krystek 1985."""
    t = 1e6 / np.linspace(70.0, 600.0, 5301)
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t**2) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t**2)
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t**2) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t**2)
    x, y, z = xyz
    here = np.array([4.0 * x, 6.0 * y]) / (x + 15.0 * y + 3.0 * z)
    return float(t[np.argmin((u - here[0]) ** 2 + (v - here[1]) ** 2)])


def _by_brute_force(calibrations, neutral, kelvins) -> np.ndarray:
    """The specification's chapter in plain steps, with another locus and another search."""
    known, balance = calibrations
    matrices = [each.color_matrix for each in known]
    forwards = [each.forward_matrix for each in known]
    individuals = [each.camera_calibration for each in known]
    neutral = np.array(neutral)
    eye = np.eye(3)

    def blend(pair, weight):
        return weight * np.asarray(pair[0]) + (1.0 - weight) * np.asarray(pair[1])

    def warm_weight(kelvin):
        return np.clip((1 / kelvin - 1 / kelvins[1]) / (1 / kelvins[0] - 1 / kelvins[1]), 0.0, 1.0)

    def individual(weight):
        return np.diag(balance) @ blend([eye if i is None else i for i in individuals], weight)

    def white(weight):
        return np.linalg.solve(individual(weight) @ blend(matrices, weight), neutral)

    weights = np.linspace(0.0, 1.0, 401)
    wrong = [abs(warm_weight(_kelvin_after_krystek(white(w))) - w) for w in weights]
    weight = weights[int(np.argmin(wrong))]
    d50, d65 = np.array([0.9642, 1.0, 0.8249]), np.array([0.95046, 1.0, 1.08906])
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

    def adapt(a, b):
        return np.linalg.inv(bradford) @ np.diag((bradford @ b) / (bradford @ a)) @ bradford

    if forwards[0] is None:
        seen = white(weight)
        camera_to_d50 = adapt(seen / seen[1], d50) @ np.linalg.inv(individual(weight) @ blend(matrices, weight))
        camera_to_d50 = camera_to_d50 / seen[1]
    else:
        reference = np.linalg.solve(individual(weight), neutral)
        camera_to_d50 = blend(forwards, weight) @ np.diag(1 / reference) @ np.linalg.inv(individual(weight))
    return REC2020_FROM_XYZ @ adapt(d50, d65) @ camera_to_d50 @ np.diag(neutral)


@pytest.mark.parametrize(
    ("calibrations", "neutral", "kelvins"),
    [(GOPRO, GOPRO_NEUTRAL, (2850.0, 5000.0)), (CANON, CANON_NEUTRAL, (2850.0, 6500.0))],
    ids=["color matrices alone", "forward matrices, calibration and balance"],
)
def test_camera_matrix_is_what_the_specification_gives_step_by_step(calibrations, neutral, kelvins) -> None:
    ours = color.camera_to_rec2020(*calibrations, neutral)
    np.testing.assert_allclose(ours, _by_brute_force(calibrations, neutral, kelvins), atol=4e-3)
    mixed = 0.6 * np.array(neutral) + 0.4 * np.array(color.neutral_from_kelvin(3600.0, 0.0, *calibrations))
    ours = color.camera_to_rec2020(*calibrations, mixed)
    np.testing.assert_allclose(ours, _by_brute_force(calibrations, mixed, kelvins), atol=8e-3)


def test_a_camera_whose_filters_are_the_observer_has_only_to_change_its_primaries() -> None:
    neutral = color.xyz_from_xy(color.D65)
    ours = color.camera_to_rec2020([Calibration(21, np.eye(3))], (1, 1, 1), neutral)
    np.testing.assert_allclose(ours * (1.0 / neutral), color.xyz_to_rgb("rec2020"), atol=1e-4)


@pytest.mark.parametrize(
    ("calibrations", "neutral"),
    [
        (([Calibration(21, np.zeros((3, 3)))], (1, 1, 1)), (1, 1, 1)),
        (([Calibration(21, np.ones((3, 3)))], (1, 1, 1)), (1, 1, 1)),
        (([Calibration(21, np.full((3, 3), np.nan))], (1, 1, 1)), (1, 1, 1)),
        (((), (1, 1, 1)), (1, 1, 1)),
        (([Calibration(21, np.ones((4, 3)))], (1, 1, 1)), (1, 1, 1)),
        (([Calibration(21, np.eye(3), np.zeros((3, 3)))], (1, 1, 1)), (1, 1, 1)),
        (([Calibration(21, np.eye(3), None, np.zeros((3, 3)))], (1, 1, 1)), (1, 1, 1)),
        (([Calibration(21, np.eye(3))], (1, 0, 1)), (1, 1, 1)),
        (([Calibration(21, np.eye(3))], (1, 1, 1)), (1, 0, 1)),
        (([Calibration(21, np.eye(3))], (1, 1, 1)), (1, float("nan"), 1)),
        (([Calibration(3, GOPRO_WARM)], (1, 1, 1)), (0.001, 1, 0.001)),
    ],
)
def test_what_gives_no_colours_is_refused_in_one_sentence(calibrations, neutral) -> None:
    with pytest.raises(Refusal) as refusal:
        color.camera_to_rec2020(*calibrations, neutral)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) > 30


def test_srgb_curve_at_the_points_of_its_standard() -> None:
    np.testing.assert_allclose(color.srgb_encode([0.0, 0.0031308, 0.18, 1.0]), [0, 0.04045, 0.4613561, 1.0], atol=2e-6)
    np.testing.assert_allclose(
        color.srgb_decode(np.array([0, 10, 128, 255]) / 255), [0, 0.0030353, 0.2158605, 1.0], atol=1e-6
    )


@pytest.mark.parametrize("line", CIEDE2000.strip().splitlines())
def test_ciede2000_on_the_pairs_of_its_test_data(line: str) -> None:
    numbers = [float(word) for word in line.split()]
    there, back = (color.delta_e_2000(numbers[a : a + 3], numbers[b : b + 3]) for a, b in ((0, 3), (3, 0)))
    assert there == pytest.approx(numbers[6], abs=5.1e-5)
    assert back == pytest.approx(numbers[6], abs=5.1e-5)


def test_lab_of_srgb_primaries() -> None:
    white = color.xyz_from_xy(color.D65)
    lab = color.lab_from_xyz(color.rgb_to_xyz("srgb"), white)
    published = [[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86]]
    np.testing.assert_allclose(lab.T, published, atol=0.02)


def test_oklab_on_the_pairs_of_its_paper() -> None:
    xyz = np.array([[0.950, 1.000, 1.089], [1, 0, 0], [0, 1, 0], [0, 0, 1]]).T
    published = [[1.000, 0.000, 0.000], [0.450, 1.236, -0.019], [0.922, -0.671, 0.263], [0.153, -1.415, -0.449]]
    ours = color.oklab_from_rgb(color.convert(color.xyz_to_rgb("rec2020"), xyz))
    np.testing.assert_allclose(ours.T, published, atol=1.5e-3)


@pytest.mark.parametrize("space", ["srgb", "display-p3", "rec2020-linear"])
def test_littlecms_sees_the_colours_that_our_profiles_mean(space: Space) -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile(space)))
    srgb = ImageCms.createProfile("sRGB")
    to_srgb = ImageCms.buildTransform(profile, srgb, "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    patches = np.array([[[255, 255, 255], [0, 0, 0], [128, 128, 128], [180, 140, 120], [110, 130, 120], [90, 90, 140]]])
    seen = np.asarray(ImageCms.applyTransform(Image.fromarray(patches.astype(np.uint8)), to_srgb), np.float64)
    signal = patches[0].T / 255.0
    linear = signal if space.endswith("-linear") else color.srgb_decode(signal)
    expected = color.srgb_encode(color.convert(color.rgb_to_rgb(space.removesuffix("-linear"), "srgb"), linear))
    np.testing.assert_allclose(seen[0].T, np.clip(expected, 0, 1) * 255.0, atol=1.01)


def test_profiles_are_version_4_small_and_the_same_every_time() -> None:
    for space in ("srgb", "display-p3", "rec2020-linear"):
        data = icc_profile(space)
        assert data == icc_profile(space)
        assert len(data) == int.from_bytes(data[:4], "big") < 600
        assert (data[8], data[36:40]) == (4, b"acsp")
    with pytest.raises(ValueError, match="display-p3"):
        icc_profile("adobe")  # type: ignore[arg-type]
