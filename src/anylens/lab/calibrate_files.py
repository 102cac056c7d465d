"""What the files of a calibration tell of how they were taken, completed by what the owner said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from anylens.lab.specimen import Specimen
from anylens.lens.model import Lens, plain
from anylens.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Given:
    """What the owner says where the files do not; None for what the files are to tell."""

    body: str | None = None
    f_number: float | None = None
    focus_m: float | None = None
    focal_mm: float | None = None
    pitch_um: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file tells of how it was taken, completed by what the owner said."""

    name: str
    kind: str
    width_px: int
    height_px: int
    body: str | None
    pitch_um: float | None
    f_number: float | None
    focus_m: float | None
    focal_mm: float | None
    taken: str | None


def unfinished(specimen: Specimen, kind: Literal["flat", "edges"]) -> Specimen:
    """The specimen; raises Refusal where it is a finished picture and the kind of measure needs the raw."""
    if specimen.kind != "finished":
        return specimen
    changed = "brightness was changed on the way" if kind == "flat" else "edges the camera has sharpened"
    raise Refusal(f"{specimen.name} is a finished picture, whose {changed}; give the raw.")


def seen(specimen: Specimen, given: Given) -> Seen:
    """What one file tells; Refusal where the owner's word and the file's contradict each other."""
    facts = specimen.facts
    setting = None if facts is None else facts.setting
    body = None if facts is None or facts.body is None else facts.body.name
    if given.body is not None and body is not None and plain(given.body) != plain(body):
        raise Refusal(
            f"{specimen.name} was taken with {body}, not with {given.body}; leave --body out or sort the files."
        )
    return Seen(
        name=specimen.name,
        kind=specimen.kind,
        width_px=specimen.width_px,
        height_px=specimen.height_px,
        body=body or given.body,
        pitch_um=given.pitch_um or specimen.pitch_um,
        f_number=given.f_number or (None if setting is None else setting.f_number),
        focus_m=given.focus_m or (None if setting is None else _finite(setting.focus_m)),
        focal_mm=given.focal_mm or (None if setting is None else setting.focal_mm),
        taken=None if facts is None or facts.taken is None else facts.taken.date().isoformat(),
    )


def body_and_pitch(files: Sequence[Seen]) -> tuple[str, float]:
    """(the body, the distance of two pixels in um) that all files agree on; Refusal where none tells one of them."""
    body = agreed(files, "body", "bodies", "calibrate each body by itself")
    if body is None:
        raise Refusal("The files do not say which camera took them; name it with --body.")
    pitch_um = agreed(files, "pitch_um", "pixel pitches", "calibrate each mode of the sensor by itself")
    if pitch_um is None:
        raise Refusal(
            "The distance of two pixels is not known, which millimetres need; say it in micrometres with --pitch."
        )
    return str(body), float(pitch_um)


def agreed(files: Sequence[Seen], name: str, plural: str, remedy: str) -> Any:
    """What all files that tell it agree on, None where none does; Refusal where they do not."""
    told = [(each.name, getattr(each, name)) for each in files if getattr(each, name) is not None]
    for other, value in told[1:]:
        first = told[0][1]
        near = value == first if isinstance(value, str) else abs(value - first) <= 0.01 * abs(first)
        if not near:
            raise Refusal(f"{told[0][0]} and {other} are of different {plural} ({first} and {value}); {remedy}.")
    return told[0][1] if told else None


def focal_of(files: Sequence[Seen], lens: Lens) -> float | None:
    """The focal length that files tell, which agree on it, or the one that is engraved on the lens; None for a zoom."""
    told = [each.focal_mm for each in files if each.focal_mm is not None]
    if told or lens.focal_mm is None or lens.focal_mm[0] != lens.focal_mm[1]:
        return told[0] if told else None
    return lens.focal_mm[0]


def date_of(files: Sequence[Seen]) -> str:
    """The day of the newest file, or today where none tells one."""
    return max((each.taken for each in files if each.taken is not None), default=date.today().isoformat())


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value > 0 else None
