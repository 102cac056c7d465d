"""Clean light -> photo: the kernels from expose to sharpen composed, the last part of every pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import expose, local_tone, seldom, sharpen_counts, tone
from anylens.kernels.passes import groups
from anylens.kernels.signature import Image
from anylens.record import Parts

Array = npt.NDArray[Any]

MODULES = {"expose": expose, "local_tone": local_tone, "tone": tone, "sharpen": sharpen_counts}
GROUPS: groups.Groups = tuple((name, groups.after(name, module)) for name, module in MODULES.items())
TILE = (1008, 128)
"""At most; 255 blocks of denoising lie over it and the two pixels around it where sharpening looks."""

OUTPUT = Image("photo", "uint8", 3, interleaved=True)


class Stages(Parts):
    slopes: tuple[Any, Any]
    even: Any
    tone: tone.Stages
    sharpen: sharpen_counts.Stages
    photo: Any


def to_colors(given: dict[str, Any], table: Any) -> Any:
    """What exposes and enriches light on its way by `table` to the scene: one matrix for all three."""
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    (factor,), (*_, saturation, _, _) = given["expose"], given["tone"]
    colors = hl.Func("to_colors")
    colors[x, y] = tone.enriched([table[x, i] for i in range(3)], table[x, y], saturation) * factor
    return colors


def algorithm(colors: Any, place: Any, given: dict[str, Any]) -> Stages:
    """A photo of light that `to_colors` led to, (x, y, c), which goes on beyond its border.

    `place` is where (x, y) lies inside of it. Saturation leaves luma as it is, so local tone may follow it.
    """
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    *lines, shadows, brights = given["local_tone"]
    even = local_tone.evened(colors, local_tone.line_at(*lines, *place), x, y, shadows, brights)
    *curve, _, vibrance, flare = given["tone"]
    toned = tone.rendered(even, *curve, vibrance, flare, white=sharpen_counts.WHITE)
    sharp = sharpen_counts.algorithm(toned.photo, *given["sharpen"])
    return Stages((shadows, brights), even, toned, sharp, sharp.sharp)


def schedule(stages: Stages, target: Any) -> tuple[tuple[Any, Any], ...]:
    """In pieces; gives the loops over them, their rows, the rows of light and its vectors, as (stage, variable)."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    guard = hl.TailStrategy.GuardWithIf
    across, down, piece = (hl.Var(name) for name in ("across", "down", "piece"))
    photo = stages.photo
    x, y, c = photo.args()
    columns, rows = TILE
    # Rows slide down a piece; the lowest pieces are shifted back inside, a guard in them would stop the sliding.
    out = photo.output_buffer()
    lanes = target.natural_vector_size(hl.Int(16))
    photo.bound(c, 0, 3).split(x, across, x, groups.evenly(out.width(), columns, lanes), guard)
    photo.split(y, down, y, hl.min(rows, out.height()), hl.TailStrategy.ShiftInwards)
    photo.reorder(c, x, y, across, down).vectorize(x, lanes, guard).unroll(c)
    photo.fuse(across, down, piece).parallel(piece)
    for line in stages.sharpen[:-1]:
        line.store_at(photo, piece).compute_at(photo, y).vectorize(line.args()[0], lanes)
    rendered = stages.tone.photo
    x, row, c = rendered.args()
    rendered.store_at(photo, piece).compute_at(photo, y).bound(c, 0, 3).align_bounds(x, seldom.BLOCK)
    tone.schedule_rows(stages.tone, (photo, piece), row, width, hl.TailStrategy.Auto)
    rich = stages.tone.rich
    vectors = rich, rich.args()[0]
    # One after the other: of conditions joined, the compiler does not see that each holds.
    dull = rich.specialize(stages.tone.vibrance == 0.0)
    dull.specialize((stages.slopes[0] == 0.0) & (stages.slopes[1] == 0.0))
    x, _, c = stages.even.args()
    stages.even.compute_at(*vectors).bound(c, 0, 3).reorder(c, x).unroll(c).vectorize(x)
    return (photo, piece), (photo, y), (rendered, row), vectors


def reference(scene: npt.NDArray[np.float32], given: dict[str, Any]) -> Array:
    """What `algorithm` says, in NumPy."""
    scene = expose.reference(scene, *given["expose"])
    scene = local_tone.reference(scene, *given["local_tone"])
    photo = tone.reference(scene, *given["tone"]) * np.float32(sharpen_counts.WHITE) + np.float32(0.5)
    return sharpen_counts.reference(photo.astype(np.uint16), *given["sharpen"])


def example(rng: np.random.Generator, height: int, width: int) -> dict[str, Any]:
    """By name, with an even map of surroundings."""
    given: dict[str, Any] = {}
    for name, module in MODULES.items():
        given |= groups.named(rng, name, module, height, width)
    lines = np.stack([np.full((5, 7), 0.8), np.full((5, 7), -0.2)]).astype(np.float32)
    return given | {"local_tone_lines": lines}
