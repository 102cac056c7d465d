"""What a kernel takes and gives, said once for the compiler and for the caller."""

from __future__ import annotations

import zlib
from typing import Literal

from anylens.record import record


@record(frozen=True, slots=True)
class Image:
    """An array argument; `dimensions` counts NumPy's axes, (H, W) is (x, y) in Halide and (3, H, W) is (x, y, c).

    `edge` is what the algorithm finds beyond the border of x and y: `none` (it never looks there), `repeat` (the
    edge pixel), `mirror` (mirrored without repeating the edge pixel, which keeps the phase of a colour filter).
    `interleaved` is for outputs only: a (3, H, W) view of an (H, W, 3) array, which is how files store a photo.
    """

    name: str
    type: Literal["float16", "float32", "uint16", "uint8", "int32"]
    dimensions: int
    edge: Literal["none", "repeat", "mirror"] = "none"
    interleaved: bool = False

    def __post_init__(self) -> None:
        if self.interleaved and self.dimensions != 3:
            raise ValueError(f"{self.name} has {self.dimensions} dimensions, only (3, H, W) can be interleaved")


@record(frozen=True, slots=True)
class Scalar:
    """A number argument, settable at run time."""

    name: str
    type: Literal["float32", "int32"]


@record(frozen=True, slots=True)
class Signature:
    """Inputs in call order, then outputs."""

    inputs: tuple[Image | Scalar, ...]
    outputs: tuple[Image, ...]


def symbol(module: str, signature: Signature, instructions: str) -> str:
    """The C symbol of a kernel for one instruction set.

    It carries a checksum of the signature, so that a library compiled before the signature changed is never called
    with arguments that it does not expect.
    """
    name = module.removeprefix("anylens.kernels.").replace(".", "_")
    return f"anylens_{name}_{instructions}_{zlib.crc32(repr(signature).encode()):08x}"
