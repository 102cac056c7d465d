"""Lens and Setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from anylens.record import record

if TYPE_CHECKING:
    from anylens.toml import Table


@record(frozen=True, slots=True)
class Lens:
    """What the glass is; `focal_mm` is (shortest, longest), `max_aperture` the f-numbers wide open at these two.

    `code` is the 6-bit code of a coded Leica M lens, 0 to 63.
    """

    maker: str
    model: str
    focal_mm: tuple[float, float] | None = None
    max_aperture: tuple[float, float] | None = None
    mount: str | None = None
    close_focus_m: float | None = None
    code: int | None = None

    @property
    def name(self) -> str:
        """Maker and model, the maker once."""
        known = self.model.casefold().startswith(self.maker.casefold())
        return self.model if known else f"{self.maker} {self.model}".strip()


@record(frozen=True, slots=True)
class Setting:
    """Where the rings stand and how we know."""

    source: Literal["hand", "exif", "estimated", "twin"]
    f_number: float | None = None
    focal_mm: float | None = None
    focus_m: float | None = None


def plain(text: str) -> str:
    """A name as it is compared with others: in small letters, one space between words."""
    return " ".join(text.casefold().split())


def parse_lens(table: Table, code: int | None) -> Lens:
    """The lens that a table of a TOML file describes, `code` known already; Refusal names the entry that is wrong."""
    focal_mm = _span(table, "focal_mm", 1.0, 5000.0)
    if focal_mm is not None and focal_mm[0] > focal_mm[1]:
        raise table.must("focal_mm", "[shortest, longest]")
    return Lens(
        maker=table.text("maker", ""),
        model=table.text("model"),
        focal_mm=focal_mm,
        max_aperture=_span(table, "max_aperture", 0.5, 64.0),
        mount=table.text("mount", "") or None,
        close_focus_m=table.number("close_focus_m", 0.001, 100.0) if "close_focus_m" in table else None,
        code=code,
    )


def _span(table: Table, key: str, least: float, most: float) -> tuple[float, float] | None:
    if key not in table:
        return None
    ends = table.numbers(key, 1, 2)
    if not all(least <= end <= most for end in ends):
        raise table.must(key, f"one number or two from {least:g} to {most:g}")
    return ends[0], ends[-1]
