"""A frame to a photo of 8 bits in one fused pass, where the recipe is made of the shipped stages in the shipped order.

The stages are asked what they are going to do (`plan`), from the facts and from the picture seen small; then one
kernel does all of it, band by band, and no full-size picture but the photo is ever in memory.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from anylens.darkroom.light import bayer_phase
from anylens.darkroom.recipe import Recipe
from anylens.darkroom.stages import default_recipe
from anylens.darkroom.stages.merge import counts_of
from anylens.darkroom.stages.scene import Restore, Size, Unbend, calm_of
from anylens.frame import Frame
from anylens.image import FrameCount, Mosaic, Photo
from anylens.kernels.cells import SPACING, colors_of
from anylens.kernels.linearize import tables
from anylens.kernels.passes import cells, photo

BAND_ROWS = 1024
LEAST_SIDE = 256
COUNTED_BLACK, MOST_LIGHT = 2048.0, 16.0
APART = (Unbend, Restore, Size)
"""Stages that the pass has no kernel for: it runs where they have nothing to do."""
SHIPPED = tuple(type(stage) for _, stage in default_recipe().stages() if not isinstance(stage, APART))


def fits(image: Frame | Mosaic, recipe: Recipe) -> bool:
    """Whether the pass gives what the stages one by one would give: Bayer light of some size, the shipped stages."""
    stages = [stage for _, stage in recipe.stages()]
    shipped = tuple(type(stage) for stage in stages if not isinstance(stage, APART))
    if shipped != SHIPPED or not photo.kernel.compiled:
        return False
    if isinstance(image, Mosaic):
        (height, width), flat = image.pixels.shape, image.facts.balance is None
    else:
        (height, width), flat = image.facts.active_shape, image.raw.ndim == 2
    if not flat or len(image.facts.sensor.cfa) != 2 or min(height, width) < LEAST_SIDE:
        return False
    return not any(stage.acts(image.facts, (height, width)) for stage in stages if isinstance(stage, APART))


def in_one_pass(frame: Frame, recipe: Recipe, frames_used: FrameCount | None = None) -> Photo:
    """The photo, uint8, of a frame and a recipe that fit; of merged light with the count of frames of each pixel."""
    defects, balance, highlights, shade = (stage for stage in recipe.mosaic)
    denoise, expose, local_tone, crop = (stage for stage in recipe.scene if not isinstance(stage, APART))
    facts, given = frame.facts, dict[str, tuple[Any, ...]]()
    shape, phase = facts.active_shape, bayer_phase(facts.sensor.cfa)
    height, width = shape
    given["counts"] = (*tables(*counts_of(frame)), width, height, *_plan(defects)(facts))
    seen = colors_of(cells.cells(given["counts"]), *phase)
    given["balance"], facts, seen = _plan(balance)(facts, seen)
    given["highlights"], seen = _plan(highlights)(facts, seen)
    given["shade"], facts, seen, shading = _plan(shade)(facts, seen, shape)
    given["demosaic"], to_scene, seen = _plan(recipe.demosaic)(facts, seen)
    _, _, *noise = _plan(denoise)(facts)
    given["denoise"] = (to_scene.astype(np.float32), *noise)
    given["expose"], seen = _plan(expose)(facts, seen)
    given["local_tone"] = _plan(local_tone)(seen)
    given["tone"] = _plan(recipe.tone)()
    (sharpen,) = recipe.photo
    given["sharpen"] = _plan(sharpen)()

    calm = calm_of(shading)
    if frames_used is not None:
        calm = np.ascontiguousarray(calm * frames_used[::SPACING, ::SPACING][: seen.shape[1], : seen.shape[2]])

    rows, columns = _plan(crop)(facts, shape)
    pixels = np.empty((rows.stop - rows.start, columns.stop - columns.start, 3), np.uint8).transpose(2, 0, 1)
    for top in range(0, pixels.shape[1], BAND_ROWS):
        band = pixels[:, top : top + BAND_ROWS]
        photo.photo(band, (columns.start, rows.start + top), phase, calm, **given)
    facts = replace(facts, crop=(0.0, 0.0, float(pixels.shape[2]), float(pixels.shape[1])))
    used = None if frames_used is None else frames_used[rows, columns]
    return Photo(pixels, facts, used, space=recipe.tone.space)  # type: ignore[attr-defined]


def counted(mosaic: Mosaic) -> Frame:
    """The light of a mosaic as counts of 16 bits, fine enough for light of many frames, for the pass to begin with."""
    light, facts = mosaic.pixels, mosaic.facts
    height, width = light.shape
    brightest = min(max(1.0, float(light.max())), MOST_LIGHT)
    scale = np.float32((65535 - COUNTED_BLACK) / brightest)
    raw = np.empty(light.shape, np.uint16)
    for top in range(0, height, BAND_ROWS):
        band = light[top : top + BAND_ROWS] * scale
        band += np.float32(COUNTED_BLACK + 0.5)
        np.clip(band, 0, 65535, out=band)
        raw[top : top + BAND_ROWS] = band
    white = COUNTED_BLACK + float(scale)
    sensor = replace(
        facts.sensor,
        black=((COUNTED_BLACK,),),
        white=(white,),
        black_row_delta=(),
        black_column_delta=(),
    )
    return Frame(raw, replace(facts, sensor=sensor, active_area=(0, 0, height, width)))


def _plan(stage: Any) -> Any:
    return stage.plan
