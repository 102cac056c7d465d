"""A DNG's own corrections after demosaicing are followed where no passport speaks, once, and by the specification."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from anylens.darkroom import default_recipe, develop
from anylens.darkroom.brought import gains_brought, places_brought
from anylens.darkroom.imported import passport_brought
from anylens.darkroom.stages.mosaic import Shade
from anylens.darkroom.stages.scene import Unbend
from anylens.files import read, write
from anylens.frame import Opcodes
from anylens.image import Mosaic, Scene
from anylens.lens.mapping import lateral_shift, light, mm_of_pixels, observed, pixels_of_mm
from anylens.lens.passport_file import parse_passport, passport_text
from anylens.opcodes import FixVignetteRadial, WarpRectilinear, packed, parse
from anylens.refusal import Refusal
from tests import blurs, frames

SHAPE = (240, 320)
PLAIN = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
BENT = (1.01, -0.03, 0.01, 0.002, 0.001, -0.002)


def of_warp(*planes: tuple[float, ...], center: tuple[float, float] = (0.5, 0.5)) -> bytes:
    return packed([WarpRectilinear(planes, center)])


def test_a_warp_says_where_each_color_is_read() -> None:
    center = (0.45, 0.52)
    found = places_brought(of_warp(PLAIN, BENT, PLAIN, center=center), SHAPE, 1.0, 1.0)
    assert found is not None
    height, width = SHAPE
    middle = center[0] * width, center[1] * height
    reach = max(math.dist(middle, corner) for corner in ((0, 0), (width, 0), (0, height), (width, height)))
    for row, column in ((0, 0), (3, 5), (5, 2)):
        x, y = (column * 32 + 0.5 - middle[0]) / reach, (row * 32 + 0.5 - middle[1]) / reach
        r2 = x * x + y * y
        radial = sum(term * r2**power for power, term in enumerate(BENT[:4]))
        seen_x = x * radial + BENT[4] * 2 * x * y + BENT[5] * (r2 + 2 * x * x)
        seen_y = y * radial + BENT[5] * 2 * x * y + BENT[4] * (r2 + 2 * y * y)
        wanted = middle[0] + reach * seen_x - 0.5, middle[1] + reach * seen_y - 0.5
        assert found[1, :, row, column] == pytest.approx(wanted)
        assert found[0, :, row, column] == pytest.approx((column * 32, row * 32))


def test_distortion_and_lateral_colour_go_by_themselves() -> None:
    listed = of_warp((1.002, *PLAIN[1:]), BENT, (0.999, *PLAIN[1:]))
    whole, green_alone = (places_brought(listed, SHAPE, 1.0, part) for part in (1.0, 0.0))
    straight = places_brought(listed, SHAPE, 0.0, 1.0)
    assert whole is not None
    assert green_alone is not None
    assert straight is not None
    assert np.ptp(green_alone, axis=0).max() < 1e-9
    assert np.allclose(whole - whole[1], straight - straight[1])
    assert places_brought(listed, SHAPE, 0.0, 0.0) is None
    assert places_brought(b"", SHAPE, 1.0, 1.0) is None


def test_what_is_damaged_or_absurd_says_nothing() -> None:
    assert places_brought(of_warp(BENT)[:-9], SHAPE, 1.0, 1.0) is None
    assert places_brought(of_warp((3.0, *PLAIN[1:])), SHAPE, 1.0, 1.0) is None
    down, along = np.linspace(0, 1, 9), np.linspace(0, 1, 13)
    absurd = packed([FixVignetteRadial((1e3, 0.0, 0.0, 0.0, 0.0), (0.5, 0.5))])
    assert gains_brought(absurd, down, along, SHAPE) is None
    assert gains_brought(of_warp(BENT), down, along, SHAPE) is None


def test_a_scene_is_bent_back_once() -> None:
    listed = Opcodes(list3=of_warp((1.0, -0.1, 0.0, 0.0, 0.0, 0.0)))
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    light = np.broadcast_to(0.3 + 0.1 * np.sin(x / 9.0) * np.cos(y / 7.0), (3, *SHAPE)).astype(np.float32)
    facts = replace(blurs.facts(*SHAPE, None), opcodes=listed)
    straight = Unbend()(Scene(light, facts))
    assert np.abs(straight.pixels - light).max() > 0.02
    assert straight.facts.opcodes.list3 == b""
    assert Unbend()(straight) is straight
    assert Unbend(geometry=0.0, lateral=0.0)(Scene(light, facts)).pixels is light


def test_falloff_that_a_file_brings_along_is_lifted_once() -> None:
    k = (0.5, 0.2, 0.0, 0.0, 0.1)
    raw = frames.sampled(np.full((3, *SHAPE), 0.2))
    warp = WarpRectilinear((PLAIN,), (0.5, 0.5))
    facts = replace(raw.facts, opcodes=Opcodes(list3=packed([FixVignetteRadial(k, (0.5, 0.5)), warp])))
    grey = np.full(SHAPE, 0.2, np.float32)
    lifted = Shade()(Mosaic(grey, facts))
    assert lifted.pixels[120, 160] == pytest.approx(0.2, rel=1e-3)
    assert lifted.pixels[0, 0] == pytest.approx(0.2 * (1.0 + sum(k)), rel=0.01)
    half = Shade(amount=0.5)(Mosaic(grey, facts)).pixels[0, 0]
    assert half == pytest.approx(0.2 * (1.0 + 0.5 * sum(k)), rel=0.01)
    assert [each.number for each in parse(lifted.facts.opcodes.list3)] == [1]
    assert Shade(vignetting=0.0)(Mosaic(grey, facts)).pixels[0, 0] == pytest.approx(0.2, rel=1e-3)


def test_a_passport_speaks_before_the_file(tmp_path) -> None:
    raw = frames.sampled(np.random.default_rng(1).random((3, *SHAPE)) * 0.5)
    bent = replace(raw, facts=replace(raw.facts, opcodes=Opcodes(list3=of_warp((1.0, -0.1, 0.0, 0.0, 0.0, 0.0)))))
    followed, plain = (develop(each, default_recipe(), until="scene").pixels for each in (bent, raw))
    assert np.abs(followed - plain).max() > 0.02
    write(bent, tmp_path / "bent.dng")
    again = develop(read(tmp_path / "bent.dng"), default_recipe(), until="scene").pixels
    assert np.allclose(again, followed, atol=1e-5)


def test_what_a_file_brings_along_becomes_a_passport_that_does_the_same() -> None:
    """Distortion up to the scale of the whole picture, lateral colour, falloff."""
    red, blue = (1.0115, -0.0301, 0.0101, 0.002, 0.001, -0.002), (1.009, -0.03, 0.0098, 0.002, 0.001, -0.002)
    fix = FixVignetteRadial((0.5, 0.2, 0.05, 0.0, 0.0), (0.48, 0.5))
    listed = packed([fix, WarpRectilinear((red, BENT, blue), (0.48, 0.5))])
    facts = replace(blurs.facts(*SHAPE, None), opcodes=Opcodes(list3=listed))
    passport = passport_brought(facts, blurs.LENS, "Some Body", "2026-05-31")
    assert parse_passport(passport_text(passport)) == passport
    brought = places_brought(listed, SHAPE, 1.0, 1.0)
    assert brought is not None
    (geometry,), (falloff,) = passport.geometry, passport.vignetting
    columns, rows = np.meshgrid(np.arange(11) * 32.0, np.arange(9) * 32.0)
    x, y = mm_of_pixels(columns, rows, SHAPE, blurs.PITCH_UM)
    c_x, c_y = geometry.centre_mm
    at = observed(geometry, c_x + (x - c_x) * BENT[0], c_y + (y - c_y) * BENT[0])
    across, down = pixels_of_mm(*at, SHAPE, blurs.PITCH_UM)
    inside = (slice(0, 8), slice(0, 10))
    assert np.abs(np.stack([across, down]) - brought[1])[:, *inside].max() < 0.01
    apart = lateral_shift(passport.lateral[0], *at)[0]
    shown = np.stack(apart) * 1000 / blurs.PITCH_UM
    assert np.abs(shown - (brought[0] - brought[1]))[:, *inside].max() < 0.02
    gains = gains_brought(listed, (rows[:, 0] + 0.5) / SHAPE[0], (columns[0] + 0.5) / SHAPE[1], SHAPE)
    assert gains is not None
    assert np.abs(gains * light(falloff, x, y) - 1.0)[inside].max() < 0.01


def test_a_file_that_brings_nothing_or_has_no_size_makes_no_passport() -> None:
    facts = blurs.facts(*SHAPE, None)
    with pytest.raises(Refusal, match="brings no correction"):
        passport_brought(facts, blurs.LENS, "Some Body", "2026-05-31")
    blind = replace(facts, opcodes=Opcodes(list3=of_warp(BENT)), sensor=replace(facts.sensor, pitch_um=None))
    with pytest.raises(Refusal, match="--pitch"):
        passport_brought(blind, blurs.LENS, "Some Body", "2026-05-31")
