"""Light of unit noise -> photo: all the kernels of the shipped stages after `passes.steady`, from denoise to sharpen.

The algorithms are those of the single kernels, composed; only what is kept between them differs. A call makes a band
of the photo, 8 bits, rows interleaved as files want them. What it takes has the names of GROUPS: rows of what `steady`
gives and the number of the first, the size of the picture, what each kernel takes after its picture, and `calm`, to how
many frames the noise is equal, one point every SPACING pixels.

The blocks of denoising do not lie mirrored beyond the border, so the outermost two pixels of a photo, where sharpening
looks there, may differ by a count from stage by stage.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import denoise
from anylens.kernels.library import Kernel
from anylens.kernels.passes import cells, display, groups, light
from anylens.kernels.signature import Signature
from anylens.record import Parts

GROUPS: groups.Groups = (*light.GROUPS, *display.GROUPS)
SIGNATURE = Signature(inputs=groups.flat(GROUPS), outputs=(display.OUTPUT,))


class Stages(Parts):
    to_colors: Any
    light: denoise.Stages
    display: display.Stages


def algorithm(*inputs: Any) -> Stages:
    import halide as hl

    given = groups.grouped(GROUPS, inputs)
    from_camera, *noise = given["denoise"]
    to_colors = display.to_colors(given, from_camera)
    clean = light.algorithm(given | {"denoise": (to_colors, *noise)})
    width, height = given["size"]
    place = cells.inside(hl.Var("x"), width), cells.inside(hl.Var("y"), height)
    return Stages(to_colors, clean, display.algorithm(clean.clean, place, given))


def schedule(stages: Stages, target: Any) -> None:
    """181 ms of one core of an AMD EPYC (AVX2), other work beside it, 12 MP in bands of 512 rows."""
    piece, row, _, vectors = display.schedule(stages.display, target)
    stages.to_colors.compute_root()
    stages.light.clean.compute_at(*vectors)
    light.schedule(stages.light, piece, row, target, display.TILE[0])


def reference(*inputs: Any) -> npt.NDArray[Any]:
    given = groups.grouped(GROUPS, inputs)
    return display.reference(light.reference(given), given)


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    given = light.example(rng, height, width) | display.example(rng, height, width)
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
