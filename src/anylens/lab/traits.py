"""What ordinary pictures tell of the lens that took them: lateral colour, distortion, falloff, cast, with their errors.

A scene tells little of these and the same scene may look like a lens, so every figure has the error that scenes of all
kinds have shown besides its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, combined, mostly, sandwich
from anylens.lab.fringes import Fringes, RadialShift, fringes, radial_shift
from anylens.lab.overlaps import Overlap, Sight, overlaps, seen_before, sight
from anylens.lab.panned_light import LEAST_MOVE, panned_light
from anylens.lab.perspective import perspective
from anylens.lab.photo_geometry import bend, photo_geometry
from anylens.lab.specimen import Specimen
from anylens.lab.straight import Straight, roots_of_green, straight_things

Floats = npt.NDArray[np.float64]

RINGS = 0.4, 0.7, 1.0
"""Where lateral colour and distortion are told, in parts of half the diagonal."""

SHADE = 0.8
"""Where falloff and cast are told."""

CELLS = 96
LEAST_LIGHT = 2e-3
LEAST_PAIRS = 400
TILES = 1152
"""Lateral colour is read at so many at most."""

FALLOFF_OF_SCENES, CAST_OF_SCENES = 0.35, 0.12
"""How much photographs alone brighten or redden up to SHADE, in logarithms: what scatter of fifteen showed."""


@dataclass(frozen=True, slots=True, eq=False)
class Trait:
    """A few figures of one kind and their covariance, in the unit that its field says."""

    values: Floats
    covariance: Floats = field(repr=False)

    @property
    def errors(self) -> Floats:
        """Standard errors."""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What pictures tell of their lens; a trait that they do not tell is None.

    `lateral` are six figures: how far red, then blue, lie outwards from green at RINGS, in micrometres. `falloff` is
    the logarithm of green light at SHADE against the middle, `red_green` and `blue_green` those of the casts.
    `bend` are three figures: how far outwards straight things say that the lens moves places at RINGS, in micrometres.
    `reach_mm` is half the diagonal; `pictures` how many there were. `focal_mm` is what overlaps of a pan
    tell, else the right angles of houses.
    """

    reach_mm: float
    pictures: int
    lateral: Trait | None
    falloff: Figure | None
    red_green: Figure | None
    blue_green: Figure | None
    focal_mm: Figure | None = None
    bend: Trait | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One picture, looked at: what `traits` puts together."""

    reach_mm: float
    fringes: tuple[Fringes, Fringes]
    shading: tuple[Figure, Figure, Figure] | None
    sight: Sight | None = field(default=None, repr=False)
    straight: Straight = field(default_factory=Straight, repr=False)
    size_px: tuple[int, int] = (0, 0)


def look(specimen: Specimen, pitch_um: float, beside: bool = False) -> Looked:
    """What one picture tells; a finished one, whose maker may have corrected it, tells of lateral colour only.

    `beside` says that there are others, which may show the same things.
    """
    found = [fringes(specimen, letter, TILES) for letter in "RB"]
    shading, seen = None, None
    straight = Straight()
    if specimen.kind == "raw" and len(specimen.letters()) == 3:
        light, clipped, _ = specimen.colors()
        shading, roots = trends(light, clipped), roots_of_green(specimen)
        seen = sight(specimen, roots) if beside and shading is not None else None
        straight = straight_things(roots)
    size = specimen.width_px, specimen.height_px
    return Looked(reach_mm(specimen, pitch_um), (found[0], found[1]), shading, seen, straight, size)


def reach_mm(specimen: Specimen, pitch_um: float) -> float:
    """Half the diagonal."""
    return math.hypot(specimen.width_px, specimen.height_px) / 2.0 * pitch_um / 1000.0


def traits(looked: Sequence[Looked]) -> Traits:
    """What pictures of one lens, at one aperture, tell together."""
    reach = looked[0].reach_mm
    red, blue = (radial_shift([each.fringes[k] for each in looked]) for k in (0, 1))
    colors = None if red is None or blue is None else lateral(red, blue, reach)
    focal = None
    seen = [each for each in looked if each.sight is not None]
    sights = [each.sight for each in seen if each.sight is not None]
    shared = overlaps(sights) if len(sights) > 1 else []
    again = [seen[at] for at in seen_before(shared, sights[0].half_px)] if shared else []
    scenes = [each for each in looked if each not in again]
    shaded = [each.shading for each in scenes if each.shading is not None]
    falloff, red_green, blue_green = (
        _together([each[k] for each in shaded], usual)
        for k, usual in enumerate((FALLOFF_OF_SCENES, CAST_OF_SCENES, CAST_OF_SCENES))
    )
    if shared:
        focal = _focal(sights, shared, reach)
        light = panned_light(sights, shared)
        if light is not None and max(each.moved_px for each in shared) > LEAST_MOVE * 2.0 * sights[0].half_px:
            falloff, red_green, blue_green = light.ring(SHADE)
    bent = bend([line for each in scenes for line in each.straight.lines], *looked[0].size_px)
    if focal is None and bent is not None:
        focal = _perspective(scenes, *bent)
    return Traits(reach, len(looked), colors, falloff, red_green, blue_green, focal, _bend(bent, reach))


def _bend(bent: tuple[Floats, Floats] | None, reach_mm: float) -> Trait | None:
    """Distortion at RINGS, from what lines told."""
    if bent is None:
        return None
    numbers, covariance = bent
    lever = 1000.0 * reach_mm * np.array(RINGS)[:, None] ** np.array([3.0, 5.0, 7.0])
    return Trait(lever @ numbers[2:], lever @ covariance[2:, 2:] @ lever.T)


def _perspective(looked: Sequence[Looked], numbers: Floats, covariance: Floats) -> Figure | None:
    """The focal length in mm that right angles in the pictures tell, None where there are none."""
    told = [perspective(each.straight.edges, *each.size_px, numbers, covariance) for each in looked]
    mm = [each.reach_mm / (math.hypot(*each.size_px) / 2.0) for each in looked]
    found = [px.times(scale) for px, scale in zip(told, mm, strict=True) if px is not None]
    return combined(found) if found else None


def _focal(sights: Sequence[Sight], shared: Sequence[Overlap], reach_mm: float) -> Figure | None:
    """The focal length in mm that overlaps tell, None where they do not."""
    height, width = (2 * side for side in sights[0].roots.shape)
    found = photo_geometry([], width, height, None, shared, len(sights))
    if found is None:
        return None
    mm = reach_mm / (math.hypot(width, height) / 2.0)
    return found.focal_px.times(mm)


def lateral(red: RadialShift, blue: RadialShift, reach_mm: float) -> Trait:
    """Lateral colour at RINGS, from what was fitted to red and blue."""
    s = np.array(RINGS)
    lever = 1000.0 * reach_mm * np.stack([s, s**3, s**5], axis=1)
    covariance = np.zeros((6, 6))
    for at, each in ((0, red), (3, blue)):
        covariance[at : at + 3, at : at + 3] = lever @ each.covariance[:3, :3] @ lever.T
    return Trait(np.concatenate([lever @ red.terms[:3], lever @ blue.terms[:3]]), covariance)


def _together(shades: Sequence[Figure], scenes: float) -> Figure | None:
    """The mean of several pictures' shading, each as wrong as its own error and its scene."""
    if not shades:
        return None
    weights = np.array([1.0 / (each.error**2 + scenes**2) for each in shades])
    mean = float(weights @ [each.value for each in shades] / weights.sum())
    return Figure(mean, float(weights.sum() ** -0.5))


