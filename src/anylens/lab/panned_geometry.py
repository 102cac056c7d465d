"""Focal length and distortion from a slow pan: the camera turned between photos, and the lens was one.

A lens that bends what it draws, or whose focal length is taken wrongly, puts one thing at places that no turn of the
camera brings together (Szeliski & Shum 1997; Brown 1971). Numbers of the lens are those of `lab/photo_geometry.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import at_least, sandwich, spread_of
from anylens.lab.overlaps import Overlap
from anylens.lab.turns import turn

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]

LENS = 5
"""How many numbers a lens has: cx, cy, q1, q2, q3 in half diagonals, observed = c + v (1 + q1 v2 + q2 v4 + q3 v6)."""

AWRY_PX, ALIKE = 0.02, 8
"""How far matches err in ways that they share (samples alias, windows lean), and in how many ways at most they differ:
more matches than that do not make it smaller. Simulated pans showed 0.01 to 0.02."""

_SETTLED = 1e-9
_ROUNDS, _ROUNDS_TRIED = 15, 4
_LEAST_ERROR_PX = 0.03
_TRIED = np.geomspace(0.8, 8.0, 7)
_ZONES = 4, 3
_STILL = np.eye(3)


@dataclass(frozen=True, slots=True, eq=False)
class Turned:
    """The lens that overlaps agree on: its numbers and the logarithm of its focal length in half diagonals, (6,).

    `covariance` (6, 6) is theirs, `left_px` the usual distance of what matches.
    """

    numbers: Floats
    covariance: Floats = field(repr=False)
    left_px: float


def ideal_places(observed: Floats, numbers: Floats) -> Floats:
    """From observed places (n, 2) to ideal ones about the lens's centre, in half diagonals; Newton on the radius."""
    away = observed - numbers[:2]
    r = np.hypot(*away.T)
    q1, q2, q3 = numbers[2:LENS]
    v = r.copy()
    for _ in range(6):
        s = v * v
        value = v * (1.0 + s * (q1 + s * (q2 + s * q3))) - r
        slope = 1.0 + s * (3.0 * q1 + s * (5.0 * q2 + s * 7.0 * q3))
        step = value / np.where(np.abs(slope) < 0.1, 0.1, slope)
        v -= step
        if not np.abs(step).max(initial=0.0) > _SETTLED:
            break
    return np.asarray(away * (v / np.maximum(r, 1e-12))[:, None])


def observed_places(ideal: Floats, numbers: Floats) -> Floats:
    """The way back of `ideal_places`."""
    s = np.sum(ideal**2, axis=1)[:, None]
    q1, q2, q3 = numbers[2:LENS]
    return np.asarray(numbers[:2] + ideal * (1.0 + s * (q1 + s * (q2 + s * q3))))


def turned(
    overlaps: Sequence[Overlap],
    photos: int,
    size_px: tuple[int, int],
    belief: tuple[Floats, Floats],
    focal: tuple[float | None, float],
) -> Turned | None:
    """One lens and a turn of the camera for each photo that agree with all matches; None where that does not come.

    `belief` are the lens's numbers as believed before and their covariance, `focal` the focal length in half diagonals,
    None if nothing is known, and its relative standard error.
    """
    if not overlaps:
        return None
    width, height = size_px
    problem = _Problem(overlaps, photos, width, height, belief, focal[1])
    if focal[0] is not None:
        return problem.solved(np.append(belief[0], math.log(focal[0])), _ROUNDS)
    starts = [problem.solved(np.append(belief[0], math.log(each)), _ROUNDS_TRIED) for each in _TRIED]
    told = [each for each in starts if each is not None]
    return problem.solved(min(told, key=lambda each: each.left_px).numbers, _ROUNDS) if told else None


