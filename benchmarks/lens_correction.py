"""Shading, geometry and lateral colour by a passport beside lensfunpy with OpenCV's cubic remap, in one run.

python -m benchmarks.lens_correction [MEGAPIXELS...]. Both correct a float32 picture of three colours: Lensfun the
same lens, exported to it from the passport, its vignetting and its places in subpixels, remapped with INTER_CUBIC,
colour by colour; ours the kernels `shade`, `matrix` and `warp` as develop calls them, the places and gains planned
anew each time. Ours shades the mosaic, before demosaicing, a third of the samples. Then what each part of a passport
adds to developing the demo raw: the median of rounds in turns, in process and warm, then a whole program each time,
from the raw to its JPEG. Beside each time stands that of all processors together, which other work on the machine
disturbs less.
"""

from __future__ import annotations

import importlib.util
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import anylens
from anylens.darkroom.stages.mosaic import Shade
from anylens.darkroom.stages.scene import Unbend
from anylens.files.lensfun import FULL_FRAME_MM, lensfun_text
from anylens.files.passport_out import write_passport
from anylens.frame import Facts, Frame
from anylens.image import Mosaic, Scene
from anylens.lens import Lens, Passport, Setting
from anylens.lens.passport import Geometry, Lateral, PsfField, Vignetting
from anylens.sensor import Calibration, Sensor, bayer
from benchmarks.report import ROOT, save, table, versions
from tests.sections import section

ROUNDS = 5
NONE = float("inf")
PASSPORT = Passport(
    Lens("anylens", "35", (35.0, 35.0), (1.4, 1.4)),
    "bench",
    geometry=(section(Geometry, NONE, focal_mm=35.0, radial=(-0.08, 0.02, 0.0), reach_mm=21.6),),
    vignetting=(section(Vignetting, NONE, f_number=1.4, radial=(-0.9, 0.4, -0.1), reach_mm=21.6),),
    lateral=(section(Lateral, NONE, red=(2e-4, 1e-4, 0.0), blue=(-2e-4, 0.0, 1e-4), reach_mm=21.6),),
)
BLUR = section(
    PsfField,
    NONE,
    f_number=1.4,
    reach_mm=21.6,
    core_um2=((20.0,), (0.0,), (20.0,)),
    skirt_share=((0.1,),),
    skirt_um2=((400.0,), (0.0,), (400.0,)),
    skirt_aside_um=((3.0,), (0.0,)),
)
MATRIX = ((0.90, -0.30, -0.08), (-0.40, 1.25, 0.15), (-0.05, 0.20, 0.60))


def ours(height: int, width: int) -> Callable[[], Any]:
    """Shade a mosaic and unbend a scene of that size."""
    pitch = 36000.0 / width
    sensor = Sensor("bench", width, height, bayer("RGGB"), pitch_um=pitch, calibrations=(Calibration(21, MATRIX),))
    crop = (0.0, 0.0, float(width), float(height))
    facts = Facts(sensor, (0, 0, height, width), crop, setting=Setting("hand", 1.4), passport=PASSPORT)
    facts = replace(facts, balance=(1.0, 1.0, 1.0))
    rng = np.random.default_rng(1)
    mosaic = Mosaic(rng.random((height, width), np.float32), facts, overview=np.ones((3, 8, 8), np.float32))
    scene = Scene(rng.random((3, height, width), np.float32), facts)
    return lambda: (Shade()(mosaic), Unbend()(scene))


def theirs(height: int, width: int) -> Callable[[], Any]:
    """Lensfun's vignetting and places, and OpenCV's cubic remap, colour by colour."""
    import cv2
    import lensfunpy

    (lens,) = lensfunpy.Database(xml=lensfun_text(PASSPORT), load_common=False, load_bundled=False).lenses
    crop = FULL_FRAME_MM / (np.hypot(width, height) / 2 * 0.036 * 1000 / width)
    picture = np.random.default_rng(1).random((height, width, 3), np.float32)

    def corrected() -> Any:
        modifier = lensfunpy.Modifier(lens, crop, width, height)
        modifier.initialize(35.0, 1.4, 1000.0, pixel_format=np.float32)
        even = picture.copy()
        modifier.apply_color_modification(even)
        places = modifier.apply_subpixel_geometry_distortion()
        planes = [
            cv2.remap(np.ascontiguousarray(even[..., c]), places[:, :, c], None, cv2.INTER_CUBIC) for c in range(3)
        ]
        return np.stack(planes)

    return corrected


class Taken(NamedTuple):
    """Seconds by the clock, and of all processors together."""

    wall: float
    cpu: float


