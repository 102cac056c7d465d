"""Other people's readers judge what is written: exiftool, LittleCMS, LibRaw, libtiff's kin."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image, ImageCms

from anylens.body import Body
from anylens.files import read, write
from anylens.frame import Facts, Frame, Opcodes
from anylens.image import Mosaic, Photo, Scene
from anylens.lens import Lens, Setting
from anylens.sensor import Calibration, Noise, Sensor, bayer

RAW = Path(__file__).parents[3] / "shared" / "data" / "raw"
EXIFTOOL = shutil.which("exiftool")
needs_exiftool = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")

COLOR_MATRIX = ((0.7, -0.2, -0.05), (-0.3, 1.1, 0.2), (-0.02, 0.15, 0.6))
FORWARD_MATRIX = ((0.5, 0.3, 0.1642), (0.2, 0.7, 0.1), (0.05, 0.1, 0.6749))


def facts_of(height: int, width: int, cfa: str = "RGGB") -> Facts:
    silicon = Sensor(
        "Leica M test",
        width,
        height,
        bayer(cfa),
        ((64.0, 65.5), (66.0, 67.0)),
        (16383.0,),
        pitch_um=6.0,
        noise=Noise((1e-4,), (1e-6,), "file"),
        calibrations=(
            Calibration(17, COLOR_MATRIX),
            Calibration(21, COLOR_MATRIX, FORWARD_MATRIX, ((1.01, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.99))),
        ),
    )
    return Facts.whole(
        silicon,
        exposure_s=1 / 250,
        iso=102400.0,
        taken=datetime(2026, 2, 3, 4, 5, 6, 120000, timezone(timedelta(hours=-3, minutes=-30))),
        body=Body("Leica", "M test", "4711"),
        lens=Lens("Leica", "Summilux-M 1:1.4/35 ASPH.", (35.0, 35.0), (1.4, 1.4)),
        setting=Setting("hand", 2.8, 35.0, 3.5),
        as_shot_neutral=(0.5, 1.0, 0.625),
        baseline_exposure=0.25,
        orientation=6,
        opcodes=Opcodes(list3=bytes(4)),
    )


def photo_of(space: Literal["srgb", "display-p3"]) -> Photo:
    pixels = np.random.default_rng(0).random((3, 60, 90), np.float32)
    return Photo(pixels, facts_of(60, 90), recipe='[tone]\nname = "é & <b>"\n', space=space)


def written(folder: Path) -> list[Path]:
    """One of everything that can be written."""
    photo = photo_of("srgb")
    pixels = np.random.default_rng(0).random((300, 400), np.float32)
    raw = (pixels * 16000).astype(np.uint16)
    images: dict[str, Photo | Scene | Frame | Mosaic] = {
        "photo.jpg": photo,
        "p3.jpg": photo_of("display-p3"),
        "photo.tif": photo,
        "scene.tif": Scene(np.asarray(photo.pixels, np.float32), photo.facts),
        "frame.dng": Frame(raw, facts_of(300, 400)),
        "quad.dng": Frame(raw, facts_of(300, 400, "quad-RGGB")),
        "mono.dng": Frame(raw, facts_of(300, 400, "mono")),
        "mosaic.dng": Mosaic(pixels, facts_of(300, 400)),
    }
    for name, image in images.items():
        write(image, folder / name)
    return [folder / name for name in images]


def told(*paths: Path) -> list[dict[str, Any]]:
    assert EXIFTOOL is not None
    command = [EXIFTOOL, "-json", "-n", "-validate", "-warning", "-error", "-a", "-All", *map(str, paths)]
    found: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


@needs_exiftool
def test_exiftool_finds_no_fault(tmp_path: Path) -> None:
    for file in told(*written(tmp_path)):
        assert (file["Validate"], file.get("Warning"), file.get("Error")) == ("0 0 0", None, None), file["FileName"]


@needs_exiftool
@pytest.mark.parametrize("name", ["photo.jpg", "photo.tif", "scene.tif", "frame.dng"])
def test_exiftool_reads_the_exposure_as_it_was(name: str, tmp_path: Path) -> None:
    written(tmp_path)
    (file,) = told(tmp_path / name)
    expected = {
        "ExposureTime": 0.004,
        "FNumber": 2.8,
        "ISO": 65535,
        "RecommendedExposureIndex": 102400,
        "FocalLength": 35,
        "SubjectDistance": 3.5,
        "DateTimeOriginal": "2026:02:03 04:05:06",
        "OffsetTimeOriginal": "-03:30",
        "SubSecTimeOriginal": 12,
        "Make": "Leica",
        "Model": "M test",
        "LensMake": "Leica",
        "LensModel": "Summilux-M 1:1.4/35 ASPH.",
        "LensInfo": "35 35 1.4 1.4",
        "ExifVersion": "0232",
    }
    assert {key: file[key] for key in expected if key != "ExifVersion"} == {
        key: value for key, value in expected.items() if key != "ExifVersion"
    }
    assert int(file["ExifVersion"]) == 232
    assert str(file["SerialNumber"]) == "4711"
    assert file["Orientation"] == (1 if name.startswith("photo") else 6)
    assert file["Software"].startswith("anylens ")


@needs_exiftool
@pytest.mark.parametrize("name", ["photo.jpg", "photo.tif"])
def test_exiftool_finds_the_recipe_and_the_program(name: str, tmp_path: Path) -> None:
    written(tmp_path)
    (file,) = told(tmp_path / name)
    assert file["Recipe"].strip() == '[tone]\nname = "é & <b>"'
    assert file["CreatorTool"].startswith("anylens ")


@needs_exiftool
def test_the_focal_length_in_full_frame_terms_follows_the_diagonals(tmp_path: Path) -> None:
    width, height = 4000, 3000
    photo = Photo(np.zeros((3, 8, 8), np.float32), facts_of(height, width))
    write(photo, tmp_path / "a.jpg")
    (file,) = told(tmp_path / "a.jpg")
    assert file["FocalLengthIn35mmFormat"] == round(35.0 * 43.267 / 30.0)


@needs_exiftool
@pytest.mark.parametrize("name", ["frame.dng", "mosaic.dng"])
def test_exiftool_reads_the_colours_of_a_negative(name: str, tmp_path: Path) -> None:
    written(tmp_path)
    (file,) = told(tmp_path / name)
    assert [float(v) for v in file["ColorMatrix1"].split()] == pytest.approx(np.ravel(COLOR_MATRIX))
    assert [float(v) for v in file["ForwardMatrix2"].split()] == pytest.approx(np.ravel(FORWARD_MATRIX))
    assert [float(v) for v in file["AsShotNeutral"].split()] == [0.5, 1.0, 0.625]
    assert (file["CalibrationIlluminant1"], file["CalibrationIlluminant2"]) == (17, 21)
    assert file["BaselineExposure"] == 0.25


@pytest.mark.parametrize("space", ["srgb", "display-p3"])
@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_littlecms_finds_the_colour_space(space: Literal["srgb", "display-p3"], suffix: str, tmp_path: Path) -> None:
    import tifffile

    write(photo_of(space), tmp_path / f"a{suffix}")
    if suffix == ".jpg":
        with Image.open(tmp_path / "a.jpg") as picture:
            embedded = picture.info["icc_profile"]
    else:
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            embedded = file.pages.first.tags["InterColorProfile"].value
    profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
    red = Image.new("RGB", (1, 1), (255, 0, 0))
    to_srgb = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), profile, "RGB", "RGB")
    seen = ImageCms.applyTransform(red, to_srgb)
    assert seen is not None
    expected = (255, 0, 0) if space == "srgb" else (234, 51, 35)
    assert np.abs(np.asarray(seen, np.int16)[0, 0] - expected).max() <= 1


@pytest.mark.parametrize("cfa", ["RGGB", "GRBG", "GBRG", "BGGR"])
def test_libraw_reads_levels_phase_and_colours(cfa: str, tmp_path: Path) -> None:
    import rawpy

    raw = np.random.default_rng(0).integers(0, 16384, (300, 400), np.uint16)
    write(Frame(raw, facts_of(300, 400, cfa)), tmp_path / "a.dng")
    with rawpy.imread(str(tmp_path / "a.dng")) as libraw:
        assert libraw.raw_pattern is not None
        letters = [[libraw.color_desc.decode()[site] for site in row] for row in libraw.raw_pattern.tolist()]
        assert letters == [list(cfa[:2]), list(cfa[2:])]
        assert libraw.white_level == 16383
        assert sorted(libraw.black_level_per_channel) == [64, 65, 66, 67]
        np.testing.assert_allclose(np.array(libraw.camera_whitebalance[:3]) * (0.5, 1.0, 0.625), 1.0, rtol=1e-5)


@pytest.mark.parametrize("cfa", ["RGGB", "quad-RGGB", "mono"])
@pytest.mark.parametrize("width", [128, 256, 260, 512, 768, 1024, 1280])
def test_libraw_reads_the_same_counts_whatever_the_width(cfa: str, width: int, tmp_path: Path) -> None:
    import rawpy

    raw = np.random.default_rng(0).integers(0, 16384, (272, width), np.uint16)
    write(Frame(raw, facts_of(272, width, cfa)), tmp_path / "a.dng")
    with rawpy.imread(str(tmp_path / "a.dng")) as libraw:
        np.testing.assert_array_equal(libraw.raw_image, raw)


def test_libraw_finds_merged_light_as_it_is_and_overlooks_how_bright_it_is_meant(tmp_path: Path) -> None:
    """Nothing is clipped and nothing brightened: BaselineExposure is left to who looks at the picture."""
    import rawpy

    light = np.random.default_rng(0).uniform(0.0, 0.9, (300, 400)).astype(np.float32)
    shown = []
    for baseline in (0.0, 2.5):
        write(Mosaic(light, replace(facts_of(300, 400), baseline_exposure=baseline)), tmp_path / "a.dng")
        with rawpy.imread(str(tmp_path / "a.dng")) as libraw:
            black, white = libraw.black_level_per_channel[0], libraw.white_level
            counts = libraw.raw_image_visible.astype(np.float64)
            np.testing.assert_allclose((counts - black) / (white - black), light, atol=2e-5)
            shown.append(libraw.postprocess(no_auto_bright=True, gamma=(1, 1), output_bps=16))
    np.testing.assert_array_equal(*shown)


@pytest.mark.skipif(not RAW.exists(), reason="../shared/data/raw is not here")
def test_a_real_frame_written_and_read_again_is_the_same(tmp_path: Path) -> None:
    import rawpy

    frame = read(RAW / "GoPro_Hero6_GOPR0024.dng")
    assert isinstance(frame, Frame)
    write(frame, tmp_path / "a.dng")
    again = read(tmp_path / "a.dng")
    assert isinstance(again, Frame)
    np.testing.assert_array_equal(again.raw, frame.raw)
    assert again.facts == frame.facts
    with rawpy.imread(str(tmp_path / "a.dng")) as libraw, rawpy.imread(str(RAW / "GoPro_Hero6_GOPR0024.dng")) as old:
        np.testing.assert_array_equal(libraw.raw_image, old.raw_image)
        assert libraw.black_level_per_channel == old.black_level_per_channel
        assert libraw.white_level == old.white_level
        np.testing.assert_allclose(libraw.rgb_xyz_matrix, old.rgb_xyz_matrix, atol=1e-6)
        np.testing.assert_allclose(libraw.camera_whitebalance, old.camera_whitebalance, rtol=1e-6)
