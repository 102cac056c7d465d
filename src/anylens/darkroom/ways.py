"""Ways to develop a burst: what the light that it was taken in asks of the taste, and how its facts tell which."""

from __future__ import annotations

import math
from typing import Literal

from anylens.darkroom.recipe import Recipe, adjust
from anylens.darkroom.stages import STAGES
from anylens.frame import Facts
from anylens.record import record

Way = Literal["plain", "night", "hdr", "displayed"]

SETTINGS: dict[Way, tuple[str, ...]] = {
    "plain": (),
    "night": ("Expose.ev=-0.3", "Expose.auto=0.4", "Balance.warmth=0.3", "LocalTone.highlights=0.3"),
    "hdr": ("LocalTone.shadows=0.45", "LocalTone.highlights=0.5"),
    "displayed": (
        "Denoise.luma=0",
        "Denoise.chroma=0",
        "Expose.auto=0",
        "Tone.contrast=1",
        "Tone.white_ev=2.48",
        "Tone.room_ev=0",
        "Tone.black=0",
        "Sharpen.amount=0",
    ),
}
"""Night: the meter has two fifths of its say, lamps are held back and keep a part of their colour. HDR: both ends
of the light are brought nearer to the middle, textures kept. Displayed: finished pictures keep the tones they had."""

NIGHT_EV, LONG_S, USUAL_F_NUMBER, BRACKET_EV = 3.0, 1.0, 2.8, 0.8
"""Night is darker than a lit street (EV at ISO 100), or, where light sensitivity is not known, longer than a hand
holds still."""


@record(frozen=True, slots=True)
class Choice:
    """A way and the reason for it, a sentence."""

    way: Way
    why: str


def in_way(recipe: Recipe, way: Way) -> Recipe:
    """The recipe as a way asks for it; plain leaves it as it is."""
    for setting in SETTINGS[way]:
        recipe = adjust(recipe, setting, STAGES)
    return recipe


def way_of(facts: Facts, span_ev: float) -> Choice:
    """The way that frames with these facts want, whose exposures lie `span_ev` stops apart."""
    if facts.display_referred and span_ev < BRACKET_EV:
        return Choice("displayed", "The frames are finished pictures, so their tones are kept as they are.")
    if span_ev >= BRACKET_EV:
        return Choice("hdr", f"The exposures lie {span_ev:.1f} stops apart, so the way is hdr.")
    light = scene_ev(facts)
    if light is not None and light < NIGHT_EV:
        return Choice("night", f"The light was that of EV {light:.1f}, so the way is night.")
    if light is None and (facts.exposure_s or 0.0) >= LONG_S:
        return Choice("night", f"A frame was exposed for {facts.exposure_s:g} s, so the way is night.")
    return Choice("plain", "Exposures are alike and the light was no night's, so the way is plain.")


def scene_ev(facts: Facts) -> float | None:
    """The exposure value at ISO 100 that a shot was taken with (ISO 2720), f/2.8 where the lens does not say; or None.

    It is that of the light as far as the shot was exposed for it.
    """
    if not (facts.exposure_s and facts.iso):
        return None
    f_number = (facts.setting and facts.setting.f_number) or USUAL_F_NUMBER
    return math.log2(f_number**2 / facts.exposure_s) - math.log2(facts.iso / 100.0)
