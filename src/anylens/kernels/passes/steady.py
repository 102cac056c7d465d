"""Counts -> light of unit noise, luma and chroma apart: the kernels from linearize to demosaic, the first pass of all.

Everything happens in pieces, row by row. What follows looks far around, so its rows are made a good way ahead and kept
(`kernels.rows`), and none is made twice. Beyond the border the counts are mirrored, once for all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import balance, defects, demosaic_counts, denoise, highlights, linearize, pattern, seldom, shade
from anylens.kernels.library import Kernel
from anylens.kernels.passes import cells
from anylens.kernels.passes.cells import inside
from anylens.kernels.passes.groups import Groups, after, evenly, flat, grouped, named
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[Any]

MODULES = {"balance": balance, "highlights": highlights, "shade": shade}
GROUPS: Groups = (
    ("counts", cells.COUNTS),
    ("phase", (Scalar("red_x", "int32"), Scalar("red_y", "int32"))),
    *((name, after(name, module)) for name, module in MODULES.items()),
    ("noise", (Scalar("steps", "float32"), Scalar("dark", "float32"))),
)
KEPT_BITS = 16
"""Light of unit noise is kept as half floats, which err by a 4096th of it at most."""

STEADY = Image("steady", "float16", 3)
SIGNATURE = Signature(inputs=flat(GROUPS), outputs=(STEADY,))

PIECE = (1024, 288)
"""Columns and rows, at most, of a piece of light: the rows of scratch that a piece needs stay in a core's own cache."""

MARGIN = denoise.MARGIN
"""How far beyond the border light is laid out."""


