"""Texture: how much of a dead-leaves chart's detail is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from anylens.lab.figure import Figure
from anylens.lab.samples import Place


@dataclass(frozen=True, slots=True)
class TextureSharpness:
    """The MTF of texture, over all directions.

    `method` is `cross spectrum` (the truth was known: phase counts, noise does not) or `power spectrum` (less noise).
    """

    place_px: Place
    method: str
    size_px: int
    mtf50_cpp: Figure
    mtf50_lpmm: Figure | None
    mtf_nyquist: Figure
    frequencies_cpp: tuple[float, ...] = field(repr=False)
    mtf: tuple[float, ...] = field(repr=False)
    mtf_error: tuple[float, ...] = field(repr=False)
