"""What must be true of every development."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anylens import color, darkroom, image
from anylens.darkroom import one_pass
from anylens.darkroom.light import gains_of, noise_of, scene_matrix, toe_of
from anylens.darkroom.stages.merge import Merge
from anylens.darkroom.stages.mosaic import Balance, Defects, Highlights
from anylens.darkroom.stages.scene import Crop, Denoise, Expose, LocalTone, Size
from anylens.darkroom.stages.tone import Tone
from anylens.files import read, write
from anylens.frame import Burst, Frame, Opcodes
from anylens.image import Latent, Scene
from anylens.kernels import anscombe
from anylens.kernels.passes import cells as cells_of_counts
from anylens.refusal import Refusal
from anylens.sensor import Noise
from tests.compiled import needs_kernels
from tests.frames import NEUTRAL, facts, grey, sampled

BAYER = ("RGGB", "GRBG", "GBRG", "BGGR")
LUMA = np.array([0.2627, 0.678, 0.0593])


@pytest.mark.parametrize("cfa", [*BAYER, "quad-RGGB", "quad-BGGR", "mono"])
def test_grey_stays_grey_and_keeps_its_level(cfa: str) -> None:
    light = grey(0.4) if cfa != "mono" else np.full((3, 48, 64), 0.4)
    scene = darkroom.develop(sampled(light, cfa), until="scene")
    assert isinstance(scene, Scene)
    assert np.allclose(scene.pixels, 0.4, atol=1e-3)
    half_a_count = 0.5 / (4095 - 256) * max(1 / value for value in NEUTRAL)
    assert np.ptp(scene.pixels.mean((1, 2))) < 2.5 * half_a_count


@pytest.mark.parametrize("cfa", BAYER)
def test_a_colour_comes_out_the_same_from_every_phase_of_the_filter(cfa: str) -> None:
    light = np.array([0.2, 0.35, 0.1])[:, None, None] * np.ones((3, 40, 40))
    first = darkroom.develop(sampled(light, "RGGB"), until="scene")
    other = darkroom.develop(sampled(light, cfa), until="scene")
    assert np.allclose(first.pixels, other.pixels, atol=1e-4)


def test_the_mosaic_is_the_light_with_noise_below_black_kept() -> None:
    frame = Frame(np.full((4, 6), 200, np.uint16), facts(height=4, width=6))
    mosaic = darkroom.develop(frame, until="mosaic")
    assert np.allclose(mosaic.pixels, (200 - 256) / (4095 - 256))


def test_black_deltas_and_white_by_colour_are_taken_off_where_they_belong() -> None:
    known = facts(height=4, width=4)
    rows, columns = (0.0, 4.0, 8.0, 12.0), (0.0, 1.0, 2.0, 3.0)
    sensor = replace(known.sensor, black_row_delta=rows, black_column_delta=columns, white=(4000.0, 3000.0, 2000.0))
    black = 256 + np.array(rows)[:, None] + np.array(columns)
    white = np.array([[4000, 3000], [3000, 2000]])[np.ix_([0, 1, 0, 1], [0, 1, 0, 1])]
    counts = np.full((4, 4), 1500, np.uint16)
    mosaic = Merge()(Burst((Frame(counts, replace(known, sensor=sensor)),)))
    assert np.allclose(mosaic.pixels, (1500 - black) / (white - 256), atol=1e-6)


def test_only_the_active_area_is_developed() -> None:
    inside = sampled(grey(0.3, 20, 24))
    counts = np.full((30, 40), 60000, np.uint16)
    counts[6:26, 8:32] = inside.raw
    known = replace(inside.facts, active_area=(6, 8, 26, 32))
    whole = darkroom.develop(Frame(counts, known), until="scene")
    assert np.array_equal(whole.pixels, darkroom.develop(inside, until="scene").pixels)


@given(st.floats(0.3, 1.0), st.floats(0.3, 1.0))
def test_the_least_gain_is_one_so_that_white_stays_one(red: float, blue: float) -> None:
    gains = gains_of((red, 1.0, blue))
    assert min(gains) == 1.0
    assert np.allclose(np.array(gains) * (red, 1.0, blue), 1.0)


def test_kelvin_and_tint_change_the_colour_the_way_photographers_expect() -> None:
    frame = sampled(grey(0.4))

    def mean(setting: str) -> np.ndarray:
        recipe = darkroom.adjust(darkroom.look("none"), setting)
        return darkroom.develop(frame, recipe, until="scene").pixels.mean((1, 2))

    warm, cool = mean("Balance.kelvin=9000"), mean("Balance.kelvin=3000")
    assert warm[0] / warm[2] > 1.2 * cool[0] / cool[2]
    magenta, green = mean("Balance.tint=30"), mean("Balance.tint=-30")
    assert magenta[1] / magenta[[0, 2]].mean() < green[1] / green[[0, 2]].mean()


def test_automatic_white_balance_finds_the_light_of_a_scene_with_something_white_in_it() -> None:
    rng = np.random.default_rng(5)
    surfaces = np.kron(rng.random((3, 12, 16)) * 0.6 + 0.05, np.ones((1, 16, 16)))
    surfaces[:, 40:90, 50:140] = 0.8
    frame = sampled(surfaces * np.array(NEUTRAL)[:, None, None])
    automatic = darkroom.adjust(darkroom.look("none"), "Balance.light=auto")
    untold = Frame(frame.raw, replace(frame.facts, as_shot_neutral=None))
    for one, recipe in ((frame, automatic), (untold, darkroom.look("none"))):
        scene = darkroom.develop(one, recipe, until="scene")
        white = scene.pixels[:, 50:80, 60:130].mean((1, 2))
        assert white.max() / white.min() < 1.15
        assert any("estimated from the picture" in note for note in scene.facts.notes)


def test_defects_are_found_and_nothing_else_is_touched() -> None:
    light = np.tile(np.linspace(0.1, 0.6, 64), (48, 1))
    clean = darkroom.develop(sampled(grey(light), noise_seed=3), until="mosaic")
    pixels = clean.pixels.copy()
    places = [(5, 9), (20, 31), (33, 50), (33, 52), (40, 6)]
    for k, place in enumerate(places):
        pixels[place] = 1.0 if k % 2 == 0 else 0.0
    mended = Defects()(replace(clean, pixels=pixels)).pixels
    wrong = np.zeros(pixels.shape, bool)
    wrong[tuple(np.transpose(places))] = True
    assert np.abs(mended - clean.pixels)[wrong].max() < 0.08
    assert np.array_equal(mended[~wrong], clean.pixels[~wrong])


STEEP = 0.3 + 0.25 * np.tanh((np.arange(96) - 47.5 + 0.2 * (np.arange(96)[:, None] - 47.5)) / 2.0)


@pytest.mark.parametrize("light", [0.08, 0.3, STEEP], ids=["dim", "bright", "steep"])
def test_dead_pixels_are_found_in_noise_and_where_light_rises_steeply(light: float | np.ndarray) -> None:
    clean = darkroom.develop(sampled(grey(light, 96, 96), noise_seed=5), until="mosaic")
    dead = clean.pixels.copy()
    dead[6:-6:7, 6:-6:5] = 0.0
    mended = Defects()(replace(clean, pixels=dead)).pixels
    assert (mended[6:-6:7, 6:-6:5] > 0.0).mean() > 0.95
    dead[6:-6:7, 6:-6:5] = mended[6:-6:7, 6:-6:5]
    assert np.array_equal(mended, dead)


@pytest.mark.parametrize(("around", "dot"), [(0.1, 0.6), (0.7, -0.6)])
def test_fine_detail_that_a_lens_can_draw_is_not_taken_for_defects(around: float, dot: float) -> None:
    rows, columns = np.indices((96, 96))
    light = np.full((96, 96), around)
    for y, x in ((20, 21), (40, 44), (63, 30), (71, 72)):
        light += dot * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 0.95**2))
    mosaic = darkroom.develop(sampled(grey(light, 96, 96), noise_seed=4), until="mosaic")
    assert np.array_equal(Defects()(mosaic).pixels, mosaic.pixels)


def test_a_star_as_sharp_as_a_good_lens_draws_it_keeps_its_core() -> None:
    rows, columns = np.indices((96, 96))
    light = np.full((96, 96), 0.01)
    for y, x in ((20, 21), (41, 44), (63, 30), (72, 73)):
        light += 0.8 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 0.85**2))
    seen = np.array([0.6, 1.0, 0.6])[:, None, None] * grey(light, 96, 96)
    mosaic = darkroom.develop(sampled(seen, noise_seed=4), until="mosaic")
    assert np.array_equal(Defects()(mosaic).pixels, mosaic.pixels)


def test_a_blown_surface_becomes_white_and_not_magenta() -> None:
    scene = darkroom.develop(sampled(np.minimum(grey(np.tile(np.linspace(0.5, 3.0, 64), (48, 1))), 1.0)), until="scene")
    blown = scene.pixels[:, :, 40:]
    assert (blown.min(0) / blown.max(0)).min() > 0.85
    assert blown.min() > 0.95


def filled_ramp(color: tuple[float, float, float]) -> np.ndarray:
    """(3, 512): a balanced colour from far below to far above clipping, after its highlights were filled in."""
    light = np.array(color)[:, None, None] * grey(np.tile(np.geomspace(0.2, 20.0, 1024), (48, 1)), 48, 1024)
    pixels = Highlights()(Balance()(darkroom.develop(sampled(np.minimum(light, 1.0)), until="mosaic"))).pixels
    return np.stack([pixels[0::2, 0::2], pixels[0::2, 1::2], pixels[1::2, 1::2]])[:, 8].clip(1e-3)


def test_grey_stays_grey_while_one_colour_clips_after_the_other() -> None:
    red, green, blue = filled_ramp((1.0, 1.0, 1.0))
    assert np.abs(red / green - 1.0).max() < 0.05
    assert np.abs(blue / green - 1.0).max() < 0.05


def test_yellow_becomes_white_through_light_yellow() -> None:
    red, green, blue = filled_ramp((0.83, 0.68, 0.25))
    assert (green / red).min() > 0.75
    assert np.diff(blue / red).min() > -0.05
    assert blue[-1] == pytest.approx(red[-1])


@pytest.mark.parametrize(("color", "yellowest"), [((1.0, 0.25, 0.1), 0.7), ((1.0, 0.45, 0.1), 0.8)])
def test_a_red_and_an_orange_lamp_become_white_without_turning_yellow(
    color: tuple[float, float, float], yellowest: float
) -> None:
    red, green, blue = filled_ramp(color)
    colored = red - blue > 0.3
    assert ((green - blue)[colored] / (red - blue)[colored]).max() < yellowest
    assert np.abs(np.diff(green)).max() < 0.07
    assert blue[-1] == pytest.approx(red[-1])


def test_sky_stays_blue_while_its_green_clips() -> None:
    red, green, blue = filled_ramp((0.5, 0.74, 1.0))
    assert np.abs((green / blue)[blue < 0.95 / NEUTRAL[2]] - 0.74).max() < 0.04
    assert np.diff(red / blue).min() > -0.05
    assert np.diff(green / blue).min() > -0.05


def test_clipped_counts_that_scatter_leave_no_specks() -> None:
    scattered = np.ones((3, 48, 64)) - 0.03 * np.random.default_rng(6).random((3, 48, 64))
    mosaic = Balance()(darkroom.develop(sampled(scattered), until="mosaic"))
    filled = Highlights()(mosaic).pixels
    assert filled.min() > 0.8 * np.median(filled)


@pytest.mark.parametrize("color", [(1.0, 1.0, 1.0), (0.83, 0.68, 0.25), (0.5, 0.74, 1.0), (1.0, 0.25, 0.1)])
def test_clipped_colours_of_a_linear_dng_are_filled_in_as_those_of_a_mosaic(
    color: tuple[float, float, float], tmp_path: Path
) -> None:
    light = np.array(color)[:, None, None] * grey(np.tile(np.geomspace(0.2, 20.0, 1024), (48, 1)), 48, 1024)
    counts = np.rint(256 + light.clip(0.0, 1.0) * (4095 - 256)).astype(np.uint16)
    known = facts("mono", 48, 1024, as_shot_neutral=NEUTRAL)
    calibrated = replace(known, sensor=replace(known.sensor, calibrations=facts().sensor.calibrations))
    write(Frame(counts, calibrated), tmp_path / "a.dng")
    recipe = darkroom.adjust(darkroom.adjust(darkroom.look("none"), "Denoise.luma=0"), "Denoise.chroma=0")
    as_read = read(tmp_path / "a.dng")
    scene = darkroom.develop(as_read, recipe, until="scene")
    whole = (light < 0.7).all(0)
    assert np.array_equal(scene.pixels[:, whole], as_read.pixels[:, whole])
    to_camera = np.linalg.inv(scene_matrix(scene.facts))
    filled = np.einsum("cd,dx->cx", to_camera, scene.pixels[:, 16, ::2]).clip(1e-3)
    assert np.abs(filled / filled_ramp(color) - 1.0).max() < 0.08


def test_highlights_change_nothing_where_nothing_is_clipped() -> None:
    mosaic = Balance()(darkroom.develop(sampled(grey(0.4), noise_seed=1), until="mosaic"))
    assert np.array_equal(Highlights()(mosaic).pixels, mosaic.pixels)


def test_the_files_own_gain_maps_even_out_the_falloff() -> None:
    falloff = np.tile(1 / (1 + np.linspace(0, 1, 64)), (48, 1))
    gains = pack(">2f", 1.0, 2.0) * 2
    grid = pack(">2I", 2, 2) + pack(">4d", 1.0, 1.0, 0.0, 0.0) + pack(">I", 1) + gains
    body = pack(">8I", 0, 0, 48, 64, 0, 1, 1, 1) + grid
    opcodes = Opcodes(list2=pack(">2I", 1, 9) + b"\1\3\0\0" + pack(">2I", 1, len(body)) + body)
    scene = darkroom.develop(sampled(grey(0.3 * falloff), opcodes=opcodes), until="scene")
    assert np.allclose(scene.pixels[:, 8:-8, 8:-8], 0.3, rtol=0.02)


def lifted_corner(denoised: bool) -> Scene:
    """A flat surface behind a lens that falls off by two stops to the right, its file's gain map evening it out."""
    gains = np.linspace(1.0, 4.0, 16).astype(">f4").tobytes() * 2
    grid = pack(">2I", 2, 16) + pack(">4d", 1.0, 1 / 15, 0.0, 0.0) + pack(">I", 1) + gains
    body = pack(">8I", 0, 0, 256, 256, 0, 1, 1, 1) + grid
    opcodes = Opcodes(list2=pack(">2I", 1, 9) + b"\1\3\0\0" + pack(">2I", 1, len(body)) + body)
    falloff = np.tile(1 / (1 + 3 * (np.arange(256) + 0.5) / 256), (256, 1))
    recipe = darkroom.look("none")
    if not denoised:
        recipe = darkroom.adjust(darkroom.adjust(recipe, "Denoise.luma=0"), "Denoise.chroma=0")
    frame = sampled(grey(0.3 * falloff, 256, 256), noise_seed=8, opcodes=opcodes)
    return darkroom.develop(frame, recipe, until="scene")


