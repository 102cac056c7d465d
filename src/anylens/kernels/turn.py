"""A picture read at the places of a small turn, growth and shift: cubic splines, rows before columns.

Splines go through the samples once these were filtered (Unser, Aldroubi & Eden 1991, whose recursion is cut off where
it is below a ten-thousandth), and keep fine detail that a cubic through four neighbours softens. Each half of the way
(Catmull & Smith 1980) moves light along one axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

BLOCK, USUAL_SLACK = 16, 1
REACH, MARGIN = 7, 16
POLE = 3**0.5 - 2
TAPS = [POLE ** abs(k) for k in range(-REACH, REACH + 1)]
TAPS = [tap / sum(TAPS) for tap in TAPS]
SIGNATURE = Signature(
    inputs=(
        Image("picture", "float32", 3, "repeat"),
        Image("move", "float32", 2),
        Scalar("slack", "int32"),
        Scalar("wide", "int32"),
        Scalar("tall", "int32"),
    ),
    outputs=(Image("turned", "float32", 3),),
)


class Stages(Parts):
    slack: Any
    lines: Any
    ready: Any
    level: Any
    turned: Any


def algorithm(picture: Any, move: Any, slack: Any, wide: Any, tall: Any) -> Stages:
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    lines, ready, level, turned = (hl.Func(name) for name in ("lines", "ready", "level", "turned"))

    def filtered(read: Any) -> Any:
        total = hl.f32(TAPS[REACH]) * read(0)
        for k in range(1, REACH + 1):
            total += hl.f32(TAPS[REACH + k]) * (read(k) + read(-k))
        return total

    def between(axis: int, read: Any) -> Any:
        """The light at the place of (x, y) along an axis, by all the taps that any pixel of its block needs."""
        lane = x % BLOCK
        along, begin = move[0, axis], move[1, axis] * hl.f32(y) + move[2, axis]
        begin += along * hl.f32(x - lane)
        first = hl.floor(hl.min(begin, begin + along * hl.f32(BLOCK - 1)))
        beyond = begin - first + along * hl.f32(lane)

        def tap(k: Any) -> Any:
            return _spline(hl.abs(beyond - hl.f32(k))) * read(hl.i32(first) + k)

        few = sum((tap(k) for k in range(3 + USUAL_SLACK)), tap(-1))
        taps = hl.RDom([(-1, 4 + slack)])
        return hl.select(slack <= USUAL_SLACK, few, hl.sum(tap(taps.x)))

    lines[x, y, c] = filtered(lambda k: picture[x, y + k, c])
    ready[x, y, c] = filtered(lambda k: lines[x + k, y, c])
    lane = x % BLOCK
    level[x, y, c] = between(0, lambda k: ready[hl.clamp(x - lane + k, -2 * MARGIN, wide + MARGIN) + lane, y, c])
    turned[x, y, c] = between(1, lambda k: level[x, hl.clamp(y + k, -MARGIN, tall + MARGIN), c])
    return Stages(slack, lines, ready, level, turned)


def _spline(away: Any) -> Any:
    """The cubic spline of one sample, so far away."""
    import halide as hl

    wide, near = (hl.max(hl.f32(reach) - away, hl.f32(0.0)) for reach in (2.0, 1.0))
    return hl.f32(1 / 6) * wide * wide * wide - hl.f32(4 / 6) * near * near * near


def schedule(stages: Stages, target: Any) -> None:
    """99 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP."""
    import halide as hl

    x, y, c = stages.turned.args()
    stages.turned.output_buffer().dim(0).set_min(0)
    stages.turned.bound(c, 0, 3).reorder(c, x, y).vectorize(x, BLOCK, hl.TailStrategy.GuardWithIf).unroll(c)
    stages.turned.parallel(y, 16, hl.TailStrategy.GuardWithIf).specialize(stages.slack <= USUAL_SLACK)
    x, y, c = stages.level.args()
    stages.level.compute_root().bound(c, 0, 3).align_bounds(x, BLOCK).reorder(c, x, y).vectorize(x, BLOCK).unroll(c)
    stages.level.parallel(y, 16).specialize(stages.slack <= USUAL_SLACK)
    for rows in (stages.lines, stages.ready):
        rows.compute_at(stages.level, y).vectorize(rows.args()[0], target.natural_vector_size(hl.Float(32)))


def reference(picture: Array, move: Array, slack: int, wide: int, tall: int) -> Array:  # noqa: ARG001
    border = 2 * MARGIN + REACH
    beyond = [(border, border + max(size - own, 0)) for size, own in zip((tall, wide), picture.shape[1:], strict=True)]
    ready = np.pad(picture, ((0, 0), *beyond), mode="edge")
    for axis in (1, 2):
        steps = range(-REACH, REACH + 1)
        ready = np.sum([np.float32(TAPS[REACH + k]) * np.roll(ready, -k, axis) for k in steps], axis=0)
    _, high, long = ready.shape

    def along(values: Array, axis: int) -> Array:
        y, x = (np.arange(size, dtype=np.float32) - border for size in (high, long))
        shift = move[axis, 0] * x + move[axis, 1] * y[:, None] + move[axis, 2]
        whole = np.floor(shift)
        at = (np.arange(long) if axis == 0 else np.arange(high)[:, None]) + whole.astype(int)
        total = np.zeros_like(values)
        for k in range(-1, 3):
            away = np.abs(shift - whole - np.float32(k))
            weight = np.maximum(2 - away, 0) ** 3 / 6 - np.maximum(1 - away, 0) ** 3 * np.float32(4 / 6)
            places = np.clip(at + k, 0, (long if axis == 0 else high) - 1)
            total += weight * np.take_along_axis(values, np.broadcast_to(places, values.shape), 2 - axis)
        return total

    turned = along(along(ready, 0), 1)[:, border : border + tall, border : border + wide]
    return np.ascontiguousarray(turned, np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def turn(picture: Array, move: npt.NDArray[np.float64], height: int, width: int) -> Array:
    """(3, height, width): at each (x, y) the light of `picture` at the place that `move` (2, 3) says.

    Beyond its border its edge goes on; where that lies far beyond, the light is any of the edge's.
    """
    tall, wide = (max(size, own) for size, own in zip((height, width), picture.shape[1:], strict=True))
    (a, b, right), (d, e, down) = np.asarray(move, np.float64)
    # Rows first: a pixel's row v = d x + e y + down is known then, and its column is to be told by x and v.
    across = (a - b * d / e - 1.0, b / e, right - b * down / e)
    shifts = np.array([across, (d, e - 1.0, down)], np.float32)
    slack = max(1, int(np.ceil(np.abs(shifts[:, 0]).max() * (BLOCK - 1))))
    turned = kernel(picture, shifts, slack, wide, tall, out=np.empty((3, tall, wide), np.float32))
    return turned[:, :height, :width]


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    move = np.array([[0.011, -0.004, 0.7], [0.005, -0.012, -1.3]], np.float32)
    return rng.random((3, height, width), np.float32), move, USUAL_SLACK, width, height
