"""TIFF 6.0 (and BigTIFF) directories: read within bounds, packed as EXIF blocks or whole files."""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from anylens.files.tags import Tag, tag_name
from anylens.record import field, record
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from fractions import Fraction

Buffer = bytes | bytearray | memoryview | mmap.mmap
Number: TypeAlias = "int | float | Fraction | tuple[int, int]"
"""A value of an entry; a pair is a rational's numerator and denominator as they stand in the file."""

MOST_DIRECTORIES = 64
MOST_ENTRIES = 4096
MOST_VALUES = 1 << 22


class Type:
    """Numbers of TIFF's value types."""

    BYTE = 1
    ASCII = 2
    SHORT = 3
    LONG = 4
    RATIONAL = 5
    SBYTE = 6
    UNDEFINED = 7
    SSHORT = 8
    SLONG = 9
    SRATIONAL = 10
    FLOAT = 11
    DOUBLE = 12
    IFD = 13
    LONG8 = 16
    SLONG8 = 17
    IFD8 = 18


_CODE = {
    Type.BYTE: "B",
    Type.ASCII: "B",
    Type.SHORT: "H",
    Type.LONG: "I",
    Type.RATIONAL: "II",
    Type.SBYTE: "b",
    Type.UNDEFINED: "B",
    Type.SSHORT: "h",
    Type.SLONG: "i",
    Type.SRATIONAL: "ii",
    Type.FLOAT: "f",
    Type.DOUBLE: "d",
    Type.IFD: "I",
    Type.LONG8: "Q",
    Type.SLONG8: "q",
    Type.IFD8: "Q",
}
_SIZE = {kind: struct.calcsize("=" + code) for kind, code in _CODE.items()}
_BYTES = (Type.BYTE, Type.UNDEFINED)
_RATIONALS = (Type.RATIONAL, Type.SRATIONAL)


@record(frozen=True, slots=True)
class Entry:
    """One tag's value.

    `values` is text for ASCII, bytes for BYTE and UNDEFINED, else numbers. Read rationals are floats, NaN for 0/0;
    rationals to be packed may be floats, fractions or (numerator, denominator) pairs.
    """

    type: int
    values: str | bytes | Sequence[Number]

    @property
    def count(self) -> int:
        """How many values stand in the file; text counts its closing NUL."""
        return len(self.values.encode()) + 1 if isinstance(self.values, str) else len(self.values)


@record(frozen=True, slots=True)
class Directory:
    """One image file directory of an open file; its values are decoded when they are asked for.

    Every method raises Refusal where the file contradicts itself.
    """

    tiff: Tiff
    slots: Mapping[int, tuple[int, int, int]] = field(repr=False)
    """By tag: (type, count, position in the file)."""

    def __contains__(self, tag: int) -> bool:
        return tag in self.slots

    def __iter__(self) -> Iterator[int]:
        return iter(self.slots)

    def raw(self, tag: int) -> bytes:
        """The bytes of a tag's value as they stand in the file, b"" where the tag is absent."""
        slot = self.slots.get(tag)
        if slot is None:
            return b""
        kind, count, position = slot
        if kind not in _SIZE:
            raise Refusal(f"{tag_name(tag)} is of TIFF type {kind}, which does not exist; the file is damaged.")
        return bytes(self.tiff.at(position, count * _SIZE[kind], tag_name(tag)))

    def get(self, tag: int) -> Entry | None:
        """The decoded entry of a tag, None where it is absent."""
        slot = self.slots.get(tag)
        if slot is None:
            return None
        raw = self.raw(tag)
        kind, count, _ = slot
        if kind in _BYTES:
            return Entry(kind, raw)
        if kind == Type.ASCII:
            text = raw.split(b"\0", 1)[0]
            try:
                return Entry(kind, text.decode("utf-8"))
            except UnicodeDecodeError:
                return Entry(kind, text.decode("latin-1"))
        if count > MOST_VALUES:
            raise Refusal(f"{tag_name(tag)} claims {count} values, no camera writes so many; the file is damaged.")
        numbers = struct.unpack(self.tiff.order + _CODE[kind] * count, raw)
        if kind in _RATIONALS:
            return Entry(kind, tuple(_ratio(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)))
        return Entry(kind, numbers)

    def numbers(self, tag: int) -> tuple[float, ...]:
        """All values of a numeric tag, () where it is absent; integers stay integers."""
        entry = self.get(tag)
        if entry is None:
            return ()
        if isinstance(entry.values, str):
            raise Refusal(f"{tag_name(tag)} holds text where numbers belong; the file is damaged.")
        return tuple(v for v in entry.values if isinstance(v, int | float))

    def integers(self, tag: int) -> tuple[int, ...]:
        """All values of a tag that counts or points, () where it is absent."""
        values = self.numbers(tag)
        if not all(math.isfinite(v) and v == int(v) for v in values):
            raise Refusal(f"{tag_name(tag)} holds fractions where whole numbers belong; the file is damaged.")
        return tuple(int(v) for v in values)

    def integer(self, tag: int, default: int | None = None) -> int:
        """The first value of a tag that counts; `default` where it is absent, a Refusal where there is none."""
        values = self.integers(tag)
        if values:
            return values[0]
        if default is None:
            raise Refusal(
                f"{tag_name(tag)} is missing, without which the image cannot be understood; export the file again."
            )
        return default

    def number(self, tag: int) -> float | None:
        """The first value of a numeric tag, None where it is absent, infinite or 0/0."""
        values = self.numbers(tag)
        return float(values[0]) if values and math.isfinite(values[0]) else None

    def text(self, tag: int) -> str:
        """The text of a tag without blanks around it, "" where it is absent or not text."""
        entry = self.get(tag)
        if entry is None:
            return ""
        if isinstance(entry.values, str):
            return entry.values.strip()
        if isinstance(entry.values, bytes):
            return entry.values.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
        return ""

    def children(self, tag: int) -> tuple[Directory, ...]:
        """The directories that a pointer tag (SubIFDs, ExifIFD, GPSIFD) leads to."""
        return tuple(self.tiff.directory(position)[0] for position in self.integers(tag) if position)

    @property
    def exif(self) -> Directory | None:
        """The EXIF directory, None where there is none."""
        found = self.children(Tag.ExifIFD)
        return found[0] if found else None