def test_noise_that_shading_lifts_is_denoised_as_well_as_any_other() -> None:
    grainy, clean = lifted_corner(denoised=False), lifted_corner(denoised=True)
    left, right = np.s_[:, 16:-16, 16:48], np.s_[:, 16:-16, -48:-16]
    remaining = [
        np.std(clean.pixels[part] - clean.pixels[part].mean((1, 2))[:, None, None])
        / np.std(grainy.pixels[part] - grainy.pixels[part].mean((1, 2))[:, None, None])
        for part in (left, right)
    ]
    assert remaining[1] < 0.35
    assert remaining[1] < 1.3 * remaining[0]
    assert clean.shading is None


def noisy(level: float, seed: int) -> Scene:
    recipe = darkroom.adjust(darkroom.adjust(darkroom.look("none"), "Denoise.luma=0"), "Denoise.chroma=0")
    return darkroom.develop(sampled(grey(level, 128, 128), noise_seed=seed), recipe, until="scene")


@pytest.mark.parametrize("level", [0.02, 0.1, 0.5])
def test_denoising_a_flat_surface_takes_its_noise_and_keeps_its_mean(level: float) -> None:
    scene = noisy(level, 7)
    clean = Denoise()(scene)
    middle = np.s_[:, 16:-16, 16:-16]
    assert clean.pixels[middle].std() < 0.28 * scene.pixels[middle].std()
    assert np.allclose(clean.pixels[middle].mean((1, 2)), scene.pixels[middle].mean((1, 2)), rtol=0.01)


