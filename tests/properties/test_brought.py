"""A DNG's own corrections after demosaicing are followed where no passport speaks, once, and by the specification."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from anylens.darkroom import default_recipe, develop
from anylens.darkroom.beside import Beside
from anylens.darkroom.brought import gains_brought, places_brought
from anylens.darkroom.glass import without
from anylens.darkroom.imported import passport_brought
from anylens.darkroom.stages.mosaic import Shade
from anylens.darkroom.stages.scene import Unbend
from anylens.files import read, write
from anylens.frame import Opcodes
from anylens.image import Mosaic, Scene
from anylens.lens import Passport
from anylens.lens.mapping import lateral_shift, light, mm_of_pixels, observed, pixels_of_mm
from anylens.lens.passport_file import parse_passport, passport_text
from anylens.opcodes import FixVignetteRadial, WarpRectilinear, moved_as_green, packed, parse
from anylens.refusal import Refusal
from tests import blurs, frames, parted
from tests.compiled import needs_kernels
from tests.properties.test_passport import GEOMETRY, LATERAL

SHAPE = (240, 320)
PLAIN = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
SECTIONS = ("geometry", GEOMETRY), ("lateral", LATERAL)
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
    red, blue = (1.0122, *BENT[1:]), (1.009, *BENT[1:])
    listed = of_warp(red, BENT, blue)
    whole, green_alone = (places_brought(listed, SHAPE, 1.0, part) for part in (1.0, 0.0))
    assert whole is not None
    assert green_alone is not None
    assert np.ptp(green_alone, axis=0).max() < 1e-9
    assert np.allclose(whole[1], green_alone[1])
    assert places_brought(listed, SHAPE, 0.0, 0.0) is None
    assert places_brought(b"", SHAPE, 1.0, 1.0) is None


def test_lateral_colour_is_that_of_the_place_where_green_was_seen() -> None:
    none = (0.0, 0.0, 0.0)
    bent, red, blue = (0.9, 0.12, 0.02, *none), (0.91, 0.12, 0.01, *none), (0.9, 0.11, 0.02, *none)
    apart = places_brought(of_warp(red, bent, blue), SHAPE, 0.0, 1.0)
    assert apart is not None
    rows, columns = np.arange(0, 257, 32.0), np.arange(0, 321, 32.0)
    assert np.abs(apart[1] - np.stack(np.meshgrid(columns, rows))).max() < 1e-9
    straight = np.linspace(0.0, 1.3, 100001)
    seen = {each: straight * (each[0] + each[1] * straight**2 + each[2] * straight**4) for each in (bent, red, blue)}
    middle, reach = np.array([159.5, 119.5])[:, None, None], math.hypot(160, 120)
    radius = np.hypot(*(apart[1] - middle)) / reach
    for color, terms in ((0, red), (2, blue)):
        wanted = np.interp(np.interp(radius, seen[bent], straight), straight, seen[terms])
        found = np.hypot(*(apart[color] - middle)) / reach
        assert np.abs(found - wanted).max() * reach < 1e-3


def test_what_moves_no_light_bends_nothing() -> None:
    raised = of_warp((1.001, *PLAIN[1:]), PLAIN, PLAIN)
    assert places_brought(raised, SHAPE, 1.0, 0.0) is None
    assert places_brought(raised, SHAPE, 0.0, 1.0) is not None
    assert places_brought(moved_as_green(raised), SHAPE, 1.0, 1.0) is None


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


@needs_kernels
@pytest.mark.parametrize("bits", [8, 32])
@pytest.mark.parametrize("part_px", [0.4, 0.7, 1.6])
@pytest.mark.parametrize("bent", [0.0, -0.04])
def test_an_edge_whose_colours_a_file_brings_apart_stands_in_one_place(
    part_px: float, bits: Literal[8, 32], bent: float
) -> None:
    """As with a passport's lateral colour: demosaicing would pull them together before a warp after it."""
    height, width = parted.SHAPE
    middle, reach = np.array([0.0, height / 2]) - 0.5, math.hypot(width, height / 2)
    more = part_px / (parted.AT * width)
    planes = [(scale, bent, 0.0, 0.0, 0.0, 0.0) for scale in (1.0 + more, 1.0, 1.0 - more)]

    def straight(terms: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Where a warp would put what is seen at each pixel."""
        x, y = ((np.arange(size) - origin) / reach for size, origin in zip((width, height), middle, strict=True))
        radius, table = np.hypot(x, y[:, None]), np.linspace(0.0, 1.2, 100001)
        times = np.interp(radius, table * (terms[0] + terms[1] * table**2), table) / np.maximum(radius, 1e-9)
        return x * times * reach + middle[0], y[:, None] * times * reach + middle[1]

    frame = parted.frame([straight(terms) for terms in planes])
    plain = replace(frame, facts=replace(frame.facts, opcodes=Opcodes()))
    brought = replace(frame, facts=replace(frame.facts, opcodes=Opcodes(list3=of_warp(*planes, center=(0.0, 0.5)))))
    assert parted.apart_px(develop(plain, bits=bits)) > 0.3 * part_px
    assert parted.apart_px(develop(brought, bits=bits)) < 0.04


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


def test_of_what_a_passport_does_not_tell_the_file_speaks() -> None:
    raised = of_warp((1.004, *BENT[1:]), BENT, (1.015, *BENT[1:]))
    bayer = frames.facts("RGGB", *SHAPE)
    facts = replace(bayer, opcodes=Opcodes(list3=raised), sensor=replace(bayer.sensor, pitch_um=90.0))
    own = Beside().apart(facts, SHAPE)
    assert own is not None
    straight, parted_ = (Passport(blurs.LENS, "Some Body", **{name: (section,)}) for name, section in SECTIONS)
    assert np.array_equal(Beside().apart(replace(facts, passport=straight), SHAPE), own)
    assert not np.array_equal(Beside().apart(replace(facts, passport=parted_), SHAPE), own)
    assert Beside(lateral=0.0).apart(facts, SHAPE) is None
    left = without(facts, "lateral")
    assert Beside().apart(left, SHAPE) is None
    whole, green = Unbend(lateral=0.0).plan(facts, SHAPE), Unbend().plan(left, SHAPE)
    assert all(np.array_equal(first, second) for first, second in zip(whole, green, strict=True))


def test_a_warp_that_turns_places_about_moves_colors_by_no_number_that_is_none() -> None:
    steep = (1.0, 0.0, 0.0, 0.45, 0.0, 0.0)
    found = places_brought(of_warp((1.01, *steep[1:]), steep, steep), SHAPE, 0.0, 1.0)
    assert np.isfinite(found).all()


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


@pytest.mark.parametrize("terms", [PLAIN, BENT])
@pytest.mark.parametrize("planes", [1, 3])
def test_colours_that_a_warp_moves_alike_tell_nothing_of_lateral_colour(terms: tuple[float, ...], planes: int) -> None:
    facts = replace(blurs.facts(*SHAPE, None), opcodes=Opcodes(list3=of_warp(*(terms,) * planes)))
    passport = passport_brought(facts, blurs.LENS, "Some Body", "2026-05-31")
    assert len(passport.geometry) == 1
    assert passport.lateral == ()


@pytest.mark.parametrize("r", [(0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (-1.0, 2.0, 0.0), (3.0, 0.0, 0.0)])
@pytest.mark.parametrize("planes", [1, 3])
def test_a_warp_that_is_no_lens_makes_no_passport(r: tuple[float, ...], planes: int) -> None:
    facts = replace(blurs.facts(*SHAPE, None), opcodes=Opcodes(list3=of_warp(*((*r, 0.0, 0.0, 0.0),) * planes)))
    with pytest.raises(Refusal, match="as no lens does"):
        passport_brought(facts, blurs.LENS, "Some Body", "2026-05-31")
