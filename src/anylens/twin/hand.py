"""Hand: how the camera is held; its pose at any time, still on a tripod."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal

Floats = npt.NDArray[np.float64]

_LOWEST_HZ, _HIGHEST_HZ, _WAVES = 0.15, 24.0, 120
_DRIFT_CORNER_HZ = 0.4
_TREMOR_HZ, _TREMOR_WIDTH_HZ = 9.5, 1.6
_DRIFT_RAD, _TREMOR_RAD = 2.0e-3, 0.07e-3
_AXES = (1.0, 1.0, 0.5)
_SHIFT_MM_PER_RAD = 150.0
_AHEAD = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Tremor:
    """A steady person's hands: pitch, yaw and roll in radians, x, y and z in mm, 0 at time 0.

    Each axis has its own sum of waves with random phases under one spectrum of angle, after the camera shake model of
    Gavant et al. (2011): a slow drift of posture whose power falls with the square of frequency, and the physiological
    tremor near 10 Hz (Marshall & Walsh 1956; 8 to 12 Hz). The figures are assumed: 2.4 mrad rms of drift above 0.15
    Hz, 0.045 mrad rms of tremor, together about 7 mrad/s or 0.4 degrees a second; roll half of that; the camera also
    shifts as if it turned about a point 150 mm behind it. `amplitude` multiplies all of it.
    """

    frequencies_hz: Floats
    waves: Floats
    phases: Floats

    def __call__(self, time_s: npt.ArrayLike) -> Floats:
        """(n, 6): the pose at times (n,)."""
        turns = 2.0 * math.pi * np.multiply.outer(np.atleast_1d(np.asarray(time_s, np.float64)), self.frequencies_hz)
        rest = np.cos(self.phases)
        return np.stack(
            [
                (np.cos(turns + phase) - still) @ wave
                for wave, phase, still in zip(self.waves, self.phases, rest, strict=True)
            ],
            axis=1,
        )


def tremor(seed: int, amplitude: float = 1.0) -> Tremor:
    """Hands that tremble in the way `seed` chooses; Refusal for an amplitude below 0 or above 100."""
    if not 0.0 <= amplitude <= 100.0:
        raise Refusal(f"The hand's amplitude is {amplitude:g}; it goes from 0 (still) over 1 (a steady person) to 100.")
    rng = np.random.default_rng((0x4A4D, seed))
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _WAVES + 1)
    low, high = edges[:-1], edges[1:]
    frequencies = low + (high - low) * rng.random(_WAVES)
    drift = (high - low) / (frequencies**2 + _DRIFT_CORNER_HZ**2) ** 2
    band = (high - low) * np.exp(-0.5 * ((frequencies - _TREMOR_HZ) / _TREMOR_WIDTH_HZ) ** 2)
    power = _DRIFT_RAD**2 * drift / drift.sum() + _TREMOR_RAD**2 * band / band.sum()
    angle = amplitude * np.sqrt(2.0 * power)
    waves = [axis * angle for axis in _AXES]
    waves += [_SHIFT_MM_PER_RAD * share * angle for share in (1.0, 1.0, _AHEAD)]
    return Tremor(frequencies, np.array(waves), rng.uniform(0.0, 2.0 * math.pi, (6, _WAVES)))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A measured movement: angles (n, 3) of pitch, yaw and roll in radians at times (n,) in s, 0 at time 0.

    It runs to and fro when it is over, so it has no end and no jump.
    """

    times_s: Floats
    angles: Floats

    def __call__(self, time_s: npt.ArrayLike) -> Floats:
        """(n, 6): the pose at times (n,), without shifts, which a gyroscope does not feel."""
        length = float(self.times_s[-1])
        at = np.abs((np.atleast_1d(np.asarray(time_s, np.float64)) + length) % (2.0 * length) - length)
        turned = [np.interp(at, self.times_s, self.angles[:, axis]) for axis in range(3)]
        return np.stack([*turned, *np.zeros((3, len(at)))], axis=1)


def track(path: str | Path, amplitude: float = 1.0) -> Track:
    """The movement that a GoPro film's gyroscope recorded, times `amplitude`; Refusal as `twin.gpmf` gives them."""
    from anylens.twin.gpmf import read_gyroscope

    if not 0.0 <= amplitude <= 100.0:
        raise Refusal(f"The hand's amplitude is {amplitude:g}; it goes from 0 (still) over 1 (as recorded) to 100.")
    times, rates = read_gyroscope(path)
    steps = np.diff(times, prepend=times[0])[:, None]
    angles = amplitude * np.cumsum(rates * steps, axis=0)
    return Track(times - times[0], angles - angles[0])


def hand(kind: str, seed: int, amplitude: float = 1.0) -> Tremor | Track | None:
    """`tripod` (None), `tremor`, or `gyro:FILE` with a GoPro film; Refusal for anything else."""
    if kind == "tripod":
        return None
    if kind == "tremor":
        return tremor(seed, amplitude) if amplitude != 0.0 else None
    if kind.startswith("gyro:"):
        return track(kind.removeprefix("gyro:"), amplitude)
    raise Refusal(f"There is no hand '{kind}'; choose from tripod, tremor and gyro:FILE with a GoPro film.")


def hands() -> dict[str, str]:
    """What each way to hold the camera is, by its name."""
    return {
        "tripod": "nothing moves",
        "tremor": "the drift and tremor of a steady person's hands; amplitude=2 shakes twice as much",
        "gyro:FILE": "the movement that the gyroscope of a GoPro film (mp4) recorded; amplitude=0.1 calms it",
    }
