"""DNG in: a Frame of a mosaic or of monochrome counts, a Scene of linear colours."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from anylens import color
from anylens.files import gate
from anylens.files.exposure import Exposure, pitch_um, read_exposure
from anylens.files.layout import Unsupported
from anylens.files.pixels import Samples, read_samples
from anylens.files.tags import Tag, tag_name
from anylens.files.tiff import Directory, open_tiff
from anylens.frame import Facts, Frame, Opcodes
from anylens.image import Scene
from anylens.record import record, replace
from anylens.refusal import Refusal
from anylens.sensor import CFA, Calibration, Noise, Sensor, bayer, estimate_noise
from anylens.sensor.model import Matrix

if TYPE_CHECKING:
    from anylens.files.lossless_jpeg import Decoding

_MONOCHROME, _COLOR_FILTER, _LINEAR = 1, 32803, 34892
_LETTERS = "RGBCMYW"
_PHASES = tuple(quad + order for quad in ("", "quad-") for order in ("RGGB", "GRBG", "GBRG", "BGGR"))

Kind = Literal["mosaic", "monochrome", "linear"]


def read_dng(
    path: str | os.PathLike[str],
    *,
    data: gate.FileBytes | None = None,
    sensor: Sensor | None = None,
    decoding: Decoding | None = None,
) -> Frame | Scene:
    """A DNG's full-size image: a Frame of its counts, or a Scene where the file is linear (already demosaiced).

    `data` are the file's bytes where they are already at hand, `decoding` what `ahead.decoding` made of them; `sensor`
    lends colour calibrations and noise to a file without its own. Counts are linear (LinearizationTable applied). A
    Scene is the active area, white-balanced as shot. Raises Refusal. DNG specification 1.7.1.
    """
    negative = _open(gate.load(path) if data is None else data)
    samples, notes = _samples(negative, decoding)
    facts = _facts(negative, samples, sensor, notes)
    if negative.kind == "linear":
        from anylens.files.linear_dng import scene_of

        return scene_of(samples, facts)
    raw = samples if samples.dtype == np.uint16 else samples.astype(np.uint16)
    if facts.sensor.noise is None:
        top, left, bottom, right = facts.active_area
        silicon = facts.sensor
        noise = estimate_noise(raw[top:bottom, left:right], silicon.cfa, silicon.black, silicon.white)
        facts = replace(
            facts,
            sensor=replace(silicon, noise=noise),
            notes=(*facts.notes, "The file has no noise profile; the noise was estimated from the picture itself."),
        )
    return Frame(raw, facts)


@record(frozen=True, slots=True)
class _Negative:
    """An open DNG: its bytes, its first directory, the directory of its full-size image and what that is."""

    data: gate.FileBytes
    main: Directory
    image: Directory
    kind: Kind

    def numbers(self, tag: int) -> tuple[float, ...]:
        return self.image.numbers(tag) or self.main.numbers(tag)

    def finite(self, tag: int, *counts: int) -> tuple[float, ...]:
        """The tag's values, () where it is absent; Refusal for infinite ones and for another count."""
        values = self.numbers(tag)
        if not values:
            return ()
        if not all(map(math.isfinite, values)) or (counts and len(values) not in counts):
            raise Refusal(f"{tag_name(tag)} holds {_shown(values)}, which cannot be; {gate.DAMAGED}")
        return tuple(float(value) for value in values)


def _open(data: gate.FileBytes) -> _Negative:
    tree = open_tiff(data).tree()
    if not tree:
        raise Refusal(f"The file holds no image directory; {gate.DAMAGED}")
    found: list[tuple[int, Directory, Kind]] = []
    for image in tree:
        kind = _kind(image)
        if kind is not None and image.integer(Tag.NewSubFileType, 0) == 0:
            found.append((image.integer(Tag.ImageWidth, 0) * image.integer(Tag.ImageLength, 0), image, kind))
    if not found:
        raise Refusal("The file holds no full-size raw image, only previews or finished pictures; name the raw file.")
    _, image, kind = max(found, key=lambda item: item[0])
    return _Negative(data, tree[0], image, kind)


