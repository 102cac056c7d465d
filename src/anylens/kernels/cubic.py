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
    square = part * part
    cube = square * part
    half = one * 0.5
    return [
        half * (square * 2 - cube - part),
        half * (cube * 3 - square * 5 + one * 2),
        half * (square * 4 - cube * 3 + part),
        half * (cube - square),
    ]


def displaced(table: Any, colors: Any, x: Any, y: Any, c: Any, name: str) -> tuple[Any, Any, Any]:
    """The table's lines by row, (column, y, colour), a block's first pixel, and how far beyond it (x, y) is read."""
    import halide as hl

    column, color = hl.Var("column"), hl.Var("color")
    line = hl.Func(f"{name}_line")
    row, down = y / SPACING, hl.cast(hl.Float(32), y % SPACING) * hl.f32(1.0 / SPACING)
    line[column, y, color] = table[column, row, color] + down * (
        table[column, row + 1, color] - table[column, row, color]
    )
    block = x / BLOCK
    at, of = block / (SPACING // BLOCK), hl.min(c, colors - 1)
    step = (line[at + 1, y, of] - line[at, y, of]) * hl.f32(1.0 / SPACING)
    begin = line[at, y, of] + hl.cast(hl.Float(32), block % (SPACING // BLOCK) * BLOCK) * step
    first = hl.floor(hl.min(begin, begin + step * hl.f32(BLOCK - 1)))
    beyond = begin - first + hl.cast(hl.Float(32), x % BLOCK) * step
    return line, hl.cast(hl.Int(32), first), beyond


def interpolated(read: Any, beyond: Any, slack: Any) -> Any:
    """The light `beyond` pixels after the first of a block; `read(k)` is that of pixel k after it."""
    import halide as hl

    floor = hl.clamp(hl.floor(beyond), hl.f32(0.0), hl.cast(hl.Float(32), slack))  # beyond it lies but a last bit
    number = hl.cast(hl.Int(32), floor)
    own = weights(beyond - floor, hl.f32(1.0))

    def total(most: int) -> Any:
        found = hl.f32(0.0)
        for tap in range(4 + most):
            weight = hl.f32(0.0)
            for after in range(max(0, tap - 3), min(most, tap) + 1):
                weight = hl.select(number == after, own[tap - after], weight)
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
