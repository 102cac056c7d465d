"""Dots, corners of squares or crossings of lines, each placed by a model of its blurred picture."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from anylens.lab.samples import Flags, Floats, Samples

Kind = Literal["dot", "corner", "crossing"]
Singles = npt.NDArray[np.float32]

_TURNS = 25
_FEWEST = 24
_MOST_LEFT = {"dot": 0.3, "corner": 0.12, "crossing": 0.4}
_STEEPEST = 0.5
_LEAST_INSIDE = 0.25
_REACH = {"dot": 0.46, "corner": 0.3, "crossing": 0.46}
_WIDEST_PX = {"dot": math.inf, "corner": 48.0, "crossing": 48.0}
"""A dot is told by its rim, however large it is; edges and lines by what runs through the point itself."""
_SETTLED_PX = {"few": 1e-2, "all": 5e-4}
_BLURS = (-2.0, 3.0)
_AT_ONCE = 40_000
_FIRST, _ENOUGH = 4, 100
"""A point is sought by one sample in so many, where that leaves so many in a window, before all are asked."""
_MOST = 20_000
"""A larger window's samples are asked evenly, about so many of them."""


def reach_px(kind: Kind, step_px: float | Floats) -> Floats:
    """How far about a point its samples are looked at, where neighbours lie so far apart."""
    return np.minimum(_WIDEST_PX[kind], _REACH[kind] * np.asarray(step_px, np.float64))


def refined(samples: Samples, near: Floats, kind: Kind, step_px: float | Floats) -> tuple[Floats, Floats]:
    """((n, 2) places, (n,) their standard errors) of points of a grid near (n, 2); NaN where there is none.

    `step_px` is how far neighbours lie apart, of all or of each. A model is fitted to the samples of the colour,
    wherever they stand: an ellipse, the product of two edges, or two lines, each blurred, on a ground that may slope
    (Levenberg and Marquardt for all points side by side, in single precision; own work). A few samples tell where a
    point is and its shape, then all in a window about that place are asked.
    """
    reach = np.broadcast_to(reach_px(kind, step_px), len(near))
    places, errors = np.array(near, np.float64).reshape(-1, 2), np.full(len(near), np.nan)
    going, shapes = np.arange(len(near)), None
    for few in (True, False):
        away, errors[going], shapes = _Windows(samples, places[going], reach[going], kind, few).fitted(shapes)
        places[going] += away
        there = np.hypot(*away.T) <= 0.5 * reach[going]
        errors[going[~there]] = np.nan
        going, shapes = going[there], shapes[there]
        if not going.size:
            break
    height, width = samples.shape
    border = np.minimum(places, np.array([width - 1.0, height - 1.0]) - places).min(axis=1)
    errors[border < _LEAST_INSIDE * reach] = np.nan
    places[np.isnan(errors)] = np.nan
    return places, errors


