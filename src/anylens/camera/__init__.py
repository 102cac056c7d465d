"""Cameras: shots in, frames out."""

from __future__ import annotations

from typing import Any

from anylens.camera.model import Camera
from anylens.refusal import Refusal, near

__all__ = ["Camera", "backends", "open"]

_BACKENDS = {
    "virtual": "the twin: a simulated body, lens and scene, as in virtual:lens=summicron_50_f2_v5,scene=white-wall",
    "folder": "the raw files of a folder in the order of their names, as in folder:raws/",
}


def backends() -> dict[str, str]:
    """What each kind of camera is, by the word before the colon."""
    return dict(_BACKENDS)


def open(name: str, **settings: Any) -> Camera:  # noqa: A001
    """The camera of that name, `virtual:...` or `folder:...`; `settings` say more than the name does and win over it.

    `virtual:` takes settings as `key=value` with commas between (see `camera.virtual`). Raises Refusal for kinds of
    camera that there are not and for settings that cannot be.
    """
    if not isinstance(name, str):
        raise Refusal(f"A camera is opened by its name and {name!r} is no text; give one, as 'folder:raws/'.")
    kind, colon, rest = name.partition(":")
    if colon and kind == "virtual":
        from anylens.camera.virtual import open_virtual

        return open_virtual(rest, **settings)
    if colon and kind == "folder":
        from anylens.camera.folder import Folder

        if settings:
            raise Refusal(f"A folder's raws were taken long ago, so {min(settings)} cannot be set; leave it out.")
        return Folder(rest)
    raise Refusal(f"There is no camera '{name}'; {near(f'{kind}:', [f'{each}:...' for each in _BACKENDS])}.")
