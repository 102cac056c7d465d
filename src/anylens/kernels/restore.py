"""Sharpness that the lens took, given back to luma by a short filter of each place's own, less where noise forbids it.

A filter (`restore_filters`) has taps on the picture and on one of half the size, for what a blur carried farther. What
it adds is held against the noise around it (Lee 1980), shown whole and somewhat more where it stands far above it, and
fades out where the light was clipped, since the blur of what was not recorded cannot be undone. An edge may not go
beyond the light on both sides of it: a pixel is held between its neighbours some pixels away, but by how much it rises
above both of a way, as a line does and an edge does not. What is added for the least error may go as far as farther
neighbours on the picture of half the size let it, since a wide blur reaches beyond near ones; what makes edges steeper
still may not. An edge goes on along one way at least; where light changes along all four, as in texture, less is shown,
which the picture of half the size decides, as it is calmer. (Where it decided too what is held, edges 12 to 33 degrees
off a way overshot by 8 % of their step, and by 50 % where a blur was told twice as wide as it was.) Dark places come
down to a part of their light straight, and from there on ever less: what blur has taken from them cannot be told from
what it has carried there, and black specks are seen first (own work).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import powers
from anylens.kernels.library import Kernel
from anylens.kernels.restore_filters import (
    BLOCK,
    EDGES,
    GAIN,
    HALVING,
    LINES,
    NEAR,
    NUMBERS,
    SPACING,
    WIDE,
    points,
)
from anylens.kernels.sharpen import LUMA
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

REACH = 14
"""How far from a pixel anything looks that it comes from, in whole pixels of the picture of half the size."""
ASIDE = ((3, 0), (0, 3), (2, 2), (2, -2))
"""Where the neighbours lie between which an edge is held, (x, y) and opposite."""
ASIDE_FAR = ((3, 0), (0, 3), (2, 2), (2, -2))
"""And on the picture of half the size, between which what is added for the least error is held: a pixel nearer along
rows and columns photographs lose .1 to .2 dB behind the widest blurs, and twice as far as that edges of narrow fields
overshoot by 12 %."""
LINE, BEYOND = 6.0, 0.015
"""How far beyond them it may go: in parts of the step between them; and of how far it stands out by more than that, as
a line does, so many times."""
ALONG = ((2, 0), (0, 2), (1, 1), (1, -1))
"""On the picture of half the size, the neighbours by which a way goes on or not, (x, y) and opposite."""
ALIKE, UNLIKE = 0.1, 0.3
"""A way goes on where both neighbours differ from a pixel by less than the first part of the step between all; from the
second part on what is added is shown as of lines."""
_LEAST_STEP = 1e-6
DARK = 0.4
"""The part of its light below which a place becomes darker ever less, and never black."""
FADE = 10.0
DOUBT, FAR = 1.2, 8.0
"""What is added counts from so many times the power that noise has in it, and shows fully from some FAR times on."""
MOST_COLOR = 4.0

SIGNATURE = Signature(
    inputs=(
        Image("scene", "float32", 3, "mirror"),
        Image("filters", "float32", 3),
        Scalar("shot", "float32"),
        Scalar("still", "float32"),
        Scalar("strength", "float32"),
        Scalar("limit", "float32"),
    ),
    outputs=(Image("restored", "float32", 3),),
)


class Stages(Parts):
    """Those that are laid out. Lines come in pairs of rows, (x, which, pair); small ones have half the columns too."""

    lined: Any
    pairs: Any
    luma: Any
    halved: Any
    small: Any
    wide: Any
    finer: Any
    detail: Any
    squares: Any
    power: Any
    strongest: Any
    brightest: Any
    widest: Any
    shown: Any
    change: Any
    restored: Any


def algorithm(scene: Any, filters: Any, shot: Any, still: Any, strength: Any, limit: Any) -> Stages:
    import halide as hl

    stages = Stages(*(hl.Func(name) for name in Stages._fields))
    lined, pairs, luma, halved, small, wide, finer, detail, *_, change, restored = stages
    x, y, c, which = (hl.Var(name) for name in ("x", "y", "c", "which"))
    _line(lined, filters)
    pairs[x, which, y, c] = scene[x, y * 2 + which, c]
    luma[x, which, y] = _total(hl.f32(LUMA[i]) * pairs[x, which, y, i] for i in range(3))
    halved[x, y] = _total(hl.f32(part) * _lying(luma, x, k - 1, y) for k, part in enumerate(HALVING))
    small[x, y] = _total(hl.f32(part) * halved[x * 2 + k - 1, y] for k, part in enumerate(HALVING))
    wide[x, y] = _total(_own(lined, len(NEAR) + n, 2, x, y) * small[x + i, y + j] for n, (i, j) in enumerate(WIDE))
    finer[x, y] = _nearer(wide[x / 2, y], wide[x / 2 + x % 2 * 2 - 1, y])
    filtered = [
        _total(_own(lined, n, 1, x, y) * _lying(luma, x + i, j + row, y) for n, (i, j) in enumerate(NEAR))
        + _nearer(finer[x, y], finer[x, y + 2 * row - 1])
        for row in (0, 1)
    ]
    detail[x, which, y] = hl.mux(which, filtered)
    _show(stages, _trusted(stages, limit) * strength, shot, still)
    held = [_held_change(stages, row, x, y) for row in (0, 1)]
    ground = hl.sqrt(still)
    brighter = (powers.inverse(hl.max(luma[x, row, y], hl.f32(0.0)) + ground) for row in (0, 1))
    change[x, which, y] = (hl.mux(which, held), hl.mux(which, [*brighter]))
    at, own = (x, y % 2, y / 2), pairs[x, y % 2, y / 2, c]
    color = hl.min((hl.max(own, hl.f32(0.0)) + ground) * change[at][1], hl.f32(MOST_COLOR))
    restored[x, y, c] = own + change[at][0] * color
    return stages


def _total(terms: Any) -> Any:
    import halide as hl

    return sum(terms, hl.f32(0.0))


def _line(lined: Any, filters: Any) -> None:
    """The filter of each block, straight between those of the lattice."""
    import halide as hl

    number, block, strip = (hl.Var(name) for name in ("number", "block", "strip"))

    def middle(at: Any, size: int) -> tuple[Any, Any]:
        """The row of the lattice before the middle of a block, and how far beyond it that is."""
        place = at * size + size // 2
        return place / SPACING + 1, hl.cast(hl.Float(32), place % SPACING) * hl.f32(1.0 / SPACING)

    (left, right), (row, down) = middle(block, BLOCK[0]), middle(strip, BLOCK[1])
    above, below = (
        filters[number, left, at] + right * (filters[number, left + 1, at] - filters[number, left, at])
        for at in (row, row + 1)
    )
    lined[number, block, strip] = above + down * (below - above)


def _own(lined: Any, number: int, times: int, x: Any, y: Any) -> Any:
    """A number of the filter of a pair of rows, of pictures of which a pixel is `times` wide."""
    return lined[number, x / (BLOCK[0] // times), y / (BLOCK[1] // 2)]


def _lying(lines: Any, x: Any, row: int, pair: Any) -> Any:
    """What lies in column `x` of the row so many after the first of a pair."""
    return lines[x, row % 2, pair + row // 2]


def _nearer(near: Any, far: Any) -> Any:
    import halide as hl

    return near * hl.f32(0.75) + far * hl.f32(0.25)


def _trusted(stages: Stages, limit: Any) -> Any:
    """From 1 to 0, the nearer the brightest colour of 14 x 14 pixels comes to where light is clipped."""
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    pairs, strongest, brightest, widest = stages.pairs, stages.strongest, stages.brightest, stages.widest
    strongest[x, y] = hl.max(*(pairs[x, row, y, i] for row in (0, 1) for i in range(3)))
    brightest[x, y] = hl.max(*(strongest[x * 2 + k, y] for k in range(-2, 4)))
    widest[x, y] = hl.max(brightest[x - 2, y], brightest[x, y], brightest[x + 2, y])
    most = hl.max(*(widest[x, y + k] for k in range(-3, 4)))
    return hl.clamp((limit - most) * hl.f32(FADE), hl.f32(0.0), hl.f32(1.0))


def _show(stages: Stages, most: Any, shot: Any, still: Any) -> None:
    """How much of what is added is shown, of `most`, as of lines and as of edges, and how far it may go at least."""
    import halide as hl

    x, y, zero, one = hl.Var("x"), hl.Var("y"), hl.f32(0.0), hl.f32(1.0)
    lined, small, detail, squares, power = stages.lined, stages.small, stages.detail, stages.squares, stages.power
    squares[x, y] = _total(detail[x, row, y] * detail[x, row, y] for row in (0, 1))
    power[x, y] = _total(squares[x * 2 + k, y] for k in range(-2, 4))
    energy = (power[x, y - 1] + power[x, y] + power[x, y + 1]) * hl.f32(1.0 / 36)
    gain, lines, edges = (_own(lined, number, 2, x, y) for number in (GAIN, LINES, EDGES))
    noise = gain * (shot * hl.max(small[x, y], zero) + still)
    clear = energy + hl.f32(1e-9)
    far = energy * powers.inverse(clear + hl.f32(FAR) * noise)
    kept = most * hl.max(energy - hl.f32(DOUBT) * noise, zero) * powers.inverse(clear)
    more = edges + _textured(small, x, y) * (lines - edges)
    _, _, *farther = _limits(hl.Expr(small[x, y]), lambda i, j: small[x + i, y + j], ASIDE_FAR)
    stages.shown[x, y] = (*(kept * (one + each * far) for each in (lines, more)), *farther)


def _textured(small: Any, x: Any, y: Any) -> Any:
    """How much a place of the picture of half the size is texture, 0 to 1."""
    import halide as hl

    here = low = high = hl.Expr(small[x, y])
    along = hl.f32(np.inf)
    for i, j in ALONG:
        one, other = small[x - i, y - j], small[x + i, y + j]
        least, most = hl.min(one, other), hl.max(one, other)
        low, high, along = hl.min(low, least), hl.max(high, most), hl.min(along, hl.max(here - least, most - here))
    free = along * powers.inverse(high - low + hl.f32(_LEAST_STEP)) - hl.f32(ALIKE)
    return hl.clamp(free * hl.f32(1 / (UNLIKE - ALIKE)), hl.f32(0.0), hl.f32(1.0))


def _limits(here: Any, at: Any, ways: Any) -> tuple[Any, ...]:
    """What an edge is held between, and what a line is; `at` gives what lies (x, y) from `here`."""
    import halide as hl

    low = high = lowest = highest = here
    for i, j in ways:
        one, other = at(-i, -j), at(i, j)
        least, most = hl.min(one, other), hl.max(one, other)
        low, high = hl.min(low, least), hl.max(high, most)
        lowest, highest = hl.min(lowest, most), hl.max(highest, least)
    beyond = (high - low) * hl.f32(BEYOND)
    low, high = low - beyond, high + beyond
    room = (hl.max(each - beyond, hl.f32(0.0)) * hl.f32(LINE) for each in (highest - here, here - lowest))
    return low, high, low - next(room), high + next(room)


def _held_change(stages: Stages, row: int, x: Any, y: Any) -> Any:
    """What is added to luma in a row of a pair: held between what lies around, and dark places never black."""
    import halide as hl

    luma, shown = stages.luma, stages.shown[x / 2, y]
    here = hl.Expr(luma[x, row, y])
    line, wanted = (here + shown[at] * hl.Expr(stages.detail[x, row, y]) for at in (0, 1))
    low, high, least, most = _limits(here, lambda i, j: _lying(luma, x + i, row + j, y), ASIDE)
    line = hl.clamp(line, hl.min(least, shown[2]), hl.max(most, shown[3]))
    change, light = hl.clamp(wanted, hl.min(low, line), hl.max(high, line)) - here, hl.max(here, hl.f32(0.0))
    dark = hl.f32(DARK) * light
    left = hl.max(dark - light - change, hl.f32(0.0)) + dark + hl.f32(_LEAST_STEP)
    return hl.max(change, dark * dark * powers.inverse(left) - light)


PIECE = (1024, 64)
"""Columns and rows, at most, of a piece: the lines that slide down it stay in a core's own cache."""


