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

Markers = tuple[Sequence[Any], npt.NDArray[np.int64]]

_MOST_MARKERS = 0.9
_FEW, _ALL = 250, 1000
_MISSED = 50
"""How many numbers in a row a picture may miss of a board."""


def charuco(small: Byte) -> Found | None:
    """((n, 2) corners of a ChArUco board in a picture, their places on it), None where there is none.

    The markers are OpenCV's DICT_4X4_1000; how many squares are in a row is told by the numbers of neighbouring ones.
    """
    import cv2

    markers = _markers(small)
    if markers is None:
        return None
    corners, numbers = markers
    squares = _squares_in_a_row(np.array([each.reshape(4, 2) for each in corners], np.float64), numbers)
    if squares is None:
        return None
    rows = math.ceil((int(numbers.max()) + 1) * 2.0 / squares) + 1
    board = cv2.aruco.CharucoBoard((squares, rows), 1.0, 0.75, _first(_ALL))
    places, found, _, _ = cv2.aruco.CharucoDetector(board).detectBoard(
        small, markerCorners=corners, markerIds=numbers.astype(np.int32)[:, None]
    )
    if found is None or len(found) < 4:
        return None
    which = np.asarray(found).ravel()
    chart = np.column_stack([which % (squares - 1), which // (squares - 1)]).astype(np.float64)
    return np.asarray(places, np.float64).reshape(-1, 2), chart


def _markers(small: Byte) -> Markers | None:
    """(corners of each marker, their numbers).

    Comparing with all numbers takes three times as long as with the first ones, beyond which few boards go; three
    thresholds are tried where one misses some.
    """
    most, found = _FEW, _detected(small, _FEW, 13, 13)
    if found is None or int(found[1].max()) >= _FEW - _MISSED:
        most, found = _ALL, _detected(small, _ALL, 13, 13)
    if found is None or len(found[1]) > _MOST_MARKERS * (int(found[1].max()) + 1):
        return found
    return _detected(small, most, 3, 23) or found


def _detected(small: Byte, most: int, narrowest: int, widest: int) -> Markers | None:
    """Those of the first so many markers that stand out by thresholds over so many pixels; None for too few."""
    import cv2

    search = cv2.aruco.DetectorParameters()
    search.adaptiveThreshWinSizeMin, search.adaptiveThreshWinSizeMax = narrowest, widest
    corners, ids, _ = cv2.aruco.ArucoDetector(_first(most), search).detectMarkers(small)
    return None if ids is None or len(ids) < 4 else (corners, np.asarray(ids, np.int64).ravel())


def _first(most: int) -> Any:
    """So many of the dictionary's markers."""
    import cv2

    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_1000)
    dictionary.bytesList = np.ascontiguousarray(dictionary.bytesList[:most])
    return dictionary


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
