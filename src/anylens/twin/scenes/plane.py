"""What every scene is made of: planes, each with its spectra and the way to draw them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from anylens.twin.spectra import Source

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

Draw = Callable[[Array, Array, Array, float], Array]
"""(colors (P, C), x_mm (C, h, w), y_mm (C, h, w), step_mm) -> (C, h, w): the plane's P spectra, each seen as C colours,
averaged over squares of `step_mm` around the places; channel c at its own places."""


@dataclass(frozen=True, slots=True)
class Field:
    """What the scene has to fill: the sensor's size, its pixel, and how far behind a pinhole it would lie."""

    width_mm: float
    height_mm: float
    pitch_um: float
    scale_mm: float = 50.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A thing of the scene whose place is known: `ideal_mm` are its points (n, 2), `values` what else is known."""

    kind: str
    name: str
    ideal_mm: tuple[tuple[float, float], ...]
    values: dict[str, float | str | list[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points without extent: `places_mm` (n, 2), and their spectral irradiance at the lens (n, 33) in W/m2/nm."""

    places_mm: Floats
    irradiance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One plane of a scene, at one distance.

    `radiance` (P, 33) in W/m2/sr/nm: row 0 is the ground, what the plane shows where nothing is drawn on it. `cover`
    draws 0..1 (as a plane of one spectrum), None for a plane that hides everything behind. `distance_m` from the
    sensor, None where the lens is focused. `path` says where the plane is at a time in s, as (x_mm, y_mm) on the
    sensor; None stays.
    """

    radiance: Floats
    draw: Draw
    cover: Draw | None = None
    distance_m: float | None = None
    path: Callable[[float], tuple[float, float]] | None = None
    points: Points | None = None
    marks: tuple[Mark, ...] = ()


class Scene(Protocol):
    """Something to photograph: a frozen record of its options; its docstring's first sentence says what it is."""

    @property
    def lux(self) -> float:
        """The illuminance that falls on it."""
        ...

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:
        """Its planes from the farthest to the nearest, lit by `source`."""
        ...


LUX = (1e-4, 2e5)


def option(default: float, least: float, most: float) -> Any:
    """A scene's option that is a number between `least` and `most`."""
    return dataclasses.field(default=default, metadata={"range": (least, most)})


def choice(*names: str) -> Any:
    """A scene's option that is one of these names, the first unless said otherwise."""
    return dataclasses.field(default=names[0], metadata={"choices": names})


def lit(reflectance: npt.ArrayLike, source: Source, lux: float) -> Floats:
    """Spectral radiance of matt surfaces, W/m2/sr/nm, the shape of `reflectance` (..., 33) kept."""
    radiance: Floats = np.asarray(reflectance, np.float64) * source.power * (lux / np.pi)
    return radiance


def grey(*reflectances: float) -> Floats:
    """(n, 33): surfaces that reflect every wavelength alike."""
    return np.repeat(np.asarray(reflectances, np.float64)[:, None], 33, axis=1)


def within(distance_mm: Array, step_mm: float) -> Array:
    """How much of a square of `step_mm` lies inside an edge, by the distance of its middle, positive inside.

    A ramp one step wide: it has the second moment of the square's exact profile at every angle of the edge.
    """
    return np.asarray(np.clip(distance_mm * np.float32(1.0 / step_mm) + np.float32(0.5), 0.0, 1.0))


def colored(labels: npt.NDArray[np.uint8], color: Array) -> Array:
    """(h, w): what `color` (at most 256,) says of each label."""
    import cv2

    table = np.zeros(256, np.float32)
    table[: len(color)] = color
    return np.asarray(cv2.LUT(labels, table), np.float32)


def mixed(share: Array, ground: Array, figure: Array) -> Array:
    """(C, h, w): `figure` (C,) over `ground` (C,) by `share` (C, h, w) of it."""
    return ground[:, None, None] + share * (figure - ground)[:, None, None]


def cells(raster: Array, u: Array, v: Array, step: float, outside: Array) -> Array:
    """(C, h, w) of a raster (C, rows, columns) of square cells, averaged over squares of `step` cells at u (right), v.

    Between two neighbours lies a ramp one step wide; beyond the raster is `outside` (C,).
    """
    framed = np.pad(raster, ((0, 0), (1, 1), (1, 1)), constant_values=0.0)
    for edge in (np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]):
        framed[edge] = outside[:, None]
    rows, columns = framed.shape[1:]
    left, right = _neighbours(u + np.float32(0.5), step, columns)
    above, below = _neighbours(v + np.float32(0.5), step, rows)
    flat = framed.reshape(len(framed), -1)
    channel = np.arange(len(framed))[:, None, None]
    start = above * columns + left
    one = flat[channel, start]
    one = one + right * (flat[channel, start + 1] - one)
    two = flat[channel, start + columns]
    two = two + right * (flat[channel, start + columns + 1] - two)
    return np.asarray(one + below * (two - one))


def _neighbours(at: Array, step: float, count: int) -> tuple[npt.NDArray[np.int32], Array]:
    """The cell whose middle lies before each place, and how much of a square there lies in the next one."""
    first = np.clip(np.floor(at), 0, count - 2).astype(np.int32)
    return first, within(at - first - np.float32(0.5), step)
