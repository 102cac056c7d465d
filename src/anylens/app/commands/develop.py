"""`anylens develop`: raw files into photos."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.app import voice
from anylens.app.by_hand import lens_options, said_in
from anylens.app.places import SUFFIXES, places
from anylens.app.quantities import whole
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage
from anylens.record import replace
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.app.developing import Developed, Job
    from anylens.app.watching import Watch
    from anylens.darkroom import Recipe, Way
    from anylens.darkroom.glass import Choice


WAYS: dict[str, tuple[Way, ...]] = {
    "Merge": ("night", "hdr", "displayed"),
    "Resolve": ("night",),
    "Stack": ("displayed",),
}
"""What the facts of a burst may choose besides plain, by the stage that merges it."""


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens develop`."""
    syntax.usage = "anylens develop [options] FILE..."
    syntax.add_files("files", "raw files or folders of them, each raw one photo")
    syntax.add_argument(
        "-o", "--output", metavar="FILE|DIR", help="where the photo goes; beside the raw where not given"
    )
    syntax.add_argument("--look", metavar="NAME", help="a look; anylens looks lists them")
    syntax.add_argument(
        "--recipe", metavar="FILE|PHOTO", help="a look or recipe of your own, or a photo to develop in the same way"
    )
    syntax.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="STAGE.FIELD=VALUE",
        help="change one field; may be given several times",
    )
    syntax.add_argument(
        "--until",
        choices=list(SUFFIXES),
        default="photo",
        help="stop early: mosaic writes a DNG, scene a float32 TIFF in linear Rec. 2020",
    )
    syntax.add_argument("--inspect", metavar="DIR", help="write every intermediate there as a picture")
    syntax.add_sensor()
    lens_options(syntax)
    syntax.add_argument(
        "--passport",
        default="find",
        metavar="FILE|none",
        help="the lens's passport, found by lens and body otherwise; with none only the file's own gain maps even out",
    )
    syntax.add_argument(
        "--watch",
        action="store_true",
        help="warn where a raw contradicts the lens's passport, or all together tell that the lens sits askew",
    )
    syntax.add_argument("--size", type=whole(1, 65535, "2048"), metavar="N", help="longest side of the photo in pixels")
    syntax.add_argument("--time", action="store_true", help="run the stages one by one and say how long each took")
    syntax.add_argument(
        "--mode",
        choices=["auto", "full", "binned"],
        default="auto",
        help="of a quad-Bayer sensor all pixels, or each four of one colour joined; auto is full where noise is low",
    )
    syntax.add_argument("--no-darks", action="store_true", help="take no dark frame off, even where one fits")
    syntax.add_json()
    _burst_options(syntax)


def _burst_options(syntax: Syntax) -> None:
    bursts = syntax.add_argument_group("bursts")
    bursts.add_argument("--burst", action="store_true", help="all files become one photo")
    bursts.add_argument(
        "--merge",
        choices=["auto", "robust", "mean", "night", "hdr", "focus", "super"],
        default="auto",
        help="how a burst becomes a photo: robust merges where frames agree, mean everywhere; night and hdr are "
        "robust and treat the light as such; auto looks at the facts, and says what it chose; "
        "focus takes each place from the frame that shows it sharpest; super makes twice the width and height",
    )
    bursts.add_argument(
        "--reference", default="sharpest", metavar="WHICH", help="a burst's reference: sharpest, first, or its number"
    )
    bursts.add_argument(
        "--map",
        metavar="PNG",
        help="write as a picture how many frames each pixel of a burst got, or whose it is in a focus stack",
    )


def run(given: Namespace) -> int:
    """Develop every file; 1 where one failed."""
    from anylens.app.developing import Failed, develop_files

    jobs = _jobs(given)
    done: list[Developed] = []
    failed: list[Failed] = []
    with voice.progress("developing", sum(job.steps for job in jobs)) as bar:
        for outcome in develop_files(jobs, bar.advance):
            if isinstance(outcome, Failed):
                failed.append(outcome)
                bar.complain(outcome.why)
                continue
            done.append(outcome)
            if not given.json and len(jobs) > 1:
                bar.say(f"{outcome.source} -> {outcome.place}  {_size(outcome)}, {outcome.seconds:.2f} s")
    askew = [] if jobs[0].watch is None else jobs[0].watch.together()
    if given.json:
        from anylens.app.plain import as_json

        print(as_json({"developed": done, "failed": failed, "askew": askew}))
    else:
        _tell(done, len(jobs), askew)
    return int(bool(failed))


