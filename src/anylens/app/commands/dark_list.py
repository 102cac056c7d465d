"""`anylens dark list`: the dark frames that are kept."""

from __future__ import annotations

from argparse import Namespace

from anylens.app.syntax import Syntax
from anylens.app.table import table


def options(syntax: Syntax) -> None:
    """Nothing but the name is typed."""
    syntax.usage = "anylens dark list"


def run(_: Namespace) -> int:
    """One line for each dark frame, and where it lies."""
    from anylens.files.darks import darks_in
    from anylens.home import own_folder

    found = darks_in(own_folder() / "darks")
    if not found:
        print(f"no dark frames in {own_folder() / 'darks'}; anylens dark add makes one")
        return 0
    print(table([(place.name, known.said()) for place, known in found]))
    return 0
