"""The judge of the golden pictures is itself judged."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden.compare import compare

PHOTO = np.random.default_rng(3).uniform(0.0, 1.0, (3, 20, 30))


def test_a_photo_equals_itself() -> None:
    assert compare(PHOTO, PHOTO)[:2] == (0.0, 0.0)


def test_one_wrong_pixel_is_found_where_it_is() -> None:
    other = PHOTO.copy()
    other[:, 7, 11] = 1.0 - np.round(other[:, 7, 11])
    found = compare(other, PHOTO)
    assert found.at == (7, 11)
    assert found.largest > 10.0
    assert found.mean == pytest.approx(found.largest / 600)


def test_black_and_white_are_100_apart_and_a_step_of_8_bits_is_not_seen() -> None:
    black, white = np.zeros((3, 4, 4), np.uint8), np.full((3, 4, 4), 255, np.uint8)
    assert compare(black, white).largest == pytest.approx(100.0, abs=1e-6)
    gray = np.full((3, 4, 4), 128, np.uint8)
    assert 0.0 < compare(gray, gray + np.uint8(1)).largest < 0.5


def test_type_of_samples_says_nothing() -> None:
    bytes_ = np.round(PHOTO * 255).astype(np.uint8)
    assert compare(bytes_, bytes_.astype(np.float32) / 255).largest < 1e-3
    assert compare(bytes_, bytes_.astype(np.uint16) * 257).largest < 1e-9


@pytest.mark.parametrize("other", [PHOTO[:, :10], PHOTO[0], np.full_like(PHOTO, np.nan)])
def test_what_cannot_be_compared_is_refused(other) -> None:
    with pytest.raises(ValueError, match="photo"):
        compare(other, PHOTO)
