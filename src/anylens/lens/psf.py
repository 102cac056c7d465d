"""What a passport says of blur: the lens's own, all over the field, at the aperture in use."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anylens.lens.passport import PSF_TERMS
from anylens.lens.rings import nearest

if TYPE_CHECKING:
    from anylens.lens.model import Setting
    from anylens.lens.passport import Lattice, Passport, PsfField

Array = npt.NDArray[np.float64]

FARTHEST_STOPS = 0.75
LEAST_TAIL = 1e-3
"""As good as none, of a skirt that is a Gaussian."""


class Blur(NamedTuple):
    """A lens's blur at places: covariances (3: xx, xy, yy; ...) of core and skirt, the skirt's share (...) of light,
    where its middle lies from the core's (2: x, y; ...), and its tail, the same everywhere."""

    core_um2: Array
    share: Array
    skirt_um2: Array
    aside_um: Array
    tail: float

    def scaled(self, times: float) -> Blur:
        """One so many times as wide; or the same in a unit of which `times` are a micrometre."""
        return Blur(self.core_um2 * times**2, self.share, self.skirt_um2 * times**2, self.aside_um * times, self.tail)

    def of(self, which: Any) -> Blur:
        """That at some of the places."""
        core, share, skirt, aside = (
            each[..., which] for each in (self.core_um2, self.share, self.skirt_um2, self.aside_um)
        )
        return Blur(core, share, skirt, aside, self.tail)


def terms(x: Any, y: Any, count: int) -> Array:
    """(count, ...): the terms 1, x, y, xx, xy, yy, xxx ... of a polynomial at places; `count` is one of PSF_TERMS."""
    degree = PSF_TERMS.index(count)
    return np.stack([x ** (n - j) * y**j for n in range(degree + 1) for j in range(n + 1)])


def blur(psf: PsfField, x: Any, y: Any) -> Blur:
    """The blur at (x, y) mm, arrays of one shape; beyond the reach that of the last place within holds."""
    x, y = np.asarray(x, np.float64) / psf.reach_mm, np.asarray(y, np.float64) / psf.reach_mm
    shrink = 1.0 / np.maximum(np.hypot(x, y), 1.0)
    x, y = x * shrink, y * shrink

    def of(rows: Lattice) -> Array:
        return np.asarray(np.einsum("k...,ik->i...", terms(x, y, len(rows[0])), np.array(rows)))

    share = np.clip(of(psf.skirt_share)[0], 0.0, 0.9)
    core, skirt = (_covariance(of(rows)) for rows in (psf.core_um2, psf.skirt_um2))
    return Blur(core, share, skirt, of(psf.skirt_aside_um), psf.skirt_tail)


def _covariance(rows: Array) -> Array:
    """What a polynomial says, kept to what an ellipse can be."""
    xx, yy = np.maximum(rows[0], 0.01), np.maximum(rows[2], 0.01)
    most = 0.95 * np.sqrt(xx * yy)
    return np.stack([xx, np.clip(rows[1], -most, most), yy])


def transfer(blur: Blur, fx: Array, fy: Array) -> Any:
    """(..., waves), complex: what a blur leaves of waves (waves,) of so many cycles in the unit of the blur."""

    def squared(covariance: Array) -> Any:
        xx, xy, yy = covariance[..., None]
        return 2 * np.pi**2 * (xx * fx**2 + 2 * xy * fx * fy + yy * fy**2)

    (x, y), share, tail = blur.aside_um[..., None], blur.share[..., None], max(blur.tail, LEAST_TAIL)
    aside = np.exp(-2j * np.pi * (fx * x + fy * y))
    skirt = np.exp(-np.log1p(tail * squared(blur.skirt_um2)) / tail)
    return (1 - share) * np.exp(-squared(blur.core_um2)) + share * aside * skirt


def blur_in_use(passport: Passport | None, setting: Setting | None, x: Any, y: Any) -> Blur | None:
    """The blur at (x, y) mm as the rings stand: between the apertures measured, straight in stops.

    None where nothing was measured within three quarters of a stop, or apertures were and the one in use is not known.
    """
    if passport is None or not passport.psf:
        return None
    f_number = None if setting is None else setting.f_number
    measured = [record.f_number for record in passport.psf if record.f_number is not None]
    anywhere = len(measured) < len(passport.psf)
    if measured and not anywhere:
        if f_number is None:
            return None
        away = [2.0 * math.log2(f_number / each) for each in measured]
        if min(away) > FARTHEST_STOPS or max(away) < -FARTHEST_STOPS:
            return None
    found = nearest(passport.psf, f_number, None if setting is None else setting.focus_m)
    parts = [(weight, blur(record, x, y)) for weight, record in found]

    def mean(at: int) -> Any:
        return sum(weight * part[at] for weight, part in parts)

    return Blur(*(mean(at) for at in range(len(Blur._fields))))
