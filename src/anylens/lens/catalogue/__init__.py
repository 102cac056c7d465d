"""The catalogue: what is publicly known of each lens, one TOML a lens in a folder for its mount."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from anylens import toml
from anylens.lens.model import Lens, parse_lens
from anylens.lens.names import GENERATIONS
from anylens.record import record
from anylens.refusal import Refusal, near

_FOLDER = Path(__file__).parent
_MOST_NEAR = 8
_KEYS = {
    "maker", "model", "also", "mount", "focal_mm", "max_aperture", "close_focus_m", "elements", "groups", "year",
    "codes", "orders", "sources", "note",
}  # fmt: skip


@record(frozen=True, slots=True)
class Code:
    """One way in which a Leica M body knows a lens: the 6-bit number, 0 to 63.

    `frames` is the position of the frame-line selector that tells lenses of one number apart, `focal_mm` the focal
    length that this position means on a lens of several; None where it tells nothing.
    """

    number: int
    frames: int | None = None
    focal_mm: float | None = None


@record(frozen=True, slots=True)
class Card:
    """One lens of the catalogue: `name` is its file's, `sources` say where figures are from, `note` what is doubtful.

    What is None or empty has no source, which does not mean that there is none.
    """

    name: str
    lens: Lens
    also: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    elements: int | None = None
    groups: int | None = None
    year: int | None = None
    orders: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def of(cls, lens: Lens) -> Card:
        """The card of a lens of which no more is known, under the name that its file would have."""
        return cls(file_name(lens.name), lens)

    @property
    def focals_mm(self) -> tuple[float, ...]:
        """Every focal length that is known of it, shortest first; () for none."""
        known = {*(self.lens.focal_mm or ()), *(code.focal_mm for code in self.codes if code.focal_mm is not None)}
        return tuple(sorted(known))


def cards(*more: Path) -> dict[str, Card]:
    """Every lens by name, those of the folders `more` above the shipped ones; Refusal names a file that is wrong."""
    found: dict[str, Card] = {}
    for folder in (_FOLDER, *more):
        for path in sorted(folder.glob("*/*.toml")):
            try:
                found[path.stem] = parse_card(path.read_text("utf-8"), path.stem)
            except (OSError, UnicodeDecodeError) as error:
                raise Refusal(f"{path} cannot be read ({error}); correct or remove it.") from error
            except Refusal as error:
                raise Refusal(f"{path.parent.name}/{path.name}: {error}") from error
    return dict(sorted(found.items()))


def coded(number: int, frames: int) -> Lens | None:
    """The lens of a 6-bit code and a frame selector's position, as Leica's bodies write them; None for no code."""
    return _coded().get((number, frames)) or _coded().get((number, None))


@cache
def _coded() -> dict[tuple[int, int | None], Lens]:
    return {(code.number, code.frames): card.lens for card in cards().values() for code in card.codes}


def find(asked: str, among: Mapping[str, Card], preferred: Collection[str] = ()) -> Card:
    """The lens of that name: its file's, its maker's, an unambiguous beginning of one, or words of it.

    Where several fit, one that is `preferred` alone (the user's own) is meant. Raises Refusal that lists the near ones.
    """
    fitting = meant(asked, among)
    if len(fitting) > 1:
        own = [name for name in fitting if name in preferred]
        fitting = {own[0]: fitting[own[0]]} if len(own) == 1 else fitting
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        names = list(fitting)
        more = f" and {len(names) - _MOST_NEAR} more" if len(names) > _MOST_NEAR else ""
        raise Refusal(f"Several lenses fit '{asked}'; choose one of {', '.join(names[:_MOST_NEAR])}{more}.")
    alike = near(file_name(asked), _spelt(among), "anylens lens list")
    raise Refusal(f"There is no lens '{asked}' in the catalogue; {alike}; anylens lens add makes a new one.")


def meant(asked: str, among: Mapping[str, Card]) -> dict[str, Card]:
    """The lenses that a name may mean: the one it is, else those that begin so, else those with all its words."""
    word = file_name(asked)
    spelt = _spelt(among)
    if word in spelt:
        return {spelt[word].name: spelt[word]}
    beginning = {card.name: card for each, card in spelt.items() if word and _begins(word, each)}
    if len(beginning) == 1:
        return beginning
    said = _words(asked)
    return beginning or {name: card for name, card in among.items() if said and _fits(said, card)}


def _begins(word: str, name: str) -> bool:
    """Whether a name begins so, a generation whole: i is no beginning of iv."""
    return name.startswith(word) and not (
        word.rsplit("-", maxsplit=1)[-1] in GENERATIONS and name[len(word) : len(word) + 1].isalpha()
    )


def _spelt(among: Mapping[str, Card]) -> dict[str, Card]:
    """Every lens by each way to write it whole."""
    return {
        each: card for card in among.values() for each in (card.name, *map(file_name, (card.lens.name, *card.also)))
    }


def fits(words: str, card: Card) -> bool:
    """Whether a lens has all these words in its maker, model or mount: 50, 1.4 and asph, say."""
    return _fits(_words(words), card)


def file_name(title: str) -> str:
    """What a lens's file is called: `Summicron-M 35mm f/2 (IV)` is summicron-m-35mm-f2-iv."""
    plain = title.casefold().replace("f/", "f").replace("ä", "a").replace("ö", "o").replace("ü", "u")
    plain = re.sub(r"[(),]", "", plain).replace("/", "-")
    return re.sub(r"\.(?=-|$)", "", re.sub(r"[^a-z0-9.]+", "-", plain)).strip("-.")


def parse_card(text: str, name: str) -> Card:
    """The lens that a TOML text (schema 1) describes; Refusal names the entry that is missing, misspelt or absurd."""
    table = toml.read(text, "the lens's file", _KEYS)
    codes = tuple(map(_code, table.tables("codes", {"number", "frames", "focal_mm"})))
    return Card(
        name=name,
        lens=parse_lens(table, codes[-1].number if codes else None),
        also=table.texts("also"),
        codes=codes,
        elements=table.whole("elements", 1, 60) if "elements" in table else None,
        groups=table.whole("groups", 1, 60) if "groups" in table else None,
        year=table.whole("year", 1800, 2200) if "year" in table else None,
        orders=table.texts("orders"),
        sources=table.texts("sources"),
        note=table.text("note", ""),
    )


def card_text(card: Card) -> str:
    """A lens as the TOML text that `parse_card` reads, what is not known left out."""
    lens = card.lens
    lines = ["schema = 1", f"maker = {toml.quoted(lens.maker)}", f"model = {toml.quoted(lens.model)}"]
    if card.also:
        lines.append(f"also = {_quoted_list(card.also)}")
    if lens.mount is not None:
        lines.append(f"mount = {toml.quoted(lens.mount)}")
    for key, span in (("focal_mm", lens.focal_mm), ("max_aperture", lens.max_aperture)):
        if span is not None:
            lines.append(f"{key} = {span[0]:g}" if span[0] == span[1] else f"{key} = [{span[0]:g}, {span[1]:g}]")
    for key in ("close_focus_m", "elements", "groups", "year"):
        value = lens.close_focus_m if key == "close_focus_m" else getattr(card, key)
        if value is not None:
            lines.append(f"{key} = {value:g}")
    if card.codes:
        lines.append(f"codes = [{', '.join(map(_code_text, card.codes))}]")
    lines += [f"{key} = {_quoted_list(held)}" for key in ("orders", "sources") if (held := getattr(card, key))]
    if card.note:
        lines.append(f"note = {toml.quoted(card.note)}")
    return "\n".join(lines) + "\n"


def _code_text(code: Code) -> str:
    more = [f"{key} = {held:g}" for key in ("frames", "focal_mm") if (held := getattr(code, key)) is not None]
    return f"{{ {', '.join([f'number = {code.number}', *more])} }}"


def _quoted_list(texts: Collection[str]) -> str:
    return f"[{', '.join(map(toml.quoted, texts))}]"


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9.]+", file_name(text)) if word]


def _fits(said: list[str], card: Card) -> bool:
    held = _words(" ".join((card.lens.name, card.name, *card.also, card.lens.mount or "")))
    return all(any(_means(word, each) for each in held) for word in said)


def _means(said: str, held: str) -> bool:
    """A number means that number, with mm or f or without; so does a generation's; a word means what it begins."""
    if said in GENERATIONS and held in GENERATIONS:
        return said == held
    number = re.fullmatch(r"(f?)(\d+(?:\.\d+)?)(mm)?", said)
    if number is None:
        return held.startswith(said)
    same = re.fullmatch(r"(f?)(\d+(?:\.\d+)?)(mm)?", held)
    if same is None or float(same[2]) != float(number[2]):
        return False
    return not (number[1] and not same[1]) and not (number[3] and not same[3])


def _code(table: toml.Table) -> Code:
    return Code(
        table.whole("number", 0, 63),
        table.whole("frames", 0, 3) if "frames" in table else None,
        table.number("focal_mm", 1.0, 5000.0) if "focal_mm" in table else None,
    )
