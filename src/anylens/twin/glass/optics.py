"""The two kinds of lens, traced and ideal: rays from points of the scene to the plane of the sensor.

All places and directions that leave this file are in the axes of the picture: x right, y down, z from the scene to the
sensor, the picture upright.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from anylens.twin.glass.paraxial import Cardinal, cardinal
from anylens.twin.glass.prescription import Prescription, Surface
from anylens.twin.glass.tracing import Rays, trace

Floats = npt.NDArray[np.floating[Any]]

GREEN_NM = 546.074
SURFACE_LOSS = 0.005


class Optic(Protocol):
    """A lens at one focus; `back_mm` is from its last vertex (or its thin plane) to the sensor."""

    @property
    def back_mm(self) -> float: ...
    @property
    def length_mm(self) -> float:
        """From the entrance pupil to the sensor."""
        ...

    @property
    def scale_mm(self) -> float:
        """Image height over the tangent of the field angle, for small angles."""
        ...

    @property
    def pupil_mm(self) -> float:
        """Half the diameter of the entrance pupil."""
        ...

    @property
    def transmission(self) -> float: ...

    def send(self, tangents: Floats, object_mm: float, pupil: Floats, wavelength_nm: npt.ArrayLike) -> Rays:
        """Rays to the sensor's plane at z = 0 from points seen at `tangents` (..., 2) of the field angle.

        `object_mm` is how far before the entrance pupil the points lie, inf allowed; `pupil` (..., 2) is where the
        rays cross its plane; both broadcast with the wavelength.
        """
        ...

    def chief(self, tangents: Floats, object_mm: float, wavelength_nm: npt.ArrayLike) -> Floats:
        """(..., 2): where the rays through the middle of the stop cross the plane of the entrance pupil."""
        ...


@dataclass(frozen=True)
class Design:
    """A prescription with its groups and its stop set."""

    surfaces: tuple[Surface, ...]
    stop_mm: float
    back_mm: float

    @cached_property
    def cardinal(self) -> Cardinal:
        return cardinal(self.surfaces, GREEN_NM)

    @cached_property
    def track_mm(self) -> float:
        """From the first vertex to the last."""
        return sum(surface.thickness_mm for surface in self.surfaces[:-1])

    @property
    def length_mm(self) -> float:
        return self.track_mm + self.back_mm - self.cardinal.entrance

    @property
    def scale_mm(self) -> float:
        return (self.back_mm - self.cardinal.exit) * self.cardinal.turn

    @property
    def pupil_mm(self) -> float:
        return abs(self.stop_mm * self.cardinal.entrance_size)

    @property
    def transmission(self) -> float:
        """Coated surfaces, each taken to lose half a per cent where glass meets air; the glass itself is clear."""
        media = [None, *(surface.glass for surface in self.surfaces)]
        meets = sum((a is None) != (b is None) for a, b in pairwise(media))
        return float((1.0 - SURFACE_LOSS) ** meets)

    @cached_property
    def clear(self) -> Floats:
        """Clear half diameters, the stop's as it is set."""
        return np.array([self.stop_mm if each.stop else each.semi_diameter_mm for each in self.surfaces])

    def closed(self, stops: float) -> Design:
        """The same with its stop closed by so many whole stops."""
        return replace(self, stop_mm=self.stop_mm * 2.0 ** (-0.5 * stops))

    def moved(self, back_mm: float) -> Design:
        return replace(self, back_mm=back_mm)

    def _start(self, tangents: Floats, object_mm: float, pupil: Floats, wavelength_nm: npt.ArrayLike) -> Rays:
        tx, ty, px, py = np.broadcast_arrays(
            tangents[..., 0], tangents[..., 1], pupil[..., 0], pupil[..., 1], np.asarray(wavelength_nm)
        )[:4]
        # A point at the right sends light to the left: the ray goes from (tx, ty) * object_mm before the pupil.
        if math.isinf(object_mm):
            dx, dy, dz = -tx, -ty, np.ones_like(tx)
        else:
            dx, dy, dz = px / object_mm - tx, py / object_mm - ty, np.ones_like(tx)
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        l, m, n = dx / length, dy / length, dz / length
        # The way so far against that of the ray through the pupil's middle, without the difference of two long ways.
        if math.isinf(object_mm):
            path = l * px + m * py
        else:
            middle = np.sqrt(tx * tx + ty * ty + 1.0)
            path = (px * (px / object_mm - 2.0 * tx) + py * (py / object_mm - 2.0 * ty)) / (length + middle)
        z = np.full_like(n, self.cardinal.entrance)
        return Rays(x=px, y=py, z=z, l=l, m=m, n=n, path=path, margin=np.ones_like(n))

    def send(self, tangents: Floats, object_mm: float, pupil: Floats, wavelength_nm: npt.ArrayLike) -> Rays:
        rays = trace(self.surfaces, self._start(tangents, object_mm, pupil, wavelength_nm), wavelength_nm, self.clear)
        with np.errstate(invalid="ignore"):
            way = (self.track_mm + self.back_mm - rays.z) / rays.n
            return Rays(
                x=-(rays.x + way * rays.l),
                y=-(rays.y + way * rays.m),
                z=np.zeros_like(rays.z),
                l=-rays.l,
                m=-rays.m,
                n=rays.n,
                path=rays.path + way,
                margin=rays.margin,
            )

    def chief(self, tangents: Floats, object_mm: float, wavelength_nm: npt.ArrayLike) -> Floats:
        stop = next(at for at, surface in enumerate(self.surfaces) if surface.stop)
        front = self.surfaces[: stop + 1]
        shape = np.broadcast_shapes(tangents.shape[:-1], np.shape(wavelength_nm))
        pupil = np.zeros((*shape, 2))
        size = self.cardinal.entrance_size
        for _ in range(40):
            rays = trace(
                front, self._start(tangents, object_mm, pupil, wavelength_nm), wavelength_nm, self.clear[: stop + 1]
            )
            miss = np.stack([rays.x, rays.y], axis=-1) * size
            pupil = pupil - miss
            if not np.any(np.abs(miss) > 1e-11):
                break
        return pupil


