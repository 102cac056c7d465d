"""Any image as a picture that an eye can judge, also where its numbers are linear."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.image import Mosaic, Photo, Scene

CODES = 4096


def viewable(image: Mosaic | Scene | Photo) -> Photo:
    """The image as an sRGB photo of 8 bits; linear light is brightened until its highlights are near white.

    A mosaic is shown grey, each site under its own colour filter evened out for the light of the shot, so that a
    neutral surface is smooth. Each picture has a brightness of its own: compare shapes and colours, not exposures.
    """
    if isinstance(image, Photo):
        return image
    if isinstance(image, Mosaic):
        grey = _encoded(_evened(image))
        return Photo(np.broadcast_to(grey, (3, *grey.shape)), image.facts)
    from anylens.color import rgb_to_rgb

    matrix = rgb_to_rgb("rec2020", "srgb").astype(np.float32)
    linear = np.tensordot(matrix, image.pixels, axes=1)
    return Photo(_encoded(linear), image.facts)


def _evened(mosaic: Mosaic) -> npt.NDArray[np.float32]:
    facts = mosaic.facts
    if facts.balance is not None or facts.as_shot_neutral is None or not facts.sensor.cfa:
        return mosaic.pixels
    gain = dict(zip("RGB", (1.0 / value for value in facts.as_shot_neutral), strict=True))
    even = mosaic.pixels.copy()
    period = len(facts.sensor.cfa)
    for y, row in enumerate(facts.sensor.cfa):
        for x, letter in enumerate(row):
            even[y::period, x::period] *= np.float32(gain.get(letter, 1.0))
    return even


def _encoded(linear: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Linear light to 8 bits by the sRGB curve (IEC 61966-2-1), its 99.5th percentile near white."""
    sample = linear[..., ::7, ::7]
    high = float(np.percentile(sample, 99.5)) if sample.size else 0.0
    gain = 0.9 / high if 0.0 < high < 0.9 else 1.0
    light = np.linspace(0.0, 1.0, CODES) ** 2
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    codes = np.sqrt(np.clip(linear * np.float32(gain), 0.0, 1.0)) * np.float32(CODES - 1) + np.float32(0.5)
    shown: npt.NDArray[np.uint8] = np.round(curve * 255.0).astype(np.uint8)[codes.astype(np.uint16)]
    return shown
