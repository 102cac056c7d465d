"""The ColorChecker under a light, for the eye: measured reflectances, standard lights and the standard observer."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from anylens import color
from anylens.refusal import Refusal

Array = npt.NDArray[np.float64]

WAVELENGTH_NM: Array = np.arange(400.0, 721.0, 10.0)

LIGHTS = ("d65", "d50", "d55", "d75", "a", "led", "e")
LIGHT_SOURCE = {"a": 17, "d55": 20, "d65": 21, "d75": 22, "d50": 23, "led": 255, "e": 255}
"""EXIF LightSource codes, 255 for a light that has none."""

_KELVIN = {"d50": 5003.0, "d55": 5503.0, "d65": 6504.0, "d75": 7504.0}


@cache
def _table(name: str) -> dict[str, tuple[float, ...]]:
    tables = tomllib.loads(files("anylens.lab").joinpath("spectra.toml").read_text("utf-8"))
    return {key: tuple(row) for key, row in tables[name].items() if key != "source"}


def _rows(name: str) -> Array:
    return np.array(list(_table(name).values()))


def patch_names() -> tuple[str, ...]:
    """The 24 patches, row by row from the dark skin."""
    return tuple(_table("colorchecker"))


def power(light: str) -> Array:
    """(33,) relative power of a light: one of `LIGHTS`, or a temperature as `3200K`.

    Daylight from 4000 K up (CIE 15:2018, 4.1), below it a Planckian radiator; `a` is standard illuminant A, `led` a
    white LED of about 4000 K (two bells, own work), `e` equal energy. Raises Refusal for any other.
    """
    name = light.lower()
    if name in _KELVIN:
        return _daylight(_KELVIN[name])
    if name == "a":
        return _thermal(2856.0)
    if name == "e":
        return np.ones_like(WAVELENGTH_NM)
    if name == "led":
        pump = np.exp(-0.5 * ((WAVELENGTH_NM - 452.0) / 10.0) ** 2)
        phosphor = np.exp(-0.5 * ((WAVELENGTH_NM - 585.0) / 61.5) ** 2)
        return np.asarray(phosphor + 1.3 * (0.4 / 1.3) ** 0.5 * pump)
    try:
        kelvin = float(name.removesuffix("k"))
    except ValueError:
        kelvin = 0.0
    if not (name.endswith("k") and 1500.0 <= kelvin <= 25000.0):
        raise Refusal(
            f"The light '{light}' is not known; name one of {', '.join(LIGHTS)} or a temperature from 1500K to 25000K."
        )
    return _daylight(kelvin) if kelvin >= 4000.0 else _thermal(kelvin)


def light_source(light: str) -> int:
    """The EXIF LightSource code of a light, 255 where there is none."""
    return LIGHT_SOURCE.get(light.lower(), 255)


def white(light: str) -> Array:
    """(3,) XYZ of a perfect white surface under a light, Y = 1."""
    seen = _rows("observer") @ power(light)
    return np.asarray(seen / seen[1])


def chart_xyz(light: str) -> Array:
    """(3, 24) XYZ of the patches under a light, Y = 1 for a perfect white surface: Ohta 1997, CIE 15:2018."""
    observer, lamp = _rows("observer"), power(light)
    return np.asarray((observer * lamp) @ _rows("colorchecker").T / (observer[1] @ lamp))


def chart_d50(light: str) -> Array:
    """(3, 24) XYZ of the patches under a light, adapted to D50: how they look to an eye used to that light."""
    return np.asarray(color.adaptation(white(light), color.PCS_D50) @ chart_xyz(light))


def _thermal(kelvin: float) -> Array:
    metres = WAVELENGTH_NM * 1e-9
    return np.asarray(metres**-5.0 / np.expm1(1.4388e-2 / (metres * kelvin)) / 1e25)


def _daylight(kelvin: float) -> Array:
    terms = (0.244063, 99.11, 2.9678e6, -4.6070e9) if kelvin <= 7000.0 else (0.237040, 247.48, 1.9018e6, -2.0064e9)
    x = sum(term / kelvin**power for power, term in enumerate(terms))
    y = -3.0 * x * x + 2.870 * x - 0.275
    below = 0.0241 + 0.2562 * x - 0.7341 * y
    weights = (1.0, (-1.3515 - 1.7703 * x + 5.9114 * y) / below, (0.0300 - 31.4424 * x + 30.0717 * y) / below)
    return np.asarray(np.asarray(weights) @ _rows("daylight") / 100.0)
