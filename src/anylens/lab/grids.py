"""Flat charts of points: dots, crossing lines, chessboard and ChArUco, found by themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from anylens.lab.charuco import Byte, Found, charuco
from anylens.lab.picture import Mark, drawn
from anylens.lab.points import Kind, reach_px, refined
from anylens.lab.samples import Floats, NoChart, Place, Samples

Chart = Literal["dots", "lines", "chessboard", "charuco"]

_PLENTY = 40
_LEAST_POINTS = 12
_LARGEST_PX = 1600
_MOST_SADDLES = 800


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Points of a flat chart whose places on it are known.

    `points_px` (n, 2) as the picture shows them, `error_px` (n,) how sure each is, `chart` (n, 2) their places on the
    chart in steps of its lattice. `letter` is the colour that they were measured in.
    """

    kind: Chart
    letter: str
    points_px: Floats
    error_px: Floats
    chart: Floats

    @property
    def step_px(self) -> float:
        """How far neighbours lie apart, the median."""
        return _gap(self.points_px)


def find_grid(samples: Samples) -> Grid:
    """The grid in a picture, of whatever kind; its points then measured on the colour's own sites.

    Dots and the fields between lines are spots joined to a lattice from neighbour to neighbour, so that any bend and
    tilt will do; chessboards are OpenCV's (Duda & Frese 2018), ChArUco boards its dictionary DICT_4X4_1000, whose
    size is told by the markers' numbers. A few spots may lie like a grid beside the real one, so while there are
    fewer than 40 points the next kind is looked for too, and the one of most points is taken. Raises NoChart.
    """
    small, shrink = _small(samples)
    seekers = {"charuco": charuco, "dots": _dots, "chessboard": _chessboard, "lines": _lines}
    best: Grid | None = None
    for name, seek in seekers.items():
        found = seek(small)
        if found is None:
            continue
        points, chart = found
        grid = _measured(samples, name, (points + 0.5) * shrink - 0.5, chart, grow=True)  # type: ignore[arg-type]
        if best is None or len(grid.points_px) > len(best.points_px):
            best = grid
        if len(best.points_px) >= _PLENTY:
            break
    if best is not None and len(best.points_px) >= _LEAST_POINTS:
        return best
    height, width = samples.shape
    spots = [tuple(place) for place, _ in _spots(small, dark=True)]
    marks = (Mark("points", tuple((x * shrink, y * shrink) for x, y in spots[:2000]), "seen"),) if spots else ()
    raise NoChart(
        f"No grid of dots or lines, chessboard or ChArUco board was found: in the {width} x {height} px {len(spots)} "
        f"spots stand out and form none of {_LEAST_POINTS} points or more; show the whole chart, sharp and evenly lit.",
        drawn(samples, marks),
    )


def measured_again(samples: Samples, grid: Grid) -> Grid:
    """The same points in another colour's samples, only those that could be measured."""
    return _measured(samples, grid.kind, grid.points_px, grid.chart)


def grid_drawn(samples: Samples, grid: Grid) -> Byte:
    """(h, w, 3) uint8: the picture with the points of the grid."""
    return drawn(samples, (Mark("points", tuple((float(x), float(y)) for x, y in grid.points_px)),))


def _measured(samples: Samples, kind: Chart, points: Floats, chart: Floats, grow: bool = False) -> Grid:
    """Those of the points that can be measured, and where a board is to grow, further ones of it."""
    shape: Kind = "dot" if kind == "dots" else "crossing" if kind == "lines" else "corner"
    # About a corner of a ChArUco board its markers leave a clear circle of a sixth of a square.
    step = (_gap(points) if len(points) > 1 else 20.0) * (0.5 if kind == "charuco" else 1.0)
    places, error = refined(samples, points, shape, step)
    if grow and shape == "corner":
        places, error, chart = _extended(samples, places, error, chart, 0.9 if kind == "chessboard" else 0.5)
    there = ~np.isnan(error)
    sure = there & (error < max(6.0 * float(np.median(error[there])), 0.02) if there.any() else there)
    places, error, chart = places[sure], error[sure], np.asarray(chart[sure], np.float64)
    if shape != "dot" and sure.any():
        places = _bow_undone(places, chart, float(reach_px(shape, step)))
    return Grid(kind, samples.letter, places, error, chart)


