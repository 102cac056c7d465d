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
        u, v = along(self.turn, u, v)
        across = within(np.float32(self.half_width) - np.abs(u), step_mm)
        return np.asarray(across * within(np.float32(self.half_height) - np.abs(v), step_mm))

    @property
    def box(self) -> Box:
        """The upright rectangle about it."""
        x, y = zip(*self.corners, strict=True)
        return min(x), min(y), max(x), max(y)


def along(turn: float, x: Array, y: Array) -> tuple[Array, Array]:
    """Places in axes that are turned clockwise by `turn` radians."""
    if not turn:
        return x, y
    cos, sin = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    return cos * x + sin * y, cos * y - sin * x


Part = tuple[slice, slice]
"""Rows and columns."""


def touched(boxes: npt.ArrayLike, x_mm: Array, y_mm: Array, step_mm: float) -> Iterator[tuple[int, Part]]:
    """Which of some upright `boxes` (n, left top right bottom) a window of places (C, h, w) may touch: the number of
    each, and the rows and columns that it can lie in."""
    for which, part, _ in _met(boxes, x_mm, y_mm, step_mm):
        yield which, part


def _met(boxes: npt.ArrayLike, x_mm: Array, y_mm: Array, step_mm: float) -> Iterator[tuple[int, Part, Part]]:
    """The same, and of those rows and columns the ones that lie wholly inside of a box."""
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
        a, b, c, d = left[which], top[which], right[which], bottom[which]
        met = _run((b <= high_y) & (d >= low_y)), _run((a <= high_x) & (c >= low_x))
        yield int(which), met, (_run((b <= low_y) & (d >= high_y)), _run((a <= low_x) & (c >= high_x)))


def _run(which: npt.NDArray[np.bool_]) -> slice:
    """From the first to the last of those that are chosen."""
    at = np.flatnonzero(which)
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0)


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


def upright(out: Array, boxes: Floats, colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> None:
    """Upright boxes (n, left top right bottom), each over those before it and over what is drawn in `out` (C, h, w), in
    colours (n, C)."""
    for at, (rows, columns), (down, across) in _met(boxes, x_mm, y_mm, step_mm):
        color = colors[at]
        left, top, right, bottom = boxes[at].astype(np.float32)
        parts = [(rows, columns)]
        if out[0, down, across].size:  # is inside, and its rim lies above, below, left and right of it
            out[:, down, across] = color[:, None, None]
            beside = [slice(columns.start, across.start), slice(across.stop, columns.stop)]
            parts = [(slice(rows.start, down.start), columns), (slice(down.stop, rows.stop), columns)]
            parts += [(down, each) for each in beside]
        for part in parts:
            x, y = x_mm[:, *part], y_mm[:, *part]
            if x.size:
                share = within(np.minimum(x - left, right - x), step_mm)
                share *= within(np.minimum(y - top, bottom - y), step_mm)
                blend(out[:, *part], color, share)


def turned(matrix: npt.NDArray[np.floating[Any]], x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Where places lie on a plane before which the camera is turned, and 1 / how far away: those of (3, 3) `matrix`
    times (x, y, 1), the first two over the third, which is 1e-3 at least: less lies beyond the horizon."""
    u, v, away = (
        sum((np.float32(factor) * at for factor, at in zip(row, (x, y), strict=False) if factor), np.float32(row[2]))
        for row in matrix
    )
    near = 1.0 / np.maximum(away, np.float32(1e-3))
    return np.asarray(u * near), np.asarray(v * near), np.asarray(near)


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


def cells(raster: Array, u: Array, v: Array, step: float) -> Array:
    """(C, h, w) of a raster (rows, columns) of square cells, averaged over squares of `step` cells; 0 beyond it.

    `u` and `v` (C, h, w) say where, right and down. Between two neighbours lies a ramp one step wide.
    """
    import cv2

    framed = np.pad(raster, 1)
    rows, columns = framed.shape
    out = np.empty(u.shape, np.float32)
    for right, down, seen in zip(u, v, out, strict=True):
        # What is sought lies half a cell before a middle that is counted from the frame's.
        half = np.float32(0.5)
        cv2.remap(framed, right + half, down + half, cv2.INTER_NEAREST, seen, cv2.BORDER_REPLICATE)
        between = np.flatnonzero(np.minimum(_from_whole(right), _from_whole(down)) < 0.5 * step)
        left, across = _neighbours(right.ravel()[between] + half, step, columns)
        above, below = _neighbours(down.ravel()[between] + half, step, rows)
        start = (above * columns + left).astype(np.intp)
        one, next_one, two, next_two = (framed.ravel().take(start + more) for more in (0, 1, columns, columns + 1))
        one += across * (next_one - one)
        two += across * (next_two - two)
        seen.reshape(-1)[between] = one + below * (two - one)
    return out


def _from_whole(at: Array) -> Array:
    """How far numbers are from the nearest whole one."""
    away = np.rint(at)
    np.subtract(at, away, out=away)
    return np.abs(away, out=away)


def _neighbours(at: Array, step: float, count: int) -> tuple[Array, Array]:
    """The cell whose middle lies before each place, and how much of a square there lies in the next one."""
    first = np.clip(np.floor(at), np.float32(0.0), np.float32(count - 2))
    return first, within(at - first - np.float32(0.5), step)
