"""How much of what varies in a frame is detail and not noise: from 0 where noise hides all to 1.

Over 5 x 5 cells what the variance of the four colors has beyond the noise is held against the noise, as a Wiener filter
would weigh it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.agreement import CELLS, REACH
from anylens.kernels.counts import BLACK
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN
from anylens.record import Parts

Array = npt.NDArray[np.float32]
Counts = npt.NDArray[np.uint16]

CHANCE = 1.4
"""Of so few samples the variance of noise comes out this much larger now and then."""
SIGNATURE = Signature(
    inputs=(
        Image("own", "uint16", 3),
        Image("levels", "float32", 2),
        Scalar("top", "int32"),
        Scalar("unit", "float32"),
    ),
    outputs=(Image("detail", "float32", 2),),
)


class Stages(Parts):
    down: Any
    detail: Any


def algorithm(own: Any, levels: Any, top: Any, unit: Any) -> Stages:
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    down, detail = hl.Func("down"), hl.Func("detail")
    kept: list[Any] = [hl.f32(0.0)] * 8
    for step in range(-REACH, REACH + 1):
        for plane in range(4):
            light = unit * (hl.f32(own[x, y + top + MARGIN + step, plane]) - hl.f32(BLACK))
            kept[plane] = kept[plane] + light
            kept[plane + 4] = kept[plane + 4] + light * light
    down[x, y] = tuple(kept)
    mean = [hl.f32(0.0)] * 8
    for step in range(MARGIN - REACH, MARGIN + REACH + 1):
        mean = [before + hl.f32(1.0 / CELLS) * down[x + step, y][at] for at, before in enumerate(mean)]
    noise, spread = hl.f32(0.0), hl.f32(0.0)
    for plane in range(4):
        noise += levels[0, plane] * hl.max(mean[plane], hl.f32(0.0)) + levels[1, plane]
        spread += hl.max(mean[plane + 4] - mean[plane] * mean[plane], hl.f32(0.0))
    beyond = hl.max(spread - hl.f32(CHANCE) * noise, hl.f32(0.0))
    detail[x, y] = beyond / (beyond + noise)
    return Stages(down, detail)


def schedule(stages: Stages, target: Any) -> None:
    """8 ms, 12 MP, 2 cores of an AMD EPYC (AVX-512)."""
    import halide as hl

    x, y = stages.detail.args()
    lanes, guard = target.natural_vector_size(hl.Float(32)), hl.TailStrategy.GuardWithIf
    stages.detail.vectorize(x, lanes, guard).parallel(y, 8, guard)
    column, _ = stages.down.args()
    stages.down.compute_at(stages.detail, y).vectorize(column, lanes, guard)


def reference(own: Counts, levels: Array, top: int, unit: float) -> Array:
    light = np.float32(unit) * (own.astype(np.float32) - np.float32(BLACK))
    _, high, wide = light.shape
    tall, side = high - 2 * MARGIN - top, wide - 2 * MARGIN

    def mean(planes: Array) -> Array:
        rows = range(top + MARGIN - REACH, top + MARGIN + REACH + 1)
        columns = range(MARGIN - REACH, MARGIN + REACH + 1)
        parts = [planes[:, row : row + tall, column : column + side] for row in rows for column in columns]
        return np.asarray(sum(parts) / np.float32(CELLS), np.float32)

    level = mean(light)
    noise = (levels[:, :1, None] * np.maximum(level, 0) + levels[:, 1:, None]).sum(0)
    beyond = np.maximum(np.maximum(mean(light * light) - level * level, 0).sum(0) - np.float32(CHANCE) * noise, 0)
    return np.asarray(beyond / (beyond + noise), np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def detail(own: Counts, levels: Array, top: int, tall: int, unit: float) -> Array:
    """(tall, w): 0 to 1 by cell, of the rows from `top` on of a frame (4, H + margins, w + margins).

    Its counts are `unit` of light each, its planes have the noise `levels` (4, 2).
    """
    out = np.empty((tall, own.shape[2] - 2 * MARGIN), np.float32)
    return kernel(own, levels, top, unit, out=out)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    own = rng.integers(BLACK, 60000, (4, height + 2 * MARGIN, width + 2 * MARGIN)).astype(np.uint16)
    return own, np.tile(np.array([0.1, 0.01], np.float32), (4, 1)), 0, 1.0 / 60000