class _Windows:
    """The samples about n points, m each, all or a `few`, and the shapes fitted to them, all points at once.

    A point's numbers are x, y from the middle of its window, its shape's own, and last its blur; then those of the
    light: ground, its slopes to the right and down in a reach, and contrast.
    """

    def __init__(self, samples: Samples, near: Floats, reach: Floats, kind: Kind, few: bool) -> None:
        tile = np.array(samples.sites, np.bool_)
        side = np.array(tile.shape[::-1])
        widest = float(reach.max()) + math.hypot(*side) / 2.0
        down, right = np.mgrid[-math.ceil(widest) : math.ceil(widest) + 1, -math.ceil(widest) : math.ceil(widest) + 1]
        far = _far(right - (side[0] - 1) / 2.0, down - (side[1] - 1) / 2.0, kind)
        inside = tile[down % side[1], right % side[0]] & (far <= widest)
        every = math.ceil(int(inside.sum()) / _MOST)
        every *= min(_FIRST, max(int(inside.sum()) // every // _ENOUGH, 1)) if few else 1
        right, down = right[inside][::every], down[inside][::every]
        corner = np.floor((near + 0.5) / side).astype(np.intp) * side  # of the filter's repeat that the point lies in
        self.kind, self.reach = kind, reach
        self.settled_px = _SETTLED_PX["few" if few else "all"]
        self.middle = near - corner
        self.right, self.down = right.astype(np.float32), down.astype(np.float32)
        rows, columns = corner[:, 1:] + down, corner[:, :1] + right
        height, wide = samples.shape
        there = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < wide)
        at = np.where(there, rows * wide + columns, 0)
        there &= _far(right - self.middle[:, :1], down - self.middle[:, 1:], kind) <= reach[:, None]
        if samples.clipped is not None:
            there &= ~samples.clipped.ravel()[at]
        self.used = there
        self.count = there.sum(axis=1)
        self.light = np.where(there, samples.pixels.ravel()[at], 0.0).astype(np.float32)

    def fitted(self, shapes: Floats | None) -> tuple[Floats, Floats, Floats]:
        """((n, 2) how far the points lie from where they were sought, (n,) standard errors, (n, numbers) shapes).

        `shapes` are those to begin with, None where none is known yet; NaN says that there is no point.
        """
        away, error = np.full((len(self.reach), 2), np.nan), np.full(len(self.reach), np.nan)
        found = np.full((len(self.reach), _NUMBERS[self.kind]), np.nan)
        seen = np.flatnonzero(self.count >= _FEWEST)
        if shapes is None:
            own, good = self._guessed(seen)
            seen, own = seen[good], own[good]
        else:
            own = np.concatenate([np.zeros((len(seen), 2)), shapes[seen]], axis=1)
        if not seen.size:
            return away, error, found
        numbers, normal, size = self._settled(seen, self._lit(seen, own))
        variance = size / np.maximum(self.count[seen] - numbers.shape[1], 1)
        covariance = np.linalg.pinv(normal, hermitian=True) * variance[:, None, None]
        sigma = np.sqrt(np.maximum(0.5 * (covariance[:, 0, 0] + covariance[:, 1, 1]), 0.0))
        light = self.light[seen].astype(np.float64)
        total = np.sum(light**2, axis=1) - light.sum(axis=1) ** 2 / self.count[seen]
        good = np.isfinite(sigma) & (size <= _MOST_LEFT[self.kind] * total) & (sigma <= 0.1 * self.reach[seen])
        if self.kind == "corner":  # Where a board ends, one field of four is dark: a slope beside a weak corner.
            good &= np.hypot(numbers[:, -3], numbers[:, -2]) <= _STEEPEST * np.abs(numbers[:, -1])
        away[seen[good]] = numbers[good, :2] - self.middle[seen[good]]
        error[seen[good]] = sigma[good]
        found[seen[good]] = numbers[good, 2:-4]
        return away, error, found

    def _settled(self, seen: npt.NDArray[np.intp], numbers: Floats) -> tuple[Floats, Floats, Floats]:
        """(numbers, normal matrices, sums of squares) where no step makes the model fit better."""
        own = numbers.shape[1] - 4
        damping = np.full(len(seen), 1e-3)
        normal, slope, size = self._normal(seen, numbers)
        going = np.arange(len(seen))
        for _ in range(_TURNS):
            scale = np.einsum("kii->ki", normal[going])
            damped = normal[going] + (damping[going, None] * scale + 1e-12)[:, None] * np.eye(numbers.shape[1])
            step = -np.linalg.solve(damped, slope[going][..., None])[..., 0]
            most = 0.3 * self.reach[seen[going], None]
            step[:, :own] = np.clip(step[:, :own], -most, most)
            tried = numbers[going] + step
            tried[:, own - 1] = np.clip(tried[:, own - 1], *_BLURS)
            new_normal, new_slope, new_size = self._normal(seen[going], tried)
            better = new_size < size[going]
            which = going[better]
            numbers[which], normal[which] = tried[better], new_normal[better]
            slope[which], size[which] = new_slope[better], new_size[better]
            damping[going] = np.where(better, np.maximum(damping[going] * 0.2, 1e-6), damping[going] * 6.0)
            settled = (np.abs(step[:, :2]).max(axis=1) < self.settled_px) | (damping[going] > 1e6)
            going = going[~settled]
            if not going.size:
                break
        return numbers, normal, size

    def _guessed(self, seen: npt.NDArray[np.intp]) -> tuple[Floats, Flags]:
        """((k, numbers) places from the middles and shapes to begin with, (k,) whether there is any contrast)."""
        light, used = self.light[seen].astype(np.float64), self.used[seen]
        x, y = self.right - self.middle[seen, :1], self.down - self.middle[seen, 1:]
        count, reach = self.count[seen], self.reach[seen]
        light = np.where(used, light, (light.sum(axis=1) / count)[:, None])
        low, high = np.percentile(light, (5.0, 95.0), axis=1)
        good = high - low >= 1e-6
        zero = np.zeros(len(seen))
        far = np.hypot(x, y)
        if self.kind == "dot":
            rim = used & (far > 0.85 * reach[:, None])
            ground = np.array([np.median(each[at]) if at.any() else top
                               for each, at, top in zip(light, rim, high, strict=True)])  # fmt: skip
            contrast = np.maximum(high - low, 1e-9)[:, None]
            weight = used * np.clip(np.abs(light - ground[:, None]) / contrast - 0.15, 0.0, 1.0)
            whole = weight.sum(axis=1)
            good &= whole >= 1.0
            whole = np.maximum(whole, 1e-9)
            middle = [np.sum(weight * each, axis=1) / whole for each in (x, y)]
            shape = [*middle, np.log(np.sqrt(whole / count) * reach), zero, zero, zero]
        else:
            around = used & (far > 0.35 * reach[:, None])
            mean = np.sum(light * around, axis=1) / np.maximum(around.sum(axis=1), 1)
            turns = 2 if self.kind == "corner" else 4
            round_about = ((x - 1j * y) / np.maximum(far, 1e-6)).astype(np.complex64) ** turns
            wave = np.sum((light - mean[:, None]) * around * round_about, axis=1)
            if self.kind == "corner":
                axis = np.angle(np.conj(wave)) / 2.0
                shape = [zero, zero, axis + math.pi / 4.0, axis - math.pi / 4.0, zero + 0.3]
            else:
                axis = np.angle(-np.conj(wave)) / 4.0
                width = np.log(np.maximum(0.12 * reach, 0.8))
                shape = [zero, zero, axis, axis + math.pi / 2.0, width, zero]
        return np.stack(shape, axis=1), good

    def _lit(self, seen: npt.NDArray[np.intp], own: Floats) -> Floats:
        """(k, numbers): places from the middles and shapes, and the light that fits them best."""
        numbers = np.concatenate([own, np.zeros((len(seen), 4))], axis=1)
        numbers[:, :2] += self.middle[seen]
        normal, slope, _ = self._normal(seen, numbers)
        ground = normal[:, -4:, -4:] + 1e-9 * np.eye(4) * np.einsum("kii->k", normal[:, -4:, -4:])[:, None, None]
        numbers[:, -4:] = -np.linalg.solve(ground + 1e-12 * np.eye(4), slope[:, -4:, None])[..., 0]
        return numbers

    def _normal(self, seen: npt.NDArray[np.intp], numbers: Floats) -> tuple[Floats, Floats, Floats]:
        """(normal matrices (k, p, p), slopes (k, p) of half the sums of squares, these sums) under the numbers."""
        width = numbers.shape[1] + 1
        whole = np.empty((len(seen), width, width))
        several = max(1, _AT_ONCE // len(self.right))
        for first in range(0, len(seen), several):
            part = slice(first, first + several)
            rows = self._rows(seen[part], numbers[part].astype(np.float32))
            whole[part] = rows @ rows.transpose(0, 2, 1)
        return whole[:, :-1, :-1], whole[:, :-1, -1], whole[:, -1, -1]

    def _rows(self, seen: npt.NDArray[np.intp], numbers: Singles) -> Singles:
        """(k, p + 1, m): how the model changes with each number at every sample, and what it leaves."""
        used = self.used[seen]
        own = numbers.shape[1] - 4
        x, y = self.right - numbers[:, :1], self.down - numbers[:, 1:2]
        rows = np.empty((len(seen), own + 5, len(self.right)), np.float32)
        shape = _SHAPES[self.kind](x, y, numbers[:, 2:own].T[..., None], rows)
        ground, right, down, contrast = numbers[:, own:].T[..., None]
        rows[:, :own] *= contrast[:, None]
        unit = np.float32(1.0) / self.reach[seen, None].astype(np.float32)
        rows[:, own] = 1.0
        middle = self.middle[seen].astype(np.float32)
        rows[:, own + 1] = (self.right - middle[:, :1]) * unit
        rows[:, own + 2] = (self.down - middle[:, 1:]) * unit
        rows[:, own + 3] = shape
        rows[:, own + 4] = ground + right * rows[:, own + 1] + down * rows[:, own + 2] + contrast * shape
        rows[:, own + 4] -= self.light[seen]
        rows *= used[:, None]
        return rows


def _far(x: Floats, y: Floats, kind: Kind) -> Floats:
    """How far places are from the middle of a window, whose rim is a square about crossings, else a circle."""
    return np.maximum(np.abs(x), np.abs(y)) if kind == "crossing" else np.hypot(x, y)


def _corner(x: Singles, y: Singles, numbers: Singles, slopes: Singles) -> Singles:
    """The product of two edges, and into `slopes` (k, numbers, m) how it changes with each number."""
    one, two, blur = numbers
    first, along_first = _turned(x, y, one)
    second, along_second = _turned(x, y, two)
    (edge, bell), (other, other_bell) = _step(first, blur), _step(second, blur)
    bell, other_bell = bell * other, other_bell * edge
    slopes[:, 0] = np.sin(one) * bell + np.sin(two) * other_bell
    slopes[:, 1] = -np.cos(one) * bell - np.cos(two) * other_bell
    slopes[:, 2], slopes[:, 3] = -along_first * bell, -along_second * other_bell
    slopes[:, 4] = -first * bell - second * other_bell
    return edge * other


def _crossing(x: Singles, y: Singles, numbers: Singles, slopes: Singles) -> Singles:
    """Two lines of one width, and how their picture changes with each number."""
    half, blur = np.float32(0.5) * np.exp(np.clip(numbers[2], -1.0, 4.0)), numbers[3]
    lines = [_line(*_turned(x, y, angle), half, blur) for angle in numbers[:2]]
    slopes[:] = 0.0
    for k, (angle, (_, moved, along, grown, softer)) in enumerate(zip(numbers[:2], lines, strict=True)):
        rest = 1.0 - lines[1 - k][0]
        slopes[:, 0] += np.sin(angle) * moved * rest
        slopes[:, 1] -= np.cos(angle) * moved * rest
        slopes[:, 2 + k] = -along * moved * rest
        slopes[:, 4] += grown * rest
        slopes[:, 5] += softer * rest
    return np.asarray(1.0 - (1.0 - lines[0][0]) * (1.0 - lines[1][0]), np.float32)


def _line(across: Singles, along: Singles, half: Singles, blur: Singles) -> tuple[Singles, ...]:
    """A line's brightness; how it changes across; along; how it changes with the logarithms of width and blur."""
    far, far_bell = _step(across + half, blur)
    near, near_bell = _step(across - half, blur)
    far_bell *= np.float32(0.5)
    near_bell *= np.float32(0.5)
    softer = (across - half) * near_bell - (across + half) * far_bell
    return np.float32(0.5) * (far - near), far_bell - near_bell, along, half * (far_bell + near_bell), softer


def _turned(x: Singles, y: Singles, angle: Singles) -> tuple[Singles, Singles]:
    """(across, along) an edge through the origin at this angle."""
    sine, cosine = np.sin(angle), np.cos(angle)
    return y * cosine - x * sine, y * sine + x * cosine


def _dot(x: Singles, y: Singles, numbers: Singles, slopes: Singles) -> Singles:
    """An ellipse, and how its picture changes with each number."""
    size, longer, turned, blur = numbers
    radius = np.exp(np.clip(size, -1.0, 6.0))
    along, across = (1.0 + longer) * x + turned * y, turned * x + (1.0 - longer) * y
    far = np.maximum(np.hypot(along, across), np.float32(1e-6))
    inside, bell = _step(radius - far, blur)
    along, across = along / far * bell, across / far * bell
    slopes[:, 0] = (1.0 + longer) * along + turned * across
    slopes[:, 1] = turned * along + (1.0 - longer) * across
    slopes[:, 2] = radius * bell
    slopes[:, 3], slopes[:, 4] = across * y - along * x, -along * y - across * x
    slopes[:, 5] = (far - radius) * bell
    return inside


_SHAPES = {"dot": _dot, "corner": _corner, "crossing": _crossing}
_NUMBERS = {"dot": 4, "corner": 3, "crossing": 4}
"""How many say a shape, its place aside."""


def _step(distance: Singles, blur: Singles) -> tuple[Singles, Singles]:
    """(erf(distance / (sqrt 2 sigma)), its slope), sigma = exp(blur), to 5e-7 (Abramowitz & Stegun 1964, 7.1.26)."""
    narrow = np.exp(-blur) * np.float32(math.sqrt(0.5))
    z = distance * narrow
    bell = np.exp(-z * z)
    t = 1.0 / (1.0 + np.float32(0.3275911) * np.abs(z))
    left = np.float32(1.061405429) * t
    for term in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        left += np.float32(term)
        left *= t
    left *= bell
    bell *= np.float32(2.0 / math.sqrt(math.pi)) * narrow
    return np.copysign(1.0 - left, z), bell
