"""Photon transfer: what a sensor's noise tells of its electrons (EMVA 1288, linear cameras)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, combined, line
from anylens.lab.specimen import Plane, Specimen
from anylens.refusal import Refusal

Array = npt.NDArray[np.float64]

ROUNDING = 1.0 / 12.0
"""Variance of rounding to whole counts, in counts squared."""

_TILE = 32
_SINGLE_TILE = 16
_FAR = 6.0
_LINEAR = 0.7
_DARKEST = 0.004
_DITHERED = 0.34
"""Variance in counts squared below which rounding hides 3 % of it and more, by where the mean stands between counts."""
_BINS = 28


@dataclass(frozen=True, slots=True)
class Point:
    """Noise at one brightness: `mean_dn` counts over black, variances in counts squared.

    `temporal_dn2` changes from frame to frame, `fixed_dn2` stays; of single frames only their sum is known, as
    `temporal_dn2`. `fitted` says whether the point took part in the line; `profile_ratio` is what was measured over
    what the file's noise profile says.
    """

    mean_dn: float
    temporal_dn2: Figure
    fixed_dn2: Figure | None
    exposure_s: float | None
    fitted: bool
    profile_ratio: Figure | None

    @property
    def snr(self) -> float:
        """Signal over all noise, temporal and fixed."""
        total = self.temporal_dn2.value + (0.0 if self.fixed_dn2 is None else max(self.fixed_dn2.value, 0.0))
        return self.mean_dn / math.sqrt(total) if total > 0.0 else math.inf


@dataclass(frozen=True, slots=True)
class Transfer:
    """The photon transfer of one colour at one gain.

    `gain_dn_per_e` is EMVA's system gain K. `read_noise_e` is without the noise of rounding; where `rounded` is true
    the darkest counts hardly move, and it is told from where the line begins that noise above rounding draws.
    `full_well_e` is where variance peaks, or where counts end (`saturation` says which, or `not reached`: then it is
    what the counts could hold). `prnu_percent` and `dsnu_e` leave out defects; pixels that are none of ordinary are
    `outliers_ppm`. Row and column figures are of the darkest pair. What single frames or missing exposures cannot
    tell is None.
    """

    letter: str
    gain_dn_per_e: Figure
    read_noise_e: Figure
    read_noise_dn: Figure
    rounded: bool
    black_dn: Figure
    full_well_e: Figure
    saturation: str
    dynamic_range_ev: Figure
    best_snr_db: float
    prnu_percent: Figure | None
    dsnu_e: Figure | None
    row_noise_e: Figure | None
    column_noise_e: Figure | None
    row_pattern_e: Figure | None
    column_pattern_e: Figure | None
    linearity_percent: Figure | None
    outliers_ppm: float
    white_dn: float
    points: tuple[Point, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """The noise profile that a file carries, judged: measured variance over told, over all levels and at its worst."""

    source: str
    ratio: Figure
    worst: Figure
    worst_at: float


@dataclass(frozen=True, slots=True)
class NoiseMeasure:
    """Noise of a sensor at one gain.

    `method` is `pairs` (temporal and fixed noise apart) or `single` (one frame each, both together). `scale` and
    `offset` are the DNG's NoiseProfile by colour, R, G, B or one for monochrome, as measured.
    """

    method: str
    frames: int
    iso: float | None
    transfers: tuple[Transfer, ...]
    scale: tuple[Figure, ...]
    offset: tuple[Figure, ...]
    profile: Profile | None
    notes: tuple[str, ...]

    @property
    def gain_dn_per_e(self) -> Figure:
        """The system gain, all colours together."""
        return combined([t.gain_dn_per_e for t in self.transfers])

    @property
    def read_noise_e(self) -> Figure:
        """The read noise, all colours together."""
        return combined([t.read_noise_e for t in self.transfers])


@dataclass(frozen=True, slots=True, eq=False)
class _Tiles:
    """Statistics by tile of one or two frames of one plane, in counts."""

    mean: Array
    temporal: Array
    fixed: Array | None
    samples: Array
    whole: npt.NDArray[np.bool_]
    outliers: float
    exposure_s: float | None
    white: float


def noise(specimens: Sequence[Specimen]) -> tuple[NoiseMeasure, ...]:
    """The photon transfer of raw flats (or of a chart of noise steps), one answer for each gain.

    Two frames of one exposure make a pair; several exposures make the line `variance = read noise + gain x signal`
    (EMVA 1288 R4.0 Linear, 6 and 8; Janesick 2007). Each pair is looked at in tiles of 32 x 32 samples of one colour,
    so that a lens's falloff does no harm: it only adds levels. Temporal variance is half that of the difference of a
    pair, fixed variance is the covariance of its two frames after a surface of second order is taken out of each
    tile. Single frames give both together, and the two are told apart by their growth: shot noise as the signal,
    fixed pattern as its square. Raises Refusal for finished pictures, for frames of different sensors, for a light
    that covers no range and for frames that differ by more than noise.
    """
    if not specimens:
        raise Refusal("There is nothing to measure; name raw frames of an even surface.")
    for each in specimens:
        if each.kind != "raw":
            raise Refusal(f"{each.name} holds no counts of a sensor, its noise tells no electrons; name raw frames.")
        if [(p.letter, p.shape, p.step_px) for p in each.planes] != [
            (p.letter, p.shape, p.step_px) for p in specimens[0].planes
        ]:
            raise Refusal(f"{each.name} is not of the sensor and size of {specimens[0].name}; measure them apart.")
    return tuple(_one_gain(group) for group in _by_gain(specimens))


def _by_gain(specimens: Sequence[Specimen]) -> list[list[Specimen]]:
    found: dict[tuple[float | None, float | None], list[Specimen]] = {}
    for each in specimens:
        assert each.facts is not None
        found.setdefault((each.facts.gain, each.facts.iso), []).append(each)
    return [found[key] for key in sorted(found, key=lambda k: (k[0] or 0.0, k[1] or 0.0))]


def _one_gain(specimens: list[Specimen]) -> NoiseMeasure:
    pairs = _pairs(specimens)
    notes: list[str] = []
    shots: Sequence[tuple[Specimen, ...]] = pairs or [(each,) for each in specimens]
    if not pairs:
        notes.append("Single frames: temporal and fixed noise are told apart by their growth alone; pairs tell more.")
    elif len(specimens) > 2 * len(pairs):
        notes.append(f"{len(specimens) - 2 * len(pairs)} frames without a partner of the same exposure were left out.")
    transfers = [_transfer(letter, shots, notes) for letter in specimens[0].letters()]
    scale, offset = _as_profile(transfers)
    facts = specimens[0].facts
    assert facts is not None
    return NoiseMeasure(
        "pairs" if pairs else "single",
        2 * len(pairs) or len(specimens),
        facts.iso,
        tuple(transfers),
        scale,
        offset,
        _judged(transfers, facts.sensor.noise.source if facts.sensor.noise else None),
        tuple(dict.fromkeys(notes)),
    )


def _pairs(specimens: list[Specimen]) -> list[tuple[Specimen, Specimen]]:
    """Frames of one exposure two by two, in the order given; where no exposure is told, frames of one brightness."""
    waiting: dict[object, Specimen] = {}
    found = []
    for each in specimens:
        assert each.facts is not None
        setting = each.facts.setting
        key: object = (each.facts.exposure_s, setting.f_number if setting else None)
        if each.facts.exposure_s is None:
            level = float(np.mean([p.pixels.mean() for p in each.planes]))
            near = [k for k in waiting if isinstance(k, float) and abs(level - k) <= 0.02 * abs(k) + 2e-4]
            key = near[0] if near else level
        if key in waiting:
            found.append((waiting.pop(key), each))
        else:
            waiting[key] = each
    return found


def _transfer(letter: str, shots: Sequence[tuple[Specimen, ...]], notes: list[str]) -> Transfer:
    tiles = [
        _tiles([each.of(letter)[i] for each in shot], _exposure(shot[0]))
        for shot in shots
        for i in _sites(shot[0], letter)
    ]
    planes = [shots[0][0].of(letter)[i] for i in _sites(shots[0][0], letter)]
    white = float(np.mean([plane.white for plane in planes]))
    black = _black(tiles, white)
    if not math.isfinite(black.error):
        notes.append("No dark frames: the black level is taken as the file tells it.")
    points = _binned(tiles, black.value)
    top, saturation = _saturation(points, white - black.value, tiles)
    gain, start, fixed, fitted = _line(points, top, single=tiles[0].fixed is None)
    if not gain.value > 0.0:
        raise Refusal(
            f"The noise of {letter} does not grow with the light, so it tells no electrons; "
            "give raw flats at several exposures from dark to nearly white."
        )
    read_dn2 = start.value - ROUNDING
    rounded = start.value < _DITHERED
    read = _root(Figure(max(read_dn2, 0.0), start.error))
    read_e = Figure(read.value / gain.value, _relative(read, gain) * read.value / gain.value)
    full = Figure(
        top.value / gain.value, top.value / gain.value * math.hypot(gain.error / gain.value, top.error / top.value)
    )
    least = math.sqrt(read_e.value**2 + ROUNDING / gain.value**2 + 0.25) + 0.5
    range_error = math.hypot(full.error / full.value, _finite(read_e.error) * read_e.value / (least * (least - 0.5)))
    prnu, dsnu = (None, None) if fixed is None else (_root(fixed[0]), _root(fixed[1]))
    dark = min(range(len(tiles)), key=lambda i: float(np.median(tiles[i].mean)))
    stripes = _stripes(letter, shots, gain.value) if len(shots[0]) == 2 and dark >= 0 else (None,) * 4
    return Transfer(
        letter,
        gain,
        read_e,
        read,
        rounded,
        black,
        full,
        saturation,
        Figure(math.log2(full.value / least), range_error / math.log(2.0)),
        10.0 * math.log10(full.value),
        None if prnu is None else Figure(100.0 * prnu.value, 100.0 * prnu.error),
        None if dsnu is None else Figure(dsnu.value / gain.value, dsnu.error / gain.value),
        *stripes,
        _linearity(tiles, black.value, top.value, notes),
        1e6 * float(np.mean([t.outliers for t in tiles])),
        white,
        _with_profile(points, fitted, letter, shots[0][0], white, black.value),
    )


def _sites(specimen: Specimen, letter: str) -> range:
    return range(len(specimen.of(letter)))


def _exposure(specimen: Specimen) -> float | None:
    return None if specimen.facts is None else specimen.facts.exposure_s


def _tiles(planes: Sequence[Plane], exposure_s: float | None) -> _Tiles:
    """Statistics of the tiles of one plane of a frame, or of the same plane of a pair."""
    size = _TILE if len(planes) == 2 else _SINGLE_TILE
    rows, columns = (side // size for side in planes[0].shape)
    if not rows or not columns:
        raise Refusal(
            f"The frame has {planes[0].shape[1]} x {planes[0].shape[0]} samples of a colour, "
            f"{size} x {size} at least are needed; give larger frames."
        )
    stacked = [_cut(p.pixels, size).astype(np.float64) * p.white for p in planes]
    ended = np.logical_or.reduce([_cut(p.clipped | (p.pixels <= p.floor), size) for p in planes])
    surface = _surface(size)
    rest = [each - (each @ surface.T) @ surface for each in stacked]
    mean = np.mean([each.mean(axis=1) for each in stacked], axis=0)
    whole = ended.mean(axis=1) <= 0.0
    degrees = size * size - len(surface)
    if len(planes) == 1:
        far = np.abs(rest[0]) > _FAR * _spread(rest[0])
        single = np.where(far, 0.0, rest[0] ** 2).sum(axis=1) / np.maximum(degrees - far.sum(axis=1), 1)
        slopes = ((stacked[0] @ surface[1:].T) ** 2).mean(axis=1)
        flat = slopes < 6.0 * single + 1e-12
        return _Tiles(
            mean,
            single,
            None,
            degrees - far.sum(axis=1),
            whole & flat,
            float(far[whole].mean()) if whole.any() else 0.0,
            exposure_s,
            planes[0].white,
        )
    apart, together = rest[0] - rest[1], (rest[0] + rest[1]) / 2.0
    far = (np.abs(apart) > _FAR * _spread(apart)) | (np.abs(together) > _FAR * _spread(together))
    number = np.maximum(degrees - far.sum(axis=1), 1)
    temporal = np.where(far, 0.0, apart**2).sum(axis=1) / number / 2.0
    fixed = np.where(far, 0.0, rest[0] * rest[1]).sum(axis=1) / number
    return _Tiles(
        mean,
        temporal,
        fixed,
        number,
        whole,
        float(far[whole].mean()) if whole.any() else 0.0,
        exposure_s,
        planes[0].white,
    )


def _cut(pixels: npt.NDArray[np.generic], size: int) -> npt.NDArray[np.generic]:
    rows, columns = (side // size for side in pixels.shape)
    cut = pixels[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return cut.swapaxes(1, 2).reshape(rows * columns, size * size)


def _surface(size: int) -> Array:
    """(6, size * size) orthonormal polynomials of second order over a tile."""
    y, x = (axis.ravel() / size - 0.5 for axis in np.mgrid[:size, :size])
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1))[0].T


def _spread(values: Array) -> Array:
    """(tiles, 1) standard deviation that outliers do not move; for rounded values never below half a count."""
    return np.maximum(1.4826 * np.median(np.abs(values), axis=1, keepdims=True), 0.5)


def _black(tiles: Sequence[_Tiles], white: float) -> Figure:
    """Mean of the darkest frames where they are dark, in counts over the file's black level; else 0 without error."""
    dark = [t for t in tiles if abs(float(np.median(t.mean))) < _DARKEST * white]
    shot = [t.exposure_s for t in dark if t.exposure_s is not None]
    if shot:
        dark = [t for t in dark if t.exposure_s == min(shot)]
    elif dark:
        least = min(float(np.median(t.mean)) for t in dark)
        dark = [t for t in dark if float(np.median(t.mean)) <= least + 0.5]
    lit = [t for t in tiles if float(np.median(t.mean)) > _DARKEST * white]
    if not dark or not lit:
        return Figure(0.0)
    if _explained(dark, lit):
        return Figure(0.0)
    means = np.concatenate([t.mean for t in dark])
    # Darkness is the same all over the sensor; light that falls off is not.
    within = math.sqrt(float(np.mean([t.temporal.mean() for t in dark])) / _TILE**2)
    if float(means.std()) > 8.0 * within + 0.3:
        return Figure(0.0)
    return Figure(float(means.mean()), float(means.std() / math.sqrt(len(means))))


