"""Quad-Bayer at full resolution beside a Bayer sensor of the same pixels: python -m benchmarks.remosaic."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np

from anylens import Burst, Frame
from anylens.camera.virtual import open_virtual
from anylens.darkroom.light import bayer_phase, by_site, gains_of, noise_of
from anylens.darkroom.quad import as_bayer, middle_grey_snr
from anylens.darkroom.stages.merge import Merge
from anylens.kernels.demosaic import demosaic
from anylens.kernels.remosaic import BAYER, QUAD, remosaic
from anylens.sensor import bayer
from benchmarks.pictures import PHOTOGRAPHS, Array, encoded, fitted, lab, pictures, psnr, zipper
from benchmarks.report import save, table

TOE = 0.001
PHOTOGRAPH = PHOTOGRAPHS / "japanese-shop.jpg"
SCENES = ("dead-leaves", "siemens-star", *([f"photo,photo={PHOTOGRAPH}"] if PHOTOGRAPH.exists() else []))
APERTURES, ISOS = (2.0, 4.0, 5.6), (50, 400, 1600)


class Score(NamedTuple):
    """dB of the sRGB signals of a Bayer sensor, of quad-Bayer in full, and binned and enlarged; zippers in %."""

    native_db: float
    full_db: float
    binned_db: float
    native_zipper: float
    full_zipper: float


def seen(light: Array, pattern: Any) -> Array:
    """(H, W) of (3, H, W) under a filter of 4 x 4 colours, by number, in 16 bit."""
    height, width = light.shape[1:]
    colors = np.tile(np.reshape(pattern, (4, 4)), (height // 4, width // 4))
    return np.asarray(np.round(np.take_along_axis(light, colors[None], 0)[0] * 65535), np.uint16)


def of_a_picture(light: Array) -> Score:
    """Noise-free, every way by the same demosaicing, every channel fitted by one gain."""
    light = light[:, : light.shape[1] // 4 * 4, : light.shape[2] // 4 * 4]
    native, quad = seen(light, BAYER), seen(light, QUAD)
    full = np.empty(quad.shape, np.float32)
    noise = (1e-5,) * 3, (1e-6,) * 3
    remosaic((quad, ((0.0,),), ((1 / 65535,),)), (1.0, 1.0, 1.0), noise, (0, 0), TOE, full)
    binned = (quad[0::2, 0::2] / 4.0 + quad[0::2, 1::2] / 4.0 + quad[1::2, 0::2] / 4.0 + quad[1::2, 1::2] / 4.0) / 65535
    made = [demosaic(each.astype(np.float32), 0, 0, TOE) for each in (native / 65535, full, binned)]
    truth = fitted(light, light)
    results = [fitted(np.asarray(each, np.float64), light) for each in (*made[:2], enlarged(made[2]))]
    decibels = [psnr(encoded(each), encoded(truth)) for each in results]
    return Score(decibels[0], decibels[1], decibels[2], *(zipper(lab(each), lab(truth)) for each in results[:2]))


def enlarged(rgb: Any) -> Any:
    """Twice the width and height."""
    return np.stack([cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4) for p in rgb])


def of_the_twin(scene: str, aperture: float, iso: int) -> tuple[float, Score]:
    """Simulated: the phone's sensor, and one that differs in its filter alone, against the light behind the lens.

    Demosaiced and not denoised. Gives middle grey over the noise of a pixel, too.
    """
    text = f"lens=apo_lanthar_50_f2,scene={scene},mode=50mp,size=640x480"
    quad, native = (open_virtual(text, aperture=aperture) for _ in range(2))
    native.silicon = replace(native.silicon, cfa=bayer("RGGB"))
    margin = quad.light.margin_px
    truth = np.asarray(quad.light.layers[0].rates, np.float64)[:, margin:-margin, margin:-margin]
    shot = quad.shot(0.015 * 50 / iso, iso)
    (one,), (other,) = (list(camera.capture([shot])) for camera in (quad, native))
    made = [camera_rgb(each) for each in (other, as_bayer(one, "full"))]
    made.append(enlarged(camera_rgb(as_bayer(one, "binned"))))
    truth = truth * np.percentile(made[0][1], 99) / np.percentile(truth[1], 99)
    results, real = [fitted(np.asarray(each, np.float64), truth) for each in made], fitted(truth, truth)
    decibels = [psnr(encoded(each), encoded(real)) for each in results]
    marks = [zipper(lab(each), lab(real)) for each in results[:2]]
    return middle_grey_snr(one.facts), Score(decibels[0], decibels[1], decibels[2], *marks)


def camera_rgb(frame: Frame) -> Any:
    """The demosaiced light of a Bayer frame in the camera's own colours, balanced."""
    mosaic = Merge()(Burst((frame,)))
    gains = gains_of(frame.facts.as_shot_neutral or (1.0, 1.0, 1.0))
    height, width = mosaic.pixels.shape
    table = np.tile(by_site(frame.facts.sensor.cfa, gains), (height // 2, width // 2))
    toe = TOE + 3.0 * max(noise_of(replace(frame.facts, balance=gains)).offset) ** 0.5
    return demosaic(mosaic.pixels * table, *bayer_phase(frame.facts.sensor.cfa), toe)


def seconds_of(work: Callable[[], object]) -> float:
    """The median of five."""
    work()
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def main() -> None:
    """Both tables and the time for 50 MP."""
    raw = np.random.default_rng(0).integers(600, 4000, (6144, 8192), dtype=np.uint16)
    out = np.empty(raw.shape, np.float32)
    counts, noise = (raw, ((512.0,),), ((1 / 3583,),)), ((1e-3,) * 3, (1e-4,) * 3)
    seconds = seconds_of(lambda: remosaic(counts, (2.0, 1.0, 1.5), noise, (0, 0), 0.01, out))
    print(f"8192 x 6144: {seconds:.2f} s")
    scores = {name: of_a_picture(light) for name, light in pictures().items()}
    mean = Score(*np.mean([*scores.values()], axis=0).tolist())
    columns = ("", "Bayer dB", "full dB", "loss", "binned x 2 dB", "zipper %, Bayer", "full")
    table("Noise-free pictures", columns, [_row(n, s) for n, s in [*scores.items(), ("mean", mean)]])
    simulated = {}
    for scene in SCENES:
        for aperture in APERTURES:
            for iso in ISOS:
                snr, found = of_the_twin(scene, aperture, iso)
                name = f"{scene.split(',')[0]}, f/{aperture:g}, ISO {iso}"
                simulated[name] = {"snr": snr, **found._asdict()}
                print(".", end="", flush=True)
    rows = [_row(name, Score(*list(found.values())[1:])) for name, found in simulated.items()]
    table("Simulated, 1.6 um pixels, not denoised", columns, rows)
    kept = {name: score._asdict() for name, score in [*scores.items(), ("mean", mean)]}
    save("remosaic", {"seconds_50mp": seconds, "pictures": kept, "simulated": simulated}, {})


def _row(name: str, score: Score) -> tuple[str, ...]:
    loss = score.full_db - score.native_db
    figures = (score.native_db, score.full_db, loss, score.binned_db)
    return (name, *(f"{each:.2f}" for each in figures), f"{score.native_zipper:.1f}", f"{score.full_zipper:.1f}")


if __name__ == "__main__":
    main()
