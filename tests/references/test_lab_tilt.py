"""Edges through focus whose bells of sharpness are known: is the plane of best focus the one that was put in?"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from anylens.lab.figure import Figure
from anylens.lab.through_focus import tilt
from anylens.refusal import Refusal

PITCH_UM, SHAPE = 3.2, (1500, 2000)


def readings(rng, right_deg, down_deg, focus_um, flat=False):
    """Edges at 6 x 5 places whose 1 / MTF50^2 is a leaning parabola about a tilted, curved and astigmatic field."""
    noise, lean = 0.01, 0.004
    places = [(x, y) for y in np.linspace(100, 1400, 5) for x in np.linspace(100, 1900, 6)]
    found = []
    for focus in focus_um:
        edges = []
        for px, py in places:
            x, y = (px - 999.5) * PITCH_UM * 1e-3, (py - 749.5) * PITCH_UM * 1e-3
            r2 = (x * x + y * y) / (1250 * PITCH_UM * 1e-3) ** 2
            for angle_deg, off in ((95.0, abs(x)), (5.0, abs(y))):
                off_deg = np.degrees(np.arccos(off / max(np.hypot(x, y), 1e-9)))
                best = 1e3 * (np.tan(np.radians(right_deg)) * x + np.tan(np.radians(down_deg)) * y)
                u = focus - best + 6.0 * r2 + 4.0 * r2 * np.cos(2 * np.radians(off_deg))
                y2 = 12.0 + 2.0 * r2 + (0.0 if flat else 0.06 * u**2 * (1.0 + lean * u))
                value = y2**-0.5 * (1.0 + noise * rng.standard_normal())
                edges.append(
                    SimpleNamespace(
                        place_px=(px, py),
                        angle_deg=angle_deg,
                        off_radius_deg=off_deg,
                        length_px=60.0,
                        mtf50_cpp=Figure(value, noise * value),
                    )
                )
        found.append((float(focus), SimpleNamespace(edges=edges)))
    return found


def test_a_tilt_is_told_though_best_focus_lies_beyond_the_frames_at_the_rim():
    rng, away = np.random.default_rng(1), []
    for right_deg, down_deg in rng.uniform(-0.8, 0.8, (12, 2)):
        found = tilt(readings(rng, right_deg, down_deg, np.linspace(-30, 30, 7)), SHAPE, PITCH_UM)
        for figure, true in ((found.about_y_deg, right_deg), (found.about_x_deg, down_deg)):
            assert figure.value == pytest.approx(true, abs=0.02)
            away.append((figure.value - true) / figure.error)
    assert np.mean(np.abs(away) < 2.0) >= 0.8


def test_frames_that_may_be_stretched_together_make_the_error_grow_with_the_tilt():
    rng = np.random.default_rng(2)
    plain, stretched = (
        tilt(readings(rng, 0.5, 0.0, np.linspace(-30, 30, 7)), SHAPE, PITCH_UM, stretch) for stretch in (0.0, 0.05)
    )
    assert stretched.about_y_deg.error == pytest.approx(0.025, rel=0.3)
    assert plain.about_y_deg.error < 0.01
    assert stretched.about_x_deg.error < 0.01


def test_edges_that_do_not_change_with_focus_tell_no_tilt():
    with pytest.raises(Refusal, match="5 that span the picture"):
        tilt(readings(np.random.default_rng(3), 0.1, 0.1, np.linspace(-30, 30, 7), flat=True), SHAPE, PITCH_UM)
