"""The blur over the field comes back from edges that it has drawn, with errors that hold."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from anylens.lab.charts import Edge
from anylens.lab.samples import Samples
from anylens.lab.sharpness import EdgeSharpness, edge_sharpness
from anylens.lab.spread import modelled_mtf, spread_field
from anylens.lens.passport import PsfField
from anylens.lens.psf import blur
from anylens.refusal import Refusal
from tests import blurs, edges

SIZE = 72
PLACES = tuple((x, y) for y in (-4.0, -1.3, 1.3, 4.0) for x in (-6.0, -2.0, 2.0, 6.0))
# Wider towards the corners, along the radius more than around it, and a little worse on the right.
ROUND = (9.0, 4.0, 0.0)
TRUE = blurs.psf(((*ROUND, 30.0, 0.0, 8.0), (0.0, 0.0, 0.0, 0.0, 22.0, 0.0), (*ROUND, 8.0, 0.0, 30.0)), share=0.06)


REACH = math.hypot(6.0, 4.0) / TRUE.reach_mm
POWERS = np.array([1.0, REACH, REACH, REACH**2, REACH**2, REACH**2])
SCALED = replace(TRUE, core_um2=tuple(tuple(POWERS * row) for row in TRUE.core_um2), reach_mm=math.hypot(6.0, 4.0))
"""The same field over the reach of the edges."""


@cache
def drawn(place: tuple[float, float], angle_deg: float) -> np.ndarray:
    here = blur(TRUE, *place)
    way = -math.sin(math.radians(angle_deg)), math.cos(math.radians(angle_deg))
    xx, xy, yy = here.core_um2 / blurs.PITCH_UM**2
    variance = float(xx * way[0] ** 2 + 2 * xy * way[0] * way[1] + yy * way[1] ** 2)
    core, skirt = (edges.gaussian(math.sqrt(math.log(2.0) / 2.0) / math.pi / math.sqrt(v)) for v in (variance, 25.0))
    share = float(here.share)
    return edges.edge(SIZE, lambda f: (1 - share) * core(f) + share * skirt(f), angle_deg)


def measured(
    seed: int, noise: float = 0.004, angles: tuple[float, ...] = (6.0, 51.0, 97.0)
) -> tuple[EdgeSharpness, ...]:
    rng, found, middle = np.random.default_rng(seed), [], (SIZE - 1) / 2
    for place in PLACES:
        for angle in angles:
            light = drawn(place, angle) + rng.normal(0.0, noise, (SIZE, SIZE))
            centre = tuple(middle - 1000 * each / blurs.PITCH_UM for each in place)
            samples = Samples(light.astype(np.float32), "G", pitch_um=blurs.PITCH_UM, centre_px=centre)
            found.append(edge_sharpness(samples, Edge(*edges.ends(SIZE, angle, 0.0, 56.0), 26.0)))
    return tuple(found)


def fitted(found: tuple[EdgeSharpness, ...]) -> PsfField:
    return spread_field(found, blurs.PITCH_UM, f_number=2.0, date="2026-05-31")


def test_a_field_comes_back_from_its_edges_and_errors_hold() -> None:
    inside = total = 0
    for seed in range(2):
        found = measured(seed)
        field = fitted(found)
        assert field.residual < 0.02
        for x, y in PLACES:
            true, got = blur(TRUE, x, y), blur(field, x, y)
            assert np.abs(got.core_um2 - true.core_um2).max() < 0.1 * true.core_um2.max() + 0.5
        for edge in found:
            curve = modelled_mtf(field, edge, blurs.PITCH_UM)
            mtf50 = float(np.interp(-0.5, -curve, edge.frequencies_cpp))
            assert mtf50 == pytest.approx(edge.mtf50_cpp.value, rel=0.05)
        pairs = [(field.core_um2, field.core_um2_error, SCALED.core_um2)]
        pairs += [(field.skirt_share, field.skirt_share_error, SCALED.skirt_share)]
        for got, error, true in pairs:
            for row in zip(got, error, true, strict=True):
                count = len(row[0])
                wanted = np.resize(np.append(row[2], np.zeros(15)), count)
                off = np.abs(np.subtract(row[0], wanted)) / np.maximum(row[1], 1e-9)
                told = np.array(row[1]) > 1e-9
                inside, total = inside + int((off[told] < 2.0).sum()), total + int(told.sum())
    assert inside >= 0.85 * total


def test_few_edges_or_edges_of_one_direction_are_refused() -> None:
    few = measured(1, angles=(6.0,))
    with pytest.raises(Refusal, match="one direction"):
        fitted(few)
    with pytest.raises(Refusal, match="Only 5"):
        fitted(few[:5])


def test_edges_of_two_directions_tell_a_round_lens() -> None:
    field = fitted(measured(2, angles=(6.0, 97.0)))
    for x, y in PLACES:
        true, got = blur(TRUE, x, y), blur(field, x, y)
        assert np.abs(got.core_um2 - true.core_um2).max() < 0.15 * true.core_um2.max() + 0.5
