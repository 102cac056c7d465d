"""How far sharpened edges overshoot, beside the peers: python -m benchmarks.edges.

A slanted edge, blurred as a good lens blurs it, is drawn under an RGGB filter, written as DNG and developed by
everybody. Across the edge the photo's own signal is gathered to quarters of a pixel: over- and undershoot are how far
it passes the plateaus at either side, in percent of the step between them; the rise is from 10 to 90 % of the step.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import anylens
from anylens import darkroom
from benchmarks.gallery import libraw, rawtherapee
from benchmarks.negatives import write_dng
from benchmarks.pictures import Array
from benchmarks.report import save, table, versions

SIDE_PX, SLANT, BLUR_PX = 384, np.tan(np.radians(5.0)), 0.6
STEPS = {"2:1": (0.15, 0.3), "4:1": (0.1, 0.4), "16:1": (0.04, 0.64)}
BLACK, WHITE, ELECTRONS = 1024, 65535, 20000.0
NOISE = (1.0 / ELECTRONS, (3.0 / ELECTRONS) ** 2)
REACH_PX, PER_PX = 24.0, 4
BUDGET_PERCENT = 6.0
"""What the default recipe may over- or undershoot on any of these edges; a test holds it to that."""


class Edge(NamedTuple):
    """What became of an edge: percent of its step, and pixels."""

    overshoot_percent: float
    undershoot_percent: float
    rise_px: float


def edge(dark: float, bright: float) -> Array:
    """(H, W) light: an edge 5 degrees off the vertical, blurred by a bell of BLUR_PX."""
    from scipy.special import ndtr

    return np.asarray(dark + (bright - dark) * ndtr(_across((SIDE_PX, SIDE_PX)) / BLUR_PX), np.float64)


def _across(shape: tuple[int, int]) -> Array:
    """Pixels from the edge, at right angles to it."""
    rows, columns = np.indices(shape)
    return np.asarray((columns - (shape[1] - 1) / 2 - (rows - (shape[0] - 1) / 2) * SLANT) / np.hypot(1.0, SLANT))


def counts(light: Array, seed: int = 1) -> npt.NDArray[np.uint16]:
    """Counts of a grey scene at little noise: 20000 electrons at white and 3 of reading."""
    rng = np.random.default_rng(seed)
    electrons = rng.poisson(light * ELECTRONS) + rng.normal(0.0, 3.0, light.shape)
    return np.clip(np.round(BLACK + electrons / ELECTRONS * (WHITE - BLACK)), 0, WHITE).astype(np.uint16)


def measured(photo: npt.NDArray[np.uint8], where: Array) -> Edge:
    """The edge of a photo (H, W, 3) at distances `where` (H, W), the mean of its three colours."""
    signal = photo.astype(np.float64).mean(2)
    inner = (slice(32, -32), slice(32, -32))
    place, value = where[inner].ravel(), signal[inner].ravel()
    bins = np.round(place * PER_PX).astype(int) + int(REACH_PX * PER_PX)
    kept = (bins >= 0) & (bins <= 2 * REACH_PX * PER_PX)
    profile = np.bincount(bins[kept], value[kept]) / np.maximum(np.bincount(bins[kept]), 1)
    at = (np.arange(len(profile)) / PER_PX) - REACH_PX
    low, high = profile[at < -REACH_PX / 2].mean(), profile[at > REACH_PX / 2].mean()
    step = high - low
    near = np.abs(at) < REACH_PX / 2
    rising = (profile - low) / step
    first, last = (np.interp(part, np.maximum.accumulate(rising[near]), at[near]) for part in (0.1, 0.9))
    over, under = (max(0.0, float(passed)) for passed in (profile[near].max() - high, low - profile[near].min()))
    return Edge(100.0 * over / step, 100.0 * under / step, float(last - first))


def _ours(*settings: str) -> Callable[[Path], npt.NDArray[np.uint8]]:
    recipe = darkroom.look("none")
    for setting in settings:
        recipe = darkroom.adjust(recipe, setting)

    def develop(source: Path) -> npt.NDArray[np.uint8]:
        photo = anylens.develop(anylens.read(source), recipe, bits=8)
        return np.ascontiguousarray(photo.pixels.transpose(1, 2, 0)).astype(np.uint8)

    return develop


def contenders() -> dict[str, Callable[[Path], npt.NDArray[np.uint8]]]:
    """Everybody who is installed; ours also without sharpening, since LibRaw does not sharpen."""
    found = {
        "anylens": _ours(),
        "anylens, Sharpen.amount=0": _ours("Sharpen.amount=0"),
        "anylens, Sharpen.amount=2": _ours("Sharpen.amount=2"),
        "rawpy AHD, unsharpened": libraw,
    }
    if shutil.which("rawtherapee-cli"):
        found["RawTherapee default"] = rawtherapee
    else:
        print("RawTherapee: absent", file=sys.stderr)
    return found


def main() -> None:
    """Develop every edge by everybody, print the table, keep the figures."""
    found: dict[str, dict[str, Edge]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (dark, bright) in STEPS.items():
            source = Path(folder, f"{name.replace(':', '-')}.dng")
            write_dng(source, counts(edge(dark, bright)), black=BLACK, noise=NOISE)
            for who, develop in contenders().items():
                photo = develop(source)
                found.setdefault(who, {})[name] = measured(photo, _across(photo.shape[:2]))
    rows = [
        (who, *(f"{v:.1f}" for edge in by_step.values() for v in edge[:2]), f"{by_step['4:1'].rise_px:.2f}")
        for who, by_step in found.items()
    ]
    columns = ("", *(f"{sign} {name}" for name in STEPS for sign in ("over", "under")), "rise px, 4:1")
    table(f"Edges: percent of the step; ours may take {BUDGET_PERCENT:g}", columns, rows)
    kept = {who: {name: edge._asdict() for name, edge in by_step.items()} for who, by_step in found.items()}
    save("edges", {"edges": kept, "budget_percent": BUDGET_PERCENT}, versions("rawpy"))


if __name__ == "__main__":
    main()
