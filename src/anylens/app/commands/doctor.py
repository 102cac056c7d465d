"""What this installation is made of, and what could be added."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
from argparse import Namespace
from importlib.metadata import PackageNotFoundError, version

from anylens.app.syntax import Syntax
from anylens.app.table import table

OPTIONAL = (
    ("halide", "halide", "write and compile kernels of your own", "pip install halide==21.0.0 ziglang==0.17.1"),
    ("exiftool", None, "judge written metadata in the tests", "apt-get install libimage-exiftool-perl"),
)
"""(name, module or None for a program, what it is good for, how to install it)."""


def options(syntax: Syntax) -> None:
    """Nothing but the name is typed."""
    syntax.usage = "anylens doctor"


def run(_: Namespace) -> int:
    """Show the parts; 1 where one that is needed is missing."""
    rows = parts()
    print(table(rows))
    for name, good_for, install in missing():
        print(f"{name} is not installed; with it you could {good_for}: {install}")
    return int(any(state.startswith("missing") for _, state in rows))


def parts() -> list[tuple[str, str]]:
    """(what, version or state) of everything that anylens runs on."""
    from anylens import __version__

    return [
        ("anylens", __version__),
        ("Python", platform.python_version()),
        ("System", f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores"),
        ("NumPy", _version("numpy")),
        ("LibRaw", _libraw()),
        ("imagecodecs", _version("imagecodecs")),
        ("Kernels", _kernels()),
    ]


def missing() -> list[tuple[str, str, str]]:
    """(name, what it is good for, how to install it) of the optional parts that are not here."""
    return [
        (name, good_for, install)
        for name, module, good_for, install in OPTIONAL
        if (shutil.which(name) if module is None else importlib.util.find_spec(module)) is None
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return f"missing; install it with: pip install {package}"


def _libraw() -> str:
    if importlib.util.find_spec("rawpy") is None:
        return "missing; install it with: pip install rawpy"
    number = ".".join(map(str, importlib.import_module("rawpy").libraw_version))
    return f"{number} (rawpy {_version('rawpy')})"


def _kernels() -> str:
    from anylens.kernels.library import LIBRARY, X86_FLAGS, instruction_set, supported_sets

    in_use, supported = instruction_set(), supported_sets()
    if not LIBRARY.exists():
        return "NumPy references; this installation has no compiled kernels (slower, same photos)"
    held = X86_FLAGS if "neon" not in supported else ("neon",)
    return (
        f"{in_use} in use; compiled for {', '.join(held)}; this machine runs {', '.join(supported) or 'none of them'}"
    )
