"""What ordinary raws of one lens tell of it, no chart among them: sections of a passport, and what to do for more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from anylens.lab.calibrate_files import Given, Seen, agreed, date_of, focal_of, seen
from anylens.lab.calibrate_flat import COLUMNS, ROWS, lattice
from anylens.lab.fringes import Fringes, fringes, lateral_section, radial_shift
from anylens.lab.overlaps import Overlap, Sight, overlaps, seen_before, sight
from anylens.lab.panned_light import LEAST_MOVE, Agreed, PannedLight, cast_terms, panned_light
from anylens.lab.photo_edges import as_sharp_as_lens, edges_in
from anylens.lab.photo_geometry import LEAST_LINES, PhotoGeometry, photo_geometry
from anylens.lab.sharpness import EdgeSharpness
from anylens.lab.specimen import Specimen
from anylens.lab.spread import spread_field
from anylens.lab.straight import roots_of_green, straight_things
from anylens.lens.model import Lens
from anylens.lens.passport import ColorShading, Geometry, Lateral, Origin, PsfField, Section, Vignetting
from anylens.refusal import Refusal

LEAST_PHOTOS = 2
FALLOFF_KNOWN, CAST_KNOWN = 0.025, 0.025
"""The largest standard error over the field with which falloff and cast go into a passport."""
BLUR_KNOWN = 0.12
"""The largest residual of MTF with which blur does."""

_PAN = "take eight photos in a slow pan, each a quarter of the picture further on"
_WALL = "take a wall of bricks, posters or letters straight on, the camera turned by five degrees on a tripod"


@dataclass(frozen=True, slots=True, eq=False)
class PhotoView:
    """What is kept of one ordinary photo while the others are looked at."""

    facts: Seen
    red: Fringes = field(repr=False)
    blue: Fringes = field(repr=False)
    lines: tuple[npt.NDArray[np.float64], ...] = field(repr=False)
    sight: Sight = field(repr=False)
    edges: tuple[EdgeSharpness, ...] = field(repr=False)


def photo_view(specimen: Specimen, given: Given) -> PhotoView:
    """All that calibrating needs of one raw; Refusal where it is none under a colour filter."""
    facts = seen(specimen, given)
    if specimen.kind != "raw":
        raise Refusal(
            f"{specimen.name} is a finished picture, in which the camera may have mended what is to be measured; give "
            "the raw."
        )
    if len(specimen.letters()) != 3:
        raise Refusal(f"{specimen.name} has no colours to compare; a monochrome camera needs flats and a chart.")
    roots = roots_of_green(specimen)
    return PhotoView(
        facts,
        fringes(specimen, "R"),
        fringes(specimen, "B"),
        straight_things(roots).lines,
        sight(specimen, roots),
        edges_in(replace(specimen.luminance(), pitch_um=facts.pitch_um), roots),
    )


def photo_sections(
    photos: Sequence[PhotoView], lens: Lens, pitch_um: float
) -> tuple[dict[str, tuple[Section, ...]], dict[str, str]]:
    """(the sections that photos tell, by section why they do not tell the others); Refusal where they tell nothing.

    The photos are of one aperture, their distances may differ. The same view again, from a tripod, tells no more of the
    lens, since what errs is the scene.
    """
    files = [each.facts for each in photos]
    f_number = agreed(files, "f_number", "apertures", "calibrate from photos of each aperture by themselves")
    focus = {each.focus_m for each in files}
    focal_mm = focal_of(files, lens)
    if len(photos) < LEAST_PHOTOS:
        raise Refusal(
            "One photo cannot tell what is the lens's and what the scene's; give five or more of different things, or "
            "eight of a slow pan."
        )
    sizes = {(each.width_px, each.height_px) for each in files}
    if len(sizes) > 1:
        raise Refusal("The photos are of different sizes; calibrate each size by itself.")
    width, height = sizes.pop()
    sights = [each.sight for each in photos]
    shared = overlaps(sights)
    again = seen_before(shared, sights[0].half_px)
    views = [each for at, each in enumerate(photos) if at not in again]
    focus_m = focus.pop() if len(focus) == 1 else None
    origin = Origin(focus_m=focus_m, method="photos", frames=len(photos), date=date_of(files))
    at_ring = replace(origin, f_number=f_number)
    focal_px = None if focal_mm is None else focal_mm / pitch_um * 1e3
    lines = [line for each in views for line in each.lines]
    geometry = photo_geometry(lines, width, height, focal_px, shared, len(photos))
    found: dict[str, Section | str] = {
        "lateral": _fringed(views, pitch_um, at_ring),
        "geometry": _straightened(geometry, len(lines), focal_px, (width, height), pitch_um, origin),
        **_panned(sights, shared, (width, height), pitch_um, at_ring),
        "psf": _blur(views, width, height, pitch_um, at_ring),
    }
    sections: dict[str, tuple[Section, ...]] = {}
    why: dict[str, str] = {}
    for name, each in found.items():
        if isinstance(each, str):
            why[name] = each
        else:
            sections[name] = (each,)
    if not sections:
        first = next(iter(why.values()))
        raise Refusal(f"{len(photos)} photos told nothing of the lens: {first[0].lower()}{first[1:]}")
    return sections, why


def _fringed(views: Sequence[PhotoView], pitch_um: float, origin: Origin) -> Lateral | str:
    """Lateral colour, or a sentence why the photos do not tell it."""
    red, blue = radial_shift([each.red for each in views]), radial_shift([each.blue for each in views])
    if red is None or blue is None:
        return "The photos have too few sharp edges for lateral colour; take leaves, roofs or letters."
    return lateral_section(red, blue, pitch_um, origin)


def _straightened(
    found: PhotoGeometry | None,
    lines: int,
    focal_px: float | None,
    sides: tuple[int, int],
    pitch_um: float,
    origin: Origin,
) -> Geometry | str:
    """Distortion, or a sentence why so many straight lines, with that focal length, do not tell it."""
    if found is not None:
        try:
            return _geometry(found, *sides, pitch_um, origin)
        except Refusal:
            return (
                "What looks straight in the photos would fold the picture, which no lens does, so it is too little or "
                "bowed; take buildings, or a slow pan."
            )
    if focal_px is None:
        return "The focal length is not known, which distortion needs; say it with --focal, or pan slowly."
    return (
        f"The photos have {lines} long straight lines and distortion needs {LEAST_LINES}; take buildings, or a slow "
        "pan."
    )


def _panned(
    sights: Sequence[Sight], shared: Sequence[Overlap], sides: tuple[int, int], pitch_um: float, origin: Origin
) -> dict[str, Section | str]:
    """Falloff and, where that is told, the colour cast; in the place of each a sentence why a pan does not tell it."""
    light = panned_light(sights, shared)
    moved = max((each.moved_px for each in shared), default=0.0)
    if light is None:
        return {"vignetting": f"No two photos show the same things, so falloff and colour cast stay unknown; {_PAN}."}
    if moved < LEAST_MOVE * math.hypot(*sides):
        return {
            "vignetting": f"The photos that overlap are turned by {100.0 * moved / sides[0]:.1f} % of the picture's "
            f"width, as a hand's tremor does, which does not tell falloff; {_PAN}."
        }
    if light.falloff_error > FALLOFF_KNOWN:
        return {"vignetting": f"The photos tell falloff to {100.0 * light.falloff_error:.0f} % only; {_PAN}."}
    cast: Section | str = (
        f"The photos tell colour cast to {100.0 * light.cast_error:.0f} % only; pan over things of more light."
    )
    if light.cast_error < CAST_KNOWN:
        cast = _color(light, *sides, pitch_um, origin)
    return {"vignetting": _vignetting(light.falloff, *sides, pitch_um, origin), "color": cast}


def _blur(photos: Sequence[PhotoView], width: int, height: int, pitch_um: float, origin: Origin) -> PsfField | str:
    """The blur at the aperture of all photos, or a sentence why they do not tell it."""
    if origin.f_number is None:
        return "The aperture is not known, which blur needs; say it with --aperture."
    half_mm = math.hypot(width, height) * pitch_um * 5e-4
    edges, lacking = as_sharp_as_lens([each.edges for each in photos], half_mm)
    if lacking is None:
        try:
            blur = spread_field(edges, pitch_um, origin)
        except Refusal:
            lacking = "of two directions"
        else:
            if blur.residual < BLUR_KNOWN:
                return blur
            lacking = "that agree on one lens"
    return f"For blur the photos have too few edges as sharp as the lens {lacking}; {_WALL}."


def _vignetting(fit: Agreed, width: int, height: int, pitch_um: float, origin: Origin) -> Vignetting:
    half_mm = math.hypot(width, height) * pitch_um * 5e-4
    x, y, a1, a2, a3 = (float(each) for each in fit.numbers)
    x_error, y_error, *errors = (float(each) for each in np.sqrt(np.diag(fit.covariance)))
    return Vignetting(
        **origin.named,
        residual=fit.left,
        centre_mm=(x * half_mm, y * half_mm),
        centre_mm_error=(x_error * half_mm, y_error * half_mm),
        radial=(a1, a2, a3),
        radial_error=(errors[0], errors[1], errors[2]),
        reach_mm=half_mm,
    )


def _color(light: PannedLight, width: int, height: int, pitch_um: float, origin: Origin) -> ColorShading:
    half = math.hypot(width, height)
    x, y = np.meshgrid(np.linspace(-1.0, 1.0, COLUMNS) * width / half, np.linspace(-1.0, 1.0, ROWS) * height / half)
    terms = cast_terms(x, y)
    both = []
    for fit in (light.red_green, light.blue_green):
        values = np.exp(terms @ fit.numbers)
        errors = values * np.sqrt(np.einsum("...i,ij,...j->...", terms, fit.covariance, terms))
        both += [lattice(values), lattice(errors)]
    return ColorShading(
        **origin.named,
        residual=math.hypot(light.red_green.left, light.blue_green.left) / math.sqrt(2.0),
        half_width_mm=width * pitch_um * 5e-4,
        half_height_mm=height * pitch_um * 5e-4,
        red_green=both[0],
        red_green_error=both[1],
        blue_green=both[2],
        blue_green_error=both[3],
    )


def _geometry(fit: PhotoGeometry, width: int, height: int, pitch_um: float, origin: Origin) -> Geometry:
    mm = pitch_um * 1e-3
    middle = (width - 1) / 2.0, (height - 1) / 2.0
    x, y = ((figure.value - m) * mm for figure, m in zip(fit.centre_px, middle, strict=True))
    k1, k2, k3 = fit.radial
    return Geometry(
        **origin.named,
        residual=1e3 * mm * fit.line_px,
        focal_mm=fit.focal_px.value * mm,
        focal_mm_error=fit.focal_px.error * mm,
        centre_mm=(x, y),
        centre_mm_error=(fit.centre_px[0].error * mm, fit.centre_px[1].error * mm),
        radial=(k1.value, k2.value, k3.value),
        radial_error=(k1.error, k2.error, k3.error),
        tangential=(0.0, 0.0),
        tangential_error=(math.inf, math.inf),
        reach_mm=fit.reach_px * mm,
    )
