"""The profile across a slanted edge, fitted to the samples where they stand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from anylens.lab.blurs import likeness
from anylens.lab.figure import Figure
from anylens.lab.samples import Floats, Place
from anylens.refusal import Refusal

_ROUNDS = 4
_THINNED = 3
"""One sample in so many is enough to find the edge, where at least _LEFT are left; its profile takes all."""
_LEFT = 400
_FINEST_PX = 0.3
_COARSEST_PX = 0.9
_KNOTS_A_RISE = 3.5
_GROWTH = 2.2
_OUTLIER = 6.0
_STIFFNESS = 1e-4
_FAINT = 3e-3
_LOOKS = 5
_FARTHEST = 0.3
_STEEP_ENOUGH = 0.2
_CORE = (0.9, 0.4)
_FAR = (1.6, 1.5)
_PIECE = 32
"""How many samples are multiplied at once, as frequencies are one by one: BLAS's threads, which spin, stay asleep."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """An edge and the light across it: `light` is `spline(distance_px)`, up to shading along the edge and noise.

    `distance_px` is positive on the bright side; the edge is where across = bend_px * (along^2 - 1/3), along -1..1
    over 2 * half_length_px, through `middle_px` towards `along`. `weights` (n,) and their `covariance` belong to
    the cubic B-splines on `knots_px`; `dark` and `bright` are the levels far from the edge. `noise` are the
    standard deviations (dark, bright) of a sample, `rise_px` the way from 10 to 90 % and `gap_px` the widest gap
    between the distances of two samples near the edge. `strangeness` compares what is left near the edge with the
    noise beside it, `dropped` is the share of samples that no edge explains.
    """

    middle_px: Place
    along: Place
    half_length_px: float
    half_width_px: float
    bend_px: float
    knots_px: Floats
    weights: Floats
    covariance: Floats
    dark: float
    bright: float
    step_error: float
    noise: tuple[float, float]
    rise_px: float
    gap_px: float
    strangeness: float
    dropped: float

    @property
    def step(self) -> float:
        """From dark to bright."""
        return self.bright - self.dark

    def at(self, distance_px: Floats, derivative: int = 0) -> Floats:
        """Light, or its derivative, at these distances from the edge."""
        from scipy.interpolate import BSpline

        return np.asarray(BSpline(self.knots_px, self.weights, 3)(distance_px, derivative), np.float64)

    def spectrum(self, frequencies_cpp: Floats) -> tuple[Floats, Floats, Floats]:
        """(MTF, its standard error, phase) at these frequencies, in cycles per pixel; the step's own modulation is 1.

        The phase of the light across the edge, from dark to bright, in radians, is 0 of a blur that is even.
        """
        size, lean, response = self._response(frequencies_cpp)
        variance = ((lean @ self.covariance) * lean).sum(axis=1) + (size * self.step_error / self.step) ** 2
        return size, np.sqrt(np.maximum(variance, 0.0)), np.asarray(np.angle(response))

    def mtf50(self, highest_cpp: float = 1.0) -> Figure:
        """The first frequency at which the MTF falls to one half, with its error; NaN where it does not.

        What is measured about it, and how surely, is held against what blurs are like (`lab.blurs`): where noise hides
        how the MTF falls it falls as theirs do, where nothing is hidden the crossing alone speaks.
        """
        coarse = np.linspace(0.0, highest_cpp, 61)
        size = self._response(coarse)[0]
        below = np.flatnonzero((size[1:] < 0.5) & (size[:-1] >= 0.5))
        if below.size == 0:
            return Figure(math.nan)
        at = int(below[0])
        start = found = float(np.interp(-0.5, -size[at : at + 2], coarse[at : at + 2]))
        like = likeness()
        usual = like.falling(like.mean)
        for _ in range(_LOOKS):
            size, lean, _ = self._response(like.parts * found)
            level = size * self.step_error / self.step
            unsure = lean @ self.covariance @ lean.T + np.outer(level, level) + like.covariance
            away = size - like.mean
            moved, _ = _moved(unsure, usual, away)
            shape = like.mean + like.covariance @ np.linalg.solve(unsure, away - moved * usual)
            moved, error = _moved(unsure, np.maximum(like.falling(shape), _STEEP_ENOUGH * usual), away)
            found *= math.exp(min(max(moved, -_FARTHEST), _FARTHEST))
            if abs(moved) < 1e-4:
                break
        if abs(math.log(found / start)) > 2.0 * _FARTHEST:
            return Figure(math.nan)
        return Figure(found, found * error)

    def _response(self, frequencies_cpp: Floats) -> tuple[Floats, Floats, Any]:
        """MTF (n,), by how much it grows with each weight (n, weights), and the complex response (n,)."""
        place, even, odd = _slopes(self.knots_px.tobytes(), self.half_width_px)
        turns = -2.0 * np.pi * np.outer(frequencies_cpp, place)[:, None]
        parts = (np.cos(turns) @ even + 1j * (np.sin(turns) @ odd))[:, 0] / self.step
        response = parts @ self.weights
        size = np.abs(response)
        return size, (np.conj(response / np.maximum(size, 1e-12))[:, None] * parts).real, response


@lru_cache(4)
def _slopes(knots: bytes, half_width_px: float) -> tuple[Floats, Floats, Floats]:
    """Distances (n,) from an edge, and each spline's slopes there times the way to the next one (n, splines): those on
    both sides added, and the bright side's less the dark one's."""
    from scipy.interpolate import BSpline

    reach = half_width_px - 1e-9
    half = max(128, int(reach / 0.08))
    place = np.linspace(-reach, reach, 2 * half + 1)
    knots_px = np.frombuffer(knots)
    slope = np.asarray(BSpline(knots_px, np.eye(len(knots_px) - 4), 3)(place, 1), np.float64)
    slope[[0, half, -1]] *= 0.5
    slope *= reach / half
    bright, dark = slope[half:], slope[half::-1]
    return place[half:], bright + dark, bright - dark


def _moved(unsure: Floats, falls: Floats, away: Floats) -> tuple[float, float]:
    """By how much of what `falls` says an MTF is best moved for what it is `away`, and the error, by a covariance."""
    knows = np.linalg.solve(unsure, falls)
    information = float(knows @ falls)
    return float(knows @ away) / information, 1.0 / math.sqrt(information)


def fitted(
    places_px: tuple[Floats, Floats],
    light: Floats,
    chord: tuple[Place, Place],
    half_width_px: float,
    noise: tuple[float, float] | None,
    shaded: bool,
) -> Profile:
    """The edge along `chord` (its two ends) and its profile, from samples at (x, y) within `half_width_px` of it.

    Found together in rounds: the profile's slope tells how the edge is to be moved, turned and bent (Gauss-Newton).
    `noise` is (scale, offset) of the samples' variance, None to find it in them; `shaded` whether light may fall across
    the strip. Raises Refusal for too few samples, or none on one of its sides.
    """
    (x0, y0), (x1, y1) = chord
    half_length = math.hypot(x1 - x0, y1 - y0) / 2.0
    middle, along = ((x0 + x1) / 2.0, (y0 + y1) / 2.0), ((x1 - x0) / half_length / 2.0, (y1 - y0) / half_length / 2.0)
    _, across = _seen_from(places_px, middle, along)
    bright, dark = light[across > 0.0], light[across < 0.0]
    if bright.size and dark.size and np.median(bright) < np.median(dark):
        along = (-along[0], -along[1])
    bend, shade, rise, spread = 0.0, 0.0, min(5.0, half_width_px / 3.0), (1.0, 1.0)
    for turn in range(_ROUNDS):
        distance_along, across = _seen_from(places_px, middle, along)
        t = distance_along / half_length
        d = across - bend * (t * t - 1.0 / 3.0)
        kept = (np.abs(d) <= half_width_px) & (np.abs(t) <= 1.0)
        t, d = t[kept], d[kept]
        flat = light[kept] / (1.0 + shade * d)
        thinned = _THINNED if turn < _ROUNDS - 1 and len(d) >= _THINNED * _LEFT else 1
        fit = _fit(np.stack([t, d, flat])[:, ::thinned], half_width_px, rise, spread, noise)
        profile = fit.profile(middle, along, half_length, half_width_px, bend)
        rise, spread = profile.rise_px, profile.noise
        if turn < _ROUNDS - 1:
            centre, turned = fit.centre, math.atan2(fit.slope, half_length)
            middle = (middle[0] - along[1] * centre, middle[1] + along[0] * centre)
            cos, sin = math.cos(turned), math.sin(turned)
            along = (along[0] * cos - along[1] * sin, along[1] * cos + along[0] * sin)
            bend += fit.bow if turn else 0.0
        if shaded and turn == _ROUNDS - 3:
            shade = _shade(d, flat, profile)
    return profile


def _seen_from(places_px: tuple[Floats, Floats], middle: Place, along: Place) -> tuple[Floats, Floats]:
    x, y = places_px[0] - middle[0], places_px[1] - middle[1]
    return x * along[0] + y * along[1], y * along[0] - x * along[1]


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    knots: Floats
    weights: Floats
    covariance: Floats
    levels: tuple[float, float, float]
    noise: tuple[float, float]
    rise: float
    centre: float
    gap: float
    strangeness: float
    dropped: float
    slope: float
    bow: float

    def profile(self, middle: Place, along: Place, half_length: float, half_width: float, bend: float) -> Profile:
        return Profile(
            middle, along, half_length, half_width, bend, self.knots, self.weights, self.covariance, *self.levels,
            self.noise, self.rise, self.gap, self.strangeness, self.dropped,
        )  # fmt: skip


def _fit(
    strip: Floats, half_width: float, rise: float, spread: tuple[float, float], noise: tuple[float, float] | None
) -> _Fit:
    """The profile of samples, and how the edge is to be moved: `strip` (3, n) are places along and across, and light.

    `rise` and `spread` are those of the round before; raises Refusal as `fitted` does.
    """
    from scipy.interpolate import BSpline

    t, d, light = strip
    knots, far = _knots(rise, half_width)
    if len(d) < 3 * len(knots):
        raise Refusal(f"The edge has only {len(d)} samples; come nearer, or use a larger chart.")
    if not ((d < -far).any() and (d > far).any()):
        raise Refusal("The edge has no even surface on one of its sides; come nearer, or use a larger chart.")
    basis = BSpline.design_matrix(np.clip(d, knots[0] + 1e-9, knots[-1] - 1e-9), knots, 3).toarray()
    count = basis.shape[1]
    dark, bright = float(np.median(light[d < -far])), float(np.median(light[d > far]))
    root = _sureness(light, (dark, bright), spread, noise)
    stiff = _stiffness(count, 4)
    first = BSpline(knots, _solve(basis, light, root, stiff[:count, :count])[0], 3)
    slope = -first(d, 1)
    design = np.column_stack([basis, (first(d) - dark) * t, dark * t, slope * t, slope * (t * t - 1.0 / 3.0)])
    weights, _ = _solve(design, light, root, stiff)
    away = np.abs(light - design @ weights) * root
    usual = max(float(np.median(away)) / 0.6745, float(np.quantile(away, 0.9)) / 1.645)
    good = away < _OUTLIER * np.maximum(usual, _FAINT * (bright - dark) * root)
    weights, covariance = _solve(design[good], light[good], root[good], stiff)
    residual = (light - design @ weights)[good]
    unit = float(np.sum((residual * root[good]) ** 2)) / max(int(good.sum()) - len(weights), 1)
    even = (light - design[:, count : count + 2] @ weights[count : count + 2])[good]
    levels = _levels(d[good], even, root[good], far, unit)
    sides = residual[d[good] < -far], residual[d[good] > far]
    spreads = [float(np.std(side)) if side.size > 8 else 0.0 for side in sides]
    middle = residual[np.abs(d[good]) < far]
    rise, centre = _rise(BSpline(knots, weights[:count], 3), levels[0], levels[1], half_width)
    return _Fit(
        knots=knots,
        weights=weights[:count],
        covariance=covariance[:count, :count] * unit,
        levels=levels,
        noise=(spreads[0], spreads[1]),
        rise=rise,
        centre=centre,
        gap=_gap(d, min(far, 2.0)),
        strangeness=float(np.std(middle)) / max(*spreads, 1e-9) if middle.size > 8 else 1.0,
        dropped=1.0 - float(good.mean()),
        slope=float(weights[-2]),
        bow=float(weights[-1]),
    )


def _sureness(
    light: Floats, levels: tuple[float, float], spread: tuple[float, float], noise: tuple[float, float] | None
) -> Floats:
    """(n,) 1 / the standard deviation of samples between two levels, by their scatter there or by the noise's line."""
    dark, step = levels[0], levels[1] - levels[0]
    share = np.clip((light - dark) / step, 0.0, 1.0) if step > 0.0 else np.full(len(light), 0.5)
    variance = spread[0] ** 2 + share * (spread[1] ** 2 - spread[0] ** 2)
    if noise is not None:
        variance = noise[0] * np.maximum(dark + share * step, 0.0) + noise[1]
    return np.asarray(1.0 / np.sqrt(np.maximum(variance, (_FAINT * step) ** 2 + 1e-16)))


