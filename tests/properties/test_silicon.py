"""The twin's silicon counts as its parameters say, and its own noise profile foretells what is measured."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from anylens.refusal import Refusal
from anylens.twin.hand import tremor
from anylens.twin.silicon import Chip, Exposure, Silicon, silicon, silicons
from anylens.twin.silicon.chip import acceptance
from anylens.twin.silicon.sampling import Sampling
from anylens.twin.spectra import Flicker
from tests.twin_light import LightByHand, by_hand, even

EXPOSURE_S = 0.01


def piece(name: str = "imx989_12mp_binned", width: int = 512, height: int = 256, **changes: object) -> Silicon:
    return dataclasses.replace(silicon(name).piece(width, height), **changes)


def counts(
    chip: Chip, light: LightByHand, gain: float = 1.0, exposure_s: float = EXPOSURE_S, **asked: object
) -> np.ndarray:
    return chip.expose(light, Exposure(exposure_s, gain, **asked)).raw


def pair(chip: Chip, light: LightByHand, gain: float) -> tuple[np.ndarray, np.ndarray]:
    first, second = (counts(chip, light, gain, index=index).astype(np.float64) for index in (1, 2))
    return first, second


@pytest.mark.parametrize("name", list(silicons()))
@pytest.mark.parametrize("gain", [1.0, 8.0, 64.0])
def test_the_noise_profile_foretells_the_variance_of_pairs_of_flats(name: str, gain: float) -> None:
    """Within 3 %, from near black to near white, as the difference of two flats shows it (EMVA 1288)."""
    sensor = silicon(name).piece(1024, 512)
    chip = Chip(sensor)
    profile = sensor.noise(gain, EXPOSURE_S)
    span = sensor.white - sensor.black
    for level in (0.03, 0.2, 0.7):
        light = even(sensor, level * sensor.full_well_e / gain / EXPOSURE_S)
        first, second = pair(chip, light, gain)
        x = (0.5 * (first.mean() + second.mean()) - sensor.black) / span
        foretold = (profile.scale[0] * x + profile.offset[0]) * span**2
        measured = 0.5 * np.var(first - second)
        assert measured == pytest.approx(foretold, rel=0.03)


@pytest.mark.parametrize("gain", [1.0, 16.0])
def test_photon_transfer_finds_the_gain_that_was_set(gain: float) -> None:
    sensor = piece(width=1024, height=512)
    chip = Chip(sensor)
    points = []
    for level in (0.1, 0.3, 0.5, 0.7):
        first, second = pair(chip, even(sensor, level * sensor.full_well_e / gain / EXPOSURE_S), gain)
        points.append((first.mean() - sensor.black, 0.5 * np.var(first - second)))
    (slope, _) = np.polyfit(*np.array(points).T, 1)
    assert slope == pytest.approx(sensor.converted(gain), rel=0.02)


def test_the_mean_follows_light_and_gain_and_stops_at_white() -> None:
    sensor = piece(prnu=0.0, dark_e_per_s=0.0, telegraph_share=0.0, hot_share=0.0, dead_share=0.0)
    chip = Chip(sensor)
    for gain in (1.0, 2.0, 10.0):
        raw = counts(chip, even(sensor, 1e5), gain)
        assert raw.mean() == pytest.approx(sensor.black + 1000.0 * sensor.dn_per_e * gain, abs=0.15 * gain)
    assert set(np.unique(counts(chip, even(sensor, 1e9)))) == {sensor.white}


def test_few_electrons_are_counted_by_poisson() -> None:
    """With a gain so high that every electron is 40 counts, skewness and share of zeros are those of Poisson."""
    sensor = piece(
        bits=14, white=16383, read_noise_e=0.05, read_noise_high_e=0.05, row_noise_e=0.0, column_e=0.0, dsnu_e=0.0,
        prnu=0.0, dark_e_per_s=0.0, telegraph_share=0.0, hot_share=0.0, dead_share=0.0, dn_per_e=40.0,
    )  # fmt: skip
    raw = counts(Chip(sensor), even(sensor, 300.0))
    electrons = np.rint((raw.astype(np.float64) - sensor.black) / 40.0)
    assert electrons.mean() == pytest.approx(3.0, abs=0.02)
    assert electrons.var() == pytest.approx(3.0, rel=0.02)
    assert (electrons == 0).mean() == pytest.approx(np.exp(-3.0), rel=0.03)
    assert ((electrons - 3.0) ** 3).mean() == pytest.approx(3.0, rel=0.06)


def test_between_poisson_and_gauss_there_is_no_step() -> None:
    sensor = piece(prnu=0.0)
    chip = Chip(sensor)
    for electrons in (15.0, 17.0):
        first, second = pair(chip, even(sensor, electrons / EXPOSURE_S), 64.0)
        foretold = sensor.noise(64.0, EXPOSURE_S)
        span = sensor.white - sensor.black
        x = electrons * sensor.converted(64.0) / span
        assert 0.5 * np.var(first - second) == pytest.approx(
            (foretold.scale[0] * x + foretold.offset[0]) * span**2, rel=0.03
        )


def test_frames_are_the_same_for_the_same_seed_whatever_the_threads() -> None:
    sensor = piece()
    light = even(sensor, (2e5, 3e5, 2.5e5))
    one, two = Chip(sensor, threads=1), Chip(sensor, threads=2)
    for hand in (None, tremor(3)):
        asked = {"gain": 8.0, "seed": 5, "index": 2, "hand": hand}
        assert np.array_equal(counts(one, light, **asked), counts(two, light, **asked))
        for other in ({"seed": 6}, {"index": 3}):
            assert not np.array_equal(counts(one, light, **asked), counts(one, light, **asked | other))


def test_live_frames_are_as_noisy_as_others_and_as_certain() -> None:
    sensor = piece()
    chip = Chip(sensor)
    light = even(sensor, 5e5)
    first, second = (counts(chip, light, 4.0, index=i, quick=True).astype(float) for i in (1, 2))
    again = counts(Chip(sensor, threads=1), light, 4.0, index=1, quick=True)
    assert np.array_equal(first, again)
    profile, span = sensor.noise(4.0, EXPOSURE_S), sensor.white - sensor.black
    x = (first.mean() - sensor.black) / span
    assert 0.5 * np.var(first - second) == pytest.approx((profile.scale[0] * x + profile.offset[0]) * span**2, rel=0.03)


def test_the_fixed_pattern_stays_with_its_copy() -> None:
    sensor = piece(prnu=0.05)
    light = even(sensor, 1e6)
    means = [
        np.mean([counts(Chip(sensor, copy), light, index=index) for index in span], axis=0)
        for copy, span in ((1, range(6)), (1, range(6, 12)), (2, range(6)))
    ]
    alike = np.corrcoef(means[0].ravel(), means[1].ravel())[0, 1]
    other = np.corrcoef(means[0].ravel(), means[2].ravel())[0, 1]
    assert alike > 0.95
    assert abs(other) < 0.02
    assert np.std(means[0]) / (means[0].mean() - sensor.black) == pytest.approx(0.05, rel=0.05)


def test_dark_current_grows_with_time_and_warmth() -> None:
    sensor = piece(hot_share=0.0, telegraph_share=0.0)
    chip = Chip(sensor)
    light = even(sensor, 0.0)
    dark = [
        (counts(chip, light, 16.0, temperature_c=warmth, exposure_s=seconds).mean() - sensor.black)
        / sensor.converted(16.0)
        for seconds, warmth in ((1.0, 25.0), (10.0, 25.0), (10.0, 25.0 + sensor.dark_doubling_c))
    ]
    assert dark == pytest.approx([4.0, 40.0, 80.0], rel=0.05)


def test_hot_dead_and_telegraph_pixels_are_as_many_as_said() -> None:
    sensor = piece(hot_share=1e-3, dead_share=1e-3, telegraph_share=1e-3, telegraph_e=200.0, prnu=0.0)
    chip = Chip(sensor)
    pixels = sensor.width_px * sensor.height_px
    dark = counts(chip, even(sensor, 0.0), exposure_s=1.0)
    assert 0.5e-3 < (dark > sensor.black + 3).mean() < 2.5e-3
    bright = counts(chip, even(sensor, 2e6))
    assert 0.5 < (bright < sensor.black + 50).sum() / (1e-3 * pixels) < 1.5
    apart = np.abs(np.diff([counts(chip, even(sensor, 0.0), 8.0, index=i).astype(int) for i in (1, 2)], axis=0))
    assert (apart > 20).mean() == pytest.approx(0.5 * 1e-3 * np.exp(-20 / (sensor.converted(8.0) * 200.0)), rel=0.5)


def test_a_turned_camera_sees_the_picture_moved_the_other_way() -> None:
    """Turning right by 10 pixels' worth, the picture lies 10 pixels further left; up, 10 pixels further down."""
    sensor = piece(width=128, height=128, read_noise_e=0.0, read_noise_high_e=0.0)
    margin = 16
    rates = np.full((3, 160, 160), 1e4, np.float32)
    rates[:, margin + 60 : margin + 64, margin + 60 : margin + 64] = 2e6
    light = LightByHand((by_hand(rates),), margin, sensor.pitch_um)
    angle = 10 * sensor.pitch_um / 1000.0 / 50.0
    places = {}
    for name, pose in (("still", (0, 0)), ("right", (0, angle)), ("up", (angle, 0))):
        hand = lambda time_s, pose=pose: np.tile([*pose, 0.0, 0.0, 0.0, 0.0], (len(np.atleast_1d(time_s)), 1))  # noqa: E731
        raw = counts(Chip(sensor), light, hand=hand, scale_mm=50.0).astype(float) - sensor.black
        lit = raw > 0.5 * raw.max()
        places[name] = np.argwhere(lit).mean(axis=0)
    assert places["right"] - places["still"] == pytest.approx([0, -10], abs=0.6)
    assert places["up"] - places["still"] == pytest.approx([10, 0], abs=0.6)


