"""`anylens lens add`: make a lens yours, one of the catalogue or one that it does not know."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from anylens.app import mine
from anylens.app.quantities import distance_m, f_number, focal_mm, whole
from anylens.app.syntax import Syntax
from anylens.app.voice import Usage
from anylens.record import replace
from anylens.refusal import Refusal


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens add`."""
    syntax.usage = "anylens lens add [options] NAME"
    syntax.add_argument("name", metavar="NAME", help="a lens of the catalogue, or the model of a new one")
    syntax.add_argument("--maker", metavar="NAME", help="a new lens: who made it")
    syntax.add_argument("--mount", metavar="NAME", help="its mount, as M42; anylens lens mounts lists them")
    syntax.add_argument(
        "--focal", type=_ends(focal_mm), metavar="MM[-MM]", help="its focal length, or the shortest and the longest"
    )
    syntax.add_argument(
        "--widest", type=_ends(f_number), metavar="N[-N]", help="its f-number wide open, at both ends where they differ"
    )
    syntax.add_argument("--close", type=distance_m, metavar="M", help="the nearest distance on its ring, in metres")
    syntax.add_argument("--code", type=whole(0, 63, "31"), metavar="N", help="its 6-bit code, 0 to 63")
    syntax.add_argument("--source", metavar="TEXT", help="where these figures come from")
    syntax.add_argument("--remove", action="store_true", help="the lens is no longer yours; its file stays")


def run(given: Namespace) -> int:
    """Keep the lens among the user's own."""
    new = {key: getattr(given, key) for key in ("maker", "mount", "focal", "widest", "close", "code", "source")}
    said_new = sorted(key for key, value in new.items() if value is not None)
    if given.remove:
        if said_new:
            raise Usage(f"--remove takes away, --{said_new[0]} describes a new lens; give one of them")
        return _remove(given.name)
    if not said_new:
        card = mine.card(given.name)
        mine.add(card.name)
        print(f"{card.name}  {card.lens.name} is yours now")
        return 0
    if given.maker is None or given.focal is None:
        raise Usage("a new lens needs at least --maker and --focal; a lens of the catalogue needs neither")
    name, place = _keep_new(given)
    mine.add(name)
    print(f"{name}  {place}")
    return 0


def _keep_new(given: Namespace) -> tuple[str, Path]:
    from anylens.lens import Lens
    from anylens.lens.catalogue import Card, Code, card_text, file_name, parse_card
    from anylens.lens.mounts import mount

    name = file_name(given.name)
    if not name:
        raise Usage(f"'{given.name}' has no letter that a file could be named by; give the lens's model")
    known = mine.catalogue()
    if name in known:
        raise Refusal(
            f"The catalogue has {name} already; anylens lens add {name} makes it yours, or choose a new name."
        )
    lens = Lens(
        given.maker,
        given.name,
        given.focal,
        given.widest,
        None if given.mount is None else mount(given.mount).name,
        given.close,
        given.code,
    )
    card = Card(
        name,
        lens,
        codes=() if given.code is None else (Code(given.code),),
        sources=() if given.source is None else (given.source,),
    )
    return name, mine.keep_card(parse_card(card_text(card), name))


def _ends(number: Callable[[str], float]) -> Callable[[str], tuple[float, float]]:
    """What turns an option's text into the two ends of a span, both the same for a single number."""

    def ends(text: str) -> tuple[float, float]:
        first, dash, last = text.partition("-")
        return number(first), number(last if dash else first)

    return ends


def _remove(asked: str) -> int:
    from anylens.lens.catalogue import find

    said = mine.mine()
    card = find(asked, {name: card for name, card in mine.catalogue().items() if name in said.lenses})
    left = tuple(name for name in said.lenses if name != card.name)
    mine.keep(replace(said, lenses=left, mounted=None if said.mounted == card.name else said.mounted))
    print(f"{card.name} is no longer yours")
    return 0
