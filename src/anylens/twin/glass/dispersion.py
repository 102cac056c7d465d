"""How strongly a glass bends light of each colour: Sellmeier's formula with makers' coefficients."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal

Floats = npt.NDArray[np.floating[Any]]

# Ordinary ray of synthetic sapphire at 20 C: Malitson 1962 by way of Dodge 1986 (refractiveindex.info, CC0).
SAPPHIRE = (
    (1.4313493, 0.65054713, 5.3414021),
    (0.0726631**2, 0.1193242**2, 18.028251**2),
)


@cache
def _catalogue() -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
    """Name -> Sellmeier's B and C of every glass in glasses.toml, and of sapphire."""
    text = files("anylens.twin.glass").joinpath("glasses.toml").read_text("utf-8")
    found = {glass["name"]: (tuple(glass["B"]), tuple(glass["C"])) for glass in tomllib.loads(text)["glass"]}
    return {**found, "sapphire": SAPPHIRE}


def index(glass: str | None, wavelength_nm: npt.ArrayLike) -> Floats:
    """The refractive index of a glass against air, or 1 for None, at wavelengths of any shape, 400 to 720 nm.

    Raises Refusal for a glass that the catalogue does not have. (Sellmeier 1871.)
    """
    micrometres = np.asarray(wavelength_nm, np.float64) / 1000.0
    if glass is None:
        return np.ones_like(micrometres)
    try:
        strengths, resonances = _catalogue()[glass]
    except KeyError:
        raise Refusal(f"there is no glass '{glass}' in glasses.toml; add its Sellmeier coefficients there") from None
    squared = micrometres**2
    terms = (b * squared / (squared - c) for b, c in zip(strengths, resonances, strict=True))
    return np.sqrt(1.0 + sum(terms, start=np.zeros_like(squared)))
