"""Flat charts that are drawn by formula: every edge area-averaged, every place known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anylens.refusal import Refusal
from anylens.twin.scenes.plane import (
    LUX,
    Array,
    Field,
    Floats,
    Mark,
    Plane,
    Rectangle,
    along,
    cells,
    choice,
    grey,
    lit,
    mixed,
    option,
    paste,
    plain,
    touched,
    turned,
    upright,
    within,
)
from anylens.twin.spectra import Flicker, Source, colorchecker, rec2020


def _ground(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:  # noqa: ARG001 (a face for all)
    return plain(colors[0], x_mm, y_mm)


@dataclass(frozen=True, slots=True)
class WhiteWall:
    """An evenly lit matt wall, the same everywhere.

    `reflectance` 0..1 of every wavelength, `lux` on it.
    """

    lux: float = option(1000.0, *LUX)
    reflectance: float = option(0.9, 0.0, 1.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        return (Plane(lit(grey(self.reflectance), source, self.lux), _ground),)


@dataclass(frozen=True, slots=True)
class SlantedEdges:
    """Dark squares on a light ground all over the field, each turned a little, for measuring sharpness at their edges.

    `angle_deg` by which they are turned, `contrast` light to dark, `reflectance` of the light ground, `columns` of
    squares across the picture (rows follow), `filled` of a square in parts of the distance between two; `radial` turns
    each square towards the middle, so that its edges lie along and across the field's radius.
    """

    lux: float = option(1000.0, *LUX)
    angle_deg: float = option(5.0, -45.0, 45.0)
    contrast: float = option(4.0, 1.0, 1000.0)
    reflectance: float = option(0.8, 0.001, 1.0)
    columns: int = option(9, 1, 64)
    filled: float = option(0.5, 0.05, 0.95)
    radial: bool = False

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        gap = field.width_mm / self.columns
        across = _spread_out(field.width_mm, gap)
        down = _spread_out(field.height_mm, gap)
        half = 0.5 * self.filled * gap
        squares = {
            f"square {row + 1}.{column + 1}": Rectangle(x, y, half, half, self._turn(x, y))
            for row, y in enumerate(down)
            for column, x in enumerate(across)
        }
        shapes = tuple(squares.values())
        boxes = np.array([square.box for square in shapes])

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            out = plain(colors[0], x_mm, y_mm)
            dark = np.broadcast_to(colors[1], (len(shapes), len(colors[1])))
            paste(out, shapes, boxes, dark, x_mm, y_mm, step_mm)
            return out

        marks = tuple(Mark("square", name, square.corners) for name, square in squares.items())
        surfaces = grey(self.reflectance, self.reflectance / self.contrast)
        return (Plane(lit(surfaces, source, self.lux), draw, marks=marks),)

    def _turn(self, x_mm: float, y_mm: float) -> float:
        toward = math.atan2(y_mm, x_mm) if self.radial and math.hypot(x_mm, y_mm) > 1e-9 else 0.0
        return toward + math.radians(self.angle_deg)


def _spread_out(length_mm: float, gap_mm: float) -> tuple[float, ...]:
    """Places `gap_mm` apart, symmetric, as many as lie wholly within a length."""
    count = max(1, int(length_mm / gap_mm + 1e-6))
    return tuple(float(gap_mm * (at - (count - 1) / 2)) for at in range(count))


@dataclass(frozen=True, slots=True)
class FlickerLight:
    """A matt white wall under a lamp on alternating current: a rolling shutter draws bands on it.

    `frequency_hz` is the lamp's own (twice the mains'), `depth` 0..1 how far it goes up and down about its mean.
    """

    lux: float = option(1000.0, *LUX)
    reflectance: float = option(0.9, 0.0, 1.0)
    frequency_hz: float = option(100.0, 0.1, 1e5)
    depth: float = option(0.4, 0.0, 1.0)

    @property
    def flicker(self) -> Flicker:
        """The lamp's, whatever its colour."""
        return Flicker(self.frequency_hz, self.depth)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:
        return WhiteWall(self.lux, self.reflectance).planes(field, source, seed)


