"""Dark frames: what a sensor counts without light, kept by body, exposure, sensitivity and temperature, and taken off.

A file of the library is a NumPy archive: `known`, its facts as JSON, and `counts`, uint16 (H, W), times `step`.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.files.whole import whole
from anylens.frame import Facts, Frame
from anylens.record import fields, record, replace
from anylens.refusal import Refusal

SUFFIX = ".npz"
LIKE_EXPOSURE, LIKE_GAIN, LIKE_C = 0.05, 0.01, 4.0
MOST_LIGHT = 0.2

Black = tuple[tuple[float, ...], ...]
"""Counts without light by site, from the sensor's corner on."""


@record(frozen=True, slots=True)
class Known:
    """What a dark frame is the mean of: `frames` of one body; `sensitivity` is ISO, else gain; None is not known."""

    body: str
    height_px: int
    width_px: int
    cfa: str
    exposure_s: float
    sensitivity: float | None
    temperature_c: float | None
    frames: int = 1

    def said(self) -> str:
        """As people read it."""
        parts = [f"{self.exposure_s:g} s"]
        parts += [] if self.sensitivity is None else [f"ISO or gain {self.sensitivity:.4g}"]
        parts += [] if self.temperature_c is None else [f"{self.temperature_c:.1f} °C"]
        return f"{self.body}, {', '.join(parts)}, mean of {self.frames}"


def known_of(facts: Facts) -> Known | None:
    """What a dark frame for a shot with these facts must be like; None where body or exposure are not known."""
    if not facts.exposure_s or facts.display_referred:
        return None
    body = " ".join(filter(None, (facts.body.maker, facts.body.model))) if facts.body else facts.sensor.name
    sensitivity = facts.iso or facts.gain
    cfa = "".join("".join(row) for row in facts.sensor.cfa)
    size = facts.sensor.height_px, facts.sensor.width_px
    return Known(body, *size, cfa, facts.exposure_s, sensitivity, facts.temperature_c)


def add_dark(frames: Sequence[Frame], names: Sequence[str], folder: Path) -> tuple[Path, Known]:
    """Keep the mean of dark frames in a library; they are asked for one by one, and one of the same facts is replaced.

    Raises Refusal for frames that are not alike, not dark, or do not say how long they were exposed.
    """
    first: Known | None = None
    total: npt.NDArray[np.uint32] | None = None
    warmth: list[float] = []
    for name, frame in zip(names, frames, strict=True):
        known = known_of(frame.facts)
        if known is None:
            raise Refusal(f"{name} does not say how long it was exposed; give raw frames with their facts.")
        if frame.raw.ndim != 2 or _light(frame) > MOST_LIGHT:
            raise Refusal(f"{name} is not dark; cover the lens and take it again.")
        if first is None or total is None:
            first, total = known, np.zeros(frame.raw.shape, np.uint32)
        elif frame.raw.shape != total.shape or not _fits(known, first, LIKE_C):
            raise Refusal(f"{name} is not like {names[0]} in body, exposure, sensitivity or temperature; add it apart.")
        total += frame.raw
        warmth += [] if known.temperature_c is None else [known.temperature_c]
    if first is None or total is None:
        raise Refusal("A dark frame is made of at least one frame; name them.")
    mean_c = float(np.mean(warmth)) if warmth else None
    whole_known = replace(first, frames=len(names), temperature_c=mean_c)
    mean = total / len(names)
    step = max(float(mean.max()), 1.0) / 65535
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"{folder} cannot be made ({error.strerror}); set XDG_DATA_HOME to another place.") from None
    place = folder / _name(whole_known)
    told = np.frombuffer(
        json.dumps({each.name: getattr(whole_known, each.name) for each in fields(whole_known)}).encode(), np.uint8
    )
    with whole(place) as file:
        np.savez_compressed(file, known=told, step=np.float64(step), counts=np.rint(mean / step).astype(np.uint16))
    return place, whole_known


def darks_in(folder: Path) -> list[tuple[Path, Known]]:
    """The dark frames of a library, by name; files that are none are passed over."""
    found = []
    for place in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []:
        try:
            with place.open("rb") as file, np.load(file, allow_pickle=False) as held:
                found.append((place, Known(**json.loads(held["known"].tobytes()))))
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            continue
    return found


