"""Finished pictures of anyone's become the linear light that they mean, or are refused in a sentence."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest
import tifffile

from anylens import color
from anylens.files.finished import read_finished
from anylens.files.icc import icc_profile, read_profile
from anylens.files.shown import encode_shown
from anylens.refusal import Refusal

RAMP = np.arange(48 * 64 * 3, dtype=np.int64).reshape(48, 64, 3) % 256


@pytest.fixture
def picture(tmp_path):
    def write(name: str, data: bytes):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def test_a_png_without_a_profile_is_srgb_and_says_so(picture) -> None:
    found = read_finished(picture("a.png", encode_shown(RAMP.astype(np.uint8), ".png")))
    np.testing.assert_allclose(found.pixels, color.srgb_decode(RAMP / 255.0).transpose(2, 0, 1), atol=1e-6)
    assert "sRGB" in found.notes[0]
    assert np.array_equal(found.clipped, (RAMP == 255).any(axis=2))


def test_sixteen_bits_and_grey_are_read(picture) -> None:
    grey = (np.arange(40 * 50).reshape(40, 50) * 32).astype(np.uint16)
    found = read_finished(picture("a.png", imagecodecs.png_encode(grey)))
    np.testing.assert_allclose(found.pixels[1], color.srgb_decode(grey / 65535.0), atol=1e-6)
    assert np.array_equal(found.pixels[0], found.pixels[2])


def test_a_profile_in_a_tiff_is_followed(tmp_path) -> None:
    light = np.linspace(0.0, 1.0, 48 * 64 * 3, dtype=np.float32).reshape(48, 64, 3)
    profile = icc_profile("rec2020-linear")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, light, photometric="rgb", extratags=[(34675, 7, len(profile), profile, True)])
    found = read_finished(path)
    np.testing.assert_allclose(found.pixels, light.transpose(2, 0, 1), atol=1e-6)
    assert found.space == "Rec. 2020 linear"
    np.testing.assert_allclose(found.to_xyz.sum(axis=1), color.PCS_D50, atol=1e-3)


@pytest.mark.parametrize("space", ["srgb", "display-p3"])
def test_our_own_profiles_are_read_as_they_were_written(space) -> None:
    found = read_profile(icc_profile(space))
    signal = np.linspace(0.0, 1.0, 33)
    np.testing.assert_allclose(found.linear(signal, 1), color.srgb_decode(signal), atol=2e-5)
    to_d50 = color.adaptation(color.xyz_from_xy(color.D65), color.PCS_D50)
    np.testing.assert_allclose(found.to_pcs, to_d50 @ color.rgb_to_xyz(space), atol=2e-5)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (b"curv\0\0\0\0" + struct.pack(">I", 0), lambda x: x),
        (b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)), lambda x: x ** (round(2.2 * 256) / 256)),
        (b"curv\0\0\0\0" + struct.pack(">I3H", 3, 0, 16384, 65535), lambda x: np.interp(x, (0, 0.5, 1), (0, 0.25, 1))),
        (b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, 2 * 65536), lambda x: x**2),
    ],
    ids=("linear", "power", "table", "parametric"),
)
def test_curves_of_others_are_undone(curve, expected) -> None:
    from anylens.files.icc import _decoded

    signal = np.linspace(0.0, 1.0, 17)
    np.testing.assert_allclose(_decoded(curve)(signal), expected(signal), atol=1e-4)


def test_a_raw_is_no_finished_picture(picture) -> None:
    assert read_finished(picture("a.arw", b"II*\0" + b"\0" * 64)) is None


@pytest.mark.parametrize("kind", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_damaged_pictures_are_refused_in_a_sentence(picture, kind, share) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    data = encode_shown(noise, kind)
    with pytest.raises(Refusal, match="a"):
        read_finished(picture(f"a{kind}", data[: int(len(data) * share)]))


def test_a_forged_size_is_refused_before_it_is_decoded(picture) -> None:
    data = bytearray(encode_shown(RAMP.astype(np.uint8), ".png"))
    data[16:24] = struct.pack(">II", 60000, 60000)
    with pytest.raises(Refusal, match="60000 x 60000"):
        read_finished(picture("a.png", bytes(data)))


def test_a_profile_of_nonsense_is_refused() -> None:
    with pytest.raises(Refusal, match="damaged"):
        read_profile(b"\0" * 200)
    good = bytearray(icc_profile("srgb"))
    good[16:20] = b"CMYK"
    with pytest.raises(Refusal, match="matrix and curves"):
        read_profile(bytes(good))
