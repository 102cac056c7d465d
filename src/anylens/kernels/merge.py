"""One more frame added to a burst: each place as much as the noise allows, where it shows the same as the reference.

Every 32 x 16 pixels have a shift of their own; the frame is read there through `lattice.filters`, so that it says what
the reference's own sites would have seen. Over 5 x 5 cells the difference is held against the noise of both frames
and against the texture, which no interpolation meets exactly: a robustness after Wronski et al. 2019, made a test of
the noise profile (a mean square, and a mean that must not be off). Where it fails the reference alone speaks.
What is kept is the sum of weighted differences: equal frames leave the reference as it is, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.lattice import CELLS, PARTS, POSITIONS, READ, TAPS, filters
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.kernels.sites import MARGIN
from anylens.record import Parts

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
        Image("before", "float32", 4),
        Scalar("wide", "int32"),
        Scalar("tall", "int32"),
        Scalar("gain", "float32"),
        Scalar("trust", "float32"),
        Scalar("robustness", "float32"),
        Scalar("clips", "int32"),
    ),
    outputs=(Image("gathered", "float32", 4),),
)
REACH = 2
INTERPOLATED = 0.75
TEXTURE = 0.04
FLICKER = 0.01
SQUARE_GOOD, SQUARE_BAD = 1.5, 2.2
MEAN_GOOD, MEAN_BAD = 9.0, 16.0
STRIP, PAIR = 32, 2
PAIRS = BLOCK_Y // PAIR
TESTS, FULL, GATHERED = 4, 2, 6
SURELY = 1.15
LAST_RESORT = 1e-6
AT_LEAST, DARKER = 0.3, 0.25
"""What a shorter exposure, over its gain, counts at least where the reference is clipped: edges so high agree with
nothing. Not where it is darker by so much than what is clipped: there something has moved."""
NEVER = 3e38


class Stages(Parts):
    read: Any
    gap: Any
    tested: Any
    down: Any
    clipped: Any
    clipped_down: Any
    share: Any
    clips: Any
    gathered: Any


def algorithm(*arguments: Any) -> Stages:
    """`clips` is 0 where no light is to be taken for clipped, whatever `levels` say: the burst is no bracket."""
    import halide as hl

    still, moved, filters, shifts, levels, before, wide, tall, gain, trust, robustness, clips = arguments
    x, r, q, s, k = (hl.Var(name) for name in "xrqsk")
    gap, share, gathered = hl.Func("gap"), hl.Func("share"), hl.Func("gathered")

    def moved_by(block_x: Any, block_y: Any, part: int) -> Any:
        return shifts[hl.clamp(block_x, 0, (wide - 1) / BLOCK_X), hl.clamp(block_y, 0, (tall - 1) / BLOCK_Y), part]

    def own(site: Any, dx: int = 0, dy: int = 0) -> Any:
        return still[x + (MARGIN + dx), PAIR * q + r + (MARGIN + dy), site]

    read = _read(moved, filters, moved_by, wide, tall)
    gap[x, r, q, s] = read[x % BLOCK_X, r, s, x / BLOCK_X, q] * gain - still[x + MARGIN, PAIR * q + r + MARGIN, s]
    gaps = [gap[x, r, q, site] for site in range(4)]
    tested, clipped = _tested(own, gaps, levels, clips)
    down, clipped_down = _summed_down("down", tested), _summed_down("clipped_down", clipped)
    tests = [_summed_across(down, part) for part in range(TESTS)]
    full, over = (hl.select(clips > 0, _summed_across(clipped_down, part), hl.f32(0.0)) for part in (1, 0))
    agrees, relation, noise_ratio = _agreed(tests, levels, robustness)
    counts = _last_word(agrees, full, over, gain)
    least = _least(own, gaps, levels, over, gain, clips)
    to_x, to_y = (place + moved_by(x / BLOCK_X, q / PAIRS, axis) for axis, place in enumerate((x, PAIR * q + r)))
    seen = (to_x >= 0) & (to_x < wide) & (to_y >= 0) & (to_y < tall)
    weight = hl.select(seen, hl.max(counts * trust * relation, least), hl.f32(0.0))
    share[x, r, q, k] = hl.mux(k, [weight, weight * weight * noise_ratio])
    weight = share[x, r, q, 0]
    gathered[x, r, q, k] = before[x, r, q, k] + hl.mux(
        k, [*(weight * each for each in gaps), weight, share[x, r, q, 1]]
    )
    return Stages(read, gap, tested, down, clipped, clipped_down, share, clips, gathered)


def _tested(own: Any, gaps: list[Any], levels: Any, clips: Any) -> tuple[Any, Any]:
    """(x, r, q, k): what `_tests` says of each cell, and what `_clipped` does.

    Where the reference is clipped, the frame may well be brighter.
    """
    import halide as hl

    x, r, q, k = (hl.Var(name) for name in "xrqk")
    tested, clipped = hl.Func("tested"), hl.Func("clipped")
    full, over = _clipped(own, gaps, levels)
    clipped[x, r, q, k] = hl.mux(k, [over, full])
    zero = hl.f32(0.0)
    differences = [hl.select((clips > 0) & (full > zero), hl.min(gap, zero), gap) for gap in gaps]
    tested[x, r, q, k] = hl.mux(k, _tests(own, differences, levels))
    return tested, clipped


def _summed_down(name: str, values: Any) -> Any:
    """Sums over the cells up to REACH above and below."""
    import halide as hl

    x, r, q, k = values.args()
    down = hl.Func(name)
    rows = [values[x, (r + at) % PAIR, q + (r + at) / PAIR, k] for at in range(-REACH, REACH + 1)]
    down[x, r, q, k] = sum(rows[1:], rows[0])
    return down


def _summed_across(values: Any, part: int) -> Any:
    """The sum of one part of `values` over the cells up to REACH left and right."""
    x, r, q, _ = values.args()
    return sum((values[x + at, r, q, part] for at in range(1 - REACH, REACH + 1)), values[x - REACH, r, q, part])


def _agreed(tests: list[Any], levels: Any, robustness: Any) -> tuple[Any, Any, Any]:
    """How far a cell agrees, what the frame counts there beside the reference, and how much noisier it is.

    What differs beyond the noise of the reference counts as noise of the frame, unless all frames are to be believed.
    """
    import halide as hl

    square, _, bright, _ = tests
    sites = hl.f32(4.0 * (2 * REACH + 1) ** 2)
    noise_still, noise_moved = (_mean_of(levels, row) * bright + sites * _mean_of(levels, row + 1) for row in (0, 2))
    agrees = hl.max(_agreement(tests, noise_still, noise_moved), hl.f32(1.0) - robustness)
    excess = hl.max(square - noise_still * hl.f32(SURELY), noise_moved)
    relation = noise_still / hl.select(robustness > hl.f32(0.0), excess, noise_moved)
    return agrees, relation, noise_moved / noise_still


def _last_word(agrees: Any, full: Any, over: Any, gain: Any) -> Any:
    """How far a cell agrees, which is nothing where the frame is clipped.

    Where the reference is clipped too it is next to nothing, the more the shorter the exposure.
    """
    import halide as hl

    zero = hl.f32(0.0)
    last = hl.select((full > zero) & (gain > hl.f32(1.0)), hl.f32(LAST_RESORT) * gain * gain * gain * gain, zero)
    return hl.select(over > zero, hl.min(agrees, last), agrees)


def _least(own: Any, gaps: list[Any], levels: Any, over: Any, gain: Any, clips: Any) -> Any:
    """What a shorter exposure that is not clipped counts at least where the reference is."""
    import halide as hl

    zero = hl.f32(0.0)
    shows = _any((own(site) >= levels[site, 4]) & (gap >= own(site) * hl.f32(-DARKER)) for site, gap in enumerate(gaps))
    alone = (clips > 0) & (gain > hl.f32(1.0)) & (shows > zero) & (over == zero)
    return hl.select(alone, hl.f32(AT_LEAST) / gain, zero)


def _any(conditions: Iterable[Any]) -> Any:
    """1 where one of the conditions holds, else 0."""
    import halide as hl

    found = hl.f32(0.0)
    for condition in conditions:
        found = hl.max(found, hl.select(condition, hl.f32(1.0), hl.f32(0.0)))
    return found


def _clipped(own: Any, gaps: list[Any], levels: Any) -> tuple[Any, Any]:
    """Whether one of a cell's sites is clipped in the reference, and whether one is in the frame; 1 or 0."""
    full = _any(own(site) >= levels[site, 4] for site in range(4))
    return full, _any(own(site) + gap >= levels[site, 5] for site, gap in enumerate(gaps))


