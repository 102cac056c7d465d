"""Clean light read along its rows -> scene: read along its columns, and what the lens's blur took given back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import restore
from anylens.kernels.library import Kernel
from anylens.kernels.passes import finish, groups
from anylens.kernels.signature import Image, Signature
from anylens.record import Parts

Array = npt.NDArray[Any]

GROUPS: groups.Groups = (*finish.LEVEL, ("restore", groups.after("restore", restore)))
SIGNATURE = Signature(inputs=groups.flat(GROUPS), outputs=(Image("scene", "float32", 3),))
PIECE = (1024, 528)
"""Columns and rows, at most, of a piece: the scene and what is made of it slide down it."""
LEAST_SIDE = 16
"""A smaller picture would be mirrored twice."""


class Stages(Parts):
    straight: finish.Straight
    restore: restore.Stages


def algorithm(*inputs: Any) -> Stages:
    given = groups.grouped(GROUPS, inputs)
    straight = finish.straightened(given, *given["matrix"])
    return Stages(straight, restore.algorithm(straight.scene, *given["restore"]))


def schedule(stages: Stages, target: Any) -> None:
    """119 ms of one core of an AMD EPYC (AVX-512), much other work beside it, 12 MP, bent."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    piece, row = restore.schedule_pieces(stages.restore, PIECE, width)
    finish.schedule_warped(stages.straight, piece, row, width)


def reference(*inputs: Any) -> Array:
    given = groups.grouped(GROUPS, inputs)
    return restore.reference(finish.scene_of(given), *given["restore"])


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    height, width = max(height + height % 2, LEAST_SIDE), max(width, LEAST_SIDE)
    given = finish.named(rng, height, width) | groups.named(rng, "restore", restore, height, width)
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
