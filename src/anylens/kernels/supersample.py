"""What a frame shows that a picture of twice the resolution does not foretell: its light less that of the picture.

The forward half of back-projection (Irani & Peleg 1991). The fine picture is read where the hand has carried each
site, between its pixels by Catmull & Rom's cubic; a pixel of the sensor is as wide as two fine ones, so that what it
sees is exactly the mean of what fine pixels half a step to its sides would see.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN
from anylens.kernels.superpose import BLOCK_X, BLOCK_Y, COLOR_OF_PLANE, FINE, PHASES

Array = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]

TAPS = 5
SIGNATURE = Signature(
    inputs=(
        Image("own", "float32", 3),
        Image("fine", "float32", 4),
        Image("first", "int32", 3),
        Image("weights", "float32", 4),
        Scalar("wide", "int32"),
        Scalar("tall", "int32"),
    ),
    outputs=(Image("left", "float32", 3),),
)


class Stages(NamedTuple):
    seen: Any
    left: Any


def algorithm(own: Any, fine: Any, first: Any, weights: Any, wide: Any, tall: Any) -> Stages:
    import halide as hl

    x, y, s = hl.Var("x"), hl.Var("y"), hl.Var("s")
    seen, left = hl.Func("seen"), hl.Func("left")
    bx, by = hl.clamp(x / BLOCK_X, 0, (wide - 1) / BLOCK_X), hl.clamp(y / BLOCK_Y, 0, (tall - 1) / BLOCK_Y)
    color = hl.select(s == 0, 0, hl.select(s == 3, 2, 1))
    taps = hl.RDom([hl.Range(0, TAPS), hl.Range(0, TAPS)])
    to_x, to_y = first[bx, by, 2 * s] + taps.x, first[bx, by, 2 * s + 1] + taps.y
    cell_x = hl.clamp(bx * BLOCK_X + to_x / FINE + MARGIN, 0, wide + 2 * MARGIN - BLOCK_X) + x % BLOCK_X
    cell_y = hl.clamp(y + to_y / FINE + MARGIN, 0, tall + 2 * MARGIN - 1)
    phase = hl.clamp(to_x % FINE + FINE * (to_y % FINE), 0, PHASES - 1)
    weight = weights[taps.x, bx, by, 2 * s] * weights[taps.y, bx, by, 2 * s + 1]
    seen[x, y, s] = hl.f32(0.0)
    seen[x, y, s] += weight * fine[cell_x, cell_y, phase, color]
    left[x, y, s] = own[x + MARGIN, y + MARGIN, s] - seen[x, y, s]
    return Stages(seen, left)


def schedule(stages: Stages, _target: Any) -> None:
    """35 ms a frame of 12 MP, 2 cores of Emerald Rapids (AVX-512), in bands of 160 rows already in memory."""
    import halide as hl

    guard = hl.TailStrategy.GuardWithIf
    outer, lanes, inner = hl.Var("outer"), hl.Var("lanes"), hl.Var("inner")
    x, y, s = stages.left.args()
    stages.left.bound(s, 0, 4).split(x, outer, lanes, BLOCK_X, guard)
    stages.left.reorder(lanes, outer, s, y).vectorize(lanes).parallel(y, 4, guard)
    x, _, _ = stages.seen.args()
    stages.seen.compute_at(stages.left, outer).align_bounds(x, BLOCK_X).split(x, x, inner, BLOCK_X).vectorize(inner)
    right, down = stages.seen.rvars()
    update = stages.seen.update()
    update.split(x, x, inner, BLOCK_X).reorder(inner, right, down, x).vectorize(inner).unroll(right)


def reference(own: Array, fine: Array, first: Places, weights: Array, wide: int, tall: int) -> Array:
    x, y = np.arange(wide), np.arange(tall)[:, None]
    bx, by = x // BLOCK_X, y // BLOCK_Y
    left = own[:, MARGIN : MARGIN + tall, MARGIN : MARGIN + wide].copy()
    for s, color in enumerate(COLOR_OF_PLANE):
        for down in range(TAPS):
            to_y = first[2 * s + 1][by, bx] + down
            cell_y = np.clip(y + to_y // FINE + MARGIN, 0, tall + 2 * MARGIN - 1)
            for right in range(TAPS):
                to_x = first[2 * s][by, bx] + right
                start = np.clip(bx * BLOCK_X + to_x // FINE + MARGIN, 0, wide + 2 * MARGIN - BLOCK_X)
                weight = weights[2 * s, :, :, right][by, bx] * weights[2 * s + 1, :, :, down][by, bx]
                phase = to_x % FINE + FINE * (to_y % FINE)
                left[s] -= weight * fine[color, phase, cell_y, start + x % BLOCK_X]
    return np.asarray(left, np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def looks(shifts: Array, places: Places) -> tuple[Places, Array]:
    """Where the sites of each block look in the fine picture: its first column and row, and the weights from there on.

    `shifts` (2, rows, columns) are the steps from the frame to the fine picture, x and y in pixels of the sensor,
    `places` (2, 4) where in a cell the planes stand. Gives (8, rows, columns) and (8, rows, columns, 5): x and y of
    each plane in turn.
    """
    at = 2.0 * (places.T[:, :, None, None] + shifts[None].astype(np.float64))
    whole = np.floor(at)
    t = at - whole
    cubic = [
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    ]
    none = np.zeros_like(t)
    one, two = np.stack([*cubic, none], -1), np.stack([none, *cubic], -1)
    size = at.shape[2:]
    return (whole - 1).astype(np.int32).reshape(8, *size), ((one + two) / 2).astype(np.float32).reshape(8, *size, TAPS)


def supersample(own: Array, fine: Array, shifts: Array, places: Places) -> Array:
    """(4, h + margins, w + margins): a frame's light R, G, G, B less what the fine picture foretells; 0 in the margin.

    `own` is the frame's, with margin; `fine` (3, 16, h + margins, w + margins) the fine picture's planes.
    """
    _, tall, wide = (side - 2 * MARGIN for side in own.shape)
    left = np.zeros(own.shape, np.float32)
    inner = left[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    kernel(own, fine, *looks(shifts, places), wide, tall, out=inner)
    return left


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    size = (height + 2 * MARGIN, width + 2 * MARGIN)
    shifts = rng.normal(0, 4, (2, -(-height // BLOCK_Y), -(-width // BLOCK_X))).astype(np.float32)
    places = np.array([[1, 0, 1, 0], [0, 0, 1, 1]], np.int32)
    fine = rng.random((3, PHASES, *size), np.float32)
    return rng.random((4, *size), np.float32), fine, *looks(shifts, places), width, height
