"""How well ordinary photos tell a lens's blur: python -m benchmarks.photo_blur [--folder DIR].

Three simulated raws of street fronts, 12.5 MP, the camera turned and rolled as a hand does, behind each of several
lenses and apertures, calibrated as `lens calibrate --photos` does. MTF50 in green, the pixel's square in it, of the
passport beside that of the lens itself, along the radius and across it, in the middle, half way out and at 0.85 of half
the diagonal, towards two corners. The goal is 15 %. `--folder` keeps the raws.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.camera.virtual import open_virtual
from anylens.lab.calibrate_files import Given
from anylens.lab.calibrate_photos import photo_sections, photo_view
from anylens.lab.specimen import specimen
from anylens.lab.spread import lens_mtf
from anylens.lens import Lens
from anylens.lens.passport import PsfField
from anylens.twin.glass import Mounting
from anylens.twin.light import Formation
from anylens.twin.spectra import source
from anylens.twin.spreading import Spreads
from benchmarks.calibration import raws
from benchmarks.report import save, table, versions

Floats = npt.NDArray[np.float64]

CASES = {
    "apo_lanthar_50_f2": (2.8, 4.0),
    "nikkor_o_21_f4": (4.0, 8.0),
    "summicron_35_f2_v1": (2.0, 4.0, 8.0),
}
SCENES = [
    "scene=facade,arrangement=1,right=14,roll=2",
    "scene=facade,arrangement=2,right=-10,roll=-5",
    "scene=facade,arrangement=3,right=5,roll=-6",
]
DISTANCE_M = 10.0
PARTS = {"middle": 0.02, "half way": 0.5, "outer": 0.85}
CORNERS = (0.8, 0.6), (0.8, -0.6)
CPP = np.linspace(0.0, 1.0, 401)


def true_blur(lens: str, f_number: float) -> Spreads:
    """What the simulated lens does to points, all over the field."""
    camera = open_virtual(f"lens={lens},scene=facade,aperture={f_number:g},distance={DISTANCE_M:g}")
    silicon, setup = camera.silicon, camera.setup
    mounting, light = Mounting(f_number, setup.distance), source(setup.light)
    way = Formation(camera.glass, mounting, silicon, light, setup.margin, kept=True)
    return way.spreads(setup.distance)


def half(mtf: Floats) -> float:
    """Cycles a pixel at which an MTF at CPP first falls to one half."""
    at = max(int(np.argmax(mtf < 0.5)), 1)
    return float(np.interp(-0.5, -mtf[at - 1 : at + 1], CPP[at - 1 : at + 1]))


def true_mtf50(blur: Spreads, place_mm: tuple[float, float], way_deg: float) -> float:
    """Of green at a place, light changing towards `way_deg`."""
    kernel = blur.at(*place_mm)[1].astype(np.float64)
    size = kernel.shape[-1]
    places = (np.arange(size) - size // 2 + (blur.fine - 1) / 2) / blur.fine
    right, down = (np.exp(-2j * np.pi * CPP[:, None] * c * places) for c in _way(way_deg))
    return half(np.abs(np.einsum("fy,yx,fx->f", down, kernel, right)) / kernel.sum())


def told_mtf50(field: PsfField, pitch_um: float, place_mm: tuple[float, float], way_deg: float) -> float:
    """The same by a passport."""
    x, y = _way(way_deg)
    return half(lens_mtf(field, place_mm, way_deg, CPP * 1e3 / pitch_um) * np.abs(np.sinc(CPP * x) * np.sinc(CPP * y)))


def _way(way_deg: float) -> tuple[float, float]:
    return math.cos(math.radians(way_deg)), math.sin(math.radians(way_deg))


def measured(folder: Path, lens: str, f_number: float) -> dict[str, Any]:
    """By place how far the passport's MTF50 is off, percent, the farther corner's; or why there is none."""
    files = raws(folder / f"{lens}-{f_number:g}", SCENES, len(SCENES), lens, f_number, DISTANCE_M)
    views = [photo_view(specimen(file), Given()) for file in files]
    facts, pitch_um = views[0].facts, views[0].facts.pitch_um
    assert pitch_um is not None
    sections, why = photo_sections(views, Lens("", lens), pitch_um)
    if "psf" not in sections:
        return {"why": why["psf"]}
    (field,) = sections["psf"]
    assert isinstance(field, PsfField)
    blur, reach_mm = true_blur(lens, f_number), math.hypot(facts.width_px, facts.height_px) * pitch_um * 5e-4
    found = {}
    for name, part in PARTS.items():
        for way, turned in (("along", 0.0), ("across", 90.0)):
            off = []
            for x, y in CORNERS:
                place = part * reach_mm * x, part * reach_mm * y
                way_deg = math.degrees(math.atan2(y, x)) + turned
                off.append(100 * (told_mtf50(field, pitch_um, place, way_deg) / true_mtf50(blur, place, way_deg) - 1))
            found[f"{name}, {way}"] = max(off, key=abs)
    return found


def main() -> None:
    """Print the table and keep it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", help="keep the raws there")
    given = options.parse_args()
    places = [f"{name}, {way}" for name in PARTS for way in ("along", "across")]
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(given.folder or spare)
        results = {
            f"{lens} f/{f_number:g}": measured(folder, lens, f_number)
            for lens, numbers in CASES.items()
            for f_number in numbers
        }
    rows = [
        (name, *(f"{each[place]:+.1f}" if place in each else None for place in places))
        for name, each in results.items()
    ]
    table("MTF50 by three photos, off by percent (simulated)", ["lens", *places], rows)
    save("photo_blur", results, versions("numpy", "scipy", "opencv-python-headless"))


if __name__ == "__main__":
    main()
