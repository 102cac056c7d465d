"""Are standard errors honest? The truth is to lie within two of them 90 to 98 % of the time.

python -m benchmarks.honesty: fifty simulated calibrations of each kind, from pixels: six views of a chessboard drawn
by formula under a Bayer filter with noise, for distortion and lateral colour; a flat whose light grows to a side, for
falloff and casts; 48 slanted edges of an even lens and of one with coma, for blur.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import erf

from anylens.lab.calibrate import calibrate, view
from anylens.lab.calibrate_files import Given
from anylens.lab.specimen import Plane, Specimen
from anylens.lens import Lens, Passport
from anylens.lens.passport import PSF_ROWS
from benchmarks.report import save, table, versions
from tests.closed_loop import test_calibrate as flats
from tests.references import test_lab_spread as blurs

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT, FOCAL, PITCH_UM = 640, 480, 800.0, 4.0
CENTRE, K, P = (327.0, 235.0), (-0.12, 0.05, -0.02), (0.0008, -0.0005)
COLORS = {"red": (4e-4, -2e-4, 1e-4, 3e-4, -2e-4), "blue": (-3e-4, 5e-4, -2e-4, -1e-4, 2e-4)}
COLUMNS, ROWS, BLUR_PX, NOISE = 12, 9, 0.9, 0.006
SITES = ("R", 0, 0), ("G", 0, 1), ("G", 1, 0), ("B", 1, 1)
GIVEN = Given(body="test", pitch_um=PITCH_UM, f_number=4.0)


@dataclass(frozen=True)
class Pose:
    """Where a chart of unit length stands before the camera: its axes as columns, and its middle."""

    axes: Floats
    middle: Floats


def poses(rng: np.random.Generator, count: int = 6) -> list[Pose]:
    """From all sides."""
    return [
        Pose(
            flats.turned(*rng.uniform(-25.0, 25.0, 2), rng.uniform(-15.0, 15.0)),
            np.array([*rng.uniform(-0.08, 0.08, 2), rng.uniform(1.2, 1.4)]),
        )
        for _ in range(count)
    ]


def rays(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The plain directions of pixels of green, this module's own distortion undone."""
    to_x, to_y = (x - CENTRE[0]) / FOCAL, (y - CENTRE[1]) / FOCAL
    u, v = to_x, to_y
    for _ in range(6):
        r2 = u * u + v * v
        growth = 1.0 + r2 * (K[0] + r2 * (K[1] + r2 * K[2]))
        u, v = (
            (to_x - 2 * P[0] * u * v - P[1] * (r2 + 2 * u * u)) / growth,
            (to_y - P[0] * (r2 + 2 * v * v) - 2 * P[1] * u * v) / growth,
        )
    return u, v


def drawn(pose: Pose, color: str, top: int, left: int) -> Floats:
    """(HEIGHT / 2, WIDTH / 2) of a chessboard on light ground at every second pixel, as green, red or blue shows it."""
    y, x = np.mgrid[top:HEIGHT:2, left:WIDTH:2].astype(np.float64)
    if color in COLORS:
        c0, c1, c2, aside_x, aside_y = COLORS[color]
        middle, reach = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2]), np.hypot(WIDTH, HEIGHT) / 2
        out_x, out_y = x - middle[0], y - middle[1]
        u, v = out_x, out_y
        for _ in range(4):
            s2 = (u * u + v * v) / reach**2
            grown = c0 + s2 * (c1 + s2 * c2)
            u, v = out_x - u * grown - 1e3 * aside_x / PITCH_UM, out_y - v * grown - 1e3 * aside_y / PITCH_UM
        x, y = u + middle[0], v + middle[1]
    u, v = rays(x, y)
    plane = np.linalg.inv(np.column_stack([pose.axes[:, 0], pose.axes[:, 1], pose.middle]))
    a, b, c = (row[0] * u + row[1] * v + row[2] for row in plane)
    across, down = a / c * COLUMNS, b / c * COLUMNS
    signs = []
    for each in (across, down):
        slope = 0.5 * np.hypot(*np.gradient(each))
        away = (each - np.rint(each)) / slope
        signs.append(np.where(np.rint(each) % 2 == 0, 1.0, -1.0) * erf(away / (np.sqrt(2.0) * BLUR_PX)))
    board = (np.abs(across) < COLUMNS / 2 + 0.5) & (np.abs(down) < ROWS / 2 + 0.5)
    return np.where(board, 0.45 + 0.35 * signs[0] * signs[1], 0.8)


def by_chart(seed: int) -> Passport:
    """A passport from six views."""
    rng = np.random.default_rng(seed)
    views = []
    for at, pose in enumerate(poses(rng)):
        planes = []
        for letter, top, left in SITES:
            seen = drawn(pose, {"R": "red", "G": "green", "B": "blue"}[letter], top, left)
            seen = (seen + NOISE * rng.standard_normal(seen.shape)).astype(np.float32)
            planes.append(Plane(letter, seen, np.zeros(seen.shape, bool), top, left, 2, 4095.0))
        views.append(view(Specimen(f"{at}", "raw", tuple(planes), WIDTH, HEIGHT), GIVEN))
    return calibrate(Lens("", "test"), GIVEN, [], views).passport


