"""What the glass is, where its rings stand, and what was measured of it on a body."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from anylens.lens.model import Lens, Setting
from anylens.lens.passport_place import find_passport

if TYPE_CHECKING:
    from anylens.lens.passport import Passport, merged
    from anylens.lens.passport_file import read_passport

__all__ = ["Lens", "Passport", "Setting", "find_passport", "merged", "read_passport"]

_FROM = {"Passport": "passport", "merged": "passport", "read_passport": "passport_file"}
"""What only photos with a passport need is loaded when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module 'anylens.lens' has no attribute '{name}'")
    return getattr(importlib.import_module(f"anylens.lens.{_FROM[name]}"), name)
