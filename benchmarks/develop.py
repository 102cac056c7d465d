"""Whole programs, raw file to picture file, in turns: python -m benchmarks.develop [--rounds N].

`--programs rawpy darktable` takes only those whose names begin so, beside anylens; `--files 50` only such files.

Wall time, processor time of all threads and peak memory of each process, medians over the rounds; every round runs
every program once on every file, so that what else the machine does meets all alike. This program stays small (no
NumPy) because Linux counts the memory of the parent into the peak of a child that it starts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import ROOT, save, table, versions

RAWPY = """
import sys, imagecodecs, rawpy
with rawpy.imread(sys.argv[1]) as raw:
    rgb = raw.postprocess(demosaic_algorithm=rawpy.DemosaicAlgorithm.{}, use_camera_wb=True)
with open(sys.argv[2], "wb") as file:
    file.write(imagecodecs.jpeg8_encode(rgb, level=95, subsampling="444"))
"""
LOAD_LIBRARY = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
LIBRARY = ROOT / "src" / "anylens" / "kernels" / "libanylens_kernels.so"
PYTHON = sys.executable
ANYLENS = [PYTHON, "-m", "anylens.app"]
SLOWEST_S = 120.0


class Cost(NamedTuple):
    """What one run of a program took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Program:
    """One way from a raw file to a picture file; `runs` is the program to be found on PATH, `command` its arguments."""

    name: str
    command: Callable[[Path, Path], Sequence[str]]
    runs: str = PYTHON
    suffix: str = ".jpg"
    large: bool = True
    to_stdout: bool = False


def _rawpy(algorithm: str) -> Callable[[Path, Path], Sequence[str]]:
    return lambda source, out: [PYTHON, "-c", RAWPY.format(algorithm), str(source), str(out)]


def _rawtherapee(*options: str) -> Callable[[Path, Path], Sequence[str]]:
    return lambda source, out: ["rawtherapee-cli", *options, "-j95", "-js3", "-Y", "-o", str(out), "-c", str(source)]


def _darktable(source: Path, out: Path) -> Sequence[str]:
    settings = ["--disable-opencl", "--library", ":memory:", "--configdir", str(out.parent / "darktable")]
    quality = ["--conf", "plugins/imageio/format/jpeg/quality=95"]
    return ["darktable-cli", str(source), str(out), "--core", *settings, *quality]


PROGRAMS = (
    Program("anylens", lambda source, out: [*ANYLENS, "develop", str(source), "-o", str(out)]),
    Program("rawpy PPG", _rawpy("PPG")),
    Program("rawpy AHD", _rawpy("AHD")),
    Program("rawpy DHT", _rawpy("DHT"), large=False),
    Program(
        "dcraw AHD to PPM",
        lambda source, _: ["dcraw", "-q", "3", "-w", "-c", str(source)],
        "dcraw",
        ".ppm",
        to_stdout=True,
    ),
    Program("RawTherapee neutral", _rawtherapee(), "rawtherapee-cli"),
    Program("RawTherapee default", _rawtherapee("-d"), "rawtherapee-cli"),
    Program("darktable default", _darktable, "darktable-cli"),
)
STARTS = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "python -c 'import numpy'": [PYTHON, "-c", "import numpy"],
    "python, kernel library loaded": [PYTHON, "-c", LOAD_LIBRARY, str(LIBRARY)],
    "python -c 'import imagecodecs'": [PYTHON, "-c", "import imagecodecs"],
    "python -c 'import rawpy'": [PYTHON, "-c", "import rawpy"],
    "python -c 'import anylens'": [PYTHON, "-c", "import anylens"],
    "anylens --version": [*ANYLENS, "--version"],
    "anylens --help": [*ANYLENS, "--help"],
}


