"""What a body's sensor is: its size and pitch, which its silicon knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anylens.body import Body, Mode


def sensor_of(name: str, mode: str | None = None) -> tuple[Body, Mode, tuple[float, float], float]:
    """Body, mode, the size in mm of what that mode reads, and the pitch in um of its pixels; Refusal for no such."""
    from anylens.body import body
    from anylens.twin.silicon import silicon

    found = body(name)
    how = found.mode(mode)
    pitch = silicon(how.sensor).pitch_um * how.joined
    return found, how, (how.width_px * pitch / 1000.0, how.height_px * pitch / 1000.0), pitch
