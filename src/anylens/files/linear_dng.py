"""Linear DNG in: a Scene of colours that were demosaiced already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from anylens import color, opcodes
from anylens.files.pixels import Samples
from anylens.frame import Facts
from anylens.image import Scene
from anylens.record import replace
from anylens.sensor import Sensor

Map: TypeAlias = opcodes.MapTable | opcodes.MapPolynomial


def scene_of(samples: Samples, facts: Facts) -> Scene:
    """Linear Rec. 2020 of samples (H, W, 3): levels, mapping opcodes, white balance as shot, camera to Rec. 2020."""
    top, left, bottom, right = facts.active_area
    samples = samples[top:bottom, left:right]
    silicon = facts.sensor
    maps, notes = _maps(facts.opcodes.list2)
    pixels = _mapped(samples, silicon, maps)
    neutral = facts.as_shot_neutral
    if neutral is None:
        neutral = (1.0, 1.0, 1.0)
        notes.append("Equal samples were taken as neutral.")
    most = max(neutral)
    gains = (most / neutral[0], most / neutral[1], most / neutral[2])
    matrix = color.camera_to_rec2020(silicon.calibrations, silicon.analog_balance, neutral) * np.array(gains)
    light = matrix.astype(np.float32) @ pixels.reshape(3, -1)
    facts = replace(facts, balance=gains, notes=(*facts.notes, *notes))
    return Scene(np.asarray(light.reshape(pixels.shape), np.float32), facts)


def _maps(listed: bytes) -> tuple[list[Map], list[str]]:
    """The MapTable and MapPolynomial opcodes of a list, and notes on what is done with it."""
    maps: list[Map] = []
    notes = []
    for opcode in opcodes.parse(listed):
        if isinstance(opcode.record, opcodes.MapTable | opcodes.MapPolynomial):
            maps.append(opcode.record)
        elif not opcode.optional:
            name = opcodes.NAMES.get(opcode.number, str(opcode.number))
            notes.append(f"The file asks for the opcode {name} on its linear image, which was not applied.")
    if maps:
        notes.append(f"{len(maps)} mapping opcodes of the file were applied on reading.")
    return maps, notes


def _mapped(samples: Samples, silicon: Sensor, maps: Sequence[Map]) -> npt.NDArray[np.float32]:
    """(3, H, W) from 0 black to 1 white, mapped: by a table of all codes where a plane's maps cover it whole."""
    height, width = samples.shape[:2]
    codes = np.arange(int(np.iinfo(samples.dtype).max) + 1, dtype=np.float64)
    out = np.empty((3, height, width), np.float32)
    simple = not silicon.black_row_delta and not silicon.black_column_delta
    for plane in range(3):
        black = silicon.black[0][plane % len(silicon.black[0])]
        white = silicon.white[plane % len(silicon.white)]
        curve = np.clip((codes - black) / (white - black), None, 1.0)
        mine = [each for each in maps if each.area.plane <= plane < each.area.plane + each.area.planes]
        whole = simple and all(_covers(each.area, height, width) for each in mine)
        if whole:
            for each in mine:
                curve = _curved(each, curve)
        out[plane] = curve.astype(np.float32)[samples[..., plane]]
        if whole:
            continue
        if silicon.black_row_delta:
            out[plane] -= (np.array(silicon.black_row_delta, np.float32) / np.float32(white - black))[:, None]
        if silicon.black_column_delta:
            out[plane] -= np.array(silicon.black_column_delta, np.float32) / np.float32(white - black)
        for each in mine:
            area = each.area
            part = out[plane, area.top : area.bottom : area.row_pitch, area.left : area.right : area.column_pitch]
            part[...] = _curved(each, part)
    return out


def _covers(area: opcodes.Area, height: int, width: int) -> bool:
    start, step = area.top <= 0 and area.left <= 0, area.row_pitch == 1 and area.column_pitch == 1
    return start and step and area.bottom >= height and area.right >= width


def _curved(record: Map, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if isinstance(record, opcodes.MapPolynomial):
        mapped: npt.NDArray[Any] = np.polynomial.polynomial.polyval(values, record.coefficients)
        return np.asarray(np.clip(mapped, 0.0, 1.0))
    table = np.array(record.table, np.float64) / 65535.0
    index = np.clip(np.rint(values * 65535.0), 0, len(table) - 1).astype(np.intp)
    return np.asarray(table[index])
