"""A picture that is sharper than its passport's blur lets it be gets as much less of it; others get all of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anylens import darkroom
from anylens.darkroom.glass import with_passport
from anylens.darkroom.softness import softness
from anylens.frame import Frame
from anylens.lens.passport import Passport
from anylens.sensor import Noise
from tests import blurs, frames

SIZE = 512


def raw(true_px: float, told_px: float | None, seed: int = 3, uneven: float = 0.0, contrast: float = 0.1) -> Frame:
    """Counts of grey texture, whose power falls as that of photographs does, behind a blur; a passport told.

    Pixels differ by `uneven` of their light.
    """
    turns = np.fft.fftfreq(SIZE)
    radius = np.hypot(np.hypot(turns[:, None], turns), 0.02)
    wave = np.fft.fft2(np.random.default_rng(seed).normal(size=(SIZE, SIZE))) / radius**1.3
    drawn = blurs.blurred(np.fft.ifft2(wave).real, true_px)
    light = np.clip(0.4 + contrast * (drawn - drawn.mean()) / drawn.std(), 0.01, 0.9)
    light *= 1.0 + uneven * np.random.default_rng(seed + 1).normal(size=light.shape)
    frame = frames.sampled(np.stack([light] * 3))
    known = blurs.facts(SIZE, SIZE, None if told_px is None else blurs.even(told_px))
    sensor = replace(frame.facts.sensor, pitch_um=blurs.PITCH_UM, noise=Noise((1e-9,), (1e-9,), "sensor"))
    facts = replace(frame.facts, sensor=sensor, passport=known.passport, setting=known.setting)
    return Frame(frame.raw, facts)


@pytest.mark.parametrize("true_px", [0.6, 1.0, 1.6])
def test_a_blur_that_fits_is_believed(true_px: float) -> None:
    assert softness(raw(true_px, true_px)) == 1.0
    assert softness(raw(true_px, 0.7 * true_px)) == 1.0
    assert softness(raw(true_px, None)) == 1.0


@pytest.mark.parametrize("true_px", [0.6, 1.0, 1.6])
@pytest.mark.parametrize("times", [2.0, 4.0])
def test_a_blur_that_is_too_wide_is_taken_for_less(true_px: float, times: float) -> None:
    found = softness(raw(true_px, times * true_px)) * times
    assert 0.8 < found < 1.7


@pytest.mark.parametrize("contrast", [0.0, 0.1])
def test_pixels_that_differ_as_those_of_sensors_do_are_no_detail(contrast: float) -> None:
    assert softness(raw(1.6, 1.6, uneven=0.005, contrast=contrast)) > 0.95


def test_it_is_said_and_the_picture_is_restored_less() -> None:
    wrong = raw(0.6, 2.4)
    assert wrong.facts.passport is not None
    told = with_passport(replace(wrong, facts=replace(wrong.facts, passport=None)), wrong.facts.passport)
    assert told.facts.softness == softness(wrong)
    assert any("sharper than its passport" in note for note in told.facts.notes)
    bare, less, whole = (
        darkroom.develop(frame, until="scene").pixels
        for frame in (replace(wrong, facts=replace(wrong.facts, passport=None)), told, wrong)
    )
    assert np.abs(less - bare).std() < 0.5 * np.abs(whole - bare).std()


def test_it_stays_with_the_passport_through_all_stages() -> None:
    wrong = raw(0.6, 2.4)
    bare, passport = replace(wrong, facts=replace(wrong.facts, passport=None)), wrong.facts.passport
    assert isinstance(passport, Passport)
    mosaic = darkroom.develop(bare, until="mosaic", passport=passport)
    assert mosaic.facts.softness == softness(wrong)
    assert with_passport(mosaic, passport) is mosaic
