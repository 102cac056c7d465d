"""Fits the network of `kernels/remosaic`: python -m benchmarks.fit_remosaic FILE.npz SECONDS [START.npz].

Needs jax, which nothing else here does. The pictures it learns from are raws, brackets and stacks of the folder
`shared` beside the checkout, averaged down, and dead leaves painted here; none is among those of `benchmarks.pictures`
that `benchmarks.remosaic` judges by. Their licences are MIT or Apache-2.0 (gopro/gpr, AdarshRevankar/Exposure-Fusion,
PetteriAimonen/focus-stack). The judge of each crop is the logarithm of its mean square, so that easy crops
and hard ones weigh alike; two of five crops have noise, and the truth has none.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import imagecodecs
import numpy as np

import anylens
from anylens import color
from anylens.darkroom.light import bayer_phase
from anylens.darkroom.stages import default_recipe
from anylens.image import Mosaic
from anylens.kernels.demosaic import demosaic
from anylens.kernels.remosaic import BAYER, FEATURES, QUAD
from benchmarks.pictures import Array, dead_leaves, halved
from benchmarks.report import ROOT

DATA = ROOT.parent / "shared" / "data"
CELLS, CROPS, LEAVES = 24, 24, 40
TOE, NOISES = 0.001, (0.002, 0.005, 0.01, 0.02, 0.04)
FASTEST = 2e-3
WANTED = BAYER[:, None] == np.arange(3)
GIVEN = QUAD[:, None] == np.arange(3)
MISSING = BAYER != QUAD


def photographs() -> Iterator[Array]:
    """(3, H, W) linear light that no demosaicing is seen in any more, and the same at half the size."""
    for name in ("GoPro_Hero6_GOPR0024", "GoPro_Fusion_GPFR7066"):
        mosaic = anylens.develop(anylens.read(DATA / "raw" / f"{name}.dng"), until="mosaic")
        assert isinstance(mosaic, Mosaic)
        for stage in default_recipe().mosaic[:3]:
            mosaic = stage(mosaic)
        yield halved(demosaic(mosaic.pixels, *bayer_phase(mosaic.facts.sensor.cfa), TOE).astype(np.float64), 3)
    places = [(f"bracket_jpeg/iphone{k}.jpg", 3) for k in (1, 2, 3)]
    places += [(f"focus_stack/{name}.jpg", 2) for name in ("pcb_001", "pcb_004", "expected_by_focus-stack")]
    for place, times in places:
        signal = imagecodecs.imread(DATA / place)[..., :3].transpose(2, 0, 1) / 255.0
        yield halved(color.srgb_decode(signal), times)


def roots() -> tuple[list[Array], Array]:
    """Square roots of pictures, and how often each is looked at: photographs three times in four."""
    whole = [np.clip(light / np.percentile(light, 99.8), 0.0, 1.0) for light in photographs()]
    whole += [halved(light, 2) for light in whole]
    rng = np.random.default_rng(1)
    tints = (np.clip(rng.random() + 0.3 * rng.normal(size=(3, 64)), 0.01, 1.0) for _ in range(LEAVES))
    leaves = [dead_leaves(color.srgb_decode(each), 192, seed) for seed, each in enumerate(tints)]
    often = np.repeat((0.75 / len(whole), 0.25 / len(leaves)), (len(whole), len(leaves)))
    return [np.sqrt(light + TOE) for light in (*whole, *leaves)], often


def crops(pictures: list[Array], often: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """(n, CELLS, CELLS, 16) what a quad-Bayer sensor sees and what a Bayer sensor would, the busiest of three each."""
    size = 4 * CELLS
    seen, wanted = [], []
    for _ in range(CROPS):
        picture = pictures[rng.choice(len(pictures), p=often)]
        found = []
        for _ in range(3):
            top, left = (int(rng.integers(side - size + 1)) for side in picture.shape[1:])
            found.append(picture[:, top : top + size, left : left + size])
        crop = max(found, key=lambda each: float(np.abs(np.diff(each[1], axis=1)).mean()))
        crop = crop[:: rng.choice((-1, 1)), :: rng.choice((-1, 1)), :: rng.choice((-1, 1))]
        crop = crop if rng.random() < 0.5 else crop.transpose(0, 2, 1)
        crop = crop * np.sqrt(rng.uniform(0.3, 1.2) * rng.uniform(0.8, 1.25, (3, 1, 1)))
        quad, bayer = (np.take_along_axis(crop, _tiled(pattern), 0)[0] for pattern in (QUAD, BAYER))
        if rng.random() < 0.4:
            quad = quad + rng.normal(size=quad.shape) * rng.choice(NOISES)
        seen.append(_in_cells(quad))
        wanted.append(_in_cells(bayer))
    return np.float32(seen), np.float32(wanted)


def _tiled(pattern: Any) -> Any:
    return np.tile(np.reshape(pattern, (4, 4)), (CELLS, CELLS))[None]


def _in_cells(mosaic: Array) -> Array:
    return mosaic.reshape(CELLS, 4, CELLS, 4).transpose(0, 2, 1, 3).reshape(CELLS, CELLS, 16)


def held(taps: Any, answer: Any, numpy: Any) -> Any:
    """The taps (144, n) nearest to these that answer flat colour, R, G and B, with `answer` (3, n)."""
    given = numpy.tile(numpy.asarray(GIVEN, taps.dtype), (9, 1))
    off = answer - given.T @ taps
    return taps + given @ (off / given.sum(0)[:, None])


def layers(taps: dict[str, Any], numpy: Any) -> dict[str, Any]:
    """What the kernel takes: its linear part keeps flat colour, the rest does not see it, right pixels stay."""
    stay = numpy.asarray(~MISSING, taps["linear"].dtype)
    itself = numpy.concatenate([numpy.zeros((64, 16)), numpy.diag(stay), numpy.zeros((64, 16))])
    linear = held(taps["linear"], numpy.asarray(WANTED.T, taps["linear"].dtype), numpy) * (1 - stay) + itself
    first = held(taps["first"], numpy.zeros((3, FEATURES)), numpy)
    return {"linear": linear, "first": first, "second": taps["second"], "last": taps["last"] * (1 - stay)}


def estimate(jax: Any, taps: dict[str, Any], cells: Any) -> Any:
    """As the kernel does it, without the two cells at each border."""
    numpy = jax.numpy

    def answers(what: Any, rows: Any) -> Any:
        height, width = what.shape[1] - 2, what.shape[2] - 2
        around = [what[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
        return numpy.concatenate(around, -1) @ rows

    known = layers(taps, numpy)
    first = jax.nn.relu(answers(cells, known["first"]))
    second = jax.nn.relu(answers(first, known["second"]))
    return answers(second, known["last"]) + answers(cells[:, 2:-2, 2:-2], known["linear"])


def fit(seconds: float, start: dict[str, Any]) -> dict[str, Any]:
    """Adam (Kingma & Ba 2015) with a rate that falls along a cosine."""
    jax = importlib.import_module("jax")
    numpy, tree = jax.numpy, jax.tree.map

    def loss(taps: Any, seen: Any, wanted: Any) -> Any:
        error = (estimate(jax, taps, seen) - wanted[:, 3:-3, 3:-3])[..., MISSING]
        return numpy.log((error * error).mean((1, 2, 3)) + 1e-6).mean()

    @jax.jit
    def step(taps: Any, mean: Any, square: Any, seen: Any, wanted: Any, at: Any, rate: Any) -> Any:
        value, slope = jax.value_and_grad(loss)(taps, seen, wanted)
        mean = tree(lambda m, g: 0.9 * m + 0.1 * g, mean, slope)
        square = tree(lambda s, g: 0.99 * s + 0.01 * g * g, square, slope)
        mean_of, square_of = 1 - 0.9**at, 1 - 0.99**at
        move = partial(tree, lambda t, m, s: t - rate * (m / mean_of) / (numpy.sqrt(s / square_of) + 1e-8))
        return move(taps, mean, square), mean, square, value

    rng, (pictures, often) = np.random.default_rng(0), roots()
    taps = {name: numpy.asarray(each) for name, each in start.items()}
    mean, square = tree(numpy.zeros_like, taps), tree(numpy.zeros_like, taps)
    begun, at = time.monotonic(), 0
    while (part := (time.monotonic() - begun) / seconds) < 1.0:
        at += 1
        rate = FASTEST * min(1.0, at / 100) * 0.5 * (1 + np.cos(np.pi * part))
        taps, mean, square, value = step(taps, mean, square, *crops(pictures, often, rng), float(at), rate)
        if at % 200 == 0:
            print(f"{at} steps, {-4.343 * float(value):.2f} dB", flush=True)
    return {name: np.asarray(each, np.float32) for name, each in layers(taps, np).items()}


def by_chance() -> dict[str, Any]:
    """Taps to begin with."""
    rng = np.random.default_rng(2)
    shapes = {"linear": (144, 16), "first": (144, FEATURES), "second": (9 * FEATURES, FEATURES)}
    taps = {name: rng.normal(0, (2 / rows) ** 0.5, (rows, n)) for name, (rows, n) in shapes.items()}
    taps["last"] = rng.normal(0, 0.1 * (9 * FEATURES) ** -0.5, (9 * FEATURES, 16))
    return {name: np.float32(each) for name, each in taps.items()}


def main() -> None:
    """The command line."""
    place, seconds = sys.argv[1], float(sys.argv[2])
    start = dict(np.load(sys.argv[3])) if len(sys.argv) > 3 else by_chance()
    np.savez_compressed(place, **fit(seconds, start))


if __name__ == "__main__":
    main()
