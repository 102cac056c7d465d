"""Counts -> clean light in the camera's colours, read along its rows: the first of three passes for bent pictures."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels import across, cubic
from anylens.kernels.library import Kernel
from anylens.kernels.passes import light
from anylens.kernels.signature import Image, Signature

Array = npt.NDArray[Any]

GROUPS: light.Groups = (*light.GROUPS, ("across", across.PLACES[:-1]))
SIGNATURE = Signature(inputs=light.flat(GROUPS), outputs=(Image("rows", "float16", 3),))
STRIP = 128
"""Rows at most that slide down in one go."""


class Stages(NamedTuple):
    light: light.Stages
    across: across.Stages
    rows: Any


def algorithm(*inputs: Any) -> Stages:
    import halide as hl

    given = light.grouped(GROUPS, inputs)
    clean = light.algorithm(given)
    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    width, _ = light.size_of(given)
    edged = hl.BoundaryConditions.repeat_edge(clean.denoise.clean, [hl.Range(0, width)])
    level = across.algorithm(edged, *(*given["across"], width))
    rows = hl.Func("rows")
    rows[x, y, c] = hl.cast(hl.Float(light.KEPT_BITS), level.level[x, y, c])
    return Stages(clean, level, rows)


def schedule(stages: Stages, target: Any) -> None:
    """190 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP.

    Row by row down strips of the picture's whole width, as a row may be read from anywhere along it.
    """
    import halide as hl

    inner = hl.Var("inner")
    width = target.natural_vector_size(hl.Float(32))
    padded, level = stages.across.padded, stages.across.level
    rows = stages.rows
    x, y, c = rows.args()
    height = rows.output_buffer().height()
    rows.output_buffer().dim(0).set_min(0)
    # A guard in the lowest strip would stop the sliding; it is shifted back inside.
    rows.bound(c, 0, 3).split(y, y, inner, light.evenly(height, STRIP, 1), hl.TailStrategy.ShiftInwards)
    rows.reorder(c, x, inner, y).vectorize(x, cubic.BLOCK, hl.TailStrategy.RoundUp).unroll(c).parallel(y)
    level.compute_at(rows, inner)
    cubic.schedule_blocks(level, *stages.across.asked)
    cubic.schedule_begins(stages.across.lines, stages.across.begins, (rows, inner), width)
    x, at, c = padded.args()
    padded.compute_at(rows, inner).bound(c, 0, 3).reorder(c, x, at).unroll(c)
    padded.vectorize(x, width, hl.TailStrategy.RoundUp)
    light.schedule(stages.light, (rows, y), (rows, inner), (padded, at), height, target)


def reference(*inputs: Any) -> Array:
    given = light.grouped(GROUPS, inputs)
    clean = light.reference(given)
    return across.reference(clean, *(*given["across"], clean.shape[2])).astype(np.float16)


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    given = light.example(rng, height, width)
    names = (argument.name for argument in across.SIGNATURE.inputs)
    given |= dict(zip(names, across.example(rng, *given["raw"].shape), strict=True))
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
