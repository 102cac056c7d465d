"""Body: sensor and its modes, mount, screen and battery of one camera."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from anylens import toml
from anylens.record import field, record
from anylens.refusal import Refusal, near

_FOLDER = Path(__file__).parent


@record(frozen=True, slots=True)
class Mode:
    """One way to read the sensor.

    `sensor` names the silicon by its parameters, of which `joined` x `joined` neighbours of one colour are added up;
    width and height are what comes out. `fps` is the highest true rate, `interpolated_fps` the one that the maker
    names when frames are made up between true ones, `viewfinder` marks what is only looked at. `parts` says where
    energy goes: joules a shot for a still mode (`fps` 0), watts for film.
    """

    name: str
    about: str
    sensor: str
    width_px: int
    height_px: int
    joined: int = 1
    fps: float = 0.0
    interpolated_fps: float | None = None
    viewfinder: bool = False
    parts: tuple[tuple[str, float], ...] = ()

    @property
    def film(self) -> bool:
        """Whether the mode films; `parts` are watts then, joules a shot otherwise."""
        return self.fps > 0.0


@record(frozen=True, slots=True)
class Screen:
    """A camera's screen: its diagonal in inches, its pixels and how often a second it can change."""

    diagonal_in: float
    width_px: int
    height_px: int
    hz: float


@record(frozen=True, slots=True)
class Battery:
    """Capacity and nominal voltage, and the share of it that can be used before the camera switches off."""

    capacity_mah: float
    voltage_v: float
    usable: float = 1.0

    @property
    def joules(self) -> float:
        """What one charge gives."""
        return self.capacity_mah * 3.6 * self.voltage_v * self.usable


@record(frozen=True, slots=True)
class Body:
    """One camera: who made it, what it is called, which copy it is, and the mount that takes its lenses.

    What else is known of it comes from its own file: the first of `modes` is the usual one, `idle_w` is drawn while it
    waits with the screen on, `assumptions` are sentences about what nobody published.
    """

    maker: str
    model: str
    serial: str | None = None
    mount: str | None = None
    about: str = field(default="", repr=False)
    modes: tuple[Mode, ...] = field(default=(), repr=False)
    screen: Screen | None = field(default=None, repr=False)
    battery: Battery | None = field(default=None, repr=False)
    idle_w: float | None = field(default=None, repr=False)
    assumptions: tuple[str, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """Maker and model, the maker once where the model begins with it; by it a passport knows the body."""
        first = self.maker.split()[:1]
        known = first and self.model.casefold().split()[:1] == [first[0].casefold()]
        return self.model if known else f"{self.maker} {self.model}".strip()

    def mode(self, name: str | None = None) -> Mode:
        """The mode of that name, the usual one for None; Refusal lists the others."""
        if not self.modes:
            raise Refusal(f"Nothing is known of the modes of {self.model}; choose a body that has a file.")
        if name is None:
            return self.modes[0]
        for mode in self.modes:
            if mode.name == name:
                return mode
        raise Refusal(f"{self.model} has no mode '{name}'; it has {', '.join(mode.name for mode in self.modes)}.")

    def energy_j(self, mode: Mode) -> float:
        """Joules of one shot, or of a minute of film."""
        total = sum(amount for _, amount in mode.parts)
        return total * 60.0 if mode.film else total

    def per_charge(self, mode: Mode) -> float | None:
        """Shots, or minutes of film, of one charge; None where battery or energy are not known."""
        one = self.energy_j(mode)
        return self.battery.joules / one if self.battery is not None and one > 0.0 else None


@cache
def bodies() -> dict[str, str]:
    """What each body that has a file is, in one sentence, by its name."""
    return {name: body(name).about for name in _names()}


@cache
def body(name: str) -> Body:
    """The body whose file has that name, or begins with it where only one does; Refusal lists the near ones."""
    names = _names()
    found = [name] if name in names else [each for each in names if name and each.startswith(name)]
    if len(found) != 1:
        if found:
            raise Refusal(f"Several bodies begin with '{name}'; choose one of {', '.join(found)}.")
        raise Refusal(f"There is no body '{name}'; {near(name, names)}.")
    return parse_body(_FOLDER.joinpath(f"{found[0]}.toml").read_text("utf-8"))


def _names() -> list[str]:
    return sorted(each.stem for each in _FOLDER.glob("*.toml"))


def parse_body(text: str) -> Body:
    """The body that a TOML text (schema 1) describes; Refusal names the entry that is missing, misspelt or wrong."""
    table = toml.read(text, "the body file", _BODY)
    modes = tuple(map(_mode, table.tables("mode", _MODE)))
    if not modes:
        raise Refusal("The body file must have at least one [[mode]]; write the usual one first.")
    if len({mode.name for mode in modes}) < len(modes):
        raise Refusal("Two modes of the body file have one name; give each its own.")
    return Body(
        maker=table.text("maker"),
        model=table.text("model"),
        mount=table.text("mount", "") or None,
        about=table.text("about"),
        modes=modes,
        screen=_screen(table.table("screen", {"diagonal_in", "width_px", "height_px", "hz"})),
        battery=_battery(table.table("battery", {"capacity_mah", "voltage_v", "usable"})),
        idle_w=table.number("idle_w", 0.0, 1000.0) if "idle_w" in table else None,
        assumptions=table.texts("assumptions"),
    )


_BODY = {"maker", "model", "mount", "about", "sources", "assumptions", "mode", "screen", "battery", "idle_w"}
_MODE = {
    "name", "about", "sensor", "width_px", "height_px", "joined", "fps", "interpolated_fps", "viewfinder",
    "joules_a_shot", "watts",
}  # fmt: skip


def _screen(table: toml.Table | None) -> Screen | None:
    if table is None:
        return None
    return Screen(
        table.number("diagonal_in", 0.1, 100.0),
        table.whole("width_px", 1, 65535),
        table.whole("height_px", 1, 65535),
        table.number("hz", 1.0, 1000.0),
    )


def _battery(table: toml.Table | None) -> Battery | None:
    if table is None:
        return None
    return Battery(
        table.number("capacity_mah", 1.0, 1e6),
        table.number("voltage_v", 0.5, 100.0),
        table.number("usable", 0.01, 1.0, 1.0),
    )


def _mode(table: toml.Table) -> Mode:
    name, fps = table.text("name"), table.number("fps", 0.0, 1e5, 0.0)
    wrong, right = ("joules_a_shot", "watts") if fps else ("watts", "joules_a_shot")
    if wrong in table:
        raise Refusal(f"The mode {name} must give its energy as {right}, as it is {'film' if fps else 'still'}.")
    parts = table.table(right)
    return Mode(
        name=name,
        about=table.text("about"),
        sensor=table.text("sensor"),
        width_px=table.whole("width_px", 1, 65535),
        height_px=table.whole("height_px", 1, 65535),
        joined=table.whole("joined", 1, 16, 1),
        fps=fps,
        interpolated_fps=table.number("interpolated_fps", 1.0, 1e6) if "interpolated_fps" in table else None,
        viewfinder=table.entries.get("viewfinder", False) is True,
        parts=() if parts is None else tuple((part, parts.number(part, 0.0, 1e4)) for part in parts.entries),
    )