def test_a_picture_moved_by_half_a_pixel_keeps_its_fine_detail() -> None:
    """Bars of a third of a cycle a pixel keep nine tenths of their contrast, in the colour that is seen there."""
    sensor = piece(width=256, height=64, prnu=0.0)
    margin = 16
    wave = 1.0 + 0.8 * np.cos(2.0 * np.pi * np.arange(256 + 2 * margin) / 3.0)
    light = LightByHand((by_hand(np.tile((4e5 * wave).astype(np.float32), (3, 96, 1))),), margin, sensor.pitch_um)
    contrast = []
    for pixels in (0.0, 0.5):
        pose = [0, pixels * sensor.pitch_um / 1000.0 / 50.0, 0, 0, 0, 0]
        hand = lambda time_s, pose=pose: np.tile(pose, (len(np.atleast_1d(time_s)), 1))  # noqa: E731
        raw = counts(Chip(sensor), light, hand=hand, scale_mm=50.0)[::2].astype(float)
        green = raw[:, 1::2].mean(axis=0)[:126]
        contrast.append(np.abs(green @ np.exp(-4j * np.pi * np.arange(126) / 3.0)))
    assert contrast[1] > 0.9 * contrast[0]


def test_near_things_move_more_than_far_ones_when_the_camera_shifts() -> None:
    """Shifted 1 mm right before a lens of 50 mm, what is 1 m away lies 50 um further left, what is far stays."""
    sensor = piece(width=128, height=128)
    margin, sides = 24, 128 + 48
    ground = np.full((3, sides, sides), 1e4, np.float32)
    ground[:, margin + 20 : margin + 24] = 1e6
    cover = np.zeros((sides, sides), np.float32)
    cover[margin + 60 : margin + 64, margin + 60 : margin + 64] = 1.0
    light = LightByHand(
        (by_hand(ground), by_hand(2e6 * np.stack([cover] * 3), cover, None, 1.0)), margin, sensor.pitch_um
    )
    places = []
    for x_mm in (0.0, 1.0):
        hand = lambda time_s, x_mm=x_mm: np.tile([0, 0, 0, x_mm, 0, 0.0], (len(np.atleast_1d(time_s)), 1))  # noqa: E731
        raw = counts(Chip(sensor), light, hand=hand, scale_mm=50.0, distance_m=1e6).astype(float)
        assert raw[21:23].mean() > 200, "the far line stays"
        places.append(np.argwhere(raw[40:] > 400).mean(axis=0))
    assert places[1] - places[0] == pytest.approx([0.0, -50.0 / sensor.pitch_um], abs=0.6)


