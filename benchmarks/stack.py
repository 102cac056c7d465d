"""A focus stack from raws and from JPEGs to one JPEG, whole processes, beside focus-stack: python -m benchmarks.stack.

The frames are simulated: strips of a picture at different distance, blurred by how far the focus is from each, under a
breathing lens, Poisson and Gaussian noise, a Bayer filter. The peer, focus-stack of Petteri Aimonen, takes finished
pictures, so it is given the frames' developed JPEGs, and the time to make these is not counted. `--frames` and
`--size HEIGHT WIDTH` change the stack (8 frames of 12.5 MP), `--folder` keeps it; `--rounds` in turns, medians shown.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.burst import BLACK, OFFSET, PICTURE, SCALE, WHITE
from benchmarks.negatives import write_dng
from benchmarks.report import in_turns, program, save, table, versions

Array = npt.NDArray[Any]
BLUR_PX, BREATHING = 3.0, 0.004


def frame(index: int, count: int, height: int, width: int) -> Array:
    """uint16 counts (H, W) RGGB with the focus on strip `index` of `count`."""
    import cv2

    picture = (cv2.imread(str(PICTURE))[..., ::-1].astype(np.float32) / 255) ** 2.2
    light = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    edges = np.linspace(0, width, count + 1).astype(int)
    for strip, (left, right) in enumerate(pairwise(edges)):
        if strip != index:
            light[:, left:right] = cv2.GaussianBlur(light[:, left:right], (0, 0), BLUR_PX * abs(strip - index))
    zoom = 1 + BREATHING * (index - count // 2)
    move = np.array([[zoom, 0, 0], [0, zoom, 0]])
    move[:, 2] = (1 - zoom) * np.array([(width - 1) / 2, (height - 1) / 2])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    light = cv2.warpAffine(light, move, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    mosaic = np.empty((height, width), np.float32)
    for y, x, plane in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[y::2, x::2] = light[y::2, x::2, plane]
    rng = np.random.default_rng(index)
    mosaic += rng.standard_normal(mosaic.shape, np.float32) * np.sqrt(SCALE * np.maximum(mosaic, 0) + OFFSET)
    return np.clip(BLACK + (WHITE - BLACK) * mosaic + 0.5, 0, WHITE).astype(np.uint16)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stack", description=__doc__)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, nargs=2, default=(3072, 4080), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where frames of an earlier run are, or go")
    asked = parser.parse_args()
    height, width = asked.size
    peer = program("focus-stack")
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch) / "stack"
        if not folder.exists():
            folder.mkdir(parents=True)
            for index in range(asked.frames):
                raw = frame(index, asked.frames, height, width)
                write_dng(folder / f"{index:02d}.dng", raw, black=BLACK, white=WHITE, noise=(SCALE, OFFSET) * 3)
        ours = [sys.executable, "-m", "anylens.app", "develop"]
        shown = Path(scratch) / "shown"
        shown.mkdir()
        subprocess.run([*ours, *map(str, sorted(folder.glob("*.dng"))), "-o", f"{shown}/"], check=True)
        stack = [*ours, "--merge", "focus", "-o", f"{scratch}/a.jpg", "--burst"]
        ways = {"anylens, raws to JPEG": [*stack, str(folder)], "anylens, JPEGs to JPEG": [*stack, str(shown)]}
        if peer:
            pictures = [str(place) for place in sorted(shown.iterdir())]
            ways["focus-stack, JPEGs to JPEG"] = [peer, "--no-opencl", f"--output={scratch}/b.jpg", *pictures]
        runs = in_turns(ways, asked.rounds)
    lines = [(name, f"{wall:.2f} s", f"{own:.2f} s", f"{peak:.0f} MB") for name, (wall, own, peak) in runs.items()]
    if not peer:
        lines.append(("focus-stack", "absent", "", ""))
    title = f"{asked.frames} frames of {height * width / 1e6:.1f} MP"
    table(title, ("way", "time", "of all processors", "peak memory"), lines)
    names = ("seconds", "processor_seconds", "peak_mb")
    results = {name: dict(zip(names, figures, strict=True)) for name, figures in runs.items()}
    save("stack", {"runs": results, "focus-stack": bool(peer)}, versions("opencv-python-headless"))


if __name__ == "__main__":
    main()
