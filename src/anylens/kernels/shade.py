"""Lens shading: each site of the colour filter times a gain map, bilinear between its points (DNG 1.7, GainMap)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

SIGNATURE = Signature(
    inputs=(
        Image("mosaic", "float32", 2),
        Image("gains", "float32", 3),
        Image("place", "float32", 1),
        Scalar("points_x", "int32"),
        Scalar("points_y", "int32"),
    ),
    outputs=(Image("shaded", "float32", 2),),
)


class Stages(Parts):
    widened: Any
    shaded: Any


def widened(gains: Any, place: Any, points_x: Any, column: Any) -> Any:
    """(x, row of the map, y % 2): the map's rows at every pixel column; `column` says where column x is looked up."""
    import halide as hl

    x, row, odd = hl.Var("x"), hl.Var("row"), hl.Var("odd")
    left, part = _cell(hl.cast(hl.Float(32), column(x)) * place[0] + place[1], points_x)
    right, site = hl.min(left + 1, points_x - 1), x % 2 + 2 * hl.clamp(odd, 0, 1)
    wide = hl.Func("widened")
    wide[x, row, odd] = gains[left, row, site] + part * (gains[right, row, site] - gains[left, row, site])
    return wide


def gain_at(wide: Any, place: Any, points_y: Any, x: Any, y: Any, row: Any) -> Any:
    """The gain at pixel (x, y), between the rows of the widened map; `row` is where y is looked up."""
    import halide as hl

    top, part = _cell(hl.cast(hl.Float(32), row) * place[2] + place[3], points_y)
    bottom, odd = hl.min(top + 1, points_y - 1), y % 2
    return wide[x, top, odd] + part * (wide[x, bottom, odd] - wide[x, top, odd])


def _cell(position: Any, points: Any) -> tuple[Any, Any]:
    """The point before a place in a map, and how far the place is on the way to the next."""
    import halide as hl

    held = hl.clamp(position, hl.f32(0.0), hl.cast(hl.Float(32), points - 1))
    first = hl.clamp(hl.cast(hl.Int(32), held), 0, hl.max(points - 2, 0))
    return first, held - hl.cast(hl.Float(32), first)


def algorithm(mosaic: Any, gains: Any, place: Any, points_x: Any, points_y: Any) -> Stages:
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    wide = widened(gains, place, points_x, lambda column: column)
    shaded = hl.Func("shaded")
    shaded[x, y] = mosaic[x, y] * gain_at(wide, place, points_y, x, y, y)
    return Stages(wide, shaded)


def schedule(stages: Stages, target: Any) -> None:
    """2.6 ms, 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    x, y = stages.shaded.args()
    width = target.natural_vector_size(hl.Float(32))
    stages.shaded.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 32, hl.TailStrategy.GuardWithIf)
    stages.widened.compute_root().vectorize(stages.widened.args()[0], width, hl.TailStrategy.GuardWithIf)


def reference(mosaic: Array, gains: Array, place: Array, points_x: int, points_y: int) -> Array:
    height, width = mosaic.shape

    def cell(count: int, scale: np.float32, shift: np.float32, points: int) -> tuple[Any, Any]:
        held = np.clip(np.arange(count, dtype=np.float32) * scale + shift, 0, points - 1)
        first = np.clip(held.astype(np.int32), 0, max(points - 2, 0))
        return first, (held - first).astype(np.float32)

    left, right_part = cell(width, place[0], place[1], points_x)
    top, bottom_part = cell(height, place[2], place[3], points_y)
    right, bottom = np.minimum(left + 1, points_x - 1), np.minimum(top + 1, points_y - 1)
    site = np.arange(width)[None, :] % 2 + 2 * (np.arange(height)[:, None] % 2)

    def at(rows: Any, columns: Any) -> Array:
        found: Array = gains[site, rows[:, None], columns[None, :]]
        return found

    upper = at(top, left) + right_part * (at(top, right) - at(top, left))
    lower = at(bottom, left) + right_part * (at(bottom, right) - at(bottom, left))
    shaded: Array = mosaic * (upper + bottom_part[:, None] * (lower - upper))
    return shaded


kernel = Kernel(__name__, SIGNATURE, reference)


def shade(mosaic: Array, gains: Array, place: Array, points_x: int, points_y: int) -> Array:
    """Multiply a (H, W) mosaic by maps of gains, (4, points_y, points_x), for the sites (0,0), (1,0), (0,1), (1,1).

    Sites are (x, y). `place` is (scale_x, shift_x, scale_y, shift_y): pixel x stands at map column
    x * scale_x + shift_x; beyond the map its edge goes on.
    """
    return kernel(mosaic, gains, place, points_x, points_y, out=np.empty(mosaic.shape, np.float32))


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    gains = (1 + rng.random((4, 5, 7))).astype(np.float32)
    place = np.array([7 / width, -0.5, 5 / height, -0.3], np.float32)
    return rng.random((height, width), np.float32), gains, place, 7, 5
