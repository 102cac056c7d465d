"""A lens before the sensor: where it draws things, how bright, how sharp."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.refusal import Refusal
from anylens.twin.glass.dispersion import index
from anylens.twin.glass.focusing import plate_wave
from anylens.twin.glass.front import Front, Rays, Rim, fit, solid_angle
from anylens.twin.glass.mounting import Mounting
from anylens.twin.glass.optics import GREEN_NM, Optic, lit_edge
from anylens.twin.glass.spots import spot, transfer
from anylens.twin.splines import steady

Floats = npt.NDArray[np.floating[Any]]

ANGLES = 64
RINGS = 12
FIELD_NODES = 24
DEGREES = ((12, 2), (20, 1))
"""Of a wave's polynomial, the higher where the lower leaves it rough, and at one angle in how many it is fitted: more
than two of them to an order, or one would pass for another between them."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """Rays on the sensor in its own axes: `at` (..., 2) mm, `to` (..., 2) direction cosines, `path` (...) and where
    they crossed the entrance pupil (..., 2). Path - to . at is W, the plate's share in it."""

    at: Floats
    to: Floats
    path: Floats
    pupil: Floats

    def about(self, place_mm: Floats) -> Arrival:
        """The same told from another place on the sensor, `path` being W now."""
        at = self.at - place_mm
        return Arrival(at, self.to, self.path - (self.to * at).sum(axis=-1), self.pupil)

    def around(self, mirror: bool) -> Arrival:
        """(places, wavelengths, rings, angles) as (places, wavelengths, rays), those of the upper half mirrored."""

        def both(half: Floats, sign: Floats) -> Floats:
            whole = np.concatenate([half, sign * half[:, :, :, -2:0:-1]], axis=3) if mirror else half
            return whole.reshape(*half.shape[:2], -1, *half.shape[4:])

        down = np.array([1.0, -1.0])
        return Arrival(both(self.at, down), both(self.to, down), both(self.path, np.ones(1)), both(self.pupil, down))


Beams = Callable[[int, Floats], Arrival]
"""(one angle in how many, rings (r,) from 0, the pole, to 1, the rim) -> (places, wavelengths, rings, angles), those
of half a turn where the rest mirrors them."""


