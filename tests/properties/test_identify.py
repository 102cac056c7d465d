"""Which lens took a picture: lenses whose lateral colour is known, and raws drawn with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anylens import write
from anylens.app.command_line import run
from anylens.body import Body
from anylens.frame import Frame
from anylens.lab import seating
from anylens.lab.figure import Figure
from anylens.lab.recognition import Seen, recognise, shades
from anylens.lab.specimen import of_image
from anylens.lab.traits import RINGS, Trait, Traits
from anylens.lab.watching import CONTRADICTED, shaded
from anylens.lens import Lens, Passport, Setting
from anylens.lens.passport import Geometry, Lateral, Vignetting
from anylens.lens.passport_file import passport_text
from tests.bursts import under_filter
from tests.frames import NEUTRAL, facts
from tests.references.test_lab_fringes import BLUE, GREEN, HEIGHT, RED, WIDTH, drawn
from tests.sections import section

PITCH_UM = 3.2
REACH_MM = np.hypot(WIDTH, HEIGHT) / 2 * PITCH_UM * 1e-3


def passport(name: str, red: tuple[float, float], blue: tuple[float, float]) -> Passport:
    """Of a lens that magnifies red and blue by 1 + c0 + c1 s2."""
    record = section(Lateral, 1e-5, method="chart", reach_mm=REACH_MM, red=(*red, 0.0), blue=(*blue, 0.0))
    return Passport(Lens("Maker", name), "Maker Model", lateral=(record,))


def falloff(first: float, second: float) -> Vignetting:
    return section(Vignetting, method="flat", radial=(first, second, 0.0), reach_mm=REACH_MM)


KIT = (passport("true", RED, BLUE), passport("other", BLUE, RED), passport("plain", (0.0, 0.0), (0.0, 0.0)))


def pictures_of(red: tuple[float, float], blue: tuple[float, float], error_um: float = 0.02) -> Seen:
    s = np.array(RINGS)
    values = 1000 * REACH_MM * np.concatenate([s * (grown[0] + grown[1] * s**2) for grown in (red, blue)])
    lateral = Trait(values, np.eye(6) * error_um**2)
    return Seen(Traits(float(REACH_MM), 1, lateral, None, None, None))


def test_the_lens_that_draws_so_is_told() -> None:
    for lens, (red, blue) in zip(KIT, ((RED, BLUE), (BLUE, RED), (GREEN, GREEN)), strict=True):
        verdict = recognise([pictures_of(red, blue)], KIT)
        assert verdict.told is not None
        assert verdict.told.passport is lens
        assert sum(each.probability for each in verdict.candidates) + verdict.none == pytest.approx(1.0)


def test_a_lens_without_a_passport_is_none_of_these() -> None:
    verdict = recognise([pictures_of((-4e-3, 0.0), (5e-3, 0.0))], KIT)
    assert verdict.none > 0.95
    assert verdict.told is None


def test_lenses_that_draw_alike_are_not_told_apart() -> None:
    twins = (KIT[0], replace(KIT[0], lens=Lens("Maker", "twin")))
    verdict = recognise([pictures_of(RED, BLUE)], twins)
    assert verdict.told is None
    assert verdict.candidates[0].probability == pytest.approx(verdict.candidates[1].probability)


def bent(corner_um: float) -> Geometry:
    """Distortion that moves the corner outwards by so much."""
    radial = (corner_um / 1000 / REACH_MM, 0.0, 0.0)
    return section(Geometry, method="chart", focal_mm=REACH_MM, radial=radial, reach_mm=REACH_MM)


def test_straight_things_tell_lenses_whose_colours_lie_alike() -> None:
    twins = (
        replace(KIT[0], geometry=(bent(9.0),)),
        replace(KIT[0], lens=Lens("Maker", "twin"), geometry=(bent(-9.0),)),
    )
    seen = pictures_of(RED, BLUE)
    shown = replace(seen, traits=replace(seen.traits, bend=Trait(9.0 * np.array(RINGS) ** 3, 0.1 * np.eye(3))))
    verdict = recognise([shown], twins)
    assert verdict.told is not None
    assert verdict.told.passport is twins[0]


def test_a_focal_length_that_pictures_tell_keeps_out_a_lens_that_draws_alike() -> None:
    lens = replace(KIT[2], lens=Lens("Maker", "plain", (28.0, 28.0)))
    seen = pictures_of(GREEN, GREEN, 0.1)
    for focal_mm, likely in ((28.3, True), (35.0, False)):
        shown = replace(seen, traits=replace(seen.traits, focal_mm=Figure(focal_mm, 0.5)))
        verdict = recognise([shown], [*KIT[:2], lens])
        assert (verdict.told is not None) == likely
        assert (verdict.none > 0.85) != likely


def test_to_draw_as_few_lenses_do_tells_more_than_to_draw_as_many_do() -> None:
    """Most lateral colour grows evenly with the radius."""
    reach_mm = 8.19
    s, none = np.array(RINGS), []
    for red, blue in (((2e-4, 0.0), (-2e-4, 0.0)), ((4e-4, -2e-4), (-4e-4, 2e-4))):
        lens = passport("lens", red, blue)
        lens = replace(lens, lateral=(replace(lens.lateral[0], reach_mm=reach_mm),))
        values = 1000 * reach_mm * np.concatenate([s * (c0 + c1 * s**2) for c0, c1 in (red, blue)])
        lateral = Trait(values, 0.05**2 * np.eye(6))
        none.append(recognise([Seen(Traits(reach_mm, 1, lateral, None, None, None))], [lens]).none)
    assert none[1] < none[0] / 3.0


def test_pictures_that_tell_nothing_leave_what_was_thought_before() -> None:
    nothing = Seen(Traits(float(REACH_MM), 1, None, None, None, None))
    one, two = (recognise([nothing] * count, KIT) for count in (1, 2))
    assert one.none == pytest.approx(two.none) == pytest.approx(1 / 3)


@pytest.mark.parametrize(("count", "none"), [(1, 0.6), (6, 0.2), (40, 0.2)])
def test_the_fewer_lenses_were_measured_the_likelier_it_was_another(count: int, none: float) -> None:
    nothing = Seen(Traits(float(REACH_MM), 1, None, None, None, None))
    assert recognise([nothing], [KIT[0]] * count).none == pytest.approx(none)


WALLED = replace(KIT[0], lens=Lens("Maker", "35", (35.0, 35.0)), vignetting=(falloff(-0.27, 0.02),))


@pytest.mark.parametrize("error", [0.35, 0.01])
@pytest.mark.parametrize("apart", [0.0, 0.03])
def test_a_wall_names_no_lens_because_lenses_of_a_focal_length_fall_off_alike(error: float, apart: float) -> None:
    """Of eight designs of 35 to 40 mm at f/5.6 falloff at 6.5 mm differs by 3 % rms; simulated."""
    reach_mm = 8.19
    said = shades(WALLED, 5.6, None, reach_mm)[0]
    assert said is not None
    shown = Traits(reach_mm, 1, None, Figure(said.value + apart, error), Figure(-0.03, error), Figure(0.02, error))
    verdict = recognise([Seen(shown, 5.6, focal_mm=35.0)], [WALLED])
    assert verdict.told is None
    assert 0.4 < verdict.none < 0.8


def test_light_that_no_lens_like_it_has_keeps_a_lens_out() -> None:
    shown = Traits(8.19, 2, None, Figure(-0.7, 0.01), None, None)
    assert recognise([Seen(shown, 5.6)], [WALLED]).none > 0.95


@pytest.mark.parametrize(("said_mm", "none"), [(None, 0.6), (35.0, 0.6), (50.0, 0.99)])
def test_a_focal_length_that_is_written_keeps_lenses_out_and_speaks_for_none(
    said_mm: float | None, none: float
) -> None:
    nothing = Seen(Traits(8.19, 1, None, None, None, None), focal_mm=said_mm)
    assert recognise([nothing], [WALLED]).none == pytest.approx(none, abs=0.01)


@pytest.mark.parametrize(("aside_um", "told"), [(0.0, True), (1.0, False)])
def test_a_stranger_is_no_lens_because_that_might_draw_in_any_way_wide_open(aside_um: float, told: bool) -> None:
    """Of apertures beyond those measured a passport foretells next to nothing."""
    reach_mm = 8.19
    record = replace(KIT[2].lateral[0], f_number=5.6, reach_mm=reach_mm)
    fast = replace(KIT[2], lens=Lens("Maker", "fast", max_aperture=(1.4, 1.4)), lateral=(record,))
    s = np.array(RINGS)
    lateral = Trait(aside_um * np.concatenate([s, -s]), 0.05**2 * np.eye(6))
    verdict = recognise([Seen(Traits(reach_mm, 1, lateral, None, None, None))], [fast])
    assert (verdict.best is not None) == told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw of the true lens, one that names a lens, and passports."""
    made = tmp_path_factory.mktemp("identify")
    colors = np.stack([drawn(channel, growth) for channel, growth in enumerate((RED, GREEN, BLUE))])
    light = under_filter(colors.astype(np.float32) * np.array(NEUTRAL, np.float32)[:, None, None])
    counts = 256 + 3839 * light + np.random.default_rng(1).normal(0, 8, light.shape)
    known = facts("RGGB", HEIGHT, WIDTH)
    known = replace(known, body=Body("Maker", "Model"), sensor=replace(known.sensor, pitch_um=PITCH_UM))
    frame = Frame(np.clip(counts, 0, 4095).astype(np.uint16), known)
    write(frame, made / "a.dng")
    write(replace(frame, facts=replace(known, lens=KIT[1].lens)), made / "named.dng")
    for focal_mm in (35.0, 50.0):
        setting = Setting("exif", focal_mm=focal_mm)
        write(replace(frame, facts=replace(known, setting=setting)), made / f"{focal_mm:g}mm.dng")
    for each in KIT:
        (made / f"{each.lens.model}.toml").write_text(passport_text(each))
    return made


