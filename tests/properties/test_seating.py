"""How a lens sits, from what pictures show: straight things that bend aside, sides that are soft."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from anylens.lab.photo_geometry import bent_about
from anylens.lab.seating import TILTS_DEG, Seat, askew, lens_tilts, likely_tilts, off_centre, softness

Floats = npt.NDArray[np.float64]

HALF_MM, SAMPLE_UM = 8.2, 6.4


def edges(blur: float, height: float = 120.0) -> npt.NDArray[np.uint8]:
    """(480, 640) dark squares on a light ground, blurred by so many samples rms, with a little noise."""
    y, x = np.mgrid[:480, :640]
    light = 60.0 + height * ((x // 20 + y // 20) % 2)
    noise = np.random.default_rng(1).standard_normal(light.shape)
    return np.asarray(np.clip(np.rint(gaussian_filter(light, blur) + 0.5 * noise), 0, 255), np.uint8)


def parts(tilt_deg: tuple[float, float], f_number: float, bow_mm: float = 0.15) -> Floats:
    """What `softness` would say all over the field behind a lens whose field bends, tilted by so much."""
    x, y = (each.ravel() for each in np.meshgrid(np.linspace(-0.7, 0.7, 7), np.linspace(-0.5, 0.5, 5)))
    away_mm = bow_mm * (x**2 + y**2) + HALF_MM * sum(
        math.tan(math.radians(deg)) * each for deg, each in zip(tilt_deg, (x, y), strict=True)
    )
    blur = 0.6 + (1e3 * away_mm / (4.0 * f_number * SAMPLE_UM)) ** 2
    return np.stack([x, y, np.minimum(blur, 25.0)], axis=1)


def seen(tilt_deg: tuple[float, float], scene: int, flat: bool = False) -> Seat:
    """What a picture of one of many scenes says."""
    small = np.random.default_rng(scene).standard_normal(48)
    tilts = likely_tilts(parts(tilt_deg, 4.0), np.zeros(35), HALF_MM, 4.0, SAMPLE_UM)
    assert tilts is not None
    return Seat(small / np.linalg.norm(small), tilts=lens_tilts(tilts, 1.0, 1.0, True, flat))


@pytest.mark.parametrize("blur", [0.8, 1.2, 2.0])
def test_the_blur_of_edges_is_told_whatever_their_height(blur: float) -> None:
    for height in (60.0, 120.0):
        told = softness(edges(blur, height))
        assert len(told) == 35
        np.testing.assert_allclose(np.sqrt(told[:, 2] - 1.0 / 3.0), blur, rtol=0.15)


def test_nothing_is_told_where_there_are_no_edges() -> None:
    assert softness(np.full((480, 640), 90, np.uint8)).shape == (0, 3)
    assert likely_tilts(np.zeros((0, 3)), np.zeros(0), HALF_MM, 4.0, SAMPLE_UM) is None


@pytest.mark.parametrize("tilt_deg", [(1.0, 0.0), (-0.75, 0.5), (0.0, 0.0)])
def test_a_tilt_is_likeliest_where_it_is(tilt_deg: tuple[float, float]) -> None:
    likely = likely_tilts(parts(tilt_deg, 4.0), np.zeros(35), HALF_MM, 4.0, SAMPLE_UM)
    assert likely is not None
    row, column = np.unravel_index(int(likely.argmax()), likely.shape)
    assert TILTS_DEG[column] == pytest.approx(tilt_deg[0], abs=0.26)
    assert TILTS_DEG[row] == pytest.approx(tilt_deg[1], abs=0.26)


def test_what_a_passport_says_of_blur_is_no_tilt() -> None:
    soft = parts((1.0, 0.0), 4.0)
    likely = likely_tilts(soft, soft[:, 2] - 0.6, HALF_MM, 4.0, SAMPLE_UM)
    assert likely is not None
    assert likely[7, 7] > likely[7, 11]


def test_pictures_tell_a_tilt_that_they_share() -> None:
    for flat in (False, True):
        found = askew([seen((1.0, 0.0), scene, flat) for scene in range(4)])
        assert found is not None
        assert found.degrees == pytest.approx(1.0, abs=0.26)
        assert (found.soft, found.pictures) == ("right", 4)


def test_walls_tell_a_tilt_better_than_things_in_depth_and_do_not_lean_by_more_than_they_can() -> None:
    walls, things = (
        sum(np.asarray(seen((0.75, 0.0), scene, flat).tilts)[7] for scene in range(2)) for flat in (True, False)
    )
    tilted = TILTS_DEG == 0.75
    assert (walls[tilted] - walls[7]) > 1.2 * (things[tilted] - things[7])
    assert askew([seen((lean, 0.0), scene, True) for scene, lean in enumerate((0.25, -0.25, 0.25, 0.25))]) is None


def test_no_tilt_is_told_of_a_square_lens_few_pictures_or_one_scene() -> None:
    assert askew([seen((0.0, 0.0), scene) for scene in range(6)]) is None
    assert askew([seen((1.0, 0.0), scene) for scene in range(2)]) is None
    assert askew([seen((1.0, 0.0), 1)] * 6) is None
    assert askew([]) is None


def test_scenes_that_lean_to_all_sides_are_no_tilt() -> None:
    leaning = ((0.8, 0.0), (-0.8, 0.2), (0.2, -0.6), (-0.3, 0.5))
    assert askew([seen(each, scene) for scene, each in enumerate(leaning)]) is None


@pytest.mark.parametrize("middle", [0.0, 0.12])
def test_straight_things_tell_the_middle_that_they_bend_about(middle: float) -> None:
    rng = np.random.default_rng(3)
    radial = np.array([-0.03, 0.004, 0.0])
    half, lines = 500.0, []
    for _ in range(12):
        start, end = rng.uniform(-0.7, 0.7, (2, 2))
        ideal = start + np.linspace(0.0, 1.0, 40)[:, None] * (end - start) - (middle, 0.0)
        r2 = np.sum(ideal**2, axis=1)[:, None]
        bent = ideal * (1.0 + r2 * (radial[0] + r2 * radial[1])) + (middle, 0.0)
        lines.append(half * bent + (399.5, 299.5) + 0.05 * rng.standard_normal(bent.shape))
    found, covariance = bent_about(lines, 800, 600, np.zeros(2), radial, 0.2)
    found, covariance = found[:2], covariance[:2, :2]
    errors = np.sqrt(np.diag(covariance))
    assert errors.max() < 0.02
    assert np.all(np.abs(found - (middle, 0.0)) < 3.0 * errors)
    aside = off_centre([Seat(np.zeros(48), HALF_MM * found, HALF_MM**2 * covariance)])
    assert aside is not None
    assert (aside.errors > 3.0) == (middle > 0.0)
    assert aside.right_mm == pytest.approx(HALF_MM * middle, abs=0.3)


def test_no_middle_is_told_where_no_picture_tells_one() -> None:
    assert off_centre([seen((0.0, 0.0), 1)]) is None
