"""Where the sensor stands best behind a lens."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.glass.dispersion import index
from anylens.twin.glass.optics import Optic

Floats = npt.NDArray[np.floating[Any]]

LINES_NM = (486.133, 546.074, 656.273)
LINE_WEIGHTS = (0.25, 0.5, 0.25)
FREQUENCIES = (20.0, 40.0, 80.0)  # line pairs a mm
OVERLAP = 56


def plate_wave(plate_mm: float, squared: Floats, wavelength_nm: npt.ArrayLike) -> Floats:
    """What a sapphire plate before the sensor adds to W, for sines squared of the angle: exact, wherever it stands."""
    bend = index("sapphire", wavelength_nm)
    return np.asarray(plate_mm * (np.sqrt(bend * bend - squared) - np.sqrt(1.0 - squared)))


def axial_wave(optic: Optic, object_mm: float, plate_mm: float, wavelength_nm: float) -> tuple[Floats, float]:
    """Coefficients of W on the axis in (sine / largest sine)^2, and the largest sine that passes."""
    axis = np.zeros((1, 2))
    low, high = 0.0, 1.6 * optic.pupil_mm
    for _ in range(7):  # to 1e-12 of it
        trial = np.linspace(low, high, 65)
        pupil = np.stack([trial, np.zeros_like(trial)], -1)
        lit = optic.send(axis, object_mm, pupil, wavelength_nm).margin > 0
        first = int(np.argmin(lit)) if not lit.all() else len(lit) - 1
        low, high = trial[max(first - 1, 0)], trial[first]
    heights = low * np.cos(np.pi * (np.arange(40) + 0.5) / 80)
    rays = optic.send(axis, object_mm, np.stack([heights, np.zeros_like(heights)], -1), wavelength_nm)
    edge = float(np.abs(optic.send(axis, object_mm, np.array([[low, 0.0]]), wavelength_nm).l[0]))
    squared = rays.l**2
    wave = rays.path - rays.l * rays.x + plate_wave(plate_mm, squared, wavelength_nm)
    wave -= wave[-1]
    powers = np.polynomial.chebyshev.chebvander(2.0 * squared / edge**2 - 1.0, 12)
    found, *_ = np.linalg.lstsq(powers, wave, rcond=None)
    return found, edge


def contrast(waves: list[tuple[Floats, float]], sensor_mm: Floats, frequency: float) -> Floats:
    """(len(sensor_mm),): the MTF on the axis in white light at `frequency` lp/mm, the sensor moved back by so much.

    The overlap of the pupil with itself, shifted by wavelength times frequency (Hopkins 1955): its left half is the
    conjugate of its right one.
    """
    total = np.zeros(len(sensor_mm))
    for (wave, edge), wavelength_nm, weight in zip(waves, LINES_NM, LINE_WEIGHTS, strict=True):
        half = 0.5 * wavelength_nm * 1e-6 * frequency
        if half >= edge:
            continue
        across = (edge - half) * (np.arange(OVERLAP) + 0.5) / OVERLAP
        down = edge * (np.arange(OVERLAP) + 0.5) / OVERLAP
        x, y = np.meshgrid(across, down)
        inside = (x + half) ** 2 + y * y <= edge * edge
        x, y = x[inside], y[inside]
        right, left = (x + half) ** 2 + y * y, (x - half) ** 2 + y * y
        cheb = np.polynomial.chebyshev.chebval
        difference = cheb(2 * right / edge**2 - 1, wave) - cheb(2 * left / edge**2 - 1, wave)
        deeper = np.sqrt(1.0 - right) - np.sqrt(1.0 - left)
        turns = 2.0 * np.pi / (wavelength_nm * 1e-6)
        cell = (across[1] - across[0]) * (down[1] - down[0]) * 4
        ways = np.array([np.cos(turns * (difference + each * deeper)).sum() for each in sensor_mm])
        total += weight * ways * cell / (math.pi * edge * edge)
    return np.asarray(np.abs(total) / sum(LINE_WEIGHTS))


def sharpest(optic: Optic, object_mm: float, plate_mm: float) -> float:
    """How far behind its place the sensor would see the axis sharpest, mm.

    Sharpest is the highest mean of the MTF at 20, 40 and 80 lp/mm, light of the lines F, e, C as 1 : 2 : 1: what a
    photographer does who looks at the finest detail, at the working aperture.
    """
    waves = [axial_wave(optic, object_mm, plate_mm, each) for each in LINES_NM]
    crossings = np.concatenate([_crossings(*each) for each in waves])
    depth = max(4.0 * 0.00055 / waves[1][1] ** 2, 1e-4)
    low, high = float(crossings.min()) - depth, float(crossings.max()) + depth

    def sharp(shifts: Floats) -> Floats:
        return np.asarray(np.mean([contrast(waves, shifts, each) for each in FREQUENCIES], axis=0))

    count = 25
    while True:
        shifts = np.linspace(low, high, count)
        seen = sharp(shifts)
        best = int(np.argmax(seen))
        gap = shifts[1] - shifts[0]
        if gap < 0.1 * depth:
            break
        low, high, count = float(shifts[best] - 1.5 * gap), float(shifts[best] + 1.5 * gap), 13
    if 0 < best < count - 1:
        a, b, c = seen[best - 1 : best + 2]
        bend = a - 2 * b + c
        return float(shifts[best] + (0.5 * gap * (a - c) / bend if bend < 0 else 0.0))
    return float(shifts[best])


def _crossings(wave: Floats, edge: float) -> Floats:
    """Where behind the sensor rays of all zones cross the axis: the slope of W against N."""
    squared = edge**2 * np.linspace(0.001, 1.0, 60)
    slope = np.polynomial.chebyshev.chebval(2 * squared / edge**2 - 1, np.polynomial.chebyshev.chebder(wave)) * (
        2 / edge**2
    )
    return np.asarray(slope * 2.0 * np.sqrt(1.0 - squared))


def settle(place: Callable[[float], tuple[Optic, float]], start_mm: float, plate_mm: float) -> float:
    """The distance behind the lens at which it is sharpest; `place(back)` gives the optic there and its object."""
    back = start_mm
    optic, object_mm = place(back)
    magnification = optic.scale_mm / object_mm
    for _ in range(30):
        optic, object_mm = place(back)
        step = sharpest(optic, object_mm, plate_mm) / max(1.0 - magnification**2, 0.05)
        back += step
        if abs(step) < 5e-5:
            break
    return back
