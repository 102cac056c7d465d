"""The samples of one image of a TIFF or DNG: strips or tiles, decoded on threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anylens.files import gate
from anylens.files.bands import cores, in_order
from anylens.files.layout import (
    DEFLATE,
    JPEG_XL,
    LOSSLESS_JPEG,
    LOSSY_JPEG,
    NONE,
    OLD_DEFLATE,
    VC5,
    Layout,
    Unsupported,
    read_layout,
)
from anylens.files.tiff import Directory
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.files.lossless_jpeg import Decoding

Samples = npt.NDArray[Any]

_HORIZONTAL = {2: 1, 34892: 2, 34893: 4}
"""Distance of the sample that a predictor takes the difference to."""


def read_samples(image: Directory, decoding: Decoding | None) -> Samples:
    """The samples of an image, (H, W) or (H, W, 3), uint16 or (up to 8 bits) uint8.

    `decoding` is what `ahead` has begun. Uncompressed 16-bit samples are a view of the file's bytes. Raises
    Refusal for damaged data and Unsupported for what only LibRaw may know.
    """
    layout = read_layout(image)
    if layout.compression == VC5:
        raise Refusal("The raw image is compressed with VC-5 (GoPro .GPR), which is not read; convert it to DNG first.")
    if layout.compression not in _DECODERS:
        raise Unsupported(f"compression {layout.compression}")
    chunks = [
        image.tiff.at(offset, size, "The raw image") for offset, size in zip(layout.offsets, layout.sizes, strict=True)
    ]
    if layout.compression == NONE:
        whole = _in_place(layout, image)
        if whole is not None:
            return _shaped(layout, whole)
    if not _is_lossy(layout, chunks[0]):
        whole = _decoded(layout, image, decoding) if layout.compression == LOSSLESS_JPEG else None
        return _assembled(layout, chunks) if whole is None else _shaped(layout, whole)
    from anylens.files import complaints

    with complaints.listening() as heard:
        pixels = _assembled(layout, chunks)
    if heard:
        raise Refusal(f"A compressed piece of the raw image is incomplete ({heard[0]}); {gate.DAMAGED}")
    return pixels


def _is_lossy(layout: Layout, chunk: memoryview) -> bool:
    """Whether a JPEG decoder of the lossy kind will see the chunks: it complains on standard error only."""
    if layout.compression == LOSSLESS_JPEG:
        from anylens.files import lossless_jpeg

        return lossless_jpeg.frame_marker(chunk) != 3
    return layout.compression == LOSSY_JPEG


def _decoded(layout: Layout, image: Directory, decoding: Decoding | None) -> Samples | None:
    """All rows of lossless JPEGs, by all cores; None where one of these is damaged or rare, or nothing is compiled."""
    from anylens.files import lossless_jpeg

    if decoding is None or decoding.layout != layout:
        decoding = lossless_jpeg.Decoding(layout, image.tiff.data)
    if not all(in_order(lambda work: work(), [decoding.work] * min(cores(), len(layout.offsets)))):
        return None
    whole = np.frombuffer(decoding.samples, np.uint16).reshape(layout.height, layout.width * layout.samples)
    return _narrow(whole, layout.bits)


def _assembled(layout: Layout, chunks: Sequence[memoryview]) -> Samples:
    def piece(index: int) -> Samples:
        return _DECODERS[layout.compression](layout, chunks[index], layout.rows(index))

    if len(chunks) == 1 and layout.chunk_width == layout.width and layout.chunk_height == layout.height:
        return _shaped(layout, piece(0))
    out = np.empty((layout.height, layout.width * layout.samples), np.uint8 if layout.bits <= 8 else np.uint16)
    across = -(-layout.width // layout.chunk_width)

    def place(index: int) -> None:
        top, left = index // across * layout.chunk_height, index % across * layout.chunk_width
        rows = min(layout.chunk_height, layout.height - top)
        columns = min(layout.chunk_width, layout.width - left) * layout.samples
        tile = piece(index)
        out[top : top + rows, left * layout.samples : left * layout.samples + columns] = tile[:rows, :columns]

    if layout.compression == NONE or len(chunks) == 1:
        for index in range(len(chunks)):
            place(index)
    else:
        for _ in in_order(place, range(len(chunks))):
            pass
    return _shaped(layout, out)


def _plain(layout: Layout, chunk: memoryview, rows: int) -> Samples:
    return _unpacked(chunk, rows, layout.row, layout.bits, layout.order)


def _lossless(layout: Layout, chunk: memoryview, rows: int) -> Samples:
    from anylens.files import lossless_jpeg

    if lossless_jpeg.frame_marker(chunk) != 3:
        return _lossy(layout, chunk, rows)
    header = lossless_jpeg.read_header(chunk)
    expected = rows * layout.row
    if header.samples != expected:
        raise Refusal(f"A piece of the raw image has {header.samples} samples instead of {expected}; {gate.DAMAGED}")
    if not header.plain:
        raise Unsupported("lossless JPEG with restart markers, a point transform or no end")
    return _narrow(lossless_jpeg.decode(chunk, header).reshape(rows, layout.row), layout.bits)


def _deflate(layout: Layout, chunk: memoryview, rows: int) -> Samples:
    import imagecodecs

    inflate: Any = imagecodecs.zlib_decode
    packed = bytearray(rows * _row_bytes(layout.row, layout.bits))
    try:
        inflated = inflate(chunk, out=packed)
    except (RuntimeError, ValueError) as error:
        raise _undecodable() from error
    if len(inflated) != len(packed):
        raise _undecodable()
    tile = _plain(layout, memoryview(packed), rows)
    if layout.predictor == 1:
        return tile
    distance = _HORIZONTAL.get(layout.predictor, 0) * layout.samples
    if not distance or layout.row % distance:
        raise Unsupported(f"predictor {layout.predictor}")
    steps = tile.reshape(rows, -1, distance)
    summed: Samples = np.cumsum(steps, axis=1, dtype=tile.dtype)
    return summed.reshape(rows, layout.row)


def _lossy(layout: Layout, chunk: memoryview, rows: int) -> Samples:
    import imagecodecs

    return _of_codec(imagecodecs.jpeg8_decode, layout, chunk, rows)


def _jpeg_xl(layout: Layout, chunk: memoryview, rows: int) -> Samples:
    import imagecodecs

    return _of_codec(imagecodecs.jpegxl_decode, layout, chunk, rows)


_DECODERS: dict[int, Callable[[Layout, memoryview, int], Samples]] = {
    NONE: _plain,
    LOSSLESS_JPEG: _lossless,
    DEFLATE: _deflate,
    OLD_DEFLATE: _deflate,
    LOSSY_JPEG: _lossy,
    JPEG_XL: _jpeg_xl,
}
"""By compression: what makes (rows, chunk_width x samples) of one chunk's bytes."""


