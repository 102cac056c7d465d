"""Shading from a flat: the lens's falloff, the colour cast over the field, and an uneven light told from both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, combined, figures
from anylens.lab.specimen import Plane, Specimen
from anylens.refusal import Refusal

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]
Grid = tuple[Array, Array]
"""(rows, columns) means over the cells of the field, and their standard errors."""

_DOWN, _ACROSS = 24, 32
_LEAST_LEVEL = 0.01
_MOST_CLIPPED = 0.001
_MOST_TEXTURE = 0.006
_MOST_DIM_TEXTURE = 0.06
"""Of a frame so dark that an uneven black passes for texture."""
_LEAST_COLOR = 0.06
_RINGS = 16
UNEVEN = 0.01
"""By how much a light that nothing is known of may grow across the picture, one standard deviation."""
_ASIDE = 0.04
"""How far the middle of falloff may well lie off the picture's, in half diagonals."""
_NAMES = {"R": "red", "G": "green", "B": "blue", "Y": "grey"}
_TURN_OF = {1: 0.0, 3: 180.0, 6: 90.0, 8: 270.0}


class Dim(Refusal):
    """An even frame too dark to be a flat."""


class Clipped(Refusal):
    """A frame that is clipped and so tells no brightness there."""


@dataclass(frozen=True, slots=True, eq=False)
class ShadingMap:
    """(rows, columns) of the field from top left to bottom right, 1 in the middle, and the standard error of each."""

    values: Array
    errors: Array


@dataclass(frozen=True, slots=True, eq=False)
class ShadingMeasure:
    """What a flat tells of a lens on a sensor.

    `falloff` is of green (or the luminance of a finished picture), `red_green` and `blue_green` are the colour cast,
    None for monochrome; all 1 at the centre. `centre_px` is where the falloff is centred, `radial` its polynomial
    1 + k1 r2 + k2 r4 + k3 r6 with r 1 in the picture's corner, `residual_percent` what that leaves. `profile` is
    (r, brightness) by rings, `corners` the four corners clockwise from top left. `light_percent` is how
    much the light grew from left to right and from top to bottom, taken out; None where no turned frames told it.
    `f_number` is the aperture, None where nobody told it.
    """

    files: tuple[str, ...]
    falloff: ShadingMap
    red_green: ShadingMap | None
    blue_green: ShadingMap | None
    centre_px: tuple[Figure, Figure]
    radial: tuple[Figure, ...]
    residual_percent: float
    profile: tuple[tuple[float, Figure], ...] = field(repr=False)
    corners: tuple[Figure, Figure, Figure, Figure]
    cast_percent: Figure | None
    light_percent: tuple[Figure, Figure] | None
    width_px: int
    height_px: int
    notes: tuple[str, ...]
    f_number: float | None = None

    @property
    def corner_ev(self) -> Figure:
        """The mean of the four corners in EV, negative is darker."""
        mean = combined(list(self.corners))
        return Figure(math.log2(mean.value), mean.error / mean.value / math.log(2.0))


