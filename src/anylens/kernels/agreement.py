"""How far what is left of a frame's light against a guess is noise and finer detail, and not a change.

Over 5 x 5 cells the mean square of it is held against the noise and a part of the texture, its mean against less of
both: what is too fine for the guess comes and goes within a few pixels, a thing that moved does not. Own work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.counts import BLACK
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN
from anylens.record import Parts

Array = npt.NDArray[np.float32]
Counts = npt.NDArray[np.uint16]

REACH, GOOD, BAD = 2, 1.5, 2.5
SQUARE_TEXTURE, MEAN_TEXTURE, FLICKER = 0.3, 0.02, 0.01
CELLS = (2 * REACH + 1) ** 2
SIGNATURE = Signature(
    inputs=(
        Image("own", "uint16", 4),
        Image("rests", "float32", 4),
        Image("levels", "float32", 2),
        Image("rows", "int32", 1),
        Image("trust", "float32", 1),
        Scalar("unit", "float32"),
        Scalar("least", "float32"),
        Scalar("high", "int32"),
    ),
    outputs=(Image("agrees", "float32", 3),),
)


class Stages(Parts):
    down: Any
    agrees: Any


def algorithm(own: Any, rests: Any, levels: Any, rows: Any, trust: Any, unit: Any, least: Any, high: Any) -> Stages:
    import halide as hl

    x, y, n = hl.Var("x"), hl.Var("y"), hl.Var("n")
    down, agrees = hl.Func("down"), hl.Func("agrees")
    kept: list[Any] = [hl.f32(0.0)] * 10
    for step in range(-REACH, REACH + 1):
        row = y + MARGIN + step
        for plane in range(4):
            count = own[x, hl.clamp(row + rows[n], 0, high - 1), plane, n]
            light = unit * (hl.f32(count) - hl.f32(BLACK))
            left = rests[x, row, plane, n]
            for at, value in ((plane, light), (4 + plane, light * light), (8, left), (9, left * left)):
                kept[at] = kept[at] + value
    down[x, y, n] = tuple(kept)
    mean = [hl.f32(0.0)] * 10
    for step in range(MARGIN - REACH, MARGIN + REACH + 1):
        mean = [before + hl.f32(1.0 / CELLS) * down[x + step, y, n][at] for at, before in enumerate(mean)]
    texture, noise, light = hl.f32(0.0), hl.f32(0.0), hl.f32(0.0)
    for plane in range(4):
        texture += hl.max(mean[4 + plane] - mean[plane] * mean[plane], hl.f32(0.0))
        noise += levels[0, plane] * hl.max(mean[plane], hl.f32(0.0)) + levels[1, plane]
        light += mean[plane]
    texture = hl.max(texture - noise, hl.f32(0.0))
    even = hl.f32(12.0 / CELLS) * noise + hl.f32(MEAN_TEXTURE) * texture + hl.f32(FLICKER * FLICKER) * light * light

    def fits(ratio: Any) -> Any:
        return hl.clamp((hl.f32(BAD) - ratio) * hl.f32(1.0 / (BAD - GOOD)), hl.f32(0.0), hl.f32(1.0))

    both = fits(mean[9] / (noise + hl.f32(SQUARE_TEXTURE) * texture)) * fits(mean[8] * mean[8] / even)
    agrees[x, y, n] = trust[n] * hl.max(both, least)
    return Stages(down, agrees)


def schedule(stages: Stages, target: Any) -> None:
    """80 ms for 8 frames of 12 MP, 2 cores of an AMD EPYC (AVX-512), half of 160 ms of their time."""
    import halide as hl

    x, y, _ = stages.agrees.args()
    lanes, guard = target.natural_vector_size(hl.Float(32)), hl.TailStrategy.GuardWithIf
    stages.agrees.vectorize(x, lanes, guard).parallel(y, 8, guard)
    column, _, _ = stages.down.args()
    stages.down.compute_at(stages.agrees, y).vectorize(column, lanes, guard)


def reference(
    own: Counts,
    rests: Array,
    levels: Array,
    rows: npt.NDArray[np.int32],
    trust: Array,
    unit: float,
    least: float,
    high: int,
) -> Array:
    frames, _, tall, wide = rests.shape
    agrees = np.empty((frames, tall - 2 * MARGIN, wide - 2 * MARGIN), np.float32)
    for n, (first, most) in enumerate(zip(rows, trust, strict=True)):
        at = np.clip(np.arange(tall) + first, 0, high - 1)
        light = np.float32(unit) * (own[n][:, at].astype(np.float32) - np.float32(BLACK))
        mean = _mean(light)
        texture = np.maximum(_mean(light * light) - mean * mean, 0).sum(0)
        noise = (levels[:, :1, None] * np.maximum(mean, 0) + levels[:, 1:, None]).sum(0)
        texture = np.maximum(texture - noise, 0)
        left, square = _mean(rests[n].sum(0)[None])[0], _mean(np.square(rests[n]).sum(0)[None])[0]
        even = 12.0 / CELLS * noise + MEAN_TEXTURE * texture + np.square(FLICKER * mean.sum(0))
        ratios = square / (noise + SQUARE_TEXTURE * texture), np.square(left) / even
        one, two = (np.clip((BAD - ratio) / (BAD - GOOD), 0, 1) for ratio in ratios)
        agrees[n] = most * np.maximum(one * two, least)
    return agrees


def _mean(planes: Array) -> Array:
    """Over 5 x 5 cells, of the cells within the margin."""
    _, tall, wide = planes.shape
    inside = [
        planes[:, MARGIN + down : tall - MARGIN + down, MARGIN + right : wide - MARGIN + right]
        for down in range(-REACH, REACH + 1)
        for right in range(-REACH, REACH + 1)
    ]
    return np.asarray(sum(inside) / np.float32(CELLS), np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def agreement(
    own: Counts, rests: Array, levels: Array, rows: npt.NDArray[np.int32], trust: Array, unit: float, least: float
) -> Array:
    """(n, h + margins, w + margins): 0 to `trust` (n,) by cell of each frame, 0 in the margins.

    `own` (n, 4, H + margins, W + margins) are all counts of the frames, in planes of the noise `levels` (4, 2), `unit`
    of light each; `rests` (n, 4, h + margins, w + margins) is what is left of their rows from `rows` (n,) on. `least`
    is what even a change counts.
    """
    frames, _, tall, wide = rests.shape
    agrees = np.zeros((frames, tall, wide), np.float32)
    inner = agrees[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    kernel(own, rests, levels, rows, trust, unit, least, own.shape[2], out=inner)
    return agrees


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    size = (2, 4, height + 2 * MARGIN, width + 2 * MARGIN)
    own = rng.integers(BLACK, 60000, size).astype(np.uint16)
    rests = rng.normal(0, 0.1, size).astype(np.float32)
    levels = np.tile(np.array([0.01, 0.001], np.float32), (4, 1))
    rows, trust = np.array([0, 3], np.int32), np.array([1.0, 0.7], np.float32)
    return own, rests, levels, rows, trust, 1.0 / 60000, 0.1, size[2]
