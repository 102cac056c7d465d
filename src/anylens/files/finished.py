"""Finished pictures of anyone's: JPEG, PNG and TIFF, their transfer curve undone, so that they can be measured."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from anylens.files import PNG, complaints, gate
from anylens.files.bands import upright
from anylens.files.icc import Profile, assumed_srgb, read_profile
from anylens.files.jpeg import jpeg_segments
from anylens.files.tags import Tag
from anylens.files.tiff import Directory, open_tiff
from anylens.record import record
from anylens.refusal import Refusal

_JPEG = b"\xff\xd8\xff"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SOF = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB)
_BITS = {"uint8": 255, "uint16": 65535}
_MOST_PROFILE_BYTES = 1 << 24

Made = TypeVar("Made")


@record(frozen=True, slots=True, eq=False)
class Finished:
    """A finished picture as linear light of its own three colours, upright.

    `pixels` is (3, H, W) float32, 0 to 1 (beyond where the file holds floats); `clipped` is (H, W), where any colour
    stands at the top of its scale; `step` is how far two neighbouring codes lie apart on the scale of the file, 0 for
    floats; `to_xyz` goes to XYZ under D50; `space` names the colour space, `notes` say what was assumed.
    """

    pixels: npt.NDArray[np.float32]
    clipped: npt.NDArray[np.bool_]
    step: float
    to_xyz: npt.NDArray[np.float64]
    space: str
    notes: tuple[str, ...]


def read_finished(path: str | os.PathLike[str]) -> Finished | None:
    """The linear light of a JPEG, PNG or TIFF; None where the file is none of these, or a raw.

    A grey picture gives three equal colours, transparency is passed over. The colour profile in the file is followed;
    where there is none, sRGB is assumed and said. Raises Refusal for damaged, oversized and indexed pictures and for
    profiles made of tables.
    """
    return opened(path, _light)


def opened(
    path: str | os.PathLike[str], make: Callable[[npt.NDArray[Any], Profile, int, tuple[str, ...]], Made]
) -> Made | None:
    """What is made of a picture's samples, (H, W) or (H, W, k) as stored, its profile, orientation, and notes.

    None where the file is no JPEG, PNG or TIFF, or a raw; raises Refusal as `read_finished` does.
    """
    data = gate.load(path)
    name = Path(path).name
    try:
        if data.startswith(_JPEG):
            decoded, profile, orientation = _jpeg(data)
        elif data.startswith(PNG):
            decoded, profile, orientation = _png(data)
        elif data[:4] in _TIFF and Path(path).suffix.lower() in (".tif", ".tiff"):
            first = open_tiff(data).directories
            if not first or Tag.DNGVersion in first[0]:
                return None
            decoded, profile, orientation = _tiff(data, first[0])
        else:
            return None
        notes = () if profile else ("The file has no colour profile; its numbers were taken for sRGB.",)
        return make(decoded, read_profile(profile) if profile else assumed_srgb(), orientation, notes)
    except Refusal as error:
        raise error if name in str(error) else Refusal(f"{name}: {error}") from error
    except MemoryError as error:
        raise Refusal(f"{name} needs more memory than there is; close other programs.") from error
    except (ValueError, ArithmeticError, LookupError, TypeError, RuntimeError, zlib.error) as error:
        raise Refusal(f"{name} contradicts itself ({error}); {gate.DAMAGED}") from error


def _light(decoded: npt.NDArray[Any], found: Profile, orientation: int, notes: tuple[str, ...]) -> Finished:
    samples = decoded[..., None] if decoded.ndim == 2 else decoded
    if samples.ndim != 3 or samples.shape[2] not in (1, 2, 3, 4):
        raise Refusal(f"The picture has the shape {decoded.shape}, one or three colours are read; export it as RGB.")
    colors = samples[..., : 1 if samples.shape[2] < 3 else 3]
    most = _BITS.get(decoded.dtype.name)
    if most is None and decoded.dtype.kind != "f":
        raise Refusal(f"The picture's samples are {decoded.dtype}, 8 or 16 bits or floats are read; export it again.")
    if most is None and not np.isfinite(decoded).all():
        raise Refusal(f"The picture holds numbers that are not finite; {gate.DAMAGED}")
    planes = [_undone(colors[..., min(i, colors.shape[2] - 1)], found, i, most) for i in range(3)]
    pixels = np.ascontiguousarray(upright(np.stack(planes), orientation))
    ended = np.asarray((colors >= (1.0 if most is None else most)).any(axis=2), np.bool_)
    clipped = np.ascontiguousarray(upright(ended, orientation))
    return Finished(pixels, clipped, 0.0 if most is None else 1.0 / most, found.to_pcs, found.name, notes)


def _undone(plane: npt.NDArray[Any], profile: Profile, color: int, most: int | None) -> npt.NDArray[np.float32]:
    if most is None:
        return profile.linear(plane, color).astype(np.float32)
    table = profile.linear(np.arange(most + 1) / most, color).astype(np.float32)
    return np.asarray(table[plane], np.float32)


def _jpeg(data: bytes) -> tuple[npt.NDArray[Any], bytes, int]:
    import imagecodecs

    size, pieces, orientation = None, {}, 1
    head = 2
    for marker, content in jpeg_segments(data):
        head += 4 + len(content)
        if marker in _SOF and len(content) >= 6:
            size = int.from_bytes(content[3:5], "big"), int.from_bytes(content[1:3], "big"), content[5]
        elif marker == 0xE2 and content.startswith(b"ICC_PROFILE\0") and len(content) > 14:
            pieces[content[12]] = content[14:]
        elif marker == 0xE1 and content.startswith(b"Exif\0\0"):
            orientation = _exif_orientation(content[6:])
    if size is None:
        raise Refusal(f"The JPEG does not say its size; {gate.DAMAGED}")
    if size[2] not in (1, 3):
        raise Refusal(f"The JPEG has {size[2]} colours, one or three are read; export it as RGB.")
    gate.check_size(*size[:2], bytes_per_pixel=18, stored_bytes=len(data), most_pixels_per_byte=512)
    if data.rfind(b"\xff\xd9") < head:
        raise Refusal(f"The JPEG has no end; {gate.DAMAGED}")
    with complaints.listening() as heard:
        decoded = np.asarray(imagecodecs.jpeg8_decode(data))
    if heard:
        raise Refusal(f"The JPEG is incomplete ({heard[0]}); {gate.DAMAGED}")
    return decoded, b"".join(pieces[at] for at in sorted(pieces)), orientation


def _png(data: bytes) -> tuple[npt.NDArray[Any], bytes, int]:
    import imagecodecs

    profile, orientation = b"", 1
    if data[12:16] != b"IHDR" or len(data) < 33:
        raise Refusal(f"The PNG has no header; {gate.DAMAGED}")
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    gate.check_size(width, height, bytes_per_pixel=18, stored_bytes=len(data), most_pixels_per_byte=2048)
    for kind, content in _chunks(data):
        if kind == b"iCCP":
            packed = content.partition(b"\0")[2][1:]
            profile = zlib.decompressobj().decompress(packed, _MOST_PROFILE_BYTES)
        elif kind == b"eXIf":
            orientation = _exif_orientation(content)
    decode: Any = imagecodecs.png_decode
    return np.asarray(decode(data)), profile, orientation


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IDAT":
            return
        yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size


def _tiff(data: bytes, image: Directory) -> tuple[npt.NDArray[Any], bytes, int]:
    import imagecodecs

    if image.integer(Tag.PhotometricInterpretation, 2) not in (1, 2, 6):
        raise Refusal("The TIFF is neither grey nor RGB; export it as RGB.")
    samples, bits = image.integer(Tag.SamplesPerPixel, 1), image.integers(Tag.BitsPerSample) or (1,)
    if bits[0] not in (8, 16, 32):
        raise Refusal(f"The TIFF has {bits[0]} bits a sample, 8, 16 or floats of 32 are read; export it so.")
    gate.check_size(
        image.integer(Tag.ImageWidth),
        image.integer(Tag.ImageLength),
        bytes_per_pixel=max(samples, 3) * (bits[0] // 8 + 4),
        stored_bytes=len(data),
        most_pixels_per_byte=512,
    )
    decode: Any = imagecodecs.tiff_decode
    with complaints.listening():
        decoded = np.asarray(decode(data))
    if image.integer(Tag.PlanarConfiguration, 1) == 2 and decoded.ndim == 3 and decoded.shape[0] == samples:
        decoded = decoded.transpose(1, 2, 0)
    return decoded, image.raw(Tag.ICCProfile), image.integer(Tag.Orientation, 1)


def _exif_orientation(block: bytes) -> int:
    try:
        found = open_tiff(block).directories
        return found[0].integer(Tag.Orientation, 1) if found else 1
    except Refusal:
        return 1
