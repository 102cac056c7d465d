"""A lens's passport from the owner's own pictures: flats and charts in any order, and what is still unknown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anylens.lab import colorchecker
from anylens.lab.calibrate_chart import ChartFit, chart_fit
from anylens.lab.calibrate_edges import EdgeView, blur_of_edges, tilt_of_edges
from anylens.lab.calibrate_files import Given, Seen, agreed, body_and_pitch, date_of, focal_of, seen, unfinished
from anylens.lab.calibrate_flat import color_shading, vignetting
from anylens.lab.calibrate_mount import mount_of_chart, together
from anylens.lab.calibrate_photos import Taken, When, photo_sections, taken
from anylens.lab.grids import Grid, find_grid, measured_again
from anylens.lab.samples import Floats, NoChart
from anylens.lab.shading import UNEVEN, ShadingMeasure, shading
from anylens.lab.specimen import Specimen
from anylens.lens.model import Lens
from anylens.lens.passport import Geometry, Lateral, Passport, Section, merged
from anylens.refusal import Refusal

_CORNER = 0.92
_CROSSINGS = (colorchecker.ACROSS + 1) * (colorchecker.DOWN + 1)
_SURER = ("chart", "flat", "edges")


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A chart in one file: its points in green (or luminance) and, of a raw, again in red and blue."""

    name: str
    grid: Grid
    red: Grid | None
    blue: Grid | None
    facts: Seen


@dataclass(frozen=True, slots=True, eq=False)
class PhotoView:
    """What is kept of an ordinary photo."""

    taken: Taken
    facts: Seen


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """The passport, and how it came about.

    `unknown` are sentences about what it does not tell yet, `next_picture` the one picture that would help most.
    """

    passport: Passport
    unknown: tuple[str, ...]
    next_picture: str
    notes: tuple[str, ...]
    flats: tuple[ShadingMeasure, ...] = field(repr=False, default=())
    chart: ChartFit | None = field(repr=False, default=None)


def view(specimen: Specimen, given: Given) -> View:
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
    return View(specimen.name, grid, red, blue, seen(specimen, given))


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


def photo_view(specimen: Specimen, given: Given) -> PhotoView:
    """What one ordinary raw tells; raises Refusal where it is none."""
    facts = seen(specimen, given)
    return PhotoView(taken(specimen, facts.pitch_um), facts)


def calibrate(
    lens: Lens,
    given: Given,
    flats: Sequence[Specimen],
    views: Sequence[View],
    old: Passport | None = None,
    turns_deg: Sequence[float] | None = None,
    edges: Sequence[EdgeView] = (),
    photos: Sequence[PhotoView] = (),
) -> Calibrated:
    """Measure what the files tell of a lens on a body, beside what an old passport tells already.

    `turns_deg` is how the camera was turned for each flat, as the files tell if None. Flats are taken apart by
    aperture; charts are of one aperture, focal length and distance, photos of one aperture and focal length. What
    flats, charts and edges tell, now or in the old passport, is surer than what photos do, and is kept. Raises Refusal
    for files that cannot be measured or do not belong together, and for the passport of another lens or body.
    """
    told: list[View | EdgeView | PhotoView] = [*views, *edges, *photos]
    files = [*(seen(each, given) for each in flats), *(each.facts for each in told)]
    if not files:
        raise Refusal(
            "There is nothing to calibrate from; give flats with --flat, or pictures of a chart with --chart."
        )
    body, pitch_um = body_and_pitch(files)
    agreed(files, "focal_mm", "focal lengths", "a zoom needs a passport for each focal length; sort the files")
    fresh, measures, notes = _of_flats(flats, given, pitch_um, turns_deg)
    notes += _of_another_focal_length(files, lens)
    fit = None
    mount = tilt_of_edges(edges, lens, pitch_um)
    if views:
        geometry, lateral, fit, said = _of_charts(views, lens, pitch_um)
        fresh = {**fresh, "geometry": (geometry,), "lateral": () if lateral is None else (lateral,)}
        notes += said
        mount = together(mount_of_chart(fit, pitch_um, geometry.date), mount)
    fresh = {**fresh, "psf": blur_of_edges(edges, pitch_um), "mount": () if mount is None else (mount,)}
    if photos:
        found, why = _of_photos(photos, lens, pitch_um)
        notes += [sentence for section, sentence in why.items() if not fresh.get(section)]
        fresh = _with_photos(fresh, found, old)
    passport = Passport(lens, body, **fresh)  # type: ignore[arg-type]
    if old is not None:
        passport, stays = merged(old, passport)
        notes += stays
    unknown, wanted = still_unknown(passport, measures, fit)
    return Calibrated(passport, unknown, wanted, tuple(dict.fromkeys(notes)), measures, fit)


