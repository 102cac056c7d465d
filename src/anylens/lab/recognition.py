"""Which lens took these pictures: what they tell of it against what passports say, as probabilities.

Each passport foretells the traits at every aperture that may have been used; how far they may be off follows from the
pictures' errors, the passport's, and how much lenses change from one aperture to another. Against all of them stands
`none of these`: a lens about which nothing is known but how lenses are. Tails are long (Student's), since both pictures
and lenses hold surprises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anylens.lab.figure import Figure, evenly
from anylens.lab.traits import RINGS, SHADE, Trait, Traits
from anylens.lens.mapping import cast, lateral_shift, light
from anylens.lens.passport import Lateral, Passport
from anylens.lens.rings import nearest, opening

Floats = npt.NDArray[np.float64]

UNKNOWN, UNMEASURED = 0.2, 1.5
"""How probable it is at least, before any look, that none of the passports' lenses took the pictures; and how many
passports' lenses those without one are worth. The fewer were measured, the likelier it was another."""

SURE = 0.98
"""How probable a lens is that is named: from there on 1.5 % of strangers are taken for one of six others, of fifteen
designs whose pictures were made by chance as this file takes them to be; from 0.95 on 4 %, from 0.8 on 11 %."""

TAILS = 6.0
APERTURES = 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0
"""Those that may have been used where it is not known."""

BEYOND = 0.1
"""How probable one of them is that lies beyond those that a passport measured, against one that does not: owners
measure what they use. With 1, a lens wide open, of which a passport foretells next to nothing, passed for strangers: of
the passports' own scenes, left out one by one, these said what they were with 39 % too much trust (simulated)."""

KINDS = (0.5, 0.8, 0.001), (0.5, 1.05, 0.018)
"""Lenses whose lateral colour grows evenly with the radius and others: their shares, their lateral colour in parts of
LENSES_UM, and the share of it that does not grow so; the likeliest of fifteen designs at f/2.8 to f/8, simulated.
Half are that even: with 0.03 for all, a lens that drew as a passport's did passed for a wonder."""

LENSES_UM = (1.65, 2.3), -0.75
"""Red's and blue's lateral colour in the corner of a 1-inch sensor, rms over these designs, and how they correlate."""

OPENING_UM = (13.0, 18.0), -0.7, 0.05
"""The same for how it departs from a passport's, for 1 of 1 / N squared from the apertures that were measured."""

PASSPORT_UM = (0.1, 0.1), 0.0, 0.15
"""The same for what differs between a passport and a picture besides: another light, distance and way to measure."""

SCENES_UM = (0.12, 0.12), 0.0, 0.5
"""The same for what coloured edges of a scene feign, whatever the error that a picture tells."""

BENDS_UM = (0.25, 6.0), (0.75, 28.0)
"""Shares of those designs, and their distortion in the corner of a 1-inch sensor."""

BENDS_APART = 0.1
"""What does not grow as the radius cubed of it."""

PASSPORT_BEND_UM, PASSPORT_BEND = (0.15, 0.5, 2.0), 0.03
"""What straight things say of distortion at RINGS of such a sensor besides, and in parts of it: another distance, walls
that are not quite straight, a middle that few lines tell."""

PICTURE = 1.2
"""How much farther than they say pictures' lateral colours are off; simulated."""

LENSES_REACH_MM = 8.19
FALLOFF, FALLOFF_OPENING = 0.02, 2.0
"""How far pictures' falloff is off from a passport's besides, in logarithms: at its apertures, and for 1 of 1 / N
squared from them."""

CAST = 0.01
"""The same of R/G and B/G."""

FALLOFFS, FALLOFFS_OPENING, CASTS = 0.024, 0.09, (0.011, 0.006)
"""How unlike lenses' falloffs are to each other at one aperture on one 1-inch sensor, with 1 of 1 / N squared more,
and their casts R/G and B/G: rms in logarithms at SHADE of walls through all 37 designs of the twin, 15 to 135 mm, at
f/2 to f/8 (simulated: benchmarks.alike). So alike are they that these tell little against a lens without a passport."""

