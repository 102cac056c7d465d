"""The darkroom: a Recipe of stages turns light into a photo."""

from __future__ import annotations

from anylens.darkroom import recipe as _recipe
from anylens.darkroom.developing import Until, Watch, develop, latent
from anylens.darkroom.lookbook import look, looks
from anylens.darkroom.recipe import Option, Recipe, StageTable, text
from anylens.darkroom.stages import RENDERING, STAGES, default_recipe
from anylens.darkroom.ways import Choice, Way, in_way, way_of

__all__ = [
    "RENDERING",
    "STAGES",
    "Choice",
    "Option",
    "Recipe",
    "StageTable",
    "Until",
    "Watch",
    "Way",
    "adjust",
    "default_recipe",
    "develop",
    "in_way",
    "latent",
    "look",
    "looks",
    "options",
    "parse",
    "text",
    "way_of",
]


def parse(source: str, stages: StageTable = STAGES) -> Recipe:
    """The recipe that a text says: a whole one, or a look laid over the default recipe.

    `stages` are the stages it may name. Raises Refusal for text that is no recipe.
    """
    return _recipe.parse(source, stages, default_recipe())


def adjust(recipe: Recipe, setting: str, stages: StageTable = STAGES) -> Recipe:
    """The recipe with one field changed, said as `Stage.field=value`; Refusal with near names and the range."""
    return _recipe.adjust(recipe, setting, stages)


def options(stages: StageTable = STAGES) -> tuple[Option, ...]:
    """Every field of every stage: what sliders and help texts are made from."""
    return _recipe.options(stages)