class Darks:
    """A library as it is used: the dark frame that fits each frame, read once."""

    def __init__(self, folder: Path) -> None:
        self._known = darks_in(folder)
        self._read: dict[Path, tuple[npt.NDArray[np.float32], Black]] = {}

    def taken_off(self, frame: Frame) -> Frame:
        """The frame without what its sensor counts in the dark, and black as that says; itself where none fits."""
        asked = known_of(frame.facts)
        if asked is None or not self._known:
            return frame
        fitting = [each for each in self._known if _fits(asked, each[1], LIKE_C)]
        if not fitting:
            return frame
        place, known = min(fitting, key=lambda each: (_apart(asked, each[1]), -each[1].frames))
        if place not in self._read:
            with np.load(place, allow_pickle=False) as held:
                self._read[place] = _apart_from_black(held["counts"] * np.float32(held["step"]), known.cfa)
        pattern, black = self._read[place]
        if pattern.shape != frame.raw.shape:
            return frame
        return _without(frame, pattern, black, f"A dark frame was taken off ({known.said()}).")


def _apart_from_black(dark: npt.NDArray[np.float32], cfa: str) -> tuple[npt.NDArray[np.float32], Black]:
    """What a dark frame has beyond its middle, and that middle, by site."""
    rows, columns = (2, 2) if len(cfa) != 16 else (4, 4)
    black = tuple(tuple(float(np.median(dark[y::rows, x::columns])) for x in range(columns)) for y in range(rows))
    level = np.tile(
        np.array(black, np.float32), [-(-side // n) for side, n in zip(dark.shape, (rows, columns), strict=True)]
    )
    return dark - level[: dark.shape[0], : dark.shape[1]], black


def _without(frame: Frame, pattern: npt.NDArray[np.float32], black: Black, note: str) -> Frame:
    """Sites that are clipped stay so; the black level is that of the dark frame."""
    facts, rows, columns = frame.facts, len(black), len(black[0])
    left = np.clip(np.rint(frame.raw - pattern), 0, 65535).astype(np.uint16)
    left = np.where(frame.raw >= min(facts.sensor.white), frame.raw, left)
    top, start = facts.active_area[0] % rows, facts.active_area[1] % columns
    turned = tuple(tuple(black[(y + top) % rows][(x + start) % columns] for x in range(columns)) for y in range(rows))
    sensor: Any = replace(facts.sensor, black=turned, black_row_delta=(), black_column_delta=())
    return Frame(left, replace(facts, sensor=sensor, notes=(*facts.notes, note)))


def _light(frame: Frame) -> float:
    sensor = frame.facts.sensor
    black = float(np.mean(sensor.black))
    return (float(np.median(frame.raw)) - black) / max(min(sensor.white) - black, 1.0)


def _fits(one: Known, two: Known, most_c: float) -> bool:
    alike = (one.body, one.height_px, one.width_px, one.cfa) == (two.body, two.height_px, two.width_px, two.cfa)
    if not alike or abs(one.exposure_s / two.exposure_s - 1.0) > LIKE_EXPOSURE:
        return False
    if (one.sensitivity is None) != (two.sensitivity is None):
        return False
    if one.sensitivity and two.sensitivity and abs(one.sensitivity / two.sensitivity - 1.0) > LIKE_GAIN:
        return False
    return _apart(one, two) <= most_c


def _apart(one: Known, two: Known) -> float:
    """Kelvin between two, none where either is not known."""
    if one.temperature_c is None or two.temperature_c is None:
        return 0.0
    return abs(one.temperature_c - two.temperature_c)


def _name(known: Known) -> str:
    parts = [known.body, f"{known.height_px}x{known.width_px}", f"{known.exposure_s:g}s"]
    parts += [] if known.sensitivity is None else [f"iso{known.sensitivity:.4g}"]
    parts += [] if known.temperature_c is None else [f"{known.temperature_c:.0f}c"]
    said = "-".join(parts).lower()
    return "".join(c if c.isascii() and (c.isalnum() or c in ".-") else "-" for c in said) + SUFFIX
