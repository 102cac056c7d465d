"""`develop --watch`: raws beside their lens's passport, and one warning where they contradict it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anylens.darkroom.glass import Choice
    from anylens.frame import Facts, Frame
    from anylens.lab.seating import Seat
    from anylens.lab.specimen import Specimen

_COLORS = {"R": "red", "B": "blue"}


class Watch:
    """Holds raws against their passports, each by itself and in the end together; several threads may show it some."""

    def __init__(self) -> None:
        self._seats: dict[str, list[Seat]] = {}

    def warning(self, frame: Frame, name: str, choice: Choice) -> str | None:
        """The sentence that a raw contradicts its passport, with the figure, or that it has none; None where it agrees
        or tells nothing."""
        from anylens.darkroom.glass import with_passport
        from anylens.lab.specimen import of_image

        frame = with_passport(frame, choice)
        facts = frame.facts
        if facts.passport is None:
            return (
                "No passport is known of its lens on this camera, so nothing was watched; name one with --passport, or "
                "make one with anylens lens calibrate."
            )
        specimen = of_image(frame, name)
        said = _contradiction(specimen, facts)
        # Behind another lens or aperture things bend and blur otherwise, which says nothing of how it sits.
        if said is None and specimen.pitch_um is not None:
            from anylens.lab.recognition import focal_contradicted
            from anylens.lab.seating import seat

            level = facts.orientation < 5
            focal_mm = _focal_mm(facts)
            seen = seat(specimen, facts.passport, facts.setting, focal_mm, level)
            if seen.focal_mm is not None and focal_contradicted(seen.focal_mm, focal_mm):
                return (
                    f"Right angles in the picture tell a focal length of {seen.focal_mm} mm, where {focal_mm:g} mm is "
                    "said: it may be another lens (anylens lens identify tells which)."
                )
            self._seats.setdefault(facts.passport.whose, []).append(seen)
        return said

    def together(self) -> list[str]:
        """Sentences on lenses that seem to sit off centre or tilted, by all their pictures."""
        from anylens.lab.seating import askew, off_centre
        from anylens.lab.watching import CONTRADICTED

        said = []
        for whose, seats in self._seats.items():
            aside, tilted = off_centre(seats), askew(seats)
            if aside is not None and aside.errors >= CONTRADICTED:
                errors = min(aside.errors, 99.0)
                said.append(
                    f"Straight things bend about a place {aside.right_mm:+.2f} mm right and {aside.down_mm:+.2f} mm "
                    f"down of the lens's middle by the passport of {whose}, {errors:.0f} standard errors off: the lens "
                    "or its adapter may be seated off centre."
                )
            if tilted is not None:
                said.append(
                    f"{tilted.pictures} pictures of {whose} are softer towards the sensor's {tilted.soft} than behind "
                    f"a lens that sits square, as if tilted by {tilted.degrees:.1f} degrees or more: the lens or its "
                    "adapter may be seated askew."
                )
        return said


def _focal_mm(facts: Facts) -> float:
    """About how long the lens is."""
    for known in (facts.setting, facts.lens, None if facts.passport is None else facts.passport.lens):
        focal = None if known is None else known.focal_mm
        if focal is not None:
            return focal if isinstance(focal, float | int) else focal[0]
    records = () if facts.passport is None else facts.passport.geometry
    return records[0].focal_mm if records else 35.0


def _contradiction(specimen: Specimen, facts: Facts) -> str | None:
    """The same of one raw by its colours and its light."""
    from anylens.lab.watching import CONTRADICTED, departure, shaded

    assert facts.passport is not None
    setting = facts.setting
    f_number, focus_m = (None, None) if setting is None else (setting.f_number, setting.focus_m)
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
