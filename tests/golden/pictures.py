"""The golden pictures: windows of the demo's raw and a drawn frame, developed with every look.

python -m tests.golden.pictures FILE.npz keeps them as one instruction set makes them.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

import anylens
from anylens import Frame, Opcodes, darkroom
from tests.frames import NEUTRAL, sampled

Bytes = npt.NDArray[np.uint8]

FOLDER = Path(__file__).parent
DEMO = FOLDER.parents[1] / "demo" / "GOPR0024.dng"
SIDE = 256
WINDOWS = {"mural": (1440, 1976), "sky": (512, 1152), "plants": (1700, 880)}
"""Name -> (top, left) in the demo's raw; even, so that the colour filter keeps its phase."""
FULL_SIZE = "none"
"""The look that is kept at full size, pixel by pixel; the others differ in tone and colour, half the size shows it."""


@cache
def frames() -> dict[str, Frame]:
    """Name -> frame: painted colours, clipped clouds behind beams, leaves in shadow, and a drawn chart with noise."""
    demo = anylens.read(DEMO)
    assert isinstance(demo, Frame)
    return {name: window(demo, *place) for name, place in WINDOWS.items()} | {"chart": chart()}


def window(frame: Frame, top: int, left: int) -> Frame:
    """A square of a frame as if the sensor were no larger; without gain maps, which speak of the whole frame."""
    sensor = replace(frame.facts.sensor, width_px=SIDE, height_px=SIDE)
    facts = replace(
        frame.facts,
        sensor=sensor,
        active_area=(0, 0, SIDE, SIDE),
        crop=(0.0, 0.0, float(SIDE), float(SIDE)),
        opcodes=Opcodes(),
    )
    return Frame(frame.raw[top : top + SIDE, left : left + SIDE], facts)


def chart() -> Frame:
    """Colour patches, a grey wedge of ten stops that ends above white, rings of every fineness; with noise."""
    light = np.empty((3, 192, SIDE))
    patches = np.stack(np.meshgrid([0.03, 0.2, 0.6], [0.04, 0.25, 0.7], [0.05, 0.3], indexing="ij")).reshape(3, 2, 9)
    light[:, :64] = patches.repeat(32, 1).repeat(29, 2)[:, :, :SIDE]
    light[:, 64:96] = 2.0 ** np.linspace(-9, 1, SIDE)
    y, x = np.mgrid[:96, :SIDE] / SIDE
    light[:, 96:] = 0.3 + 0.25 * np.cos(120.0 * np.pi * (x * x + y * y))
    return sampled(np.minimum(light * np.array(NEUTRAL)[:, None, None], 1.0), noise_seed=12)


def names() -> list[str]:
    return [f"{frame}-{look}" for frame in (*WINDOWS, "chart") for look in darkroom.looks()]


def rendered(name: str) -> Bytes:
    """The photo of that name, (3, H, W), as this code makes it."""
    frame, look = name.split("-")
    recipe = darkroom.look(look)
    if look != FULL_SIZE:
        recipe = darkroom.adjust(recipe, f"Size.longest_px={SIDE // 2}")
    pixels = anylens.develop(frames()[frame], recipe).pixels
    return pixels if pixels.dtype == np.uint8 else np.rint(pixels * 255).astype(np.uint8)


def golden(name: str) -> Bytes:
    """The photo of that name, (3, H, W), as it is kept."""
    with Image.open(place(name)) as picture:
        return np.asarray(picture).transpose(2, 0, 1)


def place(name: str) -> Path:
    return FOLDER / f"{name}.png"


if __name__ == "__main__":
    np.savez(sys.argv[1], **{name: rendered(name) for name in names()})
