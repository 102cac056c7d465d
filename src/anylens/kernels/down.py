"""The second half of the geometric resample: each pixel of a column is read from its own place along that column.

Takes what `kernels.across` gives, whole or the rows of it that are needed, some more beyond its border (`edge`).
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


def edge(slack: int) -> int:
    """How often the outermost rows of a picture stand again beyond it: what lies farther out reads nothing but them."""
    return int(cubic.taps_after(slack, max)) + 3


class Stages(Parts):
    asked: Any
    lines: Any
    begins: Any
    warped: Any


def algorithm(level: Any, table: Any, colors: Any, slack: Any, width: Any, top: Any, rows: Any) -> Stages:
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    warped = hl.Func("warped")

    def start(_column: Any, row: Any, first: Any) -> tuple[Any, Any, Any]:
        """Such that all taps lie in the rows at hand."""
        return row - top + first, 1, hl.max(rows - 1 - cubic.taps_after(slack, hl.max), 1)

    lines, begins, column, begin, beyond = cubic.displaced(table, colors, width, x, y, c, start, "down")

    def read(k: Any) -> Any:
        return hl.cast(hl.Float(32), level[column, begin + k, c])

    cubic.interpolate(warped, (x, y, c), read, beyond, slack, colors)
    return Stages((slack, colors), lines, begins, warped)


def schedule(stages: Stages, target: Any) -> None:
    """30 ms of one core of an AMD EPYC (AVX-512), 35 ms where colors part, 12 MP, output already in memory."""
    import halide as hl

    _, y, _ = stages.warped.args()
    width = target.natural_vector_size(hl.Float(32))
    stages.warped.output_buffer().dim(0).set_min(0)
    stages.warped.parallel(y, 16, hl.TailStrategy.GuardWithIf)
    cubic.schedule_blocks(stages.warped, width, *stages.asked)
    cubic.schedule_begins(stages.lines, stages.begins, (stages.warped, y), width)


def reference(
    level: Array,
    table: Array,
    colors: int,  # noqa: ARG001
    slack: int,
    width: int,  # noqa: ARG001
    top: int,
    rows: int,
) -> Array:
    lines = np.arange(top + rows - edge(slack))
    shift = np.broadcast_to(cubic.places(table, lines, np.arange(level.shape[2])), (3, len(lines), level.shape[2]))
    whole = np.floor(shift)
    own = cubic.weights(shift - whole, np.float32(1))
    first = lines[:, None] - top + whole.astype(int)
    warped = np.zeros(shift.shape, np.float32)
    for k in range(4):
        warped += own[k] * np.take_along_axis(level, np.clip(first + (k - 1), 0, rows - 1), 1)
    return warped


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    rows, columns = (-(-side // cubic.SPACING) + 2 for side in (height, width))
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    table = np.stack([-0.5 + 0.6 * y + scale * x for scale in (0.9, 0.3, -1.7)]).astype(np.float32)
    level = rng.random((3, height, cubic.blocks(width)), np.float32)
    slack = cubic.slack_of(table)
    beyond = edge(slack)
    level = np.pad(level, ((0, 0), (beyond, beyond), (0, 0)), mode="edge")
    return level, table, 3, slack, width, -beyond, height + 2 * beyond