def timed(work: Callable[[], Any]) -> Taken:
    """What one run takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - wall, time.process_time() - cpu)


def best(work: Callable[[], Any]) -> Taken:
    """The shortest of some rounds."""
    return Taken(*map(min, zip(*(timed(work) for _ in range(ROUNDS)), strict=True)))


PARTS = {
    "no passport": None,
    "falloff": replace(PASSPORT, geometry=(), lateral=()),
    "falloff, distortion": replace(PASSPORT, lateral=()),
    "falloff, distortion, lateral colour": PASSPORT,
    "all of it and blur": replace(PASSPORT, psf=(BLUR,)),
}


def demo() -> Frame:
    """The demo raw, as if its sensor were full frame and its lens stood at f/1.4."""
    frame = anylens.read(ROOT / "demo" / "GOPR0024.dng")
    assert isinstance(frame, Frame)
    sensor = replace(frame.facts.sensor, pitch_um=9.0)
    return replace(frame, facts=replace(frame.facts, sensor=sensor, setting=Setting("hand", 1.4)))


def developed() -> dict[str, Taken]:
    """What the demo raw takes to develop with each of `PARTS`."""
    frame = demo()
    taken: dict[str, list[Taken]] = {name: [] for name in PARTS}
    for _ in range(ROUNDS + 1):
        for name, passport in PARTS.items():
            taken[name].append(timed(partial(anylens.develop, frame, bits=8, passport=passport or "none")))
    return {name: Taken(*map(statistics.median, zip(*rounds[1:], strict=True))) for name, rounds in taken.items()}


def program(passport: str, photo: str) -> None:
    """Develop the demo raw into a JPEG by the passport in a file, or none, as the command line does."""
    from anylens.darkroom import latent
    from anylens.lens import read_passport

    anylens.write(latent(demo(), passport=read_passport(Path(passport)) if passport else "none"), photo)


def programs() -> dict[str, Taken]:
    """What `program` takes as a process of its own with each of `PARTS`."""
    taken: dict[str, list[Taken]] = {name: [] for name in PARTS}
    with tempfile.TemporaryDirectory() as folder:
        for at, passport in enumerate(PARTS.values()):
            if passport is not None:
                write_passport(passport, Path(folder) / f"{at}.toml")
        for _ in range(ROUNDS + 1):
            for at, (name, passport) in enumerate(PARTS.items()):
                told = "" if passport is None else f"{folder}/{at}.toml"
                code = f"from benchmarks.lens_correction import program; program({told!r}, '{folder}/a.jpg')"
                taken[name].append(timed_process([sys.executable, "-c", code]))
    return {name: Taken(*map(statistics.median, zip(*rounds[1:], strict=True))) for name, rounds in taken.items()}


def timed_process(command: list[str]) -> Taken:
    """What a process takes."""
    wall, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, cwd=ROOT)
    wall, now = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(wall, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)


def _added(now: float, then: float) -> tuple[str, str]:
    return f"{1000 * now:.0f}", f"{100 * (now / then - 1):+.0f} %"


def main(sizes: list[float]) -> None:
    if importlib.util.find_spec("lensfunpy") is None:
        raise SystemExit("lensfunpy is absent, so there is no peer to measure beside: pip install lensfunpy")
    rows: list[tuple[str, ...]] = []
    found: dict[str, Any] = {}
    for megapixels in sizes or [12.5, 50.0]:
        height = round((megapixels * 1e6 / 1.5) ** 0.5 / 2) * 2
        width = round(height * 1.5 / 2) * 2
        mine, peer = best(ours(height, width)), best(theirs(height, width))
        times = [f"{1000 * each:.0f}" for each in (mine.wall, peer.wall, mine.cpu, peer.cpu)]
        ratios = [f"{peer.wall / mine.wall:.2f}", f"{peer.cpu / mine.cpu:.2f}"]
        rows.append((f"{megapixels:g} MP", *times[:2], ratios[0], *times[2:], ratios[1]))
        found[f"{megapixels:g}"] = {
            "anylens_s": mine.wall,
            "lensfunpy_cv2_s": peer.wall,
            "anylens_cpu_s": mine.cpu,
            "lensfunpy_cv2_cpu_s": peer.cpu,
        }
    heads = ("anylens ms", "lensfunpy + cv2.remap ms", "times")
    table("Shading, geometry, lateral colour", ("size", *heads, *(f"{head}, cpu" for head in heads)), rows)
    for title, key, parts in (
        ("Developing the demo raw, in process", "develop", developed()),
        ("The same as a whole program", "program", programs()),
    ):
        plain = parts["no passport"]
        rows = [(name, *_added(each.wall, plain.wall), *_added(each.cpu, plain.cpu)) for name, each in parts.items()]
        table(title, ("by a passport's", "ms", "adds", "ms, cpu", "adds, cpu"), rows)
        found[f"{key}_s"] = {name: each.wall for name, each in parts.items()}
        found[f"{key}_cpu_s"] = {name: each.cpu for name, each in parts.items()}
    save("lens_correction", found, versions("lensfunpy", "opencv-python-headless"))


if __name__ == "__main__":
    main([float(each) for each in sys.argv[1:]])
