"""Sharpness: the edge's spatial frequency response (ISO 12233:2023) and the Siemens star's."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens.lab.charts import Edge, find_edges
from anylens.lab.figure import Figure
from anylens.lab.picture import Mark, drawn
from anylens.lab.profile import Profile, fitted
from anylens.lab.samples import Floats, Place, Samples
from anylens.refusal import Refusal

Curve = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class EdgeSharpness:
    """What one slanted edge says of the sharpness across it.

    Frequencies are in cycles per pixel of the sensor's full lattice, whatever sites the colour has. `angle_deg` is the
    edge's, 0 along x, growing from x to y, 0 to 180; `off_radius_deg` how far the direction across it is from the
    field's radius: 0 is tangential, 90 sagittal. `noise` is the standard deviation of a sample in parts of the step
    from `dark` to `bright`; `bend_px` how far the edge's middle lies off the chord of its ends; `overshoot` how far
    beyond the step the profile goes, in parts of it. `profile` (0 dark, 1 bright) stands at `distances_px`. `phase` is
    that of the light's spread towards `angle_deg` + 90, about where the edge is half bright, in radians.
    """

    place_px: Place
    place_mm: Place | None
    letter: str
    angle_deg: float
    off_radius_deg: float
    length_px: float
    half_width_px: float
    dark: float
    bright: float
    noise: float
    bend_px: float
    overshoot: float
    rise_px: float
    mtf50_cpp: Figure
    mtf50_lpmm: Figure | None
    mtf_nyquist: Figure
    frequencies_cpp: Curve = field(repr=False)
    mtf: Curve = field(repr=False)
    mtf_error: Curve = field(repr=False)
    phase: Curve = field(repr=False)
    distances_px: Curve = field(repr=False)
    profile: Curve = field(repr=False)
    corners_px: tuple[Place, ...] = field(repr=False)

    @property
    def direction(self) -> str:
        """`tangential` where the light changes along the field's radius, `sagittal` where it changes around it."""
        return "tangential" if self.off_radius_deg < 45.0 else "sagittal"


@dataclass(frozen=True, slots=True)
class Refused:
    """Something of a chart that was found and not measured, and why."""

    place_px: Place
    why: str


@dataclass(frozen=True, slots=True)
class Sharpness:
    """The edges of one picture in one colour: those measured and those refused.

    They come from `lines` straight lines; `left` more were not looked at, because others all over the picture were
    enough. Both are 0 where the edges were given.
    """

    letter: str
    pitch_um: float | None
    edges: tuple[EdgeSharpness, ...]
    refused: tuple[Refused, ...] = ()
    lines: int = 0
    left: int = 0

    def from_middle(self) -> list[float]:
        """How far each edge lies from the middle: millimetres on the sensor, or pixels where the pitch is not known."""
        if self.pitch_um is None:
            middle = np.mean([edge.place_px for edge in self.edges], axis=0)
            return [float(np.hypot(*(np.array(edge.place_px) - middle))) for edge in self.edges]
        return [float(np.hypot(*edge.place_mm)) for edge in self.edges if edge.place_mm is not None]

    def unlike(self) -> float:
        """By what factor MTF50 differs between an edge and the nearest one of its direction: the median, 1 or more.

        A lens draws neighbours alike; contours of things are as soft as the things are, moved and out of focus.
        """
        factors = []
        for edge in self.edges:
            others = [each for each in self.edges if each is not edge and each.direction == edge.direction]
            if others:
                nearest = min(others, key=lambda each: math.dist(each.place_px, edge.place_px))
                factors.append(abs(math.log(nearest.mtf50_cpp.value / edge.mtf50_cpp.value)))
        return math.exp(float(np.median(factors))) if factors else 1.0

    def by_place(self) -> list[Ring]:
        """The edges in three rings of equal width about the middle, by direction; empty ones left out."""
        away = self.from_middle()
        width = max(max(away) / _RINGS, 1e-9)
        found: dict[tuple[int, str], list[EdgeSharpness]] = {}
        for edge, distance in zip(self.edges, away, strict=True):
            found.setdefault((min(int(distance / width), _RINGS - 1), edge.direction), []).append(edge)
        return [
            Ring((ring * width, (ring + 1) * width), direction, tuple(edges))
            for (ring, direction), edges in sorted(found.items(), key=lambda each: each[0])
        ]


@dataclass(frozen=True, slots=True)
class Ring:
    """The edges of one direction whose distance from the middle lies `between` two, in mm or px as `from_middle`."""

    between: tuple[float, float]
    direction: str
    edges: tuple[EdgeSharpness, ...]


