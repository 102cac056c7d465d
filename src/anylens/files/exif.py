"""Facts as EXIF (EXIF 3.0, written in the form that version 2.32 readers know)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from anylens import __version__
from anylens.body import Body
from anylens.files.tags import Tag
from anylens.files.tiff import Draft, Entry, Type, pack
from anylens.frame import Facts
from anylens.lens import Lens, Setting

SOFTWARE = f"anylens {__version__}"

INFINITELY_FAR = (0xFFFFFFFF, 1)
"""EXIF's SubjectDistance of what is at infinity."""

_FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)
_MOST_SHORT = 65535
_MOST_RATIO = 0xFFFFFFFF
_RECOMMENDED_EXPOSURE_INDEX = 2
_DOTS_PER_INCH = 300
_INCH = 2
_MILLIMETRE = 4
_UNCALIBRATED = 65535


def exif_block(facts: Facts, width: int, height: int, space: Literal["srgb", "display-p3"]) -> bytes:
    """The content of a JPEG's EXIF segment, for an upright picture of width x height pixels in that colour space."""
    image = image_entries(facts, orientation=1) | {Tag.YCbCrPositioning: _shorts(1)}
    details = exif_entries(facts) | rendering_entries(space)
    details |= {
        Tag.ComponentsConfiguration: Entry(Type.UNDEFINED, bytes((1, 2, 3, 0))),
        Tag.PixelXDimension: Entry(Type.LONG, (width,)),
        Tag.PixelYDimension: Entry(Type.LONG, (height,)),
    }
    return b"Exif\0\0" + pack(Draft(image, {Tag.ExifIFD: (Draft(details),)}))


def image_entries(facts: Facts, orientation: int) -> dict[int, Entry]:
    """What EXIF keeps in the main directory: who made it, when, which way up, how large on paper."""
    entries: dict[int, Entry] = {
        Tag.Orientation: _shorts(orientation),
        Tag.XResolution: _ratios(_DOTS_PER_INCH),
        Tag.YResolution: _ratios(_DOTS_PER_INCH),
        Tag.ResolutionUnit: _shorts(_INCH),
        Tag.Software: Entry(Type.ASCII, SOFTWARE),
    }
    if facts.body is not None:
        entries |= texts({Tag.Make: facts.body.maker, Tag.Model: facts.body.model})
    if facts.taken is not None:
        entries[Tag.DateTime] = Entry(Type.ASCII, _clock(facts))
    return entries


def rendering_entries(space: Literal["srgb", "display-p3", "rec2020-linear"]) -> dict[int, Entry]:
    """What EXIF says of colours: sRGB, or that the profile alone tells."""
    return {
        Tag.FlashpixVersion: Entry(Type.UNDEFINED, b"0100"),
        Tag.ColorSpace: _shorts(1 if space == "srgb" else _UNCALIBRATED),
    }


def exif_entries(facts: Facts) -> dict[int, Entry]:
    """The EXIF directory of one exposure; what is not known is left out.

    Sensitivities above 65535 stand in RecommendedExposureIndex, as the standard asks.
    """
    entries: dict[int, Entry] = {Tag.ExifVersion: Entry(Type.UNDEFINED, b"0232")}
    entries |= _positive(Tag.ExposureTime, facts.exposure_s)
    if facts.iso is not None and 0.5 <= facts.iso <= _MOST_RATIO:
        iso = round(facts.iso)
        entries[Tag.PhotographicSensitivity] = _shorts(min(iso, _MOST_SHORT))
        entries[Tag.SensitivityType] = _shorts(_RECOMMENDED_EXPOSURE_INDEX)
        entries[Tag.RecommendedExposureIndex] = Entry(Type.LONG, (iso,))
    if facts.taken is not None:
        entries |= _taken(facts)
    entries |= ring_entries(facts.setting, full_frame_focal(facts)) | lens_entries(facts.lens)
    entries |= _body(facts.body)
    return entries


def ring_entries(setting: Setting | None, same_mm: int | None) -> dict[int, Entry]:
    """Where the rings stood, with the focal length that sees as much on 36 x 24 mm; infinity as the standard has it."""
    if setting is None:
        return {}
    entries = _positive(Tag.FNumber, setting.f_number) | _positive(Tag.FocalLength, setting.focal_mm)
    if setting.focus_m is not None and math.isinf(setting.focus_m):
        entries[Tag.SubjectDistance] = Entry(Type.RATIONAL, (INFINITELY_FAR,))
    else:
        entries |= _positive(Tag.SubjectDistance, setting.focus_m)
    return entries if same_mm is None else entries | {Tag.FocalLengthIn35mmFilm: _shorts(same_mm)}


