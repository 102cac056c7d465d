"""Light, surfaces, the eye and the silicon as spectra: 33 figures, one every 10 nm from 400 to 720 nm."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal, near

Floats = npt.NDArray[np.float64]

WAVELENGTH_NM = np.arange(400.0, 721.0, 10.0)
STEP_NM = 10.0
LUMENS_PER_WATT = 683.0
_PHOTONS_PER_JOULE_NM = 1.0 / (6.62607015e-34 * 299792458.0) * 1e-9


@cache
def _tables() -> dict[str, dict[str, list[float]]]:
    return tomllib.loads(files(__package__).joinpath("spectra.toml").read_text("utf-8"))


def _figure(table: str, name: str) -> float:
    return float(_tables()[table][name])  # type: ignore[arg-type]


def _rows(name: str) -> Floats:
    return np.array([row for key, row in _tables()[name].items() if key != "source"])


@cache
def observer() -> Floats:
    """(3, 33): the CIE 1931 standard observer, 2 degrees (CIE 15:2018)."""
    return _rows("observer")


@cache
def colorchecker() -> dict[str, Floats]:
    """The measured reflectances (33,) of the 24 patches by name, in the chart's order (Ohta 1997)."""
    return {name: np.array(row) for name, row in _tables()["colorchecker"].items() if name != "source"}


def photons_per_joule() -> Floats:
    """(33,): how many photons of each wavelength carry one joule."""
    return WAVELENGTH_NM * _PHOTONS_PER_JOULE_NM


@cache
def response() -> Floats:
    """(3, 33): electrons per photon through R, G and B.

    The shape is measured (one back-illuminated camera, its lens and infrared filter included), the height is such that
    green yields 0.20 electrons per photon of daylight (quoted; spectra.toml).
    """
    relative = _rows("camera")
    photons = daylight(6504.0) * WAVELENGTH_NM
    mean = float((photons * relative[1]).sum() / photons.sum())
    return np.asarray(relative * (_figure("anchor", "efficiency_daylight_green") / mean))


def thermal(kelvin: float) -> Floats:
    """(33,): power of a Planckian radiator; 2856 K is standard illuminant A (CIE 15:2018, 4.2 and 5.1)."""
    metres = WAVELENGTH_NM * 1e-9
    power: Floats = metres**-5.0 / np.expm1(1.4388e-2 / (metres * kelvin))
    return np.asarray(power / power.max())


def daylight(kelvin: float) -> Floats:
    """(33,): power of a phase of daylight, 4000 to 25000 K; D65 is at 6504 K, D50 at 5003 K (CIE 15:2018, 4.1)."""
    terms = (0.244063, 99.11, 2.9678e6, -4.6070e9) if kelvin <= 7000.0 else (0.237040, 247.48, 1.9018e6, -2.0064e9)
    x = sum(term / kelvin**power for power, term in enumerate(terms))
    y = -3.0 * x * x + 2.870 * x - 0.275
    below = 0.0241 + 0.2562 * x - 0.7341 * y
    weights = (1.0, (-1.3515 - 1.7703 * x + 5.9114 * y) / below, (0.0300 - 31.4424 * x + 30.0717 * y) / below)
    power: Floats = np.asarray(weights) @ _rows("daylight") / 100.0
    return power


def white_led(warmth: float) -> Floats:
    """(33,): power of a blue diode under a phosphor, 0 about 5200 K to 1 about 2850 K: two bells, own work."""
    pump = np.exp(-0.5 * ((WAVELENGTH_NM - 452.0) / 10.0) ** 2)
    phosphor = np.exp(-0.5 * ((WAVELENGTH_NM - 570.0 - 30.0 * warmth) / (65.0 - 7.0 * warmth)) ** 2)
    power: Floats = phosphor + 1.3 * (0.4 / 1.3) ** warmth * pump
    return power


def luminous(power: Floats) -> float:
    """Lux (or cd/m2) of a spectral irradiance (or radiance) in W/m2/nm (or W/m2/sr/nm), (33,)."""
    return LUMENS_PER_WATT * STEP_NM * float(power @ observer()[1])


