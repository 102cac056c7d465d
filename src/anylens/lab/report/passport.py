"""A passport as rows of figures, and the page of how it was measured."""

from __future__ import annotations

import math

from anylens.lab.calibrate import Calibrated
from anylens.lab.calibrate_chart import ChartFit
from anylens.lab.figure import Figure
from anylens.lab.geometry import Distortion
from anylens.lab.report import plots
from anylens.lab.report.page import Headline, Section, page
from anylens.lab.report.passport_plots import passport_plots, setting
from anylens.lab.report.sections import corners_headline, shading_section
from anylens.lab.spread import lens_mtf50
from anylens.lens.passport import ColorShading, Geometry, Lateral, Mount, Passport, PsfField, Vignetting
from anylens.lens.passport import Section as PassportSection


def passport_rows(passport: Passport) -> list[tuple[str, str]]:
    """(what, figure ± standard error) of all sections."""
    rows: list[tuple[str, str]] = []
    for geometry in passport.geometry:
        rows += _geometry(geometry)
    for lateral in passport.lateral:
        rows += _lateral(lateral)
    for falloff in passport.vignetting:
        rows += _falloff(falloff)
    for cast in passport.color:
        rows += _cast(cast)
    for field in passport.psf:
        rows += _blur(field)
    for mount in passport.mount:
        rows += _mount(mount)
    return rows


def passport_page(result: Calibrated) -> str:
    """The page's text."""
    passport = result.passport
    sections = [
        Section(
            "Passport",
            passport.lens.name,
            f"What is known of it on {passport.body}; the picture that would help most: {result.next_picture}.",
            tuple(_headlines(result)),
            tuple(passport_plots(passport)),
            (),
            ("", "value ± standard error"),
            tuple(passport_rows(passport)),
            (*result.unknown, *result.notes),
        )
    ]
    if result.chart is not None:
        sections.append(_chart(result.chart))
    sections += [shading_section(each) for each in result.flats]
    return page(passport.lens.name, f"on {passport.body}", sections)


def _headlines(result: Calibrated) -> list[Headline]:
    found = []
    if result.chart is not None:
        found.append(Headline("Distortion moves the corner by", result.chart.corner_px, "px"))
        found.append(Headline("Left of the chart", f"{result.chart.residual_px:.3f}", "px rms"))
    found += map(corners_headline, result.flats)
    return found or _known(result.passport)


def _known(passport: Passport) -> list[Headline]:
    """What sections say of the corner, where neither chart nor flat has a part of the page to itself."""
    found = []
    for geometry in passport.geometry[:1]:
        n2 = (geometry.reach_mm / geometry.focal_mm) ** 2
        k1, k2, k3 = geometry.radial
        moved = 100.0 * n2 * (k1 + n2 * (k2 + n2 * k3))
        found.append(Headline("Distortion, outermost", f"{moved:+.3f}", "%", f"by {geometry.method}"))
    for falloff in passport.vignetting[:1]:
        light = max(1.0 + sum(falloff.radial), 1e-3)
        found.append(Headline("Corners", f"{math.log2(light):+.2f}", "EV", f"by {falloff.method}{_where(falloff)}"))
    for lateral in passport.lateral[:1]:
        red, blue = (1e3 * lateral.reach_mm * sum(terms) for terms in (lateral.red, lateral.blue))
        both, how = f"{red:+.2f}, {blue:+.2f}", f"by {lateral.method}{_where(lateral)}"
        found.append(Headline("Red, blue outside of green", both, "µm", how))
    return found


def _chart(fit: ChartFit) -> Section:
    half = math.hypot(fit.width_px, fit.height_px) / 2.0
    unit = half / fit.focal_px.value
    seen = Distortion(
        kind=fit.kind,
        centre_px=fit.centre_px,
        half_diagonal_px=half,
        pitch_um=None,
        radial=tuple(each.times(unit ** (2 * k + 2)) for k, each in enumerate(fit.radial)),
        corner_percent=fit.corner_px.times(100.0 / half),
        residual_px=fit.residual_px,
        worst_px=fit.worst_px,
        views=fit.views,
        observed_px=fit.observed_px,
        ideal_px=fit.ideal_px,
        focal_px=fit.focal_px,
    )
    rows = [
        ("focal length, px", str(fit.focal_px)),
        ("centre, px", f"{fit.centre_px[0]}, {fit.centre_px[1]}"),
        ("the chart out of its plane, % of its length", str(fit.bend_percent)),
        ("the camera's move while a picture was read, px", f"{fit.sway_px:.2g} at most"),
        ("points reach into the corner, %", f"{100.0 * fit.reach:.0f}"),
    ]
    return Section(
        "Geometry",
        f"{fit.points} points of {fit.views} views",
        "From where a pinhole would draw the chart to where the lens does.",
        (
            Headline("Distortion, corner", seen.corner_percent, "%"),
            Headline("Left by the map", f"{fit.residual_px:.3f}", "px", f"worst {fit.worst_px:.2f}"),
        ),
        (plots.distortion_plot(seen, fit.width_px, fit.height_px), plots.distortion_by_radius(seen)),
        (),
        ("", ""),
        tuple(rows),
    )


