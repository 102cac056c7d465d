"""Clean light -> photo: the kernels from expose to sharpen composed, the last part of every pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels import expose, local_tone, sharpen, tone
from anylens.kernels.passes import light
from anylens.kernels.signature import Image

Array = npt.NDArray[Any]

MODULES = {"expose": expose, "local_tone": local_tone, "tone": tone, "sharpen": sharpen}
GROUPS: light.Groups = tuple((name, light.after(name, module)) for name, module in MODULES.items())
OUTPUT = Image("photo", "uint8", 3, interleaved=True)


class Stages(NamedTuple):
    slopes: tuple[Any, Any]
    even: Any
    shown: Any
    rendered: Any
    sharpen: sharpen.Stages
    photo: Any


def algorithm(scene: Any, place: Any, given: dict[str, Any]) -> Stages:
    """A photo of `scene`, (x, y, c), which goes on beyond its border; `place` is where (x, y) lies inside of it."""
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    exposed = expose.algorithm(scene, *given["expose"])
    *lines, shadows, brights = given["local_tone"]
    even = local_tone.evened(exposed, local_tone.line_at(*lines, *place), x, y, shadows, brights)
    toned = tone.algorithm(even, *given["tone"])
    sharp = sharpen.algorithm(toned.photo, *given["sharpen"])
    photo = hl.Func("photo_bytes")
    photo[x, y, c] = hl.cast(hl.UInt(8), sharp.sharp[x, y, c] * hl.f32(255.0) + hl.f32(0.5))
    return Stages((shadows, brights), even, toned.shown, toned.photo, sharp, photo)


def schedule(stages: Stages, tile: tuple[int, int], target: Any) -> Any:
    """In tiles; gives the loop over them and the one over the rows of light in a tile, as (stage, variable)."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    guard = hl.TailStrategy.GuardWithIf
    inner, across, down = (hl.Var(name) for name in ("inner", "across", "down"))
    x, y, c = stages.photo.args()
    stages.photo.bound(c, 0, 3).tile(x, y, across, down, x, y, *tile, guard).reorder(c, x, y, across, down)
    stages.photo.vectorize(x, width, guard).unroll(c).parallel(down)
    for line in stages.sharpen[:-1]:
        line.compute_at(stages.photo, across).vectorize(line.args()[0], width)
    x, y, c = stages.rendered.args()
    # A row of each at a time: in one loop the chain of what waits for what would be longer than a core looks ahead.
    stages.rendered.compute_at(stages.photo, across).bound(c, 0, 3).split(x, x, inner, width)
    stages.rendered.reorder(inner, c, x, y).vectorize(inner).unroll(c)
    x, _ = stages.shown.args()
    stages.shown.compute_at(stages.rendered, y).split(x, x, inner, width).vectorize(inner)
    picture_x, _, c = stages.even.args()
    stages.even.compute_at(stages.shown, x).bound(c, 0, 3).reorder(c, picture_x).unroll(c).vectorize(picture_x)
    stages.even.specialize((stages.slopes[0] == 0.0) & (stages.slopes[1] == 0.0))
    for scratch in (*stages.sharpen[:-1], stages.rendered, stages.shown):
        scratch.store_in(hl.MemoryType.Stack)
    return (stages.photo, across), (stages.rendered, y)


def reference(scene: npt.NDArray[np.float32], given: dict[str, Any]) -> Array:
    """What `algorithm` says, in NumPy."""
    scene = expose.reference(scene, *given["expose"])
    scene = local_tone.reference(scene, *given["local_tone"])
    photo = sharpen.reference(tone.reference(scene, *given["tone"]), *given["sharpen"])
    return (photo * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def example(rng: np.random.Generator, height: int, width: int) -> dict[str, Any]:
    """By name, with an even map of surroundings."""
    given: dict[str, Any] = {}
    for name, module in MODULES.items():
        given |= light.named(rng, name, module, height, width)
    lines = np.stack([np.full((5, 7), 0.8), np.full((5, 7), -0.2)]).astype(np.float32)
    return given | {"local_tone_lines": lines}