@dataclass(frozen=True, slots=True)
class StarSharpness:
    """What a Siemens star says: its MTF over all directions, and MTF50 by direction.

    `mtf50_by_direction_cpp` goes with `directions_deg`, the direction in which the light changes, 0 along x, from x to
    y, 0 to 180.
    """

    place_px: Place
    place_mm: Place | None
    letter: str
    cycles: int
    radius_px: float
    mtf50_cpp: Figure
    mtf50_lpmm: Figure | None
    mtf_nyquist: Figure
    directions_deg: Curve
    mtf50_by_direction_cpp: tuple[Figure, ...]
    frequencies_cpp: Curve = field(repr=False)
    mtf: Curve = field(repr=False)
    mtf_error: Curve = field(repr=False)


_RINGS = 3
_LEAST_LENGTH_PX = 16
_LEAST_HALF_WIDTH_PX = 4
_CLIPPED_SHARE = 0.002
_CLIPPED_LEVEL = 0.999
_LEAST_CONTRAST = 0.05
_MOST_UNSURE = 0.10
_WIDEST_GAP_PX = 0.6
_STRANGE = 3.0
_MOST_DROPPED = 0.02
_HIGHEST_CPP = 1.0
_MOST_OVERSHOOT = 0.4
_LEAST_TURNS = 0.6


def edge_sharpness(samples: Samples, edge: Edge, *, shaded: bool = True, uneven: bool = False) -> EdgeSharpness:
    """The spatial frequency response across one slanted edge, straight from the sites of one colour.

    As in ISO 12233:2023 the edge is a polynomial (second degree, for lenses that bend it); unlike there the profile is
    not binned but a spline fitted to every sample at its own distance, fine at the edge and coarse away from it (own
    work, after the local fits of van den Bergh 2019): any lattice will do, bins and differences need no correction,
    and the noise of the even surfaces stays out. As far as noise hides the shape of the MTF about one half, MTF50 leans
    on what blurs are like. Modulation 1 is the step between the levels that both surfaces come to, tails that fall as
    1 / distance taken into account. Errors hold for noise that is independent from sample to sample. Raises
    Refusal for an edge that is clipped, too faint, too noisy, too small, not slanted or, unless it may be `uneven` as
    denoising leaves it, not alone.
    """
    strip = _strip(samples, edge)
    where = f"The edge at {strip.place[0]:.0f}, {strip.place[1]:.0f}"
    try:
        profile = fitted(
            (strip.x, strip.y), strip.light, (edge.start_px, edge.end_px), edge.half_width_px, samples.noise, shaded
        )
    except (Refusal, np.linalg.LinAlgError, ValueError) as error:
        raise Refusal(f"{where} has too few samples to be measured; come nearer, or use a larger chart.") from error
    _check(profile, where)
    if not uneven:
        _check_alone(profile, where)
    found = profile.mtf50(_HIGHEST_CPP)
    distances = np.arange(-profile.half_width_px, profile.half_width_px, 0.25)
    share = (profile.at(distances) - profile.dark) / profile.step
    if not math.isfinite(found.value) or max(share.max() - 1.0, -share.min()) > _MOST_OVERSHOOT:
        raise Refusal(f"{where} is no plain step: a line runs along it, or it was sharpened; choose another, or a raw.")
    if found.value * profile.half_width_px < _LEAST_TURNS:
        raise Refusal(
            f"{where} is too blurred for the {2 * profile.half_width_px:.0f} px that it has to itself; focus."
        )
    if found.error > _MOST_UNSURE * found.value:
        raise Refusal(
            f"{where} is too noisy: its MTF50 is known to {100 * found.error / found.value:.0f} % only; give it more "
            "light or a longer edge, or average several frames."
        )
    return _told(samples, profile, found)


def edges_sharpness(samples: Samples, edges: tuple[Edge, ...] | None = None, *, uneven: bool = False) -> Sharpness:
    """Every edge of a picture in one colour: those that are found by themselves, or those that are given.

    `uneven` as for `edge_sharpness`. Raises NoChart where none is found, Refusal where none of them can be measured.
    """
    measured: list[EdgeSharpness] = []
    refused: list[Refused] = []
    lines = left = 0
    if edges is None:
        edges, lines, left = find_edges(samples)

    def told(edge: Edge) -> EdgeSharpness | Refused:
        try:
            return edge_sharpness(samples, edge, uneven=uneven)
        except Refusal as error:
            return Refused(_middle(edge), str(error))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for each in pool.map(told, edges):
            if isinstance(each, Refused):
                refused.append(each)
            else:
                measured.append(each)
    if not measured:
        raise Refusal(refused[0].why if refused else "No edge was given to be measured; name one at least.")
    return Sharpness(samples.letter, samples.pitch_um, tuple(measured), tuple(refused), lines, left)


