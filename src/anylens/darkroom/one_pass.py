"""A frame to a photo of 8 bits in fused passes, where the recipe is made of the shipped stages in the shipped order.

The stages are asked what they are going to do (`plan`), from the facts and from the picture seen small; then one
kernel brings counts to light of unit noise, of which some rows are kept as half floats, and one does all the rest, band
by band, so that no full-size picture is ever in memory. Two kernels do the rest where the picture is bent or its lens's
blur undone: to clean light read along its rows, some of it kept too, and on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from anylens.darkroom.beside import beside_of
from anylens.darkroom.counts import counts_of
from anylens.darkroom.glass import without
from anylens.darkroom.light import NOTHING_SEEN, bayer_phase
from anylens.darkroom.recipe import Recipe
from anylens.darkroom.stages import default_recipe
from anylens.darkroom.stages.demosaic import Demosaic
from anylens.darkroom.stages.merge import Merge
from anylens.darkroom.stages.mosaic import Balance, Defects, Highlights, Shade
from anylens.darkroom.stages.photo import Sharpen
from anylens.darkroom.stages.scene import (
    Crop,
    Denoise,
    Expose,
    LocalTone,
    Restore,
    Size,
    Unbend,
    brightest_of,
    calm_light,
    calm_of,
)
from anylens.darkroom.stages.tone import Tone
from anylens.frame import Facts, Frame
from anylens.image import FrameCount, Latent, Mosaic, Pixels, Scene, overview_spacing
from anylens.kernels.cells import SPACING, colors_of
from anylens.kernels.linearize import tables
from anylens.kernels.passes import cells, photo, steady
from anylens.kernels.rows import Rows
from anylens.record import record, replace

if TYPE_CHECKING:
    from anylens.kernels.warp import Places

BAND_ROWS = 512
"""The lower a band, the more of its coarse chroma is denoised twice; the higher, the less stays in the caches."""

LEAST_SIDE = 256
CLEAN_ROWS = 256
"""Of a scene so many are cleaned at once."""

REACH = 4
"""How far beyond a band sharpening looks: two rows, and as many again before its rows begin to slide."""

RESTORED_REACH = 16
"""How far beyond rows all that restores sharpness looks, in whole blocks of rows."""

Stage = TypeVar("Stage")
Given = dict[str, tuple[Any, ...]]
Fill = Callable[[npt.NDArray[Any], tuple[int, int]], None]
COUNTED_BLACK, MOST_LIGHT = 2048.0, 16.0
SHIPPED = tuple(type(stage) for section, stage in default_recipe().stages() if section != "merge")
SOMETIMES = (Restore, Size)
"""Stages that a recipe may do without; the passes have no kernel for `Size`, they run where it has nothing to do."""


def fits(image: Frame | Mosaic, recipe: Recipe) -> bool:
    """Whether the pass gives what the stages one by one would give: Bayer light of some size, the shipped stages."""
    if not (_shipped(recipe) and isinstance(recipe.merge, Merge) and photo.kernel.compiled):
        return False
    if isinstance(image, Mosaic):
        (height, width), flat = image.pixels.shape, image.facts.balance is None
    else:
        (height, width), flat = image.facts.active_shape, image.raw.ndim == 2
    if not flat or len(image.facts.sensor.cfa) != 2 or min(height, width) < LEAST_SIDE:
        return False
    return not any(stage.acts(image.facts, (height, width)) for stage in recipe.scene if isinstance(stage, Size))


def _shipped(recipe: Recipe) -> bool:
    """Whether all stages but merging are the shipped ones in their order, but for those that may be left out."""
    kinds = [type(stage) for section, stage in recipe.stages() if section != "merge"]
    return kinds == [kind for kind in SHIPPED if kind in kinds or kind not in SOMETIMES]


def in_one_pass(frame: Frame, recipe: Recipe, frames_used: FrameCount | None = None) -> Latent:
    """The photo of a frame and a recipe that fit; of merged light with the count of frames of each pixel."""
    facts, given = frame.facts, Given()
    shape, phase = facts.active_shape, bayer_phase(facts.sensor.cfa)
    (height, width), spacing = shape, overview_spacing(*shape)
    mending = _of(Defects, recipe).plan(facts, NOTHING_SEEN, shape)
    given["counts"] = (*tables(*counts_of(frame)), width, height, *mending.given)
    seen = colors_of(cells.cells(given["counts"], spacing), *phase)
    for name, kind in (("balance", Balance), ("highlights", Highlights), ("shade", Shade)):
        plan = _of(kind, recipe).plan(facts, seen, shape)
        given[name], facts, seen = plan.given, plan.facts, plan.seen
    given["highlights"] = given["highlights"][:2]  # all kernels of the pass share one `phase`
    _, to_scene, seen = _of(Demosaic, recipe).plan(facts, seen)
    denoise = _of(Denoise, recipe)
    _, _, *noise = denoise.plan(facts)
    facts = denoise.afterwards(facts)
    given["denoise"] = (to_scene.astype(np.float32), *noise)
    unbend = _of(Unbend, recipe)
    apart = beside_of(recipe).apart(facts, shape)
    if apart is not None:
        from anylens.kernels.beside import laid_out
        from anylens.kernels.passes.roots import EDGE

        given["apart"], facts = laid_out(*apart, shape, EDGE), without(facts, "lateral")
    bent = unbend.plan(facts, shape)
    if bent is not None:
        facts, seen = without(facts, "geometry", "lateral"), bent.seen_small(seen, spacing)
    calm, used = calm_of(plan.shading), frames_used
    if frames_used is not None:
        calm = np.ascontiguousarray(calm * frames_used[::spacing, ::spacing][: seen.shape[1], : seen.shape[2]])
        used = frames_used if bent is None else bent.counts(frames_used)
    for restore in (stage for stage in recipe.scene if isinstance(stage, Restore)):
        blur = restore.blur(facts, height, width)
        if blur is not None:
            given["restore"] = restore.plan(facts, blur, seen, shape, used)
            facts = without(facts, "psf")
    shown = _shown(recipe, facts, seen, shape, used)
    given |= {"phase": phase, "calm": (_every_few(calm, spacing),), "noise": tuple(noise[:2]), "size": (width, height)}
    given |= shown.given
    light = _steady_light(given, shape)
    straight = bent is None and "restore" not in given
    fill = partial(_from_light, photo, given, light) if straight else _by_rows(given, light, bent, to_scene, shape)
    return shown.latent(fill, BAND_ROWS)


@record(frozen=True, slots=True, eq=False)
class _Shown:
    """What is done to a scene's light from exposure on, `given` to the kernels, and which part of it is shown."""

    given: Given
    rows: slice
    columns: slice
    facts: Facts
    frames_used: FrameCount | None
    space: Literal["srgb", "display-p3"]

    def latent(self, fill: Fill, step: int) -> Latent:
        """The photo, which `fill` makes `step` rows at a time."""
        tall, wide = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        return Latent(
            shape=(3, tall, wide),
            make=lambda out, top: fill(out, (self.columns.start, self.rows.start + top)),
            step=step,
            facts=replace(self.facts, crop=(0.0, 0.0, float(wide), float(tall))),
            frames_used=self.frames_used,
            space=self.space,
        )


