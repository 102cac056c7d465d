"""Mosaic -> Mosaic."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anylens.darkroom.light import bayer_phase, by_site, gains_of, neutral_of, noise_of
from anylens.darkroom.recipe import checked, taste
from anylens.image import Mosaic, Pixels
from anylens.kernels.balance import balance
from anylens.kernels.cells import cells, colors_of
from anylens.kernels.defects import defects
from anylens.kernels.highlights import clipping_level, highlights, usual_lead
from anylens.kernels.shade import shade
from anylens.opcodes import GainMap, parse

Three = tuple[float, float, float]


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
    """Fill in clipped highlights from the colours that are left; above `clip` of the clipping level it is clipped."""

    clip: float = taste(0.985, 0.5, 1.0, 0.005)

    def __post_init__(self) -> None:
        checked(self)

    def __call__(self, mosaic: Mosaic) -> Mosaic:
        cfa, gains = mosaic.facts.sensor.cfa, mosaic.facts.balance
        if not cfa or gains is None:
            return mosaic
        red_x, red_y = bayer_phase(cfa)
        seen = colors_of(cells(mosaic.pixels), red_x, red_y)
        clip, lead = self.clipped(seen, gains)
        pixels = highlights(mosaic.pixels, by_site(cfa, clip), by_site(cfa, lead), red_x, red_y)
        return replace(mosaic, pixels=pixels)

    def clipped(self, seen: Pixels, gains: Three) -> tuple[Three, Three]:
        """Where R, G and B clip and how far each leads the others near there, from a sample of cells (3, h, w)."""
        red, green, blue = clipping_level(seen, gains)
        clip = (self.clip * red, self.clip * green, self.clip * blue)
        return clip, usual_lead(seen, clip)


@dataclass(frozen=True, slots=True)
class Shade:
    """Even out the falloff and the colour cast of the lens: `amount` of what the file's gain maps say."""

    amount: float = taste(1.0, 0.0, 1.0, 0.05)

    def __post_init__(self) -> None:
        checked(self)

    def __call__(self, mosaic: Mosaic) -> Mosaic:
        maps = [op.record for op in parse(mosaic.facts.opcodes.list2) if isinstance(op.record, GainMap)]
        if not maps or self.amount == 0.0 or (maps[0].area.bottom, maps[0].area.right) > mosaic.pixels.shape:
            return mosaic
        pixels = mosaic.pixels
        grids = {(m.points_v, m.points_h, m.spacing_v, m.spacing_h, m.origin_v, m.origin_h) for m in maps}
        for grid in sorted(grids):
            points_v, points_h, spacing_v, spacing_h, origin_v, origin_h = grid
            gains = np.ones((2, 2, points_v, points_h), np.float32)
            for m in maps:
                if (m.points_v, m.points_h, m.spacing_v, m.spacing_h, m.origin_v, m.origin_h) == grid:
                    own = np.array(m.gains, np.float32).reshape(points_v, points_h, m.map_planes)[..., 0]
                    rows, columns = (
                        slice(m.area.top % 2, 2, m.area.row_pitch),
                        slice(m.area.left % 2, 2, m.area.column_pitch),
                    )
                    gains[rows, columns] *= 1.0 + self.amount * (own - 1.0)
            place = (
                *_along(mosaic.pixels.shape[1], spacing_h, origin_h),
                *_along(mosaic.pixels.shape[0], spacing_v, origin_v),
            )
            pixels = shade(pixels, gains.reshape(4, points_v, points_h), place)
        left_over = replace(mosaic.facts.opcodes, list2=b"")
        return replace(mosaic, pixels=pixels, facts=replace(mosaic.facts, opcodes=left_over))


def _along(size: int, spacing: float, origin: float) -> tuple[float, float]:
    """Scale and shift from a pixel's index to its place in a gain map (DNG 1.7: pixel centres, 0 to 1)."""
    step = spacing if spacing > 0 else 1.0
    return 1.0 / (size * step), (0.5 / size - origin) / step


def _three(values: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = np.broadcast_to(values, 3)
    return float(red), float(green), float(blue)