def test_denoising_keeps_texture_of_more_than_twice_the_strength_of_its_noise() -> None:
    texture = 0.1 * (1 + 0.1 * np.random.default_rng(3).normal(0, 1, (128, 128)))
    recipe = darkroom.adjust(darkroom.adjust(darkroom.look("none"), "Denoise.luma=0"), "Denoise.chroma=0")
    truth = darkroom.develop(sampled(grey(texture, 128, 128)), recipe, until="scene").pixels
    clean = Denoise()(darkroom.develop(sampled(grey(texture, 128, 128), noise_seed=5), recipe, until="scene")).pixels
    seen, there = (each.mean(0)[16:-16, 16:-16] for each in (clean, truth))
    there = there - there.mean()
    assert (seen * there).sum() > 0.9 * (there * there).sum()


def test_denoising_leaves_a_strong_edge_where_it_was() -> None:
    light = np.where(np.arange(128) < 64, 0.1, 0.5) * np.ones((128, 1))
    truth = darkroom.develop(sampled(grey(light, 128, 128)), until="scene").pixels
    clean = darkroom.develop(sampled(grey(light, 128, 128), noise_seed=5), until="scene").pixels
    assert np.abs(clean - truth)[:, 16:-16, 60:68].max() < 0.06


def test_black_letters_on_noisy_paper_take_on_no_tinge() -> None:
    ink = (np.arange(256) % 32 < 5)[:, None] & (np.arange(256) % 24 < 16)
    frame = sampled(grey(np.where(ink, 0.002, 0.02), 256, 256), noise_seed=4)
    scene = darkroom.develop(frame, darkroom.look("none"), until="scene")
    red, green, blue = scene.pixels[:, ink].mean(1)
    assert max(abs(red - green), abs(blue - green)) < 0.25 * green


