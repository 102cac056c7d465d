"""Restoring gives back what a known blur took, rings nowhere, and leaves alone what it knows nothing of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anylens import darkroom
from anylens.darkroom import one_pass
from anylens.darkroom.stages.scene import Restore
from anylens.frame import Frame
from anylens.image import Scene
from anylens.kernels import restore_filters as filters
from anylens.kernels.sharpen import LUMA
from anylens.lab.charts import Edge
from anylens.lab.samples import Samples
from anylens.lab.sharpness import edge_sharpness
from anylens.lens.passport import Passport
from anylens.lens.passport_file import parse_passport, passport_text
from anylens.lens.psf import blur_in_use
from anylens.refusal import Refusal
from tests import blurs, edges, frames
from tests.compiled import needs_kernels

SIZE = 192


def scene(light: np.ndarray, field: object, noise: float = 1e-6, seed: int = 1, f_number: float = 2.0) -> Scene:
    """Grey light with noise of this variance in its luma."""
    apart = noise / sum(weight**2 for weight in LUMA)
    pixels = (light + np.random.default_rng(seed).normal(0.0, np.sqrt(apart), (3, *light.shape))).astype(np.float32)
    return Scene(pixels, blurs.facts(*light.shape, field, apart, f_number))


def luma(picture: Scene) -> np.ndarray:
    return np.einsum("c,cyx->yx", np.array(LUMA, np.float32), picture.pixels)


def texture(size: int = SIZE, seed: int = 3) -> np.ndarray:
    """Light whose power falls as one over frequency squared, as that of photographs does, around middle grey."""
    turns = np.fft.fftfreq(size)
    radius = np.hypot(turns[:, None], turns)
    radius[0, 0] = np.inf
    wave = np.fft.fft2(np.random.default_rng(seed).normal(size=(size, size))) / radius
    drawn = np.fft.ifft2(wave).real
    return 0.3 + 0.08 * drawn / drawn.std()


def mtf50(picture: Scene, angle_deg: float) -> tuple[float, float]:
    """(MTF50 in cycles per pixel, overshoot) of the edge through the middle."""
    place = Edge(*edges.ends(SIZE, angle_deg, 0.0, 100.0), 40.0)
    measured = edge_sharpness(Samples(luma(picture)), place)
    return measured.mtf50_cpp.value, measured.overshoot


def test_without_a_measured_blur_nothing_changes() -> None:
    bare = scene(texture(), None)
    assert Restore()(bare) is bare
    measured = scene(texture(), blurs.even(1.0))
    assert Restore(strength=0.0)(measured) is measured
    far = scene(texture(), blurs.even(1.0), f_number=4.0)
    assert Restore()(far) is far


@pytest.mark.parametrize("sigma_px", [0.6, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("angle_deg", [5.0, 22.0, 40.0, 95.0])
def test_an_edge_becomes_sharper_and_does_not_ring(sigma_px: float, angle_deg: float) -> None:
    blur = edges.gaussian(np.sqrt(np.log(2.0) / 2.0) / np.pi / sigma_px)
    soft = scene(edges.edge(SIZE, blur, angle_deg), blurs.even(sigma_px), noise=4e-6)
    before, _ = mtf50(soft, angle_deg)
    after, overshoot = mtf50(Restore()(soft), angle_deg)
    assert after > (1.15 if sigma_px < 1.0 else 1.5) * before
    assert overshoot < 0.05


@pytest.mark.parametrize("angle_deg", [5.0, 12.0, 22.0, 33.0, 40.0, 95.0])
def test_an_edge_does_not_ring_where_a_passport_tells_of_more_blur_than_there_is(angle_deg: float) -> None:
    blur = edges.gaussian(np.sqrt(np.log(2.0) / 2.0) / np.pi / 1.0)
    soft = scene(edges.edge(SIZE, blur, angle_deg), blurs.even(1.5), noise=4e-6)
    _, overshoot = mtf50(Restore()(soft), angle_deg)
    assert overshoot < 0.05


@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0, 3.0])
def test_a_line_is_brought_out_as_no_edge_may_be(slope: float) -> None:
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    light = 0.2 + 0.3 * np.clip(1.5 - np.abs(x - slope * y) / np.hypot(1.0, slope), 0.0, 1.0)
    soft = scene(blurs.blurred(light, 1.2), blurs.even(1.2), noise=4e-6)
    inner = (slice(32, -32), slice(32, -32))
    lost, back = (np.mean(((light - luma(picture))[inner])[light[inner] > 0.45]) for picture in (soft, Restore()(soft)))
    assert lost > 0.05
    assert abs(back) < 0.4 * lost


@pytest.mark.parametrize("sigma_px", [0.8, 1.2, 2.0])
@pytest.mark.parametrize("noise", [1e-5, 3e-5, 1e-4])
def test_it_comes_near_the_best_that_can_be_done_with_a_known_blur(sigma_px: float, noise: float) -> None:
    light = texture()
    soft = scene(blurs.blurred(light, sigma_px), blurs.even(sigma_px), noise)
    turns = np.fft.fftfreq(SIZE)
    transfer = np.exp(-2 * np.pi**2 * sigma_px**2 * (turns[:, None] ** 2 + turns**2))
    power = np.abs(np.fft.fft2(light)) ** 2 / light.size
    best = np.fft.ifft2(np.fft.fft2(luma(soft)) * transfer * power / (transfer**2 * power + noise)).real
    inner = (slice(16, -16), slice(16, -16))

    def psnr(picture: np.ndarray) -> float:
        return float(-10 * np.log10(np.mean((picture - light)[inner] ** 2)))

    got = psnr(luma(Restore()(soft)))
    assert got > psnr(best) - 1.5
    assert got > psnr(luma(soft)) - 0.05


@pytest.mark.parametrize("aside_px", [(2.0, 1.5), (-2.5, 0.0), (0.0, 2.0)])
def test_a_lopsided_blur_is_undone_as_well_as_an_even_one(aside_px: tuple[float, float]) -> None:
    aside = tuple((each * blurs.PITCH_UM,) for each in aside_px)
    core, skirt = ((12.0,), (-3.0,), (14.0,)), ((45.0,), (-10.0,), (55.0,))
    coma = blurs.psf(core, 0.4, skirt_um2=skirt, skirt_aside_um=aside)
    light, noise = texture(), 1e-5
    soft = scene(blurs.spread(light, coma), coma, noise)
    taken = scene(blurs.spread(light, coma), replace(coma, skirt_aside_um=((0.0,), (0.0,))), noise)
    transfer, power = blurs.transfer(coma, light.shape), np.abs(np.fft.fft2(light)) ** 2 / light.size
    best = np.fft.ifft2(np.fft.fft2(luma(soft)) * np.conj(transfer) * power / (np.abs(transfer) ** 2 * power + noise))

    def off(picture: np.ndarray) -> float:
        """PSNR wherever the picture as a whole may lie: nobody can tell a blur's place from the light's."""
        turns, inner = np.fft.fftfreq(SIZE), slice(16, -16)
        found = []
        for part in np.linspace(0.0, 1.0, 41):
            x, y = (part * 0.4 * each for each in aside_px)
            moved = np.fft.fft2(light) * np.exp(-2j * np.pi * (turns[:, None] * y + turns * x))
            found.append(np.mean((picture - np.fft.ifft2(moved).real)[inner, inner] ** 2))
        return float(-10 * np.log10(min(found)))

    got = off(luma(Restore()(soft)))
    assert got > off(best.real) - 1.5
    assert got > off(luma(Restore()(taken))) + 0.2
    assert got > off(luma(soft)) + 1.5


def test_grey_stays_grey_and_borders_are_quiet() -> None:
    even = scene(np.full((97, 131), 0.3), blurs.even(1.5), noise=0.0)
    assert np.abs(Restore()(even).pixels - 0.3).max() < 1e-6
    ramp = scene(np.tile(np.linspace(0.1, 0.5, 131), (97, 1)), blurs.even(1.5), noise=0.0)
    assert np.abs(Restore()(ramp).pixels - ramp.pixels).max() < 0.02


def test_what_was_clipped_is_left_alone() -> None:
    light = np.full((64, 64), 0.1)
    light[24:40, 24:40] = 1.2
    soft = scene(np.minimum(blurs.blurred(light, 1.5), 1.0), blurs.even(1.5))
    restored = Restore()(soft).pixels
    assert restored.min() > 0.1 - 0.05 * 0.9
    assert np.abs(restored - soft.pixels)[:, 29:35, 29:35].max() < 1e-6


@pytest.mark.parametrize("told_px", [2.0, 2.5])
def test_dark_detail_beside_bright_does_not_turn_into_black_specks(told_px: float) -> None:
    rng = np.random.default_rng(5)
    light = np.where(np.kron(rng.random((SIZE // 4, SIZE // 4)), np.ones((4, 4))) > 0.7, 0.5, 0.04)
    seen = scene(blurs.blurred(light, 2.0), blurs.even(told_px), noise=1e-5)
    before, after = luma(seen), luma(Restore()(seen))
    assert after.std() > 1.2 * before.std()
    assert np.all(after > 0.02 * before)


def test_even_light_gets_no_noisier_to_speak_of() -> None:
    for noise in (1e-5, 1e-3):
        flat = scene(np.full((SIZE, SIZE), 0.2), blurs.even(1.5), noise)
        assert luma(Restore()(flat)).std() < 1.2 * luma(flat).std()


def test_each_place_is_sharpened_by_its_own_blur() -> None:
    wide, narrow = (2.0 * blurs.PITCH_UM) ** 2, (0.3 * blurs.PITCH_UM) ** 2
    slope = (wide - narrow) / 2
    middle, reach = (wide + narrow) / 2, SIZE / 2 * blurs.PITCH_UM / 1000
    row = (middle, slope, 0.0)
    field = blurs.psf((row, (0.0, 0.0, 0.0), row), reach_mm=reach)
    soft = scene(blurs.blurred(texture(), 1.0), field)
    change = luma(Restore()(soft)) - luma(soft)
    assert change[16:-16, -48:-16].std() > 2 * change[16:-16, 16:48].std()


def test_between_two_apertures_it_lies_between() -> None:
    one, two = blurs.psf(((9.0,), (0.0,), (16.0,))), blurs.psf(((1.0,), (0.0,), (4.0,)), f_number=4.0)
    passport = Passport(blurs.LENS, "Some Body", psf=(one, two))
    setting = blurs.facts(8, 8, one).setting
    for f_number, wanted in ((2.0, 9.0), (2.83, 5.0), (4.0, 1.0), (5.0, 1.0)):
        found = blur_in_use(passport, replace(setting, f_number=f_number), 0.0, 0.0)
        assert found is not None
        assert found.core_um2[0] == pytest.approx(wanted, abs=0.02)
    assert blur_in_use(passport, replace(setting, f_number=8.0), 0.0, 0.0) is None
    assert blur_in_use(passport, None, 0.0, 0.0) is None


@needs_kernels
def test_the_fused_passes_fit_with_a_measured_blur_and_without() -> None:
    recipe = darkroom.default_recipe()
    assert any(isinstance(stage, Restore) for stage in recipe.scene)
    older = replace(recipe, scene=tuple(stage for stage in recipe.scene if not isinstance(stage, Restore)))
    raw = frames.sampled(np.random.default_rng(1).random((3, 320, 512)) * 0.5)
    assert one_pass.fits(raw, recipe)
    assert one_pass.fits(raw, older)
    photo = darkroom.develop(raw, recipe, bits=8)
    assert np.array_equal(photo.pixels, darkroom.develop(raw, older, bits=8).pixels)
    known = blurs.facts(320, 512, blurs.even(1.5))
    sensor = replace(raw.facts.sensor, pitch_um=blurs.PITCH_UM)
    measured = Frame(raw.raw, replace(raw.facts, sensor=sensor, passport=known.passport, setting=known.setting))
    assert one_pass.fits(measured, recipe)
    sharper = darkroom.develop(measured, recipe, bits=8).pixels
    assert np.abs(np.diff(sharper.astype(int))).mean() > np.abs(np.diff(photo.pixels.astype(int))).mean()


def test_a_blur_is_read_from_the_passport_as_it_was_written() -> None:
    passport = Passport(blurs.LENS, "Some Body", psf=(blurs.even(1.2, 0.1),))
    assert parse_passport(passport_text(passport)) == passport
    with pytest.raises(Refusal, match="core_um2"):
        blurs.psf(((9.0, 1.0), (0.0, 0.0), (9.0, 1.0)))
    with pytest.raises(Refusal, match="skirt_aside_um"):
        replace(blurs.even(1.0), skirt_aside_um=((0.0,),), skirt_aside_um_error=((0.0,),))
    with pytest.raises(Refusal, match="skirt_share"):
        replace(blurs.even(1.0), skirt_share=((0.1,), (0.1,)), skirt_share_error=((0.1,), (0.1,)))


def test_edges_come_near_the_sharpest_place_in_the_direction_in_which_a_blur_is_wide() -> None:
    sides = filters.LATTICE[::-1]
    wide = np.linspace(1.2, 1.8, sides[1]) ** 2
    core = np.stack([np.broadcast_to(each, sides) for each in (wide, 0.0, 1.44)])
    nothing = np.zeros(sides)
    found = filters.filters_of(1600, 2400, core, nothing, np.ones((3, *sides)), np.zeros((2, *sides)), 0.0, 4e-6)
    turns = np.linspace(0.0, 0.5, 501)

    def mtf50(across_px2: float, numbers: np.ndarray) -> float:
        taps = [
            numbers[at] * np.exp(2j * np.pi * turns * times * x) * np.cos(np.pi * turns) ** (6 * (times - 1))
            for at, (x, times) in enumerate([(x, 1) for x, _ in filters.NEAR] + [(x, 2) for x, _ in filters.WIDE])
        ]
        shown = 1.0 + (1.0 + numbers[filters.EDGES]) * np.sum(taps, axis=0)
        return turns[np.argmax(np.exp(-2 * np.pi**2 * across_px2 * turns**2) * np.abs(shown) < 0.5)]

    row = found.shape[0] // 2
    sharp, soft = mtf50(wide[0], found[row, 1]), mtf50(wide[-1], found[row, -3])
    assert mtf50(wide[-1], 0.0 * found[row, -3]) < 0.4 * sharp
    assert 0.77 * sharp < soft < sharp
