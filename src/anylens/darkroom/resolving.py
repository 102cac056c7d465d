"""Many frames to one scene of twice the width and height: what each saw between the pixels of the others.

The robust merge of the burst, developed and enlarged, is the first guess. It is then told, a few times, what every
frame shows that the guess does not foretell: the rest of each sample is laid where the hand carried it (kernel
regression, Wronski et al. 2019), divided by the weights, and added (back-projection, Irani & Peleg 1991). Where frames
disagree with the reference they weigh nothing, and the guess stays what the robust merge makes of it. The picture is
made in bands of rows, each a small burst of its own, so that no more of it is in memory than its light and the frames'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.darkroom.light import bayer_phase, noise_of, seen_small
from anylens.darkroom.merging import Marks, Seen, Sites, merged
from anylens.frame import Burst, Facts, Opcodes
from anylens.image import Mosaic, Pixels, Scene
from anylens.kernels.demosaic import demosaic
from anylens.kernels.matrix import matrix
from anylens.kernels.resize import resize
from anylens.kernels.sites import MARGIN, with_margin
from anylens.kernels.superpose import BLOCK_X, BLOCK_Y, FINE, PHASES, superpose, weights_of
from anylens.kernels.supersample import supersample
from anylens.record import record
from anylens.refusal import Refusal

Floats = npt.NDArray[np.floating[Any]]
Places = npt.NDArray[np.int32]
Plan = Callable[[Facts, Pixels], tuple[tuple[float], npt.NDArray[np.float64], Pixels]]
Stages = tuple[Callable[[Mosaic], Mosaic], ...]

BAND_CELLS, HALO_CELLS, TILE = 128, 16, 16
STEPS = 4
WINDOW, GOOD, BAD = 5, 1.5, 2.5
SQUARE_TEXTURE, MEAN_TEXTURE, FLICKER = 0.3, 0.02, 0.01
STILL_PX = 0.1
WAVE_UM = 0.55
"""Light for which the limit of diffraction is told."""


@record(frozen=True, slots=True, eq=False)
class _Taken:
    """One frame to lay down: its planes R, G, G, B with margin, where it has moved, how much it is trusted."""

    planes: Pixels
    field: Pixels
    trust: float


def resolved(
    burst: Burst,
    sites_of: Sites,
    marks_of: Marks,
    stages: Stages,
    plan: Plan,
    reference: int,
    robustness: float,
    sharpness: float,
) -> Scene:
    """The scene of a burst in twice its width and height, frames of the reference's exposure laid together.

    `stages` are what each frame's light goes through before its colours are joined, `plan` is the demosaicing stage's.
    Raises Refusal as `merged` does, and for light under no Bayer filter.
    """
    kept: list[tuple[Pixels, Pixels, float]] = []
    baselines: list[float] = []

    def keep(seen: Seen, field: Pixels, trust: float) -> None:
        if seen.facts.display_referred:
            raise Refusal(
                "super-resolution needs raw frames, in JPEG files the finest detail is gone; merge them otherwise"
            )
        kept.append((_woven(seen.sites), field, trust))
        baselines.append(seen.facts.baseline_exposure)

    mosaic = merged(burst, sites_of, marks_of, reference, robustness, keep)
    assert isinstance(mosaic, Mosaic)
    phase = bayer_phase(mosaic.facts.sensor.cfa)
    lift = np.float32(2.0 ** (mosaic.facts.baseline_exposure - baselines[0]))
    before = []
    for stage in stages:
        before.append((mosaic.facts, seen_small(mosaic)))
        mosaic = stage(mosaic)
    places = np.array(
        [phase, (1 - phase[0], phase[1]), (phase[0], 1 - phase[1]), (1 - phase[0], 1 - phase[1])], np.int32
    )
    order = [int(x + 2 * y) for x, y in places]
    height, width = mosaic.pixels.shape
    taken = []
    while kept:
        light, field, trust = kept.pop(0)
        own = Mosaic(light[:height, :width] / lift, mosaic.facts)
        for stage, (known, seen) in zip(stages, before, strict=True):
            own = stage(replace(own, facts=known, overview=seen))
        planes = np.ascontiguousarray(with_margin(_even(own.pixels))[order])
        taken.append(_Taken(planes, field, trust))
    (toe,), table, seen = plan(mosaic.facts, seen_small(mosaic))
    guess = demosaic(mosaic.pixels, *phase, toe)
    pixels = _doubled(guess, taken, np.ascontiguousarray(places.T), _levels(mosaic.facts), table, robustness, sharpness)
    used = None if mosaic.frames_used is None else mosaic.frames_used.repeat(2, 0).repeat(2, 1)
    notes = _notes(mosaic.facts, taken)
    overview = seen.repeat(2, 1).repeat(2, 2) if seen.size else None
    shading = None if mosaic.shading is None else mosaic.shading.repeat(2, 0).repeat(2, 1)
    return Scene(pixels, _doubled_facts(mosaic.facts, notes), used, overview, shading)


def _doubled(
    guess: Pixels,
    taken: list[_Taken],
    places: Places,
    levels: Floats,
    table: Floats,
    robustness: float,
    sharpness: float,
) -> Pixels:
    """(3, 2 H, 2 W) linear Rec. 2020, from the first guess (3, H, W) in the camera's colours and the frames."""
    _, height, width = guess.shape
    tall, wide = -(-height // 2), -(-width // 2)
    out = np.empty((3, 2 * height, 2 * width), np.float32)
    for top in range(0, tall, BAND_CELLS):
        begin, end = max(0, top - HALO_CELLS), min(tall, top + BAND_CELLS + HALO_CELLS)
        fine = _enlarged(guess, begin, end)
        frames = [_cut(frame, begin, end, wide) for frame in taken]
        looks = [weights_of(shifts, places) for _, shifts, _ in frames]
        first, weights = (np.stack(part) for part in zip(*looks, strict=True))
        rests = np.stack([supersample(planes, fine, back, places) for planes, _, back in frames])
        shares = np.empty((len(frames), end - begin, first.shape[-1] * BLOCK_X), np.float32)
        for index, (planes, shifts, _) in enumerate(frames):
            left = rests[index]
            agrees = _agreement(planes, left, levels) if index else np.ones(left[0].shape, np.float32)
            agrees = np.maximum(agrees, np.float32(1.0 - robustness)) * np.float32(taken[index].trust)
            shares[index] = _share(agrees, shifts, wide)
        inner = fine[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
        for step in range(STEPS):
            for index, (planes, _, back) in enumerate(frames if step else ()):
                rests[index] = supersample(planes, fine, back, places)
            superpose(inner, rests, first, weights, shares, sharpness)
        rows = slice(FINE * top, min(FINE * (top + BAND_CELLS), 2 * height))
        inner = fine[:, :, MARGIN + top - begin : MARGIN + min(top + BAND_CELLS, tall) - begin, MARGIN:-MARGIN]
        band = inner.reshape(3, FINE, FINE, -1, wide).transpose(0, 3, 1, 4, 2).reshape(3, -1, FINE * wide)
        out[:, rows] = matrix(np.ascontiguousarray(band[:, : rows.stop - rows.start, : 2 * width]), table)
    return out


def _enlarged(guess: Pixels, begin: int, end: int) -> Pixels:
    """(3, 16, rows + margins, w + margins): planes of the cells `begin` to `end` of a picture made twice as large."""
    _, height, width = guess.shape
    rows = np.clip(np.arange(2 * begin - 4, 2 * end + 4), 0, height - 1)
    columns = np.clip(np.arange(-(-width // 2) * 2), 0, width - 1)
    part = np.ascontiguousarray(guess[:, rows][:, :, columns])
    large = resize(part, 2 * part.shape[1], 2 * part.shape[2])[:, 8:-8]
    _, tall, wide = large.shape
    planes = large.reshape(3, tall // FINE, FINE, wide // FINE, FINE).transpose(0, 2, 4, 1, 3)
    planes = planes.reshape(3, PHASES, tall // FINE, wide // FINE)
    return np.pad(planes, ((0, 0), (0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)), mode="edge")


def _cut(frame: _Taken, begin: int, end: int, wide: int) -> tuple[Pixels, Pixels, Pixels]:
    """A frame's part that shows the cells `begin` to `end`: planes, steps there and back by block in pixels."""
    tall = end - begin
    rows, columns = -(-tall // BLOCK_Y), -(-wide // BLOCK_X)
    x = np.broadcast_to((np.arange(columns) + 0.5) * BLOCK_X - 0.5, (rows, columns))
    y = np.broadcast_to(((np.arange(rows) + 0.5) * BLOCK_Y - 0.5)[:, None] + begin, (rows, columns))
    there = _field_at(frame.field, x, y)
    off = round(float(there[1].mean()))
    back = there
    for _ in range(3):
        back = _field_at(frame.field, x - back[0], y + off - back[1])
    there[1] -= off
    back[1] -= off
    height = frame.planes.shape[1]
    at = np.clip(np.arange(begin + off, end + off + 2 * MARGIN), 0, height - 1)
    planes = np.ascontiguousarray(frame.planes[:, at])
    return planes, (2 * there).astype(np.float32), (-2 * back).astype(np.float32)


def _agreement(planes: Pixels, left: Pixels, levels: Floats) -> Pixels:
    """0 to 1 by cell of a frame, with margin: whether what is left of its light is noise and finer detail, or a change.

    Over 5 x 5 cells the mean square is held against the noise and a part of the texture, the mean against less of
    both: what is too fine for the guess comes and goes within a few pixels, a thing that moved does not.
    """
    import cv2

    def mean(plane: Pixels) -> Pixels:
        return np.asarray(cv2.blur(plane, (WINDOW, WINDOW)), np.float32)

    light = [mean(plane) for plane in planes]
    texture = sum(np.maximum(mean(p * p) - m * m, 0) for p, m in zip(planes, light, strict=True))
    noise = sum(s * np.maximum(m, 0) + o for m, (s, o) in zip(light, levels, strict=True))
    texture = np.maximum(texture - noise, 0)
    square = mean(np.square(left).sum(0))
    off = np.square(mean(left.sum(0)))
    agrees = np.clip((BAD - square / (noise + SQUARE_TEXTURE * texture)) / (BAD - GOOD), 0, 1)
    even = noise * (4.0 / WINDOW**2) * 3.0 + MEAN_TEXTURE * texture + np.square(FLICKER * sum(light))
    agrees = agrees * np.clip((BAD - off / even) / (BAD - GOOD), 0, 1)
    inside = np.zeros_like(agrees)
    inside[MARGIN:-MARGIN, MARGIN:-MARGIN] = 1.0
    return np.asarray(agrees * inside, np.float32)


def _share(agrees: Pixels, shifts: Pixels, wide: int) -> Pixels:
    """(h, width) by cell of the reference: how far the frame agrees at the cell that is seen there."""
    tall = agrees.shape[0] - 2 * MARGIN
    x, y = np.arange(shifts.shape[2] * BLOCK_X), np.arange(tall)[:, None]
    step_x, step_y = (np.rint(part / 2).astype(np.int64)[y // BLOCK_Y, x // BLOCK_X] for part in shifts)
    at_y = np.clip(y + step_y + MARGIN, 0, agrees.shape[0] - 1)
    at_x = np.clip(x + step_x + MARGIN, 0, agrees.shape[1] - 1)
    return np.ascontiguousarray(agrees[at_y, at_x] * (x < wide))


def _levels(facts: Facts) -> Floats:
    """(4, 2): scale and offset of the noise of R, G, G and B as the light is now."""
    noise = noise_of(facts)
    return np.stack([noise.scale, noise.offset], 1)[[0, 1, 1, 2]]


def _field_at(field: Pixels, x: Floats, y: Floats) -> Floats:
    """(2, ...) steps at cells x, y of a field of tiles, bilinear between their centres."""
    from scipy.ndimage import map_coordinates

    places = np.stack([(y + 0.5) / TILE - 0.5, (x + 0.5) / TILE - 0.5])
    return np.stack([map_coordinates(part.astype(np.float64), places, order=1, mode="nearest") for part in field])


def _notes(facts: Facts, taken: list[_Taken]) -> list[str]:
    """What the frames and the lens do not allow to be finer, in sentences."""
    notes = []
    steps = [2.0 * frame.field for frame in taken[1:]]
    off = [np.abs(each - np.rint(each)).max(0) for each in steps]
    if not off or np.mean(np.concatenate([each.ravel() for each in off]) > STILL_PX) < 0.1:
        notes.append("The frames hold no sub-pixel motion, so the larger picture holds no finer detail than they do.")
    f_number, pitch = facts.setting and facts.setting.f_number, facts.sensor.pitch_um
    if f_number and pitch:
        limit = pitch / (WAVE_UM * f_number / 2.0)
        if limit < 2.0:
            notes.append(
                f"At f/{f_number:g} diffraction leaves detail for {limit:.2g} times the pixels along a line, not 2."
            )
    return notes


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


def _woven(sites: Pixels) -> Pixels:
    """(2 h, 2 w) of sites with margin."""
    inner = sites[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    _, tall, wide = inner.shape
    return np.ascontiguousarray(inner.reshape(2, 2, tall, wide).transpose(2, 0, 3, 1).reshape(2 * tall, 2 * wide))


def _even(light: Pixels) -> Pixels:
    height, width = light.shape
    return np.pad(light, ((0, height % 2), (0, width % 2)), mode="reflect") if height % 2 or width % 2 else light
