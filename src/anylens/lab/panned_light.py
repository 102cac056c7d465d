"""Falloff and colour cast from a slow pan: the same things seen near the middle of one photo and the rim of another.

What two photos show of one thing differs by the lens alone and by how each was exposed (Goldman & Chen 2005), so no
profile of the scene is asked for. Raw counts are linear, which leaves nothing else to be found.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, at_least, sandwich
from anylens.lab.overlaps import Overlap, Sight, laid_over

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
Light = npt.NDArray[np.float32]

CELL = 12
"""Samples of `Sight.light` along each side of what is compared."""

LEAST_MOVE = 0.06
"""How far a pan must move the picture at least, in diagonals: smaller moves ask more of the sensor than it holds."""

_KNOT = 8
_LEAST_LIGHT = 2e-3
_DARKEST = 0.02
"""What a falloff comes down to at most."""
_LEAST_CELLS = 200
_MOST_TEXTURE = 0.08
_LAID = 0.15
"""How well, in samples, one photo is laid over the other besides what its matches show."""

_LEAST_ERROR = 0.002
_AWRY, _ALIKE = 3e-4, 8
"""How far cells err in ways that they share, in logarithms, and in how many ways at most those differ: more cells do
not make that smaller. Simulated pans showed as much."""

_CAUCHY = 2.0
_ROUNDS = 12
_GAIN_TOLD, _GAIN_UNTOLD, _CAST_GAIN = 0.02, 3.0, 0.004
"""Standard errors of a photo's exposure, in logarithms: where its file tells it and not, and of one colour alone."""

_FALLOFF = (0.05, 0.05, 1.5, 1.5, 1.0)
"""Standard errors believed beforehand of the centre and of three even terms, in half diagonals."""

_CAST = (0.3,) * 3 + (0.1,) * 4 + (0.01,) * 4
"""The same of the factors of `cast_terms`: round ones, those that grow to one side, and the rest."""

_FRINGE = 0.004, 0.004
"""The same of lateral colour, in parts of the radius: what does not grow with it and what grows as its square."""

_ZONES = 6, 5


@dataclass(frozen=True, slots=True, eq=False)
class Agreed:
    """Numbers that all overlaps agree on, their covariance, and the rms in logarithms of what they leave of a cell."""

    numbers: Floats
    covariance: Floats = field(repr=False)
    left: float


@dataclass(frozen=True, slots=True, eq=False)
class PannedLight:
    """What overlaps tell of light over the field, places in half diagonals from the picture's middle.

    `falloff` are (x, y) of its centre and a1, a2, a3 of 1 + a1 r2 + a2 r4 + a3 r6; `red_green` and `blue_green` the
    factors of `cast_terms` in a cast's logarithm.
    """

    falloff: Agreed
    red_green: Agreed
    blue_green: Agreed

    @property
    def falloff_error(self) -> float:
        """The largest standard error of the falloff's logarithm on the way to a corner, against the middle."""
        radii = np.linspace(0.1, 1.0, 10)
        away = np.stack([0.8 * radii, 0.6 * radii], axis=1)
        return _largest(_log_light(self.falloff.numbers, away)[1], self.falloff)

    def ring(self, radius: float) -> tuple[Figure, Figure, Figure]:
        """Logarithms of falloff, R/G and B/G at a radius in half diagonals, the mean of all directions."""
        angles = np.linspace(0.0, 2.0 * math.pi, 16, endpoint=False)
        at = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        terms = cast_terms(*at.T)
        return (
            _mean(*_log_light(self.falloff.numbers, at), self.falloff),
            _mean(terms @ self.red_green.numbers, terms, self.red_green),
            _mean(terms @ self.blue_green.numbers, terms, self.blue_green),
        )

    @property
    def cast_error(self) -> float:
        """The largest standard error of both casts' logarithms over the field, against the middle."""
        x, y = (0.9 * each.ravel() for each in np.meshgrid(np.linspace(-0.8, 0.8, 9), np.linspace(-0.6, 0.6, 7)))
        return max(_largest(cast_terms(x, y), each) for each in (self.red_green, self.blue_green))


