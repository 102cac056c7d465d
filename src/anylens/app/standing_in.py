"""Modules that stand in for those of which NumPy and the command line only want what nobody here asks for.

Help, signatures, annotations, translations: to load what tells them takes a tenth of the time until the first pixel.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Given = Mapping[str, Any]


class StandIn(ModuleType):
    """A module that has what is `given`; for all else it loads the one that it stands in for, and leaves its place."""

    def __init__(self, name: str, given: Given) -> None:
        super().__init__(name)
        self.__dict__.update(given)
        self.__spec__ = type(sys.__spec__)(name, None)

    def __getattr__(self, name: str) -> Any:
        above, _, last = self.__name__.rpartition(".")
        if name == "__path__" and self.__name__ in PACKAGES:
            return [f"{each}/{last}" for each in sys.modules[above].__path__]
        if name.startswith("__"):
            raise AttributeError(f"what stands in for {self.__name__} has no {name}")
        _leave(self)
        return getattr(import_module(self.__name__), name)


def _itself(text: str) -> str:
    return text


ALWAYS: dict[str, Given] = {
    "gettext": {"gettext": _itself, "ngettext": lambda one, several, count: one if count == 1 else several},
    "ipaddress": {},
    "numpy._core._add_newdocs": {},
    "numpy._core._add_newdocs_scalars": {},
    "numpy._typing": dict.fromkeys(("ArrayLike", "DTypeLike", "NBitBase", "NDArray"), list),
    "numpy._typing._add_docstring": {"_docstrings": ""},
}
"""By name of the module, what is asked of it: translations of argparse, which speaks English here; addresses of URLs;
what NumPy's `help` says of its functions in C; and NumPy's names of types, of which `list` takes indices as well."""

PACKAGES = {"numpy._typing"}
"""Those of `ALWAYS` whose modules can be loaded without them."""

WHILE_NUMPY_LOADS: dict[str, Given] = {
    "inspect": {"cleandoc": _itself, "signature": lambda _: None},
    "pickle": {},
    "platform": {},
    "textwrap": {},
}
"""What others do ask for: NumPy alone is answered by these, and keeps them."""


def stand_in() -> None:
    """Let `ALWAYS` stand in for modules that are not loaded yet."""
    for name, given in ALWAYS.items():
        sys.modules.setdefault(name, StandIn(name, given))


def load_numpy() -> None:
    """Load NumPy, if it is not, with `WHILE_NUMPY_LOADS` in the place of modules that it would load with it."""
    standing = [StandIn(name, given) for name, given in WHILE_NUMPY_LOADS.items() if name not in sys.modules]
    sys.modules.update({module.__name__: module for module in standing})
    try:
        import numpy as np  # noqa: F401 - loaded for those who come after
    finally:
        for module in standing:
            _leave(module)


def _leave(module: StandIn) -> None:
    if sys.modules.get(module.__name__) is module:
        del sys.modules[module.__name__]
