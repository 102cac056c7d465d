"""A simulated lens's passport, made from simulated views of a chart and flats: the truth lies within the errors."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from anylens.lab.calibrate import Pictures, calibrate
from anylens.lab.calibrate_chart import chart_fit
from anylens.lab.calibrate_files import Given, Seen
from anylens.lab.calibrate_views import ChartView
from anylens.lab.grids import Grid
from anylens.lab.specimen import Plane, Specimen
from anylens.lens import Lens
from anylens.refusal import Refusal

WIDTH, HEIGHT, FOCAL = 1200, 900, 1500.0
CENTRE = (612.0, 441.0)
K, P = (-0.12, 0.05, -0.02), (0.0008, -0.0005)
NOISE_PX = 0.05


def turned(x, y, z):
    """A rotation about the three axes, one after the other, degrees."""
    (a, b, c), s = np.radians([x, y, z]), np.eye(3)
    for i, j, angle in ((1, 2, a), (0, 2, b), (0, 1, c)):
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        s = turn @ s
    return s


def bent(plain):
    """Distortion of this test's own."""
    x, y = plain
    r2 = x**2 + y**2
    g = 1 + K[0] * r2 + K[1] * r2**2 + K[2] * r2**3
    return (
        x * g + 2 * P[0] * x * y + P[1] * (r2 + 2 * x * x),
        y * g + P[0] * (r2 + 2 * y * y) + 2 * P[1] * x * y,
    )


def views(rng, count=6, bow=0.0, tilt=25.0, noise=NOISE_PX, columns=12, rows=9, sway_px=0.0):
    """Charts from all sides, seen by a lens whose numbers are known."""
    j, i = np.mgrid[:rows, :columns]
    chart = np.stack([i.ravel(), j.ravel()], axis=1).astype(float)
    flat = (chart - chart.mean(axis=0)) / columns
    grids = []
    while len(grids) < count:
        turn = turned(*rng.uniform(-tilt, tilt, 2), rng.uniform(-20, 20))
        at = np.array([*rng.uniform(-0.18, 0.18, 2), rng.uniform(1.25, 1.6)])
        place = np.column_stack([flat, bow * 4 * flat[:, 0] ** 2]) @ turn.T + at
        x, y = bent((place[:, 0] / place[:, 2], place[:, 1] / place[:, 2]))
        seen = np.column_stack([CENTRE[0] + FOCAL * x, CENTRE[1] + FOCAL * y])
        seen += noise * rng.standard_normal(seen.shape)
        if sway_px:
            seen += (seen[:, 1:] / HEIGHT - 0.5) * rng.uniform(-sway_px, sway_px, 2)
        inside = (seen > 5).all(axis=1) & (seen < (WIDTH - 5, HEIGHT - 5)).all(axis=1)
        if inside.sum() > 40:
            grids.append(Grid("charuco", "G", seen[inside], np.full(int(inside.sum()), noise), chart[inside]))
    return grids


def test_the_truth_lies_within_two_standard_errors_nineteen_times_of_twenty() -> None:
    truth = np.array([FOCAL, *CENTRE, *K, *P])
    away = []
    for seed in range(25):
        fit = chart_fit(views(np.random.default_rng(seed), columns=9, rows=7), WIDTH, HEIGHT)
        figures = (fit.focal_px, *fit.centre_px, *fit.radial, *fit.tangential)
        away.append([(f.value - t) / f.error for f, t in zip(figures, truth, strict=True)])
    share = float((np.abs(away) < 2.0).mean())
    assert 0.90 <= share <= 0.98, share