def _explained(dark: Sequence[_Tiles], lit: Sequence[_Tiles]) -> bool:
    """Whether what little light the darkest frames have is what their exposure time lets expect: then it is light."""
    time = dark[0].exposure_s
    told = [t for t in lit if t.exposure_s]
    if not time or not told:
        return False
    nearest = min(told, key=lambda t: float(np.median(t.mean)))
    assert nearest.exposure_s is not None
    expected = float(np.median(nearest.mean)) * time / nearest.exposure_s
    return abs(float(np.median(dark[0].mean)) - expected) < 0.5 * expected


def _binned(tiles: Sequence[_Tiles], black: float) -> list[Point]:
    """Tiles of all exposures, brightness by brightness; tiles of different exposures are not mixed."""
    points = []
    for exposure_s in dict.fromkeys(t.exposure_s for t in tiles):
        some = [t for t in tiles if t.exposure_s == exposure_s]
        whole = np.concatenate([t.whole for t in some])
        if not whole.any():
            continue
        mean = np.concatenate([t.mean for t in some])[whole] - black
        temporal = np.concatenate([t.temporal for t in some])[whole]
        samples = np.concatenate([t.samples for t in some])[whole]
        fixed = (
            np.concatenate([t.fixed for t in some if t.fixed is not None])[whole] if some[0].fixed is not None else None
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
        return Point(float(mean.mean()), Figure(middle, error), None, exposure_s, False, None)
    value = float((temporal * samples).sum() / samples.sum())
    error = max(value, 0.01) * math.sqrt(2.0 / float(samples.sum()))
    stays = float(np.median(fixed)) if number >= 5 else float(fixed.mean())
    own = ((value + abs(stays)) ** 2 + stays**2) / float(np.mean(samples))
    return Point(
        float(mean.mean()),
        Figure(value, error),
        Figure(stays, (1.2533 if number >= 5 else 1.0) * math.sqrt(own / number)),
        exposure_s,
        False,
        None,
    )


def _saturation(points: Sequence[Point], white: float, tiles: Sequence[_Tiles]) -> tuple[Figure, str]:
    """(counts over black where the sensor ends, how we know)."""
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


def _line(
    points: list[Point], top: Figure, *, single: bool
) -> tuple[Figure, Figure, tuple[Figure, Figure] | None, list[bool]]:
    """(slope, start, (PRNU squared, DSNU squared) or None, which points took part)."""
    fitted = [p.mean_dn <= _LINEAR * top.value and p.temporal_dn2.value > _DITHERED for p in points]
    used = [p for p, good in zip(points, fitted, strict=True) if good]
    reach = max((p.mean_dn for p in used), default=0.0) - min((p.mean_dn for p in used), default=0.0)
    if len(used) < 2 and len(points) > len(used) and max(p.mean_dn for p in points) < 0.1 * top.value:
        raise Refusal(
            "The frames are so dark that their noise hides in the rounding to whole counts; "
            "give raw flats up to about half of white."
        )
    if len(used) < 2 or reach < 0.02 * top.value:
        raise Refusal(
            "What is even in the frames is all of one brightness, so the noise shows no growth; "
            "give raw flats at several exposures from dark to nearly white."
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
    stays = [p.fixed_dn2 for p in used if p.fixed_dn2 is not None]
    prnu2, dsnu2 = line(x * x, np.array([f.value for f in stays]), np.array([max(f.error, 1e-9) for f in stays]))
    return gain, start, (prnu2, dsnu2), fitted


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
    gain, start, square = (Figure(float(v), float(e)) for v, e in zip(found, error, strict=True))
    return gain, start, square


def _stripes(
    letter: str, shots: Sequence[tuple[Specimen, ...]], gain: float
) -> tuple[Figure | None, Figure | None, Figure | None, Figure | None]:
    """(row noise, column noise, row pattern, column pattern) in electrons, of the darkest pair; None of a chart."""
    dark = min(shots, key=lambda shot: float(shot[0].of(letter)[0].pixels[::4, ::4].mean()))
    levels = _tiles(dark[0].of(letter)[:1], None).mean
    if float(np.ptp(levels)) > float(np.abs(levels).mean()) + 8.0:
        return None, None, None, None
    found: list[list[Figure]] = [[], [], [], []]
    for first, second in zip(dark[0].of(letter), dark[1].of(letter), strict=True):
        a, b = (p.pixels.astype(np.float64) * p.white for p in (first, second))
        for axis in (1, 0):
            moves, stays = _lines_of(a, b, axis)
            found[1 - axis].append(moves)
            found[3 - axis].append(stays)
    row, column, row_stays, column_stays = (_root(combined(each)) for each in found)
    return tuple(Figure(f.value / gain, f.error / gain) for f in (row, column, row_stays, column_stays))  # type: ignore[return-value]


def _lines_of(a: Array, b: Array, axis: int) -> tuple[Figure, Figure]:
    """Variance of what whole lines have in common, in counts squared: (from frame to frame, the same in both)."""
    one, two = (np.median(each, axis=axis) if each.shape[axis] < 8 else each.mean(axis=axis) for each in (a, b))
    length, number = a.shape[axis], len(one)
    apart = a - b
    single = float(np.var(apart - apart.mean(axis=axis, keepdims=True))) / 2.0
    high_one, high_two = (each[1:-1] - (each[:-2] + each[2:]) / 2.0 for each in (one, two))
    moves = float(np.mean((high_one - high_two) ** 2)) / 3.0
    stays = float(np.mean(high_one * high_two)) / 1.5
    fixed = max(float(np.mean(_high(a, axis) * _high(b, axis))) / 1.5, 0.0)
    spread = math.sqrt(4.0 / max(number - 2, 1))
    return (
        Figure(moves - single / length, moves * spread),
        Figure(stays - fixed / length, (abs(stays) + moves) * spread / math.sqrt(2.0)),
    )


def _high(values: Array, axis: int) -> Array:
    across = np.moveaxis(values, axis, 0)
    return across[:, 1:-1] - (across[:, :-2] + across[:, 2:]) / 2.0


def _linearity(tiles: Sequence[_Tiles], black: float, top: float, notes: list[str]) -> Figure | None:
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


def _with_profile(
    points: Sequence[Point], fitted: Sequence[bool], letter: str, first: Specimen, white: float, black: float
) -> tuple[Point, ...]:
    assert first.facts is not None
    profile = first.facts.sensor.noise
    found = []
    for point, good in zip(points, fitted, strict=True):
        ratio = None
        if profile is not None and point.fixed_dn2 is not None:
            scale, offset = profile.plane(max("RGB".find(letter), 0))
            told = (scale * max(point.mean_dn + black, 0.0) / white + offset) * white**2
            if told > 0.0:
                ratio = Figure(point.temporal_dn2.value / told, point.temporal_dn2.error / told)
        found.append(Point(point.mean_dn, point.temporal_dn2, point.fixed_dn2, point.exposure_s, good, ratio))
    return tuple(found)


def _judged(transfers: Sequence[Transfer], source: str | None) -> Profile | None:
    judged = [(p, t) for t in transfers for p in t.points if p.profile_ratio is not None and p.fitted]
    if not judged or source is None:
        return None
    worst, of = max(judged, key=lambda each: abs(math.log(max(each[0].profile_ratio.value, 1e-9))))  # type: ignore[union-attr]
    assert worst.profile_ratio is not None
    return Profile(
        source,
        combined([p.profile_ratio for p, _ in judged if p.profile_ratio is not None]),
        worst.profile_ratio,
        worst.mean_dn / of.white_dn,
    )


def _as_profile(transfers: Sequence[Transfer]) -> tuple[tuple[Figure, ...], tuple[Figure, ...]]:
    scale, offset = [], []
    for t in transfers:
        start = t.read_noise_dn.value**2 + ROUNDING
        error = 2.0 * t.read_noise_dn.value * _finite(t.read_noise_dn.error)
        scale.append(Figure(t.gain_dn_per_e.value / t.white_dn, t.gain_dn_per_e.error / t.white_dn))
        offset.append(Figure(start / t.white_dn**2, error / t.white_dn**2))
    return tuple(scale), tuple(offset)


def _root(variance: Figure) -> Figure:
    """The square root of a variance; where it is not above its error the error is that of a small one."""
    value = math.sqrt(max(variance.value, 0.0)) if math.isfinite(variance.value) else math.nan
    if not math.isfinite(variance.error):
        return Figure(value)
    return Figure(
        value, variance.error / (2.0 * value) if variance.value > variance.error else math.sqrt(variance.error) / 2.0
    )


def _relative(one: Figure, two: Figure) -> float:
    first = one.error / one.value if one.value else 0.0
    return math.hypot(_finite(first), _finite(two.error / two.value))


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


__all__ = ["NoiseMeasure", "Point", "Profile", "Transfer", "noise"]
