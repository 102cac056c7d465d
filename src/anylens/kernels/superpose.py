"""Frames laid onto a picture of twice the resolution: each sample where the hand has carried it.

Kernel regression on raw after Wronski et al. 2019: a fine pixel takes the samples of its colour around the place that
it has in the frame, each with a weight that falls with the distance, and with how far the frame agrees there. No sample
is interpolated. Every 32 x 16 pixels have a shift of their own, so that the weights are numbers of a block. The
ellipses along edges of the paper are left out: what is laid here are the rests of a good guess, which knows the edges.

The fine picture is held in 16 planes, one for each place within a cell of the colour filter: neighbours in a plane are
neighbours in a frame's sites too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN
from anylens.record import Parts

Array = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]

BLOCK_X, BLOCK_Y = 16, 8
FINE, TAPS = 4, 3
PHASES = FINE * FINE
SUMS = 6
COLOR_OF_PLANE = (0, 1, 1, 2)
REACH_PX = 1.3
LEAST_WEIGHT = 0.25
FIRST_PX, STEP_PX = -0.25, 0.5
"""Where the first fine pixel of a cell lies in it, and how far it is to the next."""
SIGNATURE = Signature(
    inputs=(
        Image("rests", "float32", 4),
        Image("shifts", "float32", 4),
        Image("places", "int32", 2),
        Image("agrees", "float32", 3),
        Image("eager", "float32", 2),
        Image("before", "float32", 4),
        Scalar("frames", "int32"),
        Scalar("wide", "int32"),
        Scalar("tall", "int32"),
        Scalar("strength", "float32"),
        Scalar("more", "float32"),
    ),
    outputs=(Image("fine", "float32", 4),),
)


class Stages(Parts):
    start: Any
    weight: Any
    share: Any
    along: Any
    mass: Any
    laid: Any
    fine: Any


def algorithm(*arguments: Any) -> Stages:
    """Rows of a block are weighed along x once for the four fine rows of each cell, then those down y."""
    import halide as hl

    rests, shifts, places, agrees, eager, before, frames, wide, tall, strength, more = arguments
    n, bx, by = hl.Var("n"), hl.Var("bx"), hl.Var("by")
    most = wide + 2 * MARGIN - BLOCK_X, tall + 2 * MARGIN - BLOCK_Y

    def shift(axis: Any) -> Any:
        """How far the frame has moved where the block is, in pixels."""
        return shifts[hl.clamp(bx, 0, (wide - 1) / BLOCK_X), hl.clamp(by, 0, (tall - 1) / BLOCK_Y), axis, n]

    start, weight = _weights(shift, places)
    share = _shares(shift, agrees, most)
    along = _weighed_along(start, weight, rests, most)
    mass = _masses(weight)
    laid = _summed(weight, share, along, mass, frames)
    return Stages(start, weight, share, along, mass, laid, _added(laid, before, strength, more, eager))


def _weights(shift: Callable[[Any], Any], places: Any) -> tuple[Any, Any]:
    """The first of three cells along axis `a`, x or y, that the fine pixels of a cell look at, and what each weighs."""
    import halide as hl

    a, s, f, t, n, bx, by = (hl.Var(name) for name in ("a", "s", "f", "t", "n", "bx", "by"))
    start, weight = hl.Func("start"), hl.Func("weight")
    first_px = hl.f32(FIRST_PX) + shift(a) - hl.f32(places[s, a])
    start[s, a, n, bx, by] = hl.i32(hl.floor(first_px * hl.f32(0.5)))
    off = hl.f32(STEP_PX) * hl.f32(f) + first_px - hl.f32(2) * hl.f32(start[s, a, n, bx, by] + t)
    off = off * hl.f32(1.0 / REACH_PX)
    near = hl.max(hl.f32(1) - off * off, hl.f32(0))
    near = near * near
    weight[t, s, f, a, n, bx, by] = near * near
    return start, weight


def _shares(shift: Callable[[Any], Any], agrees: Any, most: tuple[Any, Any]) -> Any:
    """How much each frame counts at the cells of a block: what it agrees at the cell that is nearest in it."""
    import halide as hl

    x, y, n, bx, by = (hl.Var(name) for name in ("x", "y", "n", "bx", "by"))
    share = hl.Func("share")
    steps_x, steps_y = (hl.i32(hl.round(shift(axis) * hl.f32(0.5))) for axis in (0, 1))
    own_x = hl.clamp(bx * BLOCK_X + steps_x + MARGIN, 0, most[0]) + x
    own_y = hl.clamp(by * BLOCK_Y + steps_y + MARGIN, 0, most[1]) + y
    share[x, y, n, bx, by] = agrees[own_x, own_y, n]
    return share


def _weighed_along(start: Any, weight: Any, rests: Any, most: tuple[Any, Any]) -> Any:
    """What each frame shows in a row of a block, weighed along x for each of the four fine columns of a cell."""
    import halide as hl

    x, y, along = hl.Var("x"), hl.Var("y"), hl.Func("along")
    _, s, f, _, n, bx, by = weight.args()
    at_x = hl.clamp(bx * BLOCK_X + start[s, 0, n, bx, by] + MARGIN, 0, most[0] + 1 - TAPS) + x
    at_y = hl.clamp(by * BLOCK_Y + start[s, 1, n, bx, by] + MARGIN, 0, most[1] + 1 - TAPS) + y
    taps = [weight[tap, s, f, 0, n, bx, by] * rests[at_x + tap, at_y, s, n] for tap in range(TAPS)]
    along[x, y, s, f, n, bx, by] = taps[0] + taps[1] + taps[2]
    return along


def _masses(weight: Any) -> Any:
    """How much all samples of a frame weigh in a fine pixel, by colour."""
    import halide as hl

    c, p, mass = hl.Var("c"), hl.Var("p"), hl.Func("mass")
    *_, n, bx, by = weight.args()

    def all_of(plane: int, place: Any, axis: int) -> Any:
        return sum(
            (weight[tap, plane, place, axis, n, bx, by] for tap in (1, 2)), weight[0, plane, place, axis, n, bx, by]
        )

    masses = [all_of(plane, p % FINE, 0) * all_of(plane, p / FINE, 1) for plane in range(4)]
    mass[c, n, p, bx, by] = hl.mux(c, [masses[0], masses[1] + masses[2], masses[3]])
    return mass


def _summed(weight: Any, share: Any, along: Any, mass: Any, frames: Any) -> Any:
    """Over all frames, at the fine pixels of a block: by colour, what they show times its weight, and the weight."""
    import halide as hl

    x, y, _, bx, by = share.args()
    p, laid = hl.Var("p"), hl.Func("laid")
    frame = hl.RDom([hl.Range(0, frames)]).x
    own = (x, y, p, bx, by)
    laid[own] = tuple([hl.f32(0.0)] * SUMS)
    sums = [hl.f32(0.0)] * 3
    for plane, color in enumerate(COLOR_OF_PLANE):
        for tap in range(TAPS):
            line = along[x, y + tap, plane, p % FINE, frame, bx, by]
            sums[color] += weight[tap, plane, p / FINE, 1, frame, bx, by] * line
    agreed = share[x, y, frame, bx, by]
    laid[own] = tuple(
        [laid[own][color] + agreed * sums[color] for color in range(3)]
        + [laid[own][color + 3] + agreed * mass[color, frame, p, bx, by] for color in range(3)]
    )
    return laid


def _added(laid: Any, before: Any, strength: Any, more: Any, eager: Any) -> Any:
    """The picture of before and the mean of what was laid on it, `strength` and up to `more` times."""
    import halide as hl

    x, y, p, c, fine = hl.Var("x"), hl.Var("y"), hl.Var("p"), hl.Var("c"), hl.Func("fine")
    whole = laid[x % BLOCK_X, y % BLOCK_Y, p, x / BLOCK_X, y / BLOCK_Y]
    added = [whole[color] / (whole[color + 3] + hl.f32(LEAST_WEIGHT)) for color in range(3)]
    fine[x, y, p, c] = before[x, y, p, c] + (strength + more * eager[x, y]) * hl.mux(c, added)
    return fine


def schedule(stages: Stages, _target: Any) -> None:
    """0.38 s for 8 frames of 12 MP, 2 cores of an AMD EPYC (AVX-512), half of 0.75 s of their time; block by block,
    so that what is read of the frames stays in the first cache.
    """
    import halide as hl

    guard = hl.TailStrategy.GuardWithIf
    outer, lanes, rows, inner = hl.Var("outer"), hl.Var("lanes"), hl.Var("rows"), hl.Var("inner")
    left, under = hl.Var("left"), hl.Var("under")
    from_zero(stages.fine)
    x, y, p, c = stages.fine.args()
    fine = stages.fine.bound(c, 0, 3).bound(p, 0, PHASES)
    fine.split(x, outer, lanes, BLOCK_X, guard).split(y, rows, inner, BLOCK_Y, guard).split(p, under, left, FINE)
    fine.reorder(lanes, c, inner, under, left, outer, rows).vectorize(lanes).unroll(c).parallel(rows)
    s, a, *_ = stages.start.args()
    stages.start.compute_at(fine, outer).bound(s, 0, 4).bound(a, 0, 2).vectorize(s)
    t, s, f, a, *_ = stages.weight.args()
    weight = stages.weight.compute_at(fine, outer).bound(t, 0, TAPS).bound(s, 0, 4).bound(f, 0, FINE).bound(a, 0, 2)
    weight.reorder_storage(s, t, f, a).reorder(s, t, f, a).vectorize(s).unroll(t)
    x, y, *_ = stages.share.args()
    stages.share.compute_at(fine, outer).bound(x, 0, BLOCK_X).bound(y, 0, BLOCK_Y).vectorize(x).unroll(y)
    x, y, *_ = stages.along.args()
    stages.along.compute_at(fine, left).bound(x, 0, BLOCK_X).bound(y, 0, BLOCK_Y + TAPS - 1).vectorize(x).unroll(y)
    color, *_ = stages.mass.args()
    stages.mass.compute_at(fine, under).bound(color, 0, 3).unroll(color)
    x, y, *_ = stages.laid.args()
    laid = stages.laid.compute_at(fine, under).store_in(hl.MemoryType.Stack).bound(x, 0, BLOCK_X).bound(y, 0, BLOCK_Y)
    laid.vectorize(x)
    (frame,) = laid.rvars()
    laid.update().split(y, rows, inner, 2).reorder(x, inner, frame, rows).vectorize(x).unroll(inner)


def from_zero(output: Any) -> None:
    """Blocks begin where vectors do only if the picture begins at 0, which is to be said."""
    for axis in (0, 1):
        output.output_buffer().dim(axis).set_min(0)


def reference(
    rests: Array,
    shifts: Array,
    places: Places,
    agrees: Array,
    eager: Array,
    before: Array,
    frames: int,
    wide: int,
    tall: int,
    strength: float,
    more: float,
) -> Array:
    x, row = np.arange(wide), np.arange(tall)[:, None]
    bx, by = x // BLOCK_X, row // BLOCK_Y
    lane, line = x % BLOCK_X, row % BLOCK_Y
    most_x, most_y = wide + 2 * MARGIN - BLOCK_X, tall + 2 * MARGIN - BLOCK_Y
    laid = np.zeros((PHASES, SUMS, tall, wide), np.float32)
    for n in range(frames):
        steps = np.rint(shifts[n] / 2).astype(np.int64)[:, by, bx]
        own_x = np.clip(bx * BLOCK_X + steps[0] + MARGIN, 0, most_x) + lane
        own_y = np.clip(by * BLOCK_Y + steps[1] + MARGIN, 0, most_y) + line
        share = agrees[n, own_y, own_x]
        for plane, color in enumerate(COLOR_OF_PLANE):
            first_px = np.float32(FIRST_PX) + shifts[n] - places[:, plane].astype(np.float32)[:, None, None]
            start = np.floor(first_px / 2).astype(np.int64)
            away = first_px[None] - 2 * start[None]
            off = away[:, None] + STEP_PX * np.arange(FINE)[None, :, None, None, None]
            off = off - 2 * np.arange(TAPS)[:, None, None, None, None]
            weights = (np.maximum(1 - np.square(off / REACH_PX), 0) ** 4).astype(np.float32)[..., by, bx]
            at_x = np.clip(bx * BLOCK_X + start[0][by, bx] + MARGIN, 0, most_x + 1 - TAPS) + lane
            at_y = np.clip(by * BLOCK_Y + start[1][by, bx] + MARGIN, 0, most_y + 1 - TAPS) + line
            for p in range(PHASES):
                for below in range(TAPS):
                    for right in range(TAPS):
                        weight = share * weights[right, p % FINE, 0] * weights[below, p // FINE, 1]
                        laid[p, color] += weight * rests[n, plane, at_y + below, at_x + right]
                        laid[p, color + 3] += weight
    fine, gain = before.copy(), np.float32(strength) + np.float32(more) * eager
    for p in range(PHASES):
        fine[:, p] += gain * laid[p, :3] / (laid[p, 3:] + np.float32(LEAST_WEIGHT))
    return np.asarray(fine, np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def superpose(
    fine: Array,
    rests: Array,
    shifts: Array,
    places: Places,
    agrees: Array,
    eager: Array,
    strength: float,
    more: float,
) -> None:
    """Add to a fine picture, in place, the weighted mean of what all frames have more than it.

    That many times: `strength`, and `more` of it as `eager` (h, w) says by cell, 0 to 1.

    `fine` is (3, 16, h, w): of R, G and B the planes for each place within a cell. `rests` (n, 4, h + margins,
    w + margins) has the planes R, G, G, B of each frame, which stand at `places` (2, 4) in a cell, x and y; `agrees`
    (n, h + margins, w + margins) is the weight of each frame by cell. `shifts` (n, 2, rows, columns) are the steps to
    the frame, x and y in pixels, of each block of 16 x 8 cells. A sample at a distance of d pixels weighs
    (1 - d^2 / REACH_PX^2)^4 of the distance along x times the same along y.
    """
    _, _, tall, wide = fine.shape
    kernel(rests, shifts, places, agrees, eager, fine, len(rests), wide, tall, strength, more, out=fine)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    size = (height + 2 * MARGIN, width + 2 * MARGIN)
    rests = rng.normal(0, 1, (2, 4, *size)).astype(np.float32)
    shifts = rng.normal(0, 3, (2, 2, -(-height // BLOCK_Y), -(-width // BLOCK_X))).astype(np.float32)
    places = np.array([[1, 0, 1, 0], [0, 0, 1, 1]], np.int32)
    agrees, before = rng.random((2, *size), np.float32), rng.random((3, PHASES, height, width), np.float32)
    eager = rng.random((height, width), np.float32)
    return rests, shifts, places, agrees, eager, before, 2, width, height, 0.9, 0.3
