"""Silicon: the parameters of one kind of sensor, and what follows from them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from anylens.refusal import Refusal, near
from anylens.sensor import CFA, Noise, bayer

_ISO_STEPS = (25, 32, 40, 50, 64, 80, 100, 125, 160, 200)
_SATURATION = 78.0
REFERENCE_C = 25.0


@dataclass(frozen=True, slots=True)
class Silicon:
    """What the twin's silicon is; electrons are photo-electrons in one pixel, gains are factors over the lowest.

    `read_noise_e` and `read_noise_high_e` are rms electrons at the lowest gain and at gain `second_gain`. With `gains`
    dual the conversion gain switches there and read noise with it; with single it falls smoothly, by a part before and
    a part after the amplifier. `dark_e_per_s` holds at 25 degrees C; shares are of all pixels; a telegraph pixel jumps
    between two levels, `telegraph_e` apart on average. `acceptance_deg` is by how far off its design angle
    (`design_chief_ray_deg` at the corner, growing in proportion to the distance from the middle) light may come until
    a pixel of R, G or B keeps exp(-1/2) of it.
    """

    name: str
    about: str
    width_px: int
    height_px: int
    pitch_um: float
    cfa: CFA
    bits: int
    black: float
    white: int
    full_well_e: float
    dn_per_e: float
    read_noise_e: float
    read_noise_high_e: float
    gains: Literal["single", "dual"]
    second_gain: float
    most_gain: float
    row_noise_e: float
    column_e: float
    prnu: float
    dsnu_e: float
    dark_e_per_s: float
    dark_doubling_c: float
    telegraph_share: float
    telegraph_e: float
    hot_share: float
    hot_e_per_s: float
    dead_share: float
    line_us: float
    design_chief_ray_deg: float
    design_radius_mm: float
    acceptance_deg: tuple[float, float, float]
    status: str
    source: str

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the lit area."""
        return self.width_px * self.pitch_um / 1000.0, self.height_px * self.pitch_um / 1000.0

    @property
    def half_diagonal_mm(self) -> float:
        """From the middle to a corner."""
        return 0.5 * math.hypot(*self.size_mm)

    @property
    def lowest_iso(self) -> float:
        """ISO at gain 1: the saturation speed of ISO 12232:2019, 78 lx s over the exposure that fills the well, by the
        quoted efficiency of green to daylight; the nearest of the usual third steps."""
        speed: dict[str, float] = _sheet()["speed"]
        per_lux_s = speed["photons_per_um2_per_lux_second_daylight"] * speed["effective_qe_daylight_green"]
        filled = min(self.full_well_e, (self.white - self.black) / self.dn_per_e)
        exact: float = _SATURATION * per_lux_s * self.pitch_um**2 / filled
        return float(min(_ISO_STEPS, key=lambda iso: abs(math.log(iso / exact))))

    @property
    def highest_iso(self) -> float:
        """ISO at the highest gain."""
        return self.lowest_iso * self.most_gain

    def converted(self, gain: float) -> float:
        """Counts (DN) that one electron makes at a gain."""
        return self.dn_per_e * gain

    def read_noise(self, gain: float) -> float:
        """Rms electrons of reading one pixel at a gain, rounding not counted."""
        low, high = self.read_noise_e, self.read_noise_high_e
        if self.gains == "dual":
            return low if gain < self.second_gain else high
        after = (low * low - high * high) / (1.0 - self.second_gain**-2.0)
        return math.sqrt(max(low * low - after + after / (gain * gain), 0.0))

    def dark(self, exposure_s: float, temperature_c: float = REFERENCE_C) -> float:
        """Mean electrons that gather without light."""
        warmer: float = 2.0 ** ((temperature_c - REFERENCE_C) / self.dark_doubling_c)
        return self.dark_e_per_s * warmer * exposure_s

    def noise(self, gain: float, exposure_s: float = 0.0, temperature_c: float = REFERENCE_C) -> Noise:
        """The DNG specification's NoiseProfile at a gain, S x + O for x from black 0 to white 1, all planes alike.

        With K counts an electron, W white and B black: S = K / (W - B), the photon transfer of EMVA 1288;
        O = (K^2 s^2 + 1/12) / (W - B)^2 with s^2 the variances, in electrons, of reading a pixel, of a row's offset, of
        telegraph pixels (half of the mean square of their steps, by their share) and of dark current, and 1/12 for
        rounding to whole counts, which holds on average over levels. It is the noise from frame to frame; what stays
        (PRNU, DSNU, columns, hot pixels) is not in it.
        """
        counts = self.converted(gain)
        span = self.white - self.black
        electrons = (
            self.read_noise(gain) ** 2
            + self.row_noise_e**2
            + self.telegraph_share * 0.25 * 2.0 * self.telegraph_e**2
            + self.dark(exposure_s, temperature_c)
        )
        return Noise((counts / span,), ((counts * counts * electrons + 1.0 / 12.0) / (span * span),), "twin")

    def piece(self, width_px: int, height_px: int) -> Silicon:
        """A smaller piece around the middle of the same silicon; Refusal where it is larger, or not whole cells."""
        cell = len(self.cfa) or 1
        if not (0 < width_px <= self.width_px and 0 < height_px <= self.height_px):
            raise Refusal(
                f"A piece of {width_px} x {height_px} pixels does not lie within {self.name} "
                f"({self.width_px} x {self.height_px}); ask for a smaller one."
            )
        if width_px % (2 * cell) or height_px % (2 * cell):
            raise Refusal(f"A piece of {self.name} has sides that are multiples of {2 * cell}; change the size.")
        return replace(self, width_px=width_px, height_px=height_px)

    def joined(self, times: int, width_px: int, height_px: int) -> Silicon:
        """`times` x `times` neighbours of one colour added up after reading: variances, wells and dark current add.

        The fixed pattern averages; the converter sees the sum, so a count is worth `times`^2 as many electrons.
        """
        pixels = times * times
        return replace(
            self,
            name=f"{self.name}, {times} x {times} joined",
            width_px=width_px,
            height_px=height_px,
            pitch_um=self.pitch_um * times,
            full_well_e=self.full_well_e * pixels,
            dn_per_e=self.dn_per_e / pixels,
            read_noise_e=self.read_noise_e * times,
            read_noise_high_e=self.read_noise_high_e * times,
            row_noise_e=self.row_noise_e * times,
            column_e=self.column_e * times,
            prnu=self.prnu / times,
            dsnu_e=self.dsnu_e * times,
            dark_e_per_s=self.dark_e_per_s * pixels,
            telegraph_share=min(1.0, self.telegraph_share * pixels),
            hot_share=min(1.0, self.hot_share * pixels),
            dead_share=min(1.0, self.dead_share * pixels),
            line_us=self.line_us * times,
        )


