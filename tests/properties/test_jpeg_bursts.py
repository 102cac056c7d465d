"""Bursts of finished pictures: they keep their tones, lose noise, show no ghosts, and are said to be what they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from anylens import develop, read
from anylens.darkroom.stages import Merge
from anylens.files.burst import read_burst
from anylens.image import Scene
from tests.bursts import light, moves
from tests.properties.test_command_line import failed_in_one_line, run

EDGE = 24


def encoded(linear: np.ndarray) -> np.ndarray:
    """(H, W, 3) sRGB codes 0 to 255, floats, of (3, H, W)."""
    held = np.clip(linear, 0, 1)
    return 255 * np.where(held <= 0.0031308, 12.92 * held, 1.055 * held ** (1 / 2.4) - 0.055).transpose(1, 2, 0)


def keep(codes: np.ndarray, place: Path) -> None:
    cv2.imwrite(str(place), np.clip(np.rint(codes), 0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return encoded(1.4 * light(moves(1, 3)[0]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six noisy frames of a trembling hand; something white passes through the last four."""
    place, rng = tmp_path_factory.mktemp("shown"), np.random.default_rng(5)
    for index, move in enumerate(moves(6, 3)):
        codes = encoded(1.4 * light(move)) + 4.0 * rng.normal(size=(450, 600, 3))
        if index >= 2:
            codes[150:230, 60 * index : 60 * index + 60] = 235.0
        keep(codes, place / f"f{index}.jpg")
    return place


def test_tones_stay_noise_falls_and_nothing_that_passed_is_seen(
    folder: Path, truth: np.ndarray, tmp_path: Path
) -> None:
    place = tmp_path / "a.jpg"
    ran = run("develop", "--burst", folder, "--reference", "first", "-o", place)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "display-referred" in ran.stdout
    assert "Demosaic" not in ran.stdout
    merged, one = (cv2.imread(str(each))[..., ::-1].astype(float) for each in (place, folder / "f0.jpg"))
    inner = np.s_[EDGE:-EDGE, EDGE:-EDGE]
    still = np.s_[260:-EDGE, EDGE:-EDGE]
    assert np.abs((merged - truth)[inner].mean(axis=(0, 1))).max() < 1.0
    assert (merged - truth)[still].std() < 0.6 * (one - truth)[still].std()
    passed = np.s_[150:230, 120:420]
    assert (merged - truth)[passed].std() <= 1.05 * (one - truth)[passed].std()


@pytest.mark.parametrize("way", ["mean", "robust", "night"])
def test_tones_stay_however_the_pictures_are_merged(folder: Path, truth: np.ndarray, tmp_path: Path, way: str) -> None:
    place = tmp_path / "a.jpg"
    files = sorted(folder.glob("*.jpg"))[:2]
    ran = run("develop", "--burst", *files, "--merge", way, "-o", place)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "tones are kept" in ran.stdout
    assert "Demosaic" not in ran.stdout
    merged, inner = cv2.imread(str(place))[..., ::-1].astype(float), np.s_[EDGE:-EDGE, EDGE:-EDGE]
    assert np.abs((merged - truth)[inner].mean(axis=(0, 1))).max() < 1.5


def test_a_bracket_of_pictures_brings_back_what_one_of_them_clipped(tmp_path: Path) -> None:
    seen = light(moves(1, 3)[0])
    paths = []
    for index, gain in enumerate((4.0, 1.0, 1.0)):
        paths.append(tmp_path / f"{index}.jpg")
        keep(255 * (encoded(gain * seen) / 255) ** 1.2, paths[-1])
    merged = develop(read_burst(paths), until="mosaic")
    assert isinstance(merged, Scene)
    assert merged.span_ev > 1.0
    assert any("3 frames were merged" in note for note in merged.facts.notes)


def test_pictures_make_a_linear_negative_not_a_mosaic(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "a.dng"
    ran = run("develop", "--burst", folder, "-o", place, "--until", "mosaic")
    assert (ran.returncode, ran.stderr) == (0, "")
    merged, again = develop(read_burst(sorted(folder.glob("*.jpg"))), until="mosaic"), read(place)
    assert isinstance(again, Scene)
    np.testing.assert_allclose(again.pixels, merged.pixels, atol=0.01)


def test_raw_and_finished_frames_do_not_mix(folder: Path, tmp_path: Path) -> None:
    raw = Path(__file__).parents[2] / "demo" / "GOPR0024.dng"
    said = failed_in_one_line(run("develop", "--burst", folder / "f0.jpg", raw, "-o", tmp_path / "a.jpg"), 1)
    assert "another sensor or size" in said


def test_the_reference_of_a_bracket_that_tells_no_exposure_is_the_one_of_middle_brightness(tmp_path: Path) -> None:
    """Whatever the order, and however many frames."""
    seen = [0.3 * light(move) for move in moves(5, 3)]
    places = [tmp_path / f"f{index}.jpg" for index in range(5)]
    for place, picture, ev in zip(places, seen, (-4, -3, -2, -1, 0), strict=True):
        keep(encoded(picture * 2.0**ev * 4), place)
    merged = Merge()(read_burst(places))
    middle = read_burst(places).frames[2]
    assert merged.pixels.mean() == pytest.approx(middle.raw.mean() / middle.facts.sensor.white[0], rel=0.1)
