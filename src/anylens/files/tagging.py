"""Lens and rings written into a file that is there already, without touching a pixel.

In a TIFF or DNG nothing moves: new directories are put behind the last byte and the first pointer leads to them. In a
JPEG only the EXIF and XMP segments change. A file of any other kind gets a sidecar, `name.xmp` beside it.
"""

from __future__ import annotations

import mmap
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from anylens.files.exif import lens_entries, lens_range, rendering_entries, ring_entries, rounded_focal
from anylens.files.exposure import pitch_um
from anylens.files.jpeg import LONGEST_SEGMENT, jpeg_segments
from anylens.files.sidecar import LONGEST
from anylens.files.tags import Tag
from anylens.files.tiff import Buffer, Directory, Draft, Entry, Tiff, Type, encoded, open_tiff, pack
from anylens.files.whole import whole
from anylens.files.xmp import JPEG_SIGNATURE, lens_properties, retold
from anylens.lens import Lens, Setting
from anylens.lens.depth import crop_factor
from anylens.record import record
from anylens.refusal import Refusal

_EXIF = b"Exif\0\0"
_MARK = b"anylens: a lens\0"
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_APP0, _APP1 = 0xE0, 0xE1
_WIDTHS = {False: ("H", "I", 4), True: ("Q", "Q", 8)}


@record(frozen=True, slots=True)
class Tagged:
    """Where lens and rings were written; `was` is the lens that the file named before, "" for none."""

    place: Path
    was: str = ""
    same_mm: int | None = None


@record(frozen=True, slots=True)
class _Change:
    """Entries to set and tags to take away, in the EXIF directory and in the main one; the same for XMP."""

    exif: Mapping[int, Entry]
    main: Mapping[int, Entry]
    told: Mapping[str, str | tuple[str, ...]]
    gone: frozenset[int] = frozenset()
    gone_told: frozenset[str] = frozenset()
    same_mm: int | None = None


def tag(path: str | Path, lens: Lens | None, setting: Setting, factor: float | None = None) -> Tagged:
    """Write a lens and where its rings stood into a JPEG, DNG or TIFF, an XMP sidecar, or one beside any other file.

    What is None stays as the file has it, but for what belongs to another lens. `factor` is the sensor's crop factor
    for a file that does not tell its size. The file appears whole or stays as it was. Raises Refusal for a file that
    cannot be read, is damaged or has no room, and where there is nothing to write.
    """
    path = Path(path)

    def change(main: Directory | None) -> _Change:
        return _change(main, lens, setting, factor)

    if lens is None and (setting.f_number, setting.focal_mm, setting.focus_m) == (None, None, None):
        raise Refusal("There is no lens and no ring to write; name the lens or its aperture.")
    try:
        if path.suffix.lower() == ".xmp":
            return _tag_sidecar(path, change(None), must_be=True)
        if path.stat().st_size == 0:
            raise Refusal(f"{path} is empty; copy it from the camera again.")
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data[:3] == b"\xff\xd8\xff":
                return _tag_jpeg(path, data, change)
            if data[:4] in _TIFF_MAGIC:
                tiff = open_tiff(data)
                main, _ = tiff.directory(tiff.first)
                if Tag.DNGVersion in main or path.suffix.lower() in (".tif", ".tiff"):
                    return _tag_tiff(path, data, tiff, change(main))
        return _tag_sidecar(path.with_suffix(".xmp"), change(None), must_be=False)
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {(error.strerror or 'no reason').lower()}; check it.") from error