FOCAL_ERROR, FOCAL_WRONG, FOCALS = 0.03, 0.002, 0.7
"""How far a lens's focal length may be off, in parts of it; how likely another than its own is written, against its
own; and how far lenses' focal lengths are from 50 mm."""

FOCAL_SAID, FOCAL_APART = 0.05, 3.0
"""How far a focal length that is written or engraved may be off, in parts of it, and the standard errors from which on
pictures contradict it."""

Light = tuple[Figure | None, Figure | None, Figure | None]
"""Falloff, R/G and B/G at SHADE in logarithms."""

_TOGETHER = evenly((1, 3, 5))
"""(3, 3): how the errors of a passport's three radial terms of lateral colour go together."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Traits of pictures at one setting; what is not known of it is None."""

    traits: Traits
    f_number: float | None = None
    focus_m: float | None = None
    focal_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One passport's lens: its probability, and what its passport foretells where it comes nearest to the pictures.

    `red_um` and `blue_um` are lateral colour in the corner, None where the passport does not know. `f_number` is the
    aperture at which it comes nearest.
    """

    passport: Passport
    probability: float
    f_number: float | None
    red_um: float | None
    blue_um: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The lenses with passports, the most probable first, and how probable none of them is; all add up to 1."""

    candidates: tuple[Candidate, ...]
    none: float

    @property
    def best(self) -> Candidate | None:
        """The likeliest lens, None where it is more probable that none of these took the pictures."""
        first = self.candidates[0] if self.candidates else None
        return first if first is not None and first.probability > self.none else None

    @property
    def told(self) -> Candidate | None:
        """The likeliest lens where it is at least as probable as SURE, so that it may be named."""
        return self.best if self.best is not None and self.best.probability >= SURE else None


def recognise(seen: Sequence[Seen], passports: Sequence[Passport]) -> Verdict:
    """How probable it is that each passport's lens took the pictures, or none of them.

    `seen` are groups of pictures, each of one setting, all of one lens.
    """
    none = max(UNKNOWN, UNMEASURED / (UNMEASURED + len(passports)))
    unknown = math.log(none) + sum(_of_any(each.traits) for each in seen)
    share = math.log((1.0 - none) / max(len(passports), 1))
    usual = [_usual(each, passports) for each in seen]
    told = [[_of(each, passport, light) for each, light in zip(seen, usual, strict=True)] for passport in passports]
    scores = [share + sum(score for score, _ in each) for each in told]
    most = max([unknown, *scores])
    weights = [math.exp(score - most) for score in scores]
    whole = sum(weights) + math.exp(unknown - most)
    candidates = [
        _candidate(passport, weight / whole, each[0][1], seen[0])
        for passport, weight, each in zip(passports, weights, told, strict=True)
    ]
    candidates.sort(key=lambda each: -each.probability)
    return Verdict(tuple(candidates), math.exp(unknown - most) / whole)


def _of_any(traits: Traits) -> float:
    """The logarithm of how likely the traits are of a lens about which nothing is known, but for its light.

    What falloff and casts tell of a passport's lens is weighed against this one there, and what is written does not
    speak for any lens.
    """
    return _any_lateral(traits) + _any_bend(traits) + _seen_focal(traits.focal_mm, None)


def _any_lateral(traits: Traits) -> float:
    """The same of lateral colour alone."""
    if traits.lateral is None:
        return 0.0
    values, seen = traits.lateral.values, _pictures(traits.lateral, traits.reach_mm)
    spreads = [(share, size**2 * _spread((*LENSES_UM, apart), traits.reach_mm)) for share, size, apart in KINDS]
    return _either([math.log(share) + _student(values, seen + spread) for share, spread in spreads])


def _any_bend(traits: Traits) -> float:
    """The same of distortion alone."""
    if traits.bend is None:
        return 0.0
    values, seen = traits.bend.values, traits.bend.covariance
    s = (np.array(RINGS) * traits.reach_mm / LENSES_REACH_MM) ** 3
    shape = (1.0 - BENDS_APART**2) * np.outer(s, s) + BENDS_APART**2 * np.diag(s**2)
    return _either([math.log(share) + _student(values, seen + um**2 * shape) for share, um in BENDS_UM])


