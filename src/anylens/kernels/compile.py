"""Compiles every kernel file into one shared library: python -m anylens.kernels.compile."""

from __future__ import annotations

import argparse
import ast
import fcntl
import hashlib
import importlib
import importlib.metadata
import os
import pkgutil
import platform
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

import anylens.kernels
from anylens.kernels.library import CHECKOUT, LIBRARY, Out, sources_symbol
from anylens.kernels.signature import Image, Signature, symbol

if TYPE_CHECKING:
    import halide as hl

TARGETS = {
    "x86_64": {
        "avx512": "x86-64-linux-avx512-avx512_skylake-avx2-avx-f16c-fma-sse41",
        "avx2": "x86-64-linux-avx2-avx-f16c-fma-sse41",
        "sse41": "x86-64-linux-sse41",
    },
    "aarch64": {"neon": "arm-64-linux"},
}
GLIBC = "2.28"


def kernel_modules() -> list[str]:
    """The names of all modules under anylens.kernels that hold a kernel, sorted."""
    found = (module.name for module in pkgutil.walk_packages(anylens.kernels.__path__, "anylens.kernels."))
    names = [name for name in found if not name.endswith(LIBRARY.stem)]
    return sorted(name for name in names if hasattr(importlib.import_module(name), "SIGNATURE"))


def pipeline(module: ModuleType, target: hl.Target, *, scheduled: bool = True) -> tuple[hl.Pipeline, list[Any]]:
    """The kernel's algorithm as a Halide pipeline and its parameters in the signature's order.

    Not `scheduled`, every named stage but the outputs is computed whole, one after the other, and nothing is
    vectorized or parallel: slow, and obviously the algorithm.
    """
    import halide as hl

    signature: Signature = module.SIGNATURE
    types = _types()
    parameters: list[Any] = []
    inputs: list[Any] = []
    for argument in signature.inputs:
        if isinstance(argument, Image):
            image = hl.ImageParam(types[argument.type], argument.dimensions, argument.name)
            parameters.append(image)
            inputs.append(_extended(image, argument))
        else:
            number = hl.Param(types[argument.type], argument.name)
            parameters.append(number)
            inputs.append(hl.Expr(number))
    stages = module.algorithm(*inputs)
    funcs = _funcs(stages)
    outputs = funcs[-len(signature.outputs) :]
    for func, image in zip(outputs, signature.outputs, strict=True):
        if image.interleaved:
            buffer = func.output_buffer()
            buffer.dim(0).set_stride(3)
            buffer.dim(2).set_stride(1)
            buffer.dim(2).set_bounds(0, 3)
    if scheduled:
        module.schedule(stages, target)
    else:
        for func in funcs[: -len(outputs)]:
            if isinstance(func, hl.Func):
                func.compute_root()
    return hl.Pipeline(outputs), parameters


def _funcs(stages: Any) -> list[hl.Func]:
    """All stages in order, those of stages within stages too."""
    return [func for part in stages for func in _funcs(part)] if isinstance(stages, tuple | list) else [stages]


def _types() -> dict[str, Any]:
    import halide as hl

    return {
        "float16": hl.Float(16),
        "float32": hl.Float(32),
        "uint16": hl.UInt(16),
        "uint8": hl.UInt(8),
        "int32": hl.Int(32),
    }


def _extended(parameter: Any, image: Image) -> Any:
    """The image as a Func that is defined beyond its border as the signature says."""
    import halide as hl

    if image.edge == "none":
        func = hl.Func(image.name + "_in")
        places = [hl.Var() for _ in range(image.dimensions)]
        func[tuple(places)] = parameter[tuple(places)]
        return func
    border = {"repeat": hl.BoundaryConditions.repeat_edge, "mirror": hl.BoundaryConditions.mirror_interior}
    plane = [hl.Range(parameter.dim(axis).min(), parameter.dim(axis).extent()) for axis in (0, 1)]
    return border[image.edge](parameter, plane)


@cache
def _just_in_time(name: str, scheduled: bool) -> tuple[hl.Pipeline, list[Any], threading.Lock]:
    import halide as hl

    target = hl.get_jit_target_from_environment()
    return *pipeline(importlib.import_module(name), target, scheduled=scheduled), threading.Lock()


def jit(module: ModuleType, *inputs: Any, out: Out, scheduled: bool = True) -> Out:
    """Run a kernel compiled just in time, for people who write kernels: fills `out` and returns it.

    Takes the arguments of the module's `kernel`. Needs the halide package.
    """
    import halide as hl

    line, parameters, lock = _just_in_time(module.__name__, scheduled)
    signature: Signature = module.SIGNATURE
    arrays = out if isinstance(out, tuple) else (out,)
    buffers = [
        hl.Buffer.make_interleaved(_types()[image.type], array.shape[2], array.shape[1], 3)
        if image.interleaved
        else hl.Buffer(array)
        for image, array in zip(signature.outputs, arrays, strict=True)
    ]
    alive = [value.copy(order="C") if isinstance(value, np.ndarray) else value for value in inputs]
    with lock:
        for argument, parameter, value in zip(signature.inputs, parameters, alive, strict=True):
            parameter.set(hl.Buffer(value) if isinstance(argument, Image) else value)
        line.realize(buffers)
    for image, array, buffer in zip(signature.outputs, arrays, buffers, strict=True):
        if image.interleaved:
            array[...] = np.asarray(buffer)
    return out