@dataclass(frozen=True, slots=True)
class Flicker:
    """Light on alternating current: 1 + depth * cos(2 pi frequency_hz t), mean 1; depth 0..1."""

    frequency_hz: float
    depth: float

    def factor(self, time_s: npt.ArrayLike) -> Floats:
        """By how much the light is brighter at `time_s` than on average."""
        turn = 2.0 * math.pi * self.frequency_hz * np.asarray(time_s, np.float64)
        return np.asarray(1.0 + self.depth * np.cos(turn))

    def mean(self, start_s: npt.ArrayLike, exposure_s: float) -> Floats:
        """The mean factor over exposures that begin at `start_s`, in closed form."""
        half = math.pi * self.frequency_hz * exposure_s
        turn = 2.0 * math.pi * self.frequency_hz * np.asarray(start_s, np.float64) + half
        return np.asarray(1.0 + self.depth * np.cos(turn) * np.sinc(half / math.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A light by which a scene is lit: `power` (33,) in W/m2/nm at 1 lux, and how it flickers."""

    name: str
    says: str
    power: Floats
    flicker: Flicker | None = None

    @property
    def white(self) -> Floats:
        """(3,): XYZ of a perfect white surface under this light, Y = 1."""
        seen: Floats = observer() @ self.power
        return np.asarray(seen / seen[1])


_SOURCES: dict[str, tuple[str, Callable[[], Floats], tuple[float, float] | None]] = {
    "d65": ("average daylight, 6504 K", lambda: daylight(6504.0), None),
    "d50": ("horizon daylight, 5003 K", lambda: daylight(5003.0), None),
    "a": ("a tungsten lamp, standard illuminant A, 2856 K", lambda: thermal(2856.0), None),
    "led": ("a white LED of about 4000 K, steady", lambda: white_led(0.5), None),
    "led-50hz": ("the white LED on 50 Hz mains: 100 flickers a second, 40 % deep", lambda: white_led(0.5), (100, 0.4)),
    "a-60hz": ("the tungsten lamp on 60 Hz mains: 120 flickers a second, 8 % deep", lambda: thermal(2856), (120, 0.08)),
}


def sources() -> dict[str, str]:
    """What each light is, by its name."""
    return {name: says for name, (says, _, _) in _SOURCES.items()}


def source(name: str) -> Source:
    """The light of that name; raises Refusal that lists the near ones."""
    if name.lower() not in _SOURCES:
        raise Refusal(f"There is no light '{name}'; {near(name, _SOURCES, 'anylens shoot --list')}.")
    says, power, flicker = _SOURCES[name.lower()]
    watts = power()
    return Source(name.lower(), says, watts / luminous(watts), Flicker(*flicker) if flicker else None)


BT2020 = np.array([[0.708, 0.292], [0.170, 0.797], [0.131, 0.046]])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@cache
def _to_rec2020() -> Floats:
    columns = np.column_stack([BT2020, 1.0 - BT2020.sum(1)]).T
    white = source("d65").white
    matrix: Floats = np.linalg.inv(columns * np.linalg.solve(columns, white))
    return matrix


def rec2020(radiance: Floats, lit_by: Source, lux: float) -> Floats:
    """(P, 3): linear Rec. 2020 of spectral radiances (P, 33), where a perfect white surface at `lux` is (1, 1, 1).

    The light's white is adapted to D65 by Bradford's transform (CIE 15:2018; ITU-R BT.2020).
    """
    xyz = radiance @ observer().T * (LUMENS_PER_WATT * STEP_NM * math.pi / lux)
    gains = (BRADFORD @ source("d65").white) / (BRADFORD @ lit_by.white)
    adapt = np.linalg.inv(BRADFORD) @ (gains[:, None] * BRADFORD)
    seen: Floats = xyz @ (_to_rec2020() @ adapt).T
    return seen


@cache
def photograph_basis() -> Floats:
    """(3, 33): smooth spectra whose sum is 1 and that look like linear sRGB's R, G and B under D65; own work.

    Three overlapping steps over the spectrum, mixed so that colours come back exactly.
    """
    low = 1.0 / (1.0 + np.exp((WAVELENGTH_NM - 495.0) / 12.0))
    high = 1.0 / (1.0 + np.exp(-(WAVELENGTH_NM - 588.0) / 12.0))
    steps = np.stack([high, 1.0 - low - high, low])
    day = source("d65")
    bt709 = np.array([[0.640, 0.330], [0.300, 0.600], [0.150, 0.060]])
    columns = np.column_stack([bt709, 1.0 - bt709.sum(1)]).T
    to_rgb = np.linalg.inv(columns * np.linalg.solve(columns, day.white))
    xyz = steps * day.power @ observer().T / (observer()[1] @ day.power)
    basis: Floats = np.linalg.inv(xyz @ to_rgb.T) @ steps
    return basis
