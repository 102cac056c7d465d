"""`anylens lab sharpness`: the MTF across slanted edges, or of a Siemens star."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anylens.app import measuring, voice
from anylens.app.syntax import Syntax
from anylens.app.table import table
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lab import Specimen
    from anylens.lab.samples import Samples
    from anylens.lab.sharpness import EdgeSharpness, Ring, Sharpness, StarSharpness

MOST_ROWS = 12
"""More edges are told by rings about the middle."""
_UNLIKE = 1.3
"""A chart's neighbours differ by less."""


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lab sharpness`."""
    measuring.files_and_outcome(syntax, "sharpness", "mark the edges in this .png or .jpg; for one file")
    syntax.add_argument(
        "--chart", choices=("edges", "star"), help="slanted edges, or a Siemens star; else whichever is seen"
    )
    syntax.add_argument("--color", choices=("R", "G", "B"), help="measure this colour instead of green or luminance")


def run(given: Namespace) -> int:
    """Measure the edges that are found in each file; 1 where none was or a file could not be read."""
    from anylens.lab.sharpness import Sharpness, edges_drawn
    from anylens.lab.star import star_drawn

    picture = measuring.marked(given)
    results = []

    def measure(file: str) -> tuple[Specimen, Samples, Sharpness | StarSharpness]:
        specimen = measuring.seen(file, given.sensor)
        samples = specimen.luminance() if given.color is None else specimen.samples(given.color)
        return specimen, samples, _measured(samples, given.chart)

    for file, (specimen, samples, result) in measuring.each(given.files, measure, picture):
        results.append({"file": file, "notes": specimen.notes, "sharpness": result})
        if picture is not None:
            drawing = edges_drawn(samples, result) if isinstance(result, Sharpness) else star_drawn(samples, result)
            measuring.keep_picture(picture, drawing)
        if not given.json:
            if isinstance(result, Sharpness):
                _tell(file, result)
            else:
                _tell_star(file, result)
            measuring.notes(specimen.notes)
    if given.json:
        print(measuring.as_json("sharpness", results))
    return int(len(results) < len(given.files))


def _measured(samples: Samples, chart: str | None) -> Sharpness | StarSharpness:
    from anylens.lab.charts import find_star
    from anylens.lab.sharpness import edges_sharpness
    from anylens.lab.star import star_sharpness

    if chart != "edges":  # a star's spokes are edges too, but nothing else is taken for a star
        try:
            star = find_star(samples)
        except Refusal:
            if chart == "star":
                raise
        else:
            return star_sharpness(samples, star)
    return edges_sharpness(samples)


def _tell(file: str, result: Sharpness) -> None:
    what = {"G": "green", "R": "red", "B": "blue"}.get(result.letter, "luminance")
    print(f"Sharpness of {file}, {len(result.edges)} edges in {what} (ISO 12233:2023)\n")
    if len(result.edges) <= MOST_ROWS:
        head, rows = ("place, px", "direction", "angle, °"), [_edge_row(edge) for edge in result.edges]
    else:
        unit = "mm" if result.pitch_um is not None else "px"
        head, rows = (f"from middle, {unit}", "direction", "edges"), [_ring_row(ring) for ring in result.by_place()]
    lpmm = ("MTF50, lp/mm",) if result.pitch_um is not None else ()
    print(table(rows, (*head, "MTF50, cycles/px", *lpmm, "at Nyquist", "overshoot, %")))
    if len(result.edges) > MOST_ROWS:
        values = sorted(edge.mtf50_cpp.value for edge in result.edges)
        print(f"single edges have an MTF50 of {values[0]:.3f} to {values[-1]:.3f} cycles/px; --json tells each")
    if result.refused:
        print(f"{len(result.refused)} edges refused, the first: {voice.one_line(result.refused[0].why)}")
    if result.unlike() > _UNLIKE:
        print(
            f"note: This may be no chart: edges beside each other differ {result.unlike():.1f} times in sharpness, so "
            "it is the things' as much as the lens's; photograph slanted edges for the lens's own"
        )
    if result.left:
        print(f"{result.left} more straight lines were not looked at: these edges from all over the picture are enough")


def _edge_row(edge: EdgeSharpness) -> tuple[str, ...]:
    place = f"{edge.place_px[0]:.0f}, {edge.place_px[1]:.0f}"
    return (place, edge.direction, f"{edge.angle_deg:.1f}", *_figures([edge]))


def _ring_row(ring: Ring) -> tuple[str, ...]:
    least, most = ring.between
    digits = 0 if most >= 100.0 else 2
    return (f"{least:.{digits}f} to {most:.{digits}f}", ring.direction, str(len(ring.edges)), *_figures(ring.edges))


def _figures(edges: Sequence[EdgeSharpness]) -> tuple[str, ...]:
    """MTF50 in cycles per pixel and line pairs per mm where they are known, MTF at Nyquist, overshoot in %."""
    from anylens.lab.figure import combined

    lpmm = [edge.mtf50_lpmm for edge in edges if edge.mtf50_lpmm is not None]
    told = [[edge.mtf50_cpp for edge in edges], *([lpmm] if lpmm else []), [edge.mtf_nyquist for edge in edges]]
    overshoot = sum(edge.overshoot for edge in edges) / len(edges)
    return (*(str(combined(figures)) for figures in told), f"{100.0 * overshoot:.1f}")


def _tell_star(file: str, star: StarSharpness) -> None:
    print(f"Siemens star of {file}, {star.cycles} cycles about {star.place_px[0]:.0f}, {star.place_px[1]:.0f} px\n")
    rows = [("MTF50, cycles per pixel", str(star.mtf50_cpp)), ("MTF at Nyquist", str(star.mtf_nyquist))]
    if star.mtf50_lpmm is not None:
        rows.insert(1, ("MTF50, line pairs per mm", str(star.mtf50_lpmm)))
    print(table(rows))
