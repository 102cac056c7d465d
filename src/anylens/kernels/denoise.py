"""Denoise: shrinkage of overlapping 8 x 8 cosine transforms, luma and chroma apart, driven by the noise profile.

Yu & Sapiro 2011 ("DCT image denoising", IPOL) with the scales of Pierazzo, Lebrun, Rais & Facciolo 2017
("Multi-scale DCT denoising", IPOL) for the chroma. The light is first brought back to the camera's own colours and
to unit noise (Anscombe 1948, generalized by Starck, Murtagh & Bijaoui 1998), then to orthonormal luma and chroma.
Coefficients are shrunk against the noise that they really hold: demosaicing colours the noise, and NOISE_SPECTRUM
says how; `shrinkage` is what is done to one picture of luma or chroma.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import anscombe, shrinkage
from anylens.kernels.library import Kernel
from anylens.kernels.noise_spectra import NOISE_SPECTRUM
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

SIGNATURE = Signature(
    inputs=(
        Image("scene", "float32", 3, "mirror"),
        Image("frames_used", "float32", 2, "repeat"),
        Image("to_camera", "float32", 2),
        Image("from_camera", "float32", 2),
        Scalar("steps", "float32"),
        Scalar("dark", "float32"),
        Image("lift", "float32", 1),
        Image("thresholds", "float32", 3),
    ),
    outputs=(Image("clean", "float32", 3),),
)
OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3.0], [2.0], [6.0]])
MARGIN = 64
TILE = (252, 64)
CHROMA_TILE = (252, 144)
"""Of the small pictures, where higher tiles have fewer rows of blocks twice."""
CHANGE_STEPS, NO_CHANGE = 256.0, 32768
"""What denoising changes in chroma is counted in so many steps to a standard deviation, and nothing as the second."""


class Stages(Parts):
    stable: Any
    half: Any
    quarter: Any
    quarter_clean: shrinkage.Shrunk
    quarter_change: Any
    quarter_finer: Any
    half_fixed: Any
    half_clean: shrinkage.Shrunk
    half_change: Any
    half_finer: Any
    luma_clean: shrinkage.Shrunk
    clean: Any


def _halved(plane: Any, c: Any, x: Any, y: Any) -> Any:
    import halide as hl

    left, right = x * 2, x * 2 + 1
    top, bottom = y * 2, y * 2 + 1
    return (plane[left, top, c] + plane[right, top, c] + plane[left, bottom, c] + plane[right, bottom, c]) * hl.f32(
        0.25
    )


def _nearer(near: Any, far: Any) -> Any:
    """Three quarters of one and a quarter of the other, of floats or of whole numbers."""
    import halide as hl

    near, far = hl.Expr(near), hl.Expr(far)
    if near.type().is_float():
        return near * hl.f32(0.75) + far * hl.f32(0.25)
    return hl.rounding_halving_add(near, hl.rounding_halving_add(near, far))


def _finer(plane: Any, name: str) -> Any:
    """`plane` (x, y, c) with twice the columns, bilinear between the centres of pixels twice as large."""
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    finer = hl.Func(name)
    finer[x, y, c] = _nearer(plane[x / 2, y, c], plane[x / 2 + (x % 2) * 2 - 1, y, c])
    return finer


def _doubled(finer: Any, c: Any, x: Any, y: Any) -> Any:
    """What `_finer` gives with twice the rows too."""
    return _nearer(finer[x, y / 2, c], finer[x, y / 2 + (y % 2) * 2 - 1, c])


def algorithm(
    scene: Any,
    frames_used: Any,
    to_camera: Any,
    from_camera: Any,
    steps: Any,
    dark: Any,
    lift: Any,
    thresholds: Any,
) -> Stages:
    stable = stabilized(scene, to_camera, steps, dark)
    return cleaned(stable, stable, frames_used, from_camera, steps, dark, lift, thresholds)


def stabilized(scene: Any, to_camera: Any, steps: Any, dark: Any) -> Any:
    """Luma and chroma, (x, y, c), of unit noise."""
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    zero = hl.f32(0.0)

    def root(plane: int) -> Any:
        light = sum((to_camera[k, plane] * scene[x, y, k] for k in range(3)), zero)
        return hl.max(anscombe.root(steps * light, dark), zero)

    stable = hl.Func("stable")
    stable[x, y, c] = hl.mux(c, opponents([root(plane) for plane in range(3)], hl.f32(1.0), dark))
    return stable


def opponents(roots: list[Any], size: Any, dark: Any) -> list[Any]:
    """Luma and the two of chroma from `size` times the roots of colours, of which black's is that of `dark`."""
    import halide as hl

    black = -hl.sqrt(dark * hl.f32(3.0))
    parts = [[shrinkage.constant(OPPONENT[k, p]) * size * roots[p] for p in range(3)] for k in range(3)]
    return [sum(parts[0], black), sum(parts[1], hl.f32(0.0)), sum(parts[2], hl.f32(0.0))]


