"""A picture made twice as wide and high in planes, one for each place within a cell of 2 x 2 of its pixels.

Catmull & Rom's cubic between the pixels, as `resize` has it; the planes are what `superpose` lays frames onto.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN
from anylens.kernels.superpose import FINE, PHASES
from anylens.record import Parts

Array = npt.NDArray[np.float32]

WEIGHTS = (-0.0703125, 0.8671875, 0.2265625, -0.0234375)
"""A quarter of a pixel beyond the second of four; the other way round a quarter before the third."""
SIGNATURE = Signature(
    inputs=(
        Image("picture", "float32", 3),
        Scalar("top", "int32"),
        Scalar("width", "int32"),
        Scalar("height", "int32"),
        Scalar("wide", "int32"),
        Scalar("tall", "int32"),
    ),
    outputs=(Image("fine", "float32", 4),),
)


class Stages(Parts):
    lines: Any
    fine: Any


def algorithm(picture: Any, top: Any, width: Any, height: Any, wide: Any, tall: Any) -> Stages:
    import halide as hl

    x, y, p, c = hl.Var("x"), hl.Var("y"), hl.Var("p"), hl.Var("c")
    lines, fine = hl.Func("lines"), hl.Func("fine")

    def between(place: Any, read: Any) -> Any:
        """Of the fine places 0 to 3 the first two lie about the cell's first pixel, the others about its second."""
        first = hl.select(place == 0, -2, hl.select(place == 3, 0, -1))
        later = place % 2 == 1
        taps = [(hl.select(later, WEIGHTS[i], WEIGHTS[3 - i]), read(first + i)) for i in range(4)]
        return sum((hl.f32(weight) * value for weight, value in taps[1:]), hl.f32(taps[0][0]) * taps[0][1])

    cell_y = top + hl.clamp(y - MARGIN, 0, tall - 1)
    lines[x, y, p, c] = between(p, lambda off: picture[x, hl.clamp(2 * cell_y + off, 0, height - 1), c])
    cell_x = hl.clamp(x - MARGIN, 0, wide - 1)
    fine[x, y, p, c] = between(p % FINE, lambda off: lines[hl.clamp(2 * cell_x + off, 0, width - 1), y, p / FINE, c])
    return Stages(lines, fine)


def schedule(stages: Stages, target: Any) -> None:
    """0.25 s, 12 MP to 50 MP, 2 cores of an AMD EPYC (AVX-512), half of 0.51 s of their time."""
    import halide as hl

    guard, lanes = hl.TailStrategy.GuardWithIf, target.natural_vector_size(hl.Float(32))
    left, under = hl.Var("left"), hl.Var("under")
    x, y, p, c = stages.fine.args()
    fine = stages.fine.bound(c, 0, 3).bound(p, 0, PHASES).split(p, under, left, FINE)
    fine.reorder(x, left, under, c, y).unroll(left).vectorize(x, lanes, guard).parallel(y, 4, guard)
    column, _, _, _ = stages.lines.args()
    stages.lines.compute_at(fine, c).vectorize(column, lanes, guard)


def reference(picture: Array, top: int, width: int, height: int, wide: int, tall: int) -> Array:
    def read(places: npt.NDArray[np.intp], size: int, axis: int, values: Array) -> Array:
        first, later = (places - 1) // 2 - 1, places % 2 == 1
        shape = [1, 1, 1]
        shape[axis] = -1
        whole = np.zeros([*values.shape[:axis], len(places), *values.shape[axis + 1 :]], np.float32)
        for tap, (one, other) in enumerate(zip(WEIGHTS, WEIGHTS[::-1], strict=True)):
            weight = np.where(later, one, other).astype(np.float32).reshape(shape)
            whole += weight * values.take(np.clip(first + tap, 0, size - 1), axis=axis)
        return whole

    cells_y = top + np.clip(np.arange(-MARGIN, tall + MARGIN), 0, tall - 1)
    cells_x = np.clip(np.arange(-MARGIN, wide + MARGIN), 0, wide - 1)
    rows, columns = ((FINE * cells[:, None] + np.arange(FINE)).ravel() for cells in (cells_y, cells_x))
    large = read(columns, width, 2, read(rows, height, 1, picture))
    planes = large.reshape(3, len(cells_y), FINE, len(cells_x), FINE).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(planes.reshape(3, PHASES, len(cells_y), len(cells_x)))


kernel = Kernel(__name__, SIGNATURE, reference)


def enlarge(picture: Array, top: int, tall: int) -> Array:
    """(3, 16, rows + margins, w + margins): the cells `top` to `top` + `tall` of a picture (3, H, W) in fine planes.

    The margins repeat the outermost cells.
    """
    _, height, width = picture.shape
    wide = -(-width // 2)
    out = np.empty((3, PHASES, tall + 2 * MARGIN, wide + 2 * MARGIN), np.float32)
    return kernel(picture, top, width, height, wide, tall, out=out)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    return rng.random((3, 2 * height, 2 * width - 1), np.float32), 0, 2 * width - 1, 2 * height, width, height