def test_a_hand_that_holds_still_gives_the_same_frame_as_a_tripod() -> None:
    sensor = piece(width=128, height=128)
    rates = np.random.default_rng(1).uniform(1e5, 1e6, (3, 160, 160)).astype(np.float32)
    light = LightByHand((by_hand(rates),), 16, sensor.pitch_um)
    chip = Chip(sensor)
    still = counts(chip, light, index=1).astype(int)
    held = counts(chip, light, index=1, hand=tremor(1, 0.0)).astype(int)
    assert np.abs(still - held).max() <= 1


def test_rows_of_a_rolling_shutter_see_moving_things_one_after_the_other() -> None:
    """A bar that moves right while rows are read leans: its slope is its speed times the time of a line."""
    sensor = piece(width=256, height=256, line_us=50.0)
    margin = 32
    sides = 256 + 2 * margin
    ground = np.full((3, sides, sides), 1e4, np.float32)
    bar = np.zeros((3, sides, sides), np.float32)
    cover = np.zeros((sides, sides), np.float32)
    cover[:, margin + 100 : margin + 110] = 1.0
    bar[:] = 1e7 * cover
    speed_mm_s = 16 * sensor.pitch_um / 1000.0 / (256 * 50e-6)
    light = LightByHand(
        (by_hand(ground), by_hand(bar, cover, lambda t: (speed_mm_s * t, 0.0))), margin, sensor.pitch_um
    )
    raw = counts(Chip(sensor), light, exposure_s=2e-4).astype(float) - sensor.black
    columns = np.arange(256)
    middle = [(row * columns).sum() / row.sum() for row in np.clip(raw - 20.0, 0.0, None)[1::2, :]]
    slope = np.polyfit(np.arange(1, 256, 2), middle, 1)[0]
    assert slope == pytest.approx(16 / 256, rel=0.1)


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("hand", [None, tremor(1, 1e-9)], ids=["tripod", "held"])
def test_an_edge_that_moves_becomes_a_ramp_as_wide_as_its_way(hand: object, quick: bool) -> None:
    """What moves evenly by 12 pixels hides each place for a time that falls evenly over these 12."""
    sensor = piece(width=96, height=64, line_us=0.0)
    margin, exposure_s, way_px = 16, 0.01, 12.0
    ground = np.ones((3, 64 + 2 * margin, 96 + 2 * margin), np.float32)
    cover = np.zeros(ground.shape[1:], np.float32)
    cover[:, : margin + 40] = 1.0
    speed_mm_s = way_px / exposure_s * sensor.pitch_um / 1000.0
    board = by_hand(3.0 * np.stack([cover] * 3), cover, lambda t: (speed_mm_s * t, 0.0))
    light = LightByHand((by_hand(ground), board), margin, sensor.pitch_um)
    exposure = Exposure(exposure_s, hand=hand, quick=quick)
    share = (Sampling(light, sensor, exposure, light.layers).rows(0, 64, 96).mean(axis=0) - 1.0) / 2.0
    assert share == pytest.approx(np.clip((39.5 + way_px - np.arange(96)) / way_px, 0.0, 1.0), abs=0.02)