@dataclass(frozen=True, slots=True)
class SiemensStar:
    """Spokes that grow finer towards the middle, one star or many, down to one cycle a pixel.

    `cycles` of light and dark around each, `columns` of stars across the picture, `contrast` light to dark; spokes are
    sines as in ISO 12233, or hard with `sine` no.
    """

    lux: float = option(1000.0, *LUX)
    cycles: int = option(144, 4, 1024)
    columns: int = option(1, 1, 16)
    contrast: float = option(8.0, 1.01, 1000.0)
    reflectance: float = option(0.8, 0.001, 1.0)
    sine: bool = True

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        gap = field.width_mm / self.columns
        places = [(x, y) for y in _spread_out(field.height_mm, gap) for x in _spread_out(field.width_mm, gap)]
        outer = 0.46 * min(gap, field.height_mm)
        inner = max(self.cycles / (2.0 * math.pi) * field.pitch_um * 1e-3, 0.01 * outer)
        boxes = np.array([Rectangle(x, y, outer, outer).box for x, y in places])

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            dark = np.zeros(np.broadcast_shapes(x_mm.shape, y_mm.shape), np.float32)
            for at, part in touched(boxes, x_mm, y_mm, step_mm):
                x, y = places[at]
                u, v = x_mm[:, *part] - np.float32(x), y_mm[:, *part] - np.float32(y)
                dark[:, *part] += self._spokes(u, v, step_mm, inner, outer)
            return mixed(dark, colors[0], colors[1])

        marks = tuple(
            Mark("star", f"star {at + 1}", ((x, y),), {"inner_mm": inner, "outer_mm": outer, "cycles": self.cycles})
            for at, (x, y) in enumerate(places)
        )
        surfaces = grey(self.reflectance, self.reflectance / self.contrast)
        return (Plane(lit(surfaces, source, self.lux), draw, marks=marks),)

    def _spokes(self, u: Array, v: Array, step_mm: float, inner: float, outer: float) -> Array:
        radius = np.sqrt(u * u + v * v)
        phase = np.arctan2(v, u) * np.float32(self.cycles)
        clear = np.maximum(radius, np.float32(0.5 * inner))
        if self.sine:
            fading = np.sinc(np.float32(self.cycles * step_mm / (2.0 * math.pi)) / clear)
            dark = np.asarray(np.float32(0.5) - np.float32(0.5) * fading * np.cos(phase), np.float32)
        else:
            turn = np.abs(np.mod(phase / np.float32(math.pi) + 0.5, 2.0) - 1.0) - np.float32(0.5)
            dark = within(turn * clear * np.float32(math.pi / self.cycles), step_mm)
        ring = within(np.float32(outer) - radius, step_mm)
        return np.asarray(ring * (0.5 + (dark - 0.5) * within(radius - np.float32(inner), step_mm)), np.float32)


