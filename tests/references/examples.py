"""Every kernel on example inputs of many sizes; run as a program it keeps the outputs of one instruction set.

python -m tests.references.examples FILE.npz
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import numpy as np

from anylens.kernels.compile import kernel_modules

SIZES = [*((5, n) for n in range(1, 18)), *((n, 5) for n in range(1, 18)), (1, 1), (1, 40), (40, 1), (67, 131)]


def modules() -> list[ModuleType]:
    return [importlib.import_module(name) for name in kernel_modules()]


def inputs(module: ModuleType, height: int, width: int) -> tuple[Any, ...]:
    return module.example(np.random.default_rng([height, width]), height, width)


def expected(module: ModuleType, height: int, width: int) -> tuple[np.ndarray, ...]:
    results = module.reference(*inputs(module, height, width))
    return results if isinstance(results, tuple) else (results,)


def unset(module: ModuleType, like: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Outputs of these shapes, laid out as the signature says, full of what no kernel may leave there."""
    outputs = []
    for image, array in zip(module.SIGNATURE.outputs, like, strict=True):
        poison = np.nan if array.dtype.kind == "f" else 213
        if image.interleaved:
            outputs.append(np.full((*array.shape[1:], array.shape[0]), poison, array.dtype).transpose(2, 0, 1))
        else:
            outputs.append(np.full(array.shape, poison, array.dtype))
    return tuple(outputs)


def keep_all(path: str) -> None:
    kept = {}
    for module in modules():
        for height, width in SIZES:
            outputs = unset(module, expected(module, height, width))
            module.kernel(*inputs(module, height, width), out=outputs)
            for image, array in zip(module.SIGNATURE.outputs, outputs, strict=True):
                kept[f"{module.__name__} {image.name} {height}x{width}"] = array
    np.savez(path, **kept)


if __name__ == "__main__":
    keep_all(sys.argv[1])
