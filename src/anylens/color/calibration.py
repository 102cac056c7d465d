"""What a camera's counts mean as colour: its matrices in the DNG specification's terms, and how they are fitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from anylens.color.spaces import BRADFORD, D65, PCS_D50, adaptation, delta_e_2000, lab_from_xyz, xyz_from_xy, xyz_to_rgb
from anylens.color.temperature import illuminant_kelvin, kelvin_from_uv, uv_from_xyz, xy_from_kelvin
from anylens.refusal import Refusal

Array = npt.NDArray[np.float64]


class Calibrated(Protocol):
    """The colours of a camera under one light, in the DNG tags' terms; `sensor.Calibration` is one."""

    @property
    def illuminant(self) -> int:
        """CalibrationIlluminant, an EXIF LightSource code."""
        ...

    @property
    def color_matrix(self) -> npt.ArrayLike:
        """(3, 3) from XYZ to the reference camera's RGB."""
        ...

    @property
    def forward_matrix(self) -> npt.ArrayLike | None:
        """(3, 3) from white-balanced reference camera RGB to XYZ D50."""
        ...

    @property
    def camera_calibration(self) -> npt.ArrayLike | None:
        """(3, 3) from the reference camera's RGB to this copy's."""
        ...


def camera_to_rec2020(
    calibrations: Sequence[Calibrated], analog_balance: npt.ArrayLike, neutral: npt.ArrayLike
) -> Array:
    """(3, 3) from white-balanced camera RGB (camera / neutral) to linear Rec. 2020 (D65), (1, 1, 1) to (1, 1, 1).

    `analog_balance` is the DNG tag AnalogBalance, `neutral` the camera RGB of a neutral surface, any scale. Two
    calibrations are blended linearly in inverse colour temperature at the temperature that `neutral` has through that
    very blend; of three the first two are used. Raises Refusal for matrices that cannot be inverted and for a neutral
    that no light can have. DNG specification 1.7.1, "Mapping Camera Color Space to CIE XYZ Space".
    """
    white_camera = _neutral(neutral)
    camera = _Camera(calibrations, analog_balance)
    weight = camera.weight_of(white_camera)
    forward = camera.forward(weight)
    if forward is None:
        to_xyz = camera.to_xyz(weight) * white_camera
        white = to_xyz.sum(axis=1)
        if not np.all(BRADFORD @ white > 0.0):
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
    neutral: npt.ArrayLike, calibrations: Sequence[Calibrated], analog_balance: npt.ArrayLike
) -> tuple[float, float]:
    """Colour temperature in kelvin and tint of the light under which a neutral surface has this camera RGB.

    Calibrations as in `camera_to_rec2020`, ranges and scale as in `kelvin_from_xy`. Raises Refusal likewise. DNG
    specification 1.7.1, "Translating Camera Neutral Coordinates to White Balance xy Coordinates".
    """
    white_camera = _neutral(neutral)
    camera = _Camera(calibrations, analog_balance)
    white = camera.to_xyz(camera.weight_of(white_camera)) @ white_camera
    if not (white[1] > 0.0 and white.sum() > 0.0):
        raise _no_light(white_camera)
    return kelvin_from_uv(uv_from_xyz(white))


def neutral_from_kelvin(
    kelvin: float, tint: float, calibrations: Sequence[Calibrated], analog_balance: npt.ArrayLike
) -> Array:
    """Camera RGB, (3,) with largest value 1, of a neutral surface under a light of this temperature and tint.

    Reverses `kelvin_from_neutral`: kelvin is held to 1667 to 50000, tint to +-150 (positive is a greener light, so a
    more magenta picture). Raises Refusal where the camera would see a negative amount of a colour. DNG specification
    1.7.1, "Translating White Balance xy Coordinates to Camera Neutral Coordinates".
    """
    camera = _Camera(calibrations, analog_balance)
    white_camera = camera.from_xyz(camera.weight_at(kelvin)) @ xyz_from_xy(xy_from_kelvin(kelvin, tint))
    if not np.all(white_camera > 0.0):
        raise Refusal(
            f"{kelvin:g} K with tint {tint:+g} cannot be balanced: this camera's colour matrices give it a negative "
            "colour there; choose a temperature or tint nearer to daylight"
        )
    return np.asarray(white_camera / white_camera.max(), np.float64)


