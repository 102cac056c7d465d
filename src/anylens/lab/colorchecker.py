"""A ColorChecker found in a picture by itself: 24 even patches on a lattice, whatever way up, seen askew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lab import spectra
from anylens.lab.samples import NoChart

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

ACROSS, DOWN = 6, 4
_LONGEST = 1000
_LEAST_PATCHES = 9
_MOST_UNLIKE = 0.16


@dataclass(frozen=True, slots=True, eq=False)
class Checker:
    """Where the chart lies.

    `homography` (3, 3) goes from the chart (x 0 to 5 and y 0 to 3 are the middles of the patches, dark skin at 0, 0)
    to the picture in pixels; a patch reaches `half` to each side of its middle. `corners_px` (4, 2) are the outer
    corners of the patches dark skin, bluish green, black and white. `error_px` is the rms of the patches' middles
    about this map; `found` of the 24 were found by themselves.
    """

    homography: Array
    half: float
    error_px: float
    found: int
    corners_px: Array = field(repr=False)

    def patch_px(self, index: int, share: float = 1.0) -> Array:
        """(4, 2) corners of a patch in the picture, or of its inner part of that share of its sides."""
        column, row, reach = index % ACROSS, index // ACROSS, self.half * share
        corners = [(column + x * reach, row + y * reach) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        return mapped(self.homography, np.array(corners))

    @property
    def tilt_deg(self) -> float:
        """Roughly by how much the chart is turned out of the picture's plane, by the growth of its near side."""
        a, b, c, d = self.corners_px
        sides = [np.linalg.norm(each) for each in (b - a, c - b, d - c, a - d)]
        return float(
            np.degrees(np.arctan(2.0 * max(abs(np.log(sides[0] / sides[2])), abs(np.log(sides[1] / sides[3])))))
        )


def mapped(homography: npt.NDArray[np.floating[Any]], places: Array) -> Array:
    """(n, 2) places through a projective map."""
    full = np.column_stack([places, np.ones(len(places))]) @ homography.T
    return np.asarray(full[:, :2] / full[:, 2:])


def find(light: Floats, sample_px: int = 1) -> Checker:
    """The ColorChecker in linear light (3, h, w), in its pixels; pixel centres stand at whole numbers.

    Even regions with four straight sides are sought at several scales, joined to a lattice from neighbour to
    neighbour, and the lattice is laid over the chart in every way; the way that the colours fit wins. Its places are
    then measured anew on the sides of the patches. Own work. Raises NoChart.
    """
    import cv2

    _, height, width = light.shape
    scale = min(1.0, _LONGEST / max(height, width))
    small = _small(light, scale)
    shown = _eight_bits(small)
    quads = _quads(shown)
    best: tuple[float, Array, int] | None = None
    reference = _reference()
    for lattice in _lattices(quads):
        at, middles = lattice
        homography = _projective(at.astype(np.float64), middles)
        if homography is None:
            continue
        for unlike, turned in _ways(homography, at, small, reference):
            if best is None or unlike < best[0]:
                best = (unlike, turned, len(at))
    if best is None or best[0] > _MOST_UNLIKE:
        looked = cv2.cvtColor(shown, cv2.COLOR_RGB2BGR)
        cv2.polylines(looked, [np.round(q).astype(np.int32) for q in quads], True, (255, 0, 255), 2)
        why = (
            f"{len(quads)} even patches were found and no 6 x 4 of them lie in a lattice with the chart's colours"
            if quads
            else "no even patches with four sides were found"
        )
        raise NoChart(
            f"No ColorChecker is seen anywhere in the {width * sample_px} x {height * sample_px} px of the picture: "
            f"{why}; fill more of the picture with the chart, light it evenly and keep it sharp.",
            np.ascontiguousarray(looked[..., ::-1]),
        )
    to_full = np.array([[1 / scale, 0, 0.5 / scale - 0.5], [0, 1 / scale, 0.5 / scale - 0.5], [0, 0, 1]])
    half = _half(quads, best[1])
    return _refined(light, to_full @ best[1], half, best[2])


