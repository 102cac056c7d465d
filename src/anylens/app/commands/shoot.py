"""`anylens shoot`: frames from a camera, kept as DNG."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.app import voice
from anylens.app.quantities import distance_m, f_number, focal_mm, quantity, whole
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.app.by_hand import Said
    from anylens.app.shooting import Taken
    from anylens.camera.virtual import Virtual
    from anylens.shot import Shot

_MOST_FRAMES = 10_000
_RINGS = ("aperture", "distance")
_SETTINGS = ("aperture", "distance", "light", "seed", "hand", "amplitude", "body", "mode", "size")


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens shoot`."""
    syntax.usage = "anylens shoot [options] CAMERA"
    syntax.add_argument(
        "camera",
        nargs="?",
        metavar="CAMERA",
        help='such as "virtual:lens=elcan_50,scene=facade" or folder:raws/',
    )
    syntax.add_argument(
        "-n",
        "--number",
        type=whole(1, _MOST_FRAMES, "8"),
        default=1,
        metavar="N",
        help="how many frames, or whole brackets",
    )
    syntax.add_argument("--exposure", metavar="S", help="exposure time as 1/100 or 0.01 (1/100 where not given)")
    syntax.add_argument(
        "--iso", type=quantity("", 1.0, 1e6, "100"), metavar="ISO", help="the sensor's lowest where not given"
    )
    syntax.add_argument("--bracket", metavar="EV,EV...", help="exposure steps around it, as -2,0,2")
    syntax.add_argument(
        "--aperture", type=f_number, metavar="N", help="f-number; a simulated lens's widest where not given"
    )
    syntax.add_argument(
        "--distance", type=distance_m, metavar="M", help="what is in focus, in metres from the sensor, or inf"
    )
    syntax.add_argument("--lens", metavar="NAME", help="the lens on a camera that cannot know; see anylens lens list")
    syntax.add_argument("--focal", type=focal_mm, metavar="MM", help="its focal length, where it has several")
    syntax.add_argument("--light", metavar="NAME", help="what lights the scene")
    syntax.add_argument("--hand", metavar="HOW", help="tripod, tremor or gyro:FILE")
    syntax.add_argument("--amplitude", metavar="X", help="multiplies the hand's movement")
    syntax.add_argument("--body", metavar="NAME", help="the camera's body")
    syntax.add_argument("--mode", metavar="NAME", help="how its sensor is read")
    syntax.add_argument("--size", metavar="WxH", help="only so much of the sensor's middle")
    syntax.add_argument("--seed", metavar="N", help="noise and tremor; the same again for the same seed")
    syntax.add_argument("-o", "--output", default=".", metavar="DIR", help="where the frames go")
    syntax.add_argument("--truth", action="store_true", help="write what a perfect camera would have seen beside them")
    syntax.add_argument(
        "--list",
        action="store_true",
        help="list bodies, lenses, scenes and lights, or those that CAMERA's words name",
    )
    syntax.add_json()


def run(given: Namespace) -> int:
    """Take the frames; 1 where the camera gave fewer than asked."""
    if given.list:
        return _list(given.camera, given.json)
    if given.camera is None:
        raise Usage("no camera is given; name one, as virtual:scene=white-wall, or see anylens shoot --list")
    from anylens import camera as cameras
    from anylens.app import shooting
    from anylens.camera.virtual import Virtual
    from anylens.kernels.library import share_memory

    share_memory()
    evs = shooting.steps(given.bracket) if given.bracket is not None else ()
    exposure_s = shooting.exposure_s(given.exposure or "1/100")
    if given.number * max(1, len(evs)) > _MOST_FRAMES:
        raise Usage(f"-n {given.number} brackets are more than {_MOST_FRAMES} frames; ask for fewer")
    said = _said(given)
    settings = {
        name: value
        for name in _SETTINGS
        if (value := getattr(given, name)) is not None and (said is None or name not in _RINGS)
    }
    camera = cameras.open(given.camera, **settings)
    try:
        twin = camera if isinstance(camera, Virtual) else None
        first = _shot(twin, exposure_s, given.iso)
        asked = shooting.shots(first, given.number, evs)
        if given.truth and twin is None:
            raise Usage("--truth is known of a virtual camera only; leave it out or shoot with virtual:...")
        stem = "frame" if twin is None else twin.setup.scene
        places = shooting.settle(Path(given.output), stem, len(asked), given.truth)
        light_s = None if twin is None else shooting.form_light(twin)
        taken, missed = _taken(shooting.take(camera, asked, places, said), len(asked), given.json)
        truth = places[len(asked) :]
        if twin is not None and truth:
            shooting.write_truth(twin, taken, *truth)
        _tell(twin, taken, truth, light_s, given.json, missed)
    finally:
        camera.close()
    return int(missed is not None)


