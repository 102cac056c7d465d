"""Long lines of an ordinary photo that look straight: roofs, walls, wires, horizons, point by point."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens.lab.between import Between
from anylens.lab.specimen import Specimen

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_SMALL_PX = 1100
_LEAST_SEGMENT = 0.03
_LEAST_LENGTH = 0.18
_MOST_LINES, _MOST_EDGES = 90, 200
_ALONG = 24
_STEP = 3.0
_BAND = np.arange(-4.0, 4.01, 0.5)
_NEAR = 0.6
_LEAST_SHARE = 0.65
_ROUNDS = 9


def roots_of_green(specimen: Specimen) -> Bytes:
    """(H / 2, W / 2) square roots of a raw's green light as 8 bits, two px of the picture a sample."""
    import cv2

    planes = specimen.of("G") or specimen.of(specimen.letters()[0])
    step = planes[0].step_px
    rows, columns = (min(plane.shape[axis] for plane in planes) for axis in (0, 1))
    light = np.asarray(np.mean([plane.pixels[:rows, :columns] for plane in planes], axis=0), np.float32)
    if step != 2:
        size = columns * step // 2, rows * step // 2
        light = np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.float32)
    high = max(float(np.percentile(light[::4, ::4], 99.5)), 1e-6)
    return np.asarray(np.rint(255.0 * np.sqrt(np.clip(light / high, 0.0, 1.0))), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Straight:
    """What looks straight in a picture, in px of it.

    `lines` are long ones, longest first, each (n, 2) points that follow its bow; `edges` (n, 2, 2) are both ends of all
    that are long enough to show where they point, longest first.
    """

    lines: tuple[Floats, ...] = field(default=(), repr=False)
    edges: Floats = field(default_factory=lambda: np.zeros((0, 2, 2)), repr=False)


def straight_things(light: Bytes) -> Straight:
    """The lines and edges of a picture's `roots_of_green`.

    Line segments (von Gioi, Jakubowicz, Morel & Randall 2012) of the small picture are the seeds. Each is laid anew
    through where the light changes most across it, and followed both ways along its own gentle bow, as long as most
    steps across it find the edge where the bow foretells it.
    """
    import cv2

    height, width = light.shape
    diagonal = math.hypot(height, width)
    smooth = Between(cv2.GaussianBlur(light.astype(np.float32), (0, 0), 1.0))
    seeds = _seeds(light)
    seen = np.zeros(light.shape, np.uint8)
    lines: list[Floats] = []
    for start, end in seeds:
        if len(lines) >= _MOST_LINES:
            break
        parts = start + np.linspace(0.2, 0.8, 4)[:, None] * (end - start)
        columns, rows = np.clip(np.rint(parts).astype(int), 0, (width - 1, height - 1)).T
        if (seen[rows, columns] > 0).mean() > 0.5:
            continue
        line = _followed(smooth, start, end)
        if line is None:
            continue
        cv2.polylines(seen, [np.rint(line).astype(np.int32).reshape(-1, 1, 2)], False, 255, 5)
        if math.dist(line[0], line[-1]) >= _LEAST_LENGTH * diagonal:
            lines.append(2.0 * line + 0.5)
    lines.sort(key=lambda line: -math.dist(line[0], line[-1]))
    return Straight(tuple(lines), 2.0 * _laid(smooth, seeds[:_MOST_EDGES]) + 0.5)


def _seeds(light: Bytes) -> Floats:
    """(n, 2, 2) samples: the ends of line segments, longest first."""
    import cv2

    height, width = light.shape
    shrink = max(1, math.ceil(max(light.shape) / _SMALL_PX))
    small = cv2.resize(light, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(small)[0]
    ends = np.zeros((0, 4)) if found is None else (np.asarray(found, np.float64).reshape(-1, 4) + 0.5) * shrink - 0.5
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    order = np.argsort(-length)
    return np.asarray(ends[order[length[order] >= _LEAST_SEGMENT * math.hypot(height, width)]].reshape(-1, 2, 2))


def _laid(smooth: Between, ends: Floats) -> Floats:
    """(m, 2, 2): segments laid through the edge beside them; those left out along which most is no edge."""
    if not len(ends):
        return ends
    way = ends[:, 1] - ends[:, 0]
    across = np.stack([-way[:, 1], way[:, 0]], axis=1) / np.hypot(*way.T)[:, None]
    t = np.linspace(0.04, 0.96, _ALONG)
    places = ends[:, None, 0] + t[:, None] * way[:, None]
    steps = places[:, :, None] + _BAND[:, None] * across[:, None, None]
    slope = np.asarray(np.gradient(smooth.at(steps.reshape(-1, len(_BAND), 2), outside=math.nan), axis=1), np.float64)
    sign = np.sign(np.nansum(slope[:, 6:-6].reshape(len(ends), -1), axis=1))
    peak = _peaks(np.repeat(sign, _ALONG)[:, None] * slope)[0].reshape(len(ends), _ALONG)
    known = np.isfinite(peak)
    off = np.where(known, peak, 0.0)
    design = np.stack([1.0 - t, t], axis=1)
    weight = known.astype(np.float64)
    for spread in (3.0, 1.0, 0.4, 0.2):
        normal = np.einsum("ni,ij,ik->njk", weight, design, design) + 1e-9 * np.eye(2)
        sides = np.linalg.solve(normal, np.einsum("ni,ij,ni->nj", weight, design, off)[..., None])[..., 0]
        left = off - sides @ design.T
        weight = known / (1.0 + (left / spread) ** 2) ** 2
    good = (known & (np.abs(left) < _NEAR)).mean(axis=1) > _LEAST_SHARE
    return np.asarray((ends + sides[:, :, None] * across[:, None])[good])


def _followed(smooth: Between, start: Floats, end: Floats) -> Floats | None:
    """(n, 2) places of an edge in samples, in order, from a seed followed both ways; None where it is none."""
    middle, half = (start + end) / 2.0, math.dist(start, end) / 2.0
    along = (end - start) / (2.0 * half)
    across = np.array([-along[1], along[0]])
    low, high, bow = -half, half, np.zeros(3)
    sign = 0.0
    best: Floats | None = None
    for _ in range(_ROUNDS):
        t = np.arange(low, high, _STEP)
        if len(t) < 8:
            return best
        off = np.polyval(bow, t)
        places = middle + t[:, None] * along + off[:, None] * across
        band = smooth.at(places[:, None, :] + _BAND[None, :, None] * across, outside=math.nan)
        slope = np.asarray(np.gradient(band, axis=1), np.float64)
        if sign == 0.0:
            sign = float(np.sign(np.nansum(slope[:, 6:-6]))) or 1.0
        peak, strength = _peaks(sign * slope)
        known = np.isfinite(peak)
        if known.sum() < 8:
            return best
        usable = known & (strength > 0.3 * np.median(strength[known]))
        if usable.sum() < 8:
            return best
        bow, near = _bow(t, off + np.where(usable, peak, 0.0), usable)
        if near.mean() < 0.5:
            return best
        ends = t[near]
        places = middle + t[:, None] * along + (off + np.where(usable, peak, 0.0))[:, None] * across
        if near.mean() >= _LEAST_SHARE:
            best = places[near]
        tenth = max(4, len(t) // 8)
        grows = near[:tenth].mean() > _NEAR, near[-tenth:].mean() > _NEAR
        span = 0.35 * (high - low)
        inside = (
            _inside(smooth, middle + (low - _STEP) * along + np.polyval(bow, low - _STEP) * across),
            _inside(smooth, middle + (high + _STEP) * along + np.polyval(bow, high + _STEP) * across),
        )
        if not ((grows[0] and inside[0]) or (grows[1] and inside[1])):
            break
        low = low - span if grows[0] and inside[0] else float(ends[0])
        high = high + span if grows[1] and inside[1] else float(ends[-1])
    return best


def _inside(smooth: Between, place: Floats) -> bool:
    width, height = smooth.last + 1.0
    return bool(5.0 <= place[0] <= width - 6.0 and 5.0 <= place[1] <= height - 6.0)


def _peaks(slope: Floats) -> tuple[Floats, Floats]:
    """(where the light changes most, from the band's middle in samples, NaN at its rims; how much)."""
    known = np.where(np.isfinite(slope), slope, -np.inf)
    at = np.argmax(known, axis=1)
    row = np.arange(len(slope))
    strength = known[row, at]
    inner = (at > 0) & (at < slope.shape[1] - 1) & np.isfinite(strength) & (strength > 0.0)
    at = np.clip(at, 1, slope.shape[1] - 2)
    left, middle, right = (slope[row, at + step] for step in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = np.where(bend < 0.0, 0.5 * (left - right) / bend, 0.0)
    found = _BAND[at] + (_BAND[1] - _BAND[0]) * offset
    return np.where(inner & np.isfinite(found), found, np.nan), strength


def _bow(t: Floats, off: Floats, usable: npt.NDArray[np.bool_]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(a parabola through most of the offsets, which of them lie on it)."""
    unit = max(float(np.abs(t).max()), 1.0)
    design = np.vander(t / unit, 3)
    weight = usable.astype(np.float64)
    for spread in (3.0, 1.5, 0.8, 0.5, 0.4):
        weighed = design.T * weight
        bow = np.linalg.solve(weighed @ design, weighed @ off)
        weight = usable / (1.0 + ((off - design @ bow) / spread) ** 2) ** 2
    near = usable & (np.abs(off - design @ bow) < _NEAR)
    return bow / np.array([unit**2, unit, 1.0]), near
