"""A focus stack is sharp everywhere, has no halos, follows the lens's breathing, and says what it left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import rawpy

from anylens import Burst, Refusal, develop, read, write
from anylens.darkroom import default_recipe
from anylens.darkroom.beside import Beside
from anylens.darkroom.parts import Parts
from anylens.darkroom.stages import Balance, Defects, Demosaic, Highlights, Shade, Stack
from anylens.files import recipe_text
from anylens.files.burst import read_burst
from anylens.frame import Frame, Opcodes
from anylens.image import Scene
from anylens.kernels.turn import turn
from anylens.opcodes import WarpRectilinear, packed, parse
from tests.bursts import exposed, under_filter
from tests.properties.test_command_line import failed_in_one_line, run
from tests.stacks import DISTANCES, layers, seen

STACKS = Path(__file__).parents[3] / "shared" / "data" / "focus_stack"
DEMO = next((Path(__file__).parents[2] / "demo").glob("*.dng"))
EDGE = 24
MOVES = ((0.012, (1.3, -0.8)), (0.0, (0.0, 0.0)), (-0.015, (-0.7, 1.6)))


@cache
def stack() -> Burst:
    """Three frames, sharp on the front, the middle and the back, each larger or smaller than the second."""
    frames = [seen(focus, *MOVES[index]) for index, focus in enumerate(DISTANCES)]
    return Burst(tuple(exposed(under_filter(light), index) for index, light in enumerate(frames)))


def alone(frame: Frame) -> np.ndarray:
    return scene_of(Burst((frame,)))


def scene_of(burst: Burst) -> np.ndarray:
    """Rec. 2020 before anything is denoised."""
    recipe = replace(default_recipe(), scene=())
    if len(burst.frames) > 1:
        recipe = replace(recipe, merge=Stack())
    return develop(burst, recipe, until="scene").pixels


def decibels(pixels: np.ndarray, truth: np.ndarray, where: np.ndarray | None = None) -> float:
    """PSNR in roots of light, a margin left out."""
    off = np.square(np.sqrt(np.maximum(pixels, 0)) - np.sqrt(np.maximum(truth, 0))).mean(axis=0)
    inside = np.zeros(off.shape, bool)
    inside[EDGE:-EDGE, EDGE:-EDGE] = True
    return float(-10 * np.log10(off[inside if where is None else inside & where].mean()))


@cache
def truth() -> np.ndarray:
    return alone(exposed(under_filter(seen(None)), 50, 1e-4))


def test_a_stack_is_nearer_to_the_truth_than_any_frame_by_far() -> None:
    best = max(decibels(alone(exposed(under_filter(seen(focus)), 7)), truth()) for focus in DISTANCES)
    assert decibels(scene_of(stack()), truth()) > best + 4


def test_inside_each_layer_it_is_as_good_as_the_frame_that_is_sharp_there() -> None:
    """Away from the layers' borders, where no frame holds the truth."""
    import cv2

    merged = scene_of(stack())
    hidden = np.zeros(layers()[0][1].shape, np.float32)
    for _, cover, _ in reversed(layers()):
        own = cover * (1 - hidden)
        inner = cv2.erode(own, np.ones((41, 41), np.uint8)) > 0.5
        hidden = np.maximum(hidden, cover)
        perfect = alone(exposed(under_filter(seen(None)), 9))
        assert decibels(merged, truth(), inner) > decibels(perfect, truth(), inner) - 3


def test_the_map_tells_the_frame_and_follows_the_layers() -> None:
    scene = Stack()(stack())
    hidden = np.zeros(layers()[0][1].shape, np.float32)
    for (_, cover, _), number in zip(reversed(layers()), (1, 2, 3), strict=True):
        own = (cover * (1 - hidden)) > 0.5
        hidden = np.maximum(hidden, cover)
        assert np.mean(scene.came_from[own] == number) > 0.75


@pytest.mark.parametrize(("grow", "turn_rad"), [(1.004, 0.0), (0.9, 0.02), (1.25, 0.1)])
def test_a_turned_picture_is_read_where_the_move_says(grow: float, turn_rad: float) -> None:
    """However far a picture has grown; even light stays even, and waves of seven pixels lose next to nothing."""
    y, x = np.mgrid[:160, :220].astype(np.float64)
    matrix = grow * np.array([[np.cos(turn_rad), -np.sin(turn_rad)], [np.sin(turn_rad), np.cos(turn_rad)]])
    move = np.column_stack([matrix, (110.3, 79.6) - matrix @ (110.0, 80.0)])

    def waves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack([0.5 + 0.4 * np.sin(x / 1.1), 0.5 + 0.4 * np.cos(y / 1.1), np.full(x.shape, 0.3)])

    turned = turn(waves(x, y).astype(np.float32), move, 160, 220)
    to_x, to_y = (row[0] * x + row[1] * y + row[2] for row in move)
    inside = (to_x > 16) & (to_x < 203) & (to_y > 16) & (to_y < 143)
    inside[:, :9] = inside[:, -9:] = inside[:9] = inside[-9:] = False
    off = np.abs(turned - waves(to_x, to_y))[:, inside]
    assert off.max() < 0.01
    assert off[2].max() < 1e-5


