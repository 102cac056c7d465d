"""Edges of ordinary photos that show how sharp a lens draws: where they lie, and which of them are as sharp as it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anylens.lab.between import Between
from anylens.lab.charts import Edge
from anylens.lab.samples import Samples
from anylens.lab.sharpness import EdgeSharpness, edge_sharpness
from anylens.refusal import Refusal

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

RINGS = 0.4, 0.75
"""Where the middle of a picture ends and where half way out does, in parts of half the diagonal."""
LEAST_AGREEING = 3
"""Edges in the middle, and each way half way out, that are to agree before photos tell a lens's blur."""

_LEAST_PX, _MOST_PX = 30.0, 110.0
"""How long an edge is to be, and how much of it is looked at."""
_HALF_WIDTHS_PX = 12, 16, 24, 32, 48
"""How far to both sides of an edge nothing else is to lie: the widest of these that holds."""
_LEAST_TURNS = 2.5
"""How many periods of MTF50 an edge's surfaces reach at least, for no skirt of the blur to lie beyond them."""
_SLANT_PX = 2.5
"""How far an edge moves at least across the lattice's axes and diagonals from its one end to the other."""
_MOST_NOISE, _UNEVEN = 0.18, 0.12
"""Of a sample, and of a surface, in parts of an edge's step."""
_LEAST_STEP, _LEAST_LIGHT = 12.0, 8.0
"""Of 255, in square roots of light."""
_ALONG = 16
_ACROSS = np.arange(-_HALF_WIDTHS_PX[-1] / 2.0, _HALF_WIDTHS_PX[-1] / 2.0 + 0.01, 0.5)
_REACH, _BENT = 3.0, 0.5
"""Samples from an edge where its surfaces begin, and by which its quarters may stray."""
_PARTS, _MOST = (6, 4), 40
"""Parts of a picture, which give their edges in turns, and how many edges are measured in all."""
_FLOOR = 0.05
"""How far edges differ besides their errors, in logarithms of MTF50."""
_STARTS = 0.5, 0.65, 0.8, 0.9
_ROUNDS = 60
_ANYTHING = math.log(3.0)
"""The range of the logarithms of edges that are neither the lens's nor softer."""


def edges_in(samples: Samples, roots: Bytes) -> tuple[EdgeSharpness, ...]:
    """Short straight edges of a photo that stand alone between even surfaces, as sharpness is measured across them.

    `roots` are the photo's `roots_of_green`, where they are looked for. Each part of the picture gives its steepest.
    """
    found = []
    for edge in _alone(roots):
        try:
            told = edge_sharpness(samples, edge, shaded=False)
        except Refusal:
            continue
        if told.noise < _MOST_NOISE:
            found.append(told)
    return tuple(found)


def _alone(roots: Bytes) -> list[Edge]:
    """Where such edges lie."""
    import cv2

    lines = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(roots)[0]
    ends = np.asarray(lines if lines is not None else np.zeros((0, 4)), np.float64).reshape(-1, 2, 2)
    way = ends[:, 1] - ends[:, 0]
    length = np.hypot(*way.T)
    kept = np.minimum(length - 2.0, _MOST_PX / 2.0)
    angle = np.arctan2(way[:, 1], way[:, 0])
    slant = 2.0 * kept * np.abs(np.sin(4.0 * angle)) / 4.0
    good = (2.0 * kept >= _LEAST_PX) & (slant >= _SLANT_PX)
    ends, way, kept = ends[good], way[good] / length[good, None], kept[good]
    if not len(ends):
        return []
    middle = ends.mean(axis=1)
    across = np.stack([-way[:, 1], way[:, 0]], axis=1)
    t = np.linspace(-0.5, 0.5, _ALONG) * kept[:, None]
    places = middle[:, None] + t[..., None] * way[:, None]
    places = places[:, :, None] + _ACROSS[:, None] * across[:, None, None]
    read = Between(roots).at(places.reshape(-1, len(_ACROSS), 2), outside=math.nan)
    light = np.asarray(read, np.float64).reshape(len(ends), _ALONG, len(_ACROSS))
    half_width, steep = _steps(light)
    order = np.argsort(-steep)[: int((half_width > 0.0).sum())]
    height, wide = roots.shape
    parts = (middle * (_PARTS[0] / wide, _PARTS[1] / height)).astype(int)
    upright = np.abs(way[:, 1]) > math.sqrt(0.5)
    had: dict[tuple[int, int, bool], int] = {}
    turns = []
    for at in order:
        part = int(parts[at, 0]), int(parts[at, 1]), bool(upright[at])
        turns.append(had.get(part, 0))
        had[part] = turns[-1] + 1
    edges = []
    for at in order[np.argsort(turns, kind="stable")][:_MOST]:
        (x0, y0), (x1, y1) = (2.0 * (middle[at] + side * kept[at] * way[at]) + 0.5 for side in (-0.5, 0.5))
        edges.append(Edge((float(x0), float(y0)), (float(x1), float(y1)), float(half_width[at])))
    return edges