def trends(light: npt.NDArray[np.float32], clipped: npt.NDArray[np.bool_]) -> tuple[Figure, Figure, Figure] | None:
    """How light (3, h, w) and its colours change from the middle to SHADE, in logarithms, as the radius squared.

    From the steps between neighbouring cells: most lie on smooth surfaces, where only the lens makes a step, and edges
    are left aside by Cauchy's weights (the idea of Zheng et al. 2008). A slope across the whole picture is the
    scene's. Of green, R/G and B/G; None where too little of the picture is lit and unclipped.
    """
    side = max(1, math.ceil(max(light.shape[1:]) / CELLS))
    rows, columns = (size // side for size in light.shape[1:])
    if min(rows, columns) < 8:
        return None

    def cells(plane: npt.NDArray[np.generic]) -> Floats:
        cut = plane[: rows * side, : columns * side].reshape(rows, side, columns, side)
        return np.asarray(cut.mean(axis=(1, 3), dtype=np.float64))

    red, green, blue = (cells(plane) for plane in light)
    good = (cells(clipped) == 0) & (np.minimum(np.minimum(red, green), blue) > LEAST_LIGHT)
    log_r, log_g, log_b = (np.log(np.maximum(each, 1e-9)) for each in (red, green, blue))
    y, x = np.mgrid[:rows, :columns]
    x, y = x - (columns - 1) / 2.0, y - (rows - 1) / 2.0
    s2 = (x**2 + y**2) / (rows**2 + columns**2) * 4.0
    designs, taken = [], []
    for axis, aside in ((1, (1.0, 0.0)), (0, (0.0, 1.0))):
        both = np.minimum(np.roll(good, -1, axis), good)
        keep = np.delete(both, -1, axis)
        step = np.diff(s2, axis=axis)[keep]
        designs.append(np.column_stack([step, *(np.full(len(step), each) for each in aside)]))
        taken.append((axis, keep))
    design = np.concatenate(designs)
    if len(design) < LEAST_PAIRS:
        return None
    zone = np.clip((x / columns + 0.5) * 8, 0, 7).astype(int) + 8 * np.clip((y / rows + 0.5) * 6, 0, 5).astype(int)
    parts = np.concatenate([np.delete(zone, -1, axis)[keep] for axis, keep in taken])
    found = []
    for values in (log_g, log_r - log_g, log_b - log_g):
        value = np.concatenate([np.diff(values, axis=axis)[keep] for axis, keep in taken])
        terms, inverse, weight = mostly(design, value, width=1.0, rounds=12)
        pulls = design * (weight * (value - design @ terms))[:, None]
        error = math.sqrt(float(sandwich(inverse, pulls, parts, len(terms))[0, 0]))
        found.append(Figure(float(terms[0]), error).times(SHADE**2))
    return found[0], found[1], found[2]
