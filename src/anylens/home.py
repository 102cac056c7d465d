"""Where the user's own things are kept: lenses, passports, dark frames."""

from __future__ import annotations

import os
from pathlib import Path


def own_folder() -> Path:
    """`$XDG_DATA_HOME/anylens`, by default ~/.local/share/anylens; it need not exist.

    A path that does not begin at the root is passed over, as the XDG Base Directory Specification asks.
    """
    said = os.environ.get("XDG_DATA_HOME", "")
    return (Path(said) if said.startswith("/") else Path.home() / ".local" / "share") / "anylens"
