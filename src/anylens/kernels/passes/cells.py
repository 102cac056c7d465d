"""Counts -> a picture seen small: the mended light of 2 x 2 cells, SPACING columns and `rows_apart` rows apart.

What a pass in bands must know of the whole picture before it begins. The same light as `linearize`, `defects` and
`kernels.cells` one after the other, worked out only where it is looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import cells as small
from anylens.kernels import defects, linearize, pattern
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[Any]

COUNTS = (
    *linearize.SIGNATURE.inputs,
    Scalar("width", "int32"),
    Scalar("height", "int32"),
    *defects.SIGNATURE.inputs[1:],
)
SIGNATURE = Signature(inputs=(*COUNTS, Scalar("rows_apart", "int32")), outputs=(Image("cells", "float32", 3),))


class Stages(Parts):
    columns: Any
    blacks: Any
    scales: Any
    counted: Any
    halves: Any
    quarters: Any
    eighths: Any
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


def algorithm(*inputs: Any) -> Stages:
    """Counts of a row are dealt out to as many places as there are pixels from cell to cell, by halves three times.

    So all that a cell and its next one ask for at the same place lies side by side.
    """
    import halide as hl

    x, y, site, part = hl.Var("x"), hl.Var("y"), hl.Var("site"), hl.Var("part")
    raw, black, scale, row_delta, period, width, height, *noise, rows_apart = inputs
    columns, blacks, scales, counted, halves, quarters, eighths, light, found = (
        hl.Func(name)
        for name in ("columns", "blacks", "scales", "counted", "halves", "quarters", "eighths", "light", "cells")
    )
    columns[x] = inside(x, width)
    row = inside(y, height)
    counted[x, y] = raw[inside(x, width, columns[x]), row]
    halves[x, part, y] = counted[2 * x + part, y]
    quarters[x, part, y] = halves[2 * x + part / 2, part % 2, y]
    eighths[x, part, y] = quarters[2 * x + part / 4, part % 4, y]
    place = columns[small.SPACING * x + part]
    blacks[x, part, y], scales[x, part, y] = black[place, y], scale[place, y]
    here = row % period
    light[x, part, y] = linearize.light_of(
        eighths[x, part, y], blacks[x, part, here], row_delta[row], scales[x, part, here]
    )
    dealt = hl.Func("dealt")
    dealt[x, y] = light[x / small.SPACING, x % small.SPACING, y]
    mending = defects.algorithm(dealt, *noise)
    found[x, y, site] = mending.mended[x * small.SPACING + site % 2, y * rows_apart + site / 2]
    return Stages(columns, blacks, scales, counted, halves, quarters, eighths, light, mending, found)


def schedule(stages: Stages, target: Any) -> None:
    """7.8 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP; pixels picked by eights took 15.8."""
    import halide as hl

    x, y, site = stages.cells.args()
    task, guard = hl.Var("task"), hl.TailStrategy.GuardWithIf
    width, lanes = target.natural_vector_size(hl.Float(32)), target.natural_vector_size(hl.UInt(16))
    stages.cells.bound(site, 0, 4).reorder(x, site, y).unroll(site).vectorize(x, width, guard)
    stages.cells.split(y, task, y, 8, guard).parallel(task)
    x, part, row = stages.light.args()
    stages.light.compute_at(stages.cells, y).bound(part, 0, small.SPACING).reorder(part, x).unroll(part)
    stages.light.vectorize(x, width)
    stages.counted.compute_at(stages.light, row).vectorize(stages.counted.args()[0], lanes)
    for dealt, parts in ((stages.halves, 2), (stages.quarters, 4), (stages.eighths, 8)):
        x, part, _ = dealt.args()
        dealt.compute_at(stages.light, row).bound(part, 0, parts).reorder(part, x).unroll(part).vectorize(x, lanes)
    for table in (stages.columns, stages.blacks, stages.scales, *stages.defects[:2]):
        pattern.schedule(table, width)


def reference(*inputs: Any) -> Array:
    first, (*counts, rows_apart) = len(linearize.SIGNATURE.inputs), inputs
    mended = defects.reference(linearize.reference(*counts[:first]), *counts[first + 2 :])
    every = rows_apart // small.SPACING
    return small.cells(mended)[:, ::every]


kernel = Kernel(__name__, SIGNATURE, reference)


def cells(counts: tuple[Any, ...], spacing: int) -> Array:
    """(4, h, w) float32 as `kernels.cells.cells` gives it, from the arguments that COUNTS names."""
    height, width = counts[0].shape
    tall, wide = (height + spacing - 2) // spacing, (width + small.SPACING - 2) // small.SPACING
    found = np.empty((4, tall, wide), np.float32)
    if found.size:
        kernel(*counts, spacing, out=found)
    return np.ascontiguousarray(found[:, :, :: spacing // small.SPACING])


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    height, width = max(height, 2), max(width, 2)
    _, *noise = defects.example(rng, 2, 2)
    return *linearize.example(rng, height, width), width, height, *noise, small.SPACING
