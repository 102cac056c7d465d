"""One more frame laid onto a picture of twice the resolution: each sample where the hand has carried it.

Kernel regression on raw after Wronski et al. 2019: a fine pixel takes the samples of its colour around the place that
it has in the frame, weighted by an ellipse that lies along the edges of the picture and by how far the frame agrees
there. No sample is interpolated. Every 32 x 16 pixels have a shift of their own. The weight (1 - q)^4 stands for the
Gaussian exp(-4 q): it ends, and costs four multiplications.

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
SIGNATURE = Signature(
    inputs=(
        Image("moved", "float32", 3),
        Image("shifts", "float32", 3),
        Image("places", "int32", 2),
        Image("ellipses", "float32", 3),
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


def algorithm(
    moved: Any, shifts: Any, places: Any, ellipses: Any, share: Any, before: Any, wide: Any, tall: Any
) -> Stages:
    import halide as hl

    x, y, k, p = hl.Var("x"), hl.Var("y"), hl.Var("k"), hl.Var("p")
    taken, laid = hl.Func("taken"), hl.Func("laid")
    zero, one = hl.f32(0.0), hl.f32(1.0)
    bx, row = hl.clamp(x / BLOCK_X, 0, (wide - 1) / BLOCK_X), hl.clamp(y, 0, tall - 1)
    by = row / BLOCK_Y
    place_x = hl.cast(hl.Float(32), p % FINE) * hl.f32(0.5) - hl.f32(0.25) + shifts[bx, by, 0]
    place_y = hl.cast(hl.Float(32), p / FINE) * hl.f32(0.5) - hl.f32(0.25) + shifts[bx, by, 1]
    wide_most, tall_most = wide + 2 * MARGIN - BLOCK_X - 2, tall + 2 * MARGIN - 2
    along, both, across = (ellipses[x, row, part] for part in range(3))
    sums = [zero] * SUMS
    for plane, color in enumerate(COLOR_OF_PLANE):
        site_x, site_y = places[plane, 0], places[plane, 1]
        away_x = hl.cast(hl.Float(32), site_x) - place_x
        away_y = hl.cast(hl.Float(32), site_y) - place_y
        first_x = hl.cast(hl.Int(32), hl.floor(away_x * hl.f32(-0.5)))
        first_y = hl.cast(hl.Int(32), hl.floor(away_y * hl.f32(-0.5)))
        at_x = hl.clamp(bx * BLOCK_X + first_x + MARGIN, 0, wide_most) + x % BLOCK_X
        at_y = hl.clamp(row + first_y + MARGIN, 0, tall_most)
        for down in (0, 1):
            dy = away_y + hl.cast(hl.Float(32), 2 * (first_y + down))
            for right in (0, 1):
                dx = away_x + hl.cast(hl.Float(32), 2 * (first_x + right))
                near = hl.max(one - (along * (dx * dx) + both * (dx * dy) + across * (dy * dy)), zero)
                weight = (near * near) * (near * near)
                sums[color] += weight * moved[at_x + right, at_y + down, plane]
                sums[color + 3] += weight
    taken[x, y, p] = tuple(sums)
    laid[x, y, k, p] = before[x, y, k, p] + share[x, row] * hl.mux(k, [taken[x, y, p][n] for n in range(SUMS)])
    return Stages(taken, laid)


def schedule(stages: Stages, _target: Any) -> None:
    """0.41 s a frame of 12 MP, 2 cores of Emerald Rapids (AVX-512), in bands of 160 rows already in memory."""
    import halide as hl

    guard = hl.TailStrategy.GuardWithIf
    outer, lanes = hl.Var("outer"), hl.Var("lanes")
    x, y, k, p = stages.laid.args()
    stages.laid.bound(k, 0, SUMS).bound(p, 0, PHASES).split(x, outer, lanes, BLOCK_X, guard)
    stages.laid.reorder(lanes, k, p, outer, y).vectorize(lanes).unroll(k).parallel(y)
    x, _, _ = stages.taken.args()
    inner = hl.Var("inner")
    stages.taken.compute_at(stages.laid, p).align_bounds(x, BLOCK_X).split(x, x, inner, BLOCK_X).vectorize(inner)


def reference(
    moved: Array,
    shifts: Array,
    places: Places,
    ellipses: Array,
    share: Array,
    before: Array,
    wide: int,
    tall: int,
) -> Array:
    x, row = np.arange(wide), np.arange(tall)[:, None]
    bx, by = x // BLOCK_X, row // BLOCK_Y
    step_x, step_y = shifts[0][by, bx], shifts[1][by, bx]
    along, both, across = ellipses[:, row, x]
    laid = before.copy()
    for p in range(PHASES):
        place_x = np.float32(p % FINE * 0.5 - 0.25) + step_x
        place_y = np.float32(p // FINE * 0.5 - 0.25) + step_y
        for plane, color in enumerate(COLOR_OF_PLANE):
            away_x, away_y = places[0, plane] - place_x, places[1, plane] - place_y
            first_x, first_y = (np.floor(away * np.float32(-0.5)).astype(np.int32) for away in (away_x, away_y))
            at_x = np.clip(bx * BLOCK_X + first_x + MARGIN, 0, wide + 2 * MARGIN - BLOCK_X - 2) + x % BLOCK_X
            at_y = np.clip(row + first_y + MARGIN, 0, tall + 2 * MARGIN - 2)
            for down in (0, 1):
                dy = (away_y + 2 * (first_y + down)).astype(np.float32)
                for right in (0, 1):
                    dx = (away_x + 2 * (first_x + right)).astype(np.float32)
                    near = np.maximum(1 - (along * dx**2 + both * (dx * dy) + across * dy**2), 0)
                    weight = near**4 * share[row, x]
                    laid[p, color] += weight * moved[plane, at_y + down, at_x + right]
                    laid[p, color + 3] += weight
    return np.asarray(laid, np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def superpose(laid: Array, moved: Array, shifts: Array, places: Places, ellipses: Array, share: Array) -> None:
    """Add one frame to what has been laid, in place.

    `laid` is (16, 6, h, w): for each place within a cell the sums of weighted samples of R, G, B, then those of
    weights. `moved` has the planes R, G, G, B of a frame with margin, `places` (2, 4) where in a cell they stand, x
    and y; `shifts` (2, rows, columns) the steps to the frame, x and y in pixels, of blocks of BLOCK_X x BLOCK_Y cells;
    `ellipses` (3, h, width) xx, xy and yy of q in 1 / pixel^2 by cell, `share` (h, width) the weight of the frame;
    both as wide as whole blocks are.
    """
    _, _, _, wide = laid.shape
    tall = share.shape[0]
    kernel(moved, shifts, places, ellipses, share, laid, wide, tall, out=laid)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    rows, columns = -(-height // BLOCK_Y), -(-width // BLOCK_X)
    whole = columns * BLOCK_X
    moved = rng.random((4, height + 2 * MARGIN, width + 2 * MARGIN), np.float32)
    shifts = rng.normal(0, 3, (2, rows, columns)).astype(np.float32)
    places = np.array([[1, 0, 1, 0], [0, 0, 1, 1]], np.int32)
    ellipses = np.stack([0.3 + 0.2 * rng.random((height, whole)), np.full((height, whole), 0.1)] * 2)[:3]
    share = rng.random((height, whole), np.float32)
    before = rng.random((PHASES, SUMS, height, width), np.float32)
    return moved, shifts, places, ellipses.astype(np.float32), share, before, width, height
