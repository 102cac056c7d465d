"""The program `anylens`."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Kernels and the twin use all cores by themselves; threads of BLAS would only spin beside them."""


def main() -> int:
    """Run the command line on sys.argv and give its exit code: 0 all good, 1 some failed, 2 bad usage."""
    from anylens.app.command_line import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
