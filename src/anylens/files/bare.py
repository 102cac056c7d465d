"""Bare mosaics: counts without facts, in a PNG or a plain file, with the sensor's TOML beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.files import PNG, gate
from anylens.frame import Facts, Frame
from anylens.record import replace
from anylens.refusal import Refusal
from anylens.sensor import Sheet, estimate_noise, parse_sensor

_SHIPPED = Path(__file__).parents[1] / "sensor"


def read_bare(path: str | os.PathLike[str], sheet: Sheet, *, data: gate.FileBytes | None = None) -> Frame:
    """The counts of a gray PNG (8 or 16 bits) or of a plain file, with the facts that the sensor's sheet gives.

    `data` are the file's bytes where they are already at hand. Raises Refusal where size and sheet disagree.
    """
    if data is None:
        data = gate.load(path)
    silicon = sheet.sensor
    raw = _png(data) if data[: len(PNG)] == PNG else _plain(data, sheet)
    height, width = raw.shape
    if (width, height) != (silicon.width_px, silicon.height_px):
        raise Refusal(
            f"The mosaic has {width} x {height} pixels, its sensor {silicon.name} {silicon.width_px} x "
            f"{silicon.height_px}; name the right sensor with --sensor."
        )
    notes = sheet.notes
    if silicon.noise is None:
        noise = estimate_noise(raw, silicon.cfa, silicon.black, silicon.white)
        silicon = replace(silicon, noise=noise)
        notes = (*notes, "The sensor file has no noise profile; the noise was estimated from the picture itself.")
    facts = Facts.whole(
        silicon,
        as_shot_neutral=sheet.as_shot_neutral if silicon.cfa else None,
        orientation=sheet.orientation,
        notes=notes,
    )
    return Frame(raw, facts)


def find_sheet(path: str | os.PathLike[str], sensor: str | os.PathLike[str] | None = None) -> Sheet | None:
    """The sheet for a file: the TOML that `sensor` names (a path, or a shipped one by its stem), or the one beside it.

    None where `sensor` is None and no TOML of the same stem stands beside the file. Raises Refusal.
    """
    if sensor is None:
        beside = Path(path).with_suffix(".toml")
        if not beside.is_file():
            return None
        return parse_sensor(_text(beside))
    place = Path(sensor)
    if place.is_file():
        return parse_sensor(_text(place))
    shipped = shipped_sensors()
    if str(sensor) in shipped:
        return parse_sensor((_SHIPPED / f"{sensor}.toml").read_text("utf-8"))
    raise Refusal(
        f"There is no sensor file {sensor}, and none of that name is shipped; choose from {', '.join(shipped)} or "
        "give the path of a TOML."
    )


def shipped_sensors() -> tuple[str, ...]:
    """The names of the sensor files that come with anylens."""
    names = (each.name for each in _SHIPPED.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def _text(place: Path) -> str:
    try:
        return gate.load(place).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(f"{place} is not UTF-8 text; write the sensor file as TOML.") from error


def _png(data: gate.FileBytes) -> npt.NDArray[np.uint16]:
    import imagecodecs

    header = data[16:29]
    if len(header) < 13 or data[12:16] != b"IHDR":
        raise Refusal(f"The PNG has no header; {gate.DAMAGED}")
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    if header[9] != 0:
        raise Refusal("The PNG is a finished colour picture, not a bare mosaic of one sample a pixel; name a raw file.")
    if header[8] not in (8, 16):
        raise Refusal(f"The PNG has {header[8]} bits a sample, a bare mosaic has 8 or 16; save it again with 16.")
    gate.check_size(width, height, bytes_per_pixel=2, stored_bytes=len(data), most_pixels_per_byte=64)
    decode: Any = imagecodecs.png_decode
    try:
        decoded = np.asarray(decode(data))
    except (RuntimeError, ValueError) as error:
        raise Refusal(f"The PNG cannot be decoded; {gate.DAMAGED}") from error
    return np.asarray(decoded.reshape(height, width), np.uint16)


def _plain(data: gate.FileBytes, sheet: Sheet) -> npt.NDArray[np.uint16]:
    width, height = sheet.sensor.width_px, sheet.sensor.height_px
    expected = width * height * sheet.bits // 8 + sheet.header_bytes
    if len(data) != expected:
        raise Refusal(
            f"The file has {len(data)} bytes, {width} x {height} pixels of {sheet.sensor.name} take {expected}; "
            "name the right sensor with --sensor or copy the file again."
        )
    kind = "u1" if sheet.bits == 8 else ("<u2" if sheet.byte_order == "little" else ">u2")
    counts = np.frombuffer(data, kind, offset=sheet.header_bytes).reshape(height, width)
    return counts.astype(np.uint16, copy=False)
