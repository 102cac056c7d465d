"""Views with depth, motion or a great range of light, drawn from simple shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from anylens.twin.scenes.charts import ColorChecker
from anylens.twin.scenes.leaves import Once, leaves, smooth_surfaces
from anylens.twin.scenes.plane import (
    LUX,
    Array,
    Field,
    Mark,
    Plane,
    Rectangle,
    along,
    blend,
    grey,
    lit,
    mixed,
    option,
    plain,
    touched,
    upright,
    within,
)
from anylens.twin.spectra import Source, thermal


@dataclass(frozen=True, slots=True)
class Depth:
    """A colour chart where the lens is focused, lamps and leaves far behind it, a fence near before it.

    `far_m` and `near_m` from the sensor; lamps are `lamp` times as bright as a white surface.
    """

    lux: float = option(1000.0, *LUX)
    far_m: float = option(12.0, 0.2, 1e6)
    near_m: float = option(1.0, 0.2, 1e6)
    lamp: float = option(30.0, 1.0, 10000.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:
        return (self._far(field, source, seed), self._subject(field, source, seed), self._near(field, source))

    def _far(self, field: Field, source: Source, seed: int) -> Plane:
        surfaces = np.vstack([grey(0.1), 0.6 * smooth_surfaces(254, seed, 0.6)])
        warm = thermal(2700.0)
        warm = warm * (source.power.sum() / warm.sum())
        radiance = np.vstack([lit(surfaces, source, self.lux), self.lamp * warm[None] * (self.lux / math.pi)])
        ground = Once(lambda: leaves(field, 0.25, 12.0, 255, seed))
        rng = np.random.default_rng((seed, 0x1A3))
        lamps = (rng.random((24, 2)) - 0.5) * (field.width_mm, 0.8 * field.height_mm)
        radius = 0.006 * field.height_mm
        boxes = np.array([Rectangle(x, y, radius, radius).box for x, y in lamps])

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            out = ground.draw(colors, x_mm, y_mm, step_mm)
            for at, part in touched(boxes, x_mm, y_mm, step_mm):
                x, y = lamps[at]
                u, v = x_mm[:, *part] - np.float32(x), y_mm[:, *part] - np.float32(y)
                away = np.sqrt(u * u + v * v)
                blend(out[:, *part], colors[-1], within(np.float32(radius) - away, step_mm))
            return out

        marks = tuple(Mark("lamp", str(at), ((float(x), float(y)),)) for at, (x, y) in enumerate(lamps))
        return Plane(radiance, draw, distance_m=self.far_m, marks=marks)

    def _subject(self, field: Field, source: Source, seed: int) -> Plane:
        (chart,) = ColorChecker(self.lux, 0.5, 7.0).planes(field, source, seed)
        cell = min(0.5 * field.width_mm / 6.2, 0.49 * field.height_mm / 4.2)
        board = Rectangle(0.0, 0.0, 3.1 * cell, 2.1 * cell, math.radians(7.0))
        whole = replace(board, turn=0.0).box

        def cover(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            out = plain(np.zeros_like(colors[0]), x_mm, y_mm)
            upright(out, np.array([whole]), colors, *along(board.turn, x_mm, y_mm), step_mm)
            return out

        return Plane(chart.radiance, chart.draw, cover, marks=chart.marks, box=board.box)

    def _near(self, field: Field, source: Source) -> Plane:
        bars = [(0.42 * field.width_mm, 0.03 * field.width_mm), (-0.46 * field.width_mm, 0.02 * field.width_mm)]

        def cover(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            lean = x_mm - np.float32(0.06) * y_mm
            share = sum(within(np.float32(half) - np.abs(lean - np.float32(x)), step_mm) for x, half in bars)
            return np.asarray(share * colors[0][:, None, None], np.float32)

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:  # noqa: ARG001 (a face for all)
            grain = np.float32(0.5) + np.float32(0.5) * np.sin(y_mm * np.float32(40.0 / field.height_mm))
            grain = np.broadcast_to(grain, (colors.shape[1], *np.broadcast_shapes(x_mm.shape, y_mm.shape)[1:]))
            return mixed(grain, colors[0], colors[1])

        return Plane(lit(grey(0.08, 0.45), source, self.lux), draw, cover, distance_m=self.near_m)


@dataclass(frozen=True, slots=True)
class Moving:
    """A patterned disc that moves across a still wall of leaves.

    `speed` and `sink` in picture widths a second to the right and downwards, `radius` in picture heights; at time 0 it
    is `start` picture widths right of the middle.
    """

    lux: float = option(1000.0, *LUX)
    speed: float = option(0.25, -1000.0, 1000.0)
    sink: float = option(0.0, -1000.0, 1000.0)
    radius: float = option(0.15, 0.01, 0.5)
    start: float = option(0.0, -0.5, 0.5)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:
        surfaces = np.vstack([grey(0.2), smooth_surfaces(255, seed, 0.3)])
        wall = Once(lambda: leaves(field, 0.15, 1.5, 256, seed))
        radius, middle = self.radius * field.height_mm, self.start * field.width_mm
        gap = radius / 4.0

        def cover(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            x = x_mm - np.float32(middle)
            share = within(np.float32(radius) - np.sqrt(x * x + y_mm * y_mm), step_mm)
            return np.asarray(share * colors[0][:, None, None])

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            u, v = (each - np.rint(each / np.float32(gap)) * np.float32(gap) for each in (x_mm - middle, y_mm))
            spot = within(np.float32(0.3 * gap) - np.sqrt(u * u + v * v), step_mm)
            return mixed(spot, colors[0], colors[1])

        def path(time_s: float) -> tuple[float, float]:
            return self.speed * field.width_mm * time_s, self.sink * field.width_mm * time_s

        disc = Plane(
            lit(grey(0.7, 0.06), source, self.lux),
            draw,
            cover,
            path=path,
            marks=(Mark("disc", "moving disc", ((middle, 0.0),), {"radius_mm": radius}),),
            box=Rectangle(middle, 0.0, radius, radius).box,
        )
        return (Plane(lit(surfaces, source, self.lux), wall.draw), disc)


@dataclass(frozen=True, slots=True)
class Backlit:
    """A dim room with a bright window and fourteen stops between them: squares one stop apart, and an open door.

    `stops` from the sky in the window down to the dark of the door; `lux` is what the sky's luminance would need on
    white.
    """

    lux: float = option(10000.0, *LUX)
    stops: float = option(14.0, 1.0, 20.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        w, h = field.width_mm, field.height_mm
        count = math.floor(self.stops) + 1
        levels = [2.0 ** (-self.stops * 0.62), 2.0 ** (-self.stops * 0.8), 1.0, 0.5, 2.0**-self.stops]
        steps = [2.0 ** -(self.stops * at / (count - 1)) for at in range(count)]
        radiance = lit(grey(*levels, *steps), source, self.lux)
        window, door = (
            Rectangle(-0.22 * w, -0.12 * h, 0.2 * w, 0.28 * h),
            Rectangle(0.3 * w, -0.05 * h, 0.12 * w, 0.35 * h),
        )
        bars = [
            Rectangle(-0.22 * w, -0.12 * h, 0.008 * w, 0.28 * h),
            Rectangle(-0.22 * w, -0.12 * h, 0.2 * w, 0.008 * w),
        ]
        side = 0.4 * w / count
        squares = [Rectangle((at - 0.5 * (count - 1)) * 0.9 * w / count, 0.41 * h, side, side) for at in range(count)]
        left, _, right, bottom = window.box
        floor, hills = (-math.inf, 0.33 * h, math.inf, math.inf), (left, 0.0, right, bottom)
        before, behind = [floor, window.box], [each.box for each in (*bars, door, *squares)]

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:
            out = plain(colors[0], x_mm, y_mm)
            upright(out, np.array(before), colors[1:3], x_mm, y_mm, step_mm)
            for _, part in touched(hills, x_mm, y_mm, step_mm):
                x, y = x_mm[:, *part], y_mm[:, *part]
                above = np.float32(0.02 * h) + np.float32(0.02 * h) * np.sin(x * np.float32(12.0 / w))
                blend(out[:, *part], colors[3], window.share(x, y, step_mm) * within(y - above, step_mm))
            upright(out, np.array(behind), colors[[1, 1, *range(4, len(colors))]], x_mm, y_mm, step_mm)
            return out

        marks = [
            Mark("patch", f"{-math.log2(step):.1f} stops below the sky", square.corners, {"light": step})
            for step, square in zip(steps, squares, strict=True)
        ]
        marks += [
            Mark("patch", "sky", window.corners, {"light": 1.0}),
            Mark("patch", "door", door.corners, {"light": 2.0**-self.stops}),
        ]
        return (Plane(radiance, draw, marks=tuple(marks)),)
