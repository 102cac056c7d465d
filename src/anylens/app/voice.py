"""What the program says beside its results: one line on stderr for whatever fails, and a bar while one waits."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic

from anylens.refusal import Refusal

BAR_WIDTH = 40
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
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return one_line(
        f"{name}anylens itself failed ({told}); please report it with the file (ANYLENS_DEBUG=1 shows where)"
    )


def complain(line: str) -> None:
    """Put one line on stderr."""
    sys.stderr.write(f"anylens: {line}\n")
    sys.stderr.flush()


class Bar:
    """A line on the terminal that shows how much is done; lines said meanwhile stand above it."""

    def __init__(self, title: str, total: int, *, shown: bool) -> None:
        self._title, self._total, self._shown = title, total, shown
        self._done = 0
        self._begin = monotonic()
        self._lock = Lock()

    def advance(self) -> None:
        """One of the steps is done; may be called from any thread."""
        with self._lock:
            self._done += 1
            self._draw()

    def say(self, line: str) -> None:
        """Put a line on stdout."""
        with self._lock:
            self.clear()
            print(line, flush=self._shown)
            self._draw()

    def complain(self, line: str) -> None:
        """Put a line on stderr."""
        with self._lock:
            self.clear()
            complain(line)
            self._draw()

    def clear(self) -> None:
        """Leave the terminal as if there had been no bar."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _draw(self) -> None:
        if self._shown and 0 < self._done <= self._total:
            part = self._done / self._total
            left = (monotonic() - self._begin) * (1.0 / part - 1.0)
            filled = round(part * BAR_WIDTH)
            line = f"{self._title} {'━' * filled:{BAR_WIDTH}} {part:4.0%}, {left:.0f} s left"
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()


@contextmanager
def progress(title: str, total: int) -> Iterator[Bar]:
    """A bar of `total` steps, seen where stderr is a terminal and gone at the end."""
    bar = Bar(title, total, shown=sys.stderr.isatty())
    try:
        yield bar
    finally:
        bar.clear()


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
