"""Demosaic in whole numbers of 16 bits, for a pass that ends in 8: twice as many at once, in half the memory.

The algorithm of `demosaic` on roots of light counted in steps of 1/4096, which is a twentieth of what a photo of 8
bits shows. Means are rounded as they are taken; only the weights of the four directions are worked out as floats.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import anscombe, demosaic, pattern, powers
from anylens.kernels.library import Kernel
from anylens.record import Parts

Array = npt.NDArray[np.float32]

SIGNATURE = demosaic.SIGNATURE
STEPS = 4096.0
ABOVE = 4096
"""What a root of 0 is counted as, so that light below black has counts too."""

LARGEST = 5.6
"""Roots are counted no further, which is light of 31 times white, so that what edges add has room too."""

BELOW = 5
"""Roots of a colour are told down to minus this, and up to 16 less this."""

MIDDLE = 32768
"""What a difference of 0 is counted as."""

PART_BITS = 15
"""Weights between two directions are counted in 2 to minus this."""


def root_of(counted: Any) -> Any:
    """How many of STEPS the root of a colour is, none at least."""
    import halide as hl

    return hl.f32(hl.saturating_sub(counted, hl.u16(BELOW * int(STEPS))))


class Stages(Parts):
    sites: Any
    lines: tuple[Any, ...]
    weighed: Any
    counted: Any
    rgb: Any


def algorithm(mosaic: Any, red_x: Any, red_y: Any, toe: Any) -> Stages:
    return of_roots(rooted(mosaic, toe), red_x, red_y, toe)


def rooted(mosaic: Any, toe: Any) -> Any:
    """(x, y): the root of the light above `toe`, in STEPS, ABOVE for a root of 0."""
    import halide as hl

    x, y, root = hl.Var("x"), hl.Var("y"), hl.Func("root")
    size = hl.min(anscombe.root(mosaic[x, y], toe), hl.f32(LARGEST))
    root[x, y] = hl.u16_sat(hl.cast(hl.Int(32), size * hl.f32(STEPS) + hl.f32(ABOVE + 0.5)))
    return root


def rooted_reference(mosaic: Array, toe: float) -> npt.NDArray[np.uint16]:
    """What `rooted` says, in NumPy."""
    root = np.minimum(anscombe.root_reference(mosaic, toe), np.float32(LARGEST))
    counted = np.clip(root * np.float32(STEPS) + np.float32(ABOVE + 0.5), 0, 65535)
    return np.asarray(counted, np.uint16)


def of_roots(root: Any, red_x: Any, red_y: Any, toe: Any) -> Stages:
    """What `algorithm` makes of the roots of a mosaic."""
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    sites = pattern.along_rows(
        "signs", lambda x, odd: hl.select((x + odd + red_x + red_y) % 2 == 1, hl.i16(1), hl.i16(-1))
    )
    green_site, red_row = sites[x, y % 2] > hl.i16(0), (y + red_y) % 2 == 0
    across, down = _apart(root, sites)
    across_change, across_thick, down_thick = _changes(across, down)
    weighed = _weighed(root, (across, across_thick), (down, down_thick))
    estimate, diagonal = _held(root, weighed, green_site), hl.Func("diagonal")
    green = root[x, y] + hl.select(green_site, hl.u16(0), estimate[x, y][0] - hl.u16(MIDDLE))

    def between(one: Any, other: Any) -> Any:
        """From one difference to another, as far as the columns' share says."""
        way = hl.rounding_mul_shift_right(hl.cast(hl.Int(16), other - one), estimate[x, y][1], hl.u16(PART_BITS))
        return one + hl.cast(hl.UInt(16), way)

    red_difference, blue_difference = demosaic.differences(
        estimate, diagonal, hl.rounding_halving_add, between, (green_site, red_row)
    )
    apart = hl.mux(c, [red_difference, hl.u16(MIDDLE), blue_difference])
    counted, rgb = hl.Func("counted"), hl.Func("rgb")
    counted[x, y, c] = green - apart + hl.u16(MIDDLE - ABOVE + BELOW * int(STEPS))
    value = hl.f32(counted[x, y, c]) * hl.f32(1.0 / STEPS) - hl.f32(BELOW)
    rgb[x, y, c] = anscombe.lifted(value, toe) - toe
    lines = (root, across, down, across_change, across_thick, down_thick, estimate, diagonal)
    return Stages(sites, lines, weighed, counted, rgb)


def _apart(root: Any, sites: Any) -> tuple[Any, Any]:
    """How far green lies above the other colour of its row, and of its column, from MIDDLE on."""
    import halide as hl

    x, y, across, down = hl.Var("x"), hl.Var("y"), hl.Func("across"), hl.Func("down")
    center, sign, mean = root[x, y], sites[x, y % 2], hl.rounding_halving_add

    def difference_of(near: tuple[Any, Any], far: tuple[Any, Any]) -> Any:
        """The centre less what its neighbours tell it to be, counted up for a green one, down for another."""
        change = hl.cast(hl.Int(16), center - mean(*near)) - (hl.cast(hl.Int(16), center - mean(*far)) >> 1)
        return hl.cast(hl.UInt(16), change * sign) + hl.u16(MIDDLE)

    across[x, y] = difference_of((root[x - 1, y], root[x + 1, y]), (root[x - 2, y], root[x + 2, y]))
    down[x, y] = difference_of((root[x, y - 1], root[x, y + 1]), (root[x, y - 2], root[x, y + 2]))
    return across, down


