"""Clipped highlights, filled in from the colours that are left.

A site that reached sensor white takes what the other two colours around it tell; it never becomes darker than it was.
They tell something about their mean, taken on square roots, more or less towards the brighter of them, as this colour
usually leans beside clipped places where that one is the brighter: green lies below the mean in the blue of a sky,
which would else turn cyan, and above it in yellow, which would turn into sand. Of two that are alike they tell the
same, so grey stays grey. Where one of them is clipped too, the less clipped counts whole if it is brighter, so that
white paper does not turn pink. Where all three colours are clipped nothing is left to know the colour from: it becomes
white.
Counts of clipped light scatter, and those a little below the level are as clipped as those above: over the last `RISE`
before it the guess takes over step by step, or single sites would stay behind as dark specks.
The idea is the "opposed inpainting" of H. Schwind in darktable 4 (2022); this formulation is our own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import pattern
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

RISE = 0.06
"""The part of a clipping level over which a site, or what is told of one, goes from whole to clipped."""

USUAL, LEAST = (0.65, -0.2), (0.6, -0.5)
"""How far colours lean to the brighter of the others, and at least: where that is the redder of them, for warm things
that clip are yellow more often than not, and where it is the bluer, as in sky."""

DULL = 0.03
"""How far the other two colours must lie apart, as a part of the lowest level, to tell how a third leans."""

SIGNATURE = Signature(
    inputs=(
        Image("mosaic", "float32", 2, "mirror"),
        Image("clip", "float32", 2),
        Image("lean", "float32", 3),
        Scalar("red_x", "int32"),
        Scalar("red_y", "int32"),
    ),
    outputs=(Image("filled", "float32", 2),),
)


class Stages(Parts):
    sites: Any
    steeps: Any
    one_leans: Any
    other_leans: Any
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
    one_leans = pattern.along_rows("one_leans", lambda x, odd: lean[x % 2, odd, 0])
    other_leans = pattern.along_rows("other_leans", lambda x, odd: lean[x % 2, odd, 1])
    green_site = sites[x, y % 2] > zero
    one = hl.select(green_site, row, (row + column) * half)
    other = hl.select(green_site, column, corners * hl.f32(0.25))
    pair = hl.max(one, zero), hl.max(other, zero)
    mean = (pair[0] + pair[1]) * hl.f32(0.25) + hl.sqrt(pair[0] * pair[1]) * half  # square of the mean of the roots
    brighter = hl.max(*pair)
    leaning = hl.select(pair[0] > pair[1], hl.Expr(one_leans[x, y % 2]), hl.Expr(other_leans[x, y % 2]))
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
    white = hl.max(clip[0, 0], clip[1, 0], clip[0, 1], clip[1, 1])
    both = hl.min(one_clipped, other_clipped)
    told += both * hl.max(white - told, zero)
    filled[x, y] = value + clipped(part) * hl.max(told - value, zero)
    bright = hl.Func("bright")
    bright[x, y] = value * steeps[x, y % 2] > hl.f32(1.0 / RISE - 1.0)
    return Stages(sites, steeps, one_leans, other_leans, bright, filled)


def schedule(stages: Stages, target: Any) -> None:
    """7.1 ms, 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    filled = stages.filled
    x, y = filled.args()
    width = target.natural_vector_size(hl.Float(32))
    filled.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 32, hl.TailStrategy.GuardWithIf)
    for rows in stages[:4]:
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
    return _filled(*colors, lean[:, sites[0], sites[1]], clip.max())


def _filled(own: tuple[Array, Any], one: tuple[Array, Any], other: tuple[Array, Any], leans: Any, white: Any) -> Array:
    """A colour after what the other two tell of it, each with its level; its leans to the one and to the other."""
    value, _ = own
    part, one_part, other_part = (np.clip(light / level, 0, 1) for light, level in (own, one, other))
    clipped, one_clipped, other_clipped = (
        np.maximum(each / np.float32(RISE) - np.float32(1 / RISE - 1), 0) for each in (part, one_part, other_part)
    )
    mean, brighter = _mean_and_brighter(one[0], other[0])
    either = np.maximum(one_clipped, other_clipped)
    more = one_clipped - other_clipped
    left = np.maximum(one[0] - np.maximum(more, 0) * one[0], other[0] + np.minimum(more, 0) * other[0])
    told = mean + np.where(one[0] > other[0], *leans) * (brighter - mean)
    told = told + either * np.maximum(left - told, 0)
    both = np.minimum(one_clipped, other_clipped)
    told = told + both * np.maximum(white - told, 0)
    return np.asarray(value + clipped * np.maximum(told - value, 0), np.float32)


def _mean_and_brighter(one: Array, other: Array) -> tuple[Array, Array]:
    """Of two colours: the mean, taken on square roots, and the brighter."""
    one, other = np.maximum(one, 0), np.maximum(other, 0)
    root = (np.sqrt(one) + np.sqrt(other)) * np.float32(0.5)
    return root * root, np.maximum(one, other)


kernel = Kernel(__name__, SIGNATURE, reference)


