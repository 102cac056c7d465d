"""`develop --watch`: each raw beside its lens's passport, and one warning where they contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anylens.darkroom.glass import Choice
    from anylens.frame import Frame

_COLORS = {"R": "red", "B": "blue"}


def warning(frame: Frame, name: str, choice: Choice) -> str | None:
    """The sentence that a raw contradicts its passport, with the figure; None where it agrees or tells nothing."""
    from anylens.darkroom.glass import with_passport
    from anylens.lab.specimen import of_image
    from anylens.lab.watching import CONTRADICTED, departure

    facts = with_passport(frame, choice).facts
    if facts.passport is None:
        return None
    setting = facts.setting
    f_number, focus_m = (None, None) if setting is None else (setting.f_number, setting.focus_m)
    found = departure(of_image(frame, name), facts.passport, f_number, focus_m)
    if found is None or found.errors < CONTRADICTED:
        return None
    lens = facts.passport.lens
    where = "beside green all over the picture" if found.aside else "outside of green in the corner"
    why = "the lens may be seated askew" if found.aside else "it may be another lens, or another aperture"
    whose, errors = f"{lens.maker} {lens.model}".strip(), min(found.errors, 99.0)
    off = f"{_COLORS[found.letter]} lies {found.seen_um} µm {where}, {found.said_um} µm by the passport"
    return (
        f"The picture contradicts the passport of {whose} by {errors:.0f} "
        f"standard errors: {off}; {why} (anylens lens identify tells which)."
    )
