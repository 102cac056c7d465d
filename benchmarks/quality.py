"""The same simulated raws through every developer, judged against the truth: python -m benchmarks.quality.

The twin photographs its scenes at three light levels; anylens, LibRaw and, where installed, RawTherapee and darktable
develop the DNGs with their default settings into 16-bit TIFF. Everything here is simulated light through simulated
glass; what is compared are real programs on the same files.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens import camera, color
from anylens.files import write
from anylens.files.finished import read_finished
from anylens.lab.charts import Edge
from anylens.lab.samples import Samples
from anylens.lab.sharpness import edges_sharpness
from anylens.refusal import Refusal
from benchmarks.develop import peers
from benchmarks.pictures import PHOTOGRAPHS, delta_e, encoded, kept_texture, psnr
from benchmarks.report import save, table

Array = npt.NDArray[np.float64]
Marks = Sequence[Mapping[str, Any]]

LEVELS = {"day, ISO 100": 100.0, "room, ISO 800": 800.0, "night, ISO 6400": 6400.0}
CAMERA = "virtual:lens=summicron_50_f2_v5,aperture=4,distance=3,light=d65,seed=7"
SIZE = (1536, 1152)
BORDER_PX = 16
WHITE = 0.7
LUMA = np.array([0.2126, 0.7152, 0.0722])
TEXTURE_CPP = (0.1, 0.35)
SHADOWS = (0.01, 0.1)

RAWPY = """
import sys, rawpy, tifffile
with rawpy.imread(sys.argv[1]) as raw:
    options = dict(demosaic_algorithm=rawpy.DemosaicAlgorithm.{}, use_camera_wb=True, output_bps=16)
    tifffile.imwrite(sys.argv[2], raw.postprocess(gamma=(2.4, 12.92), **options))
