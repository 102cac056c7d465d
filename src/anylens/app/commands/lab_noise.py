"""`anylens lab noise`: the photon transfer of raw flats."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from anylens.app import measuring
from anylens.app.syntax import Syntax
from anylens.app.table import table

if TYPE_CHECKING:
    from anylens.lab.noise import NoiseMeasure


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lab noise`."""
    measuring.files_and_outcome(syntax, "noise", "draw the photon transfer into this .svg")
    syntax.add_argument("-o", "--output", metavar="TOML", help="write the sensor with its measured noise")


def run(given: Namespace) -> int:
    """Measure raw flats, two or more of each exposure, or single frames of noise steps."""
    from anylens.lab.noise import MOST_NOISE_PX, noise

    place = measuring.place(given.output, ".toml")
    picture = measuring.place(given.picture, ".svg")
    measuring.apart(given.files, given.output, given.picture)
    specimens = [measuring.seen(file, given.sensor, lambda each: each.middle(MOST_NOISE_PX)) for file in given.files]
    results = noise(specimens)
    if place is not None:
        from anylens.lab.sheet import sensor_toml

        facts = specimens[0].facts
        assert facts is not None
        measuring.keep(place, sensor_toml(facts.sensor, results[0]))
    if picture is not None:
        from anylens.lab.report.plots import transfer_plot

        measuring.keep(picture, transfer_plot(results[0]).standalone())
    if given.json:
        print(measuring.as_json("noise", results))
        return 0
    for result in results:
        _tell(result)
    measuring.notes([note for each in specimens for note in each.notes])
    if place is not None:
        more = f"; of the {len(results)} gains the lowest" if len(results) > 1 else ""
        print(f"{place}  the sensor with its measured noise{more}")
    return 0


def _tell(result: NoiseMeasure) -> None:
    from anylens.lab.report.sections import COLORS, transfer_rows

    gain = "" if result.iso is None else f"ISO {result.iso:g}, "
    many = f"{result.frames} frame{'' if result.frames == 1 else 's'}"
    print(f"Photon transfer (EMVA 1288): {gain}{many}, {_METHODS[result.method]}\n")
    columns = result.transfers
    print(table(transfer_rows(columns), ("", "", *(COLORS[each.letter] for each in columns))))
    if any(each.rounded for each in columns):
        print("note: The darkest counts hardly move; read noise is told from where the line of brighter ones begins.")
    if result.profile is not None:
        at = f"{100.0 * result.profile.worst_at:.2g} % of white"
        print(
            f"\nNoise profile ({result.profile.source}): measured variance is {result.profile.ratio} of what it tells, "
            f"at worst {result.profile.worst} at {at}"
        )
    measuring.notes(result.notes)


_METHODS = {"pairs": "in pairs", "single": "each for itself"}
