"""How near the lab comes to what is known: bias and spread of every measure on inputs of analytic truth.

python -m benchmarks.lab [--rounds N]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence

import numpy as np

from anylens.lab import of_image
from anylens.lab.charts import Edge
from anylens.lab.colorchecker import find
from anylens.lab.noise import noise
from anylens.lab.samples import Samples
from anylens.lab.shading import shading
from anylens.lab.sharpness import edge_sharpness
from benchmarks import report
from tests import checker, edges, flats

SILICON = flats.Silicon(prnu=0.008, dsnu_e=1.0, row_e=0.4)


def photon_transfer(seed: int) -> dict[str, float]:
    """Errors, in per cent of the truth, of one series of pairs of flats (256 x 256, eight levels)."""
    frames = flats.series(SILICON, seed=seed)
    (found,) = noise([of_image(frame, f"{i}.dng") for i, frame in enumerate(frames)])
    assert found.profile is not None
    read = math.hypot(SILICON.read_e, SILICON.row_e)
    green = found.transfers[1]
    assert green.prnu_percent is not None
    return {
        "gain": 100.0 * (found.gain_dn_per_e.value / SILICON.gain - 1.0),
        "read noise": 100.0 * (found.read_noise_e.value / read - 1.0),
        "PRNU": 100.0 * (green.prnu_percent.value / (100.0 * SILICON.prnu) - 1.0),
        "noise profile": 100.0 * (found.profile.ratio.value - 1.0),
        "gain, off in its own errors": (found.gain_dn_per_e.value - SILICON.gain) / found.gain_dn_per_e.error,
    }


def sharpness(seed: int) -> dict[str, float]:
    """Errors of MTF50, in per cent, of edges 160 px long at 3 % of white noise: Gaussian blur and a perfect lens."""
    rng = np.random.default_rng(seed)
    angle, offset = float(rng.uniform(3.0, 12.0)), float(rng.uniform(-0.5, 0.5))
    told: dict[str, float] = {}
    for name, blur in _BLURS.items():
        pixels = edges.edge(200, blur, angle, offset, (0.1, 0.9)) + rng.normal(0.0, 0.03, (200, 200))
        edge = Edge(*edges.ends(200, angle + 0.3, offset + 0.4, 160.0), 28.0)
        found = edge_sharpness(Samples(pixels.astype(np.float32)), edge).mtf50_cpp
        truth = edges.mtf50(blur, angle + 90.0)
        told[f"MTF50, {name}"] = 100.0 * (found.value / truth - 1.0)
        told[f"{name}, off in its own errors"] = (found.value - truth) / found.error
    return told


_BLURS = {
    "soft (0.15 cycles/px)": edges.gaussian(0.15),
    "sharp (0.3 cycles/px)": edges.gaussian(0.3),
    "perfect lens": edges.diffraction(0.6),
}


SITES = {
    "mono": ((True,),),
    "Bayer, green": ((False, True), (True, False)),
    "quad-Bayer, green": ((False, False, True, True),) * 2 + ((True, True, False, False),) * 2,
    "quad-Bayer, red": ((True, True, False, False),) * 2 + ((False,) * 4,) * 2,
}
HALVES_CPP = (0.1, 0.2, 0.3, 0.4)
NOISES = (0.0, 0.01, 0.03, 0.05)
ANGLES_DEG = (4.0, 7.0, 11.0, 20.0, 33.0, 84.0, 97.0, 118.0)


def mosaic(kind: str, half_cpp: float, noise: float, rounds: int) -> tuple[float, float]:
    """Bias and spread of MTF50, in per cent, of Gaussian edges 160 px long seen by the sites of one colour.

    `half_cpp` is the MTF50 of the blur with the pixels. Each angle has so many edges; every noise counts twice, added
    and taken away, since so its own bias shows before its spread does. Its standard deviation is in parts of 1, the
    step is 0.6.
    """
    off = []
    for angle in ANGLES_DEG:
        blur = edges.gaussian(_alone(half_cpp, angle))
        truth = edges.mtf50(blur, angle + 90.0)
        for seed in range(rounds):
            rng = np.random.default_rng((seed, round(10.0 * angle), round(1e3 * half_cpp)))
            offset = float(rng.uniform(-0.5, 0.5))
            pixels = edges.edge(200, blur, angle, offset, (0.2, 0.8))
            grain = rng.normal(0.0, noise, pixels.shape)
            edge = Edge(*edges.ends(200, angle + 0.3, offset + 0.4, 160.0), 28.0)
            for seen in (pixels + grain, pixels - grain)[: 1 + (noise > 0.0)]:
                found = edge_sharpness(Samples(seen.astype(np.float32), kind[:1], SITES[kind]), edge)
                off.append(100.0 * (found.mtf50_cpp.value / truth - 1.0))
    return float(np.mean(off)), float(np.std(off))


def _alone(half_cpp: float, angle_deg: float) -> float:
    """MTF50 of the Gaussian blur that has this one with the pixels."""
    low, high = half_cpp, 3.0
    for _ in range(30):
        middle = math.sqrt(low * high)
        below = edges.mtf50(edges.gaussian(middle), angle_deg + 90.0) < half_cpp
        low, high = (middle, high) if below else (low, middle)
    return low


def mosaics(rounds: int) -> dict[str, dict[str, float]]:
    """`mosaic` of every kind, sharpness and noise, printed and told by name."""
    kept, rows = {}, []
    for kind in SITES:
        for half in HALVES_CPP:
            found = {grain: mosaic(kind, half, grain, rounds) for grain in NOISES}
            rows.append((kind, f"{half:g}", *(f"{bias:+.2f} {spread:.2f}" for bias, spread in found.values())))
            for grain, (bias, spread) in found.items():
                kept[f"{kind}, {half:g} cycles/px, {100 * grain:g} %"] = {"bias": bias, "spread": spread}
    columns = ("sites", "MTF50", *(f"{100 * grain:g} %" for grain in NOISES))
    report.table("Bias and spread of MTF50, %, by noise in parts of white; the step is 0.6", columns, rows)
    return kept


def corners(seed: int) -> dict[str, float]:
    """The worst corner of a ColorChecker (480 x 360, 2 % noise at white, any way up, up to 30 degrees), in pixels."""
    rng = np.random.default_rng(seed)
    pose = checker.pose(480, 360, rng.uniform(0, 30), rng.uniform(0, 360), rng.uniform(0, 360), rng.uniform(0.45, 0.75))
    light = checker.drawn(
        pose, 480, 360, checker.chart_rgb() * 0.8, ground=float(rng.choice([0.05, 0.18, 0.5])), fine=3
    )
    light = light + rng.standard_normal(light.shape).astype(np.float32) * np.sqrt(np.maximum(light, 0.0) * 4e-4 + 1e-6)
    found = find(light.astype(np.float32) * np.array([0.5, 1.0, 0.6], np.float32)[:, None, None])
    return {"worst corner": float(np.linalg.norm(found.corners_px - checker.corners(pose), axis=1).max())}


def falloff(seed: int) -> dict[str, float]:
    """Corner brightness, in per cent, and centre, in pixels, of a flat of 384 x 288 with a known falloff."""
    height, width = 288, 384
    half = math.hypot(height, width) / 2.0
    y, x = np.mgrid[:height, :width].astype(float)
    r2 = ((x - (width - 1) / 2 - 6.0) ** 2 + (y - (height - 1) / 2 + 4.0) ** 2) / half**2
    surface = 4500.0 * (1 - 0.25 * r2 + 0.05 * r2**2)
    found = shading([of_image(flats.flat(flats.Silicon(full_well_e=9000.0), surface, seed), "flat.dng")])
    cell = surface[: height // 24, : width // 32].mean()
    middle = surface[height // 2 - 2 : height // 2 + 2, width // 2 - 2 : width // 2 + 2].mean()
    return {
        "corner": 100.0 * (found.corners[0].value - cell / middle),
        "centre": found.centre_px[0].value - ((width - 1) / 2 + 6.0),
    }


MEASURES: tuple[tuple[str, Callable[[int], dict[str, float]], dict[str, tuple[str, str]]], ...] = (
    (
        "photon transfer",
        photon_transfer,
        {
            "gain": ("%", "1 %"),
            "read noise": ("%", "5 %"),
            "PRNU": ("%", "none set"),
            "noise profile": ("%", "3 %"),
            "gain, off in its own errors": ("errors", "spread 1"),
        },
    ),
    (
        "slanted edge at 3 % noise",
        sharpness,
        {
            key: value
            for name in _BLURS
            for key, value in (
                (f"MTF50, {name}", ("%", "bias 1 %, spread 2 %")),
                (f"{name}, off in its own errors", ("errors", "spread 1")),
            )
        },
    ),
    ("ColorChecker", corners, {"worst corner": ("px", "1 px")}),
    ("shading", falloff, {"corner": ("% of the middle", "none set"), "centre": ("px", "none set")}),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args(arguments).rounds
    kept: dict[str, dict[str, float | str]] = {}
    rows = []
    for title, measure, figures in MEASURES:
        drawn = [measure(seed) for seed in range(rounds)]
        for name, (unit, budget) in figures.items():
            values = np.array([each[name] for each in drawn])
            bias, spread, worst = float(values.mean()), float(values.std()), float(np.abs(values).max())
            kept[f"{title}: {name}"] = {"bias": bias, "spread": spread, "worst": worst, "unit": unit, "budget": budget}
            rows.append((f"{title}: {name}", unit, f"{bias:+.3f}", f"{spread:.3f}", f"{worst:.3f}", budget))
    report.table(
        f"The lab on inputs of known truth, {rounds} rounds each",
        ("measure", "unit", "bias", "spread", "worst", "budget"),
        rows,
    )
    by_site = mosaics(max(1, rounds // 4))
    report.save(
        "lab",
        {"rounds": rounds, "measures": kept, "mtf50_by_site": by_site},
        report.versions("numpy", "scipy", "opencv-python-headless"),
    )


if __name__ == "__main__":
    main()
