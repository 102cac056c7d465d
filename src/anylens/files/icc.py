"""ICC profiles, made from the numbers that define a colour space."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from typing import Literal

from anylens.color import D65, PCS_D50, adaptation, rgb_to_xyz, xyz_from_xy

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
    body = table + data
    identity = hashlib.md5(head.ljust(128, b"\0") + body, usedforsecurity=False).digest()
    return (head + identity).ljust(128, b"\0") + body
