"""A lens's geometry from several views of one flat chart: the camera's constants, their errors, a bent chart told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, at_least, figures, sandwich, spread_of
from anylens.lab.grids import Grid
from anylens.lab.samples import Floats
from anylens.lab.turns import turn
from anylens.refusal import Refusal

LEAST_POINTS = 12
LEAST_VIEWS = 3
_MOST_LEFT_PX = 1.0
_MOST_FOCAL_ERROR = 0.03
_MOST_ASIDE = 0.02
"""How far the foot of the perspective may well lie off the picture's middle, in parts of its diagonal."""
_MOST_BEND, _SURELY = 0.0015, 5.0
"""How far a chart may stand out of its plane in parts of its length, and how many errors tell that it does at all."""
_BEYOND = 1.16
"""How far beyond the outermost point, in parts of its distance, three radial terms still follow a lens: to 0.015 px of
3.2 um for the 14 designs that distort most."""
_MOST_LARGER = 0.004
"""By how much views may differ in focal length, in parts of it."""
_SWAY_USUAL, _MOST_SWAY = 0.0015, 0.006
"""How far pictures move either way while they are read, and how far at most, in parts of their height."""
_FEWER = 0.7
"""What a further hypothesis must leave of the rms distance to be taken."""
_SHARED, _BENDS, _POSE, _SWAY = 8, 3, 6, 2


@dataclass(frozen=True, slots=True, eq=False)
class ChartFit:
    """The camera that the views agree on, in pixels; places are divided by `focal_px` before the polynomial.

    `radial` (k1, k2, k3) and `tangential` (p1, p2) are OpenCV's, from ideal to observed. `corner_px` is how far the
    polynomial moves the picture's corner, `residual_px` the rms distance left, `worst_px` the largest. `reach` is how
    far the points go towards the farthest corner, `known_px` how far from the middle, in ideal places, the polynomial
    is to be believed. `bend_percent` is how much the chart stands out of its plane, in parts of its length, `sway_px`
    how far the camera moved a picture at most while its rows were read one after the other, 0 where none is seen.
    `axis_px` is what the distortion is round about where tangential terms give way to such a place: where the lens's
    axis meets the picture, and `axis_off_px` how far that is from the foot of the perspective.
    `observed_px` and `ideal_px` are (n, 2), of all views.
    """

    kind: str
    focal_px: Figure
    centre_px: tuple[Figure, Figure]
    radial: tuple[Figure, Figure, Figure]
    tangential: tuple[Figure, Figure]
    corner_px: Figure
    axis_px: tuple[Figure, Figure]
    axis_off_px: tuple[Figure, Figure]
    residual_px: float
    worst_px: float
    reach: float
    known_px: float
    bend_percent: Figure
    sway_px: float
    views: int
    points: int
    width_px: int
    height_px: int
    observed_px: Floats = field(repr=False)
    ideal_px: Floats = field(repr=False)

    @property
    def bowed(self) -> bool:
        """Whether the chart surely is, which all figures then allow for."""
        return self.bend_percent.value > _SURELY * self.bend_percent.error


