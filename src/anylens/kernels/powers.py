"""Powers of positive numbers at half the price of the general ones, for curves need no care for zero and infinity.

x^p = 2^(p log2 x): a polynomial of least greatest error on one octave for each of the two, the float's own exponent
for the rest. Within what curves are made of, the result errs by less than p fifty-thousandths of itself.
"""

from __future__ import annotations

from typing import Any

LOGARITHM = (-3.30036400, 7.20076629, -7.10158542, 4.61358494, -1.66625450, 0.25384342)
"""log2 t for t from the root of a half to the root of two."""
EXPONENTIAL = (1.0, 0.69312419, 0.24024099, 0.05590642, 0.00958285)
"""2^t for t from -1/2 to 1/2; 2^0 is 1, so that white stays white."""
ROOT_OF_HALF_BITS = 0x3F3504F3
MANTISSA_BITS, EXPONENT_BIAS = 23, 127


def log2(value: Any) -> Any:
    """The binary logarithm of a float32 expression, which must be a positive normal number."""
    import halide as hl

    bits = hl.reinterpret(hl.Int(32), value)
    octave = (bits - ROOT_OF_HALF_BITS) >> MANTISSA_BITS
    part = hl.reinterpret(hl.Float(32), bits - (octave << MANTISSA_BITS))
    return hl.cast(hl.Float(32), octave) + polynomial(LOGARITHM, part)


def exp2(value: Any) -> Any:
    """2 to the power of a float32 expression, which must lie from -126 to 127."""
    import halide as hl

    # A cast cuts off, and cutting off what is positive rounds down.
    whole = hl.cast(hl.Int(32), value + hl.f32(EXPONENT_BIAS + 0.5)) - EXPONENT_BIAS
    part = polynomial(EXPONENTIAL, value - hl.cast(hl.Float(32), whole))
    return hl.reinterpret(hl.Float(32), hl.reinterpret(hl.Int(32), part) + (whole << MANTISSA_BITS))


def power(value: Any, exponent: Any) -> Any:
    """value ** exponent of float32 expressions; value and result must be positive normal numbers."""
    return exp2(exponent * log2(value))


def inverse(value: Any) -> Any:
    """One over a float32 expression, from the machine's own estimate and a step of Newton's: it errs by a millionth."""
    import halide as hl

    guess = hl.fast_inverse(value)
    return guess * (hl.f32(2.0) - value * guess)


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