def shading(specimens: Sequence[Specimen], turns_deg: Sequence[float] | None = None) -> ShadingMeasure:
    """Falloff and colour cast of one flat, or of several frames of one lens and setting averaged.

    `turns_deg` says by how much the camera was turned (clockwise) for each frame, its orientation tag if None: the
    lens turns with the camera, the light does not, so from two turns on a light that grows to one side is told from
    falloff (own work: no profile of the light is asked for). From one way up, `radial` and `centre_px` tell a light
    that grows (by UNEVEN, as a rule) from a falloff off the middle, as far as that bends. Colours are apart: falloff is
    green's, the cast is red and blue over green. Raises Refusal for a flat that is textured or strongly coloured,
    Clipped, Dim.
    """
    if not specimens:
        raise Refusal("There is nothing to measure; name frames of an even surface.")
    first = specimens[0]
    width, height = first.width_px, first.height_px
    grids = [_grids(each) for each in specimens]
    for each, grid in zip(specimens, grids, strict=True):
        if (each.width_px, each.height_px, len(grid)) != (width, height, len(grids[0])):
            raise Refusal(f"{each.name} is not of the size of {first.name}; measure them apart.")
    notes = list(dict.fromkeys(note for each in specimens for note in each.notes))
    x, y = _places_of(width, height)
    half = math.hypot(width, height) / 2.0
    wide = width / half
    luma = [grid["G" if "G" in grid else "Y"] for grid in grids]
    (values, errors), slope = _evened(luma, _turns(specimens, turns_deg), x / wide, y / wide)
    if slope is None:
        notes.append("One way up only: a light that grows to one side is hardly told from falloff; turn the camera.")
    growth = np.full(2, UNEVEN) if slope is None else slope[1]
    centre, radial, model = _radial_falloff(values, errors, x, y, growth / wide)
    level = _at_centre(values, model)
    falloff = ShadingMap(values / level, errors / level)
    casts = [_cast(grids, letter) for letter in "RB"] if "R" in grids[0] else [None, None]
    middle = (width - 1) / 2.0, (height - 1) / 2.0
    cx, cy = (Figure(c.value * half + m, c.error * half) for c, m in zip(centre, middle, strict=True))
    return ShadingMeasure(
        files=tuple(each.name for each in specimens),
        falloff=falloff,
        red_green=casts[0],
        blue_green=casts[1],
        centre_px=(cx, cy),
        radial=radial,
        residual_percent=100.0 * float(np.sqrt(np.mean((values / model - 1.0) ** 2))),
        profile=_profile(falloff, x - centre[0].value, y - centre[1].value),
        corners=_corners(falloff),
        cast_percent=_worst_cast(casts),
        light_percent=None if slope is None else _percent(slope, height / width),
        width_px=width,
        height_px=height,
        notes=tuple(notes),
    )


def is_dark(specimen: Specimen) -> bool:
    """Whether a frame was taken without light: its mean and its brightest parts are next to black."""
    levels = [plane.pixels[::4, ::4] for plane in specimen.planes]
    return all(
        abs(float(np.median(level))) < 0.5 * _LEAST_LEVEL and float(np.percentile(level, 99.0)) < 3.0 * _LEAST_LEVEL
        for level in levels
    )


def _grids(specimen: Specimen) -> dict[str, Grid]:
    """By colour; raises Refusal where the frame is no flat."""
    found: dict[str, list[Grid]] = {}
    for plane in specimen.planes:
        found.setdefault(plane.letter, []).append(_cells(plane))
    ended = float(np.mean([plane.clipped.mean() for plane in specimen.planes]))
    if ended > _MOST_CLIPPED:
        raise Clipped(
            f"{specimen.name} is clipped in {100 * ended:.1f} % of its pixels, so its brightness is not known there; "
            "expose the flat less."
        )
    grid = {letter: _mean(cells) for letter, cells in found.items()}
    if specimen.to_xyz is not None:
        grid["G"] = _luminance(grid, specimen.to_xyz)
    levels = {letter: float(np.median(values)) for letter, (values, _) in grid.items()}
    brightest = max(levels, key=lambda letter: levels[letter])
    even = is_dark(specimen) or _texture(*grid[brightest]) <= _MOST_DIM_TEXTURE
    if levels[brightest] < _LEAST_LEVEL and even:
        raise Dim(
            f"{specimen.name} is nearly black (its brightest colour at {100 * levels[brightest]:.2g} % of white), "
            "so it is no flat; expose it to about half of white."
        )
    dark = min(levels, key=lambda letter: levels[letter])
    if levels[dark] < _LEAST_COLOR * levels[brightest]:
        share = 100.0 * levels[dark] / levels[brightest]
        raise Refusal(
            f"{specimen.name} is coloured, with hardly any {_NAMES[dark]} ({share:.1f} % of the strongest colour), "
            "so its cast cannot be told; light the flat with white light."
        )
    for letter, (values, errors) in grid.items():
        texture = _texture(values, errors)
        if texture > _MOST_TEXTURE:
            raise Refusal(
                f"{specimen.name} is textured: after a smooth falloff {100 * texture:.1f} % of structure are left in "
                f"{_NAMES[letter]}, so it is no flat; photograph an even surface out of focus."
            )
    return grid


