"""White balance without being told: the light of a scene from the colours of its parts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anylens import color
from anylens.refusal import Refusal
from anylens.sensor import Calibration

Array = npt.NDArray[np.float64]
Three = tuple[float, float, float]

LEAST_CELLS, MOST_CELLS = 16, 20_000
DARKEST = 0.02
BRIGHT_PERCENT = 99.0
EXTREMES_PERCENT = 3.5

KELVINS = 1e6 / np.linspace(1e6 / 12000.0, 1e6 / 2200.0, 28)
TINTS = np.linspace(-15.0, 25.0, 7)
USUAL_MIRED, MIRED_SPREAD = 192.0, 150.0
USUAL_TINT, TINT_SPREAD = 7.0, 12.0
ESTIMATE_SPREAD = 0.16
"""What lights are usual, and how far the scene's colours lead astray, in log R/G and log B/G."""


def estimate_neutral(
    seen: npt.NDArray[np.float32], calibrations: tuple[Calibration, ...], analog_balance: Three
) -> Three | None:
    """Camera RGB of a neutral surface, largest value 1, told from an unbalanced overview `seen` (3, h, w).

    It clips at 1; `calibrations` and `analog_balance` are the sensor's, the former may be none. Two estimates are
    joined: the brightest percent of each colour (Land & McCann 1971), and the first principal axis of the darkest and
    the brightest cells (Cheng, Prasad & Brown 2014). Where the camera is calibrated, the mean of all lights from 2200
    to 12000 K near the locus of daylight and lamps is taken, each as likely as it is usual and near to the estimate
    (Finlayson, Hordley & Hubel 2001 in spirit). Gives None where fewer than 16 cells are neither clipped nor dark.
    """
    step = max(1, int((seen[0].size / MOST_CELLS) ** 0.5))
    seen = seen[:, ::step, ::step]
    inside = (seen < np.float32(0.97)).all(0) & (seen > 0.0).all(0)
    light = seen[:, inside].astype(np.float64)
    if light.shape[1] < LEAST_CELLS:
        return None
    level = light.mean(0)
    light = light[:, level > DARKEST * np.percentile(level, BRIGHT_PERCENT)]
    if light.shape[1] < LEAST_CELLS:
        return None
    brightest = np.percentile(light, BRIGHT_PERCENT, axis=1)
    opposed = (_opposed(brightest) + _opposed(_axis_of_extremes(light))) / 2.0
    if calibrations:
        opposed = _usual(opposed, calibrations, analog_balance)
    neutral = np.exp([opposed[0], 0.0, opposed[1]])
    red, green, blue = (float(value) for value in neutral / neutral.max())
    return red, green, blue


def _opposed(rgb: Array) -> Array:
    """log R/G and log B/G of (..., 3), which a change of light shifts."""
    return np.log(np.maximum(rgb[..., ::2], 1e-6) / np.maximum(rgb[..., 1:2], 1e-6))


def _axis_of_extremes(light: Array) -> Array:
    """The axis through black along which the darkest and brightest of (3, n) lie, by distance along their mean."""
    along = light.mean(1) @ light
    low, high = np.percentile(along, [EXTREMES_PERCENT, 100.0 - EXTREMES_PERCENT])
    ends = light[:, (along <= low) | (along >= high)]
    axis: Array = np.abs(np.linalg.eigh(ends @ ends.T)[1][:, -1])
    return axis


def _usual(estimate: Array, calibrations: tuple[Calibration, ...], analog_balance: Three) -> Array:
    """The mean of the lights that this camera knows, by how likely each is; the estimate where it knows none."""
    places, costs = [], []
    for kelvin in KELVINS:
        for tint in TINTS:
            try:
                places.append(_opposed(color.neutral_from_kelvin(kelvin, tint, calibrations, analog_balance)))
            except Refusal:
                continue
            rarity = ((1e6 / kelvin - USUAL_MIRED) / MIRED_SPREAD) ** 2 + ((tint - USUAL_TINT) / TINT_SPREAD) ** 2
            costs.append(rarity + ((places[-1] - estimate) ** 2).sum() / ESTIMATE_SPREAD**2)
    if not places:
        return estimate
    chance = np.exp((min(costs) - np.array(costs)) / 2.0)
    return np.asarray(chance @ np.array(places) / chance.sum(), np.float64)
