"""One more frame added to a burst: each place as much as the noise allows, where it shows the same as the reference.

Every 32 x 16 pixels have a shift of their own; the frame is read there through `lattice.filters`, so that it says what
the reference's own sites would have seen. Over 5 x 5 cells the difference is held against the noise of both frames
and against the texture, which no interpolation meets exactly: a robustness after Wronski et al. 2019, made a test of
the noise profile (a mean square, and a mean that must not be off). Where it fails the reference alone speaks.
What is kept is the sum of weighted differences: equal frames leave the reference as it is, to the last bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels.lattice import CELLS, PARTS, POSITIONS, TAPS, filters
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN

Array = npt.NDArray[np.float32]
Shifts = npt.NDArray[np.int32]

BLOCK_X, BLOCK_Y = 16, 8
SIGNATURE = Signature(
    inputs=(
        Image("still", "float32", 3),
        Image("moved", "float32", 3),
        Image("filters", "float32", 3),
        Image("shifts", "int32", 3),
        Image("levels", "float32", 2),
        Image("before", "float32", 3),
        Scalar("wide", "int32"),
        Scalar("tall", "int32"),
        Scalar("gain", "float32"),
        Scalar("trust", "float32"),
        Scalar("robustness", "float32"),
    ),
    outputs=(Image("gathered", "float32", 3),),
)
REACH = 2
INTERPOLATED = 0.75
TEXTURE = 0.04
FLICKER = 0.01
SQUARE_GOOD, SQUARE_BAD = 1.5, 2.2
MEAN_GOOD, MEAN_BAD = 9.0, 16.0
STRIP = 32
TESTS, GATHERED = 8, 6
SURELY = 1.15
LAST_RESORT = 1e-6


class Stages(NamedTuple):
    read: Any
    gap: Any
    tested: Any
    down: Any
    share: Any
    gathered: Any


def algorithm(
    still: Any,
    moved: Any,
    filters: Any,
    shifts: Any,
    levels: Any,
    before: Any,
    wide: Any,
    tall: Any,
    gain: Any,
    trust: Any,
    robustness: Any,
) -> Stages:
    import halide as hl

    x, y, s, k = hl.Var("x"), hl.Var("y"), hl.Var("s"), hl.Var("k")
    zero, one = hl.f32(0.0), hl.f32(1.0)
    read, gap, tested, down, around, share, gathered = (
        hl.Func(name) for name in ("read", "gap", "tested", "down", "around", "share", "gathered")
    )
    bx = hl.clamp(x / BLOCK_X, 0, (wide - 1) / BLOCK_X)
    by = hl.clamp(y / BLOCK_Y, 0, (tall - 1) / BLOCK_Y)
    step_x, step_y = shifts[bx, by, 0], shifts[bx, by, 1]
    place = hl.clamp(shifts[bx, by, 2], 0, POSITIONS**2 - 1)

    taps = hl.RDom([hl.Range(0, CELLS), hl.Range(0, CELLS), hl.Range(0, 4)])
    start_x = hl.clamp(bx * BLOCK_X + step_x + (MARGIN - 1), 0, wide + 2 * MARGIN - BLOCK_X - CELLS + 1)
    start_y = hl.clamp(by * BLOCK_Y + step_y + (MARGIN - 1), 0, tall + 2 * MARGIN - BLOCK_Y - CELLS + 1)
    tap = filters[taps.x + CELLS * taps.y + CELLS * CELLS * taps.z, s, place]
    read[x, y, s] = zero
    read[x, y, s] += tap * moved[start_x + x % BLOCK_X + taps.x, start_y + y % BLOCK_Y + taps.y, taps.z]

    def own(site: Any, dx: int = 0, dy: int = 0) -> Any:
        return still[x + (MARGIN + dx), y + (MARGIN + dy), site]

    gap[x, y, s] = read[x, y, s] * gain - own(s)
    square = over = full = noise_still = noise_moved = texture = mean = bright = zero
    for site in range(4):
        full = hl.max(full, hl.select(own(site) >= levels[site, 4], one, zero))
        over = hl.max(over, hl.select(own(site) + gap[x, y, site] >= levels[site, 5], one, zero))
    for site in range(4):
        difference = hl.select(full > zero, hl.min(gap[x, y, site], zero), gap[x, y, site])
        level = hl.max(own(site) + difference * hl.f32(0.5), zero)
        square += difference * difference
        mean += difference
        bright += level
        noise_still += levels[site, 0] * level + levels[site, 1]
        noise_moved += levels[site, 2] * level + levels[site, 3]
        across, along = own(site, 1, 0) - own(site, -1, 0), own(site, 0, 1) - own(site, 0, -1)
        texture += (across * across + along * along) * hl.f32(0.25)
    texture = hl.max(texture - noise_still, zero)
    tested[x, y, k] = hl.mux(k, [square, mean, bright, noise_still, noise_moved, texture, over, full])
    down[x, y, k] = sum((tested[x, y + at, k] for at in range(-REACH, REACH + 1)), zero)
    around[x, y, k] = sum((down[x + at, y, k] for at in range(-REACH, REACH + 1)), zero)

    square, mean, bright, noise_still, noise_moved, texture, over, full = (around[x, y, part] for part in range(TESTS))
    noise = noise_still + noise_moved * hl.f32(INTERPOLATED)
    allowed = noise + texture * hl.f32(TEXTURE)
    flicker = bright * hl.f32(FLICKER)
    agrees = hl.clamp((hl.f32(SQUARE_BAD) - square / allowed) / hl.f32(SQUARE_BAD - SQUARE_GOOD), zero, one)
    off = mean * mean / (noise + texture * hl.f32(10 * TEXTURE) + flicker * flicker)
    agrees *= hl.clamp((hl.f32(MEAN_BAD) - off) / hl.f32(MEAN_BAD - MEAN_GOOD), zero, one)
    agrees = hl.max(agrees, one - robustness)
    last = hl.select((full > zero) & (gain > one), hl.f32(LAST_RESORT) * gain * gain * gain * gain, zero)
    seen = (x + step_x >= 0) & (x + step_x < wide) & (y + step_y >= 0) & (y + step_y < tall)
    excess = hl.max(square - noise_still * hl.f32(SURELY), noise_moved)
    relation = noise_still / hl.select(robustness > zero, excess, noise_moved)
    counts = hl.select(over > zero, hl.min(agrees, last), agrees)
    given = hl.select(seen, counts * trust, zero)
    share[x, y, k] = hl.mux(
        k, [given * relation, (given * relation) * (given * relation) * (noise_moved / noise_still)]
    )

    weight = share[x, y, 0]
    gathered[x, y, k] = before[x, y, k] + hl.mux(
        k, [*(weight * gap[x, y, site] for site in range(4)), weight, share[x, y, 1]]
    )
    return Stages(read, gap, tested, down, share, gathered)


def schedule(stages: Stages, target: Any) -> None:
    """33 ms a frame of 12 MP, 2 cores of Emerald Rapids (AVX-512), output already in memory."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    guard = hl.TailStrategy.GuardWithIf
    strip, lanes = hl.Var("strip"), hl.Var("lanes")
    x, y, k = stages.gathered.args()
    stages.gathered.bound(k, 0, GATHERED).split(y, strip, y, STRIP, guard).reorder(k, x, y, strip).unroll(k)
    stages.gathered.vectorize(x, width, guard).parallel(strip)
    stages.share.compute_at(stages.gathered, y).bound_extent(stages.share.args()[2], 2)
    for line in (stages.share, stages.down, stages.tested):
        x_line, _, part = line.args()
        line.reorder(part, x_line).unroll(part).vectorize(x_line, width)
    stages.down.compute_at(stages.gathered, y).bound_extent(stages.down.args()[2], TESTS)
    x, y_line, part = stages.tested.args()
    stages.tested.store_at(stages.gathered, strip).compute_at(stages.gathered, y).fold_storage(y_line, 8)
    stages.tested.bound_extent(part, TESTS)
    x, y_line, s = stages.gap.args()
    stages.gap.store_at(stages.gathered, strip).compute_at(stages.gathered, y).fold_storage(y_line, 8)
    stages.gap.bound_extent(s, 4).align_bounds(x, BLOCK_X).split(x, x, lanes, BLOCK_X)
    stages.gap.reorder(lanes, s, x, y_line).vectorize(lanes).unroll(s)
    x_in, _, s = stages.read.args()
    stages.read.compute_at(stages.gap, x).bound_extent(s, 4).vectorize(x_in, BLOCK_X).unroll(s)
    across, down, site = stages.read.rvars()
    stages.read.update().reorder(x_in, s, across, down, site).vectorize(x_in, BLOCK_X).unroll(s).unroll(across)


