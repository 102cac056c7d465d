"""Scene -> Scene."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from anylens.color import rgb_to_rgb
from anylens.darkroom.glass import places_seen, without
from anylens.darkroom.grain import over_white
from anylens.darkroom.light import ENOUGH_FOR_BRIGHTNESS, MIDDLE_GREY, mean_frames, noise_of, sampled, scene_matrix
from anylens.darkroom.recipe import Checked, taste
from anylens.frame import Facts
from anylens.image import Pixels, Scene, overview_spacing
from anylens.kernels.cells import spread
from anylens.kernels.denoise import denoise, tables
from anylens.kernels.expose import expose
from anylens.kernels.local_tone import DARKEST, local_tone, surroundings
from anylens.kernels.matrix import matrix
from anylens.kernels.mono import mono
from anylens.kernels.sharpen import LUMA
from anylens.record import record, replace

if TYPE_CHECKING:
    from anylens.kernels.warp import Places
    from anylens.lens.psf import Blur

CLIPPING = 1.0
KEY = 0.165
SHOULDER = 0.3
NOISE_STEPS = 4
"""Filters are designed for noise in steps of so many to twice the variance."""


@record(frozen=True, slots=True)
class Denoise(Checked):
    """Take away what the noise profile says is noise: `luma` and `chroma` are how many sigma of it count as noise."""

    luma: float = taste(2.0, 0.0, 6.0, 0.1)
    chroma: float = taste(2.3, 0.0, 6.0, 0.1)

    def __call__(self, scene: Scene) -> Scene:
        if self.luma == 0.0 and self.chroma == 0.0:
            return scene
        pixels = denoise(scene.pixels, calm_light(scene), *self.plan(scene.facts))
        return replace(scene, pixels=pixels, facts=self.afterwards(scene.facts), shading=None)

    def plan(self, facts: Facts) -> tuple[Pixels, Pixels, float, float, Pixels, Pixels]:
        """What the kernel takes: the ways to the camera's colours and back, its noise, the thresholds."""
        noise = noise_of(facts)
        to_camera = np.linalg.inv(scene_matrix(facts)) if facts.sensor.cfa else np.eye(3)
        there, back, steps, dark, lift, thresholds = tables(
            to_camera, noise.scale, noise.offset, self.luma, self.chroma
        )
        return there, back, steps, dark, lift, thresholds * over_white(noise)

    def afterwards(self, facts: Facts) -> Facts:
        """The facts of light that was denoised."""
        return replace(facts, denoised=self.luma)


def calm_light(scene: Scene) -> Pixels:
    """(H, W): to how many frames the noise of each pixel is equal; (1, 1) where it is one everywhere."""
    calm = calm_of(scene.shading)
    if calm.size > 1:
        height, width = scene.pixels.shape[1:]
        calm = spread(calm, height, width, overview_spacing(height, width))
    return calm if scene.frames_used is None else scene.frames_used * calm


def calm_of(shading: Pixels | None) -> Pixels:
    """(h, w): to how many frames the noise of light is equal that was lifted by `shading`; (1, 1) for no shading.

    A gain g makes g of the variance of shot noise at the light that is shown: corners are as grainy as 1 / g frames.
    """
    if shading is None or not shading.size:
        return np.ones((1, 1), np.float32)
    return np.asarray(1.0 / np.maximum(shading, 1e-3), np.float32)