def _pictures(lateral: Trait, reach_mm: float) -> Floats:
    """(6, 6) how sure pictures' lateral colour really is, their scenes' own surprises with it."""
    return np.asarray(PICTURE**2 * lateral.covariance + _spread(SCENES_UM, reach_mm))


def _either(scores: Sequence[float]) -> float:
    """The logarithm of a sum of what has these logarithms."""
    most = max(scores)
    return most + math.log(sum(math.exp(score - most) for score in scores))


def apertures(passport: Passport) -> list[float]:
    """Those that a lens may have been used at."""
    least = passport.lens.max_aperture[0] if passport.lens.max_aperture else 0.0
    return [each for each in APERTURES if each >= 0.95 * least] or [least]


def _possible(seen: Seen, passport: Passport) -> list[float]:
    return apertures(passport) if seen.f_number is None else [seen.f_number]


def _usual(seen: Seen, passports: Sequence[Passport]) -> dict[float, Light]:
    """Falloff, R/G and B/G of any lens at each aperture that may have been used; None where no passport knows one.

    As the passports' lenses draw on this sensor, whose own part in it they share, give or take how unlike lenses are.
    """
    found: dict[float, Light] = {}
    grown = (seen.traits.reach_mm / LENSES_REACH_MM) ** 2
    for f_number in {each for passport in passports for each in _possible(seen, passport)}:
        told = zip(*(shades(each, f_number, seen.focus_m, seen.traits.reach_mm) for each in passports), strict=True)
        unlike = FALLOFFS + FALLOFFS_OPENING / f_number**2, *CASTS
        kinds = [
            _any_of([each for each in kind if each is not None], grown * apart)
            for kind, apart in zip(told, unlike, strict=True)
        ]
        found[f_number] = kinds[0], kinds[1], kinds[2]
    return found


def _any_of(known: Sequence[Figure], apart: float) -> Figure | None:
    """The figure of one more lens, where these are known of others and lenses are so far apart."""
    if not known:
        return None
    value, error = (float(np.mean(each)) for each in ([one.value for one in known], [one.error for one in known]))
    return Figure(value, math.hypot(error, apart * math.sqrt(1.0 + 1.0 / len(known))))


def _of(seen: Seen, passport: Passport, usual: dict[float, Light]) -> tuple[float, float | None]:
    """(logarithm of how likely the traits are of this lens, the aperture at which they are likeliest)."""
    possible = _possible(seen, passport)
    scores = [_at(seen, passport, f_number) + _light(seen, passport, f_number, usual) for f_number in possible]
    shares = _shares(passport, possible)
    mean = _either([score + math.log(share) for score, share in zip(scores, shares, strict=True)])
    focal = _focal(seen.focal_mm, passport) + _seen_focal(seen.traits.focal_mm, passport)
    return mean + focal, possible[scores.index(max(scores))]


def _shares(passport: Passport, possible: Sequence[float]) -> Floats:
    """How probable each aperture is before any look; they add up to 1."""
    measured = [record.f_number for record in passport.lateral if record.f_number is not None] or possible
    within = [0.95 * min(measured) <= each <= 1.05 * max(measured) for each in possible]
    shares = np.where(within, 1.0, BEYOND)
    return np.asarray(shares / shares.sum())


def _at(seen: Seen, passport: Passport, f_number: float) -> float:
    """The same at one aperture, light and focal length left aside. What a passport does not know is as of any lens."""
    traits, score = seen.traits, 0.0
    said = lateral_um(passport, f_number, seen.focus_m, traits.reach_mm)
    if said is None or traits.lateral is None:
        score += _any_lateral(traits)
    else:
        score += _student(traits.lateral.values - said[0], _pictures(traits.lateral, traits.reach_mm) + said[1])
    told = bend_um(passport, seen.focus_m, traits.reach_mm)
    if told is None or traits.bend is None:
        score += _any_bend(traits)
    else:
        score += _student(traits.bend.values - told[0], traits.bend.covariance + told[1])
    return score


def _light(seen: Seen, passport: Passport, f_number: float, usual: dict[float, Light]) -> float:
    """By how much likelier falloff and casts are of this lens than of any, in logarithms."""
    shown = seen.traits.falloff, seen.traits.red_green, seen.traits.blue_green
    foretold = shades(passport, f_number, seen.focus_m, seen.traits.reach_mm)
    return sum(
        _shade(figure, said) - _shade(figure, of_any)
        for figure, said, of_any in zip(shown, foretold, usual[f_number], strict=True)
        if figure is not None and said is not None and of_any is not None
    )


