"""Pictures of how lenses draw a point, over the field and through focus: python -m benchmarks.spots [--folder DIR].

Simulated from the designs of patents, focused at 3 m as the twin focuses: `spots.jpg` wide open and closed by two
stops, `through-focus.jpg` wide open with points nearer and farther. Red, green and blue are 630, 550 and 470 nm; each
spot is brightened to its own brightest sample, on square roots.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anylens.twin.glass import Mounting, glass
from anylens.twin.glass.prescription import prescription
from benchmarks.report import ROOT

LENSES = ("summicron_50_f2_v5", "summilux_50_f1_4_v2", "sonnar_50_f1_5", "nikkor_o_21_f4", "apo_lanthar_50_f3_5")
HEIGHTS = (0.0, 0.35, 0.7, 1.0)
"""Parts of the way from the middle to the corner of a 1-inch sensor, 8.2 mm."""

CORNER_MM, DISTANCE_M = 8.2, 3.0
STEP_UM, SIZE = 0.5, 128
COLORS_NM = (630.0, 550.0, 470.0)
GAP_PX, NAME_PX = 4, 190
BLURRED = ("summicron_50_f2_v5", "sonnar_50_f1_5", "nokton_50_f1_5")
POINTS_M = (2.2, 2.5, 2.8, 3.0, 3.3, 4.0, 6.0)
WIDE_UM = 2.0


def spot(
    lens: str, f_number: float, height: float, point_m: float = DISTANCE_M, step_um: float = STEP_UM
) -> npt.NDArray[np.uint8]:
    """(SIZE, SIZE, 3): the light of a white point, the radius of the field to the right."""
    mounted = glass(lens, Mounting(f_number, DISTANCE_M))
    place = (height * CORNER_MM, 0.0)
    parts = mounted.spreads([place], COLORS_NM, point_m, step_um, SIZE)[0]
    own = [mounted.observed(np.array([place]), nm)[0, 0] for nm in COLORS_NM]
    shifts = [round(1e3 * (x - own[1]) / step_um) for x in own]
    light = np.stack([np.roll(part, shift, axis=1) for part, shift in zip(parts, shifts, strict=True)], axis=-1)
    return np.asarray(np.rint(255.0 * np.sqrt(light / light.max())), np.uint8)


def row(lens: str) -> npt.NDArray[np.uint8]:
    """A lens's name, its spots wide open, then two stops closed."""
    import cv2

    widest = prescription(lens).f_number
    parts = [np.zeros((SIZE, NAME_PX, 3), np.uint8)]
    for f_number in (widest, 2.0 * widest):
        parts += [np.pad(spot(lens, f_number, each), ((0, 0), (0, GAP_PX), (0, 0))) for each in HEIGHTS]
        parts.append(np.zeros((SIZE, 3 * GAP_PX, 3), np.uint8))
    line = np.concatenate(parts, axis=1)
    for at, text in enumerate((lens, f"f/{widest:g} and f/{2.0 * widest:g}")):
        cv2.putText(line, text, (4, 56 + 20 * at), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (225, 225, 225), 1, cv2.LINE_AA)
    return np.pad(line, ((0, GAP_PX), (0, 0), (0, 0)))


def through_focus() -> npt.NDArray[np.uint8]:
    """Points from near to far, a row each; the lenses side by side."""
    import cv2

    names = np.zeros((SIZE // 4, 0, 3), np.uint8)
    rows = [np.zeros((SIZE + GAP_PX, 0, 3), np.uint8)] * len(POINTS_M)
    for at, lens in enumerate(BLURRED):
        f_number = prescription(lens).f_number
        head = np.zeros((SIZE // 4, len(HEIGHTS) * (SIZE + GAP_PX) + 3 * GAP_PX + (0 if at else 60), 3), np.uint8)
        text = f"{lens}, f/{f_number:g}"
        cv2.putText(head, text, (0 if at else 60, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (225, 225, 225), 1, cv2.LINE_AA)
        names = np.concatenate([names, head], axis=1)
        for row, point_m in enumerate(POINTS_M):
            parts = [np.zeros((SIZE, 0 if at else 60, 3), np.uint8)]
            if not at:
                place = (4, SIZE // 2)
                color = (225, 225, 225)
                cv2.putText(parts[0], f"{point_m:g} m", place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, 1, cv2.LINE_AA)
            seen = (spot(lens, f_number, each, point_m, WIDE_UM) for each in HEIGHTS)
            parts += [np.pad(each, ((0, 0), (0, GAP_PX), (0, 0))) for each in seen]
            parts.append(np.zeros((SIZE, 3 * GAP_PX, 3), np.uint8))
            line = np.pad(np.concatenate(parts, axis=1), ((0, GAP_PX), (0, 0), (0, 0)))
            rows[row] = np.concatenate([rows[row], line], axis=1)
    return np.concatenate([names, *rows])


def main() -> None:
    """Draw the sheet."""
    import imagecodecs

    parser = argparse.ArgumentParser(prog="python -m benchmarks.spots", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "gallery")
    folder = parser.parse_args().folder
    sheets = {"spots": np.concatenate([row(lens) for lens in LENSES]), "through-focus": through_focus()}
    for name, sheet in sheets.items():
        place = folder / f"{name}.jpg"
        place.write_bytes(imagecodecs.jpeg8_encode(sheet, level=88))
        print(f"{place}, {sheet.shape[1]} x {sheet.shape[0]}")


if __name__ == "__main__":
    main()
