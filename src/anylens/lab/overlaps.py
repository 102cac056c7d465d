"""Where photos show the same things: places of one photo and where another shows them, as in a slow pan."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

import numpy as np
import numpy.typing as npt

from anylens.lab.between import Between
from anylens.lab.specimen import Specimen
from anylens.lab.straight import Bytes

Floats = npt.NDArray[np.float64]
Light = npt.NDArray[np.float32]
Whole = npt.NDArray[np.intp]

LEAST_MATCHES = 24
LEAST_TURN = 0.01
"""By how much of the diagonal photos must be turned to tell how a lens bends: a tremor shows little but the errors of
matches, and a lens that bends absurdly explains those too."""

_FOUND_PX, _LIGHT_PX = 1000, 720
_FEATURES = 1500
_ALIKE = 0.75
_FAR = 4.0
_FOLLOWED, _WINDOW = 700, 15
_BACK = 0.3
_STEPS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What is kept of one photo to compare it with others.

    `roots` is of `roots_of_green`; `light` (3, h, w) is red, green and blue, 0 black, 1 white, one sample the mean of
    `light_px` px a side, `clipped` (h, w) where any of them is, `noise` (scale, offset) of green's variance in one
    sample. `exposure` is the logarithm of time times ISO, None where the file does not tell both. `features` are places
    in px and their descriptions.
    """

    roots: Bytes = field(repr=False)
    light: Light = field(repr=False)
    clipped: npt.NDArray[np.bool_] = field(repr=False)
    light_px: int
    noise: tuple[float, float]
    exposure: float | None
    features: tuple[Floats, Light] = field(repr=False)

    @property
    def half_px(self) -> float:
        """Half the picture's diagonal."""
        return math.hypot(*self.roots.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Two photos of one scene: `first` and `second` count them, `places_px` (n, 2) and `others_px` (n, 2) match.

    `plane` (3, 3) is the homography from the first's places to the second's that most agree on roughly.
    """

    first: int
    second: int
    places_px: Floats = field(repr=False)
    others_px: Floats = field(repr=False)
    plane: Floats = field(repr=False)

    @property
    def moved_px(self) -> float:
        """How far things lie apart in the two photos, the median."""
        return float(np.median(np.hypot(*(self.others_px - self.places_px).T)))

    def turned(self, half_px: float) -> bool:
        """Whether the camera was turned between them by more than a hand trembles; `half_px` is half the diagonal."""
        return self.moved_px > LEAST_TURN * 2.0 * half_px


def sight(specimen: Specimen, roots: Bytes) -> Sight:
    """What one raw shows, `roots` of `roots_of_green`."""
    import cv2

    shrink = max(1, math.ceil(max(roots.shape) / _FOUND_PX))
    small = cv2.resize(roots, (roots.shape[1] // shrink, roots.shape[0] // shrink), interpolation=cv2.INTER_AREA)
    points, described = cv2.SIFT.create(nfeatures=_FEATURES, contrastThreshold=0.02).detectAndCompute(small, None)
    places = np.array([point.pt for point in points], np.float64).reshape(-1, 2)
    words = np.zeros((0, 128), np.float32) if described is None else np.asarray(described, np.float32)
    light, clipped, step = specimen.colors()
    part = max(1, math.ceil(max(light.shape[1:]) / _LIGHT_PX))
    rows, columns = (side // part for side in light.shape[1:])
    cut = light[:, : rows * part, : columns * part].reshape(3, rows, part, columns, part)
    ends = clipped[: rows * part, : columns * part].reshape(rows, part, columns, part)
    facts = specimen.facts
    noise = None if facts is None else facts.sensor.noise
    scale, offset = (1e-4, 1e-6) if noise is None else noise.plane(1)
    sites = max(len(specimen.of("G")), 1) * part**2
    known = facts is not None and facts.exposure_s and facts.iso
    return Sight(
        roots,
        np.asarray(cut.mean(axis=(2, 4)), np.float32),
        np.asarray(ends.any(axis=(1, 3)), np.bool_),
        part * step,
        (scale / sites, offset / sites),
        math.log(facts.exposure_s * facts.iso) if facts is not None and known else None,  # type: ignore[operator]
        (_px_of_roots((places + 0.5) * shrink - 0.5), words),
    )


def overlaps(sights: Sequence[Sight]) -> list[Overlap]:
    """All pairs of photos that show one scene, with places that match to a part of a pixel.

    Features (Lowe 2004) of each pair are matched and must agree on a homography; corners of the first photo are then
    followed into the second, laid over it by that homography, by small steps (Lucas and Kanade 1981) there and back.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        corners = list(pool.map(lambda each: _corners(each.roots), sights))
        found = pool.map(lambda first: list(_shared(sights, corners[first], first)), range(len(sights)))
        return list(chain.from_iterable(found))


def seen_before(shared: Sequence[Overlap], half_px: float) -> set[int]:
    """Which photos show only what an earlier one does, and where: they say no more of its things than that one."""
    return {each.second for each in shared if not each.turned(half_px)}


def laid_over(overlap: Overlap, half_px: float) -> tuple[Callable[[Floats], Floats], float]:
    """(where the second photo shows places (n, 2) px of the first, the rms in px by which matches are off).

    The homography and, for what lenses bend and things at several distances move, a cubic; `half_px` is half the
    diagonal. It holds where there are matches.
    """
    middle = overlap.places_px.mean(axis=0)
    pairs = [(i, j) for i in range(4) for j in range(4 - i)]

    def terms(places: Floats) -> Floats:
        u, v = ((places - middle) / half_px).T
        return np.stack([u**i * v**j for i, j in pairs], axis=1)

    design, value = terms(overlap.places_px), overlap.others_px - _moved(overlap.plane, overlap.places_px)
    weight, ridge = np.ones(len(value)), 1e-3 * np.eye(len(pairs))
    for _ in range(10):
        found = np.linalg.solve((design * weight[:, None]).T @ design + ridge, design.T @ (weight[:, None] * value))
        away = np.hypot(*(value - design @ found).T)
        usual = max(1.2 * float(np.median(away)), 0.02)
        weight = 1.0 / (1.0 + (away / (2.0 * usual)) ** 2)
    return lambda places: _moved(overlap.plane, places) + terms(places) @ found, usual


def _shared(sights: Sequence[Sight], corners: Light, first: int) -> Iterator[Overlap]:
    """What a photo shares with each of those after it, where that is enough; `corners` are those to follow."""
    import cv2

    mine = sights[first]
    height, width = mine.roots.shape
    to_roots = np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25], [0.0, 0.0, 1.0]])
    at = np.asarray(corners[:, 0], np.float64)
    one = Between(mine.roots)
    for second in range(first + 1, len(sights)) if len(corners) >= LEAST_MATCHES else ():
        theirs = sights[second]
        plane = _plane(mine.features, theirs.features, _FAR * max(height, width) / _FOUND_PX * 2.0)
        if plane is None:
            continue
        between = to_roots @ plane @ np.linalg.inv(to_roots)
        way = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        laid = np.asarray(cv2.warpPerspective(theirs.roots, between, (width, height), flags=way), np.uint8)
        there, found = _followed(mine.roots, laid, corners)
        back, again = _followed(laid, mine.roots, there)
        other = Between(theirs.roots)
        seen, sure = _settled(one, other, partial(_moved, between), at, np.asarray(there[:, 0], np.float64))
        others = _moved(between, seen)
        edge = _WINDOW // 2 + 1
        inside = ((others > edge) & (others < np.array(theirs.roots.shape[::-1]) - edge)).all(axis=1)
        good = inside & found & again & sure & (np.hypot(*(back - corners)[:, 0].T) < _BACK)
        good &= np.hypot(*(seen - at).T) < 2.0 * _FAR * max(1.0, max(height, width) / _FOUND_PX)
        if good.sum() >= LEAST_MATCHES:
            rough = Overlap(first, second, _px_of_roots(at[good]), _px_of_roots(others[good]), plane)
            finer = _laid_again(one, other, rough, mine.half_px)
            if len(finer.places_px) >= LEAST_MATCHES:
                yield finer


