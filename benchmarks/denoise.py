"""Demosaicing and denoising of simulated noise beside LibRaw DHT with OpenCV's non-local means.

python -m benchmarks.denoise. Truth: noise-free pictures, seen by a camera that gets less of red and blue than of green,
as real ones do. Noise: Poisson of the electrons and 3 electrons of reading. Ours is `develop(frame, until="scene")`,
every stage with its default taste, the noise profile in the facts. The peer gets the mosaic balanced, as LibRaw
balances before it demosaics, and the strength, and the ratio of chroma to luma strength, that score best over these
very pictures.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import anylens
from anylens import color
from anylens.darkroom import default_recipe
from anylens.sensor import bayer
from benchmarks.demosaicers import libraw
from benchmarks.pictures import Array, dead_leaves, delta_e, encoded, kept_texture, mosaic, pictures, psnr
from benchmarks.report import save, table, versions

ELECTRONS_AT_WHITE = {800: 4400.0, 3200: 1100.0, 12800: 275.0}
READ_NOISE = 3.0
BLACK, EXPOSED = 1024, 0.9
NEUTRAL = np.reshape((0.5, 1.0, 0.62), (3, 1, 1))
"""What grey looks like to the camera: usual for daylight."""

PHOTOGRAPHIC = (
    "astronaut",
    "chelsea",
    "coffee",
    "stereo_motorcycle",
    "book-beside-flowers",
    "cat_sofa_4640x3472",
    "japanese-shop",
    "portrait",
    "tanners_ridge",
)
HIGH, WIDE, BORDER = 512, 640, 8
STRENGTHS = {800: (1, 1.5, 2, 3, 5), 3200: (2, 3, 4, 6, 9), 12800: (4, 6, 8, 11, 16)}
ROUNDS = 5
CHROMA_RATIOS = (0.35, 0.6, 1.0, 1.7)
BANDS = {"coarse, 0.02–0.1 c/px": (0.02, 0.1), "middle, 0.1–0.2 c/px": (0.1, 0.2), "fine, 0.2–0.35 c/px": (0.2, 0.35)}


class Score(NamedTuple):
    """Gamma-space PSNR and mean CIEDE2000 against the truth."""

    gamma_db: float
    delta_e: float


def exposed(picture: Array, iso: int, seed: int) -> npt.NDArray[np.uint16]:
    """Counts of an RGGB sensor that sees the picture: green's white at 0.9 of sensor white, black at 1024."""
    rng = np.random.default_rng(seed)
    white = ELECTRONS_AT_WHITE[iso]
    electrons = rng.poisson(mosaic(picture * NEUTRAL) * white) + rng.normal(0.0, READ_NOISE, picture.shape[1:])
    return np.clip(np.round(BLACK + electrons / white * EXPOSED * (65535 - BLACK)), 0, 65535).astype(np.uint16)


def noise_profile(iso: int) -> tuple[float, float]:
    """Scale and offset of the noise as DNG has it, sensor white being 1."""
    white = ELECTRONS_AT_WHITE[iso]
    return EXPOSED / white, (EXPOSED * READ_NOISE / white) ** 2


def ours(counts: npt.NDArray[np.uint16], iso: int, *left_out: str) -> Array:
    """anylens until the scene, back in linear sRGB; the mosaic and scene stages named last are left out."""
    height, width = counts.shape
    scale, offset = noise_profile(iso)
    sensor = anylens.Sensor(
        name="simulated",
        width_px=width,
        height_px=height,
        cfa=bayer("RGGB"),
        black=((float(BLACK),),),
        noise=anylens.Noise((scale,), (offset,), "twin"),
    )
    facts = anylens.Facts.whole(sensor, as_shot_neutral=tuple(NEUTRAL.flat))
    recipe = default_recipe()
    mosaic_stages = tuple(stage for stage in recipe.mosaic if type(stage).__name__ not in left_out)
    scene_stages = tuple(stage for stage in recipe.scene if type(stage).__name__ not in left_out)
    if left_out:
        recipe = replace(recipe, mosaic=mosaic_stages, scene=scene_stages)
    scene = anylens.develop(anylens.Frame(counts, facts), recipe, until="scene")
    assert isinstance(scene, anylens.Scene)
    return color.convert(color.rgb_to_rgb("rec2020", "srgb"), scene.pixels) / EXPOSED


