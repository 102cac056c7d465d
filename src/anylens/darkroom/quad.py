"""Quad-Bayer frames: a Bayer frame of all their pixels, or of each four of one color joined into one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from anylens.darkroom.counts import counts_of
from anylens.darkroom.light import gains_of, middle_grey_snr, noise_of
from anylens.frame import Burst, Facts, Frame, Opcodes
from anylens.kernels.linearize import linearize
from anylens.record import replace
from anylens.refusal import Refusal
from anylens.sensor import CFA, Sensor, bayer

Mode = Literal["auto", "full", "binned"]
Counts = npt.NDArray[np.uint16]

BLACK, WHITE = 2048.0, 61440.0
"""Of the counts that light is written as: finer than any sensor's, with room for noise below black and above white."""

BAND_ROWS = 512
LEAST_SIDE = 8
NOISE_FROM = ((0.290, 0.182, 0.093), (0.079, 0.539, 0.092), (0.088, 0.212, 0.285))
"""What the noise of R, G and B each leaves in R, G and B of a full mosaic in even, balanced light, pixels that are kept
and estimated ones together; measured, and true within 1 % for any balance."""

TOE_FROM, TOE_SIGMA = 0.001, 3.0
"""Of the root that pixels are estimated on: wider than what evens noise out (`light.toe_of`), since means of many
pixels are nearer to the light where the root is nearer to straight. That other toe loses 0.2 dB at ISO 1600 and 0.1 to
0.4 at 6400 (simulated, three scenes, not denoised)."""

GOOD_SNR = 15.0
"""Where, developed and enlarged, binned simulated frames are on the mean as near to the light behind the lens."""


def is_quad(cfa: CFA) -> bool:
    """Whether a filter has blocks of 2 x 2 pixels of one color in a Bayer order, wherever the frame begins in it."""
    return _red_block(cfa) is not None


def as_bayer(frame: Frame, mode: Mode) -> Frame:
    """The Bayer frame that a quad-Bayer frame is taken for, its light in counts of 16 bits; any other frame as it is.

    `full` has every pixel, `binned` the mean of each four of one color; `auto` chooses by the noise profile: full where
    middle grey stands GOOD_SNR times above the noise of a pixel. The facts are those of the new frame, its notes say
    what was done. Raises Refusal for a binned frame that begins within a block of four and for one smaller than 8 x 8.
    """
    return _taken(frame, *_choice(frame.facts, mode, 1))


def in_mode(burst: Burst, mode: Mode) -> tuple[Burst, Burst]:
    """A burst of the Bayer frames that its quad-Bayer frames are taken for, and the same estimated linearly.

    Frames are made when they are asked for; `auto` is the choice for the one that is asked for first. In full, a linear
    estimate takes a seventh of the time; where all but the reference are of that kind, a mean of eight frames that
    moved is 0.1 to 0.4 dB farther from the light (simulated). In binned there is no difference.
    """
    chosen: list[tuple[Mode, str]] = []

    def taken(frame: Frame, fine: bool) -> Frame:
        chosen[:] = chosen or [_choice(frame.facts, mode, len(burst.frames))]
        return _taken(frame, *chosen[0], fine)

    return burst.changed(partial(taken, fine=True)), burst.changed(partial(taken, fine=False))


def _choice(facts: Facts, mode: Mode, frames: int) -> tuple[Mode, str]:
    """Full or binned, and the end of the sentence that says why where it was not asked for."""
    if mode != "auto":
        return mode, ""
    snr = middle_grey_snr(facts, frames)
    return "full" if snr >= GOOD_SNR else "binned", f", as middle grey stands {snr:.0f} times above a pixel's noise"


def _taken(frame: Frame, mode: Mode, said: str, fine: bool = True) -> Frame:
    red = _red_block(frame.facts.sensor.cfa)
    if red is None or frame.raw.ndim != 2:
        return frame
    height, width = frame.facts.active_shape
    if min(height, width) < LEAST_SIDE:
        raise Refusal(
            f"a quad-Bayer frame of {width} x {height} pixels is too small to be developed; give a larger one"
        )
    return _full(frame, red, said, fine) if mode == "full" else _binned(frame, red, said)


def _red_block(cfa: CFA) -> tuple[int, int] | None:
    """(x, y), 0 to 3, where the first whole block of red pixels begins, None for a filter that is not quad-Bayer."""
    if len(cfa) != 4:
        return None
    pattern = np.array(cfa)
    whole = np.array(bayer("quad-RGGB"))
    for y in range(4):
        for x in range(4):
            if (np.roll(whole, (y, x), (0, 1)) == pattern).all():
                return x, y
    return None