def _steps(light: Floats) -> tuple[Floats, Floats]:
    """(how far in px strips (n, along, across) are one straight step between even surfaces, 0 for not at all; how steep
    that step is)."""
    away = np.abs(_ACROSS)
    near, beside = away <= _REACH, (away > _REACH) & (away <= _HALF_WIDTHS_PX[0] / 2.0)
    profile = light.mean(axis=1)
    left, right = (np.median(profile[:, beside & side], axis=1) for side in (_ACROSS < 0.0, _ACROSS > 0.0))
    step = right - left
    quarters = light.reshape(len(light), 4, -1, len(_ACROSS)).mean(axis=2) - left[:, None, None]
    quarters = quarters / np.where(np.abs(step) < _LEAST_STEP, np.nan, step)[:, None, None]
    place = (0.5 - quarters[:, :, near]).sum(axis=2) * 0.5
    straight = light[:, :, beside].std(axis=1).mean(axis=1) < _MOST_NOISE * np.abs(step)
    straight &= np.minimum(left, right) > _LEAST_LIGHT
    straight &= np.abs(place - place.mean(axis=1, keepdims=True)).max(axis=1) < _BENT
    uneven = np.abs(quarters - (_ACROSS > 0.0)).max(axis=1)
    half_width = np.zeros(len(light))
    for px in _HALF_WIDTHS_PX:
        half_width[straight & (uneven[:, ~near & (away <= px / 2.0)].max(axis=1) < _UNEVEN)] = px
    slope = np.diff(quarters.mean(axis=1)[:, near], axis=1)
    at = (_ACROSS[near][1:] + _ACROSS[near][:-1]) / 2.0
    width = np.sqrt(np.maximum(slope @ at**2 - (slope @ at) ** 2, 0.0))
    return half_width, np.where(half_width > 0.0, np.abs(step) / np.maximum(width, 0.5), 0.0)


def as_sharp_as_lens(
    photos: Sequence[Sequence[EdgeSharpness]], reach_mm: float
) -> tuple[tuple[EdgeSharpness, ...], str | None]:
    """(the edges of all photos of one aperture that are as sharp as the lens draws them, where they are too few).

    What lies out of focus, is soft of itself or moved only broadens edges. So the logarithm of an edge's MTF50 is the
    lens's there, within its error, or less by an exponential tail, or anything at all; the lens's is a polynomial of
    the radius, in parts of half the diagonal `reach_mm`, for both ways of edges. All of it is found as the likeliest
    (expectation and maximisation, Dempster, Laird & Rubin 1977). Where they are too few is said in words, None where
    the middle, and each way half way out, has enough of at least two photos.
    """
    edges = [edge for each in photos for edge in each if edge.place_mm is not None]
    photo = np.array([at for at, each in enumerate(photos) for edge in each if edge.place_mm is not None])
    if not edges:
        return (), "anywhere"
    value = np.log([edge.mtf50_cpp.value for edge in edges])
    error = np.hypot([edge.mtf50_cpp.error / edge.mtf50_cpp.value for edge in edges], _FLOOR)
    radius = np.array([math.hypot(*(edge.place_mm or (0.0, 0.0))) for edge in edges]) / reach_mm
    turn = np.cos(2.0 * np.radians([edge.off_radius_deg for edge in edges]))
    design = np.stack([radius**0, radius**2, radius**4, radius**2 * turn, radius**4 * turn], axis=1)
    half_width = np.array([edge.half_width_px for edge in edges])
    # By the lens's own MTF50, not each edge's: that would leave the sharp ones among the soft.
    own, field = _own(design, value, error)
    reaching = np.exp(design @ field) * half_width > _LEAST_TURNS
    own[reaching] = _own(design[reaching], value[reaching], error[reaching])[0]
    kept = reaching & (own > 0.5)
    inner, half_way = radius < RINGS[0], (radius >= RINGS[0]) & (radius < RINGS[1])
    wanted = {
        "in the middle": inner,
        "running along the radius half way out": half_way & (turn < 0.0),
        "running across the radius half way out": half_way & (turn >= 0.0),
    }
    lacking = next((name for name, here in wanted.items() if (kept & here).sum() < LEAST_AGREEING), None)
    if lacking is None and len(set(photo[kept])) < 2:
        lacking = "in all but one of them"
    return tuple(edge for edge, good in zip(edges, kept, strict=True) if good), lacking


def _own(design: Floats, value: Floats, error: Floats) -> tuple[Floats, Floats]:
    """((n,) how likely each edge is the lens's own, the polynomial of the lens's)."""
    from scipy.special import log_ndtr

    count = design.shape[1]
    belief = np.diag([1e-4, *(1.0,) * (count - 1)])
    best = -math.inf, np.zeros(len(value)), np.zeros(count)
    for start in np.quantile(value, _STARTS) if len(value) else ():
        field = np.zeros(count)
        field[0] = start
        shares, tail, spread = np.array([0.4, 0.57, 0.03]), 0.3, 1.5
        for _ in range(_ROUNDS):
            away, sigma = value - design @ field, spread * error
            lens = -0.5 * (away / sigma) ** 2 - np.log(math.sqrt(2.0 * math.pi) * sigma)
            soft = away / tail + 0.5 * (sigma / tail) ** 2 - math.log(tail) + log_ndtr(-away / sigma - sigma / tail)
            logs = np.stack([lens, soft, np.full(len(value), -_ANYTHING)]) + np.log(shares)[:, None]
            total = np.logaddexp.reduce(logs, axis=0)
            likelihood = float(total.sum()) - 0.5 * float(field @ belief @ field)
            own, softer, odd = np.exp(logs - total)
            if likelihood > best[0]:
                best = likelihood, own, field
            weight = own / sigma**2
            field = np.linalg.solve((design * weight[:, None]).T @ design + belief, design.T @ (weight * value))
            shares = np.clip([own.mean(), softer.mean(), odd.mean()], (0.2, 0.05, 0.01), (0.95, 0.9, 0.06))
            shares = shares / shares.sum()
            tail = float(np.clip(softer @ np.maximum(-away, 0.0) / max(softer.sum(), 1e-9), 0.15, 1.0))
            spread = float(np.clip(math.sqrt(own @ (away / error) ** 2 / max(own.sum(), 1e-9)), 1.0, 2.0))
    return best[1:]
