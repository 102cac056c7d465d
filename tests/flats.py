"""Raw flats whose electrons are known, for tests and for the lab's accuracy table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anylens.frame import Facts, Frame
from anylens.sensor import Noise, Sensor, bayer


@dataclass(frozen=True)
class Silicon:
    """A sensor in the terms of EMVA 1288: gain in counts by electron, noises in electrons rms, pattern as a share."""

    gain: float = 0.5
    read_e: float = 3.0
    row_e: float = 0.0
    dsnu_e: float = 0.0
    prnu: float = 0.0
    full_well_e: float = 8000.0
    black: float = 256.0
    white: float = 4095.0
    cfa: str = "RGGB"

    def noise(self) -> Noise:
        """What an honest camera would write into its files."""
        span = self.white - self.black
        offset = self.gain**2 * (self.read_e**2 + self.row_e**2) + 1 / 12
        return Noise((self.gain / span,), (offset / span**2,), "file")


def flat(
    silicon: Silicon,
    electrons: np.ndarray,
    seed: int,
    exposure_s: float | None = None,
    pattern_seed: int = 1,
    noise: Noise | None = None,
) -> Frame:
    """One frame of a surface that gives each pixel so many electrons, (H, W); `pattern_seed` is the sensor's copy."""
    rng, own = np.random.default_rng(seed), np.random.default_rng(pattern_seed)
    shape = electrons.shape
    response = 1.0 + silicon.prnu * own.standard_normal(shape)
    offset = silicon.dsnu_e * own.standard_normal(shape)
    held = np.minimum(rng.poisson(np.maximum(electrons * response, 0.0)), silicon.full_well_e)
    rows = silicon.row_e * rng.standard_normal((shape[0], 1))
    counts = silicon.gain * (held + offset + rows + silicon.read_e * rng.standard_normal(shape)) + silicon.black
    raw = np.clip(np.rint(counts), 0, silicon.white).astype(np.uint16)
    height, width = shape
    sensor = Sensor(
        "test",
        width,
        height,
        bayer(silicon.cfa),
        black=((silicon.black,),),
        white=(silicon.white,),
        noise=noise or silicon.noise(),
    )
    facts = Facts.whole(sensor, exposure_s=exposure_s)
    return Frame(raw, facts)


def falloff(height: int, width: int, corner: float) -> np.ndarray:
    """(H, W): 1 in the middle, `corner` in the corners, by the square of the radius."""
    y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    return 1.0 - (1.0 - corner) * (x * x + y * y) / 2.0


def series(
    silicon: Silicon,
    shape: tuple[int, int] = (256, 256),
    levels: tuple[float, ...] = (0.0, 0.04, 0.1, 0.2, 0.35, 0.5, 0.65, 0.9),
    corner: float = 0.75,
    seed: int = 0,
    each: int = 2,
) -> list[Frame]:
    """A pair (or more) of flats at each level, a share of the full well in the middle; exposure follows the level."""
    surface = falloff(*shape, corner) * silicon.full_well_e
    return [
        flat(silicon, surface * level, 1000 * seed + each * i + j, 0.001 + 0.1 * level)
        for i, level in enumerate(levels)
        for j in range(each)
    ]
