"""Focus stacks with known truth: layers at different distance, each frame sharp on one, under a breathing lens."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from tests.bursts import scenery

DISTANCES = (0.0, 1.0, 2.0)
BLUR_PX = 3.0
LENS_PX = 1.2


@cache
def layers() -> tuple[tuple[np.ndarray, np.ndarray, float], ...]:
    """(light (3, H, W), cover (H, W), distance) from back to front, in linear camera light."""
    whole = np.ascontiguousarray(cv2.GaussianBlur(scenery(), (0, 0), LENS_PX)[::2, ::2].transpose(2, 0, 1))
    height, width = whole.shape[1:]
    found = [(whole, np.ones((height, width), np.float32), DISTANCES[2])]
    v, u = np.mgrid[:height, :width].astype(np.float32)
    round_ = (np.hypot(u - 0.33 * width, v - 0.5 * height) < 0.27 * height).astype(np.float32)
    bar = (np.abs((u - 0.72 * width) + 0.35 * (v - 0.5 * height)) < 0.06 * width).astype(np.float32)
    for cover, distance, turn in ((round_, DISTANCES[1], 1), (bar, DISTANCES[0], 2)):
        found.append((np.ascontiguousarray(np.roll(whole[:, ::-1], 97 * turn, axis=2)), cover, distance))
    return tuple(found)


def seen(focus: float | None, breathing: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """(3, H, W) of the layers with the lens focused at a distance, None sharp everywhere (the truth)."""
    out = np.zeros_like(layers()[0][0])
    for light, cover, distance in layers():
        sigma = 0.0 if focus is None else BLUR_PX * abs(distance - focus)
        over, part = light * cover, cover
        if sigma:
            over = np.stack([cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) for plane in over])
            part = cv2.GaussianBlur(cover, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        out = out * (1 - part) + over
    if breathing or any(shift):
        height, width = out.shape[1:]
        move = np.array([[1 + breathing, 0, 0], [0, 1 + breathing, 0]])
        move[:, 2] = -breathing * np.array([(width - 1) / 2, (height - 1) / 2]) + shift
        flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
        size = (width, height)
        out = np.stack([cv2.warpAffine(p, move, size, flags=flags, borderMode=cv2.BORDER_REFLECT) for p in out])
    return np.maximum(out, 0)