@cache
def silicons() -> dict[str, str]:
    """What each sensor of the twin is, in one sentence, by its name."""
    return {each["name"]: each["note"] for each in _sheet()["sensor"]}


@cache
def silicon(name: str) -> Silicon:
    """The sensor of that name in the twin's own list; Refusal names the known ones."""
    for each in _sheet()["sensor"]:
        if each["name"] == name:
            return _silicon(_sheet()["usual"] | each)
    raise Refusal(f"The twin has no sensor '{name}'; {near(name, silicons())}.")


@cache
def _sheet() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("sensors.toml").read_text("utf-8"))


_KNOWN = {
    "name", "note", "pixels", "pitch_um", "cfa", "bits", "black", "white", "full_well_e", "read_noise_e",
    "dn_per_e_low_gain", "gains", "high_to_low_gain_ratio", "high_gain_at", "most_gain", "row_noise_e", "column_e",
    "prnu_percent", "dsnu_e", "dark_e_per_s_25C", "dark_doubling_C", "telegraph_share", "telegraph_e", "hot_share",
    "hot_e_per_s_25C", "dead_share", "rolling_shutter_line_us", "chief_ray_design_deg_corner", "acceptance_sigma_deg",
    "status", "source",
}  # fmt: skip


def _silicon(table: Mapping[str, Any]) -> Silicon:
    strange = sorted(set(table) - _KNOWN)
    if strange:
        raise ValueError(f"sensors.toml says '{strange[0]}' of {table['name']}, which is no parameter")
    width, height = table["pixels"]
    read_noise, acceptance = table["read_noise_e"], table["acceptance_sigma_deg"]
    dual = table["gains"] == "dual"
    full = (table["white"] - table["black"]) / table["full_well_e"]
    return Silicon(
        name=table["name"],
        about=table["note"],
        width_px=width,
        height_px=height,
        pitch_um=table["pitch_um"],
        cfa=bayer(table["cfa"]),
        bits=table["bits"],
        black=table["black"],
        white=table["white"],
        full_well_e=table["full_well_e"],
        dn_per_e=table.get("dn_per_e_low_gain", full),
        read_noise_e=read_noise["low_gain"],
        read_noise_high_e=read_noise["high_gain"],
        gains="dual" if dual else "single",
        second_gain=table["high_to_low_gain_ratio"] if dual else table["high_gain_at"],
        most_gain=table["most_gain"],
        row_noise_e=table["row_noise_e"],
        column_e=table["column_e"],
        prnu=table["prnu_percent"] / 100.0,
        dsnu_e=table["dsnu_e"],
        dark_e_per_s=table["dark_e_per_s_25C"],
        dark_doubling_c=table["dark_doubling_C"],
        telegraph_share=table["telegraph_share"],
        telegraph_e=table["telegraph_e"],
        hot_share=table["hot_share"],
        hot_e_per_s=table["hot_e_per_s_25C"],
        dead_share=table["dead_share"],
        line_us=table["rolling_shutter_line_us"],
        design_chief_ray_deg=table["chief_ray_design_deg_corner"],
        design_radius_mm=0.5 * math.hypot(width, height) * table["pitch_um"] / 1000.0,
        acceptance_deg=(acceptance["R"], acceptance["G"], acceptance["B"]),
        status=", ".join(f"{what} {how}" for what, how in table["status"].items()),
        source=table["source"],
    )