def _change(main: Directory | None, lens: Lens | None, setting: Setting, factor: float | None) -> _Change:
    """What is to be written into a file whose main directory is `main`, None for a sidecar or a bare JPEG."""
    exif = None if main is None else main.exif
    focal_mm = setting.focal_mm
    same_mm = None
    if focal_mm is not None:
        factor = _factor(main) or factor
        same_mm = None if factor is None else rounded_focal(focal_mm * factor)
    entries = ring_entries(setting, same_mm) | lens_entries(lens)
    gone: set[int] = set()
    gone_told: set[str] = set()
    if setting.f_number is not None:
        gone.add(Tag.ApertureValue)
        gone_told.add("exif:ApertureValue")
    if focal_mm is not None:
        gone.add(Tag.FocalLengthIn35mmFilm)
        gone_told.add("exif:FocalLengthIn35mmFilm")
    if setting.focus_m is not None:
        gone_told.add("aux:ApproximateFocusDistance")
    main_entries: dict[int, Entry] = {}
    if lens is not None:
        gone |= {Tag.LensMake, Tag.LensModel, Tag.LensSpecification, Tag.LensSerialNumber, Tag.MaxApertureValue}
        gone |= {Tag.LensInfo}
        gone_told |= {f"exifEX:{name}" for name in ("LensMake", "LensModel", "LensSpecification", "LensSerialNumber")}
        gone_told |= {f"aux:{name}" for name in ("Lens", "LensInfo", "LensID", "LensSerialNumber")}
        gone_told |= {"exif:MaxApertureValue"}
        if focal_mm is None and exif is not None and not _has(lens, exif.number(Tag.FocalLength)):
            gone |= {Tag.FocalLength, Tag.FocalLengthIn35mmFilm}
            gone_told |= {"exif:FocalLength", "exif:FocalLengthIn35mmFilm"}
        span = lens_range(lens)
        if span is not None and main is not None and Tag.DNGVersion in main:
            main_entries[Tag.LensInfo] = span
    told = lens_properties(lens, setting, same_mm)
    return _Change(entries, main_entries, told, frozenset(gone), frozenset(gone_told), same_mm)


def _has(lens: Lens, focal_mm: float | None) -> bool:
    return focal_mm is not None and lens.focal_mm is not None and lens.focal_mm[0] <= focal_mm <= lens.focal_mm[1]


def _factor(main: Directory | None) -> float | None:
    """How many times smaller the sensor is than 36 x 24 mm, by what the file says of its pixels or focal lengths."""
    if main is None or main.exif is None:
        return None
    pitch = pitch_um(main)
    if pitch is not None:
        for width, height in _sizes(main, main.exif):
            if width and height:
                return crop_factor((width * pitch / 1000.0, height * pitch / 1000.0))
    before, same = main.exif.number(Tag.FocalLength), main.exif.number(Tag.FocalLengthIn35mmFilm)
    return same / before if before and same else None


def _sizes(main: Directory, exif: Directory) -> Iterator[tuple[float | None, float | None]]:
    """What may be the width and height in the pixels whose pitch EXIF tells: a smaller copy keeps its original's."""
    original = main.numbers(Tag.OriginalDefaultFinalSize)
    if len(original) == 2:
        yield original[0], original[1]
    for directory in (*main.tiff.tree(), exif):
        if directory.integer(Tag.NewSubFileType, 0) == 0:
            yield (
                directory.number(Tag.ImageWidth) or directory.number(Tag.PixelXDimension),
                directory.number(Tag.ImageLength) or directory.number(Tag.PixelYDimension),
            )


def _tag_tiff(path: Path, data: mmap.mmap, tiff: Tiff, change: _Change) -> Tagged:
    main, _ = tiff.directory(tiff.first)
    was = _lens_before(main)
    packet = retold(main.raw(Tag.XMP), change.told, change.gone_told)
    kept, first, added = _behind(data, tiff, change, {Tag.XMP: Entry(Type.BYTE, packet)})
    if not tiff.big and kept + len(added) > 0xFFFFFFFF:
        raise Refusal(f"{path} would be larger than TIFF and DNG can be; write a sidecar, {path.stem}.xmp, instead.")
    with memoryview(data) as view:
        head, body = view[: len(first[0])], view[len(first[0]) + first[1] : kept]
        pieces: list[bytes | memoryview] = [bytes(head), first[2], body, added]
        try:
            _replace(path, pieces)
        finally:
            body.release()
            head.release()
            pieces.clear()
    return Tagged(path, was, change.same_mm)


