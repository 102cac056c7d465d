"""A flat chart seen from several sides: distortion and lateral colour, as sections of a passport."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anylens.lab import colorchecker
from anylens.lab.calibrate_chart import ChartFit, chart_fit
from anylens.lab.calibrate_files import Given, Seen, agreed, date_of, focal_of, seen
from anylens.lab.figure import at_least, mostly, sandwich
from anylens.lab.fringes import RadialShift, lateral_section, terms_at
from anylens.lab.grids import Grid, find_grid, measured_again
from anylens.lab.samples import Floats, NoChart
from anylens.lab.specimen import Specimen
from anylens.lens.model import Lens
from anylens.lens.passport import Geometry, Lateral, Origin
from anylens.refusal import Refusal

_LEAST_SHIFTS = 24
_CROSSINGS = (colorchecker.ACROSS + 1) * (colorchecker.DOWN + 1)


@dataclass(frozen=True, slots=True, eq=False)
class ChartView:
    """A chart in one file: its points in green (or luminance) and, of a raw, again in red and blue."""

    grid: Grid
    red: Grid | None
    blue: Grid | None
    facts: Seen


def chart_view(specimen: Specimen, given: Given) -> ChartView:
    """The chart in one file; raises NoChart, a Refusal, where none is found, and Refusal for a ColorChecker."""
    samples = specimen.luminance()
    try:
        grid = find_grid(samples)
    except NoChart:
        _not_of_colors(specimen)
        raise
    if len(grid.points_px) <= _CROSSINGS:
        _not_of_colors(specimen)
    red, blue = (
        measured_again(specimen.samples(letter), grid) if specimen.kind == "raw" and specimen.of(letter) else None
        for letter in "RB"
    )
    return ChartView(grid, red, blue, seen(specimen, given))


def _not_of_colors(specimen: Specimen) -> None:
    """Raise Refusal where a picture shows a ColorChecker, the lines between whose patches look like a small grid."""
    if len(specimen.letters()) < 3:
        return
    light, _, step = specimen.colors()
    try:
        colorchecker.find(light, step)
    except NoChart:
        return
    raise Refusal(
        f"{specimen.name} shows a ColorChecker, whose few patches do not tell distortion; judge it with anylens lab "
        "color, and give --chart pictures of the chart of anylens lens chart."
    )


def of_chart(
    views: Sequence[ChartView], lens: Lens, pitch_um: float
) -> tuple[Geometry, Lateral | None, ChartFit, list[str]]:
    """(distortion, lateral colour where it is told, the camera that was fitted, what is to be known of it).

    Raises Refusal for pictures of different sizes, apertures or distances, and where no camera can be fitted.
    """
    files = [each.facts for each in views]
    sizes = {(each.width_px, each.height_px) for each in files}
    if len(sizes) > 1:
        raise Refusal("The pictures of the chart are of different sizes; calibrate each size by itself.")
    f_number = agreed(files, "f_number", "apertures", "take the chart at one of them")
    focus_m = agreed(files, "focus_m", "distances", "leave the focus ring alone between the pictures")
    focal_mm = focal_of(files, lens)
    (width, height) = sizes.pop()
    mm = pitch_um * 1e-3
    fit = chart_fit([each.grid for each in views], width, height, None if focal_mm is None else focal_mm / mm)
    middle = ((width - 1) / 2.0, (height - 1) / 2.0)
    centre = tuple((figure.value - m) * mm for figure, m in zip(fit.centre_px, middle, strict=True))
    origin = Origin(focus_m=focus_m, method="chart", frames=fit.views, date=date_of(files))
    geometry = Geometry(
        **origin.named,
        residual=1e3 * mm * fit.residual_px,
        focal_mm=fit.focal_px.value * mm,
        focal_mm_error=fit.focal_px.error * mm,
        centre_mm=(centre[0], centre[1]),
        centre_mm_error=(fit.centre_px[0].error * mm, fit.centre_px[1].error * mm),
        radial=(fit.radial[0].value, fit.radial[1].value, fit.radial[2].value),
        radial_error=(fit.radial[0].error, fit.radial[1].error, fit.radial[2].error),
        tangential=(fit.tangential[0].value, fit.tangential[1].value),
        tangential_error=(fit.tangential[0].error, fit.tangential[1].error),
        reach_mm=fit.known_px * mm,
    )
    notes = []
    if fit.bowed:
        notes.append(
            f"The chart stands {fit.bend_percent.value:.2g} % of its length out of its plane, which was taken into "
            "account; on a plate of glass it would tell more."
        )
    if fit.sway_px > 0.0:
        notes.append(
            f"The camera moved a picture by up to {fit.sway_px:.2g} px while its rows were read, which was taken into "
            "account; on a tripod the chart would tell more."
        )
    if any(each.kind == "finished" for each in files):
        notes.append("Finished pictures: the camera may have straightened them already; raws are surer.")
    red, blue = _radial_shifts(views, middle, math.hypot(width, height) / 2.0)
    if red is None or blue is None:
        return geometry, None, fit, notes
    return geometry, lateral_section(red, blue, pitch_um, replace(origin, f_number=f_number)), fit, notes


def _radial_shifts(
    views: Sequence[ChartView], middle: tuple[float, float], reach_px: float
) -> list[RadialShift | None]:
    """Where red and blue lie from green, over all views together; None where the pictures do not tell it."""
    found: list[RadialShift | None] = []
    for pairs in ([(v.grid, v.red) for v in views], [(v.grid, v.blue) for v in views]):
        places, shifts, view = [], [], []
        for index, (green, other) in enumerate(pairs):
            if other is None or green.letter != "G":
                continue
            at = {(int(i), int(j)): place for (i, j), place in zip(green.chart, green.points_px, strict=True)}
            for (i, j), place in zip(other.chart, other.points_px, strict=True):
                if (int(i), int(j)) in at:
                    places.append(at[int(i), int(j)])
                    shifts.append(place - at[int(i), int(j)])
                    view.append(index)
        told = len(places) >= _LEAST_SHIFTS
        found.append(_agreed(np.array(places) - middle, np.array(shifts), view, reach_px) if told else None)
    return found


def _agreed(places_px: Floats, shifts_px: Floats, view: Sequence[int], reach_px: float) -> RadialShift:
    """What most shifts (n, 2) at places (n, 2) say; errors are the larger of the residuals' and the views'."""
    design, value = terms_at(places_px, reach_px).reshape(-1, 5), shifts_px.ravel()
    found, inverse, weight = mostly(design, value, width=3.0, rounds=8)
    left = value - design @ found
    spread = float(np.sum(weight * left**2)) / (len(value) - 5)
    pulls = design * (weight * left)[:, None]
    covariance = at_least(inverse * spread, sandwich(inverse, pulls, np.repeat(view, 2), 1))
    return RadialShift(found, covariance, reach_px, float(np.sqrt(np.mean(left**2))))
