"""Pictures with what was found marked in them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anylens import color
from anylens.lab.color import ColorMeasure
from anylens.lab.specimen import Specimen

_LONGEST = 1600


def viewed(specimen: Specimen) -> tuple[npt.NDArray[np.uint8], float]:
    """The picture for the eye, (h, w, 3) in sRGB, its colours evened to grey and brightened, and its scale."""
    import cv2

    light, _, step = specimen.colors()
    scale = min(1.0, _LONGEST / max(light.shape[1:]))
    planes = np.asarray(light.transpose(1, 2, 0), np.float64)
    if scale < 1.0:
        size = (max(round(planes.shape[1] * scale), 1), max(round(planes.shape[0] * scale), 1))
        planes = np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.float64)
    if specimen.kind == "raw":
        neutral = None if specimen.facts is None else specimen.facts.as_shot_neutral
        planes = planes / (np.percentile(planes.reshape(-1, 3)[::5], 98.0, axis=0) if neutral is None else neutral)
        planes = planes / max(float(np.percentile(planes[::3, ::3], 99.5)), 1e-6)
    elif specimen.to_xyz is not None:
        to_d65 = color.adaptation(color.PCS_D50, color.xyz_from_xy(color.D65))
        planes = planes @ (color.xyz_to_rgb("srgb") @ to_d65 @ specimen.to_xyz).T
    shown = np.round(255.0 * color.srgb_encode(np.clip(planes, 0.0, 1.0))).astype(np.uint8)
    return np.ascontiguousarray(shown), scale / step


def marked_checker(specimen: Specimen, measure: ColorMeasure) -> npt.NDArray[np.uint8]:
    """The picture with the patches outlined that were measured, and the first one crossed."""
    import cv2

    shown, scale = viewed(specimen)
    wide = max(round(max(shown.shape[:2]) / 500), 1)
    for index in range(24):
        corners = np.round(16.0 * ((measure.checker.patch_px(index, 0.6) + 0.5) * scale - 0.5)).astype(np.int32)
        cv2.polylines(shown, [corners], True, (255, 255, 255), wide + 2, cv2.LINE_AA, 4)
        cv2.polylines(shown, [corners], True, (214, 60, 130), wide, cv2.LINE_AA, 4)
        if index == 0:
            cv2.line(shown, corners[0], corners[2], (214, 60, 130), wide, cv2.LINE_AA, 4)
            cv2.line(shown, corners[1], corners[3], (214, 60, 130), wide, cv2.LINE_AA, 4)
    around = np.round(16.0 * ((measure.checker.corners_px + 0.5) * scale - 0.5)).astype(np.int32)
    cv2.polylines(shown, [around], True, (255, 255, 255), wide, cv2.LINE_AA, 4)
    return shown