def _of_another_focal_length(files: Sequence[Seen], lens: Lens) -> list[str]:
    """What to say where the files tell a focal length that the lens does not have."""
    told = next((each.focal_mm for each in files if each.focal_mm is not None), None)
    if told is None or lens.focal_mm is None or lens.focal_mm[0] / 1.1 < told < 1.1 * lens.focal_mm[1]:
        return []
    what = f"The files tell a focal length of {told:.3g} mm, which {lens.name} does not have"
    return [f"{what}; if they are of another lens, calibrate that one and take this passport away."]


def still_unknown(
    passport: Passport, flats: Sequence[ShadingMeasure] = (), chart: ChartFit | None = None
) -> tuple[tuple[str, ...], str]:
    """(sentences about what a passport does not tell, the one picture that would help most)."""
    found: list[tuple[str, str]] = []
    stops = sorted({record.f_number for record in passport.vignetting if record.f_number is not None})
    if not passport.vignetting:
        found.append(
            (
                "Falloff and colour cast are unknown.",
                "a raw of an evenly lit blank surface out of focus, at the widest aperture, exposed to half of white",
            )
        )
    if not passport.geometry:
        found.append(
            (
                "Distortion is unknown.",
                "a chart (anylens lens chart) from six sides, tilted by about 30 degrees, reaching the corners",
            )
        )
    if flats and all(each.light_percent is None for each in flats):
        found.append(
            (
                f"Whether the flat's light was even is unknown; the errors allow for {100.0 * UNEVEN:g} % across it.",
                "the same flat once more with the camera upside down",
            )
        )
    if chart is not None and chart.reach < _CORNER:
        found.append(
            (
                f"Distortion is unknown beyond {100.0 * chart.reach:.0f} % of the way into the corner.",
                f"the chart filling the {_bare_corner(chart)} corner of the picture",
            )
        )
    if passport.geometry and not passport.lateral:
        found.append(("Lateral colour is unknown.", "the chart as raws under a colour filter, in white light"))
    if passport.geometry and not passport.mount:
        found.append(
            (
                "The adapter's tilt is unknown.",
                "slanted edges wide open at six distances on both sides of the chart's own, told by --edges",
            )
        )
    if not passport.psf:
        found.append(
            ("Blur is unknown.", "a raw of slanted edges all over the field (anylens shoot or a print), wide open")
        )
    elif all(record.method == "photos" for record in passport.psf):
        found.append(
            (
                "Blur is known from photos alone, to about 15 %.",
                "a raw of slanted edges all over the field, at the aperture of the photos",
            )
        )
    if len(stops) == 1:
        found.append(
            (
                f"Falloff is known at f/{stops[0]:g} alone.",
                "a flat two stops further down" if stops[0] < 4.0 else "a flat wide open",
            )
        )
    if passport.vignetting and not stops:
        found.append(("The aperture of the flat is unknown.", "the flat again with its aperture said by --aperture"))
    if not found:
        return (), "none; a second set on another day would confirm the errors"
    return tuple(sentence for sentence, _ in found), found[0][1]


