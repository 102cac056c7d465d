"""Slanted edges whose sharpness is known exactly: drawn by formula from the MTF of what blurs them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Blur = Callable[[Floats], Floats]


def gaussian(mtf50_cpp: float) -> Blur:
    """A round Gaussian blur that alone has this MTF50."""
    return lambda f: np.exp(-math.log(2.0) * (f / mtf50_cpp) ** 2)


def diffraction(cutoff_cpp: float) -> Blur:
    """A perfect lens with a round aperture."""

    def response(f: Floats) -> Floats:
        s = np.clip(f / cutoff_cpp, 0.0, 1.0)
        return 2.0 / np.pi * (np.arccos(s) - s * np.sqrt(1.0 - s * s))

    return response


def defocus(diameter_px: float) -> Blur:
    """A round disc of light."""
    from scipy.special import j1

    def response(f: Floats) -> Floats:
        x = np.pi * diameter_px * np.maximum(f, 1e-9)
        return 2.0 * j1(x) / x

    return response


def none(f: Floats) -> Floats:
    return np.ones_like(f)


def response(blur: Blur, angle_deg: float) -> Blur:
    """MTF across an edge at an angle: the blur and a square pixel, in the direction of the edge's normal."""
    cos, sin = abs(math.cos(math.radians(angle_deg))), abs(math.sin(math.radians(angle_deg)))
    return lambda f: np.abs(blur(f) * np.sinc(f * cos) * np.sinc(f * sin))


def mtf50(blur: Blur, angle_deg: float) -> float:
    """Where the response is first one half, in cycles per pixel."""
    f = np.linspace(0.0, 2.0, 200001)
    at = response(blur, angle_deg)(f)
    first = int(np.argmax(at < 0.5))
    return float(f[first - 1] + (at[first - 1] - 0.5) / (at[first - 1] - at[first]) * (f[first] - f[first - 1]))


@cache
def profile(blur: Blur, angle_deg: float, reach_px: float) -> tuple[Floats, Floats]:
    """(distance, share of the bright side there, averaged over square pixels): the Fourier integral of the response.

    A blur that is not even answers with complex numbers: its light lies exp(-2 pi i f d) aside.
    """
    cos, sin = abs(math.cos(math.radians(angle_deg))), abs(math.sin(math.radians(angle_deg)))
    x = np.linspace(-reach_px, reach_px, int(2 * reach_px / 0.02) + 1)
    if blur is none:
        return x, _square(x, cos, sin)
    f = (np.arange(6000) + 0.5) * 5e-4
    signed = blur(f) * np.sinc(f * cos) * np.sinc(f * sin)
    f, signed = (each[: int(np.flatnonzero(np.abs(signed) > 1e-9)[-1]) + 1] for each in (f, signed))
    half = np.concatenate([np.arange(0.0, 12.0, 0.025), np.arange(12.0, reach_px + 0.2, 0.2)])
    share = np.array([np.sum(signed.real * np.sin(2 * np.pi * f * d) / f) for d in half]) * 5e-4 / np.pi
    step = 0.5 + np.sign(x) * np.interp(np.abs(x), half, share)
    if not np.iscomplexobj(signed):
        return x, step
    aside = np.array([np.sum(signed.imag * np.cos(2 * np.pi * f * d) / f) for d in half]) * 5e-4 / np.pi
    return x, step + np.interp(np.abs(x), half, aside)


def _square(x: Floats, cos: float, sin: float) -> Floats:
    """Area of a unit square on one side of a line at a distance: a ramp with rounded ends."""
    wide, narrow = max(cos, sin), max(min(cos, sin), 1e-9)

    def ramp(u: Floats) -> Floats:
        return np.maximum(u, 0.0) ** 2 / (2.0 * wide * narrow)

    a, b = (wide + narrow) / 2.0, (wide - narrow) / 2.0
    return ramp(x + a) - ramp(x + b) - ramp(x - b) + ramp(x - a)


def edge(
    size: int, blur: Blur, angle_deg: float, offset_px: float = 0.0, levels: tuple[float, float] = (0.2, 0.8)
) -> Floats:
    """(size, size): an edge through the middle, `offset_px` beside it; `angle_deg` is the direction along the edge."""
    angle = math.radians(angle_deg)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2.0
    d = y * math.cos(angle) - x * math.sin(angle) - offset_px
    places, share = profile(blur, angle_deg + 90.0, 0.75 * size + 1.0)
    return levels[0] + (levels[1] - levels[0]) * np.interp(d, places, share)


def square(
    size: int,
    blur: Blur,
    angle_deg: float,
    side_px: float,
    middle_px: tuple[float, float],
    levels: tuple[float, float] = (0.1, 0.9),
) -> Floats:
    """(size, size): a dark square on light ground, exact but for its very corners."""
    angle = math.radians(angle_deg)
    y, x = np.mgrid[:size, :size].astype(np.float64)
    x, y = x - middle_px[0], y - middle_px[1]
    u, v = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    reach = 0.75 * size + 1.0
    share = []
    for across, turned in ((u, angle_deg), (v, angle_deg + 90.0)):
        places, bright = profile(blur, turned, reach)
        share.append(np.interp(np.abs(across) - side_px / 2.0, places, bright))
    return levels[0] + (levels[1] - levels[0]) * np.maximum(*share)


def ends(
    size: int, angle_deg: float, offset_px: float, length_px: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    angle = math.radians(angle_deg)
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    middle = [(size - 1) / 2.0 + offset_px * c for c in across]
    return tuple(tuple(m + s * length_px / 2.0 * a for m, a in zip(middle, along, strict=True)) for s in (-1, 1))
