"""What the user's own folder keeps: lenses that no catalogue has, which lenses are theirs, which one is mounted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from anylens import toml
from anylens.home import own_folder
from anylens.record import record, replace
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from anylens.lens import Lens, Passport
    from anylens.lens.catalogue import Card

CONCEPT_PHONE = "xiaomi-12s-ultra-concept"


@record(frozen=True, slots=True)
class Mine:
    """The user's lenses by the names of the catalogue, the one mounted now, the body in use; None where not said."""

    lenses: tuple[str, ...] = ()
    mounted: str | None = None
    body: str | None = None


def catalogue() -> dict[str, Card]:
    """Every lens by name, those that the user made above the shipped ones."""
    from anylens.lens.catalogue import cards

    return cards(own_folder() / "catalogue")


def card(asked: str, given: Passport | None = None) -> Card:
    """The lens of that name or unambiguous beginning, the user's own first; Refusal lists the near ones.

    A lens that no catalogue has, or several, may be that of the passport that was `given`; one that none has may be
    one that only a passport of the user's names.
    """
    from anylens.lens.catalogue import find, meant

    known = catalogue()
    fitting = meant(asked, known)
    if given is not None and len(fitting) != 1 and meant(asked, one := _named((given,))):
        return find(asked, one)
    return find(asked, known if fitting else {**of_passports(), **known}, mine().lenses)


def lens(asked: str) -> Lens | None:
    """The lens of that name, None where the catalogue has none; Refusal where it may be several."""
    from anylens.lens.catalogue import meant

    return card(asked).lens if meant(asked, catalogue()) else None


def passport(asked: str) -> Path:
    """The file of the passport that is meant: that path, or the user's own passport of the lens of that name.

    Raises Refusal where the lens has none, or several on different bodies.
    """
    if (path := Path(asked)).suffix.casefold() == ".toml" or path.exists():
        return path
    from anylens.lens.passport_place import own_passports

    lens = card(asked).lens
    found = list(passports(lens))
    if len(found) == 1:
        return found[0]
    if found:
        raise Refusal(f"{lens.name} has passports on several bodies; name one of {', '.join(map(str, found))}.")
    raise Refusal(f"{lens.name} has no passport in {own_passports()}; make one with anylens lens calibrate.")


def passports(lens: Lens) -> dict[Path, Passport]:
    """The user's own passports of a lens, on whatever body; Refusal where one cannot be read."""
    from anylens.lens import read_passport
    from anylens.lens.names import alike
    from anylens.lens.passport_place import file_name, own_passports

    read = {each: read_passport(each) for each in sorted(own_passports().glob("*.toml"))}
    # Older ones are kept beside a passport under other names.
    return {
        at: known
        for at, known in read.items()
        if at.name == file_name(known.lens, known.body) and alike(known.lens, lens)
    }


def mine() -> Mine:
    """What `my-lenses.toml` says, nothing where there is none; Refusal where it is damaged."""
    path = _place()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Mine()
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{path} cannot be read ({error}); correct or remove it.") from error
    table = toml.read(text, str(path), ("lenses", "mounted", "body"))
    mounted, body = (table.text(key) if key in table else None for key in ("mounted", "body"))
    return Mine(table.texts("lenses"), mounted, body)


def keep(said: Mine) -> None:
    """Write `my-lenses.toml`, whole or not at all."""
    lines = ["schema = 1", f"lenses = [{', '.join(map(toml.quoted, said.lenses))}]"]
    kept = {"mounted": said.mounted, "body": said.body}
    lines += [f"{key} = {toml.quoted(held)}" for key, held in kept.items() if held is not None]
    _write(_place(), "\n".join(lines) + "\n")


def keep_card(new: Card) -> Path:
    """Write a lens of the user's own into their catalogue, whole or not at all."""
    from anylens.lens.catalogue import card_text, file_name

    path = own_folder() / "catalogue" / (file_name(new.lens.mount or "") or "no-mount") / f"{new.name}.toml"
    _write(path, card_text(new))
    return path


def add(name: str) -> None:
    """Keep a lens among the user's own."""
    said = mine()
    if name not in said.lenses:
        keep(replace(said, lenses=(*said.lenses, name)))


def of_passports() -> dict[str, Card]:
    """The lenses of the user's own passports by name; one that cannot be read is left out."""
    from anylens.lens import read_passport
    from anylens.lens.passport_place import own_passports

    found = []
    for path in sorted(own_passports().glob("*.toml")):
        try:
            found.append(read_passport(path))
        except Refusal:
            continue
    return _named(found)


def _named(passports: Iterable[Passport]) -> dict[str, Card]:
    from anylens.lens.catalogue import Card

    return {card.name: card for card in (Card.of(each.lens) for each in passports)}


def _place() -> Path:
    return own_folder() / "my-lenses.toml"


def _write(path: Path, text: str) -> None:
    from anylens.files.whole import make_folder, whole

    make_folder(path.parent)
    with whole(path) as file:
        file.write(text.encode())
