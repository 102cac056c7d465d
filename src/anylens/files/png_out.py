"""How many frames each pixel got, or which of them it came from, as a picture to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from anylens.files.whole import whole
from anylens.refusal import Refusal


def write_count(frames_used: npt.NDArray[np.float32] | None, frames: int, path: str | Path) -> None:
    """Write a map of (H, W) counts as gray PNG, 8 bits: black is no frame, white all of `frames`; Refusal for None."""
    import imagecodecs

    if frames_used is None:
        raise Refusal(f"{path} cannot be written: a photo of one frame has no count of frames; leave out the map.")
    shades = np.clip(frames_used * np.float32(255 / frames) + np.float32(0.5), 0, 255).astype(np.uint8)
    coded = bytes(imagecodecs.png_encode(np.ascontiguousarray(shades)))
    with whole(path) as file:
        file.write(coded)


def write_origin(came_from: npt.NDArray[np.uint8], frames: int, path: str | Path) -> None:
    """Write a map of (H, W) frame numbers from 1 on as an RGB PNG: violet is the first frame, red the last of them."""
    import cv2
    import imagecodecs

    place = (came_from.astype(np.float32) - np.float32(1)) * np.float32(255 / max(1, frames - 1))
    shades = cv2.applyColorMap(np.clip(place + np.float32(0.5), 0, 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    coded = bytes(imagecodecs.png_encode(np.ascontiguousarray(shades[..., ::-1])))
    with whole(path) as file:
        file.write(coded)
