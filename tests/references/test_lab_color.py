"""The ColorChecker: found where it was drawn, judged by what was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from anylens import color
from anylens.lab import Specimen, spectra
from anylens.lab.color import color_measure
from anylens.lab.colorchecker import find
from anylens.lab.report.survey import report
from anylens.lab.samples import NoChart
from anylens.lab.specimen import Plane
from anylens.refusal import Refusal
from tests import checker
from tests import spectra as measured

WIDTH, HEIGHT = 480, 360
SRGB_TO_D50 = color.adaptation(color.xyz_from_xy(color.D65), color.PCS_D50) @ color.rgb_to_xyz("srgb")


def picture(rgb: np.ndarray, pose: np.ndarray, noise: float = 0.0, **how: float) -> np.ndarray:
    light = checker.drawn(pose, WIDTH, HEIGHT, rgb, fine=3, **how)
    return light + np.random.default_rng(4).normal(0.0, 1.0, light.shape).astype(np.float32) * np.float32(noise)


def specimen(light: np.ndarray) -> Specimen:
    clipped = (light >= 1.0).any(axis=0)
    planes = tuple(Plane(x, light[i].astype(np.float32), clipped, 0, 0, 1, 255.0) for i, x in enumerate("RGB"))
    return Specimen("chart.png", "finished", planes, light.shape[2], light.shape[1], None, SRGB_TO_D50)


def test_the_chart_has_the_colours_of_the_measured_surfaces() -> None:
    for name, light in (("d65", measured.daylight(6504.0)), ("a", measured.thermal(2856.0))):
        expected = measured.seen(light, measured.COLORCHECKER, measured.OBSERVER)
        np.testing.assert_allclose(spectra.chart_xyz(name), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("tilt", "about", "turn", "size"),
    [
        (0, 0, 0, 0.8),
        (30, 0, 90, 0.6),
        (30, 90, 180, 0.6),
        (30, 45, 270, 0.65),
        (20, 130, 37, 0.7),
        (30, 200, 341, 0.6),
    ],
)
def test_corners_lie_within_one_pixel(tilt, about, turn, size) -> None:
    pose = checker.pose(WIDTH, HEIGHT, tilt, about, turn, size)
    camera = np.array([0.5, 1.0, 0.6])[:, None, None]
    found = find(picture(checker.chart_rgb() * 0.8, pose, 0.004) * camera)
    assert np.linalg.norm(found.corners_px - checker.corners(pose), axis=1).max() < 1.0


def test_a_report_sees_a_chart_however_dark_it_is_exposed() -> None:
    """What is dark is no flat for that: half of this chart's light lies below a hundredth of white."""
    pose = checker.pose(WIDTH, HEIGHT, 10, 30, 5, 0.8)
    dark = specimen(0.03 * picture(np.maximum(checker.chart_rgb(), 0.0), pose))
    (section,) = report(["chart.png"], lambda _: dark).sections
    assert section.title == "Colour"


def test_a_faithful_picture_has_no_difference() -> None:
    pose = checker.pose(WIDTH, HEIGHT, 10, 30, 5, 0.8)
    drawn = np.maximum(checker.chart_rgb(), 0.0)
    result = color_measure(specimen(picture(drawn, pose)))
    in_gamut = [p.delta_e for p, rgb in zip(result.patches, checker.chart_rgb(), strict=True) if rgb.min() >= 0.0]
    assert max(in_gamut) < 0.15
    assert result.white_mired.value == pytest.approx(0.0, abs=0.3)
    assert result.exposure_ev.value == pytest.approx(0.0, abs=0.01)


def test_exposure_and_white_are_told_apart_from_colour() -> None:
    pose = checker.pose(WIDTH, HEIGHT, 0, 0, 0, 0.8)
    drawn = np.maximum(checker.chart_rgb(), 0.0)
    dark = color_measure(specimen(picture(drawn * 0.5, pose)))
    assert dark.exposure_ev.value == pytest.approx(-1.0, abs=0.01)
    assert dark.even_mean_delta_e.value < 0.5 < dark.mean_delta_e.value
    warm = color_measure(specimen(picture(drawn * (1.1, 1.0, 0.85), pose)))
    assert warm.white_mired.value > 15.0


def test_clipped_patches_are_told_and_left_out() -> None:
    pose = checker.pose(WIDTH, HEIGHT, 0, 0, 0, 0.8)
    result = color_measure(specimen(np.minimum(picture(np.maximum(checker.chart_rgb(), 0.0) * 1.4, pose), 1.0)))
    assert result.patches[18].clipped > 0.9
    assert any("white 9.5" in note for note in result.notes)


def test_a_picture_without_a_chart_says_so_with_a_picture() -> None:
    leaves = np.random.default_rng(1).random((3, 40, 60)).repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)
    with pytest.raises(NoChart, match="No ColorChecker is seen anywhere in the 480 x 320 px") as refusal:
        find(leaves)
    assert refusal.value.seen.shape[2] == 3
    assert refusal.value.seen.dtype == np.uint8


def test_patches_of_one_colour_are_not_taken_for_the_chart() -> None:
    pose = checker.pose(WIDTH, HEIGHT, 10, 30, 20, 0.7)
    with pytest.raises(NoChart):
        find(picture(np.full((24, 3), 0.6), pose))
    shuffled = np.random.default_rng(2).permutation(checker.chart_rgb())
    with pytest.raises(NoChart):
        find(picture(shuffled, pose))


def test_an_unknown_light_names_those_that_are_known() -> None:
    with pytest.raises(Refusal, match="d65, d50"):
        spectra.power("moon")
