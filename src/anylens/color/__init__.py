"""White points, matrices and curves: what a camera's counts mean as colour."""

from __future__ import annotations

from anylens.color.calibration import (
    camera_to_rec2020,
    fit_color_matrix,
    fit_forward_matrix,
    kelvin_from_neutral,
    neutral_from_kelvin,
)
from anylens.color.spaces import (
    D50,
    D65,
    PCS_D50,
    PRIMARIES,
    adaptation,
    convert,
    delta_e_2000,
    lab_from_xyz,
    oklab_from_rgb,
    rgb_to_rgb,
    rgb_to_xyz,
    srgb_decode,
    srgb_encode,
    xyz_from_xy,
    xyz_to_rgb,
)
from anylens.color.temperature import (
    KELVIN_RANGE,
    TINT_RANGE,
    illuminant_kelvin,
    kelvin_from_xy,
    xy_from_kelvin,
)

__all__ = [
    "D50",
    "D65",
    "KELVIN_RANGE",
    "PCS_D50",
    "PRIMARIES",
    "TINT_RANGE",
    "adaptation",
    "camera_to_rec2020",
    "convert",
    "delta_e_2000",
    "fit_color_matrix",
    "fit_forward_matrix",
    "illuminant_kelvin",
    "kelvin_from_neutral",
    "kelvin_from_xy",
    "lab_from_xyz",
    "neutral_from_kelvin",
    "oklab_from_rgb",
    "rgb_to_rgb",
    "rgb_to_xyz",
    "srgb_decode",
    "srgb_encode",
    "xy_from_kelvin",
    "xyz_from_xy",
    "xyz_to_rgb",
]