@dataclass(frozen=True)
class Thin:
    """A lens of no thickness and no aberration: all light of a point meets in its image."""

    focal: float
    pupil_mm: float
    back_mm: float
    transmission: float = 1.0

    @property
    def length_mm(self) -> float:
        return self.back_mm

    @property
    def scale_mm(self) -> float:
        return self.back_mm

    def moved(self, back_mm: float) -> Thin:
        return replace(self, back_mm=back_mm)

    def send(self, tangents: Floats, object_mm: float, pupil: Floats, wavelength_nm: npt.ArrayLike) -> Rays:
        tx, ty, px, py = np.broadcast_arrays(
            tangents[..., 0], tangents[..., 1], -pupil[..., 0], -pupil[..., 1], np.asarray(wavelength_nm)
        )[:4]
        vergence = 1.0 / self.focal - 1.0 / object_mm  # of the light behind the lens, 1/mm
        sx, sy = tx - px * vergence, ty - py * vergence
        length = np.sqrt(sx * sx + sy * sy + 1.0)
        # All ways to the image are alike; what a ray has gone at the sensor is less by what is left.
        middle = np.sqrt(tx * tx + ty * ty + 1.0)
        gain = (px * (px * vergence - 2.0 * tx) + py * (py * vergence - 2.0 * ty)) / (length + middle)
        path = self.back_mm * length - gain
        return Rays(
            x=px + sx * self.back_mm,
            y=py + sy * self.back_mm,
            z=np.zeros_like(tx),
            l=sx / length,
            m=sy / length,
            n=1.0 / length,
            path=path,
            margin=1.0 - (px * px + py * py) / self.pupil_mm**2,
        )

    def chief(self, tangents: Floats, object_mm: float, wavelength_nm: npt.ArrayLike) -> Floats:  # noqa: ARG002
        return np.zeros((*np.broadcast_shapes(tangents.shape[:-1], np.shape(wavelength_nm)), 2))


