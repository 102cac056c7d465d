"""The simulated lens's falloff and the sensor's colour cast, found again by the lab from flats alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anylens.camera.virtual import open_virtual
from anylens.lab import of_image
from anylens.lab.shading import shading
from anylens.shot import Shot
from anylens.twin.glass import Mounting, glass

LENS, F_NUMBER, DISTANCE_M = "summicron_50_f2_v5", 2.0, 1000.0


@pytest.fixture(scope="module")
def flats(tmp_path_factory):
    """Frames of the whole field, seen small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("light")))
        text = f"lens={LENS},scene=white-wall,mode=live,aperture={F_NUMBER},distance={DISTANCE_M},seed=1"
        camera = open_virtual(text)
        frames = list(camera.capture([Shot(1.0 / 500.0, 2.0)] * 2))
        camera.close()
    return frames


def expected(frame, acceptance_deg: tuple[float, float, float]) -> np.ndarray:
    """(3, 24, 32): what the lens lets through and the micro lenses keep, 1 in the middle."""
    height, width = frame.raw.shape
    pitch_mm = frame.facts.sensor.pitch_um / 1000.0
    x = ((np.arange(32) + 0.5) / 32 - 0.5) * width * pitch_mm
    y = ((np.arange(24) + 0.5) / 24 - 0.5) * height * pitch_mm
    places = np.stack(np.broadcast_arrays(x[None], y[:, None]), axis=-1)
    lens = glass(LENS, Mounting(F_NUMBER, DISTANCE_M))
    radius = np.hypot(places[..., 0], places[..., 1])
    off = lens.chief_ray_deg(places) - 30.0 * radius / math.hypot(13.1072 / 2, 9.8304 / 2)
    light = lens.illumination(places)
    seen = np.stack([light * np.exp(-0.5 * (off / sigma) ** 2) for sigma in acceptance_deg])
    return seen / seen[:, 10:14, 14:18].mean(axis=(1, 2))[:, None, None]


def test_falloff_comes_back_within_one_per_cent(flats) -> None:
    from anylens.twin.silicon import silicon

    result = shading([of_image(frame, "flat.dng") for frame in flats])
    truth = expected(flats[0], silicon("imx989_12mp_binned").acceptance_deg)
    assert np.abs(result.falloff.values - truth[1]).max() < 0.01
    red = truth[0] / truth[1]
    assert np.abs(result.red_green.values - red).max() < 0.02
