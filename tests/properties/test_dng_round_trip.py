"""What is written as DNG is read back with every count and every fact."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anylens.body import Body
from anylens.files import read, write
from anylens.frame import Facts, Frame, Opcodes
from anylens.image import Mosaic
from anylens.lens import Lens, Setting
from anylens.refusal import Refusal
from anylens.sensor import Calibration, Noise, Sensor, bayer

PHASES = tuple(quad + order for quad in ("", "quad-") for order in ("RGGB", "GRBG", "GBRG", "BGGR"))
D65 = Calibration(21, ((0.7, -0.2, -0.05), (-0.3, 1.1, 0.2), (-0.02, 0.15, 0.6)))

thousandths = st.integers(-3000, 3000).map(lambda n: n / 1000)
rows = st.tuples(thousandths, thousandths, thousandths)
matrices = st.tuples(rows, rows, rows)
words = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cc", "Cs")), max_size=20
).map(str.strip)
calibrations = st.builds(
    Calibration,
    st.sampled_from((17, 20, 21, 23)),
    matrices,
    st.none() | matrices,
    st.none() | matrices,
)


def zone(minutes: int | None) -> timezone | None:
    return None if minutes is None else timezone(timedelta(minutes=minutes))


moments = st.builds(
    lambda moment, minutes: moment.replace(tzinfo=zone(minutes)),
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2999, 12, 31)),
    st.none() | st.integers(-1439, 1439),
)
noises = st.none() | st.lists(st.tuples(st.floats(1e-9, 1e-2), st.floats(0, 1e-3)), min_size=1, max_size=3).filter(
    lambda pairs: len(pairs) != 2
).map(lambda pairs: Noise(tuple(s for s, _ in pairs), tuple(o for _, o in pairs), "file"))
lens_words = words.filter(lambda text: text == text.strip("- "))  # cameras write dashes where they know no lens
lenses = st.builds(
    Lens,
    lens_words,
    lens_words.filter(bool),
    st.none() | st.tuples(st.integers(1, 60).map(float), st.integers(60, 900).map(float)),
)
steps = st.integers(1, 400).map(lambda n: n / 10)


@st.composite
def facts(draw: st.DrawFn, height: int, width: int, cfa: str) -> Facts:
    top, left = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    bottom, right = height - draw(st.integers(0, 3)), width - draw(st.integers(0, 3))
    rows, columns = bottom - top, right - left
    size = draw(st.sampled_from((1, 2, 4)))
    quarters = st.integers(0, 4000).map(lambda n: n / 4)
    black = tuple(tuple(draw(quarters) for _ in range(size)) for _ in range(size))
    deltas = st.integers(-40, 40).map(lambda n: n / 8)
    silicon = Sensor(
        name=draw(words.filter(bool)),
        width_px=width,
        height_px=height,
        cfa=bayer(cfa),
        black=black,
        white=(float(draw(st.integers(4000, 65535))),),
        noise=draw(noises),
        calibrations=tuple(draw(st.lists(calibrations, min_size=1, max_size=3))),
        analog_balance=draw(st.just((1.0, 1.0, 1.0)) | st.tuples(steps, steps, steps)),
        black_row_delta=tuple(draw(st.just([]) | st.lists(deltas, min_size=rows, max_size=rows))),
        black_column_delta=tuple(draw(st.just([]) | st.lists(deltas, min_size=columns, max_size=columns))),
    )
    lens = draw(st.none() | lenses)
    if lens is not None and lens.focal_mm is not None:
        lens = replace(lens, max_aperture=draw(st.none() | st.tuples(steps, steps)))
    f_number, focal_mm = draw(steps), draw(st.none() | steps)
    neutral = None
    if cfa != "mono":
        neutral = draw(st.permutations((1.0, draw(st.integers(1, 99)) / 100, draw(st.integers(1, 999)) / 1000)))
    return Facts(
        sensor=silicon,
        active_area=(top, left, bottom, right),
        crop=(0.5, 0.0, columns - 1.25, float(rows)),
        exposure_s=draw(st.none() | st.integers(1, 64000).map(lambda n: 1 / n) | st.integers(1, 3600).map(float)),
        iso=draw(st.none() | st.integers(1, 4_000_000).map(float)),
        taken=draw(st.none() | moments),
        body=draw(st.none() | st.builds(Body, words.filter(bool), words.filter(bool), st.none() | words.filter(bool))),
        lens=lens,
        setting=draw(st.none() | st.just(Setting("exif", f_number, focal_mm, draw(st.none() | steps)))),
        as_shot_neutral=None if neutral is None else (neutral[0], neutral[1], neutral[2]),
        baseline_exposure=draw(st.integers(-500, 500)) / 100,
        orientation=draw(st.integers(1, 8)),
        opcodes=Opcodes(*(draw(st.just(b"") | st.binary(min_size=1, max_size=40)) for _ in range(3))),
    )


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    height, width = draw(st.integers(8, 24)), draw(st.integers(8, 24) | st.sampled_from((255, 256, 257, 511)))
    cfa = draw(st.sampled_from((*PHASES, "mono")))
    seed, most = draw(st.integers(0, 99)), draw(st.sampled_from((1, 1023, 16383, 65535)))
    raw = np.random.default_rng(seed).integers(0, most + 1, (height, width), np.uint16)
    return Frame(raw, draw(facts(height, width, cfa)))


def told(facts: Facts) -> dict[str, Any]:
    """The facts that a DNG has a place for."""
    silicon = facts.sensor
    noise = silicon.noise
    body = facts.body
    return {
        "name": silicon.name,
        "cfa": silicon.cfa,
        "black": silicon.black,
        "white": silicon.white,
        "noise": None if noise is None or noise.source == "estimated" else noise,
        "calibrations": silicon.calibrations,
        "analog": silicon.analog_balance,
        "deltas": (silicon.black_row_delta, silicon.black_column_delta),
        "area": facts.active_area,
        "crop": facts.crop,
        "exposure": facts.exposure_s,
        "iso": facts.iso,
        "taken": None if facts.taken is None else (facts.taken.replace(tzinfo=None), facts.taken.utcoffset()),
        "maker": None if body is None else body.maker,
        "serial": None if body is None else body.serial,
        "lens": facts.lens,
        "setting": facts.setting,
        "neutral": facts.as_shot_neutral,
        "baseline": facts.baseline_exposure,
        "orientation": facts.orientation,
        "opcodes": facts.opcodes,
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(frame=frames())
def test_every_count_and_every_fact_comes_back(frame: Frame, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("dng") / "frame.dng"
    write(frame, path)
    back = read(path)
    assert isinstance(back, Frame)
    np.testing.assert_array_equal(back.raw, frame.raw)
    expected = told(frame.facts)
    if frame.facts.body is None:
        expected["maker"] = told(back.facts)["maker"]
    assert told(back.facts) == expected


def plain(raw: npt.NDArray[Any], cfa: str = "RGGB", **changes: Any) -> Facts:
    height, width = raw.shape[-2:]
    silicon = Sensor("test", width, height, bayer(cfa), ((64.0,),), (16383.0,), calibrations=(D65,))
    return replace(
        Facts.whole(silicon, as_shot_neutral=(0.5, 1.0, 0.75)),
        **changes,
    )


@pytest.mark.parametrize("cfa", [*PHASES, "mono"])
@pytest.mark.parametrize("size", [(64, 32), (257, 511), (300, 257)])
def test_libraw_reads_the_same_counts(cfa: str, size: tuple[int, int], tmp_path: Path) -> None:
    import rawpy

    raw = np.random.default_rng(3).integers(0, 65536, size, np.uint16)
    write(Frame(raw, plain(raw, cfa)), tmp_path / "a.dng")
    with rawpy.imread(str(tmp_path / "a.dng")) as libraw:
        np.testing.assert_array_equal(libraw.raw_image, raw)


@pytest.mark.parametrize("width", range(1, 18))
@pytest.mark.parametrize("cfa", ["GRBG", "quad-GBRG", "mono"])
def test_the_smallest_frames_come_back(width: int, cfa: str, tmp_path: Path) -> None:
    raw = np.random.default_rng(width).integers(0, 65536, (5, width), np.uint16)
    write(Frame(raw, plain(raw, cfa)), tmp_path / "a.dng")
    back = read(tmp_path / "a.dng")
    assert isinstance(back, Frame)
    np.testing.assert_array_equal(back.raw, raw)


def test_an_estimated_noise_profile_does_not_pass_for_the_makers(tmp_path: Path) -> None:
    raw = np.random.default_rng(0).integers(64, 9000, (64, 64), np.uint16)
    facts = plain(raw)
    facts = replace(facts, sensor=replace(facts.sensor, noise=Noise((0.5,), (0.25,), "estimated")))
    write(Frame(raw, facts), tmp_path / "a.dng")
    back = read(tmp_path / "a.dng")
    assert back.facts.sensor.noise is None or back.facts.sensor.noise.source == "estimated"


def test_a_white_level_by_colour_becomes_the_lowest(tmp_path: Path) -> None:
    raw = np.zeros((8, 8), np.uint16)
    facts = plain(raw)
    write(Frame(raw, replace(facts, sensor=replace(facts.sensor, white=(900.0, 800.0, 850.0)))), tmp_path / "a.dng")
    assert read(tmp_path / "a.dng").facts.sensor.white == (800.0,)


def test_other_colour_filters_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    raw = np.zeros((8, 8), np.uint16)
    facts = plain(raw)
    odd = replace(facts, sensor=replace(facts.sensor, cfa=(("R", "G"), ("E", "B"))))
    with pytest.raises(Refusal, match="colour filter"):
        write(Frame(raw, odd), tmp_path / "a.dng")
    assert list(tmp_path.iterdir()) == []


def light_of(frame: Frame) -> npt.NDArray[np.float64]:
    black, white = frame.facts.sensor.black[0][0], frame.facts.sensor.white[0]
    light: npt.NDArray[np.float64] = (
        2.0**frame.facts.baseline_exposure * (frame.raw.astype(np.float64) - black) / (white - black)
    )
    return light


@settings(max_examples=30)
@given(seed=st.integers(0, 999), low=st.floats(-0.25, 0.0), high=st.floats(0.1, 8.0))
def test_a_mosaics_light_comes_back_below_black_and_above_white(
    seed: int, low: float, high: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("dng") / "mosaic.dng"
    pixels = np.random.default_rng(seed).uniform(low, high, (12, 20)).astype(np.float32)
    write(Mosaic(pixels, plain(pixels)), path)
    back = read(path)
    assert isinstance(back, Frame)
    span = max(high, 1.0) - low
    np.testing.assert_allclose(light_of(back), pixels, atol=0.52 * span / (65535 - 512))


def test_a_balanced_mosaic_keeps_its_colours(tmp_path: Path) -> None:
    gains = (2.0, 1.0, 1.5)
    pixels = np.full((8, 8), 0.5, np.float32)
    facts = plain(pixels, balance=gains)
    write(Mosaic(pixels, facts), tmp_path / "a.dng")
    back = read(tmp_path / "a.dng").facts
    assert facts.as_shot_neutral is not None
    seen = [neutral * gain for neutral, gain in zip(facts.as_shot_neutral, gains, strict=True)]
    assert back.as_shot_neutral == pytest.approx([value / max(seen) for value in seen])
    assert back.sensor.analog_balance == pytest.approx(gains)
    assert back.balance is None


def test_the_noise_of_a_mosaic_follows_its_light(tmp_path: Path) -> None:
    pixels = np.full((8, 8), 0.5, np.float32)
    pixels[0, 0] = 4.0
    facts = plain(pixels, balance=(2.0, 1.0, 1.0))
    facts = replace(facts, sensor=replace(facts.sensor, noise=Noise((1e-3,), (1e-5,), "file")))
    write(Mosaic(pixels, facts), tmp_path / "a.dng")
    back = read(tmp_path / "a.dng")
    assert back.facts.sensor.noise is not None
    for plane, gain in enumerate((2.0, 1.0, 1.0)):
        scale, offset = back.facts.sensor.noise.plane(plane)
        before = 1e-3 * (0.5 / gain) + 1e-5
        after = scale * (0.5 / 4.0) + offset
        assert math.sqrt(after) * 4.0 == pytest.approx(math.sqrt(before) * gain)
