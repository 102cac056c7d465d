"""A blur that changes over the picture: windows, each seen through the kernels of its four corners."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

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


def spread_out(
    grid: Grid,
    draw: Callable[[int, int, Array], None],
    kernel: Callable[[float, float], Array],
    kinds: Sequence[int],
    size: int,
    threads: int,
    every: int | None = None,
    part: tuple[slice, slice] | None = None,
    smooth: bool = False,
) -> Array:
    """(C, height, width): what is drawn on the fine samples, blurred, averaged over each pixel.

    `every` so many samples stands an output, each still averaged over a whole pixel; None for one a pixel. Beyond
    `part`, rows and columns of samples, there is no light. What `smooth` blurs leave beyond the band that outputs can
    carry is left out; of others it folds back, as a sensor sees it.

    `draw(top, left, out)` fills (C, rows, columns) with the samples from there on; `kernel(x_mm, y_mm)` gives (K, size,
    size), the blurs at a place, their middle at size // 2, the average over the pixel's samples in them, 1 in all, and
    `kinds` which of them each of the C channels has. What is seen is what the kernels of a window's corners make of
    the light, in shares that change evenly from corner to corner: windows meet without a seam, and what is even
    stays so, whatever their kernels.
    """
    from scipy.fft import next_fast_len

    fine = grid.fine
    every = every or fine
    least = min(WINDOW, max(min(grid.width, grid.height) * fine // WINDOWS, 2 * size)) + size
    # Rows of whole lines of a core's memory are transformed faster; a window fills what is transformed.
    length = 16 * fine * next_fast_len(-(-least // (16 * fine)), real=True)
    kept = length // every if smooth else length
    window = (length - size) // (fine * every) * (fine * every)
    reach = window + size
    sides = grid.height, grid.width
    bounds = part or tuple(slice(-size, side * fine + size) for side in sides)
    tops, lefts = (_firsts(side * fine, window, size, seen) for side, seen in zip(sides, bounds, strict=True))
    out = np.zeros((len(kinds), *(side * fine // every for side in sides)), np.float32)
    if not tops or not lefts:
        return out
    strips = np.empty((2, len(kinds), reach, (len(lefts) - 1) * window + reach), np.float32)

    def lit(top: int, left: int, part: Array) -> tuple[Array, Array]:
        draw(top, left, part)
        return part.min((1, 2)), part.max((1, 2))

    def strip(row: int) -> list[Future[tuple[Array, Array]]]:
        """Begins to draw what a row of windows sees, but for what the row before saw too; each part says the least
        and the most light in it."""
        known = reach - window if row else 0
        samples, before = strips[row % 2], strips[row % 2 - 1]
        samples[:, :known] = before[:, reach - known :]
        top, left = tops[row] - size // 2 + known, lefts[0] - size // 2
        columns = range(0, samples.shape[2], window)
        return [pool.submit(lit, top, left + at, samples[:, known:, at : at + window]) for at in columns]

    def corner(top: int, left: int) -> Spectra:
        x, y = (float(grid.samples(each, 1, down)[0]) for each, down in ((left, False), (top, True)))
        edge = 0.5 * grid.pitch_mm / fine
        return _spectrum(kernel(x - edge, y - edge), length, kept)

    def pixels(top: int, left: int) -> Array:
        """A window's part of what is seen."""
        rows, columns = (slice(first // every, (first + window) // every) for first in (top, left))
        return out[:, rows, columns]

    def blurred(row: int, left: int, uneven: npt.NDArray[np.bool_], corners: list[Future[Spectra]]) -> None:
        samples = strips[row % 2, :, :, left - lefts[0] : left - lefts[0] + reach]
        kernels = [each.result() for each in corners]
        seen = pixels(tops[row], left)
        for channel in np.flatnonzero(uneven).tolist():
            around = [each[kinds[channel]] for each in kernels]
            _blur(seen[channel], samples[channel], around, length, size, every, window)

    with ThreadPoolExecutor(threads) as pool:
        drawing, rows = strip(0), []
        corners: dict[tuple[int, int], Future[Spectra]] = {}
        parts = -(-reach // window)  # of a strip, and strips, that one window sees
        for row, top in enumerate(tops):
            rows.append([part.result() for part in drawing])
            light, blurring = np.array(rows[-parts:]), []
            for at, left in enumerate(lefts):
                near = light[:, at : at + parts]
                least, most = near[:, :, 0].min((0, 1)), near[:, :, 1].max((0, 1))
                pixels(top, left)[:] = least[:, None, None]
                if not (least < most).any():
                    continue
                around = list(product((top, top + window), (left, left + window)))
                for each in around:
                    if each not in corners:
                        corners[each] = pool.submit(corner, *each)
                blurring.append(pool.submit(blurred, row, left, least < most, [corners[each] for each in around]))
                corners.pop((top, left))  # no other window needs it any more
            drawing = strip(row + 1) if row + 1 < len(tops) else []
            for done in blurring:
                done.result()
    return out


def _firsts(samples: int, window: int, size: int, lit: slice) -> list[int]:
    """Where windows begin that see anything of what is lit, with kernels of `size`."""
    return [at for at in range(0, samples, window) if lit.start < at + window + size // 2 and at - size // 2 < lit.stop]


def _blur(
    out: Array, light: Array, kernels: Sequence[Spectra], length: int, size: int, every: int, window: int
) -> None:
    """Fills a window's pixels (h, w) from the samples that it sees, by the spectra on `length` samples of `size` wide
    kernels at its corners: upper left, upper right, lower left, lower right."""
    from scipy.fft import ifft, irfft

    kept = len(kernels[0])
    down, across = (((np.arange(side, dtype=np.float32) + 0.5) * (every / window)) for side in out.shape)
    rows, columns = (slice(size // every, size // every + side) for side in out.shape)
    spectrum = _spectrum(light, length, kept)
    again = kept * every // length
    seen = [ifft(_folded(spectrum, each, again), axis=0, overwrite_x=True)[rows].view(np.float32) for each in kernels]
    for upper, lower in zip(seen[:2], seen[2:], strict=True):
        lower -= upper
        lower *= down[:, None]
        upper += lower
    left, right = (irfft(each.view(np.complex64), length // every, axis=1)[:, columns] for each in seen[:2])
    right -= left
    right *= across
    np.add(left, right, out=out)
    out *= np.float32(1.0 / every**2)


def _spectrum(samples: Array, length: int, kept: int) -> Spectra:
    """(..., kept, kept // 2 + 1): the `kept` lowest frequencies, down and across, of samples (..., h, w) and 0 up to
    `length` of them."""
    from scipy.fft import fft, rfft

    # Most rows of a padded blur are 0.
    whole = fft(rfft(samples, length)[..., : kept // 2 + 1], length, axis=-2, overwrite_x=True)
    if kept == length:
        return np.asarray(whole)
    return np.concatenate([whole[..., : kept // 2, :], whole[..., -(kept // 2) :, :]], axis=-2)


def _folded(light: Spectra, kernel: Spectra, every: int) -> Spectra:
    """The half spectrum of every so manieth sample of a square of samples, times `every` squared, from the product of
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