def _shown(
    recipe: Recipe, facts: Facts, seen: Pixels, shape: tuple[int, int], frames_used: FrameCount | None
) -> _Shown:
    """The stages from exposure on asked, of a scene seen small whose light has this many frames in each pixel."""
    given, tone = Given(), _of(Tone, recipe)
    given["expose"], seen = _of(Expose, recipe).plan(facts, seen)
    given["local_tone"], held_ev = _of(LocalTone, recipe).plan(seen, overview_spacing(*shape))
    given["tone"] = tone.plan(brightest_of(seen), held_ev)
    rows, columns = _of(Crop, recipe).plan(facts, shape)
    used = None if frames_used is None else frames_used[rows, columns]
    given["sharpen"] = _of(Sharpen, recipe).plan(facts, used)
    return _Shown(given, rows, columns, facts, used, tone.space)


def _every_few(calm: npt.NDArray[np.float32], spacing: int) -> npt.NDArray[np.float32]:
    """A map seen small, `spacing` pixels from point to point, as the passes take it: SPACING pixels, or one for all."""
    times = 1 if calm.size == 1 else spacing // SPACING
    return calm.repeat(times, 0).repeat(times, 1)


def _fill(module: Any, given: Given, out: npt.NDArray[Any], origin: tuple[int, int]) -> None:
    module.kernel(*(value for name, _ in module.GROUPS for value in given[name]), out=out, origin=origin)


def _steady_light(given: Given, shape: tuple[int, int]) -> Rows:
    """Light of unit noise, whose first row and column stand `steady.MARGIN` before those of the picture."""
    whole = (3, *steady.sides_of(*shape))
    if "apart" not in given:
        return Rows(lambda out, top: _fill(steady, given, out, (0, top)), whole, np.float16, BAND_ROWS)
    from anylens.kernels.beside import BEYOND
    from anylens.kernels.passes import joined, roots

    around = 2 * BEYOND[1]
    mosaic = Rows(
        lambda out, top: _fill(roots, given, out[0], (0, top)), (1, *roots.sides_of(*shape)), np.uint16, BAND_ROWS
    )

    def make(out: npt.NDArray[Any], top: int) -> None:
        (rows,), above = mosaic.between(top, top + out.shape[1] + around)
        _fill(joined, given | {"roots": (rows, above)}, out, (0, top))

    return Rows(make, whole, np.float16, BAND_ROWS)


def _from_light(module: Any, given: Given, light: Rows, out: npt.NDArray[Any], origin: tuple[int, int]) -> None:
    """Fill rows, which begin at `origin`, from the light of unit noise in and around them."""
    top = origin[1]
    around = light.between(top, top + out.shape[-2] + 2 * steady.MARGIN)
    _fill(module, given | {"steady": around}, out, origin)


