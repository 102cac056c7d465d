"""Passport: what was measured of one lens on one body; `lens/passport_file.py` reads and writes it as TOML.

Coordinates are millimetres on the sensor, origin at its centre, x right, y down; maps go from the ideal place to the
observed one. What the records say of places and light is worked out in `lens/mapping.py`.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal, get_args

from anylens.lens.model import Lens, plain
from anylens.record import MISSING, field, fields, record, replace
from anylens.refusal import Refusal

Method = Literal["chart", "flat", "photos", "edges", "design", "imported"]
Pair = tuple[float, float]
Three = tuple[float, float, float]
Lattice = tuple[tuple[float, ...], ...]

MOST_POINTS = 129
PSF_TERMS = (1, 3, 6, 10, 15)
"""How many terms a polynomial of degree 0, 1, 2, 3, 4 in x and y has."""
_SURE: dict[Method, int] = {"imported": 0, "design": 0, "photos": 1}
"""How sure figures are by how they came about; what was measured of a chart, a flat or edges is surest."""
_AS_GOOD = 1.5
_LEAST_ERROR, _MOST_ERROR = 1e-12, 1e6
_SAME_SIZE = 0.02
"""By how much of a side a camera's own JPEG and raw, or two programs' ideas of its border, differ at most."""
PSF_ROWS = {"core_um2": 3, "skirt_share": 1, "skirt_um2": 3, "skirt_aside_um": 2}
"""The lattices of a `PsfField`, and their rows."""


def _figure(low: float, high: float, count: int | None = None, default: Any = MISSING) -> Any:
    """A measured field: a number, `count` numbers, or with `count` 0 a lattice of rows; each in its range."""
    return field(default=default, metadata={"low": low, "high": high, "count": count})


def _error(count: int | None = None) -> Any:
    """A standard error in the shape of its figure; infinite where nothing is known of it."""
    return field(metadata={"low": 0.0, "high": math.inf, "count": count})


@record(frozen=True, slots=True, kw_only=True)
class Origin:
    """How a part of a passport was measured: by which `method`, from how many `frames`, on which ISO 8601 `date`.

    It holds at `f_number` and `focus_m`, None where it does not depend on that ring. Sections check what it says.
    """

    f_number: float | None = None
    focus_m: float | None = None
    method: Method
    frames: int
    date: str

    @property
    def named(self) -> dict[str, Any]:
        """Its fields by name, as sections of that origin take them."""
        return {each.name: getattr(self, each.name) for each in fields(Origin)}


@record(frozen=True, slots=True, kw_only=True)
class Section(Origin):
    """A part of a passport and its origin; raises Refusal for figures that are missing or absurd.

    `residual` is the rms of what the fit left, in the unit that each section names. A field `x_error` is the standard
    error of `x`, infinite where it is not known.
    """

    residual: float = _figure(0.0, 1e6)

    def __post_init__(self) -> None:
        _check(self)

    @property
    def key(self) -> tuple[float | None, float | None]:
        """A passport has one record of each kind for each key."""
        return self.f_number, self.focus_m


@record(frozen=True, slots=True, kw_only=True)
class Geometry(Section):
    """Distortion, green, ideal to observed: OpenCV's five coefficients on place / focal_mm; residual in micrometres.

    n = (ideal - centre) / focal, r2 = |n|^2, observed = centre + focal * (n (1 + k1 r2 + k2 r4 + k3 r6) + tangential).
    It is known as far as `reach_mm` from the centre, of ideal places; beyond it goes on straight.
    """

    focal_mm: float = _figure(0.5, 5000.0)
    focal_mm_error: float = _error()
    centre_mm: Pair = _figure(-30.0, 30.0, 2)
    centre_mm_error: Pair = _error(2)
    radial: Three = _figure(-1e12, 1e12, 3)
    radial_error: Three = _error(3)
    tangential: Pair = _figure(-10.0, 10.0, 2)
    tangential_error: Pair = _error(2)
    reach_mm: float = _figure(0.1, 200.0)

    def __post_init__(self) -> None:
        _check(self)
        for step in range(1, 65):
            r2 = (step / 64 * self.reach_mm / self.focal_mm) ** 2
            k1, k2, k3 = self.radial
            grown = 1 + 3 * k1 * r2 + 5 * k2 * r2**2 + 7 * k3 * r2**3
            if not 0.05 <= grown <= 20.0:
                folds = "folds over" if grown < 0.05 else "tears apart"
                raise Refusal(
                    f"The passport's geometry {folds} {step / 64 * self.reach_mm:.1f} mm from its centre, within "
                    "its reach_mm, which no lens does; calibrate it again with a chart that reaches the corners."
                )


@record(frozen=True, slots=True, kw_only=True)
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


@record(frozen=True, slots=True, kw_only=True)
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


@record(frozen=True, slots=True, kw_only=True)
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


@record(frozen=True, slots=True, kw_only=True)
class PsfField(Section):
    """The blur of the lens alone over the field, in green: a core, and a skirt aside of it; residual of MTF.

    A point's light is (1 - share) of a slanted Gaussian, whose covariance on the sensor is the core's xx, xy, yy, and
    share of a wider skirt, whose middle lies `skirt_aside_um` x, y from the core's: coma draws light to one side. The
    skirt leaves (1 + tail q) ^ (-1 / tail) of a wave, q = 2 pi^2 f' skirt f for f cycles: with `skirt_tail` 0 it is a
    Gaussian, with 1 its lines fall exponentially; either way its covariance is that of `skirt_um2`. The pixel's own
    square and demosaicing are not in it. Each row, xx, xy, yy of `core_um2` and `skirt_um2`, the one of `skirt_share`,
    x, y of `skirt_aside_um`, is a polynomial of x / reach_mm and y / reach_mm, with terms 1, x, y, xx, xy, yy, xxx ...
    up to degree 4, so of 1, 3, 6, 10 or 15 terms. `lens/psf.py` reads them.
    """

    reach_mm: float = _figure(0.1, 200.0)
    core_um2: Lattice = _figure(-1e6, 1e6, 0)
    core_um2_error: Lattice = _error(0)
    skirt_share: Lattice = _figure(-10.0, 10.0, 0)
    skirt_share_error: Lattice = _error(0)
    skirt_um2: Lattice = _figure(-1e6, 1e6, 0)
    skirt_um2_error: Lattice = _error(0)
    skirt_aside_um: Lattice = _figure(-1e3, 1e3, 0)
    skirt_aside_um_error: Lattice = _error(0)
    skirt_tail: float = _figure(0.0, 1.0, default=0.0)

    def __post_init__(self) -> None:
        _check(self)
        for name, rows in PSF_ROWS.items():
            lattice = getattr(self, name)
            if len(lattice) != rows or len(lattice[0]) not in PSF_TERMS:
                raise Refusal(
                    f"The passport's PsfField says {name} in {len(lattice)} x {len(lattice[0])} numbers; it has {rows} "
                    f"rows of {', '.join(map(str, PSF_TERMS))} terms; calibrate it again."
                )


@record(frozen=True, slots=True, kw_only=True)
class Mount(Section):
    """How the lens sits: turned about the sensor's x and y axes, and moved aside; residual in degrees."""

    tilt_deg: Pair = _figure(-10.0, 10.0, 2)
    tilt_deg_error: Pair = _error(2)
    decentre_mm: Pair = _figure(-10.0, 10.0, 2)
    decentre_mm_error: Pair = _error(2)


