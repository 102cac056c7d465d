"""`anylens lens chart`: the board that `lens calibrate --chart` measures, to print or to show."""

from __future__ import annotations

import re
from argparse import Namespace

from anylens.app import measuring
from anylens.app.quantities import quantity
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage

_MOST_PX = 16384


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens chart`."""
    syntax.usage = "anylens lens chart [options] -o chart.pdf"
    syntax.add_argument("-o", "--output", metavar="FILE", required=True, help="a .pdf to print, a .png for a screen")
    syntax.add_argument("--paper", metavar="NAME", help="a4 (usual), a3, a2 or letter; for .pdf")
    syntax.add_argument(
        "--square",
        type=quantity("mm", 2.0, 200.0, "20"),
        metavar="MM",
        help="side of a square, 20 where not given; for .pdf",
    )
    syntax.add_argument("--screen", metavar="WxH", help="the screen's pixels, 1920x1080 where not given; for .png")


def run(given: Namespace) -> int:
    """Write the chart."""
    from anylens.lab.calibrate_print import PAPERS_MM, chart_pdf, chart_picture

    place = measuring.place(given.output, ".pdf", ".png")
    assert place is not None
    if place.suffix.lower() == ".pdf":
        if given.screen is not None:
            raise Usage("--screen is for a .png; change the name of the file or leave it out")
        paper, square = (given.paper or "a4").lower(), 20.0 if given.square is None else given.square
        if paper not in PAPERS_MM:
            raise Usage(f"there is no paper {given.paper}; name one of {', '.join(PAPERS_MM)}")
        data, columns, rows = chart_pdf(paper, square)
        measuring.keep(place, data)
        print(f"{place}  {columns} x {rows} squares of {square:g} mm on {paper}; print at 100 % and check the ruler")
        return 0
    if given.paper is not None or given.square is not None:
        raise Usage("--paper and --square are for a .pdf; change the name of the file or leave them out")
    size = re.fullmatch(r"(\d{2,5})x(\d{2,5})", given.screen or "1920x1080")
    if size is None or not all(200 <= int(side) <= _MOST_PX for side in size.groups()):
        raise Usage(f"--screen takes the screen's pixels as 1920x1080, 200 to {_MOST_PX}, not {given.screen}")
    picture, columns, rows = chart_picture(int(size[1]), int(size[2]))
    measuring.keep_picture(place, picture)
    print(f"{place}  {columns} x {rows} squares; show it pixel for pixel, filling the screen")
    return 0
