"""A lens told by hand reaches EXIF and XMP, of new files and of files that are there, and no pixel is touched."""

from __future__ import annotations

import json
import math
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import anylens
from anylens.app.by_hand import Said, held, mounted
from anylens.app.command_line import run
from anylens.body import Body
from anylens.darkroom.glass import with_passport
from anylens.files.exposure import read_exposure
from anylens.files.jpeg import jpeg_segments
from anylens.files.passport_out import write_passport
from anylens.files.tagging import tag
from anylens.files.tags import Tag
from anylens.files.tiff import Directory, Entry, Type, encoded, open_tiff
from anylens.files.xmp import JPEG_SIGNATURE, recipe_in, recipe_text, retold, setting_source, xmp_packet
from anylens.frame import Burst, Facts, Frame
from anylens.image import Photo
from anylens.lens import Lens, Passport, Setting, find_passport
from anylens.lens.catalogue import cards, find
from anylens.lens.passport_place import file_name, own_passports
from anylens.refusal import Refusal
from anylens.sensor import Calibration, Noise, Sensor, bayer

SUMMILUX = Lens("Leica", "Summilux-M 50mm f/1.4 ASPH.", (50.0, 50.0), (1.4, 1.4), "Leica M", code=32)
HAND = Setting("hand", 2.8, 50.0, 3.0)


def facts(lens: Lens | None = None, setting: Setting | None = None) -> Facts:
    silicon = Sensor(
        "test",
        32,
        24,
        bayer("RGGB"),
        white=(1023.0,),
        pitch_um=200.0,
        noise=Noise((1e-3,), (1e-5,), "file"),
        calibrations=(Calibration(21, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))),),
    )
    return Facts.whole(silicon, lens=lens, setting=setting)


def frame(lens: Lens | None = None, setting: Setting | None = None) -> Frame:
    raw = np.random.default_rng(3).integers(0, 1024, (24, 32), np.uint16)
    return Frame(raw, facts(lens, setting))


def photo(told: Facts, recipe: str = "") -> Photo:
    return Photo(np.random.default_rng(4).random((3, 24, 32), np.float32), told, "srgb", recipe)


def main_of(path: Path) -> Directory:
    data = path.read_bytes()
    if data[:3] == b"\xff\xd8\xff":
        data = next(content[6:] for marker, content in jpeg_segments(data) if content.startswith(b"Exif\0\0"))
    tiff = open_tiff(data)
    return tiff.directories[0]


def packet_of(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:3] == b"\xff\xd8\xff":
        return next(content for _, content in jpeg_segments(data) if content.startswith(JPEG_SIGNATURE))
    return main_of(path).raw(Tag.XMP)


def picture_of(path: Path) -> bytes:
    """A JPEG from where its head ends; a DNG or TIFF's strips or tiles in order."""
    data = path.read_bytes()
    if data[:3] == b"\xff\xd8\xff":
        return data[2 + sum(4 + len(content) for _, content in jpeg_segments(data)) :]
    main = main_of(path)
    keys = (Tag.TileOffsets, Tag.TileByteCounts) if Tag.TileOffsets in main else (Tag.StripOffsets, Tag.StripByteCounts)
    places, sizes = (main.integers(key) for key in keys)
    return b"".join(data[at : at + size] for at, size in zip(places, sizes, strict=True))


def holds(path: Path, lens: Lens, setting: Setting) -> None:
    main = main_of(path)
    exif = main.exif
    assert exif is not None
    assert (exif.text(Tag.LensMake), exif.text(Tag.LensModel)) == (lens.maker, lens.model)
    assert lens.focal_mm is not None
    assert lens.max_aperture is not None
    assert exif.numbers(Tag.LensSpecification) == (*lens.focal_mm, *lens.max_aperture)
    assert exif.number(Tag.FNumber) == setting.f_number
    assert exif.number(Tag.FocalLength) == setting.focal_mm
    packet = packet_of(path)
    assert lens.model.encode() in packet
    assert setting_source(packet.removeprefix(JPEG_SIGNATURE)) == "hand"


@pytest.mark.parametrize("name", ["a.dng", "a.jpg", "a.tif"])
def test_what_is_said_by_hand_reaches_a_new_file(name: str, tmp_path: Path) -> None:
    told = facts(SUMMILUX, HAND)
    anylens.write(frame(SUMMILUX, HAND) if name == "a.dng" else photo(told, "a recipe"), tmp_path / name)
    holds(tmp_path / name, SUMMILUX, HAND)
    exif = main_of(tmp_path / name).exif
    assert exif is not None
    crop = math.hypot(36.0, 24.0) / math.hypot(6.4, 4.8)
    assert exif.integer(Tag.FocalLengthIn35mmFilm) == round(50.0 * crop)
    if name != "a.dng":
        assert recipe_text(tmp_path / name) == "a recipe"


