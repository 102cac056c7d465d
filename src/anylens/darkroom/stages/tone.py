"""Scene -> Photo."""

from __future__ import annotations

from typing import Literal

import numpy as np

from anylens import color
from anylens.darkroom.recipe import Checked, taste
from anylens.darkroom.stages.scene import brightest_of
from anylens.image import Photo, Pixels, Scene
from anylens.kernels.tone import tone
from anylens.record import record

GREY, SEEN_EV = 0.18, 0.01
STRAIGHT, SHOULDER = 1.002, 1.1
"""Stops from middle grey to a bright tone over those that contrast alone needs: hardly a shoulder, and a round one."""


@record(frozen=True, slots=True)
class Tone(Checked):
    """Render for a display: `contrast` at middle grey, white `white_ev` stops above it, `black` lifted off.

    Where the scene is brighter than that, white is up to `room_ev` stops further up, so that clouds keep their shape.
    Vibrance is saturation that spares what is rich already, and skin and wood.
    What local tone held back is shown as bright as it would be without, so that white does not become grey.
    """

    contrast: float = taste(1.35, 1.0, 3.0, 0.05)
    white_ev: float = taste(3.2, 1.5, 8.0, 0.1)
    room_ev: float = taste(1.0, 0.0, 4.0, 0.1)
    grey: float = taste(0.18, 0.05, 0.5, 0.01)
    black: float = taste(0.0005, 0.0, 0.05, 0.0005)
    saturation: float = taste(1.0, 0.0, 2.0, 0.05)
    vibrance: float = taste(0.0, 0.0, 1.0, 0.05)
    space: Literal["srgb", "display-p3"] = taste("srgb")

    def __call__(self, scene: Scene) -> Photo:
        brightest = brightest_of(scene.seen_small()) if scene.brightest is None else scene.brightest
        pixels = tone(scene.pixels, *self.plan(brightest, scene.held_ev))
        return Photo(pixels, scene.facts, scene.frames_used, space=self.space, came_from=scene.came_from)

    def plan(self, brightest: float, held_ev: float) -> tuple[Pixels, float, float, float, float, float, float]:
        """The matrix to the display, power, bend and peak of the curve, saturation, vibrance, flare, for the kernel."""
        bright_ev = float(np.log2(max(brightest, GREY) / GREY))
        white_ev = min(max(bright_ev, self.white_ev), self.white_ev + self.room_ev)
        bend, peak = self._curve(white_ev, 1.0 + self.black)
        if SEEN_EV < held_ev < bright_ev:
            raised = (GREY * 2.0**bright_ev) ** self.contrast
            light = min(peak * raised / (raised + bend), 1.0 + self.black)
            bend, peak = self._curve(bright_ev - held_ev, light, white_ev)
        to_display = color.rgb_to_rgb("rec2020", self.space).astype(np.float32)
        return to_display, self.contrast, bend, peak, self.saturation, self.vibrance, self.black

    def _curve(self, ev: float, light: float, white_ev: float = 0.0) -> tuple[float, float]:
        """Bend and peak of the curve that shows middle grey as `grey` and `ev` stops above it as `light`.

        Where the contrast is too low for that, or leaves less of a shoulder than one to a white of `white_ev` has, grey
        becomes brighter too.
        """
        dark = self.grey + self.black
        straight_ev = float(np.log2(light / dark)) / self.contrast
        round_ev = max(ev, min(SHOULDER * straight_ev, max(white_ev, STRAIGHT * straight_ev)))
        middle, bright = GREY**self.contrast, (GREY * 2.0**round_ev) ** self.contrast
        bend = middle * bright * (light - dark) / (dark * bright - light * middle)
        return bend * 2.0 ** (self.contrast * (ev - round_ev)), dark * (middle + bend) / middle