def sides_of(height: int, width: int) -> tuple[int, int]:
    """(rows, columns) that are laid out of a picture of this size: in whole blocks, and in whole pieces across."""
    tall, wide = (2 * MARGIN + -(-side // 4) * 4 for side in (height, width))
    columns = evenly(wide, PIECE[0], seldom.BLOCK)
    return tall, -(-wide // columns) * columns


class Mended(Parts):
    """From counts to the mosaic that is demosaiced, row by row of a piece."""

    tables: tuple[Any, ...]
    light: Any
    balanced: seldom.Stages
    widened: Any
    shaded: seldom.Stages


class Stages(Parts):
    mended: Mended
    demosaic: demosaic_counts.Stages
    steady: Any


def counts_to_light(*counts: Any) -> tuple[tuple[Any, ...], Any, defects.Stages]:
    """What is laid out along rows, linear light of the counts, mirrored beyond the border, and mended light."""
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    raw, black, scale, row_delta, period, width, height, *noise = counts
    counted, columns, blacks, scales, light = (
        hl.Func(name) for name in ("counted", "columns", "blacks", "scales", "light")
    )
    columns[x] = inside(x, width)
    column = inside(x, width, columns[x])
    counted[x, y] = raw[column, y]
    blacks[x, y], scales[x, y] = black[column, y], scale[column, y]
    linear = linearize.algorithm(counted, blacks, scales, row_delta, period).linear
    light[x, y] = linear[x, inside(y, height)]
    return (columns, blacks, scales), light, defects.algorithm(light, *noise)


def counts_to_mosaic(given: dict[str, tuple[Any, ...]]) -> Mended:
    """Balanced light in which highlights are filled and shading is evened out."""
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    width, height = given["counts"][len(linearize.SIGNATURE.inputs) :][:2]
    laid_out, light, mending = counts_to_light(*given["counts"])
    plain, mended = (balance.algorithm(each, *given["balance"]) for each in (light, mending.mended))
    balanced = seldom.algorithm("balanced", plain.balanced, mended.balanced, mending.suspected, -seldom.BLOCK // 2)
    filling = highlights.algorithm(balanced.picture, *given["highlights"], *given["phase"])
    gains, place, points_x, points_y = given["shade"]
    widened = shade.widened(gains, place, points_x, lambda column: inside(column, width))
    gain = shade.gain_at(widened, place, points_y, x, y, inside(y, height))
    usual, other = hl.Func("usual"), hl.Func("other")
    usual[x, y], other[x, y] = balanced.picture[x, y] * gain, filling.filled[x, y] * gain
    shaded = seldom.algorithm("shaded", usual, other, filling.bright)
    tables = (*laid_out, *mending[:2], plain.gains, mended.gains, *filling[:2])
    return Mended(tables, light, balanced, widened, shaded)


def unit_noise(root: Any, given: dict[str, tuple[Any, ...]]) -> tuple[demosaic_counts.Stages, Any]:
    """Roots of a mosaic, demosaiced, and as light of unit noise.

    The pixel (x, y) of the picture comes to stand MARGIN pixels farther right and down.
    """
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    (red_x, red_y), (steps, dark) = given["phase"], given["noise"]
    colors = demosaic_counts.of_roots(root, red_x, red_y, dark / steps)
    # Demosaicing's roots are those that denoising asks for, but for their size.
    roots = [demosaic_counts.root_of(colors.counted[x - MARGIN, y - MARGIN, p]) for p in range(3)]
    steady = hl.Func("steady")
    stable = denoise.opponents(roots, hl.sqrt(steps) * hl.f32(1.0 / demosaic_counts.STEPS), dark)
    steady[x, y, c] = hl.cast(hl.Float(KEPT_BITS), hl.mux(c, stable))
    return colors, steady


def algorithm(*inputs: Any) -> Stages:
    given = grouped(GROUPS, inputs)
    mended, (steps, dark) = counts_to_mosaic(given), given["noise"]
    root = demosaic_counts.rooted(mended.shaded.picture, dark / steps)
    return Stages(mended, *unit_noise(root, given))


def schedule(stages: Stages, target: Any) -> None:
    """80 ms of one core of an AMD EPYC (AVX2), other work beside it, 12 MP."""
    import halide as hl

    piece, row = schedule_pieces(stages.steady, target.natural_vector_size(hl.Float(32)))
    schedule_mosaic(stages.mended, piece, row, target)
    # Roots are read block by block: a vector that begins within a block is picked together pixel by pixel.
    root = stages.demosaic.lines[0]
    root.align_bounds(root.args()[0], seldom.BLOCK).vectorize(root.args()[0], seldom.BLOCK)
    root.store_at(*piece).compute_at(*row).fold_storage(root.args()[1], 16)
    schedule_lines(stages.demosaic, piece, row, target)


def schedule_pieces(steady: Any, width: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Pieces whose rows of scratch stay in the caches; a row of one slides down over what is there already."""
    import halide as hl

    inner, lanes, across, piece = (hl.Var(name) for name in ("inner", "lanes", "across", "piece"))
    x, y, *c = steady.args()
    out, round_up = steady.output_buffer(), hl.TailStrategy.RoundUp
    out.dim(0).set_min(0)
    columns = evenly(out.width(), PIECE[0], seldom.BLOCK)
    strip = evenly(out.height(), PIECE[1], 1)
    # A guard in the lowest strip would stop the sliding; it is shifted back inside.
    steady.split(y, y, inner, strip, hl.TailStrategy.ShiftInwards).split(x, x, lanes, width, round_up)
    steady.split(x, across, x, columns // width, round_up).reorder(lanes, *c, x, inner, across, y)
    for color in c:
        steady.bound(color, 0, 3).unroll(color)
    steady.vectorize(lanes).fuse(across, y, piece).parallel(piece).never_partition([inner])
    return (steady, piece), (steady, inner)


def schedule_mosaic(stages: Mended, piece: tuple[Any, Any], row: tuple[Any, Any], target: Any) -> None:
    """All that a `row` of the mosaic is made of, kept in the `piece`."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    for rare in (stages.balanced, stages.shaded):
        seldom.schedule(rare, piece, row)
    stages.balanced.blocks.fold_storage(stages.balanced.blocks.args()[2], 8)  # else it is a whole piece high
    # Not shifted inwards, where light lies along a row can be told apart once into mirrored ends and all between.
    stages.light.store_at(*piece).compute_at(*row).vectorize(stages.light.args()[0], 2 * width, hl.TailStrategy.RoundUp)
    for table in stages.tables:
        pattern.schedule(table, width)
    stages.widened.compute_root().vectorize(stages.widened.args()[0], width)


def schedule_lines(stages: demosaic_counts.Stages, piece: tuple[Any, Any], row: tuple[Any, Any], target: Any) -> None:
    """What demosaicing makes of the roots in and around a `row`, kept in the `piece`."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    _, *lines = stages.lines
    *others, _, diagonal = lines
    for line in (*others, diagonal):
        line.vectorize(line.args()[0], 4 * width)
    for line in lines:
        line.store_at(*piece).compute_at(*row).fold_storage(line.args()[1], 16)
    demosaic_counts.schedule_shared(stages, piece, row, 2 * width)
    pattern.schedule(stages.sites, width)


def mosaic_reference(given: dict[str, tuple[Any, ...]]) -> Array:
    """What `counts_to_mosaic` says, in NumPy, of the picture alone."""
    first = len(linearize.SIGNATURE.inputs)
    light = linearize.reference(*given["counts"][:first])
    light = defects.reference(light, *given["counts"][first + 2 :])
    light = balance.reference(light, *given["balance"])
    light = highlights.reference(light, *given["highlights"], *given["phase"])
    return shade.reference(light, *given["shade"])


def unit_noise_reference(light: Array, given: dict[str, tuple[Any, ...]]) -> Array:
    """What `unit_noise` says, in NumPy, of a mosaic and no more."""
    (red_x, red_y), (steps, dark) = given["phase"], given["noise"]
    scene = demosaic_counts.reference(light, red_x, red_y, dark / steps)
    return denoise.stabilized_reference(scene, np.eye(3, dtype=np.float32), steps, dark).astype(np.float16)


def reference(*inputs: Any) -> Array:
    given = grouped(GROUPS, inputs)
    stable = unit_noise_reference(mosaic_reference(given), given)
    _, height, width = stable.shape
    tall, wide = sides_of(height, width)
    around = ((0, 0), (MARGIN, tall - MARGIN - height), (MARGIN, wide - MARGIN - width))
    return np.pad(stable, around, mode="reflect")


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    """A picture in which nothing is decided by the last bit of a sum, even maps."""
    counts = cells.example(rng, height, width)
    height, width = counts[0].shape
    ramp = np.linspace(4000, 9000, width) * np.linspace(1, 0.6, height)[:, None]
    raw = (ramp + rng.normal(0, 150, (height, width))).astype(np.uint16)
    given = dict(zip((argument.name for argument in cells.COUNTS), (raw, *counts[1:-1]), strict=True))
    given |= {"red_x": 1, "red_y": 0, "steps": 4.0, "dark": 0.1}
    for name, module in MODULES.items():
        given |= named(rng, name, module, height, width)
    given |= {
        "threshold": 1e3,
        "balance_gains": np.ones((2, 2), np.float32),
        "highlights_clip": np.full((2, 2), 10.0, np.float32),
        "shade_gains": np.full((4, 5, 7), 1.2, np.float32),
    }
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
