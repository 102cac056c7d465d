"""A glass of formulas alone: diffraction, a disc of defocus, distortion and lateral colour that are known exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Silicon:
    """As much of a sensor as light needs."""

    width_px: int
    height_px: int
    pitch_um: float = 3.2


@dataclass(frozen=True)
class BentGlass:
    """50 mm; `bend` is the distortion per mm squared, `colour` the change of scale per 100 nm from 550 nm."""

    f_number: float = 2.0
    bend: float = 0.0
    colour: float = 0.0
    falloff: float = 0.0
    focus_m: float = 1000.0
    name: str = "bent"
    focal_mm: float = 50.0
    image_circle_mm: float = 43.0

    @property
    def scale_mm(self) -> float:
        return self.focal_mm / (1.0 - self.focal_mm * 1e-3 / self.focus_m)

    def observed(self, ideal_mm: Any, wavelength_nm: float) -> Any:
        place = np.asarray(ideal_mm, float)
        square = (place**2).sum(-1, keepdims=True)
        return place * (1.0 + self.bend * square + self.colour * (wavelength_nm - 550.0) / 100.0)

    def illumination(self, places_mm: Any, wavelength_nm: float = 546.1) -> Any:
        return 1.0 - self.falloff * (np.asarray(places_mm, float) ** 2).sum(-1)

    def chief_ray_deg(self, places_mm: Any) -> Any:
        return np.degrees(np.arctan(np.hypot(*np.moveaxis(np.asarray(places_mm, float), -1, 0)) / self.focal_mm))

    def axial_irradiance(self) -> float:
        return np.pi / (2.0 * self.f_number * self.scale_mm / self.focal_mm) ** 2

    def spreads(self, places_mm: Any, wavelengths_nm: Any, distance_m: float, step_um: float, size: int) -> Any:
        made = [self._spot(wavelength, distance_m, step_um, size) for wavelength in wavelengths_nm]
        return np.broadcast_to(np.stack(made), (len(places_mm), len(made), size, size))

    def transfers(self, places_mm: Any, wavelengths_nm: Any, distance_m: float, step_um: float, size: int) -> Any:
        made = [self._transfer(wavelength, distance_m, step_um, size) for wavelength in wavelengths_nm]
        return np.broadcast_to(np.stack(made), (len(places_mm), len(made), size, size // 2 + 1))

    def _transfer(self, wavelength_nm: float, distance_m: float, step_um: float, size: int) -> Any:
        from scipy.special import j1

        radial = np.hypot(np.fft.fftfreq(size, step_um)[:, None], np.fft.rfftfreq(size, step_um))
        disc_um = 1e6 * self.focal_mm**2 * 1e-6 / self.f_number * abs(1.0 / distance_m - 1.0 / self.focus_m)
        ring = np.maximum(np.pi * disc_um * radial, 1e-9)
        transfer = diffraction(1e3 * radial, wavelength_nm, self.f_number * self.scale_mm / self.focal_mm)
        return transfer * 2.0 * j1(ring) / ring

    def _spot(self, wavelength_nm: float, distance_m: float, step_um: float, size: int) -> Any:
        cell = np.sinc(np.fft.fftfreq(size))[:, None] * np.sinc(np.fft.rfftfreq(size))
        transfer = self._transfer(wavelength_nm, distance_m, step_um, size) * cell
        spot = np.fft.fftshift(np.fft.irfft2(transfer, (size, size)))
        return (spot / spot.sum()).astype(np.float32)


def diffraction(cycles_per_mm: Any, wavelength_nm: float, f_number: float) -> Any:
    """The MTF of a perfect round aperture."""
    share = np.clip(np.asarray(cycles_per_mm) * wavelength_nm * 1e-6 * f_number, 0.0, 1.0)
    return 2.0 / np.pi * (np.arccos(share) - share * np.sqrt(1.0 - share * share))
