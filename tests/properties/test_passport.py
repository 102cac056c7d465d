"""A passport is read as it was written, maps there and back, and refuses what no lens can be."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anylens.files.passport_out import write_passport
from anylens.lens import Lens, Passport, find_passport, merged, read_passport
from anylens.lens.mapping import cast, ideal, lateral_shift, light, mm_of_pixels, observed, pixels_of_mm
from anylens.lens.passport import SECTIONS, ColorShading, Geometry, Lateral, Vignetting
from anylens.lens.passport_file import parse_passport, passport_text
from anylens.lens.passport_place import file_name, own_passports
from anylens.lens.rings import nearest, opening
from anylens.refusal import Refusal

LENS = Lens("Leica", "Summilux-M 35 f/1.4", (35.0, 35.0), (1.4, 1.4), "M", 0.7, 41)
SAID = {"method": "chart", "frames": 13, "date": "2026-05-31", "residual": 0.4}
GEOMETRY = Geometry(
    **SAID,
    focal_mm=35.2,
    focal_mm_error=0.02,
    centre_mm=(0.1, -0.2),
    centre_mm_error=(0.01, 0.01),
    radial=(-0.12, 0.05, -0.01),
    radial_error=(0.001, 0.002, 0.003),
    tangential=(1e-4, -2e-4),
    tangential_error=(1e-5, 1e-5),
    reach_mm=21.6,
)
VIGNETTING = Vignetting(
    **SAID,
    f_number=1.4,
    centre_mm=(0.0, 0.0),
    centre_mm_error=(0.1, 0.1),
    radial=(-0.9, 0.4, -0.1),
    radial_error=(0.01, 0.01, 0.01),
    reach_mm=21.6,
)
COLOR = ColorShading(
    **SAID,
    half_width_mm=18.0,
    half_height_mm=12.0,
    red_green=((0.8, 0.9, 0.8), (0.9, 1.0, 0.9), (0.8, 0.9, 0.8)),
    red_green_error=((0.01,) * 3,) * 3,
    blue_green=((1.1, 1.0), (1.1, 1.2)),
    blue_green_error=((0.01,) * 2,) * 2,
)
LATERAL = Lateral(
    **SAID,
    red=(1e-4, 2e-4, 0.0),
    red_error=(1e-5,) * 3,
    blue=(-1e-4, 0.0, 3e-4),
    blue_error=(float("inf"),) * 3,
    red_shift_mm=(0.001, 0.0),
    red_shift_mm_error=(1e-4, 1e-4),
    blue_shift_mm=(0.0, -0.001),
    blue_shift_mm_error=(1e-4, 1e-4),
    reach_mm=21.6,
)
PASSPORT = Passport(
    LENS, "Sony ILCE-7RM5", (GEOMETRY,), (VIGNETTING,), (COLOR,), (LATERAL,), pitch_um=3.76, size_px=(9504, 6336)
)

small = st.floats(-0.2, 0.2, allow_subnormal=False)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip)


@given(names, names, st.tuples(small, small, small), st.floats(0.0, float("inf")))
@settings(max_examples=60)
def test_a_passport_is_read_as_it_was_written(model: str, body: str, red: tuple[float, ...], error: float) -> None:
    lateral = replace(LATERAL, red=tuple(v / 4 for v in red), red_error=(error, 0.0, 1.0))
    passport = replace(PASSPORT, lens=replace(LENS, model=model), body=body, lateral=(lateral,))
    assert parse_passport(passport_text(passport)) == passport


@given(small, st.floats(-0.05, 0.05), st.floats(-0.02, 0.02), st.floats(-5e-3, 5e-3), st.floats(-5e-3, 5e-3))
@settings(max_examples=60)
def test_observed_undoes_ideal_within_and_beyond_the_reach(
    k1: float, k2: float, k3: float, p1: float, p2: float
) -> None:
    geometry = replace(GEOMETRY, radial=(k1, k2, k3), tangential=(p1, p2), reach_mm=18.0)
    x, y = np.meshgrid(np.linspace(-18, 18, 13), np.linspace(-12, 12, 9))
    back = ideal(geometry, *observed(geometry, x, y))
    np.testing.assert_allclose(back, (x, y), atol=1e-7)


def test_the_distortion_is_opencvs() -> None:
    cv2 = pytest.importorskip("cv2")
    x, y = np.meshgrid(np.linspace(-16, 16, 9), np.linspace(-12, 12, 7))
    (c_x, c_y), f = GEOMETRY.centre_mm, GEOMETRY.focal_mm
    rays = np.stack([(x - c_x) / f, (y - c_y) / f, np.ones_like(x)], -1).reshape(-1, 3)
    k1, k2, k3 = GEOMETRY.radial
    matrix = np.array([[f, 0, c_x], [0, f, c_y], [0, 0, 1.0]])
    theirs, _ = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), matrix, np.array([k1, k2, *GEOMETRY.tangential, k3]))
    ours = np.stack(observed(GEOMETRY, x, y), -1).reshape(-1, 2)
    np.testing.assert_allclose(ours, theirs[:, 0], atol=1e-9)


def test_pixels_and_millimetres_agree_about_the_middle() -> None:
    x, y = mm_of_pixels([0, 1.5, 3], [0, 1, 2], (3, 4), 2000.0)
    np.testing.assert_allclose(x, (-3, 0, 3))
    np.testing.assert_allclose(y, (-2, 0, 2))
    np.testing.assert_allclose(pixels_of_mm(x, y, (3, 4), 2000.0), ([0, 1.5, 3], [0, 1, 2]))


def test_light_cast_and_lateral_colour_are_what_their_records_say() -> None:
    assert light(VIGNETTING, 0.0, 0.0) == 1.0
    assert light(VIGNETTING, 21.6, 0.0) == pytest.approx(0.4)
    assert light(VIGNETTING, 0.0, 30.0) == pytest.approx(0.4)
    red, blue = cast(COLOR, np.array([0.0, 18.0, -40.0]), np.array([0.0, 12.0, 12.0]))
    np.testing.assert_allclose(red, (1.0, 0.8, 0.8))
    np.testing.assert_allclose(blue, (1.1, 1.2, 1.1))
    (red_x, _), (blue_x, blue_y) = lateral_shift(LATERAL, 21.6, 0.0)
    assert red_x == pytest.approx(21.6 * 3e-4 + 0.001)
    assert blue_x == pytest.approx(21.6 * 2e-4)
    assert blue_y == pytest.approx(-0.001)


def test_between_two_apertures_both_speak() -> None:
    wide, small_ = replace(VIGNETTING, f_number=2.0), replace(VIGNETTING, f_number=8.0)
    assert nearest((wide, small_), 4.0, None) == ((0.5, wide), (0.5, small_))
    assert nearest((wide, small_), 1.4, None) == ((1.0, wide),)
    assert nearest((wide, small_), None, 2.0) == ((1.0, small_),)
    near, far = replace(GEOMETRY, focus_m=1.0), replace(GEOMETRY, focus_m=4.0)
    assert nearest((near, far), 5.6, None) == ((1.0, far),)
    ((a, first), (b, second)) = nearest((near, far), 5.6, 1.6)
    assert (first, second) == (far, near)
    assert (a, b) == (pytest.approx(0.5), pytest.approx(0.5))
    assert nearest((), 4.0, 1.0) == ()


def test_lateral_colour_between_two_apertures_goes_by_the_opening() -> None:
    wide, small_ = replace(LATERAL, f_number=2.0), replace(LATERAL, f_number=4.0)
    ((a, first), (b, second)) = nearest((wide, small_), 8**0.5, None, along=opening)
    assert (first, second) == (small_, wide)
    assert (a, b) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert nearest((wide, small_), 8.0, None, along=opening) == ((1.0, small_),)


def test_merging_takes_the_newer_of_the_same_key_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    assert write_passport(PASSPORT, path) is None
    newer = replace(VIGNETTING, radial=(-0.8, 0.3, 0.0), date="2026-06-30")
    closed = replace(VIGNETTING, f_number=5.6)
    new = Passport(LENS, PASSPORT.body, vignetting=(closed, newer))
    whole, stays = merged(read_passport(path), new)
    assert stays == ()
    kept = write_passport(whole, path)
    assert kept is not None
    assert kept.name == "a.1.toml"
    assert read_passport(kept) == PASSPORT
    assert read_passport(path) == replace(PASSPORT, vignetting=(newer, closed))
    assert write_passport(PASSPORT, path) == tmp_path / "a.2.toml"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.1.toml", "a.2.toml", "a.toml"]
    with pytest.raises(Refusal, match="of their own"):
        merged(PASSPORT, replace(new, body="Leica M11"))


def test_a_zoom_has_a_passport_for_each_focal_length() -> None:
    zoom = Lens("Tokina", "Zoom", (35.0, 70.0))
    wide, long = (Passport(replace(zoom, focal_mm=(at, at)), "a body", vignetting=(VIGNETTING,)) for at in (35.0, 70.0))
    with pytest.raises(Refusal, match="of 35 mm, the new figures are of 70 mm"):
        merged(wide, long)
    assert merged(wide, replace(wide, lens=zoom))[0].lens == wide.lens
    assert merged(replace(wide, lens=zoom), long)[0].lens == long.lens


@pytest.mark.parametrize(
    ("times", "old", "new", "why"),
    [
        (1.2, "flat", "flat", None),
        (0.2, "flat", "flat", None),
        (3.0, "flat", "flat", "errs 3 times as much"),
        (0.5, "flat", "photos", "by photos, which is less sure"),
        (3.0, "photos", "flat", None),
        (float("inf"), "photos", "imported", "less sure"),
        (1e-9, "imported", "imported", None),
    ],
)
def test_what_was_measured_better_stays_and_is_said(times: float, old: str, new: str, why: str | None) -> None:
    before = replace(VIGNETTING, method=old)
    errors = {
        name: tuple(times * each for each in getattr(before, name)) for name in ("centre_mm_error", "radial_error")
    }
    after = replace(before, method=new, radial=(-0.7, 0.2, 0.0), date="2026-06-30", **errors)
    whole, stays = merged(replace(PASSPORT, vignetting=(before,)), Passport(LENS, PASSPORT.body, vignetting=(after,)))
    assert whole.vignetting == (after if why is None else before,)
    assert whole.geometry == PASSPORT.geometry
    assert len(stays) == (why is not None)
    for sentence in stays:
        assert why in sentence
        assert "vignetting at f/1.4 of 2026-05-31" in sentence


def test_the_users_passport_is_found_by_lens_and_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert find_passport(LENS, PASSPORT.body) is None
    write_passport(PASSPORT, own_passports() / file_name(LENS, PASSPORT.body))
    assert find_passport(replace(LENS, maker="LEICA"), "sony  ilce-7rm5") == PASSPORT
    assert find_passport(LENS, "Leica M11") is None


def test_all_that_is_the_users_lies_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anylens.app import mine

    for said, where in ((str(tmp_path / "data"), tmp_path / "data"), ("data", tmp_path / ".local" / "share")):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_DATA_HOME", said)
        assert own_passports() == where / "anylens" / "passports"
        mine.keep(mine.Mine())
        assert (where / "anylens" / "my-lenses.toml").is_file()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("schema = 1", "schema = 2", "schema = 1"),
        ("focal_mm = 35.2", "", "does not say focal_mm"),
        ("focal_mm = 35.2", "focal_mm = -3.0", "outside 0.5"),
        ("focal_mm = 35.2", "focal_mm = nan", "as a number"),
        ("focal_mm = 35.2", "focal_mm = '35'", "as a number"),
        ("focal_mm = 35.2", f"focal_mm = {'9' * 400}", "outside 0.5"),
        ("focal_mm = 35.2", f"focal_mm = {'9' * 5000}", "not TOML"),
        ("radial = [-0.12, 0.05, -0.01]", "radial = [-0.12, 0.05]", "3 numbers"),
        ("radial = [-0.12, 0.05, -0.01]", "radial = [-2.0, 0.0, 0.0]", "folds over"),
        ("radial = [-0.9, 0.4, -0.1]", "radial = [-1.9, 0.4, -0.1]", "of the light"),
        ('method = "chart"', 'method = "guess"', "must be one of"),
        ("[[geometry]]", "[[distortion]]", "not known"),
        ("[[geometry]]", "[geometry]", "geometry as tables"),
        ("reach_mm", "reach", "not known"),
        ("[0.8, 0.9, 0.8]", "[0.8, 0.9]", "rows of numbers"),
        ("frames = 13", "frames = true", "how many pictures"),
        ('maker = "Leica"', "maker = 3", "maker as text"),
        ("body =", "bodies =", "'bodies' of the passport is not known"),
        ('body = "Sony ILCE-7RM5"', "", "must say body"),
        ("schema = 1", "schema = ", "not TOML"),
    ],
)
def test_missing_and_absurd_figures_are_refused_in_one_sentence(old: str, new: str, says: str) -> None:
    text = passport_text(PASSPORT)
    assert old in text
    with pytest.raises(Refusal, match=says) as told:
        parse_passport(text.replace(old, new, 1))
    assert "\n" not in str(told.value)


def test_every_figure_of_every_section_has_its_standard_error() -> None:
    for kind in SECTIONS.values():
        named = {field.name: field.metadata.get("count", "none") for field in fields(kind)}
        chosen = {"reach_mm", "half_width_mm", "half_height_mm", "residual", "skirt_tail"}
        for name, count in named.items():
            if count != "none" and name not in chosen and not name.endswith("_error"):
                assert named[f"{name}_error"] == count
