"""The way of a burst: its facts choose plain, night or hdr; what the user says wins; night stays night."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anylens import develop, write
from anylens.darkroom import default_recipe, in_way, way_of
from anylens.frame import Facts, Frame
from anylens.lens import Setting
from tests.bursts import hand_held
from tests.frames import facts, grey, sampled
from tests.properties.test_command_line import run

WARM_NEUTRAL = (0.9, 1.0, 0.35)


def test_facts_choose_the_way() -> None:
    def way(span_ev: float = 0.0, **known: object) -> str:
        return way_of(facts(**known), span_ev).way  # type: ignore[arg-type]

    assert way() == "plain"
    assert way(exposure_s=1 / 100, iso=100.0) == "plain"
    assert way(exposure_s=1 / 8, iso=1600.0) == "night"
    assert way(exposure_s=1 / 8, iso=1600.0, setting=Setting("exif", 16.0)) == "plain"
    assert way(exposure_s=10.0) == "night"
    assert way(2.0, exposure_s=1 / 8, iso=1600.0) == "hdr"


def mean_of(frame: Frame, way: str) -> np.ndarray:
    pixels = develop(frame, in_way(default_recipe(), way)).pixels  # type: ignore[arg-type]
    return np.asarray(pixels[:, 8:-8, 8:-8].mean(axis=(1, 2)))


def test_night_is_less_bright_and_keeps_some_of_the_lamps_colour() -> None:
    frame = sampled(np.asarray(0.02 * np.ones((3, 48, 64)) * np.array(WARM_NEUTRAL)[:, None, None]))
    frame = replace(frame, facts=replace(frame.facts, as_shot_neutral=WARM_NEUTRAL))
    plain, night = mean_of(frame, "plain"), mean_of(frame, "night")
    assert np.ptp(plain) < 0.02
    assert night[0] > night[1] > night[2], "a tungsten lamp stays warm"
    assert night.mean() < 0.85 * plain.mean()


def test_daylight_has_no_warmth_to_keep() -> None:
    from anylens.darkroom.light import warmer

    day: Facts = sampled(grey(0.2)).facts
    assert warmer(day, (0.5, 1.0, 0.75), 1.0) == (0.5, 1.0, 0.75)
    half, whole = (warmer(day, WARM_NEUTRAL, amount) for amount in (0.5, 1.0))
    assert WARM_NEUTRAL[2] < half[2] < whole[2]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("night")
    burst, _ = hand_held(3)
    for index, frame in enumerate(burst.frames):
        write(replace(frame, facts=replace(frame.facts, exposure_s=0.25, iso=3200.0)), place / f"{index}.dng")
    return place


@pytest.mark.parametrize(
    ("options", "auto", "said"),
    [
        ([], 0.4, True),
        (["--merge", "night"], 0.4, False),
        (["--merge", "super"], 0.4, True),
        (["--merge", "robust"], None, False),
        (["--set", "Expose.auto=0.7"], 0.7, True),
    ],
)
def test_the_choice_is_said_and_a_setting_wins(
    night: Path, tmp_path: Path, options: list[str], auto: float | None, said: bool
) -> None:
    ran = run("develop", "--burst", night, "-o", tmp_path / "a.jpg", "--json", *options)
    assert ran.returncode == 0, ran.stderr
    (photo,) = json.loads(ran.stdout)["developed"]
    (settings,) = [step["settings"] for step in photo["steps"] if step["stage"] == "Expose"]
    assert settings.get("auto") == auto
    assert any("way is night" in note for note in photo["notes"]) == said


@pytest.mark.parametrize("asked", ["mean", "robust", "night", "focus"])
def test_a_way_that_was_asked_for_is_not_said_to_be_plain(tmp_path: Path, asked: str) -> None:
    for index, frame in enumerate(hand_held(2)[0].frames):
        write(frame, tmp_path / f"{index}.dng")
    ran = run("develop", "--burst", tmp_path, "--merge", asked, "-o", tmp_path / "a.jpg", "--json")
    assert ran.returncode == 0, ran.stderr
    assert "the way is" not in ran.stdout
