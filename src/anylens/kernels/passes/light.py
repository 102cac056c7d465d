"""Counts -> clean light: the kernels from linearize to denoise composed, the first part of every pass.

Within a band the light after demosaicing is kept whole, as luma and chroma of unit noise, because the coarse chroma
looks far around; before and after it everything happens in pieces, row by row. Beyond the border the counts are
mirrored, once for all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import balance, defects, demosaic_counts, denoise, highlights, linearize, pattern, seldom, shade
from anylens.kernels.cells import SPACING, spread
from anylens.kernels.passes import cells
from anylens.kernels.passes.cells import inside
from anylens.kernels.signature import Image, Scalar
from anylens.record import Parts, replace

Array = npt.NDArray[Any]
Groups = tuple[tuple[str, tuple[Image | Scalar, ...]], ...]

MODULES = {
    "balance": balance,
    "highlights": highlights,
    "shade": shade,
    "demosaic": demosaic_counts,
    "denoise": denoise,
}
SAID_ONCE = ("red_x", "red_y", "frames_used", "to_camera")
KEPT_BITS = 16
"""Light of unit noise is kept as half floats, which err by a 4096th of it at most."""

PIECE = (1024, 288)
"""Columns and rows, at most, of a piece of light: the rows of scratch that a piece needs stay in a core's own cache."""


def after(name: str, module: Any) -> tuple[Image | Scalar, ...]:
    """A kernel's inputs after its picture, named apart, but those that a pass says once or need not say."""
    rest = (argument for argument in module.SIGNATURE.inputs[1:] if argument.name not in SAID_ONCE)
    return tuple(replace(argument, name=f"{name}_{argument.name}") for argument in rest)


GROUPS: Groups = (
    ("counts", cells.COUNTS),
    ("phase", (Scalar("red_x", "int32"), Scalar("red_y", "int32"))),
    ("calm", (Image("calm", "float32", 2, "repeat"),)),
    *((name, after(name, module)) for name, module in MODULES.items()),
)


def flat(groups: Groups) -> tuple[Image | Scalar, ...]:
    """All arguments of the groups."""
    return tuple(argument for _, group in groups for argument in group)


