"""Light read between samples lies where it lay."""

from __future__ import annotations

import numpy as np
import pytest

from anylens.lab.between import Between


@pytest.mark.parametrize("aside", [0.0, 0.1, 0.25, 0.4, 0.5, 0.7, 0.9])
def test_a_slope_stays_in_place(aside: float) -> None:
    rows, columns = np.indices((20, 30), dtype=np.float64)
    places = np.stack([columns, rows], axis=-1)[4:-4, 4:-4] + (aside, -aside)
    found = Between(3.0 * columns - 2.0 * rows).at(places)
    assert np.abs(found - (3.0 * places[..., 0] - 2.0 * places[..., 1])).max() < 0.02


def test_a_spot_keeps_its_middle_wherever_it_is_read() -> None:
    rows, columns = np.indices((40, 40), dtype=np.float64)
    for x, y in ((19.0, 20.0), (19.3, 20.6), (18.75, 19.5)):
        spot = Between(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 4.0))
        for aside in (0.0, 0.15, 0.3, 0.45):
            places = np.stack([columns, rows], axis=-1)[2:-2, 2:-2] + aside
            seen = spot.at(places)
            middle = (seen[..., None] * places).sum(axis=(0, 1)) / seen.sum()
            assert middle == pytest.approx((x, y), abs=0.01)


def test_beyond_the_picture_its_border_goes_on_or_what_is_said() -> None:
    image = Between(np.arange(12.0).reshape(3, 4))
    beyond = np.array([[[-5.0, 0.0], [9.0, 2.0]]])
    assert image.at(beyond)[0] == pytest.approx([0.0, 11.0], abs=1.0)
    assert np.isnan(image.at(beyond, outside=np.nan)).all()
