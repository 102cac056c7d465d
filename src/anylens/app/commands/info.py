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
    syntax.add_argument("files", nargs="+", metavar="FILE", help="raw files")
    syntax.add_argument("--sensor", metavar="TOML", help="what the sensor is, for a file that does not say")
    syntax.add_argument("--json", action="store_true", help="print one JSON object")


def run(given: Namespace) -> int:
    """Tell the facts of every file; 1 where one could not be read."""
    from anylens import Scene, read
    from anylens.app.facts import plain, words
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
            told.append({"file": file, "kind": type(image).__name__.lower(), "facts": plain(image.facts)})
        else:
            print(file)
            print(table(words(image.facts, linear=isinstance(image, Scene))))
    if given.json:
        import json

        print(json.dumps({"files": told}, indent=2, ensure_ascii=False))
    return failed
