"""A chart of grey steps, told from other pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lab.specimen import Specimen

_SIDE_PX = 640
_STEEP_EV = 0.06
_LEAST_SHARE = 6e-4
_FILLED = 0.8
_LONGEST = 2.0
_ALIKE = 1.4
_LEAST_STEPS = 5
_LEAST_EV = 1.5
_GREY = 0.12
_STRAYING = 2


def step_levels(specimen: Specimen) -> tuple[float, ...]:
    """The levels, falling, of the patches of a chart of grey steps; none where the picture shows no such chart.

    That is five or more even rectangles of one size that stand apart, over 1.5 stops or more, all of one colour.
    Own work.
    """
    import cv2

    light, _ = specimen.luminance().shrunk(_SIDE_PX)
    smooth = cv2.GaussianBlur(np.maximum(light, 1e-5), (0, 0), 1.5)
    stops = np.log2(smooth)
    across, down = cv2.Sobel(stops, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(stops, cv2.CV_32F, 0, 1, scale=0.125)
    flat = (np.hypot(across, down) < _STEEP_EV).astype(np.uint8)
    even = np.asarray(cv2.morphologyEx(flat, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    _, marked, told, _ = cv2.connectedComponentsWithStats(even, connectivity=4)
    names = np.asarray(marked)
    left, top, width, height, area = told[1:].T
    alone = (
        (left > 0)
        & (top > 0)
        & (left + width < even.shape[1])
        & (top + height < even.shape[0])
        & (area >= _LEAST_SHARE * even.size)
        & (area >= _FILLED * width * height)
        & (np.maximum(width, height) <= _LONGEST * np.minimum(width, height))
    )
    if alone.sum() < _LEAST_STEPS:
        return ()
    usual = float(np.median(area[alone]))
    patches = 1 + np.flatnonzero(alone & (area < _ALIKE * usual) & (area > usual / _ALIKE))
    if len(patches) < _LEAST_STEPS:
        return ()
    levels = np.array([float(np.median(light[names == patch])) for patch in patches])
    if levels.min() <= 0.0 or np.log2(levels.max() / levels.min()) < _LEAST_EV:
        return ()
    falling = np.argsort(-levels)
    brighter = patches[falling[: max(_LEAST_STEPS, len(patches) // 2)]]
    return () if _is_colored(specimen, names, brighter) else tuple(levels[falling].tolist())


def _is_colored(specimen: Specimen, names: npt.NDArray[Any], patches: npt.NDArray[np.int_]) -> bool:
    """Whether the patches differ in colour beyond what one light's falloff and noise do.

    Bright ones tell it: in the darkest, whole counts round a colour by more than that.
    """
    ratios = []
    whole = specimen.samples("G").shrunk(_SIDE_PX)[0] if specimen.of("G") else None
    for letter in "RB":
        if whole is None or not specimen.of(letter):
            continue
        part = specimen.samples(letter).shrunk(_SIDE_PX)[0]
        ratio = [
            float(np.median(part[names == patch]) / max(float(np.median(whole[names == patch])), 1e-6))
            for patch in patches
        ]
        ratios.append(np.sort(np.array(ratio) / np.median(ratio)))
    return any(each[-_STRAYING] > 1.0 + _GREY or each[_STRAYING - 1] < 1.0 - _GREY for each in ratios)
