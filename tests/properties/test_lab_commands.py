"""The lab's commands: what they print, write and refuse."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import anylens
from anylens.app.command_line import run
from anylens.files.shown import encode_shown
from anylens.sensor import parse_sensor
from tests import checker, flats, frames

SILICON = flats.Silicon(prnu=0.008, dsnu_e=1.0)


def known(frame: anylens.Frame) -> anylens.Frame:
    """The frame with colours, as every raw file has them."""
    sensor = replace(frame.facts.sensor, calibrations=(anylens.Calibration(21, frames.COOL),))
    return anylens.Frame(frame.raw, replace(frame.facts, sensor=sensor, as_shot_neutral=frames.NEUTRAL))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six flats and a chart."""
    made = tmp_path_factory.mktemp("lab")
    for index, frame in enumerate(flats.series(SILICON, (128, 192), levels=(0.0, 0.2, 0.5))):
        anylens.write(known(frame), made / f"flat{index}.dng")
    pose = checker.pose(480, 360, 10, 40, 8, 0.8)
    rgb = np.maximum(checker.chart_rgb(), 0.0)
    light = checker.drawn(pose, 480, 360, rgb, fine=2)
    from anylens.color import srgb_encode

    shown = np.round(255 * srgb_encode(np.clip(light, 0, 1))).astype(np.uint8).transpose(1, 2, 0)
    (made / "chart.png").write_bytes(encode_shown(np.ascontiguousarray(shown), ".png"))
    (made / "grey.png").write_bytes(encode_shown(np.full((120, 160, 3), 118, np.uint8), ".png"))
    return made


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    import sys

    kept = sys.stderr
    try:
        code = run([str(each) for each in arguments])
        out = capsys.readouterr()
    finally:
        sys.stderr = kept
    return code, out.out, out.err


@pytest.fixture(autouse=True)
def own_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)


def test_noise_prints_a_table_and_writes_a_sensor_that_is_read_again(folder, tmp_path, capsys) -> None:
    place, plot = tmp_path / "sensor.toml", tmp_path / "transfer.svg"
    code, out, err = called(capsys, "lab", "noise", *sorted(folder.glob("flat*.dng")), "-o", place, "--picture", plot)
    assert (code, err) == (0, "")
    assert re.search(r"gain +DN per electron +0\.\d+ ± 0\.\d+", out)
    sheet = parse_sensor(place.read_text("utf-8"))
    assert sheet.sensor.noise.scale[1] == pytest.approx(SILICON.noise().scale[0], rel=0.05)
    assert plot.read_text("utf-8").startswith("<?xml")


def test_noise_as_json_tells_values_and_errors(folder, capsys) -> None:
    code, out, _ = called(capsys, "lab", "noise", *sorted(folder.glob("flat*.dng")), "--json")
    told = json.loads(out)
    assert (code, told["measure"]) == (0, "noise")
    assert set(told["results"][0]["transfers"][0]["gain_dn_per_e"]) == {"value", "error"}


