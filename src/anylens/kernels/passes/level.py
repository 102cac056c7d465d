"""Light of unit noise -> clean light in the camera's colours, read along its rows: what bent pictures begin with.

A block's colours stand side by side, so that what reads it along its columns finds all in one place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import across, cubic, denoise
from anylens.kernels.library import Kernel
from anylens.kernels.passes import groups, light, steady
from anylens.kernels.signature import Image, Signature
from anylens.record import Parts

Array = npt.NDArray[Any]

GROUPS: groups.Groups = (*light.GROUPS, ("across", across.PLACES[:-1]))
SIGNATURE = Signature(inputs=groups.flat(GROUPS), outputs=(Image("rows", "float16", 2),))
STRIP = 128
"""Rows at most that slide down in one go."""


class Stages(Parts):
    light: denoise.Stages
    across: across.Stages
    rows: Any


def algorithm(*inputs: Any) -> Stages:
    import halide as hl

    given = groups.grouped(GROUPS, inputs)
    clean = light.algorithm(given)
    place, y = hl.Var("place"), hl.Var("y")
    width, _ = given["size"]
    edged = hl.BoundaryConditions.repeat_edge(clean.clean, [hl.Range(0, width)])
    level = across.algorithm(edged, *(*given["across"], width))
    rows = hl.Func("rows")
    x, c = cubic.place_apart(place)
    rows[place, y] = hl.cast(hl.Float(steady.KEPT_BITS), level.level[x, y, c])
    return Stages(clean, level, rows)


def schedule(stages: Stages, target: Any) -> None:
    """138 ms of one core of an AMD EPYC (AVX2), other work beside it, 12 MP.

    Row by row down strips of the picture's whole width, as a row may be read from anywhere along it.
    """
    import halide as hl

    inner, lane, c = hl.Var("inner"), hl.Var("lane"), hl.Var("c")
    width = target.natural_vector_size(hl.Float(32))
    padded, level = stages.across.padded, stages.across.level
    rows = stages.rows
    place, y = rows.args()
    out, round_up = rows.output_buffer(), hl.TailStrategy.RoundUp
    out.dim(0).set_min(0)
    # A guard in the lowest strip would stop the sliding; it is shifted back inside.
    rows.split(y, y, inner, groups.evenly(out.height(), STRIP, 1), hl.TailStrategy.ShiftInwards).parallel(y)
    rows.split(place, place, c, 3 * cubic.BLOCK, round_up).split(c, c, lane, cubic.BLOCK).vectorize(lane).unroll(c)
    level.hoist_storage(rows, y).compute_at(rows, inner)
    cubic.schedule_blocks(level, width, *stages.across.asked)
    cubic.schedule_begins(stages.across.lines, stages.across.begins, (rows, inner), width, (rows, y))
    x, at, c = padded.args()
    padded.hoist_storage(rows, y).compute_at(rows, inner).bound(c, 0, 3).reorder(c, x, at).unroll(c)
    padded.vectorize(x, width, round_up)
    stages.light.clean.hoist_storage(rows, y).compute_at(padded, at)
    light.schedule(stages.light, (rows, y), (rows, inner), target)


def reference(*inputs: Any) -> Array:
    given = groups.grouped(GROUPS, inputs)
    clean = light.reference(given)
    level = across.reference(clean, *(*given["across"], clean.shape[2]))
    return np.asarray(cubic.side_by_side(level.astype(np.float16)))


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    given = light.example(rng, height, width)
    names = (argument.name for argument in across.SIGNATURE.inputs)
    given |= dict(zip(names, across.example(rng, height, width), strict=True))
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
