"""How far what `Restore` gives back stays below the best linear filters: python -m benchmarks.wiener [--fresh] [LENS].

Grey patches of photographs, blurred by what the lens truly does to each colour at three places of the field and given
the noise of ISO 100, and 16 times its variance, are restored by the passport that slanted edges tell: as pictures are,
sampled by the colour filter, demosaiced and denoised first, and as light of three colours that no filter has sampled.
Of light the bound is Wiener's filter of 1949, which knows the true blur, the noise and the patch's own power, smoothed
over neighbouring waves or of each wave alone, which no filter could know of a picture that it has not seen. Of pictures
it is the best linear filter for a patch by its own spectra, smoothed alike, and for the other patches by theirs, which
is what can be known of a picture beforehand. PSNR is that of luma, white 1, the mean over all patches in decibels,
wherever a patch as a whole may lie. Beside it stand MTF50 of Wiener's filter, the median of all directions, for light
of the mean power of all patches. With `--fresh` the patches are of pictures on which nothing was tuned. Simulated.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from anylens import darkroom
from anylens.camera.virtual import open_virtual
from anylens.darkroom.light import MIDDLE_GREY, noise_of, scene_matrix
from anylens.darkroom.stages.demosaic import Demosaic
from anylens.darkroom.stages.scene import Denoise, Restore
from anylens.frame import Facts
from anylens.image import Mosaic
from anylens.kernels.restore import restore
from anylens.kernels.restore_filters import SPACING, points
from anylens.kernels.sharpen import LUMA
from anylens.twin.glass import Mounting
from anylens.twin.light import Formation
from anylens.twin.spectra import source
from anylens.twin.spreading import Spreads
from benchmarks.pictures import LUMA as REC_709
from benchmarks.pictures import PHOTOGRAPHS as PHOTOGRAPHS_FOLDER
from benchmarks.pictures import averaged, pictures
from benchmarks.report import save, table, versions
from benchmarks.restore import F_NUMBER, LENSES, shot

Floats = npt.NDArray[np.float64]
PHOTOGRAPHS = (
    "astronaut", "coffee", "rocket", "stereo_motorcycle", "book-beside-flowers", "cat_sofa_4640x3472",
    "japanese-shop", "tanners_ridge",
)  # fmt: skip
FRESH = (
    "bracket_jpeg/iphone1.jpg", "burst_hdrplus_jpeg/frame-000.jpg", "focus_stack/expected_by_focus-stack.jpg"
)  # fmt: skip
PLACES = {"middle": 0.0, "half way": 0.5, "corner": 0.94}
"""Parts of the way from the middle to the lower right corner."""
NOISE = {"ISO 100": 1.0, "16 x its noise": 16.0}
SIDE, AROUND = 160, 40
BRIGHTEST = 0.8
STEPS = 6
WAYS = 24
SMOOTH = 3
"""Waves to each side over which a patch's power is smoothed."""


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What is known of a lens: the facts of its developed raw, its passport among them, and its true blur."""

    facts: Facts
    blur: Spreads

    def transfers(self, part: float, size: int) -> npt.NDArray[np.complex128]:
        """(3, size, size): what the lens alone does to waves of the camera's colours at a part of the way to the
        corner, 0 first."""
        sensor = self.facts.sensor
        assert sensor.pitch_um is not None
        x_mm, y_mm = (part * side * sensor.pitch_um / 2000 for side in (sensor.width_px, sensor.height_px))
        kernels, fine = self.blur.at(x_mm, y_mm), self.blur.fine
        places = (np.arange(kernels.shape[-1]) - kernels.shape[-1] // 2 + (fine - 1) / 2) / fine
        turns = np.fft.fftfreq(size)
        # A kernel has a pixel's average over its samples in it, which photographs have already.
        wave = np.exp(-2j * np.pi * turns[:, None] * places) / (np.cos(np.pi * turns / fine) ** (fine - 1))[:, None]
        return np.asarray(wave @ kernels @ wave.T)


def taken(lens: str) -> Taken:
    """A raw of slanted edges with its own passport, developed as far as its facts, and the lens's kernels."""
    camera = open_virtual(f"lens={lens},scene=slanted-edges,aperture={F_NUMBER:g},distance=3,seed=3")
    silicon, setup = camera.silicon, camera.setup
    mounting, light = Mounting(F_NUMBER, setup.distance), source(setup.light)
    way = Formation(camera.glass, mounting, silicon, light, setup.margin, kept=True)
    frame, _ = shot(lens)
    recipe = darkroom.adjust(darkroom.default_recipe(), "Restore.strength=0")
    return Taken(darkroom.develop(frame, recipe, until="scene").facts, way.spreads(setup.distance))


