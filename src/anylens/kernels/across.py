"""The first half of the geometric resample: each pixel of a row is read from its own place along that row.

`kernels.down` is the other half, along columns (Catmull & Smith 1980); the cubic is that of `kernels.cubic`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import cubic
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

PLACES = (Image("table", "float32", 3), Scalar("colors", "int32"), Scalar("slack", "int32"), Scalar("width", "int32"))
SIGNATURE = Signature(
    inputs=(Image("scene", "float32", 3, "repeat"), *PLACES),
    outputs=(Image("level", "float32", 3),),
)
MARGIN = 2 * cubic.BLOCK
"""How far beyond the border light is laid out: a block that lies farther out reads nothing but the edge."""


class Stages(Parts):
    asked: Any
    lines: Any
    begins: Any
    padded: Any
    level: Any


def algorithm(scene: Any, table: Any, colors: Any, slack: Any, width: Any) -> Stages:
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")

    def start(column: Any, _row: Any, first: Any) -> tuple[Any, Any, Any]:
        return column + first, -MARGIN, width

    lines, begins, _, begin, beyond = cubic.displaced(table, colors, width, x, y, c, start, "across")
    padded, level = hl.Func("padded"), hl.Func("level")
    padded[x, y, c] = scene[x, y, c]

    def read(k: Any) -> Any:
        return hl.Expr(padded[begin + k + x % cubic.BLOCK, y, c])

    cubic.interpolate(level, (x, y, c), read, beyond, slack, colors)
    return Stages((slack, colors), lines, begins, padded, level)


def schedule(stages: Stages, target: Any) -> None:
    """20 ms of one core of an AMD EPYC (AVX-512), 24 ms where colors part, 12 MP, output already in memory."""
    import halide as hl

    _, y, _ = stages.level.args()
    width = target.natural_vector_size(hl.Float(32))
    stages.level.output_buffer().dim(0).set_min(0)
    stages.level.parallel(y, 16, hl.TailStrategy.GuardWithIf)
    cubic.schedule_blocks(stages.level, width, *stages.asked)
    cubic.schedule_begins(stages.lines, stages.begins, (stages.level, y), width)
    stages.padded.compute_at(stages.level, y).vectorize(stages.padded.args()[0], cubic.BLOCK)


def reference(scene: Array, table: Array, colors: int, slack: int, width: int) -> Array:  # noqa: ARG001
    _, height, _ = scene.shape
    columns = np.arange(cubic.blocks(width))
    shift = np.broadcast_to(cubic.places(table, np.arange(height), columns), (3, height, len(columns)))
    whole = np.floor(shift)
    own = cubic.weights(shift - whole, np.float32(1))
    first = columns + whole.astype(int)
    level = np.zeros(shift.shape, np.float32)
    for k in range(4):
        level += own[k] * np.take_along_axis(scene, np.clip(first + (k - 1), 0, width - 1), 2)
    return level


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    rows, columns = (-(-side // cubic.SPACING) + 2 for side in (height, width))
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    table = np.stack([1.5 + scale * x + 0.7 * y for scale in (0.9, 0.3, -1.7)]).astype(np.float32)
    return rng.random((3, height, width), np.float32), table, 3, cubic.slack_of(table), width
