"""`anylens looks`: what can be chosen and changed."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from anylens.app.syntax import Syntax
from anylens.app.table import table

if TYPE_CHECKING:
    from anylens.darkroom import Option


def options(syntax: Syntax) -> None:
    """Nothing but the name is typed."""
    syntax.usage = "anylens looks"


def run(_: Namespace) -> int:
    """List the looks, then every stage with its fields."""
    from anylens import darkroom

    print(table(list(darkroom.looks().items())))
    print("\nAny of them can be changed with --set:")
    rows: list[tuple[str, str]] = []
    for held in darkroom.options():
        if not rows or rows[-1][0].partition(".")[0] != held.stage:
            rows += [("", ""), (held.stage, _does(held))]
        rows.append((f"{held.stage}.{held.field}", _range(held)))
    print(table(rows))
    return 0


def _does(option: Option) -> str:
    """What the option's stage does and what its fields mean: the first paragraph of its docstring."""
    return " ".join(option.about.partition("\n\n")[0].replace("`", "").split())


def _range(option: Option) -> str:
    if option.choices:
        return f"{' or '.join(option.choices)}, usually {option.default}"
    if option.low is None or option.high is None:
        return f"{option.type}, usually {option.default}"
    return f"{option.low:g} to {option.high:g}, usually {option.default:g}"
