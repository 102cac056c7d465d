"""The demosaicing of others, each from an RGGB mosaic (H, W) of light 0 to 1 to (3, H, W); absent ones are left out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.negatives import write_dng
from benchmarks.pictures import Array

Demosaicer = Callable[[Array], Array]

LIBRAW = ("DHT", "AAHD", "AHD", "DCB", "PPG", "VNG", "LINEAR")


def libraw(algorithm: str, *, black: int = 0, auto_scale: bool = False, **options: Any) -> Demosaicer:
    """LibRaw through rawpy, with everything off that is not demosaicing, in 16 bit.

    The light stands between `black` and 65535 in the file. Colours leave as the camera's own, unbalanced, linear.
    """

    def demosaic(light: Array) -> Array:
        import rawpy

        counts = np.clip(np.round(black + light * (65535 - black)), 0, 65535).astype(np.uint16)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "mosaic.dng")
            write_dng(path, counts, black=black)
            with rawpy.imread(str(path)) as raw:
                rgb = raw.postprocess(
                    demosaic_algorithm=getattr(rawpy.DemosaicAlgorithm, algorithm),
                    output_color=rawpy.ColorSpace.raw,
                    user_wb=[1.0, 1.0, 1.0, 1.0],
                    gamma=(1, 1),
                    no_auto_bright=True,
                    no_auto_scale=not auto_scale,
                    output_bps=16,
                    user_flip=0,
                    user_black=black,
                    user_sat=65535,
                    **options,
                )
        scale = 65535.0 if auto_scale or not black else 65535.0 - black
        return np.asarray(rgb.transpose(2, 0, 1) / scale, np.float64)

    return demosaic


def opencv(conversion: str) -> Demosaicer:
    """OpenCV's, in 16 bit."""

    def demosaic(light: Array) -> Array:
        import cv2

        counts = np.clip(np.round(light * 65535), 0, 65535).astype(np.uint16)
        rgb = cv2.cvtColor(counts, getattr(cv2, conversion))
        return np.asarray(rgb.transpose(2, 0, 1) / 65535.0, np.float64)

    return demosaic


def menon(light: Array) -> Array:
    """Menon, Andriani & Calvagno 2007, by the package colour-demosaicing."""
    from colour_demosaicing import demosaicing_CFA_Bayer_Menon2007

    return np.asarray(demosaicing_CFA_Bayer_Menon2007(light, "RGGB").transpose(2, 0, 1), np.float64)


def ours(light: Array, toe: float = 0.001) -> Array:
    """anylens, by the kernel alone."""
    from anylens.kernels.demosaic import demosaic

    return np.asarray(demosaic(light.astype(np.float32), 0, 0, toe), np.float64)


def on_roots(demosaicer: Demosaicer) -> Demosaicer:
    """The same demosaicer given the square root of the light, its answer squared."""
    return lambda light: np.maximum(demosaicer(np.sqrt(np.maximum(light, 0.0))), 0.0) ** 2


def on_raised(demosaicer: Demosaicer) -> Demosaicer:
    """The same demosaicer given light raised off black, which spares those that divide; the lift is taken off again."""
    lift = 0.05
    return lambda light: (demosaicer(light * (1.0 - lift) + lift) - lift) / (1.0 - lift)
