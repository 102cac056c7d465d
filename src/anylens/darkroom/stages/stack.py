"""Burst -> Scene, of frames at different focus."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from anylens.darkroom.light import by_site, gains_of
from anylens.darkroom.recipe import Checked, taste
from anylens.darkroom.stages.demosaic import Demosaic
from anylens.darkroom.stages.mosaic import Balance, Defects, Highlights, Shade
from anylens.frame import Burst, Frame
from anylens.image import Pixels, Scene
from anylens.record import record

if TYPE_CHECKING:
    from anylens.darkroom.beside import Beside

Stages = tuple[Callable[[Any], Any], ...]


@record(frozen=True, slots=True)
class Stack(Checked):
    """Take from each of a focus stack's frames what it shows sharpest, aligned, for one scene sharp everywhere.

    `reference` is the number, from 1 on, of the frame that the others are laid over, 0 the middle one; `reach` is how
    far sharp edges speak for the blank places beside them.
    """

    reference: int = taste(0, 0, 100000, 1)
    reach: float = taste(0.5, 0.0, 2.0, 0.05)

    def __call__(
        self,
        burst: Burst,
        mosaic: Stages | None = None,
        demosaic: Callable[[Any], Any] | None = None,
        beside: Beside | None = None,
    ) -> Scene:
        """The scene of a burst; every frame goes through the stages given, the shipped ones where none are.

        All frames are balanced as the first of them is. Raises Refusal as `stacked` does.
        """
        from anylens.darkroom.beside import Beside
        from anylens.darkroom.parts import Parts
        from anylens.darkroom.stacking import stacked

        stages = (Defects(), Balance(), Highlights(), Shade()) if mosaic is None else mosaic
        stages = (*stages, beside or Beside())
        return stacked(burst, Parts(stages, demosaic or Demosaic()), _grey, self.reference, self.reach)


def _grey(frame: Frame | Scene) -> Pixels:
    """A frame's light at half the size, (h, w), its colours evened out."""
    if isinstance(frame, Scene) or frame.facts.display_referred:
        import cv2

        planes, white = (frame.pixels, 1.0) if isinstance(frame, Scene) else (frame.raw, frame.facts.sensor.white[0])
        height, width = (side // 2 for side in planes.shape[1:])
        grey = np.zeros((height, width), np.float32)
        for plane in planes:
            half = cv2.resize(plane[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
            cv2.accumulate(half, grey)
        grey *= np.float32(1.0 / (3.0 * white))
        return grey
    from anylens.darkroom.seen import light_by_site
    from anylens.kernels.sites import MARGIN

    sites, facts = light_by_site(frame)
    weights = np.full(4, 0.25, np.float32)
    if facts.sensor.cfa and facts.as_shot_neutral is not None:
        weights = by_site(facts.sensor.cfa, gains_of(facts.as_shot_neutral)).ravel() * np.float32(0.25)
    inner = sites[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    return np.asarray(np.tensordot(weights, inner, 1), np.float32)
