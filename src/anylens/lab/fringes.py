"""Lateral colour from any picture: how far red and blue lie from green, told by whatever texture there is.

No chart is needed. In a small tile one colour is, to first order, green times a factor, moved a little and blurred a
little otherwise: other = a G + b - a (d . grad G) + c laplacian G. That is linear in its unknowns (Lucas and Kanade
1981), so each tile gives its shift d and how sure it is by least squares; what a lens does is what all tiles agree on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import at_least, sandwich
from anylens.lab.specimen import Plane, Specimen
from anylens.lens.passport import Lateral, Origin

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Whole = npt.NDArray[np.intp]
Kind = TypeVar("Kind", bound=np.generic)

TILE = 16
"""Samples of a colour along each side of a tile."""

BORDER = 5
WIDTH = 0.8
"""Standard deviation of the filter that both colours are seen through, in samples: what is finer aliases."""

MOST_SHIFT = 1.0
ZONES = 8, 6
LEAST_TILES = 24
FLOOR_PX = 0.02
CAUCHY = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Fringes:
    """How far one colour lies from green at tiles of one picture.

    `places_px` (n, 2) are tiles' middles (x, y), from the picture's middle; `shifts_px` (n, 2) how far the colour lies
    from green there, `covariance_px2` (n, 2, 2) how sure that is: across an edge well, along it hardly. `reach_px` is
    half the picture's diagonal.
    """

    letter: str
    places_px: Floats = field(repr=False)
    shifts_px: Floats = field(repr=False)
    covariance_px2: Floats = field(repr=False)
    reach_px: float


@dataclass(frozen=True, slots=True, eq=False)
class RadialShift:
    """Lateral colour as a passport says it: (x, y) (c0 + c1 s2 + c2 s4) + (e, f), s = distance from the middle / reach.

    `terms` are (c0, c1, c2, e, f), the first three without a unit, e and f in px; `covariance` (5, 5) is theirs.
    `residual_px` is what is usually left of a tile's shift across its edges.
    """

    terms: Floats
    covariance: Floats = field(repr=False)
    reach_px: float
    residual_px: float

    def at(self, places_px: npt.ArrayLike) -> tuple[Floats, Floats]:
        """((n, 2) shift, (n, 2) its standard error) in px at places (n, 2), from the picture's middle."""
        design = terms_at(np.asarray(places_px, np.float64), self.reach_px)
        error = np.sqrt(np.maximum(np.einsum("nij,jk,nik->ni", design, self.covariance, design), 0.0))
        return design @ self.terms, error


def fringes(specimen: Specimen, letter: str, most_tiles: int = 1536, looked_at: int | None = None) -> Fringes:
    """How far `letter`, R or B, lies from green, at the tiles that tell most across the radius.

    `looked_at` is how many tiles are looked at for texture, spread over the picture, None for all; the best of each
    part of the field are measured, `most_tiles` in all. A picture without texture, too small or of one colour gives no
    tiles. Shifts of more than a sample (2 px under a Bayer filter) are not found.
    """
    planes, green = specimen.of(letter), specimen.of("G")
    middle = np.array([(specimen.width_px - 1) / 2.0, (specimen.height_px - 1) / 2.0])
    reach = math.hypot(specimen.width_px, specimen.height_px) / 2.0
    nothing = Fringes(letter, np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 2, 2)), reach)
    if not planes or not green or letter == "G":
        return nothing
    lattice = _Lattice.of(planes, green)
    corners = _candidates(lattice, looked_at)
    if not len(corners):
        return nothing
    scale, offset = _noise(specimen)
    corners = _best(lattice, corners, middle, scale, offset, most_tiles)
    corners = corners[lattice.unclipped(corners)]
    if len(corners) < LEAST_TILES:
        return nothing
    still = np.zeros((1, 2))
    shifts, covariance, good = _measured(lattice, corners, still, scale, offset)
    places = lattice.places(corners) - middle
    first = radial_shift([Fringes(letter, places[good], shifts[good], covariance[good], reach)])
    if first is not None:
        room = MOST_SHIFT * lattice.step
        foreseen = np.clip(first.at(places)[0], -room, room)
        shifts, covariance, good = _measured(lattice, corners, foreseen, scale, offset)
    return Fringes(letter, places[good], shifts[good], covariance[good], reach)


