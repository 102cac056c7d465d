"""Lateral colour undone on the mosaic: red and blue are laid beside the green that a lens has parted them from.

Demosaicing takes for granted that colours rise and fall together. Where a lens lays them apart it pulls each towards
the others, so that to move them afterwards moves them too far: over fifteen noise-free pictures parted by 0.6 pixels
that is 0.3 dB worse than to leave them apart, while to move them before is 2.2 dB better; at 2 pixels 2.3 and 7.0 dB
better (`benchmarks.lateral`).

Each site of red or blue is told by how much it differs from green where its light belongs, straight between pixels; a
site becomes the green beside it and the difference that the lens has moved away, by a cubic (Keys 1981) between sites
of its colour. Differences are those of square roots, as in `demosaic`. The light of an edge then comes from green,
which has twice as many sites. What a lens does changes slowly, so for each square of 32 pixels it is one displacement.
Even and odd columns lie apart, so that sites of a colour stand side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import cubic
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

APART = (Image("across", "float32", 3, "repeat"), Image("down", "float32", 3, "repeat"))
"""Where red's light lies, and blue's: (2, rows, columns) pixels right of green's and below, one for each SQUARE."""

BEYOND = (96, 64)
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

SUPPORT = 4 * (REACH + 2)
"""Pixels beside a site by which it may be told at most."""

PART_BITS = 15
"""Weights of whole numbers are counted in 2 to minus this."""


class Stages(Parts):
    moves: tuple[Any, ...]
    """Along rows and along columns: whole sites, what four of them weigh, whole pixels to green, and what is beyond."""
    split: Any
    green: Any
    apart: Any
    own_down: Any
    joined: Any
    dealt: Any
    whole: Any


class Beside(Parts):
    colors: Stages
    beside: Any


class _Sums(Parts):
    """How numbers of a kind are added up: floats, or whole ones of 16 bits that are rounded and stay within them."""

    kind: Any
    whole: bool

    def weight(self, part: Any) -> Any:
        """A float from -1 to 1 as what `times` takes."""
        import halide as hl

        if not self.whole:
            return part
        return hl.cast(self.kind, hl.clamp(hl.round(part * hl.f32(2.0**PART_BITS)), hl.f32(-32767), hl.f32(32767)))

    def times(self, value: Any, weight: Any) -> Any:
        import halide as hl

        if not self.whole:
            return value * weight
        # Not -32768, whose square alone would overflow, so that nobody looks for it.
        weight = hl.unsafe_promise_clamped(weight, hl.i16(-32767), hl.i16(32767))
        return hl.rounding_mul_shift_right(value, weight, hl.u16(PART_BITS))

    def total(self, first: Any, *others: Any) -> Any:
        import halide as hl

        for other in others:
            first = hl.saturating_add(first, other) if self.whole else first + other
        return first

    def between(self, one: Any, other: Any, weight: Any) -> Any:
        return one + self.times(other - one, weight)

    def mean(self, one: Any, other: Any) -> Any:
        import halide as hl

        return hl.rounding_halving_add(one, other) if self.whole else (one + other) * hl.f32(0.5)


def algorithm(roots: Any, across: Any, down: Any, red_x: Any, red_y: Any) -> Beside:
    """What is given has BEYOND columns and rows more on each side, even numbers of them."""
    import halide as hl

    x, y, beside = hl.Var("x"), hl.Var("y"), hl.Func("beside")
    colors = laid_beside(roots, across, down, red_x, red_y)
    beside[x, y] = colors.whole[x + BEYOND[0], y + BEYOND[1]]
    return Beside(colors, beside)


