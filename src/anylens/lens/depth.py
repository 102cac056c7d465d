"""What a lens shows on a sensor: angle of view, depth of field, diffraction.

Gaussian optics of a thin lens, distances in metres from the sensor as the rings of lenses are engraved.
"""

from __future__ import annotations

import math

from anylens.refusal import Refusal

FULL_FRAME_MM = (36.0, 24.0)
GREEN_UM = 0.55
"""The wavelength by which diffraction is told."""


def crop_factor(size_mm: tuple[float, float]) -> float:
    """How many times smaller a sensor of width and height in mm is than 36 x 24 mm, by the diagonals."""
    return math.hypot(*FULL_FRAME_MM) / math.hypot(*size_mm)


def angles_deg(focal_mm: float, size_mm: tuple[float, float]) -> tuple[float, float, float]:
    """The angle of view across, down and from corner to corner, focused at infinity and without distortion."""
    across, down = size_mm
    wide, high, corner = (
        math.degrees(2.0 * math.atan(0.5 * each / focal_mm)) for each in (across, down, math.hypot(across, down))
    )
    return wide, high, corner


def circle_mm(size_mm: tuple[float, float]) -> float:
    """The usual circle of confusion: a 1500th of the diagonal, what the eye forgives in a print seen whole."""
    return math.hypot(*size_mm) / 1500.0


def hyperfocal_m(focal_mm: float, f_number: float, circle: float) -> float:
    """The nearest focus that keeps infinity within a circle of confusion of `circle` mm."""
    return (focal_mm**2 / (f_number * circle) + 2.0 * focal_mm + f_number * circle) / 1000.0


def sharp_m(focal_mm: float, f_number: float, distance_m: float, circle: float) -> tuple[float, float]:
    """From where to where it is sharp within a circle of `circle` mm when focused at `distance_m`; inf for no end.

    `distance_m` may be inf. Raises Refusal for a distance nearer than four focal lengths, which no lens can focus.
    """
    blur = f_number * circle
    if math.isinf(distance_m):
        return (focal_mm**2 / blur + focal_mm) / 1000.0, math.inf
    whole = 1000.0 * distance_m
    if whole <= 4.0 * focal_mm:
        raise Refusal(
            f"{distance_m:g} m from the sensor is nearer than {focal_mm:g} mm can focus; "
            f"choose more than {0.004 * focal_mm:g} m."
        )
    before = 0.5 * (whole + math.sqrt(whole * (whole - 4.0 * focal_mm)))
    behind = whole - before
    near = before * focal_mm**2 / (focal_mm**2 + blur * (before - focal_mm))
    left = focal_mm**2 - blur * (before - focal_mm)
    far = before * focal_mm**2 / left if left > 0.0 else math.inf
    return (near + behind) / 1000.0, (far + behind) / 1000.0


def airy_um(f_number: float) -> float:
    """The diameter of the Airy disc, to its first dark ring, in green light."""
    return 2.44 * GREEN_UM * f_number


def contrast(f_number: float, pitch_um: float) -> float:
    """What diffraction leaves of contrast (0 to 1) at the finest detail that pixels can carry, 1 line pair in 2."""
    u = GREEN_UM * f_number / (2.0 * pitch_um)
    return 0.0 if u >= 1.0 else 2.0 / math.pi * (math.acos(u) - u * math.sqrt(1.0 - u * u))


def diffraction_f_number(pitch_um: float) -> float:
    """From which f-number on the Airy disc is wider than two pixels."""
    return 2.0 * pitch_um / airy_um(1.0)