def patches(fresh: bool) -> tuple[Floats, ...]:
    """Squares of photographs that are rich in detail, with some of what lies around them."""
    if fresh:
        return tuple(each for name in FRESH for each in richest(averaged(PHOTOGRAPHS_FOLDER.parent / name), 2))
    return tuple(each for name, light in pictures().items() if name in PHOTOGRAPHS for each in richest(light, 1))


def richest(light: Floats, count: int) -> list[Floats]:
    """The squares of a picture (3, H, W) that are richest in detail and do not overlap."""
    whole = SIDE + 2 * AROUND
    luma = np.pad(np.einsum("c,cyx->yx", REC_709, light), AROUND, mode="reflect")
    rough = np.hypot(*np.gradient(luma))
    places = [
        (rough[y + AROUND : y + AROUND + SIDE, x + AROUND : x + AROUND + SIDE].mean(), y, x)
        for y in range(0, luma.shape[0] - whole + 1, 32)
        for x in range(0, luma.shape[1] - whole + 1, 32)
    ]
    chosen: list[tuple[int, int]] = []
    for _, y, x in sorted(places, reverse=True):
        if len(chosen) < count and all(max(abs(y - top), abs(x - left)) >= SIDE for top, left in chosen):
            chosen.append((y, x))
    squares = [luma[y : y + whole, x : x + whole] for y, x in chosen]
    return [np.clip(each * (BRIGHTEST / np.percentile(each, 99.9)), 0.0, BRIGHTEST) for each in squares]


def power_of(patch: Floats) -> tuple[Floats, Floats]:
    """The power of each wave of a patch, and smoothed over neighbouring waves; that of the mean aside."""
    own = np.abs(np.fft.fft2(patch - patch.mean())) ** 2 / patch.size
    return own, np.maximum(smoothed(own).real, 1e-12)


def smoothed(waves: Any) -> Any:
    """(H, W): the mean of neighbouring waves."""
    near = np.exp(-0.5 * (np.fft.fftfreq(len(waves), 1.0 / len(waves)) / SMOOTH) ** 2)
    near /= near.sum()
    return np.fft.ifft2(np.fft.fft2(waves) * np.fft.fft2(near[:, None] * near))


def spectra(picture: Floats, patch: Floats, moved: Any) -> Any:
    """(2, H, W), smoothed: what of a picture's waves is the true patch's, and their power; their ratio errs least.

    `moved` (H, W) are waves that lie where the pictures' do, since what lies aside would be smoothed away.
    """
    seen, true = (np.fft.fft2(each - each.mean()) for each in (picture, patch))
    return np.stack([smoothed(true * np.conj(seen) * moved) * np.conj(moved), smoothed(np.abs(seen) ** 2)])


def wiener(blur: npt.NDArray[np.complex128], power: Floats, noise: float) -> npt.NDArray[np.complex128]:
    """(..., H, W): the filter of least mean error."""
    return np.asarray(np.conj(blur) * power / (np.abs(blur) ** 2 * power + noise))


def error_of(found: Floats, true: Floats) -> float:
    """The mean squared error within, wherever the picture as a whole may lie: moved by Gauss and Newton's steps."""
    inner = slice(AROUND, AROUND + SIDE)
    down, right = 2j * np.pi * np.fft.fftfreq(len(found))[:, None], 2j * np.pi * np.fft.rfftfreq(len(found))
    waves, away = scipy.fft.rfft2(found), np.zeros(2)
    for _ in range(STEPS):
        waves = waves * np.exp(down * away[0]) * np.exp(right * away[1])
        planes = np.stack([waves, waves * down, waves * right])
        moved, *along = (each[inner, inner].ravel() for each in scipy.fft.irfft2(planes))
        left = true[inner, inner].ravel() - moved
        slopes = np.stack(along)
        away = np.linalg.solve(slopes @ slopes.T, slopes @ left)
    return float(np.mean(left**2))


