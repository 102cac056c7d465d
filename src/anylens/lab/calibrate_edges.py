"""Slanted edges of one lens: the blur field of each aperture, and the tilt where they were taken through focus."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anylens.lab.calibrate_files import Given, Seen, agreed, date_of, focal_of, seen, unfinished
from anylens.lab.calibrate_mount import mount_of_edges
from anylens.lab.sharpness import EdgeSharpness, Sharpness, edges_sharpness
from anylens.lab.specimen import Specimen
from anylens.lab.spread import spread_field
from anylens.lab.through_focus import extension_um
from anylens.lens.model import Lens
from anylens.lens.passport import Mount, Origin, PsfField
from anylens.refusal import Refusal

LEAST_FOCUS = 4
"""Distances at which edges are to be taken, for their best focus to be told."""


@dataclass(frozen=True, slots=True, eq=False)
class EdgeView:
    """Slanted edges in one file, in green or luminance."""

    edges: tuple[EdgeSharpness, ...]
    facts: Seen


def edge_view(specimen: Specimen, given: Given) -> EdgeView:
    """The slanted edges of one raw; raises Refusal where it is none, or none can be measured."""
    facts, samples = seen(unfinished(specimen, "edges"), given), specimen.luminance()
    return EdgeView(edges_sharpness(replace(samples, pitch_um=facts.pitch_um)).edges, facts)


def blur_of_edges(views: Sequence[EdgeView], pitch_um: float) -> tuple[PsfField, ...]:
    """The blur at each aperture, of all its files together."""
    found = []
    for f_number, every in _by_aperture(views):
        group = _sharpest(every) if _through_focus(every) else every
        files = [each.facts for each in group]
        focus_m = agreed(files, "focus_m", "distances", "calibrate each distance by itself")
        together = tuple(edge for each in group for edge in each.edges)
        origin = Origin(f_number=f_number, focus_m=focus_m, method="edges", frames=len(group), date=date_of(files))
        found.append(spread_field(together, pitch_um, origin))
    return tuple(found)


def tilt_of_edges(views: Sequence[EdgeView], lens: Lens, pitch_um: float) -> Mount | None:
    """The tilt from edges through focus, at the widest aperture that has them; None where none has.

    Raises Refusal for pictures of different sizes and where no focal length is known.
    """
    for _, group in _by_aperture(views):
        if not _through_focus(group):
            continue
        files = [each.facts for each in group]
        if len({(each.width_px, each.height_px) for each in files}) > 1:
            raise Refusal("The pictures of edges are of different sizes; calibrate each size by itself.")
        focal_mm = focal_of(files, lens)
        if focal_mm is None:
            raise Refusal("Edges at several distances tell the lens's tilt by its focal length; say it with --focal.")
        readings = [
            (extension_um(focal_mm, each.facts.focus_m or math.inf), Sharpness("G", pitch_um, each.edges))
            for each in group
        ]
        return mount_of_edges(readings, (files[0].height_px, files[0].width_px), pitch_um, date_of(files))
    return None


def _by_aperture(views: Sequence[EdgeView]) -> list[tuple[float | None, list[EdgeView]]]:
    groups: dict[float | None, list[EdgeView]] = {}
    for each in views:
        groups.setdefault(each.facts.f_number, []).append(each)
    return sorted(groups.items(), key=lambda pair: pair[0] or 0.0)


def _through_focus(views: Sequence[EdgeView]) -> bool:
    """Whether frames were taken at so many distances that best focus can be told from them."""
    return len({each.facts.focus_m for each in views if each.facts.focus_m is not None}) >= LEAST_FOCUS


def _sharpest(views: Sequence[EdgeView]) -> list[EdgeView]:
    """Those taken at the distance at which edges are sharpest, in the median."""
    sharp: dict[float | None, list[float]] = {}
    for each in views:
        sharp.setdefault(each.facts.focus_m, []).extend(edge.mtf50_cpp.value for edge in each.edges)
    best = max(sharp, key=lambda focus_m: float(np.median(sharp[focus_m])))
    return [each for each in views if each.facts.focus_m == best]
