"""What we ask of a camera."""

from __future__ import annotations

from anylens.record import record, replace


@record(frozen=True, slots=True)
class Shot:
    """One exposure as it is asked for.

    `exposure_s` > 0; `gain` >= 1 is a factor over the sensor's lowest; `frame_s` is the time from one frame to the
    next (0: as fast as the sensor goes); `crop` is (top, left, bottom, right) in sensor pixels, None for all of it.
    Raises ValueError for times, gains and crops that no camera has.
    """

    exposure_s: float
    gain: float = 1.0
    frame_s: float = 0.0
    crop: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        if not self.exposure_s > 0.0:
            raise ValueError(f"exposure_s is {self.exposure_s:g}, an exposure lasts longer than 0 s")
        if not self.gain >= 1.0:
            raise ValueError(f"gain is {self.gain:g}, the lowest gain of a sensor is 1")
        if not self.frame_s >= 0.0:
            raise ValueError(f"frame_s is {self.frame_s:g}, frames follow each other in 0 s or more")
        if self.crop is not None and not _has_four_sides(self.crop):
            raise ValueError(f"crop is {self.crop!r}, it has four sides, in pixels: (top, left, bottom, right)")

    def stops(self, ev: float) -> Shot:
        """The same shot with 2**ev times the exposure time."""
        return replace(self, exposure_s=self.exposure_s * 2.0**ev)


def _has_four_sides(crop: object) -> bool:
    return isinstance(crop, list | tuple) and len(crop) == 4 and all(hasattr(side, "__index__") for side in crop)


def bracket(shot: Shot, *evs: float) -> tuple[Shot, ...]:
    """The shots of an exposure bracket, one for each of `evs`, in that order."""
    return tuple(shot.stops(ev) for ev in evs)
