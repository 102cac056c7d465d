"""The second half of the geometric resample: each pixel of a column is read from its own place along that column.

Takes what `kernels.across` gives, whole or the rows of it that are needed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels import cubic
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature

Array = npt.NDArray[np.float32]

PLACES = (
    Image("table", "float32", 3),
    Scalar("colors", "int32"),
    Scalar("slack", "int32"),
    Scalar("width", "int32"),
    Scalar("top", "int32"),
    Scalar("rows", "int32"),
)
SIGNATURE = Signature(
    inputs=(Image("level", "float32", 3), *PLACES),
    outputs=(Image("warped", "float32", 3),),
)


class Stages(NamedTuple):
    asked: Any
    begins: Any
    warped: Any


def algorithm(level: Any, table: Any, colors: Any, slack: Any, width: Any, top: Any, rows: Any) -> Stages:
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    begins, column, first, beyond = cubic.displaced(table, colors, width, x, y, c, "down")
    warped = hl.Func("warped")

    def read(k: int) -> Any:
        return hl.cast(hl.Float(32), level[column + x % cubic.BLOCK, hl.clamp(y - top + first + k, 0, rows - 1), c])

    warped[x, y, c] = cubic.interpolated(read, beyond, slack)
    return Stages((slack, colors), begins, warped)


def schedule(stages: Stages, target: Any) -> None:  # noqa: ARG001
    """30 ms of one core of an AMD EPYC (AVX-512), 35 ms where colors part, 12 MP, output already in memory."""
    import halide as hl

    x, y, c = stages.warped.args()
    stages.warped.output_buffer().dim(0).set_min(0)
    stages.warped.bound(c, 0, 3).reorder(c, x, y).vectorize(x, cubic.BLOCK, hl.TailStrategy.RoundUp).unroll(c)
    stages.warped.parallel(y, 16, hl.TailStrategy.GuardWithIf)
    cubic.specialized(stages.warped, *stages.asked)
    stages.begins.compute_at(stages.warped, y).vectorize(stages.begins.args()[0], cubic.BLOCK)


def reference(
    level: Array,
    table: Array,
    colors: int,  # noqa: ARG001
    slack: int,  # noqa: ARG001
    width: int,  # noqa: ARG001
    top: int,
    rows: int,
) -> Array:
    lines = np.arange(top, top + level.shape[1])
    shift = np.broadcast_to(cubic.places(table, lines, np.arange(level.shape[2])), level.shape)
    whole = np.floor(shift)
    own = cubic.weights(shift - whole, np.float32(1))
    first = lines[:, None] - top + whole.astype(int)
    warped = np.zeros_like(level)
    for k in range(4):
        warped += own[k] * np.take_along_axis(level, np.clip(first + (k - 1), 0, rows - 1), 1)
    return warped


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    rows, columns = (-(-side // cubic.SPACING) + 2 for side in (height, width))
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    table = np.stack([-0.5 + 0.6 * y + scale * x for scale in (0.9, 0.3, -1.7)]).astype(np.float32)
    level = rng.random((3, height, cubic.blocks(width)), np.float32)
    return level, table, 3, cubic.slack_of(table), width, 0, height
