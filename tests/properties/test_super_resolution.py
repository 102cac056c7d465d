"""Twice the width and height from a hand's tremor: finer than any frame, as bright, and honest where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from anylens import Burst, Refusal, Scene, develop, write
from anylens.darkroom import adjust, default_recipe
from anylens.darkroom.stages.resolve import Resolve
from anylens.darkroom.stages.scene import Unbend
from anylens.lens import Passport, Setting
from tests.bursts import exposed, under_filter
from tests.frames import NEUTRAL
from tests.properties.test_command_line import failed_in_one_line, run
from tests.properties.test_passport import LATERAL, LENS
from tests.tremor import OVER, PITCH_UM, as_seen, burst, enlarged, leaves, tremor

EDGE = 24


def error(picture: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square in the balanced camera's colours, a margin left out."""
    away = (picture - truth) / np.array(NEUTRAL)[:, None, None]
    return float(np.sqrt(np.square(away[:, EDGE:-EDGE, EDGE:-EDGE]).mean()))


@cache
def simulated(count: int, noise: float = 0.1) -> tuple[Burst, np.ndarray]:
    return burst(leaves(96, 96), tremor(count, 6), 2.8, noise)


def test_frames_of_a_tremor_are_finer_than_their_merge_enlarged() -> None:
    given, truth = simulated(8)
    scene = Resolve(reference=1)(given)
    assert scene.pixels.shape == (3, 192, 192)
    assert error(as_seen(scene), truth) < error(enlarged(given), truth) * 10 ** (-3.5 / 20)


def test_colors_that_a_lens_parted_are_nearly_as_fine_as_those_it_did_not() -> None:
    """Samples stay where they are; only the guess, which demosaicing makes, wants its colours together."""
    points, none = OVER // 2, (0.0, 0.0, 0.0)
    light = leaves(96, 96)
    seen = np.stack([np.roll(plane, way * points, 1) for plane, way in zip(light, (1, 0, -1), strict=True)])
    given, _ = burst(seen, tremor(8, 6))
    across = points / OVER * PITCH_UM / 1000.0, 0.0
    record = replace(LATERAL, red=none, blue=none, red_shift_mm=across, blue_shift_mm=(-across[0], 0.0))
    passport = Passport(LENS, "Some Body", lateral=(record,))
    frames = (replace(frame, facts=replace(frame.facts, passport=passport)) for frame in given.frames)
    scene = Unbend()(Resolve(reference=1)(Burst(tuple(frames))))
    together, truth = simulated(8)
    wanted = error(as_seen(Resolve(reference=1)(together)), truth)
    assert error(as_seen(scene), truth) < wanted * 10 ** (0.3 / 20)


def test_facts_and_sizes_are_those_of_twice_the_pixels() -> None:
    given, _ = simulated(2)
    facts = Resolve()(given).facts
    one = given.reference.facts
    assert facts.active_area == (0, 0, 192, 192)
    assert facts.crop == (0.0, 0.0, 192.0, 192.0)
    assert (facts.sensor.width_px, facts.sensor.pitch_um) == (192, one.sensor.pitch_um / 2)


def test_even_ground_stays_as_it_is() -> None:
    flat = under_filter(0.4 * np.ones((3, 48, 72), np.float32) * np.array(NEUTRAL, np.float32)[:, None, None])
    scene = Resolve()(Burst(tuple(exposed(flat, seed) for seed in range(4))))
    np.testing.assert_allclose(as_seen(scene).mean((1, 2)), 0.4 * np.array(NEUTRAL), rtol=0.005)


def test_odd_sizes_and_single_frames_are_doubled_too() -> None:
    rng = np.random.default_rng(3)
    frame = exposed(rng.uniform(0.2, 0.6, (61, 83)).astype(np.float32), 1)
    scene = Resolve()(Burst((frame,)))
    assert scene.pixels.shape == (3, 122, 166)
    assert any("no sub-pixel motion" in note for note in scene.facts.notes)


def test_equal_frames_are_said_to_hold_nothing_finer() -> None:
    given, _ = simulated(1)
    still = Resolve()(Burst(given.frames * 3)).facts.notes
    assert any("no sub-pixel motion" in note for note in still)
    assert not any("no sub-pixel motion" in note for note in Resolve()(simulated(8)[0]).facts.notes)


@pytest.mark.parametrize(("f_number", "said"), [(2.8, False), (8.0, True)])
def test_diffraction_is_told_where_it_leaves_less(f_number: float, said: bool) -> None:
    given, _ = simulated(2)
    frames = [replace(f, facts=replace(f.facts, setting=Setting("hand", f_number=f_number))) for f in given.frames]
    notes = Resolve()(Burst(tuple(frames))).facts.notes
    assert any("diffraction leaves detail for 1.5 times" in note for note in notes) is said


