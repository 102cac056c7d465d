"""The frames of a burst as they are asked for, one by one: who cannot be read is told, who is unlike is refused."""

from __future__ import annotations

from anylens.frame import Burst, Facts, Frame
from anylens.image import Scene
from anylens.refusal import Refusal


class Frames:
    """The frames of a burst; the first that can be read says what the others must be like.

    `notes` are sentences about those that were left out.
    """

    def __init__(self, burst: Burst) -> None:
        self.notes: list[str] = []
        self._burst = burst
        self._like: tuple[object, ...] | None = None

    def take_from(self, burst: Burst) -> None:
        """From now on the same frames, taken otherwise."""
        self._burst = burst

    def __len__(self) -> int:
        return len(self._burst.frames)

    def name(self, index: int) -> str:
        """What a frame is called."""
        return self._burst.name(index)

    def leave_out(self, index: int, why: str) -> None:
        """Note that a frame is not used, and why: a clause, or a sentence that names it itself."""
        name, said = self.name(index), why.removesuffix(".")
        known = name in said
        note = f"{said[said.index(name) :]}; it was left out." if known else f"{name} was left out: {said}."
        self.notes.append(note)

    def __getitem__(self, index: int) -> Frame | None:
        """A frame, None (and a note) where it cannot be read; Refusal where it is of another sensor or size."""
        try:
            frame = self._burst.frames[index]
        except Refusal as why:
            self.leave_out(index, str(why))
            return None
        like = (frame.facts.sensor.cfa, shape_of(frame))
        self._like = self._like or like
        if like != self._like:
            raise Refusal(f"{self.name(index)} is of another sensor or size than the others; leave it out")
        return frame

    def quietly(self, index: int) -> Frame | None:
        """A frame before it is looked at; None where it cannot be read or is unlike, which is told when it is."""
        try:
            frame = self._burst.frames[index]
        except Refusal:
            return None
        like = (frame.facts.sensor.cfa, shape_of(frame))
        return frame if like == self._like else None

    def facts(self, index: int) -> Facts | None:
        """What is true of a frame, before it is looked at; None where it cannot be read."""
        try:
            return self._burst.frames[index].facts
        except Refusal:
            return None


def shape_of(frame: Frame | Scene) -> tuple[int, int]:
    """(height, width) of the light."""
    return (frame.pixels.shape[1], frame.pixels.shape[2]) if isinstance(frame, Scene) else frame.facts.active_shape
