"""Clipped highlights, filled in from the colours that are left.

A site that reached sensor white takes what the other two colours around it tell; it never becomes darker than it was.
They tell something about their geometric mean, more or less towards the brighter of them, as this colour leans just
below its clipping level in the surroundings: a red lamp's green stays low and a yellow one's high, so that a colour
goes over into white step by step and keeps its hue. Of two that are alike they tell the same, so grey stays grey,
whatever is around. Where one of them is clipped too, the less clipped counts whole if it is brighter, so that white
paper does not turn pink. Where all three colours are clipped nothing is left to know the colour from: it is
white, and from `NEAR` of their levels on they come nearer to each other, or it would end in a hard border.
Counts of clipped light scatter, and those a little below the level are as clipped as those above: over the last `RISE`
before it the guess takes over step by step, or single sites would stay behind as dark specks.
The idea is the "opposed inpainting" of H. Schwind in darktable 4 (2022); this formulation is our own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import pattern
from anylens.kernels.cells import SPACING
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

RISE = 0.06
"""The part of a clipping level over which a site, or what is told of one, goes from whole to clipped."""

NEAR = 0.75
"""From what part of their levels on all three colours of a place go over into white, where they come near together."""

SPAN_PX = 32
"""How far apart the points lie at which colours' leaning is known; between them it changes evenly."""

OTHERS = (1, 2), (0, 2), (0, 1)
"""Of red, green and blue the other two, the redder one first."""

SIGNATURE = Signature(
    inputs=(
        Image("mosaic", "float32", 2, "mirror"),
        Image("clip", "float32", 2),
        Image("lean", "float32", 3, "repeat"),
        Scalar("red_x", "int32"),
        Scalar("red_y", "int32"),
    ),
    outputs=(Image("filled", "float32", 2),),
)


class Stages(Parts):
    sites: Any
    steeps: Any
    bright: Any
    filled: Any


def algorithm(mosaic: Any, clip: Any, lean: Any, red_x: Any, red_y: Any) -> Stages:
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    zero, half = hl.f32(0.0), hl.f32(0.5)
    row = (mosaic[x - 1, y] + mosaic[x + 1, y]) * half
    column = (mosaic[x, y - 1] + mosaic[x, y + 1]) * half
    corners = mosaic[x - 1, y - 1] + mosaic[x + 1, y - 1] + mosaic[x - 1, y + 1] + mosaic[x + 1, y + 1]
    sites = pattern.green_sites("highlight_sites", red_x, red_y)
    steeps = pattern.along_rows("steeps", lambda x, odd: hl.f32(1.0 / RISE) / clip[x % 2, odd])
    green_site = sites[x, y % 2] > zero
    one = hl.select(green_site, row, (row + column) * half)
    other = hl.select(green_site, column, corners * hl.f32(0.25))
    pair = hl.max(one, zero), hl.max(other, zero)
    mean, brighter = hl.sqrt(pair[0] * pair[1]), hl.max(*pair)
    leaning = _between(lean, hl.select(pair[0] > pair[1], 0, 4) + x % 2 + y % 2 * 2, x, y)
    told = mean + leaning * (brighter - mean)
    filled = hl.Func("filled")

    def share(light: Any, steep: Any) -> Any:
        return hl.clamp(light * steep * hl.f32(RISE), zero, hl.f32(1.0))

    def clipped(part: Any) -> Any:
        return hl.max(part * hl.f32(1.0 / RISE) - hl.f32(1.0 / RISE - 1.0), zero)

    other_steep = hl.select(green_site, hl.Expr(steeps[x, (y + 1) % 2]), hl.Expr(steeps[x + 1, (y + 1) % 2]))
    value = hl.Expr(mosaic[x, y])
    part, one_part, other_part = (
        share(light, steep)
        for light, steep in ((value, steeps[x, y % 2]), (one, steeps[x + 1, y % 2]), (other, other_steep))
    )
    one_clipped, other_clipped = clipped(one_part), clipped(other_part)
    either = hl.max(one_clipped, other_clipped)
    more = one_clipped - other_clipped
    left = hl.max(one - hl.max(more, zero) * one, other + hl.min(more, zero) * other)
    told += either * hl.max(left - told, zero)
    known = value + clipped(part) * hl.max(told - value, zero)
    near = hl.min(part, one_part, other_part) * hl.f32(1.0 / (1.0 - NEAR)) - hl.f32(NEAR / (1.0 - NEAR))
    filled[x, y] = known + hl.max(near, zero) * hl.max(brighter - known, zero)
    bright = hl.Func("bright")
    bright[x, y] = value * steeps[x, y % 2] > hl.f32(NEAR / RISE)
    return Stages(sites, steeps, bright, filled)


