"""Tone: scene light rendered for a display, with its hue kept and its colours brought into the display's gamut.

The curve is log-logistic, the Naka-Rushton response of a cone (Naka & Rushton 1966): A x^p / (x^p + b), straight in
the middle of a log-log plot, with a soft toe and shoulder. It is applied to the largest and the smallest of a pixel's
R, G, B in Rec. 2020, and the middle one keeps its place between them, so hue (the hexcone's) is kept and highlights
pale on their way to white, as on film; that is the rule of the DNG specification's tone curves. Contrast alone would
thereby enrich every colour and turn its hue; so RICHNESS of what it would add is all that colours get, which keeps
the ColorChecker's chroma within 2 % and its hues within 1 degree under the neutral look (benchmarks.color).
The smallest would stay nothing in a pure colour, however bright: a wall in the light of a blue lamp fell apart into
blue and white pieces. So what lies above white pales by BLEACH of how far x^p does, until it is white.
Colours outside the display's gamut move on straight lines until they fit: too bright ones towards half their own
grey, impossible ones towards a grey between their luminance and their brightest part, so that a yellow stays yellow
and a blue does not fade to grey. Own work: towards grey of constant luminance (ITU-R BT.2407) yellow became cream.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.kernels import powers, seldom
from anylens.kernels.library import Kernel
from anylens.kernels.signature import Image, Scalar, Signature
from anylens.record import Parts

Array = npt.NDArray[np.float32]

SIGNATURE = Signature(
    inputs=(
        Image("scene", "float32", 3, "repeat"),
        Image("to_display", "float32", 2),
        Scalar("power", "float32"),
        Scalar("bend", "float32"),
        Scalar("peak", "float32"),
        Scalar("saturation", "float32"),
        Scalar("flare", "float32"),
    ),
    outputs=(Image("photo", "float32", 3),),
)
LUMA = (0.2627, 0.678, 0.0593)
LEAST = 1e-6
RICHNESS = 0.15
BLEACH = 0.2
STRAIGHT_UP_TO = 0.0031308
ENCODING = (-0.04215355, 1.57301828, -1.87835218, 3.81198726, -4.83294688, 3.26039295, -0.89194618)
"""sRGB's 1.055 v^(1 / 2.4) - 0.055 by the powers of v^(1 / 2); errs by 0.00016 at most, and 1 stays 1, never more."""


class Stages(Parts):
    rich: Any
    ends: Any
    raised: Any
    line: Any
    toned: Any
    display: Any
    shown: seldom.Stages
    photo: Any


def algorithm(scene: Any, to_display: Any, power: Any, bend: Any, peak: Any, saturation: Any, flare: Any) -> Stages:
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    colors = hl.Func("colors")
    colors[x, y, c] = enriched([scene[x, y, i] for i in range(3)], scene[x, y, c], saturation)
    return rendered(colors, to_display, power, bend, peak, flare)


def enriched(rgb: list[Any], value: Any, saturation: Any) -> Any:
    """What saturation makes of one `value` of `rgb`, which are light or a matrix to it."""
    luma = _grey(rgb)
    return saturation * value + (luma - saturation * luma)


