"""The simulated blur of windows: how many of its samples are kept does not change them, nor where they begin, and what
is even stays so."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from anylens.twin import spectra
from anylens.twin.blur import Grid, Picture, enlarged, spread_out
from anylens.twin.drawing import drawn
from anylens.twin.places import Net, crossings
from anylens.twin.scenes import Field, Plane, scene
from anylens.twin.spreading import Spreads

KNOTS = np.linspace(-1.0, 1.0, 5)
NOWHERE = Net(KNOTS, KNOTS, np.zeros((6, 5, 5)))


@dataclass(frozen=True)
class Blurs:
    """Blurs by hand: `at(x, y)` gives (K, size, size)."""

    size: int
    at: Callable[[float, float], np.ndarray]
    smooth: bool = False


def everywhere(blurs: np.ndarray, smooth: bool = False) -> Blurs:
    """The same ones all over the field."""
    return Blurs(blurs.shape[-1], lambda _x, _y: blurs, smooth)


@pytest.mark.parametrize("fine", [2, 4])
def test_pixels_are_samples_of_the_finer_picture(fine: int) -> None:
    chance = np.random.default_rng(3)
    grid = Grid(150, 110, -75.0, -55.0, 1.0, fine)
    light = chance.random((3, 2000, 2000), np.float32)
    blurs = chance.random((3, 24, 24), np.float32)
    blurs /= blurs.sum((1, 2), keepdims=True)

    def draw(top: int, left: int, out: np.ndarray) -> None:
        rows, columns = out.shape[1:]
        out[:] = light[:, top + 600 : top + 600 + rows, left + 600 : left + 600 + columns]

    pixels, samples = (spread_out(grid, Picture(draw, range(3)), everywhere(blurs), 1, every) for every in (None, 1))
    np.testing.assert_allclose(pixels, samples[:, ::fine, ::fine], atol=2e-6)
    direct = sum(
        blurs[:, k, j, None, None] * light[:, 612 - k : 622 - k, 612 - j : 622 - j]
        for k in range(24) for j in range(24)
    )  # fmt: skip
    np.testing.assert_allclose(samples[:, :10, :10], direct, atol=1e-5)


def test_a_smooth_blur_is_told_by_every_second_sample() -> None:
    chance = np.random.default_rng(5)
    grid = Grid(150, 111, -74.5, -55.0, 1.0, 1)
    light = chance.random((2, 1200, 1200), np.float32)
    away = np.arange(64.0) - 32.0
    blurs = np.exp([-0.5 * np.add.outer(away**2, away**2) / wide**2 for wide in (3.0, 5.0)]).astype(np.float32)
    blurs /= blurs.sum((1, 2), keepdims=True)

    def draw(top: int, left: int, out: np.ndarray) -> None:
        rows, columns = out.shape[1:]
        out[:] = light[:, top + 100 : top + 100 + rows, left + 100 : left + 100 + columns]

    picture = Picture(draw, range(2))
    every = spread_out(grid, picture, everywhere(blurs), 1)
    half = spread_out(replace(grid, height=112), picture, everywhere(blurs, smooth=True), 1, 2)
    np.testing.assert_allclose(half[:, :55], every[:, :110:2, ::2], atol=2e-5)
    inner = np.s_[:, 16:-16, 16:-16]
    np.testing.assert_allclose(enlarged(half, every.shape[1:])[inner], every[inner], atol=2e-4)


def test_where_windows_begin_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(1)
    grid = Grid(160, 120, -79.5, -59.5, 1.0, 2)
    light = chance.random((2, 1000, 1000), np.float32)
    blurs = chance.random((3, 2, 8, 8)).astype(np.float32)
    blurs /= blurs.sum((2, 3), keepdims=True)

    def draw(top: int, left: int, out: np.ndarray) -> None:
        rows, columns = out.shape[1:]
        out[:] = light[:, top + 200 : top + 200 + rows, left + 200 : left + 200 + columns]

    def changing(x: float, y: float) -> np.ndarray:
        return np.asarray(blurs[0] + (x / 80.0) * blurs[1] + (x * y / 4800.0) * blurs[2], np.float32)

    def seen(windows: int) -> np.ndarray:
        monkeypatch.setattr("anylens.twin.blur.WINDOWS", windows)
        return spread_out(grid, Picture(draw, range(2)), Blurs(8, changing), 1)

    many = seen(15)
    for windows in (1, 4, 9):
        np.testing.assert_allclose(seen(windows), many, atol=1e-5)
    plain = spread_out(grid, Picture(draw, range(2)), everywhere(blurs[0]), 1)
    np.testing.assert_allclose(many[:, 59:61, 79:81].mean(), plain[:, 59:61, 79:81].mean(), rtol=0.01)
    assert np.abs(many - plain).max() > 0.1


def wild_blur(size: int = 32) -> Spreads:
    """Kernels that differ as no lens's do: spots of one to six samples, moved by up to three pixels of 0.01 mm."""
    at = np.arange(size) - size // 2
    away = np.hypot(at[:, None] + 0.5, at + 0.5)
    places = crossings(KNOTS, KNOTS)
    radii = 1.0 + 5.0 * np.abs(np.sin(7.0 * places[..., :1] + 11.0 * places[..., 1:] + np.arange(3.0)))
    kernels = np.exp(-((away / radii[..., None, None]) ** 2)).astype(np.float32)
    kernels /= kernels.sum((-2, -1), keepdims=True)
    moved = 0.03 * np.sin(np.arange(6.0)[:, None, None] + 2.0 * places[..., 0] - 3.0 * places[..., 1])
    return Spreads(kernels, Net(KNOTS, KNOTS, moved), 2, 1)


