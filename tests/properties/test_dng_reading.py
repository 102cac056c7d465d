"""A DNG's counts and facts are read whole, whichever way they are stored; what cannot be is refused in one sentence."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anylens import color
from anylens.files import ahead, read
from anylens.files.dng import read_dng
from anylens.files.tags import Tag
from anylens.files.tiff import Draft, Entry, Type, pack
from anylens.frame import Frame
from anylens.image import Scene
from anylens.refusal import Refusal
from tests.compiled import needs_kernels
from tests.negatives import MATRIX, dng, numbers, tags

SHARED = Path(__file__).parents[3] / "shared" / "data" / "raw"
REAL = [
    pytest.param(
        SHARED / name,
        marks=pytest.mark.skipif(not (SHARED / name).exists(), reason="the folder shared is not beside the checkout"),
    )
    for name in ("GoPro_Hero6_GOPR0024.dng", "GoPro_Fusion_GPFR7066.dng")
]
LINEAR = SHARED / "canon_eos_6d_lossy_linear.dng"


def counts(height: int, width: int, bits: int = 16, samples: int = 1) -> np.ndarray[Any, Any]:
    shape = (height, width) if samples == 1 else (height, width, samples)
    return np.random.default_rng(height * 100 + width).integers(0, 1 << bits, shape).astype(np.uint16)


def frame(data: bytes) -> Frame:
    image = read_dng("a.dng", data=data)
    assert isinstance(image, Frame)
    return image


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 17), (17, 16)])
def test_plain_counts_come_back(bits: int, size: tuple[int, int]) -> None:
    want = counts(*size, bits)
    assert np.array_equal(frame(dng(want, bits=bits)).raw, want)
    assert np.array_equal(frame(dng(want, bits=bits, rows_per_strip=2)).raw, want)
    assert np.array_equal(frame(dng(want, bits=bits, tile=(16, 16))).raw, want)


@pytest.mark.parametrize("components", [1, 2])
@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_jpeg_comes_back(bits: int, predictor: int, components: int) -> None:
    want = counts(7, 18, bits)
    packed = dng(want, bits=bits, compression=7, jpeg_predictor=predictor, components=components)
    assert np.array_equal(frame(packed).raw, want)
    packed = dng(want, bits=bits, compression=7, tile=(4, 8), jpeg_predictor=predictor, components=components)
    assert np.array_equal(frame(packed).raw, want)


@needs_kernels
@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("tile", [None, (4, 8)])
def test_pieces_decoded_ahead_are_read_and_not_decoded_again(bits: int, tile: tuple[int, int] | None) -> None:
    want = counts(7, 18, bits)
    packed = dng(want, bits=bits, compression=7, tile=tile, rows_per_strip=4)
    decoding = ahead.decoding(packed)
    assert decoding is not None
    assert decoding.work()
    decoding.samples[:] = bytes(len(decoding.samples))
    black = read_dng("a.dng", data=packed, decoding=decoding)
    assert isinstance(black, Frame)
    assert np.array_equal(frame(packed).raw, want)
    assert not black.raw.any()


@needs_kernels
def test_many_threads_decode_each_piece_once_and_all_wait_for_the_last() -> None:
    want, pool = counts(200, 300), ThreadPoolExecutor(5)
    for tile, rows in (((16, 32), None), ((16, 400), None), (None, 7), (None, 200)):
        decoding = ahead.decoding(dng(want, compression=7, tile=tile, rows_per_strip=rows, components=2))
        assert decoding is not None
        seen = [pool.submit(lambda each: (each.work(), bytes(each.samples)), decoding) for _ in range(5)]
        assert all(each.result() == (True, want.tobytes()) for each in seen)


def test_nothing_is_decoded_ahead_of_other_files_and_none_is_refused() -> None:
    packed = dng(counts(7, 18), compression=7)
    for data in (
        dng(counts(7, 18)),
        dng(counts(7, 18), compression=7, changes={Tag.DNGVersion: None}),
        b"",
        b"no TIFF",
    ):
        assert ahead.decoding(data) is None
    for size in range(0, len(packed), 7):
        found = ahead.decoding(packed[:size])
        assert found is None or not found.work()


def test_decoding_ahead_does_not_wait_for_numpy() -> None:
    code = """