def panned_light(sights: Sequence[Sight], overlaps: Sequence[Overlap]) -> PannedLight | None:
    """Falloff and casts that all overlaps agree on; None where too little of them can be compared.

    Cells are weighed by their noise and by how much they would change if they were laid awry, and down where they
    disagree, as moving things do. Standard errors are the larger of what is left and of how the parts of the field
    disagree (White 1980).
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        compared = pool.map(lambda at: _compared(sights[at.first], sights[at.second], at), overlaps)
        told = [each for each in compared if each is not None]
    if sum(len(each.value) for each in told) < _LEAST_CELLS:
        return None
    cells = _Compared(*(np.concatenate([getattr(each, one.name) for each in told]) for one in fields(_Compared)))
    exposures = [each.exposure for each in sights]
    known = [each for each in exposures if each is not None]
    gains = np.array(known if len(known) == len(sights) else [0.0] * len(sights), np.float64)
    gain_error = _GAIN_TOLD if len(known) == len(sights) else _GAIN_UNTOLD
    cast = cast_terms(*cells.here.T) - cast_terms(*cells.there.T)

    def falls(numbers: Floats) -> tuple[Floats, Floats]:
        (here, slopes_here), (there, slopes_there) = (_log_light(numbers, at) for at in (cells.here, cells.there))
        return here - there, slopes_here - slopes_there

    green = _agreed(cells, 0, falls, np.array(_FALLOFF), gains, gain_error)
    red, blue = (
        _agreed(cells, which, lambda numbers: (cast @ numbers, cast), np.array(_CAST), 0.0 * gains, _CAST_GAIN)
        for which in (1, 2)
    )
    return PannedLight(green, red, blue)


def cast_terms(x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
    """(n, 11) of what a cast's logarithm is made of, at places in half diagonals; 0 in the middle."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    r2, long = x**2 + y**2, x**2 - y**2
    return np.stack([r2, r2**2, r2**3, x, y, x * r2, y * r2, long, x * y, long * r2, x * y * r2], axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Compared cells: (n, 3) logarithms of the first's green, R/G and B/G less the second's, their errors, places.

    `slope` (n, 3, 2) is how the logarithms of green, red and blue change a half diagonal further right and down.
    """

    value: Floats
    error: Floats
    slope: Floats
    here: Floats
    there: Floats
    first: Whole
    second: Whole
    part: Whole

    def fringed(self, which: int) -> Floats:
        """(2, n): how the value follows lateral colour of `_FRINGE`'s two kinds; green, from which it counts, has none.

        A colour that lies farther out shows in both photos what lies a little beside the cell.
        """
        if which == 0:
            return np.zeros((0, len(self.value)))
        one, other = (np.sum(place**2, axis=1, keepdims=True) for place in (self.here, self.there))
        moved = np.stack([self.here - self.there, one * self.here - other * self.there], axis=2)
        return np.asarray(-np.einsum("nx,nxk->kn", self.slope[:, which], moved))


def _compared(one: Sight, other: Sight, overlap: Overlap) -> _Compared | None:
    """Cells of one photo and what the other shows there; None where they hardly overlap."""
    import cv2

    _, height, width = one.light.shape
    step = one.light_px
    half = math.hypot(width, height) * step / 2.0
    laid, awry_px = laid_over(overlap, half)
    x, y = _laid_at(laid, height, width, step)
    seen = np.stack([cv2.remap(plane, x, y, cv2.INTER_LINEAR) for plane in other.light])
    mine, theirs = _cells(one.light), _cells(seen)
    usable = _usable(one, other, overlap, x, y)
    good = (_cells(usable) == 1.0) & (np.minimum(mine, theirs).min(axis=0) > _LEAST_LIGHT)
    changes = np.stack([_cells(np.gradient(seen, axis=axis)) for axis in (2, 1)]) / np.maximum(theirs, _LEAST_LIGHT)
    texture = np.hypot(*(_kinds(change) for change in changes)) * math.hypot(awry_px / step, _LAID)
    good &= texture[0] < _MOST_TEXTURE
    if good.sum() < 8:
        return None
    mine, theirs = mine[:, good], theirs[:, good]
    grain = [(each.noise[0] * light + each.noise[1]) / light**2 for light, each in ((mine, one), (theirs, other))]
    red, green, blue = (grain[0] + grain[1]) / CELL**2
    noise = np.stack([green, 2.0 * red + green, 2.0 * blue + green])
    middle = np.array([width, height]) * step / 2.0
    rows, columns = np.mgrid[:height, :width]
    here, away = (
        np.column_stack([(_cells(each)[good] + 0.5) * step for each in places]) for places in ((columns, rows), (x, y))
    )
    at = np.clip((here / (2.0 * middle) * _ZONES).astype(int), 0, np.array(_ZONES) - 1)
    count = len(here)
    return _Compared(
        (_kinds(np.log(mine)) - _kinds(np.log(theirs))).T,
        np.sqrt(noise + texture[:, good] ** 2 + _LEAST_ERROR**2).T,
        changes[:, (1, 0, 2)][..., good].transpose(2, 1, 0) * half / step,
        (here - middle) / half,
        (away - middle) / half,
        np.full(count, overlap.first),
        np.full(count, overlap.second),
        at[:, 0] + _ZONES[0] * at[:, 1] + 1000 * overlap.first,
    )


def _laid_at(laid: Callable[[Floats], Floats], height: int, width: int, step_px: int) -> tuple[Light, Light]:
    """(x, y) of each sample (height, width) in the other photo, in samples; between knots it changes evenly."""
    import cv2

    down, right = np.mgrid[: height + _KNOT : _KNOT, : width + _KNOT : _KNOT]
    knots = laid(np.column_stack([right.ravel(), down.ravel()]) * step_px + (step_px - 1) / 2.0)
    grid = ((knots + 0.5) / step_px - 0.5).reshape(*down.shape, 2).astype(np.float32)
    along, across = (np.asarray(each / _KNOT, np.float32) for each in np.mgrid[:height, :width])
    x, y = (np.asarray(cv2.remap(grid[..., k], across, along, cv2.INTER_LINEAR), np.float32) for k in (0, 1))
    return x, y


def _usable(one: Sight, other: Sight, overlap: Overlap, x: Light, y: Light) -> npt.NDArray[np.bool_]:
    """Which samples of one photo are near a match and unclipped in both, the other's at (x, y)."""
    import cv2

    ended = cv2.remap(other.clipped.astype(np.uint8), x, y, cv2.INTER_LINEAR)
    near = np.zeros(x.shape, np.uint8)
    for place in np.rint((overlap.places_px + 0.5) / one.light_px - 0.5).astype(int).tolist():
        cv2.circle(near, place, max(x.shape[1] // 14, 4), 1, -1)
    most_y, most_x = (side - 2.5 for side in other.light.shape[1:])
    within = (x > 1.5) & (y > 1.5) & (x < most_x) & (y < most_y)
    return np.asarray(within & (near > 0) & (ended == 0) & ~one.clipped)


def _cells(planes: npt.NDArray[np.generic]) -> Floats:
    """(..., rows, columns) means of planes (..., H, W) over cells of CELL samples along each side."""
    high, wide = (side // CELL for side in planes.shape[-2:])
    cut = planes[..., : high * CELL, : wide * CELL].reshape(*planes.shape[:-2], high, CELL, wide * CELL)
    rows = cut.mean(axis=-2, dtype=np.float64)
    return np.asarray(rows.reshape(*rows.shape[:-1], wide, CELL).mean(axis=-1))


def _kinds(logs: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Of red, green and blue: green, R/G and B/G."""
    return np.stack([logs[1], logs[0] - logs[1], logs[2] - logs[1]])


def _log_light(numbers: Floats, at: Floats) -> tuple[Floats, Floats]:
    """(logarithms (n,) of the falloff at places (n, 2), how they follow each number (n, 5))."""
    away = at - numbers[:2]
    r2 = np.sum(away**2, axis=1)
    a1, a2, a3 = numbers[2:]
    light = 1.0 + r2 * (a1 + r2 * (a2 + r2 * a3))
    inward = -2.0 * (a1 + r2 * (2.0 * a2 + r2 * 3.0 * a3))[:, None] * away
    slopes = np.column_stack([inward, r2, r2**2, r2**3]) * (light > _DARKEST)[:, None]
    light = np.maximum(light, _DARKEST)
    return np.log(light), slopes / light[:, None]


def _agreed(
    cells: _Compared,
    which: int,
    apart: Callable[[Floats], tuple[Floats, Floats]],
    belief: Floats,
    gains: Floats,
    error: float,
) -> Agreed:
    """Numbers that cells agree on beside a gain of each photo and lateral colour: Gauss-Newton, Cauchy's weights.

    `apart` says of numbers how much brighter the lens draws cells here than there, and how that follows each number.
    """
    count, photos = len(belief), len(gains)
    value, sigma = cells.value[:, which], cells.error[:, which]
    fringed = cells.fringed(which)
    design = np.zeros((count + photos + len(fringed), len(value)))
    design[count + cells.first, np.arange(len(value))] += 1.0
    design[count + cells.second, np.arange(len(value))] -= 1.0
    design[count + photos :] = fringed
    aside = np.array(_FRINGE)[: len(fringed)]
    told = np.concatenate([np.zeros(count), gains, 0.0 * aside])
    belief_of = np.concatenate([belief**-2.0, np.full(photos, error**-2.0), aside**-2.0])
    numbers = told.copy()
    for _ in range(_ROUNDS):
        foretold, slopes = apart(numbers[:count])
        design[:count] = slopes.T
        left = value - foretold - numbers[count:] @ design[count:]
        square = (left / sigma) ** 2
        spread = max(float(np.median(square)) / 0.455, 1e-6)
        weight = 1.0 / (1.0 + square / (_CAUCHY**2 * spread)) / (sigma**2 * spread)
        root = np.sqrt(weight)
        scaled = design * root
        told_by = scaled @ scaled.T
        inverse = np.linalg.inv(told_by + np.diag(belief_of))
        numbers = numbers + inverse @ (scaled @ (root * left) + belief_of * (told - numbers))
    left = value - apart(numbers[:count])[0] - numbers[count:] @ design[count:]
    disagree = sandwich(inverse, (design * (weight * left)).T, cells.part, count)
    shared = max(float(weight.sum()) * _AWRY**2 / _ALIKE - 1.0, 0.0)
    whole = inverse + shared * inverse @ told_by @ inverse
    covariance = at_least(whole, disagree)[:count, :count]
    return Agreed(numbers[:count], covariance, float(np.sqrt(np.average(left**2, weights=weight))))


def _mean(values: Floats, slopes: Floats, fit: Agreed) -> Figure:
    """The mean of values that follow a fit's numbers by these slopes (n, numbers)."""
    lever = slopes.mean(axis=0)
    return Figure(float(values.mean()), math.sqrt(float(lever @ fit.covariance @ lever)))


def _largest(slopes: Floats, fit: Agreed) -> float:
    """The largest standard error of what follows a fit's numbers by these slopes (n, numbers)."""
    return float(np.sqrt(np.einsum("ni,ij,nj->n", slopes, fit.covariance, slopes).max()))