def _behind(
    data: Buffer, tiff: Tiff, change: _Change, more: Mapping[int, Entry]
) -> tuple[int, tuple[bytes, int, bytes], bytes]:
    """How much of a TIFF's bytes stays, its first pointer (bytes before it, its size, its new value), what comes after.

    What an earlier change put at the end is taken away again, so that files do not grow with each.
    """
    kept = _end_before(data, tiff)
    main, following = tiff.directory(tiff.first)
    pad = b"\0" * (kept % 2)
    start = kept + len(pad) + len(_MARK) + 8
    places = main.integers(Tag.ExifIFD)
    exif, after = tiff.directory(places[0]) if places and places[0] else (None, 0)
    slots = {} if exif is None else _slots(exif, kept, change.gone)
    slots |= {key: _fresh(tiff, key, entry) for key, entry in change.exif.items()}
    slots.setdefault(int(Tag.ExifVersion), _fresh(tiff, Tag.ExifVersion, Entry(Type.UNDEFINED, b"0232")))
    details = _packed(tiff, slots, after, start)
    slots = _slots(main, kept, change.gone & {Tag.LensInfo} if Tag.DNGVersion in main else frozenset())
    slots |= {key: _fresh(tiff, key, entry) for key, entry in {**change.main, **more}.items()}
    slots[int(Tag.ExifIFD)] = _fresh(tiff, Tag.ExifIFD, Entry(Type.IFD8 if tiff.big else Type.LONG, (start,)))
    top = _packed(tiff, slots, following, start + len(details))
    _, word, size = _WIDTHS[tiff.big]
    blob = details + top
    mark = pad + _MARK + struct.pack("<Q", len(_MARK) + 8 + len(blob))
    return kept, (bytes(data[:size]), size, struct.pack(tiff.order + word, start + len(details))), mark + blob


def _end_before(data: Buffer, tiff: Tiff) -> int:
    """Where the file ended before an earlier change of ours, where that is the last thing in it; else its end."""
    whole_size = len(data)
    at = bytes(data[max(0, whole_size - (1 << 20)) :]).rfind(_MARK)
    if at < 0:
        return whole_size
    at += max(0, whole_size - (1 << 20))
    (size,) = struct.unpack("<Q", bytes(data[at + len(_MARK) : at + len(_MARK) + 8]).ljust(8, b"\0"))
    return at if at + size == whole_size and tiff.first > at else whole_size


def _slots(directory: Directory, kept: int, gone: frozenset[int]) -> dict[int, tuple[int, int, bytes, bool]]:
    """Every entry of a directory as (type, count, bytes, whether these are its value, not its slot's own bytes)."""
    tiff = directory.tiff
    _, word, inline = _WIDTHS[tiff.big]
    found: dict[int, tuple[int, int, bytes, bool]] = {}
    for key, (kind, count, position) in directory.slots.items():
        if key in gone:
            continue
        try:
            size = len(directory.raw(key))
        except Refusal:
            size = 0
        if size <= inline:
            found[key] = kind, count, bytes(tiff.at(position, inline, "A directory")), False
        elif position >= kept:
            found[key] = kind, count, directory.raw(key), True
        else:
            found[key] = kind, count, struct.pack(tiff.order + word, position), False
    return found


def _fresh(tiff: Tiff, key: int, entry: Entry) -> tuple[int, int, bytes, bool]:
    return int(entry.type), entry.count, encoded(key, entry, tiff.order), True


def _packed(tiff: Tiff, slots: Mapping[int, tuple[int, int, bytes, bool]], following: int, start: int) -> bytes:
    """A directory at `start` with its values behind it."""
    head, word, inline = _WIDTHS[tiff.big]
    free = start + struct.calcsize("=" + head) + len(slots) * (4 + 2 * inline) + inline
    rows, beyond = bytearray(), bytearray()
    for key in sorted(slots):
        kind, count, value, itself = slots[key]
        rows += struct.pack(tiff.order + "HH" + word, key, kind, count)
        if itself and len(value) > inline:
            rows += struct.pack(tiff.order + word, free + len(beyond))
            beyond += value + b"\0" * (len(value) % 2)
        else:
            rows += value.ljust(inline, b"\0")
    packed = struct.pack(tiff.order + head, len(slots)) + rows + struct.pack(tiff.order + word, following) + beyond
    return bytes(packed)