def grouped(groups: Groups, inputs: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
    """What was given for each group."""
    found, first = {}, 0
    for name, group in groups:
        found[name] = inputs[first : first + len(group)]
        first += len(group)
    return found


def size_of(given: dict[str, tuple[Any, ...]]) -> tuple[Any, Any]:
    """(width, height) of the picture."""
    width, height = given["counts"][len(linearize.SIGNATURE.inputs) :][:2]
    return width, height


def evenly(whole: Any, most: int, lanes: int) -> Any:
    """How wide pieces of `whole` are, in whole vectors, where they are as few as `most` allows."""
    pieces = (whole + most - 1) / most
    return (whole + lanes * pieces - 1) / (lanes * pieces) * lanes


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


class Stages(Parts):
    size: tuple[Any, Any]
    rows: tuple[Any, ...]
    light: Any
    balanced: seldom.Stages
    widened: Any
    shaded: seldom.Stages
    demosaic: demosaic_counts.Stages
    denoise: denoise.Stages


def algorithm(given: dict[str, tuple[Any, ...]]) -> Stages:
    """Clean light, (x, y, c), in the space that the matrix of `denoise` goes to."""
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    width, height = size_of(given)
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
    rgb = demosaic_counts.algorithm(shaded.picture, *given["phase"], *given["demosaic"])

    frames, same = hl.Func("frames"), hl.Func("same")
    (calm,) = given["calm"]
    frames[x, y] = calm[x / SPACING, y / SPACING]
    same[x, y] = hl.select(x == y, hl.f32(1.0), hl.f32(0.0))
    columns = -denoise.MARGIN, width + denoise.MARGIN
    clean = denoise.algorithm(rgb.rgb, frames, same, *given["denoise"], bits=KEPT_BITS, columns=columns)
    rows = (*laid_out, *mending[:2], plain.gains, mended.gains, *filling[:2], rgb.sites)
    return Stages((width, height), rows, light, balanced, widened, shaded, rgb, clean)


def schedule(
    stages: Stages,
    tile: tuple[Any, Any],
    rows: tuple[Any, Any],
    row: tuple[Any, Any],
    height: Any,
    target: Any,
    widest: int | None = None,
) -> None:
    """`height` rows of clean light, at each `row`, blocks of it at `rows`, what these share kept in each `tile`.

    `widest` is how many columns a tile has at most, where that is known.
    """
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    inner, lanes, across, piece = (hl.Var(name) for name in ("inner", "lanes", "across", "piece"))
    stable = stages.denoise.stable
    x, y, c = stable.args()
    # Pieces whose rows of scratch stay in the caches; a row of one slides down over what is there already.
    round_up = hl.TailStrategy.RoundUp
    picture_width, _ = stages.size
    columns = evenly(picture_width + 2 * denoise.MARGIN, PIECE[0], width)
    strip = evenly(height + 2 * denoise.MARGIN, PIECE[1], 1)
    stable.compute_root().bound_extent(c, 3).split(y, y, inner, strip, round_up).split(x, x, lanes, width, round_up)
    stable.split(x, across, x, columns / width, round_up).reorder(lanes, c, x, inner, across, y)
    stable.vectorize(lanes).unroll(c).fuse(across, y, piece).parallel(piece).never_partition([inner])
    for rare in (stages.balanced, stages.shaded):
        seldom.schedule(rare, (stable, piece), (stable, inner))
    stages.balanced.blocks.fold_storage(stages.balanced.blocks.args()[2], 8)  # else it is a whole piece high
    # Not shifted inwards, where light lies along a row can be told apart once into mirrored ends and all between.
    stages.light.store_at(stable, piece).compute_at(stable, inner).vectorize(
        stages.light.args()[0], 2 * width, round_up
    )
    # Roots are read block by block: a vector that begins within a block is picked together pixel by pixel.
    root, *lines = stages.demosaic.lines
    root.align_bounds(root.args()[0], seldom.BLOCK).vectorize(root.args()[0], seldom.BLOCK)
    *others, _, diagonal = lines
    for line in (*others, diagonal):
        line.vectorize(line.args()[0], 4 * width)
    for line in stages.demosaic.lines:
        line.store_at(stable, piece).compute_at(stable, inner).fold_storage(line.args()[1], 16)
    demosaic_counts.schedule_shared(stages.demosaic, (stable, inner), 2 * width)
    rgb = stages.demosaic.rgb
    x_rgb, _, plane = rgb.args()
    rgb.compute_at(stable, x).bound(plane, 0, 3).reorder(plane, x_rgb).unroll(plane).vectorize(x_rgb)
    for table in stages.rows:
        pattern.schedule(table, width)
    stages.widened.compute_root().vectorize(stages.widened.args()[0], width)
    clean = stages.denoise.clean
    x, _, c = clean.args()
    clean.compute_at(*row).bound(c, 0, 3).reorder(c, x).unroll(c).vectorize(x, width)
    denoise.schedule_blocks(stages.denoise.luma_clean, tile, rows, width, widest)
    finer = stages.denoise.half_finer
    finer.store_at(*tile).compute_at(*rows).vectorize(finer.args()[0], 4 * width)
    denoise.schedule_chroma(stages.denoise, width)


def reference(given: dict[str, tuple[Any, ...]]) -> npt.NDArray[np.float32]:
    """What `algorithm` says, in NumPy."""
    first = len(linearize.SIGNATURE.inputs)
    light = linearize.reference(*given["counts"][:first])
    light = defects.reference(light, *given["counts"][first + 2 :])
    light = balance.reference(light, *given["balance"])
    light = highlights.reference(light, *given["highlights"], *given["phase"])
    light = shade.reference(light, *given["shade"])
    scene = demosaic_counts.reference(light, *given["phase"], *given["demosaic"])
    frames = spread(given["calm"][0], *scene.shape[1:])
    return denoise.reference(scene, frames, np.eye(3, dtype=np.float32), *given["denoise"])


def example(rng: np.random.Generator, height: int, width: int) -> dict[str, Any]:
    """By name: a picture in which nothing is decided by the last bit of a sum, even maps, nothing taken for noise."""
    counts = cells.example(rng, height, width)
    height, width = counts[0].shape
    ramp = np.linspace(4000, 9000, width) * np.linspace(1, 0.6, height)[:, None]
    raw = (ramp + rng.normal(0, 150, (height, width))).astype(np.uint16)
    given = dict(zip((argument.name for argument in cells.COUNTS), (raw, *counts[1:]), strict=True))
    given |= {"red_x": 1, "red_y": 0, "calm": np.full((1, 1), 0.8, np.float32)}
    for name, module in MODULES.items():
        given |= named(rng, name, module, height, width)
    return given | {
        "threshold": 1e3,
        "denoise_thresholds": np.zeros((5, 8, 8), np.float32),
        "balance_gains": np.ones((2, 2), np.float32),
        "highlights_clip": np.full((2, 2), 10.0, np.float32),
        "shade_gains": np.full((4, 5, 7), 1.2, np.float32),
    }


def named(rng: np.random.Generator, name: str, module: Any, height: int, width: int) -> dict[str, Any]:
    """A kernel's example as a pass names its arguments."""
    values = module.example(rng, height, width)
    found = dict(zip((argument.name for argument in module.SIGNATURE.inputs), values, strict=True))
    return {argument.name: found[argument.name.removeprefix(f"{name}_")] for argument in after(name, module)}
