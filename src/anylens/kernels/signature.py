"""What a kernel takes and gives, said once for the compiler and for the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Image:
    """An array argument; `dimensions` counts NumPy's axes, (H, W) is (x, y) in Halide and (3, H, W) is (x, y, c).

    `edge` is what the algorithm finds beyond the border of x and y: `none` (it never looks there), `repeat` (the
    edge pixel), `mirror` (mirrored without repeating the edge pixel, which keeps the phase of a colour filter).
    """

    name: str
    type: Literal["float32", "uint16", "uint8", "int32"]
    dimensions: int
    edge: Literal["none", "repeat", "mirror"] = "none"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number argument, settable at run time."""

    name: str
    type: Literal["float32", "int32"]


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs in call order, then outputs."""

    inputs: tuple[Image | Scalar, ...]
    outputs: tuple[Image, ...]
