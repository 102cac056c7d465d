"""The light behind the lens at 12.5 MP, nothing kept, and further frames of it, kept, of 12.5 MP and live.

python -m benchmarks.light [NAME...]: seconds of the whole command `anylens shoot` for one frame of all scenes behind a
Summicron at f/2, depth at f/8 too, and of the fastest lenses wide open before slanted edges and in depth, and how many
of them are the light's; then of frames whose light is there. Or those whose name has one of NAME in it. One run each.
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anylens.app.__main__  # noqa: F401 - the program's one thread of BLAS
from anylens.camera.virtual import open_virtual
from anylens.kernels.library import share_memory
from anylens.twin.scenes import scenes
from benchmarks.report import save, table

PHOTO = Path(__file__).parents[1] / "docs" / "gallery" / "scenes.jpg"
SUMMICRON = "summicron_50_f2_v5"
FAST = {
    "canon_50_f0_95": 0.95,
    "nokton_50_f1": 1.0,
    "nikkor_50_f1_1": 1.1,
    "canon_50_f1_2": 1.2,
    "noctilux_50_f1_2": 1.2,
    "nokton_35_f1_2": 1.2,
    "summilux_35_f1_4": 1.4,
}


FURTHER = {
    f"{scene}, {hand}, {mode}": (scene, hand, mode)
    for mode in ("12mp", "live")
    for scene, hand in (
        ("dead-leaves", "tripod"),
        ("dead-leaves", "tremor"),
        ("depth", "tremor"),
        ("moving", "tripod"),
        ("moving", "tremor"),
    )
}
FRAMES = {"12mp": 8, "live": 120}


def shot(camera: str, f_number: float) -> tuple[float, float, float]:
    """Wall and processor seconds of the command in an empty cache folder, and what it says of its light's."""
    with tempfile.TemporaryDirectory() as folder:
        told = ["--aperture", f"{f_number:g}", "--distance", "3", "-o", folder]
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        said = subprocess.run(
            [sys.executable, "-m", "anylens.app", "shoot", f"virtual:{camera}", *told],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "XDG_CACHE_HOME": folder},
        )
        wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    (light,) = re.findall(r"([\d.]+) s for the light", said.stdout + said.stderr)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, float(light)


def further(scene: str, hand: str, mode: str) -> tuple[float, float]:
    """Median wall and processor seconds of a frame after the first, at 1/100 s: moved, noise in it, counted."""
    camera = open_virtual(f"lens={SUMMICRON},scene={scene},hand={hand},mode={mode},aperture=2,distance=3")
    frames = camera.capture([camera.shot(1.0 / 100.0, camera.silicon.lowest_iso)] * (FRAMES[mode] + 1))
    next(frames)
    wall, used = [], []
    for _ in range(FRAMES[mode]):
        begin, before = time.perf_counter(), time.process_time()
        next(frames)
        wall.append(time.perf_counter() - begin)
        used.append(time.process_time() - before)
    return statistics.median(wall), statistics.median(used)


def main() -> None:
    """Measure, print, keep."""
    cases = {
        f"{name}, f/2": (f"lens={SUMMICRON},scene={name}" + (f",photo={PHOTO}" if name == "photo" else ""), 2.0)
        for name in scenes()
    }
    cases["depth, f/8"] = (f"lens={SUMMICRON},scene=depth", 8.0)
    cases |= {
        f"{lens}, f/{wide:g}, {name}": (f"lens={lens},scene={name}", wide)
        for name in ("slanted-edges", "depth")
        for lens, wide in FAST.items()
    }
    asked = sys.argv[1:]

    def chosen(name: str) -> bool:
        return not asked or any(each in name for each in asked)

    found = {name: shot(*case) for name, case in cases.items() if chosen(name)}
    rows = [(name, *(f"{each:.1f}" for each in seconds)) for name, seconds in found.items()]
    table("Light behind the lens, the whole command", ("", "s", "processor s", "light's s"), rows)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        share_memory()
        later = {name: further(*case) for name, case in FURTHER.items() if chosen(name)}
    rows = [(name, *(f"{1e3 * each:.1f}" for each in seconds)) for name, seconds in later.items()]
    table("A further frame", ("", "ms", "processor ms"), rows)
    kept = {
        name: {"wall_s": wall, "processor_s": used, "light_s": light} for name, (wall, used, light) in found.items()
    }
    kept |= {name: {"wall_s": wall, "processor_s": used} for name, (wall, used) in later.items()}
    save("light", kept, {})


if __name__ == "__main__":
    main()