def _tag_jpeg(path: Path, data: mmap.mmap, change_of: Callable[[Directory], _Change]) -> Tagged:
    segments = list(jpeg_segments(data))
    if not segments:
        raise Refusal(f"{path} is damaged at its very beginning; copy it from the camera again.")
    blocks = [content for marker, content in segments if marker == _APP1 and content.startswith(_EXIF)]
    block = blocks[0][len(_EXIF) :] if blocks else _new_block(segments)
    tiff = open_tiff(block)
    main, _ = tiff.directory(tiff.first)
    was, change = _lens_before(main), change_of(main)
    packets = [content for marker, content in segments if marker == _APP1 and content.startswith(JPEG_SIGNATURE)]
    packet = retold(packets[0][len(JPEG_SIGNATURE) :] if packets else b"", change.told, change.gone_told)
    kept, first, added = _behind(block, tiff, change, {})
    exif = first[0] + first[2] + block[first[1] + len(first[0]) : kept] + added
    new = [_EXIF + exif, JPEG_SIGNATURE + packet]
    if max(map(len, new)) > LONGEST_SEGMENT:
        raise Refusal(
            f"{path} has no room for more EXIF or XMP, a JPEG's segment ends at {LONGEST_SEGMENT} bytes; write a "
            f"sidecar, {path.stem}.xmp, instead."
        )
    pieces = list(_segments_with(segments, data, new))
    end = sum(4 + len(content) for _, content in _walk(data)) + 2
    with memoryview(data) as view, view[end:] as picture:
        _replace(path, [b"\xff\xd8", *pieces, picture])
    return Tagged(path, was, change.same_mm)


def _new_block(segments: list[tuple[int, bytes]]) -> bytes:
    """The EXIF block of a JPEG that had none, with what the standard asks of every one."""
    main: dict[int, Entry] = {
        Tag.XResolution: Entry(Type.RATIONAL, (72.0,)),
        Tag.YResolution: Entry(Type.RATIONAL, (72.0,)),
        Tag.ResolutionUnit: Entry(Type.SHORT, (2,)),
        Tag.YCbCrPositioning: Entry(Type.SHORT, (1,)),
    }
    details: dict[int, Entry] = {Tag.ComponentsConfiguration: Entry(Type.UNDEFINED, bytes((1, 2, 3, 0)))}
    details |= rendering_entries("srgb")
    for marker, content in segments:
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(content) >= 5:
            height, width = struct.unpack(">HH", content[1:5])
            details[Tag.PixelXDimension] = Entry(Type.LONG, (width,))
            details[Tag.PixelYDimension] = Entry(Type.LONG, (height,))
    return pack(Draft(main, {Tag.ExifIFD: (Draft(details),)}))


def _walk(data: Buffer) -> Iterator[tuple[int, bytes]]:
    """A JPEG's segments where none is filled up with extra bytes between them; Refusal for one that is."""
    at = 2
    for marker, content in jpeg_segments(data):
        if data[at : at + 2] != bytes((0xFF, marker)):
            raise Refusal("The JPEG has filling between its segments, which anylens leaves alone; write a sidecar.")
        at += 4 + len(content)
        yield marker, content


def _segments_with(segments: list[tuple[int, bytes]], data: Buffer, new: list[bytes]) -> Iterator[bytes]:
    """The segments of a JPEG's head in their order, with these two in place of its EXIF and XMP, or else first."""
    list(_walk(data))
    signatures = (_EXIF, JPEG_SIGNATURE)
    left = list(new)
    at = 0
    while at < len(segments) and segments[at][0] == _APP0:
        yield _segment(*segments[at])
        at += 1
    for block, signature in zip(new, signatures, strict=True):
        if not any(marker == _APP1 and content.startswith(signature) for marker, content in segments):
            yield _segment(_APP1, block)
            left.remove(block)
    for marker, content in segments[at:]:
        for block, signature in zip(new, signatures, strict=True):
            if marker == _APP1 and content.startswith(signature) and block in left:
                content = block
                left.remove(block)
                break
        yield _segment(marker, content)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _tag_sidecar(path: Path, change: _Change, *, must_be: bool) -> Tagged:
    packet = b""
    if must_be or path.exists():
        if path.stat().st_size > LONGEST:
            raise Refusal(f"{path} is too large for a sidecar of XMP; check what it is.")
        packet = path.read_bytes()
    _replace(path, [retold(packet, change.told, change.gone_told)])
    return Tagged(path, same_mm=change.same_mm)


def _lens_before(main: Directory) -> str:
    exif = main.exif
    return main.text(Tag.LensModel) if exif is None else exif.text(Tag.LensModel) or main.text(Tag.LensModel)


def _replace(path: Path, pieces: list[bytes | memoryview]) -> None:
    """The pieces as the file's new content, with the permissions that it had."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    with whole(path) as file:
        file.writelines(pieces)
    if mode is not None:
        with suppress(OSError):
            path.chmod(mode)
