"""`anylens lens export`: a passport as a lens for Lensfun."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from anylens.app import mine
from anylens.app.places import guard
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens export`."""
    syntax.usage = "anylens lens export [options] PASSPORT"
    syntax.add_argument("passport", metavar="PASSPORT", help="the passport's TOML file, or its lens's name")
    syntax.add_argument("-o", "--output", metavar="XML", help="where it goes; beside the passport where not given")


def run(given: Namespace) -> int:
    """Write Lensfun's XML."""
    from anylens.files.lensfun import lensfun_text
    from anylens.files.whole import whole
    from anylens.lens import read_passport

    passport = mine.passport(given.passport)
    text = lensfun_text(read_passport(passport))
    place = Path(given.output) if given.output is not None else passport.with_suffix(".xml")
    if given.output is None:
        guard(place)
    elif place.exists() and place.samefile(passport):
        raise Usage(f"{place} is the passport itself and would be overwritten; name another place with -o")
    with whole(place) as file:
        file.write(text.encode())
    print(f"{place}; put it into ~/.local/share/lensfun for programs that use Lensfun")
    return 0
