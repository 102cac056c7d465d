"""A Siemens star and dead leaves behind a known blur: does the lab find the blur?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anylens.lab.charts import find_star
from anylens.lab.samples import NoChart, Samples
from anylens.lab.star import star_drawn, star_sharpness
from anylens.lab.texture import texture_by_spectrum, texture_by_truth
from anylens.refusal import Refusal
from tests import edges

SIZE = 384
GREEN = ((False, True), (True, False))


def star(blur):
    """Spokes drawn with the modulation that the blur leaves at each radius."""
    cycles, middle, radius, modulation = 48, (190.3, 192.8), 180.0, 0.7
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float64)
    away, angle = np.hypot(x - middle[0], y - middle[1]), np.arctan2(y - middle[1], x - middle[0])
    kept = blur(cycles / (2.0 * np.pi * np.maximum(away, 1.0)))
    spokes = 0.4 * (1.0 + modulation * kept * np.cos(cycles * angle + 0.3))
    return np.where(away < radius, spokes, 0.4)


@pytest.mark.parametrize("sites", [((True,),), GREEN], ids=["everywhere", "green"])
@pytest.mark.parametrize("mtf50", [0.12, 0.25])
def test_a_star_tells_the_known_curve(mtf50, sites):
    blur = edges.gaussian(mtf50)
    noise = np.random.default_rng(1).normal(0.0, 0.008, (SIZE, SIZE))
    samples = Samples((star(blur) + noise).astype(np.float32), "G", sites, pitch_um=2.0)
    chart = find_star(samples)
    assert chart.cycles == 48
    assert chart.centre_px == pytest.approx((190.3, 192.8), abs=0.7)
    found = star_sharpness(samples, chart)
    assert found.place_px == pytest.approx((190.3, 192.8), abs=0.03)
    assert found.mtf50_cpp.value == pytest.approx(mtf50, rel=0.03, abs=3.0 * found.mtf50_cpp.error)
    assert found.mtf50_cpp.error < 0.06 * mtf50
    assert found.mtf50_lpmm.value == pytest.approx(found.mtf50_cpp.value * 500.0)
    true = blur(np.array(found.frequencies_cpp))
    assert (np.abs(np.array(found.mtf) - true) < np.maximum(0.02, 4.0 * np.array(found.mtf_error))).all()
    for figure in found.mtf50_by_direction_cpp:
        assert figure.value == pytest.approx(mtf50, rel=0.05)
    assert star_drawn(samples, found).shape == (SIZE, SIZE, 3)


def test_no_star_is_refused_with_a_picture():
    samples = Samples(np.random.default_rng(2).normal(0.4, 0.02, (160, 160)).astype(np.float32))
    with pytest.raises(NoChart, match="No Siemens star"):
        find_star(samples)


def leaves(seed):
    """Discs of all sizes, one over the other."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    light = np.full((SIZE, SIZE), 0.4)
    for radius in 60.0 / (1.0 + 30.0 * random.random(2500)):
        cx, cy = random.uniform(-30, SIZE + 30, 2)
        top, left = max(0, int(cy - radius)), max(0, int(cx - radius))
        part = (slice(top, int(cy + radius) + 2), slice(left, int(cx + radius) + 2))
        light[part][np.hypot(x[part] - cx, y[part] - cy) < radius] = random.uniform(0.1, 0.8)
    return light


LEAVES = leaves(3)


def seen(blur, shift=(0.0, 0.0), light=LEAVES):
    down, right = np.meshgrid(np.fft.fftfreq(SIZE), np.fft.rfftfreq(SIZE), indexing="ij")
    wave = blur(np.hypot(down, right)) * np.exp(-2j * np.pi * (down * shift[0] + right * shift[1]))
    return np.fft.irfft2(np.fft.rfft2(light) * wave, light.shape)


@pytest.mark.parametrize("sites", [((True,),), GREEN], ids=["everywhere", "green"])
@pytest.mark.parametrize("mtf50", [0.12, 0.25])
def test_texture_with_a_known_truth_is_right_in_noise_and_out_of_place(mtf50, sites):
    blur = edges.gaussian(mtf50)
    noise = np.random.default_rng(4).normal(0.0, 0.02, (SIZE, SIZE))
    pixels = (0.7 * seen(blur, (0.4, -0.7)) + noise).astype(np.float32)
    found = texture_by_truth(Samples(pixels, "G", sites, pitch_um=2.0), LEAVES)
    assert found.method == "cross spectrum"
    off = found.mtf50_cpp.value / mtf50 - 1.0
    assert abs(off) < 0.03 if sites != GREEN else abs(off) < 0.06
    true = blur(np.array(found.frequencies_cpp)) / blur(np.array(found.frequencies_cpp[:1]))
    assert np.abs(np.array(found.mtf) - true).max() < (0.03 if sites != GREEN else 0.1)


def test_texture_without_a_truth_goes_by_its_power_less_the_noise():
    blur = edges.gaussian(0.2)
    noise = np.random.default_rng(5).normal(0.0, 0.02, (SIZE, SIZE))
    samples = Samples((seen(blur) + noise).astype(np.float32), noise=(0.0, 0.0004))
    found = texture_by_spectrum(samples, leaves(8))
    assert found.method == "power spectrum"
    assert found.mtf50_cpp.value == pytest.approx(0.2, rel=0.08)
    deaf = texture_by_spectrum(replace(samples, noise=(0.0, 0.0)), leaves(8))
    assert deaf.mtf_nyquist.value > found.mtf_nyquist.value + 0.05


def test_another_picture_is_no_truth():
    samples = Samples(seen(edges.gaussian(0.2)).astype(np.float32))
    with pytest.raises(Refusal, match="another picture"):
        texture_by_truth(samples, leaves(9))
    with pytest.raises(Refusal, match="Its noise is not known"):
        texture_by_spectrum(samples, 2.0)
    with pytest.raises(Refusal, match="128"):
        texture_by_truth(replace(samples, pixels=samples.pixels[:100]), LEAVES[:100])


def test_a_wall_has_no_texture():
    wall = np.random.default_rng(5).normal(0.4, 0.02, (SIZE, SIZE)).astype(np.float32)
    with pytest.raises(Refusal, match="No texture"):
        texture_by_spectrum(Samples(wall, noise=(0.0, 0.0004)), 2.0)


def test_a_chart_of_noise_steps_is_no_star() -> None:
    """Patches around a place may look like a few waves on some rings, but they are no spokes."""
    steps = np.repeat(np.repeat(np.linspace(0.02, 0.9, 24).reshape(4, 6), 60, axis=0), 60, axis=1)
    picture = np.full((400, 560), 0.18)
    picture[80:320, 100:460] = steps
    with pytest.raises(Refusal):
        find_star(Samples(picture.astype(np.float32)))
