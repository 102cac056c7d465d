"""The catalogue of lenses, its mounts, and what follows from them on a sensor."""

from __future__ import annotations

import csv
import json
import math
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anylens.app import by_hand, mine
from anylens.app.command_line import run
from anylens.frame import Facts
from anylens.lens import Lens, Passport, depth
from anylens.lens.catalogue import Card, card_text, cards, file_name, find, parse_card
from anylens.lens.mounts import adapter_mm, mount, mounts
from anylens.lens.passport_file import passport_text
from anylens.refusal import Refusal
from anylens.sensor import Sensor, bayer

TABLE = Path(__file__).parents[3] / "shared" / "data" / "optics" / "leica_m_lenses.tsv"
ALL = cards()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_every_lens_of_the_table_is_in_the_catalogue_with_its_codes() -> None:
    if not TABLE.exists():
        pytest.skip("the table of lenses is not beside the project")
    with TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) > 150
    for row in rows:
        card = find(f"{row['maker']} {row['name'].split(' (at ')[0]}", ALL)
        assert float(row["focal_mm"]) in card.focals_mm
        assert card.lens.max_aperture is not None
        assert card.lens.max_aperture[0] == float(row["max_aperture"])
        if row["code_id"]:
            frames = int(row["code_sub"]) if row["code_sub"] else None
            assert (int(row["code_id"]), frames) in {(code.number, code.frames) for code in card.codes}


@pytest.mark.parametrize("name", ALL)
def test_a_card_is_read_back_from_its_text_and_its_file_has_its_name(name: str) -> None:
    card = ALL[name]
    assert file_name(card.lens.model) == name
    assert parse_card(card_text(card), name) == card
    assert card.sources, "every figure says where it is from"
    assert card.lens.mount is not None
    assert mount(card.lens.mount).name == card.lens.mount


def test_every_lens_is_found_by_its_name_and_by_its_title() -> None:
    for card in ALL.values():
        assert find(card.name, ALL) is card
        assert find(card.lens.name, ALL) is card


def test_an_unambiguous_beginning_or_some_words_are_enough() -> None:
    assert find("noctilux-m-75", ALL).name == "noctilux-m-75mm-f1.25-asph"
    assert find("Noctilux-M 50mm f/1", ALL).name == "noctilux-m-50mm-f1"
    assert find("zeiss planar", ALL).name == "planar-50mm-f2-zm"
    assert find("voigtlander nokton 40 1.4", ALL).name == "nokton-classic-40mm-f1.4-vm"
    assert find("apo-telyt-m 18", ALL).lens.model.startswith("Super-Elmar-M 18mm")


def test_a_generation_means_itself_and_none_that_begins_so() -> None:
    assert find("summicron-m-35mm-f2-i", ALL).name == "summicron-35mm-f2-i"
    with pytest.raises(Refusal, match="There is no lens"):
        find("summicron 50 i", ALL)
    assert find("summicron 50 iii", ALL).name == "summicron-m-50mm-f2-iii"
    assert find("summicron 50 iv", ALL).name == "summicron-m-50mm-f2-iv-v"