@record(frozen=True, slots=True)
class Tiff:
    """An open TIFF: its bytes, its byte order (`<` or `>`), whether its offsets have 8 bytes."""

    data: Buffer = field(repr=False)
    order: str
    big: bool
    first: int
    _seen: set[int] = field(default_factory=set, repr=False, compare=False)

    def at(self, position: int, size: int, what: str) -> memoryview:
        """`size` bytes at `position`, without copying; Refusal where they do not lie within the file."""
        if position < 0 or size < 0 or position + size > len(self.data):
            raise Refusal(
                f"{what} lies beyond the end of the file ({position + size} of {len(self.data)} bytes); "
                "the file is truncated or damaged, copy it from the camera again."
            )
        return memoryview(self.data)[position : position + size]

    def directory(self, position: int) -> tuple[Directory, int]:
        """The directory at `position` and the position of the next, 0 for none."""
        self._seen.add(position)
        if len(self._seen) > MOST_DIRECTORIES:
            raise Refusal(f"The file has more than {MOST_DIRECTORIES} directories; it is damaged or forged.")
        head, slot, word = ("Q", "HHQ8s", "Q") if self.big else ("H", "HHI4s", "I")
        size = struct.calcsize("=" + head)
        (count,) = struct.unpack(self.order + head, self.at(position, size, "A directory"))
        if count > MOST_ENTRIES:
            raise Refusal(f"A directory claims {count} entries, no camera writes so many; the file is damaged.")
        step = struct.calcsize("=" + slot)
        body = self.at(position + size, count * step, "A directory")
        slots: dict[int, tuple[int, int, int]] = {}
        inline = struct.calcsize("=" + word)
        for index, (tag, kind, values, _) in enumerate(struct.iter_unpack(self.order + slot, body)):
            place = position + size + (index + 1) * step - inline
            if kind in _SIZE and values * _SIZE[kind] > inline:
                (place,) = struct.unpack(self.order + word, self.at(place, inline, "A directory"))
            slots.setdefault(tag, (kind, values, place))
        end = position + size + count * step
        following = 0
        if end + inline <= len(self.data):
            (following,) = struct.unpack(self.order + word, self.at(end, inline, "A directory"))
        return Directory(self, slots), following

    @property
    def directories(self) -> tuple[Directory, ...]:
        """The chain of main directories, first one first."""
        found: list[Directory] = []
        position = self.first
        passed: set[int] = set()
        while position:
            if position in passed:
                raise Refusal("The file's directories lead in a circle; it is damaged or forged.")
            passed.add(position)
            directory, position = self.directory(position)
            found.append(directory)
        return tuple(found)

    def tree(self) -> tuple[Directory, ...]:
        """Every image directory: the chain of main ones, each followed by its SubIFDs, and theirs."""
        found: list[Directory] = []
        passed: set[int] = set()
        waiting = [self.first]
        while waiting:
            position = waiting.pop()
            if not position:
                continue
            if position in passed:
                raise Refusal("The file's directories lead in a circle; it is damaged or forged.")
            passed.add(position)
            directory, following = self.directory(position)
            found.append(directory)
            waiting += [following, *reversed(directory.integers(Tag.SubIFDs))]
        return tuple(found)


