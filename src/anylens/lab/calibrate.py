"""A lens's passport from the owner's own pictures: flats, charts, edges and photos in any order."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from anylens.lab.calibrate_chart import ChartFit
from anylens.lab.calibrate_edges import EdgeView, blur_of_edges, tilt_of_edges
from anylens.lab.calibrate_files import Given, Seen, agreed, body_and_pitch, date_of, seen, unfinished
from anylens.lab.calibrate_flat import color_shading, vignetting
from anylens.lab.calibrate_mount import mount_of_chart, together
from anylens.lab.calibrate_photos import PhotoView, photo_sections
from anylens.lab.calibrate_unknown import still_unknown
from anylens.lab.calibrate_views import ChartView, of_chart
from anylens.lab.shading import ShadingMeasure, shading
from anylens.lab.specimen import Specimen
from anylens.lens.model import Lens
from anylens.lens.passport import Origin, Passport, Section, merged
from anylens.record import replace
from anylens.refusal import Refusal

_SURER = ("chart", "flat", "edges")


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """What a lens is calibrated from: any of these, in any order.

    `turns_deg` is how the camera was turned clockwise for each flat, as the files tell if None.
    """

    flats: Sequence[Specimen] = ()
    turns_deg: Sequence[float] | None = None
    charts: Sequence[ChartView] = ()
    edges: Sequence[EdgeView] = ()
    photos: Sequence[PhotoView] = ()

    def seen(self, given: Given) -> list[Seen]:
        """How each was taken; Refusal where the owner's word and a file's contradict each other."""
        views: list[ChartView | EdgeView | PhotoView] = [*self.charts, *self.edges, *self.photos]
        return [*(seen(each, given) for each in self.flats), *(each.facts for each in views)]


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


def calibrate(lens: Lens, given: Given, pictures: Pictures, old: Passport | None = None) -> Calibrated:
    """Measure what the pictures tell of a lens on a body, beside what an old passport tells already.

    Flats are taken apart by aperture; charts are of one aperture, focal length and distance, photos of one aperture
    and focal length. What flats, charts and edges tell, now or in the old passport, is surer than what photos do, and
    is kept. Raises Refusal for files that cannot be measured or do not belong together, and for the passport of another
    lens or body.
    """
    files = pictures.seen(given)
    if not files:
        raise Refusal(
            "There is nothing to calibrate from; give flats with --flat, or pictures of a chart with --chart."
        )
    body, pitch_um = body_and_pitch(files)
    focal_mm = agreed(
        files, "focal_mm", "focal lengths", "a zoom needs a passport for each focal length; sort the files"
    )
    fresh, measures, notes = _of_flats(pictures.flats, given, pitch_um, pictures.turns_deg)
    notes += _of_another_focal_length(files, lens)
    fit = None
    mount = tilt_of_edges(pictures.edges, lens, pitch_um)
    if pictures.charts:
        geometry, lateral, fit, said = of_chart(pictures.charts, lens, pitch_um)
        fresh = {**fresh, "geometry": (geometry,), "lateral": () if lateral is None else (lateral,)}
        notes += said
        mount = together(mount_of_chart(fit, pitch_um, geometry.date), mount)
    fresh = {**fresh, "psf": blur_of_edges(pictures.edges, pitch_um), "mount": () if mount is None else (mount,)}
    if pictures.photos:
        found, why = photo_sections(pictures.photos, lens, pitch_um)
        notes += [sentence for section, sentence in why.items() if not fresh.get(section)]
        fresh = _with_photos(fresh, found, old)
    size_px = files[0].width_px, files[0].height_px
    passport = Passport(_as_it_stood(lens, focal_mm), body, **fresh, pitch_um=pitch_um, size_px=size_px)  # type: ignore[arg-type]
    if old is not None:
        passport, stays = merged(old, passport)
        notes += stays
    unknown, wanted = still_unknown(passport, measures, fit)
    return Calibrated(passport, unknown, wanted, tuple(dict.fromkeys(notes)), measures, fit)


def _as_it_stood(lens: Lens, focal_mm: float | None) -> Lens:
    """The lens as a passport of it holds: a zoom, at the one focal length that it was measured at."""
    if focal_mm is None or lens.focal_mm is None or not lens.focal_mm[0] < lens.focal_mm[1]:
        return lens
    return replace(lens, focal_mm=(focal_mm, focal_mm))


def _of_another_focal_length(files: Sequence[Seen], lens: Lens) -> list[str]:
    """What to say where the files tell a focal length that the lens does not have."""
    told = next((each.focal_mm for each in files if each.focal_mm is not None), None)
    if told is None or lens.focal_mm is None or lens.focal_mm[0] / 1.1 < told < 1.1 * lens.focal_mm[1]:
        return []
    what = f"The files tell a focal length of {told:.3g} mm, which {lens.name} does not have"
    return [f"{what}; if they are of another lens, calibrate that one and take this passport away."]


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
        measure = dataclasses.replace(shading(frames, turns if turns_deg else None), f_number=f_number)
        measures.append(measure)
        notes += list(measure.notes)
        focus_m = agreed(files, "focus_m", "distances", "calibrate each distance by itself")
        origin = Origin(f_number=f_number, focus_m=focus_m, method="flat", frames=len(group), date=date_of(files))
        falloffs.append(vignetting(measure, pitch_um, origin))
        cast = color_shading(measure, pitch_um, origin)
        if cast is not None:
            casts.append(cast)
    return {"vignetting": tuple(falloffs), "color": tuple(casts)}, tuple(measures), notes


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
