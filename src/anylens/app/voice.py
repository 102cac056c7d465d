"""What the program says when something fails: one line on stderr, whatever happened."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from anylens.refusal import Refusal

DEBUG = os.environ.get("ANYLENS_DEBUG", "") not in ("", "0")


class Usage(Exception):
    """A command that cannot be meant as it was typed; said in one sentence, exit code 2."""


def one_line(text: str) -> str:
    """The text without line breaks and control characters, so that no file name can forge a second line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def sentence(error: BaseException, path: Path | None = None) -> str:
    """One sentence for a failure: what, why, what to do; `path` is named where the error itself does not."""
    name = "" if path is None else f"{path}: "
    if isinstance(error, (Refusal, Usage)):
        said = str(error).removesuffix(".")
        return one_line(said if path is not None and path.name in said else name + said)
    if isinstance(error, MemoryError):
        return one_line(f"{name}there is not enough memory for it; close other programs or take a machine with more")
    if isinstance(error, OSError) and error.strerror:
        where = error.filename if error.filename is not None else path or "the output"
        return one_line(f"{where}: {error.strerror.lower()}; check the path, its permissions and the space left there")
    if DEBUG:
        traceback.print_exception(error, file=sys.stderr)
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return one_line(
        f"{name}anylens itself failed ({told}); please report it with the file (ANYLENS_DEBUG=1 shows where)"
    )


def complain(line: str) -> None:
    """Put one line on stderr."""
    sys.stderr.write(f"anylens: {line}\n")
    sys.stderr.flush()


def quiet_libraries() -> None:
    """Keep stderr for our own lines: what C libraries and warnings would print there is dropped.

    With ANYLENS_DEBUG=1 they may speak.
    """
    if DEBUG:
        return
    import warnings

    warnings.simplefilter("ignore")
    try:
        own = os.dup(2)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 2)
        os.close(silence)
    except OSError:
        return
    sys.stderr = os.fdopen(own, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
