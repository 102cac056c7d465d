"""FITS, the raw files of astronomical cameras and telescopes (FITS Standard 4.0: a primary image of one plane)."""

from __future__ import annotations

import os
import re
import zlib
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.body import Body
from anylens.files import gate
from anylens.frame import Facts, Frame
from anylens.refusal import Refusal
from anylens.sensor import Sensor, bayer, estimate_noise

SIGNATURE, PACKED = b"SIMPLE  =", b"\x1f\x8b"
_BLOCK, _CARD, _MOST_BLOCKS = 2880, 80, 100
_MOST_PACKED_BYTES = 600_000_000
_TYPES = {8: ">u1", 16: ">i2"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EDed][+-]?\d+)?")


def is_fits(data: gate.FileBytes) -> bool:
    """Whether these are the bytes of a FITS file, plain or packed by gzip."""
    if data[: len(PACKED)] == PACKED:
        with suppress(zlib.error):
            return zlib.decompressobj(31).decompress(data[:4096], len(SIGNATURE)).startswith(SIGNATURE)
    return data[: len(SIGNATURE)] == SIGNATURE


def read_fits(path: str | os.PathLike[str], data: gate.FileBytes, sensor: Sensor | None = None) -> Frame:
    """The first image of a FITS file as a Frame: one plane of 8 or 16 bits, its filter as BAYERPAT says.

    `sensor`, where given, says black, white, noise and colour. Raises Refusal for other images and for damaged files.
    """
    name = Path(path).name
    if data[: len(PACKED)] == PACKED:
        data = _unpacked(data, name)
    cards, start = _header(data, name)
    if int(cards.get("NAXIS", 0)) != 2:
        raise Refusal(f"{name} holds no plane of counts but {cards.get('NAXIS', 0)} axes; give the raw frame.")
    bits, width, height = (int(cards.get(key, 0)) for key in ("BITPIX", "NAXIS1", "NAXIS2"))
    if bits not in _TYPES:
        raise Refusal(f"{name} has BITPIX {bits}, frames of a sensor have 8 or 16; give the raw frame.")
    gate.check_size(width, height, bytes_per_pixel=4, stored_bytes=len(data), most_pixels_per_byte=1)
    if len(data) - start < width * height * bits // 8:
        raise Refusal(f"{name} ends before its last row; {gate.DAMAGED}")
    stored = np.frombuffer(data, _TYPES[bits], count=width * height, offset=start)
    raw = _counts(stored.reshape(height, width), cards, bits, name)
    silicon, notes = _sensor(cards, raw, bits, sensor, name)
    facts = Facts.whole(
        silicon,
        exposure_s=_positive(cards.get("EXPTIME", cards.get("EXPOSURE"))),
        gain=_gain(cards),
        temperature_c=_temperature(cards.get("CCD-TEMP")),
        taken=_time(cards.get("DATE-OBS")),
        body=Body("", str(cards["INSTRUME"])) if cards.get("INSTRUME") else None,
        notes=notes,
    )
    return Frame(raw, facts)


def _unpacked(data: gate.FileBytes, name: str) -> bytes:
    unpacking = zlib.decompressobj(31)
    try:
        plain = unpacking.decompress(data, _MOST_PACKED_BYTES)
    except zlib.error as error:
        raise Refusal(f"{name} cannot be unpacked; {gate.DAMAGED}") from error
    if unpacking.unconsumed_tail:
        raise Refusal(
            f"{name} unpacks to more than {_MOST_PACKED_BYTES // 1_000_000} MB, too much for one frame; check "
            "what it is."
        )
    if not unpacking.eof:
        raise Refusal(f"{name} ends before its last row; {gate.DAMAGED}")
    return plain


