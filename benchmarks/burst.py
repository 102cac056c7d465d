"""A hand-held burst to one mosaic and one JPEG, beside OpenCV's ways of stacking: python -m benchmarks.burst.

The frames are simulated: a picture under small shifts and turns, Poisson and Gaussian noise, a Bayer filter.
`--frames` and `--size HEIGHT WIDTH` change the burst (8 frames of 12.5 MP). `--large` instead measures how time and
memory of the whole process grow: 8 and 30 frames of 12.5 MP developed as a night, and 8 frames of 50 MP, each frame one
of four seen again with other noise.
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

import numpy as np
import numpy.typing as npt

from benchmarks.negatives import write_dng
from benchmarks.report import ROOT, in_turns, program, save, table, versions

Array = npt.NDArray[Any]
BLACK, WHITE, SCALE, OFFSET = 512, 16383, 4e-4, 2e-6
PICTURE = ROOT / "docs" / "gallery" / "demo.jpg"
OURS, PEER = "anylens, raws to JPEG, whole process", "hdr-plus, raws to PNG, whole process"


def frames(count: int, height: int, width: int, seed: int = 1) -> list[Array]:
    """uint16 counts (H, W) RGGB of a trembling hand."""
    import cv2

    picture = (cv2.imread(str(PICTURE))[..., ::-1].astype(np.float32) / 255) ** 2.2
    rng, found = np.random.default_rng(seed), []
    for index in range(count):
        angle, shift = (np.deg2rad(0.05) * rng.normal(), 8 * rng.normal(size=2)) if index else (0.0, np.zeros(2))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.array([width / 2, height / 2])
        zoom = picture.shape[1] / width
        move = np.column_stack([turn * zoom, (middle - turn @ middle + shift) * zoom])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        light = cv2.warpAffine(picture, move, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        mosaic = np.empty((height, width), np.float32)
        for y, x, plane in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
            mosaic[y::2, x::2] = light[y::2, x::2, plane]
        variance = SCALE * np.maximum(mosaic, 0) + OFFSET
        mosaic += rng.standard_normal(mosaic.shape, np.float32) * np.sqrt(variance)
        found.append(np.clip(BLACK + (WHITE - BLACK) * mosaic + 0.5, 0, WHITE).astype(np.uint16))
    return found


def merged(folder: Path) -> tuple[float, float]:
    """Seconds of align and merge with all frames in memory, the best of three warm runs, and frames used."""
    from anylens import Burst, read
    from anylens.darkroom.stages import Merge

    burst = Burst(tuple(read(path) for path in sorted(folder.glob("*.dng"))))
    best, used = np.inf, 0.0
    for _ in range(4):
        start = time.perf_counter()
        mosaic = Merge()(burst)
        best = min(best, time.perf_counter() - start)
        used = float(np.mean(mosaic.frames_used))
    return best, used


def ecc_mean(raws: list[Array]) -> Array:
    """OpenCV: bilinear demosaic, whole-picture motion by ECC at a quarter of the size, mean."""
    import cv2

    colors = [cv2.cvtColor(raw, cv2.COLOR_BayerRGGB2RGB) for raw in raws]
    greys = [cv2.resize(each[..., 1], None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) for each in colors]
    greys = [np.float32(each) for each in greys]
    height, width = raws[0].shape
    total = colors[0].astype(np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    for color, grey in zip(colors[1:], greys[1:], strict=True):
        warp = np.eye(2, 3, dtype=np.float32)
        _, warp = cv2.findTransformECC(greys[0], grey, warp, cv2.MOTION_EUCLIDEAN, stop)
        warp[:, 2] *= 4
        total += cv2.warpAffine(color, warp, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return total / len(raws)


def mtb_mean(raws: list[Array]) -> Array:
    """OpenCV: bilinear demosaic, whole shifts by AlignMTB, mean."""
    import cv2

    colors = [cv2.convertScaleAbs(cv2.cvtColor(raw, cv2.COLOR_BayerRGGB2RGB), alpha=255 / WHITE) for raw in raws]
    cv2.createAlignMTB(8).process(colors, colors)
    return np.mean(colors, axis=0, dtype=np.float32)


def copies(folder: Path, count: int, height: int, width: int) -> None:
    """A burst of `count` frames in a folder: four views of a trembling hand, each with noise of its own on top."""
    views = frames(4, height, width)
    rng = np.random.default_rng(9)
    folder.mkdir(parents=True)
    for index in range(count):
        raw = views[index % 4]
        more = rng.integers(-12, 13, (64, raw.shape[1]), np.int16)
        shaken = raw.astype(np.int32) + np.tile(more, (-(-height // 64), 1))[:height]
        place = folder / f"{index:02d}.dng"
        write_dng(
            place, np.clip(shaken, 0, WHITE).astype(np.uint16), black=BLACK, white=WHITE, noise=(SCALE, OFFSET) * 3
        )


def watched(folder: Path, out: Path, *options: str) -> tuple[float, float]:
    """Seconds and peak MB of one whole process from raws to JPEG."""
    code = (
        "import resource; from anylens.app.__main__ import main\n"
        "if main() == 0: print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = [sys.executable, "-c", code, "develop", "--burst", str(folder), "-o", str(out), *options]
    start = time.perf_counter()
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, int(ran.stdout.rsplit("peak", 1)[1]) / 1024


def large(scratch: Path) -> None:
    """Night bursts of 8 and 30 frames of 12.5 MP, and 8 frames of 50 MP."""
    rows, found = [], {}
    for count, height, width, options in (
        (8, 3072, 4080, ("--merge", "night")),
        (30, 3072, 4080, ("--merge", "night")),
        (8, 6144, 8192, ()),
    ):
        folder = scratch / f"{count}-{height}"
        copies(folder, count, height, width)
        seconds, peak_mb = watched(folder, scratch / "a.jpg", *options)
        for place in folder.iterdir():
            place.unlink()
        name = f"{count} x {height * width / 1e6:.1f} MP"
        rows.append(
            (name, f"{seconds:.2f} s", f"{count * height * width / 1e6 / seconds:.0f} MP/s", f"{peak_mb:.0f} MB")
        )
        found[name] = {"seconds": seconds, "peak_mb": peak_mb}
    table("raws to JPEG, whole process", ("burst", "time", "input", "peak memory"), rows)
    save("burst_large", found, versions())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burst", description=__doc__)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, nargs=2, default=(3072, 4080), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where frames of an earlier run are, or go")
    parser.add_argument("--large", action="store_true", help="measure how time and memory grow instead")
    asked = parser.parse_args()
    if asked.large:
        with tempfile.TemporaryDirectory() as scratch:
            large(Path(scratch))
        return
    height, width = asked.size
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch) / "burst"
        if not folder.exists():
            folder.mkdir(parents=True)
            known: dict[str, Any] = {"noise": (SCALE, OFFSET) * 3, "exposure_s": 0.01, "iso": 100}
            for index, raw in enumerate(frames(asked.frames, height, width)):
                write_dng(folder / f"{index:02d}.dng", raw, black=BLACK, white=WHITE, **known)
        ways = {
            OURS: [sys.executable, "-m", "anylens.app", "develop", "--burst", str(folder), "-o", f"{scratch}/a.jpg"]
        }
        command = program("hdrplus")
        if command:
            names = [place.name for place in sorted(folder.glob("*.dng"))]
            ways[PEER] = [command, str(folder), os.path.relpath(f"{scratch}/peer.png", folder), *names]
        processes = in_turns(ways, asked.rounds)
        import tifffile

        raws = [tifffile.imread(path) for path in sorted(folder.glob("*.dng"))]
        merge_s, used = merged(folder)
        rows = [
            *((name, seconds) for name, (seconds, _, _) in processes.items()),
            ("anylens, align and merge, warm", merge_s),
        ]
        for name, peer in (("OpenCV ECC, linear warp, mean", ecc_mean), ("OpenCV AlignMTB, mean", mtb_mean)):
            start = time.perf_counter()
            peer(raws)
            rows.append((name, time.perf_counter() - start))
    megapixels = len(raws) * height * width / 1e6
    lines = [(name, f"{seconds:.2f} s", f"{megapixels / seconds:.0f} MP/s") for name, seconds in rows]
    table(f"{len(raws)} frames of {height * width / 1e6:.1f} MP", ("way", "time", "input"), lines)
    lines = [(name, f"{own:.2f} s", f"{peak:.0f} MB") for name, (_, own, peak) in processes.items()]
    table(
        "Whole processes",
        ("way", "time of all processors", "peak memory"),
        [*lines, *([] if command else [(PEER, "absent", "")])],
    )
    print(f"frames used {used:.2f} of {len(raws)}")
    figures = ("seconds", "processor_seconds", "peak_mb")
    results: dict[str, Any] = {name: dict(zip(figures, found, strict=True)) for name, found in processes.items()}
    results |= {"seconds": dict(rows), "frames_used": used, "frames": len(raws), "hdr-plus": bool(command)}
    save("burst", results, versions("opencv-python-headless"))


if __name__ == "__main__":
    main()