GRID = Grid(200, 200, -0.995, -0.995, 0.01, 2)


def test_nothing_shows_through_what_covers_all_and_its_even_patches_stay_even() -> None:
    field = Field(2.0, 2.0, 10.0)
    _, board, _ = scene("depth").planes(field, spectra.source("d65"), 0)
    colors = np.ones((len(board.radiance), 3), np.float32)
    seen = drawn(board, GRID, wild_blur(), NOWHERE, colors)
    x, y = np.meshgrid(*(GRID.left_mm + 0.01 * np.arange(200),) * 2)
    cell, turn = 0.5 * 2.0 / 6.2, math.radians(7.0)
    u, v = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    inside = np.maximum(np.abs(u) - 3.1 * cell, np.abs(v) - 2.1 * cell)
    assert np.abs(1.0 - seen[:, inside < -0.2]).max() < 2e-6
    assert np.abs(seen[:, inside > 0.2]).max() < 2e-6


def test_what_is_drawn_lies_where_the_blur_moves_it() -> None:
    def dot(colors: np.ndarray, x_mm: np.ndarray, y_mm: np.ndarray, _step_mm: float) -> np.ndarray:
        light = np.exp(-((x_mm - 0.3) ** 2 + (y_mm + 0.2) ** 2) / 0.05**2)
        return np.asarray(colors[1][:, None, None] * light)

    blur = wild_blur()
    moved = np.arange(-0.03, 0.03, 0.01)
    blur = Spreads(blur.kernels, Net(KNOTS, KNOTS, np.broadcast_to(moved[:, None, None], (6, 5, 5))), 2, 1)
    seen = drawn(Plane(np.zeros((2, 33)), dot), GRID, blur, NOWHERE, np.array([[0.0] * 3, [1.0] * 3], np.float32))
    at = GRID.left_mm + 0.01 * np.arange(200)
    for light, x, y in zip(seen, moved[0::2], moved[1::2], strict=True):
        assert light.sum(0) @ at / light.sum() == pytest.approx(0.3 + x, abs=1e-3)
        assert light.sum(1) @ at / light.sum() == pytest.approx(-0.2 + y, abs=1e-3)


def test_what_lies_beyond_the_part_with_light_need_not_be_drawn() -> None:
    chance = np.random.default_rng(5)
    grid = Grid(300, 200, -149.5, -99.5, 1.0, 2)
    light = np.zeros((2, 800, 1000), np.float32)
    light[:, 310:360, 520:610] = chance.random((2, 50, 90))
    blurs = chance.random((2, 24, 24)).astype(np.float32)

    def draw(top: int, left: int, out: np.ndarray) -> None:
        rows, columns = out.shape[1:]
        out[:] = light[:, top + 200 : top + 200 + rows, left + 200 : left + 200 + columns]

    lit = slice(310 - 200, 360 - 200), slice(520 - 200, 610 - 200)
    whole, part = (spread_out(grid, Picture(draw, range(2), each), everywhere(blurs), 1) for each in (None, lit))
    np.testing.assert_array_equal(part, whole)
    assert part.max() > 0.0
