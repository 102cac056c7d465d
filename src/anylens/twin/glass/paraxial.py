"""What rays close to the axis do: focal length, pupils, principal planes, by 2 x 2 matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.glass.dispersion import index
from anylens.twin.glass.prescription import Surface

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Cardinal:
    """First-order facts at one wavelength, mm.

    `back_focus` is from the last vertex back to the focus of a far point, `front_focus` from the first vertex forward
    to the point whose light leaves parallel. The entrance pupil lies `entrance` behind the first vertex and is
    `entrance_size` times the stop; the exit pupil lies `exit` behind the last vertex (negative is in front of it).
    `turn` is the slope of a ray through the pupils' middles behind the lens over its slope before.
    """

    focal: float
    back_focus: float
    front_focus: float
    entrance: float
    entrance_size: float
    exit: float
    turn: float

    def image(self, object_mm: float) -> float:
        """How far behind the last vertex the image of a point `object_mm` before the first vertex lies; inf allowed."""
        return self.back_focus + self.focal**2 / (object_mm - self.front_focus)

    def magnification(self, object_mm: float) -> float:
        """Image size over object size, positive number for the upside-down image of a far object."""
        return self.focal / (object_mm - self.front_focus)


def matrix(surfaces: tuple[Surface, ...], wavelength_nm: float) -> Floats:
    """(2, 2): (height, reduced slope) on the first vertex plane to the same behind the last vertex."""
    total = np.eye(2)
    before = 1.0
    for at, surface in enumerate(surfaces):
        after = float(index(surface.glass, wavelength_nm))
        power = (after - before) / surface.radius_mm
        total = np.array([[1.0, 0.0], [-power, 1.0]]) @ total
        if at + 1 < len(surfaces):
            total = np.array([[1.0, surface.thickness_mm / after], [0.0, 1.0]]) @ total
        before = after
    return total


def cardinal(surfaces: tuple[Surface, ...], wavelength_nm: float) -> Cardinal:
    """Focal length, focuses and pupils of a design at one wavelength (Welford 1986, chapter 3)."""
    stop = next(at for at, surface in enumerate(surfaces) if surface.stop)
    (a, b), (c, d) = matrix(surfaces, wavelength_nm)
    focal = -1.0 / c
    # Up to the stop's plane, and from there on: the stop's surface bends, so the plane is taken just before it.
    front = np.eye(2)
    if stop:
        gap = surfaces[stop - 1].thickness_mm / float(index(surfaces[stop - 1].glass, wavelength_nm))
        front = np.array([[1.0, gap], [0.0, 1.0]]) @ matrix(surfaces[:stop], wavelength_nm)
    rear = np.array([[a, b], [c, d]]) @ np.linalg.inv(front)
    # The ray through the stop's middle: height 0 there, slope 1; backwards to the first vertex, forwards to the last.
    height, slope = np.linalg.inv(front) @ (0.0, 1.0)
    out_height, out_slope = rear @ (0.0, 1.0)
    entrance, leaving = -height / slope, -out_height / out_slope
    return Cardinal(
        focal=float(focal),
        back_focus=float(-a / c),
        front_focus=float(-d / c),
        entrance=float(entrance),
        entrance_size=float(1.0 / slope),
        exit=float(leaving),
        turn=float(out_slope / slope),
    )