def _cells(plane: Plane) -> Grid:
    height, width = plane.shape
    if height < 2 * _DOWN or width < 2 * _ACROSS:
        raise Refusal(f"The flat has only {width} x {height} samples of a colour; give a larger frame.")
    rows = np.linspace(0, height, _DOWN + 1).astype(np.intp)
    columns = np.linspace(0, width, _ACROSS + 1).astype(np.intp)
    apart = np.diff(plane.pixels, axis=1)
    apart[:, columns[1:-1] - 1] = 0.0  # A cell knows nothing of the next one's samples.
    light, once, square = (_summed(each, rows, columns) for each in (plane.pixels, apart, apart**2))
    high, wide = np.diff(rows)[:, None], np.diff(columns)
    steps = high * (wide - 1)
    noise = np.sqrt(np.maximum(square / steps - (once / steps) ** 2, 0.0) / (2.0 * high * wide))
    return _at_the_middle(light / (high * wide), plane), np.maximum(noise, 1e-7)


def _summed(values: npt.NDArray[np.float32], rows: Whole, columns: Whole) -> Array:
    """(rows, columns) sums over the cells that begin and end at these."""
    bands = np.stack([values[first:last].sum(axis=0, dtype=np.float64) for first, last in pairwise(rows)])
    return np.asarray(np.add.reduceat(bands, columns[:-1], axis=1))


def _at_the_middle(means: Array, plane: Plane) -> Array:
    """The cells' means moved from where the sites of a colour stand to the cells' middles.

    Half a pixel of falloff, a few hundredths of a per cent in the corner of a small frame, would pass for a cast.
    """
    height, width = plane.shape
    middle = (plane.step_px - 1) / 2.0
    down = (plane.top - middle) / plane.step_px * _DOWN / height
    across = (plane.left - middle) / plane.step_px * _ACROSS / width
    return np.asarray(means - down * np.gradient(means, axis=0) - across * np.gradient(means, axis=1))


def _mean(cells: Sequence[Grid]) -> Grid:
    values = np.mean([value for value, _ in cells], axis=0)
    errors = np.sqrt(np.sum([error**2 for _, error in cells], axis=0)) / len(cells)
    return values, errors


def _luminance(grid: dict[str, Grid], to_xyz: Array) -> Grid:
    weight = dict(zip("RGB", to_xyz[1], strict=True))
    values = np.sum([weight[letter] * grid[letter][0] for letter in "RGB"], axis=0)
    errors = np.sqrt(np.sum([(weight[letter] * grid[letter][1]) ** 2 for letter in "RGB"], axis=0))
    return values, errors


def _places_of(width_px: int, height_px: int) -> tuple[Array, Array]:
    """(x, y) of the maps' cells' middles from the middle of such a picture, in half diagonals."""
    half = math.hypot(width_px, height_px) / 2.0
    x = ((np.arange(_ACROSS) + 0.5) / _ACROSS - 0.5) * width_px / half
    y = ((np.arange(_DOWN) + 0.5) / _DOWN - 0.5) * height_px / half
    return tuple(np.broadcast_arrays(x[None], y[:, None]))  # type: ignore[return-value]


def _texture(values: Array, errors: Array) -> float:
    """Rms of what a smooth surface of the sixth order leaves, noise taken out, as a share of the brightness."""
    y, x = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, _DOWN), np.linspace(-1, 1, _ACROSS), indexing="ij"))
    terms = np.stack([x**i * y**j for i in range(7) for j in range(7 - i)], axis=1)
    level = values.ravel() / values.mean()
    left = level - terms @ np.linalg.lstsq(terms, level, rcond=None)[0]
    square = float(np.mean(left**2)) * len(level) / (len(level) - terms.shape[1])
    noise = float(np.mean((errors / values.mean()) ** 2))
    return math.sqrt(max(square - 2.0 * noise, 0.0))


