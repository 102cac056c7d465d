"""Denoise: shrinkage of overlapping 8 x 8 cosine transforms, luma and chroma apart, driven by the noise profile.

Yu & Sapiro 2011 ("DCT image denoising", IPOL) with the scales of Pierazzo, Lebrun, Rais & Facciolo 2017
("Multi-scale DCT denoising", IPOL) for the chroma. The light is first brought back to the camera's own colours and
to unit noise (Anscombe 1948, generalized by Starck, Murtagh & Bijaoui 1998), then to orthonormal luma and chroma.
Coefficients are shrunk against the noise that they really hold: demosaicing colours the noise, and NOISE_SPECTRUM
says how. Neighbours in a transform share one fate, as in Cai 1999 ("Adaptive wavelet estimation: a block thresholding
and oracle inequality approach"): texture, of which each coefficient alone would pass for noise, is kept for what they
hold together. Of luma the whole block is asked too (own work): what rises out of the noise in one group alone is
more often noise than texture, which shows in several. Shrinking by 1 - (noise / energy)^2 is continuous, so no
coefficient is decided by the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import anscombe, powers
from anylens.kernels.library import Kernel
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
COSINES = np.array(
    [[np.cos((2 * i + 1) * u * np.pi / 16) * (0.5 if u else 0.5**1.5) for i in range(8)] for u in range(8)]
)
MARGIN = 64
TILE = (252, 64)
CHROMA_TILE = (252, 144)
"""Of the small pictures, where higher tiles have fewer rows of blocks twice."""
BEYOND = 16
"""Columns of blocks on either side of a tile, at most, whose blocks reach into it or fill its last vector."""

CHANGE_STEPS, NO_CHANGE = 256.0, 32768
"""What denoising changes in chroma is counted in so many steps to a standard deviation, and nothing as the second."""

# Standard deviation of each coefficient of luma and of the chroma of half and of quarter size, measured on flat white
# noise of unit variance in every site after `demosaic`: benchmarks/noise_spectrum.py.
NOISE_SPECTRUM = np.array(
    (
        (  # luma, every pixel
            (1.78, 1.74, 1.74, 1.74, 1.75, 1.75, 1.63, 1.35),
            (1.74, 1.72, 1.72, 1.72, 1.71, 1.68, 1.54, 1.24),
            (1.74, 1.72, 1.72, 1.72, 1.70, 1.66, 1.51, 1.21),
            (1.74, 1.72, 1.72, 1.71, 1.69, 1.65, 1.50, 1.20),
            (1.75, 1.71, 1.70, 1.69, 1.67, 1.62, 1.46, 1.17),
            (1.75, 1.68, 1.66, 1.65, 1.62, 1.56, 1.40, 1.10),
            (1.63, 1.54, 1.51, 1.50, 1.46, 1.40, 1.22, 0.92),
            (1.35, 1.24, 1.21, 1.20, 1.17, 1.10, 0.92, 0.63),
        ),
        (  # red less blue, half size
            (0.94, 0.83, 0.72, 0.60, 0.49, 0.41, 0.34, 0.29),
            (0.83, 0.72, 0.61, 0.50, 0.41, 0.34, 0.28, 0.24),
            (0.72, 0.61, 0.50, 0.40, 0.31, 0.26, 0.22, 0.19),
            (0.60, 0.50, 0.40, 0.29, 0.22, 0.18, 0.15, 0.13),
            (0.49, 0.41, 0.31, 0.22, 0.16, 0.12, 0.11, 0.10),
            (0.41, 0.34, 0.26, 0.18, 0.12, 0.10, 0.09, 0.08),
            (0.34, 0.28, 0.22, 0.15, 0.11, 0.09, 0.07, 0.07),
            (0.29, 0.24, 0.19, 0.13, 0.10, 0.08, 0.07, 0.06),
        ),
        (  # magenta less green, half size
            (0.75, 0.66, 0.56, 0.45, 0.35, 0.27, 0.21, 0.17),
            (0.66, 0.58, 0.49, 0.39, 0.30, 0.23, 0.18, 0.14),
            (0.56, 0.49, 0.42, 0.32, 0.24, 0.18, 0.14, 0.11),
            (0.45, 0.39, 0.32, 0.24, 0.18, 0.13, 0.10, 0.08),
            (0.35, 0.30, 0.24, 0.18, 0.12, 0.09, 0.07, 0.06),
            (0.27, 0.23, 0.18, 0.13, 0.09, 0.07, 0.05, 0.05),
            (0.21, 0.18, 0.14, 0.10, 0.07, 0.05, 0.05, 0.04),
            (0.17, 0.14, 0.11, 0.08, 0.06, 0.05, 0.04, 0.04),
        ),
        (  # red less blue, quarter size
            (0.50, 0.48, 0.45, 0.41, 0.36, 0.33, 0.30, 0.28),
            (0.48, 0.45, 0.43, 0.39, 0.34, 0.31, 0.28, 0.26),
            (0.45, 0.43, 0.40, 0.36, 0.32, 0.28, 0.25, 0.23),
            (0.41, 0.39, 0.36, 0.33, 0.29, 0.25, 0.22, 0.20),
            (0.36, 0.34, 0.32, 0.29, 0.25, 0.21, 0.18, 0.17),
            (0.33, 0.31, 0.28, 0.25, 0.21, 0.18, 0.15, 0.13),
            (0.30, 0.28, 0.25, 0.22, 0.18, 0.15, 0.12, 0.10),
            (0.28, 0.26, 0.23, 0.20, 0.17, 0.13, 0.10, 0.09),
        ),
        (  # magenta less green, quarter size
            (0.40, 0.38, 0.36, 0.33, 0.29, 0.25, 0.22, 0.20),
            (0.38, 0.36, 0.34, 0.31, 0.27, 0.24, 0.21, 0.18),
            (0.36, 0.34, 0.32, 0.29, 0.25, 0.22, 0.19, 0.17),
            (0.33, 0.31, 0.29, 0.27, 0.23, 0.20, 0.17, 0.15),
            (0.29, 0.27, 0.25, 0.23, 0.20, 0.17, 0.15, 0.13),
            (0.25, 0.24, 0.22, 0.20, 0.17, 0.15, 0.12, 0.11),
            (0.22, 0.21, 0.19, 0.17, 0.15, 0.12, 0.10, 0.09),
            (0.20, 0.18, 0.17, 0.15, 0.13, 0.11, 0.09, 0.07),
        ),
    ),
    np.float32,
)


class Shrunk(Parts):
    shares: Any
    used: Any
    parted: Any
    rows: Any
    values: Any
    energy: Any
    asked: Any
    kept: Any
    shrunk: Any
    back: Any
    both: Any
    columns: Any
    picture: Any


class Stages(Parts):
    stable: Any
    half: Any
    quarter: Any
    quarter_clean: Shrunk
    quarter_change: Any
    quarter_finer: Any
    half_fixed: Any
    half_clean: Shrunk
    half_change: Any
    half_finer: Any
    luma_clean: Shrunk
    clean: Any


# Every row of the transform over its greatest coefficient: that one then costs no product. What was left out, squared,
# since there and back leave it out, stands in SHARES; `_inverse` puts in what is more than the first row's, and WHOLE
# is that of the first row, for each pixel lies in two blocks each way.
GREATEST = np.abs(COSINES).max(1)
RATIOS = COSINES / GREATEST[:, None]
MORE = (GREATEST / GREATEST[0]) ** 2
WHOLE = GREATEST[0] ** 4 / 4
LEFT_OUT = np.outer(GREATEST, GREATEST) ** 2

NOISE_SHARE = 0.4
"""A group is all noise whose mean square is this share of the thresholds' squares."""

