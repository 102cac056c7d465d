"""Twice the pixels from a hand's tremor: how fine, how true, how fast: python -m benchmarks.super_resolution.

Everything is simulated. Detail is judged twice: with bursts of `tests/tremor.py`, which are sampled exactly from light
on a grid sixteen times finer than the sensor's, and with bursts of the twin behind a perfect lens, whose truth is the
light of the same scene on a sensor of half the pitch. MTF50 is that of slanted edges, over that of such a sensor behind
diffraction. The peer is the robust merge of the same frames, developed alike and enlarged by Lanczos. `--speed` times
the development of 8 frames of 12.5 MP instead, `--folder` keeps them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from anylens import Burst, camera
from anylens.darkroom.stages.resolve import Resolve
from anylens.lab.charts import Edge
from anylens.lab.samples import Samples
from anylens.lab.sharpness import edges_sharpness
from anylens.refusal import Refusal
from benchmarks.burst import BLACK, OFFSET, SCALE, WHITE, frames, watched
from benchmarks.negatives import write_dng
from benchmarks.quality import edges
from benchmarks.report import save, table
from tests import tremor
from tests.tremor import as_seen, enlarged

Array = npt.NDArray[np.floating[Any]]

F_NUMBERS = (2.8, 4.0, 5.6)
SIDE, BORDER_PX = 144, 24
PITCH_UM, WAVE_UM = 3.2, 0.55
TWIN = "virtual:lens=ideal,distance=3,light=d65,lux=20000,seed=7"
LEAVES, EDGES = "dead-leaves,smallest_px={smallest}", "slanted-edges,columns=5"
SIZE = (384, 288)
BRIGHT, MARGIN_PX = 0.7, 128


def limit_cpp(f_number: float, turn_deg: float = 5.0) -> float:
    """MTF50 in cycles per pixel of a sensor of half the pitch behind a perfect lens, across an edge so turned."""
    f = np.linspace(1e-6, 0.8, 8001)
    s = np.minimum(f / (PITCH_UM / 2) * WAVE_UM * f_number, 1.0)
    lens = 2.0 / np.pi * (np.arccos(s) - s * np.sqrt(1.0 - s * s))
    turn = np.radians(turn_deg)
    return float(f[np.argmax(lens * np.sinc(f * np.cos(turn)) * np.sinc(f * np.sin(turn)) < 0.5)])


def resolved(burst: Burst) -> Array:
    """What is judged."""
    return as_seen(Resolve(reference=1)(burst))


def error_db(picture: Array, truth: Array, balance: Array) -> float:
    """PSNR of balanced light, one gain for each color fitted, a border left out."""
    inner = np.s_[:, BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    one, two = (each[inner] * balance[:, None, None] for each in (picture, truth))
    gain = (one * two).sum((1, 2)) / np.square(one).sum((1, 2))
    return float(-10.0 * np.log10(np.square(one * gain[:, None, None] - two).mean()))


def mtf50(picture: Array, given: tuple[Edge, ...]) -> tuple[float, float, int]:
    """Median MTF50 of the green plane's edges, largest overshoot among them, and how many could be measured."""
    try:
        found = edges_sharpness(Samples(picture[1].astype(np.float32)), given).edges
    except Refusal:
        return float("nan"), float("nan"), 0
    return (
        float(np.median([edge.mtf50_cpp.value for edge in found])),
        max(edge.overshoot for edge in found),
        len(found),
    )


def exact(f_number: float, count: int) -> dict[str, float]:
    """Leaves, sampled exactly."""
    burst, truth = tremor.burst(tremor.leaves(SIDE, SIDE), tremor.tremor(count, 6), f_number)
    balance = 1.0 / np.array(burst.reference.facts.as_shot_neutral)
    ours, theirs = (error_db(make(burst), truth, balance) for make in (resolved, enlarged))
    return {"dB": ours, "Lanczos dB": theirs}


def held(scene: str, f_number: float, count: int = 8) -> tuple[Burst, Array, tuple[Edge, ...]]:
    """A burst of the twin's, the light of the scene in twice the pixels with 128 around, and its edges there.

    The hand has already moved at the first frame, so that both are to be brought together.
    """
    text = f"{TWIN},aperture={f_number:g},scene="
    opened = camera.open(f"{text}{scene.format(smallest=1.5)},hand=tremor,detail=2,margin=64", size=SIZE)
    silicon, light = opened.silicon, opened.light.layers[0].rates  # type: ignore[attr-defined]
    exposure_s = min(BRIGHT * silicon.full_well_e / float(np.percentile(light[:, ::4, ::4], 99.8)), 1 / 200)
    taken = tuple(opened.capture([opened.shot(exposure_s, silicon.lowest_iso)] * count))  # type: ignore[attr-defined]
    opened.close()
    size = tuple(2 * side for side in SIZE)
    finer = camera.open(f"{text}{scene.format(smallest=3.0)},mode=50mp,margin={MARGIN_PX}", size=size)
    rates = finer.light.layers[0].rates  # type: ignore[attr-defined]
    marks = finer.light.truth.facts()["marks"]  # type: ignore[attr-defined]
    finer.close()
    return Burst(taken), rates * (4.0 * exposure_s / silicon.full_well_e), edges(marks, (0, 0))


