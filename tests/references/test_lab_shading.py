"""Falloff and colour cast of flats whose surface is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anylens.lab import of_image
from anylens.lab.shading import shading
from anylens.refusal import Refusal
from tests import flats

SILICON = flats.Silicon(full_well_e=9000.0)
HEIGHT, WIDTH = 288, 384
HALF = math.hypot(HEIGHT, WIDTH) / 2.0
Y, X = np.mgrid[:HEIGHT, :WIDTH].astype(float)
U, V = (X - (WIDTH - 1) / 2) / HALF, (Y - (HEIGHT - 1) / 2) / HALF


def flat(seed: int, centre=(0.0, 0.0), light=(0.0, 0.0), turn: float = 0.0, surface=1.0):
    r2 = (U - centre[0]) ** 2 + (V - centre[1]) ** 2
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    across, down = cos * light[0] + sin * light[1], -sin * light[0] + cos * light[1]
    grown = np.exp((across * U + down * V) * HALF / WIDTH)
    return of_image(flats.flat(SILICON, 4500.0 * (1 - 0.25 * r2 + 0.05 * r2**2) * grown * surface, seed), f"{seed}.dng")


def test_falloff_and_its_centre_are_found() -> None:
    result = shading([flat(seed, (0.03, -0.02)) for seed in range(4)])
    wanted = ((WIDTH - 1) / 2 + 0.03 * HALF, (HEIGHT - 1) / 2 - 0.02 * HALF)
    for found, truth in zip(result.centre_px, wanted, strict=True):
        assert found.value == pytest.approx(truth, abs=4.0 * found.error + 0.2)
    r2 = (U[0, 0] * 31 / 32 - 0.03) ** 2 + (V[0, 0] * 23 / 24 + 0.02) ** 2
    middle = 1 - 0.25 * (0.03**2 + 0.02**2)
    assert result.corners[0].value == pytest.approx((1 - 0.25 * r2 + 0.05 * r2**2) / middle, abs=0.005)


def test_errors_say_how_far_off_the_map_is() -> None:
    result = shading([flat(seed) for seed in range(2)])
    r2 = sum(axis**2 for axis in np.meshgrid(*(np.linspace(-1, 1, n) * (n - 1) / n for n in (32, 24))))
    assert r2.shape == result.falloff.values.shape
    x = ((np.arange(32) + 0.5) / 32 - 0.5) * WIDTH / HALF
    y = ((np.arange(24) + 0.5) / 24 - 0.5) * HEIGHT / HALF
    r2 = x[None] ** 2 + y[:, None] ** 2
    off = (result.falloff.values - (1 - 0.25 * r2 + 0.05 * r2**2)) / result.falloff.errors
    assert 0.7 < off.std() < 1.4


def test_a_cast_is_told_from_falloff() -> None:
    surface = np.ones((HEIGHT, WIDTH))
    surface[::2, ::2] *= 0.6 * (1 + 0.05 * (U * HALF / WIDTH * 2)[::2, ::2])
    surface[1::2, 1::2] *= 0.7
    result = shading([flat(seed, surface=surface) for seed in range(4)])
    red = result.red_green.values
    assert red[:, -1].mean() / red[:, 0].mean() == pytest.approx(1.05 / 0.95, rel=0.01)
    assert result.blue_green.values.std() < 0.01


def test_a_light_that_grows_to_one_side_is_told_from_the_lens_by_turning() -> None:
    turns = (0.0, 90.0, 180.0)
    result = shading([flat(i, light=(0.1, 0.04), turn=turn) for i, turn in enumerate(turns)], turns)
    right, down = result.light_percent
    assert right.value == pytest.approx(10.0, abs=0.15)
    assert down.value == pytest.approx(3.0, abs=0.15)
    assert result.centre_px[0].value == pytest.approx((WIDTH - 1) / 2, abs=1.5)


def test_one_way_up_says_that_it_cannot_tell() -> None:
    result = shading([flat(1, light=(0.1, 0.0))])
    assert result.light_percent is None
    assert any("turn the camera" in note for note in result.notes)


@pytest.mark.parametrize(
    ("surface", "says"),
    [
        (np.full((HEIGHT, WIDTH), 3.0), "clipped"),
        (np.full((HEIGHT, WIDTH), 1e-3), "nearly black"),
        (1.0 + 0.1 * np.sin(X / 11.0), "textured"),
        (np.where((X % 2 == 0) & (Y % 2 == 0), 0.02, 1.0), "coloured, with hardly any red"),
    ],
    ids=("clipped", "dark", "textured", "coloured"),
)
def test_what_is_no_flat_is_refused(surface, says) -> None:
    with pytest.raises(Refusal, match=says):
        shading([flat(1, surface=surface)])
