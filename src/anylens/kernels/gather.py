"""Fine planes to a picture: every pixel from the plane of its place within a cell, and its colour through a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Signature
from anylens.kernels.superpose import FINE, PHASES, from_zero
from anylens.record import Parts

Array = npt.NDArray[np.float32]

SIGNATURE = Signature(
    inputs=(Image("fine", "float32", 4), Image("table", "float32", 2)),
    outputs=(Image("picture", "float32", 3),),
)


class Stages(Parts):
    picture: Any


def algorithm(fine: Any, table: Any) -> Stages:
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    picture = hl.Func("picture")
    red, green, blue = (fine[x / FINE, y / FINE, x % FINE + FINE * (y % FINE), k] for k in range(3))
    picture[x, y, c] = table[0, c] * red + table[1, c] * green + table[2, c] * blue
    return Stages(picture)


def schedule(stages: Stages, target: Any) -> None:
    """36 ms, 50 MP, 2 cores of an AMD EPYC (AVX-512), half of 72 ms of their time, output already in memory."""
    import halide as hl

    x, y, c = stages.picture.args()
    cell, place, row, line = hl.Var("cell"), hl.Var("place"), hl.Var("row"), hl.Var("line")
    lanes, guard = target.natural_vector_size(hl.Float(32)), hl.TailStrategy.GuardWithIf
    picture = stages.picture.bound(c, 0, 3)
    from_zero(picture)
    picture.align_bounds(x, FINE).align_bounds(y, FINE)
    picture.split(x, cell, place, FINE).split(y, row, line, FINE).reorder(place, c, cell, line, row)
    picture.unroll(place).unroll(c).vectorize(cell, lanes, guard).parallel(row, 4, guard)


def reference(fine: Array, table: Array) -> Array:
    _, _, tall, wide = fine.shape
    planes = fine.reshape(3, FINE, FINE, tall, wide).transpose(0, 3, 1, 4, 2).reshape(3, FINE * tall, FINE * wide)
    picture: Array = np.einsum("cd,dyx->cyx", table, planes)
    return picture


kernel = Kernel(__name__, SIGNATURE, reference)


def gather(fine: Array, table: npt.ArrayLike, out: Array) -> Array:
    """Fill `out` (3, 4 h, 4 w) from planes (3, 16, h, w) and a (3, 3) matrix, out[c] = sum over d of table[c, d]."""
    return kernel(fine, np.asarray(table, np.float32), out=out)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    fine = rng.random((3, PHASES, height, width), np.float32)
    return fine, rng.normal(0, 1, (3, 3)).astype(np.float32)