def parted() -> Frame:
    """A frame, much of it clipped, whose file brings lateral colour along."""
    frame = stack().frames[0]
    warp = WarpRectilinear(tuple((by, 0.0, 0.0, 0.0, 0.0, 0.0) for by in (1.004, 1.0, 0.995)), (0.5, 0.5))
    sensor = replace(frame.facts.sensor, white=(float(np.quantile(frame.raw, 0.7)),))
    return replace(frame, facts=replace(frame.facts, sensor=sensor, opcodes=Opcodes(list3=packed([warp]))))


@pytest.mark.parametrize(
    "draw", [lambda: read(DEMO), lambda: stack().frames[0], parted], ids=["real", "drawn", "parted"]
)
def test_a_part_of_a_frame_is_developed_as_in_the_whole(draw: Callable[[], Frame]) -> None:
    image = draw()
    parts = Parts((Defects(), Balance(), Highlights(), Shade(), Beside()), Demosaic())
    whole = parts.whole(image).pixels
    _, height, width = whole.shape
    for rows, columns in (((0, 40), (0, 64)), ((101, 180), (133, 199)), ((height - 30, height), (width - 51, width))):
        here = slice(*rows), slice(*columns)
        np.testing.assert_allclose(parts.of(image)(*here), whole[:, *here], atol=2e-6)


def test_a_stack_s_linear_negative_asks_only_for_what_is_left_to_be_done(tmp_path: Path) -> None:
    """Its lateral colour went before its colours were joined; what moves all of them alike did not."""
    write(develop(Burst((parted(),) * 2), replace(default_recipe(), merge=Stack()), until="mosaic"), tmp_path / "a.dng")
    (warp,) = parse(read(tmp_path / "a.dng").facts.opcodes.list3)
    assert warp.record == WarpRectilinear(((1.0, 0.0, 0.0, 0.0, 0.0, 0.0),), (0.5, 0.5))


def test_equal_frames_stack_to_the_frame() -> None:
    frame = stack().frames[1]
    np.testing.assert_array_equal(Stack()(Burst((frame,) * 3)).pixels, alone(frame))


def test_brightness_that_changes_with_focus_is_evened_out() -> None:
    frames = list(stack().frames)
    dim = exposed(under_filter(seen(DISTANCES[2], *MOVES[2])) * np.float32(0.8), 3)
    merged = scene_of(Burst((*frames[:2], dim)))
    back = Stack()(Burst(tuple(frames))).came_from == 3
    ratio = np.median(merged[1][back]) / np.median(scene_of(stack())[1][back])
    assert abs(ratio - 1) < 0.02


def test_white_balance_is_the_recipe_s_and_one_for_all_frames() -> None:
    recipe = replace(default_recipe(), scene=(), merge=Stack(), mosaic=(Balance(kelvin=3200.0),))
    merged = develop(stack(), recipe, until="scene")
    one = develop(stack().frames[1], replace(recipe, merge=default_recipe().merge), until="scene")
    assert merged.facts.balance == one.facts.balance
    np.testing.assert_allclose(merged.pixels.mean((1, 2)), one.pixels.mean((1, 2)), rtol=0.03)


def test_frames_of_another_scene_and_broken_ones_are_left_out_and_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    other = np.kron(rng.random((38, 50)), np.ones((12, 12)))[:450, :600].astype(np.float32)
    paths = []
    for index, frame in enumerate((*stack().frames, exposed(other, 5))):
        paths.append(tmp_path / f"{index}.dng")
        write(frame, paths[-1])
    broken = tmp_path / "broken.dng"
    broken.write_bytes(paths[0].read_bytes()[:3000])
    scene = Stack()(read_burst([*paths, broken]))
    assert any("3.dng was left out: it shows another scene" in note for note in scene.facts.notes)
    assert any("broken.dng was left out" in note for note in scene.facts.notes)
    np.testing.assert_array_equal(scene.pixels, Stack(reference=3)(stack()).pixels)


def test_what_cannot_be_stacked_is_refused() -> None:
    first = stack().frames[0]
    with pytest.raises(Refusal, match="at least two"):
        Stack()(Burst((first,)))
    with pytest.raises(Refusal, match="cannot be the reference"):
        Stack(reference=9)(stack())
    noise = exposed(np.random.default_rng(8).random((450, 600)).astype(np.float32), 8)
    with pytest.raises(Refusal, match="no other frame"):
        Stack(reference=1)(Burst((first, noise)))
    small = exposed(np.full((64, 64), 0.3, np.float32), 1)
    one, two = Scene(np.ones((3, 8, 8), np.float32), small.facts), Scene(np.ones((3, 8, 9), np.float32), small.facts)
    sizes = Burst([one, two])  # type: ignore[list-item]
    with pytest.raises(Refusal, match="another sensor or size"):
        Stack()(sizes)


