"""The noise that demosaicing leaves, by coefficient: python -m benchmarks.noise_spectrum [--seeds N].

Prints the table NOISE_SPECTRUM of kernels/denoise.py, measured from the demosaic kernel as it is, and how far the
stored one is from it. To be run, and the table carried over, whenever the demosaic kernel changes.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from anylens.kernels.demosaic import demosaic
from anylens.kernels.denoise import COSINES, NOISE_SPECTRUM, OPPONENT
from benchmarks.report import save, table

Array = npt.NDArray[np.float64]

SCALE, OFFSET, LEVEL, TOE, SIDE = 1e-4, 1e-6, 0.3, 0.01, 1024
NAMES = (
    "luma, every pixel",
    "red less blue, half size",
    "magenta less green, half size",
    "red less blue, quarter size",
    "magenta less green, quarter size",
)


def stable(light: Array) -> Array:
    """Light brought to unit noise: the generalized Anscombe transform as the denoise kernel has it."""
    floor = np.sqrt(0.375 * SCALE * SCALE + OFFSET)
    return np.asarray(2.0 * (np.sqrt(np.maximum(SCALE * light + floor * floor, 0.0)) - floor) / SCALE, np.float64)


def variances(plane: Array) -> Array:
    """(8, 8) mean square of the cosine coefficients of all blocks at multiples of four, the edge left out."""
    inner = plane[16:-16, 16:-16] - plane[16:-16, 16:-16].mean()
    blocks = np.lib.stride_tricks.sliding_window_view(inner, (8, 8))[::4, ::4]
    coefficients = np.einsum("ui,abij,vj->abuv", COSINES, blocks, COSINES, optimize=True)
    return np.asarray((coefficients**2).mean((0, 1)), np.float64)


def halved(plane: Array) -> Array:
    """Means of squares of two by two."""
    height, width = plane.shape
    return np.asarray(plane.reshape(height // 2, 2, width // 2, 2).mean((1, 3)), np.float64)


def measured(seeds: int) -> Array:
    """(5, 8, 8) standard deviations in the order of NAMES, rows and columns taken together."""
    found = []
    for seed in range(seeds):
        noise = np.random.default_rng(seed).normal(0.0, np.sqrt(SCALE * LEVEL + OFFSET), (SIDE, SIDE))
        rgb = demosaic((LEVEL + noise).astype(np.float32), 0, 0, TOE).astype(np.float64)
        luma, red_blue, magenta_green = np.tensordot(OPPONENT, stable(rgb), 1)
        half = [halved(plane) for plane in (red_blue, magenta_green)]
        found.append([variances(plane) for plane in (luma, *half, *map(halved, half))])
    mean = np.mean(found, axis=0)
    return np.asarray(np.sqrt((mean + mean.transpose(0, 2, 1)) / 2.0), np.float64)


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=8)
    seeds = parser.parse_args().seeds
    found = measured(seeds)
    print("NOISE_SPECTRUM = np.array(\n    (")
    for name, rows in zip(NAMES, found, strict=True):
        print(f"        (  # {name}")
        for row in rows:
            print(f"            ({', '.join(f'{value:.2f}' for value in row)}),")
        print("        ),")
    print("    ),\n    np.float32,\n)")
    gap = np.abs(found - NOISE_SPECTRUM)
    gap[:, 0, 0] = 0.0
    share = gap / found
    rows = [
        (name, f"{gap[i].max():.3f}", f"{100 * share[i].max():.1f}", "{}, {}".format(*divmod(int(gap[i].argmax()), 8)))
        for i, name in enumerate(NAMES)
    ]
    table(f"Stored against measured, {seeds} seeds, largest difference", ("", "σ", "% of it", "row, column of σ"), rows)
    kept = {name: {"largest": gap[i].max(), "largest_share": share[i].max()} for i, name in enumerate(NAMES)}
    save("noise_spectrum", {"seeds": seeds, "stored_less_measured": kept, "measured": np.round(found, 3).tolist()}, {})


if __name__ == "__main__":
    main()