def developed(light: Floats, facts: Facts) -> npt.NDArray[np.float32]:
    """(3, H, W), linear Rec. 2020: light of the camera's colours (3, H, W), sampled by the colour filter."""
    _, height, width = light.shape
    colors = np.array([["RGB".index(letter) for letter in row] for row in facts.sensor.cfa])
    which = np.tile(colors, (height // len(colors), width // len(colors)))
    raw = np.take_along_axis(light, which[None], axis=0)[0].astype(np.float32)
    whole = (0.0, 0.0, float(width), float(height))
    mosaic = Mosaic(raw, replace(facts, active_area=(0, 0, height, width), crop=whole))
    return np.asarray(Denoise()(Demosaic()(mosaic)).pixels)


def measured(lens: Taken, part: float, times: float, true: tuple[Floats, ...]) -> dict[str, dict[str, float]]:
    """PSNR, dB, of patches as pictures and as light: as drawn, as restored, and of two bounds each."""
    whole, sensor = SIDE + 2 * AROUND, lens.facts.sensor
    shape = sensor.height_px, sensor.width_px
    assert sensor.noise is not None
    scale, offset = (tuple(times * each for each in pair) for pair in (sensor.noise.scale, sensor.noise.offset))
    facts = replace(lens.facts, sensor=replace(sensor, noise=replace(sensor.noise, scale=scale, offset=offset)))
    blur = Restore().blur(facts, *shape)
    assert blur is not None
    filters, *plan = Restore().plan(facts, blur, np.full((3, 8, 8), MIDDLE_GREY, np.float32), shape)
    row, column = (round((1.0 + part) / 2 * (size - 1) / SPACING) + 1 for size in shape)
    own = np.ascontiguousarray(np.broadcast_to(filters[row, column], (points(whole),) * 2 + filters.shape[2:]))
    to_scene, noise = scene_matrix(facts), noise_of(facts)
    weights = np.array(LUMA) @ to_scene
    shot_noise, still = np.array([noise.plane(at) for at in range(3)]).T[:, :, None, None]
    transfers = lens.transfers(part, whole)
    transfer = np.einsum("c,cyx->yx", weights, transfers)
    moved = np.exp(1j * np.angle(transfer))
    rng = np.random.default_rng(7)
    drawn: dict[str, list[Floats]] = {"picture": [], "light": []}
    restored: dict[str, list[Floats]] = {"picture": [], "light": []}
    bounds: dict[str, dict[str, list[Floats]]] = {name: {"smooth": [], "own": []} for name in drawn}
    for patch in true:
        light = np.fft.ifft2(np.fft.fft2(patch) * transfers).real
        variance = shot_noise * np.maximum(light, 0.0) + still
        light = light + rng.normal(0.0, np.sqrt(variance))
        for name, scene in (("picture", developed(light, facts)), ("light", np.tensordot(to_scene, light, 1))):
            drawn[name].append(luma_of(scene))
            restored[name].append(luma_of(restore(scene.astype(np.float32), own, *plan)))
        whole_noise = float(weights**2 @ variance.mean((1, 2)))
        for name, power in zip(("own", "smooth"), power_of(patch), strict=True):
            bounds["light"][name].append(filtered(drawn["light"][-1], wiener(transfer, power, whole_noise)))
    each = [spectra(*pair, moved) for pair in zip(drawn["picture"], true, strict=True)]
    for picture, its in zip(drawn["picture"], each, strict=True):
        for name, (with_true, power) in (("own", its), ("smooth", sum(each) - its)):
            bounds["picture"][name].append(filtered(picture, with_true / power))
    return {
        name: {
            what: float(-10 * np.log10([error_of(*pair) for pair in zip(found, true, strict=True)]).mean())
            for what, found in {"drawn": drawn[name], "restored": restored[name], **bounds[name]}.items()
        }
        for name in drawn
    }


def luma_of(scene: npt.NDArray[Any]) -> Floats:
    """(H, W) of a (3, H, W) scene."""
    return np.asarray(np.tensordot(LUMA, scene, 1), np.float64)


def filtered(picture: Floats, waves: npt.NDArray[np.complex128]) -> Floats:
    """A picture of which this becomes of waves, and its mean stays."""
    middle = picture.mean()
    return np.asarray(np.fft.ifft2(np.fft.fft2(picture - middle) * waves).real + middle)


def mtf50s(lens: Taken, part: float, times: float, true: tuple[Floats, ...]) -> tuple[float, float]:
    """Cycles a pixel, the median of all directions: as drawn, and by the bound for the mean power of all patches."""
    whole = SIDE + 2 * AROUND
    to_scene, noise = scene_matrix(lens.facts), noise_of(lens.facts)
    weights = np.array(LUMA) @ to_scene
    transfer = np.einsum("c,cyx->yx", weights, lens.transfers(part, whole))
    planes = map(noise.plane, range(3))
    each = (w * w * (scale * MIDDLE_GREY + offset) for w, (scale, offset) in zip(weights, planes, strict=True))
    variance = times * float(sum(each))
    power = np.mean([power_of(patch)[1] for patch in true], axis=0)
    turns, angles = np.arange(whole // 2) / whole, np.arange(WAYS) * np.pi / WAYS
    x, y = turns * np.cos(angles)[:, None], turns * np.sin(angles)[:, None]
    at = np.rint(y * whole).astype(int), np.rint(x * whole).astype(int)
    shown = np.abs(transfer), np.abs(transfer * wiener(transfer, power, variance))
    curves = (each[at] * np.sinc(x) * np.sinc(y) for each in shown)
    fallen = (np.hstack([each, np.zeros((WAYS, 1))]) < 0.5 for each in curves)
    drawn, bound = (float(np.median(np.argmax(each, axis=1))) / whole for each in fallen)
    return drawn, bound


def main(lenses: list[str], fresh: bool) -> None:
    squares = patches(fresh)
    gains: dict[str, list[tuple[str, ...]]] = {"picture": [], "light": []}
    edges: list[tuple[str, ...]] = []
    kept: dict[str, Any] = {}
    for name in lenses or LENSES:
        lens = taken(name)
        for noise, times in NOISE.items():
            reached = {place: mtf50s(lens, part, times, squares) for place, part in PLACES.items()}
            drawn, bound = zip(*reached.values(), strict=True)
            parts = (f"{100 * each[-1] / each[0]:.0f}" for each in (drawn, bound))
            edges.append((name, noise, *(f"{each:.3f}" for each in (*drawn, *bound)), *parts))
            for place, part in PLACES.items():
                both = measured(lens, part, times, squares)
                kept[f"{name}, {noise}, {place}"] = {**both, "mtf50": reached[place]}
                for what, found in both.items():
                    gained = (f"{found[each] - found['drawn']:+.2f}" for each in ("restored", "smooth", "own"))
                    below = (f"{found[each] - found['restored']:.2f}" for each in ("smooth", "own"))
                    gains[what].append((name, noise, place, f"{found['drawn']:.2f}", *gained, *below))
    for what, title, by in (
        ("picture", "through the colour filter", ("best for the others", "best for its own spectra")),
        ("light", "of light in three colours", ("Wiener by its power", "Wiener by each wave")),
    ):
        heads = ("lens, f/2", "", "", "drawn", "restored", *by, *(f"below, {each}" for each in by))
        table(f"PSNR of luma {title}, dB, and what is gained", heads, gains[what])
    places = tuple(f"{each}, {place}" for each in ("drawn", "bound") for place in PLACES)
    table("MTF50 of Wiener's filter, cycles a pixel", ("lens", "", *places, "drawn, %", "bound, %"), edges)
    save("wiener_fresh" if fresh else "wiener", kept, versions())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("lenses", nargs="*", metavar="LENS")
    parser.add_argument("--fresh", action="store_true")
    main(**vars(parser.parse_args()))
