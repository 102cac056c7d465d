"""A trembling hand's frames against frames that never moved (simulated): noise, detail, motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anylens import Burst, Frame, develop
from anylens.darkroom.lookbook import look
from anylens.darkroom.stages import Merge
from anylens.lab.charts import Edge
from anylens.lab.samples import Samples
from anylens.lab.sharpness import edges_sharpness
from tests import tremor
from tests.bursts import exposed, hand_held, light, moves, under_filter
from tests.frames import NEUTRAL

GREEN = ((False, True), (True, False))
INNER = np.s_[24:-24, 24:-24]


def square(one: np.ndarray, two: np.ndarray) -> float:
    """Mean square of the difference, a border left out."""
    return float(np.square((one - two)[INNER]).mean())


def of_one(frame) -> np.ndarray:
    return Merge()(Burst((frame,))).pixels


@pytest.mark.parametrize(("noise", "budget_db"), [(4.0, 0.3), (1.0, 2.0), (0.1, 6.0)])
def test_moved_frames_of_a_photo_are_nearly_as_good_as_frames_at_rest(noise: float, budget_db: float) -> None:
    """At little noise what no single frame shows between its own pixels decides, and the budget is what is reached."""
    burst, truth = hand_held(8, noise=noise)
    ideal = np.mean([of_one(exposed(truth, 900 + index, noise)) for index in range(8)], axis=0)
    loss = square(Merge(reference=1)(burst).pixels, truth) / square(ideal, truth)
    assert 10 * np.log10(loss) < budget_db


def test_noise_of_thirty_moved_frames_falls_as_one_over_n() -> None:
    rng = np.random.default_rng(5)
    slope = np.linspace(0.25, 0.35, 320, dtype=np.float32) * np.ones((240, 1), np.float32)
    steps = [0, *rng.integers(-3, 4, 29)]
    burst = Burst(tuple(exposed(np.roll(slope, int(step), 1), 10 + index, 4.0) for index, step in enumerate(steps)))
    limit = square(of_one(burst.frames[0]), slope) / 30
    assert square(Merge(reference=1)(burst).pixels, slope) < 1.15 * limit


def slanted(height: int, width: int, slope: float = 0.09) -> np.ndarray:
    """(3, H, W) of the fine grid: a dark bar with slanted sides on a bright ground, through two of which edges go."""
    y, x = np.mgrid[: height * tremor.OVER, : width * tremor.OVER].astype(np.float32) / tremor.OVER
    away = np.abs(x - width / 2 - slope * (y - height / 2))
    grey = np.where(away < width / 4, 0.1, 0.6).astype(np.float32)
    return grey * np.array(NEUTRAL, np.float32)[:, None, None]


@pytest.mark.parametrize("noise", [0.2, 2.0])
def test_an_edge_stays_as_sharp_as_in_one_sharp_frame(noise: float) -> None:
    height, width, f_number = 112, 128, 8.0
    scene = slanted(height, width)
    burst, _ = tremor.burst(scene, tremor.tremor(8, 3), f_number, noise)
    clean = np.stack([tremor.through(plane, f_number, tremor.OVER) for plane in scene])
    one = under_filter(clean[:, :: tremor.OVER, :: tremor.OVER].astype(np.float32))
    lines = [
        Edge(
            (width / 2 + side + 0.09 * (20 - height / 2), 20.0),
            (width / 2 + side + 0.09 * (height / 2 - 20), 92.0),
            14.0,
        )
        for side in (-width / 4, width / 4)
    ]
    kept = [
        np.mean([edge.mtf50_cpp.value for edge in edges_sharpness(samples, tuple(lines)).edges])
        for samples in (Samples(each, "G", GREEN) for each in (Merge(reference=1)(burst).pixels, one))
    ]
    assert kept[0] > 0.95 * kept[1]


def test_where_a_thing_moves_the_photo_errs_no_more_than_the_reference_denoised_alone() -> None:
    seen = [light(move) for move in moves(6, 5)]
    for index, picture in enumerate(seen):
        left = 150 + 30 * index
        picture[:, 200:260, left : left + 40] = np.array([0.05, 0.3, 0.1])[:, None, None]
    burst = Burst(tuple(exposed(under_filter(picture), index, 4.0) for index, picture in enumerate(seen)))
    passed = np.s_[:, 205:255, 140:350]

    def shown(image: Frame | Burst) -> np.ndarray:
        return develop(image, replace(look("none"), merge=Merge(reference=1)), until="scene").pixels[passed]

    truth = shown(exposed(under_filter(seen[0]), 0, 1e-9))
    many, one = (np.square(shown(each) - truth).mean() for each in (burst, burst.frames[0]))
    assert many < 1.02 * one
