"""Baseline JPEG (ITU-T T.81), encoded in bands on every core and spliced at restart markers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from anylens.files.bands import Planes, counts, in_order
from anylens.files.tiff import Buffer
from anylens.refusal import Refusal

LONGEST_SIDE = 65500
"""What libjpeg reads, and so nearly everybody; the format itself ends at 65535."""
LONGEST_SEGMENT = 65533

_BAND_ROWS = 128
_MOST_UNITS = 65535
_SOF0, _SOS, _DRI = 0xC0, 0xDA, 0xDD


def encode_jpeg(planes: Planes, quality: int, segments: Sequence[tuple[int, bytes]]) -> Iterator[bytes | memoryview]:
    """The bytes of a JPEG piece by piece, of planes (3, H, W) that are float32 from 0 to 1, or uint8.

    `quality` is libjpeg's scale 1 to 100; from 90 up colour keeps its full resolution (4:4:4), below it has half of it
    in both directions (4:2:0). `segments` are (marker, content) pairs such as (0xE1, EXIF block), written in order.
    The same planes give the same bytes on any number of cores. Raises Refusal for a quality off the scale, an image
    of no pixels or of more than 65500 a side, and a segment that is too long.
    """
    import imagecodecs

    _, height, width = planes.shape
    if not 1 <= quality <= 100:
        raise Refusal(f"A JPEG quality of {quality} does not exist; choose one from 1 to 100.")
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
        raise Refusal(f"{width} x {height} pixels do not fit a JPEG, which ends at {LONGEST_SIDE} a side; use .tif.")
    subsampling, unit = ("444", 8) if quality >= 90 else ("420", 16)
    units_across = -(-width // unit)
    rows = min(_BAND_ROWS // unit, _MOST_UNITS // units_across) * unit

    def band(top: int) -> bytes:
        picture = counts(planes[:, top : top + rows], 255)
        return bytes(imagecodecs.jpeg8_encode(picture, level=quality, subsampling=subsampling))

    bands = in_order(band, range(0, height, rows))
    first = next(bands)
    tables, scan, entropy = _parts(first, height)
    yield b"\xff\xd8" + b"".join(_segment(marker, content) for marker, content in segments)
    yield tables + _segment(_DRI, (rows // unit * units_across).to_bytes(2, "big")) + scan
    yield entropy
    for index, coded in enumerate(bands):
        yield bytes((0xFF, 0xD0 + index % 8))
        yield _parts(coded, height)[2]
    yield b"\xff\xd9"


def jpeg_segments(data: Buffer) -> Iterator[tuple[int, bytes]]:
    """The (marker, content) pairs of a JPEG's head, up to where its picture begins; ends early where it is damaged."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in (_SOS, 0xD9) or size < 2 or at + 2 + size > len(data):
            return
        yield marker, bytes(data[at + 4 : at + 2 + size])
        at += 2 + size


def _segment(marker: int, content: bytes) -> bytes:
    if len(content) > LONGEST_SEGMENT:
        raise Refusal(
            f"{len(content)} bytes of text or facts do not fit a JPEG's segment of {LONGEST_SEGMENT}; write a .tif."
        )
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _parts(coded: bytes, height: int) -> tuple[bytes, bytes, memoryview]:
    """Of one band: its tables and frame header with the whole picture's height, its scan header, its coded scan."""
    tables = bytearray()
    at = 2
    for marker, content in jpeg_segments(coded):
        at += 4 + len(content)
        if marker == _SOF0:
            content = content[:1] + height.to_bytes(2, "big") + content[3:]
        if not 0xE0 <= marker <= 0xEF:
            tables += _segment(marker, content)
    scan = 2 + int.from_bytes(coded[at + 2 : at + 4], "big")
    return bytes(tables), coded[at : at + scan], memoryview(coded)[at + scan : -2]
