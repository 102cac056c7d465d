"""`anylens lens list`: the catalogue, or the user's own lenses."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from anylens.app import mine
from anylens.app.quantities import whole
from anylens.app.syntax import Syntax
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lens.catalogue import Card


def options(syntax: Syntax) -> None:
    """What can be typed after `anylens lens list`."""
    syntax.usage = "anylens lens list [options] [WORD...]"
    syntax.add_argument("words", nargs="*", metavar="WORD", help="only lenses with all these words, as leica 50 1.4")
    syntax.add_argument("--mine", action="store_true", help="only your own lenses")
    syntax.add_argument("--code", type=whole(0, 63, "31"), metavar="N", help="only lenses of that 6-bit code")
    syntax.add_json()


def run(given: Namespace) -> int:
    """List the lenses; 1 where none fits."""
    from anylens.lens.catalogue import fits

    said = mine.mine()
    words = " ".join(given.words)
    shown = [
        card
        for card in {**mine.of_passports(), **mine.catalogue()}.values()
        if (not words or fits(words, card))
        and (not given.mine or card.name in said.lenses)
        and (given.code is None or given.code in {code.number for code in card.codes})
    ]
    if given.json:
        from anylens.app.plain import as_json, plain

        told = [
            {**plain(card), "mine": card.name in said.lenses, "mounted": card.name == said.mounted} for card in shown
        ]
        print(as_json({"lenses": told}))
        return int(not shown)
    from anylens.app.table import table

    if shown:
        rows = [
            (card.name, _about(card), card.lens.mount or "", code_words(card), _whose(card.name, said))
            for card in shown
        ]
        print(table(rows, ("lens", "", "mount", "code", "")))
    yours = sum(card.name in said.lenses for card in shown)
    print(f"{len(shown)} lens{'' if len(shown) == 1 else 'es'}{_more(given, yours) if shown else _none(given)}")
    return int(not shown)


def code_words(card: Card) -> str:
    """The 6-bit codes in short, `53` or `53/1,2` with the frame selector's positions; "" for none."""
    frames: dict[int, list[str]] = {}
    for code in card.codes:
        frames.setdefault(code.number, []).extend([] if code.frames is None else [str(code.frames)])
    whole = {code.number for code in card.codes if code.frames is None}
    told = [
        [str(number)] * (number in whole) + [f"{number}/{','.join(at)}"] * bool(at) for number, at in frames.items()
    ]
    return " ".join(word for words in told for word in words)


def _about(card: Card) -> str:
    return f"{card.lens.name}{' (doubtful)' if card.note.startswith('Doubtful') else ''}"


def _whose(name: str, said: mine.Mine) -> str:
    return "mounted" if name == said.mounted else "mine" if name in said.lenses else ""


def _more(given: Namespace, yours: int) -> str:
    return f", {yours} of them yours" if yours and not given.mine else ""


def _none(given: Namespace) -> str:
    """What helps where no lens is listed; the words may be a mount's name, of which the catalogue has no lens."""
    from anylens.lens.mounts import mount

    if not given.words or given.code is not None:
        return "; anylens lens add NAME makes one yours" if given.mine and given.code is None else ""
    try:
        asked = mount(" ".join(given.words)).name
    except Refusal:
        return ""
    have = sorted({card.lens.mount for card in mine.catalogue().values() if card.lens.mount})
    return f" of {asked}; the catalogue has those of {', '.join(have)}, and anylens lens add makes any other yours"
