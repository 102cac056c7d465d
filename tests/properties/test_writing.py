"""Files appear whole or not at all, pictures stand upright, recipes travel unharmed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from anylens.files import bands, recipe_text, write
from anylens.files.jpeg import encode_jpeg
from anylens.files.whole import whole
from anylens.files.xmp import recipe_in, xmp_packet
from anylens.frame import Facts, Frame
from anylens.image import Mosaic, Photo, Scene
from anylens.refusal import Refusal
from anylens.sensor import Sensor

SOURCE = Path(__file__).parents[2] / "src"


def facts_of(height: int, width: int, orientation: int = 1) -> Facts:
    return Facts.whole(Sensor("test", width, height, ()), orientation=orientation)


def photo_of(height: int = 6, width: int = 10, orientation: int = 1, recipe: str = "", seed: int = 0) -> Photo:
    pixels = np.random.default_rng(seed).random((3, height, width), np.float32)
    return Photo(pixels, facts_of(height, width, orientation), recipe=recipe)


@settings(max_examples=60)
@given(
    height=st.integers(1, 17) | st.integers(120, 400),
    width=st.integers(1, 70),
    quality=st.integers(1, 100),
    seed=st.integers(0, 9),
    cuts=st.sets(st.integers(1, 399), max_size=4),
)
def test_bands_decode_as_one_jpeg_coded_in_one_piece(
    height: int, width: int, quality: int, seed: int, cuts: set[int]
) -> None:
    cuts = sorted(cut for cut in cuts if cut < height)
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    planes = picture.transpose(2, 0, 1)
    banded = b"".join(encode_jpeg(np.split(planes, cuts, axis=1), (height, width), quality))
    assert b"".join(encode_jpeg([planes], (height, width), quality)) == banded
    piece = imagecodecs.jpeg8_encode(picture, level=quality, subsampling="444" if quality >= 90 else "420")
    ours, theirs = (imagecodecs.jpeg8_decode(coded).astype(float) for coded in (banded, piece))
    if quality < 90:
        np.testing.assert_array_equal(ours, theirs)
    else:
        assert np.sqrt(np.mean((ours - picture) ** 2)) < 1.05 * np.sqrt(np.mean((theirs - picture) ** 2)) + 0.2


def test_the_widest_jpeg_has_intervals_that_its_header_can_count() -> None:
    picture = np.zeros((3, 140, 65500), np.uint8)
    picture[:, :, ::97] = 255
    coded = b"".join(encode_jpeg([picture], picture.shape[1:], 95))
    assert np.abs(imagecodecs.jpeg8_decode(coded).astype(int) - picture.transpose(1, 2, 0)).max() < 60


def test_a_photo_gives_the_same_bytes_on_any_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    planes = photo_of(700, 90).pixels
    many = b"".join(encode_jpeg([planes], planes.shape[1:], 95))
    monkeypatch.setattr(bands, "cores", lambda: 1)
    assert b"".join(encode_jpeg([planes], planes.shape[1:], 95)) == many


@given(
    values=st.lists(st.floats(-2.0, 3.0, width=32) | st.just(float("nan")), min_size=3, max_size=30),
    white=st.sampled_from((255, 65535)),
)
def test_light_is_rounded_to_the_nearest_count(values: list[float], white: int) -> None:
    light = np.array(values[: len(values) // 3 * 3], np.float32).reshape(3, 1, -1)
    meant = np.clip(np.nan_to_num(light.astype(np.float64)), 0.0, 1.0) * white
    counted = bands.counts(light, white).transpose(2, 0, 1)
    assert np.abs(counted - meant).max() <= 0.5 + white * 1e-7


def test_eight_bits_spread_over_all_sixteen() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (3, 1, 1))
    np.testing.assert_array_equal(bands.counts(ramp, 65535)[0, :, 1], np.arange(256) * 257)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_stands_as_other_programs_turn_it(orientation: int, tmp_path: Path) -> None:
    planes = photo_of(5, 7).pixels
    picture = Image.fromarray(bands.counts(planes, 255))
    picture.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(picture))
    np.testing.assert_array_equal(bands.counts(bands.upright(planes, orientation), 255), expected)
    write(photo_of(5, 7, orientation), tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as written:
        assert written.size == expected.shape[1::-1]
        assert written.getexif()[274] == 1


@settings(max_examples=200)
@given(text=st.text())
def test_any_text_survives_in_xmp(text: str) -> None:
    assert (recipe_in(xmp_packet(text)) or "") == text


@settings(max_examples=20)
@given(text=st.text(min_size=1, max_size=400), suffix=st.sampled_from((".jpg", ".tif")))
def test_any_recipe_survives_in_a_photo(text: str, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("photo") / f"a{suffix}"
    write(photo_of(recipe=text), path)
    assert recipe_text(path) == text


def test_a_recipe_file_is_its_own_text(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('look = "é"\n', encoding="utf-8")
    assert recipe_text(path) == 'look = "é"\n'


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8\xff\xe1\x00", b"II*\0\xff\xff\xff\xff", b"\0\1\2", b"\xff\xfe\xfd"]
)
def test_what_holds_no_recipe_is_refused_or_empty(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    if content:
        with pytest.raises(Refusal):
            recipe_text(path)
    else:
        assert recipe_text(path) == ""


def test_a_photo_of_another_program_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    with pytest.raises(Refusal, match="no recipe"):
        recipe_text(tmp_path / "a.jpg")
    with pytest.raises(Refusal, match="cannot be read"):
        recipe_text(tmp_path / "b.jpg")


def test_xmp_with_entities_is_not_expanded() -> None:
    bomb = xmp_packet("x").replace(b"<x:xmpmeta", b'<!DOCTYPE a [<!ENTITY b "bbbb">]><x:xmpmeta')
    assert recipe_in(bomb) is None


def test_a_recipe_too_long_for_a_jpeg_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="segment"):
        write(photo_of(recipe="x" * 70_000), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_a_scene_is_kept_to_the_last_bit(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).normal(0.5, 3.0, (3, 700, 900)).astype(np.float32)
    write(Scene(pixels, facts_of(700, 900, orientation=6)), tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.asarray(), pixels.transpose(1, 2, 0))
        assert file.pages.first.tags["Orientation"].value == 6


@pytest.mark.parametrize("size", [(1, 1), (3, 17), (900, 1300)])
def test_a_photo_as_tiff_has_sixteen_upright_bits(size: tuple[int, int], tmp_path: Path) -> None:
    photo = photo_of(*size, orientation=8)
    write(photo, tmp_path / "a.tiff")
    written = tifffile.imread(tmp_path / "a.tiff")
    assert written.dtype == np.uint16
    np.testing.assert_array_equal(written, bands.counts(np.rot90(photo.pixels, 1, (1, 2)), 65535))


def images() -> list[tuple[Frame | Mosaic | Scene | Photo, str]]:
    photo = photo_of()
    flat = np.zeros((6, 10), np.float32)
    return [
        (photo, ".jpg"),
        (photo, ".tif"),
        (Scene(photo.pixels.astype(np.float32), photo.facts), ".tif"),
        (Frame(flat.astype(np.uint16), photo.facts), ".dng"),
        (Mosaic(flat, photo.facts), ".dng"),
    ]


@pytest.mark.parametrize(("image", "suffix"), images())
@pytest.mark.parametrize("wrong", [".png", ".jxl", ""])
def test_a_suffix_that_does_not_fit_is_refused(image: Photo, suffix: str, wrong: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=f"written as .*{suffix}"):
        write(image, tmp_path / f"a{wrong}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("image", "suffix"), images())
def test_places_that_take_no_file_are_refused(image: Photo, suffix: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / f"loop{suffix}").symlink_to(tmp_path / f"loop{suffix}")
    os.mkfifo(tmp_path / f"pipe{suffix}")
    before = sorted(tmp_path.rglob("*"))
    for place in ("missing/a", "file/a", "folder", "pipe", "n" * 300, "nul\0"):
        with pytest.raises(Refusal) as refusal:
            write(image, tmp_path / f"{place}{suffix}")
        assert "\n" not in str(refusal.value)
        assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "old"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_closed_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Refusal, match="permission"):
        write(photo_of(), tmp_path / "a.jpg")


@pytest.mark.parametrize("quality", [0, -1, 101, 95.5, "95", None])
def test_a_quality_off_the_scale_is_refused(quality: int, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="1 to 100"):
        write(photo_of(), tmp_path / "a.jpg", quality=quality)


def test_a_quality_is_that_number_of_whatever_kind(tmp_path: Path) -> None:
    written = []
    for quality in (95, 95.0, np.int64(95)):
        write(photo_of(), tmp_path / "a.jpg", quality=quality)  # type: ignore[arg-type]
        written.append((tmp_path / "a.jpg").read_bytes())
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("shape", [(3, 0, 4), (3, 4, 0)])
@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_a_photo_of_nothing_is_refused(shape: tuple[int, int, int], suffix: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal):
        write(Photo(np.zeros(shape, np.float32), facts_of(4, 4)), tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_file_and_leaves_no_other(failure: type[BaseException], tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def fail() -> None:
        with whole(tmp_path / "a") as file:
            file.write(b"new")
            raise failure

    with pytest.raises(failure):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with whole(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def run(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(os.name != "posix", reason="the limit on file sizes is POSIX")
@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_a_disk_that_fills_up_leaves_nothing(suffix: str, tmp_path: Path) -> None:
    script = """
        import resource, sys
        import numpy as np
        from anylens.files import write
        from anylens.frame import Facts
        from anylens.image import Photo
        from anylens.refusal import Refusal
        from anylens.sensor import Sensor
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        facts = Facts.whole(Sensor("t", 800, 800, ()))
        try:
            write(Photo(np.random.default_rng(0).random((3, 800, 800), np.float32), facts), sys.argv[1])
        except Refusal as refusal:
            print(refusal)
    """
    with run(script, str(tmp_path / f"a{suffix}")) as child:
        out, errors = child.communicate(timeout=60)
    assert errors == ""
    assert out.count("\n") == 1
    assert "cannot be written" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
@pytest.mark.parametrize("pause", [0.0, 0.02, 0.1])
def test_a_killed_writer_leaves_the_old_file_or_the_new(pause: float, tmp_path: Path) -> None:
    script = """
        import sys
        from anylens.files.whole import whole
        print("ready", flush=True)
        for turn in range(100000):
            with whole(sys.argv[1]) as file:
                for _ in range(40):
                    file.write(bytes([turn % 251]) * 50000)
    """
    target = tmp_path / "a.bin"
    target.write_bytes(b"old" * 10)
    with run(script, str(target)) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(pause)
        child.kill()
        child.wait()
    content = target.read_bytes()
    assert content == b"old" * 10 or (len(content) == 2_000_000 and len(set(content)) == 1)


@pytest.mark.parametrize("space", ["srgb", "display-p3"])
@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_the_same_photo_gives_the_same_file(space: Literal["srgb", "display-p3"], suffix: str, tmp_path: Path) -> None:
    photo = replace(photo_of(200, 150, recipe="x = 1"), space=space)
    for name in ("a", "b"):
        write(photo, tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
