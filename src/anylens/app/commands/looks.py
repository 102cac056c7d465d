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
    """List the looks, then every field."""
    from anylens import darkroom

    print(table(list(darkroom.looks().items())))
    print("\nAny of them can be changed with --set:\n")
    print(table([(f"{held.stage}.{held.field}", _range(held)) for held in darkroom.options()]))
    return 0


def _range(option: Option) -> str:
    if option.choices:
        return f"{' or '.join(option.choices)}, usually {option.default}"
    if option.low is None or option.high is None:
        return f"{option.type}, usually {option.default}"
    return f"{option.low:g} to {option.high:g}, usually {option.default:g}"
