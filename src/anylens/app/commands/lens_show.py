"""`anylens lens show`: a lens, and what it shows on a body."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anylens.app import mine
from anylens.app.quantities import distance_m, f_number, focal_mm, quantity
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage
from anylens.record import record
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.body import Body
    from anylens.lens.catalogue import Card

_STOPS = (1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0)
_FAR_M = 3.0


@record(frozen=True, slots=True)
class View:
    """What one focal length sees, and what draws alike on 36 x 24 mm; angles across, down and corner to corner."""

    focal_mm: float
    equivalent_mm: float
    equivalent_aperture: float | None
    angles_deg: tuple[float, float, float]


@record(frozen=True, slots=True)
class Stop:
    """What one f-number does: sharp from near to far within the circle of confusion, or within two pixels.

    `airy_px` is the diameter of the Airy disc, `contrast` what diffraction leaves of it (0 to 1) at the finest detail
    of pixels.
    """

    f_number: float
    near_m: float
    far_m: float
    pixel_near_m: float
    pixel_far_m: float
    hyperfocal_m: float
    airy_px: float
    contrast: float


@record(frozen=True, slots=True)
class Shown:
    """Everything that follows from a lens and a sensor; `on` and `passport` are words."""

    on: str
    size_mm: tuple[float, float]
    pitch_um: float
    crop_factor: float
    adapter_mm: float | None
    body_mount: str | None
    passport: str | None
    views: tuple[View, ...]
    diffraction_f_number: float
    distance_m: float
    circle_um: float
    focal_mm: float | None
    stops: tuple[Stop, ...]


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens show`."""
    syntax.usage = "anylens lens show [options] [NAME...]"
    syntax.add_argument("words", nargs="*", metavar="NAME", help="the lens, as summilux 50; else the mounted one")
    syntax.add_argument("--body", metavar="NAME", help="the body it is on; the one in use where not given")
    syntax.add_argument("--mode", metavar="NAME", help="how its sensor is read; the usual way where not given")
    syntax.add_argument("--sensor", metavar="WxH@UM", help="any other sensor: its size in mm and pitch, as 36x24@4.4")
    syntax.add_argument("--aperture", type=f_number, metavar="N", help="one f-number; all full stops where not given")
    syntax.add_argument(
        "--distance",
        type=distance_m,
        default=_FAR_M,
        metavar="M",
        help="what is in focus, in metres from the sensor, or inf (3)",
    )
    syntax.add_argument(
        "--focal", type=focal_mm, metavar="MM", help="one of its focal lengths; the shortest where not given"
    )
    syntax.add_argument(
        "--circle",
        type=quantity("um", 0.001, 10_000.0, "30"),
        metavar="UM",
        help="circle of confusion; a 1500th of the diagonal",
    )
    syntax.add_json()


def run(given: Namespace) -> int:
    """Show the lens."""
    name = " ".join(given.words) or mine.mine().mounted
    if name is None:
        raise Usage("no lens is named and none is mounted; name one, or see anylens lens list")
    card = mine.card(name)
    told = _shown(card, given)
    if given.json:
        from anylens.app.plain import as_json, plain

        print(as_json({"lens": card, **plain(told)}))
        return 0
    from anylens.app.table import table

    print(table([(key, value) for key, value in _lens_rows(card) + _view_rows(told) if value]))
    if told.stops:
        at = "infinity" if math.isinf(told.distance_m) else f"{told.distance_m:g} m"
        print(f"\n{told.focal_mm:g} mm focused at {at}, circle of confusion {told.circle_um:.1f} um\n")
        print(_stops_table(told.stops))
    return 0


def _shown(card: Card, given: Namespace) -> Shown:
    from anylens.lens import depth
    from anylens.lens.mounts import adapter_mm, mount

    where, size_mm, pitch_um, body = _sensor(given)
    own, there = card.lens.mount, None if body is None else body.mount
    factor, focal_mm = depth.crop_factor(size_mm), _focal(card, given.focal)
    circle_um = given.circle if given.circle is not None else 1000.0 * depth.circle_mm(size_mm)
    views = []
    for focal in card.focals_mm:
        widest = _widest(card, focal)
        equivalent = None if widest is None else widest * factor
        views.append(View(focal, focal * factor, equivalent, depth.angles_deg(focal, size_mm)))
    stops: list[Stop] = []
    if focal_mm is not None:
        numbers = _f_numbers(card, focal_mm, given.aperture)
        stops = [_stop(focal_mm, each, given.distance, circle_um, pitch_um) for each in numbers]
    return Shown(
        on=where,
        size_mm=size_mm,
        pitch_um=pitch_um,
        crop_factor=factor,
        adapter_mm=None if own is None or there is None else adapter_mm(own, there),
        body_mount=None if there is None else mount(there).name,
        passport=None if body is None else _passport(card, body),
        views=tuple(views),
        diffraction_f_number=depth.diffraction_f_number(pitch_um),
        distance_m=given.distance,
        circle_um=circle_um,
        focal_mm=focal_mm,
        stops=tuple(stops),
    )


def _stop(focal_mm: float, f_number: float, distance_m: float, circle_um: float, pitch_um: float) -> Stop:
    from anylens.lens import depth

    circle = circle_um / 1000.0
    return Stop(
        f_number,
        *depth.sharp_m(focal_mm, f_number, distance_m, circle),
        *depth.sharp_m(focal_mm, f_number, distance_m, 2.0 * pitch_um / 1000.0),
        depth.hyperfocal_m(focal_mm, f_number, circle),
        depth.airy_um(f_number) / pitch_um,
        depth.contrast(f_number, pitch_um),
    )


