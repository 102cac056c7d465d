"""Distortion from the straight things of ordinary photos, and with the focal length from what overlaps of a pan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, at_least, sandwich, spread_of
from anylens.lab.overlaps import Overlap
from anylens.lab.panned_geometry import LENS, ideal_places, turned

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]

LEAST_LINES, LEAST_BENT = 12, 6
"""Of a passport's geometry, and of what only tells lenses apart."""

FOCAL_BELIEVED = 0.03
"""The relative standard error of an engraved focal length, which straight things cannot tell."""

_BELIEF = np.array([0.02, 0.02, 0.3, 0.2, 0.003])
"""Standard errors believed beforehand of the centre and of three radial terms, in parts of the half diagonal."""
_PLAIN = np.zeros(len(_BELIEF))
_KNOWN, _KNOWN_LEAST = 0.03, 1e-4
"""How far off radial terms that a passport knows may be, in parts of them and at least."""
_FOCAL_UNTOLD, _FOCAL_KNOWN, _FOCAL_LEAST, _CORNER_KNOWN = 3.0, 0.1, 0.002, 0.002
"""Relative errors of a focal length: that nobody told, the largest that is good enough, the least that a pan reaches;
of the corner's shift the largest in half diagonals where nothing straight was seen."""

_RADIAL = (2, 2), (3, 4), (4, 6)
_LEAST_ERROR_PX = 0.03
_ROUNDS = 14


@dataclass(frozen=True, slots=True, eq=False)
class PhotoGeometry:
    """The lens that straight things and overlaps agree on, in px of the picture.

    `radial` (k1, k2, k3) are OpenCV's, of places divided by `focal_px`, which straight things cannot tell. `corner_px`
    is how far they move the corner outwards, `line_px` the rms distance of points from their lines (of what overlaps
    from its match, where there are no lines), `bowed_px` how much things that look straight are usually bowed
    themselves, `reach_px` how far from the middle any was seen.
    """

    focal_px: Figure
    centre_px: tuple[Figure, Figure]
    radial: tuple[Figure, Figure, Figure]
    corner_px: Figure
    line_px: float
    bowed_px: float
    reach_px: float
    lines: int


def photo_geometry(
    lines: Sequence[Floats],
    width_px: int,
    height_px: int,
    focal_px: float | None,
    overlaps: Sequence[Overlap] = (),
    photos: int = 0,
) -> PhotoGeometry | None:
    """One lens for all lines, each (n, 2) px, and for what the overlaps of so many photos say; None for too few.

    A line's points are asked to lie on one once the lens is undone (Brown 1971; Devernay & Faugeras 2001). Lines are
    weighed by how much things that look straight are bowed themselves, which they show. Standard errors are the larger
    of what is left and of how lines disagree (White 1980). `focal_px` is what is engraved; None takes overlaps.
    """
    half = math.hypot(width_px, height_px) / 2.0
    found, covariance = np.zeros(len(_BELIEF)), np.diag(_BELIEF**2)
    focal = Figure(0.0 if focal_px is None else focal_px, FOCAL_BELIEVED * (focal_px or 0.0))
    straight = None
    if len(lines) >= LEAST_LINES:
        straight = _Problem(lines, width_px, height_px)
        found, covariance = straight.solved()
    engraved = (None, _FOCAL_UNTOLD) if focal_px is None else (focal_px / half, FOCAL_BELIEVED)
    apart = [each for each in overlaps if each.turned(half)]
    pan = turned(apart, photos, (width_px, height_px), (found, covariance), engraved)
    if pan is not None:
        found, covariance = pan.numbers[:LENS], pan.covariance[:LENS, :LENS]
        seen_px = math.exp(pan.numbers[LENS]) * half
        seen_error = math.sqrt(pan.covariance[LENS, LENS] + _FOCAL_LEAST**2)
        if seen_error < engraved[1]:
            focal = Figure(seen_px, seen_error * seen_px)
    lever = np.array([0.0, 0.0, half, half, half])
    corner = Figure(float(lever @ found), math.sqrt(max(float(lever @ covariance @ lever), 0.0)))
    if focal.error > _FOCAL_KNOWN * focal.value or (straight is None and not corner.error < _CORNER_KNOWN * half):
        return None
    unit = focal.value / half
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    middle = ((width_px - 1) / 2.0, (height_px - 1) / 2.0)
    cx, cy = (Figure(float(found[k]) * half + middle[k], float(sigma[k]) * half) for k in (0, 1))
    k1, k2, k3 = (Figure(float(found[k]) * unit**power, float(sigma[k]) * unit**power) for k, power in _RADIAL)
    places = [each.places_px for each in apart] + [each.others_px for each in apart] + list(lines)
    reach = max(float(np.hypot(*(each - middle).T).max()) for each in places)
    left = 0.0 if pan is None else pan.left_px
    line_px, bowed_px = (left, 0.0) if straight is None else (straight.rms_px(found), straight.bowed_px)
    return PhotoGeometry(focal, (cx, cy), (k1, k2, k3), corner, line_px, bowed_px, reach, len(lines))


def bend(lines: Sequence[Floats], width_px: int, height_px: int) -> tuple[Floats, Floats] | None:
    """((5,) numbers of the lens that lines say, (5, 5) their covariance); None for too few lines.

    They are the lens's own middle, and terms of s3, s5, s7 of how far outwards it moves places, all in half diagonals
    of pictures of this size.
    """
    return _Problem(lines, width_px, height_px).solved() if len(lines) >= LEAST_BENT else None


