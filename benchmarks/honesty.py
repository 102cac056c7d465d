"""Are standard errors honest? The truth is to lie within two of them 90 to 98 % of the time.

python -m benchmarks.honesty: fifty simulated calibrations of each kind, from pixels: six views of a chessboard drawn
by formula under a Bayer filter with noise, for distortion and lateral colour; a flat whose light grows to a side, for
falloff and casts; 48 slanted edges of an even lens and of one with coma, for blur; and the same two lenses, their
skirts exponential, by edges of three photos each, as `lens calibrate --photos` does, a quarter of them soft of
themselves, their surfaces unevenly lit, and each photo as a whole a little shaken or out of focus, which all its edges
share.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial.laguerre import laggauss
from scipy.special import erf

from anylens.lab.calibrate import Pictures, calibrate
from anylens.lab.calibrate_files import Given
from anylens.lab.calibrate_views import chart_view
from anylens.lab.charts import Edge
from anylens.lab.photo_edges import as_sharp_as_lens
from anylens.lab.samples import Samples
from anylens.lab.sharpness import EdgeSharpness, edge_sharpness
from anylens.lab.specimen import Plane, Specimen
from anylens.lab.spread import spread_field
from anylens.lens import Lens, Passport
from anylens.lens.passport import PSF_ROWS, Origin, PsfField
from anylens.lens.psf import blur as blur_at
from anylens.refusal import Refusal
from benchmarks.report import RESULTS, commit, save, table, versions
from tests.closed_loop import test_calibrate as flats
from tests.edges import ends
from tests.references import test_lab_spread as blurs

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT, FOCAL, PITCH_UM = 640, 480, 800.0, 4.0
CENTRE, K, P = (327.0, 235.0), (-0.12, 0.05, -0.02), (0.0008, -0.0005)
COLORS = {"red": (4e-4, -2e-4, 1e-4, 3e-4, -2e-4), "blue": (-3e-4, 5e-4, -2e-4, -1e-4, 2e-4)}
COLUMNS, ROWS, BLUR_PX, NOISE = 12, 9, 0.9, 0.006
SITES = ("R", 0, 0), ("G", 0, 1), ("G", 1, 0), ("B", 1, 1)
HALF_MM, EDGES, SOFT, SOFT_PX2, SHAKEN_PX, UNEVEN = (6.4, 4.8), 40, 0.25, 1.0, 0.25, 0.03
"""Of a photo: half its sides, its edges, the share that is soft and by how much, how much all are blurred besides,
and how unevenly their surfaces are lit, in parts of the step."""
GIVEN = Given(body="test", pitch_um=PITCH_UM, f_number=4.0)
_WIDTHS = 12
"""Gaussians that a skirt is drawn of."""


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
        views.append(chart_view(Specimen(f"{at}", "raw", tuple(planes), WIDTH, HEIGHT), GIVEN))
    return calibrate(Lens("", "test"), GIVEN, Pictures(charts=views)).passport


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
    return calibrate(Lens("", "test"), GIVEN, Pictures(specimens)).passport


def by_turned_flats(seed: int, shape: tuple[int, int]) -> Passport:
    """A passport from two flats before one light, the camera upside down for the second."""
    rng = np.random.default_rng(1000 + seed)
    uneven = rng.standard_normal(2)
    specimens = [flats.colored_flat(rng, shape, sign * uneven) for sign in (1.0, -1.0)]
    return calibrate(Lens("", "test"), GIVEN, Pictures(specimens, turns_deg=(0.0, 180.0))).passport


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
    yield from beside(blurs.fitted(blurs.measured(lens, seed)), lens, "blur")


def beside(field: PsfField, lens: str, kind: str) -> Iterator[tuple[str, float, float, float]]:
    """(kind, found, true, error) of a blur field's figures, the truth brought to its reach."""
    name = f"{kind}, {'even' if lens == 'even' else 'coma'}"
    powers = np.repeat((field.reach_mm / blurs.LENSES[lens].reach_mm) ** np.arange(5), np.arange(1, 6))
    for part in PSF_ROWS:
        found, error, true = (
            np.array(getattr(each, key))
            for each, key in ((field, part), (field, f"{part}_error"), (blurs.LENSES[lens], part))
        )
        wanted = np.zeros((len(true), 15))
        wanted[:, : true.shape[1]] = true * powers[: true.shape[1]]
        for row, column in zip(*np.nonzero(error > 1e-9), strict=True):
            yield name, found[row, column], wanted[row, column], error[row, column]


