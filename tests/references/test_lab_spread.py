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
from anylens.lab.spread import lens_mtf, lens_mtf50, spread_field
from anylens.lens.passport import PSF_ROWS, Origin, PsfField
from anylens.lens.psf import blur
from anylens.refusal import Refusal
from tests import blurs, edges

SIZE = 72
PITCH = blurs.PITCH_UM
EDGES = Origin(f_number=2.0, method="edges", frames=1, date="2026-05-31")
PLACES = tuple((x, y) for y in (-4.0, -1.3, 1.3, 4.0) for x in (-6.0, -2.0, 2.0, 6.0))
# Wider towards the corners, along the radius more than around it, and a little worse on the right.
ROUND = (9.0, 4.0, 0.0)
TRUE = blurs.psf(((*ROUND, 30.0, 0.0, 8.0), (0.0, 0.0, 0.0, 0.0, 22.0, 0.0), (*ROUND, 8.0, 0.0, 30.0)), share=0.06)
LOPSIDED = replace(
    TRUE,
    skirt_share=((0.25,),),
    skirt_um2=((60.0, 0.0, 0.0), (0.0, 0.0, 0.0), (60.0, 0.0, 0.0)),
    skirt_um2_error=((0.0,) * 3,) * 3,
    skirt_aside_um=((0.0, 7.0, 0.0), (0.0, 0.0, 7.0)),
    skirt_aside_um_error=((0.0,) * 3,) * 2,
)
"""A lens with coma: its skirt lies outwards of the core."""
POWERS = np.repeat((math.hypot(6.0, 4.0) / TRUE.reach_mm) ** np.arange(5), np.arange(1, 6))
"""What makes the fields' coefficients those over the reach of the edges."""
TAILED = replace(LOPSIDED, skirt_tail=1.0)
"""Its skirt falls exponentially."""
LENSES = {"even": TRUE, "lopsided": LOPSIDED, "tailed": TAILED}


@cache
def drawn(lens: str, place: tuple[float, float], angle_deg: float) -> np.ndarray:
    here = blur(LENSES[lens], *place)
    x, y = -math.sin(math.radians(angle_deg)), math.cos(math.radians(angle_deg))
    core, skirt = (
        float(xx * x * x + 2 * xy * x * y + yy * y * y) / blurs.PITCH_UM**2
        for xx, xy, yy in (here.core_um2, here.skirt_um2)
    )
    aside = float(here.aside_um[0] * x + here.aside_um[1] * y) / blurs.PITCH_UM
    share = float(here.share)

    def response(f: np.ndarray) -> np.ndarray:
        squared = 2 * np.pi**2 * f**2
        fallen = 1 / (1 + squared * skirt) if LENSES[lens].skirt_tail else np.exp(-squared * skirt)
        return (1 - share) * np.exp(-squared * core) + share * fallen * np.exp(-2j * np.pi * f * aside)

    return edges.edge(SIZE, response, angle_deg)


def measured(
    lens: str, seed: int, noise: float = 0.004, angles: tuple[float, ...] = (6.0, 51.0, 97.0)
) -> tuple[EdgeSharpness, ...]:
    rng, found, middle = np.random.default_rng(seed), [], (SIZE - 1) / 2
    for place in PLACES:
        for angle in angles:
            light = drawn(lens, place, angle) + rng.normal(0.0, noise, (SIZE, SIZE))
            centre = tuple(middle - 1000 * each / blurs.PITCH_UM for each in place)
            samples = Samples(light.astype(np.float32), "G", pitch_um=blurs.PITCH_UM, centre_px=centre)
            # A chart has bright surfaces on either side: the edge lies the other way round in every second picture.
            if seed % 2:
                samples = replace(samples, pixels=(1.0 - light).astype(np.float32))
            found.append(edge_sharpness(samples, Edge(*edges.ends(SIZE, angle, 0.0, 56.0), 26.0)))
    return tuple(found)


def fitted(found: tuple[EdgeSharpness, ...]) -> PsfField:
    return spread_field(found, blurs.PITCH_UM, EDGES)


@pytest.mark.parametrize("lens", LENSES)
def test_the_truth_lies_within_two_standard_errors(lens: str) -> None:
    inside = total = 0
    for seed in range(3):
        field = fitted(measured(lens, seed))
        for name in PSF_ROWS:
            got, error, true = (np.array(getattr(each, key)) for each, key in
                                ((field, name), (field, f"{name}_error"), (LENSES[lens], name)))  # fmt: skip
            wanted = np.zeros((len(true), 15))
            wanted[:, : true.shape[1]] = true * POWERS[: true.shape[1]]
            told = error > 1e-9
            off = np.abs(got - wanted[:, : got.shape[1]])[told] / error[told]
            inside, total = inside + int((off < 2.0).sum()), total + off.size
    assert inside / total >= 0.88


@pytest.mark.parametrize("lens", LENSES)
def test_a_field_comes_back_from_its_edges(lens: str) -> None:
    for seed in range(2):
        found = measured(lens, seed)
        field = fitted(found)
        assert field.residual < 0.02
        for x, y in PLACES:
            true, got = blur(LENSES[lens], x, y), blur(field, x, y)
            both = [(1 - each.share) * each.core_um2 + each.share * each.skirt_um2 for each in (true, got)]
            assert np.abs(both[0] - both[1]).max() < 0.12 * both[0].max()
            if lens != "even":
                assert field.skirt_tail == LENSES[lens].skirt_tail
                assert np.abs(true.share * true.aside_um - got.share * got.aside_um).max() < 0.35
        for edge in found:
            f, way = np.array(edge.frequencies_cpp), edge.angle_deg + 90.0
            curve = edges.response(lambda f: lens_mtf(field, edge.place_mm, way, f * 1000.0 / PITCH), way)(f)  # noqa: B023
            mtf50 = float(np.interp(-0.5, -curve, edge.frequencies_cpp))
            assert mtf50 == pytest.approx(edge.mtf50_cpp.value, rel=0.05)


def test_few_edges_or_edges_of_one_direction_are_refused() -> None:
    few = measured("even", 1, angles=(6.0,))
    with pytest.raises(Refusal, match="one direction"):
        fitted(few)
    with pytest.raises(Refusal, match="Only 5"):
        fitted(few[:5])


def test_edges_of_two_directions_tell_a_round_lens() -> None:
    field = fitted(measured("even", 2, angles=(6.0, 97.0)))
    for x, y in PLACES:
        true, got = blur(TRUE, x, y), blur(field, x, y)
        assert np.abs(got.core_um2 - true.core_um2).max() < 0.15 * true.core_um2.max() + 0.5


def test_photos_tell_less_and_nothing_of_a_tilt() -> None:
    found = measured("even", 1)
    sure, field = fitted(found), spread_field(found, PITCH, replace(EDGES, method="photos"))
    assert field.core_um2[0][1:3] == (0.0, 0.0)
    assert field.core_um2_error[0][0] > sure.core_um2_error[0][0]


def test_a_round_blurs_mtf50_is_that_of_its_gaussian() -> None:
    field = blurs.even(1.5)
    wanted = 1000.0 * math.sqrt(math.log(2.0) / 2.0) / math.pi / (1.5 * PITCH)
    assert lens_mtf50(field, (3.0, 2.0), 37.0) == pytest.approx(wanted, rel=0.01)
