"""Best focus over the field, from frames through focus: how a lens is tilted before the sensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from anylens.lab.figure import Figure, figures, weighted
from anylens.lab.samples import Floats, Place
from anylens.lab.sharpness import Sharpness
from anylens.refusal import Refusal

_FAR = 4.0
_BELL = 0.2
"""Of the sharpest, what still tells of the bell of sharpness over focus."""
_LEAST_ERROR = 0.01
"""Of MTF50: no bell is as its formula says to less than that."""
_BEYOND = 2.0
"""How far from the middle of the frames, in halves of their range, best focus may lie to be told."""
_EXPLAINED = 0.5
"""Of the squares of all changes bells must explain so much at least, or focus is not what changes."""
_MANY = 10
"""More edges than figures by which what is left tells how sure each edge is."""
_STEPS = 40
FOCAL_ERROR = 0.022
"""What an engraved focal length is wrong by, in parts of it: root mean square of those of the twin's designs whose
figures were not scaled to the engraved one."""


@dataclass(frozen=True, slots=True)
class Tilt:
    """How the plane of best focus stands to the sensor.

    `about_x_deg` is positive where the lower part of the picture (y down) has its best focus at larger focus values,
    `about_y_deg` where the right part has. `curvature_um` is the best focus at the picture's corner against the
    middle, tilt apart. `places_mm` and `best_focus_um` are what they rest on.
    """

    about_x_deg: Figure
    about_y_deg: Figure
    focus_um: Figure
    curvature_um: Figure
    residual_um: float
    places_mm: tuple[Place, ...] = field(repr=False)
    best_focus_um: tuple[Figure, ...] = field(repr=False)


def extension_um(focal_mm: float, distance_m: float) -> float:
    """How far a lens stands out from where infinity is sharp, focused at a distance from the sensor.

    Of a thin lens; a thick one's differs by a few thousandths beyond 20 focal lengths. Raises Refusal for a distance
    of less than four focal lengths, at which nothing is sharp.
    """
    if math.isinf(distance_m) and distance_m > 0.0:
        return 0.0
    longer = distance_m * 1e3 / focal_mm - 2.0
    if not longer >= 2.0:
        raise Refusal(
            f"A lens of {focal_mm:g} mm cannot be focused at {distance_m:g} m; give the distance from the sensor, or "
            "the focus in micrometres."
        )
    return 1e3 * focal_mm * 2.0 / (longer + math.sqrt(longer * longer - 4.0))


def tilt(
    readings: Sequence[tuple[float, Sharpness]], shape: tuple[int, int], pitch_um: float | None, stretch: float = 0.0
) -> Tilt:
    """The plane of best focus from frames of one chart at several focus settings, (height, width) pixels each.

    `readings` are (focus_um, the edges of that frame): where on the sensor's side focus stands, in micrometres of
    image distance; all of them together may be too long by a part of about `stretch`, of which the errors know. For
    every edge seen in at least four frames the MTF50 over focus is a bell, whose middle is best focus there; through
    these goes a plane with field curvature and astigmatism, r2. Raises Refusal where there are too few edges or the
    pitch is not known. Own work.
    """
    if pitch_um is None:
        raise Refusal("The pitch of the pixels is not known, which a tilt in degrees needs; give it in a sensor file.")
    curves = _through_focus(readings)
    height, width = shape
    corner = math.hypot(width, height) / 2.0 * pitch_um * 1e-3
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    at = (np.array([curve.place_px for curve in curves]).reshape(-1, 2) - middle) * pitch_um * 1e-3
    r2 = np.sum(at * at, axis=1) / corner**2
    twice = np.cos(2.0 * np.radians([curve.off_radius_deg for curve in curves]))
    focus = np.array([focus_um for focus_um, _ in readings])
    value, error = _best_focus(focus, curves, np.column_stack([np.ones(len(at)), r2, r2 * twice]))
    told = np.flatnonzero(np.isfinite(value))
    inside = told[(value[told] >= focus.min()) & (value[told] <= focus.max())]
    if len(inside) < 5 or np.linalg.matrix_rank(np.column_stack([np.ones(len(told)), at[told]]), tol=1e-3) < 3:
        raise Refusal(
            f"Best focus could be told at {len(inside)} places of {len(curves)}, 5 that span the picture are the "
            "least; take more frames on both sides of best focus, a few hundredths of a millimetre apart."
        )
    design = np.column_stack([np.ones(len(at)), at, r2, r2 * twice])
    design = design[:, : 5 if len(told) >= 12 else 4 if len(told) >= 6 else 3]
    found, _, _ = weighted(design[told], value[told], error[told])
    away = np.abs(value - design @ found)[told]
    told = told[away <= _FAR * float(np.median(away)) / 0.6745 + 1e-9]
    spare = len(told) - design.shape[1]
    if spare >= _MANY:
        # What the formula of bells lacks moves all of them together, which is no tilt: only what they differ by counts.
        rest = (value - design @ found)[told] / error[told]
        error = error * math.sqrt(float(rest @ rest) / spare)
    found, covariance, left = weighted(design[told], value[told], error[told])
    sigma = np.sqrt(np.diag(covariance))
    about_x, about_y = (
        Figure(math.degrees(math.atan(found[k] * 1e-3)), math.degrees(math.hypot(sigma[k], stretch * found[k]) * 1e-3))
        for k in (2, 1)
    )
    curved = Figure(float(found[3]), float(sigma[3])) if design.shape[1] > 3 else Figure(math.nan)
    places = tuple((float(x), float(y)) for x, y in at[told])
    best = figures(value[told], error[told])
    return Tilt(about_x, about_y, Figure(float(found[0]), float(sigma[0])), curved, left, places, best)


@dataclass(slots=True)
class _Curve:
    """One edge through focus: (MTF50, its error) by the number of the frame."""

    place_px: Place
    angle_deg: float
    off_radius_deg: float
    seen: dict[int, tuple[float, float]]


def _through_focus(readings: Sequence[tuple[float, Sharpness]]) -> list[_Curve]:
    """The edges that four frames show or more; an edge is one where place and direction agree."""
    curves: list[_Curve] = []
    for frame, (_, sharpness) in enumerate(readings):
        for edge in sharpness.edges:
            told = (edge.mtf50_cpp.value, edge.mtf50_cpp.error)
            for curve in curves:
                turned = abs((edge.angle_deg - curve.angle_deg + 90.0) % 180.0 - 90.0)
                if math.dist(curve.place_px, edge.place_px) < 0.4 * edge.length_px and turned < 10.0:
                    curve.seen[frame] = told
                    break
            else:
                curves.append(_Curve(edge.place_px, edge.angle_deg, edge.off_radius_deg, {frame: told}))
    return [curve for curve in curves if len({readings[frame][0] for frame in curve.seen}) >= 4]


def _best_focus(focus_um: Floats, curves: Sequence[_Curve], placed: Floats) -> tuple[Floats, Floats]:
    """The middles (n,) of all bells of MTF50 over focus and their errors, NaN where they cannot be told.

    1 / MTF50^2 is a parabola of focus, as blurs add; what the lens's own aberrations add, that one side is steeper and
    both grow otherwise far away, is alike for all edges, and so is how steep the parabola is, but for what `placed`
    (n, k) says of each edge. So an edge tells only how sharp it is at best and where, and best focus may lie beyond the
    frames: were only such edges taken whose bell is seen whole, a tilt would come out too small.
    """
    reach, middle = max(float(np.ptp(focus_um)) / 2.0, 1e-9), float(np.mean([focus_um.min(), focus_um.max()]))
    x = (focus_um - middle) / reach
    mtf, error = (np.full((len(curves), len(x)), np.nan) for _ in range(2))
    for row, curve in enumerate(curves):
        for frame, told in curve.seen.items():
            mtf[row, frame], error[row, frame] = told
    seen = np.isfinite(mtf) & (mtf > _BELL * np.nanmax(mtf, axis=1, keepdims=True, initial=0.0))
    y = np.where(seen, mtf, 1.0) ** -2.0
    weight = np.where(seen, 1.0 / (2.0 * y * np.maximum(np.where(seen, error / mtf, 1.0), _LEAST_ERROR)), 0.0) ** 2
    weight[(weight > 0.0).sum(axis=1) < 4] = 0.0
    bells = _Bells(x, y, weight, placed)
    bells.settle()
    best, spread = bells.middles()
    spread[(np.abs(best) > _BEYOND) | (bells.left() > _EXPLAINED * bells.without_bells())] = np.nan
    best[~(spread < 1.0)] = np.nan
    return middle + reach * best, reach * spread


class _Bells:
    """y = lowest + steepness u^2 (1 + lean u + bow u^2) for each edge, u being how far x is from its own middle."""

    def __init__(self, x: Floats, y: Floats, weight: Floats, placed: Floats) -> None:
        self.x, self.y, self.weight, self.placed = x, y, weight, placed
        self.total = np.maximum(weight.sum(axis=1), 1e-300)
        self.own = x[np.argmax(np.where(weight > 0.0, 1.0 / y, 0.0), axis=1)]
        bowl = self._without_mean((x - self.own[:, None]) ** 2)
        steep = float((weight * bowl * self._without_mean(y)).sum()) / max(float((weight * bowl**2).sum()), 1e-300)
        self.shared = np.zeros(placed.shape[1] + 2)
        self.shared[0] = math.log(max(steep, 1e-3))

    def settle(self) -> None:
        """The least squares, by damped steps of all middles and of what they share (Levenberg and Marquardt)."""
        damping, best = 1e-3, self._left(self.own, self.shared)
        for _ in range(_STEPS):
            own, shared = self._step(damping)
            left = self._left(own, shared)
            if not left < best:
                damping *= 6.0
                if damping > 1e6:
                    return
                continue
            done = best - left < 1e-7 * best
            self.own, self.shared, best, damping = own, shared, left, max(damping / 5.0, 1e-9)
            if done:
                return

    def left(self) -> float:
        """The squares that bells leave."""
        return self._left(self.own, self.shared)

    def without_bells(self) -> float:
        """The squares that are left where no edge's sharpness depends on focus."""
        return float((self.weight * self._without_mean(self.y) ** 2).sum())

    def middles(self) -> tuple[Floats, Floats]:
        """Every edge's own middle and its error, by how well all bells fit."""
        _, sloping, _, rest = self._parts(self.own, self.shared)
        knows = (self.weight * self._without_mean(sloping) ** 2).sum(axis=1)
        taken = int((self.weight > 0.0).sum()) - 2 * len(self.own) - len(self.shared)
        unit = float((self.weight * rest**2).sum()) / max(taken, 1)
        error = np.sqrt(unit / np.where(knows > 0.0, knows, np.nan))
        return self.own.copy(), np.asarray(error, np.float64)

    def _without_mean(self, values: Floats) -> Floats:
        mean = (self.weight * values).sum(axis=1) / self.total
        return np.asarray(values - mean[:, None], np.float64)

    def _parts(self, own: Floats, shared: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """u, by how much y grows with the middles, the steep bowl, and what is left of y."""
        u = self.x - own[:, None]
        steep = np.exp(np.clip(self.placed @ shared[:-2], -20.0, 20.0))[:, None]
        lean, bow = shared[-2:]
        bowl = steep * u**2 * (1.0 + lean * u + bow * u**2)
        sloping = -steep * (2.0 * u + 3.0 * lean * u**2 + 4.0 * bow * u**3)
        return u, sloping, bowl, self._without_mean(self.y - bowl)

    def _left(self, own: Floats, shared: Floats) -> float:
        return float((self.weight * self._parts(own, shared)[3] ** 2).sum())

    def _step(self, damping: float) -> tuple[Floats, Floats]:
        u, sloping, bowl, rest = self._parts(self.own, self.shared)
        steep = np.exp(np.clip(self.placed @ self.shared[:-2], -20.0, 20.0))[:, None]
        ways = [bowl * each[:, None] for each in self.placed.T] + [steep * u**3, steep * u**4]
        ways = [self._without_mean(each) for each in ways]
        sloping = self._without_mean(sloping)
        own = (self.weight * sloping**2).sum(axis=1) * (1.0 + damping) + 1e-12
        both = np.stack([(self.weight * sloping * each).sum(axis=1) for each in ways], axis=1)
        pull = (self.weight * sloping * rest).sum(axis=1)
        normal = np.array([[float((self.weight * one * other).sum()) for other in ways] for one in ways])
        normal += np.diag(np.diag(normal)) * damping + 1e-12 * np.eye(len(ways))
        shared_pull = np.array([float((self.weight * each * rest).sum()) for each in ways])
        moved = np.linalg.solve(normal - both.T @ (both / own[:, None]), shared_pull - both.T @ (pull / own))
        middles = (pull - both @ moved) / own
        return self.own + np.clip(middles, -0.5, 0.5), self.shared + moved