@dataclass(frozen=True, eq=False)
class Mounted:
    """A lens before the sensor; keeps the face `Glass`."""

    name: str
    focal_mm: float
    f_number: float
    image_circle_mm: float
    optic: Optic
    mounting: Mounting
    _tables: dict[float, tuple[Floats, Floats]] = field(default_factory=dict, repr=False)

    @property
    def scale_mm(self) -> float:
        return self.optic.scale_mm

    @cached_property
    def _turn(self) -> Floats:
        """(3, 3): the sensor's axes as columns, in the axes of the lens."""
        right, down = (math.radians(each) for each in self.mounting.tilt_deg)
        about_y = np.array(
            [[math.cos(right), 0.0, math.sin(right)], [0.0, 1.0, 0.0], [-math.sin(right), 0.0, math.cos(right)]]
        )
        about_x = np.array(
            [[1.0, 0.0, 0.0], [0.0, math.cos(down), math.sin(down)], [0.0, -math.sin(down), math.cos(down)]]
        )
        return np.asarray(about_y @ about_x)

    @property
    def _square(self) -> bool:
        """Whether everything is alike all around the axis."""
        return self.mounting.tilt_deg == (0.0, 0.0)

    @property
    def _object_mm(self) -> float:
        """The distance in focus, from the entrance pupil."""
        return self._before_pupil(self.mounting.distance_m)

    def _before_pupil(self, distance_m: float) -> float:
        before = distance_m * 1000.0 - self.optic.length_mm
        if before <= 0.0:
            raise Refusal(
                f"a point {distance_m:g} m from the sensor lies inside the lens {self.name}; "
                f"give more than {self.optic.length_mm / 1000.0:.3f} m"
            )
        return before

    def _on_sensor(self, x: Floats, y: Floats, l: Floats, m: Floats, n: Floats) -> tuple[Floats, ...]:
        """(x, y, l, m, way): where rays at the square plane meet the sensor, in its own axes, before any plate."""
        dx, dy = self.mounting.decentre_mm
        if self._square:
            return x + dx, y + dy, l, m, np.zeros_like(x)
        normal = self._turn[:, 2]
        way = -((x + dx) * normal[0] + (y + dy) * normal[1]) / (l * normal[0] + m * normal[1] + n * normal[2])
        at = np.stack([x + dx + way * l, y + dy + way * m, way * n], axis=-1) @ self._turn
        to = np.stack([l, m, n], axis=-1) @ self._turn
        return at[..., 0], at[..., 1], to[..., 0], to[..., 1], way

    def _plate_shift(self, l: Floats, m: Floats, wavelength_nm: npt.ArrayLike) -> tuple[Floats, Floats]:
        """How far the plate moves rays on the sensor."""
        if not self.mounting.plate_mm:
            return np.zeros_like(l), np.zeros_like(m)
        bend = index("sapphire", wavelength_nm)
        squared = l * l + m * m
        less = self.mounting.plate_mm * (1.0 / np.sqrt(bend**2 - squared) - 1.0 / np.sqrt(1.0 - squared))
        return less * l, less * m

    def _table(self, wavelength_nm: float) -> tuple[Floats, Floats]:
        """Where chief rays land and their slope there, both over the ideal radius, as Chebyshev series in its square.

        The domain is 0 to the whole image circle's radius, or what of it the lens can draw.
        """
        if wavelength_nm not in self._tables:
            limit = self._limit_mm
            squared = 0.5 * limit**2 * (1.0 - np.cos(np.pi * (np.arange(FIELD_NODES) + 0.5) / FIELD_NODES))
            radius = np.sqrt(squared)
            tangents = np.stack([radius / self.scale_mm, np.zeros_like(radius)], axis=-1)
            pupil = self.optic.chief(tangents, self._object_mm, wavelength_nm)
            rays = self.optic.send(tangents, self._object_mm, pupil, wavelength_nm)
            basis = np.polynomial.chebyshev.chebvander(2.0 * squared / limit**2 - 1.0, FIELD_NODES - 9)
            found, *_ = np.linalg.lstsq(basis, np.stack([rays.x / radius, rays.l / rays.n / radius], -1), rcond=None)
            self._tables[wavelength_nm] = found[:, 0], found[:, 1]
        return self._tables[wavelength_nm]

    @cached_property
    def _limit_mm(self) -> float:
        """The largest ideal radius that is drawn: the image circle and a little, or where chief rays end."""
        radius = np.linspace(0.02, 1.0, 50) * 0.55 * self.image_circle_mm
        tangents = np.stack([radius / self.scale_mm, np.zeros_like(radius)], axis=-1)
        rays = self.optic.send(
            tangents, self._object_mm, self.optic.chief(tangents, self._object_mm, GREEN_NM), GREEN_NM
        )
        bad = ~np.isfinite(rays.x)
        return float(radius[np.argmax(bad) - 1] if bad.any() else radius[-1])

    def _chiefs(self, radius: Floats, wavelength_nm: float) -> tuple[Floats, Floats]:
        """Landing radius over ideal radius, and slope over ideal radius, at ideal radii; the rim's beyond it."""
        limit = self._limit_mm
        where = 2.0 * (np.minimum(radius, limit) / limit) ** 2 - 1.0
        height, slope = self._table(wavelength_nm)
        return np.polynomial.chebyshev.chebval(where, height), np.polynomial.chebyshev.chebval(where, slope)

    def observed(self, ideal_mm: npt.ArrayLike, wavelength_nm: float) -> Floats:
        """(..., 2): where the chief ray of each ideal place (..., 2) meets the sensor, mm."""
        ideal: Floats = np.asarray(ideal_mm, np.float64)
        height, slope = self._chiefs(np.hypot(ideal[..., 0], ideal[..., 1]), wavelength_nm)
        sx, sy = slope * ideal[..., 0], slope * ideal[..., 1]
        n = 1.0 / np.sqrt(1.0 + sx * sx + sy * sy)
        x, y, l, m, _ = self._on_sensor(height * ideal[..., 0], height * ideal[..., 1], sx * n, sy * n, n)
        dx, dy = self._plate_shift(l, m, wavelength_nm)
        return np.stack([x + dx, y + dy], axis=-1)

    def _ideal_radius(self, places_mm: npt.ArrayLike) -> Floats:
        """The ideal radius about the lens's axis of places on the sensor, tilt left aside."""
        places = np.asarray(places_mm, np.float64) - self.mounting.decentre_mm
        seen = np.hypot(places[..., 0], places[..., 1])
        radius: Floats = seen.copy()
        for _ in range(60):
            miss = seen - radius * self._chiefs(radius, GREEN_NM)[0]
            radius = radius + miss
            if not np.any(np.abs(miss) > 1e-9):
                break
        return np.asarray(radius)

    def chief_ray_deg(self, places_mm: npt.ArrayLike) -> Floats:
        """(...): the angle of the chief ray against the sensor's normal at places (..., 2) on the sensor."""
        places = np.asarray(places_mm, np.float64) - self.mounting.decentre_mm
        radius = self._ideal_radius(places_mm)
        slope = self._chiefs(radius, GREEN_NM)[1] * radius
        seen = np.maximum(np.hypot(places[..., 0], places[..., 1]), 1e-12)
        sx, sy = slope * places[..., 0] / seen, slope * places[..., 1] / seen
        normal = self._turn[:, 2]
        cosine = (sx * normal[0] + sy * normal[1] + normal[2]) / np.sqrt(1.0 + sx * sx + sy * sy)
        return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))

    def illumination(self, places_mm: npt.ArrayLike, wavelength_nm: float = GREEN_NM) -> Floats:
        """(...): light at places (..., 2) on the sensor over that on the axis, for an even wall of light.

        The area of the arriving beam in direction cosines: vignetting, pupil aberration and cos^4 are all in it.
        """
        radius = self._ideal_radius(places_mm)
        knots = np.linspace(0.0, max(float(radius.max(initial=0.0)), 1e-3), FIELD_NODES)
        angles = self._solid_angles(knots, wavelength_nm)
        return steady(knots, angles / angles[0])(radius)

    def _solid_angles(self, radii: Floats, wavelength_nm: float) -> Floats:
        """The arriving beams' areas in direction cosines, sr, by the ideal radius of their places."""
        places = np.stack([radii, np.zeros_like(radii)], axis=-1)
        beams, poles = self._beams(places, np.array([wavelength_nm]), self._object_mm)
        rims = beams(1, np.ones(1)).around(self._mirrored(places))
        return np.array([solid_angle(*each) for each in zip(rims.to[:, 0], poles.to[:, 0], strict=True)])

    def axial_irradiance(self) -> float:
        """Irradiance on the axis over the scene's radiance, sr: the area of the axial beam times the transmission."""
        return self._axial_sr * self.optic.transmission

    @cached_property
    def _axial_sr(self) -> float:
        """The axial beam's area in direction cosines."""
        return float(self._solid_angles(np.zeros(1), GREEN_NM)[0])

    def fronts(self, ideal_mm: npt.ArrayLike, wavelengths_nm: npt.ArrayLike, distance_m: float) -> list[list[Front]]:
        """The wave from a point at each ideal place (n, 2), by wavelength; it is told about its `observed` place."""
        return self._fronts(
            np.asarray(ideal_mm, np.float64), np.asarray(wavelengths_nm, np.float64), self._before_pupil(distance_m)
        )

    def _beams(self, ideal_mm: Floats, wavelengths_nm: Floats, object_mm: float) -> tuple[Beams, Arrival]:
        """The light from places (n) at wavelengths (m), each told about where it is observed, and its poles' rays."""
        tangents = ideal_mm / self.scale_mm
        poles = self.optic.chief(tangents[:, None], object_mm, wavelengths_nm)
        poles = self._lit_poles(tangents, object_mm, wavelengths_nm, poles)
        mirror = self._mirrored(ideal_mm)
        angles = 2.0 * np.pi * np.arange(ANGLES // 2 + 1 if mirror else ANGLES) / ANGLES
        ways = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        edges = lit_edge(self.optic, tangents, object_mm, wavelengths_nm, poles, angles)
        reference = np.stack([self.observed(ideal_mm, float(each)) for each in wavelengths_nm], axis=1)

        def arrive(every: int, rings: Floats) -> Arrival:
            pupil = poles[:, :, None, None] + (edges[:, :, None, ::every] * rings[:, None])[..., None] * ways[::every]
            at = self._arrive(tangents[:, None, None, None], object_mm, pupil, wavelengths_nm[:, None, None])
            return at.about(reference[:, :, None, None])

        return arrive, self._arrive(tangents[:, None], object_mm, poles, wavelengths_nm)

    def _mirrored(self, ideal_mm: Floats) -> bool:
        """Whether the lower half of all the light from these places mirrors the upper one."""
        return self._square and not np.any(ideal_mm[:, 1])

    def _fronts(self, ideal_mm: Floats, wavelengths_nm: Floats, object_mm: float) -> list[list[Front]]:
        beams, poles = self._beams(ideal_mm, wavelengths_nm, object_mm)
        mirror = self._mirrored(ideal_mm)
        rim = beams(1, np.ones(1)).around(mirror)
        rings = np.append(np.sqrt(0.5 - 0.5 * np.cos(np.pi * (np.arange(RINGS) + 0.5) / RINGS)), 1.0)
        made: list[list[Front | None]] = [[None] * len(wavelengths_nm) for _ in ideal_mm]
        for degree, every in DEGREES:
            rough = [
                at for at in np.ndindex(rim.path.shape[:2]) if (front := made[at[0]][at[1]]) is None or front.rough
            ]
            if not rough:
                break
            inner = beams(every, rings)
            light = np.ones(inner.path.shape)
            counts = np.full(inner.path.shape[2:], 2.0 if mirror else 1.0)
            if mirror:
                counts[:, [0, -1]] = 1.0
            if not math.isinf(object_mm):
                aside = inner.pupil - (ideal_mm / self.scale_mm)[:, None, None, None] * object_mm
                light = (1.0 + (aside**2).sum(axis=-1) / object_mm**2) ** -1.5
            for at in rough:
                rays = Rays(
                    inner.to[at].reshape(-1, 2),
                    inner.path[at].ravel(),
                    inner.pupil[at].reshape(-1, 2),
                    light[at].ravel(),
                    counts.ravel(),
                    mirror,
                )
                lit = Rim(poles.to[at], rim.to[at], float(np.hypot(*rim.at[at].T).max()))
                made[at[0]][at[1]] = fit(rays, lit, float(wavelengths_nm[at[1]]), degree)
        return made  # type: ignore[return-value]

    def _lit_poles(self, tangents: Floats, object_mm: float, wavelengths_nm: Floats, poles: Floats) -> Floats:
        """The poles, those whose ray is blocked moved to the middle of what light there is."""
        margin = self.optic.send(tangents[:, None], object_mm, poles, wavelengths_nm).margin
        if np.all(margin > 0.0):
            return poles
        net = np.linspace(-1.5, 1.5, 41) * self.optic.pupil_mm
        tries = np.stack(np.meshgrid(net, net), axis=-1).reshape(-1, 2)
        found = poles.copy()
        for place in range(len(tangents)):
            for color, wavelength_nm in enumerate(wavelengths_nm):
                if margin[place, color] > 0.0:
                    continue
                near = self.optic.send(tangents[place], object_mm, tries, wavelength_nm).margin
                if not np.any(near > 0.0):
                    raise Refusal(
                        f"no light of the lens {self.name} reaches {np.hypot(*tangents[place]) * self.scale_mm:.1f} mm "
                        f"from the axis; its image circle is {self.image_circle_mm:g} mm wide"
                    )
                found[place, color] = tries[np.argmax(near)]
        return found

    def _arrive(self, tangents: Floats, object_mm: float, pupil: Floats, wavelengths_nm: Floats) -> Arrival:
        """Where rays meet the sensor behind its plate."""
        rays = self.optic.send(tangents, object_mm, pupil, wavelengths_nm)
        x, y, l, m, way = self._on_sensor(rays.x, rays.y, rays.l, rays.m, rays.n)
        path = rays.path + way
        if self.mounting.plate_mm:
            dx, dy = self._plate_shift(l, m, wavelengths_nm)
            x, y = x + dx, y + dy
            path = path + plate_wave(self.mounting.plate_mm, l * l + m * m, wavelengths_nm) + l * dx + m * dy
        return Arrival(np.stack([x, y], axis=-1), np.stack([l, m], axis=-1), path, pupil)

    def spreads(
        self,
        places_mm: npt.ArrayLike,
        wavelengths_nm: npt.ArrayLike,
        distance_m: float,
        step_um: float,
        size: int,
    ) -> npt.NDArray[np.float32]:
        """(places, wavelengths, size, size): the shares of each point's light in cells; see `Glass`.

        Where the lens stands square, waves are traced once for each radius and turned, which is exact.
        """
        made = np.empty((*self._many(places_mm, wavelengths_nm, step_um, size), size, size), np.float32)

        def draw(place: int, color: int, front: Front) -> None:
            made[place, color] = spot(front, step_um / 1000.0, size)

        self._each(places_mm, wavelengths_nm, distance_m, draw)
        return made

    def transfers(
        self,
        places_mm: npt.ArrayLike,
        wavelengths_nm: npt.ArrayLike,
        distance_m: float,
        step_um: float,
        size: int,
    ) -> npt.NDArray[np.complex64]:
        """(places, wavelengths, size, size // 2 + 1): the transfer functions of `spreads`, no cells; see `Glass`."""
        made = np.empty((*self._many(places_mm, wavelengths_nm, step_um, size), size, size // 2 + 1), np.complex64)

        def draw(place: int, color: int, front: Front) -> None:
            made[place, color] = transfer(front, step_um / 1000.0, size)

        self._each(places_mm, wavelengths_nm, distance_m, draw)
        return made

    @staticmethod
    def _many(places_mm: npt.ArrayLike, wavelengths_nm: npt.ArrayLike, step_um: float, size: int) -> tuple[int, int]:
        if not step_um > 0.0 or size < 1:
            raise Refusal(f"a blur of {size} cells of {step_um:g} um has no size; give at least 1 cell above 0 um")
        return np.asarray(places_mm).size // 2, np.asarray(wavelengths_nm).size

    def _each(
        self,
        places_mm: npt.ArrayLike,
        wavelengths_nm: npt.ArrayLike,
        distance_m: float,
        draw: Callable[[int, int, Front], None],
    ) -> None:
        """Draws the wave of every ideal place at every wavelength, two at a time."""
        places = np.asarray(places_mm, np.float64).reshape(-1, 2)
        colors = np.asarray(wavelengths_nm, np.float64).reshape(-1)
        radii, which = np.unique(np.round(np.hypot(*places.T), 9), return_inverse=True)
        rows = np.stack([radii, np.zeros_like(radii)], axis=-1) if self._square else places
        object_mm = self._before_pupil(distance_m)

        def one(job: tuple[int, ...]) -> None:
            place, color = job
            if not self._square:
                draw(place, color, fronts[place][color])
                return
            radius = radii[which[place]]
            cosine, sine = places[place] / radius if radius > 0.0 else (1.0, 0.0)
            draw(place, color, fronts[which[place]][color].turned(float(cosine), float(sine)))

        with ThreadPoolExecutor(2) as pool:
            halves = np.array_split(rows, min(2, len(rows)))
            fronts = list(chain(*pool.map(lambda half: self._fronts(half, colors, object_mm), halves)))
            list(pool.map(one, np.ndindex(len(places), len(colors))))