"""


@dataclass(frozen=True)
class Developer:
    """A program with its default settings, from a DNG to a 16-bit TIFF; `runs` is what must be on the path."""

    name: str
    command: Callable[[Path, Path], Sequence[str]]
    runs: str = sys.executable


def _rawpy(algorithm: str) -> Callable[[Path, Path], Sequence[str]]:
    return lambda source, out: [sys.executable, "-c", RAWPY.format(algorithm), str(source), str(out)]


def _rawtherapee(source: Path, out: Path) -> Sequence[str]:
    return ["rawtherapee-cli", "-d", "-t", "-b16", "-Y", "-o", str(out), "-c", str(source)]


def _darktable(source: Path, out: Path) -> Sequence[str]:
    settings = ["--disable-opencl", "--library", ":memory:", "--configdir", str(out.parent / "darktable")]
    return ["darktable-cli", str(source), str(out), "--core", *settings, "--conf", "plugins/imageio/format/tiff/bpp=16"]


DEVELOPERS = (
    Developer(
        "anylens", lambda source, out: [sys.executable, "-m", "anylens.app", "develop", str(source), "-o", str(out)]
    ),
    Developer("rawpy AHD", _rawpy("AHD")),
    Developer("rawpy DHT", _rawpy("DHT")),
    Developer("RawTherapee default", _rawtherapee, "rawtherapee-cli"),
    Developer("darktable default", _darktable, "darktable-cli"),
)


@dataclass(frozen=True)
class View:
    """One scene of the twin: its `truth` (3, H, W) in linear sRGB, 1 is white, and where everything lies in it."""

    name: str
    truth: Array
    marks: Marks


def shoot(scene: str, folder: Path) -> tuple[View, dict[str, Path]]:
    """A scene as DNGs at all light levels, exposed so that its light stops at 70 % of what the sensor holds."""
    with_scene = camera.open(f"{CAMERA},scene={scene}", size=SIZE)
    rates = with_scene.light.layers[0].rates  # type: ignore[attr-defined]
    highest = float(np.percentile(rates[:, ::4, ::4], 99.8))
    exposure_s = WHITE * with_scene.silicon.full_well_e / highest  # type: ignore[attr-defined]
    truth = with_scene.light.truth  # type: ignore[attr-defined]
    found = {}
    for level, iso in LEVELS.items():
        shot = with_scene.shot(exposure_s * with_scene.silicon.lowest_iso / iso, iso)  # type: ignore[attr-defined]
        (frame,) = with_scene.capture([shot])
        found[level] = folder / f"{scene.split(',', maxsplit=1)[0]}-{iso:.0f}.dng"
        write(frame, found[level])
    to_srgb = color.rgb_to_rgb("rec2020", "srgb")
    light = np.einsum("cd,dyx->cyx", to_srgb, truth.seen().astype(np.float64))
    view = View(scene.split(",", maxsplit=1)[0], light, truth.facts()["marks"])
    with_scene.close()
    return view, found


def developed(developer: Developer, source: Path, folder: Path) -> Array:
    """(3, H, W) linear sRGB of what a program makes of a raw; RuntimeError where it makes nothing."""
    out = folder / "out.tif"
    out.unlink(missing_ok=True)
    home = os.environ | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    done = subprocess.run(developer.command(source, out), capture_output=True, text=True, check=False, env=home)
    if done.returncode != 0 or not out.exists():
        raise RuntimeError(f"{developer.name} failed on {source.name}: {(done.stderr or done.stdout)[-300:]}")
    finished = read_finished(out)
    assert finished is not None
    to_srgb = np.linalg.inv(color.adaptation(color.xyz_from_xy(color.D65), color.PCS_D50) @ color.rgb_to_xyz("srgb"))
    return np.einsum("cd,dyx->cyx", to_srgb @ finished.to_xyz, finished.pixels.astype(np.float64))


def laid_over(picture: Array, view: View) -> tuple[Array, Array, tuple[int, int]]:
    """The picture and the truth where both are, a border left out, and (x, y) where that begins in the truth.

    Programs may cut a border off; where the picture lies in the truth is found by correlating them.
    """
    import cv2

    seen = [np.log2(np.maximum(np.tensordot(LUMA, each, 1), 1e-3)).astype(np.float32) for each in (picture, view.truth)]
    height, width = (min(a, b) for a, b in zip(seen[0].shape, seen[1].shape, strict=True))
    spare_y, spare_x = (b - a for a, b in zip(picture.shape[1:], view.truth.shape[1:], strict=True))
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(seen[0][:height, :width], seen[1][:height, :width], window)
    left, top = (
        round(shift) if 0 <= round(shift) <= max(spare, 0) else 0 for shift, spare in ((dx, spare_x), (dy, spare_y))
    )
    height, width = min(picture.shape[1], view.truth.shape[1] - top), min(picture.shape[2], view.truth.shape[2] - left)
    inner = slice(BORDER_PX, height - BORDER_PX), slice(BORDER_PX, width - BORDER_PX)
    there = view.truth[:, top : top + height, left : left + width]
    return picture[:, :height, :width][:, *inner], there[:, *inner], (left + BORDER_PX, top + BORDER_PX)


def without_tone(picture: Array, truth: Array) -> Array:
    """The picture with its tone curve taken off: one monotone curve from its luminance to the truth's, colours kept.

    The same fit for everybody, so that nobody gains or loses by a taste in contrast or brightness. It is made on
    means of 8 x 8 pixels, so that noise does not bend it.
    """
    from scipy.optimize import isotonic_regression

    def means(light: Array) -> Array:
        luma = np.tensordot(LUMA, light, 1)
        height, width = (side // 8 * 8 for side in luma.shape)
        return np.asarray(luma[:height, :width].reshape(height // 8, 8, width // 8, 8).mean((1, 3)).ravel())

    shown, real = means(picture), means(truth)
    order = np.argsort(shown)
    curve = isotonic_regression(real[order]).x
    knots = np.unique(np.linspace(0, len(order) - 1, 256).astype(int))
    window = max(1, len(order) // 512)
    x = np.array([shown[order][max(k - window, 0) : k + window + 1].mean() for k in knots])
    y = np.array([curve[max(k - window, 0) : k + window + 1].mean() for k in knots])
    x, first = np.unique(np.maximum.accumulate(x), return_index=True)
    y = np.maximum.accumulate(y[first])
    x, y = np.concatenate(([0.0], x)), np.concatenate(([0.0], y))
    luma = np.tensordot(LUMA, picture, 1)
    steep = (y[-1] - y[-2]) / max(x[-1] - x[-2], 1e-9)
    even = np.interp(luma, x, y) + np.maximum(luma - x[-1], 0.0) * max(steep, y[-1] / max(x[-1], 1e-9))
    return np.asarray(picture * (even / np.maximum(luma, 1e-6)), np.float64)


def edges(marks: Marks, corner: tuple[int, int]) -> tuple[Edge, ...]:
    """The sides of all squares, as far as they are usable, in the picture that begins at `corner` of the truth."""
    found = []
    for mark in marks:
        if mark["kind"] != "square":
            continue
        places = np.array(mark["observed_px"]["G"]) - corner
        for start, end in zip(places, np.roll(places, -1, 0), strict=True):
            along = end - start
            first, last = start + 0.15 * along, end - 0.15 * along
            found.append(
                Edge(tuple(map(float, first)), tuple(map(float, last)), min(0.3 * float(np.hypot(*along)), 24.0))
            )
    return tuple(found)


def sharpness(picture: Array, view: View, corner: tuple[int, int]) -> dict[str, float]:
    """MTF50 in cycles a pixel and overshoot in % of the step, medians over all edges.

    Also those that are uneven: where surfaces were denoised, next to no edge of a noisy picture is as even as they are.
    """
    luma = np.tensordot(LUMA, picture, 1).astype(np.float32)
    try:
        measured = edges_sharpness(Samples(luma), edges(view.marks, corner), uneven=True).edges
    except Refusal as error:
        print(f"no edge could be measured: {error}", flush=True)
        return {"mtf50_cpp": float("nan"), "overshoot_percent": float("nan")}
    return {
        "mtf50_cpp": float(np.median([edge.mtf50_cpp.value for edge in measured])),
        "overshoot_percent": 100.0 * float(np.median([edge.overshoot for edge in measured])),
    }


def shadow_noise(picture: Array, truth: Array, view: View, corner: tuple[int, int]) -> float:
    """Root mean square luma noise in % of the light of the patches 3 to 7 stops below white."""
    luma, real = np.tensordot(LUMA, picture, 1), np.tensordot(LUMA, truth, 1)
    found = []
    for mark in view.marks:
        places = np.array(mark["observed_px"]["G"]) - corner
        (left, top), (right, bottom) = places.min(0), places.max(0)
        inset = 0.2 * (right - left)
        part = slice(int(top + inset), int(bottom - inset)), slice(int(left + inset), int(right - inset))
        if min(luma[part].shape) >= 8 and SHADOWS[0] < real[part].mean() < SHADOWS[1]:
            found.append(luma[part].std() / luma[part].mean())
    return 100.0 * float(np.sqrt(np.mean(np.square(found))))


def halo(picture: Array, truth: Array, view: View, corner: tuple[int, int]) -> float:
    """How many stops the wall's light beside the window differs from that farther off.

    Columns are averaged before their median is taken: the few that the lens's own skirt brightens would move a median
    of noisy pixels, and a program that lets its shadows be noisy would seem to have a halo.
    """
    sky = next(mark for mark in view.marks if mark["name"] == "sky")
    places = np.array(sky["observed_px"]["G"]) - corner
    (_, top), (right, bottom) = places.min(0), places.max(0)
    rows = slice(int(top + 0.2 * (bottom - top)), int(top + 0.45 * (bottom - top)))
    shown, real = (np.maximum(np.tensordot(LUMA, each, 1)[rows].mean(0), 1e-5) for each in (picture, truth))
    away = np.log2(shown / real)
    wall = [float(np.median(away[int(right) + near : int(right) + far])) for near, far in ((4, 40), (80, 200))]
    return abs(wall[0] - wall[1])


def judged(view: View, picture: Array) -> dict[str, float]:
    """All that this view tells of a developed picture."""
    shown, truth, corner = laid_over(picture, view)
    even = without_tone(shown, truth)
    match view.name:
        case "slanted-edges":
            return sharpness(even, view, corner)
        case "noise-steps":
            return {"shadow_noise_percent": shadow_noise(even, truth, view, corner)}
        case "backlit":
            return {"halo_stops": halo(even, truth, view, corner)}
    told = {"psnr_db": psnr(encoded(even), encoded(truth)), "delta_e": delta_e(even, truth)}
    if view.name == "dead-leaves":
        told["texture_percent"] = 100.0 * kept_texture(even, truth, *TEXTURE_CPP)
    return told


def scenes() -> list[str]:
    """The views, each with its options."""
    photographs = [path for path in (PHOTOGRAPHS / f"{name}.jpg" for name in ("book-beside-flowers",)) if path.exists()]
    return [
        "dead-leaves",
        "color-checker",
        *(f"photo,photo={path}" for path in photographs),
        "slanted-edges,columns=6",
        "noise-steps",
        "backlit,stops=8",
    ]


COLUMNS = {
    "psnr_db": ("PSNR dB", "{:.2f}", max),
    "delta_e": ("dE2000", "{:.2f}", min),
    "mtf50_cpp": ("MTF50 c/px", "{:.3f}", max),
    "overshoot_percent": ("overshoot %", "{:.1f}", min),
    "shadow_noise_percent": ("shadow noise %", "{:.2f}", min),
    "texture_percent": ("texture kept %", "{:.1f}", max),
    "halo_stops": ("halo EV", "{:.3f}", min),
}


def show(level: str, told: dict[str, dict[str, float]]) -> None:
    """One light level's table; * is the best of a column."""
    best = {key: pick(means[key] for means in told.values()) for key, (_, _, pick) in COLUMNS.items()}
    rows = [
        (
            name,
            *(
                form.format(means[key]) + ("*" if means[key] == best[key] else " ")
                for key, (_, form, _) in COLUMNS.items()
            ),
        )
        for name, means in told.items()
    ]
    rows += [(f"{each.name}: absent",) + (None,) * len(COLUMNS) for each in DEVELOPERS if not shutil.which(each.runs)]
    table(f"Simulated, {level}", ("", *(f"{title} " for title, _, _ in COLUMNS.values())), rows)


