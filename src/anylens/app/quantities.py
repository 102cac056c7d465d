"""Numbers as they are typed: within bounds, their unit behind them or left out."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable


def quantity(
    unit: str, least: float, most: float, such_as: str, *, before: str = "", endless: bool = False
) -> Callable[[str], float]:
    """What turns an option's text into a number of `unit` from `least` to `most`, or with `endless` also `inf`.

    `before` may stand before the number. What cannot be meant is refused in a sentence that has `such_as` in it.
    """
    of = f" {unit}" if unit else ""
    bounds = f"{least:.9g} to {most:.9g}{of}{', or inf' if endless else ''}"

    def number(text: str) -> float:
        try:
            value = float(text.strip().removeprefix(before).removesuffix(unit))
        except ValueError:
            value = math.nan
        if least <= value <= most or (endless and value == math.inf):
            return value
        raise ArgumentTypeError(f"{text} is not a number from {bounds}; give one as {such_as}")

    return number


def whole(least: int, most: int, such_as: str) -> Callable[[str], int]:
    """What turns an option's text into a whole number from `least` to `most`."""

    def number(text: str) -> int:
        if text.strip().removeprefix("-").isdecimal() and least <= int(text) <= most:
            return int(text)
        raise ArgumentTypeError(f"{text} is not a whole number from {least} to {most}; give one as {such_as}")

    return number


f_number = quantity("", 0.3, 256.0, "2.8", before="f/")
distance_m = quantity("m", 0.001, 1e6, "3", endless=True)
focal_mm = quantity("mm", 1.0, 5000.0, "50")
pitch_um = quantity("um", 0.3, 100.0, "3.2")
