"""Bursts sampled exactly: light of a finer grid than any pixel's, through diffraction and the pixel, at known tremor.

Nothing is interpolated: the light stands on a grid OVER times finer than the sensor's, it is blurred there by the
diffraction of a lens and by the square pixel, and a frame's tremor is a whole number of its points.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache

import cv2
import numpy as np

from anylens import Scene, develop
from anylens.darkroom import adjust, default_recipe
from anylens.darkroom.light import scene_matrix
from anylens.frame import Burst, Frame
from anylens.lens import Setting
from tests.bursts import exposed, under_filter
from tests.frames import NEUTRAL, facts

OVER = 16
PITCH_UM, WAVE_UM = 3.2, 0.55


def diffraction(shape: tuple[int, int], f_number: float) -> np.ndarray:
    """The MTF of a perfect lens on the frequencies of an rfft2 of the fine grid."""
    cutoff = PITCH_UM / OVER / (WAVE_UM * f_number)
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])
    nu = np.minimum(np.hypot(down, across) / cutoff, 1.0)
    return 2 / np.pi * (np.arccos(nu) - nu * np.sqrt(1 - nu * nu))


def aperture(shape: tuple[int, int], points: int) -> np.ndarray:
    """The MTF of a square pixel `points` wide, for the sum over its points taken from its first one on."""
    down, across = (
        np.exp(1j * np.pi * f * (points - 1))
        * np.where(f == 0, 1.0, np.sin(np.pi * f * points) / np.where(f == 0, 1.0, points * np.sin(np.pi * f)))
        for f in (np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1]))
    )
    return down[:, None] * across


@lru_cache(4)
def _transfer(shape: tuple[int, int], f_number: float, points: int) -> np.ndarray:
    return diffraction(shape, f_number) * aperture(shape, points)


def through(light: np.ndarray, f_number: float, points: int) -> np.ndarray:
    """Light (H, W) of the fine grid as pixels `points` wide see it whose first points are each of the grid's."""
    return np.fft.irfft2(np.fft.rfft2(light) * _transfer(light.shape, f_number, points), light.shape)


@cache
def leaves(height: int, width: int, seed: int = 1, count: int = 2500) -> np.ndarray:
    """(3, H, W) camera light of a wall of discs of all sizes and colours (dead leaves) on the fine grid."""
    rng = np.random.default_rng(seed)
    tall, wide = height * OVER, width * OVER
    picture = np.zeros((3, tall, wide), np.float32)
    free = np.ones((tall, wide), bool)
    radii = np.sort(1.0 / np.sqrt(rng.uniform(1 / (12 * OVER) ** 2, 1 / (0.7 * OVER) ** 2, count)))
    for radius in rng.permutation(radii):
        y, x = rng.uniform(0, tall), rng.uniform(0, wide)
        top, left = max(0, int(y - radius)), max(0, int(x - radius))
        part = np.s_[top : int(y + radius) + 2, left : int(x + radius) + 2]
        rows, columns = np.ogrid[top : top + free[part].shape[0], left : left + free[part].shape[1]]
        inside = free[part] & ((rows - y) ** 2 + (columns - x) ** 2 < radius**2)
        grey = rng.uniform(0.05, 0.8)
        color = np.clip(grey * (1 + 0.25 * rng.normal(size=3)), 0.02, 0.95) * NEUTRAL
        for c in range(3):
            picture[c][part][inside] = color[c]
        free[part] &= ~inside
    picture[:, free] = 0.4 * np.array(NEUTRAL, np.float32)[:, None]
    return picture


def tremor(count: int, seed: int, px: float = 1.5) -> np.ndarray:
    """(count, 2) steps of a hand, x and y, in points of the fine grid, the first none."""
    rng = np.random.default_rng(seed)
    steps = np.rint(OVER * px * rng.normal(size=(count, 2))).astype(int)
    steps[0] = 0
    return steps


def burst(
    light: np.ndarray, steps: np.ndarray, f_number: float = 2.8, noise: float = 0.1, pitch: int = OVER
) -> tuple[Burst, np.ndarray]:
    """A burst of camera light (3, H, W) on the fine grid, and what a sensor of twice the resolution sees, no noise.

    Pixels are `pitch` points wide.
    """
    seen = np.stack([through(plane, f_number, pitch) for plane in light])
    half = np.stack([through(plane, f_number, pitch // 2) for plane in light])
    frames: list[Frame] = []
    for index, (x, y) in enumerate(steps):
        # The scene's point that pixel (0, 0) sees lies at -step: the picture goes along with the step.
        moved = np.roll(seen, (int(y), int(x)), (1, 2))[:, ::pitch, ::pitch]
        mosaic = under_filter(moved.astype(np.float32))
        known = facts("RGGB", *mosaic.shape)
        known = replace(
            known,
            sensor=replace(known.sensor, pitch_um=PITCH_UM),
            setting=Setting("hand", f_number=f_number),
            exposure_s=0.01,
            iso=100.0,
        )
        frames.append(exposed(mosaic, 1000 + index, noise, known))
    return Burst(tuple(frames)), half[:, :: pitch // 2, :: pitch // 2].astype(np.float32)


def as_seen(scene: Scene) -> np.ndarray:
    """A scene in the camera's colours before any balance."""
    rgb = np.einsum("cd,dyx->cyx", np.linalg.inv(scene_matrix(scene.facts)), scene.pixels)
    return rgb / np.array(scene.facts.balance)[:, None, None]


def enlarged(given: Burst) -> np.ndarray:
    """The merged burst as `as_seen` has it, developed as light and made twice as large by Lanczos."""
    recipe = default_recipe()
    for setting in ("Denoise.luma=0", "Denoise.chroma=0", "Merge.reference=1"):
        recipe = adjust(recipe, setting)
    small = as_seen(develop(given, recipe, until="scene"))
    return np.stack([cv2.resize(plane, None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4) for plane in small])
