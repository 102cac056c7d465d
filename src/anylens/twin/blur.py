"""A blur that changes over the picture: windows, each seen through the kernels of its four corners."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]

WINDOW = 448
WINDOWS = 8
"""Along the picture's shorter side there are about so many windows, but for kernels so wide that windows less than
two of them would cost more than they tell."""
_BETWEEN_OF_524288 = (-63, 847, -5445, 22869, -76230, 320166, 320166, -76230, 22869, -5445, 847, -63)
BETWEEN: Array = np.array([_BETWEEN_OF_524288], np.float32) / np.float32(524288)
"""(1, 12): what each of twelve even values in a row counts in their middle: a polynomial through all of them."""
ROWS = 64


@dataclass(frozen=True, slots=True)
class Grid:
    """Output pixels (width, height) of `pitch_mm`, the first one's middle at `left_mm`, `top_mm`; `fine` samples a
    pixel along each side."""

    width: int
    height: int
    left_mm: float
    top_mm: float
    pitch_mm: float
    fine: int

    def samples(self, first: int, count: int, down: bool) -> npt.NDArray[np.float64]:
        """Where `count` samples from sample `first` lie, in mm along x, or y (`down`)."""
        start = (self.top_mm if down else self.left_mm) - 0.5 * self.pitch_mm
        return np.asarray(start + (np.arange(first, first + count) + 0.5) * (self.pitch_mm / self.fine))


class Blur(Protocol):
    """How a lens spreads points, all over the field (see `spreading.Spreads`)."""

    @property
    def size(self) -> int:
        """Samples along a kernel's side."""
        ...

    @property
    def smooth(self) -> bool:
        """Whether every second sample tells what there is to see."""
        ...

    def at(self, x_mm: float, y_mm: float) -> Array:
        """(K, size, size): the blurs of a place, their middle at size // 2, the average over the pixel's samples in
        them, 1 in all."""
        ...


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be blurred: `draw(top, left, out)` fills (C, rows, columns) with the samples from there on.

    `kinds` says which of a place's blurs each of the C channels has. Beyond `part`, rows and columns of samples, there
    is no light; None where there may be light everywhere.
    """

    draw: Callable[[int, int, Array], None]
    kinds: Sequence[int]
    part: tuple[slice, slice] | None = None


def spread_out(grid: Grid, picture: Picture, blur: Blur, threads: int, every: int | None = None) -> Array:
    """(C, height, width): a picture on the fine samples, blurred, averaged over each pixel.

    `every` so many samples stands an output, each still averaged over a whole pixel; None for one a pixel. What smooth
    blurs leave beyond the band that outputs can carry is left out; of others it folds back, as a sensor sees it.

    What is seen is what the kernels of a window's corners make of the light, in shares that change evenly from corner
    to corner: windows meet without a seam, and what is even stays so, whatever their kernels.
    """
    every = every or grid.fine
    with ThreadPoolExecutor(threads) as pool:
        return _Spreading(grid, picture, blur, _windows(grid, blur, every), pool).out()


@dataclass(frozen=True, slots=True)
class _Windows:
    """How samples are cut: windows of so many a `side`, each seen with `size` more around it, through transforms of
    `length` samples of which the `kept` lowest frequencies are used; one in `every` is an output."""

    side: int
    size: int
    length: int
    kept: int
    every: int

    @property
    def reach(self) -> int:
        """Samples along a side that one window sees."""
        return self.side + self.size

    @property
    def parts(self) -> int:
        """Parts of a strip, and strips, that one window sees."""
        return -(-self.reach // self.side)

    def firsts(self, samples: int, lit: slice | None) -> list[int]:
        """Where windows begin that see anything of what is lit."""
        first, last = (-self.size, samples + self.size) if lit is None else (lit.start, lit.stop)
        half = self.size // 2
        return [at for at in range(0, samples, self.side) if first < at + self.side + half and at - half < last]


def _windows(grid: Grid, blur: Blur, every: int) -> _Windows:
    from scipy.fft import next_fast_len

    fine, size = grid.fine, blur.size
    least = min(WINDOW, max(min(grid.width, grid.height) * fine // WINDOWS, 2 * size)) + size
    # Rows of whole lines of a core's memory are transformed faster; a window fills what is transformed.
    length = 16 * fine * next_fast_len(-(-least // (16 * fine)), real=True)
    side = (length - size) // (fine * every) * (fine * every)
    return _Windows(side, size, length, length // every if blur.smooth else length, every)


class _Spreading:
    """A picture on its way through a blur: one row of windows after the other is drawn, and blurred meanwhile."""

    def __init__(self, grid: Grid, picture: Picture, blur: Blur, windows: _Windows, pool: ThreadPoolExecutor) -> None:
        self._grid, self._picture, self._blur, self._windows, self._pool = grid, picture, blur, windows, pool
        sides = grid.height * grid.fine, grid.width * grid.fine
        lit = picture.part or (None, None)
        self._tops, self._lefts = (windows.firsts(*each) for each in zip(sides, lit, strict=True))
        self._out = np.zeros((len(picture.kinds), *(side // windows.every for side in sides)), np.float32)
        self._corners: dict[tuple[int, int], Future[Spectra]] = {}

    def out(self) -> Array:
        """All that is seen."""
        if not self._tops or not self._lefts:
            return self._out
        windows, channels = self._windows, len(self._out)
        wide = (len(self._lefts) - 1) * windows.side + windows.reach
        self._strips = np.empty((2, channels, windows.reach, wide), np.float32)
        drawing, rows = self._drawn(0), []
        for row in range(len(self._tops)):
            rows.append([part.result() for part in drawing])
            blurring = self._blurred(row, np.array(rows[-windows.parts :]))
            drawing = self._drawn(row + 1) if row + 1 < len(self._tops) else []
            for done in blurring:
                done.result()
        return self._out

    def _drawn(self, row: int) -> list[Future[tuple[Array, Array]]]:
        """Begins to draw what a row of windows sees, but for what the row before saw too; each part says the least and
        the most light in it."""
        windows = self._windows
        known = windows.size if row else 0
        samples, before = self._strips[row % 2], self._strips[row % 2 - 1]
        samples[:, :known] = before[:, windows.reach - known :]
        top, left = self._tops[row] - windows.size // 2 + known, self._lefts[0] - windows.size // 2

        def lit(at: int) -> tuple[Array, Array]:
            part = samples[:, known:, at : at + windows.side]
            self._picture.draw(top, left + at, part)
            return part.min((1, 2)), part.max((1, 2))

        return [self._pool.submit(lit, at) for at in range(0, samples.shape[2], windows.side)]

    def _blurred(self, row: int, light: Array) -> list[Future[None]]:
        """Begins to blur a row of windows; `light` (strips, parts, 2, C) is the least and the most in what it sees."""
        top, side = self._tops[row], self._windows.side
        begun = []
        for at, left in enumerate(self._lefts):
            near = light[:, at : at + self._windows.parts]
            least, most = near[:, :, 0].min((0, 1)), near[:, :, 1].max((0, 1))
            self._pixels(top, left)[:] = least[:, None, None]
            if (least < most).any():
                corners = [self._corner(*each) for each in product((top, top + side), (left, left + side))]
                begun.append(self._pool.submit(self._window, row, left, least < most, corners))
                self._corners.pop((top, left))  # no other window needs it any more
        return begun

    def _window(self, row: int, left: int, uneven: npt.NDArray[np.bool_], corners: list[Future[Spectra]]) -> None:
        first = left - self._lefts[0]
        samples = self._strips[row % 2, :, :, first : first + self._windows.reach]
        kernels = [each.result() for each in corners]
        seen = self._pixels(self._tops[row], left)
        for channel in np.flatnonzero(uneven).tolist():
            kind = self._picture.kinds[channel]
            _seen_through([each[kind] for each in kernels], samples[channel], seen[channel], self._windows)

    def _corner(self, top: int, left: int) -> Future[Spectra]:
        """The spectra of the kernels where four windows meet, told once for all of them."""
        if (top, left) not in self._corners:
            self._corners[top, left] = self._pool.submit(self._spectra, top, left)
        return self._corners[top, left]

    def _spectra(self, top: int, left: int) -> Spectra:
        x, y = (float(self._grid.samples(each, 1, down)[0]) for each, down in ((left, False), (top, True)))
        edge = 0.5 * self._grid.pitch_mm / self._grid.fine
        return _spectrum(self._blur.at(x - edge, y - edge), self._windows)

    def _pixels(self, top: int, left: int) -> Array:
        """A window's part of what is seen."""
        side, every = self._windows.side, self._windows.every
        rows, columns = (slice(first // every, (first + side) // every) for first in (top, left))
        return self._out[:, rows, columns]


def _seen_through(kernels: Sequence[Spectra], light: Array, out: Array, windows: _Windows) -> None:
    """Fills a window's pixels (h, w) from the samples that it sees, by the spectra of the kernels at its corners: upper
    left, upper right, lower left, lower right."""
    from scipy.fft import ifft, irfft

    every, first = windows.every, windows.size // windows.every
    down, across = (((np.arange(side, dtype=np.float32) + 0.5) * (every / windows.side)) for side in out.shape)
    rows, columns = (slice(first, first + side) for side in out.shape)
    spectrum = _spectrum(light, windows)
    again = windows.kept * every // windows.length
    seen = [ifft(_folded(spectrum, each, again), axis=0, overwrite_x=True)[rows].view(np.float32) for each in kernels]
    for upper, lower in zip(seen[:2], seen[2:], strict=True):
        lower -= upper
        lower *= down[:, None]
        upper += lower
    left, right = (irfft(each.view(np.complex64), windows.length // every, axis=1)[:, columns] for each in seen[:2])
    right -= left
    right *= across
    np.add(left, right, out=out)
    out *= np.float32(1.0 / every**2)


def _spectrum(samples: Array, windows: _Windows) -> Spectra:
    """(..., kept, kept // 2 + 1): the lowest frequencies, down and across, of samples (..., h, w) and 0 up to the
    length that is transformed."""
    from scipy.fft import fft, rfft

    length, kept = windows.length, windows.kept
    # Most rows of a padded blur are 0.
    whole = fft(rfft(samples, length)[..., : kept // 2 + 1], length, axis=-2, overwrite_x=True)
    if kept == length:
        return np.asarray(whole)
    return np.concatenate([whole[..., : kept // 2, :], whole[..., -(kept // 2) :, :]], axis=-2)


def _folded(light: Spectra, kernel: Spectra, every: int) -> Spectra:
    """The half spectrum of one sample in `every`, down and across a square, times `every` squared, from the product of
    two half spectra of all: what repeats adds up."""
    rows = len(light)
    kept = rows // every
    by_rows = light[:kept] * kernel[:kept]
    for first in range(kept, rows, kept):
        by_rows += light[first : first + kept] * kernel[first : first + kept]
    half = kept // 2 + 1
    out = by_rows[:, :half].copy() if every > 1 else by_rows
    for first in range(kept, rows, kept):
        if 2 * first < rows:
            out += by_rows[:, first : first + half]
        else:  # of real samples (k1, -k2) is the conjugate of (-k1, k2)
            mirrored = np.conj(by_rows[:, rows - first - half + 1 : rows - first + 1][:, ::-1])
            out[0] += mirrored[0]
            out[1:] += mirrored[:0:-1]
    return np.asarray(out)


def enlarged(values: Array, sides: tuple[int, int]) -> Array:
    """(C, *sides): values (C, h, w) and three more between four of them, smooth; beyond the last ones they stay."""
    import cv2

    reach = BETWEEN.size
    out = np.empty((len(values), *sides), np.float32)

    def part(first: int) -> None:
        above = max(first - reach, 0)
        for coarse, dense in zip(values, out[:, 2 * first : 2 * (first + ROWS)], strict=True):
            near = coarse[above : first + ROWS + reach]
            wide = np.empty((len(near), 2 * near.shape[1]), np.float32)
            wide[:, ::2] = near
            wide[:, 1::2] = between(near, BETWEEN)
            for odd, lines in enumerate((wide, between(wide, BETWEEN.T))):
                rows = dense[odd::2]
                rows[:] = lines[first - above :][: len(rows), : sides[1]]

    def between(lines: Array, weights: Array) -> Array:
        middle = (reach // 2 - 1, 0) if len(weights) == 1 else (0, reach // 2 - 1)
        return np.asarray(cv2.filter2D(lines, -1, weights, anchor=middle, borderType=cv2.BORDER_REPLICATE))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(part, range(0, -(-sides[0] // 2), ROWS)))
    return out