def test_the_command_line_stacks_jpegs_and_says_what_their_light_is(tmp_path: Path) -> None:
    from anylens.image import Photo

    for index, focus in enumerate(DISTANCES):
        light = np.sqrt(np.clip(seen(focus, *MOVES[index]), 0, 1)).astype(np.float32)
        write(Photo(light[:, ::2, ::2], stack().frames[0].facts), tmp_path / f"{index}.jpg")
    files = [str(tmp_path / f"{index}.jpg") for index in range(3)]
    done = run("develop", "--burst", *files, "--merge", "focus", "-o", tmp_path / "a.jpg", "--map", tmp_path / "m.png")
    assert done.returncode == 0, done.stderr
    assert "display-referred" in done.stdout
    assert "3 frames at different focus were stacked" in done.stdout
    assert "their tones are kept" in done.stdout
    import cv2

    assert cv2.imread(str(tmp_path / "m.png")).shape == (225, 300, 3)
    one = run("develop", "--burst", files[0], "--merge", "focus", "-o", tmp_path / "b.jpg")
    assert "at least two" in failed_in_one_line(one, 1)
    assert not (tmp_path / "b.jpg").exists()


def test_the_recipe_of_a_stack_stacks_again_over_another_reference_and_up_to_a_negative(tmp_path: Path) -> None:
    for index, frame in enumerate(stack().frames):
        write(frame, tmp_path / f"{index}.dng")
    files, photo = sorted(tmp_path.glob("*.dng")), tmp_path / "a.jpg"
    assert run("develop", "--burst", *files, "--merge", "focus", "-o", photo).returncode == 0
    again = run("develop", "--burst", *files, "--recipe", photo, "--reference", "1", "-o", tmp_path / "b.jpg")
    assert (again.returncode, again.stderr) == (0, "")
    assert "3 frames at different focus were stacked" in again.stdout
    assert "Stack.reference = 1" in recipe_text(tmp_path / "b.jpg").replace("[merge.Stack]\n", "Stack.")
    negative = tmp_path / "negative.dng"
    ran = run("develop", "--burst", *files, "--merge", "focus", "--until", "mosaic", "-o", negative)
    assert (ran.returncode, ran.stderr) == (0, "")
    with rawpy.imread(str(negative)) as other:
        assert other.postprocess(use_camera_wb=True).shape == (450, 600, 3)


def test_light_of_finished_pictures_keeps_its_colours_in_a_linear_negative(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    known = replace(stack().frames[0].facts, display_referred=True, balance=(1.0, 1.0, 1.0))
    scene = Scene(rng.uniform(0.05, 0.9, (3, 40, 60)).astype(np.float32), known)
    write(scene, tmp_path / "a.dng")
    np.testing.assert_allclose(read(tmp_path / "a.dng").pixels, scene.pixels, atol=2e-4)


def test_the_stack_is_kept_as_a_linear_negative_that_others_open(tmp_path: Path) -> None:
    scene = Stack()(stack())
    write(scene, tmp_path / "a.dng")
    again = read(tmp_path / "a.dng")
    assert isinstance(again, Scene)
    lift = np.float32(2**again.facts.baseline_exposure)
    off = np.abs(again.pixels * lift - scene.pixels)
    assert off.mean() < 1e-4
    assert np.quantile(off, 0.999) < 1e-3
    assert b"Frames>3<" in (tmp_path / "a.dng").read_bytes()
    with rawpy.imread(str(tmp_path / "a.dng")) as other:
        shown = other.postprocess(use_camera_wb=True, no_auto_bright=True, gamma=(1, 1), output_bps=16)
    assert shown.shape == (450, 600, 3)
    green = shown[..., 1].astype(np.float64).ravel()
    assert np.corrcoef(green, scene.pixels[1].ravel())[0, 1] > 0.98


@pytest.mark.skipif(not STACKS.exists(), reason="the real stack is not here")
def test_of_a_real_stack_each_part_has_the_detail_of_the_frame_that_is_sharp_there() -> None:
    import cv2

    burst = read_burst([STACKS / f"pcb_00{number}.jpg" for number in (1, 4, 7)])
    whole = Stack(reference=2)(burst).pixels[1]

    def detail(plane: np.ndarray, rows: slice, columns: slice) -> float:
        root = np.sqrt(np.clip(plane[rows, columns], 0, 1))
        return float(np.square(cv2.Laplacian(root, cv2.CV_32F)).mean())

    for index, rows, columns in ((0, slice(1050, 1250), slice(400, 1050)), (2, slice(50, 400), slice(600, 1100))):
        other = burst.frames[2 - index].raw[1] / np.float32(65535)
        own = detail(burst.frames[index].raw[1] / np.float32(65535), rows, columns)
        assert detail(whole, rows, columns) > 0.75 * own
        assert own > 2 * detail(other, rows, columns)