def dht(counts: npt.NDArray[np.uint16], pedestal: int) -> Array:
    """LibRaw DHT; the black level taken off by LibRaw, or by us after demosaicing where `pedestal` is left on."""
    balanced = BLACK + (counts - float(BLACK)) / mosaic(np.broadcast_to(NEUTRAL, (3, *counts.shape)))
    light = (balanced - (0 if pedestal else BLACK)) / (65535 - (0 if pedestal else BLACK))
    rgb = libraw("DHT", black=0 if pedestal else BLACK)(light)
    if pedestal:
        rgb = (rgb * 65535 - pedestal) / (65535 - pedestal)
    return rgb / EXPOSED


def non_local_means(light: Array, luma: float, chroma: float) -> Array:
    """OpenCV's fastNlMeansDenoisingColored on the 8-bit sRGB signal, blocks of 7 in windows of 21."""
    import cv2

    signal = np.ascontiguousarray(np.round(encoded(light) * 255.0).astype(np.uint8).transpose(1, 2, 0)[..., ::-1])
    clean = cv2.fastNlMeansDenoisingColored(signal, None, luma, chroma, 7, 21)
    return color.srgb_decode(clean[..., ::-1].transpose(2, 0, 1) / 255.0)


def score(estimate: Array, truth: Array) -> Score:
    """Both figures, the border left out."""
    inner = (slice(None), slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    return Score(psnr(encoded(estimate[inner]), encoded(truth[inner])), delta_e(estimate[inner], truth[inner]))


def mean(scores: dict[str, Score]) -> Score:
    """The mean of each figure."""
    return Score(*np.mean([*scores.values()], axis=0).tolist())


class Peer(NamedTuple):
    """The peer at its best at one ISO."""

    pedestal: int
    luma: float
    chroma: float
    scores: dict[str, Score]
    least_delta_e: float


def best_peer(counts: dict[str, npt.NDArray[np.uint16]], truths: dict[str, Array], iso: int) -> Peer:
    """The best luma strength first, then the best ratio at it and beside it, by mean PSNR; also the least CIEDE2000."""
    starts = {pedestal: {name: dht(raw, pedestal) for name, raw in counts.items()} for pedestal in (0, BLACK)}
    tried: dict[tuple[int, float, float], dict[str, Score]] = {}

    def rate(pedestal: int, luma: float, ratio: float) -> float:
        key = (pedestal, float(luma), float(luma * ratio))
        if key not in tried:
            tried[key] = {
                name: score(non_local_means(light, *key[1:]), truths[name]) for name, light in starts[pedestal].items()
            }
            print(".", end="", file=sys.stderr, flush=True)
        return mean(tried[key]).gamma_db

    middle = STRENGTHS[iso][len(STRENGTHS[iso]) // 2]
    pedestal = max(starts, key=lambda which: rate(which, middle, 1.0))
    luma = max(STRENGTHS[iso], key=lambda strength: rate(pedestal, strength, 1.0))
    ratio = max(CHROMA_RATIOS, key=lambda share: rate(pedestal, luma, share))
    luma = max(STRENGTHS[iso], key=lambda strength: rate(pedestal, strength, ratio))
    best = (pedestal, float(luma), float(luma * ratio))
    return Peer(*best, tried[best], min(mean(scores).delta_e for scores in tried.values()))


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare_times(picture: Array, iso: int, peer: Peer) -> tuple[float, float, float]:
    """Median seconds of ours, of the peer's demosaicing and of its denoising, warm and in turns."""
    raw = exposed(picture, iso, 1)
    light = dht(raw, peer.pedestal)
    works = (
        lambda: ours(raw, iso),
        lambda: dht(raw, peer.pedestal),
        lambda: non_local_means(light, peer.luma, peer.chroma),
    )
    times = [[timed(work) for work in works] for _ in range(ROUNDS + 1)][1:]
    own, demosaicing, denoising = (statistics.median(column) for column in zip(*times, strict=True))
    return own, demosaicing, denoising


def kept_of(leaves: Array, iso: int, peer: Peer) -> dict[str, tuple[list[float], Score]]:
    """Of dead leaves: the shares of texture kept, by band, and the score, of everybody."""
    raw = exposed(leaves, iso, 99)
    light = dht(raw, peer.pedestal)
    seen = {
        "anylens": ours(raw, iso),
        "LibRaw DHT + non-local means": non_local_means(light, peer.luma, peer.chroma),
        "LibRaw DHT alone": light,
    }
    return {
        name: ([kept_texture(of, leaves, *band) for band in BANDS.values()], score(of, leaves))
        for name, of in seen.items()
    }


def main() -> None:
    """Score both at every ISO, print the tables, keep the figures."""
    warnings.simplefilter("ignore")
    known = pictures()
    truths = {name: known[name][:, :HIGH, :WIDE] for name in PHOTOGRAPHIC if name in known}
    leaves = {
        "any colour": dead_leaves(),
        "colours of photographs": dead_leaves(np.concatenate([truth.reshape(3, -1) for truth in truths.values()], 1)),
    }
    largest = max(known.values(), key=lambda picture: picture[0].size)
    rows: list[tuple[str | None, ...]] = []
    textures: list[tuple[str | None, ...]] = []
    by_picture: list[tuple[str, ...]] = []
    kept: dict[str, Any] = {}
    for iso in ELECTRONS_AT_WHITE:
        counts = {name: exposed(truth, iso, at) for at, (name, truth) in enumerate(truths.items())}
        own = {name: score(ours(raw, iso), truths[name]) for name, raw in counts.items()}
        peer = best_peer(counts, truths, iso)
        undone = mean({name: score(dht(raw, peer.pedestal), truths[name]) for name, raw in counts.items()})
        without = {
            stage: mean({name: score(ours(raw, iso, stage), truths[name]) for name, raw in counts.items()})
            for stage in ("Defects", "Denoise")
        }
        mine, theirs = mean(own), mean(peer.scores)
        own_s, demosaic_s, denoise_s = compare_times(largest, iso, peer)
        ratio = (demosaic_s + denoise_s) / own_s
        rows += [
            (f"ISO {iso}  anylens", f"{mine.gamma_db:.2f}", f"{mine.delta_e:.2f}", None, f"{own_s * 1e3:.0f}"),
            *((f"  anylens without {stage}", *_two(figures)) for stage, figures in without.items()),
            (
                "  LibRaw DHT + non-local means",
                f"{theirs.gamma_db:.2f}",
                f"{theirs.delta_e:.2f}",
                f"{peer.least_delta_e:.2f}",
                f"{(demosaic_s + denoise_s) * 1e3:.0f}",
                f"{ratio:.1f}×",
                f"{peer.luma:g}, {peer.chroma:g}",
            ),
            ("  LibRaw DHT alone", f"{undone.gamma_db:.2f}", f"{undone.delta_e:.2f}", None, f"{demosaic_s * 1e3:.0f}"),
        ]
        texture = {colors: kept_of(truth, iso, peer) for colors, truth in leaves.items()}
        for colors, by_name in texture.items():
            textures.append((f"ISO {iso}, {colors}", *[None] * 5))
            textures += [
                (f"  {name}", *(f"{100 * share:.0f} %" for share in shares), *_two(figures))
                for name, (shares, figures) in by_name.items()
            ]
        by_picture += [(f"ISO {iso}  {name}", *_two(own[name]), *_two(peer.scores[name])) for name in truths]
        kept[f"ISO {iso}"] = {
            "anylens": mine._asdict() | {"seconds": own_s},
            "peer": theirs._asdict()
            | {"least_delta_e": peer.least_delta_e, "luma": peer.luma, "chroma": peer.chroma}
            | {"pedestal": peer.pedestal, "demosaic_s": demosaic_s, "denoise_s": denoise_s},
            "time_ratio": ratio,
            "without": {stage: figures._asdict() for stage, figures in without.items()},
            "dead_leaves": texture,
            "by_picture": {name: {"anylens": own[name], "peer": peer.scores[name]} for name in truths},
        }
    filled = [(*row, *[None] * (7 - len(row))) for row in rows]
    size = f"{largest[0].size / 1e6:.1f} MP"
    columns = ("", "gamma dB", "ΔE 2000", "its least ΔE", f"ms, {size}", "time/ours", "best h, h colour")
    table(f"Denoising, mean of {len(truths)} pictures", columns, filled)
    table("Dead leaves: share of the truth's texture", ("", *BANDS, "gamma dB", "ΔE 2000"), textures)
    table("By picture", ("", "ours dB", "ours ΔE", "peer dB", "peer ΔE"), by_picture)
    save("denoise", kept, versions("rawpy", "opencv-python-headless", "scikit-image"))


def _two(figures: Score) -> tuple[str, str]:
    return f"{figures.gamma_db:.2f}", f"{figures.delta_e:.2f}"


if __name__ == "__main__":
    main()
