"""The square root of light above a toe, in which noise is even (Anscombe 1948), and light again.

Well below black the root goes on straight (own work): noise passes there too, where a root of the little that is left
of the toe would fall ever more steeply and turn the lowest pixels into dark specks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

LEFT = 0.7
"""What is left of the toe where the root goes on straight."""


def root(light: Any, toe: Any) -> Any:
    """The root of a float32 expression, in which black has that of `toe` > 0."""
    import halide as hl

    least = toe * hl.f32(LEFT)
    lifted = light + toe
    below = hl.min(lifted - least, hl.f32(0.0))
    return hl.sqrt(hl.max(lifted, least)) + below * (hl.f32(0.5) / hl.sqrt(least))


def lifted(root: Any, toe: Any) -> Any:
    """The light of which `root` gives this, and `toe` more."""
    import halide as hl

    below = hl.min(root - hl.sqrt(toe * hl.f32(LEFT)), hl.f32(0.0))
    return root * root - below * below


def root_reference(light: Array, toe: float) -> Array:
    """What `root` says, in NumPy."""
    least, above = np.float32(toe * LEFT), light + np.float32(toe)
    below = np.minimum(above - least, np.float32(0))
    return np.asarray(np.sqrt(np.maximum(above, least)) + below * (np.float32(0.5) / np.sqrt(least)), np.float32)


def lifted_reference(root: Array, toe: float) -> Array:
    """What `lifted` says, in NumPy."""
    below = np.minimum(root - np.sqrt(np.float32(toe * LEFT)), np.float32(0))
    return np.asarray(root**2 - below**2, np.float32)
