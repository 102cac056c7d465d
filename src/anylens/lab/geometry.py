"""Geometry: distortion from a flat chart, lateral colour, and how the lens is tilted before the sensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from anylens.lab.figure import Figure
from anylens.lab.grids import Grid
from anylens.lab.samples import Floats, Place, Samples
from anylens.lab.sharpness import Sharpness
from anylens.refusal import Refusal

_BELL = 0.2
"""Of the sharpest, what still tells of the bell of sharpness over focus."""


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
    """How far another colour lies from green, from the points of one grid measured in both."""
    at = {(float(i), float(j)): k for k, (i, j) in enumerate(green.chart)}
    pairs = [(at[i, j], k) for k, (i, j) in enumerate((float(a), float(b)) for a, b in other.chart) if (i, j) in at]
    if len(pairs) < 8:
        raise Refusal(
            f"Only {len(pairs)} points were measured in green and {other.letter}, 8 are the least; show more."
        )
    mine, its = (np.array(which) for which in zip(*pairs, strict=True))
    places = green.points_px[mine]
    shifts = other.points_px[its] - places
    ones = np.ones(len(places))
    rows = [
        (places, np.column_stack([ones, 0 * ones]), shifts[:, 0]),
        (places, np.column_stack([0 * ones, ones]), shifts[:, 1]),
    ]
    return _lateral(samples, other.letter, rows, places, shifts)


def lateral_color_of_edges(samples: Samples, green: Sharpness, other: Sharpness) -> LateralColor:
    """The same from slanted edges measured in both colours: each tells the shift across it."""
    places, across, away = [], [], []
    for edge in green.edges:
        near = [
            o
            for o in other.edges
            if math.dist(o.place_px, edge.place_px) < 3.0 and abs(o.angle_deg - edge.angle_deg) < 3
        ]
        if near:
            angle = math.radians(edge.angle_deg)
            normal = (-math.sin(angle), math.cos(angle))
            off = [b - a for a, b in zip(edge.place_px, near[0].place_px, strict=True)]
            places.append(edge.place_px)
            across.append(normal)
            away.append(off[0] * normal[0] + off[1] * normal[1])
    if len(places) < 8:
        raise Refusal(
            f"Only {len(places)} edges were measured in green and {other.letter}, 8 are the least; show more."
        )
    at, direction, shift = np.array(places), np.array(across), np.array(away)
    return _lateral(samples, other.letter, [(at, direction, shift)], at, direction * shift[:, None])


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


def tilt(readings: Sequence[tuple[float, Sharpness]], shape: tuple[int, int], pitch_um: float | None) -> Tilt:
    """The plane of best focus from frames of one chart at several focus settings, (height, width) pixels each.

    `readings` are (focus_um, the edges of that frame): where on the sensor's side focus stands, in micrometres of
    image distance. For every edge seen in at least four frames the MTF50 over focus is a bell, whose middle is best
    focus there; through these goes a plane with field curvature, r2. Raises Refusal where there are too few edges or
    the pitch is not known.
    """
    if pitch_um is None:
        raise Refusal("The pitch of the pixels is not known, which a tilt in degrees needs; give it in a sensor file.")
    height, width = shape
    places, best, curves = [], [], _through_focus(readings)
    for (place, _), peak in zip(curves, _peaks([np.array(curve) for _, curve in curves]), strict=True):
        if peak is not None:
            x, y = place
            places.append(((x - (width - 1) / 2) * pitch_um * 1e-3, (y - (height - 1) / 2) * pitch_um * 1e-3))
            best.append(peak)
    at = np.array(places).reshape(-1, 2)
    if len(at) < 5 or np.linalg.matrix_rank(np.column_stack([np.ones(len(at)), at]), tol=1e-3) < 3:
        raise Refusal(
            f"Best focus could be told at {len(at)} places of {len(curves)}, 5 that span the picture are the least; "
            "take more frames on both sides of best focus, a few hundredths of a millimetre apart."
        )
    corner = math.hypot(width, height) / 2.0 * pitch_um * 1e-3
    design = np.column_stack([np.ones(len(at)), at, np.sum(at * at, axis=1) / corner**2])
    design = design if len(at) >= 6 else design[:, :3]
    value, error = np.array([f.value for f in best]), np.array([f.error for f in best])
    found, covariance, left = _weighted(design, value, error)
    sigma = np.sqrt(np.diag(covariance))
    about_x, about_y = (Figure(math.degrees(math.atan(found[k] * 1e-3)), math.degrees(sigma[k] * 1e-3)) for k in (2, 1))
    curved = Figure(float(found[3]), float(sigma[3])) if design.shape[1] > 3 else Figure(math.nan)
    return Tilt(about_x, about_y, Figure(float(found[0]), float(sigma[0])), curved, left, tuple(places), tuple(best))


def _one_view(samples: Samples, grid: Grid) -> Distortion:
    import cv2
    from scipy.optimize import least_squares

    height, width = samples.shape
    half = math.hypot(width, height) / 2.0
    middle = np.array(samples.middle_px)
    chart = (grid.chart - grid.chart.mean(axis=0)) / max(float(np.ptp(grid.chart, axis=0).max()), 1.0)
    seen = (grid.points_px - middle) / half
    homography = np.asarray(cv2.findHomography(chart, seen)[0], np.float64)
    start = (homography / homography[2, 2]).ravel()[:8]

    def ideal(numbers: Floats) -> Floats:
        x, y = chart.T
        depth = numbers[6] * x + numbers[7] * y + 1.0
        return np.asarray(
            np.column_stack(
                [numbers[0] * x + numbers[1] * y + numbers[2], numbers[3] * x + numbers[4] * y + numbers[5]]
            )
            / depth[:, None]
        )

    def left(numbers: Floats, terms: int, free: bool) -> Floats:
        centre = numbers[8 + terms :] if free else np.zeros(2)
        away = ideal(numbers) - centre
        r2 = np.sum(away * away, axis=1)
        growth = 1.0 + sum(numbers[8 + k] * r2 ** (k + 1) for k in range(terms))
        return np.asarray((centre + away * growth[:, None] - seen).ravel() * half, np.float64)

    best = None
    for free in (False, True):
        for terms in (1, 2, 3):
            numbers = np.concatenate([start, np.zeros(terms + 2 * free)])
            fit = least_squares(left, numbers, args=(terms, free), loss="soft_l1", f_scale=0.2, x_scale="jac")
            count = 2 * len(seen)
            judged = count * math.log(2.0 * fit.cost / count + 1e-12) + len(numbers) * math.log(count)
            jacobian = fit.jac
            variance = 2.0 * fit.cost / max(count - len(numbers), 1)
            covariance = np.linalg.pinv(jacobian.T @ jacobian) * variance
            sure = not free or math.sqrt(max(covariance[-1, -1], covariance[-2, -2])) < 0.02
            if sure and (best is None or judged < best[0] - 10.0 * free):
                best = (judged, fit.x, covariance, terms, free)
    assert best is not None
    _, numbers, covariance, terms, free = best
    away = left(numbers, terms, free).reshape(-1, 2)
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    radial = tuple(Figure(float(numbers[8 + k]), float(error[8 + k])) for k in range(terms))
    lever = np.concatenate([np.zeros(8), np.ones(terms), np.zeros(2 * free)])
    total = Figure(100.0 * float(numbers[8 : 8 + terms].sum()), 100.0 * math.sqrt(float(lever @ covariance @ lever)))
    offset = numbers[8 + terms :] if free else np.zeros(2)
    centre = tuple(
        Figure(float(middle[k] + half * offset[k]), float(half * error[8 + terms + k]) if free else math.nan)
        for k in (0, 1)
    )
    distance = np.hypot(*away.T)
    return Distortion(
        kind=grid.kind,
        centre_px=(centre[0], centre[1]),
        half_diagonal_px=half,
        pitch_um=samples.pitch_um,
        radial=radial,
        corner_percent=total,
        residual_px=float(np.sqrt(np.mean(distance**2))),
        worst_px=float(distance.max()),
        views=1,
        observed_px=grid.points_px,
        ideal_px=ideal(numbers) * half + middle,
    )


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
    k1, k2, p1, p2, k3 = (float(value) for value in np.ravel(bends)[:5])
    e1, e2, q1, q2, e3 = (float(value) for value in np.ravel(errors)[4:9])
    unit = half / focal
    radial = tuple(
        Figure(value * unit**power, error * unit**power)
        for value, error, power in ((k1, e1, 2), (k2, e2, 4), (k3, e3, 6))
    )
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
        tangential=(Figure(p1 * unit, q1 * unit), Figure(p2 * unit, q2 * unit)),
    )


def _lateral(
    samples: Samples, letter: str, rows: list[tuple[Floats, Floats, Floats]], places: Floats, shifts: Floats
) -> LateralColor:
    """shift . direction = (r / half) (c0 + c1 r2) (radius . direction) + a constant shift, by robust least squares."""
    height, width = samples.shape
    half = math.hypot(width, height) / 2.0
    designs, values = [], []
    for at, direction, shift in rows:
        away = (at - np.array(samples.middle_px)) / half
        r2 = np.sum(away * away, axis=1)
        radial = np.sum(away * direction, axis=1)
        designs.append(np.column_stack([radial, radial * r2, direction]))
        values.append(shift)
    design, value = np.concatenate(designs), np.concatenate(values)
    spread = np.full(len(value), 1.0)
    for _ in range(6):
        found, covariance, _ = _weighted(design, value, spread)
        left = value - design @ found
        usual = 1.4826 * float(np.median(np.abs(left))) + 1e-9
        spread = usual * np.sqrt(1.0 + (left / (2.0 * usual)) ** 2)
    sigma = np.sqrt(np.diag(covariance))
    lever = np.array([1.0, 1.0, 0.0, 0.0])
    corner = Figure(float(found[0] + found[1]), math.sqrt(float(lever @ covariance @ lever)))
    return LateralColor(
        letter,
        (Figure(float(found[0]), float(sigma[0])), Figure(float(found[1]), float(sigma[1]))),
        corner,
        float(np.sqrt(np.mean(left**2))),
        tuple((float(x), float(y)) for x, y in places),
        tuple((float(x), float(y)) for x, y in shifts),
        (Figure(float(found[2]), float(sigma[2])), Figure(float(found[3]), float(sigma[3]))),
    )


def _weighted(design: Floats, value: Floats, error: Floats) -> tuple[Floats, Floats, float]:
    """(solution, covariance, rms left): errors that are too small for what is left are made larger (Birge ratio)."""
    root = 1.0 / np.maximum(error, 1e-12)
    covariance = np.linalg.pinv((design * root[:, None]).T @ (design * root[:, None]))
    found = covariance @ (design.T @ (value * root**2))
    left = value - design @ found
    birge = float(np.sum((left * root) ** 2)) / max(len(value) - design.shape[1], 1)
    return found, covariance * max(birge, 1.0), float(np.sqrt(np.mean(left**2)))


def _through_focus(readings: Sequence[tuple[float, Sharpness]]) -> list[tuple[Place, list[tuple[float, float, float]]]]:
    """Each edge's (focus_um, MTF50, error) over the frames; an edge is one where place and direction agree."""
    curves: list[tuple[Place, float, list[tuple[float, float, float]]]] = []
    for focus, sharpness in readings:
        for edge in sharpness.edges:
            told = (focus, edge.mtf50_cpp.value, edge.mtf50_cpp.error)
            for place, angle, curve in curves:
                turned = abs((edge.angle_deg - angle + 90.0) % 180.0 - 90.0)
                if math.dist(place, edge.place_px) < 0.4 * edge.length_px and turned < 10.0:
                    curve.append(told)
                    break
            else:
                curves.append((edge.place_px, edge.angle_deg, [told]))
    return [(place, curve) for place, _, curve in curves if len({each[0] for each in curve}) >= 4]


