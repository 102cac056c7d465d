"""A lens by its name, set before the sensor and focused."""

from __future__ import annotations

import math
from functools import lru_cache

from anylens.refusal import Refusal
from anylens.twin.glass.focusing import settle
from anylens.twin.glass.mounted import Mounted
from anylens.twin.glass.mounting import Mounting
from anylens.twin.glass.optics import Design, Thin, design
from anylens.twin.glass.prescription import Prescription, prescription


def glass(name: str, mounting: Mounting) -> Mounted:
    """A lens set up before the sensor; `name` may be the beginning of one, `ideal`, `ideal-35` or the file of a design.

    Refusal for a name that no lens has, a faster aperture than it has, or a nearer focus than it can.
    """
    asked = name.strip().lower().replace("_", "-")
    if asked == "ideal" or asked.startswith("ideal-"):
        return _ideal(name, asked.removeprefix("ideal").removeprefix("-"), mounting)
    return _traced(prescription(name), mounting)


@lru_cache(8)
def _ideal(name: str, focal: str, mounting: Mounting) -> Mounted:
    try:
        focal_mm = float(focal or 50.0)
    except ValueError:
        focal_mm = 0.0
    if not 1.0 <= focal_mm <= 2000.0:
        raise Refusal(f"'{name}' is no ideal lens; write its focal length as ideal-35, 1 to 2000 mm")
    _not_faster("ideal lens", 1.4, mounting.f_number)
    nearest = 4.0 * focal_mm
    distance = mounting.distance_m * 1000.0
    if distance < nearest:
        raise Refusal(_too_near(f"ideal lens of {focal_mm:g} mm", mounting.distance_m, nearest / 1000.0))
    start = focal_mm if math.isinf(distance) else 0.5 * (distance - math.sqrt(distance * (distance - nearest)))
    # The edge of the cone of light has the sine 1 / (2 f-number), as that of a lens without coma.
    half = focal_mm * math.tan(math.asin(0.5 / mounting.f_number))
    thin = Thin(focal_mm, half, start)
    back = settle(lambda at: (thin.moved(at), distance - at), start, mounting.plate_mm) if mounting.plate_mm else start
    slug = f"ideal-{focal_mm:g}"
    return Mounted(slug, focal_mm, mounting.f_number, 43.2, thin.moved(back), mounting)


@lru_cache(8)
def _traced(made: Prescription, mounting: Mounting) -> Mounted:
    _not_faster(made.slug, made.f_number, mounting.f_number)
    f_number = max(made.f_number, mounting.f_number)
    distance = mounting.distance_m * 1000.0
    far = design(made, f_number, math.inf)
    nearest = nearest_mm(made)
    if distance < nearest:
        raise Refusal(_too_near(made.slug, mounting.distance_m, nearest / 1000.0))

    def place(back: float) -> tuple[Design, float]:
        before = distance - far.track_mm - back  # floating groups shift the track by less than it matters
        for _ in range(20):
            optic = design(made, f_number, before, back)
            again = distance - optic.track_mm - back
            if math.isinf(before) or abs(again - before) < 1e-9:
                break
            before = again
        return optic, before + optic.cardinal.entrance

    back = far.back_mm
    for _ in range(200):
        optic, to_pupil = place(back)
        step = optic.cardinal.image(to_pupil - optic.cardinal.entrance) - back
        magnification = optic.cardinal.magnification(to_pupil - optic.cardinal.entrance)
        back += step / max(1.0 - magnification**2, 0.05)
        if abs(step) < 1e-8:
            break
    back = settle(place, back, mounting.plate_mm)
    optic, _ = place(back)
    return Mounted(made.slug, far.cardinal.focal, f_number, made.image_circle_mm, optic, mounting)


def nearest_mm(made: Prescription) -> float:
    """The closest a design can focus, from the sensor: its printed close state if its groups float, else life size."""
    far = design(made, made.f_number, math.inf)
    if made.floats and made.close is not None:
        close = design(made, made.f_number, made.close.object_distance_mm)
        return made.close.object_distance_mm + close.track_mm + close.back_mm
    whole = far.cardinal
    return 2.0 * whole.focal + whole.front_focus + far.track_mm + whole.back_focus


def _not_faster(name: str, whole: float, f_number: float) -> None:
    """Engraved f-numbers are rounded: f/2 is accepted of a lens of f/2.06, and 5 % altogether."""
    if f_number < whole / 1.05:
        raise Refusal(f"f/{f_number:g} is faster than {name} opens; give f/{whole:g} or slower")


def _too_near(name: str, distance_m: float, nearest_m: float) -> str:
    return f"{name} cannot focus at {distance_m:g} m; the nearest is {nearest_m:.3g} m from the sensor"
