"""Rows of words in columns, as wide as the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from anylens.app.voice import one_line

WIDE, NARROW = 100, 20
GAP = "  "
_TIED = "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}"
"""A figure and its error are not torn apart."""


def columns() -> int:
    """How wide the terminal is; 100 where there is none. The environment variable COLUMNS is believed first."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or WIDE
    except (OSError, ValueError):
        return WIDE


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = (), foot: Sequence[str] = ()) -> str:
    """The rows below each other, `head` and `foot` set off by lines; the second column folds, others stand right."""
    whole = [[one_line(cell) for cell in row] for row in (*([head] if head else []), *rows, *([foot] if foot else []))]
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
    room = columns() - sum(widths) + widths[1] - len(GAP) * (len(widths) - 1)
    widths[1] = max(NARROW, min(widths[1], room))
    lines = ["\n".join(_lines(row, widths)) for row in whole]
    rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    if head:
        lines.insert(1, rule)
    if foot:
        lines.insert(-1, rule)
    return "\n".join(lines)


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    from textwrap import wrap

    name, text, *numbers = row
    folded = [part.replace(_TIED, " ± ") for part in wrap(text.replace(" ± ", _TIED), widths[1])] or [""]
    lines = [GAP.join((" " * widths[0], part.ljust(widths[1]))) for part in folded]
    lines[0] = name.ljust(widths[0]) + lines[0][widths[0] :]
    lines[-1] = GAP.join([lines[-1], *(cell.rjust(width) for cell, width in zip(numbers, widths[2:], strict=True))])
    return [line.rstrip() for line in lines]
