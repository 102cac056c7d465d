"""Bursts with known truth: a real picture seen by a trembling hand through a noisy Bayer sensor."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from anylens.frame import Burst, Facts, Frame
from anylens.sensor import Noise
from tests.frames import NEUTRAL, facts

PICTURE = Path(__file__).parents[1] / "docs" / "gallery" / "demo.jpg"
SCALE, OFFSET = 4e-4, 1e-6
SPAN, BLACK = 4095 - 256, 256
LENS_PX = 1.2


@cache
def scenery() -> np.ndarray:
    """(900, 1200, 3) linear camera light of a real photo, in twice the sensor's resolution."""
    encoded = cv2.imread(str(PICTURE))[..., ::-1].astype(np.float32) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return (linear * np.array(NEUTRAL, np.float32)).astype(np.float32)


def light(move: np.ndarray, scene: np.ndarray | None = None) -> np.ndarray:
    """(3, 450, 600) that the sensor would see through `move`, (2, 3): sensor pixels to pixels of the still camera."""
    scene = scenery() if scene is None else scene
    height, width = scene.shape[:2]
    fine = move.astype(np.float64).copy()
    fine[:, 2] = 2 * move[:, 2] + (fine[:, :2] @ [0.5, 0.5] - 0.5)
    seen = cv2.warpAffine(
        scene, fine, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101
    )
    small = cv2.resize(cv2.GaussianBlur(seen, (0, 0), LENS_PX), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.maximum(small, 0).transpose(2, 0, 1)


def moves(count: int, seed: int, tremor_px: float = 3.0, turn_deg: float = 0.05) -> list[np.ndarray]:
    """`count` moves of a hand about the middle of the picture, the first none."""
    rng, found = np.random.default_rng(seed), []
    for index in range(count):
        angle = np.deg2rad(turn_deg) * rng.normal() * (index > 0)
        shift = tremor_px * rng.normal(size=2) * (index > 0)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.array([300.0, 225.0])
        found.append(np.column_stack([turn, middle - turn @ middle + shift]))
    return found


def under_filter(rgb: np.ndarray, cfa: str = "RGGB") -> np.ndarray:
    """(H, W) of (3, H, W): each site its own colour."""
    out = np.empty(rgb.shape[1:], np.float32)
    for site in range(4):
        out[site // 2 :: 2, site % 2 :: 2] = rgb["RGB".index(cfa[site]), site // 2 :: 2, site % 2 :: 2]
    return out


def exposed(mosaic: np.ndarray, seed: int, noise: float = 1.0, known: Facts | None = None) -> Frame:
    """Counts of 12 bits of the light of a mosaic, with `noise` times the variance of SCALE and OFFSET."""
    rng = np.random.default_rng(seed)
    variance = noise * (SCALE * np.maximum(mosaic, 0) + OFFSET)
    noisy = mosaic + rng.normal(size=mosaic.shape) * np.sqrt(variance)
    counts = np.clip(np.rint(BLACK + SPAN * noisy), 0, 4095).astype(np.uint16)
    told = known or facts("RGGB", *mosaic.shape)
    profile = Noise((noise * SCALE,), (noise * OFFSET,), "sensor")
    return Frame(counts, replace(told, sensor=replace(told.sensor, noise=profile)))


def hand_held(count: int, seed: int = 1, noise: float = 1.0, **hand: float) -> tuple[Burst, np.ndarray]:
    """A burst of the still scenery and the noiseless mosaic of its first frame."""
    seen = [under_filter(light(move)) for move in moves(count, seed, **hand)]
    frames = tuple(exposed(mosaic, 100 * seed + index, noise) for index, mosaic in enumerate(seen))
    return Burst(frames), seen[0]
