"""A passport from simulated photos of a street front, by a lens whose numbers are known."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from anylens.app import voice
from anylens.app.command_line import run
from anylens.files import write
from anylens.lab import calibrate_photos
from anylens.lab.calibrate_files import Given
from anylens.lab.figure import Figure
from anylens.lab.fringes import fringes, radial_shift
from anylens.lab.overlaps import Overlap, overlaps, sight
from anylens.lab.panned_light import panned_light
from anylens.lab.photo_geometry import PhotoGeometry, photo_geometry
from anylens.lab.specimen import of_image
from anylens.lab.straight import roots_of_green, straight_things
from anylens.lab.traits import look, traits
from anylens.lens import Lens, read_passport
from anylens.lens.mapping import cast, light
from anylens.lens.passport import Geometry
from anylens.lens.passport_file import passport_text
from anylens.sensor import Calibration
from tests.pans import Camera

CAMERA = Camera(480, 360, outside=(0.8, -0.5), bend=(-0.02, 0.005), falloff=(-0.4, 0.1), cast=0.04)


@pytest.fixture(autouse=True)
def _heard(monkeypatch):
    """What is said on stderr is for the test to read."""
    monkeypatch.setattr(voice, "quiet_libraries", lambda: None)


@pytest.fixture(scope="module")
def pan():
    return CAMERA.pan(4)


def written(frames, folder):
    """The frames as DNGs."""
    names = []
    for at, frame in enumerate(frames):
        colored = replace(frame.facts.sensor, calibrations=(Calibration(21, ((1, 0, 0), (0, 1, 0), (0, 0, 1))),))
        write(replace(frame, facts=replace(frame.facts, sensor=colored)), folder / f"{at}.dng")
        names.append(str(folder / f"{at}.dng"))
    return names


def asked(files, place, *more):
    return ["lens", "calibrate", "Street 25", "--photos", *files, "-o", str(place), *more]


def test_lateral_colour_comes_back_from_edges(pan) -> None:
    s = np.linspace(0.05, 1.0, 20)
    along = CAMERA.half * s[:, None] * np.array([0.8, 0.6])
    for letter, true in (("R", 0.8), ("B", -0.5)):
        fit = radial_shift([fringes(of_image(frame, "photo"), letter) for frame in pan])
        found, error = (each @ np.array([0.8, 0.6]) for each in fit.at(along))
        assert np.sqrt(np.mean((found - true * s) ** 2)) < 0.15
        assert (np.abs(found - true * s) < 3.0 * error).all()
        assert error.max() < 0.3


def undone(camera: Camera, geometry: Geometry) -> tuple[float, float]:
    """The largest distance in px from an ideal lens's places, at its best scale: as seen, and with the lens undone."""
    radius = np.linspace(0.05, 1.0, 40) * camera.half
    mm, k = camera.pitch_um * 1e-3, geometry.radial
    n = np.linspace(0.001, 1.3, 4000) * camera.half * mm / geometry.focal_mm
    seen = geometry.focal_mm / mm * n * (1 + k[0] * n**2 + k[1] * n**4 + k[2] * n**6)
    ideal, truth = np.interp(radius, seen, geometry.focal_mm / mm * n), camera.ideal(radius)
    return tuple(float(np.abs(at * (at @ truth) / (at @ at) - truth).max()) for at in (radius, ideal))


@pytest.mark.parametrize("bend", [(-0.02, 0.005), (0.05, -0.02)])
def test_distortion_comes_back_from_straight_things(bend, tmp_path) -> None:
    camera = replace(CAMERA, bend=bend)
    assert run(asked(written(camera.pan(4), tmp_path), tmp_path / "p.toml")) == 0
    (geometry,) = read_passport(tmp_path / "p.toml").geometry
    before, after = undone(camera, geometry)
    assert geometry.method == "photos"
    assert after < before / 5
    assert abs(geometry.focal_mm - camera.focal_mm) < 3.0 * geometry.focal_mm_error


def test_straight_things_of_a_straight_lens_do_not_bend_it() -> None:
    camera = replace(CAMERA, bend=(0.0, 0.0))
    roots = [roots_of_green(of_image(frame, "photo")) for frame in camera.pan(4, seed=1)]
    lines = [line for each in roots for line in straight_things(each).lines]
    found = photo_geometry(lines, camera.width, camera.height, 1953.0)
    assert abs(found.corner_px.value) < 3.0 * found.corner_px.error < 3.0
    assert photo_geometry(lines[:8], camera.width, camera.height, 1953.0) is None


@pytest.fixture(scope="module")
def slow_pan(tmp_path_factory):
    """The passport that a slow pan of eight makes, and what was said."""
    folder = tmp_path_factory.mktemp("pan")
    place = folder / "p.toml"
    assert run(asked(written(CAMERA.pan(8, seed=4), folder), place)) == 0
    return read_passport(place)


