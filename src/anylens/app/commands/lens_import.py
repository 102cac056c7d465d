"""`anylens lens import`: a lens of Lensfun's database as a passport."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from anylens.app import mine
from anylens.app.syntax import Syntax


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens import`."""
    syntax.usage = "anylens lens import [options] NAME --body BODY"
    syntax.add_argument("name", metavar="NAME", help="the lens as Lensfun calls it")
    syntax.add_argument("--body", required=True, metavar="NAME", help="the body that the passport is for")
    syntax.add_argument(
        "--lens", metavar="NAME", help="which of the catalogue's lenses it is; Lensfun's name otherwise"
    )
    syntax.add_argument("--focal", type=float, metavar="MM", help="the focal length, for a lens that has several")
    syntax.add_argument(
        "--database", action="append", default=[], metavar="XML|DIR", help="where Lensfun's XML is, if not installed"
    )
    syntax.add_argument("-o", "--output", metavar="FILE", help="where the passport goes; among your own otherwise")


def run(given: Namespace) -> int:
    """Write the passport; a passport that is there keeps its other sections, and its old file beside it."""
    from datetime import datetime

    from anylens.files.lensfun import read_lensfun
    from anylens.files.passport_out import write_passport
    from anylens.lens import merged, read_passport
    from anylens.lens.passport import SECTIONS
    from anylens.lens.passport_place import file_name, own_passports

    today = datetime.now(UTC).date().isoformat()
    passport = read_lensfun(given.name, given.body, today, [Path(each) for each in given.database], given.focal)
    if given.lens is not None:
        passport = replace(passport, lens=mine.card(given.lens).lens)
    place = own_passports() / file_name(passport.lens, given.body) if given.output is None else Path(given.output)
    old = read_passport(place) if place.exists() else None
    kept = write_passport(passport if old is None else merged(old, passport), place)
    print(f"{place}  {passport.lens.maker} {passport.lens.model} on {passport.body}")
    for name in SECTIONS:
        for record in getattr(passport, name):
            at = "" if record.f_number is None else f" at f/{record.f_number:g}"
            left = f", {record.residual:.2g} um rms left by the fit" if record.residual > 1e-3 else ""
            print(f"{name}{at}{left}")
    if kept is not None:
        print(f"the passport that was there is {kept}")
    print("note: figures of Lensfun are of another copy of the lens; a calibration of yours is nearer to the truth")
    return 0
