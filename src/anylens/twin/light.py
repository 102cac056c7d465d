"""The light behind the lens: photo-electrons per second in every pixel through R, G and B, and the truth beside it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal
from anylens.twin import glass as optics
from anylens.twin import keeping, spectra
from anylens.twin.blur import Grid
from anylens.twin.drawing import drawn
from anylens.twin.glass import Glass, Mounting
from anylens.twin.places import Net, crossings, net, origin
from anylens.twin.scenes import Field, Plane, Scene
from anylens.twin.spectra import Flicker, Source
from anylens.twin.spreading import SKIRT_PX, SPREAD_NM, Beam, Skirt, Spreads, spreads
from anylens.twin.truth import Truth

Array = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Path2 = Callable[[float], tuple[float, float]]

_ROWS, _BLOCK = 64, 16
"""Rows that one core works on at a time; the sides of squares that are dark or not."""


class Pixels(Protocol):
    """What light needs to know of the silicon; the electrons per photon are spectra.response() of all of it."""

    @property
    def width_px(self) -> int: ...
    @property
    def height_px(self) -> int: ...
    @property
    def pitch_um(self) -> float: ...


@dataclass(frozen=True, eq=False)
class Layer:
    """One plane of the scene as the lens draws it.

    `values` (3 or 4, h, w) float32: photo-electrons per second in one pixel through R, G and B, before gain and micro
    lenses, already multiplied by the cover, 0..1, which is the fourth; the farthest plane has none. They stand `times`
    pixels apart, the first in the middle of so many; of `sides` (H, W), margins included, `detail` values stand to a
    pixel along each side, the first where the pixel stands, each what a whole pixel there would gather. What lies
    behind shows through by 1 - cover. A `soft` one has no detail finer than four pixels. `path` says where the layer is
    at a time in s, (x_mm, y_mm) on the sensor; `distance_m` how far it is, None where the lens is focused.
    """

    values: Array
    times: int
    detail: int
    sides: tuple[int, int]
    path: Path2 | None = None
    distance_m: float | None = None
    soft: bool = False

    @cached_property
    def rates(self) -> Array:
        """(3, H, W): the rates on every pixel, or `detail` times as dense."""
        return self._all(slice(0, 3))

    @cached_property
    def cover(self) -> Array | None:
        """(H, W): the cover there, None for the farthest plane."""
        return self._all(slice(3, 4))[0] if len(self.values) > 3 else None

    def lit(self, x: Array, y: Array, spare: float) -> npt.NDArray[np.bool_]:
        """Whether there is light or cover within `spare` values of places among `sides`; more than 1e-5 of the most,
        which is more than what formed it errs by."""
        import cv2

        reach = 2 * math.ceil(spare / _BLOCK) + 1
        near = cv2.dilate(self._lit_blocks, np.ones((reach, reach), np.uint8))
        # What is lit at a border is seen beyond it too.
        rows, columns = (
            np.clip(at * np.float32(1.0 / _BLOCK), 0, side - 1).astype(np.intp)
            for at, side in zip((y, x), near.shape, strict=True)
        )
        return np.asarray(near[rows, columns] > 0)

    @cached_property
    def _lit_blocks(self) -> npt.NDArray[np.uint8]:
        """Whether anything is lit in squares of 16 of `sides`, or as near as a cubic reaches."""
        import cv2

        least = 1e-5 * self.values.max(axis=(1, 2), keepdims=True)
        lit = (self.values > least).any(axis=0).astype(np.uint8)
        if lit.shape != self.sides:
            step = self.detail * self.times
            lit = cv2.resize(cv2.dilate(lit, np.ones((5, 5), np.uint8)), None, None, step, step, cv2.INTER_NEAREST)
        height, width = (side + -side % _BLOCK for side in self.sides)
        whole = np.zeros((height, width), np.uint8)
        whole[: self.sides[0], : self.sides[1]] = lit[: self.sides[0], : self.sides[1]]
        blocks = whole.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
        return np.asarray(blocks.max(axis=(1, 3)))

    def seen(self, channel: int, rows: slice, columns: slice) -> Array:
        """Some rows and columns of the `rates` of R, G or B, or of the `cover` (3), without making all of them."""
        import cv2

        values = self.values[channel]
        if values.shape == self.sides:
            return np.asarray(values[rows, columns])
        spans = [range(*part.indices(side)) for part, side in zip((rows, columns), self.sides, strict=True)]
        if self.detail == 1 and all(span.step == 1 and len(span) for span in spans):
            # Neighbours count as a resized picture counts them: all of what they tell, then what is asked.
            near = [slice(max(span.start // self.times - 2, 0), -(-span.stop // self.times) + 2) for span in spans]
            part = values[near[0], near[1]]
            dense = cv2.resize(part, None, None, self.times, self.times, cv2.INTER_CUBIC)
            above, before = (span.start - each.start * self.times for span, each in zip(spans, near, strict=True))
            dense = dense[above : above + len(spans[0]), before : before + len(spans[1])]
            return np.asarray(np.clip(dense, 0.0, 1.0 if channel == 3 else None), np.float32)
        count = tuple(len(span) for span in spans)
        # A wide blur is formed with one value to so many pixels: between them it is smooth.
        ways = [
            [(part.step or 1) / (self.detail * self.times), (part.start or 0) / (self.detail * self.times)]
            for part in (columns, rows)
        ]
        first = 0.5 * (self.times - 1) / self.times
        (across, left), (down, top) = ways
        matrix = np.array([[across, 0.0, left - first], [0.0, down, top - first]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        drawn = cv2.warpAffine(values, matrix, count[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(np.clip(drawn, 0.0, 1.0 if channel == 3 else None), np.float32)

    def _all(self, channels: slice) -> Array:
        if self.values.shape[1:] == self.sides:
            return self.values[channels]
        numbers = range(*channels.indices(len(self.values)))
        made = np.empty((len(numbers), *self.sides), np.float32)

        def part(top: int) -> None:
            rows = slice(top, min(top + _ROWS, self.sides[0]))
            for channel, out in zip(numbers, made, strict=True):
                out[rows] = self.seen(channel, rows, slice(0, self.sides[1]))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(part, range(0, self.sides[0], _ROWS)))
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """What falls on a sensor: layers from back to front, `margin_px` more on each side than there are `pixels`.

    `chief_rays` is a net of the angle in degrees at which the light of a place (..., 2) in mm arrives; `flicker` is
    None for a steady light; `truth` is what a perfect lens on a noiseless sensor would have seen.
    """

    layers: tuple[Layer, ...]
    pixels: tuple[int, int]
    margin_px: int
    pitch_um: float
    chief_rays: Net
    flicker: Flicker | None
    source: Source
    truth: Truth

    def chief_ray_deg(self, places_mm: npt.ArrayLike) -> Floats:
        """(...): the angle at which light arrives at places (..., 2)."""
        return np.asarray(self.chief_rays(places_mm)[0])


def _around(fields: Iterable[Field]) -> Field:
    """The field, about the same middle, that all of these are parts of."""
    parts = list(fields)
    width_mm, height_mm = (max(getattr(each, side) for each in parts) for side in ("width_mm", "height_mm"))
    return replace(parts[0], width_mm=width_mm, height_mm=height_mm)


def _file_facts(made: Scene) -> bytes:
    """Which version of its photograph a scene shows."""
    name = getattr(made, "photo", None)
    if not name:
        return b""
    facts = Path(name).resolve().stat()
    return repr((str(Path(name).resolve()), facts.st_size, facts.st_mtime_ns)).encode()


@dataclass(frozen=True, slots=True, eq=False)
class Formation:
    """All that planes have in common on their way through one lens onto one sensor.

    Light is formed with a margin of `margin_px` on each side. `fine` samples a pixel along each side carry a scene's
    detail up to `fine` / 2 cycles a pixel; with `detail` 2, two values to a pixel along each side, a moved frame
    aliases as a real one does, for four times the memory. What is `kept` stands on disk (XDG cache folder, bounded) for
    the next time. Raises Refusal for settings that cannot be and a sensor larger than the image circle.
    """

    glass: Glass
    mounting: Mounting
    sensor: Pixels
    source: Source
    margin_px: int = 64
    fine: int = 2
    detail: int = 1
    kept: bool = False

    def __post_init__(self) -> None:
        sensor = self.sensor
        if self.detail < 1 or self.fine % self.detail:
            raise Refusal(f"Light of {self.detail} values a pixel cannot come from {self.fine} samples; give 1 or 2.")
        sizes = sensor.width_px > 0 and sensor.height_px > 0 and sensor.pitch_um > 0.0
        if not (sizes and self.margin_px >= 0 and 1 <= self.fine <= 4):
            raise Refusal("A sensor has pixels, a pitch above 0, a margin of 0 or more, and 1 to 4 samples to a pixel.")
        optics.refuse_beyond(self.glass, math.hypot(self.field.width_mm, self.field.height_mm))

    def light(self, made: Scene, seed: int = 0, subject_m: float | None = None) -> Light:
        """The light of a scene; `subject_m` is how far those of its planes stand that have no distance of their own,
        None for where the lens is focused."""
        sensor, source = self.sensor, self.source
        planes = self.planes(made, seed, subject_m)
        said = self.said(), made, seed, subject_m, self.detail, _file_facts(made)
        with ThreadPoolExecutor(1) as pool:
            finding = pool.submit(self.ways)
            name = keeping.name(*said) if self.kept else None
            arrays = keeping.remembered(name, lambda: self.layers(planes, finding))
        ways = finding.result()
        width, height = sensor.width_px, sensor.height_px
        sides = ((height + 2 * self.margin_px) * self.detail, (width + 2 * self.margin_px) * self.detail)
        return Light(
            layers=tuple(
                Layer(arrays[f"{at}"], int(times), self.detail, sides, plane.path, plane.distance_m, bool(soft))
                for at, (plane, (times, soft)) in enumerate(zip(planes, arrays["drawn"], strict=True))
            ),
            pixels=(width, height),
            margin_px=self.margin_px,
            pitch_um=sensor.pitch_um,
            chief_rays=ways["chief_rays"],
            flicker=getattr(made, "flicker", None) or source.flicker,
            source=source,
            truth=Truth(planes, source, made.lux, (width, height), sensor.pitch_um, ways["origin"], ways["places"]),
        )

    def planes(self, made: Scene, seed: int, subject_m: float | None) -> tuple[Plane, ...]:
        """A scene's planes, the farthest first, as near ones hide far ones; Refusal where one would hide another."""
        planes = made.planes(self.field, self.source, seed)
        if subject_m is not None:
            planes = tuple(replace(each, distance_m=subject_m) if each.distance_m is None else each for each in planes)
        planes = tuple(sorted(planes, key=self.away_m, reverse=True))
        for hiding in planes[1:]:
            if hiding.cover is None:
                raise Refusal(
                    f"What fills the picture {self.away_m(hiding):g} m away would hide what stands "
                    f"{self.away_m(planes[0]):g} m away; focus or put the subject nearer, or give the scene more room."
                )
        return planes

    @property
    def field(self) -> Field:
        """What a scene has to fill."""
        mm = self.sensor.pitch_um * 1e-3
        sides_mm = self.sensor.width_px * mm, self.sensor.height_px * mm
        return Field(*sides_mm, self.sensor.pitch_um, self.glass.scale_mm)

    def said(self) -> tuple[object, ...]:
        """Everything that the way through the lens depends on."""
        silicon = (self.sensor.width_px, self.sensor.height_px, self.sensor.pitch_um)
        return repr(self.glass), self.mounting, silicon, self.source.name, self.margin_px, self.fine

    def ways(self) -> dict[str, Net]:
        """Nets over the sensor: `origin` and `places` back and forth, `illumination` by channel, `chief_rays`."""
        name = keeping.name("ways", *self.said()) if self.kept else None
        arrays = keeping.remembered(name, lambda: self._ways().items())
        x_mm, y_mm = (np.asarray(arrays[each], np.float64) for each in ("x_mm", "y_mm"))
        return {each: Net(x_mm, y_mm, values) for each, values in arrays.items() if values.ndim == 3}

    def _ways(self) -> dict[str, npt.NDArray[Any]]:
        shares = self.shares()
        margin_mm = 2e-3 * (self.margin_px + 40) * self.sensor.pitch_um
        x_mm, y_mm = net(self.field.width_mm + margin_mm, self.field.height_mm + margin_mm, 33)
        knots = crossings(x_mm, y_mm)
        moved = np.stack([self.observed(share, knots) - knots for share in shares])
        return {
            "x_mm": x_mm,
            "y_mm": y_mm,
            "origin": origin(lambda channel, ideal: self.observed(shares[channel], ideal), x_mm, y_mm).values,
            "places": np.moveaxis(moved, -1, 1).reshape(6, len(y_mm), len(x_mm)),
            "illumination": np.stack([self.glass.illumination(knots, float(share @ SPREAD_NM)) for share in shares]),
            "chief_rays": np.asarray(self.glass.chief_ray_deg(knots), np.float64)[None],
        }

    def spreads(self, distance_m: float, lit: Field | None = None) -> Spreads:
        """How the lens spreads points at a distance, of the whole field or of what is `lit` about its middle."""
        lit = lit or self.field
        name = keeping.name("spreads", *self.said(), distance_m, lit) if self.kept else None

        def make() -> Iterator[tuple[str, npt.NDArray[Any]]]:
            beam = Beam(self.glass, distance_m, self.shares())
            made = spreads(beam, self.mounting, self.field, lit, self.fine)
            yield "x_mm", made.moved.x_mm
            yield "y_mm", made.moved.y_mm
            yield "moved", made.moved.values
            yield "kernels", made.kernels
            yield "samples", np.array([made.fine, made.times, made.smooth])
            if made.skirt is not None:
                net = made.skirt.share
                yield from zip(("far_x_mm", "far_y_mm", "far_share"), (net.x_mm, net.y_mm, net.values), strict=True)
                yield "far_kernels", made.skirt.blur.kernels

        arrays = keeping.remembered(name, make)
        fine, times, smooth = (int(each) for each in arrays["samples"])
        skirt = None
        if "far_share" in arrays:
            x_mm, y_mm, share = arrays["far_x_mm"], arrays["far_y_mm"], arrays["far_share"]
            still = Net(x_mm, y_mm, np.zeros((6, len(y_mm), len(x_mm))))
            skirt = Skirt(Net(x_mm, y_mm, share), Spreads(arrays["far_kernels"], still, 1, SKIRT_PX))
        moved = Net(arrays["x_mm"], arrays["y_mm"], arrays["moved"])
        return Spreads(arrays["kernels"], moved, fine, times, skirt, bool(smooth))

    def layers(self, planes: tuple[Plane, ...], ways: Future[dict[str, Net]]) -> Iterator[tuple[str, Array]]:
        """The values of all planes by number, one by one, then of each how it is `drawn`: the pixels between values,
        and whether it is soft; the next blurs are found meanwhile.

        Two at once: none of them alone keeps two cores busy.
        """
        with ThreadPoolExecutor(2) as pool:
            away, lit = [self.away_m(plane) for plane in planes], [self.lit(plane) for plane in planes]
            widest = {each: _around(lit[at] for at, other in enumerate(away) if other == each) for each in away}
            blurs = {each: pool.submit(self.spreads, each, lit) for each, lit in widest.items()}
            for at, (plane, each) in enumerate(zip(planes, away, strict=True)):
                yield f"{at}", self.layer(plane, blurs[each].result(), ways.result())
            found = [blurs[each].result() for each in away]
            yield "drawn", np.array([(each.times, each.smooth or each.times > 1) for each in found])

    def away_m(self, plane: Plane) -> float:
        """How far a plane is from the sensor."""
        return self.mounting.distance_m if plane.distance_m is None else plane.distance_m

    def lit(self, plane: Plane) -> Field:
        """The part of the field, about its middle, within which a plane may have light."""
        if plane.box is None:
            return self.field
        left, top, right, bottom = plane.box
        width, height = 2.0 * max(-left, right), 2.0 * max(-top, bottom)
        return replace(
            self.field, width_mm=min(width, self.field.width_mm), height_mm=min(height, self.field.height_mm)
        )

    def grid(self, times: int = 1) -> Grid:
        """The pixels of the light, margin included, so many of them along each side as one."""
        width, height = (count + 2 * self.margin_px for count in (self.sensor.width_px, self.sensor.height_px))
        pitch = self.sensor.pitch_um * 1e-3
        left, top = (-0.5 * (side - times) * pitch for side in (width, height))
        return Grid(-(-width // times), -(-height // times), left, top, pitch * times, self.fine)

    def shares(self) -> Floats:
        """(3, L): which part of a channel's electrons each of the wavelengths that are traced stands for.

        Of a grey surface under this light; wavelengths in between count for both neighbours, less than 1 % is left.
        """
        weights = spectra.response() * (self.source.power * spectra.photons_per_joule())
        knots = np.asarray(SPREAD_NM)
        hats = np.stack([np.interp(spectra.WAVELENGTH_NM, knots, row) for row in np.eye(len(knots))])
        shares = weights @ hats.T
        shares /= shares.sum(1, keepdims=True)
        shares[shares < 0.01] = 0.0
        return np.asarray(shares / shares.sum(1, keepdims=True))

    def observed(self, share: Floats, ideal_mm: Floats) -> Floats:
        """Where a channel sees ideal places: the mean over its wavelengths."""
        there = [
            part * np.asarray(self.glass.observed(ideal_mm, nm), np.float64)
            for part, nm in zip(share, SPREAD_NM, strict=True)
            if part
        ]
        return np.asarray(sum(there))

    def electrons(self, radiance: Floats) -> Floats:
        """(P, 3): electrons per second in one pixel on the axis from spectral radiances (P, 33)."""
        area_m2 = (self.sensor.pitch_um * 1e-6) ** 2
        per_watt = spectra.response() * spectra.photons_per_joule() * (spectra.STEP_NM * area_m2)
        return np.asarray(radiance @ per_watt.T * self.glass.axial_irradiance())

    def layer(self, plane: Plane, blur: Spreads, ways: dict[str, Net]) -> Array:
        """(3 or 4, h, w): a plane's rates and cover, one value to `blur.times` pixels (see `Layer`)."""
        grid = replace(self.grid(blur.times), fine=blur.fine)
        colors = self.electrons(plane.radiance).astype(np.float32)
        ground = colors[0] if plane.cover is None else np.zeros(3, np.float32)
        made = drawn(plane, grid, blur, ways["origin"], colors - ground, self.detail)
        rates, dense = made[:3], made.shape[2] // grid.width
        part = grid.pitch_mm / dense
        if plane.points is not None:
            shares, ideal = self.shares(), plane.points.places_mm
            places = np.stack([self.observed(share, ideal) for share in shares], axis=1)
            flux = self._flux(plane) / blur.times**2
            for down in range(dense):
                for right in range(dense):
                    there = replace(grid, left_mm=grid.left_mm + right * part, top_mm=grid.top_mm + down * part)
                    blur.add_points(rates[:, down::dense, right::dense], places, flux, there)
        x = grid.left_mm + np.arange(rates.shape[2], dtype=np.float64) * part
        y = grid.top_mm + np.arange(rates.shape[1], dtype=np.float64) * part
        skirt, far = blur.skirt, None
        if skirt is not None:
            far = Layer(self._far(plane, skirt, ways["origin"], colors - ground), SKIRT_PX, dense, rates.shape[1:])

        def finished(top: int) -> None:
            rows = slice(top, min(top + _ROWS, len(y)))
            part = rates[:, rows]
            if skirt is not None and far is not None:
                _mix(part, far, rows, skirt.share.at(x, y[rows])[0])
            if not ground.any() and made[:, rows].min() == made[:, rows].max() == 0.0:
                return
            part += ground[:, None, None]
            np.maximum(part, 0.0, out=part)
            part *= ways["illumination"].at(x, y[rows])
            if plane.cover is not None:
                np.clip(made[3, rows], 0.0, 1.0, out=made[3, rows])

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(finished, range(0, len(y), _ROWS)))
        return made

    def _far(self, plane: Plane, skirt: Skirt, origin: Net, colors: Array) -> Array:
        """(3, h, w): what a plane's light would be if all of it landed as a skirt does, one value to `SKIRT_PX`
        pixels."""
        grid = replace(self.grid(SKIRT_PX), fine=1)
        far = drawn(plane, grid, skirt.blur, origin, colors)[:3]
        if plane.points is not None:
            places = np.stack([self.observed(share, plane.points.places_mm) for share in self.shares()], axis=1)
            skirt.blur.add_points(far, places, self._flux(plane) / SKIRT_PX**2, grid)
        return far

    def _flux(self, plane: Plane) -> Floats:
        """(n, 3): electrons per second of points, by what their light would give spread over one pixel."""
        assert plane.points is not None
        pixel_sr = (self.sensor.pitch_um * 1e-3 / self.glass.scale_mm) ** 2
        return self.electrons(plane.points.irradiance / pixel_sr)


def _mix(near: Array, far: Layer, rows: slice, share: Array) -> None:
    """Takes a `share` (h, w) of the light in some rows of a plane, `near` (3, h, w), and lays that of `far` there.

    Its cover stays as it is: what of the light behind passes beside it is not told by how that is drawn.
    """
    for channel, here in enumerate(near):
        there = far.seen(channel, rows, slice(0, near.shape[2]))
        there -= here
        there *= share
        here += there
