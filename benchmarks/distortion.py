"""What a chart leaves of distortion on the designs that distort most: python -m benchmarks.distortion.

Simulated: six views of a ChArUco board of 32 x 24 squares that reaches beyond the picture, 4096 x 3072 pixels of
3.2 um, f/5.6, 3 m, with noise. The passport that `lab.calibrate` makes of them straightens the places where the design
itself draws edges, and what is left is the largest distance from an ideal lens's places at the best scale and shift.
Coma draws the middle of the light farther aside than edges; what is left of such middles stands beside it. `--folder`
keeps the raws (0.8 GB); light behind the lens takes about a quarter of a minute a view.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lab.calibrate import Pictures, calibrate
from anylens.lab.calibrate_files import Given
from anylens.lab.calibrate_views import chart_view
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


def true_places(lens: str) -> tuple[Floats, Floats, Floats]:
    """(n, 2) mm: ideal places over the field, where green's edges fall, where the middle of its light falls."""
    from anylens.twin.glass import Mounting
    from anylens.twin.glass import glass as mounted
    from anylens.twin.light import Formation
    from anylens.twin.places import Net
    from anylens.twin.spectra import source

    mounting, mm = Mounting(F_NUMBER, DISTANCE_M), PITCH_UM * 1e-3
    glass = mounted(lens, mounting)
    formation = Formation(glass, mounting, Pixels(WIDTH, HEIGHT, PITCH_UM), source("d65"))
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 65) * WIDTH * mm, np.linspace(-0.5, 0.5, 49) * HEIGHT * mm)
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    blur = formation.spreads(DISTANCE_M)
    sample_mm = mm * blur.times / blur.fine
    green = blur.kernels[:, :, 1].astype(np.float64)
    steps = np.array([[[edge_place(each.sum(axis)) for each in row] for row in green] for axis in (0, 1)])
    chief = formation.observed(formation.shares()[1], places)
    moved = blur.moved(places)[2:4].T
    edges = chief + moved + Net(blur.moved.x_mm, blur.moved.y_mm, steps * sample_mm)(places).T
    middles = chief + moved
    inside = (np.abs(edges) <= np.array([WIDTH, HEIGHT]) * 0.5 * mm).all(axis=1)
    return places[inside], edges[inside], middles[inside]


def edge_place(spread: Floats) -> float:
    """Where a step lies, blurred by a line's picture (n,), in samples from its middle: by an even step laid upon it."""
    from scipy.optimize import least_squares
    from scipy.special import erf

    at = np.arange(len(spread)) - len(spread) // 2 + 0.5
    seen = np.cumsum(spread / spread.sum())

    def left(numbers: Floats) -> Floats:
        place, width, middle, half = numbers
        return np.asarray(middle + half * erf((at - place) / np.exp(width)) - seen)

    return float(least_squares(left, [0.0, 0.8, 0.5, 0.5]).x[0])


def bent_px(true: Floats, straightened: Floats, pitch_um: float = PITCH_UM) -> Floats:
    """(n,): how far places lie from the ideal ones at the scale and shift that suit them best, pixels."""
    middle, about = true.mean(axis=0), straightened.mean(axis=0)
    scale = np.sum((true - middle) * (straightened - about)) / np.sum((true - middle) ** 2)
    return np.asarray(np.hypot(*(straightened - about - scale * (true - middle)).T) / (pitch_um * 1e-3))


def judged(lens: str, folder: Path) -> dict[str, Any]:
    """What is left of one lens's distortion, and by what it was told."""
    setup = [f"{BOARD},{side}" for side in SIDES]
    files = raws(folder / lens, setup, len(SIDES), lens, F_NUMBER, DISTANCE_M)
    views = [chart_view(specimen(file), Given()) for file in files]
    found = calibrate(Lens("", lens), Given(), Pictures(charts=views))
    (geometry,), fit = found.passport.geometry, found.chart
    assert fit is not None
    true, seen, middles = true_places(lens)
    left, beside = (bent_px(true, np.stack(ideal(geometry, *each.T), axis=1)) for each in (seen, middles))
    return {
        "uncorrected_px": float(bent_px(true, seen).max()),
        "left_px": float(left.max()),
        "left_rms_px": float(np.sqrt(np.mean(left**2))),
        "left_of_middles_px": float(beside.max()),
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
    columns = ["lens", "uncorrected", "left", "rms", "of middles", "goal", "rms of the chart", "reach", "corners"]
    rows = [
        (lens, *(f"{row[name]:.3f}" for name in ("uncorrected_px", "left_px", "left_rms_px",
         "left_of_middles_px")), f"{row['goal_px']:g}",
         f"{row['chart_rms_px']:.3f}", f"{row['reach_percent']:.0f} %", row["corners"])
        for lens, row in results.items()
    ]  # fmt: skip
    table("Distortion by chart, pixels of 3.2 um, simulated", columns, rows)
    if given.only == list(MOST):
        save("distortion", results, versions("numpy", "scipy", "opencv-python-headless"))


if __name__ == "__main__":
    main()
