"""Every other camera raw, opened by LibRaw."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from anylens.files import complaints, gate
from anylens.files.exposure import Exposure, pitch_um, read_exposure
from anylens.files.tiff import Directory, open_tiff
from anylens.frame import Facts, Frame
from anylens.lens import Lens, Setting
from anylens.record import replace
from anylens.refusal import Refusal
from anylens.sensor import CFA, Calibration, Sensor, bayer, estimate_noise

_D65 = 21
_ORIENTATION = {0: 1, 1: 2, 3: 3, 2: 4, 4: 5, 6: 6, 7: 7, 5: 8}
"""LibRaw's flip to the EXIF code."""


def read_libraw(
    path: str | os.PathLike[str], *, data: gate.FileBytes | None = None, sensor: Sensor | None = None
) -> Frame:
    """The counts of a camera's own raw file (CR2, CR3, NEF, ARW, RAF, RW2, ORF, PEF, ...) and its facts.

    `data` are the file's bytes where they are already at hand; `sensor` lends colour calibrations and noise to a file
    without its own. Raises Refusal, also for X-Trans and Foveon.
    """
    if data is None:
        data = gate.load(path)
    main, more = _directories(data)
    with opened(data) as raw:
        cfa = _cfa(raw)
        counts = np.array(raw.raw_image, np.uint16)
        height, width = counts.shape
        area = top, left, bottom, right = _area(raw, height, width)
        black, white = _levels(raw, cfa, area)
        calibrations, notes = _calibrations(raw, cfa, sensor)
        exposure = _completed(Exposure() if main is None else read_exposure(main, *more), raw)
        neutral = _neutral(raw) if cfa else None
    noise = sensor.noise if sensor else None
    if noise is None:
        noise = estimate_noise(counts[top:bottom, left:right], cfa, black, white)
        notes = (*notes, "The file has no noise profile; the noise was estimated from the picture itself.")
    if cfa and neutral is None:
        notes = (*notes, "The file does not say which white balance it was shot with.")
    body = exposure.body
    silicon = Sensor(
        name=f"{body.maker} {body.model}".strip() if body else "unknown camera",
        width_px=width,
        height_px=height,
        cfa=cfa,
        black=black,
        white=white,
        pitch_um=None if main is None else pitch_um(main),
        noise=noise,
        calibrations=calibrations,
    )
    facts = Facts(
        sensor=silicon,
        active_area=area,
        crop=(0.0, 0.0, float(right - left), float(bottom - top)),
        **exposure.facts,
        as_shot_neutral=neutral,
        notes=notes,
    )
    return Frame(counts, facts)


@contextmanager
def opened(data: gate.FileBytes) -> Iterator[Any]:
    """A raw file opened by LibRaw, its size checked before it is decoded; raises Refusal for all that LibRaw raises."""
    import rawpy

    try:
        with complaints.listening() as heard, rawpy.imread(io.BytesIO(data)) as raw:
            sizes = raw.sizes
            gate.check_size(
                sizes.raw_width, sizes.raw_height, bytes_per_pixel=4, stored_bytes=len(data), most_pixels_per_byte=32
            )
            yield raw
        if heard:
            raise Refusal(f"LibRaw finds the file incomplete ({heard[0]}); copy it from the camera again.")
    except rawpy.LibRawFileUnsupportedError as error:
        raise Refusal("This is no raw file that anylens or LibRaw knows; name a camera's raw file or a DNG.") from error
    except rawpy.LibRawError as error:
        reason = str(error.args[0] if error.args else error)
        reason = reason[2:-1] if reason.startswith("b'") else reason
        raise Refusal(f"LibRaw cannot read the file ({reason.lower()}); copy it from the camera again.") from error


def _directories(data: gate.FileBytes) -> tuple[Directory | None, tuple[Directory, ...]]:
    """Where the file's TIFF and EXIF tags stand: the first directory, and others that it does not point to."""
    found: list[Directory] = []
    for block in _blocks(data):
        try:
            found.extend(open_tiff(block).directories[:1])
        except Refusal:
            continue
    return (found[0], tuple(found[1:])) if found else (None, ())


def _blocks(data: gate.FileBytes) -> Iterator[gate.FileBytes]:
    """TIFF blocks within a raw file: itself, Canon's CMT boxes, the EXIF of Fujifilm's preview."""
    if data[:2] in (b"II", b"MM"):
        yield data
    elif data[4:8] == b"ftyp":
        for name in (b"CMT1", b"CMT2"):
            at = data.find(name, 0, 1 << 16)
            if at >= 4:
                yield data[at + 4 : at - 4 + int.from_bytes(data[at - 4 : at], "big")]
    elif data[:15] == b"FUJIFILMCCD-RAW":
        start = int.from_bytes(data[84:88], "big")
        at = data.find(b"Exif\0\0", start, start + 64)
        if at >= 0:
            yield data[at + 6 : at + 65536]