def _bow_undone(places: Floats, chart: Floats, about_px: float) -> Floats:
    """Where corners lie whose edges, which a lens bows, were taken for straight ones.

    Neighbours tell how far a line bows over a step; over a shorter way it is less by the square, and a straight line
    that was fitted so far about a corner lies off the bow's middle by a third of that. Where a line ends it bows as
    beside its end.
    """
    i, j = np.rint(chart - chart.min(axis=0)).astype(np.intp).T + 1
    lattice = np.full((i.max() + 2, j.max() + 2, 2), np.nan)
    lattice[i, j] = places
    normals, off = np.empty((len(places), 2, 2)), np.empty((len(places), 2))
    for axis in (0, 1):
        before, after = np.roll(lattice, 1, axis), np.roll(lattice, -1, axis)
        chord = np.where(np.isnan(after), lattice, after) - np.where(np.isnan(before), lattice, before)
        long = np.maximum(np.hypot(*np.moveaxis(chord, -1, 0)), 1e-9)[..., None]
        normal = np.stack([-chord[..., 1], chord[..., 0]], axis=-1) / long
        bows = normal * (0.5 * (before + after) - lattice) * (2.0 * about_px / long) ** 2 / 3.0
        bow = bows.sum(axis=-1)
        for side in (1, -1):
            bow = np.where(np.isnan(bow), np.roll(bow, side, axis), bow)
        normals[:, axis], off[:, axis] = normal[i, j], np.nan_to_num(bow[i, j])
    return places - (np.linalg.pinv(normals) @ off[..., None])[..., 0]


def _extended(
    samples: Samples, places: Floats, error: Floats, chart: Floats, clear: float
) -> tuple[Floats, Floats, Floats]:
    """A board's points and further ones, each one step on from two that are known, as long as there are any."""
    at = {(int(i), int(j)): k for k, (i, j) in enumerate(chart) if not np.isnan(error[k])}
    tried: set[tuple[int, int]] = set()
    while True:
        ahead: dict[tuple[int, int], tuple[int, int]] = {}
        for (i, j), k in at.items():
            for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                there, before = (i + a, j + b), (i - a, j - b)
                if there not in at and there not in tried and before in at:
                    ahead[there] = k, at[before]
        if not ahead:
            return places, error, chart
        tried |= set(ahead)
        last, behind = (places[[pair[which] for pair in ahead.values()]] for which in (0, 1))
        goal, step = 2.0 * last - behind, np.hypot(*(last - behind).T)
        found, found_error = refined(samples, goal, "corner", clear * step)
        good = np.hypot(*(found - goal).T) < 0.15 * step
        fresh = np.array(list(ahead))[good]
        at |= {(int(i), int(j)): len(places) + k for k, (i, j) in enumerate(fresh)}
        places, error = np.concatenate([places, found[good]]), np.concatenate([error, found_error[good]])
        chart = np.concatenate([chart, fresh])


