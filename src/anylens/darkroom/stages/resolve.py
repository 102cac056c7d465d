"""Burst -> Scene of twice the width and height."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from anylens.darkroom.recipe import Checked, taste
from anylens.darkroom.stages.demosaic import Demosaic
from anylens.darkroom.stages.mosaic import Balance, Defects, Highlights, Shade
from anylens.frame import Burst
from anylens.image import Mosaic, Scene
from anylens.record import record

if TYPE_CHECKING:
    from anylens.darkroom.beside import Beside


@record(frozen=True, slots=True)
class Resolve(Checked):
    """Turn many frames into one scene of twice the width and height, from where a hand's tremor has put their samples.

    `robustness` and `reference` are those of Merge; `sharpness` is how far what a pixel's width has blurred is brought
    back.
    """

    robustness: float = taste(1.0, 0.0, 1.0, 0.05)
    reference: int = taste(0, 0, 100000, 1)
    sharpness: float = taste(1.0, 0.0, 2.0, 0.1)

    def __call__(
        self,
        burst: Burst,
        mosaic: tuple[Callable[[Mosaic], Mosaic], ...] = (Defects(), Balance(), Highlights(), Shade()),
        demosaic: Callable[[Mosaic], Scene] | None = None,
        beside: Beside | None = None,
    ) -> Scene:
        """The scene, each frame's light taken through these stages of a mosaic first, as the recipe has them."""
        from anylens.darkroom.beside import Beside
        from anylens.darkroom.resolving import resolved

        plan = (demosaic if isinstance(demosaic, Demosaic) else Demosaic()).plan
        return resolved(burst, mosaic, plan, beside or Beside(), self)
