"""Sensor: geometry, colour filter, levels, noise and colour calibration of a piece of silicon."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

CFA = tuple[tuple[str, ...], ...]
"""n x n colour letters, first row at the active area's top left; () for monochrome or for full-colour samples."""

Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Noise:
    """Variance of a sample x (0 black, 1 white): `scale * x + offset` by colour plane, at one gain.

    The DNG specification's NoiseProfile: one pair for all planes or one pair for each of R, G, B.
    `source` says how we know: `file`, `estimated` (from the frame itself), `sensor` (its data sheet or TOML), `twin`.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    source: Literal["file", "estimated", "sensor", "twin"]

    def __post_init__(self) -> None:
        if len(self.scale) != len(self.offset) or len(self.scale) not in (1, 3):
            raise ValueError("a noise profile has one pair for all planes or one for each of R, G and B")

    def plane(self, index: int) -> tuple[float, float]:
        """(scale, offset) of colour plane 0 R, 1 G, 2 B."""
        at = index if len(self.scale) == 3 else 0
        return self.scale[at], self.offset[at]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Colour of one sensor under one light, in the DNG specification's terms.

    `illuminant` is the EXIF LightSource code (17 standard light A, 21 D65, 23 D50); `color_matrix` goes from XYZ to
    camera, `forward_matrix` from white-balanced camera to XYZ D50, `camera_calibration` from the model to this copy.
    """

    illuminant: int
    color_matrix: Matrix
    forward_matrix: Matrix | None = None
    camera_calibration: Matrix | None = None


@dataclass(frozen=True, slots=True)
class Sensor:
    """What the silicon is.

    `cfa` and `black` repeat from the active area's top left corner; `black` is in counts by site of its own
    repeat pattern, to which `black_row_delta` and `black_column_delta` (counts, one a row or column of the active
    area, or empty) are added; `white` is in counts, one value or one each for R, G, B.
    """

    name: str
    width_px: int
    height_px: int
    cfa: CFA
    black: tuple[tuple[float, ...], ...] = ((0.0,),)
    white: tuple[float, ...] = (65535.0,)
    pitch_um: float | None = None
    noise: Noise | None = None
    calibrations: tuple[Calibration, ...] = ()
    analog_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    black_row_delta: tuple[float, ...] = field(default=(), repr=False)
    black_column_delta: tuple[float, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.cfa and (len({len(row) for row in self.cfa} | {len(self.cfa)}) != 1):
            raise ValueError("cfa must be a square pattern of colour letters, or () for monochrome")
        if max(max(row) for row in self.black) >= min(self.white):
            raise ValueError(
                f"black level {max(max(row) for row in self.black):g} is not below white level {min(self.white):g}"
            )


def bayer(letters: str) -> CFA:
    """The 2 x 2 pattern of four letters such as `RGGB`, or the 4 x 4 one of `quad-RGGB`; `mono` gives ()."""
    if letters.lower() in ("mono", "monochrome", ""):
        return ()
    quad = letters.lower().startswith("quad-")
    order = letters[5:].upper() if quad else letters.upper()
    if order not in ("RGGB", "GRBG", "GBRG", "BGGR"):
        raise ValueError(f"cfa '{letters}' is not one of RGGB, GRBG, GBRG, BGGR, quad-RGGB ... or mono")
    rows = (order[:2], order[2:])
    if not quad:
        return tuple(tuple(row) for row in rows)
    return tuple(tuple(c for c in row for _ in range(2)) for row in rows for _ in range(2))