def test_the_map_comes_back_to_a_tenth_of_a_pixel_over_the_field() -> None:
    fit = chart_fit(views(np.random.default_rng(7), count=12), WIDTH, HEIGHT)
    k1, k2, k3 = (f.value for f in fit.radial)
    r = np.linspace(0.0, 0.5 * np.hypot(WIDTH, HEIGHT) / FOCAL, 40)
    found = fit.focal_px.value * r * (1 + k1 * r**2 + k2 * r**4 + k3 * r**6)
    true = FOCAL * r * (1 + K[0] * r**2 + K[1] * r**4 + K[2] * r**6)
    scale = (found[1:10] @ true[1:10]) / (found[1:10] @ found[1:10])
    assert np.abs(scale * found - true).max() < 0.1
    assert fit.residual_px == pytest.approx(NOISE_PX * np.sqrt(2.0), rel=0.1)


@pytest.mark.parametrize(("radial", "beyond"), [(K, True), ((0.0, 0.0, 0.0), False)])
def test_what_surely_bends_is_believed_a_little_beyond_the_outermost_point(monkeypatch, radial, beyond) -> None:
    monkeypatch.setattr(sys.modules[__name__], "K", radial)
    fit = chart_fit(views(np.random.default_rng(3)), WIDTH, HEIGHT)
    seen = np.hypot(*(fit.ideal_px - [each.value for each in fit.centre_px]).T).max()
    assert (fit.known_px > 1.1 * seen) == beyond
    assert beyond or fit.known_px == pytest.approx(seen)


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_pictures_are_refused(count) -> None:
    with pytest.raises(Refusal, match="3 are the least"):
        chart_fit(views(np.random.default_rng(1), count), WIDTH, HEIGHT)


def test_too_few_corners_are_refused() -> None:
    few = [
        Grid("charuco", "G", each.points_px[:9], each.error_px[:9], each.chart[:9])
        for each in views(np.random.default_rng(1))
    ]
    with pytest.raises(Refusal, match="corners, 12 are the least"):
        chart_fit(few, WIDTH, HEIGHT)


def test_a_bent_chart_is_refused_and_a_flat_one_is_not_suspected() -> None:
    with pytest.raises(Refusal, match="chart is bent"):
        chart_fit(views(np.random.default_rng(2), 8, bow=0.01), WIDTH, HEIGHT)
    flat = chart_fit(views(np.random.default_rng(2), 8), WIDTH, HEIGHT).bend_percent
    assert flat.value < 4.0 * flat.error


def test_what_a_slightly_bowed_chart_tells_is_within_its_errors() -> None:
    r = np.hypot(WIDTH, HEIGHT) / 2.0 / FOCAL
    corner = FOCAL * sum(k * r ** (2 * n + 3) for n, k in enumerate(K))
    away = []
    for seed in range(8):
        fit = chart_fit(views(np.random.default_rng(seed), 8, bow=0.001), WIDTH, HEIGHT)
        assert fit.bowed
        assert fit.residual_px == pytest.approx(NOISE_PX * np.sqrt(2.0), rel=0.1)
        away += [(fit.corner_px.value - corner) / fit.corner_px.error]
        away += [(fit.focal_px.value - FOCAL) / fit.focal_px.error]
    assert np.mean(np.abs(away) < 2.0) > 0.85


@pytest.mark.parametrize(("tilt", "nominal_px"), [(25.0, None), (0.0, FOCAL)])
def test_a_camera_that_moved_while_its_rows_were_read_does_not_bend_the_lens(tilt, nominal_px) -> None:
    r = np.hypot(WIDTH, HEIGHT) / 2.0 / FOCAL
    corner = FOCAL * sum(k * r ** (2 * n + 3) for n, k in enumerate(K))
    away = []
    for seed in range(4):
        fit = chart_fit(views(np.random.default_rng(seed), 8, tilt=tilt, sway_px=2.0), WIDTH, HEIGHT, nominal_px)
        assert 0.5 < fit.sway_px < 3.5
        assert fit.residual_px == pytest.approx(NOISE_PX * np.sqrt(2.0), rel=0.15)
        assert abs(fit.corner_px.value - corner) < 1.0
        away.append((fit.corner_px.value - corner) / fit.corner_px.error)
    assert np.mean(np.abs(away) < 2.0) > 0.8
    still = chart_fit(views(np.random.default_rng(1), 8, tilt=tilt), WIDTH, HEIGHT, nominal_px)
    assert still.sway_px == 0.0