import sys
from anylens.files import ahead
ahead.decoding(sys.stdin.buffer.read()).work()
print(*sys.modules)
"""
    data = dng(counts(7, 18), compression=7)
    loaded = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True).stdout.split()
    assert b"anylens.files.ahead" in loaded
    assert b"numpy" not in loaded


@pytest.mark.parametrize("predictor", [1, 2, 34892, 34893])
@pytest.mark.parametrize("bits", [8, 16])
def test_deflate_comes_back(bits: int, predictor: int) -> None:
    want = counts(9, 16, bits)
    assert np.array_equal(frame(dng(want, bits=bits, compression=8, predictor=predictor)).raw, want)
    assert np.array_equal(frame(dng(want, bits=bits, compression=8, predictor=predictor, tile=(4, 8))).raw, want)


def test_lossless_jpeg_xl_comes_back() -> None:
    import imagecodecs

    want = counts(24, 32)
    entries = tags(32, 24, compression=52546)
    entries[Tag.RowsPerStrip] = numbers(Type.LONG, 24)
    chunk = imagecodecs.jpegxl_encode(want, lossless=True)
    assert np.array_equal(frame(pack(Draft(entries, chunks=[chunk]))).raw, want)


def test_big_endian_counts_come_back() -> None:
    want = counts(3, 4)
    packed = big_endian(want)
    assert np.array_equal(frame(packed).raw, want)


def big_endian(want: np.ndarray[Any, Any]) -> bytes:
    """A Motorola-order DNG, put together by hand."""
    height, width = want.shape
    longs = {
        Tag.NewSubFileType: (0,),
        Tag.ImageWidth: (width,),
        Tag.ImageLength: (height,),
        Tag.BitsPerSample: (16,),
        Tag.PhotometricInterpretation: (34892,),
        Tag.StripOffsets: (0,),
        Tag.RowsPerStrip: (height,),
        Tag.StripByteCounts: (want.size * 2,),
        Tag.DNGVersion: (0x01040000,),
    }
    at = 8 + 2 + 12 * len(longs) + 4
    longs[Tag.StripOffsets] = (at,)
    body = b"".join(
        struct.pack(">HHII", tag, 1 if tag == Tag.DNGVersion else 4, 4 if tag == Tag.DNGVersion else 1, value)
        for tag, (value,) in sorted(longs.items())
    )
    head = b"MM\0*" + struct.pack(">IH", 8, len(longs)) + body + struct.pack(">I", 0)
    return head + want.astype(">u2").tobytes()


def test_interleaved_fields_are_put_back() -> None:
    want = counts(7, 9)
    rows = np.concatenate([want[0::2], want[1::2]])
    fields = np.concatenate([rows[:, 0::2], rows[:, 1::2]], axis=1)
    changes = {Tag.RowInterleaveFactor: numbers(Type.LONG, 2), Tag.ColumnInterleaveFactor: numbers(Type.LONG, 2)}
    assert np.array_equal(frame(dng(fields, changes=changes)).raw, want)


def test_the_linearization_table_makes_counts_linear() -> None:
    stored = counts(6, 6, 8)
    table = np.arange(200, dtype=np.int64) ** 2
    changes = {Tag.LinearizationTable: numbers(Type.SHORT, *table.tolist()), Tag.WhiteLevel: numbers(Type.LONG, 39601)}
    assert np.array_equal(frame(dng(stored, bits=8, changes=changes)).raw, table[np.minimum(stored, 199)])


@pytest.mark.parametrize("letters", ["RGGB", "GRBG", "GBRG", "BGGR"])
@pytest.mark.parametrize("quad", [False, True])
def test_every_phase_of_bayer_and_quad_bayer_is_known(letters: str, quad: bool) -> None:
    rows = [list(letters[:2]), list(letters[2:])]
    if quad:
        rows = [[c for c in row for _ in range(2)] for row in rows for _ in range(2)]
    pattern = bytes("RGB".index(c) for row in rows for c in row)
    changes = {
        Tag.CFARepeatPatternDim: numbers(Type.SHORT, len(rows), len(rows)),
        Tag.CFAPattern: Entry(Type.BYTE, pattern),
    }
    assert frame(dng(counts(8, 8), changes=changes)).facts.sensor.cfa == tuple(map(tuple, rows))


@pytest.mark.parametrize("photometric", [1, 34892])
def test_one_sample_without_filter_is_monochrome(photometric: int) -> None:
    changes = {
        Tag.PhotometricInterpretation: numbers(Type.SHORT, photometric),
        Tag.ColorMatrix1: None,
        Tag.AsShotNeutral: None,
    }
    found = frame(dng(counts(4, 5), changes=changes)).facts
    assert found.sensor.cfa == ()
    assert found.as_shot_neutral is None
    assert found.notes == ()


def test_the_full_size_image_is_found_below_a_preview() -> None:
    want = counts(6, 8)
    preview = {
        Tag.NewSubFileType: numbers(Type.LONG, 1),
        Tag.ImageWidth: numbers(Type.LONG, 100),
        Tag.ImageLength: numbers(Type.LONG, 100),
        Tag.PhotometricInterpretation: numbers(Type.SHORT, 2),
        Tag.DNGVersion: Entry(Type.BYTE, bytes([1, 4, 0, 0])),
        Tag.ColorMatrix1: numbers(Type.SRATIONAL, *MATRIX),
    }
    entries = tags(8, 6)
    del entries[Tag.ColorMatrix1], entries[Tag.DNGVersion]
    entries[Tag.RowsPerStrip] = numbers(Type.LONG, 6)
    small = {**tags(2, 2), int(Tag.NewSubFileType): numbers(Type.LONG, 0)}
    below = [Draft(small, chunks=[bytes(8)]), Draft(entries, chunks=[want.astype("<u2").tobytes()])]
    assert np.array_equal(frame(pack(Draft(preview, {Tag.SubIFDs: below}))).raw, want)


def test_every_fact_of_the_file_is_read() -> None:
    exif = {
        Tag.ExposureTime: numbers(Type.RATIONAL, (1, 455)),
        Tag.FNumber: numbers(Type.RATIONAL, 2.8),
        Tag.PhotographicSensitivity: numbers(Type.SHORT, 400),
        Tag.FocalLength: numbers(Type.RATIONAL, 35.0),
        Tag.SubjectDistance: numbers(Type.RATIONAL, 1.5),
        Tag.DateTimeOriginal: Entry(Type.ASCII, "2024:02:29 23:59:58"),
        Tag.SubSecTimeOriginal: Entry(Type.ASCII, "25"),
        Tag.OffsetTimeOriginal: Entry(Type.ASCII, "-03:30"),
        Tag.LensMake: Entry(Type.ASCII, "Glass Works"),
        Tag.LensModel: Entry(Type.ASCII, "Süß 35/2"),
        Tag.LensSpecification: numbers(Type.RATIONAL, 35.0, 35.0, 2.0, 2.0),
        Tag.FocalPlaneXResolution: numbers(Type.RATIONAL, (10000, 4)),
        Tag.FocalPlaneResolutionUnit: numbers(Type.SHORT, 3),
    }
    forward = (0.6, 0.2, 0.1642, 0.3, 0.6, 0.1, 0.1, 0.1, 0.6251)
    changes = {
        Tag.Orientation: numbers(Type.SHORT, 6),
        Tag.ActiveArea: numbers(Type.LONG, 2, 1, 12, 15),
        Tag.DefaultCropOrigin: numbers(Type.RATIONAL, 1.5, 2.0),
        Tag.DefaultCropSize: numbers(Type.RATIONAL, 11.0, 7.5),
        Tag.BlackLevelRepeatDim: numbers(Type.SHORT, 2, 2),
        Tag.BlackLevel: numbers(Type.RATIONAL, 64.25, 65.0, 66.0, 67.5),
        Tag.BlackLevelDeltaH: numbers(Type.SRATIONAL, *np.linspace(-1, 1, 14).round(2).tolist()),
        Tag.BlackLevelDeltaV: numbers(Type.SRATIONAL, *np.linspace(2, 3, 10).round(2).tolist()),
        Tag.WhiteLevel: numbers(Type.LONG, 60000),
        Tag.ColorMatrix2: numbers(Type.SRATIONAL, *MATRIX[::-1]),
        Tag.ForwardMatrix1: numbers(Type.SRATIONAL, *forward),
        Tag.CameraCalibration2: numbers(Type.SRATIONAL, 1.1, 0, 0, 0, 1.0, 0, 0, 0, 0.9),
        Tag.CalibrationIlluminant1: numbers(Type.SHORT, 17),
        Tag.CalibrationIlluminant2: numbers(Type.SHORT, 21),
        Tag.AnalogBalance: numbers(Type.RATIONAL, 2.0, 1.0, 1.5),
        Tag.BaselineExposure: numbers(Type.SRATIONAL, -0.35),
        Tag.NoiseProfile: numbers(Type.DOUBLE, 1e-4, 1e-7, 2e-4, 2e-7, 3e-4, 3e-7),
        Tag.OpcodeList1: Entry(Type.UNDEFINED, bytes(4)),
        Tag.OpcodeList2: Entry(Type.UNDEFINED, b"\0\0\0\1" + bytes(16)),
        Tag.OpcodeList3: Entry(Type.UNDEFINED, b"\0\0\0\2" + bytes(32)),
        Tag.CameraSerialNumber: Entry(Type.ASCII, "007"),
        Tag.CFAPattern: Entry(Type.BYTE, bytes([1, 2, 0, 1])),
    }
    found = frame(dng(counts(14, 16), changes=changes, children={Tag.ExifIFD: [Draft(exif)]})).facts
    silicon = found.sensor
    assert (found.exposure_s, found.iso, found.orientation) == (1 / 455, 400.0, 6)
    assert found.taken == datetime(2024, 2, 29, 23, 59, 58, 250000, timezone(-timedelta(hours=3, minutes=30)))
    assert found.body is not None
    assert (found.body.maker, found.body.model, found.body.serial) == ("Maker", "Model", "007")
    assert found.lens is not None
    assert (found.lens.maker, found.lens.model) == ("Glass Works", "Süß 35/2")
    assert (found.lens.focal_mm, found.lens.max_aperture) == ((35.0, 35.0), (2.0, 2.0))
    assert found.setting is not None
    assert found.setting.source == "exif"
    assert (found.setting.f_number, found.setting.focal_mm, found.setting.focus_m) == (2.8, 35.0, 1.5)
    assert found.active_area == (2, 1, 12, 15)
    assert found.crop == (1.5, 2.0, 11.0, 7.5)
    assert found.as_shot_neutral == (0.5, 1.0, 0.75)
    assert found.baseline_exposure == -0.35
    assert (found.opcodes.list1, found.opcodes.list2[:4], found.opcodes.list3[:4]) == (
        bytes(4),
        b"\0\0\0\1",
        b"\0\0\0\2",
    )
    assert silicon.name == "Maker Model"
    assert silicon.cfa == (("G", "B"), ("R", "G"))
    assert silicon.black == ((64.25, 65.0), (66.0, 67.5))
    assert silicon.white == (60000.0,)
    assert silicon.black_column_delta == tuple(np.linspace(-1, 1, 14).round(2).tolist())
    assert silicon.black_row_delta == tuple(np.linspace(2, 3, 10).round(2).tolist())
    assert silicon.pitch_um == 4.0
    assert silicon.analog_balance == (2.0, 1.0, 1.5)
    first, second = silicon.calibrations
    assert (first.illuminant, second.illuminant) == (17, 21)
    assert np.array_equal(np.ravel(first.color_matrix), MATRIX)
    assert np.array_equal(np.ravel(second.color_matrix), MATRIX[::-1])
    assert first.forward_matrix is not None
    assert np.array_equal(np.ravel(first.forward_matrix), forward)
    assert second.forward_matrix is None
    assert first.camera_calibration is None
    assert second.camera_calibration == ((1.1, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.9))
    assert silicon.noise is not None
    assert (silicon.noise.scale, silicon.noise.offset) == ((1e-4, 2e-4, 3e-4), (1e-7, 2e-7, 3e-7))
    assert silicon.noise.source == "file"
    assert found.notes == ()


def test_utc_is_a_time_zone_and_no_zone_is_none() -> None:
    for offset, zone in (("+00:00", UTC), ("", None), ("nonsense", None)):
        exif = {
            Tag.DateTimeOriginal: Entry(Type.ASCII, "2024:05:06 07:08:09"),
            Tag.OffsetTimeOriginal: Entry(Type.ASCII, offset),
        }
        found = frame(dng(counts(2, 2), children={Tag.ExifIFD: [Draft(exif)]})).facts
        assert found.taken == datetime(2024, 5, 6, 7, 8, 9, tzinfo=zone)


def test_a_file_without_noise_profile_gets_an_estimate_and_says_so() -> None:
    found = frame(dng(counts(32, 32), changes={Tag.NoiseProfile: None})).facts
    assert found.sensor.noise is not None
    assert found.sensor.noise.source == "estimated"
    assert any("noise" in note for note in found.notes)


@given(st.floats(2500, 12000), st.floats(-20, 20))
@settings(max_examples=25)
def test_the_white_balance_may_be_said_as_a_chromaticity(kelvin: float, tint: float) -> None:
    xy = color.xy_from_kelvin(kelvin, tint)
    changes = {Tag.AsShotNeutral: None, Tag.AsShotWhiteXY: numbers(Type.RATIONAL, *xy)}
    found = frame(dng(counts(2, 2), changes=changes)).facts
    x, y = xy
    want = np.reshape(MATRIX, (3, 3)) @ [x / y, 1.0, (1.0 - x - y) / y]
    assert found.as_shot_neutral == pytest.approx(want / want.max(), rel=1e-4)


def test_a_gray_linear_dng_is_a_gray_scene_with_white_at_one() -> None:
    neutral = np.array([0.5, 1.0, 0.75])
    light = np.linspace(0, 1, 32).reshape(4, 8, 1)
    stored = np.rint(1000 + light * neutral * 60000).astype(np.uint16)
    changes = {
        Tag.BlackLevel: numbers(Type.RATIONAL, 1000.0, 1000.0, 1000.0),
        Tag.WhiteLevel: numbers(Type.LONG, 61000, 61000, 61000),
    }
    scene = read_dng("a.dng", data=dng(stored, changes=changes))
    assert isinstance(scene, Scene)
    assert scene.facts.balance == pytest.approx((2.0, 1.0, 4 / 3))
    assert np.allclose(scene.pixels, np.broadcast_to(light[..., 0], (3, 4, 8)), atol=1e-4)


def test_polynomials_of_a_linear_dng_are_part_of_reading() -> None:
    stored = np.repeat(np.arange(256, dtype=np.uint16).reshape(16, 16, 1), 3, axis=2)
    cube = b"\0\0\0\1" + struct.pack(">I4BII", 8, 1, 3, 0, 0, 0, 36 + 8 * 4)
    cube += struct.pack(">8II4d", 0, 0, 16, 16, 0, 3, 1, 1, 3, 0.0, 0.0, 0.0, 1.0)
    changes = {
        Tag.OpcodeList2: Entry(Type.UNDEFINED, cube),
        Tag.AsShotNeutral: numbers(Type.RATIONAL, 1.0, 1.0, 1.0),
        Tag.WhiteLevel: numbers(Type.LONG, 255, 255, 255),
    }
    scene = read_dng("a.dng", data=dng(stored, bits=8, changes=changes))
    assert isinstance(scene, Scene)
    assert np.allclose(scene.pixels[1], (stored[..., 1] / 255) ** 3, atol=1e-5)
    assert scene.facts.opcodes.list2 == cube


REFUSED = {
    "matrices": ({Tag.ColorMatrix1: None}, "ColorMatrix1"),
    "colors": ({Tag.CFAPlaneColor: Entry(Type.BYTE, bytes([0, 1, 2, 6]))}, "RGBW"),
    "pattern": ({Tag.CFAPattern: Entry(Type.BYTE, bytes([0, 1, 2, 1]))}, "neither Bayer"),
    "staggered": ({Tag.CFALayout: numbers(Type.SHORT, 2)}, "staggered"),
    "x-trans": (
        {Tag.CFARepeatPatternDim: numbers(Type.SHORT, 6, 6), Tag.CFAPattern: Entry(Type.BYTE, bytes([1] * 36))},
        "X-Trans",
    ),
    "black": ({Tag.BlackLevel: numbers(Type.RATIONAL, 70000.0)}, "not below"),
    "huge": (
        {Tag.ImageWidth: numbers(Type.LONG, 60000), Tag.ImageLength: numbers(Type.LONG, 60000)},
        "60000 x 60000",
    ),
    "wide": ({Tag.ImageWidth: numbers(Type.LONG, 20000), Tag.ImageLength: numbers(Type.LONG, 20000)}, "20000 x 20000"),
    "nothing": ({Tag.ImageWidth: numbers(Type.LONG, 0)}, "0 x"),
    "area": ({Tag.ActiveArea: numbers(Type.LONG, 0, 0, 900, 900)}, "ActiveArea"),
    "vc-5": ({Tag.Compression: numbers(Type.SHORT, 9)}, "VC-5"),
    "float": ({Tag.SampleFormat: numbers(Type.SHORT, 3)}, "floating-point"),
    "infinite": ({Tag.ColorMatrix1: numbers(Type.SRATIONAL, *[(1, 0)] * 9)}, "ColorMatrix1"),
    "neutral": ({Tag.AsShotNeutral: numbers(Type.RATIONAL, 0.0, 1.0, 1.0)}, "AsShotNeutral"),
    "preview": ({Tag.NewSubFileType: numbers(Type.LONG, 1)}, "no full-size raw"),
    "circle": ({Tag.SubIFDs: numbers(Type.LONG, 8)}, "circle"),
    "strips": ({Tag.RowsPerStrip: numbers(Type.LONG, 2)}, "pieces"),
}


@pytest.mark.parametrize("lie", REFUSED)
def test_what_cannot_be_is_refused_by_name(lie: str, tmp_path: Path) -> None:
    changes, words = REFUSED[lie]
    path = tmp_path / "a.dng"
    path.write_bytes(dng(counts(8, 8), changes=changes))
    with pytest.raises(Refusal, match=words) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


def test_files_that_are_no_raw_are_refused_by_name(tmp_path: Path) -> None:
    for content, words in (
        (b"", "empty"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"FOVb" + bytes(100), "Foveon"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIF"),
        (bytes(range(256)) * 4, "not a DNG"),
    ):
        path = tmp_path / "a.dng"
        path.write_bytes(content)
        with pytest.raises(Refusal, match=words):
            read(path)
    with pytest.raises(Refusal, match="folder"):
        read(tmp_path)
    with pytest.raises(Refusal, match="does not exist"):
        read(tmp_path / "none.dng")
    path = tmp_path / "noise.nef"
    path.write_bytes(np.random.default_rng(1).bytes(5000))
    with pytest.raises(Refusal, match="no raw file"):
        read(path)


GOOD = {
    "plain": dng(counts(12, 16)),
    "jpeg": dng(counts(12, 16, 14), bits=14, compression=7, tile=(8, 8)),
    "deflate": dng(counts(12, 16), compression=8, predictor=2),
    "linear": dng(counts(12, 16, 16, 3)),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_file_cut_anywhere_is_refused(kind: str) -> None:
    whole = GOOD[kind]
    for size in range(len(whole) - 2):
        with pytest.raises(Refusal):
            read_dng("a.dng", data=whole[:size])


TORTURE = """
import sys, random, resource, tempfile, pathlib
sys.path.insert(0, sys.argv[1])
from tests.properties.test_dng_reading import GOOD
from anylens.files import ahead, read
from anylens.refusal import Refusal
random.seed(1)
path = pathlib.Path(tempfile.mkdtemp()) / "a.dng"
refused = 0
for turn in range(1200):
    data = bytearray(GOOD[random.choice(sorted(GOOD))])
    for _ in range(random.randint(1, 8)):
        data[random.randrange(len(data))] = random.choice((0, 1, 255, random.randrange(256)))
    path.write_bytes(data)
    try:
        read(path)
    except Refusal as refusal:
        refused += 1
        assert "\\n" not in str(refusal), refusal
