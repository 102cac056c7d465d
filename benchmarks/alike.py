"""How alike lenses' light is, and what identify makes of it alone: python -m benchmarks.alike.

Simulated. A blank wall through every design of the twin on a 1-inch sensor, read as `lens identify` reads pictures.
Shown is how far falloff and casts are apart between designs (lab/recognition.py rests on these), and how often a wall,
or a pan that tells its light to a hundredth, has a lens named: with the passport of another lens whose focal length is
the same within 6 %, and with its own, the aperture and the focal length written in the file. Takes five minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np

from anylens import Shot, camera
from anylens.lab.figure import Figure
from anylens.lab.recognition import Seen, recognise
from anylens.lab.specimen import of_image
from anylens.lab.traits import CAST_OF_SCENES, FALLOFF_OF_SCENES, SHADE, Traits, trends
from anylens.lens import Lens, Passport
from anylens.lens.passport import ColorShading, Vignetting
from anylens.twin.glass import lenses, prescription
from benchmarks.report import save, table, versions
from tests.sections import section

STOPS = 2.0, 2.8, 5.6, 8.0
JUDGED = 5.6
HALF_MM = 4096 * 1.6e-3, 3072 * 1.6e-3
REACH_MM = math.hypot(*HALF_MM)
LIKE = 0.06
WAYS = {"wall": (FALLOFF_OF_SCENES, CAST_OF_SCENES), "pan": (0.01, 0.01)}
"""Errors of falloff and casts."""

Shades = tuple[float, float, float]


def shades(lens: str, f_number: float) -> Shades:
    """Falloff, R/G and B/G of a wall at SHADE, in logarithms."""
    shot = Shot(exposure_s=0.01, gain=1.0)
    with closing(camera.open(f"virtual:lens={lens},scene=white-wall,aperture={f_number:g}")) as opened:
        frame = next(opened.capture([shot]))
    light, clipped, _ = of_image(frame, lens).colors()
    found = trends(light, clipped)
    assert found is not None
    return found[0].value, found[1].value, found[2].value


def passport(lens: str, drawn: Shades) -> Passport:
    """Of a lens whose light alone is known."""
    focal_mm = prescription(lens).focal_mm
    y, x = np.mgrid[-1:1:15j, -1:1:21j]
    away = ((x * HALF_MM[0]) ** 2 + (y * HALF_MM[1]) ** 2) / (SHADE * REACH_MM) ** 2
    red, blue = (tuple(map(tuple, np.exp(one * away).tolist())) for one in drawn[1:])
    falloff = section(Vignetting, f_number=JUDGED, reach_mm=REACH_MM,
                      radial=((math.exp(drawn[0]) - 1.0) / SHADE**2, 0.0, 0.0))  # fmt: skip
    color = section(ColorShading, f_number=JUDGED, half_width_mm=HALF_MM[0], half_height_mm=HALF_MM[1],
                    red_green=red, blue_green=blue)  # fmt: skip
    return Passport(Lens("", lens, (focal_mm, focal_mm)), "simulated", vignetting=(falloff,), color=(color,))


def judged(way: str, seen: dict[str, Shades]) -> dict[str, Any]:
    """How often a lens is named and how probable none is, for a stranger alike in focal length and for the own lens."""
    falloff, cast = WAYS[way]
    rows = []
    for lens, drawn in seen.items():
        focal_mm = prescription(lens).focal_mm
        told = Figure(drawn[0], falloff), Figure(drawn[1], cast), Figure(drawn[2], cast)
        shown = Seen(Traits(REACH_MM, 1, None, *told), JUDGED, focal_mm=focal_mm)
        for other, its in seen.items():
            if abs(math.log(prescription(other).focal_mm / focal_mm)) < LIKE:
                verdict = recognise([shown], [passport(other, its)])
                rows.append((lens == other, verdict.told is not None, verdict.none))
    return {whose: _summary([row[1:] for row in rows if row[0] == own])
            for whose, own in (("strangers", False), ("own", True))}  # fmt: skip


def _summary(rows: Sequence[tuple[bool, float]]) -> dict[str, Any]:
    named, none = np.array(rows, float).T
    return {"pictures": len(rows), "named_percent": 100.0 * named.mean(), "none_percent": 100.0 * none.mean()}


def main() -> None:
    """Print the tables and keep them."""
    results: dict[str, Any] = {}
    spreads: list[list[object]] = []
    seen: dict[str, Shades] = {}
    designs = {lens: prescription(lens).f_number for lens in lenses() if lens != "ideal"}
    for f_number in STOPS:
        drawn = {lens: shades(lens, f_number) for lens, widest in designs.items() if widest <= f_number}
        apart = np.std(list(drawn.values()), axis=0, ddof=1)
        results[f"f/{f_number:g}"] = {"lenses": len(drawn), "apart_log": apart.tolist()}
        spreads.append([f"f/{f_number:g}", len(drawn), *(f"{one:.4f}" for one in apart)])
        seen = drawn if f_number == JUDGED else seen
    table("How unlike lenses' light is, rms. Simulated", ["at", "lenses", "falloff", "R/G", "B/G"], spreads)
    rows = []
    for way in WAYS:
        for whose, told in judged(way, seen).items():
            results[f"{way}, {whose}"] = told
            rows.append([way, whose, told["pictures"], f"{told['named_percent']:.1f}", f"{told['none_percent']:.1f}"])
    table("Light alone. Simulated", ["picture", "passport of", "pictures", "named %", "none %"], rows)
    save("alike", results, versions("numpy"))


if __name__ == "__main__":
    main()