def _small(light: Floats, scale: float) -> Floats:
    """(h, w, 3) evened, so that the light's colour and brightness are out of it: white about 1."""
    import cv2

    planes = np.ascontiguousarray(light.transpose(1, 2, 0))
    if scale < 1.0:
        size = (max(round(planes.shape[1] * scale), 1), max(round(planes.shape[0] * scale), 1))
        planes = np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float32)
    white = np.percentile(planes.reshape(-1, 3)[::7], 99.0, axis=0)
    return np.asarray(np.maximum(planes, 0.0) / np.maximum(white, 1e-9), np.float32)


def _eight_bits(small: Floats) -> npt.NDArray[np.uint8]:
    return np.asarray(np.round(255.0 * np.sqrt(np.clip(small, 0.0, 1.0))), np.uint8)


def _quads(shown: npt.NDArray[np.uint8]) -> list[Array]:
    """Even convex regions of four sides, each once, by several ways of telling them from what is around."""
    import cv2

    height, width = shown.shape[:2]
    soft = cv2.medianBlur(shown, 5)
    brightest = soft.max(axis=2)
    masks = []
    for share in (0.02, 0.04, 0.08, 0.16):
        block = int(share * max(height, width)) | 1
        for channel in (brightest, soft[..., 0], soft[..., 1], soft[..., 2]):
            around = cv2.blur(channel.astype(np.float32), (block, block))
            masks.append(channel > 0.86 * around + 2.0)
    slope = np.max(
        [
            np.hypot(cv2.Sobel(soft[..., i], cv2.CV_32F, 1, 0), cv2.Sobel(soft[..., i], cv2.CV_32F, 0, 1))
            for i in range(3)
        ],
        axis=0,
    )
    typical = float(np.median(slope))
    masks += [slope < max(level, 2.0 * typical) for level in (16.0, 32.0, 64.0)]
    found: list[Array] = []
    for mask in masks:
        opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        contours, _ = cv2.findContours(opened, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        found += [quad for contour in contours if (quad := _four_sided(contour, height * width)) is not None]
    return _each_once(found)


def _four_sided(contour: Any, pixels: int) -> Array | None:
    import cv2

    area = abs(cv2.contourArea(contour))
    if not 60.0 <= area <= pixels / 24:
        return None
    hull = cv2.convexHull(contour)
    if area < 0.85 * abs(cv2.contourArea(hull)):
        return None
    around = cv2.arcLength(hull, True)
    for loose in (0.03, 0.05, 0.08, 0.11):
        sides = cv2.approxPolyDP(hull, loose * around, True)
        if len(sides) == 4:
            break
    else:
        return None
    quad = np.asarray(sides.reshape(4, 2), np.float64)
    lengths = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    if lengths.min() < 0.45 * lengths.max() or abs(cv2.contourArea(sides)) < 0.8 * area:
        return None
    return quad


def _each_once(quads: Sequence[Array]) -> list[Array]:
    """Of quads about the same middle and of like size the one in the middle of their sizes."""
    left = sorted(quads, key=lambda q: float(np.linalg.norm(q - q.mean(axis=0), axis=1).mean()))
    middles = np.array([q.mean(axis=0) for q in left]).reshape(-1, 2)
    sizes = np.array([np.linalg.norm(q - q.mean(axis=0), axis=1).mean() for q in left])
    taken = np.zeros(len(left), np.bool_)
    kept = []
    for index in range(len(left)):
        if taken[index]:
            continue
        near = np.linalg.norm(middles - middles[index], axis=1) < 0.35 * sizes[index]
        like = near & (sizes < 1.6 * sizes[index]) & ~taken
        members = np.flatnonzero(like)
        taken[members] = True
        kept.append(left[int(members[len(members) // 2])])
    return kept


def _lattices(quads: Sequence[Array]) -> list[tuple[npt.NDArray[np.int64], Array]]:
    """Groups of quads that continue each other as on a chessboard without gaps: (n, 2) lattice places and middles."""
    if len(quads) < _LEAST_PATCHES:
        return []
    middles = np.array([q.mean(axis=0) for q in quads])
    sizes = np.array([np.linalg.norm(q - m, axis=1).mean() for q, m in zip(quads, middles, strict=True)])
    done: set[frozenset[int]] = set()
    found = []
    for start in range(len(quads)):
        if any(start in group and len(group) > 0.75 * ACROSS * DOWN for group in done):
            continue
        for group in _grown(start, quads, middles, sizes):
            members = frozenset(group)
            if len(group) >= _LEAST_PATCHES and not any(members <= other for other in done):
                done.add(members)
                found.append((np.array(list(group.values()), np.int64), middles[list(group)]))
    return sorted(found, key=lambda each: -len(each[0]))[:12]


def _grown(start: int, quads: Sequence[Array], middles: Array, sizes: Array) -> list[dict[int, tuple[int, int]]]:
    """Lattices about one quad, for each pair of neighbours that its own sides point to: member to (column, row)."""
    quad, size = quads[start], sizes[start]
    one, two = quad[1] - quad[0], quad[2] - quad[1]
    groups = []
    like = (sizes > 0.62 * size) & (sizes < 1.6 * size)
    for pitch in (1.0, 1.12, 1.25, 1.4, 1.6):
        right, below = (
            _nearest(middles[start] + pitch * step, middles, like, 0.16 * pitch * float(np.linalg.norm(step)))
            for step in (one, two)
        )
        if right is None or below is None or right == below:
            continue
        groups.append(_spread({start: (0, 0), right: (1, 0), below: (0, 1)}, middles, sizes))
    return groups


def _nearest(place: Array, middles: Array, allowed: npt.NDArray[np.bool_], reach: float) -> int | None:
    away = np.where(allowed, np.linalg.norm(middles - place, axis=1), np.inf)
    best = int(np.argmin(away))
    return best if away[best] <= reach else None


def _spread(seed: dict[int, tuple[int, int]], middles: Array, sizes: Array) -> dict[int, tuple[int, int]]:
    """A lattice grown from three neighbours: each next place is foretold by the nearest members."""
    group, taken = dict(seed), {place: index for index, place in seed.items()}
    for _ in range(2 * ACROSS):
        grew = False
        for (column, row), index in list(taken.items()):
            for step in ((1, 0), (0, 1), (-1, 0), (0, -1)):
                place = (column + step[0], row + step[1])
                if place in taken:
                    continue
                foretold, pitch = _foretold(place, taken, middles)
                like = (sizes > 0.7 * sizes[index]) & (sizes < 1.45 * sizes[index])
                nearest = _nearest(foretold, middles, like, 0.2 * pitch)
                if nearest is not None and nearest not in group:
                    group[nearest], taken[place], grew = place, nearest, True
        if not grew:
            break
    return group


def _foretold(place: tuple[int, int], taken: dict[tuple[int, int], int], middles: Array) -> tuple[Array, float]:
    """Where a place of the lattice must lie, by an affine map through the nearest members, and the pitch there."""
    known = np.array(list(taken), np.float64)
    away = np.abs(known - place).sum(axis=1)
    near = np.argsort(away, kind="stable")[:9]
    terms = np.column_stack([known[near], np.ones(len(near))])
    seen = middles[[list(taken.values())[i] for i in near]]
    weight = 1.0 / (0.5 + away[near])[:, None]
    fit = np.linalg.lstsq(terms * weight, seen * weight, rcond=None)[0]
    pitch = float(np.sqrt(abs(np.linalg.det(fit[:2]))))
    return np.array([*place, 1.0]) @ fit, pitch


def _projective(at: Array, middles: Array) -> Array | None:
    """The map from lattice to picture by RANSAC, None where the places do not fix one."""
    import cv2

    if min(np.ptp(at[:, 0]), np.ptp(at[:, 1])) < 1:
        return None
    found, _ = cv2.findHomography(at, middles, cv2.RANSAC, max(0.06 * float(np.ptp(middles)) / 6.0, 1.5))
    return None if found is None else np.asarray(found, np.float64)


def _reference() -> Array:
    """(24, 3) the patches in linear sRGB under D65, white 1."""
    from anylens import color

    return np.asarray(np.clip(color.xyz_to_rgb("srgb") @ spectra.chart_xyz("d65"), 0.003, None).T)


def _ways(homography: Array, at: npt.NDArray[np.int64], small: Floats, reference: Array) -> list[tuple[float, Array]]:
    """How unlike the chart's colours the picture is, for every way in which the lattice may lie on the chart."""
    low, high = at.min(axis=0), at.max(axis=0)
    reach = high - low + 1
    found = []
    for turn in range(4):
        wide, tall = (ACROSS, DOWN) if turn % 2 == 0 else (DOWN, ACROSS)
        if reach[0] > wide + 2 or reach[1] > tall + 2:
            continue
        for left, top in product(range(high[0] - wide, low[0] + 2), range(high[1] - tall, low[1] + 2)):
            laid = homography @ _turned(turn, left, top)
            places = mapped(laid, np.array([(i % ACROSS, i // ACROSS) for i in range(24)], np.float64))
            unlike = _unlike(places, small, reference)
            if unlike is not None:
                found.append((unlike, laid))
    return found


def _turned(turn: int, left: int, top: int) -> Array:
    """(3, 3) from the chart's columns and rows to a lattice that shows it turned by quarters, from `left`, `top` on."""
    across, down = ACROSS - 1, DOWN - 1
    plain = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, -1, down], [1, 0, 0]],
        2: [[-1, 0, across], [0, -1, down]],
        3: [[0, 1, 0], [-1, 0, across]],
    }[turn]
    return np.array([*plain, [0, 0, 1]], np.float64) + np.array([[0, 0, left], [0, 0, top], [0, 0, 0]], np.float64)


def _unlike(places: Array, small: Floats, reference: Array) -> float | None:
    """Rms distance of the patches' colours from the chart's on a scale of lightness, under the best three gains."""
    height, width = small.shape[:2]
    columns, rows = np.round(places).astype(np.int64).T
    if rows.min() < 1 or columns.min() < 1 or rows.max() > height - 2 or columns.max() > width - 2:
        return None
    seen = np.mean([small[rows + y, columns + x] for y in (-1, 0, 1) for x in (-1, 0, 1)], axis=0).astype(np.float64)
    seen = np.maximum(seen, 1e-4)
    free = np.all(seen < 1.3, axis=1) & (reference.min(axis=1) > 0.01)
    if free.sum() < 8:
        free = np.ones(24, np.bool_)
    gain = np.exp(np.median(np.log(reference[free]) - np.log(seen[free]), axis=0))
    apart = np.cbrt(seen * gain) - np.cbrt(reference)
    return float(np.sqrt(np.mean(np.minimum(np.abs(apart), 0.6) ** 2)))


def _half(quads: Sequence[Array], homography: Array) -> float:
    """How far a patch reaches from its middle, in steps of the lattice."""
    back = np.linalg.inv(homography)
    reaches = []
    for quad in quads:
        laid = mapped(back, quad)
        middle = laid.mean(axis=0)
        if np.all(np.abs(middle - np.round(middle)) < 0.15) and np.all(np.abs(middle - (2.5, 1.5)) < (2.9, 1.9)):
            reaches.append(float(np.abs(laid - middle).mean()))
    return float(np.clip(np.median(reaches), 0.25, 0.5)) if reaches else 0.42


def _refined(light: Floats, homography: Array, half: float, number: int) -> Checker:
    """The map measured anew on the sides of every patch, in the full picture."""
    import cv2

    white = np.percentile(light.reshape(3, -1)[:, ::29], 99.0, axis=1)
    picture = np.asarray(light / np.maximum(white, 1e-9)[:, None, None], np.float32)
    map_now: Array = np.asarray(homography, np.float64)
    error = 0.0
    for _ in range(3):
        at, seen, reaches = [], [], []
        for index in range(24):
            corners = _corners(picture, map_now, half, index)
            if corners is None:
                continue
            column, row = index % ACROSS, index // ACROSS
            laid = mapped(np.linalg.inv(map_now), corners)
            reaches.append(float(np.abs(laid - laid.mean(axis=0)).mean()))
            at.append((column, row))
            seen.append(_crossing(corners))
        if len(at) < 8:
            break
        places, middles = np.array(at, np.float64), np.array(seen)
        found, inside = cv2.findHomography(places, middles, cv2.RANSAC, 1.5)
        if found is None:
            break
        inner = inside.ravel().astype(bool)
        again, _ = cv2.findHomography(places[inner], middles[inner], 0)
        map_now = np.asarray(found if again is None else again, np.float64)
        error = float(np.sqrt(np.mean((mapped(map_now, places[inner]) - middles[inner]) ** 2) * 2.0))
        half = float(np.clip(np.median(reaches), 0.25, 0.5))
    reach = np.array([(-half, -half), (5 + half, -half), (5 + half, 3 + half), (-half, 3 + half)])
    return Checker(map_now, half, error, number, mapped(map_now, reach))


def _corners(picture: Floats, homography: Array, half: float, index: int) -> Array | None:
    """(4, 2) corners of a patch, where its four sides cross; None where a side cannot be told from what is around."""
    column, row = index % ACROSS, index // ACROSS
    lines = []
    for side in range(4):
        along = np.linspace(-0.6, 0.6, 25) * half
        out = np.linspace(-0.09, 0.09, 41)
        axis, sign = side % 2, 1 if side < 2 else -1
        across = sign * (half + out)
        grid = np.empty((len(along), len(out), 2))
        grid[..., 1 - axis] = along[:, None] + (row if axis == 0 else column)
        grid[..., axis] = across[None] + (column if axis == 0 else row)
        line = _side(picture, mapped(homography, grid.reshape(-1, 2)).reshape(grid.shape))
        if line is None:
            return None
        lines.append(line)
    order = (3, 0, 1, 2)
    corners = [_meet(lines[order[i]], lines[order[(i + 1) % 4]]) for i in range(4)]
    return None if any(corner is None for corner in corners) else np.array(corners)


def _side(picture: Floats, places: Array) -> tuple[Array, Array] | None:
    """(point, direction) of the edge that runs along the first axis of places (n, m, 2) in the picture."""
    import cv2

    grid = places.astype(np.float32)
    stack = np.stack(
        [
            cv2.remap(plane, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for plane in picture
        ]
    )
    profile = stack.mean(axis=1)
    step = profile[:, -6:].mean(axis=1) - profile[:, :6].mean(axis=1)
    rough = np.hypot(stack[:, :, :6].std(axis=(1, 2)), stack[:, :, -6:].std(axis=(1, 2))) + 1e-4
    channel = int(np.argmax(np.abs(step) / rough))
    if abs(step[channel]) < 3.0 * rough[channel] or abs(step[channel]) < 0.01:
        return None
    rows = (stack[channel] - profile[channel, :6].mean()) / step[channel]
    slope = np.maximum(np.diff(_eased(rows), axis=1), 0.0)
    weight = slope.sum(axis=1)
    good = (weight > 0.4) & (weight < 2.5)
    if good.sum() < 9:
        return None
    place = np.arange(slope.shape[1]) + 0.5
    sure = np.where(slope > 0.3 * slope.max(axis=1, keepdims=True), slope, 0.0)
    at = (sure @ place) / np.maximum(sure.sum(axis=1), 1e-9)
    run = np.arange(len(at), dtype=np.float64)
    for _ in range(3):
        fit = np.polyfit(run[good], at[good], 1)
        away = np.abs(at - np.polyval(fit, run))
        good = good & (away < max(2.5 * float(np.median(away[good])), 0.5))
        if good.sum() < 7:
            return None
    ends = [_between(places[i], float(np.polyval(fit, i))) for i in (0, len(at) - 1)]
    return ends[0], ends[1] - ends[0]


def _eased(rows: Floats) -> Floats:
    smooth = rows.copy()
    smooth[:, 1:-1] = (rows[:, :-2] + 2.0 * rows[:, 1:-1] + rows[:, 2:]) / 4.0
    return smooth


def _between(places: Array, index: float) -> Array:
    return np.array([np.interp(index, np.arange(len(places)), places[:, i]) for i in (0, 1)])


def _meet(one: tuple[Array, Array], two: tuple[Array, Array]) -> Array | None:
    matrix = np.column_stack([one[1], -two[1]])
    if abs(np.linalg.det(matrix)) < 1e-9:
        return None
    return np.asarray(one[0] + one[1] * np.linalg.solve(matrix, two[0] - one[0])[0])


def _crossing(corners: Array) -> Array:
    """Where the diagonals cross: the middle of a square seen askew."""
    met = _meet((corners[0], corners[2] - corners[0]), (corners[1], corners[3] - corners[1]))
    return corners.mean(axis=0) if met is None else met
