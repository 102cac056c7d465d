"""Colour: a ColorChecker judged patch by patch, and the matrices that a raw of it calls for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anylens import color
from anylens.lab import spectra
from anylens.lab.colorchecker import Checker, Floats, find
from anylens.lab.figure import Figure, figures
from anylens.lab.specimen import Specimen
from anylens.refusal import Refusal
from anylens.sensor.model import Matrix

Array = npt.NDArray[np.float64]

NEUTRALS = range(18, 24)
_EXPOSED = range(19, 23)
_INNER = 0.6
_CLIPPED = 0.005
_DRAWS = 48


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch: its mean colour in the file's own linear light, and how it differs from the measured surface.

    `rgb` and its standard errors are 0 to 1; `clipped` is the share of its pixels at the end of the scale, and a patch
    with more than 0.5 % of them is left out of every mean. `lab` and `wanted` are CIE L*a*b* under D50. `delta_e` is
    CIEDE2000 as the picture stands, None for a raw, `even_delta_e` after its brightness was evened to the chart's.
    """

    name: str
    rgb: tuple[float, float, float]
    error: tuple[float, float, float]
    clipped: float
    lab: tuple[float, float, float] | None
    wanted: tuple[float, float, float]
    delta_e: float | None
    even_delta_e: float | None


@dataclass(frozen=True, slots=True)
class Fit:
    """Matrices of the DNG specification that this shot calls for, and how well they hold.

    `fitted_delta_e` is the mean CIEDE2000 of the patches that they were fitted to, `crossed_delta_e` and
    `crossed_worst` of each patch through a matrix fitted to all the others.
    """

    illuminant: int
    color_matrix: Matrix
    forward_matrix: Matrix
    neutral: tuple[float, float, float]
    patches: int
    fitted_delta_e: float
    crossed_delta_e: Figure
    crossed_worst: float


@dataclass(frozen=True, slots=True)
class ColorMeasure:
    """A chart in one picture under a light that is told.

    `mean_delta_e` and `worst_delta_e` are of the picture as it stands (None for a raw), `even_...` after evening the
    brightness, `neutral_...` of the six greys. White is off by `white_mired` (positive: too warm) and `white_tint`
    (positive: too green); `exposure_ev` is how much brighter the greys are than a white surface of 1 would have them.
    """

    file: str
    kind: str
    light: str
    checker: Checker
    patches: tuple[Patch, ...] = field(repr=False)
    mean_delta_e: Figure | None
    worst_delta_e: float | None
    even_mean_delta_e: Figure | None
    even_worst_delta_e: float | None
    neutral_delta_e: float | None
    neutral_chroma: float | None
    white_mired: Figure | None
    white_tint: Figure | None
    exposure_ev: Figure
    fit: Fit | None
    notes: tuple[str, ...]


