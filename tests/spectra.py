"""Light, surfaces, the eye and one camera as spectra: measured where spectra.toml says so, else by formula."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np

WAVELENGTH_NM = np.arange(400.0, 721.0, 10.0)

_TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


def _rows(name: str) -> np.ndarray:
    return np.array([row for key, row in _TABLES[name].items() if key != "source"])


OBSERVER = _rows("observer")
"""(3, 33): the CIE 1931 observer."""

CAMERA = _rows("camera")
"""(3, 33): R, G and B of one measured camera."""

COLORCHECKER = _rows("colorchecker")
"""(24, 33): reflectances, measured."""


def thermal(kelvin: float) -> np.ndarray:
    """(33,) power of a Planckian radiator; 2856 K is standard illuminant A (CIE 15:2018, 4.2 and 5.1)."""
    metres = WAVELENGTH_NM * 1e-9
    return metres**-5.0 / np.expm1(1.4388e-2 / (metres * kelvin)) / 1e25


def daylight(kelvin: float) -> np.ndarray:
    """(33,) power of a phase of daylight, 4000 to 25000 K; D65 is at 6504 K, D50 at 5003 K (CIE 15:2018, 4.1)."""
    terms = (0.244063, 99.11, 2.9678e6, -4.6070e9) if kelvin <= 7000.0 else (0.237040, 247.48, 1.9018e6, -2.0064e9)
    x = sum(term / kelvin**power for power, term in enumerate(terms))
    y = -3.0 * x * x + 2.870 * x - 0.275
    below = 0.0241 + 0.2562 * x - 0.7341 * y
    weights = (1.0, (-1.3515 - 1.7703 * x + 5.9114 * y) / below, (0.0300 - 31.4424 * x + 30.0717 * y) / below)
    return np.asarray(weights) @ _rows("daylight") / 100.0


def white_led(warmth: float) -> np.ndarray:
    """(33,) power of a blue diode under a phosphor, 0 about 5200 K to 1 about 2850 K: two bells, of no maker."""
    pump = np.exp(-0.5 * ((WAVELENGTH_NM - 452.0) / 10.0) ** 2)
    phosphor = np.exp(-0.5 * ((WAVELENGTH_NM - 570.0 - 30.0 * warmth) / (65.0 - 7.0 * warmth)) ** 2)
    return phosphor + 1.3 * (0.4 / 1.3) ** warmth * pump


def smooth_reflectances(count: int, seed: int) -> np.ndarray:
    """(count, 33): surfaces of no chart, each a sigmoid of a random curve of a few broad bells."""
    rng = np.random.default_rng(seed)
    centres = np.linspace(390.0, 730.0, 8)
    bells = np.exp(-0.5 * ((WAVELENGTH_NM - centres[:, None]) / 45.0) ** 2)
    strength = rng.uniform(0.2, 1.0, (count, 1)) * rng.normal(0.0, 1.6, (count, len(centres)))
    curve = rng.normal(-0.9, 0.9, (count, 1)) + strength @ bells
    return 0.03 + 0.9 / (1.0 + np.exp(-curve))


def seen(light: np.ndarray, surfaces: np.ndarray, by: np.ndarray) -> np.ndarray:
    """(3, n): how `by` (OBSERVER or CAMERA) sees surfaces (n, 33) under a light, green or Y of a white surface 1."""
    return by * light @ surfaces.T / (by[1] @ light)
