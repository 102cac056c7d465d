"""How accurate passports are, each goal beside what came out: python -m benchmarks.passport.

All simulated, by lenses of formulas whose numbers are known: six views of a chessboard under a Bayer filter; four flats
whose light grows to sides of their own; slanted edges of an even lens and of one with coma; and slow pans of eight
photos of street fronts, 1280 x 960 pixels, by a lens that bends, darkens, tints and fringes. What counts is the largest
residual anywhere in the field, of lateral colour from photos its rms; the table has the median and the worst of all
rounds. Distortion by chart on real designs is `benchmarks.distortion`, which takes longer; its last figures stand
below. Tilt is not among them.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lab.fringes import fringes, radial_shift
from anylens.lab.overlaps import overlaps, sight
from anylens.lab.panned_light import cast_terms, panned_light
from anylens.lab.photo_geometry import photo_geometry
from anylens.lab.specimen import of_image
from anylens.lab.spread import lens_mtf50
from anylens.lab.straight import roots_of_green, straight_things
from anylens.lens.mapping import cast, ideal, lateral_shift, light
from benchmarks import honesty
from benchmarks.distortion import bent_px
from benchmarks.report import RESULTS, save, table, versions
from tests.closed_loop import test_calibrate as flats
from tests.pans import Camera
from tests.references import test_lab_spread as blurs

Floats = npt.NDArray[np.float64]
CAMERA = Camera(1280, 960, 4.8, outside=(1.6, -1.0), bend=(-0.02, 0.005), falloff=(-0.4, 0.1), cast=0.04)
GOALS = {
    "distortion by chart, px": 0.1,
    "lateral colour by chart, px": 0.05,
    "falloff by four flats, %": 0.5,
    "falloff by two flats, one upside down, %": 0.5,
    "casts by flat, %": 0.5,
    "MTF50 by edges, bias in %": 1.0,
    "distortion by photos, px": 1.0,
    "distortion by photos, in parts of uncorrected": 0.2,
    "falloff by photos, %": 1.5,
    "casts by photos, %": 1.0,
    "lateral colour by photos, px rms": 0.15,
}


def field(width: float, height: float) -> tuple[Floats, Floats]:
    """(x, y) all over a picture of this size, from its middle."""
    x, y = np.meshgrid(np.linspace(-0.49, 0.49, 13) * width, np.linspace(-0.49, 0.49, 9) * height)
    return x.ravel(), y.ravel()


def percent(found: Floats, true: Floats) -> float:
    """The largest residual of a factor that is 1 in the middle."""
    return 100.0 * float(np.abs(found / true - 1.0).max())


def by_chart(seed: int) -> Iterator[tuple[str, float]]:
    """Residuals of six views of a chessboard."""
    passport, mm = honesty.by_chart(seed), honesty.PITCH_UM * 1e-3
    (geometry,), (lateral,) = passport.geometry, passport.lateral
    x, y = field(honesty.WIDTH, honesty.HEIGHT)
    u, v = honesty.rays(x + (honesty.WIDTH - 1) / 2.0, y + (honesty.HEIGHT - 1) / 2.0)
    true, straight = np.stack([u, v], axis=1), np.stack(ideal(geometry, x * mm, y * mm), axis=1)
    yield "distortion by chart, px", float(bent_px(true, straight, honesty.PITCH_UM).max())
    s2 = (x**2 + y**2) / (np.hypot(honesty.WIDTH, honesty.HEIGHT) / 2.0) ** 2
    for found, (c0, c1, c2, right, down) in zip(
        lateral_shift(lateral, x * mm, y * mm), honesty.COLORS.values(), strict=True
    ):
        grown = c0 + s2 * (c1 + s2 * c2)
        away = np.hypot(found[0] / mm - x * grown - right / mm, found[1] / mm - y * grown - down / mm)
        yield "lateral colour by chart, px", float(away.max())


def by_flat(seed: int) -> Iterator[tuple[str, float]]:
    """Residuals of four flats whose light grows to sides of their own, and of two before one light, one upside down."""
    shape = height, width = 768, 1024
    passport, turned = honesty.by_flat(seed, shape, 4), honesty.by_turned_flats(seed, shape)
    (color,) = passport.color
    x, y = field(width, height)
    u, v = (each / (np.hypot(width, height) / 2.0) for each in (x, y))
    r2, mm = u**2 + v**2, honesty.PITCH_UM * 1e-3
    a1, a2, a3 = flats.FALL
    true = 1 + r2 * (a1 + r2 * (a2 + r2 * a3))
    for name, each in (("four flats", passport), ("two flats, one upside down", turned)):
        yield f"falloff by {name}, %", percent(light(each.vignetting[0], x * mm, y * mm), true)
    for found, true in zip(cast(color, x * mm, y * mm), (flats.RED, flats.BLUE), strict=True):
        yield "casts by flat, %", percent(found, 1 + true[0] * u + true[1] * r2)


def by_edges(seed: int) -> Iterator[tuple[str, float]]:
    """The mean bias of MTF50 that a field of blur foretells, over the edges it was told by."""
    for name, true in blurs.LENSES.items():
        found = blurs.measured(name, seed)
        told = blurs.fitted(found)
        off = []
        for edge in found:
            got, there = (lens_mtf50(each, edge.place_mm, edge.angle_deg + 90.0) for each in (told, true))
            off.append(100.0 * (got / there - 1.0))
        yield "MTF50 by edges, bias in %", abs(float(np.mean(off)))


def by_photos(seed: int) -> Iterator[tuple[str, float]]:
    """Residuals of a slow pan of eight."""
    specimens = [of_image(frame, "photo") for frame in CAMERA.pan(8, seed=seed)]
    roots = [roots_of_green(each) for each in specimens]
    sights = [sight(each, root) for each, root in zip(specimens, roots, strict=True)]
    shared, lines = overlaps(sights), [line for root in roots for line in straight_things(root).lines]
    engraved = CAMERA.focal_mm / CAMERA.pitch_um * 1e3
    found = photo_geometry(lines, CAMERA.width, CAMERA.height, engraved, shared, len(sights))
    if found is not None:
        radius = np.linspace(0.05, 1.0, 40) * CAMERA.half
        k1, k2, k3 = (each.value for each in found.radial)
        n = np.linspace(1e-3, 1.3, 4000) * CAMERA.half / found.focal_px.value
        seen = found.focal_px.value * n * (1 + n**2 * (k1 + n**2 * (k2 + n**2 * k3)))
        straight, true = np.interp(radius, seen, found.focal_px.value * n), CAMERA.ideal(radius)
        left, before = (float(np.abs(at * (at @ true) / (at @ at) - true).max()) for at in (straight, radius))
        yield "distortion by photos, px", left
        yield "distortion by photos, in parts of uncorrected", left / before
    x, y = field(CAMERA.width, CAMERA.height)
    told = panned_light(sights, shared)
    if told is not None:
        red, green, blue = CAMERA.light(x, y)
        places = np.stack([x, y], axis=1) / CAMERA.half
        r2 = np.sum((places - told.falloff.numbers[:2]) ** 2, axis=1)
        a1, a2, a3 = told.falloff.numbers[2:]
        yield "falloff by photos, %", percent(1.0 + r2 * (a1 + r2 * (a2 + r2 * a3)), green)
        for fit, true in ((told.red_green, red / green), (told.blue_green, blue / green)):
            yield "casts by photos, %", percent(np.exp(cast_terms(*places.T) @ fit.numbers), true)
    away = CAMERA.half * np.linspace(0.05, 1.0, 20)[:, None] * np.array([0.8, 0.6])
    for letter, outside in zip("RB", CAMERA.outside, strict=True):
        fit = radial_shift([fringes(each, letter) for each in specimens])
        if fit is not None:
            off = fit.at(away)[0] - outside * away / CAMERA.half
            yield "lateral colour by photos, px rms", float(np.sqrt(np.mean(np.sum(off**2, axis=1))))


MEASURES = {"chart": by_chart, "flat": by_flat, "edges": by_edges, "photos": by_photos}


def main() -> None:
    """Print the table and keep it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    found: dict[str, list[float]] = {name: [] for name in GOALS}
    for measure in MEASURES.values():
        for seed in range(given.rounds):
            for name, value in measure(seed):
                found[name].append(value)
    results: dict[str, Any] = {
        name: {"median": float(np.median(each)), "worst": max(each), "figures": len(each), "goal": GOALS[name]}
        for name, each in found.items()
        if each
    }
    rows = [
        (name, f"{row['median']:.3f}", f"{row['worst']:.3f}", row["figures"], f"{row['goal']:g}",
         "yes" if row["worst"] <= row["goal"] else "median" if row["median"] <= row["goal"] else "no")
        for name, row in results.items()
    ]  # fmt: skip
    table("Passports, simulated", ["residual", "median", "worst", "figures", "goal", "met"], rows)
    designs = RESULTS / "distortion.json"
    if designs.is_file():
        kept = json.loads(designs.read_text("utf-8"))
        left = {lens: each["left_px"] for lens, each in kept.items() if lens != "stamp"}
        print(f"Distortion by chart, five designs, at {kept['stamp']['commit']} (goal 0.1 px):", end=" ")
        print(", ".join(f"{lens} {px:.3f}" for lens, px in left.items() if not math.isnan(px)))
    save("passport", {"rounds": given.rounds, "residuals": results}, versions("numpy", "scipy"))


if __name__ == "__main__":
    main()