def _mean_of(levels: Any, row: int) -> Any:
    import halide as hl

    return sum((levels[site, row] for site in range(1, 4)), levels[0, row]) * hl.f32(0.25)


def _tests(own: Any, differences: list[Any], levels: Any) -> list[Any]:
    """Of a cell: the sum of squared differences, their sum, the light, and the texture beyond the noise."""
    import halide as hl

    square = bright = texture = mean = zero = hl.f32(0.0)
    for site, difference in enumerate(differences):
        square += difference * difference
        mean += difference
        bright += hl.max(own(site) + difference * hl.f32(0.5), zero)
        across, along = own(site, 1, 0) - own(site, -1, 0), own(site, 0, 1) - own(site, 0, -1)
        texture += (across * across + along * along) * hl.f32(0.25)
    noise = _mean_of(levels, 0) * bright + hl.f32(4.0) * _mean_of(levels, 1)
    return [square, mean, bright, hl.max(texture - noise, zero)]


def _agreement(tests: list[Any], still: Any, moved: Any) -> Any:
    """1 where `tests`, summed over the cells around, fit the noise of `still` and `moved`, 0 far above it."""
    import halide as hl

    square, mean, bright, texture = tests
    noise = still + moved * hl.f32(INTERPOLATED)
    allowed = noise + texture * hl.f32(TEXTURE)
    flicker = bright * hl.f32(FLICKER)
    off = mean * mean / (noise + texture * hl.f32(10 * TEXTURE) + flicker * flicker)
    return _falling(square / allowed, SQUARE_GOOD, SQUARE_BAD) * _falling(off, MEAN_GOOD, MEAN_BAD)


