"""One frame as merging sees it: its light by site, small pictures of its brightness, its noise, detail, exposure."""

from __future__ import annotations

import math

import numpy as np

from anylens.darkroom.counts import counts_of, light_of
from anylens.darkroom.hot import HOT_SIGMA, Marked
from anylens.darkroom.light import by_site, noise_of
from anylens.darkroom.quad import as_bayer
from anylens.frame import Facts, Frame
from anylens.image import Pixels
from anylens.kernels.defects import defects
from anylens.kernels.sites import MARGIN, sites
from anylens.record import record, replace
from anylens.refusal import Refusal

EVERY = 4
SAME_EXPOSURE = 0.01
LEAST_STEP = 0.2
CLIPPED = 0.97
NOISE_OF_STEP = 2 * (6 / 16) * (6 / 16 - 4 / 16)
"""Variance of the step between two points smoothed by a binomial of 3 x 3, for noise of unit variance."""


@record(frozen=True, slots=True, eq=False)
class Seen:
    """One frame as merging sees it.

    `sites` is its light, (4 or 12, h, w), `facts` what is true of it, `levels` scale and offset of its noise by site,
    `pyramid` its brightness from fine to coarse, `sharpness` the detail in it beyond the noise and
    `grain` what the noise adds to it.
    """

    index: int
    sites: Pixels
    facts: Facts
    levels: Pixels
    pyramid: tuple[Pixels, ...]
    sharpness: float
    grain: float

    def planes(self) -> tuple[Pixels, ...]:
        """The four sites of a mosaic, or those of each of three colours."""
        return tuple(self.sites[first : first + 4] for first in range(0, len(self.sites), 4))


def light_by_site(frame: Frame) -> tuple[Pixels, Facts]:
    """A frame's light by site with margin, and the facts of that light."""
    if frame.facts.display_referred:
        scale = 1.0 / frame.facts.sensor.white[0]
        return np.concatenate([sites(plane, 0.0, scale) for plane in frame.raw]), frame.facts
    if frame.raw.ndim != 2:
        raise Refusal("the frame has three planes of counts, not a mosaic; merge frames of a colour filter")
    frame = as_bayer(frame, "binned")
    return sites(*counts_of(frame)), frame.facts


def defective(frame: Frame) -> Marked | None:
    """(H, W) which pixels stand out as hot or dead ones do; None where the frame is no mosaic of 2 x 2 colours."""
    facts = frame.facts
    if len(facts.sensor.cfa) != 2 or frame.raw.ndim != 2:
        return None
    light, (scale, offset) = light_of(frame), levels_of(facts).reshape(2, 2, 2)
    return np.asarray(defects(light, scale, offset, HOT_SIGMA) != light)


def brightness_of(sites: Pixels) -> Pixels:
    """(4, h, w): what is aligned; of three colours their mean, green twice."""
    if len(sites) == 4:
        return sites
    red, green, blue = (sites[first : first + 4] for first in (0, 4, 8))
    return np.asarray((red + 2 * green + blue) / 4, np.float32)


def levels_of(facts: Facts) -> Pixels:
    """(2, 4): scale and offset of the noise of the four sites' light."""
    noise = noise_of(replace(facts, balance=None))
    pairs = [np.broadcast_to(values, 3) for values in (noise.scale, noise.offset)]
    tables = [by_site(facts.sensor.cfa, (float(r), float(g), float(b))).ravel() for r, g, b in pairs]
    return np.stack(tables).astype(np.float32)


def variance_of(levels: Pixels, brightness: float) -> float:
    """Of the noise of one cell's mean."""
    return float((levels[0] * max(brightness, 0.0) + levels[1]).sum()) / 16.0


def sharpness_of(pyramid: tuple[Pixels, ...], levels: Pixels, most: float = math.inf) -> tuple[float, float]:
    """Mean square of the steps between points of the finest level: what is beyond the noise, and the noise's part.

    Both over the square of the brightness, so that frames of any exposure can be compared. There is no noise in what
    was cut at `most`. Of every EVERY rows two are looked at.
    """
    grey = pyramid[0][MARGIN:-MARGIN, MARGIN:-MARGIN]
    brightness = float(pyramid[-1].mean())
    rows, below = grey[::EVERY], grey[1::EVERY]
    steps = np.diff(rows, axis=1), below - rows[: len(below)]
    across, down = (float(np.square(step).sum() / max(step.size, 1)) for step in steps)
    kept = grey[grey < most] if most < math.inf else grey
    seen, bright = (kept.size / grey.size, float(kept.mean())) if 0 < kept.size < grey.size else (1.0, brightness)
    noise = 2 * NOISE_OF_STEP * variance_of(levels, bright) * seen
    square = max(brightness * brightness, 1e-12)
    return max(across + down - noise, 0.0) / square, noise / square


def relative_exposure(still: Seen, other: Seen) -> float:
    """What the other frame's light is to be multiplied by to be as bright as the reference's."""
    one, two = (exposure_of(seen.facts) for seen in (still, other))
    if still.facts.display_referred or one is None or two is None:
        return exposure_seen(still.pyramid[-1], other.pyramid[-1])
    return 1.0 if abs(one / two - 1.0) < SAME_EXPOSURE else one / two


def exposure_seen(still: Pixels, other: Pixels) -> float:
    """The median of the ratios of two small pictures, where both are neither dark nor near white.

    The ratio of their medians would be that of two surfaces where as much is bright as is dark and a little moves.
    """
    lit = (np.minimum(still, other) > 0.02) & (np.maximum(still, other) < 0.7)
    if lit.mean() < 0.02:
        lit = np.minimum(still, other) > 1e-4
    ratio = float(np.median(still[lit] / other[lit])) if lit.any() else 1.0
    return 1.0 if abs(math.log(ratio)) < LEAST_STEP else ratio


def in_tones_of(still: Seen, other: Seen) -> tuple[Seen, float]:
    """A finished picture with the tones of another, and where it is clipped then: each colour's by its histogram.

    Their maker's curve is not known, so no factor makes two exposures alike (comparametric equations: Mann 2000).
    """
    parts, ends = np.linspace(0.0, 1.0, 513), []
    sites = np.empty_like(other.sites)
    for first, one, two in zip((0, 4, 8), still.planes(), other.planes(), strict=True):
        ours, theirs = (np.quantile(plane[:, ::4, ::4], parts) for plane in (one, two))
        theirs, at = np.unique(theirs, return_index=True)
        ours = np.array([part.mean() for part in np.split(ours, at[1:])])
        codes = np.linspace(0.0, 1.0, 4097)
        table = np.interp(codes, theirs, ours).astype(np.float32)
        ends.append(float(np.interp(CLIPPED, codes, table)))
        sites[first : first + 4] = table[np.clip(two * 4096 + 0.5, 0, 4096).astype(np.uint16)]
    return replace(other, sites=sites), min(ends)


def exposure_of(facts: Facts) -> float | None:
    """Time times sensitivity, by which frames of one camera are compared; None where the facts do not tell both."""
    sensitivity = facts.iso or facts.gain
    return facts.exposure_s * sensitivity if facts.exposure_s and sensitivity else None
