"""The negative: a frame, a mosaic or a scene as DNG 1.4 (Adobe, Digital Negative Specification 1.7.1), nothing lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from anylens import color
from anylens.files.bands import in_order
from anylens.files.exif import (
    SOFTWARE,
    exif_entries,
    focal_plane_entries,
    image_entries,
    known_orientation,
    lens_range,
    texts,
)
from anylens.files.opcodes_out import with_passport_opcodes
from anylens.files.tags import Tag
from anylens.files.tiff import Draft, Entry, Type, write_tiff
from anylens.files.xmp import xmp_packet
from anylens.frame import Facts, Frame, Opcodes
from anylens.image import Mosaic, Scene
from anylens.record import replace
from anylens.refusal import Refusal
from anylens.sensor import CFA, Calibration, Noise, Sensor

_TILE = 256
_COLORS = {"R": 0, "G": 1, "B": 2}
_COLOR_FILTER, _LINEAR_RAW = 32803, 34892
_D65 = 21
_PLAIN, _LOSSLESS_JPEG = 1, 7
_MOST_COUNTS = 65535
_MOSAIC_BLACK = 512
_LOWEST_LIGHT, _HIGHEST_LIGHT = -0.25, 64.0

_CALIBRATION_TAGS = (
    (Tag.CalibrationIlluminant1, Tag.ColorMatrix1, Tag.ForwardMatrix1, Tag.CameraCalibration1),
    (Tag.CalibrationIlluminant2, Tag.ColorMatrix2, Tag.ForwardMatrix2, Tag.CameraCalibration2),
    (Tag.CalibrationIlluminant3, Tag.ColorMatrix3, Tag.ForwardMatrix3, Tag.CameraCalibration3),
)


def write_frame_dng(file: BinaryIO, frame: Frame, frames: int = 1) -> None:
    """Writes a frame's counts bit for bit, masked pixels too, with its facts; `frames` is how many were merged in it.

    One plane is stored as lossless JPEG (ITU-T T.81 process 14) in the layout of Adobe's own converter, which every
    reader knows: tiles of 256 x 256, predictor 1, a component for each column of the colour filter; a frame no wider
    than a tile for each component is one strip, since LibRaw misreads tiles as wide as the image and wider, and as wide
    as one of its components' part of it. Three planes are stored plainly as linear raw. A noise profile that was
    estimated from these very counts is left out: it can be estimated again, and in the file it would pass for the
    maker's. Under a colour filter DNG has one white level: the lowest.
    What the lens's passport says goes along as opcodes. Raises Refusal for colour filters of other colours than red,
    green and blue, and for more than 4 GB.
    """
    facts = frame.facts
    details = exif_entries(facts) | focal_plane_entries(facts)
    entries = (
        image_entries(facts, orientation=known_orientation(facts))
        | _identity(facts, frames)
        | _geometry(facts)
        | _levels(facts, planes=1 if frame.raw.ndim == 2 else 3)
        | _color(facts)
        | _noise(facts.sensor.noise)
        | _opcodes(with_passport_opcodes(facts))
    )
    layout, chunks = _mosaic_image(frame.raw, facts.sensor.cfa) if frame.raw.ndim == 2 else _linear_image(frame.raw)
    write_tiff(file, Draft(entries | layout, {Tag.ExifIFD: (Draft(details),)}, chunks))


def write_mosaic_dng(file: BinaryIO, mosaic: Mosaic) -> None:
    """Writes a mosaic's light as a DNG of 16-bit counts.

    Black is put high enough that noise down to -0.25 stays unclipped. Light above 1 (after white balance or a merge)
    is kept up to 64: all is scaled down until the brightest pixel is at white level, and BaselineExposure says by how
    much. The noise profile of merged light is the mean of what is left of it in all pixels. Gains that were applied go
    into AnalogBalance and AsShotNeutral, so a reader sees the same colours. The first opcode list, which belongs to the
    counts before, is left out. Raises Refusal as `write_frame_dng` does.
    """
    light = mosaic.pixels
    facts = mosaic.facts
    height, width = light.shape
    brightest = min(max(1.0, float(np.fmax.reduce(light, axis=None, initial=1.0))), _HIGHEST_LIGHT)
    darkest = max(min(0.0, float(np.fmin.reduce(light, axis=None, initial=0.0))), _LOWEST_LIGHT)
    black = max(_MOSAIC_BLACK, math.ceil(_MOST_COUNTS * -darkest / (brightest - darkest)))
    scale = np.float32((_MOST_COUNTS - black) / brightest)
    raw = np.empty(light.shape, np.uint16)
    for top in range(0, height, _TILE):
        band = light[top : top + _TILE] * scale
        band += np.float32(black + 0.5)
        np.fmax(band, np.float32(0.0), out=band)
        np.fmin(band, np.float32(_MOST_COUNTS), out=band)
        raw[top : top + _TILE] = band.astype(np.uint16)
    gains = facts.balance or (1.0, 1.0, 1.0)
    sensor = replace(
        facts.sensor,
        width_px=width,
        height_px=height,
        black=((float(black),),),
        white=(float(_MOST_COUNTS),),
        noise=_averaged(_scaled(facts.sensor.noise, gains, brightest), mosaic.frames_used),
        analog_balance=_product(facts.sensor.analog_balance, gains),
    )
    neutral = None
    if facts.as_shot_neutral is not None:
        seen = _product(facts.as_shot_neutral, gains)
        neutral = _product(seen, (1.0 / max(seen),) * 3)
    written = replace(_of_light(facts, sensor, neutral, brightest), opcodes=replace(facts.opcodes, list1=b""))
    write_frame_dng(file, Frame(raw, written), mosaic.frames)


def write_scene_dng(file: BinaryIO, scene: Scene) -> None:
    """Writes a scene as linear DNG, light in the camera's own colours before white balance, in 16-bit counts.

    Light of a camera without calibration, and of finished pictures, is written in Rec. 2020. Light above 1 is kept as
    `write_mosaic_dng` keeps it. Raises Refusal for more than 4 GB.
    """
    facts = scene.facts
    _, height, width = scene.pixels.shape
    gains = facts.balance or (1.0, 1.0, 1.0)
    neutral = _product((1.0 / gains[0], 1.0 / gains[1], 1.0 / gains[2]), (min(gains),) * 3)
    known, noise = facts.sensor.calibrations, facts.sensor.noise
    if known and not facts.display_referred:
        to_scene = color.camera_to_rec2020(known, facts.sensor.analog_balance, neutral) * np.array(gains)
    else:
        to_scene, neutral, noise = np.eye(3), (1.0, 1.0, 1.0), None
        red, green, blue = (tuple(float(value) for value in row) for row in color.xyz_to_rgb("rec2020"))
        known = (Calibration(_D65, (red, green, blue)),)  # type: ignore[arg-type]
    light = np.linalg.inv(to_scene).astype(np.float32) @ scene.pixels.reshape(3, -1)
    brightest = min(max(1.0, float(np.fmax.reduce(light, axis=None, initial=1.0))), _HIGHEST_LIGHT)
    light *= np.float32((_MOST_COUNTS - _MOSAIC_BLACK) / brightest)
    light += np.float32(_MOSAIC_BLACK + 0.5)
    raw = np.clip(light, 0, _MOST_COUNTS, out=light).astype(np.uint16).reshape(scene.pixels.shape)
    sensor = replace(
        facts.sensor,
        width_px=width,
        height_px=height,
        cfa=(),
        black=((float(_MOSAIC_BLACK),),),
        white=(float(_MOST_COUNTS),),
        noise=_scaled(noise, (1.0, 1.0, 1.0), brightest),
        calibrations=known,
    )
    written = replace(_of_light(facts, sensor, neutral, brightest), opcodes=Opcodes(list3=facts.opcodes.list3))
    frames = 1 if scene.came_from is None else len(np.unique(scene.came_from))
    write_frame_dng(file, Frame(raw, written), frames)


def _of_light(facts: Facts, sensor: Sensor, neutral: tuple[float, float, float] | None, brightest: float) -> Facts:
    """The facts of counts that were made of light before white balance: all of `sensor`, `brightest` at white level."""
    height, width = sensor.height_px, sensor.width_px
    return replace(
        facts,
        sensor=replace(sensor, black_row_delta=(), black_column_delta=()),
        active_area=(0, 0, height, width),
        crop=facts.crop if facts.active_shape == (height, width) else (0.0, 0.0, float(width), float(height)),
        as_shot_neutral=neutral,
        balance=None,
        baseline_exposure=facts.baseline_exposure + math.log2(brightest),
    )


def _identity(facts: Facts, frames: int) -> dict[int, Entry]:
    """Who: DNG's own tags for camera and lens beside EXIF's."""
    third = len(facts.sensor.calibrations) > 2
    entries: dict[int, Entry] = {
        Tag.DNGVersion: Entry(Type.BYTE, bytes((1, 6 if third else 4, 0, 0))),
        Tag.DNGBackwardVersion: Entry(Type.BYTE, bytes((1, 3, 0, 0))),
        Tag.Software: Entry(Type.ASCII, SOFTWARE),
        Tag.XMP: Entry(Type.BYTE, xmp_packet(frames=frames, facts=facts)),
    }
    entries |= texts({Tag.UniqueCameraModel: facts.sensor.name or "unknown camera"})
    if facts.body is not None:
        entries |= texts({Tag.CameraSerialNumber: facts.body.serial})
    span = None if facts.lens is None else lens_range(facts.lens)
    return entries if span is None else entries | {Tag.LensInfo: span}


def _geometry(facts: Facts) -> dict[int, Entry]:
    left, top, width, height = facts.crop
    return {
        Tag.ActiveArea: Entry(Type.LONG, facts.active_area),
        Tag.DefaultScale: Entry(Type.RATIONAL, (1, 1)),
        Tag.DefaultCropOrigin: Entry(Type.RATIONAL, (left, top)),
        Tag.DefaultCropSize: Entry(Type.RATIONAL, (width, height)),
    }


def _levels(facts: Facts, planes: int) -> dict[int, Entry]:
    sensor = facts.sensor
    white = sensor.white if planes == len(sensor.white) else (min(sensor.white),) * planes
    entries: dict[int, Entry] = {
        Tag.BlackLevelRepeatDim: Entry(Type.SHORT, (len(sensor.black), len(sensor.black[0]))),
        Tag.BlackLevel: _unsigned([level for row in sensor.black for level in row for _ in range(planes)]),
        Tag.WhiteLevel: Entry(Type.LONG, tuple(round(level) for level in white)),
    }
    if sensor.black_column_delta:
        entries[Tag.BlackLevelDeltaH] = Entry(Type.SRATIONAL, sensor.black_column_delta)
    if sensor.black_row_delta:
        entries[Tag.BlackLevelDeltaV] = Entry(Type.SRATIONAL, sensor.black_row_delta)
    return entries


def _unsigned(values: Sequence[float]) -> Entry:
    if min(values) < 0:
        raise Refusal(f"A black level of {min(values):g} cannot be written: DNG's begin at 0; correct the sensor's.")
    whole_numbers = all(value == int(value) for value in values)
    return Entry(Type.LONG, [int(v) for v in values]) if whole_numbers else Entry(Type.RATIONAL, values)


def _color(facts: Facts) -> dict[int, Entry]:
    entries: dict[int, Entry] = {Tag.BaselineExposure: Entry(Type.SRATIONAL, (facts.baseline_exposure,))}
    if facts.sensor.calibrations or facts.sensor.analog_balance != (1.0, 1.0, 1.0):
        entries[Tag.AnalogBalance] = Entry(Type.RATIONAL, facts.sensor.analog_balance)
    if facts.as_shot_neutral is not None:
        entries[Tag.AsShotNeutral] = Entry(Type.RATIONAL, facts.as_shot_neutral)
    for calibration, tags in zip(facts.sensor.calibrations, _CALIBRATION_TAGS, strict=False):
        entries |= _calibration(calibration, *tags)
    return entries


def _calibration(calibration: Calibration, light: int, color: int, forward: int, copy: int) -> dict[int, Entry]:
    entries: dict[int, Entry] = {light: Entry(Type.SHORT, (calibration.illuminant,))}
    for tag, matrix in (
        (color, calibration.color_matrix),
        (forward, calibration.forward_matrix),
        (copy, calibration.camera_calibration),
    ):
        if matrix is not None:
            entries[tag] = Entry(Type.SRATIONAL, [value for row in matrix for value in row])
    return entries


def _noise(noise: Noise | None) -> dict[int, Entry]:
    if noise is None or noise.source == "estimated":
        return {}
    pairs = [value for pair in zip(noise.scale, noise.offset, strict=True) for value in pair]
    return {Tag.NoiseProfile: Entry(Type.DOUBLE, pairs)}


def _opcodes(opcodes: Opcodes) -> dict[int, Entry]:
    lists = {Tag.OpcodeList1: opcodes.list1, Tag.OpcodeList2: opcodes.list2, Tag.OpcodeList3: opcodes.list3}
    return {tag: Entry(Type.UNDEFINED, code) for tag, code in lists.items() if code}


def _mosaic_image(raw: npt.NDArray[np.uint16], cfa: CFA) -> tuple[dict[int, Entry], list[bytes]]:
    import imagecodecs

    period = len(cfa) or 1
    if period not in (1, 2, 4) or not {color for row in cfa for color in row} <= set(_COLORS):
        raise Refusal("This colour filter is not 2 x 2 or 4 x 4 of R, G and B, which a DNG holds; keep its own file.")
    height, width = raw.shape

    def coded(block: npt.NDArray[np.uint16]) -> bytes:
        """Columns of one colour are a component of their own, so the sample to the left has its colour."""
        rows, columns = block.shape
        components = period if columns % period == 0 else 1
        return bytes(
            imagecodecs.jpeg8_encode(
                np.ascontiguousarray(block).reshape(rows, columns // components, components),
                lossless=True,
                predictor=1,
                bitspersample=16,
                colorspace=0,
                outcolorspace=0,
            )
        )

    def tile(corner: tuple[int, int]) -> bytes:
        top, left = corner
        block = raw[top : top + _TILE, left : left + _TILE]
        if block.shape != (_TILE, _TILE):
            block = np.pad(block, ((0, _TILE - block.shape[0]), (0, _TILE - block.shape[1])), "edge")
        return coded(block)

    entries = _layout(height, width, 1, _COLOR_FILTER if cfa else _LINEAR_RAW, _LOSSLESS_JPEG)
    if width <= _TILE * period:
        entries[Tag.RowsPerStrip] = Entry(Type.LONG, (height,))
        chunks = [coded(raw)]
    else:
        entries[Tag.TileWidth] = entries[Tag.TileLength] = Entry(Type.LONG, (_TILE,))
        corners = [(top, left) for top in range(0, height, _TILE) for left in range(0, width, _TILE)]
        chunks = list(in_order(tile, corners))
    if cfa:
        entries |= {
            Tag.CFARepeatPatternDim: Entry(Type.SHORT, (period, period)),
            Tag.CFAPattern: Entry(Type.BYTE, bytes(_COLORS[color] for row in cfa for color in row)),
            Tag.CFAPlaneColor: Entry(Type.BYTE, bytes((0, 1, 2))),
            Tag.CFALayout: Entry(Type.SHORT, (1,)),
        }
    return entries, chunks


def _linear_image(raw: npt.NDArray[np.uint16]) -> tuple[dict[int, Entry], list[memoryview]]:
    _, height, width = raw.shape
    entries = _layout(height, width, 3, _LINEAR_RAW, _PLAIN)
    entries[Tag.RowsPerStrip] = Entry(Type.LONG, (height,))
    return entries, [np.ascontiguousarray(raw.transpose(1, 2, 0), "<u2").data]


def _layout(height: int, width: int, samples: int, meaning: int, compression: int) -> dict[int, Entry]:
    return {
        Tag.NewSubFileType: Entry(Type.LONG, (0,)),
        Tag.ImageWidth: Entry(Type.LONG, (width,)),
        Tag.ImageLength: Entry(Type.LONG, (height,)),
        Tag.BitsPerSample: Entry(Type.SHORT, (16,) * samples),
        Tag.Compression: Entry(Type.SHORT, (compression,)),
        Tag.PhotometricInterpretation: Entry(Type.SHORT, (meaning,)),
        Tag.SamplesPerPixel: Entry(Type.SHORT, (samples,)),
        Tag.PlanarConfiguration: Entry(Type.SHORT, (1,)),
    }


def _scaled(noise: Noise | None, gains: tuple[float, float, float], down: float) -> Noise | None:
    """The noise of light that was multiplied by `gains` and then divided by `down`."""
    if noise is None:
        return None
    factors = [gain / down for gain in gains]
    pairs = [noise.plane(plane) for plane in range(3)]
    return Noise(
        tuple(scale * factor for (scale, _), factor in zip(pairs, factors, strict=True)),
        tuple(offset * factor * factor for (_, offset), factor in zip(pairs, factors, strict=True)),
        noise.source,
    )


def _averaged(noise: Noise | None, frames_used: npt.NDArray[np.float32] | None) -> Noise | None:
    """The noise of merged light, known by merging from the noise of its frames."""
    if noise is None or frames_used is None:
        return noise
    left = float(np.mean(1.0 / np.maximum(frames_used[::4, ::4], np.float32(1e-3)), dtype=np.float64))
    return Noise(tuple(v * left for v in noise.scale), tuple(v * left for v in noise.offset), "sensor")


def _product(first: Sequence[float], second: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (a * b for a, b in zip(first, second, strict=True))
    return red, green, blue