def _read(moved: Any, filters: Any, moved_by: Any, wide: Any, tall: Any) -> Any:
    """The frame at the places of the reference's sites, block by block, each through the filter of its shift."""
    import halide as hl

    i, r, s, p, q = (hl.Var(name) for name in "irspq")
    read = hl.Func("read")
    by = hl.clamp(q / PAIRS, 0, (tall - 1) / BLOCK_Y)
    taps = hl.RDom([hl.Range(0, len(READ)), hl.Range(0, 4)])
    cell_x, cell_y = (hl.mux(taps.x, [hl.i32(cell[axis]) for cell in READ]) for axis in (0, 1))
    left = hl.clamp(p, 0, (wide - 1) / BLOCK_X) * BLOCK_X + moved_by(p, by, 0) + (MARGIN - 1)
    top = by * BLOCK_Y + moved_by(p, by, 1) + (MARGIN - 1)
    left = hl.clamp(left, 0, wide + 2 * MARGIN - BLOCK_X - CELLS + 1)
    top = hl.clamp(top, 0, tall + 2 * MARGIN - BLOCK_Y - CELLS + 1)
    place = hl.clamp(moved_by(p, by, 2), 0, POSITIONS**2 - 1)
    tap = filters[taps.x + len(READ) * taps.y, s, place]
    row = top + PAIR * (q % PAIRS) + r
    read[i, r, s, p, q] = hl.f32(0.0)
    read[i, r, s, p, q] += tap * moved[left + i + cell_x, row + cell_y, taps.y]
    return read


def _falling(value: Any, good: float, bad: float) -> Any:
    """1 up to `good`, 0 from `bad` on."""
    import halide as hl

    return hl.clamp((hl.f32(bad) - value) / hl.f32(bad - good), hl.f32(0.0), hl.f32(1.0))


