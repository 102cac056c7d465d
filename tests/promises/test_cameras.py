"""Every backend keeps the Camera protocol."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from anylens import camera
from anylens.camera import Camera
from anylens.camera.virtual import Virtual
from anylens.files import write
from anylens.frame import Frame
from anylens.refusal import Refusal
from anylens.shot import Shot, bracket
from tests.frames import grey, sampled


@dataclass(frozen=True)
class Backend:
    """One kind of camera: how to open it, and how to pull its plug (None where nothing can be pulled)."""

    opened: Callable[[], Camera]
    unplug: Callable[[], None] | None = None


def virtual(folder: Path) -> Backend:
    return Backend(lambda: camera.open("virtual:lens=ideal,scene=white-wall,aperture=4,size=64x48,seed=1"))


def folder_of_raws(folder: Path) -> Backend:
    raws = folder / "raws"
    raws.mkdir()
    for at in (1, 2, 3, 4, 5, 6, 10):
        facts = {"exposure_s": at / 100.0, "iso": 100.0}
        write(sampled(grey(0.2 + 0.01 * at, 32, 32), **facts), raws / f"shot-{at}.dng")
    return Backend(lambda: camera.open(f"folder:{raws}"), lambda: shutil.rmtree(raws))


@pytest.fixture(params=[virtual, folder_of_raws])
def backend(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Backend:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "light"))
    made: Backend = request.param(tmp_path)
    return made


def test_it_is_a_camera(backend: Backend) -> None:
    assert isinstance(backend.opened(), Camera)


def test_one_frame_a_shot_in_order(backend: Backend) -> None:
    asked = bracket(Shot(0.01, 2.0), 0, 2, -1, 0, 0)
    frames = list(backend.opened().capture(asked))
    assert [frame.facts.shot for frame in frames] == list(asked)


def test_a_second_capture_goes_on(backend: Backend) -> None:
    opened = backend.opened()
    first = list(opened.capture([Shot(0.01)]))
    second = list(opened.capture([Shot(0.01), Shot(0.02)]))
    assert [frame.facts.shot for frame in first + second] == [Shot(0.01), Shot(0.01), Shot(0.02)]
    assert not any(np.array_equal(one.raw, two.raw) for one, two in itertools.combinations(first + second, 2))


def test_facts_are_there(backend: Backend) -> None:
    (frame,) = backend.opened().capture([Shot(0.01)])
    facts = frame.facts
    assert facts.exposure_s is not None
    assert facts.exposure_s > 0.0
    assert facts.iso is not None
    assert facts.active_shape == frame.raw.shape
    assert (facts.sensor.height_px, facts.sensor.width_px) == frame.raw.shape
    assert facts.sensor.noise is not None
    assert facts.sensor.calibrations
    assert facts.as_shot_neutral is not None
    assert max(facts.as_shot_neutral) == pytest.approx(1.0)


def test_raw_is_read_only(backend: Backend) -> None:
    (frame,) = backend.opened().capture([Shot(0.01)])
    with pytest.raises(ValueError, match="read-only"):
        frame.raw[0, 0] = 1


def test_nothing_is_taken_before_it_is_wanted(backend: Backend) -> None:
    """An endless iterable is fine, and shot k is asked for only when frame k is wanted."""
    given: list[Shot] = []

    def endless() -> Iterator[Shot]:
        while True:
            given.append(Shot(0.01))
            yield given[-1]

    frames = backend.opened().capture(endless())
    assert given == []
    for number in (1, 2, 3):
        next(frames)
        assert len(given) == number


def test_a_shot_may_depend_on_the_frame_before(backend: Backend) -> None:
    frames: list[Frame] = []

    def following() -> Iterator[Shot]:
        yield Shot(0.004)
        while True:
            seen = frames[-1].facts.shot
            assert seen is not None
            yield seen.stops(1.0)

    for frame in itertools.islice(backend.opened().capture(following()), 3):
        frames.append(frame)  # noqa: PERF402
    assert [frame.facts.shot for frame in frames] == [Shot(0.004), Shot(0.008), Shot(0.016)]


def test_closing_twice_is_fine_and_then_nothing_is_captured(backend: Backend) -> None:
    opened = backend.opened()
    frames = opened.capture(itertools.repeat(Shot(0.01)))
    next(frames)
    opened.close()
    opened.close()
    with pytest.raises(Refusal, match="closed"):
        next(frames)
    with pytest.raises(Refusal, match="closed"):
        opened.capture([Shot(0.01)])


def test_unplugging_raises(backend: Backend) -> None:
    if backend.unplug is None:
        pytest.skip("a virtual camera has no plug")
    frames = backend.opened().capture(itertools.repeat(Shot(0.01)))
    next(frames)
    backend.unplug()
    with pytest.raises(Refusal, match="gone"):
        next(frames)


def test_a_raw_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    raws = tmp_path / "raws"
    raws.mkdir()
    write(sampled(grey(0.2, 32, 32)), raws / "whole.dng")
    (raws / "broken.dng").write_bytes((raws / "whole.dng").read_bytes()[:200])
    with pytest.raises(Refusal, match=r"broken\.dng"):
        next(camera.open(f"folder:{raws}").capture([Shot(0.01)]))


@pytest.mark.parametrize("name", ["virtul:lens=ideal", "folder:/nowhere/at/all", "folder:", "camera", ""])
def test_cameras_that_there_are_not_are_refused(name: str) -> None:
    with pytest.raises(Refusal):
        camera.open(name)


@pytest.mark.parametrize("name", [3, None, b"virtual:", ["virtual:"], Path("raws")])
def test_what_is_no_name_opens_no_camera(name: object) -> None:
    with pytest.raises(Refusal, match="is no text; give one"):
        camera.open(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("shots", [None, 3, Shot(0.01), "shot", [3], [Shot(0.01), None], {0.01: "a set of no shots"}])
def test_what_is_no_shot_is_refused_in_one_sentence(backend: Backend, shots: object) -> None:
    with pytest.raises(Refusal, match=r"A camera is asked for shots .*; give \[Shot"):
        list(backend.opened().capture(shots))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"lens": 3}, "no lens '3'"),
        ({"size": (64,)}, "is not like 640x480"),
        ({"seed": 1.5}, "not a whole number"),
        ({"aperture": [2, 4]}, "not a number"),
        ({"scene": 7}, "no scene '7'"),
    ],
)
def test_settings_that_are_not_what_they_should_be_are_refused(settings: dict[str, object], why: str) -> None:
    with pytest.raises(Refusal, match=why):
        camera.open("virtual:lens=ideal", **settings)


def test_settings_mean_the_same_as_numbers_and_as_text() -> None:
    said = camera.open("virtual:lens=ideal,size=64x48,aperture=4,tilt=0.1/0.05,distance=inf,seed=3")
    given = camera.open("virtual:lens=ideal", size=(64, 48), aperture=4, tilt=(0.1, 0.05), distance=math.inf, seed=3)
    assert isinstance(said, Virtual)
    assert isinstance(given, Virtual)
    assert said.setup == given.setup


@pytest.mark.parametrize("crop", [3, "abcd", (0, 0, 8), (0, 0, 8, 8, 8), (0, 0, 8.5, 8), (0, None, 8, 8)])
def test_a_crop_without_four_sides_in_pixels_is_no_shot(crop: object) -> None:
    with pytest.raises(ValueError, match="it has four sides"):
        Shot(0.01, crop=crop)  # type: ignore[arg-type]
