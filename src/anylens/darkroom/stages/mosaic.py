"""Mosaic -> Mosaic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from anylens.darkroom.clipping import clipping_level, leaning
from anylens.darkroom.glass import shading_gains, without
from anylens.darkroom.light import (
    NOTHING_SEEN,
    bayer_phase,
    by_site,
    gains_of,
    neutral_of,
    noise_of,
    sampled,
    scene_matrix,
    seen_small,
    warmer,
)
from anylens.darkroom.recipe import Checked, taste
from anylens.darkroom.white import estimate_neutral
from anylens.frame import Facts
from anylens.image import Mosaic, Pixels, Scene, overview_spacing
from anylens.kernels import balance, defects, highlights, shade
from anylens.kernels.cells import colors_of
from anylens.kernels.highlights import SPAN_PX, filled_in
from anylens.kernels.matrix import matrix
from anylens.opcodes import GainMap, parse
from anylens.record import record, replace

Places = npt.NDArray[np.floating[Any]]
Lying = tuple[float, float, float, float]
"""scale_x, shift_x, scale_y, shift_y from a pixel to its place in a map."""

PART_STEP = 32
"""Parts of a mosaic begin at whole squares of so many pixels, by which tables of places go."""


@record(frozen=True, slots=True, eq=False)
class Plan:
    """What a stage is going to do to a mosaic, told from its facts and from the mosaic seen small.

    `kernel` is to take the light and then what is `given`; None where the light stays as it is. `facts` and `seen` are
    those of the light afterwards, `seen` empty where it must be looked at anew; `shading` is the gain by which this
    stage lifts the overview's points, None for no gain. `part` says what is given for a part that begins at this row
    and column, multiples of PART_STEP, None where that is the same everywhere; `reach` how many pixels around one tell
    it, 0 for few.
    """

    kernel: Callable[..., Any] | None
    given: tuple[Any, ...]
    facts: Facts
    seen: Pixels
    shading: Pixels | None = None
    part: Callable[[int, int], tuple[Any, ...]] | None = None
    reach: int = 0

    def __call__(self, mosaic: Mosaic) -> Mosaic:
        """The mosaic as planned."""
        pixels = mosaic.pixels
        if self.kernel is not None:
            pixels = self.kernel(pixels, *self.given, out=np.empty(pixels.shape, np.float32))
        overview = self.seen if self.seen.size else None
        shading = mosaic.shading if self.shading is None else self.shading
        return replace(mosaic, pixels=pixels, facts=self.facts, overview=overview, shading=shading)


class Planned(Checked, ABC):
    """A stage that says what it is going to do before it is done."""

    __slots__ = ()

    def __call__(self, mosaic: Mosaic) -> Mosaic:
        return self.planned(mosaic)(mosaic)

    def planned(self, mosaic: Mosaic) -> Plan:
        """What is going to be done to this mosaic."""
        return self.plan(mosaic.facts, seen_small(mosaic), mosaic.pixels.shape)

    @abstractmethod
    def plan(self, facts: Facts, seen: Pixels, shape: tuple[int, ...]) -> Plan:
        """What is going to be done to a mosaic of these facts and this (height, width), `seen` small before."""


@record(frozen=True, slots=True)
class Defects(Planned):
    """Replace single hot and dead pixels: those `threshold` sigma of the noise off their neighbours."""

    threshold: float = taste(6.0, 1.0, 100.0, 0.5)

    def planned(self, mosaic: Mosaic) -> Plan:
        return self.plan(mosaic.facts, NOTHING_SEEN, mosaic.pixels.shape)

    def plan(self, facts: Facts, seen: Pixels, shape: tuple[int, ...]) -> Plan:  # noqa: ARG002 - it does not look
        """The kernel takes scale and offset of the noise by site, and the threshold."""
        noise, cfa = noise_of(facts), facts.sensor.cfa
        given = by_site(cfa, _three(noise.scale)), by_site(cfa, _three(noise.offset)), self.threshold
        return Plan(defects.kernel, given, facts, NOTHING_SEEN)


@record(frozen=True, slots=True)
class Balance(Planned):
    """White balance: as shot or estimated where `kelvin` is 0, else for that light; `tint` > 0 is more magenta.

    `warmth` is how much stays of the colour of a light that is warmer than daylight, where `kelvin` is 0.
    """

    light: Literal["as-shot", "auto"] = taste("as-shot")
    kelvin: float = taste(0.0, 0.0, 25000.0, 50.0)
    tint: float = taste(0.0, -150.0, 150.0, 1.0)
    warmth: float = taste(0.0, 0.0, 1.0, 0.05)

    def plan(self, facts: Facts, seen: Pixels, shape: tuple[int, ...]) -> Plan:  # noqa: ARG002 - as every plan
        """The kernel takes gains by site. A shot that tells no neutral is estimated too, and the facts say so."""
        if not facts.sensor.cfa:
            return Plan(None, (), replace(facts, balance=(1.0, 1.0, 1.0)), seen)
        neutral = facts.as_shot_neutral
        if self.kelvin == 0.0 and (self.light == "auto" or neutral is None):
            estimate = estimate_neutral(seen, facts.sensor.calibrations, facts.sensor.analog_balance)
            if estimate is not None:
                neutral, note = estimate, "White balance was estimated from the picture."
                facts = replace(facts, notes=(*facts.notes, note))
        neutral = neutral_of(replace(facts, as_shot_neutral=neutral), self.kelvin, self.tint)
        gains = gains_of(neutral if self.kelvin else warmer(facts, neutral, self.warmth))
        balanced = seen * np.array(gains, np.float32)[:, None, None]
        return Plan(balance.kernel, (by_site(facts.sensor.cfa, gains),), replace(facts, balance=gains), balanced)


@record(frozen=True, slots=True)
class Highlights(Planned):
    """Fill in clipped highlights from the colours that are left: from `clip` of the clipping level on."""

    clip: float = taste(0.985, 0.5, 1.0, 0.005)

    def plan(self, facts: Facts, seen: Pixels, shape: tuple[int, ...]) -> Plan:
        """The kernel takes where each site clips, how far it leans around there, and the phase of the filter."""
        if not facts.sensor.cfa or facts.balance is None:
            return Plan(None, (), facts, seen)
        clip, spacing = self._levels(facts, seen), overview_spacing(shape[-2], shape[-1])
        lean = leaning(seen, clip, spacing)
        cfa = facts.sensor.cfa
        sites = by_site(cfa, (0.0, 1.0, 2.0)).astype(np.intp)
        beside = sites[:, ::-1]
        by_sites = [lean[sites, which].reshape(4, *lean.shape[2:]) for which in (beside, 3 - sites - beside)]
        table, clips = np.concatenate(by_sites), by_site(cfa, clip)

        def part(top: int, left: int) -> tuple[Any, ...]:
            rows, columns = (
                min(at // SPAN_PX, size - 1) for at, size in zip((top, left), table.shape[1:], strict=True)
            )
            return clips, np.ascontiguousarray(table[:, rows:, columns:]), *bayer_phase(cfa)

        return Plan(highlights.kernel, part(0, 0), facts, filled_in(seen, clip, lean, spacing), part=part)

    def colors(self, scene: Scene) -> Scene:
        """A scene that never was a mosaic of ours, as a linear DNG's, filled in likewise."""
        facts = scene.facts
        if facts.sensor.cfa or facts.balance is None or facts.display_referred:
            return scene
        to_scene = scene_matrix(facts)
        light = matrix(scene.pixels, np.linalg.inv(to_scene).astype(np.float32))
        spacing = overview_spacing(*light.shape[1:])
        seen = light[:, ::spacing, ::spacing]
        clip = self._levels(facts, seen)
        filled = filled_in(light, clip, leaning(seen, clip, spacing), spacing_px=1)
        places = (filled != light).any(0)
        if not places.any():
            return scene
        pixels = scene.pixels.copy()
        pixels[:, places] = to_scene.astype(np.float32) @ filled[:, places]
        return replace(scene, pixels=pixels, overview=None)

    def _levels(self, facts: Facts, seen: Pixels) -> tuple[float, float, float]:
        """From where on R, G and B of balanced light are taken for clipped."""
        assert facts.balance is not None
        noise = noise_of(facts)
        red, green, blue = clipping_level(sampled(seen), facts.balance, noise.scale, noise.offset)
        return self.clip * red, self.clip * green, self.clip * blue