def test_a_dng_gives_back_that_its_rings_were_told_by_hand(tmp_path: Path) -> None:
    for setting in (HAND, replace(HAND, focus_m=math.inf), replace(HAND, source="twin"), replace(HAND, source="exif")):
        anylens.write(frame(SUMMILUX, setting), tmp_path / "a.dng")
        assert anylens.read(tmp_path / "a.dng").facts.setting == setting


@pytest.mark.parametrize("name", ["a.dng", "a.jpg", "a.tif"])
def test_tagging_a_file_touches_no_pixel_and_keeps_the_rest(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    before = Lens("Zeiss", "Planar", (50.0, 50.0), (2.0, 2.0))
    old = Setting("exif", 8.0, 50.0)
    image = frame(before, old) if name == "a.dng" else photo(facts(before, old), "a recipe")
    anylens.write(image, place)
    place.chmod(0o640)
    was, picture = place.read_bytes(), picture_of(place)
    others = {key: main_of(place).raw(key) for key in main_of(place) if key not in (Tag.XMP, Tag.ExifIFD, Tag.LensInfo)}
    done = tag(place, SUMMILUX, HAND)
    assert done.was == "Planar"
    holds(place, SUMMILUX, HAND)
    assert picture_of(place) == picture
    assert {key: main_of(place).raw(key) for key in others} == others
    assert place.stat().st_mode & 0o777 == 0o640
    if name == "a.jpg":
        assert recipe_text(place) == "a recipe"
    else:
        assert place.read_bytes()[8 : len(was)] == was[8:], "nothing that was there has moved"
    if name == "a.dng":
        assert np.array_equal(anylens.read(place).raw, image.raw)
        assert anylens.read(place).facts.lens == replace(SUMMILUX, mount=None, code=None)
    size = place.stat().st_size
    for _ in range(3):
        tag(place, SUMMILUX, HAND)
    assert place.stat().st_size == size, "a file does not grow with each"
    tag(place, None, Setting("hand", 4.0))
    holds(place, SUMMILUX, replace(HAND, f_number=4.0))
    assert picture_of(place) == picture


def test_the_equivalent_focal_length_of_another_lens_does_not_stay(tmp_path: Path) -> None:
    place = tmp_path / "a.jpg"
    wide = Setting("exif", 8.0, 28.0)
    told = facts(Lens("A", "B", (28.0, 28.0)), wide)
    anylens.write(photo(told), place)
    exif = main_of(place).exif
    assert exif is not None
    ratio = exif.integer(Tag.FocalLengthIn35mmFilm) / 28.0
    assert tag(place, SUMMILUX, HAND).same_mm == round(50.0 * ratio)
    bare = photo(replace(told, sensor=replace(told.sensor, pitch_um=None), setting=None))
    anylens.write(bare, place)
    assert tag(place, SUMMILUX, HAND).same_mm is None
    assert tag(place, SUMMILUX, HAND, 2.64).same_mm == 132


def big_endian(entries: dict[int, Entry], inner: dict[int, Entry]) -> bytes:
    """A TIFF of the other byte order, its EXIF directory behind the main one."""

    def directory(held: dict[int, Entry], start: int) -> bytes:
        free, rows, beyond = start + 6 + 12 * len(held), b"", b""
        for key, entry in sorted(held.items()):
            value = encoded(key, entry, ">")
            rows += struct.pack(">HHI", key, entry.type, entry.count)
            rows += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(">I", free + len(beyond))
            beyond += value if len(value) > 4 else b""
        return struct.pack(">H", len(held)) + rows + bytes(4) + beyond

    first = directory(entries | {Tag.ExifIFD: Entry(Type.LONG, (0,))}, 8)
    entries = entries | {Tag.ExifIFD: Entry(Type.LONG, (8 + len(first),))}
    return b"MM\0*" + struct.pack(">I", 8) + directory(entries, 8) + directory(inner, 8 + len(first))


def test_the_other_byte_order_is_kept_and_a_makers_notes_stay_where_they_are(tmp_path: Path) -> None:
    notes = bytes(range(200))
    block = big_endian({Tag.Make: Entry(Type.ASCII, "Maker")}, {37500: Entry(Type.UNDEFINED, notes)})
    body = b"\xff\xd8" + b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block
    picture = b"\xff\xdb\0\x04ab\xff\xda\0\x02rest of it\xff\xd9"
    place = tmp_path / "a.jpg"
    place.write_bytes(body + picture)
    at = block.index(notes)
    tag(place, SUMMILUX, HAND)
    main = main_of(place)
    assert main.tiff.order == ">"
    assert main.text(Tag.Make) == "Maker"
    assert main.exif is not None
    assert main.exif.raw(37500) == notes
    assert main.exif.slots[37500][2] == at
    assert read_exposure(main).lens == replace(SUMMILUX, mount=None, code=None)
    assert place.read_bytes().endswith(picture)


def notes_of_m8(code: int, frames: int) -> bytes:
    return b"LEICA\0\0\0" + struct.pack(">HHHIII", 1, 0x0310, 4, 1, code << 2 | frames, 0)


def notes_of_m9(code: int, frames: int) -> bytes:
    """The directory that holds the code is the value of an entry, whose place counts from the notes' beginning."""
    inner = struct.pack(">HHHIII", 1, 0x3405, 4, 1, code << 2 | frames, 0)
    return b"LEICA0\x03\0" + struct.pack(">HHHIII", 1, 0x3400, 7, len(inner), 26, 0) + inner


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("notes_of", [notes_of_m8, notes_of_m9])
@pytest.mark.parametrize(("code", "frames"), [(11, 1), (36, 0), (63, 3)])
def test_exiftool_reads_the_same_code_in_such_notes(notes_of, code: int, frames: int, tmp_path: Path) -> None:
    main = {Tag.Make: Entry(Type.ASCII, "Leica Camera AG"), Tag.Model: Entry(Type.ASCII, "M9 Digital Camera")}
    place = tmp_path / "a.tif"
    place.write_bytes(big_endian(main, {Tag.MakerNote: Entry(Type.UNDEFINED, notes_of(code, frames))}))
    command = ["exiftool", "-n", "-s3", "-LensType", str(place)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() == [
        str(code),
        str(frames),
    ]


@pytest.mark.parametrize("notes_of", [notes_of_m8, notes_of_m9])
@pytest.mark.parametrize(
    ("code", "frames", "model"),
    [
        (32, 0, "Summilux-M 50mm f/1.4 ASPH."),
        (6, 0, "Summilux-M 35mm f/1.4"),
        (6, 2, "Summicron-M 35mm f/2 (IV)"),
        (42, 1, "Tri-Elmar-M 28-35-50mm f/4 ASPH."),
        (0, 0, None),
        (63, 3, None),
    ],
)
def test_a_coded_lens_is_known_by_what_the_camera_read(notes_of, code: int, frames: int, model: str | None) -> None:
    def lens(maker: str, notes: bytes) -> Lens | None:
        block = big_endian({Tag.Make: Entry(Type.ASCII, maker)}, {Tag.MakerNote: Entry(Type.UNDEFINED, notes)})
        tiff = open_tiff(block)
        return read_exposure(tiff.directory(tiff.first)[0]).lens

    notes = notes_of(code, frames)
    found = lens("Leica Camera AG", notes)
    assert (found and found.model) == model
    assert lens("Panasonic", notes) is None
    assert all(lens("Leica Camera AG", notes[:size]) in (None, found) for size in range(len(notes)))


def test_dashes_for_a_lens_that_tells_nothing_are_no_name() -> None:
    block = big_endian({Tag.Make: Entry(Type.ASCII, "SONY")}, {Tag.LensModel: Entry(Type.ASCII, "----")})
    tiff = open_tiff(block)
    assert read_exposure(tiff.directory(tiff.first)[0]).lens is None


def test_a_smaller_copy_has_the_crop_factor_of_its_original(tmp_path: Path) -> None:
    inner = {
        Tag.FocalPlaneXResolution: Entry(Type.RATIONAL, (760.0,)),
        Tag.FocalPlaneResolutionUnit: Entry(Type.SHORT, (3,)),
    }
    size = {Tag.ImageWidth: Entry(Type.LONG, (1224,)), Tag.ImageLength: Entry(Type.LONG, (816,))}
    place = tmp_path / "a.tif"
    for more, same_mm in (({}, 112), ({Tag.OriginalDefaultFinalSize: Entry(Type.LONG, (2736, 1824))}, 50)):
        place.write_bytes(big_endian(size | more, inner))
        assert tag(place, SUMMILUX, HAND).same_mm == same_mm


def test_a_jpeg_without_exif_gets_what_the_standard_asks_of_it(tmp_path: Path) -> None:
    import imagecodecs

    place = tmp_path / "a.jpg"
    place.write_bytes(imagecodecs.jpeg8_encode(np.full((24, 32, 3), 99, np.uint8)))
    picture = picture_of(place)
    tag(place, SUMMILUX, HAND)
    holds(place, SUMMILUX, HAND)
    exif = main_of(place).exif
    assert exif is not None
    assert (exif.integer(Tag.PixelXDimension), exif.integer(Tag.PixelYDimension)) == (32, 24)
    assert picture_of(place) == picture


def test_a_sidecar_keeps_what_others_wrote_and_is_made_where_there_is_none(tmp_path: Path) -> None:
    raw, side = tmp_path / "a.nef", tmp_path / "a.xmp"
    raw.write_bytes(b"a camera's own")
    side.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="a" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" aux:Lens="Old lens"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
    )
    tag(raw, SUMMILUX, HAND)
    text = side.read_text()
    assert "Old lens" not in text
    assert 'xmp:Rating="4"' in text
    assert "Leica Summilux-M 50mm f/1.4 ASPH." in text
    assert raw.read_bytes() == b"a camera's own"
    once = side.read_bytes()
    tag(side, SUMMILUX, HAND)
    assert side.read_bytes() == once
    side.unlink()
    tag(raw, SUMMILUX, HAND)
    assert setting_source(side.read_bytes()) == "hand"


def test_a_raw_is_read_with_what_its_sidecar_tells_by_hand(tmp_path: Path) -> None:
    raw, side = tmp_path / "a.dng", tmp_path / "a.xmp"
    anylens.write(frame(Lens("Zeiss", "Planar"), Setting("exif", 8.0)), raw)
    side.write_bytes(xmp_packet("another program's"))
    assert anylens.read(raw).facts.setting == Setting("exif", 8.0)
    tag(side, SUMMILUX, replace(HAND, f_number=None, focus_m=math.inf))
    told = anylens.read(raw).facts
    assert told.lens == replace(SUMMILUX, mount=None, code=None)
    assert told.setting == Setting("hand", 8.0, 50.0, math.inf)
    assert any("a.xmp" in note for note in told.notes)
    side.write_bytes(side.read_bytes()[:-200])
    assert anylens.read(raw).facts.setting == Setting("exif", 8.0)


def test_xmp_keeps_a_recipe_whatever_is_written_beside_it() -> None:
    packet = xmp_packet("Tone & <more>\n")
    assert recipe_in(retold(packet, {"exif:FNumber": "4/1"})) == "Tone & <more>\n"
    assert recipe_in(retold(retold(packet, {"exif:FNumber": "4/1"}), {}, ["exif:FNumber"])) == "Tone & <more>\n"


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"II*\0\xff\xff\xff\xff", b"<not xmp", b"<!DOCTYPE a><a/>"])
def test_a_damaged_file_is_refused_and_stays_as_it_was(content: bytes, tmp_path: Path) -> None:
    place = tmp_path / ("a.xmp" if content.startswith(b"<") else "a.tif")
    place.write_bytes(content)
    with pytest.raises(Refusal):
        tag(place, SUMMILUX, HAND)
    assert place.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == [place.name]


