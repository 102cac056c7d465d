"""What the eye would object to first: ringing edges, turned hues, faded yellows, magenta skies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from anylens import color, darkroom
from anylens.darkroom.stages import Sharpen
from anylens.frame import Frame
from anylens.kernels import tone
from anylens.kernels.sharpen import sharpen
from anylens.sensor import Noise
from tests import spectra
from tests.frames import NEUTRAL, facts, sampled

BUDGET_PERCENT = 6.0
"""How far sharpening may pass the plateaus of an edge, in percent of its step: benchmarks.edges compares it."""


@pytest.mark.parametrize(("dark", "bright"), [(0.15, 0.3), (0.1, 0.4), (0.04, 0.64)])
@pytest.mark.parametrize("look", ["none", "authentic", "vibrant", "mono"])
def test_sharpened_edges_stay_within_their_budget(look: str, dark: float, bright: float) -> None:
    rows, columns = np.indices((192, 192))
    away = ((columns - 95.5) - (rows - 95.5) * np.tan(np.radians(5.0))) * np.cos(np.radians(5.0))
    light = dark + (bright - dark) * ndtr(away / 0.6)
    recipe = darkroom.look(look)
    for setting in ("LocalTone.shadows=0", "LocalTone.highlights=0"):
        recipe = darkroom.adjust(recipe, setting)
    frame = sampled(light * np.array(NEUTRAL)[:, None, None], noise_seed=3)
    rises = []
    for chosen in (recipe, darkroom.adjust(recipe, "Sharpen.amount=0")):
        signal = darkroom.develop(frame, chosen).pixels.mean(0)[24:-24, 24:-24]
        place = np.round(away[24:-24, 24:-24] * 4).astype(int)
        profile = np.array([signal[place == at].mean() for at in range(-64, 65)])
        low, high = profile[:32].mean(), profile[-32:].mean()
        rising = (profile[32:-32] - low) / (high - low)
        assert 100 * max(rising.max() - 1.0, -rising.min()) < BUDGET_PERCENT
        rises.append(np.count_nonzero((rising > 0.1) & (rising < 0.9)))
    assert rises[0] < rises[1], "it does sharpen"


def test_more_of_the_detail_is_given_back_where_denoising_took_more_and_merged_frames_count_as_calm_light() -> None:
    known = replace(facts("RGGB", 64, 64), denoised=2.0)
    calm, noisy = (
        replace(known, sensor=replace(known.sensor, noise=Noise((variance * 1e-4,), (variance * 1e-6,), "sensor")))
        for variance in (1, 16)
    )
    (amount, threshold, overshoot), strong = (Sharpen().plan(each, None) for each in (calm, noisy))
    assert amount < strong[0]
    assert threshold / amount < strong[1] / strong[0], "noise that is left is spared"
    assert overshoot == strong[2]
    assert Sharpen().plan(noisy, np.full((64, 64), 16, np.float32)) == pytest.approx((amount, threshold, overshoot))
    assert Sharpen().plan(replace(noisy, denoised=0.0), None)[0] == Sharpen().amount, "nothing was taken"


@pytest.mark.parametrize("luma", [0.0, 1.0, 1.5, 2.0])
def test_sharpening_spares_noise_however_much_of_it_denoising_left(luma: float) -> None:
    light = np.random.default_rng(7).normal(0.1, np.sqrt(4e-3 * 0.1 + 4e-5), (128, 128))
    known = facts("RGGB", 128, 128, as_shot_neutral=(1.0, 1.0, 1.0))
    known = replace(known, sensor=replace(known.sensor, noise=Noise((4e-3,), (4e-5,), "sensor")))
    frame = Frame(np.clip(256 + light * (4095 - 256), 0, 4095).astype(np.uint16), known)
    recipe = darkroom.adjust(darkroom.default_recipe(), f"Denoise.luma={luma}")
    soft, sharp = (
        darkroom.develop(frame, darkroom.adjust(recipe, f"Sharpen.amount={amount}")).pixels.mean(0)[16:-16, 16:-16]
        for amount in (0.0, 1.3)
    )
    assert sharp.std() < 1.5 * soft.std()


@pytest.mark.parametrize("pure", [(0.0, 0.03, 0.86), (0.8, 0.0, 0.02), (0.0, 0.4, 0.9)])
def test_sharpening_raises_noise_of_pure_colours_no_more_than_that_of_grey(pure: tuple[float, float, float]) -> None:
    noise = 0.004 * np.random.default_rng(5).standard_normal((1, 64, 64)).astype(np.float32)

    def raised(color: tuple[float, float, float]) -> float:
        photo = np.clip(np.array(color, np.float32)[:, None, None] + noise, 0.0, 1.0)
        change = sharpen(photo, 1.5, 0.006, 0.03) - photo
        return float(np.abs(change).max())

    assert raised(pure) < 2.5 * raised((0.5, 0.5, 0.5))


def checker() -> tuple[np.ndarray, np.ndarray]:
    """The ColorChecker under D65: linear Rec. 2020 (3, 24), and Oklab of what sRGB can show of it."""
    light = spectra.daylight(6504.0)
    white = spectra.seen(light, np.ones((1, 33)), spectra.OBSERVER)[:, 0]
    xyz = spectra.seen(light, spectra.COLORCHECKER, spectra.OBSERVER)
    rec2020 = color.xyz_to_rgb("rec2020") @ color.adaptation(white, color.xyz_from_xy(color.D65)) @ xyz
    return rec2020, color.oklab_from_rgb(np.maximum(color.rgb_to_rgb("rec2020", "srgb") @ rec2020, 0.0), "srgb")


def shown(look: str, rec2020: np.ndarray) -> np.ndarray:
    """Linear sRGB (3, n) of colours as the tone of a look renders them."""
    tone = darkroom.look(look).tone
    frame = sampled(np.full((3, 4, 4), 0.2))
    scene = darkroom.develop(frame, until="scene")
    pixels = np.ascontiguousarray(rec2020.reshape(3, 1, -1).astype(np.float32))
    return color.srgb_decode(tone(replace(scene, pixels=pixels, overview=None)).pixels[:, 0])


@pytest.mark.parametrize(
    ("look", "least", "most", "turn"),
    [("none", 0.97, 1.06, 1.2), ("authentic", 0.9, 1.05, 1.2), ("vibrant", 1.1, 1.3, 2.0)],
)
def test_contrast_neither_turns_hues_nor_paints_over(look: str, least: float, most: float, turn: float) -> None:
    rec2020, truth = checker()
    rendered = color.oklab_from_rgb(shown(look, rec2020), "srgb")[:, :18]
    chroma, wanted = (np.hypot(lab[1], lab[2]) for lab in (rendered, truth[:, :18]))
    assert least < np.mean(chroma / wanted) < most
    turned = np.degrees(np.angle((rendered[1] + 1j * rendered[2]) / (truth[1, :18] + 1j * truth[2, :18])))
    assert np.sqrt(np.mean(turned**2)) < turn


def chroma(srgb: np.ndarray) -> np.ndarray:
    """Oklab's chroma over its lightness of linear sRGB, (3, n)."""
    lab = color.oklab_from_rgb(srgb, "srgb")
    return np.asarray(np.hypot(lab[1], lab[2]) / lab[0])


