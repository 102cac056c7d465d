"""Many frames to one mosaic: choose the reference, align each other frame to it, add what agrees.

Frames are looked at one after the other, one ahead, so that memory does not grow with their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator

import numpy as np

from anylens.darkroom.hot import Places, mend, stand_out
from anylens.darkroom.light import by_site, gains_of, noise_of
from anylens.darkroom.looking import Frames
from anylens.darkroom.seen import (
    CLIPPED,
    LEAST_STEP,
    Seen,
    brightness_of,
    defective,
    exposure_of,
    exposure_seen,
    in_tones_of,
    levels_of,
    light_by_site,
    relative_exposure,
    sharpness_of,
    variance_of,
)
from anylens.frame import Burst, Frame
from anylens.image import Mosaic, Pixels, Scene
from anylens.kernels import align, merge
from anylens.kernels.lattice import filters
from anylens.kernels.library import share_memory
from anylens.kernels.sites import MARGIN
from anylens.kernels.unite import unite
from anylens.record import record, replace
from anylens.refusal import Refusal

CANDIDATES = 3
UNLIKE = 0.5
SOFTER = 0.85
MUCH_CLIPPED = 0.5
CLIPPED_GREY = 0.55
AT_REST_CELLS = 0.1

Told = Callable[[Seen, Pixels, float], None]
"""What else wants to know of a frame that was added: the frame, its field of motion, how much it is trusted."""


def merged(
    burst: Burst, reference: int, robustness: float, told: Told | None = None, quick: Burst | None = None
) -> Mosaic | Scene:
    """The light of all frames of a burst where they agree, of the reference where they do not.

    Frames of three planes, which are display-referred, are aligned as one and merged plane by plane into a Scene.
    `reference` counts from 1, 0 is the sharpest of the first three, in a bracket one of its middle exposure; with a
    `robustness` of 0 everything agrees.
    `told` hears of the reference first, then of every frame of its exposure that was added. Where `quick` gives the
    same frames at less cost, from `burst` are those that may speak alone, the reference and other exposures, and all
    where nothing has moved.
    Raises Refusal where no frame can be used, or frames are of different sensors.
    """
    if reference > len(burst.frames):
        raise Refusal(f"frame {reference} cannot be the reference of {len(burst.frames)} frames; choose one of them")
    share_memory()
    table = _Table(burst, quick or burst)
    still = table.reference(reference)
    gathered, bracket = [merge.begun(sites) for sites in still.planes()], False
    gains, filter_table = [1.0], _table_of(still)
    if told is not None:
        told(still, np.zeros((2, 1, 1), np.float32), 1.0)
    for other in _ahead(table.others(still)):
        if other.exposure != 1.0 and not bracket:
            bracket = True
            for sites, held in zip(still.planes(), gathered, strict=True):
                merge.let_clipped_go(held, sites, _full())
        for held, sites, moved in zip(gathered, still.planes(), other.seen.planes(), strict=True):
            merge.add(held, sites, moved, filter_table, other.shifts, other.levels, other.gain, other.trust, robustness)
        if told is not None and other.exposure == 1.0:
            told(other.seen, other.field, other.trust)
        gains.append(other.exposure)
    whole = _whole(still, gathered, gains, table.notes)
    return replace(whole, span_ev=math.log2(max(gains) / min(gains)))


def _best(first: dict[int, Seen], table: _Table) -> Seen:
    """The sharpest of the first frames, in a bracket of those of its middle exposure, one more looked at where none is.

    Where frames do not agree the reference speaks alone: a dark one would show its noise, a bright one its clipping.
    """
    one = next(iter(first.values()))
    told = {index: exposure for index, seen in first.items() if (exposure := exposure_of(seen.facts))}
    if len(told) == len(first):
        gains = {index: 1.0 / exposure for index, exposure in told.items()}
    else:
        gains = {index: relative_exposure(one, seen) for index, seen in first.items()}
    if math.log(max(gains.values()) / min(gains.values())) >= LEAST_STEP:
        if len(told) == len(first):
            gains |= {index: 1.0 / exposure for index, exposure in table.exposures(first).items()}
        else:
            gains |= {index: exposure_seen(one.pyramid[-1], small) for index, small in table.seen_small(first)}
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

    def __init__(self, burst: Burst, quick: Burst) -> None:
        self.frames = Frames(quick)
        self._best = None if quick is burst else burst
        self.notes = self.frames.notes
        self._marked: Places | None = None
        self._hot: Places | None = None
        self._first: dict[int, Seen] = {}
        self._looked_at: set[int] = set()

    def reference(self, number: int) -> Seen:
        """The frame of this number, from 1, or the best of the first, which are kept; Refusal where there is none."""
        for index in sorted(range(len(self.frames)), key=lambda index: index != number - 1):
            self._looked_at.add(index)
            seen = self.look_at(index)
            if seen is not None:
                self._first[index] = seen
            if len(self._first) == CANDIDATES:
                break
        if not self._first or (number and number - 1 not in self._first):
            raise Refusal(f"no frame can be the reference of the burst: {self.notes[0]}")
        still = self._first[number - 1] if number else _best(self._first, self)
        self._looked_at |= self._first.keys()
        self.settle_hot(self._first.values())
        del self._first[still.index]
        if self._best is None:
            return still
        index = still.index
        del still  # So that no two are held at once.
        return self._seen(index, self._best.frames[index])

    def others(self, still: Seen) -> Iterator[_Laid]:
        """How all other frames lie over the reference, in their order; who is left out is noted."""
        for index in range(len(self.frames)):
            other = self._first.pop(index, None)
            if other is None and index not in self._looked_at:
                other = self.look_at(index)
            if other is None:
                continue
            laid = _laid(still, other)
            if self._best and isinstance(laid, _Laid):
                alone, at_rest = laid.exposure != 1.0, _at_rest(laid.field)
                if alone or at_rest:
                    laid = _laid(still, self._seen(index, self._best.frames[index]))
                if at_rest and not alone:
                    self.frames.take_from(self._best)
                    self._best = None
            if isinstance(laid, _Laid):
                yield laid
            else:
                self.frames.leave_out(index, laid)

    def exposures(self, but: Collection[int]) -> dict[int, float]:
        """How the other frames than these were exposed, of those that can be read and say it."""
        found = {}
        for index in range(len(self.frames)):
            facts = None if index in but else self.frames.facts(index)
            exposure = facts and exposure_of(facts)
            if exposure:
                found[index] = exposure
        return found

    def seen_small(self, but: Collection[int]) -> Iterator[tuple[int, Pixels]]:
        """The other frames than these that can be read, each as small as they are aligned first."""
        for index in range(len(self.frames)):
            frame = None if index in but else self.frames.quietly(index)
            if frame is not None:
                yield index, align.pyramid(brightness_of(light_by_site(frame)[0]))[-1]

    def look_at(self, index: int) -> Seen | None:
        """A frame, None (and a note) where it cannot be read; Refusal where it is of another sensor."""
        frame = self.frames[index]
        if frame is None:
            return None
        if self._marked is None:
            marks = defective(frame)
            self._marked = None if marks is None else np.stack(np.nonzero(marks))
        return self._seen(index, frame)

    def _seen(self, index: int, frame: Frame) -> Seen:
        sites, facts = light_by_site(frame)
        if self._hot is not None:
            mend(sites, self._hot)
        pyramid, levels = align.pyramid(brightness_of(sites)), levels_of(facts)
        return Seen(index, sites, facts, levels, pyramid, *sharpness_of(pyramid, levels))

    def settle_hot(self, first: Collection[Seen]) -> None:
        """Mend, in the frames looked at so far and in all to come, what looks defective in the first and most of them.

        The hand moves the scene over the sensor, but a hot pixel stays where it is.
        """
        self._hot = np.empty((2, 0), np.int64)
        twice = len({seen.pyramid[-1].tobytes() for seen in first}) < len(first)
        if self._marked is not None and len(first) >= 2 and not twice:
            counted = np.sum([stand_out(seen.sites, seen.levels, self._marked) for seen in first], axis=0)
            self._hot = self._marked[:, counted > len(first) // 2]
        for seen in first:
            mend(seen.sites, self._hot)
        if self._hot.size:
            count = self._hot.shape[1]
            many = "pixels that stay in all frames were" if count > 1 else "pixel that stays in all frames was"
            self.notes.append(f"{count} hot or dead {many} mended.")


@record(frozen=True, slots=True, eq=False)
class _Laid:
    """A frame and how it lies over the reference.

    `exposure` makes it as bright as the reference, `gain` is what is left of that to multiply its light with, `levels`
    what `merge.add` asks for, `field` and `shifts` where it has moved, `trust` how much it counts.
    """

    seen: Seen
    exposure: float
    gain: float
    levels: Pixels
    field: Pixels
    shifts: merge.Shifts
    trust: float


def _laid(still: Seen, other: Seen) -> _Laid | str:
    """How a frame lies over the reference; a sentence's end that says why where it is to be left out."""
    exposure = gain = relative_exposure(still, other)
    one, two = still.pyramid, other.pyramid
    sharpness, (seen_sharpness, grain) = still.sharpness, (other.sharpness, other.grain)
    alike = gain == 1.0
    same = alike and still.facts.iso == other.facts.iso
    levels = still.levels if same else other.levels * np.array([[gain], [gain * gain]], np.float32)
    full = np.full((2, 4), merge.NEVER, np.float32) if alike else np.stack([_full(), gain * _full()])
    if not alike:
        most = CLIPPED_GREY * min(1.0, gain)
        if still.facts.display_referred:
            other, full[1] = in_tones_of(still, other)
            gain = 1.0
        one = align.pyramid(brightness_of(still.sites), 1.0, most)
        two = align.pyramid(brightness_of(other.sites), gain, most)
        # What is clipped in one of them shows no detail there, and neither must the other's count.
        (sharpness, _), (seen_sharpness, grain) = (
            sharpness_of(each, noise, most) for each, noise in ((one, still.levels), (two, levels))
        )
    brightness = float(still.pyramid[-1].mean())
    variance = variance_of(still.levels, brightness) + variance_of(levels, brightness)
    motion = align.align(one, two, variance)
    if motion.likeness < UNLIKE:
        return "it shows another scene"
    detail = (seen_sharpness + grain) / (sharpness + grain)
    trust = min(1.0, (detail / SOFTER) ** 2)
    tall, wide = (side - 2 * MARGIN for side in still.sites.shape[1:])
    shifts = merge.shifts_of(motion.field, wide, tall)
    both = np.concatenate([still.levels, levels, full]).astype(np.float32)
    return _Laid(other, exposure, gain, both, motion.field, shifts, trust)


def _at_rest(field: Pixels) -> bool:
    """Whether a frame has hardly moved: what was estimated in it then has the reference's own errors."""
    return float(np.median(np.hypot(*field))) < AT_REST_CELLS


def _ahead(laid: Iterator[_Laid]) -> Iterator[_Laid]:
    """The same, the next one made while one is used: what is small then leaves no core idle."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, laid, None)
        while (here := coming.result()) is not None:
            coming = pool.submit(next, laid, None)
            yield here


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
        scale, offset = (
            tuple(v / k for v in values) for values, k in ((noise.scale, brightest), (noise.offset, brightest**2))
        )
        calmer = replace(noise, scale=scale, offset=offset)
        lift = facts.baseline_exposure + math.log2(brightest)
        facts = replace(facts, sensor=replace(sensor, noise=calmer), baseline_exposure=lift)
    facts = replace(facts, notes=(*facts.notes, *notes))
    return Mosaic(pixels[:height, :width], facts, frames_used[:height, :width], frames=used)
