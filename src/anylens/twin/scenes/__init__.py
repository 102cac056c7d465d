"""Scenes to photograph, by name: small, spectral, parametrised; all their places in mm of the ideal picture."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from pathlib import Path
from typing import Any

from anylens.refusal import Refusal, near
from anylens.twin.scenes.charts import (
    CharucoGrid,
    ColorChecker,
    DistortionGrid,
    FlickerLight,
    NoiseSteps,
    SiemensStar,
    SlantedEdges,
    WhiteWall,
)
from anylens.twin.scenes.facade import Facade
from anylens.twin.scenes.leaves import DeadLeaves
from anylens.twin.scenes.photograph import Photograph
from anylens.twin.scenes.plane import Box, Draw, Field, Mark, Plane, Points, Scene
from anylens.twin.scenes.sky import StarField
from anylens.twin.scenes.views import Backlit, Depth, Moving

__all__ = ["Box", "Draw", "Field", "Mark", "Plane", "Points", "Scene", "about", "options", "scene", "scenes"]

_SCENES: dict[str, type[Any]] = {
    "backlit": Backlit,
    "charuco-grid": CharucoGrid,
    "color-checker": ColorChecker,
    "dead-leaves": DeadLeaves,
    "depth": Depth,
    "distortion-grid": DistortionGrid,
    "facade": Facade,
    "flicker-light": FlickerLight,
    "moving": Moving,
    "noise-steps": NoiseSteps,
    "photo": Photograph,
    "siemens-star": SiemensStar,
    "slanted-edges": SlantedEdges,
    "star-field": StarField,
    "white-wall": WhiteWall,
}


def scenes() -> dict[str, str]:
    """What each scene is, in one sentence, by its name."""
    return {name: (kind.__doc__ or "").partition("\n")[0] for name, kind in sorted(_SCENES.items())}


def about(name: str) -> str:
    """What the scene of that name shows and what its options mean, in a few sentences."""
    return " ".join((_kind(name).__doc__ or "").split())


def options(name: str) -> dict[str, Any]:
    """The options of the scene of that name, with what they are unless said otherwise."""
    return {each.name: each.default for each in dataclasses.fields(_kind(name))}


def scene(name: str, **said: Any) -> Scene:
    """The scene of that name; options may be text, as a command line has them.

    Raises Refusal for a name or an option that does not exist and for values that no such scene can have.
    """
    kind = _kind(name)
    types_of = typing.get_type_hints(kind)
    fields = {each.name: each for each in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in said.items():
        key = key.replace("-", "_")
        if key not in fields:
            raise Refusal(f"The scene {name} has no option '{key}'; {near(key, fields)}.")
        values[key] = _meant(name, key, value, types_of[key], fields[key].metadata)
    made: Scene = kind(**values)
    return made


def _kind(name: str) -> type[Any]:
    if name not in _SCENES:
        raise Refusal(f"There is no scene '{name}'; {near(name, _SCENES, 'anylens shoot --list')}.")
    return _SCENES[name]


def _meant(scene_name: str, key: str, value: Any, kind: Any, allowed: types.MappingProxyType[str, Any]) -> Any:
    where = f"The option {key} of the scene {scene_name}"
    if kind is bool:
        if str(value).lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise Refusal(f"{where} is yes or no, not '{value}'; choose one.")
        return str(value).lower() in ("true", "yes", "1")
    if kind is str:
        if "choices" in allowed and value not in allowed["choices"]:
            raise Refusal(f"{where} is not '{value}'; it is one of {', '.join(allowed['choices'])}.")
        if allowed.get("file") and not Path(value).is_file():
            raise Refusal(f"{where} names no file: '{value}' does not exist; give the path of a photograph.")
        return str(value)
    try:
        number = kind(value)
        if kind is int and number != float(value):
            raise ValueError
    except (TypeError, ValueError):
        raise Refusal(f"{where} is a {'whole ' if kind is int else ''}number, not '{value}'.") from None
    least, most = allowed.get("range", (-math.inf, math.inf))
    if not (math.isfinite(number) and least <= number <= most):
        raise Refusal(f"{where} is {value}; it goes from {least:g} to {most:g}.")
    return number