def test_two_lenses_are_not_taken_for_one() -> None:
    grids = views(np.random.default_rng(3), 8)
    other = [
        Grid(g.kind, g.letter, (g.points_px - CENTRE) * (1.0 + 0.2 * (g.points_px[:, :1] / WIDTH) ** 2) + CENTRE,
             g.error_px, g.chart) for g in grids[4:]
    ]  # fmt: skip
    with pytest.raises(Refusal, match=r"do not fit one camera|focal lengths that differ"):
        chart_fit([*grids[:4], *other], WIDTH, HEIGHT)


@pytest.mark.parametrize("longer", [1.03, 1.2])
def test_views_of_two_focal_lengths_are_refused_and_the_odd_one_is_named(longer) -> None:
    grids = views(np.random.default_rng(5), 8)
    odd = replace(grids[6], points_px=(grids[6].points_px - CENTRE) * longer + CENTRE)
    with pytest.raises(Refusal, match="picture 7 of those with a chart"):
        chart_fit([*grids[:6], odd, grids[7]], WIDTH, HEIGHT)
    half = [replace(each, points_px=(each.points_px - CENTRE) * longer + CENTRE) for each in grids[4:]]
    with pytest.raises(Refusal, match="focal lengths that differ by"):
        chart_fit([*grids[:4], *half], WIDTH, HEIGHT)


def test_views_straight_on_need_the_engraved_focal_length() -> None:
    grids = views(np.random.default_rng(4), 6, tilt=0.0)
    with pytest.raises(Refusal, match="look straight at the chart"):
        chart_fit(grids, WIDTH, HEIGHT)
    fit = chart_fit(grids, WIDTH, HEIGHT, nominal_px=1.02 * FOCAL)
    assert fit.focal_px.value == pytest.approx(1.02 * FOCAL, rel=0.05)
    assert fit.residual_px == pytest.approx(NOISE_PX * np.sqrt(2.0), rel=0.1)