def _sensor(given: Namespace) -> tuple[str, tuple[float, float], float, Body | None]:
    """In words, size in mm and pitch in um, and the body or None."""
    if given.sensor is not None:
        import re

        found = re.fullmatch(r"([\d.]+)x([\d.]+)@([\d.]+)", given.sensor)
        try:
            width, height, pitch = (float(each) for each in found.groups()) if found else (0.0, 0.0, 0.0)
        except ValueError:
            width = height = pitch = 0.0
        if not (0.1 <= width <= 1000.0 and 0.1 <= height <= 1000.0 and 0.3 <= pitch <= 100.0):
            raise Usage(f"--sensor {given.sensor} is not a size in mm and a pitch in um; give it as 36x24@4.4")
        return f"a sensor of {width:g} x {height:g} mm, {pitch:g} um pixels", (width, height), pitch, None
    from anylens.app.bodies import sensor_of

    body, mode, size, pitch = sensor_of(given.body or mine.mine().body or mine.CONCEPT_PHONE, given.mode)
    words = f"{body.maker} {body.model}, {mode.name}: {size[0]:.1f} x {size[1]:.1f} mm, {pitch:g} um pixels"
    return words, size, pitch, body


def _passport(card: Card, body: Body) -> str:
    """What was measured of the lens on that body, in words."""
    from anylens.lens import find_passport
    from anylens.lens.passport import SECTIONS

    found = find_passport(card.lens, body.name)
    if found is None:
        others = sorted({each.body for each in mine.passports(card.lens).values()})
        return f"nothing was measured of it on this body{', but on ' if others else ''}{' and '.join(others)}"
    words = f"{', '.join(name for name in SECTIONS if getattr(found, name)) or 'no section'} measured"
    for mount in found.mount:
        down, right = (f"{v:.2f} ± {e:.2f}" for v, e in zip(mount.tilt_deg, mount.tilt_deg_error, strict=True))
        words += f"; its lower side stands {down} degrees nearer to the lens, its right side {right}"
    return words


def _lens_rows(card: Card) -> list[tuple[str, str]]:
    from anylens.app.commands.lens_list import code_words

    lens = card.lens
    return [
        ("Lens", card.lens.name),
        ("Name", card.name),
        ("Also called", ", ".join(card.also)),
        ("Mount", lens.mount or ""),
        ("6-bit code", code_words(card)),
        ("Nearest", "" if lens.close_focus_m is None else f"{lens.close_focus_m:g} m"),
        ("Built of", _glass(card)),
        ("Since", "" if card.year is None else str(card.year)),
        ("Order numbers", ", ".join(card.orders)),
        ("Sources", "; ".join(card.sources)),
        ("Note", card.note),
    ]


def _glass(card: Card) -> str:
    groups = "" if card.groups is None else f" in {card.groups} groups"
    return "" if card.elements is None else f"{card.elements} elements{groups}"


def _view_rows(told: Shown) -> list[tuple[str, str]]:
    from anylens.app.commands.lens_mounts import adapter_words

    rows = [("On", told.on)]
    if told.adapter_mm is not None:
        rows.append(("Mounted", f"on {told.body_mount}: {adapter_words(told.adapter_mm)}"))
    for view in told.views:
        wide = "" if view.equivalent_aperture is None else f" f/{view.equivalent_aperture:.2g}"
        across, down, corner = view.angles_deg
        same = f"as {view.equivalent_mm:.0f} mm{wide} on 36 x 24 mm"
        sees = f"sees {across:.1f} x {down:.1f} degrees, {corner:.1f} from corner to corner"
        rows.append((f"{view.focal_mm:g} mm", f"{same}; {sees}"))
    if told.passport is not None:
        rows.append(("Passport", told.passport))
    rows.append(("Diffraction", f"the Airy disc is wider than two pixels from f/{told.diffraction_f_number:.1f} on"))
    return rows


def _stops_table(stops: Sequence[Stop]) -> str:
    from anylens.app.table import table

    head = ("f/", "sharp from - to", "to 2 pixels", "hyperfocal", "Airy", "contrast left")
    rows = [
        (
            f"{stop.f_number:g}",
            _reach(stop.near_m, stop.far_m),
            _reach(stop.pixel_near_m, stop.pixel_far_m),
            _metres_words(stop.hyperfocal_m),
            f"{stop.airy_px:.1f} px",
            f"{100.0 * stop.contrast:.0f} %",
        )
        for stop in stops
    ]
    return table(rows, head)


def _reach(near: float, far: float) -> str:
    return f"{_metres_words(near)} - {'infinity' if math.isinf(far) else _metres_words(far)}"


def _metres_words(metres: float) -> str:
    return f"{metres:.0f} m" if metres >= 100.0 else f"{metres:.1f} m" if metres >= 10.0 else f"{metres:.2f} m"


def _focal(card: Card, said: float | None) -> float | None:
    span = card.lens.focal_mm
    if span is None:
        return said
    if said is not None and not span[0] <= said <= span[1]:
        raise Refusal(
            f"{card.lens.name} has no {said:g} mm; it has {' to '.join(f'{each:g}' for each in dict.fromkeys(span))}."
        )
    return said or span[0]


def _widest(card: Card, focal_mm: float) -> float | None:
    """The f-number wide open at one of its focal lengths: that of the nearer end."""
    span, wide = card.lens.focal_mm, card.lens.max_aperture
    if span is None or wide is None:
        return None
    return wide[0] if focal_mm - span[0] <= span[1] - focal_mm else wide[1]


def _f_numbers(card: Card, focal_mm: float, said: float | None) -> list[float]:
    if said is not None:
        return [said]
    widest = _widest(card, focal_mm) or 1.4
    return sorted({widest, *(stop for stop in _STOPS if stop > 1.05 * widest)})
