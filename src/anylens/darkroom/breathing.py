"""How one picture lies over another when the focus was turned between them: it grows, shifts and turns a little.

Gauss-Newton on pyramids (inverse warp, compositional, Baker & Matthews 2004; Bouguet 2001 for the pyramid), with gain
and offset of brightness as unknowns beside the motion, and with places that do not fit weighted down: what is sharp in
one picture and blurred in the other pulls to no side, but it is no measure either.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from anylens.record import record

Array = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

FINEST_PX, COARSEST_PX = 1024, 24
LOOKS, ENOUGH_PX = 12, 0.003
LIKENESS_PX, ENOUGH_POINTS = 160, 60_000
MOST_GROWTH, MOST_TURN = 0.3, 0.2


@record(frozen=True, slots=True)
class Lie:
    """`move` (3, 3) goes from places of the still picture to the other's, both in the still's pixels.

    `likeness` is the correlation of what both show, -1 to 1; `overlap` the part of the still picture that the other
    shows; `gain` makes the other's light as bright as the still's.
    """

    move: Matrix
    likeness: float
    overlap: float
    gain: float

    @property
    def possible(self) -> bool:
        """Whether a turned focus ring and a hand can have done this."""
        growth = float(np.hypot(self.move[0, 0], self.move[1, 0]))
        turn = float(np.arctan2(self.move[1, 0], self.move[0, 0]))
        return abs(np.log(growth)) < MOST_GROWTH and abs(turn) < MOST_TURN


def pyramid(grey: Array) -> tuple[Array, ...]:
    """Linear light (H, W) as roots of it, from FINEST_PX along the longest side down to COARSEST_PX along the shortest.

    The root makes shot noise even. Each level is smoothed a little, so that blur counts less.
    """
    import cv2

    level = np.sqrt(np.maximum(grey, 0), dtype=np.float32)
    while max(level.shape) > FINEST_PX:
        level = _halved(level)
    levels = [level]
    while min(levels[-1].shape) >= 2 * COARSEST_PX:
        levels.append(_halved(levels[-1]))
    return tuple(np.asarray(cv2.GaussianBlur(each, (0, 0), 1.0), np.float32) for each in levels)


def _halved(level: Array) -> Array:
    import cv2

    height, width = (side // 2 * 2 for side in level.shape)
    return np.asarray(cv2.resize(level[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA))


def lie(still: tuple[Array, ...], other: tuple[Array, ...]) -> Lie:
    """How `other` lies over `still`, both pyramids of pictures of one size; own work on the papers named above."""
    motion = np.eye(3)
    for one, two in zip(reversed(still), reversed(other), strict=True):
        motion = _fitted(one, two, motion)
    at = next((i for i, level in enumerate(still) if max(level.shape) <= LIKENESS_PX), len(still) - 1)
    likeness, overlap, gain = _compared(still[at], other[at], motion)
    return Lie(motion, likeness, overlap, gain)


def in_pixels(motion: Matrix, shape: tuple[int, ...]) -> Matrix:
    """(2, 3) for cv2's inverse warp of a picture of this shape, from a motion in half widths about the middle."""
    height, width = shape
    half = width / 2.0
    middle = np.array([(width - 1) / 2.0, (height - 1) / 2.0])
    turn = motion[:2, :2]
    return np.column_stack([turn, middle + half * motion[:2, 2] - turn @ middle])


def _warped(other: Array, motion: Matrix) -> tuple[Array, Array]:
    """The other picture as it lies over the still one, and where it is known."""
    import cv2

    height, width = other.shape
    move, size = in_pixels(motion, other.shape), (width, height)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(other, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    known = cv2.warpAffine(np.ones_like(other), move, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(seen, np.float32), np.asarray(known, np.float32)


def _fitted(still: Array, other: Array, motion: Matrix) -> Matrix:
    height, width = still.shape
    half, every = width / 2.0, math.ceil(math.sqrt(still.size / ENOUGH_POINTS))
    v, u = np.mgrid[:height:every, :width:every].astype(np.float32)
    u, v = (u - np.float32((width - 1) / 2)) / np.float32(half), (v - np.float32((height - 1) / 2)) / np.float32(half)
    for _ in range(LOOKS):
        seen, known = _warped(other, motion)
        step = _step(still, seen, known, u, v, half)
        if step is None:
            return motion
        motion = motion @ step
        if np.abs(step - np.eye(3)).max() * half < ENOUGH_PX:
            break
    return motion


def _step(still: Array, seen: Array, known: Array, u: Array, v: Array, half: float) -> Matrix | None:
    """The small motion that brings `seen` nearer to `still`, told by the points u, v of both; None if nothing is."""
    import cv2

    points = slice(None, None, -(-len(still) // len(u)))
    dx, dy = (cv2.Sobel(seen, cv2.CV_32F, *way, ksize=1, scale=half / 2)[points, points] for way in ((1, 0), (0, 1)))
    still, seen, known = (each[points, points] for each in (still, seen, known))
    lit = known * seen
    gain = float(np.vdot(lit, still)) / max(float(lit.sum()), 1e-12)
    gain *= float(lit.sum()) / max(float(np.vdot(lit, seen)), 1e-12)
    off = np.abs(still - np.float32(gain) * seen)
    inside = off[::2, ::2][known[::2, ::2] > 0]
    if inside.size < 16:
        return None
    width = 2.0 * float(np.median(inside)) + 1e-6
    off *= np.float32(1.0 / width)
    trust = (known / (1 + off * off)).ravel()
    columns = (dx * u + dy * v, dy * u - dx * v, dx, dy, seen, np.ones_like(seen))
    table = np.stack([column.ravel() for column in columns])
    weighted = table * trust
    normal = (weighted @ table.T).astype(np.float64)
    try:
        found = np.linalg.solve(normal + 1e-9 * np.diag(np.diag(normal)), (weighted @ still.ravel()).astype(np.float64))
    except np.linalg.LinAlgError:
        return None
    bright = found[4]
    if not np.isfinite(found).all() or bright <= 0.05:
        return None
    grow, turn, right, down = np.clip(found[:4] / bright, -0.2, 0.2)
    return np.array([[1 + grow, -turn, right], [turn, 1 + grow, down], [0, 0, 1]])


def _compared(still: Array, other: Array, motion: Matrix) -> tuple[float, float, float]:
    """Likeness, overlap and gain of two pictures under a motion; coarse shading is no likeness."""
    import cv2

    seen, known = _warped(other, motion)
    inside, overlap = known > 0, float(known.mean())
    if inside.sum() < 64:
        return 0.0, overlap, 1.0
    wide = max(still.shape) / 8.0
    one, two = ((each - cv2.GaussianBlur(each, (0, 0), wide))[inside] for each in (still, seen))
    size = float(np.sqrt(np.square(one).sum() * np.square(two).sum()))
    bright = inside & (seen > 0.02) & (still > 0.02)
    gain = float(np.median(np.square(still[bright] / seen[bright]))) if bright.any() else 1.0
    return (float((one * two).sum()) / size if size > 0 else 0.0), overlap, gain