def _turns(specimens: Sequence[Specimen], turns_deg: Sequence[float] | None) -> list[float]:
    if turns_deg is not None:
        if len(turns_deg) != len(specimens):
            raise Refusal(f"{len(turns_deg)} turns are given for {len(specimens)} frames; give one for each.")
        return [float(turn) % 360.0 for turn in turns_deg]
    return [0.0 if each.facts is None else _TURN_OF.get(each.facts.orientation, 0.0) for each in specimens]


def _evened(
    luma: Sequence[Grid], turns: Sequence[float], x: Array, y: Array
) -> tuple[Grid, tuple[Array, Array] | None]:
    """The mean of several frames without the light's growth, and that as `_slope` has it; None where none is turned."""
    if len(set(turns)) == 1:
        return _mean(luma), None
    slope = _slope([values for values, _ in luma], turns, x, y)
    grown = [np.exp(_design(x, y, _turn(turn)) @ slope[0]).reshape(x.shape) for turn in turns]
    return _mean([(values / by, errors / by) for (values, errors), by in zip(luma, grown, strict=True)]), slope


def _slope(values: Sequence[Array], turns: Sequence[float], x: Array, y: Array) -> tuple[Array, Array]:
    """The light's relative growth (2,) over a picture's width, to the right and down, unturned, and its errors.

    In logarithms a frame is lens + light; the light's slope turns with the camera, the lens's map does not.
    """
    logs = np.array([np.log(each) - np.log(each).mean() for each in values])
    apart = logs - logs.mean(axis=0)
    turned = [_turn(turn) for turn in turns]
    middle = np.mean(turned, axis=0)
    matrix = np.concatenate([_design(x, y, each - middle) for each in turned])
    found = np.linalg.lstsq(matrix, apart.ravel(), rcond=None)[0]
    left = apart.ravel() - matrix @ found
    error = np.sqrt(np.diag(np.linalg.pinv(matrix.T @ matrix)) * float(left @ left) / max(len(left) - 2, 1))
    return found, error


