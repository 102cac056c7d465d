"""Baseline JPEG (ITU-T T.81), encoded in bands on every core and spliced at restart markers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from anylens.files.bands import Planes, counts, in_order
from anylens.files.jpeg_tables import CODES, SCAN, steps, tables
from anylens.files.tiff import Buffer
from anylens.kernels.jpeg_scan import Scan
from anylens.refusal import Refusal

LONGEST_SIDE = 65500
"""What libjpeg reads, and so nearly everybody; the format itself ends at 65535."""
LONGEST_SEGMENT = 65533

Segments = Sequence[tuple[int, bytes]]
"""(marker, content) pairs such as (0xE1, EXIF block)."""

_QUALITIES = range(1, 101)
_STRIP_ROWS = 128
_MOST_UNITS = 65535
_SOS, _DRI = 0xDA, 0xDD


def encode_jpeg(
    bands: Iterable[Planes], shape: tuple[int, int], quality: int, head: Callable[[], Segments] = tuple
) -> Iterator[bytes | memoryview]:
    """The bytes of a JPEG piece by piece, of planes (3, h, W) that are float32 from 0 to 1, or uint8.

    `bands` are the picture from the top down, of any height each, `shape` (H, W) is that of the whole; while one is
    made those before it are encoded. `quality` is libjpeg's scale 1 to 100; from 90 up colour keeps its full
    resolution (4:4:4), below it has half of it in both directions (4:2:0). `head` gives the segments to be written in
    front, in order; it is called beside the first band. The same picture gives the same bytes on any number of cores
    and in any bands. Raises Refusal for a quality off the scale, an image of no pixels or of more than 65500 a side,
    and a segment that is too long.
    """
    height, width = shape
    if quality not in _QUALITIES:
        raise Refusal(f"A JPEG quality of {quality!r} does not exist; choose a whole number from 1 to 100.")
    quality = int(quality)
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
        raise Refusal(f"{width} x {height} pixels do not fit a JPEG, which ends at {LONGEST_SIDE} a side; use .tif.")
    unit = 8 if quality >= 90 else 16
    units_across = -(-width // unit)
    rows = min(_STRIP_ROWS // unit, _MOST_UNITS // units_across) * unit
    scan = _scanner(quality)

    def coded(strip: Planes) -> bytes | memoryview:
        return scan(counts(strip, 255))

    def pieces() -> Iterator[Callable[[], Any]]:
        yield head
        for strip in _strips(bands, rows):
            yield partial(coded, strip)

    made = in_order(lambda make: make(), pieces())
    interval = _DRI, (rows // unit * units_across).to_bytes(2, "big")
    segments = *next(made), *tables(quality, shape, halved=unit == 16), interval, SCAN
    yield b"\xff\xd8" + b"".join(_segment(marker, content) for marker, content in segments)
    for index, piece in enumerate(made):
        if index:
            yield bytes((0xFF, 0xD0 + (index - 1) % 8))
        yield piece
    yield b"\xff\xd9"


def _scanner(quality: int) -> Callable[[Any], bytes | memoryview]:
    """What codes the scan of interleaved rows (H, W, 3): a compiled function where colour is whole, else libjpeg."""
    own = Scan(steps(quality), CODES)
    if own.compiled and quality >= 90:
        return own

    def libjpeg(picture: Any) -> memoryview:
        import imagecodecs

        subsampling = "444" if quality >= 90 else "420"
        coded = memoryview(imagecodecs.jpeg8_encode(picture, level=quality, subsampling=subsampling))
        at = 2 + sum(4 + len(content) for _, content in jpeg_segments(coded))
        return coded[at + 2 + int.from_bytes(coded[at + 2 : at + 4], "big") : -2]

    return libjpeg


def _strips(bands: Iterable[Planes], rows: int) -> Iterator[Planes]:
    """The bands cut anew, into `rows` rows each and what is left at the end."""
    left: Planes | None = None
    for band in bands:
        joined: Any = band if left is None else np.concatenate((left, band), axis=1)
        whole = joined.shape[1] // rows * rows
        for top in range(0, whole, rows):
            yield joined[:, top : top + rows]
        left = joined[:, whole:].copy() if whole < joined.shape[1] else None
        del band, joined
    if left is not None:
        yield left


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
