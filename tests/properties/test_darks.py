"""Dark frames: kept by their facts, taken off where they fit and nowhere else, and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anylens import Refusal, write
from anylens.files.darks import Darks, add_dark, darks_in
from anylens.files.fits import read_fits
from anylens.frame import Frame
from tests.frames import facts
from tests.properties.test_command_line import failed_in_one_line, run

HEIGHT, WIDTH, LONG_S = 64, 96, 8.0
M94 = Path(__file__).parents[3] / "shared" / "data" / "burst_m94"


def glow() -> np.ndarray:
    """Counts that a warm sensor adds: an amplifier's glow in one corner, and hot pixels."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    pattern = 60 * np.exp(-((HEIGHT - y) ** 2 + (WIDTH - x) ** 2) / 600.0)
    rng = np.random.default_rng(7)
    pattern[rng.integers(0, HEIGHT, 30), rng.integers(0, WIDTH, 30)] += rng.uniform(200, 1500, 30)
    return pattern


def counted(light: float, seed: int, **known: object) -> Frame:
    told = facts("RGGB", HEIGHT, WIDTH, **{"exposure_s": LONG_S, "iso": 800.0, "temperature_c": 20.0, **known})
    mean = 261.0 + glow() + 3839 * light
    counts = np.random.default_rng(seed).normal(mean, 3.0)
    return Frame(np.clip(np.rint(counts), 0, 4095).astype(np.uint16), told)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("darks")
    frames = [counted(0.0, seed, temperature_c=19.0 + 0.1 * seed) for seed in range(16)]
    add_dark(frames, [f"d{seed}" for seed in range(16)], place)
    return place


def test_what_a_sensor_counts_in_the_dark_goes_and_black_is_what_it_said(library: Path) -> None:
    frame = counted(0.1, 99)
    cleaned = Darks(library).taken_off(frame)
    left = cleaned.raw.astype(float) - np.array(cleaned.facts.sensor.black).mean()
    assert abs(left.mean() - 383.9) < 1.0
    assert left.std() < 3.6
    assert (frame.raw - frame.raw.mean()).std() > 20
    assert any("dark frame was taken off" in note and "mean of 16" in note for note in cleaned.facts.notes)


def test_clipped_sites_stay_clipped(library: Path) -> None:
    frame = counted(1.5, 99)
    assert (Darks(library).taken_off(frame).raw == 4095).all()


@pytest.mark.parametrize(
    "known", [{"exposure_s": 4.0}, {"iso": 1600.0}, {"temperature_c": 30.0}, {"iso": None}, {"exposure_s": None}]
)
def test_a_dark_frame_of_other_facts_is_not_used(library: Path, known: dict[str, object]) -> None:
    frame = counted(0.1, 99, **known)
    assert Darks(library).taken_off(frame) is frame


def test_a_temperature_that_is_not_known_is_no_obstacle(library: Path) -> None:
    frame = counted(0.1, 99, temperature_c=None)
    assert Darks(library).taken_off(frame) is not frame


def test_what_is_not_dark_or_not_alike_is_refused(tmp_path: Path) -> None:
    for frames, said in (
        ([counted(0.4, 1)], "not dark"),
        ([counted(0.0, 1), counted(0.0, 2, iso=100.0)], "not like"),
        ([counted(0.0, 1, exposure_s=None)], "how long"),
    ):
        with pytest.raises(Refusal, match=said):
            add_dark(frames, [f"d{at}" for at in range(len(frames))], tmp_path)
    assert darks_in(tmp_path) == []


def test_an_exposure_of_no_length_is_none(library: Path, tmp_path: Path) -> None:
    frame = counted(0.0, 1, exposure_s=0.0)
    with pytest.raises(Refusal, match="how long it was exposed"):
        add_dark([frame], ["a"], tmp_path)
    assert Darks(library).taken_off(frame) is frame


def test_damaged_files_in_the_library_are_passed_over(library: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.npz").write_bytes(b"PK\x03\x04junk")
    (tmp_path / "nothing.npz").write_bytes(b"")
    (place,) = [each for each, _ in darks_in(library)]
    (tmp_path / place.name).write_bytes(place.read_bytes())
    assert [known.frames for _, known in darks_in(tmp_path)] == [16]


def test_from_the_command_line(tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path / "home")}
    (tmp_path / "darks").mkdir()
    for seed in range(2):
        write(counted(0.0, seed), tmp_path / "darks" / f"d{seed}.dng")
    write(counted(0.5, 51), tmp_path / "day.dng")
    write(counted(0.1, 50), tmp_path / "light.dng")
    assert "no dark frames" in run("dark", "list", **home).stdout
    added = run("dark", "add", tmp_path / "darks", **home)
    assert (added.returncode, added.stderr) == (0, "")
    assert "mean of 2" in added.stdout
    assert "8 s" in run("dark", "list", **home).stdout
    for options, used in (((), True), (("--no-darks",), False)):
        ran = run("develop", tmp_path / "light.dng", "-o", tmp_path / "a.jpg", *options, **home)
        assert ran.returncode == 0
        assert ("dark frame was taken off" in ran.stdout) == used
    assert "not dark" in failed_in_one_line(run("dark", "add", tmp_path / "day.dng", **home), 2)


@pytest.mark.skipif(not M94.is_dir(), reason="the telescope's frames lie beside the checkout only")
def test_a_telescope_tells_gain_and_temperature() -> None:
    place = min(M94.glob("*.fit.gz"))
    known = read_fits(place, place.read_bytes()).facts
    assert known.temperature_c == pytest.approx(25.125)
    assert known.gain == pytest.approx(10 ** (80 / 200))
