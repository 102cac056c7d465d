"""What the lab looks at: one file as linear light, colour by colour, at the places where it was sampled."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from anylens import color
from anylens.frame import Facts, Frame
from anylens.image import Scene
from anylens.lab.samples import Samples

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Linear light of one colour at the sites of one kind.

    `pixels` is (h, w) float32, 0 black, 1 white, noise below black kept; `clipped` (h, w) is where the scale ends.
    Sample (row, column) stands at x = `left` + `step_px` * column, y = `top` + `step_px` * row of the picture. `white`
    counts lie between black and white, NaN where the file holds no counts; `floor` is what a count of 0 is.
    """

    letter: str
    pixels: Floats
    clipped: npt.NDArray[np.bool_]
    top: int
    left: int
    step_px: int
    white: float
    floor: float = -math.inf

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        height, width = self.pixels.shape
        return height, width


@dataclass(frozen=True, slots=True, eq=False)
class Specimen:
    """One file as the lab sees it.

    `kind` says what its numbers are: `raw` counts under a colour filter or monochrome, a `scene` (linear Rec. 2020),
    or a `finished` picture whose curve was undone. `to_xyz` goes from its colours to XYZ under D50, None for raws;
    `facts` of a finished picture are what a JPEG's EXIF block tells, None for others. `notes` say what was assumed.
    """

    name: str
    kind: Literal["raw", "scene", "finished"]
    planes: tuple[Plane, ...]
    width_px: int
    height_px: int
    facts: Facts | None = None
    to_xyz: npt.NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()

    @property
    def pitch_um(self) -> float | None:
        """Distance of two pixels on the sensor, None where it is not known."""
        return None if self.facts is None else self.facts.sensor.pitch_um

    def of(self, letter: str) -> tuple[Plane, ...]:
        """The planes of one colour: `R`, `G`, `B`, or `Y` for monochrome."""
        return tuple(plane for plane in self.planes if plane.letter == letter)

    def letters(self) -> tuple[str, ...]:
        """The colours there are, in the order R, G, B."""
        return tuple(letter for letter in "RGBY" if self.of(letter))

    def middle(self, most_px: int) -> Specimen:
        """The middle of the picture alone, where it has more pixels than these; the filter's phase is kept."""
        if self.width_px * self.height_px <= most_px:
            return self
        step = self.planes[0].step_px
        share = math.sqrt(most_px / (self.width_px * self.height_px))
        height, width = (int(side * share) // step for side in (self.height_px, self.width_px))
        top, left = (self.height_px // step - height) // 2, (self.width_px // step - width) // 2
        part = (slice(top, top + height), slice(left, left + width))
        planes = tuple(replace(p, pixels=p.pixels[part].copy(), clipped=p.clipped[part].copy()) for p in self.planes)
        note = f"Measured in the middle {width * step} x {height * step} px."
        return replace(self, planes=planes, width_px=width * step, height_px=height * step, notes=(*self.notes, note))

    def samples(self, letter: str) -> Samples:
        """One colour on the sensor's own lattice, as sharpness and geometry are measured on it."""
        planes = self.of(letter)
        step = planes[0].step_px
        pixels = np.zeros((self.height_px, self.width_px), np.float32)
        clipped = np.zeros(pixels.shape, np.bool_)
        sites = np.zeros((step, step), np.bool_)
        for plane in planes:
            pixels[plane.top :: step, plane.left :: step] = plane.pixels
            clipped[plane.top :: step, plane.left :: step] = plane.clipped
            sites[plane.top, plane.left] = True
        noise = None if self.facts is None or self.kind != "raw" else self.facts.sensor.noise
        return Samples(
            pixels,
            letter,
            tuple(tuple(bool(x) for x in row) for row in sites),
            clipped,
            self.pitch_um,
            None if noise is None else noise.plane(max("RGB".find(letter), 0)),
        )

    def luminance(self) -> Samples:
        """What sharpness is measured on: the green sites of a raw, the luminance of anything else."""
        if self.to_xyz is None:
            return self.samples("G" if self.of("G") else self.letters()[0])
        weights = self.to_xyz[1] / self.to_xyz[1].sum()
        light = np.sum([np.float32(w) * p.pixels for w, p in zip(weights, self.planes, strict=True)], axis=0)
        return Samples(np.asarray(light, np.float32), "Y", clipped=self.planes[0].clipped, pitch_um=self.pitch_um)

    def grey(self) -> Floats:
        """(H, W): the light at every pixel, whatever its colour; each colour evened out, so that neutral is smooth."""
        whole = np.zeros((self.height_px, self.width_px), np.float32)
        full = [plane for plane in self.planes if plane.step_px == 1]
        if full:
            return np.asarray(np.mean([plane.pixels for plane in full], axis=0), np.float32)
        levels = {x: float(np.mean([np.median(p.pixels) for p in self.of(x)])) for x in self.letters()}
        most = max(levels.values())
        for plane in self.planes:
            gain = np.float32(most / max(levels[plane.letter], 1e-6 * max(most, 1e-9)))
            whole[plane.top :: plane.step_px, plane.left :: plane.step_px] = plane.pixels * gain
        return whole

    def colors(self) -> tuple[Floats, npt.NDArray[np.bool_], int]:
        """(3, h, w) of the picture in R, G and B, (h, w) where any is clipped, and how many pixels a sample is wide.

        Under a colour filter each repeat of it (2 x 2 sites, 4 x 4 of a quad-Bayer) is one sample, its sites averaged.
        Monochrome gives three equal colours.
        """
        letters = self.letters() if len(self.letters()) == 3 else self.letters() * 3
        rows = min(plane.shape[0] for plane in self.planes)
        columns = min(plane.shape[1] for plane in self.planes)
        light = np.stack(
            [np.mean([p.pixels[:rows, :columns] for p in self.of(name)], axis=0, dtype=np.float32) for name in letters]
        )
        clipped = np.logical_or.reduce([plane.clipped[:rows, :columns] for plane in self.planes])
        return light, clipped, self.planes[0].step_px


def specimen(path: str | os.PathLike[str], sensor: str | os.PathLike[str] | None = None) -> Specimen:
    """A raw, DNG, linear DNG, or a finished JPEG, PNG or TIFF of anyone's, as what the lab looks at.

    `sensor` is a sensor's TOML for raws that do not tell theirs. Raises Refusal.
    """
    from anylens.files import read
    from anylens.files.displayed import facts_of_displayed, is_displayed
    from anylens.files.finished import read_finished

    finished = None if sensor is not None or _is_bare(Path(path)) else read_finished(path)
    if finished is None:
        return of_image(read(path, sensor=sensor), Path(path).name)
    _, height, width = finished.pixels.shape
    white = round(1.0 / finished.step) if finished.step else float("nan")
    planes = tuple(
        Plane(letter, finished.pixels[i], finished.clipped, 0, 0, 1, white) for i, letter in enumerate("RGB")
    )
    notes = (
        *finished.notes,
        f"A finished picture in {finished.space}, its curve undone: sharpening and denoising are in.",
    )
    facts = facts_of_displayed(path, height, width, None, notes) if is_displayed(path) else None
    return Specimen(Path(path).name, "finished", planes, width, height, facts, finished.to_xyz, notes)


def of_image(image: Frame | Scene, name: str) -> Specimen:
    """A frame or scene that is already in memory, as what the lab looks at."""
    if isinstance(image, Scene):
        _, height, width = image.pixels.shape
        clipped = np.asarray((image.pixels >= 1.0).any(axis=0), np.bool_)
        planes = tuple(Plane(x, image.pixels[i], clipped, 0, 0, 1, float("nan")) for i, x in enumerate("RGB"))
        to_d50 = color.adaptation(color.xyz_from_xy(color.D65), color.PCS_D50)
        to_xyz = np.asarray(to_d50 @ color.rgb_to_xyz("rec2020"), np.float64)
        return Specimen(name, "scene", planes, width, height, image.facts, to_xyz, image.facts.notes)
    top, left, bottom, right = image.facts.active_area
    active = image.raw[..., top:bottom, left:right]
    height, width = active.shape[-2:]
    return Specimen(name, "raw", _planes(active, image.facts), width, height, image.facts, None, image.facts.notes)


def _planes(active: npt.NDArray[np.uint16], facts: Facts) -> tuple[Plane, ...]:
    silicon = facts.sensor
    if active.ndim == 3:
        return tuple(_plane(active[i], facts, letter, 0, 0, 1) for i, letter in enumerate("RGB"))
    if not silicon.cfa:
        return (_plane(active, facts, "Y", 0, 0, 1),)
    step = len(silicon.cfa)
    return tuple(
        _plane(active, facts, letter, y, x, step) for y, row in enumerate(silicon.cfa) for x, letter in enumerate(row)
    )


def _plane(active: npt.NDArray[np.uint16], facts: Facts, letter: str, top: int, left: int, step: int) -> Plane:
    silicon = facts.sensor
    counts = active[top::step, left::step]
    index = max("RGB".find(letter), 0)
    white = silicon.white[min(index, len(silicon.white) - 1)]
    black = np.asarray(silicon.black, np.float32)
    rows, columns = (first + step * np.arange(side) for first, side in zip((top, left), counts.shape, strict=True))
    level = black[_again(rows, black.shape[0])[:, None], _again(columns, black.shape[1])]
    if silicon.black_row_delta:
        level = level + np.asarray(silicon.black_row_delta, np.float32)[rows][:, None]
    if silicon.black_column_delta:
        level = level + np.asarray(silicon.black_column_delta, np.float32)[columns]
    span = np.float32(white) - level
    pixels = (counts.astype(np.float32) - level) / span
    floor = float(np.max(-level / span))
    return Plane(letter, pixels, counts >= white, top, left, step, float(np.mean(span)), floor)


def _again(places: npt.NDArray[np.intp], period: int) -> npt.NDArray[np.intp]:
    """Which of so many that repeat each place has; one for all where all have the same."""
    which = places % period
    return which[:1] if (which == which[:1]).all() else which


def _is_bare(path: Path) -> bool:
    """Whether a sensor's TOML beside the file says that it holds bare counts."""
    return path.suffix.lower() in (".png", ".raw", ".bin") and path.with_suffix(".toml").is_file()
