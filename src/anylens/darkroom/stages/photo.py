"""Photo -> Photo."""

from __future__ import annotations

from anylens.darkroom.light import mean_frames, middle_grey_snr
from anylens.darkroom.recipe import checked, taste
from anylens.frame import Facts
from anylens.image import FrameCount, Photo
from anylens.kernels.sharpen import sharpen
from anylens.record import record, replace

GIVEN_BACK, GRAIN = 7.0, 15.0
"""How fast `amount` and `threshold` grow with the noise of middle grey, as a part of its light."""
NOISIEST = 0.2
"""Stronger noise counts as this: what denoising leaves of finest detail is then mostly its own doing."""


@record(frozen=True, slots=True)
class Sharpen:
    """Crisp edges: `amount` of the fine detail is added, less below `threshold`, held to `overshoot` at edges.

    Both grow with noise: denoising takes of the fine detail, which is given back, and leaves some noise, which is not.
    """

    amount: float = taste(1.3, 0.0, 4.0, 0.1)
    threshold: float = taste(0.004, 0.0, 0.1, 0.001)
    overshoot: float = taste(0.03, 0.0, 1.0, 0.01)

    def __post_init__(self) -> None:
        checked(self)

    def __call__(self, photo: Photo) -> Photo:
        if self.amount == 0.0:
            return photo
        given = self.plan(photo.facts, photo.frames_used)
        return replace(photo, pixels=sharpen(photo.pixels, *given))  # type: ignore[arg-type]

    def plan(self, facts: Facts, frames_used: FrameCount | None) -> tuple[float, float, float]:
        """What the kernel takes, by the noise of so many frames."""
        noise = min(1.0 / middle_grey_snr(facts, mean_frames(frames_used)), NOISIEST)
        return self.amount * (1.0 + GIVEN_BACK * noise), self.threshold * (1.0 + GRAIN * noise), self.overshoot
