"""A telescope's real burst, M 94 through 14 frames of 10 s: noise, star width, autocorrelation: python -m
benchmarks.telescope.

The frames lie beside the checkout; they drift, turn and have hot pixels. The first of them is the reference. Noise is
that of the calm sky, of each site of the color filter; width is that of bells fitted to the same stars in the mean of
the greens. Autocorrelation tells whether less noise was bought by blurring.
"""

from __future__ import annotations

import argparse

import numpy as np

from anylens.darkroom.stages import Merge
from anylens.files.burst import read_burst
from anylens.files.folder import raws_in
from anylens.frame import Burst
from benchmarks.report import ROOT, save, table
from tests.stars import sky, stars, widths

FRAMES = ROOT.parent / "shared" / "data" / "burst_m94"
SITES = {"G1": (0, 0), "R": (0, 1), "B": (1, 0), "G2": (1, 1)}


def main() -> None:
    """The command line."""
    argparse.ArgumentParser(prog="python -m benchmarks.telescope", description=__doc__).parse_args()
    if not FRAMES.is_dir():
        raise SystemExit("the telescope's frames are not there; they do not travel with the project")
    burst = read_burst(raws_in(FRAMES))
    one, merged = Merge()(Burst((burst.frames[0],))).pixels, Merge(reference=1)(burst).pixels
    root = float(np.sqrt(len(burst.frames)))
    rows, found = [], {}
    for name, (y, x) in SITES.items():
        before, after = (sky(each[y::2, x::2]) for each in (one, merged))
        fall = before.deviation / after.deviation / root
        rows.append((name, f"{fall:.3f}", *(f"{value:+.3f}" for value in (*before[1:], *after[1:]))))
        found[name] = {"fall_over_root_n": fall, "before": before._asdict(), "after": after._asdict()}
    columns = ("site", "noise falls by sqrt(14) x", "across before", "down", "across after", "down")
    table(f"{len(burst.frames)} frames, sky", columns, rows)
    greens = [(each[0::2, 0::2] + each[1::2, 1::2]) / 2 for each in (one, merged)]
    places = stars(greens[0])
    before, after = (widths(green, places) for green in greens)
    ratio = float(np.median(after / before))
    print(f"{len(places)} stars, {np.median(before):.2f} cells wide: {ratio:.3f} of the reference's width")
    save("telescope", {"sky": found, "stars": len(places), "width_ratio": ratio}, {})


if __name__ == "__main__":
    main()
