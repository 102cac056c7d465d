"""Charts drawn by formula through a lens that is known: does the lab find the lens?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import erf

from anylens.lab.charts import Edge
from anylens.lab.figure import Figure
from anylens.lab.geometry import distortion, lateral_color
from anylens.lab.grids import find_grid, grid_drawn, measured_again
from anylens.lab.samples import NoChart, Samples
from anylens.lab.sharpness import Sharpness, edge_sharpness
from anylens.lab.through_focus import tilt
from anylens.refusal import Refusal
from tests import edges

CHESSBOARDS = Path(__file__).parents[3] / "shared" / "data" / "lens_chessboard"
HEIGHT, WIDTH, STEP = 270, 360, 26.0
HALF = np.hypot(HEIGHT, WIDTH) / 2.0


def ideal_places(k1, k2, scale=1.0):
    """Ideal places, in px from the middle, of the pixels of a picture through a lens with this distortion."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    x, y = (x - (WIDTH - 1) / 2.0) / HALF / scale, (y - (HEIGHT - 1) / 2.0) / HALF / scale
    u, v = x, y
    for _ in range(30):
        r2 = u * u + v * v
        growth = 1.0 + k1 * r2 + k2 * r2 * r2
        u, v = x / growth, y / growth
    return u * HALF, v * HALF


def chart(kind, k1, k2, scale=1.0, turn=0.02):
    u, v = ideal_places(k1, k2, scale)
    u, v = u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)
    x, y = u - STEP * np.rint(u / STEP), v - STEP * np.rint(v / STEP)
    if kind == "dots":
        dark = 0.5 + 0.5 * erf((0.26 * STEP - np.hypot(x, y)) / (np.sqrt(2.0) * 0.9))
    elif kind == "lines":
        dark = 0.5 + 0.5 * erf((2.0 - np.minimum(np.abs(x), np.abs(y))) / (np.sqrt(2.0) * 0.9))
    else:
        side = [(-1.0) ** np.rint(each / STEP) * erf(near / (np.sqrt(2.0) * 0.9)) for each, near in ((u, x), (v, y))]
        dark = 0.5 + 0.5 * side[0] * side[1]
    return 0.8 - 0.7 * dark


@pytest.mark.parametrize("kind", ["dots", "lines", "chessboard"])
@pytest.mark.parametrize("k1", [-0.06, 0.03])
def test_distortion_is_found_within_a_tenth_of_a_pixel(kind, k1):
    k2 = 0.01
    noise = np.random.default_rng(1).normal(0.0, 0.01, (HEIGHT, WIDTH))
    samples = Samples((chart(kind, k1, k2) + noise).astype(np.float32), pitch_um=3.2)
    grid = find_grid(samples)
    assert grid.kind == kind
    assert len(grid.points_px) >= 80
    found = distortion(samples, [grid])
    middle = np.array([(WIDTH - 1) / 2.0, (HEIGHT - 1) / 2.0])
    there = np.array([(a * 0.9 * middle[0], b * 0.9 * middle[1]) for a in (-1, 0, 1) for b in (-1, 0, 1)])
    r2 = np.sum((there / HALF) ** 2, axis=1, keepdims=True)
    true = middle + there * (1.0 + k1 * r2 + k2 * r2 * r2)
    assert np.hypot(*(found.observed(middle + there) - true).T).max() < 0.1
    assert found.residual_px < 0.05
    assert found.corner_percent.value == pytest.approx(100.0 * (k1 + k2), abs=0.3)
    assert grid_drawn(samples, grid).shape == (HEIGHT, WIDTH, 3)


def test_dots_are_placed_as_well_however_many_pixels_they_take():
    times, k1 = 6, -0.02
    drawn = np.kron(chart("dots", k1, 0.0), np.ones((times, times)))
    noise = np.random.default_rng(3).normal(0.0, 0.02, drawn.shape)
    grid = find_grid(Samples((drawn + noise).astype(np.float32)))
    small = find_grid(Samples(chart("dots", k1, 0.0).astype(np.float32)))
    assert len(grid.points_px) == len(small.points_px)
    away = np.hypot(*((grid.points_px + 0.5) / times - 0.5 - small.points_px[:, None]).T).min(axis=1)
    assert away.max() * times < 0.1