def charts(seed: int) -> Iterator[tuple[str, float, float, float]]:
    """(kind, found, true, error) of a calibration from six views."""
    passport = by_chart(seed)
    (geometry,), (lateral,) = passport.geometry, passport.lateral
    mm = PITCH_UM * 1e-3
    middle = [(each - (side - 1) / 2) * mm for each, side in zip(CENTRE, (WIDTH, HEIGHT), strict=True)]
    found = (geometry.focal_mm, *geometry.centre_mm, *geometry.radial, *geometry.tangential)
    error = (geometry.focal_mm_error, *geometry.centre_mm_error, *geometry.radial_error, *geometry.tangential_error)
    for each in zip(found, (FOCAL * mm, *middle, *K, *P), error, strict=True):
        yield "distortion", *each
    for name, true in COLORS.items():
        found = (*getattr(lateral, name), *getattr(lateral, f"{name}_shift_mm"))
        error = (*getattr(lateral, f"{name}_error"), *getattr(lateral, f"{name}_shift_mm_error"))
        for each in zip(found, true, error, strict=True):
            yield "lateral colour", *each


def by_flat(seed: int, shape: tuple[int, int] = (192, 256), count: int = 1) -> Passport:
    """A passport from flats, the light of each growing to a side of its own."""
    rng = np.random.default_rng(1000 + seed)
    specimens = [flats.colored_flat(rng, shape) for _ in range(count)]
    return calibrate(Lens("", "test"), GIVEN, specimens, []).passport


def by_turned_flats(seed: int, shape: tuple[int, int]) -> Passport:
    """A passport from two flats before one light, the camera upside down for the second."""
    rng = np.random.default_rng(1000 + seed)
    uneven = rng.standard_normal(2)
    specimens = [flats.colored_flat(rng, shape, sign * uneven) for sign in (1.0, -1.0)]
    return calibrate(Lens("", "test"), GIVEN, specimens, [], turns_deg=(0.0, 180.0)).passport


def shading(seed: int) -> Iterator[tuple[str, float, float, float]]:
    """The same of a flat."""
    passport = by_flat(seed)
    (falloff,), (color,) = passport.vignetting, passport.color
    for each in zip(falloff.radial, flats.FALL, falloff.radial_error, strict=True):
        yield "falloff", *each
    for found, error in zip(falloff.centre_mm, falloff.centre_mm_error, strict=True):
        yield "falloff", found, 0.0, error
    half = np.hypot(color.half_width_mm, color.half_height_mm)
    u = np.linspace(-1, 1, 17)[None] * color.half_width_mm / half
    v = np.linspace(-1, 1, 13)[:, None] * color.half_height_mm / half
    for values, errors, cast in (
        (color.red_green, color.red_green_error, flats.RED),
        (color.blue_green, color.blue_green_error, flats.BLUE),
    ):
        true = 1 + cast[0] * u + cast[1] * (u**2 + v**2)
        for each in list(zip(np.ravel(values), np.ravel(true), np.ravel(errors), strict=True))[::7]:
            if each[2] > 1e-9:
                yield "casts", *each


def blur(seed: int, lens: str) -> Iterator[tuple[str, float, float, float]]:
    """The same of slanted edges."""
    field = blurs.fitted(blurs.measured(lens, seed))
    for name in PSF_ROWS:
        found, error, true = (
            np.array(getattr(each, key))
            for each, key in ((field, name), (field, f"{name}_error"), (blurs.LENSES[lens], name))
        )
        wanted = np.zeros((len(true), 15))
        wanted[:, : true.shape[1]] = true * blurs.POWERS[: true.shape[1]]
        for row, column in zip(*np.nonzero(error > 1e-9), strict=True):
            kind = "blur, even" if lens == "even" else "blur, coma"
            yield kind, found[row, column], wanted[row, column], error[row, column]


MEASURES = {
    "chart": charts,
    "flat": shading,
    "even": lambda seed: blur(seed, "even"),
    "coma": lambda seed: blur(seed, "lopsided"),
}


def main() -> None:
    """Print the table and keep it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=50)
    options.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES), help="keeps no figures")
    given = options.parse_args()
    away: dict[str, list[float]] = {}
    for name in given.only:
        for seed in range(given.rounds):
            for kind, found, true, error in MEASURES[name](seed):
                away.setdefault(kind, []).append((found - true) / error)
    results: dict[str, Any] = {
        kind: {
            "calibrations": given.rounds,
            "figures": len(each),
            "within_two_errors_percent": 100.0 * float(np.mean(np.abs(each) < 2.0)),
            "rms_in_errors": float(np.sqrt(np.mean(np.square(each)))),
        }
        for kind, each in away.items()
    }
    columns = ["what", "calibrations", "figures", "within two errors, %", "rms, errors"]
    rows = [
        (kind, row["calibrations"], row["figures"], f"{row['within_two_errors_percent']:.1f}",
         f"{row['rms_in_errors']:.2f}")
        for kind, row in results.items()
    ]  # fmt: skip
    table("Standard errors of simulated calibrations; the goal is 90 to 98 %", columns, rows)
    if given.rounds >= 50 and given.only == list(MEASURES):
        save("honesty", results, versions("numpy", "scipy", "opencv-python-headless"))


if __name__ == "__main__":
    main()
