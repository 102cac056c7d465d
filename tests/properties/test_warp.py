"""The geometric resample at the border of a picture."""

import numpy as np
import pytest

from anylens.kernels.cubic import SPACING
from anylens.kernels.warp import places, warp


@pytest.mark.parametrize("shear", [0.05, -0.3, 0.8])
def test_beyond_the_border_the_outermost_rows_go_on_however_steeply_places_move(shear: float) -> None:
    height, width = 200, 320
    rows, columns = ((size - 1) // SPACING + 2 for size in (height, width))
    y, x = np.mgrid[:rows, :columns] * float(SPACING)
    grid = np.stack([np.stack([x, y + shear * (x - width / 2)])] * 3)
    scene = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], (3, height, width))
    y, x = np.mgrid[:height, :width]
    seen = np.clip(y + shear * (x - width / 2), 0, height - 1)
    np.testing.assert_allclose(warp(np.ascontiguousarray(scene), places(grid)), [seen] * 3, atol=0.1)
