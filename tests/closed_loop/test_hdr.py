"""A bracket from -4 to +4 EV of a wedge of fourteen stops, from a trembling hand (simulated)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from anylens import Burst, Mosaic
from anylens.darkroom.stages import Merge
from tests.bursts import OFFSET, SCALE, exposed, light, moves, under_filter
from tests.frames import NEUTRAL, facts

STOPS, BRIGHTEST, FIELDS = (-4, -2, 0, 2, 4), 12.0, 15
"""The brightest field clips in all frames but the darkest; each other one is a stop darker than the one before."""


def wedge() -> tuple[np.ndarray, list[tuple[slice, slice]]]:
    """Its light, (900, 1200, 3), in lanes of texture, and where the sensor has the inner parts of its fields."""
    texture = np.random.default_rng(2).random((150, 200)).repeat(6, 0).repeat(6, 1)
    grey, fields = (0.02 + 0.3 * texture).astype(np.float32), []
    for stop in range(FIELDS):
        y, x = 40 + stop // 5 * 280, 40 + stop % 5 * 228
        grey[y : y + 240, x : x + 200] = BRIGHTEST * 2.0**-stop
        fields.append(np.s_[(y + 40) // 2 : (y + 200) // 2, (x + 40) // 2 : (x + 160) // 2])
    return grey[..., None] * np.array(NEUTRAL, np.float32), fields


@cache
def merged() -> tuple[Mosaic, np.ndarray]:
    known, (scene, _) = replace(facts("RGGB", 450, 600), iso=100.0), wedge()
    seen = [under_filter(light(move, scene)) for move in moves(len(STOPS), 4)]
    frames = [
        exposed(picture * 2.0**ev, index, 1.0, replace(known, exposure_s=0.01 * 2.0**ev))
        for index, (picture, ev) in enumerate(zip(seen, STOPS, strict=True))
    ]
    return Merge()(Burst(tuple(frames))), seen[2]


@pytest.mark.parametrize("stop", range(FIELDS))
def test_a_bracket_is_linear_over_fourteen_stops(stop: int) -> None:
    mosaic, truth = merged()
    field = wedge()[1][stop]
    found = mosaic.pixels[field].mean() * 2.0**mosaic.facts.baseline_exposure
    assert abs(np.log2(found / truth[field].mean())) < 0.05


@pytest.mark.parametrize("stop", range(8, FIELDS))
def test_shadows_of_a_bracket_are_as_calm_as_its_longest_exposure(stop: int) -> None:
    mosaic, truth = merged()
    field = wedge()[1][stop]
    longest = 2.0 ** STOPS[-1]
    limit = (SCALE * truth[field].mean() + OFFSET / longest) / longest
    left = np.square(mosaic.pixels[field] * 2.0**mosaic.facts.baseline_exposure - truth[field]).mean()
    assert left < 1.15 * limit


@pytest.mark.parametrize("stop", range(4))
def test_what_is_clipped_in_the_reference_keeps_its_light_up_to_its_edge(stop: int) -> None:
    """An edge so high agrees with no other frame's; were the clipped light left there, it would be a colored rim."""
    mosaic, truth = merged()
    rows, columns = wedge()[1][stop]
    around = slice(rows.start - 20, rows.stop + 20), slice(columns.start - 20, columns.stop + 20)
    found = mosaic.pixels[around] * 2.0**mosaic.facts.baseline_exposure
    seen, bright = truth[around], truth[rows, columns]
    full = np.tile(bright[:2, :2], (seen.shape[0] // 2, seen.shape[1] // 2))
    clear = seen > 0.8 * full
    assert (found[clear] > 0.35 * seen[clear]).all()