@record(frozen=True, slots=True)
class Passport:
    """What was measured of one lens on one body; a section that is missing is (), never zeros.

    `body` is the body's name as `Body.name` gives it; `pitch_um` and `size_px` (width, height) are of the pictures that
    it was measured from, None where nobody told them.
    """

    lens: Lens
    body: str
    geometry: tuple[Geometry, ...] = ()
    vignetting: tuple[Vignetting, ...] = ()
    color: tuple[ColorShading, ...] = ()
    lateral: tuple[Lateral, ...] = ()
    psf: tuple[PsfField, ...] = ()
    mount: tuple[Mount, ...] = ()
    pitch_um: float | None = None
    size_px: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in SECTIONS:
            records = getattr(self, name)
            if len({record.key for record in records}) < len(records):
                raise Refusal(
                    f"The passport has two sections [[{name}]] for one aperture and focus; take one of them away."
                )

    @property
    def whose(self) -> str:
        """The lens and the body."""
        return f"{self.lens.name} on {self.body}"

    @property
    def focal_mm(self) -> float | None:
        """The focal length that its figures hold at; None for a zoom where it was not told."""
        shortest, longest = self.lens.focal_mm or (0.0, 0.0)
        return shortest if shortest == longest > 0.0 else None

    def pitch_of(self, shape: tuple[int, int]) -> float | None:
        """The distance of pixels in um of a picture (height, width) that does not tell it; None for one of other size.

        Many cameras' raws do not say it, and a smaller picture may be cropped or resized. Upright or not is alike.
        """
        pairs = zip(sorted(shape), sorted(self.size_px or shape), strict=True)
        return self.pitch_um if all(abs(side - known) <= _SAME_SIZE * known for side, known in pairs) else None


SECTIONS: dict[str, type[Section]] = {
    "geometry": Geometry,
    "vignetting": Vignetting,
    "color": ColorShading,
    "lateral": Lateral,
    "psf": PsfField,
    "mount": Mount,
}
"""The name of each section in a passport and its file, and its record."""


