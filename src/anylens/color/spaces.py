"""White points, colour spaces, curves, and how far two colours are apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

D50 = (0.3457, 0.3585)
D65 = (0.3127, 0.3290)
PCS_D50: Array = np.array([0.9642, 1.0, 0.8249])
"""XYZ of the D50 white of ICC profiles and of the DNG specification's connection space (ICC.1:2022, 7.2.16)."""

PRIMARIES: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "srgb": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "display-p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "rec2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
}
"""xy of red, green and blue; white is D65 (ITU-R BT.709, SMPTE EG 432-1, ITU-R BT.2020)."""

BRADFORD: Array = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""(3, 3) from XYZ to the cones of Lam 1985."""

_OKLAB_CONES: Array = np.array(
    [
        [0.8189330101, 0.3618667424, -0.1288597137],
        [0.0329845436, 0.9293118715, 0.0361456387],
        [0.0482003018, 0.2643662691, 0.6338517070],
    ]
)
_OKLAB_CONES /= _OKLAB_CONES @ np.array([[D65[0] / D65[1]], [1.0], [(1.0 - D65[0] - D65[1]) / D65[1]]])
_OKLAB: Array = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def xyz_from_xy(xy: tuple[float, float]) -> Array:
    """XYZ, (3,) with Y = 1, of a CIE 1931 chromaticity."""
    x, y = xy
    return np.array([x / y, 1.0, (1.0 - x - y) / y])


def adaptation(white_from: npt.ArrayLike, white_to: npt.ArrayLike) -> Array:
    """(3, 3) from XYZ under one white to XYZ under another, by Bradford's linear model (Lam 1985; ICC.1:2022, E)."""
    cones = (BRADFORD @ np.asarray(white_to, float)) / (BRADFORD @ np.asarray(white_from, float))
    return np.linalg.solve(BRADFORD, cones[:, None] * BRADFORD)


def rgb_to_xyz(space: str) -> Array:
    """(3, 3) from linear RGB of `srgb`, `display-p3` or `rec2020` to XYZ under D65, Y = 1 for white (SMPTE RP 177)."""
    primaries = np.stack([xyz_from_xy(xy) for xy in PRIMARIES[space]], axis=1)
    return np.asarray(primaries * np.linalg.solve(primaries, xyz_from_xy(D65)), np.float64)


def xyz_to_rgb(space: str) -> Array:
    """(3, 3) from XYZ under D65 to linear RGB of `srgb`, `display-p3` or `rec2020`."""
    return np.asarray(np.linalg.inv(rgb_to_xyz(space)), np.float64)


def rgb_to_rgb(space_from: str, space_to: str) -> Array:
    """(3, 3) from one linear RGB space to another; white stays white."""
    return np.asarray(xyz_to_rgb(space_to) @ rgb_to_xyz(space_from), np.float64)


def srgb_encode(linear: npt.ArrayLike) -> Array:
    """Linear light to the sRGB and Display P3 signal, any shape, 0 to 1; mirrored below 0, continued above 1.

    IEC 61966-2-1.
    """
    light = np.asarray(linear, np.float64)
    size = np.abs(light)
    curve = 1.055 * np.maximum(size, 0.0031308) ** (1.0 / 2.4) - 0.055
    return np.asarray(np.copysign(np.where(size <= 0.0031308, 12.92 * size, curve), light), np.float64)


def srgb_decode(encoded: npt.ArrayLike) -> Array:
    """The sRGB and Display P3 signal to linear light; reverses `srgb_encode`."""
    signal = np.asarray(encoded, np.float64)
    size = np.abs(signal)
    curve = ((np.maximum(size, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.asarray(np.copysign(np.where(size <= 0.04045, size / 12.92, curve), signal), np.float64)


def convert(matrix: Array, pixels: npt.ArrayLike) -> Array:
    """A (3, 3) matrix applied to pixels of (3, ...)."""
    return np.asarray(np.tensordot(matrix, np.asarray(pixels, np.float64), axes=1), np.float64)


def lab_from_xyz(xyz: npt.ArrayLike, white: npt.ArrayLike) -> Array:
    """CIE L*a*b*, (3, ...) with L* 0 to 100, of XYZ (3, ...) seen under `white` (XYZ); CIE 15:2018, 8.2.1."""
    over = np.asarray(xyz, np.float64)
    ratio = over / np.asarray(white, np.float64).reshape(3, *[1] * (over.ndim - 1))
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])])


def delta_e_2000(lab1: npt.ArrayLike, lab2: npt.ArrayLike) -> Array:
    """CIEDE2000 difference of colours (3, ...) in CIE L*a*b*; 1 is about the least that is seen.

    kL = kC = kH = 1; Sharma, Wu & Dalal 2005.
    """
    light1, a1, b1 = np.asarray(lab1, np.float64)
    light2, a2, b2 = np.asarray(lab2, np.float64)
    chroma7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2.0) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(chroma7 / (chroma7 + 25.0**7))
    chroma1, chroma2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    hue1, hue2 = (np.degrees(np.arctan2(b, stretch * a)) % 360.0 for a, b in ((a1, b1), (a2, b2)))
    gray = chroma1 * chroma2 == 0.0
    turn = np.where(gray, 0.0, (hue2 - hue1 + 180.0) % 360.0 - 180.0)
    turn = np.where((turn == -180.0) & (hue2 > hue1), 180.0, turn)
    apart = np.abs(hue1 - hue2) > 180.0
    hue = np.where(gray, hue1 + hue2, (hue1 + hue2) / 2.0 + np.where(apart, 180.0, 0.0)) % 360.0
    light, chroma = (light1 + light2) / 2.0, (chroma1 + chroma2) / 2.0
    weight = (
        1.0
        - 0.17 * np.cos(np.radians(hue - 30.0))
        + 0.24 * np.cos(np.radians(2.0 * hue))
        + 0.32 * np.cos(np.radians(3.0 * hue + 6.0))
        - 0.20 * np.cos(np.radians(4.0 * hue - 63.0))
    )
    off_middle = (light - 50.0) ** 2
    by_light = (light2 - light1) / (1.0 + 0.015 * off_middle / np.sqrt(20.0 + off_middle))
    by_chroma = (chroma2 - chroma1) / (1.0 + 0.045 * chroma)
    by_hue = 2.0 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2.0)) / (1.0 + 0.015 * chroma * weight)
    blue = np.sin(np.radians(60.0 * np.exp(-(((hue - 275.0) / 25.0) ** 2))))
    rotation = -2.0 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * blue
    return np.asarray(np.sqrt(by_light**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue), np.float64)


def oklab_from_rgb(rgb: npt.ArrayLike, space: str = "rec2020") -> Array:
    """Oklab, (3, ...) with L 0 to 1 for black to white, of linear RGB (3, ...); Ottosson 2020.

    The cone matrix is scaled so that the D65 of `rgb_to_xyz` is exactly (1, 0, 0).
    """
    return convert(_OKLAB, np.cbrt(convert(_OKLAB_CONES @ rgb_to_xyz(space), rgb)))
