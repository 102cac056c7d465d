"""Recipes are values, and their text is the same value."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anylens import darkroom
from anylens.darkroom.recipe import Recipe
from anylens.refusal import Refusal


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    recipe = darkroom.look(draw(st.sampled_from(sorted(darkroom.looks()))))
    for option in draw(st.lists(st.sampled_from(darkroom.options()), max_size=6)):
        value: Any
        if option.choices:
            value = draw(st.sampled_from(option.choices))
        elif option.type == "int":
            value = draw(st.integers(int(option.low or 0), int(option.high or 9)))
        else:
            value = draw(st.floats(option.low, option.high))
        recipe = darkroom.adjust(recipe, f"{option.stage}.{option.field}={value!r}".replace("'", ""))
    return recipe


@given(recipes())
def test_text_out_and_in_is_equal(recipe: Recipe) -> None:
    assert darkroom.parse(darkroom.text(recipe)) == recipe


def test_every_default_is_a_value_that_its_field_takes() -> None:
    for option in darkroom.options():
        kinds = {"choice": str, "float": (int, float)}
        assert isinstance(option.default, kinds.get(option.type, int)), option
        assert option.default in option.choices or not option.choices, option
        assert option.low is None or option.low <= option.default <= option.high, option


def test_a_text_that_is_not_whole_is_a_look_laid_over_the_default() -> None:
    default = darkroom.default_recipe()
    assert darkroom.parse("schema = 1") == default
    assert darkroom.parse("schema = 1\n[tone.Tone]\ncontrast = 2.0") == darkroom.adjust(default, "Tone.contrast=2")
    added = darkroom.parse("schema = 1\n[scene.Mono]\nred = 1.0")
    assert [type(stage).__name__ for stage in added.scene] == [*(type(s).__name__ for s in default.scene), "Mono"]


def test_a_whole_text_has_the_stages_it_names_and_no_others() -> None:
    bare = "schema = 1\nwhole = true\n[merge.Merge]\n[demosaic.Demosaic]\n[tone.Tone]\n"
    named = [type(stage).__name__ for _, stage in darkroom.parse(bare).stages()]
    assert named == ["Merge", "Demosaic", "Tone"]


def test_every_stage_that_ships_can_be_adjusted_and_has_a_sentence() -> None:
    for name, (_, record) in darkroom.STAGES.items():
        assert (record.__doc__ or "").strip().endswith("."), name
    for option in darkroom.options():
        assert option.choices or (option.low is not None and option.low < option.high), option


def test_every_look_differs_from_the_others_and_says_what_it_is() -> None:
    said = darkroom.looks()
    assert {"none", "authentic", "vibrant", "mono"} <= set(said)
    assert all(sentence.endswith(".") for sentence in said.values())
    texts = {darkroom.text(darkroom.look(name)) for name in said}
    assert len(texts) == len(said)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("", "schema"),
        ("schema = 2", "schema"),
        ("schema = 1\nwhole = true", "exactly one"),
        ("schema = 1\nwhole = true\n[merge.Merge]\n[demosaic.Demosaic]", "'tone'"),
        ("schema = 1\nwhole = 'yes'", "whole"),
        ("not toml", "TOML"),
        ("schema = 1\n[kitchen.Tone]", "kitchen"),
        ("schema = 1\n[scene.Tone]", "belongs to 'tone'"),
        ("schema = 1\n[tone.Tome]", "Tone"),
        ("schema = 1\n[tone.Tone]\ncontrast = 99.0", "range"),
        ("schema = 1\n[tone.Tone]\ncontrast = nan", "range"),
        ("schema = 1\n[tone.Tone]\ncontrast = 'high'", "type"),
        ("schema = 1\n[tone.Tone]\ncontrast = true", "type"),
        ("schema = 1\n[tone.Tone]\ncharm = 1.0", "charm"),
        ("schema = 1\n[tone.Tone]\nspace = 'cmyk'", "choose one of"),
        ("schema = 1\ntone = 3", "tone"),
    ],
)
def test_a_text_that_is_no_recipe_is_refused_in_one_sentence_that_names_the_fault(source: str, word: str) -> None:
    with pytest.raises(Refusal) as refusal:
        darkroom.parse(source)
    assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("Tone", "Stage.field=value"),
        ("Tone.contrast", "Stage.field=value"),
        ("Ton.contrast=1", "Tone"),
        ("Tone.contrst=1", "contrast"),
        ("Tone.contrast=much", "much"),
        ("Tone.contrast=7", "1 to 3"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_could(setting: str, word: str) -> None:
    with pytest.raises(Refusal) as refusal:
        darkroom.adjust(darkroom.look("none"), setting)
    assert word in str(refusal.value)


def test_stages_are_frozen_and_refuse_nonsense_from_python_too() -> None:
    tone = darkroom.look("none").tone
    with pytest.raises(dataclasses.FrozenInstanceError):
        tone.contrast = 2.0  # type: ignore[attr-defined]
    with pytest.raises(Refusal):
        dataclasses.replace(tone, contrast=50.0)  # type: ignore[type-var]
