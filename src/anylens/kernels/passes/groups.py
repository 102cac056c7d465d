"""What passes take, in groups by the kernel that they are for, and how wide the pieces are that they work in."""

from __future__ import annotations

from typing import Any

import numpy as np

from anylens.kernels.signature import Image, Scalar
from anylens.record import replace

Groups = tuple[tuple[str, tuple[Image | Scalar, ...]], ...]

SAID_ONCE = ("red_x", "red_y", "frames_used", "to_camera")


def after(name: str, module: Any) -> tuple[Image | Scalar, ...]:
    """A kernel's inputs after its picture, named apart, but those that a pass says once or need not say."""
    rest = (argument for argument in module.SIGNATURE.inputs[1:] if argument.name not in SAID_ONCE)
    return tuple(replace(argument, name=f"{name}_{argument.name}") for argument in rest)


def named(rng: np.random.Generator, name: str, module: Any, height: int, width: int) -> dict[str, Any]:
    """A kernel's example as a pass names its arguments."""
    values = module.example(rng, height, width)
    found = dict(zip((argument.name for argument in module.SIGNATURE.inputs), values, strict=True))
    return {argument.name: found[argument.name.removeprefix(f"{name}_")] for argument in after(name, module)}


def flat(groups: Groups) -> tuple[Image | Scalar, ...]:
    """All arguments of the groups."""
    return tuple(argument for _, group in groups for argument in group)


def grouped(groups: Groups, inputs: tuple[Any, ...]) -> dict[str, tuple[Any, ...]]:
    """What was given for each group."""
    found, first = {}, 0
    for name, group in groups:
        found[name] = inputs[first : first + len(group)]
        first += len(group)
    return found


def evenly(whole: Any, most: int, lanes: int) -> Any:
    """How wide pieces of `whole` are, in whole vectors, where they are as few as `most` allows."""
    pieces = (whole + most - 1) // most
    return (whole + lanes * pieces - 1) // (lanes * pieces) * lanes
