"""A passport as the TOML file that it lives in: its text, and reading it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from anylens import toml
from anylens.lens.model import Lens, parse_lens
from anylens.lens.passport import SECTIONS, Passport, Section
from anylens.record import MISSING, fields
from anylens.refusal import Refusal

LARGEST_FILE = 4 << 20
MOST_SECTIONS = 64


def passport_text(passport: Passport) -> str:
    """A passport as TOML."""
    pixels = {"pitch_um": passport.pitch_um, "size_px": passport.size_px}
    lines = ["schema = 1", f"body = {toml.quoted(passport.body)}", *_entries(pixels.items())]
    lines += ["", "[lens]", *_fields(passport.lens)]
    for name in SECTIONS:
        for record in getattr(passport, name):
            lines += ["", f"[[{name}]]", *_fields(record)]
    return "\n".join(lines) + "\n"


def read_passport(path: Path) -> Passport:
    """The passport that a TOML file holds; raises Refusal, which names what is missing, misspelt or absurd."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Refusal(f"{path} is too large to be a passport; give the TOML file that calibrating wrote.")
        text = path.read_text("utf-8")
    except OSError as error:
        raise Refusal(f"The passport {path} cannot be read: {error.strerror}; give one that is there.") from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is not text and so no passport; give the TOML file of one.") from error
    try:
        return parse_passport(text)
    except Refusal as refusal:
        raise Refusal(f"{path}: {refusal}") from refusal


def parse_passport(text: str) -> Passport:
    """The passport that a TOML text describes; raises Refusal as `read_passport` does."""
    table = toml.read(text, "the passport", {"body", "pitch_um", "size_px", "lens", *SECTIONS})
    lens = table.table("lens", {each.name for each in fields(Lens)})
    if lens is None:
        raise table.must("whose it is", "a table [lens]")
    code = lens.whole("code", 0, 63) if "code" in lens else None
    sections: dict[str, Any] = {}
    for name, kind in SECTIONS.items():
        held = table.tables(name, {each.name for each in fields(kind)})
        if len(held) > MOST_SECTIONS:
            raise Refusal(f"The passport has {len(held)} sections [[{name}]], more than {MOST_SECTIONS}; thin them.")
        sections[name] = tuple(_record(kind, name, each.entries) for each in held)
    pitch_um = table.number("pitch_um", 0.3, 100.0) if "pitch_um" in table else None
    sides = [int(side) for side in table.numbers("size_px", 2)] if "size_px" in table else None
    if sides is not None and min(sides) < 1:
        raise table.must("size_px", "a width and a height in pixels")
    size_px = None if sides is None else (sides[0], sides[1])
    return Passport(parse_lens(lens, code), table.text("body"), **sections, pitch_um=pitch_um, size_px=size_px)


def _record(kind: type[Section], name: str, entries: dict[str, Any]) -> Section:
    for each in fields(kind):
        if each.name not in entries and each.default is MISSING:
            raise Refusal(f"The passport's [[{name}]] does not say {each.name}; calibrate again or add it.")
    return kind(**{key: value if key == "frames" else _tuples(value) for key, value in entries.items()})


def _tuples(value: Any) -> Any:
    """TOML's lists as tuples, whole numbers as floats."""
    if isinstance(value, list):
        return tuple(_tuples(each) for each in value)
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _fields(record: Any) -> list[str]:
    return _entries((each.name, getattr(record, each.name)) for each in fields(record))


def _entries(pairs: Iterable[tuple[str, Any]]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in pairs if value is not None]


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return toml.quoted(value)
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            return "[\n" + "".join(f"  {_toml(row)},\n" for row in value) + "]"
        return f"[{', '.join(map(_toml, value))}]"
    return str(value) if isinstance(value, int) else repr(float(value))
