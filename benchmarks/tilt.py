"""How honest the lab's tilt is: python -m benchmarks.tilt [--cases 8] [--noise 0.007].

Simulated: the twin's own wave optics say MTF50 of upright and level edges at twenty places of seven frames through
focus, behind a sensor tilted at random by up to 0.3 degrees either way; noise is laid on each MTF50. Distances are told
as a ring engraved with the lens's name tells them, so the true focal length is not known. No picture is made.
"""

from __future__ import annotations

import argparse
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure
from anylens.lab.through_focus import FOCAL_ERROR, extension_um, tilt
from anylens.refusal import Refusal
from anylens.twin.glass import Mounting, glass
from benchmarks.report import save, table

Floats = npt.NDArray[np.float64]

LENSES = (
    ("summicron_50_f2_v5", 2.0, 50.0, (1280, 960)),
    ("summicron_50_f2_v5", 2.0, 50.0, (4096, 3072)),
    ("summicron_35_f2_v1", 2.0, 35.0, (4096, 3072)),
    ("sonnar_50_f2", 2.0, 50.0, (4096, 3072)),
    ("biogon_35_f2_8_prewar", 2.8, 35.0, (4096, 3072)),
    ("nikkor_o_21_f4", 4.0, 21.0, (4096, 3072)),
    ("noctilux_50_f1_2", 1.4, 50.0, (2048, 1536)),
)
PITCH_UM, SUBJECT_M, FRAMES, STEP_UM, MOST_DEG = 3.2, 3.0, 7, 5.0, 0.3
WAVELENGTHS_NM, WEIGHTS = np.array([460.0, 520.0, 560.0, 610.0]), np.array([0.15, 0.35, 0.3, 0.2])
CELLS = 64


def distance_m(focal_mm: float, standing_out_um: float) -> float:
    """Where a thin lens that stands out so far is focused, from the sensor."""
    out_mm = 1e-3 * standing_out_um
    return (2.0 * focal_mm + out_mm + focal_mm**2 / out_mm) * 1e-3


def edges(lens: str, mounting: Mounting, at_mm: Floats, size: tuple[int, int]) -> list[tuple[Any, float, float, float]]:
    """(place, direction, degrees off the radius, MTF50) of an edge each way at every place."""
    transfers = glass(lens, mounting).transfers(at_mm, WAVELENGTHS_NM, SUBJECT_M, PITCH_UM / 2, CELLS)
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


def case(seed: int, noise: float) -> tuple[str, list[tuple[float, float, float]]]:
    """The lens, and (found, its error, true) of both tilts in degrees; none where the lab refuses."""
    rng = np.random.default_rng(seed)
    lens, f_number, focal_mm, size = LENSES[seed % len(LENSES)]
    right, down = (float(each) for each in rng.uniform(-MOST_DEG, MOST_DEG, 2))
    x, y = np.meshgrid(*(np.linspace(-0.46, 0.46, n) * s * PITCH_UM * 1e-3 for n, s in zip((5, 4), size, strict=True)))
    at_mm = np.stack([x.ravel(), y.ravel()], axis=-1) + rng.uniform(-0.03, 0.03, (20, 2))
    middle_um = extension_um(focal_mm, SUBJECT_M)
    readings = []
    for k in range(FRAMES):
        out_um = middle_um + (k - (FRAMES - 1) / 2 + rng.uniform(-0.1, 0.1)) * STEP_UM * f_number
        mounting = Mounting(f_number, distance_m(focal_mm, out_um), 0.0, (right, down))
        seen = [
            SimpleNamespace(
                place_px=place,
                angle_deg=angle_deg,
                off_radius_deg=off,
                length_px=60.0,
                mtf50_cpp=Figure(half * (1.0 + noise * rng.standard_normal()), half * noise),
            )
            for place, angle_deg, off, half in edges(lens, mounting, at_mm, size)
        ]
        readings.append((out_um, SimpleNamespace(edges=seen)))
    try:
        found = tilt(readings, (size[1], size[0]), PITCH_UM, 2.0 * FOCAL_ERROR)  # type: ignore[arg-type]
    except Refusal as error:
        print(f"{lens}: {error}", flush=True)
        return lens, []
    told = ((found.about_y_deg, right), (found.about_x_deg, down))
    return f"{lens}, {size[0]} px", [(figure.value, figure.error, true) for figure, true in told]


def main() -> None:
    """Print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=8, help="of every lens")
    parser.add_argument("--noise", type=float, default=0.007, help="of each MTF50, in parts of it")
    given = parser.parse_args()
    by_lens: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(given.cases * len(LENSES)):
        lens, told = case(seed, given.noise)
        by_lens.setdefault(lens, []).extend(told)
    rows, kept = [], {}
    every = [each for told in by_lens.values() for each in told]
    for lens, told in (*by_lens.items(), ("all", every)):
        found, error, true = np.array(told).reshape(-1, 3).T
        within = 100.0 * float(np.mean(np.abs(found - true) < 2.0 * error))
        off = float(np.sqrt(np.mean((found - true) ** 2)))
        rows.append((lens, str(len(told)), f"{off:.4f}", f"{float(np.mean(error)):.4f}", f"{within:.0f}"))
        kept[lens] = {"figures": len(told), "off_deg": off, "told_deg": float(np.mean(error)), "within_percent": within}
    table(
        f"Tilt, simulated, {100 * given.noise:g} % of noise in each MTF50",
        ("", "figures", "off by, ° rms", "error told, °", "within two errors, %"),
        rows,
    )
    save("tilt", {"noise": given.noise, "lenses": kept}, {})


if __name__ == "__main__":
    main()