def run(command: Sequence[str], home: Path, stdout: Path | None = None) -> Cost:
    """Run a program to its end; RuntimeError with the end of its output where it fails or takes longer than 120 s.

    Programs keep their settings and caches in the empty folder `home`, so that nobody's own settings count. Python
    keeps its bytecode, as on anyone's machine, even where this shell forbids it.
    """
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment = inherited | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "LC_ALL": "C.UTF-8",
    }
    with (stdout or home / "stdout").open("wb") as out, (home / "stderr").open("wb") as err:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment, cwd=ROOT)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {(home / 'stderr').read_text(errors='replace')[-300:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / (1000.0 if sys.platform == "linux" else 1e6))


def develop(program: Program, source: Path, folder: Path) -> Cost:
    """Develop `source` once; RuntimeError where no picture comes out."""
    out = folder / f"out{program.suffix}"
    out.unlink(missing_ok=True)
    cost = run(program.command(source, out), folder, out if program.to_stdout else None)
    if not out.exists() or out.stat().st_size < 2000:
        raise RuntimeError(f"{program.name} wrote no picture of {source.name}")
    return cost


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def compare(
    files: dict[str, Path], folder: Path, rounds: int, programs: Sequence[Program]
) -> dict[str, dict[str, list[Cost]]]:
    """Every program on every file, in turns; the first turn only warms caches and says who cannot take part."""
    found = [program for program in programs if shutil.which(program.runs)]
    costs: dict[str, dict[str, list[Cost]]] = {name: {} for name in files}
    for turn in range(rounds + 1):
        for name, source in files.items():
            for program in found:
                if name == "50 MP" and not program.large:
                    continue
                if turn and program.name not in costs[name]:
                    continue
                try:
                    cost = develop(program, source, folder)
                except RuntimeError as error:
                    print(f"left out: {error}", flush=True)
                    costs[name].pop(program.name, None)
                    continue
                kept = costs[name].setdefault(program.name, [])
                if turn:
                    kept.append(cost)
                elif cost.wall_s > SLOWEST_S:
                    print(f"left out: {program.name} took {cost.wall_s:.0f} s on {name}", flush=True)
                    del costs[name][program.name]
    return costs


def show(name: str, costs: dict[str, list[Cost]], programs: Sequence[Program]) -> dict[str, dict[str, object]]:
    """Print one file's table; above 1 in the last columns anylens is better."""
    ours = median(costs["anylens"])
    rows: list[tuple[str | None, ...]] = []
    kept: dict[str, dict[str, object]] = {}
    for program, several in costs.items():
        mid = median(several)
        walls = [cost.wall_s for cost in several]
        ratios = [theirs / own for theirs, own in zip(mid, ours, strict=True)]
        rows.append(
            (
                program,
                f"{mid.wall_s:.2f}",
                f"{min(walls):.2f}–{max(walls):.2f}",
                f"{mid.cpu_s:.2f}",
                f"{mid.peak_mb:.0f}",
                *(f"{ratio:.2f}×" for ratio in ratios),
            )
        )
        kept[program] = {**mid._asdict(), "walls_s": walls, "ratios": dict(zip(Cost._fields, ratios, strict=True))}
    rows += [(f"{program.name}: absent", *[None] * 7) for program in programs if not shutil.which(program.runs)]
    columns = ("", "wall s", "lowest–highest", "cpu s", "peak MB", "wall/ours", "cpu/ours", "memory/ours")
    table(f"Raw to picture, {name}", columns, rows)
    return kept


def starts(folder: Path, rounds: int) -> dict[str, Cost]:
    """What it costs to begin at all, and one developing with next to no pixels in it."""
    tiny = folder / "tiny.dng"
    commands = STARTS | {
        "anylens develop, 128 x 96 pixels": [*ANYLENS, "develop", str(tiny), "-o", str(folder / "tiny.jpg")],
        "rawpy AHD, 128 x 96 pixels": [PYTHON, "-c", RAWPY.format("AHD"), str(tiny), str(folder / "tiny.jpg")],
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            (folder / "tiny.jpg").unlink(missing_ok=True)
            cost = run(command, folder)
            if turn:
                costs[name].append(cost)
    found = {name: median(several) for name, several in costs.items()}
    rows = [(name, f"{c.wall_s * 1e3:.0f}", f"{c.cpu_s * 1e3:.0f}", f"{c.peak_mb:.0f}") for name, c in found.items()]
    table("To begin", ("", "wall ms", "cpu ms", "peak MB"), rows)
    return found


def peers() -> dict[str, str]:
    """Versions of the programs found."""
    asked = {"rawtherapee-cli": "-v", "darktable-cli": "--version", "dcraw": ""}
    found = versions("rawpy", "imagecodecs", "numpy")
    for program, option in asked.items():
        if not shutil.which(program):
            found[program] = "absent"
            continue
        said = subprocess.run([program, *option.split()], capture_output=True, text=True, check=False)
        lines = [line for line in (said.stdout + said.stderr).splitlines() if any(c.isdigit() for c in line)]
        found[program] = next((line.strip() for line in lines if "version" in line.lower()), (lines or ["?"])[0])[:80]
    return found


def main() -> None:
    """Run everything, print the tables, keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--programs", nargs="*", default=[""], help="beginnings of names; anylens always runs")
    parser.add_argument("--files", nargs="*", default=[""], help="beginnings of names: 12.5, 50, demo")
    asked = parser.parse_args()
    rounds = asked.rounds
    programs = [each for each in PROGRAMS if each.name.startswith(("anylens", *asked.programs))]
    with tempfile.TemporaryDirectory(prefix="anylens-bench-") as name:
        folder = Path(name)
        subprocess.run([PYTHON, "-m", "benchmarks.negatives", name], cwd=ROOT, check=True)
        files = {size: folder / f"{size}.dng" for size in ("12.5 MP", "50 MP")}
        files["demo (12 MP, a GoPro's)"] = ROOT / "demo" / "GOPR0024.dng"
        files = {name: source for name, source in files.items() if name.startswith(tuple(asked.files))}
        everything = asked.programs == asked.files == [""]
        begun = starts(folder, 2 * rounds) if everything else {}
        costs = compare(files, folder, rounds, programs)
    shown = {size: show(size, costs[size], programs) for size in files}
    if everything:
        begun_kept = {what: cost._asdict() for what, cost in begun.items()}
        save("develop", {"rounds": rounds, "start": begun_kept, "develop": shown}, peers())


if __name__ == "__main__":
    main()
