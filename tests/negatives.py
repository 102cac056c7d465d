"""Small DNG files made for tests: every way of storing counts, and every lie that a file can tell."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anylens.files.tags import Tag
from anylens.files.tiff import Draft, Entry, Type, pack

MATRIX = (1.0344, -0.421, -0.062, -0.2315, 1.0625, 0.1948, 0.0093, 0.1058, 0.5541)


def numbers(kind: int, *values: Any) -> Entry:
    """An entry of numbers."""
    return Entry(kind, values)


def tags(width: int, height: int, *, bits: int = 16, samples: int = 1, compression: int = 1) -> dict[int, Entry]:
    """The tags of a small Bayer (1 sample) or linear (3 samples) DNG without its pixels."""
    photometric = 32803 if samples == 1 else 34892
    found = {
        Tag.NewSubFileType: numbers(Type.LONG, 0),
        Tag.ImageWidth: numbers(Type.LONG, width),
        Tag.ImageLength: numbers(Type.LONG, height),
        Tag.BitsPerSample: numbers(Type.SHORT, *[bits] * samples),
        Tag.Compression: numbers(Type.SHORT, compression),
        Tag.PhotometricInterpretation: numbers(Type.SHORT, photometric),
        Tag.SamplesPerPixel: numbers(Type.SHORT, samples),
        Tag.PlanarConfiguration: numbers(Type.SHORT, 1),
        Tag.Make: Entry(Type.ASCII, "Maker"),
        Tag.Model: Entry(Type.ASCII, "Model"),
        Tag.DNGVersion: Entry(Type.BYTE, bytes([1, 4, 0, 0])),
        Tag.UniqueCameraModel: Entry(Type.ASCII, "Maker Model"),
        Tag.ColorMatrix1: numbers(Type.SRATIONAL, *MATRIX),
        Tag.CalibrationIlluminant1: numbers(Type.SHORT, 21),
        Tag.AsShotNeutral: numbers(Type.RATIONAL, 0.5, 1.0, 0.75),
        Tag.NoiseProfile: numbers(Type.DOUBLE, 1e-4, 1e-6),
        Tag.BlackLevel: numbers(Type.RATIONAL, *[0.0] * samples),
        Tag.WhiteLevel: numbers(Type.LONG, *[(1 << bits) - 1] * samples),
    }
    if samples == 1:
        found[Tag.CFARepeatPatternDim] = numbers(Type.SHORT, 2, 2)
        found[Tag.CFAPattern] = Entry(Type.BYTE, bytes([0, 1, 1, 2]))
    return {int(tag): entry for tag, entry in found.items()}


def dng(
    counts: np.ndarray[Any, Any],
    *,
    bits: int = 16,
    compression: int = 1,
    tile: tuple[int, int] | None = None,
    rows_per_strip: int | None = None,
    changes: Mapping[int, Entry | None] | None = None,
    children: Mapping[int, Sequence[Draft]] | None = None,
    predictor: int = 1,
    components: int = 1,
    jpeg_predictor: int = 1,
) -> bytes:
    """The bytes of a DNG that holds `counts`, (H, W) or (H, W, 3); `changes` replaces tags, None removes them."""
    height, width = counts.shape[:2]
    samples = 1 if counts.ndim == 2 else counts.shape[2]
    entries = tags(width, height, bits=bits, samples=samples, compression=compression)
    if tile:
        entries[Tag.TileWidth] = numbers(Type.LONG, tile[1])
        entries[Tag.TileLength] = numbers(Type.LONG, tile[0])
    else:
        entries[Tag.RowsPerStrip] = numbers(Type.LONG, rows_per_strip or height)
    if predictor != 1:
        entries[Tag.Predictor] = numbers(Type.SHORT, predictor)
    pieces = [
        _stored(piece, bits, compression, predictor, samples, components, jpeg_predictor)
        for piece in _pieces(counts.reshape(height, width * samples), samples, tile, rows_per_strip or height)
    ]
    for tag, entry in (changes or {}).items():
        if entry is None:
            entries.pop(int(tag), None)
        else:
            entries[int(tag)] = entry
    return pack(Draft(entries, children or {}, pieces))


def _pieces(
    rows: np.ndarray[Any, Any], samples: int, tile: tuple[int, int] | None, rows_per_strip: int
) -> list[np.ndarray[Any, Any]]:
    if tile is None:
        return [rows[top : top + rows_per_strip] for top in range(0, len(rows), rows_per_strip)]
    down, across = tile[0], tile[1] * samples
    padded = np.pad(rows, ((0, -len(rows) % down), (0, -rows.shape[1] % across)), mode="edge")
    return [
        padded[top : top + down, left : left + across]
        for top in range(0, len(padded), down)
        for left in range(0, padded.shape[1], across)
    ]


def _stored(
    piece: np.ndarray[Any, Any],
    bits: int,
    compression: int,
    predictor: int,
    samples: int,
    components: int,
    jpeg_predictor: int,
) -> bytes:
    if compression == 7:
        return lossless_jpeg(piece, components * samples, jpeg_predictor, max(2, bits))
    if predictor != 1:
        distance = {2: 1, 34892: 2, 34893: 4}[predictor] * samples
        piece = piece.astype(np.uint8 if bits == 8 else np.uint16)
        piece = np.concatenate([piece[:, :distance], piece[:, distance:] - piece[:, :-distance]], axis=1)
    plain = packed(piece, bits)
    return zlib.compress(plain) if compression == 8 else plain


def packed(rows: np.ndarray[Any, Any], bits: int) -> bytes:
    """Rows of counts in TIFF's bit order, each row starting at a byte."""
    if bits == 8:
        return rows.astype("u1").tobytes()
    if bits == 16:
        return rows.astype("<u2").tobytes()
    places = (rows.astype(np.int64)[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(places.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


def lossless_jpeg(rows: np.ndarray[Any, Any], components: int, predictor: int, precision: int) -> bytes:
    """A lossless JPEG by ITU-T T.81 annex H, all Huffman codes 5 bits long."""
    height, width = rows.shape[0], rows.shape[1] // components
    samples = rows.reshape(height, width, components).astype(int)
    stream: list[str] = []
    for y, x, c in np.ndindex(height, width, components):
        left, above, corner = samples[y, x - 1, c], samples[y - 1, x, c], samples[y - 1, x - 1, c]
        if y == 0:
            guess = left if x else 1 << (precision - 1)
        elif x == 0:
            guess = above
        else:
            guess = {
                1: left,
                2: above,
                3: corner,
                4: left + above - corner,
                5: left + ((above - corner) >> 1),
                6: above + ((left - corner) >> 1),
                7: (left + above) >> 1,
            }[predictor]
        difference = (int(samples[y, x, c]) - int(guess)) & 0xFFFF
        difference -= 0x10000 if difference > 0x8000 else 0
        size = 16 if difference == 0x8000 else abs(difference).bit_length()
        stream.append(f"{size:05b}")
        if 0 < size < 16:
            stream.append(f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}")
    text = "".join(stream)
    text += "1" * (-len(text) % 8)
    coded = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    table = bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    frame = bytes([precision, *height.to_bytes(2, "big"), *width.to_bytes(2, "big"), components])
    frame += b"".join(bytes([index, 0x11, 0]) for index in range(components))
    scan = bytes([components]) + b"".join(bytes([index, 0]) for index in range(components)) + bytes([predictor, 0, 0])
    parts = ((0xC4, table), (0xC3, frame), (0xDA, scan))
    head = b"".join(bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body for marker, body in parts)
    return b"\xff\xd8" + head + coded + b"\xff\xd9"