def schedule(stages: Stages, target: Any) -> None:
    """87 ms of one core of an AMD EPYC (AVX-512), much other work beside it, 12 MP, output already in memory."""
    import halide as hl

    schedule_pieces(stages, PIECE, target.natural_vector_size(hl.Float(32)))


def schedule_pieces(stages: Stages, most: tuple[int, int], width: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """In pieces of `most` columns and rows; gives the loops over pieces and their pairs, as (stage, variable)."""
    import halide as hl

    restored = stages.restored
    x, y, c = restored.args()
    across, down, piece, pair = (hl.Var(name) for name in ("across", "down", "piece", "pair"))
    guard, round_up = hl.TailStrategy.GuardWithIf, hl.TailStrategy.RoundUp
    out = restored.output_buffer()
    rows = out.dim(1)
    rows.set_min(rows.min() / 2 * 2).set_extent(rows.extent() / 2 * 2)
    pieces = (out.width() + most[0] - 1) / most[0]
    columns = (out.width() + BLOCK[0] * pieces - 1) / (BLOCK[0] * pieces) * BLOCK[0]
    # Lines slide down a piece by two rows; the lowest pieces are shifted back inside, a guard in them would stop the
    # sliding.
    restored.bound(c, 0, 3).split(x, across, x, columns, guard).split(y, pair, y, 2, round_up)
    restored.split(pair, down, pair, hl.min(most[1], rows.extent()) / 2, hl.TailStrategy.ShiftInwards)
    restored.reorder(c, x, y, pair, across, down).vectorize(x, width, guard).unroll(c).unroll(y)
    restored.fuse(across, down, piece).parallel(piece).never_partition([pair])
    tile, row = (restored, piece), (restored, pair)
    for line in stages[1:-3]:
        line.store_at(*tile).compute_at(*row).vectorize(line.args()[0], width, round_up)
    stages.change.compute_at(*row).vectorize(stages.change.args()[0], width, round_up)
    x, _ = stages.shown.args()
    stages.shown.compute_at(*row).align_bounds(x, BLOCK[0] // 2).vectorize(x, width, round_up)
    stages.wide.align_bounds(stages.wide.args()[0], BLOCK[0] // 2)
    for line in (stages.pairs, stages.luma, stages.detail, stages.change):
        x, which, *_ = line.args()
        line.bound(which, 0, 2).reorder(which, x).unroll(which)
    x, which, _, plane = stages.pairs.args()
    stages.pairs.bound(plane, 0, 3).reorder(plane, which, x).unroll(plane)
    x = stages.detail.args()[0]  # all that share a filter at once, so that its numbers are read once
    stages.detail.align_bounds(x, BLOCK[0]).unroll(x, 2)
    number = stages.lined.args()[0]
    stages.lined.compute_at(*tile).vectorize(number, min(width, 16))
    return tile, row


def reference(scene: Array, filters: Array, shot: float, still: float, strength: float, limit: float) -> Array:
    shot, still, strength, limit = np.array((shot, still, strength, limit), np.float32)
    _, height, width = scene.shape
    # Beyond the border all is as of the mirrored picture under filters that go on; the kernel has the same.
    border = REACH + 4
    around = ((border, border + height % 2), (border, border + width % 2))
    luma = np.pad(np.sum([np.float32(LUMA[i]) * scene[i] for i in range(3)], axis=0), around, mode="reflect")
    rows, columns = (np.arange(size) - border for size in luma.shape)
    whole = np.stack([_between(filters[..., n], rows, columns) for n in range(len(NEAR))])
    half = np.stack([_between(filters[..., n], rows[::2], columns[::2]) for n in range(len(NEAR), NUMBERS)])
    small = _halved(_halved(luma).T).T
    wide = _filtered(small, half, WIDE)
    detail = _filtered(luma, whole, NEAR) + _doubled(_doubled(wide).T).T
    energy = _each(np.add, _paired(np.add, detail * detail), 1) * np.float32(1.0 / 36)
    strongest = np.pad(scene.max(0), around, mode="reflect")
    brightest = _each(np.maximum, _paired(np.maximum, strongest), 3)
    trusted = np.clip((limit - brightest) * np.float32(FADE), 0, 1)
    gain, lines, edges = (half[at - len(NEAR)] for at in (GAIN, LINES, EDGES))
    noise = gain * (shot * np.maximum(small, 0) + still)
    clear = energy + np.float32(1e-9)
    far = energy / (clear + np.float32(FAR) * noise)
    kept = strength * trusted * np.maximum(energy - np.float32(DOUBT) * noise, 0) / clear
    each = lines, edges + _free(small) * (lines - edges)
    line, wanted = (luma + _twice(kept * (1 + more * far)) * detail for more in each)

    low, high, least, most = _held(luma, ASIDE)
    floor, ceiling = map(_twice, _held(small, ASIDE_FAR)[2:])
    line = np.clip(line, np.minimum(least, floor), np.maximum(most, ceiling))
    light, ground = np.maximum(luma, 0), np.sqrt(still)
    change = np.clip(wanted, np.minimum(low, line), np.maximum(high, line)) - luma
    dark = np.float32(DARK) * light
    change = np.maximum(
        change, dark * dark / (np.maximum(dark - light - change, 0) + dark + np.float32(_LEAST_STEP)) - light
    )
    inside = slice(border, border + height), slice(border, border + width)
    color = (np.maximum(scene, 0) + ground) / (light[inside] + ground)
    restored: Array = (scene + change[inside] * np.minimum(color, np.float32(MOST_COLOR))).astype(np.float32)
    return restored


def _held(plane: Array, ways: tuple[tuple[int, int], ...]) -> tuple[Array, Array, Array, Array]:
    """What an edge is held between, and what a line is."""
    low = high = lowest = highest = plane
    for i, j in ways:
        one, other = _moved(plane, -i, -j), _moved(plane, i, j)
        least, most = np.minimum(one, other), np.maximum(one, other)
        low, high = np.minimum(low, least), np.maximum(high, most)
        lowest, highest = np.minimum(lowest, most), np.maximum(highest, least)
    beyond = (high - low) * np.float32(BEYOND)
    down, up = (np.maximum(each - beyond, 0) * np.float32(LINE) for each in (highest - plane, plane - lowest))
    low, high = low - beyond, high + beyond
    return low, high, low - down, high + up


def _free(small: Array) -> Array:
    """How much a place of the picture of half the size is texture, 0 to 1."""
    low, high, along = small, small, np.full_like(small, np.inf)
    for i, j in ALONG:
        one, other = _moved(small, -i, -j), _moved(small, i, j)
        least, most = np.minimum(one, other), np.maximum(one, other)
        low, high = np.minimum(low, least), np.maximum(high, most)
        along = np.minimum(along, np.maximum(small - least, most - small))
    free = (along / (high - low + np.float32(_LEAST_STEP)) - np.float32(ALIKE)) * np.float32(1 / (UNLIKE - ALIKE))
    return np.asarray(np.clip(free, 0, 1), np.float32)


def _moved(plane: Array, x: int, y: int) -> Array:
    """What lies (x, y) from each place, the border again beyond it."""
    rows, columns = (np.clip(np.arange(size) + by, 0, size - 1) for size, by in zip(plane.shape, (y, x), strict=True))
    return np.asarray(plane[rows[:, None], columns])


def _filtered(plane: Array, own: Array, taps: tuple[tuple[int, int], ...]) -> Array:
    return np.asarray(np.sum([own[n] * _moved(plane, i, j) for n, (i, j) in enumerate(taps)], axis=0), np.float32)


def _halved(plane: Array) -> Array:
    """Rows of half as many."""
    return np.asarray(
        np.sum([np.float32(part) * _moved(plane, 0, k - 1)[::2] for k, part in enumerate(HALVING)], axis=0), np.float32
    )


def _twice(plane: Array) -> Array:
    """(2 H, 2 W): each place for four."""
    return np.repeat(np.repeat(plane, 2, 0), 2, 1)


def _doubled(plane: Array) -> Array:
    """Rows of twice as many, straight between those of `plane`."""
    near, far = np.repeat(plane, 2, 0), np.empty((2 * len(plane), plane.shape[1]), np.float32)
    far[::2], far[1::2] = _moved(plane, 0, -1), _moved(plane, 0, 1)
    return near * np.float32(0.75) + far * np.float32(0.25)


def _paired(join: Any, plane: Array) -> Array:
    """Squares of 2 x 2 joined."""
    rows = join(plane[::2], plane[1::2])
    return np.asarray(join(rows[:, ::2], rows[:, 1::2]))


def _each(join: Any, plane: Array, reach: int) -> Array:
    """Each place joined with those around it, `reach` to every side."""
    for axis in (0, 1):
        span = range(-reach, reach + 1)
        plane = join.reduce([_moved(plane, *((0, k) if axis == 0 else (k, 0))) for k in span])
    return plane


def _between(lattice: Array, y: npt.NDArray[np.intp], x: npt.NDArray[np.intp]) -> Array:
    """What a lattice says in the middles of the blocks that rows and columns lie in."""
    y, x = (at // size * size + size // 2 for at, size in zip((y, x), BLOCK[::-1], strict=True))
    row, column = y // SPACING + 1, x // SPACING + 1
    down = ((y % SPACING) / np.float32(SPACING)).astype(np.float32)[:, None]
    right = ((x % SPACING) / np.float32(SPACING)).astype(np.float32)
    left = lattice[:, column] + right * (lattice[:, column + 1] - lattice[:, column])
    found: Array = left[row] + down * (left[row + 1] - left[row])
    return found


kernel = Kernel(__name__, SIGNATURE, reference)


def restore(scene: Array, filters: Array, shot: float, still: float, strength: float, limit: float) -> Array:
    """Sharpen a (3, H, W) scene of linear light by `filters`, those of `filters_of` for its size.

    The noise of luma has the variance shot * luma + still; `limit` is the light of any colour from which on it may be
    clipped, `strength` 0 to 1 how much of what was lost is given back.
    """
    colors, height, width = scene.shape
    out = np.empty((colors, height + height % 2, width), np.float32)
    kernel(scene, filters, shot, still, strength, limit, out=out)
    return np.ascontiguousarray(out[:, :height])


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    height += height % 2
    filters = rng.normal(0.0, 0.02, (points(height), points(width), NUMBERS)).astype(np.float32)
    filters[..., GAIN:] = 0.1, 0.3, 0.8
    return rng.random((3, height, width), np.float32), filters, 0.01, 0.001, 0.9, 1.05