def field() -> tuple[np.ndarray, np.ndarray]:
    """(x, y) px from the middle, all over the picture."""
    x, y = np.meshgrid(np.linspace(-0.49, 0.49, 9) * CAMERA.width, np.linspace(-0.49, 0.49, 7) * CAMERA.height)
    return x.ravel(), y.ravel()


def test_falloff_comes_back_from_a_slow_pan(slow_pan) -> None:
    (record,) = slow_pan.vignetting
    x, y = field()
    mm = CAMERA.pitch_um * 1e-3
    truth = CAMERA.light(x, y)[1]
    assert record.method == "photos"
    assert np.abs(light(record, x * mm, y * mm) / truth - 1.0).max() < 0.015


def test_colour_casts_come_back_from_a_slow_pan(slow_pan) -> None:
    (record,) = slow_pan.color
    x, y = field()
    mm = CAMERA.pitch_um * 1e-3
    red, green, blue = CAMERA.light(x, y)
    errors = np.concatenate([np.ravel(record.red_green_error), np.ravel(record.blue_green_error)])
    for seen, truth in zip(cast(record, x * mm, y * mm), (red / green, blue / green), strict=True):
        assert np.sqrt(np.mean((seen / truth - 1.0) ** 2)) < 0.01
        assert np.abs(seen / truth - 1.0).max() < 3.0 * errors.max()


def test_focal_length_comes_from_a_slow_pan_where_nobody_tells_it(pan) -> None:
    sights = []
    for frame in CAMERA.pan(8, seed=5):
        specimen = of_image(frame, "photo")
        sights.append(sight(specimen, roots_of_green(specimen)))
    found = photo_geometry([], CAMERA.width, CAMERA.height, None, overlaps(sights), len(sights))
    true_px = CAMERA.focal_mm / CAMERA.pitch_um * 1e3
    assert abs(found.focal_px.value / true_px - 1.0) < 0.08
    assert abs(found.focal_px.value - true_px) < 3.0 * found.focal_px.error


@pytest.mark.parametrize("moved_px", [0.0, 3.0])
def test_photos_of_a_tripod_or_a_trembling_hand_do_not_tell_distortion(moved_px) -> None:
    rng = np.random.default_rng(7)
    shared = []
    for first, second in ((0, 1), (0, 2), (1, 2)):
        places = rng.uniform((8, 8), (4088, 3064), (400, 2))
        others = places + (moved_px * (second - first), 0.0) + 0.06 * rng.standard_t(3, places.shape)
        rough = np.eye(3) + rng.normal(size=(3, 3)) * [[5e-5, 5e-5, 0.1], [5e-5, 5e-5, 0.1], [1e-8, 1e-8, 0.0]]
        shared.append(Overlap(first, second, places, others, rough))
    assert photo_geometry([], 4096, 3072, 15_625.0, shared, 3) is None


def test_the_same_view_again_tells_no_more_of_its_things() -> None:
    looks = [look(of_image(CAMERA.photo(seed), "photo"), CAMERA.pitch_um, beside=True) for seed in range(3)]
    one, three = traits(looks[:1]), traits(looks)
    for name in ("falloff", "red_green", "blue_green"):
        assert getattr(three, name).error > 0.95 * getattr(one, name).error


def test_the_same_view_again_makes_no_passport_surer(pan) -> None:
    given = Given(pitch_um=CAMERA.pitch_um)
    first, second = (calibrate_photos.photo_view(of_image(frame, "photo"), given) for frame in pan[:2])
    two, three = (
        calibrate_photos.photo_sections(photos, Lens("", "Street 25"), CAMERA.pitch_um)[0]["lateral"][0]
        for photos in ([first, second], [first, second, second])
    )
    assert three.red_error == pytest.approx(two.red_error, rel=0.01)
    assert three.blue_error == pytest.approx(two.blue_error, rel=0.01)


