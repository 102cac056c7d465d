"""Photo -> Photo."""

from __future__ import annotations

from anylens.darkroom.recipe import checked, taste
from anylens.image import Photo
from anylens.kernels.sharpen import sharpen
from anylens.record import record, replace


@record(frozen=True, slots=True)
class Sharpen:
    """Crisp edges: `amount` of the fine detail is added, less below `threshold`, held to `overshoot` at edges."""

    amount: float = taste(1.5, 0.0, 4.0, 0.1)
    threshold: float = taste(0.006, 0.0, 0.1, 0.001)
    overshoot: float = taste(0.03, 0.0, 1.0, 0.01)

    def __post_init__(self) -> None:
        checked(self)

    def __call__(self, photo: Photo) -> Photo:
        if self.amount == 0.0:
            return photo
        return replace(photo, pixels=sharpen(photo.pixels, *self.plan()))  # type: ignore[arg-type]

    def plan(self) -> tuple[float, float, float]:
        """What the kernel takes."""
        return self.amount, self.threshold, self.overshoot
