"""`anylens lens calibrate`: a lens's passport from pictures of flats, charts, or anything."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from anylens.app import measuring, mine, voice
from anylens.app.quantities import distance_m, f_number, focal_mm, pitch_um
from anylens.app.syntax import Syntax
from anylens.app.table import table
from anylens.app.voice import Usage
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from concurrent.futures import Future

    from anylens.lab.calibrate import Calibrated, PhotoView, View
    from anylens.lab.calibrate_edges import EdgeView
    from anylens.lab.calibrate_files import Given
    from anylens.lab.specimen import Specimen
    from anylens.lens import Lens, Passport

Found = TypeVar("Found")


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens calibrate`."""
    syntax.usage = "anylens lens calibrate NAME [--flat|--chart|--edges|--photos FILE...]..."
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
    from anylens.lab.calibrate_files import Given, body_and_pitch, seen
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
    measuring.apart(Namespace(files=files), given.output, given.report)
    said = Given(given.body, given.aperture, given.distance, given.focal, given.pitch)
    lens, flats, views, edges, photos, aside = _measured(given, said)
    old: Passport | None = None
    if place is None:
        others: list[View | EdgeView | PhotoView] = [*views, *edges, *photos]
        told = [*(seen(each, said) for each in flats), *(each.facts for each in others)]
        place = own_passports() / file_name(lens, body_and_pitch(told)[0])
    if place.exists():
        old = read_passport(place)
    result = calibrate(lens, said, flats, views, old, turns, edges, photos)
    kept = write_passport(result.passport, place)
    if page is not None:
        from anylens.lab.report.passport import passport_page

        measuring.keep(page, passport_page(result))
    if given.json:
        print(measuring.as_json("calibrate", [{"passport": result.passport, "file": str(place),
                                               "unknown": result.unknown, "next_picture": result.next_picture,
                                               "notes": result.notes}]))  # fmt: skip
        return int(bool(aside))
    _tell(result, place, kept)
    return int(bool(aside))


def _measured(
    given: Namespace, said: Given
) -> tuple[Lens, list[Specimen], list[View], list[EdgeView], list[PhotoView], int]:
    """The lens and all files; of charts and photos two are read at a time, so that twenty need no more memory."""
    from anylens.lab.calibrate import photo_view, view
    from anylens.lab.calibrate_edges import edge_view
    from anylens.lab.samples import NoChart
    from anylens.lens import Lens

    flats: list[Specimen] = []
    views: list[View] = []
    edges: list[EdgeView] = []
    photos: list[PhotoView] = []
    aside = 0
    lens = mine.lens(given.name)
    if lens is None:
        lens = Lens("", given.name, None if given.focal is None else (given.focal, given.focal))
    with voice.progress("measuring", len(given.flat) + len(given.chart) + len(given.edges) + len(given.photos)) as bar:
        for file in given.flat:
            flats.append(measuring.seen(file, given.sensor))
            lens = _named(flats[-1], lens)
            bar.advance()
        _told(given, said, flats)
        charts = _two_at_once(given.chart, given, lens, lambda each: view(each, said))
        for file, chart in zip(given.chart, charts, strict=True):
            try:
                told, found = chart.result()
                lens = told or lens
                views.append(found)
            except Refusal as error:
                aside += 1
                bar.complain(voice.one_line(f"left aside: {measuring.why(error, None, file)}"))
            bar.advance()
        for file in given.edges:
            specimen = measuring.seen(file, given.sensor)
            lens = _named(specimen, lens)
            try:
                edges.append(edge_view(specimen, said))
            except NoChart as error:
                raise Refusal(measuring.why(error, None, file)) from error
            bar.advance()
        for photo in _two_at_once(given.photos, given, lens, lambda each: photo_view(each, said)):
            told, shown = photo.result()
            lens = told or lens
            photos.append(shown)
            bar.advance()
    if given.chart and not views:
        raise Refusal(
            "No chart was measured in any of the pictures; print that of anylens lens chart and show it whole, sharp "
            "and evenly lit."
        )
    return lens, flats, views, edges, photos, aside


def _two_at_once(
    files: Sequence[str], given: Namespace, lens: Lens, measure: Callable[[Specimen], Found]
) -> Iterator[Future[tuple[Lens | None, Found]]]:
    """Of each file in order what it tells of the lens, None for nothing new, and what was measured of it."""
    from concurrent.futures import ThreadPoolExecutor

    def one(file: str) -> tuple[Lens | None, Found]:
        specimen = measuring.seen(file, given.sensor)
        named = _named(specimen, lens)
        return None if named is lens else named, measure(specimen)

    pool = ThreadPoolExecutor(2)
    try:
        yield from [pool.submit(one, file) for file in files]
    finally:
        pool.shutdown(cancel_futures=True)


def _named(specimen: Specimen, lens: Lens) -> Lens:
    """All that a file knows of the lens, where it names the same."""
    told = None if specimen.facts is None else specimen.facts.lens
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
