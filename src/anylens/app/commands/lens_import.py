"""`anylens lens import`: Lensfun's figures, what a DNG brings along or another's passport, as one's own."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.app import measuring, mine
from anylens.app.quantities import focal_mm, pitch_um
from anylens.app.syntax import Syntax
from anylens.record import replace
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lens import Lens, Passport

_RESIDUALS = {
    **dict.fromkeys(("geometry", "lateral"), (" µm", 1.0)),
    **dict.fromkeys(("vignetting", "color"), (" %", 0.01)),
    "psf": (" of MTF", 1.0),
    "mount": ("°", 1.0),
}
"""The unit of what a section's fit left, and one of it in the passport's own."""


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens import`."""
    syntax.usage = "anylens lens import [options] NAME|FILE [--body BODY]"
    syntax.add_argument(
        "name", metavar="NAME|FILE", help="the lens as Lensfun calls it, a DNG with corrections, or a passport's .toml"
    )
    syntax.add_argument(
        "--body",
        metavar="NAME",
        help="the body that the passport is for; the one in use where not given, a file names its own",
    )
    syntax.add_argument(
        "--pitch", type=pitch_um, metavar="UM", help="distance of two pixels, where files do not say it"
    )
    syntax.add_argument(
        "--lens", metavar="NAME", help="which of the catalogue's lenses it is; Lensfun's name otherwise"
    )
    syntax.add_argument("--focal", type=focal_mm, metavar="MM", help="the focal length, for a lens that has several")
    syntax.add_argument(
        "--database", action="append", default=[], metavar="XML|DIR", help="where Lensfun's XML is, if not installed"
    )
    syntax.add_argument("-o", "--output", metavar="FILE", help="where the passport goes; among your own otherwise")


def run(given: Namespace) -> int:
    """Write the passport; a passport that is there keeps its other sections, and its old file beside it."""
    from datetime import datetime

    from anylens.files.passport_out import write_passport
    from anylens.lens import merged, read_passport
    from anylens.lens.passport import SECTIONS
    from anylens.lens.passport_place import file_name, own_passports

    today = datetime.now(UTC).date().isoformat()
    passport = _passport(given, today)
    place = own_passports() / file_name(passport.lens, passport.body) if given.output is None else Path(given.output)
    old = read_passport(place) if place.exists() else None
    whole, stays = (passport, ()) if old is None else merged(old, passport)
    kept = write_passport(whole, place)
    print(f"{place}  {passport.whose}")
    for name in SECTIONS:
        for record in (each for each in getattr(passport, name) if each in getattr(whole, name)):
            at = "" if record.f_number is None else f" at f/{record.f_number:g}"
            print(f"{name}{at}{_left(name, record.residual)}")
    if kept is not None:
        print(f"the passport that was there is {kept}")
    measuring.notes(stays)
    if not _is_passport(given.name):
        print("note: imported figures are of another copy of the lens; a calibration of yours is nearer to the truth")
    return 0


def _left(section: str, residual: float) -> str:
    unit, of_one = _RESIDUALS[section]
    return f", {residual / of_one:.2g}{unit} rms left by the fit" if residual >= 1e-3 * of_one else ""


def _passport(given: Namespace, today: str) -> Passport:
    lens = None if given.lens is None else mine.card(given.lens).lens
    if Path(given.name).suffix.lower() == ".dng":
        return _of_dng(given, lens, today)
    if _is_passport(given.name):
        return _of_passport(given, lens)
    body = given.body or mine.mine().body
    if body is None:
        raise Refusal("Lensfun's figures hold for any body; say for which one the passport is, with --body.")
    from anylens.files.lensfun import read_lensfun

    passport = read_lensfun(given.name, body, today, [Path(each) for each in given.database], given.focal)
    return replace(passport, lens=lens or passport.lens, pitch_um=given.pitch)


def _is_passport(name: str) -> bool:
    return Path(name).suffix.lower() == ".toml"


def _of_passport(given: Namespace, lens: Lens | None) -> Passport:
    from anylens.lens import read_passport

    passport = read_passport(Path(given.name))
    return replace(
        passport,
        lens=lens or passport.lens,
        body=given.body or passport.body,
        pitch_um=given.pitch or passport.pitch_um,
    )


def _of_dng(given: Namespace, lens: Lens | None, today: str) -> Passport:
    from anylens.darkroom.imported import passport_brought
    from anylens.files import read

    facts = read(Path(given.name)).facts
    lens = lens or facts.lens
    body = given.body or (None if facts.body is None else facts.body.name)
    if lens is None or body is None:
        missing = "lens" if lens is None else "body"
        raise Refusal(f"{given.name} does not name its {missing}; say it with --{missing}.")
    if given.pitch is not None:
        facts = replace(facts, sensor=replace(facts.sensor, pitch_um=given.pitch))
    return passport_brought(facts, lens, body, today)
