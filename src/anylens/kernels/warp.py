"""The one geometric resample: each pixel of each colour is read from its own place by a cubic, rows before columns.

In two halves (Catmull & Smith 1980), `kernels.across` and `kernels.down`: eight taps a pixel where one step takes
sixteen. Distortion, lateral colour, scale and shift are all one map, and the picture is resampled once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from anylens.kernels import across, cubic, down
from anylens.kernels.rows import Rows
from anylens.record import Parts

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
BAND_ROWS = 128


class Places(Parts):
    """Displacements in pixels as `kernels.cubic` takes them, one table for all colours or one a colour.

    `across` has for each row of the picture that is read how far along it each column's light lies, `down` for each
    row of the straight picture how far along each column.
    """

    across: Array
    down: Array

    @property
    def colors(self) -> int:
        """1 where all colours go one way, else 3."""
        return len(self.down)

    @property
    def edge(self) -> int:
        """How many rows more a picture has beyond its border."""
        return down.edge(cubic.slack_of(self.down))

    def rows(self, height: int) -> Callable[[int, int], tuple[int, int]]:
        """What tells from which row up to which a picture of `height` rows, and `edge` more around it, is asked for.

        Rows of the straight picture from one up to another need them, and `edge` more below as `down` takes them.
        """
        edge, after = self.edge, cubic.taps_after(cubic.slack_of(self.down), max)
        least, most = -edge, height + edge

        def asked(top: int, bottom: int) -> tuple[int, int]:
            span = self.down[:, top // cubic.SPACING : (bottom - 1) // cubic.SPACING + 2]
            first, last = top + int(np.floor(span.min())) - 1, bottom + max(int(np.ceil(span.max())) + after, edge)
            return min(max(first, least), most - after - 2), min(max(last, least + after + 2), most)

        return asked

    def seen_small(self, small: Array, spacing: int) -> Array:
        """A picture seen small, (colours, h, w), one point every `spacing` pixels, as the straight picture shows it."""
        points = cubic.SPACING // spacing
        tall, wide = small.shape[1:]
        y, x = (np.arange(size) for size in (tall, wide))
        row, column = (
            np.minimum((y + points // 2) // points, self.down.shape[1] - 1),
            np.minimum((x + points // 2) // points, self.down.shape[2] - 1),
        )
        moved = [
            np.rint(table[len(table) // 2] / spacing).astype(np.intp).take(column, axis=1).take(row, axis=0)
            for table in self
        ]
        at_x, at_y = np.clip(x + moved[0], 0, wide - 1), np.clip(y[:, None] + moved[1], 0, tall - 1)
        seen: Array = small.reshape(len(small), -1).take(at_y * wide + at_x, axis=1)
        return seen

    def counts(self, used: Array) -> Array:
        """(H, W) numbers of frames in the straight picture, where green's light was seen."""
        green = Places(*(table[len(table) // 2 :][:1] for table in self))
        found: Array = warp(np.stack([used] * 3), green)[1]
        return found


def places(grid: Floats) -> Places:
    """What (3, 2, rows, columns), the x and y in pixels at which each colour is seen, says of rows and of columns.

    A point for every SPACING pixels.
    """
    if (grid == grid[:1]).all():
        grid = grid[:1]
    colors, _, tall, wide = grid.shape
    rows, columns = (np.arange(points, dtype=float) for points in (tall, wide))
    # In points of the grid: from here on a place is a whole one above it and what is left.
    x, y = grid[:, 0] / cubic.SPACING - columns, grid[:, 1] / cubic.SPACING - rows[:, None]
    begins = np.arange(colors)[:, None, None] * (tall * wide) + np.arange(wide)

    def straight(table: Floats, at: Floats) -> tuple[Floats, Floats]:
        """What a table says at rows between its own, and how steeply it changes there."""
        above = np.clip(at, 0, tall - 2).astype(np.intp)
        place = begins + above * wide
        low = table.take(place)
        steep = table.take(place + wide) - low
        return low + (at - above) * steep, steep

    at = np.broadcast_to(rows[:, None], y.shape)
    for _ in range(4):  # towards the row of the straight picture that is seen in each row
        down, steep = straight(y, at)
        at = at - (at + down - rows[:, None]) / np.maximum(1 + steep, 0.1)
    along, _ = straight(x, at)
    return Places(*((table * cubic.SPACING).astype(np.float32) for table in (along, y)))


def unmoved(shape: tuple[int, int]) -> Places:
    """The places of a picture that stays as it is."""
    rows, columns = ((size - 1) // cubic.SPACING + 2 for size in shape)
    still = np.zeros((1, rows, columns), np.float32)
    return Places(still, still)


def warp(scene: Array, found: Places) -> Array:
    """Resample a (colours, H, W) picture; beyond the border its edge goes on."""
    colors, height, width = scene.shape
    whole = colors, height, cubic.blocks(width)
    along = found.across, found.colors, cubic.slack_of(found.across), width

    def make(out: Array, top: int) -> None:
        across.kernel(scene, *along, out=out, origin=(0, top))

    level, asked = Rows(make, whole, np.float32, BAND_ROWS, found.edge), found.rows(height)
    warped, upright = np.empty(whole, np.float32), (found.down, found.colors, cubic.slack_of(found.down), width)
    for top in range(0, height, BAND_ROWS):
        out = warped[:, top : top + BAND_ROWS]
        lines, first = level.between(*asked(top, top + out.shape[1]))
        down.kernel(lines, *upright, first, lines.shape[1], out=out, origin=(0, top))
    return warped[:, :, :width]