def _rows(given: tuple[Any, ...], top: int, bottom: int) -> npt.NDArray[np.float32]:
    """Some rows of the light of which `given` is what `linearize` takes."""
    counts, black, scale, row_delta, column_delta = given
    delta = row_delta[top:bottom] if np.ndim(row_delta) else row_delta
    black, scale = (np.roll(table, -top % len(table), 0) for table in (black, scale))
    return linearize(counts[top:bottom], black, scale, delta, column_delta)


def _full(frame: Frame, red: tuple[int, int], said: str, fine: bool) -> Frame:
    from anylens.kernels.remosaic import remosaic

    facts = frame.facts
    height, width = facts.active_shape
    gains = gains_of(facts.as_shot_neutral or (1.0, 1.0, 1.0))
    noise = noise_of(replace(facts, balance=gains))
    toe = TOE_FROM + TOE_SIGMA * max(noise.offset) ** 0.5
    counts, raw = counts_of(frame), np.empty((height, width), np.uint16)
    for top in range(0, height, BAND_ROWS):
        band = raw[top : top + BAND_ROWS]
        light = np.empty(band.shape, np.float32)
        _count(remosaic(counts, gains, (noise.scale, noise.offset), red, toe, light, top, fine), band)
    order = np.roll(np.array(bayer("RGGB")), (red[1], red[0]), (0, 1))
    said = f"quad-Bayer pixels were remosaiced at full resolution{said}"
    note = f"{said}; ten of sixteen are estimates with less noise"
    left = [
        sum(p * g for p, g in zip(parts, gains, strict=True)) / own
        for parts, own in zip(NOISE_FROM, gains, strict=True)
    ]
    less = _with_noise(facts.sensor, left)
    if less.noise is not None:
        less = replace(less, noise=replace(less.noise, grain="remosaiced"))
    sensor = _sensor(less, tuple(map(tuple, order.tolist())), (height, width))
    return Frame(raw, replace(facts, sensor=sensor, active_area=(0, 0, height, width), notes=(*facts.notes, note)))


def _binned(frame: Frame, red: tuple[int, int], said: str) -> Frame:
    """The mean of each block of four pixels under one filter: a Bayer frame of half the width and height."""
    facts = frame.facts
    if red[0] % 2 or red[1] % 2:
        raise Refusal("this quad-Bayer frame starts within a block of four; give one cut at a multiple of 2 pixels")
    height, width = (side // 4 * 2 for side in facts.active_shape)
    given, raw = counts_of(frame), np.empty((height, width), np.uint16)
    for top in range(0, height, BAND_ROWS // 2):
        band = raw[top : top + BAND_ROWS // 2]
        four = _rows(given, 2 * top, 2 * (top + len(band)))[:, : 2 * width]
        mean = (four[0::2, 0::2] + four[0::2, 1::2] + four[1::2, 0::2] + four[1::2, 1::2]) * np.float32(0.25)
        _count(mean, band)
    sensor = facts.sensor
    pitch = None if sensor.pitch_um is None else sensor.pitch_um * 2
    small = replace(_with_noise(sensor, (0.25, 0.25, 0.25)), pitch_um=pitch)
    left, above, wide, tall = (value / 2 for value in facts.crop)
    return Frame(
        raw,
        replace(
            facts,
            sensor=_sensor(small, tuple(row[::2] for row in sensor.cfa[::2]), (height, width)),
            active_area=(0, 0, height, width),
            crop=(left, above, min(wide, width - left), min(tall, height - above)),
            opcodes=Opcodes(list3=facts.opcodes.list3),
            notes=(*facts.notes, f"quad-Bayer pixels were joined four by four{said}"),
        ),
    )


def _count(light: npt.NDArray[np.float32], band: Counts) -> None:
    """Light as counts, rounded; `light` is used up."""
    light *= np.float32(WHITE - BLACK)
    light += np.float32(BLACK + 0.5)
    np.clip(light, 0, 65535, out=light)
    band[...] = light


def _with_noise(sensor: Sensor, left: Sequence[float]) -> Sensor:
    """The sensor with these parts of the variance of R, G and B."""
    noise = sensor.noise
    if noise is None:
        return sensor
    pairs = [
        (part * scale, part * offset) for part, (scale, offset) in zip(left, map(noise.plane, range(3)), strict=True)
    ]
    scales, offsets = zip(*pairs, strict=True)
    return replace(sensor, noise=replace(noise, scale=scales, offset=offsets))


def _sensor(sensor: Sensor, cfa: CFA, shape: tuple[int, int]) -> Sensor:
    return replace(
        sensor,
        cfa=cfa,
        width_px=shape[1],
        height_px=shape[0],
        black=((BLACK,),),
        white=(WHITE,),
        black_row_delta=(),
        black_column_delta=(),
    )
