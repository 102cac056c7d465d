"""How a lens sits on its body, from ordinary pictures: off centre or tilted; and by houses, how long it is.

Things that look straight bend about the lens's own middle, so one picture of them tells where that lies. Behind a
tilted lens one side of the picture is soft; but so it is before a scene whose depth leans, which no single picture
tells from a tilt. Tilt is what stays the same from picture to picture, so several are weighed together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, spread_of
from anylens.lab.perspective import perspective
from anylens.lab.photo_geometry import bent_about
from anylens.lab.specimen import Specimen
from anylens.lab.straight import Straight, roots_of_green, straight_things
from anylens.lab.traits import reach_mm
from anylens.lens.model import Setting
from anylens.lens.passport import Passport
from anylens.lens.psf import blur_in_use
from anylens.lens.rings import nearest

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

TILTS_DEG = 0.25 * np.arange(-7, 8)
"""Tilts that are weighed, along each side of the sensor."""

LEAST_TILT_DEG = 0.5
"""From where on a lens counts as tilted."""

ASKEW = 3.7
"""By how much, in logarithms, all scenes together must favour a tilted lens over a square one: simulated sessions of
three to eight pictures behind a square one, walls and depth, reached that in at most one of a hundred."""

_EITHER = 1.0
"""Up to where the opposite tilt is as likely."""

LEAST_PICTURES = 3
ALIKE = 0.9
"""Correlation from which on two small pictures show one scene, which counts once."""

_FLAT = 0.6
"""How much, in logarithms, a part may stray on average where one flat thing fills the picture: walls stray by 0.2 to
0.5, photographs of things in depth by 0.7 to 5."""
_LEVEL = {True: 0.8, False: 0.3}
_EVEN, _LEANS, _UPRIGHT = 0.25, 0.8, 3.0
"""How scenes lean, as tilts of the lens in degrees at 35 mm and f/4: the share, of flat things and of others, that
hardly leans sideways and how much these do (a wall 4 m away turned by 25 degrees leans by that), how much others do,
and how much any leans up and down, where the ground comes nearer. Longer lenses show more of a scene's depth; smaller
apertures show less of it and of a tilt, but not of what is soft by itself."""

_MOST = 4.0
"""How much one picture may say against any tilt, in logarithms."""

_NARROW, _WIDE = 0.8, 1.6
"""Standard deviations, in samples, of the two filters whose slopes at an edge tell its blur (Zhuo & Sim 2011)."""
_SLOPE = np.array([[-0.5, 0.0, 0.5]], np.float32)

_COLUMNS, _ROWS, _LEAST_PLACES, _LEAST_PARTS = 7, 5, 60, 12
_STEEPEST, _SHARP = 0.4, 0.35
"""Of a part's edges the share that is looked at, and how sharp these are said to be: this quantile of blurs."""

_OFF, _LEAST_OFF, _TAILS = 0.12, 0.08, 3.0
_CENTRE_MM, _MIDDLE_MM = 1.5, 0.1
"""How far off centre a lens may sit, and how far off the middle that all pictures tell may be, whatever they say."""


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """What one picture tells of how its lens sits.

    `aside_mm` (2,) and `aside_mm2` (2, 2) are how far right and down the lens's middle lies from the passport's, and
    how sure that is; `focal_mm` what right angles say of its length; `tilts` (15, 15) the logarithm of how likely each
    of TILTS_DEG is, rows those down. None where the picture does not tell. `small` are its looks, by which pictures of
    one scene are known.
    """

    small: Floats = field(repr=False)
    aside_mm: Floats | None = None
    aside_mm2: Floats | None = field(default=None, repr=False)
    focal_mm: Figure | None = None
    tilts: Floats | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Aside:
    """A lens whose middle lies so far right and down of where its passport has it, `errors` standard errors in all."""

    errors: float
    right_mm: float
    down_mm: float


@dataclass(frozen=True, slots=True)
class Tilted:
    """A lens that seems tilted by so much or more, since `pictures` are soft towards the `soft` of the sensor."""

    degrees: float
    soft: str
    pictures: int


