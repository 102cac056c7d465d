"""`anylens lab geometry`: distortion and lateral colour from a grid."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from anylens.app import measuring
from anylens.app.syntax import Syntax
from anylens.app.table import table

if TYPE_CHECKING:
    from anylens.lab import Specimen
    from anylens.lab.geometry import Distortion, LateralColor
    from anylens.lab.grids import Grid


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lab geometry`."""
    measuring.files_and_outcome(syntax, "geometry", "mark the grid in this .png or .jpg; for one file")
    syntax.add_argument(
        "--views", action="store_true", help="the files are views of one grid with one lens: measure them as one"
    )


def run(given: Namespace) -> int:
    """Measure the grid of each file, or of all as one; 1 where a grid was not found or a file not be read."""
    from anylens.lab.geometry import distortion, grid_and_colors
    from anylens.lab.grids import grid_drawn

    picture = measuring.marked(given)
    results: list[dict[str, object]] = []
    views = []

    def measure(file: str) -> tuple[Specimen, Grid, tuple[LateralColor, ...], Distortion | None]:
        specimen = measuring.seen(file, given.sensor)
        grid, lateral = grid_and_colors(specimen)
        return specimen, grid, lateral, None if given.views else distortion(specimen.luminance(), [grid])

    for file, (specimen, grid, lateral, measured) in measuring.each(given.files, measure, picture):
        views.append((specimen.luminance(), grid))
        if picture is not None:
            measuring.keep_picture(picture, grid_drawn(*views[-1]))
        results.append({"file": file, "notes": specimen.notes, "distortion": measured, "lateral_color": lateral})
        if not given.json:
            _tell(file, measured, lateral)
            measuring.notes(specimen.notes)
    if given.views and views:
        together = distortion(views[0][0], [grid for _, grid in views])
        results.append({"file": None, "distortion": together})
        if not given.json:
            _tell(f"{len(views)} views as one", together, ())
    if given.json:
        print(measuring.as_json("geometry", results))
    return int(len(views) < len(given.files))


def _tell(file: str, measure: Distortion | None, lateral: tuple[LateralColor, ...]) -> None:
    print(f"Geometry of {file}\n")
    rows = []
    if measure is not None:
        rows += [
            ("grid", f"{measure.kind}, {len(measure.observed_px)} points"),
            ("distortion in the corner, %", str(measure.corner_percent)),
            ("k1, k2 ... (r is 1 in the corner)", ", ".join(map(str, measure.radial))),
            ("centre, px", f"{measure.centre_px[0]}, {measure.centre_px[1]}"),
            ("left by the map, px", f"{measure.residual_px:.3f} rms, {measure.worst_px:.3f} at worst"),
        ]
        if measure.focal_px is not None:
            rows.append(("focal length, px", str(measure.focal_px)))
    names = {"R": "red", "B": "blue"}
    rows += [
        (f"{names.get(each.letter, each.letter)} outside of green in the corner, px", str(each.corner_px))
        for each in lateral
    ]
    if rows:
        print(table(rows))
