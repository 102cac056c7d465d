"""A file that is read where the system keeps it gives what one read into memory gives, and is refused alike."""

from __future__ import annotations

import gzip
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from anylens import Frame, Refusal
from anylens.files import gate, read
from tests.negatives import dng
from tests.properties.test_bare_mosaics import COUNTS, TOML
from tests.properties.test_fits import fits

SIGHT = np.random.default_rng(3).integers(0, 4096, (48, 64)).astype(np.uint16)
KINDS = {
    "plain.dng": dng(SIGHT),
    "bare.raw": b"abc" + COUNTS.astype(">u2").tobytes(),
    "bare.png": imagecodecs.png_encode(COUNTS),
    "a.fits": fits(),
    "a.fits.gz": gzip.compress(fits()),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_read_alike(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    place.write_bytes(KINDS[name])
    place.with_suffix(".toml").write_text(TOML)
    data = gate.shared(place)
    assert data[:] == gate.load(place)
    kept, lent = read(place), read(place, data=data)
    assert isinstance(kept, Frame)
    assert isinstance(lent, Frame)
    np.testing.assert_array_equal(lent.raw, kept.raw)
    assert not lent.raw.flags.writeable
    assert lent.facts == kept.facts


@pytest.mark.parametrize("name", ["empty.dng", "absent.dng", "."])
def test_what_is_no_file_is_refused_alike(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.dng").touch()
    said = []
    for take in (gate.load, gate.shared):
        with pytest.raises(Refusal) as refused:
            take(tmp_path / name)
        said.append(str(refused.value))
    assert said[0] == said[1]
