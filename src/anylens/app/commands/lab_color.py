"""`anylens lab color`: a ColorChecker found by itself and judged."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from anylens.app import measuring, voice
from anylens.app.syntax import Syntax
from anylens.app.table import table
from anylens.app.voice import Usage

if TYPE_CHECKING:
    from anylens.lab import Specimen
    from anylens.lab.color import ColorMeasure


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lab color`."""
    measuring.files_and_outcome(syntax, "color", "mark what was found in this .png or .jpg; for one file")
    syntax.add_argument("-o", "--output", metavar="TOML", help="write the sensor with the fitted matrices, of raws")
    syntax.add_argument(
        "--light",
        metavar="NAME,...",
        default="d65",
        help="what lit the chart: d65 (usual), d50, a, led, 3200K ...",
    )


def run(given: Namespace) -> int:
    """Judge each file; 1 where a chart could not be found or a file not be read."""
    from anylens.lab.color import color_measure

    place = measuring.place(given.output, ".toml")
    picture = measuring.marked(given, given.output)
    lights = given.light.split(",")
    if len(lights) not in (1, len(given.files)):
        raise Usage(f"{len(lights)} lights are given for {len(given.files)} files; give one for all or one for each")
    results: list[ColorMeasure] = []
    sensor = None
    lit = iter(lights * (len(given.files) // len(lights)))

    def measure(file: str) -> tuple[Specimen, ColorMeasure]:
        light = next(lit)
        specimen = measuring.seen(file, given.sensor)
        return specimen, color_measure(specimen, light)

    for _, (specimen, result) in measuring.each(given.files, measure, picture):
        results.append(result)
        sensor = sensor or (specimen.facts.sensor if specimen.facts and result.fit else None)
        if picture is not None:
            from anylens.lab.report.marks import marked_checker

            measuring.keep_picture(picture, marked_checker(specimen, result))
        if not given.json:
            _tell(result)
    if given.json:
        print(measuring.as_json("color", results))
    if place is not None:
        if sensor is None:
            voice.complain(f"{place} was not written: no matrices were fitted, which takes a raw file of a chart")
            return 1
        from anylens.lab.sheet import sensor_toml

        measuring.keep(place, sensor_toml(sensor, colors=results))
        if not given.json:
            print(f"{place}  the sensor with the fitted matrices")
    return int(len(results) < len(given.files))


def _tell(result: ColorMeasure) -> None:
    where = result.checker.corners_px
    middle = where.mean(axis=0)
    print(f"ColorChecker in {result.file} under {result.light}, about {middle[0]:.0f}, {middle[1]:.0f} px\n")
    judged = [patch for patch in result.patches if patch.even_delta_e is not None]
    if judged:
        rows = [
            (
                patch.name,
                "clipped" if patch.clipped > 0.005 else "",
                "–" if patch.delta_e is None else f"{patch.delta_e:.1f}",
                f"{patch.even_delta_e:.1f}",
            )
            for patch in judged
        ]
        print(table(rows, ("patch", "", "CIEDE2000", "brightness evened")))
        print()
    print(table(_summary(result)))
    measuring.notes(result.notes)


def _summary(result: ColorMeasure) -> list[tuple[str, str]]:
    rows = []
    if result.mean_delta_e is not None:
        rows.append(("CIEDE2000, mean", f"{result.mean_delta_e}, worst {result.worst_delta_e:.2f}"))
    if result.even_mean_delta_e is not None:
        rows.append(("brightness evened", f"{result.even_mean_delta_e}, worst {result.even_worst_delta_e:.2f}"))
        rows.append(("of the greys", f"{result.neutral_delta_e:.2f}, chroma off by {result.neutral_chroma:.2f}"))
    if result.white_mired is not None:
        rows.append(("white is off by", f"{result.white_mired} mired (too warm above 0), tint {result.white_tint}"))
    rows.append(("exposure, EV over a white of 1", str(result.exposure_ev)))
    if result.fit is not None:
        fit = result.fit
        rows.append(("matrices fitted, CIEDE2000", f"{fit.fitted_delta_e:.2f} of {fit.patches} patches"))
        rows.append(("patches left out of the fit", f"{fit.crossed_delta_e}, worst {fit.crossed_worst:.2f}"))
    return rows
