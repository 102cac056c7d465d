"""Whether a picture can be as soft as its passport says: what is sharper cannot have been drawn with that blur."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anylens.darkroom.counts import counts_of
from anylens.frame import Facts, Frame
from anylens.sensor import Noise

if TYPE_CHECKING:
    from anylens.image import Mosaic
    from anylens.lens.psf import Blur

Floats = npt.NDArray[np.float64]

_SIDE = 64
_BAND = 24
_FIELD, _STEEP = 0.02, 1.3
"""The power of detail in waves of f cycles per pixel is 1 / (f^2 + _FIELD^2) ^ _STEEP, for which filters are designed
too."""
_PART, _RICH = 0.75, 2.0
"""Of the tiles that show detail, so many may be richer in the finest of it than photographs are, by this factor."""
_LEAST_TILES = 5
_NOISE = 1.25
"""The finest detail is what a green pixel differs from the mean of four: so much of a pixel's noise is in it."""
_UNEVEN = 0.007
"""Pixels differ by so much of their light, about, which a noise profile does not tell."""
_TEXTURED = 10.0
"""A tile shows detail where coarser has so many times the power of noise: where it is flat, what a noise profile lacks
would pass for the finest."""
_FULL = 0.95
"""From so much light on a tile may be clipped."""
_STEPS = 10


def softness(image: Frame | Mosaic) -> float:
    """The part of its passport's blur, 0 to 1, that a picture can have: 1 unless its detail is finer than that leaves.

    In tiles all over the picture the power of the finest detail is held against that of coarser: it cannot be more than
    the blur leaves of light whose power falls with frequency as that of photographs does. What is out of focus, moved
    or smooth is only softer, so the sharper quarter of tiles speaks; fur or stones are richer than most by nature, so
    it must be twice as much (of thirteen photographs behind known blurs it is 0.5 to 1.9 times as much in eleven, 2.8
    in lamps at night, 3.7 in fur). The blur of another aperture, lens or focus is so taken for as much smaller as the
    picture asks (own work, since with a lens that tells nothing all of them are told by hand). 1 where nothing is known
    or seen, and of light that a filter of other than 2 x 2 pixels has sampled.
    """
    facts = image.facts
    flat = image.raw if isinstance(image, Frame) else image.pixels
    if facts.passport is None or not facts.passport.psf or facts.sensor.pitch_um is None:
        return 1.0
    if flat.ndim != 2 or len(facts.sensor.cfa) not in (0, 2) or min(facts.active_shape) < 4 * _SIDE:
        return 1.0
    from anylens.kernels.restore_filters import LATTICE
    from anylens.lens.psf import blur_in_use

    height, width = facts.active_shape
    columns, rows = (
        np.linspace(0, size - _SIDE, points).astype(int) // 8 * 8
        for size, points in zip((width, height), LATTICE, strict=True)
    )
    pitch = facts.sensor.pitch_um
    x, y = ((at + _SIDE / 2 - size / 2) * pitch / 1000 for at, size in ((columns, width), (rows, height)))
    blur = blur_in_use(facts.passport, facts.setting, *(each.ravel() for each in np.meshgrid(x, y)))
    if blur is None:
        return 1.0
    fine, coarse, seen = _detail(_tiles(image, rows, columns), facts)
    if seen.sum() < _LEAST_TILES:
        return 1.0
    found = fine[seen] / coarse[seen]
    whole = blur.of(seen).scaled(1.0 / pitch)

    def fits(part: float) -> bool:
        return float(np.sort(found / _expected(whole.scaled(part)))[int(_PART * len(found))]) <= _RICH

    if fits(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _tiles(image: Frame | Mosaic, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """(tiles, _SIDE, _SIDE) of light that begin at these rows and columns, row after row."""
    if isinstance(image, Frame):
        light, black, scale, *_ = counts_of(image)
    else:
        light, black, scale = image.pixels, np.zeros((1, 1)), np.ones((1, 1))
    found = np.stack([light[y : y + _SIDE, x : x + _SIDE] for y in rows for x in columns]).astype(np.float32)
    black, scale = (
        np.tile(each, [-(-_SIDE // size) for size in each.shape])[:_SIDE, :_SIDE].astype(np.float32)
        for each in (black, scale)
    )
    return (found - black) * scale


def _detail(tiles: npt.NDArray[np.float32], facts: Facts) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """(tiles,) each: the power of the finest detail of green, of coarser, without noise, and whether they are seen."""
    aside = int(bool(facts.sensor.cfa) and facts.sensor.cfa[0][0] != "G")  # in the first row, where green begins
    green, other = tiles[:, ::2, aside::2], tiles[:, 1::2, 1 - aside :: 2]
    around = other[:, :-1] + other[:, 1:]
    around = (around[:, :, :-1] + around[:, :, 1:]) / 4
    scale, offset = (facts.sensor.noise or Noise((1e-4,), (1e-6,), "estimated")).plane(1)
    light = np.maximum(tiles.mean((1, 2)), 0.0)
    noise = scale * light + offset + (_UNEVEN * light) ** 2
    fine = ((green[:, 1:, 1 - aside : green.shape[2] - aside] - around) ** 2).mean((1, 2)) - _NOISE * noise
    down, across = green[:, 2:] - green[:, :-2], green[:, :, 2:] - green[:, :, :-2]
    coarse = (down**2).mean((1, 2)) + (across**2).mean((1, 2)) - 4 * noise
    return fine, coarse, (fine > noise / 2) & (coarse > _TEXTURED * noise) & (tiles.max((1, 2)) < _FULL)


def _expected(blur: Blur) -> Floats:
    """(tiles,): the power of the finest detail in parts of coarser, of light that a blur, in pixels, has spread."""
    from anylens.lens.psf import transfer

    fx, fy = (each.ravel() for each in np.meshgrid(np.fft.rfftfreq(_BAND), np.fft.fftfreq(_BAND)))
    power = np.where((fx == 0.0) | (fx == 0.5), 1.0, 2.0) / (fx**2 + fy**2 + _FIELD**2) ** _STEEP
    fine = power * (1 - np.cos(2 * np.pi * fx) * np.cos(2 * np.pi * fy)) ** 2
    coarse = power * (4 - 2 * np.cos(8 * np.pi * fx) - 2 * np.cos(8 * np.pi * fy))
    passed = np.abs(transfer(blur, fx, fy)) ** 2
    return np.asarray((passed @ fine) / (passed @ coarse))
