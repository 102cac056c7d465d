"""The twin's light is what physics says it is: energy, colour, sharpness, places, flux."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anylens.twin import glass, spectra
from anylens.twin.glass import Mounting
from anylens.twin.light import Formation
from anylens.twin.places import Net
from anylens.twin.scenes import Field, scene
from anylens.twin.spreading import SPREAD_NM
from tests.bent_glass import BentGlass, Silicon, diffraction

DAY = spectra.source("d65")
FAR = Mounting(f_number=2.0, distance_m=1000.0)
SMALL = Silicon(160, 120)


def inner(light, channel=slice(None)):
    """A light's first rates without their margin."""
    m = light.margin_px
    return np.asarray(light.layers[0].rates)[channel, m : -m or None, m : -m or None]


def electrons(reflectance, source, lux, lens, pitch_um):
    """(3,) electrons a second in a pixel on the axis: the integral, written out."""
    photons = (
        source.power * reflectance * lux / math.pi / (6.62607015e-34 * 299792458.0 / (spectra.WAVELENGTH_NM * 1e-9))
    )
    return (spectra.response() * photons).sum(1) * 10.0 * lens.axial_irradiance() * (pitch_um * 1e-6) ** 2


def test_a_lux_of_daylight_is_as_many_photons_as_published():
    visible = spectra.WAVELENGTH_NM <= 700.0
    photons = (DAY.power * spectra.photons_per_joule() * 10.0)[visible].sum() * 1e-12
    assert photons == pytest.approx(11260.0, rel=0.05)


def test_green_counts_the_quoted_part_of_daylight_photons():
    photons = DAY.power * spectra.WAVELENGTH_NM
    assert (spectra.response()[1] * photons).sum() / photons.sum() == pytest.approx(0.20, rel=1e-3)
    assert 0.3 < spectra.response().max() < 0.9


@pytest.mark.parametrize(("name", "x", "y"), [("d65", 0.3127, 0.3290), ("d50", 0.3457, 0.3585), ("a", 0.4476, 0.4074)])
def test_lights_have_their_published_colours(name, x, y):
    white = spectra.source(name).white
    assert white[:2] / white.sum() == pytest.approx((x, y), abs=6e-4)


def test_one_lux_is_one_lux_for_every_light():
    for name in spectra.sources():
        assert spectra.luminous(spectra.source(name).power) == pytest.approx(1.0)


def test_white_is_white_in_the_truth_under_every_light():
    for name in spectra.sources():
        light = spectra.source(name)
        white = spectra.rec2020(light.power[None] * 500.0 / math.pi, light, 500.0)
        assert white == pytest.approx(np.ones((1, 3)), abs=1e-9)


def test_photographs_keep_their_colours_through_spectra():
    basis = spectra.photograph_basis()
    assert basis.sum(0) == pytest.approx(np.ones(33))
    seen = spectra.rec2020(basis * DAY.power / math.pi, DAY, 1.0)
    to_srgb = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    assert seen @ np.transpose(to_srgb) == pytest.approx(np.eye(3), abs=2e-3)


def test_a_white_wall_gives_radiance_times_irradiance_times_efficiency():
    lens = glass.glass("ideal", Mounting(f_number=2.0, distance_m=3.0))
    light = Formation(lens, Mounting(2.0, 3.0), SMALL, DAY, margin_px=8).light(scene("white-wall", lux=800))
    middle = inner(light)[:, 58:62, 78:82].mean((1, 2))
    assert middle == pytest.approx(electrons(0.9, DAY, 800.0, lens, 3.2), rel=2e-3)


def test_the_lens_falls_off_as_its_illumination_says():
    lens = BentGlass(falloff=0.5)
    wall = inner(Formation(lens, FAR, SMALL, DAY, margin_px=4).light(scene("white-wall")))
    corner_mm = np.array([-79.5, -59.5]) * 3.2e-3
    assert wall[1, 0, 0] / wall[1, 60, 80] == pytest.approx(float(lens.illumination(corner_mm)), rel=1e-3)


@pytest.mark.parametrize("light_name", ["d65", "a", "led"])
def test_patches_give_the_integral_of_their_spectrum(light_name):
    source, lens = spectra.source(light_name), BentGlass()
    light = Formation(lens, FAR, Silicon(240, 180, 12.8), source, margin_px=4).light(scene("color-checker", lux=500))
    seen = inner(light)
    for mark in light.truth.facts()["marks"]:
        x, y = np.mean(mark["observed_px"]["G"], axis=0).round().astype(int)
        expected = electrons(spectra.colorchecker()[mark["name"]], source, 500.0, lens, 12.8)
        assert seen[:, y - 2 : y + 3, x - 2 : x + 3].mean((1, 2)) == pytest.approx(expected, rel=5e-3)


def test_the_truth_has_the_colours_of_the_patches():
    light = Formation(BentGlass(), FAR, Silicon(240, 180, 12.8), DAY, margin_px=0).light(scene("color-checker"))
    seen = light.truth.seen()
    for mark in light.truth.facts()["marks"]:
        x, y = np.mean(mark["observed_px"]["G"], axis=0).round().astype(int)
        assert seen[:, y, x] == pytest.approx(mark["rec2020"], abs=1e-5)


