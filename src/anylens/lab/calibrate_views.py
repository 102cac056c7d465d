"""A flat chart seen from several sides: distortion and lateral colour, as sections of a passport."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anylens.lab import colorchecker
from anylens.lab.calibrate_chart import ChartFit, chart_fit
from anylens.lab.calibrate_files import Given, Seen, agreed, date_of, focal_of, seen
from anylens.lab.figure import mostly, sandwich
from anylens.lab.grids import Grid, find_grid, measured_again
from anylens.lab.samples import Floats, NoChart
from anylens.lab.specimen import Specimen
from anylens.lens.model import Lens
from anylens.lens.passport import Geometry, Lateral
from anylens.refusal import Refusal

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
    said = {"focus_m": focus_m, "method": "chart", "frames": fit.views, "date": date_of(files)}
    geometry = Geometry(
        **said,
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
    lateral = _lateral(views, middle, mm, math.hypot(width, height) / 2.0 * mm, {**said, "f_number": f_number})
    return geometry, lateral, fit, notes


def _lateral(
    views: Sequence[ChartView], middle: tuple[float, float], mm: float, reach_mm: float, said: dict[str, Any]
) -> Lateral | None:
    """Where red and blue lie from green, over all views together; None where the pictures do not tell it."""
    found = []
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
        if len(places) < 24:
            return None
        found.append(_radial_shift((np.array(places) - middle) * mm, np.array(shifts) * mm, np.array(view), reach_mm))
    (red, red_error, red_left), (blue, blue_error, blue_left) = found
    return Lateral(
        **said,
        residual=1e3 * math.hypot(red_left, blue_left) / math.sqrt(2.0),
        red=_three(red),
        red_error=_three(red_error),
        blue=_three(blue),
        blue_error=_three(blue_error),
        red_shift_mm=(float(red[3]), float(red[4])),
        red_shift_mm_error=(float(red_error[3]), float(red_error[4])),
        blue_shift_mm=(float(blue[3]), float(blue[4])),
        blue_shift_mm_error=(float(blue_error[3]), float(blue_error[4])),
        reach_mm=reach_mm,
    )


def _radial_shift(places: Floats, shifts: Floats, view: Floats, reach_mm: float) -> tuple[Floats, Floats, float]:
    """((c0, c1, c2, x, y), their errors, rms left): robust; errors the larger of the residuals' and the views'."""
    s2 = np.sum(places**2, axis=1) / reach_mm**2
    flat = np.zeros(len(places))
    terms = [np.column_stack([a, a * s2, a * s2**2, b, c]) for a, b, c in (
        (places[:, 0], flat + 1.0, flat),
        (places[:, 1], flat, flat + 1.0),
    )]  # fmt: skip
    design, value, of = np.concatenate(terms), shifts.T.ravel(), np.concatenate([view, view])
    found, inverse, weight = mostly(design, value, width=3.0, rounds=8)
    left = value - design @ found
    spread = float(np.sum(weight * left**2)) / (len(value) - 5)
    pulls = design * (weight * left)[:, None]
    error = np.sqrt(np.maximum(np.diag(inverse) * spread, np.diag(sandwich(inverse, pulls, of, 1))))
    return found, error, float(np.sqrt(np.mean(left**2)))


def _three(numbers: Floats) -> tuple[float, float, float]:
    return float(numbers[0]), float(numbers[1]), float(numbers[2])