def radial_shift(seen: Sequence[Fringes]) -> RadialShift | None:
    """What the tiles of one picture or several of one lens agree on; None where they tell too little.

    Least squares under Cauchy's weights, since coloured edges mislead. Standard errors are the larger of two: from what
    is left, and from how the parts of the field disagree (the sandwich of White 1980).
    """
    places = np.concatenate([each.places_px for each in seen]) if seen else np.zeros((0, 2))
    if len(places) < LEAST_TILES:
        return None
    reach = seen[0].reach_px
    shifts = np.concatenate([each.shifts_px for each in seen])
    covariance = np.concatenate([each.covariance_px2 for each in seen]) + FLOOR_PX**2 * np.eye(2)
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    design = np.einsum("nji,njk->nik", root, terms_at(places, reach))
    value = np.einsum("nji,nj->ni", root, shifts)
    weight = np.ones(len(places))
    spread = 1.0
    for _ in range(12):
        normal = np.einsum("nij,nik,n->jk", design, design, weight)
        inverse = _inverse(normal)
        found = inverse @ np.einsum("nij,ni,n->j", design, value, weight)
        left = np.sum((value - design @ found) ** 2, axis=1)
        spread = max(float(np.median(left)) / 1.386, 1e-12)
        weight = 1.0 / (1.0 + left / (2.0 * CAUCHY**2 * spread))
    pulls = np.einsum("nij,ni,n->nj", design, value - design @ found, weight)
    part = np.concatenate([_zones(each.places_px, reach) + 1000 * k for k, each in enumerate(seen)])
    errors = at_least(inverse * spread * 1.3, sandwich(inverse, pulls, part, 5))
    across = np.sqrt(np.linalg.eigvalsh(covariance)[:, 0])
    residual = math.sqrt(spread) * float(np.median(across))
    return RadialShift(found, errors, reach, residual)


def lateral_section(red: RadialShift, blue: RadialShift, pitch_um: float, origin: Origin) -> Lateral:
    """What a passport says of both, of pixels so far apart."""
    mm = pitch_um * 1e-3
    both = []
    for fit in (red, blue):
        for numbers in (fit.terms, np.sqrt(np.diag(fit.covariance))):
            a, b, c, x, y = (float(each) for each in numbers)
            both.append(((a, b, c), (x * mm, y * mm)))
    return Lateral(
        **origin.named,
        residual=pitch_um * math.hypot(red.residual_px, blue.residual_px) / math.sqrt(2.0),
        red=both[0][0],
        red_error=both[1][0],
        blue=both[2][0],
        blue_error=both[3][0],
        red_shift_mm=both[0][1],
        red_shift_mm_error=both[1][1],
        blue_shift_mm=both[2][1],
        blue_shift_mm_error=both[3][1],
        reach_mm=red.reach_px * mm,
    )


def terms_at(places: Floats, reach: float) -> Floats:
    """(n, 2, 5) what the five terms of a `RadialShift` do at places (n, 2) from the middle, reach in the same unit."""
    s2 = np.sum(places**2, axis=1)[:, None] / reach**2
    ones, none = np.ones(len(places)), np.zeros(len(places))
    aside = [np.column_stack([ones, none]), np.column_stack([none, ones])]
    return np.stack([places, places * s2, places * s2**2, *aside], axis=2)