def _geometry(section: Geometry) -> list[tuple[str, str]]:
    at = _where(section)
    return [
        (f"focal length{at}, mm", str(Figure(section.focal_mm, section.focal_mm_error))),
        ("centre x, y, mm", _pair(section.centre_mm, section.centre_mm_error)),
        ("k1, k2, k3", _pair(section.radial, section.radial_error)),
        ("p1, p2", _pair(section.tangential, section.tangential_error)),
        ("left of it, µm", f"{section.residual:.3g} rms in {_pictures(section)}"),
    ]


def _lateral(section: Lateral) -> list[tuple[str, str]]:
    rows = []
    for name in ("red", "blue"):
        numbers, errors = getattr(section, name), getattr(section, f"{name}_error")
        rows.append((f"{name} outside of green{_where(section)}: c0, c1, c2, µm in the corner",
                     _pair(tuple(1e3 * section.reach_mm * x for x in numbers),
                           tuple(1e3 * section.reach_mm * x for x in errors))))  # fmt: skip
    return rows


def _falloff(section: Vignetting) -> list[tuple[str, str]]:
    return [
        (f"falloff{_where(section)}: a1, a2, a3", _pair(section.radial, section.radial_error)),
        ("its centre x, y, mm", _pair(section.centre_mm, section.centre_mm_error)),
        ("left of it, %", f"{100.0 * section.residual:.2g} rms in {_pictures(section)}"),
    ]


def _cast(section: ColorShading) -> list[tuple[str, str]]:
    rows = []
    for name in ("red", "blue"):
        values, errors = getattr(section, f"{name}_green"), getattr(section, f"{name}_green_error")
        for side, row in (("upper", 0), ("lower", -1)):
            left, right = (str(Figure(values[row][column], errors[row][column])) for column in (0, -1))
            rows.append((f"{name} over green{_where(section)}, {side} corners", f"{left}, {right}"))
    return rows


def _blur(section: PsfField) -> list[tuple[str, str]]:
    """MTF50 of the lens alone on the way into the lower right corner, along the radius and across it."""
    reach, diagonal = section.reach_mm, math.degrees(math.atan2(3.0, 4.0))
    rows = []
    for name, part in (("middle", 0.0), ("half way out", 0.5), ("outermost", 1.0)):
        place = part * reach * math.cos(math.radians(diagonal)), part * reach * math.sin(math.radians(diagonal))
        along, across = (lens_mtf50(section, place, diagonal + turn) for turn in (0.0, 90.0))
        rows.append((f"MTF50 of the lens{_where(section)}, {name}",
                     f"{along:.0f} lp/mm along the radius, {across:.0f} across it"))  # fmt: skip
    return [*rows, ("left of the edges' MTF", f"{section.residual:.3f} rms in {_pictures(section)}")]


def _mount(section: Mount) -> list[tuple[str, str]]:
    rows = [("lower, right side nearer to the lens, degrees", _pair(section.tilt_deg, section.tilt_deg_error))]
    if all(map(math.isfinite, section.decentre_mm_error)):
        rows.append(("the lens's axis right, down of the middle, mm",
                     _pair(section.decentre_mm, section.decentre_mm_error)))  # fmt: skip
    return rows


def _where(section: PassportSection) -> str:
    at = setting(section)
    return f" at {at}" if at else ""


def _pictures(section: PassportSection) -> str:
    return f"{section.frames} picture{'s' if section.frames != 1 else ''}"


def _pair(values: tuple[float, ...], errors: tuple[float, ...]) -> str:
    return ", ".join(str(Figure(value, error)) for value, error in zip(values, errors, strict=True))
