"""Colour temperature and tint."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anylens.color.spaces import xyz_from_xy

Array = npt.NDArray[np.float64]

KELVIN_RANGE = (1667.0, 50000.0)
TINT_RANGE = (-150.0, 150.0)

_TINT_SCALE = -3000.0

# Mired, u, v (CIE 1960) of the Planckian locus and slope of the line of equal temperature.
_ROBERTSON: Array = np.array(
    [
        (0, 0.18006, 0.26352, -0.24341),
        (10, 0.18066, 0.26589, -0.25479),
        (20, 0.18133, 0.26846, -0.26876),
        (30, 0.18208, 0.27119, -0.28539),
        (40, 0.18293, 0.27407, -0.30470),
        (50, 0.18388, 0.27709, -0.32675),
        (60, 0.18494, 0.28021, -0.35156),
        (70, 0.18611, 0.28342, -0.37915),
        (80, 0.18740, 0.28668, -0.40955),
        (90, 0.18880, 0.28997, -0.44278),
        (100, 0.19032, 0.29326, -0.47888),
        (125, 0.19462, 0.30141, -0.58204),
        (150, 0.19962, 0.30921, -0.70471),
        (175, 0.20525, 0.31647, -0.84901),
        (200, 0.21142, 0.32312, -1.0182),
        (225, 0.21807, 0.32909, -1.2168),
        (250, 0.22511, 0.33439, -1.4512),
        (275, 0.23247, 0.33904, -1.7298),
        (300, 0.24010, 0.34308, -2.0637),
        (325, 0.24792, 0.34655, -2.4681),
        (350, 0.25591, 0.34951, -2.9641),
        (375, 0.26400, 0.35200, -3.5814),
        (400, 0.27218, 0.35407, -4.3633),
        (425, 0.28039, 0.35577, -5.3762),
        (450, 0.28863, 0.35714, -6.7262),
        (475, 0.29685, 0.35823, -8.5955),
        (500, 0.30505, 0.35907, -11.324),
        (525, 0.31320, 0.35968, -15.628),
        (550, 0.32129, 0.36011, -23.325),
        (575, 0.32931, 0.36038, -40.770),
        (600, 0.33724, 0.36051, -116.45),
    ]
)
_MIRED: Array = _ROBERTSON[:, 0]
_LOCUS: Array = _ROBERTSON[:, 1:3]
_ACROSS: Array = np.stack([np.ones(len(_ROBERTSON)), _ROBERTSON[:, 3]], axis=1)
_ACROSS /= np.linalg.norm(_ACROSS, axis=1, keepdims=True)

_ILLUMINANT_KELVIN = {
    1: 5500.0,
    2: 4150.0,
    3: 2850.0,
    4: 5500.0,
    9: 5500.0,
    10: 6500.0,
    11: 7500.0,
    12: 6400.0,
    13: 5050.0,
    14: 4150.0,
    15: 3525.0,
    16: 2925.0,
    17: 2850.0,
    18: 5500.0,
    19: 6500.0,
    20: 5500.0,
    21: 6500.0,
    22: 7500.0,
    23: 5000.0,
    24: 3200.0,
}


def illuminant_kelvin(light_source: int) -> float | None:
    """Correlated colour temperature of an EXIF LightSource code, None where the code names no temperature.

    Fluorescent lights: the middle of the range that the code stands for (CIPA DC-008, LightSource).
    """
    return _ILLUMINANT_KELVIN.get(light_source)


def kelvin_from_xy(xy: tuple[float, float]) -> tuple[float, float]:
    """Correlated colour temperature in kelvin and tint of a chromaticity.

    Tint is the distance from the Planckian locus in CIE 1960 uv times 3000, positive on the green side: the scale of
    the DNG reference software. Temperature is held to 1667 to 50000 K and tint to +-150. Robertson 1968 gives the
    isotemperature lines; between two of them the line is interpolated linearly in mired, which `xy_from_kelvin`
    reverses exactly.
    """
    return kelvin_from_uv(uv_from_xyz(xyz_from_xy(xy)))


def xy_from_kelvin(kelvin: float, tint: float = 0.0) -> tuple[float, float]:
    """Chromaticity of a correlated colour temperature (held to 1667 to 50000 K) and a tint (held to +-150).

    Reverses `kelvin_from_xy`; Robertson 1968.
    """
    foot, across = _isotherm(1e6 / float(np.clip(kelvin, *KELVIN_RANGE)))
    u, v = foot + across * (float(np.clip(tint, *TINT_RANGE)) / _TINT_SCALE)
    scale = 2.0 * u - 8.0 * v + 4.0
    return float(3.0 * u / scale), float(2.0 * v / scale)


def uv_from_xyz(xyz: Array) -> Array:
    """CIE 1960 u, v, (2,), of XYZ."""
    x, y, z = xyz
    return np.array([4.0 * x, 6.0 * y]) / max(float(x + 15.0 * y + 3.0 * z), 1e-12)


def kelvin_from_uv(uv: Array) -> tuple[float, float]:
    """`kelvin_from_xy` of CIE 1960 u, v."""
    apart = uv - _LOCUS
    side = apart[:, 0] * _ACROSS[:, 1] - apart[:, 1] * _ACROSS[:, 0]
    beyond = np.flatnonzero(side > 0.0)
    at = min(max(int(beyond[0]) - 1, 0), len(_MIRED) - 2) if len(beyond) else len(_MIRED) - 2
    fraction = float(np.clip(_crossing(uv, at), 0.0, 1.0))
    low, high = sorted(1e6 / kelvin for kelvin in KELVIN_RANGE)
    mired = float(np.clip(_MIRED[at] + fraction * (_MIRED[at + 1] - _MIRED[at]), low, high))
    foot, across = _isotherm(mired)
    return 1e6 / mired, float(np.clip((uv - foot) @ across * _TINT_SCALE, *TINT_RANGE))


def _isotherm(mired: float) -> tuple[Array, Array]:
    """Its foot on the Planckian locus and its direction (unit length, away from green) in CIE 1960 uv."""
    foot = np.array([np.interp(mired, _MIRED, _LOCUS[:, axis]) for axis in (0, 1)])
    across = np.array([np.interp(mired, _MIRED, _ACROSS[:, axis]) for axis in (0, 1)])
    return foot, across / np.linalg.norm(across)


def _crossing(uv: Array, at: int) -> float:
    """Where between table rows `at` and `at + 1` (0 to 1) the isotherm passes through `uv`."""
    apart, step = uv - _LOCUS[at], _LOCUS[at + 1] - _LOCUS[at]
    across, turn = _ACROSS[at], _ACROSS[at + 1] - _ACROSS[at]

    def cross(a: Array, b: Array) -> float:
        return float(a[0] * b[1] - a[1] * b[0])

    # cross(apart - f * step, across + f * turn) = 0
    square, linear, constant = -cross(step, turn), cross(apart, turn) - cross(step, across), cross(apart, across)
    inside = linear * linear - 4.0 * square * constant
    if inside < 0.0 or linear == 0.0:
        return 0.0
    return float(-2.0 * constant / (linear + np.copysign(np.sqrt(inside), linear)))
