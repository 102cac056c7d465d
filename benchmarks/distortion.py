"""What a chart leaves of distortion on the designs that distort most: python -m benchmarks.distortion.

Simulated: six views of a ChArUco board of 32 x 24 squares that reaches beyond the picture, 4096 x 3072 pixels of
3.2 um, f/5.6, 3 m, with noise. The passport that `lab.calibrate` makes of them straightens the places that the design
itself draws, the middle of the light, and what is left is the largest distance from an ideal lens's places at the best
scale and shift. `--folder` keeps the raws (0.8 GB); light behind the lens takes about a quarter of a minute a view.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lab.calibrate import calibrate, view
from anylens.lab.calibrate_files import Given
from anylens.lab.specimen import specimen
from anylens.lens import Lens
from anylens.lens.mapping import ideal
from benchmarks.calibration import raws
from benchmarks.recognition import HEIGHT, PITCH_UM, WIDTH, Pixels
from benchmarks.report import save, table, versions

Floats = npt.NDArray[np.float64]

F_NUMBER, DISTANCE_M, GOAL_PX = 5.6, 3.0, 0.1
MOST = "biogon_35_f2_8_prewar", "nikkor_50_f1_1", "sonnar_50_f2", "double_gauss_50_f2", "nikkor_o_21_f4"
BOARD = "scene=charuco-grid,squares_x=32,squares_y=24"
SIDES = (
    "zoom=1.12,roll=1",
    "zoom=1.5,roll=91",
    "zoom=1.35,turn_right=28",
    "zoom=1.35,turn_right=-28",
    "zoom=1.35,turn_down=28",
    "zoom=1.35,turn_down=-28",
)


def true_places(lens: str) -> tuple[Floats, Floats]:
    """((n, 2) ideal places over the field, where green's light falls), mm: its chief ray, moved as the blur moves."""
    from anylens.twin.glass import Mounting
    from anylens.twin.glass import glass as mounted
    from anylens.twin.light import Formation
    from anylens.twin.scenes import Field
    from anylens.twin.spectra import source

    mounting, mm = Mounting(F_NUMBER, DISTANCE_M), PITCH_UM * 1e-3
    glass = mounted(lens, mounting)
    field = Field(WIDTH * mm, HEIGHT * mm, PITCH_UM, glass.scale_mm)
    formation = Formation(glass, mounting, Pixels(WIDTH, HEIGHT, PITCH_UM), source("d65"), field, 0, 2)
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 65) * WIDTH * mm, np.linspace(-0.5, 0.5, 49) * HEIGHT * mm)
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    blur = formation.spreads(DISTANCE_M)
    moved = blur.moved(mm * blur.times / blur.fine)(places)[2:4].T
    seen = formation.observed(formation.shares()[1], places) + moved
    inside = (np.abs(seen) <= np.array([WIDTH, HEIGHT]) * 0.5 * mm).all(axis=1)
    return places[inside], seen[inside]


def bent_px(true: Floats, straightened: Floats) -> Floats:
    """(n,): how far places lie from the ideal ones at the scale and shift that suit them best, pixels."""
    middle, about = true.mean(axis=0), straightened.mean(axis=0)
    scale = np.sum((true - middle) * (straightened - about)) / np.sum((true - middle) ** 2)
    return np.asarray(np.hypot(*(straightened - about - scale * (true - middle)).T) / (PITCH_UM * 1e-3))


def judged(lens: str, folder: Path) -> dict[str, Any]:
    """What is left of one lens's distortion, and by what it was told."""
    setup = [f"{BOARD},{side}" for side in SIDES]
    files = raws(folder / lens, setup, len(SIDES), lens, F_NUMBER, DISTANCE_M)
    views = [view(specimen(file), Given()) for file in files]
    found = calibrate(Lens("", lens), Given(), [], views)
    (geometry,), fit = found.passport.geometry, found.chart
    assert fit is not None
    true, seen = true_places(lens)
    left = bent_px(true, np.stack(ideal(geometry, *seen.T), axis=1))
    return {
        "uncorrected_px": float(bent_px(true, seen).max()),
        "left_px": float(left.max()),
        "left_rms_px": float(np.sqrt(np.mean(left**2))),
        "goal_px": GOAL_PX,
        "chart_rms_px": fit.residual_px,
        "reach_percent": 100.0 * fit.reach,
        "corners": fit.points,
    }


def main() -> None:
    """Print the table and keep it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", help="keep the raws there")
    options.add_argument("--only", nargs="+", choices=MOST, default=list(MOST), help="which; keeps no figures")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        results = {lens: judged(lens, Path(given.folder or spare)) for lens in given.only}
    columns = ["lens", "uncorrected", "left", "left, rms", "goal", "rms of the chart", "reach", "corners"]
    rows = [
        (lens, *(f"{row[name]:.3f}" for name in ("uncorrected_px", "left_px", "left_rms_px")), f"{row['goal_px']:g}",
         f"{row['chart_rms_px']:.3f}", f"{row['reach_percent']:.0f} %", row["corners"])
        for lens, row in results.items()
    ]  # fmt: skip
    table("Distortion by chart, pixels of 3.2 um, simulated", columns, rows)
    if given.only == list(MOST):
        save("distortion", results, versions("numpy", "scipy", "opencv-python-headless"))


if __name__ == "__main__":
    main()
