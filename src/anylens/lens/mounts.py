"""Mounts: how far from the sensor each holds its lens, and so which lens reaches which body."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from anylens.record import record
from anylens.refusal import Refusal, near

_FILE = Path(__file__).with_name("mounts.toml")


@record(frozen=True, slots=True)
class Mount:
    """A mount: its name and other names, its kind (rangefinder, SLR, mirrorless, cine), its flange distance in mm."""

    name: str
    kind: str
    flange_mm: float
    also: tuple[str, ...] = ()


@cache
def mounts() -> tuple[Mount, ...]:
    """All mounts of `mounts.toml`, in its order."""
    import tomllib

    held = tomllib.loads(_FILE.read_text("utf-8"))["mount"]
    return tuple(Mount(each["name"], each["kind"], each["flange_mm"], tuple(each.get("also", ()))) for each in held)


def mount(name: str) -> Mount:
    """The mount of that name or other name, whatever its capitals; Refusal lists the near ones."""
    spelt = {each.casefold(): held for held in mounts() for each in (held.name, *held.also)}
    found = spelt.get(name.strip().casefold())
    if found is None:
        names = [each for held in mounts() for each in (held.name, *held.also)]
        raise Refusal(f"There is no mount '{name}'; {near(name, names, 'anylens lens mounts')}.")
    return found


def adapter_mm(lens: str, body: str) -> float:
    """How long an adapter must be that lets a lens of one mount focus at infinity on a body of another.

    The difference of flange distances in mm: 0 where the mounts are one, negative where the lens would have to sit
    inside the body. Raises Refusal for a mount that is not known.
    """
    return round(mount(lens).flange_mm - mount(body).flange_mm, 4)
