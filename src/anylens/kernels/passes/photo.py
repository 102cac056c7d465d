"""Counts -> photo in one pass: all the kernels of the shipped stages, from linearize to sharpen.

The algorithms are those of the single kernels, composed; only what is kept between them differs. A call makes a band
of the photo, 8 bits, rows interleaved as files want them. Within it the light after demosaicing is kept whole, as
luma and chroma of unit noise, because the coarse chroma looks far around; from there on everything happens in tiles.

Beyond the border the counts are mirrored, once for all. The blocks of denoising do not lie mirrored there, so the
outermost two pixels of a photo, where sharpening looks beyond the border, may differ by a count from stage by stage.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels import (
    balance,
    defects,
    demosaic,
    denoise,
    expose,
    highlights,
    linearize,
    local_tone,
    pattern,
    shade,
    sharpen,
    tone,
)
from anylens.kernels.cells import SPACING, spread
from anylens.kernels.library import Kernel
from anylens.kernels.passes import cells
from anylens.kernels.signature import Image, Scalar, Signature

Array = npt.NDArray[Any]


MODULES = {
    "balance": balance,
    "highlights": highlights,
    "shade": shade,
    "demosaic": demosaic,
    "denoise": denoise,
    "expose": expose,
    "local_tone": local_tone,
    "tone": tone,
    "sharpen": sharpen,
}
SAID_ONCE = ("red_x", "red_y", "frames_used", "to_camera")


def _after(name: str) -> tuple[Image | Scalar, ...]:
    """A kernel's inputs after its picture, named apart, but those that the pass says once or need not say."""
    rest = (argument for argument in MODULES[name].SIGNATURE.inputs[1:] if argument.name not in SAID_ONCE)
    return tuple(dataclasses.replace(argument, name=f"{name}_{argument.name}") for argument in rest)


GROUPS: tuple[tuple[str, tuple[Image | Scalar, ...]], ...] = (
    ("counts", cells.COUNTS),
    ("phase", (Scalar("red_x", "int32"), Scalar("red_y", "int32"))),
    ("calm", (Image("calm", "float32", 2, "repeat"),)),
    *((name, _after(name)) for name in MODULES),
)
SIGNATURE = Signature(
    inputs=tuple(argument for _, group in GROUPS for argument in group),
    outputs=(Image("photo", "uint8", 3, interleaved=True),),
)


