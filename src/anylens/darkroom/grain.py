"""How noise that is not white lies among the coefficients that denoising shrinks, and how much of it is left."""

from __future__ import annotations

import math

import numpy as np

from anylens.image import Pixels
from anylens.sensor import Noise

# Of quad-Bayer light remosaiced at full resolution, over that of white noise of the same variance, in the order of
# NOISE_SPECTRUM: estimates share the noise of what they were made from. benchmarks/noise_spectrum.py, the mean of white
# balances (1, 1, 1) and (1.9, 1, 1.6).
REMOSAICED = np.array(
    (
        (  # luma, every pixel
            (1.25, 1.19, 1.17, 1.06, 1.08, 0.89, 0.96, 0.98),
            (1.19, 1.15, 1.15, 1.02, 1.02, 0.88, 0.90, 0.91),
            (1.17, 1.15, 1.15, 1.07, 1.15, 0.99, 0.80, 0.98),
            (1.06, 1.02, 1.07, 0.96, 1.00, 0.88, 0.87, 0.90),
            (1.08, 1.02, 1.15, 1.00, 0.90, 0.93, 0.94, 0.95),
            (0.89, 0.88, 0.99, 0.88, 0.93, 0.84, 0.84, 0.89),
            (0.96, 0.90, 0.80, 0.87, 0.94, 0.84, 1.00, 0.84),
            (0.98, 0.91, 0.98, 0.90, 0.95, 0.89, 0.84, 0.96),
        ),
        (  # red less blue, half size
            (1.41, 1.23, 1.08, 0.97, 1.06, 0.94, 0.95, 0.93),
            (1.23, 1.11, 1.01, 0.94, 1.05, 0.95, 0.93, 0.90),
            (1.08, 1.01, 0.95, 0.92, 1.04, 0.94, 0.96, 0.89),
            (0.97, 0.94, 0.92, 0.91, 1.07, 0.94, 0.92, 0.90),
            (1.06, 1.05, 1.04, 1.07, 1.28, 1.12, 1.10, 1.04),
            (0.94, 0.95, 0.94, 0.94, 1.12, 1.00, 0.92, 0.92),
            (0.95, 0.93, 0.96, 0.92, 1.10, 0.92, 1.00, 1.06),
            (0.93, 0.90, 0.89, 0.90, 1.04, 0.92, 1.06, 0.95),
        ),
        (  # magenta less green, half size
            (1.30, 1.16, 1.06, 0.99, 1.02, 0.93, 0.93, 0.97),
            (1.16, 1.09, 1.02, 0.97, 0.98, 0.92, 0.92, 0.93),
            (1.06, 1.02, 0.98, 0.94, 0.99, 0.91, 0.89, 0.93),
            (0.99, 0.97, 0.94, 0.92, 0.96, 0.90, 0.97, 1.00),
            (1.02, 0.98, 0.99, 0.96, 1.21, 1.03, 1.00, 0.97),
            (0.93, 0.92, 0.91, 0.90, 1.03, 1.03, 0.95, 0.98),
            (0.93, 0.92, 0.89, 0.97, 1.00, 0.95, 0.93, 1.06),
            (0.97, 0.93, 0.93, 1.00, 0.97, 0.98, 1.06, 0.92),
        ),
        (  # red less blue, quarter size
            (1.48, 1.40, 1.30, 1.19, 1.10, 0.96, 0.91, 0.86),
            (1.40, 1.32, 1.27, 1.15, 1.04, 0.94, 0.87, 0.83),
            (1.30, 1.27, 1.19, 1.12, 0.99, 0.92, 0.85, 0.82),
            (1.19, 1.15, 1.12, 1.02, 0.96, 0.91, 0.83, 0.81),
            (1.10, 1.04, 0.99, 0.96, 0.91, 0.85, 0.82, 0.82),
            (0.96, 0.94, 0.92, 0.91, 0.85, 0.80, 0.79, 0.79),
            (0.91, 0.87, 0.85, 0.83, 0.82, 0.79, 0.78, 0.79),
            (0.86, 0.83, 0.82, 0.81, 0.82, 0.79, 0.79, 0.79),
        ),
        (  # magenta less green, quarter size
            (1.39, 1.33, 1.20, 1.12, 1.05, 1.02, 0.96, 0.92),
            (1.33, 1.27, 1.18, 1.10, 1.06, 0.99, 0.95, 0.90),
            (1.20, 1.18, 1.12, 1.08, 1.01, 0.96, 0.92, 0.88),
            (1.12, 1.10, 1.08, 1.02, 0.98, 0.94, 0.91, 0.88),
            (1.05, 1.06, 1.01, 0.98, 0.95, 0.94, 0.94, 0.86),
            (1.02, 0.99, 0.96, 0.94, 0.94, 0.93, 0.90, 0.91),
            (0.96, 0.95, 0.92, 0.91, 0.94, 0.90, 0.89, 0.94),
            (0.92, 0.90, 0.88, 0.88, 0.86, 0.91, 0.94, 0.92),
        ),
    ),
    np.float32,
)


FADES_BY = 1.7
"""A threshold of so many standard deviations leaves 1 / e of the noise."""


def over_white(noise: Noise) -> Pixels:
    """By how much each of the coefficients of `kernels.denoise` varies more than white noise would, (5, 8, 8) or 1."""
    return REMOSAICED if noise.grain == "remosaiced" else np.ones((1, 1, 1), np.float32)


def left_of_noise(luma: float) -> float:
    """The part of the noise of luma, by amplitude, that a threshold of so many standard deviations leaves.

    Within 0.03 of what `kernels.denoise` leaves of independent normal coefficients by its rule.
    """
    return math.exp(-((luma / FADES_BY) ** 3))
