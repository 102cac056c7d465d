"""Tone: scene light rendered for a display, with its hue kept and its colours brought into the display's gamut.

The curve is log-logistic, the Naka-Rushton response of a cone (Naka & Rushton 1966): A x^p / (x^p + b), straight in
the middle of a log-log plot, with a soft toe and shoulder. It is applied to the largest and the smallest of a pixel's
R, G, B in Rec. 2020, and the middle one keeps its place between them, so hue (the hexcone's) is kept and highlights
pale on their way to white, as on film; that is the rule of the DNG specification's tone curves. Contrast alone would
thereby enrich every colour and turn its hue; so RICHNESS of what it would add is all that colours get, which keeps
the ColorChecker's chroma within 2 % and its hues within 1 degree under the neutral look (benchmarks.color).
Where the curve flattens, highlights keep their chroma until about a stop below white, and lose it by the fourth power
of how bright the largest is shown: paling by the curve alone left skies half their colour two stops above grey.
The smallest would stay nothing in a pure colour, however bright: a wall in the light of a blue lamp fell apart into
blue and white pieces. So what lies above white pales by BLEACH of how far x^p does, until it is white.
Light purer than Rec. 2020 has a smallest below nothing. Cut off there, a lamp's light on a wall had hard contours; so
it is drawn in softly, as in the reference gamut compression of ACES, from where it falls below PURE of the largest.
Vibrance enriches pale colours more than pure ones, and takes a little from those that are orange, as skin and wood
are: where the middle one lies well between both others, by SPARED (own work).
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
        Scalar("vibrance", "float32"),
        Scalar("flare", "float32"),
    ),
    outputs=(Image("photo", "float32", 3),),
)
LUMA = (0.2627, 0.678, 0.0593)
LEAST = 1e-6
RICHNESS = 0.15
BLEACH = 0.2
PURE, GIVES = 0.04, 0.3
SPARED = 3.0
STRAIGHT_UP_TO = 0.0031308
ENCODING = (-0.04215355, 1.57301828, -1.87835218, 3.81198726, -4.83294688, 3.26039295, -0.89194618)
"""sRGB's 1.055 v^(1 / 2.4) - 0.055 by the powers of v^(1 / 2); errs by 0.00016 at most, and 1 stays 1, never more."""


class Stages(Parts):
    vibrance: Any
    rich: Any
    raised: Any
    line: Any
    toned: Any
    display: Any
    shown: seldom.Stages
    photo: Any


def algorithm(scene: Any, to_display: Any, *taste: Any) -> Stages:
    import halide as hl

    *curve, saturation, vibrance, flare = taste
    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    colors = hl.Func("colors")
    colors[x, y, c] = enriched([scene[x, y, i] for i in range(3)], scene[x, y, c], saturation)
    return rendered(colors, to_display, *curve, vibrance, flare)


def enriched(rgb: list[Any], value: Any, saturation: Any) -> Any:
    """What saturation makes of one `value` of `rgb`, which are light or a matrix to it."""
    luma = _grey(rgb)
    return saturation * value + (luma - saturation * luma)


def vivid(rgb: list[Any], vibrance: Any) -> list[Any]:
    """What `vibrance` makes of light: all but the largest move away from it, the less the purer or the more orange."""
    import halide as hl

    zero, least = hl.f32(0.0), hl.f32(LEAST)
    top, low = hl.max(*rgb), hl.min(*rgb)
    between = hl.max(top - low, least)
    orange = hl.max(hl.min(rgb[0] - rgb[1], rgb[1] - rgb[2]), zero)
    not_orange = between - hl.f32(SPARED) * orange
    more = vibrance * hl.max(low, zero) * not_orange * powers.inverse(hl.max(top, least) * between)
    return [value - more * (top - value) for value in rgb]


def ends(rgb: list[Any]) -> tuple[Any, Any]:
    """The largest and the smallest, which near nothing and below gives way: GIVES of how far it falls below PURE."""
    import halide as hl

    top, low = hl.max(*rgb), hl.min(*rgb)
    held = hl.f32(GIVES) * low + hl.f32((1 - GIVES) * PURE) * top
    return top, hl.max(low, held, hl.f32(0.0))


