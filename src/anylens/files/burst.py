"""The frames of a burst, read one by one as they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from anylens.files import read
from anylens.files.displayed import is_displayed, read_displayed
from anylens.frame import Burst, Frame, OnDemand
from anylens.image import Scene
from anylens.refusal import Refusal


def read_burst(
    paths: Iterable[str | os.PathLike[str]],
    *,
    sensor: str | os.PathLike[str] | None = None,
    told: Callable[[], None] = lambda: None,
    scenes: bool = False,
    treated: Callable[[Frame], Frame] = lambda frame: frame,
) -> Burst:
    """A burst whose frames are read when they are asked for, the next ahead of time; `told` is called once for each.

    `treated` makes of each frame what is merged, such as one without its dark frame. JPEG files enter as
    display-referred light, with `scenes` linear DNGs too, as Scenes. A frame that cannot be read raises Refusal when it
    is asked for, which merging tells and goes on without.
    """
    places = tuple(Path(path) for path in paths)
    if not places:
        raise Refusal("A burst has at least one frame; name its raw files or their folder.")

    def one(at: int) -> Frame:
        place = places[at]
        frame = read_displayed(place) if is_displayed(place) else read(place, sensor=sensor)
        if scenes and isinstance(frame, Scene):
            return frame  # type: ignore[return-value]
        if not isinstance(frame, Frame):
            raise Refusal(f"{place.name} holds finished colours, not a mosaic; a burst is merged from raw frames.")
        return treated(frame)

    reader = _Reader(len(places), one, told)
    return Burst(OnDemand(range(len(places)), reader.frame), tuple(place.name for place in places))


class _Reader:
    """Reads frames by their index, the next in the direction of the last two ahead of time."""

    def __init__(self, count: int, read: Callable[[int], Frame], told: Callable[[], None]) -> None:
        self._count, self._read, self._told = count, read, told
        self._asked: set[int] = set()
        self._beside = ThreadPoolExecutor(1)
        self._ahead: dict[int, Future[Frame]] = {}
        self._last = -1

    def frame(self, at: int) -> Frame:
        reading = self._ahead.pop(at, None) or self._beside.submit(self._read, at)
        step, self._last = (-1 if at < self._last else 1), at
        for other in [other for other in self._ahead if other != at + step]:
            self._ahead.pop(other).cancel()
        if 0 <= at + step < self._count and not self._ahead:
            self._ahead[at + step] = self._beside.submit(self._read, at + step)
        frame = reading.result()
        if at not in self._asked:
            self._asked.add(at)
            self._told()
        return frame
