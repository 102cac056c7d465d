"""ICC profiles: made from the numbers that define a colour space, and read from the pictures of others."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from anylens.color import D65, PCS_D50, adaptation, rgb_to_xyz, srgb_decode, xyz_from_xy
from anylens.record import record
from anylens.refusal import Refusal

Space = Literal["srgb", "display-p3", "rec2020-linear"]

_NAMES = {"srgb": "sRGB", "display-p3": "Display P3", "rec2020-linear": "Rec. 2020 linear"}


def icc_profile(space: Space) -> bytes:
    """A version 4 display profile of `srgb`, `display-p3` or `rec2020-linear`; the same bytes every time.

    Raises ValueError for any other space. ICC.1:2022.
    """
    if space not in _NAMES:
        raise ValueError(f"there is no ICC profile for '{space}', only for {', '.join(_NAMES)}")
    to_pcs = adaptation(xyz_from_xy(D65), PCS_D50)
    colorants = to_pcs @ rgb_to_xyz(space.removesuffix("-linear"))
    curve = _curve(1.0) if space.endswith("-linear") else _curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return _profile(
        {
            b"desc": _text(_NAMES[space]),
            b"cprt": _text("No copyright, use freely"),
            b"wtpt": b"XYZ \0\0\0\0" + _fixed(PCS_D50),
            b"chad": b"sf32\0\0\0\0" + _fixed(to_pcs.ravel()),
            **{b"%cXYZ" % c: b"XYZ \0\0\0\0" + _fixed(colorants[:, i]) for i, c in enumerate(b"rgb")},
            **{b"%cTRC" % c: curve for c in b"rgb"},
        }
    )


def _fixed(numbers: Iterable[float]) -> bytes:
    """s15Fixed16Number."""
    return b"".join(struct.pack(">i", round(float(number) * 65536)) for number in numbers)


def _curve(*parameters: float) -> bytes:
    """parametricCurveType: a power alone (function 0), or with a linear foot (function 3)."""
    return b"para\0\0\0\0" + struct.pack(">HH", 0 if len(parameters) == 1 else 3, 0) + _fixed(parameters)


def _text(text: str) -> bytes:
    """multiLocalizedUnicodeType, one record in American English."""
    utf16 = text.encode("utf-16be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(utf16), 28) + utf16


def _profile(tags: dict[bytes, bytes]) -> bytes:
    """Header, table and elements; the header's profile ID is left at 0, which says that it was not worked out."""
    at, table, data = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    places: dict[bytes, int] = {}
    for signature, element in tags.items():
        if element not in places:
            places[element] = at + len(data)
            data += element + b"\0" * (-len(element) % 4)
        table += struct.pack(">4sII", signature, places[element], len(element))
    head = struct.pack(
        ">I4sI4s4s4s6H4s4sIIIQI12s4s",
        *(at + len(data), b"\0" * 4, 0x04400000, b"mntr", b"RGB ", b"XYZ "),
        *(2026, 1, 1, 0, 0, 0),
        *(b"acsp", b"\0" * 4, 0, 0, 0, 0, 0, _fixed(PCS_D50), b"\0" * 4),
    )
    return head.ljust(128, b"\0") + table + data


@record(frozen=True, slots=True, eq=False)
class Profile:
    """What a matrix profile says: linear RGB to XYZ under D50, (3, 3), and each colour's curve to linear light."""

    name: str
    to_pcs: npt.NDArray[np.float64]
    curves: tuple[Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], ...]

    def linear(self, signal: npt.NDArray[Any], color: int) -> npt.NDArray[np.float64]:
        """Linear light of a signal from 0 to 1 of colour 0 R, 1 G, 2 B, any shape."""
        return self.curves[min(color, len(self.curves) - 1)](np.asarray(signal, np.float64))


def assumed_srgb() -> Profile:
    """The profile of a picture that tells none."""
    to_pcs = adaptation(xyz_from_xy(D65), PCS_D50) @ rgb_to_xyz("srgb")
    return Profile("sRGB, assumed", to_pcs, (srgb_decode,))


