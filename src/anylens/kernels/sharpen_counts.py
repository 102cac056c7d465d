"""Sharpening in whole numbers of 16 bits, for a photo that ends in 8: twice as many pixels at once.

The algorithm of `sharpen` on a photo counted in 64ths of the steps of 8 bits. Means are rounded as they are taken; only
how much of the detail is kept is worked out as floats.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import sharpen
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Signature
from anylens.record import Parts

Array = npt.NDArray[Any]

SIGNATURE = Signature(
    inputs=(Image("photo", "uint16", 3, "mirror"), *sharpen.SIGNATURE.inputs[1:]),
    outputs=(Image("sharp", "uint8", 3, interleaved=True),),
)
FINER_BITS = 6
WHITE = 255 << FINER_BITS
PART_BITS = 15
"""Weights of means and the limits are counted in 2 to minus this."""
SHARE_BITS = 14
"""By what part a pixel changes is counted in 2 to minus this: up to twice."""


class Stages(Parts):
    luma: Any
    column: Any
    lowest: Any
    highest: Any
    raised: Any
    share: Any
    sharp: Any


def algorithm(photo: Any, amount: Any, threshold: Any, overshoot: Any) -> Stages:
    """Of a photo (x, y, c) of counts up to WHITE, in bytes."""
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    u16, i16, bits = hl.UInt(16), hl.Int(16), hl.u16(PART_BITS)
    luma, column, lowest, highest, raised, share, sharp = (
        hl.Func(name) for name in (*Stages._fields[:-1], "sharp_bytes")
    )
    weights = [hl.i16(round(part * 2**PART_BITS)) for part in sharpen.LUMA]
    parts = [hl.rounding_mul_shift_right(hl.cast(i16, photo[x, y, i]), weights[i], bits) for i in range(3)]
    luma[x, y] = parts[0] + parts[1] + parts[2]

    def weighted(before: Any, here: Any, after: Any) -> Any:
        """A quarter of each neighbour and half of what stands between them: twice over it is the binomial mean."""
        before, here, after = (hl.cast(u16, value) for value in (before, here, after))
        return hl.cast(i16, hl.rounding_halving_add(hl.rounding_halving_add(before, after), here))

    column[x, y] = weighted(*(weighted(*(luma[x, y + d + k] for k in (-1, 0, 1))) for d in (-1, 0, 1)))
    blurred = weighted(*(weighted(*(column[x + d + k, y] for k in (-1, 0, 1))) for d in (-1, 0, 1)))
    lowest[x, y] = hl.min(luma[x, y - 1], luma[x, y], luma[x, y + 1])
    highest[x, y] = hl.max(luma[x, y - 1], luma[x, y], luma[x, y + 1])
    low = hl.min(lowest[x - 1, y], lowest[x, y], lowest[x + 1, y])
    high = hl.max(highest[x - 1, y], highest[x, y], highest[x + 1, y])
    detail = hl.f32(luma[x, y] - blurred)
    square, least = detail * detail, threshold * hl.f32(WHITE)
    kept = square * hl.fast_inverse(square + (least * least + hl.f32(1e-3)))
    raised[x, y] = hl.saturating_add(luma[x, y], hl.i16_sat(hl.cast(hl.Int(32), amount * kept * detail)))
    beyond = hl.cast(i16, hl.min(overshoot, hl.f32(1 - 0.5**PART_BITS)) * hl.f32(2**PART_BITS))
    margin, part = hl.rounding_mul_shift_right(high - low, beyond, bits), hl.i16(round(sharpen.LINES * 2**PART_BITS))
    beside = [(luma[x, y] - luma[x + i, y + j], luma[x, y] - luma[x - i, y - j]) for i, j in sharpen.AXES]
    above = hl.max(*(hl.min(one, other) for one, other in beside), hl.i16(0))
    below = -hl.min(*(hl.max(one, other) for one, other in beside), hl.i16(0))
    lowest_allowed = low - margin - hl.rounding_mul_shift_right(below, part, bits)
    highest_allowed = high + margin + hl.rounding_mul_shift_right(above, part, bits)
    change = hl.clamp(raised[x, y], lowest_allowed, highest_allowed) - luma[x, y]
    strongest = hl.cast(i16, hl.max(photo[x, y, 0], photo[x, y, 1], photo[x, y, 2]))
    pure = hl.rounding_mul_shift_right(strongest, hl.i16(round(sharpen.PUREST * 2**PART_BITS)), bits)
    light = hl.f32(hl.max(luma[x, y], pure, hl.i16(round(sharpen.DIMMEST * WHITE))))
    share[x, y] = hl.i16_sat(hl.i32(hl.f32(change) * hl.fast_inverse(light) * hl.f32(1 << SHARE_BITS)))
    value = hl.cast(i16, photo[x, y, c])
    # Any other shift than by 15 bits would be a dozen instructions in place of one.
    twice = value << (PART_BITS - SHARE_BITS)
    value = hl.saturating_add(value, hl.rounding_mul_shift_right(twice, share[x, y], bits))
    shown = hl.saturating_add(value, hl.i16(1 << (FINER_BITS - 1)))
    sharp[x, y, c] = hl.u8_sat(shown >> FINER_BITS)
    return Stages(luma, column, lowest, highest, raised, share, sharp)


def schedule(stages: Stages, target: Any) -> None:
    """3.6 ms of one core of an AMD EPYC (AVX-512) as part of the pass, 12 MP; floats 16 ms."""
    import halide as hl

    sharpen.schedule_strips(stages, target.natural_vector_size(hl.Int(16)))


def reference(photo: Array, amount: float, threshold: float, overshoot: float) -> Array:
    sharp = sharpen.reference(photo.astype(np.float32) / np.float32(WHITE), amount, threshold, overshoot)
    return (sharp * np.float32(255) + np.float32(0.5)).astype(np.uint8)


kernel = Kernel(__name__, SIGNATURE, reference)


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    photo, *taste = sharpen.example(rng, height, width)
    return (photo * WHITE).astype(np.uint16), *taste
