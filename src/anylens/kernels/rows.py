"""Rows of a picture that is never whole: made in order as they are asked for, let go of once they lie behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Rows:
    """A picture of `shape`, (colours, height, width), of which `make(out, top)` fills the rows from `top` on.

    `step` rows at least are made at once, those that are left where there are fewer.
    """

    def __init__(self, make: Callable[[Array, int], object], shape: tuple[int, int, int], kind: Any, step: int) -> None:
        self._make, self._shape, self._step = make, shape, step
        self._held: Array = np.empty((shape[0], 0, shape[2]), kind)
        self._top = self._bottom = 0

    def between(self, top: int, bottom: int) -> tuple[Array, int]:
        """Some rows around those from `top` to `bottom`, and the number of the first; none above `top` ever again."""
        _, height, _ = self._shape
        kept = max(self._bottom - top, 0)
        after = min(max(bottom, self._bottom), height)
        if after > self._bottom:
            after = min(max(after, self._bottom + self._step), height)
            begin = self._bottom - kept
            held = self._held
            if held.shape[1] < after - begin:
                held = np.empty((held.shape[0], after - begin, held.shape[2]), held.dtype)
            held[:, :kept] = self._held[:, begin - self._top : self._bottom - self._top]
            self._held = held
            self._make(held[:, kept : after - begin], self._bottom)
            self._top, self._bottom = begin, after
        return self._held[:, : self._bottom - self._top], self._top
