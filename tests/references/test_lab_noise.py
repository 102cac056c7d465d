"""Photon transfer on flats whose electrons are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anylens.lab import of_image
from anylens.lab.noise import noise
from anylens.lab.report.survey import report
from anylens.lab.steps import step_levels
from anylens.refusal import Refusal
from anylens.sensor import Noise
from tests import flats

ORDINARY = flats.Silicon(prnu=0.008, dsnu_e=1.0, row_e=0.4)


def measured(frames):
    (found,) = noise([of_image(frame, f"{i}.dng") for i, frame in enumerate(frames)])
    return found


@pytest.fixture(scope="module")
def ordinary():
    return measured(flats.series(ORDINARY))


def test_gain_is_found_within_one_per_cent(ordinary) -> None:
    assert ordinary.gain_dn_per_e.value == pytest.approx(0.5, rel=0.01)


def test_read_noise_is_found_within_five_per_cent(ordinary) -> None:
    assert ordinary.read_noise_e.value == pytest.approx(np.hypot(3.0, 0.4), rel=0.05)


def test_errors_say_how_far_off_the_figures_are() -> None:
    off = []
    for seed in range(8):
        found = measured(flats.series(ORDINARY, (128, 128), levels=(0.0, 0.1, 0.3, 0.6), seed=seed))
        off += [(t.gain_dn_per_e.value - 0.5) / t.gain_dn_per_e.error for t in found.transfers]
    assert 0.5 < np.std(off) < 1.6


def test_fixed_pattern_is_told_from_temporal_noise(ordinary) -> None:
    for transfer in ordinary.transfers:
        assert transfer.prnu_percent.value == pytest.approx(0.8, rel=0.05)
        assert transfer.dsnu_e.value == pytest.approx(1.0, rel=0.15)
        assert transfer.outliers_ppm < 100


def test_row_noise_is_told_from_column_noise(ordinary) -> None:
    rows = [t.row_noise_e for t in ordinary.transfers]
    columns = [t.column_noise_e for t in ordinary.transfers]
    assert np.mean([f.value for f in rows]) == pytest.approx(0.4, rel=0.25)
    assert all(f.value < 3.0 * f.error for f in columns)


def test_full_well_is_where_counts_end_or_where_variance_peaks(ordinary) -> None:
    assert ordinary.transfers[0].full_well_e.value == pytest.approx((4095 - 256) / 0.5, rel=0.02)
    early = replace(ORDINARY, full_well_e=5000.0)
    levels = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1)
    found = measured(flats.series(early, levels=levels, corner=0.9))
    assert found.transfers[1].saturation == "variance peaks"
    assert found.transfers[1].full_well_e.value == pytest.approx(5000.0, rel=0.1)
    assert found.gain_dn_per_e.value == pytest.approx(0.5, rel=0.01)


def test_dynamic_range_is_from_where_light_equals_noise_to_where_counts_end(ordinary) -> None:
    dark_e = np.sqrt(3.0**2 + 0.4**2 + 1.0 / 12.0 / 0.5**2)
    least_e = 0.5 + np.sqrt(dark_e**2 + 0.25)  # n electrons whose noise, with that of the dark, is n
    for transfer in ordinary.transfers:
        assert transfer.dynamic_range_ev.value == pytest.approx(np.log2((4095 - 256) / 0.5 / least_e), abs=0.05)


def test_an_honest_noise_profile_is_found_honest(ordinary) -> None:
    assert ordinary.profile.ratio.value == pytest.approx(1.0, abs=0.01)
    assert ordinary.profile.worst.value == pytest.approx(1.0, abs=0.08)


def test_a_noise_profile_that_tells_too_little_is_found_out() -> None:
    honest = ORDINARY.noise()
    told = Noise((honest.scale[0] / 1.1,), (honest.offset[0] / 1.1,), "file")
    surface = flats.falloff(128, 128, 0.8)
    frames = [
        flats.flat(ORDINARY, surface * level, seed, level * 1e-5, noise=told)
        for level in (0, 800, 2000, 4000)
        for seed in (int(level), int(level) + 1)
    ]
    assert measured(frames).profile.ratio.value == pytest.approx(1.1, abs=0.02)


def test_single_frames_of_steps_tell_gain_and_pattern() -> None:
    steps = np.repeat(np.linspace(20.0, 6000.0, 16), 32)[None] * np.ones((512, 1))
    found = measured([flats.flat(ORDINARY, steps, 5)])
    assert found.method == "single"
    assert found.gain_dn_per_e.value == pytest.approx(0.5, rel=0.03)
    assert found.transfers[1].prnu_percent.value == pytest.approx(0.8, rel=0.2)


def test_edges_between_steps_are_no_pattern_of_the_sensor() -> None:
    levels = np.linspace(20.0, 6000.0, 24).reshape(4, 6)
    steps = np.full((512, 700), 900.0)
    steps[23:475, 40:640] = np.repeat(np.repeat(levels, 113, axis=0), 100, axis=1)
    found = measured([flats.flat(ORDINARY, steps, seed) for seed in (5, 6)])
    assert found.method == "pairs"
    for transfer in found.transfers:
        assert transfer.prnu_percent.value == pytest.approx(0.8, rel=0.15)
        assert transfer.dsnu_e.value < 1.0 + 3.0 * transfer.dsnu_e.error < 10.0
        assert transfer.outliers_ppm < 300


def test_rounding_that_hides_the_read_noise_is_said() -> None:
    coarse = flats.Silicon(gain=0.03, read_e=3.0, full_well_e=30000.0, black=64.0, white=1023.0)
    found = measured(flats.series(coarse))
    assert found.transfers[0].rounded
    assert found.gain_dn_per_e.value == pytest.approx(0.03, rel=0.01)


def test_flats_of_one_brightness_are_refused() -> None:
    frames = [flats.flat(ORDINARY, np.full((64, 64), 1000.0), seed, 0.01) for seed in (1, 2)]
    with pytest.raises(Refusal, match=r"from \d+ to \d+ of \d+ counts only"):
        measured(frames)


def test_frames_of_two_sensors_are_refused_by_what_each_is() -> None:
    """Files of two folders may have one name."""
    one, two = (flats.flat(ORDINARY, np.full((side, 64), 1000.0), 1, 0.01) for side in (64, 128))
    with pytest.raises(Refusal, match=r"64 x 64 px.*64 x 128 px|64 x 128 px.*64 x 64 px"):
        noise([of_image(one, "a.dng"), of_image(two, "a.dng")])


def test_clipped_flats_are_refused() -> None:
    frames = [flats.flat(ORDINARY, np.full((64, 64), 9000.0), seed, 0.01) for seed in (1, 2)]
    with pytest.raises(Refusal, match="clipped"):
        measured(frames)


DEEP = flats.Silicon(full_well_e=9000.0)


def stepped(stops=6.0, colored=False, red=1.0, silicon=DEEP):
    """A raw of 6 x 4 grey patches in equal steps before grey."""
    height, width, columns, rows = 720, 960, 6, 4
    electrons = np.full((height, width), 0.15)
    levels = 0.8 * 2.0 ** -np.linspace(0.0, stops, columns * rows)
    for at, level in enumerate(levels):
        top, left = (at // columns) * height // rows, (at % columns) * width // columns
        patch = (slice(top + 8, top + height // rows - 8), slice(left + 8, left + width // columns - 8))
        electrons[patch] = level
        if colored:
            electrons[patch][::2, ::2] *= 0.5 + at % 2
    electrons[::2, ::2] *= red
    return of_image(flats.flat(silicon, 9000.0 * electrons, 3), "steps.dng")


def test_a_chart_of_grey_steps_is_seen_and_told_from_colours_and_flats():
    levels = step_levels(stepped())
    assert 12 <= len(levels) <= 24
    assert levels[0] / levels[-1] > 16.0
    assert step_levels(stepped(colored=True)) == ()
    assert step_levels(of_image(flats.flat(flats.Silicon(), np.full((360, 480), 4000.0), 1), "flat.dng")) == ()


def test_steps_so_dark_that_counts_round_their_colour_are_grey_still():
    coarse = flats.Silicon(gain=0.02, read_e=6.0, full_well_e=9000.0, black=16.0, white=255.0)
    levels = step_levels(stepped(stops=8.0, red=0.55, silicon=coarse))
    assert len(levels) >= 12
    assert levels[0] / levels[-1] > 100.0


def test_a_report_measures_the_noise_of_grey_steps_by_itself():
    made = report(["steps.dng"], lambda _: stepped())
    assert [section.title for section in made.sections] == ["Noise"]
