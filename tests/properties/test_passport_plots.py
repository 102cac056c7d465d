"""A passport's plots show what it knows, in its own figures, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from anylens.lab.figure import evenly
from anylens.lab.report.passport_plots import SETTINGS, passport_plots
from anylens.lens import Lens, Passport
from anylens.lens.passport import ColorShading, Geometry, Lateral, Vignetting
from tests.sections import section

GEOMETRY = section(Geometry, focal_mm=50.0, focal_mm_error=0.1, radial=(-0.5, 0.0, 0.0),
                   radial_error=(0.05, 0.0, 0.0), reach_mm=10.0)  # fmt: skip
VIGNETTING = section(Vignetting, 0.01, f_number=2.0, radial=(-0.5, 0.0, 0.0), reach_mm=10.0)
LATERAL = section(Lateral, 1e-5, f_number=2.0, focus_m=3.0, red=(1e-4, 0.0, 0.0), blue=(-2e-4, 0.0, 0.0),
                  blue_error=(float("inf"),) * 3, reach_mm=10.0)  # fmt: skip
COLOR = section(ColorShading, 0.01, half_width_mm=8.0, half_height_mm=6.0, red_green=((0.9, 0.9), (0.9, 0.9)),
                blue_green=((1.1, 1.0), (1.0, 1.1)))  # fmt: skip
WHOLE = Passport(Lens("", "Helios 44-2"), "a body", (GEOMETRY,), (VIGNETTING,), (COLOR,), (LATERAL,))


def test_each_section_has_its_plot_and_a_missing_one_none() -> None:
    titles = [each.title for each in passport_plots(WHOLE)]
    assert titles == [
        "Distortion along the radius",
        "Falloff along the radius",
        "Light over the field, f/2, % of the middle",
        "Lateral colour, f/2, 3 m",
        "Red over green, off the middle",
        "Blue over green, off the middle",
    ]
    assert passport_plots(replace(WHOLE, geometry=(), vignetting=(), color=(), lateral=())) == []


def test_what_is_said_is_what_the_passport_says_outermost() -> None:
    distortion, falloff, _, lateral, red, _ = (each.says for each in passport_plots(WHOLE))
    assert "-2 outermost" in distortion  # 100 * -0.5 * (10 / 50)^2 per cent
    assert "-1 outermost" in falloff  # half the light is one EV
    assert "red +1.00 µm, blue -2.00 µm outermost" in lateral  # 1e-4 of 10 mm
    assert "-10.0 to -10.0 %" in red


def test_a_band_stands_about_its_line_by_the_standard_error() -> None:
    body = passport_plots(WHOLE)[0].body
    band, line = (re.search(f'<{kind}[^>]*points="([^"]*)"', body) for kind in ("polygon", "polyline"))
    assert band is not None
    assert line is not None
    rim, middle = (np.array([[float(x) for x in p.split(",")] for p in each.group(1).split()]) for each in (band, line))
    upper, lower = rim[: len(rim) // 2, 1], rim[len(rim) // 2 :, 1][::-1]
    assert np.allclose((upper + lower) / 2, middle[:, 1], atol=0.11)
    fall = middle[-1, 1] - middle[0, 1]
    assert (lower[-1] - upper[-1]) / 2 == pytest.approx(fall * 0.05 / 0.5, abs=0.2)


def test_an_error_that_nobody_knows_draws_no_band_and_breaks_nothing() -> None:
    assert "nan" not in passport_plots(WHOLE)[3].body
    assert "inf" not in passport_plots(WHOLE)[3].body


def test_many_apertures_are_shown_by_those_at_both_ends_and_some_between() -> None:
    stops = (1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0)
    many = replace(WHOLE, vignetting=tuple(replace(VIGNETTING, f_number=each) for each in stops))
    body = passport_plots(many)[1].body
    assert body.count("<polyline") == len(SETTINGS)
    assert ">f/1.4<" in body
    assert ">f/11<" in body


def test_terms_of_even_places_go_together_as_a_fit_to_them_says() -> None:
    rng = np.random.default_rng(1)
    radius = np.sqrt(rng.uniform(0.0, 1.0, 200_000))
    design = radius[:, None] ** np.array([1, 3, 5])
    covariance = np.linalg.inv(design.T @ design)
    size = np.sqrt(np.diag(covariance))
    assert np.allclose(evenly((1, 3, 5)), covariance / np.outer(size, size), atol=0.01)