def mtf_across(pixels, ends):
    """(cycles a pixel, MTF) across an edge that leans by one pixel in eight rows: eight samples to a pixel, exactly."""
    (x0, y0), (x1, y1) = sorted(ends, key=lambda place: place[1])
    lean = (x1 - x0) / (y1 - y0)
    rows = np.arange(32) + int(0.5 * (y0 + y1)) - 16
    middle = x0 + lean * (rows.mean() - y0)
    columns = np.arange(int(middle) - 40, int(middle) + 40)
    phase = 8 * columns - round(8 * lean) * (rows - rows[0])[:, None]
    phase -= phase.min()
    edge = np.bincount(phase.ravel(), pixels[np.ix_(rows, columns)].ravel()) / np.bincount(phase.ravel())
    step = math.cos(math.atan(1 / 8)) / 8
    line = np.diff(edge[40:-40])
    seen, cycles = np.abs(np.fft.rfft(line)), np.fft.rfftfreq(len(line), step)
    return cycles, seen / seen[0] / np.sinc(cycles * step)


@pytest.mark.parametrize("f_number", [2.0, 4.0])
def test_slanted_edges_have_the_mtf_of_diffraction_and_pixel(f_number):
    mounting = Mounting(f_number, 1000.0)
    lens = glass.glass("ideal", mounting)
    silicon = Silicon(400, 300)
    edges = scene("slanted-edges", columns=2, filled=0.6, angle_deg=math.degrees(math.atan(1 / 8)))
    light = Formation(lens, mounting, silicon, DAY, margin_px=0).light(edges)
    shares = Formation(lens, mounting, silicon, DAY).shares()[1]
    corners = light.truth.facts()["marks"][0]["observed_px"]["G"]
    cycles, seen = mtf_across(np.asarray(light.layers[0].rates[1], np.float64), corners[1:3])
    across, along = cycles * math.cos(math.atan(1 / 8)), cycles * math.sin(math.atan(1 / 8))
    wave = sum(
        share * diffraction(cycles / 3.2e-3, nm, f_number * lens.scale_mm / lens.focal_mm)
        for share, nm in zip(shares, SPREAD_NM, strict=True)
    )
    expected = wave * np.sinc(across) * np.sinc(along)
    below = (cycles > 0.02) & (cycles <= 0.5)
    assert np.abs(seen - expected)[below].max() < 0.015
    half = [np.interp(-0.5, -curve[cycles < 0.6], cycles[cycles < 0.6]) for curve in (seen, expected)]
    assert half[0] == pytest.approx(half[1], rel=0.02)
    assert np.interp(0.5, cycles, seen) == pytest.approx(np.interp(0.5, cycles, expected), rel=0.02)


def test_dots_land_where_the_glass_says_in_each_colour():
    lens = BentGlass(bend=-0.01, colour=2e-3)
    light = Formation(lens, FAR, Silicon(480, 360), DAY, margin_px=0).light(scene("distortion-grid", columns=12))
    shares = Formation(lens, FAR, Silicon(480, 360), DAY).shares()
    dark = 1.0 - np.asarray(light.layers[0].rates, np.float64) / light.layers[0].rates.max((1, 2), keepdims=True)
    for mark in light.truth.facts()["marks"]:
        for channel, share in enumerate(shares):
            places = [part * lens.observed(mark["ideal_mm"][0], nm) for part, nm in zip(share, SPREAD_NM, strict=True)]
            expected = sum(places) / 3.2e-3 + (239.5, 179.5)
            assert mark["observed_px"]["RGB"[channel]][0] == pytest.approx(expected, abs=2e-3)
            x, y = np.rint(expected).astype(int)
            rows, columns = np.arange(y - 15, y + 16), np.arange(x - 15, x + 16)
            if rows[0] < 0 or columns[0] < 0 or rows[-1] > 359 or columns[-1] > 479:
                continue
            spot = dark[channel][np.ix_(rows, columns)]
            found = (spot.sum(0) @ columns / spot.sum(), spot.sum(1) @ rows / spot.sum())
            assert found == pytest.approx(expected, abs=0.02)


def test_stars_keep_their_flux_and_their_places():
    lens = BentGlass(f_number=2.8, bend=-0.002)
    light = Formation(lens, FAR, Silicon(400, 300), DAY, margin_px=64).light(
        scene("star-field", count=5, lux=1e-6), seed=4
    )
    plane = light.truth.planes[0]
    sky = np.asarray(light.layers[0].rates, np.float64)
    ground = electrons(1.0, DAY, 1e-6, lens, 3.2)
    got = (sky - ground[:, None, None]).sum((1, 2))
    pupil_m2 = math.pi * (lens.focal_mm / lens.f_number / 2e3) ** 2
    expected = spectra.response() @ (plane.points.irradiance * spectra.photons_per_joule()).sum(0) * 10.0 * pupil_m2
    assert got == pytest.approx(expected, rel=2e-3)
    for mark in light.truth.facts()["marks"]:
        x, y = np.add(mark["observed_px"]["G"][0], 64)
        rows, columns = np.arange(round(y) - 6, round(y) + 7), np.arange(round(x) - 6, round(x) + 7)
        spot = sky[1][np.ix_(rows, columns)] - ground[1]
        found = (spot.sum(0) @ columns / spot.sum(), spot.sum(1) @ rows / spot.sum())
        assert found == pytest.approx((x, y), abs=0.1)


