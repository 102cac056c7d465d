"""Demosaicing of noise-free pictures beside the peers: python -m benchmarks.demosaic."""

from __future__ import annotations

import importlib.util
import logging
import sys
import warnings
from typing import NamedTuple

import numpy as np

from benchmarks.demosaicers import LIBRAW, Demosaicer, libraw, menon, on_raised, on_roots, opencv, ours
from benchmarks.pictures import Array, encoded, false_color, fitted, lab, mosaic, pictures, psnr, zipper
from benchmarks.report import save, table, versions


class Score(NamedTuple):
    """What one demosaicer made of one picture, every figure after the same gain fit, channel by channel.

    All but the last two are of the light as it is, which is how each works in its own program. The last two say what
    it could do on the square root of the light, which is part of ours, and on light raised off black.
    """

    gamma_db: float
    linear_db: float
    false_color: float
    false_color_99: float
    zipper_percent: float
    on_roots_db: float
    on_raised_db: float


def contenders(shown: dict[str, Array]) -> dict[str, Demosaicer]:
    """Everybody who is installed; DCB with the options that score best over all pictures."""
    found: dict[str, Demosaicer] = {"anylens": ours}
    for algorithm in LIBRAW:
        found[f"LibRaw {'bilinear' if algorithm == 'LINEAR' else algorithm}"] = libraw(algorithm)
    variants = {
        "as it comes": libraw("DCB"),
        "refined twice": libraw("DCB", dcb_iterations=2),
        "refined twice and enhanced": libraw("DCB", dcb_iterations=2, dcb_enhance=True),
    }
    scores = {how: np.mean([gamma_db(of, picture) for picture in shown.values()]) for how, of in variants.items()}
    how = max(variants, key=lambda name: scores[name])
    found["LibRaw DCB"] = variants[how]
    print(f"LibRaw DCB is best {how}")
    if importlib.util.find_spec("cv2"):
        found["OpenCV edge-aware"] = opencv("COLOR_BayerRGGB2RGB_EA")
        found["OpenCV bilinear"] = opencv("COLOR_BayerRGGB2RGB")
    else:
        print("OpenCV: absent")
    if importlib.util.find_spec("colour_demosaicing"):
        found["Menon 2007"] = menon
    else:
        print("Menon 2007 (colour-demosaicing): absent")
    return found


def gamma_db(demosaicer: Demosaicer, picture: Array) -> float:
    """PSNR of the sRGB signals of what a demosaicer makes of a picture's mosaic, and of the picture."""
    return psnr(encoded(fitted(demosaicer(mosaic(picture)), picture)), encoded(fitted(picture, picture)))


def check_fairness(demosaicers: dict[str, Demosaicer], picture: Array) -> None:
    """AssertionError where a contender would be handicapped.

    That is where its picture fits the truth better when shifted, where LibRaw's own scaling of the counts would make
    it better, and where the two bilinear ones, by two libraries from one file and one array, differ.
    """
    for name, demosaicer in demosaicers.items():
        estimate = demosaicer(mosaic(picture))
        assert estimate.shape == picture.shape, f"{name} gives {estimate.shape}"
        fit = {
            (dy, dx): psnr(fitted(np.roll(estimate, (dy, dx), (1, 2)), picture), fitted(picture, picture))
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        }
        assert max(fit, key=lambda shift: fit[shift]) == (0, 0), f"{name} is shifted"
    for algorithm in LIBRAW:
        left, scaled = (gamma_db(libraw(algorithm, auto_scale=scale), picture) for scale in (False, True))
        assert scaled < left + 0.01, f"LibRaw {algorithm} is better with its own scaling"
    if "OpenCV bilinear" in demosaicers:
        bilinear = [gamma_db(demosaicers[f"{library} bilinear"], picture) for library in ("LibRaw", "OpenCV")]
        assert abs(bilinear[0] - bilinear[1]) < 0.05, "bilinear is not bilinear"


def score(demosaicer: Demosaicer, picture: Array) -> Score:
    """All figures of one demosaicer on one picture."""
    truth = fitted(picture, picture)
    estimate = fitted(demosaicer(mosaic(picture)), picture)
    there, real = lab(estimate), lab(truth)
    return Score(
        psnr(encoded(estimate), encoded(truth)),
        psnr(np.clip(estimate, 0, 1), truth),
        *false_color(there, real),
        zipper(there, real),
        gamma_db(on_roots(demosaicer), picture),
        gamma_db(on_raised(demosaicer), picture),
    )


def main() -> None:
    """Score everybody on everything, print the tables, keep the figures."""
    warnings.simplefilter("ignore")
    logging.disable()
    shown = pictures()
    demosaicers = contenders(shown)
    check_fairness(demosaicers, shown["coffee"])
    scores: dict[str, dict[str, Score]] = {name: {} for name in demosaicers}
    for which, picture in shown.items():
        for name, demosaicer in demosaicers.items():
            scores[name][which] = score(demosaicer, picture)
        print(".", end="", file=sys.stderr, flush=True)
    means = {name: Score(*np.mean([*of.values()], axis=0).tolist()) for name, of in scores.items()}
    order = sorted(scores, key=lambda name: -means[name].gamma_db)
    wins = {n: sum(scores["anylens"][w].gamma_db > s.gamma_db for w, s in scores[n].items()) for n in order}
    table(
        f"Demosaicing, mean of {len(shown)} noise-free pictures",
        (
            "",
            "gamma dB",
            "linear dB",
            "false colour",
            "its 99 %",
            "zipper %",
            "ours better on",
            "roots dB",
            "raised dB",
        ),
        [
            (
                name,
                f"{mean.gamma_db:.2f}",
                f"{mean.linear_db:.2f}",
                f"{mean.false_color:.2f}",
                f"{mean.false_color_99:.1f}",
                f"{mean.zipper_percent:.1f}",
                None if name == "anylens" else f"{wins[name]} of {len(shown)}",
                f"{mean.on_roots_db:.2f}",
                f"{mean.on_raised_db:.2f}",
            )
            for name, mean in ((name, means[name]) for name in order)
        ],
    )
    rivals = [name for name in order if "bilinear" not in name]
    table(
        "Gamma-space PSNR by picture, dB",
        ("", *(name.removeprefix("LibRaw ").removeprefix("OpenCV ") for name in rivals)),
        [
            (f"{which} {pic.shape[2]}x{pic.shape[1]}", *(f"{scores[name][which].gamma_db:.2f}" for name in rivals))
            for which, pic in shown.items()
        ],
    )
    kept = {
        "mean": {name: means[name]._asdict() for name in order},
        "gamma_db": {which: {name: scores[name][which].gamma_db for name in order} for which in shown},
    }
    save("demosaic", kept, versions("rawpy", "opencv-python-headless", "colour-demosaicing", "scikit-image"))


if __name__ == "__main__":
    main()
