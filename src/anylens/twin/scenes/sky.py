"""The night sky: points without extent over a faint ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anylens.refusal import Refusal
from anylens.twin.scenes.plane import Array, Field, Mark, Plane, Points, grey, lit, option
from anylens.twin.spectra import Source, luminous, thermal

MAGNITUDE_0_LUX = 2.54e-6
"""Illuminance of a star of visual magnitude 0 (Allen's Astrophysical Quantities)."""


@dataclass(frozen=True, slots=True)
class StarField:
    """Stars as points of known place, colour and flux over a dark sky.

    `count` of them from magnitude `brightest` to `faintest`, nearly three times as many with every magnitude; the sky
    is as bright as a white surface at `lux`, in the light's colour; stars have their own (3000 to 12000 K).
    """

    lux: float = option(0.002, 1e-6, 10.0)
    count: int = option(600, 1, 20000)
    brightest: float = option(0.0, -10.0, 20.0)
    faintest: float = option(7.0, -10.0, 25.0)

    def __post_init__(self) -> None:
        if self.faintest < self.brightest:
            raise Refusal(
                f"Magnitude {self.faintest:g} is brighter than {self.brightest:g}; give faintest= the larger number."
            )

    def planes(self, field: Field, source: Source, seed: int) -> tuple[Plane, ...]:
        rng = np.random.default_rng((seed, 0x57A5))
        places = (rng.random((self.count, 2)) - 0.5) * (field.width_mm, field.height_mm)
        growth = 10.0**0.45
        share = rng.random(self.count)
        magnitudes = self.faintest - np.log1p(-share * (1.0 - growth ** (self.brightest - self.faintest))) / -np.log(
            growth
        )
        kelvins = np.exp(rng.uniform(np.log(3000.0), np.log(12000.0), self.count))
        spectra = np.stack([thermal(float(kelvin)) for kelvin in kelvins])
        lux = MAGNITUDE_0_LUX * 10.0 ** (-0.4 * magnitudes)
        irradiance = spectra * (lux / np.array([luminous(each) for each in spectra]))[:, None]
        marks = tuple(
            Mark("star", str(at), ((float(x), float(y)),), {"magnitude": float(magnitude), "kelvin": float(kelvin)})
            for at, ((x, y), magnitude, kelvin) in enumerate(zip(places, magnitudes, kelvins, strict=True))
        )

        def draw(colors: Array, x_mm: Array, y_mm: Array, step_mm: float) -> Array:  # noqa: ARG001 (a face for all)
            shape = np.broadcast_shapes(x_mm.shape, y_mm.shape)
            return np.broadcast_to(colors[0][:, None, None], (colors.shape[1], *shape[1:]))

        return (Plane(lit(grey(1.0), source, self.lux), draw, points=Points(places, irradiance), marks=marks),)
