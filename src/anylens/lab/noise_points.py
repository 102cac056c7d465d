"""Photon transfer's points, and what is drawn through them: gain, start, fixed pattern, saturation, linearity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, figures, line
from anylens.lab.noise_tiles import Array, Tiles
from anylens.refusal import Refusal

_LINEAR = 0.7
DITHERED = 0.34
"""Variance in counts squared below which rounding hides 3 % of it and more, by where the mean stands between counts."""
_BINS = 28


@dataclass(frozen=True, slots=True)
class Point:
    """Noise at one brightness: `mean_dn` counts over black, variances in counts squared.

    `temporal_dn2` changes from frame to frame, `fixed_dn2` stays (NaN where all that is so bright has texture); of
    single frames only their sum is known, as `temporal_dn2`. `fitted` says whether the point took part in the line;
    `profile_ratio` is what was measured over what the file's noise profile says.
    """

    mean_dn: float
    temporal_dn2: Figure
    fixed_dn2: Figure | None
    exposure_s: float | None
    fitted: bool = False
    profile_ratio: Figure | None = None

    @property
    def snr(self) -> float:
        """Signal over all noise, temporal and fixed."""
        total = self.temporal_dn2.value + (0.0 if self.fixed_dn2 is None else max(0.0, self.fixed_dn2.value))
        return self.mean_dn / math.sqrt(total) if total > 0.0 else math.inf


def points_of(tiles: Sequence[Tiles], black: float) -> list[Point]:
    """Tiles of all exposures, brightness by brightness; tiles of different exposures are not mixed."""
    points = []
    for exposure_s in dict.fromkeys(t.exposure_s for t in tiles):
        some = [t for t in tiles if t.exposure_s == exposure_s]
        paired = some[0].fixed is not None
        good = np.concatenate([t.whole if paired else t.whole & t.even for t in some])
        if not good.any():
            continue
        mean = np.concatenate([t.mean for t in some])[good] - black
        temporal = np.concatenate([t.temporal for t in some])[good]
        samples = np.concatenate([t.samples for t in some])[good]
        fixed = (
            np.concatenate([np.where(t.even, t.fixed, math.nan) for t in some if t.fixed is not None])[good]
            if paired
            else None
        )
        order = np.argsort(mean)
        white = max(t.white for t in some)
        for members in _groups(mean[order], order, 0.01 * white, single=fixed is None):
            stays = None if fixed is None else fixed[members]
            points.append(_point(mean[members], temporal[members], stays, samples[members], exposure_s))
    return sorted(points, key=lambda p: p.mean_dn)


def _groups(mean: Array, order: npt.NDArray[np.int64], least: float, *, single: bool) -> list[npt.NDArray[np.int64]]:
    """Members of each class of brightness: one where the light is even, up to `_BINS` where it falls off."""
    if single:
        edges = np.linspace(mean[0], mean[-1], 2 * _BINS + 1)[1:-1]
        return [part for part in np.split(order, np.searchsorted(mean, edges)) if len(part) >= 3]
    reach = float(mean[-1] - mean[0]) / max(float(np.abs(mean).max()), least)
    count = int(np.clip(round(reach * _BINS), 1, _BINS))
    return [part for part in np.array_split(order, min(count, max(len(order) // 8, 1))) if len(part)]


def _point(mean: Array, temporal: Array, fixed: Array | None, samples: Array, exposure_s: float | None) -> Point:
    number = len(mean)
    if fixed is None:
        middle = float(np.median(temporal)) / (1.0 - 2.0 / (9.0 * float(np.mean(samples)))) ** 3
        error = 1.2533 * middle * math.sqrt(2.0 / float(samples.sum()))
        return Point(float(mean.mean()), Figure(middle, error), None, exposure_s)
    value = float((temporal * samples).sum() / samples.sum())
    error = max(value, 0.01) * math.sqrt(2.0 / float(samples.sum()))
    fixed, number = fixed[np.isfinite(fixed)], int(np.isfinite(fixed).sum())
    if not number:
        return Point(float(mean.mean()), Figure(value, error), Figure(math.nan), exposure_s)
    stays = float(np.median(fixed)) if number >= 5 else float(fixed.mean())
    own = ((value + abs(stays)) ** 2 + stays**2) / float(np.mean(samples))
    return Point(
        float(mean.mean()),
        Figure(value, error),
        Figure(stays, (1.2533 if number >= 5 else 1.0) * math.sqrt(own / number)),
        exposure_s,
    )


def saturation_of(points: Sequence[Point], white: float, tiles: Sequence[Tiles]) -> tuple[Figure, str]:
    """(counts over black where the sensor ends, how we know); Refusal where nothing even was seen."""
    ended = any(t.whole.mean() < 0.5 for t in tiles)
    if not points:
        raise Refusal(
            "Every part of every frame is clipped, textured or black, so no noise can be measured; "
            "give raw flats at several exposures, the brightest just below white."
        )
    best = max(range(len(points)), key=lambda i: points[i].temporal_dn2.value)
    peak = points[best]
    falls = any(p.temporal_dn2.value < 0.8 * peak.temporal_dn2.value for p in points[best + 1 :])
    if falls and peak.mean_dn < 0.97 * white:
        before, after = points[max(best - 1, 0)], points[min(best + 1, len(points) - 1)]
        return Figure(peak.mean_dn, (after.mean_dn - before.mean_dn) / 4.0), "variance peaks"
    return Figure(white, 0.0), "counts end" if ended or points[-1].mean_dn > 0.85 * white else "not reached"


def transfer_line(
    points: list[Point], top: Figure, *, single: bool
) -> tuple[Figure, Figure, tuple[Figure, Figure] | None, list[bool]]:
    """(slope, start, (PRNU squared, DSNU squared) or None, which points took part); Refusal for too few levels."""
    fitted = [p.mean_dn <= _LINEAR * top.value and p.temporal_dn2.value > DITHERED for p in points]
    used = [p for p, good in zip(points, fitted, strict=True) if good]
    reach = max((p.mean_dn for p in used), default=0.0) - min((p.mean_dn for p in used), default=0.0)
    if len(used) < 2 and len(points) > len(used) and max(p.mean_dn for p in points) < 0.1 * top.value:
        raise Refusal(
            "The frames are so dark that their noise hides in the rounding to whole counts; "
            "give raw flats up to about half of white."
        )
    if len(used) < 2 or reach < 0.02 * top.value:
        levels = [p.mean_dn for p in used]
        seen = f"from {min(levels):.0f} to {max(levels):.0f} of {top.value:.0f} counts only" if used else "nowhere"
        raise Refusal(
            "What is even in the frames, well below white, and noisier than the rounding to whole counts is seen "
            f"{seen}, so the noise shows no growth; give raw flats at several exposures from dark to nearly white, or "
            "larger steps of grey."
        )
    x = np.array([p.mean_dn for p in used])
    y = np.array([p.temporal_dn2.value for p in used])
    relative = np.array([p.temporal_dn2.error / max(p.temporal_dn2.value, 1e-12) for p in used])
    if single:
        gain, start, prnu = _curve(x, y, relative)
        return gain, start, (prnu, Figure(math.nan)), fitted
    model = y.copy()
    for _ in range(6):
        gain, start = line(x, y, np.maximum(relative * model, 1e-12))
        model = np.maximum(gain.value * x + start.value, 0.02 * y)
    away = float(np.mean(((y - model) / (relative * model)) ** 2)) * len(x) / max(len(x) - 2, 1)
    grown = math.sqrt(max(away, 1.0))
    gain, start = Figure(gain.value, gain.error * grown), Figure(start.value, start.error * grown)
    stays = [(p.mean_dn, f) for p in used if (f := p.fixed_dn2) is not None and math.isfinite(f.value)]
    if len(stays) < 2:
        return gain, start, (Figure(math.nan), Figure(math.nan)), fitted
    bright, fixed = np.array([mean for mean, _ in stays]), [f for _, f in stays]
    squares = line(bright**2, np.array([f.value for f in fixed]), np.array([max(f.error, 1e-9) for f in fixed]))
    return gain, start, squares, fitted


def _curve(x: Array, y: Array, relative: Array) -> tuple[Figure, Figure, Figure]:
    """(slope, start, square term) of the parabola through single frames' variances."""
    terms = np.stack([x, np.ones_like(x), x * x], axis=1)
    model = y.copy()
    for _ in range(8):
        weight = 1.0 / np.maximum(relative * model, 1e-12)
        normal = np.linalg.pinv((terms * weight[:, None]).T @ (terms * weight[:, None]))
        found = normal @ ((terms * weight[:, None]).T @ (y * weight))
        model = np.maximum(terms @ found, 0.02 * y)
    grown = math.sqrt(max(float(np.sum(((y - model) / (relative * model)) ** 2)) / max(len(x) - 3, 1), 1.0))
    error = grown * np.sqrt(np.maximum(np.diag(normal), 0.0))
    gain, start, square = figures(found, error)
    return gain, start, square


def linearity_of(tiles: Sequence[Tiles], black: float, top: float, notes: list[str]) -> Figure | None:
    """Mean of the deviations from the straight line by exposure time, in per cent, by EMVA's relative fit."""
    told = [t for t in tiles if t.exposure_s is not None and t.whole.mean() > 0.99]
    by_time = {
        time: float(np.mean([t.mean.mean() for t in told if t.exposure_s == time])) - black
        for time in dict.fromkeys(t.exposure_s for t in told)
    }
    usable = sorted((time, mean) for time, mean in by_time.items() if time and 0.05 * top <= mean <= 0.95 * top)
    if len(usable) < 4:
        return None
    time, mean = (np.array(each) for each in zip(*usable, strict=True))
    slope, start = line(time, mean, mean)
    off = 100.0 * (mean / (slope.value * time + start.value) - 1.0)
    if float(np.abs(off).max()) > 15.0:
        notes.append(
            "Brightness does not follow the exposure times, as the light or the aperture was changed; "
            "so linearity is not told."
        )
        return None
    return Figure(float(np.abs(off).mean()), float(np.abs(off).std() / math.sqrt(len(off))))
