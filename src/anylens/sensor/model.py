"""Sensor: geometry, colour filter, levels, noise and colour calibration of a piece of silicon."""

from __future__ import annotations

from typing import Literal

from anylens import toml
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
    table = toml.read(text, "the sensor file", _KNOWN)
    stored = table.table("file", {"bits", "byte_order", "header_bytes"}) or toml.Table({}, "[file]")
    bits, byte_order = stored.entries.get("bits", 16), stored.entries.get("byte_order", "little")
    if bits not in (8, 16) or byte_order not in ("little", "big"):
        raise Refusal(
            'The sensor file\'s [file] must say bits 8 or 16 and byte_order "little" or "big"; correct it there.'
        )
    neutral = table.numbers("as_shot_neutral", 3) if "as_shot_neutral" in table else ()
    if neutral and min(neutral) <= 0:
        raise table.must("as_shot_neutral", "three numbers above 0")
    calibrations = table.tables("calibration", {"illuminant", "color_matrix", "forward_matrix"})
    try:
        sensor = Sensor(
            name=table.text("name"),
            width_px=table.whole("width_px", 1, 65535),
            height_px=table.whole("height_px", 1, 65535),
            cfa=bayer(table.text("cfa")),
            black=_black(table),
            white=table.numbers("white", 1, 3),
            pitch_um=table.numbers("pitch_um", 1)[0] if "pitch_um" in table else None,
            noise=_noise(table.table("noise", {"scale", "offset"})),
            calibrations=tuple(map(_calibration, calibrations)),
        )
    except Refusal:
        raise
    except ValueError as error:
        raise Refusal(f"The sensor file contradicts itself: {error}; correct it there.") from error
    return Sheet(
        sensor,
        bits,
        byte_order,
        stored.whole("header_bytes", 0, 1 << 24, 0),
        table.whole("orientation", 1, 8, 1),
        (neutral[0] / max(neutral), neutral[1] / max(neutral), neutral[2] / max(neutral)) if neutral else None,
        table.texts("notes"),
    )


_KNOWN = {
    "name", "width_px", "height_px", "cfa", "black", "white", "pitch_um", "orientation", "as_shot_neutral", "notes",
    "file", "noise", "calibration",
}  # fmt: skip


def _black(table: toml.Table) -> tuple[tuple[float, ...], ...]:
    if isinstance(table.entries.get("black"), list):
        return table.rows("black")
    return (table.numbers("black", 1),) if "black" in table else ((0.0,),)


def _noise(table: toml.Table | None) -> Noise | None:
    if table is None:
        return None
    scale, offset = (table.numbers(key, 1, 3) for key in ("scale", "offset"))
    if min(scale + offset) < 0:
        raise Refusal("The sensor file's noise must not be negative; correct it there.")
    return Noise(scale, offset, "sensor")


def _calibration(table: toml.Table) -> Calibration:
    forward = _matrix(table, "forward_matrix") if "forward_matrix" in table else None
    return Calibration(table.whole("illuminant", 0, 255), _matrix(table, "color_matrix"), forward)


def _matrix(table: toml.Table, key: str) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = table.rows(key, (3, 3))
    return (a, b, c), (d, e, f), (g, h, i)
