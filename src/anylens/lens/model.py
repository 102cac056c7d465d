"""Lens and Setting."""

from __future__ import annotations

from typing import Literal

from anylens.record import record


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
