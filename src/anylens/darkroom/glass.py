"""What the passport in an image's facts says at the image's own pixels; a section that is missing says nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from anylens.frame import Facts, Frame
from anylens.image import Mosaic, Scene
from anylens.lens import Passport, find_passport
from anylens.lens.mapping import Place, cast, lateral_shift, light, mm_of_pixels, observed, pixels_of_mm
from anylens.lens.passport import nearest, same

Floats = npt.NDArray[np.float64]
GAIN_POINTS = 65, 97
GRID_SPACING = 32
LEAST_LIGHT = 0.02
SCALES = 0.6, 1.6

Image = TypeVar("Image", bound=Frame | Mosaic | Scene)
Choice = Passport | Literal["find", "none"]


def with_passport(image: Image, choice: Choice) -> Image:
    """The image with its passport in its facts: the one given, none, or the one that is found by lens and body.

    A passport that is there already is found. What does not fit together is said in the facts' notes.
    """
    facts = image.facts
    if choice == "none":
        return image if facts.passport is None else replace(image, facts=replace(facts, passport=None))
    if isinstance(choice, Passport):
        return replace(image, facts=_noted(replace(facts, passport=choice)))
    if facts.passport is not None or facts.lens is None or facts.body is None:
        return image
    found = find_passport(facts.lens, facts.body.name)
    return image if found is None else replace(image, facts=_noted(replace(facts, passport=found)))


def _noted(facts: Facts) -> Facts:
    passport, notes = facts.passport, list(facts.notes)
    assert passport is not None
    whose = f"The passport is of {passport.lens.maker} {passport.lens.model} on {passport.body}"
    if facts.sensor.pitch_um is None:
        notes.append("The file does not tell the size of its pixels, so the passport could not be used.")
    if facts.body is not None and not same(passport, passport.lens, facts.body.name):
        notes.append(f"{whose}, the picture is of {facts.body.name}; its figures may not hold there.")
    if facts.lens is not None and not same(passport, facts.lens, passport.body):
        notes.append(f"{whose}, the picture says it was taken with {facts.lens.maker} {facts.lens.model}.")
    keyed = [record for record in passport.vignetting if record.f_number is not None]
    if keyed and _setting(facts)[0] is None and len(keyed) == len(passport.vignetting):
        most = max(record.f_number or 0.0 for record in keyed)
        notes.append(f"The aperture is not known, so vignetting was evened out as at f/{most:g}; say it if you know.")
    return replace(facts, notes=tuple(dict.fromkeys(notes)))


def shading_gains(facts: Facts, shape: tuple[int, int], vignetting: float, color: float) -> Floats | None:
    """(3, v, h): by how much R, G and B are to be multiplied, its points evenly from the first pixel to the last.

    `vignetting` and `color`, 0 to 1, say how much of the two parts, as powers of what they leave of the light. None
    where the passport knows nothing of it.
    """
    passport, pitch = facts.passport, facts.sensor.pitch_um
    if passport is None or pitch is None:
        return None
    falloff = nearest(passport.vignetting, *_setting(facts)) if vignetting else ()
    tint = nearest(passport.color, *_setting(facts)) if color else ()
    if not falloff and not tint:
        return None
    rows, columns = (np.linspace(0, size - 1, points) for size, points in zip(shape, GAIN_POINTS, strict=True))
    x, y = mm_of_pixels(columns[None, :], rows[:, None], shape, pitch)
    seen = np.ones((3, *GAIN_POINTS))
    if falloff:
        seen *= sum(weight * light(record, x, y) for weight, record in falloff) ** vignetting
    for weight, record in tint:
        red, blue = cast(record, x, y)
        seen[0] *= red ** (weight * color)
        seen[2] *= blue ** (weight * color)
    return np.asarray(1.0 / np.maximum(seen, LEAST_LIGHT))


def places_seen(facts: Facts, shape: tuple[int, int], geometry: float, lateral: float, fill: float) -> Floats | None:
    """(3, 2, rows, columns): where each pixel of the straight picture was seen, x and y in pixels, by colour.

    A point for every GRID_SPACING pixels, as `kernels.warp` takes them. `geometry` and `lateral`, 0 to 1, say how much
    of the two parts; with `fill` 1 the straight picture is as wide as it can be without going beyond the border of
    what was seen, with 0 the scale in the middle stays. None where the passport knows nothing of it.
    """
    passport, pitch = facts.passport, facts.sensor.pitch_um
    if passport is None or pitch is None:
        return None
    bent = nearest(passport.geometry, *_setting(facts)) if geometry else ()
    apart = nearest(passport.lateral, *_setting(facts)) if lateral else ()
    if not bent and not apart:
        return None

    def green(x: Floats, y: Floats) -> Place:
        if not bent:
            return x, y
        to_x, to_y = _mean(bent, lambda record: observed(record, x, y))
        return x + geometry * (to_x - x), y + geometry * (to_y - y)

    scale = 1.0 + fill * (_filling(green, shape, pitch) - 1.0) if bent and fill else 1.0
    rows, columns = (np.arange((size - 1) // GRID_SPACING + 2) * GRID_SPACING for size in shape)
    x, y = np.broadcast_arrays(*mm_of_pixels(columns[None, :], rows[:, None], shape, pitch))
    g_x, g_y = green(x * scale, y * scale)
    found = [(g_x, g_y)] * 3
    if apart:
        red = _mean(apart, lambda record: lateral_shift(record, g_x, g_y)[0])
        blue = _mean(apart, lambda record: lateral_shift(record, g_x, g_y)[1])
        found = [
            (g_x + lateral * red[0], g_y + lateral * red[1]),
            (g_x, g_y),
            (g_x + lateral * blue[0], g_y + lateral * blue[1]),
        ]
    return np.stack([np.stack(pixels_of_mm(*place, shape, pitch)) for place in found])


def _filling(green: Callable[[Floats, Floats], Place], shape: tuple[int, int], pitch: float) -> float:
    """The largest scale at which the border of the straight picture was seen, by bisection."""
    height, width = shape
    across, down = np.linspace(0, width - 1, 65), np.linspace(0, height - 1, 65)
    columns = np.concatenate([across, across, np.zeros(65), np.full(65, width - 1)])
    rows = np.concatenate([np.zeros(65), np.full(65, height - 1), down, down])
    x, y = mm_of_pixels(columns, rows, shape, pitch)
    low, high = SCALES
    for _ in range(32):
        middle = (low + high) / 2
        at_x, at_y = pixels_of_mm(*green(x * middle, y * middle), shape, pitch)
        inside = at_x.min() >= 0 and at_y.min() >= 0 and at_x.max() <= width - 1 and at_y.max() <= height - 1
        low, high = (middle, high) if inside else (low, middle)
    return low


def _mean(records: tuple[tuple[float, Any], ...], place: Callable[[Any], Place]) -> Place:
    found = [(weight, place(record)) for weight, record in records]
    return sum(w * x for w, (x, _) in found), sum(w * y for w, (_, y) in found)  # type: ignore[return-value]


def _setting(facts: Facts) -> tuple[float | None, float | None]:
    return (None, None) if facts.setting is None else (facts.setting.f_number, facts.setting.focus_m)
