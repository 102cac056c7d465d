"""What the passport in an image's facts says at the image's own pixels; a section that is missing says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from anylens.frame import Facts, Frame
from anylens.image import Mosaic, Pixels, Scene
from anylens.lens import find_passport
from anylens.opcodes import cleared, moved_as_green
from anylens.record import record, replace

if TYPE_CHECKING:
    from typing import Literal

    from anylens.lens import Passport

Floats = npt.NDArray[np.float64]
OPCODES = {"vignetting": (3,), "geometry": (1, 2, 14), "lateral": (2, 14)}
"""The opcodes after demosaicing that undo the same as a section and go with it: FixVignetteRadial, and the warps. Of a
WarpRectilinear only what it does to lateral colour goes with that."""
_WORTH_SAYING = 0.9
"""The part of a blur from which on what is missing may be the scene's own: facades of sharp edges ask for 0.97."""

Image = TypeVar("Image", bound=Frame | Mosaic | Scene)
Choice: TypeAlias = "Passport | Literal['find', 'none']"


def with_passport(image: Image, choice: Choice) -> Image:
    """The image with its passport in its facts: the one given, none, or the one that is found by lens and body.

    A passport that is there already is found; for a scene none is looked for, since nobody knows what was done to it
    before. What was undone of the one given stays out of it. What does not fit together is said in the facts' notes.
    """
    facts = image.facts
    if choice == "none":
        return image if facts.passport is None else replace(image, facts=replace(facts, passport=None))
    if not isinstance(choice, str):
        if facts.passport is not None and not isinstance(image, Frame) and _left_of(choice, facts.passport):
            return image
        return _softened(replace(image, facts=_noted(replace(facts, passport=choice))))
    if isinstance(image, Scene) or facts.passport is not None or facts.lens is None or facts.body is None:
        return image
    found = find_passport(facts.lens, facts.body.name)
    return image if found is None else _softened(replace(image, facts=_noted(replace(facts, passport=found))))


@record(frozen=True, slots=True)
class Fitted:
    """What gives an image its passport, as a stage."""

    choice: Choice

    def __call__(self, image: Image) -> Image:
        return with_passport(image, self.choice)


def _softened(image: Image) -> Image:
    """The image, told how much of its passport's blur it can have."""
    if isinstance(image, Scene):
        return image
    from anylens.darkroom.softness import softness

    facts, part = image.facts, softness(image)
    if part < _WORTH_SAYING:
        at = "" if facts.setting is None or facts.setting.f_number is None else f" at f/{facts.setting.f_number:g}"
        note = (
            f"The picture is sharper than its passport lets the lens be{at}, so {100 * part:.0f} % of that blur is "
            "undone; say the aperture and the lens if they were others."
        )
        facts = replace(facts, notes=(*facts.notes, note))
    return replace(image, facts=replace(facts, softness=part))


def _left_of(whole: Passport, there: Passport) -> bool:
    """Whether one passport is the other, sections that were undone aside."""
    from anylens.lens.passport import SECTIONS

    undone: dict[str, Any] = {name: () for name in SECTIONS if not getattr(there, name)}
    return there == replace(whole, **undone)