def test_more_frames_merged_are_denoised_less() -> None:
    scene = noisy(0.2, 2)
    one, many = Denoise()(scene), Denoise()(replace(scene, frames_used=np.full((128, 128), 16, np.float32)))
    assert np.abs(one.pixels - scene.pixels).mean() > 2 * np.abs(many.pixels - scene.pixels).mean()


@pytest.mark.parametrize("level", [0.0, 0.003, 0.05, 0.6])
def test_the_root_of_light_with_its_toe_has_even_noise(level: float) -> None:
    white, read = 1100.0, 3.0
    noise = Noise((1 / white,), ((read / white) ** 2,), "twin")
    rng = np.random.default_rng(3)
    light = (rng.poisson(level * white, 40_000) + rng.normal(0.0, read, 40_000)) / white
    root = anscombe.root_reference(light, toe_of(noise))
    assert root.std() == pytest.approx(0.5 * white**-0.5, rel=0.12)


def test_noise_below_black_has_no_longer_a_way_down_than_up() -> None:
    toe = 0.01
    noise = np.linspace(-3 * toe, 3 * toe, 1001)
    root = anscombe.root_reference(noise, toe)
    steepest = np.diff(root).max() / np.diff(noise).min()
    assert steepest < 1.25 * (0.5 / np.sqrt(toe))
    assert np.allclose(anscombe.lifted_reference(root, toe) - toe, noise, atol=1e-6)


