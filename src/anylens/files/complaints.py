"""What decoders say on standard error: the only sign that LibRaw and libjpeg give of damaged pixels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_KNOWN = re.compile(rb"(?:.*: )?(unexpected end of file|data corrupted|corrupt jpeg data.*)", re.IGNORECASE)
_EARS = Lock()


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collects what decoders complain about meanwhile, known after the block's end; others' words are passed on.

    One file at a time, as standard error is the whole program's.
    """
    import tempfile

    heard: list[str] = []
    with _EARS, tempfile.TemporaryFile() as spill:
        try:
            kept = os.dup(2)
        except OSError:
            yield heard
            return
        os.dup2(spill.fileno(), 2)
        try:
            yield heard
        finally:
            os.dup2(kept, 2)
            spill.seek(0)
            for line in spill.read().splitlines(keepends=True):
                said = _KNOWN.match(line)
                if said:
                    heard.append(said[1].decode("ascii", "replace").lower())
                else:
                    os.write(kept, line)
            os.close(kept)
