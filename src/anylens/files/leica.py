"""The 6-bit code that a Leica M8, M9 or M Monochrom read off its lens; cameras after them write the lens's name.

It stands in the maker notes, where ExifTool has found it: the number and two bits of the frame selector.
"""

from __future__ import annotations

import struct

from anylens.files.tags import Tag
from anylens.files.tiff import Directory
from anylens.lens import Lens

_MAKER = "Leica Camera AG"
_HEAD = 8
_OF_M8, _OF_M9, _PART_OF_M9 = 0x0310, 0x3405, 0x3400
_MOST_ENTRIES = 255


def coded_lens(maker: str, exif: Directory) -> Lens | None:
    """The lens of the catalogue that has the code written down; None for none, or where it tells none."""
    notes = exif.raw(Tag.MakerNote)
    said = None
    if maker.startswith(_MAKER) and notes.startswith(b"LEICA\0\0\0"):
        said = _entries(notes, _HEAD, exif.tiff.order).get(_OF_M8)
    elif maker.startswith(_MAKER) and notes.startswith(b"LEICA0"):
        part = _entries(notes, _HEAD, exif.tiff.order).get(_PART_OF_M9)
        said = None if part is None else _entries(notes, part, exif.tiff.order).get(_OF_M9)
    if not said:
        return None
    from anylens.lens.catalogue import coded

    return coded(said >> 2, said & 3)


def _entries(notes: bytes, at: int, order: str) -> dict[int, int]:
    """By tag the last four bytes of every entry of a directory as a number; none where it does not fit into the notes.

    The notes may be in the other byte order than their file.
    """
    for each in (order, "<" if order == ">" else ">"):
        if len(notes) < at + 2:
            break
        (count,) = struct.unpack_from(f"{each}H", notes, at)
        if 0 < count <= _MOST_ENTRIES and at + 2 + 12 * count <= len(notes):
            rows = (struct.unpack_from(f"{each}HHII", notes, at + 2 + 12 * k) for k in range(count))
            return {tag: value for tag, _, _, value in rows}
    return {}
