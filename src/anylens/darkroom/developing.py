"""develop: the way of the light through a recipe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Literal

import numpy as np

from anylens.darkroom.beside import beside_of
from anylens.darkroom.glass import Choice, Fitted, with_passport
from anylens.darkroom.one_pass import counted, fits, in_bands, in_one_pass, renders
from anylens.darkroom.quad import as_bayer
from anylens.darkroom.recipe import Recipe, Stage, text
from anylens.darkroom.stages import RENDERING, default_recipe
from anylens.darkroom.stages.merge import Merge
from anylens.darkroom.stages.mosaic import Highlights
from anylens.darkroom.stages.resolve import Resolve
from anylens.darkroom.stages.stack import Stack
from anylens.frame import Burst, Frame
from anylens.image import Latent, Mosaic, Photo, Scene
from anylens.record import replace
from anylens.refusal import Refusal

Until = Literal["mosaic", "scene", "photo"]
Watch = Callable[[Stage, Any, float], None]


def develop(
    image: Frame | Burst | Mosaic | Scene,
    recipe: Recipe | None = None,
    *,
    until: Until = "photo",
    bits: Literal[8, 32] = 32,
    watch: Watch | None = None,
    passport: Choice = "find",
) -> Mosaic | Scene | Photo:
    """Develop counts, a mosaic or a scene by a recipe (the default one where none is given).

    `until="mosaic"` gives the merged mosaic before any stage, or a focus stack's scene; `until="scene"` the linear
    Scene of the full active area before exposure and tone. With `bits=8` the photo is uint8, made in one fused pass
    where frame and recipe allow, several times faster and in a fraction of the memory; else it is float32.
    `watch(stage, image, seconds)` is told of each stage as it is done, which makes the stages run one by one. The
    lens's passport is found by lens and body unless one is given, or "none". Raises Refusal for light that cannot be
    developed.
    """
    recipe = recipe or default_recipe()
    if until == "photo" and bits == 8 and watch is None:
        found = latent(image, recipe, passport=passport)
        return found.photo() if isinstance(found, Latent) else found
    state: Mosaic | Scene | Photo = _stage_by_stage(_begun(image, recipe, passport), recipe, until, watch, passport)
    if not isinstance(state, Photo):
        return state
    return replace(_in_bytes(state) if bits == 8 else state, recipe=text(recipe))


def latent(
    image: Frame | Burst | Mosaic | Scene, recipe: Recipe | None = None, *, passport: Choice = "find"
) -> Latent | Photo:
    """The photo of 8 bits, its pixels still to be made where frame and recipe allow one fused pass.

    As `develop(image, recipe, bits=8)`, for whoever writes the photo band by band and never needs it whole.
    """
    recipe = recipe or default_recipe()
    image = _begun(image, recipe, passport)
    if isinstance(image, Burst):
        image = with_passport(_merge_of(recipe, passport)(image), passport)
    if isinstance(image, Frame) and fits(image, recipe):
        return replace(in_one_pass(image, recipe), recipe=text(recipe))
    if isinstance(image, Mosaic) and fits(image, recipe):
        return replace(in_one_pass(counted(image), recipe, image.frames_used), recipe=text(recipe))
    if isinstance(image, Scene) and renders(image, recipe):
        return replace(in_bands(image, recipe), recipe=text(recipe))
    return replace(_in_bytes(_stage_by_stage(image, recipe, "photo", None, passport)), recipe=text(recipe))


def _begun(image: Frame | Burst | Mosaic | Scene, recipe: Recipe, passport: Choice) -> Frame | Burst | Mosaic | Scene:
    """What developing begins with.

    A burst of one is its frame, quad-Bayer is taken for Bayer, a linear DNG's highlights are filled in, passports are
    found.
    """
    if isinstance(image, Burst) and len(image.frames) == 1 and not isinstance(recipe.merge, Stack):
        image = image.reference
    if isinstance(image, Frame) and isinstance(recipe.merge, Merge):
        image = as_bayer(image, recipe.merge.mode)
    if isinstance(image, Scene):
        for stage in recipe.mosaic:
            image = stage.colors(image) if isinstance(stage, Highlights) else image
    return image if isinstance(image, Burst) else with_passport(image, passport)


def _in_bytes(photo: Photo) -> Photo:
    return replace(photo, pixels=(photo.pixels * np.float32(255) + np.float32(0.5)).astype(np.uint8))


def _merge_of(recipe: Recipe, passport: Choice) -> Callable[[Burst], Mosaic | Scene]:
    """A focus stack and super-resolution take each frame through the recipe's own stages before it is one scene."""
    if not isinstance(recipe.merge, Stack | Resolve):
        return recipe.merge
    return partial(
        recipe.merge,
        mosaic=(Fitted(passport), *recipe.mosaic),
        demosaic=recipe.demosaic,
        beside=beside_of(recipe),
    )


def _demosaiced(recipe: Recipe, mosaic: Mosaic) -> Any:
    """The scene of a mosaic; what a lens has parted is joined before colours are told from each other."""
    return recipe.demosaic(beside_of(recipe)(mosaic))


def _stage_by_stage(
    image: Frame | Burst | Mosaic | Scene, recipe: Recipe, until: Until, watch: Watch | None, passport: Choice
) -> Any:
    def through(stage: Stage, value: Any, does: Stage | None = None) -> Any:
        start = perf_counter()
        result = (does or stage)(value)
        if watch is not None:
            watch(stage, result, perf_counter() - start)
        return result

    stage: Stage
    state: Any = image
    if isinstance(state, Frame):
        state = Burst((state,))
    if isinstance(state, Burst):
        if until == "mosaic" and isinstance(recipe.merge, Resolve):
            raise Refusal(
                "super-resolution makes a scene of a burst, not a mosaic; ask for the scene, or merge otherwise"
            )
        start = perf_counter()
        state = _merge_of(recipe, passport)(state)
        if watch is not None:
            watch(recipe.merge, state, perf_counter() - start)
        state = with_passport(state, passport)
    if until == "mosaic":
        return state
    if isinstance(state, Mosaic):
        for stage in recipe.mosaic:
            state = through(stage, state)
        state = through(recipe.demosaic, state, partial(_demosaiced, recipe))
    for stage in recipe.scene:
        if until == "scene" and isinstance(stage, RENDERING):
            break
        state = through(stage, state)
    if until == "scene":
        return state
    state = through(recipe.tone, state)
    for stage in recipe.photo:
        state = through(stage, state)
    return state
