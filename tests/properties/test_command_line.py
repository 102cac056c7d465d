"""What must be true of the command line, on good files and on bad ones."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import anylens
from anylens.app.command_line import COMMANDS
from anylens.sensor import bayer

DEMO = Path(__file__).parents[2] / "demo" / "GOPR0024.dng"
WIDTH_PX, HEIGHT_PX = 96, 64


def run(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "anylens.app", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env={**os.environ, **environment},
    )


def failed_in_one_line(ran: subprocess.CompletedProcess[str], code: int) -> str:
    assert ran.returncode == code, ran.stderr
    assert ran.stderr.count("\n") == 1, ran.stderr
    assert ran.stderr.endswith("\n")
    assert ran.stderr.startswith("anylens: ")
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "anylens itself failed" not in ran.stderr
    return ran.stderr


def write_raw(place: Path, orientation: int = 1, key: float = 0.5) -> Path:
    """A small Bayer raw of a colourful ramp."""
    y, x = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX]
    light = key * (0.2 + 0.6 * x / WIDTH_PX + 0.2 * np.sin(y / 7.0))
    raw = np.clip(512 + light * 15000, 0, 16383).astype(np.uint16)
    matrix = ((0.8, -0.2, -0.1), (-0.4, 1.2, 0.2), (-0.1, 0.2, 0.6))
    sensor = anylens.Sensor(
        name="Test Sensor",
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        cfa=bayer("RGGB"),
        black=((512.0,),),
        white=(16383.0,),
        noise=anylens.Noise((1e-4,), (1e-7,), "file"),
        calibrations=(anylens.Calibration(21, matrix),),
    )
    facts = anylens.Facts.whole(
        sensor,
        exposure_s=1 / 250,
        iso=200.0,
        body=anylens.Body("Testmaker", "Model T"),
        setting=anylens.Setting("exif", f_number=2.0, focal_mm=35.0),
        as_shot_neutral=(0.5, 1.0, 0.6),
        orientation=orientation,
    )
    anylens.write(anylens.Frame(raw, facts), place)
    return place


def picture(place: Path) -> np.ndarray:
    """The pixels (H, W, 3) of a picture, as another program reads it."""
    from PIL import Image

    with Image.open(place) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raw(tmp_path_factory.mktemp("raw") / "small.dng")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    place = tmp_path / "broken.dng"
    place.write_bytes(b"II*\0" + bytes(range(256)))
    return place


def test_version_is_the_package_version() -> None:
    assert run("--version").stdout == f"anylens {anylens.__version__}\n"


def test_version_and_import_load_no_other_package() -> None:
    code = (
        "import sys; sys.argv = ['anylens', '--version']; from anylens.app.__main__ import main; main();"
        "print(sorted({'argparse', 'numpy', 'rawpy', 'imagecodecs'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_raw_becomes_a_jpeg_beside_it(raw: Path, tmp_path: Path) -> None:
    source = tmp_path / raw.name
    source.write_bytes(raw.read_bytes())
    ran = run("develop", source)
    assert (ran.returncode, ran.stderr) == (0, "")
    place = tmp_path / "small.jpg"
    assert place.read_bytes()[:3] == b"\xff\xd8\xff"
    assert str(place) in ran.stdout
    assert f"{WIDTH_PX} x {HEIGHT_PX} px" in ran.stdout
    assert source.read_bytes() == raw.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.dng", "small.jpg"]


def test_json_names_place_stages_and_times(raw: Path, tmp_path: Path) -> None:
    told = json.loads(run("develop", raw, "-o", tmp_path / "a.jpg", "--set", "Tone.contrast=1.5", "--json").stdout)
    (photo,) = told["developed"]
    assert told["failed"] == []
    assert Path(photo["place"]) == tmp_path / "a.jpg"
    assert (photo["width_px"], photo["height_px"]) == (WIDTH_PX, HEIGHT_PX)
    stages = [step["stage"] for step in photo["steps"]]
    assert stages[0] == "Read"
    assert stages[-1] == "Write"
    assert stages.index("Merge") < stages.index("Demosaic") < stages.index("Tone")
    assert {s["stage"]: s["settings"] for s in photo["steps"]}["Tone"] == {"contrast": 1.5}
    assert sum(step["seconds"] or 0.0 for step in photo["steps"]) <= photo["seconds"]


def test_asked_for_the_time_every_stage_has_one(raw: Path, tmp_path: Path) -> None:
    told = json.loads(run("develop", raw, "-o", tmp_path / "a.jpg", "--time", "--json").stdout)
    assert all(step["seconds"] is not None for step in told["developed"][0]["steps"])


def test_a_photo_is_its_own_recipe_to_the_byte(raw: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "first.jpg", tmp_path / "again.jpg"
    assert run("develop", raw, "-o", first, "--look", "vibrant", "--set", "Expose.ev=0.4").returncode == 0
    assert run("develop", raw, "-o", again, "--recipe", first).returncode == 0
    assert again.read_bytes() == first.read_bytes()
    plain = tmp_path / "plain.jpg"
    assert run("develop", raw, "-o", plain).returncode == 0
    assert plain.read_bytes() != first.read_bytes()


def test_scene_is_float_and_mosaic_is_a_raw_again(raw: Path, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    assert run("develop", raw, "-o", tmp_path / "a.tif", "--until", "scene").returncode == 0
    scene = tifffile.imread(tmp_path / "a.tif")
    assert (scene.dtype, scene.shape) == (np.float32, (HEIGHT_PX, WIDTH_PX, 3))
    assert run("develop", raw, "-o", tmp_path / "m.dng", "--until", "mosaic").returncode == 0
    mosaic = anylens.read(tmp_path / "m.dng")
    assert isinstance(mosaic, anylens.Frame)
    assert mosaic.facts.sensor.cfa == bayer("RGGB")


def test_inspect_shows_every_stage_and_none_of_it_black(raw: Path, tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    dark = write_raw(tmp_path / "dark.dng", key=0.01)
    told = json.loads(run("develop", dark, "-o", tmp_path / "a.jpg", "--inspect", tmp_path / "way", "--json").stdout)
    (photo,) = told["developed"]
    pictures = [Path(picture) for picture in photo["pictures"]]
    assert [p.stem[3:] for p in pictures] == [step["stage"] for step in photo["steps"][1:-1]]
    assert pictures == sorted((tmp_path / "way").iterdir())
    linear = [p for p in pictures if p.stem[3:] not in ("Tone", "Sharpen")]
    assert min(picture(p).mean() for p in linear) > 60


def test_size_bounds_the_longest_side_also_of_a_turned_photo(tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    turned = write_raw(tmp_path / "turned.dng", orientation=6)
    ran = run("develop", turned, "-o", tmp_path / "a.jpg", "--size", 48, "--json")
    (photo,) = json.loads(ran.stdout)["developed"]
    assert picture(tmp_path / "a.jpg").shape == (photo["height_px"], photo["width_px"], 3) == (48, 32, 3)


def test_one_bad_file_does_not_stop_the_others(raw: Path, broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    others = [write_raw(tmp_path / f"{n}.dng") for n in range(3)]
    missing = tmp_path / "missing.dng"
    ran = run("develop", others[0], broken, others[1], missing, others[2], "-o", out)
    assert ran.returncode == 1
    complaints = ran.stderr.splitlines()
    assert len(complaints) == 2
    assert {name for name in ("broken.dng", "missing.dng") if any(name in line for line in complaints)} == {
        "broken.dng",
        "missing.dng",
    }
    assert sorted(p.name for p in out.iterdir()) == ["0.jpg", "1.jpg", "2.jpg"]


def test_photos_made_together_equal_photos_made_alone(raw: Path, tmp_path: Path) -> None:
    sources = [write_raw(tmp_path / f"{n}.dng", key=0.2 + 0.2 * n) for n in range(3)]
    assert run("develop", *sources, "-o", tmp_path / "together").returncode == 0
    for source in sources:
        alone = tmp_path / "alone.jpg"
        assert run("develop", source, "-o", alone).returncode == 0
        assert alone.read_bytes() == (tmp_path / "together" / f"{source.stem}.jpg").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "Tone.contrast=99"], "range"),
        (["--set", "Tune.contrast=1"], "Tone"),
        (["--set", "Tone.contrust=1"], "contrast"),
        (["--set", "nonsense"], "Stage.field=value"),
        (["--look", "vibrent"], "vibrant"),
        (["--recipe", "nowhere.toml"], "nowhere.toml"),
        (["--look", "none", "--recipe", "a.jpg"], "choose one"),
        (["--until", "breakfast"], "scene"),
        (["--size", "large"], "--size"),
        (["--size", "-4"], "whole number from 1"),
        (["-o", "a.xcf"], ".jpg"),
        (["-o", "a.jpg", "--until", "mosaic"], ".dng"),
        (["-o", "nowhere/a.jpg"], "nowhere"),
        (["--colour"], "--colour"),
        (["--outptu", "a.jpg"], "--output"),
        (["--sensor", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_bad_usage_is_one_line_before_any_file_is_touched(
    raw: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    line = failed_in_one_line(run("develop", raw, *arguments, cwd=tmp_path), 2)
    assert says in line
    assert list(tmp_path.iterdir()) == []
    assert [p.name for p in raw.parent.iterdir()] == [raw.name]


def test_commands_that_do_not_exist_and_files_that_are_not_named(tmp_path: Path) -> None:
    assert "frobnicate" in failed_in_one_line(run("frobnicate"), 2)
    assert "develop" in failed_in_one_line(run("devlop"), 2)
    assert "FILE" in failed_in_one_line(run("develop"), 2)
    assert "FILE" in failed_in_one_line(run("info"), 2)


def test_an_instruction_set_that_is_none_is_bad_usage(raw: Path, tmp_path: Path) -> None:
    ran = run("develop", raw, "-o", tmp_path / "a.jpg", ANYLENS_INSTRUCTIONS="abacus")
    assert "abacus" in failed_in_one_line(ran, 2)
    assert list(tmp_path.iterdir()) == []


def test_outputs_never_meet_each_other_or_an_input(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first, second = write_raw(tmp_path / "one" / "a.dng"), write_raw(tmp_path / "two" / "a.dng")
    assert "a.jpg" in failed_in_one_line(run("develop", first, second, "-o", tmp_path / "out"), 2)
    assert "folder" in failed_in_one_line(run("develop", first, second, "-o", tmp_path / "a.jpg"), 2)
    before = first.read_bytes()
    assert "overwritten" in failed_in_one_line(run("develop", first, "-o", first, "--until", "mosaic"), 2)
    assert first.read_bytes() == before
    assert not (tmp_path / "out").exists()


def test_a_picture_that_anylens_did_not_make_is_left_alone(tmp_path: Path) -> None:
    raw = write_raw(tmp_path / "a.dng")
    camera_jpeg = tmp_path / "a.jpg"
    camera_jpeg.write_bytes(b"\xff\xd8\xff the camera's own")
    assert "left alone" in failed_in_one_line(run("develop", raw), 1)
    assert camera_jpeg.read_bytes() == b"\xff\xd8\xff the camera's own"
    assert run("develop", raw, "-o", camera_jpeg).returncode == 0
    developed = camera_jpeg.read_bytes()
    assert run("develop", raw).returncode == 0
    assert camera_jpeg.read_bytes() == developed


@pytest.mark.parametrize("command", ["develop", "info"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.dng", b""),
        ("random.dng", bytes(np.random.default_rng(1).integers(0, 256, 5000, np.uint8))),
        ("header.dng", b"II*\0\x08\0\0\0"),
        ("loop.dng", b"II*\0\x08\0\0\0\x00\x00\x08\0\0\0"),
        ("text.nef", b"this is no picture at all\n" * 50),
        ("photo.dng", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9"),
        ("two\nlines.dng", b"II*\0"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path: Path, command: str, name: str, content: bytes) -> None:
    place = tmp_path / name
    place.write_bytes(content)
    failed_in_one_line(run(command, place), 1)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("command", ["develop", "info"])
def test_empty_folders_and_missing_files_are_refused_in_one_line(tmp_path: Path, command: str) -> None:
    assert "nothing.dng" in failed_in_one_line(run(command, tmp_path / "nothing.dng"), 1)
    folder = tmp_path / "folder.dng"
    folder.mkdir()
    assert "holds no raw files" in failed_in_one_line(run(command, folder), 2)
    for name in ("left", "right", "empty"):
        (folder / name).mkdir()
    for name in ("left", "right"):
        write_raw(folder / name / "a.dng")
    assert "those in it do (left, right), name these" in failed_in_one_line(run(command, folder), 2)


def test_a_folder_stands_for_the_raws_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    for name in ("shot-10.dng", "shot-9.DNG", ".hidden.dng"):
        write_raw(folder / name)
    for name in ("shot-9.jpg", "shot-9.xmp", "notes.txt", "Thumbs.db", "map.png"):
        (folder / name).write_bytes(b"no raw")
    (folder / "older.dng").mkdir()
    ran = run("info", folder, "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [Path(told["file"]).name for told in json.loads(ran.stdout)["files"]] == ["shot-9.DNG", "shot-10.dng"]
    assert run("develop", folder, "-o", tmp_path / "photos").returncode == 0
    assert sorted(photo.name for photo in (tmp_path / "photos").iterdir()) == ["shot-10.jpg", "shot-9.jpg"]


def test_a_truncated_raw_leaves_nothing(raw: Path, tmp_path: Path) -> None:
    whole = raw.read_bytes()
    for kept in (9, 100, len(whole) // 2, len(whole) - 1):
        place = tmp_path / "cut.dng"
        place.write_bytes(whole[:kept])
        ran = run("develop", place)
        if ran.returncode == 0:
            assert (tmp_path / "cut.jpg").exists()
            continue
        failed_in_one_line(ran, 1)
        assert [p.name for p in tmp_path.iterdir()] == ["cut.dng"]


def test_a_file_where_a_folder_should_be(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for target in ("file/", "file/deeper/", "file/a.jpg"):
        failed_in_one_line(run("develop", raw, "-o", f"{tmp_path}/{target}"), 2)
    failed_in_one_line(run("develop", raw, "-o", tmp_path / "a.jpg", "--inspect", tmp_path / "file"), 2)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_info_tells_all_facts(raw: Path) -> None:
    told = run("info", raw)
    assert told.returncode == 0
    for word in ("Model T", "1/250 s", "f/2", "35 mm", "Bayer RGGB", "512", "16383"):
        assert word in told.stdout
    (file,) = json.loads(run("info", raw, "--json").stdout)["files"]
    facts = file["facts"]
    assert set(facts) == {field.name for field in dataclasses.fields(anylens.Facts)}
    assert facts["sensor"]["cfa"] == [["R", "G"], ["G", "B"]]
    assert facts["exposure_s"] == pytest.approx(1 / 250)


def test_help_names_every_command_and_every_command_has_help_of_80_columns() -> None:
    overview = run("--help", COLUMNS="80")
    assert (overview.returncode, overview.stderr) == (0, "")
    assert run(COLUMNS="80").stdout == overview.stdout
    for name, does in COMMANDS.items():
        assert f"  {does}\n" in overview.stdout
        told = run(*name.split(), "--help", COLUMNS="80")
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout.startswith(f"usage: anylens {name}")
        assert does in " ".join(told.stdout.split())
        assert max(map(len, (overview.stdout + told.stdout).splitlines())) <= 80


def test_options_and_files_come_in_any_order(tmp_path: Path) -> None:
    first, second = write_raw(tmp_path / "a.dng"), write_raw(tmp_path / "b.dng")
    assert run("develop", first, "-o", tmp_path / "out", second).returncode == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.jpg", "b.jpg"]


def test_a_file_may_begin_like_an_option(tmp_path: Path) -> None:
    write_raw(tmp_path / "-a.dng")
    assert run("develop", "--", "-a.dng", cwd=tmp_path).returncode == 0
    assert (tmp_path / "-a.jpg").exists()


def test_a_table_is_as_wide_as_the_terminal() -> None:
    for columns in (60, 90):
        lines = run("info", DEMO, COLUMNS=str(columns)).stdout.splitlines()
        assert columns - 20 < max(map(len, lines)) <= columns


def test_looks_and_doctor_speak() -> None:
    listed = run("looks")
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in anylens.looks())
    assert "Tone.contrast" in listed.stdout
    checked = run("doctor", ANYLENS_INSTRUCTIONS="reference")
    assert checked.returncode == 0
    assert "reference" in checked.stdout
    assert "NumPy" in checked.stdout


def test_a_closed_pipe_is_no_error(raw: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        [sys.executable, "-m", "anylens.app", "info", str(raw), "--json"],
        check=False,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert ran.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_is_no_error(raw: Path, closed: str) -> None:
    command = f'"{sys.executable}" -m anylens.app info "{raw}" {closed}'
    ran = subprocess.run(command, shell=True, check=False, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_demo_raw_is_described_without_a_word_on_stderr() -> None:
    ran = run("info", DEMO)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "HERO6" in ran.stdout
    assert "1/455 s" in ran.stdout