def _knots(rise: float, half_width: float) -> tuple[Floats, float]:
    """Knots fine within the edge, ever coarser away from it, and the distance from where on surfaces are even."""
    step = float(np.clip(rise / _KNOTS_A_RISE, _FINEST_PX, _COARSEST_PX))
    core = _CORE[0] * rise + _CORE[1]
    places = list(np.arange(step / 2.0, core, step))
    while places[-1] + step * _GROWTH < half_width:
        step *= _GROWTH
        places.append(places[-1] + step)
    inner = np.array([p for p in places if p < half_width - 0.5 * step])
    ends = np.full(4, half_width)
    knots = np.concatenate([-ends, -inner[::-1], inner, ends])
    return knots, float(min(_FAR[0] * rise + _FAR[1], 0.6 * half_width))


def _stiffness(count: int, others: int) -> Floats:
    """A faint wish for smooth weights, for places where no sample stands."""
    second = np.diff(np.eye(count), 2, axis=0)
    stiff = np.zeros((count + others, count + others))
    stiff[:count, :count] = _STIFFNESS * second.T @ second
    stiff[range(count, count + others), range(count, count + others)] = 1e-9
    return stiff


def _solve(design: Floats, light: Floats, root: Floats, stiff: Floats) -> tuple[Floats, Floats]:
    """(weights, covariance for samples of variance 1 / root^2)."""
    pieces = np.zeros((-(-len(design) // _PIECE), _PIECE, design.shape[1]))
    scaled = np.multiply(design, root[:, None], out=pieces.reshape(-1, design.shape[1])[: len(design)])
    normal = (pieces.transpose(0, 2, 1) @ pieces).sum(axis=0)
    size = float(np.trace(normal)) / len(normal)
    inverse = np.linalg.inv(normal + stiff * size)
    return inverse @ (scaled.T @ (light * root)), np.asarray(inverse, np.float64)


def _levels(d: Floats, light: Floats, root: Floats, far: float, unit: float) -> tuple[float, float, float]:
    """(dark, bright, error of the step): the levels that light comes to as 1 / distance on both sides."""
    there = np.abs(d) > far
    wide = float(np.abs(d).max()) > 2.0 * far
    columns = [(d < 0.0), (d > 0.0)] + ([-1.0 / np.where(there, d, 1.0)] if wide else [])
    design = np.column_stack([np.asarray(c, np.float64)[there] for c in columns]) * root[there][:, None]
    inverse = np.linalg.pinv(design.T @ design)
    found = inverse @ (design.T @ (light[there] * root[there]))
    error = unit * (inverse[0, 0] + inverse[1, 1] - 2.0 * inverse[0, 1])
    return float(found[0]), float(found[1]), float(np.sqrt(max(error, 0.0)))


def _rise(spline: object, dark: float, bright: float, half_width: float) -> tuple[float, float]:
    """(10 to 90 % in px, where half is reached)."""
    place = np.linspace(-half_width, half_width, max(257, int(half_width * 40) + 1))
    share = (spline(place) - dark) / (bright - dark) if bright != dark else np.zeros_like(place)  # type: ignore[operator]
    middle = int(np.argmin(np.abs(place)))
    above = np.flatnonzero(share > 0.5)
    half = int(above[np.argmin(np.abs(above - middle))]) if above.size else middle
    low = np.flatnonzero(share[: half + 1] < 0.1)
    high = np.flatnonzero(share[half:] > 0.9)
    left = place[low[-1]] if low.size else -half_width
    right = place[half + high[0]] if high.size else half_width
    crossing = np.flatnonzero((share[:-1] <= 0.5) & (share[1:] > 0.5))
    if crossing.size == 0:
        return float(right - left), 0.0
    at = int(crossing[np.argmin(np.abs(place[crossing]))])
    fraction = (0.5 - share[at]) / (share[at + 1] - share[at])
    return float(right - left), float(place[at] + fraction * (place[at + 1] - place[at]))


def _gap(d: Floats, reach: float) -> float:
    near = np.sort(d[np.abs(d) < reach])
    return float(np.diff(near).max()) if near.size > 1 else 2.0 * reach


def _shade(d: Floats, light: Floats, profile: Profile) -> float:
    """How the light falls across the strip, per px: bright's slope less dark's, for tails of a blur slope alike."""
    far = min(2.0 * profile.rise_px + 4.0, 0.5 * profile.half_width_px)
    slopes, variance = [], 0.0
    for side, level, noise in ((d < -far, profile.dark, 0), (d > far, profile.bright, 1)):
        x, y = d[side], light[side]
        if x.size < 30:
            return 0.0
        spread = float(np.sum((x - x.mean()) ** 2))
        slopes.append(float(np.sum((x - x.mean()) * (y - level))) / spread)
        variance += max(profile.noise[noise], 1e-9) ** 2 / spread
    fall, error = (slopes[1] - slopes[0]) / profile.step, math.sqrt(variance) / profile.step
    return fall if abs(fall) > 3.0 * error else 0.0
