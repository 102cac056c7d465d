"""`anylens lens identify`: which of the lenses with a passport took these pictures."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anylens.app import measuring, voice
from anylens.app.quantities import f_number, pitch_um
from anylens.app.syntax import Syntax
from anylens.app.table import table
from anylens.record import record
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.frame import Facts
    from anylens.lab.recognition import Seen, Verdict
    from anylens.lab.traits import Looked, Traits
    from anylens.lens import Passport

CONTRADICTED, PROBABLE = 0.05, 0.8
"""A named lens whose probability is below the one is said to contradict the pictures; an answer that is not sure is
called probable from the other on."""


@record(frozen=True, slots=True, eq=False)
class Picture:
    """One file: what it shows of its lens, and what it says of it."""

    file: str
    body: str
    looked: Looked
    facts: Facts
    f_number: float | None


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens identify`."""
    syntax.usage = "anylens lens identify [options] FILE..."
    syntax.add_files("files", "raws, all taken with one lens, or their folder; several tell more")
    syntax.add_argument(
        "--passport", nargs="+", metavar="TOML", help="the passports to choose from; else yours for the files' body"
    )
    syntax.add_argument("--body", metavar="BODY", help="the camera, where the files do not name it")
    syntax.add_argument("--aperture", type=f_number, metavar="N", help="f-number, where the files do not say it")
    syntax.add_argument("--pitch", type=pitch_um, metavar="UM", help="distance of two pixels, where they do not say it")
    syntax.add_sensor()
    syntax.add_json()


def run(given: Namespace) -> int:
    """Tell the lens; 1 where a file was left aside."""
    from dataclasses import replace

    from anylens.lab.recognition import recognise
    from anylens.lab.traits import traits
    from anylens.lens.model import plain

    pictures = _pictures(given)
    body = pictures[0].body
    passports = _passports(given.passport, body)
    groups: dict[float | None, list[Picture]] = {}
    for picture in pictures:
        groups.setdefault(picture.f_number, []).append(picture)
    seen = [_seen(each) for each in groups.values()]
    verdict = recognise(seen, passports)
    whole = seen[0].traits if len(seen) == 1 else traits([picture.looked for picture in pictures])
    unwritten = recognise([replace(each, focal_mm=None) for each in seen], passports)
    notes = [*_contradictions(pictures, verdict), *_wrong_focals(pictures, whole, unwritten)]
    others = [each.whose for each in passports if plain(each.body) != plain(body)]
    if others:
        notes.append(f"Measured on another body than these pictures: the passport of {'; of '.join(others)}.")
    if whole.lateral is None:
        notes.append(
            "The pictures hold too little texture to tell lateral colour, and falloff and casts hardly differ between "
            "lenses: give one of leaves, bricks or a house front, sharp to its corners."
        )
    if given.json:
        print(measuring.as_json("identify", [_told(pictures, whole, verdict, notes)]))
    else:
        _tell(pictures, whole, verdict)
        print(f"\n{_answer(verdict, seen)}")
        measuring.notes(notes)
    return int(len(pictures) < len(given.files))


def _pictures(given: Namespace) -> list[Picture]:
    """The files that can be measured, all of one camera; Refusal where none can or they do not belong together."""
    from concurrent.futures import ThreadPoolExecutor

    found: list[Picture] = []
    with voice.progress("looking", len(given.files)) as bar, ThreadPoolExecutor(2) as pool:
        looked = [pool.submit(_picture, file, given) for file in given.files]
        for file, picture in zip(given.files, looked, strict=True):
            try:
                found.append(picture.result())
            except Refusal as error:
                if len(given.files) == 1:
                    raise
                bar.complain(voice.one_line(f"left aside: {voice.sentence(error, Path(file))}"))
            bar.advance()
    if not found:
        raise Refusal("None of these files can be looked at; give raws of one lens.")
    for each in found[1:]:
        if each.body != found[0].body or not math.isclose(each.looked.reach_mm, found[0].looked.reach_mm, rel_tol=1e-3):
            raise Refusal(
                f"{each.file} was taken with another camera or in another size than {found[0].file}; sort the files."
            )
    return found


