"""Clipped highlights, filled in from the colours that are left.

A site that reached sensor white takes what the other two colours around it tell, plus how much its colour usually
differs from that beside clipped places; it never becomes darker than it was. They tell the middle between their mean,
taken on square roots, and the brighter of them: what clips is likely to be bright, so yellow does not turn to orange.
Where one of them is clipped too, the other counts whole if it is brighter, so that white paper does not turn pink.
Where all three colours are clipped nothing is left to know the colour from: it becomes white.
Counts of clipped light scatter, and those a little below the level are as clipped as those above: over the last `RISE`
before it the guess takes over step by step, or single sites would stay behind as dark specks.
The idea is the "opposed inpainting" of H. Schwind in darktable 4 (2022); this formulation is our own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels import pattern
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature

Array = npt.NDArray[np.float32]

RISE = 0.06
"""The part of a clipping level over which a site, or what is told of one, goes from whole to clipped."""

SIGNATURE = Signature(
    inputs=(
        Image("mosaic", "float32", 2, "mirror"),
        Image("clip", "float32", 2),
        Image("lead", "float32", 2),
        Scalar("red_x", "int32"),
        Scalar("red_y", "int32"),
    ),
    outputs=(Image("filled", "float32", 2),),
)


class Stages(NamedTuple):
    sites: Any
    steeps: Any
    leads: Any
    bright: Any
    filled: Any


def algorithm(mosaic: Any, clip: Any, lead: Any, red_x: Any, red_y: Any) -> Stages:
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    zero, half = hl.f32(0.0), hl.f32(0.5)
    row = (mosaic[x - 1, y] + mosaic[x + 1, y]) * half
    column = (mosaic[x, y - 1] + mosaic[x, y + 1]) * half
    corners = mosaic[x - 1, y - 1] + mosaic[x + 1, y - 1] + mosaic[x - 1, y + 1] + mosaic[x + 1, y + 1]
    sites = pattern.green_sites("highlight_sites", red_x, red_y)
    steeps = pattern.along_rows("steeps", lambda x, odd: hl.f32(1.0 / RISE) / clip[x % 2, odd])
    leads = pattern.of_table("leads", lead)
    green_site = sites[x, y % 2] > zero
    one = hl.select(green_site, row, (row + column) * half)
    other = hl.select(green_site, column, corners * hl.f32(0.25))
    both = hl.max(one, zero), hl.max(other, zero)
    mean = (both[0] + both[1]) * hl.f32(0.25) + hl.sqrt(both[0] * both[1]) * half  # square of the mean of the roots
    told = (mean + hl.max(*both)) * half
    filled = hl.Func("filled")

    def clipped(light: Any, steep: Any) -> Any:
        return hl.clamp(light * steep - hl.f32(1.0 / RISE - 1.0), zero, hl.f32(1.0))

    other_steep = hl.select(green_site, hl.Expr(steeps[x, (y + 1) % 2]), hl.Expr(steeps[x + 1, (y + 1) % 2]))
    one_clipped, other_clipped = clipped(one, steeps[x + 1, y % 2]), clipped(other, other_steep)
    left = hl.max(one - one_clipped * one, other - other_clipped * other)
    told += hl.max(one_clipped, other_clipped) * hl.max(left - told, zero) + leads[x, y % 2]
    white = hl.max(clip[0, 0], clip[1, 0], clip[0, 1], clip[1, 1])
    told += hl.min(one_clipped, other_clipped) * hl.max(white - told, zero)
    value = hl.Expr(mosaic[x, y])
    filled[x, y] = value + clipped(value, steeps[x, y % 2]) * hl.max(told - value, zero)
    bright = hl.Func("bright")
    bright[x, y] = value * steeps[x, y % 2] > hl.f32(1.0 / RISE - 1.0)
    return Stages(sites, steeps, leads, bright, filled)


def schedule(stages: Stages, target: Any) -> None:
    """7.1 ms, 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    filled = stages.filled
    x, y = filled.args()
    width = target.natural_vector_size(hl.Float(32))
    filled.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 32, hl.TailStrategy.GuardWithIf)
    for rows in stages[:3]:
        pattern.schedule(rows, width)