def _small(samples: Samples) -> tuple[Byte, int]:
    """The picture for looking: 8-bit, brightened and evened out, each pixel the mean of `shrink` x `shrink`."""
    from scipy.ndimage import uniform_filter

    light, shrink = samples.shrunk(_LARGEST_PX)
    around = uniform_filter(light, max(9, min(light.shape) // 6), mode="nearest")
    even = light / np.maximum(around, 1e-3 * float(around.max()))
    low, high = np.percentile(even[::3, ::3], (1.0, 99.0))
    seen = np.clip((even - low) / max(float(high - low), 1e-6), 0.0, 1.0)
    return np.asarray(np.rint(seen * 255.0), np.uint8), shrink


def _chessboard(small: Byte) -> Found | None:
    """Saddles of brightness joined to a lattice, or what OpenCV finds where they form none."""
    import cv2

    for sigma in (3.0, 1.5):
        found = _lattice(_saddles(small, sigma))
        if found is not None:
            found = _checkered(small, *found)
            if len(found[0]) >= _LEAST_POINTS and _regular(*found):
                return found
    flags = cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY | cv2.CALIB_CB_LARGER | cv2.CALIB_CB_NORMALIZE_IMAGE
    good, corners, meta = cv2.findChessboardCornersSBWithMeta(small, (4, 4), flags)
    if not good or meta is None or meta.size < _LEAST_POINTS:
        return None
    rows, columns = meta.shape[:2]
    points = np.asarray(corners, np.float64).reshape(rows, columns, 2)
    right, down = points[0, -1] - points[0, 0], points[-1, 0] - points[0, 0]
    if right[0] * down[1] - right[1] * down[0] < 0.0:
        points = points[:, ::-1]
    y, x = np.mgrid[:rows, :columns]
    found = points.reshape(-1, 2), np.column_stack([x.ravel(), y.ravel()]).astype(np.float64)
    return found if _regular(*found) else None


def _saddles(small: Byte, sigma: float) -> Floats:
    """(n, 2): places where brightness rises along one diagonal and falls along the other, strongly."""
    from scipy.ndimage import gaussian_filter, maximum_filter

    light = small.astype(np.float32)
    xx, yy, xy = (gaussian_filter(light, sigma, order) for order in ((0, 2), (2, 0), (1, 1)))
    saddle = xy * xy - xx * yy
    peak = (saddle == maximum_filter(saddle, round(4.0 * sigma) | 1)) & (saddle > 0.0)
    peak[:4], peak[-4:], peak[:, :4], peak[:, -4:] = False, False, False, False
    rows, columns = np.nonzero(peak)
    strength = saddle[rows, columns]
    if strength.size == 0:
        return np.zeros((0, 2))
    strong = np.argsort(-strength)[:_MOST_SADDLES]
    strong = strong[strength[strong] > 0.15 * strength[strong[min(20, strong.size - 1)]]]
    strong = strong[_four_fields(light, rows[strong], columns[strong], 2.5 * sigma)]
    if _lattice(np.column_stack([columns[strong], rows[strong]]).astype(np.float64)) is None:
        return np.zeros((0, 2))  # Nothing to place more finely, which takes longer.
    samples = Samples(light / 255.0)
    places, error = refined(
        samples, np.column_stack([columns[strong], rows[strong]]).astype(np.float64), "corner", 12.0 * sigma
    )
    return places[~np.isnan(error)]


def _four_fields(
    light: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], radius: float
) -> npt.NDArray[np.bool_]:
    """(n,): whether a ring about each place is light, dark, light and dark, as about the corner of four squares."""
    from scipy.ndimage import map_coordinates

    angle = np.arange(32) * (2.0 * math.pi / 32)
    y = rows[:, None] + radius * np.sin(angle)
    x = columns[:, None] + radius * np.cos(angle)
    waves = np.abs(np.fft.rfft(map_coordinates(light, (y, x), order=1, mode="nearest"))) ** 2
    return np.asarray(waves[:, 2] > 0.4 * waves[:, 1:].sum(axis=1))


def _checkered(small: Byte, points: Floats, chart: Floats) -> Found:
    """Those points about which light and dark lie as the board has it: the other way round at every next one."""
    from scipy.ndimage import map_coordinates

    at = {(int(i), int(j)): place for (i, j), place in zip(chart, points, strict=True)}
    light, score = small.astype(np.float32), []
    for (i, j), place in at.items():
        steps = []
        for a, b in ((1, 0), (0, 1)):
            after, before = at.get((i + a, j + b)), at.get((i - a, j - b))
            steps.append(after - place if after is not None else place - before if before is not None else None)
        if steps[0] is None or steps[1] is None:
            score.append(0.0)
            continue
        one, two = 0.25 * (steps[0] + steps[1]), 0.25 * (steps[0] - steps[1])
        x, y = np.array([place + one, place - one, place + two, place - two]).T
        here = map_coordinates(light, (y, x), order=1, mode="nearest")
        score.append(float(here[0] + here[1] - here[2] - here[3]) * (-1.0) ** (i + j))
    scores = np.array(score)
    usual = float(np.median(scores))
    kept = scores * np.sign(usual) > 0.4 * abs(usual)
    return points[kept], chart[kept] - (chart[kept].min(axis=0) if kept.any() else 0.0)


def _regular(points: Floats, chart: Floats) -> bool:
    """Whether neighbours on the chart are so in the picture: no step differs much from the one before."""
    at = {(int(i), int(j)): place for (i, j), place in zip(chart, points, strict=True)}
    bends = []
    for (i, j), place in at.items():
        for a, b in ((1, 0), (0, 1)):
            before, after = at.get((i - a, j - b)), at.get((i + a, j + b))
            if before is not None and after is not None:
                bends.append(np.hypot(*(after + before - 2.0 * place)) / np.hypot(*(after - before)))
    return len(bends) >= 4 and float(np.max(bends)) < 0.12


def _dots(small: Byte) -> Found | None:
    best: Found | None = None
    for dark in (True, False):
        spots = _spots(small, dark)
        found = _lattice(np.array([place for place, _ in spots]).reshape(-1, 2))
        if found is None or (best is not None and len(found[0]) <= len(best[0])):
            continue
        if float(np.median([area for _, area in spots])) < 0.35 * _gap(found[0]) ** 2:
            best = found
    return best


def _lines(small: Byte) -> Found | None:
    """Crossings of lines: between four fields of another brightness than the lines."""
    for dark in (False, True):
        spots = _spots(small, dark)
        found = _lattice(np.array([place for place, _ in spots]).reshape(-1, 2))
        if found is None:
            continue
        points, chart = found
        if float(np.median([area for _, area in spots])) < 0.4 * _gap(points) ** 2:
            continue
        at = {(int(i), int(j)): place for (i, j), place in zip(chart, points, strict=True)}
        crossings, places = [], []
        for i, j in at:
            four = [at.get((i + a, j + b)) for a, b in ((0, 0), (1, 0), (0, 1), (1, 1))]
            if all(each is not None for each in four):
                crossings.append(np.mean([each for each in four if each is not None], axis=0))
                places.append((i, j))
        if len(crossings) >= _LEAST_POINTS:
            return np.array(crossings), np.array(places, np.float64)
    return None


def _gap(points: Floats) -> float:
    from scipy.spatial import cKDTree

    return float(np.median(cKDTree(points).query(points, 2)[0][:, 1]))


def _spots(small: Byte, dark: bool) -> list[tuple[Place, float]]:
    """(middle, area) of the spots that stand out, of the size that most have."""
    import cv2

    size = max(15, min(small.shape) // 8 | 1)
    kind = cv2.THRESH_BINARY_INV if dark else cv2.THRESH_BINARY
    black = cv2.adaptiveThreshold(small, 255, cv2.ADAPTIVE_THRESH_MEAN_C, kind, size, -12 if not dark else 12)
    count, _, stats, middles = cv2.connectedComponentsWithStats(black, connectivity=4)
    height, width = small.shape
    spots = []
    for at in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[at])
        whole = x > 0 and y > 0 and x + w < width and y + h < height
        if area >= 9 and whole and 0.4 < w / h < 2.5 and area > 0.5 * w * h:
            spots.append(((float(middles[at][0]), float(middles[at][1])), float(area)))
    if not spots:
        return []
    usual = float(np.median([area for _, area in spots]))
    return [spot for spot in spots if 0.35 * usual < spot[1] < 2.8 * usual]


def _lattice(points: Floats) -> Found | None:
    """Points joined to a lattice: each one's neighbour lies about where the step before leads."""
    from scipy.spatial import cKDTree

    if len(points) < _LEAST_POINTS:
        return None
    tree = cKDTree(points)
    best: dict[tuple[int, int], int] = {}
    middle = np.median(points, axis=0)
    for start in np.argsort(np.hypot(*(points - middle).T))[:5]:
        steps = _two_steps(points, tree, int(start))
        if steps is None:
            continue
        grown = _grown(points, tree, int(start), steps)
        if len(grown) > len(best):
            best = grown
    if len(best) < _LEAST_POINTS:
        return None
    chart = np.array(list(best), np.float64)
    return points[list(best.values())], chart - chart.min(axis=0)


def _two_steps(points: Floats, tree: object, start: int) -> tuple[Floats, Floats] | None:
    """The steps from a point to its right and lower neighbours."""
    _, near = tree.query(points[start], min(9, len(points)))  # type: ignore[attr-defined]
    away = points[near[1:]] - points[start]
    first = away[0]
    length = np.hypot(*first)
    for second in away[1:]:
        sine = abs(first[0] * second[1] - first[1] * second[0]) / (length * np.hypot(*second))
        if sine > 0.6 and np.hypot(*second) < 2.0 * length:
            right, down = (first, second) if abs(first[0]) >= abs(second[0]) else (second, first)
            return right * (1.0 if right[0] > 0 else -1.0), down * (1.0 if down[1] > 0 else -1.0)
    return None


def _grown(points: Floats, tree: object, start: int, steps: tuple[Floats, Floats]) -> dict[tuple[int, int], int]:
    at = {(0, 0): start}
    local = {(0, 0): steps}
    taken = {start}
    front = [(0, 0)]
    while front:
        here = front.pop(0)
        for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
            there = (here[0] + sign * (axis == 0), here[1] + sign * (axis == 1))
            if there in at:
                continue
            step = local[here][axis]
            goal = points[at[here]] + sign * step
            away, near = tree.query(goal)  # type: ignore[attr-defined]
            if away > 0.25 * np.hypot(*step) or int(near) in taken:
                continue
            at[there] = int(near)
            taken.add(int(near))
            taken_step = sign * (points[int(near)] - points[at[here]])
            both = list(local[here])
            both[axis] = taken_step
            local[there] = (both[0], both[1])
            front.append(there)
    return at
