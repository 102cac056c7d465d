"""Keep the golden pictures as they are now, with the reason why they changed.

python -m tests.golden.update --reason "Shadows are opened by local tone"
"""

from __future__ import annotations

import argparse
import hashlib
import re

from PIL import Image

from tests.golden.compare import compare
from tests.golden.pictures import FOLDER, Bytes, golden, names, place, rendered

REASONS = FOLDER / "REASONS.md"
_ENTRY = re.compile(r"^- ([a-z-]+\.png) ([0-9a-f]{16})", re.MULTILINE)
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)


def reasons() -> list[str]:
    """The reason of every change, oldest first."""
    return _HEADING.findall(REASONS.read_text("utf-8"))


def told() -> dict[str, str]:
    """File name -> checksum of the file that the last reason for it speaks of."""
    return dict(_ENTRY.findall(REASONS.read_text("utf-8")))


def kept() -> dict[str, str]:
    """File name -> checksum of the file that is there."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in sorted(FOLDER.glob("*.png"))}


def is_reason(reason: str) -> bool:
    """Whether it is one line of at least three words."""
    return len(reason.split()) >= 3 and reason.isprintable()


def _how_far(photo: Bytes, name: str) -> str | None:
    """How the photo differs from the one that is kept, None where that is not seen."""
    if not place(name).exists():
        return "new"
    old = golden(name)
    if old.shape != photo.shape:
        return f"another size, {photo.shape[2]} x {photo.shape[1]} px"
    found = compare(photo, old)
    return f"mean {found.mean:.2f}, largest {found.largest:.2f}" if found.seen else None


def update(reason: str) -> list[str]:
    """Rewrite the pictures that changed to the eye, add the reason; lines of how far each moved, in CIEDE2000."""
    lines = []
    for name in names():
        photo = rendered(name)
        far = _how_far(photo, name)
        if far is not None:
            Image.fromarray(photo.transpose(1, 2, 0)).save(place(name), optimize=True)
            lines.append(f"- {name}.png {kept()[f'{name}.png']} {far}")
    for path in FOLDER.glob("*.png"):
        if path.stem not in names():
            path.unlink()
    if lines:
        with REASONS.open("a", encoding="utf-8") as file:
            file.write("\n".join(("", f"## {reason}", "", *lines, "")))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.golden.update", description=__doc__)
    parser.add_argument("--reason", required=True, help="why the pictures change, in one line of three words or more")
    reason = parser.parse_args().reason.strip()
    if not is_reason(reason):
        parser.error("the reason must be one line of three words or more")
    print("\n".join(update(reason) or ["No picture has changed."]))


if __name__ == "__main__":
    main()
