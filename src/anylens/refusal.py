"""The one exception that is meant for people, and how it answers a name that is unknown."""

from __future__ import annotations

from collections.abc import Iterable

_SAID_WHOLE = 6
"""So many names are said one by one where none is near."""
_MOST_NEAR = 5


class Refusal(ValueError):
    """Something that anylens does not do, in one sentence: what, why, what to do."""


def near(name: str, known: Iterable[str], listed: str = "") -> str:
    """The end of a sentence that refuses a name: the known ones that hold it or are spelt like it.

    Where nothing is near, all of a few, or the command by which they are `listed`.
    """
    from difflib import get_close_matches

    names, asked = {each.casefold(): each for each in known}, name.strip().casefold()
    close = [each for each in names if asked and asked in each] + get_close_matches(asked, names, 3, 0.5)
    found = [names[each] for each in dict.fromkeys(close)][:_MOST_NEAR]
    if len(found) == 1:
        return f"the nearest is {found[0]}"
    if found:
        return f"the nearest are {_row(found)}"
    if len(names) <= _SAID_WHOLE:
        return f"choose from {_row(list(names.values()))}"
    return f"nothing is near{listed and f'; {listed} shows all'}"


def _row(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
