"""What a passport says as opcodes of a DNG, so that any reader of opcodes corrects as we do (DNG 1.7.1, chapter 7)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anylens.frame import Facts, Opcodes
from anylens.lens.correction import GAIN_POINTS, GRID_SPACING, Rings, places_seen, shading_gains
from anylens.lens.passport import Passport
from anylens.opcodes import Area, FixVignetteRadial, GainMap, WarpRectilinear, packed
from anylens.record import replace

Floats = npt.NDArray[np.float64]


def with_passport_opcodes(facts: Facts) -> Opcodes:
    """The file's own opcodes; where a list has none, those of the passport.

    Colour shading becomes gain maps on the counts (list 2); falloff FixVignetteRadial, distortion and lateral colour
    one WarpRectilinear after demosaicing (list 3). Their polynomials are fitted to the passport's over the whole area;
    a sideways shift of lateral colour has no place in them and is left out.
    """
    passport, pitch, own = facts.passport, facts.sensor.pitch_um, facts.opcodes
    if passport is None or pitch is None:
        return own
    rings = (None, None) if facts.setting is None else (facts.setting.f_number, facts.setting.focus_m)
    shape = facts.active_shape
    if not own.list2 and len(facts.sensor.cfa) in (2, 4):
        own = replace(own, list2=packed(_gain_maps(passport, rings, facts, pitch)))
    if not own.list3:
        planes = 3 if facts.sensor.cfa else 1
        falloff, warp = _falloff(passport, rings, shape, pitch), _warp(passport, rings, shape, pitch, planes)
        own = replace(own, list3=packed([each for each in (falloff, warp) if each is not None]))
    return own


def _gain_maps(passport: Passport, rings: Rings, facts: Facts, pitch: float) -> list[GainMap]:
    """One map for each site of the colour filter that is red or blue."""
    height, width = facts.active_shape
    gains = shading_gains(passport, rings, (height, width), pitch, vignetting=0.0)
    cfa = facts.sensor.cfa
    if gains is None or not passport.color:
        return []
    points_v, points_h = GAIN_POINTS
    maps = []
    for row, letters in enumerate(cfa):
        for column, letter in enumerate(letters):
            if letter == "G":
                continue
            area = Area(row, column, height, width, 0, 1, len(cfa), len(cfa))
            table = gains["RGB".index(letter)].astype(np.float32)
            spacing = (height - 1) / height / (points_v - 1), (width - 1) / width / (points_h - 1)
            origin = 0.5 / height, 0.5 / width
            maps.append(GainMap(area, points_v, points_h, *spacing, *origin, 1, tuple(table.ravel().tolist())))
    return maps


def _falloff(passport: Passport, rings: Rings, shape: tuple[int, int], pitch: float) -> FixVignetteRadial | None:
    if not passport.vignetting:
        return None
    gains = shading_gains(passport, rings, shape, pitch, color=0.0)
    assert gains is not None
    center, reach = _center(passport.vignetting[0].centre_mm, shape, pitch)
    height, width = shape
    rows, columns = (np.linspace(0, size - 1, points) for size, points in zip(shape, GAIN_POINTS, strict=True))
    across, down = columns + 0.5 - center[0] * width, rows + 0.5 - center[1] * height
    r2 = ((across[None, :] ** 2 + down[:, None] ** 2) / reach**2).ravel()
    a, b, c, d, e = np.linalg.lstsq(r2[:, None] ** np.arange(1, 6), gains[1].ravel() - 1.0, rcond=None)[0].tolist()
    return FixVignetteRadial((a, b, c, d, e), center)


def _warp(
    passport: Passport, rings: Rings, shape: tuple[int, int], pitch: float, planes: int
) -> WarpRectilinear | None:
    places = places_seen(passport, rings, shape, pitch)
    if places is None:
        return None
    middle = passport.geometry[0].centre_mm if passport.geometry else (0.0, 0.0)
    center, reach = _center(middle, shape, pitch)
    height, width = shape
    middle_x, middle_y = center[0] * width - 0.5, center[1] * height - 0.5
    rows, columns = (np.arange(size) * GRID_SPACING for size in places.shape[2:])
    y, x = np.meshgrid((rows - middle_y) / reach, (columns - middle_x) / reach, indexing="ij")
    within = (rows < height)[:, None] & (columns < width)
    x, y = x[within], y[within]
    r2 = x * x + y * y
    right = np.stack([x, x * r2, x * r2**2, x * r2**3, 2 * x * y, r2 + 2 * x * x], -1)
    below = np.stack([y, y * r2, y * r2**2, y * r2**3, r2 + 2 * y * y, 2 * x * y], -1)
    terms = []
    for plane in places if planes == 3 and passport.lateral else places[1:2]:
        seen = np.concatenate([(plane[0][within] - middle_x) / reach, (plane[1][within] - middle_y) / reach])
        a, b, c, d, e, f = np.linalg.lstsq(np.concatenate([right, below]), seen, rcond=None)[0].tolist()
        terms.append((a, b, c, d, e, f))
    return WarpRectilinear(tuple(terms), center)


def _center(middle_mm: tuple[float, float], shape: tuple[int, int], pitch: float) -> tuple[tuple[float, float], float]:
    """A middle as parts of the picture's width and height, and how far the farthest corner is from it in pixels."""
    height, width = shape
    x, y = middle_mm[0] * 1000 / pitch + width / 2, middle_mm[1] * 1000 / pitch + height / 2
    reach = float(np.hypot(max(x, width - x), max(y, height - y)))
    return (x / width, y / height), reach
