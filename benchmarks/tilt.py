"""How honest the lab's tilt is: python -m benchmarks.tilt [--rounds 1] [--noise 0.007].

Simulated: the twin's own wave optics say MTF50 of upright and level edges at twelve places of six frames through
focus, behind each of its designs in turn, at one of three apertures, on a sensor of one of three sizes that is tilted
at random by up to 0.3 degrees to one side, to the other, both ways or not at all; noise is laid on each MTF50.
Distances are told as a ring engraved with the lens's name tells them, so the true focal length is not known. No picture
is made.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure
from anylens.lab.through_focus import FOCAL_ERROR, extension_um, tilt
from anylens.refusal import Refusal
from anylens.twin.glass import Mounting, glass
from anylens.twin.glass.prescription import lenses, prescription
from benchmarks.report import save, table

Floats = npt.NDArray[np.float64]

SIZES = (1280, 960), (2048, 1536), (4096, 3072)
TILTED = (True, False), (False, True), (True, True), (False, False)
"""Right, down."""
LEAST_F = 2.0, 2.8, 4.0
PITCH_UM, SUBJECT_M, FRAMES, STEP_UM, MOST_DEG = 3.2, 3.0, 6, 6.0, 0.3
WAVELENGTHS_NM, WEIGHTS = np.array([480.0, 540.0, 600.0]), np.array([0.3, 0.45, 0.25])
CELLS = 64


def distance_m(focal_mm: float, standing_out_um: float) -> float:
    """Where a thin lens that stands out so far is focused, from the sensor."""
    out_mm = 1e-3 * standing_out_um
    return (2.0 * focal_mm + out_mm + focal_mm**2 / out_mm) * 1e-3


def edges(
    lens: str, mounting: Mounting, at_mm: Floats, size: tuple[int, int], subject_m: float
) -> list[tuple[Any, float, float, float]]:
    """(place, direction, degrees off the radius, MTF50) of an edge each way at every place."""
    transfers = glass(lens, mounting).transfers(at_mm, WAVELENGTHS_NM, subject_m, PITCH_UM / 2, CELLS)
    white = np.einsum("pwij,w->pij", transfers, WEIGHTS.astype(np.complex64))
    cpp = np.arange(CELLS // 2) / (CELLS * PITCH_UM / 2) * PITCH_UM
    found = []
    for (x, y), each in zip(at_mm, white, strict=True):
        for angle_deg, line, along in ((95.0, each[0, : CELLS // 2], x), (5.0, each[: CELLS // 2, 0], y)):
            mtf = np.abs(line) / abs(line[0]) * np.sinc(cpp)
            below = np.flatnonzero((mtf[1:] < 0.5) & (mtf[:-1] >= 0.5))
            if below.size:
                k = int(below[0])
                half = cpp[k] + (mtf[k] - 0.5) / (mtf[k] - mtf[k + 1]) * cpp[1]
                place = tuple(np.array([x, y]) * 1e3 / PITCH_UM + (np.array(size) - 1) / 2)
                off = math.degrees(math.acos(min(1.0, abs(along) / max(math.hypot(x, y), 1e-9))))
                found.append((place, angle_deg, off, float(half)))
    return found


@dataclass(frozen=True)
class Case:
    """What was found of one lens: by (found, its error, true) in degrees, right and down."""

    lens: str
    f_number: float
    width_px: int
    tilts_deg: tuple[tuple[float, float, float], ...]


def case(lens: str, seed: int, noise: float) -> Case:
    """Both tilts of one lens in one setting; none where the lab refuses."""
    rng = np.random.default_rng(seed)
    design = prescription(lens)
    f_number, focal_mm = max(design.f_number, LEAST_F[seed % 3]), design.marked_focal_mm
    size = SIZES[seed // 2 % 3]
    right, down = rng.uniform(-MOST_DEG, MOST_DEG, 2) * TILTED[seed % 4]
    x, y = np.meshgrid(*(np.linspace(-0.46, 0.46, n) * s * PITCH_UM * 1e-3 for n, s in zip((4, 3), size, strict=True)))
    at_mm = np.stack([x.ravel(), y.ravel()], axis=-1) + rng.uniform(-0.03, 0.03, (12, 2))
    subject_m = max(SUBJECT_M, 0.06 * focal_mm)
    middle_um = extension_um(focal_mm, subject_m)
    if middle_um < FRAMES * STEP_UM * f_number / 2.0:
        print(f"{lens} at f/{f_number:g} is sharp from near to far", flush=True)
        return Case(lens, f_number, size[0], ())
    readings = []
    for k in range(FRAMES):
        out_um = middle_um + (k - (FRAMES - 1) / 2 + rng.uniform(-0.1, 0.1)) * STEP_UM * f_number
        mounting = Mounting(f_number, distance_m(focal_mm, out_um), 0.0, (float(right), float(down)))
        seen = [
            SimpleNamespace(
                place_px=place,
                angle_deg=angle_deg,
                off_radius_deg=off,
                length_px=60.0,
                mtf50_cpp=Figure(half * (1.0 + noise * rng.standard_normal()), half * noise),
            )
            for place, angle_deg, off, half in edges(lens, mounting, at_mm, size, subject_m)
        ]
        readings.append((out_um, SimpleNamespace(edges=seen)))
    try:
        found = tilt(readings, (size[1], size[0]), PITCH_UM, 2.0 * FOCAL_ERROR)  # type: ignore[arg-type]
    except Refusal as error:
        print(f"{lens} at f/{f_number:g}: {error}", flush=True)
        return Case(lens, f_number, size[0], ())
    told = ((found.about_y_deg, right), (found.about_x_deg, down))
    return Case(lens, f_number, size[0], tuple((figure.value, figure.error, float(true)) for figure, true in told))


def tell(cases: list[Case], noise: float) -> None:
    """The table of all cases by the width of their fields, printed and kept."""
    rows: list[tuple[str, ...]] = []
    kept: dict[str, dict[str, float]] = {}
    for width in (*(each[0] for each in SIZES), None):
        told = [tilt for each in cases if width in (None, each.width_px) for tilt in each.tilts_deg]
        found, error, true = np.array(told).reshape(-1, 3).T
        within = 100.0 * float(np.mean(np.abs(found - true) < 2.0 * error))
        off = np.abs(found - true)
        name = "all" if width is None else f"{width * PITCH_UM * 1e-3:.1f} mm wide"
        figures = [float(each) for each in (np.median(off), np.sqrt(np.mean(off**2)), np.median(error), within)]
        columns = "off_median_deg", "off_rms_deg", "told_median_deg", "within_percent"
        rows.append((name, str(len(told)), *(f"{each:.4f}" for each in figures[:3]), f"{within:.0f}"))
        kept[name] = {"figures": len(told), **dict(zip(columns, figures, strict=True))}
    table(
        f"Tilt, simulated, {100 * noise:g} % of noise in each MTF50",
        ("", "figures", "off by, median °", "rms °", "error told, median °", "within two errors, %"),
        rows,
    )
    refused = [each.lens for each in cases if not each.tilts_deg]
    every = [asdict(each) for each in cases]
    save("tilt", {"noise": noise, "fields": kept, "refused": refused, "cases": every}, {})


def main() -> None:
    """Print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="through all designs")
    parser.add_argument("--noise", type=float, default=0.007, help="of each MTF50, in parts of it")
    given = parser.parse_args()
    names = lenses()[1:]
    cases = []
    for seed in range(given.rounds * len(names)):
        cases.append(case(names[seed % len(names)], seed, given.noise))
        print(cases[-1], flush=True)
    tell(cases, given.noise)


if __name__ == "__main__":
    main()