def schedule(stages: Stages, target: Any) -> None:
    """53 ms of CPU a frame of 12 MP, AMD EPYC (AVX-512) busy with other work, output already in memory."""
    import halide as hl

    width = target.natural_vector_size(hl.Float(32))
    guard = hl.TailStrategy.GuardWithIf
    strip, lanes = hl.Var("strip"), hl.Var("lanes")
    x, r, q, k = stages.gathered.args()
    stages.gathered.bound(k, 0, GATHERED).bound(r, 0, PAIR).split(q, strip, q, STRIP, guard)
    stages.gathered.reorder(k, x, r, q, strip).unroll(k).vectorize(x, width, guard).parallel(strip)
    for line, parts in (
        (stages.tested, TESTS),
        (stages.clipped, FULL),
        (stages.down, TESTS),
        (stages.clipped_down, FULL),
        (stages.share, 2),
    ):
        x_line, r_line, _, part = line.args()
        line.bound_extent(part, parts).reorder(part, x_line, r_line).unroll(part).vectorize(x_line, width)
    for line in (stages.down, stages.clipped_down, stages.share):
        line.compute_at(stages.gathered, r)
    for line in (stages.tested, stages.clipped, stages.gap):
        line.store_at(stages.gathered, strip).compute_at(stages.gathered, q).bound(line.args()[1], 0, PAIR)
    stages.tested.fold_storage(stages.tested.args()[2], 4)
    x, r, q, s = stages.gap.args()
    stages.gap.fold_storage(q, 4).bound_extent(s, 4).align_bounds(x, BLOCK_X).split(x, x, lanes, BLOCK_X)
    stages.gap.reorder(lanes, r, s, x, q).vectorize(lanes).unroll(s).unroll(r)
    i, r, s, _, _ = stages.read.args()
    stages.read.compute_at(stages.gap, x).bound_extent(i, BLOCK_X).bound_extent(r, PAIR).bound_extent(s, 4)
    stages.read.vectorize(i).unroll(r).unroll(s)
    cell, site = stages.read.rvars()
    update = stages.read.update().vectorize(i).unroll(s).unroll(cell)
    if width >= BLOCK_X:
        update.reorder(i, r, s, cell, site).unroll(r)
    else:
        update.reorder(i, s, cell, site, r)
    stages.gathered.specialize(stages.clips == 0)


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
    clips: int,
) -> Array:
    reach = REACH
    high = before.shape[1] * PAIR
    read, to_x, to_y = _read_reference(moved, filters, shifts, (tall, wide), high)
    own = still[:, MARGIN - reach : MARGIN + high + reach, MARGIN - reach : MARGIN + wide + reach]
    gap = read * np.float32(gain) - own
    scale_still, offset_still, scale_moved, offset_moved, full_still, full_moved = (
        row[:, None, None] for row in levels
    )
    full = (own >= full_still).any(axis=0).astype(np.float32) * (clips > 0)
    over = (own + gap >= full_moved).any(axis=0).astype(np.float32) * (clips > 0)
    difference = np.where(full > 0, np.minimum(gap, 0), gap)
    tested = np.stack([*_tests_reference(still, difference, scale_still.mean(), offset_still.mean()), over, full])
    down = np.sum([tested[:, at : at + high] for at in range(2 * reach + 1)], axis=0)
    around = np.sum([down[:, :, at : at + wide] for at in range(2 * reach + 1)], axis=0)
    square, mean, bright, texture, over, full = around
    sites = 4 * (2 * reach + 1) ** 2
    noise_still = scale_still.mean() * bright + sites * offset_still.mean()
    noise_moved = scale_moved.mean() * bright + sites * offset_moved.mean()
    noise = noise_still + noise_moved * np.float32(INTERPOLATED)
    agrees = np.clip((SQUARE_BAD - square / (noise + texture * TEXTURE)) / (SQUARE_BAD - SQUARE_GOOD), 0, 1)
    off = mean**2 / (noise + texture * (10 * TEXTURE) + (bright * FLICKER) ** 2)
    agrees = agrees * np.clip((MEAN_BAD - off) / (MEAN_BAD - MEAN_GOOD), 0, 1)
    agrees = np.maximum(agrees, 1 - np.float32(robustness))
    last = np.where((full > 0) & (gain > 1), np.float32(LAST_RESORT) * np.float32(gain) ** 4, 0)
    agrees = np.where(over > 0, np.minimum(agrees, last), agrees)
    seen = (to_x >= 0) & (to_x < wide) & (to_y >= 0) & (to_y < tall)
    bright_too = ((own >= full_still) & (gap >= own * np.float32(-DARKER))).any(axis=0)[reach:-reach, reach:-reach]
    alone = bright_too & (over == 0) & (gain > 1 and clips > 0)
    least = np.where(alone, np.float32(AT_LEAST) / np.float32(gain), np.float32(0))
    relation = noise_still / (
        np.maximum(square - noise_still * np.float32(SURELY), noise_moved) if robustness > 0 else noise_moved
    )
    weight = np.maximum(agrees * trust * relation, least) * seen
    share = np.stack([weight, weight**2 * noise_moved / noise_still])
    gathered = np.concatenate([share[0] * gap[:, reach:-reach, reach:-reach], share])
    return np.asarray(before + gathered.reshape(before.shape), np.float32)


