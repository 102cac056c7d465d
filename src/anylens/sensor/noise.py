"""How noisy a frame is, found in the frame itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anylens.sensor.model import CFA, Noise

Array = npt.NDArray[np.float64]

_BLOCK = 8
_BLOCKS_PER_SITE = 6000
_FLATTEST = 0.1
_SCALE_FLOOR = 1e-6


def estimate_noise(
    raw: npt.NDArray[np.uint16],
    cfa: CFA,
    black: tuple[tuple[float, ...], ...],
    white: tuple[float, ...],
) -> Noise:
    """Poisson and Gaussian noise of one raw frame, one pair for each of R, G, B, or one pair for monochrome.

    `raw` is (H, W) counts of the active area, where `cfa` and `black` (counts) begin; `white` is in counts, one
    value or R, G, B. In blocks of 8 x 8 samples of one colour the flattest tenth at each brightness is judged by its
    coarse detail only, and its noise is read from the fine detail, which leaves the choice without influence on the
    result (Ponomarenko, Lukin, Zriakhov, Kaarna & Astola 2007; Colom & Buades 2013). The line `variance = scale * x +
    offset` (Foi, Trimeche, Katkovnik & Egiazarian 2008) goes through the brightness classes: those with texture left
    in them count less, and those of the other two colours a fifth. Blocks near the darkest and the brightest count of
    the frame are left out as clipped. Never less than the noise of rounding to whole counts (offset, 1/12 count
    squared) and of a well of a million electrons (scale, 1e-6): that is the answer for frames too small or too
    clipped to tell. Texture as fine as the samples counts as noise; a file whose maker has smoothed it gets less.
    """
    levels = {letter: white[min(i, len(white) - 1)] for i, letter in enumerate("RGB")}
    sites = [(y, x, letter) for y, row in enumerate(cfa) for x, letter in enumerate(row)] or [(0, 0, "")]
    quad = len(cfa) == 4
    if quad:
        sites = [site for site in sites if site[0] % 2 == 0 and site[1] % 2 == 0]
    dark = np.asarray(black, np.float64)
    span = float(max(white) - dark.mean())
    floor = 1.0 / (12.0 * span * span)
    pieces = [_blocks(raw, y, x, len(cfa) or 1) for y, x, _ in sites]
    counts = [raw[rows, columns] for rows, columns in pieces]
    filled = [piece for piece in counts if piece.size]
    if not filled:
        return _noise([(_SCALE_FLOOR, floor)] * (3 if cfa else 1))
    low, high = min(int(p.min()) for p in filled), max(int(p.max()) for p in filled)
    classes: dict[str, list[Array]] = {}
    for (_, _, letter), (rows, columns), piece in zip(sites, pieces, counts, strict=True):
        at_black = dark[rows % dark.shape[0], columns % dark.shape[1]]
        unclipped = _unclipped(piece, low, high)
        scaled = ((piece - at_black) / (levels.get(letter, max(white)) - at_black))[unclipped]
        classes.setdefault(letter, []).append(_brightness_classes(scaled, quad))
    found = {letter: np.concatenate(several) for letter, several in classes.items()}
    return _noise([_line(_with_others(found, letter), floor) for letter in (("R", "G", "B") if cfa else ("",))])


def _with_others(found: dict[str, Array], letter: str) -> Array:
    """A colour's classes, and with a fifth of the weight those of the others, for brightness that it lacks."""
    return np.concatenate([found[key] * (1.0, 1.0, 1.0 if key == letter else 0.2) for key in found])


def _noise(pairs: list[tuple[float, float]]) -> Noise:
    return Noise(tuple(scale for scale, _ in pairs), tuple(offset for _, offset in pairs), "estimated")


