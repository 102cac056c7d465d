"""Compiles the kernels while the wheel is built, so that nobody waits for them and nobody needs a compiler."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARY = "anylens/kernels/libanylens_kernels.so"
COMPILE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from anylens.kernels.compile import main; main()"


class CompileKernels(BuildHookInterface[Any]):
    """Puts the library of kernels into the wheel.

    ANYLENS_ARCH=aarch64 on an x86-64 machine builds the wheel for Linux on ARM, for which Halide has no package.
    """

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        here = platform.machine()
        arch = os.environ.get("ANYLENS_ARCH", here)
        if platform.system() != "Linux" or not all(map(importlib.util.find_spec, ("halide", "ziglang"))):
            self.app.display_warning(
                f"anylens: kernels cannot be compiled on {platform.system()} {here}; this wheel is pure Python "
                "and runs the NumPy references, which give the same pictures slowly."
            )
            return
        source = Path(self.root, "src")
        library = source / LIBRARY if arch == here else Path(self.root, "build", arch, Path(LIBRARY).name)
        subprocess.run([sys.executable, "-c", COMPILE, source, library.parent, "--arch", arch], check=True)
        if arch == here:
            build_data["artifacts"].append(f"src/{LIBRARY}")
        else:
            build_data["force_include"][str(library)] = LIBRARY
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_2_28_{arch}"