def _header(data: gate.FileBytes, name: str) -> tuple[dict[str, Any], int]:
    """The first header's values by keyword, and where the data begin."""
    cards: dict[str, Any] = {}
    for at in range(0, min(len(data), _BLOCK * _MOST_BLOCKS) - _CARD + 1, _CARD):
        card = data[at : at + _CARD].decode("ascii", "replace")
        key = card[:8].strip()
        if key == "END":
            return cards, (at // _BLOCK + 1) * _BLOCK
        if card[8:10] == "= ":
            cards.setdefault(key, _value(card[10:]))
    raise Refusal(f"{name} has no end of its header; {gate.DAMAGED}")


def _value(text: str) -> Any:
    text = text.strip()
    if text.startswith("'"):
        return text[1:].split("'")[0].strip()
    word = text.split("/")[0].strip()
    if word in ("T", "F"):
        return word == "T"
    if _NUMBER.fullmatch(word):
        number = float(word.upper().replace("D", "E"))
        return int(number) if number.is_integer() and abs(number) < 1e15 else number
    return word


def _counts(stored: npt.NDArray[Any], cards: dict[str, Any], bits: int, name: str) -> npt.NDArray[np.uint16]:
    zero, step = cards.get("BZERO", 0), cards.get("BSCALE", 1)
    if step != 1 or zero not in (0, 32768):
        raise Refusal(f"{name} scales its counts (BZERO {zero}, BSCALE {step}); give the raw frame.")
    if bits == 16 and zero == 32768:
        return (stored.astype(np.uint16)) ^ np.uint16(0x8000)
    if bits == 16 and int(stored.min()) < 0:
        raise Refusal(f"{name} has negative counts, so it is no raw frame; give the raw frame.")
    return stored.astype(np.uint16)


def _sensor(
    cards: dict[str, Any], raw: npt.NDArray[np.uint16], bits: int, given: Sensor | None, name: str
) -> tuple[Sensor, tuple[str, ...]]:
    if given is not None:
        if (given.height_px, given.width_px) != raw.shape:
            raise Refusal(
                f"{name} has {raw.shape[1]} x {raw.shape[0]} pixels, its sensor {given.name} has others; give the "
                "right one with --sensor."
            )
        return given, ()
    letters = str(cards.get("BAYERPAT", cards.get("COLORTYP", "mono"))).upper()
    try:
        cfa = bayer(letters)
    except ValueError as error:
        raise Refusal(f"{name} has the colour filter '{letters}', which is not known; give --sensor.") from error
    if cfa:
        across, down = (int(_positive(cards.get(key)) or 0) % 2 for key in ("XBAYROFF", "YBAYROFF"))
        cfa = tuple(tuple(cfa[(row + down) % 2][(column + across) % 2] for column in (0, 1)) for row in (0, 1))
    black = _positive(cards.get("BLKLEVEL", cards.get("PEDESTAL"))) or 0.0
    white = float(2**bits - 1)
    noise = estimate_noise(raw, cfa, ((black,),), (white,))
    notes = ["The file has no noise profile; the noise was estimated from the picture itself."]
    if black == 0.0:
        notes.append("The file does not tell the black level, 0 was taken.")
    silicon = Sensor(
        name=str(cards.get("INSTRUME") or "unknown camera"),
        width_px=raw.shape[1],
        height_px=raw.shape[0],
        cfa=cfa,
        black=((black,),),
        white=(white,),
        pitch_um=_positive(cards.get("XPIXSZ")),
        noise=noise,
    )
    return silicon, tuple(notes)


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9 else None


def _gain(cards: dict[str, Any]) -> float | None:
    """The factor that GAIN means where ZWO wrote it, in tenths of a decibel; others mean other things by it."""
    ours = "ZWO" in " ".join(str(cards.get(key, "")) for key in ("CREATOR", "PRODUCER", "INSTRUME")).upper()
    said = cards.get("GAIN")
    return float(10 ** (said / 200)) if ours and isinstance(said, int | float) and 0 <= said <= 1000 else None


def _temperature(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and -273.0 < value < 150.0
    return float(value) if known else None


def _time(text: Any) -> datetime | None:
    with suppress(ValueError, TypeError):
        return datetime.fromisoformat(text)
    return None
