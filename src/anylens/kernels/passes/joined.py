"""Roots of a mosaic -> light of unit noise: what follows `passes.roots`, red and blue laid beside green at first."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import anscombe, beside, demosaic_counts
from anylens.kernels.library import Kernel
from anylens.kernels.passes import roots, steady
from anylens.kernels.passes.groups import Groups, flat, grouped
from anylens.kernels.signature import Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[Any]

GROUPS: Groups = (
    ("roots", (roots.ROOTS, Scalar("above", "int32"))),
    ("size", (Scalar("width", "int32"), Scalar("height", "int32"))),
    ("apart", beside.APART),
    *((name, group) for name, group in steady.GROUPS if name in ("phase", "noise")),
)
SIGNATURE = Signature(inputs=flat(GROUPS), outputs=(steady.STEADY,))


class Stages(Parts):
    beside: beside.Stages
    demosaic: demosaic_counts.Stages
    steady: Any


def algorithm(*inputs: Any) -> Stages:
    """The first row given is row `above` of what `roots` gives."""
    import halide as hl

    given = grouped(GROUPS, inputs)
    (rows, above), (left, top) = given["roots"], roots.EDGE
    x, y, own, root = hl.Var("x"), hl.Var("y"), hl.Func("own"), hl.Func("root")
    own[x, y] = rows[x, y - above]
    joined = beside.laid_beside(own, *given["apart"], *given["phase"])
    root[x, y] = joined.whole[x + left, y + top]
    return Stages(joined, *steady.unit_noise(root, given))


def schedule(stages: Stages, target: Any) -> None:
    """56 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP; `steady` as a whole takes 68."""
    import halide as hl

    piece, row = steady.schedule_pieces(stages.steady, target.natural_vector_size(hl.Float(32)))
    beside.schedule_rows(stages.beside, piece, row, target)
    root = stages.beside.whole
    root.store_at(*piece).compute_at(*row).fold_storage(root.args()[1], 16).vectorize(root.args()[0], beside.SQUARE)
    steady.schedule_lines(stages.demosaic, piece, row, target)


def reference(*inputs: Any) -> Array:
    given = grouped(GROUPS, inputs)
    (rows, _), (steps, dark) = given["roots"], given["noise"]
    (to_right, below), (red_x, red_y) = given["apart"], given["phase"]
    joined = beside.reference_whole(rows, to_right, below, red_x, red_y)
    value = (joined - np.float32(demosaic_counts.ABOVE)) / np.float32(demosaic_counts.STEPS)
    light = anscombe.lifted_reference(value, dark / steps) - np.float32(dark / steps)
    stable = steady.unit_noise_reference(light, given)
    (across, down), (tall, wide) = beside.BEYOND, steady.sides_of(*given["size"][::-1])
    return stable[:, down : down + tall, across : across + wide]


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    """Colours parted by up to three pixels, where nothing is decided by the last bit of a sum; no side of one pixel."""
    counts = steady.example(rng, max(height, 4), max(width, 4))
    given = dict(zip((argument.name for argument in flat(roots.GROUPS)), counts, strict=True))
    height, width = given["height"], given["width"]
    across, down = beside.laid_out(*beside.parted(rng, height, width), (height, width), roots.EDGE)
    given |= {"roots": roots.reference(*counts), "above": 0, "across": across, "down": down, "red_x": 1, "red_y": 0}
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
