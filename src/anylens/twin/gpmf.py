"""GPMF: the gyroscope's track in a GoPro film, bounded and read without any other part of the file."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal

Floats = npt.NDArray[np.float64]

_MOST_BYTES = 1 << 32
_MOST_INDEX_BYTES = 1 << 26
_MOST_BLOCKS = 100_000
_MOST_SAMPLES = 5_000_000
_DEEPEST = 12
_BOXES = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}


def read_gyroscope(path: str | Path) -> tuple[Floats, Floats]:
    """Times (n,) in s and rates (n, 3) of pitch, yaw and roll in rad/s of a film's GYRO stream.

    The boxes are those of ISO/IEC 14496-12, the stream GoPro's GPMF: keys of four letters, a type, sizes, big-endian
    values, divided by SCAL. A block's samples lie evenly in its time. GoPro documents the order Z, X, Y; that Z is the
    optical axis, X to the side and Y up is taken for granted. Raises Refusal where the file is missing, no film, or
    holds no gyroscope.
    """
    where = Path(path)
    try:
        with where.open("rb") as file:
            times, rates = _read(file, where.name, where.stat().st_size)
    except OSError as error:
        raise Refusal(
            f"The film {path} with the hand's movement cannot be read ({error.strerror}); give gyro:FILE, a GoPro mp4."
        ) from error
    except (struct.error, ValueError, LookupError, OverflowError) as error:
        raise Refusal(f"The film {where.name} contradicts itself; copy it from the camera again.") from error
    if len(times) < 2:
        raise Refusal(f"The film {where.name} holds no track of a gyroscope; take one from a GoPro HERO5 or newer.")
    roll, pitch, yaw = rates.T
    return times, np.stack([pitch, yaw, roll], axis=1)


def _read(file: BinaryIO, name: str, size: int) -> tuple[Floats, Floats]:
    if size > _MOST_BYTES:
        raise Refusal(f"The film {name} is larger than 4 GB; cut a piece out of it.")
    for track in _tracks(file, size, name):
        if track.get(b"stsd", b"")[12:16] == b"gpmd":
            return _gyroscope(file, track, size)
    return np.zeros(0), np.zeros((0, 3))


def _tracks(file: BinaryIO, size: int, name: str) -> Iterator[dict[bytes, bytes]]:
    """The boxes inside each track, by their four letters."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length, kind = struct.unpack(">I4s", head[:8])
        start = 8
        if length == 1:
            length, start = struct.unpack(">Q", head[8:16])[0], 16
        length = length or size - at
        if length < start:
            break
        if kind == b"moov":
            if length > _MOST_INDEX_BYTES:
                raise Refusal(f"The index of the film {name} is larger than 64 MB; cut a piece out of it.")
            file.seek(at + start)
            moov = file.read(length - start)
            for box, inside in _boxes(moov):
                if box == b"trak":
                    yield dict(_leaves(inside, 0))
            return
        at += length


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if length < 8:
            return
        yield kind, data[at + 8 : at + length]
        at += length


def _leaves(data: bytes, depth: int) -> Iterator[tuple[bytes, bytes]]:
    for kind, inside in _boxes(data):
        if kind in _BOXES and depth < _DEEPEST:
            yield from _leaves(inside, depth + 1)
        else:
            yield kind, inside


def _gyroscope(file: BinaryIO, track: dict[bytes, bytes], size: int) -> tuple[Floats, Floats]:
    times: list[Floats] = []
    rates: list[Floats] = []
    total = 0
    for (offset, length), (begin, end) in zip(_places(track), _durations(track), strict=False):
        if offset + length > size:
            raise ValueError("a block lies beyond the end")
        file.seek(offset)
        samples = _samples(file.read(length), 0, None)
        if not len(samples):
            continue
        total += len(samples)
        if total > _MOST_SAMPLES:
            break
        times.append(begin + (end - begin) * np.arange(len(samples)) / len(samples))
        rates.append(samples)
    if not times:
        return np.zeros(0), np.zeros((0, 3))
    return np.concatenate(times), np.concatenate(rates)


def _places(track: dict[bytes, bytes]) -> Iterator[tuple[int, int]]:
    """Where each block of the track lies in the file, and how long it is."""
    each, count = struct.unpack(">II", track[b"stsz"][4:12])
    count = min(count, _MOST_BLOCKS)
    sizes = [each] * count if each else list(struct.unpack(f">{count}I", track[b"stsz"][12 : 12 + 4 * count]))
    wide = b"co64" in track
    table = track[b"co64" if wide else b"stco"]
    (chunks,) = struct.unpack(">I", table[4:8])
    chunks = min(chunks, _MOST_BLOCKS)
    offsets = struct.unpack(f">{chunks}{'Q' if wide else 'I'}", table[8 : 8 + chunks * (8 if wide else 4)])
    (runs,) = struct.unpack(">I", track[b"stsc"][4:8])
    starts = [struct.unpack(">III", track[b"stsc"][8 + 12 * i : 20 + 12 * i]) for i in range(min(runs, _MOST_BLOCKS))]
    block = run = 0
    for chunk, offset in enumerate(offsets, 1):
        while run + 1 < len(starts) and starts[run + 1][0] <= chunk:
            run += 1
        for _ in range(starts[run][1]):
            if block >= len(sizes):
                return
            yield offset, sizes[block]
            offset += sizes[block]
            block += 1


def _durations(track: dict[bytes, bytes]) -> Iterator[tuple[float, float]]:
    """When each block begins and ends, in s."""
    wide = track[b"mdhd"][0] == 1
    (per_second,) = struct.unpack(">I", track[b"mdhd"][20:24] if wide else track[b"mdhd"][12:16])
    (runs,) = struct.unpack(">I", track[b"stts"][4:8])
    now = blocks = 0
    for i in range(min(runs, _MOST_BLOCKS)):
        count, length = struct.unpack(">II", track[b"stts"][8 + 8 * i : 16 + 8 * i])
        for _ in range(count):
            yield now / per_second, (now + length) / per_second
            now += length
            blocks += 1
            if blocks > _MOST_BLOCKS:
                return


def _samples(data: bytes, depth: int, scale: Floats | None) -> Floats:
    """(n, 3): the first GYRO in a block, scaled."""
    at = 0
    while at + 8 <= len(data):
        key, kind, width, repeat = struct.unpack(">4sBBH", data[at : at + 8])
        length = width * repeat
        inside = data[at + 8 : at + 8 + length]
        if kind == 0 and depth < _DEEPEST and key in (b"DEVC", b"STRM"):
            found = _samples(inside, depth + 1, None)
            if len(found):
                return found
        elif key == b"SCAL":
            scale = np.frombuffer(inside, {"s": ">i2", "l": ">i4", "f": ">f4"}[chr(kind)]).astype(np.float64)
        elif key == b"GYRO" and chr(kind) == "s" and width == 6:
            rates = np.frombuffer(inside, ">i2").reshape(-1, 3) / (1.0 if scale is None else scale)
            if not np.all(np.isfinite(rates)) or float(np.abs(rates).max(initial=0.0)) > 40.0 * math.pi:
                raise ValueError("a gyroscope turns faster than any does")
            return np.asarray(rates, np.float64)
        at += 8 + -(-length // 4) * 4
    return np.zeros((0, 3))