def _jobs(given: Namespace) -> list[Job]:
    """What is to become a photo, the first file being read already; Usage or Refusal where it cannot be meant."""
    from anylens.app.developing import Job, reading

    frames = _frames(given)
    sources = [_burst_name(frames)] if given.burst else [Path(file) for file in given.files]
    planned = places(sources, given.output, given.until)
    _spare(frames, planned)
    folders = _inspection(sources, given.inspect)
    image = None if frames else reading(sources[0], given.sensor)
    passport = _passport(given.passport)
    alike = Job(
        sources[0],
        planned[0],
        _recipes(given),
        given.until,
        given.sensor,
        named=given.output is not None and planned == [Path(given.output)],
        frames=frames,
        said=said_in(given, passport=None if isinstance(passport, str) else passport),
        passport=passport,
        watch=_watch(given.watch),
        mode=given.mode,
        darks=not given.no_darks,
        map=None if given.map is None else Path(given.map),
        timed=given.time,
    )
    _check(sources[0], given.sensor)
    first, *others = (
        replace(alike, source=source, place=place, inspect=folder)
        for source, place, folder in zip(sources, planned, folders, strict=True)
    )
    return [replace(first, image=image), *others]


def _watch(asked: bool) -> Watch | None:
    if not asked:
        return None
    from anylens.app.watching import Watch

    return Watch()


def _frames(given: Namespace) -> tuple[Path, ...]:
    """The files of a burst, () where each file is a photo of its own; Usage for options that only a burst has."""
    if not given.burst:
        for option, usual in (("merge", "auto"), ("reference", "sharpest"), ("map", None)):
            if getattr(given, option) != usual:
                raise Usage(f"--{option} is about the frames of a burst; add --burst to make one photo of all files")
        return ()
    if given.merge == "super" and given.until == "mosaic":
        raise Usage("--merge super makes a scene, there is no mosaic on its way; ask --until scene or photo")
    if given.map is not None and Path(given.map).suffix.lower() != ".png":
        raise Usage(f"{given.map} cannot hold the map of frames, which is written as .png; name such a file")
    return tuple(map(Path, given.files))


def _burst_name(frames: Sequence[Path]) -> Path:
    """A burst's photo is named after its first frame."""
    return frames[0].with_name(f"{frames[0].stem}-burst{frames[0].suffix}")


def _spare(frames: Sequence[Path], planned: Sequence[Path]) -> None:
    for place in planned:
        if place.exists() and any(frame.exists() and place.samefile(frame) for frame in frames):
            raise Usage(f"{place} is one of the frames and would be overwritten; name another place with -o")


def _merging(given: Namespace, chosen: Recipe) -> list[str]:
    """What --mode, --merge and --reference set in the recipe that was chosen; auto leaves its way as it is."""
    if given.mode != "auto" and (given.merge in ("focus", "super") or type(chosen.merge).__name__ != "Merge"):
        raise Usage(
            f"--mode {given.mode} is not for focus stacks and super-resolution, which join pixels; leave one out"
        )
    mode = [] if given.mode == "auto" else [f"Merge.mode={given.mode}"]
    if not given.burst:
        return mode
    if given.merge == "focus":
        return [f"Stack.reference={_reference(given)}"]
    stage = "Resolve" if given.merge == "super" else "Merge"
    settings = [f"{stage}.robustness={float(given.merge != 'mean')}"]
    if given.merge == "auto":
        stage, settings = type(chosen.merge).__name__, []
    settings += mode
    return settings if given.reference == "sharpest" else [*settings, f"{stage}.reference={_reference(given)}"]


def _reference(given: Namespace) -> int:
    """What --reference says as a number; 0 leaves it to merging."""
    if given.reference == "sharpest":
        return 0
    number = "1" if given.reference == "first" else given.reference
    if not number.isdecimal() or int(number) == 0:
        raise Usage(f"--reference {given.reference} is neither sharpest, first nor a frame's number; give one of them")
    return int(number)


