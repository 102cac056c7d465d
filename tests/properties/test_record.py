"""A record is what a frozen dataclass with slots is, in all that anybody can ask of one."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest

from anylens import record


@dataclass(frozen=True, slots=True)
class Written:
    """As dataclasses writes it."""

    name: str
    sides: tuple[int, ...] = ()
    kept: list[int] = field(default_factory=list, repr=False, compare=False)
    scale: float = dataclasses.field(default=1.0, metadata={"low": 0.0})


@record.record(frozen=True, slots=True)
class Shared:
    """As record shares it."""

    name: str
    sides: tuple[int, ...] = ()
    kept: list[int] = record.field(default_factory=list, repr=False, compare=False)
    scale: float = record.field(default=1.0, metadata={"low": 0.0})


@record.record(frozen=True, slots=True, eq=False)
class Picture:
    pixels: np.ndarray

    def __post_init__(self):
        if self.pixels.ndim != 2:
            raise ValueError("two axes")


@record.record(frozen=True, slots=True, kw_only=True)
class Told:
    low: float
    high: float = 1.0


@pytest.mark.parametrize("kind", [Written, Shared])
class TestBothKinds:
    def test_fields_defaults_and_order(self, kind):
        assert [each.name for each in dataclasses.fields(kind)] == ["name", "sides", "kept", "scale"]
        assert dataclasses.fields(kind)[3].metadata["low"] == 0.0
        made = kind("a", (1, 2), scale=2.0)
        assert (made.name, made.sides, made.kept, made.scale) == ("a", (1, 2), [], 2.0)
        assert dataclasses.asdict(made) == {"name": "a", "sides": (1, 2), "kept": [], "scale": 2.0}
        match made:
            case kind(name, sides):
                assert (name, sides) == ("a", (1, 2))

    def test_a_default_is_made_anew_each_time(self, kind):
        assert kind("a").kept is not kind("a").kept

    def test_equal_where_what_is_compared_is_equal(self, kind):
        assert kind("a", kept=[1]) == kind("a", kept=[2])
        assert hash(kind("a", kept=[1])) == hash(kind("a", kept=[2]))
        assert kind("a") != kind("b")
        assert kind("a") != "a"

    def test_replace_makes_another(self, kind):
        first = kind("a", (1,))
        assert dataclasses.replace(first, sides=(2,)) == kind("a", (2,))
        assert first.sides == (1,)

    def test_it_cannot_be_changed_and_has_slots(self, kind):
        made = kind("a")
        with pytest.raises(dataclasses.FrozenInstanceError):
            made.name = "b"
        with pytest.raises(dataclasses.FrozenInstanceError):
            del made.name
        assert not hasattr(made, "__dict__")

    def test_copies_and_pickles_are_equal(self, kind):
        made = kind("a", (1, 2), [3], 0.5)
        for other in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            assert other == made
            assert other.kept == [3]

    def test_the_fields_tell_what_it_is(self, kind):
        assert repr(kind("a", (1,))) == f"{kind.__name__}(name='a', sides=(1,), scale=1.0)"

    @pytest.mark.parametrize(
        ("values", "named"),
        [((), {}), (("a", (), [], 1.0, 2), {}), (("a",), {"name": "b"}), (("a",), {"other": 1})],
    )
    def test_what_does_not_fit_is_an_error(self, kind, values, named):
        with pytest.raises(TypeError):
            kind(*values, **named)


def test_without_eq_only_itself_is_equal_and_its_own_check_runs():
    picture = Picture(np.zeros((2, 2)))
    assert picture == picture
    assert picture != Picture(picture.pixels)
    assert len({picture, Picture(picture.pixels)}) == 2
    with pytest.raises(ValueError, match="two axes"):
        Picture(np.zeros(3))


def test_keyword_only():
    assert Told(low=0.0) == Told(low=0.0, high=1.0)
    with pytest.raises(TypeError):
        Told(0.0)


def test_what_could_change_is_no_record():
    with pytest.raises(ValueError, match="frozen"):
        record.record(frozen=False, slots=True)


class Named(NamedTuple):
    """As typing writes it."""

    begin: int
    end: tuple[int, ...]


class Joined(record.Parts):
    """As record shares it."""

    begin: int
    end: tuple[int, ...]


@pytest.mark.parametrize("kind", [Named, Joined])
class TestBothTuples:
    def test_a_tuple_whose_places_have_names(self, kind):
        made = kind(1, end=(2, 3))
        first, last = made
        assert (first, last) == (made.begin, made.end) == made == (1, (2, 3))
        assert isinstance(made, tuple)
        assert kind._fields == ("begin", "end")
        assert repr(made) == f"{kind.__name__}(begin=1, end=(2, 3))"
        with pytest.raises(AttributeError):
            made.begin = 2

    def test_copies_and_pickles_are_equal(self, kind):
        made = kind(1, (2,))
        for other in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            assert other == made
            assert type(other) is kind

    @pytest.mark.parametrize(
        ("values", "named"), [((), {}), ((1,), {}), ((1, (), 2), {}), ((1, ()), {"end": ()}), ((1,), {"other": ()})]
    )
    def test_what_does_not_fit_is_an_error(self, kind, values, named):
        with pytest.raises(TypeError):
            kind(*values, **named)
