"""Sharpness that the lens took, given back to luma by a short filter of each place's own, less where noise forbids it.

The filters are the best of their size in the mean (Wiener 1949) for light whose power falls as 1 / frequency squared
(Field 1987), between a blur that is known and a rounder, narrower one that an edge can have without ringing. They are
designed on a lattice and straight in between. What a filter adds is held against the noise around it (Lee 1980) and
fades out where the light was clipped, since the blur of what was not recorded cannot be undone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.sharpen import LUMA
from anylens.kernels.signature import Image, Scalar, Signature

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

SPACING = 128
BLOCK = (32, 4)
"""Columns and rows that share a filter, that of the block's middle."""
REACH = 5
SIDE = 2 * REACH + 1
GAIN = SIDE * SIDE
"""Where a filter's numbers, column by column, have ended, stands by how much it lifts noise."""
ROUND = 30
"""Taps lie within a circle: those whose squared distance is no more."""
PAIRS = tuple(
    (i, j) for j in range(REACH + 1) for i in range(-REACH, REACH + 1) if (j > 0 or i > 0) and i * i + j * j <= ROUND
)
"""(x, y) of one tap of each pair: the even part of a filter is the same turned by half a turn."""
LOPSIDED = tuple((i, j) for i, j in PAIRS if max(abs(i), abs(j)) <= 2)
"""Those whose pair may differ; farther out that would buy nothing."""
AROUND = 2
FADE = 10.0
DOUBT = 1.2
MOST_COLOR = 4.0

SIGNATURE = Signature(
    inputs=(
        Image("scene", "float32", 3, "mirror"),
        Image("filters", "float32", 3),
        Scalar("shot", "float32"),
        Scalar("still", "float32"),
        Scalar("strength", "float32"),
        Scalar("limit", "float32"),
    ),
    outputs=(Image("restored", "float32", 3),),
)


class Stages(NamedTuple):
    taps: Any
    lined: Any
    luma: Any
    strongest: Any
    near: Any
    wide: Any
    high: Any
    total: Any
    detail: Any
    doubt: Any
    column: Any
    restored: Any


def algorithm(scene: Any, filters: Any, shot: Any, still: Any, strength: Any, limit: Any) -> Stages:
    import halide as hl

    x, y, c, tap, block, strip = (hl.Var(name) for name in ("x", "y", "c", "tap", "block", "strip"))
    lined, luma, strongest, near, wide, high, total, detail, doubt, column, restored = (
        hl.Func(name) for name in Stages._fields[1:]
    )

    def middle(number: Any, size: int) -> tuple[Any, Any]:
        """The row of the lattice before the middle of a block, and how far beyond it that is."""
        place = number * size + size // 2
        return place / SPACING + 1, hl.cast(hl.Float(32), place % SPACING) * hl.f32(1.0 / SPACING)

    (left, right), (row, down) = middle(block, BLOCK[0]), middle(strip, BLOCK[1])
    above, below = (
        filters[tap, left, at] + right * (filters[tap, left + 1, at] - filters[tap, left, at]) for at in (row, row + 1)
    )
    lined[tap, block, strip] = above + down * (below - above)

    luma[x, y] = sum((hl.f32(LUMA[i]) * scene[x, y, i] for i in range(3)), hl.f32(0.0))
    taps = hl.RDom([(-REACH, SIDE), (-REACH, SIDE)])
    taps.where(taps.x * taps.x + taps.y * taps.y <= ROUND)
    number = (taps.y + REACH) + SIDE * (taps.x + REACH)
    across, down = block * BLOCK[0] + x + taps.x, strip * BLOCK[1] + y + taps.y
    total[x, y, block, strip] = hl.f32(0.0)
    total[x, y, block, strip] += lined[number, block, strip] * luma[across, down]
    detail[x, y] = total[x % BLOCK[0], y % BLOCK[1], x / BLOCK[0], y / BLOCK[1]]
    # The largest of 11 x 11, from the largest of three.
    strongest[x, y] = hl.max(scene[x, y, 0], scene[x, y, 1], scene[x, y, 2])
    near[x, y] = hl.max(strongest[x - 1, y], strongest[x, y], strongest[x + 1, y])
    wide[x, y] = hl.max(near[x - 4, y], near[x - 1, y], near[x + 2, y], near[x + 4, y])
    high[x, y] = hl.max(wide[x, y - 1], wide[x, y], wide[x, y + 1])
    brightest = hl.max(high[x, y - 4], high[x, y - 1], high[x, y + 2], high[x, y + 4])
    column[x, y] = sum((detail[x, y + j] * detail[x, y + j] for j in range(-AROUND, AROUND + 1)), hl.f32(0.0))
    energy = sum((column[x + i, y] for i in range(-AROUND, AROUND + 1)), hl.f32(0.0)) * hl.f32(1.0 / _COUNT)
    light = hl.max(luma[x, y], hl.f32(0.0))
    doubt[x, y] = lined[GAIN, x / BLOCK[0], y / BLOCK[1]]
    noise = doubt[x, y] * (shot * light + still)
    ground = hl.sqrt(still)
    power, bright = energy + hl.f32(1e-9), light + ground
    part = hl.f32(1.0) / (power * bright)  # both are divided by, and one division is enough
    kept = hl.max(energy - hl.f32(DOUBT) * noise, hl.f32(0.0)) * (bright * part)
    trusted = hl.clamp((limit - brightest) * hl.f32(FADE), hl.f32(0.0), hl.f32(1.0))
    change = hl.max(strength * trusted * kept * detail[x, y], -light)
    color = (hl.max(scene[x, y, c], hl.f32(0.0)) + ground) * (power * part)
    restored[x, y, c] = scene[x, y, c] + change * hl.min(color, hl.f32(MOST_COLOR))
    return Stages(taps, lined, luma, strongest, near, wide, high, total, detail, doubt, column, restored)


