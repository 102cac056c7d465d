"""Mosaic -> Scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anylens.darkroom.light import bayer_phase, noise_of, scene_matrix
from anylens.image import Mosaic, Scene
from anylens.kernels.cells import cells, colors_of
from anylens.kernels.demosaic import demosaic
from anylens.kernels.matrix import matrix


@dataclass(frozen=True, slots=True)
class Demosaic:
    """Give every pixel all three colours, in linear Rec. 2020."""

    def __call__(self, mosaic: Mosaic) -> Scene:
        facts = mosaic.facts
        if not facts.sensor.cfa:
            return Scene(np.repeat(mosaic.pixels[None], 3, axis=0), facts, mosaic.frames_used)
        toe = 0.001 + 3.0 * max(noise_of(facts).offset) ** 0.5
        red_x, red_y = bayer_phase(facts.sensor.cfa)
        rgb = demosaic(mosaic.pixels, red_x, red_y, toe)
        table = scene_matrix(facts)
        seen = np.einsum("cd,dyx->cyx", table, colors_of(cells(mosaic.pixels), red_x, red_y)).astype(np.float32)
        return Scene(matrix(rgb, table), facts, mosaic.frames_used, seen if seen.size else None)
