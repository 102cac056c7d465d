"""Light of a frame's counts: black goes off, white to 1, the active area is cut out."""

from __future__ import annotations

from typing import Any

import numpy as np

from anylens.frame import Frame
from anylens.image import Pixels
from anylens.kernels.linearize import linearize
from anylens.refusal import Refusal


def light_of(frame: Frame) -> Pixels:
    """(H, W) light of a mosaic, 0 black, 1 white; Refusal for a frame of three planes."""
    if frame.raw.ndim != 2:
        raise Refusal("the frame has three planes of counts, not a mosaic; read it as a Scene instead")
    return linearize(*counts_of(frame))


def planes_of(frame: Frame) -> Pixels:
    """(3, H, W) light of a frame that is display-referred, as it is displayed."""
    return np.multiply(frame.raw, np.float32(1.0 / frame.facts.sensor.white[0]), dtype=np.float32)


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