def rendered(colors: Any, to_display: Any, power: Any, bend: Any, peak: Any, flare: Any, *, white: int = 0) -> Stages:
    """Of enriched light, (x, y, c), in floats up to 1, or in counts of 16 bits up to `white`."""
    import halide as hl

    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    zero, one, least, half = hl.f32(0.0), hl.f32(1.0), hl.f32(LEAST), hl.f32(0.5)
    rich, ends, raised, line, toned, display, photo = (hl.Func(name) for name in Stages._fields if name != "shown")
    rich[x, y] = tuple(hl.max(colors[x, y, i], zero) for i in range(3))
    rgb = [rich[x, y][i] for i in range(3)]
    ends[x, y] = (hl.max(*rgb), hl.min(*rgb))
    top, low = ends[x, y][0], ends[x, y][1]
    raised[x, y] = tuple(powers.power(hl.max(end, least), power) for end in (top, low))

    # The curve of both ends by one division, and by another what divides by the larger end and by what lies between.
    one_raised, other_raised = raised[x, y][0], raised[x, y][1]
    one_part, other_part = one_raised + bend, other_raised + bend
    scale = peak * powers.inverse(one_part * other_part)
    high_tone = hl.max(one_raised * other_part * scale - flare, zero)
    low_curve = hl.max(other_raised * one_part * scale - flare, zero)
    most, between = hl.max(top, least), hl.max(top - low, least)
    quotient = powers.inverse(most * between)
    plain = high_tone * low * between * quotient
    low_tone = low_curve + hl.f32(1 - RICHNESS) * hl.max(plain - low_curve, zero)
    above = hl.max(one_raised * ((peak - one - flare) / ((one + flare) * bend)) - one, zero)
    low_tone += hl.min(hl.f32(BLEACH) * above, one) * (high_tone - low_tone)
    stretch = (high_tone - low_tone) * most * quotient
    line[x, y] = (stretch, low_tone - low * stretch)
    toned[x, y] = tuple(line[x, y][0] * value + line[x, y][1] for value in rgb)

    rgb = [toned[x, y][i] for i in range(3)]
    display[x, y] = (*(sum((to_display[j, i] * rgb[j] for j in range(3)), zero) for i in range(3)), _grey(rgb))
    *values, grey = (display[x, y][i] for i in range(4))
    lowest, highest = hl.min(*values), hl.max(*values)
    dim = hl.min((grey + hl.clamp(lowest, zero, one)) * half, one)
    less = hl.select(highest > one, (one - dim) / hl.max(highest - dim, least), one)
    grey, lowest, highest = dim + less * (grey - dim), dim + less * (lowest - dim), hl.min(highest, one)
    light = (grey + highest) * half
    room = hl.select(lowest < zero, light / hl.max(light - lowest, least), one)
    inside, drawn, outside = hl.Func("inside"), hl.Func("drawn"), hl.Func("outside")
    inside[x, y] = tuple(hl.clamp(value, zero, one) for value in values)
    part, shift = room * less, light + room * (dim - less * dim - light)
    drawn[x, y] = tuple(hl.clamp(part * value + shift, zero, one) for value in values)
    outside[x, y] = (hl.min(*values) < zero) | (hl.max(*values) > one)
    shown = seldom.algorithm("shown", inside, drawn, outside)
    value = hl.mux(c, [shown.picture[x, y][i] for i in range(3)])
    steep = _encoded(value)
    signal = hl.select(value <= hl.f32(STRAIGHT_UP_TO), value * hl.f32(12.92), steep)
    photo[x, y, c] = hl.u16(hl.i32(signal * hl.f32(white) + half)) if white else signal
    return Stages(rich, ends, raised, line, toned, display, shown, photo)


def _encoded(value: Any) -> Any:
    """The polynomial of ENCODING; as a root's square is the value, it needs no other powers of the root."""
    import halide as hl

    root, total = hl.sqrt(value), hl.f32(ENCODING[-1])
    for k in range(len(ENCODING) - 3, -1, -2):
        total = hl.f32(ENCODING[k]) + hl.f32(ENCODING[k + 1]) * root + value * total
    return total


def _grey(rgb: list[Any]) -> Any:
    import halide as hl

    return sum((hl.f32(LUMA[i]) * rgb[i] for i in range(3)), hl.f32(0.0))


def schedule(stages: Stages, target: Any) -> None:
    """59 ms of one core of an AMD EPYC (AVX-512), other work beside it, 12 MP, output already in memory."""
    import halide as hl

    _, y, c = stages.photo.args()
    width = target.natural_vector_size(hl.Float(32))
    stages.photo.output_buffer().dim(0).set_min(0)
    stages.photo.bound(c, 0, 3).parallel(y, 16, hl.TailStrategy.GuardWithIf)
    schedule_rows(stages, (stages.photo, y), y, width, hl.TailStrategy.GuardWithIf)


