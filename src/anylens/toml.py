"""TOML files of ours: what an entry may be, and the sentence that refuses one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from anylens.refusal import Refusal

Numbers = tuple[float, ...]

_LARGEST = 1e300


def read(text: str, name: str, known: Collection[str]) -> Table:
    """The table of a whole TOML text of schema 1; `name` is what the file is called, as `the sensor file`.

    Raises Refusal for text that is no TOML, another schema, and entries that are not among the `known`.
    """
    import tomllib

    whole = name[0].upper() + name[1:]
    try:
        entries = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{whole} is not TOML: {error}; correct it there.") from error
    table = Table(entries, name, {"schema", *known})
    if entries.get("schema") != 1:
        raise Refusal(f"{whole} does not say schema = 1, the only one that exists; write it on its first line.")
    return table


def quoted(text: str) -> str:
    """A text as TOML writes it."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


class Table:
    """A table of a TOML file, read entry by entry; each method raises Refusal that names the entry and what it may be.

    Without a `default` an entry must be there.
    """

    def __init__(self, entries: Any, name: str, known: Collection[str] | None = None) -> None:
        if not isinstance(entries, dict):
            raise Refusal(f"{name[0].upper()}{name[1:]} must be a table; write it as one.")
        strange = sorted(set(entries) - set(known)) if known is not None else []
        if strange:
            raise Refusal(
                f"The entry '{strange[0]}' of {name} is not known; known are {', '.join(sorted(known or ()))}."
            )
        self.entries: dict[str, Any] = entries
        self._name = name

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def must(self, key: str, be: str) -> Refusal:
        """The refusal of an entry that is missing or wrong: it must be so."""
        return Refusal(f"{self._name[0].upper()}{self._name[1:]} must say {key} as {be}; correct it there.")

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not blank."""
        value = self.entries.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.must(key, "text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, () where it is not there."""
        value = self.entries.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.must(key, "a list of texts")
        return tuple(value)

    def number(self, key: str, least: float, most: float, default: float | None = None) -> float:
        """A number within these bounds."""
        value: Any = self.entries.get(key, default)
        if not _is_number(value) or not least <= value <= most:
            raise self.must(key, f"a number from {least:g} to {most:g}")
        return float(value)

    def whole(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number within these bounds."""
        value = self.entries.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.must(key, f"a whole number from {least} to {most}")
        return value

    def numbers(self, key: str, *counts: int) -> Numbers:
        """So many numbers, of which one may stand by itself."""
        value = self.entries.get(key)
        values = value if isinstance(value, list) else [value]
        if len(values) not in counts or not all(map(_is_number, values)):
            raise self.must(key, f"{' or '.join(map(str, counts))} numbers")
        return tuple(map(float, values))

    def rows(self, key: str, shape: tuple[int, int] | None = None) -> tuple[Numbers, ...]:
        """Rows of numbers, all of one length, or of the `shape` (rows, columns)."""
        value: Any = self.entries.get(key)
        good = isinstance(value, list) and value and all(isinstance(row, list) and row for row in value)
        sizes = {(len(value), len(row)) for row in value} if good else set()
        if len(sizes) != 1 or (shape is not None and sizes != {shape}):
            raise self.must(
                key, "rows of numbers of one length" if shape is None else f"{shape[0]} x {shape[1]} numbers"
            )
        if not all(_is_number(each) for row in value for each in row):
            raise self.must(key, "rows of numbers")
        return tuple(tuple(map(float, row)) for row in value)

    def table(self, key: str, known: Collection[str] | None = None) -> Table | None:
        """The table under this key, None where there is none."""
        return Table(self.entries[key], f"[{key}] of {self._name}", known) if key in self.entries else None

    def tables(self, key: str, known: Collection[str]) -> tuple[Table, ...]:
        """The list of tables under this key, () where there is none."""
        value = self.entries.get(key, [])
        if not isinstance(value, list):
            raise self.must(key, f"tables [[{key}]]")
        return tuple(Table(each, f"[[{key}]] of {self._name}", known) for each in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST
