"""Burst -> Mosaic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anylens.darkroom.light import by_site, noise_of
from anylens.darkroom.recipe import checked, taste
from anylens.frame import Burst, Facts, Frame, Opcodes
from anylens.image import Mosaic, Pixels, Scene
from anylens.kernels.defects import defects
from anylens.kernels.linearize import linearize
from anylens.kernels.sites import sites, with_margin
from anylens.refusal import Refusal
from anylens.sensor import Noise

LONG_S, HIGH_ISO, HOT_SIGMA = 0.05, 1600.0, 6.0


@dataclass(frozen=True, slots=True)
class Merge:
    """Turn counts into light, many frames into one: aligned, averaged where they agree within their noise.

    Black goes off, white to 1, the active area is cut out, quad-Bayer pixels are binned by four. `robustness` 1 lets
    the reference alone speak where frames disagree, 0 takes their mean everywhere; `reference` is a frame's number
    from 1 on, 0 the sharpest of the first three, in a bracket one of its middle exposure. Frames that are
    display-referred become a Scene.
    """

    robustness: float = taste(1.0, 0.0, 1.0, 0.05)
    reference: int = taste(0, 0, 100000, 1)

    def __post_init__(self) -> None:
        checked(self)

    def __call__(self, burst: Burst) -> Mosaic | Scene:
        if len(burst.frames) > 1:
            from anylens.darkroom.merging import merged

            return merged(burst, light_by_site, marks, self.reference, self.robustness)
        frame = burst.reference
        return Scene(_planes(frame), frame.facts) if frame.facts.display_referred else _mosaic(frame)


def _mosaic(frame: Frame) -> Mosaic:
    light = _light(frame)
    if len(frame.facts.sensor.cfa) == 4:
        return _binned(light, frame.facts)
    return Mosaic(light, frame.facts)


def light_by_site(frame: Frame) -> tuple[Pixels, Facts]:
    """A frame's light by site with margin, and the facts of that light."""
    if frame.facts.display_referred:
        scale = 1.0 / frame.facts.sensor.white[0]
        return np.concatenate([sites(plane, 0.0, scale) for plane in frame.raw]), frame.facts
    if frame.raw.ndim != 2:
        raise Refusal("the frame has three planes of counts, not a mosaic; merge frames of a colour filter")
    if len(frame.facts.sensor.cfa) == 4:
        whole = _mosaic(frame)
        height, width = (side // 2 * 2 for side in whole.pixels.shape)
        return with_margin(whole.pixels[:height, :width]), whole.facts
    return sites(*counts_of(frame)), frame.facts


def _planes(frame: Frame) -> Pixels:
    return np.multiply(frame.raw, np.float32(1.0 / frame.facts.sensor.white[0]), dtype=np.float32)


def marks(frame: Frame) -> NDArray[np.bool_] | None:
    """Pixels that stand out as hot or dead ones do; None for short exposures at low gain, where there are few."""
    facts = frame.facts
    short = facts.exposure_s is not None and facts.exposure_s < LONG_S
    if (short and (facts.iso or 0.0) < HIGH_ISO) or len(facts.sensor.cfa) != 2 or frame.raw.ndim != 2:
        return None
    light, noise = _light(frame), noise_of(replace(facts, balance=None))
    scale, offset = (by_site(facts.sensor.cfa, tuple(np.broadcast_to(v, 3))) for v in (noise.scale, noise.offset))
    return np.asarray(defects(light, scale, offset, HOT_SIGMA) != light)


def _light(frame: Frame) -> Pixels:
    if frame.raw.ndim != 2:
        raise Refusal("the frame has three planes of counts, not a mosaic; read it as a Scene instead")
    return linearize(*counts_of(frame))


def counts_of(frame: Frame) -> tuple[Any, ...]:
    """What `linearize` takes: counts of the active area, black, 1 / range, and what rows and columns add to black."""
    facts, sensor = frame.facts, frame.facts.sensor
    top, left, bottom, right = facts.active_area
    letters = np.array(sensor.cfa or (("G",),))
    black = np.array(sensor.black)
    white = np.array([[sensor.white["RGB".index(c) if len(sensor.white) == 3 else 0] for c in row] for row in letters])
    rows, columns = np.lcm(black.shape, white.shape)
    span = _tiled(white, rows, columns) - _tiled(black, rows, columns)
    counts = frame.raw[top:bottom, left:right]
    return counts, black, 1.0 / span, sensor.black_row_delta or 0.0, sensor.black_column_delta or 0.0


def _tiled(pattern: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return np.tile(pattern, (rows // pattern.shape[0], columns // pattern.shape[1]))


def _binned(light: Pixels, facts: Facts) -> Mosaic:
    """The mean of each block of four pixels under one filter: a Bayer mosaic of half the width and height."""
    height, width = light.shape[0] // 4 * 4, light.shape[1] // 4 * 4
    if min(height, width) == 0:
        raise Refusal(f"a quad-Bayer frame of {light.shape[1]} x {light.shape[0]} has no whole cell; give a larger one")
    if facts.sensor.cfa[0][0] != facts.sensor.cfa[0][1] or facts.sensor.cfa[0][0] != facts.sensor.cfa[1][0]:
        raise Refusal("this quad-Bayer frame starts within a block of four; give one cut at a multiple of 2 pixels")
    cells = light[:height, :width].reshape(height // 2, 2, width // 2, 2)
    pixels = np.ascontiguousarray(cells.mean((1, 3), dtype=np.float32))
    sensor, noise = facts.sensor, facts.sensor.noise
    quarter = noise and Noise(tuple(v / 4 for v in noise.scale), tuple(v / 4 for v in noise.offset), noise.source)
    small = replace(
        sensor,
        width_px=width // 2,
        height_px=height // 2,
        cfa=tuple(row[::2] for row in sensor.cfa[::2]),
        pitch_um=None if sensor.pitch_um is None else sensor.pitch_um * 2,
        noise=quarter,
        black=((0.0,),),
        white=(65535.0,),
        black_row_delta=(),
        black_column_delta=(),
    )
    left, top, wide, tall = (value / 2 for value in facts.crop)
    crop = (left, top, min(wide, width // 2 - left), min(tall, height // 2 - top))
    note = "quad-Bayer pixels were joined four by four"
    area = (0, 0, height // 2, width // 2)
    bent = Opcodes(list3=facts.opcodes.list3)
    notes = (*facts.notes, note)
    return Mosaic(pixels, replace(facts, sensor=small, active_area=area, crop=crop, opcodes=bent, notes=notes))
