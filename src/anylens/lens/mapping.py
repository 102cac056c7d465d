"""What a passport says of places and light: pixels to millimetres, ideal places to observed ones, falloff, casts.

Places are pairs of arrays (x, y) in millimetres on the sensor, origin at its centre, x right, y down. Distortion is
Brown's as OpenCV writes it (Brown 1971).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lens.passport import ColorShading, Geometry, Lateral, Lattice, Three, Vignetting

Array = npt.NDArray[np.float64]
Place = tuple[Array, Array]

NEWTON_STEPS = 12


def mm_of_pixels(columns: Any, rows: Any, active_shape: tuple[int, int], pitch_um: float) -> Place:
    """Where pixels of the active area lie on the sensor; pixel (0, 0) is the centre of the top left one.

    The sensor's centre is that of its active area, (height, width) in pixels of `pitch_um`.
    """
    height, width = active_shape
    x, y = (np.asarray(values, np.float64) for values in (columns, rows))
    return (x + 0.5 - width / 2) * pitch_um / 1000, (y + 0.5 - height / 2) * pitch_um / 1000


def pixels_of_mm(x: Any, y: Any, active_shape: tuple[int, int], pitch_um: float) -> Place:
    """Columns and rows of the active area of places on the sensor; the way back from `mm_of_pixels`."""
    height, width = active_shape
    across, down = (np.asarray(values, np.float64) * 1000 / pitch_um for values in (x, y))
    return across + width / 2 - 0.5, down + height / 2 - 0.5


def observed(geometry: Geometry, x: Any, y: Any) -> Place:
    """Where the lens puts what an ideal one would put at (x, y)."""
    n_x, n_y = _rays(geometry, x, y)
    r = np.hypot(n_x, n_y)
    factor, _ = _stretch(geometry, r)
    p1, p2 = geometry.tangential
    d_x = n_x * factor + 2 * p1 * n_x * n_y + p2 * (r**2 + 2 * n_x**2)
    d_y = n_y * factor + p1 * (r**2 + 2 * n_y**2) + 2 * p2 * n_x * n_y
    (c_x, c_y), focal = geometry.centre_mm, geometry.focal_mm
    return c_x + focal * d_x, c_y + focal * d_y


def ideal(geometry: Geometry, x: Any, y: Any) -> Place:
    """Where an ideal lens would put what this one puts at (x, y); Newton's method on `observed`."""
    to_x, to_y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    at_x, at_y = to_x.copy(), to_y.copy()
    p1, p2 = geometry.tangential
    for _ in range(NEWTON_STEPS):
        n_x, n_y = _rays(geometry, at_x, at_y)
        r = np.hypot(n_x, n_y)
        factor, slope = _stretch(geometry, r)
        with np.errstate(invalid="ignore", divide="ignore"):
            bend = np.where(r > 0, (slope - factor) / np.maximum(r, 1e-12) ** 2, 0.0)
        a = factor + bend * n_x**2 + 2 * p1 * n_y + 6 * p2 * n_x
        d = factor + bend * n_y**2 + 6 * p1 * n_y + 2 * p2 * n_x
        b = bend * n_x * n_y + 2 * p1 * n_x + 2 * p2 * n_y
        now_x, now_y = observed(geometry, at_x, at_y)
        off_x, off_y = now_x - to_x, now_y - to_y
        whole = a * d - b * b
        at_x = at_x - (d * off_x - b * off_y) / whole
        at_y = at_y - (a * off_y - b * off_x) / whole
    return at_x, at_y


def light(vignetting: Vignetting, x: Any, y: Any) -> Array:
    """Green light at (x, y) relative to that on the axis."""
    c_x, c_y = vignetting.centre_mm
    r2 = np.minimum((np.square(np.asarray(x) - c_x) + np.square(np.asarray(y) - c_y)) / vignetting.reach_mm**2, 1.0)
    a1, a2, a3 = vignetting.radial
    return np.asarray(1 + r2 * (a1 + r2 * (a2 + r2 * a3)), np.float64)


def cast(color: ColorShading, x: Any, y: Any) -> tuple[Array, Array]:
    """Observed (R/G, B/G) at (x, y) relative to the middle."""
    right = np.asarray(x, np.float64) / color.half_width_mm
    down = np.asarray(y, np.float64) / color.half_height_mm
    return _bilinear(color.red_green, right, down), _bilinear(color.blue_green, right, down)


def lateral_shift(lateral: Lateral, x: Any, y: Any) -> tuple[Place, Place]:
    """How far red and blue lie from green that is observed at (x, y): ((x, y) of red, (x, y) of blue)."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    s2 = np.minimum((x**2 + y**2) / lateral.reach_mm**2, 1.0)

    def shift(terms: Three, aside: tuple[float, float]) -> Place:
        c0, c1, c2 = terms
        part = c0 + s2 * (c1 + s2 * c2)
        return x * part + aside[0], y * part + aside[1]

    return shift(lateral.red, lateral.red_shift_mm), shift(lateral.blue, lateral.blue_shift_mm)


def _rays(geometry: Geometry, x: Any, y: Any) -> Place:
    (c_x, c_y), focal = geometry.centre_mm, geometry.focal_mm
    return (np.asarray(x, np.float64) - c_x) / focal, (np.asarray(y, np.float64) - c_y) / focal


def _stretch(geometry: Geometry, r: Array) -> Place:
    """Observed radius / ideal radius r (both over the focal length), and how observed radius grows with r."""
    k1, k2, k3 = geometry.radial
    reach = geometry.reach_mm / geometry.focal_mm
    held = np.minimum(r, reach)
    s = held**2
    factor = 1 + s * (k1 + s * (k2 + s * k3))
    slope = 1 + s * (3 * k1 + s * (5 * k2 + s * 7 * k3))
    beyond = r > reach
    if beyond.any():
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.where(beyond, (held * factor + (r - held) * slope) / np.maximum(r, 1e-12), factor)
    return factor, slope


def _bilinear(table: Lattice, right: Array, down: Array) -> Array:
    """A lattice at places from -1 to 1, bilinear, its edge going on beyond it."""
    points = np.array(table, np.float64)
    rows, columns = points.shape
    at_y = np.clip((down + 1) / 2 * (rows - 1), 0, rows - 1)
    at_x = np.clip((right + 1) / 2 * (columns - 1), 0, columns - 1)
    top = np.clip(at_y.astype(int), 0, max(rows - 2, 0))
    left = np.clip(at_x.astype(int), 0, max(columns - 2, 0))
    bottom, across = np.minimum(top + 1, rows - 1), np.minimum(left + 1, columns - 1)
    part_y, part_x = at_y - top, at_x - left
    upper = points[top, left] * (1 - part_x) + points[top, across] * part_x
    lower = points[bottom, left] * (1 - part_x) + points[bottom, across] * part_x
    return np.asarray(upper * (1 - part_y) + lower * part_y)
