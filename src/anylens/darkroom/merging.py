"""Many frames to one mosaic: choose the reference, align each other frame to it, add what agrees.

Frames are looked at one after the other, so that memory does not grow with their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from anylens.darkroom.light import by_site, gains_of, noise_of
from anylens.darkroom.looking import Frames
from anylens.frame import Burst, Facts, Frame
from anylens.image import Mosaic, Pixels, Scene
from anylens.kernels import align, merge
from anylens.kernels.lattice import filters
from anylens.kernels.sites import MARGIN
from anylens.kernels.unite import unite
from anylens.record import record
from anylens.refusal import Refusal
from anylens.sensor import Noise

CANDIDATES = 3
UNLIKE = 0.5
SAME_EXPOSURE = 0.01
LEAST_STEP = 0.2
LEAST_LIGHT = 1e-3
SOFTER = 0.85
MUCH_CLIPPED = 0.5
CLIPPED, CLIPPED_GREY, NEVER = 0.97, 0.55, 3e38

Marked = npt.NDArray[np.bool_]
Sites = Callable[[Frame], tuple[Pixels, Facts]]
"""A frame's light by site with margin, and the facts of that light."""

Told = Callable[["Seen", Pixels, float], None]
"""What else wants to know of a frame that was added: the frame, its field of motion, how much it is trusted."""

Marks = Callable[[Frame], Marked | None]
"""Which pixels of a frame's light look defective, (H, W), or None where that is not to be asked."""


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


def merged(
    burst: Burst,
    sites_of: Sites,
    marks_of: Marks,
    reference: int,
    robustness: float,
    told: Told | None = None,
) -> Mosaic | Scene:
    """The light of all frames of a burst where they agree, of the reference where they do not.

    Frames of three planes, which are display-referred, are aligned as one and merged plane by plane into a Scene.
    `reference` counts from 1, 0 is the sharpest of the first three, in a bracket one of its middle exposure; with a
    `robustness` of 0 everything agrees.
    `told` hears of the reference first, then of every frame of its exposure that was added.
    Raises Refusal where no frame can be used, or frames are of different sensors.
    """
    if reference > len(burst.frames):
        raise Refusal(f"frame {reference} cannot be the reference of {len(burst.frames)} frames; choose one of them")
    table = _Table(burst, sites_of, marks_of)
    order = sorted(range(len(burst.frames)), key=lambda index: index != reference - 1)
    looked_at: set[int] = set()
    first: dict[int, Seen] = {}
    for index in order:
        looked_at.add(index)
        seen = table.look_at(index)
        if seen is not None:
            first[index] = seen
        if len(first) == CANDIDATES:
            break
    if not first or (reference and reference - 1 not in first):
        raise Refusal(f"no frame can be the reference of the burst: {table.notes[0]}")
    still = first[reference - 1] if reference else _best(first, table)
    looked_at |= first.keys()
    table.settle_hot(first.values())
    del first[still.index]
    gathered, bracket = [merge.begun(sites) for sites in still.planes()], False
    gains, filter_table = [1.0], _table_of(still)
    if told is not None:
        told(still, np.zeros((2, 1, 1), np.float32), 1.0)
    for index in range(len(burst.frames)):
        other = first.pop(index, None)
        if other is None and index not in looked_at:
            other = table.look_at(index)
        if other is None:
            continue
        gain = _relative_exposure(still, other)
        if gain != 1.0 and not bracket:
            bracket = True
            for sites, held in zip(still.planes(), gathered, strict=True):
                merge.let_clipped_go(held, sites, _full())
        why = _add(gathered, still, other, gain, filter_table, robustness, told)
        if why is None:
            gains.append(gain)
        else:
            table.frames.leave_out(index, why)
    whole = _whole(still, gathered, gains, table.notes)
    return replace(whole, span_ev=math.log2(max(gains) / min(gains)))


