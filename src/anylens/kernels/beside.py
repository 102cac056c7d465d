"""Lateral colour undone on the mosaic: red and blue are laid beside the green that a lens has parted them from.

Demosaicing takes for granted that colours rise and fall together. Where a lens lays them apart it pulls each towards
the others, so that to move them afterwards moves them too far: over fifteen noise-free pictures parted by 0.6 pixels
that is 0.3 dB worse than to leave them apart, while to move them before is 2.2 dB better; at 2 pixels 2.3 and 7.0 dB
better (`benchmarks.lateral`).

A site of red or blue becomes the green beside it, and the difference from green of what the lens laid there, by a
cubic (Keys 1981) between sites of its colour. Differences are those of square roots, as in `demosaic`. The light of an
edge then comes from green, which has twice as many sites. What a lens does changes slowly, so for each square of 32
pixels it is one displacement.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import cubic, pattern
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

APART = (Image("across", "float32", 3, "repeat"), Image("down", "float32", 3, "repeat"))
"""Where red's light lies, and blue's: (2, rows, columns) pixels right of green's and below, one for each SQUARE."""

BEYOND = (96, 32)
"""Columns and rows that are laid out on each side of what is asked for, as far as is looked for a colour."""

SIGNATURE = Signature(
    inputs=(Image("roots", "float32", 2), *APART, Scalar("red_x", "int32"), Scalar("red_y", "int32")),
    outputs=(Image("beside", "float32", 2),),
)
SQUARE = 32
"""Pixels by pixels that are moved alike."""

BLOCK = SQUARE // 2
"""So many sites of one colour in a row of a square."""

REACH = 8
"""Sites of its colour by which one is moved at most, which is twice as many pixels."""

LAID_OUT = 2048
"""Columns and rows beyond a picture's end that tables tell of too, since a pass lays pictures out in whole pieces."""

UNEVEN_PX = 0.25
"""By less than this light lies farther apart from square to square; its ends are moved wrongly by half as much."""

AROUND = 4
"""Pixels beside a site whose green counts."""

SUPPORT = 2 * (REACH + 2)
"""Pixels beside a site by which it may be told at most."""


class Stages(Parts):
    sites: Any
    green: Any
    moved: tuple[tuple[Any, Any, Any], ...]
    """Along rows and along columns: whole sites, and what sites of the colour and pixels of green weigh."""
    green_down: Any
    green_dealt: Any
    own_down: Any
    joined: Any
    dealt: Any
    whole: Any


class Beside(Parts):
    colors: Stages
    beside: Any


def total(terms: Iterable[Any]) -> Any:
    """The sum of expressions, without the 0 that Python's begins with."""
    first, *others = terms
    return sum(others, first)


def mean(values: list[Any]) -> Any:
    """Of four numbers, whole ones rounded."""
    import halide as hl

    if values[0].type() == hl.UInt(16):
        halves = [hl.rounding_halving_add(*values[k : k + 2]) for k in (0, 2)]
        return hl.rounding_halving_add(*halves)
    return total(values) * hl.f32(0.25)


def algorithm(roots: Any, across: Any, down: Any, red_x: Any, red_y: Any) -> Beside:
    """What is given has BEYOND columns and rows more on each side, even numbers of them."""
    import halide as hl

    x, y, beside = hl.Var("x"), hl.Var("y"), hl.Func("beside")
    colors = laid_beside(roots, across, down, red_x, red_y)
    beside[x, y] = colors.whole[x + BEYOND[0], y + BEYOND[1]]
    return Beside(colors, beside)


