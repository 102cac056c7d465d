"""A tilted adapter before the simulated camera: the lab finds its angles in frames through focus."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import anylens
from anylens.app.command_line import run
from anylens.camera.virtual import open_virtual
from anylens.lab.calibrate_chart import chart_fit
from anylens.lab.calibrate_mount import mount_of_chart
from anylens.lab.grids import Grid
from anylens.lens import read_passport
from anylens.refusal import Refusal
from anylens.shot import Shot
from anylens.twin.glass import Mounting, glass

RIGHT_DEG, DOWN_DEG = 0.6, -0.4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seven frames of a chart 3 m away, focused nearer and farther, behind a lens that is tilted."""
    made = tmp_path_factory.mktemp("tilt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(made))
        for at in range(7):
            camera = open_virtual(
                "sensor=full_frame_24mp,lens=ideal,scene=slanted-edges,columns=3,contrast=8,aperture=4,subject=3,"
                f"tilt={RIGHT_DEG}/{DOWN_DEG},size=320x240,margin=0,seed={at},distance={2.79 + 0.07 * at}"
            )
            (frame,) = camera.capture([Shot(1 / 250, 1.0)])
            camera.close()
            anylens.write(frame, made / f"focus-{at}.dng")
    return made


def test_a_tilted_adapter_is_told_from_the_files(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)
    files = sorted(str(file) for file in folder.glob("focus-*.dng"))
    plot = tmp_path / "tilt.svg"
    assert run(["lab", "tilt", *files, "--json", "--picture", str(plot)]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    found = result["tilt"]
    for name, true in (("about_y_deg", RIGHT_DEG), ("about_x_deg", DOWN_DEG)):
        value, error = found[name]["value"], found[name]["error"]
        assert error < 0.15
        assert value == pytest.approx(true, abs=max(0.04, 3.0 * error))
    assert "Best focus across" in plot.read_text()
    assert run(["lab", "tilt", *files[1:5]]) == 0
    assert "right side nearer to the lens" in capsys.readouterr().out


def test_edges_through_focus_put_the_tilt_into_the_passport(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)
    files, place = sorted(str(file) for file in folder.glob("focus-*.dng")), tmp_path / "p.toml"
    assert run(["lens", "calibrate", "ideal", "--edges", *files, "-o", str(place)]) == 0
    assert "lower, right side nearer to the lens, degrees" in capsys.readouterr().out
    passport = read_passport(place)
    (mount,), (psf,) = passport.mount, passport.psf
    assert mount.method == "edges"
    for value, error, true in zip(mount.tilt_deg, mount.tilt_deg_error, (DOWN_DEG, RIGHT_DEG), strict=True):
        assert value == pytest.approx(true, abs=max(0.04, 3.0 * error))
    assert psf.focus_m == pytest.approx(3.0, abs=0.08)  # the frame in focus tells the blur


@pytest.mark.parametrize("lens", ["biogon_35_f2_8_prewar", "nikkor_o_21_f4"])
def test_a_chart_tells_the_tilt_and_where_the_axis_meets_the_sensor(lens):
    """Points alone, as the simulated lens draws them on a tilted sensor; a tenth of a degree is a bad adapter's."""
    rng, away = np.random.default_rng(5), []
    for tilt_deg in ((0.0, 0.0), (0.05, -0.08), (-0.1, 0.03)):
        decentre_mm = tuple(rng.uniform(-0.3, 0.3, 2))
        mounted = glass(lens, Mounting(5.6, 1.0, 0.0, tilt_deg, decentre_mm))
        mount = mount_of_chart(chart_fit(board(mounted, rng), 1024, 768), 12.8, "2026-05-31")
        right, down = tilt_deg
        for value, error, true in zip(mount.tilt_deg, mount.tilt_deg_error, (down, right), strict=True):
            away.append((value - true) / error)
            assert value == pytest.approx(true, abs=0.02 + 0.25 * abs(true))
            assert error < 0.02 + 0.25 * abs(true)
        for value, error, true in zip(mount.decentre_mm, mount.decentre_mm_error, decentre_mm, strict=True):
            away.append((value - true) / error)
    assert np.mean(np.abs(away) < 2.0) > 0.8


def board(mounted, rng):
    """Six views of one board larger than the picture, their points with 0.01 px of noise."""
    j, i = np.mgrid[1:14, 1:19]
    chart = np.stack([i.ravel(), j.ravel()], axis=1).astype(float)
    flat = np.column_stack([(chart - (9.5, 7.0)) * 1.1, np.zeros(len(chart))])
    middle, away, grids = np.array([511.5, 383.5]), np.array([0.0, 0.0, mounted.scale_mm]), []
    for turn in ((25, 0, 0), (-25, 0, 10), (0, 25, 0), (0, -25, -10), (18, 18, 90), (-18, 18, 180)):
        at = Rotation.from_euler("yxz", turn, degrees=True).apply(flat) + away
        seen = mounted.observed(mounted.scale_mm * at[:, :2] / at[:, 2:], 546.1) / 12.8e-3 + middle
        seen += 0.01 * rng.standard_normal(seen.shape)
        inside = (np.abs(seen - middle) < (506, 378)).all(axis=1)
        grids.append(Grid("charuco", "G", seen[inside], np.full(int(inside.sum()), 0.01), chart[inside]))
    return grids


def test_frames_that_do_not_tell_a_tilt_are_refused(folder, capsys, monkeypatch):
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)
    files = sorted(str(file) for file in folder.glob("focus-*.dng"))
    assert run(["lab", "tilt", *files[:3]]) != 0
    assert "4 are the least" in capsys.readouterr().err
    assert run(["lab", "tilt", *files, "--focus", "1,2,3"]) != 0
    assert "3 numbers for 7 files" in capsys.readouterr().err
    assert run(["lab", "tilt", *files, "--focus", "inf,1,2,3,4,5,6"]) != 0
    assert "a number that no focus has" in capsys.readouterr().err
    assert run(["lab", "tilt", *files, "--distance", ",".join(["0.1"] * 7)]) != 0
    assert "cannot be focused at 0.1 m" in capsys.readouterr().err


def test_no_subject_stands_behind_the_camera():
    with pytest.raises(Refusal, match="above 0"):
        open_virtual("scene=slanted-edges,subject=-1")