def test_noise_follows_the_gains() -> None:
    known = facts()
    as_seen, balanced = noise_of(known), noise_of(replace(known, balance=(2.0, 1.0, 1.5)))
    assert np.allclose(balanced.scale, np.multiply(as_seen.scale, (2.0, 1.0, 1.5)))
    assert np.allclose(balanced.offset, np.multiply(as_seen.offset, (4.0, 1.0, 2.25)))


def scene_of(pixels: np.ndarray, **changes: object) -> Scene:
    _, height, width = pixels.shape
    known = facts("mono", height, width, balance=(1.0, 1.0, 1.0), **changes)
    return Scene(pixels.astype(np.float32), known)


@given(st.floats(-4, 4), st.floats(0, 1))
def test_a_stop_is_a_factor_of_two_whatever_the_meter_asks_for(ev: float, auto: float) -> None:
    scene = scene_of(np.full((3, 4, 4), 0.05))
    plain, brighter = (Expose(ev=stops, auto=auto)(scene).pixels for stops in (0.0, ev))
    assert np.allclose(brighter, plain * 2.0**ev, rtol=1e-5)


def test_baseline_exposure_counts() -> None:
    scene = scene_of(np.full((3, 4, 4), 0.1), baseline_exposure=1.0)
    assert np.allclose(Expose(auto=0.0)(scene).pixels, 0.2)


def test_the_meter_brightens_a_dark_picture_but_not_into_its_highlights() -> None:
    ramp = np.tile(np.geomspace(0.001, 0.05, 64), (3, 48, 1))
    assert Expose()(scene_of(ramp)).pixels.mean() > 1.5 * ramp.mean()
    for bright in (1, 8, 30):
        assert np.percentile(Expose()(scene_of(ramp * bright)).pixels, 95) <= max(1.25, 0.05 * bright)


def test_the_meter_keeps_the_shape_of_a_red_thing_in_the_dark() -> None:
    petals = np.array([0.55, 0.03, 0.04])[:, None, None] * np.linspace(0.5, 1.0, 64)
    light = np.where(np.arange(64) % 3 == 0, petals, 0.01 * np.ones((3, 48, 64)))
    shown = np.einsum("cd,dyx->cyx", color.rgb_to_rgb("rec2020", "srgb"), Expose()(scene_of(light)).pixels)
    assert shown.max() < 1.5


def test_the_crop_is_the_makers() -> None:
    pixels = np.arange(3 * 20 * 30, dtype=np.float32).reshape(3, 20, 30)
    cropped = Crop()(Scene(pixels, replace(facts(height=20, width=30), crop=(4.0, 2.0, 20.0, 10.0))))
    assert np.array_equal(cropped.pixels, pixels[:, 2:12, 4:24])
    assert cropped.facts.crop == (0.0, 0.0, 20.0, 10.0)


@pytest.mark.parametrize(
    ("longest", "shape"), [(40, (3, 20, 40)), (7, (3, 4, 7)), (0, (3, 64, 128)), (500, (3, 64, 128))]
)
def test_the_longest_side_is_as_asked_and_flat_light_stays_flat(longest: int, shape: tuple[int, ...]) -> None:
    small = Size(longest)(scene_of(np.full((3, 64, 128), 0.25)))
    assert small.pixels.shape == shape
    assert np.allclose(small.pixels, 0.25, atol=1e-6)


