"""Frames of one stack to their scenes, whole or only the parts that are wanted, all treated as the first of them is.

A part is developed by the same kernels as the whole, from the counts of its own rows and columns and some around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from anylens.darkroom.counts import counts_of
from anylens.darkroom.glass import Fitted
from anylens.darkroom.light import NOTHING_SEEN, bayer_phase
from anylens.darkroom.stages.demosaic import Demosaic
from anylens.darkroom.stages.merge import Merge
from anylens.darkroom.stages.mosaic import PART_STEP, Balance, Highlights, Plan, Planned
from anylens.frame import Burst, Facts, Frame
from anylens.image import Mosaic, Pixels, Scene
from anylens.kernels import demosaic, linearize
from anylens.kernels.matrix import matrix
from anylens.record import replace

Stages = tuple[Callable[[Any], Any], ...]
Part = Callable[[slice, slice], Pixels]
"""(3, h, w) of some rows and columns of a scene."""

AROUND_PX = 16
"""How far around a part the stages look, and more, but for those whose plan says how far."""


class Parts:
    """What the stages make of frames, which are balanced, and their clipped light filled in, as those of the first."""

    def __init__(self, stages: Stages, demosaic: Callable[[Any], Any]) -> None:
        self._stages, self._demosaic = stages, demosaic
        self._plans: list[Plan | None] = []
        self._first: Facts | None = None

    def whole(self, frame: Frame | Scene) -> Scene:
        """A frame's scene."""
        state: Any = frame if isinstance(frame, Scene) else Merge(mode="binned")(Burst((frame,)))
        if isinstance(state, Scene):
            return state
        first = self._first
        if first is not None and first.balance is not None:
            red, green, blue = (min(first.balance) / gain for gain in first.balance)
            state = replace(state, facts=replace(state.facts, as_shot_neutral=(red, green, blue)))
        for stage in self._stages:
            if first is None:
                state = self._begun(stage, state)
            else:
                state = (Balance() if isinstance(stage, Balance) else stage)(state)
        if first is None:
            self._first = state.facts
        scene: Scene = self._demosaic(state)
        return scene

    def _begun(self, stage: Callable[[Any], Any], state: Mosaic) -> Mosaic:
        """What a stage makes of the first frame; its plan is kept."""
        plan = stage.planned(state) if isinstance(stage, Planned) else None
        self._plans.append(plan)
        result: Mosaic = stage(state) if plan is None else plan(state)
        return result

    def of(self, frame: Frame | Scene) -> Part:
        """What gives parts of a frame's scene."""
        if isinstance(frame, Frame) and frame.facts.display_referred:
            scale = np.float32(1.0 / frame.facts.sensor.white[0])
            return lambda rows, columns: np.multiply(frame.raw[:, rows, columns], scale, dtype=np.float32)
        if isinstance(frame, Frame) and self._first is not None and len(frame.facts.sensor.cfa) == 2:
            planned = self._planned(frame)
            if planned is not None:
                return planned
        pixels = self.whole(frame).pixels
        return lambda rows, columns: pixels[:, rows, columns]

    def _planned(self, frame: Frame) -> Part | None:
        """The same from the counts, None where the recipe has stages of its own."""
        facts, first = frame.facts, self._first
        assert first is not None
        if not isinstance(self._demosaic, Demosaic) or frame.raw.ndim != 2 or facts.sensor.cfa != first.sensor.cfa:
            return None
        steps: list[Plan] = []
        for stage, plan in zip(self._stages, self._plans, strict=True):
            if isinstance(stage, Fitted):
                facts = stage(replace(frame, facts=facts)).facts
                continue
            if plan is None:
                return None
            if isinstance(stage, Balance | Highlights):
                facts = replace(facts, balance=plan.facts.balance)
            elif isinstance(stage, Planned):
                plan = stage.plan(facts, NOTHING_SEEN, frame.facts.active_shape)
                facts = plan.facts
            steps.append(plan)
        phase = bayer_phase(facts.sensor.cfa)
        (toe,), to_scene, _ = self._demosaic.plan(first, NOTHING_SEEN)
        counts, blacks, scales, below, period = linearize.tables(*counts_of(frame))
        height, width = counts.shape
        step_down, around = np.lcm(PART_STEP, period), AROUND_PX + sum(step.reach for step in steps)

        def part(rows: slice, columns: slice) -> Pixels:
            top = max(0, rows.start - around) // step_down * step_down
            left = max(0, columns.start - around) // PART_STEP * PART_STEP
            bottom, right = min(height, rows.stop + around), min(width, columns.stop + around)
            black, scale = (np.ascontiguousarray(table[:, left:right]) for table in (blacks, scales))
            taken = counts[top:bottom, left:right], black, scale, below[top:bottom], period
            light = linearize.kernel(*taken, out=np.empty((bottom - top, right - left), np.float32))
            for step in steps:
                if step.kernel is None:
                    continue
                given = step.given if step.part is None else step.part(top, left)
                light = step.kernel(light, *given, out=np.empty(light.shape, np.float32))
            colors = matrix(demosaic.demosaic(light, *phase, toe), to_scene)
            return colors[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]

        return part
