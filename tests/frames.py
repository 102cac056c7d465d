"""Small frames with known truth, for tests of the darkroom."""

from __future__ import annotations

import numpy as np

from anylens.frame import Facts, Frame
from anylens.sensor import Calibration, Noise, Sensor, bayer

# Published matrices of no camera in particular: an ordinary sensor under standard light A and D65.
WARM = ((1.05, -0.40, -0.10), (-0.30, 1.15, 0.15), (0.0, 0.15, 0.65))
COOL = ((0.90, -0.30, -0.08), (-0.40, 1.25, 0.15), (-0.05, 0.20, 0.60))
NEUTRAL = (0.5, 1.0, 0.6)


def facts(cfa: str = "RGGB", height: int = 48, width: int = 64, **changes: object) -> Facts:
    """Facts of a small sensor of 12 bits, black 256, white 4095."""
    sensor = Sensor(
        "test",
        width,
        height,
        bayer(cfa),
        black=((256.0,),),
        white=(4095.0,),
        noise=Noise((1e-4,), (1e-6,), "sensor"),
        calibrations=(Calibration(17, WARM), Calibration(21, COOL)) if cfa != "mono" else (),
    )
    known = {"as_shot_neutral": NEUTRAL if cfa != "mono" else None, **changes}
    return Facts.whole(sensor, **known)  # type: ignore[arg-type]


def sampled(rgb: np.ndarray, cfa: str = "RGGB", noise_seed: int | None = None, **changes: object) -> Frame:
    """The counts that a sensor gives for linear camera light (3, H, W), 0 to 1."""
    _, height, width = rgb.shape
    known = facts(cfa, height, width, **changes)
    letters = np.array(known.sensor.cfa or (("G",),))
    rows, columns = np.indices((height, width))
    plane = np.vectorize("RGB".index)(letters[rows % len(letters), columns % len(letters)])
    light = np.take_along_axis(rgb, plane[None], 0)[0].astype(np.float64)
    if noise_seed is not None:
        rng = np.random.default_rng(noise_seed)
        light = light + rng.normal(0, 1, light.shape) * np.sqrt(1e-4 * np.maximum(light, 0) + 1e-6)
    counts = np.clip(np.rint(256 + light * (4095 - 256)), 0, 65535).astype(np.uint16)
    return Frame(counts, known)


def grey(level: float | np.ndarray, height: int = 48, width: int = 64) -> np.ndarray:
    """A grey surface under the light that NEUTRAL speaks of, as the camera sees it."""
    return (
        np.broadcast_to(np.asarray(level) * np.ones((height, width)), (height, width))
        * np.array(NEUTRAL)[:, None, None]
    )
