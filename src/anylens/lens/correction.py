"""What undoes what a passport says, at the pixels of an active area: gains, and the places to read.

`rings` is (f_number, focus_m), None for what is not known; `shape` is the (height, width) of the active area in pixels
of `pitch` micrometres. A section that is missing says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lens.mapping import Place, cast, lateral_shift, light, mm_of_pixels, observed, pixels_of_mm
from anylens.lens.passport import Passport
from anylens.lens.rings import nearest, opening

Floats = npt.NDArray[np.float64]
Rings = tuple[float | None, float | None]
GAIN_POINTS = 65, 97
GRID_SPACING = 32
LEAST_LIGHT = 0.02
SCALES = 0.6, 1.6
HALVINGS = 20
"""So often the scale that fills a picture is told more narrowly: to a millionth, 0.004 pixels at the border of 8000."""


def shading_gains(
    passport: Passport, rings: Rings, shape: tuple[int, int], pitch: float, vignetting: float = 1.0, color: float = 1.0
) -> Floats | None:
    """(3, v, h): by how much R, G and B are to be multiplied, its points evenly from the first pixel to the last.

    `vignetting` and `color`, 0 to 1, say how much of the two parts, as powers of what they leave of the light. None
    where the passport knows nothing of it.
    """
    falloff = nearest(passport.vignetting, *rings) if vignetting else ()
    tint = nearest(passport.color, *rings) if color else ()
    if not falloff and not tint:
        return None
    rows, columns = (np.linspace(0, size - 1, points) for size, points in zip(shape, GAIN_POINTS, strict=True))
    x, y = mm_of_pixels(columns[None, :], rows[:, None], shape, pitch)
    seen = np.ones((3, *GAIN_POINTS))
    if falloff:
        seen *= sum(weight * light(record, x, y) for weight, record in falloff) ** vignetting
    for weight, record in tint:
        red, blue = cast(record, x, y)
        seen[0] *= red ** (weight * color)
        seen[2] *= blue ** (weight * color)
    return np.asarray(1.0 / np.maximum(seen, LEAST_LIGHT))


@lru_cache(maxsize=2)
def places_seen(
    passport: Passport,
    rings: Rings,
    shape: tuple[int, int],
    pitch: float,
    geometry: float = 1.0,
    lateral: float = 1.0,
    fill: float = 1.0,
) -> Floats | None:
    """(3, 2, rows, columns): where each pixel of the straight picture was seen, x and y in pixels, by colour.

    A point for every GRID_SPACING pixels, as `kernels.warp` takes them. `geometry` and `lateral`, 0 to 1, say how much
    of the two parts; with `fill` 1 the straight picture is as wide as it can be without going beyond the border of
    what was seen, with 0 the scale in the middle stays. None where the passport knows nothing of it. Photos of one lens
    share what is given, so it is only to be read.
    """
    bent = nearest(passport.geometry, *rings) if geometry else ()
    apart = nearest(passport.lateral, *rings, along=opening) if lateral else ()
    if not bent and not apart:
        return None

    def green(x: Floats, y: Floats) -> Place:
        if not bent:
            return x, y
        to_x, to_y = _mean(bent, lambda record: observed(record, x, y))
        return x + geometry * (to_x - x), y + geometry * (to_y - y)

    scale = 1.0 + fill * (_filling(green, shape, pitch) - 1.0) if bent and fill else 1.0
    rows, columns = (np.arange((size - 1) // GRID_SPACING + 2) * GRID_SPACING for size in shape)
    x, y = np.broadcast_arrays(*mm_of_pixels(columns[None, :], rows[:, None], shape, pitch))
    g_x, g_y = green(x * scale, y * scale)
    found = [(g_x, g_y)] * 3
    if apart:
        red = _mean(apart, lambda record: lateral_shift(record, g_x, g_y)[0])
        blue = _mean(apart, lambda record: lateral_shift(record, g_x, g_y)[1])
        found = [
            (g_x + lateral * red[0], g_y + lateral * red[1]),
            (g_x, g_y),
            (g_x + lateral * blue[0], g_y + lateral * blue[1]),
        ]
    seen = np.stack([np.stack(pixels_of_mm(*place, shape, pitch)) for place in found])
    seen.flags.writeable = False
    return seen


def _filling(green: Callable[[Floats, Floats], Place], shape: tuple[int, int], pitch: float) -> float:
    """The largest scale at which the border of the straight picture was seen, by bisection."""
    height, width = shape
    across, down = np.linspace(0, width - 1, 65), np.linspace(0, height - 1, 65)
    columns = np.concatenate([across, across, np.zeros(65), np.full(65, width - 1)])
    rows = np.concatenate([np.zeros(65), np.full(65, height - 1), down, down])
    x, y = mm_of_pixels(columns, rows, shape, pitch)
    low, high = SCALES
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        at_x, at_y = pixels_of_mm(*green(x * middle, y * middle), shape, pitch)
        inside = at_x.min() >= 0 and at_y.min() >= 0 and at_x.max() <= width - 1 and at_y.max() <= height - 1
        low, high = (middle, high) if inside else (low, middle)
    return low


def _mean(records: tuple[tuple[float, Any], ...], place: Callable[[Any], Place]) -> Place:
    found = [(weight, place(record)) for weight, record in records]
    return sum(w * x for w, (x, _) in found), sum(w * y for w, (_, y) in found)  # type: ignore[return-value]
