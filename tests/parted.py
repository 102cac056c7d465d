"""An edge that a lens has parted by colours, and how far apart its colours stand in a photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anylens.frame import Frame
from anylens.image import Photo, Scene
from tests.frames import NEUTRAL, sampled

SHAPE = (256, 768)
AT = 0.65
"""Where across the picture the edge stands, leaning."""

AROUND, SIDE = 96, 48
"""Columns on each side of the edge that are looked at, the outer ones of which are only dark or only bright."""

Places = tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]


def edge(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Brighter from row to row, so that counts of 8 bits are rounded now up, now down."""
    height, width = SHAPE
    return np.asarray((0.3 + 0.2 * np.tanh(x - AT * width - 0.13 * (y - height / 2))) * (0.8 + 0.4 * y / height))


def frame(shown: Sequence[Places]) -> Frame:
    """A frame in whose R, G and B each pixel shows the edge's light of these places (x, y), pixels."""
    return sampled(np.stack([edge(*places) for places in shown]) * np.array(NEUTRAL)[:, None, None])


def apart_px(photo: Photo | Scene) -> float:
    """How far apart, across, the edge stands in red, green and blue at most."""
    _, height, width = photo.pixels.shape
    middle = round(AT * width)
    pixels = photo.pixels[:, height // 8 : -height // 8, middle - AROUND : middle + AROUND].astype(np.float64)
    dark, bright = pixels[:, :, :SIDE].mean((1, 2)), pixels[:, :, -SIDE:].mean((1, 2))
    return float(np.ptp((pixels.mean(1) - dark[:, None]).sum(1) / (bright - dark)))
