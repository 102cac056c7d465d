"""Turns of a camera or a chart in space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_CROSS = np.cross(np.eye(3)[:, None], np.eye(3))
"""(3, 3, 3): the first axis cross the second."""


def turn(about: npt.ArrayLike) -> Floats:
    """(..., 3, 3): the turns about axes (..., 3) by their lengths in radians (Rodrigues)."""
    axis = np.asarray(about, np.float64)
    angle = np.linalg.norm(axis, axis=-1)[..., None, None]
    cross = np.einsum("ikj,...k->...ij", _CROSS, axis)
    # sinc(x / pi) is sin(x) / x, and holds where there is no turn.
    once, twice = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2.0 * np.pi)) ** 2
    return np.asarray(np.eye(3) + once * cross + twice * cross @ cross)