@pytest.mark.parametrize(("kind", "most_px"), [("chessboard", 0.001), ("lines", 0.004)])
def test_corners_stand_where_they_are_though_the_lens_bows_their_edges(kind, most_px):
    k1, turn = -0.06, 0.02
    grid = find_grid(Samples(chart(kind, k1, 0.0, turn=turn).astype(np.float32)))
    assert grid.kind == kind
    seen = (grid.points_px - np.array([(WIDTH - 1) / 2.0, (HEIGHT - 1) / 2.0])) / HALF
    ideal = seen
    for _ in range(30):
        ideal = seen / (1.0 + k1 * np.sum(ideal**2, axis=1, keepdims=True))
    on_chart = ideal @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * HALF / STEP
    beside = on_chart - np.rint(on_chart)
    assert np.sqrt(np.mean(beside**2)) * STEP < most_px


def test_lateral_color_is_found_within_three_hundredths_of_a_pixel_on_a_mosaics_own_sites():
    sites = {"R": ((True, False), (False, False)), "G": ((False, True), (True, False))}
    grown = 1.004
    noise = np.random.default_rng(2).normal(0.0, 0.005, (2, HEIGHT, WIDTH))
    green = Samples((chart("dots", -0.02, 0.0) + noise[0]).astype(np.float32), "G", sites["G"])
    red = Samples((chart("dots", -0.02, 0.0, grown) + noise[1]).astype(np.float32), "R", sites["R"])
    grid = find_grid(green)
    found = lateral_color(green, grid, measured_again(red, grid))
    assert found.letter == "R"
    assert found.corner_px.value == pytest.approx((grown - 1.0) * HALF * 0.98, abs=0.03)
    assert found.corner_px.error < 0.03
    assert np.abs([figure.value for figure in found.constant_px]).max() < 0.03


def edge_at(place, angle=5.0, mtf50=0.3, error=0.003):
    return replace(EDGE, place_px=place, angle_deg=angle, mtf50_cpp=Figure(mtf50, error))


EDGE = edge_sharpness(
    Samples(edges.edge(80, edges.gaussian(0.3), 5.0).astype(np.float32)),
    Edge(*edges.ends(80, 5.0, 0.0, 60.0), 20.0),
)
PLACES = [(x, y) for x in (300.0, 2000.0, 3700.0) for y in (200.0, 1500.0, 2800.0)]


def test_tilt_comes_back_within_its_error():
    samples = Samples(np.zeros((3000, 4000), np.float32), pitch_um=3.2)
    random = np.random.default_rng(5)
    true = (0.08, -0.15)
    off = []
    for _ in range(20):
        readings = []
        for focus in np.linspace(-70.0, 70.0, 15):
            seen = []
            for place in PLACES:
                x, y = samples.millimetres(place)
                best = 4.0 + 1e3 * (np.tan(np.radians(true[1])) * x + np.tan(np.radians(true[0])) * y)
                best += 6.0 * (x * x + y * y) / 64.0
                blur = np.hypot(0.8, (focus - best) / 12.0)
                seen.append(edge_at(place, mtf50=0.25 / blur * (1 + random.normal(0.0, 0.01)), error=0.0025 / blur))
            readings.append((float(focus), Sharpness("G", 3.2, tuple(seen))))
        found = tilt(readings, samples.shape, samples.pitch_um)
        off.append([(f.value - t) / f.error for f, t in zip((found.about_x_deg, found.about_y_deg), true, strict=True)])
    assert 0.5 < np.sqrt(np.mean(np.square(off))) < 1.6
    assert found.about_x_deg.error < 0.01
    assert found.curvature_um.value == pytest.approx(6.0, abs=2.0)


def test_a_bell_that_leans_is_no_tilt():
    """Aberrations blur one side of best focus more than the other, and frames never lie evenly about it."""
    samples = Samples(np.zeros((3000, 4000), np.float32), pitch_um=3.2)
    readings = []
    for focus in np.linspace(-30.0, 40.0, 8):
        seen = []
        for place in PLACES:
            u = (focus - 1e3 * np.tan(np.radians(0.2)) * samples.millimetres(place)[0]) / 12.0
            mtf50 = 0.25 / np.sqrt(1.0 + u**2 * (1.0 - 0.06 * u))
            seen.append(edge_at(place, mtf50=mtf50, error=0.01 * mtf50))
        readings.append((float(focus), Sharpness("G", 3.2, tuple(seen))))
    found = tilt(readings, samples.shape, samples.pitch_um)
    assert found.about_y_deg.value == pytest.approx(0.2, abs=0.004)
    assert found.about_x_deg.value == pytest.approx(0.0, abs=0.004)


