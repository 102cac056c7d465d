"""Where colours clip, and how they lean just below: what `kernels.highlights` goes by, from the mosaic seen small."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.cells import SPACING
from anylens.kernels.highlights import OTHERS, RISE, SPAN_PX, mean_and_brighter, of_levels

Array = npt.NDArray[np.float32]

USUAL, LEAST = (0.7, 0.0), -2.0
"""How far colours lean to the brighter of the others, and at least: where that is the redder of them, for warm things
that clip are yellow more often than not, and where it is the bluer, as in sky."""

DULL, DOUBT = 0.03, 8.0
"""How far the other two colours must lie apart, as a part of the lowest level, to tell how a third leans; fewer than
so many places that far apart tell less than what is usual does."""

FADING = 1 / 8
"""How much less what lies twice as far away tells of how a colour leans."""

BELOW, POWER = 0.7, 6
"""From what part of its level on a colour tells how it leans where it clips, and how fast that grows towards it."""


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


def leaning(seen: Array, clip: tuple[float, float, float], spacing_px: int = SPACING) -> Array:
    """(3, 3, v, h): how far R, G and B lean from the mean of the others to the one that is brighter, just below `clip`.

    `seen` is (3, h, w), the colours of cells `spacing_px` apart, SPAN_PX at most; the points are those of `highlights`.
    Least squares over the colours around each point, the nearer the more; where nothing is clipped one point stands
    for all.
    """
    _, tall, wide = seen.shape
    brightest = of_levels(seen, clip)
    each = SPAN_PX // spacing_px if brightest.max(initial=0.0) >= 1.0 - RISE else max(tall, wide, 1)
    down, across = max(-(-tall // each), 1), max(-(-wide // each), 1)
    places = np.flatnonzero(brightest > BELOW)
    rows, columns = np.divmod(places, wide)
    point, light = rows // each * across + columns // each, seen.reshape(3, -1).take(places, 1)
    sums = np.zeros((2, 6, down * across), np.float32)
    for own, (one, other) in enumerate(OTHERS):
        part = light[own] / clip[own]
        tells = (part > BELOW) & (part < 1.0 - RISE)
        mean, brighter = mean_and_brighter(light[one, tells], light[other, tells])
        apart, warm = brighter - mean, light[one, tells] > light[other, tells]
        weight, there = part[tells] ** POWER * apart, point[tells] + np.where(warm, 0, down * across)
        for which, value in enumerate((light[own, tells] - mean, apart)):
            sums[which, 2 * own : 2 * own + 2] = np.bincount(there, weight * value, 2 * down * across).reshape(2, -1)
    doubt = DOUBT * (DULL * min(clip) * SPACING / spacing_px) ** 2  # each of fewer places speaks for more pixels
    told, known = _with_around(sums.reshape(2, 6, down, across))
    lean = (told + np.array(USUAL * 3, np.float32)[:, None, None] * doubt) / (known + doubt)
    found = np.zeros((3, 3, down, across), np.float32)
    for own, others in enumerate(OTHERS):
        found[own, others] = lean[2 * own : 2 * own + 2].clip(LEAST, 1.0)
    return found


def _with_around(sums: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(2, 6, v, h): what each place tells and all that lies around it, the farther the less."""
    *_, tall, wide = sums.shape
    if tall == wide == 1:
        return sums
    even = np.pad(sums, ((0, 0), (0, 0), (0, tall % 2), (0, wide % 2)))
    rows = even[:, :, ::2] + even[:, :, 1::2]
    around = _with_around(rows[..., ::2] + rows[..., 1::2])
    around *= np.float32(FADING)
    found: npt.NDArray[Any] = sums + _twice(_twice(around, 2), 3)[:, :, :tall, :wide]
    return found


def _twice(sums: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """Twice as many places along an axis, each a quarter of the way to the next of those that it stands between."""
    before, places, after = math.prod(sums.shape[:axis]), sums.shape[axis], math.prod(sums.shape[axis + 1 :])
    lines = sums.reshape(before, places, after)
    near, far = np.float32(0.75) * lines, np.float32(0.25) * lines
    finer = np.empty((before, places, 2, after), sums.dtype)
    np.add(near[:, 1:], far[:, :-1], out=finer[:, 1:, 0])
    np.add(near[:, :-1], far[:, 1:], out=finer[:, :-1, 1])
    finer[:, 0, 0], finer[:, -1, 1] = lines[:, 0], lines[:, -1]
    return finer.reshape(*sums.shape[:axis], 2 * places, *sums.shape[axis + 1 :])
