"""Light of unit noise -> clean light: denoising as a part of the passes that follow `passes.steady`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import denoise, shrinkage
from anylens.kernels.cells import SPACING, spread
from anylens.kernels.passes.groups import Groups, after, named
from anylens.kernels.passes.steady import MARGIN, STEADY, sides_of
from anylens.kernels.signature import Image, Scalar

GROUPS: Groups = (
    ("steady", (STEADY, Scalar("above", "int32"))),
    ("size", (Scalar("width", "int32"), Scalar("height", "int32"))),
    ("calm", (Image("calm", "float32", 2, "repeat"),)),
    ("denoise", after("denoise", denoise)),
)


def algorithm(given: dict[str, tuple[Any, ...]]) -> denoise.Stages:
    """Clean light, (x, y, c), in the space that the matrix of `denoise` goes to.

    The first row given is row `above` of what `steady` gives. The tiles alone do not tell between which columns light
    is looked at, so it is promised. What is so promised is picked pixel by pixel where columns are skipped, so the
    small pictures do without.
    """
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    (rows, above), (width, _), (calm,) = given["steady"], given["size"], given["calm"]
    around, stable, frames = hl.Func("around"), hl.Func("stable"), hl.Func("frames")
    around[x, y, c] = hl.f32(rows[x + MARGIN, y + MARGIN - above, c])
    stable[x, y, c] = around[hl.unsafe_promise_clamped(x, -MARGIN, width + MARGIN - 1), y, c]
    frames[x, y] = calm[x / SPACING, y / SPACING]
    return denoise.cleaned(stable, around, frames, *given["denoise"], short=True)


def schedule(
    stages: denoise.Stages,
    tile: tuple[Any, Any],
    row: tuple[Any, Any],
    target: Any,
    widest: int | None = None,
) -> None:
    """Clean light in vectors of all three colours, blocks of it at each `row`, what these share kept in each `tile`.

    `widest` is how many columns a tile has at most, where that is known.
    """
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    x, _, c = stages.clean.args()
    stages.clean.bound(c, 0, 3).reorder(c, x).unroll(c).vectorize(x, width)
    shrinkage.schedule_blocks(stages.luma_clean, tile, row, width, widest)
    finer = stages.half_finer
    finer.store_at(*tile).compute_at(*row).vectorize(finer.args()[0], 4 * width)
    denoise.schedule_chroma(stages, width)


def reference(given: dict[str, tuple[Any, ...]]) -> npt.NDArray[np.float32]:
    """What `algorithm` says, in NumPy, of a picture whose rows are given from the first one on."""
    (rows, _), (width, height) = given["steady"], given["size"]
    tall, wide = (2 * MARGIN + -(-side // 4) * 4 for side in (height, width))
    stable = rows[:, :tall, :wide].astype(np.float32)
    frames = spread(given["calm"][0], height, width)
    return denoise.cleaned_reference(stable, frames, *given["denoise"])[:, :height, :width]


def example(rng: np.random.Generator, height: int, width: int) -> dict[str, Any]:
    """By name: light in which next to nothing is taken for noise."""
    given = named(rng, "denoise", denoise, height, width)
    tall, wide = sides_of(height, width)
    grey = np.linspace(0.3, 0.7, wide) * np.linspace(1, 0.6, tall)[:, None] + rng.normal(0, 0.004, (tall, wide))
    scene = np.stack([0.9 * grey, grey, 1.1 * grey]).astype(np.float32)
    stable = denoise.stabilized_reference(
        scene, np.eye(3, dtype=np.float32), given["denoise_steps"], given["denoise_dark"]
    )
    return given | {
        "steady": stable.astype(np.float16),
        "above": 0,
        "width": width,
        "height": height,
        "calm": np.full((1, 1), 0.8, np.float32),
        "denoise_thresholds": np.zeros((5, 8, 8), np.float32),
    }