def colored_flat(rng, shape=(192, 256), uneven=None):
    """A raw's specimen whose falloff, cast and crooked light are known: it grows by `uneven` % across, or about 1."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(float)
    half = np.hypot(width, height) / 2
    u, v = (x - (width - 1) / 2) / half, (y - (height - 1) / 2) / half
    r2 = u**2 + v**2
    falloff = 1 + FALL[0] * r2 + FALL[1] * r2**2 + FALL[2] * r2**3
    right, down = rng.standard_normal(2) if uneven is None else uneven
    grown = 1 + 0.01 * (right * u + down * v) * half / width
    planes = []
    for letter, top, left, cast in (("R", 0, 0, RED), ("G", 0, 1, (0, 0)), ("G", 1, 0, (0, 0)), ("B", 1, 1, BLUE)):
        mean = 4000 * falloff * grown * (1 + cast[0] * u + cast[1] * r2)
        seen = (rng.poisson(mean) / 8000.0)[top::2, left::2].astype(np.float32)
        planes.append(Plane(letter, seen, np.zeros(seen.shape, bool), top, left, 2, 4095.0))
    return Specimen("flat.dng", "raw", tuple(planes), width, height)


FALL, RED, BLUE = (-0.45, 0.12, -0.04), (0.02, -0.05), (-0.01, 0.03)


def test_a_flats_errors_are_honest_though_its_light_may_grow_to_a_side() -> None:
    radial, casts = [], []
    given = Given(body="test", pitch_um=4.0, f_number=2.0)
    for seed in range(50):
        made = calibrate(Lens("", "test"), given, Pictures([colored_flat(np.random.default_rng(100 + seed))]))
        (falloff,), (color,) = made.passport.vignetting, made.passport.color
        radial += [(a - t) / e for a, t, e in zip(falloff.radial, FALL, falloff.radial_error, strict=True)]
        radial += [a / e for a, e in zip(falloff.centre_mm, falloff.centre_mm_error, strict=True)]
        half = np.hypot(color.half_width_mm, color.half_height_mm)
        u = np.linspace(-1, 1, 17)[None] * color.half_width_mm / half
        v = np.linspace(-1, 1, 13)[:, None] * color.half_height_mm / half
        for values, errors, cast in (
            (color.red_green, color.red_green_error, RED),
            (color.blue_green, color.blue_green_error, BLUE),
        ):
            away = (np.array(values) - (1 + cast[0] * u + cast[1] * (u**2 + v**2))) / np.maximum(errors, 1e-9)
            casts += list(np.delete(away.ravel(), 8 + 17 * 6)[::7])
    assert 0.90 <= np.mean(np.abs(radial) < 2.0) <= 0.98, np.mean(np.abs(radial) < 2.0)
    assert 0.90 <= np.mean(np.abs(casts) < 2.0) <= 0.98, np.mean(np.abs(casts) < 2.0)


def test_what_a_light_grows_to_a_side_is_not_taken_for_a_falloff_off_the_middle() -> None:
    given = Given(body="test", pitch_um=4.0, f_number=2.0)
    specimens = [colored_flat(np.random.default_rng(seed), (768, 1024), (1.2, -0.5)) for seed in range(4)]
    (falloff,) = calibrate(Lens("", "test"), given, Pictures(specimens)).passport.vignetting
    aside = np.hypot(*falloff.centre_mm) / (0.002 * np.hypot(768, 1024))
    assert aside < 0.003  # Of half a diagonal: a fifth of where the light alone would put it.


def test_lateral_colour_comes_back_within_its_errors() -> None:
    reach, pitch = 0.002 * np.hypot(WIDTH, HEIGHT), 0.004
    true = {"red": (4e-4, -2e-4, 1e-4, 3e-4, -2e-4), "blue": (-3e-4, 5e-4, -2e-4, -1e-4, 2e-4)}
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    facts = Seen("c", "raw", WIDTH, HEIGHT, "test", 1e3 * pitch, 4.0, 2.0, None, None)
    away = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        made = []
        for grid in views(rng, columns=9, rows=7):
            others = []
            for c0, c1, c2, x, y in true.values():
                place = (grid.points_px - middle) * pitch
                s2 = (place**2).sum(axis=1, keepdims=True) / reach**2
                shift = place * (c0 + c1 * s2 + c2 * s2**2) + (x, y)
                seen = grid.points_px + shift / pitch + NOISE_PX * rng.standard_normal(place.shape)
                others.append(replace(grid, points_px=seen))
            made.append(ChartView(grid, others[0], others[1], facts))
        (found,) = calibrate(Lens("", "test"), Given(), Pictures(charts=made)).passport.lateral
        for name, numbers in true.items():
            values = (*getattr(found, name), *getattr(found, f"{name}_shift_mm"))
            errors = (*getattr(found, f"{name}_error"), *getattr(found, f"{name}_shift_mm_error"))
            away += [(a - t) / e for a, t, e in zip(values, numbers, errors, strict=True)]
    assert 0.90 <= np.mean(np.abs(away) < 2.0) <= 0.98, np.mean(np.abs(away) < 2.0)


@pytest.mark.parametrize(("engraved_mm", "warned"), [(50.0, False), (85.0, True)])
def test_files_of_another_focal_length_than_the_lens_has_are_said(engraved_mm, warned) -> None:
    facts = Seen("c", "raw", WIDTH, HEIGHT, "test", 4.0, 4.0, 2.0, 51.6, None)
    made = [ChartView(grid, None, None, facts) for grid in views(np.random.default_rng(6))]
    lens = Lens("", "test", (engraved_mm, engraved_mm))
    notes = calibrate(lens, Given(), Pictures(charts=made)).notes
    assert any("focal length of 51.6 mm, which test does not have" in note for note in notes) == warned
