"""A name that is unknown is answered with those that may be meant, never with a long list."""

import math
from argparse import ArgumentTypeError

import pytest

from anylens.app.quantities import distance_m, f_number, focal_mm, whole
from anylens.refusal import near

LETTERS = [f"{first}{second}" for first in "abcd" for second in "wxyz"]


@pytest.mark.parametrize(
    ("asked", "known", "told"),
    [
        ("white", ["white-wall", "facade"], "the nearest is white-wall"),
        ("WHITE-WAL", ["white-wall", "facade"], "the nearest is white-wall"),
        ("tone", ["Tone", "LocalTone", "Crop"], "the nearest are Tone and LocalTone"),
        ("q", ["a", "b", "c"], "choose from a, b and c"),
        ("", ["a", "b"], "choose from a and b"),
        ("q", LETTERS, "nothing is near"),
    ],
)
def test_the_near_ones_are_named(asked, known, told) -> None:
    assert near(asked, known) == told


def test_a_long_list_is_left_to_the_command_that_has_it() -> None:
    assert near("q", LETTERS, "anylens list") == "nothing is near; anylens list shows all"
    assert len(near("a", [f"a{index}" for index in range(100)])) < 60


@pytest.mark.parametrize(
    ("number", "text", "value"),
    [
        (distance_m, "3", 3.0),
        (distance_m, "3m", 3.0),
        (distance_m, "3 m", 3.0),
        (distance_m, "inf", math.inf),
        (f_number, "f/2.8", 2.8),
        (focal_mm, "50mm", 50.0),
        (whole(1, 9, "8"), "8", 8),
    ],
)
def test_a_unit_may_stand_behind_a_number(number, text, value) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (distance_m, "-3"),
        (distance_m, "nan"),
        (distance_m, "3 km"),
        (f_number, "inf"),
        (focal_mm, ""),
        (whole(1, 9, "8"), "2.5"),
        (whole(1, 9, "8"), "10"),
    ],
)
def test_what_is_no_such_number_is_told_what_would_be(number, text) -> None:
    with pytest.raises(ArgumentTypeError, match=f"{text} is not a .*number from .* to .*; give one as"):
        number(text)