def edges_drawn(samples: Samples, sharpness: Sharpness) -> npt.NDArray[np.uint8]:
    """(h, w, 3) uint8: the picture with the strip of every measured edge, its MTF50, and those that were refused."""
    marks = [Mark("figure", edge.corners_px, "measured", f"{edge.mtf50_cpp.value:.3f}") for edge in sharpness.edges] + [
        Mark("points", (each.place_px,), "refused") for each in sharpness.refused
    ]
    return drawn(samples, tuple(marks))


@dataclass(frozen=True, slots=True, eq=False)
class _Strip:
    place: Place
    x: Floats
    y: Floats
    light: Floats


def _middle(edge: Edge) -> Place:
    return (edge.start_px[0] + edge.end_px[0]) / 2.0, (edge.start_px[1] + edge.end_px[1]) / 2.0


def _strip(samples: Samples, edge: Edge) -> _Strip:
    """The samples of the colour about an edge. Raises Refusal where they are too few, outside or clipped."""
    (x0, y0), (x1, y1) = edge.start_px, edge.end_px
    length, middle, height, width = math.dist((x0, y0), (x1, y1)), _middle(edge), *samples.shape
    where = f"The edge at {middle[0]:.0f}, {middle[1]:.0f}"
    if length < _LEAST_LENGTH_PX or edge.half_width_px < _LEAST_HALF_WIDTH_PX:
        raise Refusal(
            f"{where} has only {length:.0f} x {2 * edge.half_width_px:.0f} px to itself, "
            f"{_LEAST_LENGTH_PX} x {2 * _LEAST_HALF_WIDTH_PX} are needed; come nearer, or use a larger chart."
        )
    across, along = (x1 - x0) / length, (y1 - y0) / length
    reach_x = abs(across) * length / 2 + abs(along) * edge.half_width_px + 2.0
    reach_y = abs(along) * length / 2 + abs(across) * edge.half_width_px + 2.0
    rows = slice(max(0, math.floor(middle[1] - reach_y)), min(height, math.ceil(middle[1] + reach_y) + 1))
    columns = slice(max(0, math.floor(middle[0] - reach_x)), min(width, math.ceil(middle[0] + reach_x) + 1))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        raise Refusal(f"{where} lies outside the picture of {width} x {height} px; name one inside.")
    y, x = np.mgrid[rows, columns].astype(np.float64)
    t = (x - middle[0]) * across + (y - middle[1]) * along
    d = (y - middle[1]) * across - (x - middle[0]) * along
    inside = samples.sampled(rows, columns) & (np.abs(t) <= length / 2 + 1) & (np.abs(d) <= edge.half_width_px + 1)
    light = np.asarray(samples.pixels[rows, columns], np.float64)
    clipped = light >= _CLIPPED_LEVEL if samples.clipped is None else samples.clipped[rows, columns]
    if inside.any() and float(clipped[inside].mean()) > _CLIPPED_SHARE:
        raise Refusal(f"{where} is clipped in {100 * float(clipped[inside].mean()):.0f} % of its samples; expose less.")
    lowest = light[inside].min() if inside.any() else 0.0
    if inside.any() and lowest <= 0.0 and float((light[inside] == lowest).mean()) > 0.2:
        raise Refusal(f"{where} is clipped in its shadows; expose more.")
    return _Strip(middle, x[inside], y[inside], light[inside])


def _check(profile: Profile, where: str) -> None:
    """Raises Refusal where the profile cannot be trusted."""
    contrast = profile.step / max(profile.bright + profile.dark, 1e-9)
    if not profile.step > 0.0 or contrast < _LEAST_CONTRAST:
        raise Refusal(
            f"{where} is too faint: its contrast is {100 * max(contrast, 0.0):.1f} %, {100 * _LEAST_CONTRAST:.0f} % is "
            "the least; use a chart of higher contrast, or keep stray light away."
        )
    if profile.gap_px > _WIDEST_GAP_PX:
        raise Refusal(
            f"{where} is not slanted: its samples lie {profile.gap_px:.2f} px apart across it; turn the chart by "
            "about 5 degrees."
        )
    noise = max(profile.noise)
    if 6.0 * noise > profile.step * math.sqrt(profile.half_length_px):
        raise Refusal(f"{where} is too noisy: its step is {profile.step / noise:.1f} times the noise; give more light.")
    if profile.rise_px > profile.half_width_px:
        raise Refusal(
            f"{where} is too blurred for the {2 * profile.half_width_px:.0f} px that it has to itself; use a larger "
            "chart, or focus."
        )