def _of_codec(codec: Any, layout: Layout, chunk: memoryview, rows: int) -> Samples:
    shape: tuple[int, ...] = (rows, layout.chunk_width)
    if layout.samples > 1:
        shape = (*shape, layout.samples)
    try:
        out = codec(chunk, out=np.empty(shape, np.uint8 if layout.bits <= 8 else np.uint16))
    except (RuntimeError, ValueError) as error:
        raise _undecodable() from error
    return _narrow(np.asarray(out).reshape(rows, layout.chunk_width * layout.samples), layout.bits)


def _in_place(layout: Layout, image: Directory) -> Samples | None:
    """All rows as one view of the file, where they stand there one after the other in a type that NumPy knows."""
    if layout.bits not in (8, 16) or layout.chunk_width != layout.width:
        return None
    row = _row_bytes(layout.width * layout.samples, layout.bits)
    expected = layout.offsets[0]
    for offset in layout.offsets:
        if offset != expected:
            return None
        expected += row * layout.chunk_height
    whole = image.tiff.at(layout.offsets[0], row * layout.height, "The raw image")
    return _unpacked(whole, layout.height, layout.width * layout.samples, layout.bits, image.tiff.order)


def _unpacked(data: memoryview, rows: int, row: int, bits: int, order: str) -> Samples:
    size = rows * _row_bytes(row, bits)
    if len(data) < size:
        raise Refusal(f"A piece of the raw image has {len(data)} of its {size} bytes; {gate.DAMAGED}")
    if bits == 8:
        return np.frombuffer(data, np.uint8, rows * row).reshape(rows, row)
    if bits == 16:
        return np.frombuffer(data, order + "u2", rows * row).astype("=u2", copy=False).reshape(rows, row)
    import imagecodecs

    kind = "uint8" if bits < 8 else "uint16"
    unpack: Any = imagecodecs.packints_decode
    try:
        out = unpack(data[:size], kind, bits, runlen=row)
    except (RuntimeError, ValueError) as error:
        raise _undecodable() from error
    return np.asarray(out).reshape(rows, row)


def _row_bytes(row: int, bits: int) -> int:
    return (row * bits + 7) // 8


def _narrow(tile: Samples, bits: int) -> Samples:
    return tile.astype(np.uint8) if bits <= 8 and tile.dtype != np.uint8 else tile


def _shaped(layout: Layout, rows: Samples) -> Samples:
    """(H, W) or (H, W, samples), with interleaved fields put back in their places."""
    shape = (layout.height, layout.width) + ((layout.samples,) if layout.samples > 1 else ())
    image = rows.reshape(shape)
    down, across = layout.interleave
    if down > 1:
        image = _woven(image, down)
    if across > 1:
        image = np.ascontiguousarray(_woven(image.swapaxes(0, 1), across).swapaxes(0, 1))
    return image


def _woven(fields: Samples, count: int) -> Samples:
    out = np.empty_like(fields)
    at = 0
    for index in range(count):
        lines = len(range(index, len(fields), count))
        out[index::count] = fields[at : at + lines]
        at += lines
    return out


def _undecodable() -> Refusal:
    return Refusal(f"A compressed piece of the raw image cannot be decoded; {gate.DAMAGED}")
