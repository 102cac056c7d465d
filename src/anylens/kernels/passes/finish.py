"""Clean light read along its rows -> photo: read along its columns too, and rendered; the pass after `level`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import cubic, down, matrix
from anylens.kernels.library import Kernel
from anylens.kernels.passes import display, groups, render
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[Any]

LEVEL: groups.Groups = (
    ("level", (Image("level", "float16", 2),)),
    ("height", (Scalar("height", "int32"),)),
    ("down", down.PLACES),
    ("matrix", (Image("to_scene", "float32", 2),)),
)
GROUPS: groups.Groups = (*LEVEL, *display.GROUPS)
SIGNATURE = Signature(inputs=groups.flat(GROUPS), outputs=(display.OUTPUT,))


class Straight(Parts):
    place: tuple[Any, Any]
    down: down.Stages
    scene: Any


class Stages(Parts):
    to_colors: Any
    straight: Straight
    display: display.Stages


def straightened(given: dict[str, tuple[Any, ...]], table: Any) -> Straight:
    """Where (x, y) lies inside the picture, and what `table` makes of its light, mirrored beyond its border."""
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    (lines,), (height,), (_, _, _, width, *_) = given["level"], given["height"], given["down"]
    level = hl.Func("level_apart")
    level[x, y, c] = lines[cubic.place_side_by_side(x, c), y]
    straight = down.algorithm(level, *given["down"])
    place: Any = render.inside(x, width), render.inside(y, height)
    here = hl.Func("here")
    here[x, y, c] = straight.warped[*place, c]
    return Straight(place, straight, matrix.algorithm(here, table))


def algorithm(*inputs: Any) -> Stages:
    given = groups.grouped(GROUPS, inputs)
    (to_scene,) = given["matrix"]
    to_colors = display.to_colors(given, to_scene)
    straight = straightened(given, to_colors)
    return Stages(to_colors, straight, display.algorithm(straight.scene, straight.place, given))


def schedule(stages: Stages, target: Any) -> None:
    """113 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP, local tone at work; 131 where colors
    part."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    round_up = hl.TailStrategy.RoundUp  # so that only the ends of a row are mirrored pixel by pixel
    piece, _, row, _ = display.schedule(stages.display, target)
    stages.to_colors.compute_root()
    scene = stages.straight.scene
    x, y, c = scene.args()
    scene.hoist_storage(*piece).compute_at(*row).bound(c, 0, 3).reorder(c, x, y).unroll(c).vectorize(x, width, round_up)
    schedule_warped(stages.straight, piece, row, width)


def schedule_warped(straight: Straight, piece: tuple[Any, Any], row: tuple[Any, Any], width: int) -> None:
    """What the scene is made of at each `row` of a `piece`; its blocks stay whole."""
    warped = straight.down.warped
    warped.hoist_storage(*piece).compute_at(*row).align_bounds(warped.args()[0], cubic.BLOCK)
    cubic.schedule_blocks(warped, width, *straight.down.asked)
    cubic.schedule_begins(straight.down.lines, straight.down.begins, row, width, piece)


def scene_of(given: dict[str, tuple[Any, ...]]) -> Array:
    """The scene, for the references."""
    _, _, _, width, *_ = given["down"]
    straight = down.reference(cubic.apart(given["level"][0].astype(np.float32)), *given["down"])
    return matrix.reference(straight[:, :, :width], *given["matrix"])


def reference(*inputs: Any) -> Array:
    given = groups.grouped(GROUPS, inputs)
    return display.reference(scene_of(given), given)


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    given = named(rng, max(height, render.LEAST_SIDE), max(width, render.LEAST_SIDE))
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)


def named(rng: np.random.Generator, height: int, width: int) -> dict[str, Any]:
    """An example by name."""
    level, *places = down.example(rng, height, width)
    given: dict[str, Any] = dict(zip((argument.name for argument in down.PLACES), places, strict=True))
    given |= {"level": cubic.side_by_side(level.astype(np.float16)), "height": height}
    given |= {"to_scene": np.array([[1.3, -0.2, -0.1], [-0.1, 1.2, -0.1], [0.0, -0.2, 1.2]], np.float32)}
    return given | display.example(rng, height, width)
