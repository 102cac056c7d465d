"""The scan that is coded here: what any decoder makes of it is as near to the picture as libjpeg comes."""

import ctypes
import io

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from anylens.files.jpeg import encode_jpeg, jpeg_segments
from anylens.files.jpeg_tables import CODES, steps, tables
from anylens.kernels import jpeg_scan
from anylens.kernels.library import X86_FLAGS, instruction_set, plain_function, supported_sets

pytestmark = pytest.mark.skipif(instruction_set() == "reference", reason="nothing is compiled")

Picture = np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]
WIDE, TALL = 150, 133


def scene(seed: int = 0, blur_px: float = 2.0) -> Picture:
    """A picture of soft colours."""
    light = np.random.default_rng(seed).normal(0.0, 1.0, (TALL, WIDE, 3))
    soft = gaussian_filter(light, (blur_px, blur_px, 0))
    return np.clip(128 + 60 * soft / soft.std(), 0, 255).astype(np.uint8)


def encoded(picture: Picture, quality: int = 95) -> bytes:
    return b"".join(encode_jpeg([picture.transpose(2, 0, 1)], picture.shape[:2], quality))


def error(coded: bytes, picture: Picture) -> float:
    """RMS of what the picture has become."""
    return float(np.sqrt(np.mean((imagecodecs.jpeg8_decode(coded).astype(float) - picture) ** 2)))


def libjpeg(picture: Picture, quality: int) -> bytes:
    return imagecodecs.jpeg8_encode(picture, level=quality, subsampling="444" if quality >= 90 else "420")


@pytest.mark.parametrize("quality", [1, 2, 25, 49, 50, 51, 89, 90, 95, 99, 100])
def test_tables_are_those_of_libjpeg(quality: int) -> None:
    theirs = [each for each in jpeg_segments(libjpeg(scene(), quality)) if not 0xE0 <= each[0] <= 0xEF]
    assert list(tables(quality, (TALL, WIDE), halved=quality < 90)) == theirs


@pytest.mark.parametrize("quality", [90, 95, 98, 100])
@pytest.mark.parametrize("blur_px", [0.4, 1.0, 3.0])
def test_a_picture_is_at_least_as_near_as_by_libjpeg_in_no_more_bytes(quality: int, blur_px: float) -> None:
    picture = scene(quality, blur_px)
    ours, theirs = encoded(picture, quality), libjpeg(picture, quality)
    assert error(ours, picture) < 1.01 * error(theirs, picture)
    assert len(ours) < 1.02 * len(theirs)


@given(height=st.integers(1, 40), width=st.integers(1, 70), seed=st.integers(0, 3))
@settings(max_examples=60)
def test_pictures_of_any_sides_keep_their_edges(height: int, width: int, seed: int) -> None:
    picture = np.ascontiguousarray(scene(seed)[:height, :width])
    off = np.abs(imagecodecs.jpeg8_decode(encoded(picture, 98)).astype(int) - picture)
    assert off.max() <= 10


@pytest.mark.parametrize("cell_px", [1, 2, 3, 4, 8])
def test_the_hardest_contrasts_fit_the_codes(cell_px: int) -> None:
    down, across = np.mgrid[:64, :80] // cell_px
    on = (down + across) % 2 == 0
    picture = np.where(on[..., None], np.uint8([255, 0, 255]), np.uint8([0, 255, 0]))
    assert np.abs(imagecodecs.jpeg8_decode(encoded(picture, 100)).astype(int) - picture).max() <= 3


def test_noise_takes_more_room_than_a_photo_and_gets_it() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (256, 512, 3), np.uint8)
    assert len(encoded(noise, 100)) > noise.size // 2 + (1 << 16)
    assert error(encoded(noise, 100), noise) < 1.0


def test_another_decoder_sees_the_same() -> None:
    coded = encoded(scene())
    with Image.open(io.BytesIO(coded)) as opened:
        assert opened.size == (WIDE, TALL)
        np.testing.assert_array_equal(np.asarray(opened), imagecodecs.jpeg8_decode(coded))


def test_every_instruction_set_codes_the_same_to_a_step_of_quantisation() -> None:
    picture, sets = scene(), [name for name in supported_sets() if plain_function(f"anylens_jpeg_scan_{name}")]
    assert set(sets) == set(supported_sets()) & {*X86_FLAGS, "neon"}
    head = encoded(picture)
    at = head.index(b"\xff\xda") + 14
    pictures = []
    for name in sets:
        scan = jpeg_scan.Scan(steps(95), CODES)
        scan._function = plain_function(f"anylens_jpeg_scan_{name}")
        scan._function.restype = ctypes.c_int64
        strips = [scan(picture[top : top + 128]) for top in (0, 128)]
        pictures.append(imagecodecs.jpeg8_decode(head[:at] + strips[0] + b"\xff\xd0" + strips[1] + b"\xff\xd9"))
    for other in pictures:
        assert np.abs(other.astype(int) - pictures[0]).max() <= 4
        assert np.mean(other != pictures[0]) < 0.01


def test_rows_that_do_not_lie_as_bytes_side_by_side_are_refused() -> None:
    with pytest.raises(ValueError, match="interleaved bytes"):
        jpeg_scan.Scan(steps(95), CODES)(scene()[:, ::2])
