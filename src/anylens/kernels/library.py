"""The library of compiled kernels, called over NumPy memory with the GIL free.

It can be loaded, and `plain_function` used, while NumPy is being loaded.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import zlib
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from anylens.kernels.signature import Image, Scalar, Signature, symbol
from anylens.refusal import Refusal

if TYPE_CHECKING:
    import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[Any]"
Out = TypeVar("Out", "Array", "tuple[Array, ...]")

LIBRARY = Path(__file__).with_name("libanylens_kernels.so")
CHECKOUT = LIBRARY.parents[3] / "pyproject.toml"
"""Stands there only where the sources may change after the library was made of them."""

X86_FLAGS = {
    "avx512": {"avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw", "avx2", "fma", "f16c", "bmi1", "bmi2", "abm"},
    "avx2": {"avx2", "avx", "fma", "f16c", "sse4_1", "bmi1", "bmi2", "abm"},
    "sse41": {"sse4_1"},
}
OUT_OF_MEMORY = -11
SCALARS = (ctypes.c_int32, ctypes.c_float)


def supported_sets() -> tuple[str, ...]:
    """The instruction sets that kernels are compiled for and that this machine runs, widest first."""
    if sys.platform != "linux":
        return ()
    machine = os.uname().machine
    if machine == "aarch64":
        return ("neon",)
    if machine == "x86_64":
        cpuinfo = Path("/proc/cpuinfo")
        text = cpuinfo.read_text(errors="replace") if cpuinfo.exists() else ""
        flags = set(next((line for line in text.splitlines() if line.startswith("flags")), "").split())
        return tuple(name for name, needed in X86_FLAGS.items() if needed <= flags)
    return ()


@cache
def instruction_set() -> str:
    """What kernels run on: "avx512", "avx2", "sse41", "neon", or "reference" (NumPy) where nothing compiled fits.

    The environment variable ANYLENS_INSTRUCTIONS chooses one of them, read once in a process. Raises Refusal for one
    that is unknown or that this machine or this installation does not have.
    """
    supported = supported_sets() if LIBRARY.exists() else ()
    chosen = os.environ.get("ANYLENS_INSTRUCTIONS", "")
    if not chosen:
        return supported[0] if supported else "reference"
    if chosen not in (*supported, "reference"):
        raise Refusal(
            f"ANYLENS_INSTRUCTIONS is {chosen!r}, which this installation on this machine cannot run; "
            f"choose from {', '.join((*supported, 'reference'))}, or unset it."
        )
    return chosen


class _Type(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _Dimension(ctypes.Structure):
    _fields_ = [
        ("min", ctypes.c_int32),
        ("extent", ctypes.c_int32),
        ("stride", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    ]


class _Buffer(ctypes.Structure):
    """Halide's halide_buffer_t."""

    _fields_ = [
        ("device", ctypes.c_uint64),
        ("device_interface", ctypes.c_void_p),
        ("host", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("type", _Type),
        ("dimensions", ctypes.c_int32),
        ("dim", ctypes.POINTER(_Dimension)),
        ("padding", ctypes.c_void_p),
    ]


_TYPES = {"f2": (2, 16, 1), "f4": (2, 32, 1), "u2": (1, 16, 1), "u1": (1, 8, 1), "i4": (0, 32, 1)}
"""Halide's kinds of numbers by NumPy's names of them, less the order of their bytes."""


def _buffer(array: Array, step: int, origin: tuple[int, int] = (0, 0)) -> _Buffer:
    """The array as Halide sees it: axes reversed, strides counted in elements, `step` of them along x.

    Its first pixel stands at `origin` (x, y).

    NumPy leaves the stride of an axis of one pixel to chance, Halide does not, so along x it is said here.
    """
    strides = step, *(stride // array.itemsize for stride in array.strides[-2::-1])
    firsts = (*origin, *(0,) * array.ndim)[: array.ndim]
    sizes = zip(firsts, array.shape[::-1], strides, (0,) * array.ndim, strict=True)
    dimensions = (_Dimension * array.ndim)(*sizes)  # type: ignore[misc]
    return _Buffer(0, None, array.ctypes.data, 0, _TYPES[array.dtype.str[1:]], array.ndim, dimensions, None)


def _steps(array: Array, step: int) -> bool:
    """Whether Halide can read the array where it stands, `step` elements from pixel to pixel along x."""
    item = array.itemsize
    along_x = array.shape[-1] == 1 or array.strides[-1] == step * item
    return along_x and array.flags.aligned and all(stride % item == 0 for stride in array.strides)


_REPORT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
_reports: deque[str] = deque(maxlen=8)
_loading = threading.Lock()


def _keep_report(_context: int | None, message: bytes) -> None:
    _reports.append(message.decode(errors="replace").strip())


_report = _REPORT(_keep_report)


def _keep_scratch() -> None:
    """Let the C library keep freed memory for the next kernel: fresh pages cost more than the work done in them."""
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        trim_threshold, mmap_threshold = -1, -3
        allocator.mallopt(mmap_threshold, 256 << 20)
        allocator.mallopt(trim_threshold, 512 << 20)


@cache
def share_memory() -> None:
    """Let all threads begun from now on take memory from one heap, so that each uses again what another has freed.

    For work that hands large arrays from thread to thread: by default every thread has a heap of its own, none of
    which holds an array of 64 MB, and such an array costs fresh pages each time.
    """
    _keep_scratch()
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        arena_max = -8
        allocator.mallopt(arena_max, 1)


def _sources() -> list[os.DirEntry[str]]:
    """Whatever the library is made of, by name."""
    folders = LIBRARY.parent, LIBRARY.parent / "passes"
    found = (entry for folder in folders for entry in os.scandir(folder) if entry.name.endswith((".py", ".c")))
    return sorted(found, key=lambda entry: entry.path)


def sources_symbol() -> str:
    """The C symbol that a library has which was made of the sources as they are now."""
    total = 0
    for entry in _sources():
        total = zlib.crc32(Path(entry).read_bytes(), total)
    return f"anylens_sources_{total:08x}"


def _refuse_older(library: ctypes.CDLL) -> None:
    """Raise Refusal for a library of other sources; these are read only where one of them is newer than it."""
    if not CHECKOUT.exists():
        return
    made = LIBRARY.stat().st_mtime
    if any(entry.stat().st_mtime > made for entry in _sources()) and not hasattr(library, sources_symbol()):
        raise Refusal(
            "The compiled kernels are older than their sources, so their pictures would be wrong; compile them again: "
            "python -m anylens.kernels.compile"
        )


@cache
def _load() -> ctypes.CDLL:
    _keep_scratch()
    library = ctypes.CDLL(str(LIBRARY))
    _refuse_older(library)
    library.halide_set_error_handler.argtypes = [_REPORT]
    library.halide_set_error_handler.restype = ctypes.c_void_p
    library.halide_set_error_handler(_report)
    return library


def plain_function(name: str) -> Any:
    """A function of the library that is not a kernel, as ctypes calls it, None where nothing compiled runs."""
    if instruction_set() == "reference":
        return None
    with _loading:
        return getattr(_load(), name, None)


class Kernel:
    """A compiled kernel as a function on arrays; the NumPy reference where it is not compiled.

    `module` is the name of the kernel's file as Python imports it.
    """

    def __init__(self, module: str, signature: Signature, reference: Callable[..., Any]) -> None:
        self.module = module
        self.signature = signature
        self._reference = reference
        self._bound: tuple[Any] | None = None

    @property
    def compiled(self) -> bool:
        """Whether machine code runs, and not the reference."""
        return self._function() is not None

    def __call__(self, *inputs: Array | float, out: Out, origin: tuple[int, int] = (0, 0)) -> Out:
        """Fill `out` from `inputs` (both in the signature's order) and return it.

        `out` may be a part of the result: the part that begins at `origin`, (x, y).

        Any number of threads may call at once; Halide's own threads share the work of each call. Raises ValueError
        for arrays that do not fit the signature or each other, MemoryError where there is no memory to work in.
        """
        outputs = out if isinstance(out, tuple) else (out,)
        wanted = self.signature
        if len(inputs) != len(wanted.inputs) or len(outputs) != len(wanted.outputs):
            raise ValueError(
                f"{self.module} takes {len(wanted.inputs)} inputs and fills {len(wanted.outputs)} outputs, "
                f"not {len(inputs)} and {len(outputs)}"
            )
        given = [self._input(argument, value) for argument, value in zip(wanted.inputs, inputs, strict=True)]
        for image, array in zip(wanted.outputs, outputs, strict=True):
            self._check_output(image, array)
        function = self._function()
        if function is None:
            self._refer(given, outputs, origin)
        else:
            self._run(function, given, outputs, origin)
        return out

    def _function(self) -> Any:
        if self._bound is None:
            instructions = instruction_set()
            function = None
            if instructions != "reference":
                with _loading:
                    library = _load()
                function = getattr(library, symbol(self.module, self.signature, instructions) + "_argv", None)
            self._bound = (function,)
        return self._bound[0]

    def _input(self, argument: Image | Scalar, value: Array | float) -> Array | ctypes.c_int32 | ctypes.c_float:
        if isinstance(argument, Scalar):
            if argument.type == "int32":
                return ctypes.c_int32(int(value))
            return ctypes.c_float(float(value))
        array = self._check(argument, value)
        return array if _steps(array, 1) else array.copy(order="C")

    def _check(self, image: Image, array: object) -> Array:
        import numpy as np

        if not isinstance(array, np.ndarray):
            raise ValueError(f"{image.name} of {self.module} must be an array, not {type(array).__name__}")
        if array.dtype != np.dtype(image.type) or array.ndim != image.dimensions or 0 in array.shape:
            raise ValueError(
                f"{image.name} of {self.module} must be {image.type} with {image.dimensions} axes and no empty one, "
                f"not {array.dtype} of {array.shape}"
            )
        return array

    def _check_output(self, image: Image, array: object) -> None:
        checked = self._check(image, array)
        if image.interleaved:
            laid_out = checked.shape[0] == 3 and checked.strides[0] == checked.itemsize and _steps(checked, 3)
        else:
            laid_out = _steps(checked, 1)
        if not laid_out or not checked.flags.writeable:
            layout = "a (3, H, W) view of (H, W, 3)" if image.interleaved else "contiguous along x"
            raise ValueError(f"{image.name} of {self.module} must be writeable and {layout}")

    def _run(self, function: Any, given: list[Any], outputs: tuple[Array, ...], origin: tuple[int, int]) -> None:
        arguments = [value if isinstance(value, SCALARS) else _buffer(value, 1) for value in given]
        for image, array in zip(self.signature.outputs, outputs, strict=True):
            arguments.append(_buffer(array, 3 if image.interleaved else 1, origin))
        addresses = (ctypes.c_void_p * len(arguments))(*(ctypes.addressof(argument) for argument in arguments))
        code = function(addresses)
        if code == OUT_OF_MEMORY:
            raise MemoryError(f"{self.module} found no memory to work in")
        if code != 0:
            raise ValueError(f"{self.module}: {_reports.pop() if _reports else f'failed with Halide code {code}'}")

    def _refer(self, given: list[Any], outputs: tuple[Array, ...], origin: tuple[int, int]) -> None:
        values = [value.value if isinstance(value, SCALARS) else value for value in given]
        results = self._reference(*values)
        for array, result in zip(outputs, results if isinstance(results, tuple) else (results,), strict=True):
            if array.ndim > 1:
                left, top = origin
                result = result[..., top : top + array.shape[-2], left : left + array.shape[-1]]
            if array.shape != result.shape:
                raise ValueError(f"{self.module} gives {result.shape} from these inputs, the output is {array.shape}")
            array[...] = result
