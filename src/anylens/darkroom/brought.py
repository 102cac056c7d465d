"""Corrections of the lens that a file brings along for light that was demosaiced: list 3 of a DNG's opcodes.

They are followed where no passport speaks: WarpRectilinear and FixVignetteRadial of the DNG specification 1.7.1,
chapter 7. What lies in them out of order or beyond reason says nothing.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from anylens.lens.correction import GRID_SPACING
from anylens.opcodes import FixVignetteRadial, WarpRectilinear, parse
from anylens.refusal import Refusal

Floats = npt.NDArray[np.float64]
Kind = TypeVar("Kind", FixVignetteRadial, WarpRectilinear)
GAINS = 0.2, 50.0
FARTHEST = 0.5
"""How far a warp may move light, in parts of the way from its centre to the farthest corner."""

MOST_STEPS, NEAR_ENOUGH = 40, 1e-4
"""Steps at most in which the straight place of a seen one is looked for, and how near to it, in the same parts, that
ends: colours lie apart there as they do at the place itself."""


def places_brought(list3: bytes, shape: tuple[int, int], geometry: float, lateral: float) -> Floats | None:
    """(3, 2, rows, columns): where each pixel of (height, width) was seen, as `lens.correction.places_seen` says it.

    `geometry` and `lateral`, 0 to 1, say how much of what moves green, and of how far from it, where green is seen, red
    and blue are. None where the file brings no warp that moves anything so.
    """
    warp = first(list3, WarpRectilinear) if geometry or lateral else None
    if warp is None or moves_too_far(warp, shape):
        return None
    (middle, reach), plain = lies(warp.center, shape), _plain(warp, shape)
    planes = warp.planes[:3] if len(warp.planes) >= 3 else warp.planes[:1] * 3
    green = plain + geometry * (_seen(planes[1], plain) - plain)
    found = np.stack([green] * 3)
    if lateral and len(set(planes)) > 1:
        straight = _straight(planes[1], green, plain)
        found += lateral * np.stack([_seen(terms, straight) - _seen(planes[1], straight) for terms in planes])
    return None if (found == plain).all() else np.asarray(found * reach + np.array(middle)[:, None, None])


def moves_too_far(warp: WarpRectilinear, shape: tuple[int, int]) -> bool:
    """Whether it moves light of a picture (height, width) farther than any lens does."""
    plain = _plain(warp, shape)
    inside = np.hypot(*plain) <= 1.0
    return bool(max(np.abs(_seen(terms, plain) - plain)[:, inside].max() for terms in warp.planes[:3]) > FARTHEST)


def _plain(warp: WarpRectilinear, shape: tuple[int, int]) -> Floats:
    """(2, rows, columns): the places x, y of a lattice's points about the warp's centre, in parts of its reach."""
    middle, reach = lies(warp.center, shape)
    rows, columns = (np.arange((size - 1) // GRID_SPACING + 2) * GRID_SPACING for size in shape)
    return np.stack(np.meshgrid((columns - middle[0]) / reach, (rows - middle[1]) / reach))


def gains_brought(list3: bytes, down: Floats, along: Floats, shape: tuple[int, int]) -> Floats | None:
    """(rows, columns): by how much light is lifted at places `down` and `along` (0 to 1) of a picture (height, width).

    None where the file brings no FixVignetteRadial.
    """
    fix = first(list3, FixVignetteRadial)
    if fix is None:
        return None
    height, width = shape
    (x, y), reach = lies(fix.center, shape)
    across, below = along * width - 0.5 - x, down * height - 0.5 - y
    r2 = (across[None, :] ** 2 + below[:, None] ** 2) / reach**2
    gains = 1.0 + (r2[..., None] ** np.arange(1, 6) * fix.k).sum(-1)
    inside = gains[r2 <= 1.0]
    return None if inside.min() < GAINS[0] or inside.max() > GAINS[1] else np.clip(gains, *GAINS)


def first(list3: bytes, kind: type[Kind]) -> Kind | None:
    """The first opcode of a kind; None of a damaged list, which says nothing."""
    try:
        return next((each.record for each in parse(list3) if isinstance(each.record, kind)), None)
    except Refusal:
        return None


def lies(center: tuple[float, float], shape: tuple[int, int]) -> tuple[tuple[float, float], float]:
    """A centre in pixels, and how far the farthest corner of the picture is from it."""
    height, width = shape
    x, y = center[0] * width, center[1] * height
    return (x - 0.5, y - 0.5), float(np.hypot(max(x, width - x), max(y, height - y)))


def _seen(terms: tuple[float, ...], place: Floats) -> Floats:
    """(2, ...): where a warp's terms of one colour read a place (x, y), both in parts of the reach."""
    r0, r1, r2, r3, t0, t1 = terms
    x, y = place
    square = x * x + y * y
    radial = r0 + square * (r1 + square * (r2 + square * r3))
    aside = 2 * t0 * x * y + t1 * (square + 2 * x * x), 2 * t1 * x * y + t0 * (square + 2 * y * y)
    return np.stack([x * radial + aside[0], y * radial + aside[1]])


def _straight(terms: tuple[float, ...], seen: Floats, near: Floats) -> Floats:
    """(2, ...): the places that a warp reads at `seen`, looked for from `near` on; any but an absurd one has them."""
    for _ in range(MOST_STEPS):
        off = _seen(terms, near) - seen
        near = np.clip(near - off, seen - FARTHEST, seen + FARTHEST)
        if np.abs(off).max() < NEAR_ENOUGH:
            break
    return near
