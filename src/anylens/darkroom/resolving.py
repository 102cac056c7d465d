"""Many frames to one scene of twice the width and height: what each saw between the pixels of the others.

The robust merge of the burst, developed and enlarged, is the first guess. It is then told, a few times, what every
frame shows that the guess does not foretell: the rest of each sample is laid where the hand carried it (kernel
regression, Wronski et al. 2019), divided by the weights, and added (back-projection, Irani & Peleg 1991). Where frames
disagree with the reference they weigh nothing, and the guess stays what the robust merge makes of it. The picture is
made in bands of rows, each a small burst of its own, so that no more of it is in memory than its light and the frames'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anylens.darkroom.light import bayer_phase, noise_of, seen_small
from anylens.darkroom.merging import merged
from anylens.darkroom.seen import Seen
from anylens.frame import Burst, Facts, Opcodes
from anylens.image import Mosaic, Pixels, Scene, overview_spacing
from anylens.kernels.agreement import agreement
from anylens.kernels.counts import BLACK, counts
from anylens.kernels.demosaic import demosaic
from anylens.kernels.detail import detail
from anylens.kernels.enlarge import enlarge
from anylens.kernels.gather import gather
from anylens.kernels.sites import MARGIN
from anylens.kernels.superpose import BLOCK_X, BLOCK_Y, FINE, superpose
from anylens.kernels.supersample import supersample
from anylens.record import record, replace
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.darkroom.beside import Beside
    from anylens.darkroom.stages.resolve import Resolve

Floats = npt.NDArray[np.floating[Any]]
Counts = npt.NDArray[np.uint16]
Places = npt.NDArray[np.int32]
Plan = Callable[[Facts, Pixels], tuple[tuple[float], npt.NDArray[np.float64], Pixels]]
Stages = tuple[Callable[[Mosaic], Mosaic], ...]
Passed = tuple[Callable[[Mosaic], Mosaic], Facts, Pixels]
"""A stage, and the facts and the overview of the light that it was given."""

BAND_CELLS, HALO_CELLS, TILE = 128, 8, 16
STEPS, FAST_STEPS, EVEN = (1.0, 2.5, 7.0, 1.4), (1.0, 1.6, 3.0, 16.0, 1.3), 3.0
"""How much of what is left is added, step by step, where detail stands above the noise, and in all elsewhere: unequal
steps bring fine detail sooner than equal ones do, and noise too. Near the zeros of a Chebyshev polynomial they leave as
little of any frequency as so many steps can. FAST_STEPS are for a lens so fast that it draws detail where a pixel's own
width leaves little of it: for FAST times the pixels along a line or more."""
FAST = 3.5
LARGEST = 65535.0 - BLACK
BRIGHTEST = 4.0
"""More light than this is cut in the frames; balanced and filled in, clipped light may be above 1."""
STILL_PX = 0.1
WAVE_UM = 0.55
"""Light for which the limit of diffraction is told."""


@record(frozen=True, slots=True, eq=False)
class _Taken:
    """The frames to lay down, n of them, the reference first.

    `planes` (n, 4, h, w) are counts of R, G, G, B with margin, `unit` of light each; `fields` say where each has moved,
    `trust` how much it weighs, `places` (2, 4) where in a cell the planes stand.
    """

    planes: Counts
    unit: float
    fields: list[Pixels]
    trust: Pixels
    places: Places


def resolved(burst: Burst, stages: Stages, plan: Plan, beside: Beside, taste: Resolve) -> Scene:
    """The scene of a burst in twice its width and height, frames of the reference's exposure laid together.

    `stages` are what each frame's light goes through before its colours are joined, `plan` is the demosaicing stage's.
    Only the guess has its colours laid `beside` each other, and parted again: what frames have sampled stays as it is,
    since a sample that is moved is interpolated. Raises Refusal as `merged` does, and for light under no Bayer filter.
    """
    kept: list[Counts] = []
    fields: list[Pixels] = []
    trusts: list[float] = []
    baselines: list[float] = []

    def keep(seen: Seen, field: Pixels, trust: float) -> None:
        if seen.facts.display_referred:
            raise Refusal(
                "super-resolution needs raw frames, in JPEG files the finest detail is gone; merge them otherwise"
            )
        kept.append(_woven(seen.sites))
        fields.append(field)
        trusts.append(trust)
        baselines.append(seen.facts.baseline_exposure)

    mosaic = merged(burst, taste.reference, taste.robustness, keep)
    assert isinstance(mosaic, Mosaic)
    phase = bayer_phase(mosaic.facts.sensor.cfa)
    lift = 2.0 ** (mosaic.facts.baseline_exposure - baselines[0])
    passed = []
    for stage in stages:
        passed.append((stage, mosaic.facts, seen_small(mosaic)))
        mosaic = stage(mosaic)
    places = np.array(
        [(phase[0], 1 - phase[0], phase[0], 1 - phase[0]), (phase[1], phase[1], 1 - phase[1], 1 - phase[1])], np.int32
    )
    unit = min(max(1.0, float(mosaic.pixels.max())) * 1.05, BRIGHTEST) / LARGEST
    planes = _planes(kept, lift, passed, mosaic, places, unit)
    (toe,), table, seen = plan(mosaic.facts, seen_small(mosaic))
    guess = beside.parted(demosaic(beside(mosaic).pixels, *phase, toe), mosaic.facts)
    facts, used, shading = mosaic.facts, mosaic.frames_used, mosaic.shading
    del mosaic
    taken = _Taken(planes, unit, fields, np.array(trusts, np.float32), places)
    steps = FAST_STEPS if (_times_drawn(facts) or 0.0) >= FAST else STEPS
    pixels = _doubled(guess, taken, _levels(facts), table, taste.robustness, taste.sharpness, steps)
    # Twice as many points, or those that there are twice as far apart.
    nearer = 2 * overview_spacing(*guess.shape[1:]) // overview_spacing(*pixels.shape[1:])
    overview = seen.repeat(nearer, 1).repeat(nearer, 2) if seen.size else None
    shading = None if shading is None else shading.repeat(nearer, 0).repeat(nearer, 1)
    return Scene(pixels, _doubled_facts(facts, _notes(facts, fields)), _twice(used), overview, shading)


def _planes(
    kept: list[Counts], lift: float, passed: list[Passed], merged: Mosaic, places: Places, unit: float
) -> Counts:
    """(n, 4, h, w): `kept` frames, which are let go one by one, after the stages that the `merged` light has passed.

    Their exposure is `lift` above its. The planes are counts of `unit` of light, with margin; see `_Taken`.
    """
    height, width = merged.pixels.shape
    planes = np.empty((len(kept), 4, -(-height // 2) + 2 * MARGIN, -(-width // 2) + 2 * MARGIN), np.uint16)
    for plane in planes:
        light = kept.pop(0)[:height, :width].astype(np.float32)
        light -= np.float32(BLACK)
        light *= np.float32(1.0 / (LARGEST * lift))
        own = Mosaic(light, merged.facts)
        for stage, facts, seen in passed:
            own = stage(replace(own, facts=facts, overview=seen))
        counts(own.pixels, places, 1.0 / unit, plane)
    return planes


def _doubled(
    guess: Pixels,
    taken: _Taken,
    levels: Floats,
    table: Floats,
    robustness: float,
    sharpness: float,
    steps: tuple[float, ...],
) -> Pixels:
    """(3, 2 H, 2 W) linear Rec. 2020, from the first guess (3, H, W) in the camera's colours and the frames."""
    _, height, width = guess.shape
    tall, wide = -(-height // 2), -(-width // 2)
    out = np.empty((3, FINE * tall, FINE * wide), np.float32)
    noise, least = levels.astype(np.float32), 1.0 - robustness
    for top in range(0, tall, BAND_CELLS):
        begin, end = max(0, top - HALO_CELLS), min(tall, top + BAND_CELLS + HALO_CELLS)
        fine = enlarge(guess, begin, end - begin)
        inner = fine[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
        ways = [_ways(field, begin, end, wide) for field in taken.fields]
        rows, there, back = (np.stack(part) for part in zip(*ways, strict=True))
        rests = np.zeros((len(rows), 4, *fine.shape[2:]), np.float32)
        eager = detail(taken.planes[0], noise, begin, end - begin, taken.unit)
        even = sharpness * EVEN / len(steps)
        for index, step in enumerate(steps):
            supersample(taken.planes, fine, back, taken.places, rows + begin, taken.unit, rests)
            if not index:
                agrees = agreement(taken.planes, rests, noise, rows + begin, taken.trust, taken.unit, least)
                agrees[0, MARGIN:-MARGIN, MARGIN:-MARGIN] = taken.trust[0]
                eager *= _company(agrees, there)
            superpose(inner, rests, there, taken.places, agrees, eager, even, sharpness * step - even)
        last = min(top + BAND_CELLS, tall)
        gather(inner[:, :, top - begin : last - begin], table, out[:, FINE * top : FINE * last])
    return out[:, : 2 * height, : 2 * width]


def _company(agrees: Pixels, there: Pixels) -> Pixels:
    """(h, w), 0 to 1: whether most frames speak at a cell; where few do, they do not tell its detail.

    `agrees` (n, h + margins, w + margins) are weights by the frames' own cells, `there` the way to these in pixels.
    """
    tall, wide = (side - 2 * MARGIN for side in agrees.shape[1:])
    heard = np.zeros((tall, wide), np.float32)
    for weights, way in zip(agrees, there, strict=True):
        across, down = (int(np.clip(round(float(axis.mean()) / 2), -MARGIN, MARGIN)) for axis in way)
        heard += weights[MARGIN + down : MARGIN + down + tall, MARGIN + across : MARGIN + across + wide]
    return np.asarray(np.clip(heard * np.float32(2.0 / len(agrees)) - np.float32(0.5), 0, 1), np.float32)


def _ways(field: Pixels, begin: int, end: int, wide: int) -> tuple[np.int32, Pixels, Pixels]:
    """Between a frame and the cells `begin` to `end`, by block in pixels: the way there, and the way back.

    The frame's cells are counted from as many rows lower as is told first.
    """
    rows, columns = -(-(end - begin) // BLOCK_Y), -(-wide // BLOCK_X)
    x = np.broadcast_to((np.arange(columns) + 0.5) * BLOCK_X - 0.5, (rows, columns))
    y = np.broadcast_to(((np.arange(rows) + 0.5) * BLOCK_Y - 0.5)[:, None] + begin, (rows, columns))
    there = _field_at(field, x, y)
    off = round(float(there[1].mean()))
    back = there
    for _ in range(3):
        back = _field_at(field, x - back[0], y + off - back[1])
    there[1] -= off
    back[1] -= off
    return np.int32(off), (2 * there).astype(np.float32), (-2 * back).astype(np.float32)


def _levels(facts: Facts) -> Floats:
    """(4, 2): scale and offset of the noise of R, G, G and B as the light is now."""
    noise = noise_of(facts)
    return np.stack([noise.scale, noise.offset], 1)[[0, 1, 1, 2]]


def _field_at(field: Pixels, x: Floats, y: Floats) -> Floats:
    """(2, ...) steps at cells x, y of a field of tiles, bilinear between their centres."""
    _, rows, columns = field.shape
    across, down = (np.clip((each + 0.5) / TILE - 0.5, 0, size - 1) for each, size in ((x, columns), (y, rows)))
    left, top = across.astype(np.intp), down.astype(np.intp)
    right, under = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    across, down = across - left, down - top
    upper = field[:, top, left] * (1 - across) + field[:, top, right] * across
    lower = field[:, under, left] * (1 - across) + field[:, under, right] * across
    return np.asarray(upper * (1 - down) + lower * down)


def _twice(plane: Pixels | None) -> Pixels | None:
    """Every pixel of a plane four times."""
    if plane is None:
        return None
    height, width = plane.shape
    return np.broadcast_to(plane[:, None, :, None], (height, 2, width, 2)).reshape(2 * height, 2 * width)


def _notes(facts: Facts, fields: list[Pixels]) -> list[str]:
    """What the frames and the lens do not allow to be finer, in sentences."""
    notes = []
    steps = [2.0 * field for field in fields[1:]]
    off = [np.abs(each - np.rint(each)).max(0) for each in steps]
    if not off or np.mean(np.concatenate([each.ravel() for each in off]) > STILL_PX) < 0.1:
        notes.append("The frames hold no sub-pixel motion, so the larger picture holds no finer detail than they do.")
    times = _times_drawn(facts)
    if times is not None and times < 2.0 and facts.setting:
        notes.append(
            f"At f/{facts.setting.f_number:g} diffraction leaves detail for {times:.2g} times the pixels along a line, "
            "not 2."
        )
    return notes


def _times_drawn(facts: Facts) -> float | None:
    """How many times the pixels along a line diffraction leaves detail for, None where the aperture is not known."""
    f_number, pitch = facts.setting and facts.setting.f_number, facts.sensor.pitch_um
    return pitch / (WAVE_UM * f_number / 2.0) if f_number and pitch else None


def _doubled_facts(facts: Facts, notes: list[str]) -> Facts:
    sensor, (height, width) = facts.sensor, facts.active_shape
    sensor = replace(
        sensor,
        width_px=2 * width,
        height_px=2 * height,
        pitch_um=None if sensor.pitch_um is None else sensor.pitch_um / 2,
        black=((0.0,),),
        white=(65535.0,),
        black_row_delta=(),
        black_column_delta=(),
    )
    left, top, wide, tall = (2.0 * value for value in facts.crop)
    opcodes = Opcodes(list3=facts.opcodes.list3)
    return replace(
        facts,
        sensor=sensor,
        active_area=(0, 0, 2 * height, 2 * width),
        crop=(left, top, wide, tall),
        opcodes=opcodes,
        notes=(*facts.notes, *notes),
    )


def _woven(sites: Pixels) -> Counts:
    """(2 h, 2 w) counts of sites with margin."""
    inner = sites[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    _, tall, wide = inner.shape
    woven = np.empty((2 * tall, 2 * wide), np.uint16)
    for site, plane in enumerate(inner):
        level = plane * np.float32(LARGEST)
        level += np.float32(BLACK + 0.5)
        np.clip(level, 0, 65535, out=level)
        woven[site // 2 :: 2, site % 2 :: 2] = level
    return woven
