"""In process and warm: the default recipe, its stages, every kernel, beside the machine's copy bandwidth.

python -m benchmarks.kernels; with `--recipe HEIGHT WIDTH` only the recipe at one size, as JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.negatives import DEMO, mirrored
from benchmarks.report import ROOT, save, table

Array = npt.NDArray[Any]

HEIGHT, WIDTH = 3072, 4032
SMALL = (64, 448)
"""Of these the larger are multiples, and both of the blocks that kernels work in."""

PIXELS = {3: (1536, 2048), 12: (3072, 4080), 50: (6144, 8160), 100: (8704, 11520), 200: (12288, 16320)}
LONGEST_S, MEMORY_SHARE = 60.0, 0.85


def timed(work: Callable[[], object], rounds: int = 7, patience_s: float = 6.0) -> float:
    """Median seconds of up to `rounds` runs after one that warms up; fewer where they take long."""
    work()
    seconds: list[float] = []
    while len(seconds) < rounds and (len(seconds) < 2 or sum(seconds) < patience_s):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def copy_bandwidth() -> float:
    """Bytes read and written a second by copying 512 MB, on one thread or on all, whichever is faster."""
    source = np.ones(1 << 29, np.uint8)
    target = np.zeros_like(source)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    best = 0.0
    for threads in {1, cores}:
        parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
        with ThreadPoolExecutor(threads) as pool:
            seconds = timed(partial(_copy, pool, parts))
        best = max(best, 2.0 * source.nbytes / seconds)
    return best


def _copy(pool: ThreadPoolExecutor, parts: list[tuple[Array, Array]]) -> None:
    list(pool.map(lambda part: np.copyto(*part), parts))


def outputs(module: Any, height: int, width: int) -> tuple[Array, ...]:
    """Outputs for the example of this size, written to once.

    Each side grows with one of the picture's, as the reference's of a small picture, a tall and a wide one tell.
    """
    (tall, wide), made = SMALL, []
    sizes = (tall, wide), (height, wide), (tall, width)
    for image, *three in zip(module.SIGNATURE.outputs, *(_shapes(module, *size) for size in sizes), strict=True):
        shape = [taller + wider - small for small, taller, wider in zip(*three, strict=True)]
        if image.interleaved:
            made.append(np.zeros((*shape[1:], shape[0]), image.type).transpose(2, 0, 1))
        else:
            made.append(np.zeros(shape, image.type))
    return tuple(made)


def _shapes(module: Any, height: int, width: int) -> list[tuple[int, ...]]:
    found = module.reference(*module.example(np.random.default_rng(0), height, width))
    return [array.shape for array in (found if isinstance(found, tuple) else (found,))]


def kernel_rows(bandwidth: float) -> dict[str, dict[str, float]]:
    """Every kernel file on its own example of 12.5 MP, output memory already there."""
    from anylens.kernels.compile import kernel_modules

    found = {}
    for name in kernel_modules():
        module = importlib.import_module(name)
        try:
            given = module.example(np.random.default_rng(0), HEIGHT, WIDTH)
            out = outputs(module, HEIGHT, WIDTH)
            target = out if len(out) > 1 else out[0]
            seconds = timed(partial(module.kernel, *given, out=target))
        except ValueError as error:
            print(f"left out: {name}: {error}")
            continue
        moved = sum(value.nbytes for value in (*given, *out) if isinstance(value, np.ndarray))
        found[name.removeprefix("anylens.kernels.")] = {
            "ms": seconds * 1e3,
            "mp_s": HEIGHT * WIDTH / seconds / 1e6,
            "bytes_a_pixel": moved / (HEIGHT * WIDTH),
            "gb_s": moved / seconds / 1e9,
            "of_copy": moved / seconds / bandwidth,
        }
    return found


def frame_of(height: int, width: int) -> Any:
    """The demo raw mirrored out, or cut, to a size; its facts but the gain maps, which are for its own size."""
    import anylens

    frame = anylens.read(DEMO)
    assert isinstance(frame, anylens.Frame)
    sensor = replace(frame.facts.sensor, width_px=width, height_px=height)
    area, crop = (0, 0, height, width), (0.0, 0.0, float(width), float(height))
    facts = replace(frame.facts, sensor=sensor, active_area=area, crop=crop, orientation=1, opcodes=anylens.Opcodes())
    return anylens.Frame(mirrored(frame.raw, height, width), facts)


def recipe_times(height: int, width: int) -> dict[str, Any]:
    """Seconds of the default recipe in one pass, at 12 MP of its stages apart, and of writing the photo as JPEG.

    The process's peak in MB is that of the pass.
    """
    import anylens

    frame = frame_of(height, width)
    before = _peak_mb()
    stages: dict[str, list[float]] = defaultdict(list)
    photos: list[Any] = []

    def develop() -> None:
        photos.clear()
        photos.append(anylens.develop(frame, bits=8))

    seconds = timed(develop, 5)
    peak = _peak_mb()
    for _ in range(3 if (height, width) == PIXELS[12] else 0):
        anylens.develop(frame, watch=lambda stage, _, took: stages[type(stage).__name__].append(took))
    with tempfile.TemporaryDirectory() as folder:
        encoding = timed(lambda: anylens.write(photos[0], Path(folder, "photo.jpg")), 5)
    return {
        "mp": height * width / 1e6,
        "develop_s": seconds,
        "encode_s": encoding,
        "peak_mb": peak,
        "before_mb": before,
        "stages_s": {name: statistics.median(several) for name, several in stages.items()},
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1000.0 if sys.platform == "linux" else 1e6)


def by_size() -> dict[int, dict[str, Any] | str]:
    """The recipe at every size, each in a process of its own; sizes beyond memory or patience say so."""
    found: dict[int, dict[str, Any] | str] = {}
    last: dict[str, Any] | None = None
    for size, (height, width) in PIXELS.items():
        scale = 0.0 if last is None else height * width / 1e6 / last["mp"]
        if last and last["peak_mb"] * scale > MEMORY_SHARE * _free_mb():
            found[size] = f"would need {last['peak_mb'] * scale:.0f} MB, {_free_mb():.0f} MB are free"
            continue
        if last and last["develop_s"] * scale > LONGEST_S / 3:
            found[size] = f"would take {last['develop_s'] * scale:.0f} s a time"
            continue
        command = [sys.executable, "-m", "benchmarks.kernels", "--recipe", str(height), str(width)]
        try:
            said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3 * LONGEST_S, check=True)
        except subprocess.TimeoutExpired:
            found[size] = f"took longer than {3 * LONGEST_S:.0f} s"
            continue
        except subprocess.CalledProcessError as error:
            found[size] = f"failed: {error.stderr.strip().splitlines()[-1] if error.stderr.strip() else error}"
            continue
        last = json.loads(said.stdout)
        found[size] = last
    return found


def _free_mb() -> float:
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.exists() else ["MemAvailable: 4000000 kB"]
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1e3


def main() -> None:
    """Measure everything, print the tables, keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipe", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"))
    asked = parser.parse_args().recipe
    if asked:
        print(json.dumps(recipe_times(*asked)))
        return
    sizes = by_size()
    bandwidth = copy_bandwidth()
    kernels = kernel_rows(bandwidth)
    print(f"\nCopying in memory: {bandwidth / 1e9:.1f} GB/s read and written")
    table(
        f"Kernels at {HEIGHT * WIDTH / 1e6:.1f} MP, warm; bytes are the inputs and outputs, each moved once",
        ("", "ms", "MP/s", "B/pixel", "GB/s", "of copying"),
        [
            (
                name,
                f"{k['ms']:.1f}",
                f"{k['mp_s']:.0f}",
                f"{k['bytes_a_pixel']:.1f}",
                f"{k['gb_s']:.1f}",
                f"{k['of_copy']:.0%}",
            )
            for name, k in sorted(kernels.items(), key=lambda item: item[1]["mp_s"])
        ],
    )
    known = {size: found for size, found in sizes.items() if isinstance(found, dict)}
    at = known[12]
    table(
        f"Stages of the default recipe at {at['mp']:.1f} MP, one by one as they are watched",
        ("", "ms", "MP/s"),
        [
            (name, f"{took * 1e3:.1f}", f"{at['mp'] / took:.0f}" if took > 1e-4 else None)
            for name, took in at["stages_s"].items()
        ],
    )
    table(
        "Default recipe in one pass, warm: counts in memory to a photo of 8 bits in memory, and that photo into a JPEG",
        ("", "develop ms", "MP/s", "ns/pixel", "write ms", "MP/s", "peak MB", "B/pixel of peak"),
        [_size_row(size, found) for size, found in sizes.items()],
    )
    save("kernels", {"copy_gb_s": bandwidth / 1e9, "kernels": kernels, "recipe": sizes}, {})


def _size_row(size: int, found: dict[str, Any] | str) -> tuple[str | None, ...]:
    if isinstance(found, str):
        return (f"{size} MP: {found}", *[None] * 7)
    pixels = found["mp"]
    return (
        f"{pixels:.1f} MP",
        f"{found['develop_s'] * 1e3:.0f}",
        f"{pixels / found['develop_s']:.0f}",
        f"{found['develop_s'] * 1e3 / pixels:.2f}",
        f"{found['encode_s'] * 1e3:.0f}",
        f"{pixels / found['encode_s']:.0f}",
        f"{found['peak_mb']:.0f}",
        f"{found['peak_mb'] / pixels:.1f}",
    )


if __name__ == "__main__":
    main()