@pytest.mark.parametrize("hand", [None, tremor(3)])
@pytest.mark.parametrize("corner", [(0, 50), (60, 46)], ids=["at the border", "inside"])
def test_what_a_layer_leaves_dark_changes_nothing(hand: object, corner: tuple[int, int]) -> None:
    """A square that crosses a pattern looks alike whether the rest of its layer is dark or all but dark."""
    sensor = piece(width=160, height=128)
    margin = 16
    rng = np.random.default_rng(5)
    ground = rng.uniform(1e5, 1e6, (3, 128 + 2 * margin, 160 + 2 * margin)).astype(np.float32)
    cover = np.zeros(ground.shape[1:], np.float32)
    cover[corner[0] : corner[0] + 40, corner[1] : corner[1] + 30] = rng.uniform(0.2, 1.0, (40, 30))
    seen = []
    for least in (0.0, 1e-9):
        square = by_hand(8e5 * np.stack([cover] * 3), np.maximum(cover, least), lambda t: (3.0 * t, -1.0 * t), 2.0)
        light = LightByHand((by_hand(ground), square), margin, sensor.pitch_um)
        seen.append(counts(Chip(sensor), light, hand=hand, distance_m=5.0, start_s=0.01).astype(int))
    assert np.abs(seen[1] - seen[0]).max() <= 1