def identify(folder: Path, *arguments: str) -> int:
    kit = [str(folder / f"{each.lens.model}.toml") for each in KIT]
    return run(["lens", "identify", *arguments, "--passport", *kit])


def test_a_raw_tells_its_lens(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert identify(folder, str(folder / "a.dng")) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Maker true"


def test_lenses_that_draw_alike_are_both_said_and_what_would_tell_them_apart(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = tmp_path / "twin.toml"
    twin.write_text(passport_text(replace(KIT[0], lens=Lens("Maker", "twin"))))
    named = [str(folder / "true.toml"), str(twin)]
    assert run(["lens", "identify", str(folder / "a.dng"), "--passport", *named]) == 0
    answer = capsys.readouterr().out.splitlines()[-1]
    assert answer.startswith("perhaps Maker ")
    assert "though Maker" in answer
    assert "two pictures that show most of the same would tell its focal length" in answer


def test_a_blank_wall_names_no_lens_and_what_picture_would_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = np.random.default_rng(2)
    counts = 256 + 1500 * under_filter(np.ones((3, HEIGHT, WIDTH), np.float32)) + chance.normal(0, 8, (HEIGHT, WIDTH))
    known = facts("RGGB", HEIGHT, WIDTH)
    known = replace(known, body=Body("Maker", "Model"), sensor=replace(known.sensor, pitch_um=PITCH_UM))
    known = replace(known, setting=Setting("exif", focal_mm=35.0))
    write(Frame(np.clip(counts, 0, 4095).astype(np.uint16), known), tmp_path / "wall.dng")
    (tmp_path / "35.toml").write_text(passport_text(WALLED))
    asked = ["lens", "identify", str(tmp_path / "wall.dng"), "--aperture", "5.6"]
    assert run([*asked, "--passport", str(tmp_path / "35.toml")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "perhaps none of these lenses (" in said
    assert "though it may be Maker 35; a picture full of detail, sharp to its corners, would tell" in said
    assert "give one of leaves, bricks or a house front" in said


def test_a_passport_of_another_body_is_said(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "elsewhere.toml"
    place.write_text(passport_text(replace(KIT[0], body="Other Camera")))
    assert run(["lens", "identify", str(folder / "a.dng"), "--passport", str(place)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Measured on another body than these pictures: the passport of Maker true on Other Camera." in said


def test_a_lens_that_a_file_names_and_its_picture_contradicts_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert identify(folder, str(folder / "named.dng")) == 0
    shown = capsys.readouterr()
    assert "Maker other, contradicts the pictures" in shown.out + shown.err
    assert "they look like Maker true" in shown.out + shown.err


@pytest.mark.parametrize(("said_mm", "contradicted"), [(35, False), (50, True)])
def test_a_focal_length_that_a_file_says_and_its_picture_contradicts_is_said(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], said_mm: int, contradicted: bool
) -> None:
    short = tmp_path / "short.toml"
    short.write_text(passport_text(replace(KIT[0], lens=Lens("Maker", "true", (35.0, 35.0)))))
    asked = ["lens", "identify", str(folder / f"{said_mm}mm.dng"), "--passport", str(short), str(folder / "other.toml")]
    assert run(asked) == 0
    said = " ".join("".join(capsys.readouterr()).split())
    note = f"the focal length written there, {said_mm} mm, contradicts the pictures, which look like Maker true"
    assert (note in said) == contradicted


def test_a_lens_that_a_file_names_and_no_passport_knows_is_said_beside_what_the_picture_looks_like(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lens", "identify", str(folder / "named.dng"), "--passport", str(folder / "true.toml")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Maker other, has no passport among these; the pictures look like Maker true." in said


@pytest.mark.parametrize(("lens", "warned"), [("true", False), ("other", True)])
def test_a_watched_photo_warns_where_it_contradicts_its_passport(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], lens: str, warned: bool
) -> None:
    asked = ["develop", str(folder / "a.dng"), "--passport", str(folder / f"{lens}.toml"), "--watch"]
    assert run([*asked, "-o", str(tmp_path / "a.jpg")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (f"contradicts the passport of Maker {lens}" in said) == warned
    assert said.count("standard errors") == int(warned)


def test_a_watched_photo_without_a_passport_is_not_passed_over_in_silence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["develop", str(folder / "a.dng"), "--passport", "none", "--watch", "-o", str(tmp_path / "a.jpg")]
    assert run(asked) == 0
    assert "so nothing was watched" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("said_mm", "warned"), [(35, False), (50, True)])
def test_a_watched_photo_warns_where_its_right_angles_tell_another_focal_length(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    said_mm: int, warned: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(seating, "seat", lambda *_: seating.Seat(np.zeros(48), focal_mm=Figure(35.6, 0.7)))
    asked = ["develop", str(folder / f"{said_mm}mm.dng"), "--passport", str(folder / "true.toml"), "--watch"]
    assert run([*asked, "-o", str(tmp_path / "a.jpg")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (f"a focal length of 35.60 ± 0.70 mm, where {said_mm} mm is said" in said) == warned


def test_a_watched_photo_warns_where_its_light_contradicts_its_passport(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "dark.toml"
    place.write_text(passport_text(replace(KIT[0], vignetting=(falloff(-1.9, 0.95),))))
    asked = ["develop", str(folder / "a.dng"), "--passport", str(place), "--watch", "-o", str(tmp_path / "a.jpg")]
    assert run(asked) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "light towards the corners is" in said
    assert "17 % by the passport" in said


@pytest.mark.parametrize(("grown", "told"), [(-0.2, True), (0.2, True), (2.5, False)])
def test_corners_lighter_than_any_lens_draws_them_are_the_scenes(grown: float, told: bool) -> None:
    known = facts("RGGB", HEIGHT, WIDTH)
    known = replace(known, sensor=replace(known.sensor, pitch_um=PITCH_UM))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    r2 = ((x - WIDTH / 2) ** 2 + (y - HEIGHT / 2) ** 2) / (WIDTH**2 + HEIGHT**2) * 4.0
    counts = 512 + 200 * np.exp(grown * r2)
    seen = of_image(Frame(counts.astype(np.uint16), known), "seen")
    found = shaded(seen, replace(KIT[0], vignetting=(falloff(-0.1, 0.0),)))
    assert (found is not None and found.errors < CONTRADICTED) == told


def test_without_a_passport_it_says_how_to_make_one(
    folder: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert run(["lens", "identify", str(folder / "a.dng")]) == 2
    assert "lens calibrate" in capfd.readouterr().err
