"""`anylens lab tilt`: how the lens stands to the sensor, from frames of one chart through focus."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.app import measuring, voice
from anylens.app.syntax import Syntax
from anylens.app.table import table
from anylens.app.voice import Usage
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lab import Specimen
    from anylens.lab.samples import Samples
    from anylens.lab.sharpness import Sharpness
    from anylens.lab.through_focus import Tilt


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
    from anylens.lab.sharpness import edges_sharpness
    from anylens.lab.through_focus import FOCAL_ERROR, tilt

    picture = measuring.place(given.picture, ".svg")
    measuring.apart(given.files, given.picture)
    if given.focus is not None and given.distance is not None:
        raise Usage("--focus and --distance say the same; give one of them")
    focus_um = _numbers("--focus", given.focus, len(given.files))
    distance_m = _numbers("--distance", given.distance, len(given.files))
    readings: list[tuple[float, Sharpness]] = []
    used: list[dict[str, object]] = []
    first: Samples | None = None
    failed = 0
    notes: list[str] = []
    for at, file in enumerate(given.files):
        try:
            specimen = measuring.seen(file, given.sensor)
            samples = specimen.luminance()
            if first is not None and samples.shape != first.shape:
                raise Refusal(f"{Path(file).name} has another size than the first frame; give frames of one camera.")
            stood = (
                focus_um[at] if focus_um is not None else _extension(specimen, distance_m[at] if distance_m else None)
            )
            readings.append((stood, edges_sharpness(samples)))
        except Exception as error:
            voice.complain(voice.sentence(error, Path(file)))
            failed = 1
            continue
        first = first or samples
        used.append({"file": file, "focus_um": stood, "edges": len(readings[-1][1].edges)})
        notes += specimen.notes
    if first is None:
        return 1
    settings = len({stood for stood, _ in readings})
    if settings < 4:
        raise Refusal(
            f"The files show {settings} setting{'' if settings == 1 else 's'} of the focus, "
            "4 are the least; take frames of one chart on both sides of best focus."
        )
    stretch = 2.0 * FOCAL_ERROR if focus_um is None else 0.0
    found = tilt(readings, first.shape, first.pitch_um, stretch)
    if picture is not None:
        from anylens.lab.report.plots import focus_plot

        corner_mm = math.hypot(*first.shape) / 2.0 * (first.pitch_um or 1.0) * 1e-3
        measuring.keep(picture, focus_plot(found, corner_mm).standalone())
    if given.json:
        print(measuring.as_json("tilt", [{"files": used, "notes": tuple(dict.fromkeys(notes)), "tilt": found}]))
    else:
        _tell(used, found)
        measuring.notes(notes)
    return failed


def _numbers(name: str, text: str | None, count: int) -> list[float] | None:
    """One number for each file, None where the option is not given."""
    if text is None:
        return None
    try:
        numbers = [float(each) for each in text.split(",")]
    except ValueError:
        raise Usage(f"{name} {text} is not a list of numbers; write them with commas between") from None
    if not all(-math.inf < number for number in numbers) or (name == "--focus" and math.inf in numbers):
        raise Usage(f"{name} {text} has what is no such number; give others")
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


def _tell(used: list[dict[str, object]], found: Tilt) -> None:
    print(f"Tilt from {len(used)} frames, best focus at {len(found.places_mm)} edges\n")
    rows = [
        ("right side nearer to the lens, °", str(found.about_y_deg)),
        ("lower side nearer to the lens, °", str(found.about_x_deg)),
        ("best focus in the middle, µm", str(found.focus_um)),
        ("in the corner against the middle, µm", str(found.curvature_um)),
        ("left by plane and curvature, µm", f"{found.residual_um:.1f} rms"),
    ]
    print(table(rows))
