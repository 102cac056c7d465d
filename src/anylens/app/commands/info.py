"""`anylens info`: all that is known of an exposure."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from anylens.app import voice
from anylens.app.syntax import Syntax


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
            print(table(words(image.facts, linear=isinstance(image, Scene))))
    if given.json:
        from anylens.app.plain import as_json

        print(as_json({"files": told}))
    return failed
