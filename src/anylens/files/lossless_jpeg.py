"""Lossless JPEG (ITU-T T.81 annex H): all pieces of an image at once, or one of them, and what is wrong with it.

NumPy is loaded only where its arrays are asked for, since a file's pieces are decoded while it is being loaded.
"""

from __future__ import annotations

import mmap
from threading import Condition
from typing import TYPE_CHECKING, Any

from anylens.kernels.lossless_jpeg import Pieces
from anylens.record import record
from anylens.refusal import Refusal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from anylens.files.layout import Layout
    from anylens.files.tiff import Buffer

_SOI, _EOI, _SOF3, _DHT, _SOS, _DRI = 0xD8, 0xD9, 0xC3, 0xC4, 0xDA, 0xDD
_WORST_BYTES_PER_SAMPLE = 4
"""16 bits of Huffman code and 16 bits of difference."""


@record(frozen=True, slots=True)
class Header:
    """What a lossless JPEG says of itself; `plain` tells whether it is whole and uses no rare feature.

    `tables` are the Huffman tables of the components.
    """

    width: int
    height: int
    components: int
    precision: int
    plain: bool
    predictor: int
    tables: tuple[bytes, ...]

    @property
    def samples(self) -> int:
        """How many samples it holds."""
        return self.width * self.height * self.components


def frame_marker(data: bytes | memoryview) -> int:
    """The number of a JPEG's start-of-frame marker (0 baseline, 3 lossless); Refusal where there is none."""
    for marker, _, _ in _segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (_DHT, 0xC8, 0xCC):
            return marker - 0xC0
    raise _damaged("has no frame header")


def read_header(data: bytes | memoryview) -> Header:
    """The checked header of a lossless JPEG; raises Refusal for one that is not, or that contradicts itself."""
    width = height = components = precision = interval = 0
    tables: dict[int, bytes] = {}
    for marker, body, _ in _segments(data):
        if marker == _SOF3:
            if len(body) < 6 or len(body) != 6 + 3 * body[5] or components:
                raise _damaged("has a broken frame header")
            precision, components = body[0], body[5]
            height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            if not (2 <= precision <= 16 and 1 <= components <= 4 and width and height):
                raise _damaged("has a frame header with impossible numbers")
            if any(body[7 + 3 * index] != 0x11 for index in range(components)):
                raise _damaged("has subsampled components, which no raw has")
        elif 0xC0 <= marker <= 0xCF and marker not in (_DHT, 0xC8, 0xCC):
            raise _damaged(f"is of JPEG type {marker - 0xC0}, not lossless")
        elif marker == _DHT:
            tables |= _tables(body)
        elif marker == _DRI:
            interval = int.from_bytes(body[:2], "big")
        elif marker == _SOS:
            if not components or len(body) != 4 + 2 * components or body[0] != components:
                raise _damaged("has a broken scan header")
            wanted = [body[2 + 2 * index] >> 4 for index in range(components)]
            predictor, transform = body[1 + 2 * components], body[3 + 2 * components]
            if not tables.keys() >= set(wanted):
                raise _damaged("lacks a Huffman table")
            if not 1 <= predictor <= 7:
                raise _damaged(f"names predictor {predictor}, there are 1 to 7")
            ended = bytes([0xFF, _EOI]) in bytes(data[-16:])
            plain = ended and not interval and not transform
            chosen = tuple(tables[number] for number in wanted)
            return Header(width, height, components, precision, plain, predictor, chosen)
    raise _damaged("has no scan")


