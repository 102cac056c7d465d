"""Lateral colour undone before demosaicing, as much as `Unbend` says: a step of every way from mosaic to scene."""

from __future__ import annotations

import numpy as np

from anylens.darkroom.glass import colors_apart, places_seen, without
from anylens.darkroom.light import bayer_phase, noise_of, toe_of
from anylens.darkroom.recipe import Recipe, taste
from anylens.darkroom.stages.mosaic import Plan, Planned
from anylens.darkroom.stages.scene import Unbend
from anylens.frame import Facts
from anylens.image import Pixels
from anylens.record import record


@record(frozen=True, slots=True)
class Beside(Planned):
    """Lay red's and blue's light where green's is, as demosaicing takes them to be."""

    lateral: float = taste(1.0, 0.0, 1.0, 0.05)

    def plan(self, facts: Facts, seen: Pixels, shape: tuple[int, ...]) -> Plan:
        """The kernel takes the toe of roots, where colours lie, and the phase of the filter."""
        found = self.apart(facts, shape)
        if found is None:
            return Plan(None, (), facts, seen)
        from anylens.kernels.beside import SQUARE, SUPPORT

        toe, phase = toe_of(noise_of(facts)), bayer_phase(facts.sensor.cfa)

        def part(top: int, left: int) -> tuple[object, ...]:
            tables = (table[:, top // SQUARE :, left // SQUARE :] for table in found)
            return toe, *tables, *phase

        return Plan(_light_beside_green, part(0, 0), without(facts, "lateral"), seen, part=part, reach=SUPPORT)

    def apart(self, facts: Facts, shape: tuple[int, ...]) -> tuple[Pixels, Pixels] | None:
        """As `glass.colors_apart`, where there is a Bayer mosaic."""
        return colors_apart(facts, (shape[0], shape[1]), self.lateral) if len(facts.sensor.cfa) == 2 else None

    def parted(self, colors: Pixels, facts: Facts) -> Pixels:
        """The colours (3, H, W) of a mosaic of these facts that went through this, each where the lens had laid it."""
        shape = colors.shape[1], colors.shape[2]
        seen = None if self.apart(facts, shape) is None else places_seen(facts, shape, 0.0, self.lateral, 0.0)
        if seen is None:
            return colors
        from anylens.kernels.warp import places, warp

        return warp(colors, places(2 * seen[1] - seen))


def _light_beside_green(
    light: Pixels, toe: float, across: Pixels, down: Pixels, red_x: int, red_y: int, *, out: Pixels
) -> Pixels:
    """As `kernels.beside.beside_green`, of light, whose roots are those of what is `toe` more."""
    from anylens.kernels.anscombe import lifted_reference, root_reference
    from anylens.kernels.beside import beside_green

    roots = beside_green(root_reference(light, toe), (across, down), red_x, red_y)
    np.subtract(lifted_reference(roots, toe), np.float32(toe), out=out)
    return out


def beside_of(recipe: Recipe) -> Beside:
    """What a recipe's `Unbend` says of lateral colour; nothing where it has none."""
    return Beside(max((stage.lateral for stage in recipe.scene if isinstance(stage, Unbend)), default=0.0))
