"""Photo -> Photo."""

from __future__ import annotations

from anylens.darkroom.grain import left_of_noise
from anylens.darkroom.light import mean_frames, middle_grey_snr
from anylens.darkroom.recipe import Checked, taste
from anylens.frame import Facts
from anylens.image import FrameCount, Photo
from anylens.kernels.sharpen import sharpen
from anylens.record import record, replace

GIVEN_BACK, MOST_TAKEN = 8.7, 0.16
"""How fast `amount` grows with the noise of middle grey that denoising took, as a part of its light, and up to where:
of light with more noise what it leaves of finest detail is mostly its own doing."""
GRAIN = 0.31
"""How fast `threshold` grows with the noise that it left: as seen beside its mean, by what stands twice above it."""


@record(frozen=True, slots=True)
class Sharpen(Checked):
    """Crisp edges: `amount` of the fine detail is added, less below `threshold`, held to `overshoot` at edges.

    More is added where denoising took noise, and fine detail with it, and `threshold` is higher by the noise that it
    left, all of it where there was no denoising.
    """

    amount: float = taste(1.3, 0.0, 4.0, 0.1)
    threshold: float = taste(0.004, 0.0, 0.1, 0.001)
    overshoot: float = taste(0.03, 0.0, 1.0, 0.01)

    def __call__(self, photo: Photo) -> Photo:
        if self.amount == 0.0:
            return photo
        given = self.plan(photo.facts, photo.frames_used)
        return replace(photo, pixels=sharpen(photo.pixels, *given))  # type: ignore[arg-type]

    def plan(self, facts: Facts, frames_used: FrameCount | None) -> tuple[float, float, float]:
        """What the kernel takes, by the noise of so many frames."""
        noise = 1.0 / middle_grey_snr(facts, mean_frames(frames_used))
        left = noise * left_of_noise(facts.denoised)
        taken = min(noise - left, MOST_TAKEN)
        return self.amount * (1.0 + GIVEN_BACK * taken), self.threshold + GRAIN * left, self.overshoot
