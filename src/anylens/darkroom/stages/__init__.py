"""The stages that ship, the section each belongs to, and the recipe that is used where none is given."""

from __future__ import annotations

from functools import cache

from anylens.darkroom.recipe import Recipe
from anylens.darkroom.stages.demosaic import Demosaic
from anylens.darkroom.stages.merge import Merge
from anylens.darkroom.stages.mosaic import Balance, Defects, Highlights, Shade
from anylens.darkroom.stages.photo import Sharpen
from anylens.darkroom.stages.resolve import Resolve
from anylens.darkroom.stages.scene import Crop, Denoise, Expose, LocalTone, Mono, Restore, Size, Unbend
from anylens.darkroom.stages.stack import Stack
from anylens.darkroom.stages.tone import Tone

STAGES: dict[str, tuple[str, type]] = {
    record.__name__: (section, record)
    for section, records in {
        "merge": (Merge, Resolve, Stack),
        "mosaic": (Defects, Balance, Highlights, Shade),
        "demosaic": (Demosaic,),
        "scene": (Denoise, Unbend, Restore, Expose, LocalTone, Crop, Size, Mono),
        "tone": (Tone,),
        "photo": (Sharpen,),
    }.items()
    for record in records
}

RENDERING = (Expose, LocalTone, Crop, Size, Mono)
"""Scene stages that render: a scene for measuring ends before the first of them."""


@cache
def default_recipe() -> Recipe:
    """Every stage with its default taste."""
    return Recipe(
        merge=Merge(),
        mosaic=(Defects(), Balance(), Highlights(), Shade()),
        demosaic=Demosaic(),
        scene=(Denoise(), Unbend(), Restore(), Expose(), LocalTone(), Crop(), Size()),
        tone=Tone(),
        photo=(Sharpen(),),
    )