def renders(scene: Scene, recipe: Recipe) -> bool:
    """Whether `in_bands` gives what the stages one by one would give: color of some size, the shipped stages."""
    shape = scene.pixels.shape[1], scene.pixels.shape[2]
    if not (_shipped(recipe) and photo.kernel.compiled) or min(shape) < LEAST_SIDE:
        return False
    return not any(stage.acts(scene.facts, shape) for stage in recipe.scene if isinstance(stage, (*SOMETIMES, Unbend)))


def in_bands(scene: Scene, recipe: Recipe) -> Latent:
    """The photo of a scene and a recipe that fit."""
    from anylens.kernels import denoise as cleaning
    from anylens.kernels.passes import render

    denoise, pixels = _of(Denoise, recipe), scene.pixels
    _, height, width = pixels.shape
    cleans, noise, used = bool(denoise.luma or denoise.chroma), denoise.plan(scene.facts), calm_light(scene)
    facts = denoise.afterwards(scene.facts)
    shown = _shown(recipe, facts, scene.seen_small(), (height, width), scene.frames_used)
    clean = np.empty((3, CLEAN_ROWS + 2 * REACH, width), np.float32)

    def fill(out: npt.NDArray[Any], origin: tuple[int, int]) -> None:
        left, begin = origin
        first, last = max(begin - REACH, 0), min(begin + out.shape[1] + REACH, height)
        light = pixels[:, first:last]
        if cleans:
            light = cleaning.kernel(pixels, used, *noise, out=clean[:, : last - first], origin=(0, first))
        here = {"scene": (light,), "place": (first, width, height)}
        _fill(render, shown.given | here, out, (left, begin))

    came_from = None if scene.came_from is None else scene.came_from[shown.rows, shown.columns]
    return replace(shown.latent(fill, CLEAN_ROWS), came_from=came_from)


def _by_rows(
    given: Given, light: Rows, bent: Places | None, to_scene: npt.NDArray[Any], shape: tuple[int, int]
) -> Fill:
    """What fills a photo's bands, one below the other, in two passes, light in the camera's colours between.

    Where a blur is undone there are three, rows of the scene between the last two.
    """
    from anylens.kernels import cubic
    from anylens.kernels.passes import finish, level, render, restored
    from anylens.kernels.warp import unmoved

    height, width = shape
    bent = unmoved(shape) if bent is None else bent
    _, *noise = given["denoise"]
    along = (bent.across, bent.colors, cubic.slack_of(bent.across))
    seen = given | {"denoise": (np.eye(3, dtype=np.float32), *noise), "across": along}
    whole = (1, height, 3 * cubic.blocks(width))  # of each block one colour after the other
    read = partial(_from_light, level, seen, light)
    level_rows = Rows(lambda out, top: read(out[0], (0, top)), whole, np.float16, BAND_ROWS, bent.edge)
    asked = bent.rows(height)
    upright = (bent.down, bent.colors, cubic.slack_of(bent.down), width)
    given = given | {"height": (height,), "matrix": (to_scene.astype(np.float32),)}
    restores = "restore" in given
    scene = np.empty((3, BAND_ROWS + 2 * REACH + 2 if restores else 0, width), np.float32)

    def straightened(first: int, bottom: int, reach: int) -> Given:
        """What reads the rows from `first` up to `bottom`, and `reach` more around them, along their columns."""
        (lines,), above = level_rows.between(*asked(max(first - reach, 0), min(bottom + reach, height)))
        return given | {"level": (lines,), "down": (*upright, above, len(lines))}

    def fill(out: npt.NDArray[Any], origin: tuple[int, int]) -> None:
        left, begin = origin
        first, last = max(begin - REACH, 0), min(begin + out.shape[1] + REACH, height)
        if not restores:
            _fill(finish, straightened(first, last, 0), out, origin)
            return
        first -= first % 2  # rows of the scene are made in pairs
        sharp = scene[:, : last - first + (last - first) % 2]
        _fill(restored, straightened(first, last, RESTORED_REACH), sharp, (0, first))
        _fill(render, given | {"scene": (sharp,), "place": (first, width, height)}, out, (left, begin))

    return fill


def counted(mosaic: Mosaic) -> Frame:
    """The light of a mosaic as counts of 16 bits, fine enough for light of many frames, for the pass to begin with."""
    light, facts = mosaic.pixels, mosaic.facts
    height, width = light.shape
    brightest = min(max(1.0, float(light.max())), MOST_LIGHT)
    scale = np.float32((65535 - COUNTED_BLACK) / brightest)
    raw = np.empty(light.shape, np.uint16)
    for top in range(0, height, BAND_ROWS):
        band = light[top : top + BAND_ROWS] * scale
        band += np.float32(COUNTED_BLACK + 0.5)
        np.clip(band, 0, 65535, out=band)
        raw[top : top + BAND_ROWS] = band
    white = COUNTED_BLACK + float(scale)
    sensor = replace(
        facts.sensor,
        black=((COUNTED_BLACK,),),
        white=(white,),
        black_row_delta=(),
        black_column_delta=(),
    )
    return Frame(raw, replace(facts, sensor=sensor, active_area=(0, 0, height, width)))


def _of(kind: type[Stage], recipe: Recipe) -> Stage:
    """The one stage of a kind."""
    (found,) = (stage for _, stage in recipe.stages() if isinstance(stage, kind))
    return found
