"""The focal length from right angles in one picture: boxes drawn by a pinhole, turned and spoilt."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from anylens.lab.panned_geometry import observed_places
from anylens.lab.perspective import perspective

WIDTH, HEIGHT = 4000, 3000
HALF = math.hypot(WIDTH, HEIGHT) / 2
STRAIGHT, KNOWN = np.zeros(5), np.zeros((5, 5))

Floats = npt.NDArray[np.float64]


def house(focal_px: float, right: float, down: float, seed: int = 0, error_px: float = 0.05) -> Floats:
    """(n, 2, 2) ends of edges along three directions at right angles, seen by a camera turned so far, degrees."""
    rng = np.random.default_rng(seed)
    yaw, pitch = math.radians(right), math.radians(down)
    about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    axes = (about_x @ about_y).T
    edges: list[Floats] = []
    while len(edges) < 60:
        ray = np.array([rng.uniform(-0.45, 0.45) * WIDTH / focal_px, rng.uniform(-0.45, 0.45) * HEIGHT / focal_px, 1.0])
        way = axes[rng.choice(3, p=(0.45, 0.45, 0.1))] * 0.15 * HEIGHT / focal_px
        ends = np.stack([ray - way, ray + way])
        seen = focal_px * ends[:, :2] / ends[:, 2:]
        if math.dist(*seen) > 150.0 and (np.abs(seen) < (WIDTH / 2, HEIGHT / 2)).all():
            edges.append(seen + rng.normal(0.0, error_px, (2, 2)))
    return np.stack(edges) + np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])


@pytest.mark.parametrize("focal_px", [3000.0, 8000.0, 25000.0])
@pytest.mark.parametrize(("right", "down"), [(25.0, 6.0), (-35.0, -4.0), (15.0, 12.0)])
def test_right_angles_tell_the_focal_length(focal_px: float, right: float, down: float) -> None:
    found = perspective(house(focal_px, right, down), WIDTH, HEIGHT, STRAIGHT, KNOWN)
    assert found is not None
    assert found.value == pytest.approx(focal_px, rel=0.06)
    assert abs(found.value - focal_px) < 4.0 * found.error


def test_its_error_is_what_it_says() -> None:
    away = []
    for seed in range(24):
        found = perspective(house(8000.0, 20.0, 5.0, seed, 0.3), WIDTH, HEIGHT, STRAIGHT, KNOWN)
        if found is not None:
            away.append((found.value - 8000.0) / found.error)
    assert len(away) > 18
    assert 0.6 < math.sqrt(np.mean(np.square(away))) < 1.6


def test_a_wall_seen_straight_on_tells_none() -> None:
    assert perspective(house(8000.0, 0.0, 0.0), WIDTH, HEIGHT, STRAIGHT, KNOWN) is None


def test_edges_of_all_directions_tell_none() -> None:
    rng = np.random.default_rng(3)
    middles = rng.uniform((200, 200), (WIDTH - 200, HEIGHT - 200), (80, 2))
    angle = rng.uniform(0, math.pi, 80)
    way = 120 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert perspective(np.stack([middles - way, middles + way], axis=1), WIDTH, HEIGHT, STRAIGHT, KNOWN) is None


def test_few_edges_tell_none() -> None:
    assert perspective(house(8000.0, 25.0, 6.0)[:10], WIDTH, HEIGHT, STRAIGHT, KNOWN) is None


def test_what_the_lens_bends_is_undone_first() -> None:
    numbers = np.array([0.0, 0.0, -0.03, 0.0, 0.0])
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    plain = house(8000.0, 25.0, 6.0)
    bent = observed_places((plain.reshape(-1, 2) - middle) / HALF, numbers).reshape(-1, 2, 2) * HALF + middle
    found = perspective(bent, WIDTH, HEIGHT, numbers, KNOWN)
    straight = perspective(plain, WIDTH, HEIGHT, STRAIGHT, KNOWN)
    assert found is not None
    assert straight is not None
    assert found.value == pytest.approx(straight.value, rel=1e-3)


def test_what_is_not_known_of_the_lens_makes_the_error_larger() -> None:
    vague = np.diag([1e-6, 1e-6, 1e-4, 1e-4, 1e-4])
    sure, unsure = (perspective(house(8000.0, 25.0, 6.0), WIDTH, HEIGHT, STRAIGHT, each) for each in (KNOWN, vague))
    assert sure is not None
    assert unsure is not None
    assert unsure.value == sure.value
    assert unsure.error > 2.0 * sure.error


def test_strange_things_among_the_edges_do_not_mislead() -> None:
    rng = np.random.default_rng(5)
    edges = house(8000.0, 25.0, 6.0)
    middles = rng.uniform((300, 300), (WIDTH - 300, HEIGHT - 300), (15, 2))
    angle = rng.uniform(0, math.pi, 15)
    way = 130 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    both = np.concatenate([edges, np.stack([middles - way, middles + way], axis=1)])
    found = perspective(both, WIDTH, HEIGHT, STRAIGHT, KNOWN)
    assert found is not None
    assert found.value == pytest.approx(8000.0, rel=0.05)