def test_making_a_fine_pattern_small_gives_its_mean_and_no_moire() -> None:
    stripes = np.tile((np.arange(120) % 2).astype(np.float32), (3, 60, 1))
    small = Size(30)(scene_of(stripes)).pixels[:, :, 3:-3]
    assert np.abs(small - 0.5).max() < 0.02


@pytest.mark.parametrize("look", ["none", "authentic", "vibrant", "mono"])
def test_every_look_is_monotone_neutral_and_reaches_black_and_white(look: str) -> None:
    recipe = darkroom.look(look)
    plain = ("Denoise.luma=0", "Denoise.chroma=0", "Expose.auto=0", "LocalTone.shadows=0", "LocalTone.highlights=0")
    for setting in plain:
        recipe = darkroom.adjust(recipe, setting)
    ramp = np.tile(np.concatenate([[0.0], np.geomspace(1e-4, 4.0, 255)]), (3, 16, 1))
    rendered = darkroom.develop(scene_of(ramp), recipe)
    line = rendered.pixels[1, 8]
    assert np.all(np.diff(line) >= -1e-5)
    assert line[0] < 0.02
    assert line[-1] > 0.99
    assert np.ptp(rendered.pixels, axis=0).max() < 2e-3


@given(st.lists(st.floats(-0.1, 8.0), min_size=3, max_size=3))
@settings(max_examples=200)
def test_tone_stays_in_range_and_keeps_the_order_of_colours(rgb: list[float]) -> None:
    recipe = darkroom.adjust(darkroom.look("none"), "Tone.space=display-p3")
    pixel = recipe.tone(scene_of(np.array(rgb)[:, None, None] * np.ones((3, 4, 4)))).pixels[:, 0, 0]
    assert np.all((pixel >= 0) & (pixel <= 1))


def test_pure_light_above_white_pales_until_it_is_white() -> None:
    light = np.geomspace(0.1, 64.0, 256)
    lamp = scene_of(np.array([0.0, 0.0, 1.0])[:, None, None] * light)
    least = Tone(room_ev=0.0)(lamp).pixels.min((0, 1))
    assert least[light < 1.6].max() < 0.01
    assert np.diff(least).min() > -1e-4
    assert np.diff(least).max() < 0.1
    assert least[-1] > 0.99


def test_clouds_above_white_keep_their_shape_and_grey_stays() -> None:
    light = np.repeat(np.geomspace(0.002, 2.9, 512, dtype=np.float32)[None], 64, axis=0)
    tone = darkroom.look("none").tone
    shown = tone(scene_of(np.tile(light, (3, 1, 1)))).pixels[1, 32]
    cloud = shown[(light[0] > 0.5) & (light[0] < 2.6)]
    assert (np.diff(cloud) > 0).all(), "nearly up to its brightest part light is told apart"
    assert shown[-4:].min() > 0.99, "and its brightest part is white"
    dimmer = tone(scene_of(np.tile(np.minimum(light, 1.0), (3, 1, 1)))).pixels[1, 32]
    grey = int(np.argmin(np.abs(light[0] - 0.18)))
    assert abs(shown[grey] - dimmer[grey]) < 0.002
    assert np.abs(shown - dimmer)[:grey].max() < 0.01


def test_local_tone_opens_shadows_and_keeps_their_texture() -> None:
    texture = np.where(np.arange(512) % 4 < 2, 0.9, 1.1) * np.ones((256, 1))
    light = np.where(np.arange(512) < 256, 0.02, 0.6) * texture
    even = LocalTone(shadows=0.4, highlights=0.2)(scene_of(np.tile(light, (3, 1, 1)))).pixels[0, 128]
    dark, bright = even[40:200], even[312:472]
    assert dark.mean() > 1.5 * 0.02
    assert bright.mean() < 0.95 * 0.6
    assert np.allclose([dark.max() / dark.min(), bright.max() / bright.min()], 1.1 / 0.9, rtol=0.1)


@given(st.floats(1.0, 3.0), st.floats(1.5, 8.0), st.floats(0.05, 0.5), st.floats(0.0, 0.05), st.floats(0.0, 9.0))
@settings(max_examples=200, deadline=None)
def test_more_light_is_never_shown_darker(
    contrast: float, white_ev: float, grey: float, black: float, bright_ev: float
) -> None:
    tone = Tone(contrast=contrast, white_ev=white_ev, grey=grey, black=black)
    for held_ev in (0.0, 0.1, bright_ev / 2, bright_ev, bright_ev + 1.0):
        _, power, bend, peak, *_, flare = tone.plan(0.18 * 2.0**bright_ev, held_ev)
        light = np.logspace(-4, 4, 200) ** power
        shown = peak * light / (light + bend) - flare
        assert np.isfinite(shown).all()
        assert (np.diff(shown) > -1e-9).all()