def _check_alone(profile: Profile, where: str) -> None:
    """Raises Refusal where samples stray from the profile by more than the noise of the surfaces."""
    noise = max(profile.noise)
    strange = profile.strangeness > _STRANGE and profile.strangeness * noise > 0.03 * profile.step
    if strange or profile.dropped > _MOST_DROPPED:
        raise Refusal(f"{where} is not one straight step: something else lies in it, or it is bent; choose another.")


def _told(samples: Samples, profile: Profile, found: Figure) -> EdgeSharpness:
    frequencies = np.linspace(0.0, _HIGHEST_CPP, 101)
    mtf, error, phase = profile.spectrum(frequencies)
    mtf[0], error[0] = 1.0, 0.0
    middle = profile.middle_px
    x, y = middle[0] - samples.middle_px[0], middle[1] - samples.middle_px[1]
    across = (-profile.along[1], profile.along[0])
    radius = math.hypot(x, y)
    cosine = abs(x * across[0] + y * across[1]) / radius if radius > 0.0 else 1.0
    angle_deg = math.degrees(math.atan2(profile.along[1], profile.along[0])) % 360.0
    distances = np.arange(-profile.half_width_px, profile.half_width_px + 1e-6, 0.25)
    share = (profile.at(distances) - profile.dark) / profile.step
    over = max(float(share.max()) - 1.0, -float(share.min()))
    ends = [
        tuple(
            m + a * along * profile.half_length_px + c * side * profile.half_width_px
            for m, along, c in zip(middle, profile.along, across, strict=True)
        )
        for a, side in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    return EdgeSharpness(
        place_px=middle,
        place_mm=samples.millimetres(middle),
        letter=samples.letter,
        angle_deg=angle_deg % 180.0,
        off_radius_deg=math.degrees(math.acos(min(1.0, cosine))),
        length_px=2.0 * profile.half_length_px,
        half_width_px=profile.half_width_px,
        dark=profile.dark,
        bright=profile.bright,
        noise=max(profile.noise) / profile.step,
        bend_px=abs(profile.bend_px),
        overshoot=max(0.0, over),
        rise_px=profile.rise_px,
        mtf50_cpp=found,
        mtf50_lpmm=in_lpmm(found, samples.pitch_um),
        mtf_nyquist=Figure(float(mtf[50]), float(error[50])),
        frequencies_cpp=_rounded(frequencies),
        mtf=_rounded(mtf),
        mtf_error=_rounded(error),
        phase=_rounded(phase * (1.0 if angle_deg < 180.0 else -1.0)),
        distances_px=_rounded(distances),
        profile=_rounded(share),
        corners_px=tuple((float(p[0]), float(p[1])) for p in ends),
    )


def mtf50(frequencies_cpp: Floats, mtf: Floats, error: Floats) -> Figure:
    """Where a curve of single values, growing in frequency, first falls to one half: by a line through five."""
    below = np.flatnonzero((mtf[1:] < 0.5) & (mtf[:-1] >= 0.5))
    if below.size == 0:
        return Figure(math.nan)
    at = int(below[0])
    near = slice(max(0, at - 1), min(len(mtf), at + 3))
    f, m, e = frequencies_cpp[near], mtf[near], np.maximum(error[near], 1e-6)
    design = np.column_stack([np.ones_like(f), f - f.mean()])
    weight = 1.0 / np.maximum(e, 0.2 * float(e.max())) ** 2
    covariance = np.linalg.pinv((design * weight[:, None]).T @ design)
    level, slope = covariance @ (design.T @ (weight * m))
    if slope >= 0.0:
        return Figure(math.nan)
    found = (0.5 - level) / slope
    lever = np.array([1.0, found])
    return Figure(float(f.mean() + found), math.sqrt(float(lever @ covariance @ lever)) / -float(slope))


def in_lpmm(frequency_cpp: Figure, pitch_um: float | None) -> Figure | None:
    """Cycles per pixel as line pairs per millimetre on the sensor, None where the pitch is not known."""
    if pitch_um is None:
        return None
    return frequency_cpp.times(1e3 / pitch_um)


def _rounded(values: Floats) -> Curve:
    return tuple(np.round(values, 6).tolist())
