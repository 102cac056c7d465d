"""Counts -> clean light in the camera's colours, read along its rows: the first of three passes for bent pictures."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels import across, cubic, denoise
from anylens.kernels.library import Kernel
from anylens.kernels.passes import light
from anylens.kernels.signature import Image, Signature

Array = npt.NDArray[Any]

GROUPS: light.Groups = (*light.GROUPS, ("across", across.PLACES[:-1]))
SIGNATURE = Signature(inputs=light.flat(GROUPS), outputs=(Image("level", "float32", 3),))
STRIP = 64


class Stages(NamedTuple):
    light: light.Stages
    across: across.Stages


def algorithm(*inputs: Any) -> Stages:
    import halide as hl

    given = light.grouped(GROUPS, inputs)
    clean = light.algorithm(given)
    width, height = light.size_of(given)
    edged = hl.BoundaryConditions.repeat_edge(clean.denoise.clean, [hl.Range(0, width), hl.Range(0, height)])
    return Stages(clean, across.algorithm(edged, *(*given["across"], width)))


def schedule(stages: Stages, target: Any) -> None:
    """265 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP.

    Strips of clean light whole, in tiles, then row by row.
    """
    import halide as hl

    guard = hl.TailStrategy.GuardWithIf
    inner, tile_x, tile_y = hl.Var("inner"), hl.Var("tile_x"), hl.Var("tile_y")
    width = target.natural_vector_size(hl.Float(32))
    line, padded, level = stages.across.line, stages.across.padded, stages.across.level
    x, y, c = level.args()
    level.output_buffer().dim(0).set_min(0)
    level.bound(c, 0, 3).split(y, y, inner, STRIP, guard).reorder(c, x, inner, y)
    level.vectorize(x, cubic.BLOCK, hl.TailStrategy.RoundUp).unroll(c).parallel(y)
    cubic.specialized(level, *stages.across.asked)
    line.compute_at(level, inner)
    at = y
    x, y, c = padded.args()
    padded.compute_at(level, at).bound(c, 0, 3)
    padded.tile(x, y, tile_x, tile_y, x, y, *denoise.TILE, guard).reorder(x, c, y, tile_x, tile_y)
    padded.vectorize(x, width, guard)
    light.schedule(
        stages.light, (padded, tile_x), (padded, tile_x), (padded, y), level.output_buffer().height(), target
    )


def reference(*inputs: Any) -> Array:
    given = light.grouped(GROUPS, inputs)
    clean = light.reference(given)
    return across.reference(clean, *(*given["across"], clean.shape[2]))


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    given = light.example(rng, height, width)
    names = (argument.name for argument in across.SIGNATURE.inputs)
    given |= dict(zip(names, across.example(rng, *given["raw"].shape), strict=True))
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
