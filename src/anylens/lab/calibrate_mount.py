"""How the lens sits on the body, tilted and off centre: from a chart's views, or from edges through focus."""

from __future__ import annotations

import math
from collections.abc import Sequence

from anylens.lab.calibrate_chart import ChartFit
from anylens.lab.figure import Figure, combined
from anylens.lab.sharpness import Sharpness
from anylens.lab.through_focus import FOCAL_ERROR, tilt
from anylens.lens.passport import Mount
from anylens.record import replace

EXIT_PUPIL = Figure(0.95, 0.2)
"""How far the exit pupil is from the sensor in focal lengths: middle and spread of the twin's 37 designs."""
MOST_ERROR_DEG = 0.5


def mount_of_chart(fit: ChartFit, pitch_um: float, date: str) -> Mount | None:
    """Tilt and decentring from a chart; None where the lens bends too little to tell its axis.

    Distortion is round about the lens's axis, perspective about the foot of the perpendicular from its eye: a tilt
    parts the two. Behind a lens they lie tilt * focal^2 / exit pupil apart, and where the pupil is no chart tells, so
    the error has its spread. A lens whose elements are off centre among themselves looks tilted too.
    """
    x, y = (_tilt(each, fit.focal_px.value) for each in fit.axis_off_px)
    if max(x.error, y.error) > MOST_ERROR_DEG:
        return None
    mm = pitch_um * 1e-3
    middle = (fit.width_px - 1) / 2.0, (fit.height_px - 1) / 2.0
    aside = [(each.value - at) * mm for each, at in zip(fit.axis_px, middle, strict=True)]
    return Mount(
        method="chart",
        frames=fit.views,
        date=date,
        residual=math.degrees(fit.residual_px / fit.focal_px.value),
        tilt_deg=(-y.value, -x.value),
        tilt_deg_error=(y.error, x.error),
        decentre_mm=(aside[0], aside[1]),
        decentre_mm_error=(fit.axis_px[0].error * mm, fit.axis_px[1].error * mm),
    )


def mount_of_edges(
    readings: Sequence[tuple[float, Sharpness]], shape: tuple[int, int], pitch_um: float, date: str
) -> Mount:
    """Tilt from frames of one chart of slanted edges through focus, as `lab.geometry.tilt` takes them; may refuse.

    Where the lens's axis meets the sensor they do not tell, so that figure is 0 and its error infinite.
    """
    found = tilt(readings, shape, pitch_um, 2.0 * FOCAL_ERROR)
    reach_um = 1e3 * max(math.hypot(*place) for place in found.places_mm)
    return Mount(
        method="edges",
        frames=len(readings),
        date=date,
        residual=math.degrees(math.atan(found.residual_um / reach_um)),
        tilt_deg=(found.about_x_deg.value, found.about_y_deg.value),
        tilt_deg_error=(found.about_x_deg.error, found.about_y_deg.error),
        decentre_mm=(0.0, 0.0),
        decentre_mm_error=(math.inf, math.inf),
    )


def together(first: Mount | None, second: Mount | None) -> Mount | None:
    """What two ways of measuring say, each figure weighted by its error; the name of the surer one on it."""
    if first is None or second is None:
        return first or second
    if math.hypot(*second.tilt_deg_error) < math.hypot(*first.tilt_deg_error):
        first, second = second, first
    both = {}
    for name in ("tilt_deg", "decentre_mm"):
        figures = [
            combined([Figure(*one), Figure(*other)])
            for one, other in zip(
                zip(getattr(first, name), getattr(first, f"{name}_error"), strict=True),
                zip(getattr(second, name), getattr(second, f"{name}_error"), strict=True),
                strict=True,
            )
        ]
        both[name] = (figures[0].value, figures[1].value)
        both[f"{name}_error"] = (figures[0].error, figures[1].error)
    return replace(first, frames=first.frames + second.frames, **both)


def _tilt(off_px: Figure, focal_px: float) -> Figure:
    """The tilt in degrees that parts axis and perspective so far along one side."""
    apart = Figure(math.degrees(off_px.value / focal_px), math.degrees(off_px.error / focal_px))
    error = math.hypot(EXIT_PUPIL.value * apart.error, EXIT_PUPIL.error * apart.value)
    return Figure(EXIT_PUPIL.value * apart.value, error)