def _grouped(inputs: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
    found, first = {}, 0
    for name, group in GROUPS:
        found[name] = inputs[first : first + len(group)]
        first += len(group)
    return found


def _inside(place: Any, size: Any) -> Any:
    """Where a place just beyond the border stands in the picture that is mirrored there."""
    import halide as hl

    return hl.clamp(hl.min(hl.abs(place), 2 * (size - 1) - hl.abs(place)), 0, size - 1)


def photo(
    out: npt.NDArray[np.uint8],
    origin: tuple[int, int],
    phase: tuple[int, int],
    calm: npt.NDArray[np.float32],
    **arguments: tuple[Any, ...],
) -> None:
    """Fill a band of the photo, a (3, rows, columns) view of (rows, columns, 3) that begins at `origin` (x, y).

    `calm` is to how many frames the noise is equal, one point every SPACING pixels. `arguments` holds for each kernel
    by name what it takes after its picture; `counts` what `passes.cells` takes.
    """
    arguments |= {"phase": phase, "calm": (calm,)}
    given = [value for name, _ in GROUPS for value in arguments[name]]
    kernel(*given, out=out, origin=origin)


class Stages(NamedTuple):
    rows: tuple[Any, ...]
    light: Any
    mended: Any
    filled: Any
    widened: Any
    shaded: Any
    demosaic: demosaic.Stages
    denoise: denoise.Stages
    even: Any
    shown: Any
    rendered: Any
    sharpen: sharpen.Stages
    slopes: Any
    photo: Any


def algorithm(*inputs: Any) -> Stages:
    import halide as hl

    given = _grouped(inputs)
    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    width, height = given["counts"][len(linearize.SIGNATURE.inputs) :][:2]
    light, mending = cells.light_of(*given["counts"])
    balancing = balance.algorithm(mending.mended, *given["balance"])
    filling = highlights.algorithm(balancing.balanced, *given["highlights"], *given["phase"])
    inside: Any = _inside(x, width), _inside(y, height)
    gains, place, points_x, points_y = given["shade"]
    widened = shade.widened(gains, place, points_x, lambda column: _inside(column, width))
    shaded = hl.Func("shaded")
    shaded[x, y] = filling.filled[x, y] * shade.gain_at(widened, place, points_y, x, y, inside[1])
    rgb = demosaic.algorithm(shaded, *given["phase"], *given["demosaic"])

    frames, same = hl.Func("frames"), hl.Func("same")
    (calm,) = given["calm"]
    frames[x, y] = calm[x / SPACING, y / SPACING]
    same[x, y] = hl.select(x == y, hl.f32(1.0), hl.f32(0.0))
    clean = denoise.algorithm(rgb.rgb, frames, same, *given["denoise"])
    exposed = expose.algorithm(clean.clean, *given["expose"])
    *lines, shadows, brights = given["local_tone"]
    even = local_tone.evened(exposed, local_tone.line_at(*lines, *inside), x, y, shadows, brights)
    toned = tone.algorithm(even, *given["tone"])
    sharp = sharpen.algorithm(toned.photo, *given["sharpen"])
    photo = hl.Func("photo_bytes")
    photo[x, y, c] = hl.cast(hl.UInt(8), sharp.sharp[x, y, c] * hl.f32(255.0) + hl.f32(0.5))
    return Stages(
        (*mending[:-1], *balancing[:-1], *filling[:-1], rgb.sites),
        light,
        mending.mended,
        filling.filled,
        widened,
        shaded,
        rgb,
        clean,
        even,
        toned.shown,
        toned.photo,
        sharp,
        (shadows, brights),
        photo,
    )


STRIP = 64


def schedule(stages: Stages, target: Any) -> None:
    """239 ms, a photograph of 12 MP, 2 cores of Emerald Rapids (AVX-512), output and scratch already in memory."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    guard = hl.TailStrategy.GuardWithIf
    inner, lanes, across, down = (hl.Var(name) for name in ("inner", "lanes", "across", "down"))

    stable = stages.denoise.stable
    x, y, c = stable.args()
    stable.compute_root().bound_extent(c, 3).split(y, y, inner, STRIP, hl.TailStrategy.RoundUp).reorder(c, x, inner, y)
    stable.split(x, x, lanes, width).reorder(lanes, c, x, inner, y).vectorize(lanes).unroll(c).parallel(y)
    for line in (stages.light, stages.mended, stages.filled, stages.shaded, *stages.demosaic[1:-1]):
        x_line, y_line = line.args()
        line.store_at(stable, y).compute_at(stable, inner).vectorize(x_line, width)
        if line in stages.demosaic:
            line.fold_storage(y_line, 16)
    rgb = stages.demosaic.rgb
    x_rgb, _, plane = rgb.args()
    rgb.compute_at(stable, x).bound(plane, 0, 3).reorder(plane, x_rgb).unroll(plane).vectorize(x_rgb)
    for rows in stages.rows:
        pattern.schedule(rows, width)
    stages.widened.compute_root().vectorize(stages.widened.args()[0], width)

    x, y, c = stages.photo.args()
    stages.photo.bound(c, 0, 3).tile(x, y, across, down, x, y, *denoise.TILE, guard).reorder(c, x, y, across, down)
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
    picture_x, _, c = stages.denoise.clean.args()
    stages.denoise.clean.compute_at(stages.rendered, y).bound(c, 0, 3).reorder(c, picture_x).unroll(c)
    stages.denoise.clean.vectorize(picture_x, width)
    stages.even.specialize((stages.slopes[0] == 0.0) & (stages.slopes[1] == 0.0))
    denoise.schedule_blocks(stages.denoise.luma_clean, stages.photo, across, width)
    for scratch in (*stages.sharpen[:-1], stages.rendered, stages.shown, stages.denoise.clean):
        scratch.store_in(hl.MemoryType.Stack)
    finer = stages.denoise.half_finer
    finer.store_at(stages.photo, across).compute_at(stages.rendered, y).vectorize(finer.args()[0], 2 * width)
    denoise.schedule_chroma(stages.denoise, width)


def reference(*inputs: Any) -> Array:
    given = _grouped(inputs)
    first = len(linearize.SIGNATURE.inputs)
    light = linearize.reference(*given["counts"][:first])
    light = defects.reference(light, *given["counts"][first + 2 :])
    light = balance.reference(light, *given["balance"])
    light = highlights.reference(light, *given["highlights"], *given["phase"])
    light = shade.reference(light, *given["shade"])
    scene = demosaic.reference(light, *given["phase"], *given["demosaic"])
    frames = spread(given["calm"][0], *scene.shape[1:])
    scene = denoise.reference(scene, frames, np.eye(3, dtype=np.float32), *given["denoise"])
    scene = expose.reference(scene, *given["expose"])
    scene = local_tone.reference(scene, *given["local_tone"])
    photo = sharpen.reference(tone.reference(scene, *given["tone"]), *given["sharpen"])
    return (photo * np.float32(255) + np.float32(0.5)).astype(np.uint8)


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    """A picture in which nothing is decided by the last bit of a sum, with even maps and nothing taken for noise."""
    counts = cells.example(rng, height, width)
    height, width = counts[0].shape
    ramp = np.linspace(4000, 9000, width) * np.linspace(1, 0.6, height)[:, None]
    raw = (ramp + rng.normal(0, 150, (height, width))).astype(np.uint16)
    even = {
        "threshold": 1e3,
        "denoise_thresholds": np.zeros((5, 8, 8), np.float32),
        "balance_gains": np.ones((2, 2), np.float32),
        "highlights_clip": np.full((2, 2), 10.0, np.float32),
        "shade_gains": np.full((4, 5, 7), 1.2, np.float32),
        "local_tone_lines": np.stack([np.full((5, 7), 0.8), np.full((5, 7), -0.2)]).astype(np.float32),
    }
    given = dict(zip((argument.name for argument in cells.COUNTS), (raw, *counts[1:]), strict=True))
    given |= {"red_x": 1, "red_y": 0, "calm": np.full((1, 1), 0.8, np.float32)}
    for name, group in GROUPS[3:]:
        module = MODULES[name]
        values = module.example(rng, height, width)
        found = dict(zip((argument.name for argument in module.SIGNATURE.inputs), values, strict=True))
        given |= {argument.name: found[argument.name.removeprefix(f"{name}_")] for argument in group}
    given |= even
    return tuple(given[argument.name] for argument in SIGNATURE.inputs)
