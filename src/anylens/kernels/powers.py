"""Powers of positive numbers at half the price of the general ones, for curves need no care for zero and infinity.

x^p = 2^(p log2 x): a polynomial of least greatest error on one octave for each of the two, the float's own exponent
for the rest. Within what curves are made of, the result errs by less than a millionth of itself.
"""

from __future__ import annotations

from typing import Any

LOGARITHM = (1.4426997, -0.72137583, 0.4804662, -0.35896327, 0.29725122, -0.27268603, 0.17065494)
"""log2(1 + t) / t for 1 + t from the root of a half to the root of two."""
EXPONENTIAL = (1.0, 0.693146978, 0.240222421, 0.0555073363, 0.00967151231, 0.00132647596)
"""2^t for t from -1/2 to 1/2; 2^0 is 1, so that white stays white."""
ROOT_OF_HALF_BITS = 0x3F3504F3
MANTISSA_BITS, EXPONENT_BIAS = 23, 127


def log2(value: Any) -> Any:
    """The binary logarithm of a float32 expression, which must be a positive normal number."""
    import halide as hl

    bits = hl.reinterpret(hl.Int(32), value)
    octave = (bits - ROOT_OF_HALF_BITS) >> MANTISSA_BITS
    t = hl.reinterpret(hl.Float(32), bits - (octave << MANTISSA_BITS)) - hl.f32(1.0)
    return hl.cast(hl.Float(32), octave) + t * polynomial(LOGARITHM, t)


def exp2(value: Any) -> Any:
    """2 to the power of a float32 expression, which must lie from -126 to 127."""
    import halide as hl

    # A cast cuts off, and cutting off what is positive rounds down.
    biased = hl.cast(hl.Int(32), value + hl.f32(EXPONENT_BIAS + 0.5))
    left = value - hl.cast(hl.Float(32), biased - EXPONENT_BIAS)
    return polynomial(EXPONENTIAL, left) * hl.reinterpret(hl.Float(32), biased << MANTISSA_BITS)


def power(value: Any, exponent: Any) -> Any:
    """value ** exponent of float32 expressions; value and result must be positive normal numbers."""
    return exp2(exponent * log2(value))


def polynomial(coefficients: tuple[float, ...], t: Any) -> Any:
    """Estrin's order: pairs, then pairs of pairs, so that little waits for what stands before it."""
    import halide as hl

    terms = [hl.f32(value) for value in coefficients]
    step = t
    while len(terms) > 1:
        pairs = [terms[i] + terms[i + 1] * step for i in range(0, len(terms) - 1, 2)]
        terms = pairs + terms[2 * len(pairs) :]
        step = step * step
    return terms[0]