class Decoding:
    """All samples of an image whose pieces are lossless JPEGs, decoded by as many threads as call `work`.

    `samples` has 16 bits for each, row after row. Raises ValueError for pieces that do not lie within `data`, and
    MemoryError.
    """

    def __init__(self, layout: Layout, data: Buffer) -> None:
        row = layout.width * layout.samples
        self.layout = layout
        try:
            self.samples = mmap.mmap(-1, 2 * layout.height * row)
        except OSError as error:
            raise MemoryError(f"no memory for {layout.height} rows of {row} samples") from error
        shape, piece = (layout.height, row), (layout.chunk_height, layout.row)
        self._pieces = Pieces(data, layout.offsets, layout.sizes, shape, piece, layout.tiled, self.samples)
        self._at_work, self._idle = 0, Condition()

    def work(self) -> bool:
        """Decode pieces until all are done, some of them perhaps by others; False where one is damaged or rare.

        What it is, is said by decoding that piece alone.
        """
        with self._idle:
            self._at_work += 1
        try:
            self._pieces.work()
        finally:
            with self._idle:
                self._at_work -= 1
                self._idle.notify_all()
        with self._idle:
            self._idle.wait_for(lambda: self._at_work == 0)
        return self._pieces.whole


def decode(data: bytes | memoryview, header: Header) -> npt.NDArray[np.uint16]:
    """All samples of a lossless JPEG in their order, (height, width x components) uint16; raises Refusal."""
    import numpy as np

    out = np.empty((header.height, header.width * header.components), np.uint16)
    alone = Pieces(bytes(data), (0,), (len(data),), out.shape, out.shape, True, out.data)
    if not alone.work():
        return _decoded_elsewhere(data, header)
    if not alone.whole:
        raise _damaged("cannot be decoded")
    return out


def _decoded_elsewhere(data: bytes | memoryview, header: Header) -> npt.NDArray[np.uint16]:
    """By imagecodecs, which gets a padded copy, so that damaged data cannot make it read beyond its end."""
    import imagecodecs
    import numpy as np

    decoder: Any = imagecodecs.ljpeg_decode
    padded = np.zeros(len(data) + header.samples * _WORST_BYTES_PER_SAMPLE + 64, np.uint8)
    padded[: len(data)] = np.frombuffer(data, np.uint8)
    shape: tuple[int, ...] = (header.height, header.width)
    if header.components > 1:
        shape = (*shape, header.components)
    try:
        out = decoder(padded, out=np.empty(shape, np.uint8 if header.precision <= 8 else np.uint16))
    except (RuntimeError, ValueError) as error:
        raise _damaged("cannot be decoded") from error
    return np.asarray(out, np.uint16).reshape(header.height, header.width * header.components)


def _segments(data: bytes | memoryview) -> list[tuple[int, bytes, int]]:
    """Marker, content and end of each segment up to the scan."""
    if len(data) < 4 or data[0] != 0xFF or data[1] != _SOI:
        raise _damaged("does not begin like a JPEG")
    found: list[tuple[int, bytes, int]] = []
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise _damaged("has no marker where one belongs")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        size = (data[at + 2] << 8) | data[at + 3]
        if size < 2 or at + 2 + size > len(data):
            raise _damaged("ends within a header")
        found.append((marker, bytes(data[at + 4 : at + 2 + size]), at + 2 + size))
        if marker == _SOS:
            break
        at += 2 + size
    return found


def _tables(body: bytes) -> dict[int, bytes]:
    """Number and content of each Huffman table: 16 counts, 17 categories (those beyond the last code are 0)."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(body):
        counts = body[at + 1 : at + 17]
        total = sum(counts)
        values = body[at + 17 : at + 17 + total]
        filled = sum(count << (16 - length) for length, count in enumerate(counts, 1))
        if len(counts) < 16 or len(values) < total or not 1 <= total <= 17 or filled > 1 << 16 or max(values) > 16:
            raise _damaged("has an impossible Huffman table")
        if body[at] > 3:
            raise _damaged("has a Huffman table of a number that does not exist")
        found[body[at]] = counts + values.ljust(17, b"\0")
        at += 17 + total
    return found


def _damaged(how: str) -> Refusal:
    return Refusal(f"The compressed raw image {how}; the file is damaged, copy it from the camera again.")
