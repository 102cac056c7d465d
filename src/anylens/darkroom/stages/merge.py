"""Burst -> Mosaic."""

from __future__ import annotations

from typing import Literal

from anylens.darkroom.counts import light_of, planes_of
from anylens.darkroom.quad import in_mode
from anylens.darkroom.recipe import Checked, taste
from anylens.frame import Burst
from anylens.image import Mosaic, Scene
from anylens.record import record


@record(frozen=True, slots=True)
class Merge(Checked):
    """Turn counts into light, many frames into one: aligned, averaged where they agree within their noise.

    Black goes off, white to 1, the active area is cut out. `robustness` 1 lets the reference alone speak where frames
    disagree, 0 takes their mean everywhere; `reference` is a frame's number from 1 on, 0 the sharpest of the first
    three, in a bracket one of its middle exposure. Of a quad-Bayer sensor `mode` full keeps every pixel, binned joins
    each four of one color, auto is full where the noise is low. Frames that are display-referred become a Scene.
    """

    robustness: float = taste(1.0, 0.0, 1.0, 0.05)
    reference: int = taste(0, 0, 100000, 1)
    mode: Literal["auto", "full", "binned"] = taste("auto")

    def __call__(self, burst: Burst) -> Mosaic | Scene:
        burst, quick = in_mode(burst, self.mode)
        if len(burst.frames) > 1:
            from anylens.darkroom.merging import merged

            return merged(burst, self.reference, self.robustness, quick=quick)
        frame = burst.reference
        if frame.facts.display_referred:
            return Scene(planes_of(frame), frame.facts)
        return Mosaic(light_of(frame), frame.facts)