def cleaned(
    stable: Any,
    around: Any,
    frames_used: Any,
    from_camera: Any,
    steps: Any,
    dark: Any,
    lift: Any,
    thresholds: Any,
    *,
    short: bool = False,
) -> Stages:
    """Clean light of what `stabilized` gives; the coarse chroma looks at it as `around` has it, farther than the rest.

    Chroma at half size and what denoising changes there are kept in 16 bits, `short`, or as floats.
    """
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    zero, black = hl.f32(0.0), hl.sqrt(dark * hl.f32(3.0))
    half, quarter, half_fixed, clean = (hl.Func(name) for name in ("half", "quarter", "half_fixed", "clean"))
    mean, kept = _halved(around, c + 1, x, y), hl.Func("half_kept")
    kept[x, y, c] = hl.cast(hl.Float(16), mean) if short else mean
    half[x, y, c] = hl.f32(kept[x, y, c])
    quarter[x, y, c] = _halved(half, c, x, y)
    quarter_clean = shrinkage.shrunk(quarter, thresholds, 3, frames_used, 4, "quarter")
    quarter_change, half_change = hl.Func("quarter_change"), hl.Func("half_change")
    quarter_change[x, y, c] = quarter_clean.picture[x, y, c] - quarter[x, y, c]
    quarter_finer = _finer(quarter_change, "quarter_finer")
    half_fixed[x, y, c] = half[x, y, c] + _doubled(quarter_finer, c, x, y)
    half_clean = shrinkage.shrunk(half_fixed, thresholds, 1, frames_used, 2, "half")
    change = half_clean.picture[x, y, c] - half[x, y, c]
    if short:
        change = hl.u16_sat(hl.i32(change * hl.f32(CHANGE_STEPS) + hl.f32(NO_CHANGE + 0.5)))
    half_change[x, y, c] = change
    half_finer = _finer(half_change, "half_finer")
    luma_clean = shrinkage.shrunk(stable, thresholds, 0, frames_used, 1, "luma")

    parts = [luma_clean.picture[x, y, 0] + black]
    for k in (1, 2):
        change = _doubled(half_finer, k - 1, x, y)
        if short:
            change = hl.f32(change) * hl.f32(1 / CHANGE_STEPS) - hl.f32(NO_CHANGE / CHANGE_STEPS)
        parts.append(stable[x, y, k] + change)
    squares, rows = [], []
    for plane in range(3):
        root = sum((shrinkage.constant(OPPONENT[k, plane]) * parts[k] for k in range(3)), zero)
        squares.append(anscombe.lifted(root, dark))
    for row in range(3):
        weights = [from_camera[k, row] for k in range(3)]
        shift = sum((weight * (lift[k] - dark / steps) for k, weight in enumerate(weights)), zero)
        rows.append(sum((weight / steps * square for weight, square in zip(weights, squares, strict=True)), shift))
    clean[x, y, c] = hl.mux(c, rows)
    coarse = (kept, quarter, quarter_clean, quarter_change, quarter_finer, half_fixed, half_clean, half_change)
    return Stages(stable, *coarse, half_finer, luma_clean, clean)


