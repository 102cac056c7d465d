"""Our rays beside those of an independent tracer: optiland's figures of 37 lens designs in truth.json."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin.glass import Mounted, Mounting, prescription
from anylens.twin.glass.character import LINES_NM, Fan, axial_color_mm, distortion, fan, lateral_color_mm, opened
from anylens.twin.glass.optics import Design, design
from anylens.twin.glass.spots import spot

Floats = npt.NDArray[np.floating[Any]]
TRUTH = Path(__file__).parents[1] / "tests" / "references" / "optics.json"
OPTILAND = TRUTH.with_name("optiland.json")
TWO_STOPS = 2.0
LINES_UM = (0.486133, 0.546074, 0.656273)
STEP, STEP_TWO_STOPS = 1.0 / 40.0, 1.3 / 80.0


def net(lens: Design, tangents: npt.ArrayLike, step_mm: float) -> Fan:
    """The rays of far points (fields,) that a square net over the entrance pupil lets through, `step_mm` apart, one on
    the axis."""
    fields = np.asarray(tangents, np.float64)
    at = np.stack([fields, np.zeros_like(fields)], axis=-1)[:, None, None]
    line = np.arange(-26, 27) * step_mm
    pupil = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    rays = lens.send(at, math.inf, pupil, np.array(LINES_NM)[:, None])
    lit = rays.margin > 0.0
    share = lit / lit.sum(axis=-1, keepdims=True) / len(LINES_NM)
    x, y, across, down = (np.where(lit, each, 0.0) for each in (rays.x, rays.y, rays.l / rays.n, rays.m / rays.n))
    return Fan(x, y, across, down, share, np.full(len(fields), math.nan))


def spots(wide: Fan, small: Fan) -> dict[str, float]:
    """truth.json's spots and the planes it counts them in, from rays on the axis first and at the corner last."""
    green = slice(1, 2)
    own = wide.best_focus_mm()
    best, best_green, best_small = own[0], wide.best_focus_mm(green)[0], small.best_focus_mm()[0]
    return {
        "best_focus_offset_poly_um": 1e3 * best,
        "best_focus_offset_green_um": 1e3 * best_green,
        "best_focus_offset_poly_two_stops_um": 1e3 * best_small,
        "corner_focus_minus_axis_um": 1e3 * (own[-1] - best),
        "rms_spot_axis_green_um": 1e3 * wide.rms_mm(best_green, green)[0],
        "rms_spot_axis_poly_um": 1e3 * wide.rms_mm(best)[0],
        "rms_spot_corner_poly_um": 1e3 * wide.rms_mm(best)[-1],
        "rms_spot_corner_poly_own_focus_um": 1e3 * wide.rms_mm(own)[-1],
        "rms_spot_axis_poly_two_stops_um": 1e3 * small.rms_mm(best_small)[0],
        "rms_spot_corner_poly_two_stops_um": 1e3 * small.rms_mm(best_small)[-1],
    }


def netted(slug: str, truth: dict[str, Any]) -> dict[str, float]:
    """The twin's spots summed over the very rays of truth.json: its nets count steps in focal length / f-number."""
    made = prescription(slug)
    lens = design(made, made.f_number, math.inf)
    tangents = [0.0, math.tan(math.radians(truth["field_angle_deg"][-1]))]
    wide_mm = lens.cardinal.focal / made.f_number
    small = net(lens.closed(TWO_STOPS), tangents, STEP_TWO_STOPS * wide_mm)
    return spots(net(lens, tangents, STEP * wide_mm), small)


