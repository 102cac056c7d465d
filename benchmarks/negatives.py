"""The raw files that everybody develops: python -m benchmarks.negatives FOLDER.

Plain uncompressed DNGs, one strip of 16-bit samples, written by tifffile and not by what is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.report import ROOT

DEMO = ROOT / "demo" / "GOPR0024.dng"
SIZES = {"tiny": (96, 128), "12.5 MP": (3072, 4080), "50 MP": (6144, 8160)}
SRGB_FROM_XYZ = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.204, 1.057)
D65, RGGB = 21, (0, 1, 1, 2)


def _ratios(values: Sequence[float], most: int) -> tuple[int, ...]:
    parts = (Fraction(float(value)).limit_denominator(most) for value in values)
    return tuple(number for part in parts for number in (part.numerator, part.denominator))


def write_dng(
    path: Path,
    raw: npt.NDArray[np.uint16],
    *,
    black: int = 0,
    white: int = 65535,
    neutral: Sequence[float] = (1.0, 1.0, 1.0),
    matrices: Sequence[tuple[int, Sequence[float]]] = ((D65, SRGB_FROM_XYZ),),
    noise: Sequence[float] = (),
    exposure_s: float = 0.0,
    iso: int = 0,
) -> None:
    """Write (H, W) RGGB counts; `matrices` are (EXIF light source, nine figures from XYZ to camera), one or two."""
    import tifffile

    maker = "anylens benchmarks"
    tags: list[tuple[int, Any, int, Any, bool]] = [
        (271, "s", 0, maker, True),
        (272, "s", 0, "mirrored demo", True),
        (274, "H", 1, 1, True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, RGGB, True),
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50707, "B", 4, (1, 1, 0, 0), True),
        (50708, "s", 0, f"{maker} mirrored demo", True),
        (50710, "B", 3, (0, 1, 2), True),
        (50711, "H", 1, 1, True),
        (50714, "H", 1, black, True),
        (50717, "I", 1, white, True),
        (50728, "2I", 3, _ratios(neutral, 10**6), True),
    ]
    for at, (light, matrix) in enumerate(matrices):
        tags.append((50721 + at, "2i", 9, _ratios(matrix, 10**4), True))
        tags.append((50778 + at, "H", 1, light, True))
    if noise:
        tags.append((51041, "d", len(noise), tuple(noise), True))
    if exposure_s:
        tags.append((33434, "2I", 1, _ratios([exposure_s], 10**6), True))
    if iso:
        tags.append((34855, "H", 1, iso, True))
    tags.sort()
    tifffile.imwrite(path, raw, photometric=32803, extratags=tags, subfiletype=0, metadata=None, rowsperstrip=len(raw))


def mirrored(raw: npt.NDArray[np.uint16], height: int, width: int) -> npt.NDArray[np.uint16]:
    """A mosaic of any size from a smaller or larger one: cut, or continued by mirrors that keep the filter's phase."""
    cut = raw[:height, :width]
    around = ((0, height - cut.shape[0]), (0, width - cut.shape[1]))
    return np.ascontiguousarray(np.pad(cut, around, mode="reflect"))


def make(folder: Path) -> None:
    """The demo raw, a real photograph with its real noise, in every size: FOLDER/NAME.dng."""
    import anylens

    frame = anylens.read(DEMO)
    assert isinstance(frame, anylens.Frame)
    sensor, neutral = frame.facts.sensor, frame.facts.as_shot_neutral
    assert sensor.noise is not None
    assert neutral is not None
    for name, (height, width) in SIZES.items():
        write_dng(
            folder / f"{name}.dng",
            mirrored(frame.raw, height, width),
            white=round(max(sensor.white)),
            neutral=neutral,
            matrices=[(c.illuminant, np.ravel(c.color_matrix).tolist()) for c in sensor.calibrations[:2]],
            noise=[value for pair in zip(sensor.noise.scale, sensor.noise.offset, strict=True) for value in pair],
        )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
