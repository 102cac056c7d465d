"""Sections of a passport by the figures that matter."""

from typing import Any, TypeVar

from anylens.lens.passport import Section
from anylens.record import fields

Kind = TypeVar("Kind", bound=Section)


def section(kind: type[Kind], error: float = 0.0, **known: Any) -> Kind:
    """A section with these figures; other figures are 0, and each standard error that is not said is `error`."""
    said = {"method": "design", "frames": 1, "date": "2026-01-01", "residual": 0.0, **known}
    for each in fields(kind):
        if each.name not in said and "count" in each.metadata:
            count, value = each.metadata["count"], error if each.name.endswith("_error") else 0.0
            of = said.get(each.name.removesuffix("_error"))
            lattice = None if count != 0 else tuple((value,) * len(row) for row in of)
            said[each.name] = lattice or (value if count is None else (value,) * count)
    return kind(**said)
