"""ChArUco boards: chessboards whose white squares are numbered by markers, so that any part of one will do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anylens.lab.samples import Floats

Byte = npt.NDArray[np.uint8]
Found = tuple[Floats, Floats]

_MOST_MARKERS = 0.9


def charuco(small: Byte) -> Found | None:
    """((n, 2) corners of a ChArUco board in a picture, their places on it), None where there is none.

    The markers are OpenCV's DICT_4X4_1000; how many squares are in a row is told by the numbers of neighbouring ones.
    """
    import cv2

    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_1000)
    markers = _markers(small, dictionary)
    if markers is None:
        return None
    corners, numbers = markers
    squares = _squares_in_a_row(np.array([each.reshape(4, 2) for each in corners], np.float64), numbers)
    if squares is None:
        return None
    rows = math.ceil((int(numbers.max()) + 1) * 2.0 / squares) + 1
    board = cv2.aruco.CharucoBoard((squares, rows), 1.0, 0.75, dictionary)
    places, found, _, _ = cv2.aruco.CharucoDetector(board).detectBoard(
        small, markerCorners=corners, markerIds=numbers.astype(np.int32)[:, None]
    )
    if found is None or len(found) < 4:
        return None
    which = np.asarray(found).ravel()
    chart = np.column_stack([which % (squares - 1), which // (squares - 1)]).astype(np.float64)
    return np.asarray(places, np.float64).reshape(-1, 2), chart


def _markers(small: Byte, dictionary: Any) -> tuple[Sequence[Any], npt.NDArray[np.int64]] | None:
    """(corners of each marker, their numbers), by one threshold first, by three where that misses some."""
    import cv2

    found = None
    for narrowest, widest in ((13, 13), (3, 23)):
        search = cv2.aruco.DetectorParameters()
        search.adaptiveThreshWinSizeMin, search.adaptiveThreshWinSizeMax = narrowest, widest
        corners, ids, _ = cv2.aruco.ArucoDetector(dictionary, search).detectMarkers(small)
        if ids is None or len(ids) < 4:
            return found
        found = corners, np.asarray(ids, np.int64).ravel()
        if len(ids) > _MOST_MARKERS * (int(found[1].max()) + 1):
            break
    return found


def _squares_in_a_row(corners: Floats, numbers: npt.NDArray[np.int64]) -> int | None:
    """Squares across a board: markers two rows apart, straight below one another, differ by just so many.

    Markers stand on every second square; two rows of s squares hold s markers, whether s is even or odd.
    """
    middle = corners.mean(axis=1)
    right, down = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    votes: dict[int, int] = {}
    for at in range(len(numbers)):
        goal = middle[at] + 2.0 / 0.75 * down[at]
        away = np.hypot(*(middle - goal).T)
        near = int(np.argmin(away))
        if away[near] < 0.35 * float(np.hypot(*right[at])):
            step = int(numbers[near] - numbers[at])
            votes[step] = votes.get(step, 0) + 1
    best = max(votes, key=lambda step: votes[step], default=0)
    return best if best >= 3 and votes[best] >= 2 else None