def test_a_jpeg_without_room_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "a.jpg"
    room = 65533 - len(JPEG_SIGNATURE) - len(xmp_packet("x"))
    anylens.write(photo(facts(), "x" * room), place)
    before = place.read_bytes()
    with pytest.raises(Refusal, match="no room"):
        tag(place, SUMMILUX, HAND)
    assert place.read_bytes() == before


def test_hand_wins_and_what_contradicts_it_is_said() -> None:
    file = facts(Lens("Zeiss", "Planar", (50.0, 50.0)), Setting("exif", 8.0, 35.0, 2.0))
    told = held(file, Said(SUMMILUX, 2.8))
    assert (told.lens, told.setting) == (SUMMILUX, Setting("hand", 2.8, 50.0, 2.0))
    assert "Planar" in told.notes[0]
    assert held(file, Said(f_number=4.0)).setting == Setting("hand", 4.0, 35.0, 2.0)
    assert held(facts(SUMMILUX), Said(SUMMILUX)).notes == ()


def test_a_lens_that_is_only_kept_as_mounted_stands_where_the_file_names_none() -> None:
    kept = Said(SUMMILUX, assumed="kept as mounted")
    assert held(facts(), kept).lens == SUMMILUX
    assert "kept as mounted" in held(facts(), kept).notes[0]
    named = facts(Lens("Zeiss", "Planar"), Setting("exif", 8.0))
    assert held(named, kept) == named


