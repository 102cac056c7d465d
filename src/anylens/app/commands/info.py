"""`anylens info`: all that is known of an exposure."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anylens.app import voice
from anylens.app.syntax import Syntax
from anylens.record import replace
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.frame import Facts


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens info`."""
    syntax.usage = "anylens info [options] FILE..."
    syntax.add_files("files", "raw files or folders of them")
    syntax.add_sensor()
    syntax.add_json()


def run(given: Namespace) -> int:
    """Tell the facts of every file; 1 where one could not be read."""
    from anylens import Scene, read
    from anylens.app.facts import words
    from anylens.app.table import table
    from anylens.files import bare

    if given.sensor is not None:
        bare.find_sheet(Path(given.files[0]), given.sensor)
    told: list[dict[str, Any]] = []
    failed = 0
    for file in given.files:
        try:
            image = read(file, sensor=given.sensor)
        except Exception as error:
            voice.complain(voice.sentence(error, Path(file)))
            failed = 1
            continue
        if given.json:
            told.append({"file": file, "kind": type(image).__name__.lower(), "facts": image.facts})
        else:
            print(file)
            print(table(words(_as_developed(image), linear=isinstance(image, Scene))))
    if given.json:
        from anylens.app.plain import as_json

        print(as_json({"files": told}))
    return failed


def _as_developed(image: Any) -> Facts:
    """The facts with the passport that developing finds; of one that cannot be read the notes say why."""
    from anylens import Frame
    from anylens.lens import find_passport

    facts: Facts = image.facts
    if not isinstance(image, Frame) or facts.passport is not None or facts.lens is None or facts.body is None:
        return facts
    try:
        return replace(facts, passport=find_passport(facts.lens, facts.body.name))
    except Refusal as error:
        return replace(facts, notes=(*facts.notes, str(error)))
