"""Powers of positive numbers at half the price of the general ones, for curves need no care for zero and infinity.

x^p = 2^(p log2 x). A float's bits, read as a whole number, are nearly its logarithm, and the other way round; what is
missing is a polynomial of least greatest error in the fraction, which is right where octaves meet. Within what curves
are made of, the result errs by less than p five-thousandths of itself, a fiftieth of a step of a photo of 8 bits.
"""

from __future__ import annotations

from typing import Any

LOGARITHM = (-1.51982988, 3.08638479, -2.13413653, 0.64971243, -0.08213081)
"""log2 t less t - 1 for t from 1 to 2."""
EXPONENTIAL = (0.45261371, 0.47761645, -0.00849866, 0.0782685)
"""2^(t - 1) for t from 1 to 2; 2^0 is 1, so that white stays white."""
ONE_BITS, FRACTION_BITS = 0x3F800000, 0x7FFFFF
OCTAVE, BIAS = 2.0**23, 127.0
"""By how much a float's bits grow from octave to octave, and how many octaves those of 1 are above 0."""


def log2(value: Any) -> Any:
    """The binary logarithm of a float32 expression, which must be a positive normal number."""
    import halide as hl

    bits = hl.reinterpret(hl.Int(32), value)
    lacking, *rest = LOGARITHM
    return hl.f32(bits) * hl.f32(1 / OCTAVE) + polynomial((lacking - BIAS, *rest), _fraction(bits))


def exp2(value: Any) -> Any:
    """2 to the power of a float32 expression, which must lie from -126 to 127."""
    import halide as hl

    bits = hl.cast(hl.Int(32), value * hl.f32(OCTAVE) + hl.f32(BIAS * OCTAVE))
    return hl.reinterpret(hl.Float(32), bits & ~FRACTION_BITS) * polynomial(EXPONENTIAL, _fraction(bits))


def _fraction(bits: Any) -> Any:
    """From 1 to 2: how far a float of these bits is above its octave's beginning."""
    import halide as hl

    return hl.reinterpret(hl.Float(32), bits & FRACTION_BITS | ONE_BITS)


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
