"""Bare counts get their facts from a sensor file, which is held to its word; opcode lists are parsed or refused."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anylens import opcodes
from anylens.files import read
from anylens.files.bare import find_sheet, shipped_sensors
from anylens.files.libraw import read_libraw
from anylens.frame import Frame
from anylens.refusal import Refusal
from anylens.sensor import parse_sensor

SHARED = Path(__file__).parents[3] / "shared" / "data" / "raw"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="the folder shared is not beside the checkout")

TOML = """
schema = 1
name = "Small"
width_px = 6
height_px = 4
cfa = "GBRG"
black = [[16, 17], [18, 19.5]]
white = [1000, 1010, 1020]
pitch_um = 1.25
orientation = 6
as_shot_neutral = [0.25, 0.5, 0.4]
notes = ["The light was guessed."]

[file]
bits = 16
byte_order = "big"
header_bytes = 3

[noise]
scale = 1e-4
offset = 1e-6

[[calibration]]
illuminant = 21
color_matrix = [[1.0, -0.2, -0.1], [-0.4, 1.2, 0.2], [0.0, 0.2, 0.6]]
"""
COUNTS = np.arange(24, dtype=np.uint16).reshape(4, 6) * 40


def test_a_plain_file_is_read_as_its_sensor_file_says(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TOML)
    (tmp_path / "a.raw").write_bytes(b"abc" + COUNTS.astype(">u2").tobytes())
    frame = read(tmp_path / "a.raw")
    assert isinstance(frame, Frame)
    assert np.array_equal(frame.raw, COUNTS)
    facts, sensor = frame.facts, frame.facts.sensor
    assert sensor.cfa == (("G", "B"), ("R", "G"))
    assert sensor.black == ((16.0, 17.0), (18.0, 19.5))
    assert sensor.white == (1000.0, 1010.0, 1020.0)
    assert (sensor.name, sensor.pitch_um, facts.orientation) == ("Small", 1.25, 6)
    assert facts.as_shot_neutral == pytest.approx((0.5, 1.0, 0.8))
    assert sensor.noise is not None
    assert (sensor.noise.plane(1), sensor.noise.source) == ((1e-4, 1e-6), "sensor")
    assert sensor.calibrations[0].color_matrix[1] == (-0.4, 1.2, 0.2)
    assert facts.notes == ("The light was guessed.",)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_gray_png_is_a_mosaic(tmp_path: Path, bits: int) -> None:
    counts = (COUNTS // 40).astype(np.uint8 if bits == 8 else np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(counts))
    (tmp_path / "other.toml").write_text(TOML)
    frame = read(tmp_path / "a.png", sensor=tmp_path / "other.toml")
    assert isinstance(frame, Frame)
    assert np.array_equal(frame.raw, counts)


def test_a_frame_without_noise_in_its_sensor_file_says_that_it_was_estimated(tmp_path: Path) -> None:
    text = TOML.replace("[noise]\nscale = 1e-4\noffset = 1e-6\n", "")
    (tmp_path / "a.toml").write_text(text)
    (tmp_path / "a.raw").write_bytes(b"abc" + COUNTS.astype(">u2").tobytes())
    facts = read(tmp_path / "a.raw").facts
    assert facts.sensor.noise is not None
    assert facts.sensor.noise.source == "estimated"
    assert any("noise" in note for note in facts.notes)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("schema = 1", "schema = 2", "schema"),
        ("name =", "nmae =", "nmae"),
        ("width_px = 6", "", "width_px"),
        ("height_px = 4", "height_px = 0", "height_px"),
        ('"GBRG"', '"RGBW"', "RGBW"),
        ("white = [1000, 1010, 1020]", "white = 10", "not below"),
        ("white = [1000, 1010, 1020]", "", "white"),
        ("black = [[16, 17], [18, 19.5]]", "black = [[1], [1, 2]]", "black"),
        ("scale = 1e-4", "scale = -1", "negative"),
        ("scale = 1e-4", "scale = [1, 2]", "scale"),
        ("bits = 16", "bits = 12", "bits"),
        ("[0.25, 0.5, 0.4]", "[0, 1, 1]", "as_shot_neutral"),
        ("[0.0, 0.2, 0.6]", "[0.0, 0.2]", "color_matrix"),
        ("schema = 1", "schema = ", "not TOML"),
    ],
)
def test_a_sensor_file_that_is_wrong_is_refused_by_name(old: str, new: str, words: str) -> None:
    assert old in TOML
    with pytest.raises(Refusal, match=words) as refusal:
        parse_sensor(TOML.replace(old, new))
    assert "\n" not in str(refusal.value)


@given(st.text(max_size=200))
def test_any_text_is_a_sensor_file_or_refused(text: str) -> None:
    with pytest.raises(Refusal):
        parse_sensor(text)


def test_files_that_do_not_fit_their_sensor_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TOML)
    (tmp_path / "a.raw").write_bytes(bytes(7))
    with pytest.raises(Refusal, match="take 51"):
        read(tmp_path / "a.raw")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.zeros((3, 3), np.uint16)))
    with pytest.raises(Refusal, match="3 x 3"):
        read(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(imagecodecs.png_encode(COUNTS))
    with pytest.raises(Refusal, match="--sensor"):
        read(tmp_path / "b.png")
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.zeros((4, 6, 3), np.uint8)))
    with pytest.raises(Refusal, match="colour picture"):
        read(tmp_path / "a.png")
    whole = imagecodecs.png_encode(COUNTS)
    for size in range(9, len(whole) - 12, 7):
        (tmp_path / "a.png").write_bytes(whole[:size])
        with pytest.raises(Refusal):
            read(tmp_path / "a.png")
    with pytest.raises(Refusal, match="no sensor file"):
        read(tmp_path / "a.raw", sensor="unheard-of")


def test_every_shipped_sensor_is_valid() -> None:
    assert shipped_sensors()
    for name in shipped_sensors():
        sheet = find_sheet("a.raw", name)
        assert sheet is not None
        assert sheet.sensor.calibrations
        assert sheet.as_shot_neutral is not None
        assert any("balance" in note for note in sheet.notes), "it says how the neutral is known"


@needs_shared
@pytest.mark.parametrize(
    ("name", "sensor", "least", "clipped"),
    [
        ("halide_bayer_raw_2592x1968_GRBG_10bit.png", "halide-bayer-10bit", 0.001, True),
        ("openISP_chart_1920x1080_RGGB_u16le.raw", "openisp-chart-10bit", 0.0, True),
        ("nikon_DSC_1339_768x512_RGGB_u16le_badpixels.raw", "nikon-rose-14bit", 0.0, False),
    ],
)
def test_levels_of_shipped_sensors_enclose_the_real_counts(name: str, sensor: str, least: float, clipped: bool) -> None:
    frame = read(SHARED / name, sensor=sensor)
    assert isinstance(frame, Frame)
    silicon = frame.facts.sensor
    assert np.mean(frame.raw < silicon.black[0][0]) < 0.02 + least
    above = np.mean(frame.raw > silicon.white[0])
    assert above == 0 if clipped else above < 1e-3
    assert np.any(frame.raw == int(silicon.white[0]))


@needs_shared
def test_libraw_and_our_own_reader_agree_on_a_real_file() -> None:
    path = SHARED / "GoPro_Fusion_GPFR7066.dng"
    ours = read(path)
    assert isinstance(ours, Frame)
    theirs = read_libraw(path, sensor=ours.facts.sensor)
    assert np.array_equal(theirs.raw, ours.raw)
    for fact in ("active_area", "exposure_s", "iso", "taken", "body", "lens", "setting", "orientation"):
        assert getattr(theirs.facts, fact) == getattr(ours.facts, fact), fact
    assert theirs.facts.as_shot_neutral == pytest.approx(ours.facts.as_shot_neutral, rel=1e-5)
    for level in ("cfa", "black", "white", "calibrations", "noise"):
        assert getattr(theirs.facts.sensor, level) == getattr(ours.facts.sensor, level), level


@needs_shared
def test_gain_maps_and_warps_of_real_files_are_understood() -> None:
    maps = opcodes.parse(read(SHARED / "GoPro_Hero6_GOPR0024.dng").facts.opcodes.list2)
    assert [opcode.number for opcode in maps] == [9, 9, 9, 9]
    corners = set()
    for opcode in maps:
        record = opcode.record
        assert isinstance(record, opcodes.GainMap)
        corners.add((record.area.top, record.area.left))
        gains = np.reshape(record.gains, (record.points_v, record.points_h))
        assert gains[0, 0] > gains[record.points_v // 2, record.points_h // 2] >= 0.9
    assert corners == {(0, 0), (0, 1), (1, 0), (1, 1)}
    (warp,) = opcodes.parse(read(SHARED / "GoPro_Fusion_GPFR7066.dng").facts.opcodes.list3)
    assert isinstance(warp.record, opcodes.WarpRectilinear)
    assert warp.record.center == (0.5, 0.5)
    assert [plane[0] for plane in warp.record.planes] == pytest.approx([1, 1, 1], abs=1e-3)


@given(st.integers(0, 20), st.binary(max_size=120))
def test_any_opcode_bytes_are_parsed_or_refused(number: int, parameters: bytes) -> None:
    listed = b"\0\0\0\1" + struct.pack(">I4BII", number, 1, 3, 0, 0, 1, len(parameters)) + parameters
    try:
        (found,) = opcodes.parse(listed)
    except Refusal:
        assert number in (1, 3, 7, 8, 9)
    else:
        assert (found.number, found.parameters, found.optional) == (number, parameters, True)
    with pytest.raises(Refusal):
        opcodes.parse(listed[:-1])


def test_a_table_and_a_vignette_are_understood() -> None:
    area = struct.pack(">8I", 0, 0, 10, 20, 0, 3, 1, 1)
    table = area + struct.pack(">I3H", 3, 0, 500, 65535)
    vignette = struct.pack(">7d", 0.1, 0.2, 0.3, 0.4, 0.5, 0.25, 0.75)
    listed = struct.pack(">I", 2)
    for number, parameters in ((7, table), (3, vignette)):
        listed += struct.pack(">I4BII", number, 1, 3, 0, 0, 0, len(parameters)) + parameters
    first, second = opcodes.parse(listed)
    assert first.record == opcodes.MapTable(opcodes.Area(0, 0, 10, 20, 0, 3, 1, 1), (0, 500, 65535))
    assert second.record == opcodes.FixVignetteRadial((0.1, 0.2, 0.3, 0.4, 0.5), (0.25, 0.75))
    assert not first.optional


@pytest.mark.parametrize("size", [1920 * 1080 * 2, 640 * 480, 10_000])
def test_bare_counts_that_nothing_describes_are_refused_and_not_guessed_from_their_size(
    tmp_path: Path, size: int
) -> None:
    place = tmp_path / "counts.raw"
    place.write_bytes(bytes(range(1, 201)) * (size // 200 + 1))
    with pytest.raises(Refusal, match="--sensor"):
        read(place)