class _WithoutWords(ast.NodeTransformer):
    """Takes docstrings out of a module; comments and layout are not in its tree."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node


def _fingerprint(name: str) -> str:
    """Changes whenever the object code of the kernel could, and not for words about it."""
    root = Path(anylens.kernels.__path__[0])
    digest = hashlib.sha256(importlib.metadata.version("halide").encode())
    waiting, seen = [name, "anylens.kernels.signature", "anylens.kernels.compile"], set[str]()
    while waiting:
        module = waiting.pop()
        path = root.joinpath(*module.split(".")[2:]).with_suffix(".py")
        if module in seen or module == "anylens.kernels.library" or not path.is_file():
            continue
        seen.add(module)
        tree = _WithoutWords().visit(ast.parse(path.read_bytes()))
        digest.update(f"{module}\0{ast.dump(tree)}\0".encode())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("anylens.kernels"):
                waiting.append(str(node.module))
                waiting.extend(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Import):
                waiting.extend(alias.name for alias in node.names if alias.name.startswith("anylens.kernels."))
    return digest.hexdigest()[:16]


def _compile(name: str, arch: str, objects: dict[str, Path]) -> float:
    """Compile one kernel for every instruction set of `arch`; gives the seconds that it took."""
    import halide as hl

    started = time.perf_counter()
    module = importlib.import_module(name)
    for instructions, path in objects.items():
        target = hl.Target(TARGETS[arch][instructions] + "-no_runtime")
        line, parameters = pipeline(module, target)
        function = symbol(name, module.SIGNATURE, instructions)
        code = line.compile_to_module(parameters, function, target, hl.LinkageType.ExternalPlusArgv)
        whole = path.with_suffix(".part")
        code.compile({hl.OutputFileType.object: str(whole)})
        whole.replace(path)
    return time.perf_counter() - started


def _link(objects: list[Path], arch: str, library: Path, folder: Path, sources: str) -> None:
    """One shared library out of all objects, with no C compiler on the machine: Zig brings linker and libc.

    It has the symbol `sources`, which tells what it was made of.
    """
    import halide as hl

    runtime = folder / f"runtime-{arch}.o"
    narrowest = list(TARGETS[arch].values())[-1]
    hl.compile_standalone_runtime({hl.OutputFileType.object: str(runtime)}, hl.Target(narrowest))
    exports = folder / "exports.map"
    exports.write_text("{ global: anylens_*; halide_set_error_handler; halide_set_num_threads; local: *; };\n")
    stamp = folder / "sources.c"
    stamp.write_text(f"const int {sources} = 0;\n")
    part = library.with_suffix(".part")
    command = [sys.executable, "-m", "ziglang", "cc", "-shared", "-s", "-target", f"{arch}-linux-gnu.{GLIBC}"]
    command += ["-O2", "-fPIC", "-fno-sanitize=undefined", f"-Wl,--version-script={exports}", "-o", str(part)]
    command += [*map(str, sorted(LIBRARY.parent.glob("*.c"))), str(stamp), *map(str, objects), str(runtime)]
    result = subprocess.run([*command, "-lpthread", "-ldl", "-lm"], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"linking the kernels failed: {result.stderr.strip()}")
    part.replace(library)


def build(folder: Path, arch: str, cache_folder: Path, only: str | None = None) -> list[str]:
    """Compile and link the kernels for `arch` into `folder`; objects of unchanged kernels come from the cache.

    With `only`, that kernel alone is compiled and nothing is linked. Gives the names of the kernels that do not
    compile, after printing why; the library then holds the others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources = sources_symbol()
    names = [name for name in kernel_modules() if only is None or name == f"anylens.kernels.{only}"]
    if not names:
        raise SystemExit(f"there is no kernel named {only}")
    objects: dict[str, dict[str, Path]] = {}
    for name in names:
        print_of = _fingerprint(name)
        short = name.removeprefix("anylens.kernels.")
        objects[name] = {each: cache_folder / f"{short}-{each}-{print_of}.o" for each in TARGETS[arch]}
    stale = [name for name, paths in objects.items() if not all(path.exists() for path in paths.values())]
    for name in stale:
        for instructions in TARGETS[arch]:
            for old in cache_folder.glob(f"{name.removeprefix('anylens.kernels.')}-{instructions}-*.o"):
                old.unlink()
    broken: list[str] = []
    with ProcessPoolExecutor(os.cpu_count() or 2, mp_context=get_context("spawn")) as pool:
        running = {name: pool.submit(_compile, name, arch, objects[name]) for name in stale}
        for name, future in running.items():
            try:
                print(f"{name}: {future.result():.1f} s", flush=True)
            except Exception as problem:
                traceback.print_exception(problem)
                broken.append(name)
    if only is None:
        whole = [path for name, paths in objects.items() if name not in broken for path in paths.values()]
        _link(whole, arch, folder / LIBRARY.name, cache_folder, sources)
        print(f"{folder / LIBRARY.name}: {len(names) - len(broken)} kernels for {', '.join(TARGETS[arch])}")
    return broken


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m anylens.kernels.compile", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=LIBRARY.parent, help="where the library goes")
    parser.add_argument("--arch", choices=TARGETS, default=platform.machine(), help="default: this machine's")
    parser.add_argument("--only", metavar="NAME", help="compile this kernel alone and do not link")
    parser.add_argument("--cache", type=Path, help="keeps objects of unchanged kernels; default: build/kernels-cache")
    asked = parser.parse_args()
    kept = asked.cache or (CHECKOUT.with_name("build") / "kernels-cache" if CHECKOUT.exists() else None)
    with tempfile.TemporaryDirectory() as scratch:
        objects = kept or Path(scratch)
        objects.mkdir(parents=True, exist_ok=True)
        with (objects / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            broken = build(asked.folder, asked.arch, objects, asked.only)
    if broken:
        raise SystemExit(f"these kernels do not compile: {', '.join(broken)}")


if __name__ == "__main__":
    main()