def _between(lean: Any, plane: Any, x: Any, y: Any) -> Any:
    """A plane of `lean` at a pixel, bilinear between its points."""
    import halide as hl

    right, down = x - SPAN_PX // 2, y - SPAN_PX // 2
    column, row = right / SPAN_PX, down / SPAN_PX
    across, below = (hl.f32(at % SPAN_PX) * hl.f32(1 / SPAN_PX) for at in (right, down))
    upper, lower = (
        lean[column, at, plane] + across * (lean[column + 1, at, plane] - lean[column, at, plane])
        for at in (row, row + 1)
    )
    return upper + below * (lower - upper)


def schedule(stages: Stages, target: Any) -> None:
    """7.1 ms, 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    filled = stages.filled
    x, y = filled.args()
    width = target.natural_vector_size(hl.Float(32))
    filled.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 32, hl.TailStrategy.GuardWithIf)
    for rows in stages[:2]:
        pattern.schedule(rows, width)


def reference(mosaic: Array, clip: Array, lean: Array, red_x: int, red_y: int) -> Array:
    height, width = mosaic.shape
    wide = np.pad(mosaic, 1, mode="reflect")

    def at(dx: int, dy: int) -> Array:
        return wide[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    rows, columns = np.indices(mosaic.shape)
    half = np.float32(0.5)
    row, column = (at(-1, 0) + at(1, 0)) * half, (at(0, -1) + at(0, 1)) * half
    corners = (at(-1, -1) + at(1, -1) + at(-1, 1) + at(1, 1)) / 4
    green_site = (rows + columns + red_x + red_y) % 2 == 1
    one, other = np.where(green_site, row, (row + column) * half), np.where(green_site, column, corners)
    down, right = np.arange(height) % 2, np.arange(width) % 2
    sites, beside, opposite = np.ix_(down, right), np.ix_(down, 1 - right), np.ix_(1 - down, 1 - right)
    other_clip = np.where(green_site, clip[np.ix_(1 - down, right)], clip[opposite])
    colors = (mosaic, clip[sites]), (one, clip[beside]), (other, other_clip)
    leans_of, site = _at_points(lean, rows, columns), rows % 2 * 2 + columns % 2
    leans = [leans_of(site), leans_of(site + 4)]
    return _filled(*colors, leans)


def _at_points(lean: Array, rows: Any, columns: Any) -> Callable[[Any], Array]:
    """What `_between` says, of many pixels: of each its own plane of `lean`, or of all the same."""
    _, tall, wide = lean.shape
    (above, below), under = _beside(rows, tall)
    (left, right), across = _beside(columns, wide)
    planes = lean.reshape(len(lean), -1)
    corners = [(row * wide + left, row * wide + right) for row in (above, below)]

    def at(plane: Any) -> Array:
        upper, lower = (
            one + across * (other - one)
            for one, other in ((planes[plane, left], planes[plane, right]) for left, right in corners)
        )
        between: Array = upper + under * (lower - upper)
        return between

    return at


def _beside(places: Any, points: int) -> tuple[tuple[Any, Any], Array]:
    """The points before and after each place, and how far it is on the way from one to the other."""
    first, part = np.divmod(places - SPAN_PX // 2, SPAN_PX)
    return (np.clip(first, 0, points - 1), np.clip(first + 1, 0, points - 1)), part.astype(np.float32) / SPAN_PX


def _filled(own: tuple[Array, Any], one: tuple[Array, Any], other: tuple[Array, Any], leans: Any) -> Array:
    """A colour after what the other two tell of it, each with its level; its leans to the one and to the other."""
    value, _ = own
    part, one_part, other_part = (np.clip(light / level, 0, 1) for light, level in (own, one, other))
    clipped, one_clipped, other_clipped = (
        np.maximum(each / np.float32(RISE) - np.float32(1 / RISE - 1), 0) for each in (part, one_part, other_part)
    )
    mean, brighter = mean_and_brighter(one[0], other[0])
    either = np.maximum(one_clipped, other_clipped)
    more = one_clipped - other_clipped
    left = np.maximum(one[0] - np.maximum(more, 0) * one[0], other[0] + np.minimum(more, 0) * other[0])
    told = mean + np.where(one[0] > other[0], *leans) * (brighter - mean)
    told = told + either * np.maximum(left - told, 0)
    known = value + clipped * np.maximum(told - value, 0)
    near = np.minimum(np.minimum(part, one_part), other_part) * np.float32(1 / (1 - NEAR)) - np.float32(
        NEAR / (1 - NEAR)
    )
    return np.asarray(known + np.maximum(near, 0) * np.maximum(brighter - known, 0), np.float32)


def mean_and_brighter(one: Array, other: Array) -> tuple[Array, Array]:
    """Of two colours: the geometric mean, and the brighter."""
    one, other = np.maximum(one, 0), np.maximum(other, 0)
    return np.sqrt(one * other), np.maximum(one, other)


kernel = Kernel(__name__, SIGNATURE, reference)


def highlights(mosaic: Array, clip: Array, lean: Array, red_x: int, red_y: int) -> Array:
    """Fill the clipped sites of a balanced (H, W) Bayer mosaic whose first red site is (red_x, red_y).

    `clip` (2, 2) is from where on each site is wholly clipped, `lean` (8, v, h) how far what the others tell of its
    colour lies from their mean, 0, towards the brighter, 1, at points SPAN_PX apart, the first in the middle of the
    first so many pixels: of the sites (0, 0), (1, 0), (0, 1), (1, 1), as (x, y), where the brighter is the colour
    beside the site in its row, then of the same where it is the other.
    """
    return kernel(mosaic, clip, lean, red_x, red_y, out=np.empty(mosaic.shape, np.float32))


def of_levels(seen: Array, clip: tuple[float, float, float]) -> Array:
    """(h * w,): how near to its level the colour, (3, h, w), comes that comes nearest, 1 at the level."""
    nearest = np.zeros(seen[0].size, np.float32)
    for plane, level in zip(seen.reshape(3, -1), clip, strict=True):
        np.maximum(nearest, plane * np.float32(1.0 / level), out=nearest)
    return nearest


def filled_in(seen: Array, clip: tuple[float, float, float], lean: Array, spacing_px: int = SPACING) -> Array:
    """The rule of this kernel on whole colours (3, h, w) instead of sites of a mosaic.

    `lean` (3, 3, v, h) is how far each colour leans to each of the others; the colours are of an overview, or of a
    picture itself, whose pixels are `spacing_px` 1 apart.
    """
    out = seen.copy()
    places = np.flatnonzero(of_levels(seen, clip) > NEAR)
    leans_of = _at_points(
        lean.reshape(-1, *lean.shape[2:]), *(at * spacing_px for at in np.divmod(places, seen.shape[2]))
    )
    light = seen.reshape(3, -1).take(places, 1)
    whole = [(plane, np.float32(level)) for plane, level in zip(light, clip, strict=True)]
    for own, (one, other) in enumerate(OTHERS):
        leans = [leans_of(3 * own + which) for which in (one, other)]
        out[own].ravel()[places] = _filled(whole[own], whole[one], whole[other], leans)
    return out


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    clip = np.array([[1.9, 1.0], [1.0, 1.5]], np.float32)
    lean = (rng.random((8, height // SPAN_PX + 1, width // SPAN_PX + 1), np.float32) * 2 - 1).astype(np.float32)
    return np.minimum(rng.random((height, width), np.float32) * 3, 1.9).astype(np.float32), clip, lean, 0, 0
