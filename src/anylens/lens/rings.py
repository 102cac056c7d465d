"""Which records of a passport speak where the rings stand, and how much each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from anylens.lens.passport import Section

Record = TypeVar("Record", bound=Section)


def opening(f_number: float) -> float:
    """The pupil's area, by which aberrations of the third order change where red and blue lie."""
    return f_number**-2


def nearest(
    records: Sequence[Record],
    f_number: float | None,
    focus_m: float | None,
    along: Callable[[float], float] = math.log2,
) -> tuple[tuple[float, Record], ...]:
    """The records around a setting and their weights, which add up to 1; () for no records.

    Linear in stops (or in what `along` makes of f-numbers) and in 1 / distance, held beyond the ends. Where the
    aperture is not known, what holds for all of them is taken, else the smallest aperture, whose correction is the
    least; where the distance is not known, infinity.
    """
    general = [record for record in records if record.f_number is None]
    keyed = sorted((record for record in records if record.f_number is not None), key=lambda r: r.f_number or 0.0)
    if f_number is None or not keyed:
        largest = keyed[-1].f_number if keyed else None
        return _by_focus(general or [record for record in keyed if record.f_number == largest], focus_m)
    stops = sorted({record.f_number for record in keyed if record.f_number is not None}, key=along)
    found: list[tuple[float, Record]] = []
    for weight, stop in _between([along(stop) for stop in stops], along(f_number), stops):
        group = _by_focus([record for record in keyed if record.f_number == stop], focus_m)
        found += [(weight * part, record) for part, record in group]
    return tuple(found)


def _by_focus(records: Sequence[Record], focus_m: float | None) -> tuple[tuple[float, Record], ...]:
    keyed = {1.0 / record.focus_m: record for record in records if record.focus_m is not None}
    general = [record for record in records if record.focus_m is None]
    if not keyed or (focus_m is None and general):
        return tuple((1.0, record) for record in general[:1])
    near = sorted(keyed)
    wanted = 0.0 if focus_m is None else 1.0 / focus_m
    return tuple((weight, keyed[each]) for weight, each in _between(near, wanted, near))


def _between(places: list[float], wanted: float, items: list[float]) -> list[tuple[float, float]]:
    if wanted <= places[0]:
        return [(1.0, items[0])]
    for index in range(1, len(places)):
        if wanted < places[index]:
            part = (wanted - places[index - 1]) / (places[index] - places[index - 1])
            return [(1.0 - part, items[index - 1]), (part, items[index])]
    return [(1.0, items[-1])]