@record(frozen=True, slots=True)
class Shade(Planned):
    """Even out the falloff and the colour cast of the lens: `amount` of what its passport or the file's gain maps say.

    `vignetting` and `color` say how much of a passport's two parts; where it has one, the file's maps are left alone.
    """

    amount: float = taste(1.0, 0.0, 1.0, 0.05)
    vignetting: float = taste(1.0, 0.0, 1.0, 0.05)
    color: float = taste(1.0, 0.0, 1.0, 0.05)

    def plan(self, facts: Facts, seen: Pixels, shape: tuple[int, ...]) -> Plan:
        """The kernel takes a map of gains by site and where it lies; where nothing is to be evened out they are 1.

        Maps of one grid are joined; where a file has several grids, the others are sampled at the finest one's points.
        """
        found = None if self.amount == 0.0 else self._by_passport(facts, shape) or self._by_maps(facts, shape)
        if found is None:
            return Plan(None, (np.ones((4, 1, 1), np.float32), np.zeros(4, np.float32), 1, 1), facts, seen)
        table, place = found
        by_color = colors_of(table, *bayer_phase(facts.sensor.cfa)) if facts.sensor.cfa else table[:3]
        spacing = overview_spacing(shape[-2], shape[-1])
        rows = np.arange(seen.shape[1]) * spacing * place[2] + place[3]
        columns = np.arange(seen.shape[2]) * spacing * place[0] + place[1]
        lifting = np.stack([_between(plane, rows, columns) for plane in by_color])
        lifted, shading = seen * lifting, lifting.mean(0).astype(np.float32)
        left_over = replace(facts.opcodes, list2=b"")
        scale_x, shift_x, scale_y, shift_y = place

        def part(top: int, left: int) -> tuple[Any, ...]:
            lies = np.array((scale_x, shift_x + left * scale_x, scale_y, shift_y + top * scale_y), np.float32)
            return table, lies, table.shape[2], table.shape[1]

        facts = without(replace(facts, opcodes=left_over), "vignetting", "color")
        return Plan(shade.kernel, part(0, 0), facts, lifted.astype(np.float32), shading, part)

    def _by_passport(self, facts: Facts, shape: tuple[int, ...]) -> tuple[Pixels, Lying] | None:
        """Gains by site, (4, v, h), and where they lie, None where the passport says nothing."""
        gains = shading_gains(facts, (shape[-2], shape[-1]), self.vignetting, self.color)
        if gains is None:
            return None
        gains = 1.0 + self.amount * (gains - 1.0)
        letters = [letter for row in facts.sensor.cfa for letter in row] or ["G"] * 4
        table = np.stack([gains["RGB".index(letter)] for letter in letters])
        _, points_v, points_h = table.shape
        scale_v, scale_h = (points_v - 1) / max(shape[-2] - 1, 1), (points_h - 1) / max(shape[-1] - 1, 1)
        return table.astype(np.float32), (scale_h, 0.0, scale_v, 0.0)

    def _by_maps(self, facts: Facts, shape: tuple[int, ...]) -> tuple[Pixels, Lying] | None:
        """Gains by site, (4, v, h), and where they lie, None where the file has no gain maps and brings no falloff."""
        maps = [op.record for op in parse(facts.opcodes.list2) if isinstance(op.record, GainMap)]
        if maps and (maps[0].area.bottom, maps[0].area.right) > shape:
            maps = []
        falloff = _falloff(facts, shape) if self.vignetting else None
        if falloff is not None:
            points, step, origin = falloff.shape, tuple(1.0 / (size - 1) for size in falloff.shape), (0.0, 0.0)
        elif maps:
            finest = max(maps, key=lambda m: m.points_v * m.points_h)
            points, origin = (finest.points_v, finest.points_h), (finest.origin_v, finest.origin_h)
            step = finest.spacing_v, finest.spacing_h
        else:
            return None
        down, along = (first + np.arange(count) * each for first, count, each in zip(origin, points, step, strict=True))
        gains = np.ones((2, 2, *points), np.float32)
        if falloff is not None:
            gains *= (1.0 + self.amount * self.vignetting * (falloff - 1.0)).astype(np.float32)
        for m in maps:
            sites = slice(m.area.top % 2, 2, m.area.row_pitch), slice(m.area.left % 2, 2, m.area.column_pitch)
            gains[sites] *= 1.0 + self.amount * (_sampled(m, down, along) - 1.0)
        return gains.reshape(4, *points), (*_along(shape[1], step[1], origin[1]), *_along(shape[0], step[0], origin[0]))


