"""`anylens lab tilt`: how the lens stands to the sensor, from frames of one chart through focus."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.app import measuring
from anylens.app.syntax import Syntax
from anylens.app.table import table
from anylens.app.voice import Usage
from anylens.record import record
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lab import Specimen
    from anylens.lab.samples import Samples
    from anylens.lab.sharpness import Sharpness
    from anylens.lab.through_focus import Tilt


@record(frozen=True, slots=True, eq=False)
class _Frame:
    """One file: its light, how far the lens stood out, and its edges."""

    file: str
    notes: tuple[str, ...]
    samples: Samples
    focus_um: float
    sharpness: Sharpness


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lab tilt`."""
    measuring.files_and_outcome(syntax, "tilt", "draw best focus over the field into this .svg")
    syntax.add_argument(
        "--focus", metavar="UM,UM,...", help="how far the lens stood out in each file, in micrometres from any mark"
    )
    syntax.add_argument(
        "--distance", metavar="M,M,...", help="what was in focus in each, in metres, where the files do not say"
    )


def run(given: Namespace) -> int:
    """Measure the tilt from all files together; 1 where one of them could not be measured."""
    from anylens.lab.through_focus import FOCAL_ERROR, tilt

    picture = measuring.place(given.picture, ".svg")
    measuring.apart(given.files, given.picture)
    if given.focus is not None and given.distance is not None:
        raise Usage("--focus and --distance say the same; give one of them")
    frames = _frames(given)
    if not frames:
        return 1
    settings = len({frame.focus_um for frame in frames})
    if settings < 4:
        raise Refusal(
            f"The files show {settings} setting{'' if settings == 1 else 's'} of the focus, "
            "4 are the least; take frames of one chart on both sides of best focus."
        )
    first = frames[0].samples
    stretch = 2.0 * FOCAL_ERROR if given.focus is None else 0.0
    readings = [(frame.focus_um, frame.sharpness) for frame in frames]
    found = tilt(readings, first.shape, first.pitch_um, stretch)
    if picture is not None:
        from anylens.lab.report.plots import focus_plot

        corner_mm = math.hypot(*first.shape) / 2.0 * (first.pitch_um or 1.0) * 1e-3
        measuring.keep(picture, focus_plot(found, corner_mm).standalone())
    notes = list(dict.fromkeys(note for frame in frames for note in frame.notes))
    if given.json:
        used = [{"file": f.file, "focus_um": f.focus_um, "edges": len(f.sharpness.edges)} for f in frames]
        print(measuring.as_json("tilt", [{"files": used, "notes": notes, "tilt": found}]))
    else:
        _tell(len(frames), found)
        measuring.notes(notes)
    return int(len(frames) < len(given.files))


def _frames(given: Namespace) -> list[_Frame]:
    """Every file that can be measured; why another cannot is said."""
    from anylens.lab.sharpness import edges_sharpness

    many = len(given.files)
    focus_um = iter(_numbers("--focus", given.focus, many))
    distance_m = iter(_numbers("--distance", given.distance, many))
    frames: list[_Frame] = []

    def measure(file: str) -> _Frame:
        stood, at_m = next(focus_um), next(distance_m)
        specimen = measuring.seen(file, given.sensor)
        samples = specimen.luminance()
        if frames and samples.shape != frames[0].samples.shape:
            raise Refusal(f"{Path(file).name} has another size than the first frame; give frames of one camera.")
        stood = _extension(specimen, at_m) if stood is None else stood
        return _Frame(file, specimen.notes, samples, stood, edges_sharpness(samples))

    for _, frame in measuring.each(given.files, measure):
        frames.append(frame)
    return frames


def _numbers(name: str, text: str | None, count: int) -> Sequence[float | None]:
    """One number for each file, or None for each where the option is not given."""
    if text is None:
        return [None] * count
    try:
        numbers = [float(each) for each in text.split(",")]
    except ValueError:
        raise Usage(f"{name} {text} is not a list of numbers; write them with commas between") from None
    if not all(-math.inf < number for number in numbers) or (name == "--focus" and math.inf in numbers):
        raise Usage(f"{name} {text} has a number that no focus has; give others")
    if len(numbers) != count:
        raise Usage(f"{name} has {len(numbers)} numbers for {count} files; give one for each, in their order")
    return numbers


def _extension(specimen: Specimen, distance_m: float | None) -> float:
    """How far the lens stood out, by the distance it was focused at."""
    from anylens.lab.through_focus import extension_um

    setting = None if specimen.facts is None else specimen.facts.setting
    focal_mm = None if setting is None else setting.focal_mm
    at_m = distance_m if distance_m is not None else None if setting is None else setting.focus_m
    if focal_mm is None or at_m is None:
        lacking = "the focal length" if focal_mm is None else "where the lens was focused"
        raise Refusal(
            f"{specimen.name} does not say {lacking}; give --focus with a number in micrometres for each file."
        )
    return extension_um(focal_mm, at_m)


def _tell(frames: int, found: Tilt) -> None:
    print(f"Tilt from {frames} frames, best focus at {len(found.places_mm)} edges\n")
    rows = [
        ("right side nearer to the lens, °", str(found.about_y_deg)),
        ("lower side nearer to the lens, °", str(found.about_x_deg)),
        ("best focus in the middle, µm", str(found.focus_um)),
        ("in the corner against the middle, µm", str(found.curvature_um)),
        ("left by plane and curvature, µm", f"{found.residual_um:.1f} rms"),
    ]
    print(table(rows))