def _best(first: dict[int, Seen], table: _Table) -> Seen:
    """The sharpest of the first frames, in a bracket of those of its middle exposure, one more looked at where none is.

    Where frames do not agree the reference speaks alone: a dark one would show its noise, a bright one its clipping.
    """
    one = next(iter(first.values()))
    told = {index: exposure for index, seen in first.items() if (exposure := _exposure(seen.facts))}
    if len(told) == len(first):
        gains = {index: 1.0 / exposure for index, exposure in told.items()}
    else:
        gains = {index: _relative_exposure(one, seen) for index, seen in first.items()}
    if math.log(max(gains.values()) / min(gains.values())) >= LEAST_STEP:
        if len(told) == len(first):
            gains |= {index: 1.0 / exposure for index, exposure in table.exposures(first).items()}
        aim = _middle(list(gains.values()))
        off = {index: abs(math.log(gain / aim)) for index, gain in gains.items()}
        nearest = min(off, key=lambda index: off[index])
        seen = None if nearest in first else table.look_at(nearest)
        if seen is not None:
            first[nearest] = seen
        least = min(off[index] for index in first)
        return max((seen for index, seen in first.items() if off[index] < least + LEAST_STEP), key=_sharp)
    return max(first.values(), key=_sharp)


def _sharp(seen: Seen) -> float:
    return seen.sharpness


