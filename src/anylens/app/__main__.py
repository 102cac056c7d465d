"""The program `anylens`."""

from __future__ import annotations

import gc
import os
import sys

from anylens.app.standing_in import stand_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Kernels and the twin use all cores by themselves; threads of BLAS would only spin beside them."""

os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
"""Where a guest lends its free memory to its host, large pages are the ones that it must fetch back, at ms a MB."""

OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> int:
    """Run the command line on sys.argv and give its exit code: 0 all good, 1 some failed, 2 bad usage.

    Modules are no garbage: looking through them for some, while they load, would take a tenth of the time that
    starting takes. For some that are hardly asked for anything others stand in.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    stand_in()
    from anylens.app.command_line import run

    return run(sys.argv[1:])


def program() -> NoReturn:
    """Run `main` and end at once: all that is left is memory, which the system takes back faster than Python would.

    What is said goes nowhere where the shell has closed an output.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the end, no pathlib yet
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the end, no pathlib yet
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    program()