def chart_fit(grids: Sequence[Grid], width_px: int, height_px: int, nominal_px: float | None = None) -> ChartFit:
    """Fit one camera with square pixels to three views of a chart or more.

    `nominal_px` is the engraved focal length, taken for right within 3 % only where the views are too straight on to
    tell it; the centre is then taken to lie in the picture's middle, within 2 % of its diagonal.

    Zhang 2000 gives the start; then all poses and constants at once, each point with the error that it was measured
    with and the spread that the views show, far ones weighted down (Cauchy). Standard errors are the larger of two:
    from the residuals, and from how the views disagree (the sandwich of White 1980, by views). Where it explains what
    is left, the camera is taken to have moved steadily while rows were read (a rolling shutter shears what it sees),
    and a sheet that is surely bowed a little for a paraboloid: both would pass for distortion. Raises Refusal for too
    few views or points, views that are all straight on, a chart bent by more, and views of different cameras or focal
    lengths.
    """
    usable = _usable(grids)
    problem, found, covariance, left, bend = _fitted(_Problem(usable, width_px, height_px), usable, nominal_px)
    shared = figures(found[:_SHARED], np.sqrt(np.diag(covariance))[:_SHARED])
    rms = _rms(left)
    _refuse_unfit(len(usable), rms, shared[0] if nominal_px is None else None)
    away = np.hypot(*(problem.seen - problem.middle).T)
    ideal = problem.ideal(found)
    axis, axis_off = _axis(problem, found)
    return ChartFit(
        kind=usable[0].kind,
        focal_px=shared[0],
        centre_px=(shared[1], shared[2]),
        radial=(shared[3], shared[4], shared[5]),
        tangential=(shared[6], shared[7]),
        corner_px=_corner(found, covariance, width_px, height_px),
        axis_px=axis,
        axis_off_px=axis_off,
        residual_px=rms,
        worst_px=float(np.hypot(*left.T).max()),
        reach=float(away.max() / np.hypot(*problem.middle)),
        known_px=_known(found, covariance, float(np.hypot(*(ideal - found[1:3]).T).max())),
        bend_percent=bend.times(100.0),
        sway_px=float(np.hypot(*problem.sway(found).T).max()),
        views=len(usable),
        points=len(problem.seen),
        width_px=width_px,
        height_px=height_px,
        observed_px=problem.seen,
        ideal_px=ideal,
    )


def _usable(grids: Sequence[Grid]) -> list[Grid]:
    """The views that show enough of the chart; Refusal where they are too few."""
    usable = [grid for grid in grids if len(grid.points_px) >= LEAST_POINTS]
    if len(usable) < len(grids) and len(usable) < LEAST_VIEWS:
        least = min(len(grid.points_px) for grid in grids)
        raise Refusal(
            f"A view of the chart shows only {least} corners, {LEAST_POINTS} are the least; show more of the chart."
        )
    if len(usable) < LEAST_VIEWS:
        said = "One picture of the chart" if len(usable) == 1 else f"{len(usable)} pictures of the chart"
        raise Refusal(
            f"{said} cannot tell the lens's distortion from the chart's pose, {LEAST_VIEWS} are the least; take six "
            "or more from different sides, some of them filling the corners."
        )
    return usable


def _refuse_unfit(views: int, left_px: float, focal_px: Figure | None) -> None:
    """Raise Refusal where so much is left of the views, or the focal length that they are to tell stays unknown."""
    if left_px > _MOST_LEFT_PX:
        raise Refusal(
            f"The {views} views of the chart do not fit one camera ({left_px:.2f} px are left); take them with one "
            "lens at one focus setting, in one size, the camera held still."
        )
    if focal_px is not None and not 0.0 < focal_px.error < _MOST_FOCAL_ERROR * focal_px.value:
        raise Refusal(
            f"All {views} views look straight at the chart, so its distance cannot be told from the focal "
            f"length ({focal_px} px); turn the camera or the chart by about 30 degrees in some of them, or say --focal."
        )


def _fitted(
    problem: _Problem, grids: Sequence[Grid], nominal_px: float | None
) -> tuple[_Problem, Floats, Floats, Floats, Figure]:
    """What is to be fitted for these views, its numbers, their covariance, (n, 2) px left, and the chart's bend.

    Raises Refusal for a chart that is bent too much, and for views whose focal lengths differ.
    """
    found, covariance, left = problem.solved(problem.start(grids))
    told = 0.0 < np.sqrt(covariance[0, 0]) < _MOST_FOCAL_ERROR * found[0]
    if not told and nominal_px is not None:
        problem = problem.which(straight_on=True)
        found, covariance, left = problem.solved(problem.start(grids, nominal_px))
    swaying = problem.which(sways=True)
    swayed = swaying.solved(found)
    farthest = float(np.hypot(*swaying.sway(swayed[0]).T).max()) / problem.size[1]
    least = _FEWER * _rms(left) if problem.straight_on else min(_FEWER * _rms(left), problem.own_focals(found, left)[2])
    if _rms(swayed[2]) < least and farthest < _MOST_SWAY:
        problem, (found, covariance, left) = swaying, swayed
    bending = problem.which(bends=True)
    bent = bending.solved(found)
    bend = problem.bend(*bent[:2])
    surely = bend.value > _SURELY * bend.error
    if surely and bend.value > _MOST_BEND and _rms(bent[2]) < _FEWER * _rms(left):
        raise Refusal(
            f"The chart is bent: it stands {100.0 * bend.value:.2f} % of its length out of its plane, which leaves "
            f"{_rms(left):.2f} px instead of {_rms(bent[2]):.2f} px; fix it on a plate of glass and take the pictures "
            "again."
        )
    if surely:
        problem, (found, covariance, left) = bending, bent
    if not problem.straight_on:
        _refuse_unlike(*problem.own_focals(found, left)[:2])
    return problem, found, covariance, left, bend