def _turn(degrees: float) -> Array:
    """(2, 2) from a direction in the light's frame to the sensor's, of a camera turned clockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, sin], [-sin, cos]])


def _design(x: Array, y: Array, turned: Array) -> Array:
    return np.asarray(np.stack([x.ravel(), y.ravel()], axis=1) @ turned)


def _percent(slope: tuple[Array, Array], high: float) -> tuple[Figure, Figure]:
    right, down = figures(*slope)
    return right.times(100.0), down.times(100.0 * high)


def _radial_falloff(
    values: Array, errors: Array, x: Array, y: Array, growth: Array
) -> tuple[tuple[Figure, Figure], tuple[Figure, ...], Array]:
    """(centre in half diagonals, k1 k2 k3, the model) of even powers of the radius about a free centre.

    `values` (rows, columns) are at places `x`, `y`, with standard errors `errors`. The light may have grown by about
    `growth` (2,) to the right and down in half a diagonal; where falloff bends, that is told from one off the middle.
    """
    from scipy.optimize import least_squares

    level = float(values[_DOWN // 2 - 1 : _DOWN // 2 + 1, _ACROSS // 2 - 1 : _ACROSS // 2 + 1].mean())
    belief = np.zeros((4, 8))
    belief[range(4), (1, 2, 6, 7)] = 1.0 / np.array([_ASIDE, _ASIDE, *np.maximum(growth, 1e-9)])
    numbers = np.array([level, 0.0, 0.0, -0.1, 0.0, 0.0, 0.0, 0.0])
    grown = 1.0
    for _ in range(2):  # The second time cells weigh by how well falloff fits them at all.
        root = 1.0 / (errors * math.sqrt(grown))
        found = least_squares(
            lambda at, root: np.concatenate([((_falling(at, x, y)[0] - values) * root).ravel(), belief @ at]),
            numbers,
            lambda at, root: np.concatenate([(_falling(at, x, y)[1] * root).reshape(8, -1).T, belief]),
            x_scale=(level, 0.1, 0.1, 0.3, 0.3, 0.3, 0.01, 0.01),
            args=(root,),
        )
        numbers = found.x
        grown = max(1.0, grown * 2.0 * float(found.cost) / (values.size - 4))
    error = np.sqrt(np.maximum(np.diag(np.linalg.pinv(found.jac.T @ found.jac)), 0.0))
    _, right, down, *radial = figures(numbers[:6], error[:6])
    return (right, down), tuple(radial), _falling(numbers, x, y)[0]


def _falling(numbers: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """(brightness by its level, centre, three even terms and growth; its slopes by each of them (8, rows, columns))."""
    level, cx, cy, k1, k2, k3, gx, gy = numbers
    right, down = x - cx, y - cy
    r2 = right**2 + down**2
    share, light = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)), 1.0 + gx * x + gy * y
    inward = -2.0 * light * (k1 + r2 * (2.0 * k2 + r2 * 3.0 * k3))
    slopes = [inward * right, inward * down, light * r2, light * r2**2, light * r2**3, share * x, share * y]
    return level * light * share, np.stack([light * share, *(level * slope for slope in slopes)])


def _at_centre(values: Array, model: Array) -> float:
    """The brightness in the middle of the picture, from the cells about it."""
    middle = (slice(_DOWN // 2 - 2, _DOWN // 2 + 2), slice(_ACROSS // 2 - 2, _ACROSS // 2 + 2))
    inner = (slice(_DOWN // 2 - 1, _DOWN // 2 + 1), slice(_ACROSS // 2 - 1, _ACROSS // 2 + 1))
    return float((values[middle] / model[middle]).mean() * model[inner].mean())


def _corners(falloff: ShadingMap) -> tuple[Figure, Figure, Figure, Figure]:
    """Clockwise from top left."""
    ends = ((0, 0, -1, -1), (0, -1, -1, 0))
    a, b, c, d = figures(falloff.values[ends], falloff.errors[ends])
    return a, b, c, d


def _cast(grids: Sequence[dict[str, Grid]], letter: str) -> ShadingMap:
    ratios = [
        (grid[letter][0] / grid["G"][0], np.hypot(grid[letter][1] / grid[letter][0], grid["G"][1] / grid["G"][0]))
        for grid in grids
    ]
    ratio = np.mean([value for value, _ in ratios], axis=0)
    errors = np.sqrt(np.sum([error**2 for _, error in ratios], axis=0)) / len(ratios)
    middle = float(ratio[_DOWN // 2 - 2 : _DOWN // 2 + 2, _ACROSS // 2 - 2 : _ACROSS // 2 + 2].mean())
    return ShadingMap(ratio / middle, errors * ratio / middle)


def _worst_cast(casts: Sequence[ShadingMap | None]) -> Figure | None:
    """The largest departure of red or blue from the middle's, in per cent."""
    known = [each for each in casts if each is not None]
    if not known:
        return None
    apart = np.array([each.values - 1.0 for each in known])
    at = np.unravel_index(int(np.argmax(np.abs(apart))), apart.shape)
    return Figure(100.0 * float(apart[at]), 100.0 * float(known[at[0]].errors[at[1:]]))


def _profile(falloff: ShadingMap, x: Array, y: Array) -> tuple[tuple[float, Figure], ...]:
    r = np.hypot(x, y)
    edges = np.linspace(0.0, float(r.max()) + 1e-9, _RINGS + 1)
    found = []
    for low, high in pairwise(edges):
        ring = (r >= low) & (r < high)
        if ring.any():
            weight = 1.0 / falloff.errors[ring] ** 2
            mean = float(weight @ falloff.values[ring] / weight.sum())
            found.append(
                (float(r[ring].mean()), Figure(mean, float(falloff.values[ring].std() / math.sqrt(ring.sum()))))
            )
    return tuple(found)