def patch(name: str) -> np.ndarray:
    """A patch of the ColorChecker, (3, 1), of middle grey's luminance."""
    found = checker()[0][:, {"skin": 1, "sky": 2, "wood": 6}[name], None]
    return np.asarray(0.18 * found / (np.array(tone.LUMA) @ found))


def test_a_bright_sky_stays_blue_until_a_stop_below_white() -> None:
    ev = np.linspace(0.0, 5.0, 41)
    sky = patch("sky") * 2.0**ev
    kept = chroma(shown("none", sky[:, ev <= 1.5])) / chroma(shown("none", sky[:, :1]))
    assert kept.min() > 0.85
    kept = chroma(shown("none", sky)) / chroma(shown("none", sky[:, :1]))
    assert kept[-1] < 0.01, "and is white where it is far above it"
    assert np.diff(kept).max() < 0.01, "on its way it never becomes bluer"


def test_vibrant_is_kinder_to_skin_and_wood_than_to_the_sky() -> None:
    to_srgb = color.rgb_to_rgb("rec2020", "srgb")
    richer = {
        name: float(chroma(shown("vibrant", patch(name)))[0] / chroma(to_srgb @ patch(name))[0])
        for name in ("skin", "sky", "wood")
    }
    assert richer["sky"] > 1.2
    assert 1.0 < richer["skin"] < 1.2
    assert 1.0 < richer["wood"] < 1.2


def test_light_purer_than_the_space_is_drawn_in_without_a_contour() -> None:
    green = np.linspace(0.12, -0.12, 241)
    lamp = 0.3 * np.stack([np.full(241, 0.06), green, np.ones(241)])
    codes = 255 * color.srgb_encode(shown("none", lamp))
    bends = np.abs(np.diff(codes, 2)).max(0)
    outside = np.abs(np.diff(codes[:, (green < 0.0) & (green > -0.08)])).max(0)
    assert bends.max() < 1.2
    assert outside.min() > 0.02, "and what lies outside is told apart"


@pytest.mark.parametrize(
    "srgb", [(1.2, 1.05, 0.05), (0.9, 0.02, 0.05), (0.03, 0.1, 0.9), (0.05, 0.8, 0.1), (0.9, 0.05, 0.8)]
)
@pytest.mark.parametrize("look", ["none", "authentic", "vibrant"])
def test_bright_pure_colours_stay_colours(look: str, srgb: tuple[float, float, float]) -> None:
    rec2020 = color.rgb_to_rgb("srgb", "rec2020") @ np.array(srgb)[:, None]
    red, green, blue = shown(look, rec2020)[:, 0]
    assert min(red, green, blue) < 0.3 * max(red, green, blue), "pale"
    assert np.argmax((red, green, blue)) == np.argmax(srgb) or np.ptp([red, green]) < 0.1


@pytest.mark.parametrize(("look", "deepest_ev"), [("none", 5), ("vibrant", 5), ("authentic", 4), ("mono", 4)])
def test_shadows_are_deep_but_not_lost_in_black(look: str, deepest_ev: int) -> None:
    light = 0.18 * 0.5 ** np.arange(deepest_ev, -1.0, -0.5)
    codes = 255 * color.srgb_encode(shown(look, np.tile(light, (3, 1))))[1]
    assert codes[0] > 2.0
    assert np.diff(codes).min() > 1.0


def test_a_sky_that_clips_below_the_stated_white_is_white_even_if_it_fills_the_frame() -> None:
    light = np.tile(np.where(np.arange(256) < 60, 0.05, 4.0), (192, 1))
    frame = sampled(light * np.array(NEUTRAL)[:, None, None], noise_seed=6)
    counts = np.minimum(frame.raw, 3900)
    counts[counts == 3900] += (
        np.random.default_rng(1).integers(-3, 4, np.count_nonzero(counts == 3900)).astype(np.int16).view(np.uint16)
    )
    sky = darkroom.develop(Frame(counts, frame.facts), until="scene").pixels[:, 20:-20, 100:-20].mean((1, 2))
    assert sky.min() > 0.95 * sky.max()
