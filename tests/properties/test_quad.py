"""What must be true of quad-Bayer frames, developed at full resolution and binned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.interpolate import griddata

import anylens
from anylens import Burst, Frame
from anylens.darkroom import adjust, default_recipe
from anylens.darkroom.quad import as_bayer, is_quad
from anylens.refusal import Refusal
from anylens.sensor import Noise, bayer
from tests.bursts import light
from tests.frames import NEUTRAL, sampled
from tests.properties.test_command_line import failed_in_one_line, run, write_raw

ORDERS = ("RGGB", "GRBG", "GBRG", "BGGR")
STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def linear(frame: Frame) -> np.ndarray:
    black, white = frame.facts.sensor.black[0][0], frame.facts.sensor.white[0]
    return (frame.raw - black) / (white - black)


def of_each_color(rgb: np.ndarray, cfa: Sequence[Sequence[str]]) -> np.ndarray:
    rows, columns = np.indices(rgb.shape[1:])
    plane = np.vectorize("RGB".index)(np.array(cfa)[rows % len(cfa), columns % len(cfa)])
    return np.take_along_axis(rgb, plane[None], 0)[0]


def begun_at(frame: Frame, down: int, across: int) -> Frame:
    """The same light on a sensor whose filter begins elsewhere in its pattern."""
    height, width = frame.raw.shape
    cfa = np.roll(np.array(frame.facts.sensor.cfa), (-down, -across), (0, 1))
    sensor = replace(frame.facts.sensor, cfa=tuple(map(tuple, cfa.tolist())))
    area = (0, 0, height - down, width - across)
    return Frame(frame.raw[down:, across:].copy(), replace(frame.facts, sensor=sensor, active_area=area))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("mode", ["full", "binned"])
def test_flat_color_comes_out_as_it_was_in_every_order(order: str, mode: str) -> None:
    color = np.array([0.3, 0.62, 0.11])
    frame = as_bayer(sampled(color[:, None, None] * np.ones((3, 40, 52)), f"quad-{order}"), mode)
    size = (40, 52) if mode == "full" else (20, 26)
    assert frame.facts.sensor.cfa == bayer("RGGB" if mode == "full" else order)
    assert frame.raw.shape == size
    wanted = of_each_color(color[:, None, None] * np.ones((3, *size)), frame.facts.sensor.cfa)
    assert np.allclose(linear(frame), wanted, atol=0.5 / (4095 - 256) + 1e-4)


@pytest.mark.parametrize("down", range(4))
@pytest.mark.parametrize("across", range(4))
def test_pixels_of_the_right_color_stay_wherever_the_frame_begins_in_the_pattern(down: int, across: int) -> None:
    rng = np.random.default_rng(4 * down + across)
    frame = begun_at(sampled(rng.uniform(0.1, 0.9, (3, 44, 44)), "quad-RGGB"), down, across)
    noisy = replace(frame.facts.sensor, noise=Noise((0.1,), (0.1,), "sensor"))
    frame = replace(frame, facts=replace(frame.facts, sensor=noisy))
    full = as_bayer(frame, "full")
    rows, columns = np.indices(frame.raw.shape)
    before = np.array(frame.facts.sensor.cfa)[rows % 4, columns % 4]
    after = np.array(full.facts.sensor.cfa)[rows % 2, columns % 2]
    kept = before == after
    assert kept.mean() == pytest.approx(6 / 16, abs=0.03)
    assert np.allclose(linear(full)[kept], linear(frame)[kept], atol=2e-5)


def test_the_rest_is_nearer_to_the_truth_than_interpolation_color_by_color() -> None:
    seen = light(STILL)[:, 150:278, 60:252]
    frame = sampled(seen, "quad-RGGB")
    full = as_bayer(frame, "full")
    truth, raw = of_each_color(seen, full.facts.sensor.cfa), linear(frame)
    rows, columns = np.indices(raw.shape)
    before = np.array(frame.facts.sensor.cfa)[rows % 4, columns % 4]
    after = np.array(full.facts.sensor.cfa)[rows % 2, columns % 2]
    plain = np.zeros_like(raw)
    for letter in "RGB":
        known, wanted = np.argwhere(before == letter), np.argwhere(after == letter)
        plain[after == letter] = griddata(known, raw[before == letter], wanted, fill_value=np.nan)
    inner = np.isfinite(plain) & (before != after)
    errors = [float(np.mean((got - truth)[inner] ** 2)) for got in (linear(full), plain)]
    assert errors[0] < errors[1] / 2


def test_twice_the_light_is_twice_the_picture() -> None:
    seen = light(STILL)[:, 200:264, 100:164] * 0.4
    one, two = (linear(as_bayer(sampled(seen * times, "quad-RGGB"), "full")) for times in (1.0, 2.0))
    assert np.sqrt(np.mean((two - 2 * one) ** 2)) < 0.003


def test_binned_pixels_are_means_of_four_and_the_noise_profile_says_so() -> None:
    frame = sampled(np.random.default_rng(3).uniform(0.0, 0.9, (3, 1100, 12)), "quad-GRBG")
    binned = as_bayer(frame, "binned")
    wanted = linear(frame).reshape(550, 2, 6, 2).mean((1, 3))
    assert np.allclose(linear(binned), wanted, atol=1e-5)
    before, after = frame.facts.sensor.noise, binned.facts.sensor.noise
    assert before is not None
    assert after is not None
    assert np.allclose(np.divide((before.scale[0], before.offset[0]), (after.scale[1], after.offset[1])), 4.0)


def test_hot_and_dead_pixels_are_not_spread_over_their_surroundings() -> None:
    """Of one in 2000 pixels; points of light as sharp as a lens can draw them stay."""
    rng = np.random.default_rng(8)
    seen = np.full((3, 200, 200), 0.2)
    stars = np.zeros((200, 200), bool)
    stars[25::50, 25::50] = True
    spot = np.exp(-0.5 * ((np.indices((7, 7)) - 3) ** 2).sum(0) / 0.45**2)
    for y, x in np.argwhere(stars):
        seen[:, y - 3 : y + 4, x - 3 : x + 4] += 0.6 * spot
    clean = sampled(seen, "quad-RGGB", noise_seed=4)
    raw, hit = clean.raw.copy(), rng.random(clean.raw.shape) < 1 / 2000
    hit[[0, -1]] = hit[:, [0, -1]] = False
    hit &= cv2.dilate(stars.astype(np.uint8), np.ones((13, 13), np.uint8)) == 0
    raw[hit] = np.where(rng.random(int(hit.sum())) < 0.5, 4000, 256)
    mended, wanted = (linear(as_bayer(replace(clean, raw=each), "full")) for each in (raw, clean.raw))
    sigma = float(np.std(wanted[:20, :20]))
    assert np.abs(mended - wanted).max() < 8 * sigma
    noiseless = linear(as_bayer(sampled(seen, "quad-RGGB"), "full"))
    assert np.abs(wanted - noiseless)[stars].max() < 8 * sigma


def test_even_light_has_hardly_more_noise_after_denoising_than_a_bayer_sensor_s() -> None:
    """Remosaicing lets the noise of neighbours agree, and denoising knows it."""
    left = []
    for cfa in ("RGGB", "quad-RGGB"):
        frame = as_bayer(sampled(np.full((3, 512, 512), 0.3), cfa, noise_seed=3), "full")
        pixels = anylens.develop(frame, until="scene").pixels
        left.append(float(pixels[:, 16:-16, 16:-16].mean(0).std()))
    assert left[1] < 1.07 * left[0]


def test_the_noise_profile_of_a_full_mosaic_is_that_of_its_pixels() -> None:
    full = as_bayer(sampled(np.full((3, 400, 400), 0.3), "quad-RGGB", noise_seed=5), "full")
    noise, pixels = full.facts.sensor.noise, linear(full)
    assert noise is not None
    for color, sites in enumerate(((slice(0, None, 2), slice(0, None, 2)), (slice(0, None, 2), slice(1, None, 2)))):
        scale, offset = noise.plane(color)
        assert pixels[sites].var() == pytest.approx(0.3 * scale + offset, rel=0.05)


@pytest.mark.parametrize(("scale", "frames", "width"), [(1e-4, 1, 64), (1e-2, 1, 32), (1e-2, 16, 64)])
def test_auto_keeps_all_pixels_where_middle_grey_stands_well_above_the_noise(
    scale: float, frames: int, width: int
) -> None:
    one = sampled(np.full((3, 48, 64), 0.3), "quad-RGGB")
    sensor = replace(one.facts.sensor, noise=Noise((scale,), (1e-7,), "file"))
    one = Frame(one.raw, replace(one.facts, sensor=sensor))
    mosaic = anylens.develop(Burst((one,) * frames), until="mosaic")
    assert mosaic.pixels.shape[1] == width
    snr = 0.18 / np.sqrt((scale * 0.18 + 1e-7) / frames)
    assert any(f"{snr:.0f} times" in note for note in mosaic.facts.notes)


@pytest.mark.parametrize("mode", ["full", "binned"])
def test_a_burst_is_merged_in_the_mode_that_is_asked_for(mode: str) -> None:
    seen = light(STILL)[:, 100:228, 100:228]
    burst = Burst(tuple(sampled(seen, "quad-BGGR", noise_seed=seed) for seed in range(4)))
    one = anylens.develop(burst.reference, adjust(default_recipe(), f"Merge.mode={mode}"), until="mosaic")
    many = anylens.develop(burst, adjust(default_recipe(), f"Merge.mode={mode}"), until="mosaic")
    assert many.pixels.shape == one.pixels.shape == ((128, 128) if mode == "full" else (64, 64))
    truth = of_each_color(seen, one.facts.sensor.cfa) if mode == "full" else None
    if truth is not None:
        errors = [np.mean((each.pixels - truth)[8:-8, 8:-8] ** 2) for each in (one, many)]
        assert errors[1] < 0.8 * errors[0]


def test_one_pass_gives_what_the_stages_give() -> None:
    frame = sampled(light(STILL)[:, :320, :320], "quad-RGGB", noise_seed=1)
    fast = anylens.develop(frame, bits=8).pixels.astype(int)
    slow = anylens.develop(frame, bits=8, watch=lambda *_: None).pixels.astype(int)
    assert fast.shape == (3, 320, 320)
    assert (np.abs(fast - slow) > 1).mean() < 5e-4


def test_a_bayer_frame_is_left_alone_and_one_too_small_is_refused() -> None:
    frame = sampled(np.full((3, 16, 16), 0.5))
    assert as_bayer(frame, "full") is frame
    assert not is_quad(frame.facts.sensor.cfa)
    with pytest.raises(Refusal, match="too small"):
        as_bayer(sampled(np.full((3, 6, 40), 0.5), "quad-RGGB"), "full")


def test_a_mode_of_a_sensor_that_has_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    raw = write_raw(tmp_path / "a.dng")
    said = failed_in_one_line(run("develop", "--mode", "full", raw, "-o", tmp_path / "a.jpg"), 1)
    assert "quad-Bayer" in said
    assert failed_in_one_line(run("develop", "--burst", "--merge", "super", "--mode", "full", raw, raw), 2)
    assert not list(tmp_path.glob("*.jpg"))


def test_the_dng_of_a_full_mosaic_says_what_it_is(tmp_path: Path) -> None:
    frame = sampled(light(STILL)[:, :64, :96], "quad-GBRG")
    anylens.write(
        anylens.develop(frame, adjust(default_recipe(), "Merge.mode=full"), until="mosaic"), tmp_path / "a.dng"
    )
    again = anylens.read(tmp_path / "a.dng")
    assert isinstance(again, Frame)
    assert again.facts.sensor.cfa == bayer("RGGB")
    assert again.raw.shape == (64, 96)
    assert again.facts.as_shot_neutral == pytest.approx(NEUTRAL, abs=1e-4)
