"""`anylens shoot`: frames on disk, whole and honest, and one sentence for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anylens import read
from anylens.app.command_line import run
from anylens.app.shooting import exposure_s, lists, settle, shots, steps
from anylens.app.voice import Usage
from anylens.camera.setup import Setup
from anylens.record import fields
from anylens.refusal import Refusal
from anylens.shot import Shot
from anylens.twin.scenes import options, scenes

CAMERA = "virtual:lens=ideal,scene=white-wall,aperture=4,size=64x48"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "light"))
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)


def shoot(*more: str) -> int:
    return run(["shoot", *more])


def test_frames_and_their_truth_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("-n", "2", "--exposure", "1/100", "--iso", "100", "--seed", "7", "-o", str(tmp_path / "a"), "--truth")
    assert shoot(CAMERA, *asked) == 0
    kept = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert kept == ["white-wall-0001.dng", "white-wall-0002.dng", "white-wall-truth.json", "white-wall-truth.tif"]
    said = capsys.readouterr()
    assert said.err == ""
    assert "Simulated" in said.out
    frame = read(tmp_path / "a" / kept[0])
    assert frame.facts.iso == 100.0
    assert frame.facts.exposure_s == pytest.approx(0.01, rel=1e-3)
    told = json.loads((tmp_path / "a" / kept[2]).read_text("utf-8"))
    assert told["simulated"] is True
    assert [each["file"] for each in told["frames"]] == kept[:2]
    assert told["frames"][0]["gain"] == pytest.approx(2.0)
    import tifffile

    truth = tifffile.imread(tmp_path / "a" / kept[3])
    assert truth.dtype == np.float32
    assert truth.shape == (48, 64, 3)
    assert np.ptp(truth) < 1e-3, "a white wall is the same everywhere"

    assert shoot(CAMERA, *asked[:-3], "-o", str(tmp_path / "b")) == 0
    assert (tmp_path / "a" / kept[0]).read_bytes() == (tmp_path / "b" / kept[0]).read_bytes()


def test_brackets_are_taken_whole_and_as_often_as_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shoot(CAMERA, "-n", "2", "--bracket", "-2,0,2", "-o", str(tmp_path), "--json") == 0
    frames = json.loads(capsys.readouterr().out)["frames"]
    stops = [np.log2(each["facts"]["exposure_s"] / 0.01) for each in frames]
    assert stops == pytest.approx([-2, 0, 2] * 2, abs=0.01)


def test_a_folder_is_shot_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shoot(CAMERA, "-n", "2", "-o", str(tmp_path / "raws")) == 0
    assert shoot(f"folder:{tmp_path / 'raws'}", "-n", "3", "-o", str(tmp_path / "again")) == 1
    assert "given twice" in capsys.readouterr().err
    first, second = read(tmp_path / "raws" / "white-wall-0001.dng"), read(tmp_path / "again" / "frame-0001.dng")
    assert np.array_equal(first.raw, second.raw)
    assert len(list((tmp_path / "again").iterdir())) == 2


def test_what_anylens_did_not_write_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "white-wall-0002.dng"
    theirs.write_bytes(b"a raw of someone else")
    assert shoot(CAMERA, "-n", "2", "-o", str(tmp_path)) == 0
    assert theirs.read_bytes() == b"a raw of someone else"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"white-wall-{at:04d}.dng" for at in (2, 3, 4)]


def test_earlier_frames_and_their_truth_are_never_replaced(tmp_path: Path) -> None:
    def held() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert shoot(CAMERA, "-n", "2", "--truth", "-o", str(tmp_path)) == 0
    before = held()
    assert shoot(CAMERA, "--seed", "9", "--truth", "-o", str(tmp_path)) == 0
    later = held()
    assert sorted(set(later) - set(before)) == [
        f"white-wall-0003{end}" for end in ("-truth.json", "-truth.tif", ".dng")
    ]
    told = json.loads(later["white-wall-0003-truth.json"])
    assert [each["file"] for each in told["frames"]] == ["white-wall-0003.dng"]
    assert told["picture"].startswith("white-wall-0003-truth.tif")
    for path in tmp_path.glob("*-000?.dng"):
        path.unlink()
    assert shoot(CAMERA, "--truth", "-o", str(tmp_path)) == 0
    assert (tmp_path / "white-wall-0004.dng").is_file()
    assert {name: held()[name] for name in before if "truth" in name} == {k: before[k] for k in before if "truth" in k}


def test_the_list_names_everything_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert shoot("--list", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert "xiaomi-12s-ultra-concept" in told["bodies"]
    assert "summicron_50_f2_v5" in told["lenses"]
    assert "white-wall" in told["scenes"]
    assert "d65" in told["lights"]
    assert all(sentence.strip() for kind in told.values() for sentence in kind.values())
    assert shoot("--list") == 0
    assert "summicron_50_f2_v5" in capsys.readouterr().out
    assert shoot("--list", "summilux 50") == 0
    some = capsys.readouterr().out
    assert "summilux_50_f1_4_v2" in some
    assert "summilux_35_f1_4" not in some
    assert shoot("--list", "jabberwock") == 2


def test_the_list_tells_every_setting_of_the_camera_and_of_a_scene(capsys: pytest.CaptureFixture[str]) -> None:
    told = " ".join(f"{key} {what}" for key, what in lists()["settings"].items())
    assert all(f"{each.name}=" in told for each in fields(Setup) if each.name != "options")
    for name in scenes():
        assert shoot("--list", f"virtual:scene={name}") == 0
        words = capsys.readouterr().out.replace("=", " ").split()
        assert {key for key, usual in options(name).items() if usual != ""} <= set(words)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--aperture", "0.5"), "0.5"),
        (("--distance", "-3"), "-3"),
        (("--exposure", "0"), "above 0"),
        (("--exposure", "1/0"), "1/100"),
        (("--exposure", "soon"), "soon"),
        (("--iso", "25"), "25"),
        (("--iso", "1e5"), "100000"),
        (("--bracket", "-2,x"), "-2,0,2"),
        (("-n", "0"), "whole number from 1"),
        (("--hand", "paw"), "tremor"),
        (("--light", "moon"), "d65"),
        (("--body", "nokia"), "xiaomi"),
        (("--seed", "-1"), "whole number"),
        (("--exposre", "1"), "--exposure"),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused_in_one_line(
    more: tuple[str, str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shoot(CAMERA, "-o", str(tmp_path / "out"), *more) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert says in said.err
    assert said.out == ""
    assert not (tmp_path / "out").exists()


def test_no_camera_and_truth_of_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shoot() == 2
    assert "--list" in capsys.readouterr().err
    (tmp_path / "a.dng").write_bytes(b"")
    assert shoot(f"folder:{tmp_path}", "--truth", "-o", str(tmp_path / "out")) == 2
    assert "virtual" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_times_steps_and_shots_as_they_are_typed(tmp_path: Path) -> None:
    assert exposure_s("1/100") == exposure_s("0.01") == exposure_s("1/100s")
    assert exposure_s("2") == 2.0
    assert steps("-2,0,+2") == (-2.0, 0.0, 2.0)
    assert [shot.exposure_s for shot in shots(Shot(1.0), 2, (-1.0, 1.0))] == [0.5, 2.0, 0.5, 2.0]
    with pytest.raises(Usage):
        steps("")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((Usage, Refusal)):
        settle(tmp_path / "file", "a", 1, False)


def test_a_lens_of_ones_own_is_mounted_and_a_sensor_beyond_its_image_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from importlib.resources import files

    design = files("anylens.twin.glass").joinpath("prescriptions/elcan_50_f2.toml").read_text("utf-8")
    mine = tmp_path / "mine.toml"
    mine.write_text(design.replace("image_circle_mm = 43.2", "image_circle_mm = 12.0"), "utf-8")
    camera = f"virtual:lens={mine},scene=white-wall"
    assert shoot(f"{camera},size=64x48", "-o", str(tmp_path)) == 0
    assert read(tmp_path / "white-wall-0001.dng").facts.lens.model == "Leica Elcan-M 50mm f/2 type"
    assert shoot(camera, "-o", str(tmp_path / "none")) != 0
    assert "larger than the image circle" in capsys.readouterr().err
    mine.write_text("x = [", "utf-8")
    assert shoot(camera, "-o", str(tmp_path / "none")) != 0
    assert "is no TOML" in capsys.readouterr().err