def laid_beside(roots: Any, across: Any, down: Any, red_x: Any, red_y: Any) -> Stages:
    """Roots (x, y) are floats, or whole numbers of 16 bits below 32768, and come back as what they were."""
    import halide as hl

    x, y, i, odd = (hl.Var(name) for name in ("x", "y", "i", "odd"))
    split, green, apart, own_down, joined, dealt, whole = (hl.Func(name) for name in Stages._fields[1:])
    counted = roots.types()[0] == hl.UInt(16)
    sums = _Sums(hl.Int(16) if counted else hl.Float(32), counted)
    color = (y + red_y) % 2  # which of the two a row has beside green
    site = (color + red_x) % 2  # at which of two pixels

    split[i, odd, y] = hl.cast(sums.kind, roots[2 * i + odd, y])
    beside, above = (
        sums.mean(*pair)
        for pair in (
            (split[i + site - 1, 1 - site, y], split[i + site, 1 - site, y]),
            (split[i, site, y - 1], split[i, site, y + 1]),
        )
    )
    green[i, odd, y] = hl.select(odd == site, sums.mean(beside, above), split[i, odd, y])

    moves = _moves("across", across, sums), _moves("down", down, sums)
    (right, own_right, to_left, left_part), (below, own_below, upwards, up_part) = moves
    here = (i / BLOCK, y / SQUARE, color)

    def green_in(row: Any) -> Any:
        """Of a row, straight between two columns."""
        left = hl.unsafe_promise_clamped(to_left[here], -2 * REACH, 2 * REACH)
        one, other = (green[i + at / 2, at % 2, row] for at in (site + left, site + left + 1))
        return sums.between(one, other, left_part[here])

    row = y + hl.unsafe_promise_clamped(upwards[here], -2 * REACH, 2 * REACH)
    apart[i, y] = split[i, site, y] - sums.between(green_in(row), green_in(row + 1), up_part[here])
    to_below, to_right = (hl.unsafe_promise_clamped(each[here], -REACH, REACH - 1) for each in (below, right))
    own_down[i, y] = sums.total(
        *(sums.times(apart[i, y + 2 * (to_below + (k - 1))], own_below[*here, k]) for k in range(4))
    )
    differs = (sums.times(own_down[i + to_right + (k - 1), y], own_right[*here, k]) for k in range(4))
    found = sums.total(green[i, site, y], *differs)
    joined[i, y] = hl.max(found, hl.i16(0)) if counted else found
    dealt[odd, i, y] = hl.cast(roots.types()[0], hl.select(odd == site, hl.Expr(joined[i, y]), green[i, odd, y]))
    whole[x, y] = dealt[x % 2, x / 2, y]
    return Stages((*moves[0], *moves[1]), split, green, apart, own_down, joined, dealt, whole)


def _moves(name: str, table: Any, sums: _Sums) -> tuple[Any, Any, Any, Any]:
    """Of squares (across, down, colour): by how many whole sites they are moved, and what four of them weigh; and how
    many whole pixels from a site the green lies that its light belongs to, and by which part of one farther."""
    import halide as hl

    block, line, of, tap = (hl.Var(part) for part in ("block", "line", "of", "tap"))
    moved, whole, own, back, part = (hl.Func(f"{name}_{part}") for part in ("moved", "whole", "own", "back", "part"))
    square = (block, line, of)
    half = table[block, line, hl.clamp(of, 0, 1)] * hl.f32(0.5)
    moved[square] = hl.clamp(half, hl.f32(-REACH), hl.f32(REACH - 1 / 1024))
    first = hl.floor(moved[square])
    whole[square] = hl.clamp(hl.cast(hl.Int(32), first), -REACH, REACH - 1)
    own[*square, tap] = hl.mux(tap, [sums.weight(each) for each in cubic.weights(moved[square] - first, hl.f32(1.0))])
    away = moved[square] * hl.f32(-2.0)
    back[square] = hl.clamp(hl.cast(hl.Int(32), hl.floor(away)), -2 * REACH, 2 * REACH)
    part[square] = sums.weight(away - hl.floor(away))
    return whole, own, back, part


def schedule(stages: Beside, target: Any) -> None:
    """25 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP, output already in memory."""
    import halide as hl

    inner, beside = hl.Var("inner"), stages.beside
    x, y = beside.args()
    rows = hl.min(64, beside.output_buffer().height())
    beside.split(y, y, inner, rows, hl.TailStrategy.ShiftInwards).parallel(y)
    beside.vectorize(x, target.natural_vector_size(hl.Float(32)), hl.TailStrategy.GuardWithIf)
    schedule_rows(stages.colors, (beside, y), (beside, inner), target)


