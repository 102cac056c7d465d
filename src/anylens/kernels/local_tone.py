"""Local tone: dark and bright surroundings come nearer to middle grey, what is within them keeps its contrast.

The surroundings are a guided filter of log luminance (He, Sun & Tang 2013), found on a small overview of the scene and
used at full size by its local line a L + b, as in the fast guided filter (He & Sun 2015): it follows strong edges, so
there are no halos, and ignores texture, so nothing becomes flat.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import powers
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature

Array = npt.NDArray[np.float32]

SIGNATURE = Signature(
    inputs=(
        Image("scene", "float32", 3),
        Image("lines", "float32", 3),
        Scalar("spacing", "float32"),
        Scalar("points_x", "int32"),
        Scalar("points_y", "int32"),
        Scalar("shadows", "float32"),
        Scalar("highlights", "float32"),
    ),
    outputs=(Image("even", "float32", 3),),
)
LUMA = (0.2627, 0.678, 0.0593)
DARKEST = 2.0**-14
GREY_EV = float(np.log2(0.18))
DEEPEST_EV = -6.0
SOFTNESS_EV = 1.0
TEXTURE_EV = 0.5


def _lift(around: Any, shadows: Any, highlights: Any, root: Any, most: Any, one: Any) -> Any:
    """Stops to add where the surroundings are `around` stops above middle grey: two slopes with a soft bend between."""
    held = most(around, one * DEEPEST_EV)
    bend = root(held * held + one * SOFTNESS_EV**2)
    return ((bend - held) * shadows - (bend + held) * highlights + (highlights - shadows) * SOFTNESS_EV) * 0.5


def line_at(lines: Any, spacing: Any, points_x: Any, points_y: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Slope and shift at pixel (x, y), bilinear in the grid."""
    import halide as hl

    def cell(place: Any, points: Any) -> tuple[Any, Any, Any]:
        held = hl.clamp(hl.cast(hl.Float(32), place) / spacing, hl.f32(0.0), hl.cast(hl.Float(32), points - 1))
        first = hl.clamp(hl.cast(hl.Int(32), held), 0, points - 1)
        return first, hl.min(first + 1, points - 1), held - hl.cast(hl.Float(32), first)

    left, right, across = cell(x, points_x)
    top, bottom, down = cell(y, points_y)

    def between(k: int) -> Any:
        upper = lines[left, top, k] + across * (lines[right, top, k] - lines[left, top, k])
        lower = lines[left, bottom, k] + across * (lines[right, bottom, k] - lines[left, bottom, k])
        return upper + down * (lower - upper)

    return between(0), between(1)


def evened(scene: Any, line: tuple[Any, Any], x: Any, y: Any, shadows: Any, highlights: Any) -> Any:
    """The scene times the gain that its surroundings ask for at (x, y)."""
    import halide as hl

    c = hl.Var("c")
    luma = sum((hl.f32(LUMA[i]) * scene[x, y, i] for i in range(3)), hl.f32(0.0))
    stops = powers.log2(hl.max(luma, hl.f32(DARKEST))) - hl.f32(GREY_EV)
    lifted = _lift(line[0] * stops + line[1], shadows, highlights, hl.sqrt, hl.max, hl.f32(1.0))
    even = hl.Func("even")
    even[x, y, c] = scene[x, y, c] * powers.exp2(lifted)
    return even


def algorithm(scene: Any, lines: Any, spacing: Any, points_x: Any, points_y: Any, shadows: Any, highlights: Any) -> Any:
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    return evened(scene, line_at(lines, spacing, points_x, points_y, x, y), x, y, shadows, highlights)


def schedule(even: Any, target: Any) -> None:
    """40 ms, 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    x, y, c = even.args()
    width = target.natural_vector_size(hl.Float(32))
    even.bound(c, 0, 3).reorder(c, x, y).unroll(c)
    even.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 16, hl.TailStrategy.GuardWithIf)


def reference(
    scene: Array,
    lines: Array,
    spacing: float,
    points_x: int,
    points_y: int,
    shadows: float,
    highlights: float,
) -> Array:
    _, height, width = scene.shape

    def cell(count: int, points: int) -> tuple[Any, Any, Any]:
        held = np.clip(np.arange(count, dtype=np.float32) / np.float32(spacing), 0, points - 1)
        first = held.astype(np.int32)
        return first, np.minimum(first + 1, points - 1), (held - first).astype(np.float32)

    left, right, across = cell(width, points_x)
    top, bottom, down = cell(height, points_y)
    upper = lines[:, top][:, :, left] * (1 - across) + lines[:, top][:, :, right] * across
    lower = lines[:, bottom][:, :, left] * (1 - across) + lines[:, bottom][:, :, right] * across
    slope, shift = upper + down[:, None] * (lower - upper)
    luma = np.tensordot(np.array(LUMA, np.float32), scene, 1)
    stops = np.log2(np.maximum(luma, np.float32(DARKEST))) - np.float32(GREY_EV)
    lifted = _lift(slope * stops + shift, shadows, highlights, np.sqrt, np.maximum, np.float32(1))
    even: Array = (scene * np.exp2(lifted)).astype(np.float32)
    return even


kernel = Kernel(__name__, SIGNATURE, reference)


def local_tone(
    scene: Array, lines: Array, spacing: float, points_x: int, points_y: int, shadows: float, highlights: float
) -> Array:
    """Even out the surroundings in (3, H, W) linear Rec. 2020.

    `lines` (2, points_y, points_x) is what `surroundings` gives, one point every `spacing` pixels from the first one
    on. `shadows` and `highlights`, 0 to 1, are stops lifted or held back for each stop below or above middle grey.
    """
    return kernel(scene, lines, spacing, points_x, points_y, shadows, highlights, out=np.empty(scene.shape, np.float32))


def surroundings(overview: Array) -> Array:
    """(2, h, w): slope and shift that give the surroundings of a place from its own light, in stops over middle grey.

    `overview` (3, h, w) is a scene in linear Rec. 2020 seen small.
    """
    luma = np.einsum("c,cyx->yx", np.array(LUMA, np.float32), overview)
    stops = (np.log2(np.maximum(luma, DARKEST)) - GREY_EV).astype(np.float64)
    radius = max(2, round(0.03 * max(stops.shape)))
    mean = _boxed(stops, radius)
    variance = np.maximum(_boxed(stops * stops, radius) - mean * mean, 0.0)
    slope = variance / (variance + TEXTURE_EV**2)
    lines: Array = np.stack([_boxed(slope, radius), _boxed(mean - slope * mean, radius)]).astype(np.float32)
    return lines


def _boxed(plane: npt.NDArray[np.float64], radius: int) -> npt.NDArray[np.float64]:
    """Mean over a square of 2 radius + 1, cut at the border."""
    for axis in (0, 1):
        size = plane.shape[axis]
        total = np.concatenate([np.zeros_like(plane.take([0], axis)), np.cumsum(plane, axis)], axis)
        low, high = np.maximum(np.arange(size) - radius, 0), np.minimum(np.arange(size) + radius + 1, size)
        counts = (high - low).reshape([-1 if k == axis else 1 for k in range(2)])
        plane = (total.take(high, axis) - total.take(low, axis)) / counts
    return plane


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    scene = rng.random((3, height, width), np.float32) ** 3
    lines = surroundings(rng.random((3, 5, 7), np.float32))
    return scene, lines, max(height, width) / 6, 7, 5, 0.4, 0.2
