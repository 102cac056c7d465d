"""`anylens lab report`: whatever can be measured in some files, on one page."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from anylens.app import measuring, voice
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage

if TYPE_CHECKING:
    from anylens.lab import Specimen


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lab report`."""
    syntax.usage = "anylens lab report [options] FILE... -o report.html"
    syntax.add_files("files", "raws, DNGs, or finished JPEG, PNG or TIFF pictures; or folders of raws")
    syntax.add_argument("-o", "--output", metavar="HTML", required=True, help="the page, one file that needs no other")
    syntax.add_argument("--measure", metavar="NAME,...", help="what to measure, instead of what is seen in the files")
    syntax.add_argument(
        "--light", metavar="NAME", default="d65", help="what lit the chart: d65 (usual), d50, a, led, 3200K ..."
    )
    measuring.leaves_option(syntax)
    syntax.add_sensor()


def run(given: Namespace) -> int:
    """Write the page; 1 where a file was left aside."""
    from anylens.lab import spectra
    from anylens.lab.report.survey import MEASURES, report

    place = measuring.place(given.output, ".html", ".htm")
    assert place is not None
    measuring.apart(given.files, given.output)
    spectra.power(given.light)
    measures = [] if given.measure is None else given.measure.split(",")
    for name in measures:
        if name not in MEASURES:
            from anylens.app.syntax import nearest

            raise Usage(f"there is no measure {name}{nearest(name, MEASURES)}; name some of {', '.join(MEASURES)}")
    leaves = None if given.leaves is None else measuring.leaves(given.leaves)
    with voice.progress("measuring", len(given.files)) as bar:

        def read(path: str) -> Specimen:
            bar.advance()
            return measuring.seen(path, given.sensor)

        made = report(given.files, read, measures, given.light, leaves)
    measuring.keep(place, made.text)
    for name, why in made.aside:
        voice.complain(voice.one_line(why if name in why else f"{name}: {why}"))
    print(f"{place}  {', '.join(dict.fromkeys(section.title.lower() for section in made.sections))}")
    return 1 if made.aside else 0