def main() -> None:
    """Shoot, develop, judge; print the tables, keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", type=Path, help="a folder for every developed picture, tone as it came")
    keep = parser.parse_args().keep
    found = [developer for developer in DEVELOPERS if shutil.which(developer.runs)]
    told: dict[str, dict[str, dict[str, list[float]]]] = {level: {each.name: {} for each in found} for level in LEVELS}
    with tempfile.TemporaryDirectory(prefix="anylens-quality-") as name:
        folder = Path(name)
        for scene in scenes():
            view, raws = shoot(scene, folder)
            for level, source in raws.items():
                for developer in list(found):
                    try:
                        picture = developed(developer, source, folder)
                    except RuntimeError as error:
                        print(f"left out: {error}", flush=True)
                        found.remove(developer)
                        for each in told.values():
                            each.pop(developer.name, None)
                        continue
                    for key, value in judged(view, picture).items():
                        told[level][developer.name].setdefault(key, []).append(value)
                    if keep is not None:
                        keep.mkdir(parents=True, exist_ok=True)
                        shutil.copy(folder / "out.tif", keep / f"{source.stem}-{developer.name.replace(' ', '-')}.tif")
    means = {
        level: {name: {key: float(np.mean(values)) for key, values in of.items()} for name, of in each.items()}
        for level, each in told.items()
    }
    for level, each in means.items():
        show(level, each)
    save("quality", {"simulated": True, "camera": CAMERA, "levels": means}, peers())


if __name__ == "__main__":
    main()