@pytest.mark.parametrize("window", [1.2, 4.0, 12.0])
@pytest.mark.parametrize("highlights", [0.15, 0.5])
def test_local_tone_leaves_white_white(window: float, highlights: float) -> None:
    room = scene_of(np.tile(np.where(np.arange(512) < 384, 0.1, window) * np.ones((384, 1)), (3, 1, 1)))
    room = replace(room, brightest=window)
    plain, even = (Tone()(scene).pixels[1, 192] for scene in (room, LocalTone(0.4, highlights)(room)))
    assert even[448] > plain[448] - 0.03, "a window behind a dim wall is as white as without"
    assert even[448] <= 1.0
    assert even[192] > plain[192], "and the wall is brighter"


def test_local_tone_makes_no_halo_along_a_strong_edge() -> None:
    light = np.where(np.arange(1024) < 512, 0.02, 0.6) * np.ones((512, 1))
    even = LocalTone(shadows=0.4, highlights=0.2)(scene_of(np.tile(light, (3, 1, 1)))).pixels[0, 256]
    dark, bright = even[:508], even[516:]
    assert dark.max() < 1.12 * dark[100]
    assert bright.min() > 0.88 * bright[-100]
    assert bright.max() < 1.12 * bright[-100]


def test_mono_has_no_colour() -> None:
    rng = np.random.default_rng(0)
    rendered = darkroom.develop(sampled(rng.random((3, 48, 64)) * 0.8), darkroom.look("mono"))
    assert np.ptp(rendered.pixels, axis=0).max() < 2e-3


def test_vibrant_has_more_colour_than_none_and_authentic_more_contrast() -> None:
    rng = np.random.default_rng(0)
    patches = np.kron(rng.random((3, 6, 8)) * 0.7, np.ones((1, 8, 8)))
    photos = {name: darkroom.develop(sampled(patches), darkroom.look(name)).pixels for name in darkroom.looks()}
    chroma = {name: float(np.ptp(pixels, axis=0).mean()) for name, pixels in photos.items()}
    spread = {name: float(np.tensordot(LUMA, pixels, 1).std()) for name, pixels in photos.items()}
    assert chroma["vibrant"] > 1.05 * chroma["none"]
    assert spread["authentic"] > spread["none"]


def test_develop_makes_the_same_photo_twice_and_says_its_recipe() -> None:
    frame = sampled(grey(0.4), noise_seed=4)
    first, second = darkroom.develop(frame), darkroom.develop(frame)
    assert np.array_equal(first.pixels, second.pixels)
    again = darkroom.develop(frame, darkroom.parse(first.recipe))
    assert np.array_equal(first.pixels, again.pixels)
    assert again.recipe == first.recipe


def test_every_stage_is_told_once_and_in_order() -> None:
    told: list[str] = []
    recipe = darkroom.look("none")
    darkroom.develop(
        sampled(grey(0.4)), recipe, watch=lambda stage, _image, _seconds: told.append(type(stage).__name__)
    )
    assert told == [type(stage).__name__ for _, stage in recipe.stages()]


def test_what_cannot_be_developed_is_refused_in_a_sentence() -> None:
    frame = sampled(grey(0.4))
    odd = Frame(frame.raw, replace(frame.facts, sensor=replace(frame.facts.sensor, cfa=(("R", "B"), ("G", "G")))))
    with pytest.raises(Refusal, match="not a Bayer filter"):
        darkroom.develop(odd)


@pytest.mark.parametrize("cfa", ["RGGB", "GBRG", "mono"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (3, 17), (16, 1), (17, 5), (4, 13)])
def test_tiny_pictures_are_developed_like_any_other(cfa: str, height: int, width: int) -> None:
    light = grey(0.4, height, width) if cfa != "mono" else np.full((3, height, width), 0.4)
    rendered = darkroom.develop(sampled(light, cfa))
    assert rendered.pixels.shape == (3, height, width)
    assert np.isfinite(rendered.pixels).all()


