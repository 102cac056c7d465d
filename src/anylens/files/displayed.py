"""Finished pictures as frames of a burst: display-referred, the curve of their profile undone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.color import D65, PCS_D50, adaptation, rgb_to_xyz, xyz_from_xy
from anylens.files.bands import upright
from anylens.files.exposure import Exposure, read_exposure
from anylens.files.finished import opened
from anylens.files.icc import Profile
from anylens.files.jpeg import jpeg_segments
from anylens.files.tiff import open_tiff
from anylens.frame import Facts, Frame
from anylens.kernels.codes import Counts, light_of
from anylens.record import replace
from anylens.refusal import Refusal
from anylens.sensor import Noise, Sensor

JPEG = b"\xff\xd8\xff"
WHITE = 65535.0
LEAST_CODES, GAMMA, NOISE_ROWS = 1.5 / 255, 2.2, 16


def is_displayed(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a JPEG does; False where it cannot be opened."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(JPEG)) == JPEG
    except OSError:
        return False


def read_displayed(path: str | os.PathLike[str]) -> Frame:
    """A JPEG as a Frame of three planes, (3, H, W), upright: linear Rec. 2020, 65535 is the white of a display.

    The noise is an estimate. Raises Refusal for damaged and oversized pictures.
    """
    made = opened(path, _light)
    if made is None:
        raise Refusal(f"{Path(path).name} is no JPEG; name the frames of a burst.")
    raw, noise, notes = made
    _, height, width = raw.shape
    said = "The frames are display-referred: their curve was undone, their maker's taste was not."
    return Frame(raw, facts_of_displayed(path, height, width, noise, (*notes, said)))


def facts_of_displayed(
    path: str | os.PathLike[str], height: int, width: int, noise: Noise | None, notes: tuple[str, ...]
) -> Facts:
    """What a JPEG of this size tells of how it was taken; where it has no EXIF block, or a damaged one, nothing."""
    sensor = Sensor("finished picture", width, height, cfa=(), black=((0.0,),), white=(WHITE,), noise=noise)
    return Facts.whole(
        sensor,
        **replace(_exposure(path), orientation=1).facts,
        as_shot_neutral=(1.0, 1.0, 1.0),
        balance=(1.0, 1.0, 1.0),
        display_referred=True,
        notes=notes,
    )


def _light(
    decoded: npt.NDArray[Any], profile: Profile, orientation: int, notes: tuple[str, ...]
) -> tuple[Counts, Noise, tuple[str, ...]]:
    codes = np.repeat(decoded[..., None], 3, axis=2) if decoded.ndim == 2 else decoded
    curves = np.stack([profile.linear(np.arange(256) / 255, color) for color in range(3)]).astype(np.float32)
    to_wide = np.linalg.inv(adaptation(xyz_from_xy(D65), PCS_D50) @ rgb_to_xyz("rec2020")) @ profile.to_pcs
    light = np.ascontiguousarray(upright(light_of(codes, curves, to_wide), orientation))
    return light, _noise(codes[::NOISE_ROWS, :, 1], curves[1]), notes


def _noise(codes: npt.NDArray[np.uint8], curve: npt.NDArray[np.float32]) -> Noise:
    """Noise even over the codes of a picture, seen in linear light: its variance is nearly in proportion to the light.

    Its size is the median of second differences along rows (Immerkaer 1996, in one direction), which a camera's own
    denoising may have made very small; then what rounding and JPEG leave is taken.
    """
    even = (np.maximum(curve, 0.0) ** np.float32(1 / GAMMA))[codes]
    steps = np.abs(even[:, 2:] - 2 * even[:, 1:-1] + even[:, :-2])
    spread = float(np.median(steps)) / (0.6745 * 6**0.5) if steps.size else 0.0
    sigma = min(max(spread, LEAST_CODES), 8 * LEAST_CODES)
    return Noise(((GAMMA * sigma) ** 2,), ((GAMMA * sigma) ** 2 * 1e-3,), "estimated")


def _exposure(path: str | os.PathLike[str]) -> Exposure:
    """What the EXIF block says, nothing where there is none or it is damaged."""
    with Path(path).open("rb") as file:
        head = file.read(1 << 20)
    for marker, content in jpeg_segments(head):
        if marker == 0xE1 and content.startswith(b"Exif\0\0"):
            try:
                found = open_tiff(content[6:]).directories
                return read_exposure(found[0]) if found else Exposure()
            except Refusal:
                return Exposure()
    return Exposure()