def _kind(image: Directory) -> Kind | None:
    photometric, samples = image.integer(Tag.PhotometricInterpretation, -1), image.integer(Tag.SamplesPerPixel, 1)
    if photometric == _COLOR_FILTER:
        if samples != 1:
            raise Refusal(f"The mosaic has {samples} samples a pixel instead of 1; export it as an ordinary DNG.")
        return "mosaic"
    if photometric == _LINEAR:
        return "monochrome" if samples == 1 else "linear"
    if photometric == _MONOCHROME and samples == 1:
        return "monochrome"
    return None


def _samples(negative: _Negative, decoding: Decoding | None) -> tuple[Samples, tuple[str, ...]]:
    """Linear counts, and notes on how they were got."""
    try:
        samples = read_samples(negative.image, decoding)
    except Unsupported as how:
        return _by_libraw(negative, str(how)), (f"The pixels ({how}) were decoded by LibRaw.",)
    table = negative.image.integers(Tag.LinearizationTable)
    if not table:
        return samples, ()
    if not all(0 <= value <= 65535 for value in table):
        raise Refusal(f"LinearizationTable holds values beyond 16 bits; {gate.DAMAGED}")
    full = np.full(256 if samples.dtype == np.uint8 else 65536, table[-1], np.uint16)
    full[: len(table)] = table[: len(full)]
    return full[samples], ()


def _by_libraw(negative: _Negative, how: str) -> npt.NDArray[np.uint16]:
    from anylens.files.libraw import opened

    if negative.kind == "linear":
        raise Refusal(f"The linear DNG is stored in a way that is not read ({how}); export it without compression.")
    height, width = negative.image.integer(Tag.ImageLength), negative.image.integer(Tag.ImageWidth)
    with opened(negative.data) as raw:
        counts: Any = raw.raw_image
        if counts is None or counts.shape != (height, width):
            raise Refusal(f"The DNG is stored in a way that is not read ({how}); export it without compression.")
        return np.array(counts, np.uint16)


def _facts(negative: _Negative, samples: Samples, lent: Sensor | None, notes: tuple[str, ...]) -> Facts:
    height, width = samples.shape[:2]
    area = _active_area(negative, height, width)
    crop, crop_notes = _crop(negative, area)
    exposure = read_exposure(negative.main)
    black, white = _levels(negative)
    rows, columns = area[2] - area[0], area[3] - area[1]
    calibrations, color_notes = _calibrations(negative, lent)
    balance = _three(negative.finite(Tag.AnalogBalance, 3)) or (1.0, 1.0, 1.0)
    if min(balance) <= 0:
        raise Refusal(f"AnalogBalance holds {_shown(balance)}, gains are above 0; {gate.DAMAGED}")
    noise, noise_notes = _noise(negative)
    silicon = Sensor(
        name=_camera_name(negative, exposure),
        width_px=width,
        height_px=height,
        cfa=_cfa(negative) if negative.kind == "mosaic" else (),
        black=black,
        white=white,
        pitch_um=None if Tag.OriginalDefaultFinalSize in negative.main else pitch_um(negative.main),
        noise=noise or (lent.noise if lent else None),
        calibrations=calibrations,
        analog_balance=balance,
        black_row_delta=negative.finite(Tag.BlackLevelDeltaV, rows),
        black_column_delta=negative.finite(Tag.BlackLevelDeltaH, columns),
    )
    neutral, neutral_notes = _neutral(negative, calibrations, balance)
    image = negative.image
    lists = Opcodes(*(image.raw(tag) for tag in (Tag.OpcodeList1, Tag.OpcodeList2, Tag.OpcodeList3)))
    return Facts(
        sensor=silicon,
        active_area=area,
        crop=crop,
        **exposure.facts,
        as_shot_neutral=neutral,
        baseline_exposure=sum(negative.finite(Tag.BaselineExposure, 1)),
        opcodes=lists,
        notes=(*notes, *crop_notes, *_scale_notes(negative), *color_notes, *neutral_notes, *noise_notes),
    )


def _active_area(negative: _Negative, height: int, width: int) -> tuple[int, int, int, int]:
    values = negative.image.integers(Tag.ActiveArea)
    if not values:
        return 0, 0, height, width
    if len(values) == 4:
        top, left, bottom, right = values
        if 0 <= top < bottom <= height and 0 <= left < right <= width:
            return top, left, bottom, right
    raise Refusal(f"ActiveArea {_shown(values)} does not lie within {height} x {width} pixels; {gate.DAMAGED}")


