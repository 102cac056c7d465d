"""What was measured, as the TOML file of a sensor that `anylens` reads (schema 1)."""

from __future__ import annotations

from collections.abc import Sequence

from anylens.lab.color import ColorMeasure
from anylens.lab.noise import NoiseMeasure
from anylens.refusal import Refusal
from anylens.sensor import Sensor


def sensor_toml(sensor: Sensor, noise: NoiseMeasure | None = None, colors: Sequence[ColorMeasure] = ()) -> str:
    """The sensor with the noise and the matrices that were measured; what was not measured stays as it was.

    Raises Refusal for a colour filter that the schema has no name for.
    """
    lines = [
        "schema = 1",
        f'name = "{_plain(sensor.name)}"',
        f"width_px = {sensor.width_px}",
        f"height_px = {sensor.height_px}",
        f'cfa = "{_filter(sensor)}"',
        f"black = {_black(sensor)}",
        f"white = {_list(sensor.white)}",
    ]
    if sensor.pitch_um is not None:
        lines.append(f"pitch_um = {sensor.pitch_um:.6g}")
    fits = [(measure, measure.fit) for measure in colors if measure.fit is not None]
    if fits:
        lines.append(f"as_shot_neutral = {_list(fits[0][1].neutral)}")
    notes = [_noise_note(noise)] if noise is not None else []
    notes += [
        f"Colour matrices fitted to {fit.patches} patches of {measure.file} under {measure.light}: mean CIEDE2000 "
        f"{fit.fitted_delta_e:.2f}, {fit.crossed_delta_e.value:.2f} of patches left out of the fit."
        for measure, fit in fits
    ]
    if notes:
        lines += ["notes = [", *(f'  "{_plain(note)}",' for note in notes), "]"]
    if noise is not None:
        lines += [
            "",
            "[noise]",
            f"scale = {_list([f.value for f in noise.scale])}",
            f"offset = {_list([max(f.value, 0.0) for f in noise.offset])}",
        ]
    elif sensor.noise is not None and sensor.noise.source != "estimated":
        lines += ["", "[noise]", f"scale = {_list(sensor.noise.scale)}", f"offset = {_list(sensor.noise.offset)}"]
    new = [(fit.illuminant, fit.color_matrix, fit.forward_matrix) for _, fit in fits]
    old = [(c.illuminant, c.color_matrix, c.forward_matrix) for c in sensor.calibrations] if not new else []
    for illuminant, matrix, forward in new or old:
        lines += ["", "[[calibration]]", f"illuminant = {illuminant}", f"color_matrix = {_rows(matrix)}"]
        if forward is not None:
            lines.append(f"forward_matrix = {_rows(forward)}")
    return "\n".join(lines) + "\n"


def _noise_note(noise: NoiseMeasure) -> str:
    at = "" if noise.iso is None else f" at ISO {noise.iso:g}"
    return (
        f"Noise measured by photon transfer{at} in {noise.frames} frames: gain {noise.gain_dn_per_e} DN/e-, "
        f"read noise {noise.read_noise_e} e-."
    )


def _filter(sensor: Sensor) -> str:
    if not sensor.cfa:
        return "mono"
    step = 2 if len(sensor.cfa) == 4 else 1
    letters = "".join(
        sensor.cfa[y][x] for y in range(0, len(sensor.cfa), step) for x in range(0, len(sensor.cfa), step)
    )
    if letters not in ("RGGB", "GRBG", "GBRG", "BGGR"):
        raise Refusal(f"The colour filter {letters} has no name in a sensor file; only Bayer and quad-Bayer have.")
    return f"quad-{letters}" if step == 2 else letters


def _black(sensor: Sensor) -> str:
    levels = {value for row in sensor.black for value in row}
    return f"{levels.pop():.8g}" if len(levels) == 1 else "[" + ", ".join(_list(row) for row in sensor.black) + "]"


def _list(values: Sequence[float]) -> str:
    return "[" + ", ".join(f"{value:.8g}" for value in values) + "]"


def _rows(matrix: Sequence[Sequence[float]]) -> str:
    return "[" + ", ".join("[" + ", ".join(f"{value:.4f}" for value in row) + "]" for row in matrix) + "]"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() and c not in '"\\' else "'" for c in text)
