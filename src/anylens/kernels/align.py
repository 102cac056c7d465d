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
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.grey import grey
from anylens.kernels.halve import halve
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN
from anylens.record import Parts

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating[Any]]

STEP, WINDOW, EVERY = 16, 32, 2
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
STEPS_COARSE, STEPS_FINE, HELD_FROM = 2, 1, 2
SPREAD_COARSE, SPREAD_FINE, LEAST_SPREAD = 1.0, 0.5, 0.02
ROBUST_STEPS = 4
LEAST_TEXTURE = 16.0
NOISE_OF_SLOPE = 0.5 * (6 / 16) * (6 / 16 - 1 / 16) / 2
"""Variance of a slope after smoothing, where the noise of two pictures together has unit variance before it."""


class Stages(Parts):
    column: Any
    total: Any
    sums: Any


def algorithm(still: Any, moved: Any, field: Any, width: Any, height: Any) -> Stages:
    """`width` and `height` are those of the pictures with their margins."""
    import halide as hl

    i, tx, ty, k = hl.Var("i"), hl.Var("tx"), hl.Var("ty"), hl.Var("k")
    column, total, sums = hl.Func("column"), hl.Func("total"), hl.Func("sums")
    rows, lanes = hl.RDom([hl.Range(0, WINDOW // EVERY)]), hl.RDom([hl.Range(0, WINDOW)])
    j = rows.x * EVERY

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
    sums[tx, ty, k] = hl.f32(EVERY) * hl.mux(k, [total[tx, ty][n] for n in range(SUMS)])
    return Stages(column, total, sums)


def schedule(stages: Stages, target: Any) -> None:
    """10 ms of CPU for the cells of 12 MP, AMD EPYC (AVX-512) busy with other work, output already in memory."""
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
    i, j = np.arange(WINDOW)[None, :], np.arange(0, WINDOW, EVERY)[:, None]
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
    sums = np.stack([term.sum(axis=(2, 3), dtype=np.float32) for term in terms])
    return np.asarray(sums * np.float32(EVERY), np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def sums_at(still: Array, moved: Array, field: Array) -> Array:
    """(7, rows, columns) for tiles whose shifts are `field`, (2, rows, columns) x and y in points of the pictures.

    Sums over each window of gx gx, gx gy, gy gy, gx r, gy r, r r and 1, with g the gradient of `still` and r what
    `moved`, read at the shifted place, has more. Pictures are smooth, so every second row stands for its neighbour too.
    Both pictures have a margin of MARGIN.
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
    level is left out where noise rules in it: slopes of bright and dark noise would then pull at the motion. The motion
    of the whole picture, which is looked for down to the level HELD_FROM, is known well enough from those before.
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
        sums = sums_at(still[level], moved[level], field)
        if level >= HELD_FROM or level == last:
            field, model, sums = _held(still[level], moved[level], field, model, sums, noise)
        if level or last == 0:
            field = _refined(still[level], moved[level], field, model, sums, noise, STEPS_COARSE, SPREAD_COARSE)
        elif _texture(sums, noise) > LEAST_TEXTURE:
            field = _refined(still[level], moved[level], field, model, sums, noise, STEPS_FINE, SPREAD_FINE)
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
    around = [(dx, dy) for dy in range(-reach_y, reach_y + 1) for dx in range(-reach_x, reach_x + 1)]
    around.sort(key=lambda shift: shift[0] ** 2 + shift[1] ** 2)
    dx, dy = np.array(around).T
    cost, spread = _alike(still, moved, dx, dy)
    weighed = cost * (1.0 + FARTHER * np.hypot(dx, dy))
    chance = 8.0 * variance * math.sqrt(2.0 / still.size)
    best = 0
    for index, each in enumerate(weighed):
        if each < weighed[best] - chance:
            best = index
    beyond = float(spread[best]) - variance
    likeness = float(np.clip(1.0 - (cost[best] - 2.0 * variance) / max(2.0 * beyond, 1e-12), 0.0, 1.0))
    return around[best], 1.0 if beyond < 4.0 * variance else likeness


def _alike(still: Array, moved: Array, dx: Floats, dy: Floats) -> tuple[Floats, Floats]:
    """At each shift, where two pictures overlap: variance of their difference, and that of the calmer one of them."""
    height, width = still.shape
    one, two = (picture - still.mean(dtype=np.float64) for picture in (still, moved))
    size = (height + int(np.abs(dy).max()), width + int(np.abs(dx).max()))
    spectra = [np.fft.rfft2(picture, size) for picture in (one, two)]
    product = np.fft.irfft2(spectra[0].conj() * spectra[1], size)[dy, dx]
    count = (height - np.abs(dy)) * (width - np.abs(dx))
    sums = []
    for picture, x, y in ((one, -dx, -dy), (two, dx, dy)):
        top, left = np.maximum(y, 0), np.maximum(x, 0)
        bottom, right = height + np.minimum(y, 0), width + np.minimum(x, 0)
        for power in (picture, picture * picture):
            whole = np.pad(power.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
            sums.append(whole[bottom, right] - whole[top, right] - whole[bottom, left] + whole[top, left])
    mine, mine_square, theirs, theirs_square = (total / count for total in sums)
    cost = mine_square + theirs_square - 2.0 * product / count - np.square(theirs - mine)
    return cost, np.minimum(mine_square - mine * mine, theirs_square - theirs * theirs)


def _finer(field: Array, rows: int, columns: int) -> Array:
    """The field of a level in the tiles of the next finer one: twice the shifts, bilinear between tile centres."""
    for axis, size in ((1, rows), (2, columns)):
        places = np.clip((np.arange(size) - 0.5) / 2.0, 0.0, field.shape[axis] - 1.0)
        first = np.minimum(places.astype(np.int64), max(field.shape[axis] - 2, 0))
        after = np.minimum(first + 1, field.shape[axis] - 1)
        part = (places - first).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
        field = field.take(first, axis) * (1 - part) + field.take(after, axis) * part
    return np.ascontiguousarray(field * np.float32(2))


def _held(
    still: Array, moved: Array, field: Array, model: Array, sums: Array, variance: float
) -> tuple[Array, Array, Array]:
    """The motion of the whole picture after a look at one level, and the field with its `sums` held to it.

    A tile that fits the model clearly better than what was thought of it begins there.
    """
    for _ in range(2):
        model = _modelled(sums_at(still, moved, model), model, variance, SPREAD_COARSE)
    other = sums_at(still, moved, model)
    better = _cost(other) < 0.9 * _cost(sums)
    return np.where(better, model, field), model, np.where(better, other, sums)


def _refined(
    still: Array, moved: Array, field: Array, model: Array, sums: Array, variance: float, steps: int, spread: float
) -> Array:
    """The field after some steps at one level; `sums` are those for the field as it comes."""
    for step in range(steps):
        if step:
            sums = sums_at(still, moved, field)
            spread = min(spread, _spread(sums, field, model, variance))
        field = _stepped(sums, field, model, variance, spread)
    return field


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
    table, pairs = _terms(rows, columns)
    count = table.shape[1]
    precision, pull = _known(sums, variance)
    soft = _softened(precision, spread).reshape(3, -1)
    best = _solved(precision[0] + 1e-3, precision[1], precision[2] + 1e-3, *pull)
    best = (best / np.maximum(np.hypot(*best) / 2.0, 1.0)).reshape(2, -1)
    (across, mixed, down), (x, y) = soft, best
    told = np.stack([across * x + mixed * y, mixed * x + down * y])
    solution, weight = np.zeros((2, count)), np.ones(rows * columns)
    system = np.empty((2, count, 2, count))
    for _ in range(ROBUST_STEPS):
        xx, xy, yy = np.einsum("kn,np->kp", soft * weight, pairs).reshape(3, count, count)
        system[0, :, 0], system[0, :, 1], system[1, :, 0], system[1, :, 1] = xx, xy, xy, yy
        right = np.einsum("kn,nc->kc", told * weight, table)
        whole = system.reshape(2 * count, 2 * count)
        ridge = (1e-6 * np.trace(whole) + 1e-9) * np.eye(2 * count)
        solution = np.linalg.solve(whole + ridge, right.ravel()).reshape(2, count)
        gap = best - np.einsum("kc,nc->kn", solution, table)
        far = across * gap[0] ** 2 + 2 * mixed * gap[0] * gap[1] + down * gap[1] ** 2
        weight = 1.0 / (1.0 + far / 4.0) ** 2
    return _moved(model, np.einsum("kc,nc->kn", solution, table).reshape(2, rows, columns))


@lru_cache(64)
def _terms(rows: int, columns: int) -> tuple[Floats, Floats]:
    """(tiles, 6) of 1, x, y, xy, xx, yy, fewer where there are few tiles; and (tiles, 36) products of each two."""
    down, across = (np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(n) for n in (rows, columns))
    x, y = (each.ravel() for each in np.meshgrid(across, down))
    count = 6 if min(rows, columns) >= 6 else 3 if min(rows, columns) >= 3 else 1
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y][:count], 1)
    return terms, (terms[:, :, None] * terms[:, None, :]).reshape(len(terms), -1)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    size = (height + 2 * MARGIN, width + 2 * MARGIN)
    still, moved = (np.float32(0.2) * rng.random(size, np.float32) for _ in range(2))
    rows, columns = -(-height // STEP), -(-width // STEP)
    field = rng.normal(0, 2, (2, rows, columns)).astype(np.float32)
    field[:, 0, 0] = 40.5, -50.25
    return still, moved, field, width + 2 * MARGIN, height + 2 * MARGIN
