"""A blur that changes over the picture: overlapping windows, each seen through the kernel of its middle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]

WINDOW = 384
RAMP = 32
WINDOWS = 16
"""Along the picture's shorter side there are at least so many windows, each with one blur, or its blur would change in
steps: a tilted lens's best focus too, which edges in few windows show as a tilt of another size."""


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
) -> Array:
    """(C, height, width): what is drawn on the fine samples, blurred, averaged over each pixel.

    `every` so many samples stands an output, each still averaged over a whole pixel; None for one a pixel. Beyond
    `part`, rows and columns of samples, there is no light.

    `draw(top, left, out)` fills (C, rows, columns) with the samples from there on; `kernel(x_mm, y_mm)` gives (K, size,
    size), the blurs at a place, their middle at size // 2, the average over the pixel's samples in them, 1 in all, and
    `kinds` which of them each of the C channels has. Windows overlap and add up to 1 where they are seen, behind the
    blur: what is even stays so, whatever their kernels.
    """
    from scipy.fft import next_fast_len

    fine = grid.fine
    every = every or fine
    # A window less than two kernels wide would cost more than it tells.
    window = min(WINDOW, max(min(grid.width, grid.height) * fine // WINDOWS, 2 * size)) // fine * fine
    ramp = min(RAMP, window) // fine * fine
    support = window + ramp
    reach = support + size
    # Rows of whole lines of a core's memory are transformed faster.
    length = 16 * every * next_fast_len(-(-reach // (16 * every)), real=True)
    sides = grid.height, grid.width
    tops, lefts = (
        [
            first
            for first in range(-ramp, side * fine, window)
            if first - size // 2 < bounds.stop and first - size // 2 + reach > bounds.start
        ]
        for side, bounds in zip(sides, part or [slice(-size, side * fine + size) for side in sides], strict=True)
    )
    slope = (np.arange(ramp, dtype=np.float32) + 0.5) / ramp
    taper = np.concatenate([slope, np.ones(window - ramp, np.float32), slope[::-1]])[::every]
    out = np.zeros((len(kinds), *(side * fine // every for side in sides)), np.float32)
    if not tops or not lefts:
        return out
    strips = np.empty((2, len(kinds), reach, (len(lefts) - 1) * window + reach), np.float32)

    def lit(top: int, left: int, part: Array) -> bool:
        draw(top, left, part)
        return bool(part.any())

    def strip(row: int) -> list[Future[bool]]:
        """Begins to draw what a row of windows sees, but for what the row before saw too; each part says if it is
        lit."""
        known = reach - window if row else 0
        samples, before = strips[row % 2], strips[row % 2 - 1]
        samples[:, :known] = before[:, reach - known :]
        top, left = tops[row] - size // 2 + known, lefts[0] - size // 2
        columns = range(0, samples.shape[2], window)
        return [pool.submit(lit, top, left + at, samples[:, known:, at : at + window]) for at in columns]

    def blurred(row: int, top: int, left: int) -> Array:
        samples = strips[row % 2, :, :, left - lefts[0] : left - lefts[0] + reach]
        middle = (0.5 * support) * grid.pitch_mm / fine
        x = float(grid.samples(left, 1, down=False)[0]) + middle
        y = float(grid.samples(top, 1, down=True)[0]) + middle
        return _blurred(samples, kernel(x, y), kinds, length, every, taper)

    with ThreadPoolExecutor(threads) as pool:
        drawing, rows = strip(0), []
        parts = -(-reach // window)  # of a strip, and strips, that one window sees
        for row, top in enumerate(tops):
            rows.append([part.result() for part in drawing])
            bright = np.any(rows[-parts:], axis=0)
            patches = {
                left: pool.submit(blurred, row, top, left)
                for at, left in enumerate(lefts)
                if bright[at : at + parts].any()
            }
            drawing = strip(row + 1) if row + 1 < len(tops) else []
            for left, patch in patches.items():
                _add(out, patch.result(), top // every, left // every)
    return out


def _blurred(samples: Array, kernels: Array, kinds: Sequence[int], length: int, every: int, taper: Array) -> Array:
    """(C, n, n): every so manieth sample's blur, by a taper (n,): those whose kernels lie within the samples."""
    from scipy.fft import fft, ifft, irfft, rfft, rfft2

    out = np.empty((len(samples), len(taper), len(taper)), np.float32)
    kept = slice(kernels.shape[-1] // every, kernels.shape[-1] // every + len(taper))

    @cache
    def spectrum(kind: int) -> Spectra:
        # Most rows of the padded blur are 0.
        return np.asarray(fft(rfft(kernels[kind], length, axis=1), length, axis=0))

    for seen, light, kind in zip(out, samples, kinds, strict=True):
        seen[:] = light[0, 0]
        if light.min() < light.max():
            both = rfft2(light, (length, length))
            both *= spectrum(kind)
            rows = ifft(_folded(both, every), axis=0)[kept]
            seen[:] = irfft(rows, length // every, axis=1)[:, kept]
        seen *= taper * taper[:, None]
    return out


def _folded(spectrum: Spectra, every: int) -> Spectra:
    """The half spectrum of every so manieth sample of a square of samples, from that of all: what repeats adds up."""
    if every == 1:
        return spectrum
    rows = len(spectrum)
    kept = rows // every
    by_rows = spectrum.reshape(every, kept, -1).sum(axis=0)
    turned = -np.arange(kept)  # of real samples (k1, -k2) is the conjugate of (-k1, k2)
    half = kept // 2 + 1
    out = by_rows[:, :half].copy()
    for first in range(kept, rows, kept):
        if 2 * first < rows:
            out += by_rows[:, first : first + half]
        else:
            out += np.conj(by_rows[turned, rows - first - half + 1 : rows - first + 1][:, ::-1])
    return np.asarray(out * np.float32(1.0 / every**2), np.complex64)


def _add(out: Array, patch: Array, top: int, left: int) -> None:
    rows, columns = patch.shape[-2:]
    y0, y1 = max(top, 0), min(top + rows, out.shape[-2])
    x0, x1 = max(left, 0), min(left + columns, out.shape[-1])
    if y0 < y1 and x0 < x1:
        out[:, y0:y1, x0:x1] += patch[:, y0 - top : y1 - top, x0 - left : x1 - left]
