"""Small renders are the same to the eye as those that are kept, on every instruction set."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from anylens.kernels.library import LIBRARY, X86_FLAGS, supported_sets
from tests.golden import update
from tests.golden.compare import LARGEST, MEAN, compare
from tests.golden.pictures import FOLDER, Bytes, golden, names, rendered

ROOT = FOLDER.parents[1]
TO_UPDATE = 'if it is meant: python -m tests.golden.update --reason "..."'


def assert_same_to_the_eye(photo: Bytes, name: str) -> None:
    kept = golden(name)
    assert photo.shape == kept.shape, f"{name} has another size; {TO_UPDATE}"
    found = compare(photo, kept)
    assert found.mean <= MEAN, f"{name} is {found.mean:.2f} from what it was on average; {TO_UPDATE}"
    assert found.largest <= LARGEST, f"{name} is {found.largest:.2f} from what it was at {found.at}; {TO_UPDATE}"


@pytest.mark.parametrize("name", names())
def test_a_picture_is_what_it_was(name: str) -> None:
    assert_same_to_the_eye(rendered(name), name)


@pytest.mark.skipif(not LIBRARY.exists(), reason="no kernels are compiled for this machine")
@pytest.mark.parametrize("instructions", [*X86_FLAGS, "neon", "reference"])
def test_every_instruction_set_makes_the_same_pictures(
    instructions: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if instructions not in (*supported_sets(), "reference"):
        pytest.skip(f"this machine has no {instructions}")
    path = tmp_path_factory.mktemp("golden") / "pictures.npz"
    subprocess.run(
        [sys.executable, "-m", "tests.golden.pictures", str(path)],
        cwd=ROOT,
        env=os.environ | {"ANYLENS_INSTRUCTIONS": instructions},
        check=True,
    )
    with np.load(path) as photos:
        assert sorted(photos) == sorted(names())
        for name in names():
            assert_same_to_the_eye(photos[name], name)


def test_every_kept_picture_has_its_reason() -> None:
    assert sorted(update.kept()) == sorted(f"{name}.png" for name in names())
    told = update.told()
    unexplained = [name for name, checksum in update.kept().items() if told.get(name) != checksum]
    assert not unexplained, f"changed without a reason; {TO_UPDATE}"
    assert update.reasons()
    assert all(map(update.is_reason, update.reasons()))


@pytest.mark.parametrize("reason", ["", "better", "new\nlook here now", "much better"])
def test_what_is_no_reason_is_refused(reason: str) -> None:
    before = update.REASONS.read_bytes()
    command = [sys.executable, "-m", "tests.golden.update", "--reason", reason]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "three words" in refused.stderr
    assert update.REASONS.read_bytes() == before


def test_the_kept_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.png")) < 600_000
    assert all(max(golden(name).shape) <= 256 for name in names())