@dataclass(frozen=True, slots=True, eq=False)
class _Lattice:
    """Where a colour was sampled, on a grid of `step` px whose first point is (left, top), and green around it.

    A tile is named by its corner (row, column) in steps, the first of its border.
    """

    other: tuple[Plane, ...]
    green: tuple[Plane, ...]
    step: int
    top: float
    left: float
    shape: tuple[int, int]

    @classmethod
    def of(cls, other: tuple[Plane, ...], green: tuple[Plane, ...]) -> _Lattice:
        rows = min(plane.shape[0] for plane in (*other, *green))
        columns = min(plane.shape[1] for plane in (*other, *green))
        top, left = (float(np.mean([getattr(plane, side) for plane in other])) for side in ("top", "left"))
        return cls(other, green, other[0].step_px, top, left, (rows, columns))

    def places(self, corners: Whole) -> Floats:
        """(n, 2) x, y in px of tiles' middles."""
        at = corners + BORDER + (TILE - 1) / 2.0
        return np.asarray(np.column_stack([self.left + self.step * at[:, 1], self.top + self.step * at[:, 0]]))

    def cut(self, values: npt.NDArray[Kind], corners: Whole, border: int) -> npt.NDArray[Kind]:
        """(n, side, side) of a plane: tiles with `border` samples around them."""
        side = TILE + 2 * border
        windows = np.lib.stride_tricks.sliding_window_view(values, (side, side))
        rows, columns = (corners + BORDER - border).T
        return np.asarray(windows[rows, columns])

    def unclipped(self, corners: Whole) -> npt.NDArray[np.bool_]:
        """(n,) tiles in which nothing is clipped."""
        clipped = [self.cut(plane.clipped, corners, BORDER).any(axis=(1, 2)) for plane in (*self.other, *self.green)]
        return np.asarray(~np.logical_or.reduce(clipped), np.bool_)

    def filters(self, plane: Plane, moved: Floats, down: bool) -> Singles:
        """(n, 3, TILE, TILE + 2 BORDER): Gaussian and two derivatives, from a plane's samples to the grid's points.

        `moved` (n,) px is how far from the points it is read. Rows of the first add up to one, of the others to none.
        """
        first = plane.top - self.top if down else plane.left - self.left
        here = np.arange(TILE + 2 * BORDER) * float(self.step) + first
        there = (np.arange(TILE) + BORDER) * float(self.step)
        sigma = WIDTH * self.step
        t = ((here[None, None, :] - there[None, :, None] - moved[:, None, None]) / sigma).astype(np.float32)
        bell = np.exp(-0.5 * t**2)
        bell /= bell.sum(axis=2, keepdims=True)
        slope, bend = bell * t / sigma, bell * (t**2 - 1.0) / sigma**2
        return np.stack([bell, slope, bend], axis=1)


