"""Lateral colour from texture: scenes of discs drawn here with a shift of our own, at three points a pixel."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from anylens.lab.fringes import fringes, radial_shift
from anylens.lab.specimen import Plane, Specimen

HEIGHT, WIDTH, FINE = 480, 640, 3
REACH = math.hypot(WIDTH, HEIGHT) / 2
RED, GREEN, BLUE = (4e-4, 1.2e-3), (0.0, 0.0), (-1.5e-3, 2.0e-3)
BLUR_PX = (1.2, 0.9, 1.4)
PLACES = np.array([[80.0, 60.0], [-160.0, 120.0], [240.0, -180.0]])


def drawn(channel: int, growth: tuple[float, float]) -> np.ndarray:
    """Coloured discs as one colour sees them: places grow by c0 + c1 s2 from the middle outwards."""
    chance = np.random.default_rng(5)
    x = (np.arange(WIDTH * FINE) + 0.5) / FINE - WIDTH / 2
    y = (np.arange(HEIGHT * FINE) + 0.5)[:, None] / FINE - HEIGHT / 2
    size = 1 / (1 + growth[0] + growth[1] * (x**2 + y**2) / REACH**2)
    x, y = x * size, y * size
    light = np.full(x.shape, 0.3, np.float32)
    for _ in range(500):
        right, down, radius = chance.uniform(-320, 320), chance.uniform(-240, 240), chance.uniform(4, 40)
        color = chance.uniform(0.05, 0.7) * chance.uniform(0.7, 1.3, 3)
        rows, columns = (
            slice(max(int((at - radius - 2 + side / 2) * FINE), 0), int((at + radius + 2 + side / 2) * FINE))
            for at, side in ((down, HEIGHT), (right, WIDTH))
        )
        inside = np.hypot(x[rows, columns] - right, y[rows, columns] - down) < radius
        light[rows, columns][inside] = color[channel]
    light = gaussian_filter(light, BLUR_PX[channel] * FINE)
    return light.reshape(HEIGHT, FINE, WIDTH, FINE).mean((1, 3))


@pytest.fixture(scope="module")
def light() -> list[np.ndarray]:
    return [drawn(channel, growth) for channel, growth in enumerate((RED, GREEN, BLUE))]


def seen(light: list[np.ndarray], cfa: tuple[str, ...], noise: float = 0.0) -> Specimen:
    step, chance = len(cfa), np.random.default_rng(1)
    planes = []
    for top, row in enumerate(cfa):
        for left, letter in enumerate(row):
            pixels = light["RGB".index(letter)][top::step, left::step]
            pixels = (pixels + noise * chance.standard_normal(pixels.shape)).astype(np.float32)
            planes.append(Plane(letter, pixels, pixels >= 1, top, left, step, 4095.0))
    return Specimen("discs", "raw", tuple(planes), WIDTH, HEIGHT)


def true_shift(growth: tuple[float, float]) -> np.ndarray:
    return PLACES * (growth[0] + growth[1] * np.sum(PLACES**2, axis=1) / REACH**2)[:, None]


@pytest.mark.parametrize("cfa", [("RG", "GB"), ("GB", "RG"), ("RRGG", "RRGG", "GGBB", "GGBB")])
@pytest.mark.parametrize(("letter", "growth"), [("R", RED), ("B", BLUE)])
def test_the_shift_of_a_colour_is_found_without_a_chart(light, cfa, letter, growth):
    found = radial_shift([fringes(seen(light, cfa, 0.005), letter)])
    shift, error = found.at(PLACES)
    assert (error < 0.08 * (len(cfa) / 2) ** 2).all()
    assert (np.abs(shift - true_shift(growth)) < 3.5 * error + 0.01).all()


def test_pictures_of_one_lens_speak_together(light):
    one = fringes(seen(light, ("RG", "GB"), 0.01), "R")
    other = fringes(seen(light, ("BG", "GR"), 0.01), "R")
    alone, both = radial_shift([one]), radial_shift([one, other])
    assert (both.at(PLACES)[1] < alone.at(PLACES)[1] * 1.05).all()
    assert np.abs(both.at(PLACES)[0] - true_shift(RED)).max() < 0.06


def test_few_tiles_looked_at_tell_less_but_not_otherwise(light):
    few = fringes(seen(light, ("RG", "GB"), 0.005), "B", most_tiles=96, looked_at=150)
    assert len(few.places_px) <= 96
    shift, error = radial_shift([few]).at(PLACES)
    assert (np.abs(shift - true_shift(BLUE)) < 3.5 * error + 0.01).all()


def test_nothing_is_told_where_there_is_nothing(light):
    wall = [np.full((HEIGHT, WIDTH), 0.4) for _ in range(3)]
    assert radial_shift([fringes(seen(wall, ("RG", "GB"), 0.005), "R")]) is None
    white = [np.full((HEIGHT, WIDTH), 1.2) for _ in range(3)]
    assert radial_shift([fringes(seen(white, ("RG", "GB")), "R")]) is None
    assert radial_shift([fringes(seen([each[:8, :8] for each in light], ("RG", "GB")), "R")]) is None
