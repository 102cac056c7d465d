"""The three things that an array can mean: Mosaic, Scene, Photo; and a photo that is still to be made: Latent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from anylens.frame import Facts
from anylens.record import record

Pixels = npt.NDArray[np.float32]
FrameCount = npt.NDArray[np.float32]
FrameNumber = npt.NDArray[np.uint8]

ENOUGH_SEEN = 185_000
"""Of so many points at most an overview is made, where they need not lie farther apart than WIDEST_SPACING: every 16
pixels from 12 MP on, every 32 from 47 MP on."""
LEAST_SPACING, WIDEST_SPACING = 8, 32


def overview_spacing(height: int, width: int) -> int:
    """How many pixels the points of a picture's overview lie apart: a power of two, the more the larger it is."""
    spacing = LEAST_SPACING
    while spacing < WIDEST_SPACING and height * width > ENOUGH_SEEN * spacing * spacing:
        spacing *= 2
    return spacing


@record(frozen=True, slots=True, eq=False)
class Mosaic:
    """Linear light under the colour filter of the active area.

    `pixels` is (H, W) float32, 0 black level, 1 white level before any balance; noise below black is kept.
    `frames_used` is (H, W), how many frames each pixel got, or None for one frame everywhere. `overview` is the same
    light seen small, (3, h, w) in the camera's colours, as a Scene's; None where it was not kept. `shading` is (h, w),
    the gain by which each of the overview's points was lifted against the falloff of the lens, and its noise with it;
    None for no gain anywhere. `frames` is how many frames were merged into it,
    `span_ev` how many stops their exposures lie apart.
    """

    pixels: Pixels
    facts: Facts
    frames_used: FrameCount | None = None
    overview: Pixels | None = None
    shading: Pixels | None = None
    frames: int = 1
    span_ev: float = 0.0

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.float32 or self.pixels.ndim != 2:
            raise ValueError(f"a mosaic is float32 of (H, W), not {self.pixels.dtype} of {self.pixels.shape}")


@record(frozen=True, slots=True, eq=False)
class Scene:
    """Linear light of the scene in Rec. 2020 (D65).

    `pixels` is (3, H, W) float32; 1.0 is sensor white after white balance, values above it are kept. `overview` is the
    same light seen small, (3, h, w), one point every `overview_spacing` pixels from the first one on, by which exposure
    and local tone are chosen; None where it was not kept. `shading` is a Mosaic's, None once the light is denoised;
    `span_ev` is a Mosaic's. `came_from` is (H, W), the number from 1 on of the frame of a focus stack that shows each
    pixel; None for no stack. `brightest` is how bright its brightest part is once exposed, `held_ev` by how many stops
    local tone held it back afterwards: by both, tone chooses white.
    """

    pixels: Pixels
    facts: Facts
    frames_used: FrameCount | None = None
    overview: Pixels | None = None
    shading: Pixels | None = None
    span_ev: float = 0.0
    came_from: FrameNumber | None = None
    brightest: float | None = None
    held_ev: float = 0.0

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.float32 or self.pixels.ndim != 3 or self.pixels.shape[0] != 3:
            raise ValueError(f"a scene is float32 of (3, H, W), not {self.pixels.dtype} of {self.pixels.shape}")

    def seen_small(self) -> Pixels:
        """The overview, taken from the pixels where none was kept."""
        if self.overview is not None:
            return self.overview
        spacing = overview_spacing(*self.pixels.shape[1:])
        return self.pixels[:, ::spacing, ::spacing]


@record(frozen=True, slots=True, eq=False)
class Photo:
    """Rendered for a display.

    `pixels` is (3, H, W), encoded with the transfer curve of `space`: float32 from 0 to 1, or uint8 over 0 to 255.
    `recipe` is the text of the recipe that made it, `came_from` a Scene's.
    """

    pixels: npt.NDArray[np.float32] | npt.NDArray[np.uint8]
    facts: Facts
    frames_used: FrameCount | None = None
    recipe: str = ""
    space: Literal["srgb", "display-p3"] = "srgb"
    came_from: FrameNumber | None = None

    def __post_init__(self) -> None:
        if self.pixels.dtype not in (np.float32, np.uint8) or self.pixels.ndim != 3 or self.pixels.shape[0] != 3:
            raise ValueError(
                f"a photo is float32 or uint8 of (3, H, W), not {self.pixels.dtype} of {self.pixels.shape}"
            )


@record(frozen=True, slots=True, eq=False)
class Latent:
    """A photo of 8 bits that is planned but not made, so that it can be written without ever being whole.

    `make(out, top)` fills `out`, a uint8 (3, h, W) view of interleaved rows, with the rows of the photo from `top` on;
    it is called from the top down, once, for `step` rows at a time. `shape` is that of the photo's pixels, (3, H, W),
    all else a Photo's.
    """

    shape: tuple[int, int, int]
    make: Callable[[npt.NDArray[np.uint8], int], object]
    step: int
    facts: Facts
    frames_used: FrameCount | None = None
    recipe: str = ""
    space: Literal["srgb", "display-p3"] = "srgb"
    came_from: FrameNumber | None = None

    def bands(self) -> Iterator[npt.NDArray[np.uint8]]:
        """The rows of the photo from the top down, (3, h, W), each band made when it is asked for."""
        return (self._rows(top, top + self.step) for top in range(0, self.shape[1], self.step))

    def photo(self) -> Photo:
        """The photo, made whole."""
        pixels = _interleaved(*self.shape[1:])
        for top in range(0, self.shape[1], self.step):
            self.make(pixels[:, top : top + self.step], top)
        return Photo(pixels, self.facts, self.frames_used, self.recipe, self.space, self.came_from)

    def _rows(self, top: int, bottom: int) -> npt.NDArray[np.uint8]:
        band = _interleaved(min(bottom, self.shape[1]) - top, self.shape[2])
        self.make(band, top)
        return band


def _interleaved(height: int, width: int) -> npt.NDArray[np.uint8]:
    """(3, height, width) over memory that has the three colours of a pixel side by side, as files want them."""
    return np.empty((height, width, 3), np.uint8).transpose(2, 0, 1)
