"""Keys 1981's interpolating cubic (a = -1/2) along one axis, at places that wander slowly beside their pixels.

Where each pixel is read comes from a coarse table of displacements in pixels, (colours, rows, columns) with a point
every SPACING pixels, straight between its points. Over a block of BLOCK pixels of a row a displacement then changes
evenly and by little: the block is read at the taps that any of its pixels needs, as one vector a tap, and a pixel
weighs those that are not its own with 0. So nothing is gathered pixel by pixel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.record import Parts

Array = npt.NDArray[np.float32]

SPACING = 32
BLOCK = 16
SLACKS = (1, 3)
"""How many taps more than a cubic's own there is code of its own for; any other number must be larger."""
ASIDE = -1
"""The slack of a picture that stays where it is."""


def blocks(width: int) -> int:
    """The width of whole blocks that hold a picture's: kernels that read by blocks give so many columns."""
    return -(-width // BLOCK) * BLOCK


def slack_of(table: Array) -> int:
    """How many taps more than a cubic's own four a block is given, ASIDE where there is nothing to interpolate."""
    if not table.any():
        return ASIDE
    steepest = float(np.abs(np.diff(table, axis=2)).max()) / SPACING
    needed = int(np.ceil(steepest * (BLOCK - 1)))
    return next((most for most in SLACKS if needed <= most), needed)


def weights(part: Any, one: Any) -> list[Any]:
    """The four weights of a place `part` (0 to 1) beyond its second pixel."""
    left = one - part
    bend = part * left * (one * 0.5)
    return [-bend * left, left + bend * (one * 2 - part * 3), part + bend * (part * 3 - one), -bend * part]


def taps_after(slack: Any, most: Any) -> Any:
    """How far beyond the first of a block its last tap lies, `most` being the larger of two."""
    return most(slack, SLACKS[-1]) + 2


class Displaced(Parts):
    """What is asked of the blocks of a row, laid out beforehand, and of each of its pixels."""

    lines: Any
    """(point, y, colour): the table between its rows."""
    begins: Any
    """(block, y, colour): which block of the picture it is, where it is read first, how far beyond, and what each
    pixel adds; whole numbers as bits of floats, since others would be held between their ends at each pixel again."""
    column: Any
    start: Any
    beyond: Any


def displaced(table: Any, colors: Any, width: Any, x: Any, y: Any, c: Any, start: Any, name: str) -> Displaced:
    """Where (x, y) is read: `beyond` pixels after the first that its block is read from; blocks begin within `width`.

    `start(column, y, first)` is the place of that one, for the block that begins at `column` and is moved by `first`
    whole pixels, and the least and the most that it is held between.
    """
    import halide as hl

    point, block, color = hl.Var("point"), hl.Var("block"), hl.Var("color")
    lines, begins = hl.Func(f"{name}_lines"), hl.Func(f"{name}_begins")
    row, down = y / SPACING, hl.cast(hl.Float(32), y % SPACING) * hl.f32(1.0 / SPACING)
    held = hl.clamp(hl.likely(point), 0, (width - 1) / SPACING + 1)
    lines[point, y, color] = table[held, row, color] + down * (table[held, row + 1, color] - table[held, row, color])
    left, right = (lines[block / (SPACING // BLOCK) + k, y, color] for k in range(2))
    step = (right - left) * hl.f32(1.0 / SPACING)
    begin = left + hl.cast(hl.Float(32), block % (SPACING // BLOCK) * BLOCK) * step
    first = hl.floor(hl.min(begin, begin + step * hl.f32(BLOCK - 1)))
    last = (width - 1) / BLOCK
    own = hl.clamp(block, 0, last)
    place, least, most = start(own * BLOCK, y, hl.cast(hl.Int(32), first))
    own, place = (hl.reinterpret(hl.Float(32), whole) for whole in (own, hl.clamp(place, least, most)))
    begins[block, y, color] = (own, place, begin - first, step)
    own, place, begin, step = (begins[x / BLOCK, y, hl.min(c, colors - 1)][part] for part in range(4))
    own, place = (hl.reinterpret(hl.Int(32), bits) for bits in (own, place))
    column = hl.unsafe_promise_clamped(own, 0, last) * BLOCK + x % BLOCK
    place = hl.unsafe_promise_clamped(place, least, most)
    return Displaced(lines, begins, column, place, begin + hl.cast(hl.Float(32), x % BLOCK) * step)


def schedule_begins(
    lines: Any, begins: Any, row: tuple[Any, Any], width: int, piece: tuple[Any, Any] | None = None
) -> None:
    """What is asked of blocks, laid out for each `row`, in memory of the `piece`, if any, that rows lie in."""
    import halide as hl

    half, round_up = hl.Var("half"), hl.TailStrategy.RoundUp
    block, point = begins.args()[0], hl.Var("point")
    begins.compute_at(*row).align_bounds(block, SPACING // BLOCK).split(block, point, half, SPACING // BLOCK, round_up)
    begins.reorder(half, point).unroll(half).vectorize(point, width, round_up)
    lines.compute_at(*row).vectorize(lines.args()[0], width)
    if piece is not None:
        for each in (lines, begins):
            each.hoist_storage(*piece)


def interpolate(stage: Any, place: tuple[Any, Any, Any], read: Any, beyond: Any, slack: Any, colors: Any) -> None:
    """Make of `stage` the light `beyond` pixels after the first of a block; `read(k)` is that of pixel k after it.

    A cubic through pixels is the straight line between them and, by as much as it bows, the straight line between
    their second differences. So what pixels weigh on straight lines tells all, without asking between which they lie.
    """
    import halide as hl

    zero, one = hl.f32(0.0), hl.f32(1.0)

    def total(most: int) -> Any:
        straight = [hl.max(one - beyond, zero)]
        for k in range(1, most + 1):
            hat = hl.min(beyond - hl.f32(k - 1), hl.f32(k + 1) - beyond)
            straight.append(hat if most == 1 else hl.max(hat, zero))
        straight.append(hl.max(beyond - hl.f32(most), zero))
        odd = sum(straight[3::2], straight[1])
        bow = hl.strict_float(odd * hl.f32(0.5)) * (odd - one)
        bowed = [zero, zero, *(bow * each for each in straight), zero, zero]
        found = zero
        for tap in range(-1, most + 3):
            own = straight[tap] if 0 <= tap < most + 2 else zero
            before, here, behind = bowed[tap + 1 : tap + 4]
            found += (own + before + behind - here * hl.f32(2.0)) * read(tap)
        return found

    found = zero
    for most in SLACKS:
        found = hl.select(slack == most, total(most), found)
    found = hl.select((slack == 1) & (colors != 1), _about_second(read, beyond), found)
    stage[place] = hl.select(slack == ASIDE, read(0), found)
    taps = hl.RDom([(-1, hl.select(slack <= SLACKS[-1], 0, 4 + slack))], "taps")
    stage[place] += _weight(hl.abs(beyond - hl.cast(hl.Float(32), taps.x))) * read(taps.x)


def _about_second(read: Any, beyond: Any) -> Any:
    """The same where `beyond` is less than 2: from pixel 1 to the neighbour that it is read towards.

    For one colour that is less work than to weigh five pixels; three colours on one way share what pixels weigh.
    """
    import halide as hl

    away = beyond - hl.f32(1.0)
    part, ahead = hl.abs(away), away > hl.f32(0.0)
    earlier, behind, here, after, later = (read(k) for k in range(-1, 4))
    next_one, next_but_one = hl.select(ahead, after, behind), hl.select(ahead, later, earlier)
    bend = behind + after - here * hl.f32(2.0)
    next_bend = here + next_but_one - next_one * hl.f32(2.0)
    bow = part * (part * hl.f32(0.5) - hl.f32(0.5))
    return here + part * (next_one - here) + bow * (bend + part * (next_bend - bend))


def _weight(away: Any) -> Any:
    """The weight of a pixel so far away, without a branch."""
    import halide as hl

    wide, near = (hl.max(hl.f32(reach) - away, hl.f32(0.0)) for reach in (2.0, 1.0))
    return hl.f32(0.5) * wide * wide * (wide - hl.f32(1.0)) + near * near * (hl.f32(1.0) - hl.f32(2.0) * near)


def schedule_blocks(stage: Any, width: int, slack: Any, colors: Any) -> None:
    """A row of blocks, each `width` pixels at a time, with code of its own for the usual slacks.

    Where one table serves all colours, they share what its pixels weigh; else they go one after the other, since what
    three of them need at once is more than a core has registers for.
    """
    import halide as hl

    (x, y, c), lane, part = stage.args(), hl.Var("lane"), hl.Var("part")
    round_up = hl.TailStrategy.RoundUp
    stage.bound(c, 0, 3).split(x, x, lane, BLOCK, round_up).split(lane, part, lane, width)
    stage.reorder(lane, part, x, c, y).vectorize(lane).unroll(part)
    usual = [slack == most for most in (ASIDE, *SLACKS)]
    for condition in usual:
        stage.specialize(condition & (colors == 1)).reorder(lane, c, part, x, y).unroll(c)
    for condition in usual:
        stage.specialize(condition & (colors == 3))
    (tap,) = stage.rvars()
    stage.update().reorder(x, c, y, tap).vectorize(x, width, round_up)


def side_by_side(picture: Any) -> Any:
    """(height, 3 * width): the rows of (3, height, width), of each block one colour after the other."""
    _, height, width = picture.shape
    return picture.reshape(3, height, width // BLOCK, BLOCK).transpose(1, 2, 0, 3).reshape(height, 3 * width)


def apart(lines: Any) -> Any:
    """(3, height, width): what `side_by_side` was made of."""
    height, width = lines.shape
    return lines.reshape(height, -1, 3, BLOCK).transpose(2, 0, 1, 3).reshape(3, height, width // 3)


def place_side_by_side(x: Any, c: Any) -> Any:
    """Where column `x` of colour `c` stands in such a row."""
    return (x / BLOCK * 3 + c) * BLOCK + x % BLOCK


def place_apart(place: Any) -> tuple[Any, Any]:
    """Which column of which colour stands there."""
    return place / (3 * BLOCK) * BLOCK + place % BLOCK, place / BLOCK % 3


def places(table: Array, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Array:
    """(colours, len(rows), len(columns)): the displacements at pixels, for the references."""
    row, column = rows // SPACING, columns // SPACING
    down = ((rows % SPACING) / np.float32(SPACING)).astype(np.float32)[:, None]
    right = ((columns % SPACING) / np.float32(SPACING)).astype(np.float32)
    lines = table[:, row] + down * (table[:, row + 1] - table[:, row])
    found: Array = lines[..., column] + right * (lines[..., column + 1] - lines[..., column])
    return found
