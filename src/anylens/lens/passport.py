"""Passport: what was measured of one lens on one body, and the TOML file that it lives in.

Coordinates are millimetres on the sensor, origin at its centre, x right, y down; maps go from the ideal place to the
observed one. What the records say of places and light is worked out in `lens/mapping.py`.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from anylens.lens.model import Lens
from anylens.refusal import Refusal

Method = Literal["chart", "flat", "photos", "edges", "design", "imported"]
Pair = tuple[float, float]
Three = tuple[float, float, float]
Lattice = tuple[tuple[float, ...], ...]

SCHEMA = 1
SHIPPED = Path(__file__).parent / "passports"
LARGEST_FILE = 4 << 20
MOST_SECTIONS = 64
MOST_POINTS = 129
PSF_TERMS = (1, 3, 6, 10, 15)
"""How many terms a polynomial of degree 0, 1, 2, 3, 4 in x and y has."""


def _figure(low: float, high: float, count: int | None = None) -> Any:
    """A measured field: a number, `count` numbers, or with `count` 0 a lattice of rows; each in its range."""
    return dataclasses.field(metadata={"low": low, "high": high, "count": count})


def _error(count: int | None = None) -> Any:
    """A standard error in the shape of its figure; infinite where nothing is known of it."""
    return dataclasses.field(metadata={"low": 0.0, "high": math.inf, "count": count})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Where and how a part of a passport was measured; raises Refusal for figures that are missing or absurd.

    It holds at `f_number` and `focus_m`, None where it does not depend on that ring. `frames` is the number of pictures
    it was fitted to, `date` is ISO 8601, `residual` the rms of what the fit left, in the unit that each section names.
    A field `x_error` is the standard error of `x`, infinite where it is not known.
    """

    f_number: float | None = None
    focus_m: float | None = None
    method: Method
    frames: int
    date: str
    residual: float = _figure(0.0, 1e6)

    def __post_init__(self) -> None:
        _check(self)

    @property
    def key(self) -> tuple[float | None, float | None]:
        """A passport has one record of each kind for each key."""
        return self.f_number, self.focus_m


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry(Section):
    """Distortion, green, ideal to observed: OpenCV's five coefficients on place / focal_mm; residual in micrometres.

    n = (ideal - centre) / focal, r2 = |n|^2, observed = centre + focal * (n (1 + k1 r2 + k2 r4 + k3 r6) + tangential).
    It was measured as far as `reach_mm` from the centre; beyond it goes on straight.
    """

    focal_mm: float = _figure(0.5, 5000.0)
    focal_mm_error: float = _error()
    centre_mm: Pair = _figure(-30.0, 30.0, 2)
    centre_mm_error: Pair = _error(2)
    radial: Three = _figure(-1e4, 1e4, 3)
    radial_error: Three = _error(3)
    tangential: Pair = _figure(-10.0, 10.0, 2)
    tangential_error: Pair = _error(2)
    reach_mm: float = _figure(0.1, 200.0)

    def __post_init__(self) -> None:
        _check(self)
        for step in range(1, 65):
            r2 = (step / 64 * self.reach_mm / self.focal_mm) ** 2
            k1, k2, k3 = self.radial
            if 1 + 3 * k1 * r2 + 5 * k2 * r2**2 + 7 * k3 * r2**3 < 0.05:
                raise Refusal(
                    f"The passport's geometry folds over {step / 64 * self.reach_mm:.1f} mm from its centre, within "
                    "its reach_mm, which no lens does; calibrate it again with a chart that reaches the corners."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Vignetting(Section):
    """Falloff of green light: observed light / light on axis; residual relative to the light on axis.

    1 + a1 r2 + a2 r4 + a3 r6 with r = millimetres from the centre / reach_mm; beyond the reach its value there holds.
    """

    centre_mm: Pair = _figure(-30.0, 30.0, 2)
    centre_mm_error: Pair = _error(2)
    radial: Three = _figure(-20.0, 20.0, 3)
    radial_error: Three = _error(3)
    reach_mm: float = _figure(0.1, 200.0)

    def __post_init__(self) -> None:
        _check(self)
        for step in range(65):
            r2 = (step / 64) ** 2
            a1, a2, a3 = self.radial
            light = 1 + a1 * r2 + a2 * r2**2 + a3 * r2**3
            if not 0.01 <= light <= 1.5:
                raise Refusal(
                    f"The passport's vignetting leaves {light:.2f} of the light {step / 64 * self.reach_mm:.1f} mm "
                    "from its centre, outside 0.01 to 1.5; calibrate it again from an evenly lit flat."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorShading(Section):
    """Colour cast over the field: observed R/G and B/G, 1 in the middle; residual relative.

    Lattices of (rows, columns) points, bilinear, their corner points at the corners of the rectangle that is
    2 half_width_mm wide and 2 half_height_mm high around the sensor's centre; beyond it its edge goes on.
    """

    half_width_mm: float = _figure(0.1, 100.0)
    half_height_mm: float = _figure(0.1, 100.0)
    red_green: Lattice = _figure(0.05, 20.0, 0)
    red_green_error: Lattice = _error(0)
    blue_green: Lattice = _figure(0.05, 20.0, 0)
    blue_green_error: Lattice = _error(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateral(Section):
    """Lateral colour: observed place of red or blue minus that of green; residual in micrometres.

    Radially from the sensor's centre r_mm (c0 + c1 s2 + c2 s4), where r_mm is the observed place of green and
    s = r_mm / reach_mm, plus a shift; beyond the reach the bracket's value there holds.
    """

    red: Three = _figure(-0.1, 0.1, 3)
    red_error: Three = _error(3)
    blue: Three = _figure(-0.1, 0.1, 3)
    blue_error: Three = _error(3)
    red_shift_mm: Pair = _figure(-0.5, 0.5, 2)
    red_shift_mm_error: Pair = _error(2)
    blue_shift_mm: Pair = _figure(-0.5, 0.5, 2)
    blue_shift_mm_error: Pair = _error(2)
    reach_mm: float = _figure(0.1, 200.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PsfField(Section):
    """The blur of the lens alone over the field, in green: a slanted elliptical core, a round skirt; residual of MTF.

    A point's light is (1 - share) of a Gaussian, whose covariance on the sensor is xx, xy, yy, and share of a round one
    of standard deviation `skirt_um`; the pixel's own square and demosaicing are not in it. The rows of `core_um2` are
    xx, xy, yy and the one row of `skirt_share` is the share: each a polynomial of x / reach_mm and y / reach_mm, with
    terms 1, x, y, xx, xy, yy, xxx ... up to degree 4, so of 1, 3, 6, 10 or 15 terms. `lens/psf.py` reads them.
    """

    reach_mm: float = _figure(0.1, 200.0)
    core_um2: Lattice = _figure(-1e6, 1e6, 0)
    core_um2_error: Lattice = _error(0)
    skirt_share: Lattice = _figure(-10.0, 10.0, 0)
    skirt_share_error: Lattice = _error(0)
    skirt_um: float = _figure(0.1, 1000.0)
    skirt_um_error: float = _error()

    def __post_init__(self) -> None:
        _check(self)
        for name, rows in (("core_um2", 3), ("skirt_share", 1)):
            lattice = getattr(self, name)
            if len(lattice) != rows or len(lattice[0]) not in PSF_TERMS:
                raise Refusal(
                    f"The passport's PsfField says {name} in {len(lattice)} x {len(lattice[0])} numbers; it has {rows} "
                    f"rows of {', '.join(map(str, PSF_TERMS))} terms; calibrate it again."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus(Section):
    """How best focus moves: with the aperture, and over the field; residual in micrometres on the sensor's side.

    `shift_mm` is best focus on the axis behind that of the lens wide open; `curvature_mm` how far best focus at
    reach_mm from the axis lies behind that on it.
    """

    shift_mm: float = _figure(-5.0, 5.0)
    shift_mm_error: float = _error()
    curvature_mm: float = _figure(-20.0, 20.0)
    curvature_mm_error: float = _error()
    reach_mm: float = _figure(0.1, 200.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount(Section):
    """How the lens sits: turned about the sensor's x and y axes, and moved aside; residual in degrees."""

    tilt_deg: Pair = _figure(-10.0, 10.0, 2)
    tilt_deg_error: Pair = _error(2)
    decentre_mm: Pair = _figure(-10.0, 10.0, 2)
    decentre_mm_error: Pair = _error(2)


@dataclass(frozen=True, slots=True)
class Passport:
    """What was measured of one lens on one body; a section that is missing is (), never zeros.

    `body` is the body's name as `Body.name` gives it.
    """

    lens: Lens
    body: str
    geometry: tuple[Geometry, ...] = ()
    vignetting: tuple[Vignetting, ...] = ()
    color: tuple[ColorShading, ...] = ()
    lateral: tuple[Lateral, ...] = ()
    psf: tuple[PsfField, ...] = ()
    focus: tuple[Focus, ...] = ()
    mount: tuple[Mount, ...] = ()
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        for name in SECTIONS:
            records = getattr(self, name)
            if len({record.key for record in records}) < len(records):
                raise Refusal(
                    f"The passport has two sections [[{name}]] for one aperture and focus; take one of them away."
                )


SECTIONS: dict[str, type[Section]] = {
    "geometry": Geometry,
    "vignetting": Vignetting,
    "color": ColorShading,
    "lateral": Lateral,
    "psf": PsfField,
    "focus": Focus,
    "mount": Mount,
}
"""The name of each section in a passport and its file, and its record."""

Record = TypeVar("Record", bound=Section)


def merged(old: Passport, new: Passport) -> Passport:
    """The old passport with what is new: a section of the same key is replaced, the others stay.

    Raises Refusal where the two are of different lenses or bodies.
    """
    if not same(new, old.lens, old.body):
        raise Refusal(
            f"The passport at hand is of {_whose(old)}, the new figures are of {_whose(new)}; write them to a file of "
            "their own."
        )
    sections: dict[str, Any] = {}
    for name in SECTIONS:
        fresh = getattr(new, name)
        keys = {record.key for record in fresh}
        kept = [record for record in getattr(old, name) if record.key not in keys]
        sections[name] = tuple(sorted([*kept, *fresh], key=_order))
    return replace(new, **sections)


def same(passport: Passport, lens: Lens, body: str) -> bool:
    """Whether a passport is of this lens on this body, by their names."""
    return _folded(passport.lens) == _folded(lens) and _plain(passport.body) == _plain(body)


def find_passport(lens: Lens, body: str) -> Passport | None:
    """The passport of a lens on a body, the user's before a shipped one, None where there is none.

    Raises Refusal where the file that ought to be it cannot be read.
    """
    name = file_name(lens, body)
    for folder in (own_passports(), SHIPPED):
        if (path := folder / name).is_file():
            return read_passport(path)
    return None


def file_name(lens: Lens, body: str) -> str:
    """What the file of a passport is called: lens and body in small letters, their words joined by hyphens."""
    words = [re.sub(r"[^a-z0-9.]+", "-", _plain(text)).strip("-.") for text in (f"{lens.maker} {lens.model}", body)]
    return f"{words[0]}--{words[1]}.toml"


def own_passports() -> Path:
    """The folder of the user's own passports, which win over the shipped ones; it may not exist."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "anylens" / "passports"


def passport_text(passport: Passport) -> str:
    """A passport as TOML."""
    lines = [f"schema = {passport.schema}", f"body = {_toml(passport.body)}", "", "[lens]"]
    lines += _fields(passport.lens)
    for name in SECTIONS:
        for record in getattr(passport, name):
            lines += ["", f"[[{name}]]", *_fields(record)]
    return "\n".join(lines) + "\n"


def write_passport(passport: Passport, path: Path) -> Path | None:
    """Write a passport whole or not at all; gives where the file that was there is kept beside it, None for none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(passport_text(passport))
            file.flush()
            os.fsync(file.fileno())
        kept = None
        if path.exists():
            kept = next(spare for spare in _spares(path) if not spare.exists())
            os.link(path, kept)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return kept


def _spares(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in itertools.count(1))


def read_passport(path: Path) -> Passport:
    """The passport that a TOML file holds; raises Refusal, which names what is missing, misspelt or absurd."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Refusal(f"{path.name} is too large to be a passport; give the TOML file that calibrating wrote.")
        text = path.read_text("utf-8")
    except OSError as error:
        raise Refusal(f"The passport {path} cannot be read: {error.strerror}; give one that is there.") from error
    except UnicodeDecodeError as error:
        raise Refusal(f"{path.name} is not text and so no passport; give the TOML file of one.") from error
    try:
        return parse_passport(text)
    except Refusal as refusal:
        raise Refusal(f"{path.name}: {refusal}") from refusal


def parse_passport(text: str) -> Passport:
    """The passport that a TOML text describes; raises Refusal as `read_passport` does."""
    import tomllib

    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
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
        sections[name] = tuple(_record(SECTIONS[name], name, entry) for entry in entries)
    return Passport(_lens(lens), body, **sections)


def _lens(table: dict[str, Any]) -> Lens:
    known = {field.name for field in dataclasses.fields(Lens)}
    _only(table, known, "[lens]")
    for name in ("maker", "model"):
        if not isinstance(table.get(name), str):
            raise Refusal(f"The passport's [lens] must say {name} as text.")
    ready = {name: _tuples(value) for name, value in table.items()}
    for name in ("focal_mm", "max_aperture"):
        value = ready.get(name)
        if value is not None and not (isinstance(value, tuple) and len(value) == 2 and all(map(_positive, value))):
            raise Refusal(f"The passport's [lens] must say {name} as two numbers above 0, its ends.")
    if not isinstance(ready.get("mount", ""), str) or not _positive(ready.get("close_focus_m", 1.0)):
        raise Refusal("The passport's [lens] must say mount as text and close_focus_m as metres above 0.")
    code = table.get("code", 0)
    if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code <= 63:
        raise Refusal("The passport's [lens] must say code as a whole number from 0 to 63.")
    if "code" in table:
        ready["code"] = code
    return Lens(**ready)


def _record(kind: type[Record], name: str, table: dict[str, Any]) -> Record:
    fields = dataclasses.fields(kind)
    _only(table, {field.name for field in fields}, f"[[{name}]]")
    for field in fields:
        if field.name not in table and field.default is dataclasses.MISSING:
            raise Refusal(f"The passport's [[{name}]] does not say {field.name}; calibrate again or add it.")
    return kind(**{key: value if key == "frames" else _tuples(value) for key, value in table.items()})


def _check(record: Section) -> None:
    """Raise Refusal, which names the figure, where a record holds one of wrong shape or outside its range."""
    where = f"The passport's {type(record).__name__}"
    for name in ("f_number", "focus_m"):
        value = getattr(record, name)
        if value is not None and not (_positive(value) and 0.1 <= value <= 1e6):
            raise Refusal(f"{where} says {name} = {value!r}, which is no such figure; correct it or leave it out.")
    if record.method not in get_args(Method):
        raise Refusal(f"{where} says method = {record.method!r}; it must be one of {', '.join(get_args(Method))}.")
    if type(record.frames) is not int or not 0 <= record.frames <= 1_000_000:
        raise Refusal(f"{where} says frames = {record.frames!r}; it must be how many pictures it was measured from.")
    if not isinstance(record.date, str) or not re.match(r"\d{4}-\d{2}-\d{2}", record.date):
        raise Refusal(f"{where} says date = {record.date!r}; write it as 2026-05-31.")
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.type == "str" and not isinstance(value, str):
            raise Refusal(f"{where} says {field.name} = {value!r}, which is not text; calibrate it again.")
        if "count" not in field.metadata:
            continue
        low, high, count = (field.metadata[key] for key in ("low", "high", "count"))
        numbers = _numbers(value, count)
        if numbers is None:
            shape = {None: "a number", 0: "rows of numbers of one length"}.get(count, f"{count} numbers")
            raise Refusal(f"{where} must say {field.name} as {shape}; calibrate it again or correct the file.")
        for number in numbers:
            if not low <= number <= high:
                raise Refusal(
                    f"{where} says {number:g} in {field.name}, outside {low:g} to {high:g}; calibrate it again."
                )
        twin = getattr(record, field.name.removesuffix("_error"))
        if count == 0 and [len(row) for row in value] != [len(row) for row in twin]:
            raise Refusal(f"{where} has {field.name} in another shape than its figures; calibrate it again.")


def _numbers(value: Any, count: int | None) -> tuple[float, ...] | None:
    """The numbers of a figure in a row, None where it does not have the shape that `count` says."""
    if count is None:
        return (value,) if _is_number(value) else None
    if not isinstance(value, tuple) or not value:
        return None
    if count:
        return value if len(value) == count and all(map(_is_number, value)) else None
    if not all(isinstance(row, tuple) for row in value) or len({len(row) for row in value}) != 1:
        return None
    flat = tuple(number for row in value for number in row)
    fits = len(value) <= MOST_POINTS and 0 < len(value[0]) <= MOST_POINTS
    return flat if fits and all(map(_is_number, flat)) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _positive(value: Any) -> bool:
    return _is_number(value) and 0 < value < math.inf


def _tuples(value: Any) -> Any:
    """TOML's lists as tuples, whole numbers as floats."""
    if isinstance(value, list):
        return tuple(_tuples(each) for each in value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _only(table: dict[str, Any], known: set[str], where: str) -> None:
    strange = sorted(set(table) - known)
    if strange:
        raise Refusal(f"The entry '{strange[0]}' of {where} is not known; known are {', '.join(sorted(known))}.")


def _fields(record: Any) -> list[str]:
    pairs = [(field.name, getattr(record, field.name)) for field in dataclasses.fields(record)]
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


def _order(record: Section) -> tuple[float, float]:
    return record.f_number or 0.0, record.focus_m or 0.0


def _whose(passport: Passport) -> str:
    return f"{passport.lens.maker} {passport.lens.model} on {passport.body}"


def _folded(lens: Lens) -> str:
    return _plain(f"{lens.maker} {lens.model}")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def nearest(
    records: Sequence[Record], f_number: float | None, focus_m: float | None
) -> tuple[tuple[float, Record], ...]:
    """The records around a setting and their weights, which add up to 1; () for no records.

    Linear in stops and in 1 / distance, held beyond the ends. Where the aperture is not known, what holds for all of
    them is taken, else the smallest aperture, whose correction is the least; where the distance is not known, infinity.
    """
    general = [record for record in records if record.f_number is None]
    keyed = sorted((record for record in records if record.f_number is not None), key=lambda r: r.f_number or 0.0)
    if f_number is None or not keyed:
        largest = keyed[-1].f_number if keyed else None
        return _by_focus(general or [record for record in keyed if record.f_number == largest], focus_m)
    stops = sorted({record.f_number for record in keyed if record.f_number is not None})
    found: list[tuple[float, Record]] = []
    for weight, stop in _between([math.log2(stop) for stop in stops], math.log2(f_number), stops):
        group = _by_focus([record for record in keyed if record.f_number == stop], focus_m)
        found += [(weight * part, record) for part, record in group]
    return tuple(found)


def _by_focus(records: Sequence[Record], focus_m: float | None) -> tuple[tuple[float, Record], ...]:
    keyed = {1.0 / record.focus_m: record for record in records if record.focus_m is not None}
    general = [record for record in records if record.focus_m is None]
    if not keyed or (focus_m is None and general):
        return tuple((1.0, record) for record in general[:1])
    near = sorted(keyed)
    wanted = 0.0 if focus_m is None else 1.0 / focus_m
    return tuple((weight, keyed[each]) for weight, each in _between(near, wanted, near))


def _between(places: list[float], wanted: float, items: list[float]) -> list[tuple[float, float]]:
    if wanted <= places[0]:
        return [(1.0, items[0])]
    for index in range(1, len(places)):
        if wanted < places[index]:
            part = (wanted - places[index - 1]) / (places[index] - places[index - 1])
            return [(1.0 - part, items[index - 1]), (part, items[index])]
    return [(1.0, items[-1])]