def _peaks(curves: Sequence[Floats]) -> list[Figure | None]:
    """Where the bell through each (focus, MTF50, error) has its middle, None where it cannot be told.

    1 / MTF50^2 is a parabola of focus, as blurs add; what the lens's own aberrations add, one side of it being steeper
    than the other, is alike for all edges, and told by all of them together.
    """
    lean = 0.0
    found = [_peak(curve, lean) for curve in curves]
    for _ in range(8):
        told = [(curve, each) for curve, each in zip(curves, found, strict=True) if each is not None]
        pull, weight = 0.0, 0.0
        for curve, each in told:
            focus, value, error = curve[curve[:, 1] > _BELL * curve[:, 1].max()].T
            u = focus - each.value
            root = value**3.0 / np.maximum(error, 1e-3 * value)
            design = np.column_stack([np.ones_like(u), 2.0 * u + 3.0 * lean * u**2, u**2 + lean * u**3]) * root[:, None]
            inverse = np.linalg.pinv(design)
            own = inverse @ (value**-2.0 * root)
            cubic = own[2] * u**3 * root
            cubic = cubic - design @ (inverse @ cubic)
            pull += float(cubic @ (value**-2.0 * root - design @ own))
            weight += float(cubic @ cubic)
        step = pull / weight if weight > 0.0 else 0.0
        lean += step
        found = [_peak(curve, lean) for curve in curves]
        if abs(step) < 1e-3 * abs(lean):
            break
    return found


