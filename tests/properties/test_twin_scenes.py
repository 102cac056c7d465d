"""What must be true of every scene and every light: the same again, whole, and refused where it cannot be."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from anylens.refusal import Refusal
from anylens.twin import keeping, spectra
from anylens.twin.glass import Mounting, glass
from anylens.twin.light import Formation
from anylens.twin.scenes import scene, scenes
from anylens.twin.scenes.plane import Field, Plane, grey, lit, mixed
from tests.bent_glass import BentGlass, Silicon

DAY = spectra.source("d65")
FAR = Mounting(f_number=2.0, distance_m=1000.0)
NEAR = Mounting(f_number=2.0, distance_m=3.0)
TINY = Silicon(96, 72)
NAMES = sorted(scenes())


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    picture = cv2.resize(rng.integers(0, 255, (20, 30, 3), np.uint8), (300, 200), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "p.png"), picture)
    return tmp_path / "p.png"


def made(name, photo, **said):
    return scene(name, **({"photo": str(photo)} if name == "photo" else {}), **said)


def shown(light):
    """All layers over each other."""
    out = np.array(light.layers[0].rates)
    for layer in light.layers[1:]:
        out = out * (1.0 - layer.cover) + layer.rates
    return out


@pytest.mark.parametrize("name", NAMES)
def test_every_scene_gives_light_and_truth(name, photo):
    light = Formation(BentGlass(focus_m=3.0, bend=1e-3), NEAR, TINY, DAY, margin_px=8).light(made(name, photo), seed=5)
    for layer in light.layers:
        assert layer.rates.shape == (3, 88, 112)
        assert layer.rates.dtype == np.float32
        assert np.isfinite(layer.rates).all()
        assert layer.rates.min() >= 0.0
        assert layer.cover is None or (layer.cover.min() >= 0.0 and layer.cover.max() <= 1.0)
    assert light.layers[0].cover is None
    truth = light.truth.seen()
    assert truth.shape == (3, 72, 96)
    assert np.isfinite(truth).all()
    assert scenes()[name].endswith(".")


@pytest.mark.parametrize("name", ["dead-leaves", "star-field"])
def test_a_seed_is_one_picture_and_another_seed_another(name):
    formation = Formation(BentGlass(), FAR, TINY, DAY, margin_px=0)
    one, again, other = (formation.light(scene(name), seed=seed).layers[0].rates for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes()
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("name", ["color-checker", "dead-leaves", "noise-steps", "siemens-star", "moving"])
def test_light_over_that_of_a_white_wall_is_the_truth_on_average(name):
    """Luminance of the truth, and what green counts, differ by the colours of the scene alone."""
    light = Formation(BentGlass(), FAR, TINY, DAY, margin_px=0).light(scene(name), seed=5)
    white = Formation(BentGlass(), FAR, TINY, DAY, margin_px=0).light(scene("white-wall", reflectance=1))
    seen = (shown(light)[1] / white.layers[0].rates[1]).mean()
    assert seen == pytest.approx(float(light.truth.seen().mean((1, 2)) @ (0.2627, 0.678, 0.0593)), rel=0.04)


def test_layers_with_soft_cover_add_up_to_an_even_wall():
    """Three layers of one and the same grey are that grey, wherever covers are soft."""
    lens = BentGlass(focus_m=3.0)
    light = Formation(lens, NEAR, Silicon(128, 96), DAY, margin_px=0).light(Even())
    wall = Formation(lens, NEAR, Silicon(128, 96), DAY, margin_px=0).light(scene("white-wall", reflectance=0.3))
    soft = light.layers[1].cover
    assert ((soft > 0.02) & (soft < 0.98)).mean() > 0.05
    assert shown(light) == pytest.approx(wall.layers[0].rates, rel=2e-3)


@dataclasses.dataclass(frozen=True)
class Even:
    lux: float = 1000.0

    def planes(self, field, source, seed):
        (near,) = scene("white-wall", reflectance=0.3).planes(field, source, seed)

        def half(colors, x_mm, y_mm, step_mm):
            share = np.clip(0.5 + (x_mm + 0.3 * y_mm) / step_mm, 0.0, 1.0)
            return np.asarray(share * colors[0][:, None, None], np.float32)

        return near, dataclasses.replace(near, cover=half, distance_m=2.8)


@dataclasses.dataclass(frozen=True)
class Fringes:
    """Fine upright fringes, 0.4 cycles to a pixel of 3.2 um."""

    lux: float = 1000.0

    def planes(self, field, source, seed):
        def draw(colors, x_mm, y_mm, step_mm):
            share = 0.5 + 0.5 * np.cos(2.0 * np.pi * 125.0 * x_mm) * np.ones_like(y_mm)
            return mixed(share.astype(np.float32), colors[0], colors[1])

        return (Plane(lit(grey(0.9, 0.1), source, self.lux), draw),)


def test_dense_light_is_that_of_a_sensor_half_a_pixel_aside():
    """One column more moves the middle by half a pixel: what stands between pixels is known from there."""
    lens = BentGlass()
    dense = Formation(lens, FAR, Silicon(128, 96), DAY, margin_px=8, detail=2).light(Fringes()).layers[0].rates
    plain = Formation(lens, FAR, Silicon(128, 96), DAY, margin_px=8).light(Fringes()).layers[0].rates
    aside = Formation(lens, FAR, Silicon(129, 96), DAY, margin_px=8).light(Fringes()).layers[0].rates
    assert dense.shape == (3, 224, 288)
    assert np.ptp(plain[1, 20]) > 0.3 * plain[1].mean()
    np.testing.assert_allclose(dense[:, ::2, ::2], plain, rtol=1e-5)
    assert dense[:, ::2, 1::2] == pytest.approx(aside[:, :, 1:], rel=0.01)
    with pytest.raises(Refusal, match="give 1 or 2"):
        Formation(lens, FAR, TINY, DAY, detail=3).light(Fringes())


def test_a_moved_frame_of_dense_light_keeps_its_finest_fringes():
    from anylens.twin.silicon import Exposure, silicon
    from anylens.twin.silicon.sampling import Sampling

    sensor = silicon("imx989_12mp_binned").piece(128, 96)
    lens = BentGlass()
    aside = Formation(lens, FAR, Silicon(129, 96), DAY, margin_px=8).light(Fringes()).layers[0].rates[1, 8:-8, 9:-8]

    def hand(times):
        pose = np.zeros((len(times), 6))
        pose[:, 3] = 0.5 * 3.2e-3 / 50.0 * 1000.0
        return pose

    away = []
    for detail in (1, 2):
        light = Formation(lens, FAR, Silicon(128, 96), DAY, margin_px=8, detail=detail).light(Fringes())
        exposure = Exposure(1e-3, hand=hand, distance_m=1.0)
        seen = Sampling(light, sensor, exposure, light.layers).rows(0, 96, 128)
        green = np.tile(np.array(sensor.cfa) == "G", (48, 64))
        away.append(np.abs(seen[green] - aside[green]).max() / np.ptp(aside[green]))
    assert away[1] < 0.02 < 0.5 * away[0]


@dataclasses.dataclass(frozen=True)
class Brink:
    """Light to the right of the middle, dark to its left."""

    lux: float = 1000.0

    def planes(self, field, source, seed):
        def draw(colors, x_mm, y_mm, step_mm):
            share = np.clip(0.5 + x_mm / step_mm, 0.0, 1.0) * np.ones_like(y_mm)
            return mixed(share.astype(np.float32), colors[0], colors[1])

        return (Plane(lit(grey(0.9, 0.1), source, self.lux), draw),)


@pytest.mark.parametrize("disc_px", [40.0, 120.0, 200.0])
def test_a_disc_of_blur_is_as_wide_as_the_glass_says(disc_px):
    """The first is drawn from two samples a pixel, the second from one, the third from one to two pixels."""
    lens = BentGlass(focus_m=1.0 / (1e-3 + disc_px * 3.2 / 1250.0))
    light = Formation(lens, FAR, Silicon(320, 48), DAY, margin_px=8).light(Brink())
    row = light.layers[0].rates[1, 32]
    spread = np.diff(row) / (row[-1] - row[0])
    at = np.arange(len(spread)) - (len(spread) - 1) / 2
    # A disc seen from its side has a standard deviation of a quarter of its width.
    assert 4.0 * math.sqrt(float(spread @ at**2)) == pytest.approx(disc_px, rel=0.1)


def test_what_is_out_of_focus_is_soft_and_what_is_in_focus_is_not():
    lens = BentGlass(focus_m=3.0)
    depth = Formation(lens, NEAR, Silicon(256, 192, 12.8), DAY, margin_px=0).light(scene("depth", near_m=2.5))
    subject, near = depth.layers[1].cover, depth.layers[2].cover
    steep = [np.abs(np.diff(each, axis=1)).max() for each in (subject, near)]
    assert steep[0] > 0.4 > steep[1]


def test_what_is_nearer_hides_what_is_farther():
    """The fence stands behind the chart where it is told to."""
    lens = BentGlass(focus_m=3.0)
    depth = Formation(lens, NEAR, Silicon(64, 48, 12.8), DAY, margin_px=0).light(scene("depth", near_m=5.0))
    assert [layer.distance_m for layer in depth.layers] == [12.0, 5.0, None]


def test_a_disc_moves_as_it_was_told():
    light = Formation(BentGlass(), FAR, TINY, DAY, margin_px=0).light(scene("moving", speed=0.5))
    assert light.layers[0].path is None
    assert light.layers[1].path(2.0) == pytest.approx((96 * 3.2e-3, 0.0))


def test_fourteen_stops_from_the_sky_to_the_door():
    room = Formation(BentGlass(f_number=4.0), FAR, Silicon(320, 240, 12.8), DAY, margin_px=0).light(scene("backlit"))
    light = room.layers[0].rates[1]
    places = {mark["name"]: np.mean(mark["observed_px"]["G"], axis=0) for mark in room.truth.facts()["marks"]}
    x, y = places["door"].astype(int)
    assert math.log2(light.max() / light[y, x]) == pytest.approx(14.0, abs=0.3)


@pytest.mark.parametrize("pose", [{}, {"turn_right": 25, "turn_down": -15, "roll": 20, "zoom": 0.7, "across": 0.03}])
def test_charuco_corners_are_found_where_the_truth_says(pose):
    board = scene("charuco-grid", squares_x=8, squares_y=6, **pose)
    light = Formation(BentGlass(bend=-0.01, focal_mm=3.0), FAR, Silicon(400, 300), DAY, margin_px=0).light(board)
    rates = np.asarray(light.layers[0].rates[1])
    grey = np.clip(rates / rates.max() * 255.0, 0, 255).astype(np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_1000)
    board = cv2.aruco.CharucoBoard((8, 6), 8.0, 6.0, dictionary)
    corners, ids, _, _ = cv2.aruco.CharucoDetector(board).detectBoard(grey)
    assert len(ids) == 35
    known = {mark["name"]: mark["observed_px"]["G"][0] for mark in light.truth.facts()["marks"]}
    for (place,), (which,) in zip(corners.reshape(-1, 1, 2), ids.reshape(-1, 1), strict=True):
        assert place == pytest.approx(known[str(which)], abs=0.2)


def test_a_turned_board_is_as_a_pinhole_sees_it():
    (plane,) = scene("charuco-grid", squares_x=8, squares_y=6, turn_right=30).planes(Field(36, 24, 5, 40.0), DAY, 0)
    left, right = (np.array(plane.marks[at].ideal_mm[0]) for at in (14, 20))
    square = 0.96 * 24.0 / 6.0
    for place, away in ((left, -3.0), (right, 3.0)):
        x, z = square * away * math.cos(math.radians(30)), square * away * math.sin(math.radians(30))
        assert place == pytest.approx((40.0 * x / (40.0 + z), 0.0), abs=1e-9)
    with pytest.raises(Refusal, match="behind the camera"):
        scene("charuco-grid", zoom=6, turn_down=70).planes(Field(36, 24, 5, 20.0), DAY, 0)


def test_lights_are_taken_from_the_disk_the_second_time(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    mounting = Mounting(4.0, 5.0)
    formation = Formation(glass("ideal", mounting), mounting, TINY, DAY, margin_px=4, kept=True)
    first = formation.light(scene("siemens-star"), seed=1)
    kept = sorted(path.name for path in keeping.folder().iterdir())
    monkeypatch.setattr("anylens.twin.drawing.spread_out", None)
    again = formation.light(scene("siemens-star"), seed=1)
    assert again.layers[0].rates.tobytes() == first.layers[0].rates.tobytes()
    assert sorted(path.name for path in keeping.folder().iterdir()) == kept
    assert not any(name.endswith(".part") for name in kept)


def test_the_disk_never_holds_more_than_its_bound(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(keeping, "BOUND_BYTES", 10_000)
    for at in range(5):
        keeping.keep(f"{at}", [("a", np.zeros(1000, np.float32))])
    kept = sorted(path.name for path in keeping.folder().iterdir())
    assert kept[-1] == "4"
    assert len(kept) == 2


def test_a_disk_that_takes_nothing_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "anylens").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert keeping.remembered("k", lambda: [("a", np.ones(3))])["a"].sum() == 3.0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: scene("slanted-edge"), "slanted-edges"),
        (lambda: scene("nothing-like-it"), "anylens shoot --list shows all"),
        (lambda: scene("white-wall", lux=-3), "goes from"),
        (lambda: scene("white-wall", lux="bright"), "number"),
        (lambda: scene("white-wall", lux=float("nan")), "goes from"),
        (lambda: scene("white-wall", reflectence=0.5), "reflectance"),
        (lambda: scene("slanted-edges", columns=2.5), "whole"),
        (lambda: scene("slanted-edges", radial="perhaps"), "yes or no"),
        (lambda: scene("distortion-grid", style="stars"), "dots, lines"),
        (lambda: scene("photo", photo="/no/such.jpg"), "does not exist"),
        (lambda: spectra.source("d66"), "d65"),
        (lambda: Formation(BentGlass(), FAR, TINY, DAY).light(scene("photo")), "say which"),
        (lambda: Formation(BentGlass(), FAR, Silicon(10000, 8000, 6.0), DAY), "image circle"),
        (lambda: Formation(BentGlass(), FAR, TINY, DAY, margin_px=-1), "margin"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(call, said):
    with pytest.raises(Refusal, match=said) as refused:
        call()
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_file_that_is_no_photograph_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(Refusal, match="no photograph"):
        Formation(BentGlass(), FAR, TINY, DAY).light(scene("photo", photo=str(tmp_path / "a.jpg")))


def test_options_may_be_text():
    assert scene("slanted-edges", columns="4", radial="yes", contrast="2.5") == scene(
        "slanted-edges", columns=4, radial=True, contrast=2.5
    )