def _blocks(
    raw: npt.NDArray[np.uint16], top: int, left: int, repeat: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row (n, 8, 1) and column (n, 1, 8) numbers of the samples of blocks of one colour, spread over the frame.

    A quad-Bayer block has 4 x 4 squares of 2 x 2 neighbours.
    """
    sample = np.arange(_BLOCK)
    step = sample * repeat if repeat < 4 else sample // 2 * repeat + sample % 2
    reach, size = int(step[-1]) + 1, _BLOCK * repeat if repeat < 4 else _BLOCK // 2 * repeat
    down = max((raw.shape[0] - top - reach) // size + 1, 0)
    right = max((raw.shape[1] - left - reach) // size + 1, 0)
    chosen = np.unique(np.linspace(0, down * right - 1, min(down * right, _BLOCKS_PER_SITE)).astype(np.int64))
    rows, columns = np.divmod(chosen, max(right, 1))
    return (top + rows * size)[:, None, None] + step[:, None], (left + columns * size)[:, None, None] + step


def _unclipped(counts: npt.NDArray[np.uint16], low: int, high: int) -> npt.NDArray[np.bool_]:
    """Clipping two standard deviations below the mean is let pass: it takes 5 % of the variance, and shadows tell."""
    mean, spread = counts.mean(axis=(1, 2)), counts.std(axis=(1, 2))
    return np.asarray(
        (mean - 2.0 * spread > low) & (mean + 3.0 * spread < high) & (counts.max(axis=(1, 2)) < high), np.bool_
    )


def _brightness_classes(blocks: Array, quad: bool) -> Array:
    """(classes, 3): brightness, variance of the noise and number of blocks that told it."""
    transform, fine, coarse = _transform(quad)
    detail = transform @ blocks @ transform.T
    brightness = blocks.mean(axis=(1, 2))
    texture = (detail**2 * coarse).sum(axis=(1, 2))
    found = []
    for members in np.array_split(np.argsort(brightness), int(np.clip(len(blocks) // 200, 1, 24))):
        if len(members) < 20:
            continue
        flattest = members[np.argsort(texture[members])[: max(10, int(_FLATTEST * len(members)))]]
        by_detail = (detail[flattest][:, fine] ** 2).mean(axis=0)
        low_median = (1.0 - 2.0 / (9.0 * len(flattest))) ** 3
        found.append((brightness[flattest].mean(), np.median(by_detail) / low_median, float(len(flattest))))
    return np.array(found, np.float64).reshape(-1, 3)


def _transform(quad: bool) -> tuple[Array, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """An orthonormal transform (8, 8) of a block's rows and columns, and its fine and its coarse products (8, 8)."""
    order = np.arange(_BLOCK)
    if quad:
        transform = np.kron(_cosines(_BLOCK // 2), _cosines(2))
        fine = np.outer(order % 2, order % 2) == 1
    else:
        transform = _cosines(_BLOCK)
        fine = order[:, None] + order > _BLOCK
    coarse = ~fine
    coarse[0, 0] = False
    return np.asarray(transform, np.float64), fine, coarse


def _cosines(size: int) -> Array:
    order = np.arange(size)
    waves = np.cos(np.pi * np.outer(order, order + 0.5) / size) * np.sqrt(2.0 / size)
    waves[0] /= np.sqrt(2.0)
    return np.asarray(waves, np.float64)


def _line(classes: Array, floor: float) -> tuple[float, float]:
    """(scale, offset), neither below its floor, of the line that most classes lie on, a texture's excess apart."""
    if len(classes) == 0:
        return _SCALE_FLOOR, floor
    brightness, variance, number = np.maximum(classes, (0.0, floor, 0.0)).T
    scale, offset = _line_through_two(brightness, variance, number, floor)
    for _ in range(10):
        model = scale * brightness + offset
        away = np.log(variance / model)
        trust = number / (1.0 + (away / np.where(away > 0.0, 0.1, 0.2)) ** 2) ** 2
        scale, offset = _fit(brightness, variance, trust / model**2, floor)
    return scale, offset


def _line_through_two(x: Array, y: Array, weight: Array, floor: float) -> tuple[float, float]:
    """Of the lines through two classes or through one and a floor, the one that leaves least of the others apart."""
    one, two = np.triu_indices(len(x), 1)
    run = x[two] - x[one]
    slope = np.where(np.abs(run) > 1e-9, (y[two] - y[one]) / np.where(np.abs(run) > 1e-9, run, 1.0), 0.0)
    slope = np.concatenate([slope, np.full(len(x), _SCALE_FLOOR), (y - floor) / np.maximum(x, 1e-9)])
    start = np.concatenate([y[one] - slope[: len(one)] * x[one], y, np.full(len(x), floor)])
    slope, start = np.maximum(slope, _SCALE_FLOOR), np.maximum(start, floor)
    away = np.log(y) - np.log(slope[:, None] * x + start[:, None])
    square = (away / 0.2) ** 2
    apart = square / (1.0 + square) * np.where(away > 0.0, 0.7, 1.0)
    best = int(np.argmin(apart @ weight))
    return float(slope[best]), float(start[best])


def _fit(x: Array, y: Array, weight: Array, floor: float) -> tuple[float, float]:
    weight = weight / weight.sum()
    mean_x, mean_y = float(weight @ x), float(weight @ y)
    spread = float(weight @ (x - mean_x) ** 2)
    scale = float(weight @ ((x - mean_x) * (y - mean_y))) / spread if spread > 1e-12 else 0.0
    offset = mean_y - scale * mean_x
    if offset < floor:
        offset = floor
        scale = float(weight @ (x * (y - floor))) / max(float(weight @ x**2), 1e-12)
    if scale < _SCALE_FLOOR:
        scale = _SCALE_FLOOR
        offset = max(mean_y - scale * mean_x, floor)
    return scale, offset
