"""A passport's figures are undone where it has them, part by part, and nothing is touched where it has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anylens import darkroom, write
from anylens.app.command_line import run
from anylens.body import Body
from anylens.darkroom import one_pass
from anylens.darkroom.stages.scene import Unbend
from anylens.image import Scene
from anylens.kernels.passes import photo
from anylens.lens import Lens, Passport, Setting, write_passport
from anylens.lens.mapping import cast, lateral_shift, light, mm_of_pixels
from anylens.lens.passport import file_name, own_passports
from tests.frames import NEUTRAL, facts, grey, sampled
from tests.properties.test_passport import COLOR, GEOMETRY, LATERAL, LENS, VIGNETTING

HEIGHT, WIDTH, PITCH_UM = 256, 384, 90.0
BODY = Body("Sony", "ILCE-7RM5")
WHOLE = Passport(LENS, BODY.name, (GEOMETRY,), (VIGNETTING,), (COLOR,), (LATERAL,))
PLACES = mm_of_pixels(*np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), (HEIGHT, WIDTH), PITCH_UM)


def known(passport: Passport | None, cfa: str = "RGGB", height: int = HEIGHT, width: int = WIDTH, **more):
    found = facts(cfa, height, width)
    sensor = replace(found.sensor, pitch_um=PITCH_UM)
    return replace(found, sensor=sensor, passport=passport, setting=Setting("hand", 1.4), lens=LENS, body=BODY, **more)


def shaded(passport: Passport, cfa: str = "RGGB", level: float = 0.3):
    falloff = light(VIGNETTING, *PLACES)
    red, blue = cast(COLOR, *PLACES)
    seen = grey(level, HEIGHT, WIDTH) * falloff * np.stack([red, np.ones_like(red), blue])
    frame = sampled(seen if cfa != "mono" else np.stack([level * falloff] * 3), cfa)
    return replace(frame, facts=known(passport, cfa))


@pytest.mark.parametrize("cfa", ["RGGB", "GBRG", "mono"])
def test_falloff_and_cast_go(cfa: str) -> None:
    scene = darkroom.develop(shaded(replace(WHOLE, geometry=(), lateral=()), cfa), until="scene")
    np.testing.assert_allclose(scene.pixels[:, 4:-4, 4:-4], 0.3, rtol=0.012)
    assert scene.facts.passport is not None


def test_each_part_has_its_own_switch_and_missing_parts_do_nothing() -> None:
    frame = shaded(WHOLE)
    kept = dict.fromkeys(("vignetting", "color", "geometry", "lateral"), 1.0)

    def scene(passport: Passport | None, **off: float) -> np.ndarray:
        recipe = darkroom.default_recipe()
        for name, much in (kept | off).items():
            stage = "Shade" if name in ("vignetting", "color") else "Unbend"
            recipe = darkroom.adjust(recipe, f"{stage}.{name}={much}")
        return darkroom.develop(replace(frame, facts=known(passport)), recipe, until="scene").pixels

    for name in kept:
        np.testing.assert_array_equal(scene(WHOLE, **{name: 0.0}), scene(replace(WHOLE, **{name: ()})))
    without = darkroom.develop(frame, until="scene", passport="none").pixels
    np.testing.assert_array_equal(scene(WHOLE, **dict.fromkeys(kept, 0.0)), without)
    np.testing.assert_array_equal(scene(Passport(LENS, BODY.name)), without)
    assert np.abs(scene(WHOLE) - without).max() > 0.05


def waves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 0.4 + 0.2 * np.sin(x / 1.3) * np.cos(y / 1.1)


@pytest.mark.parametrize("fill", [1.0, 0.0])
def test_a_bent_picture_comes_out_straight(fill: float) -> None:
    from anylens.lens.mapping import ideal

    seen = waves(*ideal(GEOMETRY, *PLACES)).astype(np.float32)
    scene = Scene(np.stack([seen] * 3), replace(known(replace(WHOLE, lateral=())), balance=(1.0, 1.0, 1.0)))
    straight = Unbend(fill=fill)(scene).pixels[1]
    grid = Unbend(fill=fill).plan(scene.facts, (HEIGHT, WIDTH))
    assert grid is not None
    inner = slice(16, -16), slice(16, -16)
    x, y = PLACES
    if fill:  # as wide as was seen: nowhere beyond the border, somewhere at it
        columns, rows = grid[1]
        assert columns[:, : WIDTH // 32].min() > -0.51
        assert min(np.abs(columns[:, 0]).min(), np.abs(rows[0]).min()) < 1.0
        scales = np.linspace(0.8, 1.3, 501)
        off = [np.abs(waves(x * s, y * s)[inner] - straight[inner]).mean() for s in scales]
        best = scales[int(np.argmin(off))]
        assert best > 1.01
        assert min(off) < 1e-3
    else:
        np.testing.assert_allclose(straight[inner], waves(x, y)[inner], atol=2e-3)


def test_lateral_colour_goes_in_the_cameras_own_colours() -> None:
    passport = replace(WHOLE, geometry=(), vignetting=(), color=(), lateral=(replace(LATERAL, red=(0.03, 0.01, 0.0)),))
    (record,) = passport.lateral
    planes = [waves(*PLACES)] * 3
    for plane, at in ((0, 0), (2, 1)):
        x, y = PLACES
        for _ in range(8):  # green's place, of which this is the place of red or blue
            d_x, d_y = lateral_shift(record, x, y)[at]
            x, y = PLACES[0] - d_x, PLACES[1] - d_y
        planes[plane] = waves(x, y)
    frame = sampled(np.stack(planes) * np.array(NEUTRAL)[:, None, None])
    frame = replace(frame, facts=known(passport))
    grey_ = darkroom.develop(frame, until="scene").pixels[:, 16:-16, 16:-16]
    colored = darkroom.develop(frame, until="scene", passport="none").pixels[:, 16:-16, 16:-16]
    assert np.ptp(colored, axis=0).max() > 0.05
    assert np.ptp(grey_, axis=0).max() < np.ptp(colored, axis=0).max() / 5


@pytest.mark.skipif(not photo.kernel.compiled, reason="the fused pass is not compiled here")
def test_the_fused_pass_shades_as_the_stages_do() -> None:
    frame = shaded(replace(WHOLE, geometry=(), lateral=()))
    recipe = darkroom.default_recipe()
    assert one_pass.fits(frame, recipe)
    assert not one_pass.fits(shaded(WHOLE), recipe)
    at_once = darkroom.develop(frame, recipe, bits=8).pixels[:, 2:-2, 2:-2].astype(int)
    one_by_one = darkroom.develop(frame, recipe, bits=8, watch=lambda *_: None).pixels[:, 2:-2, 2:-2].astype(int)
    assert np.abs(at_once - one_by_one).max() <= 1


def test_what_does_not_fit_is_said() -> None:
    other = replace(WHOLE, body="Leica M11", lens=Lens("Zeiss", "Planar T* 2/50"))
    (wrong_body, wrong_lens) = darkroom.develop(shaded(WHOLE), until="mosaic", passport=other).facts.notes
    assert "Sony ILCE-7RM5" in wrong_body
    assert "Summilux" in wrong_lens
    frame = shaded(WHOLE)
    blind = replace(frame, facts=replace(frame.facts, sensor=replace(frame.facts.sensor, pitch_um=None)))
    assert "size of its pixels" in darkroom.develop(blind, until="mosaic", passport=WHOLE).facts.notes[0]
    unset = replace(frame, facts=replace(frame.facts, setting=None))
    assert "f/1.4" in darkroom.develop(unset, until="mosaic", passport=WHOLE).facts.notes[0]


def test_the_command_finds_forces_and_leaves_out_a_passport(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    frame = shaded(WHOLE)
    sensor = replace(frame.facts.sensor, pitch_um=29.0)
    write(replace(frame, facts=replace(frame.facts, passport=None, sensor=sensor)), tmp_path / "a.dng")
    write_passport(WHOLE, tmp_path / "mine.toml")

    def developed(*more: str) -> bytes:
        photo = tmp_path / "a.tif"
        assert run(["develop", str(tmp_path / "a.dng"), "--until", "scene", "-o", str(photo), *more]) == 0
        return photo.read_bytes()[-HEIGHT * WIDTH * 12 :]

    plain = developed("--passport", "none")
    assert developed() == plain
    forced = developed("--passport", str(tmp_path / "mine.toml"))
    assert forced != plain
    write_passport(WHOLE, own_passports() / file_name(LENS, BODY.name))
    assert developed() == forced
    assert developed("--passport", "none") == plain
    (tmp_path / "mine.toml").write_text("schema = 1\n")
    capsys.readouterr()
    refused = ["develop", str(tmp_path / "a.dng"), "-o", str(tmp_path / "b.jpg"), "--passport"]
    assert run([*refused, str(tmp_path / "mine.toml")]) == 2
    assert run([*refused, str(tmp_path / "none-there.toml")]) == 2
    assert not (tmp_path / "b.jpg").exists()
    assert "Traceback" not in capsys.readouterr().err
