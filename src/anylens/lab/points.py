"""A dot, a corner of squares or a crossing of lines, placed by a model of its blurred picture."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from anylens.lab.samples import Floats, Place, Samples

Kind = Literal["dot", "corner", "crossing"]

_TURNS = 25
_FEWEST = 24
_MOST_LEFT = {"dot": 0.3, "corner": 0.12, "crossing": 0.4}
_WIDEST_PX = 48.0


def refined(samples: Samples, near: Place, kind: Kind, step_px: float) -> tuple[Place, float] | None:
    """(place, its standard error) of a point of a grid whose neighbours are `step_px` away; None where there is none.

    A model is fitted to the samples of the colour, wherever they stand: an ellipse, the product of two edges, or two
    lines, each blurred, on a ground that may slope (Levenberg and Marquardt; own work).
    """
    reach = min(_WIDEST_PX, 0.46 * step_px if kind != "corner" else 0.3 * step_px)
    place = near
    found: tuple[Place, float] | None = None
    for _ in range(2):
        x, y, light = _about(samples, place, reach, round_window=kind != "crossing")
        if len(light) < _FEWEST:
            return None
        found = _fit(x - place[0], y - place[1], light, kind, reach)
        if found is None:
            return None
        (dx, dy), error = found
        if math.hypot(dx, dy) > 0.5 * reach:
            return None
        place = (place[0] + dx, place[1] + dy)
        found = (place, error)
        if math.hypot(dx, dy) < 0.7:
            break
    return found


def _about(samples: Samples, place: Place, reach: float, round_window: bool) -> tuple[Floats, Floats, Floats]:
    height, width = samples.shape
    rows = slice(max(0, math.ceil(place[1] - reach)), min(height, math.floor(place[1] + reach) + 1))
    columns = slice(max(0, math.ceil(place[0] - reach)), min(width, math.floor(place[0] + reach) + 1))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    y, x = np.mgrid[rows, columns].astype(np.float64)
    inside = samples.sampled(rows, columns)
    if round_window:
        inside &= np.hypot(x - place[0], y - place[1]) <= reach
    if samples.clipped is not None:
        inside &= ~samples.clipped[rows, columns]
    return x[inside], y[inside], np.asarray(samples.pixels[rows, columns][inside], np.float64)


def _fit(x: Floats, y: Floats, light: Floats, kind: Kind, reach: float) -> tuple[Place, float] | None:
    """((x, y) of the point, standard error), by the shape's own numbers and, for each, the best ground and contrast."""
    start = _start(x, y, light, kind, reach)
    if start is None:
        return None
    numbers, damping = start, 1e-2
    residual, size, jacobian = _left_and_slopes(x, y, light, kind, numbers)
    for _ in range(_TURNS):
        normal, slope = jacobian.T @ jacobian, jacobian.T @ residual
        step = np.linalg.solve(normal + np.diag(damping * np.diag(normal) + 1e-12), -slope)
        step = np.clip(step, -0.3 * reach, 0.3 * reach)
        tried = _left_and_slopes(x, y, light, kind, numbers + step)
        if tried[1] < size:
            numbers, damping = numbers + step, max(damping * 0.2, 1e-6)
            residual, size, jacobian = tried
            if float(np.abs(step[:2]).max()) < 2e-4:
                break
        else:
            damping *= 6.0
            if damping > 1e6:
                break
    variance = size / max(len(light) - len(numbers) - 4, 1)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * variance
    error = math.sqrt(max(0.5 * (covariance[0, 0] + covariance[1, 1]), 0.0))
    total = float(np.sum((light - light.mean()) ** 2))
    if not math.isfinite(error) or size > _MOST_LEFT[kind] * total or error > 0.1 * reach:
        return None
    return (float(numbers[0]), float(numbers[1])), error


def _start(x: Floats, y: Floats, light: Floats, kind: Kind, reach: float) -> Floats | None:
    low, high = np.percentile(light, (5.0, 95.0))
    if high - low < 1e-6:
        return None
    if kind == "dot":
        edge = light[np.hypot(x, y) > 0.85 * reach]
        ground = float(np.median(edge)) if edge.size else high
        weight = np.clip(np.abs(light - ground) / (high - low) - 0.15, 0.0, 1.0)
        if weight.sum() < 1.0:
            return None
        radius = math.sqrt(weight.sum() / len(light)) * reach
        return np.array(
            [float(weight @ x / weight.sum()), float(weight @ y / weight.sum()), math.log(radius), 0.0, 0.0, 0.0]
        )
    around = np.hypot(x, y) > 0.35 * reach
    angle = np.arctan2(y[around], x[around])
    if kind == "corner":
        wave = np.sum((light[around] - light[around].mean()) * np.exp(-2j * angle))
        axis = np.angle(np.conj(wave)) / 2.0
        return np.array([0.0, 0.0, axis + math.pi / 4.0, axis - math.pi / 4.0, 0.3])
    wave = np.sum((light[around] - light[around].mean()) * np.exp(-4j * angle))
    axis = (np.angle(-np.conj(wave))) / 4.0
    return np.array([0.0, 0.0, axis, axis + math.pi / 2.0, math.log(max(0.12 * reach, 0.8)), 0.0])


def _left_and_slopes(x: Floats, y: Floats, light: Floats, kind: Kind, numbers: Floats) -> tuple[Floats, float, Floats]:
    """(what the model leaves (n,), its sum of squares, how it changes with each number (n, numbers)).

    Ground, its slopes and the contrast are solved for; all numbers are moved at once.
    """
    nudge = 1e-4
    moved = np.concatenate([numbers[None], numbers + nudge * np.eye(len(numbers))])
    design = np.empty((len(moved), 4, len(x)))
    design[:, :3], design[:, 3] = np.stack([np.ones_like(x), x, y]), _shape(x, y, kind, moved)
    normal = design @ design.transpose(0, 2, 1)
    own = np.einsum("kii->ki", normal)
    own += 1e-9 * own + 1e-12
    weights = np.linalg.solve(normal, (design @ light)[..., None])
    left = light - (weights.transpose(0, 2, 1) @ design)[:, 0]
    return left[0], float(left[0] @ left[0]), np.asarray((left[1:] - left[0]).T / nudge)


def _shape(x: Floats, y: Floats, kind: Kind, moved: Floats) -> Floats:
    """(k, n): the shapes that k rows of numbers mean, at n places."""
    from scipy.special import erf

    numbers = moved.T[..., None]
    u, v = x - numbers[0], y - numbers[1]
    blur = math.sqrt(2.0) * np.exp(np.clip(numbers[-1], -2.0, 3.0))
    if kind == "dot":
        radius, one, two = np.exp(np.clip(numbers[2], -1.0, 5.0)), numbers[3], numbers[4]
        along, across = (1.0 + one) * u + two * v, two * u + (1.0 - one) * v
        return np.asarray(erf((radius - np.hypot(along, across)) / blur), np.float64)
    first = v * np.cos(numbers[2]) - u * np.sin(numbers[2])
    second = v * np.cos(numbers[3]) - u * np.sin(numbers[3])
    if kind == "corner":
        return np.asarray(erf(first / blur) * erf(second / blur), np.float64)
    half = 0.5 * np.exp(np.clip(numbers[4], -1.0, 4.0))
    one = 0.5 * (erf((first + half) / blur) - erf((first - half) / blur))
    two = 0.5 * (erf((second + half) / blur) - erf((second - half) / blur))
    return np.asarray(1.0 - (1.0 - one) * (1.0 - two), np.float64)
