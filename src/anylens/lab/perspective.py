"""The focal length from one picture: what runs along three directions at right angles, as houses do, tells it.

Lines of one direction meet in one point of the picture; two such points of directions at right angles lie on it as the
focal length says (Caprile & Torre 1990). Directions are sought as by Coughlan & Yuille (2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, sandwich, spread_of
from anylens.lab.panned_geometry import ideal_places
from anylens.lab.turns import turn

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]

LEAST_EDGES, LEAST_OF_ONE, MOST_EDGES = 16, 6, 160
"""Of a picture, of each of the two directions that show best, and how many of the longest are looked at."""

LEAST_SHARE = 0.6
"""How much of the edges' length must lie along the three directions: other things are no houses."""

MOST_ERROR = 0.15
"""The largest relative standard error that is told."""

_TRIED = np.geomspace(0.8, 30.0, 14)
"""Focal lengths in half diagonals."""

_FRAMES = 300
_NEAR, _LEAST = 1.5e-3, 2e-5
"""How far the end of an edge may lie beside its direction, and does at least, in half diagonals."""

_ROUNDS = 20
_CLEAR = 6.0
"""By how much, as a logarithm, any other focal length must explain the edges worse."""


def perspective(edges: Floats, width_px: int, height_px: int, numbers: Floats, covariance: Floats) -> Figure | None:
    """The focal length in px, from edges' ends (n, 2, 2) in px, longest first; None where they do not tell it.

    `numbers` are the lens's own, as `lab/photo_geometry.py` has them, `covariance` (5, 5) theirs. A picture taken
    straight on tells none; its middle is where the lens looks. The standard error follows from how edges disagree
    (White 1980), and from how well it is known what the lens bends.
    """
    if len(edges) < LEAST_EDGES:
        return None
    half = math.hypot(width_px, height_px) / 2.0
    middle = np.array([(width_px - 1) / 2.0, (height_px - 1) / 2.0])
    ends = (edges[:MOST_EDGES] - middle) / half
    seen = _Edges(ends, numbers)
    fits = [_fitted(seen, focal, _start(seen, focal)) for focal in _TRIED]
    usual = min(each.usual for each in fits)
    best = max(fits, key=lambda each: each.score(usual))
    if not best.error < MOST_ERROR:
        return None
    far = [each for each in fits if abs(each.log_focal - best.log_focal) > 4.0 * best.error + 0.02]
    if any(each.score(usual) > best.score(usual) - _CLEAR for each in far):
        return None
    near = np.abs(best.left) < _NEAR
    counts = np.bincount(best.of[near], minlength=3)
    if seen.reach[near].sum() < LEAST_SHARE * seen.reach.sum() or sorted(counts)[1] < LEAST_OF_ONE:
        return None
    focal = math.exp(best.log_focal)
    otherwise = [_Edges(ends, numbers + step) for step in np.linalg.cholesky(covariance + 1e-18 * np.eye(5)).T]
    moved = [_fitted(each, focal, best.frame).log_focal - best.log_focal for each in otherwise]
    return Figure(focal * half, math.hypot(best.error, *moved) * focal * half)


class _Edges:
    """Straight ones: `middles` (n, 2), unit directions `along` (n, 2), `reach` (n,) half their lengths."""

    def __init__(self, ends: Floats, numbers: Floats) -> None:
        plain = ideal_places(ends.reshape(-1, 2), numbers).reshape(-1, 2, 2)
        way = plain[:, 1] - plain[:, 0]
        self.middles = plain.mean(axis=1)
        self.reach = 0.5 * np.hypot(*way.T)
        self.along = 0.5 * way / self.reach[:, None]

    def normals(self, focal: float) -> Floats:
        """(n, 3): of the planes in which edges and the lens's middle lie."""
        (x, y), (u, v) = self.middles.T, self.along.T
        found = np.stack([-focal * v, focal * u, x * v - y * u], axis=1)
        return np.asarray(found / np.linalg.norm(found, axis=1)[:, None])

    def beside(self, focal: float, frames: Floats) -> Floats:
        """(..., n, 3): how far each edge's end lies beside the way to where each of three directions meets.

        `frames` (..., 3, 3) have a direction a row.
        """
        x, y, z = (frames[..., None, :, axis] for axis in range(3))
        away_x = focal * x - z * self.middles[:, 0, None]
        away_y = focal * y - z * self.middles[:, 1, None]
        across = self.along[:, 0, None] * away_y - self.along[:, 1, None] * away_x
        return np.asarray(self.reach[:, None] * across / np.maximum(np.hypot(away_x, away_y), 1e-12))


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A focal length's logarithm and error, the frame, where each edge lies beside its direction, and which that is."""

    log_focal: float
    error: float
    frame: Floats
    left: Floats
    of: Whole
    usual: float

    def score(self, usual: float) -> float:
        """How well edges are explained, as a logarithm, where they usually lie so far beside."""
        return -1.5 * float(np.sum(np.log1p(0.5 * (self.left / usual) ** 2)))


def _start(edges: _Edges, focal: float) -> Floats:
    """(3, 3): the frame of three directions that most of the edges' length lies along, of many by chance."""
    chance = np.random.default_rng(len(edges.reach))
    i, j, k = (chance.choice(len(edges.reach), _FRAMES, p=edges.reach / edges.reach.sum()) for _ in range(3))
    normals = edges.normals(focal)
    first = np.cross(normals[i], normals[j])
    second = np.cross(first, normals[k])
    good = (np.linalg.norm(first, axis=1) > 1e-6) & (np.linalg.norm(second, axis=1) > 1e-9)
    if not good.any():
        return np.eye(3)
    first, second = (each[good] / np.linalg.norm(each[good], axis=1)[:, None] for each in (first, second))
    frames = np.stack([first, second, np.cross(first, second)], axis=1)
    close = np.exp(-0.5 * (np.abs(edges.beside(focal, frames)).min(axis=2) / _NEAR) ** 2)
    return np.asarray(frames[int(np.argmax(close @ edges.reach))])


def _fitted(edges: _Edges, focal: float, frame: Floats) -> _Fit:
    """Gauss-Newton on the focal length and a turn; an edge counts for its nearest direction, a far one less."""
    log_focal, steps = math.log(focal), 1e-5 * np.eye(4)
    rows = np.arange(len(edges.reach))
    for _ in range(_ROUNDS):
        off = edges.beside(math.exp(log_focal), frame)
        of = np.argmin(np.abs(off), axis=1)
        left = off[rows, of]
        usual = max(spread_of(left), _LEAST)
        weight = 1.0 / (1.0 + (left / (2.0 * usual)) ** 2) ** 2
        moved = [edges.beside(math.exp(log_focal + step[0]), frame @ turn(step[1:]))[rows, of] for step in steps]
        slopes = (np.stack(moved, axis=1) - left[:, None]) / 1e-5
        inverse = np.linalg.inv((slopes * weight[:, None]).T @ slopes + 1e-9 * np.eye(4))
        move = np.clip(-inverse @ (slopes.T @ (weight * left)), -0.2, 0.2)
        log_focal = float(np.clip(log_focal + move[0], math.log(0.3), math.log(100.0)))
        frame = frame @ turn(move[1:])
        if np.abs(move).max() < 1e-6:
            break
    pulls = slopes * (weight * left)[:, None]
    together = sandwich(inverse, pulls, rows, 4)
    error = math.sqrt(max(usual**2 * float(inverse[0, 0]), float(together[0, 0])))
    return _Fit(log_focal, error, frame, left, of, usual)
