"""Slanted edges and Siemens stars, found by themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anylens.lab.picture import Mark, drawn
from anylens.lab.samples import Floats, NoChart, Place, Samples


@dataclass(frozen=True, slots=True)
class Edge:
    """A straight edge between two even surfaces: its usable ends, and how far to both sides nothing else lies."""

    start_px: Place
    end_px: Place
    half_width_px: float


@dataclass(frozen=True, slots=True)
class Star:
    """A Siemens star: its middle, its outer radius and how many cycles go round."""

    centre_px: Place
    radius_px: float
    cycles: int


_LEAST_EDGE_PX = 24.0
_MOST_EDGES = 256
_MOST_TRIED = 1200
_WIDEST_PX = 32
_SMALL_PX = 2200
_SPOKE = 2.0
"""How many times as far out as in a star's spokes reach at least."""
_FEWEST_CYCLES = 12
"""Fewer may be patches about a place; stars for cameras have 36 and more."""


def find_edges(samples: Samples) -> tuple[tuple[Edge, ...], int, int]:
    """(straight edges between two even surfaces, longest first; straight lines looked at; lines that were not).

    Line segments (von Gioi, Jakubowicz, Morel & Randall 2012) in the picture made small, each kept where a strip about
    it shows one step and nothing else; `half_width_px` is as far as that holds, 32 at most. A picture full of edges is
    not searched to its end: 256 edges are enough, taken in turns from all its parts. Raises NoChart.
    """
    small, shrink = _small(samples)
    segments = _in_turns(_segments(small, shrink), samples.shape)
    light = samples.filled(0.6)
    found: list[Edge] = []
    tried = 0
    for segment in segments[:_MOST_TRIED]:
        if len(found) >= _MOST_EDGES:
            break
        tried += 1
        edge = _alone(light, segment)
        if edge is not None and not any(_same(edge, other) for other in found):
            found.append(edge)
    if not found:
        marks = tuple(Mark("line", segment, "refused") for segment in segments)
        height, width = samples.shape
        lines = f"of {len(segments)} straight lines none stands alone between two even surfaces"
        lines = lines if segments else "no straight line is in it"
        raise NoChart(
            f"No slanted edge was found in the {width} x {height} px: {lines}; show larger dark squares on light "
            "ground, turned by about 5 degrees.",
            drawn(samples, marks),
        )
    return tuple(sorted(found, key=_length, reverse=True)), tried, len(segments) - tried


def _in_turns(segments: list[tuple[Place, Place]], shape: tuple[int, int]) -> list[tuple[Place, Place]]:
    """Lines, longest first, in such an order that each of 12 x 9 parts of the picture has its turn."""
    height, width = shape
    had: dict[tuple[int, int], int] = {}
    turns = []
    for (x0, y0), (x1, y1) in segments:
        part = (int(6.0 * (x0 + x1) / width), int(4.5 * (y0 + y1) / height))
        turns.append(had.get(part, 0))
        had[part] = turns[-1] + 1
    return [segments[at] for at in sorted(range(len(segments)), key=turns.__getitem__)]


def _length(edge: Edge) -> float:
    return math.dist(edge.start_px, edge.end_px)


def _small(samples: Samples) -> tuple[npt.NDArray[np.uint8], int]:
    """The picture for looking: 8-bit, brightened, each pixel the mean of `shrink` x `shrink`."""
    light, shrink = samples.shrunk(_SMALL_PX)
    low, high = np.percentile(light[::4, ::4], (0.5, 99.5))
    seen = np.clip((light - low) / max(float(high - low), 1e-6), 0.0, 1.0) ** (1.0 / 2.2)
    return np.asarray(np.rint(seen * 255.0), np.uint8), shrink


def _segments(small: npt.NDArray[np.uint8], shrink: int) -> list[tuple[Place, Place]]:
    """Straight pieces of contours in pixels of the whole picture, pieces of one line joined, longest first."""
    import cv2

    lines: list[tuple[Place, Place]] = []
    seen = small
    for level in range(3):
        scale = shrink * 2**level
        if min(seen.shape) < 24:
            break
        found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(seen)[0]
        for x0, y0, x1, y1 in np.asarray(found if found is not None else []).reshape(-1, 4):
            middle = (scale - 1) / 2.0
            ends = ((x0 * scale + middle, y0 * scale + middle), (x1 * scale + middle, y1 * scale + middle))
            if math.dist(*ends) >= _LEAST_EDGE_PX * (1.0 if level == 0 else 2.0):
                lines.append(((float(ends[0][0]), float(ends[0][1])), (float(ends[1][0]), float(ends[1][1]))))
        seen = np.asarray(cv2.pyrDown(seen), np.uint8)
    return _joined(sorted(lines, key=lambda line: -math.dist(*line)))


