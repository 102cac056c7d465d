"""Keys 1981's interpolating cubic (a = -1/2) along one axis, at places that wander slowly beside their pixels.

Where each pixel is read comes from a coarse table of displacements in pixels, (colours, rows, columns) with a point
every SPACING pixels, straight between its points. Over a block of BLOCK pixels of a row a displacement then changes
evenly and by little: the block is read at the taps that any of its pixels needs, as one vector a tap, and a pixel
weighs those that are not its own with 0. So nothing is gathered pixel by pixel.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

SPACING = 32
BLOCK = 16
SLACKS = (1, 3)
"""For how many taps more than a cubic's own there is code of its own."""
ASIDE = -1
"""The slack of a picture that stays where it is."""


def blocks(width: int) -> int:
    """The width of whole blocks that hold a picture's: kernels that read by blocks give so many columns."""
    return -(-width // BLOCK) * BLOCK


def slack_of(table: Array) -> int:
    """How many taps more than a cubic's own four a block needs, ASIDE where there is nothing to interpolate."""
    if not table.any():
        return ASIDE
    steepest = float(np.abs(np.diff(table, axis=2)).max()) / SPACING
    return max(1, int(np.ceil(steepest * (BLOCK - 1))))


def weights(part: Any, one: Any) -> list[Any]:
    """The four weights of a place `part` (0 to 1) beyond its second pixel."""
    left = one - part
    bend = part * left * (one * 0.5)
    return [-bend * left, left + bend * (one * 2 - part * 3), part + bend * (part * 3 - one), -bend * part]


class Displaced(NamedTuple):
    """What is asked of a block, laid out beforehand, and of each of its pixels."""

    begins: Any
    """(block, y, colour): the block's column, the first pixel that it reads, how far beyond, what each pixel adds."""
    column: Any
    first: Any
    beyond: Any


def displaced(table: Any, colors: Any, width: Any, x: Any, y: Any, c: Any, name: str) -> Displaced:
    """Where (x, y) is read: `beyond` pixels after `first`, both counted from it; blocks begin within `width`."""
    import halide as hl

    block, color = hl.Var("block"), hl.Var("color")
    begins = hl.Func(f"{name}_begins")
    row, down = y / SPACING, hl.cast(hl.Float(32), y % SPACING) * hl.f32(1.0 / SPACING)
    held = hl.clamp(block, 0, (width - 1) / BLOCK)
    point = held / (SPACING // BLOCK)
    left, right = (
        table[at, row, color] + down * (table[at, row + 1, color] - table[at, row, color]) for at in (point, point + 1)
    )
    step = (right - left) * hl.f32(1.0 / SPACING)
    begin = left + hl.cast(hl.Float(32), held % (SPACING // BLOCK) * BLOCK) * step
    first = hl.floor(hl.min(begin, begin + step * hl.f32(BLOCK - 1)))
    begins[block, y, color] = (held * BLOCK, hl.cast(hl.Int(32), first), begin - first, step)
    column, first, begin, step = (begins[x / BLOCK, y, hl.min(c, colors - 1)][part] for part in range(4))
    return Displaced(begins, column, first, begin + hl.cast(hl.Float(32), x % BLOCK) * step)


def interpolated(read: Any, beyond: Any, slack: Any) -> Any:
    """The light `beyond` pixels after the first of a block; `read(k)` is that of pixel k after it."""
    import halide as hl

    def total(most: int) -> Any:
        late = [beyond >= hl.f32(after) for after in range(1, most + 1)]  # beyond most + 1 lies but a last bit
        whole = sum((hl.select(each, hl.f32(1.0), hl.f32(0.0)) for each in late), hl.f32(0.0))
        own = weights(hl.max(beyond - whole, hl.f32(0.0)), hl.f32(1.0))
        found = hl.f32(0.0)
        for tap in range(4 + most):
            weight = own[tap] if tap < 4 else hl.f32(0.0)
            for after, each in enumerate(late, 1):
                weight = hl.select(each, own[tap - after] if 0 <= tap - after < 4 else hl.f32(0.0), weight)
            found += weight * read(tap - 1)
        return found

    taps = hl.RDom([(-1, 4 + slack)])
    found = hl.sum(_weight(hl.abs(beyond - hl.cast(hl.Float(32), taps.x))) * read(taps.x))
    for most in reversed(SLACKS):
        found = hl.select(slack <= most, total(most), found)
    return hl.select(slack == ASIDE, read(0), found)


def _weight(away: Any) -> Any:
    """The weight of a pixel so far away, without a branch."""
    import halide as hl

    wide, near = (hl.max(hl.f32(reach) - away, hl.f32(0.0)) for reach in (2.0, 1.0))
    return hl.f32(0.5) * wide * wide * (wide - hl.f32(1.0)) + near * near * (hl.f32(1.0) - hl.f32(2.0) * near)


def specialized(stage: Any, slack: Any, colors: Any) -> None:
    """Code of its own for the usual slacks, and for one table of all colours."""
    usual = (slack == ASIDE, *(slack <= most for most in SLACKS))
    for condition in (*(each & (colors == 1) for each in usual), *usual):
        stage.specialize(condition)


def places(table: Array, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Array:
    """(colours, len(rows), len(columns)): the displacements at pixels, for the references."""
    row, column = rows // SPACING, columns // SPACING
    down = ((rows % SPACING) / np.float32(SPACING)).astype(np.float32)[:, None]
    right = ((columns % SPACING) / np.float32(SPACING)).astype(np.float32)
    lines = table[:, row] + down * (table[:, row + 1] - table[:, row])
    found: Array = lines[..., column] + right * (lines[..., column + 1] - lines[..., column])
    return found
