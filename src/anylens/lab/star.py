"""The Siemens star: sharpness in all directions."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from anylens.lab.charts import Star
from anylens.lab.figure import Figure
from anylens.lab.picture import Mark, drawn
from anylens.lab.samples import Floats, Samples
from anylens.lab.sharpness import StarSharpness, in_lpmm, mtf50
from anylens.refusal import Refusal

_SECTORS = 16
_FEWEST = 16


def star_sharpness(samples: Samples, star: Star) -> StarSharpness:
    """The MTF of a Siemens star, over all directions and by direction, from the sites of one colour as they stand.

    Ring by ring and sector by sector (16 of them) a wave of the star's cycles is fitted to the samples (ISO 12233:2023,
    after Loebich, Wueller, Klingen & Jaeger 2007), so that a bent star is measured as well as a straight one.
    Modulation 1 is what the coarsest rings lead to at frequency 0. Raises Refusal for a star that is clipped, too small
    or too faint.
    """
    star = _centred(samples, star)
    radii, waves, errors = _rings(samples, star)
    frequencies = star.cycles / (2.0 * math.pi * radii)
    both = 0.5 * (waves[:, : _SECTORS // 2] + waves[:, _SECTORS // 2 :])
    both_error = 0.5 * np.hypot(errors[:, : _SECTORS // 2], errors[:, _SECTORS // 2 :])
    mean, error = waves.mean(axis=1), np.sqrt(np.sum(errors**2, axis=1)) / _SECTORS
    coarse = _at_zero(frequencies, mean)
    unit = coarse.value
    if not unit > 0.02 or error[0] > 0.1 * mean[0]:
        raise Refusal("The star is too faint or too noisy to be measured; give it more contrast and light.")
    error = np.hypot(error, mean * coarse.error / unit)
    found = mtf50(frequencies, mean / unit, error / unit)
    directions = [mtf50(frequencies, both[:, k] / unit, both_error[:, k] / unit) for k in range(_SECTORS // 2)]
    nyquist = Figure(float(np.interp(0.5, frequencies, mean / unit)), float(np.interp(0.5, frequencies, error / unit)))
    middle = (np.arange(_SECTORS // 2) + 0.5) * 360.0 / _SECTORS
    return StarSharpness(
        place_px=star.centre_px,
        place_mm=samples.millimetres(star.centre_px),
        letter=samples.letter,
        cycles=star.cycles,
        radius_px=star.radius_px,
        mtf50_cpp=found,
        mtf50_lpmm=in_lpmm(found, samples.pitch_um),
        mtf_nyquist=nyquist if frequencies[-1] >= 0.5 else Figure(math.nan),
        directions_deg=tuple(float(d) for d in (middle + 90.0) % 180.0),
        mtf50_by_direction_cpp=tuple(directions),
        frequencies_cpp=tuple(float(f) for f in frequencies),
        mtf=tuple(float(m) for m in mean / unit),
        mtf_error=tuple(float(e) for e in error / unit),
    )


def star_drawn(samples: Samples, star: Star | StarSharpness) -> npt.NDArray[np.uint8]:
    """(h, w, 3) uint8: the picture with the star's outermost ring."""
    x, y = star.centre_px if isinstance(star, Star) else star.place_px
    return drawn(samples, (Mark("ring", ((x, y), (x + star.radius_px, y)), "measured", f"{star.cycles} cycles"),))


def _rings(samples: Samples, star: Star) -> tuple[Floats, Floats, Floats]:
    """(rings,) radii from the outermost in, and (rings, sectors) the wave over the mean there and its error."""
    inner = max(star.cycles / (2.0 * math.pi * 0.9), 3.0)
    if star.radius_px < 2.0 * inner:
        raise Refusal(
            f"The star of {star.cycles} cycles has a radius of only {star.radius_px:.0f} px, {2 * inner:.0f} are the "
            "least; come nearer."
        )
    count = max(8, round(14.0 * math.log2(star.radius_px / inner)))
    radii = 0.97 * star.radius_px * (inner / star.radius_px) ** (np.arange(count) / (count - 1.0))
    waves, errors = np.zeros((count, _SECTORS)), np.zeros((count, _SECTORS))
    light, angle, radius = _disc(samples, star)
    which = (angle / (2.0 * math.pi) * _SECTORS).astype(np.int64) % _SECTORS
    thinnest = 1.2 * math.sqrt(math.pi * star.radius_px**2 / len(light))
    for at, ring in enumerate(radii):
        here = np.abs(radius - ring) <= max(0.012 * ring, thinnest)
        for sector in range(_SECTORS):
            inside = here & (which == sector)
            waves[at, sector], errors[at, sector] = _wave(
                angle[inside], radius[inside], ring, light[inside], star.cycles
            )
    told = np.isfinite(waves).all(axis=1)
    if told.sum() < 6:
        raise Refusal("The star has too few samples about its middle to be measured; come nearer.")
    return radii[told], waves[told], errors[told]


