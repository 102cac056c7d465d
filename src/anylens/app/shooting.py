"""Frames from a camera into files that appear whole or not at all, the truth of a simulated scene beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from anylens.app.voice import Usage
from anylens.record import record
from anylens.shot import Shot, bracket

if TYPE_CHECKING:
    from anylens.app.by_hand import Said
    from anylens.body import Body, Mode
    from anylens.camera import Camera
    from anylens.camera.virtual import Virtual
    from anylens.frame import Facts
    from anylens.twin.silicon import Silicon


@record(frozen=True, slots=True)
class Taken:
    """One frame that was kept: where, its facts, how long the camera and the disk took."""

    place: Path
    facts: Facts
    width_px: int
    height_px: int
    seconds: float
    writing_s: float


def exposure_s(text: str) -> float:
    """The time that `1/100` or `0.01` says; Usage for anything else."""
    number, _, parts = text.removesuffix("s").strip().partition("/")
    try:
        seconds = float(number) / (float(parts) if parts else 1.0)
    except (ValueError, ZeroDivisionError):
        raise Usage(f"the exposure '{text}' is not a time; give it as 1/100 or 0.01 (in seconds)") from None
    if not 0.0 < seconds < float("inf"):
        raise Usage(f"an exposure of {text} s does not exist; give a time above 0, as 1/100 or 0.01")
    return seconds


def steps(text: str) -> tuple[float, ...]:
    """The exposure steps in EV that `-2,0,2` says; Usage for anything else."""
    try:
        found = tuple(float(each) for each in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(-20.0 <= each <= 20.0 for each in found):
        raise Usage(f"the bracket '{text}' is not a row of steps in EV between -20 and 20; give it as -2,0,2")
    return found


def shots(first: Shot, number: int, evs: Sequence[float]) -> list[Shot]:
    """`number` times the whole bracket."""
    return [shot for _ in range(number) for shot in bracket(first, *(evs or (0.0,)))]


def settle(folder: Path, stem: str, number: int, truth: bool) -> list[Path]:
    """Where each frame goes, then the truth's picture and its text; Usage or Refusal before anything is written.

    Numbers go on after the highest that is in the folder, so that no frame replaces an earlier one; the truth of such
    later frames has the number of the first of them.
    """
    if folder.exists() and not folder.is_dir():
        raise Usage(f"{folder} is a file where a folder for frames should be; choose another with -o")
    earlier = re.compile(
        re.escape(stem) + r"-(?:(\d+)(?:-truth)?\.(?:dng|tif|json)|truth\.(?:tif|json))", re.IGNORECASE
    )
    there = [found for each in (folder.iterdir() if folder.exists() else ()) if (found := earlier.fullmatch(each.name))]
    first = 1 + max((int(each[1] or 0) for each in there), default=0)
    last = first + number - 1
    places = [folder / f"{stem}-{at:0{max(4, len(str(last)))}d}.dng" for at in range(first, last + 1)]
    if truth:
        shared = places[0].stem if there else stem
        places += [folder / f"{shared}-truth.tif", folder / f"{shared}-truth.json"]
    return places


def form_light(camera: Virtual) -> float:
    """Seconds that the light behind a simulated lens took, formed or found on disk."""
    begin = perf_counter()
    _ = camera.light
    return perf_counter() - begin


def take(camera: Camera, asked: list[Shot], places: Sequence[Path], said: Said | None = None) -> Iterator[Taken]:
    """Captures the shots one after the other and keeps each frame, with what was said by hand of its lens."""
    from anylens.app.by_hand import mounted
    from anylens.files import write

    frames = camera.capture(asked)
    for place in places[: len(asked)]:
        begin = perf_counter()
        frame = next(frames)
        if said is not None:
            frame = mounted(frame, said)
        had = perf_counter()
        place.parent.mkdir(parents=True, exist_ok=True)
        write(frame, place)
        height, width = frame.raw.shape[-2:]
        yield Taken(place, frame.facts, width, height, had - begin, perf_counter() - had)


def write_truth(camera: Virtual, taken: Sequence[Taken], picture: Path, text: Path) -> None:
    """What a perfect lens on a noiseless sensor would have seen, as float32 TIFF, and all that is known as JSON."""
    from anylens import __version__
    from anylens.app.plain import as_json
    from anylens.files import write
    from anylens.files.whole import whole
    from anylens.image import Scene

    truth = camera.light.truth
    write(Scene(truth.seen(), taken[0].facts), picture)
    told = {
        "written_by": f"anylens {__version__}",
        "simulated": True,
        "picture": f"{picture.name}: linear Rec. 2020, a white surface in the scene's light is 1, no lens and no noise",
        "setup": camera.setup,
        "silicon": camera.silicon,
        "glass": {
            "name": camera.glass.name,
            "focal_mm": camera.glass.focal_mm,
            "f_number": camera.glass.f_number,
            "scale_mm": camera.glass.scale_mm,
            "image_circle_mm": camera.glass.image_circle_mm,
        },
        "scene": truth.facts(),
        "frames": [_frame(camera, each) for each in taken],
    }
    with whole(text) as file:
        file.write(as_json(told, indent=1).encode() + b"\n")


def _frame(camera: Virtual, each: Taken) -> dict[str, Any]:
    facts = each.facts
    assert facts.taken is not None
    assert facts.exposure_s is not None
    middle_s = camera.since_first(facts.taken) + 0.5 * facts.exposure_s
    middle_s += 0.5 * each.height_px * camera.silicon.line_us * 1e-6
    return {
        "file": each.place.name,
        "asked": facts.shot,
        "exposure_s": facts.exposure_s,
        "gain": facts.gain,
        "iso": facts.iso,
        "taken": facts.taken,
        "noise": facts.sensor.noise,
        "dn_per_electron": camera.silicon.converted(facts.gain or 1.0),
        "read_noise_electrons": camera.silicon.read_noise(facts.gain or 1.0),
        "pose_in_the_middle": camera.pose(middle_s),
    }


def lists(briefly: bool = False) -> dict[str, dict[str, str]]:
    """All that a virtual camera can be made of: for each kind the names, each with a sentence.

    Of scenes also what their own settings mean and are unless said otherwise, if not `briefly`.
    """
    from anylens import camera
    from anylens.body import bodies, body
    from anylens.camera.setup import SETTINGS
    from anylens.twin import glass, hand, scenes, silicon, spectra

    told: dict[str, Callable[[], dict[str, str]]] = {
        "cameras": camera.backends,
        "bodies": bodies,
        "modes": lambda: {
            f"{name} {mode.name}": _mode(body(name), mode) for name in bodies() for mode in body(name).modes
        },
        "sensors": lambda: {name: _sensor(silicon.silicon(name)) for name in silicon.silicons()},
        "lenses": lambda: {name: _lens(name) for name in glass.lenses()},
        "settings": lambda: {f"{key}=": what for key, what in SETTINGS.items()},
        "scenes": scenes.scenes if briefly else lambda: {name: _scene(name) for name in scenes.scenes()},
        "lights": spectra.sources,
        "hands": hand.hands,
    }
    return {kind: give() for kind, give in told.items()}


def _sensor(sensor: Silicon) -> str:
    return f"{sensor.about.rstrip('.')}; ISO {sensor.lowest_iso:g} to {sensor.highest_iso:g}"


def _mode(body: Body, mode: Mode) -> str:
    """What a mode is, and how long a charge lasts in it."""
    per_charge = body.per_charge(mode)
    if per_charge is None:
        return mode.about
    unit = "minutes of film" if mode.film else "shots"
    return f"{mode.about}; {per_charge:.0f} {unit} a charge (assumed)"


def _scene(name: str) -> str:
    """What a scene shows, what its settings mean and what they are unless said otherwise."""
    from anylens.twin import scenes

    usual = ((key, value) for key, value in scenes.options(name).items() if value != "")
    words = (f"{key}={('no', 'yes')[value] if isinstance(value, bool) else value}" for key, value in usual)
    told = re.sub("`([a-z_]+)`", r"\1=", scenes.about(name))
    return f"{told} Unless you say otherwise {', '.join(words)}."


def _lens(name: str) -> str:
    from anylens.twin import glass

    if name == "ideal":
        return "a thin lens without any aberration, 50 mm; ideal-35 has 35 mm"
    design = glass.prescription(name)
    return f"{design.name}, {design.focal_mm:.1f} mm f/{design.f_number:g}; {design.source}"
