"""Where light that a sensor sees at a place came from, for each of its colour channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from anylens.twin.splines import Spline, smooth

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Observed = Callable[[int, Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """Values known at the knots of a net over the sensor, smooth in between: `values` (n, ny, nx) at x_mm, y_mm."""

    x_mm: Floats
    y_mm: Floats
    values: Floats

    def at(self, x_mm: Floats, y_mm: Floats) -> Array:
        """(n, h, w): the values at the crossings of columns `x_mm` (w,) and rows `y_mm` (h,), flat beyond the net."""
        across, down = _known(self.x_mm.tobytes(), x_mm.tobytes()), _known(self.y_mm.tobytes(), y_mm.tobytes())
        return np.asarray((down @ self.values.astype(np.float32)) @ across.T)

    def __call__(self, places_mm: npt.ArrayLike) -> Floats:
        """(n, ...): the values at places (..., 2)."""
        places = np.asarray(places_mm, np.float64)
        flat = places.reshape(-1, 2)
        across, down = _weights(self.x_mm, flat[:, 0]), _weights(self.y_mm, flat[:, 1])
        found: Floats = np.einsum("pj,nji,pi->np", down, self.values, across)
        return found.reshape(len(self.values), *places.shape[:-1])


def _weights(knots: Floats, at: Floats) -> Array:
    """(len(at), len(knots)): cubic splines as a matrix, so that a whole field is two matrix products."""
    return np.asarray(_splines(knots.tobytes())(np.clip(at, knots[0], knots[-1])), np.float32)


@lru_cache(16)
def _splines(knots: bytes) -> Spline:
    places = np.frombuffer(knots)
    return smooth(places, np.eye(len(places)))


@lru_cache(16)
def _known(knots: bytes, at: bytes) -> Array:
    """The same, kept: strips of one field have their columns in common."""
    return _weights(np.frombuffer(knots), np.frombuffer(at))


def net(width_mm: float, height_mm: float, knots: int) -> tuple[Floats, Floats]:
    """The knots of a net over a sensor of that size, about `knots` across, its middle one of them."""
    across = knots | 1
    down = max(5, round(knots * height_mm / width_mm)) | 1
    return np.linspace(-width_mm / 2, width_mm / 2, across), np.linspace(-height_mm / 2, height_mm / 2, down)


def crossings(x_mm: Floats, y_mm: Floats) -> Floats:
    """(ny, nx, 2): the places of a net's knots."""
    return np.stack(np.meshgrid(x_mm, y_mm), axis=-1)


def origin(observed: Observed, x_mm: Floats, y_mm: Floats) -> Net:
    """What to add to an observed place to get the ideal one: (3 channels and x, y: 6, ny, nx), inverted by iteration.

    `observed(channel, ideal places)` is the way forward. Raises ValueError where it does not settle within 1 nm.
    """
    target = crossings(x_mm, y_mm)
    found = np.empty((3, 2, len(y_mm), len(x_mm)))
    for channel in range(3):
        ideal = target.copy()
        for _ in range(40):
            step = target - observed(channel, ideal)
            ideal += step
            if float(np.abs(step).max()) < 1e-6:
                break
        else:
            raise ValueError("the way from observed back to ideal places does not settle")
        found[channel] = np.moveaxis(ideal - target, -1, 0)
    return Net(x_mm, y_mm, found.reshape(6, len(y_mm), len(x_mm)))
