"""Whether two names mean one lens: makers, cameras and catalogues spell them differently."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from anylens.lens.model import Lens, plain

SAME = 0.03
"""Engraved figures are rounded."""
_SAID_BOTH = re.compile(
    r"(?:1\s*:\s*|f\s*/?\s*)?(\d+(?:[.,]\d+)?)\s*/\s*(\d+)(?:\s*mm)?(?![\d.])|(\d+)\s*/\s*(\d+[.,]\d+)"
)
_FOCAL = re.compile(r"(\d+(?:[.,]\d+)?)\s*mm")
_APERTURE = re.compile(r"(?:f\s*/?\s*|1\s*:\s*)(\d+(?:[.,]\d+)?)")
_GENERATION = re.compile(r"\(([ivx]+(?:\s*[,/]\s*[ivx]+)*)\)|\b(?:version|v\.?)\s*(\d)\b")
_MAKERS = {
    *("leica", "leitz", "ernst", "wetzlar", "canada", "camera", "ag", "carl", "zeiss", "voigtlander", "voigtländer"),
    *("cosina", "konica", "minolta", "nikon", "nippon", "kogaku", "canon"),
}
_NOISE = {"vm", "zm", "mm", "f", "lens", "l", "ltm"}
GENERATIONS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7}
"""Roman numerals, as catalogues number the versions of a lens."""


class Meaning(NamedTuple):
    """What a name says: its words without makers and mounts, focal length, f-number wide open, generations."""

    words: frozenset[str]
    focal_mm: float | None
    aperture: float | None
    generations: frozenset[int]


def alike(one: Lens, other: Lens) -> bool:
    """Whether two records mean the same model of lens, by their 6-bit codes or, where these are not known, their names.

    What only one of them says, its generation or aperture, is no difference; each word of a model is.
    """
    if one.code is not None and other.code is not None and one.code != other.code:
        return False
    if plain(f"{one.maker} {one.model}") == plain(f"{other.maker} {other.model}"):
        return True
    a, b = meaning(one), meaning(other)
    if a.words != b.words or not a.words:
        return False
    if a.generations and b.generations and not a.generations & b.generations:
        return False
    return _close(a.focal_mm, b.focal_mm) and _close(a.aperture, b.aperture)


def meaning(lens: Lens) -> Meaning:
    """What the names of a lens say, its own figures before those in the name."""
    text = lens.model.casefold()
    found: set[int] = set()
    for roman, number in _GENERATION.findall(text):
        found |= {GENERATIONS.get(each.strip(), 0) for each in re.split(r"[,/]", roman)} if roman else {int(number)}
    text = _GENERATION.sub(" ", text)
    focal, aperture = _first(_FOCAL, text), _first(_APERTURE, text)
    both = _SAID_BOTH.search(text)
    if both is not None and (focal is None or aperture is None):
        # "1:2/50" and "50/1.4": the focal length is the larger.
        pair = sorted(float(each.replace(",", ".")) for each in both.groups() if each)
        focal, aperture = pair[1] if focal is None else focal, pair[0] if aperture is None else aperture
    if lens.focal_mm is not None and lens.focal_mm[0] == lens.focal_mm[1]:
        focal = lens.focal_mm[0]
    if lens.max_aperture is not None and not math.isnan(lens.max_aperture[0]):
        aperture = lens.max_aperture[0]
    words = set(re.findall(r"[^\W\d_]+", text)) - _MAKERS - _NOISE - set(lens.maker.casefold().split())
    return Meaning(frozenset(words), focal, aperture, frozenset(found))


def _first(pattern: re.Pattern[str], text: str) -> float | None:
    found = pattern.search(text)
    return None if found is None else float(found.group(1).replace(",", "."))


def _close(one: float | None, other: float | None) -> bool:
    return one is None or other is None or abs(one - other) <= SAME * max(one, other)
