"""White points, matrices and curves: what a camera's counts mean as colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal

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

KELVIN_RANGE = (1667.0, 50000.0)
TINT_RANGE = (-150.0, 150.0)

_BRADFORD: Array = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
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


def xyz_from_xy(xy: tuple[float, float]) -> Array:
    """XYZ, (3,) with Y = 1, of a CIE 1931 chromaticity."""
    x, y = xy
    return np.array([x / y, 1.0, (1.0 - x - y) / y])


def adaptation(white_from: npt.ArrayLike, white_to: npt.ArrayLike) -> Array:
    """(3, 3) from XYZ under one white to XYZ under another, by Bradford's linear model (Lam 1985; ICC.1:2022, E)."""
    cones = (_BRADFORD @ np.asarray(white_to, float)) / (_BRADFORD @ np.asarray(white_from, float))
    return np.linalg.solve(_BRADFORD, cones[:, None] * _BRADFORD)


def rgb_to_xyz(space: str) -> Array:
    """(3, 3) from linear RGB of `srgb`, `display-p3` or `rec2020` to XYZ under D65, Y = 1 for white (SMPTE RP 177)."""
    primaries = np.stack([xyz_from_xy(xy) for xy in PRIMARIES[space]], axis=1)
    return np.asarray(primaries * np.linalg.solve(primaries, xyz_from_xy(D65)), np.float64)


def xyz_to_rgb(space: str) -> Array:
    """(3, 3) from XYZ under D65 to linear RGB of `srgb`, `display-p3` or `rec2020`."""
    return _inverse(rgb_to_xyz(space))


def rgb_to_rgb(space_from: str, space_to: str) -> Array:
    """(3, 3) from one linear RGB space to another; white stays white."""
    return np.asarray(xyz_to_rgb(space_to) @ rgb_to_xyz(space_from), np.float64)


def kelvin_from_xy(xy: tuple[float, float]) -> tuple[float, float]:
    """Correlated colour temperature in kelvin and tint of a chromaticity.

    Tint is the distance from the Planckian locus in CIE 1960 uv times 3000, positive on the green side: the scale of
    the DNG reference software. Temperature is held to 1667 to 50000 K and tint to +-150. Robertson 1968 gives the
    isotemperature lines; between two of them the line is interpolated linearly in mired, which `xy_from_kelvin`
    reverses exactly.
    """
    return _kelvin_from_uv(_uv_from_xyz(xyz_from_xy(xy)))


def xy_from_kelvin(kelvin: float, tint: float = 0.0) -> tuple[float, float]:
    """Chromaticity of a correlated colour temperature (held to 1667 to 50000 K) and a tint (held to +-150).

    Reverses `kelvin_from_xy`; Robertson 1968.
    """
    foot, across = _isotherm(1e6 / float(np.clip(kelvin, *KELVIN_RANGE)))
    u, v = foot + across * (float(np.clip(tint, *TINT_RANGE)) / _TINT_SCALE)
    scale = 2.0 * u - 8.0 * v + 4.0
    return float(3.0 * u / scale), float(2.0 * v / scale)


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


def rgb_from_oklab(oklab: npt.ArrayLike, space: str = "rec2020") -> Array:
    """Linear RGB (3, ...) of Oklab (3, ...); reverses `oklab_from_rgb`."""
    cones = convert(_inverse(_OKLAB), oklab) ** 3
    return convert(_inverse(_OKLAB_CONES @ rgb_to_xyz(space)), cones)