def _disc(samples: Samples, star: Star) -> tuple[Floats, Floats, Floats]:
    """(light, angle 0 to 2 pi, radius) of the samples within a star. Raises Refusal where it is clipped."""
    height, width = samples.shape
    (x0, y0), reach = star.centre_px, star.radius_px
    rows = slice(max(0, math.floor(y0 - reach)), min(height, math.ceil(y0 + reach) + 1))
    columns = slice(max(0, math.floor(x0 - reach)), min(width, math.ceil(x0 + reach) + 1))
    y, x = np.mgrid[rows, columns].astype(np.float64)
    radius = np.hypot(x - x0, y - y0)
    inside = samples.sampled(rows, columns) & (radius <= reach)
    light = np.asarray(samples.pixels[rows, columns], np.float64)
    clipped = light >= 0.999 if samples.clipped is None else samples.clipped[rows, columns]
    if inside.any() and float(clipped[inside].mean()) > 0.002:
        raise Refusal(f"The star at {x0:.0f}, {y0:.0f} is clipped; expose less.")
    angle = np.arctan2(y[inside] - y0, x[inside] - x0) % (2.0 * math.pi)
    return light[inside], angle, radius[inside]


def _wave_parts(angle: Floats, radius: Floats, ring: float, light: Floats, cycles: int) -> tuple[Floats, Floats] | None:
    """(mean, cosine, sine, two slopes) and their covariance."""
    if len(light) < _FEWEST:
        return None
    turn = angle - float(angle.mean()) if np.ptp(angle) < 1.0 else np.sin(angle)
    design = np.column_stack(
        [np.ones_like(angle), np.cos(cycles * angle), np.sin(cycles * angle), turn, (radius - ring) / ring]
    )
    inverse = np.linalg.pinv(design.T @ design)
    found = inverse @ (design.T @ light)
    left = light - design @ found
    return found, inverse * float(left @ left) / max(len(light) - 5, 1)


def _wave(angle: Floats, radius: Floats, ring: float, light: Floats, cycles: int) -> tuple[float, float]:
    """(wave over mean, its standard error), what noise adds taken away."""
    parts = _wave_parts(angle, radius, ring, light, cycles)
    if parts is None or parts[0][0] <= 0.0:
        return math.nan, math.nan
    (mean, cosine, sine), covariance = parts[0][:3], parts[1]
    noise = 0.5 * (covariance[1, 1] + covariance[2, 2])
    power = cosine**2 + sine**2 - 2.0 * noise
    return math.copysign(math.sqrt(abs(power)), power) / mean, math.sqrt(noise) / mean


def _centred(samples: Samples, star: Star) -> Star:
    """The star about the middle that its waves have: their phase around a ring tells how far it is off."""
    for share in (0.8, 0.6, 0.45, 0.45):
        light, angle, radius = _disc(samples, star)
        ring = share * star.radius_px
        here = np.abs(radius - ring) <= max(0.015 * ring, 1.0)
        phases = []
        for sector in range(2 * _SECTORS):
            middle = (sector + 0.5) * math.pi / _SECTORS
            inside = here & (np.abs((angle - middle + math.pi) % (2.0 * math.pi) - math.pi) < math.pi / _SECTORS / 2.0)
            parts = _wave_parts(angle[inside], radius[inside], ring, light[inside], star.cycles)
            if parts is not None:
                phases.append((middle, math.atan2(-parts[0][2], parts[0][1])))
        if len(phases) < _SECTORS:
            raise Refusal("The star does not lie wholly within the picture; show all of it.")
        at = np.array([each[0] for each in phases])
        phase = np.unwrap(np.array([each[1] for each in phases]))
        scale = star.cycles / ring
        design = np.column_stack([np.ones_like(at), np.sin(at), np.cos(at)])
        found = np.linalg.lstsq(design, phase, rcond=None)[0]
        x, y = star.centre_px
        star = Star((x + float(found[1]) / scale, y - float(found[2]) / scale), star.radius_px, star.cycles)
    return star


def _at_zero(frequencies: Floats, modulation: Floats) -> Figure:
    """The modulation at frequency 0: a parabola through its logarithm on the rings that keep half of the coarsest's."""
    kept = np.cumprod(modulation > 0.45 * modulation[0]).astype(np.bool_)
    kept[:4] |= modulation[:4] > 0.0
    design = np.vander(frequencies[kept] / frequencies[0], 3, increasing=True)
    weight = modulation[kept]
    inverse = np.linalg.pinv((design * weight[:, None] ** 2).T @ design)
    found = inverse @ (design.T @ (np.log(modulation[kept]) * weight**2))
    left = (np.log(modulation[kept]) - design @ found) * weight
    variance = inverse[0, 0] * float(left @ left) / max(int(kept.sum()) - 3, 1)
    unit = float(np.exp(found[0]))
    return Figure(unit, unit * math.sqrt(variance))