def test_nets_are_exact_at_their_knots_and_smooth_between():
    x, y = np.linspace(-1, 1, 21), np.linspace(-1, 1, 17)
    bowl = Net(x, y, (x[None] ** 3 + y[:, None] ** 2)[None])
    assert bowl.at(x, y)[0] == pytest.approx(bowl.values[0], abs=1e-6)
    assert bowl((0.33, -0.21))[0] == pytest.approx(0.33**3 + 0.21**2, abs=1e-5)


def test_a_lamp_on_alternating_current_averages_in_closed_form():
    lamp = spectra.Flicker(100.0, 0.4)
    times = np.linspace(0.0031, 0.0031 + 0.004, 4001)
    assert float(lamp.mean(0.0031, 0.004)) == pytest.approx(lamp.factor(times).mean(), rel=1e-3)


def test_a_straight_lens_draws_as_one_that_is_traced_at_every_place():
    def kernels(decentre_mm):
        mounting = Mounting(2.0, 3.0, decentre_mm=(decentre_mm, 0.0))
        mounted = glass.glass("summicron_50_f2_v5", mounting)
        return Formation(mounted, mounting, Silicon(2812, 1875), DAY).spreads(3.0).kernels

    turned, traced = kernels(0.0), kernels(1e-9)
    moved = 0.5 * np.abs(turned - traced).sum((-2, -1))
    assert moved.max() < 0.02


def test_what_a_fast_lens_throws_beyond_its_kernels_is_as_much_as_its_rays_say():
    mounting = Mounting(1.2, 3.0)
    mounted = glass.glass("nokton_35_f1_2", mounting)
    part = Field(0.5, 0.5, 3.2, mounted.scale_mm)
    found = Formation(mounted, mounting, Silicon(4094, 3062), DAY).spreads(3.0, part)
    half_um = 0.5 * found.size * 3.2 / found.fine
    for place in ((0.0, 0.0), (-6.55, 4.9), (3.275, 2.45)):
        (spot,) = mounted.spreads([place], [550.0], 3.0, 12.8, 192)[0].astype(np.float64)
        inside = np.clip(half_um / 12.8 - np.abs(np.arange(192) - 96) + 0.5, 0.0, 1.0)
        beyond = spot.sum() - inside @ spot @ inside
        assert float(found.skirt.share(place)[0]) == pytest.approx(beyond, abs=2e-3)
        skirt = found.skirt.blur.at(*place)
        assert skirt.sum((1, 2)) == pytest.approx(np.ones(3), abs=1e-5)
    assert beyond > 0.005
    slow = glass.glass("nokton_35_f1_2", Mounting(4.0, 3.0))
    assert Formation(slow, Mounting(4.0, 3.0), Silicon(4094, 3062), DAY).spreads(3.0, part).skirt is None


def test_only_blurs_out_of_focus_are_smooth():
    mounting = Mounting(8.0, 3.0)
    formation = Formation(glass.glass("ideal", mounting), mounting, SMALL, DAY)
    assert [formation.spreads(distance_m).smooth for distance_m in (3.0, 3.2, 12.0)] == [False, False, True]


def test_a_wide_blur_is_the_same_from_one_sample_a_pixel(monkeypatch):
    def light():
        mounting = Mounting(8.0, 3.0)
        mounted = glass.glass("ideal", mounting)
        return inner(Formation(mounted, mounting, SMALL, DAY, margin_px=8).light(scene("dead-leaves"), subject_m=12.0))

    few = light()
    monkeypatch.setattr("anylens.twin.spreading._SEEN", 0.0)
    many = light()
    assert np.abs(few - many).max() > 0.0
    assert few == pytest.approx(many, rel=0.03)
    assert few.mean() == pytest.approx(many.mean(), rel=3e-3)


def test_a_wide_blur_is_the_same_from_one_wavelength_a_channel(monkeypatch):
    def kernels():
        mounting = Mounting(2.0, 3.0)
        mounted = glass.glass("summicron_50_f2_v5", mounting)
        found = Formation(mounted, mounting, Silicon(2812, 1875), DAY).spreads(1.0)
        assert found.times > 1
        return found.kernels

    few = kernels()
    monkeypatch.setattr("anylens.twin.spreading._at_one", lambda shares: shares)
    moved = 0.5 * np.abs(few - kernels()).sum((-2, -1))
    assert 0.0 < moved.max() < 0.03