def _peak(curve: Floats, lean: float) -> Figure | None:
    """The middle of one bell, whose parabola is u^2 + lean u^3 from there."""
    focus, value, error = curve[curve[:, 1] > _BELL * curve[:, 1].max()].T
    if len(focus) < 4:
        return None
    reach = max(float(np.ptp(focus)), 1e-9)
    at = float(focus.mean())
    for turn in range(12 if lean else 1):
        x, bend = (focus - at) / reach, lean * reach if turn else 0.0
        design = np.column_stack([np.ones_like(x), 2.0 * x + 3.0 * bend * x**2, x**2 + bend * x**3])
        own, covariance, _ = _weighted(design, value**-2.0, 2.0 * value**-3.0 * np.maximum(error, 1e-3 * value))
        if own[2] <= 3.0 * math.sqrt(covariance[2, 2]):
            return None
        step = -float(own[1] / own[2])
        if not abs(step) < 2.0:
            return None
        at += reach * step
        if turn and abs(step) < 1e-4:
            break
    if not focus.min() - 0.1 * reach <= at <= focus.max() + 0.1 * reach:
        return None
    lever = np.array([0.0, -1.0 / own[2], own[1] / own[2] ** 2])
    return Figure(at, reach * math.sqrt(float(lever @ covariance @ lever)))