def test_shading_and_color_print_and_draw(folder, tmp_path, capsys) -> None:
    code, out, _ = called(capsys, "lab", "shading", folder / "flat5.dng", "--picture", tmp_path / "s.svg")
    assert (code, "EV against the middle" in out) == (0, True)
    code, out, _ = called(capsys, "lab", "color", folder / "chart.png", "--picture", tmp_path / "c.png")
    assert (code, "CIEDE2000, mean" in out) == (0, True)
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_a_chart_that_is_not_there_leaves_a_picture_of_what_was_seen(folder, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for measure, says in (
        ("color", "No ColorChecker is seen"),
        ("geometry", "No grid of dots"),
        ("sharpness", "No slanted edge"),
    ):
        code, out, err = called(capsys, "lab", measure, folder / "grey.png")
        assert (code, out) == (1, "")
        assert says in err
        assert (tmp_path / "grey-looked.png").is_file()
        (tmp_path / "grey-looked.png").unlink()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("lab", "noise", "chart.png"), "holds no counts"),
        (("lab", "noise", "missing.dng"), "does not exist"),
        (("lab", "noise", "flat0.dng", "-o", "flat0.dng"), "cannot be written, as this command writes .toml"),
        (("lab", "noise", "flat0.dng", "--picture", "a.png"), ".svg"),
        (("lab", "color", "chart.png", "--light", "moon"), "moon"),
        (("lab", "color", "chart.png", "grey.png", "--picture", "a.png"), "several are given"),
        (("lab", "shading", "flat0.dng"), "nearly black"),
        (("lab", "shading", "flat5.dng", "--turn", "left"), "--turn"),
        (("lab", "report", "grey.png", "-o", "a.pdf"), ".html"),
        (("lab", "report", "flat5.dng", "-o", "a.html", "--measure", "colour"), "did you mean color"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_is_said_in_one_line_and_nothing_is_written(
    folder, monkeypatch, capsys, arguments, says
) -> None:
    monkeypatch.chdir(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, _, err = called(capsys, *arguments)
    assert code in (1, 2)
    assert says in err
    assert err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_geometry_and_sharpness_print_what_they_found(folder, tmp_path, capsys) -> None:
    y, x = np.mgrid[:360, :480]
    dots = np.hypot((x + 20) % 40 - 20, (y + 20) % 40 - 20) < 7.0
    place = tmp_path / "dots.png"
    grey = np.where(dots, 60, 200).astype(np.uint8)
    place.write_bytes(encode_shown(np.repeat(grey[..., None], 3, axis=2), ".png"))
    code, out, err = called(capsys, "lab", "geometry", place, "--picture", tmp_path / "marked.png")
    assert (code, err) == (0, "")
    assert "distortion in the corner, %" in out
    side = (x - 240) * np.cos(0.1) + (y - 180) * np.sin(0.1)
    place = tmp_path / "edge.png"
    grey = np.round(60 + 140 / (1 + np.exp(-side / 0.8))).astype(np.uint8)
    place.write_bytes(encode_shown(np.repeat(grey[..., None], 3, axis=2), ".png"))
    code, out, err = called(capsys, "lab", "sharpness", place, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["results"][0]["sharpness"]["edges"][0]["mtf50_cpp"]["value"] > 0.05


def test_a_siemens_star_is_seen_although_its_spokes_are_edges(tmp_path, capsys) -> None:
    y, x = np.mgrid[:480, :480] - 239.5
    distance, cycles = np.hypot(x, y), 36
    across = distance * np.sin(cycles * np.arctan2(y, x)) / cycles
    share = np.where(distance < 220, 0.5 + 0.5 * np.tanh(across), 0.0)
    place = tmp_path / "star.png"
    grey = np.round(40 + 170 * share).astype(np.uint8)
    place.write_bytes(encode_shown(np.repeat(grey[..., None], 3, axis=2), ".png"))
    code, out, err = called(capsys, "lab", "sharpness", place)
    assert (code, err) == (0, "")
    assert out.startswith(f"Siemens star of {place}, {cycles} cycles")
    assert called(capsys, "lab", "sharpness", place, "--chart", "edges")[1].startswith("Sharpness of")


def slanted_squares() -> np.ndarray:
    """(400, 500, 3) 8 bit: dark squares of 50 px on a light ground, 100 px apart, each turned by 0.1 rad."""
    y, x = np.mgrid[:400, :500]
    right, down = x % 100 - 49.5, y % 100 - 49.5
    along, across = right * np.cos(0.1) + down * np.sin(0.1), down * np.cos(0.1) - right * np.sin(0.1)
    inside = 25.0 - np.maximum(np.abs(along), np.abs(across))
    return np.repeat(np.round(200 - 140 / (1 + np.exp(-inside / 0.8))).astype(np.uint8)[..., None], 3, axis=2)


def test_squares_in_rows_are_edges_as_well_as_a_grid(tmp_path, capsys) -> None:
    place = tmp_path / "squares.png"
    place.write_bytes(encode_shown(slanted_squares(), ".png"))
    code, out, err = called(capsys, "lab", "report", place, "-o", tmp_path / "report.html")
    assert (code, err) == (0, "")
    assert "sharpness, geometry" in out
    code, out, err = called(capsys, "lab", "sharpness", place)
    assert (code, err) == (0, "")
    rings = re.findall(r"^[\d.]+ to [\d.]+ +(tangential|sagittal) +(\d+)", out, re.MULTILINE)
    assert {direction for direction, _ in rings} == {"tangential", "sagittal"}
    assert f", {sum(int(number) for _, number in rings)} edges in luminance" in out


def test_two_flats_of_one_exposure_tell_shading_and_are_not_blamed_for_noise(tmp_path, capsys) -> None:
    light = np.full((3, 256, 320), 0.4, np.float32) * np.array(frames.NEUTRAL, np.float32)[:, None, None]
    for seed in (1, 2):
        anylens.write(frames.sampled(light, noise_seed=seed), tmp_path / f"{seed}.dng")
    code, out, err = called(capsys, "lab", "report", *tmp_path.glob("*.dng"), "-o", tmp_path / "report.html")
    assert (code, err) == (0, "")
    assert "shading" in out


def test_the_report_is_one_page_that_asks_for_nothing(folder, tmp_path, capsys) -> None:
    place = tmp_path / "report.html"
    code, out, err = called(capsys, "lab", "report", *sorted(folder.glob("*.dng")), folder / "chart.png", "-o", place)
    assert (code, err) == (0, "")
    assert "noise, colour, shading" in out
    page = place.read_text("utf-8")
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!#|data:)[^"')\s]+""", page)
    assert "<script" not in page
    assert page.count("<section") == 3
    assert "prefers-color-scheme:dark" in page


def test_the_report_measures_leaves_where_it_is_told_how_they_were_made(tmp_path, capsys) -> None:
    import cv2

    rng = np.random.default_rng(5)
    light = np.full((288, 384), 0.3, np.float32)
    radii = (2.0**-2 - rng.random(6000) * (2.0**-2 - 14.0**-2)) ** -0.5
    for radius, x, y, level in zip(
        radii, rng.uniform(0, 384, 6000), rng.uniform(0, 288, 6000), rng.uniform(0.1, 0.6, 6000), strict=True
    ):
        cv2.circle(light, (round(16 * x), round(16 * y)), round(16 * radius), level, -1, cv2.LINE_AA, 4)
    anylens.write(
        frames.sampled(light * np.array(frames.NEUTRAL)[:, None, None], noise_seed=3), tmp_path / "leaves.dng"
    )
    place = tmp_path / "report.html"
    code, out, _ = called(capsys, "lab", "report", tmp_path / "leaves.dng", "--leaves", "2,14", "-o", place)
    assert (code, "texture" in out) == (0, True)
    code, _, err = called(capsys, "lab", "report", tmp_path / "leaves.dng", "--leaves", "2;14", "-o", place)
    assert (code, "two numbers" in err) == (2, True)


def test_a_report_of_nothing_names_each_file_once(tmp_path, capsys) -> None:
    for name in ("one.dng", "two.jpg"):
        (tmp_path / name).write_bytes(b"")
    code, _, error = called(
        capsys, "lab", "report", tmp_path / "one.dng", tmp_path / "two.jpg", "-o", tmp_path / "a.html"
    )
    assert code
    assert (error.count("one.dng"), error.count("two.jpg"), error.count("\n")) == (1, 1, 1)
    assert not (tmp_path / "a.html").exists()


def test_the_report_says_what_it_left_aside(folder, tmp_path, capsys) -> None:
    place = tmp_path / "report.html"
    code, _, err = called(capsys, "lab", "report", folder / "chart.png", folder / "missing.png", "-o", place)
    assert code == 1
    assert "missing.png" in err
    assert "missing.png" in place.read_text("utf-8")
