"""A tilted adapter before the simulated camera: the lab finds its angles in frames through focus."""

from __future__ import annotations

import json

import pytest

import anylens
from anylens.app.command_line import run
from anylens.camera.virtual import open_virtual
from anylens.refusal import Refusal
from anylens.shot import Shot

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
        assert error < 0.1
        assert value == pytest.approx(true, abs=max(0.04, 3.0 * error))
    assert "Best focus across" in plot.read_text()
    assert run(["lab", "tilt", *files[1:5]]) == 0
    assert "right side nearer to the lens" in capsys.readouterr().out


def test_frames_that_do_not_tell_a_tilt_are_refused(folder, capsys, monkeypatch):
    monkeypatch.setattr("anylens.app.voice.quiet_libraries", lambda: None)
    files = sorted(str(file) for file in folder.glob("focus-*.dng"))
    assert run(["lab", "tilt", *files[:3]]) != 0
    assert "4 are the least" in capsys.readouterr().err
    assert run(["lab", "tilt", *files, "--focus", "1,2,3"]) != 0
    assert "3 numbers for 7 files" in capsys.readouterr().err
    assert run(["lab", "tilt", *files, "--focus", "inf,1,2,3,4,5,6"]) != 0
    assert "no such number" in capsys.readouterr().err
    assert run(["lab", "tilt", *files, "--distance", ",".join(["0.1"] * 7)]) != 0
    assert "cannot be focused at 0.1 m" in capsys.readouterr().err


def test_no_subject_stands_behind_the_camera():
    with pytest.raises(Refusal, match="above 0"):
        open_virtual("scene=slanted-edges,subject=-1")
