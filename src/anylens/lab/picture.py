"""Pictures of what the lab saw: the samples made visible, with marks on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from anylens.lab.samples import Place, Samples

_COLORS = {"measured": (40, 220, 90), "refused": (235, 80, 60), "seen": (60, 150, 255)}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to be drawn: a closed `figure`, an open `line`, a `ring` (middle and a point on it) or `points`."""

    kind: Literal["figure", "line", "ring", "points"]
    places_px: tuple[Place, ...]
    state: Literal["measured", "refused", "seen"] = "measured"
    text: str = ""


def drawn(samples: Samples, marks: tuple[Mark, ...], longest_px: int = 1600) -> npt.NDArray[np.uint8]:
    """(h, w, 3) uint8 sRGB: the samples in grey, brightened to be seen, with the marks in colour.

    Made small so that no side exceeds `longest_px`.
    """
    import cv2

    light = samples.filled(0.7)
    low, high = np.percentile(light[::4, ::4], (0.5, 99.5))
    grey = np.clip((light - low) / max(float(high - low), 1e-6), 0.0, 1.0) ** (1.0 / 2.2)
    scale = min(1.0, longest_px / max(grey.shape))
    if scale < 1.0:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    seen = np.repeat(np.asarray(np.rint(grey * 215.0), np.uint8)[:, :, None], 3, axis=2)
    for mark in marks:
        color = _COLORS[mark.state]
        places = np.array(mark.places_px, np.float64).reshape(-1, 2)
        places = (places + 0.5) * scale - 0.5
        fixed = np.asarray(np.rint(places * 16.0), np.int32)
        if mark.kind in ("figure", "line"):
            cv2.polylines(seen, [fixed], mark.kind == "figure", color, 1, cv2.LINE_AA, 4)
        elif mark.kind == "ring":
            radius = float(np.hypot(*(places[1] - places[0])))
            cv2.circle(seen, fixed[0].tolist(), round(radius * 16.0), color, 1, cv2.LINE_AA, 4)
        else:
            for place in fixed:
                cv2.circle(seen, place.tolist(), 40, color, 1, cv2.LINE_AA, 4)
        if mark.text:
            place = np.asarray(np.rint(places.mean(axis=0)), np.int64)
            cv2.putText(seen, mark.text, place.tolist(), cv2.FONT_HERSHEY_SIMPLEX, 0.38, color, 1, cv2.LINE_AA)
    return seen
