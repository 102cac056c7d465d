"""What a perfect lens on a noiseless sensor would have seen, and where everything is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.twin import spectra
from anylens.twin.blur import Grid
from anylens.twin.places import Net
from anylens.twin.scenes.plane import Plane
from anylens.twin.spectra import Source

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The scene itself on the sensor's pixels, drawn when it is asked for.

    `origin` leads from observed to ideal places, `places` from ideal to observed ones (each channel's x and y).
    """

    planes: tuple[Plane, ...]
    source: Source
    lux: float
    pixels: tuple[int, int]
    pitch_um: float
    origin: Net
    places: Net

    def seen(self, *, bent: bool = True, fine: int = 3) -> Array:
        """(3, H, W) float32, linear Rec. 2020 averaged over every pixel, sharp at every distance, nothing falling off.

        A perfect white surface under the scene's light is (1, 1, 1), that light's white adapted to D65. `bent` keeps
        the lens's distortion (of green), else everything lies at its ideal place. Points without extent are not in it.
        """
        width, height = self.pixels
        pitch = self.pitch_um * 1e-3
        grid = Grid(width, height, -0.5 * (width - 1) * pitch, -0.5 * (height - 1) * pitch, pitch, fine)
        out = np.zeros((3, height, width), np.float32)
        for plane in self.planes:
            one = np.ones((1, 1), np.float32)
            colors = spectra.rec2020(plane.radiance, self.source, self.lux).astype(np.float32)
            for top in range(0, height, 64):
                rows = min(64, height - top)
                x = grid.samples(0, width * fine, down=False)
                y = grid.samples(top * fine, rows * fine, down=True)
                x_mm = np.broadcast_to(x.astype(np.float32), (1, rows * fine, width * fine))
                y_mm = np.broadcast_to(y.astype(np.float32)[:, None], (1, rows * fine, width * fine))
                if bent:
                    away = self.origin.at(x, y)
                    x_mm, y_mm = x_mm + away[2:3], y_mm + away[3:4]
                both = [np.broadcast_to(each, (3, *each.shape[1:])) for each in (x_mm, y_mm)]
                light = plane.draw(colors, both[0], both[1], pitch / fine)
                cover = 1.0 if plane.cover is None else plane.cover(one, x_mm, y_mm, pitch / fine)
                shown = out[:, top : top + rows]
                shown *= 1.0 - _averaged(np.broadcast_to(cover, (1, rows * fine, width * fine)), fine)
                shown += _averaged(light * cover, fine)
        return out

    def facts(self) -> dict[str, Any]:
        """Where everything of the scene lies, for JSON: mm on the sensor and pixels, ideal and as each channel sees it.

        Pixel (0, 0) is the middle of the first pixel of the sensor, without the light's margin.
        """
        marks = [mark for plane in self.planes for mark in plane.marks]
        return {
            "light": self.source.name,
            "lux": self.lux,
            "pixels": list(self.pixels),
            "pitch_um": self.pitch_um,
            "marks": [
                {
                    "kind": mark.kind,
                    "name": mark.name,
                    "ideal_mm": np.round(np.array(mark.ideal_mm), 6).tolist(),
                    "ideal_px": np.round(self.in_pixels(np.array(mark.ideal_mm)), 4).tolist(),
                    "observed_px": {
                        color: np.round(self.in_pixels(self.observed_mm(np.array(mark.ideal_mm), at)), 4).tolist()
                        for at, color in enumerate("RGB")
                    },
                    **mark.values,
                }
                for mark in marks
            ],
        }

    def observed_mm(self, ideal_mm: npt.ArrayLike, channel: int = 1) -> Floats:
        """(..., 2): where R, G or B (0, 1, 2) sees ideal places."""
        ideal = np.asarray(ideal_mm, np.float64)
        return np.asarray(ideal + np.moveaxis(self.places(ideal)[2 * channel : 2 * channel + 2], 0, -1))

    def in_pixels(self, places_mm: npt.ArrayLike) -> Floats:
        """(..., 2): places in mm as (column, row), (0, 0) the middle of the first pixel."""
        middle = 0.5 * (np.asarray(self.pixels, np.float64) - 1.0)
        return np.asarray(np.asarray(places_mm, np.float64) / (self.pitch_um * 1e-3) + middle)


def _averaged(samples: Array, fine: int) -> Array:
    channels, rows, columns = samples.shape
    return np.asarray(samples.reshape(channels, rows // fine, fine, columns // fine, fine).mean((2, 4)), np.float32)