def reference(
    still: Array,
    moved: Array,
    filters: Array,
    shifts: Shifts,
    levels: Array,
    before: Array,
    wide: int,
    tall: int,
    gain: float,
    trust: float,
    robustness: float,
) -> Array:
    reach = REACH
    x, y = np.arange(-reach, wide + reach), np.arange(-reach, tall + reach)
    bx = np.clip(x // BLOCK_X, 0, shifts.shape[2] - 1)
    by = np.clip(y // BLOCK_Y, 0, shifts.shape[1] - 1)[:, None]
    step_x, step_y, place = (part[by, bx] for part in shifts)
    start_x = np.clip(bx * BLOCK_X + step_x + MARGIN - 1, 0, wide + 2 * MARGIN - BLOCK_X - CELLS + 1) + x % BLOCK_X
    start_y = np.clip(by * BLOCK_Y + step_y + MARGIN - 1, 0, tall + 2 * MARGIN - BLOCK_Y - CELLS + 1)
    start_y = start_y + (y % BLOCK_Y)[:, None]
    read = np.zeros((4, len(y), len(x)), np.float32)
    for tap in range(TAPS):
        site, row, column = tap // CELLS**2, tap // CELLS % CELLS, tap % CELLS
        samples = moved[site, start_y + row, start_x + column]
        read += np.moveaxis(filters[place, :, tap], -1, 0) * samples
    own = still[:, MARGIN - reach : MARGIN + tall + reach, MARGIN - reach : MARGIN + wide + reach]
    wider = still[:, MARGIN - reach - 1 : MARGIN + tall + reach + 1, MARGIN - reach - 1 : MARGIN + wide + reach + 1]
    gap = read * np.float32(gain) - own
    scale_still, offset_still, scale_moved, offset_moved, full_still, full_moved = (
        row[:, None, None] for row in levels
    )
    full = (own >= full_still).any(axis=0).astype(np.float32)
    over = (own + gap >= full_moved).any(axis=0).astype(np.float32)
    difference = np.where(full > 0, np.minimum(gap, 0), gap)
    level = np.maximum(own + difference * np.float32(0.5), 0)
    noise_still = (scale_still * level + offset_still).sum(axis=0)
    noise_moved = (scale_moved * level + offset_moved).sum(axis=0)
    across, along = wider[:, 1:-1, 2:] - wider[:, 1:-1, :-2], wider[:, 2:, 1:-1] - wider[:, :-2, 1:-1]
    texture = np.maximum(((across**2 + along**2) * np.float32(0.25)).sum(axis=0) - noise_still, 0)
    differs = (difference**2).sum(axis=0), difference.sum(axis=0)
    tested = np.stack([*differs, level.sum(axis=0), noise_still, noise_moved, texture, over, full])
    down = np.sum([tested[:, at : at + tall] for at in range(2 * reach + 1)], axis=0)
    around = np.sum([down[:, :, at : at + wide] for at in range(2 * reach + 1)], axis=0)
    square, mean, bright, noise_still, noise_moved, texture, over, full = around
    noise = noise_still + noise_moved * np.float32(INTERPOLATED)
    agrees = np.clip((SQUARE_BAD - square / (noise + texture * TEXTURE)) / (SQUARE_BAD - SQUARE_GOOD), 0, 1)
    off = mean**2 / (noise + texture * (10 * TEXTURE) + (bright * FLICKER) ** 2)
    agrees = agrees * np.clip((MEAN_BAD - off) / (MEAN_BAD - MEAN_GOOD), 0, 1)
    agrees = np.maximum(agrees, 1 - np.float32(robustness))
    inner = slice(reach, -reach), slice(reach, -reach)
    to_x, to_y = (x + step_x)[inner], (y[:, None] + step_y)[inner]
    last = np.where((full > 0) & (gain > 1), np.float32(LAST_RESORT) * np.float32(gain) ** 4, 0)
    agrees = np.where(over > 0, np.minimum(agrees, last), agrees)
    given = agrees * trust * ((to_x >= 0) & (to_x < wide) & (to_y >= 0) & (to_y < tall))
    relation = noise_still / (
        np.maximum(square - noise_still * np.float32(SURELY), noise_moved) if robustness > 0 else noise_moved
    )
    share = np.stack([given * relation, (given * relation) ** 2 * noise_moved / noise_still])
    gathered = np.concatenate([share[0] * gap[:, reach:-reach, reach:-reach], share])
    return np.asarray(before + gathered, np.float32)


kernel = Kernel(__name__, SIGNATURE, reference)


def shifts_of(field: Array, wide: int, tall: int) -> Shifts:
    """(3, rows, columns) for the blocks of a picture of `wide` x `tall` cells: whole cells across and down, filter.

    `field` is (2, rows, columns), x and y in cells, of tiles of BLOCK_X x BLOCK_X cells, bilinear between them.
    """
    rows, columns = -(-tall // BLOCK_Y), -(-wide // BLOCK_X)
    places = np.clip((np.arange(rows) * BLOCK_Y + BLOCK_Y / 2) / BLOCK_X - 0.5, 0, field.shape[1] - 1)
    first = np.minimum(places.astype(np.int64), max(field.shape[1] - 2, 0))
    part = (places - first).astype(np.float32)[:, None]
    after = np.minimum(first + 1, field.shape[1] - 1)
    moved = (field[:, first] * (1 - part) + field[:, after] * part)[:, :, :columns]
    steps = np.rint(np.clip(moved, -30000, 30000) * (2 * PARTS)).astype(np.int32)
    whole = steps // (2 * PARTS)
    left = steps - whole * (2 * PARTS)
    return np.stack([whole[0], whole[1], left[1] * (2 * PARTS) + left[0]]).astype(np.int32)


def begun(still: Array) -> Array:
    """What is gathered before the first frame is added: `still` weighs 1."""
    _, tall, wide = still.shape
    gathered = np.zeros((GATHERED, tall - 2 * MARGIN, wide - 2 * MARGIN), np.float32)
    gathered[4:] = 1.0
    return gathered


def let_clipped_go(gathered: Array, still: Array, full: Array) -> None:
    """Make all that is gathered weigh next to nothing where `still` is clipped, before frames of other exposure come.

    `full` has where each of the four sites of `still` (with margin) is clipped.
    """
    clipped = (still[:, MARGIN:-MARGIN, MARGIN:-MARGIN] >= full[:, None, None]).any(axis=0)
    gathered[:5, clipped] *= LAST_RESORT
    gathered[5, clipped] *= LAST_RESORT**2


def add(
    gathered: Array,
    still: Array,
    moved: Array,
    table: Array,
    shifts: Shifts,
    levels: Array,
    gain: float = 1.0,
    trust: float = 1.0,
    robustness: float = 1.0,
) -> None:
    """Add the frame `moved` to what has been gathered about `still`, in place.

    `gathered` is (6, h, w): for each site the sum of weighted differences, then the sum of weights and that of what
    they weigh in noise; it begins as `begun` says. `still` and `moved` are sites with margin, `table` has the filters
    of `lattice`; `levels` (6, 4) has scale and offset of the noise of `still` and of `moved` times `gain`, by site;
    the last two rows are where they are clipped, of no number where that does not matter (frames of one exposure).
    Light that is clipped in `still` may only be brighter in `moved`; where both are, the shorter exposure has the last
    word. `trust` 0 to 1 is how much the frame counts at all, 1 - `robustness` how much where it disagrees.
    """
    _, tall, wide = gathered.shape
    kernel(still, moved, table, shifts, levels, gathered, wide, tall, gain, trust, robustness, out=gathered)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    size = (4, height + 2 * MARGIN, width + 2 * MARGIN)
    still = (0.3 + 0.01 * rng.random(size)).astype(np.float32)
    moved = (still + rng.normal(0, 0.012, size)).astype(np.float32)
    field = rng.normal(0, 1, (2, -(-height // BLOCK_X), -(-width // BLOCK_X))).astype(np.float32)
    levels = np.array([[1e-4], [1e-5], [2e-4], [1e-5], [0.31], [0.34]], np.float32) * np.ones(4, np.float32)
    before = rng.random((GATHERED, height, width), np.float32)
    shifts = shifts_of(field, width, height)
    return still, moved, filters("RGGB"), shifts, levels, before, width, height, 1.003, 0.9, 0.95
