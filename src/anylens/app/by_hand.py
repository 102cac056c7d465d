"""Saying by hand which lens is on the camera and where its rings stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anylens.app.quantities import distance_m, f_number, focal_mm
from anylens.record import record, replace
from anylens.refusal import Refusal

if TYPE_CHECKING:
    from argparse import Namespace

    from anylens.app.syntax import Syntax
    from anylens.frame import Facts
    from anylens.lens import Lens, Passport


@record(frozen=True, slots=True)
class Said:
    """What was said by hand: the lens, and its rings; None where nothing was.

    `assumed` says why the lens is taken to be this one where nobody named it for these files, "" where somebody did;
    such a lens stands only where a file names none.
    """

    lens: Lens | None = None
    f_number: float | None = None
    focal_mm: float | None = None
    focus_m: float | None = None
    assumed: str = ""


def lens_options(syntax: Syntax) -> None:
    """The options by which a lens is named, and where its rings stand."""
    syntax.add_argument("--lens", metavar="NAME", help="the lens, as summilux-m-50mm-f1.4-asph; see anylens lens list")
    syntax.add_argument("--aperture", type=f_number, metavar="N", help="the f-number that its ring stood at")
    syntax.add_argument("--distance", type=distance_m, metavar="M", help="the metres that its ring stood at, or inf")
    syntax.add_argument("--focal", type=focal_mm, metavar="MM", help="the focal length, for a lens that has several")


def said_in(given: Namespace, *, kept: bool = True, passport: Passport | None = None) -> Said | None:
    """What the options say; where they name no lens that of a given passport or, with `kept`, the one mounted.

    None where all that says nothing. Raises Refusal.
    """
    lens: Lens | None
    focal_mm, assumed = given.focal, ""
    if given.lens is not None:
        from anylens.app import mine

        lens = mine.card(given.lens, passport).lens
    elif passport is not None:
        lens, assumed = passport.lens, "whose passport was given"
    else:
        lens, assumed = _mounted() if kept else None, "kept as mounted"
    if lens is not None and lens.focal_mm is not None and focal_mm is not None and not assumed:
        shortest, longest = lens.focal_mm
        if not shortest <= focal_mm <= longest:
            raise Refusal(f"{lens.model} has no {focal_mm:g} mm; it has {shortest:g} to {longest:g}.")
    said = Said(lens, given.aperture, focal_mm, given.distance, assumed)
    return None if said == Said(assumed=assumed) else said


def held(facts: Facts, said: Said) -> Facts:
    """The facts of one exposure with what was said by hand; what contradicts the file is told in the notes."""
    from anylens.lens import Setting

    before, notes, old = facts.lens, list(facts.notes), facts.setting or Setting("hand")
    named = before is not None and before.model
    told = None if named and said.assumed else said.lens
    if told is not None and said.assumed:
        notes.append(f"The lens is taken to be {told.name}, {said.assumed}; the file names none.")
    elif told is not None and before is not None and named and not _one(before, told):
        notes.append(f"The file names the lens {before.name}, said by hand is {told.name}, which stands.")
    setting = facts.setting
    if told is not None or said.f_number or said.focal_mm or said.focus_m:
        focal_mm = said.focal_mm or single_focal(told) or old.focal_mm
        setting = Setting("hand", said.f_number or old.f_number, focal_mm, said.focus_m or old.focus_m)
    return replace(facts, lens=told or before, setting=setting, notes=tuple(notes))


def mounted(image: Any, said: Said) -> Any:
    """A frame, scene or burst whose facts hold what was said by hand; a burst's frames as they are read."""
    from anylens.frame import Burst

    if isinstance(image, Burst):
        return image.changed(lambda frame: mounted(frame, said))
    return replace(image, facts=held(image.facts, said))


def _mounted() -> Lens | None:
    from anylens.app import mine

    name = mine.mine().mounted
    if name is None:
        return None
    try:
        return mine.card(name).lens
    except Refusal as error:
        raise Refusal(
            f"{name} is kept as mounted but no longer in the catalogue; say anylens lens use none."
        ) from error


def single_focal(lens: Lens | None) -> float | None:
    """The focal length of a lens that has one."""
    return lens.focal_mm[0] if lens is not None and lens.focal_mm is not None and len(set(lens.focal_mm)) == 1 else None


def _one(a: Lens, b: Lens) -> bool:
    return a.model.casefold() == b.model.casefold() or (a.code is not None and a.code == b.code)
