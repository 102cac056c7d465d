"""A measured number and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and its standard error, in the unit that the name of the field says.

    `error` is NaN where none can be told.
    """

    value: float
    error: float = math.nan

    def times(self, factor: float) -> Figure:
        """The same in a unit that is so many times smaller."""
        return Figure(self.value * factor, self.error * abs(factor))

    def over(self, other: Figure) -> Figure:
        """The quotient of two figures whose errors have nothing to do with each other."""
        value = self.value / other.value
        return Figure(value, math.hypot(self.error, value * other.error) / abs(other.value))

    def __str__(self) -> str:
        """Rounded to two digits of the error: `4.713 ± 0.021`."""
        if not math.isfinite(self.value):
            return "unknown"
        if not math.isfinite(self.error) or self.error <= 0.0:
            return f"{self.value:.4g}"
        digits = max(0, 1 - math.floor(math.log10(self.error)))
        return f"{self.value:.{digits}f} ± {self.error:.{digits}f}" if digits < 9 else f"{self.value:.4g}"


def figures(values: npt.ArrayLike, errors: npt.ArrayLike) -> tuple[Figure, ...]:
    """(n,) values with their standard errors."""
    pairs = zip(np.asarray(values, np.float64).tolist(), np.asarray(errors, np.float64).tolist(), strict=True)
    return tuple(Figure(value, error) for value, error in pairs)


def evenly(powers: Sequence[int]) -> Floats:
    """(n, n): how the errors of a fit's terms r ** power go together where places lie evenly over a disc."""
    grown = np.linalg.inv(1.0 / (np.add.outer(powers, powers) + 2.0))
    size = np.sqrt(np.diag(grown))
    return np.asarray(grown / np.outer(size, size))


def combined(figures: list[Figure]) -> Figure:
    """The mean of several measures of one thing, each weighted by what it knows.

    The error grows by how far they disagree beyond their own errors (the Birge ratio).
    """
    values = np.array([f.value for f in figures])
    errors = np.array([f.error for f in figures])
    good = np.isfinite(values) & np.isfinite(errors) & (errors > 0.0)
    if not good.any():
        return Figure(float(np.nanmean(values))) if np.isfinite(values).any() else Figure(math.nan)
    weight = 1.0 / errors[good] ** 2
    mean = float(weight @ values[good] / weight.sum())
    birge = float(weight @ (values[good] - mean) ** 2) / max(int(good.sum()) - 1, 1)
    return Figure(mean, float(np.sqrt(max(birge, 1.0) / weight.sum())))


def line(x: Floats, y: Floats, error: Floats) -> tuple[Figure, Figure]:
    """(slope, start at x = 0) of the line through points whose y have these standard errors, by least squares."""
    weight = 1.0 / error**2
    total = weight.sum()
    middle = float(weight @ x / total)
    spread = float(weight @ (x - middle) ** 2)
    slope = float(weight @ ((x - middle) * y)) / spread
    level = float(weight @ y / total)
    return (
        Figure(slope, float(np.sqrt(1.0 / spread))),
        Figure(level - slope * middle, float(np.sqrt(1.0 / total + middle**2 / spread))),
    )


def root(variance: Figure) -> Figure:
    """The square root of a measured variance; where it is not above its error the error is that of a small one."""
    value = math.sqrt(max(variance.value, 0.0)) if math.isfinite(variance.value) else math.nan
    if not math.isfinite(variance.error):
        return Figure(value)
    return Figure(
        value, variance.error / (2.0 * value) if variance.value > variance.error else math.sqrt(variance.error) / 2.0
    )


def weighted(design: Floats, value: Floats, error: Floats) -> tuple[Floats, Floats, float]:
    """(solution, covariance, rms left): errors that are too small for what is left are made larger (Birge ratio)."""
    root = 1.0 / np.maximum(error, 1e-12)
    covariance = np.linalg.pinv((design * root[:, None]).T @ (design * root[:, None]))
    found = covariance @ (design.T @ (value * root**2))
    left = value - design @ found
    birge = float(np.sum((left * root) ** 2)) / max(len(value) - design.shape[1], 1)
    return found, covariance * max(birge, 1.0), float(np.sqrt(np.mean(left**2)))


def mostly(design: Numbers, value: Numbers, width: float, rounds: int) -> tuple[Floats, Floats, Floats]:
    """(solution (k,), inverse (k, k) of the weighted normal matrix, weights (n,)) of what most values (n,) agree on.

    Least squares in rounds: the farther values lie from what was found, in `width` times the usual distance, the less
    they weigh (Cauchy's weights, Holland & Welsch 1977).
    """
    weight = np.ones(len(value))
    for _ in range(rounds):
        inverse = np.linalg.pinv((design * weight[:, None]).T @ design, hermitian=True)
        found = inverse @ (design.T @ (weight * value))
        left = value - design @ found
        weight = 1.0 / (1.0 + (left / (width * (spread_of(left) + 1e-9))) ** 2)
    return np.asarray(found, np.float64), np.asarray(inverse, np.float64), weight


def spread_of(left: npt.NDArray[Any]) -> float:
    """The standard deviation of most of these values about 0, by their median."""
    return 1.4826 * float(np.median(np.abs(left)))


def sandwich(inverse: Numbers, pulls: Numbers, group: npt.NDArray[np.integer[Any]], free: int) -> Floats:
    """(k, k): the covariance of a fit's numbers by how groups of its values disagree (White 1980, by groups).

    `inverse` (k, k) is that of the weighted normal matrix, `pulls` (n, k) what is left of each value times its slopes
    and weight, `group` (n,) which group it is of, `free` how many numbers were fitted to the groups.
    """
    which = np.unique(group, return_inverse=True)[1]
    sums = np.stack([np.bincount(which, pull) for pull in pulls.T], axis=1)
    return np.asarray(inverse @ (sums.T @ sums) @ inverse * len(sums) / max(len(sums) - free, 1))


def at_least(covariance: Numbers, other: Floats) -> Floats:
    """(k, k): a covariance whose errors are made as large as another's where those are larger, as they correlate."""
    grown = np.sqrt(np.maximum(np.diag(other) / np.maximum(np.diag(covariance), 1e-300), 1.0))
    return np.asarray(covariance * grown[:, None] * grown)