def _picture(file: str, given: Namespace) -> Picture:
    from anylens.lab.traits import look

    specimen = measuring.seen(file, given.sensor)
    facts = specimen.facts
    if specimen.kind != "raw" or facts is None:
        raise Refusal(f"{specimen.name} is a finished picture, whose camera may have corrected it; give the raw.")
    if len(specimen.letters()) < 3:
        raise Refusal(f"{specimen.name} has no colours, by which lenses are told apart; give raws in colour.")
    body = given.body or (None if facts.body is None else facts.body.name)
    if body is None:
        raise Refusal(f"{specimen.name} does not name its camera; say it with --body.")
    pitch_um = given.pitch or specimen.pitch_um
    if pitch_um is None:
        told = (each.pitch_of(facts.active_shape) for each in _passports(given.passport, body))
        pitch_um = next((each for each in told if each is not None), None)
    if pitch_um is None:
        raise Refusal(f"{specimen.name} does not tell the distance of its pixels; say it with --pitch.")
    f_number = given.aperture or (None if facts.setting is None else facts.setting.f_number)
    return Picture(specimen.name, body, look(specimen, pitch_um, beside=len(given.files) > 1), facts, f_number)


def _passports(named: Sequence[str] | None, body: str) -> list[Passport]:
    from anylens.lens import read_passport
    from anylens.lens.passport_place import files_for

    found = [read_passport(each) for each in (files_for(body) if named is None else map(Path, named))]
    usable = [each for each in found if each.lateral or each.geometry or each.vignetting or each.color]
    if not usable:
        raise Refusal(
            f"There is no passport of a lens on {body} that knows lateral colour, distortion or shading; make one with "
            "anylens lens calibrate, or name some with --passport."
        )
    return usable


def _seen(pictures: Sequence[Picture]) -> Seen:
    from anylens.lab.recognition import Seen
    from anylens.lab.traits import traits

    setting = pictures[0].facts.setting
    return Seen(
        traits([each.looked for each in pictures]),
        pictures[0].f_number,
        None if setting is None else setting.focus_m,
        _written_mm(pictures[0]),
    )


def _contradictions(pictures: Sequence[Picture], verdict: Verdict) -> list[str]:
    """A sentence for each lens that files name and the pictures contradict."""
    from anylens.lens.names import alike

    notes: list[str] = []
    named = {each.facts.lens.name: each.facts.lens for each in pictures if each.facts.lens is not None}
    for name, lens in named.items():
        files = [each.file for each in pictures if each.facts.lens == lens]
        where = files[0] if len(files) == 1 else f"{len(files)} files"
        said = [each for each in verdict.candidates if alike(each.passport.lens, lens)]
        if not said:
            like = "" if verdict.told is None else f"; the pictures look like {verdict.told.passport.lens.name}"
            notes.append(f"{where}: the lens named there, {name}, has no passport among these{like}.")
        elif said[0].probability < CONTRADICTED:
            instead = "another lens" if verdict.best is None else verdict.best.passport.lens.name
            notes.append(
                f"{where}: the lens named there, {name}, contradicts the pictures ({_percent(said[0].probability)}); "
                f"they look like {instead}."
            )
    return notes


def _wrong_focals(pictures: Sequence[Picture], whole: Traits, verdict: Verdict) -> list[str]:
    """A sentence for each focal length that files say and the pictures, or the lens that they show, contradict.

    `verdict` is what the pictures tell where what is written does not count.
    """
    from anylens.lab.figure import Figure
    from anylens.lab.recognition import focal_contradicted

    lens, notes = None if verdict.told is None else verdict.told.passport.lens, []
    for said_mm in dict.fromkeys(map(_written_mm, pictures)):
        if said_mm is None:
            continue
        seen, what = whole.focal_mm, f"whose right angles or overlaps tell {whole.focal_mm} mm"
        if seen is None and lens is not None and lens.focal_mm is not None:
            shortest, longest = lens.focal_mm
            seen, what = Figure(min(max(said_mm, shortest), longest), 0.0), f"which look like {lens.name}"
        if seen is not None and focal_contradicted(seen, said_mm):
            files = [each.file for each in pictures if _written_mm(each) == said_mm]
            where = files[0] if len(files) == 1 else f"{len(files)} files"
            notes.append(f"{where}: the focal length written there, {said_mm:g} mm, contradicts the pictures, {what}.")
    return notes