def laid_beside(roots: Any, across: Any, down: Any, red_x: Any, red_y: Any) -> Stages:
    """Roots (x, y) are floats or whole numbers of 16 bits, and come back as what they were."""
    import halide as hl

    x, y, i, odd = (hl.Var(name) for name in ("x", "y", "i", "odd"))
    sites = pattern.green_sites("green_sites", red_x, red_y)
    green = hl.Func("green")
    near = [hl.Expr(roots[x + dx, y + dy]) for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    green[x, y] = hl.f32(hl.select(sites[x, y % 2] > hl.f32(0.0), roots[x, y], mean(near)))

    color = (y + red_y) % 2  # which of the two a row has beside green
    site = (color + red_x) % 2  # at which of two pixels

    moved = _moved("across", across), _moved("down", down)
    (right, own_right, greens_right), (below, own_below, greens_below) = moved
    green_down, green_dealt, own_down, joined, dealt, whole = (
        hl.Func(name) for name in ("green_down", "green_dealt", "own_down", "joined", "dealt", "whole")
    )
    row = y / SQUARE
    here = (x / (SQUARE), row, color)
    around = range(2 * AROUND + 1)
    green_down[x, y] = total(greens_below[*here, k] * green[x, y + k - AROUND] for k in around)
    green_dealt[i, odd, y] = green_down[2 * i + odd, y]
    here = (i / BLOCK, row, color)
    own_down[i, y] = total(
        own_below[*here, k] * hl.f32(roots[2 * i + site, y + 2 * (below[here] + (k - 1))]) for k in range(4)
    )
    of_own = total(own_right[*here, k] * own_down[i + right[here] + (k - 1), y] for k in range(4))
    of_green = total(
        greens_right[*here, k] * green_dealt[i + (site + k) / 2 - AROUND // 2, (site + k) % 2, y] for k in around
    )
    found = green[2 * i + site, y] + (of_own - of_green)
    if roots.types()[0] == hl.UInt(16):
        found = hl.u16_sat(hl.cast(hl.Int(32), found + hl.f32(0.5)))
    joined[i, y] = found
    dealt[odd, i, y] = hl.select(odd == site, joined[i, y], roots[2 * i + odd, y])
    whole[x, y] = dealt[x % 2, x / 2, y]
    return Stages(sites, green, moved, green_down, green_dealt, own_down, joined, dealt, whole)


def _moved(name: str, table: Any) -> tuple[Any, Any, Any]:
    """Of squares (across, down, colour): by how many whole sites they are moved, and what is weighed for the rest."""
    import halide as hl

    block, line, of, tap = (hl.Var(part) for part in ("block", "line", "of", "tap"))
    apart, whole, own, greens = (hl.Func(f"{name}_{part}") for part in ("apart", "whole", "own", "greens"))
    square = (block, line, of)
    half = table[block, line, hl.clamp(of, 0, 1)] * hl.f32(0.5)
    apart[square] = hl.clamp(half, hl.f32(-REACH), hl.f32(REACH - 1 / 1024))
    first = hl.floor(apart[square])
    whole[square], beyond = hl.clamp(hl.cast(hl.Int(32), first), -REACH, REACH - 1), apart[square] - first
    weights = cubic.weights(beyond, hl.f32(1.0))
    own[*square, tap] = hl.mux(tap, weights)
    # Green is read as far from here as sites of the colour are from where its light lies, straight between pixels.
    away = (hl.abs(hl.f32(tap - AROUND - 2 * (k - 1)) + beyond * hl.f32(2.0)) for k in range(4))
    greens[*square, tap] = total(
        weight * hl.max(hl.f32(1.0) - far, hl.f32(0.0)) for weight, far in zip(weights, away, strict=True)
    )
    return whole, own, greens


def schedule(stages: Beside, target: Any) -> None:
    """32 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP, output already in memory."""
    import halide as hl

    inner, beside = hl.Var("inner"), stages.beside
    x, y = beside.args()
    rows = hl.min(64, beside.output_buffer().height())
    beside.split(y, y, inner, rows, hl.TailStrategy.ShiftInwards).parallel(y)
    beside.vectorize(x, target.natural_vector_size(hl.Float(32)), hl.TailStrategy.GuardWithIf)
    schedule_rows(stages.colors, (beside, y), (beside, inner), target)


def schedule_rows(stages: Stages, store: tuple[Any, Any], row: tuple[Any, Any], target: Any) -> None:
    """All that a `row` is made of, in memory of the piece where it is to `store`; green slides down."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    round_up = hl.TailStrategy.RoundUp
    part, lane = hl.Var("part"), hl.Var("lane")
    pattern.schedule(stages.sites, width)

    def by_blocks(func: Any, size: int) -> None:
        first = func.args()[0]
        func.hoist_storage(*store).compute_at(*row).align_bounds(first, size)
        func.split(first, first, lane, size, round_up).split(lane, part, lane, min(width, size)).vectorize(lane)
        func.unroll(part)

    for whole, *weights in stages.moved:
        for func in (whole, *weights):
            func.compute_root()
    stages.green.store_at(*store).compute_at(*row).fold_storage(stages.green.args()[1], 16)
    stages.green.vectorize(stages.green.args()[0], 2 * width)
    by_blocks(stages.green_down, SQUARE)
    by_blocks(stages.own_down, BLOCK)
    by_blocks(stages.joined, BLOCK)
    i, odd, _ = stages.green_dealt.args()
    stages.green_dealt.hoist_storage(*store).compute_at(*row).bound(odd, 0, 2).reorder(odd, i).unroll(odd)
    stages.green_dealt.vectorize(i, width)
    odd, i, _ = stages.dealt.args()
    by = stages.dealt.hoist_storage(*store).compute_at(*row).bound(odd, 0, 2).align_bounds(i, BLOCK)
    by.split(i, i, lane, BLOCK, round_up).reorder(odd, lane, i).unroll(odd).vectorize(lane)


def reference(roots: Array, across: Array, down: Array, red_x: int, red_y: int) -> Array:
    (left, above), (tall, wide) = BEYOND, roots.shape
    found = reference_whole(roots, across, down, red_x, red_y)[above : tall - above, left : wide - left]
    return found.astype(np.float32)


def reference_whole(roots: Array, across: Array, down: Array, red_x: int, red_y: int) -> Array:
    """What `laid_beside` says, in NumPy; within SUPPORT of the border of what is given it may differ."""
    height, width = roots.shape
    rows, columns = np.arange(height)[:, None], np.arange(-SUPPORT, width + SUPPORT)
    wide = np.pad(roots.astype(np.float32), SUPPORT + 1, mode="symmetric")
    around = [np.roll(wide, step, axis) for axis in (0, 1) for step in (1, -1)]
    y, x = (np.arange(size) - SUPPORT - 1 for size in wide.shape)
    green_sites = (y[:, None] + x + red_x + red_y) % 2 == 1
    green = np.where(green_sites, wide, sum(around) / np.float32(4))[1:-1, 1:-1]
    wide, green_sites = wide[1:-1, 1:-1], green_sites[1:-1, 1:-1]
    color = (rows + red_y) % 2  # which of the two a row has beside green
    below, own, of_green = _moves(down, color, rows, columns)
    at = np.arange(wide.shape[1])
    own_down = sum(own[k] * wide[rows + SUPPORT + 2 * (below + k - 1), at] for k in range(4))
    green_down = sum(of_green[k] * green[rows + SUPPORT + k - AROUND, at] for k in range(2 * AROUND + 1))
    here = np.arange(width)
    right, own, of_green = _moves(across, color, rows, here)
    of_own = sum(own[k] * own_down[rows, here + SUPPORT + 2 * (right + k - 1)] for k in range(4))
    greens = sum(of_green[k] * green_down[:, here + SUPPORT + k - AROUND] for k in range(2 * AROUND + 1))
    inside = slice(SUPPORT, -SUPPORT)
    found: Array = green[inside, inside] + np.where(green_sites[inside, inside], 0, of_own - greens)
    return found


def _moves(table: Array, color: Any, rows: Any, columns: Any) -> tuple[Any, list[Any], list[Any]]:
    """By how many whole sites each is moved, and what four sites of its colour and nine pixels of green weigh."""

    line, block = (
        np.clip(at // SQUARE, 0, most - 1) for at, most in zip((rows, columns), table.shape[1:], strict=True)
    )
    apart = np.clip(table[color, line, block] * np.float32(0.5), -REACH, REACH - 1 / 1024)
    whole = np.floor(apart)
    beyond = apart - whole
    own = cubic.weights(beyond, np.float32(1))
    greens = []
    for place in range(-AROUND, AROUND + 1):
        away = [np.maximum(1 - np.abs(place - 2 * (k - 1) + 2 * beyond), np.float32(0)) for k in range(4)]
        greens.append(sum(w * a for w, a in zip(own, away, strict=True)))
    return whole.astype(np.intp), own, greens


kernel = Kernel(__name__, SIGNATURE, reference)


def fits(across: Array, down: Array) -> bool:
    """Whether anything is apart, as little and as evenly as can be told here."""
    farthest = max(float(np.abs(table).max()) for table in (across, down))
    uneven = max(float(np.abs(np.diff(table, axis=axis)).max()) for table in (across, down) for axis in (1, 2))
    return 0.0 < farthest < 2 * REACH and uneven < UNEVEN_PX


def laid_out(across: Array, down: Array, shape: tuple[int, int], edge: tuple[int, int]) -> tuple[Array, Array]:
    """Tables of a picture of this shape, begun `edge` columns and rows before it, which are whole squares.

    Beyond the picture's border, where its light is mirrored, they are mirrored too.
    """
    found = []
    for axis, table in enumerate((across, down)):
        for before, size, along in zip(edge, shape[::-1], (2, 1), strict=True):
            middle = np.arange(-before, size + before + LAID_OUT, SQUARE) + SQUARE // 2
            own = np.clip(middle // SQUARE, 0, (size - 1) // SQUARE)
            mirrored = np.abs((middle + size - 1) % max(2 * size - 2, 1) - (size - 1)) // SQUARE
            beyond = middle // SQUARE != own
            table = np.take(table, np.where(beyond, mirrored, own), along)
            if along == 2 - axis:
                table = table * np.where(beyond, -1.0, 1.0).astype(np.float32)[:, *[None] * (2 - along)]
        found.append(np.ascontiguousarray(table, np.float32))
    across, down = found
    return across, down


def beside_green(roots: Array, apart: tuple[Array, Array], red_x: int, red_y: int) -> Array:
    """The mosaic (H, W) of roots with red's and blue's light where green's is; `apart` is as APART says."""
    left, above = BEYOND
    tables = laid_out(*apart, roots.shape, BEYOND)
    around = np.pad(roots.astype(np.float32), ((above, above), (left, left)), mode="reflect")
    return kernel(around, *tables, red_x, red_y, out=np.empty(roots.shape, np.float32))


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    """Colours parted by up to three pixels."""
    tall, wide = height + 2 * BEYOND[1], width + 2 * BEYOND[0]
    ramp = np.linspace(0.2, 0.9, wide, dtype=np.float32) * np.linspace(1, 0.5, tall, dtype=np.float32)[:, None]
    return (ramp + rng.normal(0, 0.02, (tall, wide))).astype(np.float32), *parted(rng, tall, wide), 1, 0


def parted(rng: np.random.Generator, height: int, width: int) -> tuple[Array, Array]:
    """Tables of a picture of this size, at random."""
    squares = 2, *(-(-size // SQUARE) for size in (height, width))
    across, down = (rng.uniform(-3, 3, squares).astype(np.float32) for _ in range(2))
    return across, down