def _changes(across: Any, down: Any) -> tuple[Any, Any, Any]:
    """How much `across` changes along rows; and of that, and of `down` along columns, the mean of three beside it."""
    import halide as hl

    x, y, mean = hl.Var("x"), hl.Var("y"), hl.rounding_halving_add
    across_change, across_thick, down_thick = (hl.Func(n) for n in ("across_change", "across_thick", "down_thick"))
    across_change[x, y] = hl.absd(across[x - 1, y], across[x + 1, y])
    across_thick[x, y] = mean(mean(across_change[x, y - 1], across_change[x, y + 1]), across_change[x, y])
    change = [hl.absd(down[x + d, y - 1], down[x + d, y + 1]) for d in range(-1, 2)]
    down_thick[x, y] = mean(mean(change[0], change[2]), change[1])
    return across_change, across_thick, down_thick


def _weighed(root: Any, by_rows: tuple[Any, Any], by_columns: tuple[Any, Any]) -> Any:
    """The colour difference that the four directions tell, in floats, and the columns' share, as `demosaic` does."""
    import halide as hl

    x, y, weighed = hl.Var("x"), hl.Var("y"), hl.Func("weighed")
    (across, across_thick), (down, down_thick) = by_rows, by_columns
    mean, most = hl.rounding_halving_add, hl.saturating_add

    def along(plane: Any, dx: int, dy: int) -> Any:
        values = [plane[x + dx * d, y + dy * d] for d in range(demosaic.NEAREST)]
        return mean(mean(values[0], values[1]), mean(values[2], values[3]))

    own_part = hl.u16(round(1 / demosaic.OWN_CHANGE))
    own_across = hl.absd(root[x - 1, y], root[x + 1, y]) / own_part
    own_down = hl.absd(root[x, y - 1], root[x, y + 1]) / own_part

    def weight(thick: Any, own: Any, dx: int, dy: int) -> Any:
        """The less, the steeper it is that way. The machine's own estimate will do, for a mean divides by their sum."""
        # Strict, or the compiler multiplies whole numbers of 32 bits, which takes longer.
        gradient = hl.strict_float(hl.f32(most(along(thick, dx, dy), own)) * hl.f32(1.0 / STEPS))
        return hl.fast_inverse(hl.f32(demosaic.LEAST_GRADIENT**3) + gradient * gradient * gradient)

    north, south = weight(down_thick, own_down, 0, -1), weight(down_thick, own_down, 0, 1)
    west, east = weight(across_thick, own_across, -1, 0), weight(across_thick, own_across, 1, 0)
    columns = north * hl.f32(along(down, 0, -1)) + south * hl.f32(along(down, 0, 1))
    rows = west * hl.f32(along(across, -1, 0)) + east * hl.f32(along(across, 1, 0))
    upright = north + south
    part = powers.inverse(upright + (west + east))
    weighed[x, y] = ((columns + rows) * part, upright * part)
    return weighed


def _held(root: Any, weighed: Any, green_site: Any) -> Any:
    """The same in whole numbers, an estimated green held to what the four around it span, and as much beyond."""
    import halide as hl

    x, y, estimate = hl.Var("x"), hl.Var("y"), hl.Func("estimate")
    center = root[x, y]
    estimated = hl.cast(hl.UInt(16), hl.cast(hl.Int(32), weighed[x, y][0] + hl.f32(0.5)))
    around = [root[x - 1, y], root[x + 1, y], root[x, y - 1], root[x, y + 1]]
    lowest, highest = hl.min(*around), hl.max(*around)
    beyond = highest - lowest
    likely = center + estimated - hl.u16(MIDDLE)
    likely = hl.clamp(likely, hl.saturating_sub(lowest, beyond), hl.saturating_add(highest, beyond))
    likely = likely - center + hl.u16(MIDDLE)
    share = hl.cast(hl.Int(16), hl.cast(hl.Int(32), weighed[x, y][1] * hl.f32(2.0**PART_BITS - 1.0)))
    estimate[x, y] = (hl.select(green_site, estimated, likely), share)
    return estimate


def schedule(stages: Stages, target: Any) -> None:
    """31 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP, output already in memory; floats 59."""
    import halide as hl

    _, y, _ = stages.rgb.args()
    inner, width = hl.Var("inner"), target.natural_vector_size(hl.Float(32))
    demosaic.schedule_strips(stages.sites, stages.rgb, inner, width)
    for line in stages.lines:
        line.store_at(stages.rgb, y).compute_at(stages.rgb, inner)
    for line in (*stages.lines[:-2], stages.lines[-1]):
        line.vectorize(line.args()[0], 2 * width)
    schedule_shared(stages, (stages.rgb, y), (stages.rgb, inner), 2 * width)


def schedule_shared(stages: Stages, store: tuple[Any, Any], row: tuple[Any, Any], lanes: int) -> None:
    """What is used several times: weights beside each estimate, the three colours of each `row` together."""
    x, _, c = stages.counted.args()
    stages.counted.hoist_storage(*store).compute_at(*row).bound(c, 0, 3).reorder(c, x).unroll(c).vectorize(x, lanes)
    demosaic.schedule_weights(stages.weighed, stages.lines[-2], lanes)


reference = demosaic.reference
kernel = Kernel(__name__, SIGNATURE, reference)
example = demosaic.example
