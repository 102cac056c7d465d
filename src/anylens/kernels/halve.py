"""A picture with a margin, half as large: the next level of a pyramid (binomial 1 3 3 1, Burt & Adelson 1983)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Signature
from anylens.kernels.sites import MARGIN
from anylens.record import Parts

Array = npt.NDArray[np.float32]

SIGNATURE = Signature(inputs=(Image("picture", "float32", 2, "repeat"),), outputs=(Image("half", "float32", 2),))
TAPS = ((-1, 0.125), (0, 0.375), (1, 0.375), (2, 0.125))


class Stages(Parts):
    down: Any
    half: Any


def algorithm(picture: Any) -> Stages:
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    down, half = hl.Func("down"), hl.Func("half")
    down[x, y] = sum((hl.f32(tap) * picture[x, 2 * y - MARGIN + at] for at, tap in TAPS), hl.f32(0.0))
    half[x, y] = sum((hl.f32(tap) * down[2 * x - MARGIN + at, y] for at, tap in TAPS), hl.f32(0.0))
    return Stages(down, half)


def schedule(stages: Stages, target: Any) -> None:
    """0.7 ms from the cells of 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    x, y = stages.half.args()
    width = target.natural_vector_size(hl.Float(32))
    stages.half.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 8, hl.TailStrategy.GuardWithIf)
    stages.down.compute_at(stages.half, y).vectorize(stages.down.args()[0], width)


def reference(picture: Array) -> Array:
    def along(values: Array) -> Array:
        size = values.shape[-1]
        first = 2 * np.arange((size - 2 * MARGIN) // 2 + 2 * MARGIN) - MARGIN
        parts = [np.float32(tap) * values[:, np.clip(first + at, 0, size - 1)] for at, tap in TAPS]
        return np.asarray(np.sum(parts, axis=0), np.float32)

    return np.ascontiguousarray(along(along(np.ascontiguousarray(picture.T)).T))


kernel = Kernel(__name__, SIGNATURE, reference)


def halve(picture: Array) -> Array:
    """A picture of half the size, rounded down, and the same margin; point (x, y) lies between four of `picture`."""
    tall, wide = ((side - 2 * MARGIN) // 2 + 2 * MARGIN for side in picture.shape)
    return kernel(picture, out=np.empty((tall, wide), np.float32))


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    return (rng.random((height + 2 * MARGIN, width + 2 * MARGIN), np.float32),)