def figures(slug: str, truth: dict[str, Any]) -> dict[str, Any]:
    """What truth.json has of a design, computed by the twin, under its conventions."""
    made = prescription(slug)
    lens = design(made, made.f_number, math.inf)
    tangents = np.tan(np.radians(truth["field_angle_deg"]))
    cardinal = lens.cardinal
    fields = np.concatenate([[0.0], tangents])
    wide = fan(lens, fields)
    small = fan(lens.closed(TWO_STOPS), fields)
    found = spots(wide, small)
    best = 1e-3 * found["best_focus_offset_poly_um"]
    return {
        **found,
        "efl_mm": cardinal.focal,
        "bfl_mm": cardinal.back_focus,
        "f_number_reached": opened(lens),
        "entrance_pupil_from_first_surface_mm": cardinal.entrance,
        "exit_pupil_from_image_mm": cardinal.exit - made.surfaces[-1].thickness_mm,  # from the printed focus
        "axial_colour_um": dict(zip(("F_minus_e", "C_minus_e"), 1e3 * axial_color_mm(lens)[[0, 2]], strict=True)),
        "distortion_percent": 100.0 * distortion(lens, tangents),
        "relative_illumination_full": wide.solid_sr[1:] / wide.solid_sr[0],
        "relative_illumination_two_stops": small.solid_sr[1:] / small.solid_sr[0],
        "lateral_colour_um_486_546_656": 1e3 * lateral_color_mm(lens.moved(lens.back_mm + best), tangents),
    }


def mtf50(frequencies: Floats, modulation: Floats) -> float:
    """Where a curve falls to one half, by straight lines between its points."""
    below = int(np.argmax(modulation < 0.5))
    share = (modulation[below - 1] - 0.5) / (modulation[below - 1] - modulation[below])
    return float(frequencies[below - 1] + share * (frequencies[below] - frequencies[below - 1]))


def mtf50_rows(kept: list[dict[str, Any]], truths: dict[str, Any]) -> list[dict[str, Any]]:
    """optiland's MTF50 and ours, lp/mm: same lens, stop, plane, field, lines in equal weight, and the same window of
    the spot, whose samples are 0.45 wavelengths of the f-number apart; ours are cells, their aperture taken out."""
    rows = []
    found: dict[tuple[Any, ...], tuple[Floats, dict[str, Floats]]] = {}
    for row in kept:
        key = (row["lens"], row["stops"], row["field_deg"])
        if key not in found:
            found[key] = _curves(row, truths[row["lens"]])
        direction = "tangential" if row["direction"] == "any" else row["direction"]
        frequencies, curves = found[key]
        curve = curves[f"{row['light']} {direction}"]
        theirs = row["mtf50_lp_mm"]
        there = float(np.interp(theirs, frequencies, curve))
        rows.append({**row, "optiland": theirs, "ours": mtf50(frequencies, curve), "ours_there": there})
    return rows


