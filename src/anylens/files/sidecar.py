"""The XMP sidecar beside a raw: what `anylens lens tag` wrote there of lens and rings is read with the raw."""

from __future__ import annotations

import os
from pathlib import Path

from anylens.files.xmp import lens_in, setting_source
from anylens.frame import Frame
from anylens.image import Scene
from anylens.lens import Setting
from anylens.record import replace

LONGEST = 1 << 20
"""Bytes of the longest sidecar that is looked at."""


def with_sidecar(image: Frame | Scene, path: str | os.PathLike[str]) -> Frame | Scene:
    """The image with lens and rings as its sidecar tells them by hand; unchanged where there is none that does.

    Sidecars of other programs copy what the file says, so only one that says `SettingSource` counts.
    """
    side = Path(path).with_suffix(".xmp")
    try:
        if not 0 < side.stat().st_size <= LONGEST:
            return image
        packet = side.read_bytes()
    except OSError:
        return image
    if setting_source(packet) != "hand":
        return image
    lens, said = lens_in(packet)
    old = image.facts.setting or Setting("hand")
    setting = Setting("hand", said.f_number or old.f_number, said.focal_mm or old.focal_mm, said.focus_m or old.focus_m)
    facts = replace(
        image.facts,
        lens=lens or image.facts.lens,
        setting=setting,
        notes=(*image.facts.notes, f"Lens and rings are told by {side.name}."),
    )
    return replace(image, facts=facts)
