"""One more frame laid onto a picture of twice the resolution: each sample where the hand has carried it.

Kernel regression on raw after Wronski et al. 2019: a fine pixel takes the samples of its colour around the place that
it has in the frame, each with a weight that falls with the distance, and by how far the frame agrees there. No sample
is interpolated. Every 32 x 16 pixels have a shift of their own, so that the weights are numbers of a block, known
beforehand. The ellipses along edges of the paper are left out: what is laid here are the rests of a good guess, which
knows the edges.

The fine picture is held in 16 planes, one for each place within a cell of the colour filter: neighbours in a plane are
neighbours in a frame's sites too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN

Array = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]

BLOCK_X, BLOCK_Y = 16, 8
FINE = 4
PHASES = FINE * FINE
SUMS = 6
COLOR_OF_PLANE = (0, 1, 1, 2)
REACH_PX = 1.3
SIGNATURE = Signature(
    inputs=(
        Image("moved", "float32", 3),
        Image("first", "int32", 3),
        Image("weights", "float32", 4),
        Image("share", "float32", 2),
        Image("before", "float32", 4),
        Scalar("wide", "int32"),
        Scalar("tall", "int32"),
    ),
    outputs=(Image("laid", "float32", 4),),
)


class Stages(NamedTuple):
    taken: Any
    laid: Any


def algorithm(moved: Any, first: Any, weights: Any, share: Any, before: Any, wide: Any, tall: Any) -> Stages:
    import halide as hl

    x, y, k, p = hl.Var("x"), hl.Var("y"), hl.Var("k"), hl.Var("p")
    taken, laid = hl.Func("taken"), hl.Func("laid")
    bx, row = hl.clamp(x / BLOCK_X, 0, (wide - 1) / BLOCK_X), hl.clamp(y, 0, tall - 1)
    by = row / BLOCK_Y
    wide_most, tall_most = wide + 2 * MARGIN - BLOCK_X - 2, tall + 2 * MARGIN - 2
    sums = [hl.f32(0.0)] * SUMS
    for plane, color in enumerate(COLOR_OF_PLANE):
        across, down = (p % FINE) * 4 + plane, (p / FINE) * 4 + plane + 4 * FINE
        at_x = hl.clamp(bx * BLOCK_X + first[bx, by, across] + MARGIN, 0, wide_most) + x % BLOCK_X
        at_y = hl.clamp(row + first[bx, by, down] + MARGIN, 0, tall_most)
        for below in (0, 1):
            for right in (0, 1):
                weight = weights[bx, by, across, right] * weights[bx, by, down, below]
                sums[color] += weight * moved[at_x + right, at_y + below, plane]
                sums[color + 3] += weight
    taken[x, y, p] = tuple(sums)
    laid[x, y, k, p] = before[x, y, k, p] + share[x, row] * hl.mux(k, [taken[x, y, p][n] for n in range(SUMS)])
    return Stages(taken, laid)


def schedule(stages: Stages, _target: Any) -> None:
    """PRICE a frame of 12 MP, 2 cores of Emerald Rapids (AVX-512), in bands of 160 rows already in memory."""
    import halide as hl

    guard = hl.TailStrategy.GuardWithIf
    outer, lanes, inner = hl.Var("outer"), hl.Var("lanes"), hl.Var("inner")
    x, y, k, p = stages.laid.args()
    stages.laid.bound(k, 0, SUMS).bound(p, 0, PHASES).split(x, outer, lanes, BLOCK_X, guard)
    stages.laid.reorder(lanes, k, outer, p, y).vectorize(lanes).unroll(k).parallel(y)
    x, _, _ = stages.taken.args()
    stages.taken.compute_at(stages.laid, outer).align_bounds(x, BLOCK_X).split(x, x, inner, BLOCK_X).vectorize(inner)


def reference(moved: Array, first: Places, weights: Array, share: Array, before: Array, wide: int, tall: int) -> Array:
    x, row = np.arange(wide), np.arange(tall)[:, None]
    bx, by = x // BLOCK_X, row // BLOCK_Y
    laid = before.copy()
    for p in range(PHASES):
        for plane, color in enumerate(COLOR_OF_PLANE):
            across, down = p % FINE * 4 + plane, p // FINE * 4 + plane + 4 * FINE
            start = np.clip(bx * BLOCK_X + first[across][by, bx] + MARGIN, 0, wide + 2 * MARGIN - BLOCK_X - 2)
            at_x = start + x % BLOCK_X
            at_y = np.clip(row + first[down][by, bx] + MARGIN, 0, tall + 2 * MARGIN - 2)
            for below in (0, 1):
                for right in (0, 1):
                    weight = weights[right, across][by, bx] * weights[below, down][by, bx] * share[row, x]
                    laid[p, color] += weight * moved[plane, at_y + below, at_x + right]
                    laid[p, color + 3] += weight
    return np.asarray(laid, np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def weights_of(shifts: Array, places: Places) -> tuple[Places, Array]:
    """Which cells of a frame a block's fine pixels look at, and with what weights: by axis, fine place and plane.

    `shifts` (2, rows, columns) are the steps to the frame, x and y in pixels, `places` (2, 4) where in a cell the
    planes stand. Gives the first of two cells, (32, rows, columns), and the weights of both, (2, 32, rows, columns):
    (1 - d^2 / REACH_PX^2)^4 of the distance d, x times y.
    """
    fine = np.arange(FINE) * 0.5 - 0.25
    away = places[:, None, :, None, None] - (fine[None, :, None, None, None] + shifts[:, None, None])
    first = np.floor(away * -0.5)
    away = np.stack([away + 2 * first, away + 2 * first + 2])
    near = np.maximum(1 - np.square(away / REACH_PX), 0) ** 4
    size = 2 * FINE * 4, *shifts.shape[1:]
    return first.astype(np.int32).reshape(size), near.astype(np.float32).reshape(2, *size)


def superpose(laid: Array, moved: Array, first: Places, weights: Array, share: Array) -> None:
    """Add one frame to what has been laid, in place.

    `laid` is (16, 6, h, w): for each place within a cell the sums of weighted samples of R, G, B, then those of
    weights. `moved` has the planes R, G, G, B of a frame with margin, `first` and `weights` are what `weights_of`
    gives; `share` (h, width) is the weight of the frame by cell, as wide as whole blocks are.
    """
    _, _, tall, wide = laid.shape
    kernel(moved, first, weights, share, laid, wide, tall, out=laid)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    rows, columns = -(-height // BLOCK_Y), -(-width // BLOCK_X)
    moved = rng.random((4, height + 2 * MARGIN, width + 2 * MARGIN), np.float32)
    shifts = rng.normal(0, 3, (2, rows, columns)).astype(np.float32)
    places = np.array([[1, 0, 1, 0], [0, 0, 1, 1]], np.int32)
    share = rng.random((height, columns * BLOCK_X), np.float32)
    before = rng.random((PHASES, SUMS, height, width), np.float32)
    return moved, *weights_of(shifts, places), share, before, width, height