def test_a_moving_thing_leaves_no_ghost() -> None:
    """Where a square has passed, the picture is no farther from the truth than one frame enlarged."""
    given, still = simulated(8)
    color = np.array([0.05, 0.3, 0.1], np.float32) * np.array(NEUTRAL, np.float32)
    truth, frames = still.copy(), []
    square = exposed(under_filter(np.tile(color[:, None, None], (1, 12, 12))), 5, 0.1).raw
    for index, frame in enumerate(given.frames):
        raw = frame.raw.copy()
        raw[40:52, 24 + 6 * index : 36 + 6 * index] = square
        frames.append(replace(frame, raw=raw))
    truth[:, 80:104, 48:72] = color[:, None, None]
    passed = Burst(tuple(frames))

    def off(picture: np.ndarray) -> float:
        away = (picture - truth) / np.array(NEUTRAL)[:, None, None]
        return float(np.sqrt(np.square(away[:, 72:112, 40:160]).mean()))

    one = off(enlarged(Burst(passed.frames[:1])))
    assert off(as_seen(Resolve(reference=1)(passed))) < one
    assert off(as_seen(Resolve(reference=1, robustness=0.0)(passed))) > 1.5 * one, "the square is not to be overlooked"


def test_a_mosaic_of_it_is_refused() -> None:
    with pytest.raises(Refusal, match="makes a scene"):
        develop(simulated(2)[0], replace(default_recipe(), merge=Resolve()), until="mosaic")


def test_the_white_balance_of_the_recipe_is_kept() -> None:
    given, _ = simulated(2)
    recipe = adjust(replace(default_recipe(), merge=Resolve()), "Balance.kelvin=3000")
    warm, plain = (develop(given, each, until="scene") for each in (recipe, adjust(recipe, "Balance.kelvin=0")))
    assert warm.facts.balance != plain.facts.balance


def test_the_command_doubles_a_folder(tmp_path: Path) -> None:
    for index, frame in enumerate(simulated(2)[0].frames):
        write(frame, tmp_path / f"f{index}.dng")
    photo = tmp_path / "large.jpg"
    ran = run("develop", "--burst", tmp_path, "--merge", "super", "-o", photo)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "192 x 192 px" in ran.stdout
    refused = run("develop", "--burst", tmp_path, "--merge", "super", "--until", "mosaic")
    assert "makes a scene" in failed_in_one_line(refused, 2)
    ran = run("develop", "--burst", tmp_path, "--set", "Resolve.sharpness=1.5", "-o", photo)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "192 x 192 px" in ran.stdout


def test_finished_pictures_are_refused(tmp_path: Path) -> None:
    """Whether or not the first of them can be read."""
    (tmp_path / "0.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    for index in (1, 2):
        cv2.imwrite(str(tmp_path / f"{index}.jpg"), np.tile(np.arange(96, dtype=np.uint8), (64, 1)))
    for first in (0, 1):
        paths = [tmp_path / f"{index}.jpg" for index in range(first, 3)]
        ran = run("develop", "--burst", *paths, "--merge", "super", "-o", tmp_path / "large.jpg")
        assert "super-resolution needs raw frames" in failed_in_one_line(ran, 1)


def test_a_scene_rendered_in_bands_is_the_scene_rendered_stage_by_stage() -> None:
    """Whatever bands its rows fall into; the stages one by one round only at their end."""
    rng = np.random.default_rng(5)
    one = simulated(2)[0].reference.facts
    light = cv2.GaussianBlur(rng.random((600, 300, 3), np.float32), (0, 0), 2.0).transpose(2, 0, 1)
    known = replace(one, balance=(1.8, 1.0, 1.5), active_area=(0, 0, 600, 300), crop=(3.0, 5.0, 290.0, 588.0))
    scene = Scene(np.ascontiguousarray(light), known, np.full((600, 300), 3.0, np.float32))
    recipe = adjust(adjust(default_recipe(), "LocalTone.shadows=0.4"), "Sharpen.amount=1.5")
    fast, plain = develop(scene, recipe, bits=8), develop(scene, recipe)
    assert fast.pixels.shape == plain.pixels.shape == (3, 588, 290)
    inner = np.s_[:, 2:-2, 2:-2]  # bands are cut after sharpening, which looks two pixels far, stages before it
    assert np.abs(fast.pixels[inner] - plain.pixels[inner] * 255.0).max() <= 1.0
