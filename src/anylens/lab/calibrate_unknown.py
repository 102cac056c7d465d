"""What a passport does not tell yet, and the one picture that would help most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from anylens.lab.calibrate_chart import ChartFit
from anylens.lab.shading import UNEVEN, ShadingMeasure
from anylens.lens.passport import Passport

_CORNER = 0.92
"""How far into the corner a chart is to reach, in parts of the way."""

_FALLOFF = (
    "Falloff and colour cast are unknown.",
    "a raw of an evenly lit blank surface out of focus, at the widest aperture, exposed to half of white",
)
_DISTORTION = (
    "Distortion is unknown.",
    "a chart (anylens lens chart) from six sides, tilted by about 30 degrees, reaching the corners",
)
_LIGHT = (
    f"Whether the flat's light was even is unknown; the errors allow for {100.0 * UNEVEN:g} % across it.",
    "the same flat once more with the camera upside down",
)
_LATERAL = "Lateral colour is unknown.", "the chart as raws under a colour filter, in white light"
_TILT = (
    "The adapter's tilt is unknown.",
    "slanted edges wide open at six distances on both sides of the chart's own, told by --edges",
)
_BLUR = "Blur is unknown.", "a raw of slanted edges all over the field (anylens shoot or a print), wide open"
_PHOTOS_BLUR = (
    "Blur is known from photos alone, to about 15 %.",
    "a raw of slanted edges all over the field, at the aperture of the photos",
)
_APERTURE = "The aperture of the flat is unknown.", "the flat again with its aperture said by --aperture"


def still_unknown(
    passport: Passport, flats: Sequence[ShadingMeasure], chart: ChartFit | None
) -> tuple[tuple[str, ...], str]:
    """(sentences about what a passport does not tell, the one picture that would help most).

    `flats` and `chart` are what was measured for it now.
    """
    found = list(_unknown(passport, flats, chart))
    if not found:
        return (), "none; a second set on another day would confirm the errors"
    return tuple(sentence for sentence, _ in found), found[0][1]


def _unknown(passport: Passport, flats: Sequence[ShadingMeasure], chart: ChartFit | None) -> Iterator[tuple[str, str]]:
    """(what is unknown, the picture that would tell it), the most important first."""
    if not passport.vignetting:
        yield _FALLOFF
    if not passport.geometry:
        yield _DISTORTION
    if flats and all(each.light_percent is None for each in flats):
        yield _LIGHT
    if chart is not None and chart.reach < _CORNER:
        yield (
            f"Distortion is unknown beyond {100.0 * chart.reach:.0f} % of the way into the corner.",
            f"the chart filling the {_bare_corner(chart)} corner of the picture",
        )
    if passport.geometry and not passport.lateral:
        yield _LATERAL
    if passport.geometry and not passport.mount:
        yield _TILT
    if not passport.psf:
        yield _BLUR
    elif all(record.method == "photos" for record in passport.psf):
        yield _PHOTOS_BLUR
    stops = {record.f_number for record in passport.vignetting if record.f_number is not None}
    if len(stops) == 1:
        (stop,) = stops
        flat = "a flat two stops further down" if stop < 4.0 else "a flat wide open"
        yield f"Falloff is known at f/{stop:g} alone.", flat
    if passport.vignetting and not stops:
        yield _APERTURE


def _bare_corner(fit: ChartFit) -> str:
    """The corner of the picture that the chart's points stay farthest away from."""
    names = {"top left": (0, 0), "top right": (1, 0), "bottom left": (0, 1), "bottom right": (1, 1)}
    gaps = {
        name: float(np.hypot(*(fit.observed_px - np.array([x * fit.width_px, y * fit.height_px])).T).min())
        for name, (x, y) in names.items()
    }
    return max(gaps, key=lambda name: gaps[name])
