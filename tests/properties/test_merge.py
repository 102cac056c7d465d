"""Many frames, one photo: less noise, no ghosts, nothing lost, and bad frames are told and left out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rawpy

from anylens import Burst, Refusal, develop, read, write
from anylens.darkroom.stages import Merge
from anylens.files.burst import read_burst
from anylens.files.folder import raws_in
from anylens.image import Mosaic
from tests.bursts import SCALE, exposed, hand_held, light, moves, scenery, under_filter
from tests.frames import facts
from tests.properties.test_command_line import failed_in_one_line, run

EDGE = 24


def error(mosaic: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square, a margin left out."""
    return float(np.sqrt(np.mean(np.square((mosaic - truth)[EDGE:-EDGE, EDGE:-EDGE]))))


def alone(burst: Burst) -> np.ndarray:
    return Merge()(Burst(burst.frames[:1])).pixels


@pytest.mark.parametrize("count", [2, 5])
def test_equal_frames_merge_to_the_frame(count: int) -> None:
    burst, _ = hand_held(1)
    merged = Merge()(Burst(burst.frames * count))
    np.testing.assert_array_equal(merged.pixels, alone(burst))
    assert np.all(merged.frames_used <= count + 1e-4)


def test_odd_sizes_keep_every_pixel() -> None:
    rng = np.random.default_rng(3)
    light_of = rng.uniform(0.2, 0.6, (61, 83)).astype(np.float32)
    burst = Burst((exposed(light_of, 1), exposed(light_of, 2)))
    assert Merge()(burst).pixels.shape == (61, 83)


@pytest.mark.parametrize("count", [2, 8])
def test_noise_of_a_flat_field_falls_as_one_over_n(count: int) -> None:
    flat = np.full((256, 256), 0.3, np.float32)
    merged = Merge()(Burst(tuple(exposed(flat, seed) for seed in range(count))))
    one = Merge()(Burst((exposed(flat, 0),)))
    assert merged.pixels.var() / one.pixels.var() < 1.15 / count
    assert abs(merged.frames_used.mean() / count - 1) < 0.1


@pytest.mark.parametrize("noise", [1.0, 4.0])
def test_a_trembling_hand_costs_little_of_what_frames_at_rest_would_give(noise: float) -> None:
    burst, truth = hand_held(8, noise=noise)
    at_rest = Burst(tuple(exposed(truth, 900 + index, noise) for index in range(8)))
    ideal = np.mean([Merge()(Burst((frame,))).pixels for frame in at_rest.frames], axis=0)
    merged = Merge(reference=1)(burst)
    assert error(merged.pixels, truth) < error(alone(burst), truth) / 2
    assert error(merged.pixels, truth) < error(ideal, truth) * 10 ** (2.5 / 20)


def test_detail_stays() -> None:
    """The part of the truth that is in the merged mosaic, at the finest detail: 1 where nothing was blurred."""
    burst, truth = hand_held(8, noise=0.25)
    merged = Merge(reference=1)(burst).pixels
    window = np.outer(np.hanning(384), np.hanning(512))
    one, two = (
        np.fft.fft2((each[1::2, 0::2] - each.mean())[10:202, 20:276] * window[::2, ::2]) for each in (merged, truth)
    )
    down, across = np.fft.fftfreq(192)[:, None], np.fft.fftfreq(256)
    fine = np.hypot(down, across)
    band = (fine > 0.2) & (fine < 0.35)
    kept = float((one * two.conj()).real[band].sum() / np.abs(two[band] ** 2).sum())
    assert kept > 0.95


def test_a_moving_thing_leaves_no_ghost() -> None:
    seen = [light(move) for move in moves(6, 5)]
    still = None
    for index, picture in enumerate(seen):
        left = 150 + 30 * index
        picture[:, 200:260, left : left + 40] = np.array([0.05, 0.3, 0.1])[:, None, None]
        still = picture.copy() if still is None else still
    burst = Burst(tuple(exposed(under_filter(picture), index) for index, picture in enumerate(seen)))
    truth = under_filter(still)
    merged = Merge(reference=1)(burst)
    area = slice(190, 270), slice(140, 350)
    one, many = (np.sqrt(np.mean((each[area] - truth[area]) ** 2)) for each in (alone(burst), merged.pixels))
    assert many <= 1.02 * one
    inside = merged.frames_used[205:255, 155:185]
    assert inside.mean() < 2.5
    mean = Merge(reference=1, robustness=0.0)(burst)
    assert np.sqrt(np.mean((mean.pixels[area] - truth[area]) ** 2)) > 2 * one


