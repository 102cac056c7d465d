"""Camera: what every backend is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from anylens.frame import Frame
from anylens.shot import Shot


@runtime_checkable
class Camera(Protocol):
    """Anything that answers shots with frames.

    Streaming, bursts, brackets and time-lapse are all iterables of shots; an endless one is fine.
    """

    def capture(self, shots: Iterable[Shot]) -> Iterator[Frame]:
        """One frame a shot, in order: frame k answers shot k, and its facts say what really happened.

        Shots that stand in a list or tuple are sent ahead of their frames; any other iterable is asked for shot k only
        when frame k is wanted, so it may depend on the frames before. Raises Refusal once the camera is closed, and
        where a frame cannot be had.
        """
        ...

    def close(self) -> None:
        """Gives the camera back; closing twice is fine."""
        ...
