"""Rows of a picture that is never whole: made in order as they are asked for, let go of once they lie behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Rows:
    """A picture of `shape`, (colours, height, width), of which `make(out, top)` fills the rows from `top` on.

    `step` rows at least are made at once, those that are left where there are fewer. Beyond its border `edge` more
    rows can be asked for, from -edge on: the outermost again.
    """

    def __init__(
        self, make: Callable[[Array, int], object], shape: tuple[int, int, int], kind: Any, step: int, edge: int = 0
    ) -> None:
        self._make, self._shape, self._step, self._edge = make, shape, step, edge
        self._held: Array = np.empty((shape[0], 0, shape[2]), kind)
        self._top = self._bottom = -edge

    def between(self, top: int, bottom: int) -> tuple[Array, int]:
        """Some rows around those from `top` to `bottom`, and the number of the first; none above `top` ever again."""
        _, height, _ = self._shape
        kept = max(self._bottom - top, 0)
        if min(bottom, height + self._edge) > self._bottom:
            first = max(self._bottom, 0)
            last = min(max(bottom, first + self._step), height)
            begin, after = self._bottom - kept, last + (self._edge if last == height else 0)
            held = self._held
            if held.shape[1] < after - begin:
                # Room for more that may be kept costs nothing until it is filled, a larger array all that were filled.
                held = np.empty((held.shape[0], 2 * (after - begin), held.shape[2]), held.dtype)
            for old, new in zip(self._held, held, strict=True):  # flat, else what overlaps would be copied twice
                new[:kept].reshape(-1)[:] = old[begin - self._top : self._bottom - self._top].reshape(-1)
            self._held = held
            self._make(held[:, first - begin : last - begin], first)
            held[:, kept : first - begin] = held[:, first - begin, None]
            held[:, last - begin : after - begin] = held[:, last - begin - 1, None]
            self._top, self._bottom = begin, after
        return self._held[:, : self._bottom - self._top], self._top
