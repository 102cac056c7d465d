"""What is left of pictures whose colours a lens has parted, undone before and after demosaicing: python -m
benchmarks.lateral."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from anylens.kernels import demosaic
from anylens.kernels.anscombe import lifted_reference, root_reference
from anylens.kernels.beside import SQUARE, beside_green
from benchmarks.pictures import Array, encoded, fitted, mosaic, pictures, psnr
from benchmarks.report import save, table, versions

PARTED_PX = (0.0, 0.3, 0.6, 1.0, 2.0)
TOE = 0.001
WAY = np.array([0.5, 0.8660254])
"""Down and to the right: red lies so far along this from green, blue against it."""

Undo = Callable[[Array, Array], Array]
"""A mosaic (H, W) and how far red lies down and right of green, pixels, to colours (3, H, W)."""


def parted(light: Array, apart: Array) -> Array:
    """The picture with red moved by `apart` and blue against it, by splines of the fifth order."""
    ways = zip(light, (1, 0, -1), strict=True)
    return np.stack([ndimage.shift(plane, way * apart, order=5, mode="mirror") for plane, way in ways])


def demosaiced(sites: Array) -> Array:
    return demosaic.demosaic(sites.astype(np.float32), 0, 0, TOE)


def warped(sites: Array, apart: Array) -> Array:
    """Moved after demosaicing, by a cubic, as before `kernels.beside`, and as Lensfun does."""
    import cv2

    colors = demosaiced(sites)
    y, x = np.indices(sites.shape, np.float32)
    for color, way in ((0, 1), (2, -1)):
        down, right = (np.float32(way * each) for each in apart)
        colors[color] = cv2.remap(
            colors[color], x + right, y + down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
    return colors


def laid_beside(sites: Array, apart: Array) -> Array:
    """As `develop` does."""
    squares = tuple(-(-size // SQUARE) for size in sites.shape)
    down, right = (np.stack([np.full(squares, way * each, np.float32) for way in (1, -1)]) for each in apart)
    roots = beside_green(root_reference(sites.astype(np.float32), TOE), (right, down), 0, 0)
    return demosaiced(lifted_reference(roots, TOE) - np.float32(TOE))


def main() -> None:
    """Score all on everything, print the table, keep the figures."""
    shown = pictures()
    ways: dict[str, Undo] = {
        "left alone": lambda sites, _: demosaiced(sites),
        "warped after": warped,
        "laid beside green before": laid_beside,
    }
    scores: dict[str, dict[str, float]] = {name: {} for name in ways}
    for part_px in PARTED_PX:
        apart = WAY * part_px
        found: dict[str, list[float]] = {name: [] for name in ways}
        for picture in shown.values():
            truth = encoded(fitted(picture, picture))
            sites = mosaic(np.clip(parted(picture, apart), 0.0, 1.0))
            for name, undo in ways.items():
                found[name].append(psnr(encoded(fitted(undo(sites, apart), picture)), truth))
        for name, values in found.items():
            scores[name][f"{part_px:g}"] = float(np.mean(values))
    table(
        f"Colours parted by so many pixels, {len(shown)} noise-free pictures: PSNR of the sRGB signals, dB",
        ("", *(f"{part_px:g}" for part_px in PARTED_PX)),
        [(name, *(f"{value:.2f}" for value in of.values())) for name, of in scores.items()],
    )
    save("lateral", {"gamma_db": scores}, versions("opencv-python-headless", "scikit-image", "scipy"))


if __name__ == "__main__":
    main()