def test_what_is_ambiguous_is_asked_back_and_what_is_unknown_names_its_neighbours() -> None:
    with pytest.raises(Refusal, match=r"summilux-m-35mm-f1.4, summilux-m-35mm-f1.4-asph"):
        find("summilux-m-35mm", ALL)
    assert find("summilux-m-35mm", ALL, ["summilux-m-35mm-f1.4-asph"]).name == "summilux-m-35mm-f1.4-asph"
    with pytest.raises(Refusal, match="summicron-m-35"):
        find("sumicron-m-35", ALL)
    with pytest.raises(Refusal, match="There is no lens"):
        find("", ALL)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("focal_mm = 0", "1 to 5000"),
        ("focal_mm = [50, 28]", "shortest"),
        ("max_aperture = true", "number"),
        ("codes = [{ number = 64 }]", "0 to 63"),
        ("codes = [{ number = 1, frames = 9 }]", "0 to 3"),
        ("elements = 2.5", "whole"),
        ("colour = 1", "not known"),
        ("orders = [11817]", "list of texts"),
        ("mount = 5", "as text"),
    ],
)
def test_a_card_that_cannot_be_is_refused(line: str, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        parse_card(f'schema = 1\nmaker = "A"\nmodel = "B"\n{line}\n', "b")


def test_adapters_are_the_difference_of_flange_distances() -> None:
    assert adapter_mm("Leica M", "M") == 0.0
    assert adapter_mm("LTM", "Leica M") == 1.0
    assert adapter_mm("Leica M", "Sony E") == 9.8
    assert adapter_mm("C", "CS") == 5.0
    assert adapter_mm("PL", "L") == 32.0
    assert adapter_mm("C", "Leica M") < 0.0
    with pytest.raises(Refusal, match="There is no mount"):
        adapter_mm("Leica M", "Nikonos")
    assert len({each.name for each in mounts()}) == len(mounts())


NUMBERS = {
    "focal": st.floats(8.0, 300.0),
    "stop": st.floats(0.95, 32.0),
    "circle": st.floats(0.002, 0.05),
    "distance": st.floats(1.5, 100.0),
}


@given(**NUMBERS)
def test_depth_of_field_is_where_a_point_blurs_to_the_circle(
    focal: float, stop: float, circle: float, distance: float
) -> None:
    near, far = depth.sharp_m(focal, stop, distance, circle)
    assert near < distance < far
    whole = 1000.0 * distance
    before = 0.5 * (whole + math.sqrt(whole * (whole - 4.0 * focal)))
    image = whole - before
    for end in (near, far):
        if math.isfinite(end):
            ahead = 1000.0 * end - image
            landing = 1.0 / (1.0 / focal - 1.0 / ahead)
            blur = focal / stop * abs(landing - image) / landing
            assert blur == pytest.approx(circle, rel=1e-3)


@given(focal=NUMBERS["focal"], stop=NUMBERS["stop"], circle=NUMBERS["circle"])
def test_at_the_hyperfocal_distance_infinity_is_just_sharp(focal: float, stop: float, circle: float) -> None:
    there = depth.hyperfocal_m(focal, stop, circle)
    assert math.isinf(depth.sharp_m(focal, stop, there * 1.0001, circle)[1])
    assert math.isfinite(depth.sharp_m(focal, stop, there * 0.9999, circle)[1])


def test_known_figures_come_out() -> None:
    assert depth.crop_factor((36.0, 24.0)) == 1.0
    assert depth.angles_deg(50.0, (36.0, 24.0)) == pytest.approx((39.6, 27.0, 46.8), abs=0.05)
    assert depth.hyperfocal_m(50.0, 8.0, 0.03) == pytest.approx(10.52, abs=0.01)
    assert depth.airy_um(8.0) == pytest.approx(10.7, abs=0.05)
    assert depth.contrast(1e-3, 4.0) == pytest.approx(1.0, abs=1e-3)
    assert depth.contrast(2.0 * 4.0 / depth.GREEN_UM, 4.0) == 0.0
    with pytest.raises(Refusal, match="nearer than"):
        depth.sharp_m(50.0, 2.0, 0.1, 0.03)


def told(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["lens", *arguments]) == 0
    return capfd.readouterr().out


def test_a_lens_is_shown_and_mounted_by_some_words(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["lens", "use", "summilux", "50", "asph"]) == 0
    assert "summilux-m-50mm-f1.4-asph" in capfd.readouterr().out
    assert run(["lens", "show", "nokton", "35", "1.2", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["lens"]["name"] == "nokton-35mm-f1.2-vm"


def test_lens_show_speaks_of_the_body_in_use(capfd: pytest.CaptureFixture[str]) -> None:
    phone = json.loads(told(capfd, "show", "summilux-m-50mm-f1.4-asph", "--aperture", "2", "--json"))
    assert phone["size_mm"] == pytest.approx((13.1072, 9.8304))
    assert phone["views"][0]["equivalent_mm"] == pytest.approx(50.0 * phone["crop_factor"])
    assert phone["adapter_mm"] == 0.0
    assert [stop["f_number"] for stop in phone["stops"]] == [2.0]
    told(capfd, "use", "summilux-m-50mm-f1.4-asph", "--body", "raspberry-pi-imx477")
    pi = json.loads(told(capfd, "show", "--json"))
    assert "HQ Camera" in pi["on"]
    assert pi["adapter_mm"] == pytest.approx(27.80 - 17.526)
    full = json.loads(told(capfd, "show", "--sensor", "36x24@4.4", "--json"))
    assert full["crop_factor"] == 1.0


def test_lenses_of_ones_own_are_kept_and_win(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["lens", "list", "--mine"]) == 1
    new = ("Helios 44-2 58mm f/2", "--maker", "KMZ", "--mount", "m42", "--focal", "58", "--widest", "2")
    told(capfd, "add", *new)
    assert (tmp_path / "data" / "anylens" / "catalogue" / "m42" / "helios-44-2-58mm-f2.toml").exists()
    told(capfd, "add", "planar-50mm-f2-zm")
    told(capfd, "use", "helios")
    listed = json.loads(told(capfd, "list", "--mine", "--json"))["lenses"]
    assert [(each["name"], each["mounted"]) for each in listed] == [
        ("helios-44-2-58mm-f2", True),
        ("planar-50mm-f2-zm", False),
    ]
    assert "KMZ Helios" in told(capfd, "show", "kmz", "--aperture", "2.8")
    assert run(["lens", "add", *new]) == 2
    told(capfd, "add", "--remove", "helios")
    assert "planar" in told(capfd, "list", "--mine")
    assert run(["lens", "use"]) == 2


def test_a_lens_that_only_a_passport_of_ones_own_names_is_known_by_it(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "anylens" / "passports"
    folder.mkdir(parents=True)
    lens = Lens("KMZ", "Helios 44-2 58mm f/2", (58.0, 58.0))
    (folder / "helios.toml").write_text(passport_text(Passport(lens, "a body")))
    (folder / "damaged.toml").write_text("no passport")
    assert mine.card("helios").lens == lens
    told(capfd, "use", "helios")
    assert "mounted" in told(capfd, "list", "helios")
    said = by_hand.said_in(Namespace(lens=None, aperture=None, distance=None, focal=None))
    assert said is not None
    assert said.lens == lens


def test_a_passport_that_is_given_names_its_lens(tmp_path: Path) -> None:
    given = Passport(Lens("", "My Summilux"), "a body")
    typed = Namespace(lens="summilux", aperture=None, distance=None, focal=None)
    named = by_hand.said_in(typed, passport=given)
    assert named == by_hand.Said(given.lens)
    typed.lens = None
    assumed = by_hand.said_in(typed, passport=given)
    assert assumed is not None
    silent = by_hand.held(Facts.whole(Sensor("test", 8, 8, bayer("RGGB"))), assumed)
    assert silent.lens == given.lens
    assert silent.notes == ("The lens is taken to be My Summilux, whose passport was given; the file names none.",)
    names_one = by_hand.held(replace(silent, lens=Lens("KMZ", "Helios"), notes=()), assumed)
    assert names_one.lens == Lens("KMZ", "Helios")


def test_a_mount_without_lenses_says_which_have_some(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["lens", "list", "m42"]) == 1
    assert "0 lenses of M42; the catalogue has those of Leica M" in capfd.readouterr().out
    told(capfd, "add", "Helios", "--maker", "KMZ", "--mount", "m42", "--focal", "58")
    assert "1 lens, 1 of them yours" in told(capfd, "list", "m42")
    mounts = json.loads(told(capfd, "mounts", "--json"))["mounts"]
    assert {each["name"]: each["lenses"] for each in mounts if each["lenses"]} == {"Leica M": 147, "M42": 1}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["show", "nonsense"], "There is no lens"),
        (["show"], "none is mounted"),
        (["show", "summilux", "90", "2.8"], "There is no lens 'summilux 90 2.8'"),
        (["add", "Planar", "50", "--maker", "Zeiss"], "'50' is one word too many"),
        (["show", "planar", "--aperture", "zero"], "--aperture: zero is not a number"),
        (["show", "planar", "--sensor", "36x24"], "36x24@4.4"),
        (["show", "planar", "--focal", "90"], "has no 90 mm"),
        (["show", "planar", "--distance", "0.1"], "nearer than"),
        (["add", "New", "--maker", "A"], "--focal"),
        (["add", "New", "--maker", "A", "--focal", "50", "--mount", "Nikonos"], "There is no mount"),
        (["add", "New", "--maker", "A", "--focal", "50", "--code", "64"], "0 to 63"),
        (["mounts", "--body", "nothing"], "There is no body"),
    ],
)
def test_mistakes_are_one_sentence_and_keep_nothing(
    arguments: list[str], why: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["lens", *arguments]) == 2
    said = capfd.readouterr().err
    assert why in said
    assert said.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_damaged_file_of_ones_own_is_named(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    kept = tmp_path / "data" / "anylens" / "my-lenses.toml"
    kept.parent.mkdir(parents=True)
    kept.write_text("lenses = 5")
    assert run(["lens", "list"]) == 2
    assert "my-lenses.toml" in capfd.readouterr().err


def test_a_card_says_what_it_does_not_know_as_none() -> None:
    card = parse_card('schema = 1\nmaker = "A"\nmodel = "B 50"\n', "b-50")
    assert card == Card("b-50", card.lens)
    assert (card.lens.focal_mm, card.lens.code, card.elements) == (None, None, None)
