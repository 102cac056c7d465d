"""What must be true of any lens before a sensor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anylens import Refusal
from anylens.twin.glass import Glass, Mounting, glass, lenses, prescription

PLACES = np.array([[0.0, 0.0], [6.5, 4.9], [-6.5, 4.9]])


def test_every_prescription_can_be_read_and_names_its_patent() -> None:
    assert len(lenses()) == 38
    for name in lenses():
        if name != "ideal":
            assert prescription(name).slug == name
            assert prescription(name).source


def disc(tangent: float, edge: float = math.tan(math.asin(0.25))) -> float:
    """The share of an even sky that a round pupil is, seen from aside (Foote 1915), here of f/2."""
    inner = 1.0 + tangent**2 - edge**2
    return 0.5 * (1.0 - inner / math.sqrt(inner**2 + 4.0 * edge**2))


def test_an_ideal_lens_draws_everything_where_it_belongs() -> None:
    made: Glass = glass("ideal-35", Mounting(2.0))
    np.testing.assert_allclose(made.observed(PLACES, 450.0), PLACES, atol=1e-12)
    assert made.scale_mm == pytest.approx(35.0)
    assert made.axial_irradiance() == pytest.approx(math.pi / 16, rel=1e-4)
    assert made.illumination(PLACES[1]) == pytest.approx(disc(math.hypot(6.5, 4.9) / 35.0) / disc(0.0), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "mounting", "says"),
    [
        ("sumicron_50_f2", {}, "summicron_50_f2_v5"),
        ("summicron", {}, "summicron_35_f2_v1"),
        ("summicron_50", {"f_number": 0.5}, "f/2"),
        ("summicron_50", {"distance_m": -1.0}, "above 0"),
        ("summicron_50", {"distance_m": 0.1}, "nearest"),
        ("ideal-0", {}, "focal length"),
        ("ideal", {"f_number": 0.5}, "f/1.4"),
        ("summicron_50", {"plate_mm": -1.0}, "plate"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(name: str, mounting: dict[str, float], says: str) -> None:
    with pytest.raises(Refusal) as refused:
        glass(name, Mounting(**{"f_number": 2.0, **mounting}))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