def reference(mosaic: Array, clip: Array, lead: Array, red_x: int, red_y: int) -> Array:
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
    sites, opposite = np.ix_(down, right), clip[np.ix_(1 - down, 1 - right)]
    other_clip = np.where(green_site, clip[np.ix_(1 - down, right)], opposite)
    one_clipped, other_clipped = _clipped(one, clip[np.ix_(down, 1 - right)]), _clipped(other, other_clip)
    guess = _guess(one, other, one_clipped, other_clipped, lead[sites], clip.max())
    return np.asarray(mosaic + _clipped(mosaic, clip[sites]) * np.maximum(guess - mosaic, 0))


def _clipped(light: Array, clip: Any) -> Array:
    """How far light is to be taken for clipped, 0 to 1."""
    return np.asarray(np.clip(light / (np.float32(RISE) * clip) - np.float32(1 / RISE - 1), 0, 1), np.float32)


def _told(one: Array, other: Array) -> Array:
    """What the other two colours tell of a third."""
    root = (np.sqrt(np.maximum(one, 0)) + np.sqrt(np.maximum(other, 0))) * np.float32(0.5)
    return np.asarray((root * root + np.maximum(np.maximum(one, other), 0)) * np.float32(0.5))


def _guess(one: Array, other: Array, one_clipped: Array, other_clipped: Array, lead: Any, white: Any) -> Array:
    """What they tell of a clipped one: the brighter whole one where one of them is clipped, white where both are."""
    told = _told(one, other)
    left = np.maximum(one - one_clipped * one, other - other_clipped * other)
    told = told + np.maximum(one_clipped, other_clipped) * np.maximum(left - told, 0) + lead
    return np.asarray(told + np.minimum(one_clipped, other_clipped) * np.maximum(white - told, 0))


kernel = Kernel(__name__, SIGNATURE, reference)


def highlights(mosaic: Array, clip: Array, lead: Array, red_x: int, red_y: int) -> Array:
    """Fill the clipped sites of a balanced (H, W) Bayer mosaic whose first red site is (red_x, red_y).

    `clip` (2, 2) is from where on each site is wholly clipped, `lead` (2, 2) how far its colour usually leads what the
    others tell.
    """
    return kernel(mosaic, clip, lead, red_x, red_y, out=np.empty(mosaic.shape, np.float32))


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


def usual_lead(seen: Array, clip: tuple[float, float, float]) -> tuple[float, float, float]:
    """How far R, G and B lead the mean of the other two colours in the bright surroundings of clipped places.

    `seen` is (3, h, w), the colours of a sample of cells; (0, 0, 0) where too few bright cells are near clipped ones.
    """
    clipped = np.asarray((seen >= np.array(clip, np.float32)[:, None, None]).any(0))
    if not clipped.any():
        return 0.0, 0.0, 0.0
    near = _grown(clipped) & ~clipped & (seen.sum(0) > 1.5 * min(clip))
    if np.count_nonzero(near) < 8:
        return 0.0, 0.0, 0.0
    bright = seen[:, near]
    pairs = ((1, 2), (0, 2), (0, 1))
    red, green, blue = (float((bright[k] - _told(bright[i], bright[j])).mean()) for k, (i, j) in enumerate(pairs))
    return red, green, blue


def filled_in(seen: Array, clip: tuple[float, float, float], lead: tuple[float, float, float]) -> Array:
    """The rule of this kernel on whole colours (3, h, w) instead of sites of a mosaic."""
    out = seen.copy()
    places = np.flatnonzero((seen > (1.0 - RISE) * np.array(clip, np.float32)[:, None, None]).any(0))
    whole = [plane.ravel()[places] for plane in seen]
    clipped = [_clipped(plane, np.float32(level)) for plane, level in zip(whole, clip, strict=True)]
    for own, (one, other) in enumerate(((1, 2), (0, 2), (0, 1))):
        guess = _guess(
            whole[one], whole[other], clipped[one], clipped[other], np.float32(lead[own]), np.float32(max(clip))
        )
        out[own].ravel()[places] += clipped[own] * np.maximum(guess - whole[own], 0)
    return out


def _grown(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    for _ in range(3):
        wide = np.pad(mask, 1)
        mask = wide[1:-1, 1:-1] | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    return mask


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    clip = np.array([[1.9, 1.0], [1.0, 1.5]], np.float32)
    lead = np.array([[0.05, -0.02], [-0.02, 0.01]], np.float32)
    return np.minimum(rng.random((height, width), np.float32) * 3, 1.9).astype(np.float32), clip, lead, 0, 0
