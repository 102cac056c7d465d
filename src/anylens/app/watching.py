"""`develop --watch`: each raw beside its lens's passport, and one warning where they contradict each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anylens.darkroom.glass import Choice
    from anylens.frame import Frame

_COLORS = {"R": "red", "B": "blue"}


def warning(frame: Frame, name: str, choice: Choice) -> str | None:
    """The sentence that a raw contradicts its passport, with the figure; None where it agrees or tells nothing."""
    from anylens.darkroom.glass import with_passport
    from anylens.lab.specimen import of_image
    from anylens.lab.watching import CONTRADICTED, departure, shaded

    facts = with_passport(frame, choice).facts
    if facts.passport is None:
        return None
    setting = facts.setting
    f_number, focus_m = (None, None) if setting is None else (setting.f_number, setting.focus_m)
    specimen = of_image(frame, name)
    found = departure(specimen, facts.passport, f_number, focus_m)
    light = shaded(specimen, facts.passport, f_number, focus_m)
    errors, light_errors = (0.0 if each is None else each.errors for each in (found, light))
    if max(errors, light_errors) < CONTRADICTED:
        return None
    lens = facts.passport.lens
    if found is not None and errors >= light_errors:
        where = "beside green all over the picture" if found.aside else "outside of green in the corner"
        why = "the lens may be seated askew" if found.aside else "it may be another lens, or another aperture"
        off = f"{_COLORS[found.letter]} lies {found.seen_um} µm {where}, {found.said_um} µm by the passport"
    else:
        assert light is not None
        seen, said = (100.0 * math.exp(each.value) for each in (light.seen, light.said))
        why = "it may be another lens, or another aperture"
        off = f"light towards the corners is {seen:.0f} % of the middle's, {said:.0f} % by the passport"
    most = min(max(errors, light_errors), 99.0)
    return (
        f"The picture contradicts the passport of {lens.name} by {most:.0f} standard errors: {off}; {why} "
        "(anylens lens identify tells which)."
    )
