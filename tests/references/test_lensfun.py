"""Lensfun's XML: what we write is read back, by us and by Lensfun itself, and means the same places."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anylens.app.command_line import run
from anylens.app.mine import card
from anylens.files.lensfun import FULL_FRAME_MM, lensfun_text, read_lensfun
from anylens.files.passport_out import write_passport
from anylens.lens import find_passport, read_passport
from anylens.lens.correction import GRID_SPACING, places_seen
from anylens.lens.mapping import lateral_shift, light, observed
from anylens.lens.passport_place import file_name, own_passports
from anylens.refusal import Refusal
from tests.properties.test_passport import GEOMETRY, LATERAL, PASSPORT, VIGNETTING

STRAIGHT = replace(GEOMETRY, centre_mm=(0.0, 0.0), tangential=(0.0, 0.0), radial=(-0.1, 0.03, -0.005))
COLORS = replace(LATERAL, red_shift_mm=(0.0, 0.0), blue_shift_mm=(0.0, 0.0))
KNOWN = replace(PASSPORT, geometry=(STRAIGHT,), lateral=(COLORS,), color=())
PLACES = np.linspace(-17.0, 17.0, 9), np.linspace(11.0, -11.0, 9)
NAME = f"{PASSPORT.lens.maker} {PASSPORT.lens.model}"


def test_what_is_exported_is_imported_again(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(lensfun_text(KNOWN), "utf-8")
    back = read_lensfun(NAME, KNOWN.body, "2026-05-31", [tmp_path / "a.xml"])
    assert (back.lens.model, back.body) == (KNOWN.lens.model, KNOWN.body)
    np.testing.assert_allclose(observed(back.geometry[0], *PLACES), observed(STRAIGHT, *PLACES), atol=2e-3)
    np.testing.assert_allclose(light(back.vignetting[0], *PLACES), light(VIGNETTING, *PLACES), atol=1e-5)
    np.testing.assert_allclose(lateral_shift(back.lateral[0], *PLACES), lateral_shift(COLORS, *PLACES), atol=2e-4)
    assert back.geometry[0].radial_error == (float("inf"),) * 3


def test_lensfun_reads_the_same_places_and_light() -> None:
    lensfunpy = pytest.importorskip("lensfunpy")
    text = lensfun_text(KNOWN)
    database = lensfunpy.Database(xml=text, load_common=False, load_bundled=False)
    (lens,) = database.lenses
    width, height, pitch = 577, 385, 36000 / 577
    crop = FULL_FRAME_MM / (np.hypot(width, height) / 2 * pitch / 1000)
    modifier = lensfunpy.Modifier(lens, crop, width, height)
    modifier.initialize(35.0, 1.4, 1000.0, scale=1.0, pixel_format=np.float32)
    theirs = modifier.apply_subpixel_geometry_distortion()
    ours = places_seen(KNOWN, (1.4, None), (height, width), pitch, fill=0.0)
    assert ours is not None
    for plane in range(3):
        ours_px = np.moveaxis(ours[plane], 0, -1)[: height // GRID_SPACING, : width // GRID_SPACING]
        theirs_px = theirs[::GRID_SPACING, ::GRID_SPACING, plane][: ours_px.shape[0], : ours_px.shape[1]]
        assert np.abs(ours_px - theirs_px).max() < 0.1
    even = np.full((height, width, 3), 0.25, np.float32)
    assert modifier.apply_color_modification(even)
    assert even[0, 0, 1] * light(VIGNETTING, -18.0, -12.0) == pytest.approx(0.25, rel=0.01)


def test_a_ptlens_model_becomes_a_passport(tmp_path: Path) -> None:
    a, b, c = 0.00349, -0.00508, -0.01721
    text = (
        "<lensdatabase version='1'><lens><maker>Leica</maker><model>Elmarit-M 1:2.8/28</model><mount>Leica M</mount>"
        "<cropfactor>1</cropfactor><calibration>"
        f"<distortion model='ptlens' focal='28' a='{a}' b='{b}' c='{c}'/></calibration></lens></lensdatabase>"
    )
    (tmp_path / "a.xml").write_text(text)
    (geometry,) = read_lensfun("elmarit-m 1:2.8/28", "Leica M11", "2026-05-31", [tmp_path]).geometry
    r = np.linspace(0.1, 1.7, 9)
    middle = 1 - a - b - c
    seen = (a * r**3 + b * r**2 + c * r + middle) * r * 12.0
    x, _ = observed(geometry, middle * r * 12.0, 0.0)
    np.testing.assert_allclose(x, seen, atol=0.02)
    assert 0 < geometry.residual < 10


def test_where_there_is_no_database_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INSTALLED", "SHIPPED"):
        monkeypatch.setattr(f"anylens.files.lensfun.{name}", ())
    monkeypatch.setattr("anylens.files.lensfun.find_spec", lambda _: None)
    with pytest.raises(Refusal, match=r"not on this computer.*'Elmarit'.*liblensfun-data-v1.*--database"):
        read_lensfun("Elmarit", "C", "2026-05-31")
    with pytest.raises(Refusal, match="nowhere, where Lensfun's XML was said to be, is not there"):
        read_lensfun("Elmarit", "C", "2026-05-31", [tmp_path / "nowhere"])
    with pytest.raises(Refusal, match="holds no XML of Lensfun"):
        read_lensfun("Elmarit", "C", "2026-05-31", [tmp_path])


def test_of_a_lens_that_two_files_have_the_first_counts(tmp_path: Path) -> None:
    for name, radial in (("own", (-0.1, 0.03, -0.005)), ("older", (-0.3, 0.0, 0.0))):
        (tmp_path / f"{name}.xml").write_text(
            lensfun_text(replace(KNOWN, geometry=(replace(STRAIGHT, radial=radial),)))
        )
    own, older = (tmp_path / f"{name}.xml" for name in ("own", "older"))
    found = (read_lensfun(NAME, "C", "2026-05-31", places).geometry for places in ([own, older], [own]))
    first, alone = found
    assert first == alone


@pytest.mark.parametrize(
    ("crop", "ratio", "focal", "more"),
    [
        ("0", "3:2", "50", ""),
        ("one", "3:2", "50", ""),
        ("1", "0:2", "50", ""),
        ("1", "nan", "50", ""),
        ("1", "3:2", "0", ""),
        ("1", "3:2", "50", "real-focal='0'"),
        ("1", "3:2", "50", "k1='1.0'"),
        ("1", "3:2", "50", "k1='1e300'"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_absurd_figures_of_a_database_are_refused(tmp_path: Path, crop: str, ratio: str, focal: str, more: str) -> None:
    (tmp_path / "a.xml").write_text(
        f"<lensdatabase><lens><maker>A</maker><model>B</model><cropfactor>{crop}</cropfactor>"
        f"<aspect-ratio>{ratio}</aspect-ratio><calibration><distortion model='poly3' focal='{focal}' {more}/>"
        "</calibration></lens></lensdatabase>"
    )
    with pytest.raises(Refusal):
        read_lensfun("B", "C", "2026-05-31", [tmp_path])


def test_a_passport_of_ones_own_is_exported_by_its_lens_name(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    asked = ["lens", "export", "summilux-m-50mm-f1.4-asph", "-o", str(tmp_path / "a.xml")]
    own = replace(PASSPORT, lens=card(asked[2]).lens)
    assert run(asked) == 2
    assert "has no passport in" in capsys.readouterr().err
    for body in ("One", "Two"):
        write_passport(replace(own, body=body), own_passports() / file_name(own.lens, body))
        write_passport(replace(own, body=body), own_passports() / file_name(own.lens, f"{body}.1"))
        assert run(asked) == (0 if body == "One" else 2)
    assert "several bodies" in capsys.readouterr().err
    assert "<model>Summilux-M 50mm" in (tmp_path / "a.xml").read_text()


def test_a_passport_of_another_is_imported_to_where_it_is_found(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    write_passport(PASSPORT, tmp_path / "from-a-friend.toml")
    assert run(["lens", "import", str(tmp_path / "from-a-friend.toml")]) == 0
    assert find_passport(PASSPORT.lens, PASSPORT.body) == PASSPORT
    told = capsys.readouterr().out
    assert f"geometry, {GEOMETRY.residual:.2g} µm rms left" in told
    assert f"vignetting at f/{VIGNETTING.f_number:g}, {100 * VIGNETTING.residual:.2g} % rms left" in told
    assert run(["lens", "import", str(tmp_path / "from-a-friend.toml"), "--body", "Mine"]) == 0
    assert find_passport(PASSPORT.lens, "Mine") == replace(PASSPORT, body="Mine")
    assert run(["lens", "import", str(tmp_path / "nothing.toml")]) == 2
    assert "nothing.toml cannot be read" in capsys.readouterr().err


def test_the_commands_import_merge_export_and_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)
    write_passport(replace(PASSPORT, geometry=()), tmp_path / "a.toml")
    assert run(["lens", "export", str(tmp_path / "a.toml")]) == 0
    assert run(["lens", "export", str(tmp_path / "a.toml"), "-o", str(tmp_path / "a.toml")]) == 2
    (tmp_path / "b.xml").write_text(lensfun_text(KNOWN), "utf-8")
    asked = ["lens", "import", NAME, "--body", PASSPORT.body, "-o", str(tmp_path / "a.toml"), "--database"]
    assert run([*asked, str(tmp_path / "b.xml")]) == 0
    joined = read_passport(tmp_path / "a.toml")
    assert joined.color == PASSPORT.color
    assert joined.geometry[0].method == "imported"
    assert (tmp_path / "a.1.toml").exists()
    assert run([*asked, str(tmp_path / "nothing")]) == 2
    (tmp_path / "c.xml").write_text("<lensdatabase>")
    assert run([*asked, str(tmp_path / "c.xml")]) == 2
    assert "Traceback" not in capsys.readouterr().err
    with pytest.raises(Refusal, match="the nearest is Leica Summilux"):
        read_lensfun("Leica Summilux", "x", "2026-05-31", [tmp_path / "b.xml"])
