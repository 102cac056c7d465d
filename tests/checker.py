"""ColorCheckers drawn with known corners, seen askew, for tests and for the lab's accuracy table."""

from __future__ import annotations

import numpy as np

from anylens import color
from anylens.lab import spectra
from anylens.lab.colorchecker import mapped

HALF = 0.44


def chart_rgb() -> np.ndarray:
    """(24, 3) linear sRGB of the patches in daylight, white 1."""
    to_d65 = color.adaptation(color.PCS_D50, color.xyz_from_xy(color.D65))
    return (color.xyz_to_rgb("srgb") @ to_d65 @ spectra.chart_d50("d65")).T


def pose(width: int, height: int, tilt_deg: float, about_deg: float, turn_deg: float, size: float) -> np.ndarray:
    """(3, 3) from the chart (patch middles at whole numbers) to pixels: turned in the plane, tilted out of it.

    `tilt_deg` about an axis at `about_deg` in the plane, seen from 3 chart widths away; `size` is the chart's width as
    a share of the picture's shorter side.
    """
    t, a, r = np.radians([tilt_deg, about_deg, turn_deg])
    axis = np.array([np.cos(a), np.sin(a), 0.0])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    lean = np.eye(3) + np.sin(t) * cross + (1 - np.cos(t)) * cross @ cross
    turn = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    frame = lean @ turn
    focal, away = size * min(width, height) / 6.0 * 18.0, 18.0
    centre = np.array([[1, 0, -2.5], [0, 1, -1.5], [0, 0, 1.0]])
    plane = np.column_stack([frame[:, 0], frame[:, 1], (0, 0, away)]) @ centre
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]]) @ plane


def drawn(
    homography: np.ndarray,
    width: int,
    height: int,
    rgb: np.ndarray,
    ground: float = 0.18,
    gap: float = 0.02,
    fine: int = 4,
) -> np.ndarray:
    """(3, h, w) float32: the chart on a grey ground, each pixel the mean of fine x fine points."""
    back = np.linalg.inv(homography)
    total = np.zeros((height, width, 3))
    y, x = np.mgrid[:height, :width].astype(float)
    for i in range(fine):
        for j in range(fine):
            at = np.stack([x + (j + 0.5) / fine - 0.5, y + (i + 0.5) / fine - 0.5], -1).reshape(-1, 2)
            u, v = mapped(back, at).T
            column, row = np.rint(u).astype(int), np.rint(v).astype(int)
            on_chart = (column >= 0) & (column < 6) & (row >= 0) & (row < 4)
            on_patch = on_chart & (np.abs(u - column) <= HALF) & (np.abs(v - row) <= HALF)
            border = (u > -0.8) & (u < 5.8) & (v > -0.8) & (v < 3.8)
            index = np.clip(row, 0, 3) * 6 + np.clip(column, 0, 5)
            color_at = np.where(on_patch[:, None], rgb[index], np.where(border[:, None], gap, ground))
            total += color_at.reshape(height, width, 3)
    return (total / fine**2).transpose(2, 0, 1).astype(np.float32)


def corners(homography: np.ndarray) -> np.ndarray:
    """(4, 2) outer corners of the patches."""
    reach = np.array([(-HALF, -HALF), (5 + HALF, -HALF), (5 + HALF, 3 + HALF), (-HALF, 3 + HALF)])
    return mapped(homography, reach)
