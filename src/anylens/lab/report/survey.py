"""A report of any files: each is looked at, and what can be measured in it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anylens.lab.charts import find_star
from anylens.lab.color import color_measure
from anylens.lab.geometry import distortion, grid_and_colors
from anylens.lab.grids import Grid, grid_drawn
from anylens.lab.noise import MOST_NOISE_PX, noise
from anylens.lab.picture import drawn
from anylens.lab.report import sections
from anylens.lab.report.marks import marked_checker
from anylens.lab.report.page import Section, page
from anylens.lab.samples import Samples
from anylens.lab.shading import Clipped, Dim, is_dark, shading
from anylens.lab.sharpness import edges_drawn, edges_sharpness
from anylens.lab.specimen import Specimen
from anylens.lab.star import star_drawn, star_sharpness
from anylens.lab.steps import step_levels
from anylens.lab.texture import LEAVES, Leaves, texture_by_spectrum
from anylens.refusal import Refusal

MEASURES = ("sharpness", "texture", "noise", "color", "geometry", "shading")
_CHART = 0.25
"""Of a chart's straight lines more than so many are edges; of the short straight pieces of leaves few are."""
_ORDER = {"Sharpness": 0, "Siemens star": 1, "Texture": 2, "Noise": 3, "Colour": 4, "Geometry": 5, "Shading": 6}


