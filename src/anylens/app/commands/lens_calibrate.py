"""`anylens lens calibrate`: a lens's passport from pictures of flats, charts, or anything."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from anylens.app import measuring, mine, voice
from anylens.app.quantities import distance_m, f_number, focal_mm, pitch_um
from anylens.app.syntax import Syntax
from anylens.app.table import table
from anylens.app.voice import Usage
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lab.calibrate import Calibrated, Pictures
    from anylens.lab.calibrate_files import Given
    from anylens.lab.specimen import Specimen
    from anylens.lens import Lens

Found = TypeVar("Found")


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens calibrate`."""
    syntax.usage = "anylens lens calibrate NAME [options]"
    syntax.add_argument("name", metavar="NAME", help="the lens: of the catalogue, or as its passport shall name it")
    syntax.add_files("--flat", "raws of a blank, evenly lit surface; here and below folders stand for their files")
    syntax.add_files("--chart", "a ChArUco board or chessboard from several sides")
    syntax.add_files("--edges", "raws of slanted edges over the field")
    syntax.add_files("--photos", "ordinary raws at one aperture: a slow pan; for blur walls of bricks or posters")
    syntax.add_argument("--body", metavar="BODY", help="the camera, where the files do not name it")
    syntax.add_argument("--aperture", type=f_number, metavar="N", help="f-number, where the files do not say it")
    syntax.add_argument(
        "--distance", type=distance_m, metavar="M", help="what is in focus, in metres, where they do not say it"
    )
    syntax.add_argument("--focal", type=focal_mm, metavar="MM", help="focal length, where the files do not say it")
    syntax.add_argument("--pitch", type=pitch_um, metavar="UM", help="distance of two pixels, where they do not say it")
    syntax.add_argument("--turn", metavar="DEG,...", help="how the camera was turned clockwise for each flat")
    syntax.add_sensor()
    syntax.add_argument(
        "-o", "--output", metavar="TOML", help="the passport to make or to add to; else among your own passports"
    )
    syntax.add_argument("-r", "--report", metavar="HTML", help="a page of all that was measured")
    syntax.add_json()


def run(given: Namespace) -> int:
    """Measure, then write the passport; 1 where a picture was left aside."""
    from anylens.files.passport_out import write_passport
    from anylens.lab.calibrate import calibrate
    from anylens.lab.calibrate_files import Given, body_and_pitch
    from anylens.lens import read_passport
    from anylens.lens.passport_place import file_name, own_passports

    files = [*given.flat, *given.chart, *given.edges, *given.photos]
    if not files:
        raise Usage("there is nothing to calibrate from; give --flat, --chart, --edges or --photos and their pictures")
    turns = measuring.turns(given.turn)
    if turns is not None and len(turns) != len(given.flat):
        raise Usage(f"--turn has {len(turns)} numbers for {len(given.flat)} flats; give one for each, in their order")
    place = measuring.place(given.output, ".toml")
    page = measuring.place(given.report, ".html", ".htm")
    measuring.apart(files, given.output, given.report)
    said = Given(given.body, given.aperture, given.distance, given.focal, given.pitch)
    lens, pictures, aside = _measured(given, said, turns)
    if place is None:
        place = own_passports() / file_name(lens, body_and_pitch(pictures.seen(said))[0])
    old = read_passport(place) if place.exists() else None
    result = calibrate(lens, said, pictures, old)
    kept = write_passport(result.passport, place)
    if page is not None:
        from anylens.lab.report.passport import passport_page

        measuring.keep(page, passport_page(result))
    if given.json:
        print(measuring.as_json("calibrate", [{"passport": result.passport, "file": str(place),
                                               "unknown": result.unknown, "next_picture": result.next_picture,
                                               "notes": result.notes}]))  # fmt: skip
    else:
        _tell(result, place, kept)
    return int(bool(aside))


