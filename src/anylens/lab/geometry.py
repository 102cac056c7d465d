"""Geometry: distortion from a flat chart, and lateral colour."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from anylens.lab.figure import Figure, figures, mostly, spread_of
from anylens.lab.grids import Grid, find_grid, measured_again
from anylens.lab.samples import Floats, Place, Samples
from anylens.lab.specimen import Specimen
from anylens.refusal import Refusal


@dataclass(frozen=True, slots=True, eq=False)
class Distortion:
    """From the ideal place to the observed one: observed = centre + (ideal - centre) * (1 + k1 r2 + k2 r4 + ...).

    `tangential` adds (2 p1 x y + p2 (r2 + 2 x2), p1 (r2 + 2 y2) + 2 p2 x y); several views tell it, and `focal_px`.
    r is the ideal place's distance from `centre_px` in parts of `half_diagonal_px`, so k1 + k2 + ... is the
    distortion in the picture's corner, also `corner_percent`; negative is a barrel. `residual_px` is the rms that the
    map leaves of the chart's points. `observed_px` and `ideal_px` are (n, 2).
    """

    kind: str
    centre_px: tuple[Figure, Figure]
    half_diagonal_px: float
    pitch_um: float | None
    radial: tuple[Figure, ...]
    corner_percent: Figure
    residual_px: float
    worst_px: float
    views: int
    observed_px: Floats = field(repr=False)
    ideal_px: Floats = field(repr=False)
    focal_px: Figure | None = None
    tangential: tuple[Figure, Figure] | None = None

    def observed(self, ideal_px: Floats) -> Floats:
        """(n, 2) observed places of ideal ones (n, 2), in px."""
        centre = np.array([figure.value for figure in self.centre_px])
        away = (np.asarray(ideal_px, np.float64) - centre) / self.half_diagonal_px
        r2 = np.sum(away * away, axis=1, keepdims=True)
        powers = np.concatenate([r2 ** (at + 1) for at in range(len(self.radial))], axis=1)
        growth = 1.0 + powers @ np.array([[figure.value] for figure in self.radial])
        bent = away * growth
        if self.tangential is not None:
            p1, p2 = (figure.value for figure in self.tangential)
            x, y = away.T
            bent = bent + np.column_stack(
                [2 * p1 * x * y + p2 * (r2[:, 0] + 2 * x * x), p1 * (r2[:, 0] + 2 * y * y) + 2 * p2 * x * y]
            )
        return np.asarray(centre + bent * self.half_diagonal_px, np.float64)


@dataclass(frozen=True, slots=True)
class LateralColor:
    """How far a colour's picture lies from green's, along the radius: shift_px = r * (c0 + c1 r2) half diagonals.

    `letter` is the colour, `places_px` where it was measured, `shifts_px` by how much (x, y); `constant_px` is the
    shift that is the same everywhere, from a decentred lens or a plate.
    """

    letter: str
    coefficients_px: tuple[Figure, ...]
    corner_px: Figure
    residual_px: float
    places_px: tuple[Place, ...] = field(repr=False)
    shifts_px: tuple[Place, ...] = field(repr=False)
    constant_px: tuple[Figure, Figure] = (Figure(0.0), Figure(0.0))


def distortion(samples: Samples, grids: Sequence[Grid]) -> Distortion:
    """Distortion from one view of a flat chart, or from several that also tell the focal length.

    One view: the chart as a pinhole would show it (a homography) and as few radial terms, 1 to 3, as explain it; the
    centre is found where the distortion is strong enough to tell it, else it is the picture's middle. Several: Zhang
    2000 as OpenCV has it, with 3 radial and 2 tangential terms. The scale is the centre's own. Raises Refusal for too
    few points.
    """
    usable = [grid for grid in grids if len(grid.points_px) >= 12]
    if not usable:
        most = max((len(grid.points_px) for grid in grids), default=0)
        raise Refusal(f"A grid of {most} points is too small for distortion, 12 are the least; show more of the chart.")
    return _one_view(samples, usable[0]) if len(usable) == 1 else _several_views(samples, usable)


def lateral_color(samples: Samples, green: Grid, other: Grid) -> LateralColor:
    """How far another colour lies from green, from the points of one grid measured in both; Refusal below 8 of them."""
    at = {(float(i), float(j)): k for k, (i, j) in enumerate(green.chart)}
    pairs = [(at[i, j], k) for k, (i, j) in enumerate((float(a), float(b)) for a, b in other.chart) if (i, j) in at]
    if len(pairs) < 8:
        raise Refusal(
            f"Only {len(pairs)} points were measured in green and {other.letter}, 8 are the least; show more."
        )
    mine, its = (np.array(which) for which in zip(*pairs, strict=True))
    places = green.points_px[mine]
    return _lateral(samples, other.letter, places, other.points_px[its] - places)


def grid_and_colors(specimen: Specimen) -> tuple[Grid, tuple[LateralColor, ...]]:
    """The grid of a picture in green or luminance, and where red and blue have its points; Refusal where none is."""
    samples = specimen.luminance()
    grid = find_grid(samples)
    lateral: list[LateralColor] = []
    if samples.letter == "Y" and _is_grey(specimen):
        return grid, ()
    green = measured_again(specimen.samples("G"), grid) if samples.letter == "Y" and specimen.of("G") else grid
    for letter in "RB":
        if specimen.of(letter):
            try:
                seen = specimen.samples(letter)
                lateral.append(lateral_color(seen, green, measured_again(seen, grid)))
            except Refusal:
                continue
    return grid, tuple(lateral)


def _is_grey(specimen: Specimen) -> bool:
    """Whether all colours are one, as in a grey picture stored as RGB."""
    first = specimen.planes[0].pixels
    return all(np.array_equal(plane.pixels, first) for plane in specimen.planes[1:])


def _one_view(samples: Samples, grid: Grid) -> Distortion:
    height, width = samples.shape
    half = math.hypot(width, height) / 2.0
    middle = np.array(samples.middle_px)
    chart = (grid.chart - grid.chart.mean(axis=0)) / max(float(np.ptp(grid.chart, axis=0).max()), 1.0)
    seen = (grid.points_px - middle) / half
    fit = _flat_fit(chart, seen, half)
    error = np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))
    terms = slice(8, 8 + fit.terms)
    lever = np.zeros(len(fit.numbers))
    lever[terms] = 1.0
    corner = Figure(float(lever @ fit.numbers), math.sqrt(float(lever @ fit.covariance @ lever)))
    centre = tuple(map(Figure, middle.tolist()))
    if fit.free:
        centre = figures(middle + half * fit.numbers[-2:], half * error[-2:])
    distance = np.hypot(*_left(fit.numbers, chart, seen, fit.terms, fit.free).reshape(-1, 2).T) * half
    return Distortion(
        kind=grid.kind,
        centre_px=(centre[0], centre[1]),
        half_diagonal_px=half,
        pitch_um=samples.pitch_um,
        radial=figures(fit.numbers[terms], error[terms]),
        corner_percent=corner.times(100.0),
        residual_px=float(np.sqrt(np.mean(distance**2))),
        worst_px=float(distance.max()),
        views=1,
        observed_px=grid.points_px,
        ideal_px=_pinhole(fit.numbers, chart) * half + middle,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _FlatFit:
    """Eight numbers of a homography, `terms` radial ones, and the centre's two where it is `free`; their covariance."""

    numbers: Floats
    covariance: Floats
    terms: int
    free: bool


