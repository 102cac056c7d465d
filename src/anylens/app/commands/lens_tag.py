"""`anylens lens tag`: write the lens into files that are there already."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.app import voice
from anylens.app.by_hand import lens_options, said_in
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.files.tagging import Tagged
    from anylens.lens import Lens


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens tag`."""
    syntax.usage = "anylens lens tag [options] FILE..."
    syntax.add_argument(
        "files", nargs="+", metavar="FILE", help="DNG, JPEG, TIFF or .xmp; any other file gets an .xmp beside it"
    )
    lens_options(syntax)
    syntax.add_argument("--body", metavar="NAME", help="the body, for files that do not tell how large their sensor is")
    syntax.add_json()


def run(given: Namespace) -> int:
    """Tag every file; 1 where one failed."""
    from anylens.app.by_hand import single_focal
    from anylens.files.tagging import tag
    from anylens.lens import Setting

    said = said_in(given, kept=False)
    if said is None:
        raise Usage("nothing is said of the lens; name it with --lens, or its ring with --aperture")
    factor = None if given.body is None else _factor(given.body)
    setting = Setting("hand", said.f_number, said.focal_mm or single_focal(said.lens), said.focus_m)
    done: list[Tagged] = []
    failed: list[dict[str, str]] = []
    for file in map(Path, given.files):
        try:
            done.append(tag(file, said.lens, setting, factor))
        except Refusal as error:
            why = voice.sentence(error, file)
            failed.append({"source": str(file), "why": why})
            voice.complain(why)
            continue
        if not given.json:
            print(_line(done[-1], said.lens))
    if given.json:
        from anylens.app.plain import as_json

        print(as_json({"tagged": done, "failed": failed}))
    return int(bool(failed))


def _line(tagged: Tagged, lens: Lens | None) -> str:
    before = f", was {tagged.was}" if lens is not None and tagged.was not in ("", lens.model) else ""
    return f"{tagged.place}  {tagged.was if lens is None else lens.model}{before}"


def _factor(name: str) -> float:
    from anylens.app.bodies import sensor_of
    from anylens.lens.depth import crop_factor

    _, _, size_mm, _ = sensor_of(name)
    return crop_factor(size_mm)
