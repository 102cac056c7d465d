"""Whether a picture contradicts its lens's passport: another lens, or one seated askew, draws colours elsewhere.

Light over the field tells as much only where corners are far too light, since scenes themselves are uneven.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure
from anylens.lab.fringes import Fringes, RadialShift, fringes, radial_shift
from anylens.lab.recognition import PICTURE, apertures, lateral_um, shades
from anylens.lab.specimen import Specimen
from anylens.lab.traits import FALLOFF_OF_SCENES, lateral, trends
from anylens.lens.passport import Passport
from anylens.lens.rings import nearest, opening

Floats = npt.NDArray[np.float64]

CONTRADICTED = 3.0
"""Standard errors from which on a picture contradicts its passport."""

_TILES, _LOOKED_AT = 288, 2400
_SURPRISES = 3.5
"""By how much scenes make the variance larger than it is said to be."""

_ASIDE_UM = 0.15
"""How far colours lie aside of each other in a picture otherwise than in the passport, for no reason to complain."""


@dataclass(frozen=True, slots=True)
class Departure:
    """How a picture departs from its passport, `errors` standard errors in all, told by the figure that is most off.

    `letter` lies `seen_um` outside of green in the corner and the passport says `said_um`; where `aside`, it lies so
    far off green all over the picture.
    """

    errors: float
    letter: str
    aside: bool
    seen_um: Figure
    said_um: Figure


@dataclass(frozen=True, slots=True)
class Shaded:
    """How light towards the corners departs from a passport's; `seen` and `said` are its logarithms at SHADE."""

    errors: float
    seen: Figure
    said: Figure


def shaded(
    specimen: Specimen, passport: Passport, f_number: float | None = None, focus_m: float | None = None
) -> Shaded | None:
    """How much lighter a raw's corners are than a passport has them; None where either tells nothing.

    Scenes are as uneven as photographs have shown. At night they are far darker towards the corners, and lamps colour
    them, so neither darker corners nor casts count. No lens makes corners lighter than the middle: where they are, by
    more than photographs scatter, the scene itself is that uneven and tells nothing (a dark thing before a white
    ground). Where the aperture is not known, the one that departs least counts.
    """
    if not passport.vignetting or specimen.pitch_um is None or len(specimen.letters()) != 3:
        return None
    light, clipped, _ = specimen.colors()
    trend = trends(light, clipped)
    if trend is None or trend[0].value > FALLOFF_OF_SCENES:
        return None
    seen = trend[0]
    reach_mm = math.hypot(specimen.width_px, specimen.height_px) / 2.0 * specimen.pitch_um / 1000.0
    tried = apertures(passport) if f_number is None else [f_number]
    told = [shades(passport, each, focus_m, reach_mm)[0] for each in tried]
    found = [
        Shaded((seen.value - said.value) / math.hypot(seen.error, said.error, FALLOFF_OF_SCENES), seen, said)
        for said in told
        if said is not None
    ]
    return min(found, key=lambda each: each.errors) if found else None


def departure(
    specimen: Specimen, passport: Passport, f_number: float | None = None, focus_m: float | None = None
) -> Departure | None:
    """How a raw's lateral colour departs from a passport's; None where either tells none, or no pitch is known.

    Few tiles are measured, so that it costs little. Errors are those of both, and what a picture may differ by. Where
    the aperture is not known, the one that departs least counts.
    """
    if not passport.lateral or specimen.pitch_um is None or len(specimen.letters()) != 3:
        return None
    red, blue = (fringes(specimen, letter, _TILES, _LOOKED_AT) for letter in "RB")
    return departure_of(red, blue, specimen.pitch_um, passport, f_number, focus_m)


def departure_of(
    red: Fringes, blue: Fringes, pitch_um: float, passport: Passport, f_number: float | None, focus_m: float | None
) -> Departure | None:
    """The same of lateral colour that was measured already."""
    seen = radial_shift([red]), radial_shift([blue])
    if seen[0] is None or seen[1] is None:
        return None
    both = seen[0], seen[1]
    tried = apertures(passport) if f_number is None else [f_number]
    found = [_at(both, pitch_um, passport, each, focus_m) for each in tried]
    told = [each for each in found if each is not None]
    return min(told, key=lambda each: each.errors) if told else None


def _at(
    seen: tuple[RadialShift, RadialShift], pitch_um: float, passport: Passport, f_number: float, focus_m: float | None
) -> Departure | None:
    from scipy.special import chdtrc, ndtri

    reach_mm = seen[0].reach_px * pitch_um / 1000.0
    said = lateral_um(passport, f_number, focus_m, reach_mm)
    if said is None:
        return None
    shown = lateral(*seen, reach_mm)
    records = nearest(passport.lateral, f_number, focus_m, along=opening)
    asides, aside_errors = np.zeros(4), np.zeros(4)
    for weight, record in records:
        asides += weight * 1000.0 * np.array([*record.red_shift_mm, *record.blue_shift_mm])
        errors = np.minimum([*record.red_shift_mm_error, *record.blue_shift_mm_error], 1.0)
        aside_errors += weight * 1e6 * errors**2
    values = np.concatenate([shown.values, *(pitch_um * each.terms[3:] for each in seen)])
    own = np.zeros((10, 10))
    own[:6, :6] = PICTURE**2 * shown.covariance
    for at, each in zip((6, 8), seen, strict=True):
        own[at : at + 2, at : at + 2] = pitch_um**2 * each.covariance[3:, 3:]
    theirs = np.zeros((10, 10))
    theirs[:6, :6] = said[1]
    theirs[range(6, 10), range(6, 10)] = aside_errors + _ASIDE_UM**2
    foretold = np.concatenate([said[0], asides])
    away = values - foretold
    both = _SURPRISES * (own + theirs)
    chance = float(chdtrc(len(away), away @ np.linalg.solve(both, away)))
    errors_in_all = -float(ndtri(max(chance, 1e-300) / 2.0))
    off = np.abs(away) / np.sqrt(np.diag(both))
    most = max((2, 5, 6, 7, 8, 9), key=lambda k: off[k])
    letter = "R" if most in (2, 6, 7) else "B"
    return Departure(
        errors_in_all,
        letter,
        most > 5,
        Figure(float(values[most]), math.sqrt(own[most, most])),
        Figure(float(foretold[most]), math.sqrt(theirs[most, most])),
    )
