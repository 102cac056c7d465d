"""What stands before and behind the virtual camera, and how its name says it."""

from __future__ import annotations

import math
from typing import Any

from anylens.record import fields, record
from anylens.refusal import Refusal

_MOST_SEED = (1 << 63) - 1
SETTINGS = {
    "body": "the camera's body, and mode= how its sensor is read",
    "sensor": "one of the twin's own sensors in place of a body's",
    "size": "only so much of the sensor's middle, as 640x480",
    "lens": "the lens, at aperture= its f-number, focused at distance= metres or inf",
    "plate": "millimetres of sapphire before the sensor",
    "tilt": "degrees by which the adapter leans to the right and down, as 0.1/0.05",
    "decentre": "millimetres by which the lens sits to the right and down, as 0.2/0",
    "subject": "metres to a flat scene that stands elsewhere than in focus",
    "scene": "what is before the lens; its own settings may be given beside: anylens shoot --list NAME tells them",
    "light": "what lights it",
    "hand": "tripod, tremor or gyro:FILE, whose movement amplitude= multiplies",
    "seed": "noise and tremor, copy= which copy of the sensor, arrangement= which of a scene made by chance",
    "temperature": "of the sensor in degrees C",
    "margin": "pixels of light formed beyond the sensor for the hand's movement",
    "detail": "values of light a pixel and side, 1 or 2: with 2 moved frames alias truly",
}
"""What a virtual camera's name can say, each key of it, in a sentence for who types it."""


@record(frozen=True, slots=True)
class Setup:
    """What stands before and behind the virtual camera; every field but `options`, the scene's own, is in `SETTINGS`.

    None stands for all of the mode's `size` (width, height in pixels), the lens's widest `aperture`, and a `subject`
    where the lens is focused. `distance` and `subject` are in m, `plate` and `decentre` (right, down) in mm, `tilt`
    (right, down) in degrees, `temperature` in degrees C. A `detail` of 2 takes 4 times the memory of 1. Raises Refusal
    for what cannot be.
    """

    body: str = "xiaomi-12s-ultra-concept"
    mode: str | None = None
    sensor: str | None = None
    size: tuple[int, int] | None = None
    lens: str = "summicron_50_f2_v5"
    aperture: float | None = None
    distance: float = 3.0
    subject: float | None = None
    plate: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)
    decentre: tuple[float, float] = (0.0, 0.0)
    scene: str = "white-wall"
    light: str = "d65"
    hand: str = "tripod"
    amplitude: float = 1.0
    margin: int = 64
    detail: int = 1
    seed: int = 0
    arrangement: int = 0
    copy: int = 1
    temperature: float = 25.0
    options: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not all(0 <= each <= _MOST_SEED for each in (self.seed, self.arrangement, self.copy)):
            raise Refusal(f"Seeds, arrangements and copies are whole numbers from 0 to {_MOST_SEED}; choose another.")
        if self.detail not in (1, 2):
            raise Refusal(f"Light of {self.detail} values a pixel is not formed; give a detail of 1 or 2.")
        if not 0 <= self.margin <= 2048:
            raise Refusal(f"A margin of {self.margin} pixels is not between 0 and 2048; choose another.")
        if not -60.0 <= self.temperature <= 100.0:
            raise Refusal(f"No sensor works at {self.temperature:g} degrees C; give -60 to 100.")
        if self.subject is not None and not self.subject > 0.0:
            raise Refusal(f"Nothing can stand {self.subject:g} m away; give a subject's distance above 0.")


OWN = tuple(each.name for each in fields(Setup) if each.name != "options")
"""The settings of every virtual camera, whatever its scene."""


def setup(text: str, **settings: Any) -> Setup:
    """What a text of `key=value` with commas between, and settings, say of a virtual camera; Refusal where unclear."""
    said: dict[str, Any] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise Refusal(f"'{part}' does not say key=value; write virtual:lens=...,scene=...,aperture=2.")
        key = key.strip().replace("-", "_")
        if key in said:
            raise Refusal(f"The camera's name says {key}= twice; say it once.")
        said[key] = value.strip()
    said |= {key: value for key, value in settings.items() if value is not None}
    chosen = {key: _meant(key, _written(key, value)) for key, value in said.items() if key in OWN}
    options = tuple(sorted((key, str(value)) for key, value in said.items() if key not in OWN))
    return Setup(**chosen, options=options)


def _written(key: str, value: Any) -> str:
    """A setting as a name would say it."""
    if isinstance(value, list | tuple):
        return ("x" if key == "size" else "/").join(map(str, value))
    return str(value)


def _meant(key: str, value: str) -> Any:
    match key:
        case "size":
            sides = value.lower().split("x")
            if len(sides) != 2 or not all(side.isdecimal() for side in sides):
                raise Refusal(f"The size '{value}' is not like 640x480; give width x height in pixels.")
            return int(sides[0]), int(sides[1])
        case "tilt" | "decentre":
            right, _, down = value.partition("/")
            return (_number(key, right, "0.1/0.05"), _number(key, down or "0", "0.1/0.05"))
        case "seed" | "arrangement" | "copy" | "margin" | "detail":
            if not value.isdecimal():
                raise Refusal(f"The {key} '{value}' is not a whole number of 0 or more; choose another.")
            return int(value)
        case "aperture":
            return _number(key, value.lower().removeprefix("f/"))
        case "distance" | "subject":
            return _number(key, value.removesuffix("m"))
        case "plate":
            return _number(key, value.removesuffix("mm"))
        case "amplitude" | "temperature":
            return _number(key, value)
    return value


def _number(key: str, value: str, such: str = "3") -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise Refusal(f"The {key} '{value}' is not a number; give one, as {such}.")
    return number