def _laid_again(one: Between, other: Between, overlap: Overlap, half_px: float) -> Overlap:
    """The same matches once more, the second photo laid over the first with what lenses bend, which no plane has.

    Without it what a window shows is stretched in one photo against the other, and its middle lies elsewhere.
    """
    laid, _ = laid_over(overlap, half_px)

    def bent(places: Floats) -> Floats:
        return (laid(_px_of_roots(places)) - 0.5) / 2.0

    at = (overlap.places_px - 0.5) / 2.0
    there, sure = _settled(one, other, bent, at, at)
    sure &= np.hypot(*(there - at).T) < 1.0
    return replace(overlap, places_px=overlap.places_px[sure], others_px=laid(_px_of_roots(there[sure])))


def _followed(one: Bytes, other: Bytes, places: Light) -> tuple[Light, npt.NDArray[np.bool_]]:
    """(where places (n, 1, 2) of one are in the other, which were found), both lying nearly alike."""
    import cv2

    window, until = (_WINDOW, _WINDOW), (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-4)
    found, good, _ = cv2.calcOpticalFlowPyrLK(one, other, places, places.copy(), None, None, window, 2, until)
    return np.asarray(found, np.float32), np.asarray(good[:, 0] > 0, np.bool_)


def _settled(
    one: Between, other: Between, laid: Callable[[Floats], Floats], at: Floats, there: Floats
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(places that show in `other`, laid over, what `one` has at places (n, 2); which settled), from nearly right ones.

    `laid` says where the other has what lies at places (n, 2). A window of one is the other's times a gain plus an
    offset, moved: falloff, which differs between the two, moves nothing.
    """
    reach = np.arange(_WINDOW) - _WINDOW // 2
    off = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2)
    root = np.exp(-0.25 * np.sum((off / (_WINDOW / 4.0)) ** 2, axis=1))
    windows = at[:, None] + off
    value = root * one.at(windows)
    across, down = (root * (one.at(windows + half) - one.at(windows - half)) for half in ((0.5, 0.0), (0.0, 0.5)))
    flat = np.broadcast_to(root, value.shape)
    there, step = there.copy(), np.zeros_like(there)
    for _ in range(_STEPS):
        turned = np.stack([laid(there + half) - laid(there - half) for half in ((0.5, 0.0), (0.0, 0.5))])
        moved = laid(there)[:, None] + np.einsum("wk,knx->nwx", off, turned)
        design = np.stack([across, down, root * other.at(moved), flat], axis=2)
        normal = design.transpose(0, 2, 1) @ design + 1e-6 * np.eye(4)
        step = np.linalg.solve(normal, design.transpose(0, 2, 1) @ value[..., None])[:, :2, 0]
        there += np.clip(step, -1.0, 1.0)
    return there, np.asarray(np.hypot(*step.T) < _BACK / 3.0)


def _plane(one: tuple[Floats, Light], other: tuple[Floats, Light], far_px: float) -> Floats | None:
    """The homography (3, 3) from one photo's px to the other's, None where too few features agree on one."""
    import cv2

    if min(len(one[0]), len(other[0])) < LEAST_MATCHES:
        return None
    which, match = _alike(one[1], other[1])
    if len(which) < LEAST_MATCHES:
        return None
    places, others = one[0][which], other[0][match]
    plane, used = cv2.findHomography(places, others, cv2.USAC_MAGSAC, far_px, maxIters=4000, confidence=0.999)
    if plane is None or used.sum() < max(LEAST_MATCHES, 0.3 * len(which)):
        return None
    return np.asarray(plane, np.float64)


def _alike(one: Light, other: Light) -> tuple[Whole, Whole]:
    """(which of one's descriptions (n, 128), which of the other's): those much nearer than the next nearest.

    They are whole numbers, of which single precision adds products without an error.
    """
    away = np.sum(one**2, axis=1)[:, None] + np.sum(other**2, axis=1) - 2.0 * (one @ other.T)
    rows = np.arange(len(one))
    match = away.argmin(axis=1)
    nearest = away[rows, match]
    away[rows, match] = np.inf
    which = np.flatnonzero(nearest < _ALIKE**2 * away.min(axis=1))
    return which, match[which]


def _corners(roots: Bytes) -> Light:
    """(n, 1, 2) corners, spread over the photo."""
    import cv2

    found = cv2.goodFeaturesToTrack(roots, _FOLLOWED, 0.003, max(roots.shape) / 50.0, blockSize=7)
    return np.zeros((0, 1, 2), np.float32) if found is None else np.asarray(found, np.float32)


def _moved(plane: Floats, places: Floats) -> Floats:
    """(n, 2) where a homography puts places."""
    whole = np.column_stack([places, np.ones(len(places))]) @ plane.T
    return np.asarray(whole[:, :2] / whole[:, 2:])


def _px_of_roots(places: Floats) -> Floats:
    return np.asarray(2.0 * places + 0.5)
