"""The simulated ColorChecker, found and judged by the lab from a simulated raw."""

from __future__ import annotations

import numpy as np
import pytest

from anylens.camera.virtual import open_virtual
from anylens.lab import of_image
from anylens.lab.calibrate_files import Given
from anylens.lab.calibrate_views import chart_view
from anylens.lab.color import color_measure
from anylens.refusal import Refusal
from anylens.shot import Shot


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("light")))
        camera = open_virtual("lens=ideal,scene=color-checker,aperture=5.6,distance=2,size=480x320,seed=2")
        (frame,) = camera.capture([Shot(1.0 / 30.0, 2.0)])
        camera.close()
    return of_image(frame, "chart.dng")


@pytest.fixture(scope="module")
def measure(raw):
    return color_measure(raw, "d65")


def test_the_chart_stands_upright_in_the_middle(measure) -> None:
    corners = measure.checker.corners_px
    assert corners[0][0] < corners[1][0]
    assert corners[0][1] < corners[3][1]
    assert np.abs(corners.mean(axis=0) - (239.5, 159.5)).max() < 2.0
    assert measure.checker.error_px < 0.5


def test_the_cameras_own_matrices_keep_the_colours(measure) -> None:
    assert measure.even_mean_delta_e.value < 2.0
    assert abs(measure.white_mired.value) < 3.0


def test_fitted_matrices_hold_for_patches_that_they_have_not_seen(measure) -> None:
    assert measure.fit.crossed_delta_e.value < 2.0


def test_it_is_not_taken_for_a_chart_of_distortion(raw) -> None:
    with pytest.raises(Refusal, match=r"chart\.dng shows a ColorChecker"):
        chart_view(raw, Given())
