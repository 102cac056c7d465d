"""The simulated camera's electrons, found again by the lab from its frames alone."""

from __future__ import annotations

import pytest

from anylens.camera.virtual import open_virtual
from anylens.lab import of_image
from anylens.lab.noise import noise
from anylens.shot import Shot

SIZE = "512x256"
CLIP_S = 1.0 / 84.0
"""Near where the simulated wall of 1000 lux behind f/5.6 fills the counts at gain 2."""


@pytest.fixture(scope="module")
def measures(tmp_path_factory):
    """By gain: what the lab says of pairs of flats, nearly dark to nearly white."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("light")))
        camera = open_virtual(f"lens=ideal,scene=white-wall,aperture=5.6,size={SIZE},seed=5")
        found = {}
        for gain in (2.0, 16.0):
            shares = (0.004, 0.03, 0.08, 0.15, 0.25, 0.35, 0.5, 0.65)
            shots = [Shot(CLIP_S * 2.0 / gain * share, gain) for share in shares for _ in range(2)]
            frames = list(camera.capture(shots))
            (found[gain],) = noise([of_image(frame, f"{i}.dng") for i, frame in enumerate(frames)])
        camera.close()
        yield found


@pytest.mark.parametrize("gain", [2.0, 16.0])
def test_gain_comes_back_within_one_per_cent(measures, gain) -> None:
    truth = gain * (1023 - 64) / 34800
    assert measures[gain].gain_dn_per_e.value == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize(("gain", "read_e"), [(2.0, 6.0), (16.0, 3.0)])
def test_read_noise_comes_back_within_five_per_cent(measures, gain, read_e) -> None:
    assert measures[gain].read_noise_e.value == pytest.approx(read_e, rel=0.05)


@pytest.mark.parametrize("gain", [2.0, 16.0])
def test_the_noise_profile_foretells_the_variance_within_three_per_cent(measures, gain) -> None:
    assert measures[gain].profile.ratio.value == pytest.approx(1.0, abs=0.03)


def test_the_pattern_comes_back(measures) -> None:
    prnu = [t.prnu_percent.value for t in measures[2.0].transfers]
    assert sum(prnu) / 3 == pytest.approx(0.5, rel=0.15)
