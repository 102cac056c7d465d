"""`anylens lab sharpness`: the MTF across slanted edges, or of a Siemens star."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from anylens.app import measuring, voice
from anylens.app.syntax import Syntax
from anylens.app.table import table
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lab.samples import Samples
    from anylens.lab.sharpness import Sharpness, StarSharpness

MOST_ROWS = 40


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
    failed = 0
    for file in given.files:
        try:
            specimen = measuring.seen(file, given.sensor)
            samples = specimen.luminance() if given.color is None else specimen.samples(given.color)
            result = _measured(samples, given.chart)
        except Exception as error:
            measuring.complain(error, picture, file)
            failed = 1
            continue
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
    return failed


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
    known = result.pitch_um is not None
    rows = [
        (
            f"{edge.place_px[0]:.0f}, {edge.place_px[1]:.0f}",
            edge.direction,
            f"{edge.angle_deg:.1f}",
            str(edge.mtf50_cpp),
            *([str(edge.mtf50_lpmm)] if known else []),
            str(edge.mtf_nyquist),
            f"{100.0 * edge.overshoot:.1f}",
        )
        for edge in result.edges[:MOST_ROWS]
    ]
    middle = ("MTF50, lp/mm",) if known else ()
    print(table(rows, ("place, px", "direction", "angle, °", "MTF50, c/px", *middle, "at Nyquist", "overshoot, %")))
    if len(result.edges) > MOST_ROWS:
        values = sorted(edge.mtf50_cpp.value for edge in result.edges)
        median = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2.0
        print(f"and {len(result.edges) - MOST_ROWS} more; --json tells all")
        print(f"MTF50 of all: {values[0]:.3f} to {values[-1]:.3f} cycles per pixel, median {median:.3f}")
    if result.refused:
        print(f"{len(result.refused)} edges refused, the first: {voice.one_line(result.refused[0].why)}")
    if result.left:
        print(f"{result.left} more straight lines were not looked at: these edges from all over the picture are enough")


def _tell_star(file: str, star: StarSharpness) -> None:
    print(f"Siemens star of {file}, {star.cycles} cycles about {star.place_px[0]:.0f}, {star.place_px[1]:.0f} px\n")
    rows = [("MTF50, cycles per pixel", str(star.mtf50_cpp)), ("MTF at Nyquist", str(star.mtf_nyquist))]
    if star.mtf50_lpmm is not None:
        rows.insert(1, ("MTF50, line pairs per mm", str(star.mtf50_lpmm)))
    print(table(rows))
