"""A simulated lens that bends lines, its passport from its design, and the lab's judgement of what is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anylens.camera.virtual import open_virtual
from anylens.darkroom import default_recipe, develop
from anylens.lab import of_image
from anylens.lab.geometry import distortion
from anylens.lab.grids import find_grid
from anylens.lens import Lens, Passport
from anylens.lens.passport import Geometry
from anylens.shot import Shot
from tests.sections import section


def by_design(glass, reach_mm: float) -> Geometry:
    """The passport's polynomial through the chief rays of a lens."""
    radius = np.linspace(0.2, reach_mm, 40)
    seen = glass.observed(np.stack([radius, np.zeros_like(radius)], -1), 546.1)[:, 0]
    powers = (radius[:, None] / glass.focal_mm) ** np.array([2, 4, 6])
    terms, *_ = np.linalg.lstsq(powers, seen / radius - 1.0, rcond=None)
    left = powers @ terms - (seen / radius - 1.0)
    return section(
        Geometry,
        float("inf"),
        residual=float(np.sqrt(np.mean((left * radius) ** 2)) * 1000),
        focal_mm=glass.focal_mm,
        radial=tuple(map(float, terms)),
        reach_mm=reach_mm,
    )


def test_a_fifth_of_the_distortion_is_left_at_most(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    setup = "lens=biogon_35_f2_8_prewar,mode=720p-fast,scene=distortion-grid,columns=16,aperture=8,distance=3,seed=3"
    camera = open_virtual(setup)
    (frame,) = camera.capture([Shot(1.0 / 30.0, 1.0)])
    geometry = by_design(camera.glass, 7.5)
    camera.close()
    passport = Passport(Lens("Zeiss", "Biogon"), frame.facts.body.name, (geometry,))
    frame = replace(frame, facts=replace(frame.facts, passport=passport))

    def bend(choice) -> tuple[float, float]:
        """The distortion in the corner in %, and the largest in the field, px, as the lab finds it from the dots."""
        green = of_image(develop(frame, default_recipe(), until="scene", passport=choice), "grid").samples("G")
        found = distortion(green, [find_grid(green)])
        return found.corner_percent.value, float(np.hypot(*(found.observed_px - found.ideal_px).T).max())

    (before, before_px), (after, after_px) = bend("none"), bend("find")
    assert before > 0.1
    assert before_px > 0.6
    assert abs(after) < abs(before) / 5
    assert after_px < before_px / 5 + 0.1  # the lab's own noise is in both


def test_light_is_moved_smoothly_from_place_to_place(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a blur moves aside is drawn without steps, though the picture is blurred window by window."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    setup = "lens=nikkor_o_21_f4,mode=720p-fast,scene=charuco-grid,aperture=5.6,distance=3,seed=3"
    camera = open_virtual(setup)
    (frame,) = camera.capture([Shot(1.0 / 30.0, 1.0)])
    marks = camera.light.truth.facts()["marks"]
    camera.close()
    true = np.concatenate([np.array(mark["observed_px"]["G"]).reshape(-1, 2) for mark in marks])
    found = find_grid(of_image(frame, "chart").samples("G")).points_px
    near = np.hypot(*(found[:, None] - true).transpose(2, 0, 1)).argmin(axis=1)
    x, y = (true[near] / (640.0, 360.0) - 1.0).T
    smooth = np.stack([x**i * y**j for i in range(6) for j in range(6 - i)], axis=1)
    off = found - true[near]
    left = off - smooth @ np.linalg.lstsq(smooth, off, rcond=None)[0]
    assert len(found) > 150
    assert np.sqrt(np.mean(left**2)) < 0.015