LEAST_LIMIT = 1e-3
MEMBERS = [[u for u in range(8) if (u + 1) // 3 == group] for group in range(3)]
"""Rows, or columns, of the transform that share a group, of which there are three times three; the mean is in none."""

COUNTS = np.repeat([len(group) for group in MEMBERS], [len(group) for group in MEMBERS])
MEMBERS_OF = np.outer(COUNTS, COUNTS) - (np.add.outer(COUNTS, COUNTS) == 4)
SHARES = LEFT_OUT / (NOISE_SHARE * np.maximum(MEMBERS_OF, 1))
SHARES[0, 0] = 0.0

SIZES = [len(group) for group in MEMBERS]
PARTS = (np.outer(SIZES, SIZES) - np.outer([1, 0, 0], [1, 0, 0])) / 63
"""What part of a block's coefficients each group has."""

ASKED, LESS, ASKED_RANGE = 3.4, 2.0, (0.92, 2.4)
"""How many times the energy that is all noise a group of luma must rise above: the first, less the second times the
mean energy of its block, within these. Flat noise has a mean of 0.63 by default, so 2.1 times are asked there."""


def _forward(values: list[Any]) -> list[Any]:
    """The cosine transform of eight expressions by RATIOS, even and odd part apart."""
    even = [values[i] + values[7 - i] for i in range(4)]
    odd = [values[i] - values[7 - i] for i in range(4)]
    outer, inner = even[0] + even[3], even[1] + even[2]
    wide, narrow = even[0] - even[3], even[1] - even[2]
    part = _constant(RATIOS[2, 1])
    evens = [outer + inner, wide + part * narrow, outer - inner, part * wide - narrow]
    odds = [_total([(RATIOS[u, i], odd[i]) for i in range(4)]) for u in (1, 3, 5, 7)]
    return [evens[0], odds[0], evens[1], odds[1], evens[2], odds[2], evens[3], odds[3]]


def _inverse(values: list[Any]) -> list[Any]:
    """What takes `_forward` back, but for the first row's greatest coefficient squared."""
    part, second, odd_rows = _constant(RATIOS[2, 1]), _constant(MORE[2]), _constant(MORE[1])
    high, low = values[0] + values[4], values[0] - values[4]
    wide, narrow = values[2] + part * values[6], part * values[2] - values[6]
    even = [high + second * wide, low + second * narrow, low - second * narrow, high - second * wide]
    odd = [_total([(RATIOS[u, i], values[u]) for u in (1, 3, 5, 7)]) for i in range(4)]
    return [even[i] + odd_rows * odd[i] for i in range(4)] + [even[i] - odd_rows * odd[i] for i in (3, 2, 1, 0)]


def _total(terms: list[tuple[float, Any]]) -> Any:
    """The sum of products, of which one factor at least is 1 or -1."""
    (sign, total), *rest = sorted(terms, key=lambda term: abs(abs(term[0]) - 1.0))
    for factor, value in rest:
        total = total + _constant(factor * sign) * value
    return total if sign > 0 else -total


def _constant(value: float) -> Any:
    import halide as hl

    return hl.f32(float(value))


def _shrunk(plane: Any, thresholds: Any, first: int, frames_used: Any, size: int, name: str) -> Shrunk:
    """Blocks every four pixels of `plane` (x, y, c), shrunk by table `first + c`; its pixels are `size` wide.

    Column x of blocks is column x / 4 of blocks, pixel x % 4. Columns are transformed for the two blocks that share
    them at once, and back again after these were added. Luma's table is the first.
    """
    import halide as hl

    x, y, c, u, v, i, j, k = (hl.Var(n) for n in ("x", "y", "c", "u", "v", "i", "j", "k"))
    shares, used, parted, rows, values, energy, asked, kept, shrunk, back, both, columns, picture = (
        hl.Func(f"{name}_{part}") for part in Shrunk._fields
    )
    limit = hl.max(thresholds[u, v, first + c], hl.f32(LEAST_LIMIT))
    shares[u, v, c] = hl.mux(v * 8 + u, [_constant(value) for value in SHARES.ravel()]) / (limit * limit)
    used[x, y] = frames_used[(x * 4 + 4) * size, (y * 4 + 4) * size]
    parted[x, k, y, c] = plane[x * 4 + k, y, c]
    rows[x, k, v, y, c] = hl.mux(v, _forward([parted[x, k, y * 4 + n, c] for n in range(8)]))
    values[x, u, v, y, c] = hl.mux(u, _forward([rows[x + k // 4, k % 4, v, y, c] for k in range(8)]))

    def energy_of(across: list[int], down: list[int]) -> Any:
        parts = [(values[x, i, j, y, c], shares[i, j, c]) for j in down for i in across]
        return sum((value * value * share for value, share in parts), hl.f32(0.0)) * used[x, y]

    energy[x, u, v, y, c] = hl.mux(v, [hl.mux(u, [energy_of(across, down) for across in MEMBERS]) for down in MEMBERS])
    mean = sum((_constant(PARTS[j, i]) * energy[x, i, j, y, c] for j in range(3) for i in range(3)), hl.f32(0.0))
    least, most = map(_constant, ASKED_RANGE if first == 0 else (1.0, 1.0))
    asked[x, y, c] = hl.clamp(_constant(ASKED) - _constant(LESS) * mean, least, most)
    share = asked[x, y, c] * powers.inverse(energy[x, u, v, y, c] + hl.f32(1e-10))
    kept[x, u, v, y, c] = hl.max(hl.f32(1.0) - share * share, hl.f32(0.0))
    # Strict, or the compiler draws these products into those of the transform and shares nothing any more.
    less = [hl.strict_float(values[x, n, v, y, c] * kept[x, (n + 1) // 3, (v + 1) / 3, y, c]) for n in range(8)]
    less[0] = hl.select(v == 0, values[x, 0, v, y, c], less[0])
    shrunk[x, u, v, y, c] = hl.mux(u, less)
    back[x, i, v, y, c] = hl.mux(i, _inverse([shrunk[x, n, v, y, c] for n in range(8)]))
    both[x, k, j, y, c] = back[x, k, j, y, c] + back[x - 1, k + 4, j, y, c]
    columns[x, k, j, y, c] = hl.mux(j, _inverse([both[x, k, n, y, c] for n in range(8)]))
    total = columns[x / 4, x % 4, y % 4, y / 4, c] + columns[x / 4, x % 4, y % 4 + 4, y / 4 - 1, c]
    picture[x, y, c] = total * _constant(WHOLE)
    return Shrunk(shares, used, parted, rows, values, energy, asked, kept, shrunk, back, both, columns, picture)


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
    parts = [[_constant(OPPONENT[k, p]) * size * roots[p] for p in range(3)] for k in range(3)]
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
    quarter_clean = _shrunk(quarter, thresholds, 3, frames_used, 4, "quarter")
    quarter_change, half_change = hl.Func("quarter_change"), hl.Func("half_change")
    quarter_change[x, y, c] = quarter_clean.picture[x, y, c] - quarter[x, y, c]
    quarter_finer = _finer(quarter_change, "quarter_finer")
    half_fixed[x, y, c] = half[x, y, c] + _doubled(quarter_finer, c, x, y)
    half_clean = _shrunk(half_fixed, thresholds, 1, frames_used, 2, "half")
    change = half_clean.picture[x, y, c] - half[x, y, c]
    if short:
        change = hl.u16_sat(hl.i32(change * hl.f32(CHANGE_STEPS) + hl.f32(NO_CHANGE + 0.5)))
    half_change[x, y, c] = change
    half_finer = _finer(half_change, "half_finer")
    luma_clean = _shrunk(stable, thresholds, 0, frames_used, 1, "luma")

    parts = [luma_clean.picture[x, y, 0] + black]
    for k in (1, 2):
        change = _doubled(half_finer, k - 1, x, y)
        if short:
            change = hl.f32(change) * hl.f32(1 / CHANGE_STEPS) - hl.f32(NO_CHANGE / CHANGE_STEPS)
        parts.append(stable[x, y, k] + change)
    squares, rows = [], []
    for plane in range(3):
        root = sum((_constant(OPPONENT[k, plane]) * parts[k] for k in range(3)), zero)
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
    schedule_blocks(stages.luma_clean, (stages.clean, across), (stages.clean, across), width, TILE[0])
    schedule_chroma(stages, width)


def schedule_blocks(
    shrunk: Shrunk, tile: tuple[Any, Any], row: tuple[Any, Any], width: int, columns: int | None = None
) -> None:
    """Blocks and the picture of them kept in each `tile` and made for each `row`, vectors across blocks.

    Where a tile is at most `columns` wide, places in what is kept of it are told without arithmetic.
    """
    import halide as hl

    inner = hl.Var("inner")
    x, _, _ = shrunk.picture.args()
    shrunk.picture.store_at(*tile).compute_at(*row).align_bounds(x, 4).split(x, x, inner, 4)
    shrunk.picture.unroll(inner).vectorize(x, width)
    x, k, j, y, _ = shrunk.columns.args()
    shrunk.columns.store_at(*tile).compute_at(*row).reorder(j, x, k, y).unroll(j).vectorize(x, width)
    shrunk.used.compute_at(shrunk.columns, y).vectorize(shrunk.used.args()[0], width)
    column, _, j, *_ = shrunk.both.args()
    shrunk.both.compute_at(shrunk.columns, x).reorder(j, column).unroll(j).vectorize(column)
    x, k, v, *_ = shrunk.rows.args()
    shrunk.rows.compute_at(shrunk.columns, y).reorder(v, k, x).unroll(v).vectorize(x, width)
    pixels, k, *_ = shrunk.parted.args()
    shrunk.parted.compute_at(shrunk.rows, x).reorder(k, pixels).unroll(k).vectorize(pixels)
    x, i, v, *_ = shrunk.back.args()
    blocks = hl.Var("blocks")
    shrunk.back.compute_at(shrunk.columns, y).split(x, blocks, x, width).reorder(i, x, v, blocks).unroll(i).vectorize(x)
    x, u, *_ = shrunk.shrunk.args()
    shrunk.shrunk.compute_at(shrunk.back, v).reorder(u, x).unroll(u).vectorize(x)
    x, u, v, *_ = shrunk.values.args()
    shrunk.values.compute_at(shrunk.back, blocks).reorder(u, x, v).unroll(u).vectorize(x)
    for each in (shrunk.energy, shrunk.kept):
        x, u, v, *_ = each.args()
        each.compute_at(shrunk.back, blocks).reorder(u, v, x).unroll(u).unroll(v).vectorize(x)
    shrunk.asked.compute_at(shrunk.back, blocks).vectorize(shrunk.asked.args()[0])
    if columns is not None:
        for kept in (shrunk.rows, shrunk.back, shrunk.columns):
            kept.bound_storage(kept.args()[0], columns // 4 + 2 * BEYOND)
    shrunk.shares.compute_root()


def schedule_chroma(stages: Stages, width: int) -> None:
    """What denoising changes in the small pictures of chroma whole, each in tiles of its own."""
    import halide as hl

    across, down, tile, guard = hl.Var("across"), hl.Var("down"), hl.Var("tile"), hl.TailStrategy.GuardWithIf
    for shrunk, change in ((stages.half_clean, stages.half_change), (stages.quarter_clean, stages.quarter_change)):
        x, y, c = change.args()
        change.compute_root().tile(x, y, across, down, x, y, *CHROMA_TILE, guard).fuse(across, down, tile)
        change.parallel(tile).parallel(c).vectorize(x, width, guard)
        schedule_blocks(shrunk, (change, tile), (change, tile), width, CHROMA_TILE[0])
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

    def shrunk(plane: Array, limit: Array, size: int, asked_range: tuple[float, float] = (1.0, 1.0)) -> Array:
        tiles = np.lib.stride_tricks.sliding_window_view(plane, (8, 8))[::4, ::4]
        cosines = COSINES.astype(np.float32)
        value = np.einsum("ui,abji,vj->abvu", cosines, tiles, cosines, optimize=True)
        rows = np.arange(tiles.shape[0]) * 4 * size - MARGIN + 4 * size
        columns = np.arange(tiles.shape[1]) * 4 * size - MARGIN + 4 * size
        used = frames_used[
            np.ix_(
                np.clip(rows, 0, frames_used.shape[0] - 1),
                np.clip(columns, 0, frames_used.shape[1] - 1),
            )
        ]
        shares = (SHARES / LEFT_OUT / np.maximum(limit, LEAST_LIMIT) ** 2).astype(np.float32)
        groups = [(..., *np.ix_(down, across)) for down in MEMBERS for across in MEMBERS]
        energy = [(value[group] ** 2 * shares[group[1:]]).sum((-2, -1)) * used for group in groups]
        mean = sum(part * each for part, each in zip(PARTS.ravel(), energy, strict=True))
        asked = np.clip(ASKED - LESS * mean, *asked_range)
        kept = np.ones_like(value)
        for group, each in zip(groups, energy, strict=True):
            kept[group] = np.maximum(1 - (asked / (each + np.float32(1e-10))) ** 2, 0)[..., None, None]
        kept[..., 0, 0] = 1
        kept *= value
        block = np.einsum("ui,abvu,vj->abji", cosines, kept, cosines, optimize=True)
        total = np.zeros_like(plane)
        for j in range(8):
            for i in range(8):
                total[j : j + 4 * len(block) : 4, i : i + 4 * block.shape[1] : 4] += block[:, :, j, i]
        return total / np.float32(4)

    def halved(plane: Array) -> Array:
        return (plane[0::2, 0::2] + plane[0::2, 1::2] + plane[1::2, 0::2] + plane[1::2, 1::2]) / np.float32(4)

    def doubled(plane: Array) -> Array:
        for axis in (0, 1):
            before, after = np.roll(plane, 1, axis), np.roll(plane, -1, axis)
            pair = np.stack([plane * 0.75 + before * 0.25, plane * 0.75 + after * 0.25], axis + 1)
            plane = pair.reshape([side * (2 if k == axis else 1) for k, side in enumerate(plane.shape)])
        return plane.astype(np.float32)

    parts = [shrunk(stable[0], thresholds[0], 1, ASKED_RANGE)]
    for k in (1, 2):
        half = halved(stable[k])
        quarter = halved(half)
        fixed = half + doubled(shrunk(quarter, thresholds[2 + k], 4) - quarter)
        parts.append(stable[k] + doubled(shrunk(fixed, thresholds[k], 2) - half))
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
