"""Lens designs as their patents print them: one TOML file a design."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from anylens.refusal import Refusal, near

_FOLDER = files("anylens.twin.glass").joinpath("prescriptions")


@dataclass(frozen=True, slots=True)
class Surface:
    """One boundary: its shape, what follows it (`glass` None is air) and how far the next one is.

    A radius is positive when its centre lies behind the surface, light going to +z; inf is a plane. The sag at height
    h is c h^2 / (1 + sqrt(1 - (1 + conic) c^2 h^2)) + even[0] h^4 + even[1] h^6 + ..., c = 1 / radius.
    """

    radius_mm: float
    thickness_mm: float
    glass: str | None
    semi_diameter_mm: float
    stop: bool = False
    conic: float = 0.0
    even: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Focus:
    """A close state that the patent prints: `spacings` (surface number from 1, mm) replace what infinity has."""

    object_distance_mm: float
    spacings: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Prescription:
    """A lens design: facts of its patent, its surfaces from the object to the image (which is not listed)."""

    slug: str
    name: str
    kind: str
    focal_mm: float
    marked_focal_mm: float
    f_number: float
    image_circle_mm: float
    source: str
    example: str
    focus: Literal["unit", "floating"]
    surfaces: tuple[Surface, ...]
    close: Focus | None = None
    note: str = ""

    @property
    def stop(self) -> int:
        """Which surface is the aperture stop, counted from 0."""
        return next(at for at, surface in enumerate(self.surfaces) if surface.stop)

    @property
    def floats(self) -> bool:
        """Whether its groups move apart on the way to a printed close state; a lens without one moves as a whole."""
        return self.close is not None and any(number != len(self.surfaces) for number, _ in self.close.spacings)


@cache
def lenses() -> tuple[str, ...]:
    """The names of all designs, and `ideal`, a thin lens without aberrations (`ideal-35` has 35 mm, `ideal` 50)."""
    names = (item.name for item in _FOLDER.iterdir())
    return ("ideal", *sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def full_name(name: str) -> str:
    """The one lens whose name is or begins with `name`; Refusal with the near ones where none or several do."""
    known = lenses()
    asked = name.strip().lower().replace("-", "_").replace(" ", "_")
    if asked in known:
        return asked
    begun = [slug for slug in known if asked and slug.startswith(asked)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise Refusal(f"'{name}' is the beginning of several lenses: {', '.join(begun)}; type more of the one you mean")
    raise Refusal(f"There is no lens '{name}'; {near(asked, known, 'anylens shoot --list')}.")


def prescription(name: str) -> Prescription:
    """The design of that name, or the only one whose name begins so, or in a file of one's own that ends in .toml.

    Refusal names the near ones, or says what is wrong with the file.
    """
    if name.lower().endswith(".toml"):
        try:
            return parse_prescription(Path(name).read_text("utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            raise Refusal(f"the file {name} cannot be read as a lens; give the path of a prescription") from error
    return _shipped(full_name(name))


@cache
def _shipped(slug: str) -> Prescription:
    if slug == "ideal":
        raise Refusal("the ideal lens has no prescription; choose a lens with surfaces")
    return parse_prescription(_FOLDER.joinpath(f"{slug}.toml").read_text("utf-8"), slug)


def parse_prescription(text: str, slug: str) -> Prescription:
    """The design that a TOML text holds (the format is in twin/glass/README.md); Refusal says what is wrong with it."""
    try:
        table = tomllib.loads(text)
        if table["schema"] != 1:
            raise Refusal(f"the prescription '{slug}' has schema {table['schema']}; this anylens reads schema 1")
        surfaces = tuple(_surface(each) for each in table["surface"])
        states = [_focus(each) for each in table.get("focus_state", ())]
        made = Prescription(
            slug=slug,
            name=str(table["name"]),
            kind=str(table["kind"]),
            focal_mm=float(table["focal_mm"]),
            marked_focal_mm=float(table["marked_focal_mm"]),
            f_number=float(table["f_number"]),
            image_circle_mm=float(table["image_circle_mm"]),
            source=str(table["source"]),
            example=str(table["example"]),
            focus=table["focus"],
            surfaces=surfaces,
            close=states[0] if states else None,
            note=str(table.get("note", "")),
        )
    except tomllib.TOMLDecodeError as error:
        raise Refusal(f"the prescription '{slug}' is no TOML: {error}; correct that line") from error
    except KeyError as error:
        raise Refusal(f"the prescription '{slug}' lacks {error.args[0]}; add it as the other files have it") from error
    except (TypeError, ValueError) as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal(f"the prescription '{slug}' holds something that is no number: {error}; correct it") from error
    _check(made)
    return made


def _surface(table: Mapping[str, Any]) -> Surface:
    return Surface(
        radius_mm=float(table["radius_mm"]),
        thickness_mm=float(table["thickness_mm"]),
        glass=table.get("glass"),
        semi_diameter_mm=float(table["semi_diameter_mm"]),
        stop=bool(table.get("stop", False)),
        conic=float(table.get("conic", 0.0)),
        even=tuple(float(each) for each in table.get("even_coefficients", ())),
    )


def _focus(table: Mapping[str, Any]) -> Focus:
    spacings = tuple((int(number), float(mm)) for number, mm in table["spacings"].items())
    return Focus(float(table["object_distance_mm"]), spacings)


def _check(made: Prescription) -> None:
    if sum(surface.stop for surface in made.surfaces) != 1:
        raise Refusal(f"the prescription '{made.slug}' must mark exactly one surface as its stop; correct it")
    for number, surface in enumerate(made.surfaces, 1):
        sizes = (surface.semi_diameter_mm, abs(surface.radius_mm))
        if not all(size > 0 for size in sizes) or not math.isfinite(surface.thickness_mm):
            raise Refusal(
                f"surface {number} of the prescription '{made.slug}' cannot be: its radius must not be 0, its "
                "semi-diameter must be above 0, its thickness finite; correct it"
            )
    if made.surfaces[-1].glass is not None:
        raise Refusal(f"the prescription '{made.slug}' ends inside glass; its last surface must be followed by air")
    numbers = [number for number, _ in made.close.spacings] if made.close else []
    if any(not 1 <= number <= len(made.surfaces) for number in numbers):
        raise Refusal(
            f"the close state of the prescription '{made.slug}' names a surface that it does not have; correct it"
        )
