"""Edges drawn by formula: is the sharpness that the lab finds the sharpness that they have?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anylens.lab.charts import Edge, find_edges
from anylens.lab.profile import fitted
from anylens.lab.samples import EVERYWHERE, NoChart, Samples
from anylens.lab.sharpness import edge_sharpness, edges_drawn, edges_sharpness
from anylens.refusal import Refusal
from tests import edges

BLURS = {
    "soft": edges.gaussian(0.1),
    "fine": edges.gaussian(0.35),
    "perfect lens": edges.diffraction(0.6),
    "out of focus": edges.defocus(4.0),
    "pixels alone": edges.none,
}
GREEN = ((False, True), (True, False))
RED = ((True, False), (False, False))
QUAD_GREEN = ((False, False, True, True),) * 2 + ((True, True, False, False),) * 2
QUAD_RED = ((True, True, False, False), (True, True, False, False), (False,) * 4, (False,) * 4)


def error(blur, angle, samples, edge):
    found = edge_sharpness(samples, edge)
    true = edges.mtf50(blur, angle + 90.0)
    assert found.mtf50_lpmm is not None
    assert found.mtf50_lpmm.value == pytest.approx(found.mtf50_cpp.value * 1000.0 / 3.2)
    return found.mtf50_cpp.value / true - 1.0, found.mtf50_cpp.error / true


def picture(blur, angle, offset=0.0, size=120, levels=(0.2, 0.8), length=90.0):
    pixels = edges.edge(size, blur, angle, offset, levels)
    return pixels, Edge(*edges.ends(size, angle + 0.3, offset + 0.4, length), 28.0)


@pytest.mark.parametrize("name", BLURS)
def test_mtf50_of_a_clean_edge_is_right_within_one_percent(name):
    blur = BLURS[name]
    found = []
    for angle, offset in ((3.0, 0.1), (12.0, -0.3), (38.0, 0.4), (84.0, 0.2), (141.0, 0.0)):
        pixels, edge = picture(blur, angle, offset)
        found.append(error(blur, angle, Samples(pixels.astype(np.float32), pitch_um=3.2), edge)[0])
    assert abs(np.mean(found)) < 0.005
    assert np.abs(found).max() < 0.01


def test_the_whole_curve_is_right():
    blur = edges.gaussian(0.35)
    pixels, edge = picture(blur, 7.0)
    found = edge_sharpness(Samples(pixels.astype(np.float32)), edge)
    true = edges.response(blur, 97.0)(np.array(found.frequencies_cpp))
    assert np.abs(np.array(found.mtf) - true)[:61].max() < 0.01
    assert found.mtf_nyquist.value == pytest.approx(float(edges.response(blur, 97.0)(np.array(0.5))), abs=0.005)
    assert found.angle_deg == pytest.approx(7.0, abs=0.02)
    assert found.mtf50_lpmm is None
    assert found.place_mm is None


def test_noise_of_three_percent_spreads_it_two_percent_at_most_and_the_error_says_so():
    blur = edges.gaussian(0.3)
    random = np.random.default_rng(4)
    found = []
    for angle in (4.0, 10.0, 21.0, 33.0, 82.0, 118.0):
        pixels, edge = picture(blur, angle, size=200, levels=(0.1, 0.9), length=160.0)
        for _ in range(6):
            noisy = (pixels + random.normal(0.0, 0.03, pixels.shape)).astype(np.float32)
            found.append(error(blur, angle, Samples(noisy, pitch_um=3.2), edge))
    bias, told = np.mean(found, axis=0)
    spread = np.std([each[0] for each in found])
    assert abs(bias) < 0.01
    assert spread < 0.02
    assert 0.7 * spread < told < 1.5 * spread


@pytest.mark.parametrize("sites", [EVERYWHERE, GREEN, QUAD_GREEN], ids=["mono", "Bayer", "quad-Bayer"])
@pytest.mark.parametrize("noise", [0.01, 0.03])
def test_leaning_on_what_blurs_are_like_adds_no_bias_that_stays_in_the_mean_of_many_edges(sites, noise):
    random = np.random.default_rng(6)
    for half in (0.2, 0.35):
        blur, found = edges.gaussian(half), []
        for angle, offset in ((4.0, 0.2), (11.0, -0.3), (33.0, 0.1), (97.0, 0.4)):
            pixels, edge = picture(blur, angle, offset, size=200, length=160.0)
            grain = random.normal(0.0, noise, pixels.shape)
            both = (Samples((pixels + x).astype(np.float32), "G", sites, pitch_um=3.2) for x in (grain, -grain))
            found += [error(blur, angle, samples, edge)[0] for samples in both]
        assert abs(np.mean(found)) < 0.006


@pytest.mark.parametrize("sites", [GREEN, RED, QUAD_RED], ids=["green", "red", "quad red"])
def test_one_colour_of_a_mosaic_is_measured_on_its_own_sites(sites):
    blur = edges.gaussian(0.3)
    for angle in (5.0, 84.0):
        pixels, edge = picture(blur, angle, size=160, length=130.0)
        samples = Samples(pixels.astype(np.float32), "R", sites, pitch_um=3.2)
        others = ~samples.sampled(slice(0, 160), slice(0, 160))
        mosaic = np.where(others, 0.9 * pixels[::-1, ::-1], pixels).astype(np.float32)
        off, _ = error(blur, angle, Samples(mosaic, "R", sites, pitch_um=3.2), edge)
        assert abs(off) < 0.012


def test_a_lens_that_bends_the_edge_does_not_blur_it():
    size, blur = 160, edges.gaussian(0.3)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2.0
    angle = np.radians(6.0)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    places, share = edges.profile(blur, 96.0, 1.5 * size)
    bent = 0.2 + 0.6 * np.interp(across - 2.0 * (along / 65.0) ** 2, places, share)
    found = edge_sharpness(Samples(bent.astype(np.float32)), Edge(*edges.ends(size, 6.0, 0.5, 130.0), 24.0))
    assert found.mtf50_cpp.value == pytest.approx(edges.mtf50(blur, 96.0), rel=0.01)
    assert found.bend_px == pytest.approx(2.0, abs=0.05)


def test_uneven_light_does_not_change_it():
    blur = edges.gaussian(0.3)
    pixels, edge = picture(blur, 8.0)
    y, x = np.mgrid[:120, :120] / 119.0 - 0.5
    shaded = pixels * (1.0 + 0.15 * x + 0.15 * y)
    off, _ = error(blur, 8.0, Samples(shaded.astype(np.float32), pitch_um=3.2), edge)
    assert abs(off) < 0.01


def test_light_thrown_to_one_side_is_no_uneven_light_where_that_is_known_to_be_even():
    def comet(f):
        return 0.7 * edges.gaussian(0.2)(f) + 0.3 * edges.gaussian(0.02)(f) * np.exp(-2j * np.pi * f * 8.0)

    pixels = edges.edge(160, comet, 8.0, 0.0, (0.2, 0.8))
    edge = Edge(*edges.ends(160, 8.0, 0.0, 90.0), 48.0)
    found = edge_sharpness(Samples(pixels.astype(np.float32)), edge, shaded=False)
    assert found.mtf50_cpp.value == pytest.approx(edges.mtf50(comet, 98.0), rel=0.02)


def test_the_direction_is_told_by_the_field():
    blur = edges.gaussian(0.3)
    pixels, edge = picture(blur, 95.0)
    right = Samples(pixels.astype(np.float32), pitch_um=2.0, centre_px=(-500.0, 60.0))
    found = edge_sharpness(right, edge)
    assert found.direction == "tangential"
    assert found.place_mm is not None
    assert found.place_mm[0] == pytest.approx((found.place_px[0] + 500.0) * 0.002)
    below = Samples(pixels.astype(np.float32), centre_px=(60.0, -500.0))
    assert edge_sharpness(below, edge).direction == "sagittal"


def test_squares_are_found_and_measured_by_themselves():
    blur = edges.gaussian(0.3)
    random = np.random.default_rng(1)
    pixels = edges.square(260, blur, 6.0, 120.0, (130.2, 128.7)) + random.normal(0.0, 0.01, (260, 260))
    samples = Samples(pixels.astype(np.float32))
    found = edges_sharpness(samples)
    assert len(found.edges) == 4
    assert sorted(round(edge.angle_deg) for edge in found.edges) == [6, 6, 96, 96]
    for edge in found.edges:
        assert edge.mtf50_cpp.value == pytest.approx(edges.mtf50(blur, 6.0), rel=0.03)
    seen = edges_drawn(samples, found)
    assert seen.shape == (260, 260, 3)
    assert (seen[:, :, 1].astype(int) - seen[:, :, 0] > 60).sum() > 500


def test_edges_beside_each_other_are_alike_in_a_chart_and_not_where_things_are_soft_themselves():
    def squares(*halves):
        drawn = [edges.square(200, edges.gaussian(half), 6.0, 110.0, (99.5, 99.5)) for half in halves]
        return edges_sharpness(Samples(np.hstack(drawn).astype(np.float32)))

    assert squares(0.3, 0.3).unlike() == pytest.approx(1.0, abs=0.05)
    soft = squares(0.08, 0.12, 0.3)
    few = replace(soft, edges=tuple(each for each in soft.edges if each.angle_deg > 90.0)[::2])
    assert len(few.edges) == 3
    assert few.unlike() > 1.3
    assert replace(few, edges=few.edges[:1]).unlike() == 1.0


def test_a_picture_without_edges_is_refused_with_a_picture_of_it():
    random = np.random.default_rng(2)
    samples = Samples(random.normal(0.4, 0.02, (200, 300)).astype(np.float32))
    with pytest.raises(NoChart, match="300 x 200 px") as refusal:
        find_edges(samples)
    assert refusal.value.seen.shape == (200, 300, 3)


def wrong(name):
    blur = edges.gaussian(0.3)
    pixels, edge = picture(blur, 8.0)
    random = np.random.default_rng(3)
    if name == "clipped":
        pixels = np.minimum(pixels * 1.5, 1.0)
    elif name == "faint":
        pixels = 0.5 + 0.03 * pixels
    elif name == "noisy":
        pixels = 0.5 * pixels + random.normal(0.0, 0.15, pixels.shape)
    elif name == "not slanted":
        pixels, edge = edges.edge(120, blur, 90.0), Edge((59.5, 15.0), (59.5, 105.0), 28.0)
    elif name == "not one straight step":
        pixels[50:62, 52:68] += 0.2
    elif name == "no plain step":
        y, x = np.mgrid[:120, :120] - 59.5
        away = y * np.cos(np.radians(8.0)) - x * np.sin(np.radians(8.0))
        pixels = pixels + 0.6 * np.exp(-0.5 * (away / 1.2) ** 2)
        pixels = 0.7 * pixels
    elif name == "too small" or name == "outside":
        edge = Edge((1000.0, 10.0), (1004.0, 50.0), 10.0) if name == "outside" else Edge((50, 50), (55, 60), 10.0)
    return Samples(pixels.astype(np.float32)), edge


WHY = {
    "clipped": "clipped in",
    "faint": "too faint",
    "noisy": "too noisy",
    "not slanted": "not slanted",
    "not one straight step": "not one straight step",
    "no plain step": "a line runs along it",
    "too small": "to itself",
    "outside": "outside the picture",
}


@pytest.mark.parametrize("name", WHY)
def test_an_edge_that_cannot_be_trusted_is_told_as_such(name):
    samples, edge = wrong(name)
    with pytest.raises(Refusal, match=WHY[name]):
        edge_sharpness(samples, edge)


def test_samples_of_one_side_alone_are_refused():
    rng = np.random.default_rng(5)
    y, x = rng.uniform(0.5, 12.0, 2000), rng.uniform(-40.0, 40.0, 2000)
    with pytest.raises(Refusal, match="one of its sides"):
        fitted((x, y), 0.2 + 0.01 * rng.standard_normal(2000), ((-40.0, 0.0), (40.0, 0.0)), 12.0, None, True)


def test_a_picture_full_of_edges_is_searched_in_all_its_parts_and_not_to_the_end():
    y, x = np.mgrid[:900, :1200].astype(np.float32)
    u, v = x + 0.08 * y, y - 0.08 * x
    light = 0.5 + 0.3 * np.clip(9.0 * np.sin(u * np.pi / 40.0) * np.sin(v * np.pi / 40.0), -1.0, 1.0)
    found, _, left = find_edges(Samples(light.astype(np.float32)))
    assert len(found) == 256
    assert left > 0
    places = np.array([np.add(edge.start_px, edge.end_px) / 2.0 for edge in found])
    counts, _, _ = np.histogram2d(*places.T, bins=(4, 3), range=((0, 1200), (0, 900)))
    assert counts.min() >= 10
