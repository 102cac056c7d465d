"""The commands: develop, info, looks, doctor."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anylens.app import voice
from anylens.app.places import places
from anylens.app.voice import Usage
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from rich.table import Table

    from anylens.app.developing import Developed
    from anylens.darkroom import Option, Recipe

ALL_GOOD, SOME_FAILED, BAD_USAGE, STOPPED = 0, 1, 2, 130

program = typer.Typer(
    name="anylens",
    help="Camera software for any lens: raw in, photo out.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code; whatever goes wrong is one line on stderr."""
    voice.quiet_libraries()
    try:
        given = list(arguments) or ["--help"]
        code = typer.main.get_command(program).main(args=given, prog_name="anylens", standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = STOPPED
    except BrokenPipeError:
        _close_stdout()
        return SOME_FAILED
    except (Usage, Refusal) as error:
        voice.complain(voice.sentence(error))
        return BAD_USAGE
    except Exception as error:
        format_message: Callable[[], str] | None = getattr(error, "format_message", None)
        if format_message is None:
            voice.complain(voice.sentence(error))
            return SOME_FAILED
        context = getattr(error, "ctx", None)
        said = format_message().replace("Value error, ", "").rstrip(".")
        command = context.command_path if context is not None else "anylens"
        voice.complain(voice.one_line(f"{said}; see {command} --help"))
        return BAD_USAGE
    if code == STOPPED:
        voice.complain("stopped; photos written so far are whole, the others were not begun or left nothing behind")
    return int(code or ALL_GOOD)


@program.callback(invoke_without_command=True)
def _program(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        from anylens import __version__

        print(f"anylens {__version__}")
        raise typer.Exit(ALL_GOOD)
    if context.invoked_subcommand is None:
        raise Usage("no command is given; see anylens --help")


@program.command()
def develop(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Raw files, each of them one photo.")],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE|DIR", help="Where the photo goes; beside the raw where not given."
        ),
    ] = None,
    look: Annotated[str | None, typer.Option(metavar="NAME", help="A look; anylens looks lists them.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="FILE|PHOTO", help="A look or recipe of your own, or a photo to develop in the same way."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="STAGE.FIELD=VALUE", help="Change one field; may be given several times."),
    ] = None,
    until: Annotated[
        Literal["mosaic", "scene", "photo"],
        typer.Option(help="Stop early: mosaic writes a DNG, scene a float32 TIFF in linear Rec. 2020."),
    ] = "photo",
    inspect: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write every intermediate there as a picture.")
    ] = None,
    sensor: Annotated[
        str | None, typer.Option(metavar="TOML", help="What the sensor is, for a file that does not say.")
    ] = None,
    size: Annotated[int | None, typer.Option(metavar="N", help="Longest side of the photo in pixels.")] = None,
    timed: Annotated[
        bool, typer.Option("--time", help="Run the stages one by one and say how long each took.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Develop raw files into photos."""
    from anylens.app.developing import Failed, Job, develop_files, steps_of

    sources = [Path(file) for file in files]
    planned = places(sources, output, until)
    chosen = _recipe(look, recipe, settings or (), size)
    _check(sources[0], sensor)
    folders = _inspection(sources, inspect)
    named = output is not None and planned == [Path(output)]
    jobs = [Job(*each, named=named, timed=timed) for each in zip(sources, planned, folders, strict=True)]
    done: list[Developed] = []
    failed: list[Failed] = []
    with _progress(len(jobs) * steps_of(chosen)) as (advance, say, complain):
        for outcome in develop_files(jobs, chosen, until, sensor, advance):
            if isinstance(outcome, Failed):
                failed.append(outcome)
                complain(outcome.why)
            else:
                done.append(outcome)
                if not as_json and len(jobs) > 1:
                    say(f"{outcome.source} -> {outcome.place}  {_size(outcome)}, {outcome.seconds:.2f} s")
    if as_json:
        from anylens.app.facts import plain

        print(json.dumps({"developed": plain(done), "failed": plain(failed)}, indent=2, ensure_ascii=False))
    elif len(jobs) == 1 and done:
        _tell(done[0])
    elif len(jobs) > 1:
        print(f"{len(done)} of {len(jobs)} developed")
        for note in sorted({f"{outcome.source.name}: {note}" for outcome in done for note in outcome.notes}):
            print(f"note: {note}")
    return SOME_FAILED if failed else ALL_GOOD


@program.command()
def info(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Raw files.")],
    sensor: Annotated[
        str | None, typer.Option(metavar="TOML", help="What the sensor is, for a file that does not say.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Show all facts of raw files."""
    from anylens import Scene, read
    from anylens.app.facts import plain, words

    if sensor is not None:
        _check(Path(files[0]), sensor)
    told: list[dict[str, Any]] = []
    code = ALL_GOOD
    for file in files:
        try:
            image = read(file, sensor=sensor)
        except Exception as error:
            voice.complain(voice.sentence(error, Path(file)))
            code = SOME_FAILED
            continue
        if as_json:
            told.append({"file": file, "kind": type(image).__name__.lower(), "facts": plain(image.facts)})
        else:
            print(file)
            _print_table(_rows(words(image.facts, linear=isinstance(image, Scene))))
    if as_json:
        print(json.dumps({"files": told}, indent=2, ensure_ascii=False))
    return code


@program.command()
def looks() -> int:
    """List the looks, and the stages and fields that --set can change."""
    from anylens import darkroom

    _print_table(_rows(list(darkroom.looks().items())))
    print("\nAny of them can be changed with --set:\n")
    _print_table(_rows([(f"{held.stage}.{held.field}", _range(held)) for held in darkroom.options()]))
    return ALL_GOOD


@program.command()
def doctor() -> int:
    """Show what this installation is made of and what is missing."""
    from anylens.app.doctor import missing, parts

    rows = parts()
    _print_table(_rows(rows))
    for name, good_for, install in missing():
        print(f"{name} is not installed; with it you could {good_for}: {install}")
    return SOME_FAILED if any(state.startswith("missing") for _, state in rows) else ALL_GOOD


def _range(option: Option) -> str:
    if option.choices:
        return f"{' or '.join(option.choices)}, usually {option.default}"
    if option.low is None or option.high is None:
        return f"{option.type}, usually {option.default}"
    return f"{option.low:g} to {option.high:g}, usually {option.default:g}"


def _recipe(look: str | None, recipe: str | None, settings: Sequence[str], size: int | None) -> Recipe:
    """The recipe that the options ask for; Refusal or Usage before any photo is touched."""
    from anylens import darkroom
    from anylens.files import recipe_text

    if look is not None and recipe is not None:
        raise Usage("--look and --recipe are both given but each is a whole recipe; choose one of them")
    if recipe is not None:
        try:
            chosen = darkroom.parse(recipe_text(Path(recipe)))
        except (OSError, Refusal) as error:
            raise Usage(voice.sentence(error, Path(recipe))) from None
    else:
        chosen = darkroom.look(look) if look is not None else darkroom.default_recipe()
    if size is not None:
        settings = [*settings, f"Size.longest_px={size}"]
    for setting in settings:
        chosen = darkroom.adjust(chosen, setting)
    return chosen


def _check(source: Path, sensor: str | None) -> None:
    """Raise Refusal for a sensor file or an instruction set that would fail every photo."""
    from anylens.files import bare
    from anylens.kernels.library import instruction_set

    instruction_set()
    if sensor is not None:
        bare.find_sheet(source, sensor)


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


@contextmanager
def _progress(total: int) -> Iterator[tuple[Callable[[], None], Callable[[str], None], Callable[[str], None]]]:
    """(advance, say, complain): a bar on stderr where that is a terminal, and lines that do not tear it."""
    if not sys.stderr.isatty():
        yield (lambda: None), print, voice.complain
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    columns = (TextColumn("developing"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("", total=total)

        def above(line: str) -> None:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

        say = above if sys.stdout.isatty() else print
        yield (lambda: bar.advance(task)), say, (lambda line: above(f"anylens: {line}"))


def _tell(outcome: Developed) -> None:
    print(f"{outcome.place}  {_size(outcome)}")
    _print_table(_steps(outcome))
    for note in outcome.notes:
        print(f"note: {note}")
    if outcome.pictures:
        print(f"{len(outcome.pictures)} pictures of the way in {outcome.pictures[0].parent}")


def _size(outcome: Developed) -> str:
    return f"{outcome.width_px} x {outcome.height_px} px"


def _steps(outcome: Developed) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_footer=True)
    table.add_column("stage", no_wrap=True, footer="all")
    table.add_column("what it did", overflow="fold", style="dim")
    table.add_column("time", justify="right", no_wrap=True, footer=f"{1000 * outcome.seconds:.0f} ms")
    for step in outcome.steps:
        settings = ", ".join(f"{name} = {value}" for name, value in step.settings.items())
        does = f"{step.does} ({settings})" if settings else step.does
        time = "" if step.seconds is None else f"{1000 * step.seconds:.0f} ms"
        table.add_row(step.stage, Text(voice.one_line(does)), time)
    return table


def _rows(rows: Sequence[tuple[str, str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(voice.one_line(value)))
    return table


def _print_table(table: Table) -> None:
    from rich.console import Console

    Console(highlight=False).print(table)


def _close_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
