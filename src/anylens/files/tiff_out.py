"""Photos as 16-bit TIFF, scenes as 32-bit float TIFF (TIFF 6.0), uncompressed and written strip by strip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from anylens.files.bands import Planes, counts, in_order, upright
from anylens.files.exif import exif_entries, image_entries, known_orientation, rendering_entries
from anylens.files.icc import icc_profile
from anylens.files.tags import Tag
from anylens.files.tiff import Draft, Entry, Type, pack
from anylens.files.xmp import xmp_packet
from anylens.image import Photo, Scene
from anylens.refusal import Refusal

_STRIP_BYTES = 1 << 22
_LARGEST = 0xFFFFFFFF
_RGB = 2
_UNSIGNED, _FLOAT = 1, 3


def write_photo_tiff(file: BinaryIO, photo: Photo) -> None:
    """Writes a photo upright, as 16-bit RGB with its colour profile, EXIF and recipe.

    Raises Refusal for no pixels and for more than 4 GB.
    """
    pixels = upright(photo.pixels, photo.facts.orientation)
    details = exif_entries(photo.facts) | rendering_entries(photo.space)
    entries = image_entries(photo.facts, orientation=1)
    entries |= _carried(icc_profile(photo.space), xmp_packet(photo.recipe, facts=photo.facts))
    _write(file, pixels, entries, details, lambda strip: counts(strip, 65535))


def write_scene_tiff(file: BinaryIO, scene: Scene) -> None:
    """Writes a scene's linear Rec. 2020 light as float32 RGB with its colour profile and EXIF.

    The pixels stand as on the sensor, all of its active area; which way is up stands in Orientation. Raises Refusal for
    more than 4 GB.
    """
    entries = image_entries(scene.facts, orientation=known_orientation(scene.facts))
    entries |= _carried(icc_profile("rec2020-linear"), xmp_packet(facts=scene.facts))
    details = exif_entries(scene.facts) | rendering_entries("rec2020-linear")
    _write(file, scene.pixels, entries, details, _woven)


def _woven(strip: Planes) -> npt.NDArray[Any]:
    return np.ascontiguousarray(strip.transpose(1, 2, 0), "<f4")


def _carried(profile: bytes, packet: bytes) -> dict[int, Entry]:
    return {Tag.ICCProfile: Entry(Type.UNDEFINED, profile), Tag.XMP: Entry(Type.BYTE, packet)}


def _write(
    file: BinaryIO,
    pixels: Planes,
    entries: Mapping[int, Entry],
    details: Mapping[int, Entry],
    weave: Callable[[Planes], npt.NDArray[Any]],
) -> None:
    """Header first, since every strip's size is known beforehand, then the strips as they are made."""
    _, height, width = pixels.shape
    if not (height and width):
        raise Refusal(f"An image of {width} x {height} pixels cannot be written: there is nothing in it.")
    sample = weave(pixels[:, :0]).dtype
    row = width * 3 * sample.itemsize
    rows = max(1, min(height, _STRIP_BYTES // row))
    sizes = [min(rows, height - top) * row for top in range(0, height, rows)]
    bits = sample.itemsize * 8
    layout: dict[int, Entry] = {
        Tag.NewSubFileType: Entry(Type.LONG, (0,)),
        Tag.ImageWidth: Entry(Type.LONG, (width,)),
        Tag.ImageLength: Entry(Type.LONG, (height,)),
        Tag.BitsPerSample: Entry(Type.SHORT, (bits,) * 3),
        Tag.Compression: Entry(Type.SHORT, (1,)),
        Tag.PhotometricInterpretation: Entry(Type.SHORT, (_RGB,)),
        Tag.SamplesPerPixel: Entry(Type.SHORT, (3,)),
        Tag.RowsPerStrip: Entry(Type.LONG, (rows,)),
        Tag.PlanarConfiguration: Entry(Type.SHORT, (1,)),
        Tag.SampleFormat: Entry(Type.SHORT, (_FLOAT if sample.kind == "f" else _UNSIGNED,) * 3),
        Tag.StripByteCounts: Entry(Type.LONG, sizes),
    }

    def header(start: int) -> bytes:
        offsets = [start + index * rows * row for index in range(len(sizes))]
        places: dict[int, Entry] = {Tag.StripOffsets: Entry(Type.LONG, offsets)}
        return pack(Draft({**entries, **layout, **places}, {Tag.ExifIFD: (Draft(details),)}))

    start = len(header(0)) if len(sizes) * rows * row < _LARGEST else _LARGEST
    if start + sum(sizes) > _LARGEST:
        raise Refusal(f"{width} x {height} pixels would be {sum(sizes) / 1e9:.1f} GB, TIFF ends at 4.3 GB; shrink it.")
    file.write(header(start))
    strips = in_order(lambda top: weave(pixels[:, top : top + rows]), range(0, height, rows))
    file.writelines(strip.data for strip in strips)