def schedule(stages: Stages, target: Any) -> None:
    """124 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP, output already in memory."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    x, y, c = stages.clean.args()
    across, down = hl.Var("across"), hl.Var("down")
    stages.clean.bound(c, 0, 3).tile(x, y, across, down, x, y, *TILE, hl.TailStrategy.GuardWithIf)
    stages.clean.reorder(c, x, y, across, down).vectorize(x, width, hl.TailStrategy.GuardWithIf).unroll(c)
    stages.clean.parallel(down)
    stages.stable.clone_in(stages.half)
    plane = stages.stable.args()[2]
    stages.stable.compute_at(stages.clean, across).bound_extent(plane, 3).reorder(plane, *stages.stable.args()[:2])
    stages.stable.unroll(plane).vectorize(stages.stable.args()[0], width)
    stages.half_finer.compute_at(stages.clean, across).vectorize(stages.half_finer.args()[0], 2 * width)
    shrinkage.schedule_blocks(stages.luma_clean, (stages.clean, across), (stages.clean, across), width, TILE[0])
    schedule_chroma(stages, width)


def schedule_chroma(stages: Stages, width: int) -> None:
    """What denoising changes in the small pictures of chroma whole, each in tiles of its own."""
    import halide as hl

    across, down, tile, guard = hl.Var("across"), hl.Var("down"), hl.Var("tile"), hl.TailStrategy.GuardWithIf
    for shrunk, change in ((stages.half_clean, stages.half_change), (stages.quarter_clean, stages.quarter_change)):
        x, y, c = change.args()
        change.compute_root().tile(x, y, across, down, x, y, *CHROMA_TILE, guard).fuse(across, down, tile)
        change.parallel(tile).parallel(c).vectorize(x, width, guard)
        shrinkage.schedule_blocks(shrunk, (change, tile), (change, tile), width, CHROMA_TILE[0])
    stages.quarter.compute_at(stages.quarter_change, tile).vectorize(stages.quarter.args()[0], width)
    columns = stages.half_clean.columns
    for rows, lanes in ((stages.quarter_finer, 2 * width), (stages.half_fixed, width)):
        rows.store_at(stages.half_change, tile).compute_at(columns, columns.args()[3]).vectorize(rows.args()[0], lanes)
    x, y, _ = stages.half.args()
    stages.half.compute_root().vectorize(x, width).parallel(y, 16)


def reference(
    scene: Array,
    frames_used: Array,
    to_camera: Array,
    from_camera: Array,
    steps: float,
    dark: float,
    lift: Array,
    thresholds: Array,
) -> Array:
    _, height, width = scene.shape
    tall, wide = MARGIN + -(-height // 4) * 4 - height, MARGIN + -(-width // 4) * 4 - width
    around = np.pad(scene, ((0, 0), (MARGIN, tall), (MARGIN, wide)), mode="reflect")
    stable = stabilized_reference(around, to_camera, steps, dark)
    clean = cleaned_reference(stable, frames_used, from_camera, steps, dark, lift, thresholds)
    return clean[:, :height, :width]


def stabilized_reference(scene: Array, to_camera: Array, steps: float, dark: float) -> Array:
    """What `stabilized` says, in NumPy."""
    light = np.einsum("cd,dyx->cyx", to_camera, scene) * np.float32(steps)
    camera = np.maximum(anscombe.root_reference(light, dark), 0) - np.sqrt(np.float32(dark))
    return np.asarray(np.einsum("cd,dyx->cyx", OPPONENT.astype(np.float32), camera), np.float32)


def cleaned_reference(
    stable: Array, frames_used: Array, from_camera: Array, steps: float, dark: float, lift: Array, thresholds: Array
) -> Array:
    """What `cleaned` says, in NumPy, MARGIN pixels within the border of `stable`, whose sides are multiples of four."""

    def halved(plane: Array) -> Array:
        return (plane[0::2, 0::2] + plane[0::2, 1::2] + plane[1::2, 0::2] + plane[1::2, 1::2]) / np.float32(4)

    def doubled(plane: Array) -> Array:
        for axis in (0, 1):
            before, after = np.roll(plane, 1, axis), np.roll(plane, -1, axis)
            pair = np.stack([plane * 0.75 + before * 0.25, plane * 0.75 + after * 0.25], axis + 1)
            plane = pair.reshape([side * (2 if k == axis else 1) for k, side in enumerate(plane.shape)])
        return plane.astype(np.float32)

    parts = [shrinkage.shrunk_reference(stable[0], thresholds[0], frames_used, (1, MARGIN), luma=True)]
    for k in (1, 2):
        half = halved(stable[k])
        quarter = halved(half)
        fixed = half + doubled(
            shrinkage.shrunk_reference(quarter, thresholds[2 + k], frames_used, (4, MARGIN)) - quarter
        )
        parts.append(
            stable[k] + doubled(shrinkage.shrunk_reference(fixed, thresholds[k], frames_used, (2, MARGIN)) - half)
        )
    roots = np.einsum("dc,dyx->cyx", OPPONENT.astype(np.float32), np.stack(parts)) + np.sqrt(np.float32(dark))
    light = (anscombe.lifted_reference(roots, dark) - np.float32(dark)) / np.float32(steps) + lift[:, None, None]
    clean: Array = np.einsum("cd,dyx->cyx", from_camera, light).astype(np.float32)
    return clean[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


kernel = Kernel(__name__, SIGNATURE, reference)


def tables(
    to_camera: npt.ArrayLike, noise_scale: npt.ArrayLike, noise_offset: npt.ArrayLike, luma: float, chroma: float
) -> tuple[Array, Array, float, float, Array, Array]:
    """What the kernel takes: to_camera and its inverse (3, 3), steps, dark, lift (3,) and thresholds (5, 8, 8).

    The camera's own colours are `to_camera` (3, 3) times the scene. There the variance of plane c is
    noise_scale[c] x + noise_offset[c] for one frame. `luma` and `chroma` are thresholds in standard deviations.

    One root, of steps x + dark, serves all colours, that of their sites' mean noise: grey is then without chroma
    however dark it is, so that black letters do not take on a tinge as chroma is smoothed. Demosaicing has mixed the
    fine noise of all sites anyway; what is left of a colour's own is coarse, and counts where red is held against blue.
    """
    table = np.asarray(to_camera, np.float64)
    scales = np.maximum(np.asarray(noise_scale, np.float64), 1e-6)
    slope = float(SITES @ scales)
    floor = max(float(SITES @ np.asarray(noise_offset, np.float64)), 1e-12)
    red_blue = chroma * float(np.sqrt((scales[0] + scales[2]) / 2 / slope))
    strength = np.array([luma, red_blue, chroma, red_blue, chroma])[:, None, None]
    thresholds = (np.maximum(NOISE_SPECTRUM, LEAST_SPECTRUM) * strength).astype(np.float32)
    thresholds[:, 0, 0] = 0.0
    there, back = (each.astype(np.float32) for each in (table, np.linalg.inv(table)))
    return there, back, 4 / slope, 1.5 + 4 * floor / slope**2, (scales / 4 * LIFT).astype(np.float32), thresholds


def denoise(scene: Array, frames_used: Array, *noise: Any) -> Array:
    """Denoise (3, H, W) linear light, the mean of `frames_used`, (H, W) or (1, 1), by what `tables` gives."""
    return kernel(scene, frames_used, *noise, out=np.empty(scene.shape, np.float32))


LEAST_SPECTRUM = np.array([0.0, 0.15, 0.15, 0.1, 0.1])[:, None, None]
"""What unequal gains let leak from luma into the finest chroma, where demosaicing leaves next to none."""

SITES = np.array([0.25, 0.5, 0.25])
"""The shares of red, green and blue sites."""

LIFT = np.array([0.95, 0.75, 0.95])
"""What the mean of a root lacks of the root of the mean, by colour: the share of its variance that is taken away.

More of red's and blue's, as demosaicing has averaged their roots already. Measured on even light of four balances.
"""


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    ramp = np.linspace(0.1, 0.9, width, dtype=np.float32) * np.linspace(1, 0.5, height, dtype=np.float32)[:, None]
    scene = ramp + rng.normal(0, 0.02, (3, height, width)).astype(np.float32)
    to_camera = np.array([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]], np.float32)
    lift = np.full(3, 1.25e-4, np.float32)
    thresholds = (NOISE_SPECTRUM * 2).astype(np.float32)
    thresholds[:, 0, 0] = 0.0
    frames_used = rng.integers(1, 4, (height, width)).astype(np.float32)
    from_camera = np.linalg.inv(to_camera).astype(np.float32)
    return scene.astype(np.float32), frames_used, to_camera, from_camera, 4e3, 400.0, lift, thresholds