def _crop(
    negative: _Negative, area: tuple[int, int, int, int]
) -> tuple[tuple[float, float, float, float], tuple[str, ...]]:
    """DefaultCrop as (left, top, width, height) within the active area."""
    rows, columns = float(area[2] - area[0]), float(area[3] - area[1])
    origin = negative.finite(Tag.DefaultCropOrigin, 2) or (0.0, 0.0)
    size = negative.finite(Tag.DefaultCropSize, 2) or (columns - origin[0], rows - origin[1])
    fits = min(origin) >= 0 and min(size) > 0 and origin[0] + size[0] <= columns and origin[1] + size[1] <= rows
    if fits:
        return (origin[0], origin[1], size[0], size[1]), ()
    return (0.0, 0.0, columns, rows), ("The file's DefaultCrop does not fit its active area and is left out.",)


def _scale_notes(negative: _Negative) -> tuple[str, ...]:
    scale = negative.finite(Tag.DefaultScale, 2)
    if scale and scale[0] != scale[1]:
        return (f"The file's pixels are not square (DefaultScale {_shown(scale)}); they are shown as if they were.",)
    return ()


def _levels(negative: _Negative) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]:
    image = negative.image
    planes = image.integer(Tag.SamplesPerPixel, 1)
    repeat = image.integers(Tag.BlackLevelRepeatDim) or (1, 1)
    if len(repeat) != 2 or not (min(repeat) > 0 and max(repeat) <= 64):
        raise Refusal(f"BlackLevelRepeatDim holds {_shown(repeat)}, two small numbers belong there; {gate.DAMAGED}")
    count = repeat[0] * repeat[1] * planes
    levels = negative.finite(Tag.BlackLevel, 1, count) or (0.0,)
    levels = levels if len(levels) == count else levels * count
    if planes == 1:
        black = tuple(tuple(levels[row * repeat[1] : (row + 1) * repeat[1]]) for row in range(repeat[0]))
    else:
        black = (tuple(max(levels[plane::planes]) for plane in range(planes)),)
    table = image.integers(Tag.LinearizationTable)
    most = max(table) if table else (1 << image.integer(Tag.BitsPerSample, 16)) - 1
    white = negative.finite(Tag.WhiteLevel) or (float(most),)
    white = tuple(white[:planes]) if len(set(white)) > 1 else white[:1]
    if max(chain.from_iterable(black)) >= min(white):
        raise Refusal(
            f"BlackLevel {max(chain.from_iterable(black)):g} is not below WhiteLevel {min(white):g}, "
            "so no light is left between them; export the file again."
        )
    return black, white


def _cfa(negative: _Negative) -> CFA:
    image = negative.image
    planes = image.integers(Tag.CFAPlaneColor) or (0, 1, 2)
    if sorted(planes) != [0, 1, 2]:
        letters = "".join(_LETTERS[value] if 0 <= value < len(_LETTERS) else "?" for value in planes)
        raise Refusal(f"The colour filter has the colours {letters}, only R, G and B are developed; use linear DNG.")
    if image.integer(Tag.CFALayout, 1) != 1:
        raise Refusal(
            "The colour filter's pixels are staggered (CFALayout is not 1), which is not developed; use linear DNG."
        )
    repeat = image.integers(Tag.CFARepeatPatternDim) or (2, 2)
    pattern = image.integers(Tag.CFAPattern)
    if len(repeat) != 2 or len(pattern) != repeat[0] * repeat[1] or not pattern:
        raise Refusal(f"CFAPattern is missing or does not fit CFARepeatPatternDim; {gate.DAMAGED}")
    if repeat == (6, 6):
        raise Refusal("The sensor has a 6 x 6 X-Trans filter, Bayer and quad-Bayer are developed; use linear DNG.")
    letters = "".join(_LETTERS[value] if 0 <= value <= 2 else "?" for value in pattern)
    rows = tuple(tuple(letters[row * repeat[1] : (row + 1) * repeat[1]]) for row in range(repeat[0]))
    for phase in _PHASES:
        known = bayer(phase)
        size = len(known)
        same = repeat[0] % 2 == 0 and all(
            rows[y % repeat[0]][x % repeat[1]] == known[y % size][x % size]
            for y in range(math.lcm(repeat[0], size))
            for x in range(math.lcm(repeat[1], size))
        )
        if same:
            return known
    raise Refusal(
        f"The colour filter {'/'.join(''.join(row) for row in rows)} is neither Bayer nor quad-Bayer, which are "
        "developed; use linear DNG."
    )