def highlights(mosaic: Array, clip: Array, lean: Array, red_x: int, red_y: int) -> Array:
    """Fill the clipped sites of a balanced (H, W) Bayer mosaic whose first red site is (red_x, red_y).

    `clip` (2, 2) is from where on each site is wholly clipped, `lean` (2, 2, 2) how far what the others tell of its
    colour lies from their mean, 0, towards the brighter, 1: first where that is the colour beside it in its row, then
    where it is the other.
    """
    return kernel(mosaic, clip, lean, red_x, red_y, out=np.empty(mosaic.shape, np.float32))


def clipping_level(
    seen: Array, gain: tuple[float, float, float], noise_scale: tuple[float, ...], noise_offset: tuple[float, ...]
) -> tuple[float, float, float]:
    """Where R, G and B really clip, in units of the balanced mosaic: many files clip below the white that they state.

    `seen` is (3, h, w), the colours of a sample of cells. A colour clips where its samples crowd within a fifth of
    its sensor white, `gain`: four times as thick as just below, with next to nothing above, and with other light
    further down, so that a flat surface is not taken for clipped; or they lie nearer together than half of what the
    noise, noise_scale x + noise_offset its variance by colour, would let light lie, while a twentieth of the picture
    is elsewhere and it is the top eighth of sensor white. Otherwise it clips at its white.
    """
    bins = 128
    found = []
    for plane, white, scale, offset, sites in zip(seen, gain, noise_scale, noise_offset, (1, 2, 1), strict=True):
        places = np.clip(plane * np.float32(bins / white), 0, bins - 1).astype(np.uint8)
        count = np.bincount(places.ravel(), minlength=bins)
        peak = bins * 4 // 5 + int(np.argmax(count[bins * 4 // 5 :]))
        below = float(np.median(count[peak - 24 : peak - 4]))
        crowd = int(count[peak])
        crowded = (
            crowd > places.size / 5000
            and below > places.size / 100_000
            and crowd > 4 * max(below, float(count[peak - 3]))
            and count[peak + 3 :].sum() < 0.2 * crowd
        )
        about = plane[np.abs(places.astype(np.int16) - peak) <= 3]
        sigma = float(np.sqrt((scale * white * peak / bins + offset) / sites))
        still = peak >= bins * 7 // 8 and 64 <= about.size < 0.95 * places.size and float(about.std()) < 0.5 * sigma
        still = still and bool(count[peak + 4 :].sum() < 0.05 * about.size)
        found.append(white * (peak - 1) / bins if crowded or still else white)
    return found[0], found[1], found[2]


def usual_lean(seen: Array, clip: tuple[float, float, float]) -> Array:
    """(3, 3): how far R, G and B lean from the mean of the others to the one that is brighter, beside clipped places.

    `seen` is (3, h, w), the colours of a sample of cells. Cells tell of the colour that would clip first; it leans by
    USUAL where too few bright ones near clipped ones have colours that would tell.
    """
    clipped = np.asarray((seen >= np.array(clip, np.float32)[:, None, None]).any(0))
    near = _grown(clipped) & ~clipped & (seen.sum(0) > 1.5 * min(clip)) if clipped.any() else clipped
    bright, found = seen[:, near], np.zeros((3, 3), np.float32)
    first = (bright / np.array(clip, np.float32)[:, None]).argmax(0)
    for own, (one, other) in enumerate(((1, 2), (0, 2), (0, 1))):
        here = bright[:, first == own]
        warm = here[one] > here[other]
        for which, cells, usual, least in zip((one, other), (warm, ~warm), USUAL, LEAST, strict=True):
            mean, brighter = _mean_and_brighter(here[one, cells], here[other, cells])
            apart = brighter - mean
            doubt = (apart.size + 8) * (DULL * min(clip)) ** 2
            lean = (float(((here[own, cells] - mean) * apart).sum()) + usual * doubt) / (
                float((apart * apart).sum()) + doubt
            )
            found[own, which] = min(max(lean, least), 1.0)
    return found


def filled_in(seen: Array, clip: tuple[float, float, float], lean: Array) -> Array:
    """The rule of this kernel on whole colours (3, h, w) instead of sites of a mosaic."""
    out = seen.copy()
    places = np.flatnonzero((seen > (1.0 - RISE) * np.array(clip, np.float32)[:, None, None]).any(0))
    whole = [(plane.ravel()[places], np.float32(level)) for plane, level in zip(seen, clip, strict=True)]
    for own, one, other in ((0, 1, 2), (1, 0, 2), (2, 1, 0)):
        known = whole[own], whole[one], whole[other], lean[own, [one, other]], np.float32(max(clip))
        out[own].ravel()[places] = _filled(*known)
    return out


def _grown(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    for _ in range(3):
        wide = np.pad(mask, 1)
        mask = wide[1:-1, 1:-1] | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    return mask


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    clip = np.array([[1.9, 1.0], [1.0, 1.5]], np.float32)
    lean = np.array([[[0.7, 0.5], [0.5, 0.2]], [[-0.3, 0.4], [0.1, 0.6]]], np.float32)
    return np.minimum(rng.random((height, width), np.float32) * 3, 1.9).astype(np.float32), clip, lean, 0, 0
