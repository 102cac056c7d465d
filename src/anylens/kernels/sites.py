"""Counts -> light of the four sites of the colour filter, each a plane of its own, with a margin around.

The same light as `linearize` gives, taken apart: what aligning and merging read is then of one colour and dense in
memory. The margin repeats the outermost cells, so that a place a little beyond the border can be read without asking.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import linearize
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]
Counts = npt.NDArray[np.uint16]

MARGIN = 32
SIGNATURE = Signature(
    inputs=(*linearize.SIGNATURE.inputs, Scalar("wide", "int32"), Scalar("tall", "int32")),
    outputs=(Image("sites", "float32", 3),),
)


class Stages(Parts):
    sites: Any


def algorithm(*counts: Any) -> Stages:
    """The last two arguments are how many cells of 2 x 2 sites the picture has."""
    import halide as hl

    *counts, wide, tall = counts  # type: ignore[assignment]
    linear = linearize.algorithm(*counts).linear
    x, y, site = hl.Var("x"), hl.Var("y"), hl.Var("site")
    cell, sites = hl.Func("cell"), hl.Func("sites")
    cell[x, y, site] = linear[2 * x + site % 2, 2 * y + site / 2]
    around = hl.BoundaryConditions.repeat_edge(cell, [hl.Range(0, wide), hl.Range(0, tall)])
    sites[x, y, site] = around[x - MARGIN, y - MARGIN, site]
    return Stages(sites)


def schedule(stages: Stages, target: Any) -> None:
    """3.4 ms, 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    x, y, site = stages.sites.args()
    width = target.natural_vector_size(hl.Float(32))
    stages.sites.bound(site, 0, 4).reorder(x, site, y).unroll(site)
    stages.sites.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 16, hl.TailStrategy.GuardWithIf)


def reference(*counts: Any) -> Array:
    *counts, wide, tall = counts  # type: ignore[assignment]
    return with_margin(linearize.reference(*counts)[: 2 * tall, : 2 * wide])


def with_margin(light: Array) -> Array:
    """The sites of light (H, W), both even, in planes with the margin around."""
    planes = np.stack([light[y::2, x::2] for y in (0, 1) for x in (0, 1)])
    return np.pad(planes, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)), mode="edge")


kernel = Kernel(__name__, SIGNATURE, reference)


def sites(
    raw: Counts,
    black: npt.ArrayLike,
    scale: npt.ArrayLike,
    row_delta: npt.ArrayLike = 0.0,
    column_delta: npt.ArrayLike = 0.0,
) -> Array:
    """(4, H/2 + 2 MARGIN, W/2 + 2 MARGIN) linear light of the sites (0, 0), (1, 0), (0, 1), (1, 1), as (x, y).

    Takes what `linearize` takes; an odd row or column at the end is completed by the one before the last.
    """
    height, width = raw.shape
    wide, tall = -(-width // 2), -(-height // 2)
    counts, blacks, scales, rows, period = linearize.tables(raw, black, scale, row_delta, column_delta)
    if (height, width) != (2 * tall, 2 * wide):
        below, beside = (0, 2 * tall - height), (0, 2 * wide - width)
        counts = np.pad(counts, (below, beside), mode="reflect")
        blacks, scales = (np.pad(table, ((0, 0), beside), mode="reflect") for table in (blacks, scales))
        rows = np.pad(rows, below, mode="reflect")
    out = np.empty((4, tall + 2 * MARGIN, wide + 2 * MARGIN), np.float32)
    return kernel(counts, blacks, scales, rows, period, wide, tall, out=out)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    tall, wide = -(-height // 2), -(-width // 2)
    return *linearize.example(rng, 2 * tall, 2 * wide), wide, tall
