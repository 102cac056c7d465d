"""What optiland says of the designs: spots of dense nets of rays and MTFs by its Huygens integral, kept for the tests.

Runs in an environment of its own, where `pip install optiland==0.6.3` is all that it needs; it shares no code with the
twin and reads the prescriptions and glasses by itself. `python benchmarks/oracle.py` writes
tests/references/optiland.json anew, in about an hour on two cores; names of lenses after it renew only these.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from optiland.materials.base import BaseMaterial
from optiland.optic import Optic
from optiland.physical_apertures.radial import RadialAperture
from optiland.psf.huygens_fresnel import ScalarHuygensPSF

ROOT = Path(__file__).parents[1]
GLASS = ROOT / "src" / "anylens" / "twin" / "glass"
TRUTH = ROOT / "tests" / "references" / "optics.json"
KEPT = ROOT / "tests" / "references" / "optiland.json"
LINES_UM = (0.486133, 0.546074, 0.656273)
SPOTS = 201
RAYS = 160
CELLS = 128
# Lens and by how many stops it is closed.
CURVES = (
    ("summicron_50_f2_v5", 2.0),
    ("summicron_50_f2_v5", 0.0),
    ("summilux_50_f1_4_v2", 2.0),
    ("nokton_50_f1_5", 2.0),
    ("nokton_35_f1_2", 2.0),
    ("elcan_50_f2", 2.0),
    ("apo_skopar_90_f2_8", 0.0),
    ("apo_lanthar_50_f3_5", 0.0),
    ("color_skopar_35_f3_5", 0.0),
    ("macro_elmar_90_f4", 0.0),
    ("hologon_15_f8", 0.0),
    ("nikkor_o_21_f4", 0.0),
)


class Sellmeier(BaseMaterial):
    """A glass by its coefficients in glasses.toml."""

    def __init__(self, strengths: list[float], resonances: list[float]) -> None:
        super().__init__()
        self.strengths, self.resonances = strengths, resonances

    def _calculate_n(self, wavelength: Any, **_: Any) -> Any:
        squared = np.asarray(wavelength, float) ** 2
        terms = [b * squared / (squared - c) for b, c in zip(self.strengths, self.resonances, strict=True)]
        return np.sqrt(1.0 + sum(terms))

    def _calculate_k(self, wavelength: Any, **_: Any) -> Any:
        return 0.0 * np.asarray(wavelength, float)


def glasses() -> dict[str, Sellmeier]:
    table = tomllib.loads((GLASS / "glasses.toml").read_text("utf-8"))
    return {each["name"]: Sellmeier(each["B"], each["C"]) for each in table["glass"]}


def lens(slug: str, truth: dict[str, Any], stops: float, shift_mm: float) -> Optic:
    """A design closed by `stops`, its image plane `shift_mm` behind the paraxial focus of the e line."""
    made = tomllib.loads((GLASS / "prescriptions" / f"{slug}.toml").read_text("utf-8"))
    known = glasses()
    optic = Optic()
    optic.surfaces.add(index=0, radius=np.inf, thickness=np.inf)
    last = len(made["surface"])
    for at, each in enumerate(made["surface"], 1):
        half = each["semi_diameter_mm"] * (2.0 ** (-0.5 * stops) if each.get("stop") else 1.0)
        more: dict[str, Any] = {}
        if "even_coefficients" in each:
            more = {"surface_type": "even_asphere", "coefficients": [0.0, *each["even_coefficients"]]}
        optic.surfaces.add(
            index=at,
            radius=each["radius_mm"],
            thickness=truth["bfl_mm"] + shift_mm if at == last else each["thickness_mm"],
            material=known[each["glass"]] if "glass" in each else "air",
            conic=each.get("conic", 0.0),
            is_stop=bool(each.get("stop")),
            aperture=RadialAperture(r_max=half),
            **more,
        )
    optic.surfaces.add(index=last + 1)
    # Wider than the beam: the rims of the surfaces cut it, not the paraxial pupil.
    wide = 1.25 * truth["efl_mm"] / truth["f_number_reached"] * 2.0 ** (-0.5 * stops)
    optic.set_aperture("EPD", wide)
    optic.fields.set_type("angle")
    optic.fields.add(y=0.0)
    optic.fields.add(y=truth["field_angle_deg"][-1])
    for at, each in enumerate(LINES_UM):
        optic.wavelengths.add(value=each, is_primary=at == 1)
    return optic


def spot_um(optic: Optic, field: float, colors: tuple[float, ...], wide: bool) -> tuple[float, float]:
    """(rms about the common middle at its best plane against the optic's, that plane in um) of a dense net of rays."""
    parts = []
    for color in colors:
        rays = optic.trace(Hx=0.0, Hy=field, wavelength=color, num_rays=SPOTS, distribution="uniform")
        lit = np.asarray(rays.i) > 0
        parts.append(np.stack([np.asarray(a)[lit] for a in (rays.x, rays.y, rays.L / rays.N, rays.M / rays.N)]))
    weight = np.concatenate([np.full(each.shape[1], 1.0 / each.shape[1]) for each in parts]) / len(parts)
    x, y, sx, sy = np.concatenate(parts, axis=1)
    x, y, sx, sy = (each - (weight * each).sum() for each in (x, y, sx, sy))
    plane = -(weight * (x * sx + y * sy)).sum() / (weight * (sx**2 + sy**2)).sum() if wide else 0.0
    return 1e3 * math.sqrt((weight * ((x + plane * sx) ** 2 + (y + plane * sy) ** 2)).sum()), 1e3 * plane


def spots(slug: str, truth: dict[str, Any]) -> dict[str, float]:
    made: dict[str, float] = {}
    for stops, tail in ((0.0, ""), (2.0, "_two_stops")):
        flat = lens(slug, truth, stops, 0.0)
        rms, plane = spot_um(flat, 0.0, LINES_UM, True)
        made[f"rms_spot_axis_poly{tail}_um"], made[f"best_focus_offset_poly{tail}_um"] = rms, plane
        there = lens(slug, truth, stops, plane * 1e-3)
        made[f"rms_spot_corner_poly{tail}_um"] = spot_um(there, 1.0, LINES_UM, False)[0]
        if not stops:
            made["rms_spot_axis_green_um"] = spot_um(flat, 0.0, LINES_UM[1:2], True)[0]
            made["rms_spot_corner_poly_own_focus_um"] = spot_um(there, 1.0, LINES_UM, True)[0]
    return {key: round(float(value), 4) for key, value in made.items()}


def otf(optic: Optic, field: float, color: float, pitch: float, frequencies: np.ndarray) -> tuple[np.ndarray, float]:
    """The complex OTF along y (tangential) and x (2, frequencies) of one line, and the middle of its samples, y."""
    seen = ScalarHuygensPSF(
        optic, (0.0, field), color, num_rays=RAYS, image_size=CELLS, pixel_pitch=pitch, normalization=1.0
    )
    power = np.asarray(seen.psf, float)
    power = power / power.sum()
    extent = 0.5 * CELLS * pitch
    places = np.linspace(-extent, extent, CELLS)
    down = np.exp(-2j * np.pi * np.outer(frequencies, places + float(seen.cy))) @ power.sum(axis=1)
    across = np.exp(-2j * np.pi * np.outer(frequencies, places + float(seen.cx))) @ power.sum(axis=0)
    return np.stack([down, across]), float(seen.cy)


def mtf50(frequencies: np.ndarray, modulation: np.ndarray) -> float | None:
    below = np.nonzero(modulation < 0.5)[0]
    if not len(below):
        return None
    at = below[0]
    share = (modulation[at - 1] - 0.5) / (modulation[at - 1] - modulation[at])
    return float(frequencies[at - 1] + share * (frequencies[at] - frequencies[at - 1]))


def curves(slug: str, truth: dict[str, Any], stops: float) -> list[dict[str, Any]]:
    """MTF50 on the axis and at the corner, in the plane of truth.json's best focus of that aperture."""
    key = "best_focus_offset_poly_two_stops_um" if stops else "best_focus_offset_poly_um"
    optic = lens(slug, truth, stops, truth[key] * 1e-3)
    number = truth["f_number_reached"] * 2.0 ** (0.5 * stops)
    pitch = round(0.45e-3 * LINES_UM[0] * number, 7)
    frequencies = np.arange(0.0, 1.0 / (0.55e-3 * number), 2.0)
    rows = []
    for field in (0.0, 1.0):
        each = [otf(optic, field, color, pitch, frequencies) for color in LINES_UM]
        middles = [round(one[1], 7) for one in each]
        for name, mixed in (("white", sum(one[0] for one in each) / 3.0), ("546", each[1][0])):
            for direction, one in (("tangential", mixed[0]), ("sagittal", mixed[1])):
                if field == 0.0 and direction == "sagittal":
                    continue
                found = mtf50(frequencies, np.abs(one))
                rows.append(
                    {
                        "lens": slug,
                        "stops": stops,
                        "plane_um": truth[key],
                        "field_deg": truth["field_angle_deg"][-1] if field else 0.0,
                        "light": name,
                        "direction": direction if field else "any",
                        "step_um": round(1e3 * pitch * CELLS / (CELLS - 1), 7),
                        "cells": CELLS,
                        "middles_mm": middles,
                        "mtf50_lp_mm": None if found is None else round(found, 3),
                    }
                )
    return rows


def main() -> None:
    truths = json.loads(TRUTH.read_text("utf-8"))["lens"]
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {"spots": {}, "mtf50": []}
    kept["made_with"] = (
        f"benchmarks/oracle.py, optiland {version('optiland')}: spots of {SPOTS} x {SPOTS} rays; MTF50 of "
        f"ScalarHuygensPSF with {RAYS} x {RAYS} rays on {CELLS} x {CELLS} points, lines F, e, C in equal weight"
    )
    warnings.simplefilter("ignore")  # of numba about itself
    asked = sys.argv[1:] or list(truths)
    for slug in asked:
        kept["spots"][slug] = spots(slug, truths[slug])
        print(slug, kept["spots"][slug], flush=True)
        for name, stops in CURVES:
            if name == slug:
                rest = [row for row in kept["mtf50"] if (row["lens"], row["stops"]) != (slug, stops)]
                kept["mtf50"] = rest + curves(slug, truths[slug], stops)
                print(*kept["mtf50"][len(rest) :], sep="\n", flush=True)
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
