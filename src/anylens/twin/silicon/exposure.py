"""Exposure: what one frame asks of a chip; and what it asks of the light that falls on it and of the hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from anylens.twin.silicon.model import REFERENCE_C, Silicon

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


class Flickering(Protocol):
    """Light whose strength changes in time."""

    def mean(self, start_s: npt.ArrayLike, exposure_s: float) -> Floats:
        """The mean factor over exposures that begin at `start_s`."""
        ...


class Layer(Protocol):
    """One depth of the light behind the lens (see `twin.light.Layer`)."""

    @property
    def sides(self) -> tuple[int, int]: ...
    def lit(self, x: Array, y: Array, spare: float) -> npt.NDArray[np.bool_]: ...
    def seen(self, channel: int, rows: slice, columns: slice) -> Array: ...
    @property
    def rates(self) -> Array: ...
    @property
    def cover(self) -> Array | None: ...
    @property
    def soft(self) -> bool: ...
    @property
    def path(self) -> Callable[[float], tuple[float, float]] | None: ...
    @property
    def distance_m(self) -> float | None: ...


class Light(Protocol):
    """The light behind the lens, on the grid of this silicon (see `twin.light.Light`)."""

    @property
    def layers(self) -> tuple[Layer, ...]: ...
    @property
    def margin_px(self) -> int: ...
    @property
    def pitch_um(self) -> float: ...
    @property
    def chief_ray_deg(self) -> Callable[[Floats], Floats]: ...
    @property
    def flicker(self) -> Flickering | None: ...


class Hand(Protocol):
    """How the camera stands in time: (n, 6) pitch, yaw and roll in radians and x, y, z in mm at times (n,) in s."""

    def __call__(self, time_s: Floats) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Exposure:
    """How long a chip gathers light and how it counts it, how the camera moves meanwhile, and what is read.

    Row r of those that are read begins to gather light `line_us * r` after `start_s`. `hand` moves the camera during
    and between exposures: turning it moves the picture by `scale_mm` (see `Glass`), shifting it by `scale_mm` over a
    layer's distance, `distance_m` where it has none. Noise is drawn anew for each `index` and `seed`. `crop` is (top,
    left, bottom, right), None for all. `quick` is for a viewfinder: the picture is moved less carefully (see
    `Sampling`), random numbers are used again.
    """

    exposure_s: float
    gain: float = 1.0
    start_s: float = 0.0
    hand: Hand | None = None
    scale_mm: float = 50.0
    distance_m: float = math.inf
    seed: int = 0
    index: int = 0
    temperature_c: float = REFERENCE_C
    crop: tuple[int, int, int, int] | None = None
    quick: bool = False

    def read(self, silicon: Silicon) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of what is read of a silicon."""
        return self.crop or (0, 0, silicon.height_px, silicon.width_px)

    def begins_s(self, silicon: Silicon) -> Floats:
        """(rows,): when each row that is read begins to gather light."""
        top, _, bottom, _ = self.read(silicon)
        return np.asarray(self.start_s + np.arange(bottom - top) * (silicon.line_us * 1e-6), np.float64)


def density(light: Light, silicon: Silicon) -> int:
    """How many values of light stand to a pixel along each side."""
    height = silicon.height_px + 2 * light.margin_px
    return max(1, light.layers[0].sides[0] // height)


def color_of(silicon: Silicon, row: int, column: int) -> int:
    """Which plane of the light, 0 R, 1 G, 2 B, the pixel at row and column counts; green where there is no filter."""
    cell = len(silicon.cfa)
    return "RGB".index(silicon.cfa[row % cell][column % cell]) if cell else 1
