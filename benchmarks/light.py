"""The light behind the lens at 12.5 MP, nothing kept: seconds of the whole command `anylens shoot` for one frame.

python -m benchmarks.light [NAME...]: all scenes behind a Summicron at f/2, depth at f/8 too, and the fastest lenses
wide open before slanted edges and in depth; or those whose name has one of NAME in it. One run each.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


def shot(camera: str, f_number: float) -> tuple[float, float]:
    """Wall and processor seconds of the command in an empty cache folder."""
    with tempfile.TemporaryDirectory() as folder:
        told = ["--aperture", f"{f_number:g}", "--distance", "3", "-o", folder]
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "anylens.app", "shoot", f"virtual:{camera}", *told],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "XDG_CACHE_HOME": folder},
        )
        wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


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
    found = {name: shot(*case) for name, case in cases.items() if not asked or any(each in name for each in asked)}
    rows = [(name, f"{wall:.1f}", f"{used:.1f}") for name, (wall, used) in found.items()]
    table("Light behind the lens, the whole command", ("", "s", "processor s"), rows)
    save("light", {name: {"wall_s": wall, "processor_s": used} for name, (wall, used) in found.items()}, {})


if __name__ == "__main__":
    main()