def photographed(lens: str, chance: np.random.Generator) -> tuple[EdgeSharpness, ...]:
    """Edges of a photo of houses through a lens: their places, lengths and contrasts by lot."""
    roll, shaken_px2 = chance.uniform(-6.0, 6.0), (SHAKEN_PX * chance.standard_normal()) ** 2
    found: list[EdgeSharpness] = []
    while len(found) < EDGES:
        place = chance.uniform(-1.0, 1.0, 2) * HALF_MM
        angle_deg = roll + 90.0 * chance.integers(2) + chance.normal(0.0, 4.0)
        length_px, half_width_px = chance.uniform(30.0, 55.0), float(chance.choice((12, 16, 24, 32, 48)))
        soft_px2 = shaken_px2 + (SOFT_PX2 * chance.exponential() if chance.random() < SOFT else 0.0)
        step, uneven = chance.uniform(0.1, 0.5), UNEVEN * chance.standard_normal(2)
        if length_px * abs(np.sin(4.0 * np.radians(angle_deg))) / 4.0 < 2.5:
            continue
        size = 2 * int(0.75 * (half_width_px + length_px / 2.0)) + 8
        share = step_across(lens, place, angle_deg, soft_px2, size)
        away = across_px(size, angle_deg, 1) / half_width_px
        light = 0.3 + step * (share + np.where(away > 0.0, uneven[1], uneven[0]) * np.clip(away, -1.0, 1.0))
        light += NOISE * chance.standard_normal(light.shape)
        centre = tuple((size - 1) / 2.0 - 1000.0 * place / blurs.PITCH)
        samples = Samples(light.astype(np.float32), "G", pitch_um=blurs.PITCH, centre_px=centre)
        lying = Edge(*ends(size, angle_deg, 0.0, length_px), half_width_px)
        try:
            found.append(edge_sharpness(samples, lying, shaded=False))
        except Refusal:
            continue
    return tuple(found)


def across_px(size: int, angle_deg: float, fine: int) -> Floats:
    """(fine * size, fine * size): how far places lie from the edge through the middle, in pixels."""
    angle = np.radians(angle_deg)
    y, x = (np.mgrid[: fine * size, : fine * size] + 0.5) / fine - size / 2.0
    return np.asarray(y * np.cos(angle) - x * np.sin(angle))


def step_across(lens: str, place: Floats, angle_deg: float, more_px2: float, size: int, fine: int = 4) -> Floats:
    """(size, size): an edge as a lens draws it there, blurred more besides; each pixel is the mean of finer ones."""
    here, angle, away = blur_at(blurs.LENSES[lens], *place), np.radians(angle_deg), across_px(size, angle_deg, fine)
    way = np.array([-np.sin(angle), np.cos(angle)])
    core, skirt = (
        float(way @ [[xx, xy], [xy, yy]] @ way) / blurs.PITCH**2 for xx, xy, yy in (here.core_um2, here.skirt_um2)
    )
    aside, fine_px2 = float(way @ here.aside_um) / blurs.PITCH, 1.0 / (12.0 * fine**2)
    # A skirt with exponential tails is Gaussians of all widths, exponentially fewer the larger their variance.
    skirts = [(here.share * weight, skirt * times, aside) for times, weight in zip(*laggauss(_WIDTHS), strict=True)]
    whole = sum(
        part * (0.5 + 0.5 * erf((away - off) / np.sqrt(2.0 * (px2 + more_px2 + fine_px2))))
        for part, px2, off in ((1.0 - here.share, core, 0.0), *skirts)
    )
    return np.asarray(whole.reshape(size, fine, size, fine).mean(axis=(1, 3)))


def photo_blur(seed: int) -> Iterator[tuple[str, float, float, float]]:
    """The same of three photos through one lens and the other in turns."""
    lens, chance = list(blurs.LENSES)[seed % 2], np.random.default_rng(2012 + seed // 2)
    photos = [photographed(lens, chance) for _ in range(3)]
    kept, lacking = as_sharp_as_lens(photos, blurs.LENSES[lens].reach_mm)
    if lacking is None:
        origin = Origin(f_number=4.0, method="photos", frames=3, date="2026-01-01")
        field = spread_field(kept, blurs.PITCH, origin)
        yield from beside(field, lens, "blur by photos")


MEASURES = {
    "chart": charts,
    "flat": shading,
    "even": lambda seed: blur(seed, "even"),
    "coma": lambda seed: blur(seed, "lopsided"),
    "photos": photo_blur,
}


def main() -> None:
    """Print the table and keep it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=50)
    options.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES), help="the others stay")
    given = options.parse_args()
    away: dict[str, list[float]] = {}
    rounds: dict[str, int] = {}
    for name in given.only:
        for seed in range(given.rounds):
            figures = list(MEASURES[name](seed))
            for kind, found, true, error in figures:
                away.setdefault(kind, []).append((found - true) / error)
            for kind in {each[0] for each in figures}:
                rounds[kind] = rounds.get(kind, 0) + 1
    results: dict[str, Any] = {
        kind: {
            "calibrations": rounds[kind],
            "figures": len(each),
            "within_two_errors_percent": 100.0 * float(np.mean(np.abs(each) < 2.0)),
            "rms_in_errors": float(np.sqrt(np.mean(np.square(each)))),
            "commit": commit(),
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
    if given.rounds >= 50:
        kept = json.loads((RESULTS / "honesty.json").read_text("utf-8"))
        del kept["stamp"]
        save("honesty", kept | results, versions("numpy", "scipy", "opencv-python-headless"))


if __name__ == "__main__":
    main()
