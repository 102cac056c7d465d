"""Rays through a row of surfaces, one after the other, exact; all rays at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.glass.dispersion import index
from anylens.twin.glass.prescription import Surface

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """Where rays are (`x`, `y`, `z`, mm), whither they go (unit vector `l`, `m`, `n`), what optical way lies behind
    them (`path`, mm) and `margin`, the least of 1 - (height / clear half diameter)^2 on all surfaces so far.

    All have one shape. A ray that misses a surface or is reflected totally has NaN, and a margin of -1.
    """

    x: Floats
    y: Floats
    z: Floats
    l: Floats
    m: Floats
    n: Floats
    path: Floats
    margin: Floats


def trace(surfaces: tuple[Surface, ...], rays: Rays, wavelength_nm: npt.ArrayLike, clear: Floats) -> Rays:
    """The rays after the last surface, standing on it; z counts from the first vertex.

    `wavelength_nm` must broadcast to the rays; `clear` are the clear half diameters (mm), one a surface. Intersections
    are closed for conics, by Newton's iteration for aspheres; refraction is vector Snell (Spencer and Murty 1962).
    """
    x, y, z, l, m, n, path = rays.x, rays.y, rays.z, rays.l, rays.m, rays.n, rays.path
    margin = rays.margin
    before = index(None, wavelength_nm)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        vertex = 0.0
        for surface, half in zip(surfaces, clear, strict=True):
            after = index(surface.glass, wavelength_nm)
            way = (vertex - z) / n
            x, y = x + way * l, y + way * m
            step, up = _meet(surface, x, y, l, m, n)
            x, y, z = x + step * l, y + step * m, vertex + step * n
            path = path + before * (way + step)
            height = x * x + y * y
            margin = np.minimum(margin, 1.0 - height / (half * half))
            l, m, n = _bend(l, m, n, up, before / after)
            before = after
            vertex += surface.thickness_mm
        margin = np.where(np.isnan(margin + path + n), -1.0, margin)
    return Rays(x, y, z, l, m, n, path, margin)


def _meet(
    surface: Surface,
    x: Floats,
    y: Floats,
    l: Floats,
    m: Floats,
    n: Floats,
) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """How far rays on the vertex plane are from the surface, and its unit normal there, on the side of the image."""
    curve, flat = 1.0 / surface.radius_mm, 1.0 + surface.conic
    if curve == 0.0 and not surface.even:
        return np.zeros_like(x), (np.zeros_like(x), np.zeros_like(x), np.ones_like(x))
    f = curve * (x * x + y * y)
    g = n - curve * (x * l + y * m)
    step = f / (g + np.sqrt(g * g - curve * (1.0 + surface.conic * n * n) * f))
    if not surface.even:
        px, py, pz = x + step * l, y + step * m, step * n
        nx, ny, nz = -curve * px, -curve * py, 1.0 - curve * flat * pz
    else:
        for _ in range(30):
            px, py, pz = x + step * l, y + step * m, step * n
            sag, slope = _sag(surface, px * px + py * py)
            nx, ny, nz = -slope * px, -slope * py, np.ones_like(px)
            move = (sag - pz) / (nx * l + ny * m + n)
            step = step + move
            if not np.any(np.abs(move) > 1e-13 * (1.0 + np.abs(step))):
                break
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    return step, (nx / length, ny / length, nz / length)


def _sag(surface: Surface, squared: Floats) -> tuple[Floats, Floats]:
    """The sag at a squared height, and its slope divided by the height."""
    curve = 1.0 / surface.radius_mm
    root = np.sqrt(1.0 - (1.0 + surface.conic) * curve * curve * squared)
    sag, slope = curve * squared / (1.0 + root), curve / root
    more, rise = np.zeros_like(squared), np.zeros_like(squared)
    for order in range(len(surface.even), 0, -1):  # Horner: a[order - 1] h^(2 order + 2)
        coefficient = surface.even[order - 1]
        more = more * squared + coefficient
        rise = rise * squared + (2 * order + 2) * coefficient
    return sag + more * squared * squared, slope + rise * squared


def _bend(
    l: Floats,
    m: Floats,
    n: Floats,
    up: tuple[Floats, Floats, Floats],
    ratio: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Snell's law: `ratio` is the index before over the index behind."""
    nx, ny, nz = up
    into = l * nx + m * ny + n * nz
    turn = np.sqrt(1.0 - ratio * ratio * (1.0 - into * into)) - ratio * into
    return ratio * l + turn * nx, ratio * m + turn * ny, ratio * n + turn * nz