def lateral_um(
    passport: Passport, f_number: float | None, focus_m: float | None, reach_mm: float
) -> tuple[Floats, Floats] | None:
    """(six figures as Traits.lateral has them, their covariance) that a passport foretells; None where it knows none.

    The covariance holds its errors and what a picture may differ by: the farther from an aperture that was measured,
    the more.
    """
    records = nearest(passport.lateral, f_number, focus_m, along=opening)
    if not records:
        return None
    radii = np.array(RINGS) * reach_mm
    values, covariance = np.zeros(6), _spread(PASSPORT_UM, reach_mm)
    for weight, record in records:
        for at, (x, _), aside, errors in zip(
            (0, 3),
            lateral_shift(record, radii, 0.0 * radii),
            (record.red_shift_mm, record.blue_shift_mm),
            (record.red_error, record.blue_error),
            strict=True,
        ):
            values[at : at + 3] += weight * 1000.0 * (x - aside[0])
            s2 = np.minimum(radii / record.reach_mm, 1.0) ** 2
            lever = 1000.0 * radii[:, None] * np.stack([np.ones(3), s2, s2**2], axis=1)
            lever = lever * np.minimum(errors, 1.0) * (PICTURE if record.method == "photos" else 1.0)
            covariance[at : at + 3, at : at + 3] += weight * (lever @ _TOGETHER @ lever.T)
    return values, covariance + _away(passport.lateral, f_number) ** 2 * _spread(OPENING_UM, reach_mm)


def bend_um(passport: Passport, focus_m: float | None, reach_mm: float) -> tuple[Floats, Floats] | None:
    """(three figures as Traits.bend has them, their covariance) that a passport foretells; None where it knows none."""
    records = nearest(passport.geometry, None, focus_m)
    if not records:
        return None
    radii, values = np.array(RINGS) * reach_mm, np.zeros(3)
    for weight, record in records:
        n = np.minimum(radii, record.reach_mm) / record.focal_mm
        k1, k2, k3 = record.radial
        values += weight * 1000.0 * radii * n**2 * (k1 + n**2 * (k2 + n**2 * k3))
    besides = np.array(PASSPORT_BEND_UM) * reach_mm / LENSES_REACH_MM
    return values, np.diag(besides**2) + PASSPORT_BEND**2 * np.outer(values, values)


def _away(records: Sequence[Lateral], f_number: float | None) -> float:
    """How far an aperture is from those that were measured, in 1 / N squared: between two, 0.3 as if they were one.

    There lateral colour is straight in 1 / N squared: of those fifteen designs' at f/5.6 the rms of what f/4 and
    f/8 foretold wrongly was 0.07 (red) and 0.11 micrometres (blue) in the corner, the median 0.02 and 0.03.
    """
    keyed = [record.f_number**-2 for record in records if record.f_number is not None]
    if f_number is None or not keyed or len(keyed) < len(records):
        return 0.0
    wanted = f_number**-2
    below, above = ([abs(each - wanted) for each in keyed if side * (each - wanted) >= 0.0] for side in (-1.0, 1.0))
    if not below or not above:
        return min(below + above)
    near, far = sorted((min(below), min(above)))
    return 0.6 * near * far / (near + far) if near > 0.0 else 0.0


def shades(passport: Passport, f_number: float | None, focus_m: float | None, reach_mm: float) -> Light:
    """Falloff, R/G and B/G at SHADE in logarithms, the mean of all directions; None where a passport knows none."""
    angles = np.linspace(0.0, 2.0 * math.pi, 16, endpoint=False)
    x, y = (SHADE * reach_mm * part for part in (np.cos(angles), np.sin(angles)))
    falloffs = nearest(passport.vignetting, f_number, focus_m)
    casts = nearest(passport.color, f_number, focus_m)
    falloff = red_green = blue_green = None
    if falloffs:
        seen = sum(weight * float(light(record, x, y).mean()) for weight, record in falloffs)
        keys = [record.f_number for record in passport.vignetting if record.f_number is not None]
        away = min((abs(f_number**-2 - key**-2) for key in keys), default=0.0) if f_number is not None else 0.0
        falloff = Figure(math.log(max(seen, 1e-3)), FALLOFF + FALLOFF_OPENING * away)
    if casts:
        both = [(weight, cast(record, x, y)) for weight, record in casts]
        red, blue = (sum(weight * float(np.log(each[k]).mean()) for weight, each in both) for k in (0, 1))
        red_green, blue_green = Figure(red, CAST), Figure(blue, CAST)
    return falloff, red_green, blue_green


