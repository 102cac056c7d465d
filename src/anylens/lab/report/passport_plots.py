"""What a passport says, as plots: they need nothing but the passport, however it was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import evenly
from anylens.lab.report.plots import cast_map, falloff_map
from anylens.lab.report.svg import Axis, Drawing, Plot, fitting
from anylens.lab.spread import lens_mtf50
from anylens.lens.mapping import cast, light
from anylens.lens.passport import ColorShading, Geometry, Lateral, Passport, PsfField, Section, Vignetting

Floats = npt.NDArray[np.float64]
Record = TypeVar("Record", bound=Section)

SETTINGS = ("accent", "blue", "green", "ink")
"""The tones of settings of the rings in one plot, the widest aperture first; more are left out."""

_PARTS = np.linspace(0.0, 1.0, 61)
_ROWS, _COLUMNS = 24, 32


def passport_plots(passport: Passport) -> list[Drawing]:
    """Distortion, falloff, lateral colour, casts and sharpness, those that the passport knows.

    Curves run as far from the middle as was measured; bands are one standard error, as if places lay evenly.
    """
    found: list[Drawing] = []
    if passport.geometry:
        found.append(_distortion(_few(passport.geometry)))
    if passport.vignetting:
        found += [_falloff(_few(passport.vignetting)), _light(passport.vignetting[0])]
    if passport.lateral:
        found.append(_lateral(passport.lateral[0]))
    if passport.color:
        found += _casts(passport.color[0])
    if passport.psf:
        found.append(_sharpness(_few(passport.psf)))
    return found


def setting(section: Section) -> str:
    """Where the rings stood, as `f/2, 3 m`; empty where it holds for all."""
    parts = [] if section.f_number is None else [f"f/{section.f_number:g}"]
    parts += [] if section.focus_m is None else [f"{section.focus_m:.3g} m"]
    return ", ".join(parts)


def _at(title: str, record: Section) -> str:
    return ", ".join(filter(None, (title, setting(record))))


def _few(records: Sequence[Record]) -> Sequence[Record]:
    """At most as many as can be told apart, spread over all."""
    many = len(records)
    most = min(many, len(SETTINGS))
    return [records[round(k * (many - 1) / max(most - 1, 1))] for k in range(most)]


def _curves(
    title: str, records: Sequence[Record], label: str, drawn: Callable[[Record], tuple[Floats, Floats, Floats]]
) -> Drawing:
    """A line with its band for each record; `drawn` gives places in mm, values and errors."""
    lines = [drawn(each) for each in records]
    reach = max(float(places[-1]) for places, _, _ in lines)
    rims: list[float] = []
    for _, values, errors in lines:
        held = np.minimum(errors, 2.0 * np.abs(values).max() + 1e-6)
        rims += [*(values - held).tolist(), *(values + held).tolist()]
    plot = Plot(title, Axis(0.0, reach, "millimetres from the middle"), fitting([*rims, 0.0], label, room=0.1))
    plot.rule("", y=0.0)
    for (places, values, errors), record, tone in zip(lines, records, SETTINGS, strict=False):
        plot.ribbon(places.tolist(), values.tolist(), errors.tolist(), tone)
        plot.line(places.tolist(), values.tolist(), tone, key=setting(record))
    return plot.drawing(f"{title}: {', '.join(f'{values[-1]:+.3g} outermost' for _, values, _ in lines)}")


def _band(lever: Floats, errors: Sequence[float], powers: Sequence[int]) -> Floats:
    """(n,) standard errors of lever (n, 3) times terms with these errors; none where one is not known."""
    known = np.where(np.isfinite(errors), errors, 0.0)
    covariance = evenly(powers) * np.outer(known, known)
    return np.asarray(np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", lever, covariance, lever), 0.0)))


def _distortion(records: Sequence[Geometry]) -> Drawing:
    def drawn(record: Geometry) -> tuple[Floats, Floats, Floats]:
        places = _PARTS * record.reach_mm
        n2 = (places / record.focal_mm)[:, None] ** 2
        lever = 100.0 * n2 ** np.arange(1, 4)
        return places, lever @ np.array(record.radial), _band(lever, record.radial_error, (3, 5, 7))

    return _curves("Distortion along the radius", records, "off the ideal place, %", drawn)


def _falloff(records: Sequence[Vignetting]) -> Drawing:
    def drawn(record: Vignetting) -> tuple[Floats, Floats, Floats]:
        lever = _PARTS[:, None] ** (2 * np.arange(1, 4))
        seen = 1.0 + lever @ np.array(record.radial)
        error = _band(lever, record.radial_error, (2, 4, 6)) / np.maximum(seen, 1e-3) / math.log(2.0)
        return _PARTS * record.reach_mm, np.log2(np.maximum(seen, 1e-3)), error

    return _curves("Falloff along the radius", records, "light against the middle, EV", drawn)


def _lateral(record: Lateral) -> Drawing:
    title = _at("Lateral colour", record)
    places = _PARTS * record.reach_mm
    lever = 1e3 * places[:, None] * _PARTS[:, None] ** (2 * np.arange(3))
    curves = []
    for name in ("red", "blue"):
        terms, errors = getattr(record, name), getattr(record, f"{name}_error")
        curves.append((name, lever @ np.array(terms), _band(lever, errors, (1, 3, 5))))
    rims = [float(each) for _, values, errors in curves for side in (-1.0, 1.0) for each in values + side * errors]
    x = Axis(0.0, record.reach_mm, "millimetres from the middle")
    plot = Plot(title, x, fitting([*rims, 0.0], "outside of green, µm", room=0.1))
    plot.rule("", y=0.0)
    for name, values, errors in curves:
        plot.ribbon(places.tolist(), values.tolist(), errors.tolist(), name)
        plot.line(places.tolist(), values.tolist(), name, key=name)
    return plot.drawing(f"{title}: {', '.join(f'{name} {values[-1]:+.2f} µm' for name, values, _ in curves)} outermost")


def _grid(half_width_mm: float, half_height_mm: float) -> tuple[Floats, Floats]:
    """x and y in mm of the middles of _ROWS x _COLUMNS cells."""
    x, y = ((np.arange(count) + 0.5) / count * 2.0 - 1.0 for count in (_COLUMNS, _ROWS))
    across, down = np.meshgrid(x * half_width_mm, y * half_height_mm)
    return across, down


def _light(record: Vignetting) -> Drawing:
    percent = 100.0 * light(record, *_grid(0.8 * record.reach_mm, 0.6 * record.reach_mm))
    title = f"{_at('Light over the field', record)}, % of the middle"
    return falloff_map(title, percent, 0.75, f"{title}: {percent.min():.0f} % where it is darkest")


def _casts(record: ColorShading) -> list[Drawing]:
    both = cast(record, *_grid(record.half_width_mm, record.half_height_mm))
    ratio = record.half_height_mm / record.half_width_mm
    return [
        cast_map(f"{_at(f'{name} over green', record)}, off the middle", 100.0 * (each - 1.0), ratio)
        for name, each in zip(("Red", "Blue"), both, strict=True)
    ]


def _sharpness(records: Sequence[PsfField]) -> Drawing:
    """MTF50 of the lens alone on the way into the lower right corner, along the radius whole, across it dashed."""
    diagonal = math.atan2(3.0, 4.0)
    parts = np.linspace(0.0, 1.0, 13)
    curves = []
    for record in records:
        places = [(part * record.reach_mm * math.cos(diagonal), part * record.reach_mm * math.sin(diagonal))
                  for part in parts]  # fmt: skip
        curves.append([[lens_mtf50(record, place, math.degrees(diagonal) + turn) for place in places]
                       for turn in (0.0, 90.0)])  # fmt: skip
    reach = max(record.reach_mm for record in records)
    every = [value for both in curves for one in both for value in one]
    x = Axis(0.0, reach, "millimetres from the middle")
    plot = Plot("MTF50 of the lens alone, across it dashed", x, fitting(every, "line pairs/mm", zero=True))
    for both, record, tone in zip(curves, records, SETTINGS, strict=False):
        for one, kind, key in zip(both, ("", "thin dash"), (setting(record), ""), strict=True):
            plot.line((parts * record.reach_mm).tolist(), one, tone, kind, key=key)
    return plot.drawing()
