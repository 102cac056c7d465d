"""A passport's figures are undone where it has them, part by part, and nothing is touched where it has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from anylens import darkroom, write
from anylens.app.command_line import run
from anylens.body import Body
from anylens.darkroom import one_pass
from anylens.darkroom.glass import places_seen
from anylens.darkroom.stages.merge import Merge
from anylens.darkroom.stages.resolve import Resolve
from anylens.darkroom.stages.scene import Unbend
from anylens.darkroom.stages.stack import Stack
from anylens.files.passport_out import write_passport
from anylens.frame import Burst, Frame, Opcodes
from anylens.image import Scene
from anylens.kernels.rows import Rows
from anylens.lens import Lens, Passport, Setting
from anylens.lens.mapping import cast, lateral_shift, light, mm_of_pixels
from anylens.lens.passport_place import file_name, own_passports
from anylens.opcodes import WarpRectilinear, packed
from tests import blurs, parted
from tests.compiled import needs_kernels
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
    grid = places_seen(scene.facts, (HEIGHT, WIDTH), 1.0, 1.0, fill)
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


@needs_kernels
@pytest.mark.parametrize("bits", [8, 32])
@pytest.mark.parametrize("part_px", [0.4, 0.7, 2.3])
def test_an_edge_that_a_lens_parted_stands_in_one_place(part_px: float, bits: Literal[8, 32]) -> None:
    """Demosaicing pulls parted colours together by itself, so that all of it would be too much after it."""
    apart = part_px * PITCH_UM / 1000.0
    none = (0.0, 0.0, 0.0)
    record = replace(LATERAL, red=none, blue=none, red_shift_mm=(apart, 0.0), blue_shift_mm=(-apart, apart))
    passport = Passport(LENS, BODY.name, lateral=(record,))
    height, width = parted.SHAPE
    across, down = np.meshgrid(np.arange(float(width)), np.arange(float(height)))
    frame = parted.frame([(across - part_px, down), (across, down), (across + part_px, down - part_px)])
    frame = replace(frame, facts=known(passport, height=height, width=width))
    assert parted.apart_px(darkroom.develop(frame, bits=bits, passport="none")) > 0.3 * part_px
    assert parted.apart_px(darkroom.develop(frame, bits=bits)) < 0.04


@needs_kernels
@pytest.mark.parametrize("merge", [Merge(), Stack(), Resolve()])
def test_of_many_frames_too_an_edge_that_a_lens_parted_stands_in_one_place(merge: Merge | Stack | Resolve) -> None:
    part_px = 0.7
    apart, none = part_px * PITCH_UM / 1000.0, (0.0, 0.0, 0.0)
    record = replace(LATERAL, red=none, blue=none, red_shift_mm=(apart, 0.0), blue_shift_mm=(-apart, 0.0))
    height, width = parted.SHAPE
    across, down = np.meshgrid(np.arange(float(width)), np.arange(float(height)))
    frame = parted.frame([(across - part_px, down), (across, down), (across + part_px, down)])
    frame = replace(frame, facts=known(Passport(LENS, BODY.name, lateral=(record,)), height=height, width=width))
    recipe = replace(darkroom.default_recipe(), merge=merge)
    scene = darkroom.develop(Burst((frame, frame, frame)), recipe, until="scene")
    times = scene.pixels.shape[2] / width
    assert parted.apart_px(scene) < 0.03 * times


@needs_kernels
@pytest.mark.parametrize("until", ["mosaic", "written"])
def test_a_negative_of_ours_that_is_developed_without_its_passport_has_its_edges_in_one_place(
    until: str, tmp_path: Path
) -> None:
    """Its opcodes say what the passport said, so they are followed as it is."""
    from anylens import read

    height, width = parted.SHAPE
    more, along = 0.003, np.arange(float(width)) - (width - 1) / 2
    across, down = np.meshgrid(along, np.arange(float(height)) - (height - 1) / 2)
    passport = Passport(LENS, BODY.name, lateral=(replace(LATERAL, red=(more, 0.0, 0.0), blue=(-more, 0.0, 0.0)),))
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    frame = parted.frame([(across / by + middle[0], down / by + middle[1]) for by in (1 + more, 1.0, 1 - more)])
    known_ = known(passport, height=height, width=width)
    frame = replace(frame, facts=replace(known_, sensor=replace(known_.sensor, pitch_um=29.0)))
    write(darkroom.develop(frame, until="mosaic") if until == "mosaic" else frame, tmp_path / "a.dng")
    alone = read(tmp_path / "a.dng")
    assert parted.apart_px(darkroom.develop(alone, passport="none")) < 0.03
    untouched = replace(alone, facts=replace(alone.facts, opcodes=Opcodes()))
    assert parted.apart_px(darkroom.develop(untouched, passport="none")) > 0.3


@needs_kernels
def test_the_fused_pass_shades_as_the_stages_do() -> None:
    frame = shaded(replace(WHOLE, geometry=(), lateral=()))
    recipe = darkroom.default_recipe()
    assert one_pass.fits(frame, recipe)
    at_once = darkroom.develop(frame, recipe, bits=8).pixels[:, 2:-2, 2:-2].astype(int)
    one_by_one = darkroom.develop(frame, recipe, bits=8, watch=lambda *_: None).pixels[:, 2:-2, 2:-2].astype(int)
    assert np.abs(at_once - one_by_one).max() <= 1


BROUGHT = packed([WarpRectilinear(tuple((by, -0.06, 0.0, 0.0, 0.0, 0.0) for by in (1.042, 1.04, 1.039)), (0.5, 0.5))])


@needs_kernels
@pytest.mark.parametrize(
    ("passport", "list3"),
    [(WHOLE, b""), (replace(WHOLE, lateral=()), b""), (replace(WHOLE, geometry=()), b""), (None, BROUGHT)],
)
def test_the_fused_passes_unbend_as_the_stages_do(
    passport: Passport | None, list3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_pass, "BAND_ROWS", 96)
    patches = np.random.default_rng(4).random((3, HEIGHT // 16, WIDTH // 16)) * 0.6 + 0.05
    frame = sampled(np.kron(patches, np.ones((1, 16, 16))), noise_seed=2)
    facts_ = replace(known(passport, opcodes=Opcodes(list3=list3)), crop=(3.0, 5.0, WIDTH - 10.0, HEIGHT - 12.0))
    frame, recipe = replace(frame, facts=facts_), darkroom.look("vibrant")
    assert one_pass.fits(frame, recipe)
    fused = darkroom.develop(frame, recipe, bits=8)
    by_stage = darkroom.develop(frame, recipe, bits=8, watch=lambda *_: None)
    assert fused.facts == by_stage.facts
    apart = np.abs(fused.pixels.astype(int) - by_stage.pixels)
    assert (apart > 0).mean() < 0.07  # half floats and counted roots lie in between, and black's curve is steep
    assert (apart[:, 2:-2, 2:-2] > 1).mean() < 5e-4


@needs_kernels
@pytest.mark.parametrize("passport", [WHOLE, Passport(LENS, BODY.name)])
def test_the_fused_passes_restore_as_the_stages_do(passport: Passport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_pass, "BAND_ROWS", 96)
    patches = np.random.default_rng(4).random((3, HEIGHT // 16, WIDTH // 16)) * 0.6 + 0.05
    frame = sampled(np.kron(patches, np.ones((1, 16, 16))), noise_seed=2)
    blurred = replace(passport, psf=(replace(blurs.even(1.2, 0.1), f_number=None),))
    facts_ = replace(known(blurred), crop=(3.0, 5.0, WIDTH - 10.0, HEIGHT - 12.0))
    frame, recipe = replace(frame, facts=facts_), darkroom.default_recipe()
    assert one_pass.fits(frame, recipe)
    fused = darkroom.develop(frame, recipe, bits=8)
    by_stage = darkroom.develop(frame, recipe, bits=8, watch=lambda *_: None)
    assert fused.facts == by_stage.facts
    apart = np.abs(fused.pixels.astype(int) - by_stage.pixels)
    assert (apart > 0).mean() < 0.06  # half floats lie in between, and what is sharpened is what they leave too
    assert (apart[:, 2:-2, 2:-2] > 1).mean() < 1e-4


@pytest.mark.parametrize("merge", [Merge(), Stack(), Resolve()])
@pytest.mark.parametrize("choice", ["find", WHOLE])
def test_what_a_burst_has_undone_of_a_passport_stays_undone(
    merge: Merge | Stack | Resolve, choice: Literal["find"] | Passport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    passport = replace(WHOLE, psf=(replace(blurs.even(1.2, 0.1), f_number=None),))
    write_passport(passport, own_passports() / file_name(LENS, BODY.name))
    frame = shaded(WHOLE)
    frame = replace(frame, facts=replace(frame.facts, passport=None, setting=None))
    recipe = replace(darkroom.default_recipe(), merge=merge)
    given = passport if isinstance(choice, Passport) else "find"
    scene = darkroom.develop(Burst((frame, frame, frame)), recipe, until="scene", passport=given)
    assert scene.facts.passport == Passport(LENS, BODY.name)
    assert len([note for note in scene.facts.notes if "aperture is not known" in note]) == 1
    again = darkroom.develop(scene, until="scene", passport=given)
    np.testing.assert_array_equal(again.pixels, darkroom.develop(scene, until="scene", passport="none").pixels)


def test_what_does_not_fit_is_said() -> None:
    other = replace(WHOLE, body="Leica M11", lens=Lens("Zeiss", "Planar T* 2/50"))
    (wrong_body, wrong_lens) = darkroom.develop(shaded(WHOLE), until="mosaic", passport=other).facts.notes
    assert "Sony ILCE-7RM5" in wrong_body
    assert "Summilux" in wrong_lens
    frame = shaded(WHOLE)
    (nothing_done,) = darkroom.develop(silent(frame), until="mosaic", passport=WHOLE).facts.notes
    assert "passport could not be used; write pitch_um" in nothing_done
    unset = replace(frame, facts=replace(frame.facts, setting=None))
    assert "f/1.4" in darkroom.develop(unset, until="mosaic", passport=WHOLE).facts.notes[0]


def silent(frame: Frame) -> Frame:
    """As of a camera whose files do not tell how far apart its pixels are."""
    return replace(frame, facts=replace(frame.facts, sensor=replace(frame.facts.sensor, pitch_um=None)))


def test_a_passport_knows_the_pixels_of_a_camera_that_does_not_tell_them() -> None:
    frame = shaded(WHOLE)
    knowing = replace(WHOLE, pitch_um=frame.facts.sensor.pitch_um, size_px=(WIDTH, HEIGHT))
    told = darkroom.develop(frame, until="scene", passport=knowing)
    scene = darkroom.develop(silent(frame), until="scene", passport=knowing)
    np.testing.assert_array_equal(scene.pixels, told.pixels)
    assert scene.facts == told.facts
    resized = replace(knowing, size_px=(2 * WIDTH, 2 * HEIGHT))
    assert "could not be used" in darkroom.develop(silent(frame), until="mosaic", passport=resized).facts.notes[0]


def test_the_command_finds_forces_and_leaves_out_a_passport(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)
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
    (own_passports() / file_name(LENS, BODY.name)).write_text("schema = 1\n")
    burst = ["develop", "--burst", *[str(tmp_path / "a.dng")] * 2, "-o", str(tmp_path / "burst.jpg"), "--passport"]
    assert run([*burst, "find"]) == 1
    assert run([*burst, "none"]) == 0
    assert run([*burst, str(tmp_path / "mine.toml")]) == 0
    (tmp_path / "mine.toml").write_text("schema = 1\n")
    capsys.readouterr()
    refused = ["develop", str(tmp_path / "a.dng"), "-o", str(tmp_path / "b.jpg"), "--passport"]
    assert run([*refused, str(tmp_path / "mine.toml")]) == 2
    assert run([*refused, str(tmp_path / "none-there.toml")]) == 2
    assert not (tmp_path / "b.jpg").exists()
    assert "Traceback" not in capsys.readouterr().err


def test_a_written_negative_carries_the_passport_as_opcodes(tmp_path: Path) -> None:
    from anylens import read
    from anylens.lens.correction import GRID_SPACING, places_seen
    from anylens.opcodes import FixVignetteRadial, GainMap, parse

    bare = replace(facts("GBRG", 384, 576), passport=WHOLE, setting=Setting("hand", 1.4))
    bare = replace(bare, sensor=replace(bare.sensor, pitch_um=29.0))
    frame = replace(sampled(grey(0.3, 384, 576), "GBRG"), facts=bare)
    write(frame, tmp_path / "a.dng")
    back = read(tmp_path / "a.dng")
    np.testing.assert_array_equal(back.raw, frame.raw)
    maps = [each.record for each in parse(back.facts.opcodes.list2)]
    falloff, warp = (each.record for each in parse(back.facts.opcodes.list3))
    assert packed(maps) == back.facts.opcodes.list2
    assert packed([falloff, warp]) == back.facts.opcodes.list3

    left, gone = (
        darkroom.develop(each, until="scene", passport="none").pixels
        for each in (back, replace(back, facts=replace(back.facts, opcodes=Opcodes())))
    )
    assert np.abs(left - gone).max() > 0.02  # without a passport the file's own maps speak

    x, y = mm_of_pixels(*np.meshgrid(np.arange(576), np.arange(384)), (384, 576), 29.0)
    red = next(each for each in maps if (each.area.top, each.area.left) == (1, 0))
    assert isinstance(red, GainMap)
    table = np.array(red.gains).reshape(red.points_v, red.points_h)
    at = round((0.5 / 576 - red.origin_h) / red.spacing_h), round((383.5 / 384 - red.origin_v) / red.spacing_v)
    assert at == (0, red.points_v - 1)
    assert table[-1, 0] == pytest.approx(1.0 / cast(COLOR, x[-1, 0], y[-1, 0])[0], rel=1e-5)

    assert isinstance(falloff, FixVignetteRadial)
    r2 = ((x / x.max()) ** 2 * 576**2 + (y / y.max()) ** 2 * 384**2) / (576**2 + 384**2)
    gain = 1 + sum(k * r2 ** (power + 1) for power, k in enumerate(falloff.k))
    np.testing.assert_allclose(gain * light(VIGNETTING, x, y), 1.0, atol=0.005)

    assert isinstance(warp, WarpRectilinear)
    unshifted = replace(WHOLE, lateral=(replace(LATERAL, red_shift_mm=(0.0, 0.0), blue_shift_mm=(0.0, 0.0)),))
    grid = places_seen(unshifted, (1.4, None), (384, 576), 29.0)
    assert grid is not None
    middle_x, middle_y = warp.center[0] * 576 - 0.5, warp.center[1] * 384 - 0.5
    reach = np.hypot(max(middle_x + 0.5, 575.5 - middle_x), max(middle_y + 0.5, 383.5 - middle_y))
    column, row = 17 * GRID_SPACING, 2 * GRID_SPACING
    d_x, d_y = (column - middle_x) / reach, (row - middle_y) / reach
    r2 = d_x**2 + d_y**2
    for plane, (a, b, c, d, t0, t1) in zip(grid, warp.planes, strict=True):
        radial = a + b * r2 + c * r2**2 + d * r2**3
        seen_x = middle_x + reach * (d_x * radial + t0 * 2 * d_x * d_y + t1 * (r2 + 2 * d_x**2))
        seen_y = middle_y + reach * (d_y * radial + t1 * 2 * d_x * d_y + t0 * (r2 + 2 * d_y**2))
        assert (seen_x, seen_y) == (pytest.approx(plane[0, 2, 17], abs=0.1), pytest.approx(plane[1, 2, 17], abs=0.1))


def test_a_negative_of_corrected_light_asks_for_no_correction_again(tmp_path: Path) -> None:
    from anylens import read
    from anylens.opcodes import FixVignetteRadial, cleared, parse

    frame = shaded(WHOLE)
    sensor = replace(frame.facts.sensor, pitch_um=29.0)
    write(replace(frame, facts=replace(frame.facts, sensor=sensor)), tmp_path / "a.dng")
    frame = read(tmp_path / "a.dng")
    assert [each.number for each in parse(frame.facts.opcodes.list3)] == [3, 1]

    def asked(passport: Passport | Literal["none"], *taste: str) -> list[int]:
        recipe = darkroom.default_recipe()
        for setting in taste:
            recipe = darkroom.adjust(recipe, setting)
        write(darkroom.develop(frame, recipe, until="scene", passport=passport), tmp_path / "scene.dng")
        return [each.number for each in parse(read(tmp_path / "scene.dng").facts.opcodes.list3)]

    assert asked(WHOLE) == []
    # Where a passport says nothing, the file's own opcodes are followed.
    assert asked(replace(WHOLE, geometry=(), lateral=())) == []
    assert asked(replace(WHOLE, vignetting=())) == []
    assert asked("none") == []
    assert asked("none", "Unbend.geometry=0", "Unbend.lateral=0") == [1]
    assert asked("none", "Unbend.geometry=0") == [1]
    (warp,) = parse(read(tmp_path / "scene.dng").facts.opcodes.list3)
    assert isinstance(warp.record, WarpRectilinear)
    assert len(warp.record.planes) == 1, "lateral colour is gone"
    assert asked("none", "Shade.amount=0") == [3]

    own = [FixVignetteRadial((0.1, 0.0, 0.0, 0.0, 0.0), (0.5, 0.5)), WarpRectilinear(((1.0, *[0.0] * 5),), (0.5, 0.5))]
    assert cleared(packed(own), (3,)) == packed(own[1:])
    assert cleared(packed(own), (7,)) == packed(own)
    assert cleared(packed(own)[:-1], ()) == b""


def test_adobes_software_reads_the_passport_in_a_dng_and_writes_it_again(tmp_path: Path) -> None:
    dngpy = pytest.importorskip("dngpy", reason="Adobe's DNG software is judge here; it comes with the extra 'oracle'")
    from anylens import read
    from anylens.opcodes import parse

    frame = shaded(WHOLE)
    frame = replace(frame, facts=replace(frame.facts, sensor=replace(frame.facts.sensor, pitch_um=29.0)))
    write(frame, tmp_path / "ours.dng")
    theirs = dngpy.Dng(str(tmp_path / "ours.dng"))
    assert np.array_equal(np.squeeze(theirs.raw_pixels), frame.raw)
    theirs.save(str(tmp_path / "theirs.dng"))
    lists = [read(tmp_path / name).facts.opcodes for name in ("ours.dng", "theirs.dng")]
    for name in ("list2", "list3"):
        ours, again = (parse(getattr(each, name)) for each in lists)
        assert ours
        assert [each.record for each in ours] == [each.record for each in again]


def test_rows_beyond_a_border_are_the_outermost_again_and_each_is_made_once() -> None:
    picture, made = np.arange(30.0, dtype=np.float32).reshape(1, 10, 3), list[int]()

    def make(out: npt.NDArray[np.float32], top: int) -> None:
        made.extend(range(top, top + out.shape[1]))
        out[:] = picture[:, top : top + out.shape[1]]

    rows, whole = Rows(make, (1, 10, 3), np.float32, 3, edge=2), np.pad(picture, ((0, 0), (2, 2), (0, 0)), mode="edge")
    for top, bottom in ((-2, 1), (-1, 2), (0, 5), (4, 9), (7, 12)):
        lines, first = rows.between(top, bottom)
        np.testing.assert_array_equal(lines[:, top - first : bottom - first], whole[:, top + 2 : bottom + 2])
    assert made == list(range(10))
