"""Opcode lists of the DNG specification 1.7.1, chapter 7: bytes to typed records."""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Sequence

from anylens.record import fields, record, replace
from anylens.refusal import Refusal

MOST_OPCODES = 256


@record(frozen=True, slots=True)
class Area:
    """The pixels and planes that an opcode touches: rows `top` to `bottom`, each `row_pitch`-th; columns likewise."""

    top: int
    left: int
    bottom: int
    right: int
    plane: int
    planes: int
    row_pitch: int
    column_pitch: int


@record(frozen=True, slots=True)
class GainMap:
    """Gains over the image, (points_v, points_h, map_planes) row by row in `gains`.

    Spacings and origins are relative to the image's height and width.
    """

    area: Area
    points_v: int
    points_h: int
    spacing_v: float
    spacing_h: float
    origin_v: float
    origin_h: float
    map_planes: int
    gains: tuple[float, ...]


@record(frozen=True, slots=True)
class MapTable:
    """A table over 16-bit values; values beyond its end take its last entry."""

    area: Area
    table: tuple[int, ...]


@record(frozen=True, slots=True)
class MapPolynomial:
    """A polynomial over values from 0 to 1, coefficients from the constant upwards."""

    area: Area
    coefficients: tuple[float, ...]


@record(frozen=True, slots=True)
class WarpRectilinear:
    """Radial (r0, r1, r2, r3) and tangential (t0, t1) terms by plane around a relative centre (x, y)."""

    planes: tuple[tuple[float, float, float, float, float, float], ...]
    center: tuple[float, float]


@record(frozen=True, slots=True)
class FixVignetteRadial:
    """Gain 1 + k0 r^2 + k1 r^4 + ... + k4 r^10 around a relative centre (x, y)."""

    k: tuple[float, float, float, float, float]
    center: tuple[float, float]


@record(frozen=True, slots=True)
class Opcode:
    """One entry of a list; `record` is None for one that is not known here, whose bytes stay in `parameters`."""

    number: int
    version: tuple[int, int, int, int]
    optional: bool
    preview_only: bool
    parameters: bytes
    record: GainMap | MapTable | MapPolynomial | WarpRectilinear | FixVignetteRadial | None


NAMES = {
    1: "WarpRectilinear",
    2: "WarpFisheye",
    3: "FixVignetteRadial",
    4: "FixBadPixelsConstant",
    5: "FixBadPixelsList",
    6: "TrimBounds",
    7: "MapTable",
    8: "MapPolynomial",
    9: "GainMap",
    10: "DeltaPerRow",
    11: "DeltaPerColumn",
    12: "ScalePerRow",
    13: "ScalePerColumn",
    14: "WarpRectilinear2",
}


def parse(data: bytes) -> tuple[Opcode, ...]:
    """The opcodes of a list as it stands in a DNG (big-endian), b"" for none; raises Refusal where it is damaged."""
    if not data:
        return ()
    if len(data) < 4:
        raise _damaged("ends early")
    (count,) = struct.unpack(">I", data[:4])
    if count > MOST_OPCODES:
        raise _damaged(f"claims {count} opcodes")
    found: list[Opcode] = []
    at = 4
    for _ in range(count):
        if at + 16 > len(data):
            raise _damaged("ends early")
        number, a, b, c, d, flags, size = struct.unpack(">I4BII", data[at : at + 16])
        parameters = data[at + 16 : at + 16 + size]
        if len(parameters) < size:
            raise _damaged("ends early")
        try:
            record = _record(number, parameters)
        except (struct.error, OverflowError) as error:
            raise _damaged(f"has a {NAMES.get(number, number)} that ends early") from error
        found.append(Opcode(number, (a, b, c, d), bool(flags & 1), bool(flags & 2), bytes(parameters), record))
        at += 16 + size
    return tuple(found)


def packed(records: Sequence[GainMap | WarpRectilinear | FixVignetteRadial]) -> bytes:
    """A list of opcodes as it stands in a DNG, b"" for none; each may be left out by a reader that does not know it."""
    return _joined(
        [Opcode(number, (1, 3, 0, 0), True, False, told, None) for number, told in map(_parameters, records)]
    )


def cleared(data: bytes, numbers: Collection[int]) -> bytes:
    """A list without the opcodes of these numbers, the others as they are; b"" of a damaged one, which says nothing."""
    try:
        return _joined([each for each in parse(data) if each.number not in numbers])
    except Refusal:
        return b""


def moved_as_green(data: bytes) -> bytes:
    """A list that moves all colours as it moved green, the rest as it is: lateral colour was undone before.

    b"" of a damaged one, which says nothing.
    """
    try:
        return _joined([_moved_as_green(each) for each in parse(data)])
    except Refusal:
        return b""