def test_another_scene_is_left_out_and_told() -> None:
    burst, _ = hand_held(3)
    upside_down = exposed(under_filter(light(moves(1, 1)[0])[:, ::-1, ::-1]), 77)
    merged = Merge(reference=1)(Burst((*burst.frames, upside_down), ("a", "b", "c", "d")))
    assert any("d was left out: it shows another scene" in note for note in merged.facts.notes)
    assert any(note.startswith("3 frames were merged") for note in merged.facts.notes)


def test_the_sharpest_of_the_first_three_is_the_reference() -> None:
    sharp, soft = light(moves(1, 1)[0]), light(moves(1, 1)[0])
    for _ in range(4):
        soft = (np.roll(soft, 1, 2) + np.roll(soft, -1, 2) + 2 * soft) / 4
    frames = [exposed(under_filter(picture), seed, 0.01) for seed, picture in enumerate((soft, sharp, soft))]
    merged = Merge()(Burst(tuple(frames)))
    assert error(merged.pixels, under_filter(sharp)) < 0.2 * error(merged.pixels, under_filter(soft))


def test_frames_of_other_exposure_are_brought_to_the_reference() -> None:
    noise = 1.0
    seen = [under_filter(light(move)) for move in moves(4, 2)]
    told = replace(facts("RGGB", *seen[0].shape), exposure_s=0.01, iso=100.0)
    frames = [exposed(seen[0], 1, noise, told), exposed(seen[1], 2, noise, told)]
    frames += [exposed(picture / 4, 3, noise, replace(told, exposure_s=0.0025)) for picture in seen[2:]]
    merged = Merge(reference=1)(Burst(tuple(frames)))
    light_of = merged.pixels * 2**merged.facts.baseline_exposure
    assert error(light_of, seen[0]) < error(Merge()(Burst((frames[0],))).pixels, seen[0]) / 1.15


def test_frames_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        Burst((exposed(np.zeros((8, 8)), 1), exposed(np.zeros((8, 10)), 1)))


def test_a_reference_beyond_the_burst_is_refused() -> None:
    burst, _ = hand_held(2)
    with pytest.raises(Refusal, match="choose one"):
        Merge(reference=3)(burst)


def test_one_frame_loads_nothing_that_only_bursts_need() -> None:
    code = "import sys, anylens.darkroom; print([name for name in sys.modules if name.endswith(('ing', 'align'))])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "darkroom.developing" in loaded
    for name in ("merging", "looking", "stacking", "breathing", "resolving", "kernels.align"):
        assert name not in loaded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("burst")
    burst, _ = hand_held(4, noise=4.0)
    for index, frame in enumerate(burst.frames):
        write(frame, place / f"f{index}.dng")
    (place / "notes.txt").write_text("no frame")
    return place


def test_a_folder_is_a_burst(folder: Path, tmp_path: Path) -> None:
    photo, count = tmp_path / "a.jpg", tmp_path / "used.png"
    ran = run("develop", "--burst", folder, "-o", photo, "--map", count)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "4 frames were merged" in ran.stdout
    assert photo.read_bytes()[:2] == b"\xff\xd8"
    assert count.read_bytes()[:4] == b"\x89PNG"


def test_a_burst_from_files_is_the_burst_from_memory(folder: Path) -> None:
    paths = raws_in(folder)
    assert [path.name for path in paths] == [f"f{index}.dng" for index in range(4)]
    one = develop(Burst(tuple(read(path) for path in paths)), until="mosaic")
    two = develop(read_burst(paths), until="mosaic")
    np.testing.assert_array_equal(one.pixels, two.pixels)