def bent_about(
    lines: Sequence[Floats], width_px: int, height_px: int, middle: Floats, radial: Floats, believed: float
) -> tuple[Floats, Floats]:
    """((5,) numbers as `bend` has them, (5, 5) their covariance) of a lens whose three radial terms are known.

    What lines tell is the middle that they bend about. All in half diagonals from the picture's middle; `middle` is
    where it should lie, `believed` the standard error of that. The terms may be off by what another distance makes of
    them.
    """
    start = np.concatenate([middle, radial])
    errors = np.concatenate([[believed, believed], np.maximum(_KNOWN * np.abs(radial), _KNOWN_LEAST)])
    return _Problem(lines, width_px, height_px).solved(start, errors)


class _Problem:
    """All lines. Numbers are cx, cy, q1, q2, q3 in half diagonals: observed = c + v (1 + q1 v2 + q2 v4 + q3 v6)."""

    def __init__(self, lines: Sequence[Floats], width: int, height: int) -> None:
        self.half = math.hypot(width, height) / 2.0
        self.middle = np.array([(width - 1) / 2.0, (height - 1) / 2.0])
        self.points = (np.concatenate(lines) - self.middle) / self.half
        self.of_line = np.repeat(np.arange(len(lines)), [len(each) for each in lines]).astype(np.intp)
        self.weight = np.ones(len(self.points))
        self.bowed_px = 0.0

    def beside(self, numbers: Floats) -> Floats:
        """(n,) px of points beside their lines."""
        plain = ideal_places(self.points, numbers)
        count = np.bincount(self.of_line).astype(np.float64)
        mean = np.stack([np.bincount(self.of_line, plain[:, axis]) / count for axis in (0, 1)], axis=1)
        x, y = (plain - mean[self.of_line]).T
        xx, xy, yy = (np.bincount(self.of_line, each) for each in (x * x, x * y, y * y))
        angle = 0.5 * np.arctan2(2.0 * xy, xx - yy)
        return np.asarray((y * np.cos(angle)[self.of_line] - x * np.sin(angle)[self.of_line]) * self.half)

    def rms_px(self, numbers: Floats) -> float:
        """Of points beside their lines, as they are weighed."""
        return math.sqrt(float(np.average(self.beside(numbers) ** 2, weights=self.weight)))

    def solved(self, start: Floats = _PLAIN, errors: Floats = _BELIEF) -> tuple[Floats, Floats]:
        """(numbers, their covariance): Gauss-Newton, far points and strange lines weighed down.

        `start` are numbers that are believed beforehand, `errors` their standard errors.
        """
        numbers, belief = start, np.diag(errors**-2.0)
        for _ in range(_ROUNDS):
            beside = self.beside(numbers)
            self._weigh(beside)
            slopes = self._slopes(numbers)
            normal = (slopes * self.weight[:, None]).T @ slopes + belief
            step = np.linalg.solve(normal, -slopes.T @ (self.weight * beside) - belief @ (numbers - start))
            numbers = numbers + step
            if np.abs(step).max() < 1e-9:
                break
        pulls = slopes * (self.beside(numbers) * self.weight)[:, None]
        inverse = np.linalg.inv(normal)
        return numbers, at_least(inverse, sandwich(inverse, pulls, self.of_line, len(_BELIEF)))

    def _weigh(self, beside: Floats) -> None:
        """Weights: 1 / variance of a point, less for far ones; a line tells no more than lines are straight."""
        error = max(spread_of(beside), _LEAST_ERROR_PX)
        sag, known = _sags(self.points, beside, self.of_line, error)
        bowed2 = max(spread_of(sag) ** 2 - float(np.median(known)) ** 2, 0.0)
        strange = 1.0 / (1.0 + sag**2 / 9.0 / (bowed2 + known**2))
        share = strange * known**2 / (known**2 + bowed2)
        self.bowed_px = math.sqrt(bowed2)
        self.weight = share[self.of_line] / (1.0 + (beside / (3.0 * error)) ** 2) / error**2

    def _slopes(self, numbers: Floats) -> Floats:
        """(n, 5): how far each number moves the points beside their lines."""
        steps = 1e-6 * np.eye(len(numbers))
        return np.stack([(self.beside(numbers + each) - self.beside(numbers - each)) / 2e-6 for each in steps], axis=1)


def _sags(points: Floats, beside: Floats, of_line: Whole, error: float) -> tuple[Floats, Floats]:
    """(how far the middle of each line lies off its chord in px, how well that is known) by a parabola."""
    count = int(of_line.max()) + 1
    first = np.searchsorted(of_line, np.arange(count))
    last = np.append(first[1:], len(of_line)) - 1
    start, way = points[first], points[last] - points[first]
    long = np.maximum(np.sum(way**2, axis=1), 1e-12)
    t = np.sum((points - start[of_line]) * way[of_line], axis=1) / long[of_line] * 2.0 - 1.0
    powers = np.stack([np.bincount(of_line, t**k, count) for k in range(5)], axis=1)
    normal = powers[:, np.add.outer(np.arange(3), np.arange(3))]
    inverse = np.linalg.pinv(normal, hermitian=True)
    offs = np.stack([np.bincount(of_line, t**k * beside, count) for k in range(3)], axis=1)
    sag = np.sum(inverse[:, 2] * offs, axis=1)
    return sag, error * np.sqrt(np.maximum(inverse[:, 2, 2], 1e-12))
