"""What the MTF of any blur is like about the frequency where it is one half."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from anylens.lab.samples import Floats

_BELLS_CPP = (0.1, 0.2, 0.4)
_CUT_OFFS_CPP = (0.3, 0.6, 1.2)
_DISCS_PX = (2.0, 4.0, 8.0)
_PIXELS = 3
"""A bare pixel is rarer than blurs but farther from them; so it counts as often as three."""
_PLAIN = 3
"""Weight of an edge that nobody sharpened, and of one without a skirt, beside each that has them."""
_SHARPENED = ((0.3, 0.7), (0.3, 1.3), (0.6, 0.7), (0.6, 1.3))
_SKIRTS = tuple((share, width) for share in (0.05, 0.15) for width in (0.05, 0.15, 0.4))
_UNLIKE = 1e-3
_EDGES = 4
"""Edges that a sharpness is the mean of, as a square has: noise falls in the mean, what leaning adds stays. So the
shapes count as four times as far apart as they are, which is what makes the mean's own error least."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """The MTF of blurs at `parts` (n,) of the frequency where it is one half: their `mean` (n,), and the `covariance`
    that it is to be leaned on with."""

    parts: Floats
    mean: Floats
    covariance: Floats

    def falling(self, mtf: Floats) -> Floats:
        """(n,): by how much an MTF grows where the frequency of one half grows by a small share of itself."""
        return -self.parts * np.gradient(mtf, self.parts, edge_order=2)


@lru_cache(1)
def likeness() -> Likeness:
    """Mean and covariance of bells, perfect lenses, discs and bare pixels, plain, sharpened and with wide skirts.

    All go through 1 / 2 at part 1, so there the covariance is next to nothing and grows away from it. It is that of the
    shapes as often as there are edges whose mean is told. Own work.
    """
    parts = np.linspace(0.2, 1.8, 33)
    seen = np.array(list(_shapes(parts)))
    away = seen - seen.mean(axis=0)
    covariance = away.T @ away / len(seen) + _UNLIKE**2 * np.eye(len(parts))
    return Likeness(parts, seen.mean(axis=0), _EDGES * covariance)


def _shapes(parts: Floats) -> Iterator[Floats]:
    f = np.linspace(0.002, 6.0, 3000)
    plain = [(0.0, 1.0)] * _PLAIN
    for blur in _blurs(f):
        half = _half(f, blur)
        for amount, radius in (*plain, *_SHARPENED):
            sharpened = blur * (1.0 + amount * (1.0 - _bell(f, radius * half)))
            for share, width in (*plain, *_SKIRTS):
                mtf = (1.0 - share) * sharpened + share * _bell(f, width * half)
                yield np.interp(parts * _half(f, mtf), f, np.abs(mtf))


def _blurs(f: Floats) -> Iterator[Floats]:
    from scipy.special import j1

    pixel = np.asarray(np.sinc(f), np.float64)
    for _ in range(_PIXELS):
        yield pixel
    for half in _BELLS_CPP:
        yield pixel * _bell(f, half)
    for cut_off in _CUT_OFFS_CPP:
        s = np.minimum(f / cut_off, 1.0)
        yield pixel * 2.0 / np.pi * (np.arccos(s) - s * np.sqrt(1.0 - s * s))
    for disc in _DISCS_PX:
        yield pixel * 2.0 * j1(np.pi * disc * f) / (np.pi * disc * f)


def _bell(f: Floats, half: float) -> Floats:
    return np.asarray(np.exp(-math.log(2.0) * (f / half) ** 2), np.float64)


def _half(f: Floats, mtf: Floats) -> float:
    first = int(np.argmax(mtf < 0.5))
    return float(np.interp(-0.5, -mtf[first - 1 : first + 1], f[first - 1 : first + 1]))
