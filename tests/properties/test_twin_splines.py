"""Curves through few values are those of SciPy, which takes half a second to load."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline, PchipInterpolator

from anylens.twin.splines import closed, smooth, steady


@pytest.mark.parametrize("seed", range(5))
def test_smooth_curves_agree_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    knots, values = np.cumsum(rng.uniform(0.1, 1.0, 3 + 5 * seed)), rng.normal(size=(3 + 5 * seed, 3))
    at = np.linspace(knots[0] - 0.1, knots[-1] + 0.1, 301)
    np.testing.assert_allclose(smooth(knots, values)(at), CubicSpline(knots, values)(at), rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_closed_curves_agree_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    knots, values = np.cumsum(rng.uniform(0.1, 1.0, 4 + 15 * seed)), rng.normal(size=4 + 15 * seed)
    values[-1] = values[0]
    at = np.linspace(knots[0], knots[-1], 301)
    there = CubicSpline(knots, values, bc_type="periodic")(at)
    np.testing.assert_allclose(closed(knots, values)(at), there, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_steady_curves_agree_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    knots, values = np.linspace(0.0, 2.0, 3 + seed), np.round(rng.normal(size=3 + seed), 1)
    at = np.linspace(0.0, 2.0, 301).reshape(7, 43)
    np.testing.assert_allclose(steady(knots, values)(at), PchipInterpolator(knots, values)(at), rtol=0.0, atol=1e-9)