def open_tiff(data: Buffer) -> Tiff:
    """Opens TIFF bytes; also those of Olympus and Panasonic raws, whose magic number differs.

    Raises Refusal where they are no TIFF.
    """
    head = bytes(data[:16])
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise Refusal("This is not a TIFF file: it does not begin with its signature; check what it is.")
    (magic,) = struct.unpack(order + "H", head[2:4])
    if magic == 43 and len(head) == 16:
        size, zero, first = struct.unpack(order + "HHQ", head[4:16])
        if (size, zero) == (8, 0):
            return Tiff(data, order, True, first)
    elif magic in (42, 0x55, 0x4F52, 0x5352):
        (first,) = struct.unpack(order + "I", head[4:8])
        return Tiff(data, order, False, first)
    raise Refusal(f"This is not a TIFF file: its signature says {magic}, not 42; check what it is.")


@record(frozen=True, slots=True)
class Draft:
    """A directory to be packed.

    `chunks` are the image's strips in order, or its tiles where TileWidth is among `entries`; their offsets and sizes
    are filled in. `children` are directories below this one, by the tag that points to them (SubIFDs, ExifIFD, GPSIFD).
    """

    entries: Mapping[int, Entry]
    children: Mapping[int, Sequence[Draft]] = field(default_factory=dict)
    chunks: Sequence[bytes | bytearray | memoryview] = ()


def pack(*drafts: Draft) -> bytes:
    """The bytes of a little-endian TIFF; with one draft without chunks, the EXIF block of a JPEG's APP1 segment.

    Raises Refusal for more than 4 GB.
    """
    pieces, _ = _lay_out(drafts)
    return b"".join(bytes(piece) for piece in pieces)


def write_tiff(file: BinaryIO, *drafts: Draft) -> int:
    """Streams a little-endian TIFF into an open binary file and returns its size in bytes; chunks are not copied.

    Raises Refusal for more than 4 GB.
    """
    pieces, size = _lay_out(drafts)
    file.writelines(pieces)
    return size


def _lay_out(drafts: Sequence[Draft]) -> tuple[list[bytes | bytearray | memoryview], int]:
    """The pieces of a file in order, and their total size."""
    order: list[Draft] = []
    _collect(drafts, order)
    filled = [_with_pointers(draft) for draft in order]
    bodies: list[dict[int, tuple[int, int, bytes]]] = [
        {tag: (entry.type, entry.count, encoded(tag, entry)) for tag, entry in entries.items()} for entries in filled
    ]
    starts: list[int] = []
    position = 8
    for body in bodies:
        starts.append(position)
        position += 6 + 12 * len(body) + sum(_even(len(value)) for _, _, value in body.values() if len(value) > 4)
    where = {id(draft): start for draft, start in zip(order, starts, strict=True)}
    views = [[memoryview(chunk).cast("B") for chunk in draft.chunks] for draft in order]
    places: list[list[int]] = []
    for chunks in views:
        places.append([])
        for chunk in chunks:
            places[-1].append(position)
            position += _even(len(chunk))
    if position > 0xFFFFFFFF:
        raise Refusal(f"The file would be {position / 1e9:.1f} GB, TIFF and DNG end at 4.3 GB; write a smaller image.")
    following = {id(first): where[id(second)] for first, second in pairwise(drafts)}
    pieces: list[bytes | bytearray | memoryview] = [struct.pack("<2sHI", b"II", 42, 8)]
    for draft, body, start, spots in zip(order, bodies, starts, places, strict=True):
        for tag, offsets in _pointers(draft, where, spots).items():
            kind, count, _ = body[tag]
            body[tag] = (kind, count, struct.pack(f"<{count}I", *offsets))
        slots, beyond, free = bytearray(), bytearray(), start + 6 + 12 * len(body)
        for tag in sorted(body):
            kind, count, value = body[tag]
            slots += struct.pack("<HHI", tag, kind, count)
            if len(value) <= 4:
                slots += value.ljust(4, b"\0")
            else:
                slots += struct.pack("<I", free + len(beyond))
                beyond += value + b"\0" * (len(value) % 2)
        pieces.append(struct.pack("<H", len(body)) + slots + struct.pack("<I", following.get(id(draft), 0)) + beyond)
    for chunks in views:
        for view in chunks:
            pieces.append(view)
            if len(view) % 2:
                pieces.append(b"\0")
    return pieces, position