_COUNT = (2 * AROUND + 1) ** 2


def schedule(stages: Stages, target: Any) -> None:
    """110 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP, output already in memory."""
    import halide as hl

    schedule_strips(stages, 64, target.natural_vector_size(hl.Float(32)))


def schedule_strips(stages: Stages, most: int, width: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """In strips of `most` rows; gives the loops over strips and over their rows, as (stage, variable)."""
    import halide as hl

    x, y, c = stages.restored.args()
    inner, guard = hl.Var("inner"), hl.TailStrategy.GuardWithIf
    # Lines slide down a strip of rows; the last strip is shifted back inside, a guard in it would stop the sliding.
    rows = hl.min(most, stages.restored.output_buffer().height())
    stages.restored.bound(c, 0, 3).split(y, y, inner, rows, hl.TailStrategy.ShiftInwards).reorder(c, x, inner, y)
    stages.restored.vectorize(x, width, guard).unroll(c).parallel(y)
    strip, row = (stages.restored, y), (stages.restored, inner)
    schedule_lines(stages, strip, row, width)
    return strip, row


def schedule_lines(stages: Stages, strip: tuple[Any, Any], row: tuple[Any, Any], width: int) -> None:
    """What slides down each `strip`, a `row` at a time; filters work on whole blocks."""
    import halide as hl

    round_up = hl.TailStrategy.RoundUp
    for line in (stages.luma, stages.strongest, stages.near, stages.wide, stages.high, stages.column):
        line.store_at(*strip).compute_at(*row).vectorize(line.args()[0], width, round_up)
    across, down, inner, lower = (hl.Var(name) for name in ("across", "down", "right", "lower"))
    x, y = stages.detail.args()
    stages.detail.store_at(*strip).compute_at(*row).align_bounds(x, BLOCK[0]).align_bounds(y, BLOCK[1])
    stages.detail.tile(x, y, across, down, inner, lower, *BLOCK, round_up).vectorize(inner, width).unroll(inner)
    stages.detail.unroll(lower)
    x, _ = stages.doubt.args()
    stages.doubt.compute_at(*row).align_bounds(x, BLOCK[0]).split(x, across, x, BLOCK[0], round_up)
    stages.doubt.vectorize(x, width).unroll(x)
    x, y, _, _ = stages.total.args()
    stages.total.compute_at(stages.detail, across).bound(x, 0, BLOCK[0]).bound(y, 0, BLOCK[1])
    stages.total.vectorize(x, width).unroll(x).unroll(y)
    update = stages.total.update()
    i, j = stages.taps.x, stages.taps.y
    update.reorder(x, y, j, i).vectorize(x, width).unroll(x).unroll(y).unroll(j).unroll(i)
    tap, _, _ = stages.lined.args()
    stages.lined.store_at(*strip).compute_at(*row).vectorize(tap, width)


def reference(scene: Array, filters: Array, shot: float, still: float, strength: float, limit: float) -> Array:
    shot, still, strength, limit = np.array((shot, still, strength, limit), np.float32)
    _, height, width = scene.shape
    edge = REACH + AROUND
    luma = np.sum([np.float32(LUMA[i]) * scene[i] for i in range(3)], axis=0)
    wide = _mirrored(luma, edge)
    tall, broad = height + 2 * AROUND, width + 2 * AROUND
    y, x = np.arange(-AROUND, height + AROUND), np.arange(-AROUND, width + AROUND)
    detail = np.zeros((tall, broad), np.float32)
    for i in range(SIDE):
        for j in range(SIDE):
            detail += _between(filters[..., j + SIDE * i], y, x) * wide[j : j + tall, i : i + broad]
    # Beyond the border the detail is that of the mirrored picture under filters that go on; the kernel has the same.
    square = detail * detail
    span = range(2 * AROUND + 1)
    column = np.sum([square[j : j + height] for j in span], axis=0)
    energy = np.sum([column[:, i : i + width] for i in span], axis=0) * np.float32(1.0 / _COUNT)
    detail = detail[AROUND : AROUND + height, AROUND : AROUND + width]
    top = _mirrored(scene.max(0), REACH)
    highest = np.max([top[j : j + height] for j in range(2 * REACH + 1)], axis=0)
    brightest = np.max([highest[:, i : i + width] for i in range(2 * REACH + 1)], axis=0)
    light = np.maximum(luma, 0)
    noise = _between(filters[..., GAIN], np.arange(height), np.arange(width)) * (shot * light + still)
    kept = np.maximum(energy - np.float32(DOUBT) * noise, 0) / (energy + np.float32(1e-9))
    trusted = np.clip((limit - brightest) * np.float32(FADE), 0, 1)
    change = np.maximum(strength * trusted * kept * detail, -light)
    ground = np.sqrt(still)
    color = (np.maximum(scene, 0) + ground) / (light + ground)
    restored: Array = (scene + change * np.minimum(color, np.float32(MOST_COLOR))).astype(np.float32)
    return restored


def _mirrored(plane: Array, edge: int) -> Array:
    return np.pad(plane, edge, mode="reflect")


def _between(lattice: Array, y: npt.NDArray[np.intp], x: npt.NDArray[np.intp]) -> Array:
    """What a lattice says in the middles of the blocks that rows and columns lie in."""
    y, x = (at // size * size + size // 2 for at, size in zip((y, x), BLOCK[::-1], strict=True))
    row, column = y // SPACING + 1, x // SPACING + 1
    down = ((y % SPACING) / np.float32(SPACING)).astype(np.float32)[:, None]
    right = ((x % SPACING) / np.float32(SPACING)).astype(np.float32)
    left = lattice[:, column] + right * (lattice[:, column + 1] - lattice[:, column])
    found: Array = left[row] + down * (left[row + 1] - left[row])
    return found


kernel = Kernel(__name__, SIGNATURE, reference)


LATTICE = (13, 9)
_BAND = 32
_TEXTURE = 2e-4
_FIELD = 0.02
_KNEE = 0.65
_LEAST_NOISE = 1e-6
_SURE_CPP = 0.25


def restore(scene: Array, filters: Array, shot: float, still: float, strength: float, limit: float) -> Array:
    """Sharpen a (3, H, W) scene of linear light by `filters`, those of `filters_of` for its size.

    The noise of luma has the variance shot * luma + still; `limit` is the light of any colour from which on it may be
    clipped, `strength` 0 to 1 how much of what was lost is given back.
    """
    return kernel(scene, filters, shot, still, strength, limit, out=np.empty(scene.shape, np.float32))


def lattice_of(height: int, width: int) -> tuple[Floats, Floats]:
    """(y, x) in pixels of the rows and columns at which a picture's filters are designed."""
    along = [
        np.linspace(0.0, max(size - 1, 1), points) for size, points in zip((height, width), LATTICE[::-1], strict=True)
    ]
    return along[0], along[1]


def filters_of(
    height: int, width: int, core_px2: Floats, share: Floats, skirt_px2: Floats, aside_px: Floats, noise: float
) -> Array:
    """(rows, columns, numbers of a filter and by how much it lifts noise): the filters of a picture of this size.

    The blur at the places of `lattice_of` is (1 - share) of a Gaussian of covariance `core_px2`, (3: xx, xy, yy; rows,
    columns), and share (rows, columns) of one of `skirt_px2`, `aside_px` (2: x, y; rows, columns) from its middle;
    `noise` is the variance of luma at middle grey.
    """
    noise = max(noise, _LEAST_NOISE)
    fx = np.asarray(np.fft.rfftfreq(_BAND), np.float64)[None, :]
    fy = np.asarray(np.fft.fftfreq(_BAND), np.float64)[:, None]
    shape = core_px2.shape[1:]
    xx, xy, yy = core = core_px2.reshape(3, -1, 1, 1)
    x, y = aside_px.reshape(2, -1, 1, 1)
    part = share.reshape(-1, 1, 1)
    skirt = _gaussian(skirt_px2.reshape(3, -1, 1, 1), fx, fy) * np.exp(-2j * np.pi * (fx * x + fy * y))
    blur = (1 - part) * _gaussian(core, fx, fy) + part * skirt
    power = _TEXTURE / (fx**2 + fy**2 + _FIELD**2)
    goal = _unmoved(np.exp(-2 * np.pi**2 * _narrowed(xx, xy, yy, noise, fx, fy)), blur, power, fx, fy)
    wanted, known = (np.fft.irfft2(each) for each in (power * np.conj(blur) * goal, power * np.abs(blur) ** 2 + noise))
    taps = np.array([(0, 0), *PAIRS])
    even = _pairs(known, wanted, taps, 1)
    odd = _pairs(known, wanted, np.array(LOPSIDED), -1)
    total = even[:, :1] + 2 * even[:, 1:].sum(1, keepdims=True)
    # A kernel reads light where its tap is, and so turned by half a turn.
    even, odd = even[:, 1:] / total, -odd / total
    gain = (2 * even.sum(1)) ** 2 + 2 * (even**2).sum(1) + 2 * (odd**2).sum(1)
    return _spread(np.concatenate([_laid_out(even, odd), gain[:, None]], 1).reshape(*shape, -1), height, width)


def _laid_out(even: Floats, odd: Floats) -> Floats:
    """(places, SIDE * SIDE): all taps of filters, column by column; what they take away from the middle is in it."""
    found = np.zeros((len(even), SIDE, SIDE))
    for taps, values, sign in ((PAIRS, even, 1), (LOPSIDED, odd, -1)):
        x, y = np.array(taps).T
        found[:, REACH + x, REACH + y] += values
        found[:, REACH - x, REACH - y] += sign * values
    found[:, REACH, REACH] = -found.sum((1, 2))
    return found.reshape(len(even), -1)


def _gaussian(covariance: Floats, fx: Floats, fy: Floats) -> Floats:
    xx, xy, yy = covariance
    return np.asarray(np.exp(-2 * np.pi**2 * (xx * fx**2 + 2 * xy * fx * fy + yy * fy**2)))


def _pairs(known: Floats, wanted: Floats, taps: npt.NDArray[np.intp], sign: int) -> Floats:
    """(places, taps): the best filter whose taps are the same (sign 1) or opposite (-1) on both sides of its middle.

    A pair counts as one unknown: what it does to light at another pair is the sum over both of its ends.
    """
    x, y = taps.T
    normal = known[:, y[:, None] - y, x[:, None] - x] + sign * known[:, y[:, None] + y, x[:, None] + x]
    if sign > 0:
        normal[:, :, 0] *= 0.5
    pull = 0.5 * (wanted[:, y, x] + sign * wanted[:, -y, -x])
    return np.asarray(np.linalg.solve(normal, pull[..., None])[..., 0])


def _unmoved(goal: Floats, blur: Any, power: Floats, fx: Floats, fy: Floats) -> Any:
    """The goal where the blur has moved its light to: nothing but the blur is to be undone."""
    sure = np.hypot(fx, fy) < _SURE_CPP
    u, v = (each[sure] for each in np.broadcast_arrays(fx, fy))
    seen = blur[:, sure]
    turned = -np.angle(seen) / (2 * np.pi)
    weight = power[sure] * np.abs(seen) * goal[:, sure] * np.where(u > 0, 2.0, 1.0)  # for what lies opposite
    xx, xy, yy, x, y = ((weight * each).sum(1) for each in (u * u, u * v, v * v, u * turned, v * turned))
    whole = xx * yy - xy * xy
    right, down = ((yy * x - xy * y) / whole)[:, None, None], ((xx * y - xy * x) / whole)[:, None, None]
    return goal * np.exp(-2j * np.pi * (fx * right + fy * down))


def _narrowed(xx: Floats, xy: Floats, yy: Floats, noise: float, fx: Floats, fy: Floats) -> Floats:
    """The squared width of what is left of a core in each direction: as narrow as noise and the pixels let it be.

    Along each axis of the ellipse it has fallen to _KNEE at the frequency where noise becomes stronger than light, so
    that what is given back ends gently and edges do not ring.
    """
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    along = fx * np.cos(angle) + fy * np.sin(angle)
    across = fy * np.cos(angle) - fx * np.sin(angle)
    total = np.zeros(np.broadcast_shapes(xx.shape, along.shape))
    for width, way in ((middle + half, along), (np.maximum(middle - half, 0.0), across)):
        highest = np.full_like(width, 0.25)
        for _ in range(8):
            ratio = np.log(np.maximum(_TEXTURE / (noise * highest), 1.0))
            highest = np.sqrt(highest * np.clip(ratio / (4 * np.pi**2 * np.maximum(width, 1e-6)), 1e-4, 0.5))
        left = np.log(1.0 / _KNEE) / (2 * np.pi**2 * highest)
        total = total + np.minimum(width, left) * way**2
    return total


def _spread(designed: Floats, height: int, width: int) -> Array:
    """The filters at every SPACING pixels from one before the first on, straight between those designed."""
    out = designed
    for axis, size in enumerate((height, width)):
        pixels = (np.arange(_points(size)) - 1) * SPACING
        place = np.clip(pixels / max(size - 1, 1), 0.0, 1.0) * (designed.shape[axis] - 1)
        first = np.minimum(place.astype(int), designed.shape[axis] - 2)
        part = np.expand_dims(place - first, [each for each in range(3) if each != axis])
        low, high = np.take(out, first, axis), np.take(out, first + 1, axis)
        out = low + part * (high - low)
    return np.ascontiguousarray(out, np.float32)


def _points(size: int) -> int:
    """Of the lattice along a side: one before the first pixel, and as many as blocks beyond the last may ask for."""
    return (size + 2 * BLOCK[0]) // SPACING + 3


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    filters = rng.normal(0.0, 0.02, (_points(height), _points(width), GAIN + 1)).astype(np.float32)
    filters[..., -1] = 0.1
    return rng.random((3, height, width), np.float32), filters, 0.01, 0.001, 0.9, 0.9