def _measured(given: Namespace, said: Given, turns: list[float] | None) -> tuple[Lens, Pictures, int]:
    """The lens as the files name it, what is kept of each file, and how many charts were left aside."""
    from anylens.lab.calibrate import Pictures
    from anylens.lab.calibrate_edges import edge_view
    from anylens.lab.calibrate_photos import photo_view
    from anylens.lab.calibrate_views import chart_view
    from anylens.lens import Lens

    lens = mine.lens(given.name)
    if lens is None:
        lens = Lens("", given.name, None if given.focal is None else (given.focal, given.focal))
    with voice.progress("measuring", len(given.flat) + len(given.chart) + len(given.edges) + len(given.photos)) as bar:
        files = _Files(lens, given.sensor, bar)
        flats = files.measured(given.flat, lambda each: each)
        _told(given, said, flats)
        charts = files.measured(given.chart, lambda each: chart_view(each, said), leave=True)
        edges = files.measured(given.edges, lambda each: edge_view(each, said))
        photos = files.measured(given.photos, lambda each: photo_view(each, said))
    if given.chart and not charts:
        raise Refusal(
            "No chart was measured in any of the pictures; print that of anylens lens chart and show it whole, sharp "
            "and evenly lit."
        )
    return files.lens, Pictures(flats, turns, charts, edges, photos), len(given.chart) - len(charts)


class _Files:
    """Measures files two at a time, so that twenty need no more memory, and learns what they tell of the lens."""

    def __init__(self, lens: Lens, sensor: str | None, bar: voice.Bar) -> None:
        self.lens, self._sensor, self._bar = lens, sensor, bar

    def measured(
        self, files: Sequence[str], measure: Callable[[Specimen], Found], *, leave: bool = False
    ) -> list[Found]:
        """What was measured of each; a Refusal of one is raised, or with `leave` said, and the file left aside."""
        found = []
        pool = ThreadPoolExecutor(2)
        try:
            tasks = [pool.submit(self._one, file, measure) for file in files]
            for file, task in zip(files, tasks, strict=True):
                try:
                    told, each = task.result()
                except Refusal as error:
                    why = measuring.why(error, None, file)
                    if not leave:
                        raise Refusal(why) from error
                    self._bar.complain(voice.one_line(f"left aside: {why}"))
                else:
                    self.lens = _named(told, self.lens)
                    found.append(each)
                self._bar.advance()
        finally:
            pool.shutdown(cancel_futures=True)
        return found

    def _one(self, file: str, measure: Callable[[Specimen], Found]) -> tuple[Lens | None, Found]:
        specimen = measuring.seen(file, self._sensor)
        return None if specimen.facts is None else specimen.facts.lens, measure(specimen)


def _named(told: Lens | None, lens: Lens) -> Lens:
    """All that a file knows of the lens, where it names the same."""
    if told is None:
        return lens
    names = {told.model.casefold(), f"{told.maker} {told.model}".strip().casefold()}
    return told if lens.model.casefold() in names else lens


def _told(given: Namespace, said: Given, flats: Sequence[Specimen]) -> None:
    """Refuse where neither a file nor a word tells the body or the pitch, before charts are searched for long.

    Files are read until one tells both; one that cannot be read says so when it is measured.
    """
    from anylens.lab.calibrate_files import body_and_pitch, seen, unfinished

    files = [seen(unfinished(each, "flat"), said) for each in flats]
    for file in [*given.chart, *given.edges, *given.photos]:
        if any(each.body for each in files) and any(each.pitch_um for each in files):
            return
        try:
            specimen = measuring.seen(file, given.sensor)
        except Refusal:
            continue
        files.append(seen(specimen if file in given.chart else unfinished(specimen, "edges"), said))
    if files:
        body_and_pitch(files)


def _tell(result: Calibrated, place: Path, kept: Path | None) -> None:
    from anylens.lab.report.passport import passport_rows

    passport = result.passport
    print(f"{passport.whose}\n")
    print(table(passport_rows(passport)))
    measuring.notes(result.notes)
    for sentence in result.unknown:
        print(f"unknown: {sentence}")
    print(f"the picture that would help most: {result.next_picture}")
    print(f"\n{place}" + ("" if kept is None else f"  (the one before is kept as {kept})"))
