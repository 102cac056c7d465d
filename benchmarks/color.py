"""Colour of a measured chart through a measured camera, and what the looks do to it: python -m benchmarks.color.

Matrices are fitted under A and D65 to 300 drawn surfaces and judged on the 24 measured patches of the ColorChecker,
the whole way from camera colours to Rec. 2020. The peer is the same camera with matrices fitted by plain least
squares. The looks are judged on the patches under D65: chroma and hue in Oklab against the patches' own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import anylens
from anylens import color, darkroom
from anylens.sensor import bayer
from benchmarks.pictures import Array
from benchmarks.report import save, table, versions
from tests import spectra

LIGHTS = {
    "D65": spectra.daylight(6504.0),
    "A": spectra.thermal(2856.0),
    "D50": spectra.daylight(5003.0),
    "3500 K": spectra.thermal(3500.0),
    "LED": spectra.white_led(0.5),
}
CALIBRATED = {17: "A", 21: "D65"}
SURFACES = spectra.smooth_reflectances(300, seed=1)
CHROMATIC = 18


def white(light: Array, by: Array) -> Array:
    """What a white surface gives."""
    return np.asarray(spectra.seen(light, np.ones((1, len(light))), by)[:, 0], np.float64)


def balanced(light: Array, surfaces: Array) -> Array:
    """(3, n) camera colours after white balance."""
    return np.asarray(spectra.seen(light, surfaces, spectra.CAMERA) / white(light, spectra.CAMERA)[:, None], np.float64)


def pcs(light: Array, surfaces: Array) -> Array:
    """(3, n) XYZ as the eye sees the surfaces, adapted to D50."""
    to_d50 = color.adaptation(white(light, spectra.OBSERVER), color.PCS_D50)
    return np.asarray(to_d50 @ spectra.seen(light, surfaces, spectra.OBSERVER), np.float64)


def calibrations(plain: bool) -> tuple[Any, ...]:
    """The camera's calibrations; forward matrices by plain least squares, or as anylens fits them."""
    colors, forwards = [], []
    for name in CALIBRATED.values():
        light = LIGHTS[name]
        seen = [spectra.seen(light, SURFACES, by) for by in (spectra.OBSERVER, spectra.CAMERA)]
        colors.append(color.fit_color_matrix(*seen, white(light, spectra.OBSERVER), white(light, spectra.CAMERA)))
        from_camera, to_eye = balanced(light, SURFACES), pcs(light, SURFACES)
        least = np.linalg.lstsq(from_camera.T, to_eye.T, rcond=None)[0].T
        forwards.append(least if plain else color.fit_forward_matrix(from_camera, to_eye))
    return colors, forwards, (None, None), tuple(CALIBRATED), (1.0, 1.0, 1.0)


def differences(known: tuple[Any, ...], light: Array) -> Array:
    """CIEDE2000 of the 24 patches."""
    rgb = color.camera_to_rec2020(*known, white(light, spectra.CAMERA)) @ balanced(light, spectra.COLORCHECKER)
    to_d50 = color.adaptation(color.xyz_from_xy(color.D65), color.PCS_D50)
    shown = to_d50 @ color.rgb_to_xyz("rec2020") @ rgb
    wanted = color.lab_from_xyz(pcs(light, spectra.COLORCHECKER), color.PCS_D50)
    return color.delta_e_2000(wanted, color.lab_from_xyz(shown, color.PCS_D50))


def of_looks() -> dict[str, dict[str, float]]:
    """By look: chroma over the patches' own, mean and largest; how far hues turn, degrees; contrast of the greys."""
    light = LIGHTS["D65"]
    xyz = spectra.seen(light, spectra.COLORCHECKER, spectra.OBSERVER)
    adapted = color.adaptation(white(light, spectra.OBSERVER), color.xyz_from_xy(color.D65)) @ xyz
    rec2020 = color.xyz_to_rgb("rec2020") @ adapted
    truth = color.oklab_from_rgb(np.maximum(color.xyz_to_rgb("srgb") @ adapted, 0.0), "srgb")
    sensor = anylens.Sensor(name="eye", width_px=24, height_px=1, cfa=bayer("RGGB"))
    facts = anylens.Facts(sensor, (0, 0, 1, 24), (0.0, 0.0, 24.0, 1.0), balance=(1.0, 1.0, 1.0))
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
    ways = {"anylens": calibrations(plain=False), "plain least squares": calibrations(plain=True)}
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