def _flat_fit(chart: Floats, seen: Floats, half_px: float) -> _FlatFit:
    """As few numbers as explain where a chart's points (n, 2) were seen, in half diagonals from the middle."""
    import cv2
    from scipy.optimize import least_squares

    def left(numbers: Floats, terms: int, free: bool) -> Floats:
        return _left(numbers, chart, seen, terms, free) * half_px

    homography = np.asarray(cv2.findHomography(chart, seen)[0], np.float64)
    start = (homography / homography[2, 2]).ravel()[:8]
    best, least, count = None, math.inf, 2 * len(seen)
    for free, terms in itertools.product((False, True), (1, 2, 3)):
        numbers = np.concatenate([start, np.zeros(terms + 2 * free)])
        fit = least_squares(left, numbers, args=(terms, free), loss="soft_l1", f_scale=0.2, x_scale="jac")
        judged = count * math.log(2.0 * fit.cost / count + 1e-12) + len(numbers) * math.log(count)
        variance = 2.0 * fit.cost / max(count - len(numbers), 1)
        covariance = np.linalg.pinv(fit.jac.T @ fit.jac) * variance
        sure = not free or math.sqrt(max(covariance[-1, -1], covariance[-2, -2])) < 0.02
        if sure and judged < least - 10.0 * free:
            best, least = _FlatFit(fit.x, covariance, terms, free), judged
    assert best is not None
    return best


