"""Photos of a street front by a lens of formulas: where things lie, what falls off and each cast are known exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from anylens.body import Body
from anylens.frame import Facts, Frame
from anylens.lens import Lens, Setting
from anylens.sensor import Noise, Sensor, bayer
from anylens.twin import spectra
from anylens.twin.scenes import Field, scene


@dataclass(frozen=True)
class Camera:
    """`bend` (b1, b2) leads back: ideal = observed * (1 + b1 s2 + b2 s4), s = radius / half diagonal, of green.

    Red and blue lie `outside` of green, in px in the corner, growing with the radius; `falloff` (a1, a2) is of s2 and
    s4, `cast` what red gains and blue loses from the left edge to the right one, and again towards the corner.
    """

    width: int = 640
    height: int = 480
    pitch_um: float = 12.8
    focal_mm: float = 25.0
    bend: tuple[float, float] = (0.0, 0.0)
    outside: tuple[float, float] = (0.0, 0.0)
    falloff: tuple[float, float] = (0.0, 0.0)
    cast: float = 0.0
    blur_px: float = 0.5
    electrons: float = 8000.0

    @property
    def half(self) -> float:
        return float(np.hypot(self.width, self.height)) / 2.0

    def ideal(self, radius_px: Any) -> Any:
        """Where an ideal lens would put what is seen at a radius."""
        s2 = (np.asarray(radius_px) / self.half) ** 2
        return radius_px * (1.0 + s2 * (self.bend[0] + s2 * self.bend[1]))

    def light(self, x_px: Any, y_px: Any) -> Any:
        """(3, ...) of the light that red, green and blue have left, at places from the middle."""
        s2 = (np.asarray(x_px) ** 2 + np.asarray(y_px) ** 2) / self.half**2
        green = 1.0 + s2 * (self.falloff[0] + s2 * self.falloff[1])
        red = 1.0 + self.cast * (np.asarray(x_px) / self.width + s2)
        return np.stack([green * red, green, green * (2.0 - red)])

    def photo(
        self, seed: int = 0, name: str = "photo", exposure: float = 1.0, street: int = 0, **turned: float
    ) -> Frame:
        """A raw of the street front `street`, the camera turned `right`, `down` and `roll` degrees."""
        mm = self.pitch_um * 1e-3
        field = Field(self.width * mm, self.height * mm, self.pitch_um, self.focal_mm)
        (plane,) = scene("facade", **turned).planes(field, spectra.source("d65"), street)
        colors = spectra.rec2020(plane.radiance, spectra.source("d65"), 1000.0).astype(np.float32)
        x, y = ((np.arange(2 * n) + 0.5) / 2.0 - n / 2.0 for n in (self.width, self.height))
        x, y = x[None, :], y[:, None]
        r = np.hypot(x, y)
        back = self.ideal(r) / np.maximum(r, 1e-9)
        planes = []
        for channel, out in enumerate((self.outside[0], 0.0, self.outside[1])):
            scale = (back * (1.0 - out / self.half) * mm).astype(np.float32)
            seen = plane.draw(colors[:, channel : channel + 1], (x * scale)[None], (y * scale)[None], mm / 2.0)[0]
            seen = cv2.GaussianBlur(seen, (0, 0), 2.0 * self.blur_px)
            planes.append(cv2.resize(seen, (self.width, self.height), interpolation=cv2.INTER_AREA))
        middle = np.arange(self.width) - (self.width - 1) / 2.0, np.arange(self.height) - (self.height - 1) / 2.0
        light = 0.7 * exposure * np.stack(planes) * self.light(middle[0][None], middle[1][:, None])
        rng = np.random.default_rng((seed, 17))
        mosaic = np.where(np.indices(light.shape[1:]).sum(0) % 2 == 1, light[1], light[0])
        mosaic[1::2, 1::2] = light[2, 1::2, 1::2]
        counts = rng.poisson(np.maximum(mosaic, 0.0) * self.electrons) / self.electrons * 3839.0 + 256.0
        raw = np.clip(np.rint(counts), 0, 4095).astype(np.uint16)
        return Frame(raw, self._facts(exposure))

    def _facts(self, exposure: float) -> Facts:
        sensor = Sensor(
            "street", self.width, self.height, bayer("RGGB"), black=((256.0,),), white=(4095.0,),
            pitch_um=self.pitch_um, noise=Noise((1.0 / self.electrons,), (1e-8,), "sensor"),
        )  # fmt: skip
        lens = Lens("", "Street 25", (self.focal_mm, self.focal_mm))
        return Facts.whole(sensor, exposure_s=0.01 * exposure, iso=100.0, body=Body("anylens", "street"), lens=lens,
            setting=Setting("exif", 4.0, self.focal_mm, None),
        )  # fmt: skip

    def pan(self, count: int = 8, step: float = 0.27, seed: int = 0, shake: float = 1.0, **more: Any) -> list[Frame]:
        """A slow pan by `step` of the picture's width, by a hand that is not quite level by `shake` of the usual."""
        rng = np.random.default_rng((seed, 23))
        wide = 2.0 * np.degrees(np.arctan(self.width * self.pitch_um * 5e-4 / self.focal_mm))
        return [
            self.photo(
                seed * 100 + at,
                street=seed,
                right=(at - (count - 1) / 2.0) * step * wide + rng.uniform(-0.02, 0.02) * shake * wide,
                down=rng.uniform(-0.12, 0.12) * shake * wide,
                roll=rng.uniform(-2.0, 2.0) * shake,
                **more,
            )
            for at in range(count)
        ]


def said(camera: Camera, **changes: Any) -> Camera:
    """The camera with some of its numbers changed."""
    return replace(camera, **changes)