def test_a_lens_without_a_name_is_no_name_to_contradict() -> None:
    file = facts(Lens("", "", (50.0, 50.0), (2.0, 2.0)))
    for said in (Said(SUMMILUX), Said(SUMMILUX, assumed="kept as mounted")):
        told = held(file, said)
        assert told.lens == SUMMILUX
        assert all("kept as mounted" in note for note in told.notes)


def test_the_frames_of_a_burst_are_told_as_they_are_read() -> None:
    burst = mounted(Burst((frame(), frame())), Said(SUMMILUX, 2.0))
    assert [each.facts.lens for each in burst.frames] == [SUMMILUX, SUMMILUX]
    assert burst.frames[1:][0].facts.setting == Setting("hand", 2.0, 50.0)


def test_from_the_command_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    anylens.write(frame(), tmp_path / "a.dng")
    shutil.copy(tmp_path / "a.dng", tmp_path / "b.dng")
    files = (str(tmp_path / "a.dng"), str(tmp_path / "none.dng"), str(tmp_path / "b.dng"))
    assert run(["lens", "tag", *files, "--lens", "summilux-m-50mm-f1.4-asph", "--aperture", "2", "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    assert [Path(each["place"]).name for each in told["tagged"]] == ["a.dng", "b.dng"]
    assert len(told["failed"]) == 1
    holds(tmp_path / "b.dng", SUMMILUX, Setting("hand", 2.0, 50.0))
    assert run(["lens", "tag", files[0]]) == 2
    assert run(["lens", "tag", files[0], "--lens", "planar-50mm", "--focal", "90"]) == 2
    shots = tmp_path / "shots"
    (tmp_path / "raws").mkdir()
    anylens.write(frame(), tmp_path / "raws" / "c.dng")
    asked = ["shoot", f"folder:{tmp_path / 'raws'}", "-o", str(shots), "--lens", "planar-50mm-f2-zm", "--aperture", "4"]
    assert run(asked) == 0
    taken = anylens.read(next(shots.glob("*.dng"))).facts
    assert taken.setting == Setting("hand", 4.0, 50.0)
    assert taken.lens is not None
    assert taken.lens.maker == "Zeiss"
    assert run(["shoot", "virtual:scene=white-wall", "--lens", "planar-50mm-f2-zm"]) == 2


@given(st.data())
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_whatever_a_damaged_file_holds_it_is_tagged_or_refused_and_then_unchanged(
    tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["a.dng", "a.jpg"]))
    place = tmp_path / name
    if not (tmp_path / f"whole-{name}").exists():
        told = facts(SUMMILUX, HAND)
        anylens.write(frame(SUMMILUX, HAND) if name == "a.dng" else photo(told, "r"), tmp_path / f"whole-{name}")
    content = bytearray((tmp_path / f"whole-{name}").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, min(len(content), 2500) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.just(len(content)) | st.integers(0, len(content))) :]
    place.write_bytes(content)
    try:
        tag(place, SUMMILUX, HAND)
    except Refusal:
        assert place.read_bytes() == bytes(content)