def _noted(facts: Facts) -> Facts:
    from anylens.lens.names import alike
    from anylens.lens.passport import same, same_focal

    passport, notes = facts.passport, list(facts.notes)
    assert passport is not None
    whose = f"The passport is of {passport.whose}"
    if facts.sensor.pitch_um is None:
        pitch_um = passport.pitch_of(facts.active_shape)
        facts = replace(facts, sensor=replace(facts.sensor, pitch_um=pitch_um))
        if pitch_um is None:
            notes.append(
                "Neither the file nor the passport tells the distance of pixels in a picture of this size, so the "
                "passport could not be used; write pitch_um = ... above its [lens], in micrometres."
            )
    if facts.body is not None and not same(passport, passport.lens, facts.body.name):
        notes.append(f"{whose}, the picture is of {facts.body.name}; its figures may not hold there.")
    if facts.lens is not None and facts.lens.model and not alike(passport.lens, facts.lens):
        notes.append(f"{whose}, the picture says it was taken with {facts.lens.name}.")
    focal_mm = None if facts.setting is None else facts.setting.focal_mm
    if focal_mm and passport.focal_mm and not same_focal(focal_mm, passport.focal_mm):
        notes.append(
            f"{whose} at {passport.focal_mm:g} mm, the picture was taken at {focal_mm:g} mm; its figures may not hold."
        )
    keyed = [record for record in passport.vignetting if record.f_number is not None]
    if keyed and _setting(facts)[0] is None and len(keyed) == len(passport.vignetting):
        most = max(record.f_number or 0.0 for record in keyed)
        notes.append(f"The aperture is not known, so vignetting was evened out as at f/{most:g}; say it if you know.")
    return replace(facts, notes=tuple(dict.fromkeys(notes)))


def shading_gains(facts: Facts, shape: tuple[int, int], vignetting: float, color: float) -> Floats | None:
    """As `lens.correction.shading_gains`; None also where there is no passport, or no size of its pixels."""
    passport, pitch = facts.passport, facts.sensor.pitch_um
    if passport is None or pitch is None:
        return None
    from anylens.lens.correction import shading_gains as gains_of

    return gains_of(passport, _setting(facts), shape, pitch, vignetting, color)


def places_seen(facts: Facts, shape: tuple[int, int], geometry: float, lateral: float, fill: float) -> Floats | None:
    """As `lens.correction.places_seen`; where no passport speaks, what the file brings along, in its own scale."""
    passport, pitch, found = facts.passport, facts.sensor.pitch_um, None
    if passport is not None and pitch is not None:
        from anylens.lens.correction import places_seen as seen_of

        found = seen_of(passport, _setting(facts), shape, pitch, geometry, lateral, fill)
    if found is None and facts.opcodes.list3:
        from anylens.darkroom.brought import places_brought

        found = places_brought(facts.opcodes.list3, shape, geometry, lateral)
    return found


def colors_apart(facts: Facts, shape: tuple[int, int], lateral: float) -> tuple[Pixels, Pixels] | None:
    """Right of green's place and below it, in pixels, where red's and blue's light lies by the lens's passport.

    Where none speaks of it, by what the file brings along. (2, rows, columns) each, as `kernels.beside` takes them;
    None where nothing is apart, or so far or so unevenly as no lens for photographs parts it.
    """
    seen = places_seen(facts, shape, 0.0, lateral, 0.0)
    if seen is None:
        return None
    from anylens.kernels.beside import fits

    corners = np.moveaxis(seen[[0, 2]] - seen[1], 1, 0)
    sides = corners[..., 1:, :] + corners[..., :-1, :]
    across, down = ((sides[..., 1:] + sides[..., :-1]) / 4).astype(np.float32)
    return (across, down) if fits(across, down) else None


def without(facts: Facts, *sections: str) -> Facts:
    """The facts of light in which what these sections of the passport say has been undone, so that it is not again.

    The file's own opcodes for the same go with them: where no passport speaks, they were what was undone. A warp
    without its lateral colour stays for what it does to green.
    """
    passport = None if facts.sensor.pitch_um is None else facts.passport
    undone: dict[str, Any] = {name: () for name in sections if getattr(passport, name, ())}
    numbers = {number for name in sections for number in OPCODES.get(name, ())}
    opcodes = facts.opcodes
    if numbers and opcodes.list3:
        left = cleared(opcodes.list3, numbers)
        opcodes = replace(opcodes, list3=moved_as_green(left) if "lateral" in sections else left)
    return replace(facts, passport=facts.passport if passport is None else replace(passport, **undone), opcodes=opcodes)


def _setting(facts: Facts) -> tuple[float | None, float | None]:
    return (None, None) if facts.setting is None else (facts.setting.f_number, facts.setting.focus_m)
