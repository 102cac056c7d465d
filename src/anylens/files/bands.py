"""Pictures band by band: upright, interleaved, on every core, and never all at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item")
Result = TypeVar("Result")
Planes = npt.NDArray[np.float32] | npt.NDArray[np.uint8]


def upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """A view of (..., H, W) turned and mirrored so that an image of this EXIF orientation (1 to 8) stands upright.

    Orientations 5 to 8 give (..., W, H). Other numbers mean nothing and leave the image as it is. Source: EXIF 3.0,
    tag Orientation.
    """
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, -1, -2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[..., ::-1, :]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[..., ::-1]
    return pixels


def counts(planes: npt.NDArray[Any], white: int) -> npt.NDArray[Any]:
    """Planes (3, H, W) as interleaved integers (H, W, 3), rounded to the nearest.

    float32 from 0 to 1 becomes 0 to `white` (255: uint8, 65535: uint16), values beyond are clipped, NaN becomes 0;
    uint8 is kept, without a copy where it is interleaved already, or spread over 0 to 65535.
    """
    kind = np.uint8 if white <= 255 else np.uint16
    _, height, width = planes.shape
    if planes.dtype == np.uint8 and white == 255:
        picture = planes.transpose(1, 2, 0)
        return picture if picture.strides == (3 * width, 3, 1) else picture.copy()
    woven = np.empty((height, width, 3), kind)
    if planes.dtype == np.uint8:
        np.multiply(planes.transpose(1, 2, 0), kind(white // 255), out=woven)
        return woven
    plane = np.empty((height, width), np.float32)
    for channel in range(3):
        np.multiply(planes[channel], np.float32(white), out=plane)
        plane += np.float32(0.5)
        np.fmax(plane, np.float32(0.0), out=plane)
        np.fmin(plane, np.float32(white), out=plane)
        np.copyto(woven[:, :, channel], plane, casting="unsafe")
    return woven


def cores() -> int:
    """How many cores this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of `work` on each item, in the items' order, made by one thread a core and few ahead of their use.

    An item is let go of as soon as it is worked off, so that the picture that it is a part of may go.
    """
    threads = cores()
    if threads == 1:
        yield from map(work, items)
        return
    tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
    workers = [Thread(target=_work_off, args=(tasks,), daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    waiting: deque[SimpleQueue[tuple[Result | None, BaseException | None]]] = deque()
    stopped = Event()

    def order(item: Item) -> None:
        answer: SimpleQueue[tuple[Result | None, BaseException | None]] = SimpleQueue()

        def task() -> None:
            try:
                answer.put((None if stopped.is_set() else work(item), None))
            except BaseException as error:
                answer.put((None, error))

        waiting.append(answer)
        tasks.put(task)

    def first() -> Result:
        result, error = waiting.popleft().get()
        if error is not None:
            raise error
        return cast("Result", result)

    try:
        for item in items:
            order(item)
            del item
            if len(waiting) > 2 * threads:
                yield first()
        while waiting:
            yield first()
    finally:
        stopped.set()
        for _ in workers:
            tasks.put(None)
        for worker in workers:
            worker.join()


def _work_off(tasks: SimpleQueue[Callable[[], None] | None]) -> None:
    while (task := tasks.get()) is not None:
        task()
        del task
