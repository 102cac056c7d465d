"""Best focus over the field, from frames through focus: how a lens is tilted before the sensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from anylens.lab.figure import Figure, weighted
from anylens.lab.samples import Floats, Place
from anylens.lab.sharpness import Sharpness
from anylens.refusal import Refusal

_BELL = 0.2
"""Of the sharpest, what still tells of the bell of sharpness over focus."""


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
    found, covariance, left = weighted(design, value, error)
    sigma = np.sqrt(np.diag(covariance))
    about_x, about_y = (Figure(math.degrees(math.atan(found[k] * 1e-3)), math.degrees(sigma[k] * 1e-3)) for k in (2, 1))
    curved = Figure(float(found[3]), float(sigma[3])) if design.shape[1] > 3 else Figure(math.nan)
    return Tilt(about_x, about_y, Figure(float(found[0]), float(sigma[0])), curved, left, tuple(places), tuple(best))


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
        own, covariance, _ = weighted(design, value**-2.0, 2.0 * value**-3.0 * np.maximum(error, 1e-3 * value))
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