def read_profile(data: bytes) -> Profile:
    """A display, input or grey profile of matrix and curves, version 2 or 4; raises Refusal for any other. ICC.1:2022.

    A grey profile gives the matrix of sRGB, under which grey is grey.
    """
    if len(data) < 132 or data[36:40] != b"acsp":
        raise Refusal("The colour profile is damaged; export the picture again.")
    places = {}
    for index in range(min(int.from_bytes(data[128:132], "big"), 256)):
        entry = data[132 + 12 * index : 144 + 12 * index]
        at, size = int.from_bytes(entry[4:8], "big"), int.from_bytes(entry[8:12], "big")
        places[entry[:4]] = data[at : at + size]
    name = _name(places.get(b"desc", b""))
    if data[16:20] == b"GRAY" and b"kTRC" in places:
        return Profile(name, assumed_srgb().to_pcs, (_decoded(places[b"kTRC"]),))
    wanted = [b"%c%s" % (c, part) for part in (b"XYZ", b"TRC") for c in b"rgb"]
    if data[16:20] != b"RGB " or not all(tag in places for tag in wanted):
        raise Refusal(f"The colour profile '{name}' is not one of matrix and curves; export the picture in sRGB.")
    columns = [_numbers(places[tag][8:20]) for tag in wanted[:3]]
    if any(len(column) != 3 for column in columns):
        raise Refusal("The colour profile is damaged; export the picture again.")
    return Profile(name, np.array(columns).T, tuple(_decoded(places[tag]) for tag in wanted[3:]))


def _numbers(data: bytes) -> list[float]:
    return [value / 65536 for (value,) in struct.iter_unpack(">i", data[: len(data) // 4 * 4])]


def _decoded(curve: bytes) -> Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
    kind, count = curve[:4], int.from_bytes(curve[8:12], "big")
    if kind == b"curv" and count == 0:
        return lambda signal: signal
    if kind == b"curv" and count == 1 and len(curve) >= 14:
        power = int.from_bytes(curve[12:14], "big") / 256
        return lambda signal: np.asarray(np.maximum(signal, 0.0) ** power)
    if kind == b"curv" and 2 <= count <= (len(curve) - 12) // 2:
        table = np.frombuffer(curve, ">u2", count, 12) / 65535
        return lambda signal: np.interp(signal, np.linspace(0.0, 1.0, count), table)
    if kind == b"para":
        function, given = int.from_bytes(curve[8:10], "big"), _numbers(curve[12:])
        if function in _PARAMETRIC and len(given) >= _PARAMETRIC[function]:
            return _parametric(function, given[: _PARAMETRIC[function]])
    raise Refusal("The colour profile has a curve of an unknown kind; export the picture in sRGB.")


_PARAMETRIC = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
"""Parameters of each function of parametricCurveType."""


def _parametric(function: int, given: list[float]) -> Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
    g, a, b, c, d, e, f = given[0], 1.0, 0.0, 0.0, -np.inf, 0.0, 0.0
    if function > 0:
        a, b = given[1:3]
    if function in (1, 2):
        d = -b / a if a else -np.inf
    if function == 2:
        e = f = given[3]
    if function in (3, 4):
        c, d = given[3:5]
    if function == 4:
        e, f = given[5:7]

    def decode(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(signal >= d, np.maximum(a * signal + b, 0.0) ** g + e, c * signal + f)

    return decode


def _name(element: bytes) -> str:
    if element[:4] == b"desc":
        return element[12 : 12 + int.from_bytes(element[8:12], "big")].split(b"\0")[0].decode("latin-1")
    if element[:4] == b"mluc" and len(element) >= 28:
        size, at = int.from_bytes(element[20:24], "big"), int.from_bytes(element[24:28], "big")
        return element[at : at + size].decode("utf-16be", "replace")
    return "unnamed"
