"""What `lens calibrate` and `lens chart` promise: a passport from any pictures, added to, and nothing lost."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from anylens.app import voice
from anylens.app.command_line import run
from anylens.files import read, write
from anylens.lab.grids import find_grid
from anylens.lab.samples import Samples
from anylens.lens import Setting, read_passport
from anylens.sensor import Calibration
from tests.flats import Silicon, flat

CHESSBOARDS = Path(__file__).parents[3] / "shared" / "data" / "lens_chessboard"
GIVEN = ["--body", "test", "--pitch", "4"]


@pytest.fixture(autouse=True)
def _heard(monkeypatch):
    """What is said on stderr is for the test to read."""
    monkeypatch.setattr(voice, "quiet_libraries", lambda: None)


@pytest.fixture
def flats(tmp_path):
    """Two raws of an even surface that falls off to 60 % in the corners."""
    y, x = np.mgrid[:240, :320]
    light = 1.0 - 0.4 * ((x - 159.5) ** 2 + (y - 119.5) ** 2) / 200.0**2
    files = []
    for seed in range(2):
        path = tmp_path / f"flat{seed}.dng"
        frame = flat(Silicon(), light * 5000.0, seed)
        colored = replace(frame.facts.sensor, calibrations=(Calibration(21, ((1, 0, 0), (0, 1, 0), (0, 0, 1))),))
        write(replace(frame, facts=replace(frame.facts, sensor=colored)), path)
        files.append(str(path))
    return files


def passport_of(files, *more):
    return ["lens", "calibrate", "Test 50", "--flat", *files, *GIVEN, *more]


def test_flats_make_a_passport_and_a_second_aperture_is_added_to_it(flats, tmp_path, capsys) -> None:
    place = tmp_path / "p.toml"
    assert run(passport_of(flats, "--aperture", "2", "-o", str(place))) == 0
    said = capsys.readouterr().out
    assert "unknown: Distortion is unknown." in said
    assert "the picture that would help most" in said
    first = read_passport(place)
    (section,) = first.vignetting
    corner = 1.0 + sum(section.radial)
    assert corner == pytest.approx(0.6, abs=0.01)
    assert section.f_number == 2.0
    assert section.frames == 2
    assert all(error > 0.0 for error in section.radial_error + section.centre_mm_error)
    assert abs(section.centre_mm[0]) < 2.0 * section.centre_mm_error[0] + 0.02
    page = tmp_path / "r.html"
    assert run(passport_of(flats, "--aperture", "8", "-o", str(place), "--report", str(page))) == 0
    assert [each.f_number for each in read_passport(place).vignetting] == [2.0, 8.0]
    assert read_passport(tmp_path / "p.1.toml") == first
    assert "Falloff" in page.read_text("utf-8") or "falloff" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--body", "Other"], "was taken with test"),
        (["--pitch", "0"], "from 0.3 to 100 um"),
        (["--aperture", "-1"], "from 0.3 to 256"),
    ],
)
def test_what_cannot_be_leaves_the_passport_as_it_was(flats, tmp_path, capsys, more, why) -> None:
    place = tmp_path / "p.toml"
    assert run(passport_of(flats, "-o", str(place))) == 0
    before = place.read_bytes()
    capsys.readouterr()
    assert run(passport_of(flats, "-o", str(place), *more)) == 2
    assert why in capsys.readouterr().err
    assert place.read_bytes() == before
    assert not (tmp_path / "p.1.toml").exists()


@pytest.mark.parametrize("kind", ["flat", "edges"])
@pytest.mark.parametrize("more", [[], ["--body", "Some Body"]])
def test_a_finished_picture_is_refused_where_a_raw_is_needed(kind: str, more: list[str], tmp_path, capsys) -> None:
    """Whether or not it says which camera took it."""
    cv2.imwrite(str(tmp_path / "seen.jpg"), np.full((240, 320, 3), 128, np.uint8))
    words = ["lens", "calibrate", "noctilux-m-50mm-f1", f"--{kind}", str(tmp_path / "seen.jpg"), *more]
    assert run([*words, "-o", str(tmp_path / "p.toml")]) == 2
    assert "is a finished picture" in (said := capsys.readouterr().err)
    assert "give the raw" in said
    assert not (tmp_path / "p.toml").exists()


def test_pictures_at_two_focal_lengths_are_refused(flats, tmp_path, capsys) -> None:
    for path, focal_mm in zip(flats, (35.0, 50.0), strict=True):
        frame = read(path)
        write(replace(frame, facts=replace(frame.facts, setting=Setting("exif", 2.0, focal_mm))), path)
    assert run(passport_of(flats, "-o", str(tmp_path / "p.toml"))) == 2
    assert "different focal lengths (35.0 and 50.0)" in capsys.readouterr().err
    assert not (tmp_path / "p.toml").exists()


def test_one_picture_of_a_chart_is_refused(tmp_path, capsys) -> None:
    assert run(["lens", "chart", "-o", str(tmp_path / "c.png"), "--screen", "800x600"]) == 0
    seen = cv2.GaussianBlur(cv2.imread(str(tmp_path / "c.png")), (0, 0), 0.8)
    cv2.imwrite(str(tmp_path / "c.png"), (20 + 0.8 * seen).astype(np.uint8))
    chart = ["lens", "calibrate", "Test 50", "--chart", str(tmp_path / "c.png"), *GIVEN, "-o", str(tmp_path / "p.toml")]
    assert run(chart) == 2
    assert "One picture of the chart" in capsys.readouterr().err
    assert not (tmp_path / "p.toml").exists()


def test_finished_charts_of_different_apertures_are_refused_by_their_exif(tmp_path, capsys) -> None:
    assert run(["lens", "chart", "-o", str(tmp_path / "c.png"), "--screen", "800x600"]) == 0
    files = []
    for f_number in ("2.8", "5.6"):
        files.append(str(tmp_path / f"{f_number}.jpg"))
        cv2.imwrite(files[-1], cv2.imread(str(tmp_path / "c.png")))
        assert run(["lens", "tag", files[-1], "--lens", "noctilux-m-50mm-f1", "--aperture", f_number]) == 0
    place = tmp_path / "p.toml"
    assert run(["lens", "calibrate", "Test 50", "--chart", *files, *GIVEN, "-o", str(place)]) == 2
    assert "are of different apertures (2.8 and 5.6)" in capsys.readouterr().err
    assert not place.exists()


def test_a_chart_that_is_not_there_leaves_a_picture_of_what_was_seen(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("grey.png", np.full((240, 320, 3), 128, np.uint8))
    assert run(["lens", "calibrate", "Test 50", "--chart", "grey.png", *GIVEN, "-o", "p.toml"]) == 2
    assert "grey-looked.png shows what was seen" in capsys.readouterr().err
    assert (tmp_path / "grey-looked.png").is_file()
    assert not (tmp_path / "p.toml").exists()


@pytest.mark.parametrize("turn", ["0", "0,nan", "0,up"])
def test_turns_that_do_not_fit_the_flats_are_refused(flats, tmp_path, capsys, turn) -> None:
    assert run(passport_of(flats, "--turn", turn, "-o", str(tmp_path / "p.toml"))) == 2
    assert "--turn" in capsys.readouterr().err
    assert not (tmp_path / "p.toml").exists()


@pytest.mark.parametrize(
    ("known", "why"), [(["--body", "test"], "say it in micrometres with --pitch"), (["--pitch", "4"], "with --body")]
)
def test_what_no_file_tells_is_asked_for_before_charts_are_searched(tmp_path, capsys, monkeypatch, known, why) -> None:
    searched: list[object] = []
    monkeypatch.setattr("anylens.lab.calibrate_views.find_grid", searched.append)
    files = [str(tmp_path / f"{at}.jpg") for at in range(3)]
    for file in files:
        cv2.imwrite(file, np.full((240, 320, 3), 128, np.uint8))
    assert run(["lens", "calibrate", "Test 50", "--chart", *files, *known, "-o", str(tmp_path / "p.toml")]) == 2
    assert why in capsys.readouterr().err
    assert searched == []


def test_the_printed_chart_has_true_millimetres_and_is_found(tmp_path) -> None:
    place = tmp_path / "chart.pdf"
    assert run(["lens", "chart", "--square", "20", "-o", str(place)]) == 0
    data = place.read_bytes()
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert [float(each) * 25.4 / 72.0 for each in box.groups()] == pytest.approx([297.0, 210.0], abs=1e-3)
    content = zlib.decompress(data[data.index(b"stream\n") + 7 : data.index(b"\nendstream")]).decode("ascii")
    scale = float(content.split()[0])
    assert scale == pytest.approx(72.0 / 25.4, abs=1e-7)
    page = np.full((840, 1188), 255, np.uint8)
    for x, y, wide, high in re.findall(r"^([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re$", content, re.MULTILINE):
        left, low, right, top = (
            round(4 * v) for v in (float(x), float(y), float(x) + float(wide), float(y) + float(high))
        )
        page[840 - top : 840 - low, left:right] = 0
    grid = find_grid(Samples(cv2.GaussianBlur(page, (0, 0), 0.8).astype(np.float32) / 255.0))
    assert grid.kind == "charuco"
    assert len(grid.points_px) == 12 * 7
    assert grid.step_px == pytest.approx(80.0, abs=0.5)


def test_the_chart_of_a_screen_is_found(tmp_path) -> None:
    place = tmp_path / "chart.png"
    assert run(["lens", "chart", "--screen", "800x600", "-o", str(place)]) == 0
    seen = cv2.imread(str(place), cv2.IMREAD_GRAYSCALE)
    assert seen.shape == (600, 800)
    grid = find_grid(Samples(seen.astype(np.float32) / 255.0))
    assert grid.kind == "charuco"


@pytest.mark.skipif(not CHESSBOARDS.is_dir(), reason="the chessboard pictures are not beside the project")
def test_real_chessboards_leave_a_fifth_of_a_pixel(tmp_path) -> None:
    files = sorted(str(each) for each in CHESSBOARDS.glob("left*.jpg"))[::2]
    place = tmp_path / "p.toml"
    assert (
        run(["lens", "calibrate", "Webcam", "--chart", *files, "--body", "left", "--pitch", "6", "-o", str(place)]) == 0
    )
    (geometry,) = read_passport(place).geometry
    assert geometry.frames == 7
    assert geometry.residual / 6.0 < 0.2
    assert geometry.focal_mm / 6e-3 == pytest.approx(535.0, rel=0.01)
