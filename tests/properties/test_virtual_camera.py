"""The virtual camera: honest facts, its own time, and one sentence for what cannot be."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from anylens import camera
from anylens.body import bodies, body, parse_body
from anylens.camera.setup import OWN
from anylens.files import read, write
from anylens.refusal import Refusal
from anylens.sensor import Noise
from anylens.shot import Shot, bracket
from anylens.twin import spectra
from anylens.twin.hand import tremor
from anylens.twin.scenes import options, scenes
from anylens.twin.silicon import silicon
from anylens.twin.silicon.colors import calibrations, neutral

SMALL = "virtual:lens=ideal,scene=white-wall,aperture=4,size=64x48"
ROOT = Path(__file__).parents[2]
FILMS = ROOT.parent / "shared" / "data" / "video"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "light"))


def test_exposures_are_whole_lines_and_facts_say_so() -> None:
    opened = camera.open(SMALL)
    (frame,) = opened.capture([Shot(0.01)])
    line_s = opened.silicon.line_us * 1e-6
    assert frame.facts.exposure_s == pytest.approx(round(0.01 / line_s) * line_s)
    assert frame.facts.shot == Shot(0.01)
    assert frame.facts.iso == opened.silicon.lowest_iso


@pytest.mark.parametrize("name", ["imx183", "full_frame_24mp"])
def test_any_sensor_of_the_twin_can_stand_behind_a_lens(name: str) -> None:
    opened = camera.open("virtual:lens=ideal,scene=white-wall,aperture=4,size=64x48", sensor=name)
    assert opened.silicon.pitch_um == silicon(name).pitch_um
    assert opened.silicon.white == silicon(name).white


def test_twice_the_exposure_gives_twice_the_light() -> None:
    frames = list(camera.open(SMALL).capture(bracket(Shot(0.004), 0, 1, 2)))
    light = [frame.raw.mean() - frame.facts.sensor.black[0][0] for frame in frames]
    times = [frame.facts.exposure_s for frame in frames]
    assert np.divide(light, times) == pytest.approx([light[0] / times[0]] * 3, rel=0.01)


def test_known_shots_lose_no_frames_and_changing_ones_lose_two() -> None:
    """Settings hold two frames late; between frames of a list only their own time passes."""
    step = Shot(0.01, frame_s=0.02)
    known = [frame.facts.taken for frame in camera.open(SMALL).capture(list(bracket(step, 0, 1, 2)))]
    asked = [frame.facts.taken for frame in camera.open(SMALL).capture(iter(bracket(step, 0, 1, 2)))]
    apart = lambda taken: [(b - a).total_seconds() for a, b in itertools.pairwise(taken)]  # noqa: E731
    assert apart(known) == pytest.approx([0.02, 0.02], abs=1e-4)
    assert min(apart(asked)) > 0.055


def test_a_dng_of_the_twin_tells_what_the_frame_told(tmp_path: Path) -> None:
    (frame,) = camera.open(SMALL, seed=3).capture([Shot(0.01, 4.0)])
    write(frame, tmp_path / "a.dng")
    again = read(tmp_path / "a.dng")
    assert np.array_equal(again.raw, frame.raw)
    for name in ("exposure_s", "iso", "taken", "as_shot_neutral"):
        assert getattr(again.facts, name) == (
            pytest.approx(getattr(frame.facts, name), rel=1e-5) if name != "taken" else frame.facts.taken
        )
    noise = again.facts.sensor.noise
    assert isinstance(noise, Noise)
    assert (noise.scale, noise.offset) == (frame.facts.sensor.noise.scale, frame.facts.sensor.noise.offset)
    assert "simulated" in again.facts.body.model
    assert [held.illuminant for held in again.facts.sensor.calibrations] == [17, 21]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        (frame,) = camera.open(SMALL, seed=seed, hand="tremor").capture([Shot(0.01)])
        write(frame, tmp_path / f"{name}.dng")
    first, second, other = ((tmp_path / f"{name}.dng").read_bytes() for name in "abc")
    assert first == second
    assert first != other


def test_matrices_take_white_to_white_and_patches_near_their_colour() -> None:
    """DNG's conventions: the forward matrix takes balanced white to D50, the colour matrix the light's white to
    AsShotNeutral; the patches of the chart come out within 2 CIELAB units on average."""
    for name, calibration in zip(("a", "d65"), calibrations(), strict=True):
        source = spectra.source(name)
        forward, matrix = np.array(calibration.forward_matrix), np.array(calibration.color_matrix)
        assert forward.sum(axis=1) == pytest.approx([0.9642, 1.0, 0.8249], abs=2e-5)
        white = matrix @ source.white
        assert white / white.max() == pytest.approx(neutral(source), abs=2e-3)
        surfaces = np.array(list(spectra.colorchecker().values()))
        seen = spectra.observer() * source.power
        xyz = seen @ surfaces.T / seen[1].sum()
        rgb = (spectra.response() * source.power * spectra.photons_per_joule()) @ surfaces.T
        rgb /= ((spectra.response() * source.power * spectra.photons_per_joule()).sum(axis=1))[:, None]
        ours = np.linalg.inv(matrix) @ (np.array(neutral(source))[:, None] * rgb)
        bent = [np.cbrt(np.maximum(each / source.white[:, None], 1e-6)) for each in (xyz, ours)]
        lab = [np.stack([116 * b[1] - 16, 500 * (b[0] - b[1]), 200 * (b[1] - b[2])]) for b in bent]
        assert np.linalg.norm(lab[0] - lab[1], axis=0).mean() < 2.5


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lens": "sumicron_50"}, "summicron"),
        ({"scene": "white-wal"}, "white-wall"),
        ({"light": "d66"}, "d65"),
        ({"body": "xiaomi-13"}, "xiaomi-12s-ultra-concept"),
        ({"mode": "13mp"}, "12mp"),
        ({"sensor": "imx1"}, "imx477"),
        ({"aperture": "0.5"}, "0.5"),
        ({"lens": "summicron_50", "aperture": "1.4"}, "1.4"),
        ({"aperture": "wide"}, "number"),
        ({"distance": "-1"}, "-1"),
        ({"distance": "0"}, "0"),
        ({"seed": "-3"}, "whole number"),
        ({"seed": "x"}, "whole number"),
        ({"hand": "trembling"}, "tremor"),
        ({"hand": "tremor", "amplitude": "-1"}, "amplitude"),
        ({"hand": "gyro:nowhere.mp4"}, "cannot be read"),
        ({"hand": f"gyro:{__file__}"}, "gyroscope"),
        ({"size": "64"}, "640x480"),
        ({"size": "64000x48"}, "does not lie within"),
        ({"temperature": "500"}, "degrees"),
        ({"apeture": "2"}, "aperture"),
        ({"tilt": "1/2/3"}, "0.1/0.05"),
        ({"decentre": "left"}, "0.1/0.05"),
        ({"scene": "star-field", "brightest": "9", "faintest": "1"}, "larger number"),
        ({"scene": "depth", "distance": "inf"}, "12 m away would hide"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(settings: dict[str, str], says: str) -> None:
    with pytest.raises(Refusal, match=says) as told:
        _ = camera.open("virtual:lens=ideal,scene=white-wall,size=64x48", **settings).light  # type: ignore[attr-defined]
    assert "\n" not in str(told.value)


def test_a_word_that_is_said_twice_is_refused() -> None:
    with pytest.raises(Refusal, match="scene= twice"):
        camera.open("virtual:scene=white-wall,size=64x48,scene=facade")


@pytest.mark.parametrize("name", scenes())
def test_no_scene_has_a_setting_that_the_camera_has_too(name: str) -> None:
    """What is typed could otherwise not reach the scene."""
    assert not set(options(name)) & set(OWN)


@pytest.mark.parametrize("shot", [Shot(1e-9), Shot(1e6), Shot(0.01, 1e4), Shot(0.01, crop=(0, 0, 4000, 10))])
def test_shots_that_the_sensor_cannot_take_are_refused(shot: Shot) -> None:
    with pytest.raises(Refusal):
        list(camera.open(SMALL).capture([shot]))


@pytest.mark.parametrize(
    ("exposure_s", "iso"), [(0.0, 100.0), (-1.0, 100.0), (math.inf, 100.0), (0.01, 25.0), (0.01, 1e6)]
)
def test_exposures_and_isos_that_there_are_not_are_refused(exposure_s: float, iso: float) -> None:
    with pytest.raises(Refusal):
        camera.open(SMALL).shot(exposure_s, iso)


def test_crops_are_widened_to_whole_cells() -> None:
    (frame,) = camera.open(SMALL).capture([Shot(0.01, crop=(3, 5, 21, 33))])
    assert frame.raw.shape == (20, 30)


def test_a_folder_says_what_it_could_not_give_and_gives_nothing_twice(tmp_path: Path) -> None:
    for number in (1, 2):
        (frame,) = camera.open(SMALL, seed=number).capture([Shot(0.01)])
        write(frame, tmp_path / f"{number}.dng")
    opened = camera.open(f"folder:{tmp_path}")
    frames = opened.capture([Shot(0.02, 8.0, crop=(0, 0, 8, 8)), Shot(0.01), Shot(0.01)])
    notes = " ".join(next(frames).facts.notes)
    assert "0.02" in notes
    assert "gain" in notes
    assert "crop" in notes
    assert not any("Asked" in note for note in next(frames).facts.notes)
    with pytest.raises(Refusal, match="given twice"):
        next(frames)


@pytest.mark.parametrize("name", list(bodies()))
def test_bodies_name_silicon_that_there_is_and_fit_on_it(name: str) -> None:
    for mode in body(name).modes:
        whole = silicon(mode.sensor)
        assert mode.width_px * mode.joined <= whole.width_px
        assert mode.height_px * mode.joined <= whole.height_px
        assert body(name).energy_j(mode) > 0.0
        if mode.film:
            rows_s = mode.height_px * whole.line_us * 1e-6
            assert rows_s <= 1.0 / min(mode.fps, 60.0), "the rolling shutter is as quick as the film needs"


def test_the_phone_s_account_of_energy_adds_up() -> None:
    phone = body("xiaomi-12s")
    assert phone.battery.joules == pytest.approx(4.860 * 3600 * 3.87 * 0.95)
    mode = phone.mode("12mp")
    assert phone.per_charge(mode) * phone.energy_j(mode) == pytest.approx(phone.battery.joules)
    fast = phone.mode("720p-fast")
    assert (fast.fps, fast.interpolated_fps) == (480.0, 3840.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("maker", "maker"), ("schema = 1", "schema"), ("[[mode]]", "not known"), ('sensor = "s"', "sensor"),
        ("joules_a_shot", "not known"), ("width_px = 4", "width_px"),
    ],
)  # fmt: skip
def test_a_misspelt_body_is_refused(change: str, says: str) -> None:
    text = (
        'schema = 1\nmaker = "m"\nmodel = "x"\nabout = "a"\n[[mode]]\nname = "n"\nabout = "a"\nsensor = "s"\n'
        "width_px = 4\nheight_px = 4\njoules_a_shot = { sensor = 1.0 }\n"
    )
    assert parse_body(text).modes[0].sensor == "s"
    with pytest.raises(Refusal, match=says):
        parse_body(text.replace(change, change.replace("m", "x", 1) if "[" in change else f"x{change[1:]}"))


def test_hands_tremble_as_much_as_they_say() -> None:
    """About half a degree a second, near nothing above 20 Hz, twice as much with amplitude 2, 0 at the start."""
    time_s = np.arange(0.0, 20.0, 0.002)
    rates = []
    for seed in range(4):
        pose = tremor(seed)(time_s)
        assert pose[0] == pytest.approx(np.zeros(6), abs=1e-12)
        assert tremor(seed, 2.0)(time_s) == pytest.approx(2.0 * pose)
        rates.append(np.degrees(np.diff(pose[:, :2], axis=0) / 0.002).std())
    assert 0.2 < np.mean(rates) < 1.0
    power = np.abs(np.fft.rfft(np.hanning(len(time_s)) * pose[:, 0])) ** 2
    assert power[np.fft.rfftfreq(len(time_s), 0.002) > 30.0].sum() < 1e-6 * power.sum()


@pytest.mark.parametrize("name", ["karma.mp4", "max-heromode.mp4"])
def test_gyroscope_tracks_of_real_films_are_read(name: str) -> None:
    from anylens.twin.gpmf import read_gyroscope

    if not (FILMS / name).is_file():
        pytest.skip("the films are not beside this checkout")
    times, rates = read_gyroscope(FILMS / name)
    assert 8.0 < times[-1] < 15.0
    assert np.all(np.diff(times) >= 0.0)
    assert 180.0 < len(times) / times[-1] < 420.0
    assert 0.02 < np.abs(rates).mean() < 5.0


def test_damaged_films_are_refused(tmp_path: Path) -> None:
    """Whatever is cut from or changed in a film, a Refusal is all that comes of it."""
    from anylens.twin.gpmf import read_gyroscope

    source = FILMS / "max-heromode.mp4"
    if not source.is_file():
        pytest.skip("the films are not beside this checkout")
    data = source.read_bytes()
    moov = data.index(b"moov") - 4
    rng = np.random.default_rng(1)
    for attempt in range(40):
        damaged = bytearray(data)
        for at in rng.integers(moov, min(moov + 20000, len(data)), 30):
            damaged[at] = int(rng.integers(0, 256))
        path = tmp_path / "damaged.mp4"
        path.write_bytes(bytes(damaged[: len(damaged) - int(rng.integers(0, 2000))] if attempt % 2 else damaged))
        try:
            times, rates = read_gyroscope(path)
        except Refusal:
            continue
        assert len(times) == len(rates)