def _falloff(facts: Facts, shape: tuple[int, ...]) -> Places | None:
    """The gains that a file brings along against falloff, at points from border to border; None where it has none."""
    if not facts.opcodes.list3:
        return None
    from anylens.darkroom.brought import gains_brought
    from anylens.lens.correction import GAIN_POINTS

    down, along = (np.linspace(0.0, 1.0, count) for count in GAIN_POINTS)
    return gains_brought(facts.opcodes.list3, down, along, (shape[-2], shape[-1]))


def _sampled(m: GainMap, down: Places, along: Places) -> Places:
    """The first plane of a gain map at relative places, bilinear, its edge going on beyond it."""
    table = np.array(m.gains, np.float32).reshape(m.points_v, m.points_h, m.map_planes)[..., 0]
    step_v, step_h = (step if step > 0 else 1.0 for step in (m.spacing_v, m.spacing_h))
    return _between(table, (down - m.origin_v) / step_v, (along - m.origin_h) / step_h)


def _between(table: Places, rows: Places, columns: Places) -> Places:
    """A table at fractional rows and columns, bilinear, its edge going on beyond it.

    Columns are picked from the few rows of the table, not from the many that it is spread over.
    """
    for axis, places in ((1, columns), (0, rows)):
        held = np.clip(places, 0, table.shape[axis] - 1)
        first = np.clip(held.astype(np.int64), 0, max(table.shape[axis] - 2, 0))
        after = np.minimum(first + 1, table.shape[axis] - 1)
        part = (held - first).astype(table.dtype).reshape([-1 if k == axis else 1 for k in range(2)])
        table = table.take(first, axis) * (1 - part) + table.take(after, axis) * part
    return table


def _along(size: int, spacing: float, origin: float) -> tuple[float, float]:
    """Scale and shift from a pixel's index to its place in a gain map (DNG 1.7: pixel centres, 0 to 1)."""
    step = spacing if spacing > 0 else 1.0
    return 1.0 / (size * step), (0.5 / size - origin) / step


def _three(values: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = np.broadcast_to(values, 3)
    return float(red), float(green), float(blue)
