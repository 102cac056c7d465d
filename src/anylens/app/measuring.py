"""What the commands of the lab have in common: files in; tables, JSON and pictures out."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anylens.app import voice
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lab import Specimen
    from anylens.lab.texture import Leaves

Found = TypeVar("Found")


def files_and_outcome(syntax: Syntax, name: str, picture: str) -> None:
    """The arguments that every measure has."""
    syntax.usage = f"anylens lab {name} [options] FILE..."
    syntax.add_files("files", "raws, DNGs, or finished JPEG, PNG or TIFF pictures; or folders of raws")
    syntax.add_json()
    syntax.add_sensor()
    syntax.add_argument("--picture", metavar="FILE", help=picture)


def seen(path: str, sensor: str | None = None, keep: Callable[[Specimen], Specimen] = lambda each: each) -> Specimen:
    """One file as the lab sees it; a Refusal names the file."""
    from anylens.lab import specimen

    try:
        return keep(specimen(path, sensor))
    except Refusal as error:
        raise Refusal(voice.sentence(error, Path(path))) from error


def turns(text: str | None) -> list[float] | None:
    """The degrees of --turn, None where it was not given; Usage for anything else."""
    try:
        degrees = None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        degrees = [math.nan]
    if degrees is not None and not all(map(math.isfinite, degrees)):
        raise Usage(f"--turn takes degrees as 0,90,180, not {text}")
    return degrees


def leaves_option(syntax: Syntax) -> None:
    """How a chart of dead leaves was made, for whatever measures texture."""
    help_text = "how a chart of dead leaves was made: radii of its smallest and largest discs in the picture"
    syntax.add_argument("--leaves", metavar="PX,PX", help=help_text)


def leaves(text: str) -> Leaves:
    """The chart that --leaves tells of; Usage where it is not two numbers."""
    from anylens.lab.texture import Leaves

    try:
        smallest, largest = (float(each) for each in text.split(","))
    except ValueError:
        raise Usage(f"--leaves {text} is not two numbers with a comma between; write 1.5,450") from None
    return Leaves(smallest, largest)


def place(name: str | None, *suffixes: str) -> Path | None:
    """Where a result is to be written, None where none is; Usage, before anything is measured, where it cannot be."""
    if name is None:
        return None
    path = Path(name)
    if path.suffix.lower() not in suffixes:
        raise Usage(f"{name} cannot be written, as this command writes {' or '.join(suffixes)}; change the name")
    if not path.parent.is_dir():
        raise Usage(f"{name} cannot be written because {path.parent} is not a folder; make it or choose another")
    return path


def marked(given: Namespace, *others: str | None) -> Path | None:
    """Where the picture that --picture marks is to be written, of the one file that is given, apart from `others`."""
    picture = place(given.picture, ".png", ".jpg", ".jpeg")
    apart(given.files, given.picture, *others)
    if picture is not None and len(given.files) > 1:
        raise Usage("--picture marks one file, but several are given; measure them one by one")
    return picture


def apart(files: Sequence[str], *outcomes: str | None) -> None:
    """Usage where a file to be measured would be written over, or two results share one name."""
    wanted = [name for name in outcomes if name is not None]
    sources = {str(Path(file).resolve()) for file in files}
    for name in wanted:
        if str(Path(name).resolve()) in sources:
            raise Usage(f"{name} is one of the files to measure and would be overwritten; choose another name")
    if len({str(Path(name).resolve()) for name in wanted}) < len(wanted):
        raise Usage("two results would be written to one file; give them different names")


def keep(path: Path, data: bytes | str) -> None:
    """Write a result whole or not at all."""
    from anylens.files.whole import whole

    with whole(path) as file:
        file.write(data.encode("utf-8") if isinstance(data, str) else data)


def keep_picture(path: Path, pixels: Any) -> None:
    """Write (H, W, 3) uint8 as PNG or JPEG."""
    from anylens.files.shown import encode_shown

    keep(path, encode_shown(pixels, path.suffix))


def as_json(name: str, results: Sequence[Any]) -> str:
    """One JSON object for programs."""
    from anylens.app import plain

    return plain.as_json({"measure": name, "results": results})


def each(
    files: Sequence[str], measure: Callable[[str], Found], wanted: Path | None = None
) -> Iterator[tuple[str, Found]]:
    """Each file with what was measured of it; why one was not is said as `why` has it, and it is passed over."""
    for file in files:
        try:
            found = measure(file)
        except Exception as error:
            voice.complain(why(error, wanted, file))
            continue
        yield file, found


def why(error: Exception, wanted: Path | None, source: str) -> str:
    """Why a file was not measured.

    Of a chart that was not found a picture of what was seen is written, to `wanted` or a name of its own, and named.
    """
    from anylens.lab.samples import NoChart

    said = voice.sentence(error, Path(source))
    if not isinstance(error, NoChart):
        return said
    place = wanted if wanted is not None else Path(f"{Path(source).stem}-looked.png")
    keep_picture(place, error.seen)
    return f"{said} ({place} shows what was seen)"


def notes(lines: Sequence[str]) -> None:
    """Print what was assumed, each once."""
    for line in dict.fromkeys(lines):
        print(f"note: {voice.one_line(line)}")
