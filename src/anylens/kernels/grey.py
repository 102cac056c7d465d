"""Sites of the colour filter -> the smooth brightness that pictures are aligned by.

Each cell of 2 x 2 sites is one point, their mean; a binomial of 3 x 3 then takes away what a shift by parts of a point
could not carry along (the colour filter has seen it in one phase only).
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
    inputs=(Image("sites", "float32", 3, "repeat"), Scalar("gain", "float32"), Scalar("most", "float32")),
    outputs=(Image("grey", "float32", 2),),
)


class Stages(Parts):
    across: Any
    grey: Any


def algorithm(sites: Any, gain: Any, most: Any) -> Stages:
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    mean, across, grey = hl.Func("mean"), hl.Func("across"), hl.Func("grey")
    total = sites[x, y, 0] + sites[x, y, 1] + (sites[x, y, 2] + sites[x, y, 3])
    mean[x, y] = hl.min(total * (gain * hl.f32(0.25)), most)
    across[x, y] = mean[x - 1, y] + mean[x + 1, y] + hl.f32(2.0) * mean[x, y]
    grey[x, y] = (across[x, y - 1] + across[x, y + 1] + hl.f32(2.0) * across[x, y]) * hl.f32(0.0625)
    return Stages(across, grey)


def schedule(stages: Stages, target: Any) -> None:
    """1.5 ms for the cells of 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    x, y = stages.grey.args()
    strip = hl.Var("strip")
    width = target.natural_vector_size(hl.Float(32))
    stages.grey.split(y, strip, y, 32, hl.TailStrategy.GuardWithIf).parallel(strip)
    stages.grey.vectorize(x, width, hl.TailStrategy.GuardWithIf)
    x, y = stages.across.args()
    stages.across.store_at(stages.grey, strip).compute_at(stages.grey, stages.grey.args()[1]).fold_storage(y, 4)
    stages.across.vectorize(x, width)


def reference(sites: Array, gain: float, most: float) -> Array:
    mean = np.minimum(sites.sum(axis=0) * np.float32(0.25 * gain), np.float32(most))
    around = np.pad(mean, 1, mode="edge")
    across = around[:, :-2] + around[:, 2:] + 2 * around[:, 1:-1]
    smooth: Array = (across[:-2] + across[2:] + 2 * across[1:-1]) * np.float32(0.0625)
    return smooth


kernel = Kernel(__name__, SIGNATURE, reference)


def grey(sites: Array, gain: float = 1.0, most: float = np.inf) -> Array:
    """(h, w) of `sites` (4, h, w): their mean times `gain`, no more than `most`, smoothed."""
    return kernel(sites, gain, min(most, 3e38), out=np.empty(sites.shape[1:], np.float32))


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    return rng.random((4, height, width), np.float32), 1.3, 0.9