def _candidate(passport: Passport, probability: float, f_number: float | None, seen: Seen) -> Candidate:
    said = lateral_um(passport, f_number, seen.focus_m, seen.traits.reach_mm)
    red, blue = (None, None) if said is None else (float(said[0][2]), float(said[0][5]))
    return Candidate(passport, probability, f_number, red, blue)


def _spread(figures: tuple[tuple[float, float], float, float], reach_mm: float) -> Floats:
    """(6, 6) covariance of lateral colour at RINGS in um2 from what it is in the corner of a 1-inch sensor."""
    (red, blue), together, apart = figures
    s = np.array(RINGS) * reach_mm / LENSES_REACH_MM
    along = (1.0 - apart) * np.outer(s, s) + apart * np.diag(s**2)
    colors = np.array([[red**2, together * red * blue], [together * red * blue, blue**2]])
    return np.asarray(np.kron(colors, along))


def _student(away: Floats, covariance: Floats) -> float:
    """Logarithm of the density of a multivariate t of this scale."""
    size = len(away)
    square = float(away @ np.linalg.solve(covariance, away))
    whole = math.lgamma((TAILS + size) / 2.0) - math.lgamma(TAILS / 2.0) - size / 2.0 * math.log(TAILS * math.pi)
    return whole - 0.5 * float(np.linalg.slogdet(covariance)[1]) - (TAILS + size) / 2.0 * math.log1p(square / TAILS)


def _shade(seen: Figure, said: Figure) -> float:
    return _student(np.array([seen.value - said.value]), np.array([[seen.error**2 + said.error**2]]))


def _focal(focal_mm: float | None, passport: Passport) -> float:
    """Logarithm of how likely a focal length is that the camera has written down, against a lens that has it.

    It keeps lenses out, though such entries are wrong at times, and speaks for none: other lenses have it too.
    """
    known = None if focal_mm is None else _known_focal(passport)
    if focal_mm is None or known is None:
        return 0.0
    beyond = max(math.log(known[0] / focal_mm), math.log(focal_mm / known[1]), 0.0)
    return math.log((1.0 - FOCAL_WRONG) * math.exp(-0.5 * (beyond / FOCAL_ERROR) ** 2) + FOCAL_WRONG)


def _seen_focal(seen: Figure | None, passport: Passport | None) -> float:
    """The same of a focal length that pictures told."""
    if seen is None:
        return 0.0
    error = seen.error / seen.value
    known = None if passport is None else _known_focal(passport)
    if known is None:
        return math.log(_normal(math.log(seen.value / 50.0), FOCALS))
    beyond = max(math.log(known[0] / seen.value), math.log(seen.value / known[1]), 0.0)
    return _student(np.array([beyond]), np.array([[error**2 + FOCAL_ERROR**2]]))


def focal_contradicted(seen: Figure, said_mm: float) -> bool:
    """Whether pictures that tell a focal length contradict the one that a file or a lens's name says."""
    return abs(math.log(seen.value / said_mm)) > FOCAL_APART * math.hypot(seen.error / seen.value, FOCAL_SAID)


def _known_focal(passport: Passport) -> tuple[float, float] | None:
    """The shortest and longest focal length in mm that a passport's lens has."""
    if passport.lens.focal_mm is not None:
        return passport.lens.focal_mm
    return (passport.geometry[0].focal_mm, passport.geometry[0].focal_mm) if passport.geometry else None


def _normal(away: float, error: float) -> float:
    return math.exp(-0.5 * (away / error) ** 2) / (error * math.sqrt(2.0 * math.pi))
