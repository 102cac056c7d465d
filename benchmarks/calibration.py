"""How long calibrating and identifying take, whole commands on raws of 12.5 MP: python -m benchmarks.calibration.

The raws are simulated: a white wall, a chart from four sides, a slow pan of eight before a street front, each as often
as it takes, with noise of its own. Light behind the lens is formed the first time only (about ten minutes), the twin
keeps it. `--folder` keeps the raws. Goals are those of the project: 3, 20, 60 and 5 s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import save, table, versions

LENS, NAME = "nikkor_o_21_f4", "Nikkor-O 21mm f/4"
OTHERS = 5
SIDES = "turn_right=0", "turn_right=25", "turn_right=-20,turn_down=15", "turn_right=10,turn_down=-25"
PAN = (
    "right=-32.188,down=0.478,roll=1.204",
    "right=-23.406,down=0.937,roll=0.031",
    "right=-13.583,down=2.971,roll=-1.178",
    "right=-4.879,down=-0.777,roll=-0.635",
    "right=5.096,down=-0.553,roll=-1.419",
    "right=14.205,down=-0.245,roll=0.784",
    "right=23.313,down=1.090,roll=-0.785",
    "right=32.801,down=-3.248,roll=-1.244",
)
"""A hand's: by a quarter of the picture, not quite level."""

WORK = {
    "flat": (["scene=white-wall"], 4, 3.0),
    "chart": ([f"scene=charuco-grid,{side}" for side in SIDES], 20, 20.0),
    "photos": ([f"scene=facade,arrangement=1,{turned}" for turned in PAN], 20, 60.0),
}


def anylens(*arguments: str) -> tuple[float, float]:
    """Seconds on the clock and of all cores that a command took; raises where it fails."""
    start = time.perf_counter()
    command = [sys.executable, "-c", "from anylens.app.__main__ import main; main()", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(arguments[:3])} failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def raws(
    folder: Path, scenes: list[str], count: int, lens: str = LENS, f_number: float = 4.0, distance_m: float = 10.0
) -> list[str]:
    """Files of these scenes in turn, each with noise of its own; those that are there stay."""
    rings = "--aperture", f"{f_number:g}", "--distance", f"{distance_m:g}"
    for at in range(count):
        if not list((folder / str(at)).glob("*.dng")):
            setup = f"virtual:lens={lens},{scenes[at % len(scenes)]},seed={at}"
            exposure = f"{0.04 * (f_number / 4.0) ** 2:.3f}"
            anylens("shoot", setup, *rings, "--exposure", exposure, "-o", str(folder / str(at)))
    return [str(next((folder / str(at)).glob("*.dng"))) for at in range(count)]


def measured(folder: Path, only: list[str]) -> dict[str, dict[str, Any]]:
    """Each work's seconds, beside its goal."""
    results: dict[str, dict[str, Any]] = {}
    passports: list[str] = []
    for kind in only:
        scenes, count, goal = WORK[kind]
        files = raws(folder / kind, scenes, count)
        place = folder / f"{kind}.toml"
        place.unlink(missing_ok=True)
        wall, work = anylens("lens", "calibrate", NAME, f"--{kind}", *files, "-o", str(place))
        results[kind] = {"files": count, "seconds": wall, "cpu_seconds": work, "goal_seconds": goal}
        if kind == "photos":
            passports = [str(place)]
            for other in range(OTHERS):
                passports.append(str(folder / f"other{other}.toml"))
                Path(passports[-1]).write_text(place.read_text("utf-8").replace(NAME, f"Other {other}"), "utf-8")
            wall, work = anylens("lens", "identify", *files[:2], "--passport", *passports)
            results["identify"] = {"files": 2, "seconds": wall, "cpu_seconds": work, "goal_seconds": 5.0}
    return results


def main() -> None:
    """Print the table and keep it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", help="keep the raws there")
    options.add_argument("--only", nargs="+", choices=list(WORK), default=list(WORK), help="which; keeps no figures")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        results = measured(Path(given.folder or spare), given.only)
    columns = ["work", "files", "seconds", "cpu seconds", "goal"]
    rows = [
        (name, each["files"], f"{each['seconds']:.1f}", f"{each['cpu_seconds']:.1f}", f"{each['goal_seconds']:g}")
        for name, each in results.items()
    ]
    table("Calibrating from simulated raws of 12.5 MP", columns, rows)
    if given.only == list(WORK):
        save("calibration", results, versions("numpy", "scipy", "opencv-python-headless"))


if __name__ == "__main__":
    main()
