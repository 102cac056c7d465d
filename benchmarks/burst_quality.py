"""How near the robust merge comes to frames that never moved, in simulated bursts: python -m benchmarks.burst_quality.

The twin photographs its scenes with a trembling hand. The ideal is the mean of as many frames as the burst has, each of
them the reference with other noise; the truth is the mean of many more. What stays with the sensor (unequal pixels,
columns, hot pixels) is left out: it would be counted against frames that moved, whose mean is rid of it.

Under the colour filter the truth has the reference's own aliases: detail finer than its sites, in one phase. Frames at
rest repeat them, moved frames cancel them. So the same mosaics are also judged as pictures: demosaiced, against the
light of all three colours at every pixel.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens import Burst, Frame, camera
from anylens.darkroom.light import bayer_phase, by_site, gains_of
from anylens.darkroom.stages import Merge
from anylens.kernels.demosaic import demosaic
from anylens.lab.samples import Samples
from anylens.lab.sharpness import edges_sharpness
from anylens.twin.hand import hand
from anylens.twin.silicon import Chip, Exposure
from anylens.twin.silicon.sampling import Sampling
from benchmarks.pictures import PHOTOGRAPHS
from benchmarks.quality import WHITE, edges
from benchmarks.report import save, table

Array = npt.NDArray[np.floating[Any]]

CAMERA = "virtual:lens=summicron_50_f2_v5,aperture=4,distance=3,light=d65,hand=tremor,detail=2,seed=7"
SIZE = (576, 432)
HIGHEST_S = 1 / 200
ISOS = (100.0, 400.0, 1600.0, 6400.0)
COUNTS = (2, 4, 8, 15, 30)
FLAT, EDGES = "white-wall", "slanted-edges,columns=4"
TRUTH_FRAMES = 100
BORDER_PX, CORNER = 24, (0, 0)
BETWEEN_S = 1 / 30
TOE = 0.003


@dataclass(frozen=True, eq=False)
class Held:
    """A hand-held burst, the same count of frames that did not move, and the light of the reference without noise.

    `truth` is that light under the colour filter, `colors` in all colours at every pixel, white balanced.
    """

    frames: tuple[Frame, ...]
    at_rest: tuple[Frame, ...]
    truth: Array
    colors: Array
    truth_frames: int
    marks: Sequence[Any]


def held(scene: str, iso: float, count: int, size: tuple[int, int] = SIZE, truth_frames: int = TRUTH_FRAMES) -> Held:
    """A burst of a scene at an ISO, its brightest light at 70 % of what the sensor holds."""
    opened = camera.open(f"{CAMERA},scene={scene}", size=size)
    light, glass, setup = opened.light, opened.glass, opened.setup  # type: ignore[attr-defined]
    silicon = replace(
        opened.silicon,  # type: ignore[attr-defined]
        prnu=0.0,
        dsnu_e=0.0,
        column_e=0.0,
        telegraph_share=0.0,
        hot_share=0.0,
        dead_share=0.0,
    )
    highest = float(np.percentile(light.layers[0].rates[:, ::4, ::4], 99.8))
    exposure_s = min(WHITE * silicon.full_well_e / highest * silicon.lowest_iso / iso, HIGHEST_S)
    (shown,) = opened.capture([opened.shot(exposure_s, iso)])  # type: ignore[attr-defined]
    chip, moved = Chip(silicon), hand(setup.hand, setup.seed, setup.amplitude)

    asked = Exposure(
        shown.facts.exposure_s or exposure_s,
        shown.facts.gain or 1.0,
        hand=moved,
        scale_mm=glass.scale_mm,
        distance_m=setup.distance,
    )

    def seen(start_s: float, index: int) -> Frame:
        return replace(shown, raw=chip.expose(light, replace(asked, start_s=start_s, index=index)).raw)

    frames = tuple(seen(BETWEEN_S * index, index) for index in range(count))
    rest = tuple(seen(0.0, 1000 + index) for index in range(count))
    truth = np.zeros(shown.raw.shape)
    for index in range(truth_frames):
        truth += mosaic(seen(0.0, 2000 + index))
    truth /= truth_frames
    planes = []
    for color, gain in zip("RGB", gains_of(shown.facts.as_shot_neutral or (1.0, 1.0, 1.0)), strict=True):
        alone = replace(silicon, cfa=((color,),))
        sampling = Sampling(light, alone, asked)
        plane = sampling.rows(0, *truth.shape)
        own = np.tile(np.array(shown.facts.sensor.cfa) == color, (truth.shape[0] // 2, truth.shape[1] // 2))
        planes.append(plane * (gain * float((plane * truth)[own].sum() / np.square(plane[own]).sum())))
    marks = light.truth.facts()["marks"]
    opened.close()
    return Held(frames, rest, truth, np.stack(planes), truth_frames, marks)


def mosaic(*frames: Frame) -> Array:
    """The light of one frame under the colour filter, or of a burst merged onto its first."""
    return np.asarray(Merge(reference=1)(Burst(frames)).pixels)


def mean(frames: Sequence[Frame]) -> Array:
    """The mean of frames that did not move."""
    return np.asarray(np.mean([mosaic(frame) for frame in frames], axis=0))


def square(picture: Array, truth: Array) -> float:
    """Mean square of what is not the truth, a border left out."""
    inner = slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX)
    return float(np.square((picture - truth)[..., *inner]).mean())


def loss_db(burst: Held) -> float:
    """By how many dB merging is below the mean of frames that did not move; the truth's own noise is taken off."""
    own = square(mosaic(burst.frames[0]), burst.truth) / burst.truth_frames
    ours, ideal = (square(each, burst.truth) - own for each in (mosaic(*burst.frames), mean(burst.at_rest)))
    return float(10.0 * np.log10(ours / ideal))


