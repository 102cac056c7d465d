"""The filters of `restore`: the best of their form in the mean for a blur that is known, designed on a lattice.

Wiener 1949 for light whose power falls with frequency as that of photographs does (Field 1987 found its square, in
their richest parts it is the power of 2.6), and for the noise of the sensor, what demosaicing errs and what a passport
cannot tell.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.record import Parts

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Tap = tuple[int, int]


def _within(squared: int) -> tuple[Tap, ...]:
    reach = int(squared**0.5)
    span = range(-reach, reach + 1)
    return tuple((x, y) for y in span for x in span if x * x + y * y <= squared)


NEAR = _within(4)
"""(x, y) of the taps on the picture itself."""
WIDE = _within(10)
"""And of those on the picture of half the size; all may differ on both sides of their middle."""
GAIN = len(NEAR) + len(WIDE)
"""Where the taps of a filter have ended, stands by how much it lifts noise."""
LINES, EDGES = GAIN + 1, GAIN + 2
"""And then how much more of what it adds is shown of lines and of edges, where that stands far above the noise."""
NUMBERS = EDGES + 1
SPACING = 128
BLOCK = (32, 4)
"""Columns and rows that share a filter, that of the block's middle."""
HALVING = (0.125, 0.375, 0.375, 0.125)
"""Weights of four pixels in a row in the picture of half the size, which is drawn between its pixels straight."""
LATTICE = (9, 7)
_BAND = 24
_TEXTURE, _FIELD, _STEEP = 3.6e-4, 0.02, 1.3
"""The power of detail: of a wave of f cycles per pixel _TEXTURE / (f^2 + _FIELD^2) ^ _STEEP."""
_UNSURE = 0.055
"""How well a passport tells what became of a wave: what is not known of a blur is as noise, in parts of the light."""
_ERRS, _ALIASED, _FINE_CPP = 1e-5, 0.03, 0.25
"""What demosaicing errs counts as noise: this much everywhere, and at _FINE_CPP so much of the mean power that a blur
has left of detail from there on, growing with the square of the frequency, since what errs is what the colour filter
folds back."""
_SURE_CPP = 0.35
_STRONG = 16.0
"""Detail that stands out is taken to be so many times as strong as the light of all the picture."""
_MOST, _STEPS = 2.0, 5
_WAYS = 8
_LEAST_TAIL = 1e-3
"""As good as none, of a skirt that is a Gaussian."""
_LIKE_THE_SHARPEST = 0.94
"""More is shown of what makes edges until those of a place come to this part of the MTF50 of the sharpest place."""


def lattice_of(height: int, width: int) -> tuple[Floats, Floats]:
    """(y, x) in pixels of the rows and columns at which a picture's filters are designed."""
    along = [
        np.linspace(0.0, max(size - 1, 1), points) for size, points in zip((height, width), LATTICE[::-1], strict=True)
    ]
    return along[0], along[1]


def filters_of(
    height: int,
    width: int,
    core_px2: Floats,
    share: Floats,
    skirt_px2: Floats,
    aside_px: Floats,
    tail: float,
    noise: float,
) -> Array:
    """(rows, columns, NUMBERS): the filters of a picture of this size.

    The blur at the places of `lattice_of` is (1 - share) of a Gaussian of covariance `core_px2`, (3: xx, xy, yy; rows,
    columns), and share (rows, columns) of a skirt of `skirt_px2`, `aside_px` (2: x, y; rows, columns) from its middle,
    which falls as a passport's `tail` says; `noise` is the variance of luma at middle grey.
    """
    waves = _waves()
    fx, fy = waves.fx, waves.fy
    shape = core_px2.shape[1:]
    core, skirt = (_squared(each.reshape(3, -1, 1), fx, fy) for each in (core_px2, skirt_px2))
    skirt = np.log1p(max(tail, _LEAST_TAIL) * skirt) / max(tail, _LEAST_TAIL)
    x, y = aside_px.reshape(2, -1, 1)
    part = share.reshape(-1, 1)
    blur = (1 - part) * np.exp(-core) + part * np.exp(-skirt - 2j * np.pi * (fx * x + fy * y))
    power = _TEXTURE / (fx**2 + fy**2 + _FIELD**2) ** _STEEP
    place = _place(blur, power, fx, fy)
    left = power * np.abs(blur) ** 2
    aliased = _aliased(left, waves)
    seen = left + power * _UNSURE**2 + noise + _ERRS + aliased
    pull = power * np.conj(blur) * place - seen
    even = _best(waves.even, waves.even_squares, seen * waves.weight, pull.real * waves.weight)
    odd = _best(waves.odd, waves.odd_squares, seen * waves.weight, pull.imag * waves.weight)
    white = np.broadcast_to(waves.weight / waves.weight.sum(), (1, len(fx)))
    gain = sum(
        (found @ _whole(squares, white)[0] * found).sum(1)
        for found, squares in ((even, waves.even_squares), (odd, waves.odd_squares))
    )
    change = even @ waves.even + 1j * (odd @ waves.odd)
    taps = np.concatenate([even, odd], 1) @ waves.taps
    added = blur * change
    strong, amiss = (waves.weight * each for each in (_STRONG * power, noise + _ERRS + _STRONG * aliased))
    short = strong * (np.conj(added) * (place - blur - added)).real - amiss * (np.conj(change) * (1 + change)).real
    lines = short.sum(1) / (strong * np.abs(added) ** 2 + amiss * np.abs(change) ** 2).sum(1)
    lines = np.clip(lines, 0.0, _MOST)
    edges = _evened(blur + added, added, lines, waves)
    found = np.concatenate([taps, np.stack([gain, lines, edges], 1)], 1)
    return _spread(found.reshape(*shape, -1), height, width)


