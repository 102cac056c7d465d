"""Colour of a measured chart through a measured camera, and what the looks do to it: python -m benchmarks.color.

Matrices are fitted under A and D65 to 300 drawn surfaces and judged on the 24 measured patches of the ColorChecker,
the whole way from camera colours to Rec. 2020. The peer is the same camera with matrices fitted by plain least
squares. The looks are judged on the patches under D65: chroma and hue in Oklab against the patches' own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import anylens
from anylens import color, darkroom
from anylens.sensor import bayer
from benchmarks.report import save, table, versions
from tests import spectra
from tests.measured_camera import LIGHTS, calibrations, differences, white

CHROMATIC = 18


def of_looks() -> dict[str, dict[str, float]]:
    """By look: chroma over the patches' own, mean and largest; how far hues turn, degrees; contrast of the greys."""
    light = LIGHTS["D65"]
    xyz = spectra.seen(light, spectra.COLORCHECKER, spectra.OBSERVER)
    adapted = color.adaptation(white(light, spectra.OBSERVER), color.xyz_from_xy(color.D65)) @ xyz
    rec2020 = color.xyz_to_rgb("rec2020") @ adapted
    truth = color.oklab_from_rgb(np.maximum(color.xyz_to_rgb("srgb") @ adapted, 0.0), "srgb")
    sensor = anylens.Sensor(name="eye", width_px=24, height_px=1, cfa=bayer("RGGB"))
    facts = anylens.Facts.whole(sensor, balance=(1.0, 1.0, 1.0))
    scene = anylens.Scene(np.ascontiguousarray(rec2020[:, None].astype(np.float32)), facts)
    found = {}
    for look in darkroom.looks():
        if look == "mono":
            continue
        shown = darkroom.look(look).tone(replace(scene)).pixels[:, 0]
        lab = color.oklab_from_rgb(color.srgb_decode(shown), "srgb")
        richer = np.hypot(*lab[1:, :CHROMATIC]) / np.hypot(*truth[1:, :CHROMATIC])
        turned = np.angle((lab[1] + 1j * lab[2])[:CHROMATIC] / (truth[1] + 1j * truth[2])[:CHROMATIC], deg=True)
        found[look] = {
            "chroma": float(richer.mean()),
            "chroma_most": float(richer.max()),
            "hue_rms_deg": float(np.sqrt((turned**2).mean())),
            "hue_most_deg": float(np.abs(turned).max()),
            "contrast": float((lab[0, 18] - lab[0, 23]) / (truth[0, 18] - truth[0, 23])),
        }
    return found


def main() -> None:
    """Judge every light and every look, print the tables, keep the figures."""
    ways = {"anylens": calibrations(), "plain least squares": calibrations(plain=True)}
    judged = {way: {name: differences(known, light) for name, light in LIGHTS.items()} for way, known in ways.items()}
    table(
        "ColorChecker, CIEDE2000: mean (largest); calibrated under A and D65",
        ("", *LIGHTS),
        [(way, *(f"{of.mean():.2f} ({of.max():.1f})" for of in by_light.values())) for way, by_light in judged.items()],
    )
    looks = of_looks()
    columns = ("", "chroma", "largest", "hue, degrees rms", "largest", "contrast of greys")
    table("Looks", columns, [(name, *(f"{value:.2f}" for value in of.values())) for name, of in looks.items()])
    kept = {
        way: {name: {"mean": float(of.mean()), "largest": float(of.max())} for name, of in by_light.items()}
        for way, by_light in judged.items()
    }
    save("color", {"delta_e_2000": kept, "looks": looks}, versions("numpy"))


if __name__ == "__main__":
    main()