print(refused, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_damaged_files_do_no_more_than_refuse() -> None:
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", TORTURE, str(root)], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    refused, peak_mb = map(int, ran.stdout.split())
    assert refused > 100
    assert peak_mb < 1000


@pytest.mark.parametrize("path", REAL)
def test_real_counts_equal_those_of_libraw(path: Path) -> None:
    import rawpy

    image = read(path)
    assert isinstance(image, Frame)
    with rawpy.imread(str(path)) as raw:
        assert np.array_equal(image.raw, raw.raw_image)
        assert max(raw.black_level_per_channel) == image.facts.sensor.black[0][0]
        assert raw.white_level == image.facts.sensor.white[0]
        letters = [[raw.color_desc.decode()[site] for site in row] for row in raw.raw_pattern]
        assert tuple(map(tuple, letters)) == image.facts.sensor.cfa


@pytest.mark.parametrize("path", REAL)
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_real_facts_equal_those_of_exiftool(path: Path) -> None:
    text = subprocess.run(["exiftool", "-n", "-j", str(path)], capture_output=True, text=True, check=True).stdout
    said: dict[str, Any] = json.loads(text)[0]
    facts = read(path).facts
    silicon = facts.sensor

    def numbers_of(tag: str) -> list[float]:
        return [float(value) for value in str(said[tag]).split()]

    assert np.ravel(silicon.black).tolist() == numbers_of("BlackLevel")
    assert list(silicon.white) == numbers_of("WhiteLevel")
    assert np.ravel(silicon.calibrations[0].color_matrix).tolist() == numbers_of("ColorMatrix1")
    assert np.ravel(silicon.calibrations[1].color_matrix).tolist() == numbers_of("ColorMatrix2")
    assert [each.illuminant for each in silicon.calibrations] == [
        said["CalibrationIlluminant1"],
        said["CalibrationIlluminant2"],
    ]
    assert facts.as_shot_neutral == pytest.approx(numbers_of("AsShotNeutral"))
    assert list(facts.active_area) == numbers_of("ActiveArea")
    assert list(facts.crop) == numbers_of("DefaultCropOrigin") + numbers_of("DefaultCropSize")
    assert facts.exposure_s == pytest.approx(said["ExposureTime"])
    assert facts.iso == said["ISO"]
    assert facts.orientation == said["Orientation"]
    assert facts.taken is not None
    assert f"{facts.taken:%Y:%m:%d %H:%M:%S}" == said["DateTimeOriginal"]
    assert silicon.noise is not None
    assert [silicon.noise.scale[0], silicon.noise.offset[0]] == pytest.approx(numbers_of("NoiseProfile"))
    assert facts.setting is not None
    assert (facts.setting.f_number, facts.setting.focal_mm) == (said["FNumber"], said["FocalLength"])
    assert facts.body is not None
    assert (facts.body.maker, facts.body.model, facts.body.serial) == (
        said["Make"],
        said["Model"],
        said["CameraSerialNumber"],
    )


@pytest.mark.skipif(not LINEAR.exists(), reason="the folder shared is not beside the checkout")
def test_a_real_lossy_linear_dng_holds_the_light_that_libraw_finds() -> None:
    import rawpy

    scene = read(LINEAR)
    assert isinstance(scene, Scene)
    facts = scene.facts
    assert facts.as_shot_neutral is not None
    assert facts.balance is not None
    sensor = facts.sensor
    matrix = color.camera_to_rec2020(sensor.calibrations, sensor.analog_balance, facts.as_shot_neutral)
    with rawpy.imread(str(LINEAR)) as raw:
        light = raw.raw_image[..., :3] / 65535.0 * facts.balance
    assert np.allclose(scene.pixels, np.moveaxis(light @ matrix.T, -1, 0), atol=1e-4)


@pytest.mark.skipif(not LINEAR.exists(), reason="the folder shared is not beside the checkout")
def test_a_real_file_cut_anywhere_is_refused() -> None:
    whole = LINEAR.read_bytes()
    for size in np.linspace(1, len(whole) - 2, 60).astype(int):
        with pytest.raises(Refusal):
            read_dng(LINEAR, data=whole[:size])


@pytest.mark.parametrize("bits", [10, 14, 16])
def test_a_scan_of_rare_steps_comes_back_and_one_cut_short_is_refused(bits: int) -> None:
    """Steps of every size, the large ones rare, so that codes of up to 16 bits stand in the table."""
    import imagecodecs

    from anylens.files import lossless_jpeg

    random = np.random.default_rng(bits)
    steps = np.round(2.0 ** random.uniform(0, bits, (96, 128)) ** random.uniform(0, 1, (96, 128)))
    want = (np.cumsum(steps * random.choice([-1, 1], steps.shape), axis=1).astype(np.int64) % (1 << bits)).astype(
        np.uint16
    )
    coded = bytes(imagecodecs.ljpeg_encode(want, bitspersample=bits))
    header = lossless_jpeg.read_header(coded)
    assert np.array_equal(lossless_jpeg.decode(coded, header).reshape(want.shape), want)

    short = coded[: len(coded) // 2] + coded[-2:]
    with pytest.raises(Refusal, match="damaged"):
        lossless_jpeg.decode(short, lossless_jpeg.read_header(short))