def test_tilt_without_frames_on_both_sides_of_focus_is_refused():
    samples = Samples(np.zeros((3000, 4000), np.float32), pitch_um=3.2)
    readings = [
        (focus, Sharpness("G", 3.2, tuple(edge_at(place, mtf50=0.3 - 0.001 * focus) for place in PLACES)))
        for focus in (0.0, 20.0, 40.0, 60.0, 80.0)
    ]
    with pytest.raises(Refusal, match="both sides"):
        tilt(readings, samples.shape, samples.pitch_um)
    with pytest.raises(Refusal, match="pitch"):
        tilt(readings, (30, 40), None)


def test_a_picture_without_a_grid_is_refused_with_a_picture_of_it():
    samples = Samples(np.random.default_rng(6).normal(0.4, 0.02, (150, 200)).astype(np.float32))
    with pytest.raises(NoChart, match="200 x 150 px") as refusal:
        find_grid(samples)
    assert refusal.value.seen.shape == (150, 200, 3)


def test_discs_without_order_are_not_taken_for_corners_one_by_one(monkeypatch):
    """Placing a corner finely takes milliseconds; among discs there are hundreds of saddles."""
    import cv2

    from anylens.lab import grids

    random, light = np.random.default_rng(2), np.full((400, 560), 0.5, np.float32)
    for _ in range(900):
        place, radius = random.integers(0, (560, 400)).tolist(), int(random.pareto(1.5) * 5.0 + 4.0)
        cv2.circle(light, place, min(radius, 80), float(random.uniform(0.05, 0.9)), -1)
    placed = []
    monkeypatch.setattr(grids, "refined", lambda *given: placed.append(given))
    with pytest.raises(NoChart):
        find_grid(Samples(cv2.GaussianBlur(light, (0, 0), 1.0)))
    assert len(placed) < 60


def test_a_board_is_found_up_to_the_border_where_its_outer_markers_are_cut():
    import cv2

    side, cut = 40, 28
    board = cv2.aruco.CharucoBoard((9, 7), 1.0, 0.75, cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_1000))
    whole = board.generateImage((9 * side, 7 * side)).astype(np.float32) / 255.0
    seen = cv2.GaussianBlur(0.1 + 0.7 * whole, (0, 0), 0.9)[cut:-cut, cut:-cut]
    noise = np.random.default_rng(3).normal(0.0, 0.005, seen.shape)
    grid = find_grid(Samples((seen + noise).astype(np.float32)))
    assert grid.kind == "charuco"
    assert len(grid.points_px) == 8 * 6
    true = (grid.chart + 1.0) * side - 0.5 - cut
    assert np.abs(grid.points_px - true).max() < 0.1


def test_real_chessboards_are_found_and_agree_on_one_camera():
    """Five of OpenCV's calibration photos; the board's size is not told."""
    if not CHESSBOARDS.is_dir():
        pytest.skip("the shared photos are not here")
    import cv2

    grids = []
    for name in ("01", "03", "05", "09", "12"):
        grey = cv2.imread(str(CHESSBOARDS / f"left{name}.jpg"), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255.0
        samples = Samples(np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4))
        grids.append(find_grid(samples))
    assert [len(grid.points_px) for grid in grids] == [54] * len(grids)
    found = distortion(samples, grids)
    assert found.residual_px <= 0.21
    assert found.focal_px is not None
    assert found.focal_px.value == pytest.approx(534.0, rel=0.01)


@pytest.mark.skipif(not CHESSBOARDS.is_dir(), reason="the shared photos are not here")
def test_a_board_is_not_taken_for_the_dozen_spots_beside_it():
    """The dark fields and a keyboard's keys in this photo lie like a small grid of dots."""
    import cv2

    grey = cv2.imread(str(CHESSBOARDS / "right13.jpg"), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255.0
    grid = find_grid(Samples(grey**2.2))
    assert (grid.kind, len(grid.points_px)) == ("chessboard", 54)
