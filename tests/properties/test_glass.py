"""What must be true of any lens before a sensor."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from anylens import Refusal
from anylens.twin.glass import Glass, Mounting, glass, lenses, prescription
from anylens.twin.glass.prescription import Surface
from anylens.twin.glass.tracing import Rays, trace

PLACES = np.array([[0.0, 0.0], [6.5, 4.9], [-6.5, 4.9]])


def test_every_prescription_can_be_read_and_names_its_patent() -> None:
    assert len(lenses()) == 38
    for name in lenses():
        if name != "ideal":
            assert prescription(name).slug == name
            assert prescription(name).source


def disc(tangent: float, edge: float = math.tan(math.asin(0.25))) -> float:
    """The share of an even sky that a round pupil is, seen from aside (Foote 1915), here of f/2."""
    inner = 1.0 + tangent**2 - edge**2
    return 0.5 * (1.0 - inner / math.sqrt(inner**2 + 4.0 * edge**2))


def test_an_ideal_lens_draws_everything_where_it_belongs() -> None:
    made: Glass = glass("ideal-35", Mounting(2.0))
    np.testing.assert_allclose(made.observed(PLACES, 450.0), PLACES, atol=1e-12)
    assert made.scale_mm == pytest.approx(35.0)
    assert made.axial_irradiance() == pytest.approx(math.pi / 16, rel=1e-4)
    assert made.illumination(PLACES[1]) == pytest.approx(disc(math.hypot(6.5, 4.9) / 35.0) / disc(0.0), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "mounting", "says"),
    [
        ("sumicron_50_f2", {}, "summicron_50_f2_v5"),
        ("summicron", {}, "summicron_35_f2_v1"),
        ("xyz", {}, "anylens shoot --list"),
        ("summicron_50", {"f_number": 0.5}, "f/2"),
        ("summicron_50", {"distance_m": -1.0}, "above 0"),
        ("summicron_50", {"distance_m": 0.1}, "nearest"),
        ("ideal-0", {}, "focal length"),
        ("ideal", {"f_number": 0.5}, "f/1.4"),
        ("summicron_50", {"plate_mm": -1.0}, "plate"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(name: str, mounting: dict[str, float], says: str) -> None:
    with pytest.raises(Refusal) as refused:
        glass(name, Mounting(**{"f_number": 2.0, **mounting}))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_light_of_a_point_is_all_there_and_never_negative() -> None:
    made = glass("summicron_50", Mounting(2.0, 3.0, plate_mm=0.5))
    for distance in (2.0, 3.0, math.inf):
        spots = made.spreads(PLACES, [450.0, 620.0], distance, 3.2, 65)
        assert np.all(spots >= 0.0)
        np.testing.assert_allclose(spots.sum(axis=(2, 3)), 1.0, atol=1e-5)


def test_a_lens_that_stands_square_draws_mirrored_places_as_mirror_images() -> None:
    made = glass("nokton_35", Mounting(1.4, 3.0, plate_mm=0.5))
    a, b, c = made.spreads([[5.0, 3.0], [-5.0, 3.0], [3.0, 5.0]], [546.1], 3.0, 3.2, 65)[:, 0]
    np.testing.assert_allclose(b, a[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(c, a.T, atol=1e-5)
    (axis,) = made.spreads([[0.0, 0.0]], [546.1], 3.0, 3.2, 65)[:, 0]
    np.testing.assert_allclose(axis, axis[::-1], atol=1e-5)
    np.testing.assert_allclose(axis, axis.T, atol=1e-5)


@pytest.mark.parametrize("size", [96, 45])
def test_a_wave_whose_halves_mirror_is_drawn_as_any_other(size: int) -> None:
    made = glass("nokton_35", Mounting(1.4, 3.0))
    across, down = made.transfers([[6.0, 0.0], [0.0, 6.0]], [546.1], 3.0, 2.0, size)[:, 0]
    right = (size + 1) // 2  # without the highest frequency, which has but one sign
    np.testing.assert_allclose(down[:right, :right], across.T[:right, :right], atol=1e-5)
    np.testing.assert_allclose(down[:-right:-1, 1:right], across.conj().T[1:right, :-right:-1], atol=1e-5)


def test_turning_a_wave_loses_nothing() -> None:
    """A place is drawn alike whether its wave is traced there or at the same radius and turned."""
    square = glass("canon_50_f1_2", Mounting(2.0, 3.0))
    tilted = glass("canon_50_f1_2", Mounting(2.0, 3.0, tilt_deg=(1e-9, 0.0)))  # traced place by place
    light = [[4.1, -3.7]], [546.1], 3.0, 3.2, 65
    np.testing.assert_allclose(square.spreads(*light), tilted.spreads(*light), atol=2e-4)


@given(
    direction=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
    place=st.tuples(st.floats(-5.0, 5.0), st.floats(-5.0, 5.0)),
    slug=st.sampled_from(("summicron_50_f2_v5", "nokton_35_f1_2")),
)
@settings(max_examples=25)
def test_light_finds_its_way_back(direction: tuple[float, float], place: tuple[float, float], slug: str) -> None:
    """A ray sent back through the reversed lens leaves where it came in, and has the same optical way behind it."""
    forward = prescription(slug).surfaces
    media = [surface.glass for surface in forward]
    backward = tuple(
        replace(
            surface,
            radius_mm=-surface.radius_mm,
            even=tuple(-each for each in surface.even),
            glass=media[at - 1] if at else None,
            thickness_mm=forward[at - 1].thickness_mm if at else 0.0,
        )
        for at, surface in reversed(list(enumerate(forward)))
    )
    wide = np.full(len(forward), 1e3)
    x, y, l, m = (np.array([each]) for each in (*place, *direction))
    zero, n = np.zeros(1), np.sqrt(1.0 - l * l - m * m)
    there = trace(forward, Rays(x, y, zero, l, m, n, zero, zero + 1.0), 546.1, wide)
    assume(np.isfinite(there.path[0]) and there.n[0] > 0.5)
    length = sum(surface.thickness_mm for surface in forward[:-1])
    start = Rays(there.x, there.y, length - there.z, -there.l, -there.m, there.n, zero, zero + 1.0)
    back = trace(backward, start, 546.1, wide)
    way = (length - back.z) / back.n
    np.testing.assert_allclose([back.x + way * back.l, back.y + way * back.m], [x, y], atol=1e-9)
    np.testing.assert_allclose([back.l, back.m], [-l, -m], atol=1e-11)
    np.testing.assert_allclose(back.path + way, there.path, atol=1e-9)


def test_a_flat_plate_does_nothing_to_parallel_light() -> None:
    plate = (Surface(math.inf, 2.0, "sapphire", 50.0), Surface(math.inf, 1.0, None, 50.0))
    l = np.linspace(-0.4, 0.4, 9)
    zero = np.zeros(9)
    rays = Rays(zero, zero, zero, l, zero, np.sqrt(1.0 - l * l), zero, zero + 1.0)
    after = trace(plate, rays, 546.1, np.full(2, 50.0))
    np.testing.assert_allclose(after.l, l, atol=1e-14)


def test_tilt_moves_the_sides_of_the_picture_through_focus_and_decentre_moves_the_picture() -> None:
    near, far = (glass("ideal", Mounting(2.0, 3.0, tilt_deg=(tilt, 0.0))) for tilt in (0.3, -0.3))
    place = [[6.0, 0.0]], [550.0], 3.0, 3.2, 33
    straight = glass("ideal", Mounting(2.0, 3.0)).spreads(*place)
    assert near.spreads(*place).max() < 0.7 * straight.max()
    assert far.spreads(*place).max() < 0.7 * straight.max()
    # Farther things are sharp nearer to the lens, where the right side now stands.
    there = [[6.0, 0.0]], [550.0], 3.35, 3.2, 33
    assert near.spreads(*there).max() > 2.0 * far.spreads(*there).max()
    moved = glass("summicron_50", Mounting(2.0, 3.0, decentre_mm=(0.2, -0.1))).observed(PLACES, 546.1)
    still = glass("summicron_50", Mounting(2.0, 3.0)).observed(PLACES, 546.1)
    np.testing.assert_allclose(moved - still, np.broadcast_to((0.2, -0.1), PLACES.shape), atol=1e-12)


def test_stopping_down_takes_light_and_evens_it() -> None:
    wide, small = (glass("summicron_50", Mounting(number, 3.0)) for number in (2.0, 4.0))
    assert small.axial_irradiance() == pytest.approx(wide.axial_irradiance() / 4.0, rel=0.02)
    assert wide.axial_irradiance() < math.pi / 16.0
    assert small.illumination(PLACES[1]) > wide.illumination(PLACES[1])


@pytest.mark.parametrize("slug", ["nokton_35_f1_2", "canon_50_f0_95", "summilux_35_f1_4", "nokton_50_f1"])
def test_light_lands_no_farther_than_rays_do(slug: str) -> None:
    """The fastest lenses need polynomials of the highest degree, and these must not run wild between the rays."""
    mounted = glass(slug, Mounting(prescription(slug).f_number, 3.0))
    for place in ((0.0, 0.0), (3.0, 2.2), (6.2, 4.7)):
        (front,) = mounted.fronts([place], [550.0], 3.0)[0]
        cell = 10.0
        spot = mounted.spreads([place], [550.0], 3.0, cell, 256)[0, 0]
        away = np.hypot(*np.indices(spot.shape) - 128) * cell
        assert spot[away < 1.1 * front.reach_mm * 1e3 + 2 * cell].sum() > 0.98
