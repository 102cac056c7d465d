"""The estimated noise of a frame against the noise that was put in."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from anylens.color import srgb_decode
from anylens.sensor import bayer, estimate_noise

SHARED = Path(__file__).parents[3] / "shared" / "data" / "raw"
BLACK, WHITE = 256, 16383


def ramp() -> np.ndarray:
    return np.repeat(np.linspace(0, 1, 1024)[None, :, None] * np.linspace(0.2, 1, 1024)[:, None, None], 3, axis=2)


def leaves() -> np.ndarray:
    """Discs of all sizes lying on each other, each shaded, with the edges and clutter of the world outside."""
    chance = np.random.default_rng(5)
    y, x = np.mgrid[:1024, :1024]
    picture = np.zeros((1024, 1024, 3))
    for radius in np.sort(np.clip(6.0 * chance.pareto(1.3, 1500) + 6.0, 6.0, 250.0))[::-1]:
        top, left = chance.uniform(-50, 1074, 2)
        rows, columns = (slice(max(int(c - radius), 0), max(int(c + radius) + 1, 0)) for c in (top, left))
        inside = (y[rows, columns] - top) ** 2 + (x[rows, columns] - left) ** 2 < radius**2
        shade = 1.0 + 0.3 * (x[rows, columns] - left) / radius
        picture[rows, columns][inside] = (shade[..., None] * chance.beta(0.8, 2.0) * chance.uniform(0.4, 1.0, 3))[
            inside
        ]
    return np.clip(picture, 0.0, 1.0)


def photograph(name: str) -> np.ndarray:
    """Repeated to 1024 x 1024; it has noise of its own, 1e-4 and more, so what is put in must stand above that."""
    data = pytest.importorskip("skimage.data", reason="the photographs come with scikit-image")
    picture = srgb_decode(getattr(data, name)() / 255.0)
    times = [-(-1024 // side) for side in picture.shape[:2]]
    return np.tile(picture, (*times, 1))[:1024, :1024]


@functools.cache
def scene(name: str) -> np.ndarray:
    """(1024, 1024, 3) linear light up to nine tenths of white."""
    return 0.9 * {"ramp": ramp, "leaves": leaves}.get(name, lambda: photograph(name))()


def mosaic(light: np.ndarray, cfa: tuple[tuple[str, ...], ...]) -> np.ndarray:
    if not cfa:
        return light.mean(axis=2)
    plane = np.empty(light.shape[:2])
    for y, row in enumerate(cfa):
        for x, letter in enumerate(row):
            plane[y :: len(cfa), x :: len(cfa)] = light[y :: len(cfa), x :: len(cfa), "RGB".index(letter)]
    return plane


def expose(light: np.ndarray, scale: float, offset: float, seed: int = 0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    signal = chance.poisson(light / scale) * scale + chance.normal(0.0, np.sqrt(offset), light.shape)
    return np.clip(np.round(signal * (WHITE - BLACK) + BLACK), 0, WHITE).astype(np.uint16)


@pytest.mark.parametrize("pattern", ["RGGB", "GBRG", "quad-RGGB", "mono"])
@pytest.mark.parametrize("name", ["ramp", "leaves", "astronaut", "coffee", "rocket"])
@pytest.mark.parametrize(("scale", "offset"), [(1e-3, 2e-5), (4e-3, 8e-5)])
def test_noise_of_pictures_is_found_at_every_brightness(name, pattern, scale, offset) -> None:
    cfa = bayer(pattern)
    light = mosaic(scene(name), cfa)
    found = estimate_noise(expose(light, scale, offset), cfa, ((BLACK,),), (WHITE,))
    assert found.source == "estimated"
    assert len(found.scale) == (3 if cfa else 1)
    dark, middle, bright = np.percentile(light, [10, 50, 90])
    for plane in range(3):
        ours = np.array([found.plane(plane)[0] * x + found.plane(plane)[1] for x in (dark, middle, bright)])
        truth = np.array([scale * x + offset for x in (dark, middle, bright)])
        np.testing.assert_array_less(np.abs(np.log2(ours / truth)), np.log2(1.45))
    green = found.plane(1)
    assert green[0] == pytest.approx(scale, rel=0.25)
    assert offset / 2 < green[1] < offset * 2


def test_each_colour_has_its_own_black_and_white() -> None:
    cfa = bayer("RGGB")
    raw = expose(mosaic(scene("ramp"), cfa), 1e-3, 1e-5).astype(np.int64) - BLACK
    raw[0::2, 0::2] = raw[0::2, 0::2] // 2 + 100
    raw[1::2, 1::2] += 300
    found = estimate_noise(np.maximum(raw, 0).astype(np.uint16), cfa, ((100, 0), (0, 300)), (8163, 16127, 16427))
    assert found.scale == pytest.approx((1e-3, 1e-3, 1e-3), rel=0.2)


def test_clipped_skies_and_crushed_shadows_do_not_lower_the_noise() -> None:
    light = scene("ramp")[..., 1] * 1.6 - 0.15
    found = estimate_noise(expose(np.maximum(light, 0.0), 1e-3, 1e-5), (), ((BLACK,),), (WHITE,))
    assert found.scale[0] == pytest.approx(1e-3, rel=0.25)
    crushed = np.maximum(expose(np.maximum(light, 0.0), 1e-3, 1e-5), BLACK)
    assert estimate_noise(crushed, (), ((BLACK,),), (WHITE,)).scale[0] == pytest.approx(1e-3, rel=0.25)


def test_four_times_the_noise_is_found_as_four_times() -> None:
    light = mosaic(scene("leaves"), bayer("RGGB"))
    loud, soft = (estimate_noise(expose(light, s, 2e-5), bayer("RGGB"), ((BLACK,),), (WHITE,)) for s in (4e-3, 1e-3))
    assert loud.scale[1] / soft.scale[1] == pytest.approx(4.0, rel=0.3)


@pytest.mark.parametrize("pattern", ["RGGB", "quad-GRBG", "mono"])
@pytest.mark.parametrize("level", [0, BLACK, 5000, WHITE, 65535])
def test_frames_that_tell_nothing_get_the_least_noise_that_a_sensor_has(pattern, level) -> None:
    for height, width in [(64, 64), *((n, 5) for n in range(1, 18)), *((5, n) for n in range(1, 18))]:
        raw = np.full((height, width), level, np.uint16)
        found = estimate_noise(raw, bayer(pattern), ((BLACK,),), (WHITE,))
        assert found.scale == pytest.approx([1e-6] * len(found.scale))
        assert found.offset == pytest.approx([1 / 12 / (WHITE - BLACK) ** 2] * len(found.scale))


@pytest.mark.parametrize("pattern", ["BGGR", "quad-BGGR", "mono"])
def test_whatever_the_counts_noise_is_a_number_above_zero(pattern) -> None:
    chance = np.random.default_rng(1)
    for side in [*range(1, 40), 257]:
        for top in (2, 1023, 65536):
            raw = chance.integers(0, top, (side, 300 - side), dtype=np.uint16)
            found = estimate_noise(raw, bayer(pattern), ((64.0,),), (1023.0,))
            assert np.all(np.isfinite(found.scale + found.offset))
            assert min(found.scale + found.offset) > 0.0


@pytest.mark.parametrize("name", ["GoPro_Fusion_GPFR7066.dng", "GoPro_Hero6_GOPR0024.dng"])
def test_real_frames_lie_near_the_maker_s_own_figure(name: str) -> None:
    if not (SHARED / name).exists():
        pytest.skip("the shared raw files are not beside this checkout")
    from anylens.files import read

    frame = read(SHARED / name)
    sensor = frame.facts.sensor
    top, left, bottom, right = frame.facts.active_area
    raw = frame.raw[top:bottom, left:right]
    found = estimate_noise(raw, sensor.cfa, sensor.black, sensor.white)
    assert sensor.noise is not None
    assert sensor.noise.source == "file"
    ratio = found.plane(1)[0] / sensor.noise.plane(1)[0]
    assert 0.5 < ratio < 2.0