def _calibrations(negative: _Negative, lent: Sensor | None) -> tuple[tuple[Calibration, ...], tuple[str, ...]]:
    found: list[Calibration] = []
    notes: list[str] = []
    for number in (1, 2, 3):
        matrix = _matrix(negative, getattr(Tag, f"ColorMatrix{number}"))
        if matrix is None:
            continue
        light = negative.main.integer(getattr(Tag, f"CalibrationIlluminant{number}"), 0)
        if light == 255:
            notes.append(f"Calibration {number} was made under a light of its own, which is taken as unknown.")
        forward, calibration = getattr(Tag, f"ForwardMatrix{number}"), getattr(Tag, f"CameraCalibration{number}")
        found.append(Calibration(light, matrix, _matrix(negative, forward), _matrix(negative, calibration)))
    if found:
        return tuple(found), tuple(notes)
    if lent is not None and lent.calibrations:
        return lent.calibrations, (f"The file has no colour matrices; those of {lent.name} were taken.",)
    if negative.kind == "monochrome":
        return (), ()
    raise Refusal(
        "The file has no ColorMatrix1, so its colours cannot be known; export it again or name a sensor with --sensor."
    )


def _matrix(negative: _Negative, tag: int) -> Matrix | None:
    values = negative.numbers(tag)
    if not values or (negative.kind == "monochrome" and len(values) != 9):
        return None
    if len(values) == 12:
        raise Refusal(f"{tag_name(tag)} is for a sensor of four colours, three are developed; use linear DNG.")
    a, b, c, d, e, f, g, h, i = negative.finite(tag, 9)
    return (a, b, c), (d, e, f), (g, h, i)


def _neutral(
    negative: _Negative, calibrations: Sequence[Calibration], balance: tuple[float, float, float]
) -> tuple[tuple[float, float, float] | None, tuple[str, ...]]:
    if negative.kind == "monochrome":
        return None, ()
    neutral = _three(negative.finite(Tag.AsShotNeutral, 3))
    xy = negative.finite(Tag.AsShotWhiteXY, 2)
    if neutral is None and xy:
        if not (xy[0] > 0 and xy[1] > 0 and sum(xy) < 1):
            raise Refusal(f"AsShotWhiteXY holds {_shown(xy)}, which is no colour of light; {gate.DAMAGED}")
        kelvin, tint = color.kelvin_from_xy((xy[0], xy[1]))
        found = color.neutral_from_kelvin(kelvin, tint, calibrations, balance)
        neutral = (float(found[0]), float(found[1]), float(found[2]))
    if neutral is None:
        return None, ("The file does not say which white balance it was shot with.",)
    if min(neutral) <= 0:
        raise Refusal(
            f"AsShotNeutral holds {_shown(neutral)}, a neutral surface gives light to all three; export again."
        )
    most = max(neutral)
    return (neutral[0] / most, neutral[1] / most, neutral[2] / most), ()


def _noise(negative: _Negative) -> tuple[Noise | None, tuple[str, ...]]:
    values = negative.numbers(Tag.NoiseProfile)
    if not values:
        return None, ()
    if len(values) in (2, 6) and all(math.isfinite(v) and v >= 0 for v in values) and max(values) > 0:
        return Noise(tuple(map(float, values[::2])), tuple(map(float, values[1::2])), "file"), ()
    return None, (f"The file's NoiseProfile {_shown(values)} cannot be and is left out.",)


def _camera_name(negative: _Negative, exposure: Exposure) -> str:
    name = negative.main.text(Tag.UniqueCameraModel)
    if name or exposure.body is None:
        return name or "unknown camera"
    return f"{exposure.body.maker} {exposure.body.model}".strip()


def _three(values: tuple[float, ...]) -> tuple[float, float, float] | None:
    return (values[0], values[1], values[2]) if len(values) == 3 else None


def _shown(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values[:8]) + (" ..." if len(values) > 8 else "")
