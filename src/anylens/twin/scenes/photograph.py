"""Any photograph as a scene: linear light, each colour a smooth spectrum."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anylens.refusal import Refusal
from anylens.twin.scenes.plane import LUX, Array, Field, Mark, Plane, lit, option
from anylens.twin.spectra import Source, photograph_basis


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph from a file (photo=...), its sRGB made linear and spectral, fills the picture.

    `stops` widens (above 1) or narrows its range of light about mid grey, as a power of the linear values.
    """

    lux: float = option(1000.0, *LUX)
    photo: str = dataclasses.field(default="", metadata={"file": True})
    stops: float = option(1.0, 0.2, 3.0)

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:  # noqa: ARG002 (a face for all)
        if not self.photo:
            raise Refusal("The scene photo shows a file: say which, as photo=../picture.jpg.")
        picture = Picture(self.photo, self.stops, field)
        corners = [(a * field.width_mm / 2, b * field.height_mm / 2) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        radiance = np.vstack([np.zeros((1, 33)), lit(photograph_basis(), source, self.lux)])
        return (Plane(radiance, picture.draw, marks=(Mark("photograph", Path(self.photo).name, tuple(corners)),)),)


@dataclass(slots=True)
class Picture:
    """The photograph's linear R, G, B, read when it is first drawn, cut to the shape of the field."""

    path: str
    stops: float
    field: Field
    _pixels: Array | None = None
    _seen: tuple[Array, Array] | None = None
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def draw(self, colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:  # noqa: ARG002 (a face for all)
        """Cubic between the photograph's pixels; it has no detail beyond them."""
        import cv2

        mixed = self._mixed(colors[1:4])
        rows, columns = mixed.shape[1:]
        scale = min(columns / self.field.width_mm, rows / self.field.height_mm)
        shape = np.broadcast_shapes(x_mm.shape, y_mm.shape)
        out = np.empty((colors.shape[1], *shape[1:]), np.float32)
        for channel, pixels in enumerate(mixed):
            u = x_mm[min(channel, x_mm.shape[0] - 1)] * np.float32(scale) + np.float32(0.5 * columns - 0.5)
            v = y_mm[min(channel, y_mm.shape[0] - 1)] * np.float32(scale) + np.float32(0.5 * rows - 0.5)
            u, v = (np.ascontiguousarray(np.broadcast_to(each, shape[1:])) for each in (u, v))
            out[channel] = cv2.remap(pixels, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return out

    def _mixed(self, colors: Array) -> Array:
        """(C, rows, columns): the photograph's R, G and B seen as `colors` (3, C), kept until other ones are wanted."""
        with self._lock:
            if self._pixels is None:
                self._pixels = self._read()
            if self._seen is None or not np.array_equal(self._seen[0], colors):
                self._seen = colors.copy(), np.moveaxis(self._pixels @ colors, -1, 0).copy()
            return self._seen[1]

    def _read(self) -> Array:
        import cv2

        data = np.fromfile(self.path, np.uint8)
        stored = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if len(data) else None
        if stored is None:
            raise Refusal(f"{Path(self.path).name} is no photograph that can be read here; give a JPEG, PNG or TIFF.")
        white = 65535.0 if stored.dtype == np.uint16 else 255.0
        value = np.asarray(stored[..., ::-1], np.float32) / np.float32(white)
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
        if self.stops != 1.0:
            linear = np.float32(0.18) * (linear / np.float32(0.18)) ** np.float32(self.stops)
        return self._no_finer(linear)

    def _no_finer(self, linear: Array) -> Array:
        """Made smaller where it has more than two pixels to one of the sensor's, so that nothing aliases."""
        import cv2

        rows, columns = linear.shape[:2]
        wanted = 2.0 * max(self.field.width_mm, 1e-6) / (self.field.pitch_um * 1e-3)
        scale = wanted / (self.field.width_mm * min(columns / self.field.width_mm, rows / self.field.height_mm))
        if scale >= 1.0:
            return linear
        size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
        return np.asarray(cv2.resize(linear, size, interpolation=cv2.INTER_AREA), np.float32)
