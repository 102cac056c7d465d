"""How a lens stands before the sensor, and what the light needs to know of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Mounting:
    """How the lens stands before the sensor: its rings, and what the phone and its adapter add.

    `distance_m` is what is in focus in the picture's middle, from the sensor, inf allowed. `plate_mm` is the sapphire
    before the sensor. `tilt_deg` (right, down): by how much the sensor's right and lower edges stand nearer to the
    lens than square; focus is set in the middle of the sensor. `decentre_mm` (x, y) is where the lens's axis meets
    the sensor. Raises Refusal for what cannot be built.
    """

    f_number: float
    distance_m: float = math.inf
    plate_mm: float = 0.0
    tilt_deg: tuple[float, float] = (0.0, 0.0)
    decentre_mm: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0.0 < self.f_number <= 128.0:
            raise Refusal(f"no aperture is f/{self.f_number:g}; f-numbers here go from that of the lens to 128")
        if not self.distance_m > 0.0:
            raise Refusal(f"nothing can be {self.distance_m:g} m away; give a distance above 0, or inf")
        if not 0.0 <= self.plate_mm <= 10.0:
            raise Refusal(f"a plate of {self.plate_mm:g} mm does not fit before the sensor; give 0 to 10 mm")
        if not all(abs(each) <= 10.0 for each in self.tilt_deg):
            raise Refusal(f"a tilt of {self.tilt_deg} degrees is no adapter's; give at most 10 either way")
        if not all(abs(each) <= 10.0 for each in self.decentre_mm):
            raise Refusal(f"a lens {self.decentre_mm} mm off centre is no adapter's; give at most 10 either way")


class Glass(Protocol):
    """A mounted lens as the light needs it; places are mm on the sensor, x right, y down, the picture upright.

    The ideal place of a point is `scale_mm` * tan(field angle), the angle being seen from the entrance pupil against
    the lens's axis; the focus's breathing is in `scale_mm`.
    """

    @property
    def name(self) -> str: ...
    @property
    def focal_mm(self) -> float: ...
    @property
    def f_number(self) -> float: ...
    @property
    def image_circle_mm(self) -> float: ...
    @property
    def scale_mm(self) -> float: ...

    def observed(self, ideal_mm: npt.ArrayLike, wavelength_nm: float) -> Floats:
        """(..., 2): where the chief ray of each ideal place (..., 2) meets the sensor."""
        ...

    def illumination(self, places_mm: npt.ArrayLike, wavelength_nm: float = 546.1) -> Floats:
        """(...): light at places (..., 2) on the sensor over that on the axis, for an even wall of light."""
        ...

    def chief_ray_deg(self, places_mm: npt.ArrayLike) -> Floats:
        """(...): the angle at which the middle of the beam meets the sensor at places (..., 2) on it."""
        ...

    def axial_irradiance(self) -> float:
        """Irradiance on the axis over the radiance of the scene, in sr, losses at the surfaces in it."""
        ...

    def spreads(
        self,
        places_mm: npt.ArrayLike,
        wavelengths_nm: npt.ArrayLike,
        distance_m: float,
        step_um: float,
        size: int,
    ) -> npt.NDArray[np.float32]:
        """(places, wavelengths, size, size), each of sum 1: the share of a point's light in each cell, x right, y down.

        The points' ideal places are (places, 2), their distance from the sensor, along the axis, `distance_m`, a cell
        `step_um` wide. The middle cell is centred on `observed` of the place. A cell holds all light that falls into
        it, so the aperture of a pixel of that size is in it and it is never negative.
        """
        ...

    def transfers(
        self,
        places_mm: npt.ArrayLike,
        wavelengths_nm: npt.ArrayLike,
        distance_m: float,
        step_um: float,
        size: int,
    ) -> npt.NDArray[np.complex64]:
        """(places, wavelengths, size, size // 2 + 1): optical transfer functions at `fftfreq(size, step)` down and
        `rfftfreq(size, step)` across, the highest frequency down that of itself and its negative.

        Each is that of the light within size * step about `observed`, 1 at frequency 0, free of any cell's aperture:
        what a blur on samples `step_um` apart should have, quicker and more exact than by way of `spreads`.
        """
        ...


def refuse_beyond(glass: Glass, diagonal_mm: float) -> None:
    """Refusal for a sensor whose diagonal is larger than the image circle; rounding is let pass."""
    if diagonal_mm > 1.0001 * glass.image_circle_mm:
        raise Refusal(
            f"The sensor's diagonal of {diagonal_mm:.1f} mm is larger than the image circle of {glass.name}, "
            f"{glass.image_circle_mm:.1f} mm; choose a smaller sensor or another lens."
        )