def seat(specimen: Specimen, passport: Passport, setting: Setting | None, focal_mm: float, level: bool) -> Seat:
    """What a raw tells of how its lens sits; `level` says that the sensor's longer side lay level."""
    import cv2

    assert specimen.pitch_um is not None
    roots = roots_of_green(specimen)
    small = cv2.resize(roots, (8, 6), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
    small = (small - small.mean()) / max(float(small.std()), 1e-9) / math.sqrt(small.size)
    bent = _bent(roots, specimen, passport)
    f_number = None if setting is None else setting.f_number
    tilts = None
    if f_number is not None:
        sample_um, reach = 2.0 * specimen.pitch_um, reach_mm(specimen, specimen.pitch_um)
        parts = softness(roots)
        blur = blur_in_use(passport, setting, *(reach * parts[:, :2].T))
        own = np.zeros(len(parts)) if blur is None else (blur.core_um2[0] + blur.core_um2[2]) / 2.0 / sample_um**2
        tilts = likely_tilts(parts, own, reach, f_number, sample_um)
        if tilts is not None:
            flat = -float(tilts.max()) < _FLAT * len(parts)
            tilts = lens_tilts(tilts, focal_mm / 35.0, max(f_number / 4.0, 1.0), level, flat)
    return Seat(small, *bent, tilts)


def off_centre(seats: Sequence[Seat]) -> Aside | None:
    """How far the middles of pictures of one lens lie aside together; None where none tells."""
    from scipy.special import chdtrc, ndtri

    told = [each for each in seats if each.aside_mm is not None and each.aside_mm2 is not None]
    if not told:
        return None
    weights = [np.linalg.inv(np.asarray(each.aside_mm2)) for each in told]
    inverse = np.linalg.inv(np.sum(weights, axis=0))
    mean = inverse @ np.sum([weight @ each.aside_mm for weight, each in zip(weights, told, strict=True)], axis=0)
    both = inverse + _MIDDLE_MM**2 * np.eye(2)
    chance = float(chdtrc(2, mean @ np.linalg.solve(both, mean)))
    return Aside(-float(ndtri(max(chance, 1e-300) / 2.0)), float(mean[0]), float(mean[1]))


def askew(seats: Sequence[Seat]) -> Tilted | None:
    """The tilt that pictures of one lens agree on, None where a lens that sits square may have taken them.

    Pictures of one scene count as one, and LEAST_PICTURES scenes are needed.
    """
    scenes: list[tuple[Floats, list[Floats]]] = []
    for each in seats:
        if each.tilts is None:
            continue
        like = [group for small, group in scenes if float(small @ each.small) > ALIKE]
        if like:
            like[0].append(each.tilts)
        else:
            scenes.append((each.small, [each.tilts]))
    if len(scenes) < LEAST_PICTURES:
        return None
    whole = np.sum([np.mean(group, axis=0) for _, group in scenes], axis=0)
    size = np.hypot(TILTS_DEG, TILTS_DEG[:, None])
    far = np.where(size >= LEAST_TILT_DEG, whole, -np.inf)
    if far.max() - whole[size == 0.0].max() < ASKEW:
        return None
    row, column = np.unravel_index(int(far.argmax()), far.shape)
    right, down = float(TILTS_DEG[column]), float(TILTS_DEG[row])
    one, other = (("right", "left"), ("bottom", "top"))[abs(down) > abs(right)]
    if (down if abs(down) > abs(right) else right) < 0.0:
        one, other = other, one
    both = far.max() - whole[-1 - row, -1 - column] < _EITHER
    return Tilted(math.hypot(right, down), f"{one} and {other}" if both else one, len(scenes))


def _bent(roots: Bytes, specimen: Specimen, passport: Passport) -> tuple[Floats | None, Floats | None, Figure | None]:
    """(how far the middle that straight things bend about lies from the passport's in mm, its covariance, focal_mm)."""
    records = nearest(passport.geometry, None, None)
    straight = straight_things(roots) if records else Straight()
    if not straight.lines:
        return None, None, None
    assert specimen.pitch_um is not None
    reach = reach_mm(specimen, specimen.pitch_um)
    size = specimen.width_px, specimen.height_px
    record = records[0][1]
    radial = np.array(record.radial) * (reach / record.focal_mm) ** np.array([2.0, 4.0, 6.0])
    centre = np.array(record.centre_mm)
    found, covariance = bent_about(straight.lines, *size, centre / reach, radial, _CENTRE_MM / reach)
    error = np.minimum(record.centre_mm_error, _CENTRE_MM)
    focal = perspective(straight.edges, *size, found, covariance)
    mm = 1e-3 * specimen.pitch_um
    return (
        reach * found[:2] - centre,
        reach**2 * covariance[:2, :2] + np.diag(error**2),
        None if focal is None else focal.times(mm),
    )


def softness(roots: Bytes) -> Floats:
    """(n, 3): places in half diagonals from the middle, and how blurred the sharper edges there are, samples squared.

    Where a step's slope is steepest, two filters' slopes tell its blur by their ratio, whatever its height; a third is
    in it for the two samples that a slope takes. Thin things look sharper than steps, below 0 where they are all there
    is; noise is kept out by asking for steep edges.
    """
    import cv2

    light = roots.astype(np.float32)
    narrow, wide = (cv2.GaussianBlur(light, (0, 0), sigma) for sigma in (_NARROW, _WIDE))
    across, down = (cv2.filter2D(narrow, cv2.CV_32F, kernel) for kernel in (_SLOPE, _SLOPE.T))
    steep = cv2.magnitude(across, down)
    checker = cv2.filter2D(light[::2, ::2], cv2.CV_32F, np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32) / 6.0)
    noise = spread_of(checker)
    level = np.abs(across) >= np.abs(down)
    sideways, upright = np.maximum(steep[1:-1, :-2], steep[1:-1, 2:]), np.maximum(steep[:-2, 1:-1], steep[2:, 1:-1])
    beside = np.where(level[1:-1, 1:-1], sideways, upright)
    y, x = np.nonzero(steep[1:-1, 1:-1] > np.maximum(beside, max(6.0, 5.0 * noise)))
    x, y = x + 1, y + 1
    height, width = roots.shape
    half = math.hypot(width, height) / 2.0
    part = (y * _ROWS // height) * _COLUMNS + x * _COLUMNS // width
    order = np.argsort(part, kind="stable")
    found = []
    for at in np.split(order, np.searchsorted(part[order], np.arange(1, _ROWS * _COLUMNS))):
        if len(at) < _LEAST_PLACES:
            continue
        at = at[steep[y[at], x[at]] > np.quantile(steep[y[at], x[at]], 1.0 - _STEEPEST)]
        u, v = x[at], y[at]
        slope = np.hypot(wide[v, u + 1] - wide[v, u - 1], wide[v + 1, u] - wide[v - 1, u]) / 2.0
        ratio = np.maximum((steep[v, u] / np.maximum(slope, 1e-3)) ** 2, 1.02)
        blur = np.clip((_WIDE**2 - ratio * _NARROW**2) / (ratio - 1.0), -0.6, 30.0)
        place = np.median(u) - (width - 1) / 2.0, np.median(v) - (height - 1) / 2.0
        found.append((place[0] / half, place[1] / half, float(np.quantile(blur, _SHARP))))
    return np.array(found).reshape(-1, 3)


def likely_tilts(parts: Floats, own: Floats, half_mm: float, f_number: float, sample_um: float) -> Floats | None:
    """(15, 15) logarithms of how likely each tilt is, of what stands square in focus; None for too few parts.

    Light is out of focus by z0 + c r2 + tilt, which blurs an edge by z2 / (4 N)2 beside what the lens does anyway: its
    `own` by the passport and what no passport tells, even or growing as the radius squared. Where the field bends to
    the lens tilts are told by the side that they blur. Parts that stand elsewhere hardly count (Student's tails).
    """
    if len(parts) < _LEAST_PARTS:
        return None
    x, y = (half_mm * parts[:, :2].T).astype(np.float32)
    r2 = (x * x + y * y) / np.float32(half_mm**2)
    seen = (parts[:, 2] - own).astype(np.float32)
    error = np.maximum(_OFF * np.maximum(parts[:, 2], 0.3), _LEAST_OFF).astype(np.float32)
    quarter_mm = 1e-3 * f_number * sample_um
    tilt = np.radians(TILTS_DEG).astype(np.float32)
    away = tilt[:, None, None] * y + tilt[None, :, None] * x
    away = away[:, :, None, None] + (quarter_mm * np.linspace(-10.0, 10.0, 9)[:, None, None]).astype(np.float32)
    away = away + (quarter_mm * np.array([0.0, 3.0, 7.0, 14.0])[:, None]).astype(np.float32) * r2
    left = seen - np.minimum((away / np.float32(4.0 * quarter_mm)) ** 2, 25.0)
    weight = np.ones_like(left) / error**2
    for _ in range(3):
        s0, s1, s2 = weight.sum(-1), weight @ r2, weight @ (r2 * r2)
        v0, v1 = (weight * left).sum(-1), (weight * left) @ r2
        grows = np.clip((s0 * v1 - s1 * v0) / (s0 * s2 - s1 * s1 + 1e-6), 0.0, 3.0)
        even = np.clip((v0 - grows * s1) / s0, 0.0, 3.0)
        off = ((left - even[..., None] - grows[..., None] * r2) / error) ** 2
        weight = (_TAILS + 1.0) / (_TAILS + off) / error**2
    score = -(_TAILS + 1.0) / 2.0 * np.log1p(off / _TAILS).sum(-1, dtype=np.float64)
    most = score.max()
    return np.asarray(most + np.log(np.exp(score - most).mean(axis=(2, 3)) + 1e-30))


def lens_tilts(likely: Floats, longer: float, smaller: float, level: bool, flat: bool) -> Floats:
    """The same of the lens's own tilt, the scene leaning as scenes do; 0 for the likeliest, -_MOST at least.

    `longer` is the focal length in 35 mm, `smaller` the f-number in f/4; `flat` says that one flat thing fills the
    picture, as a wall does, which leans by what perspective lets it and no more.
    """
    step = float(TILTS_DEG[1] - TILTS_DEG[0])
    room = len(TILTS_DEG) - 1
    lean = step * np.arange(-room, room + 1) / smaller
    square = np.exp(-0.5 * (lean / _EVEN) ** 2)
    leaning, upright = (1.0 / (1.0 + (lean / max(each * longer, step)) ** 2) for each in (_LEANS, _UPRIGHT))
    sideways = _LEVEL[flat] * square / square.sum() + (1.0 - _LEVEL[flat]) * leaning / leaning.sum()
    half = room // 2
    padded = np.pad(np.exp(likely - likely.max()), half, mode="edge")
    for axis, scene in ((1, sideways if level else upright), (0, upright if level else sideways)):
        padded = np.apply_along_axis(np.convolve, axis, padded, scene, "same")
    found = np.log(np.maximum(padded[half:-half, half:-half], 1e-300))
    return np.asarray(np.maximum(found - found.max(), -_MOST))