def _read_reference(
    moved: Array, filters: Array, shifts: Shifts, shape: tuple[int, int], high: int
) -> tuple[Array, Shifts, Shifts]:
    """The frame at the sites of `high` rows and REACH cells around, and where the rows' cells lie in it, x and y."""
    tall, wide = shape
    x, y = np.arange(-REACH, wide + REACH), np.arange(-REACH, high + REACH)
    bx = np.clip(x // BLOCK_X, 0, shifts.shape[2] - 1)
    by = np.clip(y // BLOCK_Y, 0, shifts.shape[1] - 1)[:, None]
    step_x, step_y, place = (part[by, bx] for part in shifts)
    start_x = np.clip(bx * BLOCK_X + step_x + MARGIN - 1, 0, wide + 2 * MARGIN - BLOCK_X - CELLS + 1) + x % BLOCK_X
    start_y = np.clip(by * BLOCK_Y + step_y + MARGIN - 1, 0, tall + 2 * MARGIN - BLOCK_Y - CELLS + 1)
    start_y = start_y + (y % BLOCK_Y)[:, None]
    read = np.zeros((4, len(y), len(x)), np.float32)
    for tap in range(TAPS):
        site, (column, row) = tap // len(READ), READ[tap % len(READ)]
        samples = moved[site, start_y + row, start_x + column]
        read += np.moveaxis(filters[place, :, tap], -1, 0) * samples
    inner = slice(REACH, -REACH), slice(REACH, -REACH)
    return read, (x + step_x)[inner], (y[:, None] + step_y)[inner]


def _tests_reference(still: Array, difference: Array, scale: float, offset: float) -> tuple[Array, Array, Array, Array]:
    """What `_tests` says, of all cells at once, by the mean noise of `still`."""
    first, (_, tall, wide) = MARGIN - REACH - 1, difference.shape
    wider = still[:, first : first + tall + 2, first : first + wide + 2]
    bright = np.maximum(wider[:, 1:-1, 1:-1] + difference * np.float32(0.5), 0).sum(axis=0)
    across, along = wider[:, 1:-1, 2:] - wider[:, 1:-1, :-2], wider[:, 2:, 1:-1] - wider[:, :-2, 1:-1]
    texture = ((across**2 + along**2) * np.float32(0.25)).sum(axis=0) - (scale * bright + 4 * offset)
    return (difference**2).sum(axis=0), difference.sum(axis=0), bright, np.maximum(texture, 0)


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
    """What is gathered before the first frame is added: `still` weighs 1. Rows come in pairs, one may be too many."""
    _, tall, wide = still.shape
    gathered = np.zeros((GATHERED, tall - 2 * MARGIN + tall % PAIR, wide - 2 * MARGIN), np.float32)
    gathered[4:] = 1.0
    return gathered


def let_clipped_go(gathered: Array, still: Array, full: Array) -> None:
    """Make all that is gathered weigh next to nothing where `still` is clipped, before frames of other exposure come.

    `full` has where each of the four sites of `still` (with margin) is clipped.
    """
    inner = still[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    clipped = (inner >= full[:, None, None]).any(axis=0)
    held = gathered[:, : inner.shape[1]]
    held[:5, clipped] *= LAST_RESORT
    held[5, clipped] *= LAST_RESORT**2


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

    `gathered` is (6, h or h + 1, w): for each site the sum of weighted differences, then the sum of weights and that of
    what they weigh in noise; it begins as `begun` says. `still` and `moved` are sites with margin, `table` has the
    filters of `lattice`; `levels` (6, 4) has scale and offset of the noise of `still` and of `moved` times `gain`, by
    site; the last two rows are where they are clipped, NEVER where that does not matter (frames of one exposure).
    Light that is clipped in `still` may only be brighter in `moved`, which then speaks even where it agrees with
    nothing; where both are clipped, the shorter exposure has the last word. `trust` 0 to 1 is how much the frame counts
    at all, 1 - `robustness` how much where it disagrees.
    """
    tall, wide = (side - 2 * MARGIN for side in still.shape[1:])
    pairs = gathered.reshape(GATHERED, -1, PAIR, wide)
    clips = int(levels[4:].min() < NEVER)
    kernel(still, moved, table, shifts, levels, pairs, wide, tall, gain, trust, robustness, clips, out=pairs)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    size = (4, height + 2 * MARGIN, width + 2 * MARGIN)
    still = (0.3 + 0.01 * rng.random(size)).astype(np.float32)
    moved = (still + rng.normal(0, 0.012, size)).astype(np.float32)
    field = rng.normal(0, 1, (2, -(-height // BLOCK_X), -(-width // BLOCK_X))).astype(np.float32)
    levels = np.array([[1e-4], [1e-5], [2e-4], [1e-5], [0.31], [0.34]], np.float32) * np.ones(4, np.float32)
    before = rng.random((GATHERED, -(-height // PAIR), PAIR, width), np.float32)
    shifts = shifts_of(field, width, height)
    return still, moved, filters("RGGB"), shifts, levels, before, width, height, 1.003, 0.9, 0.95, width % 2