def _refuse_unlike(larger: Floats, unsure: Floats) -> None:
    """Refusal where a view's own focal length surely differs: by how much each does, in parts, and errors of that."""
    other = np.where(np.abs(larger) > _SURELY * unsure, np.abs(larger), 0.0)
    if other.max() > _MOST_LARGER:
        raise Refusal(
            f"The {len(larger)} views of the chart are of focal lengths that differ by {100.0 * np.ptp(larger):.1f} %, "
            f"and picture {int(np.argmax(other)) + 1} of those with a chart does most; leave zoom and focus alone "
            "between them, and sort out those of another lens or camera."
        )


def _corner(found: Floats, covariance: Floats, width_px: int, height_px: int) -> Figure:
    """How far the radial terms move the corner outwards, in px."""
    r = math.hypot(width_px, height_px) / 2.0 / float(found[0])
    lever = np.zeros(len(found))
    lever[3:6] = [float(found[0]) * r ** (2 * k + 3) for k in range(3)]
    return Figure(float(lever @ found), math.sqrt(max(float(lever @ covariance @ lever), 0.0)))


def _known(found: Floats, covariance: Floats, seen_px: float) -> float:
    """How far out in px the radial terms are believed: beyond the outermost point where they surely bend on there."""
    focal, powers = float(found[0]), np.array([3.0, 5.0, 7.0])
    edge, beyond = seen_px / focal, _BEYOND * seen_px / focal
    lever = beyond**powers - edge**powers - (beyond - edge) * powers * edge ** (powers - 1.0)
    surely = abs(float(lever @ found[3:6])) > 2.0 * math.sqrt(max(float(lever @ covariance[3:6, 3:6] @ lever), 0.0))
    slope, farther = (1.0 + float(powers * at ** (powers - 1.0) @ found[3:6]) for at in (edge, beyond))
    return beyond * focal if surely and 0.5 * slope < farther < 2.0 * slope else seen_px


def _axis(problem: _Problem, found: Floats) -> tuple[tuple[Figure, Figure], tuple[Figure, Figure]]:
    """((x, y) of the lens's axis in px, how far it lies from the foot of the perspective), by one more fit."""
    around = problem.which(around_axis=True)
    start = found.copy()
    start[6:8] = 0.0
    numbers, covariance, _ = around.solved(start)
    focal = float(numbers[0])
    place, off = [], []
    for k in (0, 1):
        lever = np.zeros(len(numbers))
        lever[6 + k] = focal
        off.append(Figure(focal * float(numbers[6 + k]), math.sqrt(float(lever @ covariance @ lever))))
        lever[1 + k] = 1.0
        place.append(Figure(float(numbers[1 + k]) + off[k].value, math.sqrt(float(lever @ covariance @ lever))))
    return (place[0], place[1]), (off[0], off[1])


