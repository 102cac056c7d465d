"""FITS files of telescopes are frames like any other; what is no raw frame or is damaged is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from anylens import Frame, Refusal, read

COUNTS = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20


def fits(counts: np.ndarray = COUNTS, **changes: object) -> bytes:
    height, width = counts.shape
    cards = {
        "SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": width, "NAXIS2": height, "BZERO": 32768, "BSCALE": 1,
        "BAYERPAT": "GRBG", "EXPTIME": 10.0, "INSTRUME": "Telescope", "XPIXSZ": 2.9,
        "DATE-OBS": "2025-03-27T01:20:32.955368", **changes,
    }  # fmt: skip
    written = {key: f"'{value}'" if isinstance(value, str) else f"{value!s:>20} / said" for key, value in cards.items()}
    written["SIMPLE"] = f"{'T':>20} / said"
    lines = [f"{key:8}= {text}" for key, text in written.items() if cards[key] is not None]
    header = "".join(f"{line:80}" for line in [*lines, "COMMENT about", "END"])
    header += " " * (-len(header) % 2880)
    body = (counts.astype(np.int32) - 32768).astype(">i2").tobytes()
    return header.encode() + body + bytes(-len(body) % 2880)


def kept(tmp_path: Path, data: bytes, name: str = "a.fit") -> Path:
    place = tmp_path / name
    place.write_bytes(data)
    return place


@pytest.mark.parametrize("packed", [False, True])
def test_counts_and_facts_are_read(tmp_path: Path, packed: bool) -> None:
    data = fits()
    frame = read(kept(tmp_path, gzip.compress(data) if packed else data, "a.fit.gz" if packed else "a.fits"))
    assert isinstance(frame, Frame)
    np.testing.assert_array_equal(frame.raw, COUNTS)
    assert frame.facts.sensor.cfa == (("G", "R"), ("B", "G"))
    assert frame.facts.exposure_s == 10.0
    assert frame.facts.sensor.pitch_um == 2.9
    assert frame.facts.taken is not None
    assert frame.facts.taken.year == 2025
    assert frame.facts.body is not None
    assert frame.facts.body.model == "Telescope"


def test_a_shifted_filter_is_shifted(tmp_path: Path) -> None:
    frame = read(kept(tmp_path, fits(XBAYROFF=1)))
    assert frame.facts.sensor.cfa == (("R", "G"), ("G", "B"))


def test_no_filter_is_monochrome(tmp_path: Path) -> None:
    assert read(kept(tmp_path, fits(BAYERPAT=None))).facts.sensor.cfa == ()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (fits(BITPIX=-32), "BITPIX -32"),
        (fits(NAXIS=3), "3 axes"),
        (fits(BZERO=5), "scales its counts"),
        (fits(BAYERPAT="XYZW"), "colour filter"),
        (fits()[:4000], "before its last row"),
        (fits()[:2000].replace(b"END", b"   "), "header"),
        (fits()[:2000], "before its last row"),
        (fits(NAXIS1=60000, NAXIS2=60000), "60000"),
        (gzip.compress(fits())[:300], "before its last row"),
    ],
)
def test_what_is_no_raw_frame_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        read(kept(tmp_path, data))


def test_a_packed_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal):
        read(kept(tmp_path, gzip.compress(b"no picture at all"), "a.gz"))
