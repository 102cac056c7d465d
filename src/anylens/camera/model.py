"""Camera: what every backend is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from anylens.frame import Frame
from anylens.refusal import Refusal
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


def shots_of(asked: Iterable[Shot]) -> Iterable[Shot]:
    """What a camera was asked for, lists as tuples; Refusal where that is not shots.

    Those of a list or tuple are looked at now, those of any other iterable when each is wanted.
    """
    if isinstance(asked, str) or not isinstance(asked, Iterable):
        raise Refusal(f"A camera is asked for shots one after the other, not for {asked!r}; give [Shot(1 / 100)].")
    if isinstance(asked, list | tuple):
        return tuple(map(_shot, asked))
    return map(_shot, asked)


def _shot(asked: Shot) -> Shot:
    if not isinstance(asked, Shot):
        raise Refusal(f"A camera is asked for shots and {asked!r} is none; give [Shot(1 / 100)].")
    return asked
