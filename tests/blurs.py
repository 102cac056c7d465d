"""Passports with a blur that is known, and pictures that it has blurred."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anylens.body import Body
from anylens.frame import Facts
from anylens.lens import Lens, Passport, Setting
from anylens.lens.passport import PsfField
from anylens.sensor import Noise, Sensor
from tests.sections import section

LENS = Lens("Some", "50mm f/2")
PITCH_UM = 3.2
SKIRT_UM2 = ((15.0**2,), (0.0,), (15.0**2,))


def psf(core_um2: tuple[tuple[float, ...], ...], share: float = 0.0, **more: object) -> PsfField:
    """A blur that was given, not measured; `core_um2` as in the record."""
    known = {
        "f_number": 2.0,
        "reach_mm": 8.0,
        "core_um2": core_um2,
        "skirt_share": ((share,),),
        "skirt_um2": SKIRT_UM2,
        "skirt_aside_um": ((0.0,), (0.0,)),
    }
    return section(PsfField, **{**known, **more})


def even(sigma_px: float, share: float = 0.0) -> PsfField:
    """One round blur everywhere."""
    square = (sigma_px * PITCH_UM) ** 2
    return psf(((square,), (0.0,), (square,)), share)


def facts(height: int, width: int, field: PsfField | None, noise: float = 1e-6, f_number: float = 2.0) -> Facts:
    """Facts of light of (height, width) that is already in Rec. 2020, its noise of variance `noise` everywhere."""
    passport = None if field is None else Passport(LENS, "Some Body", psf=(field,))
    sensor = Sensor("some", width, height, (), pitch_um=PITCH_UM, noise=Noise((1e-9,), (noise,), "sensor"))
    return Facts.whole(
        sensor,
        body=Body("Some", "Body"),
        lens=LENS,
        setting=Setting("hand", f_number=f_number),
        passport=passport,
    )


def blurred(light: npt.NDArray[np.float64], sigma_px: float, share: float = 0.0) -> npt.NDArray[np.float64]:
    """(H, W) light spread by an even blur; it goes on around its borders."""
    return spread(light, even(sigma_px, share))


def spread(light: npt.NDArray[np.float64], field: PsfField) -> npt.NDArray[np.float64]:
    """(H, W) light spread by the blur that a field has in its middle; it goes on around its borders."""
    return np.fft.ifft2(np.fft.fft2(light) * transfer(field, light.shape)).real


def transfer(field: PsfField, shape: tuple[int, int]) -> npt.NDArray[np.complex128]:
    """(H, W): what the middle of a field does to waves, by the definition of its figures."""
    v, u = (np.fft.fftfreq(size)[:, None] for size in shape)
    u = u.T

    def gauss(rows: tuple[tuple[float, ...], ...]) -> npt.NDArray[np.float64]:
        xx, xy, yy = (row[0] / PITCH_UM**2 for row in rows)
        return np.exp(-2 * np.pi**2 * (xx * u**2 + 2 * xy * u * v + yy * v**2))

    x, y = (row[0] / PITCH_UM for row in field.skirt_aside_um)
    share = field.skirt_share[0][0]
    return (1 - share) * gauss(field.core_um2) + share * gauss(field.skirt_um2) * np.exp(-2j * np.pi * (u * x + v * y))