def schedule_rows(stages: Stages, store: tuple[Any, Any], row: tuple[Any, Any], target: Any) -> None:
    """All that a `row` is made of, in memory of the piece where it is to `store`; lines slide down."""
    import halide as hl

    lane, part = hl.Var("lane"), hl.Var("part")
    kind = stages.joined.types()[0]
    width = min(target.natural_vector_size(kind), BLOCK)
    for func in stages.moves:
        func.compute_root()
    for func in (stages.split, stages.green):
        i, odd, y = func.args()
        func.store_at(*store).compute_at(*row).fold_storage(y, 64).bound(odd, 0, 2).reorder(odd, i).unroll(odd)
        func.vectorize(i, target.natural_vector_size(kind))
    for func in (stages.apart, stages.own_down, stages.joined):
        i, y = func.args()
        func.compute_at(*row).align_bounds(i, BLOCK).split(i, i, lane, BLOCK, hl.TailStrategy.RoundUp)
        func.split(lane, part, lane, width).vectorize(lane).unroll(part)
    stages.apart.store_at(*store).fold_storage(stages.apart.args()[1], 64)
    for func in (stages.own_down, stages.joined):
        func.hoist_storage(*store)
    odd, i, _ = stages.dealt.args()
    by = stages.dealt.hoist_storage(*store).compute_at(*row).bound(odd, 0, 2).align_bounds(i, BLOCK)
    by.split(i, i, lane, BLOCK, hl.TailStrategy.RoundUp).reorder(odd, lane, i).unroll(odd).vectorize(lane)


def reference(roots: Array, across: Array, down: Array, red_x: int, red_y: int) -> Array:
    (left, above), (tall, wide) = BEYOND, roots.shape
    found = reference_whole(roots, across, down, red_x, red_y)[above : tall - above, left : wide - left]
    return found.astype(np.float32)


def reference_whole(roots: Array, across: Array, down: Array, red_x: int, red_y: int) -> Array:
    """What `laid_beside` says, in NumPy; within SUPPORT of the border of what is given it may differ."""
    wide = np.pad(roots.astype(np.float32), SUPPORT, mode="symmetric")
    y, x = np.ogrid[tuple(slice(-SUPPORT, size + SUPPORT) for size in roots.shape)]
    around = (np.roll(wide, step, axis) for axis in (0, 1) for step in (1, -1))
    green_sites = (y + x + red_x + red_y) % 2 == 1
    green = np.where(green_sites, wide, sum(around) / np.float32(4))
    color = (y + red_y) % 2  # which of the two a row has beside green
    to_right, to_below = (_moved(table, color, y, x) for table in (across, down))

    def at(plane: Array, down: Any, right: Any) -> Array:
        """What lies so many rows and columns from each place."""
        place = zip(plane.shape, (y + SUPPORT + down, x + SUPPORT + right), strict=True)
        found: Array = plane[*(np.clip(each, 0, size - 1) for size, each in place)]
        return found

    left, up = (np.floor(-moved).astype(np.intp) for moved in (to_right, to_below))
    left_part, up_part = (-moved - whole for moved, whole in ((to_right, left), (to_below, up)))
    upper, lower = (
        (1 - left_part) * at(green, up + k, left) + left_part * at(green, up + k, left + 1) for k in range(2)
    )
    found = wide - ((1 - up_part) * upper + up_part * lower)
    for moved, axis in ((to_below, 0), (to_right, 1)):
        whole = np.floor(moved / 2).astype(np.intp)
        ways = (2 * (whole + k - 1) for k in range(4))
        parts = cubic.weights(moved / 2 - whole, np.float32(1))
        found = sum(
            part * at(found, *((way, 0) if axis == 0 else (0, way))) for part, way in zip(parts, ways, strict=True)
        )
    inside = slice(SUPPORT, -SUPPORT)
    result: Array = (green + np.where(green_sites, 0, found))[inside, inside]
    return result


def _moved(table: Array, color: Any, y: Any, x: Any) -> Array:
    """By how many pixels each site is moved."""
    line, block = (np.clip(at // SQUARE, 0, most - 1) for at, most in zip((y, x), table.shape[1:], strict=True))
    return np.asarray(np.clip(table[color, line, block], -2 * REACH, 2 * (REACH - 1 / 1024)))


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