def design(made: Prescription, f_number: float, object_mm: float, back_mm: float | None = None) -> Design:
    """A prescription with its stop at an f-number and its groups where they stand for `object_mm` before its vertex.

    Groups move evenly in 1 / distance from infinity to the printed close state; the stop is set for infinity.
    """
    stop = _stop_mm(made, f_number)
    surfaces = made.surfaces
    if made.floats and made.close is not None:
        share = made.close.object_distance_mm / object_mm
        moves = dict(made.close.spacings)
        surfaces = tuple(
            replace(each, thickness_mm=each.thickness_mm + share * (moves[number] - each.thickness_mm))
            if number in moves and number < len(surfaces)
            else each
            for number, each in enumerate(surfaces, 1)
        )
    found = Design(surfaces, stop, surfaces[-1].thickness_mm)
    return found.moved(found.cardinal.image(object_mm) if back_mm is None else back_mm)


def _stop_mm(made: Prescription, f_number: float) -> float:
    """The stop's half diameter: the ray at half of focal length / f-number passes its edge."""
    whole = made.surfaces[made.stop].semi_diameter_mm
    if f_number <= made.f_number:
        return whole
    wide = Design(made.surfaces, whole, made.surfaces[-1].thickness_mm)
    stop = made.stop
    focal = wide.cardinal.focal
    pupil = np.array([[0.5 * focal / f_number, 0.0]])
    start = wide._start(np.zeros((1, 2)), math.inf, pupil, GREEN_NM)  # noqa: SLF001
    rays = trace(made.surfaces[: stop + 1], start, GREEN_NM, wide.clear[: stop + 1])
    return float(abs(rays.x[0]))


def lit_edge(
    optic: Optic, tangents: Floats, object_mm: float, wavelengths_nm: Floats, poles: Floats, angles: Floats
) -> Floats:
    """(places, wavelengths, angles): how far from `poles` (places, wavelengths, 2) the entrance pupil is lit.

    Seen from a lit pole the edge is where a ray first meets the rim of a surface, found to 1e-6 of the pupil (false
    position, Dowell and Jarratt 1971). The pupil aberration and the cat's eye of vignetting are in it.
    """
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    trial = np.linspace(0.0, 1.7, 18)[1:, None, None, None] * optic.pupil_mm
    colors = len(wavelengths_nm)

    def margin(radius: Floats, part: slice = slice(None)) -> Floats:
        pupil = poles[:, part, None] + radius[..., None] * ways
        return optic.send(tangents[:, None, None], object_mm, pupil, wavelengths_nm[part, None]).margin

    # One colour says between which trials the edge lies; that of another is less than a trial away.
    tried = np.broadcast_to(trial, (len(trial), len(poles), 1, len(angles)))
    lit = margin(tried, slice(colors // 2, colors // 2 + 1)) > 0.0
    first = np.where(lit.all(axis=0), len(trial) - 1, np.argmin(lit, axis=0))
    high = np.repeat(trial[first, 0, 0, 0] + trial[0], colors, axis=1)
    low = np.maximum(high - 3.0 * trial[0], 0.0)
    inner, outer = np.maximum(margin(low), 1e-3), np.minimum(margin(high), -1e-3)
    at, was_lit = low, np.full(low.shape, -1)
    for _ in range(40):
        last, at = at, low + (high - low) * inner / (inner - outer)
        seen = margin(at)
        inside = seen > 0.0
        # The end that stays a second time counts half.
        inner = np.where(inside, seen, np.where(was_lit == 0, 0.5 * inner, inner))
        outer = np.where(inside, np.where(was_lit == 1, 0.5 * outer, outer), seen)
        low, high = np.where(inside, at, low), np.where(inside, high, at)
        was_lit = inside.astype(int)
        if np.all(np.abs(at - last) < 1e-6 * optic.pupil_mm):
            break
    return np.asarray(at)
