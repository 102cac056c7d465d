"""One lens is found under the names that cameras, programs and catalogues give it, and no other is taken for it."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from anylens.lens import Lens, Passport, find_passport
from anylens.lens.catalogue import cards
from anylens.lens.names import alike
from anylens.lens.passport_file import passport_text
from anylens.lens.passport_place import file_name, own_passports

SPELT = {
    ("Leica", "Summicron-M 50mm f/2 (IV, V)"): (
        "Summicron-M 1:2/50", "Leica Summicron-M 1:2/50", "SUMMICRON-M 50mm F2", "Summicron-M 50 mm f/2.0 (V)",
    ),
    ("Leica", "Summilux-M 35mm f/1.4 ASPH."): (
        "Summilux-M 1:1.4/35 ASPH.", "Leica Summilux-M 35mm f/1.4 Asph", "Summilux-M 35/1.4 ASPH",
    ),
    ("Leica", "Apo-Summicron-M 50mm f/2 ASPH."): ("APO-Summicron-M 1:2/50 ASPH.",),
    ("Voigtländer", "Nokton 50mm f/1.5 VM"): ("Voigtlander Nokton 50mm F1.5", "NOKTON 1:1,5/50"),
    ("Zeiss", "C Sonnar 50mm f/1.5 ZM"): ("Carl Zeiss C Sonnar 1.5/50 ZM",),
    ("Leica", "Elmarit-M 28mm f/2.8 ASPH."): ("Elmarit-M 1:2.8/28 ASPH.",),
}  # fmt: skip
OTHERS = (
    ("Summicron-M 1:2/50", "Apo-Summicron-M 50mm f/2 ASPH."),
    ("Summicron-M 1:2/50", "Summicron-M 35mm f/2 (IV)"),
    ("Summicron-M 50mm f/2 (III)", "Summicron-M 50mm f/2 (IV, V)"),
    ("Summilux-M 1:1.4/50", "Summicron-M 50mm f/2 (IV, V)"),
    ("Noctilux-M 1:1/50", "Noctilux-M 50mm f/0.95 ASPH."),
    ("50mm f/2", "Summicron-M 50mm f/2 (IV, V)"),
)


@pytest.mark.parametrize(("card", "said"), [(card, said) for card, names in SPELT.items() for said in names])
def test_a_lens_is_known_by_other_spellings_of_its_name(card: tuple[str, str], said: str) -> None:
    assert alike(Lens(*card), Lens("", said))
    assert alike(Lens("Leica Camera AG", said), Lens(*card))


@pytest.mark.parametrize(("said", "model"), OTHERS)
def test_another_lens_is_not_taken_for_it(said: str, model: str) -> None:
    assert not alike(Lens("", said), Lens("Leica", model))


def test_no_two_lenses_of_the_catalogue_are_one() -> None:
    every = [card.lens for card in cards().values()]
    for one, other in combinations(every, 2):
        assert not alike(one, other), (one.model, other.model)


def test_codes_tell_lenses_apart() -> None:
    assert not alike(Lens("", "Summicron-M 1:2/50", code=23), Lens("Leica", "Summicron-M 50mm f/2", code=33))


def test_a_passport_is_found_by_another_spelling_if_it_is_the_only_one(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    def keep(model: str) -> Passport:
        passport = Passport(Lens("Leica", model), "Some Body")
        own_passports().mkdir(parents=True, exist_ok=True)
        (own_passports() / file_name(passport.lens, passport.body)).write_text(passport_text(passport), "utf-8")
        return passport

    fifth = keep("Summicron-M 50mm f/2 (IV, V)")
    keep("Apo-Summicron-M 50mm f/2 ASPH.")
    asked = Lens("Leica Camera AG", "Summicron-M 1:2/50")
    assert find_passport(asked, "Some Body") == fifth
    assert find_passport(asked, "Another Body") is None
    keep("Summicron-M 50mm f/2 (III)")
    assert find_passport(asked, "Some Body") is None