def test_a_corrupt_frame_is_named_and_left_out(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.dng"
    broken.write_bytes(b"II*\0junk")
    ran = run("develop", "--burst", broken, *raws_in(folder), "-o", tmp_path / "a.jpg")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "broken.dng was left out" in ran.stdout
    assert "4 frames were merged" in ran.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--merge", "mean"], "add --burst"),
        (["--burst", "--reference", "best"], "--reference"),
        (["--burst", "--map", "a.jpg"], ".png"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(folder: Path, options: list[str], said: str) -> None:
    assert said in failed_in_one_line(run("develop", folder / "f0.dng", *options), 2)


def test_a_merged_negative_opens_again(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "merged.dng"
    assert run("develop", "--burst", folder, "-o", place, "--until", "mosaic").returncode == 0
    merged = develop(read_burst(raws_in(folder)), until="mosaic")
    with rawpy.imread(str(place)) as peer:
        assert peer.raw_pattern.tolist() == [[0, 1], [3, 2]]
        assert peer.raw_image_visible.shape == merged.pixels.shape
    assert b"<anylens:Frames>4<" in place.read_bytes()
    assert read(place).facts.sensor.noise.scale[1] == pytest.approx(4 * SCALE / 4, rel=0.3)
    again = develop(read(place), until="mosaic")
    np.testing.assert_allclose(again.pixels * 2**again.facts.baseline_exposure, merged.pixels, atol=3e-5)


def seen_by_libraw(place: Path) -> np.ndarray:
    """(H, W, 3) linear, as LibRaw balances and converts it."""
    with rawpy.imread(str(place)) as peer:
        return np.asarray(
            peer.postprocess(
                use_camera_wb=True, no_auto_bright=True, gamma=(1, 1), output_bps=16, adjust_maximum_thr=0.0
            ),
            float,
        )


def test_a_merged_negative_is_as_bright_and_coloured_to_others_as_its_frames(tmp_path: Path) -> None:
    burst, _ = hand_held(3, noise=0.05)
    write(burst.reference, tmp_path / "one.dng")
    write(Merge(reference=1)(burst), tmp_path / "merged.dng")
    one, merged = seen_by_libraw(tmp_path / "one.dng"), seen_by_libraw(tmp_path / "merged.dng")
    tiles = [each[:448, :576].reshape(14, 32, 18, 32, 3).mean(axis=(1, 3)) for each in (one, merged)]
    bright = tiles[0] > 0.05 * 65535
    assert bright.mean() > 0.3
    assert np.median(np.abs(tiles[1][bright] / tiles[0][bright] - 1)) < 0.01
    assert np.abs(tiles[1][bright].mean() / tiles[0][bright].mean() - 1) < 0.005


@pytest.mark.parametrize("reference", [1, 2, 3])
def test_a_bracket_is_as_bright_as_its_middle_frame_whichever_is_the_reference(reference: int) -> None:
    mosaic = 0.2 * under_filter(light(moves(1, 3)[0]))
    frames = []
    for index, stop in enumerate((-2, 0, 2)):
        frame = exposed(mosaic * 2.0**stop, index, 0.2)
        frames.append(replace(frame, facts=replace(frame.facts, exposure_s=0.01 * 2.0**stop, iso=100.0)))
    merged = Merge(reference=reference)(Burst(tuple(frames)))
    shown = merged.pixels * 2**merged.facts.baseline_exposure
    assert merged.span_ev == pytest.approx(4.0)
    assert np.median(shown) == pytest.approx(np.median(mosaic), rel=0.03)


def bracket(stops: tuple[float, ...], passing: bool = False) -> tuple[Burst, np.ndarray]:
    """Frames of a hand at these exposures, their light as of exposure 1; something dark is `passing` through."""
    seen = [0.1 * light(move) for move in moves(len(stops), 3)]
    for index, picture in enumerate(seen if passing else ()):
        left = 100 + 80 * index
        picture[:, 100:350, left : left + 60] = np.array([0.01, 0.02, 0.012])[:, None, None]
    known = replace(facts("RGGB", 450, 600), iso=100.0)
    frames = [
        exposed(under_filter(picture) * 2.0**ev, index, 1.0, replace(known, exposure_s=0.01 * 2.0**ev))
        for index, (picture, ev) in enumerate(zip(seen, stops, strict=True))
    ]
    return Burst(tuple(frames)), seen


@pytest.mark.parametrize(
    ("stops", "middle"),
    [((-3, 0, 3), 0), ((0, -2, 2), 0), ((-3, -2, -1, 0, 1, 2, 3), 0), ((-2, -2, 0, 0, 0), 0), ((-3, 0), 0)],
)
def test_the_reference_of_a_bracket_is_of_its_middle_exposure(stops: tuple[float, ...], middle: float) -> None:
    burst, _ = bracket(stops)
    assert Merge()(burst).facts.exposure_s == pytest.approx(0.01 * 2.0**middle)
    assert Merge(reference=1)(burst).facts.exposure_s == pytest.approx(0.01 * 2.0 ** stops[0])


def test_what_passes_through_a_bracket_is_not_shown_in_the_noise_of_its_darkest_frame() -> None:
    """Where only the reference shows it."""
    burst, seen = bracket((-3, 0, 3), passing=True)

    def off(merged: Mosaic, at: int) -> float:
        shown = merged.pixels * 2**merged.facts.baseline_exposure
        area = np.s_[150:300, 110 + 80 * at : 150 + 80 * at]
        return float(np.sqrt(np.square((shown - under_filter(seen[at]))[area]).mean()))

    assert off(Merge()(burst), 1) < 0.4 * off(Merge(reference=1)(burst), 0)


def test_hot_pixels_that_stay_while_the_scene_moves_are_mended() -> None:
    burst, truth = hand_held(4, noise=1.0)
    rng = np.random.default_rng(8)
    rows, columns = rng.integers(30, 420, 60), rng.integers(30, 570, 60)
    frames = []
    for frame in burst.frames:
        raw = frame.raw.copy()
        raw[rows, columns] = np.minimum(raw[rows, columns].astype(int) + 1500, 4095)
        frames.append(replace(frame, raw=raw))
    merged = Merge(reference=1)(Burst(tuple(frames)))
    away = np.abs(merged.pixels - truth)[rows, columns]
    assert np.median(away) < 0.02
    assert (away < 0.1).mean() > 0.8


@pytest.mark.parametrize("steps", [(0.0, -3.0, 3.0), (0.0, -2.0, 2.0)])
def test_a_bracket_keeps_highlights_and_calms_shadows(steps: tuple[float, ...]) -> None:
    ramp = (0.25 * scenery() + 0.02) * 2.0 ** np.linspace(6, -3, 1200, dtype=np.float32)[None, :, None]
    seen = [under_filter(light(move, ramp)) for move in moves(len(steps), 3)]
    told = replace(facts("RGGB", *seen[0].shape), iso=100.0)
    frames = [
        exposed(picture * 2**ev, index, 1.0, replace(told, exposure_s=0.01 * 2**ev))
        for index, (picture, ev) in enumerate(zip(seen, steps, strict=True))
    ]
    merged, truth = Merge(reference=1)(Burst(tuple(frames))), seen[0]
    inner = slice(EDGE, -EDGE), slice(EDGE, -EDGE)
    assert merged.pixels.max() <= 1.0
    light_of = merged.pixels * 2**merged.facts.baseline_exposure
    stops = np.log2(np.maximum(light_of, 1e-9) / truth)[inner]
    for low, high in ((0.003, 0.03), (0.03, 0.8), (1.2, 0.8 * 2 ** -steps[1])):
        within = (truth[inner] > low) & (truth[inner] < high)
        assert abs(np.median(stops[within])) < 0.05
    dark = (truth[inner] > 0.003) & (truth[inner] < 0.02)
    one = np.log2(np.maximum(Merge()(Burst((frames[0],))).pixels, 1e-9) / truth)[inner]
    spread, alone_spread = (np.subtract(*np.percentile(each[dark], (84, 16))) for each in (stops, one))
    assert spread < 0.7 * alone_spread
