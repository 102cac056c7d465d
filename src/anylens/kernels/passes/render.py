"""Rows of a clean scene -> photo."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import matrix
from anylens.kernels.library import Kernel
from anylens.kernels.passes import cells, display, groups
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[Any]

GROUPS: groups.Groups = (
    ("scene", (Image("scene", "float32", 3),)),
    ("place", (Scalar("top", "int32"), Scalar("width", "int32"), Scalar("height", "int32"))),
    *display.GROUPS,
)
SIGNATURE = Signature(inputs=groups.flat(GROUPS), outputs=(display.OUTPUT,))
LEAST_SIDE = 8
"""A smaller picture would be mirrored twice."""


def inside(place: Any, size: Any) -> Any:
    """Where a place just beyond the border stands in the picture mirrored there: never far, as few rows are at hand."""
    import halide as hl

    last = size - 1
    beyond = hl.clamp(hl.min(hl.abs(place), 2 * last - hl.abs(place)), 0, last)
    return cells.inside(place, size, beyond)


class Stages(Parts):
    to_colors: Any
    scene: Any
    display: display.Stages


def algorithm(*inputs: Any) -> Stages:
    """Of rows from `top` on of a picture of `width` x `height`, which is mirrored beyond its border."""
    import halide as hl

    given = groups.grouped(GROUPS, inputs)
    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    (seen,), (top, width, height) = given["scene"], given["place"]
    here = hl.Func("here")
    place: Any = inside(x, width), inside(y, height)
    here[x, y, c] = seen[place[0], place[1] - top, c]
    same = hl.Func("same")
    same[x, y] = hl.select(x == y, hl.f32(1.0), hl.f32(0.0))
    to_colors = display.to_colors(given, same)
    return Stages(to_colors, here, display.algorithm(matrix.algorithm(here, to_colors), place, given))


def schedule(stages: Stages, target: Any) -> None:
    """80 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP, local tone at work."""
    import halide as hl

    _, _, row, _ = display.schedule(stages.display, target)
    stages.to_colors.compute_root()
    x, _, c = stages.scene.args()
    width = target.natural_vector_size(hl.Float(32))
    stages.scene.compute_at(*row).bound(c, 0, 3).reorder(c, x).unroll(c)
    stages.scene.vectorize(x, width, hl.TailStrategy.RoundUp)  # so that only its ends are mirrored pixel by pixel


def reference(*inputs: Any) -> Array:
    given = groups.grouped(GROUPS, inputs)
    _, width, _ = given["place"]
    return display.reference(given["scene"][0][:, :, :width], given)


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    height, width = max(height, LEAST_SIDE), max(width, LEAST_SIDE)
    given: dict[str, Any] = {"scene": rng.random((3, height, width), np.float32), "top": 0}
    given |= {"width": width, "height": height}
    given |= display.example(rng, height, width)
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