def picture_loss_db(burst: Held) -> float:
    """The same of the pictures that demosaicing makes of both, against light of all colours; below 0 ours is nearer."""
    ours, ideal = (square(picture(burst, each), burst.colors) for each in (mosaic(*burst.frames), mean(burst.at_rest)))
    return float(10.0 * np.log10(ours / ideal))


def picture(burst: Held, light: Array) -> Array:
    """(3, H, W) of light under the colour filter."""
    facts = burst.frames[0].facts
    cells = np.array(light.shape) // 2
    gains = np.tile(by_site(facts.sensor.cfa, gains_of(facts.as_shot_neutral or (1.0, 1.0, 1.0))), cells)
    return np.asarray(demosaic((light * gains).astype(np.float32), *bayer_phase(facts.sensor.cfa), TOE))


def noise_over_limit(burst: Held) -> float:
    """Variance of a flat scene merged, over that of one frame divided by their number."""
    own = square(mosaic(burst.frames[0]), burst.truth) / burst.truth_frames
    one = square(mosaic(burst.frames[0]), burst.truth) - own
    return (square(mosaic(*burst.frames), burst.truth) - own) / one * len(burst.frames)


def mtf50_kept(burst: Held) -> float:
    """MTF50 of the merged green sites over that of the mean of frames that did not move, medians of all edges."""
    sites = ((False, True), (True, False))
    found = []
    for picture in (mosaic(*burst.frames), mean(burst.at_rest)):
        samples = Samples(picture.astype(np.float32), "G", sites)
        measured = edges_sharpness(samples, edges(burst.marks, CORNER)).edges
        found.append(float(np.median([edge.mtf50_cpp.value for edge in measured])))
    return found[0] / found[1]


def main() -> None:
    """Simulate, merge, judge; print the table, keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burst_quality", description=__doc__)
    parser.parse_args()
    photo = PHOTOGRAPHS / "book-beside-flowers.jpg"
    scenes = ["dead-leaves", *([f"photo,photo={photo}"] if photo.exists() else []), EDGES]
    losses: dict[str, dict[str, float]] = {}
    pictures: dict[str, dict[str, float]] = {}
    kept = {}
    for scene in scenes:
        name = scene.partition(",")[0]
        losses[name], pictures[name] = {}, {}
        for iso in ISOS:
            burst = held(scene, iso, 8)
            losses[name][f"ISO {iso:.0f}"], pictures[name][f"ISO {iso:.0f}"] = loss_db(burst), picture_loss_db(burst)
            if scene == EDGES:
                kept[f"ISO {iso:.0f}"] = mtf50_kept(burst)
    by_count = {
        f"{count} frames": {
            "loss_db": loss_db(held(scenes[-2], 1600.0, count)),
            "noise_over_limit": noise_over_limit(held(FLAT, 1600.0, count)),
        }
        for count in COUNTS
    }
    isos = [f"ISO {iso:.0f}" for iso in ISOS]
    for title, found in (("under the colour filter", losses), ("as pictures", pictures)):
        rows = [(name, *(f"{each[iso]:.2f}" for iso in isos)) for name, each in found.items()]
        table(f"8 frames {title}, dB below the mean of frames at rest (simulated)", ("scene", *isos), rows)
    table("MTF50 kept (simulated)", ("", *isos), [("slanted edges", *(f"{kept[iso]:.3f}" for iso in isos))])
    rows = [(name, f"{each['loss_db']:.2f}", f"{each['noise_over_limit']:.3f}") for name, each in by_count.items()]
    table("ISO 1600 (simulated)", ("burst", "photo, dB below", "flat, variance over 1/N"), rows)
    figures = {"loss_db": losses, "picture_loss_db": pictures, "by_count": by_count, "mtf50_kept": kept}
    save("burst_quality", {"simulated": True, "camera": CAMERA} | figures, {})


if __name__ == "__main__":
    main()