def _moved_as_green(opcode: Opcode) -> Opcode:
    warp = opcode.record
    if not isinstance(warp, WarpRectilinear) or len(warp.planes) < 3:
        return opcode
    _, told = _parameters(WarpRectilinear(warp.planes[1:2], warp.center))
    return replace(opcode, parameters=told)


def _joined(opcodes: Sequence[Opcode]) -> bytes:
    entries = [
        struct.pack(">I4BII", each.number, *each.version, each.optional | each.preview_only << 1, len(each.parameters))
        + each.parameters
        for each in opcodes
    ]
    return struct.pack(">I", len(entries)) + b"".join(entries) if entries else b""


def _parameters(record: GainMap | WarpRectilinear | FixVignetteRadial) -> tuple[int, bytes]:
    if isinstance(record, WarpRectilinear):
        terms = [term for plane in record.planes for term in plane]
        return 1, struct.pack(f">I{len(terms) + 2}d", len(record.planes), *terms, *record.center)
    if isinstance(record, FixVignetteRadial):
        return 3, struct.pack(">7d", *record.k, *record.center)
    area = struct.pack(">8I", *(getattr(record.area, each.name) for each in fields(record.area)))
    lies = (record.points_v, record.points_h, record.spacing_v, record.spacing_h, record.origin_v, record.origin_h)
    return 9, area + struct.pack(f">2I4dI{len(record.gains)}f", *lies, record.map_planes, *record.gains)


def _record(
    number: int, data: bytes
) -> GainMap | MapTable | MapPolynomial | WarpRectilinear | FixVignetteRadial | None:
    if number == 9:
        area, rest = _area(data)
        points_v, points_h, spacing_v, spacing_h, origin_v, origin_h, planes = struct.unpack(">2I4dI", rest[:44])
        count = points_v * points_h * planes
        if not 0 < count <= len(rest[44:]) // 4:
            raise _damaged("has a GainMap without its gains")
        gains = _finite(struct.unpack(f">{count}f", rest[44 : 44 + 4 * count]))
        spacing_v, spacing_h, origin_v, origin_h = _finite((spacing_v, spacing_h, origin_v, origin_h))
        return GainMap(area, points_v, points_h, spacing_v, spacing_h, origin_v, origin_h, planes, gains)
    if number == 7:
        area, rest = _area(data)
        (count,) = struct.unpack(">I", rest[:4])
        if not 0 < count <= min(65536, len(rest[4:]) // 2):
            raise _damaged("has a MapTable without its entries")
        return MapTable(area, struct.unpack(f">{count}H", rest[4 : 4 + 2 * count]))
    if number == 8:
        area, rest = _area(data)
        (degree,) = struct.unpack(">I", rest[:4])
        if degree > 8:
            raise _damaged(f"has a MapPolynomial of degree {degree}, up to 8 exist")
        return MapPolynomial(area, _finite(struct.unpack(f">{degree + 1}d", rest[4 : 12 + 8 * degree])))
    if number == 1:
        (planes,) = struct.unpack(">I", data[:4])
        if not 1 <= planes <= 4:
            raise _damaged(f"has a WarpRectilinear of {planes} planes")
        terms = _finite(struct.unpack(f">{6 * planes + 2}d", data[4 : 20 + 48 * planes]))
        rows = tuple(_six(terms[6 * plane : 6 * plane + 6]) for plane in range(planes))
        return WarpRectilinear(rows, (terms[-2], terms[-1]))
    if number == 3:
        k0, k1, k2, k3, k4, x, y = _finite(struct.unpack(">7d", data[:56]))
        return FixVignetteRadial((k0, k1, k2, k3, k4), (x, y))
    return None


def _area(data: bytes) -> tuple[Area, bytes]:
    area = Area(*struct.unpack(">8I", data[:32]))
    if area.bottom < area.top or area.right < area.left or not area.row_pitch or not area.column_pitch:
        raise _damaged("has an opcode over an impossible area")
    return area, data[32:]


def _six(terms: tuple[float, ...]) -> tuple[float, float, float, float, float, float]:
    a, b, c, d, e, f = terms
    return a, b, c, d, e, f


def _finite(values: tuple[float, ...]) -> tuple[float, ...]:
    if not all(map(math.isfinite, values)):
        raise _damaged("holds numbers that are not finite")
    return values


def _damaged(how: str) -> Refusal:
    return Refusal(f"The file's opcode list {how}; the file is damaged, export it from the camera again.")