@dataclass(frozen=True, slots=True)
class Report:
    """The page's text, its sections, and (file, why) of those in which nothing was measured."""

    text: str
    sections: tuple[Section, ...]
    aside: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A grid seen in one file, and the section that it alone makes."""

    name: str
    samples: Samples
    grid: Grid
    section: Section


def report(
    paths: Sequence[str],
    read: Callable[[str], Specimen],
    measures: Sequence[str] = (),
    light: str = "d65",
    leaves: Leaves | None = None,
) -> Report:
    """Measure files and put the results on one page.

    An even frame is a flat (shading; of raws, with others of its exposure or darker ones, noise), a raw of grey steps
    tells noise, another chart is what is found in it; where `leaves` are given, a picture in which nothing else is
    found shows them. `measures` names what to measure instead of looking for it; `read` gives a file as a Specimen.
    Raises Refusal where nothing can be measured.
    """
    survey = _Survey(measures, light, leaves)
    of = ""
    for path in paths:
        try:
            each = read(path)
        except Refusal as error:
            survey.aside.append((path, str(error)))
            continue
        of = of or _camera(each)
        survey.look(each)
    found, aside = survey.measured(), survey.aside
    lines = [why if name in why else f"{name}: {why}" for name, why in aside]
    if not found:
        said = "; ".join(line.removesuffix(".") for line in lines[:3])
        raise Refusal(f"Nothing can be measured in these files ({said}); give flats or a chart.")
    names = dict.fromkeys(paths)
    under = f"{len(names)} file{'s' if len(names) != 1 else ''}: {_few([path.rsplit('/', 1)[-1] for path in names])}"
    return Report(page(of or "Measured", under, found, lines), tuple(found), tuple(aside))


class _Survey:
    """Files sorted by what is seen in each; `aside` are (file, why) of those in which nothing was measured."""

    def __init__(self, measures: Sequence[str], light: str, leaves: Leaves | None) -> None:
        self._wanted = tuple(measures) or MEASURES
        self._light, self._leaves = light, leaves
        self._found: list[Section] = []
        self._even: list[Specimen] = []
        self._flats: list[Specimen] = []
        self._views: list[_View] = []
        self.aside: list[tuple[str, str]] = []

    def look(self, each: Specimen) -> None:
        """Measure the charts in a file, or keep it beside others of its kind."""
        kind, why = _evenness(each)
        raw_noise = each.kind == "raw" and "noise" in self._wanted
        if kind == "flat" and "shading" in self._wanted:
            self._flats.append(each)
        if raw_noise and (kind != "other" or self._wanted == ("noise",) or step_levels(each)):
            self._even.append(each.middle(MOST_NOISE_PX))
        elif kind == "other":
            charts = self._charts(each)
            self._found += charts
            if not charts:
                self.aside.append((each.name, "no chart or flat is seen in it; --measure names what to measure anyway"))
        elif kind in ("dark", "dim", "clipped") or "shading" not in self._wanted:
            self.aside.append((each.name, why))

    def measured(self) -> list[Section]:
        """All that was measured, in the order of _ORDER."""
        found = [*self._noise(), *self._shading(), *_together(self._found, self._views)]
        return sorted(found, key=lambda section: _ORDER.get(section.title, len(_ORDER)))

    def _noise(self) -> list[Section]:
        found = []
        for group in _alike(self._even):
            names = _few([each.name for each in group])
            try:
                found += [sections.noise_section(result, names) for result in noise(group)]
            except Refusal as error:
                if not {each.name for each in group} <= {each.name for each in self._flats}:
                    self.aside.append((names, str(error)))
        return found

    def _shading(self) -> list[Section]:
        if not self._flats:
            return []
        brightest = max(map(_level, self._flats))
        alike = [each for each in self._flats if abs(_level(each) - brightest) < 0.05 * brightest]
        try:
            return [sections.shading_section(shading(alike))]
        except Refusal as error:
            self.aside.append(("shading", str(error)))
            return []

    def _charts(self, specimen: Specimen) -> list[Section]:
        wanted, leaves = self._wanted, self._leaves
        found: list[Section] = []
        if "color" in wanted and len(specimen.letters()) == 3:
            try:
                result = color_measure(specimen, self._light)
                return [sections.color_section(result, marked_checker(specimen, result))]
            except Refusal:
                pass
        if "geometry" in wanted:
            try:
                grid, lateral = grid_and_colors(specimen)
                samples = specimen.luminance()
                measure = distortion(samples, [grid])
            except Refusal:
                pass
            else:
                size = (specimen.width_px, specimen.height_px)
                section = sections.geometry_section(measure, lateral, specimen.name, size, grid_drawn(samples, grid))
                self._views.append(_View(specimen.name, samples, grid, section))
                found.append(section)
        if not found and "texture" in wanted and len(wanted) < len(MEASURES):
            found += _texture(specimen, leaves or LEAVES)
        if not found and "sharpness" in wanted:
            samples = specimen.luminance()
            try:
                star = star_sharpness(samples, find_star(samples))
                return [*found, sections.star_section(star, specimen.name, star_drawn(samples, star))]
            except Refusal:
                pass
        if "sharpness" in wanted:
            samples = specimen.luminance()
            try:
                edges = edges_sharpness(samples)
            except Refusal:
                pass
            else:
                if len(wanted) < len(MEASURES) or len(edges.edges) > _CHART * edges.lines:
                    size = (specimen.width_px, specimen.height_px)
                    marked = edges_drawn(samples, edges)
                    found.append(sections.sharpness_section(edges, specimen.name, size, marked))
        return found if found or leaves is None or "texture" not in wanted else _texture(specimen, leaves)


def _alike(specimens: Sequence[Specimen]) -> list[list[Specimen]]:
    """Frames of one sensor and size together."""
    groups: dict[object, list[Specimen]] = {}
    for each in specimens:
        name = "" if each.facts is None else each.facts.sensor.name
        groups.setdefault((name, each.width_px, each.height_px, each.letters()), []).append(each)
    return list(groups.values())


def _evenness(specimen: Specimen) -> tuple[str, str]:
    """(`flat`, `clipped`, `dim`, `dark` or `other`, why)."""
    if is_dark(specimen):
        return "dark", "a dark frame; with flats of the same camera it would tell the noise"
    try:
        shading([specimen])
    except Dim as error:
        return "dim", str(error)
    except Clipped as error:
        return "clipped" if _is_flat_beside(specimen) else "other", str(error)
    except Refusal as error:
        return "other", str(error)
    return "flat", "an even frame"


def _is_flat_beside(specimen: Specimen) -> bool:
    """Whether a frame that is clipped is so nearly everywhere: a flat too bright, not a picture."""
    return all(float(plane.clipped.mean()) > 0.2 for plane in specimen.of("G") or specimen.planes)


def _level(specimen: Specimen) -> float:
    return float((specimen.of("G") or specimen.planes)[0].pixels[::8, ::8].mean())


def _together(found: list[Section], views: Sequence[_View]) -> list[Section]:
    """Several views of one kind of grid and size as one section in place of theirs."""
    groups: dict[object, list[_View]] = {}
    for view in views:
        groups.setdefault((view.grid.kind, view.samples.shape), []).append(view)
    for group in groups.values():
        if len(group) < 3:
            continue
        try:
            measure = distortion(group[0].samples, [view.grid for view in group])
        except Refusal:
            continue
        height, width = group[0].samples.shape
        marked = grid_drawn(group[0].samples, group[0].grid)
        names = _few([view.name for view in group])
        own = [view.section for view in group]
        found = [section for section in found if all(section is not each for each in own)]
        found.append(sections.geometry_section(measure, (), names, (width, height), marked))
    return found


def _texture(specimen: Specimen, chart: Leaves | float) -> list[Section]:
    try:
        samples = specimen.luminance()
        return [sections.texture_section(texture_by_spectrum(samples, chart), specimen.name, drawn(samples, ()))]
    except Refusal:
        return []


def _camera(specimen: Specimen) -> str:
    facts = specimen.facts
    if facts is None:
        return ""
    parts = []
    if facts.body is not None:
        parts.append(facts.body.name)
    if facts.lens is not None:
        parts.append(facts.lens.name)
    return " with ".join(parts)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} to {names[-1]}"
