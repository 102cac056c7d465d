"""Clipped highlights, filled in from the colours that are left.

A site that reached sensor white takes what the other two colours around it tell, plus how much its colour usually
differs from that beside clipped places; it never becomes darker than it was. They tell the middle between their mean,
taken on square roots, and the brighter of them: what clips is likely to be bright, so yellow does not turn to orange.
Where one of them is clipped too, the other counts whole if it is brighter, so that white paper does not turn pink.
Where all three colours are clipped nothing is left to know the colour from: it becomes white.
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
    clips: Any
    leads: Any
    filled: Any


def algorithm(mosaic: Any, clip: Any, lead: Any, red_x: Any, red_y: Any) -> Stages:
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    zero, half = hl.f32(0.0), hl.f32(0.5)
    row = (mosaic[x - 1, y] + mosaic[x + 1, y]) * half
    column = (mosaic[x, y - 1] + mosaic[x, y + 1]) * half
    corners = mosaic[x - 1, y - 1] + mosaic[x + 1, y - 1] + mosaic[x - 1, y + 1] + mosaic[x + 1, y + 1]
    sites = pattern.green_sites("highlight_sites", red_x, red_y)
    clips, leads = pattern.of_table("clips", clip), pattern.of_table("leads", lead)
    green_site = sites[x, y % 2] > zero
    one = hl.select(green_site, row, (row + column) * half)
    other = hl.select(green_site, column, corners * hl.f32(0.25))
    both = hl.max(one, zero), hl.max(other, zero)
    mean = (both[0] + both[1]) * hl.f32(0.25) + hl.sqrt(both[0] * both[1]) * half  # square of the mean of the roots
    value = hl.Expr(mosaic[x, y])
    filled = hl.Func("filled")
    one_clip = clips[x + 1, y % 2]
    other_clip = hl.select(green_site, hl.Expr(clips[x, (y + 1) % 2]), hl.Expr(clips[x + 1, (y + 1) % 2]))
    white = hl.max(clip[0, 0], clip[1, 0], clip[0, 1], clip[1, 1])
    one_clips, other_clips = one >= one_clip, other >= other_clip
    left = hl.max(hl.select(one_clips, zero, one), hl.select(other_clips, zero, other))
    told = (mean + hl.max(one, other)) * half
    told = hl.select(one_clips | other_clips, hl.max(told, left), told)
    guess = hl.select(one_clips & other_clips, white, told + leads[x, y % 2])
    filled[x, y] = hl.select(value >= clips[x, y % 2], hl.max(value, guess), value)
    return Stages(sites, clips, leads, filled)


def schedule(stages: Stages, target: Any) -> None:
    """7.1 ms, 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    filled = stages.filled
    x, y = filled.args()
    width = target.natural_vector_size(hl.Float(32))
    filled.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 32, hl.TailStrategy.GuardWithIf)
    for rows in stages[:-1]:
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
    one_clips, other_clips = one >= clip[np.ix_(down, 1 - right)], other >= other_clip
    guess = np.where(one_clips & other_clips, clip.max(), _told(one, other, one_clips, other_clips) + lead[sites])
    return np.where(mosaic >= clip[sites], np.maximum(mosaic, guess), mosaic)


def _told(one: Array, other: Array, one_clips: Any, other_clips: Any) -> Array:
    """What the other two colours tell of one that is clipped."""
    root = (np.sqrt(np.maximum(one, 0)) + np.sqrt(np.maximum(other, 0))) * np.float32(0.5)
    told = (root * root + np.maximum(one, other)) * np.float32(0.5)
    left = np.maximum(np.where(one_clips, 0, one), np.where(other_clips, 0, other))
    return np.where(one_clips | other_clips, np.maximum(told, left), told)


kernel = Kernel(__name__, SIGNATURE, reference)


def highlights(mosaic: Array, clip: Array, lead: Array, red_x: int, red_y: int) -> Array:
    """Fill the clipped sites of a balanced (H, W) Bayer mosaic whose first red site is (red_x, red_y).

    `clip` (2, 2) is where each site clips, `lead` (2, 2) how far its colour usually leads the mean of the others.
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
    near = _grown(clipped) & ~clipped & (seen.sum(0) > 1.5 * min(clip))
    if np.count_nonzero(near) < 8:
        return 0.0, 0.0, 0.0
    bright = seen[:, near]
    pairs = ((1, 2), (0, 2), (0, 1))
    red, green, blue = (
        float((bright[k] - _told(bright[i], bright[j], False, False)).mean()) for k, (i, j) in enumerate(pairs)
    )
    return red, green, blue


def filled_in(seen: Array, clip: tuple[float, float, float], lead: tuple[float, float, float]) -> Array:
    """The rule of this kernel on whole colours (3, h, w) instead of sites of a mosaic."""
    limits = np.array(clip, np.float32)[:, None, None]
    clipped = seen >= limits
    out = seen.copy()
    for own, (one, other) in enumerate(((1, 2), (0, 2), (0, 1))):
        guess = _told(seen[one], seen[other], clipped[one], clipped[other]) + np.float32(lead[own])
        guess = np.where(clipped[one] & clipped[other], np.float32(max(clip)), guess)
        out[own] = np.where(clipped[own], np.maximum(seen[own], guess), seen[own])
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
