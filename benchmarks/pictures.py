"""Pictures whose truth is known, mosaics of them, and measures of what became of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens import color
from benchmarks.report import ROOT

Array = npt.NDArray[np.float64]

BUNDLED = (
    "astronaut",
    "chelsea",
    "coffee",
    "colorwheel",
    "hubble_deep_field",
    "immunohistochemistry",
    "retina",
    "rocket",
    "stereo_motorcycle",
)
PHOTOGRAPHS = ROOT.parent / "shared" / "data" / "ai"
LONGEST_PX = 1400
BORDER = 8
LUMA = np.array([0.2126, 0.7152, 0.0722])


def halved(light: Array, times: int) -> Array:
    """(3, H, W) linear light averaged over squares of `times` pixels."""
    height, width = light.shape[1] // times * times, light.shape[2] // times * times
    squares = light[:, :height, :width].reshape(3, height // times, times, width // times, times)
    return np.asarray(squares.mean((2, 4)), np.float64)


def pictures() -> dict[str, Array]:
    """Noise-free pictures (3, H, W), linear sRGB, even sides, each averaged down by two or more in linear light.

    Averaging takes away what the camera's own demosaicing and the JPEG left. Those that scikit-image carries in its
    package, and the photographs in the folder `shared` beside the checkout where there is one.
    """
    return {name: picture for name, picture in _all() if min(picture.shape[1:]) >= 64}


def _all() -> Iterator[tuple[str, Array]]:
    import skimage.data

    for name in BUNDLED:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                picture = getattr(skimage.data, name)()
            except (OSError, ImportError, ValueError):
                continue
        yield name, _averaged(picture[0] if isinstance(picture, tuple) else picture)
    for path in sorted(PHOTOGRAPHS.glob("*.jpg")):
        yield path.stem, averaged(path)


def averaged(path: Path) -> Array:
    """A picture in a file, as `pictures` gives them."""
    import imagecodecs

    return _averaged(imagecodecs.imread(path))


def _averaged(picture: npt.NDArray[np.uint8]) -> Array:
    times = max(2, round(max(picture.shape) / LONGEST_PX))
    small = halved(color.srgb_decode(picture[..., :3].transpose(2, 0, 1) / 255.0), times)
    return small[:, : small.shape[1] // 2 * 2, : small.shape[2] // 2 * 2]


def mosaic(light: Array) -> Array:
    """(H, W) of (3, H, W) under an RGGB filter, rounded to 16 bit for all alike."""
    found = light[1].copy()
    found[0::2, 0::2] = light[0, 0::2, 0::2]
    found[1::2, 1::2] = light[2, 1::2, 1::2]
    return np.asarray(np.round(found * 65535.0) / 65535.0, np.float64)


def fitted(estimate: Array, truth: Array) -> Array:
    """The estimate, each channel times the gain that fits the truth best, without the border; all are treated so."""
    inner = estimate[:, BORDER:-BORDER, BORDER:-BORDER]
    real = truth[:, BORDER:-BORDER, BORDER:-BORDER]
    gains = (inner * real).sum((1, 2)) / np.maximum((inner * inner).sum((1, 2)), 1e-12)
    return np.asarray(inner * gains[:, None, None], np.float64)


def psnr(estimate: Array, truth: Array) -> float:
    """Peak signal to noise in dB of signals from 0 to 1."""
    return float(-10.0 * np.log10(np.mean((estimate - truth) ** 2)))


def encoded(light: Array) -> Array:
    """The sRGB signal of linear light, held to 0 to 1."""
    return color.srgb_encode(np.clip(light, 0.0, 1.0))


def lab(light: Array) -> Array:
    """CIE L*a*b* under D65 of linear sRGB, held to 0 to 1."""
    xyz = color.convert(color.rgb_to_xyz("srgb"), np.clip(light, 0.0, 1.0))
    return color.lab_from_xyz(xyz, color.xyz_from_xy(color.D65))


def delta_e(estimate: Array, truth: Array) -> float:
    """Mean CIEDE2000 of linear sRGB over every second pixel in both directions."""
    return float(color.delta_e_2000(lab(estimate[:, ::2, ::2]), lab(truth[:, ::2, ::2])).mean())


def false_color(estimate: Array, truth: Array) -> tuple[float, float]:
    """Root mean square and 99th percentile of the distance in a*, b* between two pictures in L*a*b*."""
    away = np.hypot(*(estimate[1:] - truth[1:]))
    return float(np.sqrt(np.mean(away**2))), float(np.percentile(away, 99.0))


def zipper(estimate: Array, truth: Array) -> float:
    """Percentage of pixels whose contrast to their most similar neighbour changed by more than 2.3 in L*a*b*.

    Lu & Tan 2003, "Color filter array demosaicking: new method and performance measures".
    """
    height, width = truth.shape[1:]
    least: Array = np.full((height - 2, width - 2), np.inf)
    there = np.zeros_like(least)
    middle = (slice(None), slice(1, -1), slice(1, -1))
    for y in range(3):
        for x in range(3):
            if (y, x) == (1, 1):
                continue
            beside = (slice(None), slice(y, y + height - 2), slice(x, x + width - 2))
            real = np.sqrt(((truth[beside] - truth[middle]) ** 2).sum(0))
            made = np.sqrt(((estimate[beside] - estimate[middle]) ** 2).sum(0))
            nearer = real < least
            least, there = np.where(nearer, real, least), np.where(nearer, made, there)
    return float(100.0 * np.mean(np.abs(there - least) > 2.3))


def dead_leaves(colors: Array | None = None, side: int = 640, seed: int = 3) -> Array:
    """(3, side, side) linear sRGB: discs over discs, as many of each size as in nature (Lee, Mumford & Huang 2001).

    Radii follow r**-3 between 1.5 and 80 pixels; painted at twice the size and averaged down. A disc has one of
    `colors` (3, n), by chance; without them its red, green and blue are independent, which no demosaicing expects.
    """
    rng = np.random.default_rng(seed)
    large = 2 * side
    canvas = np.full((3, large, large), np.nan)
    smallest, largest = 3.0, 160.0
    open_px = large * large
    while open_px > 0.0005 * large * large:
        ends = smallest**-2 + rng.random(2000) * (largest**-2 - smallest**-2)
        for radius, x, y in zip(ends**-0.5, rng.random(2000) * large, rng.random(2000) * large, strict=True):
            any_color = color.srgb_decode(0.25 + 0.5 * rng.random(3) * rng.uniform(0.6, 1.0))
            tint = any_color if colors is None else colors[:, rng.integers(colors.shape[1])]
            _paint(canvas, x, y, radius, tint)
        open_px = int(np.isnan(canvas[0]).sum())
    return halved(np.where(np.isnan(canvas), 0.15, canvas), 2)


def _paint(canvas: Array, x: float, y: float, radius: float, tint: Array) -> None:
    """A disc under all that was painted before it."""
    top, left = max(int(y - radius), 0), max(int(x - radius), 0)
    part: Any = canvas[:, top : int(y + radius) + 2, left : int(x + radius) + 2]
    rows, columns = np.ogrid[: part.shape[1], : part.shape[2]]
    inside = (rows + top - y) ** 2 + (columns + left - x) ** 2 <= radius * radius
    free = inside & np.isnan(part[0])
    part[:, free] = tint[:, None]


def kept_texture(estimate: Array, truth: Array, low: float, high: float) -> float:
    """The share of the truth's luma texture that stands in the estimate at `low` to `high` cycles a pixel.

    The real part of the cross power spectrum over the truth's own, so that noise left behind does not count as
    texture (Kirk, Herzer, Artmann & Kunz 2014).
    """
    spectra = [np.fft.rfft2((luma - luma.mean()) * _window(luma.shape)) for luma in map(_luma, (estimate, truth))]
    rows, columns = np.fft.fftfreq(truth.shape[1])[:, None], np.fft.rfftfreq(truth.shape[2])
    band = (np.hypot(rows, columns) >= low) & (np.hypot(rows, columns) < high)
    cross = (spectra[0] * np.conj(spectra[1])).real[band].sum()
    return float(cross / (np.abs(spectra[1][band]) ** 2).sum())


def _luma(light: Array) -> Array:
    return np.asarray(np.tensordot(LUMA, encoded(light), 1), np.float64)


def _window(shape: tuple[int, ...]) -> Array:
    return np.asarray(np.outer(np.hanning(shape[0]), np.hanning(shape[1])), np.float64)
