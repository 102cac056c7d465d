"""Recipe: all taste, in order, as a value, and its text.

The text is TOML. Each table is `[section.Stage]` with the stage's fields; the order of the tables is the order of
the stages, and a stage stands once in its section:

    schema = 1
    whole = true
    [mosaic.Balance]
    kelvin = 5200.0

A text that is `whole` names every stage, as the one that travels in a photo; any other is a look, which says only what
differs from the recipe that it is laid over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

from anylens.frame import Burst
from anylens.image import Mosaic, Photo, Scene
from anylens.record import field, fields, record, replace
from anylens.refusal import Refusal, near

SCHEMA = 1
SECTIONS = ("merge", "mosaic", "demosaic", "scene", "tone", "photo")
SINGLE = ("merge", "demosaic", "tone")

Stage = Any
StageTable = Mapping[str, tuple[str, type]]
"""Stage name -> (the section it belongs to, its record)."""


@record(frozen=True, slots=True)
class Recipe:
    """All taste of one development, in order: each stage is a frozen record that turns one image into the next."""

    merge: Callable[[Burst], Mosaic | Scene]
    mosaic: tuple[Callable[[Mosaic], Mosaic], ...]
    demosaic: Callable[[Mosaic], Scene]
    scene: tuple[Callable[[Scene], Scene], ...]
    tone: Callable[[Scene], Photo]
    photo: tuple[Callable[[Photo], Photo], ...]

    def stages(self) -> tuple[tuple[str, Stage], ...]:
        """(section, stage) in order."""
        pairs: list[tuple[str, Stage]] = []
        for section in SECTIONS:
            value = getattr(self, section)
            pairs += [(section, stage) for stage in ((value,) if section in SINGLE else value)]
        return tuple(pairs)


def taste(default: Any, low: float | None = None, high: float | None = None, step: float | None = None) -> Any:
    """A field of a stage: its default and, for numbers, the range and step of its slider."""
    return field(default=default, metadata={"low": low, "high": high, "step": step})


_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def checked(stage: Stage) -> Stage:
    """The stage itself where every field has its type and lies in its range; else a Refusal that names the field.

    Defaults are right by themselves, and so cost nothing here.
    """
    for each in fields(stage):
        value, name = getattr(stage, each.name), f"{type(stage).__name__}.{each.name}"
        if value is each.default:
            continue
        hint = _hints(type(stage))[each.name]
        if choices := get_args(hint):
            if value not in choices:
                raise Refusal(f"{name} is {value!r}, which it does not know; choose one of {', '.join(choices)}")
            continue
        wanted = (int, float) if hint is float else hint
        if not isinstance(value, wanted) or (isinstance(value, bool) and hint is not bool):
            raise Refusal(f"{name} is {value!r}, which is not of type {hint.__name__}; give it a {hint.__name__}")
        low, high = each.metadata.get("low"), each.metadata.get("high")
        if low is not None and high is not None and not (math.isfinite(value) and low <= value <= high):
            raise Refusal(f"{name} is {value:g}, outside its range; choose a value from {low:g} to {high:g}")
    return stage


class Checked:
    """A stage whose fields are looked at as it is made, as `checked` does; raises its Refusal."""

    __slots__ = ()

    def __post_init__(self) -> None:
        checked(self)


def text(recipe: Recipe) -> str:
    """The recipe as TOML with every field written out, so that it makes the same photo whatever the defaults become."""
    lines = [f"schema = {SCHEMA}", "whole = true"]
    for section, stage in recipe.stages():
        lines.append(f"[{section}.{type(stage).__name__}]")
        lines += [f"{each.name} = {_value(getattr(stage, each.name))}" for each in fields(stage)]
    return "\n".join(lines) + "\n"


def parse(source: str, stages: StageTable, start: Recipe) -> Recipe:
    """A recipe from its TOML text, whole or a look.

    A look changes fields of stages that `start` has and puts new stages at the end of their section. Raises Refusal
    for text that is not a recipe, a stage that is unknown or in the wrong section, and fields that are unknown or out
    of range.
    """
    import tomllib

    try:
        tables = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"the recipe is not valid TOML ({error}); correct it or choose another") from None
    schema = tables.pop("schema", None)
    if schema != SCHEMA:
        raise Refusal(f"the recipe has schema {schema!r}, this version reads schema {SCHEMA}; use one written for it")
    tables.pop("about", None)
    whole = tables.pop("whole", False)
    if not isinstance(whole, bool):
        raise Refusal(f"the recipe says whole = {whole!r}; say true where it names every stage, else leave it out")
    found: dict[str, dict[str, Stage]] = {section: {} for section in SECTIONS}
    for section, stage in () if whole else start.stages():
        found[section][type(stage).__name__] = stage
    for section, named in tables.items():
        if section not in SECTIONS or not isinstance(named, dict):
            raise Refusal(f"the recipe has a part '{section}', which is none of {', '.join(SECTIONS)}; rename it")
        for name, said in named.items():
            home, kind = _lookup(name, stages)
            if home != section:
                raise Refusal(f"stage {name} stands in section '{section}' but belongs to '{home}'; move it there")
            if not isinstance(said, dict):
                raise Refusal(f"stage {name} is given as {said!r}; write it as a table [{section}.{name}]")
            if section in SINGLE and not whole and name not in found[section]:
                found[section] = {}
            found[section][name] = _with(found[section].get(name, kind()), said)
    for section in SINGLE:
        if len(found[section]) != 1:
            raise Refusal(f"section '{section}' has {len(found[section])} stages; a recipe has exactly one there")
    return Recipe(
        **{  # type: ignore[arg-type]
            section: next(iter(held.values())) if section in SINGLE else tuple(held.values())
            for section, held in found.items()
        }
    )


def adjust(recipe: Recipe, setting: str, stages: StageTable) -> Recipe:
    """The recipe with one field changed, said as `Stage.field=value`; Refusal with the near names where it cannot.

    A stage that the recipe does not have is put at the end of its section.
    """
    path, equals, value = setting.partition("=")
    name, dot, field_name = path.strip().partition(".")
    if not (equals and dot):
        raise Refusal(f"'{setting}' is not a setting; write it as Stage.field=value, such as Tone.contrast=1.2")
    section, kind = _lookup(name, stages)
    hints = _hints(kind)
    if field_name not in hints:
        raise Refusal(f"stage {name} has no field '{field_name}'; it has {', '.join(hints) or 'none'}")
    changes = {field_name: _typed(value.strip(), hints[field_name], f"{name}.{field_name}")}
    held = {type(stage).__name__: stage for home, stage in recipe.stages() if home == section}
    held[name] = _with(held.get(name, kind()), changes)
    stage_or_stages: Any = held[name] if section in SINGLE else tuple(held.values())
    return replace(recipe, **{section: stage_or_stages})


@record(frozen=True, slots=True)
class Option:
    """One field of one stage, as a slider or a help text needs it."""

    stage: str
    field: str
    type: str
    default: Any
    low: float | None
    high: float | None
    step: float | None
    choices: tuple[str, ...]
    about: str


def options(stages: StageTable) -> tuple[Option, ...]:
    """Every field of every stage, in the table's order."""
    found = []
    for name, (_, stage) in stages.items():
        hints = _hints(stage)
        for each in fields(stage):
            hint, meta = hints[each.name], each.metadata
            choices = get_args(hint)
            kind = "choice" if choices else hint.__name__
            slider = (meta.get("low"), meta.get("high"), meta.get("step"))
            about = (stage.__doc__ or "").strip()
            found.append(Option(name, each.name, kind, each.default, *slider, choices, about))
    return tuple(found)


def _lookup(name: str, stages: StageTable) -> tuple[str, type]:
    if name in stages:
        return stages[name]
    raise Refusal(f"there is no stage '{name}'; {near(name, stages, 'anylens looks')}")


def _with(stage: Stage, changes: Mapping[str, Any]) -> Stage:
    hints = _hints(type(stage))
    for name in changes:
        if name not in hints:
            raise Refusal(
                f"stage {type(stage).__name__} has no field '{name}'; it has {', '.join(hints) or 'no fields'}"
            )
    floats = {n: float(v) for n, v in changes.items() if hints[n] is float and type(v) is int}
    return checked(replace(stage, **{**changes, **floats}))


def _typed(value: str, hint: Any, name: str) -> Any:
    try:
        if hint is bool:
            return {
                "true": True,
                "yes": True,
                "on": True,
                "1": True,
                "false": False,
                "no": False,
                "off": False,
                "0": False,
            }[value.lower()]
        return hint(value) if hint in (int, float) else value
    except (ValueError, KeyError):
        raise Refusal(f"{name} cannot be '{value}'; give it a value of type {hint.__name__}") from None


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return f'"{value}"' if isinstance(value, str) else str(value)