def test_a_pan_tells_lenses_apart_whose_colours_lie_alike(slow_pan, tmp_path, capsys) -> None:
    files = written(CAMERA.pan(4, seed=6), tmp_path)
    longer = replace(slow_pan.lens, model="Street 35", focal_mm=(35.0, 35.0))
    (record,) = slow_pan.vignetting
    kit = [slow_pan, replace(slow_pan, lens=longer, vignetting=(replace(record, radial=(-0.05, 0.0, 0.0)),))]
    places = [tmp_path / f"{each.lens.model}.toml" for each in kit]
    for each, place in zip(kit, places, strict=True):
        place.write_text(passport_text(each), "utf-8")
    assert run(["lens", "identify", *files, "--passport", *map(str, places)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].strip() == "Street 25"


def test_tremor_does_not_tell_falloff_and_it_is_said(tmp_path, capsys) -> None:
    place = tmp_path / "p.toml"
    assert run(asked(written(CAMERA.pan(4, step=0.01, shake=0.02), tmp_path), place)) == 0
    passport = read_passport(place)
    assert passport.vignetting == passport.color == ()
    assert "take eight photos in a slow pan" in capsys.readouterr().out


def test_photos_of_different_things_do_not_overlap(pan) -> None:
    far = [CAMERA.photo(street=street, right=10.0 * street) for street in (1, 2)]
    sights = []
    for frame in far:
        specimen = of_image(frame, "photo")
        sights.append(sight(specimen, roots_of_green(specimen)))
    assert overlaps(sights) == []
    assert panned_light(sights, []) is None


def test_photos_make_a_passport_with_errors_and_what_is_unknown(pan, tmp_path, capsys) -> None:
    place = tmp_path / "p.toml"
    assert run(asked(written(pan, tmp_path), place)) == 0
    (lateral,) = read_passport(place).lateral
    assert lateral.method == "photos"
    assert lateral.frames == len(pan)
    assert all(0.0 < error < 1.0 for error in lateral.red_error + lateral.blue_error)
    assert "the picture that would help most" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("one", "One photo cannot tell"),
        ("jpeg", "give the raw"),
        ("apertures", "are of different apertures"),
        ("blank", "too few sharp edges"),
        ("sizes", "different sizes"),
    ],
)
def test_what_cannot_tell_a_lens_is_refused_and_writes_nothing(pan, tmp_path, capsys, kind, why) -> None:
    frames = list(pan[:2])
    if kind == "one":
        frames = frames[:1]
    if kind == "apertures":
        frames[1] = replace(
            frames[1], facts=replace(frames[1].facts, setting=replace(frames[1].facts.setting, f_number=8.0))
        )
    if kind == "blank":
        frames = [replace(each, raw=np.full_like(each.raw, 1500 + at)) for at, each in enumerate(frames)]
    files = written(frames, tmp_path)
    if kind == "jpeg":
        files[1] = str(tmp_path / "photo.jpg")
        cv2.imwrite(files[1], np.full((360, 480, 3), 128, np.uint8))
    if kind == "sizes":
        files[1:] = (
            written([Camera(240, 180).photo()], tmp_path / "other") if (tmp_path / "other").mkdir() is None else []
        )
    assert run(asked(files, tmp_path / "p.toml", "--pitch", "12.8")) == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "p.toml").exists()


def test_a_surer_section_is_not_replaced_by_photos(pan, tmp_path) -> None:
    place = tmp_path / "p.toml"
    files = written(pan, tmp_path)
    assert run(asked(files, place)) == 0
    text = place.read_text("utf-8")
    place.write_text(text.replace('method = "photos"', 'method = "chart"'), "utf-8")
    assert run(asked(files[:3], place)) == 0
    (lateral,) = read_passport(place).lateral
    assert lateral.method == "chart"
    assert lateral.frames == len(pan)


def test_blur_comes_from_photos_unless_edges_have_told_it(tmp_path, capsys) -> None:
    camera = Camera(1280, 960, blur_px=0.8)
    turns = ((-8.0, 0.0, 5.0), (6.0, 0.0, -6.0), (14.0, 4.0, 4.0))
    frames = [camera.photo(at, street=at, right=x, down=y, roll=z) for at, (x, y, z) in enumerate(turns)]
    files, place = written(frames, tmp_path), tmp_path / "p.toml"
    assert run(asked(files, place)) == 0
    passport = read_passport(place)
    (blur,) = passport.psf
    assert blur.method == "photos"
    assert blur.f_number == 4.0
    assert "Blur is known from photos alone" in capsys.readouterr().out
    better = replace(passport, psf=(replace(blur, method="edges", focus_m=3.0),))
    place.write_text(passport_text(better), "utf-8")
    assert run(asked(files[:2], place)) == 0
    assert read_passport(place).psf == better.psf


def test_distortion_that_would_fold_the_picture_is_left_out_and_said(pan, tmp_path, capsys, monkeypatch) -> None:
    none, far = Figure(0.0, 1e-3), Figure(-80.0, 1.0)
    folding = PhotoGeometry(Figure(1953.0, 20.0), (none, none), (far, none, none), none, 0.1, 0.0, 300.0, 9)
    monkeypatch.setattr(calibrate_photos, "photo_geometry", lambda *_: folding)
    assert run(asked(written(pan[:2], tmp_path), tmp_path / "p.toml")) == 0
    assert read_passport(tmp_path / "p.toml").geometry == ()
    assert "would fold the picture" in " ".join(capsys.readouterr().out.split())


def test_too_few_edges_for_blur_are_said(pan, tmp_path, capsys) -> None:
    assert run(asked(written(pan, tmp_path), tmp_path / "p.toml")) == 0
    assert read_passport(tmp_path / "p.toml").psf == ()
    assert "a wall of bricks, posters or letters" in " ".join(capsys.readouterr().out.split())
