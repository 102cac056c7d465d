"""What kind of lens a design is: the figures of a data sheet, from rays alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.glass.optics import GREEN_NM, Design, lit_edge
from anylens.twin.glass.paraxial import cardinal

Floats = npt.NDArray[np.floating[Any]]

LINES_NM = (486.133, 546.074, 656.273)
_ANGLES = 64
_RINGS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Fan:
    """All light of far points through a lens at one setting of the stop, as rays in the sensor's plane.

    `x`, `y` (mm), `slope_x`, `slope_y` and `share` (the part of the light that a ray stands for, sum 1) are (fields,
    wavelengths, rays); fields lie to the right, so x is away from the axis. `solid_sr` (fields,) is the area of the
    green beam in direction cosines.
    """

    x: Floats
    y: Floats
    slope_x: Floats
    slope_y: Floats
    share: Floats
    solid_sr: Floats

    def best_focus_mm(self, colors: slice = slice(None), along: str = "xy") -> Floats:
        """(fields,): how far behind the plane the rms of all spots of `colors` about their common middle is least.

        `along` "x" looks at the tangential focus, "y" at the sagittal one.
        """
        top, bottom = np.zeros(len(self.x)), np.zeros(len(self.x))
        share = self.share[:, colors] / self.share[:, colors].sum(axis=(1, 2), keepdims=True)
        for axis in along:
            at, slope = (self.x, self.slope_x) if axis == "x" else (self.y, self.slope_y)
            at, slope = at[:, colors], slope[:, colors]
            at = at - (share * at).sum(axis=(1, 2), keepdims=True)
            slope = slope - (share * slope).sum(axis=(1, 2), keepdims=True)
            top += (share * at * slope).sum(axis=(1, 2))
            bottom += (share * slope * slope).sum(axis=(1, 2))
        return -top / bottom

    def rms_mm(self, plane_mm: npt.ArrayLike = 0.0, colors: slice = slice(None)) -> Floats:
        """(fields,): root mean square distance of the light from its common middle, `plane_mm` behind the plane."""
        share = self.share[:, colors] / self.share[:, colors].sum(axis=(1, 2), keepdims=True)
        shift = np.broadcast_to(plane_mm, len(self.x))[:, None, None]
        total = np.zeros(len(self.x))
        for at, slope in ((self.x, self.slope_x), (self.y, self.slope_y)):
            there = at[:, colors] + shift * slope[:, colors]
            middle = (share * there).sum(axis=(1, 2), keepdims=True)
            total += (share * (there - middle) ** 2).sum(axis=(1, 2))
        return np.asarray(np.sqrt(total))


def fan(lens: Design, tangents: npt.ArrayLike, wavelengths_nm: npt.ArrayLike = LINES_NM) -> Fan:
    """Rays of far points at `tangents` (fields,) of the field angle, even over what of the entrance pupil is lit."""
    fields = np.asarray(tangents, np.float64).reshape(-1)
    at = np.stack([fields, np.zeros_like(fields)], axis=-1)
    colors = np.asarray(wavelengths_nm, np.float64)
    poles = lens.chief(at[:, None], math.inf, colors)
    angles = 2.0 * np.pi * np.arange(_ANGLES) / _ANGLES
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    edge = lit_edge(lens, at, math.inf, colors, poles, angles)
    nodes, weights = np.polynomial.legendre.leggauss(_RINGS)
    rings = 0.5 * (nodes + 1.0)
    pupil = poles[:, :, None, None] + (edge[:, :, None] * rings[:, None])[..., None] * ways
    rays = lens.send(at[:, None, None, None], math.inf, pupil, colors[:, None, None])
    share = (weights * rings)[:, None] * edge[:, :, None] ** 2
    shape = (len(fields), len(colors), -1)
    rim = lens.send(
        at[:, None], math.inf, poles[:, _green(colors), None] + edge[:, _green(colors), :, None] * ways, GREEN_NM
    )
    area = 0.5 * np.abs((rim.l * np.roll(rim.m, -1, axis=-1) - rim.m * np.roll(rim.l, -1, axis=-1)).sum(axis=-1))
    return Fan(
        x=rays.x.reshape(shape),
        y=rays.y.reshape(shape),
        slope_x=(rays.l / rays.n).reshape(shape),
        slope_y=(rays.m / rays.n).reshape(shape),
        share=(share / share.sum(axis=(2, 3), keepdims=True)).reshape(shape),
        solid_sr=area,
    )


def _green(colors: Floats) -> int:
    return int(np.argmin(np.abs(colors - GREEN_NM)))


def distortion(lens: Design, tangents: npt.ArrayLike) -> Floats:
    """Height of the green chief ray over focal length times tangent, less 1, in the paraxial focus of far points."""
    fields = np.asarray(tangents, np.float64)
    at = np.stack([fields, np.zeros_like(fields)], axis=-1)
    flat = lens.moved(lens.cardinal.back_focus)
    rays = flat.send(at, math.inf, flat.chief(at, math.inf, GREEN_NM), GREEN_NM)
    return np.asarray(rays.x / (lens.cardinal.focal * fields) - 1.0)


def lateral_color_mm(lens: Design, tangents: npt.ArrayLike, wavelengths_nm: npt.ArrayLike = LINES_NM) -> Floats:
    """(fields, wavelengths): chief ray heights less the green one's, in the lens's own plane; positive is outwards."""
    fields = np.asarray(tangents, np.float64)
    at = np.stack([fields, np.zeros_like(fields)], axis=-1)[:, None]
    colors = np.asarray(wavelengths_nm, np.float64)
    heights = lens.send(at, math.inf, lens.chief(at, math.inf, colors), colors).x
    green = lens.send(at, math.inf, lens.chief(at, math.inf, GREEN_NM), GREEN_NM).x
    return np.asarray(heights - green)


def axial_color_mm(lens: Design, wavelengths_nm: npt.ArrayLike = LINES_NM) -> Floats:
    """(wavelengths,): paraxial focus less that of green."""
    colors = np.asarray(wavelengths_nm, np.float64)
    return np.array([cardinal(lens.surfaces, float(each)).back_focus for each in colors]) - lens.cardinal.back_focus


def opened(lens: Design) -> float:
    """The f-number that far light on the axis really gets: focal length over the width of the beam that passes."""
    axis = np.zeros((1, 2))
    edge = lit_edge(lens, axis, math.inf, np.array([GREEN_NM]), np.zeros((1, 1, 2)), np.zeros(1))
    return float(lens.cardinal.focal / (2.0 * edge[0, 0, 0]))