def _curves(row: dict[str, Any], truth: dict[str, Any]) -> tuple[Floats, dict[str, Floats]]:
    made = prescription(row["lens"])
    lens = design(made, made.f_number, math.inf).closed(row["stops"])
    lens = lens.moved(lens.cardinal.back_focus + row["plane_um"] * 1e-3)
    standing = Mounted(made.slug, lens.cardinal.focal, made.f_number, made.image_circle_mm, lens, Mounting(128.0))
    place = np.array([[lens.scale_mm * math.tan(math.radians(row["field_deg"])), 0.0]])
    fronts = standing.fronts(place, [1e3 * each for each in LINES_UM], math.inf)[0]
    frequencies = np.arange(0.0, 1.0 / (0.55e-3 * truth["f_number_reached"] * 2.0 ** (0.5 * row["stops"])), 2.0)
    step = row["step_um"] * 1e-3
    places = (np.arange(row["cells"]) - row["cells"] // 2) * step
    transfers = []
    for front, middle in zip(fronts, row["middles_mm"], strict=True):
        chief = float(standing.observed(place, front.wavelength_nm)[0, 0])
        # The window of the oracle has its middle between two samples.
        shift = abs(middle) + 0.5 * step - chief
        cells = spot(front, step, row["cells"], (shift, 0.5 * step)).astype(np.float64)
        aperture = np.sinc(frequencies * step)
        across = np.exp(-2j * np.pi * np.outer(frequencies, places + shift + chief)) @ cells.sum(axis=0) / aperture
        down = np.exp(-2j * np.pi * np.outer(frequencies, places + 0.5 * step)) @ cells.sum(axis=1) / aperture
        transfers.append((across, down))
    curves = {}
    for at, direction in enumerate(("tangential", "sagittal")):
        curves[f"white {direction}"] = np.abs(sum(each[at] for each in transfers) / 3.0)
        curves[f"546 {direction}"] = np.abs(transfers[1][at])
    return frequencies, curves


def compared(truth_file: Path) -> list[dict[str, Any]]:
    """One row a design: by how much we differ."""
    truths = json.loads(truth_file.read_text("utf-8"))["lens"]
    dense = json.loads(OPTILAND.read_text("utf-8"))["spots"]
    rows = []
    for slug, truth in truths.items():
        ours, same = figures(slug, truth), netted(slug, truth)
        rms = [key for key in ours if key.startswith("rms_spot")]
        rows.append(
            {
                "lens": slug,
                "full": truth["confidence"] == "normal",
                "efl_percent": 100 * abs(ours["efl_mm"] / truth["efl_mm"] - 1),
                "pupils_percent": 100
                * max(
                    abs(ours[key] / truth[key] - 1)
                    for key in ("entrance_pupil_from_first_surface_mm", "exit_pupil_from_image_mm")
                ),
                "f_number_percent": 100 * abs(ours["f_number_reached"] / truth["f_number_reached"] - 1),
                "distortion_points": float(
                    np.abs(ours["distortion_percent"] - np.array(truth["distortion_percent"])).max()
                ),
                "lateral_um": float(
                    np.abs(
                        ours["lateral_colour_um_486_546_656"] - np.array(truth["lateral_colour_um_486_546_656"])
                    ).max()
                ),
                "axial_um": max(
                    abs(ours["axial_colour_um"][key] - truth["axial_colour_um"][key])
                    for key in truth["axial_colour_um"]
                ),
                "illumination_percent": 100
                * max(
                    float(np.abs(ours[key] / np.array(truth[key]) - 1).max())
                    for key in ours
                    if key.startswith("relative")
                ),
                "focus_um": max(
                    abs(ours[key] - truth[key]) for key in ours if key.startswith(("best_focus", "corner_focus"))
                ),
                "same_percent": 100 * max(abs(same[key] / truth[key] - 1) for key in rms),
                "spot_percent": 100 * max(abs(ours[key] / truth[key] - 1) for key in rms),
                "dense_percent": max(
                    (100 * abs(ours[key] / dense[slug][key] - 1) for key in rms if slug in dense), default=math.nan
                ),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, default=TRUTH)
    arguments = parser.parse_args()
    rows = compared(arguments.truth)
    print(
        f"{'lens':24}{'EFL %':>8}{'pupils %':>9}{'f/ %':>7}{'dist pp':>9}{'lat um':>8}{'ax um':>7}{'illum %':>8}"
        f"{'focus um':>9}{'same %':>8}{'spot %':>8}{'dense %':>8}"
    )
    for row in rows:
        mark = "" if row["full"] else "  reduced"
        print(
            f"{row['lens']:24}{row['efl_percent']:8.4f}{row['pupils_percent']:9.4f}{row['f_number_percent']:7.3f}"
            f"{row['distortion_points']:9.5f}{row['lateral_um']:8.4f}{row['axial_um']:7.3f}{row['illumination_percent']:8.3f}"
            f"{row['focus_um']:9.3f}{row['same_percent']:8.3f}{row['spot_percent']:8.3f}{row['dense_percent']:8.3f}{mark}"
        )
    print()
    print(
        f"{'MTF50, lp/mm':24}{'stops':>6}{'field':>7} {'light':6}{'direction':11}{'optiland':>9}{'ours':>9}"
        f"{'%':>7}{'MTF':>7}"
    )
    for row in mtf50_rows(
        json.loads(OPTILAND.read_text("utf-8"))["mtf50"], json.loads(arguments.truth.read_text("utf-8"))["lens"]
    ):
        off = 100.0 * (row["ours"] / row["optiland"] - 1.0)
        print(
            f"{row['lens']:24}{row['stops']:6g}{row['field_deg']:7.2f} {row['light']:6}{row['direction']:11}"
            f"{row['optiland']:9.2f}{row['ours']:9.2f}{off:7.2f}{row['ours_there']:7.3f}"
        )


if __name__ == "__main__":
    main()
