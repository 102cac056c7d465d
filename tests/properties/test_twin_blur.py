"""The simulated blur of windows: how many of its samples are kept does not change them; it changes in small steps."""

import numpy as np
import pytest

from anylens.twin.blur import Grid, spread_out


@pytest.mark.parametrize("fine", [2, 4])
def test_pixels_are_samples_of_the_finer_picture(fine: int) -> None:
    chance = np.random.default_rng(3)
    grid = Grid(150, 110, -75.0, -55.0, 1.0, fine)
    scene = chance.random((3, 2000, 2000), np.float32)
    blurs = chance.random((3, 24, 24), np.float32)
    blurs /= blurs.sum((1, 2), keepdims=True)

    def drawn(top: int, left: int, rows: int, columns: int) -> np.ndarray:
        return scene[:, top + 600 : top + 600 + rows, left + 600 : left + 600 + columns]

    pixels, samples = (spread_out(grid, drawn, lambda _x, _y: blurs, 24, 1, every) for every in (None, 1))
    np.testing.assert_allclose(pixels, samples[:, ::fine, ::fine], atol=2e-6)
    direct = sum(
        blurs[:, k, j, None, None] * scene[:, 612 - k : 622 - k, 612 - j : 622 - j]
        for k in range(24) for j in range(24)
    )  # fmt: skip
    np.testing.assert_allclose(samples[:, :10, :10], direct, atol=1e-5)


def test_a_small_picture_has_windows_enough_for_a_blur_that_changes() -> None:
    height = 120
    grid = Grid(160, height, -79.5, -59.5, 1.0, 2)
    blur = np.full((1, 4, 4), 1.0 / 16.0, np.float32)

    def light(_top: int, _left: int, rows: int, columns: int) -> np.ndarray:
        return np.ones((1, rows, columns), np.float32)

    def growing(_x: float, y: float) -> np.ndarray:
        return (blur * (1.0 + y / height)).astype(np.float32)

    (pixels,) = spread_out(grid, light, growing, 4, 1)
    down = (np.arange(height) - 59.5) / height
    np.testing.assert_allclose(pixels.mean(axis=1), 1.0 + down, atol=1.0 / 16.0)
    assert np.polyfit(down, pixels.mean(axis=1), 1)[0] == pytest.approx(1.0, abs=0.03)
