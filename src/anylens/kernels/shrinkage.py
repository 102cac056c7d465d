"""Shrinkage of overlapping 8 x 8 cosine transforms: a part of `denoise`, for one picture of luma or chroma.

Neighbours in a transform share one fate, as in Cai 1999 ("Adaptive wavelet estimation: a block thresholding and oracle
inequality approach"): texture, of which each coefficient alone would pass for noise, is kept for what they hold
together. Of luma the whole block is asked too (own work): what rises out of the noise in one group alone is more often
noise than texture, which shows in several. Shrinking by 1 - (noise / energy)^2 is continuous, so no coefficient is
decided by the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import powers
from anylens.record import Parts

Array = npt.NDArray[np.float32]

COSINES = np.array(
    [[np.cos((2 * i + 1) * u * np.pi / 16) * (0.5 if u else 0.5**1.5) for i in range(8)] for u in range(8)]
)
BEYOND = 16
"""Columns of blocks on either side of a tile, at most, whose blocks reach into it or fill its last vector."""

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

SIZES = [len(group) for group in MEMBERS]
COUNTS = np.repeat(SIZES, SIZES)
MEMBERS_OF = np.outer(COUNTS, COUNTS) - (np.add.outer(COUNTS, COUNTS) == 4)
SHARES = LEFT_OUT / (NOISE_SHARE * np.maximum(MEMBERS_OF, 1))
SHARES[0, 0] = 0.0

PARTS = (np.outer(SIZES, SIZES) - np.outer([1, 0, 0], [1, 0, 0])) / 63
"""What part of a block's coefficients each group has."""

ASKED, LESS, ASKED_RANGE = 3.4, 2.0, (0.92, 2.4)
"""How many times the energy that is all noise a group of luma must rise above: the first, less the second times the
mean energy of its block, within these. Flat noise has a mean of 0.63 by default, so 2.1 times are asked there."""


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


def _forward(values: list[Any]) -> list[Any]:
    """The cosine transform of eight expressions by RATIOS, even and odd part apart."""
    even = [values[i] + values[7 - i] for i in range(4)]
    odd = [values[i] - values[7 - i] for i in range(4)]
    outer, inner = even[0] + even[3], even[1] + even[2]
    wide, narrow = even[0] - even[3], even[1] - even[2]
    part = constant(RATIOS[2, 1])
    evens = [outer + inner, wide + part * narrow, outer - inner, part * wide - narrow]
    odds = [_total([(RATIOS[u, i], odd[i]) for i in range(4)]) for u in (1, 3, 5, 7)]
    return [evens[0], odds[0], evens[1], odds[1], evens[2], odds[2], evens[3], odds[3]]


def _inverse(values: list[Any]) -> list[Any]:
    """What takes `_forward` back, but for the first row's greatest coefficient squared."""
    part, second, odd_rows = constant(RATIOS[2, 1]), constant(MORE[2]), constant(MORE[1])
    high, low = values[0] + values[4], values[0] - values[4]
    wide, narrow = values[2] + part * values[6], part * values[2] - values[6]
    even = [high + second * wide, low + second * narrow, low - second * narrow, high - second * wide]
    odd = [_total([(RATIOS[u, i], values[u]) for u in (1, 3, 5, 7)]) for i in range(4)]
    return [even[i] + odd_rows * odd[i] for i in range(4)] + [even[i] - odd_rows * odd[i] for i in (3, 2, 1, 0)]


def _total(terms: list[tuple[float, Any]]) -> Any:
    """The sum of products, of which one factor at least is 1 or -1."""
    (sign, total), *rest = sorted(terms, key=lambda term: abs(abs(term[0]) - 1.0))
    for factor, value in rest:
        total = total + constant(factor * sign) * value
    return total if sign > 0 else -total


def constant(value: float) -> Any:
    import halide as hl

    return hl.f32(float(value))


def shrunk(plane: Any, thresholds: Any, first: int, frames_used: Any, size: int, name: str) -> Shrunk:
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
    shares[u, v, c] = hl.mux(v * 8 + u, [constant(value) for value in SHARES.ravel()]) / (limit * limit)
    used[x, y] = frames_used[(x * 4 + 4) * size, (y * 4 + 4) * size]
    parted[x, k, y, c] = plane[x * 4 + k, y, c]
    rows[x, k, v, y, c] = hl.mux(v, _forward([parted[x, k, y * 4 + n, c] for n in range(8)]))
    values[x, u, v, y, c] = hl.mux(u, _forward([rows[x + k // 4, k % 4, v, y, c] for k in range(8)]))

    def energy_of(across: list[int], down: list[int]) -> Any:
        parts = [(values[x, i, j, y, c], shares[i, j, c]) for j in down for i in across]
        return sum((value * value * share for value, share in parts), hl.f32(0.0)) * used[x, y]

    energy[x, u, v, y, c] = hl.mux(v, [hl.mux(u, [energy_of(across, down) for across in MEMBERS]) for down in MEMBERS])
    mean = sum((constant(PARTS[j, i]) * energy[x, i, j, y, c] for j in range(3) for i in range(3)), hl.f32(0.0))
    least, most = map(constant, ASKED_RANGE if first == 0 else (1.0, 1.0))
    asked[x, y, c] = hl.clamp(constant(ASKED) - constant(LESS) * mean, least, most)
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
    picture[x, y, c] = total * constant(WHOLE)
    return Shrunk(shares, used, parted, rows, values, energy, asked, kept, shrunk, back, both, columns, picture)


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


def shrunk_reference(
    plane: Array, limit: Array, frames_used: Array, lies: tuple[int, int], *, luma: bool = False
) -> Array:
    """What `shrunk` says of one plane by its own table, in NumPy.

    `lies` is how wide its pixels are, and how many of the picture's it begins before `frames_used` does.
    """
    size, margin = lies
    tiles = np.lib.stride_tricks.sliding_window_view(plane, (8, 8))[::4, ::4]
    cosines = COSINES.astype(np.float32)
    value = np.einsum("ui,abji,vj->abvu", cosines, tiles, cosines, optimize=True)
    rows = np.arange(tiles.shape[0]) * 4 * size - margin + 4 * size
    columns = np.arange(tiles.shape[1]) * 4 * size - margin + 4 * size
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
    asked = np.clip(ASKED - LESS * mean, *(ASKED_RANGE if luma else (1.0, 1.0)))
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
