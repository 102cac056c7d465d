"""What can be typed after a command, and what is said when something else was."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from anylens.app.table import columns
from anylens.app.voice import Usage


class Syntax(argparse.ArgumentParser):
    """The options and files of one command: argparse, with errors as a Usage of one sentence.

    Files and options may come in any order; an option is typed whole, and one that is unknown is answered with those
    that are near.
    """

    def __init__(self, command: str, sentence: str) -> None:
        super().__init__(
            prog=command,
            description=sentence,
            allow_abbrev=False,
            formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=32, width=columns()),
        )
        self._positionals.title = "arguments"
        self._files: list[str] = []
        self._negative_number_matcher = re.compile(r"-[\d.]")  # -2,0,2 is a value, not an option

    def add_files(self, name: str, says: str) -> None:
        """The argument or option that takes files, for which their folder may stand."""
        self._files.append(self.add_argument(name, nargs="+", default=[], metavar="FILE", help=says).dest)

    def add_sensor(self) -> None:
        """The option --sensor."""
        self.add_argument("--sensor", metavar="TOML", help="what the sensor is, for a file that does not say")

    def add_json(self) -> None:
        """The option --json."""
        self.add_argument("--json", action="store_true", help="print one JSON object")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """What was typed; Usage where it cannot be meant."""
        typed = list(arguments)
        if "--" in typed:
            end = typed.index("--")
            # argparse forgets the mark where files and options may mix; ./-a.dng is the file -a.dng without it.
            typed[end:] = [f"./{name}" if name.startswith("-") else name for name in typed[end + 1 :]]
        given, unknown = self.parse_known_intermixed_args(typed)
        if unknown:
            if not unknown[0].startswith("-"):
                self.error(f"'{unknown[0]}' is one word too many; a name of several words stands in quotes")
            known = [name for action in self._actions for name in action.option_strings]
            self.error(f"there is no {unknown[0]}{nearest(unknown[0].split('=')[0], known)}")
        for name in self._files:
            setattr(given, name, _each_file(getattr(given, name)))
        return given

    def error(self, message: str) -> NoReturn:
        """Raise Usage with the message and the way to help."""
        raise Usage(f"{message.removeprefix('argument ')}; see {self.prog} --help")


def _each_file(typed: Sequence[str]) -> list[str]:
    """The files that were typed, those of a folder in its place."""
    found: list[str] = []
    for name in typed:
        if Path(name).is_dir():
            from anylens.files.folder import raws_in

            found += map(str, raws_in(Path(name), finished=True))
        else:
            found.append(name)
    return found


def nearest(word: str, known: Sequence[str]) -> str:
    """`, did you mean ...?` where a known word is near, else nothing."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=2)
    return f" (did you mean {' or '.join(near)}?)" if near else ""
