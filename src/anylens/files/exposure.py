"""What TIFF and EXIF tags say about an exposure: time, aperture, light sensitivity, moment, body, lens."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from anylens.body import Body
from anylens.files.exif import INFINITELY_FAR
from anylens.files.leica import coded_lens
from anylens.files.tags import Tag
from anylens.files.tiff import Directory
from anylens.lens import Lens, Setting
from anylens.record import fields, record

if TYPE_CHECKING:
    from anylens.files.xmp import Source


@record(frozen=True, slots=True)
class Exposure:
    """The part of Facts that every camera file shares."""

    exposure_s: float | None = None
    iso: float | None = None
    taken: datetime | None = None
    body: Body | None = None
    lens: Lens | None = None
    setting: Setting | None = None
    orientation: int = 1

    @property
    def facts(self) -> dict[str, Any]:
        """All of it as fields of Facts."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def read_exposure(main: Directory, *more: Directory) -> Exposure:
    """The exposure of a file whose first directory is `main`; what the file does not say stays None.

    `more` are directories with EXIF tags that `main` does not point to. Raises Refusal where they are damaged.
    """
    exif = main.exif
    both = (*more, main) if exif is None else (exif, *more, main)
    f_number = _positive(both, Tag.FNumber)
    focal_mm = _positive(both, Tag.FocalLength)
    focus_m = _positive(both, Tag.SubjectDistance)
    if focus_m is not None and focus_m >= INFINITELY_FAR[0]:
        focus_m = math.inf
    known = f_number or focal_mm or focus_m
    orientation = main.number(Tag.Orientation)
    return Exposure(
        exposure_s=_positive(both, Tag.ExposureTime),
        iso=_iso(both),
        taken=_taken(both),
        body=_body(both),
        lens=_lens(both) or (None if exif is None else coded_lens(_text(both, Tag.Make), exif)),
        setting=Setting(_source(main.raw(Tag.XMP)), f_number, focal_mm, focus_m) if known else None,
        orientation=int(orientation) if orientation is not None and orientation in range(1, 9) else 1,
    )


def pitch_um(main: Directory) -> float | None:
    """The distance of pixels by EXIF's FocalPlaneXResolution; None where it is absent or no sensor has it."""
    exif = main.exif
    if exif is None:
        return None
    per_unit = exif.number(Tag.FocalPlaneXResolution)
    unit_um = {2: 25400.0, 3: 10000.0, 4: 1000.0, 5: 1.0}.get(exif.integer(Tag.FocalPlaneResolutionUnit, 2))
    if not per_unit or unit_um is None:
        return None
    pitch = unit_um / per_unit
    return pitch if 0.3 <= pitch <= 30.0 else None


def _source(packet: bytes) -> Source:
    if not packet:
        return "exif"
    from anylens.files.xmp import setting_source

    return setting_source(packet)


def _positive(directories: tuple[Directory, ...], tag: int) -> float | None:
    for directory in directories:
        value = directory.number(tag)
        if value is not None and value > 0:
            return value
    return None


def _text(directories: tuple[Directory, ...], *tags: int) -> str:
    for tag in tags:
        for directory in directories:
            text = directory.text(tag)
            if text:
                return text
    return ""


def _iso(both: tuple[Directory, ...]) -> float | None:
    iso = _positive(both, Tag.PhotographicSensitivity)
    if iso is not None and iso < 65535:
        return iso
    for tag in (Tag.RecommendedExposureIndex, Tag.StandardOutputSensitivity, Tag.ISOSpeed, Tag.ExposureIndex):
        value = _positive(both, tag)
        if value is not None:
            return value
    return iso


def _taken(both: tuple[Directory, ...]) -> datetime | None:
    for moment, fraction, offset in (
        (Tag.DateTimeOriginal, Tag.SubSecTimeOriginal, Tag.OffsetTimeOriginal),
        (Tag.DateTimeDigitized, Tag.SubSecTimeDigitized, Tag.OffsetTimeDigitized),
    ):
        taken = _clock(_text(both, moment))
        if taken is None:
            continue
        digits = _text(both, fraction)
        if digits.isascii() and digits.isdigit():
            taken = taken.replace(microsecond=int(digits[:6].ljust(6, "0")))
        return taken.replace(tzinfo=_zone(_text(both, offset)))
    return None


def _clock(text: str) -> datetime | None:
    """The moment that EXIF writes as 2026:05:31 12:00:00, None for no such text."""
    date, _, time = text.partition(" ")
    try:
        return datetime.fromisoformat(f"{date.replace(':', '-')} {time}") if len(text) == 19 else None
    except ValueError:
        return None


def _zone(offset: str) -> timezone | None:
    sign, hours, minutes = offset[:1], offset[1:3], offset[4:6]
    if len(offset) == 6 and sign in "+-" and (hours + minutes).isdecimal() and int(hours) < 24 and int(minutes) < 60:
        east = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(east if sign == "+" else -east)
    return None


def _body(both: tuple[Directory, ...]) -> Body | None:
    maker, model = _text(both, Tag.Make), _text(both, Tag.Model, Tag.UniqueCameraModel)
    serial = _text(both, Tag.BodySerialNumber, Tag.CameraSerialNumber)
    return Body(maker, model, serial or None) if maker or model else None


def _lens(both: tuple[Directory, ...]) -> Lens | None:
    """What is named; bodies write dashes where an adapter tells them nothing."""
    maker, model = (_text(both, tag).strip("- ") for tag in (Tag.LensMake, Tag.LensModel))
    span: tuple[float, ...] = ()
    for tag in (Tag.LensSpecification, Tag.LensInfo):
        for directory in both:
            numbers = directory.numbers(tag)
            if not span and len(numbers) == 4:
                span = numbers
    focal = _span(span[:2])
    if not (maker or model or focal):
        return None
    return Lens(maker, model, focal, _span(span[2:]))


def _span(ends: tuple[float, ...]) -> tuple[float, float] | None:
    if len(ends) == 2 and all(math.isfinite(end) and end > 0 for end in ends):
        return float(ends[0]), float(ends[1])
    return None