def _joined(lines: list[tuple[Place, Place]]) -> list[tuple[Place, Place]]:
    """Lines, longest first, of which those that lie in one another's prolongation become one; longest first again."""
    known = np.zeros((5, len(lines)))  # of each line its start, its direction, its length
    count = 0
    for line in lines:
        at, ends = _prolonged(known[:, :count], np.array(line))
        if at is None:
            at, count = count, count + 1
        start, way = ends[0], ends[1] - ends[0]
        length = math.hypot(*way)
        known[:, at] = *start, *(way / length), length
    x, y, right, down, length = known[:, :count]
    ends = np.stack([x, y, x + length * right, y + length * down], axis=1)[np.argsort(-length, kind="stable")]
    return [((x0, y0), (x1, y1)) for x0, y0, x1, y1 in ends.tolist()]


def _prolonged(known: Floats, line: Floats) -> tuple[int | None, Floats]:
    """(which of the known lines (5, n) another one (2, 2) prolongs, the ends of both), (None, its own) where none."""
    x, y, right, down, length = known
    beside = (line[0, 1] - y) * right - (line[0, 0] - x) * down
    for at in np.flatnonzero(np.abs(beside) <= 1.5):
        away = line - (x[at], y[at])
        if abs(away[1, 1] * right[at] - away[1, 0] * down[at]) > 1.5:
            continue
        first, last = sorted((away @ (right[at], down[at])).tolist())
        if first <= length[at] + 6.0 and last >= -6.0:
            both = np.array([[min(0.0, first)], [max(float(length[at]), last)]])
            return int(at), both * (right[at], down[at]) + (x[at], y[at])
    return None, line


def _alone(light: npt.NDArray[np.float32], segment: tuple[Place, Place]) -> Edge | None:
    """The edge along a segment as far as a strip of the picture shows one step and two even surfaces."""
    from scipy.ndimage import map_coordinates

    (x0, y0), (x1, y1) = segment
    length = math.dist(*segment)
    along = ((x1 - x0) / length, (y1 - y0) / length)
    trim = 2.0
    while True:
        t = np.arange(trim, length - trim + 0.5)
        if len(t) < _LEAST_EDGE_PX:
            return None
        d = np.arange(-_WIDEST_PX, _WIDEST_PX + 1.0)
        x = x0 + t[:, None] * along[0] - d * along[1]
        y = y0 + t[:, None] * along[1] + d * along[0]
        height, width = light.shape
        strip = map_coordinates(light, (y, x), order=1, mode="nearest")
        outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
        half_width, rise = _even(strip, outside.any(axis=0))
        if rise + 1.0 <= trim:
            break
        trim = rise + 1.0
    if half_width < max(6.0, 1.1 * rise):
        return None
    first, last = t[0], t[-1]
    return Edge(
        (x0 + first * along[0], y0 + first * along[1]), (x0 + last * along[0], y0 + last * along[1]), float(half_width)
    )