def color_measure(specimen: Specimen, light: str = "d65") -> ColorMeasure:
    """Find the ColorChecker in a picture and judge its colours; of a raw, fit the matrices too.

    `light` is one of `spectra.LIGHTS` or a temperature. References are the measured reflectances of Ohta 1997 under
    that light, adapted to D50 (Bradford), differences CIEDE2000 (Sharma, Wu & Dalal 2005). Means are over the inner
    60 % of the sides of a patch. Raises Refusal for an unknown light and a monochrome picture, NoChart where no chart
    is seen.
    """
    wanted = spectra.chart_d50(light)
    if len(specimen.letters()) < 3:
        raise Refusal(f"{specimen.name} has no colours, so there are none to judge; give a colour picture.")
    pixels, clipped, step = specimen.colors()
    checker = find(pixels, step)
    rgb, error, ended = _means(pixels, clipped, checker)
    good = ended <= _CLIPPED
    notes = list(specimen.notes)
    lost = [name for name, fine in zip(spectra.patch_names(), good, strict=True) if not fine]
    if lost:
        notes.append(f"Clipped and left out of the means: {', '.join(lost)}.")
    if good[list(_EXPOSED)].sum() < 2:
        raise Refusal(f"{specimen.name} has its greys clipped, so its colours cannot be judged; expose it less.")
    exposed = [i for i in _EXPOSED if good[i]]
    greys = [i for i in NEUTRALS if good[i]]
    raw, to_xyz = specimen.kind == "raw", _to_xyz(specimen, notes)
    judged = None if to_xyz is None else _judged(rgb, error, to_xyz, wanted, good, exposed)
    white = None if to_xyz is None else _white(rgb, error, to_xyz, wanted, exposed)
    as_is = None if raw or judged is None else judged.as_is
    ratio = np.log2(_luma(rgb, to_xyz)[exposed] / wanted[1, exposed])
    relative = (error[:, exposed] / np.maximum(rgb[:, exposed], 1e-9)).mean() / math.log(2)
    target = color.lab_from_xyz(wanted, color.PCS_D50)
    return ColorMeasure(
        file=specimen.name,
        kind=specimen.kind,
        light=light.lower(),
        checker=_scaled(checker, step),
        patches=_patches(rgb, error, ended, target, judged, as_is),
        mean_delta_e=None if raw or judged is None else judged.as_is_mean,
        worst_delta_e=None if as_is is None else float(as_is[good].max()),
        even_mean_delta_e=None if judged is None else judged.even_mean,
        even_worst_delta_e=None if judged is None else float(judged.even[good].max()),
        neutral_delta_e=None if judged is None else float(judged.even[greys].mean()),
        neutral_chroma=None if judged is None else float(np.hypot(*(judged.lab - target)[1:, exposed]).mean()),
        white_mired=None if white is None else white[0],
        white_tint=None if white is None else white[1],
        exposure_ev=Figure(float(ratio.mean()), float(max(ratio.std() / math.sqrt(len(exposed)), relative))),
        fit=_fit(rgb, light, good) if raw else None,
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """L*a*b* (3, 24) after evening, CIEDE2000 (24,) as it stands and evened, and the means of both."""

    lab: Array
    as_is: Array
    even: Array
    as_is_mean: Figure
    even_mean: Figure


def _patches(
    rgb: Array, error: Array, ended: Array, target: Array, judged: _Judged | None, as_is: Array | None
) -> tuple[Patch, ...]:
    return tuple(
        Patch(
            name=name,
            rgb=_three(rgb[:, i]),
            error=_three(error[:, i]),
            clipped=float(ended[i]),
            lab=None if judged is None else _three(judged.lab[:, i]),
            wanted=_three(target[:, i]),
            delta_e=None if as_is is None else float(as_is[i]),
            even_delta_e=None if judged is None else float(judged.even[i]),
        )
        for i, name in enumerate(spectra.patch_names())
    )


def _three(values: Array) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in values)
    return a, b, c


def _means(pixels: Floats, clipped: npt.NDArray[np.bool_], checker: Checker) -> tuple[Array, Array, Array]:
    """(3, 24) mean colours, their standard errors, and (24,) the clipped share of the inner part of each patch."""
    import cv2

    means, errors, ended = [], [], []
    for index in range(24):
        corners = checker.patch_px(index, _INNER)
        left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
        inside = np.zeros((max(bottom - top, 1), max(right - left, 1)), np.uint8)
        cv2.fillConvexPoly(inside, np.round(corners - (left, top)).astype(np.int32), 1)
        part = pixels[:, top:bottom, left:right]
        mask = inside[: part.shape[1], : part.shape[2]].astype(bool)
        samples = part[:, mask].astype(np.float64)
        if samples.shape[1] < 9:
            raise Refusal(
                "The chart's patches are smaller than 3 x 3 samples; fill more of the picture with the chart."
            )
        means.append(samples.mean(axis=1))
        errors.append(samples.std(axis=1) / math.sqrt(samples.shape[1]))
        ended.append(float(clipped[top:bottom, left:right][mask].mean()))
    return np.array(means).T, np.array(errors).T, np.array(ended)


def _to_xyz(specimen: Specimen, notes: list[str]) -> Array | None:
    """(3, 3) from the file's linear light to XYZ under D50; of a raw by its own neutral and matrices."""
    if specimen.to_xyz is not None:
        return specimen.to_xyz
    facts = specimen.facts
    assert facts is not None
    known = facts.sensor.calibrations
    if not known or facts.as_shot_neutral is None:
        lacks = "colour matrices" if not known else "white balance"
        notes.append(f"The file has no {lacks}, so its own colours cannot be judged.")
        return None
    neutral = np.array(facts.as_shot_neutral)
    matrix = color.camera_to_rec2020(known, facts.sensor.analog_balance, neutral)
    to_d50 = color.adaptation(color.xyz_from_xy(color.D65), color.PCS_D50)
    return np.asarray((to_d50 @ color.rgb_to_xyz("rec2020") @ matrix) / neutral * neutral.max(), np.float64)


