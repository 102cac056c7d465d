"""What is packed is read back, and no bytes make the reader do more than refuse."""

from __future__ import annotations

import io
import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anylens.files.tags import Tag
from anylens.files.tiff import Draft, Entry, Type, as_ratio, open_tiff, pack, write_tiff
from anylens.refusal import Refusal

POINTERS = {Tag.SubIFDs, Tag.ExifIFD, Tag.GPSIFD, Tag.StripOffsets, Tag.StripByteCounts, Tag.TileWidth}
RANGES = {
    Type.SHORT: (0, 0xFFFF),
    Type.LONG: (0, 0xFFFFFFFF),
    Type.SBYTE: (-128, 127),
    Type.SSHORT: (-0x8000, 0x7FFF),
    Type.SLONG: (-0x80000000, 0x7FFFFFFF),
}


def entries() -> st.SearchStrategy[Entry]:
    whole = [
        st.lists(st.integers(*RANGES[kind]), min_size=1, max_size=5).map(lambda v, kind=kind: Entry(kind, tuple(v)))
        for kind in RANGES
    ]
    floats = st.lists(st.floats(allow_nan=False), min_size=1, max_size=4)
    return st.one_of(
        *whole,
        floats.map(lambda v: Entry(Type.DOUBLE, tuple(v))),
        st.binary(min_size=1, max_size=12).map(lambda v: Entry(Type.UNDEFINED, v)),
        st.binary(min_size=1, max_size=12).map(lambda v: Entry(Type.BYTE, v)),
        st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))).map(lambda v: Entry(Type.ASCII, v)),
    )


def drafts() -> st.SearchStrategy[Draft]:
    tags = st.integers(1, 65535).filter(lambda tag: tag not in POINTERS)
    return st.builds(
        Draft, st.dictionaries(tags, entries(), max_size=6), chunks=st.lists(st.binary(max_size=9), max_size=3)
    )


@given(drafts(), drafts(), drafts(), drafts())
def test_every_entry_and_chunk_comes_back(first: Draft, second: Draft, below: Draft, exif: Draft) -> None:
    first = Draft(first.entries, {Tag.SubIFDs: [below], Tag.ExifIFD: [exif]}, first.chunks)
    packed = pack(first, second)
    streamed = io.BytesIO()
    assert write_tiff(streamed, first, second) == len(packed)
    assert streamed.getvalue() == packed
    tiff = open_tiff(packed)
    main = tiff.directories
    assert len(main) == 2
    assert len(tiff.tree()) == 3
    found = (*main, *main[0].children(Tag.SubIFDs), main[0].exif)
    for draft, directory in zip((first, second, below, exif), found, strict=True):
        assert directory is not None
        for tag, entry in draft.entries.items():
            assert directory.get(tag) == entry
        offsets, sizes = directory.integers(Tag.StripOffsets), directory.integers(Tag.StripByteCounts)
        pieces = [packed[offset : offset + size] for offset, size in zip(offsets, sizes, strict=True)]
        assert pieces == list(draft.chunks)


@given(st.integers(0, 0xFFFFFFFF), st.integers(1, 10_000_000))
def test_a_rational_read_and_written_again_is_the_same_number(numerator: int, denominator: int) -> None:
    value = numerator / denominator
    assert math.isclose(Fraction(*as_ratio(value)), value, rel_tol=1e-8, abs_tol=1e-9)
    if numerator < 1_000_000:
        again, below = as_ratio(value)
        assert again / below == value


@pytest.mark.parametrize(("value", "pair"), [(math.nan, (0, 0)), (math.inf, (1, 0)), (1 / 455, (1, 455))])
def test_rationals_that_cameras_write(value: float, pair: tuple[int, int]) -> None:
    assert as_ratio(value) == pair


@given(st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"IIU\0"]), st.binary(max_size=400))
def test_random_directories_are_refused_or_read(signature: bytes, rest: bytes) -> None:
    try:
        for directory in open_tiff(signature + rest).tree():
            for tag in directory:
                directory.get(tag)
    except Refusal:
        pass


def test_big_endian_and_64_bit_offsets_are_read() -> None:
    big = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, Tag.ImageWidth, Type.SHORT, 1, 4000, 0, 0)
    assert open_tiff(big).directories[0].integer(Tag.ImageWidth) == 4000
    wide = b"II+\0" + struct.pack("<HHQQHHQQQ", 8, 0, 16, 1, Tag.ImageWidth, Type.LONG, 1, 5000, 0)
    assert open_tiff(wide).directories[0].integer(Tag.ImageWidth) == 5000


def test_directories_in_a_circle_are_refused() -> None:
    packed = bytearray(pack(Draft({Tag.ImageWidth: Entry(Type.LONG, (5,))})))
    packed[22:26] = struct.pack("<I", 8)
    with pytest.raises(Refusal, match="circle"):
        _ = open_tiff(bytes(packed)).directories
    looped = bytearray(pack(Draft({Tag.SubIFDs: Entry(Type.LONG, (8,))})))
    with pytest.raises(Refusal, match="circle"):
        open_tiff(bytes(looped)).tree()


def test_a_count_that_the_file_cannot_hold_is_refused() -> None:
    packed = bytearray(pack(Draft({Tag.Make: Entry(Type.ASCII, "Maker")})))
    packed[14:18] = struct.pack("<I", 0xFFFFFFFF)
    with pytest.raises(Refusal, match="Make lies beyond the end"):
        open_tiff(bytes(packed)).directories[0].get(Tag.Make)


def test_values_that_do_not_fit_their_type_are_not_written() -> None:
    for kind, value in ((Type.SHORT, 70000), (Type.RATIONAL, -1.0), (Type.BYTE, 256)):
        with pytest.raises(ValueError, match=r"cannot hold|does not fit"):
            pack(Draft({Tag.Orientation: Entry(kind, (value,))}))