def full_frame_focal(facts: Facts) -> int | None:
    """The focal length that sees as much on 36 x 24 mm, by the diagonals; None where one is not known."""
    focal_mm = None if facts.setting is None else facts.setting.focal_mm
    if focal_mm is None or facts.sensor.pitch_um is None or not facts.sensor.pitch_um > 0.0:
        return None
    height, width = facts.active_shape
    return rounded_focal(
        focal_mm * _FULL_FRAME_DIAGONAL_MM / (math.hypot(width, height) * facts.sensor.pitch_um / 1000.0)
    )


def rounded_focal(same_mm: float) -> int | None:
    """A focal length as FocalLengthIn35mmFilm holds it, None for one that it cannot."""
    return round(same_mm) if 0.5 < same_mm <= _MOST_SHORT else None


def lens_entries(lens: Lens | None) -> dict[int, Entry]:
    """Who made the lens, what it is called and what it can."""
    if lens is None:
        return {}
    entries = texts({Tag.LensMake: lens.maker, Tag.LensModel: lens.model})
    span = lens_range(lens)
    return entries if span is None else entries | {Tag.LensSpecification: span}


def focal_plane_entries(facts: Facts) -> dict[int, Entry]:
    """The pixel pitch, as pixels a millimetre; only true where the image has the sensor's own pixels."""
    if facts.sensor.pitch_um is None or not facts.sensor.pitch_um > 0.0:
        return {}
    entries = _positive(Tag.FocalPlaneXResolution, 1000.0 / facts.sensor.pitch_um)
    entries |= _positive(Tag.FocalPlaneYResolution, 1000.0 / facts.sensor.pitch_um)
    return entries | {Tag.FocalPlaneResolutionUnit: _shorts(_MILLIMETRE)} if entries else {}


def known_orientation(facts: Facts) -> int:
    """EXIF's Orientation, 1 for a number that means nothing."""
    return facts.orientation if 1 <= facts.orientation <= 8 else 1


def lens_range(lens: Lens) -> Entry | None:
    """LensSpecification, DNG's LensInfo: shortest and longest mm, f-numbers wide open there; 0/0 where unknown."""
    if lens.focal_mm is None:
        return None
    values = (*lens.focal_mm, *(lens.max_aperture or (math.nan, math.nan)))
    if not all(math.isnan(value) or 0.0 < value <= _MOST_RATIO for value in values):
        return None
    return Entry(Type.RATIONAL, values)


def texts(values: Mapping[int, str | None]) -> dict[int, Entry]:
    """Text entries of those values that say something."""
    cleaned = {tag: (value or "").replace("\0", " ").strip() for tag, value in values.items()}
    return {
        tag: Entry(Type.ASCII, value.encode("utf-8", "replace").decode()) for tag, value in cleaned.items() if value
    }


def _taken(facts: Facts) -> dict[int, Entry]:
    assert facts.taken is not None
    stamp = _clock(facts)
    entries = {Tag.DateTimeOriginal: Entry(Type.ASCII, stamp), Tag.DateTimeDigitized: Entry(Type.ASCII, stamp)}
    if facts.taken.microsecond:
        entries[Tag.SubSecTimeOriginal] = Entry(Type.ASCII, f"{facts.taken.microsecond:06d}".rstrip("0"))
    offset = facts.taken.utcoffset()
    if offset is not None:
        minutes = round(offset.total_seconds() / 60.0)
        sign = "-" if minutes < 0 else "+"
        text = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
        entries |= {
            tag: Entry(Type.ASCII, text) for tag in (Tag.OffsetTime, Tag.OffsetTimeOriginal, Tag.OffsetTimeDigitized)
        }
    return entries


def _clock(facts: Facts) -> str:
    """EXIF's form of date and time, years with four digits."""
    assert facts.taken is not None
    t = facts.taken
    return f"{t.year:04d}:{t.month:02d}:{t.day:02d} {t.hour:02d}:{t.minute:02d}:{t.second:02d}"


def _body(body: Body | None) -> dict[int, Entry]:
    return {} if body is None else texts({Tag.BodySerialNumber: body.serial})


def _positive(tag: int, value: float | None) -> dict[int, Entry]:
    """A rational, where the value is one that can be."""
    if value is None or not 1.0 / _MOST_RATIO <= value <= _MOST_RATIO:
        return {}
    return {tag: _ratios(value)}


def _shorts(*values: int) -> Entry:
    return Entry(Type.SHORT, values)


def _ratios(*values: float) -> Entry:
    return Entry(Type.RATIONAL, values)