def _written_mm(picture: Picture) -> float | None:
    """The focal length that the camera has written into the file; what was said by hand is not."""
    setting = picture.facts.setting
    return None if setting is None or setting.source == "hand" else setting.focal_mm


def _told(pictures: Sequence[Picture], whole: Traits, verdict: Verdict, notes: list[str]) -> dict[str, object]:
    return {
        "files": [each.file for each in pictures],
        "lens": None if verdict.told is None else verdict.told.passport.lens.name,
        "none_of_these": verdict.none,
        "candidates": [
            {"lens": each.passport.lens.name, "body": each.passport.body, "probability": each.probability}
            for each in verdict.candidates
        ],
        "lateral_um": None if whole.lateral is None else whole.lateral.values,
        "lateral_error_um": None if whole.lateral is None else whole.lateral.errors,
        "bend_um": None if whole.bend is None else whole.bend.values,
        "bend_error_um": None if whole.bend is None else whole.bend.errors,
        "focal_mm": whole.focal_mm,
        "falloff_log": whole.falloff,
        "red_green_log": whole.red_green,
        "blue_green_log": whole.blue_green,
        "notes": notes,
    }


def _tell(pictures: Sequence[Picture], whole: Traits, verdict: Verdict) -> None:
    count = "1 picture" if len(pictures) == 1 else f"{len(pictures)} pictures"
    print(f"{count} by {pictures[0].body}; lateral colour in the corner, red and blue from green\n")
    rows = [
        (each.passport.lens.name, _aperture(each.f_number), _percent(each.probability), _um(each.red_um),
         _um(each.blue_um))
        for each in verdict.candidates
    ]  # fmt: skip
    seen = ("", "")
    if whole.lateral is not None:
        values, errors = whole.lateral.values, whole.lateral.errors
        seen = (f"{values[2]:+.2f} ± {errors[2]:.2f}", f"{values[5]:+.2f} ± {errors[5]:.2f}")
    rows.append(("none of these", "", _percent(verdict.none), "", ""))
    print(table(rows, ("lens", "nearest at", "probability", "red µm", "blue µm"), ("the pictures", "", "", *seen)))
    if whole.focal_mm is not None:
        print(f"\nfocal length by what the pictures show: {whole.focal_mm} mm")


def _answer(verdict: Verdict, seen: Sequence[Seen]) -> str:
    """The lens, or none, where it is sure; else what it probably is, what else it may be, and what would tell."""
    from anylens.lab.recognition import SURE

    if verdict.told is not None:
        return verdict.told.passport.lens.name
    nothing, best = "none of these lenses", verdict.best
    if verdict.none >= SURE:
        return nothing
    probability = verdict.none if best is None else best.probability
    how = "probably" if probability >= PROBABLE else "perhaps"
    if best is None:
        doubt = f"{nothing} ({_percent(probability)}), though it may be {verdict.candidates[0].passport.lens.name}"
    else:
        others = [each.passport.lens.name for each in verdict.candidates[1:] if each.probability > verdict.none]
        rival = others[0] if others else "a lens that has no passport here"
        doubt = f"{best.passport.lens.name} ({_percent(probability)}), though {rival} may draw alike"
    return f"{how} {doubt}; {_more(seen)}"


def _more(seen: Sequence[Seen]) -> str:
    """What would tell more than these pictures do."""
    if all(each.traits.lateral is None for each in seen):
        return "a picture full of detail, sharp to its corners, would tell"
    if all(each.focal_mm is None and each.traits.focal_mm is None for each in seen):
        return "two pictures that show most of the same would tell its focal length"
    if any(each.f_number is None for each in seen):
        return "its aperture, said by --aperture, would tell more"
    return "more pictures would tell"


def _aperture(f_number: float | None) -> str:
    return "" if f_number is None else f"f/{f_number:g}"


def _um(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.2f}"


def _percent(probability: float) -> str:
    if probability < 0.001:
        return "under 0.1 %"
    return f"{100.0 * probability:.1f} %" if probability < 0.995 else "over 99 %"