def _of_flats(
    flats: Sequence[Specimen], given: Given, pitch_um: float, turns_deg: Sequence[float] | None
) -> tuple[dict[str, tuple[object, ...]], tuple[ShadingMeasure, ...], list[str]]:
    groups: dict[float | None, list[tuple[Specimen, Seen, float]]] = {}
    for each, turn in zip(flats, turns_deg or [0.0] * len(flats), strict=True):
        facts = seen(unfinished(each, "flat"), given)
        groups.setdefault(facts.f_number, []).append((each, facts, turn))
    if None in groups and len(groups) > 1:
        raise Refusal(
            f"{groups[None][0][0].name} does not say its aperture while other flats do; calibrate it by itself with "
            "--aperture."
        )
    falloffs, casts, measures, notes = [], [], [], []
    for f_number, group in sorted(groups.items(), key=lambda pair: pair[0] or 0.0):
        frames, files, turns = zip(*group, strict=True)
        measure = shading(frames, turns if turns_deg else None)
        measures.append(measure)
        notes += list(measure.notes)
        focus_m = agreed(files, "focus_m", "distances", "calibrate each distance by itself")
        rings = {"f_number": f_number, "focus_m": focus_m}
        said = {**rings, "method": "flat", "frames": len(group), "date": date_of(files)}
        falloffs.append(vignetting(measure, pitch_um, said))
        cast = color_shading(measure, pitch_um, said)
        if cast is not None:
            casts.append(cast)
    return {"vignetting": tuple(falloffs), "color": tuple(casts)}, tuple(measures), notes


def _of_photos(
    photos: Sequence[PhotoView], lens: Lens, pitch_um: float
) -> tuple[dict[str, tuple[Section, ...]], dict[str, str]]:
    """What ordinary photos tell, and why not the rest; their distances may differ."""
    files = [each.facts for each in photos]
    f_number = agreed(files, "f_number", "apertures", "calibrate from photos of each aperture by themselves")
    focus = {each.focus_m for each in files}
    focus_m = focus.pop() if len(focus) == 1 else None
    when = When(f_number, focus_m, focal_of(files, lens), date_of(files))
    return photo_sections([each.taken for each in photos], pitch_um, when)


def _with_photos(
    fresh: dict[str, tuple[Any, ...]], found: dict[str, tuple[Section, ...]], old: Passport | None
) -> dict[str, tuple[Any, ...]]:
    """What was measured, with those of the photos' sections that nothing surer tells of the same rings."""
    whole = dict(fresh)
    for name, records in found.items():
        surer = [*fresh.get(name, ()), *(each for each in getattr(old, name, ()) if each.method in _SURER)]
        # Blur hardly changes with what is in focus: what an edge told at one distance holds at others.
        parts = slice(1) if name == "psf" else slice(2)
        taken_by = {each.key[parts] for each in surer}
        whole[name] = (*fresh.get(name, ()), *(each for each in records if each.key[parts] not in taken_by))
    return whole


def _of_charts(
    views: Sequence[View], lens: Lens, pitch_um: float
) -> tuple[Geometry, Lateral | None, ChartFit, list[str]]:
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
    views: Sequence[View], middle: tuple[float, float], mm: float, reach_mm: float, said: dict[str, Any]
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
    weight = np.ones(len(value))
    for _ in range(8):
        inverse = np.linalg.pinv(design.T @ (design * weight[:, None]), hermitian=True)
        found = inverse @ (design.T @ (weight * value))
        left = value - design @ found
        usual = 1.4826 * float(np.median(np.abs(left))) + 1e-9
        weight = 1.0 / (1.0 + (left / (3.0 * usual)) ** 2)
    spread = float(np.sum(weight * left**2)) / (len(value) - 5)
    pulls = design * (weight * left)[:, None]
    kinds = np.unique(of)
    by_view = np.stack([pulls[of == k].sum(axis=0) for k in kinds])
    apart = inverse @ (by_view.T @ by_view) @ inverse * len(kinds) / max(len(kinds) - 1, 1)
    error = np.sqrt(np.maximum(np.diag(inverse) * spread, np.diag(apart)))
    return found, error, float(np.sqrt(np.mean(left**2)))


def _three(numbers: Floats) -> tuple[float, float, float]:
    return float(numbers[0]), float(numbers[1]), float(numbers[2])


def _bare_corner(fit: ChartFit) -> str:
    """The corner of the picture that the chart's points stay farthest away from."""
    names = {"top left": (0, 0), "top right": (1, 0), "bottom left": (0, 1), "bottom right": (1, 1)}
    gaps = {
        name: float(np.hypot(*(fit.observed_px - np.array([x * fit.width_px, y * fit.height_px])).T).min())
        for name, (x, y) in names.items()
    }
    return max(gaps, key=lambda name: gaps[name])
