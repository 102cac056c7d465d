"""How right the lab's sharpness is, on edges that are known exactly, beside MTF Mapper where it is installed.

`python -m benchmarks.lab_sharpness [--noise 0.03] [--rounds 3] [--seed N] [--mtf-mapper PROGRAM]`

Dark squares of 160 px on light ground (0.1 and 0.9 of white), drawn by formula, their angle 3 to 33 degrees and their
place in the pixel at random; both programs find the squares themselves, in the same 16-bit picture, in one run.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from anylens.lab.samples import Samples
from anylens.lab.sharpness import edges_sharpness
from anylens.refusal import Refusal
from tests import edges

BLURS = {
    "Gaussian, MTF50 0.10": edges.gaussian(0.10),
    "Gaussian, MTF50 0.20": edges.gaussian(0.20),
    "Gaussian, MTF50 0.35": edges.gaussian(0.35),
    "diffraction, cut-off 0.5": edges.diffraction(0.5),
    "diffraction, cut-off 1.0": edges.diffraction(1.0),
    "defocus, disc of 4 px": edges.defocus(4.0),
    "pixels alone": edges.none,
}
ANGLES_DEG = (3.0, 5.0, 8.0, 14.0, 25.0, 33.0)
SIZE, SIDE = 300, 160.0


def row(found: list[float], lost: int, seconds: float) -> str:
    """Bias, spread and worst in percent of the true MTF50, edges lost, time."""
    if not found:
        return f"      -      -      - {lost:5d} {seconds:6.1f}"
    off = 100.0 * np.array(found)
    return f"{off.mean():+7.2f} {off.std():6.2f} {np.abs(off).max():6.1f} {lost:5d} {seconds:6.1f}"


def mapped(program: str, picture: Path) -> list[float]:
    """MTF50 of every edge that MTF Mapper finds, in cycles per pixel."""
    told = picture.parent / "raw_mtf_values.txt"
    told.unlink(missing_ok=True)
    subprocess.run([program, "-l", "-r", str(picture), str(picture.parent)], capture_output=True, check=False)
    return [float(value) for value in told.read_text().split()] if told.exists() else []


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noise", type=float, default=0.03, help="standard deviation in parts of white")
    parser.add_argument("--rounds", type=int, default=3, help="pictures of each angle")
    parser.add_argument("--seed", type=int, default=5, help="of noise and places: figures should not depend on it")
    parser.add_argument("--mtf-mapper", default=shutil.which("mtf_mapper"), help="the program, where it is")
    given = parser.parse_args()
    random = np.random.default_rng(given.seed)
    head = f"{'bias':>7s} {'spread':>6s} {'worst':>6s} {'lost':>5s} {'s':>6s}"
    print(f"MTF50 against the truth in percent, noise {100 * given.noise:g} % of white")
    print(f"{'':26s} {'anylens':>40s} | {'MTF Mapper':>34s}")
    print(f"{'':26s} {head} {'told':>6s} | {head}")
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "square.png"
        for name, blur in BLURS.items():
            ours: list[float] = []
            told: list[float] = []
            theirs: list[float] = []
            lost, seconds = [0, 0], [0.0, 0.0]
            for angle in ANGLES_DEG:
                true = edges.mtf50(blur, angle)
                for _ in range(given.rounds):
                    middle = tuple((SIZE - 1) / 2.0 + random.uniform(-0.5, 0.5, 2))
                    pixels = edges.square(SIZE, blur, angle, SIDE, middle)
                    pixels = pixels + random.normal(0.0, given.noise, pixels.shape)
                    counts = np.clip(np.rint(pixels * 60000.0), 0, 65535).astype(np.uint16)
                    cv2.imwrite(str(picture), counts)
                    start = time.perf_counter()
                    try:
                        found = edges_sharpness(Samples(counts.astype(np.float32) / 65535.0)).edges
                    except Refusal:
                        found = ()
                    seconds[0] += time.perf_counter() - start
                    ours += [edge.mtf50_cpp.value / true - 1.0 for edge in found]
                    told += [edge.mtf50_cpp.error / true for edge in found]
                    lost[0] += 4 - len(found)
                    if given.mtf_mapper:
                        start = time.perf_counter()
                        values = mapped(given.mtf_mapper, picture)
                        seconds[1] += time.perf_counter() - start
                        theirs += [value / true - 1.0 for value in values]
                        lost[1] += 4 - len(values)
            other = row(theirs, lost[1], seconds[1]) if given.mtf_mapper else "not installed"
            print(f"{name:26s} {row(ours, lost[0], seconds[0])} {100 * np.mean(told):6.2f} | {other}", flush=True)


if __name__ == "__main__":
    main()
