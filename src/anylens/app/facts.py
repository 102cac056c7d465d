"""Facts as photographers read them."""

from __future__ import annotations

import math

from anylens.frame import Facts
from anylens.sensor import Sensor

ORIENTATIONS = (
    "upright",
    "mirrored left to right",
    "upside down",
    "mirrored top to bottom",
    "mirrored, turned a quarter left",
    "a quarter turn to the right makes it upright",
    "mirrored, turned a quarter right",
    "a quarter turn to the left makes it upright",
)
ILLUMINANTS = {
    1: "daylight",
    2: "fluorescent",
    3: "tungsten",
    4: "flash",
    9: "fine weather",
    10: "cloudy",
    11: "shade",
    17: "standard light A (2856 K)",
    18: "standard light B",
    19: "standard light C",
    20: "D55",
    21: "D65",
    22: "D75",
    23: "D50",
    24: "studio tungsten",
}
SOURCES = {
    "file": "from the file",
    "estimated": "estimated from the frame itself",
    "sensor": "from the sensor's data sheet",
    "twin": "simulated",
    "exif": "as the camera wrote it",
    "hand": "set by hand",
}


def words(facts: Facts, *, linear: bool = False) -> list[tuple[str, str]]:
    """(what, value) rows in photographers' words; what is not known is said to be unknown or left out.

    `linear` says that the file holds a scene, which has all colours at every pixel.
    """
    sensor, setting = facts.sensor, facts.setting
    height, width = facts.active_shape
    rows = [("Camera", _camera(facts)), ("Lens", _lens(facts))]
    rows.append(("Exposure", "unknown" if facts.exposure_s is None else time_words(facts.exposure_s)))
    if setting is not None:
        rows.append(("Aperture", "unknown" if setting.f_number is None else f"f/{setting.f_number:g}"))
        if setting.focal_mm is not None:
            rows.append(("Focal length", f"{setting.focal_mm:g} mm"))
        if setting.focus_m is not None:
            far = math.isinf(setting.focus_m)
            rows.append(("Focused at", "infinity" if far else f"{setting.focus_m:g} m"))
        rows.append(("Rings", SOURCES[setting.source]))
    if facts.iso is not None:
        rows.append(("ISO", f"{facts.iso:g}"))
    if facts.taken is not None:
        rows.append(("Taken", facts.taken.isoformat(sep=" ")))
    left, top, crop_width, crop_height = facts.crop
    rows.append(("Picture", f"{crop_width:g} x {crop_height:g} px ({crop_width * crop_height / 1e6:.1f} MP)"))
    rows.append(("Orientation", ORIENTATIONS[facts.orientation - 1]))
    seen = "all colours at every pixel" if linear else _filter(sensor)
    rows.append(("Sensor", f"{sensor.name}, {sensor.width_px} x {sensor.height_px} px, {seen}"))
    if (height, width) != (sensor.height_px, sensor.width_px) or (left, top) != (0, 0):
        start = f"from {facts.active_area[1]}, {facts.active_area[0]}"
        rows.append(("Lit area", f"{width} x {height} px {start}, cropped from {left:g}, {top:g}"))
    if sensor.pitch_um is not None:
        rows.append(("Pixel pitch", f"{sensor.pitch_um:g} um"))
    blacks = sorted({value for row in sensor.black for value in row})
    rows.append(("Black level", _few(blacks) + _black_deltas(sensor)))
    rows.append(("White level", _few(sorted(set(sensor.white)))))
    rows.append(("White balance", _neutral(facts)))
    rows.append(("Colour matrices", _calibrations(sensor)))
    if facts.baseline_exposure:
        rows.append(("Baseline exposure", f"{facts.baseline_exposure:+.2f} EV"))
    rows.append(("Noise", _noise(sensor)))
    lists = [f"list {n}: {len(block)} bytes" for n in (1, 2, 3) if (block := getattr(facts.opcodes, f"list{n}"))]
    if lists:
        rows.append(("DNG opcodes", ", ".join(lists)))
    rows.append(("Passport", "none" if facts.passport is None else facts.passport.whose))
    rows += [("Note", note) for note in facts.notes]
    return rows


def time_words(seconds: float) -> str:
    """An exposure time as cameras show it: `1/455 s`, `0.4 s`, `30 s`."""
    if 0.0 < seconds < 0.3:
        return f"1/{1.0 / seconds:.0f} s"
    return f"{seconds:.3g} s"


def _camera(facts: Facts) -> str:
    body = facts.body
    if body is None:
        return "unknown"
    serial = f"serial number {body.serial}" if body.serial else ""
    return ", ".join(filter(None, (body.name, serial, body.mount)))


def _lens(facts: Facts) -> str:
    lens = facts.lens
    if lens is None:
        return "unknown"
    name = lens.name or "unnamed"
    if lens.focal_mm is not None:
        short, long = lens.focal_mm
        name += f", {short:g} mm" if short == long else f", {short:g}-{long:g} mm"
    if lens.max_aperture is not None:
        wide, tele = lens.max_aperture
        name += f", f/{wide:g}" if wide == tele else f", f/{wide:g}-{tele:g}"
    return name


def _filter(sensor: Sensor) -> str:
    if not sensor.cfa:
        return "no colour filter"
    if len(sensor.cfa) == 2:
        return "Bayer " + "".join("".join(row) for row in sensor.cfa)
    if len(sensor.cfa) == 4 and sensor.cfa[0][0] == sensor.cfa[0][1] == sensor.cfa[1][1]:
        return "quad-Bayer " + "".join(sensor.cfa[y][x] for y in (0, 2) for x in (0, 2))
    return "colour filter " + "/".join("".join(row) for row in sensor.cfa)


def _few(values: list[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _black_deltas(sensor: Sensor) -> str:
    kinds = [
        name for name, held in (("row", sensor.black_row_delta), ("column", sensor.black_column_delta)) if any(held)
    ]
    return f", with a difference for each {' and '.join(kinds)}" if kinds else ""


def _neutral(facts: Facts) -> str:
    if facts.as_shot_neutral is None:
        return "unknown"
    gains = [1.0 / value for value in facts.as_shot_neutral]
    least = min(gains)
    return "as shot: " + ", ".join(f"{c} x {gain / least:.3f}" for c, gain in zip("RGB", gains, strict=True))


def _calibrations(sensor: Sensor) -> str:
    if not sensor.calibrations:
        return "none"
    return ", ".join(
        ILLUMINANTS.get(held.illuminant, f"light {held.illuminant}")
        + (" with forward matrix" if held.forward_matrix is not None else "")
        for held in sensor.calibrations
    )


def _noise(sensor: Sensor) -> str:
    noise = sensor.noise
    if noise is None:
        return "unknown"
    scale, offset = noise.plane(1)
    full, floor = (math.sqrt(scale + offset), math.sqrt(max(offset, 0.0)))
    reach = f", {math.log2(1.0 / floor):.1f} EV from noise floor to white" if floor > 0.0 else ""
    return f"{100 * floor:.3g} % in the dark, {100 * full:.3g} % at white (green){reach}; {SOURCES[noise.source]}"