def _middle(gains: Collection[float]) -> float:
    """What brings the middle one of the exposures, the longer of two, to the reference's."""
    return sorted(gains)[(len(gains) - 1) // 2]


class _Table:
    """Frames as merging looks at them one by one."""

    def __init__(self, burst: Burst, sites_of: Sites, marks_of: Marks) -> None:
        self.frames = Frames(burst)
        self.notes = self.frames.notes
        self._marks_of = marks_of
        self._marked: list[Marked] = []
        self._hot: npt.NDArray[np.int64] | None = None
        self._sites_of = sites_of

    def exposures(self, but: Collection[int]) -> dict[int, float]:
        """How the other frames than these were exposed, of those that can be read and say it."""
        found = {}
        for index in range(len(self.frames)):
            facts = None if index in but else self.frames.facts(index)
            exposure = facts and _exposure(facts)
            if exposure:
                found[index] = exposure
        return found

    def look_at(self, index: int) -> Seen | None:
        """A frame, None (and a note) where it cannot be read; Refusal where it is of another sensor."""
        frame = self.frames[index]
        if frame is None:
            return None
        if self._hot is None:
            marks = self._marks_of(frame)
            self._marked += [] if marks is None else [marks]
        sites, facts = self._sites_of(frame)
        if self._hot is not None:
            _mend(sites, self._hot)
        pyramid, levels = align.pyramid(_brightness(sites)), _levels(facts)
        return Seen(index, sites, facts, levels, pyramid, *_sharpness(pyramid, levels))

    def settle_hot(self, first: Collection[Seen]) -> None:
        """Mend, in the frames looked at so far and in all to come, what looks defective in most of them.

        The hand moves the scene over the sensor, but a hot pixel stays where it is.
        """
        enough = len(self._marked) // 2 + 1
        self._hot = np.empty((2, 0), np.int64)
        twice = len({seen.pyramid[-1].tobytes() for seen in first}) < len(first)
        if len(self._marked) >= 2 and not twice:
            self._hot = np.stack(np.nonzero(np.sum(self._marked, axis=0, dtype=np.uint8) >= enough))
        self._marked = []
        for seen in first:
            _mend(seen.sites, self._hot)
        if self._hot.size:
            self.notes.append(f"{self._hot.shape[1]} hot or dead pixels that stay in all frames were mended.")


def _brightness(sites: Pixels) -> Pixels:
    """(4, h, w): what is aligned; of three colours their mean, green twice."""
    if len(sites) == 4:
        return sites
    red, green, blue = (sites[first : first + 4] for first in (0, 4, 8))
    return np.asarray((red + 2 * green + blue) / 4, np.float32)


def _mend(sites: Pixels, hot: npt.NDArray[np.int64]) -> None:
    """Each of the pixels `hot`, rows and columns, becomes the median of its neighbours of the same site."""
    row, column = hot
    site, y, x = row % 2 * 2 + column % 2, row // 2 + MARGIN, column // 2 + MARGIN
    around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    sites[site, y, x] = np.median([sites[site, y + dy, x + dx] for dy, dx in around], axis=0)


def _levels(facts: Facts) -> Pixels:
    """(2, 4): scale and offset of the noise of the four sites' light."""
    noise = noise_of(replace(facts, balance=None))
    pairs = [np.broadcast_to(values, 3) for values in (noise.scale, noise.offset)]
    tables = [by_site(facts.sensor.cfa, (float(r), float(g), float(b))).ravel() for r, g, b in pairs]
    return np.stack(tables).astype(np.float32)


def _variance(levels: Pixels, brightness: float) -> float:
    """Of the noise of one cell's mean."""
    return float((levels[0] * max(brightness, 0.0) + levels[1]).sum()) / 16.0


def _sharpness(pyramid: tuple[Pixels, ...], levels: Pixels, most: float = math.inf) -> tuple[float, float]:
    """Mean square of the steps between points of the finest level: what is beyond the noise, and the noise's part.

    Both over the square of the brightness, so that frames of any exposure can be compared. There is no noise in what
    was cut at `most`.
    """
    grey = pyramid[0][MARGIN:-MARGIN, MARGIN:-MARGIN]
    brightness = float(pyramid[-1].mean())
    across, down = (float(np.square(np.diff(grey, axis=axis)).mean()) for axis in (0, 1))
    below = grey[grey < most] if most < math.inf else grey
    seen, bright = (below.size / grey.size, float(below.mean())) if 0 < below.size < grey.size else (1.0, brightness)
    noise = 2 * NOISE_OF_STEP * _variance(levels, bright) * seen
    square = max(brightness * brightness, 1e-12)
    return max(across + down - noise, 0.0) / square, noise / square


NOISE_OF_STEP = 2 * (6 / 16) * (6 / 16 - 4 / 16)
"""Variance of the step between two points smoothed by a binomial of 3 x 3, for noise of unit variance."""


def _add(
    gathered: list[Pixels],
    still: Seen,
    other: Seen,
    gain: float,
    table: Pixels,
    robustness: float,
    told: Told | None,
) -> str | None:
    """Add a frame, its light times `gain`; a sentence's end that says why where it is left out instead."""
    one, two = still.pyramid, other.pyramid
    sharpness, (seen_sharpness, grain) = still.sharpness, (other.sharpness, other.grain)
    alike = gain == 1.0
    same = alike and still.facts.iso == other.facts.iso
    levels = still.levels if same else other.levels * np.array([[gain], [gain * gain]], np.float32)
    full = np.full((2, 4), NEVER, np.float32) if alike else np.stack([_full(), gain * _full()])
    if not alike:
        most = CLIPPED_GREY * min(1.0, gain)
        if still.facts.display_referred:
            other, full[1] = _in_tones_of(still, other)
            gain = 1.0
        one = align.pyramid(_brightness(still.sites), 1.0, most)
        two = align.pyramid(_brightness(other.sites), gain, most)
        # What is clipped in one of them shows no detail there, and neither must the other's count.
        (sharpness, _), (seen_sharpness, grain) = (
            _sharpness(each, noise, most) for each, noise in ((one, still.levels), (two, levels))
        )
    brightness = float(still.pyramid[-1].mean())
    variance = _variance(still.levels, brightness) + _variance(levels, brightness)
    motion = align.align(one, two, variance)
    if motion.likeness < UNLIKE:
        return "it shows another scene"
    detail = (seen_sharpness + grain) / (sharpness + grain)
    trust = min(1.0, (detail / SOFTER) ** 2)
    _, tall, wide = gathered[0].shape
    shifts = merge.shifts_of(motion.field, wide, tall)
    both = np.concatenate([still.levels, levels, full]).astype(np.float32)
    for held, sites, moved in zip(gathered, still.planes(), other.planes(), strict=True):
        merge.add(held, sites, moved, table, shifts, both, gain, trust, robustness)
    if told is not None and alike:
        told(other, motion.field, trust)
    return None


def _full() -> Pixels:
    """Where each site of a frame is taken to be clipped."""
    return np.full(4, CLIPPED, np.float32)


def _table_of(still: Seen) -> Pixels:
    """The filters for light of the reference's white balance, or of grey on the mean where that is not known."""
    facts = still.facts
    letters = "".join("".join(row) for row in facts.sensor.cfa) or "GGGG"
    if facts.as_shot_neutral is not None:
        gains = by_site(facts.sensor.cfa, gains_of(facts.as_shot_neutral)).ravel()
    else:
        means = np.maximum(still.sites[:, ::8, ::8].mean(axis=(1, 2)), 1e-6)
        colors = np.array(list(letters))
        means = np.array([means[colors == letter].mean() for letter in letters])
        gains = np.clip(means.max() / means, 1.0, 8.0)
    return filters(letters, tuple(float(gain) for gain in gains))


def _relative_exposure(still: Seen, other: Seen) -> float:
    """What the other frame's light is to be multiplied by to be as bright as the reference's."""
    if still.facts.display_referred:
        return _seen_exposure(still.pyramid[-1], other.pyramid[-1])
    one, two = (_exposure(seen.facts) for seen in (still, other))
    if one is None or two is None:
        one, two = (float(np.median(seen.pyramid[-1])) for seen in (still, other))
        ratio = max(one, LEAST_LIGHT) / max(two, LEAST_LIGHT)
        return 1.0 if abs(math.log(ratio)) < LEAST_STEP else ratio
    return 1.0 if abs(one / two - 1.0) < SAME_EXPOSURE else one / two


def _seen_exposure(still: Pixels, other: Pixels) -> float:
    """The median of the ratios of two small pictures, where both are neither dark nor near white."""
    lit = (np.minimum(still, other) > 0.02) & (np.maximum(still, other) < 0.7)
    if lit.mean() < 0.02:
        lit = np.minimum(still, other) > 1e-4
    ratio = float(np.median(still[lit] / other[lit])) if lit.any() else 1.0
    return 1.0 if abs(math.log(ratio)) < LEAST_STEP else ratio


def _in_tones_of(still: Seen, other: Seen) -> tuple[Seen, float]:
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


def _exposure(facts: Facts) -> float | None:
    sensitivity = facts.iso or facts.gain
    return facts.exposure_s * sensitivity if facts.exposure_s and sensitivity else None


def _whole(still: Seen, gathered: list[Pixels], gains: list[float], notes: list[str]) -> Mosaic | Scene:
    """The mosaic, scaled so that 1 is where the shortest exposure clips; `gains` brought each frame to the reference.

    Its baseline exposure shows it as bright as the middle one of the exposures, the longer of two.
    """
    used, brightest = len(gains), max(gains)
    facts = still.facts
    whole = [unite(sites, held) for sites, held in zip(still.planes(), gathered, strict=True)]
    pixels, frames_used = whole[len(whole) // 2]
    height, width = facts.active_shape
    mean = float(frames_used[::8, ::8].mean())
    worth = f"{mean:.1f} of them count" if set(gains) == {1.0} else f"they are worth {mean:.1f} of the reference"
    told = f"{used} frames were merged; at a pixel {worth} on the mean."
    if used == 1:
        told = "Only the reference was used."
    notes = [told, *notes]
    clipped = float((pixels[::7, ::7] >= CLIPPED).mean())
    if clipped > MUCH_CLIPPED:
        notes.append(f"{100 * clipped:.0f} % of the picture is clipped in every frame; expose it less.")
    if len(whole) == 3:
        colors = np.stack([plane[:height, :width] for plane, _ in whole])
        return Scene(colors, replace(facts, notes=(*facts.notes, *notes)), frames_used[:height, :width])
    middle = 1.0 / _middle(gains)
    if middle != 1.0:
        facts = replace(facts, baseline_exposure=facts.baseline_exposure + math.log2(middle))
    if brightest > 1.0:
        pixels *= np.float32(1.0 / brightest)
        noise, sensor = noise_of(replace(facts, balance=None)), facts.sensor
        calmer = Noise(
            tuple(value / brightest for value in noise.scale),
            tuple(value / brightest**2 for value in noise.offset),
            noise.source,
        )
        lift = facts.baseline_exposure + math.log2(brightest)
        facts = replace(facts, sensor=replace(sensor, noise=calmer), baseline_exposure=lift)
    facts = replace(facts, notes=(*facts.notes, *notes))
    return Mosaic(pixels[:height, :width], facts, frames_used[:height, :width], frames=used)