def _candidates(lattice: _Lattice, looked_at: int | None) -> Whole:
    """(n, 2) corners of tiles side by side, at most so many, spread evenly."""
    rows, columns = ((side - 2 * BORDER) // TILE for side in lattice.shape)
    if rows < 1 or columns < 1:
        return np.zeros((0, 2), np.intp)
    down, right = np.mgrid[:rows, :columns]
    corners = np.column_stack([down.ravel(), right.ravel()]) * TILE
    if looked_at is None or len(corners) <= looked_at:
        return np.asarray(corners, np.intp)
    golden = (np.arange(len(corners)) * 0.6180339887) % 1.0
    return np.asarray(corners[np.argsort(golden, kind="stable")[:looked_at]], np.intp)


def _best(lattice: _Lattice, corners: Whole, middle: Floats, scale: float, offset: float, most_tiles: int) -> Whole:
    """The tiles of each part of the field whose light changes most along the radius, against its noise."""
    light = np.asarray(lattice.cut(lattice.green[0].pixels, corners, 0), np.float32)
    clipped = lattice.cut(lattice.green[0].clipped, corners, 0).any(axis=(1, 2))
    across, down = light[:, 1:-1, 2:] - light[:, 1:-1, :-2], light[:, 2:, 1:-1] - light[:, :-2, 1:-1]
    away = lattice.places(corners) - middle
    away = (away / np.maximum(np.hypot(*away.T), 1.0)[:, None]).astype(np.float32)
    along = np.square(across * away[:, :1, None] + down * away[:, 1:, None]).mean(axis=(1, 2))
    noise = np.maximum(scale * light.mean(axis=(1, 2)) + offset, 1e-9)
    strength = np.where(clipped, 0.0, along / noise - 2.0)
    zone = _zones(lattice.places(corners) - middle, math.hypot(*middle))
    each = max(1, most_tiles // (ZONES[0] * ZONES[1]))
    order = np.lexsort((-strength, zone))
    place = np.arange(len(order)) - np.searchsorted(zone[order], zone[order])
    return np.asarray(corners[order[(place < each) & (strength[order] > 2.0)]])


def _measured(
    lattice: _Lattice, corners: Whole, foreseen: Floats, scale: float, offset: float
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """((n, 2) shifts, (n, 2, 2) covariances, (n,) which are any good), green read where the shift is foreseen.

    `foreseen` is (n, 2), or (1, 2) of all tiles alike.
    """
    values = np.zeros((len(corners), TILE, TILE))
    for plane in lattice.other:
        part = lattice.cut(plane.pixels, corners, BORDER)
        down, right = (lattice.filters(plane, np.zeros(1), way)[:, 0] for way in (True, False))
        values += down @ part @ right.transpose(0, 2, 1) / len(lattice.other)
    terms = np.zeros((len(corners), 4, TILE, TILE))
    noise = np.zeros((4, 4))
    for plane in lattice.green:
        part = lattice.cut(plane.pixels, corners, BORDER)
        down, right = lattice.filters(plane, -foreseen[:, 1], True), lattice.filters(plane, -foreseen[:, 0], False)
        noise += _carried(*(ways[0, :, TILE // 2].astype(np.float64) for ways in (down, right)))
        both = [ways.reshape(len(ways), 3 * TILE, -1) for ways in (down, right)]
        seen = (both[0] @ part @ both[1].transpose(0, 2, 1)).reshape(len(part), 3, TILE, 3, TILE)
        found = [seen[:, i, :, j] for i, j in ((0, 0), (0, 1), (1, 0))]
        terms += np.stack([*found, seen[:, 0, :, 2] + seen[:, 2, :, 0]], axis=1) / len(lattice.green)
    noise /= len(lattice.green) ** 2
    light = terms[:, 0].mean(axis=(1, 2))
    flat = terms.reshape(len(corners), 4, -1)
    flat = flat - flat.mean(axis=2, keepdims=True)
    value = values.reshape(len(corners), -1)
    value = value - value.mean(axis=1, keepdims=True)
    count = TILE * TILE
    carried = count * np.maximum(scale * light + offset, 0.0)[:, None, None] * noise
    plain = flat @ flat.transpose(0, 2, 1)
    normal = plain - carried
    size = np.sqrt(np.maximum(np.diagonal(plain, axis1=1, axis2=2), 1e-30))
    unit = normal / size[:, :, None] / size[:, None, :]
    good = np.linalg.eigvalsh(unit)[:, 0] > 1e-4
    unit[~good] = np.eye(4)
    inverse = np.linalg.inv(unit) / size[:, :, None] / size[:, None, :]
    found = np.einsum("nij,njk,nk->ni", inverse, flat, value)
    left = value - np.einsum("ni,nik->nk", found, flat)
    alike = 4.0 * math.pi * WIDTH**2
    variance = np.sum(left**2, axis=1) / (count / alike - 5.0) / alike
    factor = found[:, 0]
    good &= factor > 0.02
    factor = np.where(good, factor, 1.0)
    covariance = alike * variance[:, None, None] * (inverse @ plain @ inverse)[:, 1:3, 1:3] / factor[:, None, None] ** 2
    shifts = foreseen - found[:, 1:3] / factor[:, None]
    told = np.linalg.eigvalsh(covariance)[:, 0] if len(covariance) else np.zeros(0)
    good &= (told < (0.5 * lattice.step) ** 2) & (np.hypot(*(shifts - foreseen).T) < 4.0 * lattice.step)
    return shifts, covariance, np.asarray(good, np.bool_)


def _carried(down: Floats, right: Floats) -> Floats:
    """(4, 4): how the noise of one sample is carried into green, its two slopes and its bend at one point."""
    kernels = [np.outer(down[0], right[0]), np.outer(down[0], right[1]), np.outer(down[1], right[0])]
    kernels.append(np.outer(down[0], right[2]) + np.outer(down[2], right[0]))
    flat = np.stack([kernel.ravel() for kernel in kernels])
    return np.asarray(flat @ flat.T)


def _noise(specimen: Specimen) -> tuple[float, float]:
    """(scale, offset) of green's variance; nearly none where the file does not tell it."""
    noise = None if specimen.facts is None or specimen.kind != "raw" else specimen.facts.sensor.noise
    return (0.0, 1e-7) if noise is None else noise.plane(1)


def _zones(places: Floats, reach: float) -> Whole:
    """(n,) which part of the field each place (from the middle) lies in."""
    across, down = ZONES
    at = (places / reach + 1.0) / 2.0
    column = np.clip((at[:, 0] * across * 1.25 - 0.125 * across).astype(int), 0, across - 1)
    row = np.clip((at[:, 1] * down * 1.6 - 0.3 * down).astype(int), 0, down - 1)
    return np.asarray(row * across + column, np.intp)


def _inverse(normal: Floats) -> Floats:
    """The inverse of a normal matrix; what is not told at all becomes very large, never small."""
    size = np.sqrt(np.maximum(np.diag(normal), 1e-300))
    values, vectors = np.linalg.eigh(normal / size[:, None] / size)
    return np.asarray((vectors / np.maximum(values, 1e-9)) @ vectors.T / size[:, None] / size)