def _taken(frames: Iterator[Taken], count: int, quiet: bool) -> tuple[list[Taken], str | None]:
    """The frames that were kept, each said in a line unless `quiet`, and why there are fewer than `count`.

    Raises Refusal where there is none.
    """
    taken: list[Taken] = []
    with voice.progress("shooting", count) as bar:
        try:
            for each in frames:
                taken.append(each)
                bar.advance()
                if not quiet:
                    bar.say(_line(each))
        except Refusal as error:
            if not taken:
                raise
            missed = voice.sentence(error)
            bar.complain(missed)
            return taken, missed
    return taken, None


def _said(given: Namespace) -> Said | None:
    """The lens and its rings as told by hand, on a camera whose lens is of glass."""
    if given.camera.startswith("virtual:"):
        if given.lens is not None or given.focal is not None:
            raise Usage("a virtual camera's lens is part of its name, as virtual:lens=elcan_50_f2; leave --lens out")
        return None
    from anylens.app.by_hand import said_in

    return said_in(given)


def _shot(twin: Virtual | None, exposure_s: float, iso: float | None) -> Shot:
    from anylens.shot import Shot

    if twin is not None:
        return twin.shot(exposure_s, twin.silicon.lowest_iso if iso is None else iso)
    if iso is not None:
        raise Usage("--iso cannot be set on frames that were taken long ago; leave it out")
    return Shot(exposure_s)


def _line(each: Taken) -> str:
    from anylens.app.facts import time_words

    facts = each.facts
    exposure = "unknown exposure" if facts.exposure_s is None else time_words(facts.exposure_s)
    iso = "" if facts.iso is None else f", ISO {facts.iso:g}"
    return f"{each.place}  {each.width_px} x {each.height_px} px, {exposure}{iso}"


def _tell(
    twin: Virtual | None, taken: list[Taken], truth: list[Path], light_s: float | None, json: bool, missed: str | None
) -> None:
    writing = sum(each.writing_s for each in taken)
    capturing = sum(each.seconds for each in taken)
    if json:
        from anylens.app.plain import as_json

        frames = [
            {"file": each.place, "facts": each.facts, "seconds": each.seconds, "writing_s": each.writing_s}
            for each in taken
        ]
        print(as_json({"frames": frames, "truth": truth, "light_s": light_s, "missed": missed}))
        return
    for place in truth:
        print(place)
    number = f"{len(taken)} frame{'s' if len(taken) != 1 else ''}"
    light = "" if light_s is None else f"{light_s:.2f} s for the light behind the lens, "
    print(f"{number}: {light}{capturing:.2f} s to take, {writing:.2f} s to write{_energy(twin, len(taken))}")
    for note in sorted({note for each in taken for note in each.facts.notes}):
        print(f"note: {note}")


def _energy(twin: Virtual | None, number: int) -> str:
    """What the frames would take from the body's battery, where its file has an account of that."""
    if twin is None or twin.body.battery is None or twin.mode.film:
        return ""
    joules = number * twin.body.energy_j(twin.mode)
    part = joules / twin.body.battery.joules
    return f"; {joules:.0f} J of the phone's battery ({100.0 * part:.2f} % of a charge, assumed)"


def _list(words: str | None, json: bool) -> int:
    """Prints all there is, or what `words`, or what a camera's name sets, stand in the name or the sentence of."""
    from anylens.app.shooting import lists

    told = lists(briefly=words is None)
    if words is not None:
        asked = [part.partition("=")[2].lower() for part in words.split(",") if "=" in part] or [words.lower()]

        def meant(name: str, what: str) -> bool:
            return any(each in f"{name} {what}".lower() for each in asked)

        found = {
            kind: {name: names[name] for name in names if meant(name, names[name])} for kind, names in told.items()
        }
        told = {kind: names for kind, names in found.items() if names}
        if not told:
            raise Usage(f"nothing in the list tells of '{words}'; see anylens shoot --list")
    if json:
        from anylens.app.plain import as_json

        print(as_json(told))
        return 0
    from anylens.app.table import table

    for kind, names in told.items():
        print(f"{kind}\n\n{table(list(names.items()))}\n")
    return 0
