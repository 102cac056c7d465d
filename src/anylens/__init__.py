"""anylens: camera software for any lens, raw in and photo out.

photo = anylens.develop(anylens.read("a.dng"))
anylens.write(photo, "a.jpg")
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

TYPE_CHECKING = False
"""As `typing` has it, which takes longer to load than all that is used here."""

if TYPE_CHECKING:
    from typing import Any

    from anylens.body import Body
    from anylens.darkroom import Recipe, develop
    from anylens.darkroom.lookbook import look, looks
    from anylens.files import read, write
    from anylens.frame import Burst, Facts, Frame, Opcodes
    from anylens.image import Mosaic, Photo, Scene
    from anylens.lens import Lens, Passport, Setting
    from anylens.refusal import Refusal
    from anylens.sensor import Calibration, Noise, Sensor
    from anylens.shot import Shot, bracket

__all__ = [
    "Body",
    "Burst",
    "Calibration",
    "Facts",
    "Frame",
    "Lens",
    "Mosaic",
    "Noise",
    "Opcodes",
    "Passport",
    "Photo",
    "Recipe",
    "Refusal",
    "Scene",
    "Sensor",
    "Setting",
    "Shot",
    "__version__",
    "bracket",
    "develop",
    "look",
    "looks",
    "read",
    "write",
]

_ROOMS = {
    "body": ("Body",),
    "darkroom": ("Recipe", "develop", "look", "looks"),
    "files": ("read", "write"),
    "frame": ("Burst", "Facts", "Frame", "Opcodes"),
    "image": ("Mosaic", "Photo", "Scene"),
    "lens": ("Lens", "Passport", "Setting"),
    "refusal": ("Refusal",),
    "sensor": ("Calibration", "Noise", "Sensor"),
    "shot": ("Shot", "bracket"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _ROOM_OF:
        value = getattr(importlib.import_module(f"anylens.{_ROOM_OF[name]}"), name)
    elif name in _ROOMS or name in ("app", "camera", "color", "kernels"):
        value = importlib.import_module(f"anylens.{name}")
    else:
        raise AttributeError(f"module 'anylens' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
