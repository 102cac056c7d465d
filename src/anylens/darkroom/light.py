"""What an image's facts say about its light: its neutral, the way to Rec. 2020, its noise by site of the filter."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from anylens import color
from anylens.frame import Facts
from anylens.image import Mosaic, overview_spacing
from anylens.kernels.cells import cells, colors_of
from anylens.kernels.denoise import SITES
from anylens.record import replace
from anylens.refusal import Refusal
from anylens.sensor import CFA, Calibration, Noise

Floats = npt.NDArray[np.float32]
DAYLIGHT_K = 5500.0
MIDDLE_GREY = 0.18
PLANES = "RGB"
LEAST_SLOPE, LEAST_VARIANCE = 1e-6, 1e-9
NOTHING_SEEN = np.empty((3, 0, 0), np.float32)
"""The overview of a mosaic without a colour filter, or of one that is not looked at."""
ENOUGH_CELLS = 200_000
ENOUGH_FOR_BRIGHTNESS = 50_000
"""Of so many cells the percentiles stray by less than a hundredth of a stop."""


def neutral_of(facts: Facts, kelvin: float, tint: float) -> tuple[float, float, float]:
    """Camera RGB of a neutral surface, largest value 1: as shot for `kelvin` 0, else under that light.

    `tint` is added to the shot's own or to the chosen light. A shot that tells no neutral is taken for daylight.
    """
    shot, sensor = facts.as_shot_neutral, facts.sensor
    if not sensor.calibrations:
        return shot or (1.0, 1.0, 1.0)
    camera = sensor.calibrations, sensor.analog_balance
    if kelvin == 0.0 and tint == 0.0 and shot is not None:
        return shot
    if kelvin == 0.0:
        kelvin, own_tint = (DAYLIGHT_K, 0.0) if shot is None else color.kelvin_from_neutral(shot, *camera)
        tint += own_tint
    red, green, blue = (float(v) for v in color.neutral_from_kelvin(kelvin, tint, *camera))
    return red, green, blue


def warmer(facts: Facts, neutral: tuple[float, float, float], warmth: float) -> tuple[float, float, float]:
    """The neutral to balance by so that `warmth` (0 to 1) of what a light is warmer than daylight stays to be seen.

    Steps are even in reciprocal kelvin. Daylight, cooler light and sensors without calibration are left as they are.
    """
    if warmth == 0.0 or not facts.sensor.calibrations:
        return neutral
    camera = facts.sensor.calibrations, facts.sensor.analog_balance
    kelvin, tint = color.kelvin_from_neutral(neutral, *camera)
    if kelvin >= DAYLIGHT_K:
        return neutral
    aim = 1.0 / ((1.0 - warmth) / kelvin + warmth / DAYLIGHT_K)
    red, green, blue = (float(v) for v in color.neutral_from_kelvin(aim, tint, *camera))
    return red, green, blue


def gains_of(neutral: tuple[float, float, float]) -> tuple[float, float, float]:
    """What makes the neutral grey: the least of the three gains is 1, so that sensor white stays 1."""
    red, green, blue = (max(neutral) / max(value, 1e-4) for value in neutral)
    return red, green, blue


def scene_matrix(facts: Facts) -> npt.NDArray[np.float64]:
    """(3, 3) from balanced camera RGB to linear Rec. 2020; a sensor without calibration is taken for Rec. 709."""
    if facts.balance is None:
        raise Refusal("the light has not been balanced yet, so its colours are unknown; put Balance before Demosaic")
    if not facts.sensor.calibrations:
        return color.rgb_to_rgb("srgb", "rec2020")
    return _scene_matrix(facts.sensor.calibrations, facts.sensor.analog_balance, facts.balance)


@lru_cache(64)
def _scene_matrix(
    known: tuple[Calibration, ...], analog: tuple[float, float, float], balance: tuple[float, float, float]
) -> npt.NDArray[np.float64]:
    inverse = 1.0 / np.array(balance)
    matrix = color.camera_to_rec2020(known, analog, inverse / inverse.max())
    matrix.flags.writeable = False
    return matrix


def bayer_phase(cfa: CFA) -> tuple[int, int]:
    """(x, y) of the first red site of a 2 x 2 filter; Refusal for any other filter."""
    letters = "".join("".join(row) for row in cfa)
    if letters not in ("RGGB", "GRBG", "GBRG", "BGGR"):
        raise Refusal(f"the colour filter {letters or 'none'} is not a Bayer filter; choose a raw from a Bayer sensor")
    at = letters.index("R")
    return at % 2, at // 2


def by_site(cfa: CFA, by_color: tuple[float, float, float]) -> Floats:
    """(2, 2) table of a value by colour, laid out as the filter is; a monochrome sensor takes green's."""
    if not cfa:
        return np.full((2, 2), by_color[1], np.float32)
    return np.array([[by_color[PLANES.index(letter)] for letter in row] for row in cfa], np.float32)


def noise_of(facts: Facts) -> Noise:
    """The noise of the light as it is now: that of the sensor, times the gains of the balance."""
    noise = facts.sensor.noise or Noise((1e-4,), (1e-6,), "estimated")
    gains = facts.balance or (1.0, 1.0, 1.0)
    pairs = [noise.plane(i) for i in range(3)]
    return replace(
        noise,
        scale=tuple(g * scale for g, (scale, _) in zip(gains, pairs, strict=True)),
        offset=tuple(max(g * g * offset, LEAST_VARIANCE) for g, (_, offset) in zip(gains, pairs, strict=True)),
    )


def toe_of(noise: Noise) -> float:
    """What added to light makes the noise of its square root even, as `kernels.denoise.tables` does (Anscombe 1948)."""
    slope, floor = map(float, SITES @ [noise.plane(i) for i in range(3)])
    slope = max(slope, LEAST_SLOPE)
    return 0.375 * slope + floor / slope


def mean_frames(frames_used: Floats | None) -> float:
    """Of how many frames the pixels of a picture are the mean, on the whole: 1 at least, and where nothing is said."""
    return 1.0 if frames_used is None else max(1.0, float(frames_used[::8, ::8].mean()))


def middle_grey_snr(facts: Facts, frames: float = 1.0) -> float:
    """How far middle grey (18 % of white, green) stands above the noise of one pixel of the mean of some frames."""
    scale, offset = noise_of(replace(facts, balance=None)).plane(1)
    return MIDDLE_GREY / math.sqrt((scale * MIDDLE_GREY + offset) / frames)


def sampled(seen: Floats, enough: int = ENOUGH_CELLS) -> Floats:
    """An overview, (3, h, w), thinned out evenly to what is enough for figures about all of it: a view."""
    step = math.ceil(math.sqrt(seen.shape[1] * seen.shape[2] / enough)) or 1
    return seen[:, ::step, ::step]


def seen_small(mosaic: Mosaic) -> Floats:
    """(3, h, w): the overview of a Bayer mosaic in the camera's colours, taken from its pixels where none was kept.

    `NOTHING_SEEN` of a mosaic without a colour filter.
    """
    if mosaic.overview is not None:
        return mosaic.overview
    if not mosaic.facts.sensor.cfa:
        return NOTHING_SEEN
    spacing = overview_spacing(*mosaic.pixels.shape)
    return colors_of(cells(mosaic.pixels, spacing), *bayer_phase(mosaic.facts.sensor.cfa))