def camera_to_rec2020(
    color_matrices: Sequence[npt.ArrayLike],
    forward_matrices: Sequence[npt.ArrayLike | None],
    camera_calibrations: Sequence[npt.ArrayLike | None],
    illuminants: Sequence[int],
    analog_balance: npt.ArrayLike,
    neutral: npt.ArrayLike,
) -> Array:
    """(3, 3) from white-balanced camera RGB (camera / neutral) to linear Rec. 2020 (D65), (1, 1, 1) to (1, 1, 1).

    One item for each calibration, in the DNG tags' terms and order: ColorMatrix, ForwardMatrix or None,
    CameraCalibration or None, CalibrationIlluminant (EXIF LightSource code); AnalogBalance; `neutral` is the camera
    RGB of a neutral surface, any scale. Two calibrations are blended linearly in inverse colour temperature at the
    temperature that `neutral` has through that very blend; of three the first two are used. Raises Refusal for
    matrices that cannot be inverted and for a neutral that no light can have. DNG specification 1.7.1, "Mapping
    Camera Color Space to CIE XYZ Space".
    """
    white_camera = _neutral(neutral)
    camera = _Camera(color_matrices, forward_matrices, camera_calibrations, illuminants, analog_balance)
    weight = camera.weight_of(white_camera)
    forward = camera.forward(weight)
    if forward is None:
        to_xyz = camera.to_xyz(weight) * white_camera
        white = to_xyz.sum(axis=1)
        if not np.all(_BRADFORD @ white > 0.0):
            raise _no_light(white_camera)
        to_pcs = adaptation(white, PCS_D50) @ to_xyz
    else:
        undo = _inverse(camera.individual(weight))
        to_pcs = forward @ ((undo * white_camera) / (undo @ white_camera)[:, None])
    matrix = xyz_to_rgb("rec2020") @ adaptation(PCS_D50, xyz_from_xy(D65)) @ to_pcs
    gray = matrix.sum(axis=1)
    if not (np.all(np.isfinite(matrix)) and np.all(gray > 0.0)):
        raise _no_light(white_camera)
    return np.asarray(matrix / gray[:, None], np.float64)


def fit_color_matrix(xyz: npt.ArrayLike, camera: npt.ArrayLike, white: npt.ArrayLike, neutral: npt.ArrayLike) -> Array:
    """The ColorMatrix, (3, 3) from XYZ to camera RGB, that patches seen by the camera call for.

    `xyz` and `camera` are (3, n) of the same patches under one light, unadapted; `white` (XYZ) goes to `neutral`
    (camera RGB of a neutral surface) exactly, the rest by least squares. Raises Refusal for fewer than three patches.
    Finlayson & Drew 1997.
    """
    return _fit(_patches(xyz), _patches(camera), np.asarray(white, np.float64), np.asarray(neutral, np.float64))


def fit_forward_matrix(balanced: npt.ArrayLike, xyz: npt.ArrayLike) -> Array:
    """The ForwardMatrix, (3, 3) from white-balanced camera RGB to XYZ D50, that patches seen by the camera call for.

    `balanced` (3, n) is camera / neutral, `xyz` (3, n) the same patches' XYZ adapted to `PCS_D50`, white 1 in both.
    (1, 1, 1) goes to `PCS_D50` exactly (Finlayson & Drew 1997); the rest makes the sum of squared CIEDE2000
    differences least (Marquardt 1963, from least squares on). Raises Refusal for fewer than three patches.
    """
    seen, lab = _patches(balanced), lab_from_xyz(xyz, PCS_D50)
    matrix = _fit(seen, _patches(xyz), np.ones(3), PCS_D50)
    turns = np.linalg.svd(np.ones((1, 3)))[2][1:]

    def differences(six: Array) -> Array:
        return delta_e_2000(lab, lab_from_xyz((matrix + six.reshape(3, 2) @ turns) @ seen, PCS_D50))

    six, damping = np.zeros(6), 1e-2
    left = differences(six)
    for _ in range(40):
        slope = np.stack([(differences(six + step) - left) / 1e-5 for step in 1e-5 * np.eye(6)], axis=1)
        normal = slope.T @ slope
        better = six - np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), slope.T @ left)
        now = differences(better)
        if now @ now < left @ left:
            six, left, damping = better, now, damping / 5.0
        else:
            damping *= 5.0
    return np.asarray(matrix + six.reshape(3, 2) @ turns, np.float64)


