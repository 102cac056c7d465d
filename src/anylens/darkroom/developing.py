"""develop: the way of the light through a recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any, Literal

from anylens.darkroom.recipe import Recipe, Stage, text
from anylens.darkroom.stages import RENDERING, default_recipe
from anylens.frame import Burst, Frame
from anylens.image import Mosaic, Photo, Scene

Until = Literal["mosaic", "scene", "photo"]
Watch = Callable[[Stage, Any, float], None]


def develop(
    image: Frame | Burst | Mosaic | Scene,
    recipe: Recipe | None = None,
    *,
    until: Until = "photo",
    watch: Watch | None = None,
) -> Mosaic | Scene | Photo:
    """Develop counts, a mosaic or a scene by a recipe (the default one where none is given).

    `until="mosaic"` gives the merged mosaic before any stage; `until="scene"` the linear Scene of the full active
    area before exposure and tone. `watch(stage, image, seconds)` is told of each stage as it is done. Raises Refusal
    for light that cannot be developed.
    """
    recipe = recipe or default_recipe()

    def through(stage: Stage, value: Any) -> Any:
        start = perf_counter()
        result = stage(value)
        if watch is not None:
            watch(stage, result, perf_counter() - start)
        return result

    stage: Stage
    state: Any = image
    if isinstance(state, Frame):
        state = Burst((state,))
    if isinstance(state, Burst):
        state = through(recipe.merge, state)
    if until == "mosaic":
        return state  # type: ignore[no-any-return]
    if isinstance(state, Mosaic):
        for stage in recipe.mosaic:
            state = through(stage, state)
        state = through(recipe.demosaic, state)
    for stage in recipe.scene:
        if until == "scene" and isinstance(stage, RENDERING):
            break
        state = through(stage, state)
    if until == "scene":
        return state  # type: ignore[no-any-return]
    state = through(recipe.tone, state)
    for stage in recipe.photo:
        state = through(stage, state)
    return replace(state, recipe=text(recipe))  # type: ignore[no-any-return]