def _luma(rgb: Array, to_xyz: Array | None) -> Array:
    luma: Array = rgb[1] if to_xyz is None else (to_xyz @ rgb)[1]
    return luma


def _judged(
    rgb: Array, error: Array, to_xyz: Array, wanted: Array, good: npt.NDArray[np.bool_], exposed: list[int]
) -> _Judged:
    """The patches against the measured surfaces, errors by drawing them anew."""
    target = color.lab_from_xyz(wanted, color.PCS_D50)
    rng = np.random.default_rng(0)

    def seen(values: Array) -> tuple[Array, Array, Array]:
        xyz = to_xyz @ values
        gain = math.exp(float(np.mean(np.log(wanted[1, exposed] / np.maximum(xyz[1, exposed], 1e-9)))))
        lab, even = (color.lab_from_xyz(each, color.PCS_D50) for each in (xyz, gain * xyz))
        return even, color.delta_e_2000(target, lab), color.delta_e_2000(target, even)

    lab, as_is, even = seen(rgb)
    drawn = [seen(rgb + error * rng.standard_normal(rgb.shape))[1:] for _ in range(_DRAWS)]
    spread = [float(np.std([each[i][good].mean() for each in drawn])) for i in (0, 1)]
    means = (Figure(float(each[good].mean()), apart) for each, apart in zip((as_is, even), spread, strict=True))
    return _Judged(lab, as_is, even, *means)


def _white(rgb: Array, error: Array, to_xyz: Array, wanted: Array, exposed: list[int]) -> tuple[Figure, Figure]:
    """(mired too warm, tint too green) of the greys, against what the chart's own greys are."""
    rng = np.random.default_rng(1)

    def off(values: Array) -> Array:
        found = []
        for xyz in ((to_xyz @ values[:, exposed]).sum(axis=1), wanted[:, exposed].sum(axis=1)):
            kelvin, tint = color.kelvin_from_xy((float(xyz[0] / xyz.sum()), float(xyz[1] / xyz.sum())))
            found.append((1e6 / kelvin, tint))
        return np.asarray(np.array(found[0]) - np.array(found[1]), np.float64)

    middle = off(rgb)
    spread = np.std([off(rgb + error * rng.standard_normal(rgb.shape)) for _ in range(_DRAWS)], axis=0)
    mired, tint = figures(middle, spread)
    return mired, tint


def _fit(rgb: Array, light: str, good: npt.NDArray[np.bool_]) -> Fit | None:
    """The matrices of a raw; None where fewer than 18 patches are unclipped."""
    use = np.flatnonzero(good)
    if len(use) < 18:
        return None
    xyz, d50 = spectra.chart_xyz(light), spectra.chart_d50(light)
    greys = [i for i in _EXPOSED if good[i]]
    white = np.mean(rgb[:, greys] / xyz[1, greys], axis=1)
    matrix = color.fit_color_matrix(xyz[:, use], rgb[:, use], spectra.white(light), white)
    balanced = rgb / white[:, None]
    forward = color.fit_forward_matrix(balanced[:, use], d50[:, use])
    target = color.lab_from_xyz(d50, color.PCS_D50)
    fitted = color.delta_e_2000(target, color.lab_from_xyz(forward @ balanced, color.PCS_D50))[use]
    crossed = []
    for left in use:
        rest = use[use != left]
        other = color.fit_forward_matrix(balanced[:, rest], d50[:, rest])
        seen = color.lab_from_xyz(other @ balanced[:, [left]], color.PCS_D50)
        crossed.append(float(color.delta_e_2000(target[:, [left]], seen)[0]))
    scale = float((matrix @ color.PCS_D50).max())
    return Fit(
        spectra.light_source(light),
        _matrix(matrix / scale),
        _matrix(forward),
        _three(white / white.max()),
        len(use),
        float(fitted.mean()),
        Figure(float(np.mean(crossed)), float(np.std(crossed) / math.sqrt(len(crossed)))),
        max(crossed),
    )


def _matrix(values: Array) -> Matrix:
    a, b, c = (_three(row) for row in values)
    return a, b, c


def _scaled(checker: Checker, step: int) -> Checker:
    """The chart's place in pixels of the picture, where a sample is `step` pixels wide."""
    if step == 1:
        return checker
    shift = (step - 1) / 2.0
    wider = np.array([[step, 0, shift], [0, step, shift], [0, 0, 1.0]])
    return Checker(
        wider @ checker.homography,
        checker.half,
        checker.error_px * step,
        checker.found,
        checker.corners_px * step + shift,
    )