def kelvin_from_neutral(
    neutral: npt.ArrayLike,
    color_matrices: Sequence[npt.ArrayLike],
    forward_matrices: Sequence[npt.ArrayLike | None],
    camera_calibrations: Sequence[npt.ArrayLike | None],
    illuminants: Sequence[int],
    analog_balance: npt.ArrayLike,
) -> tuple[float, float]:
    """Colour temperature in kelvin and tint of the light under which a neutral surface has this camera RGB.

    Calibrations as in `camera_to_rec2020`, ranges and scale as in `kelvin_from_xy`. Raises Refusal likewise. DNG
    specification 1.7.1, "Translating Camera Neutral Coordinates to White Balance xy Coordinates".
    """
    white_camera = _neutral(neutral)
    camera = _Camera(color_matrices, forward_matrices, camera_calibrations, illuminants, analog_balance)
    white = camera.to_xyz(camera.weight_of(white_camera)) @ white_camera
    if not (white[1] > 0.0 and white.sum() > 0.0):
        raise _no_light(white_camera)
    return _kelvin_from_uv(_uv_from_xyz(white))


def neutral_from_kelvin(
    kelvin: float,
    tint: float,
    color_matrices: Sequence[npt.ArrayLike],
    forward_matrices: Sequence[npt.ArrayLike | None],
    camera_calibrations: Sequence[npt.ArrayLike | None],
    illuminants: Sequence[int],
    analog_balance: npt.ArrayLike,
) -> Array:
    """Camera RGB, (3,) with largest value 1, of a neutral surface under a light of this temperature and tint.

    Reverses `kelvin_from_neutral`: kelvin is held to 1667 to 50000, tint to +-150 (positive is a greener light, so a
    more magenta picture). Raises Refusal where the camera would see a negative amount of a colour. DNG specification
    1.7.1, "Translating White Balance xy Coordinates to Camera Neutral Coordinates".
    """
    camera = _Camera(color_matrices, forward_matrices, camera_calibrations, illuminants, analog_balance)
    white_camera = camera.from_xyz(camera.weight_at(kelvin)) @ xyz_from_xy(xy_from_kelvin(kelvin, tint))
    if not np.all(white_camera > 0.0):
        raise Refusal(
            f"{kelvin:g} K with tint {tint:+g} cannot be balanced: this camera's colour matrices give it a negative "
            "colour there, choose a temperature or tint nearer to daylight"
        )
    return np.asarray(white_camera / white_camera.max(), np.float64)


class _Camera:
    """One or two calibrations of a camera, blended by `weight`: 0 the warmer light, 1 the cooler one."""

    def __init__(
        self,
        color_matrices: Sequence[npt.ArrayLike],
        forward_matrices: Sequence[npt.ArrayLike | None],
        camera_calibrations: Sequence[npt.ArrayLike | None],
        illuminants: Sequence[int],
        analog_balance: npt.ArrayLike,
    ) -> None:
        if len(color_matrices) == 0:
            raise Refusal(
                "the colours of this camera are unknown, as the file has no ColorMatrix: give them by --sensor"
            )
        kelvins = [illuminant_kelvin(code) or 0.0 for code in illuminants[:2]]
        dual = len(color_matrices) > 1 and len(kelvins) > 1 and min(kelvins) > 0.0 and kelvins[0] != kelvins[1]
        order = [int(i) for i in np.argsort(kelvins)] if dual else [0]
        self._mireds = [1e6 / kelvins[i] for i in order] if dual else []
        self._balance = np.asarray(analog_balance, np.float64).reshape(3)
        self._color = [_scaled_to_white(_matrix("ColorMatrix", color_matrices[i])) for i in order]
        self._individual = [_matrix("CameraCalibration", _at(camera_calibrations, i, np.eye(3))) for i in order]
        self._forward = [
            matrix * (PCS_D50 / matrix.sum(axis=1))[:, None]
            for i in order
            if (given := _at(forward_matrices, i, None)) is not None
            for matrix in [_matrix("ForwardMatrix", given)]
        ]
        if not np.all(self._balance > 0.0):
            raise Refusal("the file's AnalogBalance is not three numbers above 0: the file is damaged")

    def individual(self, weight: float) -> Array:
        """(3, 3) from the reference camera's RGB to this copy's."""
        return np.asarray(self._balance[:, None] * _blend(self._individual, weight), np.float64)

    def from_xyz(self, weight: float) -> Array:
        return np.asarray(self.individual(weight) @ _blend(self._color, weight), np.float64)

    def to_xyz(self, weight: float) -> Array:
        return _inverse(_matrix("ColorMatrix", self.from_xyz(weight)))

    def forward(self, weight: float) -> Array | None:
        """(3, 3) from white-balanced reference camera RGB to XYZ D50, or None."""
        return _blend(self._forward, weight) if self._forward else None

    def weight_at(self, kelvin: float) -> float:
        if not self._mireds:
            return 0.0
        warm, cool = self._mireds
        return float(np.clip((1e6 / kelvin - warm) / (cool - warm), 0.0, 1.0))

    def weight_of(self, neutral: Array) -> float:
        """The weight that gives `neutral` the temperature that asks for this same weight.

        By bisection, which always arrives; the specification's repeated substitution swings where the two matrices
        lie far apart.
        """
        if not self._mireds:
            return 0.0
        low, high = 0.0, 1.0
        while high - low > 1e-8:
            middle = (low + high) / 2.0
            white = self.to_xyz(middle) @ neutral
            asked = self.weight_at(_kelvin_from_uv(_uv_from_xyz(white))[0])
            low, high = (middle, high) if asked > middle else (low, middle)
        return (low + high) / 2.0