def _pinhole(numbers: Floats, chart: Floats) -> Floats:
    """(n, 2): where a pinhole would show the points of a flat chart, by the eight numbers of a homography."""
    ahead = np.column_stack([chart, np.ones(len(chart))])
    return np.asarray(ahead @ numbers[:6].reshape(2, 3).T / (ahead @ np.append(numbers[6:8], 1.0))[:, None])


def _left(numbers: Floats, chart: Floats, seen: Floats, terms: int, free: bool) -> Floats:
    """(2 n,): what numbers as `_FlatFit` has them leave of the points' places."""
    centre = numbers[8 + terms :] if free else np.zeros(2)
    away = _pinhole(numbers, chart) - centre
    r2 = np.sum(away * away, axis=1)
    growth = 1.0 + sum(numbers[8 + k] * r2 ** (k + 1) for k in range(terms))
    return np.asarray((centre + away * growth[:, None] - seen).ravel(), np.float64)


def _several_views(samples: Samples, grids: Sequence[Grid]) -> Distortion:
    import cv2

    height, width = samples.shape
    half = math.hypot(width, height) / 2.0
    chart = [np.column_stack([grid.chart, np.zeros(len(grid.chart))]).astype(np.float32) for grid in grids]
    seen = [grid.points_px.astype(np.float32).reshape(-1, 1, 2) for grid in grids]
    try:
        rms, matrix, bends, turns, shifts, errors = cv2.calibrateCameraExtended(
            chart, seen, (width, height), np.eye(3), np.zeros(5)
        )[:6]
    except cv2.error as error:
        raise Refusal(
            f"The {len(grids)} views of the chart do not fit one camera; take them with one focus setting, from "
            "different sides, each showing the whole chart."
        ) from error
    focal = math.sqrt(float(matrix[0, 0] * matrix[1, 1]))
    k1, k2, p1, p2, k3 = figures(np.ravel(bends)[:5], np.ravel(errors)[4:9])
    unit = half / focal
    radial = (k1.times(unit**2), k2.times(unit**4), k3.times(unit**6))
    bare = [
        cv2.projectPoints(chart[k], turns[k], shifts[k], matrix, np.zeros(5))[0].reshape(-1, 2)
        for k in range(len(grids))
    ]
    bent = [
        cv2.projectPoints(chart[k], turns[k], shifts[k], matrix, bends)[0].reshape(-1, 2) for k in range(len(grids))
    ]
    observed = np.concatenate([grid.points_px for grid in grids])
    distance = np.hypot(*(np.concatenate(bent) - observed).T)
    place = np.ravel(errors)
    return Distortion(
        kind=grids[0].kind,
        centre_px=(Figure(float(matrix[0, 2]), float(place[2])), Figure(float(matrix[1, 2]), float(place[3]))),
        half_diagonal_px=half,
        pitch_um=samples.pitch_um,
        radial=radial,
        corner_percent=Figure(100.0 * sum(figure.value for figure in radial)),
        residual_px=float(rms),
        worst_px=float(distance.max()),
        views=len(grids),
        observed_px=observed,
        ideal_px=np.asarray(np.concatenate(bare), np.float64),
        focal_px=Figure(focal, float(place[0])),
        tangential=(p1.times(unit), p2.times(unit)),
    )


def _lateral(samples: Samples, letter: str, places: Floats, shifts: Floats) -> LateralColor:
    """shift = (place / half) (c0 + c1 r2) + a constant shift, by robust least squares."""
    height, width = samples.shape
    half = math.hypot(width, height) / 2.0
    away = (places - np.array(samples.middle_px)) / half
    r2 = np.sum(away * away, axis=1)
    x, y = away.T
    one, none = np.ones(len(places)), np.zeros(len(places))
    design = np.concatenate([np.column_stack([x, x * r2, one, none]), np.column_stack([y, y * r2, none, one])])
    value = np.concatenate([shifts[:, 0], shifts[:, 1]])
    found, inverse, weight = mostly(design, value, width=2.0, rounds=6)
    left = value - design @ found
    covariance = inverse * max(spread_of(left) ** 2, float(weight @ left**2) / (len(left) - len(found)))
    sigma = np.sqrt(np.diag(covariance))
    lever = np.array([1.0, 1.0, 0.0, 0.0])
    corner = Figure(float(found[0] + found[1]), math.sqrt(float(lever @ covariance @ lever)))
    grown, bent, right, down = figures(found, sigma)
    return LateralColor(
        letter,
        (grown, bent),
        corner,
        float(np.sqrt(np.mean(left**2))),
        tuple((float(x), float(y)) for x, y in places),
        tuple((float(x), float(y)) for x, y in shifts),
        (right, down),
    )
