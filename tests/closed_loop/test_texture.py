"""Simulated dead leaves: does their power spectrum, of green sites alone, tell what their truth tells?"""

from __future__ import annotations

import numpy as np
import pytest

from anylens.camera.virtual import open_virtual
from anylens.lab import of_image
from anylens.lab.samples import Samples
from anylens.lab.texture import Leaves, texture_by_spectrum, texture_by_truth
from anylens.refusal import Refusal
from anylens.shot import Shot

HEIGHT, WIDTH = 384, 512
CHART = Leaves(1.5, 0.05 * HEIGHT)
GREEN = ((False, True), (True, False))


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """(green samples, what a perfect camera would have seen)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("light")))
        camera = open_virtual(
            f"lens=ideal,scene=dead-leaves,largest=0.05,aperture=11,size={WIDTH}x{HEIGHT},seed=3,margin=0"
        )
        (frame,) = camera.capture([Shot(1 / 10, 1.0)])
        truth = camera.light.truth.seen()
        camera.close()
    return of_image(frame, "leaves.dng").samples("G"), truth


def test_the_spectrum_of_a_raw_agrees_with_the_truth(shown):
    samples, truth = shown
    known = texture_by_truth(samples, truth.mean(axis=0))
    found = texture_by_spectrum(samples, CHART)
    frequencies = np.array(found.frequencies_cpp)
    assert frequencies[-1] > 0.48
    # The truth is averaged over pixels, so the pixel is in the spectrum's curve and not in the other.
    turned = np.radians(np.arange(0.0, 90.0, 5.0))
    x, y = frequencies[:, None] * np.cos(turned), frequencies[:, None] * np.sin(turned)
    pixel = np.sqrt(np.mean((np.sinc(x) * np.sinc(y)) ** 2, axis=1))
    expected = np.interp(frequencies, known.frequencies_cpp, known.mtf) * pixel
    assert np.abs(np.array(found.mtf) - expected)[frequencies < 0.45].max() < 0.06
    half = float(np.interp(-0.5, -expected, frequencies))
    assert found.mtf50_cpp.value == pytest.approx(half, rel=0.05)


def test_what_a_lattice_folds_is_taken_off(shown):
    picture = np.asarray(shown[1][1], np.float32)
    found = texture_by_spectrum(Samples(picture, "G", GREEN, noise=(0.0, 0.0)), picture)
    frequencies = np.array(found.frequencies_cpp)
    assert np.abs(np.array(found.mtf) - 1.0)[frequencies < 0.45].max() < 0.08


def test_leaves_that_cannot_be_are_refused():
    with pytest.raises(Refusal, match="smallest"):
        Leaves(5.0, 2.0)
