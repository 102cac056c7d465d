"""Mosaic -> Scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anylens.darkroom.light import bayer_phase, noise_of, scene_matrix
from anylens.image import Mosaic, Scene
from anylens.kernels.demosaic import demosaic
from anylens.kernels.matrix import matrix


@dataclass(frozen=True, slots=True)
class Demosaic:
    """Give every pixel all three colours, in linear Rec. 2020."""

    def __call__(self, mosaic: Mosaic) -> Scene:
        facts = mosaic.facts
        if not facts.sensor.cfa:
            grey = np.repeat(mosaic.pixels[None], 3, axis=0)
            return Scene(grey, facts, mosaic.frames_used)
        toe = 0.001 + 3.0 * max(noise_of(facts).offset) ** 0.5
        red_x, red_y = bayer_phase(facts.sensor.cfa)
        rgb = demosaic(mosaic.pixels, red_x, red_y, toe)
        return Scene(matrix(rgb, scene_matrix(facts)), facts, mosaic.frames_used)
