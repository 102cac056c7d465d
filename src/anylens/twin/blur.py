"""A blur that changes over the picture: overlapping windows of the scene, each spread by the kernel of its middle."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

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
    drawn: Callable[[int, int, int, int], Array | None],
    kernel: Callable[[float, float], Array],
    size: int,
    threads: int,
    every: int | None = None,
) -> Array:
    """(C, height, width): what is drawn on the fine samples, blurred, averaged over each pixel.

    `every` so many samples stands an output, each still averaged over a whole pixel; None for one a pixel.

    `drawn(top, left, rows, columns)` gives (C, rows, columns) samples, or None where all is 0; `kernel(x_mm, y_mm)`
    gives (C, size, size), the blur at a place, its middle at size // 2, the average over the pixel's samples in it.
    Windows overlap and add up to 1, so light is only ever moved.
    """
    from scipy.fft import next_fast_len

    fine = grid.fine
    every = every or fine
    # A window less than two kernels wide would cost more than it tells.
    window = min(WINDOW, max(min(grid.width, grid.height) * fine // WINDOWS, 2 * size)) // fine * fine
    ramp = min(RAMP, window) // fine * fine
    support = window + ramp
    reach = -(-(size // 2 + fine) // fine) * fine
    length = 2 * every * next_fast_len(-(-(support + size) // (2 * every)), real=True)
    begin = -reach - ramp
    tops = range(begin, grid.height * fine + reach, window)
    lefts = range(begin, grid.width * fine + reach, window)
    slope = (np.arange(ramp, dtype=np.float32) + 0.5) / ramp
    taper = np.concatenate([slope, np.ones(window - ramp, np.float32), slope[::-1]])
    work = partial(_window, grid, every, drawn, kernel, size, support, length, taper)
    places = [(top, left) for top in tops for left in lefts]
    rows, columns = (side * fine // every for side in (grid.height, grid.width))
    out: Array | None = None
    with ThreadPoolExecutor(threads) as pool:
        for (top, left), patch in zip(places, pool.map(work, *zip(*places, strict=True)), strict=True):
            if patch is None:
                continue
            if out is None:
                out = np.zeros((patch.shape[0], rows, columns), np.float32)
            _add(out, patch, (top - size // 2) // every, (left - size // 2) // every)
    return out if out is not None else np.zeros((0, rows, columns), np.float32)


def _window(
    grid: Grid,
    every: int,
    drawn: Callable[[int, int, int, int], Array | None],
    kernel: Callable[[float, float], Array],
    size: int,
    support: int,
    length: int,
    taper: Array,
    top: int,
    left: int,
) -> Array | None:
    from scipy.fft import fft, irfft2, rfft, rfft2

    samples = drawn(top, left, support, support)
    if samples is None or not samples.any():
        return None
    step_mm = grid.pitch_mm / grid.fine
    middle = (0.5 * support) * step_mm
    x = float(grid.samples(left, 1, down=False)[0]) + middle
    y = float(grid.samples(top, 1, down=True)[0]) + middle
    kernels = kernel(x, y)
    out = np.empty((len(samples), *(-(-(support + size) // every),) * 2), np.float32)
    for channel, (light, blur) in enumerate(zip(samples, kernels, strict=True)):
        light = light * taper * taper[:, None]
        both = rfft2(light, (length, length))
        both *= fft(rfft(blur, length, axis=1), length, axis=0)  # most rows of the padded blur are 0
        seen = irfft2(_folded(both, every), (length // every,) * 2)
        out[channel] = seen[: out.shape[1], : out.shape[2]]
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
