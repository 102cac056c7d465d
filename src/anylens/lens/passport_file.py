"""A passport as the TOML file that it lives in: its text, and reading it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, TypeVar

from anylens.lens.model import Lens
from anylens.lens.passport import SCHEMA, SECTIONS, Passport, Section, positive
from anylens.record import MISSING, fields
from anylens.refusal import Refusal

LARGEST_FILE = 4 << 20
MOST_SECTIONS = 64

Record = TypeVar("Record", bound=Section)


def passport_text(passport: Passport) -> str:
    """A passport as TOML."""
    lines = [f"schema = {passport.schema}", f"body = {_toml(passport.body)}", "", "[lens]"]
    lines += _fields(passport.lens)
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
    import tomllib

    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"The passport is not TOML: {error}; correct it there.") from error
    if table.pop("schema", None) != SCHEMA:
        raise Refusal("The passport does not say schema = 1, the only one that exists; write it on its first line.")
    body, lens = table.pop("body", None), table.pop("lens", None)
    if not isinstance(body, str) or not isinstance(lens, dict):
        raise Refusal('The passport must say body = "..." and whose it is in a table [lens].')
    sections: dict[str, Any] = {}
    for name, entries in table.items():
        if name not in SECTIONS:
            raise Refusal(f"The passport has a section '{name}' that is not known; known are {', '.join(SECTIONS)}.")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise Refusal(f"The passport's section {name} must be written as tables [[{name}]].")
        if len(entries) > MOST_SECTIONS:
            raise Refusal(f"The passport has {len(entries)} sections [[{name}]], more than {MOST_SECTIONS}; thin them.")
        sections[name] = tuple(_record(SECTIONS[name], name, _newer(name, entry)) for entry in entries)
    return Passport(_lens(lens), body, **sections)


def _lens(table: dict[str, Any]) -> Lens:
    known = {each.name for each in fields(Lens)}
    _only(table, known, "[lens]")
    for name in ("maker", "model"):
        if not isinstance(table.get(name), str):
            raise Refusal(f"The passport's [lens] must say {name} as text.")
    ready = {name: _tuples(value) for name, value in table.items()}
    for name in ("focal_mm", "max_aperture"):
        value = ready.get(name)
        if value is not None and not (isinstance(value, tuple) and len(value) == 2 and all(map(positive, value))):
            raise Refusal(f"The passport's [lens] must say {name} as two numbers above 0, its ends.")
    if not isinstance(ready.get("mount", ""), str) or not positive(ready.get("close_focus_m", 1.0)):
        raise Refusal("The passport's [lens] must say mount as text and close_focus_m as metres above 0.")
    code = table.get("code", 0)
    if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code <= 63:
        raise Refusal("The passport's [lens] must say code as a whole number from 0 to 63.")
    if "code" in table:
        ready["code"] = code
    return Lens(**ready)


def _newer(name: str, table: dict[str, Any]) -> dict[str, Any]:
    """A section as it is written now: a blur's skirt used to be round, one for the whole field, around the core."""
    width: Any = table.get("skirt_um")
    error: Any = table.get("skirt_um_error")
    if name != "psf" or not positive(width) or not (error == 0 or positive(error)):
        return table
    square, unsure = width**2, 2.0 * width * error
    kept = {key: value for key, value in table.items() if key not in ("skirt_um", "skirt_um_error")}
    return {
        **kept,
        "skirt_um2": [[square], [0.0], [square]],
        "skirt_um2_error": [[unsure], [math.inf], [unsure]],
        "skirt_aside_um": [[0.0], [0.0]],
        "skirt_aside_um_error": [[math.inf], [math.inf]],
    }


def _record(kind: type[Record], name: str, table: dict[str, Any]) -> Record:
    _only(table, {each.name for each in fields(kind)}, f"[[{name}]]")
    for each in fields(kind):
        if each.name not in table and each.default is MISSING:
            raise Refusal(f"The passport's [[{name}]] does not say {each.name}; calibrate again or add it.")
    return kind(**{key: value if key == "frames" else _tuples(value) for key, value in table.items()})


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


def _only(table: dict[str, Any], known: set[str], where: str) -> None:
    strange = sorted(set(table) - known)
    if strange:
        raise Refusal(f"The entry '{strange[0]}' of {where} is not known; known are {', '.join(sorted(known))}.")


def _fields(record: Any) -> list[str]:
    pairs = [(each.name, getattr(record, each.name)) for each in fields(record)]
    return [f"{name} = {_toml(value)}" for name, value in pairs if value is not None]


def _toml(value: Any) -> str:
    if isinstance(value, str):
        import json

        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            return "[\n" + "".join(f"  {_toml(row)},\n" for row in value) + "]"
        return f"[{', '.join(map(_toml, value))}]"
    return str(value) if isinstance(value, int) else repr(float(value))
