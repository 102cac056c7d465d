"""What sharpness and geometry are measured on: one colour, at the places where the sensor sampled it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Place = tuple[float, float]

EVERYWHERE = ((True,),)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Linear light of one colour on the sensor's own lattice, nothing interpolated.

    `pixels` is (H, W) float, 0 black, 1 white, noise below black kept; pixel centres stand at whole numbers, x right,
    y down. `sites` is a tile, repeated from the top left, of where this colour was sampled; elsewhere `pixels` mean
    nothing. `clipped` is (H, W), `noise` (scale, offset) of `variance = scale * pixel + offset`, `centre_px` (x, y)
    where millimetres begin, the middle of the picture unless said. Raises ValueError where shapes disagree.
    """

    pixels: npt.NDArray[np.float32]
    letter: str = "Y"
    sites: tuple[tuple[bool, ...], ...] = EVERYWHERE
    clipped: Flags | None = field(default=None, repr=False)
    pitch_um: float | None = None
    noise: tuple[float, float] | None = None
    centre_px: Place | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or (self.clipped is not None and self.clipped.shape != self.pixels.shape):
            raise ValueError("samples are (H, W), and so is where they are clipped")
        if not any(any(row) for row in self.sites):
            raise ValueError("a colour is sampled at one site or more")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels of the sensor."""
        height, width = self.pixels.shape
        return height, width

    @property
    def middle_px(self) -> Place:
        """(x, y) where millimetres begin."""
        height, width = self.shape
        return self.centre_px or ((width - 1) / 2.0, (height - 1) / 2.0)

    @property
    def everywhere(self) -> bool:
        """Whether every pixel is a sample of this colour."""
        return all(all(row) for row in self.sites)

    def millimetres(self, place_px: Place) -> Place | None:
        """Where a place lies on the sensor, None where the pitch is not known."""
        if self.pitch_um is None:
            return None
        x, y = self.middle_px
        return (place_px[0] - x) * self.pitch_um * 1e-3, (place_px[1] - y) * self.pitch_um * 1e-3

    def sampled(self, rows: slice, columns: slice) -> Flags:
        """(h, w): which pixels of a part are samples of this colour."""
        tile = np.roll(np.array(self.sites, np.bool_), (-rows.start, -columns.start), (0, 1))
        height, width = rows.stop - rows.start, columns.stop - columns.start
        again = -(-height // tile.shape[0]), -(-width // tile.shape[1])
        return np.tile(tile, again)[:height, :width]

    def filled(self, sigma_px: float = 0.0) -> npt.NDArray[np.float32]:
        """(H, W) with gaps filled from the neighbours, and smoothed: for finding and looking, never for measuring."""
        if self.everywhere:
            plain = np.asarray(self.pixels, np.float32)
            return _smoothed(plain, sigma_px) if sigma_px > 0.0 else plain
        tile = np.array(self.sites, np.bool_)
        spread = max(sigma_px, 0.5 * (tile.size / tile.sum()) ** 0.5)
        height, width = self.shape
        sampled = self.sampled(slice(0, height), slice(0, width))
        light = _smoothed(np.where(sampled, self.pixels, 0.0).astype(np.float32), spread)
        light /= np.maximum(_smoothed(sampled.astype(np.float32), spread), 1e-6)
        return light

    def shrunk(self, most_px: int) -> tuple[npt.NDArray[np.float32], int]:
        """(the picture for finding, its longer side `most_px` at most; of how many pixels a side each is the mean)."""
        light = self.filled(0.7)
        height, width = light.shape
        shrink = max(1, math.ceil(max(height, width) / most_px))
        if shrink > 1:
            light = light[: height // shrink * shrink, : width // shrink * shrink]
            light = light.reshape(height // shrink, shrink, width // shrink, shrink).mean(axis=(1, 3))
        return light, shrink


def _smoothed(light: npt.NDArray[np.float32], sigma_px: float) -> npt.NDArray[np.float32]:
    import cv2

    size = 2 * int(4.0 * sigma_px + 0.5) + 1
    blurred = cv2.GaussianBlur(light, (size, size), sigma_px, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


class NoChart(Refusal):
    """A chart that could not be found; `seen` (h, w, 3) uint8 is the picture that was searched, with what was found."""

    def __init__(self, sentence: str, seen: npt.NDArray[np.uint8]) -> None:
        super().__init__(sentence)
        self.seen = seen
