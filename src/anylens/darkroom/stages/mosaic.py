"""Mosaic -> Mosaic."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anylens.darkroom.light import bayer_phase, by_site, gains_of, neutral_of, noise_of
from anylens.darkroom.recipe import checked, taste
from anylens.image import Mosaic
from anylens.kernels.balance import balance
from anylens.kernels.defects import defects
from anylens.kernels.highlights import highlights, usual_lead


@dataclass(frozen=True, slots=True)
class Defects:
    """Replace single hot and dead pixels that stand out from their neighbours by `threshold` sigma of the noise."""

    threshold: float = taste(6.0, 1.0, 100.0, 0.5)

    def __post_init__(self) -> None:
        checked(self)

    def __call__(self, mosaic: Mosaic) -> Mosaic:
        noise, cfa = noise_of(mosaic.facts), mosaic.facts.sensor.cfa
        scale, offset = by_site(cfa, _three(noise.scale)), by_site(cfa, _three(noise.offset))
        return replace(mosaic, pixels=defects(mosaic.pixels, scale, offset, self.threshold))


@dataclass(frozen=True, slots=True)
class Balance:
    """White balance: as shot where `kelvin` is 0, else for a light of that temperature; `tint` > 0 is more magenta."""

    kelvin: float = taste(0.0, 0.0, 25000.0, 50.0)
    tint: float = taste(0.0, -150.0, 150.0, 1.0)

    def __post_init__(self) -> None:
        checked(self)

    def __call__(self, mosaic: Mosaic) -> Mosaic:
        facts = mosaic.facts
        if not facts.sensor.cfa:
            return replace(mosaic, facts=replace(facts, balance=(1.0, 1.0, 1.0)))
        bayer_phase(facts.sensor.cfa)
        gains = gains_of(neutral_of(facts, self.kelvin, self.tint))
        pixels = balance(mosaic.pixels, by_site(facts.sensor.cfa, gains))
        return replace(mosaic, pixels=pixels, facts=replace(facts, balance=gains))


@dataclass(frozen=True, slots=True)
class Highlights:
    """Fill in clipped highlights from the colours that are left; `clip` is the part of sensor white that counts as clipped."""

    clip: float = taste(0.985, 0.5, 1.0, 0.005)

    def __post_init__(self) -> None:
        checked(self)

    def __call__(self, mosaic: Mosaic) -> Mosaic:
        cfa, gains = mosaic.facts.sensor.cfa, mosaic.facts.balance
        if not cfa or gains is None:
            return mosaic
        red_x, red_y = bayer_phase(cfa)
        clip = (self.clip * gains[0], self.clip * gains[1], self.clip * gains[2])
        lead = usual_lead(mosaic.pixels, clip, red_x, red_y)
        pixels = highlights(mosaic.pixels, by_site(cfa, clip), by_site(cfa, lead), red_x, red_y)
        return replace(mosaic, pixels=pixels)


def _three(values: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = np.broadcast_to(values, 3)
    return float(red), float(green), float(blue)