def merged(old: Passport, new: Passport) -> tuple[Passport, tuple[str, ...]]:
    """The old passport with what is new, and a sentence for each section that stays though it was measured again.

    Of two sections of one key the newer counts, since lenses and adapters change, unless the older one is of a surer
    kind or its errors are smaller by more than _AS_GOOD. Raises Refusal where the two are of different lenses or
    bodies.
    """
    if not same(new, old.lens, old.body):
        raise Refusal(
            f"The passport at hand is of {old.whose}, the new figures are of {new.whose}; write them to a file of "
            "their own."
        )
    if new.focal_mm and old.focal_mm and not same_focal(new.focal_mm, old.focal_mm):
        raise Refusal(
            f"The passport at hand is of {old.focal_mm:g} mm, the new figures are of {new.focal_mm:g} mm; write them "
            "to a file of their own."
        )
    sections: dict[str, Any] = {} if new.focal_mm or not old.focal_mm else {"lens": old.lens}
    stays: list[str] = []
    for name in SECTIONS:
        chosen = {each.key: each for each in getattr(old, name)}
        for each in getattr(new, name):
            before = chosen.get(each.key)
            why = None if before is None else _worse(before, each)
            if before is None or why is None:
                chosen[each.key] = each
                continue
            at = "" if each.f_number is None else f" at f/{each.f_number:g}"
            stays.append(
                f"The {name}{at} of {before.date}, by {before.method}, stays: the new one {why}; write it to a "
                "file of its own to have it all the same."
            )
        sections[name] = tuple(sorted(chosen.values(), key=_order))
    if new.pitch_um is None:
        sections |= {"pitch_um": old.pitch_um, "size_px": old.size_px}
    return replace(new, **sections), tuple(stays)


def _worse(old: Section, new: Section) -> str | None:
    """Why the newer of two sections is not to be taken, None where it is."""
    surer = [_SURE.get(each.method, len(_SURE)) for each in (old, new)]
    if surer[0] != surer[1]:
        return f"is by {new.method}, which is less sure" if surer[0] > surer[1] else None
    times = _errs(new) / _errs(old)
    return f"errs {times:.2g} times as much" if times > _AS_GOOD else None


def _errs(record: Section) -> float:
    """The geometric mean of a section's errors, each figure's as rms; what is not known is as the most known."""
    squares = []
    for each in fields(record):
        if each.name.endswith("_error"):
            numbers = _numbers(getattr(record, each.name), each.metadata["count"]) or ()
            squares.append(sum(min(number, _MOST_ERROR) ** 2 for number in numbers) / len(numbers))
    return math.exp(sum(math.log(max(each, _LEAST_ERROR**2)) for each in squares) / (2 * len(squares)))


def same_focal(one_mm: float, other_mm: float) -> bool:
    """Whether two focal lengths are one setting of a zoom's ring, which stands by hand."""
    return one_mm / 1.1 < other_mm < 1.1 * one_mm


def same(passport: Passport, lens: Lens, body: str) -> bool:
    """Whether a passport is of this lens on this body, by their names."""
    return _folded(passport.lens) == _folded(lens) and plain(passport.body) == plain(body)


def _check(record: Section) -> None:
    """Raise Refusal, which names the figure, where a record holds one of wrong shape or outside its range."""
    where = f"The passport's {type(record).__name__}"
    for name in ("f_number", "focus_m"):
        value = getattr(record, name)
        if value is not None and not (_is_number(value) and 0.1 <= value <= 1e6):
            raise Refusal(f"{where} says {name} = {value!r}, which is no such figure; correct it or leave it out.")
    if record.method not in get_args(Method):
        raise Refusal(f"{where} says method = {record.method!r}; it must be one of {', '.join(get_args(Method))}.")
    if type(record.frames) is not int or not 0 <= record.frames <= 1_000_000:
        raise Refusal(f"{where} says frames = {record.frames!r}; it must be how many pictures it was measured from.")
    if not isinstance(record.date, str) or not re.match(r"\d{4}-\d{2}-\d{2}", record.date):
        raise Refusal(f"{where} says date = {record.date!r}; write it as 2026-05-31.")
    for each in fields(record):
        value = getattr(record, each.name)
        if each.type == "str" and not isinstance(value, str):
            raise Refusal(f"{where} says {each.name} = {value!r}, which is not text; calibrate it again.")
        if "count" not in each.metadata:
            continue
        low, high, count = (each.metadata[key] for key in ("low", "high", "count"))
        numbers = _numbers(value, count)
        if numbers is None:
            shape = {None: "a number", 0: "rows of numbers of one length"}.get(count, f"{count} numbers")
            raise Refusal(f"{where} must say {each.name} as {shape}; calibrate it again or correct the file.")
        for number in numbers:
            if not low <= number <= high:
                raise Refusal(
                    f"{where} says {number:g} in {each.name}, outside {low:g} to {high:g}; calibrate it again."
                )
        twin = getattr(record, each.name.removesuffix("_error"))
        if count == 0 and [len(row) for row in value] != [len(row) for row in twin]:
            raise Refusal(f"{where} has {each.name} in another shape than its figures; calibrate it again.")


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


def _order(record: Section) -> tuple[float, float]:
    return record.f_number or 0.0, record.focus_m or 0.0


def _folded(lens: Lens) -> str:
    return plain(f"{lens.maker} {lens.model}")
