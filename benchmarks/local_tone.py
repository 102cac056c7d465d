"""Halos of local tone, and what it does to a backlit and a night scene: python -m benchmarks.local_tone [--out FOLDER].

Halos: a textured step of several stops, evened out by as many stops as the look asks for, by anylens, by the same
slopes on surroundings from a Gaussian blur, from a bilateral filter (Durand & Dorsey 2002), and by OpenCV's CLAHE. A
halo is how far the mean light within a tenth of the picture beside the edge strays from its plateau, in stops.
The scenes: the mural plate, a wall in the shade against the sky; three hand-held exposures of a phone, aligned and
joined in linear light; and the sun plate as if a sixteenth of its light had been there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import anylens
from anylens import color, darkroom
from anylens.darkroom.stages.scene import LocalTone
from anylens.files.bands import upright
from anylens.image import Scene
from anylens.kernels.local_tone import DARKEST, DEEPEST_EV, GREY_EV, SOFTNESS_EV
from anylens.sensor import bayer
from benchmarks.gallery import PLATES, RAWS, Bytes, labelled
from benchmarks.pictures import Array
from benchmarks.report import ROOT, save, table, versions

BRACKET = ROOT.parent / "shared" / "data" / "bracket_jpeg"
STEPS_EV = (2.0, 4.0, 6.0)
WIDE, TALL = 1200, 800
STRENGTHS = {"authentic": (0.1, 0.05), "vibrant": (0.3, 0.15), "strong": (0.6, 0.4)}
NIGHT_EV = -4.0


def scene_of(light: Array) -> Scene:
    """A Scene of linear Rec. 2020 (3, H, W)."""
    _, height, width = light.shape
    sensor = anylens.Sensor(name="drawn", width_px=width, height_px=height, cfa=bayer("RGGB"))
    facts = anylens.Facts.whole(sensor, balance=(1.0, 1.0, 1.0))
    return Scene(np.ascontiguousarray(light.astype(np.float32)), facts)


def step(stops: float, seed: int = 2) -> Array:
    """(H, W): a step of so many stops about middle grey, textured by half a stop, blurred by two pixels."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    texture = gaussian_filter(rng.normal(0.0, 1.0, (TALL, WIDE)), 2.0)
    edge = gaussian_filter(np.where(np.arange(WIDE) < WIDE // 2, -0.5, 0.5) * np.ones((TALL, 1)) * stops, (0.0, 1.0))
    return np.asarray(0.18 * 2.0 ** (edge + 0.25 * texture / texture.std()), np.float64)


def lifted(around_ev: Array, shadows: float, highlights: float) -> Array:
    """Stops that the look adds where the surroundings are so many stops over middle grey: as the kernel does."""
    held = np.maximum(around_ev, DEEPEST_EV)
    bend = np.sqrt(held * held + SOFTNESS_EV**2)
    soft = (highlights - shadows) * SOFTNESS_EV
    return np.asarray(((bend - held) * shadows - (bend + held) * highlights + soft) * 0.5, np.float64)


def ours(light: Array, shadows: float, highlights: float) -> Array:
    """anylens."""
    return LocalTone(shadows, highlights)(scene_of(np.tile(light, (3, 1, 1)))).pixels[0].astype(np.float64)


def by_surround(blur: Callable[[Array], Array]) -> Callable[[Array, float, float], Array]:
    """The same slopes on surroundings that `blur` finds in log light."""

    def even(light: Array, shadows: float, highlights: float) -> Array:
        stops = np.log2(np.maximum(light, DARKEST)) - GREY_EV
        return np.asarray(light * 2.0 ** lifted(blur(stops), shadows, highlights), np.float64)

    return even


def gaussian(stops: Array) -> Array:
    """As wide as ours."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(stops, 0.03 * WIDE), np.float64)


def bilateral(stops: Array) -> Array:
    """As wide as ours, 0.4 stops times 3.3 in range as Durand & Dorsey have it in log10."""
    import cv2

    small = cv2.resize(stops.astype(np.float32), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    wide = cv2.bilateralFilter(small, 0, 1.33, 0.03 * WIDE * 0.25)
    return np.asarray(cv2.resize(wide, stops.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float64)


def clahe(light: Array, shadows: float, _: float) -> Array:
    """OpenCV's contrast-limited histogram equalisation of the sRGB signal, 8 x 8 tiles, the limit grown by strength."""
    import cv2

    signal = np.round(color.srgb_encode(np.clip(light, 0.0, 1.0)) * 65535).astype(np.uint16)
    even = cv2.createCLAHE(1.0 + 2.0 * shadows, (8, 8)).apply(signal)
    return color.srgb_decode(even / 65535.0)


METHODS: dict[str, Callable[[Array, float, float], Array]] = {
    "anylens": ours,
    "bilateral surround": by_surround(bilateral),
    "Gaussian surround": by_surround(gaussian),
    "OpenCV CLAHE": clahe,
}


def halo_ev(light: Array, even: Array) -> float:
    """The largest stray from a plateau beside the edge, stops, either side; the drawn texture is divided out."""
    profile = np.log2(np.maximum(even, DARKEST)).mean(0) - np.log2(light).mean(0)
    middle, beside, clear = WIDE // 2, WIDE // 10, 6
    dark, bright = profile[middle - beside : middle - clear], profile[middle + clear : middle + beside]
    far_dark, far_bright = profile[WIDE // 8 : WIDE // 4].mean(), profile[-WIDE // 4 : -WIDE // 8].mean()
    return float(max(np.abs(dark - far_dark).max(), np.abs(bright - far_bright).max()))


def joined() -> Array:
    """(3, H, W) linear Rec. 2020 of the bracket, aligned, each pixel mostly from where it is neither dark nor clipped.

    The JPEGs are taken as sRGB, which a phone's tone curve is not quite; ratios of exposure are measured between them.
    """
    import cv2

    read = [cv2.imread(str(BRACKET / f"iphone{k}.jpg"))[..., ::-1] for k in (1, 2, 3)]
    small = [cv2.resize(one, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) for one in read]
    small.sort(key=lambda one: float(one.mean()))
    aligned = [np.ascontiguousarray(one) for one in small]
    cv2.createAlignMTB(6).process(small, aligned)
    signals = [one.astype(np.float64) / 255.0 for one in aligned]
    lights = [color.srgb_decode(one) for one in signals]
    total, weight, gain = np.zeros(lights[0].shape), np.zeros(lights[0].shape), 1.0
    for at in reversed(range(len(lights))):
        if at + 1 < len(lights):
            both = (signals[at] > 0.1) & (signals[at] < 0.85) & (signals[at + 1] > 0.1) & (signals[at + 1] < 0.85)
            gain *= float(np.median(lights[at + 1][both] / lights[at][both]))
        trust = np.clip(np.minimum(signals[at].min(2) / 0.15, (0.97 - signals[at].max(2)) / 0.15), 1e-3, 1.0)[..., None]
        total, weight = total + trust * lights[at] * gain, weight + trust
    light = (total / weight).transpose(2, 0, 1)
    return color.convert(color.rgb_to_rgb("srgb", "rec2020"), light / np.percentile(light, 97.0))


def night() -> Scene:
    """The sun plate as if a sixteenth of its light had been there, with the noise that belongs to so little."""
    frame = _frame("sun")
    scale, sensor, noise = 2.0**NIGHT_EV, frame.facts.sensor, frame.facts.sensor.noise
    assert noise is not None
    dim = anylens.Noise(
        tuple(value / scale for value in noise.scale), tuple(value / scale**2 for value in noise.offset), "twin"
    )
    white, rng = max(sensor.white), np.random.default_rng(4)
    light = frame.raw / white
    lacking = (dim.scale[0] - noise.scale[0]) * light + dim.offset[0] - noise.offset[0]
    grainy = np.where(light < 0.9, light + rng.normal(0.0, 1.0, light.shape) * np.sqrt(lacking), light)
    raw = np.clip(np.round(grainy * white), 0, white).astype(np.uint16)
    facts = replace(frame.facts, sensor=replace(sensor, noise=dim))
    scene = anylens.develop(anylens.Frame(raw, facts), until="scene")
    assert isinstance(scene, Scene)
    return Scene(scene.pixels * np.float32(scale), scene.facts)


def backlit() -> Scene:
    """The mural plate: a wall in the shade against the sky."""
    scene = anylens.develop(_frame("mural"), until="scene")
    assert isinstance(scene, Scene)
    return scene


def _frame(plate: str) -> anylens.Frame:
    frame = anylens.read(RAWS / PLATES[plate].file)
    assert isinstance(frame, anylens.Frame)
    return frame


def rendered(scene: Scene, look: str, local: bool) -> Bytes:
    """(H, W, 3), upright, with a look, with its local tone or without."""
    recipe = darkroom.look(look)
    if not local:
        for setting in ("LocalTone.shadows=0", "LocalTone.highlights=0"):
            recipe = darkroom.adjust(recipe, setting)
    kept = [stage for stage in recipe.scene if type(stage).__name__ not in ("Denoise", "Unbend")]
    photo: Any = anylens.develop(scene, replace(recipe, scene=tuple(kept)), bits=8)
    return np.ascontiguousarray(upright(photo.pixels, photo.facts.orientation).transpose(1, 2, 0))


def main(arguments: list[str] | None = None) -> None:
    """Measure halos, print the table, keep the figures; lay the sheet of both scenes where a folder is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.local_tone")
    parser.add_argument("--out", type=Path, help="a folder for the sheet of both scenes")
    out: Path | None = parser.parse_args(arguments).out
    found: dict[str, dict[str, float]] = {}
    for who, method in METHODS.items():
        for strength, slopes in STRENGTHS.items():
            for stops in STEPS_EV:
                light = step(stops)
                found.setdefault(who, {})[f"{strength}, {stops:g} EV"] = halo_ev(light, method(light, *slopes))
    cases = [*found["anylens"]]
    table("Halo beside a step, stops", ("", *cases), [(w, *(f"{of[c]:.2f}" for c in cases)) for w, of in found.items()])
    save("local_tone", {"halo_ev": found}, versions("opencv-python-headless"))
    if out is not None:
        import imagecodecs

        rows = []
        for scene in (backlit(), scene_of(joined()), night()):
            ways = {
                "none": ("none", True),
                "vibrant without local tone": ("vibrant", False),
                "vibrant": ("vibrant", True),
            }
            rows.append(labelled({name: rendered(scene, *way) for name, way in ways.items()}))
        widest = max(row.shape[1] for row in rows)
        page = np.concatenate([np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0))) for row in rows])
        out.mkdir(parents=True, exist_ok=True)
        (out / "light.jpg").write_bytes(imagecodecs.jpeg8_encode(page, level=84))


if __name__ == "__main__":
    main()