def _collect(drafts: Sequence[Draft], order: list[Draft]) -> None:
    for draft in drafts:
        order.append(draft)
        for below in draft.children.values():
            _collect(below, order)


def _chunk_tags(draft: Draft) -> tuple[int, int]:
    if Tag.TileWidth in draft.entries:
        return Tag.TileOffsets, Tag.TileByteCounts
    return Tag.StripOffsets, Tag.StripByteCounts


def _with_pointers(draft: Draft) -> dict[int, Entry]:
    entries = dict(draft.entries)
    for tag, below in draft.children.items():
        if below:
            entries[tag] = Entry(Type.LONG, (0,) * len(below))
    if draft.chunks:
        offsets, sizes = _chunk_tags(draft)
        entries[offsets] = Entry(Type.LONG, (0,) * len(draft.chunks))
        entries[sizes] = Entry(Type.LONG, tuple(memoryview(chunk).nbytes for chunk in draft.chunks))
    return entries


def _pointers(draft: Draft, where: Mapping[int, int], spots: Sequence[int]) -> dict[int, Sequence[int]]:
    found: dict[int, Sequence[int]] = {
        tag: [where[id(child)] for child in below] for tag, below in draft.children.items() if below
    }
    if draft.chunks:
        found[_chunk_tags(draft)[0]] = spots
    return found


def encoded(tag: int, entry: Entry, order: str = "<") -> bytes:
    """The bytes of an entry's value in a file of that byte order; ValueError for a value that its type cannot hold."""
    values, kind = entry.values, entry.type
    if isinstance(values, str):
        return values.encode() + b"\0"
    if isinstance(values, bytes):
        return values
    parts: list[int | float]
    if kind in _RATIONALS:
        parts = [part for value in values for part in as_ratio(value, signed=kind == Type.SRATIONAL)]
    else:
        parts = [v for v in values if isinstance(v, int | float)]
        if kind not in (Type.FLOAT, Type.DOUBLE):
            parts = [int(v) for v in parts]
    try:
        return struct.pack(order + _CODE[kind] * len(values), *parts)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{tag_name(tag)} cannot hold {values!r} as TIFF type {kind}: {error}") from error


def as_ratio(value: Number, *, signed: bool = False) -> tuple[int, int]:
    """A small rational of two 32-bit integers that gives back the number, or else one as near as they come.

    The first convergent of its continued fraction that does. NaN is 0/0, infinity 1/0. Raises ValueError for a negative
    unsigned and for a number beyond 32 bits.
    """
    if isinstance(value, tuple):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return (0, 0) if math.isnan(value) else (int(math.copysign(1, value)), 0)
    most = 0x7FFFFFFF if signed else 0xFFFFFFFF
    size = -value if value < 0 else value
    if size > most or (value < 0 and not signed):
        raise ValueError(f"{value} does not fit a {'signed' if signed else 'unsigned'} rational")
    over, under = size.as_integer_ratio()
    before, (numerator, denominator) = (0, 1), (1, 0)
    while under:
        whole, rest = divmod(over, under)
        after = whole * numerator + before[0], whole * denominator + before[1]
        if max(after) > most:
            break
        before, (numerator, denominator) = (numerator, denominator), after
        if numerator / denominator == size:
            break
        over, under = under, rest
    return -numerator if value < 0 else numerator, denominator


def _ratio(numerator: int, denominator: int) -> float:
    if denominator:
        return numerator / denominator
    return math.nan if numerator == 0 else math.copysign(math.inf, numerator)


def _even(size: int) -> int:
    return size + size % 2
