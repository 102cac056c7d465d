"""Bursts as people give them: whatever is wrong with them makes a photo, or one sentence and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anylens import write
from tests.bursts import exposed, hand_held
from tests.frames import facts
from tests.properties.test_command_line import failed_in_one_line, run

SIZE = (450, 600)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("frames")
    good, _ = hand_held(2)
    for index, frame in enumerate(good.frames):
        write(frame, place / f"good{index}.dng")
    boxes = np.kron(np.random.default_rng(1).random((45, 60)), np.ones((10, 10))).astype(np.float32)
    for index in range(2):
        write(exposed(0.5 * np.roll(boxes, (200 * index, 300 * index), (0, 1)), 50 + index), place / f"far{index}.dng")
        write(exposed(np.full(SIZE, 3.0, np.float32), 70 + index), place / f"white{index}.dng")
        write(exposed(np.zeros(SIZE, np.float32), 80 + index), place / f"dark{index}.dng")
        write(exposed(np.full((6, 6), 0.3, np.float32), 90 + index), place / f"tiny{index}.dng")
    write(exposed(np.full((400, 600), 0.3, np.float32), 3), place / "small.dng")
    write(exposed(np.full(SIZE, 0.3, np.float32), 3, known=facts("GBRG", *SIZE)), place / "filter.dng")
    whole = (place / "good1.dng").read_bytes()
    (place / "cut.dng").write_bytes(whole[: len(whole) // 2])
    (place / "empty.dng").write_bytes(b"")
    return place


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("good0", "way is plain"),
        ("good0 good0", "2 frames were merged"),
        ("good0 cut good1", "cut.dng was left out"),
        ("empty good0 good1", "empty.dng is empty (0 bytes); copy it from the camera again; it was left out"),
        ("good0 lost good1", "lost.dng does not exist"),
        ("far0 far1", "Only the reference was used"),
        ("white0 white1", "100 % of the picture is clipped in every frame"),
        ("dark0 dark1", "way is plain"),
        ("tiny0 tiny1", "2 frames were merged"),
    ],
)
def test_what_can_be_used_makes_a_photo(frames: Path, tmp_path: Path, names: str, said: str) -> None:
    paths = [frames / f"{name}.dng" for name in names.split()]
    ran = run("develop", "--burst", *paths, "-o", tmp_path / "a.jpg", "--map", tmp_path / "map.png")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert said in ran.stdout
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.jpg", "map.png"]


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        ("good0 good1 small", (), "small.dng is of another sensor or size"),
        ("good0 filter", (), "filter.dng is of another sensor or size"),
        ("cut empty", (), "no frame can be the reference"),
        ("cut", (), "cut"),
        ("lost", (), "lost.dng does not exist"),
        ("good0 cut", ("--reference", "2"), "no frame can be the reference"),
        ("good0 good1", ("--reference", "3"), "cannot be the reference of 2 frames"),
    ],
)
def test_what_cannot_is_one_sentence_and_nothing_is_left(
    frames: Path, tmp_path: Path, names: str, options: tuple[str, ...], said: str
) -> None:
    paths = [frames / f"{name}.dng" for name in names.split()]
    ran = run("develop", "--burst", *paths, "-o", tmp_path / "a.jpg", *options)
    assert said in failed_in_one_line(ran, 1)
    assert list(tmp_path.iterdir()) == []
