"""Sharpening of the luma of a photo: an unsharp mask that knows noise from edges and lines from edges.

Polesel, Ramponi & Mathews 2000 in spirit: the fine detail (luma less its 5 x 5 binomial mean) is added back times
`amount`, shrunk to nothing below `threshold`; the result may pass the extremes of its 3 x 3 neighbourhood by no more
than `overshoot` of the local contrast, so that no edge rings, and by LINES of how far it stands out from both sides
of itself: so a line or a dot, whose top blur took away, gets it back, and the shoulder of an edge, which has one side
only, stays. All three colours change in the same proportion, of luma, or in pure colours of half their strongest.
The limits are own work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

SIGNATURE = Signature(
    inputs=(
        Image("photo", "float32", 3, "mirror"),
        Scalar("amount", "float32"),
        Scalar("threshold", "float32"),
        Scalar("overshoot", "float32"),
    ),
    outputs=(Image("sharp", "float32", 3),),
)
BINOMIAL = tuple(tap / 16.0 for tap in (1.0, 4.0, 6.0, 4.0, 1.0))
LUMA = (0.2627, 0.678, 0.0593)
LINES = 0.4
AXES = ((1, 0), (0, 1), (1, 1), (1, -1))
DIMMEST = 0.02
"""Darker pixels change as if they were as light as that, for the proportion of noise to noise means nothing."""
PUREST = 0.5
"""So do pure colours, as if their luma were this part of their strongest: in a deep blue luma is mostly noise."""


class Stages(Parts):
    luma: Any
    column: Any
    lowest: Any
    highest: Any
    sharp: Any


def algorithm(photo: Any, amount: Any, threshold: Any, overshoot: Any) -> Stages:
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    luma, column, lowest, highest, sharp = (hl.Func(name) for name in ("luma", "column", "lowest", "highest", "sharp"))
    luma[x, y] = sum((hl.f32(LUMA[i]) * photo[x, y, i] for i in range(3)), hl.f32(0.0))
    column[x, y] = sum((hl.f32(BINOMIAL[d + 2]) * luma[x, y + d] for d in range(-2, 3)), hl.f32(0.0))
    blurred = sum((hl.f32(BINOMIAL[d + 2]) * column[x + d, y] for d in range(-2, 3)), hl.f32(0.0))
    lowest[x, y] = hl.min(luma[x, y - 1], luma[x, y], luma[x, y + 1])
    highest[x, y] = hl.max(luma[x, y - 1], luma[x, y], luma[x, y + 1])
    low = hl.min(lowest[x - 1, y], lowest[x, y], lowest[x + 1, y])
    high = hl.max(highest[x - 1, y], highest[x, y], highest[x + 1, y])
    detail = luma[x, y] - blurred
    kept = detail * detail / (detail * detail + threshold * threshold + hl.f32(1e-12))
    raised = luma[x, y] + amount * kept * detail
    beside = [(luma[x, y] - luma[x + i, y + j], luma[x, y] - luma[x - i, y - j]) for i, j in AXES]
    above = hl.max(*(hl.min(one, other) for one, other in beside), hl.f32(0.0))
    below = hl.max(*(hl.min(-one, -other) for one, other in beside), hl.f32(0.0))
    margin, part = overshoot * (high - low), hl.f32(LINES)
    change = hl.clamp(raised, low - margin - part * below, high + margin + part * above) - luma[x, y]
    strongest = hl.max(photo[x, y, 0], photo[x, y, 1], photo[x, y, 2])
    share = change / hl.max(luma[x, y], hl.f32(PUREST) * strongest, hl.f32(DIMMEST))
    sharp[x, y, c] = hl.clamp(photo[x, y, c] + share * photo[x, y, c], hl.f32(0.0), hl.f32(1.0))
    return Stages(luma, column, lowest, highest, sharp)


def schedule(stages: Stages, target: Any) -> None:
    """8.3 ms, 12 MP, 2 cores of Zen 5 (AVX-512), output already in memory."""
    import halide as hl

    schedule_strips(stages, target.natural_vector_size(hl.Float(32)))


def schedule_strips(stages: Any, lanes: int) -> None:
    """Lines, all but the last of the stages, slide down strips of rows; the last strip is shifted back inside, for a
    guard in it would stop the sliding.
    """
    import halide as hl

    x, y, c = stages.sharp.args()
    inner = hl.Var("inner")
    rows = hl.min(64, stages.sharp.output_buffer().height())
    stages.sharp.bound(c, 0, 3).split(y, y, inner, rows, hl.TailStrategy.ShiftInwards).reorder(c, x, inner, y)
    stages.sharp.vectorize(x, lanes, hl.TailStrategy.GuardWithIf).unroll(c).parallel(y)
    for line in stages[:-1]:
        line.store_at(stages.sharp, y).compute_at(stages.sharp, inner).vectorize(line.args()[0], lanes)


def reference(photo: Array, amount: float, threshold: float, overshoot: float) -> Array:
    amount, threshold, overshoot = np.array((amount, threshold, overshoot), np.float32)
    _, height, width = photo.shape
    luma = np.sum([np.float32(LUMA[i]) * photo[i] for i in range(3)], axis=0)
    wide = np.pad(luma, 2, mode="reflect")
    column = np.sum([np.float32(BINOMIAL[d]) * wide[d : d + height] for d in range(5)], axis=0)
    blurred = np.sum([np.float32(BINOMIAL[d]) * column[:, d : d + width] for d in range(5)], axis=0)
    around = np.stack([wide[1 + j : 1 + j + height, 1 + i : 1 + i + width] for j in range(3) for i in range(3)])
    low, high = around.min(0), around.max(0)
    detail = luma - blurred
    kept = detail * detail / (detail * detail + threshold * threshold + np.float32(1e-12))
    apart = luma - around.reshape(3, 3, height, width)
    sides = [(apart[1 + j, 1 + i], apart[1 - j, 1 - i]) for i, j in AXES]
    above = np.max([np.minimum(*pair) for pair in sides], axis=0).clip(0)
    below = np.max([np.minimum(-one, -other) for one, other in sides], axis=0).clip(0)
    margin, part = overshoot * (high - low), np.float32(LINES)
    raised = luma + amount * kept * detail
    change = np.clip(raised, low - margin - part * below, high + margin + part * above) - luma
    share = change / np.maximum(np.maximum(luma, np.float32(PUREST) * photo.max(axis=0)), np.float32(DIMMEST))
    sharp: Array = np.clip(photo + share * photo, 0, 1).astype(np.float32)
    return sharp


kernel = Kernel(__name__, SIGNATURE, reference)


def sharpen(photo: Array, amount: float, threshold: float, overshoot: float) -> Array:
    """Sharpen a (3, H, W) photo, encoded 0 to 1; `threshold` is in its units, `overshoot` a part of local contrast."""
    return kernel(photo, amount, threshold, overshoot, out=np.empty(photo.shape, np.float32))


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    return rng.random((3, height, width), np.float32), 0.8, 0.01, 0.1