@record(frozen=True, slots=True)
class Unbend(Checked):
    """The one resample for everything geometric: distortion and lateral colour go as the lens's passport knows them.

    `geometry` and `lateral` say how much of the two parts; with `fill` 1 the straight picture is as wide as it can be
    without empty borders, with 0 the scale in its middle stays. A mosaic's lateral colour goes before it is demosaiced
    (`darkroom.beside`); a scene's is that of the camera's colours, so they are brought back for it.
    """

    geometry: float = taste(1.0, 0.0, 1.0, 0.05)
    lateral: float = taste(1.0, 0.0, 1.0, 0.05)
    fill: float = taste(1.0, 0.0, 1.0, 0.05)

    def __call__(self, scene: Scene) -> Scene:
        found = self.plan(scene.facts, scene.pixels.shape[1:])
        if found is None:
            return scene
        from anylens.kernels.warp import warp

        pixels, apart = scene.pixels, found.colors > 1 and bool(scene.facts.sensor.cfa)
        to_scene = scene_matrix(scene.facts) if apart else np.eye(3)
        if apart:
            pixels = matrix(pixels, np.linalg.inv(to_scene).astype(np.float32))
        pixels = warp(pixels, found)
        if apart:
            pixels = matrix(pixels, to_scene.astype(np.float32))
        used = None if scene.frames_used is None else found.counts(scene.frames_used)
        facts, seen = (
            without(scene.facts, "geometry", "lateral"),
            found.seen_small(scene.seen_small(), overview_spacing(*scene.pixels.shape[1:])),
        )
        return replace(scene, pixels=pixels, facts=facts, frames_used=used, overview=seen, shading=None)

    def acts(self, facts: Facts, shape: tuple[int, int]) -> bool:
        """Whether a picture of this shape is bent."""
        return self.plan(facts, shape) is not None

    def plan(self, facts: Facts, shape: tuple[int, ...]) -> Places | None:
        """Where each pixel of each colour is read, as the kernel takes it, None where there is nothing to bend back."""
        grid = places_seen(facts, (shape[0], shape[1]), self.geometry, self.lateral, self.fill)
        if grid is None:
            return None
        from anylens.kernels.warp import places

        return places(grid)


@record(frozen=True, slots=True)
class Restore(Checked):
    """Give back the sharpness that the lens took: place by place, as its passport measured it and noise allows."""

    strength: float = taste(1.0, 0.0, 1.0, 0.05)

    def __call__(self, scene: Scene) -> Scene:
        _, height, width = scene.pixels.shape
        blur = self.blur(scene.facts, height, width)
        if blur is None:
            return scene
        from anylens.kernels.restore import restore

        plan = self.plan(scene.facts, blur, scene.seen_small(), (height, width), scene.frames_used)
        return replace(scene, pixels=restore(scene.pixels, *plan), facts=without(scene.facts, "psf"))

    def acts(self, facts: Facts, shape: tuple[int, int]) -> bool:
        """Whether there is anything for it to do: a blur measured at this aperture, and pixels of known size."""
        return self.blur(facts, *shape) is not None

    def blur(self, facts: Facts, height: int, width: int) -> Blur | None:
        """The lens's blur where filters are designed for a picture of the whole active area, as far as the picture can
        have it, or None."""
        pitch_um = facts.sensor.pitch_um
        if self.strength == 0.0 or facts.passport is None or pitch_um is None:
            return None
        from anylens.kernels.restore_filters import lattice_of
        from anylens.lens.psf import blur_in_use

        rows, columns = lattice_of(height, width)
        tall, wide = facts.active_shape
        y_mm = ((rows + 0.5) / height - 0.5) * tall * pitch_um / 1000
        x_mm = ((columns + 0.5) / width - 0.5) * wide * pitch_um / 1000
        found = blur_in_use(facts.passport, facts.setting, *np.meshgrid(x_mm, y_mm))
        return None if found is None else found.scaled(facts.softness)

    def plan(
        self, facts: Facts, blur: Blur, seen: Pixels, shape: tuple[int, int], frames_used: Pixels | None = None
    ) -> tuple[Pixels, float, float, float, float]:
        """What the kernel takes: filters, the noise of luma, strength, from what light on it may be clipped.

        Filters are designed for the light of the picture's own middle and for the noise that the sensor has there, so
        that those of one lens and like light share them.
        """
        noise = noise_of(facts)
        weights = (np.array(LUMA) @ (scene_matrix(facts) if facts.sensor.cfa else np.eye(3))) ** 2
        frames = mean_frames(frames_used)
        shot, still = (
            sum(float(w) * pair[at] for w, pair in zip(weights, map(noise.plane, range(3)), strict=True)) / frames
            for at in (0, 1)
        )
        luma = np.einsum("c,cyx->yx", np.array(LUMA, np.float32), seen)
        middle = min(max(_quantile(luma, 0.5), 0.01), 0.5)
        at_grey = (shot * middle + still) * (MIDDLE_GREY / middle) ** 2
        pixel_um = facts.sensor.pitch_um * facts.active_shape[1] / shape[1]  # type: ignore[operator]
        *places, tail = blur.scaled(1.0 / pixel_um)
        figures = np.vstack([np.reshape(each, (-1, *blur.share.shape)) for each in places])
        filters = _filters(shape, figures.tobytes(), tail, round(NOISE_STEPS * math.log2(at_grey)))
        return filters, shot, still, self.strength, CLIPPING


