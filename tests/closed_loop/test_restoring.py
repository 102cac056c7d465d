"""What a simulated lens takes from its corner, restored from the raw by its passport, comes nearer to the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.optimize

from anylens import darkroom
from anylens.camera.virtual import open_virtual
from anylens.frame import Frame
from anylens.kernels.sharpen import LUMA
from anylens.lens.passport import PsfField
from anylens.twin.glass import Mounting
from anylens.twin.light import Formation
from anylens.twin.spectra import source
from benchmarks.wiener import AROUND, SIDE, error_of
from tests import blurs, frames

CORNER = 0.94
F_NUMBER = 2.0
SIZE = SIDE + 2 * AROUND
AMPLITUDE = np.hypot(np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.fftfreq(SIZE)), 0.02) ** -1.3


def kernels(lens: str) -> np.ndarray:
    """(3, size, size): what becomes of waves of red, green and blue in a corner of the concept phone, by the glass."""
    camera = open_virtual(f"lens={lens},scene=slanted-edges,aperture={F_NUMBER:g},distance=3")
    silicon, setup = camera.silicon, camera.setup
    width, height = (side * silicon.pitch_um / 1000 for side in (silicon.width_px, silicon.height_px))
    mounting, light = Mounting(F_NUMBER, setup.distance), source(setup.light)
    way = Formation(camera.glass, mounting, silicon, light, setup.margin, kept=True)
    spreads = way.spreads(setup.distance)
    drawn = spreads.at(CORNER * width / 2, CORNER * height / 2)
    places = (np.arange(drawn.shape[-1]) - drawn.shape[-1] // 2 + (spreads.fine - 1) / 2) / spreads.fine
    turns = np.fft.fftfreq(SIZE)
    wave = np.exp(-2j * np.pi * turns[:, None] * places)
    return np.asarray(wave @ drawn @ wave.T)


def told(green: np.ndarray) -> PsfField:
    """The passport's core and skirt that come nearest to what a blur does to such light, wherever it lies."""
    turns = np.fft.fftfreq(SIZE)

    def field(figures: np.ndarray) -> PsfField:
        (a, b, c), (d, e, f), x, y, share = figures[:3], figures[3:6], *figures[6:9]
        core, skirt = (
            tuple((float(each) * blurs.PITCH_UM**2,) for each in (p * p, p * q, q * q + r * r))
            for p, q, r in ((a, b, c), (d, e, f))
        )
        aside = tuple((float(each) * blurs.PITCH_UM,) for each in (x, y))
        return blurs.psf(core, float(np.clip(share, 0.0, 0.9)), skirt_um2=skirt, skirt_aside_um=aside)

    def off(figures: np.ndarray) -> np.ndarray:
        moved = np.exp(-2j * np.pi * (turns[:, None] * figures[10] + turns * figures[9]))
        left = ((blurs.transfer(field(figures), green.shape) * moved - green) * AMPLITUDE)[::3, ::3].ravel()
        return np.concatenate([left.real, left.imag])

    start = [1.2, 0.0, 1.2, 5.0, 0.0, 5.0, 0.1, 0.1, 0.3, 0.0, 0.0]
    return field(scipy.optimize.least_squares(off, start).x)


def texture() -> np.ndarray:
    """Grey light whose waves are as strong as those of photographs' richest parts."""
    drawn = np.fft.ifft2(np.fft.fft2(np.random.default_rng(3).normal(size=(SIZE, SIZE))) * AMPLITUDE).real
    return np.asarray(np.clip(0.4 + 0.12 * drawn / drawn.std(), 0.01, 0.9))


@pytest.mark.parametrize(
    ("lens", "gain_db"), [("summilux_50_f1_4_v2", 2.0), ("summicron_35_f2_v1", 3.0), ("nokton_50_f1_5", 2.0)]
)
def test_a_corner_comes_nearer_to_the_truth(lens: str, gain_db: float) -> None:
    true, blur = texture(), kernels(lens)
    light = np.fft.ifft2(np.fft.fft2(true) * blur).real * np.array(frames.NEUTRAL)[:, None, None]
    frame = frames.sampled(light, noise_seed=5)
    known = blurs.facts(SIZE, SIZE, told(blur[1]))
    sensor = replace(frame.facts.sensor, pitch_um=blurs.PITCH_UM)
    facts: Any = replace(frame.facts, sensor=sensor, passport=known.passport, setting=known.setting)

    def psnr(strength: float) -> float:
        recipe = darkroom.adjust(darkroom.default_recipe(), f"Restore.strength={strength:g}")
        scene = darkroom.develop(Frame(frame.raw, facts), recipe, until="scene")
        return float(-10 * np.log10(error_of(np.tensordot(LUMA, scene.pixels.astype(float), 1), true)))

    assert psnr(1.0) > psnr(0.0) + gain_db
