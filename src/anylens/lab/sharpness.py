"""Sharpness: the edge's spatial frequency response (ISO 12233:2023) and the Siemens star's."""

from __future__ import annotations

from dataclasses import dataclass, field

from anylens.lab.figure import Figure
from anylens.lab.samples import Place

Curve = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EdgeSharpness:
    """What one slanted edge says of the sharpness across it.

    Frequencies are in cycles per pixel of the sensor's full lattice, whatever sites the colour has. `angle_deg` is the
    edge's, 0 along x, growing from x to y, 0 to 180; `off_radius_deg` how far the direction across it is from the
    field's radius: 0 is tangential, 90 sagittal. `noise` is the standard deviation of a sample in parts of the step
    from `dark` to `bright`; `bend_px` how far the edge's middle lies off the chord of its ends; `overshoot` how far
    beyond the step the profile goes, in parts of it. `profile` (0 dark, 1 bright) stands at `distances_px`.
    """

    place_px: Place
    place_mm: Place | None
    letter: str
    angle_deg: float
    off_radius_deg: float
    length_px: float
    half_width_px: float
    dark: float
    bright: float
    noise: float
    bend_px: float
    overshoot: float
    rise_px: float
    mtf50_cpp: Figure
    mtf50_lpmm: Figure | None
    mtf_nyquist: Figure
    frequencies_cpp: Curve = field(repr=False)
    mtf: Curve = field(repr=False)
    mtf_error: Curve = field(repr=False)
    distances_px: Curve = field(repr=False)
    profile: Curve = field(repr=False)
    corners_px: tuple[Place, ...] = field(repr=False)

    @property
    def direction(self) -> str:
        """`tangential` where the light changes along the field's radius, `sagittal` where it changes around it."""
        return "tangential" if self.off_radius_deg < 45.0 else "sagittal"


@dataclass(frozen=True, slots=True)
class Refused:
    """Something of a chart that was found and not measured, and why."""

    place_px: Place
    why: str


@dataclass(frozen=True, slots=True)
class Sharpness:
    """All edges of one picture in one colour: those measured and those refused."""

    letter: str
    pitch_um: float | None
    edges: tuple[EdgeSharpness, ...]
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class StarSharpness:
    """What a Siemens star says: its MTF over all directions, and MTF50 by direction.

    `mtf50_by_direction_cpp` goes with `directions_deg`, the direction in which the light changes, 0 along x, from x to
    y, 0 to 180. `reference` says what modulation counts as 1: `known` (given) or `coarse` (the star's outermost rings).
    """

    place_px: Place
    place_mm: Place | None
    letter: str
    cycles: int
    radius_px: float
    reference: str
    mtf50_cpp: Figure
    mtf50_lpmm: Figure | None
    mtf_nyquist: Figure
    directions_deg: Curve
    mtf50_by_direction_cpp: tuple[Figure, ...]
    frequencies_cpp: Curve = field(repr=False)
    mtf: Curve = field(repr=False)
    mtf_error: Curve = field(repr=False)
