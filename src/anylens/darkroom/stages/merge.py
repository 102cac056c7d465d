"""Burst -> Mosaic."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anylens.darkroom.light import by_site, noise_of
from anylens.darkroom.quad import as_bayer, in_mode
from anylens.darkroom.recipe import checked, taste
from anylens.frame import Burst, Facts, Frame
from anylens.image import Mosaic, Pixels, Scene
from anylens.kernels.defects import defects
from anylens.kernels.linearize import linearize
from anylens.record import record, replace
from anylens.refusal import Refusal


@record(frozen=True, slots=True)
class Merge:
    """Turn counts into light, many frames into one: aligned, averaged where they agree within their noise.

    Black goes off, white to 1, the active area is cut out. `robustness` 1 lets the reference alone speak where frames
    disagree, 0 takes their mean everywhere; `reference` is a frame's number from 1 on, 0 the sharpest of the first
    three, in a bracket one of its middle exposure. Of a quad-Bayer sensor `mode` full keeps every pixel, binned joins
    each four of one color, auto is full where the noise is low. Frames that are display-referred become a Scene.
    """

    robustness: float = taste(1.0, 0.0, 1.0, 0.05)
    reference: int = taste(0, 0, 100000, 1)
    mode: Literal["auto", "full", "binned"] = taste("auto")

    def __post_init__(self) -> None:
        checked(self)

    def __call__(self, burst: Burst) -> Mosaic | Scene:
        burst, quick = in_mode(burst, self.mode)
        if len(burst.frames) > 1:
            from anylens.darkroom.merging import merged

            return merged(burst, light_by_site, marks, self.reference, self.robustness, quick=quick)
        frame = burst.reference
        if frame.facts.display_referred:
            return Scene(_planes(frame), frame.facts)
        return Mosaic(_light(frame), frame.facts)


def light_by_site(frame: Frame) -> tuple[Pixels, Facts]:
    """A frame's light by site with margin, and the facts of that light."""
    from anylens.kernels.sites import sites

    if frame.facts.display_referred:
        scale = 1.0 / frame.facts.sensor.white[0]
        return np.concatenate([sites(plane, 0.0, scale) for plane in frame.raw]), frame.facts
    if frame.raw.ndim != 2:
        raise Refusal("the frame has three planes of counts, not a mosaic; merge frames of a colour filter")
    frame = as_bayer(frame, "binned")
    return sites(*counts_of(frame)), frame.facts


def _planes(frame: Frame) -> Pixels:
    return np.multiply(frame.raw, np.float32(1.0 / frame.facts.sensor.white[0]), dtype=np.float32)


def marks(frame: Frame) -> NDArray[np.bool_] | None:
    """Pixels that stand out as hot or dead ones do; None where the frame is no mosaic of 2 x 2 colours."""
    from anylens.darkroom.hot import HOT_SIGMA

    facts = frame.facts
    if len(facts.sensor.cfa) != 2 or frame.raw.ndim != 2:
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