def inside(light: Array, step: tuple[float, float] = (0.0, 0.0)) -> Array:
    """The light without what lies around, moved by a step (x, y) by its spectrum."""
    down, across = np.fft.fftfreq(light.shape[1])[:, None], np.fft.rfftfreq(light.shape[2])
    turned = np.fft.rfft2(light) * np.exp(2j * np.pi * (across * step[0] + down * step[1]))
    moved = np.fft.irfft2(turned, light.shape[1:])
    return np.asarray(moved[:, MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX])


def step_between(picture: Array, light: Array) -> tuple[float, float]:
    """(x, y) by which the light lies farther right and down, to a hundredth of a pixel."""
    step = (0.0, 0.0)
    window = cv2.createHanningWindow(picture.shape[:0:-1], cv2.CV_64F)
    for _ in range(4):
        (x, y), _ = cv2.phaseCorrelate(picture[1].astype(np.float64), inside(light, step)[1], window)
        step = step[0] + x, step[1] + y
    return step


def twin(f_number: float) -> dict[str, float]:
    """Leaves and slanted edges before the twin."""
    burst, light, _ = held(LEAVES, f_number)
    ours, theirs = resolved(burst), enlarged(burst)
    truth = inside(light, step_between(theirs, light))
    balance = 1.0 / np.array(burst.reference.facts.as_shot_neutral)
    found = {"dB": error_db(ours, truth, balance), "Lanczos dB": error_db(theirs, truth, balance)}
    burst, light, sides = held(EDGES, f_number)
    ours, theirs = resolved(burst), enlarged(burst)
    x, y = step_between(theirs, light)
    moved = tuple(
        Edge((side.start_px[0] - x, side.start_px[1] - y), (side.end_px[0] - x, side.end_px[1] - y), side.half_width_px)
        for side in sides
    )
    limit = limit_cpp(f_number)
    for name, picture, places in (("", ours, moved), ("Lanczos ", theirs, moved), ("truth ", inside(light), sides)):
        sharp, overshoot, count = mtf50(picture, places)
        found |= {f"{name}MTF50 of the limit": sharp / limit, f"{name}overshoot": overshoot, f"{name}edges": count}
    return found


def timed(folder: Path, out: Path) -> tuple[float, float]:
    """Seconds and peak MB of the whole process, the better of two runs."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for index, raw in enumerate(frames(8, 3072, 4080)):
            known: dict[str, Any] = {"noise": (SCALE, OFFSET) * 3, "exposure_s": 0.01, "iso": 100}
            write_dng(folder / f"{index:02d}.dng", raw, black=BLACK, white=WHITE, **known)
    runs = [watched(folder, out, "--merge", "super") for _ in range(2)]
    return min(runs)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.super_resolution", description=__doc__)
    parser.add_argument("--speed", action="store_true", help="measure time and memory instead")
    parser.add_argument("--folder", type=Path, help="where frames of an earlier run are, or go")
    asked = parser.parse_args()
    if asked.speed:
        with tempfile.TemporaryDirectory() as scratch:
            seconds, peak_mb = timed(asked.folder or Path(scratch) / "burst", Path(scratch) / "a.jpg")
        print(f"8 x 12.5 MP to a JPEG of 50 MP, whole process: {seconds:.2f} s, {peak_mb:.0f} MB")
        save("super_resolution_speed", {"seconds": seconds, "peak_mb": peak_mb}, {})
        return
    sampled = {f"{count} frames, f/{f:g}": exact(f, count) for f, count in ((2.8, 4), *((f, 8) for f in F_NUMBERS))}
    rows = [(name, f"{each['dB']:.2f}", f"{each['Lanczos dB']:.2f}") for name, each in sampled.items()]
    table("leaves, sampled exactly (simulated)", ("burst", "dB", "merged and Lanczos, dB"), rows)
    simulated = {f"f/{f:g}": twin(f) for f in F_NUMBERS}
    names = list(next(iter(simulated.values())))
    rows = [(name, *(f"{each[key]:.3f}" for key in names)) for name, each in simulated.items()]
    table("8 frames of the twin (simulated)", ("aperture", *names), rows)
    save("super_resolution", {"simulated": True, "exact": sampled, "twin": simulated, "camera": TWIN}, {})


if __name__ == "__main__":
    main()
