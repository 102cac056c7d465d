"""What a DNG brings along to correct its lens, as a passport of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anylens.darkroom.brought import Floats, first, lies, moves_too_far, places_brought
from anylens.frame import Facts
from anylens.lens import Lens, Passport
from anylens.lens.passport import Geometry, Lateral, Origin, Vignetting
from anylens.opcodes import FixVignetteRadial, WarpRectilinear
from anylens.record import replace
from anylens.refusal import Refusal

_UNKNOWN = (math.inf, math.inf, math.inf)


def passport_brought(facts: Facts, lens: Lens, body: str, date: str) -> Passport:
    """What a file brings along as a passport of its lens on its body: method `imported`, of no known error.

    What a warp does to the scale of the whole picture is no figure of a lens and is left out; colours that it moves
    alike tell nothing of lateral colour. Raises Refusal where the file brings nothing along, or what no lens does, or
    does not tell the size of its pixels.
    """
    shape, pitch = facts.active_shape, facts.sensor.pitch_um
    warp, fix = first(facts.opcodes.list3, WarpRectilinear), first(facts.opcodes.list3, FixVignetteRadial)
    if warp is None and fix is None:
        raise Refusal("The file brings no correction of its lens along that is known here; calibrate the lens instead.")
    if pitch is None:
        raise Refusal("The file does not tell the size of its pixels, so nothing of it is known in mm; say --pitch.")
    setting = facts.setting
    f_number, focus_m = (None, None) if setting is None else (setting.f_number, setting.focus_m)
    origin = Origin(focus_m=focus_m, method="imported", frames=1, date=date)
    mm = pitch / 1000.0
    parts: dict[str, Any] = {}
    if fix is not None:
        parts["vignetting"] = (_vignetting(fix, shape, mm, replace(origin, f_number=f_number)),)
    if warp is not None:
        if moves_too_far(warp, shape) or min(terms[0] for terms in warp.planes) <= 0.0:
            raise Refusal("The file's WarpRectilinear moves light as no lens does; the file is damaged.")
        known = None if setting is None else setting.focal_mm
        focal_mm = known or (lens.focal_mm[0] if lens.focal_mm else None)
        parts["geometry"] = (_geometry(warp, shape, mm, focal_mm, origin),)
        seen = places_brought(facts.opcodes.list3, shape, 1.0, 1.0) if len(set(warp.planes)) > 1 else None
        if seen is not None:
            parts["lateral"] = (_lateral(seen, shape, mm, origin),)
    return Passport(lens, body, **parts, pitch_um=pitch, size_px=(shape[1], shape[0]))


def _vignetting(fix: FixVignetteRadial, shape: tuple[int, int], mm: float, origin: Origin) -> Vignetting:
    middle, reach = lies(fix.center, shape)
    r2 = np.linspace(0.0, 1.0, 65)
    light = 1.0 / (1.0 + (r2[:, None] ** np.arange(1, 6) * fix.k).sum(-1))
    powers = r2[:, None] ** np.arange(1, 4)
    a1, a2, a3 = np.linalg.lstsq(powers, light - 1.0, rcond=None)[0].tolist()
    left = float(np.sqrt(np.mean((powers @ (a1, a2, a3) + 1.0 - light) ** 2)))
    return Vignetting(
        **origin.named, residual=left, centre_mm=_off_middle(middle, shape, mm), centre_mm_error=_UNKNOWN[:2],
        radial=(a1, a2, a3), radial_error=_UNKNOWN, reach_mm=reach * mm,
    )  # fmt: skip


def _geometry(
    warp: WarpRectilinear, shape: tuple[int, int], mm: float, focal_mm: float | None, origin: Origin
) -> Geometry:
    middle, reach = lies(warp.center, shape)
    r0, r1, r2, r3, t0, t1 = warp.planes[1 if len(warp.planes) >= 3 else 0]
    reach_mm = reach * mm
    focal = focal_mm or reach_mm
    step = focal / (reach_mm * r0)
    return Geometry(
        **origin.named, residual=0.0, focal_mm=focal, focal_mm_error=math.inf,
        centre_mm=_off_middle(middle, shape, mm), centre_mm_error=_UNKNOWN[:2],
        radial=(r1 / r0 * step**2, r2 / r0 * step**4, r3 / r0 * step**6), radial_error=_UNKNOWN,
        tangential=(t0 / r0 * step, t1 / r0 * step), tangential_error=_UNKNOWN[:2], reach_mm=reach_mm * abs(r0),
    )  # fmt: skip


def _lateral(found: Floats, shape: tuple[int, int], mm: float, origin: Origin) -> Lateral:
    """Of where colours were seen, as `places_brought` says it."""
    height, width = shape
    places = (found[1].reshape(2, -1) - np.array([[width - 1], [height - 1]]) / 2) * mm
    reach_mm = math.hypot(height, width) / 2 * mm
    s2 = (places**2).sum(0) / reach_mm**2
    inside = s2 <= 1.0
    terms = np.stack([places * s2**power for power in range(3)], -1)
    aside = np.broadcast_to(np.eye(2)[:, None], (2, places.shape[1], 2))
    design = np.concatenate([terms, aside], -1)[:, inside].reshape(-1, 5)
    numbers, left = [], 0.0
    for color in (0, 2):
        apart = ((found[color] - found[1]).reshape(2, -1) * mm)[:, inside].ravel()
        figures = np.linalg.lstsq(design, apart, rcond=None)[0]
        numbers.append(figures.tolist())
        left = max(left, 1000.0 * float(np.sqrt(np.mean((design @ figures - apart) ** 2))))
    red, blue = numbers
    return Lateral(
        **origin.named, residual=left,
        red=tuple(red[:3]), red_error=_UNKNOWN, blue=tuple(blue[:3]), blue_error=_UNKNOWN,
        red_shift_mm=tuple(red[3:]), red_shift_mm_error=_UNKNOWN[:2],
        blue_shift_mm=tuple(blue[3:]), blue_shift_mm_error=_UNKNOWN[:2], reach_mm=reach_mm,
    )  # fmt: skip


def _off_middle(middle: tuple[float, float], shape: tuple[int, int], mm: float) -> tuple[float, float]:
    height, width = shape
    return (middle[0] + 0.5 - width / 2) * mm, (middle[1] + 0.5 - height / 2) * mm