class _Problem:
    """All matches, in half diagonals from the picture's middle."""

    def __init__(
        self,
        overlaps: Sequence[Overlap],
        photos: int,
        width: int,
        height: int,
        belief: tuple[Floats, Floats],
        focal_error: float,
    ) -> None:
        self.half = math.hypot(width, height) / 2.0
        self.middle = np.array([(width - 1) / 2.0, (height - 1) / 2.0])
        self.overlaps, self.photos = overlaps, photos
        self.here, self.there = (
            (np.concatenate([getattr(each, name) for each in overlaps]) - self.middle) / self.half
            for name in ("places_px", "others_px")
        )
        count = [len(each.places_px) for each in overlaps]
        self.ones, self.others = (np.array([getattr(each, name) for each in overlaps]) for name in ("first", "second"))
        self.pair = np.repeat(np.arange(len(count)), count)
        size = np.array([width, height]) / (2.0 * self.half)
        zone = np.clip(((self.here / size + 1.0) / 2.0 * _ZONES).astype(int), 0, np.array(_ZONES) - 1)
        self.part = zone[:, 0] + _ZONES[0] * zone[:, 1] + 100 * self.pair
        self.believed = belief[0]
        self.known = np.zeros((LENS + 1, LENS + 1))
        self.known[:LENS, :LENS] = np.linalg.inv(belief[1])
        self.known[LENS, LENS] = focal_error**-2.0

    def foretold(
        self, numbers: Floats, turns: Floats, moved: Sequence[Floats] = (_STILL, _STILL), ideal: Floats | None = None
    ) -> Floats:
        """(n, 2) where the second photos show the matches; `moved` turns first and second photos a little besides.

        `ideal` are the matches' `ideal_places` in the first photos, where they are known.
        """
        focal = math.exp(numbers[LENS])
        ideal = ideal_places(self.here, numbers) if ideal is None else ideal
        ray = np.column_stack([ideal, np.full(len(ideal), focal)]) @ moved[0]
        between = turns[self.others] @ turns[self.ones].transpose(0, 2, 1)
        ray = np.einsum("nij,nj->ni", between[self.pair], ray) @ moved[1].T
        return observed_places(ray[:, :2] / np.maximum(ray[:, 2:], 1e-6) * focal, numbers)

    def solved(self, numbers: Floats, rounds: int) -> Turned | None:
        """Gauss-Newton from these numbers on, far matches weighed down; errors as `photo_geometry` has them."""
        turns, start = self._begun(math.exp(numbers[LENS])), numbers
        size = LENS + 1 + 3 * self.photos
        for at in range(rounds):
            left = (self.there - self.foretold(numbers, turns)) * self.half
            error = max(spread_of(left), _LEAST_ERROR_PX)
            weight = 1.0 / (1.0 + np.sum(left**2, axis=1) / (3.0 * error) ** 2) / error**2
            slopes = self._slopes(numbers, turns)
            scaled = (slopes * np.sqrt(weight)[:, None, None]).reshape(-1, size)
            normal = scaled.T @ scaled
            pull = scaled.T @ (left * np.sqrt(weight)[:, None]).ravel()
            told_by = normal.copy()
            normal[: LENS + 1, : LENS + 1] += self.known
            pull[: LENS + 1] += self.known @ (np.append(self.believed, start[LENS]) - numbers)
            normal[LENS + 1 :, LENS + 1 :] += np.eye(size - LENS - 1)
            step = np.linalg.solve(normal, pull)
            step[LENS] = np.clip(step[LENS], -0.3, 0.3)
            numbers = numbers + step[: LENS + 1]
            turns = turn(step[LENS + 1 :].reshape(-1, 3)) @ turns
            if at > 3 and np.abs(step).max() < 1e-6:
                break
        if not np.isfinite(numbers).all() or self._folds(numbers):
            return None
        pulls = np.einsum("nik,n,ni->nk", slopes, weight, left, optimize=True)
        inverse = np.linalg.inv(normal)
        shared = max(2.0 * float(weight.sum()) * AWRY_PX**2 / ALIKE - 1.0, 0.0)
        whole = inverse + shared * inverse @ told_by @ inverse
        whole = at_least(whole, sandwich(inverse, pulls, self.part, size))
        return Turned(numbers, whole[: LENS + 1, : LENS + 1], error)

    def _folds(self, numbers: Floats) -> bool:
        """Whether such a lens would draw two things at one of the places that were seen, as none does."""
        back = observed_places(ideal_places(self.here, numbers), numbers)
        return bool(np.abs(back - self.here).max() * self.half > AWRY_PX)

    def _slopes(self, numbers: Floats, turns: Floats) -> Floats:
        """(n, 2, size): how many px each number moves what is foretold."""
        rows = np.arange(len(self.here))
        slopes = np.zeros((len(rows), 2, LENS + 1 + 3 * self.photos))
        for k, each in enumerate(1e-6 * np.eye(LENS + 1)):
            slopes[:, :, k] = self.foretold(numbers + each, turns) - self.foretold(numbers - each, turns)
        ideal = ideal_places(self.here, numbers)
        for axis, each in enumerate(1e-6 * np.eye(3)):
            there, back = turn(each), turn(-each)
            for at, of in ((self.ones, lambda way: (way, _STILL)), (self.others, lambda way: (_STILL, way))):
                one, other = (self.foretold(numbers, turns, of(way), ideal) for way in (there, back))
                slopes[rows, :, LENS + 1 + 3 * at[self.pair] + axis] += one - other
        return slopes * (self.half / 2e-6)

    def _begun(self, focal: float) -> Floats:
        """(photos, 3, 3) turns from the homographies, from each photo to the next that it shares most with."""
        turns = np.repeat(np.eye(3)[None], self.photos, axis=0)
        reached: set[int] = set()
        to_half = np.array(
            [[1.0 / self.half, 0.0, -self.middle[0] / self.half], [0.0, 1.0 / self.half, -self.middle[1] / self.half],
             [0.0, 0.0, 1.0]]
        )  # fmt: skip
        camera = np.diag([focal, focal, 1.0])
        waiting = sorted(self.overlaps, key=lambda each: -len(each.places_px))
        while waiting:
            at = next((each for each in waiting if (each.first in reached) != (each.second in reached)), None)
            if at is None:
                waiting = [each for each in waiting if each.first not in reached]
                if waiting:
                    reached.add(waiting[0].first)
                continue
            plane = np.linalg.inv(camera) @ to_half @ at.plane @ np.linalg.inv(to_half) @ camera
            u, _, v = np.linalg.svd(plane / np.cbrt(np.linalg.det(plane)))
            between = u @ np.diag([1.0, 1.0, float(np.sign(np.linalg.det(u @ v)))]) @ v
            if at.first in reached:
                turns[at.second] = between @ turns[at.first]
            else:
                turns[at.first] = between.T @ turns[at.second]
            reached |= {at.first, at.second}
        return turns