def rendered(colors: Any, to_display: Any, *taste: Any, white: int = 0) -> Stages:
    """Of enriched light, (x, y, c), in floats up to 1, or in counts of 16 bits up to `white`."""
    import halide as hl

    power, bend, peak, vibrance, flare = taste
    x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
    zero, half = hl.f32(0.0), hl.f32(0.5)
    rich, raised, toned, display, photo = (hl.Func(name) for name in ("rich", "raised", "toned", "display", "photo"))
    rgb = [colors[x, y, i] for i in range(3)]
    rich[x, y] = tuple(hl.select(vibrance == zero, *pair) for pair in zip(rgb, vivid(rgb, vibrance), strict=True))
    rgb = [rich[x, y][i] for i in range(3)]
    raised[x, y] = tuple(powers.power(hl.max(end, hl.f32(LEAST)), power) for end in ends(rgb))
    line = _line(rich, raised, bend, peak, flare)
    toned[x, y] = tuple(line[x, y][0] * value + line[x, y][1] for value in rgb)
    rgb = [toned[x, y][i] for i in range(3)]
    display[x, y] = (*(sum((to_display[j, i] * rgb[j] for j in range(3)), zero) for i in range(3)), _grey(rgb))
    shown = _fitted(display)
    value = hl.mux(c, [shown.picture[x, y][i] for i in range(3)])
    signal = hl.select(value <= hl.f32(STRAIGHT_UP_TO), value * hl.f32(12.92), _encoded(value))
    photo[x, y, c] = hl.u16(hl.i32(signal * hl.f32(white) + half)) if white else signal
    return Stages(vibrance, rich, raised, line, toned, display, shown, photo)


def _line(rich: Any, raised: Any, bend: Any, peak: Any, flare: Any) -> Any:
    """Slope and height of the line on which the three of a pixel go, once its ends are where the curve leads them.

    The curve of both `raised` ends takes one division, and another divides by the larger and by what lies between.
    """
    import halide as hl

    x, y, line = hl.Var("x"), hl.Var("y"), hl.Func("line")
    zero, one, least = hl.f32(0.0), hl.f32(1.0), hl.f32(LEAST)
    rgb = [rich[x, y][i] for i in range(3)]
    top, low = ends(rgb)
    one_raised, other_raised = raised[x, y][0], raised[x, y][1]
    one_part, other_part = one_raised + bend, other_raised + bend
    scale = peak * powers.inverse(one_part * other_part)
    high_tone = hl.max(one_raised * other_part * scale - flare, zero)
    low_curve = hl.max(other_raised * one_part * scale - flare, zero)
    smallest = hl.min(*rgb)
    most, between = hl.max(top, least), hl.max(top - smallest, least)
    quotient = powers.inverse(most * between)
    plain = high_tone * low * between * quotient
    shine = hl.min(high_tone * high_tone, one)
    richer, fuller = hl.max(plain - low_curve, zero), hl.min(plain - low_curve, zero)
    low_tone = low_curve + hl.f32(1 - RICHNESS) * richer + (one - shine * shine) * fuller
    above = hl.max(one_raised * ((peak - one - flare) / ((one + flare) * bend)) - one, zero)
    low_tone += hl.min(hl.f32(BLEACH) * above, one) * (high_tone - low_tone)
    stretch = (high_tone - low_tone) * most * quotient
    line[x, y] = (stretch, low_tone - smallest * stretch)
    return line