@dataclass(frozen=True, slots=True)
class ColorChecker:
    """The 24 measured patches of a ColorChecker in their black frame, before a grey wall.

    `width` of the chart in parts of the picture's, `turn_deg` by which it is turned, `wall` the wall's reflectance.
    """

    lux: float = option(1000.0, *LUX)
    width: float = option(0.8, 0.05, 1.0)
    turn_deg: float = option(0.0, -180.0, 180.0)
    wall: float = option(0.18, 0.0, 1.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        cell = min(self.width * field.width_mm / 6.2, 0.98 * self.width * field.height_mm / 4.2)
        turn = math.radians(self.turn_deg)
        cos, sin = cell * math.cos(turn), cell * math.sin(turn)
        patches = list(colorchecker().items())
        radiance = lit(np.vstack([grey(self.wall, 0.03), *(row for _, row in patches)]), source, self.lux)
        middles = [(at % 6 - 2.5, at // 6 - 1.5) for at in range(24)]
        squares = [Rectangle(a * cos - b * sin, a * sin + b * cos, 0.44 * cell, 0.44 * cell, turn) for a, b in middles]
        # Along the chart's own sides all stand upright, the board first.
        boxes = cell * np.array(
            [(-3.1, -2.1, 3.1, 2.1), *((a - 0.44, b - 0.44, a + 0.44, b + 0.44) for a, b in middles)]
        )

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            out = plain(colors[0], x_mm, y_mm)
            upright(out, boxes, colors[1:], *along(turn, x_mm, y_mm), step_mm)
            return out

        seen = rec2020(radiance, source, self.lux)
        marks = []
        for at, ((name, _), square) in enumerate(zip(patches, squares, strict=True)):
            color = [round(float(each), 6) for each in seen[at + 2]]
            marks.append(Mark("patch", name, square.corners, {"rec2020": color}))
        return (Plane(radiance, draw, marks=tuple(marks)),)


@dataclass(frozen=True, slots=True)
class DistortionGrid:
    """A grid of dots, or of lines, whose places are all known.

    `columns` of dots or lines across the picture, `style` dots or lines, `filled` of a dot or line in parts of the gap.
    """

    lux: float = option(1000.0, *LUX)
    columns: int = option(25, 3, 200)
    style: str = choice("dots", "lines")
    filled: float = option(0.3, 0.02, 0.9)
    reflectance: float = option(0.85, 0.001, 1.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        gap = field.width_mm / self.columns
        across, down = _spread_out(field.width_mm, gap), _spread_out(field.height_mm, gap)
        half = 0.5 * self.filled * gap * (1.0 if self.style == "dots" else 0.25)

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            u = x_mm - np.clip(np.rint((x_mm - across[0]) / gap), 0, len(across) - 1) * np.float32(gap) - across[0]
            v = y_mm - np.clip(np.rint((y_mm - down[0]) / gap), 0, len(down) - 1) * np.float32(gap) - down[0]
            if self.style == "dots":
                dark = within(np.float32(half) - np.sqrt(u * u + v * v), step_mm)
            else:
                dark = within(np.float32(half) - np.minimum(np.abs(u), np.abs(v)), step_mm)
            return mixed(dark.astype(np.float32), colors[0], colors[1])

        marks = tuple(
            Mark("crossing", f"{row + 1}.{column + 1}", ((x, y),))
            for row, y in enumerate(down)
            for column, x in enumerate(across)
        )
        return (Plane(lit(grey(self.reflectance, 0.04), source, self.lux), draw, marks=marks),)


@dataclass(frozen=True, slots=True)
class CharucoGrid:
    """A ChArUco board, OpenCV's dictionary DICT_4X4_1000: chessboard corners that say which they are.

    `squares_x` by `squares_y` squares; a marker is three quarters of its square. The board fills the picture, or is
    `zoom` times as large; it stands turned by `turn_right` and `turn_down` degrees, its right and lower side going
    away, and by `roll` clockwise, its middle `across` and `below` the picture's in parts of the picture's width and
    height. It is sharp all over.
    """

    lux: float = option(1000.0, *LUX)
    squares_x: int = option(20, 3, 60)
    squares_y: int = option(15, 3, 45)
    reflectance: float = option(0.85, 0.001, 1.0)
    zoom: float = option(1.0, 0.05, 20.0)
    turn_right: float = option(0.0, -70.0, 70.0)
    turn_down: float = option(0.0, -70.0, 70.0)
    roll: float = option(0.0, -180.0, 180.0)
    across: float = option(0.0, -2.0, 2.0)
    below: float = option(0.0, -2.0, 2.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        import cv2

        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_1000)
        board = cv2.aruco.CharucoBoard((self.squares_x, self.squares_y), 8.0, 6.0, dictionary)
        bits = board.generateImage((self.squares_x * 8, self.squares_y * 8), marginSize=0, borderBits=1)
        dark = np.asarray(bits < 128, np.float32)
        square = 0.96 * self.zoom * min(field.width_mm / self.squares_x, field.height_mm / self.squares_y)
        seen = self._pose(field) @ np.diag([square / 8.0, square / 8.0, 1.0])
        seen[:, 2] -= 4.0 * (self.squares_x * seen[:, 0] + self.squares_y * seen[:, 1])
        corners = [seen[2] @ (8.0 * x, 8.0 * y, 1.0) for x in (0, self.squares_x) for y in (0, self.squares_y)]
        if min(corners) < 0.05:
            raise Refusal("A board of this zoom, turned that far, reaches behind the camera; turn it less.")
        back = np.linalg.inv(seen)
        back /= back[2, 2]
        widens = abs(float(np.linalg.det(back)))

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            u, v, near = turned(back, x_mm, y_mm)
            # Cells a millimetre holds here, along a side: the root of how much the map widens.
            here = float(np.broadcast_to(near, u.shape)[0, u.shape[1] // 2, u.shape[2] // 2])
            share = cells(dark, u, v, step_mm * math.sqrt(widens * abs(here) ** 3))
            return mixed(share, colors[0], colors[1])

        marks = []
        for row in range(1, self.squares_y):
            for column in range(1, self.squares_x):
                x, y, away = seen @ (8.0 * column, 8.0 * row, 1.0)
                name = str((row - 1) * (self.squares_x - 1) + column - 1)
                marks.append(Mark("corner", name, ((float(x / away), float(y / away)),)))
        return (Plane(lit(grey(self.reflectance, 0.04), source, self.lux), draw, marks=tuple(marks)),)

    def _pose(self, field: Field) -> Floats:
        """(3, 3): from mm on the board, (0, 0) its middle, to mm of the picture, as large there as square on."""
        right, down, roll = (math.radians(each) for each in (self.turn_right, self.turn_down, self.roll))
        about_y = np.array(
            [[math.cos(right), 0.0, -math.sin(right)], [0.0, 1.0, 0.0], [math.sin(right), 0.0, math.cos(right)]]
        )
        about_x = np.array(
            [[1.0, 0.0, 0.0], [0.0, math.cos(down), -math.sin(down)], [0.0, math.sin(down), math.cos(down)]]
        )
        about_z = np.array(
            [[math.cos(roll), -math.sin(roll), 0.0], [math.sin(roll), math.cos(roll), 0.0], [0.0, 0.0, 1.0]]
        )
        pose = about_y @ about_x @ about_z
        pose[:, 2] = self.across * field.width_mm, self.below * field.height_mm, field.scale_mm
        pose[2] /= field.scale_mm
        return np.asarray(pose)


@dataclass(frozen=True, slots=True)
class NoiseSteps:
    """Even grey patches in equal steps of light, bright to dark, before a mid-grey ground: for measuring noise.

    `patches` of them over `stops` in all; more than 6 stops are a lit transparency, no print reaches so deep.
    """

    lux: float = option(1000.0, *LUX)
    patches: int = option(20, 2, 60)
    stops: float = option(6.0, 0.1, 20.0)
    reflectance: float = option(0.9, 0.001, 1.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        columns = max(1, round(math.sqrt(self.patches * field.width_mm / field.height_mm)))
        rows = math.ceil(self.patches / columns)
        cell = min(field.width_mm / columns, field.height_mm / rows)
        left, top = -0.5 * columns * cell, -0.5 * rows * cell
        levels = self.reflectance * 2.0 ** -np.linspace(0.0, self.stops, self.patches)

        places = [
            Rectangle(left + (at % columns + 0.5) * cell, top + (at // columns + 0.5) * cell, 0.42 * cell, 0.42 * cell)
            for at in range(self.patches)
        ]
        boxes = np.array([place.box for place in places])

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            out = plain(colors[0], x_mm, y_mm)
            upright(out, boxes, colors[1:], x_mm, y_mm, step_mm)
            return out

        marks = [
            Mark("patch", f"step {at + 1}", place.corners, {"reflectance": float(level)})
            for at, (place, level) in enumerate(zip(places, levels, strict=True))
        ]
        ground = self.reflectance * 2.0 ** (-0.5 * min(self.stops, 5.0))
        return (Plane(lit(grey(ground, *levels), source, self.lux), draw, marks=tuple(marks)),)
