"""How far each tile of a picture has moved: one step of Lucas & Kanade 1981 for all tiles, coarse to fine.

The gradient is taken in the reference, the other picture is read where the tile is thought to have gone (the inverse
compositional form, Baker & Matthews 2004; for bursts, Lafenetre, Facciolo & Eboli 2023). The kernel sums what one step
needs; the small equations are solved here, and where a tile holds less texture than noise, what the whole picture does
(a polynomial of the second degree through all trusted tiles) speaks for it, each in proportion to what it knows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels.grey import grey
from anylens.kernels.halve import halve
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating[Any]]

STEP, WINDOW = 16, 32
BEFORE = (WINDOW - STEP) // 2
SUMS = 7
SIGNATURE = Signature(
    inputs=(
        Image("still", "float32", 2),
        Image("moved", "float32", 2),
        Image("field", "float32", 3),
        Scalar("width", "int32"),
        Scalar("height", "int32"),
    ),
    outputs=(Image("sums", "float32", 3),),
)
LEAST_SIDE = 24
SEARCH, FARTHER = 8, 0.02
STEPS_COARSE, STEPS_FINE = 3, 2
SPREAD_COARSE, SPREAD_FINE, LEAST_SPREAD = 1.0, 0.5, 0.02
ROBUST_STEPS = 4
LEAST_TEXTURE = 16.0
NOISE_OF_SLOPE = 0.5 * (6 / 16) * (6 / 16 - 1 / 16) / 2
"""Variance of a slope after smoothing, where the noise of two pictures together has unit variance before it."""


class Stages(NamedTuple):
    column: Any
    total: Any
    sums: Any


def algorithm(still: Any, moved: Any, field: Any, width: Any, height: Any) -> Stages:
    """`width` and `height` are those of the pictures with their margins."""
    import halide as hl

    i, tx, ty, k = hl.Var("i"), hl.Var("tx"), hl.Var("ty"), hl.Var("k")
    column, total, sums = hl.Func("column"), hl.Func("total"), hl.Func("sums")
    rows, lanes = hl.RDom([hl.Range(0, WINDOW)]), hl.RDom([hl.Range(0, WINDOW)])
    j = rows.x

    def held(start: Any, size: Any) -> Any:
        return hl.clamp(start, 1, size - WINDOW - 2)

    left, top = tx * STEP + (MARGIN - BEFORE), ty * STEP + (MARGIN - BEFORE)
    shift_x, shift_y = (hl.clamp(field[tx, ty, axis], hl.f32(-1e6), hl.f32(1e6)) for axis in (0, 1))
    whole_x, whole_y = hl.floor(shift_x), hl.floor(shift_y)
    part_x, part_y = shift_x - whole_x, shift_y - whole_y
    steps_x, steps_y = hl.cast(hl.Int(32), whole_x), hl.cast(hl.Int(32), whole_y)
    x, y = held(left, width) + i, held(top, height) + j
    to_x, to_y = held(left + steps_x, width) + i, held(top + steps_y, height) + j
    upper = moved[to_x, to_y] + part_x * (moved[to_x + 1, to_y] - moved[to_x, to_y])
    lower = moved[to_x, to_y + 1] + part_x * (moved[to_x + 1, to_y + 1] - moved[to_x, to_y + 1])
    seen_x, seen_y = left + steps_x + i, top + steps_y + j
    inside = (seen_x >= MARGIN) & (seen_x < width - MARGIN) & (seen_y >= MARGIN) & (seen_y < height - MARGIN)
    counted = hl.select(inside, hl.f32(1.0), hl.f32(0.0))
    gap = (upper + part_y * (lower - upper) - still[x, y]) * counted
    slope_x = (still[x + 1, y] - still[x - 1, y]) * hl.f32(0.5) * counted
    slope_y = (still[x, y + 1] - still[x, y - 1]) * hl.f32(0.5) * counted
    terms = (slope_x * slope_x, slope_x * slope_y, slope_y * slope_y, slope_x * gap, slope_y * gap, gap * gap, counted)

    zeros = (hl.f32(0.0),) * SUMS
    column[i, tx, ty] = zeros
    column[i, tx, ty] = tuple(column[i, tx, ty][n] + term for n, term in enumerate(terms))
    total[tx, ty] = zeros
    total[tx, ty] = tuple(total[tx, ty][n] + column[lanes.x, tx, ty][n] for n in range(SUMS))
    sums[tx, ty, k] = hl.mux(k, [total[tx, ty][n] for n in range(SUMS)])
    return Stages(column, total, sums)


def schedule(stages: Stages, target: Any) -> None:
    """7.4 ms for the cells of 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    tx, ty, k = stages.sums.args()
    width = min(target.natural_vector_size(hl.Float(32)), WINDOW)
    stages.sums.bound(k, 0, SUMS).reorder(k, tx, ty).unroll(k).parallel(ty)
    stages.total.compute_at(stages.sums, tx)
    i, *_ = stages.column.args()
    stages.column.compute_at(stages.sums, tx).bound_extent(i, WINDOW).vectorize(i, width)
    stages.column.update().vectorize(i, width)