class _Camera:
    """One or two calibrations of a camera, blended by `weight`: 0 the warmer light, 1 the cooler one."""

    def __init__(self, calibrations: Sequence[Calibrated], analog_balance: npt.ArrayLike) -> None:
        if not calibrations:
            raise Refusal(
                "the colours of this camera are unknown, as the file has no ColorMatrix; give them by --sensor"
            )
        kelvins = [illuminant_kelvin(each.illuminant) or 0.0 for each in calibrations[:2]]
        dual = len(kelvins) > 1 and min(kelvins) > 0.0 and kelvins[0] != kelvins[1]
        order = [int(i) for i in np.argsort(kelvins)] if dual else [0]
        used = [calibrations[i] for i in order]
        self._mireds = [1e6 / kelvins[i] for i in order] if dual else []
        self._balance = np.asarray(analog_balance, np.float64).reshape(3)
        self._color = [_scaled_to_white(_matrix("ColorMatrix", each.color_matrix)) for each in used]
        individual = [np.eye(3) if each.camera_calibration is None else each.camera_calibration for each in used]
        self._individual = [_matrix("CameraCalibration", each) for each in individual]
        forward = [_matrix("ForwardMatrix", m) for each in used if (m := each.forward_matrix) is not None]
        self._forward = [matrix * (PCS_D50 / matrix.sum(axis=1))[:, None] for matrix in forward]
        if not np.all(self._balance > 0.0):
            raise Refusal("the file's AnalogBalance is not three numbers above 0; the file is damaged, export it again")

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

        By false position, the value at an end that stays twice halved, so that both ends move (Dowell & Jarratt 1971):
        it always arrives, where the specification's repeated substitution swings if the two matrices lie far apart.
        """
        if not self._mireds:
            return 0.0

        def wanting(weight: float) -> float:
            return self.weight_at(kelvin_from_uv(uv_from_xyz(self.to_xyz(weight) @ neutral))[0]) - weight

        low, high, more, less, last = 0.0, 1.0, wanting(0.0), wanting(1.0), 0.0
        while high - low > 1e-9:
            weight = low + (high - low) * more / (more - less) if more > less else low
            left = wanting(weight)
            if abs(left) < 1e-9:
                return weight
            if left > 0.0:
                low, more, less = weight, left, less / 2.0 if last > 0.0 else less
            else:
                high, less, more = weight, left, more / 2.0 if last < 0.0 else more
            last = left
        return low


def _patches(values: npt.ArrayLike) -> Array:
    patches = np.asarray(values, np.float64)
    if patches.ndim != 2 or patches.shape[0] != 3 or patches.shape[1] < 3 or not np.all(np.isfinite(patches)):
        raise Refusal(f"a matrix is fitted to three patches and more, as (3, n), not to {patches.shape}; give more")
    return patches


def _fit(seen: Array, wanted: Array, white_seen: Array, white_wanted: Array) -> Array:
    """(3, 3) from `seen` to `wanted`, both (3, n), by least squares of those that take white exactly to white."""
    exact = np.outer(white_wanted, white_seen) / (white_seen @ white_seen)
    turns = np.linalg.svd(white_seen[None])[2][1:]
    rest = np.linalg.lstsq((turns @ seen).T, (wanted - exact @ seen).T, rcond=None)[0]
    return np.asarray(exact + rest.T @ turns, np.float64)


def _blend(ends: Sequence[Array], weight: float) -> Array:
    return np.asarray((1.0 - weight) * ends[0] + weight * ends[-1], np.float64)


def _scaled_to_white(matrix: Array) -> Array:
    return np.asarray(matrix / max(float((matrix @ PCS_D50).max()), 1e-12), np.float64)


def _matrix(name: str, values: npt.ArrayLike) -> Array:
    matrix = np.asarray(values, np.float64)
    if matrix.shape != (3, 3):
        raise Refusal(f"{name} has the shape {matrix.shape}, only cameras of three colours (3 x 3) can be developed")
    if (
        not np.all(np.isfinite(matrix))
        or abs(np.linalg.det(matrix)) < 1e-9 * max(float(np.abs(matrix).max()), 1e-9) ** 3
    ):
        raise Refusal(f"{name} cannot be inverted, so it gives no colours; export the file again or give --sensor")
    return matrix


def _inverse(matrix: Array) -> Array:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _neutral(neutral: npt.ArrayLike) -> Array:
    white = np.asarray(neutral, np.float64).reshape(-1)
    if white.shape != (3,) or not np.all(np.isfinite(white)) or not np.all(white > 0.0):
        raise Refusal(f"the neutral {white.tolist()} is not three numbers above 0; set the white balance by kelvin")
    return np.asarray(white / white.max(), np.float64)


def _no_light(neutral: Array) -> Refusal:
    r, g, b = neutral
    return Refusal(
        f"the neutral ({r:.4g}, {g:.4g}, {b:.4g}) is a colour that no light has with this camera's colour matrices; "
        "set the white balance by kelvin"
    )
