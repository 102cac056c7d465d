"""Which edges of photos are as sharp as the lens, and what blur they tell."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from anylens.lab.figure import Figure
from anylens.lab.photo_edges import LEAST_AGREEING, as_sharp_as_lens, edges_in
from anylens.lab.sharpness import EdgeSharpness
from anylens.lab.specimen import of_image
from anylens.lab.spread import lens_mtf50, spread_field
from anylens.lab.straight import roots_of_green
from anylens.lens.passport import Origin
from tests.pans import Camera

HALF_MM = 8.0
CAMERA = Camera(1280, 960, blur_px=0.8)
TURNED = ({"right": -8.0, "roll": 5.0}, {"right": 6.0, "roll": -6.0}, {"right": 14.0, "down": 4.0, "roll": 4.0})


def lens(radius_mm: float, turn: float) -> float:
    """MTF50 in cycles a pixel of a lens whose corners are soft, along the radius (turn 1) less than across it (-1)."""
    s2 = (radius_mm / HALF_MM) ** 2
    return 0.3 * math.exp(-0.7 * s2 - 0.15 * s2 * turn)


def edge(rng: np.random.Generator, softer: float, noise: float = 0.05) -> EdgeSharpness:
    """An edge anywhere in the field, as sharp as the lens but for noise and for `softer`, the mean of a logarithm."""
    radius, angle, off = HALF_MM * math.sqrt(rng.uniform(0.0, 0.9)), rng.uniform(0.0, 2 * math.pi), rng.uniform(0, 90)
    true = lens(radius, math.cos(2.0 * math.radians(off)))
    value = true * math.exp(rng.normal(0.0, noise) - rng.exponential(1.0) * softer)
    place = radius * math.cos(angle), radius * math.sin(angle)
    none = (0.0,)
    return EdgeSharpness(
        (0.0, 0.0), place, "G", 0.0, off, 60.0, 32.0, 0.1, 0.5, 0.02, 0.0, 0.0, 3.0,
        Figure(value, noise * value), None, Figure(0.1, 0.01), none, none, none, none, none, none, (),
    )  # fmt: skip


def off(edges: tuple[EdgeSharpness, ...]) -> np.ndarray:
    """(n,): how far each edge's MTF50 is from the lens's, in parts of it."""
    true = [lens(math.hypot(*each.place_mm), math.cos(2.0 * math.radians(each.off_radius_deg))) for each in edges]
    return np.array([each.mtf50_cpp.value for each in edges]) / true - 1.0


@pytest.mark.parametrize("share", [1.0, 0.6, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_edges_as_sharp_as_the_lens_are_told_from_softer_ones(share, seed) -> None:
    rng = np.random.default_rng(seed)
    photos = [[edge(rng, 0.0 if rng.random() < share else 0.5) for _ in range(40)] for _ in range(4)]
    kept, lacking = as_sharp_as_lens(photos, HALF_MM)
    assert lacking is None
    assert len(kept) > 0.7 * share * 160
    assert abs(off(kept).mean()) < 0.05


def test_noise_does_not_pass_for_sharpness() -> None:
    rng = np.random.default_rng(5)
    kept, _ = as_sharp_as_lens([[edge(rng, 0.0, 0.1) for _ in range(60)] for _ in range(3)], HALF_MM)
    assert abs(off(kept).mean()) < 0.04


def test_a_photo_out_of_focus_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    sharp = [[edge(rng, 0.0) for _ in range(40)] for _ in range(3)]
    soft = [replace(each, mtf50_cpp=Figure(0.4 * each.mtf50_cpp.value, 0.02)) for each in sharp[0]]
    kept, _ = as_sharp_as_lens([*sharp, soft], HALF_MM)
    assert not {id(each) for each in soft} & {id(each) for each in kept}
    assert abs(off(kept).mean()) < 0.04


def test_where_edges_lack_is_said() -> None:
    rng = np.random.default_rng(7)
    every = [edge(rng, 0.0) for _ in range(120)]
    outer = [each for each in every if math.hypot(*each.place_mm) > 0.5 * HALF_MM]
    one_way = [each for each in every if each.off_radius_deg < 45 or math.hypot(*each.place_mm) < 0.4 * HALF_MM]
    assert as_sharp_as_lens([], HALF_MM) == ((), "anywhere")
    assert as_sharp_as_lens([outer, outer], HALF_MM)[1] == "in the middle"
    assert "along the radius" in as_sharp_as_lens([one_way, one_way], HALF_MM)[1]
    assert as_sharp_as_lens([every, []], HALF_MM)[1] == "in all but one of them"


def test_an_edge_whose_surfaces_end_within_the_blur_is_left_out() -> None:
    rng = np.random.default_rng(8)
    narrow = [replace(edge(rng, 0.0), half_width_px=5.0) for _ in range(40)]
    kept, _ = as_sharp_as_lens([[edge(rng, 0.0) for _ in range(60)], narrow], HALF_MM)
    assert not {id(each) for each in narrow} & {id(each) for each in kept}


@pytest.fixture(scope="module")
def photos():
    """The edges of three simulated photos of street fronts and of one that is blurred twice as much."""
    soft = replace(CAMERA, blur_px=1.6)
    frames = [CAMERA.photo(at, street=at, **turned) for at, turned in enumerate(TURNED)]
    specimens = [of_image(each, "photo") for each in [*frames, soft.photo(9, street=9, **TURNED[0])]]
    return [edges_in(each.luminance(), roots_of_green(each)) for each in specimens]


def test_blur_comes_back_from_photos(photos) -> None:
    half_mm = CAMERA.half * CAMERA.pitch_um * 1e-3
    kept, lacking = as_sharp_as_lens(photos, half_mm)
    assert lacking is None
    origin = Origin(f_number=4.0, method="photos", frames=len(photos), date="2026-01-01")
    field = spread_field(kept, CAMERA.pitch_um, origin)
    true = math.sqrt(math.log(2.0) / 2.0) / (math.pi * CAMERA.blur_px) * 1e3 / CAMERA.pitch_um
    for part in (0.05, 0.5, 0.85):
        for way in (0.0, 90.0):
            assert abs(lens_mtf50(field, (part * half_mm * 0.8, part * half_mm * 0.6), way) / true - 1.0) < 0.15
    assert field.method == "photos"
    assert all(error > 0.0 for error in (row[0] for row in field.core_um2_error[::2]))


def test_edges_are_looked_for_all_over_a_photo(photos) -> None:
    places = np.array([each.place_px for found in photos for each in found])
    parts = {(int(3 * x / CAMERA.width), int(3 * y / CAMERA.height)) for x, y in places}
    assert len(parts) == 9
    assert all(len(found) > 2 * LEAST_AGREEING for found in photos[:3])


def test_a_blank_photo_has_no_edges() -> None:
    frame = CAMERA.photo(0)
    blank = of_image(replace(frame, raw=np.full_like(frame.raw, 1500)), "blank")
    assert edges_in(blank.luminance(), roots_of_green(blank)) == ()