@needs_kernels
@pytest.mark.parametrize("spacing", [8, 16, 32])
def test_the_one_pass_gives_what_the_stages_give(monkeypatch: pytest.MonkeyPatch, spacing: int) -> None:
    """A frame with everything in it: noise, defects, clipping, gain maps, a crop, an active area at odd places.

    However far apart the points of its overview lie.
    """
    monkeypatch.setattr(one_pass, "BAND_ROWS", 96)
    monkeypatch.setattr(image, "ENOUGH_SEEN", 300 * 402 // spacing**2 + 1)
    assert image.overview_spacing(300, 402) == spacing
    rng = np.random.default_rng(11)
    coarse = np.kron(rng.random((3, 7, 9)) * 0.7 + 0.05, np.ones((1, 50, 50)))[:, :300, :402]
    coarse[:, 40:90, 60:200] = 3.0
    inside = sampled(np.minimum(coarse, 1.0), "GRBG", noise_seed=2)
    counts = np.full((310, 420), 300, np.uint16)
    counts[5:305, 7:409] = inside.raw
    counts[rng.integers(5, 305, 40), rng.integers(7, 409, 40)] = 4095
    grid = pack(">2I", 3, 4) + pack(">4d", 0.5, 0.34, 0.0, 0.0) + pack(">I", 1)
    grid += np.linspace(1.0, 1.9, 12).astype(">f4").tobytes()
    body = pack(">8I", 0, 0, 300, 402, 0, 1, 1, 1) + grid
    opcodes = Opcodes(list2=pack(">2I", 1, 9) + b"\1\3\0\0" + pack(">2I", 1, len(body)) + body)
    known = replace(inside.facts, active_area=(5, 7, 305, 409), crop=(3.0, 5.0, 380.0, 285.0), opcodes=opcodes)
    frame = Frame(counts, known)
    for look in ("none", "vibrant"):
        recipe = darkroom.look(look)
        assert one_pass.fits(frame, recipe)
        fused = darkroom.develop(frame, recipe, bits=8)
        by_stage = darkroom.develop(frame, recipe, bits=8, watch=lambda *_told: None)
        assert fused.pixels.shape == by_stage.pixels.shape == (3, 285, 380)
        assert fused.facts == by_stage.facts
        assert fused.recipe == by_stage.recipe
        apart = np.abs(fused.pixels.astype(int) - by_stage.pixels)
        assert (apart > 0).mean() < 0.05  # counted roots and half floats lie between the parts of the pass
        assert (apart > 1).mean() < 5e-4


def test_a_larger_picture_is_looked_at_in_hardly_more_places() -> None:
    for height, width in ((3072, 4080), (4000, 6000), (6144, 8160), (8704, 11520), (12288, 16320)):
        spacing = image.overview_spacing(height, width)
        assert image.ENOUGH_SEEN / 4 < height * width / spacing**2 < 1.1 * image.ENOUGH_SEEN


@needs_kernels
@pytest.mark.parametrize("spacing", [16, 32])
def test_cells_farther_apart_are_some_of_those_nearer(spacing: int) -> None:
    *counts, _ = cells_of_counts.example(np.random.default_rng(3), 199, 245)
    nearer, farther = (cells_of_counts.cells(tuple(counts), each) for each in (8, spacing))
    assert np.array_equal(farther, nearer[:, :: spacing // 8, :: spacing // 8])


@needs_kernels
@pytest.mark.parametrize("width", [256, 1024, 2017])
def test_the_one_pass_takes_any_width(width: int) -> None:
    """Those that fill their pieces to the last column too."""
    coarse = np.random.default_rng(5).random((3, 33, width // 8 + 1)) * 0.7 + 0.05
    frame = sampled(np.kron(coarse, np.ones((1, 8, 8)))[:, :260, :width], noise_seed=2)
    fused = darkroom.develop(frame, bits=8)
    by_stage = darkroom.develop(frame, bits=8, watch=lambda *_told: None)
    assert (np.abs(fused.pixels.astype(int) - by_stage.pixels) > 1).mean() < 5e-4


@needs_kernels
@pytest.mark.parametrize("orientation", [1, 2, 3, 6])
def test_a_photo_made_while_it_is_written_is_the_same_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, orientation: int
) -> None:
    monkeypatch.setattr(one_pass, "BAND_ROWS", 96)
    frame = sampled(np.random.default_rng(4).random((3, 300, 402)) * 0.8, noise_seed=3)
    frame = Frame(frame.raw, replace(frame.facts, orientation=orientation))
    planned = darkroom.latent(frame)
    assert isinstance(planned, Latent)
    write(planned, tmp_path / "banded.jpg")
    write(darkroom.develop(frame, bits=8), tmp_path / "whole.jpg")
    assert (tmp_path / "banded.jpg").read_bytes() == (tmp_path / "whole.jpg").read_bytes()


def test_a_photo_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    def make(out: np.ndarray, top: int) -> None:
        if top:
            raise MemoryError
        out[:] = 0

    with pytest.raises(MemoryError):
        write(Latent((3, 256, 40), make, 128, sampled(grey(0.4)).facts), tmp_path / "photo.jpg")
    assert not list(tmp_path.iterdir())


def test_what_does_not_fit_the_pass_is_developed_all_the_same() -> None:
    small = darkroom.develop(sampled(grey(0.4)), bits=8)
    assert small.pixels.dtype == np.uint8
    assert np.abs(small.pixels / 255 - darkroom.develop(sampled(grey(0.4))).pixels).max() <= 0.51 / 255