def _cfa(raw: Any) -> CFA:
    import rawpy

    try:
        pattern = raw.raw_pattern
    except NotImplementedError as error:
        raise Refusal("The colour filter is of a kind that is neither Bayer nor quad-Bayer; use linear DNG.") from error
    if raw.raw_type != rawpy.RawType.Flat:
        raise Refusal(
            "The sensor sees all colours at every pixel (Foveon or processed), which is not developed; use linear DNG."
        )
    if pattern is not None and pattern.shape == (6, 6):
        raise Refusal(
            "The sensor has a 6 x 6 X-Trans filter, Bayer and quad-Bayer are developed; convert it to linear DNG."
        )
    if pattern is None or raw.num_colors == 1:
        return ()
    top, left, described = raw.sizes.top_margin, raw.sizes.left_margin, raw.color_desc.decode("ascii", "replace")
    letters = "".join(described[raw.raw_color(top + y, left + x)] for y in (0, 1) for x in (0, 1))
    if pattern.shape != (2, 2) or letters not in ("RGGB", "GRBG", "GBRG", "BGGR"):
        raise Refusal(f"The colour filter {letters} ({described}) is not Bayer, which is developed; use linear DNG.")
    return bayer(letters)


def _area(raw: Any, height: int, width: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of what is lit, of so many rows and columns."""
    sizes = raw.sizes
    top, left = sizes.top_margin, sizes.left_margin
    bottom, right = top + sizes.height, left + sizes.width
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        area = (top, left, bottom, right)
        raise Refusal(f"The raw's active area {area} does not lie within {height} x {width} pixels; {gate.DAMAGED}")
    return top, left, bottom, right


def _levels(
    raw: Any, cfa: CFA, area: tuple[int, int, int, int]
) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]:
    by_color = [float(level) for level in raw.black_level_per_channel]
    black: tuple[tuple[float, ...], ...] = ((by_color[0],),)
    if cfa:
        black = tuple(tuple(by_color[raw.raw_color(area[0] + y, area[1] + x)] for x in range(2)) for y in range(2))
    most = float(raw.white_level)
    camera = [float(level) for level in (raw.camera_white_level_per_channel or ())]
    white: tuple[float, ...] = (most,)
    if cfa and len(camera) == 4 and min(camera[:3]) > 0:
        green = min(camera[1], camera[3]) if camera[3] > 0 else camera[1]
        white = (min(most, camera[0]), min(most, green), min(most, camera[2]))
        white = white[:1] if len(set(white)) == 1 else white
    if max(map(max, black)) >= min(white):
        raise Refusal(
            f"The black level {max(map(max, black)):g} is not below the white level {min(white):g}; {gate.DAMAGED}"
        )
    return black, white


def _calibrations(raw: Any, cfa: CFA, lent: Sensor | None) -> tuple[tuple[Calibration, ...], tuple[str, ...]]:
    rows = np.asarray(raw.rgb_xyz_matrix, float)[:3]
    if rows.shape == (3, 3) and np.all(np.isfinite(rows)) and np.any(rows):
        (a, b, c), (d, e, f), (g, h, i) = rows.tolist()
        return (Calibration(_D65, ((a, b, c), (d, e, f), (g, h, i))),), ()
    if lent is not None and lent.calibrations:
        return lent.calibrations, (f"The file has no colour matrices; those of {lent.name} were taken.",)
    if not cfa:
        return (), ()
    raise Refusal(
        "LibRaw knows no colour matrix for this camera, so its colours cannot be known; name a sensor with --sensor."
    )


def _neutral(raw: Any) -> tuple[float, float, float] | None:
    gains = [float(gain) for gain in raw.camera_whitebalance[:3]]
    if not all(math.isfinite(gain) and gain > 0 for gain in gains):
        return None
    least = min(gains)
    return least / gains[0], least / gains[1], least / gains[2]


def _completed(exposure: Exposure, raw: Any) -> Exposure:
    """What the tags do not say, as LibRaw found it in maker notes."""
    other, glass = raw.other, raw.lens
    setting = exposure.setting
    if setting is None and (other.aperture > 0 or other.focal_length > 0):
        setting = Setting("exif", _round(other.aperture), _round(other.focal_length))
    lens = exposure.lens
    if lens is None and (glass.make or glass.model):
        focal = (_round(glass.min_focal), _round(glass.max_focal))
        span = (focal[0], focal[1]) if focal[0] is not None and focal[1] is not None else None
        lens = Lens(glass.make, glass.model, span)
    return replace(
        exposure,
        exposure_s=exposure.exposure_s or _round(other.shutter_speed),
        iso=exposure.iso or _round(other.iso_speed),
        taken=exposure.taken or other.timestamp,
        lens=lens,
        setting=setting,
        orientation=_ORIENTATION.get(int(raw.sizes.flip), 1),
    )


def _round(value: float) -> float | None:
    """A single-precision number in the few digits that it was made from, None for an unknown one."""
    return float(f"{value:.7g}") if math.isfinite(value) and value > 0 else None
