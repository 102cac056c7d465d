"""What every scene is made of: planes, each with its spectra and the way to draw them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
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

Box = tuple[float, float, float, float]
"""An upright rectangle in mm: left, top, right, bottom."""


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
    draws 0..1 (as a plane of one spectrum), None for a plane that hides everything behind; outside of `box` it is 0.
    `distance_m` from the sensor, None where the lens is focused. `path` says where the plane is at a time in s, as
    (x_mm, y_mm) on the sensor; None stays.
    """

    radiance: Floats
    draw: Draw
    cover: Draw | None = None
    distance_m: float | None = None
    path: Callable[[float], tuple[float, float]] | None = None
    points: Points | None = None
    marks: tuple[Mark, ...] = ()
    box: Box | None = None


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


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle about `x`, `y`, turned clockwise by `turn` radians; all in mm but that."""

    x: float
    y: float
    half_width: float
    half_height: float
    turn: float = 0.0

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Upper left, upper right, lower right, lower left, before it was turned."""
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        around = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        across = [(a * self.half_width, b * self.half_height) for a, b in around]
        return tuple((self.x + a * cos - b * sin, self.y + a * sin + b * cos) for a, b in across)

    def share(self, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
        """How much of the squares around places lies inside."""
        u, v = x_mm - np.float32(self.x), y_mm - np.float32(self.y)
        if self.turn:
            cos, sin = np.float32(math.cos(self.turn)), np.float32(math.sin(self.turn))
            u, v = cos * u + sin * v, cos * v - sin * u
        across = within(np.float32(self.half_width) - np.abs(u), step_mm)
        return np.asarray(across * within(np.float32(self.half_height) - np.abs(v), step_mm))

    @property
    def box(self) -> Box:
        """The upright rectangle about it."""
        x, y = zip(*self.corners, strict=True)
        return min(x), min(y), max(x), max(y)


def touched(
    boxes: npt.ArrayLike, x_mm: Array, y_mm: Array, step_mm: float
) -> Iterator[tuple[int, tuple[slice, slice]]]:
    """Which of some upright `boxes` (n, left top right bottom) a window of places (C, h, w) may touch: the number of
    each, and the rows and columns that it can lie in."""
    left, top, right, bottom = np.asarray(boxes, np.float64).reshape(-1, 4).T
    across, down = _every_eighth(x_mm), _every_eighth(y_mm.transpose(0, 2, 1))
    spare = 2.0 * step_mm  # for what a row or column bends between the places that are looked at
    low_x, high_x, low_y, high_y = (
        across.min(0) - spare,
        across.max(0) + spare,
        down.min(0) - spare,
        down.max(0) + spare,
    )
    meets = (left <= high_x.max()) & (right >= low_x.min()) & (top <= high_y.max()) & (bottom >= low_y.min())
    for which in np.flatnonzero(meets):
        rows = np.flatnonzero((top[which] <= high_y) & (bottom[which] >= low_y))
        columns = np.flatnonzero((left[which] <= high_x) & (right[which] >= low_x))
        yield int(which), (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))


def _every_eighth(at: Array) -> Array:
    """(9 C, w): places (C, h, w) at nine rows from the first to the last."""
    return at[:, np.linspace(0, at.shape[1] - 1, 9).astype(np.intp)].reshape(-1, at.shape[2])


def paste(
    out: Array, shapes: Sequence[Rectangle], boxes: Floats, colors: Array, x_mm: Array, y_mm: Array, step_mm: float
) -> None:
    """Rectangles with their boxes, each over those before it and over what is drawn in `out` (C, h, w), in colours
    (n, C)."""
    for at, part in touched(boxes, x_mm, y_mm, step_mm):
        blend(out[:, *part], colors[at], shapes[at].share(x_mm[:, *part], y_mm[:, *part], step_mm))


def plain(color: Array, x_mm: Array, y_mm: Array) -> Array:
    """(C, h, w) of nothing but a colour (C,)."""
    out = np.empty((len(color), *np.broadcast_shapes(x_mm.shape, y_mm.shape)[1:]), np.float32)
    out[:] = color[:, None, None]
    return out


def blend(out: Array, color: Array, share: Array) -> None:
    """A colour (C,) over what is drawn in `out` (C, h, w), by `share` of it."""
    out += share * (color[:, None, None] - out)


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
    """(C, h, w) of a raster (1 or C, rows, columns) of square cells, averaged over squares of `step` cells.

    `u` and `v` (C, h, w) say where, right and down. Between two neighbours lies a ramp one step wide; beyond the
    raster is `outside` (1 or C,).
    """
    framed = np.pad(raster, ((0, 0), (1, 1), (1, 1)), constant_values=0.0)
    for edge in (np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]):
        framed[edge] = outside[:, None]
    rows, columns = framed.shape[1:]
    u, v = np.clip(u, np.float32(-1.0), np.float32(columns - 1.5)), np.clip(v, np.float32(-1.0), np.float32(rows - 1.5))
    here = ((np.floor(v) + np.float32(1.0)) * columns + (np.floor(u) + np.float32(1.0))).astype(np.intp)
    between = (np.abs(u - np.rint(u)) < 0.5 * step) | (np.abs(v - np.rint(v)) < 0.5 * step)
    out = np.empty(u.shape, np.float32)
    for channel, seen in enumerate(out):
        flat = framed[min(channel, len(framed) - 1)].ravel()
        flat.take(here[channel], out=seen, mode="clip")
        down, across = between[channel].nonzero()
        left, right = _neighbours(u[channel, down, across] + np.float32(0.5), step, columns)
        above, below = _neighbours(v[channel, down, across] + np.float32(0.5), step, rows)
        start = (above * columns + left).astype(np.intp)
        one, next_one, two, next_two = (flat.take(start + more) for more in (0, 1, columns, columns + 1))
        one += right * (next_one - one)
        two += right * (next_two - two)
        seen[down, across] = one + below * (two - one)
    return out


def _neighbours(at: Array, step: float, count: int) -> tuple[Array, Array]:
    """The cell whose middle lies before each place, and how much of a square there lies in the next one."""
    first = np.clip(np.floor(at), np.float32(0.0), np.float32(count - 2))
    return first, within(at - first - np.float32(0.5), step)
