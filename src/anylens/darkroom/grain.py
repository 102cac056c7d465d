"""How noise that is not white lies among the coefficients that denoising shrinks, and how much of it is left."""

from __future__ import annotations

import math

import numpy as np

from anylens.image import Pixels
from anylens.kernels.noise_spectra import REMOSAICED
from anylens.sensor import Noise

FADES_BY = 1.7
"""A threshold of so many standard deviations leaves 1 / e of the noise."""


def over_white(noise: Noise) -> Pixels:
    """By how much each coefficient of `kernels.shrinkage` varies more than white noise would, (5, 8, 8) or 1."""
    return REMOSAICED if noise.grain == "remosaiced" else np.ones((1, 1, 1), np.float32)


def left_of_noise(luma: float) -> float:
    """The part of the noise of luma, by amplitude, that a threshold of so many standard deviations leaves.

    Within 0.03 of what `kernels.denoise` leaves of independent normal coefficients by its rule.
    """
    return math.exp(-((luma / FADES_BY) ** 3))
