"""Photon transfer: what a sensor's noise tells of its electrons (EMVA 1288, linear cameras)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from anylens.lab.figure import Figure, combined, root
from anylens.lab.noise_points import DITHERED, Point, linearity_of, points_of, saturation_of, transfer_line
from anylens.lab.noise_stripes import stripes_of
from anylens.lab.noise_tiles import black_of, tiles_of
from anylens.lab.specimen import Specimen
from anylens.refusal import Refusal

MOST_NOISE_PX = 3_000_000
"""Of larger frames the middle is enough: more pixels would tell the same, and twenty frames must fit into memory."""
_MOST_UNSURE = 0.25
ROUNDING = 1.0 / 12.0
"""Variance of rounding to whole counts, in counts squared."""


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
            raise Refusal(f"{_silicon(each)} and {_silicon(specimens[0])} are not one sensor; measure them apart.")
    return tuple(_one_gain(group) for group in _by_gain(specimens))


def _silicon(specimen: Specimen) -> str:
    """Whose counts a raw frame holds, and how many."""
    assert specimen.facts is not None
    sensor = specimen.facts.sensor
    whose = f" of {sensor.name}" if sensor.name else ""
    return f"{specimen.name}{whose} ({sensor.width_px} x {sensor.height_px} px)"


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
        method="pairs" if pairs else "single",
        frames=2 * len(pairs) or len(specimens),
        iso=facts.iso,
        transfers=tuple(transfers),
        scale=scale,
        offset=offset,
        profile=_judged(transfers, facts.sensor.noise.source if facts.sensor.noise else None),
        notes=tuple(dict.fromkeys(notes)),
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
        tiles_of(planes, None if shot[0].facts is None else shot[0].facts.exposure_s)
        for shot in shots
        for planes in zip(*(each.of(letter) for each in shot), strict=True)
    ]
    white = float(np.mean([plane.white for plane in shots[0][0].of(letter)]))
    black = black_of(tiles, white)
    if not math.isfinite(black.error):
        notes.append("No dark frames: the black level is taken as the file tells it.")
    points = points_of(tiles, black.value)
    top, saturation = saturation_of(points, white - black.value, tiles)
    gain, start, fixed, fitted = transfer_line(points, top, single=tiles[0].fixed is None)
    _refuse_unsure(letter, gain)
    read = root(Figure(max(start.value - ROUNDING, 0.0), start.error))
    read_e, full = read.over(gain), top.over(gain)
    least = math.sqrt(read_e.value**2 + ROUNDING / gain.value**2 + 0.25) + 0.5
    range_error = math.hypot(full.error / full.value, _finite(read_e.error) * read_e.value / (least * (least - 0.5)))
    prnu, dsnu = (None, None) if fixed is None else (root(fixed[0]), root(fixed[1]))
    stripes = stripes_of(letter, shots, gain.value) if len(shots[0]) == 2 else (None,) * 4
    return Transfer(
        letter=letter,
        gain_dn_per_e=gain,
        read_noise_e=read_e,
        read_noise_dn=read,
        rounded=start.value < DITHERED,
        black_dn=black,
        full_well_e=full,
        saturation=saturation,
        dynamic_range_ev=Figure(math.log2(full.value / least), range_error / math.log(2.0)),
        best_snr_db=10.0 * math.log10(full.value),
        prnu_percent=None if prnu is None else prnu.times(100.0),
        dsnu_e=None if dsnu is None else dsnu.times(1.0 / gain.value),
        row_noise_e=stripes[0],
        column_noise_e=stripes[1],
        row_pattern_e=stripes[2],
        column_pattern_e=stripes[3],
        linearity_percent=linearity_of(tiles, black.value, top.value, notes),
        outliers_ppm=1e6 * float(np.mean([t.outliers for t in tiles])),
        white_dn=white,
        points=_with_profile(points, fitted, letter, shots[0][0], white, black.value),
    )


def _refuse_unsure(letter: str, gain: Figure) -> None:
    """Raise Refusal where light and noise of a colour do not tell its gain."""
    if not gain.value > 0.0:
        raise Refusal(
            f"The noise of {letter} does not grow with the light, so it tells no electrons; "
            "give raw flats at several exposures from dark to nearly white."
        )
    if gain.error > _MOST_UNSURE * gain.value:
        raise Refusal(
            f"The even places in {letter} cover too small a range of light: its gain is known to "
            f"{100.0 * gain.error / gain.value:.0f} % only; give raw flats at several exposures, or a chart of steps."
        )


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
                ratio = point.temporal_dn2.times(1.0 / told)
        found.append(replace(point, fitted=good, profile_ratio=ratio))
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
        scale.append(t.gain_dn_per_e.times(1.0 / t.white_dn))
        offset.append(Figure(start / t.white_dn**2, error / t.white_dn**2))
    return tuple(scale), tuple(offset)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