def reference(still: Array, moved: Array, field: Array, width: int, height: int) -> Array:
    _, rows, columns = field.shape
    shift_x, shift_y = (np.clip(part, -1e6, 1e6)[:, :, None, None] for part in field)
    whole_x, whole_y = np.floor(shift_x), np.floor(shift_y)
    part_x, part_y = shift_x - whole_x, shift_y - whole_y
    left = (np.arange(columns) * STEP + (MARGIN - BEFORE))[None, :, None, None]
    top = (np.arange(rows) * STEP + (MARGIN - BEFORE))[:, None, None, None]
    i, j = np.arange(WINDOW)[None, :], np.arange(WINDOW)[:, None]
    steps_x, steps_y = whole_x.astype(np.int64), whole_y.astype(np.int64)
    x, y = np.clip(left, 1, width - WINDOW - 2) + i, np.clip(top, 1, height - WINDOW - 2) + j
    to_x = np.clip(left + steps_x, 1, width - WINDOW - 2) + i
    to_y = np.clip(top + steps_y, 1, height - WINDOW - 2) + j
    upper = moved[to_y, to_x] + part_x * (moved[to_y, to_x + 1] - moved[to_y, to_x])
    lower = moved[to_y + 1, to_x] + part_x * (moved[to_y + 1, to_x + 1] - moved[to_y + 1, to_x])
    seen_x, seen_y = left + steps_x + i, top + steps_y + j
    counted = ((seen_x >= MARGIN) & (seen_x < width - MARGIN) & (seen_y >= MARGIN) & (seen_y < height - MARGIN)).astype(
        np.float32
    )
    gap = (upper + part_y * (lower - upper) - still[y, x]) * counted
    slope_x = (still[y, x + 1] - still[y, x - 1]) * np.float32(0.5) * counted
    slope_y = (still[y + 1, x] - still[y - 1, x]) * np.float32(0.5) * counted
    terms = (slope_x**2, slope_x * slope_y, slope_y**2, slope_x * gap, slope_y * gap, gap**2, counted)
    return np.stack([term.sum(axis=(2, 3), dtype=np.float32) for term in terms]).astype(np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def sums_at(still: Array, moved: Array, field: Array) -> Array:
    """(7, rows, columns) for tiles whose shifts are `field`, (2, rows, columns) x and y in points of the pictures.

    Sums over each window of gx gx, gx gy, gy gy, gx r, gy r, r r and 1, with g the gradient of `still` and r what
    `moved`, read at the shifted place, has more. Both pictures have a margin of MARGIN.
    """
    height, width = still.shape
    return kernel(still, moved, field, width, height, out=np.empty((SUMS, *field.shape[1:]), np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where the tiles of a picture have gone.

    `field` is (2, rows, columns), x and y in points of the finest level, of tiles STEP points apart; `model` the same
    as the polynomial of the whole picture says; `likeness` 1 for pictures of one scene, 0 for unlike ones.
    """

    field: Array
    model: Array
    likeness: float


def pyramid(sites: Array, gain: float = 1.0, most: float = np.inf) -> tuple[Array, ...]:
    """Brightness of `sites`, (4, h, w) with margin, finest level first, each half the size of the one before."""
    levels = [grey(sites, gain, most)]
    while min(levels[-1].shape) - 2 * MARGIN >= 2 * LEAST_SIDE:
        levels.append(halve(levels[-1]))
    return tuple(levels)


def align(still: tuple[Array, ...], moved: tuple[Array, ...], variance: float) -> Motion:
    """Where each tile of `still` is found in `moved`: two pyramids of one size.

    `variance` is that of the noise of one point of the finest level before smoothing, both pictures' together. That
    level is left out where noise rules in it: slopes of bright and dark noise would then pull at the motion.
    """
    last = len(still) - 1
    shift, likeness = _searched(_inner(still[last]), _inner(moved[last]), variance / 4.0**last)
    field = np.broadcast_to(np.array(shift, np.float32)[:, None, None], (2, *_tiles(still[last])))
    model = field
    for level in range(last, -1, -1):
        if level < last:
            rows, columns = _tiles(still[level])
            field, model = (_finer(each, rows, columns) for each in (field, model))
        noise = variance / 4.0**level
        first = sums_at(still[level], moved[level], model)
        if level or last == 0 or _texture(first, noise) > LEAST_TEXTURE:
            field, model = _refined(still[level], moved[level], field, model, first, noise, level > 0)
    return Motion(field, model, likeness)


def _texture(sums: Array, variance: float) -> float:
    """How many times the squares of slopes in an ordinary tile are what noise alone would make them."""
    return float(np.median((sums[0] + sums[2]) / np.maximum(2 * NOISE_OF_SLOPE * variance * sums[6], 1e-20)))


def _inner(picture: Array) -> Array:
    return picture[MARGIN:-MARGIN, MARGIN:-MARGIN]


def _tiles(picture: Array) -> tuple[int, int]:
    rows, columns = (-(-(side - 2 * MARGIN) // STEP) for side in picture.shape)
    return rows, columns


def _searched(still: Array, moved: Array, variance: float) -> tuple[tuple[int, int], float]:
    """The whole shift (x, y) at which two small pictures are most alike, and how alike they are there.

    A pattern that repeats is as alike one period farther on: of shifts that are nearly as good the nearest is taken.
    """
    height, width = still.shape
    reach_x, reach_y = min(SEARCH, width // 3), min(SEARCH, height // 3)
    best, found, likeness = np.inf, (0, 0), 1.0
    chance = 8.0 * variance * math.sqrt(2.0 / still.size)
    around = [(dx, dy) for dy in range(-reach_y, reach_y + 1) for dx in range(-reach_x, reach_x + 1)]
    for dx, dy in sorted(around, key=lambda shift: shift[0] ** 2 + shift[1] ** 2):
        mine = still[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
        theirs = moved[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
        gap = theirs - mine
        cost = float(np.square(gap - gap.mean()).mean())
        weighed = cost * (1.0 + FARTHER * math.hypot(dx, dy))
        if weighed < best - chance:
            best, found = weighed, (dx, dy)
            spread = min(float(mine.var()), float(theirs.var())) - variance
            likeness = float(np.clip(1.0 - (cost - 2.0 * variance) / max(2.0 * spread, 1e-12), 0.0, 1.0))
            if spread < 4.0 * variance:
                likeness = 1.0
    return found, likeness


def _finer(field: Array, rows: int, columns: int) -> Array:
    """The field of a level in the tiles of the next finer one: twice the shifts, bilinear between tile centres."""
    for axis, size in ((1, rows), (2, columns)):
        places = np.clip((np.arange(size) - 0.5) / 2.0, 0.0, field.shape[axis] - 1.0)
        first = np.minimum(places.astype(np.int64), max(field.shape[axis] - 2, 0))
        after = np.minimum(first + 1, field.shape[axis] - 1)
        part = (places - first).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
        field = field.take(first, axis) * (1 - part) + field.take(after, axis) * part
    return np.ascontiguousarray(field * np.float32(2))


def _refined(
    still: Array, moved: Array, field: Array, model: Array, first: Array, variance: float, coarse: bool
) -> tuple[Array, Array]:
    """The field after some steps at one level, and the motion of the whole picture that it is held to.

    `first` are the sums for the model as it comes. At the finest level it is worth one look less.
    """
    spread = SPREAD_COARSE if coarse else SPREAD_FINE
    model = _modelled(first, model, variance, spread)
    sums = sums_at(still, moved, field)
    if coarse:
        model = _modelled(sums_at(still, moved, model), model, variance, spread)
        other = sums_at(still, moved, model)
        better = _cost(other) < 0.9 * _cost(sums)
        field, sums = np.where(better, model, field), np.where(better, other, sums)
    for step in range(STEPS_COARSE if coarse else STEPS_FINE):
        if step:
            sums = sums_at(still, moved, field)
            spread = min(spread, _spread(sums, field, model, variance))
        field = _stepped(sums, field, model, variance, spread)
    return field, model


def _cost(sums: Array) -> Floats:
    mean = sums[5] / np.maximum(sums[6], 1)
    return np.where(sums[6] < WINDOW * WINDOW / 8, 1e30, mean)


def _known(sums: Array, variance: float) -> tuple[Floats, Floats]:
    """What each tile knows of its place: precision (3, rows, columns) xx, xy, yy in 1 / point^2, and pull (2, ...).

    What noise alone brings into the squares of slopes is taken off.
    """
    noise = NOISE_OF_SLOPE * variance * sums[6]
    across, down = np.maximum(sums[0] - noise, 0), np.maximum(sums[2] - noise, 0)
    mixed = np.clip(sums[1], -0.99 * np.sqrt(across * down), 0.99 * np.sqrt(across * down))
    return np.stack([across, mixed, down]) / variance, -sums[3:5].astype(np.float64) / variance


def _softened(precision: Floats, spread: float) -> Floats:
    """Precision of a place that lies about the model by `spread` besides: the inverse of inverse plus spread^2."""
    across, mixed, down = precision
    determinant = across * down - mixed * mixed
    square = spread * spread
    whole = 1.0 + square * (across + down) + square * square * determinant
    return np.asarray(np.stack([across + square * determinant, mixed, down + square * determinant]) / whole)


def _stepped(sums: Array, field: Array, model: Array, variance: float, spread: float) -> Array:
    """One step: where texture and model balance, each with its precision; no step is longer than a point."""
    (across, mixed, down), pull = _known(sums, variance)
    prior = 1.0 / spread**2
    right = [prior * (model[k] - field[k]) + pull[k] for k in (0, 1)]
    return _moved(field, _solved(across + prior, mixed, down + prior, *right))


def _solved(across: Floats, mixed: Floats, down: Floats, right_x: Floats, right_y: Floats) -> Floats:
    determinant = across * down - mixed * mixed
    return np.asarray(np.stack([down * right_x - mixed * right_y, across * right_y - mixed * right_x]) / determinant)


def _moved(field: Array, moves: Floats) -> Array:
    return np.asarray(field + moves / np.maximum(np.hypot(*moves), 1.0), np.float32)


def _spread(sums: Array, field: Array, model: Array, variance: float) -> float:
    """How far tiles that know their place lie from the model, the median of it, their own uncertainty taken off."""
    (across, _, down), _ = _known(sums, variance)
    surely = np.minimum(across, down).ravel() + 1e-9
    away = np.hypot(*(field - model)).ravel()
    excess = np.sqrt(np.maximum(away**2 - 2.0 / surely, 0.0))
    order = np.argsort(excess)
    along = np.cumsum((surely / (surely + 100.0))[order])
    return max(float(excess[order][np.searchsorted(along, 0.5 * along[-1])]), LEAST_SPREAD)


def _modelled(sums: Array, model: Array, variance: float, spread: float) -> Array:
    """The model after one step for the whole picture: a polynomial's, with tiles that contradict it let go."""
    _, rows, columns = model.shape
    table = _terms(rows, columns)
    count = table.shape[1]
    precision, pull = _known(sums, variance)
    soft = _softened(precision, spread).reshape(3, -1)
    best = _solved(precision[0] + 1e-3, precision[1], precision[2] + 1e-3, *pull)
    best = (best / np.maximum(np.hypot(*best) / 2.0, 1.0)).reshape(2, -1)
    solution = np.zeros((2, count))
    weight = np.ones(rows * columns)
    for _ in range(ROBUST_STEPS):
        across, mixed, down = soft * weight
        system = np.block(
            [
                [table.T @ (table * across[:, None]), table.T @ (table * mixed[:, None])],
                [table.T @ (table * mixed[:, None]), table.T @ (table * down[:, None])],
            ]
        )
        right = np.concatenate(
            [table.T @ (across * best[0] + mixed * best[1]), table.T @ (mixed * best[0] + down * best[1])]
        )
        ridge = (1e-6 * np.trace(system) + 1e-9) * np.eye(2 * count)
        solution = np.linalg.solve(system + ridge, right).reshape(2, count)
        gap = best - solution @ table.T
        far = soft[0] * gap[0] ** 2 + 2 * soft[1] * gap[0] * gap[1] + soft[2] * gap[1] ** 2
        weight = 1.0 / (1.0 + far / 4.0) ** 2
    return _moved(model, (solution @ table.T).reshape(2, rows, columns))


@lru_cache(64)
def _terms(rows: int, columns: int) -> Floats:
    """(tiles, 6) of 1, x, y, xy, xx, yy; fewer where there are few tiles."""
    down, across = (np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(n) for n in (rows, columns))
    x, y = (each.ravel() for each in np.meshgrid(across, down))
    count = 6 if min(rows, columns) >= 6 else 3 if min(rows, columns) >= 3 else 1
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y][:count], 1)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    size = (height + 2 * MARGIN, width + 2 * MARGIN)
    still, moved = (np.float32(0.2) * rng.random(size, np.float32) for _ in range(2))
    rows, columns = -(-height // STEP), -(-width // STEP)
    field = rng.normal(0, 2, (2, rows, columns)).astype(np.float32)
    field[:, 0, 0] = 40.5, -50.25
    return still, moved, field, width + 2 * MARGIN, height + 2 * MARGIN