def _fitted(display: Any) -> seldom.Stages:
    """Colours of the display, with their grey, drawn into its gamut where they lie outside of it."""
    import halide as hl

    x, y = hl.Var("x"), hl.Var("y")
    zero, one, least, half = hl.f32(0.0), hl.f32(1.0), hl.f32(LEAST), hl.f32(0.5)
    inside, drawn, outside = hl.Func("inside"), hl.Func("drawn"), hl.Func("outside")
    *values, grey = (display[x, y][i] for i in range(4))
    lowest, highest = hl.min(*values), hl.max(*values)
    inside[x, y] = tuple(hl.clamp(value, zero, one) for value in values)
    outside[x, y] = (lowest < zero) | (highest > one)
    dim = hl.min((grey + hl.clamp(lowest, zero, one)) * half, one)
    less = hl.select(highest > one, (one - dim) / hl.max(highest - dim, least), one)
    grey, lowest, highest = dim + less * (grey - dim), dim + less * (lowest - dim), hl.min(highest, one)
    light = (grey + highest) * half
    room = hl.select(lowest < zero, light / hl.max(light - lowest, least), one)
    part, shift = room * less, light + room * (dim - less * dim - light)
    drawn[x, y] = tuple(hl.clamp(part * value + shift, zero, one) for value in values)
    return seldom.algorithm("shown", inside, drawn, outside)


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
    stages.rich.specialize(stages.vibrance == 0.0)
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


def vivid_reference(rgb: Array, vibrance: np.float32) -> Array:
    """What `vivid` says, in NumPy."""
    top, low = rgb.max(0), rgb.min(0)
    between = np.maximum(top - low, np.float32(LEAST))
    orange = np.maximum(np.minimum(rgb[0] - rgb[1], rgb[1] - rgb[2]), 0)
    more = (
        vibrance
        * np.maximum(low, 0)
        * (between - np.float32(SPARED) * orange)
        / (np.maximum(top, np.float32(LEAST)) * between)
    )
    return np.asarray(rgb - more * (top - rgb))


def reference(scene: Array, to_display: Array, *taste: float) -> Array:
    power, bend, peak, saturation, vibrance, flare = np.array(taste, np.float32)
    luma_weights = np.array(LUMA, np.float32)
    luma = np.tensordot(luma_weights, scene, 1)
    rgb = vivid_reference(luma + saturation * (scene - luma), vibrance)

    def curve(value: Array) -> Array:
        raised = np.maximum(value, np.float32(LEAST)) ** power
        shown: Array = np.maximum(peak * raised / (raised + bend) - flare, 0)
        return shown

    top, smallest = rgb.max(0), rgb.min(0)
    low = np.maximum(np.maximum(smallest, GIVES * smallest + np.float32((1 - GIVES) * PURE) * top), 0)
    high_tone, low_curve = curve(top), curve(low)
    plain = high_tone * low / np.maximum(top, np.float32(LEAST))
    richer, fuller = np.maximum(plain - low_curve, 0), np.minimum(plain - low_curve, 0)
    low_tone = low_curve + np.float32(1 - RICHNESS) * richer + (1 - np.minimum(high_tone, 1) ** 4) * fuller
    above = np.maximum(np.maximum(top, np.float32(LEAST)) ** power * (peak - 1 - flare) / ((1 + flare) * bend) - 1, 0)
    low_tone += np.minimum(np.float32(BLEACH) * above, 1) * (high_tone - low_tone)
    stretch = (high_tone - low_tone) / np.maximum(top - smallest, np.float32(LEAST))
    toned = low_tone + (rgb - smallest) * stretch
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


def tone(scene: Array, to_display: npt.ArrayLike, *taste: float) -> Array:
    """Render (3, H, W) linear Rec. 2020 as a photo (3, H, W), 0 to 1 with the sRGB transfer curve.

    `to_display` (3, 3) goes from linear Rec. 2020 to the display's linear RGB. `taste` is power, bend, peak,
    saturation, vibrance and flare: the curve is peak x^power / (x^power + bend) - flare; `saturation` scales the
    distance from grey before it, and `vibrance` (0 to 1) that of pale colours that are not orange.
    """
    return kernel(scene, np.asarray(to_display, np.float32), *taste, out=np.empty(scene.shape, np.float32))


def example(rng: np.random.Generator, height: int, width: int) -> tuple[Any, ...]:
    to_display = np.array([[1.66, -0.588, -0.073], [-0.125, 1.133, -0.008], [-0.018, -0.1, 1.119]], np.float32)
    scene = rng.random((3, height, width), np.float32) ** 2 * np.float32(1.5) - np.float32(0.01)
    return scene, to_display, 1.4, 0.35, 1.25, 1.1, 0.3, 0.002