def _even(strip: npt.NDArray[np.float32], outside: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """(how far to both sides the strip is even, how far its step reaches); its columns lie across the edge."""
    middle = strip.shape[1] // 2
    profile = strip.mean(axis=0)
    slope = np.abs(np.gradient(profile))
    peak = middle - 4 + int(np.argmax(slope[middle - 4 : middle + 5]))
    noise = float(np.median(np.std(np.diff(strip, axis=0), axis=0))) / math.sqrt(2.0)
    quiet = max(0.08 * slope[peak], 2.0 * noise / math.sqrt(len(strip)))
    reach = 2
    while reach < middle - 8 and max(slope[peak - reach], slope[min(peak + reach, len(slope) - 1)]) > quiet:
        reach += 1
    thirds = np.stack([part.mean(axis=0) for part in np.array_split(strip, 3)])
    start = reach + 1
    left = float(np.median(profile[middle - start - 3 : middle - start + 1]))
    right = float(np.median(profile[middle + start : middle + start + 4]))
    allowed = 0.1 * abs(right - left) + 3.5 * noise / math.sqrt(len(strip) / 3.0)
    if abs(right - left) < 6.0 * noise / math.sqrt(len(strip)) or abs(right - left) < 1e-4:
        return 0, reach
    width = 0
    for d in range(start, middle + 1):
        bad = (
            np.abs(thirds[:, middle - d] - left).max() > allowed
            or np.abs(thirds[:, middle + d] - right).max() > allowed
        )
        if bad or outside[middle - d] or outside[middle + d]:
            break
        width = d
    return width, reach


def _same(edge: Edge, other: Edge) -> bool:
    """Whether two edges are one, seen twice."""
    x, y = (edge.start_px[0] + edge.end_px[0]) / 2.0, (edge.start_px[1] + edge.end_px[1]) / 2.0
    (x0, y0), (x1, y1) = other.start_px, other.end_px
    length = _length(other)
    along = ((x1 - x0) / length, (y1 - y0) / length)
    turned = (edge.end_px[0] - edge.start_px[0]) * along[1] - (edge.end_px[1] - edge.start_px[1]) * along[0]
    beside = abs((y - y0) * along[0] - (x - x0) * along[1])
    place = (x - x0) * along[0] + (y - y0) * along[1]
    return beside < 6.0 and abs(turned) < 0.2 * _length(edge) and -6.0 < place < length + 6.0


def find_star(samples: Samples) -> Star:
    """The Siemens star in a picture: the place that most edges point to, and the cycles that most rings have.

    Raises NoChart.
    """
    small, shrink = _small(samples)
    centre = _pointed_to(small)
    rings = _rings_about(small, centre)
    if rings is None:
        height, width = samples.shape
        place = tuple((each + 0.5) * shrink - 0.5 for each in centre)
        raise NoChart(
            f"No Siemens star was found: in the {width} x {height} px most edges point to {place[0]:.0f}, "
            f"{place[1]:.0f}, and no regular spokes lie about it; show one star, whole.",
            drawn(samples, (Mark("points", ((place[0], place[1]),), "refused"),)),
        )
    radius, cycles = rings
    return Star(((centre[0] + 0.5) * shrink - 0.5, (centre[1] + 0.5) * shrink - 0.5), (radius - 1.0) * shrink, cycles)


def _pointed_to(small: npt.NDArray[np.uint8]) -> Place:
    """The place that lies nearest to the lines along all edges, those that miss it left aside in rounds."""
    from scipy.ndimage import gaussian_filter

    light = small.astype(np.float64)
    right, down = gaussian_filter(light, 1.5, (0, 1)), gaussian_filter(light, 1.5, (1, 0))
    steep = np.hypot(right, down)
    rows, columns = np.nonzero(steep > 0.35 * np.percentile(steep, 99.0))
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), 20000)).astype(np.int64)
    x, y = columns[chosen].astype(np.float64), rows[chosen].astype(np.float64)
    size = steep[rows[chosen], columns[chosen]]
    a, b = right[rows[chosen], columns[chosen]] / size, down[rows[chosen], columns[chosen]] / size
    middle = np.array([small.shape[1] / 2.0, small.shape[0] / 2.0])
    if len(x) < 50:
        return float(middle[0]), float(middle[1])
    weight = np.ones_like(x)
    for turn in range(25):
        wa, wb = weight * a, weight * b
        normal = np.array([[wa @ a, wa @ b], [wa @ b, wb @ b]])
        goal = np.array([wa @ (a * x + b * y), wb @ (a * x + b * y)])
        middle = np.linalg.solve(normal + 1e-6 * np.trace(normal) * np.eye(2), goal + 1e-6 * np.trace(normal) * middle)
        miss = a * (middle[0] - x) + b * (middle[1] - y)
        width = max(2.0, 60.0 * 0.75**turn)
        weight = 1.0 / (1.0 + (miss / width) ** 2) ** 2
    return float(middle[0]), float(middle[1])


def _rings_about(small: npt.NDArray[np.uint8], centre: Place) -> tuple[float, int] | None:
    """(outer radius, cycles) of the spokes about a place, None where rings do not agree on a number of cycles."""
    from scipy.ndimage import map_coordinates

    light = small.astype(np.float64)
    height, width = light.shape
    reach = min(centre[0], centre[1], width - 1 - centre[0], height - 1 - centre[1])
    if reach < 12.0:
        return None
    angle = np.arange(2048) * (2.0 * math.pi / 2048)
    told: list[tuple[float, int, float]] = []
    for radius in np.linspace(0.12 * reach, reach, 80):
        x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
        waves = np.abs(np.fft.rfft(map_coordinates(light, (y, x), order=1))) / 1024.0
        waves[:4] = 0.0
        cycles = int(np.argmax(waves))
        told.append((float(radius), cycles, float(waves[cycles] / math.sqrt(float(np.sum(waves**2)) + 1e-12))))
    sure = [each for each in told if each[2] > 0.6]
    if len(sure) < 8:
        return None
    counts = np.bincount([cycles for _, cycles, _ in sure])
    cycles = int(np.argmax(counts))
    radii = [radius for radius, number, _ in sure if number == cycles]
    # Spokes go from far out to far in.
    regular = len(radii) >= max(8, len(sure) // 2) and max(radii) >= _SPOKE * min(radii)
    return (max(radii), cycles) if regular and cycles >= _FEWEST_CYCLES else None