class _Waves(Parts):
    """The frequencies at which filters are designed, half a plane (F), and what each of their figures does there.

    `even` (figures, F) is real and `odd` imaginary; `squares` (figures * figures, F) their products with what the
    picture of half the size folds back; `taps` (figures, GAIN) the taps that a figure stands for; `ways` (F, WAYS *
    rings) what each counts for the mean of those that lie in one direction and are about as long, in _BAND cycles a
    whole number.
    """

    fx: Floats
    fy: Floats
    weight: Floats
    ways: Floats
    even: Floats
    odd: Floats
    even_squares: Floats
    odd_squares: Floats
    taps: Floats


@cache
def _waves() -> _Waves:
    fx, fy = (each.ravel() for each in np.meshgrid(np.fft.rfftfreq(_BAND), np.fft.fftfreq(_BAND)))
    weight = np.where((fx == 0.0) | (fx == 0.5), 1.0, 2.0)
    through = (np.cos(np.pi * fx) * np.cos(np.pi * fy)) ** 3  # of HALVING, and as much again of drawing between
    folded = sum(
        (through * (np.cos(np.pi * (fx + x)) * np.cos(np.pi * (fy + y))) ** 3) ** 2
        for x, y in ((0.5, 0.0), (0.0, 0.5), (0.5, 0.5))
    )
    figures: dict[int, list[tuple[Floats, Floats, Floats]]] = {1: [], -1: []}
    for first, where, times, seen in ((0, NEAR, 1, np.ones_like(fx)), (len(NEAR), WIDE, 2, through**2)):
        middle = where.index((0, 0))
        for at in range(middle + 1, len(where)):
            x, y = where[at]
            turn = 2 * np.pi * times * (fx * x + fy * y)
            for sign, wave in ((1, 2 * np.cos(turn) - 2), (-1, 2 * np.sin(turn))):
                taps = np.zeros(GAIN)
                taps[first + at], taps[first + 2 * middle - at] = 1.0, sign
                taps[first + middle] = -1.0 - sign
                figures[sign].append((wave * seen, wave * (times - 1), taps))
    squares = []
    for sign in (1, -1):
        waves, back = (np.array(each) for each in list(zip(*figures[sign], strict=True))[:2])
        i, j = np.triu_indices(len(waves))
        squares.append(waves[i] * waves[j] + back[i] * back[j] * folded)
    even, odd = (np.array([wave for wave, _, _ in figures[sign]]) for sign in (1, -1))
    taps = np.array([each for sign in (1, -1) for _, _, each in figures[sign]])
    turned = np.arctan2(fy, fx) - np.pi / _WAYS * np.arange(_WAYS)[:, None]
    ring = np.minimum(np.rint(np.hypot(fx, fy) * _BAND), _BAND // 2)
    near = np.where(ring == 0, 1.0, np.cos(turned) ** 16 + 1e-9)[:, None] * (ring == np.arange(_BAND // 2 + 1)[:, None])
    ways = (near / near.sum(2, keepdims=True)).reshape(-1, len(fx)).T
    return _Waves(fx, fy, weight, ways, even, odd, squares[0], squares[1], taps)


def _aliased(left: Floats, waves: _Waves) -> Floats:
    """(places, F): the power of what demosaicing errs where this much (places, F) is left of detail."""
    frequency = np.hypot(waves.fx, waves.fy) / _FINE_CPP
    fine = waves.weight * (frequency > 1.0)
    return np.asarray(_ALIASED * (left @ (fine / fine.sum()))[:, None] * frequency**2)


def _best(waves: Floats, squares: Floats, seen: Floats, pull: Floats) -> Floats:
    """(places, figures): those whose filter is the best in the mean."""
    return np.asarray(np.linalg.solve(_whole(squares, seen), (pull @ waves.T)[..., None])[..., 0])


def _whole(squares: Floats, weight: Floats) -> Floats:
    """(places, figures, figures) of products (pairs of figures, F), weighed by (places, F)."""
    total = weight @ squares.T
    figures = int((2 * len(squares)) ** 0.5)
    i, j = np.triu_indices(figures)
    found = np.empty((len(total), figures, figures))
    found[:, i, j] = found[:, j, i] = total
    return found


def _evened(shown: Any, added: Any, least: Floats, waves: _Waves) -> Floats:
    """(places,): from `least` to _MOST as much more as lets edges come near those of the sharpest place.

    `shown` (places, F) is what becomes of waves, of which `added` comes from the filter. A blur is as sharp as the mean
    of those directions, half of all, in which it is least sharp: they are what is seen of it.
    """
    more = least + np.linspace(0.0, 1.0, _STEPS)[:, None] * (_MOST - least)
    reached = np.stack([_mtf50(np.abs(shown + each * added), waves) for each in more[..., None]])
    target = _LIKE_THE_SHARPEST * reached[0].max()
    rising = np.maximum.accumulate(reached)
    return np.array([np.interp(target, *pair) for pair in zip(rising.T, more.T, strict=True)])


def _mtf50(modulation: Floats, waves: _Waves) -> Floats:
    """(places,) in cycles per pixel: where waves first fall to one half, the mean of the less sharp half of ways."""
    curve = (modulation @ waves.ways).reshape(len(modulation), _WAYS, -1)
    below = curve < 0.5
    after = np.where(below.any(2), np.maximum(below.argmax(2), 1), curve.shape[2] - 1)
    high, low = (np.take_along_axis(curve, at[..., None], 2)[..., 0] for at in (after - 1, after))
    found = (after - 1 + np.clip((high - 0.5) / np.maximum(high - low, 1e-9), 0.0, 1.0)) / _BAND
    return np.asarray(np.sort(found, 1)[:, : _WAYS // 2].mean(1))


def _squared(covariance: Floats, fx: Floats, fy: Floats) -> Floats:
    """2 pi^2 f' covariance f, waves in the covariance's unit."""
    xx, xy, yy = covariance
    return np.asarray(2 * np.pi**2 * (xx * fx**2 + 2 * xy * fx * fy + yy * fy**2))


def _place(blur: Any, weight: Floats, fx: Floats, fy: Floats) -> Any:
    """Waves that lie where the blur has moved its light to: nothing but the blur is to be undone."""
    sure = np.hypot(fx, fy) < _SURE_CPP
    u, v = fx[sure], fy[sure]
    seen = blur[:, sure]
    turned = -np.angle(seen) / (2 * np.pi)
    weight = weight[sure] * np.abs(seen) * np.where(u > 0, 2.0, 1.0)  # for what lies opposite
    xx, xy, yy, x, y = ((weight * each).sum(1) for each in (u * u, u * v, v * v, u * turned, v * turned))
    whole = xx * yy - xy * xy
    right, down = ((yy * x - xy * y) / whole)[:, None], ((xx * y - xy * x) / whole)[:, None]
    return np.exp(-2j * np.pi * (fx * right + fy * down))


def _spread(designed: Floats, height: int, width: int) -> Array:
    """The filters at every SPACING pixels from one before the first on, straight between those designed."""
    out = designed
    for axis, size in enumerate((height, width)):
        pixels = (np.arange(points(size)) - 1) * SPACING
        place = np.clip(pixels / max(size - 1, 1), 0.0, 1.0) * (designed.shape[axis] - 1)
        first = np.minimum(place.astype(int), designed.shape[axis] - 2)
        part = np.expand_dims(place - first, [each for each in range(3) if each != axis])
        low, high = np.take(out, first, axis), np.take(out, first + 1, axis)
        out = low + part * (high - low)
    return np.ascontiguousarray(out, np.float32)


def points(size: int) -> int:
    """Of the lattice along a side: one before the first pixel, and as many as blocks beyond the last may ask for."""
    return (size + 4 * BLOCK[0]) // SPACING + 3
