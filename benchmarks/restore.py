"""What is given back of the sharpness that a lens of f/2 took: python -m benchmarks.restore [LENS...].

Slanted edges all over the field, drawn through the lens by the twin and counted by the sensor at ISO 100; the blur in
the passport is measured from that raw itself. MTF50 and overshoot are those of the luma of the developed scene, as
drawn and restored: medians of the six edges nearest the middle, of ten half way out and of the ten outermost.
Simulated.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from anylens import darkroom
from anylens.camera.virtual import open_virtual
from anylens.frame import Frame
from anylens.kernels.sharpen import LUMA
from anylens.lab import of_image, sharpness
from anylens.lab.charts import Edge
from anylens.lab.samples import Samples
from anylens.lab.sharpness import EdgeSharpness, edge_sharpness, edges_sharpness
from anylens.lab.spread import spread_field
from anylens.lens import Lens, Passport
from anylens.lens.passport import Origin
from anylens.shot import Shot
from benchmarks.report import save, table, versions

LENSES = "summilux_50_f1_4_v2", "summicron_50_f2_v5", "nokton_50_f1_5", "summicron_35_f2_v1", "apo_summicron_35_f2"
F_NUMBER = 2.0
PLACES = {"middle": 6, "half way": 10, "corner": 10}
LENIENT: dict[str, Any] = {"_STRANGE": np.inf, "_MOST_DROPPED": 1.0, "_MOST_OVERSHOOT": np.inf}
"""Restored edges may overshoot, for which the lab would refuse them; here that is what is asked."""


def shot(lens: str) -> tuple[Frame, tuple[EdgeSharpness, ...]]:
    """A raw of slanted edges with its own passport, and the edges in it."""
    camera = open_virtual(f"lens={lens},scene=slanted-edges,aperture={F_NUMBER:g},distance=3,seed=3")
    (frame,) = camera.capture([Shot(0.01, 1.0)])
    camera.close()
    edges = edges_sharpness(of_image(frame, "edges").samples("G")).edges
    pitch_um = frame.facts.sensor.pitch_um
    assert pitch_um is not None
    assert frame.facts.body is not None
    origin = Origin(f_number=F_NUMBER, method="edges", frames=1, date="2026-01-01")
    field = spread_field(edges, pitch_um, origin)
    passport = Passport(frame.facts.lens or Lens("", lens), frame.facts.body.name, psf=(field,))
    return replace(frame, facts=replace(frame.facts, passport=passport)), edges


def luma(frame: Frame, strength: float) -> npt.NDArray[np.float32]:
    """(H, W) of the developed scene."""
    recipe = darkroom.adjust(darkroom.default_recipe(), f"Restore.strength={strength:g}")
    scene = darkroom.develop(frame, recipe, until="scene")
    return np.einsum("c,cyx->yx", np.array(LUMA, np.float32), scene.pixels)


def at(picture: npt.NDArray[np.float32], edge: EdgeSharpness) -> EdgeSharpness:
    """The same edge in another picture."""
    turn = np.radians(edge.angle_deg)
    x, y = (part * edge.length_px / 2 for part in (np.cos(turn), np.sin(turn)))
    (mx, my) = edge.place_px
    return edge_sharpness(Samples(picture), Edge((mx - x, my - y), (mx + x, my + y), edge.half_width_px))


def measured(picture: npt.NDArray[np.float32], edges: tuple[EdgeSharpness, ...]) -> dict[str, tuple[float, ...]]:
    """MTF50, and overshoot in percent, median and largest, of PLACES."""
    middle = np.array(picture.shape[::-1]) / 2
    radius = np.array([np.hypot(*(edge.place_px - middle)) for edge in edges]) / np.hypot(*middle)
    order, half = np.argsort(radius), np.argsort(np.abs(radius - 0.5))
    chosen = {"middle": order[: PLACES["middle"]], "half way": half[: PLACES["half way"]]}
    chosen["corner"] = order[-PLACES["corner"] :]
    found: dict[str, tuple[float, ...]] = {}
    for name, which in chosen.items():
        seen = [at(picture, edges[n]) for n in which]
        over = [100 * each.overshoot for each in seen]
        found[name] = float(np.median([each.mtf50_cpp.value for each in seen])), float(np.median(over)), max(over)
    return found


def main(lenses: list[str]) -> None:
    rows: list[tuple[str, ...]] = []
    kept: dict[str, Any] = {}
    with mock.patch.multiple(sharpness, **LENIENT):
        for lens in lenses or LENSES:
            frame, edges = shot(lens)
            kept[lens] = {
                name: measured(luma(frame, part), edges) for name, part in (("drawn", 0.0), ("restored", 1.0))
            }
            for name, each in kept[lens].items():
                over = [f"{each['corner'][1]:.1f}", f"{max(place[2] for place in each.values()):.1f}"]
                part = f"{100 * each['corner'][0] / each['middle'][0]:.0f}"
                rows.append((lens, name, *(f"{each[place][0]:.3f}" for place in PLACES), part, *over))
    heads = ("lens, f/2", "", *PLACES, "corner, % of middle", "overshoot in corners, %", "largest anywhere, %")
    table("MTF50, cycles per pixel", heads, rows)
    save("restore", kept, versions())


if __name__ == "__main__":
    main(sys.argv[1:])
