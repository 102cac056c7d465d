"""Mosaic -> Scene."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anylens.darkroom.light import bayer_phase, noise_of, scene_matrix, seen_small, toe_of
from anylens.frame import Facts
from anylens.image import Mosaic, Pixels, Scene
from anylens.kernels.demosaic import demosaic
from anylens.kernels.matrix import matrix
from anylens.record import record


@record(frozen=True, slots=True)
class Demosaic:
    """Give every pixel all three colours, in linear Rec. 2020."""

    def __call__(self, mosaic: Mosaic) -> Scene:
        facts = mosaic.facts
        if not facts.sensor.cfa:
            return Scene(np.repeat(mosaic.pixels[None], 3, axis=0), facts, mosaic.frames_used, None, mosaic.shading)
        (toe,), table, seen = self.plan(facts, seen_small(mosaic))
        rgb = demosaic(mosaic.pixels, *bayer_phase(facts.sensor.cfa), toe)
        return Scene(matrix(rgb, table), facts, mosaic.frames_used, seen if seen.size else None, mosaic.shading)

    def plan(self, facts: Facts, seen: Pixels) -> tuple[tuple[float], npt.NDArray[np.float64], Pixels]:
        """What the kernel takes (the toe under the root), the matrix to Rec. 2020, and the overview of the scene."""
        table = scene_matrix(facts)
        return (toe_of(noise_of(facts)),), table, np.einsum("cd,dyx->cyx", table.astype(np.float32), seen)
