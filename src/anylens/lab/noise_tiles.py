"""What the tiles of raw flats tell: mean, temporal and fixed variance of each, and where black is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure
from anylens.lab.specimen import Plane
from anylens.refusal import Refusal

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_TILE = 32
_SINGLE_TILE = 16
_FAR = 6.0
_DARKEST = 0.004


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Statistics by tile of one or two frames of one plane, in counts.

    `whole` tiles are not clipped anywhere, `even` ones show nothing but light that grows smoothly. The share of
    `outliers` is that of tiles that are both.
    """

    mean: Array
    temporal: Array
    fixed: Array | None
    samples: Array
    whole: Flags
    even: Flags
    outliers: float
    exposure_s: float | None
    white: float


def tiles_of(planes: Sequence[Plane], exposure_s: float | None) -> Tiles:
    """Statistics of the tiles of one plane of a frame, or of the same plane of a pair; Refusal for a small frame."""
    size = _TILE if len(planes) == 2 else _SINGLE_TILE
    rows, columns = (side // size for side in planes[0].shape)
    if not rows or not columns:
        raise Refusal(
            f"The frame has {planes[0].shape[1]} x {planes[0].shape[0]} samples of a colour, "
            f"{size} x {size} at least are needed; give larger frames."
        )
    stacked = [_cut(p.pixels, size).astype(np.float64) * p.white for p in planes]
    ended = np.logical_or.reduce([_cut(p.clipped | (p.pixels <= p.floor), size) for p in planes])
    surface = _surface(size)
    rest = [each - (each @ surface.T) @ surface for each in stacked]
    mean = np.mean([each.mean(axis=1) for each in stacked], axis=0)
    whole = ended.mean(axis=1) <= 0.0
    degrees = size * size - len(surface)
    if len(planes) == 1:
        far = np.abs(rest[0]) > _FAR * _spread(rest[0])
        single = np.where(far, 0.0, rest[0] ** 2).sum(axis=1) / np.maximum(degrees - far.sum(axis=1), 1)
        slopes = ((stacked[0] @ surface[1:].T) ** 2).mean(axis=1)
        even = slopes < 6.0 * single + 1e-12
        return Tiles(
            mean,
            single,
            None,
            degrees - far.sum(axis=1),
            whole,
            even,
            _share(far, whole & even),
            exposure_s,
            planes[0].white,
        )
    apart, together = rest[0] - rest[1], (rest[0] + rest[1]) / 2.0
    far = (np.abs(apart) > _FAR * _spread(apart)) | (np.abs(together) > _FAR * _spread(together))
    number = np.maximum(degrees - far.sum(axis=1), 1)
    temporal = np.where(far, 0.0, apart**2).sum(axis=1) / number / 2.0
    fixed = np.where(far, 0.0, rest[0] * rest[1]).sum(axis=1) / number
    one, two = (each.reshape(-1, size, size) for each in rest)
    even = _even(one, two, temporal + np.abs(fixed))
    return Tiles(
        mean,
        temporal,
        fixed,
        number,
        whole,
        even,
        _share(far, whole & even),
        exposure_s,
        planes[0].white,
    )


def _even(first: Array, second: Array, noise: Array) -> Flags:
    """(tiles,): whether what two frames (tiles, size, size) share is a pattern of pixels, rows or columns.

    Such a pattern is another in the next row or the next column; things that are seen go on into both.
    """
    size = first.shape[1]
    right = (first[:, :, 1:] * second[:, :, :-1]).sum(axis=(1, 2))
    down = (first[:, 1:] * second[:, :-1]).sum(axis=(1, 2))
    goes_on = np.minimum(right, down) / (size * (size - 1))
    return np.asarray(goes_on < 2.0 * noise / size)


def _share(far: npt.NDArray[np.generic], good: Flags) -> float:
    return float(far[good].mean()) if good.any() else 0.0


def _cut(pixels: npt.NDArray[np.generic], size: int) -> npt.NDArray[np.generic]:
    rows, columns = (side // size for side in pixels.shape)
    cut = pixels[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return cut.swapaxes(1, 2).reshape(rows * columns, size * size)


def _surface(size: int) -> Array:
    """(6, size * size) orthonormal polynomials of second order over a tile."""
    y, x = (axis.ravel() / size - 0.5 for axis in np.mgrid[:size, :size])
    return np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1))[0].T


def _spread(values: Array) -> Array:
    """(tiles, 1) standard deviation that outliers do not move; for rounded values never below half a count."""
    return np.maximum(1.4826 * np.median(np.abs(values), axis=1, keepdims=True), 0.5)


def black_of(tiles: Sequence[Tiles], white: float) -> Figure:
    """Mean of the darkest frames where they are dark, in counts over the file's black level; else 0 without error."""
    dark = [t for t in tiles if abs(float(np.median(t.mean))) < _DARKEST * white]
    shot = [t.exposure_s for t in dark if t.exposure_s is not None]
    if shot:
        dark = [t for t in dark if t.exposure_s == min(shot)]
    elif dark:
        least = min(float(np.median(t.mean)) for t in dark)
        dark = [t for t in dark if float(np.median(t.mean)) <= least + 0.5]
    lit = [t for t in tiles if float(np.median(t.mean)) > _DARKEST * white]
    if not dark or not lit:
        return Figure(0.0)
    if _explained(dark, lit):
        return Figure(0.0)
    means = np.concatenate([t.mean for t in dark])
    # Darkness is the same all over the sensor; light that falls off is not.
    within = math.sqrt(float(np.mean([t.temporal.mean() for t in dark])) / _TILE**2)
    if float(means.std()) > 8.0 * within + 0.3:
        return Figure(0.0)
    return Figure(float(means.mean()), float(means.std() / math.sqrt(len(means))))


def _explained(dark: Sequence[Tiles], lit: Sequence[Tiles]) -> bool:
    """Whether what little light the darkest frames have is what their exposure time lets expect: then it is light."""
    time = dark[0].exposure_s
    told = [t for t in lit if t.exposure_s]
    if not time or not told:
        return False
    nearest = min(told, key=lambda t: float(np.median(t.mean)))
    assert nearest.exposure_s is not None
    expected = float(np.median(nearest.mean)) * time / nearest.exposure_s
    return abs(float(np.median(dark[0].mean)) - expected) < 0.5 * expected
