"""A telescope's real frames, drifting field and all: merging takes the noise and leaves the stars as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anylens import develop
from anylens.darkroom.stages import Merge
from anylens.files.burst import frames_in, read_burst
from anylens.frame import Burst

M94 = Path(__file__).parents[3] / "shared" / "data" / "burst_m94"


@pytest.mark.skipif(not M94.is_dir(), reason="the telescope's frames lie beside the checkout only")
def test_the_noise_of_real_frames_falls_as_their_number_says() -> None:
    burst = read_burst(frames_in(M94))
    one = Merge()(Burst((burst.frames[0],))).pixels
    merged = develop(burst, until="mosaic")
    count = len(burst.frames)
    assert any(note.startswith(f"{count} frames were merged") for note in merged.facts.notes)
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        before, after = (_sky(each[y::2, x::2]) for each in (one, merged.pixels))
        assert before[0] / after[0] > 0.9 * np.sqrt(count)
        assert max(np.abs(after[1])) < 0.12, "the noise stays white: nothing was blurred to make it less"


def _sky(plane: np.ndarray) -> tuple[float, list[float]]:
    """Deviation of the sky in the calmer half of blocks of 16 x 16, and how alike neighbours are, across and down."""
    height, width = (side // 16 * 16 for side in plane.shape)
    blocks = plane[:height, :width].reshape(height // 16, 16, width // 16, 16).swapaxes(1, 2).reshape(-1, 16, 16)
    spread = 1.4826 * np.median(np.abs(blocks - np.median(blocks, axis=(1, 2), keepdims=True)), axis=(1, 2))
    calm = blocks[spread < np.median(spread)]
    away = calm - calm.mean(axis=(1, 2), keepdims=True)
    away = np.clip(away, -4 * np.median(spread), 4 * np.median(spread))
    power = float((away**2).mean())
    along = [float((away[:, :, 1:] * away[:, :, :-1]).mean()), float((away[:, 1:] * away[:, :-1]).mean())]
    return float(np.median(spread[spread < np.median(spread)])), [each / power for each in along]
