"""Counts -> the roots of a mosaic, balanced and shaded: what the pass begins with where a lens parts colours.

`passes.joined` lays red and blue beside green and goes on. Beyond the border the counts are mirrored, as in `steady`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import beside, demosaic_counts, seldom
from anylens.kernels.library import Kernel
from anylens.kernels.passes import steady
from anylens.kernels.passes.groups import evenly, flat, grouped
from anylens.kernels.signature import Image, Signature
from anylens.record import Parts

Array = npt.NDArray[Any]

GROUPS = steady.GROUPS
ROOTS = Image("roots", "uint16", 2)
SIGNATURE = Signature(inputs=flat(GROUPS), outputs=(ROOTS,))
EDGE = (steady.MARGIN + beside.BEYOND[0], steady.MARGIN + beside.BEYOND[1])
"""Columns and rows before the picture's first: whole steps of `kernels.beside`'s tables, so whole blocks too."""


def sides_of(height: int, width: int) -> tuple[int, int]:
    """(rows, columns) that are laid out of a picture of this size."""
    tall, wide = steady.sides_of(height, width)
    across, down = beside.BEYOND
    columns = evenly(wide + 2 * across, steady.PIECE[0], seldom.BLOCK)
    return tall + 2 * down, -(-(wide + 2 * across) // columns) * columns


class Stages(Parts):
    mended: steady.Mended
    root: Any
    roots: Any


def algorithm(*inputs: Any) -> Stages:
    import halide as hl

    given = grouped(GROUPS, inputs)
    mended, (steps, dark) = steady.counts_to_mosaic(given), given["noise"]
    root = demosaic_counts.rooted(mended.shaded.picture, dark / steps)
    x, y, roots = hl.Var("x"), hl.Var("y"), hl.Func("roots")
    left, above = EDGE
    roots[x, y] = root[x - left, y - above]
    return Stages(mended, root, roots)


def schedule(stages: Stages, target: Any) -> None:
    """22 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP."""
    piece, row = steady.schedule_pieces(stages.roots, seldom.BLOCK)
    steady.schedule_mosaic(stages.mended, piece, row, target)


def reference(*inputs: Any) -> Array:
    given = grouped(GROUPS, inputs)
    light = steady.mosaic_reference(given)
    height, width = light.shape
    tall, wide = sides_of(height, width)
    steps, dark = given["noise"]
    left, above = EDGE
    around = ((above, tall - above - height), (left, wide - left - width))
    return np.pad(demosaic_counts.rooted_reference(light, dark / steps), around, mode="reflect")


kernel = Kernel(__name__, SIGNATURE, reference)
example = steady.example
