"""`anylens lab shading`: falloff and colour cast from a flat."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from anylens.app import measuring
from anylens.app.syntax import Syntax
from anylens.app.table import table

if TYPE_CHECKING:
    from anylens.lab.shading import ShadingMeasure


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lab shading`."""
    measuring.files_and_outcome(syntax, "shading", "draw the maps into this .svg")
    syntax.add_argument(
        "--turn", metavar="DEG,...", help="how the camera was turned clockwise for each file; else as the files tell"
    )


def run(given: Namespace) -> int:
    """Measure one flat, or several frames of one as one."""
    from anylens.lab.shading import shading

    picture = measuring.place(given.picture, ".svg")
    measuring.apart(given.files, given.picture)
    turns = measuring.turns(given.turn)
    result = shading([measuring.seen(file, given.sensor) for file in given.files], turns)
    if picture is not None:
        from anylens.lab.report.plots import shading_plot

        measuring.keep(picture, shading_plot(result).standalone())
    if given.json:
        print(measuring.as_json("shading", [result]))
        return 0
    _tell(result)
    return 0


def _tell(result: ShadingMeasure) -> None:
    names = result.files[0] if len(result.files) == 1 else f"{len(result.files)} frames"
    print(f"Shading of {names}\n")
    top_left, top_right, bottom_right, bottom_left = result.corners
    rows = [
        ("corners, EV against the middle", str(result.corner_ev)),
        ("top left, right; 1 in the middle", f"{top_left}, {top_right}"),
        ("bottom left, right", f"{bottom_left}, {bottom_right}"),
        ("centre of the falloff, px", f"{result.centre_px[0]}, {result.centre_px[1]}"),
        ("k1, k2, k3 (r is 1 in the corner)", ", ".join(map(str, result.radial))),
        ("left beside that, %", f"{result.residual_percent:.3g}"),
    ]
    if result.cast_percent is not None:
        rows.append(("strongest colour cast, %", str(result.cast_percent)))
    if result.light_percent is not None:
        right, down = result.light_percent
        rows.append(("light grew to the right, down, %", f"{right}, {down} (taken out)"))
    print(table(rows))
    measuring.notes(result.notes)
