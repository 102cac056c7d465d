"""`anylens lens use`: say which lens is mounted, and on which body."""

from __future__ import annotations

from argparse import Namespace

from anylens.app import mine
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage
from anylens.record import replace


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens use`."""
    syntax.usage = "anylens lens use [options] [NAME...|none]"
    syntax.add_argument("words", nargs="*", metavar="NAME", help="the lens that is mounted now, or none")
    syntax.add_argument("--body", metavar="NAME", help="the body it is on; the concept phone where never said")


def run(given: Namespace) -> int:
    """Keep what was said; with nothing said, tell what holds."""
    said, name = mine.mine(), " ".join(given.words)
    if given.body is not None:
        from anylens.body import bodies, body

        found = body(given.body)
        said = replace(said, body=next(each for each in bodies() if body(each) == found))
    if name == "none":
        said = replace(said, mounted=None)
    elif name:
        card = mine.card(name)
        owned = said.lenses if card.name in said.lenses else (*said.lenses, card.name)
        said = replace(said, lenses=owned, mounted=card.name)
    if name or given.body is not None:
        mine.keep(said)
    elif said.mounted is None:
        raise Usage("no lens is said to be mounted; name one, or see anylens lens list")
    lens = "no lens" if said.mounted is None else said.mounted
    print(f"{lens} on {said.body or mine.CONCEPT_PHONE}")
    if said.mounted is not None and name:
        print("develop and shoot take it for files that name no lens; anylens lens use none ends that")
    return 0