def test_a_passport_is_found_by_the_lens_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    body = Body("Maker", "Model One")
    image = frame()
    anylens.write(replace(image, facts=replace(image.facts, body=body)), tmp_path / "a.dng")
    lens = find("summilux-m-50mm-f1.4-asph", cards()).lens
    own_passports().mkdir(parents=True)
    write_passport(Passport(lens, body.name), own_passports() / file_name(lens, body.name))
    assert find_passport(SUMMILUX, body.name) is not None
    tag(tmp_path / "a.dng", lens, HAND)
    told = anylens.read(tmp_path / "a.dng").facts
    assert told.lens is not None
    assert find_passport(told.lens, told.body.name if told.body else "") is not None
    capfd.readouterr()
    assert run(["info", str(tmp_path / "a.dng")]) == 0
    assert f"{lens.name} on {body.name}" in capfd.readouterr().out


def test_a_zooms_passport_of_another_focal_length_is_told() -> None:
    zoom = Lens("Tokina", "Zoom", (35.0, 70.0))
    passport = Passport(replace(zoom, focal_mm=(35.0, 35.0)), "a body")
    for focal_mm, told in ((70.0, True), (36.0, False)):
        notes = with_passport(frame(zoom, Setting("hand", 4.0, focal_mm)), passport).facts.notes
        assert any("at 35 mm, the picture was taken at 70 mm" in note for note in notes) is told
