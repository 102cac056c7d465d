"""`anylens lab texture`: how much of a texture's detail is kept."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.app import measuring
from anylens.app.syntax import Syntax
from anylens.app.table import table
from anylens.app.voice import Usage
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lab.texture import TextureSharpness


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lab texture`."""
    measuring.files_and_outcome(syntax, "texture", "draw the MTF into this .svg; of the first file")
    syntax.add_argument("--truth", metavar="FILE", help="what a perfect camera would have seen, of the same size")
    measuring.leaves_option(syntax)


def run(given: Namespace) -> int:
    """Measure dead leaves, by their truth or by their spectrum; 1 where a file could not be measured."""
    from anylens.lab.texture import LEAVES, texture_by_spectrum, texture_by_truth

    picture = measuring.place(given.picture, ".svg")
    measuring.apart(given.files, given.picture)
    if given.truth is not None and given.leaves is not None:
        raise Usage("--truth knows more than --leaves; give one of them")
    chart = LEAVES if given.leaves is None else measuring.leaves(given.leaves)
    truth = None if given.truth is None else measuring.seen(given.truth).luminance().pixels
    results = []

    def measure(file: str) -> TextureSharpness:
        samples = measuring.seen(file, given.sensor).luminance()
        if truth is None:
            return texture_by_spectrum(samples, chart)
        if truth.shape != samples.shape:
            size = f"{truth.shape[1]} x {truth.shape[0]}"
            raise Refusal(f"{Path(file).name} is not of the truth's size of {size} px; give the truth of this picture.")
        return texture_by_truth(samples, truth)

    for file, result in measuring.each(given.files, measure):
        results.append({"file": file, "texture": result})
        if picture is not None and len(results) == 1:
            from anylens.lab.report.plots import one_mtf_plot

            measuring.keep(picture, one_mtf_plot(result, "MTF of texture").standalone())
        if not given.json:
            _tell(file, result, assumed=truth is None and given.leaves is None)
    if given.json:
        print(measuring.as_json("texture", results))
    return int(len(results) < len(given.files))


def _tell(file: str, result: TextureSharpness, *, assumed: bool) -> None:
    print(f"Texture of {file}, by its {result.method}\n")
    rows = [("MTF50, cycles per pixel", str(result.mtf50_cpp)), ("MTF at Nyquist", str(result.mtf_nyquist))]
    if result.mtf50_lpmm is not None:
        rows.insert(1, ("MTF50, line pairs per mm", str(result.mtf50_lpmm)))
    print(table(rows))
    if not math.isfinite(result.mtf50_cpp.value):
        print("note: The MTF does not fall to 50 % before Nyquist, or the chart is another: give its --leaves.")
    elif assumed:
        print(
            "note: Leaves are taken to be of all sizes, which of a real chart tells up to a third too little; "
            "give its --leaves, or --truth."
        )
