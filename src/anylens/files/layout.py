"""How the samples of one image of a TIFF or DNG are stored."""

from __future__ import annotations

from anylens.files import gate
from anylens.files.tags import Tag
from anylens.files.tiff import Directory
from anylens.record import record
from anylens.refusal import Refusal

NONE, LOSSLESS_JPEG, DEFLATE, VC5, LOSSY_JPEG, JPEG_XL = 1, 7, 8, 9, 34892, 52546
OLD_DEFLATE = 32946

_DENSEST = {NONE: 8.0, LOSSLESS_JPEG: 8.0, DEFLATE: 64.0, OLD_DEFLATE: 64.0, LOSSY_JPEG: 256.0, JPEG_XL: 256.0}
"""Pixels that one stored byte of a photograph stands for at most, by compression, with room to spare."""


class Unsupported(Exception):
    """Samples stored in a way that only LibRaw may know; the text says which."""


@record(frozen=True, slots=True)
class Layout:
    """How the samples of one image are stored."""

    width: int
    height: int
    samples: int
    bits: int
    compression: int
    predictor: int
    chunk_width: int
    chunk_height: int
    tiled: bool
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    interleave: tuple[int, int]
    order: str

    @property
    def row(self) -> int:
        """Samples in a row of a chunk."""
        return self.chunk_width * self.samples

    def rows(self, index: int) -> int:
        """Rows in a chunk; the last strip ends with the image, a tile does not."""
        across = -(-self.width // self.chunk_width)
        return (
            self.chunk_height
            if self.tiled
            else min(self.chunk_height, self.height - index // across * self.chunk_height)
        )


def read_layout(image: Directory) -> Layout:
    """How an image is stored; raises Refusal for sizes that cannot be and Unsupported for what is not decoded here."""
    width, height = image.integer(Tag.ImageWidth), image.integer(Tag.ImageLength)
    samples = image.integer(Tag.SamplesPerPixel, 1)
    bits = image.integers(Tag.BitsPerSample) or (1,)
    compression = image.integer(Tag.Compression, NONE)
    tiled = Tag.TileWidth in image
    offsets = image.integers(Tag.TileOffsets if tiled else Tag.StripOffsets)
    sizes = image.integers(Tag.TileByteCounts if tiled else Tag.StripByteCounts)
    gate.check_size(
        width,
        height,
        bytes_per_pixel=max(1, min(samples, 4)) * 2,
        stored_bytes=min(sum(sizes), len(image.tiff.data)) if sizes else 0,
        most_pixels_per_byte=_DENSEST.get(compression, 64.0),
    )
    if len(set(bits)) != 1 or not 1 <= bits[0] <= 32:
        raise Unsupported("bits that differ by colour, or more than 32")
    if image.integer(Tag.SampleFormat, 1) != 1:
        raise Refusal("The raw samples are floating-point numbers, whole numbers are read; export it as a 16-bit DNG.")
    if bits[0] > 16:
        raise Refusal(f"The raw samples have {bits[0]} bits, up to 16 are read; export it as a 16-bit DNG.")
    if samples not in (1, 3):
        raise Refusal(f"The raw image has {samples} samples a pixel, 1 or 3 are read; export it with three colours.")
    if samples > 1 and image.integer(Tag.PlanarConfiguration, 1) != 1:
        raise Refusal("The raw image keeps its colours in separate planes, which is not read; export it interleaved.")
    if image.integers(Tag.SubTileBlockSize) not in ((), (1, 1)):
        raise Unsupported("blocks within tiles")
    if image.integer(Tag.FillOrder, 1) != 1:
        raise Unsupported("reversed bits")
    chunk_width = image.integer(Tag.TileWidth) if tiled else width
    chunk_height = image.integer(Tag.TileLength) if tiled else min(height, image.integer(Tag.RowsPerStrip, height))
    if not (0 < chunk_width <= gate.MOST_SIDE and 0 < chunk_height <= gate.MOST_SIDE):
        raise Refusal(f"The image's tiles claim {chunk_width} x {chunk_height} pixels; {gate.DAMAGED}")
    needed = -(-width // chunk_width) * -(-height // chunk_height)
    if len(offsets) < needed or len(sizes) < needed:
        raise Refusal(f"The image has {min(len(offsets), len(sizes))} of its {needed} pieces; {gate.DAMAGED}")
    if chunk_width * chunk_height > 4 * width * height + (1 << 20):
        raise Refusal(f"The image's tiles ({chunk_width} x {chunk_height}) are far larger than it; {gate.DAMAGED}")
    interleave = (image.integer(Tag.RowInterleaveFactor, 1), image.integer(Tag.ColumnInterleaveFactor, 1))
    if not (1 <= interleave[0] <= height and 1 <= interleave[1] <= width):
        raise Refusal(f"The image is interleaved {interleave[0]} x {interleave[1]}-fold; {gate.DAMAGED}")
    return Layout(
        width, height, samples, bits[0], compression, image.integer(Tag.Predictor, 1),
        chunk_width, chunk_height, tiled, offsets[:needed], sizes[:needed], interleave, image.tiff.order,
    )  # fmt: skip
