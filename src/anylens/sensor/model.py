"""Sensor: geometry, colour filter, levels, noise and colour calibration of a piece of silicon."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from anylens.record import field, record
from anylens.refusal import Refusal

CFA = tuple[tuple[str, ...], ...]
"""n x n colour letters, first row at the active area's top left; () for monochrome or for full-colour samples."""

Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@record(frozen=True, slots=True)
class Noise:
    """Variance of a sample x (0 black, 1 white): `scale * x + offset` by colour plane, at one gain.

    The DNG specification's NoiseProfile: one pair for all planes or one pair for each of R, G, B.
    `source` says how we know: `file`, `estimated` (from the frame itself), `sensor` (its data sheet or TOML), `twin`.
    `grain` says how it lies: `white` where each sample has its own, `remosaiced` where most are estimates from several.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    source: Literal["file", "estimated", "sensor", "twin"]
    grain: Literal["white", "remosaiced"] = "white"

    def __post_init__(self) -> None:
        if len(self.scale) != len(self.offset) or len(self.scale) not in (1, 3):
            raise ValueError("a noise profile has one pair for all planes or one for each of R, G and B")

    def plane(self, index: int) -> tuple[float, float]:
        """(scale, offset) of colour plane 0 R, 1 G, 2 B."""
        at = index if len(self.scale) == 3 else 0
        return self.scale[at], self.offset[at]


@record(frozen=True, slots=True)
class Calibration:
    """Colour of one sensor under one light, in the DNG specification's terms.

    `illuminant` is the EXIF LightSource code (17 standard light A, 21 D65, 23 D50); `color_matrix` goes from XYZ to
    camera, `forward_matrix` from white-balanced camera to XYZ D50, `camera_calibration` from the model to this copy.
    """

    illuminant: int
    color_matrix: Matrix
    forward_matrix: Matrix | None = None
    camera_calibration: Matrix | None = None


@record(frozen=True, slots=True)
class Sensor:
    """What the silicon is.

    `cfa` and `black` repeat from the active area's top left corner; `black` is in counts by site of its own
    repeat pattern, to which `black_row_delta` and `black_column_delta` (counts, one a row or column of the active
    area, or empty) are added; `white` is in counts, one value or one each for R, G, B.
    """

    name: str
    width_px: int
    height_px: int
    cfa: CFA
    black: tuple[tuple[float, ...], ...] = ((0.0,),)
    white: tuple[float, ...] = (65535.0,)
    pitch_um: float | None = None
    noise: Noise | None = None
    calibrations: tuple[Calibration, ...] = ()
    analog_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    black_row_delta: tuple[float, ...] = field(default=(), repr=False)
    black_column_delta: tuple[float, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.cfa and (len({len(row) for row in self.cfa} | {len(self.cfa)}) != 1):
            raise ValueError("cfa must be a square pattern of colour letters, or () for monochrome")
        if max(max(row) for row in self.black) >= min(self.white):
            raise ValueError(
                f"black level {max(max(row) for row in self.black):g} is not below white level {min(self.white):g}"
            )


def bayer(letters: str) -> CFA:
    """The 2 x 2 pattern of four letters such as `RGGB`, or the 4 x 4 one of `quad-RGGB`; `mono` gives ()."""
    if letters.lower() in ("mono", "monochrome", ""):
        return ()
    quad = letters.lower().startswith("quad-")
    order = letters[5:].upper() if quad else letters.upper()
    if order not in ("RGGB", "GRBG", "GBRG", "BGGR"):
        raise ValueError(f"cfa '{letters}' is not one of RGGB, GRBG, GBRG, BGGR, quad-RGGB ... or mono")
    rows = (order[:2], order[2:])
    if not quad:
        return tuple(tuple(row) for row in rows)
    return tuple(tuple(c for c in row for _ in range(2)) for row in rows for _ in range(2))


@record(frozen=True, slots=True)
class Sheet:
    """A sensor's TOML file: the sensor, and how a file of its bare counts is to be read.

    `bits` (8 or 16) and `byte_order` say how a count is stored, `header_bytes` what stands before the first;
    `orientation` is the EXIF code, `as_shot_neutral` the camera RGB of a neutral surface or None, `notes` sentences
    about what was assumed.
    """

    sensor: Sensor
    bits: int = 16
    byte_order: Literal["little", "big"] = "little"
    header_bytes: int = 0
    orientation: int = 1
    as_shot_neutral: tuple[float, float, float] | None = None
    notes: tuple[str, ...] = ()


def parse_sensor(text: str) -> Sheet:
    """The sheet that a sensor's TOML text (schema 1) describes.

    Raises Refusal, which names the entry that is missing, misspelt or out of range.
    """
    import tomllib

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"The sensor file is not TOML: {error}; correct it there.") from error
    _only(table, _KNOWN, "the sensor file")
    if table.get("schema") != 1:
        raise Refusal("The sensor file does not say schema = 1, the only one that exists; write it on its first line.")
    name, letters = table.get("name"), table.get("cfa")
    if not isinstance(name, str) or not isinstance(letters, str):
        raise Refusal('The sensor file must say name and cfa as text, such as cfa = "RGGB".')
    width, height = (_whole(table, key, 1, 65535) for key in ("width_px", "height_px"))
    stored = table.get("file", {})
    _only(stored, {"bits", "byte_order", "header_bytes"}, "[file]")
    bits, byte_order = stored.get("bits", 16), stored.get("byte_order", "little")
    if bits not in (8, 16) or byte_order not in ("little", "big"):
        raise Refusal('The sensor file\'s [file] must say bits 8 or 16 and byte_order "little" or "big".')
    notes = table.get("notes", [])
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise Refusal("The sensor file's notes must be a list of sentences.")
    neutral = _numbers(table.get("as_shot_neutral", []), "as_shot_neutral", 0, 3)
    if neutral and min(neutral) <= 0:
        raise Refusal("The sensor file's as_shot_neutral must be above 0 for all three colours.")
    pitch = _numbers(table.get("pitch_um", []), "pitch_um", 0, 1)
    try:
        sensor = Sensor(
            name=name,
            width_px=width,
            height_px=height,
            cfa=bayer(letters),
            black=_black(table.get("black", 0)),
            white=_numbers(table.get("white"), "white", 1, 3),
            pitch_um=pitch[0] if pitch else None,
            noise=_noise(table.get("noise")),
            calibrations=tuple(_calibration(each) for each in table.get("calibration", ())),
        )
    except Refusal:
        raise
    except (ValueError, TypeError) as error:
        raise Refusal(f"The sensor file contradicts itself: {error}; correct it there.") from error
    return Sheet(
        sensor,
        bits,
        byte_order,
        _whole(stored, "header_bytes", 0, 1 << 24, 0),
        _whole(table, "orientation", 1, 8, 1),
        (neutral[0] / max(neutral), neutral[1] / max(neutral), neutral[2] / max(neutral)) if neutral else None,
        tuple(notes),
    )


_KNOWN = {
    "schema", "name", "width_px", "height_px", "cfa", "black", "white", "pitch_um", "orientation", "as_shot_neutral",
    "notes", "file", "noise", "calibration",
}  # fmt: skip


def _only(table: Any, known: set[str], where: str) -> None:
    if not isinstance(table, dict):
        raise Refusal(f"In the sensor file {where} must be a table.")
    strange = sorted(set(table) - known)
    if strange:
        raise Refusal(f"The entry '{strange[0]}' of {where} is not known; known are {', '.join(sorted(known))}.")


def _whole(table: Mapping[str, Any], key: str, least: int, most: int, default: int | None = None) -> int:
    value = table.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refusal(f"The sensor file must say {key} as a whole number from {least} to {most}.")
    return value


def _numbers(value: Any, name: str, *counts: int) -> tuple[float, ...]:
    values = value if isinstance(value, list) else [value]
    good = all(isinstance(each, int | float) and math.isfinite(each) for each in values)
    if not good or len(values) not in counts:
        raise Refusal(f"The sensor file must say {name} as {' or '.join(map(str, counts))} numbers.")
    return tuple(float(each) for each in values)


def _black(value: Any) -> tuple[tuple[float, ...], ...]:
    if not isinstance(value, list):
        return (_numbers(value, "black", 1),)
    if not value or len({len(row) if isinstance(row, list) else 0 for row in value} - {0}) != 1:
        raise Refusal("The sensor file must say black as a number or as rows of numbers of one length.")
    return tuple(_numbers(row, "black", len(row)) for row in value)


def _noise(table: Any) -> Noise | None:
    if table is None:
        return None
    _only(table, {"scale", "offset"}, "[noise]")
    scale, offset = (_numbers(table.get(key), key, 1, 3) for key in ("scale", "offset"))
    if min(scale + offset) < 0:
        raise Refusal("The sensor file's noise must not be negative.")
    return Noise(scale, offset, "sensor")


def _calibration(table: Any) -> Calibration:
    _only(table, {"illuminant", "color_matrix", "forward_matrix"}, "[[calibration]]")
    color_matrix, forward_matrix = (_matrix(table.get(key), key) for key in ("color_matrix", "forward_matrix"))
    if color_matrix is None:
        raise Refusal("Each [[calibration]] of a sensor file must say color_matrix, from XYZ to camera.")
    return Calibration(_whole(table, "illuminant", 0, 255), color_matrix, forward_matrix)


def _matrix(rows: Any, name: str) -> Matrix | None:
    if rows is None:
        return None
    if not isinstance(rows, list) or len(rows) != 3:
        raise Refusal(f"The sensor file must say {name} as three rows of three numbers.")
    (a, b, c), (d, e, f), (g, h, i) = (_numbers(row, name, 3) for row in rows)
    return (a, b, c), (d, e, f), (g, h, i)