def test_flicker_draws_bands_of_its_frequency() -> None:
    sensor = piece(width=64, height=512, line_us=50.0, prnu=0.0)
    light = even(sensor, 4e6, flicker=Flicker(100.0, 0.4))
    rows = counts(Chip(sensor), light, exposure_s=1e-3).mean(axis=1) - sensor.black
    strength = np.abs(np.fft.rfft(rows - rows.mean()))
    hertz = np.fft.rfftfreq(len(rows), 50e-6)
    assert hertz[np.argmax(strength)] == pytest.approx(100.0, abs=40.0)


def test_a_crop_is_a_piece_of_the_same_pattern() -> None:
    sensor = piece(prnu=0.05)
    chip = Chip(sensor)
    light = even(sensor, 1e6)
    crop = (64, 128, 192, 384)
    whole = np.mean([counts(chip, light, index=i) for i in range(4)], axis=0)
    cut = np.mean([counts(chip, light, index=i, crop=crop) for i in range(4)], axis=0)
    assert cut.shape == (128, 256)
    assert np.corrcoef(whole[64:192, 128:384].ravel(), cut.ravel())[0, 1] > 0.9


def test_micro_lenses_keep_all_light_on_their_design_and_lose_red_first() -> None:
    sensor = silicon("imx989_12mp_binned")
    radius = np.array([0.0, 4.0, sensor.half_diagonal_mm])
    as_designed = acceptance(sensor, sensor.design_chief_ray_deg * radius / sensor.half_diagonal_mm, radius)
    assert as_designed == pytest.approx(np.ones((3, 3)))
    red, green, blue = acceptance(sensor, np.full(3, 9.0), radius)[:, 2]
    assert 0.5 < red < green < blue < 1.0


def test_iso_is_the_saturation_speed() -> None:
    for name in silicons():
        sensor = silicon(name)
        lux_s = sensor.full_well_e / (11260.0 * 0.20 * sensor.pitch_um**2)
        assert sensor.lowest_iso == pytest.approx(78.0 / lux_s, rel=0.13)


def test_joined_pixels_hold_more_and_are_less_noisy_for_their_light() -> None:
    single = silicon("imx989_50mp")
    joined = single.joined(2, 4096, 3072)
    binned = silicon("imx989_12mp_binned")
    assert joined.full_well_e == binned.full_well_e
    assert joined.read_noise_e == binned.read_noise_e
    assert joined.size_mm == binned.size_mm


def test_a_second_conversion_gain_reads_with_less_noise_from_its_gain_on() -> None:
    dual, single = silicon("full_frame_24mp"), silicon("imx477")
    before, after = dual.read_noise(0.99 * dual.second_gain), dual.read_noise(dual.second_gain)
    assert before == dual.read_noise(1.0)
    assert after == dual.read_noise(dual.most_gain)
    assert after < 0.7 * before
    falling = [single.read_noise(gain) for gain in (1.0, 2.0, 4.0, 8.0, 16.0)]
    assert falling == sorted(falling, reverse=True)


def test_pieces_that_cannot_be_are_refused() -> None:
    with pytest.raises(Refusal, match="does not lie within"):
        silicon("imx477").piece(5000, 100)
    with pytest.raises(Refusal, match="multiples of 8"):
        silicon("imx989_50mp").piece(100, 100)
    with pytest.raises(Refusal, match="imx989_50mp"):
        silicon("imx999")
