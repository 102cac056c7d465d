"""The one geometric resample: each output pixel of each colour is read from its own place by a cubic.

Keys 1981's interpolating cubic (a = -1/2) in both directions. The places come from a coarse grid of coordinates,
bilinear between its points, one grid a colour, so that distortion, lateral colour, scale, shift and rotation are all
one map and the picture is resampled once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature

Array = npt.NDArray[np.float32]

SIGNATURE = Signature(
    inputs=(
        Image("scene", "float32", 3, "repeat"),
        Image("grid", "float32", 4),
        Scalar("spacing", "int32"),
        Scalar("width", "int32"),
        Scalar("height", "int32"),
    ),
    outputs=(Image("warped", "float32", 3),),
)


def _weights(part: Any, one: Any) -> list[Any]:
    square = part * part
    cube = square * part
    half = one * 0.5
    return [
        half * (square * 2 - cube - part),
        half * (cube * 3 - square * 5 + one * 2),
        half * (square * 4 - cube * 3 + part),
        half * (cube - square),
    ]


def algorithm(scene: Any, grid: Any, spacing: Any, width: Any, height: Any) -> Any:
    import halide as hl

    x, y, c, axis = hl.Var("x"), hl.Var("y"), hl.Var("c"), hl.Var("axis")
    column, row = x / spacing, y / spacing
    step = hl.cast(hl.Float(32), spacing)
    right = hl.cast(hl.Float(32), x - column * spacing) / step
    down = hl.cast(hl.Float(32), y - row * spacing) / step
    upper = grid[column, row, axis, c] + right * (grid[column + 1, row, axis, c] - grid[column, row, axis, c])
    lower = grid[column, row + 1, axis, c] + right * (
        grid[column + 1, row + 1, axis, c] - grid[column, row + 1, axis, c]
    )
    place = hl.Func("place")
    place[x, y, axis, c] = upper + down * (lower - upper)

    def cell(position: Any, size: Any) -> tuple[Any, Any]:
        held = hl.clamp(position, hl.f32(-2.0), hl.cast(hl.Float(32), size + 1))
        floor = hl.floor(held)
        return hl.clamp(hl.cast(hl.Int(32), floor), -2, size + 1), held - floor

    first_x, part_x = cell(place[x, y, 0, c], width)
    first_y, part_y = cell(place[x, y, 1, c], height)
    across, down_weights = _weights(part_x, hl.f32(1.0)), _weights(part_y, hl.f32(1.0))
    total = hl.f32(0.0)
    for j in range(4):
        line = hl.f32(0.0)
        for i in range(4):
            line += across[i] * scene[first_x + (i - 1), first_y + (j - 1), c]
        total += down_weights[j] * line
    warped = hl.Func("warped")
    warped[x, y, c] = total
    return warped


def schedule(warped: Any, target: Any) -> None:
    """147 ms, 12 MP, 2 cores of Zen 5 (AVX-512), output already in memory."""
    import halide as hl

    x, y, _ = warped.args()
    width = target.natural_vector_size(hl.Float(32))
    warped.vectorize(x, width, hl.TailStrategy.GuardWithIf).parallel(y, 16, hl.TailStrategy.GuardWithIf)


def reference(scene: Array, grid: Array, spacing: int, width: int, height: int) -> Array:
    rows, columns = np.arange(grid_extent(grid, 2, spacing)), np.arange(grid_extent(grid, 3, spacing))
    row, column = rows // spacing, columns // spacing
    right = ((columns - column * spacing) / np.float32(spacing)).astype(np.float32)
    down = ((rows - row * spacing) / np.float32(spacing)).astype(np.float32)[:, None]
    out = []
    for plane, places in zip(scene, grid, strict=True):
        upper = places[:, row][..., column] + right * (places[:, row][..., column + 1] - places[:, row][..., column])
        lower = places[:, row + 1][..., column] + right * (
            places[:, row + 1][..., column + 1] - places[:, row + 1][..., column]
        )
        at_x, at_y = upper + down * (lower - upper)
        at_x = np.clip(at_x, np.float32(-2), np.float32(width + 1))
        at_y = np.clip(at_y, np.float32(-2), np.float32(height + 1))
        first_x, first_y = np.floor(at_x), np.floor(at_y)
        across = _weights(at_x - first_x, np.float32(1))
        down_weights = _weights(at_y - first_y, np.float32(1))
        total = np.zeros_like(at_x)
        for j in range(4):
            from_y = np.clip(first_y.astype(int) + (j - 1), 0, height - 1)
            for i in range(4):
                from_x = np.clip(first_x.astype(int) + (i - 1), 0, width - 1)
                total += down_weights[j] * across[i] * plane[from_y, from_x]
        out.append(total)
    return np.stack(out).astype(np.float32)


def grid_extent(grid: Array, axis: int, spacing: int) -> int:
    """How many pixels a grid covers along its axis (2: rows, 3: columns)."""
    points: int = grid.shape[axis]
    return (points - 1) * spacing


kernel = Kernel(__name__, SIGNATURE, reference)


def warp(scene: Array, grid: Array, spacing: int, shape: tuple[int, int] | None = None) -> Array:
    """Resample (3, H, W) at the places of `grid`, (3, 2, rows, columns): input x and y in pixels for each colour.

    Grid point (j, i) speaks for output pixel (j * spacing, i * spacing); the output is as large as the grid covers,
    (rows - 1) * spacing by (columns - 1) * spacing, or of `shape` (rows, columns) within it. Beyond the input its edge
    goes on.
    """
    _, height, width = scene.shape
    rows, columns = shape or (grid_extent(grid, 2, spacing), grid_extent(grid, 3, spacing))
    return kernel(scene, grid, spacing, width, height, out=np.empty((3, rows, columns), np.float32))


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    spacing = 4
    rows, columns = -(-height // spacing) + 1, -(-width // spacing) + 1
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * spacing
    grid = np.stack([x, y])[None] * np.array([1.01, 1.0, 0.99], np.float32)[:, None, None, None] + np.float32(0.3)
    return rng.random((3, height, width), np.float32), grid.astype(np.float32), spacing, width, height
