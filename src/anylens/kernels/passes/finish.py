"""Clean light read along its rows -> photo: read along its columns too, and rendered; the pass after `level`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels import cubic, down, matrix
from anylens.kernels.library import Kernel
from anylens.kernels.passes import display, light, render
from anylens.kernels.signature import Image, Scalar, Signature

Array = npt.NDArray[Any]

GROUPS: light.Groups = (
    ("level", (Image("level", "float16", 3),)),
    ("height", (Scalar("height", "int32"),)),
    ("down", down.PLACES),
    ("matrix", (Image("to_scene", "float32", 2),)),
    *display.GROUPS,
)
SIGNATURE = Signature(inputs=light.flat(GROUPS), outputs=(display.OUTPUT,))


class Stages(NamedTuple):
    down: down.Stages
    scene: Any
    display: display.Stages


def algorithm(*inputs: Any) -> Stages:
    """Of a picture of `width` x `height`, which is mirrored beyond its border."""
    import halide as hl

    given = light.grouped(GROUPS, inputs)
    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    (level,), (height,), (_, _, _, width, *_) = given["level"], given["height"], given["down"]
    straight = down.algorithm(level, *given["down"])
    place: Any = render.inside(x, width), render.inside(y, height)
    here = hl.Func("here")
    here[x, y, c] = straight.warped[*place, c]
    scene = matrix.algorithm(here, *given["matrix"])
    return Stages(straight, scene, display.algorithm(scene, place, given))


def schedule(stages: Stages, target: Any) -> None:
    """173 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP, local tone at work."""
    import halide as hl

    _, _, row = display.schedule(stages.display, target)
    width = target.natural_vector_size(hl.Float(32))
    x, _, c = stages.scene.args()
    stages.scene.compute_at(*row).bound(c, 0, 3).reorder(c, x).unroll(c)
    stages.scene.vectorize(x, width, hl.TailStrategy.RoundUp)  # so that only its ends are mirrored pixel by pixel
    straight = stages.down.warped
    x, _, c = straight.args()
    straight.compute_at(*row).align_bounds(x, cubic.BLOCK).bound(c, 0, 3).reorder(c, x).unroll(c)
    straight.vectorize(x, cubic.BLOCK, hl.TailStrategy.RoundUp)
    cubic.specialized(straight, *stages.down.asked)
    stages.down.begins.compute_at(*row).vectorize(stages.down.begins.args()[0], cubic.BLOCK)


def reference(*inputs: Any) -> Array:
    given = light.grouped(GROUPS, inputs)
    _, _, _, width, *_ = given["down"]
    straight = down.reference(given["level"][0].astype(np.float32), *given["down"])
    return display.reference(matrix.reference(straight[:, :, :width], *given["matrix"]), given)


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    height, width = max(height, render.LEAST_SIDE), max(width, render.LEAST_SIDE)
    level, *places = down.example(rng, height, width)
    given: dict[str, Any] = dict(zip((argument.name for argument in down.PLACES), places, strict=True))
    given |= {"level": level.astype(np.float16), "height": height}
    given |= {"to_scene": np.array([[1.3, -0.2, -0.1], [-0.1, 1.2, -0.1], [0.0, -0.2, 1.2]], np.float32)}
    given |= display.example(rng, height, width)
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
