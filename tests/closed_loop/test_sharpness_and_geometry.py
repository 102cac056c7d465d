"""Charts before the simulated camera, found and measured by the lab from simulated raws."""

from __future__ import annotations

import numpy as np
import pytest

from anylens.camera.virtual import open_virtual
from anylens.lab import of_image
from anylens.lab.charts import find_star
from anylens.lab.geometry import distortion, lateral_color
from anylens.lab.grids import find_grid, measured_again
from anylens.lab.sharpness import edges_sharpness
from anylens.lab.star import star_sharpness
from anylens.shot import Shot

SIZE = "512x384"


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """A scene before a perfect lens at f/8, as the lab sees it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("light")))

        def take(scene):
            camera = open_virtual(f"lens=ideal,scene={scene},aperture=8,distance=3,size={SIZE},seed=3")
            (frame,) = camera.capture([Shot(1.0 / 30.0, 1.0)])
            camera.close()
            return of_image(frame, "chart.dng")

        yield take


def of_a_perfect_lens(f_number, pitch_um, light_um):
    """MTF50 of diffraction and a square pixel across an edge turned by 5 degrees, in cycles per pixel."""
    f = np.linspace(1e-6, 0.8, 8001)
    s = np.minimum(f / pitch_um * light_um * f_number, 1.0)
    lens = 2.0 / np.pi * (np.arccos(s) - s * np.sqrt(1.0 - s * s))
    turn = np.radians(5.0)
    return float(f[np.argmax(lens * np.sinc(f * np.cos(turn)) * np.sinc(f * np.sin(turn)) < 0.5)])


@pytest.fixture(scope="module")
def edges(taken):
    return edges_sharpness(taken("slanted-edges,columns=3,contrast=8").samples("G"))


def test_edges_are_as_sharp_as_diffraction_and_pixels_let_them_be(edges) -> None:
    found = np.array([edge.mtf50_cpp.value for edge in edges.edges])
    assert len(found) >= 20
    assert np.mean(found) == pytest.approx(of_a_perfect_lens(8.0, 3.2, 0.54), rel=0.03)
    assert np.std(found) < 1.6 * np.mean([edge.mtf50_cpp.error for edge in edges.edges])


def test_star_and_edges_agree(taken, edges) -> None:
    samples = taken("siemens-star,cycles=48").samples("G")
    chart = find_star(samples)
    assert chart.cycles == 48
    found = star_sharpness(samples, chart)
    assert found.mtf50_cpp.value == pytest.approx(np.mean([e.mtf50_cpp.value for e in edges.edges]), rel=0.05)


@pytest.mark.parametrize("scene", ["distortion-grid,columns=12", "charuco-grid,squares_x=8,squares_y=6"])
def test_a_lens_without_distortion_shows_none(taken, scene) -> None:
    seen = taken(scene)
    green = seen.samples("G")
    grid = find_grid(green)
    assert grid.kind == ("dots" if scene.startswith("dist") else "charuco")
    found = distortion(green, [grid])
    assert found.residual_px < 0.05
    assert np.hypot(*(found.observed_px - found.ideal_px).T).max() < 0.15
    red = lateral_color(green, grid, measured_again(seen.samples("R"), grid))
    assert abs(red.corner_px.value) < max(0.03, 3.0 * red.corner_px.error)