def schedule_rows(stages: Stages, store: tuple[Any, Any], row: Any, width: int, tail: Any) -> None:
    """Each `row` of a photo in several sweeps: in one, what waits for what is a chain longer than a core looks ahead.

    Room for what they leave is made at `store`, once for many rows. What is drawn into the gamut is read by whole
    blocks: let the photo begin where one does.
    """
    import halide as hl

    inner, pair, round_up = hl.Var("inner"), hl.Var("pair"), hl.TailStrategy.RoundUp
    x, y, c = stages.photo.args()
    stages.photo.split(x, x, inner, seldom.BLOCK, tail).reorder(inner, c, x, y).vectorize(inner).unroll(c)
    # Two vectors at a time share loads of what is the same for all.
    for sweep, vectors in ((stages.rich, 1), (stages.raised, 2), (stages.display, 2)):
        along, _ = sweep.args()
        sweep.hoist_storage(*store).compute_at(stages.photo, row)
        sweep.split(along, along, inner, vectors * width, round_up).split(inner, pair, inner, width)
        sweep.vectorize(inner).unroll(pair)
    # What is used several times is kept apart: written out each time, it may be worked out each time.
    for each in (stages.line, stages.toned):
        along, _ = each.args()
        each.compute_at(stages.display, pair).vectorize(along)
    seldom.schedule(stages.shown, (stages.photo, row), (stages.photo, row))
    stages.shown.blocks.hoist_storage(*store)


def reference(
    scene: Array, to_display: Array, power: float, bend: float, peak: float, saturation: float, flare: float
) -> Array:
    power, bend, peak, saturation, flare = np.array((power, bend, peak, saturation, flare), np.float32)
    luma_weights = np.array(LUMA, np.float32)
    luma = np.tensordot(luma_weights, scene, 1)
    rgb = np.maximum(luma + saturation * (scene - luma), 0)

    def curve(value: Array) -> Array:
        raised = np.maximum(value, np.float32(LEAST)) ** power
        return np.maximum(peak * raised / (raised + bend) - flare, 0)

    top, low = rgb.max(0), rgb.min(0)
    high_tone, low_curve = curve(top), curve(low)
    plain = high_tone * low / np.maximum(top, np.float32(LEAST))
    low_tone = low_curve + np.float32(1 - RICHNESS) * np.maximum(plain - low_curve, 0)
    above = np.maximum(np.maximum(top, np.float32(LEAST)) ** power * (peak - 1 - flare) / ((1 + flare) * bend) - 1, 0)
    low_tone += np.minimum(np.float32(BLEACH) * above, 1) * (high_tone - low_tone)
    stretch = (high_tone - low_tone) / np.maximum(top - low, np.float32(LEAST))
    toned = low_tone + (rgb - low) * stretch
    grey = np.tensordot(luma_weights, toned, 1)
    display = np.einsum("cd,dyx->cyx", to_display, toned)
    lowest, highest, least = display.min(0), display.max(0), np.float32(LEAST)
    dim = np.minimum((grey + np.clip(lowest, 0, 1)) / 2, 1)
    less = np.where(highest > 1, (1 - dim) / np.maximum(highest - dim, least), 1)
    grey, lowest, highest = dim + less * (grey - dim), dim + less * (lowest - dim), np.minimum(highest, 1)
    light = (grey + highest) / 2
    room = np.where(lowest < 0, light / np.maximum(light - lowest, least), 1)
    value = np.clip(light + room * (dim + less * (display - dim) - light), 0, 1)
    steep = np.float32(1.055) * np.maximum(value, np.float32(STRAIGHT_UP_TO)) ** np.float32(1 / 2.4) - np.float32(0.055)
    photo: Array = np.where(value <= STRAIGHT_UP_TO, value * np.float32(12.92), steep).astype(np.float32)
    return photo


kernel = Kernel(__name__, SIGNATURE, reference)


def tone(
    scene: Array, to_display: npt.ArrayLike, power: float, bend: float, peak: float, saturation: float, flare: float
) -> Array:
    """Render (3, H, W) linear Rec. 2020 as a photo (3, H, W), 0 to 1 with the sRGB transfer curve.

    `to_display` (3, 3) goes from linear Rec. 2020 to the display's linear RGB; the curve is
    peak x^power / (x^power + bend) - flare; `saturation` scales the distance from grey before it.
    """
    table = np.asarray(to_display, np.float32)
    return kernel(scene, table, power, bend, peak, saturation, flare, out=np.empty(scene.shape, np.float32))


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    to_display = np.array([[1.66, -0.588, -0.073], [-0.125, 1.133, -0.008], [-0.018, -0.1, 1.119]], np.float32)
    scene = rng.random((3, height, width), np.float32) ** 2 * np.float32(1.5) - np.float32(0.01)
    return scene, to_display, 1.4, 0.35, 1.25, 1.1, 0.002
