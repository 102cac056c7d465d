"""The noise that demosaicing leaves, by coefficient: python -m benchmarks.noise_spectrum [--seeds N].

Prints the table NOISE_SPECTRUM of kernels/noise_spectra.py, measured from the demosaic kernel as it is, and how far the
stored one is from it. To be run, and the table carried over, whenever the demosaic kernel changes. `--remosaiced`
prints REMOSAICED there instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from anylens import Burst, Facts, Frame, Sensor
from anylens.darkroom.light import by_site, noise_of
from anylens.darkroom.quad import as_bayer
from anylens.darkroom.stages import Balance, Merge
from anylens.kernels.demosaic import demosaic
from anylens.kernels.denoise import OPPONENT
from anylens.kernels.noise_spectra import NOISE_SPECTRUM
from anylens.kernels.remosaic import QUAD
from anylens.kernels.shrinkage import COSINES
from anylens.sensor import Noise, bayer
from benchmarks.report import save, table

Array = npt.NDArray[np.float64]

SCALE, OFFSET, LEVEL, TOE, SIDE = 1e-4, 1e-6, 0.3, 0.01, 1024
BLACK, WHITE, BALANCES = 2000.0, 62000.0, ((1.0, 1.0, 1.0), (1.9, 1.0, 1.6))
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


def white_noise(seed: int) -> Array:
    """(SIDE, SIDE) even light with noise that each site has for itself."""
    noise = np.random.default_rng(seed).normal(0.0, np.sqrt(SCALE * LEVEL + OFFSET), (SIDE, SIDE))
    return np.asarray(LEVEL + noise, np.float64)


def remosaiced(gains: tuple[float, float, float]) -> Callable[[int], Array]:
    """The same of a quad-Bayer sensor at full resolution, balanced by `gains`, its variance brought back to that."""

    def light(seed: int) -> Array:
        frame = bare_frame(np.zeros((SIDE, SIDE), np.uint16), gains)
        own = np.array(gains)[np.tile(QUAD.reshape(4, 4), (SIDE // 4, SIDE // 4))]
        noise = np.random.default_rng(seed).normal(0.0, 1.0, (SIDE, SIDE)) * np.sqrt(SCALE * LEVEL / own + OFFSET)
        counts = np.rint(BLACK + (WHITE - BLACK) * (LEVEL / own + noise)).astype(np.uint16)
        full = as_bayer(replace(frame, raw=counts), "full")
        mosaic = Balance()(Merge()(Burst((full,))))
        pairs = [noise_of(mosaic.facts).plane(color) for color in range(3)]
        table = by_site(full.facts.sensor.cfa, tuple(np.sqrt(scale * LEVEL + offset) for scale, offset in pairs))
        sigma = np.tile(table, (SIDE // 2, SIDE // 2))
        return np.asarray(LEVEL + (mosaic.pixels - LEVEL) / sigma * np.sqrt(SCALE * LEVEL + OFFSET), np.float64)

    return light


def bare_frame(counts: npt.NDArray[np.uint16], gains: tuple[float, float, float]) -> Frame:
    """A quad-Bayer frame whose white balance and noise are told."""
    height, width = counts.shape
    noise = Noise((SCALE,), (OFFSET,), "sensor")
    sensor = Sensor("quad", width, height, bayer("quad-RGGB"), ((BLACK,),), (WHITE,), noise=noise)
    red, green, blue = (min(gains) / gain for gain in gains)
    return Frame(counts, Facts.whole(sensor, as_shot_neutral=(red, green, blue)))


def measured(seeds: int, light: Callable[[int], Array] = white_noise) -> Array:
    """(5, 8, 8) standard deviations in the order of NAMES, rows and columns taken together."""
    found = []
    for seed in range(seeds):
        rgb = demosaic(light(seed).astype(np.float32), 0, 0, TOE).astype(np.float64)
        luma, red_blue, magenta_green = np.tensordot(OPPONENT, stable(rgb), 1)
        half = [halved(plane) for plane in (red_blue, magenta_green)]
        found.append([variances(plane) for plane in (luma, *half, *map(halved, half))])
    mean = np.mean(found, axis=0)
    return np.asarray(np.sqrt((mean + mean.transpose(0, 2, 1)) / 2.0), np.float64)


def printed(name: str, found: Array) -> None:
    """A table as the source holds it."""
    print(f"{name} = np.array(\n    (")
    for each, rows in zip(NAMES, found, strict=True):
        print(f"        (  # {each}")
        for row in rows:
            print(f"            ({', '.join(f'{value:.2f}' for value in row)}),")
        print("        ),")
    print("    ),\n    np.float32,\n)")


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--remosaiced", action="store_true")
    asked = parser.parse_args()
    seeds = asked.seeds
    if asked.remosaiced:
        ratios = [measured(seeds, remosaiced(gains)) / np.maximum(NOISE_SPECTRUM, 1e-3) for gains in BALANCES]
        printed("REMOSAICED", np.mean(ratios, axis=0))
        return
    found = measured(seeds)
    printed("NOISE_SPECTRUM", found)
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
