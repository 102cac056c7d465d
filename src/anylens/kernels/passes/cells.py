"""Counts -> a picture seen small: the mended light of one 2 x 2 cell in every 8 x 8 pixels.

What a pass in bands must know of the whole picture before it begins. The same light as `linearize`, `defects` and
`kernels.cells` one after the other, worked out only where it is looked at.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels import cells as small
from anylens.kernels import defects, linearize, pattern
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature

Array = npt.NDArray[Any]

COUNTS = (
    *linearize.SIGNATURE.inputs,
    Scalar("width", "int32"),
    Scalar("height", "int32"),
    *defects.SIGNATURE.inputs[1:],
)
SIGNATURE = Signature(inputs=COUNTS, outputs=(Image("cells", "float32", 3),))


class Stages(NamedTuple):
    rows: tuple[Any, ...]
    light: Any
    defects: defects.Stages
    cells: Any


def inside(place: Any, size: Any, beyond: Any = None) -> Any:
    """Where a place stands in the picture that is mirrored beyond its border; what `beyond` says there, if given."""
    import halide as hl

    last = size - 1
    if beyond is None:
        beyond = hl.clamp(last - hl.abs(place % hl.max(2 * last, 1) - last), 0, last)
    within = hl.clamp(hl.likely(place), 0, last)
    return hl.select(place >= 0, hl.likely(hl.select(place < size, hl.likely(within), beyond)), beyond)


def light_of(*counts: Any) -> tuple[tuple[Any, ...], Any, defects.Stages]:
    """What is laid out along rows, linear light of the counts, mirrored beyond the border, and mended light."""
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    raw, black, scale, row_delta, period, width, height, *noise = counts
    counted, columns, blacks, scales, light = (
        hl.Func(name) for name in ("counted", "columns", "blacks", "scales", "light")
    )
    columns[x] = inside(x, width)
    column = inside(x, width, columns[x])
    counted[x, y] = raw[column, y]
    blacks[x, y], scales[x, y] = black[column, y], scale[column, y]
    linear = linearize.algorithm(counted, blacks, scales, row_delta, period).linear
    light[x, y] = linear[x, inside(y, height)]
    return (columns, blacks, scales), light, defects.algorithm(light, *noise)


def algorithm(*counts: Any) -> Stages:
    import halide as hl

    rows, light, mending = light_of(*counts)
    x, y, site = hl.Var("x"), hl.Var("y"), hl.Var("site")
    found = hl.Func("cells")
    found[x, y, site] = mending.mended[x * small.SPACING + site % 2, y * small.SPACING + site / 2]
    return Stages(rows, light, mending, found)


def schedule(stages: Stages, target: Any) -> None:
    """6.3 ms, 12 MP, 2 cores of Emerald Rapids (AVX-512); without rows of light it takes minutes to compile."""
    import halide as hl

    x, y, site = stages.cells.args()
    width = target.natural_vector_size(hl.Float(32))
    stages.cells.bound(site, 0, 4).reorder(x, site, y).unroll(site)
    stages.cells.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 8, hl.TailStrategy.GuardWithIf)
    stages.light.compute_at(stages.cells, y).vectorize(stages.light.args()[0], width)
    for rows in (*stages.rows, *stages.defects[:-1]):
        pattern.schedule(rows, width)


def reference(*counts: Any) -> Array:
    first = len(linearize.SIGNATURE.inputs)
    return small.cells(defects.reference(linearize.reference(*counts[:first]), *counts[first + 2 :]))


kernel = Kernel(__name__, SIGNATURE, reference)


def cells(counts: tuple[Any, ...]) -> Array:
    """(4, h, w) float32 as `kernels.cells.cells` gives it, from the arguments that COUNTS names."""
    height, width = counts[0].shape
    tall, wide = ((side + small.SPACING - 2) // small.SPACING for side in (height, width))
    if min(tall, wide) == 0:
        return np.empty((4, tall, wide), np.float32)
    return kernel(*counts, out=np.empty((4, tall, wide), np.float32))


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    height, width = max(height, 2), max(width, 2)
    _, *noise = defects.example(rng, 2, 2)
    return *linearize.example(rng, height, width), width, height, *noise