@lru_cache(maxsize=4)
def _filters(shape: tuple[int, int], blur: bytes, tail: float, noise_step: int) -> Pixels:
    """The filters of a picture of (H, W) for a blur in pixels, its figures as they lie in memory."""
    from anylens.kernels.restore_filters import LATTICE, filters_of

    core, share, skirt, aside = np.split(np.frombuffer(blur).reshape(-1, *LATTICE[::-1]), (3, 4, 7))
    return filters_of(*shape, core, share[0], skirt, aside, tail, 2.0 ** (noise_step / NOISE_STEPS))


@record(frozen=True, slots=True)
class Crop:
    """Cut to the frame that the maker of the camera means to be seen (DefaultCrop)."""

    def __call__(self, scene: Scene) -> Scene:
        rows, columns = self.plan(scene.facts, scene.pixels.shape)
        pixels = scene.pixels[:, rows, columns]
        used = None if scene.frames_used is None else scene.frames_used[rows, columns]
        whole = (0.0, 0.0, float(pixels.shape[2]), float(pixels.shape[1]))
        facts = replace(scene.facts, crop=whole)
        origin = None if scene.came_from is None else scene.came_from[rows, columns]
        seen = replace(scene, pixels=pixels, frames_used=used, came_from=origin, facts=facts)
        return replace(seen, overview=None, shading=None)

    def plan(self, facts: Facts, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """The rows and columns that stay of a picture of this shape, (..., H, W)."""
        left, top, width, height = (round(value) for value in facts.crop)
        tall, wide = shape[-2:]
        left, top = min(max(left, 0), wide - 1), min(max(top, 0), tall - 1)
        return slice(top, min(top + max(height, 1), tall)), slice(left, min(left + max(width, 1), wide))


@record(frozen=True, slots=True)
class Size(Checked):
    """Fit the longest side: to `longest_px` where it is longer; 0 keeps every pixel."""

    longest_px: int = taste(0, 0, 65535, 1)

    def __call__(self, scene: Scene) -> Scene:
        _, height, width = scene.pixels.shape
        if not self.acts(scene.facts, (height, width)):
            return scene
        from anylens.kernels.resize import resize

        longest = max(height, width)
        small = [max(1, round(side * self.longest_px / longest)) for side in (height, width)]
        facts = replace(scene.facts, crop=(0.0, 0.0, float(small[1]), float(small[0])))
        return Scene(resize(scene.pixels, *small), facts, brightest=scene.brightest, held_ev=scene.held_ev)

    def acts(self, facts: Facts, shape: tuple[int, int]) -> bool:  # noqa: ARG002
        """Whether a picture of this shape is made smaller."""
        return 0 < self.longest_px < max(shape)


@record(frozen=True, slots=True)
class Expose(Checked):
    """Exposure in stops: the camera's own baseline, `auto` times what the meter asks for, and `ev` on top of both."""

    ev: float = taste(0.0, -6.0, 6.0, 0.1)
    auto: float = taste(1.0, 0.0, 1.0, 0.1)

    def __call__(self, scene: Scene) -> Scene:
        (factor,), seen = self.plan(scene.facts, scene.seen_small())
        pixels = scene.pixels if factor == 1.0 else expose(scene.pixels, factor)
        return replace(scene, pixels=pixels, overview=seen, brightest=brightest_of(seen))

    def plan(self, facts: Facts, seen: Pixels) -> tuple[tuple[float], Pixels]:
        """What the kernel takes (a factor), and the overview afterwards."""
        ev = facts.baseline_exposure
        if self.auto:
            ev += self.auto * metered_ev(sampled(seen, ENOUGH_FOR_BRIGHTNESS), ev)
        factor = float(2.0 ** (ev + self.ev))
        return (factor,), seen * np.float32(factor)


def metered_ev(overview: Pixels, ev: float) -> float:
    """How many stops a scene, seen small and `ev` stops brighter than it is, wants to be brighter still: -1 to 1.5.

    Three fifths of the way from its key to middle grey, so that night stays night and snow stays white, but no more
    than brings its brightest twentieth, by the largest of sRGB's R, G and B, to the shoulder of the tone curve. The key
    is the mean of log brightness between its 5th and 95th percentile (Reinhard et al. 2002); brightness is halfway
    between luminance and that largest, so that a red rose, dark in luminance and bright to the eye and to a display, is
    not taken for a thing in the dark, nor its petals brought to where they lose their shape.
    """
    luma = np.einsum("c,cyx->yx", np.array(LUMA, np.float32), overview)
    largest = np.einsum("cd,dyx->cyx", rgb_to_rgb("rec2020", "srgb").astype(np.float32), overview).max(0)
    key_logs = np.log2(np.maximum((luma + largest) / 2, 1e-4)) + ev
    low, high = (_quantile(key_logs, part) for part in (0.05, 0.95))
    key = float(key_logs[(key_logs >= low) & (key_logs <= high)].mean(dtype=np.float64))
    top_log = float(np.log2(max(_quantile(largest, 0.95), 1e-4))) + ev
    wanted, room = 0.6 * (np.log2(KEY) - key), SHOULDER - top_log
    return float(np.clip(min(wanted, max(0.0, room)), -1.0, 1.5))


def _quantile(values: Pixels, part: float) -> float:
    """The value that lies at this part of all when they are put in order; NumPy's own loads masked arrays first."""
    place = round(part * (values.size - 1))
    return float(np.partition(values, place, axis=None)[place])


def brightest_of(overview: Pixels) -> float:
    """How bright the brightest five thousandths of a scene, seen small, are at least, in their brightest colour."""
    return _quantile(sampled(overview, ENOUGH_FOR_BRIGHTNESS).max(0), 0.995) if overview.size else 0.0


@record(frozen=True, slots=True)
class LocalTone(Checked):
    """Open dark surroundings and hold back bright ones: so many stops for each from middle grey, textures kept."""

    shadows: float = taste(0.0, 0.0, 1.0, 0.05)
    highlights: float = taste(0.0, 0.0, 1.0, 0.05)

    def __call__(self, scene: Scene) -> Scene:
        if self.shadows == 0.0 and self.highlights == 0.0:
            return scene
        seen = scene.seen_small()
        plan, held_ev = self.plan(seen, overview_spacing(*scene.pixels.shape[1:]))
        pixels = local_tone(scene.pixels, *plan)
        return replace(scene, pixels=pixels, overview=None, brightest=brightest_of(seen), held_ev=held_ev)

    def plan(self, seen: Pixels, spacing: int) -> tuple[tuple[Pixels, float, int, int, float, float], float]:
        """What the kernel takes (lines of the surroundings and where they lie, shadows, highlights); and `held_ev`.

        The points of `seen` lie `spacing` pixels apart.
        """
        if self.shadows == 0.0 and self.highlights == 0.0:
            return self._given(np.zeros((2, 1, 1), np.float32), spacing), 0.0
        lines = surroundings(seen)
        small, thin = (np.ascontiguousarray(sampled(every, ENOUGH_FOR_BRIGHTNESS)) for every in (seen, lines))
        evened = local_tone(small, *self._given(thin, 1))
        before, after = (max(brightest_of(scene), DARKEST) for scene in (small, evened))
        return self._given(lines, spacing), float(np.log2(before / after))

    def _given(self, lines: Pixels, spacing: int) -> tuple[Pixels, float, int, int, float, float]:
        """The kernel's, for `lines` every `spacing` pixels."""
        _, points_y, points_x = lines.shape
        return lines, float(spacing), points_x, points_y, self.shadows, self.highlights


@record(frozen=True, slots=True)
class Mono(Checked):
    """Black and white, as a film sees: `red`, `green` and `blue` say how much of each becomes light."""

    red: float = taste(0.35, -1.0, 2.0, 0.05)
    green: float = taste(0.5, -1.0, 2.0, 0.05)
    blue: float = taste(0.15, -1.0, 2.0, 0.05)

    def __call__(self, scene: Scene) -> Scene:
        return replace(scene, pixels=mono(scene.pixels, (self.red, self.green, self.blue)))
