"""Geometry: distortion from a flat chart, lateral colour, and how the lens is tilted before the sensor."""

from __future__ import annotations

from dataclasses import dataclass, field

from anylens.lab.figure import Figure
from anylens.lab.samples import Floats, Place


@dataclass(frozen=True, slots=True, eq=False)
class Distortion:
    """From the ideal place to the observed one: observed = centre + (ideal - centre) * (1 + k1 r2 + k2 r4 + ...).

    r is the ideal place's distance from `centre_px` in parts of `half_diagonal_px`, so k1 + k2 + ... is the
    distortion in the picture's corner, also `corner_percent`; negative is a barrel. `residual_px` is the rms that the
    map leaves of the chart's points. `observed_px` and `ideal_px` are (n, 2).
    """

    kind: str
    centre_px: tuple[Figure, Figure]
    half_diagonal_px: float
    pitch_um: float | None
    radial: tuple[Figure, ...]
    corner_percent: Figure
    residual_px: float
    worst_px: float
    views: int
    observed_px: Floats = field(repr=False)
    ideal_px: Floats = field(repr=False)


@dataclass(frozen=True, slots=True)
class LateralColor:
    """How far a colour's picture lies from green's, along the radius: shift_px = r * (c0 + c1 r2) half diagonals.

    `letter` is the colour, `places_px` where it was measured, `shifts_px` by how much (x, y).
    """

    letter: str
    coefficients_px: tuple[Figure, ...]
    corner_px: Figure
    residual_px: float
    places_px: tuple[Place, ...] = field(repr=False)
    shifts_px: tuple[Place, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tilt:
    """How the plane of best focus stands to the sensor.

    `about_x_deg` is positive where the lower part of the picture (y down) has its best focus at larger focus values,
    `about_y_deg` where the right part has. `curvature_um` is the best focus at the picture's corner against the
    middle, tilt apart. `places_mm` and `best_focus_um` are what they rest on.
    """

    about_x_deg: Figure
    about_y_deg: Figure
    focus_um: Figure
    curvature_um: Figure
    residual_um: float
    places_mm: tuple[Place, ...] = field(repr=False)
    best_focus_um: tuple[Figure, ...] = field(repr=False)
