"""Burst -> Scene, of frames at different focus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from anylens.darkroom.light import by_site, gains_of
from anylens.darkroom.recipe import checked, taste
from anylens.darkroom.stages.demosaic import Demosaic
from anylens.darkroom.stages.merge import Merge, light_by_site
from anylens.darkroom.stages.mosaic import Balance, Defects, Highlights, Shade
from anylens.frame import Burst, Facts, Frame
from anylens.image import Pixels, Scene
from anylens.kernels.sites import MARGIN
from anylens.record import record

Stages = tuple[Callable[[Any], Any], ...]


@record(frozen=True, slots=True)
class Stack:
    """Take from each of a focus stack's frames what it shows sharpest, aligned, for one scene sharp everywhere.

    `reference` is the number, from 1 on, of the frame that the others are laid over, 0 the middle one; `reach` is how
    far sharp edges speak for the blank places beside them.
    """

    reference: int = taste(0, 0, 100000, 1)
    reach: float = taste(0.5, 0.0, 2.0, 0.05)

    def __post_init__(self) -> None:
        checked(self)

    def __call__(
        self, burst: Burst, mosaic: Stages | None = None, demosaic: Callable[[Any], Any] | None = None
    ) -> Scene:
        """The scene of a burst; every frame goes through the stages given, the shipped ones where none are.

        All frames are balanced as the first of them is. Raises Refusal as `stacked` does.
        """
        from anylens.darkroom.stacking import stacked

        stages = (Defects(), Balance(), Highlights(), Shade()) if mosaic is None else mosaic
        return stacked(burst, _Way((*stages, demosaic or Demosaic())), _grey, self.reference, self.reach)


class _Way:
    """From a frame to its scene, the colours of all balanced as those of the first."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._first: Facts | None = None

    def __call__(self, frame: Frame | Scene) -> Scene:
        state: Any = frame if isinstance(frame, Scene) else Merge()(Burst((frame,)))
        if isinstance(state, Scene):
            return state
        first = self._first
        if first is not None and first.balance is not None:
            red, green, blue = (min(first.balance) / gain for gain in first.balance)
            state = replace(state, facts=replace(state.facts, as_shot_neutral=(red, green, blue)))
        for stage in self._stages:
            state = (Balance() if first is not None and isinstance(stage, Balance) else stage)(state)
        if first is None:
            self._first = state.facts
        scene: Scene = state
        return scene


def _grey(frame: Frame | Scene) -> Pixels:
    """A frame's light at half the size, (h, w), its colours evened out."""
    if isinstance(frame, Scene) or frame.facts.display_referred:
        import cv2

        planes = frame.pixels if isinstance(frame, Scene) else frame.raw
        height, width = (side // 2 * 2 for side in planes.shape[1:])
        grey = planes[:, :height, :width].mean(axis=0, dtype=np.float32)
        if isinstance(frame, Frame):
            grey /= np.float32(frame.facts.sensor.white[0])
        return np.asarray(cv2.resize(grey, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.float32)
    sites, facts = light_by_site(frame)
    weights = np.full(4, 0.25, np.float32)
    if facts.sensor.cfa and facts.as_shot_neutral is not None:
        weights = by_site(facts.sensor.cfa, gains_of(facts.as_shot_neutral)).ravel() * np.float32(0.25)
    inner = sites[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    return np.asarray(np.tensordot(weights, inner, 1), np.float32)
