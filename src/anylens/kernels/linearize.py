"""Counts to linear light: black level off, each site's range to 1 (DNG specification 1.7, "Mapping Raw Values")."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

if TYPE_CHECKING:
    import halide as hl

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.uint16]

SIGNATURE = Signature(
    inputs=(
        Image("raw", "uint16", 2),
        Image("black", "float32", 2),
        Image("scale", "float32", 2),
        Image("row_delta", "float32", 1),
        Scalar("period", "int32"),
    ),
    outputs=(Image("linear", "float32", 2),),
)


class Stages(Parts):
    linear: hl.Func


def algorithm(raw: hl.Func, black: hl.Func, scale: hl.Func, row_delta: hl.Func, period: hl.Expr) -> Stages:
    """`black` and `scale` are as wide as `raw` and repeat every `period` rows."""
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    linear = hl.Func("linear")
    site = y % period
    linear[x, y] = light_of(raw[x, y], black[x, site], row_delta[y], scale[x, site])
    return Stages(linear)


def light_of(count: hl.Expr, black: hl.Expr, delta: hl.Expr, scale: hl.Expr) -> hl.Expr:
    """The light of one site."""
    import halide as hl

    return (hl.f32(count) - black - delta) * scale


def schedule(stages: Stages, target: hl.Target) -> None:
    """12 MP in 1.5 ms on 2 cores of Zen 5 (AVX-512), as fast as memory gives."""
    import halide as hl

    linear = stages.linear
    x, y = linear.args()
    band = hl.Var("band")
    linear.split(y, band, y, 32, hl.TailStrategy.GuardWithIf).parallel(band)
    linear.vectorize(x, target.natural_vector_size(hl.Float(32)), hl.TailStrategy.GuardWithIf)


def reference(raw: Counts, black: Floats, scale: Floats, row_delta: Floats, period: int) -> Floats:
    """The specification, in NumPy."""
    site = np.arange(raw.shape[0]) % period
    linear: Floats = (raw.astype(np.float32) - black[site] - row_delta[:, None]) * scale[site]
    return linear


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Counts, Floats, Floats, Floats, int]:
    """Valid inputs of any size."""
    period = int(rng.integers(1, 5))
    return (
        rng.integers(0, 1 << 14, (height, width), dtype=np.uint16),
        rng.uniform(0.0, 600.0, (period, width)).astype(np.float32),
        rng.uniform(1.0 / 16384, 1.0 / 15000, (period, width)).astype(np.float32),
        rng.normal(0.0, 3.0, height).astype(np.float32),
        period,
    )


kernel = Kernel(__name__, SIGNATURE, reference)


def tables(
    raw: Counts,
    black: npt.ArrayLike,
    scale: npt.ArrayLike,
    row_delta: npt.ArrayLike = 0.0,
    column_delta: npt.ArrayLike = 0.0,
) -> tuple[Counts, Floats, Floats, Floats, int]:
    """What the kernel takes: raw, black and scale as wide as it and a period high, what rows add to black, the period.

    The arguments are those of `linearize`.
    """
    height, width = raw.shape
    blacks, scales = (np.atleast_2d(np.asarray(pattern, np.float32)) for pattern in (black, scale))
    period = math.lcm(len(blacks), len(scales))
    columns = np.arange(width)
    black_rows = np.tile(blacks, (period // len(blacks), 1))[:, columns % blacks.shape[1]]
    scale_rows = np.tile(scales, (period // len(scales), 1))[:, columns % scales.shape[1]]
    black_rows = black_rows + np.broadcast_to(np.asarray(column_delta, np.float32), (width,))
    rows = np.ascontiguousarray(np.broadcast_to(np.asarray(row_delta, np.float32), (height,)))
    return raw, black_rows, scale_rows, rows, period


def linearize(
    raw: Counts,
    black: npt.ArrayLike,
    scale: npt.ArrayLike,
    row_delta: npt.ArrayLike = 0.0,
    column_delta: npt.ArrayLike = 0.0,
) -> Floats:
    """Linear light from counts, (raw - black - row_delta - column_delta) * scale, nothing clipped.

    `raw` is uint16 (H, W), any view of it. `black` in counts and `scale` in 1 / counts, usually 1 / (white - black),
    are patterns (rows, columns) that repeat from the top left pixel; each has its own size. `row_delta` (H,) and
    `column_delta` (W,) are counts added to the black level. Gives float32 (H, W), 0 at black, 1 at white.
    Raises ValueError for deltas that do not fit the image. DNG specification, BlackLevel to WhiteLevel.
    """
    return kernel(*tables(raw, black, scale, row_delta, column_delta), out=np.empty(raw.shape, np.float32))