def _recipes(given: Namespace) -> dict[Way, Recipe]:
    """The recipe for each way that the facts of a burst may choose, or the only one, as plain.

    A recipe of the user's own is left as it is unless a way is asked for.
    """
    from anylens.darkroom import in_way

    chosen = _chosen(given.look, given.recipe)
    settings = [*_merging(given, chosen), *given.settings]
    if given.size is not None:
        settings.append(f"Size.longest_px={given.size}")
    if given.burst and given.merge == "hdr":
        return {"plain": _adjusted(in_way(chosen, given.merge), settings)}
    plain = _adjusted(in_way(chosen, "night") if given.burst and given.merge == "night" else chosen, settings)
    ways: tuple[Way, ...] = ()
    if given.burst and given.recipe is None:
        ways = WAYS.get(type(plain.merge).__name__, ())
        if given.merge in ("robust", "mean", "night"):
            ways = tuple(way for way in ways if way == "displayed")
    return {"plain": plain, **{way: _adjusted(in_way(chosen, way), settings) for way in ways}}


def _chosen(look: str | None, recipe: str | None) -> Recipe:
    """The look or recipe that the options name; Refusal or Usage before any photo is touched."""
    from anylens import darkroom

    if look is not None and recipe is not None:
        raise Usage("--look and --recipe are both given but each is a whole recipe; choose one of them")
    if recipe is not None:
        from anylens.files import recipe_text

        try:
            chosen = darkroom.parse(recipe_text(Path(recipe)))
        except (OSError, Refusal) as error:
            raise Usage(voice.sentence(error, Path(recipe))) from None
    else:
        chosen = darkroom.look(look) if look is not None else darkroom.default_recipe()
    return chosen


def _adjusted(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    from anylens import darkroom

    for setting in settings:
        recipe = darkroom.adjust(recipe, setting)
    return recipe


def _check(source: Path, sensor: str | None) -> None:
    """Raise Refusal for a sensor file or an instruction set that would fail every photo."""
    from anylens.kernels.library import instruction_set

    instruction_set()
    if sensor is not None:
        from anylens.files.bare import find_sheet

        find_sheet(source, sensor)


def _passport(said: str) -> Choice:
    """The passport that --passport names; Refusal where its file is none."""
    if said in ("none", "find"):
        return "none" if said == "none" else "find"
    from anylens.lens import read_passport

    return read_passport(Path(said))


def _inspection(sources: Sequence[Path], inspect: str | None) -> list[Path | None]:
    if inspect is None:
        return [None] * len(sources)
    folder = Path(inspect)
    if folder.exists() and not folder.is_dir():
        raise Usage(f"{inspect} is a file where a folder for pictures should be; choose another for --inspect")
    if len(sources) == 1:
        return [folder]
    if len({source.stem for source in sources}) < len(sources):
        raise Usage("two of the files have the same name, so their pictures would mix; inspect them one by one")
    return [folder / source.stem for source in sources]


def _tell(done: Sequence[Developed], asked: int, askew: Sequence[str]) -> None:
    """One photo stage by stage; of several how many there are and what is to be noted of each."""
    notes: list[str] = []
    if asked > 1:
        print(f"{len(done)} of {asked} developed")
        notes = sorted({f"{outcome.source.name}: {note}" for outcome in done for note in outcome.notes})
    elif done:
        print(f"{done[0].place}  {_size(done[0])}\n{_steps(done[0])}")
        notes = [*done[0].notes]
    for note in (*notes, *askew):
        print(f"note: {note}")
    if asked == 1 and done and done[0].pictures:
        print(f"{len(done[0].pictures)} pictures of the way in {done[0].pictures[0].parent}")


def _size(outcome: Developed) -> str:
    return f"{outcome.width_px} x {outcome.height_px} px"


def _steps(outcome: Developed) -> str:
    from anylens.app.table import table

    rows = []
    for step in outcome.steps:
        settings = ", ".join(f"{name} = {value}" for name, value in step.settings.items())
        does = f"{step.does} ({settings})" if settings else step.does
        rows.append((step.stage, does, "" if step.seconds is None else _milliseconds(step.seconds)))
    return table(rows, head=("stage", "what it did", "time"), foot=("all", "", _milliseconds(outcome.seconds)))


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