class _Problem:
    """All points of all views; numbers are f, cx, cy, k1, k2, k3, p1, p2, three bends of the chart, eight of each view.

    Those are a rotation vector, the place of the chart's middle, whose longer side measures 1, and by how many px to
    the right and down the picture moves while it is read from its first row to its last. What is fitted besides the
    rest, all off at first: `bends` the chart's, `sways` the pictures' moves; `around_axis` puts in the place of p1, p2
    where the axis lies that the radial terms are about, off cx, cy in parts of f; `straight_on` leaves f, cx, cy as
    they are at the start, and adds what others are unsure of because of that.
    """

    bends = sways = around_axis = straight_on = False

    def __init__(self, grids: Sequence[Grid], width_px: int, height_px: int) -> None:
        length = max(float(np.ptp(grid.chart, axis=0).max()) for grid in grids)
        every = np.concatenate([grid.chart for grid in grids])
        middle = (every.min(axis=0) + every.max(axis=0)) / 2.0
        self.charts = [(grid.chart - middle) / length for grid in grids]
        self.chart = np.concatenate(self.charts)
        self.seen = np.concatenate([grid.points_px for grid in grids])
        self.error = np.concatenate([grid.error_px for grid in grids])
        self.view = np.repeat(np.arange(len(grids)), [len(grid.points_px) for grid in grids])
        self.size = (width_px, height_px)
        self.middle = (np.array(self.size) - 1.0) / 2.0
        x, y = self.chart.T
        self.heights = np.stack([x * x, x * y, y * y], axis=1)

    def which(self, **fits: bool) -> _Problem:
        """The same points, of which more is fitted."""
        other = copy(self)
        other.__dict__.update(fits)
        return other

    def _free(self) -> npt.NDArray[np.intp]:
        """Which of the numbers are fitted."""
        free = np.ones(_SHARED + _BENDS + (_POSE + _SWAY) * len(self.charts), bool)
        free[:3] = not self.straight_on
        free[_SHARED : _SHARED + _BENDS] = self.bends
        free[_SHARED + _BENDS :].reshape(-1, _POSE + _SWAY)[:, _POSE:] = self.sways
        return np.flatnonzero(free)

    @staticmethod
    def _poses(numbers: Floats) -> Floats:
        return numbers[_SHARED + _BENDS :].reshape(-1, _POSE + _SWAY)

    def sway(self, numbers: Floats) -> Floats:
        """(views, 2) px by which each picture moved while it was read."""
        return self._poses(numbers)[:, _POSE:]

    def start(self, grids: Sequence[Grid], focal_px: float | None = None) -> Floats:
        """Numbers to begin with, as OpenCV finds them; the focal length held where it is given."""
        import cv2

        chart = [np.column_stack([each, np.zeros(len(each))]).astype(np.float32) for each in self.charts]
        seen = [grid.points_px.astype(np.float32).reshape(-1, 1, 2) for grid in grids]
        flags = cv2.CALIB_FIX_ASPECT_RATIO | cv2.CALIB_FIX_K3
        guess = np.eye(3)
        if focal_px is not None:
            flags |= cv2.CALIB_FIX_FOCAL_LENGTH | cv2.CALIB_FIX_PRINCIPAL_POINT | cv2.CALIB_USE_INTRINSIC_GUESS
            guess = np.array([[focal_px, 0, self.middle[0]], [0, focal_px, self.middle[1]], [0, 0, 1]])
        try:
            _, matrix, bends, turns, shifts = cv2.calibrateCamera(
                chart, seen, self.size, guess, np.zeros(5), flags=flags
            )
        except cv2.error as error:
            raise Refusal(
                f"The {len(grids)} views of the chart do not fit one camera; take them with one focus setting, from "
                "different sides, each showing the whole chart."
            ) from error
        k1, k2, p1, p2, k3 = (float(value) for value in np.ravel(bends)[:5])
        shared = [float(matrix[0, 0]), float(matrix[0, 2]), float(matrix[1, 2]), k1, k2, k3, p1, p2, 0.0, 0.0, 0.0]
        still = np.zeros(_SWAY)
        poses = [np.concatenate([np.ravel(t), np.ravel(s), still]) for t, s in zip(turns, shifts, strict=True)]
        return np.concatenate([shared, *poses]).astype(np.float64)

    def _plain(self, numbers: Floats) -> Floats:
        """(n, 2) places of the points in a pinhole of focal length 1."""
        poses = self._poses(numbers)
        turns = turn(poses[:, :3])[self.view]
        height = self.heights @ numbers[_SHARED : _SHARED + _BENDS]
        at = (
            turns[:, :, 0] * self.chart[:, :1]
            + turns[:, :, 1] * self.chart[:, 1:]
            + turns[:, :, 2] * height[:, None]
            + poses[self.view, 3:_POSE]
        )
        return np.asarray(at[:, :2] / at[:, 2:])

    def ideal(self, numbers: Floats) -> Floats:
        """(n, 2) px: where a pinhole would show the points."""
        return np.asarray(numbers[1:3] + numbers[0] * self._plain(numbers))

    def model(self, numbers: Floats) -> Floats:
        """(n, 2) px: where the lens shows the points."""
        k1, k2, k3, p1, p2 = numbers[3:8]
        axis = numbers[6:8] if self.around_axis else np.zeros(2)
        plain = self._plain(numbers) - axis
        x, y = plain.T
        r2 = x * x + y * y
        growth = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        if self.around_axis:
            aside = axis[None]
        else:
            aside = np.stack([2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y], axis=1)
        place = numbers[1:3] + numbers[0] * (plain * growth[:, None] + aside)
        read = (place[:, 1:] - self.middle[1]) / self.size[1]
        return np.asarray(place + read * self.sway(numbers)[self.view])

    def slopes(self, numbers: Floats) -> Floats:
        """(n, 2, numbers) derivatives; a pose moves its own view alone, so all poses are moved at once."""
        slopes = np.zeros((len(self.seen), 2, len(numbers)))
        rows, first, each = np.arange(len(self.seen)), _SHARED + _BENDS, _POSE + _SWAY
        for k in range(first if self.bends else _SHARED):
            step = 1e-6 * max(abs(float(numbers[k])), 1.0)
            moved = np.zeros(len(numbers))
            moved[k] = step
            slopes[:, :, k] = (self.model(numbers + moved) - self.model(numbers - moved)) / (2.0 * step)
        for k in range(each if self.sways else _POSE):
            moved = np.zeros(len(numbers))
            moved[first + k :: each] = 1e-6
            slope = (self.model(numbers + moved) - self.model(numbers - moved)) / 2e-6
            slopes[rows, :, first + each * self.view + k] = slope
        return slopes

    def solved(self, start: Floats) -> tuple[Floats, Floats, Floats]:
        """(numbers, covariance, (n, 2) px left) by Levenberg and Marquardt's steps under weights that follow them."""
        free, numbers, damping = self._free(), start.copy(), 1e-4
        left = self.seen - self.model(numbers)
        weight, calm = self._weight(left), self._calm()
        cost = _cost(left, weight) + float(calm @ numbers**2)
        for at in range(60):
            slopes = self.slopes(numbers)[:, :, free]
            normal, pull = _normal(slopes, left, weight)
            normal += np.diag(calm[free])
            pull -= (calm * numbers)[free]
            scale = np.maximum(np.diag(normal), 1e-300)
            step = np.zeros(len(numbers))
            step[free] = np.linalg.solve(normal + np.diag(damping * scale), pull)
            tried = self.seen - self.model(numbers + step)
            tried_cost = _cost(tried, weight) + float(calm @ (numbers + step) ** 2)
            if not tried_cost <= cost:
                damping *= 10.0
                if damping > 1e8:
                    break
                continue
            settled = cost - tried_cost < 1e-7 * cost
            numbers, left, damping = numbers + step, tried, max(damping / 10.0, 1e-12)
            if at < 20:
                weight = self._weight(left)
            cost = _cost(left, weight) + float(calm @ numbers**2)
            if settled and at >= 4:
                break
        return numbers, self._covariance(numbers, left, weight), left

    def _calm(self) -> Floats:
        """(numbers,) how surely each is near 0, as an inverse variance: the pictures' moves are, others are free."""
        calm = np.zeros(_SHARED + _BENDS + (_POSE + _SWAY) * len(self.charts))
        self.sway(calm)[:] = (_SWAY_USUAL * self.size[1]) ** -2.0
        return calm

    def _weight(self, left: Floats) -> Floats:
        """(n,) inverse variances: a point's own error, and what beyond it the whole shows; far ones count less."""
        usual = spread_of(left)
        beyond = max(usual**2 - float(np.median(self.error)) ** 2, (0.1 * usual) ** 2, 1e-12)
        variance = np.minimum(self.error, 10.0 * usual + 1e-6) ** 2 + beyond
        return np.asarray(1.0 / (variance * (1.0 + np.sum(left**2, axis=1) / (18.0 * variance))))

    def _covariance(self, numbers: Floats, left: Floats, weight: Floats) -> Floats:
        free, every = self._free(), self.slopes(numbers)
        slopes = every[:, :, free]
        inverse = _inverse(_normal(slopes, left, weight)[0] + np.diag(self._calm()[free]))
        spread = float(np.sum(weight[:, None] * left**2)) / max(left.size - len(free), 1)
        pulls = np.einsum("nij,ni->nj", slopes, left * weight[:, None])
        whole = np.zeros((len(numbers), len(numbers)))
        whole[np.ix_(free, free)] = at_least(inverse * spread, sandwich(inverse, pulls, self.view, 1))
        if self.straight_on:
            aside = _MOST_ASIDE * math.hypot(*self.size)
            unsure = np.array([_MOST_FOCAL_ERROR * float(numbers[0]), aside, aside])
            moves = np.zeros((len(numbers), 3))
            moves[:3] = np.diag(unsure)
            for k in range(3):
                moves[free, k] = -inverse @ _normal(slopes, unsure[k] * every[:, :, k], weight)[1]
            whole += moves @ moves.T
        return whole

    def own_focals(self, numbers: Floats, left: Floats) -> tuple[Floats, Floats, float]:
        """By how much each view's own focal length is longer than the median's, in parts, the errors, px rms left.

        One more step, in which each view has its own: (views,), (views,) and what that step would leave.
        """
        views = len(self.charts)
        free, slopes = self._free()[1:], self.slopes(numbers)
        own = np.zeros((len(left), 2, views))
        own[np.arange(len(left)), :, self.view] = slopes[:, :, 0] * numbers[0]
        design = np.concatenate([own, slopes[:, :, free]], axis=2)
        root = np.repeat(np.sqrt(self._weight(left)), 2)
        scaled = design.reshape(len(root), -1) * root[:, None]
        inverse = _inverse(scaled.T @ scaled)
        step = inverse @ (scaled.T @ (root * left.ravel()))
        larger = step[:views] - np.median(step[:views])
        return larger, np.sqrt(np.diag(inverse)[:views]), _rms(left - design @ step)

    def bend(self, numbers: Floats, covariance: Floats) -> Figure:
        """How far the chart's outermost points stand out of the plane, in parts of its length."""
        spread, bends = self.heights - self.heights.mean(axis=0), slice(_SHARED, _SHARED + _BENDS)
        heights = spread @ numbers[bends]
        at = int(np.argmax(np.abs(heights)))
        error = math.sqrt(max(float(spread[at] @ covariance[bends, bends] @ spread[at]), 0.0))
        return Figure(float(abs(heights[at])), error)


def _rms(left: Floats) -> float:
    return float(np.sqrt(np.mean(np.sum(left**2, axis=1))))


def _cost(left: Floats, weight: Floats) -> float:
    return float(np.sum(weight[:, None] * left**2))


def _normal(slopes: Floats, left: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(the normal matrix of the weighted slopes, how strongly what is left pulls at each number)."""
    root = np.repeat(np.sqrt(weight), 2)
    scaled = slopes.reshape(-1, slopes.shape[2]) * root[:, None]
    return scaled.T @ scaled, scaled.T @ (root * left.ravel())


def _inverse(normal: Floats) -> Floats:
    """The inverse of a normal matrix; what is not told at all becomes very large, never small."""
    told = np.diag(normal)
    if not np.isfinite(normal).all() or not told.max() > 0.0:
        raise Refusal("The views of the chart do not fit one camera; take them sharp, from different sides.")
    scale = np.sqrt(np.maximum(told, 1e-24 * told.max()))
    values, vectors = np.linalg.eigh(normal / scale[:, None] / scale)
    inverse = (vectors / np.maximum(values, 1e-11)) @ vectors.T
    return np.asarray(inverse / scale[:, None] / scale)