def _patches(values: npt.ArrayLike) -> Array:
    patches = np.asarray(values, np.float64)
    if patches.ndim != 2 or patches.shape[0] != 3 or patches.shape[1] < 3 or not np.all(np.isfinite(patches)):
        raise Refusal(f"a matrix is fitted to three patches and more, as (3, n), not to {patches.shape}: give more")
    return patches


def _fit(seen: Array, wanted: Array, white_seen: Array, white_wanted: Array) -> Array:
    """(3, 3) from `seen` to `wanted`, both (3, n), by least squares of those that take white exactly to white."""
    exact = np.outer(white_wanted, white_seen) / (white_seen @ white_seen)
    turns = np.linalg.svd(white_seen[None])[2][1:]
    rest = np.linalg.lstsq((turns @ seen).T, (wanted - exact @ seen).T, rcond=None)[0]
    return np.asarray(exact + rest.T @ turns, np.float64)


def _at(items: Sequence[npt.ArrayLike | None], index: int, otherwise: npt.ArrayLike | None) -> npt.ArrayLike | None:
    item = items[index] if index < len(items) else None
    return otherwise if item is None else item


def _blend(ends: Sequence[Array], weight: float) -> Array:
    return np.asarray((1.0 - weight) * ends[0] + weight * ends[-1], np.float64)


def _scaled_to_white(matrix: Array) -> Array:
    return np.asarray(matrix / max(float((matrix @ PCS_D50).max()), 1e-12), np.float64)


def _matrix(name: str, values: npt.ArrayLike | None) -> Array:
    matrix = np.asarray(values, np.float64)
    if matrix.shape != (3, 3):
        raise Refusal(f"{name} has the shape {matrix.shape}, only cameras of three colours (3 x 3) can be developed")
    if (
        not np.all(np.isfinite(matrix))
        or abs(np.linalg.det(matrix)) < 1e-9 * max(float(np.abs(matrix).max()), 1e-9) ** 3
    ):
        raise Refusal(f"{name} cannot be inverted, so it gives no colours: the file is damaged, or give --sensor")
    return matrix


def _inverse(matrix: Array) -> Array:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _neutral(neutral: npt.ArrayLike) -> Array:
    white = np.asarray(neutral, np.float64).reshape(-1)
    if white.shape != (3,) or not np.all(np.isfinite(white)) or not np.all(white > 0.0):
        raise Refusal(f"the neutral {white.tolist()} is not three numbers above 0: set the white balance by kelvin")
    return np.asarray(white / white.max(), np.float64)


def _no_light(neutral: Array) -> Refusal:
    r, g, b = neutral
    return Refusal(
        f"the neutral ({r:.4g}, {g:.4g}, {b:.4g}) is a colour that no light has with this camera's colour matrices: "
        "set the white balance by kelvin"
    )


def _uv_from_xyz(xyz: Array) -> Array:
    x, y, z = xyz
    return np.array([4.0 * x, 6.0 * y]) / max(float(x + 15.0 * y + 3.0 * z), 1e-12)


def _kelvin_from_uv(uv: Array) -> tuple[float, float]:
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
